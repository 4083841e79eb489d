//! Turnaround, response and waiting time of each task, as courses on scheduling define them.

use super::latency::lost;
use super::timeline::timeline;
use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::text::{Align, Role, Table, Text, cell, task_tag};
use serde::Serialize;
use std::collections::BTreeMap;

/// When tasks arrived, first ran and ended.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Turnaround {
    /// In the order in which they arrived.
    pub rows: Vec<Life>,
    /// Average turnaround time of those that have ended, ticks; `None` if none has.
    pub avg_turnaround: Option<f64>,
    /// Average response time of those that have run, ticks.
    pub avg_response: Option<f64>,
    /// Average time that they waited, ticks.
    pub avg_waited: Option<f64>,
    /// Number of dropped trace events; tasks that arrived before them are missing.
    pub dropped: u64,
}

/// The life of a task. Times are in ticks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Life {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// When it was created.
    pub arrived: u64,
    /// When it first got a CPU.
    pub first_ran: Option<u64>,
    /// When it exited.
    pub ended: Option<u64>,
    /// Time from its arrival to its end.
    pub turnaround: Option<u64>,
    /// Time from its arrival to its first run.
    pub response: Option<u64>,
    /// Time that it was runnable without a CPU.
    pub waited: u64,
    /// CPU time.
    pub ran: u64,
}

/// The lives of all tasks since boot.
pub fn turnaround(machine: &Machine) -> Turnaround {
    let kernel = &machine.kernel;
    let mut lives: Vec<Life> = Vec::new();
    // The life that a pid stands for, as they are recycled.
    let mut current: BTreeMap<Pid, usize> = BTreeMap::new();
    for record in kernel.log.records() {
        let tick = record.stamp.tick;
        match record.event {
            TraceEvent::SchedProcessFork {
                child, child_name, ..
            } => {
                current.insert(child, lives.len());
                lives.push(Life {
                    pid: child,
                    name: kernel.names.get(child_name).to_owned(),
                    arrived: tick,
                    first_ran: None,
                    ended: None,
                    turnaround: None,
                    response: None,
                    waited: 0,
                    ran: 0,
                });
            }
            TraceEvent::SchedSwitch {
                next, next_name, ..
            } => {
                if let Some(life) = current.get(&next).and_then(|life| lives.get_mut(*life)) {
                    let name = kernel.names.get(next_name);
                    if life.name != name {
                        name.clone_into(&mut life.name);
                    }
                    life.first_ran.get_or_insert(tick);
                    life.response = life.first_ran.map(|first| first - life.arrived);
                }
            }
            TraceEvent::SchedProcessExit { .. } => {
                let life = current.get(&record.stamp.pid);
                if let Some(life) = life.and_then(|life| lives.get_mut(*life)) {
                    life.ended = Some(tick);
                    life.turnaround = Some(tick - life.arrived);
                }
            }
            _ => {}
        }
    }
    add_times(machine, &mut lives);
    let average = |of: fn(&Life) -> Option<u64>| {
        let values: Vec<u64> = lives.iter().filter_map(of).collect();
        let count = values.len() as f64;
        (!values.is_empty()).then(|| values.iter().sum::<u64>() as f64 / count)
    };
    Turnaround {
        avg_turnaround: average(|life| life.turnaround),
        avg_response: average(|life| life.response),
        avg_waited: average(|life| Some(life.waited)),
        rows: lives,
        dropped: kernel.log.dropped(),
    }
}

/// Adds the times that the tasks ran and waited.
fn add_times(machine: &Machine, lives: &mut [Life]) {
    let timeline = timeline(machine, 0, machine.kernel.tick());
    let mut of_pid: BTreeMap<Pid, Vec<usize>> = BTreeMap::new();
    for (number, life) in lives.iter().enumerate() {
        of_pid.entry(life.pid).or_default().push(number);
    }
    let life_at = |lives: &[Life], pid: Pid, tick: u64| {
        let numbers = of_pid.get(&pid)?;
        let last = numbers.partition_point(|number| lives[*number].arrived <= tick);
        numbers.get(last.checked_sub(1)?).copied()
    };
    for run in &timeline.runs {
        if let Some(life) = life_at(lives, run.pid, run.from) {
            lives[life].ran += run.to - run.from;
        }
    }
    for wait in &timeline.waits {
        if let Some(life) = life_at(lives, wait.pid, wait.from) {
            lives[life].waited += wait.to - wait.from;
        }
    }
}

impl Turnaround {
    /// A row for each task, and the averages.
    pub fn text(&self) -> Text {
        let names = [
            "arrived",
            "first ran",
            "ended",
            "turnaround",
            "response",
            "waited",
            "ran",
        ];
        let columns: Vec<_> = std::iter::once(("task", Align::Left))
            .chain(names.map(|name| (name, Align::Right)))
            .collect();
        let mut table = Table::new(&columns);
        let number = |tick: Option<u64>| {
            let text = tick.map_or("-".to_owned(), |tick| tick.to_string());
            cell(Role::Number, text)
        };
        for life in &self.rows {
            table.row([
                task_tag(life.pid, &life.name),
                number(Some(life.arrived)),
                number(life.first_ran),
                number(life.ended),
                number(life.turnaround),
                number(life.response),
                number(Some(life.waited)),
                number(Some(life.ran)),
            ]);
        }
        let average = |value: Option<f64>| {
            let text = value.map_or("-".to_owned(), |value| format!("{value:.2}"));
            cell(Role::Number, text)
        };
        let none = || cell(Role::Plain, "");
        table.row([
            cell(Role::Heading, "average"),
            none(),
            none(),
            none(),
            average(self.avg_turnaround),
            average(self.avg_response),
            average(self.avg_waited),
            none(),
        ]);
        lost(self.dropped)
            .into_iter()
            .chain(table.text().lines)
            .collect()
    }
}
