//! The system calls that a program can make: names, numbers and C signatures of i386 Linux 2.6.12.

/// A system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SystemCall {
    /// Its name in C.
    pub name: &'static str,
    /// The number in eax at `int 0x80`.
    pub number: u16,
    /// The names of its parameters, in order, separated by commas.
    pub params: &'static str,
    /// How many of them must be given; those left out are 0.
    pub required: usize,
}

impl SystemCall {
    /// The number of its parameters.
    pub const fn arity(&self) -> usize {
        count(self.params)
    }
}

/// The number of names in a list.
const fn count(params: &str) -> usize {
    let bytes = params.as_bytes();
    if bytes.is_empty() {
        return 0;
    }
    let (mut commas, mut at) = (0, 0);
    while at < bytes.len() {
        commas += (bytes[at] == b',') as usize;
        at += 1;
    }
    commas + 1
}

/// The system call of that name.
pub fn system_call(name: &str) -> Option<&'static SystemCall> {
    CALLS.iter().find(|call| call.name == name)
}

/// All system calls that programs can make.
pub const fn system_calls() -> &'static [SystemCall] {
    CALLS
}

const fn call(name: &'static str, number: u16, params: &'static str) -> SystemCall {
    SystemCall {
        name,
        number,
        params,
        required: count(params),
    }
}

const fn at_least(required: usize, call: SystemCall) -> SystemCall {
    SystemCall { required, ..call }
}

/// In ascending order of number. `mmap` is the C function: the kernel's mmap2 counts the offset in
/// pages. `exit` ends all threads, as in the C library; `thread_exit` is the raw exit of one
/// thread.
const CALLS: &[SystemCall] = &[
    call("thread_exit", 1, "status"),
    call("fork", 2, ""),
    call("read", 3, "fd, buffer, count"),
    call("write", 4, "fd, buffer, count"),
    at_least(2, call("open", 5, "path, flags, mode")),
    call("close", 6, "fd"),
    call("waitpid", 7, "pid, status, options"),
    call("unlink", 10, "path"),
    call("execve", 11, "path, argv, envp"),
    call("chdir", 12, "path"),
    call("time", 13, "result"),
    call("lseek", 19, "fd, offset, whence"),
    call("getpid", 20, ""),
    call("setuid", 23, "uid"),
    call("getuid", 24, ""),
    call("ptrace", 26, "request, pid, addr, data"),
    call("alarm", 27, "seconds"),
    call("pause", 29, ""),
    call("nice", 34, "increment"),
    call("kill", 37, "pid, sig"),
    call("dup", 41, "fd"),
    call("pipe", 42, "fds"),
    call("times", 43, "buffer"),
    call("brk", 45, "addr"),
    call("setgid", 46, "gid"),
    call("getgid", 47, ""),
    call("signal", 48, "sig, handler"),
    call("geteuid", 49, ""),
    call("getegid", 50, ""),
    at_least(2, call("fcntl", 55, "fd, command, arg")),
    call("setpgid", 57, "pid, pgid"),
    call("umask", 60, "mask"),
    call("dup2", 63, "fd, new_fd"),
    call("getppid", 64, ""),
    call("getpgrp", 65, ""),
    call("setsid", 66, ""),
    call("sigaction", 67, "sig, action, old"),
    call("sigsuspend", 72, "unused, unused2, mask"),
    call("sigpending", 73, "set"),
    call("setrlimit", 75, "resource, limit"),
    call("old_getrlimit", 76, "resource, limit"),
    call("getrusage", 77, "who, usage"),
    call("gettimeofday", 78, "time, zone"),
    call("munmap", 91, "addr, len"),
    call("getpriority", 96, "which, who"),
    call("setpriority", 97, "which, who, nice"),
    call("setitimer", 104, "which, value, old"),
    call("getitimer", 105, "which, value"),
    call("wait4", 114, "pid, status, options, usage"),
    call("ipc", 117, "call, first, second, third, ptr, fifth"),
    call("sigreturn", 119, ""),
    at_least(
        2,
        call("sys_clone", 120, "flags, stack, parent_tid, tls, child_tid"),
    ),
    call("mprotect", 125, "addr, len, prot"),
    call("sigprocmask", 126, "how, set, old"),
    call("getpgid", 132, "pid"),
    call("getsid", 147, "pid"),
    call("mlock", 150, "addr, len"),
    call("munlock", 151, "addr, len"),
    call("sched_setparam", 154, "pid, param"),
    call("sched_getparam", 155, "pid, param"),
    call("sched_setscheduler", 156, "pid, policy, param"),
    call("sched_getscheduler", 157, "pid"),
    call("sched_yield", 158, ""),
    call("sched_get_priority_max", 159, "policy"),
    call("sched_get_priority_min", 160, "policy"),
    call("sched_rr_get_interval", 161, "pid, interval"),
    call("nanosleep", 162, "request, remaining"),
    call("mremap", 163, "addr, old_len, new_len, flags"),
    call("rt_sigreturn", 173, ""),
    call("rt_sigaction", 174, "sig, action, old, size"),
    call("rt_sigprocmask", 175, "how, set, old, size"),
    call("rt_sigpending", 176, "set, size"),
    call("rt_sigtimedwait", 177, "set, info, timeout, size"),
    call("rt_sigqueueinfo", 178, "pid, sig, info"),
    call("rt_sigsuspend", 179, "mask, size"),
    call("sigaltstack", 186, "stack, old"),
    call("vfork", 190, ""),
    call("getrlimit", 191, "resource, limit"),
    call("mmap", 192, "addr, len, prot, flags, fd, offset"),
    call("madvise", 219, "addr, len, advice"),
    call("gettid", 224, ""),
    call("tkill", 238, "tid, sig"),
    at_least(
        3,
        call("futex", 240, "addr, op, value, timeout, addr2, value3"),
    ),
    call("sched_setaffinity", 241, "pid, len, mask"),
    call("sched_getaffinity", 242, "pid, len, mask"),
    call("set_thread_area", 243, "descriptor"),
    call("get_thread_area", 244, "descriptor"),
    call("exit", 252, "status"),
    call("_exit", 252, "status"),
    call("exit_group", 252, "status"),
    call("set_tid_address", 258, "addr"),
    call("clock_gettime", 265, "clock, time"),
    call("tgkill", 270, "tgid, tid, sig"),
    call("waitid", 284, "which, id, info, options, usage"),
];

/// Constants of C headers that programs use and scripts do not need.
const CONSTANTS: &[(&str, i64)] = &[
    ("CLOCK_MONOTONIC", 1),
    ("CLOCK_REALTIME", 0),
    ("FUTEX_FD", 2),
    ("FUTEX_REQUEUE", 3),
    ("FUTEX_CMP_REQUEUE", 4),
    ("FUTEX_WAIT", 0),
    ("FUTEX_WAKE", 1),
    ("F_DUPFD", 0),
    ("F_GETFD", 1),
    ("F_SETFD", 2),
    ("FD_CLOEXEC", 1),
    ("ITIMER_REAL", 0),
    ("ITIMER_VIRTUAL", 1),
    ("ITIMER_PROF", 2),
    ("PRIO_PROCESS", 0),
    ("PRIO_PGRP", 1),
    ("PRIO_USER", 2),
    ("P_ALL", 0),
    ("P_PID", 1),
    ("P_PGID", 2),
    ("PTRACE_TRACEME", 0),
    ("PTRACE_PEEKTEXT", 1),
    ("PTRACE_PEEKDATA", 2),
    ("PTRACE_PEEKUSER", 3),
    ("PTRACE_POKETEXT", 4),
    ("PTRACE_POKEDATA", 5),
    ("PTRACE_POKEUSER", 6),
    ("PTRACE_CONT", 7),
    ("PTRACE_KILL", 8),
    ("PTRACE_SINGLESTEP", 9),
    ("PTRACE_ATTACH", 16),
    ("PTRACE_DETACH", 17),
    ("PTRACE_SYSCALL", 24),
    ("PTRACE_SETOPTIONS", 0x4200),
    ("PTRACE_GETEVENTMSG", 0x4201),
    ("RUSAGE_SELF", 0),
    ("RUSAGE_CHILDREN", -1),
    ("SA_NOCLDSTOP", 1),
    ("SA_NOCLDWAIT", 2),
    ("SA_SIGINFO", 4),
    ("SA_ONSTACK", 0x0800_0000),
    ("SA_RESTART", 0x1000_0000),
    ("SA_NODEFER", 0x4000_0000),
    ("SA_RESETHAND", 0x8000_0000),
    ("SCHED_NORMAL", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SEEK_SET", 0),
    ("SEEK_CUR", 1),
    ("SEEK_END", 2),
    ("SIG_BLOCK", 0),
    ("SIG_UNBLOCK", 1),
    ("SIG_SETMASK", 2),
    ("STDIN_FILENO", 0),
    ("STDOUT_FILENO", 1),
    ("STDERR_FILENO", 2),
];

/// The constant of that name.
pub(super) fn constant(name: &str) -> Option<i64> {
    let found = CONSTANTS.iter().find(|(constant, _)| *constant == name);
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_numbers_ascend() {
        for pair in CALLS.windows(2) {
            assert!(pair[0].number <= pair[1].number, "{}", pair[1].name);
        }
        for (at, call) in CALLS.iter().enumerate() {
            assert!(CALLS[..at].iter().all(|other| other.name != call.name));
            assert!(call.arity() <= 6);
        }
    }
}
