//! The state of a CPU while it runs user code, and its access to registers and memory.

use super::alu::Width;
use super::flags::{DF, Flags, TF};
use super::recent::{Missed, Recent};
use super::segment::{CS, DS, ES, FS, GS, SS, Segment};
use super::{Exception, Fpu, Regs, SegmentDescriptor, Taken};
use crate::abi::{PAGE_SIZE, Pfn, VirtAddr};
use crate::hw::{Access, AccessKind, Mmu, Mode, PageFault, Ram};
use std::mem;

/// Numbers of the general registers, as in opcodes.
pub(super) const EAX: usize = 0;
pub(super) const ECX: usize = 1;
pub(super) const EDX: usize = 2;
pub(super) const EBX: usize = 3;
pub(super) const ESP: usize = 4;
pub(super) const EBP: usize = 5;
pub(super) const ESI: usize = 6;
pub(super) const EDI: usize = 7;
/// The register that is always zero: the base or index of an address that has none.
pub(super) const ZERO: u8 = 8;

/// The general registers in the order of the opcodes, [`ZERO`], and padding that makes every byte a
/// valid index.
pub(super) type Gpr = [u32; 256];

/// The result of an instruction besides its effect.
pub(super) type Step<T> = Result<T, Exception>;

/// A CPU while it executes.
pub(super) struct Core<'a> {
    pub(super) mmu: &'a mut Mmu,
    pub(super) ram: &'a mut Ram,
    pub(super) tls: &'a [SegmentDescriptor; 3],
    pub(super) taken: &'a mut Taken,
    pub(super) fpu: &'a mut Fpu,
    pub(super) gpr: Gpr,
    pub(super) flags: Flags,
    /// The current instruction; between two instructions, the next one.
    pub(super) eip: u32,
    /// Where execution continues after the current instruction.
    pub(super) next: u32,
    pub(super) segments: [Segment; 6],
    /// The value of `rdtsc` when no instructions are left.
    pub(super) end_of_time: u64,
    /// Number of instructions that may still retire.
    pub(super) left: u64,
    /// The page whose code is running.
    pub(super) page: u32,
    /// The frame whose decoded code is running, and the number of its contents.
    pub(super) code: (Pfn, u64),
    pub(super) last_read: Recent,
    pub(super) last_written: Recent,
    pub(super) missed: Missed,
    /// Where the base of the [window](super::window) of the block is in RAM.
    pub(super) window: u32,
    /// Hits of the TLB that it has not counted itself. A block is charged in advance with one for
    /// each [access](super::op::Op::accesses) of its operations; whatever the TLB counts is taken
    /// back, so the number may be negative, and wraps.
    pub(super) hits: u64,
}

impl<'a> Core<'a> {
    pub(super) fn new(
        (mmu, fpu, taken): (&'a mut Mmu, &'a mut Fpu, &'a mut Taken),
        ram: &'a mut Ram,
        tls: &'a [SegmentDescriptor; 3],
        regs: &Regs,
    ) -> Self {
        let segment = |selector: u32| Segment::inherited(selector as u16, tls);
        let mut gpr = [0; 256];
        let eax = [regs.eax, regs.ecx, regs.edx, regs.ebx];
        gpr[..4].copy_from_slice(&eax);
        gpr[4..8].copy_from_slice(&[regs.esp, regs.ebp, regs.esi, regs.edi]);
        let selectors = [regs.es, regs.cs, regs.ss, regs.ds, regs.fs, regs.gs];
        Self {
            mmu,
            ram,
            tls,
            taken,
            fpu,
            gpr,
            flags: Flags::new(regs.eflags),
            eip: regs.eip,
            next: regs.eip,
            segments: selectors.map(segment),
            end_of_time: 0,
            left: 0,
            page: 0,
            code: (Pfn(0), 0),
            last_read: Recent::NONE,
            last_written: Recent::NONE,
            missed: Missed::default(),
            window: 0,
            hits: 0,
        }
    }

    /// Writes the state back for the kernel.
    pub(super) fn store(&mut self, regs: &mut Regs) {
        let hits = mem::take(&mut self.hits);
        self.mmu.tlb.hits = self.mmu.tlb.hits.wrapping_add(hits);
        [regs.eax, regs.ecx, regs.edx, regs.ebx] = [EAX, ECX, EDX, EBX].map(|r| self.gpr[r]);
        [regs.esp, regs.ebp, regs.esi, regs.edi] = [ESP, EBP, ESI, EDI].map(|r| self.gpr[r]);
        let selector = |segment: usize| u32::from(self.segments[segment].selector);
        [regs.es, regs.cs, regs.ss] = [ES, CS, SS].map(selector);
        [regs.ds, regs.fs, regs.gs] = [DS, FS, GS].map(selector);
        regs.eip = self.eip;
        regs.eflags = self.flags.eflags();
    }

    /// A register of a given width; the byte registers 4 to 7 are AH, CH, DH and BH.
    #[inline]
    pub(super) const fn reg(&self, number: usize, width: Width) -> u32 {
        match width {
            Width::W32 => self.gpr[number & 15],
            Width::W16 => self.gpr[number & 15] & 0xffff,
            Width::W8 => (self.gpr[number & 3] >> ((number & 4) * 2)) & 0xff,
        }
    }

    #[inline]
    pub(super) const fn set_reg(&mut self, number: usize, width: Width, value: u32) {
        match width {
            Width::W32 => self.gpr[number & 15] = value,
            Width::W16 => {
                let register = &mut self.gpr[number & 15];
                *register = *register & !0xffff | value & 0xffff;
            }
            Width::W8 => {
                let shift = (number & 4) * 2;
                let register = &mut self.gpr[number & 3];
                *register = *register & !(0xff << shift) | (value & 0xff) << shift;
            }
        }
    }

    /// The linear address of bytes in a segment.
    #[inline]
    pub(super) fn linear(
        &self,
        seg: usize,
        offset: u32,
        len: u32,
        kind: AccessKind,
    ) -> Step<VirtAddr> {
        let segment = &self.segments[seg];
        let linear = segment.linear(offset, len, kind);
        linear.map(VirtAddr).ok_or(if seg == SS {
            Exception::StackSegment(0)
        } else {
            Exception::GeneralProtection(0)
        })
    }

    pub(super) fn read(&mut self, seg: usize, offset: u32, width: Width) -> Step<u32> {
        let va = self.linear(seg, offset, width.bytes(), AccessKind::Read)?;
        Ok(match width {
            Width::W8 => self.mmu.read_u8(self.ram, va, Mode::User)?.into(),
            Width::W16 => self.mmu.read_u16(self.ram, va, Mode::User)?.into(),
            Width::W32 => self.mmu.read_u32(self.ram, va, Mode::User)?,
        })
    }

    pub(super) fn write(&mut self, seg: usize, offset: u32, width: Width, value: u32) -> Step<()> {
        let va = self.linear(seg, offset, width.bytes(), AccessKind::Write)?;
        match width {
            Width::W8 => self.mmu.write_u8(self.ram, va, value as u8, Mode::User)?,
            Width::W16 => self.mmu.write_u16(self.ram, va, value as u16, Mode::User)?,
            Width::W32 => self.mmu.write_u32(self.ram, va, value, Mode::User)?,
        }
        Ok(())
    }

    /// Replaces a value in memory; the access is a write from the start.
    pub(super) fn modify(
        &mut self,
        (seg, offset): (usize, u32),
        width: Width,
        f: impl FnOnce(&mut Flags, u32) -> u32,
    ) -> Step<u32> {
        let va = self.linear(seg, offset, width.bytes(), AccessKind::Write)?;
        self.modify_at(va, width, f)
    }

    pub(super) fn modify_at(
        &mut self,
        va: VirtAddr,
        width: Width,
        f: impl FnOnce(&mut Flags, u32) -> u32,
    ) -> Step<u32> {
        let (ram, flags) = (&mut *self.ram, &mut self.flags);
        Ok(match width {
            Width::W8 => {
                let f = |old: u8| f(flags, old.into()) as u8;
                self.mmu
                    .read_modify_write_u8(ram, va, Mode::User, f)?
                    .into()
            }
            Width::W16 => {
                let f = |old: u16| f(flags, old.into()) as u16;
                self.mmu
                    .read_modify_write_u16(ram, va, Mode::User, f)?
                    .into()
            }
            Width::W32 => {
                let f = |old: u32| f(flags, old);
                self.mmu.read_modify_write_u32(ram, va, Mode::User, f)?
            }
        })
    }

    /// Whether the decoded code that is running still matches memory.
    #[inline]
    pub(super) fn is_current(&self) -> bool {
        self.ram.holds_code(self.code.0, self.code.1)
    }

    /// Faults as a write of these bytes, at most a page, would. For an instruction that writes
    /// several times and must not stop in between.
    pub(super) fn probe(&mut self, va: VirtAddr, len: u32) -> Result<(), PageFault> {
        let write = Access::write(Mode::User);
        self.mmu.translate(self.ram, va, write)?;
        if va.page_offset() + len > PAGE_SIZE {
            let second = VirtAddr(va.page_base().0.wrapping_add(PAGE_SIZE));
            self.mmu.translate(self.ram, second, write)?;
        }
        Ok(())
    }

    /// Pushes a value; ESP changes only if that succeeds.
    pub(super) fn push(&mut self, value: u32, width: Width) -> Step<()> {
        let esp = self.gpr[ESP].wrapping_sub(width.bytes());
        self.write(SS, esp, width, value)?;
        self.gpr[ESP] = esp;
        Ok(())
    }

    pub(super) fn pop(&mut self, width: Width) -> Step<u32> {
        let value = self.read(SS, self.gpr[ESP], width)?;
        self.gpr[ESP] = self.gpr[ESP].wrapping_add(width.bytes());
        Ok(value)
    }

    pub(super) fn load_segment(&mut self, seg: usize, selector: u32) -> Step<()> {
        let selector = selector as u16;
        self.segments[seg] = match seg {
            CS => return Err(Exception::InvalidOpcode),
            SS => Segment::load_stack(selector, self.tls)?,
            _ => Segment::load(selector, self.tls)?,
        };
        Ok(())
    }

    /// The value that `rdtsc` reads.
    pub(super) const fn tsc(&self) -> u64 {
        self.end_of_time.wrapping_sub(self.left)
    }

    /// Whether decoded operations may be used: the segments that they do not check are flat, and
    /// single-stepping is off.
    #[inline]
    pub(super) const fn is_plain(&self) -> bool {
        let flat = self.segments[ES].is_flat()
            && self.segments[SS].is_flat()
            && self.segments[DS].is_flat();
        flat && self.flags.rest() & TF == 0
    }

    /// The distance between two elements of a string instruction.
    pub(super) const fn stride(&self, width: Width) -> u32 {
        if self.flags.rest() & DF != 0 {
            width.bytes().wrapping_neg()
        } else {
            width.bytes()
        }
    }
}
