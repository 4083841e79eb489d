//! First accesses: the zero page, new pages, file pages, and invalid addresses.

use super::lab::{Effect, Lab, PRIVATE, READ, RW, WRITE, segv_code};
use crate::abi::{Errno, PAGE_SIZE, VirtAddr};
use crate::kernel::fail::FailPoint;

#[test]
fn memory_examples_1_and_2_read_first_then_write() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 10, RW, PRIVATE);
    let effect = lab.watch(a, |lab| assert_eq!(lab.read(a, va), 0));
    assert_eq!(
        effect,
        Effect {
            faults: vec![4],
            tables: 1,
            min_flt: 1,
            ..Effect::default()
        }
    );
    assert_eq!(lab.pfn(a, va), lab.k.mem.empty_zero_page());
    assert_eq!(lab.bits(a, va), 0x025);

    let effect = lab.watch(a, |lab| lab.write(a, va, 7));
    let expected = Effect {
        faults: vec![7],
        frames: 1,
        rss: 1,
        anon_rss: 1,
        min_flt: 1,
        invlpg: 1,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    assert_eq!(
        (lab.bits(a, va), lab.counts(lab.pfn(a, va))),
        (0x067, (1, 1))
    );
    assert_eq!((lab.read(a, va), lab.read(a, VirtAddr(va.0 + 4))), (7, 0));
}

#[test]
fn memory_example_3_write_first() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 10, RW, PRIVATE);
    let effect = lab.watch(a, |lab| lab.write(a, va, 7));
    let expected = Effect {
        faults: vec![6],
        frames: 1,
        tables: 1,
        rss: 1,
        anon_rss: 1,
        min_flt: 1,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    assert_eq!(
        (lab.bits(a, va), lab.counts(lab.pfn(a, va))),
        (0x067, (1, 1))
    );
}

#[test]
fn memory_example_20_write_only_memory_can_be_read_once_it_was_written() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 2, WRITE, PRIVATE);
    let second = VirtAddr(va.0 + 0x1000);
    let effect = lab.watch(a, |lab| assert_eq!(segv_code(lab.try_read(a, va)), 2));
    assert_eq!(
        effect,
        Effect {
            faults: vec![4],
            ..Effect::default()
        }
    );
    lab.write(a, second, 5);
    let effect = lab.watch(a, |lab| assert_eq!(lab.read(a, second), 5));
    assert_eq!(effect, Effect::default());
}

/// Read first; then written.
#[test]
fn memory_example_28_private_file_page() {
    let (mut lab, a) = Lab::with_task();
    let va = VirtAddr(lab.mm(a).start_data);
    let effect = lab.watch(a, |lab| {
        assert_eq!(&lab.read(a, va).to_le_bytes(), b"\x7fELF");
    });
    let read = Effect {
        faults: vec![4],
        frames: 1,
        tables: 1,
        rss: 1,
        ..Effect::default()
    };
    assert_eq!(effect, read);
    assert_eq!(lab.k.task(a).maj_flt, 1, "the page was not cached");
    let cached = lab.pfn(a, va);
    assert_eq!((lab.bits(a, va), lab.counts(cached)), (0x025, (2, 1)));

    let effect = lab.watch(a, |lab| lab.write(a, va, 7));
    let write = Effect {
        faults: vec![7],
        frames: 1,
        anon_rss: 1,
        min_flt: 1,
        invlpg: 1,
        ..Effect::default()
    };
    assert_eq!(effect, write);
    assert_eq!(
        (lab.bits(a, va), lab.counts(lab.pfn(a, va))),
        (0x067, (1, 1))
    );
    assert_eq!(lab.counts(cached), (1, 0));
}

/// Here the page is in the cache already, because the text maps it too.
#[test]
fn memory_example_29_private_file_page_written_first() {
    let (mut lab, a) = Lab::with_task();
    let (text, data) = (
        VirtAddr(lab.mm(a).start_code),
        VirtAddr(lab.mm(a).start_data),
    );
    lab.read(a, text);
    let cached = lab.pfn(a, text);
    let effect = lab.watch(a, |lab| lab.write(a, data, 7));
    let expected = Effect {
        faults: vec![6],
        frames: 1,
        rss: 1,
        anon_rss: 1,
        min_flt: 1,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    assert_eq!((lab.bits(a, data), lab.counts(cached)), (0x067, (2, 1)));
    let neighbour = lab.read(a, VirtAddr(data.0 + 7)).to_le_bytes();
    assert_eq!(&neighbour[..2], b"sh", "the rest of the page was copied");
}

#[test]
fn memory_example_31_the_kernel_writes_untouched_memory() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, PRIVATE);
    let effect = lab.watch(a, |lab| lab.k.copy_to_user(a, va, &[1, 2, 3]).unwrap());
    let expected = Effect {
        faults: vec![2],
        frames: 1,
        tables: 1,
        rss: 1,
        anon_rss: 1,
        min_flt: 1,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    let nowhere = VirtAddr(0x1000_0000);
    let effect = lab.watch(a, |lab| {
        assert_eq!(lab.k.copy_to_user(a, nowhere, &[1]), Err(Errno::EFAULT));
    });
    assert_eq!(
        effect,
        Effect {
            faults: vec![2],
            ..Effect::default()
        }
    );
    assert_eq!(lab.k.task(a).thread.trap_no, 0, "the task does not notice");
}

#[test]
fn addresses_of_the_kernel_are_refused_by_system_calls_without_a_fault() {
    let (mut lab, a) = Lab::with_task();
    let effect = lab.watch(a, |lab| {
        for (addr, len) in [(0xc000_0000, 1), (0xbfff_ffff, 2), (0xffff_ffff, 4)] {
            let result = lab.k.copy_to_user(a, VirtAddr(addr), &vec![0; len]);
            assert_eq!(result, Err(Errno::EFAULT), "{addr:#x}");
        }
    });
    assert_eq!(effect, Effect::default());
    assert_eq!(lab.k.copy_to_user(a, VirtAddr(0xbfff_ffff), &[0]), Ok(()));
}

/// Example 32: a mapped and an unmapped address of the kernel. Example 33: address 0.
#[test]
fn memory_examples_32_and_33_addresses_that_are_none() {
    for (addr, code, saved) in [(0xc000_0000, 5, 5), (0xf000_0000, 4, 5), (0, 4, 4)] {
        let (mut lab, a) = Lab::with_task();
        let effect = lab.watch(a, |lab| {
            assert_eq!(segv_code(lab.try_read(a, VirtAddr(addr))), 1);
        });
        assert_eq!(
            effect,
            Effect {
                faults: vec![code],
                ..Effect::default()
            },
            "{addr:#x}"
        );
        let thread = &lab.k.task(a).thread;
        assert_eq!(
            (thread.cr2, thread.error_code, thread.trap_no),
            (addr, saved, 14)
        );
    }
}

#[test]
fn no_frame_for_a_page_is_an_out_of_memory_fault_and_changes_nothing() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, PRIVATE);
    for fail_after in [0, 1] {
        lab.k.fail.set(FailPoint::Frame(Some(fail_after)));
        let fault = lab.try_write(a, va, 1).unwrap_err();
        assert_eq!(fault.kind, crate::kernel::mm::UserFaultKind::Oom);
        assert_eq!(lab.mm(a).rss, 1, "only the arguments");
        lab.check();
    }
    lab.write(a, va, 1);
}

#[test]
fn reading_a_region_of_many_pages_costs_one_page_table() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 100, READ, PRIVATE);
    let effect = lab.watch(a, |lab| {
        lab.k
            .user_touch(a, va, 100, crate::hw::AccessKind::Read)
            .unwrap();
    });
    let expected = Effect {
        faults: vec![4; 100],
        tables: 1,
        min_flt: 100,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
}

#[test]
fn a_word_that_crosses_into_a_bad_page_is_not_stored_at_all() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, PRIVATE);
    let crossing = VirtAddr(va.0 + 4094);
    let following = VirtAddr(va.0 + 4096);
    let hole = lab.k.mms[lab.k.task(a).mm().unwrap()]
        .find_vma(following)
        .is_none_or(|vma| vma.vm_start > following.0);
    assert!(hole, "the page behind the mapping is free");
    let fault = lab.k.user_write(a, crossing, &[1, 2, 3, 4]).unwrap_err();
    assert_eq!(fault.addr, following);
    assert_eq!(lab.read(a, VirtAddr(va.0 + 4092)), 0);
    let longer = lab.k.user_write(a, crossing, &[1, 2, 3, 4, 5]);
    assert!(longer.is_err(), "more than a word is several instructions");
    assert_eq!(lab.read(a, VirtAddr(va.0 + 4092)), 0x0201_0000);
}

#[test]
fn memory_example_41_the_vsyscall_page() {
    let (mut lab, a) = Lab::with_task();
    let entry = VirtAddr(0xffff_e400);
    let effect = lab.watch(a, |lab| {
        assert_eq!(lab.read(a, entry) & 0x00ff_ffff, 0x00c3_80cd);
    });
    assert_eq!(effect, Effect::default());
    let effect = lab.watch(a, |lab| {
        let written = lab.k.user_write(a, entry, &[0; 4]);
        assert_eq!(segv_code(written), 1);
    });
    assert_eq!(effect.faults, [7]);
    assert_eq!(lab.k.task(a).thread.error_code, 7);
}

/// All growth is accounted, but only areas that were accounted from the beginning are uncharged. A
/// read-only area is not charged, and what it grew by stays committed for good.
#[test]
fn growth_of_an_unaccounted_stack_is_never_given_back() {
    const GROWSDOWN: u32 = 0x100;
    for (prot, kept) in [(READ, 2), (RW, 0)] {
        let (mut lab, a) = Lab::with_task();
        let before = lab.k.vm.committed;
        let stack = lab.mmap(a, 1, prot, PRIVATE | GROWSDOWN);
        let accounted = lab.k.vm.committed - before;
        assert_eq!(accounted, u32::from(prot == RW));
        let top = VirtAddr(stack.0 - 2 * PAGE_SIZE);
        lab.k.task_mut(a).thread.regs.esp = top.0;
        lab.read(a, top);
        assert_eq!(lab.area(a, top).pages(), 3);
        assert_eq!(lab.k.vm.committed - before, accounted + 2);
        lab.munmap(a, top, 3);
        let vm = lab.k.vm;
        assert_eq!((vm.committed - before, vm.never_returned), (kept, kept));
        lab.check();
    }
}
