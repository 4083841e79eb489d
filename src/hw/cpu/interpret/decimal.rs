//! Adjusting the results of decimal arithmetic.

use crate::hw::cpu::Exception;
use crate::hw::cpu::alu::Width;
use crate::hw::cpu::state::{Core, EAX, Step};
use iced_x86::{Instruction, Mnemonic};

/// What was done with packed digits before their sum or difference is adjusted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Digits {
    Added,
    Subtracted,
}

impl Core<'_> {
    pub(super) fn decimal(&mut self, i: &Instruction) -> Step<()> {
        match i.mnemonic() {
            Mnemonic::Daa => self.adjust_packed(Digits::Added),
            Mnemonic::Das => self.adjust_packed(Digits::Subtracted),
            Mnemonic::Aaa => self.adjust_unpacked(u32::wrapping_add),
            Mnemonic::Aas => self.adjust_unpacked(u32::wrapping_sub),
            Mnemonic::Aam => {
                let (al, base) = (self.reg(EAX, Width::W8), u32::from(i.immediate8()));
                let digit = al.checked_div(base).ok_or(Exception::DivideError)?;
                self.set_reg(EAX, Width::W16, (digit << 8) | (al % base));
                self.flags.logic(al % base, Width::W8);
            }
            _ => {
                let ax = self.reg(EAX, Width::W16);
                let value = ((ax & 0xff) + (ax >> 8) * u32::from(i.immediate8())) & 0xff;
                self.set_reg(EAX, Width::W16, value);
                self.flags.logic(value, Width::W8);
            }
        }
        Ok(())
    }

    /// `daa` and `das`; OF is undefined and cleared. A borrow out of the lower digit sets CF, a
    /// carry out of it does not.
    fn adjust_packed(&mut self, digits: Digits) {
        let adjust = match digits {
            Digits::Added => u32::wrapping_add,
            Digits::Subtracted => u32::wrapping_sub,
        };
        let (old, old_cf) = (self.reg(EAX, Width::W8), self.flags.cf());
        let low = old & 0xf > 9 || self.flags.af();
        let high = old > 0x99 || old_cf;
        let mut al = old;
        if low {
            al = adjust(al, 6);
        }
        let wrapped = low && al > 0xff;
        if high {
            al = adjust(al, 0x60);
        }
        al &= 0xff;
        self.set_reg(EAX, Width::W8, al);
        self.flags.set_result(Width::W8.sign_extend(al));
        let borrowed = digits == Digits::Subtracted && wrapped;
        self.flags.set_cf_af_only(high || borrowed, low);
    }

    /// `aaa` and `aas`; SF, ZF and PF are undefined and stay, OF is cleared.
    fn adjust_unpacked(&mut self, adjust: fn(u32, u32) -> u32) {
        let ax = self.reg(EAX, Width::W16);
        let carry = ax & 0xf > 9 || self.flags.af();
        let adjusted = if carry { adjust(ax, 0x106) } else { ax };
        self.set_reg(EAX, Width::W16, adjusted & 0xff0f);
        self.flags.set_cf_af_only(carry, carry);
    }
}
