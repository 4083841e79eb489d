//! What mprotect makes of areas and entries, and what the next access then does.

use super::lab::{
    Effect, FIXED, Lab, NONE, PRIVATE, Parts, READ, RW, SHARED, WRITE, page, parts, segv_code,
};
use crate::abi::{Errno, O_CREAT, O_RDWR, PAGE_SIZE, Resource, Rlimit, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::fail::FailPoint;
use crate::kernel::mm::VmFlags;
use crate::kernel::syscall::{Syscall, nr};

/// mprotect changes one entry: a flush of the address space, and nothing else.
fn protected() -> Effect {
    Effect {
        reloads: 1,
        ..Effect::default()
    }
}

/// The next write faults and gets the page itself.
fn reused() -> Effect {
    Effect {
        faults: vec![7],
        min_flt: 1,
        invlpg: 1,
        ..Effect::default()
    }
}

/// The next write faults and copies.
fn copied() -> Effect {
    Effect {
        frames: 1,
        ..reused()
    }
}

/// A page that has been written, alone in its area.
fn dirty_page() -> (Lab, TaskId, VirtAddr) {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, PRIVATE);
    lab.write(a, va, 5);
    (lab, a, va)
}

#[test]
fn memory_example_16_a_page_made_read_only() {
    let (mut lab, a, va) = dirty_page();
    let effect = lab.watch(a, |lab| lab.mprotect(a, va, 1, READ));
    assert_eq!((effect, lab.bits(a, va)), (protected(), 0x065));

    let effect = lab.watch(a, |lab| {
        let fault = lab.try_write(a, VirtAddr(va.0 + 8), 6).unwrap_err();
        assert_eq!(fault.addr, VirtAddr(va.0 + 8));
        assert_eq!(segv_code(Err::<(), _>(fault)), 2);
    });
    let refused = Effect {
        faults: vec![7],
        ..Effect::default()
    };
    assert_eq!(effect, refused);
    assert_eq!(lab.counts(lab.pfn(a, va)), (1, 1));
    assert_eq!(lab.read(a, va), 5);
}

#[test]
fn memory_example_17_a_page_made_writable_again() {
    let (mut lab, a, va) = dirty_page();
    let frame = lab.pfn(a, va);
    lab.mprotect(a, va, 1, READ);
    let effect = lab.watch(a, |lab| lab.mprotect(a, va, 1, RW));
    assert_eq!((effect, lab.bits(a, va)), (protected(), 0x065));
    let effect = lab.watch(a, |lab| lab.write(a, va, 6));
    assert_eq!((effect, lab.bits(a, va)), (reused(), 0x067));
    assert_eq!(lab.pfn(a, va), frame);
}

/// The question that people ask: may a page that was read-only when it was shared be written in
/// place afterwards? Copy on write asks what the area may become (`VM_MAYWRITE`), so it is copied.
#[test]
fn memory_example_17_a_page_made_read_only_forked_and_made_writable_in_the_child() {
    let (mut lab, a, va) = dirty_page();
    lab.mprotect(a, va, 1, READ);
    let b = lab.fork(a);
    assert_eq!((lab.bits(a, va), lab.bits(b, va)), (0x065, 0x045));
    lab.mprotect(b, va, 1, RW);
    assert_eq!(lab.bits(b, va), 0x065);

    let effect = lab.watch(b, |lab| lab.write(b, va, 7));
    assert_eq!((effect, lab.bits(b, va)), (copied(), 0x067));
    assert_eq!((lab.read(a, va), lab.read(b, va)), (5, 7));
    assert_ne!(lab.pfn(a, va), lab.pfn(b, va));
    assert_eq!(segv_code(lab.try_write(a, va, 8)), 2);
}

#[test]
fn memory_example_18_shared_memory_made_writable_again() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, SHARED);
    lab.write(a, va, 5);
    lab.mprotect(a, va, 1, READ);
    assert_eq!(lab.bits(a, va), 0x065);
    lab.mprotect(a, va, 1, RW);
    assert_eq!(lab.bits(a, va), 0x067);
    let effect = lab.watch(a, |lab| lab.write(a, va, 6));
    assert_eq!(effect, Effect::default());
}

#[test]
fn memory_example_19_a_page_without_rights_stays_mapped() {
    let (mut lab, a, va) = dirty_page();
    let effect = lab.watch(a, |lab| lab.mprotect(a, va, 1, NONE));
    assert_eq!((effect, lab.bits(a, va)), (protected(), 0x0e0));
    let effect = lab.watch(a, |lab| assert_eq!(segv_code(lab.try_read(a, va)), 2));
    assert_eq!((effect.faults, effect.rss, effect.min_flt), (vec![4], 0, 0));

    let b = lab.fork(a);
    assert_eq!((lab.bits(a, va), lab.bits(b, va)), (0x0e0, 0x0c0));
    assert_eq!(lab.counts(lab.pfn(a, va)), (2, 2));
    lab.mprotect(b, va, 1, READ);
    assert_eq!(lab.read(b, va), 5);
}

#[test]
fn memory_example_38_what_was_once_writable_stays_charged() {
    let (mut lab, a) = Lab::with_task();
    let before = lab.k.vm.committed;
    let va = lab.mmap_at(a, 0x5000_0000, 4, READ);
    assert_eq!(lab.k.vm.committed, before);
    lab.mprotect(a, va, 4, RW);
    lab.mprotect(a, va, 4, READ);
    lab.mprotect(a, va, 4, RW);
    lab.mprotect(a, va, 4, READ);
    assert_eq!(lab.k.vm.committed, before + 4);
    assert!(lab.area(a, va).has(VmFlags::ACCOUNT));

    let fresh = lab.mmap_at(a, 0x5000_4000, 4, READ);
    assert_eq!(lab.area(a, va).vm_end, fresh.0);
    lab.mprotect(a, fresh, 4, RW);
    lab.mprotect(a, fresh, 4, READ);
    assert_eq!(lab.area(a, va).vm_end, fresh.0 + 4 * PAGE_SIZE);
    assert_eq!(lab.k.vm.committed, before + 8);
    lab.munmap(a, va, 8);
    assert_eq!(lab.k.vm.committed, before);
    lab.check();
}

/// Where a page comes from.
#[derive(Clone, Copy, Debug)]
enum Memory {
    Private,
    Shared,
    /// Of a regular file.
    PrivateFile,
    /// Of a regular file.
    SharedFile,
}

/// What is known of a page before mprotect.
#[derive(Clone, Copy, Debug)]
enum State {
    Untouched,
    Read,
    Written,
    /// Written, then shared with a parent by fork.
    Forked,
    /// Written, and then taken by reclaim.
    Reclaimed,
}

impl Memory {
    fn map(self, lab: &mut Lab, task: TaskId) -> VirtAddr {
        const MAP_SHARED: u32 = 1;
        const MAP_PRIVATE: u32 = 2;
        let mut map_file = |flags| {
            let fd = lab.open(task, "data", O_CREAT | O_RDWR);
            let length = PAGE_SIZE.cast_signed();
            lab.call(task, Syscall::Ftruncate(fd, length)).unwrap();
            lab.try_map_file(task, (fd, 0, 1), RW, flags).unwrap()
        };
        match self {
            Self::Private => lab.mmap(task, 1, RW, PRIVATE),
            Self::Shared => lab.mmap(task, 1, RW, SHARED),
            Self::PrivateFile => map_file(MAP_PRIVATE),
            Self::SharedFile => map_file(MAP_SHARED),
        }
    }
}

impl State {
    /// Brings a page into this state. Returns the task that will protect it.
    fn reach(self, lab: &mut Lab, task: TaskId, va: VirtAddr) -> TaskId {
        match self {
            Self::Untouched => {}
            Self::Read => {
                lab.read(task, va);
            }
            Self::Written => lab.write(task, va, 5),
            Self::Forked => {
                lab.write(task, va, 5);
                return lab.fork(task);
            }
            Self::Reclaimed => {
                lab.write(task, va, 5);
                reclaim(lab, task, va);
            }
        }
        task
    }
}

/// Reclaim takes the page at an address, however many rounds that needs.
fn reclaim(lab: &mut Lab, task: TaskId, va: VirtAddr) {
    let pfn = lab.pfn(task, va);
    lab.age(pfn);
    for _ in 0..3 {
        if lab.counts(pfn).0 > 0 {
            lab.shrink(pfn);
            lab.k.blk_congestion_wait();
        }
    }
    assert_eq!(lab.counts(pfn).0, 0);
}

/// For every kind of page: its entry after mprotect(PROT_READ), after mprotect(PROT_READ |
/// PROT_WRITE), the faults of the next write, and how many frames it takes.
#[test]
fn what_a_page_made_read_only_and_writable_again_does_at_the_next_write() {
    use Memory::{Private, PrivateFile, Shared, SharedFile};
    use State::{Forked, Read, Reclaimed, Untouched, Written};
    type Row = (Memory, State, [u32; 2], &'static [u8], i32);
    let table: [Row; 20] = [
        (Private, Untouched, [0, 0], &[6], 1),
        (Private, Read, [0x025, 0x025], &[7], 1),
        (Private, Written, [0x065, 0x065], &[7], 0),
        (Private, Forked, [0x065, 0x065], &[7], 1),
        // Slot 1, which nobody else owns: the page that is read is written in place.
        (Private, Reclaimed, [0x100, 0x100], &[6], 1),
        (Shared, Untouched, [0, 0], &[6], 1),
        (Shared, Read, [0x025, 0x027], &[], 0),
        (Shared, Written, [0x065, 0x067], &[], 0),
        (Shared, Forked, [0x025, 0x027], &[], 0),
        // Its object knows the slot.
        (Shared, Reclaimed, [0, 0], &[6], 1),
        // A page for the cache, and the copy.
        (PrivateFile, Untouched, [0, 0], &[6], 2),
        (PrivateFile, Read, [0x025, 0x025], &[7], 1),
        (PrivateFile, Written, [0x065, 0x065], &[7], 0),
        (PrivateFile, Forked, [0x065, 0x065], &[7], 1),
        (PrivateFile, Reclaimed, [0x100, 0x100], &[6], 1),
        (SharedFile, Untouched, [0, 0], &[6], 1),
        (SharedFile, Read, [0x025, 0x027], &[], 0),
        (SharedFile, Written, [0x065, 0x067], &[], 0),
        (SharedFile, Forked, [0x025, 0x027], &[], 0),
        (SharedFile, Reclaimed, [0, 0], &[6], 1),
    ];
    for (memory, state, entries, faults, frames) in table {
        let name = format!("{memory:?} {state:?}");
        let (mut lab, parent) = super::swap_lab::lab();
        let va = memory.map(&mut lab, parent);
        let task = state.reach(&mut lab, parent, va);
        lab.mprotect(task, va, 1, READ);
        assert_eq!(lab.bits(task, va), entries[0], "{name}");
        assert_eq!(segv_code(lab.try_write(task, va, 6)), 2, "{name}");
        lab.mprotect(task, va, 1, RW);
        assert_eq!(lab.bits(task, va), entries[1], "{name}");
        let effect = lab.watch(task, |lab| lab.write(task, va, 7));
        assert_eq!(
            (effect.faults.as_slice(), effect.frames),
            (faults, frames),
            "{name}"
        );
        assert_eq!(
            (lab.bits(task, va), lab.read(task, va)),
            (0x067, 7),
            "{name}"
        );
        if let Forked = state {
            let seen = if let Shared | SharedFile = memory {
                7
            } else {
                5
            };
            assert_eq!(lab.read(parent, va), seen, "{name}");
        }
    }
}

/// What was written before a page was taken is still there, with the rights of either area.
#[test]
fn what_was_reclaimed_is_read_with_the_new_rights() {
    use Memory::{Private, PrivateFile, Shared, SharedFile};
    for memory in [Private, Shared, PrivateFile, SharedFile] {
        let (mut lab, task) = super::swap_lab::lab();
        let va = memory.map(&mut lab, task);
        State::Reclaimed.reach(&mut lab, task, va);
        lab.mprotect(task, va, 1, READ);
        let read = (lab.read(task, va), lab.bits(task, va));
        assert_eq!(read, (5, 0x025), "{memory:?}");
    }
}

/// `mm/mmap.c`, `vma_merge()`: the cases 4 to 8 are mprotect's. Each step protects pages of nine.
#[test]
fn areas_split_where_rights_differ_and_merge_where_they_agree() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 9, RW);
    lab.touch(a, va, 9);
    let steps: [((u32, u32), u32, Parts); 10] = [
        ((3, 6), READ, &[(0, 3), (3, 6), (6, 9)]),
        ((3, 4), RW, &[(0, 4), (4, 6), (6, 9)]), // case 5
        ((5, 6), RW, &[(0, 4), (4, 5), (5, 9)]), // case 4
        ((4, 5), RW, &[(0, 9)]),                 // case 6
        ((0, 3), READ, &[(0, 3), (3, 9)]),
        ((6, 9), NONE, &[(0, 3), (3, 6), (6, 9)]),
        ((3, 6), READ, &[(0, 6), (6, 9)]), // case 7
        ((0, 6), NONE, &[(0, 9)]),         // case 8
        ((4, 5), RW, &[(0, 4), (4, 5), (5, 9)]),
        ((0, 9), RW, &[(0, 9)]),
    ];
    for ((first, end), prot, expected) in steps {
        lab.mprotect(a, page(va, first), end - first, prot);
        assert_eq!(parts(&lab, a, va, 9), expected, "{first}..{end} {prot}");
        assert_eq!(lab.area(a, page(va, first)).vm_flags & VmFlags::ACCESS, {
            VmFlags::from_bits_retain(prot)
        });
        lab.check();
    }
    assert_eq!(lab.area(a, va).vm_pgoff, va.0 >> 12);
    lab.touch(a, va, 9);
}

#[test]
fn shared_memory_splits_and_merges_with_its_file() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 4, RW, SHARED);
    let file = lab.area(a, va).vm_file.unwrap();
    lab.touch(a, va, 4);
    lab.mprotect(a, page(va, 1), 2, READ);
    assert_eq!(parts(&lab, a, va, 4), [(0, 1), (1, 3), (3, 4)]);
    assert_eq!(lab.area(a, page(va, 3)).vm_pgoff, 3);
    lab.mprotect(a, page(va, 1), 2, RW);
    assert_eq!(parts(&lab, a, va, 4), [(0, 4)]);
    lab.check();
    lab.munmap(a, va, 4);
    assert!(!lab.k.open_files.contains_key(file));
}

/// Each line breaks one rule more than the line below it.
#[test]
fn the_order_in_which_mprotect_refuses() {
    const GROWSDOWN: u32 = 0x0100_0000;
    const GROWSUP: u32 = 0x0200_0000;
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 2, RW);
    let hole = page(va, 2).0;
    for (start, len, prot, expected) in [
        (va.0 + 1, 0, GROWSDOWN | GROWSUP | 0x10, Err(Errno::EINVAL)),
        (va.0 + 1, 0, 0x10, Err(Errno::EINVAL)),
        (0xffff_f000, 0, 0x10, Ok(0)),
        (0xffff_f000, 0x1000, 0x10, Err(Errno::ENOMEM)),
        (va.0, 0xffff_f001, 0x10, Err(Errno::ENOMEM)),
        (hole, 0x1000, 0x10, Err(Errno::EINVAL)),
        (hole, 0x1000, READ, Err(Errno::ENOMEM)),
        (va.0 - 0x1000, 0x2000, READ, Err(Errno::ENOMEM)),
        (0xffff_e000, 0x1000, READ, Err(Errno::ENOMEM)),
        (va.0, 0x1000, GROWSUP | READ, Err(Errno::EINVAL)),
        (va.0, 0x1000, GROWSDOWN | READ, Err(Errno::EINVAL)),
        (va.0 - 0x2000, 0x1000, GROWSDOWN | READ, Err(Errno::ENOMEM)),
        (va.0, 1, RW | 8, Ok(0)),
        (va.0, 0x2000, RW, Ok(0)),
    ] {
        let result = lab.call(a, Syscall::Mprotect(start, len, prot));
        assert_eq!(result, expected, "{start:#x} {len:#x} {prot:#x}");
        assert_eq!(parts(&lab, a, va, 2), [(0, 2)]);
    }
}

#[test]
fn what_lies_below_a_hole_is_protected_although_the_call_fails() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 4, RW);
    lab.munmap(a, page(va, 2), 1);
    let result = lab.call(a, Syscall::Mprotect(va.0, 4 * PAGE_SIZE, READ));
    assert_eq!(result, Err(Errno::ENOMEM));
    assert!(!lab.area(a, page(va, 1)).has(VmFlags::WRITE));
    assert!(lab.area(a, page(va, 3)).has(VmFlags::WRITE));
}

/// The stack is protected from its start, wherever in it the range lies.
#[test]
fn growsdown_protects_from_the_start_of_the_stack() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 4, RW, PRIVATE | 0x100);
    let call = Syscall::Mprotect(page(va, 2).0, PAGE_SIZE, READ | 0x0100_0000);
    let stack_vm = lab.mm(a).stack_vm;
    assert_eq!(lab.call(a, call), Ok(0));
    assert_eq!(parts(&lab, a, va, 4), [(0, 3), (3, 4)]);
    assert_eq!(lab.mm(a).stack_vm, stack_vm);
    lab.check();
}

#[test]
fn memory_that_becomes_writable_is_charged_or_refused() {
    let (mut lab, a) = Lab::with_task_on(Config {
        mem: 8 << 20,
        ..Config::default()
    });
    let free = lab.k.mem.nr_free_pages();
    let va = lab.mmap(a, free, READ, PRIVATE);
    let before = lab.k.vm.committed;
    let all = Syscall::Mprotect(va.0, free * PAGE_SIZE, RW);
    assert_eq!(lab.call(a, all), Err(Errno::ENOMEM));
    assert_eq!(lab.k.vm.committed, before);
    lab.mprotect(a, page(va, 1), 5, RW);
    assert_eq!(lab.k.vm.committed, before + 5);
    // NORESERVE is forgotten by the time of mprotect.
    let lazy = lab.mmap(a, 2, READ, PRIVATE | 0x4000);
    lab.mprotect(a, lazy, 2, RW);
    assert_eq!(lab.k.vm.committed, before + 7);
    lab.check();
}

/// Shared memory is charged with its object; to make it writable costs nothing.
#[test]
fn shared_memory_is_not_charged_again() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 4, READ, SHARED);
    let before = lab.k.vm.committed;
    lab.mprotect(a, va, 4, RW);
    assert_eq!(lab.k.vm.committed, before);
    lab.check();
}

#[test]
fn a_refused_split_leaves_rights_and_charge_as_they_were() {
    for cut in 0..2 {
        let (mut lab, a) = Lab::with_task();
        let va = lab.mmap_at(a, 0x5000_0000, 4, READ);
        let before = lab.k.vm.committed;
        lab.k.fail.set(FailPoint::Slab(Some(cut)));
        let call = Syscall::Mprotect(page(va, 1).0, 2 * PAGE_SIZE, RW);
        assert_eq!(lab.call(a, call.clone()), Err(Errno::ENOMEM), "cut {cut}");
        assert_eq!(lab.k.vm.committed, before);
        assert!(!lab.area(a, page(va, 1)).has(VmFlags::WRITE));
        lab.check();
        assert_eq!(lab.call(a, call), Ok(0));
        assert_eq!(parts(&lab, a, va, 4), [(0, 1), (1, 3), (3, 4)]);
    }
}

/// Memory that may only be written can be read, too, once it is there.
#[test]
fn a_write_only_page_is_mapped_readable() {
    let (mut lab, a, va) = dirty_page();
    lab.mprotect(a, va, 1, WRITE);
    assert_eq!(lab.bits(a, va), 0x065);
    assert_eq!(lab.read(a, va), 5);
}

/// `exec_vm` counts executable file pages that cannot be written.
#[test]
fn sizes_follow_the_rights() {
    let (mut lab, a) = Lab::with_task();
    let text = VirtAddr(lab.mm(a).start_code);
    let exec_vm = lab.mm(a).exec_vm;
    let pages = lab.area(a, text).pages();
    lab.mprotect(a, text, pages, RW | 4);
    assert_eq!(lab.mm(a).exec_vm, exec_vm - pages);
    lab.mprotect(a, text, pages, READ | 4);
    assert_eq!(lab.mm(a).exec_vm, exec_vm);
    lab.check();
}

/// `include/linux/personality.h`, `READ_IMPLIES_EXEC`.
#[test]
fn for_some_programs_what_may_be_read_may_be_executed() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, READ, PRIVATE);
    lab.call(a, Syscall::Personality(0x0040_0000)).unwrap();
    lab.mprotect(a, va, 1, READ | WRITE);
    assert!(lab.area(a, va).has(VmFlags::EXEC));
    lab.mprotect(a, va, 1, NONE);
    assert!(!lab.area(a, va).has(VmFlags::EXEC));
    let other = lab.mmap(a, 1, READ, PRIVATE);
    assert!(lab.area(a, other).has(VmFlags::EXEC));
    let heap = lab.mm(a).brk;
    lab.call(a, Syscall::Brk(heap + 1)).unwrap();
    assert!(lab.area(a, VirtAddr(heap)).has(VmFlags::EXEC));
}

/// A program passes the arguments in registers.
#[test]
fn programs_protect_memory_by_number_125() {
    let (mut lab, a, va) = dirty_page();
    assert_eq!(nr::mprotect, 125);
    assert_eq!(lab.int_80(a, 125, [va.0, PAGE_SIZE, READ]), Ok(0));
    assert_eq!(segv_code(lab.try_write(a, va, 1)), 2);
    let replaced = lab.try_mmap(a, va.0, PAGE_SIZE, RW, PRIVATE | FIXED);
    assert_eq!(replaced, Ok(va.0));
    assert_eq!(lab.read(a, va), 0);
}

/// mprotect asks no limit: the size of the address space does not change.
#[test]
fn limits_do_not_matter() {
    let (mut lab, a, va) = dirty_page();
    lab.k.rlimits_mut(a)[Resource::As] = Rlimit { cur: 0, max: 0 };
    lab.mprotect(a, va, 1, READ);
    lab.mprotect(a, va, 1, RW);
}
