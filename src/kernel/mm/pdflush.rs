//! pdflush, the kernel threads that write dirty pages in the background.

use crate::abi::{HZ, PfFlags, TaskId, TaskState};
use crate::kernel::Kernel;

/// Pid of the first thread, behind that of kswapd.
const PID: u32 = 9009;
/// How many threads there are.
///
/// Linux 2.6.12: `mm/pdflush.c`, `MIN_PDFLUSH_THREADS`. Simplified: there are never more, because a
/// thread is busy for a tick at most.
const THREADS: usize = 2;
/// How long a thread waits for the device at most, in ticks.
const NAP: u64 = HZ as u64 / 10;

/// What a thread is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PdflushWork {
    /// `background_writeout()`: to write at least so many pages, and until few are dirty.
    Background {
        /// How many.
        min_pages: i64,
    },
    /// `wb_kupdate()`: to write what is dirty for long.
    Kupdate,
}

/// What a thread is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Doing {
    /// It sleeps until it is asked to do something.
    #[default]
    Nothing,
    /// It has something to do when it gets the CPU.
    Work(PdflushWork),
    /// It has done it, and waits for the device or for the CPU.
    Done,
}

/// The threads.
#[derive(Clone, Debug, Default)]
pub struct Pdflush {
    tasks: [TaskId; THREADS],
    doing: [Doing; THREADS],
    /// `pdflush_list`: the numbers of the threads that sleep, the one first that fell asleep last.
    idle: Vec<usize>,
    /// One was woken at least once.
    was_woken: bool,
}

impl Kernel {
    /// Creates the threads; they sleep.
    ///
    /// Linux 2.6.12: `mm/pdflush.c`, `pdflush_init()`.
    pub(in crate::kernel) fn make_pdflush(&mut self) {
        for nr in 0..THREADS {
            self.page_writeback.pdflush.tasks[nr] =
                self.make_daemon(PID + nr as u32, "pdflush", PfFlags::FLUSHER);
            self.page_writeback.pdflush.idle.insert(0, nr);
        }
    }

    /// Whether a task is one of the threads.
    #[inline]
    pub(super) fn is_pdflush(&self, task: TaskId) -> bool {
        self.page_writeback.pdflush.tasks.contains(&task)
    }

    pub(super) fn pdflush_tasks(&self) -> impl Iterator<Item = TaskId> {
        self.page_writeback.pdflush.tasks.iter().copied()
    }

    /// The threads, once one was woken: machines on which nothing is ever written do not show them.
    pub(super) fn visible_pdflush(&self) -> impl Iterator<Item = TaskId> {
        let seen = self.page_writeback.pdflush.was_woken;
        self.pdflush_tasks().filter(move |_| seen)
    }

    /// Asks a thread that sleeps to do something. Returns whether there was one.
    ///
    /// Linux 2.6.12: `mm/pdflush.c`, `pdflush_operation()`.
    pub(super) fn pdflush_operation(&mut self, work: PdflushWork) -> bool {
        if self.page_writeback.pdflush.idle.is_empty() {
            return false;
        }
        let nr = self.page_writeback.pdflush.idle.remove(0);
        self.page_writeback.pdflush.doing[nr] = Doing::Work(work);
        self.page_writeback.pdflush.was_woken = true;
        self.wake_up_process(self.page_writeback.pdflush.tasks[nr]);
        true
    }

    /// Lets a thread do what it was asked for, if this CPU runs one.
    ///
    /// Linux 2.6.12: `mm/pdflush.c`, `__pdflush()`.
    pub(super) fn pdflush_round(&mut self, current: TaskId) -> bool {
        let nr = self
            .page_writeback
            .pdflush
            .tasks
            .iter()
            .position(|task| *task == current);
        let Some(nr) = nr else {
            return false;
        };
        if let Doing::Work(work) = self.page_writeback.pdflush.doing[nr] {
            self.page_writeback.pdflush.doing[nr] = Doing::Done;
            if self.do_pdflush_work(work) {
                let now = self.tick();
                let write_ends = self.writes.next_end().unwrap_or(u64::MAX);
                let until = write_ends.min(now + NAP);
                self.sleep(current, TaskState::UNINTERRUPTIBLE, Some(until));
                return true;
            }
        }
        self.page_writeback.pdflush.doing[nr] = Doing::Nothing;
        self.page_writeback.pdflush.idle.insert(0, nr);
        self.sleep(current, TaskState::INTERRUPTIBLE, None);
        true
    }

    /// Returns whether the thread has to wait for the device afterwards.
    fn do_pdflush_work(&mut self, work: PdflushWork) -> bool {
        match work {
            PdflushWork::Background { min_pages } => self.background_writeout(min_pages),
            PdflushWork::Kupdate => {
                self.wb_kupdate();
                false
            }
        }
    }

    /// Lets threads that were woken write while a task waits inside an allocation.
    ///
    /// Simplified: a task cannot leave the CPU in the middle of an allocation, so they work without
    /// having the CPU, and have nothing left to do when they get it.
    pub(super) fn pdflush_runs_meanwhile(&mut self) {
        for nr in 0..THREADS {
            if let Doing::Work(work) = self.page_writeback.pdflush.doing[nr] {
                self.page_writeback.pdflush.doing[nr] = Doing::Done;
                self.do_pdflush_work(work);
            }
        }
    }
}
