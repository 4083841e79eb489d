//! The format of the recorded schedules: one line per event that the recordings contain, and a
//! summary of every task at the end.
//!
//! ```text
//! 10 2 P fork child=4:C vm=0 cprio=125 cslice=45 pslice=45
//! ```

use crate::abi::{CloneFlags, ExitState, Name, Names, Pid, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::sched::SchedTask;
use crate::machine::Machine;
use crate::trace::{ArrayKind, Record, TraceEvent};
use crate::view::changed_kernel;
use std::fmt::Write;

/// The recording of everything that a machine has done since boot, as far as its trace and its
/// accounting records go back.
pub fn recording(machine: &Machine) -> String {
    let mut text = String::new();
    if let Some(mark) = changed_kernel(machine) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {mark}");
    }
    text.push_str(&Recorder::default().events(machine));
    text.push_str(&summary(machine));
    text
}

/// Writes a recording piece by piece, while the machine runs.
#[derive(Clone, Default, Debug)]
pub struct Recorder {
    /// Sequence number of the next event to look at.
    next: u64,
    /// Sleep average of the most recently created task, ns.
    new_sleep_avg: u32,
    /// Number of events that the trace had dropped before they were looked at.
    missed: u64,
}

impl Recorder {
    /// The lines for what happened since the last call, each ending with a newline.
    pub fn events(&mut self, machine: &Machine) -> String {
        let kernel = &machine.kernel;
        let mut text = String::new();
        for record in kernel.log.records_from(self.next) {
            self.missed += record.seq - self.next;
            self.next = record.seq + 1;
            self.push_line(&mut text, kernel, record);
        }
        text
    }

    /// How many events are missing from the lines because the trace had dropped or filtered them.
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    /// Writing to a string cannot fail.
    fn push_line(&mut self, text: &mut String, kernel: &Kernel, record: &Record) {
        let names = &kernel.names;
        if let TraceEvent::SchedWakeupNew { sleep_avg, .. } = record.event {
            self.new_sleep_avg = sleep_avg;
        }
        let stamp = record.stamp;
        let (pid, name) = match record.event {
            // The event is about the new task, not about init.
            TraceEvent::SchedProcessFork {
                child, child_name, ..
            } if is_spawn(record) => (child, child_name),
            _ => (stamp.pid, stamp.name),
        };
        if let Some(event) = self.words(names, record) {
            let name = name_of(names, pid, name);
            let cpu = cpu_column(kernel, stamp.cpu);
            let _ = writeln!(text, "{} {cpu}{pid} {name} {event}", stamp.tick);
        }
    }

    /// An event in the format of the recordings; `None` for events that they do not contain.
    fn words(&self, names: &Names, record: &Record) -> Option<String> {
        let task = |pid: Pid, name: Name| format!("{pid}:{}", name_of(names, pid, name));
        Some(match record.event {
            TraceEvent::SchedSwitch {
                next,
                next_name,
                prev_prio,
                next_prio,
                next_slice,
                ..
            } => {
                let next = task(next, next_name);
                format!("switch next={next} prio={prev_prio} nprio={next_prio} nslice={next_slice}")
            }
            TraceEvent::SchedWakeup {
                prio, sleep_avg, ..
            } => format!("wake prio={prio} sleep_avg={sleep_avg}"),
            TraceEvent::SchedMigrateTask { from, to, .. } => format!("migrate from={from} to={to}"),
            TraceEvent::TimesliceExpire {
                to, prio, slice, ..
            } => {
                let to = to.map_or("rt", ArrayKind::name);
                format!("expire to={to} prio={prio} slice={slice}")
            }
            TraceEvent::RrRequeue { prio, slice, .. } => format!("rr prio={prio} slice={slice}"),
            TraceEvent::ArraySwap {} => "array_swap".to_owned(),
            TraceEvent::SchedProcessFork {
                child_prio,
                child_slice,
                ..
            } if is_spawn(record) => format!(
                "spawn prio={child_prio} slice={child_slice} sleep_avg={}",
                self.new_sleep_avg
            ),
            TraceEvent::SchedProcessFork {
                child,
                child_name,
                flags,
                child_prio,
                child_slice,
                parent_slice,
            } => {
                let child = task(child, child_name);
                let vm = u32::from(flags.contains(CloneFlags::CLONE_VM));
                format!(
                    "fork child={child} vm={vm} cprio={child_prio} cslice={child_slice} \
                     pslice={parent_slice}"
                )
            }
            TraceEvent::SchedExit {
                parent: Pid::INIT, ..
            } => "exit parent=1".to_owned(),
            TraceEvent::SchedExit {
                parent,
                parent_slice,
                parent_sleep_avg,
            } => {
                format!("exit parent={parent} pslice={parent_slice} psleep_avg={parent_sleep_avg}")
            }
            _ => return None,
        })
    }
}

/// The CPU that it happened on; only given on machines with several.
fn cpu_column(kernel: &Kernel, cpu: u8) -> String {
    match kernel.cpus.len() {
        1 => String::new(),
        _ => format!("cpu{cpu} "),
    }
}

/// Whether the event is a spawn: only init has children without ever forking itself.
fn is_spawn(record: &Record) -> bool {
    record.stamp.pid == Pid::INIT
}

fn name_of(names: &Names, pid: Pid, name: Name) -> &str {
    match pid {
        Pid(0) => "idle",
        _ => names.get(name),
    }
}

/// One line per task: what it has run, and its state or how it ended. The idle tasks come first,
/// then the others by pid.
///
/// Tasks that have ended are included only if the machine kept accounting records of them.
pub fn summary(machine: &Machine) -> String {
    let kernel = &machine.kernel;
    let mut text = String::new();
    for cpu in 0..kernel.sched.cpus() {
        let idle = kernel.sched.idle(cpu);
        let ticks = kernel.ticks_of(idle);
        // It has the CPU at boot without having been switched to.
        let switches = times_switched_to(kernel, idle) - 1;
        let tick = kernel.tick();
        let _ = writeln!(
            text,
            "{tick} {}0 idle summary ticks={ticks} switches={switches}",
            cpu_column(kernel, cpu as u8)
        );
    }
    let mut tasks: Vec<(Pid, String)> = Vec::new();
    for account in kernel.acct().unwrap_or_default() {
        let sched = &account.sched;
        let switches = account.stat.nvcsw + account.stat.nivcsw;
        tasks.push((
            sched.pid,
            summary_line(kernel, sched, account.ticks, switches, "exited"),
        ));
    }
    for (pid, task) in kernel.pid_hash().tasks() {
        if task != kernel.init() && kernel.task(task).exit_state() == ExitState::Alive {
            let (sched, ticks) = (kernel.sched.get(task), kernel.ticks_of(task));
            let switches = times_switched_to(kernel, task);
            let state = state_of(kernel, task);
            tasks.push((pid, summary_line(kernel, sched, ticks, switches, state)));
        }
    }
    // A reused pid stands for several tasks, the oldest first.
    tasks.sort_by_key(|(pid, _)| *pid);
    for (_, line) in tasks {
        text.push_str(&line);
    }
    text
}

fn summary_line(
    kernel: &Kernel,
    sched: &SchedTask,
    ticks: u32,
    switches: u32,
    state: &str,
) -> String {
    format!(
        "{} {}{} {} summary ticks={ticks} switches={switches} prio={} static_prio={} slice={} \
         sleep_avg={} state={state}\n",
        kernel.tick(),
        cpu_column(kernel, sched.cpu),
        sched.pid,
        kernel.names.get(sched.name),
        sched.prio,
        sched.static_prio,
        sched.time_slice,
        sched.sleep_avg
    )
}

fn on_cpu(kernel: &Kernel, task: TaskId) -> bool {
    kernel
        .sched
        .current(usize::from(kernel.sched.get(task).cpu))
        == task
}

/// Every task that was switched to has been switched from again, or is running.
fn times_switched_to(kernel: &Kernel, task: TaskId) -> u32 {
    let stat = kernel.sched.stat(task);
    stat.nvcsw + stat.nivcsw + u32::from(on_cpu(kernel, task))
}

fn state_of(kernel: &Kernel, task: TaskId) -> &'static str {
    if on_cpu(kernel, task) {
        return "running";
    }
    if let Some(array) = kernel.sched.array(task) {
        return array.name();
    }
    let state = kernel.sched.get(task).state;
    if state.contains(TaskState::UNINTERRUPTIBLE) {
        "io"
    } else if state.intersects(TaskState::STOPPED | TaskState::TRACED) {
        "stopped"
    } else if kernel.task(task).in_call.timer().is_some() {
        "sleep"
    } else {
        "block"
    }
}
