//! What instructions do, rule by rule.

mod basics;
mod fpu;
mod fpu_host;
pub(in crate::hw) mod host;
mod random;
mod rounds;
mod rules;

use super::*;
use crate::abi::{Pfn, VirtAddr};
use crate::hw::{Pde, Pte, pde_phys, pte_phys};
use iced_x86::code_asm::CodeAssembler;

const DIRECTORY: Pfn = Pfn(1);
const TABLE: Pfn = Pfn(2);
/// Two pages of code, writable.
pub(super) const CODE: u32 = 0x0804_8000;
/// Four pages of data, then a read-only one, then nothing.
pub(super) const DATA: u32 = 0x0805_0000;
pub(super) const READ_ONLY: u32 = DATA + 0x4000;
pub(super) const UNMAPPED: u32 = DATA + 0x5000;
/// The end of two pages of stack.
pub(super) const STACK: u32 = 0x0806_0000;

/// A CPU with a few pages of memory.
#[derive(Clone)]
pub(super) struct Rig {
    pub(super) ram: Ram,
    pub(super) cpu: Cpu,
    pub(super) regs: Regs,
}

impl Rig {
    /// Code at [`CODE`], ready to run.
    pub(super) fn new(code: &[u8]) -> Self {
        let mut rig = Self {
            ram: Ram::new(64),
            cpu: Cpu::new(64),
            regs: Regs {
                eip: CODE,
                esp: STACK,
                ..Regs::default()
            },
        };
        rig.cpu.mmu.load_cr3(DIRECTORY.phys());
        let pde = pde_phys(DIRECTORY.phys(), VirtAddr(CODE));
        rig.ram.write_u32(pde, Pde::new(TABLE, 0x067).0);
        for page in 0..2 {
            rig.map(CODE + page * 0x1000, Pfn(8 + page), 0x067);
            rig.map(STACK - (page + 1) * 0x1000, Pfn(16 + page), 0x067);
        }
        for page in 0..5 {
            let flags = if page == 4 { 0x065 } else { 0x067 };
            rig.map(DATA + page * 0x1000, Pfn(24 + page), flags);
        }
        rig.poke(CODE, code);
        rig
    }

    /// Code from iced's assembler.
    pub(super) fn assembled(write: impl FnOnce(&mut CodeAssembler)) -> Self {
        Self::new(&assemble(CODE, write))
    }

    pub(super) fn map(&mut self, va: u32, pfn: Pfn, flags: u32) {
        let pte = pte_phys(TABLE, VirtAddr(va));
        self.ram.write_u32(pte, Pte::new(pfn, flags).0);
    }

    /// Writes memory regardless of protection.
    pub(super) fn poke(&mut self, va: u32, bytes: &[u8]) {
        for (va, byte) in (va..).zip(bytes) {
            let walk = self.cpu.mmu.walk(&self.ram, VirtAddr(va));
            let phys = walk.pfn().unwrap().phys() + (va & 0xfff);
            self.ram.write_u8(phys, *byte);
        }
    }

    pub(super) fn peek(&self, va: u32) -> u32 {
        let byte = |va| {
            let walk = self.cpu.mmu.walk(&self.ram, VirtAddr(va));
            let phys = walk.pfn().unwrap().phys() + (va & 0xfff);
            self.ram.read_u8(phys)
        };
        u32::from_le_bytes([0, 1, 2, 3].map(|n| byte(va + n)))
    }

    pub(super) fn run(&mut self, budget: u64) -> RunExit {
        self.cpu.run(&mut self.ram, &mut self.regs, budget, 0)
    }
}

pub(super) fn assemble(at: u32, write: impl FnOnce(&mut CodeAssembler)) -> Vec<u8> {
    let mut assembler = CodeAssembler::new(32).unwrap();
    write(&mut assembler);
    assembler.assemble(at.into()).unwrap()
}

/// A descriptor as `set_thread_area` makes it.
pub(super) fn segment(base: u32, limit: u32, flags: u32) -> SegmentDescriptor {
    SegmentDescriptor::from_user_desc(&UserDesc {
        entry_number: 6,
        base,
        limit,
        flags,
    })
}
