//! Recorded schedules: the real scheduler's decisions about forking workloads, line by line.

use crate::lab::Lab;
use forklab::abi::{CloneFlags, Name, Pid};
use forklab::trace::{Record, TraceEvent};

/// A part of a workload file: a task or a script, and its steps.
type Section<'a> = (&'a str, Vec<&'a str>);

/// Horizon, tasks and scripts of a workload file, as far as the recordings here use its format.
fn parse(text: &str) -> (u64, Vec<Section<'_>>, Vec<Section<'_>>) {
    let (mut horizon, mut tasks, mut scripts) = (0, Vec::new(), Vec::new());
    let mut in_task = true;
    for line in text.lines().map(str::trim) {
        match line.split_once(' ') {
            _ if line.starts_with('#') => {}
            Some(("horizon", ticks)) => horizon = ticks.parse().unwrap(),
            Some(("task", name)) => {
                in_task = true;
                tasks.push((name, Vec::new()));
            }
            Some(("script", name)) => {
                in_task = false;
                scripts.push((name, Vec::new()));
            }
            _ => {
                let sections = if in_task { &mut tasks } else { &mut scripts };
                sections.last_mut().unwrap().1.push(line);
            }
        }
    }
    (horizon, tasks, scripts)
}

fn who(lab: &Lab, pid: Pid, name: Name) -> String {
    match pid {
        Pid(0) => "0:idle".to_owned(),
        _ => format!("{pid}:{}", lab.kernel().names.get(name)),
    }
}

/// An event in the words of the recordings; `None` for those that they do not have.
fn line(lab: &Lab, record: &Record) -> Option<String> {
    let event = match record.event {
        TraceEvent::SchedSwitch {
            next,
            next_name,
            prev_prio,
            next_prio,
            next_slice,
            ..
        } => {
            let next = who(lab, next, next_name);
            format!("switch next={next} prio={prev_prio} nprio={next_prio} nslice={next_slice}")
        }
        TraceEvent::SchedWakeup {
            prio, sleep_avg, ..
        } => format!("wake prio={prio} sleep_avg={sleep_avg}"),
        TraceEvent::TimesliceExpire {
            to, prio, slice, ..
        } => {
            let to = to.map_or("rt", |array| array.name());
            format!("expire to={to} prio={prio} slice={slice}")
        }
        TraceEvent::RrRequeue { prio, slice, .. } => format!("rr prio={prio} slice={slice}"),
        TraceEvent::ArraySwap {} => "array_swap".to_owned(),
        TraceEvent::SchedProcessFork {
            child,
            child_name,
            flags,
            child_prio,
            child_slice,
            parent_slice,
        } if record.stamp.pid != Pid(1) => {
            let child = who(lab, child, child_name);
            let vm = u32::from(flags.contains(CloneFlags::CLONE_VM));
            format!(
                "fork child={child} vm={vm} cprio={child_prio} cslice={child_slice} \
                 pslice={parent_slice}"
            )
        }
        TraceEvent::SchedExit { parent: Pid(1), .. } => "exit parent=1".to_owned(),
        TraceEvent::SchedExit {
            parent,
            parent_slice,
            parent_sleep_avg,
        } => format!("exit parent={parent} pslice={parent_slice} psleep_avg={parent_sleep_avg}"),
        _ => return None,
    };
    let (tick, pid) = (record.stamp.tick, record.stamp.pid);
    let name = who(lab, pid, record.stamp.name);
    let (_, name) = name.split_once(':').unwrap();
    Some(format!("{tick} {pid} {name} {event}"))
}

/// Runs a workload on a fresh machine and compares all but the `spawn` and `summary` lines.
fn replay(workload: &str, recording: &str) {
    let (horizon, tasks, scripts) = parse(workload);
    let scripts: Vec<(&str, &[&str])> = scripts
        .iter()
        .map(|(name, steps)| (*name, steps.as_slice()))
        .collect();
    let mut lab = Lab::boot();
    for (name, steps) in &tasks {
        lab.workload(name, steps, &scripts);
    }
    lab.tick(horizon);
    let ran: Vec<String> = lab.events(0, |record| line(&lab, record));
    let recorded: Vec<&str> = recording
        .lines()
        .filter(|line| {
            let event = line.split(' ').nth(3);
            !matches!(event, Some("spawn" | "summary"))
        })
        .collect();
    assert_eq!(ran, recorded);
}

#[test]
fn a_fork_and_an_exit() {
    let workload = include_str!("../../data/04-fork-and-exit.workload");
    replay(workload, include_str!("../../data/04-fork-and-exit.trace"));
}

#[test]
fn a_fork_with_shared_memory() {
    let workload = include_str!("../../data/05-fork-clone-vm.workload");
    replay(workload, include_str!("../../data/05-fork-clone-vm.trace"));
}
