//! Pages that the kernel holds itself, and faults that another CPU can overtake.

use super::lab::{Effect, FIXED, Lab, NONE, PRIVATE, READ, RW, page};
use crate::abi::{CloneFlags, Errno, PAGE_SIZE, VirtAddr};
use crate::hw::{Access, Mode};
use crate::kernel::boot::Config;
use crate::kernel::fail::FailPoint;
use crate::kernel::mm::IoDirection::{FromDevice, ToDevice};

/// Only one task maps the page, but a device reads it: the write copies, and the device reads what
/// was there before.
#[test]
fn memory_example_42_a_page_held_by_io_is_copied() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 10);
    lab.write(a, va, 5);
    let b = lab.fork(a);
    lab.run(a);
    let io = lab.k.begin_direct_io(a, va, 4, ToDevice).unwrap();
    let frame = lab.pfn(a, va);
    assert_eq!(lab.counts(frame), (3, 2));
    lab.exit(b);
    assert_eq!(lab.counts(frame), (2, 1));
    lab.run(a);
    let effect = lab.watch(a, |lab| lab.write(a, va, 6));
    let copied = Effect {
        faults: vec![7],
        frames: 1,
        min_flt: 1,
        invlpg: 1,
        ..Effect::default()
    };
    assert_eq!((effect, lab.counts(frame)), (copied, (1, 0)));
    assert_eq!(lab.k.end_direct_io(io, &[]), 5u32.to_le_bytes());
    assert_eq!(lab.read(a, va), 6);
    assert_eq!(lab.counts(frame), (0, 0));
    lab.check();
}

/// Without a fork the entry stays writable: a held page is written in place.
#[test]
fn a_held_page_that_is_writable_is_not_copied() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 1);
    let io = lab.k.begin_direct_io(a, va, 4, ToDevice).unwrap();
    let effect = lab.watch(a, |lab| lab.write(a, va, 6));
    assert_eq!(effect, Effect::default());
    assert_eq!(lab.k.end_direct_io(io, &[]), 6u32.to_le_bytes());
    lab.check();
}

/// The bug that people meet: a read from a device is under way, the task forks and writes to the
/// page. It gets the copy, and the data of the device arrives in the frame that it has left.
#[test]
fn data_that_a_device_writes_after_a_fork_may_reach_the_child_alone() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 1);
    let io = lab.k.begin_direct_io(a, va, 4, FromDevice).unwrap();
    let b = lab.fork(a);
    lab.write(a, VirtAddr(va.0 + 8), 1);
    lab.k.end_direct_io(io, &7u32.to_le_bytes());
    assert_eq!((lab.read(a, va), lab.read(b, va)), (0, 7));
    lab.check();
}

/// Pages that a device is to write are made the task's own; those that it reads are only looked up.
#[test]
fn what_beginning_a_transfer_faults_in() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 4, RW);
    let effect = lab.watch(a, |lab| {
        let at = VirtAddr(va.0 + 0xff0);
        let io = lab.k.begin_direct_io(a, at, 0x20, FromDevice).unwrap();
        lab.k.end_direct_io(io, &[9; 0x20]);
    });
    assert_eq!(
        (effect.frames, effect.min_flt, effect.faults),
        (2, 2, vec![])
    );
    assert_eq!(lab.read(a, VirtAddr(va.0 + 0xff0)), 0x0909_0909);
    assert_eq!(lab.read(a, VirtAddr(va.0 + 0x100c)), 0x0909_0909);
    assert_eq!(lab.read(a, VirtAddr(va.0 + 0x1010)), 0);
    let effect = lab.watch(a, |lab| {
        let io = lab.k.begin_direct_io(a, page(va, 3), 4, ToDevice).unwrap();
        assert_eq!(lab.k.end_direct_io(io, &[]), [0; 4]);
    });
    assert_eq!((effect.frames, lab.bits(a, page(va, 3))), (0, 0x025));
    lab.check();
}

#[test]
fn a_transfer_that_cannot_begin_holds_nothing() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 4, RW);
    lab.touch(a, va, 2);
    lab.mprotect(a, page(va, 1), 1, READ);
    lab.mprotect(a, page(va, 2), 1, NONE);
    let mut begin = |first: u32, len: u32, way| {
        let begun = lab.k.begin_direct_io(a, page(va, first), len, way);
        lab.check();
        begun
    };
    assert_eq!(begin(0, 2 * PAGE_SIZE, FromDevice), Err(Errno::EFAULT));
    assert_eq!(begin(0, 3 * PAGE_SIZE, ToDevice), Err(Errno::EFAULT));
    assert_eq!(begin(4, 1, ToDevice), Err(Errno::EFAULT));
    lab.k.fail.set(FailPoint::Frame(Some(0)));
    let begun = lab.k.begin_direct_io(a, page(va, 3), 1, FromDevice);
    assert_eq!(begun, Err(Errno::ENOMEM));
    lab.check();
}

/// The frame outlives everything that happens to the address.
#[test]
fn a_held_frame_survives_unmapping_and_the_end_of_the_task() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 2);
    lab.write(a, va, 5);
    let io = lab
        .k
        .begin_direct_io(a, va, PAGE_SIZE + 4, ToDevice)
        .unwrap();
    lab.try_mmap(a, va.0, PAGE_SIZE, RW, PRIVATE | FIXED)
        .unwrap();
    lab.write(a, va, 6);
    lab.check();
    let init = lab.k.init;
    lab.exit(a);
    lab.check();
    let read = lab.k.end_direct_io(io, &[]);
    assert_eq!((read.len(), read[0]), (PAGE_SIZE as usize + 4, 5));
    lab.run(init);
    lab.check();
}

/// Two threads write the same page at the same moment: both CPUs have faulted before either fault
/// is handled. One copies; the other finds the entry writable.
#[test]
fn memory_example_40_two_threads_write_the_same_page() {
    let (mut lab, a) = Lab::with_task_on(Config {
        cpus: 2,
        ..Config::default()
    });
    let va = lab.dirty(a, 1);
    lab.k.config.fork_cpu = Some(1);
    let b = lab.clone_with(a, CloneFlags::CLONE_VM, VirtAddr(0));
    lab.k.this_cpu = 1;
    lab.run(b);
    lab.k.this_cpu = 0;
    lab.k.config.fork_cpu = None;
    let child = lab.fork(a);
    lab.run(a);
    let old = lab.pfn(a, va);
    assert_eq!(lab.counts(old), (2, 2));

    let access = Access::write(Mode::User);
    let faults = [0, 1].map(|cpu| {
        let fault = lab.k.cpus[cpu].mmu.translate(&mut lab.k.ram, va, access);
        fault.unwrap_err()
    });
    assert_eq!(faults.map(|fault| fault.error_code.0), [7, 7]);
    let before = (lab.k.task(a).min_flt, lab.k.task(b).min_flt);
    let frames = lab.k.mem.frames_in_use();
    for (cpu, task) in [(0, a), (1, b)] {
        lab.k.this_cpu = cpu;
        lab.k.do_page_fault(task, faults[cpu]).unwrap();
    }
    let after = (lab.k.task(a).min_flt, lab.k.task(b).min_flt);
    assert_eq!(after, (before.0 + 1, before.1 + 1));
    assert_eq!(lab.k.mem.frames_in_use(), frames + 1);
    assert_eq!((lab.counts(old), lab.bits(a, va)), ((1, 1), 0x067));
    assert_eq!(lab.pfn(child, va), old);
    lab.check();
    lab.k.this_cpu = 0;
}
