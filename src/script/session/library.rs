//! The functions of a session, and the texts that define them: another thread can make them again
//! from these, for compiled functions do not go from one thread to another.

use rhai::{AST, Engine, ParseError, Scope};
use std::sync::Arc;

/// The functions of a session.
#[derive(Clone, Default)]
pub(in crate::script) struct Library {
    /// The functions, closures included, compiled.
    pub(in crate::script) ast: AST,
    /// The texts with functions, in the order in which they were run.
    texts: Vec<Arc<Text>>,
}

/// A text that defines functions.
#[derive(Debug)]
struct Text {
    /// How many lines of the session stand before it.
    before: usize,
    lines: String,
    /// The variables that there were: a closure captures those that it names.
    variables: Vec<String>,
}

impl Library {
    /// The library with the functions of a text, and the statements of that text. The text is
    /// preceded by as many newlines as the session has lines before it.
    pub(super) fn with(&self, ast: &AST, placed: &str, scope: &Scope) -> Self {
        let mut library = Self {
            ast: self.ast.merge(ast),
            texts: self.texts.clone(),
        };
        if ast.iter_functions().next().is_some() {
            let lines = placed.trim_start_matches('\n');
            library.texts.push(Arc::new(Text {
                before: placed.len() - lines.len(),
                lines: lines.to_owned(),
                variables: scope.iter_raw().map(|(name, ..)| name.to_owned()).collect(),
            }));
        }
        library
    }

    /// The texts, from which another thread can make the functions again.
    pub(super) fn recipe(&self) -> Recipe {
        Recipe(self.texts.clone())
    }
}

/// What a library is made from.
#[derive(Clone, Debug, Default)]
pub(super) struct Recipe(Vec<Arc<Text>>);

impl Recipe {
    /// Makes the functions, without the statements between them.
    ///
    /// # Errors
    /// If a text cannot be parsed, which it could in the session.
    pub(super) fn functions(&self, engine: &Engine) -> Result<AST, ParseError> {
        let mut all = AST::empty();
        for text in &self.0 {
            let mut scope = Scope::new();
            for name in &text.variables {
                scope.push(name.as_str(), ());
            }
            let placed = format!("{}{}", "\n".repeat(text.before), text.lines);
            all = all.merge(&engine.compile_with_scope(&scope, &placed)?);
            all.clear_statements();
        }
        Ok(all)
    }
}
