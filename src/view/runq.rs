//! The runqueues: both priority arrays of every CPU, as their lists stand.

use super::line::task_tag;
use super::text::{Line, Role, Text};
use crate::abi::{MAX_PRIO, Pid, TaskId};
use crate::kernel::Kernel;
use crate::kernel::sched::PrioArray;
use crate::machine::Machine;
use crate::trace::ArrayKind;
use serde::Serialize;

/// The runqueues of all CPUs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Runq {
    /// By CPU number.
    pub cpus: Vec<CpuQueue>,
}

/// The runqueue of one CPU.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CpuQueue {
    /// CPU number.
    pub cpu: usize,
    /// The running task; `None` if the CPU is idle.
    pub curr: Option<Pid>,
    /// Its name; the idle task's if the CPU is idle.
    pub curr_name: String,
    /// Runnable tasks, the running one included.
    pub nr_running: u32,
    /// Context switches so far.
    pub nr_switches: u64,
    /// `jiffies` at the first expiry since the last array swap; 0 if there was none.
    pub expired_timestamp: u32,
    /// Best static priority on the expired array; 140 if it is empty.
    pub best_expired_prio: u8,
    /// Tasks that still have a slice.
    pub active: ArrayView,
    /// Tasks that wait for the array swap.
    pub expired: ArrayView,
}

/// A priority array.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ArrayView {
    /// Tasks in it.
    pub nr_active: u32,
    /// Which lists are not empty, a bit each; bit 140 is the delimiter.
    pub bitmap: [u32; 5],
    /// The lists that are not empty, best first.
    pub levels: Vec<Level>,
}

/// A priority list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Level {
    /// Its priority.
    pub prio: u8,
    /// Its members, head first.
    pub tasks: Vec<Pid>,
}

/// The runqueues of a machine.
pub fn runq(machine: &Machine) -> Runq {
    let kernel = &machine.kernel;
    let cpus = (0..kernel.sched.cpus())
        .map(|cpu| cpu_queue(kernel, cpu))
        .collect();
    Runq { cpus }
}

fn cpu_queue(kernel: &Kernel, cpu: usize) -> CpuQueue {
    let rq = kernel.sched.rq(cpu);
    let pid = |id: TaskId| kernel.pid(id);
    CpuQueue {
        cpu,
        curr: (rq.curr != rq.idle).then(|| pid(rq.curr)),
        curr_name: kernel.names.get(kernel.comm(rq.curr)).to_owned(),
        nr_running: rq.nr_running,
        nr_switches: rq.nr_switches,
        expired_timestamp: rq.expired_timestamp,
        best_expired_prio: rq.best_expired_prio,
        active: array_view(kernel, rq.active()),
        expired: array_view(kernel, rq.expired()),
    }
}

fn array_view(kernel: &Kernel, array: &PrioArray) -> ArrayView {
    let level = |prio| Level {
        prio,
        tasks: kernel
            .sched
            .members(array, prio)
            .map(|id| kernel.pid(id))
            .collect(),
    };
    ArrayView {
        nr_active: array.nr_active(),
        bitmap: array.bitmap(),
        levels: (0..MAX_PRIO)
            .filter(|prio| array.head(*prio).is_some())
            .map(level)
            .collect(),
    }
}

impl Runq {
    /// A paragraph for each CPU. The running task stands in brackets.
    pub fn text(&self) -> Text {
        self.cpus
            .iter()
            .flat_map(|queue| queue.text().lines)
            .collect()
    }
}

impl CpuQueue {
    /// The lists first, then the numbers that the scheduler keeps beside them.
    pub fn text(&self) -> Text {
        let who = match self.curr {
            Some(pid) => Line::default()
                .plain("runs ")
                .join(task_tag(pid, &self.curr_name)),
            None => Line::default().add(Role::State, "idle"),
        };
        let mut lines = vec![
            Line::default()
                .add(Role::Heading, format_args!("CPU {}", self.cpu))
                .plain("  ")
                .join(who)
                .join(number("nr_running", self.nr_running))
                .join(number("nr_switches", self.nr_switches)),
        ];
        let arrays = [
            (ArrayKind::Active, &self.active),
            (ArrayKind::Expired, &self.expired),
        ];
        for (kind, array) in arrays {
            let levels = array.levels.iter();
            lines.extend(levels.map(|level| self.level_line(kind, level)));
        }
        for (kind, array) in arrays {
            lines.push(array.bitmap_line(kind));
        }
        let expiry = [
            number("expired_timestamp", self.expired_timestamp),
            number("best_expired_prio", self.best_expired_prio),
        ];
        lines.extend(expiry.into_iter().reduce(Line::join));
        Text { lines }
    }

    /// `active[125]: [2] 8 9`
    fn level_line(&self, kind: ArrayKind, level: &Level) -> Line {
        let list = format!("{}[{}]", kind.name(), level.prio);
        let mut line = Line::default().plain("  ").add(Role::Name, list).plain(":");
        for pid in &level.tasks {
            line = if self.curr == Some(*pid) {
                line.plain(" ").add(Role::Good, format_args!("[{pid}]"))
            } else {
                line.plain(" ").add(Role::Pid, pid)
            };
        }
        line
    }
}

impl ArrayView {
    fn bitmap_line(&self, kind: ArrayKind) -> Line {
        let words = self.bitmap.map(|word| format!("{word:08x}")).join(" ");
        Line::default()
            .plain("  ")
            .add(Role::Name, format_args!("{:<7}", kind.name()))
            .join(number("nr_active", self.nr_active))
            .plain("  bitmap ")
            .add(Role::Dim, words)
    }
}

fn number(name: &str, value: impl std::fmt::Display) -> Line {
    Line::default()
        .plain(format_args!("  {name} "))
        .add(Role::Number, value)
}
