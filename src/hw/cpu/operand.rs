//! The operands of a decoded instruction: locating, reading and writing them.

use super::Exception;
use super::alu::Width;
use super::flags::Flags;
use super::state::{Core, Step};
use iced_x86::{Instruction, OpKind, Register};

/// The width of an operand in a register or in memory; for an immediate, that of the first operand.
pub(super) fn width(i: &Instruction, operand: u32) -> Step<Width> {
    let bytes = match i.op_kind(operand) {
        OpKind::Register => i.op_register(operand).size(),
        OpKind::Memory => i.memory_size().size(),
        _ if operand > 0 => return width(i, 0),
        _ => 0,
    };
    Width::of_bytes(bytes).ok_or(Exception::InvalidOpcode)
}

/// The number of a segment register.
pub(super) fn segment_number(register: Register) -> usize {
    register.number()
}

pub(super) fn is_memory(i: &Instruction, operand: u32) -> bool {
    i.op_kind(operand) == OpKind::Memory
}

impl Core<'_> {
    /// The value of a register; 0 for none.
    pub(super) fn register(&self, register: Register) -> u32 {
        match Width::of_bytes(register.size()) {
            Some(width) if register != Register::None => self.reg(register.number(), width),
            _ => 0,
        }
    }

    /// The offset of the memory operand in its segment.
    pub(super) fn offset(&self, i: &Instruction) -> u32 {
        let (base, index) = (i.memory_base(), i.memory_index());
        let offset = self
            .register(base)
            .wrapping_add(self.register(index).wrapping_mul(i.memory_index_scale()))
            .wrapping_add(i.memory_displacement32());
        if has_16_bit_address(i) {
            offset & 0xffff
        } else {
            offset
        }
    }

    /// Segment and offset of the memory operand.
    pub(super) fn place(&self, i: &Instruction) -> (usize, u32) {
        (segment_number(i.memory_segment()), self.offset(i))
    }

    pub(super) fn read_operand(&mut self, i: &Instruction, operand: u32) -> Step<u32> {
        match i.op_kind(operand) {
            OpKind::Register => Ok(self.register(i.op_register(operand))),
            OpKind::Memory => {
                let (seg, offset) = self.place(i);
                self.read(seg, offset, width(i, operand)?)
            }
            _ => immediate(i, operand),
        }
    }

    pub(super) fn write_operand(&mut self, i: &Instruction, operand: u32, value: u32) -> Step<()> {
        let width = width(i, operand)?;
        if i.op_kind(operand) == OpKind::Register {
            self.set_reg(i.op_register(operand).number(), width, value);
            return Ok(());
        }
        let (seg, offset) = self.place(i);
        self.write(seg, offset, width, value)
    }

    /// Replaces an operand by the result of `f` and returns its old value.
    pub(super) fn modify_operand(
        &mut self,
        i: &Instruction,
        operand: u32,
        f: impl FnOnce(&mut Flags, u32) -> u32,
    ) -> Step<u32> {
        let width = width(i, operand)?;
        if i.op_kind(operand) == OpKind::Register {
            let number = i.op_register(operand).number();
            let old = self.reg(number, width);
            let new = f(&mut self.flags, old);
            self.set_reg(number, width, new);
            return Ok(old);
        }
        self.modify(self.place(i), width, f)
    }
}

fn immediate(i: &Instruction, operand: u32) -> Step<u32> {
    let value = i.try_immediate(operand);
    value
        .map(|value| value as u32)
        .map_err(|_| Exception::InvalidOpcode)
}

/// Whether addresses are computed in 16 bits.
pub(super) fn has_16_bit_address(i: &Instruction) -> bool {
    let (base, index) = (i.memory_base(), i.memory_index());
    base.size() == 2
        || index.size() == 2
        || base == Register::None && index == Register::None && i.memory_displ_size() == 2
}
