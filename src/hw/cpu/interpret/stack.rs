//! Stack instructions.

use crate::hw::AccessKind;
use crate::hw::cpu::alu::Width;
use crate::hw::cpu::flags::{TF, USER_WRITABLE};
use crate::hw::cpu::operand::{is_memory, segment_number};
use crate::hw::cpu::segment::SS;
use crate::hw::cpu::state::{Core, EBP, ESP, Step};
use iced_x86::{Code, Instruction, Mnemonic, OpKind};

/// The flags that `pushf` shows: all but VM and RF.
const PUSHED_FLAGS: u32 = 0x00fc_ffff;

impl Core<'_> {
    pub(super) fn stack(&mut self, i: &Instruction) -> Step<()> {
        use Mnemonic::*;
        match i.mnemonic() {
            Push => self.push_operand(i),
            Pop => self.pop_operand(i),
            Pusha => self.push_all(Width::W16),
            Pushad => self.push_all(Width::W32),
            Popa => self.pop_all(Width::W16),
            Popad => self.pop_all(Width::W32),
            Pushf => self.push(self.flags.eflags() & PUSHED_FLAGS, Width::W16),
            Pushfd => self.push(self.flags.eflags() & PUSHED_FLAGS, Width::W32),
            Popf => self.pop_flags(Width::W16),
            Popfd => self.pop_flags(Width::W32),
            Enter => self.enter(i),
            _ => self.leave(i),
        }
    }

    fn push_operand(&mut self, i: &Instruction) -> Step<()> {
        let width = stack_width(i);
        let register = i.op0_register();
        let value = if i.op0_kind() == OpKind::Register && register.is_segment_register() {
            self.segments[segment_number(register)].selector.into()
        } else {
            self.read_operand(i, 0)?
        };
        self.push(value, width)
    }

    /// The address of a memory operand is computed after ESP has moved.
    fn pop_operand(&mut self, i: &Instruction) -> Step<()> {
        let value = self.pop(stack_width(i))?;
        let register = i.op0_register();
        if !is_memory(i, 0) && register.is_segment_register() {
            return self.load_segment(segment_number(register), value);
        }
        self.write_operand(i, 0, value)
    }

    fn push_all(&mut self, width: Width) -> Step<()> {
        let old = self.gpr;
        self.probe_pushes(8, width)?;
        for value in &old[..8] {
            self.push(value & width.mask(), width)?;
        }
        Ok(())
    }

    /// The saved ESP is skipped.
    fn pop_all(&mut self, width: Width) -> Step<()> {
        for register in (0..8).rev() {
            let value = self.pop(width)?;
            if register != ESP {
                self.set_reg(register, width, value);
            }
        }
        Ok(())
    }

    fn pop_flags(&mut self, width: Width) -> Step<()> {
        let value = self.pop(width)?;
        let changed = USER_WRITABLE & width.mask();
        let kept = self.flags.eflags() & !changed;
        self.flags.set_all(kept | value & changed);
        Ok(())
    }

    fn enter(&mut self, i: &Instruction) -> Step<()> {
        let width = if i.code() == Code::Enterw_imm16_imm8 {
            Width::W16
        } else {
            Width::W32
        };
        let level = u32::from(i.immediate8_2nd() & 31);
        self.probe_pushes(level + 1, width)?;
        self.push(self.reg(EBP, width), width)?;
        let frame = self.gpr[ESP];
        for _ in 1..level {
            self.gpr[EBP] = self.gpr[EBP].wrapping_sub(width.bytes());
            let saved = self.read(SS, self.gpr[EBP], width)?;
            self.push(saved, width)?;
        }
        if level > 0 {
            self.push(frame & width.mask(), width)?;
        }
        self.set_reg(EBP, width, frame);
        self.gpr[ESP] = self.gpr[ESP].wrapping_sub(i.immediate16().into());
        // The new top of the stack must be writable: the hardware checks before it commits.
        self.probe_word(self.gpr[ESP], width)
    }

    fn leave(&mut self, i: &Instruction) -> Step<()> {
        let width = if i.code() == Code::Leavew {
            Width::W16
        } else {
            Width::W32
        };
        self.gpr[ESP] = self.gpr[EBP];
        let saved = self.pop(width)?;
        self.set_reg(EBP, width, saved);
        Ok(())
    }

    /// Faults as that many pushes would, before any of them is performed.
    fn probe_pushes(&mut self, words: u32, width: Width) -> Step<()> {
        let top = self.gpr[ESP];
        (1..=words).try_for_each(|n| self.probe_word(top.wrapping_sub(n * width.bytes()), width))
    }

    fn probe_word(&mut self, offset: u32, width: Width) -> Step<()> {
        let va = self.linear(SS, offset, width.bytes(), AccessKind::Write)?;
        Ok(self.probe(va, width.bytes())?)
    }

    /// Whether the next instruction is single-stepped.
    pub(in crate::hw::cpu) const fn steps_singly(&self) -> bool {
        self.flags.rest() & TF != 0
    }
}

fn stack_width(i: &Instruction) -> Width {
    if i.stack_pointer_increment().unsigned_abs() == 2 {
        Width::W16
    } else {
        Width::W32
    }
}
