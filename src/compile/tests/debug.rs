//! The debug information of a program.

use super::program;
use crate::kernel::fs::{Place, ProgramImage, ValueKind};

const SOURCE: &str = "let total = 0;
let names = [1, 2, 3];
fn add(a, b) {
    let sum = a + b;
    total += sum;
    sum
}
fn main() {
    let flag = true;
    let values = [5, 6];
    for i in 0..10 {
        let inner = i * 2;
        add(inner, i);
    }
    let f = |x| { flag = false; x };
    f.call(1);
    if flag {
        print(\"yes\");
    }
}
";

fn text(image: &ProgramImage) -> String {
    let mut text = String::new();
    for function in &image.debug.functions {
        if function.name.starts_with(['a', 'm', '<', '_']) {
            text += &format!("{}\n", function.name);
            for local in &function.locals {
                let all = local.from <= function.body && local.to >= function.end;
                let scope = if all { "everywhere" } else { "in a part" };
                text += &format!(
                    "    {} {:?} {:?} {scope}\n",
                    local.name, local.kind, local.place
                );
            }
        }
    }
    for global in &image.debug.globals {
        text += &format!("{} {:?} {:x}\n", global.name, global.kind, global.addr);
    }
    text
}

#[test]
fn functions_variables_and_where_they_are() {
    insta::assert_snapshot!(text(&program(SOURCE)));
}

#[test]
fn tables_are_in_order_and_statements_have_lines() {
    let image = program(SOURCE);
    let debug = &image.debug;
    assert!(
        debug
            .lines
            .windows(2)
            .all(|pair| pair[0].addr < pair[1].addr)
    );
    assert!(
        debug
            .functions
            .windows(2)
            .all(|pair| pair[0].end <= pair[1].start)
    );
    let mut lines: Vec<u32> = debug
        .lines
        .iter()
        .filter(|entry| entry.statement)
        .map(|entry| entry.line)
        .collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines, [4, 5, 6, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20]);
    let add = debug.function("add").unwrap();
    assert_eq!(debug.line_at(add.body).map(|entry| entry.line), Some(4));
    assert!(
        debug
            .function_at(add.start)
            .is_some_and(|function| *function.name == *"add")
    );
    let param = &add.locals[0];
    assert_eq!((param.place, param.kind), (Place::Frame(8), ValueKind::Int));
    let write = debug.function("write").unwrap();
    assert_eq!(debug.line_at(write.start), None);
}

#[test]
fn the_same_source_gives_the_same_image() {
    assert_eq!(program(SOURCE), program(SOURCE));
}
