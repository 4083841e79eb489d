//! Resource limits: who may set which, and what they do.

use crate::lab::{Lab, THREAD, USER, Waited};
use forklab::abi::{
    Errno, PfFlags, RLIM_INFINITY, Resource, Rlimit, SigAction, Signal, TaskId, VirtAddr,
};
use forklab::kernel::syscall::Syscall;
use forklab::kernel::task::NR_OPEN;
use forklab::machine::{Action, Command};
use forklab::trace::TraceEvent;

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

fn set(lab: &mut Lab, task: TaskId, resource: Resource, cur: u32, max: u32) -> i32 {
    let limit = Rlimit { cur, max };
    lab.call(task, Syscall::Setrlimit(resource as u32, limit))
}

#[test]
fn a_hard_limit_is_lowered_by_all_and_raised_by_root() {
    let mut lab = Lab::boot();
    let (user, root) = (lab.spawn_as("user", USER), lab.spawn_as("root", 0));
    for (task, resource, cur, max, result) in [
        (user, Resource::Nofile, 1024, 1025, err(Errno::EPERM)),
        (user, Resource::Nofile, 600, 500, err(Errno::EINVAL)),
        (user, Resource::Nofile, 100, 500, 0),
        (user, Resource::Nofile, 500, 500, 0),
        (user, Resource::Nofile, 500, 1024, err(Errno::EPERM)),
        (user, Resource::Stack, RLIM_INFINITY, RLIM_INFINITY, 0),
        (root, Resource::Nofile, 1024, NR_OPEN + 1, err(Errno::EPERM)),
        (root, Resource::Nofile, 1024, NR_OPEN, 0),
    ] {
        let found = set(&mut lab, task, resource, cur, max);
        assert_eq!(found, result, "{resource:?} {cur} {max}");
    }
    let unknown = Syscall::Setrlimit(13, Rlimit::both(1));
    assert_eq!(lab.call(root, unknown), err(Errno::EINVAL));
    let limit = |task, resource: Resource| lab.kernel().rlimits(task)[resource];
    assert_eq!(limit(user, Resource::Nofile), Rlimit::both(500));
    assert_eq!(limit(root, Resource::Nofile).max, NR_OPEN);
    assert!(lab.task(root).flags().contains(PfFlags::SUPERPRIV));
}

/// `sys_setrlimit()`: the soft limit is looked at before anybody is asked for a privilege.
#[test]
fn a_privilege_is_noted_only_if_it_is_needed() {
    let mut lab = Lab::boot();
    let root = lab.spawn_as("root", 0);
    let marked = |lab: &Lab| lab.task(root).flags().contains(PfFlags::SUPERPRIV);
    assert!(!marked(&lab));
    for (cur, max, result, noted) in [
        (3000, 2000, err(Errno::EINVAL), false),
        (100, 1024, 0, false),
        (100, 2000, 0, true),
    ] {
        let found = set(&mut lab, root, Resource::Nofile, cur, max);
        assert_eq!((found, marked(&lab)), (result, noted), "{cur} {max}");
    }
}

#[test]
fn getrlimit_tells_both_limits_and_the_old_one_no_more_than_a_signed_word() {
    let (mut lab, sh) = Lab::with_shell();
    let addr = lab.map(sh, 1);
    let new = Syscall::Ugetrlimit(Resource::Stack as u32, addr);
    let old = Syscall::Getrlimit(Resource::Stack as u32, addr);
    for (call, hard) in [(new, RLIM_INFINITY), (old, 0x7fff_ffff)] {
        assert_eq!(lab.call(sh, call), 0);
        let hard_at = VirtAddr(addr.0 + 4);
        assert_eq!((lab.read(sh, addr), lab.read(sh, hard_at)), (8 << 20, hard));
    }
    for (call, errno) in [
        (Syscall::Ugetrlimit(13, VirtAddr(0)), Errno::EINVAL),
        (Syscall::Getrlimit(3, VirtAddr(0)), Errno::EFAULT),
    ] {
        assert_eq!(lab.call(sh, call), err(errno));
    }
}

#[test]
fn limits_are_of_the_process_and_copied_by_fork() {
    let (mut lab, sh) = Lab::with_shell();
    let thread = lab.clone(sh, THREAD).unwrap();
    assert_eq!(set(&mut lab, thread, Resource::Nproc, 7, 9), 0);
    let kid = lab.fork(sh);
    assert_eq!(set(&mut lab, sh, Resource::Nproc, 5, 5), 0);
    let nproc = |task| lab.kernel().rlimits(task)[Resource::Nproc];
    assert_eq!(nproc(thread), Rlimit::both(5));
    assert_eq!(nproc(kid), Rlimit { cur: 7, max: 9 });
}

fn warnings(lab: &Lab) -> Vec<u64> {
    lab.events(0, |record| match record.event {
        TraceEvent::SignalGenerate { signal, .. } if signal == Signal::SIGXCPU => {
            Some(record.stamp.tick)
        }
        _ => None,
    })
}

/// SIGXCPU comes once a second, as the soft limit rises by one each time; at the hard one SIGKILL.
#[test]
fn cpu_time_is_warned_of_every_second_and_ends_at_the_hard_limit() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    let handler = SigAction::Handler(VirtAddr(0x1000));
    let xcpu = Signal::SIGXCPU.number();
    assert_eq!(lab.call(kid, Syscall::sigaction(xcpu, Some(handler))), 0);
    assert_eq!(set(&mut lab, kid, Resource::Cpu, 1, 3), 0);
    let slept = lab.wait(sh, pid, 0);
    lab.act(kid, Action::Compute(5000)).unwrap();
    lab.tick(2500);
    assert_eq!(lab.kernel().rlimits(kid)[Resource::Cpu], Rlimit::both(3));
    lab.tick(2500);
    assert_eq!(warnings(&lab), [1000, 2000]);
    let Waited::Sleeps(call) = slept else {
        panic!("{slept:?}")
    };
    assert_eq!(lab.returned(call), Some((pid, Some(9))));
}

#[test]
fn without_a_handler_the_soft_limit_of_cpu_time_kills_and_threads_share_it() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    let thread = lab.clone(kid, THREAD).unwrap();
    assert_eq!(set(&mut lab, kid, Resource::Cpu, 1, 3), 0);
    // Each waits for its turn.
    lab.machine.apply(Command::Patience(200)).unwrap();
    for task in [kid, thread] {
        lab.act(task, Action::Compute(5000)).unwrap();
    }
    lab.tick(999 - lab.kernel().tick());
    assert!(lab.exists(thread));
    lab.tick(2);
    assert!(!lab.exists(thread));
    let status = Signal::SIGXCPU.number();
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, status));
}

/// 2.6.12 takes an expiry time of 0 for none.
#[test]
fn a_limit_of_no_cpu_time_is_never_noticed() {
    let (mut lab, sh) = Lab::with_shell();
    assert_eq!(set(&mut lab, sh, Resource::Cpu, 0, 0), 0);
    lab.act(sh, Action::Compute(3000)).unwrap();
    lab.tick(3000);
    assert_eq!(lab.call(sh, Syscall::Getpid), lab.pid(sh));
}

#[test]
fn a_file_is_not_written_beyond_its_limit() {
    let (mut lab, sh) = Lab::with_shell();
    let fd = lab.call(sh, Syscall::Open("notes".to_owned(), 0o102, 0o666)) as u32;
    let ignore = Some(SigAction::Ignore);
    let xfsz = Signal::SIGXFSZ.number();
    assert_eq!(lab.call(sh, Syscall::sigaction(xfsz, ignore)), 0);
    assert_eq!(set(&mut lab, sh, Resource::Fsize, 6, 6), 0);
    assert_eq!(lab.write_fd(sh, fd, b"abcd"), Ok(4));
    assert_eq!(lab.write_fd(sh, fd, b"efgh"), Ok(2), "it is cut short");
    assert_eq!(lab.write_fd(sh, fd, b"g"), Ok(err(Errno::EFBIG)));
    assert_eq!(lab.call(sh, Syscall::Lseek(fd, 0, 0)), 0);
    assert_eq!(lab.read_fd(sh, fd, 10), Ok(Ok("abcdef".to_owned())));
    // A pipe is no file that grows.
    let (_, end) = lab.pipe(sh);
    assert_eq!(lab.write_fd(sh, end, b"abcdefgh"), Ok(8));
    // The signal ends who does not ignore it.
    let default = Some(SigAction::Default);
    assert_eq!(lab.call(sh, Syscall::sigaction(xfsz, default)), 0);
    assert_eq!(lab.write_fd(sh, fd, b"x"), Ok(err(Errno::EFBIG)));
    assert!(!lab.exists(sh));
}
