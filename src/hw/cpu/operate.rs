//! What decoded operations do with registers and memory, inlined where they are dispatched.
//!
//! A store that needs no notice goes straight to RAM. Any other store is noticed by the RAM, and
//! the caller must check whether it has changed the code that is running.

use super::Exception;
use super::alu::{self, Alu, Width};
use super::flags::Flags;
use super::op::Op;
use super::state::{Core, EAX, EDX, ESP, Step};
use crate::abi::VirtAddr;
use crate::hw::Mode;

/// The ALU operations by the numbers that 8-bit and 16-bit operations carry.
const ALU: [Alu; 9] = [
    Alu::Add,
    Alu::Or,
    Alu::Adc,
    Alu::Sbb,
    Alu::And,
    Alu::Sub,
    Alu::Xor,
    Alu::Cmp,
    Alu::Test,
];

/// Whether the RAM noticed a store, so that it may have changed code.
pub(super) type Noticed = bool;

impl Core<'_> {
    #[inline(always)]
    pub(super) fn r(&self, number: u8) -> u32 {
        self.gpr[usize::from(number)]
    }

    #[inline(always)]
    pub(super) fn set(&mut self, number: u8, value: u32) {
        self.gpr[usize::from(number)] = value;
    }

    /// The offset of the memory operand.
    #[inline(always)]
    pub(super) fn effective(&self, op: &Op) -> u32 {
        let index = self.r(op.index & 15) << (op.index >> 4 & 3);
        self.r(op.base).wrapping_add(index).wrapping_add(op.disp)
    }

    #[inline(always)]
    pub(super) fn load(&mut self, op: &Op, width: Width) -> Step<u32> {
        self.load_at(VirtAddr(self.effective(op)), width)
    }

    #[inline(always)]
    pub(super) fn load_at(&mut self, va: VirtAddr, width: Width) -> Step<u32> {
        match self.load_quickly(va, width) {
            Some(value) => Ok(value),
            None => self.load_slowly(va, width),
        }
    }

    /// The value, if the access hits the TLB.
    #[inline(always)]
    pub(super) fn load_quickly(&mut self, va: VirtAddr, width: Width) -> Option<u32> {
        let phys = match width {
            Width::W8 => self.read_hit::<1>(va),
            Width::W16 => self.read_hit::<2>(va),
            Width::W32 => self.read_hit::<4>(va),
        }?;
        Some(self.load_phys(phys, width))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn load_slowly(&mut self, va: VirtAddr, width: Width) -> Step<u32> {
        self.count_itself();
        self.forget_pages();
        Ok(match width {
            Width::W8 => self.mmu.read_u8(self.ram, va, Mode::User)?.into(),
            Width::W16 => self.mmu.read_u16(self.ram, va, Mode::User)?.into(),
            Width::W32 => self.mmu.read_u32(self.ram, va, Mode::User)?,
        })
    }

    #[inline(always)]
    pub(super) fn store_operand(&mut self, op: &Op, width: Width, value: u32) -> Step<Noticed> {
        self.store_at(VirtAddr(self.effective(op)), width, value)
    }

    #[inline(always)]
    pub(super) fn store_at(&mut self, va: VirtAddr, width: Width, value: u32) -> Step<Noticed> {
        if let Some(phys) = self.unnoticed(va, width) {
            self.store_phys(phys, width, value);
            return Ok(false);
        }
        self.store_noticed(va, width, value)?;
        Ok(true)
    }

    #[cold]
    fn store_noticed(&mut self, va: VirtAddr, width: Width, value: u32) -> Step<()> {
        self.count_itself();
        self.forget_pages();
        match width {
            Width::W8 => self.mmu.write_u8(self.ram, va, value as u8, Mode::User)?,
            Width::W16 => self.mmu.write_u16(self.ram, va, value as u16, Mode::User)?,
            Width::W32 => self.mmu.write_u32(self.ram, va, value, Mode::User)?,
        }
        Ok(())
    }

    /// The physical address of a write that needs no notice.
    #[inline(always)]
    fn unnoticed(&mut self, va: VirtAddr, width: Width) -> Option<u32> {
        match width {
            Width::W8 => self.write_hit::<1>(va),
            Width::W16 => self.write_hit::<2>(va),
            Width::W32 => self.write_hit::<4>(va),
        }
    }

    #[inline(always)]
    fn load_phys(&self, phys: u32, width: Width) -> u32 {
        match width {
            Width::W8 => self.ram.read_u8(phys).into(),
            Width::W16 => self.ram.read_u16(phys).into(),
            Width::W32 => self.ram.read_u32(phys),
        }
    }

    #[inline(always)]
    fn store_phys(&mut self, phys: u32, width: Width, value: u32) {
        match width {
            Width::W8 => self.ram.store(phys, [value as u8]),
            Width::W16 => self.ram.store(phys, (value as u16).to_le_bytes()),
            Width::W32 => self.ram.store(phys, value.to_le_bytes()),
        }
    }

    /// Replaces the memory operand by the result of `f`.
    #[inline(always)]
    pub(super) fn update(
        &mut self,
        op: &Op,
        width: Width,
        f: impl FnOnce(&mut Flags, u32) -> u32,
    ) -> Step<Noticed> {
        let va = VirtAddr(self.effective(op));
        if let Some(phys) = self.unnoticed(va, width) {
            let old = self.load_phys(phys, width);
            let new = f(&mut self.flags, old);
            self.store_phys(phys, width, new);
            return Ok(false);
        }
        self.count_itself();
        self.forget_pages();
        self.modify_at(va, width, f)?;
        Ok(true)
    }

    #[inline(always)]
    pub(super) fn push32(&mut self, value: u32) -> Step<Noticed> {
        let esp = self.gpr[ESP].wrapping_sub(4);
        let noticed = self.store_at(VirtAddr(esp), Width::W32, value)?;
        self.gpr[ESP] = esp;
        Ok(noticed)
    }

    #[inline(always)]
    pub(super) fn pop32(&mut self) -> Step<u32> {
        let value = self.load_at(VirtAddr(self.gpr[ESP]), Width::W32)?;
        self.gpr[ESP] = self.gpr[ESP].wrapping_add(4);
        Ok(value)
    }

    #[inline(always)]
    pub(super) fn small_to_register(&mut self, op: &Op, width: Width, b: u32) {
        let a = self.reg(usize::from(op.dst & 15), width);
        let result = self.flags.alu(ALU[usize::from(op.dst >> 4)], a, b, width);
        self.set_reg(usize::from(op.dst & 15), width, result);
    }

    /// Comparisons only read.
    #[inline(always)]
    pub(super) fn small_to_memory(&mut self, op: &Op, width: Width, b: u32) -> Step<Noticed> {
        let alu = ALU[usize::from(op.dst >> 4)];
        if matches!(alu, Alu::Cmp | Alu::Test) {
            let a = self.load(op, width)?;
            self.flags.alu(alu, a, b, width);
            return Ok(false);
        }
        self.update(op, width, |flags, a| flags.alu(alu, a, b, width))
    }

    pub(super) fn divide_pair(&mut self, op: &Op) -> Step<()> {
        self.set_quotient(alu::divide(self.edx_eax(), self.r(op.dst), Width::W32))
    }

    pub(super) fn divide_pair_signed(&mut self, op: &Op) -> Step<()> {
        let dividend = self.edx_eax() as i64;
        self.set_quotient(alu::divide_signed(dividend, self.r(op.dst), Width::W32))
    }

    /// EDX and EAX as one number.
    fn edx_eax(&self) -> u64 {
        u64::from(self.gpr[EDX]) << 32 | u64::from(self.gpr[EAX])
    }

    /// Stores quotient and remainder, if there are any.
    fn set_quotient(&mut self, result: Option<(u32, u32)>) -> Step<()> {
        (self.gpr[EAX], self.gpr[EDX]) = result.ok_or(Exception::DivideError)?;
        Ok(())
    }
}
