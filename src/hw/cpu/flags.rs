//! The flags, stored in a form from which they are computed on demand: a result and the carries out
//! of its bits.
//!
//! An operation stores three words and computes no flag. ZF is set if `zero` is zero; SF and PF
//! come from `sign`; CF, OF and AF are in `carry`, the carries (or borrows) out of each bit of the
//! operation, shifted so that the highest is bit 31.

/// EFLAGS.CF: carry.
pub(super) const CF: u32 = 1 << 0;
/// EFLAGS.PF: even parity of the low byte.
pub(super) const PF: u32 = 1 << 2;
/// EFLAGS.AF: carry out of bit 3.
pub(super) const AF: u32 = 1 << 4;
/// EFLAGS.ZF: zero.
pub(super) const ZF: u32 = 1 << 6;
/// EFLAGS.SF: sign.
pub(super) const SF: u32 = 1 << 7;
/// EFLAGS.TF: single step.
pub(super) const TF: u32 = 1 << 8;
/// EFLAGS.DF: string instructions go downwards.
pub(super) const DF: u32 = 1 << 10;
/// EFLAGS.OF: overflow.
pub(super) const OF: u32 = 1 << 11;
/// The flags that arithmetic sets.
pub(super) const ARITHMETIC: u32 = CF | PF | AF | ZF | SF | OF;
/// NT, AC and ID: the flags that user mode may change besides those above.
const NT_AC_ID: u32 = 1 << 14 | 1 << 18 | 1 << 21;
/// The flags that `popf` changes in user mode; IF, IOPL and the like stay.
pub(super) const USER_WRITABLE: u32 = ARITHMETIC | TF | DF | NT_AC_ID;

/// Bit 31 of `carry`, which is CF, and bit 30, which differs from it if OF is set.
const TOP_CARRIES: u32 = 0xc000_0000;
/// The bit of `carry` that is AF.
const AUX_CARRY: u32 = 1 << 3;

/// EFLAGS, with the arithmetic flags in the form from which they are computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags {
    zero: u32,
    sign: u32,
    carry: u32,
    /// All other flags, as in EFLAGS.
    rest: u32,
}

impl Flags {
    pub(super) fn new(eflags: u32) -> Self {
        let mut flags = Self {
            zero: 0,
            sign: 0,
            carry: 0,
            rest: 0,
        };
        flags.set_all(eflags);
        flags
    }

    pub(super) fn eflags(&self) -> u32 {
        let bit = |set: bool, bit: u32| if set { bit } else { 0 };
        self.rest
            | bit(self.cf(), CF)
            | bit(self.pf(), PF)
            | bit(self.af(), AF)
            | bit(self.zf(), ZF)
            | bit(self.sf(), SF)
            | bit(self.of(), OF)
    }

    pub(super) fn set_all(&mut self, eflags: u32) {
        self.rest = eflags & !ARITHMETIC | 2;
        self.set_arithmetic(eflags);
    }

    /// Sets the arithmetic flags from a word in the layout of EFLAGS.
    pub(super) fn set_arithmetic(&mut self, eflags: u32) {
        self.zero = u32::from(eflags & ZF == 0);
        self.sign = (eflags & SF) << 24 | u32::from(eflags & PF == 0);
        self.set_carries(eflags & CF != 0, eflags & OF != 0, eflags & AF != 0);
    }

    /// The flags that are not arithmetic.
    pub(super) const fn rest(&self) -> u32 {
        self.rest
    }

    /// Sets a flag that is not arithmetic.
    pub(super) const fn set_rest(&mut self, bit: u32) {
        self.rest |= bit;
    }

    /// Clears a flag that is not arithmetic.
    pub(super) const fn clear_rest(&mut self, bit: u32) {
        self.rest &= !bit;
    }

    #[inline(always)]
    pub(super) const fn cf(&self) -> bool {
        self.carry >> 31 != 0
    }

    #[inline(always)]
    pub(super) const fn zf(&self) -> bool {
        self.zero == 0
    }

    #[inline(always)]
    pub(super) const fn sf(&self) -> bool {
        self.sign >> 31 != 0
    }

    #[inline(always)]
    pub(super) const fn of(&self) -> bool {
        (self.carry ^ self.carry << 1) >> 31 != 0
    }

    #[inline(always)]
    pub(super) const fn pf(&self) -> bool {
        (self.sign as u8).count_ones().is_multiple_of(2)
    }

    pub(super) const fn af(&self) -> bool {
        self.carry & AUX_CARRY != 0
    }

    /// Whether SF differs from OF: signed less.
    #[inline(always)]
    pub(super) const fn less(&self) -> bool {
        (self.sign ^ self.carry ^ self.carry << 1) >> 31 != 0
    }

    /// Sets ZF, SF and PF from a result, sign-extended from its width, and the others from the
    /// carries out of its bits, aligned by [`Width::carries`](super::alu::Width).
    #[inline(always)]
    pub(super) const fn set(&mut self, result: u32, carries: u32) {
        self.zero = result;
        self.sign = result;
        self.carry = carries;
    }

    /// Sets only ZF, SF and PF, from a sign-extended result.
    #[inline(always)]
    pub(super) const fn set_result(&mut self, result: u32) {
        self.zero = result;
        self.sign = result;
    }

    /// Sets the carries but keeps CF, for `inc` and `dec`. OF must follow from the new carries.
    #[inline(always)]
    pub(super) const fn set_but_cf(&mut self, result: u32, carries: u32) {
        let changed = (carries ^ self.carry) >> 31 != 0;
        let carries = if changed {
            carries ^ TOP_CARRIES
        } else {
            carries
        };
        self.set(result, carries);
    }

    fn set_carries(&mut self, cf: bool, of: bool, af: bool) {
        self.set_cf_of_only(cf, of);
        if af {
            self.carry |= AUX_CARRY;
        }
    }

    /// Sets CF and OF, clears AF.
    pub(super) fn set_cf_of_only(&mut self, cf: bool, of: bool) {
        self.carry = u32::from(cf) << 31 | u32::from(cf != of) << 30;
    }

    /// Sets CF and AF, clears OF.
    pub(super) fn set_cf_af_only(&mut self, cf: bool, af: bool) {
        let of = false;
        self.set_carries(cf, of, af);
    }

    /// Sets CF and OF, keeps AF.
    pub(super) fn set_cf_of(&mut self, cf: bool, of: bool) {
        self.set_carries(cf, of, self.af());
    }

    pub(super) const fn set_cf(&mut self, cf: bool) {
        if self.cf() != cf {
            self.complement_cf();
        }
    }

    /// `cmc`: the carries are those of CF and, beside it, of OF, which stays.
    pub(super) const fn complement_cf(&mut self) {
        self.carry ^= TOP_CARRIES;
    }

    /// `clc`.
    pub(super) const fn clear_cf(&mut self) {
        if self.cf() {
            self.complement_cf();
        }
    }

    /// `stc`.
    pub(super) const fn raise_cf(&mut self) {
        if !self.cf() {
            self.complement_cf();
        }
    }

    pub(super) fn set_zf(&mut self, zf: bool) {
        self.zero = u32::from(!zf);
    }

    /// Whether a condition holds, numbered as in the opcodes of `jcc`.
    #[inline(always)]
    pub(super) const fn condition(&self, number: u8) -> bool {
        let holds = match number >> 1 & 7 {
            0 => self.of(),
            1 => self.cf(),
            2 => self.zf(),
            3 => self.cf() || self.zf(),
            4 => self.sf(),
            5 => self.pf(),
            6 => self.less(),
            _ => self.less() || self.zf(),
        };
        holds != (number & 1 != 0)
    }
}
