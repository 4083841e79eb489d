//! Arithmetic and logic on 8, 16 and 32 bits, with the flags that they set.
//!
//! Where the manual leaves a flag undefined, it has the value that most Intel processors give it.
//! Logic, shifts and multiplications clear AF. A left shift by more than one sets OF as its last
//! single shift would, a right shift from the two highest bits of the result. A multiplication sets
//! SF, ZF and PF from the low half. A division changes no flag.

use super::flags::Flags;

/// The width of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    W8,
    W16,
    W32,
}

impl Width {
    pub(super) const fn of_bytes(bytes: usize) -> Option<Self> {
        match bytes {
            1 => Some(Self::W8),
            2 => Some(Self::W16),
            4 => Some(Self::W32),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) const fn bytes(self) -> u32 {
        match self {
            Self::W8 => 1,
            Self::W16 => 2,
            Self::W32 => 4,
        }
    }

    #[inline(always)]
    pub(super) const fn bits(self) -> u32 {
        8 * self.bytes()
    }

    #[inline(always)]
    pub(super) const fn mask(self) -> u32 {
        u32::MAX >> (32 - self.bits())
    }

    /// The value with the sign bit of this width copied upwards.
    #[inline(always)]
    pub(super) const fn sign_extend(self, value: u32) -> u32 {
        let shift = 32 - self.bits();
        ((value << shift) as i32 >> shift) as u32
    }

    #[inline(always)]
    const fn sign(self, value: u32) -> bool {
        value >> (self.bits() - 1) & 1 != 0
    }

    /// The carries out of the bits of an operation of this width, in the layout of [`Flags`].
    #[inline(always)]
    const fn carries(self, carries: u32) -> u32 {
        match self {
            Self::W32 => carries,
            _ => carries & 8 | carries << (32 - self.bits()) & 0xc000_0000,
        }
    }
}

/// The eight operations of the first opcodes, with the numbers that they have there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Alu {
    Add,
    Or,
    Adc,
    Sbb,
    And,
    Sub,
    Xor,
    /// `sub` without storing the result.
    Cmp,
    /// `and` without storing the result.
    Test,
}

/// Shifts and rotates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shift {
    Rol,
    Ror,
    Rcl,
    Rcr,
    Shl,
    Shr,
    Sar,
}

impl Flags {
    /// Performs one of the [`Alu`] operations; the result of the comparing ones is `a`.
    #[inline(always)]
    pub(super) fn alu(&mut self, op: Alu, a: u32, b: u32, width: Width) -> u32 {
        let carry = u32::from(self.cf());
        match op {
            Alu::Add => self.add(a, b, width),
            Alu::Adc => self.add_with(a, b, carry, width),
            Alu::Sub => self.sub(a, b, width),
            Alu::Sbb => self.sub_with(a, b, carry, width),
            Alu::Or => self.logic(a | b, width),
            Alu::And => self.logic(a & b, width),
            Alu::Xor => self.logic(a ^ b, width),
            Alu::Cmp => {
                self.sub(a, b, width);
                a
            }
            Alu::Test => {
                self.logic(a & b, width);
                a
            }
        }
    }

    #[inline(always)]
    pub(super) fn add(&mut self, a: u32, b: u32, width: Width) -> u32 {
        self.add_with(a, b, 0, width)
    }

    #[inline(always)]
    pub(super) fn sub(&mut self, a: u32, b: u32, width: Width) -> u32 {
        self.sub_with(a, b, 0, width)
    }

    /// Adds with a carry of 0 or 1.
    #[inline(always)]
    fn add_with(&mut self, a: u32, b: u32, carry: u32, width: Width) -> u32 {
        let result = a.wrapping_add(b).wrapping_add(carry);
        let carries = a & b | (a | b) & !result;
        self.set(width.sign_extend(result), width.carries(carries));
        result & width.mask()
    }

    /// Subtracts with a borrow of 0 or 1.
    #[inline(always)]
    fn sub_with(&mut self, a: u32, b: u32, borrow: u32, width: Width) -> u32 {
        let result = a.wrapping_sub(b).wrapping_sub(borrow);
        let borrows = !a & b | (!a | b) & result;
        self.set(width.sign_extend(result), width.carries(borrows));
        result & width.mask()
    }

    #[inline(always)]
    pub(super) fn logic(&mut self, result: u32, width: Width) -> u32 {
        self.set(width.sign_extend(result), 0);
        result & width.mask()
    }

    #[inline(always)]
    pub(super) fn inc(&mut self, a: u32, width: Width) -> u32 {
        let result = a.wrapping_add(1);
        let carries = a & 1 | (a | 1) & !result;
        self.set_but_cf(width.sign_extend(result), width.carries(carries));
        result & width.mask()
    }

    #[inline(always)]
    pub(super) fn dec(&mut self, a: u32, width: Width) -> u32 {
        let result = a.wrapping_sub(1);
        let borrows = !a & 1 | (!a | 1) & result;
        self.set_but_cf(width.sign_extend(result), width.carries(borrows));
        result & width.mask()
    }

    /// Shifts or rotates by a count, of which only the low five bits are used.
    #[inline]
    pub(super) fn shift(&mut self, op: Shift, a: u32, count: u32, width: Width) -> u32 {
        let count = count & 31;
        if count == 0 {
            return a;
        }
        match op {
            Shift::Shl => self.shl(a, count, width),
            Shift::Shr => self.shr(a, count, width),
            Shift::Sar => self.sar(a, count, width),
            Shift::Rol => self.rol(a, count, width),
            Shift::Ror => self.ror(a, count, width),
            Shift::Rcl => self.rcl(a, count % (width.bits() + 1), width),
            Shift::Rcr => self.rcr(a, count % (width.bits() + 1), width),
        }
    }

    #[inline]
    fn shl(&mut self, a: u32, count: u32, width: Width) -> u32 {
        let wide = u64::from(a) << count;
        let result = wide as u32 & width.mask();
        let cf = wide >> width.bits() & 1 != 0;
        self.set_shifted(result, cf, cf != width.sign(result), width)
    }

    #[inline]
    fn shr(&mut self, a: u32, count: u32, width: Width) -> u32 {
        let result = a >> count;
        let cf = a >> (count - 1) & 1 != 0;
        let of = width.sign(result) != width.sign(result << 1);
        self.set_shifted(result, cf, of, width)
    }

    #[inline]
    fn sar(&mut self, a: u32, count: u32, width: Width) -> u32 {
        let signed = width.sign_extend(a) as i32;
        let result = (signed >> count) as u32 & width.mask();
        let cf = signed >> (count - 1) & 1 != 0;
        // The sign stays what it was.
        let of = false;
        self.set_shifted(result, cf, of, width)
    }

    #[inline]
    fn set_shifted(&mut self, result: u32, cf: bool, of: bool, width: Width) -> u32 {
        self.set_result(width.sign_extend(result));
        self.set_cf_of_only(cf, of);
        result
    }

    #[inline]
    fn rol(&mut self, a: u32, count: u32, width: Width) -> u32 {
        let result = rotate_left(a, count % width.bits(), width);
        let cf = result & 1 != 0;
        self.set_cf_of(cf, cf != width.sign(result));
        result
    }

    #[inline]
    fn ror(&mut self, a: u32, count: u32, width: Width) -> u32 {
        let result = rotate_left(a, width.bits() - count % width.bits(), width);
        self.set_cf_of(
            width.sign(result),
            width.sign(result) != width.sign(result << 1),
        );
        result
    }

    fn rcl(&mut self, a: u32, count: u32, width: Width) -> u32 {
        if count == 0 {
            return a;
        }
        let (result, cf) = self.rotate_with_carry(a, count, width);
        self.set_cf_of(cf, cf != width.sign(result));
        result
    }

    fn rcr(&mut self, a: u32, count: u32, width: Width) -> u32 {
        if count == 0 {
            return a;
        }
        let (result, cf) = self.rotate_with_carry(a, width.bits() + 1 - count, width);
        self.set_cf_of(cf, width.sign(result) != width.sign(result << 1));
        result
    }

    /// Rotates CF and the value to the left, as one number with one more bit.
    fn rotate_with_carry(&self, a: u32, count: u32, width: Width) -> (u32, bool) {
        let bits = width.bits();
        let whole = u64::from(self.cf()) << bits | u64::from(a);
        let rotated = whole << count | whole >> (bits + 1 - count);
        (rotated as u32 & width.mask(), rotated >> bits & 1 != 0)
    }

    /// `shld`: shifts `a` to the left, filling in the high bits of `b`. A count beyond 16 bits is
    /// undefined for 16-bit operands; the bits then come from `a` again.
    pub(super) fn shld(&mut self, a: u32, b: u32, count: u32, width: Width) -> u32 {
        let count = count & 31;
        if count == 0 {
            return a;
        }
        let (result, cf) = match width {
            Width::W32 => (a << count | b >> (32 - count), a >> (32 - count) & 1),
            _ => {
                let whole = u64::from(a) << 32 | u64::from(b) << 16 | u64::from(a);
                let shifted = whole << count;
                ((shifted >> 32) as u32 & 0xffff, (shifted >> 48) as u32 & 1)
            }
        };
        let of = width.sign(a) != width.sign(result);
        self.set_shifted(result, cf != 0, of, width)
    }

    /// `shrd`: shifts `a` to the right, filling in the low bits of `b`.
    pub(super) fn shrd(&mut self, a: u32, b: u32, count: u32, width: Width) -> u32 {
        let count = count & 31;
        if count == 0 {
            return a;
        }
        let (result, cf) = match width {
            Width::W32 => (a >> count | b << (32 - count), a >> (count - 1) & 1),
            _ => {
                let whole = u64::from(a) << 32 | u64::from(b) << 16 | u64::from(a);
                let shifted = (whole >> count) as u32 & 0xffff;
                (shifted, (whole >> (count - 1)) as u32 & 1)
            }
        };
        let of = width.sign(a) != width.sign(result);
        self.set_shifted(result, cf != 0, of, width)
    }

    /// `imul` with two factors: the product, truncated to the width.
    #[inline]
    pub(super) fn imul(&mut self, a: u32, b: u32, width: Width) -> u32 {
        self.multiply_signed(a, b, width).0
    }

    /// The low and high half of a signed product.
    #[inline]
    pub(super) fn multiply_signed(&mut self, a: u32, b: u32, width: Width) -> (u32, u32) {
        let extend = |value| i64::from(width.sign_extend(value) as i32);
        let product = extend(a) * extend(b);
        let low = product as u32 & width.mask();
        let overflow = product != i64::from(width.sign_extend(low) as i32);
        self.set_product(low, overflow, width);
        (low, (product >> width.bits()) as u32 & width.mask())
    }

    /// The low and high half of an unsigned product.
    #[inline]
    pub(super) fn multiply(&mut self, a: u32, b: u32, width: Width) -> (u32, u32) {
        let product = u64::from(a) * u64::from(b);
        let (low, high) = (
            product as u32 & width.mask(),
            (product >> width.bits()) as u32,
        );
        self.set_product(low, high != 0, width);
        (low, high)
    }

    #[inline]
    fn set_product(&mut self, low: u32, overflow: bool, width: Width) {
        self.set_result(width.sign_extend(low));
        self.set_cf_of_only(overflow, overflow);
    }
}

fn rotate_left(a: u32, count: u32, width: Width) -> u32 {
    let bits = width.bits();
    let count = count % bits;
    if count == 0 {
        a
    } else {
        (a << count | a >> (bits - count)) & width.mask()
    }
}

/// Quotient and remainder of an unsigned division; `None` if the quotient does not fit the width.
pub(super) fn divide(dividend: u64, divisor: u32, width: Width) -> Option<(u32, u32)> {
    let quotient = dividend.checked_div(u64::from(divisor))?;
    let remainder = dividend % u64::from(divisor);
    (quotient <= u64::from(width.mask())).then_some((quotient as u32, remainder as u32))
}

/// Quotient and remainder of a signed division, rounded towards zero.
pub(super) fn divide_signed(dividend: i64, divisor: u32, width: Width) -> Option<(u32, u32)> {
    let divisor = i64::from(width.sign_extend(divisor) as i32);
    let quotient = dividend.checked_div(divisor)?;
    let remainder = dividend % divisor;
    let fits = quotient == i64::from(width.sign_extend(quotient as u32) as i32);
    fits.then_some((
        quotient as u32 & width.mask(),
        remainder as u32 & width.mask(),
    ))
}
