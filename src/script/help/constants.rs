//! What the constants of scripts mean.

use crate::abi::{DefaultAction, Signal};
use crate::script::api;

/// The constants but for signals, and what each stands for.
const MEANINGS: &[(&str, &str)] = &[
    (
        "SCHED_OTHER",
        "a policy: time sharing by nice value and sleep average",
    ),
    ("SCHED_FIFO", "a policy: real time, without a time slice"),
    ("SCHED_RR", "a policy: real time, in turns of a time slice"),
    ("PRIO_PROCESS", "setpriority and getpriority: one task"),
    ("PRIO_PGRP", "setpriority and getpriority: a process group"),
    (
        "PRIO_USER",
        "setpriority and getpriority: all tasks of a user",
    ),
    ("O_EXCL", "with O_CREAT: the file must not be there yet"),
    ("O_TRUNC", "a flag of open: the file begins empty"),
    ("O_APPEND", "a flag of open: every write goes to the end"),
    ("O_NONBLOCK", "a flag of open: EAGAIN instead of waiting"),
    (
        "PTRACE_O_TRACESYSGOOD",
        "an option of ptrace: stops of system calls say 0x80|SIGTRAP",
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
        "an option of ptrace: stop at the beginning of exit",
    ),
    ("F_DUPFD", "a command of fcntl: a copy from that number on"),
    ("F_GETFD", "a command of fcntl: the flags of the descriptor"),
    (
        "F_SETFD",
        "a command of fcntl: sets the flags of the descriptor",
    ),
    ("F_GETFL", "a command of fcntl: the flags of the open file"),
    (
        "F_SETFL",
        "a command of fcntl: sets the flags of the open file",
    ),
    ("FD_CLOEXEC", "the flag of a descriptor: closed by exec"),
    ("SEEK_SET", "lseek: from the beginning"),
    ("SEEK_CUR", "lseek: from where the offset is"),
    ("SEEK_END", "lseek: from the end"),
    ("SIG_BLOCK", "sigprocmask: these are blocked too"),
    ("SIG_UNBLOCK", "sigprocmask: these are blocked no longer"),
    (
        "SIG_SETMASK",
        "sigprocmask: these are blocked, and no others",
    ),
    ("SA_NOCLDSTOP", "a flag of sigaction: no SIGCHLD for stops"),
    (
        "SA_NOCLDWAIT",
        "a flag of sigaction: children leave no zombies",
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
        "a flag of sigaction: interrupted calls are made again",
    ),
    (
        "SA_NODEFER",
        "a flag of sigaction: the signal is not blocked in its handler",
    ),
    (
        "SA_RESETHAND",
        "a flag of sigaction: the handler is entered once",
    ),
    ("ITIMER_REAL", "a timer of setitimer: real time, SIGALRM"),
    (
        "ITIMER_VIRTUAL",
        "a timer of setitimer: user time, SIGVTALRM",
    ),
    (
        "ITIMER_PROF",
        "a timer of setitimer: user and system time, SIGPROF",
    ),
    ("P_ALL", "waitid: any child"),
    ("P_PID", "waitid: the child with that pid"),
    ("P_PGID", "waitid: children of that process group"),
    ("WEXITED", "an option of waitid: children that have ended"),
    (
        "WSTOPPED",
        "an option of waitid: children that have stopped",
    ),
    (
        "WNOWAIT",
        "an option of waitid: the child can be waited for again",
    ),
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
    ("CLD_CONTINUED", "a code of SIGCHLD: the child goes on"),
    ("RUSAGE_SELF", "getrusage: of the process"),
    (
        "RUSAGE_CHILDREN",
        "getrusage: of its children that were waited for",
    ),
    (
        "PR_SET_PDEATHSIG",
        "an option of prctl: the signal at the parent's death",
    ),
    (
        "IPC_PRIVATE",
        "a key of semget: a new set that no key finds",
    ),
    (
        "IPC_CREAT",
        "a flag of semget: the set is made if there is none",
    ),
    (
        "IPC_EXCL",
        "a flag of semget: with IPC_CREAT, there must be none",
    ),
    ("IPC_NOWAIT", "a flag of semop: EAGAIN instead of waiting"),
    ("IPC_RMID", "a command of semctl: removes the set"),
    ("SEM_UNDO", "a flag of semop: undone when the process ends"),
    (
        "GETPID",
        "a command of semctl: who changed the semaphore last",
    ),
    ("GETVAL", "a command of semctl: its value"),
    ("GETALL", "a command of semctl: the values of all"),
    (
        "GETNCNT",
        "a command of semctl: how many wait until it grows",
    ),
    (
        "GETZCNT",
        "a command of semctl: how many wait until it is 0",
    ),
    ("SETVAL", "a command of semctl: gives it a value"),
    ("SETALL", "a command of semctl: gives all a value"),
    ("RLIMIT_CPU", "a limit: seconds of CPU time"),
    ("RLIMIT_FSIZE", "a limit: bytes of a file that is written"),
    (
        "RLIMIT_RSS",
        "a limit: bytes in memory; nothing looks at it",
    ),
    (
        "RLIMIT_LOCKS",
        "a limit: locks on files, of which there are none",
    ),
    (
        "RLIMIT_MSGQUEUE",
        "a limit: bytes in message queues, of which there are none",
    ),
    ("RLIM_INFINITY", "the value of a limit that is not set"),
    ("RLIMIT_STACK", "a limit: bytes of the stack"),
    ("RLIMIT_NPROC", "a limit: tasks of the user"),
    ("RLIMIT_NOFILE", "a limit: open descriptors"),
    (
        "RLIMIT_MEMLOCK",
        "a limit: bytes that are locked into memory",
    ),
    ("RLIMIT_AS", "a limit: bytes of the address space"),
    ("RLIMIT_SIGPENDING", "a limit: queued signals of the user"),
    (
        "SA_RESTORER",
        "a flag of sigaction: the program has a return trampoline of its own",
    ),
    ("SI_USER", "a code of siginfo: kill sent it"),
    ("SI_KERNEL", "a code of siginfo: the kernel sent it"),
    ("SI_QUEUE", "a code of siginfo: rt_sigqueueinfo sent it"),
    ("SI_TKILL", "a code of siginfo: tkill sent it"),
    ("RLIMIT_DATA", "a limit: bytes of data and heap"),
    ("RLIMIT_CORE", "a limit: bytes of a core file"),
    ("KiB", "1024 bytes: 4*KiB is a page"),
    ("MiB", "1024 KiB"),
    ("PAGE_SIZE", "the bytes of a page"),
    ("PROT_NONE", "prot of mmap: no access"),
    ("PROT_READ", "prot of mmap: pages may be read"),
    ("PROT_WRITE", "prot of mmap: pages may be written"),
    (
        "PROT_EXEC",
        "prot of mmap: pages may be executed; on i386 the same as read",
    ),
    (
        "MAP_SHARED",
        "a flag of mmap: changes are seen by all who map it",
    ),
    (
        "MAP_PRIVATE",
        "a flag of mmap: changes stay private, by copy on write",
    ),
    (
        "MAP_FIXED",
        "a flag of mmap: at that address, replacing what is there",
    ),
    ("MAP_ANONYMOUS", "a flag of mmap: no file, zeroed memory"),
    (
        "MAP_GROWSDOWN",
        "a flag of mmap: grows downward like a stack",
    ),
    ("MAP_DENYWRITE", "a flag of mmap: the kernel ignores it"),
    ("MAP_EXECUTABLE", "a flag of mmap: the kernel ignores it"),
    ("MAP_LOCKED", "a flag of mmap: locked into memory"),
    (
        "MAP_NORESERVE",
        "a flag of mmap: not counted against what may be promised",
    ),
    (
        "MAP_POPULATE",
        "a flag of mmap: pages are faulted in at once",
    ),
    (
        "MAP_NONBLOCK",
        "a flag of mmap: with MAP_POPULATE, without waiting",
    ),
    (
        "WNOHANG",
        "an option of wait: returns at once if no child has ended",
    ),
    (
        "WUNTRACED",
        "an option of wait: also children that have stopped",
    ),
    (
        "WCONTINUED",
        "an option of wait: also children that go on again",
    ),
    (
        "__WNOTHREAD",
        "an option of wait: own children only, not those of other threads",
    ),
    ("__WALL", "an option of wait: children with any exit signal"),
    (
        "__WCLONE",
        "an option of wait: only children whose exit signal is not SIGCHLD",
    ),
    ("O_RDONLY", "a flag of open: for reading"),
    ("O_WRONLY", "a flag of open: for writing"),
    ("O_RDWR", "a flag of open: for reading and writing"),
    ("O_CREAT", "a flag of open: makes the file if there is none"),
    ("SIG_DFL", "an action of sigaction: the default"),
    ("SIG_IGN", "an action of sigaction: the signal is ignored"),
    ("CLONE_VM", "the child shares the address space"),
    (
        "CLONE_FS",
        "the child shares root, working directory and umask",
    ),
    ("CLONE_FILES", "the child shares the table of open files"),
    (
        "CLONE_SIGHAND",
        "the child shares the table of signal actions",
    ),
    ("CLONE_PTRACE", "a traced parent's child is traced too"),
    (
        "CLONE_VFORK",
        "the parent waits until the child gives the address space up",
    ),
    (
        "CLONE_PARENT",
        "the child becomes a sibling: same parent as the caller",
    ),
    ("CLONE_THREAD", "the child is a thread: same thread group"),
    ("CLONE_NEWNS", "the child gets a mount namespace of its own"),
    (
        "CLONE_SYSVSEM",
        "the child shares the list of semaphore adjustments",
    ),
    ("CLONE_SETTLS", "the child gets a TLS descriptor"),
    (
        "CLONE_PARENT_SETTID",
        "the tid is stored in the parent's memory",
    ),
    (
        "CLONE_CHILD_CLEARTID",
        "at its end the child's tid word is cleared and its futex woken",
    ),
    ("CLONE_DETACHED", "ignored since 2.6, never an error"),
    (
        "CLONE_UNTRACED",
        "a tracer's options do not make it trace this child",
    ),
    (
        "CLONE_CHILD_SETTID",
        "the tid is stored in the child's memory, at its first run",
    ),
    ("CLONE_STOPPED", "the child begins stopped"),
];

/// What there is to say of a constant, if it is one.
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
        DefaultAction::Terminate => "ends the process",
        DefaultAction::Core => "ends the process, with a core dump",
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
