//! Programs that start with a function value of a script, and with variables from elsewhere.

use super::emulated;
use crate::compile::{Diagnostic, Entry, Script, compile};
use crate::kernel::fs::ProgramImage;
use rhai::{Dynamic, Engine, FnPtr, OptimizationLevel, Scope};

/// Evaluates a script whose value is a function, and compiles that function.
fn from_value(
    source: &str,
    variables: &[(String, Dynamic, bool)],
) -> Result<ProgramImage, Vec<Diagnostic>> {
    let _ = rhai::config::hashing::set_hashing_seed(Some([1, 2, 3, 4]));
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::None);
    let ast = engine.compile(source).unwrap();
    let mut scope = Scope::new();
    let value: FnPtr = engine.eval_ast_with_scope(&mut scope, &ast).unwrap();
    let script = Script {
        ast: &ast,
        source,
        source_name: "test.rhai",
        variables,
        constants: &|_| None,
        place: &|pos| format!("test.rhai:{pos:?}"),
    };
    compile(&script, &Entry::from(&value))
}

fn output(image: &ProgramImage) -> String {
    emulated::run(image).unwrap().0.output
}

#[test]
fn a_closure_begins_with_copies_of_what_it_captures() {
    let source = "let n = 40; let name = \"n\"; let list = [1, 2]; let on = true;\n\
                  let f = || { n += list[1]; print(name + \" = \" + n + on); };\nn += 0; f";
    let image = from_value(source, &[]).unwrap();
    assert_eq!(output(&image), "n = 42true\n");
    assert_eq!(&*image.debug.functions[1].name, "<closure 2:12>");
    assert!(
        image
            .debug
            .globals
            .iter()
            .any(|global| &*global.name == "n")
    );
}

#[test]
fn a_closure_uses_functions_and_constants_of_the_script() {
    let source =
        "const STEP = 3; let base = 1; fn twice(x) { x * 2 }\n|| { print(twice(STEP) + base); }";
    assert_eq!(output(&from_value(source, &[]).unwrap()), "7\n");
}

#[test]
fn a_named_function_is_an_entry_too() {
    let source = "fn main() { print(1); } Fn(\"main\")";
    assert_eq!(output(&from_value(source, &[]).unwrap()), "1\n");
}

#[test]
fn variables_of_a_session_are_known() {
    let variables = [
        ("count".to_owned(), Dynamic::from(5_i64), false),
        ("LIMIT".to_owned(), Dynamic::from(7_i64), true),
        ("odd".to_owned(), Dynamic::from(1.5_f64), false),
    ];
    let source = "fn main() { count += LIMIT; print(count); } Fn(\"main\")";
    assert_eq!(output(&from_value(source, &variables).unwrap()), "12\n");
    let source = "fn main() { print(odd); } Fn(\"main\")";
    let problems = from_value(source, &variables).unwrap_err();
    assert_eq!(
        problems[0].message,
        "`odd` is a variable of the script, not of the program"
    );
}

#[test]
fn what_cannot_be_captured_is_refused() {
    let problems = from_value("let x = 1.5; || { print(x); }", &[]).unwrap_err();
    assert_eq!(
        problems[0].message,
        "the value of `x` cannot be used in a program"
    );
}
