//! Values of C, by their types.

use super::variables::Shower;
use crate::abi::VirtAddr;
use crate::kernel::fs::{CShape, CType, Held};

/// How many elements of an array are shown.
const MAX_ELEMENTS: u32 = 16;
/// How many characters of a value are shown.
const MAX_TEXT: usize = 60;
/// How deep structures of structures are shown.
const MAX_DEPTH: u32 = 5;
/// How many values of a structure or an array are looked at; more than are shown.
const MAX_VALUES: u32 = 200;

/// The value of a variable of a type, by its number.
pub(super) fn c_value(shower: &Shower<'_>, of: u32, held: Held) -> String {
    let bytes = match held {
        Held::Word(word) => Bytes::Word(word.to_le_bytes()),
        Held::At(addr) => Bytes::At(addr),
    };
    let mut left = MAX_VALUES;
    cut(shower.value(of, bytes, MAX_DEPTH, &mut left))
}

/// A value that is not too long for a table.
fn cut(value: String) -> String {
    match value.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}..", &value[..end]),
        None => value,
    }
}

/// Where the bytes of a value are.
#[derive(Clone, Copy)]
enum Bytes {
    At(u32),
    Word([u8; 4]),
}

impl Bytes {
    /// Those of a part that begins so many bytes further on.
    fn at(self, offset: u32) -> Self {
        match self {
            Self::At(addr) => Self::At(addr.wrapping_add(offset)),
            Self::Word(mut bytes) => {
                bytes.rotate_left(offset as usize % 4);
                Self::Word(bytes)
            }
        }
    }
}

impl Shower<'_> {
    /// Takes one value from those left, and one for each of its parts.
    fn value(&self, of: u32, at: Bytes, depth: u32, left: &mut u32) -> String {
        let Some(fewer) = left.checked_sub(1) else {
            return "..".to_owned();
        };
        *left = fewer;
        let Some(of) = self.program.types.get(of as usize) else {
            return "?".to_owned();
        };
        match &of.shape {
            CShape::Struct(_) | CShape::Array(..) if depth == 0 => "{..}".to_owned(),
            CShape::Struct(members) => {
                let shown = members.iter().map(|member| {
                    let place = at.at(member.offset);
                    let value = match member.bits {
                        None => self.value(member.of, place, depth - 1, left),
                        Some((low, bits)) => self.bit_field(member.of, place, low, bits),
                    };
                    match &*member.name {
                        "" => value,
                        name => format!("{name} = {value}"),
                    }
                });
                format!("{{{}}}", shown.collect::<Vec<_>>().join(", "))
            }
            CShape::Array(element, len) => self.elements(*element, *len, at, depth, left),
            _ => match self.integer(of, at) {
                Some(value) => self.scalar(of, value),
                None => "not in memory".to_owned(),
            },
        }
    }

    fn elements(&self, element: u32, len: u32, at: Bytes, depth: u32, left: &mut u32) -> String {
        let Some(of) = self.program.types.get(element as usize) else {
            return "?".to_owned();
        };
        if let (CShape::Char, Bytes::At(addr)) = (&of.shape, at) {
            let text = self.string_at(addr);
            let most = len as usize;
            let text: String = text.chars().take(most).collect();
            return format!("{text:?}");
        }
        let shown = (0..len.min(MAX_ELEMENTS))
            .map(|i| self.value(element, at.at(i.wrapping_mul(of.size)), depth - 1, left));
        let more = if len > MAX_ELEMENTS { ", .." } else { "" };
        format!("[{}{more}]", shown.collect::<Vec<_>>().join(", "))
    }

    /// The bytes of a number, the low one first, as a number without sign.
    fn integer(&self, of: &CType, at: Bytes) -> Option<u128> {
        let size = of.size.min(12);
        let mut value = 0;
        for i in 0..size {
            let byte = match at {
                Bytes::At(addr) => {
                    let addr = VirtAddr(addr.wrapping_add(i));
                    self.machine.peek_byte(self.task, addr)?
                }
                Bytes::Word(word) => *word.get(i as usize)?,
            };
            value |= u128::from(byte) << (8 * i);
        }
        Some(value)
    }

    fn scalar(&self, of: &CType, value: u128) -> String {
        let word = value as u32;
        match &of.shape {
            CShape::Signed => signed(value, 8 * of.size.min(8)).to_string(),
            CShape::Unsigned => value.to_string(),
            CShape::Bool => (value != 0).to_string(),
            CShape::Char => match u8::try_from(value) {
                Ok(byte) if byte.is_ascii_graphic() || byte == b' ' => {
                    format!("{} {:?}", signed(value, 8), char::from(byte))
                }
                _ => signed(value, 8).to_string(),
            },
            CShape::Float => float(of.size, value),
            CShape::Enum(values) => {
                let number = signed(value, 8 * of.size.min(8));
                let named = values.iter().find(|(_, known)| *known == number);
                named.map_or_else(|| number.to_string(), |(name, _)| name.to_string())
            }
            CShape::Pointer(to) => self.pointer(*to, word),
            CShape::Function => self.function(word),
            CShape::Void | CShape::Array(..) | CShape::Struct(_) => "?".to_owned(),
        }
    }

    fn pointer(&self, to: u32, word: u32) -> String {
        let target = self.program.types.get(to as usize).map(|of| &of.shape);
        match (word, target) {
            (0, _) => "NULL".to_owned(),
            (_, Some(CShape::Char)) => format!("{word:#010x} {:?}", self.string_at(word)),
            (_, Some(CShape::Function)) => self.function(word),
            _ => format!("{word:#010x}"),
        }
    }

    fn bit_field(&self, of: u32, at: Bytes, low: u32, bits: u32) -> String {
        let Some(of) = self.program.types.get(of as usize) else {
            return "?".to_owned();
        };
        let Some(value) = self.integer(of, at) else {
            return "not in memory".to_owned();
        };
        let mask = (1u128 << bits.min(64)) - 1;
        let value = value.checked_shr(low).unwrap_or(0) & mask;
        match of.shape {
            CShape::Signed => signed(value, bits).to_string(),
            _ => self.scalar(of, value),
        }
    }
}

/// A number of so many bits with its sign.
fn signed(value: u128, bits: u32) -> i64 {
    let unused = 64 - bits.clamp(1, 64);
    (value as u64).wrapping_shl(unused).cast_signed() >> unused
}

fn float(size: u32, value: u128) -> String {
    match size {
        4 => f32::from_bits(value as u32).to_string(),
        8 => f64::from_bits(value as u64).to_string(),
        _ => extended(value).to_string(),
    }
}

/// An 80-bit number, as near as 64 bits allow.
fn extended(value: u128) -> f64 {
    let mantissa = value as u64;
    let exponent = (value >> 64 & 0x7fff) as i32;
    let sign = if value >> 79 & 1 == 0 { 1.0 } else { -1.0 };
    match (exponent, mantissa) {
        (0x7fff, m) if m << 1 == 0 => sign * f64::INFINITY,
        (0x7fff, _) => f64::NAN,
        (exponent, mantissa) => sign * mantissa as f64 * 2f64.powi(exponent - 16383 - 63),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::boot::Config;
    use crate::kernel::fs::{DebugInfo, Member};
    use crate::machine::Machine;

    /// Five structures within each other, each of 1000 members: a file may say so.
    #[test]
    fn no_type_takes_long_to_show() {
        let nested = (1..=5).map(|inner| CType {
            name: "struct".into(),
            size: 4000,
            shape: CShape::Struct(
                (0..1000)
                    .map(|_| Member {
                        name: "m".into(),
                        offset: 0,
                        of: inner,
                        bits: None,
                    })
                    .collect(),
            ),
        });
        let program = DebugInfo {
            types: nested.collect(),
            ..DebugInfo::default()
        };
        let machine = Machine::boot(Config::default()).unwrap();
        let task = machine.kernel.current();
        let shower = Shower {
            machine: &machine,
            task,
            program: &program,
        };
        let shown = c_value(&shower, 0, Held::At(0));
        assert!(shown.starts_with("{m = {m = {m = "), "{shown}");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(cut("x".repeat(MAX_TEXT)).len(), MAX_TEXT);
        let long = cut("ä".repeat(MAX_TEXT + 1));
        assert_eq!(long.chars().count(), MAX_TEXT + 2);
    }

    #[test]
    fn numbers_have_signs_of_their_width() {
        assert_eq!((signed(0xff, 8), signed(0x7f, 8)), (-1, 127));
        assert_eq!(signed(0xffff_ffff, 32), -1);
        assert_eq!((signed(0b101, 3), signed(0b011, 3)), (-3, 3));
    }

    #[test]
    fn long_doubles_are_shown_as_near_as_possible() {
        let one = 0x3fff_u128 << 64 | 1 << 63;
        assert_eq!(float(12, one), "1");
        assert_eq!(float(12, one | 1 << 79), "-1");
        assert_eq!(float(12, 0), "0");
    }
}
