//! The tree of processes by parent and child. Threads are shown below the first thread of their
//! process, as `{name}`.

use crate::abi::{ExitState, Pid, TaskId};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;
use std::collections::BTreeMap;

/// The tree, row by row from top to bottom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PsTree {
    /// Each task comes after its parent and its older siblings.
    pub rows: Vec<TreeRow>,
}

/// A task in the tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TreeRow {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// How many generations it is below the top.
    pub depth: usize,
    /// Whether it is the last one below its parent.
    pub last: bool,
    /// Whether it is a thread of the process above, not a child.
    pub thread: bool,
    /// Whether it has exited and waits to be reaped.
    pub zombie: bool,
}

/// The tree of all tasks, by real parents.
pub fn pstree(machine: &Machine) -> PsTree {
    let kernel = &machine.kernel;
    let mut below: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
    for (_, id) in kernel.pid_hash().tasks() {
        if id != kernel.init() {
            below.entry(above(kernel, id)).or_default().push(id);
        }
    }
    let mut rows = Vec::new();
    let mut open = vec![(kernel.init(), 0, true)];
    while let Some((id, depth, last)) = open.pop() {
        rows.push(tree_row(kernel, id, depth, last));
        let children = below.remove(&id).unwrap_or_default();
        let youngest_first = children.iter().rev().enumerate();
        open.extend(youngest_first.map(|(nr, child)| (*child, depth + 1, nr == 0)));
    }
    PsTree { rows }
}

fn is_thread(kernel: &Kernel, id: TaskId) -> bool {
    kernel.task(id).group_leader() != id
}

/// The task below which a task is shown.
fn above(kernel: &Kernel, id: TaskId) -> TaskId {
    let task = kernel.task(id);
    if is_thread(kernel, id) {
        task.group_leader()
    } else {
        task.real_parent()
    }
}

fn tree_row(kernel: &Kernel, id: TaskId, depth: usize, last: bool) -> TreeRow {
    TreeRow {
        pid: kernel.pid(id),
        name: kernel.names.get(kernel.comm(id)).to_owned(),
        depth,
        last,
        thread: is_thread(kernel, id),
        zombie: kernel.task(id).exit_state() != ExitState::Alive,
    }
}

impl PsTree {
    /// The tree as a drawing.
    pub fn text(&self) -> Text {
        // Whether the ancestors of the current row, except the top, were the last of their parents.
        let mut lasts = Vec::new();
        let mut draw = |row: &TreeRow| {
            lasts.truncate(row.depth.saturating_sub(1));
            let rails: String = lasts
                .iter()
                .map(|last| if *last { "   " } else { "│  " })
                .collect();
            let branch = match (row.depth, row.last) {
                (0, _) => "",
                (_, true) => "└─ ",
                (_, false) => "├─ ",
            };
            if row.depth > 0 {
                lasts.push(row.last);
            }
            Line::default()
                .add(Role::Dim, rails + branch)
                .join(row.label())
        };
        self.rows.iter().map(&mut draw).collect()
    }
}

impl TreeRow {
    fn label(&self) -> Line {
        let pid = Line::default().add(Role::Pid, self.pid).plain(":");
        let line = if self.thread {
            pid.add(Role::Name, format_args!("{{{}}}", self.name))
        } else {
            pid.add(Role::Name, &self.name)
        };
        let mark = if self.zombie { " zombie" } else { "" };
        line.add(Role::Bad, mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rails_end_below_the_last_child() {
        let rows = [
            (1, 0, true),
            (2, 1, false),
            (3, 2, true),
            (4, 3, true),
            (5, 1, true),
            (6, 2, true),
        ];
        let row = |(pid, depth, last)| TreeRow {
            pid: Pid(pid),
            name: "sh".to_owned(),
            depth,
            last,
            thread: pid == 3,
            zombie: pid == 6,
        };
        let tree = PsTree {
            rows: rows.map(row).to_vec(),
        };
        insta::assert_snapshot!(tree.text(), @"
        1:sh
        ├─ 2:sh
        │  └─ 3:{sh}
        │     └─ 4:sh
        └─ 5:sh
           └─ 6:sh zombie
        ");
    }
}
