//! Every outcome that `why` can predict, and what its screen looks like.

use super::*;
use crate::abi::{CloneFlags, MapFlags, O_CREAT, O_RDWR, Resource};
use crate::kernel::boot::Config;
use crate::kernel::syscall::{MmapArgs, Syscall};
use crate::machine::drive::{self, act, call, clone};
use crate::machine::{Acted, Action};
use crate::view::tests::{after_fork, boot, spawn, write};
use crate::view::text::{Line, Text};

const SHARED: u32 = 0x21;
const PRIVATE: u32 = 0x22;
const GROWSDOWN: u32 = 0x100;
const LOCKED: u32 = 0x2000;
/// What is not cached is left for the first access.
const NONBLOCK: u32 = 0x1_0000;

/// Maps one page.
fn map(machine: &mut Machine, task: TaskId, prot: u32, flags: u32) -> VirtAddr {
    let args = MmapArgs {
        len: 0x1000,
        prot,
        flags,
        ..MmapArgs::default()
    };
    drive::mmap(machine, task, args)
}

fn read(machine: &mut Machine, task: TaskId, addr: VirtAddr) {
    let action = Action::Read { addr, len: 1 };
    assert!(matches!(act(machine, task, action), Acted::Bytes(_)));
}

fn of(machine: &Machine, task: TaskId, addr: VirtAddr) -> Why {
    why(machine, task, addr).unwrap()
}

/// The outcomes alone.
fn fates(machine: &Machine, task: TaskId, addr: VirtAddr) -> (Fate, Fate) {
    let why = of(machine, task, addr);
    (why.read.fate, why.write.fate)
}

/// The last three lines of the text.
fn verdicts(machine: &Machine, task: TaskId, addr: VirtAddr) -> Text {
    let lines = of(machine, task, addr).text().lines;
    let is_first = |line: &Line| line.to_string().starts_with("read ");
    let first = lines.iter().rposition(is_first).unwrap();
    lines[first..].iter().cloned().collect()
}

/// A machine with a swap device, on which a task and its child share two written pages.
fn with_swap() -> (Machine, TaskId, TaskId, VirtAddr) {
    let config = Config {
        swap: 4 << 20,
        ..Config::default()
    };
    let mut machine = Machine::boot(config).unwrap();
    let (sh, kid, page) = after_fork(&mut machine);
    (machine, sh, kid, page)
}

const fn ok(value: Option<u32>) -> Fate {
    Fate::Ok {
        value,
        stale: false,
    }
}

#[test]
fn the_screen_of_a_page_that_a_fork_has_shared() {
    let mut machine = boot(1);
    let (_, kid, page) = after_fork(&mut machine);
    insta::assert_snapshot!(of(&machine, kid, page).text(), @"
    0xb7ffe000 of 3:sh = directory entry 735, table entry 1022, byte 0x0
    CR3  0x01097000
    PDE  0x01096067  at 0x01097b7c  P RW US A D
    PTE  0x01098045  at 0x01096ff8  present, read-only, dirty
    TLB  no CPU uses this address space now
    area b7ffe000-b8000000 rw-p b7ffe000 00:00 0
    page 0x1098: page_count 2, page_mapcount 2, anonymous; mapped by 2:sh r-, 3:sh r-
    read   ok: 42
    write  fault 0x7 (user write, read-only) -> COPY: frame 0x1098 has 2 owners (2:sh, 3:sh)
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    write(&mut machine, kid, page);
    insta::assert_snapshot!(verdicts(&machine, kid, page), @"
    read   ok: 42
    write  ok
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
}

#[test]
fn the_screens_of_places_where_nothing_is() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    insta::assert_snapshot!(of(&machine, sh, VirtAddr(0x7000_0000)).text(), @"
    0x70000000 of 2:sh = directory entry 448, table entry 0, byte 0x0
    CR3  0x0109c000
    PDE  0x00000000  at 0x0109c700
    PTE  none: there is no page table
    TLB  of CPU 0: no entry
    area none here; the next one above is bffeb000-c0000000 rw-p [stack]
    read   fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbfffffd0
    write  fault 0x6 (user write, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbfffffd0
    fetch  fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbfffffd0
    ");
    insta::assert_snapshot!(of(&machine, sh, VirtAddr(0xbffe_afff)).text(), @"
    0xbffeafff of 2:sh = directory entry 767, table entry 1002, byte 0xfff
    CR3  0x0109c000
    PDE  0x0109b067  at 0x0109cbfc  P RW US A D
    PTE  0x00000000  at 0x0109bfa8  empty
    TLB  of CPU 0: no entry
    area none here; the next one above is bffeb000-c0000000 rw-p [stack]
    read   fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbfffffd0
    write  fault 0x6 (user write, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbfffffd0
    fetch  fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbfffffd0
    ");
    insta::assert_snapshot!(of(&machine, sh, VirtAddr(0xc000_0004)).text(), @"
    0xc0000004 of 2:sh = directory entry 768, table entry 0, byte 0x4
    CR3  0x0109c000
    PDE  0x000001e3  at 0x0109cc00  P RW A D PS G
    PTE  none: the directory entry maps 4 MiB
    TLB  of CPU 0: no entry
    area none: the address belongs to the kernel
    page 0x0: reserved, its users are not counted
    read   fault 0x5 (user read, protection) -> SIGSEGV (MAPERR): the address belongs to the kernel
    write  fault 0x7 (user write, protection) -> SIGSEGV (MAPERR): the address belongs to the kernel
    fetch  fault 0x5 (user read, protection) -> SIGSEGV (MAPERR): the address belongs to the kernel
    ");
}

#[test]
fn anonymous_pages() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let page = map(&mut machine, sh, 3, PRIVATE);
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   fault 0x4 (user read, not present) -> ZERO PAGE: the zero page is mapped read-only
    write  fault 0x6 (user write, not present) -> ZEROED FRAME: a new frame is allocated
    fetch  fault 0x4 (user read, not present) -> ZERO PAGE: the zero page is mapped read-only  (not x, but an i386 entry has no such bit)
    since 2.6.24: A frame of its own is mapped; from 2.6.32 on the zero page again, which is no longer counted.
    ");
    read(&mut machine, sh, page);
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   ok: 0
    write  fault 0x7 (user write, read-only) -> COPY: frame 0x2c1 is the zero page, which everyone shares
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    write(&mut machine, sh, page);
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   ok: 42
    write  ok
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    // A word that crosses the end of the page has no value in it.
    let last = VirtAddr(page.0 + 0xffe);
    assert_eq!(fates(&machine, sh, last), (ok(None), ok(None)));
}

#[test]
fn the_last_owner_reuses_the_frame_and_who_shares_memory_is_one_owner() {
    let mut machine = boot(1);
    let (sh, kid, page) = after_fork(&mut machine);
    let pfn = of(&machine, sh, page).walk.pfn.unwrap();
    clone(&mut machine, sh, CloneFlags::CLONE_VM | CloneFlags::FORK);
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   ok: 42
    write  fault 0x7 (user write, read-only) -> COPY: frame 0x1098 has 2 owners (2:sh+4:sh, 3:sh)
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    call(&mut machine, kid, Syscall::Exit(0));
    assert_eq!(
        fates(&machine, sh, page),
        (ok(Some(42)), Fate::Reuse { pfn })
    );
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   ok: 42
    write  fault 0x7 (user write, read-only) -> REUSE: frame 0x1098 has no other owner
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
}

#[test]
fn of_many_owners_some_are_named() {
    let mut machine = boot(1);
    let (sh, _, page) = after_fork(&mut machine);
    for _ in 0..7 {
        clone(&mut machine, sh, CloneFlags::FORK);
    }
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   ok: 42
    write  fault 0x7 (user write, read-only) -> COPY: frame 0x1098 has 9 owners (2:sh, 3:sh, 4:sh, 5:sh, and 5 more)
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
}

#[test]
fn pages_of_files_and_shared_objects() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let data = VirtAddr(0x0804_9000);
    insta::assert_snapshot!(verdicts(&machine, sh, data), @"
    read   fault 0x4 (user read, not present) -> FILE PAGE: a page that is not in the page cache yet (/sh)
    write  fault 0x6 (user write, not present) -> FILE COPY: a private copy of a page that is not in the page cache yet (/sh)
    fetch  fault 0x4 (user read, not present) -> FILE PAGE: a page that is not in the page cache yet (/sh)  (not x, but an i386 entry has no such bit)
    ");
    read(&mut machine, sh, data);
    insta::assert_snapshot!(verdicts(&machine, sh, data), @"
    read   ok: 1179403647
    write  fault 0x7 (user write, read-only) -> COPY: frame 0x1081 has 2 owners (2:sh, the page cache)
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    let text = VirtAddr(0x0804_8000);
    insta::assert_snapshot!(verdicts(&machine, sh, text), @"
    read   fault 0x4 (user read, not present) -> FILE PAGE: frame 0x1081 of the page cache (/sh)
    write  fault 0x6 (user write, not present) -> SIGSEGV (ACCERR): the area does not permit writing
    fetch  fault 0x4 (user read, not present) -> FILE PAGE: frame 0x1081 of the page cache (/sh)
    ");
    let shared = map(&mut machine, sh, 3, SHARED);
    insta::assert_snapshot!(verdicts(&machine, sh, shared), @"
    read   fault 0x4 (user read, not present) -> FILE PAGE: a new zero-filled page of the shared memory (/dev/zero (deleted))
    write  fault 0x6 (user write, not present) -> FILE PAGE: a new zero-filled page of the shared memory (/dev/zero (deleted))
    fetch  fault 0x4 (user read, not present) -> FILE PAGE: a new zero-filled page of the shared memory (/dev/zero (deleted))  (not x, but an i386 entry has no such bit)
    ");
    // Another program's data page is cached by now.
    let other = spawn(&mut machine, "sh");
    insta::assert_snapshot!(verdicts(&machine, other, data), @"
    read   fault 0x4 (user read, not present) -> FILE PAGE: frame 0x1081 of the page cache (/sh)
    write  fault 0x6 (user write, not present) -> FILE COPY: a private copy of frame 0x1081 of the page cache (/sh)
    fetch  fault 0x4 (user read, not present) -> FILE PAGE: frame 0x1081 of the page cache (/sh)  (not x, but an i386 entry has no such bit)
    ");
    let inode = machine.kernel.lookup("sh").unwrap();
    machine.kernel.empty_program(inode);
    machine.kernel.iput(inode);
    insta::assert_snapshot!(verdicts(&machine, other, data), @"
    read   fault 0x4 (user read, not present) -> SIGBUS: beyond the end of the file
    write  fault 0x6 (user write, not present) -> SIGBUS: beyond the end of the file
    fetch  fault 0x4 (user read, not present) -> SIGBUS: beyond the end of the file
    ");
}

#[test]
fn what_an_area_does_not_allow() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let none = map(&mut machine, sh, 0, PRIVATE);
    insta::assert_snapshot!(verdicts(&machine, sh, none), @"
    read   fault 0x4 (user read, not present) -> SIGSEGV (ACCERR): the area does not permit reading
    write  fault 0x6 (user write, not present) -> SIGSEGV (ACCERR): the area does not permit writing
    fetch  fault 0x4 (user read, not present) -> SIGSEGV (ACCERR): the area does not permit reading
    ");
    let read_only = map(&mut machine, sh, 1, PRIVATE);
    read(&mut machine, sh, read_only);
    insta::assert_snapshot!(verdicts(&machine, sh, read_only), @"
    read   ok: 0
    write  fault 0x7 (user write, protection) -> SIGSEGV (ACCERR): the area does not permit writing
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    let vsyscall = VirtAddr(0xffff_e400);
    insta::assert_snapshot!(verdicts(&machine, sh, vsyscall), @"
    read   ok: 2428731597
    write  fault 0x7 (user write, protection) -> SIGSEGV (MAPERR): the address belongs to the kernel
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    insta::assert_snapshot!(verdicts(&machine, sh, VirtAddr(0xfffe_0000)), @"
    read   fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): the address belongs to the kernel
    write  fault 0x6 (user write, not present) -> SIGSEGV (MAPERR): the address belongs to the kernel
    fetch  fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): the address belongs to the kernel
    ");
}

#[test]
fn stacks_grow_within_their_limits() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let below = |machine: &Machine, pages: u32| {
        let mut areas = machine.kernel.mms()[machine.kernel.task(sh).mm().unwrap()].areas();
        let stack = areas.find(|vma| vma.vm_end == TASK_SIZE).unwrap();
        VirtAddr(stack.vm_start - pages * 0x1000)
    };
    machine.kernel.task_mut(sh).thread.regs.esp = below(&machine, 2).0;
    insta::assert_snapshot!(of(&machine, sh, below(&machine, 1)).text().lines[5], @"area none here; the stack above, bffeb000-c0000000 rw-p [stack], would grow down by 1 page");
    let verdicts_at = |machine: &Machine, pages| verdicts(machine, sh, below(machine, pages));
    insta::assert_snapshot!(verdicts_at(&machine, 1), @"
    read   fault 0x4 (user read, not present) -> the stack grows by 1 page, then ZERO PAGE: the zero page is mapped read-only
    write  fault 0x6 (user write, not present) -> the stack grows by 1 page, then ZEROED FRAME: a new frame is allocated
    fetch  fault 0x4 (user read, not present) -> the stack grows by 1 page, then ZERO PAGE: the zero page is mapped read-only  (not x, but an i386 entry has no such bit)
    since 2.6.24: A frame of its own is mapped; from 2.6.32 on the zero page again, which is no longer counted.
    since 2.6.36: A guard page below the stack is not accessible; since 4.12 the gap is 1 MiB.
    ");
    insta::assert_snapshot!(verdicts_at(&machine, 3), @"
    read   fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbffe9000
    write  fault 0x6 (user write, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbffe9000
    fetch  fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): nothing is mapped there; the stack above grows only down to 32 bytes below esp 0xbffe9000
    ");
    machine.kernel.rlimits_mut(sh)[Resource::Stack].cur = 0x1000;
    insta::assert_snapshot!(verdicts_at(&machine, 1), @"
    read   fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): the stack may not grow that far
    write  fault 0x6 (user write, not present) -> SIGSEGV (MAPERR): the stack may not grow that far
    fetch  fault 0x4 (user read, not present) -> SIGSEGV (MAPERR): the stack may not grow that far
    ");
    let read_only = map(&mut machine, sh, 1, PRIVATE | GROWSDOWN);
    let page_below = VirtAddr(read_only.0 - 0x1000);
    machine.kernel.task_mut(sh).thread.regs.esp = page_below.0;
    machine.kernel.rlimits_mut(sh)[Resource::Stack].cur = 8 << 20;
    insta::assert_snapshot!(verdicts(&machine, sh, page_below), @"
    read   fault 0x4 (user read, not present) -> the stack grows by 1 page, then ZERO PAGE: the zero page is mapped read-only
    write  fault 0x6 (user write, not present) -> the stack grows by 1 page, then SIGSEGV (ACCERR): the area does not permit writing
    fetch  fault 0x4 (user read, not present) -> the stack grows by 1 page, then ZERO PAGE: the zero page is mapped read-only  (not x, but an i386 entry has no such bit)
    since 2.6.24: A frame of its own is mapped; from 2.6.32 on the zero page again, which is no longer counted.
    since 2.6.36: A guard page below the stack is not accessible; since 4.12 the gap is 1 MiB.
    ");
}

/// The kernel never lets this happen: the page table is changed behind the TLB's back.
#[test]
fn a_tlb_entry_outlives_the_page_table_entry() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let page = map(&mut machine, sh, 3, PRIVATE);
    write(&mut machine, sh, page);
    let entry = of(&machine, sh, page).walk.pte.unwrap().phys;
    machine.kernel.ram.write_u32(entry, 0);
    insta::assert_snapshot!(of(&machine, sh, page).text(), @"
    0xb7fff000 of 2:sh = directory entry 735, table entry 1023, byte 0x0
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x00000000  at 0x01099ffc  empty
    TLB  of CPU 0: frame 0x1098, user mode may read and write
    area b7fff000-b8000000 rw-p b7fff000 00:00 0
    read   ok: 42  by a stale TLB entry: the page tables no longer permit it
    write  ok  by a stale TLB entry: the page tables no longer permit it
    fetch  ok  by a stale TLB entry: the page tables no longer permit it  (not x, but an i386 entry has no such bit)
    ");
    machine.kernel.cpus[0].mmu.invlpg(page);
    assert_eq!(
        fates(&machine, sh, page),
        (Fate::ZeroPage, Fate::ZeroedFrame)
    );
}

/// Rights that a TLB entry lacks are looked up in the page table, which may grant them.
#[test]
fn a_tlb_entry_with_too_few_rights_does_no_harm() {
    let mut machine = boot(1);
    let (sh, kid, page) = after_fork(&mut machine);
    call(&mut machine, kid, Syscall::Exit(0));
    read(&mut machine, sh, page);
    let entry = of(&machine, sh, page).walk.pte.unwrap();
    machine
        .kernel
        .ram
        .write_u32(entry.phys, entry.value | Pte::RW);
    let why = of(&machine, sh, page);
    assert!(!why.walk.tlb[0].writable);
    assert_eq!(why.write.fate, ok(None));
}

#[test]
fn cpus_whose_tlbs_agree_share_a_line() {
    let mut machine = boot(4);
    let sh = spawn(&mut machine, "sh");
    let page = map(&mut machine, sh, 3, PRIVATE);
    write(&mut machine, sh, page);
    for cpu in 1..4 {
        machine.kernel.config.fork_cpu = Some(cpu);
        let kid = clone(&mut machine, sh, CloneFlags::CLONE_VM | CloneFlags::FORK);
        if cpu == 2 {
            read(&mut machine, kid, page);
        }
    }
    insta::assert_snapshot!(of(&machine, sh, page).text(), @"
    0xb7fff000 of 2:sh = directory entry 735, table entry 1023, byte 0x0
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x01098067  at 0x01099ffc  present, writable, dirty
    TLB  of CPU 0, 2: frame 0x1098, user mode may read and write
    TLB  of CPU 1, 3: no entry
    area b7fff000-b8000000 rw-p b7fff000 00:00 0
    page 0x1098: page_count 1, page_mapcount 1, anonymous; mapped by 2:sh+3:sh+4:sh+5:sh rw
    read   ok: 42
    write  ok
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
}

/// Lets reclaim go on until the page is in its slot alone.
fn page_out(machine: &mut Machine, task: TaskId, page: VirtAddr) {
    let is_out = |fate| matches!(fate, Fate::SwapIn { cached: None, .. });
    while !is_out(fates(machine, task, page).0) {
        machine.kernel.shrink_all_memory(64);
    }
}

#[test]
fn pages_in_swap() {
    let (mut machine, sh, kid, page) = with_swap();
    page_out(&mut machine, sh, page);
    insta::assert_snapshot!(of(&machine, sh, page).text(), @"
    0xb7ffe000 of 2:sh = directory entry 735, table entry 1022, byte 0x0
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x00000300  at 0x01099ff8  not present: swap slot 3
    TLB  of CPU 0: no entry
    area b7ffe000-b8000000 rw-p b7ffe000 00:00 0
    read   fault 0x4 (user read, not present) -> SWAP IN: swap slot 3 has 2 owners (2:sh, 3:sh); it is read: a major fault
    write  fault 0x6 (user write, not present) -> SWAP IN: swap slot 3 has 2 owners (2:sh, 3:sh); it is read: a major fault, then COPY: the slot has another owner
    fetch  fault 0x4 (user read, not present) -> SWAP IN: swap slot 3 has 2 owners (2:sh, 3:sh); it is read: a major fault  (not x, but an i386 entry has no such bit)
    ");
    read(&mut machine, kid, page);
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   fault 0x4 (user read, not present) -> SWAP IN: swap slot 3 has 1 owner (2:sh); frame 0x1092 of the swap cache is mapped: a minor fault
    write  fault 0x6 (user write, not present) -> SWAP IN: swap slot 3 has 1 owner (2:sh); frame 0x1092 of the swap cache is mapped: a minor fault, then COPY: the page has another user
    fetch  fault 0x4 (user read, not present) -> SWAP IN: swap slot 3 has 1 owner (2:sh); frame 0x1092 of the swap cache is mapped: a minor fault  (not x, but an i386 entry has no such bit)
    ");
    insta::assert_snapshot!(of(&machine, kid, page).text(), @"
    0xb7ffe000 of 3:sh = directory entry 735, table entry 1022, byte 0x0
    CR3  0x01097000
    PDE  0x01096067  at 0x01097b7c  P RW US A D
    PTE  0x01092025  at 0x01096ff8  present, read-only
    TLB  of CPU 0: frame 0x1092, user mode may read; a write faults
    area b7ffe000-b8000000 rw-p b7ffe000 00:00 0
    page 0x1092: page_count 2, page_mapcount 1, anonymous (swap slot 3); mapped by 3:sh r-
    read   ok: 42
    write  fault 0x7 (user write, read-only) -> COPY: frame 0x1092 has one owner, but swap slot 3 has 1 more
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    call(&mut machine, kid, Syscall::Exit(0));
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   fault 0x4 (user read, not present) -> SWAP IN: swap slot 3 has 1 owner (2:sh); frame 0x1092 of the swap cache is mapped: a minor fault
    write  fault 0x6 (user write, not present) -> SWAP IN: swap slot 3 has 1 owner (2:sh); frame 0x1092 of the swap cache is mapped: a minor fault
    fetch  fault 0x4 (user read, not present) -> SWAP IN: swap slot 3 has 1 owner (2:sh); frame 0x1092 of the swap cache is mapped: a minor fault  (not x, but an i386 entry has no such bit)
    ");
}

/// Reclaim has freed a clean page, and stops while the disk still writes the dirty ones.
#[test]
fn a_page_under_write_back() {
    const PAGES: u32 = 40;
    let (mut machine, sh, ..) = with_swap();
    let addr = drive::mmap(&mut machine, sh, drive::pages(PAGES, MapFlags::PRIVATE));
    let page = |nr| VirtAddr(addr.0 + (nr << 12));
    (0..PAGES).for_each(|nr| write(&mut machine, sh, page(nr)));
    let found = (0..200).find_map(|_| {
        for nr in 0..PAGES {
            match nr % 2 {
                0 => write(&mut machine, sh, page(nr)),
                _ => read(&mut machine, sh, page(nr)),
            }
        }
        machine.kernel.shrink_all_memory(1);
        (0..PAGES).map(page).find(|page| {
            let read = forecast(&machine.kernel, sh, *page, Access::read(Mode::User)).unwrap();
            matches!(read.fate, Fate::SwapIn { writeback, .. } if writeback)
        })
    });
    let page = found.expect("some page is being written in one of the rounds");
    insta::assert_snapshot!(verdicts(&machine, sh, page), @"
    read   fault 0x4 (user read, not present) -> SWAP IN: swap slot 4 has 1 owner (2:sh); frame 0x1094 of the swap cache is mapped while it is being written: a minor fault
    write  fault 0x6 (user write, not present) -> SWAP IN: swap slot 4 has 1 owner (2:sh); frame 0x1094 of the swap cache is mapped while it is being written: a minor fault
    fetch  fault 0x4 (user read, not present) -> SWAP IN: swap slot 4 has 1 owner (2:sh); frame 0x1094 of the swap cache is mapped while it is being written: a minor fault  (not x, but an i386 entry has no such bit)
    ");
    read(&mut machine, sh, page);
    insta::assert_snapshot!(of(&machine, sh, page).text(), @"
    0xb7fd6000 of 2:sh = directory entry 735, table entry 982, byte 0x0
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x01094025  at 0x01099f58  present, read-only
    TLB  of CPU 0: frame 0x1094, user mode may read; a write faults
    area b7fd6000-b8000000 rw-p b7fd6000 00:00 0
    page 0x1094: page_count 2, page_mapcount 1, anonymous (swap slot 4, being written); mapped by 2:sh r-
    read   ok: 42
    write  fault 0x7 (user write, read-only) -> REUSE: frame 0x1094 has no other owner
    fetch  ok  (not x, but an i386 entry has no such bit)
    ");
    insta::assert_snapshot!(vtop(&machine, sh, page).unwrap().text(), @"
    0xb7fd6000 = directory entry 735, table entry 982, byte 0x0
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x01094025  at 0x01099f58  P US A
    TLB  of CPU 0: frame 0x1094, user mode may read; a write faults
    page 0x1094: page_count 2, page_mapcount 1, anonymous (swap slot 4, being written)
    ->   0x01094000 in frame 0x1094: user mode may read; a write faults
    ");
}

#[test]
fn locked_pages() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let page = map(&mut machine, sh, 1, PRIVATE | LOCKED);
    insta::assert_snapshot!(of(&machine, sh, page).text(), @"
    0xb7fff000 of 2:sh = directory entry 735, table entry 1023, byte 0x0
    CR3  0x0109c000
    PDE  0x00000000  at 0x0109cb7c
    PTE  none: there is no page table
    TLB  of CPU 0: no entry
    area b7fff000-b8000000 r--p b7fff000 00:00 0  locked: reclaim leaves its pages in memory
    read   fault 0x4 (user read, not present) -> ZERO PAGE: the zero page is mapped read-only
    write  fault 0x6 (user write, not present) -> SIGSEGV (ACCERR): the area does not permit writing
    fetch  fault 0x4 (user read, not present) -> ZERO PAGE: the zero page is mapped read-only  (not x, but an i386 entry has no such bit)
    since 2.6.24: A frame of its own is mapped; from 2.6.32 on the zero page again, which is no longer counted.
    ");
    insta::assert_snapshot!(vtop(&machine, sh, page).unwrap().text(), @"
    0xb7fff000 = directory entry 735, table entry 1023, byte 0x0
    CR3  0x0109c000
    PDE  0x00000000  at 0x0109cb7c
    TLB  of CPU 0: no entry
    ->   no page table: every access faults; the area is locked
    ");
}

#[test]
fn pages_that_a_nonlinear_mapping_shows() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let create = O_RDWR | O_CREAT;
    call(
        &mut machine,
        sh,
        Syscall::Open("f".to_owned(), create, 0o666),
    );
    call(&mut machine, sh, Syscall::Ftruncate(3, 0x3000));
    let args = MmapArgs {
        len: 0x3000,
        prot: 3,
        flags: 1,
        fd: Some(3),
        ..MmapArgs::default()
    };
    let page = drive::mmap(&mut machine, sh, args);
    let show = Syscall::RemapFilePages([page.0, 0x1000, 0, 2, NONBLOCK]);
    call(&mut machine, sh, show);
    insta::assert_snapshot!(of(&machine, sh, page).text(), @"
    0xb7ffd000 of 2:sh = directory entry 735, table entry 1021, byte 0x0
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x00000044  at 0x01099ff4  names page 2 of the file
    TLB  of CPU 0: no entry
    area b7ffd000-b8000000 rw-s 00000000 00:01 12         /f
    read   fault 0x4 (user read, not present) -> FILE PAGE: the entry names page 2 of the file: a page that is not in the page cache yet (/f)
    write  fault 0x6 (user write, not present) -> FILE PAGE: the entry names page 2 of the file: a page that is not in the page cache yet (/f)
    fetch  fault 0x4 (user read, not present) -> FILE PAGE: the entry names page 2 of the file: a page that is not in the page cache yet (/f)  (not x, but an i386 entry has no such bit)
    ");
    insta::assert_snapshot!(vtop(&machine, sh, page).unwrap().text(), @"
    0xb7ffd000 = directory entry 735, table entry 1021, byte 0x0
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x00000044  at 0x01099ff4  FILE
    TLB  of CPU 0: no entry
    ->   names page 2 of the file (nonlinear mapping): every access faults
    ");
}

#[test]
fn without_an_address_space_there_is_nothing_to_say() {
    let mut machine = boot(1);
    let (sh, kid, page) = after_fork(&mut machine);
    call(&mut machine, kid, Syscall::Exit(0));
    assert_eq!(why(&machine, kid, page), None);
    assert_eq!(why(&machine, machine.kernel.sched.idle(0), page), None);
    assert_eq!(why(&machine, TaskId::default(), page), None);
    assert!(why(&machine, sh, page).is_some());
}
