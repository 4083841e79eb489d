//! Tasks that appear later: those that a workload file lists with a start time.

use crate::abi::{InodeId, Pid};
use crate::kernel::fork::SpawnArgs;
use crate::machine::command::Reply;
use crate::machine::refusal::Refusal;
use crate::machine::{ListedTask, Machine, Spawned, UserMode};
use std::collections::BTreeMap;

/// A task that has not appeared yet.
#[derive(Clone, Debug)]
struct Arrival {
    args: SpawnArgs,
    /// Its program; a reference to it is held.
    exe: InodeId,
    /// Its pid, which is not given to any other task meanwhile.
    pid: Pid,
}

/// The tasks to appear, by tick; those of one tick in the order of their listing.
#[derive(Clone, Debug, Default)]
pub(in crate::machine) struct Arrivals(BTreeMap<u64, Vec<Arrival>>);

impl Arrivals {
    /// The tick at which the next task appears.
    pub(in crate::machine) fn next_tick(&self) -> Option<u64> {
        self.0.first_key_value().map(|(tick, _)| *tick)
    }

    fn pop_due(&mut self, tick: u64) -> Option<Vec<Arrival>> {
        let first = self.0.first_entry()?;
        (*first.key() <= tick).then(|| first.remove())
    }
}

impl Machine {
    /// Assigns every listed task its pid at once, in the order of the list, and creates those that
    /// start now.
    pub(in crate::machine) fn load(&mut self, tasks: &[ListedTask]) -> Result<Reply, Refusal> {
        let pids = self.kernel.reserve_pids(tasks.len());
        let pids = pids.map_err(|refusal| Refusal::NoTask(refusal.into()))?;
        for (task, pid) in tasks.iter().zip(&pids) {
            let exe = self.workload_inode(&task.args.name, task.program.clone());
            let tick = self.kernel.tick().saturating_add(task.start);
            self.arrivals.0.entry(tick).or_default().push(Arrival {
                args: task.args.clone(),
                exe,
                pid: *pid,
            });
        }
        if self.kernel.tick() == 0 {
            // They exist before any CPU looks for something to do.
            (0..self.kernel.cpus.len()).for_each(|cpu| self.kernel.sched.resched_idle(cpu));
        }
        self.appear();
        self.settle();
        Ok(Reply::Loaded(pids))
    }

    /// Creates the tasks whose time has come.
    pub(in crate::machine) fn appear(&mut self) {
        while let Some(arrivals) = self.arrivals.pop_due(self.kernel.tick()) {
            for Arrival { args, exe, pid } in arrivals {
                // There is no caller that a failure could be reported to; the trace records it.
                match self.kernel.spawn_reserved(&args, pid) {
                    Ok(task) => {
                        let program = Spawned::sleeping(exe, args.name.into());
                        self.modes.insert(task, UserMode::Spawned(program));
                    }
                    Err(_) => self.kernel.iput(exe),
                }
            }
        }
        self.kernel.set_this_cpu(0);
    }
}
