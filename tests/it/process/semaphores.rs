//! System V semaphores: operations that wait, and what is undone at the end of a process.

use crate::lab::{Lab, THREAD, USER, errno};
use forklab::abi::{
    CloneFlags as F, Errno, IPC_CREAT, IPC_EXCL, IPC_INFO, IPC_NOWAIT, IPC_PRIVATE, IPC_SET,
    IPC_STAT, SEM_INFO, SEM_STAT, SEM_UNDO, SigAction, Signal, TaskId, VirtAddr,
};
use forklab::kernel::fail::FailPoint;
use forklab::kernel::ipc::SemOp;
use forklab::kernel::syscall::{IpcCall, Syscall};
use forklab::machine::{Acted, BufferCall};

const IPC_64: u32 = 0x100;
const RMID: u32 = 0;
const GETPID: u32 = 11;
const GETVAL: u32 = 12;
const GETNCNT: u32 = 14;
const GETZCNT: u32 = 15;
const SETVAL: u32 = 16;
const UNDO: u16 = SEM_UNDO as u16;
const NOWAIT: u16 = IPC_NOWAIT as u16;

fn semget(lab: &mut Lab, task: TaskId, key: i32, count: i32, flags: u32) -> i32 {
    lab.call(task, Syscall::Ipc(IpcCall::Semget(key, count, flags)))
}

/// A private set of its owner.
fn set_of(lab: &mut Lab, task: TaskId, count: i32) -> i32 {
    let id = semget(lab, task, IPC_PRIVATE, count, 0o600);
    assert!(id >= 0, "{id}");
    id
}

/// What `semop` returns; the number of the call if it sleeps.
fn semop(lab: &mut Lab, task: TaskId, id: i32, ops: &[(u16, i16, u16)]) -> Result<i32, u64> {
    let bytes: Vec<u8> = ops
        .iter()
        .flat_map(|&(num, op, flags)| SemOp { num, op, flags }.to_bytes())
        .collect();
    let call = BufferCall::Semop {
        id,
        count: ops.len() as u32,
    };
    match lab.on_stack(task, call, bytes.len() as u32, &bytes) {
        Acted::Filled(value, _) => Ok(value as i32),
        Acted::Refused(error) => Ok(-error.errno().code()),
        Acted::Blocks(call) => Err(call),
        other => panic!("{other:?}"),
    }
}

fn semctl(lab: &mut Lab, task: TaskId, id: i32, num: i32, cmd: u32, arg: u32) -> i32 {
    lab.call(task, Syscall::Ipc(IpcCall::Semctl { id, num, cmd, arg }))
}

fn value(lab: &mut Lab, task: TaskId, id: i32) -> i32 {
    semctl(lab, task, id, 0, GETVAL, 0)
}

fn returned(lab: &Lab, call: u64) -> Option<i32> {
    lab.returned(call).map(|(value, _)| value)
}

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

#[test]
fn who_finds_and_makes_sets() {
    let mut lab = Lab::boot();
    let (me, other) = (lab.spawn_as("me", USER), lab.spawn_as("other", USER + 1));
    let root = lab.spawn_as("root", 0);
    let set = semget(&mut lab, me, 7, 3, IPC_CREAT | 0o640);
    for (task, key, count, flags, result) in [
        (me, 7, 0, 0, set),
        (me, 7, 3, IPC_CREAT | 0o600, set),
        (me, 7, 4, 0, err(Errno::EINVAL)),
        (me, 7, 3, IPC_CREAT | IPC_EXCL, err(Errno::EEXIST)),
        (me, 8, 1, 0, err(Errno::ENOENT)),
        (me, 8, 0, IPC_CREAT, err(Errno::EINVAL)),
        (me, 8, 251, IPC_CREAT, err(Errno::EINVAL)),
        (me, 8, -1, IPC_CREAT, err(Errno::EINVAL)),
        (other, 7, 1, 0o004, err(Errno::EACCES)),
        (other, 7, 1, 0, set),
        (root, 7, 1, 0o666, set),
    ] {
        let found = semget(&mut lab, task, key, count, flags);
        assert_eq!(found, result, "{key} {count} {flags:o}");
    }
    // Whoever may not read may not look either, and only the owner removes.
    assert_eq!(value(&mut lab, other, set), err(Errno::EACCES));
    assert_eq!(semctl(&mut lab, other, set, 0, RMID, 0), err(Errno::EPERM));
    assert_eq!(semctl(&mut lab, me, set, 0, RMID, 0), 0);
    assert_eq!(value(&mut lab, me, set), err(Errno::EINVAL));
    let next = semget(&mut lab, me, 7, 1, IPC_CREAT | 0o600);
    assert_eq!(value(&mut lab, me, set), err(Errno::EIDRM));
    assert_eq!(value(&mut lab, me, next), 0);
}

/// `SEMMNI` sets of `SEMMSL` semaphores are `SEMMNS`: all of them can be had.
#[test]
fn there_is_room_for_128_sets_of_250() {
    let (mut lab, sh) = Lab::with_shell();
    for nr in 0..128 {
        assert!(semget(&mut lab, sh, IPC_PRIVATE, 250, 0o600) >= 0, "{nr}");
    }
    // `newary()` counts the semaphores before it asks for memory.
    lab.fail(FailPoint::Slab(Some(0)));
    let more = semget(&mut lab, sh, IPC_PRIVATE, 1, 0o600);
    assert_eq!(errno(more), Errno::ENOSPC);
}

#[test]
fn what_semop_refuses() {
    let (mut lab, sh) = Lab::with_shell();
    let set = set_of(&mut lab, sh, 2);
    let call = |id, addr, count| Syscall::Ipc(IpcCall::Semop(id, VirtAddr(addr), count));
    for (call, expected) in [
        (call(-1, 0, 1), Errno::EINVAL),
        (call(set, 0, 0), Errno::EINVAL),
        (call(set, 0, 33), Errno::E2BIG),
        (call(set, 16, 1), Errno::EFAULT),
    ] {
        assert_eq!(errno(lab.call(sh, call.clone())), expected, "{call:?}");
    }
    for (id, ops, expected) in [
        (set + 1, &[(0, 1, 0)][..], Errno::EINVAL),
        (set, &[(0, 1, 0), (2, 1, 0)], Errno::EFBIG),
        (set, &[(0, -1, NOWAIT)], Errno::EAGAIN),
        (set, &[(0, 32767, 0), (0, 1, 0)], Errno::ERANGE),
        // More than can be undone.
        (
            set,
            &[(0, 32767, UNDO), (0, -32767, 0), (0, 2, 0), (1, -1, NOWAIT)],
            Errno::EAGAIN,
        ),
    ] {
        assert_eq!(semop(&mut lab, sh, id, ops), Ok(err(expected)), "{ops:?}");
        assert_eq!(value(&mut lab, sh, set), 0, "all or nothing: {ops:?}");
    }
    for (num, cmd, arg, expected) in [
        (2, GETVAL, 0, Errno::EINVAL),
        (-1, GETVAL, 0, Errno::EINVAL),
        (0, SETVAL, 32768, Errno::ERANGE),
        (0, SETVAL, u32::MAX, Errno::ERANGE),
        (0, 99, 0, Errno::EINVAL),
        (0, 13, 16, Errno::EFAULT),
    ] {
        assert_eq!(
            semctl(&mut lab, sh, set, num, cmd, arg),
            err(expected),
            "{cmd}"
        );
    }
}

#[test]
fn waiters_go_on_in_their_order_as_soon_as_all_they_want_can_be_done() {
    let (mut lab, sh) = Lab::with_shell();
    let set = set_of(&mut lab, sh, 2);
    let [a, b, c] = [(); 3].map(|()| lab.fork(sh));
    let both = semop(&mut lab, a, set, &[(0, -1, 0), (1, -1, 0)]).unwrap_err();
    let one = semop(&mut lab, b, set, &[(0, -1, 0)]).unwrap_err();
    assert_eq!(semctl(&mut lab, sh, set, 0, GETNCNT, 0), 2);
    // The first cannot go on, the second can.
    assert_eq!(semop(&mut lab, sh, set, &[(0, 1, 0)]), Ok(0));
    assert_eq!((returned(&lab, both), returned(&lab, one)), (None, Some(0)));
    assert_eq!(semctl(&mut lab, sh, set, 0, GETPID, 0), lab.pid(b));
    // Who waits for a zero sees it, although it does not last.
    assert_eq!(semop(&mut lab, sh, set, &[(0, 1, 0)]), Ok(0));
    let zero = semop(&mut lab, c, set, &[(0, 0, 0)]).unwrap_err();
    assert_eq!(semctl(&mut lab, sh, set, 0, GETZCNT, 0), 1);
    assert_eq!(semop(&mut lab, sh, set, &[(1, 1, 0)]), Ok(0));
    assert_eq!(
        (returned(&lab, both), returned(&lab, zero)),
        (Some(0), Some(0))
    );
}

#[test]
fn a_wait_ends_with_a_signal_or_the_set() {
    let (mut lab, sh) = Lab::with_shell();
    let set = set_of(&mut lab, sh, 1);
    let (a, b) = (lab.fork(sh), lab.fork(sh));
    let usr1 = Signal::SIGUSR1.number();
    let handler = Some(SigAction::Handler(VirtAddr(0x1000)));
    lab.call(a, Syscall::sigaction(usr1, handler));
    let first = semop(&mut lab, a, set, &[(0, -1, UNDO)]).unwrap_err();
    let second = semop(&mut lab, b, set, &[(0, -1, 0)]).unwrap_err();
    let pid = lab.pid(a);
    lab.kill(sh, pid, usr1 as i32);
    assert_eq!(returned(&lab, first), Some(err(Errno::EINTR)));
    assert_eq!(semctl(&mut lab, sh, set, 0, GETNCNT, 0), 1);
    assert_eq!(semctl(&mut lab, sh, set, 0, RMID, 0), 0);
    assert_eq!(returned(&lab, second), Some(err(Errno::EIDRM)));
    // One that is killed leaves the queue, too.
    let set = set_of(&mut lab, sh, 1);
    semop(&mut lab, a, set, &[(0, -1, 0)]).unwrap_err();
    lab.kill(sh, pid, 9);
    lab.check();
    assert_eq!(semctl(&mut lab, sh, set, 0, GETNCNT, 0), 0);
}

#[test]
fn a_wait_for_semaphores_ends_by_itself_after_its_time() {
    for (nsec, ticks) in [(10_000_000, 11), (0, 1)] {
        let (mut lab, sh) = Lab::with_shell();
        let set = set_of(&mut lab, sh, 1);
        let page = lab.map(sh, 1);
        let time = VirtAddr(page.0 + 64);
        lab.write(sh, VirtAddr(page.0), 0xffff_0000);
        lab.write(sh, VirtAddr(time.0 + 4), nsec);
        let call = Syscall::Ipc(IpcCall::Semtimedop(set, page, 1, time));
        let Acted::Blocks(wait) = lab.outcome(sh, call) else {
            panic!("it does not wait");
        };
        lab.tick(ticks - 1);
        assert_eq!(returned(&lab, wait), None, "{nsec}");
        lab.tick(1);
        assert_eq!(returned(&lab, wait), Some(err(Errno::EAGAIN)), "{nsec}");
    }
}

#[test]
fn the_end_of_a_process_undoes_its_operations() {
    let (mut lab, sh) = Lab::with_shell();
    let set = set_of(&mut lab, sh, 1);
    assert_eq!(semop(&mut lab, sh, set, &[(0, 1, 0)]), Ok(0));
    let (holder, waiter) = (lab.fork(sh), lab.fork(sh));
    assert_eq!(semop(&mut lab, holder, set, &[(0, -1, UNDO)]), Ok(0));
    let wait = semop(&mut lab, waiter, set, &[(0, -1, 0)]).unwrap_err();
    // The lock is given back, whatever the end.
    let pid = lab.pid(holder);
    lab.kill(sh, pid, 9);
    assert_eq!(returned(&lab, wait), Some(0));
    assert_eq!(value(&mut lab, sh, set), 0);
    // Values stay between 0 and the largest.
    let kid = lab.fork(sh);
    assert_eq!(semop(&mut lab, kid, set, &[(0, 5, UNDO)]), Ok(0));
    assert_eq!(semop(&mut lab, sh, set, &[(0, -4, 0)]), Ok(0));
    let pid = lab.pid(kid);
    lab.exit(kid, 0);
    assert_eq!(value(&mut lab, sh, set), 0);
    assert_eq!(semctl(&mut lab, sh, set, 0, GETPID, 0), pid);
    // SETVAL forgets what was to be undone.
    let kid = lab.fork(sh);
    assert_eq!(semop(&mut lab, kid, set, &[(0, 5, UNDO)]), Ok(0));
    assert_eq!(semctl(&mut lab, sh, set, 0, SETVAL, 3), 0);
    lab.exit(kid, 0);
    assert_eq!(value(&mut lab, sh, set), 3);
}

/// A list is shared by CLONE_SYSVSEM alone: fork gives none, a thread without the flag has its own.
/// The last sharer undoes.
#[test]
fn what_is_to_be_undone_is_shared_by_clone_sysvsem_and_kept_by_exec() {
    for (flags, shared) in [
        (F::FORK, false),
        (THREAD, false),
        (F::CLONE_SYSVSEM | F::FORK, true),
        (THREAD | F::CLONE_SYSVSEM, true),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let set = set_of(&mut lab, sh, 1);
        let maker = lab.fork(sh);
        assert_eq!(semop(&mut lab, maker, set, &[(0, 3, UNDO)]), Ok(0));
        let other = lab.clone(maker, flags).unwrap();
        assert_eq!(semop(&mut lab, other, set, &[(0, 2, UNDO)]), Ok(0));
        lab.exit(maker, 0);
        let left = if shared { 5 } else { 2 };
        assert_eq!(value(&mut lab, sh, set), left, "{flags:#x}");
        if !flags.contains(THREAD) {
            lab.call(other, Syscall::Execve("sh".into()));
            assert_eq!(value(&mut lab, sh, set), left, "exec undoes nothing");
        }
        lab.exit(other, 0);
        assert_eq!(value(&mut lab, sh, set), 0, "{flags:#x}");
    }
}

/// Every allocation of `semget` and of an operation that is to be undone.
#[test]
fn semaphores_can_lack_memory() {
    let (mut lab, sh) = Lab::with_shell();
    lab.fail(FailPoint::Slab(Some(0)));
    let made = semget(&mut lab, sh, IPC_PRIVATE, 1, 0o600);
    assert_eq!(errno(made), Errno::ENOMEM);
    let set = set_of(&mut lab, sh, 1);
    for passes in [0, 1] {
        let mut lab = Lab {
            machine: lab.machine.clone(),
        };
        lab.fail(FailPoint::Slab(Some(passes)));
        let failed = semop(&mut lab, sh, set, &[(0, 1, UNDO)]);
        assert_eq!(failed, Ok(err(Errno::ENOMEM)));
        // The list stays with the task, as in the kernel.
        assert_eq!(lab.task(sh).sem_undo().is_some(), passes == 1);
        assert_eq!(value(&mut lab, sh, set), 0);
        assert_eq!(semop(&mut lab, sh, set, &[(0, 1, UNDO)]), Ok(0));
        lab.check();
    }
}

/// Commands that tell of sets, in both layouts, and change their owner.
#[test]
fn what_semctl_tells_of_sets() {
    let (mut lab, me) = Lab::with_shell();
    let other = lab.spawn_as("sh", USER + 1);
    let start = 1_113_690_036;
    let id = semget(&mut lab, me, 42, 3, IPC_CREAT | 0o640);
    lab.tick(2000);
    assert_eq!(semop(&mut lab, me, id, &[(0, 1, 0)]), Ok(0));
    let page = lab.map(me, 1);
    let words = |lab: &mut Lab, count: u32| {
        let word = |at| lab.read(me, VirtAddr(page.0 + 4 * at));
        (0..count).map(word).collect::<Vec<u32>>()
    };
    let tell = |lab: &mut Lab, id, cmd| semctl(lab, me, id, 0, cmd, page.0);
    assert_eq!(tell(&mut lab, id, IPC_STAT | IPC_64), 0);
    let new = [42, USER, USER, USER, USER, 0o640, 0, 0, 0];
    let rest = [start + 1, 0, start, 0, 3, 0, 0];
    assert_eq!(words(&mut lab, 16), [&new[..], &rest].concat());
    assert_eq!(tell(&mut lab, id, IPC_STAT), 0);
    let both = USER | USER << 16;
    let old = [42, both, both, 0o640, start + 1, start, 0, 0, 0, 0, 3];
    assert_eq!(words(&mut lab, 11), old);
    assert_eq!(tell(&mut lab, 0, SEM_STAT | IPC_64), id);
    assert_eq!(tell(&mut lab, 1, SEM_STAT), err(Errno::EINVAL));
    assert_eq!(tell(&mut lab, 0, IPC_INFO), 0);
    let limits = [32_000, 128, 32_000, 32_000, 250, 32, 32, 20, 32_767, 32_767];
    assert_eq!(words(&mut lab, 10), limits);
    assert_eq!(tell(&mut lab, 0, SEM_INFO), 0);
    let used = words(&mut lab, 10);
    assert_eq!((used[7], used[9]), (1, 3));
    assert_eq!(tell(&mut lab, 0, 20), err(Errno::EINVAL));
    assert_eq!(tell(&mut lab, -1, IPC_INFO), err(Errno::EINVAL));

    // A stranger hears nothing and sets nothing, but finds bad memory first.
    let stranger = |lab: &mut Lab, cmd, buffer| semctl(lab, other, id, 0, cmd, buffer);
    assert_eq!(stranger(&mut lab, IPC_STAT, 0), err(Errno::EACCES));
    assert_eq!(stranger(&mut lab, IPC_SET, 0), err(Errno::EFAULT));
    let theirs = lab.map(other, 1).0;
    assert_eq!(stranger(&mut lab, IPC_SET, theirs), err(Errno::EPERM));
    // The owner gives it away.
    for (at, word) in [(1, USER + 1), (2, 7), (5, 0o1604)] {
        lab.write(me, VirtAddr(page.0 + 4 * at), word);
    }
    assert_eq!(tell(&mut lab, id, IPC_SET | IPC_64), 0);
    assert_eq!(tell(&mut lab, id, IPC_STAT | IPC_64), 0);
    let now = [42, USER + 1, 7, USER, USER, 0o604, 0, 0, 0];
    assert_eq!(words(&mut lab, 9), now);
    assert_eq!(words(&mut lab, 12)[9..], [start + 1, 0, start + 1]);
    assert_eq!(stranger(&mut lab, RMID, 0), 0);
}
