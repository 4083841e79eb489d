//! The trace, or a selection of it, one line per event.

use super::fields::EventFields;
use super::line::event_line;
use crate::abi::{Pid, SigAction, Signal};
use crate::machine::Machine;
use crate::trace::{EventKind, FieldValue, Record, TraceEvent};
use crate::view::text::task_tag;
use crate::view::text::{Line, Role, Text, cell};
use serde::Serialize;

/// Which events to show. The default is all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// Only these kinds; all if empty.
    pub kinds: Vec<EventKind>,
    /// Only events of, or about, that task.
    pub pid: Option<Pid>,
    /// Only events on that CPU.
    pub cpu: Option<u8>,
    /// Only events from that sequence number on.
    pub from_seq: u64,
    /// Also those that only serve the console (puppets woken for an action and going back to sleep)
    /// or say nothing new: a SIGCHLD that the parent ignores by default follows every exit.
    pub console: bool,
}

/// The selected events, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TraceView {
    /// The selected events.
    pub events: Vec<EventFields>,
    /// How many older events the log has dropped because it was full.
    pub dropped: u64,
}

/// The recorded events of a machine that match the selection.
pub fn trace(machine: &Machine, selection: &Selection) -> TraceView {
    let (log, names) = (&machine.kernel.log, &machine.kernel.names);
    let records = log.records_from(selection.from_seq);
    let selected = records.filter(|record| selection.fits(record));
    let events = selected
        .map(|record| EventFields::new(names, log, record))
        .collect();
    TraceView {
        events,
        dropped: log.dropped(),
    }
}

impl Selection {
    /// Whether an event is selected.
    pub fn fits(&self, record: &Record) -> bool {
        let kind = record.event.kind();
        record.seq >= self.from_seq
            && (self.console || !(record.console || is_usual(&record.event)))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.cpu.is_none_or(|cpu| record.stamp.cpu == cpu)
            && self.pid.is_none_or(|pid| is_about(record, pid))
    }
}

/// Whether an event only says what everybody expects.
pub(super) fn is_usual(event: &TraceEvent) -> bool {
    let usual = |signal, action| signal == Signal::SIGCHLD && action == SigAction::Default;
    matches!(*event, TraceEvent::SignalIgnored { signal, action, .. } if usual(signal, action))
}

fn is_about(record: &Record, pid: Pid) -> bool {
    let named = || {
        record
            .event
            .fields()
            .iter()
            .any(|(_, value)| *value == FieldValue::Pid(pid))
    };
    record.stamp.pid == pid || named()
}

impl TraceView {
    /// One line per event: tick, CPU, task, event, fields.
    pub fn text(&self) -> Text {
        self.lines(|_, line| line)
    }

    /// The same, with the number of each event and the line that caused it in front.
    pub fn numbered(&self) -> Text {
        let digits = |number: u64| number.to_string().len();
        let last = self.events.last().map_or(1, |event| digits(event.seq));
        let latest = self.events.iter().map(|event| event.line).max();
        let width = "line ".len() + digits(latest.unwrap_or(0).into());
        self.lines(|event, line| {
            let cause = match event.line {
                0 => String::new(),
                line => format!("line {line}"),
            };
            cell(Role::Name, format!("#{:<last$}", event.seq))
                .add(Role::Dim, format_args!(" {cause:<width$}"))
                .join(line)
        })
    }

    fn lines(&self, finish: impl Fn(&EventFields, Line) -> Line) -> Text {
        let tags = self
            .events
            .iter()
            .map(|event| task_tag(event.pid, &event.name).width());
        let width = tags.max().unwrap_or(0);
        let cut = (self.dropped > 0).then(|| {
            let words = format!(
                "... {} older events dropped (limit trace: --max-trace)",
                self.dropped
            );
            cell(Role::Dim, words)
        });
        let events = self.events.iter();
        let lines = events.map(|event| finish(event, event_line(event, width)));
        cut.into_iter().chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Name;
    use crate::trace::{Stamp, TraceLog};

    #[test]
    fn a_selection_combines_kind_cpu_place_and_whom_it_is_about() {
        let stamp = Stamp {
            tick: 5,
            cpu: 1,
            pid: Pid(2),
            name: Name::default(),
        };
        let event = TraceEvent::Reparent {
            child: Pid(3),
            parent: Pid(1),
        };
        let mut log = TraceLog::default();
        (0..=10).for_each(|_| log.emit(stamp, event));
        let record = *log.record_of(10).expect("it was emitted");
        type Restrict = fn(&mut Selection);
        let table: [(Restrict, bool); 8] = [
            (|_| (), true),
            (|only| only.pid = Some(Pid(2)), true),
            (|only| only.pid = Some(Pid(3)), true),
            (|only| only.pid = Some(Pid(10)), false),
            (|only| only.cpu = Some(0), false),
            (|only| only.from_seq = 11, false),
            (|only| only.kinds = vec![EventKind::Reparent], true),
            (|only| only.kinds = vec![EventKind::CowCopy], false),
        ];
        for (restrict, fits) in table {
            let mut selection = Selection::default();
            restrict(&mut selection);
            assert_eq!(selection.fits(&record), fits, "{selection:?}");
        }
        let mut for_the_console = record;
        for_the_console.console = true;
        assert!(!Selection::default().fits(&for_the_console));
        assert!(
            Selection {
                console: true,
                ..Selection::default()
            }
            .fits(&for_the_console)
        );
    }
}
