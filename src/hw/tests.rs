//! What the MMU, its TLB and RAM do together, rule by rule.

mod random;

use super::*;
use crate::abi::{Pfn, VirtAddr};
use AccessKind::{Fetch, Read, Write};
use Mode::{Supervisor, User};

const DIRECTORY: Pfn = Pfn(1);
const TABLE: Pfn = Pfn(2);
const DATA: Pfn = Pfn(5);
const OTHER: Pfn = Pfn(6);
const PAGE: VirtAddr = VirtAddr(0x4000_3000);
const NEXT_PAGE: VirtAddr = VirtAddr(0x4000_4000);
const READ: Access = Access::read(User);
const WRITE: Access = Access::write(User);

/// Paging in protected mode, with or without write protection for the kernel.
const fn cr0(wp: bool) -> u32 {
    CR0_PG | CR0_PE | if wp { CR0_WP } else { 0 }
}

/// A CPU and RAM: one page table, for the 4 MiB from 0x40000000 on, which is empty.
#[derive(Clone)]
struct Machine {
    ram: Ram,
    mmu: Mmu,
}

impl Machine {
    fn new(tlb_entries: usize) -> Self {
        let mut machine = Self {
            ram: Ram::new(1100),
            mmu: Mmu::new(tlb_entries),
        };
        machine.mmu.load_cr3(DIRECTORY.phys());
        machine.set_pde(Pde::new(TABLE, 0x067));
        machine
    }

    /// A machine with this entry for the page at `PAGE`.
    fn with_page(flags: u32) -> Self {
        let mut machine = Self::new(64);
        machine.set_pte(PAGE, Pte::new(DATA, flags));
        machine
    }

    fn set_pde(&mut self, pde: Pde) {
        self.ram.write_u32(pde_phys(self.mmu.cr3, PAGE), pde.0);
    }

    fn set_pte(&mut self, va: VirtAddr, pte: Pte) {
        self.ram.write_u32(pte_phys(TABLE, va), pte.0);
    }

    fn pde(&self) -> Pde {
        Pde(self.ram.read_u32(pde_phys(self.mmu.cr3, PAGE)))
    }

    fn pte(&self, va: VirtAddr) -> Pte {
        Pte(self.ram.read_u32(pte_phys(TABLE, va)))
    }

    /// The frame that the access reaches, or the error code of its fault.
    fn access(&mut self, va: VirtAddr, access: Access) -> Result<Pfn, u32> {
        let result = self.mmu.translate(&mut self.ram, va, access);
        result
            .map(|phys| Pfn(phys >> 12))
            .map_err(|fault| fault.error_code.0)
    }

    fn read(&mut self, va: u32) -> Result<u32, PageFault> {
        self.mmu.read_u32(&mut self.ram, VirtAddr(va), User)
    }

    fn write(&mut self, va: u32, value: u32) -> Result<(), PageFault> {
        self.mmu.write_u32(&mut self.ram, VirtAddr(va), value, User)
    }

    fn is_cached(&self, va: VirtAddr) -> bool {
        self.mmu.tlb.lookup(va).is_some()
    }
}

fn fault(cr2: u32, error_code: u32) -> PageFault {
    PageFault {
        addr: VirtAddr(cr2),
        error_code: ErrorCode(error_code),
    }
}

#[test]
fn every_access_through_every_pair_of_entries() {
    // Rows: the PDE is S,RO S,RW U,RO U,RW; columns: the PTE is.
    let class = [
        ["S-RO", "S-RO", "S-RO", "S-RO"],
        ["S-RO", "S-RW", "S-RO", "S-RW"],
        ["S-RO", "S-RO", "U-RO", "U-RO"],
        ["S-RO", "S-RW", "U-RO", "U-RW"],
    ];
    // The classes that permit the access, and the error code for the others.
    let accesses = [
        (Read, User, true, "U-RO U-RW", 5),
        (Read, User, false, "U-RO U-RW", 5),
        (Fetch, User, true, "U-RO U-RW", 5),
        (Fetch, User, false, "U-RO U-RW", 5),
        (Write, User, true, "U-RW", 7),
        (Write, User, false, "U-RW", 7),
        (Read, Supervisor, true, "S-RO S-RW U-RO U-RW", 1),
        (Read, Supervisor, false, "S-RO S-RW U-RO U-RW", 1),
        (Fetch, Supervisor, true, "S-RO S-RW U-RO U-RW", 1),
        (Fetch, Supervisor, false, "S-RO S-RW U-RO U-RW", 1),
        (Write, Supervisor, true, "S-RW U-RW", 3),
        (Write, Supervisor, false, "S-RO S-RW U-RO U-RW", 3),
    ];
    for (pde_flags, row) in [1, 3, 5, 7].into_iter().zip(class) {
        for (pte_flags, class) in [1, 3, 5, 7].into_iter().zip(row) {
            for (kind, mode, wp, allowed, error_code) in accesses {
                let mut machine = Machine::with_page(pte_flags);
                machine.set_pde(Pde::new(TABLE, pde_flags));
                machine.mmu.set_cr0(cr0(wp));
                let expected = if allowed.contains(class) {
                    Ok(DATA)
                } else {
                    Err(error_code)
                };
                for through in ["walk", "TLB"] {
                    let found = machine.access(PAGE, Access { kind, mode });
                    assert_eq!(found, expected, "{class} {kind:?} {mode:?} {wp} {through}");
                }
                // What one access caches must not let others through.
                for (kind, mode, wp, allowed, error_code) in accesses {
                    let mut machine = machine.clone();
                    machine.mmu.set_cr0(cr0(wp));
                    let expected = if allowed.contains(class) {
                        Ok(DATA)
                    } else {
                        Err(error_code)
                    };
                    assert_eq!(machine.access(PAGE, Access { kind, mode }), expected);
                }
            }
        }
    }
}

#[test]
fn an_entry_that_is_not_present_outweighs_what_the_other_forbids() {
    for (pde, pte) in [
        (0x066, 0x067),
        (0x066, 0x001),
        (0x067, 0x066),
        (0x001, 0x006),
    ] {
        for (access, code) in [
            (Access::read(Supervisor), 0),
            (Access::write(Supervisor), 2),
            (Access::read(User), 4),
            (Access::fetch(User), 4),
            (Access::write(User), 6),
        ] {
            let mut machine = Machine::with_page(pte);
            machine.set_pde(Pde::new(TABLE, pde));
            assert_eq!(
                machine.access(PAGE, access),
                Err(code),
                "PDE {pde:#x} PTE {pte:#x}"
            );
        }
    }
}

#[test]
fn a_successful_walk_sets_a_in_both_levels_and_d_in_the_table_entry_for_writes() {
    for (access, pte) in [(READ, 0x027), (Access::fetch(User), 0x027), (WRITE, 0x067)] {
        let mut machine = Machine::with_page(0x007);
        machine.set_pde(Pde::new(TABLE, 0x007));
        assert_eq!(machine.access(PAGE, access), Ok(DATA));
        assert_eq!(machine.pte(PAGE).flags(), pte);
        assert_eq!(
            machine.pde().flags(),
            0x027,
            "PDE.D is never set for a table"
        );
    }
}

#[test]
fn a_faulting_walk_changes_nothing_but_cr2() {
    for (pde, pte, access) in [
        (0x007, 0x005, WRITE),
        (0x007, 0x006, READ),
        (0x006, 0x007, READ),
    ] {
        let mut machine = Machine::with_page(pte);
        machine.set_pde(Pde::new(TABLE, pde));
        machine.ram.checkpoint();
        assert!(machine.access(VirtAddr(PAGE.0 + 0x123), access).is_err());
        assert_eq!(machine.mmu.cr2, PAGE.0 + 0x123);
        assert_eq!(machine.ram.dirty_frames(), 0);
        assert_eq!(machine.mmu.tlb.entries().count(), 0);
    }
}

#[test]
fn a_write_through_an_entry_cached_clean_walks_again_to_set_d() {
    let mut machine = Machine::with_page(0x007);
    assert_eq!(machine.access(PAGE, READ), Ok(DATA));
    assert_eq!(machine.pte(PAGE).flags(), 0x027);
    assert_eq!(machine.access(PAGE, WRITE), Ok(DATA));
    assert_eq!(machine.pte(PAGE).flags(), 0x067);
    assert_eq!((machine.mmu.tlb.hits, machine.mmu.tlb.misses), (0, 2));
    assert_eq!(machine.access(PAGE, WRITE), Ok(DATA));
    assert_eq!((machine.mmu.tlb.hits, machine.mmu.tlb.misses), (1, 2));
}

#[test]
fn a_write_through_an_entry_cached_clean_checks_the_rights_in_memory_again() {
    let mut machine = Machine::with_page(0x007);
    assert_eq!(machine.access(PAGE, READ), Ok(DATA));
    machine.set_pte(PAGE, Pte::new(DATA, 0x025));
    assert_eq!(machine.access(PAGE, WRITE), Err(7));
}

#[test]
fn cleared_a_and_d_stay_clear_until_the_entry_is_flushed() {
    let mut machine = Machine::with_page(0x067);
    assert_eq!(machine.access(PAGE, WRITE), Ok(DATA));
    machine.set_pte(PAGE, Pte::new(DATA, 0x007));
    assert_eq!(machine.access(PAGE, WRITE), Ok(DATA));
    assert_eq!(machine.pte(PAGE).flags(), 0x007);
    machine.mmu.invlpg(PAGE);
    assert_eq!(machine.access(PAGE, WRITE), Ok(DATA));
    assert_eq!(machine.pte(PAGE).flags(), 0x067);
}

#[test]
fn a_page_that_becomes_present_needs_no_flush() {
    let mut machine = Machine::with_page(0x000);
    assert_eq!(machine.access(PAGE, READ), Err(4));
    machine.set_pte(PAGE, Pte::new(DATA, 0x025));
    assert_eq!(machine.access(PAGE, READ), Ok(DATA));
}

type Flush = fn(&mut Mmu);

#[test]
fn a_stale_entry_stays_in_use_until_it_is_flushed() {
    let flushes: [Flush; 5] = [
        |mmu| mmu.invlpg(VirtAddr(PAGE.0 + 0xfff)),
        |mmu| mmu.load_cr3(mmu.cr3),
        |mmu| mmu.set_cr4(CR4_PGE),
        |mmu| mmu.set_cr4(CR4_PSE),
        Mmu::flush_all,
    ];
    for flush in flushes {
        let mut machine = Machine::with_page(0x067);
        assert_eq!(machine.access(PAGE, WRITE), Ok(DATA));
        machine.set_pte(PAGE, Pte::new(OTHER, 0x025));
        machine.mmu.invlpg(NEXT_PAGE);
        machine.mmu.set_cr4(machine.mmu.cr4);
        assert_eq!(
            machine.access(PAGE, WRITE),
            Ok(DATA),
            "stale: the old frame, still writable"
        );
        flush(&mut machine.mmu);
        assert_eq!(machine.access(PAGE, READ), Ok(OTHER));
        assert_eq!(machine.access(PAGE, WRITE), Err(7));
    }
}

#[test]
fn flushes_are_counted_by_kind() {
    let mut machine = Machine::new(64);
    machine.mmu.load_cr3(DIRECTORY.phys());
    machine.mmu.invlpg(PAGE);
    machine.mmu.set_cr4(CR4_PGE);
    machine.mmu.set_cr4(0);
    machine.mmu.set_cr4(0);
    let tlb = &machine.mmu.tlb;
    assert_eq!((tlb.flushes, tlb.flushes_page, tlb.flushes_all), (2, 1, 2));
}

#[test]
fn a_page_fault_drops_the_entry_of_its_page_only() {
    let mut machine = Machine::with_page(0x025);
    machine.set_pte(NEXT_PAGE, Pte::new(OTHER, 0x025));
    assert_eq!(machine.access(PAGE, READ), Ok(DATA));
    assert_eq!(machine.access(NEXT_PAGE, READ), Ok(OTHER));
    assert_eq!(machine.access(PAGE, WRITE), Err(7));
    assert!(!machine.is_cached(PAGE));
    assert!(machine.is_cached(NEXT_PAGE));
}

#[test]
fn a_page_made_more_permissive_elsewhere_does_not_fault() {
    let mut machine = Machine::with_page(0x025);
    assert_eq!(machine.access(PAGE, READ), Ok(DATA));
    machine.set_pte(PAGE, Pte::new(DATA, 0x027));
    assert_eq!(machine.access(PAGE, WRITE), Ok(DATA));
}

#[test]
fn global_entries_outlive_a_load_of_cr3_if_pge_is_set() {
    for (cr4, pte_flags, survives) in [
        (CR4_PGE, 0x127, true),
        (CR4_PGE, 0x027, false),
        (0, 0x127, false),
    ] {
        let mut machine = Machine::with_page(pte_flags);
        machine.mmu.set_cr4(cr4);
        assert_eq!(machine.access(PAGE, READ), Ok(DATA));
        machine.mmu.load_cr3(DIRECTORY.phys());
        assert_eq!(
            machine.is_cached(PAGE),
            survives,
            "CR4 {cr4:#x} PTE {pte_flags:#x}"
        );
        machine.mmu.invlpg(PAGE);
        assert!(!machine.is_cached(PAGE));
    }
}

#[test]
fn the_global_bit_of_a_directory_entry_that_names_a_table_is_ignored() {
    let mut machine = Machine::with_page(0x027);
    machine.set_pde(Pde::new(TABLE, 0x167));
    machine.mmu.set_cr4(CR4_PGE);
    assert_eq!(machine.access(PAGE, READ), Ok(DATA));
    machine.mmu.load_cr3(DIRECTORY.phys());
    assert!(!machine.is_cached(PAGE));
}

#[test]
fn a_directory_entry_with_ps_maps_4_mib_if_pse_is_set() {
    let mut machine = Machine::with_page(0x025);
    machine.set_pde(Pde::new(TABLE, 0x087));
    assert_eq!(
        machine.access(PAGE, READ),
        Ok(DATA),
        "PSE is clear: PS is ignored"
    );
    machine.mmu.set_cr4(CR4_PSE);
    assert_eq!(
        machine.access(PAGE, READ),
        Ok(Pfn(3)),
        "frame 2 lies in the 4 MiB from 0 on"
    );
    assert_eq!(machine.pde().flags(), 0x0a7);
    assert_eq!(machine.access(PAGE, WRITE), Ok(Pfn(3)));
    assert_eq!(machine.pde().flags(), 0x0e7);
    assert_eq!(
        machine.pte(PAGE).flags(),
        0x025,
        "no table entry is involved"
    );
}

#[test]
fn a_4_mib_page_has_the_rights_of_its_directory_entry_and_faults_as_a_whole() {
    for (flags, user_write, supervisor_write) in [
        (0x0e3, Err(7), Ok(Pfn(0))),
        (0x0e5, Err(7), Err(3)),
        (0x0e6, Err(6), Err(2)),
    ] {
        let mut machine = Machine::new(64);
        machine.mmu.set_cr4(CR4_PSE);
        machine.set_pde(Pde::new(Pfn(0), flags));
        let start = VirtAddr(0x4000_0000);
        assert_eq!(machine.access(start, WRITE), user_write);
        assert_eq!(
            machine.access(start, Access::write(Supervisor)),
            supervisor_write
        );
    }
}

#[test]
fn invlpg_of_any_address_drops_a_whole_4_mib_page() {
    for policy in [TlbPolicy::DirectMapped, TlbPolicy::FullyAssociative] {
        let mut machine = Machine::new(0);
        machine.mmu.tlb = Tlb::new(64, policy);
        machine.mmu.set_cr4(CR4_PSE | CR4_PGE);
        machine.set_pde(Pde::new(Pfn(0), 0x1e7));
        let (first, last) = (VirtAddr(0x4000_0000), VirtAddr(0x403f_f000));
        assert_eq!(machine.access(first, READ), Ok(Pfn(0)));
        assert_eq!(machine.access(last, READ), Ok(Pfn(1023)));
        machine.mmu.load_cr3(DIRECTORY.phys());
        machine.mmu.invlpg(VirtAddr(0x4040_0000));
        assert!(machine.is_cached(first) && machine.is_cached(last));
        machine.mmu.invlpg(VirtAddr(0x4012_3456));
        assert!(!machine.is_cached(first) && !machine.is_cached(last));
    }
}

#[test]
fn wp_counts_at_the_time_of_the_access_and_flushes_nothing() {
    let mut machine = Machine::with_page(0x065);
    let write = Access::write(Supervisor);
    machine.mmu.set_cr0(CR0_PG | CR0_PE);
    assert_eq!(machine.access(PAGE, write), Ok(DATA));
    machine.mmu.set_cr0(CR0_PG | CR0_WP | CR0_PE);
    assert!(machine.is_cached(PAGE));
    assert_eq!(machine.access(PAGE, write), Err(3));
    machine.mmu.set_cr0(CR0_PG | CR0_PE);
    assert_eq!(machine.access(PAGE, write), Ok(DATA));
}

/// `PAGE` is frame 5, `NEXT_PAGE` frame 9: they are adjacent only in linear addresses.
fn two_pages(first: u32, second: u32) -> Machine {
    let mut machine = Machine::with_page(first);
    machine.set_pte(NEXT_PAGE, Pte::new(Pfn(9), second));
    machine
}

#[test]
fn unaligned_words_are_read_and_written_also_across_pages() {
    for offset in [0x001, 0xffb, 0xffc, 0xffd, 0xffe, 0xfff, 0x1000] {
        let mut machine = two_pages(0x007, 0x007);
        let va = PAGE.0 + offset;
        machine.write(va, 0x4433_2211).unwrap();
        assert_eq!(machine.read(va), Ok(0x4433_2211));
        for i in 0..4 {
            let at = offset + i;
            let phys = if at < 0x1000 {
                DATA.phys() + at
            } else {
                Pfn(9).phys() + at - 0x1000
            };
            assert_eq!(
                machine.ram.read_u8(phys),
                0x11 * (i as u8 + 1),
                "offset {offset:#x}"
            );
        }
        let half = machine
            .mmu
            .read_u16(&mut machine.ram, VirtAddr(va + 1), User);
        assert_eq!(half, Ok(0x3322));
    }
}

#[test]
fn a_write_across_pages_stores_nothing_if_one_of_them_faults() {
    for (first, second, expected) in [
        (0x007, 0x005, fault(NEXT_PAGE.0, 7)),
        (0x007, 0x000, fault(NEXT_PAGE.0, 6)),
        (0x005, 0x007, fault(PAGE.0 + 0xffe, 7)),
        (0x000, 0x000, fault(PAGE.0 + 0xffe, 6)),
    ] {
        let mut machine = two_pages(first, second);
        assert_eq!(machine.write(PAGE.0 + 0xffe, u32::MAX), Err(expected));
        assert_eq!(machine.mmu.cr2, expected.addr.0);
        assert_eq!(machine.ram.frame(DATA), &[0; 4096]);
        assert_eq!(machine.ram.frame(Pfn(9)), &[0; 4096]);
    }
}

#[test]
fn a_read_modify_write_is_a_write_from_the_start() {
    let mut machine = Machine::with_page(0x025);
    let result = machine
        .mmu
        .read_modify_write_u32(&mut machine.ram, PAGE, User, |_| {
            unreachable!("the page is read-only");
        });
    assert_eq!(result, Err(fault(PAGE.0, 7)));
    machine.set_pte(PAGE, Pte::new(DATA, 0x027));
    machine.ram.write_u32(DATA.phys(), 41);
    let old = machine
        .mmu
        .read_modify_write_u32(&mut machine.ram, PAGE, User, |v| v + 1);
    assert_eq!((old, machine.ram.read_u32(DATA.phys())), (Ok(41), 42));
}

#[test]
fn a_write_after_a_checkpoint_is_noticed_and_invisible_to_the_emulated_machine() {
    let mut machine = Machine::with_page(0x067);
    machine.write(PAGE.0, 1).unwrap();
    let mut saved = machine.clone();
    let image = saved.ram.checkpoint();
    assert!(!saved.ram.is_dirty(DATA));
    for machine in [&mut machine, &mut saved] {
        // A stale entry must not be looked up again just for the dirty mark.
        machine.set_pte(PAGE, Pte::new(OTHER, 0x067));
        machine.write(PAGE.0, 2).unwrap();
        machine.write(PAGE.0 + 4, 3).unwrap();
        assert!(machine.ram.is_dirty(DATA));
        assert_eq!((machine.mmu.tlb.hits, machine.mmu.tlb.misses), (2, 1));
    }
    assert!(saved.mmu.tlb.entries().eq(machine.mmu.tlb.entries()));
    saved.ram.restore(&image);
    assert_eq!(saved.ram.read_u32(DATA.phys()), 1);
    assert_eq!(saved.ram.read_u32(DATA.phys() + 4), 0);
}

#[test]
fn a_write_after_a_restore_is_noticed_too() {
    let mut machine = Machine::with_page(0x067);
    let image = machine.ram.checkpoint();
    for value in [1, 2] {
        machine.write(PAGE.0, value).unwrap();
        assert!(machine.ram.is_dirty(DATA));
        machine.ram.restore(&image);
        assert!(!machine.ram.is_dirty(DATA));
        assert_eq!(machine.read(PAGE.0), Ok(0));
    }
}
