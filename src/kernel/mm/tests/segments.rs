//! Stack, heap and holes: areas that grow, move their end, or lose their middle.

use super::lab::{Effect, Lab, PRIVATE, RW, segv_code};
use crate::abi::{Errno, Resource, TaskId, VirtAddr};
use crate::kernel::syscall::Syscall;

fn set_esp(lab: &mut Lab, task: TaskId, esp: u32) {
    lab.k.task_mut(task).thread.regs.esp = esp;
}

#[test]
fn a_new_program_has_text_data_and_21_pages_of_stack() {
    let (lab, a) = Lab::with_task();
    let mm = lab.mm(a);
    let text = (0x0804_8000, 0x0804_9000);
    assert_eq!(
        lab.areas(a),
        [text, (0x0804_9000, 0x0804_a000), (0xbffe_b000, 0xc000_0000)]
    );
    assert_eq!(
        (mm.total_vm, mm.stack_vm, mm.shared_vm, mm.exec_vm),
        (23, 21, 2, 1)
    );
    assert_eq!(
        (mm.rss, mm.anon_rss, mm.nr_ptes, mm.mmap_base),
        (1, 1, 1, 0xb800_0000)
    );
    assert_eq!(
        (mm.start_brk, mm.brk, mm.end_code),
        (0x0804_a000, 0x0804_a000, 0x0804_9000)
    );
    assert_eq!(lab.bits(a, VirtAddr(0xbfff_f000)), 0x067);
}

/// `argc` lies at `esp`, then a pointer to the name.
#[test]
fn the_arguments_are_on_the_stack() {
    let (mut lab, a) = Lab::with_task();
    let esp = VirtAddr(lab.mm(a).start_stack);
    assert_eq!((esp.0 % 16, lab.k.task(a).thread.regs.esp), (0, esp.0));
    assert_eq!(lab.read(a, esp), 1);
    let name = lab.read(a, VirtAddr(esp.0 + 4));
    assert_eq!(name, 0xc000_0000 - 4 - 3 - 3);
    let bytes = lab.read(a, VirtAddr(name)).to_le_bytes();
    assert_eq!(&bytes[..3], b"sh\0");
}

#[test]
fn memory_example_21_the_stack_grows_any_distance_in_one_step() {
    let (mut lab, a) = Lab::with_task();
    let va = VirtAddr(0xbfee_b010);
    set_esp(&mut lab, a, va.0);
    let effect = lab.watch(a, |lab| lab.write(a, va, 1));
    let expected = Effect {
        faults: vec![6],
        frames: 1,
        tables: 0,
        rss: 1,
        anon_rss: 1,
        total_vm: 256,
        min_flt: 1,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    assert_eq!(lab.area(a, va).vm_start, 0xbfee_b000);
    assert_eq!(lab.mm(a).stack_vm, 21 + 256);
}

#[test]
fn memory_example_22_how_far_below_esp_the_stack_grows() {
    let esp = 0xbfee_b010;
    let (mut lab, a) = Lab::with_task();
    set_esp(&mut lab, a, esp);
    let effect = lab.watch(a, |lab| {
        assert_eq!(segv_code(lab.try_write(a, VirtAddr(esp - 33), 1)), 1);
    });
    assert_eq!(
        effect,
        Effect {
            faults: vec![6],
            ..Effect::default()
        }
    );
    lab.k.copy_to_user(a, VirtAddr(esp - 33), &[1]).unwrap();
    lab.check();

    let (mut lab, a) = Lab::with_task();
    set_esp(&mut lab, a, esp);
    lab.write(a, VirtAddr(esp - 32), 1);
    assert_eq!(lab.area(a, VirtAddr(esp)).vm_start, 0xbfee_a000);
}

#[test]
fn memory_example_23_the_limit_of_the_stack() {
    let (mut lab, a) = Lab::with_task();
    set_esp(&mut lab, a, 0xbf00_0000);
    lab.write(a, VirtAddr(0xbf80_0000), 1);
    assert_eq!(segv_code(lab.try_read(a, VirtAddr(0xbf7f_ffff))), 1);
    assert_eq!(lab.area(a, VirtAddr(0xbf80_0000)).vm_start, 0xbf80_0000);
    lab.check();
}

#[test]
fn memory_example_24_a_hole_in_the_middle() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x4000_0000, 3, RW);
    lab.touch(a, va, 3);
    let middle = VirtAddr(0x4000_1000);
    let effect = lab.watch(a, |lab| lab.munmap(a, middle, 1));
    let expected = Effect {
        frames: -1,
        rss: -1,
        anon_rss: -1,
        total_vm: -1,
        areas: 1,
        reloads: 1,
        ..Effect::default()
    };
    assert_eq!(effect, expected);
    assert_eq!(lab.area(a, VirtAddr(0x4000_2000)).vm_pgoff, 0x40002);
    let effect = lab.watch(a, |lab| {
        assert_eq!(segv_code(lab.try_read(a, middle)), 1);
        assert_eq!(segv_code(lab.try_write(a, middle, 1)), 1);
    });
    assert_eq!(
        effect,
        Effect {
            faults: vec![4, 6],
            ..Effect::default()
        }
    );
}

#[test]
fn memory_example_25_when_a_page_table_goes() {
    for (neighbour, tables) in [(false, -1), (true, 0)] {
        let (mut lab, a) = Lab::with_task();
        let va = lab.mmap_at(a, 0x4000_0000, 5, RW);
        lab.touch(a, va, 5);
        if neighbour {
            lab.mmap_at(a, 0x4010_0000, 1, RW);
        }
        let nr_ptes = lab.mm(a).nr_ptes as i32;
        let effect = lab.watch(a, |lab| lab.munmap(a, va, 5));
        assert_eq!(
            (effect.frames, effect.tables, effect.reloads),
            (-5, tables, 1)
        );
        assert_eq!(lab.mm(a).nr_ptes as i32, nr_ptes + tables);
        assert_eq!(lab.k.pde(lab.mm_id(a), va).0 == 0, !neighbour);
    }
}

/// Untouched memory is unmapped without a flush only if its page table has to stay.
#[test]
fn unmapping_untouched_memory_flushes_if_a_whole_slot_becomes_free() {
    for (neighbour, reloads) in [(false, 1), (true, 0)] {
        let (mut lab, a) = Lab::with_task();
        let va = lab.mmap_at(a, 0x4000_0000, 5, RW);
        if neighbour {
            lab.mmap_at(a, 0x4010_0000, 1, RW);
        }
        let effect = lab.watch(a, |lab| lab.munmap(a, va, 5));
        assert_eq!((effect.frames, effect.reloads), (0, reloads));
    }
}

/// After 1024 pages the batch is finished and a new one begins.
#[test]
fn large_regions_are_flushed_every_1024_pages() {
    let (mut lab, a) = Lab::with_task();
    for (pages, reloads) in [(1023, 1), (1024, 2), (2500, 3)] {
        let va = lab.mmap_at(a, 0x4000_0000, pages, RW);
        lab.touch(a, va, pages);
        let effect = lab.watch(a, |lab| lab.munmap(a, va, pages));
        assert_eq!(effect.reloads, reloads, "{pages} pages");
        assert_eq!(effect.frames, -(pages as i32));
    }
}

fn brk(lab: &mut Lab, task: TaskId, addr: u32) -> u32 {
    lab.call(task, Syscall::Brk(addr)).unwrap()
}

#[test]
fn memory_example_34_brk_maps_whole_pages_but_keeps_the_exact_end() {
    let (mut lab, a) = Lab::with_task();
    let start = lab.mm(a).start_brk;
    let effect = lab.watch(a, |lab| assert_eq!(brk(lab, a, start + 1), start + 1));
    assert_eq!(
        effect,
        Effect {
            total_vm: 1,
            areas: 1,
            ..Effect::default()
        }
    );
    let effect = lab.watch(a, |lab| {
        assert_eq!(brk(lab, a, 0), start + 1);
        assert_eq!(brk(lab, a, start + 0x1000), start + 0x1000);
    });
    assert_eq!(effect, Effect::default());
}

#[test]
fn brk_grows_shrinks_and_refuses() {
    let (mut lab, a) = Lab::with_task();
    let start = lab.mm(a).start_brk;
    lab.mmap_at(a, start + 0x10_0000, 1, RW);
    for (what, to, result, areas) in [
        ("grow", start + 0x5000, start + 0x5000, 5),
        ("grow and merge", start + 0x9000, start + 0x9000, 5),
        (
            "a page below the next area stays free",
            start + 0xf_f001,
            start + 0x9000,
            5,
        ),
        ("up to that page", start + 0xf_f000, start + 0xf_f000, 5),
        ("shrink", start + 0x1000, start + 0x1000, 5),
        ("back to the start", start, start, 4),
        ("below the end of the text", start - 0x2001, start, 4),
        (
            "into the data: there is no test of start_brk",
            start - 0x1000,
            start - 0x1000,
            3,
        ),
        ("too high", 0xc000_0001, start - 0x1000, 3),
        ("wrapping round", 0xffff_ffff, start - 0x1000, 3),
    ] {
        assert_eq!(brk(&mut lab, a, to), result, "{what}");
        assert_eq!(lab.mm(a).map_count(), areas, "{what}");
        lab.check();
    }
}

#[test]
fn brk_respects_the_limit_on_data() {
    let (mut lab, a) = Lab::with_task();
    let signal = lab.k.task(a).signal().unwrap();
    let (data, start) = (lab.mm(a).start_data, lab.mm(a).start_brk);
    lab.k.signals[signal].rlimits[Resource::Data].cur = 0x8000;
    assert_eq!(brk(&mut lab, a, data + 0x8001), start);
    assert_eq!(brk(&mut lab, a, data + 0x8000), data + 0x8000);
}

#[test]
fn munmap_checks_its_range() {
    let (mut lab, a) = Lab::with_task();
    for (addr, len, expected) in [
        (0x4000_0001, 0x1000, Err(Errno::EINVAL)),
        (0xc000_1000, 0x1000, Err(Errno::EINVAL)),
        (0xbfff_f000, 0x1001, Err(Errno::EINVAL)),
        (0x4000_0000, 0, Err(Errno::EINVAL)),
        (0x4000_0000, 0xffff_f001, Err(Errno::EINVAL)),
        (0x4000_0000, 0x1000, Ok(0)),
        (0xc000_0000, 0, Err(Errno::EINVAL)),
    ] {
        let result = lab.call(a, Syscall::Munmap(addr, len));
        assert_eq!(result, expected, "munmap({addr:#x}, {len:#x})");
    }
    assert_eq!(lab.mm(a).map_count(), 3);
}

/// The data segment in pages: 1 of a file, and 2 of the heap that were written.
#[test]
fn unmapping_over_several_areas_and_holes() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x4000_0000, 4, RW);
    lab.touch(a, va, 4);
    lab.mmap_at(a, 0x4000_8000, 4, RW);
    let effect = lab.watch(a, |lab| lab.munmap(a, VirtAddr(0x4000_2000), 8));
    assert_eq!((effect.frames, effect.total_vm, effect.areas), (-2, -4, 0));
    let areas = lab.areas(a);
    assert_eq!(
        areas[2..4],
        [(0x4000_0000, 0x4000_2000), (0x4000_a000, 0x4000_c000)]
    );
}

#[test]
fn the_room_of_an_unmapped_area_is_used_next() {
    let (mut lab, a) = Lab::with_task();
    let high = lab.mmap(a, 4, RW, PRIVATE);
    let low = lab.mmap(a, 4, RW, super::lab::SHARED);
    assert_eq!((high.0, low.0), (0xb7ff_c000, 0xb7ff_8000));
    lab.munmap(a, high, 4);
    assert_eq!(lab.mmap(a, 1, RW, PRIVATE), VirtAddr(0xb7ff_f000));
}

#[test]
fn map_growsdown_makes_a_second_stack() {
    let (mut lab, a) = Lab::with_task();
    let va = lab
        .try_mmap(a, 0x5000_0000, 0x1000, RW, PRIVATE | 0x100)
        .map(VirtAddr)
        .unwrap();
    set_esp(&mut lab, a, 0x4fff_0000);
    let effect = lab.watch(a, |lab| lab.write(a, VirtAddr(0x4fff_8000), 1));
    assert_eq!(
        (effect.total_vm, lab.area(a, va).vm_start),
        (8, 0x4fff_8000)
    );
}
