//! Copy on write between parents, children and grandchildren.

use super::lab::{Effect, Lab, PRIVATE, RW};
use crate::abi::{CloneFlags, TaskId, VirtAddr};
use crate::hw::AccessKind;
use crate::kernel::fail::FailPoint;
use crate::kernel::syscall::Syscall;

/// A task with 10 dirty pages in one page table, and its child: the situation of example 4.
fn forked() -> (Lab, TaskId, TaskId, VirtAddr) {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 10);
    let b = lab.fork(a);
    (lab, a, b, va)
}

fn page(va: VirtAddr, n: u32) -> VirtAddr {
    VirtAddr(va.0 + n * 0x1000)
}

/// The effect of a write that copies.
fn copied() -> Effect {
    Effect {
        faults: vec![7],
        frames: 1,
        min_flt: 1,
        invlpg: 1,
        ..Effect::default()
    }
}

/// The effect of a write that gets the page itself.
fn reused() -> Effect {
    Effect {
        frames: 0,
        ..copied()
    }
}

/// Besides the 10 pages, the page with the program's arguments is shared: one page table more.
#[test]
fn memory_example_4_fork_shares_everything() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 10);
    let pgds = lab.k.mms.len();
    let mut child = None;
    let effect = lab.watch(a, |lab| child = Some(lab.fork(a)));
    assert_eq!(
        effect,
        Effect {
            tables: 2,
            reloads: 1,
            ..Effect::default()
        }
    );
    assert_eq!(lab.k.mms.len(), pgds + 1);
    let b = child.unwrap();
    for n in 0..10 {
        let va = page(va, n);
        assert_eq!((lab.bits(a, va), lab.bits(b, va)), (0x065, 0x045));
        let page = lab.k.mem.page(lab.pfn(b, va));
        assert_eq!((page.raw_count(), page.raw_mapcount()), (1, 1));
    }
    assert_eq!((lab.mm(b).rss, lab.mm(b).anon_rss), (10 + 1, 10 + 1));
    assert_eq!(lab.k.task(b).min_flt, 0);
}

#[test]
fn memory_examples_5_and_6_parent_copies_and_child_reuses() {
    let (mut lab, a, b, va) = forked();
    let shared = lab.pfn(a, va);
    lab.run(a);
    assert_eq!(lab.watch(a, |lab| lab.write(a, va, 7)), copied());
    assert_eq!(
        (lab.bits(a, va), lab.counts(lab.pfn(a, va))),
        (0x067, (1, 1))
    );
    assert_eq!((lab.pfn(b, va), lab.counts(shared)), (shared, (1, 1)));

    lab.run(b);
    assert_eq!(lab.watch(b, |lab| lab.write(b, va, 8)), reused());
    assert_eq!((lab.pfn(b, va), lab.bits(b, va)), (shared, 0x067));
    assert_eq!((lab.read(a, va), lab.read(b, va)), (7, 8));
}

#[test]
fn memory_example_7_a_read_of_the_child_does_not_fault() {
    let (mut lab, _, b, va) = forked();
    let va = page(va, 1);
    lab.run(b);
    let effect = lab.watch(b, |lab| {
        lab.read(b, va);
    });
    assert_eq!(effect, Effect::default());
    assert_eq!(
        (lab.bits(b, va), lab.counts(lab.pfn(b, va))),
        (0x065, (2, 2))
    );
}

#[test]
fn memory_example_8_after_the_childs_exit_the_parent_reuses() {
    let (mut lab, a, b, va) = forked();
    let frame = lab.pfn(a, va);
    lab.run(b);
    let pgds = lab.k.mms.len();
    let effect = lab.watch(a, |lab| lab.exit(b));
    // The dead task is still on its page directory while its memory goes.
    assert_eq!((effect.frames, effect.tables, effect.reloads), (0, -2, 1));
    assert_eq!((lab.bits(a, va), lab.counts(frame)), (0x065, (1, 1)));
    assert_eq!(
        lab.k.mms.len(),
        pgds,
        "the idle task still borrows the page directory"
    );
    lab.run(a);
    assert_eq!(lab.k.mms.len(), pgds - 1);

    assert_eq!(lab.watch(a, |lab| lab.write(a, va, 7)), reused());
    assert_eq!((lab.pfn(a, va), lab.bits(a, va)), (frame, 0x067));
}

/// Three generations with one dirty page.
fn generations() -> (Lab, [TaskId; 3], VirtAddr) {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 1);
    let b = lab.fork(a);
    let c = lab.fork(b);
    (lab, [a, b, c], va)
}

#[test]
fn memory_example_9_the_last_of_three_generations_reuses() {
    let (mut lab, tasks, va) = generations();
    let old = lab.pfn(tasks[2], va);
    assert_eq!(lab.counts(old), (3, 3));
    for (task, expected, left) in [
        (tasks[0], copied(), (2, 2)),
        (tasks[1], copied(), (1, 1)),
        (tasks[2], reused(), (1, 1)),
    ] {
        lab.run(task);
        assert_eq!(lab.watch(task, |lab| lab.write(task, va, 1)), expected);
        assert_eq!(lab.counts(old), left);
    }
    assert_eq!(lab.pfn(tasks[2], va), old);
}

#[test]
fn memory_example_10_the_survivor_of_three_generations_reuses() {
    let (mut lab, [a, b, c], va) = generations();
    let old = lab.pfn(c, va);
    lab.exit(a);
    lab.exit(b);
    assert_eq!(lab.counts(old), (1, 1));
    lab.run(c);
    assert_eq!(lab.watch(c, |lab| lab.write(c, va, 1)), reused());
}

#[test]
fn memory_example_11_pages_only_read_before_fork_stay_the_zero_page() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, PRIVATE);
    lab.read(a, va);
    let b = lab.fork(a);
    assert_eq!(lab.pte(a, va), lab.pte(b, va));
    assert_eq!((lab.bits(b, va), lab.mm(b).rss), (0x025, 1));
    for task in [a, b] {
        lab.run(task);
        let expected = Effect {
            rss: 1,
            anon_rss: 1,
            ..copied()
        };
        assert_eq!(lab.watch(task, |lab| lab.write(task, va, 1)), expected);
    }
    assert_ne!(lab.pfn(a, va), lab.pfn(b, va));
}

#[test]
fn memory_example_12_untouched_pages_are_not_shared() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 2, RW, PRIVATE);
    let b = lab.fork(a);
    for task in [a, b] {
        assert_eq!(lab.pte(task, va).0, 0);
        lab.run(task);
        let effect = lab.watch(task, |lab| lab.write(task, va, 1));
        assert_eq!((effect.faults, effect.frames, effect.rss), (vec![6], 1, 1));
        let effect = lab.watch(task, |lab| assert_eq!(lab.read(task, page(va, 1)), 0));
        assert_eq!((effect.faults, effect.frames, effect.rss), (vec![4], 0, 0));
    }
}

/// A vfork child's writes go into the parent's memory.
#[test]
fn memory_example_26_shared_address_spaces_copy_nothing() {
    for flags in [
        CloneFlags::CLONE_VM,
        CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK,
    ] {
        let (mut lab, a) = Lab::with_task();
        let va = lab.dirty(a, 10);
        let mm = lab.mm_id(a);
        let mut b = a;
        let effect = lab.watch(a, |lab| {
            lab.call(
                a,
                Syscall::Clone(crate::kernel::syscall::ForkArgs::with_flags(flags)),
            )
            .unwrap();
            b = lab.k.pid_hash.tasks().map(|(_, task)| task).last().unwrap();
        });
        assert_eq!(effect, Effect::default());
        assert_eq!((lab.mm_id(b), lab.mm(a).mm_users), (mm, 2));
        assert_eq!(
            (lab.bits(a, va), lab.counts(lab.pfn(a, va))),
            (0x067, (1, 1))
        );
        lab.run(b);
        assert_eq!(lab.watch(b, |lab| lab.write(b, va, 9)), Effect::default());
        lab.exit(b);
        assert_eq!((lab.read(a, va), lab.mm(a).mm_users), (9, 1));
    }
}

#[test]
fn memory_example_27_the_childs_tid_is_stored_through_copy_on_write() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 1);
    let shared = lab.pfn(a, va);
    let b = lab.clone_with(a, CloneFlags::CLONE_CHILD_SETTID, va);
    let effect = lab.watch(b, |lab| lab.run(b));
    assert_eq!(
        effect,
        Effect {
            faults: vec![3],
            ..copied()
        }
    );
    assert_eq!((lab.k.task(b).min_flt, lab.counts(shared)), (1, (1, 1)));
    let pid = lab.k.pid(b).0 as u32;
    assert_eq!((lab.read(b, va), lab.read(a, va)), (pid, 0));
}

#[test]
fn memory_example_39_an_empty_page_table_is_copied_as_an_empty_page_table() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x4000_0000, 2, RW);
    lab.touch(a, va, 1);
    // The second area keeps the page table when the first one goes.
    lab.munmap(a, va, 1);
    let left = page(va, 1);
    let effect = lab.watch(a, |lab| {
        lab.fork(a);
    });
    assert_eq!(
        effect,
        Effect {
            tables: 2,
            reloads: 1,
            ..Effect::default()
        }
    );
    assert_eq!(lab.pte(a, left).0, 0);
}

#[test]
fn a_child_inherits_sizes_but_no_locks_and_no_fault_counts() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 4, RW, PRIVATE | 0x2000);
    assert_eq!(
        (lab.mm(a).locked_vm, lab.mm(a).rss),
        (4, 5),
        "locked memory is faulted in"
    );
    let b = lab.fork(a);
    assert_eq!(lab.mm(b).total_vm, lab.mm(a).total_vm);
    assert_eq!((lab.mm(b).locked_vm, lab.k.task(b).min_flt), (0, 0));
    let locked = |task| lab.area(task, va).has(crate::kernel::mm::VmFlags::LOCKED);
    assert!(locked(a) && !locked(b));
    lab.check();
}

/// Frames asked for: page directory, then two page tables (kernel stack first of all).
#[test]
fn a_fork_that_fails_leaves_no_trace_but_write_protected_pages() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 10);
    for (fail_after, bits, reloads) in [(0, 0x067, 0), (1, 0x067, 0), (2, 0x067, 1), (3, 0x065, 1)]
    {
        lab.k.fail.set(FailPoint::Frame(Some(fail_after)));
        let effect = lab.watch(a, |lab| assert!(lab.try_fork(a).is_err()));
        assert_eq!(
            effect,
            Effect {
                reloads,
                ..Effect::default()
            },
            "{fail_after} frames"
        );
        assert_eq!(lab.bits(a, va), bits, "{fail_after} frames");
    }
    assert_eq!(lab.watch(a, |lab| lab.write(a, va, 1)), reused());
}

/// `mm/memory.c`, `handle_pte_fault()`: who finds the entry writable has lost a race, and only marks
/// it dirty and accessed.
#[test]
fn a_spurious_write_fault_marks_the_page_dirty_and_accessed() {
    use crate::hw::{Pte, pte_phys};
    use crate::kernel::mm::MmFault;
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 1);
    let (mm, vma) = (lab.mm_id(a), lab.area(a, va));
    let table = lab.k.pte_alloc(mm, va).unwrap();
    let young = lab.pte(a, va).without(Pte::DIRTY | Pte::ACCESSED);
    lab.k.ram.write_u32(pte_phys(table, va), young.0);
    assert_eq!(lab.bits(a, va), 0x007);
    let effect = lab.watch(a, |lab| {
        let fault = lab.k.handle_mm_fault(mm, &vma, va, AccessKind::Write);
        assert_eq!(fault, MmFault::Minor);
    });
    assert_eq!(lab.bits(a, va), 0x067);
    let flushed = Effect {
        invlpg: 1,
        ..Effect::default()
    };
    assert_eq!(effect, flushed);
}
