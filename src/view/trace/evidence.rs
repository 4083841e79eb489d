//! What has happened in a run, as far as the trace still knows it: who forked, who was reaped and
//! by whom, which events there were, in which order.

use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::{EventKind, Record, TraceEvent};

/// The trace has dropped its oldest events, so that nothing can be told from the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped;

/// The numbers of waitpid, wait4 and waitid.
const WAITS: [u16; 3] = [7, 114, 284];

/// What each event of the whole trace gives, as far as it gives anything.
fn all<R>(machine: &Machine, of: impl Fn(&Record) -> Option<R>) -> Result<Vec<R>, Dropped> {
    let log = &machine.kernel.log;
    match log.dropped() {
        0 => Ok(log.records().filter_map(of).collect()),
        _ => Err(Dropped),
    }
}

/// The children that a task has made, in their order.
///
/// # Errors
/// If the trace is no longer complete.
pub fn forks_of(machine: &Machine, parent: Pid) -> Result<Vec<Pid>, Dropped> {
    all(machine, |record| match record.event {
        TraceEvent::SchedProcessFork { child, .. } if record.stamp.pid == parent => Some(child),
        _ => None,
    })
}

/// The children that the waits of a task have released, in their order: a wait that has released its
/// child returns next on that CPU.
///
/// # Errors
/// If the trace is no longer complete.
pub fn reaped_by(machine: &Machine, waiter: Pid) -> Result<Vec<Pid>, Dropped> {
    let events = all(machine, |record| match record.event {
        TraceEvent::SchedProcessFree { .. } | TraceEvent::SysExit { .. } => {
            Some((record.stamp, record.event))
        }
        _ => None,
    })?;
    let mut freed = Vec::new();
    let mut reaped = Vec::new();
    for (stamp, event) in events {
        match event {
            TraceEvent::SchedProcessFree { pid, .. } => freed.push((stamp.cpu, pid)),
            TraceEvent::SysExit { nr, ret } if WAITS.contains(&nr) && stamp.pid == waiter => {
                let by_value = |(_, pid): &(_, Pid)| ret > 0 && pid.0 == ret;
                let by_place = |(cpu, _): &(_, _)| ret == 0 && *cpu == stamp.cpu;
                let found = freed.iter().rposition(|it| by_value(it) || by_place(it));
                reaped.extend(found.map(|at| freed.remove(at).1));
            }
            _ => {}
        }
    }
    Ok(reaped)
}

/// The tasks that have got another parent, in their order.
///
/// # Errors
/// If the trace is no longer complete.
pub fn orphans(machine: &Machine) -> Result<Vec<Pid>, Dropped> {
    let mut adopted = all(machine, |record| match record.event {
        TraceEvent::Reparent { child, .. } => Some(child),
        _ => None,
    })?;
    adopted.dedup();
    Ok(adopted)
}

/// Where each kind of event has happened first, if it has: the place among all events.
///
/// # Errors
/// If the trace is no longer complete.
pub fn firsts(machine: &Machine, wanted: &[EventKind]) -> Result<Vec<Option<usize>>, Dropped> {
    let seen: Vec<EventKind> = all(machine, |record| Some(record.event.kind()))?;
    let first = |kind: &EventKind| seen.iter().position(|seen| seen == kind);
    Ok(wanted.iter().map(first).collect())
}
