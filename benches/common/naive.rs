//! A scheduler as one would first write it: the rules of 2.6.12 for one CPU and its arithmetic, but
//! no queues and no bitmap. Each tick and each decision goes through all tasks.

use forklab::abi::{Policy, TaskId};
use forklab::kernel::sched::{
    NS_MAX_SLEEP_AVG, NS_PER_TICK, SchedTask, Scheduler, Tunables, current_bonus, effective_prio,
};
use forklab::trace::ArrayKind;

/// What a task does, so many times, before it ends: ticks on the CPU, then ticks asleep.
#[derive(Clone, Copy)]
pub struct Habit {
    pub run: u64,
    pub sleep: u64,
    pub rounds: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Run,
    Sleep,
}

struct Task {
    id: TaskId,
    sched: SchedTask,
    habit: Habit,
    /// Where it is queued, and its place among its equals.
    queued: Option<(ArrayKind, u64)>,
    /// What it does when it has run on.
    next: Step,
    /// Ticks to run on.
    left: u64,
    wakes: Option<u64>,
    utime: u64,
}

/// The simulator.
pub struct Naive {
    tasks: Vec<Task>,
    /// The running one; none is the idle task.
    curr: Option<usize>,
    need_resched: bool,
    tick: u64,
    next_place: u64,
    expired_since: u64,
    best_expired: u8,
    pub switches: u64,
}

impl Naive {
    /// Takes over the tasks of a machine at tick 0, the running one being in its first run.
    pub fn from(sched: &Scheduler, tasks: &[(TaskId, Habit)]) -> Self {
        let mut naive = Self {
            tasks: Vec::new(),
            curr: tasks.iter().position(|(id, _)| *id == sched.current(0)),
            need_resched: sched.need_resched(0),
            tick: 0,
            next_place: tasks.len() as u64,
            expired_since: 0,
            best_expired: 140,
            switches: 0,
        };
        for (place, (id, habit)) in tasks.iter().enumerate() {
            naive.tasks.push(Task {
                id: *id,
                sched: sched.get(*id).clone(),
                habit: *habit,
                queued: sched.array(*id).map(|kind| (kind, place as u64)),
                next: Step::Run,
                left: 0,
                wakes: None,
                utime: 0,
            });
        }
        if let Some(curr) = naive.curr {
            let task = &mut naive.tasks[curr];
            (task.left, task.next) = (task.habit.run, Step::Sleep);
        }
        naive
    }

    /// Ticks that each task has used.
    pub fn utimes(&self) -> impl Iterator<Item = (TaskId, u64)> {
        self.tasks.iter().map(|task| (task.id, task.utime))
    }

    pub fn tick(&mut self) {
        if let Some(curr) = self.curr {
            self.tasks[curr].left -= 1;
            self.tasks[curr].utime += 1;
        }
        self.tick += 1;
        for place in 0..self.tasks.len() {
            if self.tasks[place].wakes == Some(self.tick) {
                self.wake_up(place);
            }
        }
        self.scheduler_tick();
        self.settle();
    }

    fn now(&self) -> u64 {
        self.tick * u64::from(NS_PER_TICK)
    }

    fn enqueue(&mut self, place: usize, kind: ArrayKind) {
        self.tasks[place].queued = Some((kind, self.next_place));
        self.next_place += 1;
    }

    fn running(&self) -> u32 {
        let queued = self.tasks.iter().filter(|task| task.queued.is_some());
        queued.count() as u32
    }

    fn wake_up(&mut self, place: usize) {
        let now = self.now();
        let task = &mut self.tasks[place];
        task.wakes = None;
        let credit = Tunables::LINUX.recalc_task_prio(&task.sched, now);
        task.sched.sleep_avg = credit.sleep_avg;
        task.sched.prio = credit.prio.prio;
        task.sched.activated = 2;
        task.sched.timestamp = now;
        let prio = task.sched.prio;
        self.enqueue(place, ArrayKind::Active);
        let curr_prio = self.curr.map_or(140, |curr| self.tasks[curr].sched.prio);
        self.need_resched |= prio < curr_prio;
    }

    fn scheduler_tick(&mut self) {
        let Some(curr) = self.curr else {
            return;
        };
        let task = &mut self.tasks[curr];
        if !matches!(task.queued, Some((ArrayKind::Active, _))) {
            self.need_resched = true;
            return;
        }
        assert_eq!(task.sched.policy, Policy::Normal);
        task.sched.time_slice -= 1;
        if task.sched.time_slice == 0 {
            self.expire(curr);
            return;
        }
        let granularity = Tunables::LINUX.timeslice_granularity(task.sched.sleep_avg, 1);
        let used = Tunables::LINUX.task_timeslice(task.sched.static_prio) - task.sched.time_slice;
        if Tunables::LINUX.task_interactive(&task.sched)
            && used.is_multiple_of(granularity)
            && task.sched.time_slice >= granularity
        {
            self.enqueue(curr, ArrayKind::Active);
            self.need_resched = true;
        }
    }

    fn expire(&mut self, curr: usize) {
        let running = self.running();
        let task = &mut self.tasks[curr];
        task.sched.prio = effective_prio(&task.sched).prio;
        task.sched.time_slice = Tunables::LINUX.task_timeslice(task.sched.static_prio);
        if self.expired_since == 0 {
            self.expired_since = self.tick;
        }
        let waited = self.tick - self.expired_since;
        let starving =
            waited > 1000 * u64::from(running) || task.sched.static_prio > self.best_expired;
        let kind = if Tunables::LINUX.task_interactive(&task.sched) && !starving {
            ArrayKind::Active
        } else {
            self.best_expired = self.best_expired.min(task.sched.static_prio);
            ArrayKind::Expired
        };
        self.enqueue(curr, kind);
        self.need_resched = true;
    }

    fn settle(&mut self) {
        loop {
            if self.need_resched {
                self.schedule();
                continue;
            }
            let Some(curr) = self.curr else {
                return;
            };
            let tick = self.tick;
            let task = &mut self.tasks[curr];
            if task.left > 0 {
                return;
            }
            match task.next {
                Step::Run if task.habit.rounds > 0 => {
                    (task.left, task.next) = (task.habit.run, Step::Sleep);
                }
                // It ends.
                Step::Run => {
                    task.queued = None;
                    self.schedule();
                }
                Step::Sleep => {
                    task.habit.rounds -= 1;
                    task.next = Step::Run;
                    task.wakes = Some(tick + task.habit.sleep);
                    task.queued = None;
                    self.schedule();
                }
            }
        }
    }

    fn best(&self) -> Option<usize> {
        let places = 0..self.tasks.len();
        places
            .filter_map(|place| match self.tasks[place].queued {
                Some((ArrayKind::Active, order)) => {
                    Some((self.tasks[place].sched.prio, order, place))
                }
                _ => None,
            })
            .min()
            .map(|(_, _, place)| place)
    }

    fn schedule(&mut self) {
        let now = self.now();
        self.need_resched = false;
        let prev = self.curr;
        let next = if self.running() == 0 {
            self.expired_since = 0;
            None
        } else {
            if self.best().is_none() {
                self.swap_arrays();
            }
            self.best()
        };
        if let Some(next) = next {
            self.credit_wait(next);
        }
        if let Some(prev) = prev {
            let task = &mut self.tasks[prev].sched;
            let ran = now - task.timestamp;
            let ran = ran.min(u64::from(NS_MAX_SLEEP_AVG)) as u32;
            let charged = ran / current_bonus(task.sleep_avg).max(1);
            task.sleep_avg = task.sleep_avg.saturating_sub(charged);
            task.timestamp = now;
        }
        if prev != next {
            self.switches += 1;
            self.curr = next;
            if let Some(next) = next {
                self.tasks[next].sched.timestamp = now;
            }
        }
    }

    fn swap_arrays(&mut self) {
        for task in &mut self.tasks {
            if let Some((kind, _)) = &mut task.queued {
                *kind = match kind {
                    ArrayKind::Active => ArrayKind::Expired,
                    ArrayKind::Expired => ArrayKind::Active,
                };
            }
        }
        self.expired_since = 0;
        self.best_expired = 140;
    }

    fn credit_wait(&mut self, next: usize) {
        let now = self.now();
        let task = &mut self.tasks[next].sched;
        let activated = std::mem::take(&mut task.activated);
        if activated > 0 {
            // Woken by a timer: all of the wait counts.
            task.activated = activated;
            let credit = Tunables::LINUX.recalc_task_prio(task, now);
            task.activated = 0;
            task.sleep_avg = credit.sleep_avg;
            task.prio = credit.prio.prio;
            self.enqueue(next, ArrayKind::Active);
        }
    }
}
