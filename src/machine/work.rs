//! Work: what commands cost the host, counted where it arises. A command is carried out in slices
//! of work, between which whoever gave it looks at the keyboard and at limits. So these are looked
//! at equally often whatever a command spends its time on: instructions, page faults or switches.
//!
//! Work depends on the machine alone, never on a clock: the same command pauses at the same places
//! in every run.

use super::Machine;

/// Work between two pauses of a command: a few milliseconds of the host, in a debug build too.
const SLICE: u64 = 1_000_000;

/// A step of the machine: a turn of a CPU, a tick, or something that takes no time.
const STEP: u64 = 20;
/// An event, traced or not.
const EVENT: u64 = 20;
/// A page frame that is allocated or freed, and so zeroed or copied at most once.
const FRAME: u64 = 100;
/// An access of a puppet or a workload to a page.
const ACCESS: u64 = 10;
/// A page table entry that fork copies.
const PTE: u64 = 3;
/// A page that reclaim looks at, with its mappings, or a task that the out-of-memory killer does.
const LOOK: u64 = 20;

/// The work of a machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Work that the kernel's counters do not tell.
    counted: u64,
    /// Where the command in progress pauses.
    pause: u64,
    /// Work between two pauses.
    slice: u64,
    /// Where the command in progress is to pause instead, if somebody looks for a certain moment.
    rest: Option<Rest>,
}

/// At which place of rest a command pauses. A command has far more places where the kernel is at
/// rest than places where it pauses by itself: between any two steps of settling, two instructions
/// (with several CPUs, two rounds), or two ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rest {
    /// At the first place by which that much work is done and that tick has come.
    At(Place),
    /// At the first place by which that much work is done, or that tick has come.
    By(Place),
}

/// How far a machine has come since boot. No two places of rest of a machine are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Place {
    /// The work until then.
    pub(super) work: u64,
    /// The tick.
    pub(super) tick: u64,
}

impl Default for Work {
    /// Without a command in progress there is no pause.
    fn default() -> Self {
        Self {
            counted: 0,
            pause: u64::MAX,
            slice: SLICE,
            rest: None,
        }
    }
}

impl Machine {
    /// The work since boot, in units of about one emulated instruction.
    pub fn work(&self) -> u64 {
        let stat = &self.kernel.stat;
        self.work.counted
            + EVENT * self.kernel.log.event_seq()
            + FRAME * (stat.frames_allocated + stat.frames_freed)
            + PTE * stat.ptes_copied
            + self.kernel.sched.rules.operations()
            + LOOK * (self.kernel.mem().page_state().scanned() + self.kernel.vm().looked_at())
    }

    /// Makes commands pause that often.
    #[cfg(test)]
    pub(crate) const fn set_slice(&mut self, work: u64) {
        self.work.slice = work;
    }

    /// Begins a slice. It has at most half as many events as the trace keeps, so that whoever
    /// follows the trace from pause to pause sees all of them.
    pub(super) fn begin_slice(&mut self) {
        let room = EVENT * self.kernel.log.capacity() as u64 / 2;
        self.work.pause = self.work() + self.work.slice.min(room);
    }

    /// Whether the command in progress must pause.
    pub(super) fn must_pause(&self) -> bool {
        match self.work.rest {
            None => self.work() >= self.work.pause || self.kernel.sched.rules.has_failed(),
            Some(Rest::At(to)) => self.work() >= to.work && self.kernel.tick() >= to.tick,
            Some(Rest::By(to)) => self.work() >= to.work || self.kernel.tick() >= to.tick,
        }
    }

    /// Where the machine is.
    pub(super) fn place(&self) -> Place {
        Place {
            work: self.work(),
            tick: self.kernel.tick(),
        }
    }

    /// Makes commands pause at a place of rest, or as usual again.
    pub(super) const fn rest_at(&mut self, rest: Option<Rest>) {
        self.work.rest = rest;
    }

    /// Whether somebody looks for a place of rest, so that all of them are to be looked at.
    pub(super) const fn looks_for_rest(&self) -> bool {
        self.work.rest.is_some()
    }

    /// The most ticks and the most instructions that may pass before the next place of rest is
    /// looked at.
    pub(super) fn at_most(&self) -> (u64, u32) {
        let to = match self.work.rest {
            None => return (u64::MAX, u32::MAX),
            Some(Rest::At(to) | Rest::By(to)) => to,
        };
        let ticks = match to.tick.saturating_sub(self.kernel.tick()) {
            0 => u64::MAX,
            ticks => ticks,
        };
        let work = to.work.saturating_sub(self.work()).max(1);
        (ticks, u32::try_from(work).unwrap_or(u32::MAX))
    }

    /// Counts a step.
    pub(super) const fn count_step(&mut self) {
        self.work.counted += STEP;
    }

    /// Counts accesses to pages.
    pub(super) const fn count_accesses(&mut self, pages: u32) {
        self.work.counted += ACCESS * pages as u64;
    }

    /// Counts instructions of programs.
    pub(super) const fn count_instructions(&mut self, instructions: u32) {
        self.work.counted += instructions as u64;
    }
}
