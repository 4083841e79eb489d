//! Priorities and policies: what the calls allow, in which order they complain, and what they say.

use crate::lab::{Lab, THREAD, USER};
use forklab::abi::{Errno, Policy, TaskId, VirtAddr};
use forklab::kernel::Kernel;
use forklab::kernel::sched::sched_priority_range;
use forklab::kernel::syscall::{AnswerTo, Syscall};

const PROCESS: i32 = 0;
const GROUP: i32 = 1;
const OF_USER: i32 = 2;

fn nice(lab: &Lab, task: TaskId) -> i32 {
    lab.kernel().nice(task)
}

fn set(lab: &mut Lab, me: TaskId, which: i32, who: i32, nice: i32) -> Result<(), Errno> {
    let set = lab.machine.kernel.sys_setpriority(me, which, who, nice);
    set.map(|zero| assert_eq!(zero, 0))
}

#[test]
fn setpriority_lets_a_user_be_nicer_and_only_root_less_nice() {
    let mut lab = Lab::boot();
    let [me, other, root] = [USER, USER + 1, 0].map(|uid| lab.spawn_as("sh", uid));
    let pid = lab.pid(other);
    for (caller, which, who, value, result) in [
        (me, PROCESS, 0, 5, Ok(())),
        (me, PROCESS, 0, 4, Err(Errno::EACCES)),
        (me, PROCESS, 0, 99, Ok(())),
        (me, PROCESS, pid, 19, Err(Errno::EPERM)),
        (me, PROCESS, 4711, 19, Err(Errno::ESRCH)),
        (me, 3, 0, 19, Err(Errno::EINVAL)),
        (me, -1, 0, 19, Err(Errno::EINVAL)),
        (root, PROCESS, pid, -99, Ok(())),
    ] {
        let found = set(&mut lab, caller, which, who, value);
        assert_eq!(found, result, "{which} {who} {value}");
    }
    assert_eq!((nice(&lab, me), nice(&lab, other)), (19, -20));
    let get = |which, who| lab.kernel().sys_getpriority(me, which, who);
    assert_eq!(get(PROCESS, 0), Ok(1));
    assert_eq!(get(PROCESS, pid), Ok(40));
    assert_eq!(get(PROCESS, 4711), Err(Errno::ESRCH));
    assert_eq!(get(OF_USER, 4711), Err(Errno::ESRCH));
    assert_eq!(get(7, 0), Err(Errno::EINVAL));
}

/// A group means its leaders, a user all threads. A later error stays, and so does an earlier.
#[test]
fn a_set_of_tasks_gets_its_value_one_by_one() {
    let mut lab = Lab::boot();
    let me = lab.spawn("sh");
    let thread = lab.clone(me, THREAD).unwrap();
    let child = lab.fork(me);
    // Init is of the same group.
    assert_eq!(set(&mut lab, me, GROUP, 0, 3), Err(Errno::EPERM));
    assert_eq!([me, child, thread].map(|task| nice(&lab, task)), [3, 3, 0]);
    assert_eq!(set(&mut lab, me, OF_USER, 0, 5), Ok(()));
    assert_eq!([me, child, thread].map(|task| nice(&lab, task)), [5, 5, 5]);
    let pid = lab.pid(child);
    assert_eq!(set(&mut lab, me, PROCESS, pid, 9), Ok(()));
    // The child may not go down from 9, the others go up all the same.
    assert_eq!(set(&mut lab, me, OF_USER, 0, 7), Err(Errno::EACCES));
    assert_eq!([me, child, thread].map(|task| nice(&lab, task)), [7, 9, 7]);
    let best = lab.kernel().sys_getpriority(me, OF_USER, USER as i32);
    assert_eq!(best, Ok(13));
    assert_eq!(set(&mut lab, me, GROUP, 4711, 7), Err(Errno::ESRCH));
}

#[test]
fn setscheduler_checks_its_arguments_before_the_rights() {
    let mut lab = Lab::boot();
    let [me, other, root] = [USER, USER + 1, 0].map(|uid| lab.spawn_as("sh", uid));
    let pid = lab.pid(other);
    for (caller, pid, policy, priority, result) in [
        (root, -1, 0, 0, Err(Errno::EINVAL)),
        (root, 4711, 9, 0, Err(Errno::ESRCH)),
        (root, 0, 3, 0, Err(Errno::EINVAL)),
        (root, 0, 1, 100, Err(Errno::EINVAL)),
        (root, 0, 1, -1, Err(Errno::EINVAL)),
        (root, 0, 1, 0, Err(Errno::EINVAL)),
        (root, 0, 0, 1, Err(Errno::EINVAL)),
        (me, 0, 1, 200, Err(Errno::EINVAL)),
        (me, 0, 1, 1, Err(Errno::EPERM)),
        (me, pid, 0, 0, Err(Errno::EPERM)),
        (me, 0, 0, 0, Ok(0)),
        (root, pid, 2, 40, Ok(0)),
        (root, pid, -1, 41, Ok(0)),
    ] {
        let kernel = &mut lab.machine.kernel;
        let found = kernel.sys_sched_setscheduler(caller, pid, policy, priority);
        assert_eq!(found, result, "{pid} {policy} {priority}");
    }
    // The policy stays.
    for (priority, value) in [(41, 0), (0, -Errno::EINVAL.code())] {
        let set = Syscall::SchedSetparam(pid, priority);
        assert_eq!(lab.call(root, set), value);
    }
    let kernel = &mut lab.machine.kernel;
    let policy = |kernel: &Kernel, pid| kernel.sys_sched_getscheduler(me, pid);
    assert_eq!(policy(kernel, pid), Ok(Policy::RoundRobin as u32));
    assert_eq!(policy(kernel, 0), Ok(Policy::Normal as u32));
    assert_eq!(policy(kernel, 4711), Err(Errno::ESRCH));
    let param = |kernel: &mut Kernel, pid, to| kernel.sys_sched_getparam(me, pid, to);
    assert_eq!(param(kernel, pid, AnswerTo::Value), Ok(41));
    assert_eq!(param(kernel, -1, AnswerTo::Value), Err(Errno::EINVAL));
    let nowhere = AnswerTo::User(VirtAddr(0));
    assert_eq!(param(kernel, pid, nowhere), Err(Errno::EINVAL));
    assert_eq!(kernel.sched.get(other).prio, 58);
    let ranges = [0, 1, 2, 3, -1].map(sched_priority_range);
    let einval = Err(Errno::EINVAL);
    assert_eq!(
        ranges,
        [Ok((0, 0)), Ok((1, 99)), Ok((1, 99)), einval, einval]
    );
}

/// Scheduler example W20, as far as it is about time slices.
#[test]
fn the_round_robin_interval_is_a_full_slice() {
    let mut lab = Lab::boot();
    let root = lab.spawn_as("sh", 0);
    for (nice, ns) in [
        (-20, 799_878_400),
        (-10, 599_908_800),
        (-1, 419_936_160),
        (0, 99_984_800),
        (10, 49_992_400),
        (19, 4_999_240),
    ] {
        set(&mut lab, root, PROCESS, 0, nice).unwrap();
        let interval = Syscall::SchedRrGetInterval(0, AnswerTo::Value);
        assert_eq!(lab.call(root, interval), ns);
    }
    let kernel = &mut lab.machine.kernel;
    let interval =
        |kernel: &mut Kernel, pid| kernel.sys_sched_rr_get_interval(root, pid, AnswerTo::Value);
    for (policy, ns) in [(1, 0), (2, 4_999_240)] {
        kernel.sys_sched_setscheduler(root, 0, policy, 1).unwrap();
        assert_eq!(interval(kernel, 0), Ok(ns));
    }
    assert_eq!(interval(kernel, -1), Err(Errno::EINVAL));
    assert_eq!(interval(kernel, 4711), Err(Errno::ESRCH));
    assert_eq!(lab.call(root, Syscall::Getpid), 2);
}
