//! The registers of the FPU: the stack with its tags, the control and status words.

use super::float80::{Class, F80};
use super::round::Context;
use super::word::{BUSY, C1, CODES, ES, EXCEPTIONS, IE, SF};

/// The control word after `fninit`: everything masked, 64 bits of precision.
const INITIAL_CONTROL: u16 = 0x37f;
/// The bits of the control word that can be changed, and the one that is always set.
const CONTROL_BITS: u16 = 0x1f3f;
const CONTROL_FIXED: u16 = 0x40;

/// Where the last instruction was that was no control instruction, and its operand in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pointers {
    /// `fip` and `fcs`: the instruction, with its prefixes.
    pub instruction: u32,
    /// The selector of its code segment.
    pub code_selector: u16,
    /// `fop`: eleven bits of its opcode. As on later processors of the family, only an exception
    /// that is not masked stores them.
    pub opcode: u16,
    /// `foo` and `fos`: its operand.
    pub operand: u32,
    /// The selector of the operand's segment.
    pub operand_selector: u16,
}

/// The x87 state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct X87 {
    /// By their physical numbers.
    registers: [F80; 8],
    /// The physical number of `st(0)`.
    top: u8,
    /// A bit for each physical register.
    empty: u8,
    control: u16,
    /// Without the top of the stack and the error summary, which follow from the rest.
    status: u16,
    pub(super) pointers: Pointers,
}

impl Default for X87 {
    /// The state after `fninit`.
    fn default() -> Self {
        Self {
            registers: [F80::default(); 8],
            top: 0,
            empty: 0xff,
            control: INITIAL_CONTROL,
            status: 0,
            pointers: Pointers::default(),
        }
    }
}

/// What is wrong with the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StackFault {
    /// An empty register was read.
    Underflow,
    /// A register that is in use was pushed over.
    Overflow,
}

impl X87 {
    const fn physical(&self, n: u32) -> usize {
        (self.top as usize + n as usize) & 7
    }

    pub(super) const fn is_empty(&self, n: u32) -> bool {
        self.empty >> self.physical(n) & 1 != 0
    }

    /// The content of `st(n)`, whether it is empty or not.
    pub(super) const fn raw(&self, n: u32) -> F80 {
        self.registers[self.physical(n)]
    }

    /// The value of `st(n)`; `None` if it is empty.
    pub(super) const fn st(&self, n: u32) -> Option<F80> {
        if self.is_empty(n) {
            None
        } else {
            Some(self.raw(n))
        }
    }

    pub(super) const fn set(&mut self, n: u32, value: F80) {
        let place = self.physical(n);
        self.registers[place] = value;
        self.empty &= !(1 << place);
    }

    /// Changes the content of `st(n)` and leaves its tag.
    pub(super) const fn set_raw(&mut self, n: u32, value: F80) {
        self.registers[self.physical(n)] = value;
    }

    pub(super) const fn free(&mut self, n: u32) {
        self.empty |= 1 << self.physical(n);
    }

    pub(super) const fn rotate(&mut self, by: u8) {
        self.top = self.top.wrapping_add(by) & 7;
    }

    pub(super) const fn pop(&mut self) {
        self.free(0);
        self.rotate(1);
    }

    /// Pushes a value; a register that is in use becomes the indefinite.
    pub(super) fn push(&mut self, value: F80) {
        self.clear_code1();
        if !self.is_empty(7) {
            if self.stack_fault(StackFault::Overflow) {
                self.rotate(7);
                self.set(0, F80::INDEFINITE);
            }
            return;
        }
        self.rotate(7);
        self.set(0, value);
    }

    /// Records a stack fault. Returns whether it is masked, so that the operation has a result.
    pub(super) fn stack_fault(&mut self, fault: StackFault) -> bool {
        self.set_code1(fault == StackFault::Overflow);
        self.status |= IE | SF;
        self.control & IE != 0
    }

    pub(super) const fn clear_code1(&mut self) {
        self.set_codes(C1, 0);
    }

    pub(super) const fn set_code1(&mut self, set: bool) {
        self.set_codes(C1, if set { C1 } else { 0 });
    }

    /// Changes those of the condition codes that are in the mask.
    pub(super) const fn set_codes(&mut self, mask: u16, codes: u16) {
        self.status = self.status & !mask | codes & mask;
    }

    pub(super) const fn context(&self) -> Context {
        Context::new(self.control)
    }

    /// Adds what an operation has raised. Returns whether the operation takes place.
    pub(super) const fn commit(&mut self, mut context: Context) -> bool {
        context.settle();
        self.set_codes(C1, context.raised);
        self.status |= context.raised & EXCEPTIONS;
        !context.is_prevented()
    }

    /// Whether an exception waits for the next instruction that reports it.
    pub(in crate::hw::cpu) const fn is_pending(&self) -> bool {
        self.status & !self.control & EXCEPTIONS != 0
    }

    pub(in crate::hw::cpu) const fn control(&self) -> u16 {
        self.control
    }

    pub(super) const fn set_control(&mut self, control: u16) {
        self.control = control & CONTROL_BITS | CONTROL_FIXED;
    }

    pub(super) const fn mask_all(&mut self) {
        self.control |= EXCEPTIONS;
    }

    pub(in crate::hw::cpu) const fn status(&self) -> u16 {
        let summary = if self.is_pending() { ES | BUSY } else { 0 };
        self.status | (self.top as u16) << 11 | summary
    }

    pub(super) const fn set_status(&mut self, status: u16) {
        self.status = status & (EXCEPTIONS | SF | CODES);
        self.top = (status >> 11 & 7) as u8;
    }

    pub(super) const fn clear_exceptions(&mut self) {
        self.status &= CODES;
    }

    /// `fninit`: the contents of the registers remain, but all of them are empty.
    pub(super) fn init(&mut self) {
        *self = Self {
            registers: self.registers,
            ..Self::default()
        };
    }

    /// Two bits for each physical register: 0 valid, 1 zero, 2 special, 3 empty.
    pub(super) const fn tags(&self) -> u16 {
        let (mut tags, mut n) = (0, 0);
        while n < 8 {
            let tag = if self.empty >> n & 1 != 0 {
                3
            } else {
                match self.registers[n].class() {
                    Class::Normal => 0,
                    Class::Zero => 1,
                    _ => 2,
                }
            };
            tags |= tag << (2 * n);
            n += 1;
        }
        tags
    }

    /// Only whether a register is empty counts.
    pub(super) fn set_tags(&mut self, tags: u16) {
        let empty = (0..8).filter(|n| tags >> (2 * n) & 3 == 3);
        self.empty = empty.fold(0, |mask, n| mask | 1 << n);
    }
}
