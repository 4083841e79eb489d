//! Machine code as text, for views.

use super::fetch::OPTIONS;
use iced_x86::{CpuidFeature, Decoder, Formatter, IntelFormatter};

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

/// The extension of the instruction set that the first instruction of some bytes belongs to, if it is
/// one that this CPU lacks.
pub fn missing_extension(bytes: &[u8]) -> Option<&'static str> {
    let instruction = Decoder::new(32, bytes, OPTIONS).decode();
    let names = instruction.cpuid_features().iter().map(|feature| {
        Some(match feature {
            CpuidFeature::MMX => "MMX",
            CpuidFeature::SSE => "SSE",
            CpuidFeature::SSE2 => "SSE2",
            CpuidFeature::SSE3 => "SSE3",
            CpuidFeature::SSSE3 => "SSSE3",
            CpuidFeature::SSE4_1 | CpuidFeature::SSE4_2 => "SSE4",
            CpuidFeature::POPCNT => "POPCNT",
            CpuidFeature::AVX | CpuidFeature::AVX2 => "AVX",
            CpuidFeature::BMI1 | CpuidFeature::BMI2 => "BMI",
            CpuidFeature::FXSR => "FXSR",
            _ => return None,
        })
    });
    names.flatten().next()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_that_are_missing() {
        for (bytes, extension) in [
            (&[0x0f, 0x28, 0xc1][..], Some("SSE")),
            (&[0xf2, 0x0f, 0x58, 0xc1], Some("SSE2")),
            (&[0x0f, 0x77], Some("MMX")),
            (&[0x0f, 0xae, 0x00], Some("FXSR")),
            (&[0xdb, 0x08], Some("SSE3")),
            (&[0xd9, 0xe8], None),
            (&[0x0f, 0x0b], None),
            (&[0xff], None),
        ] {
            assert_eq!(missing_extension(bytes), extension, "{bytes:x?}");
        }
    }
}
