//! Explains why a system call on priorities, policies or CPUs failed.

use super::remedy::Advice;
use crate::abi::Errno;

const ROOT: &str = "only root may: spawn(\"sh\", #{uid: 0})";

/// Advice on the error of such a call, by its kernel name.
pub(super) fn sched_advice(call: &str, errno: Errno) -> Option<Advice> {
    let sets = matches!(call, "sched_setscheduler" | "sched_setparam");
    let limits = matches!(call, "sched_get_priority_max" | "sched_get_priority_min");
    let (rule, remedy) = match (call, errno) {
        (_, Errno::EINVAL) if sets => (
            "setscheduler() accepts SCHED_NORMAL with priority 0, SCHED_FIFO and SCHED_RR with 1 to \
             99, and no negative pid (kernel/sched.c)",
            "SCHED_FIFO and SCHED_RR require a real-time priority, SCHED_NORMAL priority 0",
        ),
        (_, Errno::EPERM) if sets => (
            "sched_setscheduler() requires CAP_SYS_NICE for a real-time policy and for tasks of \
             other users (kernel/sched.c)",
            ROOT,
        ),
        (_, Errno::EINVAL) if limits => (
            "there are three policies (kernel/sched.c)",
            "use SCHED_NORMAL, SCHED_FIFO or SCHED_RR",
        ),
        ("setpriority", Errno::EACCES) => (
            "set_one_prio(): lowering the nice value requires CAP_SYS_NICE (kernel/sys.c)",
            ROOT,
        ),
        ("setpriority", Errno::EPERM) => (
            "set_one_prio(): the task belongs to another user, and the caller lacks CAP_SYS_NICE \
             (kernel/sys.c)",
            ROOT,
        ),
        ("setpriority" | "getpriority", Errno::EINVAL) => (
            "sys_setpriority() accepts tasks, process groups and users (kernel/sys.c)",
            "use PRIO_PROCESS, PRIO_PGRP or PRIO_USER; who 0 means the caller's own",
        ),
        ("sched_setaffinity", Errno::EINVAL) => (
            "set_cpus_allowed() requires at least one online CPU in the mask (kernel/sched.c)",
            "bit 0 is CPU 0; boot(#{cpus: 2}) has two",
        ),
        ("sched_setaffinity", Errno::EPERM) => (
            "sched_setaffinity(): the task belongs to another user, and the caller lacks \
             CAP_SYS_NICE (kernel/sched.c)",
            ROOT,
        ),
        ("sched_getaffinity", Errno::EINVAL) => (
            "sys_sched_getaffinity() requires room for a mask of 4 bytes (kernel/sched.c)",
            "pass a length of 4",
        ),
        ("sched_rr_get_interval" | "sched_getscheduler" | "sched_getparam", Errno::EINVAL) => (
            "a pid cannot be negative (kernel/sched.c)",
            "0 means the caller; ps() lists the tasks",
        ),
        _ if errno == Errno::ESRCH
            && (call.starts_with("sched_") || call.ends_with("priority")) =>
        {
            (
                "find_process_by_pid() finds no task with that pid (kernel/sched.c)",
                "ps() lists the tasks; 0 means the caller",
            )
        }
        _ => return None,
    };
    Some(Advice { rule, remedy })
}
