//! The text format of the kernel's own function tracer, which trace viewers read:
//!
//! ```text
//!               sh-2     [000] ....     0.040000000: sched_switch: prev_comm=sh prev_pid=2 ...
//! ```
//!
//! `sched_switch`, `sched_wakeup`, `sched_wakeup_new` and `sched_process_fork` have exactly the
//! keys of the kernel's tracepoints, because viewers look for them. All other events are written
//! with the fields that the views show. A tick is a millisecond; the events of one tick are a
//! nanosecond apart.

use super::moment::{Clock, in_interrupt};
use super::tracer::{Format, Scene, Sink};
use crate::abi::{Name, Names, Pid, TaskState};
use crate::import::OWN;
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent, TraceLog};
use crate::view::{Field, OnCpu, changed_kernel, fields, on_cpu_now};
use std::borrow::Cow;
use std::io::Write;

const COLUMNS: &str = "\
#
#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION
#              | |       |   ||||       |         |
";

/// The comments at the beginning.
fn header() -> String {
    format!("# tracer: nop\n{OWN}\n{COLUMNS}")
}

/// All recorded events of a machine, preceded by a header; every line ends with a newline.
pub fn ftrace(machine: &Machine) -> String {
    let kernel = &machine.kernel;
    let text = ftrace_of(&kernel.log, &kernel.names, &on_cpu_now(kernel));
    match changed_kernel(machine) {
        Some(mark) => text.replacen(COLUMNS, &format!("# {mark}\n{COLUMNS}"), 1),
        None => text,
    }
}

/// Like [`ftrace`], but from a log alone; `now` lists the tasks on the CPUs at its end.
pub fn ftrace_of(log: &TraceLog, names: &Names, now: &[(Pid, Name)]) -> String {
    let mut on_cpu = OnCpu::before(log, now);
    let mut text = header().into_bytes();
    let mut clock = Clock::default();
    for record in log.records() {
        let at = clock.at(record.stamp.tick);
        push_line(&mut text, &on_cpu, log, names, record, at);
        on_cpu.follow(record);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes the format.
#[derive(Default)]
pub(super) struct Writer;

impl Format for Writer {
    fn begin(&mut self, text: &mut Vec<u8>, _machine: &Machine, _sink: &dyn Sink) {
        text.extend_from_slice(header().as_bytes());
    }

    fn changed(&mut self, text: &mut Vec<u8>, _at: u64, mark: &str) {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "# {mark}");
    }

    fn record(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>, record: &Record) {
        let kernel = &scene.machine.kernel;
        push_line(
            text,
            scene.on_cpu,
            &kernel.log,
            &kernel.names,
            record,
            scene.at,
        );
    }
}

/// A name without characters that would break a line.
fn harmless(name: &str) -> Cow<'_, str> {
    if name.chars().any(char::is_control) {
        name.chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect::<String>()
            .into()
    } else {
        name.into()
    }
}

/// Writing to memory cannot fail.
fn push_line(
    text: &mut Vec<u8>,
    on_cpu: &OnCpu,
    log: &TraceLog,
    names: &Names,
    record: &Record,
    at: u64,
) {
    let stamp = record.stamp;
    let (pid, name) = on_cpu.get(stamp.cpu);
    let comm = if pid == Pid(0) {
        "<idle>".into()
    } else {
        harmless(names.get(name))
    };
    let (s, ns) = (at / 1_000_000_000, at % 1_000_000_000);
    let tag = record.event.kind().tag();
    let _ = write!(
        text,
        "{comm:>16}-{pid:<5} [{:03}] {} {s:>5}.{ns:09}: {tag}:",
        stamp.cpu,
        if in_interrupt(record) { "d.h." } else { "...." }
    );
    if !push_known(text, names, record) {
        push_fields(text, log, names, record);
    }
    text.push(b'\n');
}

/// Writes the keys of an event that viewers know, if it is one.
fn push_known(text: &mut Vec<u8>, names: &Names, record: &Record) -> bool {
    let name = |name| harmless(names.get(name));
    // Writing to memory cannot fail.
    let _ = match record.event {
        TraceEvent::SchedSwitch {
            prev,
            prev_name,
            prev_prio,
            prev_state,
            next,
            next_name,
            next_prio,
            ..
        } => write!(
            text,
            " prev_comm={} prev_pid={prev} prev_prio={prev_prio} prev_state={} ==> next_comm={} \
             next_pid={next} next_prio={next_prio}",
            name(prev_name),
            TaskState::from_bits_retain(prev_state).letter(),
            name(next_name)
        ),
        TraceEvent::SchedWakeup {
            pid,
            name: comm,
            prio,
            target_cpu,
            ..
        } => write!(
            text,
            " comm={} pid={pid} prio={prio} target_cpu={target_cpu:03}",
            name(comm)
        ),
        // With what it begins stands behind the keys that viewers look for.
        TraceEvent::SchedWakeupNew {
            pid,
            name: comm,
            prio,
            target_cpu,
            slice,
            sleep_avg,
            ..
        } => write!(
            text,
            " comm={} pid={pid} prio={prio} target_cpu={target_cpu:03} slice={slice} \
             sleep_avg={sleep_avg}",
            name(comm)
        ),
        TraceEvent::SchedMigrateTask {
            pid,
            name: comm,
            prio,
            from,
            to,
            why,
        } => write!(
            text,
            " comm={} pid={pid} prio={prio} orig_cpu={from} dest_cpu={to} why={}",
            name(comm),
            why.name()
        ),
        TraceEvent::SchedProcessFork {
            child, child_name, ..
        } => write!(
            text,
            " comm={} pid={} child_comm={} child_pid={child}",
            name(record.stamp.name),
            record.stamp.pid,
            name(child_name)
        ),
        _ => return false,
    };
    true
}

/// The fields of any other event. The task that the event is about comes first, because it need not
/// be the one on the CPU.
fn push_fields(text: &mut Vec<u8>, log: &TraceLog, names: &Names, record: &Record) {
    let fields = fields(names, log, record);
    // Writing to memory cannot fail.
    if !fields.iter().any(|(key, _)| *key == "pid") {
        let comm = harmless(names.get(record.stamp.name));
        let _ = write!(text, " comm={comm} pid={}", record.stamp.pid);
    }
    for (key, field) in fields {
        let _ = match field {
            Field::List { pids, .. } => {
                let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
                write!(text, " {key}={}", pids.join(","))
            }
            Field::Name(name) => write!(text, " {key}={}", harmless(&name)),
            other => write!(text, " {key}={other}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Stamp, SwitchReason};

    #[test]
    fn lines_have_the_columns_and_keys_that_viewers_look_for() {
        let mut names = Names::default();
        let sh = names.intern("sh");
        let mut log = TraceLog::default();
        let idle = Stamp {
            tick: 1040,
            ..Stamp::default()
        };
        let on_sh = Stamp {
            pid: Pid(2),
            name: sh,
            ..idle
        };
        log.emit(
            on_sh,
            TraceEvent::SchedWakeup {
                pid: Pid(2),
                name: sh,
                prio: 115,
                sleep_avg: 0,
                target_cpu: 0,
            },
        );
        let switch = TraceEvent::SchedSwitch {
            prev: Pid(0),
            prev_name: Name::default(),
            prev_prio: 140,
            prev_state: 0,
            next: Pid(2),
            next_name: sh,
            next_prio: 115,
            next_slice: 100,
            next_static_prio: 120,
            why: SwitchReason::Leaves,
        };
        log.emit(idle, switch);
        let addr = crate::abi::VirtAddr(0xb7ff_f000);
        log.emit(on_sh, TraceEvent::PageFaultUser { addr, code: 6 });
        let text = ftrace_of(&log, &names, &[(Pid(2), sh)]);
        insta::assert_snapshot!(text.trim_start_matches(&header()), @"
        <idle>-0     [000] ....     1.040000000: sched_wakeup: comm=sh pid=2 prio=115 target_cpu=000
        <idle>-0     [000] ....     1.040000001: sched_switch: prev_comm=swapper prev_pid=0 prev_prio=140 prev_state=R ==> next_comm=sh next_pid=2 next_prio=115
            sh-2     [000] ....     1.040000002: page_fault_user: comm=sh pid=2 addr=0xb7fff000 code=0x6
        ");
    }
}
