//! What `why` predicts is what happens: random tasks on random memory, and each access compared
//! with the trace of it.

use crate::lab::Lab;
use fastrand::Rng;
use forklab::abi::{CloneFlags, O_RDWR, TaskId, VirtAddr};
use forklab::hw::{Access, AccessKind, Mode};
use forklab::kernel::boot::Config;
use forklab::kernel::mm::{SegvCode, UserFaultKind, WpWhy};
use forklab::kernel::syscall::{MmapArgs, Syscall};
use forklab::machine::{Acted, Action};
use forklab::trace::{FrameUse, Record, TraceEvent};
use forklab::view::{Fate, Forecast, forecast};
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
/// Of a file that all tasks have open as descriptor 3.
const FILE: &str = "w";
const FILE_PAGES: u32 = 6;
const FILE_FD: u32 = 3;
const PRIVATE_FILE: u32 = 2;
const SHARED_FILE: u32 = 1;
/// What is not cached is left for the first access.
const NONBLOCK: u32 = 0x1_0000;

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
            swap: 4 << 20,
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
            return self.spawn();
        }
        let task = *self.dice.choice(&self.tasks).unwrap();
        match self.dice.u32(..30) {
            0..=2 => self.map(task),
            3 => self.map_file(task),
            4 => self.unmap(task),
            5 | 6 if self.tasks.len() < 6 => self.fork(task),
            7 if self.tasks.len() > 4 => self.lab.exit_group(task, 0),
            8 => self.move_esp(task),
            9 => self.change(task),
            10 => self.reclaim(),
            11 => self.remap(task),
            _ => self.access(task),
        }
    }

    fn spawn(&mut self) {
        let task = self.lab.spawn("sh");
        let create = O_RDWR | 0o100;
        let open = Syscall::Open(FILE.to_owned(), create, 0o666);
        let fd = self.lab.call(task, open);
        assert_eq!(fd, FILE_FD as i32);
        self.set_length(task, FILE_PAGES);
        self.tasks.push(task);
    }

    fn set_length(&mut self, task: TaskId, pages: u32) {
        let call = Syscall::Ftruncate(FILE_FD, (pages * PAGE) as i32);
        assert_eq!(self.lab.call(task, call), 0);
    }

    fn map_file(&mut self, task: TaskId) {
        let args = MmapArgs {
            addr: ARENA + self.dice.u32(..PAGES) * PAGE,
            len: PAGE * (1 + self.dice.u32(..4)),
            prot: *self.dice.choice(&[3, 3, 1]).unwrap(),
            flags: FIXED | *self.dice.choice(&[PRIVATE_FILE, SHARED_FILE]).unwrap(),
            fd: Some(FILE_FD),
            pgoff: self.dice.u32(..FILE_PAGES),
        };
        self.lab.call(task, Syscall::Mmap2(args));
    }

    /// Rights, locks, and the length of the file.
    fn change(&mut self, task: TaskId) {
        let at = ARENA + self.dice.u32(..PAGES) * PAGE;
        let prot = *self.dice.choice(&[0, 1, 3, 5, 7]).unwrap();
        match self.dice.u32(..5) {
            0 => drop(self.lab.call(task, Syscall::Mlock(at, 2 * PAGE))),
            1 => {
                let pages = self.dice.u32(1..=FILE_PAGES);
                self.set_length(task, pages);
            }
            _ => drop(self.lab.call(task, Syscall::Mprotect(at, 2 * PAGE, prot))),
        }
    }

    /// Pages go to swap and to the disk, some of them are still on their way.
    fn reclaim(&mut self) {
        let pages = *self.dice.choice(&[1, 4, 64]).unwrap();
        self.lab.machine.kernel.shrink_all_memory(pages);
    }

    /// Other pages of a file or object are shown.
    fn remap(&mut self, task: TaskId) {
        let at = ARENA + self.dice.u32(..PAGES) * PAGE;
        let (pgoff, flags) = (self.dice.u32(..FILE_PAGES), self.dice.u32(..2) * NONBLOCK);
        let call = Syscall::RemapFilePages([at, PAGE, 0, pgoff, flags]);
        self.lab.call(task, call);
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
        self.fetch_is_a_read(task, addr);
        let bytes = vec![1, 2, 3, 4];
        let (access, action) = match write {
            true => (Access::write(Mode::User), Action::Write { addr, bytes }),
            false => (Access::read(Mode::User), Action::Read { addr, len: 4 }),
        };
        let foretold = forecast(self.lab.kernel(), task, addr, access).unwrap();
        // Most would die at once of what they find.
        let dies = matches!(foretold.fate, Fate::Sigsegv { .. } | Fate::Sigbus);
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

    /// The i386 has no bit that forbids execution: what may be read may be executed.
    fn fetch_is_a_read(&self, task: TaskId, addr: VirtAddr) {
        let of = |kind| {
            let access = Access {
                kind,
                mode: Mode::User,
            };
            forecast(self.lab.kernel(), task, addr, access).unwrap()
        };
        let read = of(AccessKind::Read);
        let fate = match read.fate {
            Fate::Ok { stale, .. } => Fate::Ok { value: None, stale },
            other => other,
        };
        assert_eq!(of(AccessKind::Fetch), Forecast { fate, ..read });
    }

    /// How an access ended, by its trace. What a trace does not tell is taken from the forecast.
    fn happened(&self, mark: u64, outcome: &Acted, foretold: Fate) -> Vec<Fate> {
        let records = self.lab.since(mark);
        let allocates = |wanted| {
            let is = |record: &Record| matches!(record.event, TraceEvent::PageAlloc { usage, .. } if usage == wanted);
            records.iter().any(is)
        };
        let is_new = |wanted| {
            let is = |record: &Record| matches!(record.event, TraceEvent::PageAlloc { pfn, .. } if pfn == wanted);
            records.iter().any(is)
        };
        let cached = |pfn| (!is_new(pfn)).then_some(pfn);
        let copied = |record: &Record| matches!(record.event, TraceEvent::CowCopy { .. });
        let swapped = |pfn, copies| match foretold {
            Fate::SwapIn {
                slot,
                writeback,
                owners,
                ..
            } => Fate::SwapIn {
                slot,
                cached: cached(pfn),
                writeback,
                owners,
                copies,
            },
            _ => panic!("swapped in, not {foretold:?}"),
        };
        let fate = |record: &Record| match (record.event, foretold) {
            (TraceEvent::ZeroPageMap { .. }, _) => Some(Fate::ZeroPage),
            (TraceEvent::AnonPage { .. }, _) => Some(Fate::ZeroedFrame),
            (TraceEvent::SwapPage { pfn, .. }, _) => Some(swapped(pfn, records.iter().any(copied))),
            (TraceEvent::FilePage { pfn, .. }, Fate::SwapIn { .. }) => Some(swapped(pfn, false)),
            (TraceEvent::FilePage { pfn, .. }, Fate::NonlinearPage { index, .. }) => {
                let cached = cached(pfn);
                Some(Fate::NonlinearPage { index, cached })
            }
            (TraceEvent::FilePage { .. }, Fate::FileCopy { cached: Some(page) }) => {
                let cached = cached(page);
                Some(Fate::FileCopy { cached })
            }
            (TraceEvent::FilePage { pfn, .. }, _) if !allocates(FrameUse::User) => {
                let cached = cached(pfn);
                Some(Fate::FilePage { cached })
            }
            (TraceEvent::FilePage { pfn, .. }, _) => Some(Fate::FileCopy {
                cached: (!allocates(FrameUse::Cache)).then_some(pfn),
            }),
            (TraceEvent::CowCopy { old, .. }, Fate::Copy { why, .. }) => {
                Some(Fate::Copy { pfn: old, why })
            }
            (TraceEvent::CowCopy { .. }, Fate::SwapIn { .. }) => None,
            (TraceEvent::CowCopy { old, .. }, _) => {
                panic!("a copy of {old}, not {foretold:?}")
            }
            (TraceEvent::CowReuse { pfn, .. }, _) => Some(Fate::Reuse { pfn }),
            _ => None,
        };
        let handled: Vec<Fate> = records.iter().filter_map(fate).collect();
        match outcome {
            Acted::Fault(fault) => match fault.kind {
                UserFaultKind::Segv { code, reason } => vec![Fate::Sigsegv { code, reason }],
                UserFaultKind::Bus => vec![Fate::Sigbus],
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
        Fate::SwapIn { copies: true, .. } => "swap in and copy",
        Fate::SwapIn {
            writeback: true, ..
        } => "swap in of a page that is being written",
        Fate::SwapIn {
            cached: Some(_), ..
        } => "swap in from the swap cache",
        Fate::SwapIn { cached: None, .. } => "swap in",
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
    assert!(seen.len() == 17 && all > 4000, "{seen:?}");
}
