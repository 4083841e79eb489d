//! The tree of all processes of a run, those that are gone included, with what each has printed and
//! copied and how it ended: the answer to most questions about forks.

use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::{CallRecord, Seen};
use crate::view::text::{Line, Role, Text, cell};
use serde::Serialize;
use std::collections::BTreeMap;

/// The processes of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Family {
    /// Each process, in the order in which they began.
    pub members: Vec<Member>,
    /// Frames that were copied because somebody wrote to them.
    pub frames_copied: u32,
    /// Who has a pid now, or had it last.
    #[serde(skip)]
    by_pid: BTreeMap<Pid, usize>,
}

/// A process.
#[derive(Clone, Debug, Serialize)]
pub struct Member {
    /// Its pid.
    pub pid: Pid,
    /// The name of its program.
    pub name: String,
    /// Who made it, by the number in the list.
    pub parent: Option<usize>,
    /// What it has printed, on the console or a printer.
    pub printed: String,
    /// Frames that its writes have copied.
    pub frames_copied: u32,
    /// How it ended.
    pub end: Option<String>,
    /// Who reaped it.
    pub reaped_by: Option<Pid>,
}

impl Family {
    /// The family so far.
    pub fn of(machine: &Machine) -> Self {
        let mut family = Self::default();
        for record in machine.kernel.calls.iter() {
            family.add(machine, record);
        }
        family
    }

    /// Takes note of what was seen.
    pub fn add(&mut self, machine: &Machine, record: &CallRecord) {
        // It made the first task before the run began.
        if record.pid == Pid::INIT {
            return;
        }
        let name = machine.kernel.names.get(record.name);
        let own = self.member(record.pid, name, None);
        match &record.seen {
            Seen::Printed(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                self.members[own].printed.push_str(&text);
            }
            Seen::Forked { child, .. } => {
                self.by_pid.remove(child);
                self.member(*child, name, Some(own));
            }
            Seen::Executed => self.members[own].name = name.to_owned(),
            Seen::CopiedPage { .. } => {
                self.members[own].frames_copied += 1;
                self.frames_copied += 1;
            }
            Seen::Exit(status) => self.members[own].end = Some(status.to_string()),
            Seen::Released { child } => {
                if let Some(at) = self.by_pid.get(child) {
                    self.members[*at].reaped_by = Some(record.pid);
                }
            }
            Seen::Enter { .. }
            | Seen::Leave { .. }
            | Seen::CopiedTables { .. }
            | Seen::Signal(_) => {}
        }
    }

    fn member(&mut self, pid: Pid, name: &str, parent: Option<usize>) -> usize {
        if let Some(known) = self.by_pid.get(&pid) {
            return *known;
        }
        self.members.push(Member {
            pid,
            name: name.to_owned(),
            parent,
            printed: String::new(),
            frames_copied: 0,
            end: None,
            reaped_by: None,
        });
        let at = self.members.len() - 1;
        self.by_pid.insert(pid, at);
        at
    }

    /// The tree, and below it the counts.
    pub fn text(&self) -> Text {
        let mut lines = Vec::new();
        let roots = (0..self.members.len()).filter(|at| self.members[*at].parent.is_none());
        for root in roots {
            self.branch(root, &mut Vec::new(), &mut lines);
        }
        lines.push(self.answers());
        Text { lines }
    }

    /// The line of a process and those of its children. `last` says for each level above whether it
    /// has no further lines.
    fn branch(&self, at: usize, last: &mut Vec<bool>, lines: &mut Vec<Line>) {
        let mut line = Line::default();
        if let Some((own, above)) = last.split_last() {
            for done in above {
                line = line.plain(if *done { "   " } else { "|  " });
            }
            line = line.plain(if *own { "`- " } else { "|- " });
        }
        lines.push(self.members[at].line(line));
        let children: Vec<usize> = (0..self.members.len())
            .filter(|child| self.members[*child].parent == Some(at))
            .collect();
        for (number, child) in children.iter().enumerate() {
            last.push(number + 1 == children.len());
            self.branch(*child, last, lines);
            last.pop();
        }
    }

    fn answers(&self) -> Line {
        let printed: usize = self
            .members
            .iter()
            .map(|member| member.printed.lines().count())
            .sum();
        let made = self.members.iter().filter(|member| member.parent.is_some());
        let unreaped = self.members.iter().filter(|member| {
            member.parent.is_some() && member.end.is_some() && member.reaped_by.is_none()
        });
        cell(Role::Plain, "lines printed ")
            .add(Role::Number, printed)
            .plain("   processes made ")
            .add(Role::Number, made.count())
            .plain("   frames copied ")
            .add(Role::Number, self.frames_copied)
            .plain("   unreaped ")
            .add(Role::Number, unreaped.count())
    }
}

impl Member {
    fn line(&self, before: Line) -> Line {
        let mut line = before
            .add(Role::Pid, self.pid)
            .plain(":")
            .add(Role::Name, &self.name);
        if !self.printed.is_empty() {
            line = line.plain(format!("  {:?}", self.printed));
        }
        if let Some(end) = &self.end {
            line = line.plain("  ").add(Role::State, end);
        }
        line
    }
}
