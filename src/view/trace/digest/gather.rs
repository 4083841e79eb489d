//! From the records of a stretch of the trace to the items of its digest.

use super::{
    Exit, ExitEnd, Fault, FaultOutcome, Fork, Item, Members, Passed, Place, Ruled, RunList, Since,
};
use crate::abi::{Errno, Pfn, Pid, Signal, VirtAddr, WaitStatus};
use crate::hw::{ErrorCode, Pte};
use crate::kernel::syscall::Syscall;
use crate::machine::{Machine, Who};
use crate::trace::{CloneRefusal, ForkStep, FrameUse, PidList, Record, TraceEvent};
use crate::view::memory::is_shared_memory;
use crate::view::trace::listing::is_usual;

/// What has been read so far.
struct Gather<'a> {
    machine: &'a Machine,
    items: Vec<Item>,
    passed: Passed,
    /// What is known of the fork in progress.
    fork: Draft,
    /// First argument of the last system call, and the frames freed since.
    arg: u32,
    freed: u32,
    /// What the last frame was allocated for.
    allocated: Option<FrameUse>,
    /// Frames that were read from swap since the last fault.
    swapped_in: Vec<Pfn>,
    /// Tasks that were spawned and have not called exec yet.
    spawned: Vec<Pid>,
    /// Tasks that exited and have not left the CPU yet.
    dying: Vec<Pid>,
}

#[derive(Default)]
struct Draft {
    copied: Option<(u32, u32)>,
    place: Option<Place>,
    expired: bool,
    errno: Option<Errno>,
    pid: Option<Pid>,
}

/// The items for what happened since then, in order.
pub(super) fn gather(machine: &Machine, since: Since) -> Vec<Item> {
    let mut gather = Gather {
        machine,
        items: Vec::new(),
        passed: Passed {
            ticks: machine.kernel.tick().saturating_sub(since.tick),
            ..Passed::default()
        },
        fork: Draft::default(),
        arg: 0,
        freed: 0,
        allocated: None,
        swapped_in: Vec::new(),
        spawned: Vec::new(),
        dying: Vec::new(),
    };
    let records = machine.kernel.log.records_from(since.seq);
    for record in records.filter(|record| !record.console) {
        gather.take_memory(record);
        gather.take_scheduling(record);
        gather.take_life(record);
    }
    gather.finish()
}

impl Gather<'_> {
    fn finish(mut self) -> Vec<Item> {
        if self.passed.ticks > 0 {
            self.items.insert(0, Item::Time(self.passed));
        }
        // A panic comes first, whatever else there is.
        self.items
            .sort_by_key(|item| !matches!(item, Item::Panic(_)));
        let now: Vec<Item> = self.items.iter().map(|item| self.as_now(item)).collect();
        now
    }

    /// Completes an item with what is known only at the end.
    fn as_now(&self, item: &Item) -> Item {
        match item {
            Item::Fault(fault) => Item::Fault(Fault {
                pte: self.pte_of(fault),
                ..*fault
            }),
            Item::Exit(exit) if exit.end == ExitEnd::Reaped => {
                let end = self.parent_of(exit.who.pid).map(ExitEnd::Zombie);
                Item::Exit(Exit {
                    end: end.unwrap_or(ExitEnd::Reaped),
                    ..exit.clone()
                })
            }
            other => other.clone(),
        }
    }

    fn pte_of(&self, fault: &Fault) -> Option<Pte> {
        let kernel = &self.machine.kernel;
        let frame = match fault.outcome {
            FaultOutcome::ZeroPage => kernel.mem().empty_zero_page(),
            FaultOutcome::ZeroedFrame(pfn)
            | FaultOutcome::FilePage(pfn)
            | FaultOutcome::SharedPage(pfn)
            | FaultOutcome::FileCopy(pfn) => pfn,
            FaultOutcome::SwapPage { pfn, copy, .. } => copy.unwrap_or(pfn),
            FaultOutcome::Copy { new, .. } => new,
            FaultOutcome::Reuse(pfn) => pfn,
            FaultOutcome::Signal(_) | FaultOutcome::Not => return None,
        };
        let mm = kernel.task(kernel.pid_hash().find(fault.pid)?).mm()?;
        let pte = kernel.pte(mm, fault.addr);
        (pte.is_hw_present() && pte.pfn() == frame).then_some(pte)
    }

    /// The parent of a task that still exists.
    fn parent_of(&self, pid: Pid) -> Option<Pid> {
        let kernel = &self.machine.kernel;
        let task = kernel.task(kernel.pid_hash().find(pid)?);
        Some(kernel.pid(task.parent()))
    }

    fn who(&self, record: &Record) -> Who {
        Who {
            pid: record.stamp.pid,
            name: self.machine.kernel.names.get(record.stamp.name).to_owned(),
        }
    }

    fn take_memory(&mut self, record: &Record) {
        let pid = record.stamp.pid;
        match record.event {
            TraceEvent::PageFaultUser { addr, code }
            | TraceEvent::PageFaultKernel { addr, code } => {
                self.allocated = None;
                self.swapped_in.clear();
                let code = Some(ErrorCode(u32::from(code)));
                self.push_fault(pid, addr, code, FaultOutcome::Not);
            }
            TraceEvent::PageAlloc { usage, .. } => self.allocated = Some(usage),
            TraceEvent::PageFree { order, .. } => self.freed += 1 << order,
            TraceEvent::ZeroPageMap { addr } => self.set_outcome(pid, addr, FaultOutcome::ZeroPage),
            TraceEvent::AnonPage { addr, pfn } => {
                self.set_outcome(pid, addr, FaultOutcome::ZeroedFrame(pfn));
            }
            TraceEvent::FilePage { addr, pfn } => {
                let outcome = match self.allocated.take() {
                    Some(FrameUse::User) => FaultOutcome::FileCopy(pfn),
                    _ if self.is_shared(pid, addr) => FaultOutcome::SharedPage(pfn),
                    _ => FaultOutcome::FilePage(pfn),
                };
                self.set_outcome(pid, addr, outcome);
            }
            TraceEvent::CowCopy {
                addr,
                old,
                new,
                left,
            } => {
                if let Some(copy) = self.copy_of_swap_page(pid, addr, old) {
                    *copy = Some(new);
                    return;
                }
                let left = (old != self.zero_page()).then_some(left);
                self.set_outcome(pid, addr, FaultOutcome::Copy { old, new, left });
            }
            TraceEvent::SwapIn { pfn, .. } => self.swapped_in.push(pfn),
            TraceEvent::SwapPage { addr, pfn } => {
                let read = self.swapped_in.contains(&pfn);
                let copy = None;
                self.set_outcome(pid, addr, FaultOutcome::SwapPage { pfn, read, copy });
            }
            TraceEvent::CowReuse { addr, pfn } => {
                self.set_outcome(pid, addr, FaultOutcome::Reuse(pfn));
            }
            TraceEvent::SysEnter { arg, .. } => (self.arg, self.freed) = (arg, 0),
            TraceEvent::SysExit { nr, ret } => self.take_return(pid, nr, ret),
            _ => {}
        }
    }

    fn init(&self) -> Pid {
        self.machine.kernel.pid(self.machine.kernel.init())
    }

    const fn zero_page(&self) -> Pfn {
        self.machine.kernel.mem().empty_zero_page()
    }

    fn push_fault(
        &mut self,
        pid: Pid,
        addr: VirtAddr,
        code: Option<ErrorCode>,
        outcome: FaultOutcome,
    ) {
        self.items.push(Item::Fault(Fault {
            pid,
            addr,
            code,
            outcome,
            pte: None,
        }));
    }

    /// The last fault of a task that has not been handled yet.
    fn open_fault(&mut self, pid: Pid) -> Option<&mut Fault> {
        let last = self.items.iter_mut().rev().find_map(|item| match item {
            Item::Fault(fault) if fault.pid == pid => Some(fault),
            _ => None,
        });
        last.filter(|fault| fault.outcome == FaultOutcome::Not)
    }

    /// Where the copy belongs that the fault which has just mapped a page of swap makes of it.
    fn copy_of_swap_page(&mut self, pid: Pid, at: VirtAddr, old: Pfn) -> Option<&mut Option<Pfn>> {
        match self.items.last_mut() {
            Some(Item::Fault(Fault {
                pid: whose,
                addr,
                outcome: FaultOutcome::SwapPage { pfn, copy, .. },
                ..
            })) if *whose == pid && addr.page_base() == at && *pfn == old => Some(copy),
            _ => None,
        }
    }

    /// Whether a task that still exists has shared memory at an address.
    fn is_shared(&self, pid: Pid, addr: VirtAddr) -> bool {
        let kernel = &self.machine.kernel;
        let mm = kernel
            .pid_hash()
            .find(pid)
            .and_then(|id| kernel.task(id).mm());
        let vma = mm.and_then(|mm| kernel.mms()[mm].find_vma(addr));
        vma.is_some_and(|vma| vma.contains(addr) && is_shared_memory(kernel, vma))
    }

    fn set_outcome(&mut self, pid: Pid, addr: VirtAddr, outcome: FaultOutcome) {
        match self.open_fault(pid) {
            Some(fault) if fault.addr.page_base() == addr => fault.outcome = outcome,
            _ => self.push_fault(pid, addr, None, outcome),
        }
    }

    fn take_return(&mut self, pid: Pid, nr: u16, ret: i32) {
        if (-4095..0).contains(&ret) {
            return;
        }
        let addr = VirtAddr(ret as u32);
        match Syscall::c_name(nr) {
            "mmap" if !self.populated(pid, addr) => self.items.push(Item::Reserved {
                addr,
                heap: false,
                freed: 0,
            }),
            // A call that only asks, or is refused, leaves the end of the heap where it is.
            "brk" if addr.0 == self.arg => self.items.push(Item::Reserved {
                addr,
                heap: true,
                freed: self.freed,
            }),
            "munmap" => self.items.push(Item::Unmapped { freed: self.freed }),
            "wait4" | "waitpid" => {
                let is_its =
                    |item: &&mut Item| matches!(item, Item::Reaped { who, .. } if who.pid.0 == ret);
                if let Some(Item::Reaped { by, .. }) = self.items.iter_mut().rev().find(is_its) {
                    *by = Some(pid);
                }
            }
            _ => {}
        }
    }

    /// Whether the last item is a page of this area that was populated without a fault.
    fn populated(&self, pid: Pid, start: VirtAddr) -> bool {
        let is_of_it =
            |fault: &Fault| fault.code.is_none() && fault.pid == pid && fault.addr >= start;
        matches!(self.items.last(), Some(Item::Fault(fault)) if is_of_it(fault))
    }

    fn take_scheduling(&mut self, record: &Record) {
        match record.event {
            TraceEvent::SchedSwitch { prev, .. } => {
                self.passed.switches += 1;
                self.dying.retain(|pid| *pid != prev);
            }
            TraceEvent::TimesliceExpire { pid, .. } => {
                self.passed.expired += 1;
                self.fork.expired |= self.fork.pid.is_some() && pid == record.stamp.pid;
            }
            TraceEvent::ArraySwap {} => self.passed.swaps += 1,
            TraceEvent::SchedSetPrio {
                pid,
                name,
                prio,
                static_prio,
                ..
            } => {
                let name = self.machine.kernel.names.get(name).to_owned();
                let who = Who { pid, name };
                self.items.push(Item::Prio {
                    who,
                    prio,
                    static_prio,
                });
            }
            event @ TraceEvent::KernelRule { .. } => {
                self.items.extend(Ruled::of(event).map(Item::Rule));
            }
            TraceEvent::CopyMm { ptes, frames } => self.fork.copied = Some((frames, ptes)),
            TraceEvent::SchedWakeupNew {
                placement,
                target_cpu,
                forced,
                ..
            } => {
                self.fork.place = Some(Place {
                    placement,
                    cpu: target_cpu,
                    forced,
                    list: None,
                });
            }
            TraceEvent::RunList {
                prio,
                array,
                before,
                after,
            } => {
                let (before, after) = (self.members(before), self.members(after));
                if let Some(place) = &mut self.fork.place {
                    place.list = Some(RunList {
                        array,
                        prio,
                        before,
                        after,
                    });
                }
            }
            TraceEvent::DoForkStep { step } => self.take_step(step),
            TraceEvent::CopyProcess { refusal, .. } => {
                self.fork.errno = refusal.map(CloneRefusal::errno);
            }
            _ => {}
        }
    }

    fn members(&self, list: PidList) -> Members {
        Members {
            pids: self.machine.kernel.log.pids(list).to_vec(),
            cut_before: list.cut_before,
            cut_after: list.cut_after,
        }
    }

    fn take_step(&mut self, step: ForkStep) {
        match step {
            ForkStep::AllocPidmap(pid) => {
                self.fork = Draft {
                    pid: Some(pid),
                    ..Draft::default()
                };
            }
            ForkStep::NoPid => self.items.push(Item::Refused {
                errno: Errno::EAGAIN,
                pid: None,
            }),
            ForkStep::FreePidmap => {
                let draft = std::mem::take(&mut self.fork);
                if let Some(errno) = draft.errno {
                    let pid = draft.pid;
                    self.items.push(Item::Refused { errno, pid });
                }
            }
            _ => {}
        }
    }

    fn take_life(&mut self, record: &Record) {
        let pid = record.stamp.pid;
        match record.event {
            TraceEvent::SchedProcessFork { .. } => self.take_fork(record),
            TraceEvent::VforkWait { child } => {
                self.forks_of(child)
                    .for_each(|fork| fork.inside_vfork = true);
            }
            TraceEvent::VforkDone { parent } => {
                self.forks_of(pid)
                    .for_each(|fork| fork.inside_vfork = false);
                self.items.push(Item::VforkDone { parent });
            }
            TraceEvent::SchedProcessExec { .. } => self.take_exec(record),
            TraceEvent::SchedProcessExit { status } => self.take_exit(record, status),
            TraceEvent::SchedProcessFree { .. } => self.take_free(record),
            TraceEvent::SchedExit {
                parent,
                parent_slice,
                ..
            } => self.take_slice(pid, (parent, parent_slice)),
            TraceEvent::Reparent { child, parent } => {
                self.items.push(Item::Reparent { child, parent });
            }
            TraceEvent::SignalGenerate { pid, signal } => self.take_signal(pid, signal),
            TraceEvent::SignalIgnored {
                pid: to,
                signal,
                action,
            } if !is_usual(&record.event) => {
                self.items.push(Item::Ignored { to, signal, action });
            }
            TraceEvent::SignalDeliver { signal, .. } => self.take_delivery(pid, signal),
            TraceEvent::TidWrite {
                addr,
                value,
                failed,
            } => self.items.push(Item::Tid {
                addr,
                value,
                failed,
            }),
            TraceEvent::KernelPanic {} => {
                let why = self
                    .machine
                    .kernel
                    .panicked()
                    .unwrap_or_default()
                    .to_owned();
                self.items.push(Item::Panic(why));
            }
            _ => {}
        }
    }

    fn take_fork(&mut self, record: &Record) {
        let draft = std::mem::take(&mut self.fork);
        let TraceEvent::SchedProcessFork {
            child,
            child_name,
            child_slice,
            parent_slice,
            ..
        } = record.event
        else {
            return;
        };
        let kernel = &self.machine.kernel;
        let parent = record.stamp.pid;
        if parent == self.init() {
            return self.spawned.push(child);
        }
        // A slice of one tick goes to the child; the parent's has run out.
        let before = if draft.expired {
            child_slice
        } else {
            parent_slice + child_slice
        };
        self.items.push(Item::Fork(Box::new(Fork {
            child: Who {
                pid: child,
                name: kernel.names.get(child_name).to_owned(),
            },
            parent,
            copied: draft.copied,
            slices: (before, parent_slice, child_slice),
            place: draft.place,
            inside_vfork: false,
        })));
    }

    /// The items that made a child.
    fn forks_of(&mut self, child: Pid) -> impl Iterator<Item = &mut Fork> {
        self.items.iter_mut().filter_map(move |item| match item {
            Item::Fork(fork) if fork.child.pid == child => Some(&mut **fork),
            _ => None,
        })
    }

    /// The exec of a spawned task is part of the spawning, and so are the allocations for it.
    fn take_exec(&mut self, record: &Record) {
        let who = self.who(record);
        if self.spawned.contains(&who.pid) {
            self.spawned.retain(|pid| *pid != who.pid);
            let is_its = |item: &Item| matches!(item, Item::Fault(fault) if fault.pid == who.pid);
            return self.items.retain(|item| !is_its(item));
        }
        self.items.push(Item::Exec(who));
    }

    fn take_exit(&mut self, record: &Record, status: WaitStatus) {
        let who = self.who(record);
        // The signal that kills the task is reported with its exit.
        let is_fatal = |item: &Item| matches!(item, Item::Signal { to, signal, .. } if *to == who.pid && signal.number() == status.0 & 0x7f);
        self.items.retain(|item| !is_fatal(item));
        self.dying.push(who.pid);
        self.items.push(Item::Exit(Exit {
            who,
            status,
            end: ExitEnd::Reaped,
            slice: None,
        }));
    }

    /// A task that is released before it leaves the CPU reaps itself.
    fn take_free(&mut self, record: &Record) {
        let who = self.who(record);
        if !self.dying.contains(&who.pid) {
            return self.items.push(Item::Reaped {
                who,
                by: None,
                slice: None,
            });
        }
        for item in &mut self.items {
            if let Item::Exit(exit) = item
                && exit.who.pid == who.pid
            {
                exit.end = ExitEnd::ReapedItself;
            }
        }
    }

    /// The slice of init is of no interest.
    fn take_slice(&mut self, pid: Pid, given: (Pid, u32)) {
        if given.0 == self.init() {
            return;
        }
        let last = self.items.iter_mut().rev().find_map(|item| match item {
            Item::Reaped { who, slice, .. } if who.pid == pid => Some(slice),
            Item::Exit(exit) if exit.who.pid == pid => Some(&mut exit.slice),
            _ => None,
        });
        if let Some(slice) = last {
            *slice = Some(given);
        }
    }

    /// The signal for a fault is reported with the fault.
    fn take_signal(&mut self, to: Pid, signal: Signal) {
        let for_fault = [Signal::SIGSEGV, Signal::SIGBUS].contains(&signal);
        match self.open_fault(to) {
            Some(fault) if for_fault => fault.outcome = FaultOutcome::Signal(signal),
            _ => self.items.push(Item::Signal {
                to,
                signal,
                taken: false,
            }),
        }
    }

    fn take_delivery(&mut self, to: Pid, signal: Signal) {
        let sent = Item::Signal {
            to,
            signal,
            taken: false,
        };
        self.items.retain(|item| *item != sent);
        self.items.push(Item::Signal {
            to,
            signal,
            taken: true,
        });
    }
}

impl Ruled {
    /// The decision of a rule that an event tells of.
    const fn of(event: TraceEvent) -> Option<Self> {
        match event {
            TraceEvent::KernelRule {
                decision,
                pid,
                stock,
                answer,
            } => Some(Self {
                decision,
                pid,
                stock,
                answer,
            }),
            _ => None,
        }
    }
}
