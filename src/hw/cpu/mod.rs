//! A processor: what the kernel sets up of it, and the execution of user code.
//!
//! [`Cpu::run`] executes 32-bit user mode code until something happens that is the kernel's
//! business. Each instruction is precise: it takes effect as a whole or not at all.

mod alu;
mod state;

mod descriptor;
mod event;
mod fetch;
mod flags;
mod interpret;
mod operand;
mod regs;
mod segment;
#[cfg(test)]
mod tests;

pub use descriptor::{SegmentDescriptor, UserDesc};
pub use event::{Event, Exception, RunExit};
pub use regs::Regs;

use super::{Mmu, Ram};
use interpret::Outcome;
use state::Core;

/// One processor.
#[derive(Clone, Debug)]
pub struct Cpu {
    /// Address translation.
    pub mmu: Mmu,
    /// Entries 6, 7 and 8 of the global descriptor table: those of the current thread.
    pub gdt_tls: [SegmentDescriptor; 3],
}

impl Cpu {
    /// A processor with a direct-mapped TLB of that many entries, a power of two or 0 for none.
    pub fn new(tlb_entries: usize) -> Self {
        Self {
            mmu: Mmu::new(tlb_entries),
            gdt_tls: Default::default(),
        }
    }

    /// Executes user code from `regs` on, until `budget` instructions have retired or something
    /// happens that the kernel has to deal with.
    ///
    /// `tsc` is the time stamp counter before the first instruction; it advances by one with each.
    /// However a budget is cut into runs, the code does the same.
    pub fn run(&mut self, ram: &mut Ram, regs: &mut Regs, budget: u64, tsc: u64) -> RunExit {
        let mut core = Core::new(&mut self.mmu, ram, &self.gdt_tls, regs);
        core.left = budget;
        core.end_of_time = tsc.wrapping_add(budget);
        let event = core.run();
        core.store(regs);
        RunExit {
            used: budget - core.left,
            event,
        }
    }
}

impl Core<'_> {
    fn run(&mut self) -> Event {
        while self.left > 0 {
            if let Some(event) = self.step() {
                return event;
            }
        }
        Event::Budget
    }

    /// Fetches and executes one instruction; of a string instruction as many repetitions as are
    /// allowed, or one if it is single-stepped.
    fn step(&mut self) -> Option<Event> {
        let singly = self.steps_singly();
        let held_back = if singly { self.left - 1 } else { 0 };
        self.left -= held_back;
        let outcome = self.fetch().and_then(|i| self.execute(&i));
        self.left += held_back;
        match outcome {
            Err(exception) => Some(Event::Exception(exception)),
            Ok(Outcome::Syscall) => Some(Event::Syscall),
            Ok(Outcome::Trap(exception)) => Some(Event::Exception(exception)),
            Ok(_) if singly => Some(Event::Exception(Exception::Debug)),
            Ok(Outcome::Done | Outcome::Unfinished) => None,
        }
    }
}
