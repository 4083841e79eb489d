//! Which frames are mapped more than once, and by whom: the page tables read backwards.

use crate::abi::{MmId, PAGE_SIZE, Pfn, Pid, TASK_SIZE, VirtAddr};
use crate::hw::Pte;
use crate::kernel::Kernel;
use crate::kernel::mm::{SwapEntry, pte_present};
use crate::machine::Machine;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;
use slotmap::SecondaryMap;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that one page table maps.
const TABLE_SPAN: usize = 1 << 22;

/// How many mappings of a frame are listed one by one.
const MAX_OWNERS: usize = 6;

/// Frames of user data with more than one mapping, in ascending order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Sharing {
    /// One for each frame.
    pub frames: Vec<SharedFrame>,
}

/// A frame and its mappings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SharedFrame {
    /// Number of the frame.
    pub pfn: Pfn,
    /// Users of the page, including the page cache.
    pub page_count: i32,
    /// Page table entries that map it.
    pub page_mapcount: i32,
    /// The page table entries that map it.
    pub owners: Vec<Owner>,
}

/// A page table entry that maps a frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Owner {
    /// The address space of the page table.
    #[serde(skip)]
    pub mm: MmId,
    /// The tasks that use it, in ascending order.
    pub pids: Vec<Pid>,
    /// The address at which it maps the frame.
    pub addr: VirtAddr,
    /// The value of the entry.
    pub pte: u32,
    /// Whether user mode may write through it.
    pub writable: bool,
}

/// The shared frames of a machine, without the zero page, whose users are not counted.
pub fn sharing(machine: &Machine) -> Sharing {
    let kernel = &machine.kernel;
    let users = mm_users(kernel);
    let mut mappings: Vec<(Pfn, MmId, VirtAddr, Pte)> = Vec::new();
    for mm in kernel.mms().keys() {
        let data = user_pages(kernel, mm).filter(|(_, pte)| is_user_data(kernel, *pte));
        mappings.extend(data.map(|(addr, pte)| (pte.pfn(), mm, addr, pte)));
    }
    mappings.sort_by_key(|(pfn, ..)| *pfn);
    let shared = mappings
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same| same.len() > 1);
    let frames = shared.map(|same| {
        let page = kernel.mem().page(same[0].0);
        SharedFrame {
            pfn: same[0].0,
            page_count: page.page_count(),
            page_mapcount: page.page_mapcount(),
            owners: same
                .iter()
                .map(|(_, mm, addr, pte)| owner(&users, *mm, *addr, *pte))
                .collect(),
        }
    });
    Sharing {
        frames: frames.collect(),
    }
}

/// All page table entries that map a frame, in the order of address spaces and addresses.
///
/// This walks all page tables as the hardware sees them rather than the kernel's reverse mapping
/// (`anon_vma`), so the two can be compared.
pub fn owners(kernel: &Kernel, pfn: Pfn) -> Vec<Owner> {
    let mut owners = owners_of(kernel, &BTreeSet::from([pfn]));
    owners.remove(&pfn).unwrap_or_default()
}

/// As [`owners`], for many frames: all page tables are walked once. A frame that nobody maps is left
/// out.
pub(super) fn owners_of(kernel: &Kernel, pfns: &BTreeSet<Pfn>) -> BTreeMap<Pfn, Vec<Owner>> {
    let users = mm_users(kernel);
    let mut owners: BTreeMap<Pfn, Vec<Owner>> = BTreeMap::new();
    for mm in kernel.mms().keys() {
        let pages = user_pages(kernel, mm).filter(|(_, pte)| pfns.contains(&pte.pfn()));
        for (addr, pte) in pages {
            let of_frame = owners.entry(pte.pfn()).or_default();
            of_frame.push(owner(&users, mm, addr, pte));
        }
    }
    owners
}

/// All page table entries that own a swap slot, in the order of address spaces and addresses.
pub fn slot_owners(kernel: &Kernel, slot: SwapEntry) -> Vec<Owner> {
    let users = mm_users(kernel);
    let of_mm = |mm| {
        let naming = user_entries(kernel, mm).filter(|(_, pte)| *pte == slot.pte());
        naming
            .map(|(addr, pte)| owner(&users, mm, addr, pte))
            .collect::<Vec<_>>()
    };
    kernel.mms().keys().flat_map(of_mm).collect()
}

/// The frames of user data that both address spaces map.
pub fn common_frames(kernel: &Kernel, a: MmId, b: MmId) -> usize {
    let frames = |mm| -> BTreeSet<Pfn> {
        let data = user_pages(kernel, mm).filter(|(_, pte)| is_user_data(kernel, *pte));
        data.map(|(_, pte)| pte.pfn()).collect()
    };
    frames(a).intersection(&frames(b)).count()
}

/// The mapped user pages of an address space, in ascending order of address.
pub(super) fn user_pages(kernel: &Kernel, mm: MmId) -> impl Iterator<Item = (VirtAddr, Pte)> {
    user_entries(kernel, mm).filter(|(_, pte)| pte_present(*pte))
}

/// The entries of an address space for user pages, empty ones included.
pub(super) fn user_entries(kernel: &Kernel, mm: MmId) -> impl Iterator<Item = (VirtAddr, Pte)> {
    let tables = (0..TASK_SIZE).step_by(TABLE_SPAN).filter_map(move |start| {
        let pde = kernel.pde(mm, VirtAddr(start));
        pde.is_hw_present()
            .then(|| (start, kernel.ram.frame(pde.pfn())))
    });
    tables.flat_map(|(start, table)| {
        let entries = (start..)
            .step_by(PAGE_SIZE as usize)
            .zip(table.as_chunks().0);
        entries.map(|(addr, bytes)| (VirtAddr(addr), Pte(u32::from_le_bytes(*bytes))))
    })
}

pub(super) fn is_user_data(kernel: &Kernel, pte: Pte) -> bool {
    kernel.mem().pfn_valid(pte.pfn()) && !kernel.mem().page(pte.pfn()).is_reserved()
}

/// The tasks of every address space, in ascending order.
pub(super) fn mm_users(kernel: &Kernel) -> SecondaryMap<MmId, Vec<Pid>> {
    let mut users: SecondaryMap<MmId, Vec<Pid>> = SecondaryMap::new();
    for (pid, task) in kernel.pid_hash().tasks() {
        if let Some(mm) = kernel.task(task).mm()
            && let Some(entry) = users.entry(mm)
        {
            entry.or_default().push(pid);
        }
    }
    users
}

fn owner(users: &SecondaryMap<MmId, Vec<Pid>>, mm: MmId, addr: VirtAddr, pte: Pte) -> Owner {
    Owner {
        mm,
        pids: users.get(mm).cloned().unwrap_or_default(),
        addr,
        pte: pte.0,
        writable: pte.contains(Pte::PRESENT | Pte::RW),
    }
}

impl Sharing {
    /// One line per frame.
    pub fn text(&self) -> Text {
        if self.frames.is_empty() {
            return Line::default()
                .plain("no frame of user data is mapped twice")
                .into();
        }
        let mut table = Table::new(&[
            ("frame", Align::Left),
            ("page_count", Align::Right),
            ("page_mapcount", Align::Right),
            ("mapped by (pid, address, rights)", Align::Left),
        ]);
        for frame in &self.frames {
            table.row([
                cell(Role::Frame, frame.pfn),
                cell(Role::Number, frame.page_count),
                cell(Role::Number, frame.page_mapcount),
                frame.owners_line(),
            ]);
        }
        table.text()
    }
}

impl SharedFrame {
    fn owners_line(&self) -> Line {
        let shown = self.owners.iter().take(MAX_OWNERS).map(Owner::line);
        let line = shown.reduce(|line, owner| line.plain("   ").join(owner));
        let line = line.unwrap_or_default();
        match self.owners.len().saturating_sub(MAX_OWNERS) {
            0 => line,
            more => line.plain(format_args!("   and {more} more")),
        }
    }
}

impl Owner {
    /// Whether the page was used through the entry since reclaim last looked.
    pub(super) const fn is_accessed(&self) -> bool {
        Pte(self.pte).contains(Pte::ACCESSED)
    }

    /// `2,3 0xb7fff000 r-`
    fn line(&self) -> Line {
        let pids: Vec<String> = self.pids.iter().map(ToString::to_string).collect();
        let (role, rights) = if self.writable {
            (Role::Bad, "rw")
        } else {
            (Role::Good, "r-")
        };
        Line::default()
            .add(Role::Pid, pids.join(","))
            .plain(" ")
            .add(Role::Address, self.addr)
            .plain(" ")
            .add(role, rights)
    }
}
