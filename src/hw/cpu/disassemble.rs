//! Machine code as text, for views.

use super::fetch::OPTIONS;
use iced_x86::{Decoder, Formatter, IntelFormatter};

/// One instruction as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disassembled {
    /// Address of the instruction.
    pub addr: u32,
    /// Its length in bytes.
    pub len: u32,
    /// Its text in Intel syntax: `mov eax,[ebp-4]`.
    pub text: String,
}

/// Disassembles the bytes at an address. An invalid instruction is shown as `(bad)`, and
/// disassembly goes on with the next byte.
pub fn disassemble(bytes: &[u8], eip: u32) -> Vec<Disassembled> {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_small_hex_numbers_in_decimal(true);
    let mut lines = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let addr = eip.wrapping_add(at as u32);
        let rest = &bytes[at..];
        let mut decoder = Decoder::with_ip(32, rest, addr.into(), OPTIONS);
        let instruction = decoder.decode();
        let (len, text) = if instruction.is_invalid() {
            (1, "(bad)".to_owned())
        } else {
            let mut text = String::new();
            formatter.format(&instruction, &mut text);
            (instruction.len(), text)
        };
        lines.push(Disassembled {
            addr,
            len: len as u32,
            text,
        });
        at += len;
    }
    lines
}
