//! What a system call comes to reaches its caller as a value: the reason of a refusal whatever the
//! trace keeps.

use crate::lab::Lab;
use forklab::abi::{CloneFlags, Errno, Pid, TaskId, VirtAddr};
use forklab::abi::{Resource, Rlimit};
use forklab::kernel::syscall::ForkArgs;
use forklab::kernel::syscall::ForkRefusal;
use forklab::kernel::syscall::MapRefusal;
use forklab::kernel::syscall::MmapArgs;
use forklab::kernel::syscall::NoChild;
use forklab::kernel::syscall::WaitArgs;
use forklab::kernel::syscall::{LimitRefusal, PgrpRefusal, RlimitRefusal};
use forklab::kernel::syscall::{SysError, Syscall};
use forklab::machine::Acted;
use forklab::trace::CloneRefusal;

fn refusal(lab: &mut Lab, task: TaskId, call: Syscall) -> SysError {
    match lab.outcome(task, call) {
        Acted::Refused(error) => error,
        other => panic!("{other:?}"),
    }
}

fn clone(flags: CloneFlags) -> Syscall {
    Syscall::Clone(ForkArgs {
        parent_tid: VirtAddr(8),
        ..ForkArgs::with_flags(flags)
    })
}

#[test]
fn a_refused_call_says_which_rule_refused_it() {
    let (mut lab, sh) = Lab::with_shell();
    let old = lab.kernel().rlimits(sh)[Resource::Nofile];
    let new = Rlimit {
        cur: old.cur,
        max: old.max + 1,
    };
    let wait = WaitArgs {
        pid: -1,
        ..WaitArgs::default()
    };
    for (call, reason, errno) in [
        (
            clone(CloneFlags::CLONE_THREAD),
            SysError::Fork(ForkRefusal::CopyProcess(CloneRefusal::ThreadWithoutSighand)),
            Errno::EINVAL,
        ),
        (
            clone(CloneFlags::CLONE_PARENT_SETTID | CloneFlags::FORK),
            SysError::Fork(CloneRefusal::ParentTidFault(VirtAddr(8)).into()),
            Errno::EFAULT,
        ),
        (
            Syscall::Mmap2(MmapArgs {
                flags: 0x20,
                len: 1,
                ..MmapArgs::default()
            }),
            SysError::Map(MapRefusal::NeitherPrivateNorShared),
            Errno::EINVAL,
        ),
        (
            Syscall::Wait4(wait),
            SysError::NoChild(NoChild::Childless),
            Errno::ECHILD,
        ),
        (
            Syscall::Wait4(WaitArgs { pid: 99, ..wait }),
            SysError::NoChild(NoChild::NoSuchTask(Pid(99))),
            Errno::ECHILD,
        ),
        (
            Syscall::Setpgid(0, -1),
            SysError::Pgrp(PgrpRefusal::NegativeGroup),
            Errno::EINVAL,
        ),
        (
            Syscall::Setrlimit(Resource::Nofile as u32, new),
            SysError::Limit(LimitRefusal {
                rule: RlimitRefusal::HardRaised,
                old,
                new,
            }),
            Errno::EPERM,
        ),
        (
            Syscall::Close(9),
            SysError::Errno(Errno::EBADF),
            Errno::EBADF,
        ),
    ] {
        let found = refusal(&mut lab, sh, call.clone());
        assert_eq!((found, found.errno()), (reason, errno), "{call:?}");
    }
}

/// The trace may keep a single event: the reason is no part of it.
#[test]
fn no_reason_is_lost_with_the_trace() {
    let (mut lab, sh) = Lab::with_shell();
    lab.machine.kernel.log.set_capacity(1);
    let reason = ForkRefusal::CopyProcess(CloneRefusal::SighandWithoutVm);
    for nr in 0..600 {
        let found = refusal(&mut lab, sh, clone(CloneFlags::CLONE_SIGHAND));
        assert_eq!(found, SysError::Fork(reason), "call {nr}");
    }
}

/// A wait that sleeps and then finds its last child gone has its reason, too.
#[test]
fn a_call_that_ends_later_has_its_reason_then() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let wait = WaitArgs {
        pid: -1,
        ..WaitArgs::default()
    };
    let Acted::Blocks(call) = lab.outcome(sh, Syscall::Wait4(wait)) else {
        panic!("the child lives");
    };
    let ignored = forklab::abi::SigAction::Ignore;
    let actions = lab.machine.kernel.sighand_of_mut(sh);
    actions.set_action(forklab::abi::Signal::SIGCHLD, ignored);
    lab.exit(kid, 0);
    let call = lab.machine.call(call).unwrap();
    let childless = SysError::NoChild(NoChild::Childless);
    assert_eq!(call.result, Some(Err(childless)));
}
