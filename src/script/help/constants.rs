//! The meanings of the constants that scripts can use.

use crate::abi::{DefaultAction, Signal};
use crate::script::api;

/// The constants other than signals, and what each stands for.
const MEANINGS: &[(&str, &str)] = &[
    (
        "SCHED_OTHER",
        "a scheduling policy: time sharing by nice value and sleep average",
    ),
    (
        "SCHED_FIFO",
        "a scheduling policy: real-time, without a time slice",
    ),
    (
        "SCHED_RR",
        "a scheduling policy: real-time, round robin with a time slice",
    ),
    ("PRIO_PROCESS", "setpriority and getpriority: one task"),
    ("PRIO_PGRP", "setpriority and getpriority: a process group"),
    (
        "PRIO_USER",
        "setpriority and getpriority: all tasks of a user",
    ),
    (
        "O_EXCL",
        "a flag of open: with O_CREAT, the file must not exist yet",
    ),
    (
        "O_TRUNC",
        "a flag of open: the file is truncated to length 0",
    ),
    (
        "O_APPEND",
        "a flag of open: every write goes to the end of the file",
    ),
    (
        "O_NONBLOCK",
        "a flag of open: fail with EAGAIN instead of waiting",
    ),
    (
        "PTRACE_O_TRACESYSGOOD",
        "an option of ptrace: system call stops report SIGTRAP | 0x80",
    ),
    (
        "PTRACE_O_TRACEFORK",
        "an option of ptrace: stop at fork, and trace the child",
    ),
    (
        "PTRACE_O_TRACEVFORK",
        "an option of ptrace: stop at vfork, and trace the child",
    ),
    (
        "PTRACE_O_TRACECLONE",
        "an option of ptrace: stop at clone, and trace the child",
    ),
    ("PTRACE_O_TRACEEXEC", "an option of ptrace: stop at exec"),
    (
        "PTRACE_O_TRACEVFORKDONE",
        "an option of ptrace: stop when vfork returns",
    ),
    (
        "PTRACE_O_TRACEEXIT",
        "an option of ptrace: stop at the start of exit",
    ),
    (
        "F_DUPFD",
        "a command of fcntl: duplicate the descriptor, from that number on",
    ),
    (
        "F_GETFD",
        "a command of fcntl: get the flags of the descriptor",
    ),
    (
        "F_SETFD",
        "a command of fcntl: set the flags of the descriptor",
    ),
    (
        "F_GETFL",
        "a command of fcntl: get the flags of the open file",
    ),
    (
        "F_SETFL",
        "a command of fcntl: set the flags of the open file",
    ),
    ("FD_CLOEXEC", "a flag of a descriptor: exec closes it"),
    ("SEEK_SET", "lseek: from the beginning of the file"),
    ("SEEK_CUR", "lseek: from the current offset"),
    ("SEEK_END", "lseek: from the end of the file"),
    ("SIG_BLOCK", "sigprocmask: block these signals too"),
    ("SIG_UNBLOCK", "sigprocmask: unblock these signals"),
    (
        "SIG_SETMASK",
        "sigprocmask: block these signals and no others",
    ),
    (
        "SA_NOCLDSTOP",
        "a flag of sigaction: no SIGCHLD when children stop",
    ),
    (
        "SA_NOCLDWAIT",
        "a flag of sigaction: children do not become zombies",
    ),
    (
        "SA_SIGINFO",
        "a flag of sigaction: the handler gets a siginfo",
    ),
    (
        "SA_ONSTACK",
        "a flag of sigaction: the handler runs on the alternate stack",
    ),
    (
        "SA_RESTART",
        "a flag of sigaction: interrupted system calls are restarted",
    ),
    (
        "SA_NODEFER",
        "a flag of sigaction: the signal is not blocked in its handler",
    ),
    (
        "SA_RESETHAND",
        "a flag of sigaction: the handler is reset to the default when it is entered",
    ),
    (
        "ITIMER_REAL",
        "a timer of setitimer: real time, sends SIGALRM",
    ),
    (
        "ITIMER_VIRTUAL",
        "a timer of setitimer: user time, sends SIGVTALRM",
    ),
    (
        "ITIMER_PROF",
        "a timer of setitimer: user and system time, sends SIGPROF",
    ),
    ("P_ALL", "waitid: any child"),
    ("P_PID", "waitid: the child with that pid"),
    ("P_PGID", "waitid: any child in that process group"),
    (
        "WEXITED",
        "an option of waitid: wait for children that have exited",
    ),
    (
        "WSTOPPED",
        "an option of waitid: wait for children that have stopped",
    ),
    ("WNOWAIT", "an option of waitid: leave the child waitable"),
    ("CLD_EXITED", "a code of SIGCHLD: the child has exited"),
    ("CLD_KILLED", "a code of SIGCHLD: a signal killed the child"),
    (
        "CLD_DUMPED",
        "a code of SIGCHLD: a signal killed the child, with a core dump",
    ),
    (
        "CLD_TRAPPED",
        "a code of SIGCHLD: the traced child has stopped",
    ),
    ("CLD_STOPPED", "a code of SIGCHLD: the child has stopped"),
    (
        "CLD_CONTINUED",
        "a code of SIGCHLD: the child has continued",
    ),
    ("RUSAGE_SELF", "getrusage: the process itself"),
    (
        "RUSAGE_CHILDREN",
        "getrusage: the children that it has waited for",
    ),
    (
        "PR_SET_PDEATHSIG",
        "an option of prctl: the signal to get when the parent dies",
    ),
    (
        "IPC_PRIVATE",
        "a key of semget: always a new set, which no key finds",
    ),
    (
        "IPC_CREAT",
        "a flag of semget: create the set if there is none",
    ),
    (
        "IPC_EXCL",
        "a flag of semget: with IPC_CREAT, the set must not exist yet",
    ),
    (
        "IPC_NOWAIT",
        "a flag of semop: fail with EAGAIN instead of waiting",
    ),
    ("IPC_RMID", "a command of semctl: remove the set"),
    (
        "SEM_UNDO",
        "a flag of semop: undo the operation when the process exits",
    ),
    (
        "GETPID",
        "a command of semctl: the pid of the last process to change the semaphore",
    ),
    ("GETVAL", "a command of semctl: get the value"),
    ("GETALL", "a command of semctl: get all values"),
    (
        "GETNCNT",
        "a command of semctl: how many tasks wait for the value to increase",
    ),
    (
        "GETZCNT",
        "a command of semctl: how many tasks wait for the value to be 0",
    ),
    ("SETVAL", "a command of semctl: set the value"),
    ("SETALL", "a command of semctl: set all values"),
    ("RLIMIT_CPU", "a limit: seconds of CPU time"),
    (
        "RLIMIT_FSIZE",
        "a limit: size of a file that is written, in bytes",
    ),
    (
        "RLIMIT_RSS",
        "a limit: resident memory in bytes; not enforced",
    ),
    (
        "RLIMIT_LOCKS",
        "a limit: file locks, which are not emulated",
    ),
    (
        "RLIMIT_MSGQUEUE",
        "a limit: bytes in message queues, which are not emulated",
    ),
    (
        "RLIM_INFINITY",
        "the value of a limit that does not limit anything",
    ),
    ("RLIMIT_STACK", "a limit: size of the stack in bytes"),
    ("RLIMIT_NPROC", "a limit: number of the user's tasks"),
    ("RLIMIT_NOFILE", "a limit: number of open descriptors"),
    ("RLIMIT_MEMLOCK", "a limit: memory locked in RAM, in bytes"),
    ("RLIMIT_AS", "a limit: size of the address space in bytes"),
    (
        "RLIMIT_SIGPENDING",
        "a limit: number of the user's queued signals",
    ),
    (
        "SA_RESTORER",
        "a flag of sigaction: the program supplies its own return trampoline",
    ),
    ("SI_USER", "a code of siginfo: sent by kill"),
    ("SI_KERNEL", "a code of siginfo: sent by the kernel"),
    ("SI_QUEUE", "a code of siginfo: sent by rt_sigqueueinfo"),
    ("SI_TKILL", "a code of siginfo: sent by tkill"),
    ("RLIMIT_DATA", "a limit: size of data and heap in bytes"),
    ("RLIMIT_CORE", "a limit: size of a core file in bytes"),
    ("KiB", "1024 bytes: 4*KiB is a page"),
    ("MiB", "1024 KiB"),
    ("PAGE_SIZE", "the size of a page in bytes"),
    ("PROT_NONE", "prot of mmap: no access"),
    ("PROT_READ", "prot of mmap: pages may be read"),
    ("PROT_WRITE", "prot of mmap: pages may be written"),
    (
        "PROT_EXEC",
        "prot of mmap: pages may be executed; the same as PROT_READ on i386",
    ),
    (
        "MAP_SHARED",
        "a flag of mmap: all processes that map the memory see changes",
    ),
    (
        "MAP_PRIVATE",
        "a flag of mmap: changes are private, by copy on write",
    ),
    (
        "MAP_FIXED",
        "a flag of mmap: exactly at that address, replacing what is mapped there",
    ),
    (
        "MAP_ANONYMOUS",
        "a flag of mmap: zero-filled memory, without a file",
    ),
    (
        "MAP_GROWSDOWN",
        "a flag of mmap: the area grows downward, like a stack",
    ),
    ("MAP_DENYWRITE", "a flag of mmap: the kernel ignores it"),
    ("MAP_EXECUTABLE", "a flag of mmap: the kernel ignores it"),
    ("MAP_LOCKED", "a flag of mmap: the memory is locked in RAM"),
    (
        "MAP_NORESERVE",
        "a flag of mmap: no memory is committed for the area",
    ),
    (
        "MAP_POPULATE",
        "a flag of mmap: pages are faulted in at once",
    ),
    (
        "MAP_NONBLOCK",
        "a flag of mmap: with MAP_POPULATE, do not wait for I/O",
    ),
    (
        "WNOHANG",
        "an option of wait: return at once if no child has exited",
    ),
    (
        "WUNTRACED",
        "an option of wait: also report children that have stopped",
    ),
    (
        "WCONTINUED",
        "an option of wait: also report children that have continued",
    ),
    (
        "__WNOTHREAD",
        "an option of wait: only the caller's own children, not those of other threads",
    ),
    ("__WALL", "an option of wait: children with any exit signal"),
    (
        "__WCLONE",
        "an option of wait: only children whose exit signal is not SIGCHLD",
    ),
    ("O_RDONLY", "a flag of open: for reading"),
    ("O_WRONLY", "a flag of open: for writing"),
    ("O_RDWR", "a flag of open: for reading and writing"),
    (
        "O_CREAT",
        "a flag of open: create the file if there is none",
    ),
    ("SIG_DFL", "an action of sigaction: the default action"),
    ("SIG_IGN", "an action of sigaction: ignore the signal"),
    ("CLONE_VM", "the child shares the address space"),
    (
        "CLONE_FS",
        "the child shares root directory, working directory and umask",
    ),
    ("CLONE_FILES", "the child shares the descriptor table"),
    (
        "CLONE_SIGHAND",
        "the child shares the table of signal actions",
    ),
    ("CLONE_PTRACE", "the child of a traced task is traced too"),
    (
        "CLONE_VFORK",
        "the parent waits until the child releases the address space",
    ),
    (
        "CLONE_PARENT",
        "the child becomes a sibling of the caller: it gets the same parent",
    ),
    (
        "CLONE_THREAD",
        "the child is a thread in the caller's thread group",
    ),
    ("CLONE_NEWNS", "the child gets a mount namespace of its own"),
    (
        "CLONE_SYSVSEM",
        "the child shares the list of semaphore undo values",
    ),
    ("CLONE_SETTLS", "the child gets a TLS descriptor"),
    (
        "CLONE_PARENT_SETTID",
        "the tid is stored at parent_tid, in the caller's memory",
    ),
    (
        "CLONE_CHILD_CLEARTID",
        "when the child exits, the tid at child_tid is cleared and its futex woken",
    ),
    ("CLONE_DETACHED", "ignored since 2.6, never an error"),
    (
        "CLONE_UNTRACED",
        "a tracer cannot force tracing of this child",
    ),
    (
        "CLONE_CHILD_SETTID",
        "the tid is stored at child_tid, in the child's memory, when it first runs",
    ),
    ("CLONE_STOPPED", "the child starts stopped"),
];

/// The help text for a constant, if the name is one.
pub(in crate::script) fn about(name: &str) -> Option<String> {
    let value = api::constants()
        .into_iter()
        .find(|(known, _)| known == name)?
        .1;
    let meaning = MEANINGS.iter().find(|(known, _)| *known == name);
    let signal = Signal::NAMED.iter().find(|(known, _)| *known == name);
    let mut text = match value {
        10.. => format!("{name} = {value} = {value:#x}"),
        _ => format!("{name} = {value}"),
    };
    if let Some((_, signal)) = signal {
        text.push_str(&format!("\n  a signal; by default it {}", default(*signal)));
    } else if let Some((_, meaning)) = meaning {
        let of = if name.starts_with("CLONE_") {
            "a flag of clone: "
        } else {
            ""
        };
        text.push_str(&format!("\n  {of}{meaning}"));
    }
    if name.starts_with("CLONE_") {
        text.push_str(&format!(
            "\n  explain_clone({name}) says what a clone with it would do"
        ));
    }
    Some(text)
}

const fn default(signal: Signal) -> &'static str {
    match signal.default_action() {
        DefaultAction::Ignore => "is ignored",
        DefaultAction::Terminate => "kills the process",
        DefaultAction::Core => "kills the process, with a core dump",
        DefaultAction::Stop => "stops the process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_is_explained() {
        for (name, _) in api::constants() {
            let text = about(&name).unwrap();
            assert!(text.lines().count() >= 2, "{text}");
        }
        assert_eq!(about("CLONE_WM"), None);
    }

    #[test]
    fn nothing_is_explained_that_is_none() {
        let constants = api::constants();
        for (name, _) in MEANINGS {
            assert!(constants.iter().any(|(known, _)| known == name), "{name}");
        }
    }
}
