//! Arithmetic, logic and shifts.

use crate::hw::cpu::Exception;
use crate::hw::cpu::alu::{self, Alu, Shift, Width};
use crate::hw::cpu::operand::width;
use crate::hw::cpu::state::{Core, EAX, EDX, Step};
use iced_x86::{Instruction, Mnemonic};

impl Core<'_> {
    pub(super) fn arithmetic(&mut self, i: &Instruction) -> Step<()> {
        use Mnemonic::*;
        match i.mnemonic() {
            Add => self.alu(i, Alu::Add),
            Or => self.alu(i, Alu::Or),
            Adc => self.alu(i, Alu::Adc),
            Sbb => self.alu(i, Alu::Sbb),
            And => self.alu(i, Alu::And),
            Sub => self.alu(i, Alu::Sub),
            Xor => self.alu(i, Alu::Xor),
            Cmp => self.compare(i, Alu::Cmp),
            Test => self.compare(i, Alu::Test),
            Inc | Dec | Not | Neg => self.unary(i),
            Rol => self.shift(i, Shift::Rol),
            Ror => self.shift(i, Shift::Ror),
            Rcl => self.shift(i, Shift::Rcl),
            Rcr => self.shift(i, Shift::Rcr),
            Shl | Sal => self.shift(i, Shift::Shl),
            Shr => self.shift(i, Shift::Shr),
            Sar => self.shift(i, Shift::Sar),
            Shld | Shrd => self.double_shift(i),
            Imul if i.op_count() > 1 => self.multiply_to_register(i),
            Mul | Imul => self.multiply(i),
            _ => self.divide(i),
        }
    }

    fn alu(&mut self, i: &Instruction, op: Alu) -> Step<()> {
        let (width, b) = (width(i, 0)?, self.read_operand(i, 1)?);
        let b = b & width.mask();
        self.modify_operand(i, 0, |flags, a| flags.alu(op, a, b, width))?;
        Ok(())
    }

    fn compare(&mut self, i: &Instruction, op: Alu) -> Step<()> {
        let width = width(i, 0)?;
        let a = self.read_operand(i, 0)?;
        let b = self.read_operand(i, 1)? & width.mask();
        self.flags.alu(op, a, b, width);
        Ok(())
    }

    fn unary(&mut self, i: &Instruction) -> Step<()> {
        let width = width(i, 0)?;
        self.modify_operand(i, 0, |flags, a| match i.mnemonic() {
            Mnemonic::Inc => flags.inc(a, width),
            Mnemonic::Dec => flags.dec(a, width),
            Mnemonic::Neg => flags.sub(0, a, width),
            _ => !a & width.mask(),
        })?;
        Ok(())
    }

    fn shift(&mut self, i: &Instruction, op: Shift) -> Step<()> {
        let (width, count) = (width(i, 0)?, self.read_operand(i, 1)?);
        self.modify_operand(i, 0, |flags, a| flags.shift(op, a, count, width))?;
        Ok(())
    }

    fn double_shift(&mut self, i: &Instruction) -> Step<()> {
        let width = width(i, 0)?;
        let (b, count) = (self.read_operand(i, 1)?, self.read_operand(i, 2)?);
        self.modify_operand(i, 0, |flags, a| match i.mnemonic() {
            Mnemonic::Shld => flags.shld(a, b, count, width),
            _ => flags.shrd(a, b, count, width),
        })?;
        Ok(())
    }

    /// `imul` with two or three operands.
    fn multiply_to_register(&mut self, i: &Instruction) -> Step<()> {
        let width = width(i, 0)?;
        let last = i.op_count() - 1;
        let a = self.read_operand(i, last - 1)?;
        let b = self.read_operand(i, last)?;
        let product = self.flags.imul(a, b, width);
        self.write_operand(i, 0, product)
    }

    fn multiply(&mut self, i: &Instruction) -> Step<()> {
        let (width, b) = (width(i, 0)?, self.read_operand(i, 0)?);
        let a = self.reg(EAX, width);
        let (low, high) = if i.mnemonic() == Mnemonic::Mul {
            self.flags.multiply(a, b, width)
        } else {
            self.flags.multiply_signed(a, b, width)
        };
        self.set_pair(low, high, width);
        Ok(())
    }

    fn divide(&mut self, i: &Instruction) -> Step<()> {
        let (width, divisor) = (width(i, 0)?, self.read_operand(i, 0)?);
        let dividend = self.pair(width);
        let result = if i.mnemonic() == Mnemonic::Div {
            alu::divide(dividend, divisor, width)
        } else {
            let shift = 64 - 2 * width.bits();
            alu::divide_signed((dividend << shift) as i64 >> shift, divisor, width)
        };
        let (quotient, remainder) = result.ok_or(Exception::DivideError)?;
        self.set_pair(quotient, remainder, width);
        Ok(())
    }

    /// AX, DX:AX or EDX:EAX: twice the width.
    fn pair(&self, width: Width) -> u64 {
        let high = match width {
            Width::W8 => return self.reg(EAX, Width::W16).into(),
            _ => self.reg(EDX, width),
        };
        u64::from(high) << width.bits() | u64::from(self.reg(EAX, width))
    }

    fn set_pair(&mut self, low: u32, high: u32, width: Width) {
        match width {
            Width::W8 => self.set_reg(EAX, Width::W16, high << 8 | low & 0xff),
            _ => {
                self.set_reg(EAX, width, low);
                self.set_reg(EDX, width, high);
            }
        }
    }
}
