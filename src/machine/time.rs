//! Time: ticks, in the order of the recorded schedules.

use super::settle::Unsettled;
use super::{Halt, Machine, UserMode};
use crate::abi::TaskId;

/// Why time has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The requested ticks have passed.
    Budget,
    /// Nothing is left to happen by itself.
    Idle,
    /// Tasks loop without using time.
    Stuck,
    /// The emulated kernel has panicked.
    Panic,
    /// Programs have written so much to the console that it should be fetched.
    Console,
    /// A puppet has entered a handler, whose actions must come from outside.
    Handler,
    /// A program has reached a point where it was to stop; the tick may not be over.
    Halted(Halt),
}

/// How long time is to pass at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Until the ticks that were asked for are over.
    Budget,
    /// Until nothing can happen by itself any more, if that is earlier.
    Idle,
}

impl Machine {
    /// Lets at most `budget` ticks pass, until the kernel panics or nothing is left to happen.
    pub fn run(&mut self, budget: u64) -> Stop {
        let end = self.kernel.tick().saturating_add(budget);
        loop {
            self.begin_slice();
            if let Some(stop) = self.pass_time(end, Until::Idle) {
                return stop;
            }
        }
    }

    /// Explains [`Stop::Stuck`]: what happens, and how to fix it.
    ///
    /// The task that was on the CPU when the machine gave up is one of those that loop.
    pub fn why_stuck(&self) -> (String, &'static str) {
        let kernel = &self.kernel;
        let who = self.who(kernel.sched.current(kernel.this_cpu()));
        (
            format!("{who} loops without ever using time"),
            "a workload needs a run, sleep or block step in its loop",
        )
    }

    /// Lets time pass up to a tick, or until something stops it earlier. `None` is a pause; called
    /// again, it goes on as if there had been none.
    pub(super) fn pass_time(&mut self, end: u64, until: Until) -> Option<Stop> {
        match self.pass_ticks(end, until) {
            Ok(stop) => Some(stop),
            Err(Unsettled::Stuck) => Some(Stop::Stuck),
            Err(Unsettled::Paused) => None,
        }
    }

    fn pass_ticks(&mut self, end: u64, until: Until) -> Result<Stop, Unsettled> {
        self.settle()?;
        while self.kernel.tick() < end {
            // Without the pause, the programs would have had their next turn before anybody asked
            // whether anything is left to happen.
            if !std::mem::take(&mut self.between_turns) {
                if let Some(stop) = self.stops_before_tick(until) {
                    return Ok(stop);
                }
                if self.must_pause() {
                    return Err(Unsettled::Paused);
                }
                let (ticks, _) = self.at_most();
                let left = end - self.kernel.tick();
                let quiet = self.quiet_ticks().min(left).min(ticks);
                if quiet > 0 {
                    // The tick that follows them is looked at without asking whether it is quiet,
                    // too: hardly ever it is, and then looking at it changes nothing.
                    self.pass_quiet_ticks(quiet);
                    if self.kernel.tick() == end {
                        break;
                    }
                    if self.looks_for_rest() && self.must_pause() {
                        return Err(Unsettled::Paused);
                    }
                }
            }
            if let Some(stop) = self.run_programs()? {
                return Ok(stop);
            }
            self.tick()?;
        }
        Ok(match self.kernel.panicked() {
            Some(_) => Stop::Panic,
            None => Stop::Budget,
        })
    }

    /// Why time stands still, if it does.
    fn stops_before_tick(&self, until: Until) -> Option<Stop> {
        if self.kernel.panicked().is_some() {
            Some(Stop::Panic)
        } else if !self.entered.is_empty() && self.entered_handler().is_some() {
            Some(Stop::Handler)
        } else if until == Until::Idle && self.nothing_can_happen() {
            Some(Stop::Idle)
        } else {
            None
        }
    }

    /// One tick: what the running tasks want less, wake-ups, tasks that appear, `scheduler_tick`,
    /// settle.
    fn tick(&mut self) -> Result<(), Unsettled> {
        self.count_step();
        self.use_up(1);
        self.kernel.timer_interrupt();
        self.appear();
        self.kernel.scheduler_tick();
        self.idle_steps = 0;
        self.settle()
    }

    /// How many ticks may pass in one step: nothing happens by itself, and the running tasks only
    /// want to run on.
    fn quiet_ticks(&self) -> u64 {
        let mut quiet = match self.arrivals.next_tick() {
            None => u64::MAX,
            Some(tick) => (tick - 1).saturating_sub(self.kernel.tick()),
        };
        // The cheapest question comes first: sleepers often wake at the very next tick.
        if self.kernel.next_timer() == Some(self.kernel.tick() + 1) {
            return 0;
        }
        let sched = &self.kernel.sched;
        for cpu in 0..sched.cpus() {
            let current = sched.current(cpu);
            if current != sched.idle(cpu) {
                quiet = quiet.min(self.runs_on(current));
            }
        }
        if quiet == 0 {
            return 0;
        }
        quiet.min(self.kernel.quiet_ticks())
    }

    /// For how many ticks a task would run on without doing anything else.
    fn runs_on(&self, task: TaskId) -> u64 {
        match self.modes.get(task) {
            Some(UserMode::Workload(workload)) => workload.left.saturating_sub(1),
            // A tick lets another signal be taken after the first one that has a handler.
            Some(UserMode::Puppet(puppet)) if puppet.is_in_handler() => 0,
            Some(UserMode::Puppet(puppet)) if puppet.spin => u64::MAX,
            Some(UserMode::Puppet(puppet)) => puppet.compute_left.saturating_sub(1),
            Some(UserMode::Program | UserMode::Spawned(_)) | None => 0,
        }
    }

    fn pass_quiet_ticks(&mut self, ticks: u64) {
        self.cycles.skip_ticks(ticks - 1);
        self.use_up(ticks);
        self.kernel.pass_quiet_ticks(ticks);
        self.idle_steps = 0;
    }

    /// The tick at which something next happens by itself while all CPUs are idle.
    pub(super) fn next_event(&self) -> Option<u64> {
        let events = [self.kernel.next_expiry(), self.arrivals.next_tick()];
        events.into_iter().flatten().min()
    }

    /// Subtracts the passing ticks from the time that the running tasks still want to run. The clock
    /// inside the tick begins anew.
    fn use_up(&mut self, ticks: u64) {
        for cpu in 0..self.kernel.cpus.len() {
            let current = self.kernel.sched.current(cpu);
            match self.modes.get_mut(current) {
                Some(UserMode::Workload(workload)) => {
                    workload.left = workload.left.saturating_sub(ticks);
                }
                Some(UserMode::Puppet(puppet)) => {
                    puppet.compute_left = puppet.compute_left.saturating_sub(ticks);
                }
                Some(UserMode::Program | UserMode::Spawned(_)) | None => {}
            }
        }
        self.cycles.begin_tick(self.kernel.config.cycles_per_tick);
        self.kernel.set_since_tick(0);
    }

    /// Whether nothing will ever happen by itself again.
    pub fn nothing_can_happen(&self) -> bool {
        self.all_idle() && self.next_event().is_none()
    }

    fn all_idle(&self) -> bool {
        let sched = &self.kernel.sched;
        (0..self.kernel.cpus.len()).all(|cpu| sched.current(cpu) == sched.idle(cpu))
    }
}
