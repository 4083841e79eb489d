//! Between registers and the formats of memory: single and double precision, integers, packed
//! decimal numbers.

use super::float80::{BIAS, Class, EXPONENT, F80, INTEGER, Unpacked};
use super::round::{Context, Exact, Format, Rounded};
use super::word::{C1, IE, PE};

/// A floating-point format in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hw::cpu) enum Short {
    Single,
    Double,
}

impl Short {
    const fn format(self) -> Format {
        match self {
            Self::Single => Format::SINGLE,
            Self::Double => Format::DOUBLE,
        }
    }

    /// Bits of the fraction, which has no integer bit.
    const fn fraction_bits(self) -> u32 {
        self.format().bits - 1
    }

    const fn exponent_field(self) -> u64 {
        (self.format().max as u64) << 1 | 1
    }

    const fn assemble(self, negative: bool, field: u64, fraction: u64) -> u64 {
        let bits = self.fraction_bits();
        let sign = match self {
            Self::Single => (negative as u64) << 31,
            Self::Double => (negative as u64) << 63,
        };
        sign | field << bits | fraction & ((1 << bits) - 1)
    }
}

impl Context {
    /// The value of a number in memory: exact, and a signalling NaN remains one. Numbers that are
    /// denormal in memory need not be in a register, so this is noted.
    pub(super) fn load(&mut self, bits: u64, short: Short) -> F80 {
        let (width, max) = (short.fraction_bits(), short.exponent_field());
        let negative = match short {
            Short::Single => bits >> 31 & 1 != 0,
            Short::Double => bits >> 63 != 0,
        };
        let (field, fraction) = (bits >> width & max, bits & ((1 << width) - 1));
        let left = fraction << (63 - width);
        let number = if field == max {
            F80::new(EXPONENT, INTEGER | left)
        } else if field != 0 {
            let exponent = field as i32 - short.format().max + BIAS;
            F80::new(exponent as u16, INTEGER | left)
        } else if fraction == 0 {
            F80::zero(negative)
        } else {
            self.from_denormal = true;
            let shift = left.leading_zeros();
            let exponent = short.format().min + BIAS - shift as i32;
            F80::new(exponent as u16, left << shift)
        };
        number.with_sign(negative)
    }

    /// A number for memory.
    pub(super) fn store(&mut self, a: F80, short: Short) -> u64 {
        let width = short.fraction_bits();
        let max = short.exponent_field();
        let nan = |nan: F80| {
            let fraction = nan.mantissa << 1 >> (64 - width);
            short.assemble(nan.is_negative(), max, fraction)
        };
        match a.class() {
            Class::Zero => short.assemble(a.is_negative(), 0, 0),
            Class::Infinite => short.assemble(a.is_negative(), max, 0),
            Class::QuietNan => nan(a),
            Class::SignalingNan => {
                self.raised |= IE;
                nan(a.quieted())
            }
            Class::Unsupported => nan(self.invalid()),
            Class::Normal | Class::Denormal => self.store_finite(a.unpack(), short),
        }
    }

    fn store_finite(&mut self, a: Unpacked, short: Short) -> u64 {
        let exact = Exact {
            negative: a.negative,
            exponent: a.exponent,
            high: a.significand,
            low: 0,
        };
        match self.round(exact, short.format()) {
            Rounded::Infinite => short.assemble(a.negative, short.exponent_field(), 0),
            Rounded::Finite {
                significand,
                exponent,
            } => {
                let is_normal = significand & INTEGER != 0;
                let field = if is_normal {
                    (exponent + short.format().max) as u64
                } else {
                    0
                };
                let fraction = significand >> (63 - short.fraction_bits());
                short.assemble(a.negative, field, fraction)
            }
        }
    }

    /// The integral value of a finite number, with the sign apart; `None` if it exceeds 64 bits.
    pub(super) fn integral(&mut self, a: Unpacked) -> Option<u64> {
        if a.significand == 0 {
            return Some(0);
        }
        if a.exponent > 63 {
            return None;
        }
        // The point moves to the middle of 128 bits.
        let by = (63 - a.exponent) as u32;
        let placed = u128::from(a.significand) << 64;
        let placed = super::round::shift_right_sticky(placed, by);
        let (whole, tail) = ((placed >> 64) as u64, placed as u64);
        let up = self.rounding.rounds_up(a.negative, whole & 1 != 0, tail);
        if tail != 0 {
            self.raised |= PE | if up { C1 } else { 0 };
        }
        whole.checked_add(up.into())
    }

    /// A signed integer of that many bits for memory; the integer indefinite, which is the smallest
    /// integer, if it does not fit.
    pub(super) fn store_integer(&mut self, a: F80, bits: u32) -> i64 {
        let indefinite = i64::MIN >> (64 - bits);
        let value = match a.class() {
            Class::Zero | Class::Normal | Class::Denormal => {
                let value = self.integral(a.unpack()).map(i128::from);
                value.map(|value| if a.is_negative() { -value } else { value })
            }
            _ => None,
        };
        let range = i128::from(indefinite)..=i128::from(!indefinite);
        match value.filter(|value| range.contains(value)) {
            Some(value) => value as i64,
            None => {
                self.raised = IE;
                indefinite
            }
        }
    }

    /// An integral value in a register.
    pub(super) fn round_to_integral(&mut self, a: F80) -> F80 {
        if let Some(nan) = self.nan_of(a) {
            return nan;
        }
        self.note_denormal(&[a]);
        let unpacked = a.unpack();
        if a.is_infinite() || a.is_zero() || unpacked.exponent >= 63 {
            return a;
        }
        let whole = self.integral(unpacked).unwrap_or_default();
        integer(a.is_negative(), whole)
    }

    /// 18 decimal digits and the sign, in ten bytes; the packed indefinite if it does not fit.
    pub(super) fn store_decimal(&mut self, a: F80) -> [u8; 10] {
        const LIMIT: u64 = 1_000_000_000_000_000_000;
        let value = match a.class() {
            Class::Zero | Class::Normal | Class::Denormal => self.integral(a.unpack()),
            _ => None,
        };
        let Some(mut rest) = value.filter(|value| *value < LIMIT) else {
            self.raised = IE;
            return [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];
        };
        let mut bytes = [0; 10];
        for byte in &mut bytes[..9] {
            *byte = ((rest / 10 % 10) << 4 | (rest % 10)) as u8;
            rest /= 100;
        }
        bytes[9] = u8::from(a.is_negative()) << 7;
        bytes
    }
}

/// An integer, with the sign apart, in a register: always exact.
pub(super) const fn integer(negative: bool, magnitude: u64) -> F80 {
    if magnitude == 0 {
        return F80::zero(negative);
    }
    let shift = magnitude.leading_zeros();
    let field = BIAS as u16 + 63 - shift as u16;
    F80::new(field, magnitude << shift).with_sign(negative)
}

/// The value of ten bytes with decimal digits.
pub(super) fn load_decimal(bytes: [u8; 10]) -> F80 {
    let digits = bytes[..9].iter().rev();
    let value = digits.fold(0u64, |value, byte| {
        value * 100 + u64::from(byte >> 4) * 10 + u64::from(byte & 15)
    });
    integer(bytes[9] & 0x80 != 0, value)
}
