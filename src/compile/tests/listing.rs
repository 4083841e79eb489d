//! Machine code as text, to keep it readable.

use super::program;
use crate::kernel::fs::{ProgramImage, TEXT_START};
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

/// The instructions of a function, with labels for addresses.
pub(super) fn listing(image: &ProgramImage, function: &str) -> String {
    let Some(function) = image.debug.function(function) else {
        panic!("no function {function}");
    };
    let from = (function.start - TEXT_START) as usize;
    let to = (function.end - TEXT_START) as usize;
    let code = &image.text[from..to];
    let mut decoder = Decoder::with_ip(32, code, function.start.into(), DecoderOptions::NONE);
    let mut formatter = IntelFormatter::new();
    formatter
        .options_mut()
        .set_space_after_operand_separator(true);
    let mut text = String::new();
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let mut line = String::new();
        formatter.format(&instruction, &mut line);
        let place = image.debug.line_at(instruction.ip32());
        let place = place.filter(|place| place.addr == instruction.ip32());
        let place = place.map_or(String::new(), |p| format!("  ; {}:{}", p.line, p.column));
        text += &format!("{:x}  {line}{place}\n", instruction.ip32());
    }
    text
}

#[test]
fn fib_is_tight() {
    let image = program(
        "fn fib(n) {\n    if n < 2 {\n        return n;\n    }\n    fib(n - 1) + fib(n - 2)\n}\n\
         fn main() {\n    fib(24)\n}\n",
    );
    insta::assert_snapshot!(listing(&image, "fib"));
}

#[test]
fn a_loop_of_adds_stays_in_registers() {
    let image = program(
        "fn main() {\n    let sum = 0;\n    for i in 0..1000 {\n        sum += i;\n    }\n    \
         let n = 10;\n    while n > 0 {\n        sum = sum + n * 3;\n        n -= 1;\n    }\n    \
         sum\n}\n",
    );
    insta::assert_snapshot!(listing(&image, "main"));
}

#[test]
fn printing_is_a_call() {
    let image =
        program("fn main() {\n    let x = 3;\n    print(\"x = \" + x);\n    print(\"done\");\n}\n");
    insta::assert_snapshot!(listing(&image, "main"));
    insta::assert_snapshot!(listing(&image, "_start"));
    insta::assert_snapshot!(listing(&image, "write"));
}
