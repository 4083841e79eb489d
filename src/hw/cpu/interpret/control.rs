//! Control transfers, and instructions that call the kernel.

use super::{Executed, is_far};
use crate::hw::cpu::Exception;
use crate::hw::cpu::alu::Width;
use crate::hw::cpu::operand::{is_memory, width};
use crate::hw::cpu::state::{Core, ECX, ESP, Step};
use iced_x86::{Code, Instruction, Mnemonic, OpKind};

impl Core<'_> {
    pub(super) fn control(&mut self, i: &Instruction) -> Step<Executed> {
        use Mnemonic::*;
        match i.mnemonic() {
            Jmp | Call if is_far(i) => return Err(Exception::GeneralProtection(0)),
            Jmp => self.next = self.target(i)?.0,
            Call => self.call(i)?,
            Ret => self.ret(i)?,
            Jcxz | Jecxz | Loop | Loope | Loopne => self.count_and_branch(i),
            Int3 => return Ok(Executed::Trap(Exception::Breakpoint)),
            Into if self.flags.of() => return Ok(Executed::Trap(Exception::Overflow)),
            Int => return interrupt(i.immediate8()),
            Bound => self.bound(i)?,
            _ => {}
        }
        Ok(Executed::Done)
    }

    /// Jumps to the target of a relative branch.
    pub(super) fn branch(&mut self, i: &Instruction) {
        self.next = self.relative_target(i);
    }

    /// The target of a relative branch. A 16-bit operand size truncates it, and the address that
    /// the decoder assumed need not be the real one.
    fn relative_target(&self, i: &Instruction) -> u32 {
        let after = i.next_ip32();
        if i.op0_kind() == OpKind::NearBranch16 {
            let distance = u32::from(i.near_branch16()).wrapping_sub(after);
            return self.next.wrapping_add(distance) & 0xffff;
        }
        let distance = i.near_branch32().wrapping_sub(after);
        self.next.wrapping_add(distance)
    }

    /// The target of a jump or call, and the width of the address.
    fn target(&mut self, i: &Instruction) -> Step<(u32, Width)> {
        match i.op0_kind() {
            OpKind::NearBranch16 => Ok((self.relative_target(i), Width::W16)),
            OpKind::NearBranch32 => Ok((self.relative_target(i), Width::W32)),
            _ => Ok((self.read_operand(i, 0)?, width(i, 0)?)),
        }
    }

    fn call(&mut self, i: &Instruction) -> Step<()> {
        let (target, width) = self.target(i)?;
        self.push(self.next & width.mask(), width)?;
        self.next = target;
        Ok(())
    }

    fn ret(&mut self, i: &Instruction) -> Step<()> {
        let short = matches!(i.code(), Code::Retnw | Code::Retnw_imm16);
        self.next = self.pop(if short { Width::W16 } else { Width::W32 })?;
        if i.op_count() == 1 {
            self.gpr[ESP] = self.gpr[ESP].wrapping_add(i.immediate16().into());
        }
        Ok(())
    }

    fn count_and_branch(&mut self, i: &Instruction) {
        use Code::*;
        let short = matches!(
            i.code(),
            Jcxz_rel8_16
                | Jcxz_rel8_32
                | Loop_rel8_16_CX
                | Loop_rel8_32_CX
                | Loope_rel8_16_CX
                | Loope_rel8_32_CX
                | Loopne_rel8_16_CX
                | Loopne_rel8_32_CX
        );
        let width = if short { Width::W16 } else { Width::W32 };
        let mut count = self.reg(ECX, width);
        let taken = if matches!(i.mnemonic(), Mnemonic::Jcxz | Mnemonic::Jecxz) {
            count == 0
        } else {
            count = count.wrapping_sub(1) & width.mask();
            self.set_reg(ECX, width, count);
            count != 0
                && match i.mnemonic() {
                    Mnemonic::Loope => self.flags.zf(),
                    Mnemonic::Loopne => !self.flags.zf(),
                    _ => true,
                }
        };
        if taken {
            self.branch(i);
        }
    }

    fn bound(&mut self, i: &Instruction) -> Step<()> {
        if !is_memory(i, 1) {
            return Err(Exception::InvalidOpcode);
        }
        let (width, (seg, offset)) = (width(i, 0)?, self.place(i));
        let signed = |value| width.sign_extend(value) as i32;
        let low = signed(self.read(seg, offset, width)?);
        let high = signed(self.read(seg, offset.wrapping_add(width.bytes()), width)?);
        let index = signed(self.read_operand(i, 0)?);
        if (low..=high).contains(&index) {
            Ok(())
        } else {
            Err(Exception::Bound)
        }
    }
}

/// `int n`: the kernel has opened the gates of the system call and of the exceptions that user mode
/// may raise by this instruction.
fn interrupt(vector: u8) -> Step<Executed> {
    match vector {
        0x80 => Ok(Executed::Syscall),
        3 => Ok(Executed::Trap(Exception::Breakpoint)),
        4 => Ok(Executed::Trap(Exception::Overflow)),
        5 => Ok(Executed::Trap(Exception::Bound)),
        // The index in the interrupt table, and the bit that marks it as such.
        _ => Err(Exception::GeneralProtection(u16::from(vector) << 3 | 2)),
    }
}
