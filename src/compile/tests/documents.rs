//! The document that describes the dialect: all of its programs can be compiled.

use super::program;

#[test]
fn programs_in_the_document_can_be_compiled() {
    let document = include_str!("../../../docs/programs.md");
    let mut programs = 0;
    for block in document.split("```rhai\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        let statements;
        let source = if block.contains("fn main") {
            block
        } else {
            statements = format!("fn main() {{\n{block}\n}}");
            &statements
        };
        program(source);
        programs += 1;
    }
    assert!(programs >= 9, "{programs}");
}
