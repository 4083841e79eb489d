//! Random operations with a fixed seed: the runqueues stay consistent, and `runs_at_once` says
//! what a wake-up then does.

use super::*;
use fastrand::Rng;
use std::collections::BTreeSet;

const OPERATIONS: u32 = 4000;
const TASKS_MAX: usize = 12;

struct Run {
    bench: Bench,
    random: Rng,
    live: Vec<TaskId>,
}

impl Run {
    fn new(cpus: usize, seed: u64) -> Self {
        let mut bench = Bench::with_cpus(cpus);
        let live = vec![bench.hog("first", 0, 500)];
        Self {
            bench,
            random: Rng::with_seed(seed),
            live,
        }
    }

    fn step(&mut self) {
        self.bench.cpu = self.random.usize(..self.bench.sched.cpus());
        let task = self.live[self.random.usize(..self.live.len())];
        let kinds = if self.bench.sched.cpus() > 1 { 12 } else { 9 };
        match self.random.usize(..kinds) {
            0 | 1 => self.tick(),
            2 => self.sleep(),
            3 | 4 => self.wake(task),
            5 => self.fork(),
            6 => self.exit(task),
            7 => self.renice_or_set_policy(task),
            8 => self.yield_now(),
            9 => self.exec(),
            10 => self.push(),
            _ => self.bind(task),
        }
        self.bench.sched.check().unwrap();
        self.bench.settle_all();
        self.everybody_is_where_it_may_be();
    }

    fn everybody_is_where_it_may_be(&self) {
        for id in &self.live {
            let task = self.bench.sched.get(*id);
            let rq = self.bench.sched.rq(usize::from(task.cpu));
            // The migration thread itself may have to wait for a FIFO task that is as good.
            let pending = !rq.migration_queue.is_empty();
            let allowed = task.cpus_allowed >> task.cpu & 1 != 0;
            assert!(allowed || pending || !task.is_queued(), "{task:?}");
        }
    }

    /// The running task changes the affinity of any.
    fn bind(&mut self, task: TaskId) {
        if self.curr_is_idle() {
            return;
        }
        let all = (1 << self.bench.sched.cpus()) - 1;
        let mask = match self.random.usize(..3) {
            0 => 1 + self.random.usize(..all) as u32,
            _ => u32::MAX,
        };
        self.bench.set_cpus_allowed(task, mask).unwrap();
    }

    /// The running task calls exec.
    fn exec(&mut self) {
        if !self.curr_is_idle() && self.bench.on(Scheduler::sched_exec) == Migration::Wait {
            self.bench.sleep(TaskState::UNINTERRUPTIBLE);
        }
    }

    /// The load of a CPU cannot be balanced.
    fn push(&mut self) {
        let busiest = self.random.usize(..self.bench.sched.cpus());
        self.bench
            .on(|s, ctx| s.ask_for_active_balance(ctx, busiest));
    }

    fn curr_is_idle(&self) -> bool {
        let sched = &self.bench.sched;
        sched.current(self.bench.cpu) == sched.idle(self.bench.cpu)
    }

    fn tick(&mut self) {
        self.bench.tick += self.random.usize(..30) as u64;
        for _ in 0..self.random.usize(..60) {
            self.bench.tick_all();
        }
    }

    fn sleep(&mut self) {
        let state = [TaskState::INTERRUPTIBLE, TaskState::UNINTERRUPTIBLE][self.random.usize(..2)];
        if !self.curr_is_idle() {
            self.bench.sleep(state);
        }
    }

    fn wake(&mut self, task: TaskId) {
        let asleep = self.bench.sched.get(task).state == TaskState::INTERRUPTIBLE;
        let at_once = self
            .bench
            .on(|s, ctx| s.runs_at_once(ctx.cpu, ctx.now, task));
        let woken = self.bench.irq_wake(task);
        let cpu = usize::from(self.bench.sched.get(task).cpu);
        self.bench.cpu = cpu;
        self.bench.settle();
        if asleep && woken {
            let runs = self.bench.sched.current(cpu) == task;
            assert_eq!(at_once.is_ok(), runs, "{at_once:?}");
        }
    }

    fn fork(&mut self) {
        if self.live.len() == TASKS_MAX || self.curr_is_idle() {
            return;
        }
        let parent = self
            .bench
            .sched
            .get(self.bench.sched.current(self.bench.cpu));
        let elsewhere = self.bench.cpu as u8 ^ 1;
        let several = self.bench.sched.cpus() > 1;
        let may = several && parent.cpus_allowed >> elsewhere & 1 != 0;
        let overrides = Overrides {
            fork_cpu: (may && self.random.usize(..4) == 0).then_some(elsewhere),
            parent_not_on_array: self.random.usize(..4) == 0,
            child_runs_first: self.random.usize(..4) > 0,
        };
        let clone_vm = self.random.usize(..3) == 0;
        let child = self.bench.fork("child", clone_vm, overrides);
        self.live.push(child);
    }

    /// The running task exits; `parent`, if another, gets the rest of its slice.
    fn exit(&mut self, parent: TaskId) {
        let curr = self.bench.sched.current(self.bench.cpu);
        if self.live.len() < 3 || self.curr_is_idle() || curr == parent {
            return;
        }
        self.bench.sched.get_mut(curr).dead = true;
        self.bench.on(|s, ctx| {
            s.sched_exit(ctx, curr, parent);
            s.schedule(ctx);
        });
        self.bench.sched.remove(curr);
        self.live.retain(|id| *id != curr);
    }

    fn renice_or_set_policy(&mut self, task: TaskId) {
        let nice = self.random.usize(..40) as i32 - 20;
        let rt_priority = 1 + self.random.usize(..99) as u8;
        match self.random.usize(..6) {
            0 => self
                .bench
                .on(|s, ctx| s.sched_setscheduler(ctx, task, Policy::Fifo, rt_priority)),
            1 => self
                .bench
                .on(|s, ctx| s.sched_setscheduler(ctx, task, Policy::RoundRobin, rt_priority)),
            2 | 3 => self
                .bench
                .on(|s, ctx| s.sched_setscheduler(ctx, task, Policy::Normal, 0)),
            _ => self.bench.on(|s, ctx| s.set_user_nice(ctx, task, nice)),
        }
    }

    fn yield_now(&mut self) {
        if !self.curr_is_idle() {
            self.bench.on(|s, ctx| {
                s.sched_yield(ctx);
                s.schedule(ctx);
            });
        }
    }
}

#[test]
fn runqueues_stay_consistent_under_random_operations() {
    for (cpus, seed) in [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (4, 1), (4, 2)] {
        let mut run = Run::new(cpus, 0x9e37_79b9_7f4a_7c15 ^ seed);
        for _ in 0..OPERATIONS {
            run.step();
        }
        let rqs = (0..cpus).map(|cpu| run.bench.sched.rq(cpu));
        let switches: u64 = rqs.map(|rq| rq.nr_switches).sum();
        assert!(
            switches > 1000,
            "{switches} switches: the run exercises little"
        );
        let why: BTreeSet<&str> = run
            .bench
            .log
            .records()
            .filter_map(|record| match record.event {
                TraceEvent::SchedMigrateTask { why, .. } => Some(why.name()),
                _ => None,
            })
            .collect();
        let all = [
            "active", "affinity", "balance", "exec", "newidle", "wake_up",
        ];
        let expected: &[&str] = if cpus > 1 { &all } else { &[] };
        assert!(why.iter().eq(expected), "{cpus} CPUs: {why:?}");
    }
}

/// The same, continued on a copy: a scheduler is plain data.
#[test]
fn a_copy_continues_like_the_original() {
    let mut run = Run::new(2, 42);
    (0..300).for_each(|_| run.step());
    let mut copy = Run {
        bench: run.bench.clone(),
        random: run.random.clone(),
        live: run.live.clone(),
    };
    (0..300).for_each(|_| {
        run.step();
        copy.step();
    });
    assert_eq!(run.bench.schedule_text(), copy.bench.schedule_text());
    assert_eq!(run.bench.log.event_seq(), copy.bench.log.event_seq());
}
