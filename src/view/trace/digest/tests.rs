//! Each kind of line of a digest, from real machines.

use super::*;
use crate::abi::{CloneFlags, MapFlags, TaskId};
use crate::kernel::boot::Config;
use crate::kernel::syscall::{ForkArgs, MmapArgs, Syscall, WaitArgs};
use crate::machine::drive::{self, act, call, clone};
use crate::machine::{Action, Command};
use crate::view::tests::{after_fork, boot, mmap, spawn, spawn_steps, write};

/// The digest of what an action does.
fn of<T>(machine: &mut Machine, action: impl FnOnce(&mut Machine) -> T) -> Text {
    let since = Since::now(machine);
    action(machine);
    digest_since(machine, since)
}

fn read(machine: &mut Machine, task: TaskId, addr: VirtAddr) {
    act(machine, task, Action::Read { addr, len: 4 });
}

fn touch(machine: &mut Machine, task: TaskId, addr: VirtAddr, pages: u32) {
    act(machine, task, Action::Touch { addr, pages });
}

fn tick(machine: &mut Machine, ticks: u64) {
    machine.apply(Command::Tick(ticks)).unwrap();
}

fn wait(machine: &mut Machine, task: TaskId) {
    let args = WaitArgs {
        pid: -1,
        status: VirtAddr(0),
        options: 0,
        ..WaitArgs::default()
    };
    call(machine, task, Syscall::Wait4(args));
}

fn map_more(machine: &mut Machine, task: TaskId, pages: u32, flags: u32) {
    let args = MmapArgs {
        addr: 0x5000_0000,
        len: pages << 12,
        prot: 3,
        flags,
        ..MmapArgs::default()
    };
    call(machine, task, Syscall::Mmap2(args));
}

#[test]
fn memory_that_is_promised_and_given_back() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    insta::assert_snapshot!(of(&mut machine, |m| mmap(m, sh, MapFlags::PRIVATE)), @"0xb7ffe000  reserved; no frame yet");
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, Syscall::Brk(0))), @"");
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, Syscall::Brk(0x0804_c000))), @"0x0804c000  new end of the heap; no frame yet");
    touch(&mut machine, sh, VirtAddr(0x0804_a000), 2);
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, Syscall::Brk(0x0804_b000))), @"0x0804b000  new end of the heap; 1 frame freed, page tables included");
    touch(&mut machine, sh, VirtAddr(0xb7ff_e000), 2);
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, Syscall::Munmap(0xb7ff_e000, 0x2000))), @"unmapped; 3 frames freed, page tables included");
    insta::assert_snapshot!(of(&mut machine, |m| map_more(m, sh, 1, 0x2022)), @"mapped at once: zeroed frame 0x1095, pte 0x01095067");
}

#[test]
fn faults_one_by_one() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let page = mmap(&mut machine, sh, MapFlags::PRIVATE);
    let second = VirtAddr(page.0 + 0x1000);
    insta::assert_snapshot!(of(&mut machine, |m| write(m, sh, page)), @"fault 0x6 (user write, not present): zeroed frame 0x1098, pte 0x01098067");
    insta::assert_snapshot!(of(&mut machine, |m| write(m, sh, page)), @"");
    insta::assert_snapshot!(of(&mut machine, |m| read(m, sh, second)), @"fault 0x4 (user read, not present): zero page mapped read-only, pte 0x002c1025");
    insta::assert_snapshot!(of(&mut machine, |m| write(m, sh, second)), @"fault 0x7 (user write, read-only): cow_copy 0x2c1 -> 0x1097, a frame of its own instead of the zero page");
    let kid = clone(&mut machine, sh, CloneFlags::FORK);
    insta::assert_snapshot!(of(&mut machine, |m| write(m, kid, page)), @"fault 0x7 (user write, read-only): cow_copy 0x1098 -> 0x1093, owners left on 0x1098: 1");
    insta::assert_snapshot!(of(&mut machine, |m| write(m, sh, page)), @"fault 0x7 (user write, read-only): cow_reuse 0x1098: no other owner, made writable again");
    let data = VirtAddr(0x0804_9000);
    insta::assert_snapshot!(of(&mut machine, |m| write(m, sh, data)), @"fault 0x6 (user write, not present): private copy of a page cache page in frame 0x1091, pte 0x01091067");
    insta::assert_snapshot!(of(&mut machine, |m| read(m, kid, data)), @"fault 0x4 (user read, not present): frame 0x108d of the page cache, pte 0x0108d025");
}

#[test]
fn many_faults_are_counted() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    map_more(&mut machine, sh, 100, 0x22);
    let start = VirtAddr(0x5000_0000);
    read(&mut machine, sh, start);
    read(&mut machine, sh, VirtAddr(start.0 + 0x1000));
    insta::assert_snapshot!(of(&mut machine, |m| touch(m, sh, start, 100)), @"100 faults: 98 zeroed frames, 2 copies");
    let kid = clone(&mut machine, sh, CloneFlags::FORK);
    touch(&mut machine, kid, start, 50);
    insta::assert_snapshot!(of(&mut machine, |m| touch(m, sh, start, 100)), @"100 faults: 50 copies, 50 reuses");
}

#[test]
fn forks_by_what_they_share_and_where_the_child_goes() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, sh, CloneFlags::FORK)), @"
    3:sh  frames copied 0, PTEs copied 1; slice 100 -> 50 + 50
          active[125]  [2] -> 3 [2]   child queued just before its parent
    ");
    let vm = CloneFlags::CLONE_VM | CloneFlags::FORK;
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, sh, vm)), @"
    4:sh  same memory as 2; slice 50 -> 25 + 25
          active[125]  [2] -> [2] 4   child queued last: memory is shared
    ");
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, sh, CloneFlags::VFORK)), @"
    5:sh  same memory as 2; slice 25 -> 12 + 13
          active[125]  [2] -> [2] 5   child queued last: memory is shared
          2 stays inside vfork (D) until 5 execs or exits
    ");
    let other = spawn(&mut machine, "sh");
    let stopped = CloneFlags::CLONE_STOPPED | CloneFlags::FORK;
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, other, stopped)), @"
    7:sh  frames copied 0, PTEs copied 1; slice 100 -> 50 + 50
          stopped, SIGSTOP pending, on no runqueue
    ");
    let sixteenth = spawn(&mut machine, "sh");
    insta::assert_snapshot!(of(&mut machine, |m| {
        for _ in 0..10 {
            clone(m, sixteenth, CloneFlags::FORK);
        }
    }), @"10 tasks made: 9, 10, 11, 12, 13, 14, 15, 16, and 2 more");
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, sixteenth, CloneFlags::FORK)), @"
    19:sh  frames copied 0, PTEs copied 1; slice 12 -> 6 + 6
          active[125]  [8] -> 19 [8]   child queued just before its parent
    ");
}

#[test]
fn forced_placements_say_so() {
    let mut machine = boot(2);
    let sh = spawn(&mut machine, "sh");
    machine.kernel.config.fork_cpu = Some(1);
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, sh, CloneFlags::FORK)), @"
    3:sh  frames copied 0, PTEs copied 1; slice 100 -> 50 + 50
          active[125]  empty -> 3   child on CPU 1 (forced)
    ");
    machine.kernel.config.fork_cpu = None;
    machine.kernel.config.parent_not_on_array = true;
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, sh, CloneFlags::FORK)), @"
    4:sh  frames copied 0, PTEs copied 1; slice 50 -> 25 + 25
          active[125]  [2] -> [2] 4   child queued last: the parent is on no array (forced)
    ");
    let mut machine = Machine::boot(Config {
        child_runs_first: false,
        ..Config::default()
    })
    .unwrap();
    let sh = spawn(&mut machine, "sh");
    insta::assert_snapshot!(of(&mut machine, |m| clone(m, sh, CloneFlags::FORK)), @"
    3:sh  frames copied 0, PTEs copied 1; slice 100 -> 50 + 50
          active[125]  [2] -> [2] 3   child queued last: child_runs_first is off (forced)
    ");
}

#[test]
fn a_refused_clone_uses_up_a_pid() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let illegal = Syscall::Clone(ForkArgs::with_flags(CloneFlags::CLONE_THREAD));
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, illegal)), @"EINVAL: pid 3 allocated, then freed; the next search starts after it");
}

#[test]
fn tids_that_are_stored() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let page = mmap(&mut machine, sh, MapFlags::PRIVATE);
    let flags = CloneFlags::CLONE_PARENT_SETTID | CloneFlags::CLONE_CHILD_SETTID | CloneFlags::FORK;
    let args = ForkArgs {
        parent_tid: page,
        child_tid: VirtAddr(16),
        ..ForkArgs::with_flags(flags)
    };
    let since = Since::now(&machine);
    call(&mut machine, sh, Syscall::Clone(args));
    insta::assert_snapshot!(digest_since(&machine, since), @"
    tid 3 stored at 0xb7ffe000
    3:sh  frames copied 0, PTEs copied 2; slice 100 -> 50 + 50
          active[125]  [2] -> 3 [2]   child queued just before its parent
    and 3 lines more: see the trace
    ");
    let items: Text = digest_items(&machine, since)
        .iter()
        .filter(|item| matches!(item, Item::Tid { .. }))
        .map(|item| words::text(std::slice::from_ref(item)).lines.remove(0))
        .collect();
    insta::assert_snapshot!(items, @"
    tid 3 stored at 0xb7ffe000
    tid 3 stored at 0x00000010: failed
    ");
}

#[test]
fn the_end_of_tasks() {
    let mut machine = boot(1);
    let (sh, kid, _) = after_fork(&mut machine);
    insta::assert_snapshot!(of(&mut machine, |m| call(m, kid, Syscall::Exit(3))), @"3:sh  exited 3: zombie until 2 waits");
    insta::assert_snapshot!(of(&mut machine, |m| wait(m, sh)), @"3:sh  reaped by 2; slice of 2 now 100");
    let child = clone(&mut machine, sh, CloneFlags::FORK);
    let grandchild = clone(&mut machine, child, CloneFlags::FORK);
    insta::assert_snapshot!(of(&mut machine, |m| wait(m, sh)), @"");
    insta::assert_snapshot!(of(&mut machine, |m| call(m, child, Syscall::Exit(0))), @"
    4:sh  exited 0
    5 is a child of 1 now
    4:sh  reaped by 2; slice of 2 now 75
    ");
    insta::assert_snapshot!(of(&mut machine, |m| call(m, grandchild, Syscall::Exit(0))), @"5:sh  exited 0: gone at once, nobody waits for it");
    insta::assert_snapshot!(of(&mut machine, |m| read(m, sh, VirtAddr(0))), @"
    fault 0x4 (user read, not present): SIGSEGV
    2:sh  killed by SIGSEGV: gone at once, nobody waits for it
    ");
}

#[test]
fn the_end_of_a_vfork() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let child = clone(&mut machine, sh, CloneFlags::VFORK);
    insta::assert_snapshot!(of(&mut machine, |m| call(m, child, Syscall::Execve("sh".into()))), @"
    2 wakes: the vfork is over
    3:sh  a new program in a new address space
    ");
    let second = clone(&mut machine, sh, CloneFlags::VFORK);
    insta::assert_snapshot!(of(&mut machine, |m| call(m, second, Syscall::Exit(0))), @"
    4:sh  exited 0: zombie until 2 waits
    2 wakes: the vfork is over
    ");
}

#[test]
fn signals_that_are_not_the_end() {
    let mut machine = boot(1);
    let (sh, kid, page) = after_fork(&mut machine);
    let handler = Syscall::sigaction(17, Some(SigAction::Handler(page)));
    call(&mut machine, sh, handler);
    insta::assert_snapshot!(of(&mut machine, |m| call(m, kid, Syscall::Exit(0))), @"
    3:sh  exited 0: zombie until 2 waits
    SIGCHLD delivered to 2
    ");
}

/// That of a child that exits is usual, and not worth a line.
#[test]
fn signals_that_are_ignored() {
    let mut machine = boot(1);
    let (sh, kid, _) = after_fork(&mut machine);
    let pid = machine.kernel.pid(kid).0;
    let send = |signal: i32| Syscall::Kill(pid, signal);
    call(
        &mut machine,
        kid,
        Syscall::sigaction(15, Some(SigAction::Ignore)),
    );
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, send(15))), @"SIGTERM ignored by 3: SIG_IGN");
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, send(28))), @"SIGWINCH ignored by 3 by default");
    insta::assert_snapshot!(of(&mut machine, |m| call(m, kid, Syscall::Exit(0))), @"3:sh  exited 0: zombie until 2 waits");
}

#[test]
fn time_that_passes() {
    let mut machine = boot(1);
    insta::assert_snapshot!(of(&mut machine, |m| tick(m, 100)), @"100 ms passed: no switch");
    for name in ["a", "b"] {
        spawn_steps(&mut machine, name, &["run 1000", "exit"]);
    }
    insta::assert_snapshot!(of(&mut machine, |m| tick(m, 250)), @"
    250 ms passed: 2 switches, 2 slices expired, 1 array swap
    3:b  a new program in a new address space
    ");
    let since = machine.kernel.log.event_seq();
    assert_eq!(digest(&machine, since), Text::default());
    tick(&mut machine, 50);
    assert_eq!(digest(&machine, since), Text::default());
}

#[test]
fn workloads_that_do_much_are_told_in_few_lines() {
    let mut machine = boot(1);
    let steps = [
        "fork kid kid",
        "sleep 5",
        "fork kid kid",
        "fork kid kid",
        "map 0x50000000 20",
        "touch 0x50000000 20",
        "exit",
    ];
    let program = drive::workload(&[("main", &steps), ("kid", &["run 1", "exit"])]);
    let args = crate::kernel::fork::SpawnArgs::new("w", 0);
    let all = of(&mut machine, |m| {
        drive::spawn_workload(m, args, program);
        tick(m, 50);
    });
    insta::assert_snapshot!(all, @"
    50 ms passed: 10 switches
    3 tasks made: 3, 4, 5
    4 exits: 3, 4, 5, 2
    and 2 lines more: see the trace
    ");
}

#[test]
fn other_priorities_and_panics() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    insta::assert_snapshot!(of(&mut machine, |m| call(m, sh, Syscall::Nice(5))), @"2:sh  prio 125, static_prio 125");
    insta::assert_snapshot!(of(&mut machine, |m| spawn(m, "sh")), @"");
    insta::assert_snapshot!(of(&mut machine, |m| m.kernel.panic("Attempted to kill init!")), @"kernel panic: Attempted to kill init!");
}

/// Twice: a page that was used is passed over once.
fn page_out(machine: &mut Machine) {
    (0..2).for_each(|_| {
        machine.kernel.shrink_all_memory(200);
    });
}

/// A task has written pages that went to swap, and it has a child.
#[test]
fn pages_of_swap() {
    let config = Config {
        swap: 4 << 20,
        ..Config::default()
    };
    let mut machine = Machine::boot(config).unwrap();
    let (sh, kid, page) = after_fork(&mut machine);
    map_more(&mut machine, sh, 20, 0x32);
    touch(&mut machine, sh, VirtAddr(0x5000_0000), 20);
    page_out(&mut machine);
    insta::assert_snapshot!(of(&mut machine, |m| read(m, kid, page)), @"fault 0x4 (user read, not present): swapped in to frame 0x10a9, pte 0x010a9025");
    insta::assert_snapshot!(of(&mut machine, |m| read(m, sh, page)), @"fault 0x4 (user read, not present): frame 0x10a9 of the swap cache, pte 0x010a9025");
    page_out(&mut machine);
    insta::assert_snapshot!(of(&mut machine, |m| touch(m, sh, page, 1)), @"fault 0x6 (user write, not present): swapped in to frame 0x1098, copied to 0x10a9, pte 0x010a9067");
    insta::assert_snapshot!(of(&mut machine, |m| touch(m, sh, VirtAddr(0x5000_0000), 20)), @"20 faults: 20 pages of swap");
}
