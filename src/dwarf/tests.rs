//! What is read from the DWARF of two compilers, and that damaged files are only refused.

use super::*;
use crate::kernel::fs::{CShape, Place, ValueKind};
use std::fmt::Write as _;

const SOURCE: &str = include_str!("../../tests/fixtures/dwarf/shapes.c");
const GCC: &[u8] = include_bytes!("../../tests/fixtures/dwarf/shapes.gcc");
const GCC_O1: &[u8] = include_bytes!("../../tests/fixtures/dwarf/shapes.gcc-O1");
const ZIG: &[u8] = include_bytes!("../../tests/fixtures/dwarf/shapes.zig");

fn read(elf: &[u8]) -> DebugInfo {
    debug_info(elf, &mut |name| {
        assert_eq!(name.rsplit('/').next(), Some("shapes.c"));
        Some(SOURCE.to_owned())
    })
}

/// A type in words, with its members.
fn in_words(debug: &DebugInfo, of: u32, depth: u32) -> String {
    let of = &debug.types[of as usize];
    match &of.shape {
        CShape::Struct(members) if depth > 0 => {
            let mut text = format!("{} {{", of.name);
            for member in &**members {
                let kind = in_words(debug, member.of, depth - 1);
                let bits = member
                    .bits
                    .map_or(String::new(), |(low, bits)| format!(":{low}+{bits}"));
                write!(text, " {}@{}{bits}: {kind};", member.name, member.offset).unwrap();
            }
            text + " }"
        }
        CShape::Array(element, len) => format!("{}[{len}]", in_words(debug, *element, depth)),
        CShape::Enum(values) => format!("{} {values:?}", of.name),
        _ => format!("{} ({})", of.name, of.size),
    }
}

fn global(debug: &DebugInfo, name: &str) -> String {
    let global = debug.globals.iter().find(|global| &*global.name == name);
    match global.unwrap().kind {
        ValueKind::C(of) => in_words(debug, of, 2),
        kind => format!("{kind:?}"),
    }
}

#[test]
fn both_compilers_tell_the_same_types() {
    for elf in [GCC, ZIG] {
        let debug = read(elf);
        assert_eq!(
            global(&debug, "first"),
            "struct shape { name@0: char (1)[8]; corner@8: struct point { x@0: int (4); \
             y@4: int (4); }[2]; colour@24: enum colour [(\"RED\", 0), (\"GREEN\", 5)]; \
             ready@28:0+1: unsigned int (4); count@28:1+5: unsigned int (4); \
             level@28:6+3: int (4); next@32: struct shape * (4); @36: union { number@0: int (4); \
             byte@0: char (1); }; }"
        );
        assert_eq!(global(&debug, "table"), "int (4)[3][2]");
        assert_eq!(global(&debug, "ratio"), "double (8)");
        assert_eq!(global(&debug, "text"), "char * (4)");
        assert_eq!(global(&debug, "chosen"), "function * (4)");
        assert_eq!(global(&debug, "calls"), "int (4)", "static in a function");
    }
}

#[test]
fn a_function_has_its_lines_and_its_variables() {
    for elf in [GCC, ZIG] {
        let debug = read(elf);
        let work = debug.function("work").unwrap();
        let body = debug.line_at(work.body).unwrap();
        let first = debug.source_line(body);
        assert!(["word sum = 0;", "calls++;"].contains(&first), "{first}");
        let names: Vec<&str> = work.locals.iter().map(|local| &*local.name).collect();
        assert_eq!(names, ["n", "of", "sum", "i", "square"]);
        let square = &work.locals[4];
        assert!(work.start < square.from && square.to < work.end);
        assert_eq!(debug.function_at(work.end - 1), Some(work));
    }
}

#[test]
fn without_optimisation_variables_are_in_the_frame() {
    for elf in [GCC, ZIG] {
        let debug = read(elf);
        let work = debug.function("work").unwrap();
        for local in &work.locals {
            let place = local.place;
            assert!(
                matches!(place, Place::Frame(_) | Place::Cfa(_)),
                "{} is at {place:?}",
                local.name
            );
        }
    }
}

#[test]
fn with_optimisation_they_move_between_registers() {
    let debug = read(GCC_O1);
    let work = debug.function("work").unwrap();
    let sums: Vec<_> = work
        .locals
        .iter()
        .filter(|local| &*local.name == "sum")
        .collect();
    assert!(
        sums.iter()
            .any(|sum| matches!(sum.place, Place::Register(_)))
    );
    assert!(
        sums.iter().any(|sum| sum.place == Place::Known(0)),
        "{sums:?}"
    );
}

#[test]
fn every_instruction_of_a_function_has_a_frame() {
    for elf in [GCC, GCC_O1] {
        let debug = read(elf);
        let work = debug.function("work").unwrap();
        let start = debug.frame_at(work.start).unwrap();
        assert_eq!(
            (start.cfa, start.ebp),
            ((4, 4), None),
            "only the return address is pushed"
        );
        for addr in work.start..work.end {
            assert!(debug.frame_at(addr).is_some(), "{addr:#x}");
        }
    }
}

#[test]
fn damaged_files_are_read_as_far_as_possible() {
    let mut dice = fastrand::Rng::with_seed(2612);
    for elf in [GCC, ZIG] {
        for _ in 0..300 {
            let mut damaged = elf.to_vec();
            for _ in 0..dice.usize(1..20) {
                let at = dice.usize(..damaged.len());
                damaged[at] = dice.u8(..);
            }
            damaged.truncate(dice.usize(..=damaged.len()));
            let debug = debug_info(&damaged, &mut |_| None);
            assert!(debug.lines.len() <= MAX_ENTRIES);
        }
    }
    assert_eq!(
        debug_info(b"not an ELF file", &mut |_| None),
        DebugInfo::default()
    );
}
