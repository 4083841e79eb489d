//! What two tasks share: each of the things that a flag of clone decides about.

use super::sharing::common_frames;
use crate::abi::{Pid, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::Task;
use crate::machine::Machine;
use crate::view::text::task_tag;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;

/// What two tasks share.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Shares {
    /// Pid and name of one task.
    pub a: (Pid, String),
    /// Pid and name of the other.
    pub b: (Pid, String),
    /// One for each kind of object.
    pub rows: Vec<ShareRow>,
    /// Number of frames of user data that both map, if they have different address spaces.
    pub common_frames: Option<usize>,
}

/// One kind of object that tasks share or have separately.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ShareRow {
    /// The flag of clone that decides about it.
    pub flag: &'static str,
    /// The kind of object.
    pub what: &'static str,
    /// Whether it is shared.
    pub verdict: Verdict,
    /// The name of the reference count.
    pub count_name: &'static str,
    /// The reference counts of both tasks' objects; `None` where a task has none.
    pub counts: (Option<u32>, Option<u32>),
}

/// Whether two tasks share an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Both have the same one.
    Shared,
    /// Each has its own.
    Own,
    /// Only one of them has one; the other has exited.
    One,
    /// Neither of them has one.
    Neither,
}

/// What two tasks share; `None` if one of them is gone.
pub fn shares(machine: &Machine, a: TaskId, b: TaskId) -> Option<Shares> {
    let kernel = &machine.kernel;
    let tasks = (kernel.tasks().get(a)?, kernel.tasks().get(b)?);
    let common = match (tasks.0.mm(), tasks.1.mm()) {
        (Some(a), Some(b)) if a != b => Some(common_frames(kernel, a, b)),
        _ => None,
    };
    let who = |id| (kernel.pid(id), kernel.names.get(kernel.comm(id)).to_owned());
    Some(Shares {
        a: who(a),
        b: who(b),
        rows: rows(kernel, tasks),
        common_frames: common,
    })
}

fn rows(kernel: &Kernel, tasks: (&Task, &Task)) -> Vec<ShareRow> {
    let row = |flag, what, count_name| Comparison {
        tasks,
        flag,
        what,
        count_name,
    };
    vec![
        row("CLONE_VM", "memory", "mm_users").of(Task::mm, |id| kernel.mms()[id].mm_users()),
        row("CLONE_FILES", "open files", "files.count")
            .of(Task::files, |id| kernel.files()[id].count()),
        row("CLONE_FS", "cwd, umask", "fs.count").of(Task::fs, |id| kernel.fs()[id].count()),
        row("CLONE_SIGHAND", "signal actions", "sighand.count")
            .of(Task::sighand, |id| kernel.sighands()[id].count()),
        row("CLONE_THREAD", "process", "signal.count")
            .of(Task::signal, |id| kernel.signals()[id].count()),
        row("CLONE_SYSVSEM", "semaphore undo", "refcnt")
            .of(Task::sem_undo, |id| kernel.sem_undos()[id].refcnt()),
        row("no CLONE_NEWNS", "mounts", "namespace.count")
            .of(Task::namespace, |id| kernel.namespaces()[id].count()),
    ]
}

/// A row under construction.
struct Comparison<'a> {
    tasks: (&'a Task, &'a Task),
    flag: &'static str,
    what: &'static str,
    count_name: &'static str,
}

impl Comparison<'_> {
    fn of<K: PartialEq + Copy>(
        self,
        held: impl Fn(&Task) -> Option<K>,
        count: impl Fn(K) -> u32,
    ) -> ShareRow {
        let (a, b) = (held(self.tasks.0), held(self.tasks.1));
        ShareRow {
            flag: self.flag,
            what: self.what,
            verdict: match (a, b) {
                (None, None) => Verdict::Neither,
                (None, _) | (_, None) => Verdict::One,
                _ if a == b => Verdict::Shared,
                _ => Verdict::Own,
            },
            count_name: self.count_name,
            counts: (a.map(&count), b.map(&count)),
        }
    }
}

impl Verdict {
    const fn span(self) -> (Role, &'static str) {
        match self {
            Self::Shared => (Role::Good, "shared"),
            Self::Own => (Role::Plain, "own"),
            Self::One => (Role::Dim, "one only"),
            Self::Neither => (Role::Dim, "neither"),
        }
    }
}

impl Shares {
    /// A table, and a sentence about the frames.
    pub fn text(&self) -> Text {
        let title = |(pid, name): &(Pid, String)| task_tag(*pid, name);
        let pair = title(&self.a).plain(" and ").join(title(&self.b));
        let mut table = Table::new(&[
            ("flag", Align::Left),
            ("what", Align::Left),
            ("", Align::Left),
            ("users", Align::Left),
        ]);
        for row in &self.rows {
            let (role, word) = row.verdict.span();
            table.row([
                cell(Role::Flag, row.flag),
                cell(Role::Plain, row.what),
                cell(role, word),
                row.counts_line(),
            ]);
        }
        let mut text = Text::from(pair);
        text.lines.extend(table.text().lines);
        if let Some(frames) = self.common_frames {
            let line = Line::default().add(Role::Number, frames);
            text.push(line.plain(" frames of user data are mapped by both"));
        }
        text
    }
}

impl ShareRow {
    /// `mm_users 2`, or `mm_users 1 and 1` if there are two objects.
    fn counts_line(&self) -> Line {
        let number = |count: Option<u32>| count.map_or("none".to_owned(), |n| n.to_string());
        let (a, b) = (number(self.counts.0), number(self.counts.1));
        let line = Line::default().plain(format_args!("{} ", self.count_name));
        match self.verdict {
            Verdict::Neither => Line::default(),
            Verdict::Shared => line.add(Role::Number, a),
            Verdict::Own | Verdict::One => line
                .add(Role::Number, a)
                .plain(" and ")
                .add(Role::Number, b),
        }
    }
}
