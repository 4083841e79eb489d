//! The scheduler alone: it is called as the kernel of a machine calls it for tasks with habits, but
//! there is no kernel, no trace and no user mode around it. What an event of a machine costs at
//! least is measured with it.

use super::naive::Habit;
use forklab::abi::{TaskId, TaskState};
use forklab::kernel::sched::{Ctx, NS_PER_TICK, Scheduler};
use forklab::machine::Machine;
use forklab::trace::{TraceFilter, TraceLog};
use slotmap::SecondaryMap;
use std::mem::take;

/// Ticks for which sleeps are kept: more than any of them lasts.
const SLOTS: usize = 4096;

struct Life {
    habit: Habit,
    /// Ticks to run on.
    left: u64,
    /// Whether it has slept since it last ran.
    rested: bool,
}

/// A scheduler with a clock.
pub struct Alone {
    sched: Scheduler,
    /// Records nothing.
    log: TraceLog,
    first_jiffies: u32,
    tick: u64,
    lives: SecondaryMap<TaskId, Life>,
    /// Who wakes at each of the next ticks.
    wakes: Vec<Vec<TaskId>>,
}

impl Alone {
    /// Takes over the tasks of a machine at tick 0, the running one being in its first run.
    pub fn from(machine: &Machine, tasks: &[(TaskId, Habit)]) -> Self {
        let sched = machine.kernel.sched.clone();
        let mut lives = SecondaryMap::new();
        for (task, habit) in tasks {
            let runs = *task == sched.current(0);
            let life = Life {
                habit: *habit,
                left: if runs { habit.run } else { 0 },
                rested: !runs,
            };
            lives.insert(*task, life);
        }
        let mut log = TraceLog::default();
        log.filter = TraceFilter::NONE;
        Self {
            sched,
            log,
            first_jiffies: machine.kernel.jiffies(),
            tick: 0,
            lives,
            wakes: vec![Vec::new(); SLOTS],
        }
    }

    pub fn switches(&self) -> u64 {
        self.sched.rq(0).nr_switches()
    }

    /// Lets that many ticks pass; those at which nothing is decided at once, as a machine does.
    pub fn run(&mut self, ticks: u64) {
        let end = self.tick + ticks;
        while self.tick < end {
            let quiet = self.quiet_ticks().min(end - self.tick);
            if quiet > 0 {
                let first = self.jiffies().wrapping_add(1);
                self.use_up(quiet);
                let now = self.tick * u64::from(NS_PER_TICK);
                self.sched.pass_quiet_ticks(quiet, now, first);
            }
            if self.tick < end {
                self.tick();
            }
        }
    }

    fn quiet_ticks(&self) -> u64 {
        let left = self.lives.get(self.sched.current(0));
        let most = left.map_or(SLOTS as u64, |life| life.left) - 1;
        if most == 0 {
            return 0;
        }
        let most = most.min(self.sched.quiet_ticks(self.jiffies()));
        let wakes = |quiet: &u64| !self.wakes[slot(self.tick + quiet + 1)].is_empty();
        (0..most).find(wakes).unwrap_or(most)
    }

    fn tick(&mut self) {
        self.use_up(1);
        let mut due = take(&mut self.wakes[slot(self.tick)]);
        // In the order of pids, which is that of their creation.
        due.sort_unstable();
        for task in due.drain(..) {
            self.call(|sched, ctx| {
                ctx.in_interrupt = true;
                sched.wake_up_process(ctx, task);
            });
        }
        self.wakes[slot(self.tick)] = due;
        self.call(Scheduler::scheduler_tick);
        self.settle();
    }

    fn use_up(&mut self, ticks: u64) {
        if let Some(life) = self.lives.get_mut(self.sched.current(0)) {
            life.left -= ticks;
        }
        self.tick += ticks;
    }

    fn settle(&mut self) {
        loop {
            if self.sched.need_resched(0) {
                self.schedule();
                continue;
            }
            let current = self.sched.current(0);
            let Some(life) = self.lives.get_mut(current) else {
                return;
            };
            if life.left > 0 {
                return;
            }
            if life.rested {
                (life.left, life.rested) = (life.habit.run, false);
                return;
            }
            life.rested = true;
            self.wakes[slot(self.tick + life.habit.sleep)].push(current);
            self.sched.set_task_state(current, TaskState::INTERRUPTIBLE);
            self.schedule();
        }
    }

    fn schedule(&mut self) {
        self.call(|sched, ctx| {
            sched.schedule(ctx);
        });
    }

    fn call(&mut self, function: impl FnOnce(&mut Scheduler, &mut Ctx)) {
        let jiffies = self.jiffies();
        let mut ctx = Ctx {
            cpu: 0,
            now: self.tick * u64::from(NS_PER_TICK),
            tick: self.tick,
            jiffies,
            in_interrupt: false,
            log: &mut self.log,
        };
        function(&mut self.sched, &mut ctx);
    }

    fn jiffies(&self) -> u32 {
        self.first_jiffies.wrapping_add(self.tick as u32)
    }
}

const fn slot(tick: u64) -> usize {
    tick as usize % SLOTS
}
