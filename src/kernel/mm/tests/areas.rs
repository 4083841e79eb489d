//! Where mappings go, how they merge and split, and in which order `mmap` refuses.

use super::lab::{FIXED, Lab, PRIVATE, READ, RW, SHARED};
use crate::abi::{AnonVmaId, Errno, FileId, MapFlags, RLIM_INFINITY, Resource, TaskId, VirtAddr};
use crate::kernel::mm::merge::{Merge, merge_verdict};
use crate::kernel::mm::{Mm, VmFlags, Vma};
use crate::kernel::syscall::{MapRefusal, MmapArgs, Syscall};
use slotmap::SlotMap;

const MIB: u32 = 1 << 20;

/// An address space with these areas (start and end in pages) and layout.
fn space(stack_limit: Option<u32>, areas: &[(u32, u32)]) -> Mm {
    let mut mm = Mm::default();
    mm.pick_mmap_layout(stack_limit);
    for (start, end) in areas {
        mm.insert_vma(Vma::anonymous(start << 12, end << 12, VmFlags::DATA));
    }
    mm
}

fn search(mm: &mut Mm, addr: u32, len: u32) -> Result<u32, Errno> {
    mm.get_unmapped_area(addr, len, MapFlags::empty())
        .map_err(MapRefusal::errno)
}

#[test]
fn where_mappings_begin_depends_on_the_limit_of_the_stack() {
    for (limit, base) in [
        (Some(8 * MIB), 0xb800_0000),
        (Some(128 * MIB), 0xb800_0000),
        (Some(256 * MIB), 0xb000_0000),
        (Some(0xbfff_ffff), 0x2000_0000),
        (None, 0x4000_0000),
    ] {
        assert_eq!(space(limit, &[]).mmap_base, base, "{limit:?}");
    }
}

#[test]
fn top_down_search() {
    let mut mm = space(Some(8 * MIB), &[(0xb_7ff0, 0xb_7ff8)]);
    // addr, pages: result, cache afterwards
    for (addr, pages, result, cache) in [
        (0, 4, 0xb7ff_c000, 0xb7ff_c000),
        // Nothing is recorded as mapped in between, so the cache decides where to go on.
        (0, 4, 0xb7ff_8000, 0xb7ff_8000),
        (0, 4, 0xb7ff_c000, 0xb7ff_c000),
        (0, 16, 0xb7fe_0000, 0xb7fe_0000),
        (0x1000_0001, 1, 0x1000_1000, 0xb7fe_0000),
        (0xb7ff_1000, 1, 0xb7fd_f000, 0xb7fd_f000),
    ] {
        assert_eq!(
            search(&mut mm, addr, pages << 12),
            Ok(result),
            "{addr:#x}, {pages} pages"
        );
        assert_eq!(mm.free_area_cache, cache, "{addr:#x}, {pages} pages");
    }
}

#[test]
fn top_down_search_goes_on_to_address_0() {
    let mut mm = space(Some(8 * MIB), &[(5, 0x10)]);
    mm.free_area_cache = 0x5000;
    assert_eq!(search(&mut mm, 0, 0x5000), Ok(0));
    assert_eq!(mm.free_area_cache, 0);
}

/// 2 GiB fit neither below `mmap_base` nor above the area, until the search from the bottom.
#[test]
fn a_failed_top_down_search_goes_bottom_up_and_starts_afresh() {
    let mut mm = space(Some(8 * MIB), &[(0x0_8048, 0x3_0000), (0x3_f000, 0x4_0000)]);
    assert_eq!(search(&mut mm, 0, 0x7f00_0000), Ok(0x4000_0000));
    assert_eq!(mm.free_area_cache, 0xb800_0000);
    assert_eq!(search(&mut mm, 0, 0x8000_1000), Err(Errno::ENOMEM));
    assert_eq!(mm.free_area_cache, 0xb800_0000);
}

#[test]
fn bottom_up_search_goes_on_where_it_ended_and_wraps_once() {
    let mut mm = space(None, &[(0x4_0000, 0x4_0004), (0x4_0006, 0x4_0008)]);
    for (pages, result, cache) in [
        (4, 0x4000_8000, 0x4000_c000),
        (1, 0x4000_c000, 0x4000_d000),
        (0x7_fff3, 0x4000_d000, 0xc000_0000),
        (2, 0x4000_4000, 0x4000_6000),
    ] {
        assert_eq!(
            search(&mut mm, 0, pages << 12),
            Ok(result),
            "{pages:#x} pages"
        );
        assert_eq!(mm.free_area_cache, cache, "{pages:#x} pages");
    }
    assert_eq!(search(&mut mm, 0, 0x7fff_9000), Err(Errno::ENOMEM));
}

#[test]
fn unmapping_moves_the_search_back() {
    let mut mm = space(None, &[]);
    for (cache, start, expected) in [
        (0x5000_0000, 0x4800_0000, 0x4800_0000),
        (0x5000_0000, 0x5800_0000, 0x5000_0000),
        (0x5000_0000, 0x3000_0000, 0x5000_0000),
    ] {
        mm.free_area_cache = cache;
        mm.unmap_area(start, start + 0x1000);
        assert_eq!(mm.free_area_cache, expected, "bottom-up, {start:#x}");
    }
    let mut mm = space(Some(8 * MIB), &[]);
    for (cache, end, expected) in [
        (0xb000_0000, 0xb100_0000, 0xb100_0000),
        (0xb000_0000, 0xa000_0000, 0xb000_0000),
        (0xb000_0000, 0xbf00_0000, 0xb800_0000),
    ] {
        mm.free_area_cache = cache;
        mm.unmap_area(end - 0x1000, end);
        assert_eq!(mm.free_area_cache, expected, "top-down, {end:#x}");
    }
}

/// Three areas side by side: 2 pages, the new one, 2 pages.
const LOW: Vma = Vma::anonymous(0x1000, 0x3000, VmFlags::DATA);
const NEW: Vma = Vma::anonymous(0x3000, 0x4000, VmFlags::DATA);
const HIGH: Vma = Vma::anonymous(0x4000, 0x6000, VmFlags::DATA);

fn merge(prev: impl Into<Option<Vma>>, new: Vma, next: impl Into<Option<Vma>>) -> Merge {
    merge_verdict(prev.into().as_ref(), &new, next.into().as_ref())
}

#[test]
fn areas_that_touch_merge() {
    assert_eq!(merge(None, NEW, None), Merge::None);
    assert_eq!(merge(LOW, NEW, None), Merge::Prev);
    assert_eq!(merge(None, NEW, HIGH), Merge::Next);
    assert_eq!(merge(LOW, NEW, HIGH), Merge::Both);
    let far = Vma::anonymous(0x5000, 0x6000, VmFlags::DATA);
    assert_eq!(merge(LOW, NEW, far), Merge::Prev);
}

#[test]
fn areas_with_different_flags_do_not_merge() {
    let flagged = |vma: Vma, flag| Vma {
        vm_flags: vma.vm_flags | flag,
        ..vma
    };
    for flag in [VmFlags::ACCOUNT, VmFlags::SEQ_READ, VmFlags::EXEC] {
        assert_eq!(
            merge(flagged(LOW, flag), NEW, HIGH),
            Merge::Next,
            "{flag:?}"
        );
        assert_eq!(
            merge(LOW, NEW, flagged(HIGH, flag)),
            Merge::Prev,
            "{flag:?}"
        );
        assert_eq!(
            merge(flagged(LOW, flag), flagged(NEW, flag), None),
            Merge::Prev,
            "{flag:?}"
        );
    }
    for flag in [
        VmFlags::IO,
        VmFlags::DONTCOPY,
        VmFlags::DONTEXPAND,
        VmFlags::RESERVED,
    ] {
        assert_eq!(
            merge(flagged(LOW, flag), flagged(NEW, flag), None),
            Merge::None,
            "{flag:?}"
        );
    }
}

#[test]
fn areas_with_different_owners_of_pages_do_not_merge() {
    let mut owners: SlotMap<AnonVmaId, ()> = SlotMap::with_key();
    let (x, y) = (owners.insert(()), owners.insert(()));
    let owned = |vma, owner| Vma {
        anon_vma: Some(owner),
        ..vma
    };
    assert_eq!(merge(owned(LOW, x), NEW, owned(HIGH, y)), Merge::Prev);
    assert_eq!(merge(owned(LOW, x), NEW, owned(HIGH, x)), Merge::Both);
    assert_eq!(merge(LOW, NEW, owned(HIGH, y)), Merge::Both);
    assert_eq!(merge(owned(LOW, x), owned(NEW, y), HIGH), Merge::Next);
}

#[test]
fn areas_of_one_file_merge_where_it_goes_on() {
    let mut files: SlotMap<FileId, ()> = SlotMap::with_key();
    let (f, g) = (files.insert(()), files.insert(()));
    let of_file = |vma, file, vm_pgoff| Vma {
        vm_file: Some(file),
        vm_pgoff,
        ..vma
    };
    assert_eq!(
        merge(of_file(LOW, f, 5), of_file(NEW, f, 7), None),
        Merge::Prev
    );
    assert_eq!(
        merge(of_file(LOW, f, 5), of_file(NEW, f, 8), None),
        Merge::None
    );
    assert_eq!(
        merge(of_file(LOW, f, 5), of_file(NEW, g, 7), None),
        Merge::None
    );
    assert_eq!(merge(of_file(LOW, f, 1), NEW, None), Merge::None);
}

#[test]
fn mappings_side_by_side_are_one_area_until_they_differ() {
    let (mut lab, a) = Lab::with_task();
    for (what, addr, prot, areas) in [
        ("first", 0x4000_0000, RW, 4),
        ("gap", 0x4000_2000, RW, 5),
        ("fills the gap", 0x4000_1000, RW, 4),
        ("other rights", 0x4000_3000, READ, 5),
        ("the same rights again", 0x4000_4000, READ, 5),
    ] {
        lab.mmap_at(a, addr, 1, prot);
        lab.touch_readable(a, addr);
        assert_eq!(lab.mm(a).map_count(), areas, "{what}");
        lab.check();
    }
}

/// Each area has its own `anon_vma`, which keeps them apart for good.
#[test]
fn areas_with_different_owners_of_pages_stay_apart() {
    let (mut lab, a) = Lab::with_task();
    for addr in [0x4000_0000, 0x4000_2000] {
        let va = lab.mmap_at(a, addr, 1, RW);
        lab.touch(a, va, 1);
    }
    lab.mmap_at(a, 0x4000_1000, 1, RW);
    assert_eq!(
        lab.areas(a)[2..4],
        [(0x4000_0000, 0x4000_2000), (0x4000_2000, 0x4000_3000)]
    );
    lab.check();
}

/// A neighbour's `anon_vma` is taken over if only the rights keep the areas apart.
#[test]
fn neighbours_share_an_owner_of_pages() {
    let (mut lab, a) = Lab::with_task();
    let low = lab.mmap_at(a, 0x4000_0000, 1, RW);
    let high = lab.mmap_at(a, 0x4000_1000, 1, RW | 4);
    lab.touch(a, low, 1);
    lab.touch(a, high, 1);
    assert_eq!(lab.mm(a).map_count(), 5);
    assert_eq!(lab.area(a, low).anon_vma, lab.area(a, high).anon_vma);
    lab.check();
}

#[test]
fn a_split_area_keeps_its_owner_of_pages_for_both_parts() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x4000_0000, 3, RW);
    lab.touch(a, va, 3);
    lab.munmap(a, VirtAddr(0x4000_1000), 1);
    let (low, high) = (lab.area(a, va), lab.area(a, VirtAddr(0x4000_2000)));
    assert_eq!(low.anon_vma, high.anon_vma);
    lab.check();
    lab.mmap_at(a, 0x4000_1000, 1, RW);
    assert_eq!(lab.areas(a)[2], (0x4000_0000, 0x4000_3000));
    lab.check();
}

impl Lab {
    fn touch_readable(&mut self, task: TaskId, addr: u32) {
        self.read(task, VirtAddr(addr));
    }
}

const LOCKED: u32 = 0x2000;

/// Each row but the last of a kind also breaks the rules of later rows.
#[test]
fn the_order_in_which_mmap_refuses() {
    let (mut lab, a) = Lab::with_task();
    let (typeless, both) = (0x20, 0x23);
    for (what, addr, len, flags, pgoff, expected) in [
        (
            "length 0, then address",
            1,
            0,
            typeless | FIXED,
            0,
            Errno::EINVAL,
        ),
        (
            "length, then offset",
            0,
            u32::MAX,
            PRIVATE,
            u32::MAX,
            Errno::ENOMEM,
        ),
        ("offset", 0, 0x1000, typeless, u32::MAX, Errno::EOVERFLOW),
        (
            "room, then alignment",
            0xc000_0001,
            1,
            PRIVATE | FIXED,
            0,
            Errno::ENOMEM,
        ),
        (
            "alignment",
            0x4000_0001,
            1,
            PRIVATE | FIXED,
            0,
            Errno::EINVAL,
        ),
        ("room", 0, 0xb800_0000, typeless | LOCKED, 0, Errno::ENOMEM),
        (
            "locked too much, then type",
            0,
            0x9000,
            typeless | LOCKED,
            0,
            Errno::EAGAIN,
        ),
        ("no type", 0, 1, typeless, 0, Errno::EINVAL),
        ("both types", 0, 1, both, 0, Errno::EINVAL),
    ] {
        let call = Syscall::Mmap2(MmapArgs {
            addr,
            len,
            prot: RW,
            flags,
            fd: None,
            pgoff,
        });
        assert_eq!(lab.call(a, call), Err(expected), "{what}");
    }
    let signal = lab.k.task(a).signal().unwrap();
    lab.k.signals[signal].rlimits[Resource::Memlock].cur = 0;
    assert_eq!(
        lab.try_mmap(a, 0, 1, RW, PRIVATE | LOCKED),
        Err(Errno::EPERM)
    );
    assert_eq!(lab.mm(a).map_count(), 3);
    lab.check();
}

/// `mm/mmap.c`, `do_mmap_pgoff()`: what is locked already counts, and the limit itself may be reached.
#[test]
fn memory_is_locked_up_to_its_limit_and_beyond_it_by_the_privileged() {
    let (mut lab, a) = Lab::with_task();
    assert_eq!(lab.k.rlimit(a, Resource::Memlock), 32 << 10);
    let lock = |lab: &mut Lab, len| lab.try_mmap(a, 0, len, RW, PRIVATE | LOCKED);
    assert_eq!(lock(&mut lab, 0x8001), Err(Errno::EAGAIN));
    assert!(lock(&mut lab, 0x5000).is_ok());
    assert_eq!(lock(&mut lab, 0x4000), Err(Errno::EAGAIN));
    assert!(lock(&mut lab, 0x3000).is_ok());
    assert_eq!(lab.mm(a).locked_vm, 8);
    assert_eq!(lock(&mut lab, 1), Err(Errno::EAGAIN));

    lab.k.switch_uid(a, 0);
    assert!(lock(&mut lab, 1).is_ok());
    let signal = lab.k.task(a).signal().unwrap();
    lab.k.signals[signal].rlimits[Resource::Memlock].cur = 0;
    assert!(lock(&mut lab, 1).is_ok());
    assert_eq!(lab.mm(a).locked_vm, 10);
}

/// `mm/memory.c`, `get_user_pages()`: pages are read in, or written if the area is writable; where
/// there is not even a page table, nothing is there to read.
#[test]
fn which_pages_of_a_locked_area_are_brought_in() {
    let (mut lab, a) = Lab::with_task();
    let with_table = lab.mmap_at(a, 0x4000_0000, 1, RW);
    lab.touch(a, with_table, 1);
    let none = 0;
    for (addr, prot, flags, bits) in [
        (0x4000_1000, READ, PRIVATE, 0x025),
        (0x4000_2000, none, PRIVATE, 0),
        (0x4000_3000, RW, PRIVATE, 0x067),
        (0x5000_0000, READ, PRIVATE, 0),
        (0x5000_1000, none, PRIVATE, 0),
        (0x6000_0000, RW, PRIVATE, 0x067),
        (0x7000_0000, READ, SHARED, 0x025),
    ] {
        let flags = flags | FIXED | LOCKED;
        lab.try_mmap(a, addr, 0x1000, prot, flags).unwrap();
        assert_eq!(
            lab.bits(a, VirtAddr(addr)) & !0x20,
            bits & !0x20,
            "{addr:#x}"
        );
    }
    lab.check();
}

/// `mm/mmap.c`, `free_pgtables()`: only a slot that lies wholly between the areas around it counts.
#[test]
fn unmapping_what_was_never_touched_flushes_for_whole_slots_only() {
    let (mut lab, a) = Lab::with_task();
    lab.mmap_at(a, 0x4000_0000, 1, RW);
    lab.mmap_at(a, 0x4000_1000, 0x3ff, READ);
    let part = lab.watch(a, |lab| lab.munmap(a, VirtAddr(0x4000_1000), 0x3ff));
    assert_eq!(part.reloads, 0);
    lab.mmap_at(a, 0x4000_1000, 0x3ff, READ);
    let whole = lab.watch(a, |lab| lab.munmap(a, VirtAddr(0x4000_0000), 0x400));
    assert_eq!(whole.reloads, 1);
}

#[test]
fn descriptors_are_looked_at_before_anything_else() {
    let (mut lab, a) = Lab::with_task();
    for (what, fd, expected) in [
        ("none", None, Errno::EBADF),
        ("not open", Some(77), Errno::EBADF),
        ("a console cannot be mapped", Some(0), Errno::ENODEV),
    ] {
        let call = Syscall::Mmap2(MmapArgs {
            addr: 1,
            len: 0,
            prot: RW,
            flags: 2,
            fd,
            pgoff: 0,
        });
        assert_eq!(lab.call(a, call), Err(expected), "{what}");
    }
}

#[test]
fn more_than_is_obtainable_cannot_be_committed() {
    let (mut lab, a) = Lab::with_task();
    let free = lab.k.mem.nr_free_pages();
    let room = free - free / 32;
    let too_much = lab.try_mmap(a, 0, room << 12, RW, PRIVATE);
    assert_eq!(too_much, Err(Errno::ENOMEM));
    lab.mmap(a, room, READ, PRIVATE);
    lab.mmap(a, room - 1, RW, PRIVATE);
    // Each request is checked by itself: the sum may well exceed the memory.
    lab.mmap(a, room - 1, RW, PRIVATE);
    assert_eq!(
        lab.try_mmap(a, 0, room << 12, RW, SHARED),
        Err(Errno::ENOMEM)
    );
    lab.check();
}

#[test]
fn a_fixed_mapping_that_is_refused_late_has_already_unmapped_the_old_one() {
    let (mut lab, a) = Lab::with_task();
    lab.mmap_at(a, 0x4000_0000, 2, RW);
    let signal = lab.k.task(a).signal().unwrap();
    lab.k.signals[signal].rlimits[Resource::As].cur = lab.mm(a).total_vm << 12;
    let refused = lab.try_mmap(a, 0x4000_1000, 0x2000, RW, PRIVATE | FIXED);
    assert_eq!(refused, Err(Errno::ENOMEM));
    assert_eq!(lab.areas(a)[2], (0x4000_0000, 0x4000_1000));
    lab.check();
}

#[test]
fn without_a_limit_on_the_stack_programs_get_the_old_layout() {
    let mut lab = Lab::boot(crate::kernel::boot::Config::default());
    let signal = lab.k.task(lab.k.init).signal().unwrap();
    lab.k.signals[signal].rlimits[Resource::Stack].cur = RLIM_INFINITY;
    let a = lab.spawn();
    assert_eq!(lab.mmap(a, 1, RW, PRIVATE), VirtAddr(0x4000_0000));
    assert_eq!(lab.mmap(a, 1, RW, SHARED), VirtAddr(0x4000_1000));
}
