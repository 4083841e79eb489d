//! Time: the timer interrupt, and tasks that sleep until a tick.

use crate::abi::{RLIM_INFINITY, Resource, TaskId, TaskState, static_prio_to_nice};
use crate::kernel::Kernel;
use crate::kernel::sched::Waker;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::Continuation;
use crate::trace::Cause;

/// How a CPU has spent its ticks (`struct cpu_usage_stat`). The kernel itself takes none, and nobody
/// waits for a device in a way that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuStat {
    /// In user mode of tasks that are not nice.
    pub user: u64,
    /// In user mode of nice tasks.
    pub nice: u64,
    /// Without a task.
    pub idle: u64,
}

impl CpuStat {
    /// Adds the ticks of another CPU.
    pub const fn add(&mut self, other: &Self) {
        self.user += other.user;
        self.nice += other.nice;
        self.idle += other.idle;
    }
}

impl Kernel {
    /// Sets how far the time is past the last tick, in ns: programs have run for so long.
    pub const fn set_since_tick(&mut self, ns: u32) {
        self.since_tick = ns;
    }

    /// The first half of a timer interrupt: the time advances by a tick, the running tasks are
    /// charged for the one that has passed, sleepers whose timers have expired are woken in pid
    /// order, and processes whose `alarm` has expired get SIGALRM.
    ///
    /// [`Kernel::scheduler_tick`] is the other half.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `do_timer()`.
    pub fn timer_interrupt(&mut self) {
        // The time advances first, so that a sleep until this tick is over.
        self.account_ticks(1);
        self.enter_interrupt(Cause::Timer);
        // The disk before the timers: whoever waits for a write sleeps until this tick.
        self.end_writes();
        self.run_wb_timer();
        while let Some(task) = self.timers.pop_expired(self.tick) {
            // The timer is on the CPU where the task went to sleep.
            self.this_cpu = usize::from(self.sched.get(task).cpu);
            self.task_mut(task).in_call.take_timer();
            self.wake_up_process(task);
        }
        // After the sleepers: the order of wakeups is the order on the runqueue.
        self.this_cpu = 0;
        self.run_real_timers();
        self.run_posix_timers();
        self.leave_interrupt();
        self.this_cpu = 0;
    }

    /// Linux 2.6.12: `kernel/sched.c`, `scheduler_tick()`, on every CPU in ascending order.
    pub fn scheduler_tick(&mut self) {
        self.log.enter_interrupt(Cause::Timer);
        for cpu in 0..self.cpus.len() {
            self.this_cpu = cpu;
            let (sched, mut ctx) = self.sched_ctx();
            sched.scheduler_tick(&mut ctx);
            // The task that used the tick: a reschedule that is now due takes place only later.
            let current = self.sched.current(cpu);
            if self.has_posix_cpu_timers(current) {
                self.run_cpu_timers(current);
                self.check_cpu_limit(current);
            }
        }
        self.log.leave_interrupt();
        self.this_cpu = 0;
    }

    /// What passes with ticks whatever else they do: each running task has used the CPU for them.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `account_user_time()`.
    fn account_ticks(&mut self, ticks: u64) {
        self.tick += ticks;
        self.stat.ticks += ticks;
        self.calc_load(ticks);
        for cpu in 0..self.cpus.len() {
            let current = self.sched.current(cpu);
            let task = &mut self.tasks[current];
            task.utime += ticks as u32;
            task.in_call.entered_handler = false;
            let stat = &mut self.kstat[cpu];
            if current == self.sched.idle(cpu) {
                stat.idle += ticks;
            } else if static_prio_to_nice(self.sched.get(current).static_prio) > 0 {
                stat.nice += ticks;
            } else {
                stat.user += ticks;
            }
        }
    }

    /// Whether a tick has to look at the CPU time of a running task's process.
    ///
    /// Linux 2.6.12: `kernel/posix-cpu-timers.c`, the first test of `run_posix_cpu_timers()`.
    fn has_posix_cpu_timers(&self, current: TaskId) -> bool {
        // The idle tasks and the migration threads belong to no process.
        self.task(current).signal().is_some_and(|id| {
            let signal = &self.signals[id];
            signal.itimers.count_cpu_time() || signal.rlimits[Resource::Cpu].cur != RLIM_INFINITY
        })
    }

    /// The tick at which the next timer of a task or a process is due, or a write to a device ends.
    pub fn next_expiry(&self) -> Option<u64> {
        let wakes = self.timers.next_expiry();
        let writes = self.writes.next_end();
        [wakes, self.next_alarm(), writes]
            .into_iter()
            .flatten()
            .min()
    }

    /// The tick at which the next timer of a process is due.
    pub fn next_alarm(&self) -> Option<u64> {
        let (real, posix) = (&self.real_timers, &self.posix_timers);
        [real.next_expiry(), posix.next_expiry()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The same, or that of the periodic write-back, which goes on for ever: nobody waits for it.
    pub fn next_timer(&self) -> Option<u64> {
        let timers = [self.next_expiry(), self.next_write_back()];
        timers.into_iter().flatten().min()
    }

    /// How many ticks from now on are quiet: at none of them the kernel does anything but account
    /// them, provided that the running tasks use the CPU all the time. There may be more.
    pub fn quiet_ticks(&self) -> u64 {
        let next = self.next_timer();
        let before = next.map_or(u64::MAX, |tick| (tick - 1).saturating_sub(self.tick));
        let cpus = 0..self.cpus.len();
        if before == 0 || cpus.into_iter().any(|cpu| self.looks_at_ticks(cpu)) {
            return 0;
        }
        self.sched.quiet_ticks(self.jiffies()).min(before)
    }

    /// Whether ticks matter to the running task of a CPU for another reason than its slice.
    fn looks_at_ticks(&self, cpu: usize) -> bool {
        let current = self.sched.current(cpu);
        current != self.sched.idle(cpu)
            && (self.task(current).in_call.continuation.is_some()
                || self.signal_pending(current)
                || self.has_posix_cpu_timers(current))
    }

    /// Lets that many [quiet](Self::quiet_ticks) ticks pass at once, with the same result as one by
    /// one.
    pub fn pass_quiet_ticks(&mut self, ticks: u64) {
        let first = self.jiffies().wrapping_add(1);
        self.account_ticks(ticks);
        let now = self.sched_clock();
        self.sched.pass_quiet_ticks(ticks, now, first);
    }

    /// Puts the current task to sleep; `until` sets a timer for that tick.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `schedule_timeout()`.
    pub fn sleep(&mut self, current: TaskId, state: TaskState, until: Option<u64>) {
        if let Some(tick) = until {
            self.add_timer(current, tick);
        }
        // `schedule()` takes a task off the runqueue only if it is not in the state RUNNING.
        self.sched.set_task_state(current, state);
        self.schedule();
    }

    /// Linux 2.6.12: `kernel/timer.c`, `add_timer()`.
    fn add_timer(&mut self, task: TaskId, tick: u64) {
        let pid = self.pid(task);
        self.timers.add(self.tick, tick, pid, task);
        self.task_mut(task).in_call.set_timer(tick);
    }

    /// Puts the current task to sleep inside a system call, with a timeout at a tick.
    pub(in crate::kernel) fn block_until(
        &mut self,
        current: TaskId,
        state: TaskState,
        continuation: Continuation,
        until: Option<u64>,
    ) -> SysResult {
        if let Some(tick) = until {
            self.add_timer(current, tick);
        }
        self.block(current, state, continuation)
    }

    /// Removes a task's timer, if it has one.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `del_timer()`.
    pub fn del_timer(&mut self, task: TaskId) {
        if let Some(tick) = self.task_mut(task).in_call.take_timer() {
            let pid = self.pid(task);
            self.timers.remove(self.tick, tick, pid, task);
        }
    }

    /// Wakes a task from any sleep. Returns whether it slept.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `wake_up_process()`.
    pub fn wake_up_process(&mut self, task: TaskId) -> bool {
        let (sched, mut ctx) = self.sched_ctx();
        sched.wake_up_process(&mut ctx, task)
    }

    /// Wakes a task from interrupt context, as a key press on the console does.
    pub fn wake_from_interrupt(&mut self, task: TaskId) -> bool {
        self.enter_interrupt(Cause::Console);
        let (sched, mut ctx) = self.sched_ctx();
        let woken = sched.try_to_wake_up(&mut ctx, task, TaskState::INTERRUPTIBLE, Waker::GoesOn);
        self.leave_interrupt();
        woken
    }

    pub(in crate::kernel) const fn enter_interrupt(&mut self, which: Cause) {
        self.in_interrupt = true;
        self.log.enter_interrupt(which);
    }

    pub(in crate::kernel) const fn leave_interrupt(&mut self) {
        self.in_interrupt = false;
        self.log.leave_interrupt();
    }
}
