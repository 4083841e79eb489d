//! Operations on the registers: what an instruction does once its operand in memory is read.

use super::arith::Compare;
use super::convert::Short;
use super::float80::{Class, F80};
use super::remainder::Quotient;
use super::round::{Context, Exact, Format};
use super::stack::{StackFault, X87};
use super::word::{C0, C1, C2, C3, CODES, IE};

/// The operations with two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Basic {
    Add,
    Multiply,
    Subtract,
    /// Subtracts the first operand from the second.
    SubtractReversed,
    Divide,
    /// Divides the second operand by the first.
    DivideReversed,
}

/// An operand that is not the destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Register(u32),
    Float(u64, Short),
    Integer(i64),
}

/// The operations on `st(0)` that have a result for every number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unary {
    Negate,
    Absolute,
    SquareRoot,
    RoundToIntegral,
    PowerMinusOne,
}

/// The operations on `st(0)` and `st(1)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pair {
    Scale,
    ArcTangent,
    Logarithm,
    LogarithmPlusOne,
}

/// The functions of an angle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Angle {
    Sine,
    Cosine,
    /// Pushes the cosine behind the sine.
    Both,
    /// Pushes 1 behind the tangent.
    Tangent,
}

/// The constants of `fld1` and its like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Constant {
    One,
    Log2Of10,
    Log2OfE,
    Pi,
    Log10Of2,
    LogEOf2,
    Zero,
}

impl Constant {
    /// The value before it is rounded; `None` for zero.
    const fn value(self) -> Option<Exact> {
        let (exponent, high, low) = match self {
            Self::One => (0, 1 << 63, 0),
            Self::Log2Of10 => (1, 0xd49a_784b_cd1b_8afe, 0x492b << 48),
            Self::Log2OfE => (0, 0xb8aa_3b29_5c17_f0bb, 0xbe87 << 48),
            Self::Pi => (1, 0xc90f_daa2_2168_c234, 0xc4c6 << 48),
            Self::Log10Of2 => (-2, 0x9a20_9a84_fbcf_f798, 0x8f89 << 48),
            Self::LogEOf2 => (-1, 0xb172_17f7_d1cf_79ab, 0xc9e3 << 48),
            Self::Zero => return None,
        };
        Some(Exact {
            negative: false,
            exponent,
            high,
            low,
        })
    }
}

impl X87 {
    /// The value of another operand; `None` if it is an empty register.
    fn source(&self, context: &mut Context, source: Source) -> Option<F80> {
        match source {
            Source::Register(n) => self.st(n),
            Source::Float(bits, short) => Some(context.load(bits, short)),
            Source::Integer(value) => Some(of_integer(value)),
        }
    }

    /// Stores a result, if the operation takes place. Returns whether it does.
    fn finish(&mut self, context: Context, n: u32, result: F80) -> bool {
        let takes_place = self.commit(context);
        if takes_place {
            self.set(n, result);
        }
        takes_place
    }

    /// The response to an empty operand: the indefinite, if that is masked.
    fn underflow(&mut self, n: u32) -> bool {
        let masked = self.stack_fault(StackFault::Underflow);
        if masked {
            self.set(n, F80::INDEFINITE);
        }
        masked
    }

    /// Computes `st(to)` from itself and another operand. Returns whether it was changed.
    pub(super) fn basic(&mut self, op: Basic, to: u32, source: Source) -> bool {
        let mut context = self.context();
        let b = self.source(&mut context, source);
        let (Some(a), Some(b)) = (self.st(to), b) else {
            return self.underflow(to);
        };
        let result = match op {
            Basic::Add => context.add(a, b),
            Basic::Multiply => context.multiply(a, b),
            Basic::Subtract => context.subtract(a, b),
            Basic::SubtractReversed => context.subtract(b, a),
            Basic::Divide => context.divide(a, b),
            Basic::DivideReversed => context.divide(b, a),
        };
        self.finish(context, to, result)
    }

    /// Compares `st(0)`. Returns the condition codes, which are unordered after an exception, and
    /// whether the comparison takes place.
    pub(super) fn compare(&mut self, source: Source, how: Compare) -> (u16, bool) {
        let mut context = self.context();
        let b = self.source(&mut context, source);
        let (Some(a), Some(b)) = (self.st(0), b) else {
            return (C3 | C2 | C0, self.stack_fault(StackFault::Underflow));
        };
        let codes = context.compare(a, b, how);
        (codes, self.commit(context))
    }

    /// `fcom` and its like: the result is in the condition codes. Returns whether it takes place.
    pub(super) fn compare_to_codes(&mut self, source: Source, how: Compare) -> bool {
        let (codes, takes_place) = self.compare(source, how);
        self.set_codes(C3 | C2 | C0, codes);
        takes_place
    }

    /// `ftst`.
    pub(super) fn test(&mut self) {
        self.compare_to_codes(Source::Integer(0), Compare::Ordered);
    }

    /// `fxam`: the kind of `st(0)`, even if it is empty.
    pub(super) fn examine(&mut self) {
        let value = self.raw(0);
        let class = match value.class() {
            _ if self.is_empty(0) => C3 | C0,
            Class::Unsupported => 0,
            Class::QuietNan | Class::SignalingNan => C0,
            Class::Normal => C2,
            Class::Infinite => C2 | C0,
            Class::Zero => C3,
            Class::Denormal => C3 | C2,
        };
        let sign = if value.is_negative() { C1 } else { 0 };
        self.set_codes(CODES, class | sign);
    }

    pub(super) fn unary(&mut self, op: Unary) {
        let mut context = self.context();
        let Some(a) = self.st(0) else {
            self.underflow(0);
            return;
        };
        let result = match op {
            Unary::Negate => a.negated(),
            Unary::Absolute => a.absolute(),
            Unary::SquareRoot => context.square_root(a),
            Unary::RoundToIntegral => context.round_to_integral(a),
            Unary::PowerMinusOne => context.power_minus_one(a),
        };
        self.finish(context, 0, result);
    }

    /// `fscale` leaves `st(1)`; the others store there and pop.
    pub(super) fn pair(&mut self, op: Pair) {
        let mut context = self.context();
        let to = u32::from(op != Pair::Scale);
        let takes_place = if let (Some(x), Some(y)) = (self.st(0), self.st(1)) {
            let result = match op {
                Pair::Scale => context.scale(x, y),
                Pair::ArcTangent => context.arc_tangent(y, x),
                Pair::Logarithm => context.logarithm(y, x),
                Pair::LogarithmPlusOne => context.logarithm_plus_one(y, x),
            };
            self.finish(context, to, result)
        } else {
            self.underflow(to)
        };
        if takes_place && op != Pair::Scale {
            self.pop();
        }
    }

    /// `fprem` and `fprem1`.
    pub(super) fn remainder(&mut self, quotient: Quotient) {
        let mut context = self.context();
        self.set_codes(C2, 0);
        let (Some(a), Some(b)) = (self.st(0), self.st(1)) else {
            self.underflow(0);
            return;
        };
        let (result, codes) = context.remainder(a, b, quotient);
        if self.finish(context, 0, result)
            && let Some(codes) = codes
        {
            self.set_codes(CODES, codes);
        }
    }

    /// `fxtract`: the exponent, and the significand pushed behind it.
    pub(super) fn extract(&mut self) {
        let mut context = self.context();
        let Some(a) = self.source_of_two() else {
            return;
        };
        let (exponent, significand) = context.extract(a);
        if self.finish(context, 0, exponent) {
            self.push(significand);
        }
    }

    /// `st(0)` for an operation that also pushes. If it is empty or there is no room, this is the
    /// response to it.
    fn source_of_two(&mut self) -> Option<F80> {
        let fault = match (self.st(0), self.is_empty(7)) {
            (Some(a), true) => return Some(a),
            (None, _) => StackFault::Underflow,
            _ => StackFault::Overflow,
        };
        if self.stack_fault(fault) {
            self.set(0, F80::INDEFINITE);
            self.rotate(7);
            self.set(0, F80::INDEFINITE);
        }
        None
    }

    pub(super) fn angle(&mut self, op: Angle) {
        let mut context = self.context();
        self.set_codes(C2, 0);
        let pushes = matches!(op, Angle::Both | Angle::Tangent);
        let a = if pushes {
            self.source_of_two()
        } else {
            let a = self.st(0);
            if a.is_none() {
                self.underflow(0);
            }
            a
        };
        let Some(a) = a else {
            return;
        };
        let result = match op {
            Angle::Sine | Angle::Both => context.sine(a),
            Angle::Cosine => context.cosine(a),
            Angle::Tangent => context.tangent(a),
        };
        let Some(result) = result else {
            self.set_codes(C2 | C1, C2);
            return;
        };
        let second = match op {
            Angle::Both => context.cosine(a),
            // A NaN stands in both registers.
            _ if result.is_nan() => Some(result),
            _ => Some(F80::ONE),
        };
        if self.finish(context, 0, result)
            && pushes
            && let Some(second) = second
        {
            let rounded_up = context.raised & C1 != 0;
            self.push(second);
            self.set_code1(rounded_up);
        }
    }

    /// Pushes a number in memory.
    pub(super) fn load(&mut self, bits: u64, short: Short) {
        let mut context = self.context();
        let value = context.load(bits, short);
        context.note_denormal(&[]);
        let signaling = value.class() == Class::SignalingNan;
        // A full stack is found first.
        if self.is_empty(7) {
            if signaling {
                context.raised |= IE;
            }
            self.commit(context);
            // A denormal number is loaded in any case.
            if context.is_unmasked(IE) {
                return;
            }
        }
        self.push(if signaling { value.quieted() } else { value });
    }

    pub(super) fn load_integer(&mut self, value: i64) {
        self.push(of_integer(value));
    }

    pub(super) fn load_decimal(&mut self, bytes: [u8; 10]) {
        self.push(super::convert::load_decimal(bytes));
    }

    pub(super) fn load_extended(&mut self, value: F80) {
        self.push(value);
    }

    pub(super) fn load_constant(&mut self, constant: Constant) {
        // It is rounded, but not called inexact.
        let mut context = self.context();
        let value = constant.value();
        self.push(value.map_or(F80::default(), |exact| {
            context.pack_to(exact, Format::EXTENDED)
        }));
    }

    /// `fld st(n)`.
    pub(super) fn load_register(&mut self, n: u32) {
        if let Some(value) = self.st(n) {
            self.push(value);
        } else if self.stack_fault(StackFault::Underflow) {
            self.rotate(7);
            self.set(0, F80::INDEFINITE);
        }
    }

    /// `fst st(n)`. Returns whether it takes place.
    pub(super) fn store_register(&mut self, n: u32) -> bool {
        self.clear_code1();
        match self.st(0) {
            Some(value) => {
                self.set(n, value);
                true
            }
            None => self.underflow(n),
        }
    }

    /// `fcmovcc`.
    pub(super) fn move_if(&mut self, holds: bool, n: u32) {
        match (self.st(0), self.st(n)) {
            (Some(_), Some(value)) if holds => self.set(0, value),
            (Some(_), Some(_)) => {}
            _ => {
                self.underflow(0);
            }
        }
    }

    pub(super) fn exchange(&mut self, n: u32) {
        self.clear_code1();
        if self.is_empty(0) || self.is_empty(n) {
            if !self.stack_fault(StackFault::Underflow) {
                return;
            }
            for n in [0, n] {
                if self.is_empty(n) {
                    self.set(n, F80::INDEFINITE);
                }
            }
        }
        let (a, b) = (self.raw(0), self.raw(n));
        self.set(0, b);
        self.set(n, a);
    }
}

fn of_integer(value: i64) -> F80 {
    super::convert::integer(value < 0, value.unsigned_abs())
}
