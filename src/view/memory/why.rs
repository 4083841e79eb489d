//! What the next access of a task to an address would do, and why: the hardware's walk, the area,
//! the page and its sharers, and finally the outcome of a read, a write and a fetch from user mode.
//!
//! Nothing is decided here. The hardware's part is [`Mmu::predict`]; the kernel's part are the
//! functions by which the page fault handler itself decides, in the same order.

#[cfg(test)]
mod tests;
mod words;

use super::maps::{MapsRow, maps};
use super::sharing::{owners, slot_owners};
use super::vtop::{Vtop, vtop};
use crate::abi::{MmId, Pfn, Pid, TASK_SIZE, TaskId, VirtAddr};
use crate::hw::{Access, AccessKind, ErrorCode, Mmu, Mode, Pte};
use crate::kernel::Kernel;
use crate::kernel::mm::{
    BadAccess, FaultVerdict, FilePage, LruList, PageFlags, PageMapping, PteFault, SegvCode,
    SwapEntry, SwapInVerdict, Vma, WpVerdict, WpWhy, access_verdict, fault_verdict,
    pte_fault_verdict, slot_of,
};
use crate::machine::Machine;
use serde::{Serialize, Serializer};
use std::fmt;

/// The last offset in a page at which a whole word can be read.
const LAST_WORD: u32 = crate::abi::PAGE_SIZE - 4;

/// What is known about an address, and what the next accesses to it would do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Why {
    /// The task whose address it is.
    pub task: TaskName,
    /// The page table walk.
    #[serde(flatten)]
    pub walk: Vtop,
    /// The area that contains the address, or what there is instead.
    pub area: Area,
    /// The page table entries that map the frame; empty if its users are not counted.
    pub mapped_by: Vec<Mapper>,
    /// Who else uses the frame: a cache, or a vector in front of the LRU lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<&'static str>,
    /// If the page is in a swap slot: the page table entries that own the slot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slot_owners: Vec<Mapper>,
    /// The outcome of a read from user mode.
    pub read: Forecast,
    /// The outcome of a write from user mode.
    pub write: Forecast,
    /// The outcome of the fetch of an instruction from user mode.
    pub fetch: Forecast,
}

/// A task by pid and name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TaskName {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
}

/// What the list of areas says about an address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Area {
    /// It is in this area.
    Inside {
        /// The area's line in `maps`.
        row: MapsRow,
    },
    /// It is below a stack, which would grow down to it.
    BelowStack {
        /// The stack's line in `maps`.
        row: MapsRow,
        /// Number of pages that the stack would grow by.
        grows_by: u32,
    },
    /// It is in no area.
    Hole {
        /// The next area above, if there is one.
        next: Option<MapsRow>,
    },
    /// It belongs to the kernel.
    Kernel,
}

/// A page table entry that maps a frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Mapper {
    /// The tasks that use the address space, in ascending order.
    pub tasks: Vec<TaskName>,
    /// The address at which it maps the frame.
    pub addr: VirtAddr,
    /// Whether user mode may write through it.
    pub writable: bool,
}

/// The outcome of an access from user mode.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Forecast {
    /// The error code of the page fault, if it causes one.
    pub fault: Option<u32>,
    /// Number of pages that the stack grows by first.
    pub grows_by: u32,
    /// How the access ends.
    #[serde(flatten)]
    pub fate: Fate,
}

/// How an access ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Fate {
    /// It succeeds without a fault.
    Ok {
        /// The word that a read returns; `None` for other accesses, or if the word crosses the end of
        /// the page.
        value: Option<u32>,
        /// Whether only a TLB entry permits it, while the page tables no longer do.
        stale: bool,
    },
    /// The zero page is mapped, read-only.
    ZeroPage,
    /// A zero-filled frame is mapped.
    ZeroedFrame,
    /// A page of a file or shared object is mapped.
    FilePage {
        /// Its frame, if it is already in the page cache.
        cached: Option<Pfn>,
    },
    /// The page of a file that the entry of a nonlinear mapping names is mapped.
    NonlinearPage {
        /// Its index in the file.
        index: u32,
        /// Its frame, if it is already in the page cache.
        cached: Option<Pfn>,
    },
    /// A private copy of a page of a file is mapped.
    FileCopy {
        /// The frame of the page, if it is already in the page cache.
        cached: Option<Pfn>,
    },
    /// The page of a swap slot is mapped, after it has been read unless the swap cache has it.
    SwapIn {
        /// The slot.
        #[serde(serialize_with = "as_text")]
        slot: SwapEntry,
        /// The page of the swap cache.
        cached: Option<Pfn>,
        /// Whether that page is still being written to the slot. The fault does not wait for it.
        writeback: bool,
        /// Page table entries that own the slot.
        owners: u16,
        /// Whether the page is copied at once, because it is written and has other owners.
        copies: bool,
    },
    /// Copy on write: the page is copied.
    Copy {
        /// The frame that is copied.
        pfn: Pfn,
        /// Why it cannot be reused.
        #[serde(serialize_with = "copy_reason")]
        why: WpWhy,
    },
    /// Copy on write: nobody else uses the frame, which becomes writable again.
    Reuse {
        /// The frame that is reused.
        pfn: Pfn,
    },
    /// The page table permits it by now: it is just retried.
    Again,
    /// The task gets SIGSEGV.
    #[serde(rename = "SIGSEGV")]
    Sigsegv {
        /// `si_code`: MAPERR or ACCERR.
        #[serde(serialize_with = "as_text")]
        code: SegvCode,
        /// The rule that the access breaks.
        #[serde(serialize_with = "as_text")]
        reason: BadAccess,
    },
    /// The task gets SIGBUS: the file ends before the page.
    #[serde(rename = "SIGBUS")]
    Sigbus,
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn copy_reason<S: Serializer>(why: &WpWhy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match why {
        WpWhy::Shared { .. } => "shared",
        WpWhy::SwapShared { .. } => "swap_slot_shared",
        WpWhy::ZeroPage => "zero_page",
        WpWhy::Reserved => "reserved",
    })
}

/// Everything about an address of a task; `None` if the task has no address space.
pub fn why(machine: &Machine, task: TaskId, va: VirtAddr) -> Option<Why> {
    let kernel = &machine.kernel;
    let walk = vtop(machine, task, va)?;
    let mapped_by = match &walk.page {
        Some(page) if !page.reserved => mappers(kernel, page.pfn),
        _ => Vec::new(),
    };
    Some(Why {
        task: task_name(kernel, task),
        area: area(machine, task, va),
        mapped_by,
        held_by: match &walk.page {
            Some(page) if !page.reserved => holders(kernel, page.pfn),
            _ => Vec::new(),
        },
        slot_owners: slot_mappers(kernel, &walk),
        read: forecast(kernel, task, va, Access::read(Mode::User))?,
        write: forecast(kernel, task, va, Access::write(Mode::User))?,
        fetch: forecast(kernel, task, va, Access::fetch(Mode::User))?,
        walk,
    })
}

/// The outcome of a user-mode access if it were made now, with enough memory for it; `None` if the
/// task has no address space.
pub fn forecast(kernel: &Kernel, task: TaskId, va: VirtAddr, access: Access) -> Option<Forecast> {
    let mm = kernel.tasks().get(task)?.mm()?;
    let mmu = mmu_for(kernel, task, mm);
    let no_fault = |fate| Forecast {
        fault: None,
        grows_by: 0,
        fate,
    };
    Some(match mmu.predict(&kernel.ram, va, access) {
        Ok(phys) => no_fault(Fate::Ok {
            value: word_at(kernel, phys).filter(|_| access.kind == AccessKind::Read),
            stale: phys_by_walk(kernel, &mmu, va, access) != Some(phys),
        }),
        Err(code) => fault_forecast(kernel, task, mm, va, code),
    })
}

/// The MMU that the access will go through, in its state at that time: if the CPU has another
/// address space loaded, the task's is loaded first.
fn mmu_for(kernel: &Kernel, task: TaskId, mm: MmId) -> Mmu {
    let runs_on = |cpu: &usize| kernel.sched.current(*cpu) == task;
    let running = (0..kernel.cpus.len()).find(runs_on);
    let cpu = running.unwrap_or_else(|| usize::from(kernel.sched.get(task).cpu));
    let mut mmu = kernel.cpus[cpu].mmu.clone();
    let cr3 = kernel.mms()[mm].pgd().phys();
    if mmu.cr3 != cr3 {
        mmu.load_cr3(cr3);
    }
    mmu
}

fn phys_by_walk(kernel: &Kernel, mmu: &Mmu, va: VirtAddr, access: Access) -> Option<u32> {
    let mut without_tlb = mmu.clone();
    without_tlb.flush_all();
    without_tlb.predict(&kernel.ram, va, access).ok()
}

/// The word at a physical address, unless it extends into another page.
fn word_at(kernel: &Kernel, phys: u32) -> Option<u32> {
    (VirtAddr(phys).page_offset() <= LAST_WORD).then(|| kernel.ram.read_u32(phys))
}

/// The outcome of a fault in `do_page_fault`.
fn fault_forecast(
    kernel: &Kernel,
    task: TaskId,
    mm: MmId,
    va: VirtAddr,
    code: ErrorCode,
) -> Forecast {
    let esp = VirtAddr(kernel.task(task).thread.regs.esp);
    let verdict = fault_verdict(Some(&kernel.mms()[mm]), va, code, esp);
    let area = kernel.mms()[mm].find_vma(va).copied();
    let mut forecast = Forecast {
        fault: Some(code.0),
        grows_by: 0,
        fate: Fate::Again,
    };
    forecast.fate = match (verdict, area) {
        (FaultVerdict::GrowStack, Some(vma)) => match kernel.stack_growth(task, mm, &vma, va) {
            Ok(pages) => {
                forecast.grows_by = pages;
                fate_in_area(kernel, mm, &vma.grown_down(pages), va, code)
            }
            Err(_) => Fate::Sigsegv {
                code: SegvCode::MapErr,
                reason: BadAccess::StackLimit,
            },
        },
        (FaultVerdict::Good, Some(vma)) => fate_in_area(kernel, mm, &vma, va, code),
        (FaultVerdict::Bad { code, reason }, _) => Fate::Sigsegv { code, reason },
        (FaultVerdict::GrowStack | FaultVerdict::Good, None) => Fate::Again,
    };
    forecast
}

/// What `handle_mm_fault` would do in an area that contains the address, if the area permits the
/// access.
fn fate_in_area(kernel: &Kernel, mm: MmId, vma: &Vma, va: VirtAddr, code: ErrorCode) -> Fate {
    if let FaultVerdict::Bad { code, reason } = access_verdict(vma, code) {
        return Fate::Sigsegv { code, reason };
    }
    let pte = kernel.pte(mm, va);
    let linear = vma.linear_page_index(va.page_base());
    match pte_fault_verdict(pte, code.kind(), vma) {
        PteFault::AnonZero => Fate::ZeroPage,
        PteFault::AnonWrite => Fate::ZeroedFrame,
        PteFault::FilePage => file_fate(kernel, vma, linear, |cached| Fate::FilePage { cached }),
        PteFault::FileCopy => file_fate(kernel, vma, linear, |cached| Fate::FileCopy { cached }),
        PteFault::Nonlinear { index } => file_fate(kernel, vma, index, |cached| {
            Fate::NonlinearPage { index, cached }
        }),
        PteFault::SwapIn { entry } => {
            let SwapInVerdict {
                cached,
                owners,
                exclusive,
                ..
            } = kernel.swap_in_verdict(entry);
            Fate::SwapIn {
                slot: entry,
                cached,
                writeback: is_under_writeback(kernel, cached),
                owners,
                copies: code.is_write() && !exclusive,
            }
        }
        PteFault::WriteProtect => write_protect_fate(kernel, pte),
        PteFault::SpuriousWrite | PteFault::SpuriousRead => Fate::Again,
    }
}

fn file_fate(kernel: &Kernel, vma: &Vma, index: u32, found: impl Fn(Option<Pfn>) -> Fate) -> Fate {
    match kernel.file_page_at(vma, index) {
        FilePage::Cached(pfn) => found(Some(pfn)),
        FilePage::Uncached { .. } => found(None),
        FilePage::Swapped { slot, .. } => {
            let cached = kernel.swap().cached(slot);
            Fate::SwapIn {
                slot,
                cached,
                writeback: is_under_writeback(kernel, cached),
                owners: 1,
                copies: false,
            }
        }
        FilePage::BeyondEnd => Fate::Sigbus,
    }
}

fn is_under_writeback(kernel: &Kernel, cached: Option<Pfn>) -> bool {
    let flags = cached.map(|pfn| kernel.mem().page(pfn).flags());
    flags.is_some_and(|flags| flags.contains(PageFlags::WRITEBACK))
}

fn write_protect_fate(kernel: &Kernel, pte: Pte) -> Fate {
    let pfn = pte.pfn();
    match kernel.wp_verdict(pfn) {
        WpVerdict::Reuse => Fate::Reuse { pfn },
        WpVerdict::Copy { why } => Fate::Copy { pfn, why },
    }
}

fn area(machine: &Machine, task: TaskId, va: VirtAddr) -> Area {
    let rows = maps(machine, task).rows;
    if let Some(row) = rows.iter().find(|row| row.contains(va)) {
        return Area::Inside { row: row.clone() };
    }
    if va.0 >= TASK_SIZE {
        return Area::Kernel;
    }
    // The last row is the vsyscall page, which is the kernel's.
    let above = |row: &&MapsRow| row.start > va.0 && row.start < TASK_SIZE;
    let next = rows.iter().find(above).cloned();
    match (next, stack_growth_to(&machine.kernel, task, va)) {
        (Some(row), Some(grows_by)) => Area::BelowStack { row, grows_by },
        (next, _) => Area::Hole { next },
    }
}

/// How many pages the stack above an address would grow by if a user access touched it.
fn stack_growth_to(kernel: &Kernel, task: TaskId, va: VirtAddr) -> Option<u32> {
    let mm = kernel.task(task).mm()?;
    let present = false;
    let touched = ErrorCode::new(present, Access::read(Mode::User));
    let esp = VirtAddr(kernel.task(task).thread.regs.esp);
    match fault_verdict(Some(&kernel.mms()[mm]), va, touched, esp) {
        FaultVerdict::GrowStack => {
            let vma = kernel.mms()[mm].find_vma(va)?;
            kernel.stack_growth(task, mm, vma, va).ok()
        }
        FaultVerdict::Good | FaultVerdict::Bad { .. } => None,
    }
}

/// Who uses a frame without mapping it.
fn holders(kernel: &Kernel, pfn: Pfn) -> Vec<&'static str> {
    let page = kernel.mem().page(pfn);
    let waits = |cpu| {
        let lists = [LruList::Inactive, LruList::Active];
        let mut vectors = lists
            .into_iter()
            .map(move |list| kernel.mem().pagevec(cpu, list));
        vectors.any(|vector| vector.contains(&pfn))
    };
    let holders = [
        (
            matches!(page.mapping(), PageMapping::Cache(_)),
            "the page cache",
        ),
        (slot_of(page).is_some(), "the swap cache"),
        ((0..kernel.cpus.len()).any(waits), "a pagevec"),
        (
            kernel.direct_io().held().any(|held| held == pfn),
            "direct I/O",
        ),
    ];
    let holders = holders.into_iter().filter(|(holds, _)| *holds);
    holders.map(|(_, who)| who).collect()
}

/// The owners of the slot in which a walk ends.
fn slot_mappers(kernel: &Kernel, walk: &Vtop) -> Vec<Mapper> {
    let pte = walk.pte.as_ref().map(|pte| Pte(pte.value));
    let slot = pte.and_then(SwapEntry::of_pte);
    slot.map_or_else(Vec::new, |slot| named(kernel, slot_owners(kernel, slot)))
}

fn mappers(kernel: &Kernel, pfn: Pfn) -> Vec<Mapper> {
    named(kernel, owners(kernel, pfn))
}

fn named(kernel: &Kernel, owners: Vec<super::sharing::Owner>) -> Vec<Mapper> {
    let name = |pid: Pid| kernel.pid_hash().find(pid).map(|id| task_name(kernel, id));
    let mapper = |owner: super::sharing::Owner| Mapper {
        tasks: owner.pids.into_iter().filter_map(name).collect(),
        addr: owner.addr,
        writable: owner.writable,
    };
    owners.into_iter().map(mapper).collect()
}

fn task_name(kernel: &Kernel, task: TaskId) -> TaskName {
    TaskName {
        pid: kernel.pid(task),
        name: kernel.names.get(kernel.comm(task)).to_owned(),
    }
}
