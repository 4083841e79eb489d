//! mremap: what moves, what is charged, and in which order it refuses.

use super::lab::{Effect, Lab, PRIVATE, READ, RW, SHARED, page, parts};
use crate::abi::{Caps, Errno, PAGE_SIZE, RLIM_INFINITY, Resource, Rlimit, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::fail::FailPoint;
use crate::kernel::mm::VmFlags;
use crate::kernel::syscall::{MremapArgs, Syscall};

const STAY: u32 = 0;
const MAYMOVE: u32 = 1;
const FIXED: u32 = 3;

/// mremap of whole pages.
fn remap(
    lab: &mut Lab,
    task: TaskId,
    va: VirtAddr,
    (old, new): (u32, u32),
    (flags, new_addr): (u32, u32),
) -> Result<VirtAddr, Errno> {
    let args = MremapArgs {
        addr: va.0,
        old_len: old * PAGE_SIZE,
        new_len: new * PAGE_SIZE,
        flags,
        new_addr,
    };
    lab.call(task, Syscall::Mremap(args)).map(VirtAddr)
}

/// Where most tests map: a 4 MiB slot of its own.
const HERE: u32 = 0x5000_0000;
/// Where they move to.
const THERE: u32 = 0x6000_0000;

/// Pages that hold 1, 2, 3 and so on.
fn numbered(lab: &mut Lab, task: TaskId, pages: u32) -> VirtAddr {
    let va = lab.mmap_at(task, HERE, pages, RW);
    for n in 0..pages {
        lab.write(task, page(va, n), n + 1);
    }
    va
}

#[test]
fn an_area_shrinks_and_grows_in_place() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 4);
    let effect = lab.watch(a, |lab| {
        assert_eq!(remap(lab, a, va, (4, 2), (STAY, 0)), Ok(va));
    });
    let shrunk = Effect {
        frames: -2,
        rss: -2,
        anon_rss: -2,
        total_vm: -2,
        reloads: 1,
        ..Effect::default()
    };
    assert_eq!(effect, shrunk);
    let committed = lab.k.vm.committed;
    let effect = lab.watch(a, |lab| {
        assert_eq!(remap(lab, a, va, (2, 5), (STAY, 0)), Ok(va));
    });
    let grown = Effect {
        total_vm: 3,
        ..Effect::default()
    };
    assert_eq!(effect, grown);
    assert_eq!(lab.k.vm.committed, committed + 3);
    assert_eq!((lab.read(a, page(va, 1)), lab.read(a, page(va, 4))), (2, 0));
}

/// A shrink asks for no area: it may cross several of them, and holes.
#[test]
fn what_shrinks_need_not_be_mapped() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 4);
    lab.mprotect(a, page(va, 2), 1, READ);
    lab.munmap(a, page(va, 1), 1);
    assert_eq!(remap(&mut lab, a, va, (9, 1), (STAY, 0)), Ok(va));
    assert_eq!(parts(&lab, a, va, 9), [(0, 1)]);
    let nothing = VirtAddr(THERE);
    assert_eq!(remap(&mut lab, a, nothing, (3, 3), (STAY, 0)), Ok(nothing));
    assert_eq!(
        remap(&mut lab, a, nothing, (3, 3), (MAYMOVE, 0)),
        Ok(nothing)
    );
    lab.check();
}

/// Frames and entries stay what they are; the old places are flushed one by one.
#[test]
fn moved_pages_keep_their_frames() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 3);
    lab.mmap_at(a, HERE + 3 * PAGE_SIZE, 1, READ);
    let frames = [0, 1, 2].map(|n| lab.pfn(a, page(va, n)));
    let mut moved = va;
    let effect = lab.watch(a, |lab| {
        moved = remap(lab, a, va, (3, 5), (MAYMOVE, 0)).unwrap();
    });
    let expected = Effect {
        tables: 1,
        total_vm: 2,
        invlpg: 3,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    assert_ne!(moved, va);
    for (n, frame) in (0..).zip(frames) {
        let at = page(moved, n);
        assert_eq!((lab.pfn(a, at), lab.bits(a, at)), (frame, 0x067));
        assert_eq!((lab.read(a, at), lab.bits(a, page(va, n))), (n + 1, 0));
    }
    assert_eq!(
        lab.area(a, moved).vm_pgoff,
        va.0 >> 12,
        "pages know their index"
    );
    lab.write(a, page(moved, 4), 9);
    lab.check();
}

/// A page shared copy on write stays shared when it moves, and is copied at the next write.
#[test]
fn moving_does_not_break_copy_on_write() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 1);
    let b = lab.fork(a);
    let moved = remap(&mut lab, b, va, (1, 1), (FIXED, THERE)).unwrap();
    assert_eq!(
        (lab.pfn(b, moved), lab.bits(b, moved)),
        (lab.pfn(a, va), 0x045)
    );
    let effect = lab.watch(b, |lab| lab.write(b, moved, 7));
    assert_eq!((effect.faults, effect.frames), (vec![7], 1));
    assert_eq!((lab.read(a, va), lab.read(b, moved)), (1, 7));
}

#[test]
fn fixed_replaces_what_is_mapped_at_the_target() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 3);
    let there = lab.mmap_at(a, THERE, 4, RW);
    lab.touch(a, there, 4);
    let moved = remap(&mut lab, a, va, (3, 2), (FIXED, THERE + PAGE_SIZE));
    assert_eq!(moved, Ok(page(there, 1)));
    assert_eq!(
        (lab.read(a, page(there, 1)), lab.read(a, page(there, 2))),
        (1, 2)
    );
    assert_eq!(
        parts(&lab, a, va, 3),
        [],
        "the cut and the moved part are gone"
    );
    lab.check();
}

/// What is in the way is unmapped before anything can fail, and stays so.
#[test]
fn a_fixed_move_that_fails_has_unmapped_its_target() {
    let (mut lab, a) = Lab::with_task();
    let there = lab.mmap_at(a, THERE, 2, RW);
    let nothing = VirtAddr(HERE);
    assert_eq!(
        remap(&mut lab, a, nothing, (1, 2), (FIXED, THERE)),
        Err(Errno::EFAULT)
    );
    assert_eq!(parts(&lab, a, there, 2), []);
}

/// The middle of an area moves; the rest keeps its charge.
#[test]
fn a_part_of_an_area_moves_with_its_charge() {
    for ((first, end), rest) in [
        ((1, 3), &[(0, 1), (3, 5)][..]),
        ((0, 2), &[(2, 5)]),
        ((3, 5), &[(0, 3)]),
        ((0, 5), &[]),
    ] {
        let (mut lab, a) = Lab::with_task();
        let va = numbered(&mut lab, a, 5);
        let committed = lab.k.vm.committed;
        let len = end - first;
        let from = page(va, first);
        let moved = remap(&mut lab, a, from, (len, len + 1), (FIXED, THERE)).unwrap();
        assert_eq!(parts(&lab, a, va, 5), rest);
        assert_eq!(lab.k.vm.committed, committed + 1);
        assert_eq!(lab.read(a, moved), first + 1);
        lab.check();
        lab.munmap(a, moved, len + 1);
        lab.munmap(a, va, 5);
        assert_eq!(lab.k.vm.committed, committed - 5);
        lab.check();
    }
}

/// An area without pages gets the page number of its new place, and so merges there. It may even
/// merge with what is left of itself.
#[test]
fn a_moved_area_merges_at_its_new_place() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, HERE, 4, RW);
    let there = lab.mmap_at(a, THERE, 1, RW);
    let moved = remap(&mut lab, a, va, (1, 2), (FIXED, page(there, 1).0));
    assert_eq!(moved, Ok(page(there, 1)));
    assert_eq!(parts(&lab, a, there, 3), [(0, 3)]);
    lab.check();
    let behind = page(va, 4);
    assert_eq!(
        remap(&mut lab, a, page(va, 1), (1, 2), (FIXED, behind.0)),
        Ok(behind)
    );
    assert_eq!(parts(&lab, a, va, 6), [(2, 6)]);
    lab.check();
}

/// With pages it keeps its page numbers, so it does not merge; back at home it does.
#[test]
fn an_area_with_pages_merges_only_where_it_came_from() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 3);
    let there = lab.mmap_at(a, THERE, 1, RW);
    let moved = page(there, 1);
    assert_eq!(
        remap(&mut lab, a, page(va, 1), (2, 2), (FIXED, moved.0)),
        Ok(moved)
    );
    assert_eq!(parts(&lab, a, there, 3), [(0, 1), (1, 3)]);
    assert_eq!(
        remap(&mut lab, a, moved, (2, 2), (FIXED, page(va, 1).0)),
        Ok(page(va, 1))
    );
    assert_eq!(parts(&lab, a, va, 3), [(0, 3)]);
    assert_eq!(lab.read(a, page(va, 2)), 3);
    lab.check();
}

/// Back at home a neighbour without pages takes its owner of pages over. (2.6.12 forgets it there.)
#[test]
fn a_neighbour_without_pages_takes_over_the_owner_of_moved_ones() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, HERE + PAGE_SIZE, 1, RW);
    lab.write(a, va, 1);
    let moved = remap(&mut lab, a, va, (1, 1), (FIXED, THERE)).unwrap();
    let low = lab.mmap_at(a, HERE, 1, RW);
    assert_eq!(remap(&mut lab, a, moved, (1, 1), (FIXED, va.0)), Ok(va));
    assert_eq!(parts(&lab, a, low, 2), [(0, 2)]);
    assert!(lab.area(a, va).anon_vma.is_some());
    lab.check();
}

/// Growing in place does not merge with the next area, even if it is alike.
#[test]
fn growing_up_to_the_next_area_does_not_merge() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, HERE, 1, RW);
    lab.mmap_at(a, HERE + 3 * PAGE_SIZE, 1, RW);
    assert_eq!(remap(&mut lab, a, va, (1, 3), (STAY, 0)), Ok(va));
    assert_eq!(parts(&lab, a, va, 4), [(0, 3), (3, 4)]);
    assert_eq!(
        remap(&mut lab, a, va, (3, 4), (STAY, 0)),
        Err(Errno::ENOMEM)
    );
    assert_eq!(
        remap(&mut lab, a, va, (2, 3), (STAY, 0)),
        Err(Errno::ENOMEM)
    );
    lab.check();
}

/// A second view of shared memory; of private memory only new pages. The source is not unmapped,
/// but an accounted one loses its charge, as in 2.6.12.
#[test]
fn old_length_0_maps_a_second_time() {
    let (mut lab, a) = Lab::with_task();
    let shared = lab.mmap(a, 2, RW, SHARED);
    lab.write(a, page(shared, 1), 5);
    let second = remap(&mut lab, a, page(shared, 1), (0, 1), (MAYMOVE, 0)).unwrap();
    lab.write(a, second, 6);
    assert_eq!(lab.read(a, page(shared, 1)), 6);
    assert_eq!(lab.pfn(a, second), lab.pfn(a, page(shared, 1)));
    lab.check();

    let private = numbered(&mut lab, a, 3);
    let committed = lab.k.vm.committed;
    let empty = remap(&mut lab, a, private, (0, 2), (MAYMOVE, 0)).unwrap();
    assert_eq!((lab.read(a, empty), lab.read(a, private)), (0, 1));
    assert!(!lab.area(a, private).has(VmFlags::ACCOUNT));
    assert!(lab.area(a, empty).has(VmFlags::ACCOUNT));
    assert_eq!(lab.k.vm.committed, committed - 3 + 2);
    lab.check();
    assert_eq!(
        remap(&mut lab, a, private, (0, 2), (STAY, 0)),
        Err(Errno::ENOMEM)
    );
}

#[test]
fn locked_memory_grows_locked() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 2);
    let limit = |lab: &mut Lab, pages: u32| {
        let cur = pages * PAGE_SIZE;
        lab.k.rlimits_mut(a)[Resource::Memlock] = Rlimit { cur, max: cur };
    };
    limit(&mut lab, 4);
    assert_eq!(lab.call(a, Syscall::Mlock(va.0, 2 * PAGE_SIZE)), Ok(0));
    assert_eq!(
        remap(&mut lab, a, va, (2, 5), (STAY, 0)),
        Err(Errno::EAGAIN)
    );
    assert_eq!(remap(&mut lab, a, va, (2, 3), (STAY, 0)), Ok(va));
    assert_eq!((lab.mm(a).locked_vm, lab.bits(a, page(va, 2))), (3, 0x067));
    let moved = remap(&mut lab, a, va, (3, 4), (FIXED, THERE)).unwrap();
    assert_eq!(
        (lab.mm(a).locked_vm, lab.bits(a, page(moved, 3))),
        (4, 0x067)
    );
    lab.check();
    lab.k.task_mut(a).set_caps(Caps::IPC_LOCK);
    assert_eq!(remap(&mut lab, a, moved, (4, 6), (STAY, 0)), Ok(moved));
    lab.check();
}

/// Each line breaks one rule more than the line below it, as far as rules can be combined.
#[test]
fn the_order_in_which_mremap_refuses() {
    let (mut lab, a) = Lab::with_task();
    let va = numbered(&mut lab, a, 2).0;
    lab.mmap_at(a, HERE + 2 * PAGE_SIZE, 1, READ);
    let (p, top) = (PAGE_SIZE, 0xc000_0000);
    let einval = Err(Errno::EINVAL);
    for (addr, old_len, new_len, flags, new_addr, expected) in [
        (va + 1, 2 * p, 0, 4, 1, einval),
        (va + 1, 2 * p, 0, 2, 1, einval),
        (va, 2 * p, 0, 2, 1, einval),
        (va, 2 * p, 0xffff_f001, 2, 1, einval),
        (va, 2 * p, p, 2, 1, einval),
        (va, 2 * p, p, 2, top, einval),
        (va, 2 * p, p, FIXED, top, einval),
        (va, 2 * p, 2 * p, FIXED, va - p, einval),
        (va, 2 * p, 2 * p, FIXED, va + p, einval),
        (va, 2 * p, 2 * p, FIXED, va, einval),
        (va, 2 * p, p, STAY, 1, Ok(va)),
        (THERE, 4 * p, p, STAY, 0, Ok(THERE)),
        (top, 2 * p, p, STAY, 0, einval),
        (THERE, p, 2 * p, STAY, 0, Err(Errno::EFAULT)),
        (va, 2 * p, 3 * p, STAY, 0, Err(Errno::EFAULT)),
        (va, p, 2 * p, STAY, 0, Ok(va)),
        (va, 2 * p, 3 * p, STAY, 0, Err(Errno::ENOMEM)),
        (va, 2 * p, top + p, MAYMOVE, 0, Err(Errno::ENOMEM)),
    ] {
        let call = Syscall::Mremap(MremapArgs {
            addr,
            old_len,
            new_len,
            flags,
            new_addr,
        });
        let name = format!("{addr:#x} {old_len:#x} {new_len:#x} {flags} {new_addr:#x}");
        assert_eq!(lab.call(a, call), expected, "{name}");
        lab.check();
    }
}

#[test]
fn growth_respects_the_limits_of_the_address_space_and_of_memory() {
    let (mut lab, a) = Lab::with_task_on(Config {
        mem: 8 << 20,
        ..Config::default()
    });
    let va = lab.mmap_at(a, HERE, 2, RW);
    let size = lab.mm(a).total_vm * PAGE_SIZE;
    let limit = |lab: &mut Lab, cur| {
        lab.k.rlimits_mut(a)[Resource::As] = Rlimit {
            cur,
            max: RLIM_INFINITY,
        };
    };
    limit(&mut lab, size + PAGE_SIZE - 1);
    assert_eq!(
        remap(&mut lab, a, va, (2, 3), (STAY, 0)),
        Err(Errno::ENOMEM)
    );
    limit(&mut lab, size + PAGE_SIZE);
    assert_eq!(remap(&mut lab, a, va, (2, 3), (STAY, 0)), Ok(va));
    limit(&mut lab, RLIM_INFINITY);
    let (free, committed) = (lab.k.mem.nr_free_pages(), lab.k.vm.committed);
    let refused = remap(&mut lab, a, va, (3, 3 + free), (MAYMOVE, 0));
    assert_eq!(refused, Err(Errno::ENOMEM));
    assert_eq!(lab.k.vm.committed, committed);
    // Read-only memory is not accounted, and may be larger than all memory.
    let wide = lab.mmap(a, 1, READ, PRIVATE);
    assert!(remap(&mut lab, a, wide, (1, 2 * free), (MAYMOVE, 0)).is_ok());
    lab.check();
}

/// Page tables at the new place, the area itself, and the cuts of the old one: each allocation may
/// fail, and the pages are at home again.
#[test]
fn every_allocation_of_a_move_can_fail() {
    type Point = fn(u64) -> FailPoint;
    let points: [(Point, &[Result<(), Errno>]); 2] = [
        (
            |n| FailPoint::Frame(Some(n)),
            &[Err(Errno::ENOMEM), Err(Errno::ENOMEM), Ok(())],
        ),
        // Without memory for the cuts the range stays mapped, but empty.
        (
            |n| FailPoint::Slab(Some(n)),
            &[Err(Errno::ENOMEM), Ok(()), Ok(()), Ok(())],
        ),
    ];
    for (point, results) in points {
        for (n, expected) in (0..).zip(results) {
            let (mut lab, a) = Lab::with_task();
            let va = numbered(&mut lab, a, 4);
            lab.k.fail.set(point(n));
            // The target lies in two page tables.
            let target = THERE + (4 << 20) - PAGE_SIZE;
            let moved = remap(&mut lab, a, page(va, 1), (2, 3), (FIXED, target));
            assert_eq!(moved.map(|_| ()), *expected, "{n}");
            lab.check();
            let first = match expected {
                Ok(()) => VirtAddr(target),
                Err(_) => page(va, 1),
            };
            assert_eq!(
                (lab.read(a, first), lab.read(a, page(first, 1))),
                (2, 3),
                "{n}"
            );
            assert_eq!((lab.read(a, va), lab.read(a, page(va, 3))), (1, 4), "{n}");
            lab.check();
        }
    }
}

#[test]
fn a_full_table_of_areas_refuses_to_move_before_it_refuses_to_split() {
    use crate::kernel::mm::merge::MAX_MAP_COUNT;
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x2000_0000, 2, RW);
    let (mm, mut at) = (lab.mm_id(a), 0x4000_0000);
    while lab.k.mms[mm].map_count() < MAX_MAP_COUNT - 3 {
        let vma = super::super::Vma::anonymous(at, at + PAGE_SIZE, VmFlags::READ);
        lab.k.mms[mm].insert_vma(vma);
        at += 2 * PAGE_SIZE;
    }
    let moved = remap(&mut lab, a, va, (2, 2), (FIXED, 0x1000_0000));
    assert_eq!(moved, Err(Errno::ENOMEM));
    lab.munmap(a, VirtAddr(0x4000_0000), 1);
    assert!(remap(&mut lab, a, va, (2, 2), (FIXED, 0x1000_0000)).is_ok());
}
