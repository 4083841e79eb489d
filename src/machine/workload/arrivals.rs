//! Tasks that appear later: those that a workload file lists with a start.

use crate::abi::{Errno, InodeId, Pid};
use crate::kernel::fork::SpawnArgs;
use crate::machine::command::Reply;
use crate::machine::refusal::Refusal;
use crate::machine::{ListedTask, Machine, UserMode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A task to come.
#[derive(Clone, Debug)]
struct Arrival {
    args: SpawnArgs,
    /// Its program; a reference to it is held.
    exe: InodeId,
    /// Its number, which nobody else gets meanwhile.
    pid: Pid,
}

/// The tasks to come, by tick; those of one tick in the order of their listing.
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
    /// Gives every listed task its number at once, in the order of the list whatever their starts,
    /// and lets those appear that start now.
    pub(in crate::machine) fn load(&mut self, tasks: &[ListedTask]) -> Result<Reply, Refusal> {
        let before = self.kernel.pidmap.clone();
        let pids: Option<Vec<Pid>> = tasks.iter().map(|_| self.kernel.pidmap.reserve()).collect();
        let Some(pids) = pids else {
            self.kernel.pidmap = before;
            return Err(Refusal::NoTask(Errno::EAGAIN));
        };
        for (task, pid) in tasks.iter().zip(&pids) {
            let exe = self.workload_inode(&task.args.name, task.program.clone());
            let tick = self.kernel.tick.saturating_add(task.start);
            self.arrivals.0.entry(tick).or_default().push(Arrival {
                args: task.args.clone(),
                exe,
                pid: *pid,
            });
        }
        if self.kernel.tick == 0 {
            // They were there before any CPU looked for something to do.
            (0..self.kernel.cpus.len()).for_each(|cpu| self.kernel.sched.resched_idle(cpu));
        }
        self.appear();
        self.settle();
        Ok(Reply::Loaded(pids))
    }

    /// Lets the tasks appear whose time has come.
    pub(in crate::machine) fn appear(&mut self) {
        while let Some(arrivals) = self.arrivals.pop_due(self.kernel.tick) {
            for Arrival { args, exe, pid } in arrivals {
                // Nobody is there to be told of a failure but the trace.
                match self.kernel.spawn_reserved(&args, pid) {
                    Ok(task) => {
                        let mode = UserMode::Spawned {
                            exe,
                            spin: false,
                            args: Arc::new(args.name.into()),
                        };
                        self.modes.insert(task, mode);
                    }
                    Err(_) => self.kernel.iput(exe),
                }
            }
        }
        self.kernel.this_cpu = 0;
    }
}
