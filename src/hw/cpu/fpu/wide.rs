//! Numbers of 128 bits: what the transcendental functions compute with, so that only the last
//! rounding shows.

use super::float80::{F80, Unpacked};
use super::round::Exact;
use std::cmp::Ordering;

/// A number in units of 2^-127.
pub(super) type Fixed = u128;

/// 1 in that format.
pub(super) const FIXED_ONE: Fixed = 1 << 127;

/// A nonzero number: `significand * 2^(exponent - 127)`, with bit 127 of the significand set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wide {
    pub(super) negative: bool,
    pub(super) exponent: i32,
    pub(super) significand: u128,
}

impl Wide {
    pub(super) const ONE: Self = Self::new(0, FIXED_ONE);
    pub(super) const PI: Self = Self::new(1, 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1);
    pub(super) const LN_2: Self = Self::new(-1, 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af);
    pub(super) const LOG2_E: Self = Self::new(0, 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e88);

    /// From a nonzero number whose bit 127 has the value `2^exponent`.
    pub(super) const fn new(exponent: i32, number: u128) -> Self {
        let shift = number.leading_zeros();
        Self {
            negative: false,
            exponent: exponent - shift as i32,
            significand: number << shift,
        }
    }

    /// A finite number that is not zero.
    pub(super) const fn of(number: F80) -> Self {
        let Unpacked {
            negative,
            exponent,
            significand,
        } = number.unpack();
        Self {
            negative,
            exponent,
            significand: (significand as u128) << 64,
        }
    }

    pub(super) const fn with_sign(self, negative: bool) -> Self {
        Self { negative, ..self }
    }

    pub(super) const fn absolute(self) -> Self {
        Self {
            negative: false,
            ..self
        }
    }

    pub(super) const fn negated(self) -> Self {
        self.with_sign(!self.negative)
    }

    pub(super) const fn halved(self) -> Self {
        Self {
            exponent: self.exponent - 1,
            ..self
        }
    }

    /// The magnitude, which must be less than 2.
    pub(super) const fn fixed(self) -> Fixed {
        let by = self.exponent.unsigned_abs();
        if by < 128 { self.significand >> by } else { 0 }
    }

    pub(super) const fn times(self, other: Self) -> Self {
        // The product of two numbers in [1, 2) is in [1, 4).
        let product = Self::new(1, multiply_high(self.significand, other.significand));
        Self {
            negative: self.negative != other.negative,
            exponent: product.exponent + self.exponent + other.exponent,
            ..product
        }
    }

    pub(super) const fn over(self, divisor: Self) -> Self {
        let quotient = divide(self.significand, divisor.significand);
        let quotient = Self::new(0, quotient);
        Self {
            negative: self.negative != divisor.negative,
            exponent: quotient.exponent + self.exponent - divisor.exponent,
            ..quotient
        }
    }

    /// The sum; `None` if it is zero.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let (large, small) = match self.magnitude(&other) {
            Ordering::Less => (other, self),
            _ => (self, other),
        };
        // One bit of room for the carry.
        let by = (large.exponent - small.exponent).unsigned_abs() + 1;
        let aligned = small.significand.checked_shr(by).unwrap_or_default();
        let place = large.significand >> 1;
        let sum = if self.negative == other.negative {
            place + aligned
        } else {
            place - aligned
        };
        (sum != 0).then(|| Self::new(large.exponent + 1, sum).with_sign(large.negative))
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        (self.exponent, self.significand).cmp(&(other.exponent, other.significand))
    }

    /// The number as the result of an operation that is inexact.
    pub(super) const fn inexact(self) -> Exact {
        Exact {
            negative: self.negative,
            exponent: self.exponent,
            high: (self.significand >> 64) as u64,
            low: self.significand as u64 | 1,
        }
    }
}

/// The upper half of a product.
const fn multiply_high(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let middle = a1 * b0 + ((a0 * b0) >> 64);
    let (sum, carry) = middle.overflowing_add(a0 * b1);
    a1 * b1 + (sum >> 64) + ((carry as u128) << 64)
}

/// The quotient of two numbers with bit 127 set, bit by bit.
const fn divide(a: u128, b: u128) -> Fixed {
    let (mut rest, mut quotient, mut bit) = (a, 0, FIXED_ONE);
    let mut carried = false;
    while bit != 0 {
        if carried || rest >= b {
            rest = rest.wrapping_sub(b);
            quotient |= bit;
        }
        carried = rest >> 127 != 0;
        rest <<= 1;
        bit >>= 1;
    }
    quotient
}

/// Signs of the terms of a series.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signs {
    Same,
    Alternating,
}

/// The sum of a series that begins with 1, where term `k` is the one before it times `z`, times the
/// first number of `factor(k)`, divided by the second.
pub(super) fn series(z: Fixed, signs: Signs, factor: impl Fn(u32) -> (u32, u32)) -> Wide {
    let (mut sum, mut term) = (FIXED_ONE, FIXED_ONE);
    for k in 1.. {
        let (times, over) = factor(k);
        term = (multiply_high(term, z) << 1) / u128::from(over) * u128::from(times);
        if term == 0 {
            break;
        }
        let subtracts = signs == Signs::Alternating && k % 2 == 1;
        sum = if subtracts { sum - term } else { sum + term };
    }
    Wide::new(0, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_series() {
        // e - 1, as the sum of 1/(k+1)! for an argument just below 1.
        let sum = series(FIXED_ONE - 1, Signs::Same, |k| (1, k + 1));
        assert_eq!(sum.significand >> 32, 0xdbf0_a8b1_4576_9535_5fb8_ac40);
        // ln 2 * log2 e = 1.
        let one = Wide::LN_2.times(Wide::LOG2_E);
        assert!(one.significand > u128::MAX - 8 || one.significand < FIXED_ONE + 8);
    }

    #[test]
    fn sums_and_quotients() {
        let third = Wide::ONE.over(Wide::new(1, 3 << 126));
        assert_eq!(third.exponent, -2);
        let two_thirds = third.plus(third).unwrap();
        assert_eq!(two_thirds.exponent, -1);
        assert_eq!(third.plus(third.negated()), None);
    }
}
