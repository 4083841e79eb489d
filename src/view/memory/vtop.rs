//! From a linear address to a frame: the walk through both levels of page tables, entry by entry,
//! with the TLB's copy and the kernel's data about the page.

use crate::abi::{MmId, Pfn, TaskId, VirtAddr};
use crate::hw::{CR4_PSE, Pde, Pte, Rights, TlbBits, TlbEntry, Walk, pde_phys, pte_phys, walk};
use crate::kernel::Kernel;
use crate::kernel::mm::{Page, PageFlags, PageMapping, SwapEntry, VmFlags, pte_to_pgoff, slot_of};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// A page table walk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Vtop {
    /// The linear address.
    pub va: VirtAddr,
    /// Physical address of the page directory, as in CR3 when the task runs.
    pub cr3: u32,
    /// The page directory entry.
    pub pde: EntryView,
    /// The page table entry; `None` if the directory entry is not present.
    pub pte: Option<EntryView>,
    /// The frame that the address is in, if the hardware finds one.
    pub pfn: Option<Pfn>,
    /// The physical address, if the hardware finds one.
    pub phys: Option<u32>,
    /// The TLB entries of the page, one for each CPU that uses this address space now.
    pub tlb: Vec<TlbView>,
    /// The kernel's data about the page.
    pub page: Option<PageView>,
    /// Whether the area of the address is locked, so that reclaim leaves its pages in memory.
    pub locked: bool,
    /// Where the walk ends and what is permitted there, in words.
    pub end: String,
}

/// An entry of a page directory or page table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EntryView {
    /// Its index in the table.
    pub index: u32,
    /// Its physical address.
    pub phys: u32,
    /// Its value, a 32-bit word.
    pub value: u32,
    /// The names of its low bits.
    pub flags: Vec<&'static str>,
}

/// The TLB entry of a page on one CPU.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TlbView {
    /// Number of the CPU.
    pub cpu: usize,
    /// The frame; `None` if there is no entry.
    pub pfn: Option<Pfn>,
    /// Whether user mode may use the page.
    pub user: bool,
    /// Whether the page may be written.
    pub writable: bool,
}

/// The reference counts of a page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PageView {
    /// Number of the frame.
    pub pfn: Pfn,
    /// Users of the page.
    pub page_count: i32,
    /// Page table entries that map it.
    pub page_mapcount: i32,
    /// Whether its contents belong to no file.
    pub anon: bool,
    /// The page of a file that it is.
    pub file: Option<FilePageView>,
    /// Its swap slot, if it is in the swap cache.
    pub swap: Option<SwapPageView>,
    /// Whether its users are not counted, as for the zero page.
    pub reserved: bool,
}

/// A page in the page cache.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FilePageView {
    /// The path of the file.
    pub path: String,
    /// Its index in the file.
    pub index: u32,
    /// Whether it is newer than what the disk has.
    pub dirty: bool,
    /// Whether it is on its way to the disk.
    pub writeback: bool,
}

/// A page in the swap cache.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SwapPageView {
    /// The slot, in words.
    pub slot: String,
    /// Whether it is newer than what the slot holds.
    pub dirty: bool,
    /// Whether it is on its way to the slot.
    pub writeback: bool,
}

/// The walk for an address of a task; `None` if the task has no address space.
pub fn vtop(machine: &Machine, task: TaskId, va: VirtAddr) -> Option<Vtop> {
    let kernel = &machine.kernel;
    let mm = kernel.tasks().get(task)?.mm()?;
    let cr3 = kernel.mms()[mm].pgd().phys();
    let cr4 = kernel.cpus.first()?.mmu.cr4;
    let found = walk(&kernel.ram, cr3, cr4, va);
    let pfn = found.pfn();
    Some(Vtop {
        va,
        cr3,
        pde: EntryView {
            index: va.pgd_index(),
            phys: pde_phys(cr3, va),
            value: found.pde.0,
            flags: pde_flags(found.pde, cr4),
        },
        pte: found.pte.map(|pte| EntryView {
            index: va.pte_index(),
            phys: pte_phys(found.pde.pfn(), va),
            value: pte.0,
            flags: pte_flags(pte),
        }),
        pfn,
        phys: pfn.map(|pfn| pfn.phys() | va.page_offset()),
        tlb: tlb_views(kernel, cr3, va),
        page: pfn.and_then(|pfn| page_view(kernel, pfn)),
        locked: is_locked(kernel, mm, va),
        end: end_of(&found),
    })
}

fn is_locked(kernel: &Kernel, mm: MmId, va: VirtAddr) -> bool {
    let vma = kernel.mms()[mm].find_vma(va);
    vma.is_some_and(|vma| vma.contains(va) && vma.has(VmFlags::LOCKED))
}

/// The names of the low bits of a page table entry.
pub fn pte_flags(pte: Pte) -> Vec<&'static str> {
    if pte_to_pgoff(pte).is_some() {
        return vec!["FILE"];
    }
    if SwapEntry::of_pte(pte).is_some() {
        return vec!["SWAP"];
    }
    if !pte.is_hw_present() && pte.contains(Pte::PROTNONE) {
        return vec!["PROTNONE"];
    }
    flag_names(pte.0, &[(Pte::GLOBAL, "G")])
}

fn pde_flags(pde: Pde, cr4: u32) -> Vec<&'static str> {
    let pse = if cr4 & CR4_PSE == 0 { 0 } else { Pde::PSE };
    flag_names(pde.0, &[(pse, "PS"), (Pde::GLOBAL, "G")])
}

fn flag_names(value: u32, high: &[(u32, &'static str)]) -> Vec<&'static str> {
    let low = [
        (Pte::PRESENT, "P"),
        (Pte::RW, "RW"),
        (Pte::USER, "US"),
        (Pte::PWT, "PWT"),
        (Pte::PCD, "PCD"),
        (Pte::ACCESSED, "A"),
        (Pte::DIRTY, "D"),
    ];
    let all = low.iter().chain(high);
    all.filter(|(bit, _)| value & bit != 0)
        .map(|(_, name)| *name)
        .collect()
}

fn tlb_views(kernel: &Kernel, cr3: u32, va: VirtAddr) -> Vec<TlbView> {
    let cpus = kernel.cpus.iter().enumerate();
    let view = |(cpu, entry): (usize, Option<TlbEntry>)| TlbView {
        cpu,
        pfn: entry.map(|entry| entry.pfn),
        user: entry.is_some_and(|entry| entry.bits.contains(TlbBits::US)),
        writable: entry.is_some_and(|entry| entry.bits.contains(TlbBits::RW)),
    };
    cpus.filter(|(_, cpu)| cpu.mmu.cr3 == cr3)
        .map(|(nr, cpu)| view((nr, cpu.mmu.tlb.lookup(va))))
        .collect()
}

fn page_view(kernel: &Kernel, pfn: Pfn) -> Option<PageView> {
    let page = kernel
        .mem()
        .pfn_valid(pfn)
        .then(|| kernel.mem().page(pfn))?;
    Some(PageView {
        pfn,
        page_count: page.page_count(),
        page_mapcount: page.page_mapcount(),
        anon: page.is_anon(),
        file: file_page_view(kernel, page),
        swap: swap_page_view(page),
        reserved: page.is_reserved(),
    })
}

fn file_page_view(kernel: &Kernel, page: &Page) -> Option<FilePageView> {
    let PageMapping::Cache(inode) = page.mapping() else {
        return None;
    };
    let has = |flag| page.flags().contains(flag);
    Some(FilePageView {
        path: format!("/{}", kernel.inodes().get(inode)?.path),
        index: page.index(),
        dirty: has(PageFlags::DIRTY),
        writeback: has(PageFlags::WRITEBACK),
    })
}

fn swap_page_view(page: &Page) -> Option<SwapPageView> {
    let has = |flag| page.flags().contains(flag);
    Some(SwapPageView {
        slot: slot_of(page)?.to_string(),
        dirty: has(PageFlags::DIRTY),
        writeback: has(PageFlags::WRITEBACK),
    })
}

fn end_of(walk: &Walk) -> String {
    if !walk.pde.is_hw_present() {
        return "no page table: every access faults".to_owned();
    }
    match (walk.pte, walk.rights()) {
        (_, Some(rights)) => allowed(rights).to_owned(),
        (Some(Pte(0)), None) => "nothing mapped yet: every access faults".to_owned(),
        (Some(pte), None) if pte.contains(Pte::PROTNONE) => {
            "mapped, but hidden from the hardware (PROT_NONE): every access faults".to_owned()
        }
        (pte, None) => match (pte.and_then(pte_to_pgoff), pte.and_then(SwapEntry::of_pte)) {
            (Some(page), _) => {
                format!("names page {page} of the file (nonlinear mapping): every access faults")
            }
            (None, Some(slot)) => format!("in {slot}: every access faults"),
            (None, None) => "not present: every access faults".to_owned(),
        },
    }
}

const fn allowed(rights: Rights) -> &'static str {
    match (rights.us, rights.rw) {
        (true, true) => "user mode may read and write",
        (true, false) => "user mode may read; a write faults",
        (false, _) => "only the kernel may use it; user mode faults",
    }
}

impl Vtop {
    /// One line per step of the walk.
    pub fn text(&self) -> Text {
        let mut text: Text = self.address_line(Line::default()).into();
        text.push(self.cr3_line());
        text.push(self.pde.line("PDE"));
        if let Some(pte) = &self.pte {
            text.push(pte.line("PTE"));
        }
        if self.tlb.is_empty() {
            text.push(station("TLB").add(Role::Dim, "no CPU uses this address space now"));
        }
        for tlb in &self.tlb {
            text.push(tlb.line());
        }
        if let Some(page) = &self.page {
            text.push(page.line());
        }
        let place = match (self.phys, self.pfn) {
            (Some(phys), Some(pfn)) => Line::default()
                .add(Role::Address, format_args!("{phys:#010x}"))
                .plain(" in frame ")
                .add(Role::Frame, pfn)
                .plain(": "),
            _ => Line::default(),
        };
        let role = if self.phys.is_some() {
            Role::Plain
        } else {
            Role::Bad
        };
        let end = station("->").join(place).add(role, &self.end);
        text.push(if self.locked {
            end.plain("; the area is locked")
        } else {
            end
        });
        text
    }

    /// The address, its task, and how the hardware splits it.
    pub(super) fn address_line(&self, whose: Line) -> Line {
        let split = format!(
            " = directory entry {}, table entry {}, byte {:#x}",
            self.va.pgd_index(),
            self.va.pte_index(),
            self.va.page_offset()
        );
        let address = Line::default().add(Role::Address, self.va);
        address.join(whose).plain(split)
    }

    pub(super) fn cr3_line(&self) -> Line {
        station("CR3").add(Role::Address, format_args!("{:#010x}", self.cr3))
    }
}

pub(super) fn station(name: &str) -> Line {
    Line::default().add(Role::Heading, format_args!("{name:<5}"))
}

impl EntryView {
    pub(in crate::view) fn line(&self, name: &str) -> Line {
        station(name)
            .add(Role::Address, format_args!("{:#010x}", self.value))
            .plain("  at ")
            .add(Role::Dim, format_args!("{:#010x}", self.phys))
            .plain(if self.flags.is_empty() { "" } else { "  " })
            .add(Role::Flag, self.flags.join(" "))
    }
}

impl TlbView {
    fn line(&self) -> Line {
        self.line_of_cpus(&self.cpu.to_string())
    }

    /// The line for the CPUs whose TLBs agree about the page.
    pub(super) fn line_of_cpus(&self, cpus: &str) -> Line {
        let line = station("TLB").plain(format_args!("of CPU {cpus}: "));
        let Some(pfn) = self.pfn else {
            return line.add(Role::Dim, "no entry");
        };
        let rights = Rights {
            us: self.user,
            rw: self.writable,
        };
        line.plain("frame ")
            .add(Role::Frame, pfn)
            .plain(", ")
            .plain(allowed(rights))
    }
}

impl PageView {
    pub(in crate::view) fn line(&self) -> Line {
        let line = station("page").add(Role::Frame, self.pfn).plain(":");
        if self.reserved {
            return line.plain(" reserved, its users are not counted");
        }
        let owner = match (self.anon, &self.swap) {
            (true, _) => "anonymous",
            (false, None) => "page cache",
            // A page of shared memory is in one cache or the other.
            (false, Some(_)) => "shared memory",
        };
        let file = self.file.as_ref().map(FilePageView::line);
        let swap = self.swap.as_ref().map(SwapPageView::line);
        line.plain(" page_count ")
            .add(Role::Number, self.page_count)
            .plain(", page_mapcount ")
            .add(Role::Number, self.page_mapcount)
            .plain(format_args!(", {owner}"))
            .join(file.or(swap).unwrap_or_default())
    }
}

impl FilePageView {
    /// ` (page 2 of /tmp/data, dirty)`
    fn line(&self) -> Line {
        let line = Line::default()
            .plain(" (page ")
            .add(Role::Number, self.index)
            .plain(" of ")
            .add(Role::Name, &self.path);
        line.plain(states(self.dirty, self.writeback)).plain(")")
    }
}

impl SwapPageView {
    /// ` (swap slot 36, being written)`
    fn line(&self) -> Line {
        let line = Line::default().plain(" (").plain(&self.slot);
        line.plain(states(self.dirty, self.writeback)).plain(")")
    }
}

/// `, dirty, being written`
fn states(dirty: bool, writeback: bool) -> String {
    let states = [(dirty, ", dirty"), (writeback, ", being written")];
    let states = states.into_iter().filter(|(is, _)| *is);
    states.map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_decoded_bit_by_bit() {
        for (value, flags) in [
            (0x0041_2067, "P RW US A D"),
            (0x0041_2025, "P US A"),
            (0x0041_2163, "P RW A D G"),
            (0x0041_20a0, "PROTNONE"),
            (0x0000_004c, "FILE"),
            (0, ""),
        ] {
            assert_eq!(pte_flags(Pte(value)).join(" "), flags, "{value:#x}");
        }
        assert_eq!(pde_flags(Pde(0x1e3), CR4_PSE).join(" "), "P RW A D PS G");
        assert_eq!(pde_flags(Pde(0x0e3), 0).join(" "), "P RW A D");
    }

    #[test]
    fn the_end_of_a_walk_in_words() {
        let end = |pde, pte: Option<u32>| {
            let va = VirtAddr(0);
            end_of(&Walk {
                va,
                pde: Pde(pde),
                pte: pte.map(Pte),
                large: false,
            })
        };
        assert_eq!(end(0, None), "no page table: every access faults");
        assert_eq!(
            end(0x067, Some(0)),
            "nothing mapped yet: every access faults"
        );
        assert_eq!(
            end(0x067, Some(0x065)),
            "user mode may read; a write faults"
        );
        assert_eq!(end(0x067, Some(0x067)), "user mode may read and write");
        assert_eq!(
            end(0x067, Some(0x063)),
            "only the kernel may use it; user mode faults"
        );
        assert!(end(0x067, Some(0x0a0)).contains("PROT_NONE"));
        assert!(end(0x067, Some(0x04c)).contains("page 6 of the file"));
    }
}
