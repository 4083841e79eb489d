//! exec: what it replaces, what it keeps, what it ends sharing of, and how it fails.

use crate::lab::{ALL_SHARED, Lab};
use forklab::abi::{
    CloneFlags as F, Errno, F_DUPFD, F_GETFD, F_SETFD, FD_CLOEXEC, PfFlags, Resource, SigAction,
    Signal, TaskId, VirtAddr,
};
use forklab::kernel::syscall::Syscall;

fn exec(lab: &mut Lab, task: TaskId, path: &str) -> i32 {
    lab.call(task, Syscall::Execve(path.into()))
}

fn open(lab: &mut Lab, task: TaskId) -> u32 {
    lab.call(task, Syscall::Open("f".to_owned(), 0o100, 0o666)) as u32
}

fn open_fds(lab: &Lab, task: TaskId) -> Vec<usize> {
    lab.files(task).open().map(|(fd, _)| fd).collect()
}

#[test]
fn exec_replaces_the_program_and_keeps_the_process() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let page = lab.map(child, 1);
    let (pid, old_mm, nice) = (lab.pid(child), lab.task(child).mm(), 5);
    assert_eq!(lab.call(child, Syscall::Nice(nice)), 0);
    let (fs, signal) = (lab.task(child).fs(), lab.task(child).signal());
    assert!(lab.task(child).flags().contains(PfFlags::FORKNOEXEC));
    assert!(!lab.task(child).did_exec);
    assert_eq!(exec(&mut lab, child, "/bin/sh"), 0);
    let task = lab.task(child);
    assert!(task.did_exec && !task.flags().contains(PfFlags::FORKNOEXEC));
    assert_eq!(
        (task.fs(), task.signal(), task.real_parent()),
        (fs, signal, sh)
    );
    assert_eq!(task.self_exec_id, task.parent_exec_id + 1);
    assert_ne!(task.mm(), old_mm);
    assert_eq!(
        lab.mm(child).find_vma(page).map(|vma| vma.contains(page)),
        Some(false)
    );
    assert_eq!(lab.kernel().names.get(lab.kernel().comm(child)), "sh");
    assert_eq!(lab.call(child, Syscall::Getpid), pid);
    assert_eq!(lab.sched(child).static_prio, 125);
}

#[test]
fn handlers_become_default_and_ignored_signals_stay_ignored() {
    let (mut lab, sh) = Lab::with_shell();
    let handler = SigAction::Handler(VirtAddr(0x0804_8000));
    for (signal, before, after) in [
        (10, handler, SigAction::Default),
        (12, SigAction::Ignore, SigAction::Ignore),
        (15, SigAction::Default, SigAction::Default),
    ] {
        assert_eq!(lab.call(sh, Syscall::sigaction(signal, Some(before))), 0);
        assert_eq!(exec(&mut lab, sh, "sh"), 0);
        let signal = Signal::new(signal).unwrap();
        assert_eq!(lab.sighand(sh).action(signal), after);
    }
}

#[test]
fn descriptors_marked_for_it_are_closed() {
    let (mut lab, sh) = Lab::with_shell();
    let (kept, closed) = (open(&mut lab, sh), open(&mut lab, sh));
    assert_eq!(lab.call(sh, Syscall::Fcntl(closed, F_SETFD, FD_CLOEXEC)), 0);
    assert_eq!(lab.call(sh, Syscall::Fcntl(closed, F_GETFD, 0)), 1);
    assert_eq!(lab.call(sh, Syscall::Fcntl(kept, F_GETFD, 0)), 0);
    // A duplicate is not marked, a copied table has the marks.
    let copy = lab.call(sh, Syscall::Dup(closed)) as u32;
    let child = lab.fork(sh);
    assert_eq!(exec(&mut lab, child, "sh"), 0);
    assert_eq!(
        open_fds(&lab, child),
        [0, 1, 2, kept as usize, copy as usize]
    );
    assert_eq!(open_fds(&lab, sh), [0, 1, 2, 3, 4, 5]);
    assert_eq!(open(&mut lab, child), closed);
}

/// A failed exec closes nothing and replaces nothing.
#[test]
fn a_failed_exec_leaves_everything_as_it_is() {
    for (path, errno) in [
        ("", Errno::ENOENT),
        ("nobody", Errno::ENOENT),
        ("/bin/sh/nobody", Errno::ENOTDIR),
        ("f", Errno::EACCES),
        ("null", Errno::EACCES),
        ("console", Errno::EACCES),
        ("/tmp", Errno::EACCES),
        ("/nowhere/sh", Errno::ENOENT),
        ("/bin/sh/", Errno::ENOTDIR),
        (&"x".repeat(4096), Errno::ENAMETOOLONG),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let fd = open(&mut lab, sh);
        assert_eq!(lab.call(sh, Syscall::Fcntl(fd, F_SETFD, FD_CLOEXEC)), 0);
        let page = lab.map(sh, 1);
        lab.write(sh, page, 42);
        let before = lab.footprint();
        assert_eq!(exec(&mut lab, sh, path), -errno.code(), "{path}");
        assert_eq!(lab.footprint(), before, "{path}");
        assert_eq!(lab.read(sh, page), 42);
        assert_eq!(lab.task(sh).self_exec_id, 1, "{path}");
    }
}

/// Shared tables of files and of actions are left behind; the directory context and the undo list
/// are not.
#[test]
fn exec_ends_some_sharing_and_keeps_other() {
    let (mut lab, sh) = Lab::with_shell();
    let sharer = lab
        .clone(sh, ALL_SHARED | F::CLONE_SYSVSEM | F::FORK)
        .unwrap();
    let fd = open(&mut lab, sharer);
    assert_eq!(lab.call(sharer, Syscall::Fcntl(fd, F_SETFD, FD_CLOEXEC)), 0);
    assert_eq!(exec(&mut lab, sharer, "sh"), 0);
    let (mine, its) = (lab.task(sh), lab.task(sharer));
    assert!(
        mine.files() != its.files() && mine.sighand() != its.sighand() && mine.mm() != its.mm()
    );
    assert!(mine.fs() == its.fs() && mine.sem_undo() == its.sem_undo());
    let alone = [
        lab.files(sh).count(),
        lab.sighand(sh).count(),
        lab.mm(sh).mm_users(),
    ];
    assert_eq!((alone, lab.fs(sh).count()), ([1, 1, 1], 2));
    assert_eq!(open_fds(&lab, sh), [0, 1, 2, 3]);
    assert_eq!(open_fds(&lab, sharer), [0, 1, 2]);
}

/// The lowest free descriptor, the limit, and what F_DUPFD leaves free.
#[test]
fn descriptors_are_taken_from_below() {
    let (mut lab, sh) = Lab::with_shell();
    assert_eq!((open(&mut lab, sh), open(&mut lab, sh)), (3, 4));
    assert_eq!(lab.call(sh, Syscall::Close(3)), 0);
    assert_eq!(lab.call(sh, Syscall::Fcntl(0, F_DUPFD, 10)), 10);
    assert_eq!(open(&mut lab, sh), 3);
    assert_eq!(open(&mut lab, sh), 5);
    *lab.rlimit_mut(sh, Resource::Nofile) = 6;
    for (call, errno) in [
        (Syscall::Dup(0), Errno::EMFILE),
        (Syscall::Open("new".to_owned(), 0o100, 0o666), Errno::EMFILE),
        (Syscall::Open("nobody".to_owned(), 0, 0o666), Errno::EMFILE),
        (Syscall::Open(String::new(), 0, 0o666), Errno::ENOENT),
        (Syscall::Fcntl(0, F_DUPFD, 6), Errno::EINVAL),
        (Syscall::Fcntl(0, 99, 0), Errno::EINVAL),
        (Syscall::Fcntl(20, F_GETFD, 0), Errno::EBADF),
        (Syscall::Close(20), Errno::EBADF),
    ] {
        assert_eq!(lab.call(sh, call.clone()), -errno.code(), "{call:?}");
    }
    assert!(lab.kernel().lookup("/new").is_err());
    *lab.rlimit_mut(sh, Resource::Nofile) = 1024;
    let missing = lab.call(sh, Syscall::Open("nobody".to_owned(), 0, 0o666));
    assert_eq!(missing, -Errno::ENOENT.code());
    assert_eq!(
        open(&mut lab, sh),
        6,
        "a failed open gives its descriptor back"
    );
}
