//! The runqueues: the current `struct runqueue` and `struct prio_array` of every CPU.

use crate::abi::{MAX_PRIO, Pid, TaskId};
use crate::kernel::Kernel;
use crate::kernel::sched::PrioArray;
use crate::machine::Machine;
use crate::trace::ArrayKind;
use crate::view::text::task_tag;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// The runqueues of all CPUs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Runq {
    /// In the order of CPU numbers.
    pub cpus: Vec<CpuQueue>,
}

/// The runqueue of one CPU.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CpuQueue {
    /// Number of the CPU.
    pub cpu: usize,
    /// The running task; `None` if the CPU is idle.
    pub curr: Option<Pid>,
    /// Its name; the idle task's if the CPU is idle.
    pub curr_name: String,
    /// Number of runnable tasks, including the running one.
    pub nr_running: u32,
    /// Number of context switches so far.
    pub nr_switches: u64,
    /// The load of the last ticks, 128 per task; `None` on a machine with one CPU.
    pub cpu_load: Option<u32>,
    /// Tasks that went into an uninterruptible sleep here, minus those woken to here.
    pub nr_uninterruptible: i32,
    /// `jiffies` at the first expiry since the last array swap or idle time; 0 if there was none.
    pub expired_timestamp: u32,
    /// Best static priority put on the expired array since the last swap; 140 if none.
    pub best_expired_prio: u8,
    /// Tasks that still have a time slice.
    pub active: ArrayView,
    /// Tasks that wait for the array swap.
    pub expired: ArrayView,
}

/// A priority array.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ArrayView {
    /// Number of tasks in it.
    pub nr_active: u32,
    /// Which lists are not empty, one bit each; bit 140 is the delimiter.
    pub bitmap: [u32; 5],
    /// The lists that are not empty, best priority first.
    pub levels: Vec<Level>,
}

/// A priority list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Level {
    /// Priority of the list.
    pub prio: u8,
    /// Its members, head first.
    pub tasks: Vec<Pid>,
    /// Their names, in the same order.
    pub names: Vec<String>,
    /// Ticks left of their time slices, in the same order.
    pub slices: Vec<u32>,
}

/// The runqueues of a machine.
pub fn runq(machine: &Machine) -> Runq {
    let cpus = 0..machine.kernel.sched.cpus();
    Runq {
        cpus: cpus.filter_map(|cpu| runq_of(machine, cpu)).collect(),
    }
}

/// The runqueue of one CPU; `None` if there is no such CPU.
pub fn runq_of(machine: &Machine, cpu: usize) -> Option<CpuQueue> {
    let kernel = &machine.kernel;
    if cpu >= kernel.sched.cpus() {
        return None;
    }
    let rq = kernel.sched.rq(cpu);
    Some(CpuQueue {
        cpu,
        curr: (rq.curr != rq.idle).then(|| kernel.pid(rq.curr)),
        curr_name: kernel.names.get(kernel.comm(rq.curr)).to_owned(),
        nr_running: rq.nr_running,
        nr_switches: rq.nr_switches,
        cpu_load: (kernel.sched.cpus() > 1).then_some(rq.cpu_load),
        nr_uninterruptible: rq.nr_uninterruptible,
        expired_timestamp: rq.expired_timestamp,
        best_expired_prio: rq.best_expired_prio,
        active: array_view(kernel, rq.active()),
        expired: array_view(kernel, rq.expired()),
    })
}

fn array_view(kernel: &Kernel, array: &PrioArray) -> ArrayView {
    ArrayView {
        nr_active: array.nr_active(),
        bitmap: array.bitmap(),
        levels: (0..MAX_PRIO)
            .filter(|prio| !array.is_empty(*prio))
            .map(|prio| level(kernel, array, prio))
            .collect(),
    }
}

fn level(kernel: &Kernel, array: &PrioArray, prio: u8) -> Level {
    let members: Vec<TaskId> = kernel.sched.members(array, prio).collect();
    let name = |id: &TaskId| kernel.names.get(kernel.comm(*id)).to_owned();
    Level {
        prio,
        tasks: members.iter().map(|id| kernel.pid(*id)).collect(),
        names: members.iter().map(name).collect(),
        slices: members
            .iter()
            .map(|id| kernel.sched.get(*id).time_slice)
            .collect(),
    }
}

impl Runq {
    /// One paragraph per CPU, with the running task in brackets.
    pub fn text(&self) -> Text {
        let queues = self.cpus.iter();
        queues.flat_map(|queue| queue.text().lines).collect()
    }
}

impl CpuQueue {
    /// The fields of the runqueue and the lists of both arrays. The running task, which stays in
    /// its list, is shown in brackets; each task is followed by what is left of its slice.
    pub fn text(&self) -> Text {
        let who = match self.curr {
            Some(pid) => Line::default()
                .plain("curr ")
                .join(task_tag(pid, &self.curr_name)),
            None => Line::default().plain("curr ").add(Role::State, "idle"),
        };
        let mut first = Line::default()
            .add(Role::Heading, format_args!("CPU {}", self.cpu))
            .plain("  ")
            .join(who)
            .join(number("nr_running", self.nr_running));
        if let Some(load) = self.cpu_load {
            first = first.join(number("cpu_load", load));
        }
        first = first.join(number("nr_switches", self.nr_switches));
        if self.nr_uninterruptible != 0 {
            first = first.join(number("nr_uninterruptible", self.nr_uninterruptible));
        }
        let mut lines = vec![first];
        let arrays = [
            (ArrayKind::Active, &self.active),
            (ArrayKind::Expired, &self.expired),
        ];
        for (kind, array) in arrays {
            lines.push(array.bitmap_line(kind));
            let levels = array.levels.iter();
            lines.extend(levels.map(|level| self.level_line(kind, level)));
        }
        let expiry = [
            number("expired_timestamp", self.expired_timestamp),
            number("best_expired_prio", self.best_expired_prio),
        ];
        lines.extend(expiry.into_iter().reduce(Line::join));
        Text { lines }
    }

    /// `active[125]  [2:sh 37]  8:X 100`
    fn level_line(&self, kind: ArrayKind, level: &Level) -> Line {
        let list = format!("{}[{}]", kind.name(), level.prio);
        let mut line = Line::default().plain("    ").add(Role::Name, list);
        for ((pid, name), slice) in level.tasks.iter().zip(&level.names).zip(&level.slices) {
            let task = task_tag(*pid, name).plain(" ").add(Role::Number, slice);
            line = line.plain("  ");
            line = if self.curr == Some(*pid) {
                line.add(Role::Good, format_args!("[{task}]"))
            } else {
                line.join(task)
            };
        }
        line
    }
}

impl ArrayView {
    /// The words of the bitmap, starting with the lowest bits, and which bits are set.
    fn bitmap_line(&self, kind: ArrayKind) -> Line {
        let words = self.bitmap.map(|word| format!("{word:08x}")).join(" ");
        let line = Line::default()
            .plain("  ")
            .add(Role::Name, format_args!("{:<7}", kind.name()))
            .join(number("nr_active", self.nr_active))
            .plain("  bitmap ")
            .add(Role::Dim, words);
        let bits: Vec<String> = self
            .levels
            .iter()
            .map(|level| level.prio.to_string())
            .collect();
        match bits.as_slice() {
            [] => line,
            [_] => line.plain("  bit ").add(Role::Number, bits.join(" ")),
            _ => line.plain("  bits ").add(Role::Number, bits.join(" ")),
        }
    }
}

fn number(name: &str, value: impl std::fmt::Display) -> Line {
    Line::default()
        .plain(format_args!("  {name} "))
        .add(Role::Number, value)
}
