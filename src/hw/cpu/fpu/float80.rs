//! The numbers in the registers of the FPU: 80-bit floating point with an explicit integer bit.

/// The exponent of infinities and NaNs; the sign is not part of it.
pub(super) const EXPONENT: u16 = 0x7fff;
const SIGN: u16 = 0x8000;
/// The integer bit, which a normal number has set.
pub(super) const INTEGER: u64 = 1 << 63;
/// The bit that a quiet NaN has set and a signalling one has not.
const QUIET: u64 = 1 << 62;
/// The exponent field of 1.0.
pub(super) const BIAS: i32 = 16383;

/// An 80-bit floating-point number, as the registers hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct F80 {
    /// The significand with its integer bit.
    pub mantissa: u64,
    /// The sign in bit 15, the biased exponent below it.
    pub sign_exponent: u16,
}

/// What kind of number it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Zero,
    /// With exponent 0: also one that has the integer bit set.
    Denormal,
    Normal,
    Infinite,
    QuietNan,
    SignalingNan,
    /// No number since the 387: an integer bit that contradicts the exponent.
    Unsupported,
}

/// A finite number: its value is `significand * 2^(exponent - 63)`, and bit 63 of the significand is
/// set unless it is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unpacked {
    pub(super) negative: bool,
    pub(super) exponent: i32,
    pub(super) significand: u64,
}

impl F80 {
    pub(super) const ONE: Self = Self::new(BIAS as u16, INTEGER);
    pub(super) const INFINITY: Self = Self::new(EXPONENT, INTEGER);
    /// What a masked invalid operation results in: the real indefinite.
    pub(super) const INDEFINITE: Self = Self::new(SIGN | EXPONENT, INTEGER | QUIET);

    pub(super) const fn new(sign_exponent: u16, mantissa: u64) -> Self {
        Self {
            mantissa,
            sign_exponent,
        }
    }

    pub(super) const fn zero(negative: bool) -> Self {
        Self::new(0, 0).with_sign(negative)
    }

    pub(super) const fn infinity(negative: bool) -> Self {
        Self::INFINITY.with_sign(negative)
    }

    pub(super) const fn with_sign(self, negative: bool) -> Self {
        let sign = if negative { SIGN } else { 0 };
        Self::new(self.exponent() | sign, self.mantissa)
    }

    pub(super) const fn is_negative(self) -> bool {
        self.sign_exponent & SIGN != 0
    }

    /// The biased exponent.
    pub(super) const fn exponent(self) -> u16 {
        self.sign_exponent & EXPONENT
    }

    pub(super) const fn absolute(self) -> Self {
        Self::new(self.exponent(), self.mantissa)
    }

    pub(super) const fn negated(self) -> Self {
        self.with_sign(!self.is_negative())
    }

    pub(super) const fn class(self) -> Class {
        match (self.exponent(), self.mantissa & INTEGER != 0) {
            (0, _) if self.mantissa == 0 => Class::Zero,
            (0, _) => Class::Denormal,
            (_, false) => Class::Unsupported,
            (EXPONENT, _) if self.mantissa == INTEGER => Class::Infinite,
            (EXPONENT, _) if self.mantissa & QUIET != 0 => Class::QuietNan,
            (EXPONENT, _) => Class::SignalingNan,
            _ => Class::Normal,
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.class() == Class::Zero
    }

    pub(super) fn is_infinite(self) -> bool {
        self.class() == Class::Infinite
    }

    pub(super) const fn is_nan(self) -> bool {
        matches!(self.class(), Class::QuietNan | Class::SignalingNan)
    }

    pub(super) const fn quieted(self) -> Self {
        Self::new(self.sign_exponent, self.mantissa | QUIET)
    }

    /// The value of a finite number.
    pub(super) const fn unpack(self) -> Unpacked {
        let shift = if self.mantissa == 0 {
            0
        } else {
            self.mantissa.leading_zeros()
        };
        let field = self.exponent() as i32;
        // Denormal numbers have the exponent of the smallest normal ones.
        let field = if field == 0 { 1 } else { field };
        Unpacked {
            negative: self.is_negative(),
            exponent: field - BIAS - shift as i32,
            significand: self.mantissa << shift,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_from_exponent_and_integer_bit() {
        for (sign_exponent, mantissa, class) in [
            (0, 0, Class::Zero),
            (0x8000, 0, Class::Zero),
            (0, 1, Class::Denormal),
            (0, INTEGER, Class::Denormal),
            (1, INTEGER, Class::Normal),
            (1, INTEGER - 1, Class::Unsupported),
            (0x7fff, 0, Class::Unsupported),
            (0x7fff, INTEGER, Class::Infinite),
            (0xffff, INTEGER | 1, Class::SignalingNan),
            (0xffff, INTEGER | QUIET, Class::QuietNan),
        ] {
            let number = F80::new(sign_exponent, mantissa);
            assert_eq!(number.class(), class, "{number:x?}");
        }
    }
}
