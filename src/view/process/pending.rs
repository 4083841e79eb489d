//! `pending(task)`: the pending signals of a task, in the order in which it would take them, and
//! what each would do.

use crate::abi::{SigInfo, SigSet, Signal, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::SigPending;
use crate::machine::Machine;
use crate::view::text::{Align, Role, Table, Text, cell};
use serde::Serialize;

/// The pending signals of a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PendingSignals {
    /// The task's own first, then those of its process, each in ascending order of number; signals
    /// with the same number in the order of sending.
    pub rows: Vec<PendingRow>,
    /// The signals that it blocks.
    pub blocked: Vec<String>,
}

/// A pending signal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PendingRow {
    /// Its name, such as `SIGTERM`.
    pub signal: String,
    /// `task` or `process`: whose queue it is in.
    pub of: &'static str,
    /// Its `si_code`, by name or as a number.
    pub code: String,
    /// The sender, or the child that it is about; 0 for the kernel.
    pub pid: i32,
    /// The status or value that came with it.
    pub value: Option<i32>,
    /// Whether the task blocks it.
    pub blocked: bool,
    /// What it would do.
    pub action: String,
}

/// The pending signals of a task; empty if the task is gone.
pub fn pending(machine: &Machine, task: TaskId) -> PendingSignals {
    let kernel = &machine.kernel;
    let Some(state) = kernel.tasks().get(task) else {
        return PendingSignals {
            rows: Vec::new(),
            blocked: Vec::new(),
        };
    };
    let private = (&state.pending, "task");
    let group = state.signal().map(|id| &kernel.signals()[id]);
    let shared = group.map(|group| (&group.shared_pending, "process"));
    let mut rows = Vec::new();
    for (pending, of) in [Some(private), shared].into_iter().flatten() {
        for signal in pending.set().iter() {
            for info in infos(pending, signal) {
                rows.push(row(kernel, task, state.blocked(), &info, of));
            }
        }
    }
    let blocked = state.blocked().iter().map(|signal| signal.to_string());
    PendingSignals {
        rows,
        blocked: blocked.collect(),
    }
}

/// The `siginfo` of each instance of a pending signal, at least one.
fn infos(pending: &SigPending, signal: Signal) -> Vec<SigInfo> {
    let queued = pending.infos().filter(|info| info.signal == signal);
    let mut infos: Vec<SigInfo> = queued.copied().collect();
    if infos.is_empty() {
        infos.push(SigInfo::unknown(signal));
    }
    infos
}

fn row(
    kernel: &Kernel,
    task: TaskId,
    blocked: SigSet,
    info: &SigInfo,
    of: &'static str,
) -> PendingRow {
    let code = info.code_name().map(str::to_owned);
    PendingRow {
        signal: info.signal.to_string(),
        of,
        code: code.unwrap_or_else(|| info.code.to_string()),
        pid: info.pid(),
        value: info.value(),
        blocked: blocked.contains(info.signal),
        action: kernel.describe_action(task, info.signal),
    }
}

impl PendingSignals {
    /// The signals as a table.
    pub fn text(&self) -> Text {
        let mut table = Table::new(&[
            ("signal", Align::Left),
            ("of", Align::Left),
            ("code", Align::Left),
            ("pid", Align::Right),
            ("value", Align::Right),
            ("blocked", Align::Left),
            ("action", Align::Left),
        ]);
        for row in &self.rows {
            let value = row.value.map(|value| value.to_string()).unwrap_or_default();
            table.row([
                cell(Role::Name, &row.signal),
                cell(Role::Plain, row.of),
                cell(Role::Plain, &row.code),
                cell(Role::Pid, row.pid),
                cell(Role::Number, value),
                cell(Role::Flag, if row.blocked { "blocked" } else { "" }),
                cell(Role::Plain, &row.action),
            ]);
        }
        table.text()
    }
}
