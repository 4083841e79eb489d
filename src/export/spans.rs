//! What trace viewers draw, made from the records: the runs of tasks, system calls and faults as
//! slices, arrows from wake-ups and forks to the first run that they lead to, and counters.

use super::memory::Memory;
use super::tracer::Scene;
use crate::abi::{CloneFlags, Pid, TaskState};
use crate::kernel::Kernel;
use crate::kernel::syscall::Syscall;
use crate::trace::{Record, TraceEvent};
use std::collections::{BTreeMap, BTreeSet};

/// A thread of a viewer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Thread {
    pub(super) pid: Pid,
    /// The process that it belongs to.
    pub(super) tgid: Pid,
    /// Its parent process.
    pub(super) parent: Pid,
    pub(super) name: String,
}

/// Something to draw. Moments are those of the record that it is made from.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Mark {
    /// A task appears.
    Thread(Thread),
    /// A task has another name from now on.
    Renamed(Thread),
    /// A task gets a CPU; the arrow ends here.
    RunBegin {
        pid: Pid,
        cpu: u8,
        name: String,
        arrow: Option<u64>,
    },
    /// A task gives way.
    RunEnd {
        pid: Pid,
        cpu: u8,
        state: char,
        why: &'static str,
    },
    /// Something begins that takes a while.
    SliceBegin { pid: Pid, name: String, line: u16 },
    /// The innermost slice of a task ends.
    SliceEnd { pid: Pid, result: Option<String> },
    /// Something that a task does in no time; an arrow may begin here.
    Instant {
        pid: Pid,
        cpu: u8,
        name: String,
        line: u16,
        arrow: Option<u64>,
    },
    /// A counter of the machine has another value.
    Counter { name: String, value: i64 },
}

/// What an open slice is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Open {
    Call,
    Fault,
}

/// A value of the machine that is only known while it rests, and the changes in between.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    value: i64,
    shown: Option<i64>,
}

/// What is going on.
#[derive(Default)]
pub(super) struct Spans {
    known: BTreeMap<Pid, Thread>,
    open: BTreeMap<Pid, Vec<Open>>,
    /// The task that each CPU shows.
    running: BTreeMap<u8, Pid>,
    /// Where the arrows to the next runs of tasks begin.
    arrows: BTreeMap<Pid, u64>,
    free: Level,
    runnable: Level,
    memory: Memory,
    /// Tasks whose memory may have changed since the machine rested.
    touched: BTreeSet<Pid>,
}

impl Spans {
    /// Begins with the records of a machine's trace: the tasks that are older, and the counters as they were
    /// before the first record.
    pub(super) fn begin(&mut self, kernel: &Kernel) -> Vec<Mark> {
        self.anchor(kernel, 0);
        let mut marks = Vec::new();
        let child = |record: &Record| match record.event {
            TraceEvent::SchedProcessFork { child, .. } => Some(child),
            _ => None,
        };
        let born: BTreeSet<Pid> = kernel.log.records().filter_map(child).collect();
        let older = |(pid, _): &(Pid, _)| !born.contains(pid);
        for (pid, id) in kernel.pid_hash().tasks().filter(older) {
            self.touched.insert(pid);
            let name = kernel.names.get(kernel.comm(id)).to_owned();
            let thread = Thread {
                pid,
                tgid: kernel.task(id).tgid(),
                parent: kernel.ppid(id),
                name,
            };
            self.know(thread, &mut marks);
        }
        marks
    }

    /// The process that a task belongs to.
    pub(super) fn tgid(&self, pid: Pid) -> Pid {
        self.known.get(&pid).map_or(pid, |thread| thread.tgid)
    }

    /// Sets the counters to what they were before the records from that number on.
    fn anchor(&mut self, kernel: &Kernel, next: u64) {
        let (mut free, mut runnable) = (0, 0);
        for record in kernel.log.records_from(next) {
            free += free_change(record);
            runnable += runnable_change(record);
        }
        self.free.value = i64::from(kernel.mem().nr_free_pages()) - free;
        let running = (0..kernel.sched.cpus()).map(|cpu| kernel.sched.rq(cpu).nr_running());
        self.runnable.value = running.map(i64::from).sum::<i64>() - runnable;
    }

    fn know(&mut self, thread: Thread, marks: &mut Vec<Mark>) {
        match self.known.insert(thread.pid, thread.clone()) {
            Some(known) if known == thread => {}
            Some(_) => marks.push(Mark::Renamed(thread)),
            None => marks.push(Mark::Thread(thread)),
        }
    }

    /// A task is heard of under a name.
    fn hear(&mut self, pid: Pid, name: &str, marks: &mut Vec<Mark>) {
        if pid == Pid(0) {
            return;
        }
        match self.known.get(&pid) {
            Some(thread) if thread.name == name => {}
            known => {
                let thread = Thread {
                    pid,
                    tgid: known.map_or(pid, |thread| thread.tgid),
                    parent: known.map_or(Pid(0), |thread| thread.parent),
                    name: name.to_owned(),
                };
                self.know(thread, marks);
            }
        }
    }

    /// What a record looks like.
    pub(super) fn marks(&mut self, scene: &Scene<'_>, record: &Record) -> Vec<Mark> {
        let mut marks = Vec::new();
        let kernel = &scene.machine.kernel;
        let (stamp, names) = (record.stamp, &kernel.names);
        self.hear(stamp.pid, names.get(stamp.name), &mut marks);
        self.touched.insert(stamp.pid);
        match record.event {
            TraceEvent::SchedSwitch { .. } => self.switch(scene, record, &mut marks),
            TraceEvent::SchedWakeup { pid, name, .. } => {
                self.hear(pid, names.get(name), &mut marks);
                let what = format!("wakes {pid}:{}", names.get(name));
                self.arrow_from(scene, record, pid, what, &mut marks);
            }
            TraceEvent::SchedProcessFork {
                child,
                child_name,
                flags,
                ..
            } => {
                let name = names.get(child_name);
                self.be_born(stamp.pid, child, name, flags, &mut marks);
                let what = format!("forks {child}:{name}");
                self.arrow_from(scene, record, child, what, &mut marks);
            }
            TraceEvent::SysEnter { nr, .. } => {
                self.begin_slice(record, Open::Call, &Syscall::name_of(nr), &mut marks);
            }
            TraceEvent::SysExit { ret, .. } => {
                self.end_fault(stamp.pid, None, &mut marks);
                self.end_slice(stamp.pid, Open::Call, Some(format!("{ret}")), &mut marks);
            }
            TraceEvent::PageFaultUser { addr, .. } | TraceEvent::PageFaultKernel { addr, .. } => {
                self.end_fault(stamp.pid, None, &mut marks);
                let what = format!("fault {addr}");
                self.begin_slice(record, Open::Fault, &what, &mut marks);
            }
            event if ends_fault(&event) => {
                let what = event.kind().tag().to_owned();
                self.end_fault(stamp.pid, Some(what), &mut marks);
            }
            TraceEvent::SchedProcessExit { .. } => {
                self.end_all(stamp.pid, &mut marks);
                self.instant(record, "exits".to_owned(), None, &mut marks);
            }
            TraceEvent::SchedProcessFree { pid, .. } => {
                self.arrows.remove(&pid);
            }
            TraceEvent::SchedProcessExec { name } => {
                let name = names.get(name);
                self.hear(stamp.pid, name, &mut marks);
                self.instant(record, format!("executes {name}"), None, &mut marks);
            }
            TraceEvent::SignalDeliver { signal, .. } => {
                self.instant(record, format!("takes {signal}"), None, &mut marks);
            }
            TraceEvent::SignalGenerate { pid, signal } => {
                let what = format!("{signal} for {pid}");
                self.instant(record, what, None, &mut marks);
            }
            _ => {}
        }
        self.count(kernel, record, &mut marks);
        marks
    }

    /// A task appears.
    fn be_born(
        &mut self,
        parent: Pid,
        child: Pid,
        name: &str,
        flags: CloneFlags,
        marks: &mut Vec<Mark>,
    ) {
        let parent = self.tgid(parent);
        let thread = Thread {
            pid: child,
            tgid: if flags.contains(CloneFlags::CLONE_THREAD) {
                parent
            } else {
                child
            },
            parent,
            name: name.to_owned(),
        };
        self.touched.insert(child);
        self.known.remove(&child);
        self.know(thread, marks);
    }

    fn switch(&mut self, scene: &Scene<'_>, record: &Record, marks: &mut Vec<Mark>) {
        let TraceEvent::SchedSwitch {
            prev,
            prev_state,
            next,
            next_name,
            why,
            ..
        } = record.event
        else {
            return;
        };
        let (cpu, names) = (record.stamp.cpu, &scene.machine.kernel.names);
        if self.running.remove(&cpu).is_some() {
            marks.push(Mark::RunEnd {
                pid: prev,
                cpu,
                state: TaskState::from_bits_retain(prev_state).letter(),
                why: why.name(),
            });
        }
        if next != Pid(0) {
            self.hear(next, names.get(next_name), marks);
            self.running.insert(cpu, next);
            marks.push(Mark::RunBegin {
                pid: next,
                cpu,
                name: names.get(next_name).to_owned(),
                arrow: self.arrows.remove(&next),
            });
        }
    }

    /// Whoever has the CPU causes the next run of another task.
    fn arrow_from(
        &mut self,
        scene: &Scene<'_>,
        record: &Record,
        to: Pid,
        name: String,
        marks: &mut Vec<Mark>,
    ) {
        let (pid, _) = scene.on_cpu.get(record.stamp.cpu);
        // A timer interrupt may come while no task runs, and init starts tasks without running.
        let arrow = (self.running.get(&record.stamp.cpu) == Some(&pid)).then_some(record.seq + 1);
        if let Some(arrow) = arrow {
            self.arrows.insert(to, arrow);
            marks.push(Mark::Instant {
                pid,
                cpu: record.stamp.cpu,
                name,
                line: record.line,
                arrow: Some(arrow),
            });
        }
    }

    fn instant(&self, record: &Record, name: String, arrow: Option<u64>, marks: &mut Vec<Mark>) {
        if record.stamp.pid != Pid(0) {
            marks.push(Mark::Instant {
                pid: record.stamp.pid,
                cpu: record.stamp.cpu,
                name,
                line: record.line,
                arrow,
            });
        }
    }

    fn begin_slice(&mut self, record: &Record, open: Open, name: &str, marks: &mut Vec<Mark>) {
        let pid = record.stamp.pid;
        if pid == Pid(0) {
            return;
        }
        self.open.entry(pid).or_default().push(open);
        marks.push(Mark::SliceBegin {
            pid,
            name: name.to_owned(),
            line: record.line,
        });
    }

    fn end_fault(&mut self, pid: Pid, result: Option<String>, marks: &mut Vec<Mark>) {
        self.end_slice(pid, Open::Fault, result, marks);
    }

    fn end_slice(&mut self, pid: Pid, open: Open, result: Option<String>, marks: &mut Vec<Mark>) {
        let slices = self.open.get_mut(&pid);
        if slices
            .and_then(|open_ones| open_ones.pop_if(|last| *last == open))
            .is_some()
        {
            marks.push(Mark::SliceEnd { pid, result });
        }
    }

    fn end_all(&mut self, pid: Pid, marks: &mut Vec<Mark>) {
        for _ in self.open.remove(&pid).unwrap_or_default() {
            marks.push(Mark::SliceEnd { pid, result: None });
        }
    }

    fn count(&mut self, kernel: &Kernel, record: &Record, marks: &mut Vec<Mark>) {
        self.free.value += free_change(record);
        self.runnable.value += runnable_change(record);
        self.free.show("free frames", marks);
        self.runnable.show("nr_running", marks);
        self.memory.follow(kernel, record, marks);
    }

    /// Measures what only the machine knows, while it rests.
    pub(super) fn rest(&mut self, kernel: &Kernel) -> Vec<Mark> {
        self.anchor(kernel, kernel.log.event_seq());
        let mut marks = Vec::new();
        self.free.show("free frames", &mut marks);
        self.runnable.show("nr_running", &mut marks);
        for pid in std::mem::take(&mut self.touched) {
            let task = kernel.pid_hash().find(pid);
            if let Some(mm) = task.and_then(|task| kernel.task(task).mm()) {
                self.memory.measure(pid, kernel.mms()[mm].rss(), &mut marks);
            }
        }
        marks
    }

    /// Ends everything that is still going on.
    pub(super) fn end(&mut self) -> Vec<Mark> {
        let mut marks = Vec::new();
        let tasks: Vec<Pid> = self.open.keys().copied().collect();
        for pid in tasks {
            self.end_all(pid, &mut marks);
        }
        for (cpu, pid) in std::mem::take(&mut self.running) {
            marks.push(Mark::RunEnd {
                pid,
                cpu,
                state: 'R',
                why: "end",
            });
        }
        marks
    }
}

impl Level {
    fn show(&mut self, name: &str, marks: &mut Vec<Mark>) {
        if self.shown != Some(self.value) {
            self.shown = Some(self.value);
            marks.push(Mark::Counter {
                name: name.to_owned(),
                value: self.value,
            });
        }
    }
}

/// Whether an event says how a fault was handled.
const fn ends_fault(event: &TraceEvent) -> bool {
    matches!(
        event,
        TraceEvent::CowCopy { .. }
            | TraceEvent::CowReuse { .. }
            | TraceEvent::AnonPage { .. }
            | TraceEvent::ZeroPageMap { .. }
            | TraceEvent::FilePage { .. }
            | TraceEvent::SwapPage { .. }
    )
}

fn free_change(record: &Record) -> i64 {
    match record.event {
        TraceEvent::PageAlloc { order, .. } => -(1 << order),
        TraceEvent::PageFree { order, .. } => 1 << order,
        _ => 0,
    }
}

fn runnable_change(record: &Record) -> i64 {
    match record.event {
        TraceEvent::SchedWakeup { .. } | TraceEvent::SchedWakeupNew { .. } => 1,
        TraceEvent::SchedSwitch {
            prev, prev_state, ..
        } if prev != Pid(0) && prev_state != 0 => -1,
        _ => 0,
    }
}
