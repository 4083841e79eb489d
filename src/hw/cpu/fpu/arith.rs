//! Addition, multiplication, division, square root, comparison: the operations that IEEE 754
//! defines exactly.

use super::float80::{Class, F80, Unpacked};
use super::round::{Context, Exact, Rounding, shift_right_sticky};
use super::word::{C0, C2, C3, DE, IE, ZE};
use std::cmp::Ordering;

/// Whether a comparison accepts quiet NaNs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compare {
    /// `fcom`: any NaN is invalid.
    Ordered,
    /// `fucom`: only signalling ones are.
    Unordered,
}

impl Context {
    /// The result if an operand is no number.
    pub(super) fn nan(&mut self, a: F80, b: F80) -> Option<F80> {
        let (ca, cb) = (a.class(), b.class());
        if ca == Class::Normal && cb == Class::Normal {
            return None;
        }
        if ca == Class::Unsupported || cb == Class::Unsupported {
            return Some(self.invalid());
        }
        if !a.is_nan() && !b.is_nan() {
            return None;
        }
        let signaling = |class| class == Class::SignalingNan;
        if signaling(ca) || signaling(cb) {
            self.raised |= IE;
        }
        Some(match (a.is_nan(), b.is_nan()) {
            (true, false) => a.quieted(),
            (false, _) => b.quieted(),
            _ if signaling(ca) && !signaling(cb) => b,
            _ if signaling(cb) && !signaling(ca) => a,
            _ => larger_nan(a.quieted(), b.quieted()),
        })
    }

    /// The result of an operation with one operand that is no number.
    pub(super) fn nan_of(&mut self, a: F80) -> Option<F80> {
        self.nan(a, a)
    }

    pub(super) fn note_denormal(&mut self, operands: &[F80]) {
        let denormal = |a: &F80| a.class() == Class::Denormal;
        if self.from_denormal || operands.iter().any(denormal) {
            self.raised |= DE;
        }
    }

    pub(super) fn add(&mut self, a: F80, b: F80) -> F80 {
        if let Some(nan) = self.nan(a, b) {
            return nan;
        }
        if a.is_infinite() && b.is_infinite() && a.is_negative() != b.is_negative() {
            return self.invalid();
        }
        self.note_denormal(&[a, b]);
        if a.is_infinite() {
            return a;
        }
        if b.is_infinite() {
            return b;
        }
        self.add_finite(a.unpack(), b.unpack())
    }

    fn add_finite(&mut self, a: Unpacked, b: Unpacked) -> F80 {
        if a.significand == 0 && b.significand == 0 {
            return F80::zero(if a.negative == b.negative {
                a.negative
            } else {
                self.rounding == Rounding::Down
            });
        }
        // Zero must not be aligned to: its exponent means nothing.
        let (large, small) = match (a.significand, b.significand) {
            (0, _) => (b, a),
            (_, 0) => (a, b),
            _ if (b.exponent, b.significand) > (a.exponent, a.significand) => (b, a),
            _ => (a, b),
        };
        let place = |n: &Unpacked| u128::from(n.significand) << 63;
        let distance = large.exponent.saturating_sub(small.exponent).max(0) as u32;
        let aligned = shift_right_sticky(place(&small), distance);
        let sum = if a.negative == b.negative {
            place(&large) + aligned
        } else {
            place(&large) - aligned
        };
        if sum == 0 {
            return F80::zero(self.rounding == Rounding::Down);
        }
        self.pack(Exact::new(large.negative, large.exponent + 1, sum))
    }

    pub(super) fn subtract(&mut self, a: F80, b: F80) -> F80 {
        // A NaN keeps its sign.
        let b = if b.is_nan() { b } else { b.negated() };
        self.add(a, b)
    }

    pub(super) fn multiply(&mut self, a: F80, b: F80) -> F80 {
        if let Some(nan) = self.nan(a, b) {
            return nan;
        }
        let negative = a.is_negative() != b.is_negative();
        if a.is_infinite() && b.is_zero() || a.is_zero() && b.is_infinite() {
            return self.invalid();
        }
        self.note_denormal(&[a, b]);
        if a.is_infinite() || b.is_infinite() {
            return F80::infinity(negative);
        }
        if a.is_zero() || b.is_zero() {
            return F80::zero(negative);
        }
        let (a, b) = (a.unpack(), b.unpack());
        let product = u128::from(a.significand) * u128::from(b.significand);
        self.pack(Exact::new(negative, a.exponent + b.exponent + 1, product))
    }

    pub(super) fn divide(&mut self, a: F80, b: F80) -> F80 {
        if let Some(nan) = self.nan(a, b) {
            return nan;
        }
        let negative = a.is_negative() != b.is_negative();
        if a.is_infinite() && b.is_infinite() || a.is_zero() && b.is_zero() {
            return self.invalid();
        }
        if b.is_zero() && !a.is_infinite() {
            self.raised |= ZE;
            return F80::infinity(negative);
        }
        self.note_denormal(&[a, b]);
        if a.is_infinite() {
            return F80::infinity(negative);
        }
        if a.is_zero() || b.is_infinite() {
            return F80::zero(negative);
        }
        let exact = quotient(negative, a.unpack(), b.unpack());
        self.pack(exact)
    }

    pub(super) fn square_root(&mut self, a: F80) -> F80 {
        if let Some(nan) = self.nan_of(a) {
            return nan;
        }
        if a.is_zero() {
            return a;
        }
        if a.is_negative() {
            return self.invalid();
        }
        if a.is_infinite() {
            return a;
        }
        self.note_denormal(&[a]);
        let Unpacked {
            exponent,
            significand,
            ..
        } = a.unpack();
        // The exponent is made even, and the root then has 64 bits.
        let is_odd = exponent & 1;
        let square = u128::from(significand) << (63 + is_odd);
        let root = square.isqrt();
        let rest = square - root * root;
        let tail = match rest.cmp(&root) {
            _ if rest == 0 => 0,
            Ordering::Greater => u64::MAX,
            _ => 1,
        };
        self.pack(Exact {
            negative: false,
            exponent: (exponent - is_odd) / 2,
            high: root as u64,
            low: tail,
        })
    }

    /// C3, C2 and C0 for the order of two numbers; all three if there is none.
    pub(super) fn compare(&mut self, a: F80, b: F80, how: Compare) -> u16 {
        const UNORDERED: u16 = C3 | C2 | C0;
        if self.nan(a, b).is_some() {
            if how == Compare::Ordered {
                self.raised |= IE;
            }
            return UNORDERED;
        }
        self.note_denormal(&[a, b]);
        match order(a, b) {
            Ordering::Less => C0,
            Ordering::Equal => C3,
            Ordering::Greater => 0,
        }
    }
}

/// The quotient of two nonzero numbers.
fn quotient(negative: bool, a: Unpacked, b: Unpacked) -> Exact {
    // A dividend that is at least as large as the divisor makes the quotient have 64 bits.
    let smaller = i32::from(a.significand < b.significand);
    let dividend = u128::from(a.significand) << (63 + smaller);
    let divisor = u128::from(b.significand);
    let (high, rest) = (dividend / divisor, dividend % divisor);
    let low = match (2 * rest).cmp(&divisor) {
        _ if rest == 0 => 0,
        Ordering::Less => 1,
        Ordering::Equal => 1 << 63,
        Ordering::Greater => u64::MAX,
    };
    Exact {
        negative,
        exponent: a.exponent - b.exponent - smaller,
        high: high as u64,
        low,
    }
}

/// The order of two values that are no NaNs.
fn order(a: F80, b: F80) -> Ordering {
    let key = |n: F80| {
        let Unpacked {
            exponent,
            significand,
            ..
        } = n.unpack();
        match n.class() {
            Class::Zero => (i32::MIN, 0),
            Class::Infinite => (i32::MAX, 0),
            _ => (exponent, significand),
        }
    };
    let magnitude = key(a).cmp(&key(b));
    match (a.is_negative(), b.is_negative()) {
        _ if a.is_zero() && b.is_zero() => Ordering::Equal,
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Of two NaNs, the one with the larger significand.
fn larger_nan(a: F80, b: F80) -> F80 {
    let b_wins = match a.mantissa.cmp(&b.mantissa) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => a.is_negative(),
    };
    if b_wins { b } else { a }
}
