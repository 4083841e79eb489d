//! Rounding of exact results to a format, with the exceptions that this raises.

use super::float80::{BIAS, EXPONENT, F80, INTEGER};
use super::word::{C1, DE, IE, OE, PE, UE, ZE};

/// The rounding control of the control word, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rounding {
    Nearest,
    Down,
    Up,
    Chop,
}

impl Rounding {
    pub(super) const fn of_control(control: u16) -> Self {
        match control >> 10 & 3 {
            0 => Self::Nearest,
            1 => Self::Down,
            2 => Self::Up,
            _ => Self::Chop,
        }
    }

    /// Whether a number is rounded away from zero. The tail is the part that does not fit, in units
    /// of 2^-64 of the last place.
    pub(super) const fn rounds_up(self, negative: bool, is_odd: bool, tail: u64) -> bool {
        const HALF: u64 = 1 << 63;
        match self {
            Self::Nearest => tail > HALF || tail == HALF && is_odd,
            Self::Down => negative && tail != 0,
            Self::Up => !negative && tail != 0,
            Self::Chop => false,
        }
    }
}

/// A format that numbers are rounded to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Format {
    /// Bits of the significand.
    pub(super) bits: u32,
    /// The exponents of the smallest and the largest normal number.
    pub(super) min: i32,
    pub(super) max: i32,
}

impl Format {
    pub(super) const SINGLE: Self = Self {
        bits: 24,
        min: -126,
        max: 127,
    };
    pub(super) const DOUBLE: Self = Self {
        bits: 53,
        min: -1022,
        max: 1023,
    };
    pub(super) const EXTENDED: Self = Self::extended(64);

    /// The format of registers, with the precision of the control word: it shortens the significand
    /// but not the exponent.
    pub(super) const fn extended(bits: u32) -> Self {
        Self {
            bits,
            min: 1 - BIAS,
            max: BIAS,
        }
    }
}

/// An exact nonzero result: its value is `high:low * 2^(exponent - 63)` with the point behind the
/// bits of `high`, whose bit 63 is set. What lies below `low` only matters as a bit that is set in
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exact {
    pub(super) negative: bool,
    pub(super) exponent: i32,
    pub(super) high: u64,
    pub(super) low: u64,
}

impl Exact {
    /// From a nonzero number whose bit 127 has the value `2^exponent`.
    pub(super) const fn new(negative: bool, exponent: i32, number: u128) -> Self {
        let shift = number.leading_zeros();
        let number = number << shift;
        Self {
            negative,
            exponent: exponent - shift as i32,
            high: (number >> 64) as u64,
            low: number as u64,
        }
    }

    /// Shifted to the right, where a bit that is lost remains as the lowest one.
    const fn denormalized(self, by: u32) -> (u64, u64) {
        let number = (self.high as u128) << 64 | self.low as u128;
        let number = shift_right_sticky(number, by);
        ((number >> 64) as u64, number as u64)
    }
}

/// Shifts to the right; the lowest bit of the result tells that bits were lost.
pub(super) const fn shift_right_sticky(number: u128, by: u32) -> u128 {
    if by == 0 {
        number
    } else if by > 127 {
        (number != 0) as u128
    } else {
        number >> by | (number << (128 - by) != 0) as u128
    }
}

/// A rounded number: bit 63 of the significand is clear if it is denormal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rounded {
    Finite { significand: u64, exponent: i32 },
    Infinite,
}

/// How an operation computes, and what it has raised so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) rounding: Rounding,
    /// The precision that the basic operations round to.
    pub(super) precision: u32,
    /// The exceptions that are masked.
    pub(super) masks: u16,
    /// Exception flags, and C1 for a number that was rounded away from zero.
    pub(super) raised: u16,
    /// Whether an operand was denormal in memory.
    pub(super) from_denormal: bool,
}

/// What unmasked overflow and underflow change the exponent by, so that the handler can find the
/// exact result.
const WRAP: i32 = 24576;

impl Context {
    pub(super) const fn new(control: u16) -> Self {
        Self {
            rounding: Rounding::of_control(control),
            precision: match control >> 8 & 3 {
                0 => 24,
                2 => 53,
                _ => 64,
            },
            masks: control & 0x3f,
            raised: 0,
            from_denormal: false,
        }
    }

    /// Whether an exception was raised that is not masked.
    pub(super) const fn is_unmasked(&self, flags: u16) -> bool {
        self.raised & !self.masks & flags != 0
    }

    /// Whether an exception was raised that prevents the operation: no operand is changed.
    pub(super) const fn is_prevented(&self) -> bool {
        self.is_unmasked(IE | DE | ZE)
    }

    /// An operation that is prevented by a denormal operand has no other result.
    pub(super) const fn settle(&mut self) {
        if self.is_prevented() {
            self.raised &= IE | DE | ZE;
        }
    }

    pub(super) const fn invalid(&mut self) -> F80 {
        self.raised |= IE;
        F80::INDEFINITE
    }

    /// Rounds a significand to the format's bits. Returns it, whether it has overflowed to the next
    /// exponent, whether it is inexact and whether it was rounded up.
    const fn round_bits(&self, negative: bool, high: u64, low: u64, bits: u32) -> RoundedBits {
        let shift = 64 - bits;
        let (unit, tail) = if shift == 0 {
            (1, low)
        } else {
            (1 << shift, high << bits | (low != 0) as u64)
        };
        let kept = high & !(unit - 1);
        let up = self.rounding.rounds_up(negative, kept & unit != 0, tail);
        let (significand, carried) = kept.overflowing_add(if up { unit } else { 0 });
        RoundedBits {
            significand: if carried { INTEGER } else { significand },
            carried,
            inexact: tail != 0,
            up,
        }
    }

    const fn note_inexact(&mut self, rounded: &RoundedBits) {
        if rounded.inexact {
            self.raised |= PE;
            self.raised &= !C1;
            if rounded.up {
                self.raised |= C1;
            }
        }
    }

    /// Rounds to a format, with the masked responses to overflow and underflow.
    pub(super) const fn round(&mut self, exact: Exact, format: Format) -> Rounded {
        let Exact {
            negative,
            exponent,
            high,
            low,
        } = exact;
        let normal = self.round_bits(negative, high, low, format.bits);
        let exponent = exponent + normal.carried as i32;
        if exponent > format.max {
            return self.overflow(negative, format);
        }
        if exponent >= format.min {
            self.note_inexact(&normal);
            return Rounded::Finite {
                significand: normal.significand,
                exponent,
            };
        }
        let (high, low) = exact.denormalized((format.min - exact.exponent) as u32);
        let tiny = self.round_bits(negative, high, low, format.bits);
        // A tiny result that is exact is no underflow, unless somebody wants to know.
        if tiny.inexact || self.masks & UE == 0 {
            self.raised |= UE;
        }
        self.note_inexact(&tiny);
        Rounded::Finite {
            significand: tiny.significand,
            exponent: format.min,
        }
    }

    const fn overflow(&mut self, negative: bool, format: Format) -> Rounded {
        self.raised |= OE | PE;
        let to_infinity = match self.rounding {
            Rounding::Nearest => true,
            Rounding::Down => negative,
            Rounding::Up => !negative,
            Rounding::Chop => false,
        };
        if to_infinity {
            self.raised |= C1;
            return Rounded::Infinite;
        }
        Rounded::Finite {
            significand: u64::MAX << (64 - format.bits),
            exponent: format.max,
        }
    }

    /// Rounds to a register with the precision of the control word.
    pub(super) const fn pack(&mut self, exact: Exact) -> F80 {
        self.pack_to(exact, Format::extended(self.precision))
    }

    /// Rounds to a register. An overflow or underflow that is not masked wraps the exponent.
    pub(super) const fn pack_to(&mut self, exact: Exact, format: Format) -> F80 {
        let normal = self.round_bits(exact.negative, exact.high, exact.low, format.bits);
        let exponent = exact.exponent + normal.carried as i32;
        let wrapped = if exponent > format.max && self.masks & OE == 0 {
            self.raised |= OE;
            exponent - WRAP
        } else if exponent < format.min && self.masks & UE == 0 {
            self.raised |= UE;
            exponent + WRAP
        } else {
            return register(exact.negative, self.round(exact, format));
        };
        self.note_inexact(&normal);
        // A result of `fscale` can be further away than the wrapped exponent reaches.
        if wrapped < format.min || wrapped > format.max {
            self.raised |= PE;
            return if exponent > format.max {
                self.raised |= C1;
                F80::infinity(exact.negative)
            } else {
                F80::zero(exact.negative)
            };
        }
        register(
            exact.negative,
            Rounded::Finite {
                significand: normal.significand,
                exponent: wrapped,
            },
        )
    }
}

struct RoundedBits {
    significand: u64,
    carried: bool,
    inexact: bool,
    up: bool,
}

/// The register format of a rounded number.
const fn register(negative: bool, rounded: Rounded) -> F80 {
    let (field, significand) = match rounded {
        Rounded::Infinite => (EXPONENT, INTEGER),
        Rounded::Finite {
            significand,
            exponent,
        } => {
            let is_normal = significand & INTEGER != 0;
            (
                if is_normal {
                    (exponent + BIAS) as u16
                } else {
                    0
                },
                significand,
            )
        }
    };
    F80::new(field, significand).with_sign(negative)
}
