//! Tasks that wait for each other, one line for each: what it waits for, and who holds that.

use crate::abi::{Pid, TaskId};
use crate::machine::{Giver, Link, Machine, Needs};
use crate::view::text::{Line, Role, Text, cell, task_tag};
use serde::Serialize;

/// The most circles that are shown.
const MOST: usize = 4;

/// A task that waits for another, or for itself, and never goes on by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Waiting {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// What it waits for, in words.
    pub waits_for: String,
    /// The tasks of which one would have to give it.
    pub by: Vec<Pid>,
    /// All of this in a line.
    #[serde(skip)]
    line: Line,
}

impl Waiting {
    fn of(machine: &Machine, link: &Link) -> Self {
        let name = machine.kernel.names.get(machine.kernel.comm(link.task));
        Self {
            pid: machine.kernel.pid(link.task),
            name: name.to_owned(),
            waits_for: needs(machine, link),
            by: link.by.iter().map(|who| who.pid).collect(),
            line: line(machine, link),
        }
    }

    /// All of it in a line.
    pub(super) fn line(&self) -> Line {
        self.line.clone()
    }
}

/// The tasks that wait for each other and will never go on by themselves; empty if there are none.
pub fn deadlocks(machine: &Machine) -> Text {
    let circles = machine.deadlocks(MOST + 1);
    let shown = circles.iter().take(MOST).flatten();
    let mut text: Text = shown.map(|link| line(machine, link)).collect();
    if circles.len() > MOST {
        text.push(cell(
            Role::Dim,
            "... and more tasks that wait for each other",
        ));
    }
    text
}

/// The circle that a task is in, beginning with it; empty if it is in none.
pub(super) fn circle(machine: &Machine, task: TaskId) -> Vec<Waiting> {
    let links = machine.circle(task);
    links
        .iter()
        .map(|link| Waiting::of(machine, link))
        .collect()
}

/// `3:demo  waits for the mutex b at 0x0804a014, held by 4:demo`
fn line(machine: &Machine, link: &Link) -> Line {
    let name = machine.kernel.names.get(machine.kernel.comm(link.task));
    let tag = task_tag(machine.kernel.pid(link.task), name);
    let mut line = tag
        .plain("  waits for ")
        .plain(needs(machine, link))
        .plain(relation(link));
    if link.giver == Giver::Itself {
        return line.plain(advice(link));
    }
    for (nth, who) in link.by.iter().enumerate() {
        line = line.plain(if nth > 0 { ", " } else { "" });
        line = line.join(task_tag(who.pid, &who.name));
    }
    match link.giver {
        Giver::Gone => line.add(Role::Bad, ", which has exited"),
        _ => line,
    }
}

fn needs(machine: &Machine, link: &Link) -> String {
    match link.needs {
        Needs::Memory => "its memory".to_owned(),
        Needs::Exit => "a child to exit".to_owned(),
        Needs::Thread => "a thread to exit".to_owned(),
        Needs::Data => "data in a pipe".to_owned(),
        Needs::Room => "room in a pipe".to_owned(),
        Needs::Semaphore { id, num } => format!("semaphore {num} of set {id}"),
        Needs::Mutex(addr) => {
            let program = machine.debug_info(link.task);
            let mut globals = program.iter().flat_map(|program| &program.globals);
            let global = globals.find(|global| global.addr == addr.0);
            let name = global.map(|global| format!("{} at ", global.name));
            format!("the mutex {}{:#010x}", name.unwrap_or_default(), addr.0)
        }
    }
}

/// How those who could end the wait are connected with it.
const fn relation(link: &Link) -> &'static str {
    match (link.needs, link.giver) {
        (Needs::Data, Giver::Itself) => ", and only it holds the writing end itself",
        (Needs::Room, Giver::Itself) => ", and only it holds the reading end itself",
        (Needs::Mutex(_), Giver::Itself) => ", which it holds itself",
        (Needs::Data, _) => ", whose writing end is held by ",
        (Needs::Room, _) => ", whose reading end is held by ",
        (Needs::Memory, _) => ", which is lent to ",
        (Needs::Exit | Needs::Thread, _) => ": ",
        (Needs::Mutex(_) | Needs::Semaphore { .. }, _) => ", held by ",
    }
}

/// What a task that waits for itself should have done.
const fn advice(link: &Link) -> &'static str {
    match link.needs {
        Needs::Data => ": close it before reading",
        Needs::Room => ": somebody else must read",
        _ => "",
    }
}
