//! The emulated hardware: RAM, the i386's two-level page tables in it, the MMU with its TLB that
//! reads them, and the CPU with its registers.
//!
//! Nothing here knows the kernel, and nothing here reports what it does: an access either returns
//! its result or a [`PageFault`].

mod access;
mod control;
mod cpu;
mod fault;
mod mmu;
mod pte;
mod ram;
mod ram_image;
mod tlb;
mod walk;

#[cfg(test)]
pub(crate) mod host_program;
#[cfg(test)]
mod tests;

pub use access::{Access, AccessKind, Mode, Rights, effective, permits, required};
pub use control::{CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE};
pub use cpu::{
    CPUID_FEATURES, Cpu, Disassembled, ENVIRONMENT_WORDS, Event, Exception, F80, FSAVE_SIZE, Fpu,
    Pointers, Regs, RunExit, SegmentDescriptor, Taken, UserDesc, X87,
};
pub use cpu::{cpuid, disassemble, missing_extension};
pub use fault::{ErrorCode, PageFault};
pub use mmu::Mmu;
pub use pte::{Pde, Pte, pde_phys, pte_phys};
pub use ram::{Frame, Ram};
pub use ram_image::RamImage;
pub use tlb::{Tlb, TlbBits, TlbEntry, TlbPolicy};
pub use walk::{Walk, walk};

#[cfg(test)]
pub(crate) use cpu::tests::host::skipped as skipped_on_host;
