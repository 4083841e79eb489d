//! Memory that stays in RAM: limits, what locking faults in, and what becomes of locks.

use super::lab::{Effect, FIXED, Lab, NONE, PRIVATE, READ, RW, SHARED, page, parts};
use crate::abi::{
    Caps, Errno, MCL_CURRENT, MCL_FUTURE, PAGE_SIZE, Resource, Rlimit, TaskId, VirtAddr,
};
use crate::kernel::boot::Config;
use crate::kernel::fail::FailPoint;
use crate::kernel::mm::{PageFlags, VmFlags};
use crate::kernel::syscall::{SysResult, Syscall};

fn lock(lab: &mut Lab, task: TaskId, va: VirtAddr, pages: u32) -> Result<u32, Errno> {
    lab.call(task, Syscall::Mlock(va.0, pages * PAGE_SIZE))
}

fn limit(lab: &mut Lab, task: TaskId, bytes: u32) {
    lab.k.rlimits_mut(task)[Resource::Memlock] = Rlimit {
        cur: bytes,
        max: bytes,
    };
}

/// A task that may lock as much as it likes.
fn privileged() -> (Lab, TaskId) {
    let (mut lab, a) = Lab::with_task();
    lab.k.task_mut(a).set_caps(Caps::IPC_LOCK);
    (lab, a)
}

#[test]
fn locking_brings_pages_in_as_writes_and_ends_sharing() {
    let (mut lab, a) = privileged();
    let va = lab.mmap(a, 3, RW, PRIVATE);
    lab.write(a, va, 5);
    let b = lab.fork(a);
    lab.run(a);
    let effect = lab.watch(a, |lab| assert_eq!(lock(lab, a, va, 3), Ok(0)));
    let expected = Effect {
        // The shared page is copied, the others are new.
        frames: 3,
        rss: 2,
        anon_rss: 2,
        min_flt: 3,
        invlpg: 1,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    assert_eq!((lab.mm(a).locked_vm, lab.bits(a, page(va, 2))), (3, 0x067));
    let effect = lab.watch(a, |lab| lab.touch(a, va, 3));
    assert_eq!(effect, Effect::default(), "nothing is left to be done");
    assert_eq!(lab.read(b, va), 5);
}

/// Read-only pages come as reads: the zero page, and not even that without a page table.
#[test]
fn what_locking_brings_in() {
    let (mut lab, a) = privileged();
    let alone = lab.mmap_at(a, 0x5000_0000, 2, READ);
    assert_eq!(lock(&mut lab, a, alone, 2), Ok(0));
    assert_eq!(lab.mm(a).locked_vm, 2);
    assert_eq!(lab.bits(a, alone), 0, "there is no page table");
    let near = lab.mmap_at(a, 0x5000_4000, 1, RW);
    lab.write(a, near, 1);
    let beside = lab.mmap_at(a, 0x5000_8000, 1, READ);
    assert_eq!(lock(&mut lab, a, beside, 1), Ok(0));
    assert_eq!(lab.bits(a, beside), 0x025);
    let shared = lab.mmap(a, 1, RW, SHARED);
    assert_eq!(lock(&mut lab, a, shared, 1), Ok(0));
    assert_eq!(lab.bits(a, shared), 0x067);
}

/// Shared pages that were only read have clean writable entries: no fault, but they are dirty now.
#[test]
fn clean_writable_pages_become_dirty_without_a_fault() {
    let (mut lab, a) = privileged();
    let va = lab.mmap(a, 4, RW, SHARED);
    for n in 0..4 {
        lab.read(a, page(va, n));
    }
    let effect = lab.watch(a, |lab| assert_eq!(lock(lab, a, va, 4), Ok(0)));
    assert_eq!(effect, Effect::default());
    assert_eq!((lab.mm(a).locked_vm, lab.bits(a, va)), (4, 0x027));
    for n in 0..4 {
        let page = lab.k.mem.page(lab.pfn(a, page(va, n)));
        assert!(page.flags().contains(PageFlags::DIRTY));
    }
}

#[test]
fn locks_split_and_merge_areas() {
    let (mut lab, a) = privileged();
    let va = lab.mmap_at(a, 0x5000_0000, 6, RW);
    for (on, (first, end), locked, expected) in [
        (true, (2, 4), 2, &[(0, 2), (2, 4), (4, 6)][..]),
        (true, (1, 5), 4, &[(0, 1), (1, 5), (5, 6)]),
        (false, (2, 3), 3, &[(0, 1), (1, 2), (2, 3), (3, 5), (5, 6)]),
        (true, (0, 6), 6, &[(0, 6)]),
        (false, (0, 6), 0, &[(0, 6)]),
    ] {
        let (at, len) = (page(va, first).0, (end - first) * PAGE_SIZE);
        let call = if on {
            Syscall::Mlock(at, len)
        } else {
            Syscall::Munlock(at, len)
        };
        assert_eq!(lab.call(a, call), Ok(0));
        assert_eq!(parts(&lab, a, va, 6), expected, "{on} {first}..{end}");
        assert_eq!(lab.mm(a).locked_vm, locked, "{on} {first}..{end}");
        lab.check();
    }
}

/// The limit is in pages; what is locked already counts once more.
#[test]
fn the_limit_of_locked_memory() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 8, RW);
    limit(&mut lab, a, 4 * PAGE_SIZE + 0xfff);
    assert_eq!(lock(&mut lab, a, va, 5), Err(Errno::ENOMEM));
    assert_eq!(lock(&mut lab, a, va, 4), Ok(0));
    assert_eq!(
        lock(&mut lab, a, va, 1),
        Err(Errno::ENOMEM),
        "locked already"
    );
    assert_eq!(lock(&mut lab, a, va, 0), Ok(0), "nothing more");
    limit(&mut lab, a, 3 * PAGE_SIZE);
    assert_eq!(
        lock(&mut lab, a, va, 0),
        Err(Errno::ENOMEM),
        "above the limit already"
    );
    limit(&mut lab, a, 0);
    assert_eq!(lock(&mut lab, a, va, 0), Err(Errno::EPERM));
    assert_eq!(lab.call(a, Syscall::Munlock(va.0, 8 * PAGE_SIZE)), Ok(0));
    lab.k.task_mut(a).set_caps(Caps::IPC_LOCK);
    assert_eq!(lock(&mut lab, a, va, 8), Ok(0));
}

#[test]
fn the_order_in_which_mlock_refuses() {
    let (mut lab, a) = privileged();
    let va = lab.mmap_at(a, 0x5000_0000, 2, RW);
    for (start, len, expected, locked) in [
        (va.0, 0, Ok(0), 0),
        (va.0 + 0x10, 0, Ok(0), 1),
        (va.0 + 0xfff, 2, Ok(0), 2),
        (va.0, u32::MAX, Ok(0), 2),
        (va.0, 0xffff_f000, Err(Errno::EINVAL), 2),
        (va.0 + 0x2000, 1, Err(Errno::ENOMEM), 2),
        (va.0 - 0x1000, 0x2000, Err(Errno::ENOMEM), 2),
        (0xc000_0000, 1, Err(Errno::ENOMEM), 2),
    ] {
        let result = lab.call(a, Syscall::Mlock(start, len));
        assert_eq!(result, expected, "{start:#x} {len:#x}");
        assert_eq!(lab.mm(a).locked_vm, locked, "{start:#x} {len:#x}");
    }
}

/// What lies below a hole, or a page that cannot be had, is locked although the call fails.
#[test]
fn a_lock_that_fails_in_the_middle() {
    let (mut lab, a) = privileged();
    let va = lab.mmap_at(a, 0x5000_0000, 4, RW);
    lab.munmap(a, page(va, 2), 1);
    assert_eq!(lock(&mut lab, a, va, 4), Err(Errno::ENOMEM));
    assert_eq!(lab.mm(a).locked_vm, 2);

    let forbidden = lab.mmap_at(a, 0x5100_0000, 2, NONE);
    assert_eq!(lock(&mut lab, a, forbidden, 2), Err(Errno::EFAULT));
    assert!(lab.area(a, forbidden).has(VmFlags::LOCKED));
    assert_eq!(lab.mm(a).locked_vm, 4);
    lab.check();
}

#[test]
fn without_memory_the_first_page_says_try_again_and_a_later_one_minus_one() {
    for (failed, errno) in [(0, Errno::EAGAIN), (1, Errno::EPERM)] {
        let (mut lab, a) = privileged();
        let table = lab.mmap_at(a, 0x5000_4000, 1, RW);
        lab.write(a, table, 1);
        let va = lab.mmap_at(a, 0x5000_0000, 3, RW);
        lab.k.fail.set(FailPoint::Frame(Some(failed)));
        assert_eq!(lock(&mut lab, a, va, 3), Err(errno));
        assert_eq!(lab.mm(a).locked_vm, 3, "locked all the same");
        lab.check();
    }
    for cut in 0..2 {
        let (mut lab, a) = privileged();
        let va = lab.mmap_at(a, 0x5000_0000, 3, RW);
        lab.k.fail.set(FailPoint::Slab(Some(cut)));
        assert_eq!(lock(&mut lab, a, page(va, 1), 1), Err(Errno::EAGAIN));
        assert_eq!(lab.mm(a).locked_vm, 0);
        lab.check();
    }
}

#[test]
fn the_order_in_which_mlockall_refuses() {
    let (mut lab, a) = Lab::with_task();
    limit(&mut lab, a, 0);
    assert_eq!(lab.call(a, Syscall::Mlockall(0)), Err(Errno::EINVAL));
    assert_eq!(lab.call(a, Syscall::Mlockall(4)), Err(Errno::EINVAL));
    assert_eq!(
        lab.call(a, Syscall::Mlockall(MCL_FUTURE)),
        Err(Errno::EPERM)
    );
    let size = lab.mm(a).total_vm * PAGE_SIZE;
    limit(&mut lab, a, size - 1);
    assert_eq!(
        lab.call(a, Syscall::Mlockall(MCL_CURRENT)),
        Err(Errno::ENOMEM)
    );
    assert_eq!(lab.call(a, Syscall::Mlockall(MCL_FUTURE)), Ok(0));
    limit(&mut lab, a, size);
    assert_eq!(lab.call(a, Syscall::Mlockall(MCL_CURRENT)), Ok(0));
    assert_eq!(lab.mm(a).locked_vm, lab.mm(a).total_vm);
    assert_eq!(lab.call(a, Syscall::Munlockall), Ok(0));
    assert_eq!(lab.mm(a).locked_vm, 0);
    lab.check();
}

/// Memory without rights is locked, too: mlockall ignores that its pages cannot be had.
#[test]
fn mlockall_ignores_what_it_cannot_bring_in() {
    let (mut lab, a) = privileged();
    lab.mmap_at(a, 0x5000_0000, 2, NONE);
    let after = lab.mmap_at(a, 0x5000_2000, 2, RW);
    assert_eq!(lab.call(a, Syscall::Mlockall(MCL_CURRENT)), Ok(0));
    assert_eq!(lab.mm(a).locked_vm, lab.mm(a).total_vm);
    assert_eq!(lab.bits(a, after), 0x067);
    lab.check();
}

#[test]
fn the_future_is_locked_until_it_is_taken_back() {
    let (mut lab, a) = privileged();
    let before = lab.mmap(a, 1, RW, PRIVATE | 0x100);
    assert_eq!(lab.call(a, Syscall::Mlockall(MCL_FUTURE)), Ok(0));
    assert!(!lab.area(a, before).has(VmFlags::LOCKED));
    let mapped = lab.mmap(a, 1, RW, PRIVATE);
    assert_eq!((lab.mm(a).locked_vm, lab.bits(a, mapped)), (1, 0x067));
    let heap = lab.mm(a).brk;
    assert_eq!(
        lab.call(a, Syscall::Brk(heap + PAGE_SIZE)),
        Ok(heap + PAGE_SIZE)
    );
    assert_eq!(
        (lab.mm(a).locked_vm, lab.bits(a, VirtAddr(heap))),
        (2, 0x067)
    );
    lab.check();

    assert_eq!(lab.call(a, Syscall::Munlockall), Ok(0));
    let last = lab.mmap(a, 1, RW, SHARED);
    assert!(!lab.area(a, last).has(VmFlags::LOCKED));
    assert_eq!(lab.mm(a).locked_vm, 0);
}

/// Each call decides about the future anew.
#[test]
fn reclaim_example_75_mlockall_of_the_present_forgets_the_future() {
    let (mut lab, a) = privileged();
    assert_eq!(lab.call(a, Syscall::Mlockall(MCL_FUTURE)), Ok(0));
    let locked = lab.mmap(a, 1, READ, PRIVATE);
    assert!(lab.area(a, locked).has(VmFlags::LOCKED));
    assert_eq!(lab.call(a, Syscall::Mlockall(MCL_CURRENT)), Ok(0));
    let later = lab.mmap(a, 1, RW, PRIVATE);
    assert!(!lab.area(a, later).has(VmFlags::LOCKED));
}

#[test]
fn locked_growth_respects_the_limit() {
    let (mut lab, a) = Lab::with_task();
    limit(&mut lab, a, 2 * PAGE_SIZE);
    assert_eq!(lab.call(a, Syscall::Mlockall(MCL_FUTURE)), Ok(0));
    let mapped = |lab: &mut Lab, pages: u32| lab.try_mmap(a, 0, pages * PAGE_SIZE, RW, PRIVATE);
    assert_eq!(mapped(&mut lab, 3), Err(Errno::EAGAIN));
    assert!(mapped(&mut lab, 1).is_ok());
    let heap = lab.mm(a).brk;
    let grown = |lab: &mut Lab, pages| lab.call(a, Syscall::Brk(heap + pages * PAGE_SIZE)).unwrap();
    assert_eq!(grown(&mut lab, 2), heap, "brk returns the old end");
    assert_eq!(grown(&mut lab, 1), heap + PAGE_SIZE);
    assert_eq!(mapped(&mut lab, 1), Err(Errno::EAGAIN));
    // Without a limit MAP_LOCKED is EPERM, the future alone EAGAIN.
    limit(&mut lab, a, 0);
    assert_eq!(mapped(&mut lab, 1), Err(Errno::EAGAIN));
    let locked = lab.try_mmap(a, 0, PAGE_SIZE, RW, PRIVATE | 0x2000);
    assert_eq!(locked, Err(Errno::EPERM));
}

#[test]
fn locks_are_not_inherited() {
    let (mut lab, a) = privileged();
    let va = lab.dirty(a, 2);
    assert_eq!(
        lab.call(a, Syscall::Mlockall(MCL_CURRENT | MCL_FUTURE)),
        Ok(0)
    );
    let b = lab.fork(a);
    assert_eq!(
        (lab.mm(b).locked_vm, lab.mm(b).def_flags),
        (0, VmFlags::empty())
    );
    assert!(!lab.area(b, va).has(VmFlags::LOCKED));
    // The parent's pages are locked, and shared copy on write nevertheless.
    assert_eq!(lab.bits(a, va), 0x065);
    let later = lab.mmap(b, 1, RW, PRIVATE);
    assert!(!lab.area(b, later).has(VmFlags::LOCKED));

    lab.run(a);
    let exe = lab.k.lookup("sh").unwrap();
    assert_eq!(
        lab.k.exec_inode(a, exe, &"sh".into()),
        SysResult::Done(Ok(0))
    );
    assert_eq!(
        (lab.mm(a).locked_vm, lab.mm(a).def_flags),
        (0, VmFlags::empty())
    );
    lab.check();
}

#[test]
fn unmapping_gives_locks_back() {
    let (mut lab, a) = privileged();
    let va = lab.mmap_at(a, 0x5000_0000, 4, RW);
    assert_eq!(lock(&mut lab, a, va, 4), Ok(0));
    lab.munmap(a, page(va, 1), 2);
    assert_eq!(lab.mm(a).locked_vm, 2);
    let replaced = lab.try_mmap(a, va.0, PAGE_SIZE, RW, PRIVATE | FIXED);
    assert_eq!((replaced, lab.mm(a).locked_vm), (Ok(va.0), 1));
    lab.check();
}

/// A stack that grows because the kernel looks into it brings all of its new pages at once, if it
/// is locked; one that grows by a fault only that page.
#[test]
fn a_locked_stack_grows_locked() {
    let (mut lab, a) = Lab::with_task_on(Config::default());
    lab.k.task_mut(a).set_caps(Caps::IPC_LOCK);
    let va = lab.mmap_at(a, 0x5000_4000, 1, RW);
    lab.munmap(a, va, 1);
    let stack = lab
        .try_mmap(a, va.0, PAGE_SIZE, RW, PRIVATE | FIXED | 0x100)
        .unwrap();
    assert_eq!(lock(&mut lab, a, VirtAddr(stack), 1), Ok(0));
    let (mm, below) = (lab.mm_id(a), VirtAddr(stack - 3 * PAGE_SIZE));
    let grown = lab.k.find_extend_vma(mm, below).unwrap();
    assert_eq!((grown.vm_start, lab.mm(a).locked_vm), (below.0, 4));
    for n in 0..4 {
        assert_eq!(lab.bits(a, page(below, n)), 0x067, "{n}");
    }
    lab.check();
}
