//! The text format of the kernel's own function tracer, which trace viewers read:
//!
//! ```text
//!               sh-2     [000] ....     0.040000: sched_switch: prev_comm=sh prev_pid=2 ...
//! ```
//!
//! `sched_switch`, `sched_wakeup`, `sched_wakeup_new` and `sched_process_fork` have exactly the
//! keys of the kernel's tracepoints, because viewers look for them. All other events are written
//! with the fields that the views show. A tick is a millisecond.

use crate::abi::{Name, Names, Pid, TaskState};
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent, TraceLog};
use crate::view::fields;
use crate::view::{Field, OnCpu, on_cpu_now};
use std::fmt::Write;

const HEADER: &str = "\
# tracer: nop
#
#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION
#              | |       |   ||||       |         |
";

/// All recorded events of a machine, preceded by a header; every line ends with a newline.
pub fn ftrace(machine: &Machine) -> String {
    let kernel = &machine.kernel;
    ftrace_of(&kernel.log, &kernel.names, &on_cpu_now(kernel))
}

/// Like [`ftrace`], but from a log alone; `now` lists the tasks on the CPUs at its end.
pub fn ftrace_of(log: &TraceLog, names: &Names, now: &[(Pid, Name)]) -> String {
    let mut on_cpu = OnCpu::before(log, now);
    let mut text = HEADER.to_owned();
    for record in log.records() {
        push_line(&mut text, &on_cpu, log, names, record);
        on_cpu.follow(record);
    }
    text
}

/// Writing to a string cannot fail.
fn push_line(text: &mut String, on_cpu: &OnCpu, log: &TraceLog, names: &Names, record: &Record) {
    let stamp = record.stamp;
    let (pid, name) = on_cpu.get(stamp.cpu);
    let comm = if pid == Pid(0) {
        "<idle>"
    } else {
        names.get(name)
    };
    let (s, us) = (stamp.tick / 1000, stamp.tick % 1000 * 1000);
    let tag = record.event.kind().tag();
    let _ = write!(
        text,
        "{comm:>16}-{pid:<5} [{:03}] .... {s:>5}.{us:06}: {tag}:",
        stamp.cpu
    );
    match known(names, record) {
        Some(keys) => text.push_str(&keys),
        None => push_fields(text, log, names, record),
    }
    text.push('\n');
}

/// The keys of an event that viewers know.
fn known(names: &Names, record: &Record) -> Option<String> {
    Some(match record.event {
        TraceEvent::SchedSwitch {
            prev,
            prev_name,
            prev_prio,
            prev_state,
            next,
            next_name,
            next_prio,
            ..
        } => format!(
            " prev_comm={} prev_pid={prev} prev_prio={prev_prio} prev_state={} ==> next_comm={} \
             next_pid={next} next_prio={next_prio}",
            names.get(prev_name),
            TaskState::from_bits_retain(prev_state).letter(),
            names.get(next_name)
        ),
        TraceEvent::SchedWakeup {
            pid,
            name,
            prio,
            target_cpu,
            ..
        }
        | TraceEvent::SchedWakeupNew {
            pid,
            name,
            prio,
            target_cpu,
            ..
        } => wakeup(names.get(name), pid, prio, target_cpu),
        TraceEvent::SchedMigrateTask {
            pid,
            name,
            prio,
            from,
            to,
            why,
        } => format!(
            " comm={} pid={pid} prio={prio} orig_cpu={from} dest_cpu={to} why={}",
            names.get(name),
            why.name()
        ),
        TraceEvent::SchedProcessFork {
            child, child_name, ..
        } => format!(
            " comm={} pid={} child_comm={} child_pid={child}",
            names.get(record.stamp.name),
            record.stamp.pid,
            names.get(child_name)
        ),
        _ => return None,
    })
}

fn wakeup(comm: &str, pid: Pid, prio: u8, cpu: u8) -> String {
    format!(" comm={comm} pid={pid} prio={prio} target_cpu={cpu:03}")
}

/// The fields of any other event. The task that the event is about comes first, because it need not
/// be the one on the CPU.
fn push_fields(text: &mut String, log: &TraceLog, names: &Names, record: &Record) {
    let fields = fields(names, log, record);
    if !fields.iter().any(|(key, _)| *key == "pid") {
        let _ = write!(
            text,
            " comm={} pid={}",
            names.get(record.stamp.name),
            record.stamp.pid
        );
    }
    for (key, field) in fields {
        let value = match field {
            Field::List { pids, .. } => pids
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(","),
            other => other.to_string(),
        };
        let _ = write!(text, " {key}={value}");
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
        insta::assert_snapshot!(text.trim_start_matches(HEADER), @"
        <idle>-0     [000] ....     1.040000: sched_wakeup: comm=sh pid=2 prio=115 target_cpu=000
        <idle>-0     [000] ....     1.040000: sched_switch: prev_comm=swapper prev_pid=0 prev_prio=140 prev_state=R ==> next_comm=sh next_pid=2 next_prio=115
            sh-2     [000] ....     1.040000: page_fault_user: comm=sh pid=2 addr=0xb7fff000 code=0x6
        ");
    }
}
