//! Tests of the compiler.

mod debug;
mod documents;
mod emulated;
mod entry;
mod eval;
mod features;
mod host;
mod listing;
mod random;
mod refusals;

use super::checked::Program;
use super::{Diagnostic, Entry, Script, check_script, compile};
use crate::abi;
use crate::kernel::fs::ProgramImage;
use rhai::{Engine, OptimizationLevel};

/// Calls `run` with a text as a script whose first function is `main`.
fn with_script<T>(source: &str, run: impl FnOnce(&Script<'_>, &Entry) -> T) -> T {
    let _ = rhai::config::hashing::set_hashing_seed(Some([1, 2, 3, 4]));
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_expr_depths(0, 0);
    let ast = engine
        .compile(source)
        .unwrap_or_else(|error| panic!("{error}\n{source}"));
    let constants = |name: &str| {
        let found = abi::constants().find(|constant| constant.name == name);
        found.map(|constant| constant.value)
    };
    let script = Script {
        ast: &ast,
        source,
        source_name: "test.rhai",
        variables: &[],
        constants: &constants,
        place: &|pos| format!("test.rhai:{pos:?}"),
    };
    run(&script, &Entry::named("main"))
}

fn try_compile(source: &str) -> Result<ProgramImage, Vec<Diagnostic>> {
    with_script(source, compile)
}

/// Checks a text only.
fn check_source(source: &str) -> Result<Program, Vec<Diagnostic>> {
    with_script(source, check_script)
}

/// Compiles a text that must be a valid program.
fn program(source: &str) -> ProgramImage {
    try_compile(source).unwrap_or_else(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}\n{source}", problems.join("\n"))
    })
}
