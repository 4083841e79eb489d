//! Single bits: testing, changing and finding them.

use crate::hw::cpu::flags::Flags;
use crate::hw::cpu::operand::{is_memory, width};
use crate::hw::cpu::state::{Core, Step};
use iced_x86::{Instruction, Mnemonic, OpKind};

impl Core<'_> {
    pub(super) fn bits(&mut self, i: &Instruction) -> Step<()> {
        match i.mnemonic() {
            Mnemonic::Bsf | Mnemonic::Bsr => self.find_bit(i),
            _ => self.bit(i),
        }
    }

    fn bit(&mut self, i: &Instruction) -> Step<()> {
        let width = width(i, 0)?;
        let number = self.read_operand(i, 1)?;
        let mask = 1 << (number & (width.bits() - 1));
        let mnemonic = i.mnemonic();
        let change = move |flags: &mut Flags, old: u32| {
            flags.set_cf(old & mask != 0);
            match mnemonic {
                Mnemonic::Bts => old | mask,
                Mnemonic::Btr => old & !mask,
                Mnemonic::Btc => old ^ mask,
                _ => old,
            }
        };
        if !is_memory(i, 0) {
            self.modify_operand(i, 0, change)?;
            return Ok(());
        }
        let (seg, mut offset) = self.place(i);
        if i.op1_kind() == OpKind::Register {
            // The bit string starts at the operand and extends in both directions.
            let number = width.sign_extend(number) as i32;
            let words = number >> width.bits().trailing_zeros();
            offset = offset.wrapping_add((words as u32).wrapping_mul(width.bytes()));
        }
        if mnemonic == Mnemonic::Bt {
            let old = self.read(seg, offset, width)?;
            change(&mut self.flags, old);
        } else {
            self.modify((seg, offset), width, change)?;
        }
        Ok(())
    }

    /// If no bit is set, only ZF changes.
    fn find_bit(&mut self, i: &Instruction) -> Step<()> {
        let value = self.read_operand(i, 1)?;
        self.flags.set_zf(value == 0);
        if value == 0 {
            return Ok(());
        }
        let place = match i.mnemonic() {
            Mnemonic::Bsf => value.trailing_zeros(),
            _ => value.ilog2(),
        };
        self.write_operand(i, 0, place)
    }
}
