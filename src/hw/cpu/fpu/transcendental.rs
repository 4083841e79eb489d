//! Sine, cosine, tangent, arc tangent, powers and logarithms of 2: computed to over 100 bits, the
//! same on every host, and rounded once. The results of real processors differ by up to one unit of
//! the last place.

use super::float80::{F80, INTEGER};
use super::round::{Context, Exact, Format};
use super::wide::{Signs, Wide, series};
use super::word::{PE, ZE};
use std::cmp::Ordering;

/// Pi in units of 2^-66, or half of it in units of 2^-67: the number that the processor reduces
/// arguments with, exact to 66 bits.
const PI_66: u128 = 0xc_90fd_aa22_168c_234c;

/// The arguments from here on are out of range: their absolute value is 2^63 or more.
const OUT_OF_RANGE: u16 = 16383 + 63;

/// Sine and cosine of an angle.
struct Circular {
    sine: Wide,
    cosine: Wide,
}

impl Context {
    fn finish(&mut self, result: Wide) -> F80 {
        self.pack_to(result.inexact(), Format::EXTENDED)
    }

    /// What the trigonometric functions have in common: the results for numbers without a finite
    /// value. `Ok(None)` if the argument is out of range.
    fn angle(&mut self, a: F80) -> Result<Option<Circular>, F80> {
        if let Some(nan) = self.nan_of(a) {
            return Err(nan);
        }
        if a.is_infinite() {
            return Err(self.invalid());
        }
        if a.exponent() >= OUT_OF_RANGE {
            return Ok(None);
        }
        self.note_denormal(&[a]);
        Ok(Some(circular(Wide::of(a))))
    }

    /// `None` if the argument is out of range.
    pub(super) fn sine(&mut self, a: F80) -> Option<F80> {
        if a.is_zero() {
            return Some(a);
        }
        match self.angle(a) {
            Err(special) => Some(special),
            Ok(angle) => angle.map(|angle| self.finish(angle.sine)),
        }
    }

    /// `None` if the argument is out of range.
    pub(super) fn cosine(&mut self, a: F80) -> Option<F80> {
        if a.is_zero() {
            return Some(F80::ONE);
        }
        match self.angle(a) {
            Err(special) => Some(special),
            Ok(angle) => angle.map(|angle| self.finish(angle.cosine)),
        }
    }

    /// The tangent; `None` if the argument is out of range.
    pub(super) fn tangent(&mut self, a: F80) -> Option<F80> {
        if a.is_zero() {
            return Some(a);
        }
        match self.angle(a) {
            Err(special) => Some(special),
            Ok(angle) => angle.map(|angle| self.finish(angle.sine.over(angle.cosine))),
        }
    }

    /// The angle of a point, from -pi to pi.
    pub(super) fn arc_tangent(&mut self, y: F80, x: F80) -> F80 {
        if let Some(nan) = self.nan(y, x) {
            return nan;
        }
        self.note_denormal(&[y, x]);
        let below = y.is_negative();
        let left = x.is_negative();
        let quarters = |n: u32| {
            let pi = Wide::PI.significand;
            Wide::new(1, pi / 4 * u128::from(n)).with_sign(below)
        };
        let fixed = match (y.is_infinite(), x.is_infinite()) {
            (true, true) => quarters(if left { 3 } else { 1 }),
            (true, false) => quarters(2),
            (false, true) if left => quarters(4),
            (false, true) => return F80::zero(below),
            _ if y.is_zero() && left => quarters(4),
            _ if y.is_zero() => return F80::zero(below),
            _ if x.is_zero() => quarters(2),
            _ => angle_of(Wide::of(y).absolute(), Wide::of(x)).with_sign(below),
        };
        self.finish(fixed)
    }

    /// `2^a - 1`; an argument beyond 1 is returned.
    pub(super) fn power_minus_one(&mut self, a: F80) -> F80 {
        if let Some(nan) = self.nan_of(a) {
            return nan;
        }
        if a.is_infinite() {
            return if a.is_negative() { minus_one() } else { a };
        }
        self.note_denormal(&[a]);
        if a.is_zero() {
            return a;
        }
        if a == minus_one() {
            // Exact, but the processor does not call it so.
            self.raised |= PE;
            return F80::new(a.sign_exponent - 1, INTEGER);
        }
        if a.exponent() >= F80::ONE.exponent() {
            self.raised |= PE;
            return a;
        }
        let z = Wide::of(a).times(Wide::LN_2);
        let signs = if z.negative {
            Signs::Alternating
        } else {
            Signs::Same
        };
        self.finish(z.times(series(z.fixed(), signs, |k| (1, k + 1))))
    }

    /// `y * log2(x)`.
    pub(super) fn logarithm(&mut self, y: F80, x: F80) -> F80 {
        if let Some(nan) = self.nan(y, x) {
            return nan;
        }
        if x.is_negative() && !x.is_zero() {
            return self.invalid();
        }
        let vs_one = if x.is_zero() {
            Ordering::Less
        } else {
            (x.exponent(), x.mantissa).cmp(&(F80::ONE.exponent(), INTEGER))
        };
        let boundless = x.is_zero() || x.is_infinite() || y.is_infinite();
        if boundless {
            return self.boundless_logarithm(y, x, vs_one);
        }
        self.note_denormal(&[y, x]);
        let negative = y.is_negative() != (vs_one == Ordering::Less);
        if y.is_zero() || vs_one == Ordering::Equal {
            return F80::zero(negative);
        }
        match log2(Wide::of(x)) {
            (whole, None) => self.whole_logarithm(y, whole),
            (whole, Some(part)) => {
                let log = whole.and_then(|whole| part.plus(whole)).unwrap_or(part);
                self.finish(log.times(Wide::of(y)))
            }
        }
    }

    /// The product with an integer, which is what the logarithm of a power of 2 is. The processor
    /// calls it inexact, as it does all logarithms.
    fn whole_logarithm(&mut self, y: F80, whole: Option<Wide>) -> F80 {
        // The logarithm of 1 was dealt with before.
        let whole = whole.unwrap_or(Wide::ONE);
        let product = whole.times(Wide::of(y));
        self.raised |= PE;
        self.pack_to(
            Exact {
                low: product.significand as u64,
                ..product.inexact()
            },
            Format::EXTENDED,
        )
    }

    /// The logarithm where an operand or the result is infinite.
    fn boundless_logarithm(&mut self, y: F80, x: F80, vs_one: Ordering) -> F80 {
        let negative = y.is_negative() != (vs_one == Ordering::Less);
        if vs_one == Ordering::Equal || y.is_zero() {
            return self.invalid();
        }
        if x.is_zero() && !y.is_infinite() {
            self.raised |= ZE;
        } else {
            self.note_denormal(&[y, x]);
        }
        F80::infinity(negative)
    }

    /// `y * log2(x + 1)`, for an `x` of less than about 0.29.
    pub(super) fn logarithm_plus_one(&mut self, y: F80, x: F80) -> F80 {
        if let Some(nan) = self.nan(y, x) {
            return nan;
        }
        let negative = y.is_negative() != x.is_negative();
        if x.is_infinite() && x.is_negative()
            || x.is_infinite() && y.is_zero()
            || x.is_zero() && y.is_infinite()
        {
            return self.invalid();
        }
        self.note_denormal(&[y, x]);
        if x.is_infinite() || y.is_infinite() {
            return F80::infinity(negative);
        }
        if x.is_zero() || y.is_zero() {
            return F80::zero(negative);
        }
        let x = Wide::of(x);
        let Some(sum) = x.plus(Wide::ONE).filter(|sum| !sum.negative) else {
            return self.invalid();
        };
        let log = if x.exponent < -1 {
            // log((1 + s) / (1 - s)) with s = x / (x + 2).
            two_atanh_log2(
                x.over(x.halved().plus(Wide::ONE).unwrap_or(Wide::ONE))
                    .halved(),
            )
        } else {
            match log2(sum) {
                (whole, Some(part)) => whole.and_then(|w| part.plus(w)).unwrap_or(part),
                (whole, None) => whole.unwrap_or(Wide::ONE),
            }
        };
        self.finish(log.times(Wide::of(y)))
    }
}

const fn minus_one() -> F80 {
    F80::ONE.negated()
}

/// Sine and cosine of a number below 2^63.
fn circular(angle: Wide) -> Circular {
    let (rest, quadrant) = reduce(angle.absolute());
    let square = rest.times(rest).fixed();
    let factor = series(square, Signs::Alternating, |k| (1, 2 * k * (2 * k + 1)));
    let sine = rest.times(factor);
    let cosine = series(square, Signs::Alternating, |k| (1, (2 * k - 1) * 2 * k));
    let (sine, cosine) = match quadrant {
        0 => (sine, cosine),
        1 => (cosine, sine.negated()),
        2 => (sine.negated(), cosine.negated()),
        _ => (cosine.negated(), sine),
    };
    let sine = sine.with_sign(sine.negative != angle.negative);
    Circular { sine, cosine }
}

/// The distance of a positive angle from the nearest multiple of pi/2, and which one that is,
/// modulo 4.
fn reduce(angle: Wide) -> (Wide, u32) {
    /// A quarter of pi is 2^-1 or more.
    const SMALL: i32 = -2;
    let quarter = Wide::new(0, PI_66 << 59);
    if angle.exponent <= SMALL || (angle.exponent, angle.significand) <= (-1, quarter.significand) {
        return (angle, 0);
    }
    // In units of 2^-67 it is an integer, which is shifted in bit by bit.
    let (mut rest, mut whole) = (angle.significand >> 64, 0);
    for _ in 0..angle.exponent + 4 {
        rest <<= 1;
        whole <<= 1;
        if rest >= PI_66 {
            rest -= PI_66;
            whole |= 1;
        }
    }
    // Bit 127 would be 2^60.
    let (rest, negative, whole) = if 2 * rest > PI_66 {
        (PI_66 - rest, true, whole + 1)
    } else {
        (rest, false, whole)
    };
    (Wide::new(60, rest).with_sign(negative), whole & 3)
}

/// The angle of a point above the x axis.
fn angle_of(y: Wide, x: Wide) -> Wide {
    let across = x.absolute();
    let steep = (y.exponent, y.significand) > (x.exponent, x.significand);
    let ratio = if steep {
        across.over(y)
    } else {
        y.over(across)
    };
    let angle = arc_tangent(ratio);
    let from = |base: Wide, part: Wide| base.plus(part).unwrap_or(base);
    match (steep, x.negative) {
        (false, false) => angle,
        (false, true) => from(Wide::PI, angle.negated()),
        (true, false) => from(Wide::PI.halved(), angle.negated()),
        (true, true) => from(Wide::PI.halved(), angle),
    }
}

/// The arc tangent of a positive number up to 1, by Euler's series.
fn arc_tangent(t: Wide) -> Wide {
    let square = t.times(t);
    let sum = square.plus(Wide::ONE).unwrap_or(Wide::ONE);
    let z = square.over(sum).fixed();
    t.over(sum)
        .times(series(z, Signs::Same, |k| (2 * k, 2 * k + 1)))
}

/// The binary logarithm in two parts, neither of them if it is zero: the exponent of the nearest
/// power of 2, and the rest, which has the absolute value 1/2 at most.
fn log2(x: Wide) -> (Option<Wide>, Option<Wide>) {
    /// The square root of 2.
    const ROOT: u128 = 0xb504_f333_f9de_6484_597d_89b3_754a_be9f;
    let above = i32::from(x.significand > ROOT);
    let exponent = x.exponent + above;
    let fraction = Wide {
        exponent: -above,
        ..x
    };
    let magnitude = u128::from(exponent.unsigned_abs());
    let whole = (magnitude != 0).then(|| Wide::new(127, magnitude).with_sign(exponent < 0));
    let rest = fraction.plus(Wide::ONE.negated()).map(|difference| {
        let sum = fraction.plus(Wide::ONE).unwrap_or(Wide::ONE);
        two_atanh_log2(difference.over(sum))
    });
    (whole, rest)
}

/// `log2((1 + s) / (1 - s))`, for a small `s`.
fn two_atanh_log2(s: Wide) -> Wide {
    let factor = series(s.times(s).fixed(), Signs::Same, |k| (2 * k - 1, 2 * k + 1));
    let natural = s.times(factor);
    let log = natural.times(Wide::LOG2_E);
    Wide {
        exponent: log.exponent + 1,
        ..log
    }
}
