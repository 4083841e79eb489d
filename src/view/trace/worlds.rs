//! Two worlds side by side, or many: the first event at which they part, and what each of them has
//! come to.

use super::fields::EventFields;
use super::line::event_line;
use crate::abi::{Names, Pid};
use crate::kernel::stat::Stat;
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent, TraceLog};
use crate::view::changed::changed_kernel;
use crate::view::text::{Align, Line, Role, Table, Text, cell, task_tag};
use serde::Serialize;
use std::collections::BTreeMap;

/// Up to how many worlds have a column each; more have a row each.
const COLUMNS: usize = 4;

/// What a machine has done up to a moment.
#[derive(Clone, Debug)]
pub struct World {
    /// What the user calls it.
    pub name: String,
    log: TraceLog,
    names: Names,
    stat: Stat,
    tick: u64,
}

impl World {
    /// What this machine has done so far.
    pub fn of(name: &str, machine: &Machine) -> Self {
        let kernel = &machine.kernel;
        let changed = match changed_kernel(machine) {
            Some(_) => " (changed kernel)",
            None => "",
        };
        Self {
            name: format!("{name}{changed}"),
            log: kernel.log.clone(),
            names: kernel.names.clone(),
            stat: kernel.stat,
            tick: kernel.tick(),
        }
    }

    fn fields(&self, record: &Record) -> EventFields {
        // Whose line it was makes no difference to the kernel, nor does what served the console.
        EventFields {
            seq: 0,
            line: 0,
            cause: None,
            ..EventFields::new(&self.names, &self.log, record)
        }
    }

    /// The ends of tasks, by pid; the last one of a pid.
    fn ends(&self) -> Vec<End> {
        let ended = self.log.records().filter_map(|record| {
            let TraceEvent::SchedProcessExit { .. } = record.event else {
                return None;
            };
            let pid = record.stamp.pid;
            let end = End {
                pid: pid.0,
                name: self.names.get(record.stamp.name).to_owned(),
                tick: record.stamp.tick,
            };
            Some((pid, end))
        });
        let ends: BTreeMap<Pid, End> = ended.collect();
        ends.into_values().collect()
    }
}

/// The first event at which two worlds part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Parting {
    /// Its number.
    pub event: u64,
    /// What happens in the first world; nothing if it has not come so far.
    pub first: Option<EventFields>,
    /// What happens in the other.
    pub other: Option<EventFields>,
}

/// The first event at which two worlds part, as far as their traces go back; `None` if nothing
/// differs. Puppets that are woken for an action and go back to sleep do not count.
pub fn parting(first: &World, other: &World) -> Option<Parting> {
    let oldest = |world: &World| world.log.records().next().map_or(0, |record| record.seq);
    let from = oldest(first).max(oldest(other));
    let decides = |record: &&Record| !record.console;
    let mut ours = first.log.records_from(from).filter(decides);
    let mut theirs = other.log.records_from(from).filter(decides);
    loop {
        let (a, b) = (ours.next(), theirs.next());
        if let (Some(a), Some(b)) = (a, b)
            && same(first, a, other, b)
        {
            continue;
        }
        let event = [a, b]
            .into_iter()
            .flatten()
            .map(|record| record.seq)
            .min()?;
        return Some(Parting {
            event,
            first: a.map(|record| first.fields(record)),
            other: b.map(|record| other.fields(record)),
        });
    }
}

fn same(first: &World, a: &Record, other: &World, b: &Record) -> bool {
    // Names and lists are numbers of their own world, so what looks different may be the same.
    (a.stamp, a.event) == (b.stamp, b.event) || first.fields(a) == other.fields(b)
}

/// Worlds side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Comparison {
    /// The worlds, in the order in which they were given.
    pub worlds: Vec<WorldView>,
    /// Where each of them parts from the first; the first one does not.
    pub partings: Vec<Option<Parting>>,
}

/// A world in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WorldView {
    /// What the user calls it.
    pub name: String,
    /// Ticks since boot.
    pub tick: u64,
    /// Counters by name.
    pub counters: BTreeMap<&'static str, u64>,
    /// The tasks that have ended.
    pub ends: Vec<End>,
}

/// A figure that differs between worlds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figure {
    /// What it counts.
    pub what: String,
    /// What stands behind its values.
    pub unit: &'static str,
    /// One for each world; `None` where it has none.
    pub values: Vec<Option<u64>>,
}

/// The end of a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct End {
    /// Its pid.
    pub pid: i32,
    /// Its name.
    pub name: String,
    /// When it ended, in ticks.
    pub tick: u64,
}

impl WorldView {
    fn end_of(&self, pid: i32) -> Option<&End> {
        self.ends.iter().find(|end| end.pid == pid)
    }
}

/// What a comparison keeps of a world, which takes much less memory than its trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beside {
    world: WorldView,
    parting: Option<Parting>,
}

/// A world beside the first one.
pub fn beside(first: &World, world: &World) -> Beside {
    Beside {
        world: WorldView {
            name: world.name.clone(),
            tick: world.tick,
            counters: world.stat.iter().collect(),
            ends: world.ends(),
        },
        parting: parting(first, world),
    }
}

/// Compares worlds with the first of them.
pub fn compare(worlds: &[World]) -> Comparison {
    worlds
        .iter()
        .map(|world| beside(&worlds[0], world))
        .collect()
}

impl FromIterator<Beside> for Comparison {
    fn from_iter<I: IntoIterator<Item = Beside>>(all: I) -> Self {
        let parts = |beside: Beside| (beside.world, beside.parting);
        let (worlds, partings) = all.into_iter().map(parts).unzip();
        Self { worlds, partings }
    }
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.partings.iter().all(Option::is_none)
    }

    /// The decisions at which the worlds part, and a table of what differs.
    pub fn text(&self) -> Text {
        if self.is_same() {
            let words = match &self.worlds[..] {
                [first, ..] => format!("nothing differs up to {} ms", first.tick),
                [] => "there is nothing to compare".to_owned(),
            };
            return Text::from(cell(Role::Plain, words));
        }
        if self.worlds.len() > COLUMNS {
            return self.rows();
        }
        let mut text = self.told_partings();
        text.lines.extend(self.columns().lines);
        text
    }

    fn parting(&self, nr: usize, parting: &Parting) -> Text {
        let before = match parting.event.checked_sub(1) {
            Some(last) => format!("the same up to event {last}; then"),
            None => "different from the first event on".to_owned(),
        };
        let worlds = [&self.worlds[0].name, &self.worlds[nr].name];
        let width = worlds.map(|name| name.chars().count()).into_iter().max();
        let side = |name: &str, event: &Option<EventFields>| {
            let begin = cell(
                Role::Heading,
                format_args!("  {name:w$}  ", w = width.unwrap_or(0)),
            );
            match event {
                Some(event) => begin.join(event_line(event, 0)),
                None => begin.add(Role::Dim, "has not come so far"),
            }
        };
        [
            cell(Role::Plain, before),
            side(worlds[0], &parting.first),
            side(worlds[1], &parting.other),
        ]
        .into_iter()
        .collect()
    }

    /// The figures that differ between the worlds.
    pub fn figures(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        let mut add = |what: String, unit, value: &dyn Fn(&WorldView) -> Option<u64>| {
            let values: Vec<_> = self.worlds.iter().map(value).collect();
            if values.iter().any(|value| *value != values[0]) {
                figures.push(Figure { what, unit, values });
            }
        };
        add("time".to_owned(), " ms", &|world| Some(world.tick));
        let counters = self.worlds.first().map(|world| world.counters.keys());
        for name in counters.into_iter().flatten() {
            let value = |world: &WorldView| world.counters.get(name).copied();
            add(name.replace('_', " "), "", &value);
        }
        let ends = self.worlds.iter().flat_map(|world| &world.ends);
        let pids: BTreeMap<i32, &str> = ends.map(|end| (end.pid, end.name.as_str())).collect();
        for (pid, name) in pids {
            let what = format!("end of {}", task_tag(Pid(pid), name));
            add(what, " ms", &|world| world.end_of(pid).map(|end| end.tick));
        }
        figures
    }

    /// The decisions at which the worlds part from the first.
    pub fn told_partings(&self) -> Text {
        let partings = self.partings.iter().enumerate();
        let partings = partings.filter_map(|(nr, parting)| Some((nr, parting.as_ref()?)));
        partings
            .flat_map(|(nr, parting)| self.parting(nr, parting).lines)
            .collect()
    }

    /// What differs between the worlds: a name, and a value for each.
    fn differences(&self) -> Vec<(Line, Vec<Line>)> {
        let row = |figure: Figure| {
            let shown = |value: Option<u64>| match value {
                Some(value) => cell(Role::Number, value).plain(figure.unit),
                None => cell(Role::Dim, "-"),
            };
            let cells = figure.values.iter().copied().map(shown).collect();
            (cell(Role::Plain, &figure.what), cells)
        };
        self.figures().into_iter().map(row).collect()
    }

    /// A column for each world.
    fn columns(&self) -> Text {
        let names = self
            .worlds
            .iter()
            .map(|world| (world.name.as_str(), Align::Right));
        let columns: Vec<_> = [("", Align::Left)].into_iter().chain(names).collect();
        let mut table = Table::new(&columns);
        for (what, cells) in self.differences() {
            table.row([what].into_iter().chain(cells).collect::<Vec<_>>());
        }
        table.text()
    }

    /// A row for each world.
    fn rows(&self) -> Text {
        let differences = self.differences();
        let names: Vec<String> = differences
            .iter()
            .map(|(what, _)| what.to_string())
            .collect();
        let columns = names.iter().map(|name| (name.as_str(), Align::Right));
        let first = [("", Align::Left), ("parts at", Align::Right)];
        let mut table = Table::new(&first.into_iter().chain(columns).collect::<Vec<_>>());
        for (nr, world) in self.worlds.iter().enumerate() {
            let parts = match &self.partings[nr] {
                Some(parting) => cell(Role::Number, format_args!("#{}", parting.event)),
                None => cell(Role::Dim, "-"),
            };
            let cells = differences.iter().map(|(_, cells)| cells[nr].clone());
            let row = [cell(Role::Heading, &world.name), parts]
                .into_iter()
                .chain(cells);
            table.row(row.collect::<Vec<_>>());
        }
        table.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::boot::Config;
    use crate::kernel::fork::SpawnArgs;
    use crate::machine::drive::{spawn_workload, workload};

    fn world(name: &str, run: &str, ticks: u64) -> World {
        let mut machine = Machine::boot(Config::default()).unwrap();
        spawn_workload(
            &mut machine,
            SpawnArgs::new("hog", 0),
            workload(&[("main", &[run])]),
        );
        machine.run(ticks);
        World::of(name, &machine)
    }

    #[test]
    fn a_world_does_not_differ_from_itself() {
        let worlds = [world("a", "run 5", 50), world("b", "run 5", 50)];
        let same = compare(&worlds);
        assert!(same.is_same());
        assert_eq!(same.text().to_string(), "nothing differs up to 5 ms");
    }

    #[test]
    fn the_first_difference_is_that_of_the_traces() {
        let worlds = [world("a", "run 5", 50), world("b", "run 7", 50)];
        let compared = compare(&worlds);
        let parting = compared.partings[1].as_ref().unwrap();
        let records = |world: &World| world.log.records().copied().collect::<Vec<_>>();
        let (a, b) = (records(&worlds[0]), records(&worlds[1]));
        let first = a.iter().zip(&b).find(|(a, b)| a != b).unwrap();
        assert_eq!(parting.event, first.0.seq);
        assert_eq!(parting.first.as_ref().map(|event| event.tick), Some(5));
        assert_eq!(parting.other.as_ref().map(|event| event.tick), Some(7));
    }

    #[test]
    fn a_world_that_is_not_as_far_ends_early() {
        let worlds = [world("a", "run 50", 100), world("b", "run 50", 10)];
        let compared = compare(&worlds);
        let parting = compared.partings[1].as_ref().unwrap();
        assert!(parting.first.is_some() && parting.other.is_none());
    }
}
