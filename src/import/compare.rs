//! What tasks got on another machine beside what they got here.

use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::{Align, Role, Table, Text, cell, latency};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a task got on a machine. Times are in milliseconds.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Figures {
    /// The task's name.
    pub name: String,
    /// CPU time.
    pub ran: f64,
    /// Time that it was runnable without a CPU.
    pub waited: f64,
    /// How often it got a CPU.
    pub switches: u64,
}

/// Two machines side by side.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SideBySide {
    /// What the first machine is.
    pub there: String,
    /// The tasks, in the order of the file.
    pub rows: Vec<Pair>,
}

/// A task on both machines.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Pair {
    /// The task's name.
    pub name: String,
    /// On the other machine.
    pub there: Figures,
    /// Here; `None` if it has not run.
    pub here: Option<Figures>,
}

/// What the tasks of a machine got, by name.
pub fn figures_of(machine: &Machine) -> Vec<Figures> {
    let latency = latency(machine, 0, machine.kernel.tick());
    let mut switches: BTreeMap<Pid, u64> = BTreeMap::new();
    for record in machine.kernel.log.records() {
        if let TraceEvent::SchedSwitch { next, .. } = record.event {
            *switches.entry(next).or_default() += 1;
        }
    }
    let rows = latency.rows.into_iter().map(|row| Figures {
        name: row.name,
        ran: row.runtime as f64,
        waited: row.wait as f64,
        // Those of the last tick as well, which does not belong to the period.
        switches: switches.get(&row.pid).copied().unwrap_or(0),
    });
    rows.collect()
}

impl SideBySide {
    /// Puts together what has the same name.
    pub fn new(there: &str, theirs: &[Figures], ours: &[Figures]) -> Self {
        let pair = |there: &Figures| Pair {
            name: there.name.clone(),
            there: there.clone(),
            here: ours.iter().find(|here| here.name == there.name).cloned(),
        };
        Self {
            there: there.to_owned(),
            rows: theirs.iter().map(pair).collect(),
        }
    }

    /// A row for each task and one for all, with times in milliseconds and shares in percent.
    pub fn text(&self) -> Text {
        let theirs = self.rows.iter().map(|row| &row.there);
        let ours = self.rows.iter().filter_map(|row| row.here.as_ref());
        let (theirs, ours) = (sum(theirs), sum(ours));
        let columns = ["ran", "share", "waited", "switches"];
        let heads: Vec<String> = std::iter::once("task".to_owned())
            .chain(columns.map(|name| format!("{name} there")))
            .chain(columns.map(|name| format!("{name} here")))
            .collect();
        let columns: Vec<(&str, Align)> = heads
            .iter()
            .enumerate()
            .map(|(at, head)| {
                let align = if at == 0 { Align::Left } else { Align::Right };
                (head.as_str(), align)
            })
            .collect();
        let mut table = Table::new(&columns);
        for row in &self.rows {
            table.row(
                std::iter::once(cell(Role::Name, &row.name))
                    .chain(cells(Some(&row.there), &theirs))
                    .chain(cells(row.here.as_ref(), &ours))
                    .collect::<Vec<_>>(),
            );
        }
        table.row(
            std::iter::once(cell(Role::Heading, "all"))
                .chain(cells(Some(&theirs), &theirs))
                .chain(cells(Some(&ours), &ours))
                .collect::<Vec<_>>(),
        );
        let head = format!("there: {}   here: Linux 2.6.12   times in ms", self.there);
        std::iter::once(cell(Role::Dim, head))
            .chain(table.text().lines)
            .collect()
    }
}

fn sum<'a>(figures: impl Iterator<Item = &'a Figures>) -> Figures {
    figures.fold(Figures::default(), |sum, one| Figures {
        name: sum.name,
        ran: sum.ran + one.ran,
        waited: sum.waited + one.waited,
        switches: sum.switches + one.switches,
    })
}

fn cells(figures: Option<&Figures>, all: &Figures) -> [crate::view::Line; 4] {
    let number = |text: String| cell(Role::Number, text);
    let Some(figures) = figures else {
        return [(); 4].map(|()| number("-".to_owned()));
    };
    let share = if all.ran > 0.0 {
        100.0 * figures.ran / all.ran
    } else {
        0.0
    };
    [
        number(format!("{:.1}", figures.ran)),
        number(format!("{share:.1}%")),
        number(format!("{:.1}", figures.waited)),
        number(figures.switches.to_string()),
    ]
}
