//! Machine code as text.

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

/// An instruction as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disassembled {
    /// Its address.
    pub addr: u32,
    /// Its length in bytes.
    pub len: u32,
    /// What it does, as `mov eax,[ebp-4]`.
    pub text: String,
}

/// The instructions in some bytes, the first of which lies at `addr`.
pub fn disassemble(bytes: &[u8], addr: u32) -> Vec<Disassembled> {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_branch_leading_zeros(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_show_branch_size(false);
    let mut as_text = |instruction: &Instruction| {
        let mut text = String::new();
        formatter.format(instruction, &mut text);
        Disassembled {
            addr: instruction.ip32(),
            len: instruction.len() as u32,
            text,
        }
    };
    Decoder::with_ip(32, bytes, u64::from(addr), DecoderOptions::NONE)
        .into_iter()
        .map(|instruction| as_text(&instruction))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_as_text() {
        let code = [
            0x55, 0x89, 0xe5, 0x8b, 0x45, 0xfc, 0x83, 0xc0, 0x2a, 0xeb, 0xf8, 0xcd, 0x80,
        ];
        let lines: Vec<String> = disassemble(&code, 0x0804_8000)
            .into_iter()
            .map(|found| format!("{:#x} {} {}", found.addr, found.len, found.text))
            .collect();
        assert_eq!(
            lines,
            [
                "0x8048000 1 push ebp",
                "0x8048001 2 mov ebp,esp",
                "0x8048003 3 mov eax,[ebp-4]",
                "0x8048006 3 add eax,0x2a",
                "0x8048009 2 jmp 0x8048003",
                "0x804800b 2 int 0x80",
            ]
        );
    }
}
