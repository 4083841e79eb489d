//! Moving, exchanging and extending data, and single flags.

use super::system;
use crate::hw::AccessKind;
use crate::hw::cpu::Exception;
use crate::hw::cpu::alu::Width;
use crate::hw::cpu::flags::{AF, ARITHMETIC, CF, DF, OF, PF, SF, ZF};
use crate::hw::cpu::operand::{is_memory, segment_number, width};
use crate::hw::cpu::segment::{DS, ES, FS, GS, SS};
use crate::hw::cpu::state::{Core, EAX, EBX, ECX, EDX, Step};
use iced_x86::{Instruction, Mnemonic, OpKind};

/// The flags that `lahf` and `sahf` transfer.
const LOW_FLAGS: u32 = CF | PF | AF | ZF | SF;
/// The number of AH among the byte registers.
const AH: usize = 4;

impl Core<'_> {
    pub(super) fn data(&mut self, i: &Instruction) -> Step<()> {
        use Mnemonic::*;
        match i.mnemonic() {
            Mov => self.mov(i),
            Movzx => {
                let value = self.read_operand(i, 1)?;
                self.write_operand(i, 0, value)
            }
            Movsx => {
                let value = width(i, 1)?.sign_extend(self.read_operand(i, 1)?);
                self.write_operand(i, 0, value)
            }
            Lea if !is_memory(i, 1) => Err(Exception::InvalidOpcode),
            Lea => self.write_operand(i, 0, self.offset(i)),
            Xchg => self.exchange(i),
            Xadd => self.exchange_and_add(i),
            Cmpxchg => self.compare_and_exchange(i),
            Cmpxchg8b => self.compare_and_exchange_8_bytes(i),
            Bswap => self.byte_swap(i),
            Cbw | Cwde | Cwd | Cdq => {
                self.widen(i);
                Ok(())
            }
            Lahf | Sahf | Clc | Stc | Cmc | Cld | Std => {
                self.flag(i);
                Ok(())
            }
            Xlatb => {
                let (seg, offset) = self.place(i);
                let value = self.read(seg, offset, Width::W8)?;
                self.set_reg(EAX, Width::W8, value);
                Ok(())
            }
            Lds | Les | Lfs | Lgs | Lss => self.far_pointer(i),
            _ => Ok(()),
        }
    }

    fn mov(&mut self, i: &Instruction) -> Step<()> {
        if system::names_system_register(i) {
            return Err(Exception::GeneralProtection(0));
        }
        let is_segment = |operand| {
            i.op_kind(operand) == OpKind::Register && i.op_register(operand).is_segment_register()
        };
        if is_segment(0) {
            let selector = self.read_operand(i, 1)?;
            return self.load_segment(segment_number(i.op0_register()), selector);
        }
        let value = if is_segment(1) {
            self.segments[segment_number(i.op1_register())]
                .selector
                .into()
        } else {
            self.read_operand(i, 1)?
        };
        self.write_operand(i, 0, value)
    }

    /// The memory operand, if there is one, is the first or the second.
    fn exchange(&mut self, i: &Instruction) -> Step<()> {
        let (place, register) = if is_memory(i, 1) { (1, 0) } else { (0, 1) };
        let new = self.read_operand(i, register)?;
        let old = self.modify_operand(i, place, |_, _| new)?;
        if is_memory(i, place) && old == 0 && new != 0 {
            self.note_taken(i);
        }
        self.write_operand(i, register, old)
    }

    fn exchange_and_add(&mut self, i: &Instruction) -> Step<()> {
        let (width, b) = (width(i, 0)?, self.read_operand(i, 1)?);
        let mut sum = 0;
        let old = self.modify_operand(i, 0, |flags, a| {
            sum = flags.add(a, b, width);
            sum
        })?;
        self.write_operand(i, 1, old)?;
        // If both are the same register, the sum remains.
        if is_memory(i, 0) {
            Ok(())
        } else {
            self.write_operand(i, 0, sum)
        }
    }

    /// The operand is written in either case, as the hardware's bus cycle does.
    fn compare_and_exchange(&mut self, i: &Instruction) -> Step<()> {
        let (width, new) = (width(i, 0)?, self.read_operand(i, 1)?);
        let expected = self.reg(EAX, width);
        let old = self.modify_operand(i, 0, |flags, old| {
            flags.sub(expected, old, width);
            if old == expected { new } else { old }
        })?;
        if old != expected {
            self.set_reg(EAX, width, old);
        } else if is_memory(i, 0) && old == 0 && new != 0 {
            self.note_taken(i);
        }
        Ok(())
    }

    /// The memory operand was a lock, perhaps, and is taken now.
    fn note_taken(&mut self, i: &Instruction) {
        let (seg, offset) = self.place(i);
        // The access has succeeded before.
        if let Ok(addr) = self.linear(seg, offset, 4, AccessKind::Write) {
            self.taken.note(addr);
        }
    }

    fn compare_and_exchange_8_bytes(&mut self, i: &Instruction) -> Step<()> {
        let (seg, offset) = self.place(i);
        let first = self.linear(seg, offset, 8, AccessKind::Write)?;
        self.probe(first, 8)?;
        let high_offset = offset.wrapping_add(4);
        let low = self.read(seg, offset, Width::W32)?;
        let high = self.read(seg, high_offset, Width::W32)?;
        let equal = (low, high) == (self.gpr[EAX], self.gpr[EDX]);
        let new = if equal {
            (self.gpr[EBX], self.gpr[ECX])
        } else {
            (low, high)
        };
        self.write(seg, offset, Width::W32, new.0)?;
        self.write(seg, high_offset, Width::W32, new.1)?;
        if !equal {
            self.gpr[EAX] = low;
            self.gpr[EDX] = high;
        }
        self.flags.set_zf(equal);
        Ok(())
    }

    /// For 16 bits the result is undefined; here it is 0.
    fn byte_swap(&mut self, i: &Instruction) -> Step<()> {
        let value = self.read_operand(i, 0)?;
        let swapped = match width(i, 0)? {
            Width::W32 => value.swap_bytes(),
            _ => 0,
        };
        self.write_operand(i, 0, swapped)
    }

    fn widen(&mut self, i: &Instruction) {
        let sign = |width: Width, value: u32| width.sign_extend(value);
        let (al, ax) = (self.reg(EAX, Width::W8), self.reg(EAX, Width::W16));
        match i.mnemonic() {
            Mnemonic::Cbw => self.set_reg(EAX, Width::W16, sign(Width::W8, al)),
            Mnemonic::Cwde => self.gpr[EAX] = sign(Width::W16, ax),
            Mnemonic::Cwd => self.set_reg(EDX, Width::W16, sign(Width::W16, ax) >> 16),
            _ => self.gpr[EDX] = (self.gpr[EAX] as i32 >> 31) as u32,
        }
    }

    fn flag(&mut self, i: &Instruction) {
        let eflags = self.flags.eflags();
        match i.mnemonic() {
            Mnemonic::Lahf => self.set_reg(AH, Width::W8, eflags),
            Mnemonic::Sahf => {
                let kept = eflags & ARITHMETIC & (OF | !LOW_FLAGS);
                let low = self.reg(AH, Width::W8) & LOW_FLAGS;
                self.flags.set_arithmetic(kept | low);
            }
            Mnemonic::Clc => self.flags.clear_cf(),
            Mnemonic::Stc => self.flags.raise_cf(),
            Mnemonic::Cmc => self.flags.complement_cf(),
            Mnemonic::Cld => self.flags.clear_rest(DF),
            _ => self.flags.set_rest(DF),
        }
    }

    fn far_pointer(&mut self, i: &Instruction) -> Step<()> {
        let target = match i.mnemonic() {
            Mnemonic::Lds => DS,
            Mnemonic::Les => ES,
            Mnemonic::Lfs => FS,
            Mnemonic::Lgs => GS,
            _ => SS,
        };
        let (width, (seg, offset)) = (width(i, 0)?, self.place(i));
        let value = self.read(seg, offset, width)?;
        let selector = self.read(seg, offset.wrapping_add(width.bytes()), Width::W16)?;
        self.load_segment(target, selector)?;
        self.write_operand(i, 0, value)
    }
}
