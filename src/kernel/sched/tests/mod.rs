//! The scheduler on its own: the specification's tables and worked examples, on a small bench whose
//! tasks do nothing but run, sleep and wake.

mod balance;
mod fork;
mod imbalance;
mod migrate;
mod policy;
mod prio;
mod random;
mod runs_at_once;
mod sched_info;
mod schedules;
mod wakeup;

use super::*;
use crate::abi::{Names, Pid, Policy};
use slotmap::SlotMap;

/// A scheduler with a clock of whole ticks.
#[derive(Clone)]
struct Bench {
    sched: Scheduler,
    log: TraceLog,
    names: Names,
    ids: SlotMap<TaskId, ()>,
    tick: u64,
    cpu: usize,
    in_interrupt: bool,
}

impl Bench {
    fn new() -> Self {
        Self::with_cpus(1)
    }

    fn with_cpus(cpus: usize) -> Self {
        let mut bench = Self {
            sched: Scheduler::new(cpus, 0),
            log: TraceLog::default(),
            names: Names::default(),
            ids: SlotMap::with_key(),
            tick: 0,
            cpu: 0,
            in_interrupt: false,
        };
        for cpu in 0..cpus {
            bench.cpu = cpu;
            let id = bench.ids.insert(());
            let idle = SchedTask::new(Pid(0), bench.names.intern("idle"));
            bench.on(|s, ctx| s.add_idle(ctx.cpu, id, idle));
        }
        bench.cpu = 0;
        if cpus > 1 {
            bench.add_migration_threads(cpus);
        }
        bench
    }

    fn add_migration_threads(&mut self, cpus: usize) {
        for cpu in 0..cpus {
            let (pid, name) = (Pid(9000 + cpu as i32), format!("migration/{cpu}"));
            let id = self.ids.insert(());
            let name = self.names.intern(&name);
            self.sched.add_migration_thread(cpu, id, pid, name);
        }
    }

    /// Calls the scheduler now, on the bench's CPU.
    fn on<R>(&mut self, call: impl FnOnce(&mut Scheduler, &mut Ctx) -> R) -> R {
        let mut ctx = Ctx {
            cpu: self.cpu,
            now: self.tick * u64::from(NS_PER_TICK),
            tick: self.tick,
            jiffies: self.tick as u32,
            in_interrupt: self.in_interrupt,
            log: &mut self.log,
        };
        call(&mut self.sched, &mut ctx)
    }

    /// A sleeping user task with the slice and the priority that its fields ask for.
    fn sleeper(&mut self, name: &str, nice: i32, sleep_avg_ms: u32) -> TaskId {
        let id = self.ids.insert(());
        let pid = Pid(self.ids.len() as i32);
        let mut task = SchedTask::new(pid, self.names.intern(name));
        task.state = TaskState::INTERRUPTIBLE;
        task.static_prio = (120 + nice) as u8;
        task.sleep_avg = sleep_avg_ms * NS_PER_TICK;
        task.prio = effective_prio(&task).prio;
        task.time_slice = Tunables::LINUX.task_timeslice(task.static_prio);
        task.has_mm = true;
        task.timestamp = self.tick * u64::from(NS_PER_TICK);
        task.cpu = self.cpu as u8;
        self.sched.insert(id, task);
        id
    }

    /// A runnable task at the tail of its list in the active array.
    fn hog(&mut self, name: &str, nice: i32, sleep_avg_ms: u32) -> TaskId {
        let id = self.sleeper(name, nice, sleep_avg_ms);
        self.sched.get_mut(id).state = TaskState::RUNNING;
        self.enqueue(id);
        id
    }

    /// The same for a real-time task.
    fn real_time(&mut self, name: &str, policy: Policy, rt_priority: u8) -> TaskId {
        let id = self.hog(name, 0, 0);
        self.on(|s, ctx| s.sched_setscheduler(ctx, id, policy, rt_priority));
        id
    }

    fn enqueue(&mut self, id: TaskId) {
        self.on(|s, ctx| {
            let (tasks, rq) = s.task_rq_mut(id);
            rq.activate_raw(tasks, id, ctx.jiffies);
        });
    }

    fn scheduler_tick(&mut self) {
        self.on(Scheduler::scheduler_tick);
    }

    fn schedule(&mut self) -> Option<Switch> {
        self.on(Scheduler::schedule)
    }

    fn settle(&mut self) {
        while self.settle_step() {
            self.sched.check().unwrap();
        }
    }

    /// One pass of `schedule`, or one round of the migration thread.
    fn settle_step(&mut self) -> bool {
        let curr = self.sched.current(self.cpu);
        if self.sched.need_resched(self.cpu) {
            self.schedule();
        } else if self.sched.is_migration_thread(curr) {
            match self.on(Scheduler::migration_round) {
                Some(waiter) => {
                    self.on(|s, ctx| s.wake_up_process(ctx, waiter));
                }
                None => self.sleep(TaskState::INTERRUPTIBLE),
            }
        } else {
            return false;
        }
        true
    }

    /// The lowest CPU with something to do does one thing, until none has.
    fn settle_all(&mut self) {
        let cpu = self.cpu;
        while (0..self.sched.cpus()).any(|cpu| {
            self.cpu = cpu;
            self.settle_step()
        }) {
            self.sched.check().unwrap();
        }
        self.cpu = cpu;
    }

    /// One tick of every CPU.
    fn tick_all(&mut self) {
        self.tick += 1;
        let cpu = self.cpu;
        for cpu in 0..self.sched.cpus() {
            self.cpu = cpu;
            self.scheduler_tick();
        }
        self.cpu = cpu;
        self.settle_all();
    }

    /// The running task of this CPU asks for other CPUs for `p`; whether it has to wait.
    fn set_cpus_allowed(&mut self, p: TaskId, mask: u32) -> Result<Migration, NoCpu> {
        let curr = self.sched.current(self.cpu);
        let migration = self.on(|s, ctx| s.set_cpus_allowed(ctx, p, mask, curr));
        if migration == Ok(Migration::Wait) {
            self.sleep(TaskState::UNINTERRUPTIBLE);
        }
        migration
    }

    /// Lets time pass: at each tick `scheduler_tick`, then `schedule` as long as requested.
    fn run_to(&mut self, tick: u64) {
        self.settle();
        while self.tick < tick {
            self.tick += 1;
            self.scheduler_tick();
            self.settle();
        }
    }

    /// The running task goes to sleep.
    fn sleep(&mut self, state: TaskState) {
        let curr = self.sched.current(self.cpu);
        self.sched.get_mut(curr).state = state;
        self.schedule();
    }

    /// An interrupt wakes a task.
    fn irq_wake(&mut self, id: TaskId) -> bool {
        self.in_interrupt = true;
        let woken = self.on(|s, ctx| s.wake_up_process(ctx, id));
        self.in_interrupt = false;
        woken
    }

    fn fork(&mut self, name: &str, clone_vm: bool, overrides: Overrides) -> TaskId {
        let child = self.ids.insert(());
        let (pid, name) = (Pid(self.ids.len() as i32), self.names.intern(name));
        let parent = self.sched.current(self.cpu);
        self.on(|s, ctx| {
            s.dup(parent, child, pid);
            s.get_mut(child).name = name;
            s.sched_fork(ctx, parent, child);
            s.wake_up_new_task(ctx, parent, child, clone_vm, &overrides);
        });
        self.sched.check().unwrap();
        child
    }

    fn name(&self, id: TaskId) -> &str {
        self.names.get(self.sched.get(id).name)
    }

    fn current(&self) -> &str {
        self.name(self.sched.current(self.cpu))
    }

    /// The members of a list, head first: `C P X`.
    fn list(&self, array: ArrayKind, prio: u8) -> String {
        let rq = self.sched.rq(self.cpu);
        let array = match array {
            ArrayKind::Active => rq.active(),
            ArrayKind::Expired => rq.expired(),
        };
        let names: Vec<&str> = self
            .sched
            .members(array, prio)
            .map(|id| self.name(id))
            .collect();
        names.join(" ")
    }

    /// Who ran from when on, by the recorded switches: `A 0, B 100`.
    fn schedule_text(&self) -> String {
        let switches: Vec<String> = self
            .log
            .records()
            .filter_map(|record| match record.event {
                TraceEvent::SchedSwitch { next_name, .. } => Some(format!(
                    "{} {}",
                    self.names.get(next_name),
                    record.stamp.tick
                )),
                _ => None,
            })
            .collect();
        switches.join(", ")
    }
}
