//! Tests of the compiler.

mod listing;

use super::{Diagnostic, Entry, Script, compile};
use crate::kernel::program::ProgramImage;
use rhai::{Engine, OptimizationLevel};

/// Compiles a text from its function `main`.
fn try_compile(source: &str) -> Result<ProgramImage, Vec<Diagnostic>> {
    let _ = rhai::config::hashing::set_hashing_seed(Some([1, 2, 3, 4]));
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_expr_depths(0, 0);
    let ast = engine.compile(source).unwrap();
    let constants = |name: &str| (name == "CLONE_VM").then_some(0x100);
    let script = Script {
        ast: &ast,
        source,
        source_name: "test.rhai",
        variables: &[],
        constants: &constants,
    };
    compile(&script, &Entry::named("main"))
}

/// Compiles a text that is a program.
fn program(source: &str) -> ProgramImage {
    try_compile(source).unwrap_or_else(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}\n{source}", problems.join("\n"))
    })
}
