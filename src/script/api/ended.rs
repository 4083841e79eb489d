//! How a task that is gone ended, as far as the trace still has it.

use crate::abi::{DefaultAction, Pid, Signal, WaitStatus};
use crate::script::session::Task;
use crate::trace::{Record, TraceEvent, TraceLog};

/// How the task of a handle ended: `it exited with 0`.
pub(super) fn how_it_ended(log: &TraceLog, task: &Task) -> Option<String> {
    let (status, before) = exit(log, task)?;
    let text = status.to_string();
    if let Some(code) = text.strip_prefix("exited ") {
        return Some(format!("it exited with {code}"));
    }
    Some(match dumped_with(log, task.pid, status, before) {
        Some((other, signal)) => {
            format!("it was {text} when task {other}, which shared its memory, got {signal},")
        }
        None => format!("it was {text}"),
    })
}

/// The wait status of a task that is gone.
pub(super) fn end_status(log: &TraceLog, task: &Task) -> Option<WaitStatus> {
    exit(log, task).map(|(status, _)| status)
}

/// The task's exit status, and the number of the event that recorded it.
fn exit(log: &TraceLog, task: &Task) -> Option<(WaitStatus, u64)> {
    let oldest = log.records().next()?;
    if oldest.seq > task.made {
        return None;
    }
    // Pids are reused, so the pid may have named other tasks before and since. The first release
    // after the handle was made is the one of its own task.
    let is_release = |record: &&Record| matches!(record.event, TraceEvent::SchedProcessFree { pid, .. } if pid == task.pid);
    let release = log
        .records()
        .filter(|record| record.seq >= task.made)
        .find(is_release)?;
    let mut earlier = before(log, release.seq);
    earlier.find_map(|record| match record.event {
        TraceEvent::SchedProcessExit { status } if record.stamp.pid == task.pid => {
            Some((status, record.seq))
        }
        _ => None,
    })
}

/// The task whose core dump killed this one, and the signal that task got. Nobody else sends such a
/// SIGKILL: it comes from a task that shares the memory.
fn dumped_with(log: &TraceLog, task: Pid, status: WaitStatus, exit: u64) -> Option<(Pid, Signal)> {
    if status != WaitStatus::killed(Signal::SIGKILL) {
        return None;
    }
    let found = before(log, exit).find_map(|record| match record.event {
        TraceEvent::SignalGenerate { pid, signal } if pid == task && signal == Signal::SIGKILL => {
            Some(None)
        }
        TraceEvent::SignalDeliver { signal, .. } if dumps(signal) && record.stamp.pid != task => {
            Some(Some((record.stamp.pid, signal)))
        }
        _ => None,
    });
    found.flatten()
}

fn dumps(signal: Signal) -> bool {
    signal.default_action() == DefaultAction::Core
}

fn before(log: &TraceLog, seq: u64) -> impl Iterator<Item = &Record> {
    log.records()
        .rev()
        .skip_while(move |record| record.seq >= seq)
}
