//! Functions of a script that hide built-in ones. Rhai calls them silently, whoever meant the
//! built-in function.

use super::document::Document;
use crate::script::help::function_docs;
use rhai::AST;

/// A function of a script that is called instead of a built-in one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Shadowing {
    /// The file in which it stands, if the prompt runs one.
    pub file: Option<String>,
    /// The line of the file, or else of the session, on which its body begins.
    pub line: usize,
    /// How the built-in function is called.
    pub signature: String,
}

/// The functions of a script that hide built-in ones, by line.
pub(super) fn shadowing(script: &AST, document: &Document) -> Vec<Shadowing> {
    let file = document.file();
    let lines_before = file.map_or(0, |_| document.before());
    let mut found: Vec<Shadowing> = script
        .iter_fn_def()
        .filter_map(|function| {
            Some(Shadowing {
                file: file.map(str::to_owned),
                line: function.body.start_position().line()? - lines_before,
                signature: hidden_by(&function.name, function.params.len())?.to_owned(),
            })
        })
        .collect();
    found.sort();
    found
}

/// The signature of the built-in function of that name that takes so many arguments.
fn hidden_by(name: &str, arguments: usize) -> Option<&'static str> {
    let docs = function_docs().iter();
    let mut same = docs.filter(|doc| doc.name == name && doc.is_called_by_name());
    same.find(|doc| arity(&doc.signature) == Some(arguments))
        .map(|doc| doc.signature.as_str())
}

/// The number of arguments in a signature; a property takes none, and is not called.
fn arity(signature: &str) -> Option<usize> {
    let (_, arguments) = signature.split_once('(')?;
    let arguments = arguments.trim_end_matches(')');
    Some(match arguments {
        "" => 0,
        list => list.split(',').count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhai::Engine;

    #[test]
    fn functions_of_the_same_name_and_number_of_arguments_hide_built_in_ones() {
        let script = "fn trace() { 7 }\nfn assert_eq(a, b) { }\nfn trace(a, b, c) { }\n\
                      fn fork() { }\nfn main() { }\nfn pid() { }\n";
        let ast = Engine::new().compile(script).unwrap();
        let told: Vec<(usize, String)> = shadowing(&ast, &Document::default())
            .into_iter()
            .map(|found| (found.line, found.signature))
            .collect();
        let told: Vec<(usize, &str)> = told.iter().map(|(line, what)| (*line, &**what)).collect();
        assert_eq!(
            told,
            [
                (1, "trace()"),
                (2, "assert_eq(left, right)"),
                (4, "task.fork()")
            ]
        );
    }
}
