//! Who had a CPU and who waited for one, from event to event. Time stands still between two
//! events, so that what happens within a tick has its place, too.

use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent};
use crate::view::{OnCpu, on_cpu_now};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A task has a CPU, or waits for it, from the event of one number until that of another. -1 stands
/// for the time before the first event, the number of all events for the time after the last.
struct Span {
    pid: Pid,
    cpu: u8,
    first: i64,
    last: i64,
}

/// The spans of all tasks but the idle ones.
#[derive(Default)]
pub(super) struct Who {
    runs: Vec<Span>,
    waits: Vec<Span>,
    /// Runnable tasks without a CPU: which one they wait for, since when.
    waiting: BTreeMap<Pid, (u8, i64)>,
}

/// The runs and the waits in the trace of a machine.
pub(super) fn who(machine: &Machine) -> (Value, Value) {
    let log = &machine.kernel.log;
    let now = on_cpu_now(&machine.kernel);
    let before = OnCpu::before(log, &now);
    let mut running: Vec<(Pid, i64)> = (0..now.len())
        .map(|cpu| (before.get(cpu as u8).0, -1))
        .collect();
    let mut who = Who::default();
    let mut number = 0;
    for record in log.records() {
        who.record(record, number, &mut running);
        number += 1;
    }
    for (cpu, (pid, since)) in running.into_iter().enumerate() {
        who.ran(pid, cpu as u8, since, number);
    }
    for pid in who.waiting.keys().copied().collect::<Vec<_>>() {
        who.waited(pid, number);
    }
    (columns(who.runs), columns(who.waits))
}

/// Spans by their beginnings, column by column.
fn columns(mut spans: Vec<Span>) -> Value {
    spans.sort_by_key(|span| span.first);
    let column = |of: fn(&Span) -> i64| spans.iter().map(of).collect::<Vec<_>>();
    json!({
        "pid": column(|span| span.pid.0.into()),
        "cpu": column(|span| span.cpu.into()),
        "first": column(|span| span.first),
        "last": column(|span| span.last),
    })
}

impl Who {
    fn record(&mut self, record: &Record, number: i64, running: &mut [(Pid, i64)]) {
        let cpu = record.stamp.cpu;
        match record.event {
            TraceEvent::SchedSwitch {
                prev,
                prev_state,
                next,
                ..
            } => {
                if let Some(slot) = running.get_mut(usize::from(cpu)) {
                    let (pid, since) = std::mem::replace(slot, (next, number));
                    self.ran(pid, cpu, since, number);
                }
                if prev_state == 0 && prev != Pid(0) {
                    self.waiting.insert(prev, (cpu, number));
                }
                self.waited(next, number);
            }
            TraceEvent::SchedWakeup {
                pid, target_cpu, ..
            }
            | TraceEvent::SchedWakeupNew {
                pid, target_cpu, ..
            } if running.iter().all(|(has_cpu, _)| *has_cpu != pid) => {
                self.waiting.entry(pid).or_insert((target_cpu, number));
            }
            TraceEvent::SchedMigrateTask { pid, to, .. } if self.waited(pid, number) => {
                self.waiting.insert(pid, (to, number));
            }
            _ => {}
        }
    }

    fn ran(&mut self, pid: Pid, cpu: u8, since: i64, until: i64) {
        if pid != Pid(0) {
            self.runs.push(Span {
                pid,
                cpu,
                first: since,
                last: until,
            });
        }
    }

    /// Ends the wait of a task, and says whether there was one.
    fn waited(&mut self, pid: Pid, until: i64) -> bool {
        let waited = self.waiting.remove(&pid);
        if let Some((cpu, since)) = waited {
            self.waits.push(Span {
                pid,
                cpu,
                first: since,
                last: until,
            });
        }
        waited.is_some()
    }
}
