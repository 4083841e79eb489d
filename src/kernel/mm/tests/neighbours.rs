//! Whose owner of anonymous pages an area takes over, and how many areas there may be.

use super::lab::{FIXED, Lab, PRIVATE, READ, RW};
use crate::abi::{AnonVmaId, Errno, MmId, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::mm::merge::MAX_MAP_COUNT;
use crate::kernel::mm::{VmFlags, Vma};
use crate::kernel::syscall::MapRefusal;
use crate::kernel::syscall::Syscall;

const EXEC: u32 = 4;
const LOW: u32 = 0x4000_0000;
const MIDDLE: u32 = LOW + PAGE_SIZE;
const HIGH: u32 = MIDDLE + PAGE_SIZE;

/// Three areas of one page each, kept apart by their rights.
fn three_areas() -> (Lab, TaskId) {
    let (mut lab, a) = Lab::with_task();
    lab.mmap_at(a, LOW, 1, RW);
    lab.mmap_at(a, MIDDLE, 1, RW | EXEC);
    lab.mmap_at(a, HIGH, 1, RW);
    (lab, a)
}

/// The owners of the three areas after their first pages have been written in that order.
fn owners(order: &[u32]) -> [Option<AnonVmaId>; 3] {
    let (mut lab, a) = three_areas();
    for addr in order {
        lab.touch(a, VirtAddr(*addr), 1);
    }
    lab.check();
    [LOW, MIDDLE, HIGH].map(|addr| lab.area(a, VirtAddr(addr)).anon_vma)
}

/// `mm/mmap.c`, `find_mergeable_anon_vma()`: the area above is tried first, then the one below.
#[test]
fn an_area_takes_the_owner_of_the_one_above_before_that_of_the_one_below() {
    let [low, middle, high] = owners(&[LOW, HIGH, MIDDLE]);
    assert_ne!(low, high, "they do not touch");
    assert_eq!(middle, high);
    let [low, middle, high] = owners(&[LOW, MIDDLE]);
    assert_eq!((middle, high), (low, None));
    let [low, middle, high] = owners(&[HIGH, MIDDLE]);
    assert_eq!((low, middle), (None, high));
}

/// Only areas that could be merged but for their rights share an owner.
#[test]
fn an_area_of_another_kind_gets_an_owner_of_its_own() {
    const GROWSDOWN: u32 = 0x100;
    let (mut lab, a) = Lab::with_task();
    let low = lab.mmap_at(a, LOW, 1, RW);
    let flags = PRIVATE | FIXED | GROWSDOWN;
    lab.try_mmap(a, MIDDLE, PAGE_SIZE, RW, flags).unwrap();
    let middle = VirtAddr(MIDDLE);
    lab.touch(a, low, 1);
    lab.touch(a, middle, 1);
    assert_ne!(lab.area(a, low).anon_vma, lab.area(a, middle).anon_vma);
    lab.check();
}

/// The pages of both neighbours keep their owner when a new area joins them; the area that is no
/// more gives its link up.
#[test]
fn a_merged_area_keeps_the_owner_of_whichever_neighbour_has_one() {
    for touched in [&[LOW][..], &[HIGH], &[LOW, HIGH]] {
        let (mut lab, a) = Lab::with_task();
        let va = lab.mmap_at(a, LOW, 3, RW);
        touched
            .iter()
            .for_each(|addr| lab.touch(a, VirtAddr(*addr), 1));
        let owner = lab.area(a, va).anon_vma.unwrap();
        // Cut in three, of which the outer ones have the owner, and joined again.
        lab.munmap(a, VirtAddr(MIDDLE), 1);
        assert_eq!(lab.k.anon_vmas[owner].vmas, 2);
        lab.mmap_at(a, MIDDLE, 1, RW);
        let merged = lab.area(a, va);
        assert_eq!((merged.vm_start, merged.vm_end), (LOW, HIGH + PAGE_SIZE));
        assert_eq!(merged.anon_vma, Some(owner));
        assert_eq!(lab.k.anon_vmas[owner].vmas, 1);
        lab.check();
    }
    for touched in [LOW, HIGH] {
        let (mut lab, a) = Lab::with_task();
        lab.mmap_at(a, LOW, 1, RW);
        lab.mmap_at(a, HIGH, 1, RW);
        lab.touch(a, VirtAddr(touched), 1);
        let owner = lab.area(a, VirtAddr(touched)).anon_vma;
        lab.mmap_at(a, MIDDLE, 1, RW);
        assert_eq!(lab.area(a, VirtAddr(LOW)).anon_vma, owner);
        lab.check();
    }
}

/// Adds areas that cannot be merged until there are so many.
fn fill(lab: &mut Lab, task: TaskId, count: usize) {
    let mm = lab.mm_id(task);
    let mm = &mut lab.k.mms[mm];
    let mut addr = LOW;
    while mm.map_count() < count {
        mm.insert_vma(Vma::anonymous(addr, addr + PAGE_SIZE, VmFlags::DATA));
        addr += 2 * PAGE_SIZE;
    }
}

/// `mm/mmap.c`: `split_vma()` refuses when `sysctl_max_map_count` areas are there, `do_mmap_pgoff()`
/// and `do_brk()` only when there are more.
#[test]
fn splits_stop_at_the_limit_of_areas_and_new_mappings_one_after_it() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 5, RW, PRIVATE);
    let page = |n| va.0 + n * PAGE_SIZE;
    let brk = lab.mm(a).brk;
    fill(&mut lab, a, MAX_MAP_COUNT - 1);
    // Cutting a page off makes an area more before the page goes.
    let unmap = |lab: &mut Lab, n, pages| lab.call(a, Syscall::Munmap(page(n), pages * PAGE_SIZE));
    assert_eq!(unmap(&mut lab, 0, 1), Ok(0));
    assert!(lab.try_mmap(a, 0, PAGE_SIZE, READ, PRIVATE).is_ok());
    assert_eq!(lab.mm(a).map_count(), 65536);
    let refused = lab.k.sys_munmap(a, page(1), PAGE_SIZE);
    assert_eq!(refused, Err(MapRefusal::TooManyAreas));

    assert!(lab.try_mmap(a, 0, PAGE_SIZE, READ | EXEC, PRIVATE).is_ok());
    assert_eq!(lab.mm(a).map_count(), 65537);
    let one_more = lab.try_mmap(a, 0, PAGE_SIZE, READ, PRIVATE);
    assert_eq!(one_more, Err(Errno::ENOMEM));
    let brk_by_a_page = Syscall::Brk(brk + PAGE_SIZE);
    assert_eq!(lab.call(a, brk_by_a_page.clone()), Ok(brk));

    // A whole area needs no cut, and makes room.
    assert_eq!(unmap(&mut lab, 1, 4), Ok(0));
    assert_eq!(lab.mm(a).map_count(), 65536);
    assert_eq!(lab.call(a, brk_by_a_page), Ok(brk + PAGE_SIZE));
}

/// The address spaces of an owner's areas, in the order of its list.
fn listed(lab: &Lab, task: TaskId, va: VirtAddr) -> Vec<(MmId, u32)> {
    let owner = lab.area(task, va).anon_vma.unwrap();
    let areas = lab.k.areas_of_anon_vma(owner, va);
    areas.map(|(mm, vma)| (mm, vma.vm_start)).collect()
}

/// `mm/rmap.c`, `anon_vma_link()`: the youngest stands first, so that reclaim asks children before
/// their parents.
#[test]
fn the_list_of_an_owner_has_the_youngest_area_first() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 3);
    let b = lab.fork(a);
    let c = lab.fork(b);
    let d = lab.fork(a);
    let [ma, mb, mc, md] = [a, b, c, d].map(|task| lab.mm_id(task));
    assert_eq!(
        listed(&lab, a, va),
        [(md, va.0), (mc, va.0), (mb, va.0), (ma, va.0)]
    );
    // One out of the middle, one from the head.
    lab.exit(c);
    assert_eq!(listed(&lab, a, va), [(md, va.0), (mb, va.0), (ma, va.0)]);
    lab.exit(d);
    assert_eq!(listed(&lab, a, va), [(mb, va.0), (ma, va.0)]);
    // A cut makes a new area, the upper part, and it is the youngest then.
    lab.munmap(a, VirtAddr(va.0 + PAGE_SIZE), 1);
    let upper = va.0 + 2 * PAGE_SIZE;
    assert_eq!(listed(&lab, a, va), [(ma, upper), (mb, va.0), (ma, va.0)]);
    // Filling the gap joins the parts again: the lower one stays.
    lab.mmap_at(a, va.0 + PAGE_SIZE, 1, RW);
    assert_eq!(listed(&lab, a, va), [(mb, va.0), (ma, va.0)]);
    lab.check();
}

#[test]
fn a_stack_that_grows_stays_where_it_is_on_the_list() {
    let (mut lab, a) = Lab::with_task();
    let esp = VirtAddr(lab.k.task(a).thread.regs.esp);
    let b = lab.fork(a);
    let low = esp.0 - 64 * PAGE_SIZE;
    lab.k.task_mut(a).thread.regs.esp = low;
    lab.write(a, VirtAddr(low), 1);
    let starts = [b, a].map(|task| (lab.mm_id(task), lab.area(task, esp).vm_start));
    assert_ne!(starts[0].1, starts[1].1);
    assert_eq!(listed(&lab, a, esp), starts);
    lab.check();
}
