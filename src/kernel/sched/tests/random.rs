//! Random operations with a fixed seed: the runqueues stay consistent, and `runs_at_once` says
//! what a wake-up then does.

use super::*;

const OPERATIONS: u32 = 4000;
const TASKS_MAX: usize = 12;

/// Xorshift: the same numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

struct Run {
    bench: Bench,
    random: Random,
    live: Vec<TaskId>,
}

impl Run {
    fn new(cpus: usize, seed: u64) -> Self {
        let mut bench = Bench::with_cpus(cpus);
        let live = vec![bench.hog("first", 0, 500)];
        Self {
            bench,
            random: Random(seed),
            live,
        }
    }

    fn step(&mut self) {
        self.bench.cpu = self.random.below(self.bench.sched.cpus());
        let task = self.live[self.random.below(self.live.len())];
        match self.random.below(9) {
            0 | 1 => self.tick(),
            2 => self.sleep(),
            3 | 4 => self.wake(task),
            5 => self.fork(),
            6 => self.exit(task),
            7 => self.renice_or_set_policy(task),
            _ => self.yield_now(),
        }
        self.bench.sched.check().unwrap();
        for cpu in 0..self.bench.sched.cpus() {
            self.bench.cpu = cpu;
            self.bench.settle();
        }
    }

    fn curr_is_idle(&self) -> bool {
        let sched = &self.bench.sched;
        sched.current(self.bench.cpu) == sched.idle(self.bench.cpu)
    }

    fn tick(&mut self) {
        self.bench.tick += self.random.below(30) as u64;
        for _ in 0..self.random.below(60) {
            self.bench.tick += 1;
            self.bench.scheduler_tick();
            self.bench.settle();
        }
    }

    fn sleep(&mut self) {
        let state = [TaskState::INTERRUPTIBLE, TaskState::UNINTERRUPTIBLE][self.random.below(2)];
        if !self.curr_is_idle() {
            self.bench.sleep(state);
        }
    }

    fn wake(&mut self, task: TaskId) {
        let asleep = self.bench.sched.get(task).state == TaskState::INTERRUPTIBLE;
        let at_once = self.bench.on(|s, ctx| s.runs_at_once(ctx, task));
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
        let levers = Levers {
            fork_cpu: (self.random.below(4) == 0).then_some(self.bench.cpu as u8 ^ 1),
            parent_not_on_array: self.random.below(4) == 0,
            child_runs_first: self.random.below(4) > 0,
        };
        let clone_vm = self.random.below(3) == 0;
        let child = self.bench.fork("child", clone_vm, levers);
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
        let nice = self.random.below(40) as i32 - 20;
        let rt_priority = 1 + self.random.below(99) as u8;
        match self.random.below(6) {
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
    for seed in 1..=4 {
        let mut run = Run::new(2, 0x9e37_79b9_7f4a_7c15 ^ seed);
        for _ in 0..OPERATIONS {
            run.step();
        }
        let switches: u64 = (0..2).map(|cpu| run.bench.sched.rq(cpu).nr_switches).sum();
        assert!(
            switches > 1000,
            "{switches} switches: the run exercises little"
        );
    }
}

/// The same, continued on a copy: a scheduler is plain data.
#[test]
fn a_copy_continues_like_the_original() {
    let mut run = Run::new(2, 42);
    (0..300).for_each(|_| run.step());
    let mut copy = Run {
        bench: run.bench.clone(),
        random: Random(run.random.0),
        live: run.live.clone(),
    };
    (0..300).for_each(|_| {
        run.step();
        copy.step();
    });
    assert_eq!(run.bench.schedule_text(), copy.bench.schedule_text());
    assert_eq!(run.bench.log.event_seq(), copy.bench.log.event_seq());
}
