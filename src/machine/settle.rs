//! Settling: everything that happens at one moment, until every CPU is idle or has a task that
//! needs time to pass.

use super::{Machine, UserMode};

/// Steps without time that a machine may take before it counts as stuck.
const MAX_IDLE_STEPS: u32 = 1_000_000;

impl Machine {
    /// Repeatedly lets the lowest CPU with something to do do one thing, until none has.
    ///
    /// Returns `false` if tasks loop without ever using time.
    pub(super) fn settle(&mut self) -> bool {
        while self.kernel.panic.is_none() {
            let cpus = self.kernel.cpus.len();
            if !(0..cpus).any(|cpu| self.settle_step(cpu)) {
                break;
            }
            self.idle_steps += 1;
            if self.idle_steps > MAX_IDLE_STEPS {
                self.idle_steps = 0;
                return false;
            }
        }
        self.kernel.this_cpu = 0;
        true
    }

    /// One `schedule()`, one continuation, one signal or one user-mode step on a CPU; `false` if it
    /// has nothing to do before the next tick.
    fn settle_step(&mut self, cpu: usize) -> bool {
        self.kernel.this_cpu = cpu;
        if self.kernel.sched.need_resched(cpu) {
            self.kernel.schedule();
            return true;
        }
        let current = self.kernel.sched.current(cpu);
        if current == self.kernel.sched.idle(cpu) {
            return false;
        }
        if self.kernel.migration_round(current) {
            return true;
        }
        if self.kernel.yields_in_vain(current) {
            return false;
        }
        let execs = self.execs(current);
        if self.kernel.resume(current) {
            self.note_call(current);
            self.enter_new_image(current, execs);
            self.note_handler(current);
            return true;
        }
        if self.kernel.takes_signals(current) {
            self.kernel.do_signal(current);
            self.note_call(current);
            self.note_handler(current);
            return true;
        }
        match self.modes.get(current) {
            Some(UserMode::Spawned { exe, spin, args }) => {
                let (exe, spin, args) = (*exe, *spin, args.clone());
                self.exec_spawned(current, exe, spin, &args);
                true
            }
            Some(UserMode::Puppet(_)) => {
                let done = self.puppet_step(current);
                self.note_handler(current);
                done
            }
            Some(UserMode::Workload(_)) => self.workload_step(current),
            // Its instructions take time.
            Some(UserMode::Program) | None => false,
        }
    }
}
