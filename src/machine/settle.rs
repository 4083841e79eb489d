//! Settling: everything that happens at one moment, until every CPU is idle or has a task that
//! needs time to pass.

use super::{Machine, UserMode};
use crate::abi::TaskId;

/// Steps without time that a machine may take before it counts as stuck.
const MAX_IDLE_STEPS: u32 = 1_000_000;

/// Work at one moment that a machine may do before it counts as stuck: steps may be long.
const MAX_IDLE_WORK: u64 = 1_000_000_000;

/// Work is looked at once in that many steps: most moments have fewer.
const STEPS_BETWEEN_LOOKS: u32 = 8;

/// Why the machine has not settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unsettled {
    /// Tasks loop without ever using time.
    Stuck,
    /// The slice of the command in progress is over; settling may go on.
    Paused,
}

impl Machine {
    /// Repeatedly lets the lowest CPU with something to do do one thing, until none has.
    pub(super) fn settle(&mut self) -> Result<(), Unsettled> {
        while self.kernel.panicked().is_none() {
            if self.looks_for_rest() && self.must_pause() {
                return Err(Unsettled::Paused);
            }
            let cpus = self.kernel.cpus.len();
            if !(0..cpus).any(|cpu| self.settle_step(cpu)) {
                break;
            }
            self.idle_steps += 1;
            self.count_step();
            if self.idle_steps.is_multiple_of(STEPS_BETWEEN_LOOKS) {
                self.look_at_work()?;
            }
        }
        self.kernel.set_this_cpu(0);
        Ok(())
    }

    fn look_at_work(&mut self) -> Result<(), Unsettled> {
        let work = self.work();
        if self.idle_steps == STEPS_BETWEEN_LOOKS {
            self.idle_since = work;
        }
        if self.idle_steps > MAX_IDLE_STEPS || work - self.idle_since > MAX_IDLE_WORK {
            self.idle_steps = 0;
            return Err(Unsettled::Stuck);
        }
        if self.must_pause() {
            return Err(Unsettled::Paused);
        }
        Ok(())
    }

    /// One `schedule()`, one continuation, one signal or one user-mode step on a CPU; `false` if it
    /// has nothing to do before the next tick.
    fn settle_step(&mut self, cpu: usize) -> bool {
        self.kernel.set_this_cpu(cpu);
        if self.kernel.sched.need_resched(cpu) {
            self.kernel.schedule();
            return true;
        }
        let current = self.kernel.sched.current(cpu);
        if current == self.kernel.sched.idle(cpu) {
            return false;
        }
        if self.kernel.has_kernel_work(current) {
            return self.kernel_step(current);
        }
        // User mode: what the task does next does not come of what it did in the kernel.
        self.kernel.end_context();
        match self.modes.get_mut(current) {
            Some(UserMode::Workload(workload)) if workload.left > 0 => false,
            Some(UserMode::Workload(workload)) => {
                if let Some(step) = workload.advance() {
                    self.workload_step(current, step);
                }
                true
            }
            Some(UserMode::Spawned(spawned)) => {
                let spawned = spawned.clone();
                self.exec_spawned(current, spawned);
                true
            }
            Some(UserMode::Puppet(_)) => {
                let done = self.puppet_step(current);
                self.note_handler(current);
                done
            }
            // Its instructions take time.
            Some(UserMode::Program) | None => false,
        }
    }

    /// What a task does in the kernel before it goes back to user mode; `false` if it can only wait
    /// there for another CPU.
    fn kernel_step(&mut self, current: TaskId) -> bool {
        if self.kernel.migration_round(current) || self.kernel.daemon_round(current) {
            return true;
        }
        if self.kernel.yields_in_vain(current) {
            return false;
        }
        if self.kernel.resume(current) {
            self.adopt_children();
            self.note_call(current);
            self.enter_new_image(current);
            self.note_handler(current);
        } else {
            self.kernel.do_signal(current);
            self.note_call(current);
            self.note_handler(current);
        }
        true
    }
}
