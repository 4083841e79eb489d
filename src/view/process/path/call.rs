//! What the trace says about one call of `do_fork`.

use crate::abi::{CloneFlags, Errno, Pid, PtFlags, VirtAddr};
use crate::kernel::sched::Tunables;
use crate::machine::Machine;
use crate::trace::{
    Allocation, ArrayKind, CloneRefusal, CopyStage, ForkStep, PidList, Placement, Record,
    TraceEvent, TraceLog,
};

/// A call of `do_fork`: its arguments, the state of its caller, and what was traced until it
/// returned or its caller began to wait.
pub(super) struct Call {
    pub(super) pid: Pid,
    pub(super) name: String,
    pub(super) flags: CloneFlags,
    pub(super) stack: VirtAddr,
    pub(super) ptrace: PtFlags,
    pub(super) slice: u32,
    pub(super) sleep_avg: u32,
    pub(super) tunables: Tunables,
    /// Whether memory is copied on write.
    pub(super) cow: bool,
    steps: Vec<ForkStep>,
    /// How far `copy_process` got, and why no further.
    pub(super) copy: Option<(CopyStage, Option<CloneRefusal>)>,
    /// Where CLONE_PARENT_SETTID stored the tid.
    pub(super) parent_tid: Option<VirtAddr>,
    /// Page table entries and frames copied.
    pub(super) copied_mm: Option<(u32, u32)>,
    pub(super) woken: Option<Woken>,
    pub(super) list: Option<ListChange>,
    /// The allocation that was made to fail.
    injected: Option<Allocation>,
    /// Whether its system call has returned.
    returned: bool,
}

/// What `wake_up_new_task` did.
#[derive(Clone, Copy)]
pub(super) struct Woken {
    pub(super) placement: Placement,
    pub(super) forced: bool,
    pub(super) cpu: u8,
    pub(super) prio: u8,
    pub(super) sleep_avg: u32,
}

/// The list that the child was put on, before and after.
pub(super) struct ListChange {
    pub(super) prio: u8,
    pub(super) array: ArrayKind,
    pub(super) before: Pids,
    pub(super) after: Pids,
}

/// A list of pids, or a part of one.
pub(super) struct Pids {
    pub(super) pids: Vec<Pid>,
    pub(super) cut_before: bool,
    pub(super) cut_after: bool,
}

/// The first call from that event on, and how many there are.
pub(super) fn first(machine: &Machine, from_seq: u64) -> Option<(Call, usize)> {
    let log = &machine.kernel.log;
    let mut records = log.records_from(from_seq);
    let mut call = records.find_map(|record| Call::begin(machine, record))?;
    let mut calls = 1;
    // The call has the CPU to itself until it returns or gives up the CPU.
    let mut inside = true;
    let mut open = true;
    for record in records {
        let by_caller = record.stamp.pid == call.pid;
        match record.event {
            TraceEvent::DoFork { .. } => (calls, inside) = (calls + 1, false),
            TraceEvent::SchedSwitch { .. } => inside = false,
            TraceEvent::SysExit { .. } if by_caller => {
                call.returned |= open;
                (inside, open) = (false, false);
            }
            TraceEvent::SysEnter { .. } | TraceEvent::SchedProcessExit { .. } if by_caller => {
                (inside, open) = (false, false);
            }
            event if inside => call.note(log, event),
            _ => {}
        }
    }
    Some((call, calls))
}

impl Call {
    fn begin(machine: &Machine, record: &Record) -> Option<Self> {
        let TraceEvent::DoFork {
            flags,
            stack,
            ptrace,
            slice,
            sleep_avg,
        } = record.event
        else {
            return None;
        };
        Some(Self {
            pid: record.stamp.pid,
            name: machine.kernel.names.get(record.stamp.name).to_owned(),
            flags,
            stack,
            ptrace: PtFlags::from_bits_retain(ptrace),
            slice,
            sleep_avg,
            tunables: machine.kernel.sched.tunables,
            cow: machine.kernel.config.cow,
            steps: Vec::new(),
            copy: None,
            parent_tid: None,
            copied_mm: None,
            woken: None,
            list: None,
            injected: None,
            returned: false,
        })
    }

    fn note(&mut self, log: &TraceLog, event: TraceEvent) {
        match event {
            TraceEvent::DoForkStep { step } => self.steps.push(step),
            TraceEvent::CopyProcess { reached, refusal } => self.copy = Some((reached, refusal)),
            TraceEvent::FailInjected { what } => self.injected = Some(what),
            TraceEvent::TidWrite { addr, .. } => self.parent_tid = Some(addr),
            TraceEvent::CopyMm { ptes, frames } => self.copied_mm = Some((ptes, frames)),
            TraceEvent::SchedWakeupNew {
                prio,
                sleep_avg,
                placement,
                target_cpu,
                forced,
                ..
            } => {
                self.woken = Some(Woken {
                    placement,
                    forced,
                    cpu: target_cpu,
                    prio,
                    sleep_avg,
                });
            }
            TraceEvent::RunList {
                prio,
                array,
                before,
                after,
            } => {
                self.list = Some(ListChange {
                    prio,
                    array,
                    before: Pids::read(log, before),
                    after: Pids::read(log, after),
                });
            }
            _ => {}
        }
    }

    /// Whether `do_fork` took that step.
    pub(super) fn took(&self, step: ForkStep) -> bool {
        self.steps.contains(&step)
    }

    /// The pid that was allocated, even if it was freed again.
    pub(super) fn new_pid(&self) -> Option<Pid> {
        self.steps.iter().find_map(|step| match step {
            ForkStep::AllocPidmap(pid) => Some(*pid),
            _ => None,
        })
    }

    /// The task that was created.
    pub(super) fn child(&self) -> Option<Pid> {
        match self.copy {
            Some((_, None)) => self.new_pid(),
            _ => None,
        }
    }

    /// The error and the reason.
    pub(super) fn error(&self) -> Option<(Errno, String)> {
        match self.copy {
            Some((_, Some(refusal))) => {
                let forced = self.injected.map(|what| format!(" (forced: no {what})"));
                let why = refusal.to_string() + forced.as_deref().unwrap_or_default();
                Some((refusal.errno(), why))
            }
            None if self.took(ForkStep::NoPid) => {
                Some((Errno::EAGAIN, "no pid is free".to_owned()))
            }
            _ => None,
        }
    }

    /// The return value; `None` while its caller is still inside.
    pub(super) fn value(&self) -> Option<i32> {
        match self.error() {
            Some((errno, _)) => Some(-errno.code()),
            None if self.took(ForkStep::WaitForVfork) && !self.returned => None,
            None => self.child().map(|pid| pid.0),
        }
    }

    /// Whether the caller waits inside for its vfork child.
    pub(super) fn waits(&self) -> bool {
        self.value().is_none()
    }

    /// The caller as `2:sh`.
    pub(super) fn caller(&self) -> String {
        format!("{}:{}", self.pid, self.name)
    }
}

impl Pids {
    fn read(log: &TraceLog, list: PidList) -> Self {
        Self {
            pids: log.pids(list).to_vec(),
            cut_before: list.cut_before,
            cut_after: list.cut_after,
        }
    }
}
