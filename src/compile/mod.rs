//! Programs: functions of a script, compiled to i386 machine code.
//!
//! Rhai's tree is converted to ours (`rhai_ast.rs`, `tree.rs`). A check resolves names and rejects
//! what is outside the dialect (`check/`, producing `checked.rs`). The result becomes machine code
//! with lines and variables (`gen/`). The part of the library (`library.rhai`, written in the
//! dialect itself) that a program uses is compiled with it. `docs/programs.md` describes the
//! dialect.

mod argument;
mod calls;
mod check;
mod checked;
mod r#gen;
mod rhai_ast;
mod semicolon;
mod tree;
mod types;

#[cfg(test)]
mod tests;

pub use calls::{SystemCall, system_call, system_calls};
pub use tree::{Diagnostic, Pos};

use crate::kernel::fs::ProgramImage;
use check::Sources;
use checked::Program;
use rhai::{AST, Dynamic, Engine, FnPtr, OptimizationLevel};
use rhai_ast::Functions;

/// The source of our library.
const LIBRARY: &str = include_str!("library.rhai");

/// The function that a program starts with.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Its name in the script engine.
    pub name: String,
    /// The values of its captured variables, in order: the program starts with copies.
    pub captured: Vec<Dynamic>,
}

impl Entry {
    /// A function given by name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            captured: Vec::new(),
        }
    }
}

impl From<&FnPtr> for Entry {
    fn from(pointer: &FnPtr) -> Self {
        Self {
            name: pointer.fn_name().to_owned(),
            captured: pointer.iter_curry().cloned().collect(),
        }
    }
}

/// A script that programs are compiled from.
pub struct Script<'a> {
    /// Its functions, and its top-level `let` and `const` statements.
    pub ast: &'a AST,
    /// Its text, which positions refer to.
    pub source: &'a str,
    /// The name of the text.
    pub source_name: &'a str,
    /// Variables known from elsewhere, such as earlier lines of a prompt: name, value, whether it
    /// is a constant. Top-level statements of the script take precedence.
    pub variables: &'a [(String, Dynamic, bool)],
    /// Looks up constants by name, such as `CLONE_VM`.
    pub constants: &'a dyn Fn(&str) -> Option<i64>,
    /// Names a position for the user of a program: `demo.rhai:4:5`.
    pub place: &'a dyn Fn(Pos) -> String,
}

/// Compiles a function of a script, and everything that it calls, to a program.
///
/// # Errors
/// All problems, in the order of the source.
pub fn compile(script: &Script<'_>, entry: &Entry) -> Result<ProgramImage, Vec<Diagnostic>> {
    let program = check_script(script, entry)?;
    r#gen::generate(&program, script.source_name, script.source).map_err(|error| {
        let message = format!("the machine code cannot be encoded: {error}");
        vec![Diagnostic::new(Pos::default(), message)]
    })
}

/// Checks a function of a script, and everything that it calls.
fn check_script(script: &Script<'_>, entry: &Entry) -> Result<Program, Vec<Diagnostic>> {
    let library = library()?;
    let functions = Functions::of_script(script.ast, script.source);
    let mut top_level = rhai_ast::variables(script.variables);
    top_level.extend(functions.top_level());
    let sources = Sources {
        script: functions,
        library: Functions::of_library(&library, LIBRARY),
        top_level,
        constants: script.constants,
        place: script.place,
    };
    check::check(sources, entry)
}

/// Our library as a tree.
fn library() -> Result<AST, Vec<Diagnostic>> {
    let mut engine = Engine::new_raw();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_expr_depths(0, 0);
    engine.compile(LIBRARY).map_err(|error| {
        let message = format!("the library cannot be read: {error}");
        vec![Diagnostic::new(Pos::default(), message)]
    })
}
