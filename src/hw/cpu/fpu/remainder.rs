//! Partial remainders, and the operations on exponents.

use super::convert::integer;
use super::float80::{F80, Unpacked};
use super::round::{Context, Exact, Format};
use super::word::{C0, C1, C2, C3, ZE};

/// How the quotient is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quotient {
    /// `fprem`: towards zero.
    Chopped,
    /// `fprem1`: to the nearest integer.
    Nearest,
}

/// The exponents that one step of a reduction bridges at most.
const STEP: i32 = 63;

impl Context {
    /// The remainder of a division, and the condition codes: the low bits of the quotient, or C2 if
    /// the reduction is incomplete; `None` if they remain because an operand is no number.
    pub(super) fn remainder(&mut self, a: F80, b: F80, quotient: Quotient) -> (F80, Option<u16>) {
        if let Some(nan) = self.nan(a, b) {
            return (nan, None);
        }
        if a.is_infinite() || b.is_zero() {
            return (self.invalid(), None);
        }
        self.note_denormal(&[a, b]);
        if a.is_zero() || b.is_infinite() {
            return (a, Some(0));
        }
        let (a, b) = (a.unpack(), b.unpack());
        let distance = a.exponent - b.exponent;
        if distance > STEP {
            let step = distance & 31 | 32;
            let rest = (u128::from(a.significand) << step) % u128::from(b.significand);
            let exponent = b.exponent + distance - step;
            return (self.rest(a.negative, exponent, rest), Some(C2));
        }
        let (rest, negative, whole) = match quotient {
            Quotient::Chopped => chopped(a, b, distance),
            Quotient::Nearest => nearest(a, b, distance),
        };
        let exponent = b.exponent.min(a.exponent);
        (self.rest(negative, exponent, rest), Some(codes(whole)))
    }

    fn rest(&mut self, negative: bool, exponent: i32, rest: u128) -> F80 {
        if rest == 0 {
            return F80::zero(negative);
        }
        // `rest` is in units of the last place, so its bit 63 would have this exponent.
        let exact = Exact::new(negative, exponent + 64, rest);
        self.pack_to(exact, Format::EXTENDED)
    }

    /// Multiplies by a power of two, whose exponent is chopped to an integer.
    pub(super) fn scale(&mut self, a: F80, b: F80) -> F80 {
        if let Some(nan) = self.nan(a, b) {
            return nan;
        }
        if b.is_infinite() {
            let (vanishes, negative) = (b.is_negative(), a.is_negative());
            if a.is_zero() && !vanishes || a.is_infinite() && vanishes {
                return self.invalid();
            }
            self.note_denormal(&[a]);
            return if vanishes {
                F80::zero(negative)
            } else {
                F80::infinity(negative)
            };
        }
        self.note_denormal(&[a, b]);
        if a.is_zero() || a.is_infinite() {
            return a;
        }
        let (number, power) = (a.unpack(), b.unpack());
        let magnitude = match power.exponent {
            ..0 => 0,
            0..16 => (power.significand >> (63 - power.exponent)) as i32,
            _ => 1 << 16,
        };
        let by = if power.negative {
            -magnitude
        } else {
            magnitude
        };
        let exact = Exact {
            negative: number.negative,
            exponent: number.exponent + by,
            high: number.significand,
            low: 0,
        };
        self.pack_to(exact, Format::EXTENDED)
    }

    /// The exponent of a number, and the number with exponent 0.
    pub(super) fn extract(&mut self, a: F80) -> (F80, F80) {
        if let Some(nan) = self.nan_of(a) {
            return (nan, nan);
        }
        if a.is_infinite() {
            return (F80::INFINITY, a);
        }
        if a.is_zero() {
            self.raised |= ZE;
            return (F80::INFINITY.negated(), a);
        }
        self.note_denormal(&[a]);
        let Unpacked {
            negative,
            exponent,
            significand,
        } = a.unpack();
        let one = F80::ONE.with_sign(negative);
        let fraction = F80::new(one.sign_exponent, significand);
        let magnitude = exponent.unsigned_abs().into();
        (integer(exponent < 0, magnitude), fraction)
    }
}

/// The remainder in units of the last place of the number with the smaller exponent, its sign, and
/// the quotient.
fn chopped(a: Unpacked, b: Unpacked, distance: i32) -> (u128, bool, u128) {
    let (number, divisor) = (u128::from(a.significand), u128::from(b.significand));
    if distance < 0 {
        return (number, a.negative, 0);
    }
    let number = number << distance;
    (number % divisor, a.negative, number / divisor)
}

fn nearest(a: Unpacked, b: Unpacked, distance: i32) -> (u128, bool, u128) {
    // A number of less than half the divisor remains what it is.
    if distance < -1 {
        return (a.significand.into(), a.negative, 0);
    }
    let (mut rest, mut whole, mut divisor) = (u128::from(a.significand), 0, b.significand.into());
    if distance < 0 {
        divisor <<= 1;
    } else {
        (rest, _, whole) = chopped(a, b, distance);
    }
    let is_odd = whole & 1 != 0;
    if 2 * rest > divisor || 2 * rest == divisor && is_odd {
        return (divisor - rest, !a.negative, whole + 1);
    }
    (rest, a.negative, whole)
}

const fn codes(quotient: u128) -> u16 {
    const fn bit(q: u128, n: u32, code: u16) -> u16 {
        if q >> n & 1 != 0 { code } else { 0 }
    }
    bit(quotient, 0, C1) | bit(quotient, 1, C3) | bit(quotient, 2, C0)
}
