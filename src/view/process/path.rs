//! The path of a call through `do_fork`, `copy_process` and `wake_up_new_task`: an outline of their
//! source in which the branches taken are ticked, with the reason for the others. Several calls can
//! be shown side by side.
//!
//! What happened comes from the trace of the call; why, from the pure functions of flags by which
//! the kernel itself decides.

mod call;
mod copying;
mod outline;
#[cfg(test)]
mod tests;
mod waking;

use crate::abi::{CloneFlags, Pid};
use crate::machine::Machine;
use crate::view::text::task_tag;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use call::Call;
use serde::Serialize;

/// One call of `do_fork`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Path {
    /// The caller's pid.
    pub pid: Pid,
    /// The caller's name.
    pub name: String,
    /// The clone flags as given.
    pub flags: u32,
    /// The steps in the order of the source. They are the same for every call.
    pub steps: Vec<PathStep>,
    /// What `do_fork` returned; `None` while the caller is still inside.
    pub value: Option<i32>,
    /// The name of the error, if it failed.
    pub error: Option<&'static str>,
    /// The new task, if one was created.
    pub child: Option<Pid>,
    /// How many calls of `do_fork` there were; this is the first.
    pub calls: usize,
}

/// A step of the outline and its outcome.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PathStep {
    /// 0 for `do_fork` itself, 1 inside a function or branch of it.
    pub depth: u8,
    /// The step; a branch has its condition before a colon.
    pub step: &'static str,
    /// The outcome of the step.
    pub mark: Mark,
    /// The reason or the figures; may be empty.
    pub why: String,
}

/// The outcome of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The step was taken.
    Taken,
    /// Taken: parent and child share the object.
    Shared,
    /// Taken: the child has an object of its own.
    Own,
    /// The branch was not taken.
    NotTaken,
    /// Tried and failed, with the error of the call.
    Failed,
    /// An earlier step failed, or it is inside a branch that was not taken.
    NotReached,
}

/// Several calls side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Paths {
    /// The labels of the calls.
    pub labels: Vec<String>,
    /// One for each step.
    pub rows: Vec<PathRow>,
    /// The calls themselves.
    pub paths: Vec<Path>,
}

/// A step and its outcome in each of several calls.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PathRow {
    /// See [`PathStep::depth`].
    pub depth: u8,
    /// See [`PathStep::step`].
    pub step: &'static str,
    /// One for each call.
    pub marks: Vec<Mark>,
}

/// The first call of `do_fork` from the event with that number on; `None` if there was none.
pub fn path(machine: &Machine, from_seq: u64) -> Option<Path> {
    let (call, calls) = call::first(machine, from_seq)?;
    Some(Path {
        steps: outline::steps(&call),
        value: call.value(),
        error: call.error().map(|(errno, _)| errno.name()),
        child: call.child(),
        calls,
        pid: call.pid,
        flags: call.flags.bits(),
        name: call.name,
    })
}

/// Calls side by side, each with its label.
pub fn side_by_side(calls: Vec<(String, Path)>) -> Paths {
    let (labels, paths): (Vec<String>, Vec<Path>) = calls.into_iter().unzip();
    let outline = paths.first().map_or(&[][..], |path| &path.steps);
    let mark = |path: &Path, step| path.mark(step).unwrap_or(Mark::NotReached);
    let row = |step: &PathStep| PathRow {
        depth: step.depth,
        step: step.step,
        marks: paths.iter().map(|path| mark(path, step.step)).collect(),
    };
    Paths {
        rows: outline.iter().map(row).collect(),
        labels,
        paths,
    }
}

impl Path {
    /// The outcome of the step of that name.
    pub fn mark(&self, step: &str) -> Option<Mark> {
        let found = self.steps.iter().find(|other| other.step == step);
        found.map(|step| step.mark)
    }

    /// Only the steps of `do_fork` itself.
    #[must_use]
    pub fn brief(&self) -> Self {
        let outer = self.steps.iter().filter(|step| step.depth == 0);
        Self {
            steps: outer.cloned().collect(),
            ..self.clone()
        }
    }

    /// The caller and the flags, the outline, and `= ` with the return value.
    pub fn text(&self) -> Text {
        let mut text = Text::from(self.heading());
        let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
        for step in &self.steps {
            table.row([step.ticked(), cell(step.mark.why_role(), &step.why)]);
        }
        text.lines.extend(table.text().lines.into_iter().skip(1));
        let line = Line::default().plain("= ");
        text.push(match self.value {
            None => line.add(
                Role::State,
                format_args!("not yet: {}:{} is inside", self.pid, self.name),
            ),
            Some(_) => line.join(self.returned()),
        });
        text
    }

    fn heading(&self) -> Line {
        let flags = CloneFlags::from_bits_retain(self.flags);
        let line = cell(Role::Heading, "do_fork")
            .plain("  ")
            .join(task_tag(self.pid, &self.name))
            .plain(", flags ")
            .add(Role::Number, format_args!("{:#x}", self.flags))
            .plain(" = ")
            .add(Role::Flag, flags.describe());
        if self.calls == 1 {
            return line;
        }
        line.add(Role::Dim, format_args!("  (the first of {})", self.calls))
    }

    fn returned(&self) -> Line {
        match (self.error, self.value) {
            (Some(error), _) => cell(Role::Bad, format_args!("-{error}")),
            (None, Some(value)) => cell(Role::Pid, value),
            (None, None) => cell(Role::State, "inside"),
        }
    }
}

impl Paths {
    /// Only the steps of `do_fork` itself.
    #[must_use]
    pub fn brief(&self) -> Self {
        let outer = self.rows.iter().filter(|row| row.depth == 0);
        Self {
            labels: self.labels.clone(),
            rows: outer.cloned().collect(),
            paths: self.paths.iter().map(Path::brief).collect(),
        }
    }

    /// One row per step and one column per call: `x` for a step that was taken, or what it did with
    /// its object; `.` for one that was not; the name of the error where a call failed.
    pub fn text(&self) -> Text {
        let labels = self.labels.iter().map(|label| (&**label, Align::Right));
        let columns: Vec<(&str, Align)> = [("do_fork", Align::Left)]
            .into_iter()
            .chain(labels)
            .collect();
        let mut table = Table::new(&columns);
        for row in &self.rows {
            let cells = row.marks.iter().zip(&self.paths);
            let cells = cells.map(|(mark, path)| mark.cell(path.error));
            let name = cell(Role::Name, indented(row.depth, row.step));
            table.row([name].into_iter().chain(cells).collect::<Vec<_>>());
        }
        let returned = self.paths.iter().map(Path::returned);
        let name = cell(Role::Name, "return pid");
        table.row([name].into_iter().chain(returned).collect::<Vec<_>>());
        table.text()
    }
}

impl PathStep {
    fn ticked(&self) -> Line {
        let (role, tick) = self.mark.tick();
        let step_role = match self.mark {
            Mark::NotTaken | Mark::NotReached => Role::Dim,
            _ => Role::Plain,
        };
        Line::default()
            .plain(indented(self.depth, ""))
            .add(role, tick)
            .plain(" ")
            .add(step_role, self.step)
    }
}

fn indented(depth: u8, step: &str) -> String {
    "  ".repeat(usize::from(depth)) + step
}

impl Mark {
    /// Whether the step was taken, whatever it did.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Taken | Self::Shared | Self::Own)
    }

    const fn tick(self) -> (Role, &'static str) {
        match self {
            Self::Taken | Self::Shared | Self::Own => (Role::Good, "✓"),
            Self::NotTaken | Self::NotReached => (Role::Dim, "·"),
            Self::Failed => (Role::Bad, "✗"),
        }
    }

    const fn why_role(self) -> Role {
        match self {
            Self::Taken | Self::Shared | Self::Own => Role::Plain,
            Self::NotTaken | Self::NotReached => Role::Dim,
            Self::Failed => Role::Bad,
        }
    }

    fn cell(self, error: Option<&'static str>) -> Line {
        match self {
            Self::Taken => cell(Role::Good, "x"),
            Self::Shared => cell(Role::Good, "shared"),
            Self::Own => cell(Role::Good, "own"),
            Self::NotTaken | Self::NotReached => cell(Role::Dim, "."),
            Self::Failed => cell(Role::Bad, error.unwrap_or("failed")),
        }
    }
}

/// A step that was taken, with figures or the reason.
fn taken(why: impl Into<String>) -> (Mark, String) {
    (Mark::Taken, why.into())
}

/// A branch that was not taken, with the reason.
fn not_taken(why: impl Into<String>) -> (Mark, String) {
    (Mark::NotTaken, why.into())
}

/// A branch that depends on a flag.
fn if_flag(call: &Call, flag: CloneFlags, why: impl FnOnce() -> String) -> (Mark, String) {
    if call.flags.contains(flag) {
        taken(why())
    } else {
        not_taken("flag not set")
    }
}
