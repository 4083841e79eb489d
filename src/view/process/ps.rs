//! All tasks, one row each, with their scheduling parameters.

use super::activity::{activity, state};
use crate::abi::{Pid, TaskId, static_prio_to_nice};
use crate::machine::Machine;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;

/// Nanoseconds in a millisecond.
const NS_PER_MS: f64 = 1_000_000.0;

/// The tasks that have a pid, in ascending order of pid.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Ps {
    /// One for each task.
    pub rows: Vec<PsRow>,
}

/// One row of `ps`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PsRow {
    /// The task's pid.
    pub pid: Pid,
    /// Its thread group: what `getpid` returns.
    pub tgid: Pid,
    /// Its parent's thread group: what `getppid` returns.
    pub ppid: Pid,
    /// Its name (`comm`).
    pub name: String,
    /// The letter of its state, as `ps` shows it.
    pub letter: char,
    /// Its state as a word.
    pub state: &'static str,
    /// Dynamic priority, 0..=140; lower is better.
    pub prio: u8,
    /// Nice value, -20..=19.
    pub nice: i32,
    /// Ticks left of the time slice of `next`.
    pub slice: u32,
    /// Sleep average, ms.
    pub sleep_avg: f64,
    /// CPU on which it runs or last ran.
    pub cpu: u8,
    /// Pages mapped; `None` without an address space.
    pub rss: Option<u32>,
    /// What drives it: `puppet`, `workload`, ...
    pub mode: &'static str,
    /// What it is doing.
    pub doing: String,
}

/// The tasks of a machine, without the idle tasks, which have no pid. kswapd and pdflush are among
/// them once they were woken, and kswapd if there is swap.
pub fn ps(machine: &Machine) -> Ps {
    let tasks = machine.kernel.pid_hash().tasks();
    let tasks = tasks
        .map(|(_, id)| id)
        .chain(machine.kernel.visible_daemons());
    let mut rows: Vec<PsRow> = tasks.map(|id| ps_row(machine, id)).collect();
    rows.sort_by_key(|row| row.pid);
    Ps { rows }
}

/// The row of one task that exists.
pub fn ps_row(machine: &Machine, id: TaskId) -> PsRow {
    let kernel = &machine.kernel;
    let (task, sched) = (kernel.task(id), kernel.sched.get(id));
    let (letter, state) = state(machine, id);
    PsRow {
        pid: sched.pid,
        tgid: task.tgid(),
        // 2.6.12's kernel threads are children of init.
        ppid: if kernel.is_daemon(id) {
            kernel.pid(kernel.init())
        } else {
            kernel.ppid(id)
        },
        name: kernel.names.get(sched.name).to_owned(),
        letter,
        state,
        prio: sched.prio,
        nice: static_prio_to_nice(sched.static_prio),
        slice: sched.time_slice,
        sleep_avg: f64::from(sched.sleep_avg) / NS_PER_MS,
        cpu: sched.cpu,
        rss: task.mm().map(|mm| kernel.mms()[mm].rss()),
        mode: machine.user_mode(id),
        doing: activity(machine, id).to_string(),
    }
}

impl Ps {
    /// The tasks as a table.
    pub fn text(&self) -> Text {
        let mut table = Table::new(&[
            ("pid", Align::Right),
            ("tgid", Align::Right),
            ("ppid", Align::Right),
            ("name", Align::Left),
            ("S", Align::Left),
            ("prio", Align::Right),
            ("nice", Align::Right),
            ("slice", Align::Right),
            ("sleep_avg/ms", Align::Right),
            ("cpu", Align::Right),
            ("rss", Align::Right),
            ("mode", Align::Left),
            ("doing", Align::Left),
        ]);
        for row in &self.rows {
            table.row(row.cells());
        }
        table.text()
    }
}

impl PsRow {
    fn cells(&self) -> [Line; 13] {
        let number = |text: String| cell(Role::Number, text);
        let rss = self.rss.map_or("-".to_owned(), |pages| pages.to_string());
        [
            cell(Role::Pid, self.pid),
            cell(Role::Pid, self.tgid),
            cell(Role::Pid, self.ppid),
            cell(Role::Name, &self.name),
            cell(Role::State, self.letter),
            number(self.prio.to_string()),
            number(self.nice.to_string()),
            number(self.slice.to_string()),
            number(format!("{:.1}", self.sleep_avg)),
            number(self.cpu.to_string()),
            number(rss),
            cell(Role::Dim, self.mode),
            cell(Role::State, &self.doing),
        ]
    }
}
