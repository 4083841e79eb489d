//! When a task gets the CPU next: which tasks are ahead of it, and the earliest tick at which it
//! can run if nobody intervenes.
//!
//! The tick is a lower bound. For every task ahead it counts the least time that the tick rules and
//! the task's own program leave it, and it goes no further than the first moment at which the order
//! could change. `tests/it/outlook.rs` compares it with what then happens.

use super::image::Image;
use super::{Machine, UserMode};
use crate::abi::{ExitState, TaskId, TaskState};
use crate::kernel::sched::{Ahead, WhyNot, WhyNotKind, would_preempt};
use crate::machine::workload::{Step, WorkloadProgram};
use crate::trace::ArrayKind;

/// A task's standing with the scheduler, and when it can run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outlook {
    /// Its standing with the scheduler.
    pub standing: Standing,
    /// The earliest tick at which it can run, and what happens then. `None` if it cannot without
    /// help.
    pub earliest: Option<(u64, Bound)>,
    /// Whether no task can come in between: those ahead certainly run before it.
    pub firm: bool,
}

/// The standing of a task with the scheduler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It runs on that CPU.
    Runs(usize),
    /// It is runnable and waits for its turn.
    Queued {
        /// CPU whose runqueue it is on.
        cpu: usize,
        /// Array that it is queued on.
        array: ArrayKind,
        /// The tasks ahead of it, the running task first.
        ahead: Vec<Ahead>,
    },
    /// The task sleeps.
    Sleeps {
        /// The tick at which its sleep times out.
        until: Option<u64>,
        /// Whether it would run at once if an interrupt woke it now, or why not.
        woken: Result<(), WhyNot>,
    },
    /// It is stopped, by a signal or for its tracer.
    Stopped,
    /// It has exited.
    Ended,
    /// It is init, which never runs.
    Init,
}

/// What happens at the earliest tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// It has the CPU already.
    Now,
    /// Every task ahead has used up a turn, or as much of it as its program needs.
    Turns,
    /// A sleep ends or a task appears, which could change the order.
    NextEvent,
    /// The running task could sleep, exit, or change the order.
    NextAct,
    /// Another CPU balances its load and could pull the task.
    Balance(usize),
    /// Its own sleep ends.
    OwnTimer,
}

/// What makes a task able to run that would not run at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Help {
    /// It sleeps on, and its priority improves.
    Sleep,
    /// The tasks ahead have their turns.
    Turn,
}

/// The least CPU time that a task uses before it does something else, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Wants {
    Ticks(u64),
    Forever,
}

impl Machine {
    /// The standing of a task that exists, and when it can run.
    pub fn outlook(&self, task: TaskId) -> Outlook {
        let mut outlook = self.outlook_of_one_turn(task);
        if let Standing::Queued { cpu, ahead, .. } = &outlook.standing
            && outlook.firm
            && let Some(turns @ (_, Bound::Turns)) = outlook.earliest
        {
            outlook.earliest = Some(self.after_more_turns(*cpu, task, ahead, turns));
        }
        outlook
    }

    /// Like [`Self::outlook`], but without the tasks that are ahead again after their turn.
    fn outlook_of_one_turn(&self, task: TaskId) -> Outlook {
        let standing = self.standing(task);
        let earliest = match &standing {
            Standing::Runs(_) => Some((self.kernel.tick(), Bound::Now)),
            Standing::Queued { cpu, ahead, .. } => self.earliest_turn(*cpu, task, ahead),
            Standing::Sleeps { until, .. } => self.earliest_wake(task, *until),
            Standing::Stopped | Standing::Ended | Standing::Init => None,
        };
        let firm = match &standing {
            Standing::Queued { ahead, .. } => self.is_firm(Some(task), ahead),
            _ => false,
        };
        Outlook {
            standing,
            earliest,
            firm,
        }
    }

    fn standing(&self, task: TaskId) -> Standing {
        let kernel = &self.kernel;
        let sched = &kernel.sched;
        if kernel.task(task).exit_state() != ExitState::Alive {
            return Standing::Ended;
        }
        let fields = sched.get(task);
        let cpu = usize::from(fields.cpu);
        if sched.current(cpu) == task {
            return Standing::Runs(cpu);
        }
        if let Some(array) = sched.array(task) {
            let ahead = sched.ahead_of(task);
            return Standing::Queued { cpu, array, ahead };
        }
        if task == kernel.init() {
            return Standing::Init;
        }
        if fields
            .state
            .intersects(TaskState::STOPPED | TaskState::TRACED)
        {
            return Standing::Stopped;
        }
        Standing::Sleeps {
            until: kernel.task(task).in_call.timer(),
            woken: sched.runs_at_once(cpu, kernel.sched_clock(), task),
        }
    }

    /// When a runnable task gets its CPU at the earliest.
    fn earliest_turn(&self, cpu: usize, task: TaskId, ahead: &[Ahead]) -> Option<(u64, Bound)> {
        let mut bounds = vec![self.after(ahead)];
        if !self.is_firm(Some(task), ahead) {
            bounds.push(self.next_event().map(|tick| (tick, Bound::NextEvent)));
        }
        bounds.push(self.other_cpus_take(cpu, task, ahead));
        bounds.into_iter().flatten().min_by_key(|(tick, _)| *tick)
    }

    /// Tasks ahead may be interactive and go before the task repeatedly. A copy of the scheduler
    /// then shows until when, but no further than the next event, which may change that.
    fn after_more_turns(
        &self,
        cpu: usize,
        task: TaskId,
        ahead: &[Ahead],
        turns: (u64, Bound),
    ) -> (u64, Bound) {
        /// Longer than any bonus lasts, in ticks.
        const HORIZON: u64 = 20_000;
        let kernel = &self.kernel;
        let event = match self.next_event() {
            Some(tick) => tick.saturating_sub(kernel.tick()),
            None => u64::MAX,
        };
        let computes = ahead.iter().map(|ahead| match self.wants(ahead.task) {
            Wants::Ticks(ticks) => ticks,
            Wants::Forever => u64::MAX,
        });
        let act = computes.min().unwrap_or(0);
        let ticks = event.min(act).min(HORIZON);
        let now = (kernel.sched_clock(), kernel.jiffies());
        let (passed, current) = kernel.sched.forecast(cpu, now, ticks as u32, Some(task));
        let tick = kernel.tick() + u64::from(passed);
        match current == task {
            _ if tick <= turns.0 => turns,
            false if ticks == event => (tick, Bound::NextEvent),
            false if ticks == act => (tick, Bound::NextAct),
            _ => (tick, Bound::Turns),
        }
    }

    /// The tick at which every task ahead has had a turn.
    fn after(&self, ahead: &[Ahead]) -> Option<(u64, Bound)> {
        let mut tick = self.kernel.tick();
        for Ahead {
            task,
            running,
            turn,
            ..
        } in ahead
        {
            // A child that exits can shorten the slice of its parent.
            if !running && !self.kernel.task(*task).children().is_empty() {
                return Some((tick, Bound::NextAct));
            }
            let wants = self.wants(*task);
            let given = turn
                .ticks()
                .map_or(Wants::Forever, |ticks| Wants::Ticks(ticks.into()));
            let Wants::Ticks(ticks) = wants.min(given) else {
                return None;
            };
            tick = tick.saturating_add(ticks);
            if wants <= given && self.may_meddle(*task) {
                return Some((tick, Bound::NextAct));
            }
        }
        Some((tick, Bound::Turns))
    }

    /// Whether the order of the tasks ahead, and of a task already queued behind them, cannot
    /// change before their turns, whichever tasks wake or appear meanwhile.
    fn is_firm(&self, waiting: Option<TaskId>, ahead: &[Ahead]) -> bool {
        let kernel = &self.kernel;
        let sched = &kernel.sched;
        let others_meddle = self.live_tasks().any(|task| self.may_meddle(task));
        // Once preempted, a running task that is not before the other one in its list ends up
        // behind it.
        let keeps_its_place = |ahead: &Ahead| {
            let fields = sched.get(ahead.task);
            let before = waiting.is_none_or(|waiting| sched.is_before(ahead.task, waiting));
            (!ahead.running || before)
                && (fields.activated <= 0 || fields.is_rt())
                && kernel.task(ahead.task).children().is_empty()
        };
        let several_cpus = sched.cpus() > 1;
        !several_cpus
            && !others_meddle
            && kernel.next_alarm().is_none()
            && ahead.iter().all(keeps_its_place)
    }

    /// When another CPU could pull the task, or one ahead of it, from this CPU at the earliest.
    fn other_cpus_take(&self, cpu: usize, task: TaskId, ahead: &[Ahead]) -> Option<(u64, Bound)> {
        let kernel = &self.kernel;
        let ahead = ahead.iter().map(|ahead| ahead.task);
        let allowed = ahead
            .chain([task])
            .map(|task| kernel.sched.get(task).cpus_allowed)
            .fold(0, |all, mask| all | mask);
        let others =
            (0..kernel.sched.cpus()).filter(|other| *other != cpu && allowed >> other & 1 != 0);
        let takes = |other: usize| {
            let ticks = kernel.sched.next_balance(other, kernel.jiffies())?;
            let balances = kernel.tick() + u64::from(ticks);
            Some((balances, Bound::Balance(other)))
        };
        let acts = self.next_act();
        let mut bounds: Vec<(u64, Bound)> = others.filter_map(takes).collect();
        if !bounds.is_empty() {
            bounds.extend(acts);
        }
        bounds.into_iter().min_by_key(|(tick, _)| *tick)
    }

    /// When a sleeping task is woken at the earliest.
    fn earliest_wake(&self, task: TaskId, until: Option<u64>) -> Option<(u64, Bound)> {
        let kernel = &self.kernel;
        let on_console = self.puppet(task).is_some() && kernel.task(task).in_call.open().is_none();
        let own = until.map(|tick| (tick, Bound::OwnTimer));
        let by_others = match until {
            None if on_console => None,
            Some(_) if !self.live_tasks().any(|other| self.may_wake(other)) => {
                kernel.next_alarm().map(|tick| (tick, Bound::NextEvent))
            }
            _ => self.next_act(),
        };
        let bounds = own.into_iter().chain(by_others);
        bounds.min_by_key(|(tick, _)| *tick)
    }

    /// The earliest tick at which any task could do something other than compute. `None` if none
    /// ever does by itself.
    fn next_act(&self) -> Option<(u64, Bound)> {
        let now = self.kernel.tick();
        let sched = &self.kernel.sched;
        let on_cpu = |cpu: usize| {
            let current = sched.current(cpu);
            let wants = match self.wants(current) {
                _ if current == sched.idle(cpu) => None,
                Wants::Ticks(ticks) => Some(ticks),
                Wants::Forever => None,
            };
            let others_wait = sched.rq(cpu).nr_running() > 1;
            let gives_way = sched.turn_of_current(cpu).ticks().map(u64::from);
            let ticks = wants.into_iter().chain(gives_way.filter(|_| others_wait));
            let tick = ticks.min().map(|ticks| now.saturating_add(ticks));
            tick.map(|tick| (tick, Bound::NextAct))
        };
        let running = (0..sched.cpus()).filter_map(on_cpu);
        let balances = (0..sched.cpus()).filter_map(|cpu| {
            let ticks = sched.next_balance(cpu, self.kernel.jiffies())?;
            Some((now + u64::from(ticks), Bound::Balance(cpu)))
        });
        let event = self.next_event().map(|tick| (tick, Bound::NextEvent));
        let acts = running.chain(balances).chain(event);
        acts.min_by_key(|(tick, _)| *tick)
    }

    fn live_tasks(&self) -> impl Iterator<Item = TaskId> {
        self.modes.keys().filter(|task| !self.has_ended(*task))
    }

    /// Whether a task could end the sleep of another by a step of its own.
    fn may_wake(&self, task: TaskId) -> bool {
        self.could(task, |step| matches!(step, Step::Wake(_)))
    }

    /// Whether a task could kill another or change its place in the runqueue.
    fn may_meddle(&self, task: TaskId) -> bool {
        self.could(task, |step| matches!(step, Step::Renice(..)))
    }

    /// Whether a task could take such a step; a program could do anything.
    fn could(&self, task: TaskId, step: impl Fn(&Step) -> bool) -> bool {
        let some_step = |program: &WorkloadProgram| {
            let mut steps = program.scripts().flat_map(|(_, steps)| steps);
            steps.any(&step)
        };
        match self.modes.get(task) {
            Some(UserMode::Workload(workload)) => some_step(&workload.program),
            Some(UserMode::Spawned(spawned)) => match self.images.get(spawned.exe) {
                Some(Image::Workload(program)) => some_step(program),
                Some(Image::Puppet { .. }) => false,
                None => true,
            },
            Some(UserMode::Program) => true,
            Some(UserMode::Puppet(_)) | None => false,
        }
    }

    /// The least time for which a task computes once it has the CPU.
    fn wants(&self, task: TaskId) -> Wants {
        if self.kernel.takes_signals(task) {
            return Wants::Ticks(0);
        }
        match self.modes.get(task) {
            Some(UserMode::Workload(workload)) => {
                run_of(&workload.steps, workload.pc, workload.left)
            }
            Some(UserMode::Spawned(spawned)) => match self.images.get(spawned.exe) {
                Some(Image::Workload(program)) => run_of(program.steps(program.start()), 0, 0),
                Some(Image::Puppet { spin: always }) if spawned.spin || *always => Wants::Forever,
                _ => Wants::Ticks(0),
            },
            Some(UserMode::Puppet(puppet)) if puppet.spin => Wants::Forever,
            Some(UserMode::Puppet(puppet)) => Wants::Ticks(puppet.compute_left),
            Some(UserMode::Program) | None => Wants::Ticks(0),
        }
    }

    /// The quickest way for a task that would not run at once to run, and after how many ticks.
    pub(super) fn soonest(&self, task: TaskId, why: &WhyNot) -> Option<(u64, Help)> {
        let now = self.kernel.tick();
        let in_ticks = |tick: u64| tick.saturating_sub(now).max(1);
        if matches!(
            why.kind,
            WhyNotKind::Queued | WhyNotKind::NotInterruptible(_)
        ) {
            let (tick, _) = self.outlook_of_one_turn(task).earliest?;
            return Some((in_ticks(tick), Help::Turn));
        }
        let sched = &self.kernel.sched;
        let cpu = usize::from(sched.get(why.curr).cpu);
        let ahead = sched.ahead_of_woken(cpu, task, why.prio_after_wake);
        let turn = self.after(&ahead);
        let event = if self.is_firm(None, &ahead) {
            None
        } else {
            self.next_event().map(|tick| (tick, Bound::NextEvent))
        };
        let bounds = turn.into_iter().chain(event);
        let turn = bounds
            .map(|(tick, _)| (in_ticks(tick), Help::Turn))
            .min_by_key(|(ticks, _)| *ticks);
        let within = turn.map_or(u64::MAX, |(ticks, _)| ticks);
        let sleep = self.preempts_after(task, within);
        let sleep = sleep.map(|ticks| (ticks, Help::Sleep));
        let ways = sleep.into_iter().chain(turn);
        ways.min_by_key(|(ticks, _)| *ticks)
    }

    /// After how many ticks a sleeping task has slept enough for its priority to preempt, if
    /// nothing else changes meanwhile; `None` if not within `ticks`.
    fn preempts_after(&self, task: TaskId, ticks: u64) -> Option<u64> {
        let sched = &self.kernel.sched;
        let fields = sched.get(task);
        let rq = sched.rq(usize::from(fields.cpu));
        let best = rq.active().first_level().min(sched.get(rq.curr()).prio);
        let now = self.kernel.sched_clock();
        (1..=ticks.min(1_000)).find(|more| {
            let credit = sched
                .tunables
                .recalc_task_prio(fields, now + more * 1_000_000);
            would_preempt(sched.predicted_prio(fields, credit.sleep_avg), best)
        })
    }
}

/// How long a workload computes from a step on, with `left` ticks left of the step before.
fn run_of(steps: &[Step], pc: usize, left: u64) -> Wants {
    let (mut pc, mut ticks) = (pc, left);
    for _ in 0..=steps.len() {
        match steps.get(pc) {
            Some(Step::Run(more)) => {
                ticks = ticks.saturating_add(*more);
                pc += 1;
            }
            Some(Step::Goto(to)) => pc = *to,
            _ => return Wants::Ticks(ticks),
        }
    }
    // That many steps cannot all be different: the program loops and does nothing else.
    Wants::Forever
}
