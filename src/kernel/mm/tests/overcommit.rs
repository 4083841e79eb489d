//! `vm.overcommit_memory` 0, 1 and 2: what is refused, and what is charged.

use super::lab::{Lab, PRIVATE, READ, RW, SHARED, page};
use crate::abi::{Caps, Errno, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::mm::{UserFaultKind, VmFlags};
use crate::kernel::syscall::Syscall;
use crate::kernel::sysctl::Sysctl;

const MIB: u32 = 256;
const NORESERVE: u32 = 0x4000;

fn mode(lab: &mut Lab, number: u32) {
    lab.k.config.sysctls.set(Sysctl::OvercommitMemory, number);
}

/// The kernel's own sum for mode 2, of a task that is not root.
fn limit(lab: &Lab, task: TaskId) -> u32 {
    let allowed = lab.k.totalram_pages / 2;
    allowed - allowed / 32 - lab.mm(task).total_vm / 32
}

/// A database with 40 of 64 MiB written forks to save its data in the background.
#[test]
fn a_fork_with_40_of_64_mib() {
    let (mut lab, db) = Lab::with_task();
    lab.dirty(db, 40 * MIB);
    assert_eq!(
        lab.try_fork(db),
        Err(Errno::ENOMEM),
        "mode 0: 40 of 24 free"
    );
    assert!(lab.call(db, Syscall::Vfork).is_ok(), "vfork copies nothing");

    for (number, allowed) in [(0, false), (1, true), (2, false)] {
        let (mut lab, db) = Lab::with_task();
        lab.k.config.sysctls.set(Sysctl::OvercommitRatio, 90);
        let va = lab.dirty(db, 40 * MIB);
        mode(&mut lab, number);
        let frames = lab.k.mem.frames_in_use();
        let child = lab.try_fork(db);
        assert_eq!(child.is_ok(), allowed, "mode {number}");
        let Ok(child) = child else { continue };
        // Two frames of stack, a directory and the tables: no page of data is copied.
        assert!(lab.k.mem.frames_in_use() - frames < 20, "mode {number}");
        lab.write(child, va, 7);
        lab.check();
    }
}

#[test]
fn mode_1_refuses_nothing() {
    let (mut lab, a) = Lab::with_task();
    mode(&mut lab, 1);
    for _ in 0..8 {
        lab.mmap(a, 256 * MIB, RW, PRIVATE);
    }
    lab.mmap(a, 256 * MIB, RW, SHARED);
    assert!(
        lab.k.vm.committed >= 9 * 256 * MIB,
        "and counts it all the same"
    );
    lab.check();
}

/// The first request that reaches the limit is refused, however small it is.
#[test]
fn mode_2_compares_the_sum_with_the_limit() {
    let (mut lab, a) = Lab::with_task();
    mode(&mut lab, 2);
    // The size that the limit looks at is that before the request.
    let room = limit(&lab, a) - lab.k.vm.committed;
    let refused = lab.try_mmap(a, 0, room * PAGE_SIZE, RW, PRIVATE);
    assert_eq!(refused, Err(Errno::ENOMEM));
    lab.mmap(a, room - 1, RW, PRIVATE);
    assert_eq!(
        lab.try_mmap(a, 0, PAGE_SIZE, RW, PRIVATE),
        Err(Errno::ENOMEM)
    );
    assert_eq!(
        lab.try_mmap(a, 0, PAGE_SIZE, RW, SHARED),
        Err(Errno::ENOMEM)
    );
    let heap = lab.mm(a).brk;
    assert_eq!(lab.call(a, Syscall::Brk(heap + PAGE_SIZE)), Ok(heap));
    assert_eq!(lab.try_fork(a), Err(Errno::ENOMEM));
    // What cannot be written is not charged. Root has a reserve.
    let readable = lab.mmap(a, 1024 * MIB / 2, READ, PRIVATE);
    let refused = lab.call(a, Syscall::Mprotect(readable.0, PAGE_SIZE, RW));
    assert_eq!(refused, Err(Errno::ENOMEM));
    lab.munmap(a, readable, 1024 * MIB / 2);
    lab.k.task_mut(a).set_caps(Caps::SYS_ADMIN);
    lab.mmap(a, 1, RW, PRIVATE);
    lab.check();
}

/// A larger part of the RAM may be committed with a larger ratio; modes other than 0 and 1 are all
/// the strict one.
#[test]
fn the_ratio_moves_the_limit() {
    for (number, ratio, allowed) in [(2, 50, false), (2, 90, true), (7, 50, false), (7, 90, true)] {
        let mut config = Config::default();
        config.sysctls.set(Sysctl::OvercommitMemory, number);
        config.sysctls.set(Sysctl::OvercommitRatio, ratio);
        let (mut lab, a) = Lab::with_task_on(config);
        let mapped = lab.try_mmap(a, 0, 40 * MIB * PAGE_SIZE, RW, PRIVATE);
        assert_eq!(mapped.is_ok(), allowed, "mode {number}, {ratio} percent");
    }
}

#[test]
fn noreserve_is_ignored_when_nothing_may_be_overcommitted() {
    for (number, charged) in [(0, false), (1, false), (2, true), (3, false)] {
        let (mut lab, a) = Lab::with_task();
        mode(&mut lab, number);
        let before = lab.k.vm.committed;
        let va = lab.mmap(a, 4, RW, PRIVATE | NORESERVE);
        let accounted = lab.area(a, va).has(VmFlags::ACCOUNT);
        assert_eq!(accounted, charged, "mode {number}");
        assert_eq!(lab.k.vm.committed - before, if charged { 4 } else { 0 });
        lab.check();
    }
}

/// Shared memory that reserves nothing is charged page by page, also for pages in swap, until its last
/// user is gone. A page that may not be charged is SIGBUS.
#[test]
fn shared_memory_that_reserves_nothing_is_charged_as_it_is_touched() {
    let (mut lab, a) = super::swap_lab::lab();
    let before = lab.k.vm.committed;
    let charged = |lab: &Lab| lab.k.vm.committed - before;
    let va = lab.mmap(a, 8, RW, SHARED | NORESERVE);
    assert_eq!(charged(&lab), 0);
    lab.write(a, page(va, 1), 5);
    assert_eq!(lab.read(a, page(va, 2)), 0);
    let b = lab.fork(a);
    lab.read(b, page(va, 1));
    assert_eq!(charged(&lab) - lab.private_pages(b), 2);
    lab.exit(b);
    let pfn = lab.pfn(a, page(va, 1));
    lab.age(pfn);
    for _ in 0..3 {
        lab.shrink(pfn);
        lab.k.blk_congestion_wait();
    }
    assert_eq!((lab.counts(pfn).0, charged(&lab)), (0, 2));
    lab.check();

    mode(&mut lab, 7);
    lab.k.config.sysctls.set(Sysctl::OvercommitRatio, 0);
    let full = lab.k.swap.total_swap_pages() - lab.k.vm.committed;
    lab.k.vm.committed += full;
    let fault = lab.try_write(a, va, 1).unwrap_err();
    assert_eq!(fault.kind, UserFaultKind::Bus);
    lab.k.vm.committed -= full;
    mode(&mut lab, 0);
    assert_eq!(lab.read(a, page(va, 1)), 5, "it was charged before");
    lab.munmap(a, va, 8);
    assert_eq!(charged(&lab), 0);
    lab.check();
}

impl Lab {
    /// What a task's areas have committed.
    fn private_pages(&self, task: TaskId) -> u32 {
        let areas = self.mm(task).areas();
        let accounted = areas.filter(|vma| vma.has(VmFlags::ACCOUNT));
        accounted.map(crate::kernel::mm::Vma::pages).sum()
    }
}

/// The stack is charged as it grows, and stops where memory does.
#[test]
fn a_stack_grows_within_the_limit_of_memory() {
    let (mut lab, a) = Lab::with_task();
    mode(&mut lab, 2);
    let stack = lab.mmap(a, 1, RW, PRIVATE | 0x100);
    let room = limit(&lab, a) - lab.k.vm.committed;
    let filled = lab.mmap_at(a, 0x1000_0000, room - 300, RW);
    let left = limit(&lab, a) - lab.k.vm.committed;
    lab.k.task_mut(a).thread.regs.esp = 0;
    let below = |pages: u32| VirtAddr(stack.0 - pages * PAGE_SIZE);
    assert!(lab.try_write(a, below(left), 1).is_err());
    assert!(lab.try_write(a, below(left - 1), 1).is_ok());
    assert!(lab.try_write(a, below(left), 1).is_err());
    lab.munmap(a, page(filled, 1), 64);
    assert!(lab.try_write(a, below(left), 1).is_ok());
    lab.check();
}
