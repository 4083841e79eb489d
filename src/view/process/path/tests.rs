//! Outlines of single calls, and of calls side by side.

use super::*;
use crate::abi::{PtFlags, TaskId};
use crate::kernel::boot::Config;
use crate::kernel::fork::SpawnArgs;
use crate::kernel::syscall::{ForkArgs, Syscall};
use crate::machine::{Command, drive};

fn shell(config: Config) -> (Machine, TaskId) {
    let mut machine = Machine::boot(config).unwrap();
    let task = drive::spawn(&mut machine, SpawnArgs::new("sh", 500));
    (machine, task)
}

fn clone(machine: &mut Machine, task: TaskId, flags: u32) -> Path {
    let from = machine.kernel.log.event_seq();
    let args = ForkArgs::with_flags(CloneFlags::from_bits_retain(flags));
    drive::call(machine, task, Syscall::Clone(args));
    path(machine, from).unwrap()
}

/// The path of a clone with those flags by a fresh shell.
fn way(flags: u32) -> Path {
    let (mut machine, sh) = shell(Config::default());
    clone(&mut machine, sh, flags)
}

#[test]
fn a_fork() {
    insta::assert_snapshot!(way(0x11).text(), @"
    do_fork  2:sh, flags 0x11 = SIGCHLD
    ✓ pid = alloc_pidmap()                              3
    · current->ptrace: fork_traceflag()                 2:sh is not traced
      · trace: clone_flags |= CLONE_PTRACE
    ✓ p = copy_process()
      ✓ flags allowed
      ✓ dup_task_struct                                 task_struct and kernel stack
      ✓ RLIMIT_NPROC allows it
      ✓ max_threads allows it
      · CLONE_PARENT_SETTID: tid to the parent          flag not set
      ✓ copy_semundo                                    none: no CLONE_SYSVSEM
      ✓ copy_files                                      copied: no CLONE_FILES
      ✓ copy_fs                                         copied: no CLONE_FS
      ✓ copy_sighand                                    copied: no CLONE_SIGHAND
      ✓ copy_signal                                     new: no CLONE_THREAD
      ✓ copy_mm                                         copied on write: no CLONE_VM; PTEs 1, frames 0
      ✓ copy_namespace                                  shared: no CLONE_NEWNS
      ✓ copy_thread                                     the caller's esp
      · CLONE_CHILD_SETTID: p->set_child_tid            flag not set
      · CLONE_CHILD_CLEARTID: p->clear_child_tid        flag not set
      ✓ p->exit_signal                                  SIGCHLD
      ✓ sched_fork                                      slice 100 -> 50, child 50
      ✓ no SIGKILL pending
      ✓ p->real_parent                                  2:sh
      · CLONE_THREAD: join the thread group             flag not set
    · CLONE_VFORK: p->vfork_done = &vfork               flag not set
    · traced or CLONE_STOPPED: SIGSTOP pending          neither
    ✓ not CLONE_STOPPED: wake_up_new_task()
      ✓ adjust the child's sleep_avg and prio           sleep_avg 0 -> 0 ms; the parent's prio
      ✓ same CPU, no CLONE_VM: right before the parent  active[125]: [2] -> 3 [2]
      · the parent is on no array: __activate_task()    2:sh is on the active array
      ✓ child first: set_need_resched()                 2:sh gives up the CPU
      · run child last: __activate_task()               no CLONE_VM
      · other CPU: __activate_task() there              the child stays on CPU 0
      ✓ adjust the parent's sleep_avg                   sleep_avg 0 -> 0 ms
    · CLONE_STOPPED: p->state = TASK_STOPPED            flag not set
    · trace: ptrace_notify()                            no event requested
    · CLONE_VFORK: wait_for_completion(&vfork)          flag not set
    · error: free_pidmap(pid)                           copy_process succeeded
    = 3
    ");
}

#[test]
fn a_vfork_whose_parent_is_still_inside() {
    insta::assert_snapshot!(way(0x4111).text(), @"
    do_fork  2:sh, flags 0x4111 = CLONE_VM|CLONE_VFORK|SIGCHLD
    ✓ pid = alloc_pidmap()                              3
    · current->ptrace: fork_traceflag()                 2:sh is not traced
      · trace: clone_flags |= CLONE_PTRACE
    ✓ p = copy_process()
      ✓ flags allowed
      ✓ dup_task_struct                                 task_struct and kernel stack
      ✓ RLIMIT_NPROC allows it
      ✓ max_threads allows it
      · CLONE_PARENT_SETTID: tid to the parent          flag not set
      ✓ copy_semundo                                    none: no CLONE_SYSVSEM
      ✓ copy_files                                      copied: no CLONE_FILES
      ✓ copy_fs                                         copied: no CLONE_FS
      ✓ copy_sighand                                    copied: no CLONE_SIGHAND
      ✓ copy_signal                                     new: no CLONE_THREAD
      ✓ copy_mm                                         shared: CLONE_VM
      ✓ copy_namespace                                  shared: no CLONE_NEWNS
      ✓ copy_thread                                     the caller's esp
      · CLONE_CHILD_SETTID: p->set_child_tid            flag not set
      · CLONE_CHILD_CLEARTID: p->clear_child_tid        flag not set
      ✓ p->exit_signal                                  SIGCHLD
      ✓ sched_fork                                      slice 100 -> 50, child 50
      ✓ no SIGKILL pending
      ✓ p->real_parent                                  2:sh
      · CLONE_THREAD: join the thread group             flag not set
    ✓ CLONE_VFORK: p->vfork_done = &vfork
    · traced or CLONE_STOPPED: SIGSTOP pending          neither
    ✓ not CLONE_STOPPED: wake_up_new_task()
      ✓ adjust the child's sleep_avg and prio           sleep_avg 0 -> 0 ms; prio 125
      · same CPU, no CLONE_VM: right before the parent  CLONE_VM
      · the parent is on no array: __activate_task()    CLONE_VM
      · child first: set_need_resched()                 the child waits for its turn
      ✓ run child last: __activate_task()               CLONE_VM, active[125]: [2] -> [2] 3
      · other CPU: __activate_task() there              the child stays on CPU 0
      ✓ adjust the parent's sleep_avg                   sleep_avg 0 -> 0 ms
    · CLONE_STOPPED: p->state = TASK_STOPPED            flag not set
    · trace: ptrace_notify()                            no event requested
    ✓ CLONE_VFORK: wait_for_completion(&vfork)          2:sh waits until 3 execs or exits
    · error: free_pidmap(pid)                           copy_process succeeded
    = not yet: 2:sh is inside
    ");
}

#[test]
fn a_refused_thread() {
    insta::assert_snapshot!(way(0x0001_0011).text(), @"
    do_fork  2:sh, flags 0x10011 = CLONE_THREAD|SIGCHLD
    ✓ pid = alloc_pidmap()                              3
    · current->ptrace: fork_traceflag()                 2:sh is not traced
      · trace: clone_flags |= CLONE_PTRACE
    ✗ p = copy_process()                                EINVAL
      ✗ flags allowed                                   EINVAL: CLONE_THREAD needs CLONE_SIGHAND
      · dup_task_struct                                 not reached
      · RLIMIT_NPROC allows it
      · max_threads allows it
      · CLONE_PARENT_SETTID: tid to the parent
      · copy_semundo
      · copy_files
      · copy_fs
      · copy_sighand
      · copy_signal
      · copy_mm
      · copy_namespace
      · copy_thread
      · CLONE_CHILD_SETTID: p->set_child_tid
      · CLONE_CHILD_CLEARTID: p->clear_child_tid
      · p->exit_signal
      · sched_fork
      · no SIGKILL pending
      · p->real_parent
      · CLONE_THREAD: join the thread group
    · CLONE_VFORK: p->vfork_done = &vfork
    · traced or CLONE_STOPPED: SIGSTOP pending
    · not CLONE_STOPPED: wake_up_new_task()
      · adjust the child's sleep_avg and prio
      · same CPU, no CLONE_VM: right before the parent
      · the parent is on no array: __activate_task()
      · child first: set_need_resched()
      · run child last: __activate_task()
      · other CPU: __activate_task() there
      · adjust the parent's sleep_avg
    · CLONE_STOPPED: p->state = TASK_STOPPED
    · trace: ptrace_notify()
    · CLONE_VFORK: wait_for_completion(&vfork)
    ✓ error: free_pidmap(pid)                           3 is free again, but the next search starts after it
    = -EINVAL
    ");
}

#[test]
fn a_child_that_begins_stopped() {
    insta::assert_snapshot!(way(0x0200_0011).brief().text(), @"
    do_fork  2:sh, flags 0x2000011 = CLONE_STOPPED|SIGCHLD
    ✓ pid = alloc_pidmap()                      3
    · current->ptrace: fork_traceflag()         2:sh is not traced
    ✓ p = copy_process()
    · CLONE_VFORK: p->vfork_done = &vfork       flag not set
    ✓ traced or CLONE_STOPPED: SIGSTOP pending  CLONE_STOPPED
    · not CLONE_STOPPED: wake_up_new_task()     CLONE_STOPPED: the first SIGCONT will wake it
    ✓ CLONE_STOPPED: p->state = TASK_STOPPED
    · trace: ptrace_notify()                    no event requested
    · CLONE_VFORK: wait_for_completion(&vfork)  flag not set
    · error: free_pidmap(pid)                   copy_process succeeded
    = 3
    ");
}

#[test]
fn a_thread_with_all_that_it_shares() {
    insta::assert_snapshot!(way(0x0005_0f00).text(), @"
    do_fork  2:sh, flags 0x50f00 = CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM
    ✓ pid = alloc_pidmap()                              3
    · current->ptrace: fork_traceflag()                 2:sh is not traced
      · trace: clone_flags |= CLONE_PTRACE
    ✓ p = copy_process()
      ✓ flags allowed
      ✓ dup_task_struct                                 task_struct and kernel stack
      ✓ RLIMIT_NPROC allows it
      ✓ max_threads allows it
      · CLONE_PARENT_SETTID: tid to the parent          flag not set
      ✓ copy_semundo                                    shared: CLONE_SYSVSEM
      ✓ copy_files                                      shared: CLONE_FILES
      ✓ copy_fs                                         shared: CLONE_FS
      ✓ copy_sighand                                    shared: CLONE_SIGHAND
      ✓ copy_signal                                     shared: CLONE_THREAD
      ✓ copy_mm                                         shared: CLONE_VM
      ✓ copy_namespace                                  shared: no CLONE_NEWNS
      ✓ copy_thread                                     the caller's esp
      · CLONE_CHILD_SETTID: p->set_child_tid            flag not set
      · CLONE_CHILD_CLEARTID: p->clear_child_tid        flag not set
      ✓ p->exit_signal                                  -1: CLONE_THREAD
      ✓ sched_fork                                      slice 100 -> 50, child 50
      ✓ no SIGKILL pending
      ✓ p->real_parent                                  the parent of 2:sh: CLONE_THREAD
      ✓ CLONE_THREAD: join the thread group             the group of 2:sh
    · CLONE_VFORK: p->vfork_done = &vfork               flag not set
    · traced or CLONE_STOPPED: SIGSTOP pending          neither
    ✓ not CLONE_STOPPED: wake_up_new_task()
      ✓ adjust the child's sleep_avg and prio           sleep_avg 0 -> 0 ms; prio 125
      · same CPU, no CLONE_VM: right before the parent  CLONE_VM
      · the parent is on no array: __activate_task()    CLONE_VM
      · child first: set_need_resched()                 the child waits for its turn
      ✓ run child last: __activate_task()               CLONE_VM, active[125]: [2] -> [2] 3
      · other CPU: __activate_task() there              the child stays on CPU 0
      ✓ adjust the parent's sleep_avg                   sleep_avg 0 -> 0 ms
    · CLONE_STOPPED: p->state = TASK_STOPPED            flag not set
    · trace: ptrace_notify()                            no event requested
    · CLONE_VFORK: wait_for_completion(&vfork)          flag not set
    · error: free_pidmap(pid)                           copy_process succeeded
    = 3
    ");
}

/// The part inside `wake_up_new_task`, with each branch forced.
#[test]
fn forced_branches_say_so() {
    let overrides = [
        Config {
            cpus: 2,
            fork_cpu: Some(1),
            ..Config::default()
        },
        Config {
            parent_not_on_array: true,
            ..Config::default()
        },
        Config {
            child_runs_first: false,
            ..Config::default()
        },
    ];
    let forced = overrides.map(|config| {
        let (mut machine, sh) = shell(config);
        let path = clone(&mut machine, sh, 0x11);
        let text = path.text().to_string();
        let lines = text
            .lines()
            .skip_while(|line| !line.contains("wake_up_new_task"));
        let lines: Vec<&str> = lines.skip(2).take(5).collect();
        lines.join("\n")
    });
    insta::assert_snapshot!(forced.join("\n\n"), @"
    · same CPU, no CLONE_VM: right before the parent  the child goes to CPU 1
    · the parent is on no array: __activate_task()    the child goes to CPU 1
    · child first: set_need_resched()                 CPU 1 decides by priority
    · run child last: __activate_task()               the child goes to CPU 1
    ✓ other CPU: __activate_task() there              forced: CPU 1, active[125]: (empty) -> 3

    · same CPU, no CLONE_VM: right before the parent  forced: as if 2:sh were on no array
    ✓ the parent is on no array: __activate_task()    forced: active[125]: [2] -> [2] 3
    ✓ child first: set_need_resched()                 2:sh gives up the CPU
    · run child last: __activate_task()               no CLONE_VM
    · other CPU: __activate_task() there              the child stays on CPU 0

    · same CPU, no CLONE_VM: right before the parent  forced: child_runs_first is false
    · the parent is on no array: __activate_task()    forced: child_runs_first is false
    · child first: set_need_resched()                 the child waits for its turn
    ✓ run child last: __activate_task()               forced: child_runs_first is false, active[125]: [2] -> [2] 3
    · other CPU: __activate_task() there              the child stays on CPU 0
    ");
}

#[test]
fn a_traced_parent_and_no_pid() {
    let (mut machine, sh) = shell(Config::default());
    machine
        .kernel
        .task_mut(sh)
        .set_ptrace(PtFlags::PTRACED | PtFlags::TRACE_FORK);
    insta::assert_snapshot!(clone(&mut machine, sh, 0x11).brief().text(), @"
    do_fork  2:sh, flags 0x11 = SIGCHLD
    ✓ pid = alloc_pidmap()                      3
    ✓ current->ptrace: fork_traceflag()         PTRACE_EVENT_FORK
    ✓ p = copy_process()
    · CLONE_VFORK: p->vfork_done = &vfork       flag not set
    ✓ traced or CLONE_STOPPED: SIGSTOP pending  3 is traced
    ✓ not CLONE_STOPPED: wake_up_new_task()
    · CLONE_STOPPED: p->state = TASK_STOPPED    flag not set
    ✓ trace: ptrace_notify()                    PTRACE_EVENT_FORK
    · CLONE_VFORK: wait_for_completion(&vfork)  flag not set
    · error: free_pidmap(pid)                   copy_process succeeded
    = 3
    ");
    let (mut machine, sh) = shell(Config {
        pid_max: 301,
        ..Config::default()
    });
    while machine.kernel.reserve_pids(1).is_ok() {}
    insta::assert_snapshot!(clone(&mut machine, sh, 0x11).brief().text(), @"
    do_fork  2:sh, flags 0x11 = SIGCHLD
    ✗ pid = alloc_pidmap()                      EAGAIN: no pid is free
    · current->ptrace: fork_traceflag()         not reached
    · p = copy_process()
    · CLONE_VFORK: p->vfork_done = &vfork
    · traced or CLONE_STOPPED: SIGSTOP pending
    · not CLONE_STOPPED: wake_up_new_task()
    · CLONE_STOPPED: p->state = TASK_STOPPED
    · trace: ptrace_notify()
    · CLONE_VFORK: wait_for_completion(&vfork)
    · error: free_pidmap(pid)
    = -EAGAIN
    ");
}

#[test]
fn calls_side_by_side() {
    let (mut machine, sh) = shell(Config::default());
    let calls = [
        ("EINVAL", 0x0001_0011),
        ("EPERM", 0x0002_0011),
        ("fork", 0x11),
        ("STOPPED", 0x0200_0011),
        ("vfork", 0x4111),
    ];
    let calls = calls.map(|(label, flags)| (label.to_owned(), clone(&mut machine, sh, flags)));
    insta::assert_snapshot!(side_by_side(calls.into()).text(), @"
    do_fork                                            EINVAL   EPERM    fork  STOPPED   vfork
    pid = alloc_pidmap()                                    x       x       x        x       x
    current->ptrace: fork_traceflag()                       .       .       .        .       .
      trace: clone_flags |= CLONE_PTRACE                    .       .       .        .       .
    p = copy_process()                                 EINVAL   EPERM       x        x       x
      flags allowed                                    EINVAL       x       x        x       x
      dup_task_struct                                       .       x       x        x       x
      RLIMIT_NPROC allows it                                .       x       x        x       x
      max_threads allows it                                 .       x       x        x       x
      CLONE_PARENT_SETTID: tid to the parent                .       .       .        .       .
      copy_semundo                                          .       x       x        x       x
      copy_files                                            .     own     own      own     own
      copy_fs                                               .     own     own      own     own
      copy_sighand                                          .     own     own      own     own
      copy_signal                                           .     own     own      own     own
      copy_mm                                               .     own     own      own  shared
      copy_namespace                                        .   EPERM  shared   shared  shared
      copy_thread                                           .       .       x        x       x
      CLONE_CHILD_SETTID: p->set_child_tid                  .       .       .        .       .
      CLONE_CHILD_CLEARTID: p->clear_child_tid              .       .       .        .       .
      p->exit_signal                                        .       .       x        x       x
      sched_fork                                            .       .       x        x       x
      no SIGKILL pending                                    .       .       x        x       x
      p->real_parent                                        .       .       x        x       x
      CLONE_THREAD: join the thread group                   .       .       .        .       .
    CLONE_VFORK: p->vfork_done = &vfork                     .       .       .        .       x
    traced or CLONE_STOPPED: SIGSTOP pending                .       .       .        x       .
    not CLONE_STOPPED: wake_up_new_task()                   .       .       x        .       x
      adjust the child's sleep_avg and prio                 .       .       x        .       x
      same CPU, no CLONE_VM: right before the parent        .       .       x        .       .
      the parent is on no array: __activate_task()          .       .       .        .       .
      child first: set_need_resched()                       .       .       x        .       .
      run child last: __activate_task()                     .       .       .        .       x
      other CPU: __activate_task() there                    .       .       .        .       .
      adjust the parent's sleep_avg                         .       .       x        .       x
    CLONE_STOPPED: p->state = TASK_STOPPED                  .       .       .        x       .
    trace: ptrace_notify()                                  .       .       .        .       .
    CLONE_VFORK: wait_for_completion(&vfork)                .       .       .        .       x
    error: free_pidmap(pid)                                 x       x       .        .       .
    return pid                                        -EINVAL  -EPERM       5        6  inside
    ");
}

/// A task of a workload forks twice within a tick; the first call is shown.
#[test]
fn the_first_of_several_calls_is_shown_and_all_are_counted() {
    let (mut machine, _) = shell(Config::default());
    let steps = ["fork a kid", "fork_vm b kid", "run 5"];
    let program = drive::workload(&[("main", &steps), ("kid", &["exit"])]);
    let from = machine.kernel.log.event_seq();
    drive::spawn_workload(&mut machine, SpawnArgs::new("P", 500), program);
    machine.apply(Command::Tick(2)).unwrap();
    let path = path(&machine, from).unwrap();
    assert_eq!((path.flags, path.calls, path.value), (0x11, 2, Some(4)));
    let heading = path.text().lines.swap_remove(0);
    assert_eq!(
        heading.to_string(),
        "do_fork  3:P, flags 0x11 = SIGCHLD  (the first of 2)"
    );
    assert_eq!(super::path(&machine, machine.kernel.log.event_seq()), None);
}
