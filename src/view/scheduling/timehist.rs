//! Every turn of every task, as `perf sched timehist` prints it.

use super::latency::lost;
use crate::abi::{Pid, TaskState};
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent};
use crate::view::text::{Line, Role, Text, cell};
use serde::Serialize;
use std::collections::BTreeMap;

/// Width of the column of names.
const NAME: usize = 30;

/// The turns that ended between two ticks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Timehist {
    /// First tick of the period.
    pub from: u64,
    /// First tick after the period.
    pub to: u64,
    /// In the order in which they ended.
    pub rows: Vec<Turn>,
    /// Number of dropped trace events; what happened before them is missing.
    pub dropped: u64,
}

/// A turn of a task: from when it got the CPU until it gave way. Times are in ticks, which are
/// milliseconds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Turn {
    /// The tick at which it ended.
    pub tick: u64,
    /// Its CPU.
    pub cpu: u8,
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// Time since the end of its previous turn: it slept, or waited for a CPU. 0 for its first.
    pub wait: u64,
    /// Time from its wake-up until it got the CPU. 0 if it was preempted before.
    pub delay: u64,
    /// Time that it ran.
    pub ran: u64,
    /// The letter of its state at the end: `R` if it could have run on.
    pub state: char,
}

/// What is known of a task between its turns.
#[derive(Clone, Copy, Default)]
struct Between {
    /// When its previous turn ended.
    left: Option<u64>,
    /// When it was woken since.
    woken: Option<u64>,
}

/// The turn that goes on on a CPU.
#[derive(Clone, Copy)]
struct Going {
    since: u64,
    wait: u64,
    delay: u64,
}

/// The turns that ended from one tick until another, or until now.
pub fn timehist(machine: &Machine, from: u64, to: u64) -> Timehist {
    let kernel = &machine.kernel;
    let mut tasks: BTreeMap<Pid, Between> = BTreeMap::new();
    let mut going: Vec<Option<Going>> = vec![None; kernel.sched.cpus()];
    let mut rows = Vec::new();
    let until = |record: &&Record| record.stamp.tick < to;
    for Record { stamp, event, .. } in kernel.log.records().take_while(until) {
        match *event {
            TraceEvent::SchedWakeup { pid, .. } | TraceEvent::SchedWakeupNew { pid, .. } => {
                tasks.entry(pid).or_default().woken = Some(stamp.tick);
            }
            TraceEvent::SchedSwitch {
                prev,
                prev_name,
                prev_state,
                next,
                ..
            } => {
                let Some(turn) = going.get_mut(usize::from(stamp.cpu)) else {
                    continue;
                };
                if let Some(turn) = turn.take().filter(|_| prev != Pid(0) && stamp.tick >= from) {
                    rows.push(Turn {
                        tick: stamp.tick,
                        cpu: stamp.cpu,
                        pid: prev,
                        name: kernel.names.get(prev_name).to_owned(),
                        wait: turn.wait,
                        delay: turn.delay,
                        ran: stamp.tick - turn.since,
                        state: TaskState::from_bits_retain(prev_state).letter(),
                    });
                }
                let left = Some(stamp.tick);
                tasks.insert(prev, Between { left, woken: None });
                let before = tasks.get(&next).copied().unwrap_or_default();
                let since = |then: Option<u64>| then.map_or(0, |then| stamp.tick - then);
                *turn = Some(Going {
                    since: stamp.tick,
                    wait: since(before.left),
                    delay: since(before.woken),
                });
            }
            _ => {}
        }
    }
    Timehist {
        from,
        to: to.min(kernel.tick()),
        rows,
        dropped: kernel.log.dropped(),
    }
}

/// A number of ticks in milliseconds, as perf writes it.
pub(super) fn msec(ticks: u64) -> String {
    format!("{ticks}.000")
}

/// A tick in seconds, as perf writes it.
pub(super) fn sec(tick: u64) -> String {
    format!("{}.{:03}000", tick / 1000, tick % 1000)
}

impl Timehist {
    /// The table, in perf's columns.
    pub fn text(&self) -> Text {
        let head = |text: String| cell(Role::Heading, text);
        let mut lines: Vec<Line> = lost(self.dropped).into_iter().collect();
        lines.push(head(format!(
            "{:>15} {:6}  {:NAME$}  {:>9}  {:>9}  {:>9}  state",
            "time", "cpu", "task name", "wait time", "sch delay", "run time"
        )));
        lines.push(head(format!(
            "{:15} {:6}  {:NAME$}  {:>9}  {:>9}  {:>9}",
            "", "", "[tid]", "(msec)", "(msec)", "(msec)"
        )));
        let dashes = |width: usize| "-".repeat(width);
        lines.push(head(format!(
            "{} {}  {}  {}  {}  {}  -----",
            dashes(15),
            dashes(6),
            dashes(NAME),
            dashes(9),
            dashes(9),
            dashes(9)
        )));
        lines.extend(self.rows.iter().map(Turn::line));
        lines.into_iter().collect()
    }
}

impl Turn {
    fn line(&self) -> Line {
        let name = format!("{}[{}]", self.name, self.pid);
        let number =
            |line: Line, ticks| line.add(Role::Number, format_args!("  {:>9}", msec(ticks)));
        let line = Line::default()
            .add(Role::Number, format_args!("{:>15}", sec(self.tick)))
            .plain(format_args!(" [{:04}]  ", self.cpu))
            .add(Role::Name, format_args!("{name:NAME$}"));
        let times = [self.wait, self.delay, self.ran];
        let line = times.into_iter().fold(line, number);
        line.add(Role::State, format_args!("  {:>5}", self.state))
    }
}
