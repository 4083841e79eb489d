//! Which steps of `do_fork` each of several calls took: steps down, calls across.

use super::text::{Align, Line, Role, Table, Text, cell};
use crate::abi::{Errno, Pid};
use crate::trace::{ForkStep, TraceEvent, TraceLog};
use serde::Serialize;

/// The steps in the order of the source; the values inside do not matter.
const STEPS: [ForkStep; 9] = [
    ForkStep::AllocPidmap(Pid(0)),
    ForkStep::AddClonePtrace,
    ForkStep::CopyProcessFailed(Errno::ENOMEM),
    ForkStep::SigstopPending,
    ForkStep::WakeUpNewTask,
    ForkStep::LeftStopped,
    ForkStep::PtraceNotify,
    ForkStep::WaitForVfork,
    ForkStep::FreePidmap,
];

/// The table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ForkTable {
    /// Labels of the calls.
    pub calls: Vec<String>,
    /// One for each step.
    pub rows: Vec<ForkRow>,
}

/// A step and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ForkRow {
    /// The function or action.
    pub step: &'static str,
    /// One for each call.
    pub marks: Vec<Mark>,
}

/// What became of a step in one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Taken.
    Taken,
    /// Left out.
    NotTaken,
    /// Tried, with this error.
    Failed(#[serde(serialize_with = "errno_name")] Errno),
}

fn errno_name<S: serde::Serializer>(errno: &Errno, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(errno.name())
}

/// The table for calls that are given by a label, the sequence number of their first event, and
/// that of the first event behind them.
pub fn fork_table(log: &TraceLog, calls: &[(&str, u64, u64)]) -> ForkTable {
    let steps: Vec<Vec<ForkStep>> = calls
        .iter()
        .map(|(_, from, to)| steps_between(log, *from, *to))
        .collect();
    let row = |step: &ForkStep| ForkRow {
        step: step.name(),
        marks: steps.iter().map(|taken| mark(step.name(), taken)).collect(),
    };
    ForkTable {
        calls: calls
            .iter()
            .map(|(label, _, _)| (*label).to_owned())
            .collect(),
        rows: STEPS.iter().map(row).collect(),
    }
}

fn steps_between(log: &TraceLog, from: u64, to: u64) -> Vec<ForkStep> {
    let records = log.records_from(from).take_while(|record| record.seq < to);
    let step = |event: TraceEvent| match event {
        TraceEvent::DoForkStep { step } => Some(step),
        _ => None,
    };
    records.filter_map(|record| step(record.event)).collect()
}

/// `copy_process` is reported only when it fails, but follows whenever there is a pid.
fn mark(name: &str, taken: &[ForkStep]) -> Mark {
    let copied = ForkStep::CopyProcessFailed(Errno::ENOMEM).name();
    match taken.iter().find(|step| step.name() == name) {
        Some(ForkStep::NoPid) => Mark::Failed(Errno::EAGAIN),
        Some(ForkStep::CopyProcessFailed(errno)) => Mark::Failed(*errno),
        Some(_) => Mark::Taken,
        None if name == copied && taken.iter().any(|s| matches!(s, ForkStep::AllocPidmap(_))) => {
            Mark::Taken
        }
        None => Mark::NotTaken,
    }
}

impl ForkTable {
    /// `x` for a step that was taken, `.` for one that was not.
    pub fn text(&self) -> Text {
        let calls = self
            .calls
            .iter()
            .map(|label| (label.as_str(), Align::Right));
        let columns: Vec<(&str, Align)> = [("do_fork", Align::Left)]
            .into_iter()
            .chain(calls)
            .collect();
        let mut table = Table::new(&columns);
        for row in &self.rows {
            let marks = row.marks.iter().map(|mark| mark.cell());
            table.row(
                [cell(Role::Name, row.step)]
                    .into_iter()
                    .chain(marks)
                    .collect::<Vec<_>>(),
            );
        }
        table.text()
    }
}

impl Mark {
    fn cell(self) -> Line {
        match self {
            Self::Taken => cell(Role::Good, "x"),
            Self::NotTaken => cell(Role::Dim, "."),
            Self::Failed(errno) => cell(Role::Bad, errno.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Stamp;
    use ForkStep::{
        AllocPidmap, CopyProcessFailed, FreePidmap, LeftStopped, NoPid, SigstopPending,
        WaitForVfork, WakeUpNewTask,
    };

    #[test]
    fn every_call_has_its_own_way_through_do_fork() {
        let ways: [(&str, &[ForkStep]); 5] = [
            (
                "bad flags",
                &[
                    AllocPidmap(Pid(3)),
                    CopyProcessFailed(Errno::EINVAL),
                    FreePidmap,
                ],
            ),
            ("no pid", &[NoPid]),
            ("fork", &[AllocPidmap(Pid(4)), WakeUpNewTask]),
            ("vfork", &[AllocPidmap(Pid(5)), WakeUpNewTask, WaitForVfork]),
            (
                "STOPPED",
                &[AllocPidmap(Pid(6)), SigstopPending, LeftStopped],
            ),
        ];
        let mut log = TraceLog::default();
        let calls = ways.map(|(label, steps)| {
            let from = log.event_seq();
            for step in steps {
                log.emit(Stamp::default(), TraceEvent::DoForkStep { step: *step });
                log.emit(Stamp::default(), TraceEvent::ArraySwap {});
            }
            (label, from, log.event_seq())
        });
        insta::assert_snapshot!(fork_table(&log, &calls).text(), @"
        do_fork            bad flags  no pid  fork  vfork  STOPPED
        alloc_pidmap               x  EAGAIN     x      x        x
        add CLONE_PTRACE           .       .     .      .        .
        copy_process          EINVAL       .     x      x        x
        SIGSTOP pending            .       .     .      .        x
        wake_up_new_task           .       .     x      x        .
        left TASK_STOPPED          .       .     .      .        x
        ptrace_notify              .       .     .      .        .
        wait for vfork             .       .     .      x        .
        free_pidmap                x       .     .      .        .
        ");
    }
}
