//! Several CPUs: TLB shootdowns, lazy TLB mode, and frames that are kept until the flush.

use super::lab::{Lab, RW};
use crate::abi::{CloneFlags, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::trace::{FlushScope, TraceEvent};

/// Task A on CPU 0, and B, which shares its address space, on CPU 1.
fn two_cpus() -> (Lab, TaskId, TaskId, VirtAddr) {
    let (mut lab, a) = Lab::with_task_on(Config {
        cpus: 2,
        ..Config::default()
    });
    let va = lab.dirty(a, 4);
    lab.k.config.fork_cpu = Some(1);
    let b = lab.clone_with(a, CloneFlags::CLONE_VM, VirtAddr(0));
    lab.k.config.fork_cpu = None;
    lab.k.this_cpu = 1;
    lab.run(b);
    lab.read(b, va);
    lab.k.this_cpu = 0;
    (lab, a, b, va)
}

/// Flushes by CPU in the trace.
fn flushes(lab: &Lab) -> Vec<(u8, FlushScope)> {
    let events = lab.k.log.records().filter_map(|record| match record.event {
        TraceEvent::TlbFlush { scope, .. } => Some((record.stamp.cpu, scope)),
        _ => None,
    });
    events.collect()
}

#[test]
fn fork_flushes_the_other_cpus_of_the_address_space_too() {
    let (mut lab, a, _, va) = two_cpus();
    lab.watch(a, |lab| {
        lab.fork(a);
    });
    assert_eq!(flushes(&lab), [(0, FlushScope::Mm), (1, FlushScope::Mm)]);
    lab.watch(a, |lab| lab.write(a, va, 1));
    assert_eq!(
        flushes(&lab),
        [(0, FlushScope::Page), (1, FlushScope::Page)]
    );
}

#[test]
fn a_lazy_cpu_leaves_the_address_space_when_it_is_asked_to_flush() {
    let (mut lab, a, b, va) = two_cpus();
    lab.k.this_cpu = 1;
    lab.k.sched.get_mut(b).state = crate::abi::TaskState::INTERRUPTIBLE;
    lab.k.log.clear();
    lab.k.schedule();
    assert_eq!(flushes(&lab), [], "the idle task borrows the address space");
    lab.k.this_cpu = 0;

    lab.watch(a, |lab| lab.munmap(a, va, 1));
    assert_eq!(flushes(&lab), [(0, FlushScope::Mm), (1, FlushScope::Cr3)]);
    assert_eq!(lab.mm(a).cpu_vm_mask, 0b01);
    assert_eq!(lab.k.cpus[1].mmu.cr3, lab.k.mem.swapper_pg_dir().phys());
    lab.watch(a, |lab| lab.munmap(a, VirtAddr(va.0 + 0x1000), 1));
    assert_eq!(
        flushes(&lab),
        [(0, FlushScope::Mm)],
        "it is not asked again"
    );

    lab.k.this_cpu = 1;
    lab.k.log.clear();
    lab.run(b);
    assert_eq!(flushes(&lab), [(1, FlushScope::Cr3)]);
    assert_eq!(lab.mm(a).cpu_vm_mask, 0b11);
    lab.check();
}

#[test]
fn frames_are_kept_until_the_flush_in_lots_of_506() {
    let (mut lab, a, _, _) = two_cpus();
    let va = lab.mmap_at(a, 0x4000_0000, 600, RW);
    lab.touch(a, va, 600);
    lab.watch(a, |lab| lab.munmap(a, va, 600));
    let mut frees = 0;
    let mut freed_before_flush = Vec::new();
    for record in lab.k.log.records() {
        match record.event {
            TraceEvent::PageFree { .. } => frees += 1,
            TraceEvent::TlbFlush { .. } if record.stamp.cpu == 0 => freed_before_flush.push(frees),
            _ => {}
        }
    }
    assert_eq!(freed_before_flush, [0, 506]);
    assert_eq!(frees, 600 + 1, "the page table is among them");
}
