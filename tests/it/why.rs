//! What `why` predicts is what happens: random tasks on random memory, and each access compared
//! with the trace of it.

use crate::lab::Lab;
use fastrand::Rng;
use forklab::abi::{CloneFlags, TaskId, VirtAddr};
use forklab::hw::{Access, Mode};
use forklab::kernel::boot::Config;
use forklab::kernel::mm::{SegvCode, UserFaultKind, WpWhy};
use forklab::kernel::syscall::{MmapArgs, Syscall};
use forklab::machine::{Acted, Action};
use forklab::trace::{FrameUse, Record, TraceEvent};
use forklab::view::{Fate, forecast};
use std::collections::BTreeMap;

/// Where pages are mapped; a stack of a task's own making lies in it now and then.
const ARENA: u32 = 0x5000_0000;
const PAGES: u32 = 12;
const PAGE: u32 = 0x1000;
/// `MAP_FIXED`, and the kinds of mapping that go with it.
const FIXED: u32 = 0x10;
const PRIVATE: u32 = 0x22;
const SHARED: u32 = 0x21;
const STACK: u32 = PRIVATE | 0x100;
const POPULATE: u32 = SHARED | 0x8000;
const LOCKED: u32 = PRIVATE | 0x2000;

struct Run {
    lab: Lab,
    dice: Rng,
    tasks: Vec<TaskId>,
    /// How many accesses ended in each way.
    seen: BTreeMap<&'static str, u32>,
    /// Pages that stacks have grown by.
    grown: u32,
}

impl Run {
    fn new(seed: u64, cpus: u32) -> Self {
        let lab = Lab::with(Config {
            cpus,
            tlb: 16,
            ..Config::default()
        });
        Self {
            lab,
            dice: Rng::with_seed(seed),
            tasks: Vec::new(),
            seen: BTreeMap::new(),
            grown: 0,
        }
    }

    fn step(&mut self) {
        let lab = &self.lab;
        self.tasks
            .retain(|task| lab.exists(*task) && lab.task(*task).mm().is_some());
        if self.tasks.len() < 2 {
            let task = self.lab.spawn("sh");
            return self.tasks.push(task);
        }
        let task = *self.dice.choice(&self.tasks).unwrap();
        match self.dice.u32(..20) {
            0..=2 => self.map(task),
            3 => self.unmap(task),
            4 | 5 if self.tasks.len() < 6 => self.fork(task),
            6 if self.tasks.len() > 4 => self.lab.exit_group(task, 0),
            7 => self.move_esp(task),
            _ => self.access(task),
        }
    }

    fn map(&mut self, task: TaskId) {
        let page = self.dice.u32(..PAGES);
        let kind = *self
            .dice
            .choice(&[PRIVATE, PRIVATE, SHARED, STACK, POPULATE, LOCKED])
            .unwrap();
        let prot = *self.dice.choice(&[3, 3, 3, 1, 2, 0, 5]).unwrap();
        let args = MmapArgs {
            addr: ARENA + page * PAGE,
            len: PAGE * (1 + self.dice.u32(..3)),
            prot,
            flags: FIXED | kind,
            fd: None,
            pgoff: 0,
        };
        self.lab.call(task, Syscall::Mmap2(args));
    }

    fn unmap(&mut self, task: TaskId) {
        let start = ARENA + self.dice.u32(..PAGES) * PAGE;
        self.lab.call(task, Syscall::Munmap(start, 2 * PAGE));
    }

    fn fork(&mut self, task: TaskId) {
        let cpus = self.lab.kernel().cpus.len() as u32;
        self.lab.machine.kernel.config.fork_cpu = Some(self.dice.u32(..cpus));
        let flags = *self
            .dice
            .choice(&[
                CloneFlags::FORK,
                CloneFlags::FORK,
                CloneFlags::CLONE_VM | CloneFlags::FORK,
            ])
            .unwrap();
        let child = self.lab.clone(task, flags).unwrap();
        self.tasks.push(child);
    }

    /// As if the program had called deeply, or returned.
    fn move_esp(&mut self, task: TaskId) {
        let esp = match self.dice.u32(..2) {
            0 => 0xc000_0000 - self.dice.u32(..40) * PAGE - 48,
            _ => ARENA + self.dice.u32(..PAGES) * PAGE,
        };
        self.lab.machine.kernel.task_mut(task).thread.regs.esp = esp;
    }

    fn address(&mut self) -> VirtAddr {
        let page = match self.dice.u32(..12) {
            0 => 0xc000_0000 - (1 + self.dice.u32(..40)) * PAGE,
            1 => *self.dice.choice(&[0x0804_8000, 0x0804_9000]).unwrap(),
            2 => *self
                .dice
                .choice(&[0, 0xc000_0000, 0xffff_e000, 0xfffe_0000, 0xbfff_f000])
                .unwrap(),
            _ => ARENA + self.dice.u32(..PAGES) * PAGE,
        };
        VirtAddr(page + 4 * self.dice.u32(..PAGE / 4))
    }

    /// One access, foretold and then made.
    fn access(&mut self, task: TaskId) {
        let (addr, write) = (self.address(), self.dice.u32(..2) == 0);
        let bytes = vec![1, 2, 3, 4];
        let (access, action) = match write {
            true => (Access::write(Mode::User), Action::Write { addr, bytes }),
            false => (Access::read(Mode::User), Action::Read { addr, len: 4 }),
        };
        let foretold = forecast(self.lab.kernel(), task, addr, access).unwrap();
        // Most would die at once of what they find.
        let dies = matches!(foretold.fate, Fate::Sigsegv { .. });
        if dies && self.dice.u32(..12) != 0 {
            return;
        }
        let size_before = self.lab.mm(task).total_vm();
        let mark = self.lab.mark();
        let outcome = self.lab.act(task, action).unwrap();
        let what = format!("access {mark}: {access:?} at {addr}");
        let faults: Vec<u32> = foretold.fault.into_iter().collect();
        assert_eq!(self.lab.events(mark, fault_code), faults, "{what}");
        assert_eq!(
            self.happened(mark, &outcome, foretold.fate),
            [foretold.fate],
            "{what}"
        );
        if !dies {
            let grown = self.lab.mm(task).total_vm() - size_before;
            assert_eq!(grown, foretold.grows_by, "{what}");
            self.grown += grown;
        }
        *self.seen.entry(name(foretold.fate)).or_default() += 1;
    }

    /// How an access ended, by its trace. What a trace does not tell is taken from the forecast.
    fn happened(&self, mark: u64, outcome: &Acted, foretold: Fate) -> Vec<Fate> {
        let records = self.lab.since(mark);
        let allocates = |wanted| {
            let is = |record: &Record| matches!(record.event, TraceEvent::PageAlloc { usage, .. } if usage == wanted);
            records.iter().any(is)
        };
        let cached = |pfn| (!allocates(FrameUse::Cache)).then_some(pfn);
        let fate = |record: &Record| match record.event {
            TraceEvent::ZeroPageMap { .. } => Some(Fate::ZeroPage),
            TraceEvent::AnonPage { .. } => Some(Fate::ZeroedFrame),
            TraceEvent::FilePage { pfn, .. } if !allocates(FrameUse::User) => {
                Some(Fate::FilePage {
                    cached: cached(pfn),
                })
            }
            TraceEvent::FilePage { .. } => match foretold {
                Fate::FileCopy { cached: Some(pfn) } => Some(Fate::FileCopy {
                    cached: cached(pfn),
                }),
                _ => Some(Fate::FileCopy { cached: None }),
            },
            TraceEvent::CowCopy { old, .. } => match foretold {
                Fate::Copy { why, .. } => Some(Fate::Copy { pfn: old, why }),
                _ => panic!("a copy of {old}, not {foretold:?}"),
            },
            TraceEvent::CowReuse { pfn, .. } => Some(Fate::Reuse { pfn }),
            _ => None,
        };
        let handled: Vec<Fate> = records.iter().filter_map(fate).collect();
        match outcome {
            Acted::Fault(fault) => match fault.kind {
                UserFaultKind::Segv { code, reason } => vec![Fate::Sigsegv { code, reason }],
                other => panic!("{other:?}"),
            },
            Acted::Bytes(bytes) if handled.is_empty() => {
                let value = bytes.as_slice().try_into().ok().map(u32::from_le_bytes);
                vec![Fate::Ok {
                    value,
                    stale: false,
                }]
            }
            _ if handled.is_empty() => vec![Fate::Ok {
                value: None,
                stale: false,
            }],
            _ => handled,
        }
    }
}

fn fault_code(record: &Record) -> Option<u32> {
    match record.event {
        TraceEvent::PageFaultUser { code, .. } => Some(u32::from(code)),
        _ => None,
    }
}

const fn name(fate: Fate) -> &'static str {
    match fate {
        Fate::Ok { .. } => "ok",
        Fate::ZeroPage => "zero page",
        Fate::ZeroedFrame => "zeroed frame",
        Fate::SwapIn { .. } => "swap in",
        Fate::FilePage { cached: None } => "file page to be read",
        Fate::FilePage { cached: Some(_) } => "file page",
        Fate::NonlinearPage { .. } => "page that the entry names",
        Fate::FileCopy { .. } => "copy of a file page",
        Fate::Copy {
            why: WpWhy::ZeroPage,
            ..
        } => "copy of zeros",
        Fate::Copy { .. } => "copy",
        Fate::Reuse { .. } => "reuse",
        Fate::Again => "again",
        Fate::Sigsegv {
            code: SegvCode::MapErr,
            ..
        } => "MAPERR",
        Fate::Sigsegv {
            code: SegvCode::AccErr,
            ..
        } => "ACCERR",
        Fate::Sigbus => "SIGBUS",
    }
}

#[test]
fn what_is_foretold_happens() {
    let mut seen = BTreeMap::new();
    let mut grown = 0;
    for (seed, cpus) in [
        (0x1234_5678, 1),
        (0x9e37_79b9, 1),
        (0x2612_2612, 2),
        (0x0bad_cafe, 4),
    ] {
        let mut run = Run::new(seed, cpus);
        for _ in 0..3000 {
            run.step();
        }
        grown += run.grown;
        for (name, times) in run.seen {
            *seen.entry(name).or_default() += times;
        }
    }
    let rare: Vec<_> = seen.iter().filter(|(_, times)| **times < 10).collect();
    assert!(
        rare.is_empty() && grown > 20,
        "{seen:?}, stacks grew by {grown}"
    );
    let all: u32 = seen.values().sum();
    assert!(seen.len() == 11 && all > 4000, "{seen:?}");
}
