//! Hot paths take no memory from the host: an access, a fault, a tick, a switch of tasks.
//!
//! These tests have a binary of their own because its allocator counts. It also writes zeroes to
//! all memory that is requested zeroed, so that every boot would touch all of the emulated RAM.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/machine.rs"]
mod drive;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "it/lab.rs"]
mod lab;

use allocation_counter::measure;
use forklab::abi::{PAGE_SIZE, TaskId, VirtAddr};
use forklab::hw::AccessKind;
use forklab::kernel::Kernel;
use forklab::machine::Command;
use forklab::trace::TraceFilter;
use lab::Lab;

/// How often each is done.
const ROUNDS: u32 = 1000;

fn allocations(act: impl FnOnce()) -> u64 {
    measure(act).count_total
}

/// A puppet that spins, so that its address space stays in CR3, with so many pages.
fn spinning_shell(pages: u32) -> (Lab, TaskId, VirtAddr) {
    let mut lab = Lab::boot();
    let sh = lab.spawn_spinning("sh");
    let addr = lab.map(sh, pages);
    lab.machine.kernel.log.filter = TraceFilter::NONE;
    (lab, sh, addr)
}

fn page(addr: VirtAddr, number: u32) -> VirtAddr {
    VirtAddr(addr.0 + number * PAGE_SIZE)
}

fn write_each(kernel: &mut Kernel, sh: TaskId, addr: VirtAddr, pages: u32) {
    for number in 0..pages {
        kernel
            .user_write(sh, page(addr, number), &[1, 2, 3, 4])
            .unwrap();
    }
}

#[test]
fn an_access_allocates_nothing_whether_the_tlb_hits_or_misses() {
    let (mut lab, sh, addr) = spinning_shell(1024);
    let kernel = &mut lab.machine.kernel;
    write_each(kernel, sh, addr, 1024);
    let hits = kernel.cpus[0].mmu.tlb.hits;
    assert_eq!(
        allocations(|| {
            for _ in 0..ROUNDS {
                kernel.user_access(sh, addr, AccessKind::Write).unwrap();
            }
        }),
        0
    );
    assert!(kernel.cpus[0].mmu.tlb.hits - hits >= u64::from(ROUNDS) - 1);
    let misses = kernel.cpus[0].mmu.tlb.misses;
    assert_eq!(allocations(|| write_each(kernel, sh, addr, 1024)), 0);
    assert!(kernel.cpus[0].mmu.tlb.misses - misses >= 1000);
}

#[test]
fn a_fault_allocates_nothing_whether_it_zeroes_copies_or_reuses() {
    let (mut lab, sh, addr) = spinning_shell(ROUNDS);
    // The page tables and the anon_vma come with the first page of each.
    write_each(&mut lab.machine.kernel, sh, addr, 1);
    let kernel = &mut lab.machine.kernel;
    assert_eq!(allocations(|| write_each(kernel, sh, addr, ROUNDS)), 0);
    assert_eq!(kernel.stat.anon_pages, u64::from(ROUNDS));

    let kid = lab.fork(sh);
    let kernel = &mut lab.machine.kernel;
    kernel.set_this_cpu(0);
    let current = kernel.current();
    let copied = allocations(|| write_each(kernel, current, addr, ROUNDS));
    assert_eq!((copied, kernel.stat.cow_copies), (0, u64::from(ROUNDS)));

    // The other one is alone with the old frames now.
    let other = if current == sh { kid } else { sh };
    lab.machine.apply(Command::Patience(1000)).unwrap();
    let reuses = lab.kernel().stat.cow_reuses;
    lab.write(other, addr, 7);
    assert_eq!(lab.kernel().stat.cow_reuses, reuses + 1);
}

#[test]
fn ticks_and_switches_allocate_nothing() {
    let mut lab = Lab::boot();
    for name in ["a", "b", "c"] {
        lab.workload(name, &["run 1000000"], &[]);
    }
    // Each calls exec when it first runs.
    lab.tick(1000);
    lab.machine.kernel.log.filter = TraceFilter::NONE;
    let before = lab.kernel().stat;
    let ticks = allocations(|| {
        lab.machine.apply(Command::Tick(10_000)).unwrap();
    });
    let since = lab.kernel().stat.since(&before);
    assert_eq!((ticks, since.ticks), (0, 10_000));
    assert!(since.switches >= 99, "{} switches", since.switches);
}
