//! Scenarios that run apart from the session: each on a machine of its own, many at a time on all
//! cores of the host. The result is that of running them one after the other, or there is none, and
//! the session runs them itself.
//!
//! A thread makes the functions of the session again, and gets copies of what the scenario has
//! captured. If a scenario fails, hits a limit, asks something, or changes what it has captured,
//! nothing of all that is used.

use super::exercise::Stage;
use super::host::{Host, Interrupt};
use super::library::Recipe;
use super::limits::{Limit, Limits};
use super::plain::{Plain, closure};
use super::run::Session;
use super::state::{Printed, Shared, Used};
use crate::kernel::boot::Config;
use crate::machine::Machine;
use rhai::Dynamic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// A scenario to run: a function of the script, on a machine with these options.
pub(in crate::script) struct Scenario {
    pub(in crate::script) config: Config,
    /// Its name, and what it has captured.
    pub(in crate::script) function: (String, Vec<Plain>),
    pub(in crate::script) argument: Option<Plain>,
}

/// What a scenario has come to.
struct Ran<R> {
    seen: R,
    printed: Vec<Printed>,
    used: Used,
}

/// What the threads need to know of the session.
struct Order {
    limits: Limits,
    interrupt: Interrupt,
    memory: Option<fn() -> usize>,
    recipe: Recipe,
}

impl Shared {
    /// Runs scenarios on all cores, looks at the machine that each of them leaves, and prints what
    /// they have printed. `None` if they have to be run one after the other.
    pub(in crate::script) fn run_apart<R: Send>(
        &self,
        scenarios: &[Scenario],
        look: impl Fn(usize, &Machine) -> R + Sync,
    ) -> Option<Vec<R>> {
        let order = self.look(|state| {
            // What a hand-in may not do is known to its own session alone.
            (state.exercise.stage == Stage::Plain).then(|| Order {
                limits: state.limits_left(),
                interrupt: state.host.interrupt.clone(),
                memory: state.host.memory,
                recipe: state.source.recipe.clone(),
            })
        })?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        let mut results: Vec<Option<Ran<R>>> = scenarios.iter().map(|_| None).collect();
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..cores.min(scenarios.len()) {
                let (sender, next, order, look) = (sender.clone(), &next, &order, &look);
                let work = move || {
                    let Some(mut session) = order.session() else {
                        return;
                    };
                    loop {
                        let nr = next.fetch_add(1, Ordering::Relaxed);
                        let Some(scenario) = scenarios.get(nr) else {
                            return;
                        };
                        let ran = session.run_scenario(scenario, |machine| look(nr, machine));
                        let failed = ran.is_none();
                        if failed {
                            // What the others would come to is not used.
                            next.store(scenarios.len(), Ordering::Relaxed);
                        }
                        if sender.send((nr, ran)).is_err() || failed {
                            return;
                        }
                    }
                };
                let thread = thread::Builder::new().stack_size(order.limits.stack());
                if thread.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            drop(sender);
            for (done, (nr, ran)) in receiver.iter().enumerate() {
                results[nr] = ran;
                self.between_runs(|state| state.tell_progress(done + 1, scenarios.len()));
            }
        });
        let Some(results) = results.into_iter().collect::<Option<Vec<Ran<R>>>>() else {
            // Nothing of it counts, and nothing more of it is shown.
            let all = scenarios.len();
            self.between_runs(|state| state.tell_progress(all, all));
            return None;
        };
        self.between_runs(|state| {
            let used = results
                .iter()
                .map(|ran| ran.used)
                .fold(state.used, Used::plus);
            if !used.is_within(&state.limits) {
                return None;
            }
            state.used = used;
            let mut seen = Vec::with_capacity(results.len());
            for ran in results {
                ran.printed
                    .into_iter()
                    .for_each(|printed| state.put(printed));
                seen.push(ran.seen);
            }
            Some(seen)
        })
    }
}

impl Order {
    /// A session with the functions of the one that gave the order; `None` if it cannot be had.
    fn session(&self) -> Option<Session> {
        let host = Host {
            interrupt: self.interrupt.clone(),
            memory: self.memory,
            ..Host::printing(Box::new(|_| Ok(())))
        };
        let mut session = Session::with_host(self.limits, host).ok()?;
        session.library.ast = self.recipe.functions(&session.engine).ok()?;
        let source = session.source_without_variables();
        session.shared.between_runs(|state| state.source = source);
        Some(session)
    }
}

impl Session {
    /// Runs a scenario and looks at the machine; `None` if it does not count.
    fn run_scenario<R>(
        &mut self,
        scenario: &Scenario,
        look: impl FnOnce(&Machine) -> R,
    ) -> Option<Ran<R>> {
        let (name, captured) = &scenario.function;
        let functions = &self.library.ast;
        let function = closure(name, captured.clone(), functions)?;
        let argument = scenario.argument.clone().into_iter();
        let arguments: Vec<Dynamic> = argument
            .map(|argument| argument.into_dynamic(functions))
            .collect::<Option<_>>()?;
        self.shared.begin_run();
        self.shared.hold_output().ok()?;
        let kept = self
            .shared
            .between_runs(|state| state.step_aside(scenario.config.clone()))
            .ok()?;
        let called: Result<Dynamic, _> = function.call(&self.engine, functions, arguments);
        self.shared.flush_console();
        let changed = function
            .curry()
            .iter()
            .zip(captured)
            .any(|(value, before)| Plain::of(value).as_ref() != Some(before));
        self.shared.between_runs(|state| {
            let ran = Ran {
                seen: look(&state.machine),
                printed: state.take_held(),
                used: state.used,
            };
            state.step_back(kept);
            let alone = state.predictions.is_empty() && state.must_halt().is_none();
            (called.is_ok() && !changed && alone).then_some(ran)
        })
    }
}

impl Used {
    fn plus(self, other: Self) -> Self {
        Self {
            operations: self.operations.saturating_add(other.operations),
            work: self.work.saturating_add(other.work),
            ticks: self.ticks.saturating_add(other.ticks),
            printed: self.printed.saturating_add(other.printed),
            looks: self.looks,
        }
    }

    const fn is_within(&self, limits: &Limits) -> bool {
        self.operations <= limits.get(Limit::Operations)
            && self.work <= limits.get(Limit::Work)
            && self.ticks <= limits.get(Limit::Ticks)
            && self.printed <= limits.get(Limit::Output)
    }

    /// What is left of limits.
    pub(super) const fn left_of(&self, limits: Limits) -> Limits {
        limits
            .with(
                Limit::Operations,
                limits
                    .get(Limit::Operations)
                    .saturating_sub(self.operations),
            )
            .with(
                Limit::Work,
                limits.get(Limit::Work).saturating_sub(self.work),
            )
            .with(
                Limit::Ticks,
                limits.get(Limit::Ticks).saturating_sub(self.ticks),
            )
            .with(
                Limit::Output,
                limits.get(Limit::Output).saturating_sub(self.printed),
            )
    }
}
