//! A processor: what the kernel sets up, and the execution of user code.
//!
//! [`Cpu::run`] executes 32-bit user mode code until something happens that the kernel must handle.
//! Every instruction is precise: it takes effect as a whole or not at all.

mod alu;
mod around;
mod cache;
mod state;

mod descriptor;
mod disassemble;
mod dispatch;
mod event;
mod fetch;
mod flags;
mod fpu;
mod fuse;
mod fused;
mod interpret;
mod lower;
mod op;
mod operand;
mod operate;
mod quiet;
mod recent;
mod regs;
mod segment;
mod smooth;
mod straight;
mod taken;
#[cfg(test)]
pub(super) mod tests;
mod window;

pub use descriptor::{SegmentDescriptor, UserDesc};
pub use disassemble::{Disassembled, disassemble, missing_extension};
pub use event::{Event, Exception, RunExit};
pub use fpu::{ENVIRONMENT_WORDS, F80, FSAVE_SIZE, Fpu, Pointers, X87};
pub use interpret::{CPUID_FEATURES, cpuid};
pub use regs::Regs;
pub use taken::Taken;

use super::{Mmu, Ram};
use crate::abi::{PAGE_SIZE, VirtAddr};
use cache::DecodeCache;
use dispatch::Exit;
use interpret::Executed;
use state::Core;

/// One i386 processor: its MMU and TLB, TLS descriptors and decoded code.
#[derive(Clone, Debug)]
pub struct Cpu {
    /// The MMU with its TLB.
    pub mmu: Mmu,
    /// Entries 6, 7 and 8 of the global descriptor table: those of the current thread.
    pub gdt_tls: [SegmentDescriptor; 3],
    /// The words that atomic exchanges have changed from 0.
    pub taken: Taken,
    /// The floating-point unit.
    pub fpu: Fpu,
    decoded: DecodeCache,
}

impl Cpu {
    /// Creates a processor with a direct-mapped TLB of that many entries, a power of two or 0 for
    /// none.
    pub fn new(tlb_entries: usize) -> Self {
        Self {
            mmu: Mmu::new(tlb_entries),
            gdt_tls: Default::default(),
            taken: Taken::default(),
            fpu: Fpu::default(),
            decoded: DecodeCache::default(),
        }
    }

    /// Executes user code from `regs` until `budget` instructions have retired or something happens
    /// that the kernel must handle.
    ///
    /// `tsc` is the time stamp counter before the first instruction; each instruction advances it
    /// by one. The result does not depend on how a budget is split into runs.
    pub fn run(&mut self, ram: &mut Ram, regs: &mut Regs, budget: u64, tsc: u64) -> RunExit {
        let units = (&mut self.mmu, &mut self.fpu, &mut self.taken);
        let mut core = Core::new(units, ram, &self.gdt_tls, regs);
        core.left = budget;
        core.end_of_time = tsc.wrapping_add(budget);
        let event = core.run(&mut self.decoded);
        core.store(regs);
        RunExit {
            used: budget - core.left,
            event,
        }
    }
}

impl Core<'_> {
    fn run(&mut self, decoded: &mut DecodeCache) -> Event {
        while self.left > 0 {
            let event = if decoded.enabled && self.is_plain() {
                self.run_decoded(decoded)
            } else {
                self.step()
            };
            if let Some(event) = event {
                return event;
            }
        }
        Event::Budget
    }

    /// Runs through the page of `eip`, or decodes more of it.
    fn run_decoded(&mut self, decoded: &mut DecodeCache) -> Option<Event> {
        let pfn = match self.mmu.fetch_page(self.ram, VirtAddr(self.eip)) {
            Ok(pfn) => pfn,
            Err(fault) => return Some(Event::Exception(fault.into())),
        };
        let code = decoded.frame(self.ram, pfn);
        self.code = (pfn, code.number);
        match self.run_page(code) {
            Exit::Elsewhere => None,
            Exit::Event(event) => Some(event),
            Exit::Undecoded => {
                let offset = (self.eip % PAGE_SIZE) as usize;
                if code.decode_block(self.ram.frame(pfn), offset) {
                    None
                } else {
                    self.step()
                }
            }
        }
    }

    /// Fetches and executes one instruction, or one repetition of a string instruction.
    fn step(&mut self) -> Option<Event> {
        let singly = self.steps_singly();
        let held_back = self.left - 1;
        self.hold_back(held_back);
        let outcome = self.fetch().and_then(|i| self.execute(&i));
        self.hold_back(held_back.wrapping_neg());
        match outcome {
            Err(exception) => Some(Event::Exception(exception)),
            Ok(Executed::Syscall) => Some(Event::Syscall),
            Ok(Executed::Trap(exception)) => Some(Event::Exception(exception)),
            Ok(_) if singly => Some(Event::Exception(Exception::Debug)),
            Ok(Executed::Done | Executed::Unfinished) => None,
        }
    }

    /// Lets fewer instructions retire for now, without changing the time.
    const fn hold_back(&mut self, instructions: u64) {
        self.left = self.left.wrapping_sub(instructions);
        self.end_of_time = self.end_of_time.wrapping_sub(instructions);
    }
}
