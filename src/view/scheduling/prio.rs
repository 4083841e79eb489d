//! How a task's priority is computed, step by step: what `effective_prio`, `TASK_INTERACTIVE` and
//! `recalc_task_prio` make of its nice value and sleep average.

use crate::abi::{MAX_PRIO, MAX_RT_PRIO, Pid, TaskId, TaskState, static_prio_to_nice};
use crate::kernel::sched::{
    NS_PER_TICK, SchedTask, Scheduler, SleepClass, SleepCredit, Tunables, current_bonus, run_charge,
};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text, task_tag};
use serde::Serialize;

/// How a task's priority is computed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PrioView {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// Its scheduling policy.
    pub policy: &'static str,
    /// 1..=99 for a real-time task, otherwise 0.
    pub rt_priority: u8,
    /// Nice value, -20..=19.
    pub nice: i32,
    /// Static priority: 120 + nice.
    pub static_prio: u8,
    /// Sleep average, ns.
    pub sleep_avg: u32,
    /// `CURRENT_BONUS`, 0..=10.
    pub bonus: u32,
    /// What `effective_prio` returns now.
    pub effective_prio: u8,
    /// The stored priority, which is the one that counts.
    pub prio: u8,
    /// `DELTA`: the bonus that an interactive task of this nice value needs.
    pub delta: i32,
    /// `TASK_INTERACTIVE`, for the stored priority.
    pub interactive: bool,
    /// A full time slice, ticks.
    pub timeslice: u32,
    /// Ticks left of the current time slice.
    pub time_slice: u32,
    /// Whether it is still the slice that the parent gave it at fork.
    pub first_time_slice: bool,
    /// `TIMESLICE_GRANULARITY`, ticks.
    pub granularity: u32,
    /// `INTERACTIVE_SLEEP`, ns.
    pub interactive_sleep: u32,
    /// The effect of a wake-up now; for sleeping tasks only.
    pub woken: Option<CreditView>,
    /// The effect of giving up the CPU now; for running tasks only.
    pub charged: Option<ChargeView>,
    /// The constants of the scheduler.
    #[serde(skip)]
    pub tunables: Tunables,
}

/// What a sleep does to the sleep average.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CreditView {
    /// Sleep time that counts, ns.
    pub slept: u32,
    /// Factor by which it counts.
    pub multiplier: u32,
    /// `none`, `idle`, `capped` or `added`.
    pub class: &'static str,
    /// Whether the 32-bit addition overflows.
    pub wrapped: bool,
    /// Sleep average afterwards, ns.
    pub sleep_avg: u32,
    /// Dynamic priority afterwards.
    pub prio: u8,
}

/// What a run does to the sleep average.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChargeView {
    /// Run time since it got the CPU, ns.
    pub ran: u64,
    /// What is subtracted from the sleep average, ns.
    pub run_time: u32,
    /// Sleep average afterwards, ns. The priority changes only at the next expiry or wake-up.
    pub sleep_avg: u32,
}

/// How the priority of a task that exists is computed.
pub fn prio(machine: &Machine, id: TaskId) -> PrioView {
    let kernel = &machine.kernel;
    let sched = &kernel.sched;
    let task = sched.get(id);
    let now = kernel.sched_clock();
    let sleeps = !task.is_queued()
        && task
            .state
            .intersects(TaskState::INTERRUPTIBLE | TaskState::UNINTERRUPTIBLE);
    let runs = sched.current(usize::from(task.cpu)) == id;
    PrioView {
        pid: task.pid,
        name: kernel.names.get(task.name).to_owned(),
        policy: task.policy.name(),
        rt_priority: task.rt_priority,
        nice: static_prio_to_nice(task.static_prio),
        static_prio: task.static_prio,
        sleep_avg: task.sleep_avg,
        bonus: current_bonus(task.sleep_avg),
        effective_prio: sched.predicted_prio(task, task.sleep_avg),
        prio: task.prio,
        delta: sched.tunables.interactive_delta(task.static_prio),
        tunables: sched.tunables,
        interactive: sched.predicted_interactive(task),
        timeslice: sched.predicted_timeslice(task),
        time_slice: task.time_slice,
        first_time_slice: task.first_time_slice,
        granularity: sched
            .tunables
            .timeslice_granularity(task.sleep_avg, sched.cpus() as u32),
        interactive_sleep: sched.tunables.interactive_sleep(task.static_prio),
        woken: sleeps.then(|| credit(sched, task, now)),
        charged: runs.then(|| {
            let ran = now.wrapping_sub(task.timestamp);
            let run_time = run_charge(task.sleep_avg, ran);
            ChargeView {
                ran,
                run_time,
                sleep_avg: task.sleep_avg.saturating_sub(run_time),
            }
        }),
    }
}

/// The effect of waking a sleeping task now. An uninterruptible sleep is recognized only then.
fn credit(sched: &Scheduler, task: &SchedTask, now: u64) -> CreditView {
    let mut woken = task.clone();
    if woken.state == TaskState::UNINTERRUPTIBLE {
        woken.activated = -1;
    }
    let SleepCredit {
        slept,
        multiplier,
        class,
        wrapped,
        sleep_avg,
        ..
    } = sched.tunables.recalc_task_prio(&woken, now);
    CreditView {
        slept,
        multiplier,
        class: match class {
            SleepClass::None => "none",
            SleepClass::Idle => "idle",
            SleepClass::Capped => "capped",
            SleepClass::Added => "added",
        },
        wrapped,
        sleep_avg,
        prio: sched.predicted_prio(&woken, sleep_avg),
    }
}

/// A number of ns with thousands separators.
fn ns(value: impl Into<u64>) -> String {
    let digits = value.into().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + " ns"
}

impl PrioView {
    /// One line per step.
    pub fn text(&self) -> Text {
        let mut text = Text::from(
            task_tag(self.pid, &self.name)
                .plain("  prio ")
                .add(Role::Number, self.prio)
                .plain(format_args!("  {}", self.policy)),
        );
        if self.rt_priority > 0 {
            text.push(step(
                "prio",
                format_args!("99 - rt_priority {} = {}", self.rt_priority, self.prio),
            ));
            text.push(step(
                "",
                "a real-time task: nice value and sleep average do not count",
            ));
            text.push(self.slice_line());
            return text;
        }
        text.push(step(
            "static_prio",
            format_args!("120 + nice {} = {}", self.nice, self.static_prio),
        ));
        text.push(step("sleep_avg", ns(self.sleep_avg)));
        let ms = self.sleep_avg / NS_PER_TICK;
        text.push(step(
            "CURRENT_BONUS",
            format_args!("{ms} ms * 10 / 1000 = {}", self.bonus),
        ));
        text.push(self.effective_line());
        let stored = if self.prio == self.effective_prio {
            "as computed".to_owned()
        } else {
            format!(
                "{}: computed at the last wake-up, expiry, fork or renice; kept until the next",
                self.prio
            )
        };
        text.push(step("stored prio", stored));
        text.push(step(
            "DELTA",
            format_args!(
                "{} * 10 / 40 + {} = {}",
                self.nice, self.tunables.interactive_delta, self.delta
            ),
        ));
        text.push(self.interactive_line());
        text.push(self.slice_line());
        if self.interactive {
            let rule = "it moves behind its equals each time it has used that much of its slice";
            text.push(step(
                "granularity",
                format_args!("{} ticks: {rule}", self.granularity),
            ));
        }
        if let Some(woken) = &self.woken {
            text.lines.extend(self.woken_lines(woken));
        }
        text.lines.extend(self.charge_line());
        text
    }

    fn charge_line(&self) -> Option<Line> {
        let ChargeView {
            ran,
            run_time,
            sleep_avg,
        } = self.charged.as_ref().filter(|charge| charge.ran > 0)?;
        Some(step(
            "if it left now",
            format_args!(
                "ran {} / {} = {}: sleep_avg {}",
                ns(*ran),
                self.bonus.max(1),
                ns(*run_time),
                ns(*sleep_avg)
            ),
        ))
    }

    fn effective_line(&self) -> Line {
        let unclamped = i32::from(self.static_prio) - (self.bonus as i32 - 5);
        let line = format!("{} - ({} - 5) = {unclamped}", self.static_prio, self.bonus);
        if unclamped.clamp(MAX_RT_PRIO.into(), i32::from(MAX_PRIO) - 1)
            != i32::from(self.effective_prio)
        {
            step(
                "effective_prio",
                format_args!(
                    "{line}; the rule of this kernel says {}",
                    self.effective_prio
                ),
            )
        } else if unclamped == i32::from(self.effective_prio) {
            step("effective_prio", line)
        } else {
            step(
                "effective_prio",
                format_args!("{line}, clamped to 100..139: {}", self.effective_prio),
            )
        }
    }

    fn interactive_line(&self) -> Line {
        let limit = i32::from(self.static_prio) - self.delta;
        let verdict = if self.interactive {
            "yes: it stays in the active array when its slice expires"
        } else {
            "no: it moves to the expired array when its slice expires"
        };
        let sign = if self.interactive { "<=" } else { ">" };
        step(
            "TASK_INTERACTIVE",
            format_args!(
                "{} {sign} {} - {} = {limit}: {verdict}",
                self.prio, self.static_prio, self.delta
            ),
        )
    }

    fn slice_line(&self) -> Line {
        let factor = if self.nice < 0 { 4 } else { 1 };
        let base = self.tunables.def_timeslice * factor;
        let scaled = base * (140 - u32::from(self.static_prio)) / 20;
        let least = if scaled < self.timeslice {
            format!("{scaled}, at least {}", self.timeslice)
        } else {
            self.timeslice.to_string()
        };
        let first = if self.first_time_slice {
            ", still the part that its parent gave it"
        } else {
            ""
        };
        step(
            "timeslice",
            format_args!(
                "{base} * (140 - {}) / 20 = {least}, left {}{first}",
                self.static_prio, self.time_slice
            ),
        )
    }

    fn woken_lines(&self, woken: &CreditView) -> Vec<Line> {
        let CreditView {
            slept,
            multiplier,
            sleep_avg,
            prio,
            ..
        } = woken;
        let result = format!("sleep_avg {}, prio {prio}", ns(*sleep_avg));
        let limit = ns(self.interactive_sleep);
        let mut lines = match woken.class {
            "none" => vec![step(
                "if it woke now",
                "no time has passed: nothing changes",
            )],
            "idle" => vec![step(
                "if it woke now",
                format_args!(
                    "slept {} > INTERACTIVE_SLEEP {limit}: it was idle",
                    ns(*slept)
                ),
            )],
            "capped" => vec![step(
                "if it woke now",
                format_args!("from an uninterruptible sleep: no more than {limit}"),
            )],
            _ => {
                let credit = u64::from(*slept) * u64::from(*multiplier);
                vec![step(
                    "if it woke now",
                    format_args!("slept {} * {multiplier} = {}", ns(*slept), ns(credit)),
                )]
            }
        };
        if woken.wrapped {
            let sum = u64::from(self.sleep_avg) + u64::from(*slept) * u64::from(*multiplier);
            lines.push(step("", "").add(
                Role::Bad,
                format_args!(
                    "{} + that = {} does not fit in 32 bits: {} is left",
                    ns(self.sleep_avg),
                    ns(sum),
                    ns(sum % (1 << 32))
                ),
            ));
        }
        lines.push(step("", result));
        lines
    }
}

/// The name of a step and its result.
fn step(name: &str, what: impl std::fmt::Display) -> Line {
    Line::default()
        .plain("  ")
        .add(Role::Name, format_args!("{name:<17}"))
        .plain(what)
}
