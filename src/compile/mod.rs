//! Programs: functions of a script, compiled to i386 machine code.
//!
//! The way goes from Rhai's tree to ours (`rhai_ast.rs`, `tree.rs`), through a check that resolves
//! names and refuses what is outside the dialect (`check/`, giving `checked.rs`), to machine code
//! with its lines and variables (`gen/`). A library in the dialect itself (`library.rhai`) is
//! compiled along as far as it is used. `docs/programs.md` describes the dialect.

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

/// What our library is written in.
const LIBRARY: &str = include_str!("library.rhai");

/// The function that a program begins with.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Its name, as the script engine has it.
    pub name: String,
    /// Values of the variables that it captures, in order: the program begins with copies.
    pub captured: Vec<Dynamic>,
}

impl Entry {
    /// A function by its name.
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

/// A script that programs are made from.
pub struct Script<'a> {
    /// Its functions, and its top-level `let` and `const` statements.
    pub ast: &'a AST,
    /// Its text: what positions count in.
    pub source: &'a str,
    /// The name of the text.
    pub source_name: &'a str,
    /// Variables that are known from elsewhere, as from earlier lines of a prompt: name, value,
    /// whether it is a constant. A top-level statement of the script goes before.
    pub variables: &'a [(String, Dynamic, bool)],
    /// Constants by name, as `CLONE_VM`.
    pub constants: &'a dyn Fn(&str) -> Option<i64>,
}

/// Compiles a function of a script, and all that it calls, to a program.
///
/// # Errors
/// Everything that keeps it from being a program, in the order of the source.
pub fn compile(script: &Script<'_>, entry: &Entry) -> Result<ProgramImage, Vec<Diagnostic>> {
    let program = check_script(script, entry)?;
    r#gen::generate(&program, script.source_name, script.source).map_err(|error| {
        let message = format!("the machine code cannot be encoded: {error}");
        vec![Diagnostic::new(Pos::default(), message)]
    })
}

/// Checks a function of a script, and all that it calls.
fn check_script(script: &Script<'_>, entry: &Entry) -> Result<Program, Vec<Diagnostic>> {
    let library = library()?;
    let functions = Functions::new(script.ast, script.source, false);
    let mut top_level = rhai_ast::variables(script.variables);
    top_level.extend(functions.top_level());
    let sources = Sources {
        script: functions,
        library: Functions::new(&library, LIBRARY, true),
        top_level,
        constants: script.constants,
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
