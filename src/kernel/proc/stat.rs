//! `/proc/PID/stat` and `statm`: what a task is and has, as numbers on one line.

use super::status::text_pages;
use crate::abi::{PAGE_SIZE, Resource, SigAction, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::Level;
use crate::kernel::task::{SignalStruct, Usage, UsageOf};
use crate::kernel::tty::TtyDevice;

/// Kernel ticks in a tick of user space's clock.
pub(super) const TICKS_PER_CLOCK: u64 = 10;
/// What stands for the address at which the threads of a process sleep.
const NO_WCHAN: u32 = u32::MAX;
/// The signals that fit into the decimal masks.
const LOW_SIGNALS: u64 = 0x7fff_ffff;

/// Ticks of the kernel as user space counts them.
///
/// Linux 2.6.12: `include/linux/times.h`, `jiffies_to_clock_t()`.
pub(super) const fn clock_t(ticks: u64) -> u64 {
    ticks / TICKS_PER_CLOCK
}

impl Kernel {
    /// The line of a task: of a process with what its threads have used together, or of one thread.
    ///
    /// Simplified: the kernel has no addresses, so that the one at which a task sleeps is 0.
    ///
    /// Linux 2.6.12: `fs/proc/array.c`, `do_task_stat()`.
    pub(super) fn proc_task_stat(&self, id: TaskId, level: Level) -> String {
        let letter = &self.proc_state(id)[..1];
        let mut fields = self.family_fields(id);
        fields.extend(self.usage_fields(id, level));
        fields.extend(self.schedule_fields(id));
        fields.extend(self.memory_fields(id));
        fields.extend(self.signal_masks(id));
        let threads = self
            .task(id)
            .signal()
            .map_or(0, |id| self.signals[id].count());
        let wchan = match level {
            Level::Process if threads > 1 => NO_WCHAN,
            _ => 0,
        };
        let (task, sched) = (self.task(id), self.sched.get(id));
        fields.extend([i64::from(wchan), 0, 0, i64::from(task.exit_signal())]);
        fields.extend([i64::from(sched.cpu), i64::from(sched.rt_priority)]);
        fields.push(i64::from(sched.policy as u32));
        let fields = fields.iter().map(i64::to_string).collect::<Vec<_>>();
        let (pid, name) = (sched.pid, self.names.get(sched.name));
        format!("{pid} ({name}) {letter} {}\n", fields.join(" "))
    }

    /// Fields 4 to 9: parent, group, session, terminal, flags.
    fn family_fields(&self, id: TaskId) -> Vec<i64> {
        let task = self.task(id);
        let group = task.signal().map(|signal| &self.signals[signal]);
        let has_tty = group.is_some_and(SignalStruct::tty);
        let (tty_nr, tty_pgrp) = if has_tty {
            (TtyDevice::First.number(), self.tty.pgrp().0)
        } else {
            (0, -1)
        };
        let ids = group.map_or((-1, -1), |group| (group.pgrp().0, group.session().0));
        vec![
            i64::from(self.proc_ppid(id)),
            i64::from(ids.0),
            i64::from(ids.1),
            i64::from(tty_nr),
            i64::from(tty_pgrp),
            i64::from(task.flags().bits()),
        ]
    }

    /// Fields 10 to 17: faults and CPU time, each also of the children that were reaped.
    fn usage_fields(&self, id: TaskId, level: Level) -> [i64; 8] {
        let (own, children) = match (level, self.task(id).signal()) {
            (_, None) => (self.task_usage(id), Usage::default()),
            (Level::Thread, Some(signal)) => (self.task_usage(id), self.signals[signal].reaped),
            (Level::Process, Some(signal)) => {
                let own = self.k_getrusage(id, UsageOf::Process);
                (own, self.signals[signal].reaped)
            }
        };
        let clock = |ticks: u32| clock_t(u64::from(ticks)).cast_signed();
        [
            i64::from(own.min_flt),
            i64::from(children.min_flt),
            i64::from(own.maj_flt),
            i64::from(children.maj_flt),
            clock(own.utime),
            clock(own.stime),
            clock(children.utime),
            clock(children.stime),
        ]
    }

    /// Fields 18 to 22: priority, threads, timer, start.
    fn schedule_fields(&self, id: TaskId) -> [i64; 5] {
        let (task, sched) = (self.task(id), self.sched.get(id));
        let group = task.signal().map(|signal| &self.signals[signal]);
        let timer = group.map_or(0, |group| group.itimers.real_value());
        [
            i64::from(sched.prio) - 100,
            i64::from(self.nice(id)),
            i64::from(group.map_or(0, SignalStruct::count)),
            clock_t(timer).cast_signed(),
            clock_t(task.start_time).cast_signed(),
        ]
    }

    /// Fields 23 to 30: sizes, the places of text and stack, and where user mode was left.
    fn memory_fields(&self, id: TaskId) -> [i64; 8] {
        let task = self.task(id);
        let signal = task.signal();
        let limit = signal.map_or(0, |signal| self.signals[signal].rlimits[Resource::Rss].cur);
        let mut words = [0; 8];
        if let Some(mm) = task.mm() {
            let (mm, regs) = (&self.mms[mm], &task.thread.regs);
            let size = mm.total_vm().wrapping_mul(PAGE_SIZE);
            words[..2].copy_from_slice(&[size, mm.rss()]);
            let places = [mm.start_code, mm.end_code, mm.start_stack];
            words[3..6].copy_from_slice(&places);
            words[6..].copy_from_slice(&[regs.esp, regs.eip]);
        }
        words[2] = limit;
        words.map(i64::from)
    }

    /// Fields 31 to 34: pending, blocked, ignored and caught signals.
    fn signal_masks(&self, id: TaskId) -> [i64; 4] {
        let task = self.task(id);
        let ignored = self.proc_sigset(id, |action| action == SigAction::Ignore);
        let caught = self.proc_sigset(id, |action| matches!(action, SigAction::Handler(_)));
        let sets = [task.pending.set(), task.blocked(), ignored, caught];
        sets.map(|set| (set.0 & LOW_SIGNALS).cast_signed())
    }

    /// Linux 2.6.12: `fs/proc/array.c`, `proc_pid_statm()`; `fs/proc/task_mmu.c`, `task_statm()`.
    pub(super) fn proc_statm(&self, task: TaskId) -> String {
        let mut sizes = [0; 7];
        if let Some(mm) = self.task(task).mm() {
            let mm = &self.mms[mm];
            let shared = mm.rss() - mm.anon_rss();
            let data = mm.total_vm() - mm.shared_vm();
            sizes = [mm.total_vm(), mm.rss(), shared, text_pages(mm), 0, data, 0];
        }
        sizes.map(|size| size.to_string()).join(" ") + "\n"
    }
}
