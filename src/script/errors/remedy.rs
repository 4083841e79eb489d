//! What there is to say when a system call fails: which rule of the kernel it broke, and what would
//! help.

use super::sched_remedy::sched_advice;
use crate::abi::{Errno, Pid};
use crate::kernel::exit::NoChild;
use crate::kernel::mm::MapRefusal;
use crate::kernel::task::PgrpRefusal;
use crate::trace::CloneRefusal;

/// The rule, with its place in the source, and the remedy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) struct Advice {
    pub(in crate::script) rule: &'static str,
    pub(in crate::script) remedy: &'static str,
}

/// Advice on the error of a system call, by its kernel name; `None` if the error says it all.
pub(in crate::script) fn advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("execve", Errno::ENOENT) => (
            "open_exec() finds no such file (fs/exec.c)",
            "the programs are sh and true",
        ),
        ("execve", Errno::EACCES) => (
            "open_exec() wants a regular file that may be executed (fs/exec.c)",
            "that file is no program: sh and true are",
        ),
        ("open", Errno::ENOENT) => (
            "open_namei() finds no such file, and O_CREAT is not set (fs/namei.c)",
            "open(path, O_CREAT | O_RDWR) makes the file",
        ),
        ("ptrace", Errno::ESRCH) => (
            "ptrace_check_attach() wants a task that the caller traces and that has stopped \
             (kernel/ptrace.c)",
            "ptrace_attach(task) first, and wait(task) until it has stopped",
        ),
        ("ptrace", Errno::EPERM) => (
            "ptrace_attach() wants a task of the same user that nobody traces (kernel/ptrace.c)",
            "root may trace tasks of others: spawn(\"sh\", #{uid: 0})",
        ),
        ("ptrace", Errno::EIO) => (
            "sys_ptrace() finds no memory there, or no such signal (arch/i386/kernel/ptrace.c)",
            "maps(task) shows what is mapped; signals are 1 to 64",
        ),
        ("open", Errno::EEXIST) => (
            "open_namei() finds the file, and O_CREAT | O_EXCL want it to be new (fs/namei.c)",
            "leave O_EXCL out, or unlink(path) before",
        ),
        ("open" | "execve", Errno::ETXTBSY) => (
            "a program that runs is not written, one that is written not run (fs/namei.c)",
            "let its tasks end, or close the descriptor",
        ),
        ("read" | "write", Errno::EBADF) => (
            "vfs_read() and vfs_write() want a descriptor that is open for it (fs/read_write.c)",
            "fds(task) shows what is open, and how",
        ),
        ("read", Errno::EAGAIN) => (
            "pipe_readv() does not wait with O_NONBLOCK (fs/pipe.c)",
            "let somebody write first, or fcntl(fd, F_SETFL, 0)",
        ),
        ("write", Errno::EPIPE) => (
            "pipe_writev() finds no reader, sends SIGPIPE and refuses (fs/pipe.c)",
            "keep a descriptor for reading open in some task",
        ),
        ("write", Errno::EAGAIN) => (
            "pipe_writev() does not wait with O_NONBLOCK; a pipe holds 16 pages (fs/pipe.c)",
            "let somebody read first, or fcntl(fd, F_SETFL, 0)",
        ),
        ("lseek", Errno::ESPIPE) => (
            "pipes and terminals have no offset: no_llseek() (fs/read_write.c)",
            "lseek() is for regular files",
        ),
        ("chroot", Errno::EPERM) => (
            "sys_chroot() wants CAP_SYS_CHROOT (fs/open.c)",
            "only root may: spawn(\"sh\", #{uid: 0})",
        ),
        ("close" | "dup" | "dup2" | "fcntl" | "lseek", Errno::EBADF) => (
            "the descriptor table has no open file there (fs/open.c, fs/fcntl.c)",
            "task.files.fds lists its descriptors",
        ),
        _ => return sched_advice(call, errno).or_else(|| process_advice(call, errno)),
    };
    Some(Advice { rule, remedy })
}

/// Advice on calls about processes.
fn process_advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("wait4", Errno::ECHILD) => (
            "do_wait() finds no child that the arguments could mean (kernel/exit.c)",
            "it has no such child; one whose exit signal is not SIGCHLD needs __WCLONE or __WALL",
        ),
        ("wait4", Errno::EINVAL) => (
            "sys_wait4() refuses options that it does not know (kernel/exit.c)",
            "help(\"wait\") lists the options",
        ),
        ("nice", Errno::EPERM) => (
            "sys_nice(): only CAP_SYS_NICE may lower the nice value (kernel/sched.c)",
            "only root may lower it: spawn(\"sh\", #{uid: 0})",
        ),
        ("sigaction" | "rt_sigaction", Errno::EINVAL) => (
            "do_sigaction() refuses unknown signals, SIGKILL and SIGSTOP (kernel/signal.c)",
            "signals are 1 to 64, and SIGKILL and SIGSTOP keep their action",
        ),
        _ => return signal_advice(call, errno),
    };
    Some(Advice { rule, remedy })
}

/// Advice on calls about signals.
fn signal_advice(call: &str, errno: Errno) -> Option<Advice> {
    let sends = ["kill", "tkill", "tgkill", "rt_sigqueueinfo"].contains(&call);
    let (rule, remedy) = match (call, errno) {
        (_, Errno::EPERM) if sends => (
            "check_kill_permission(): the sender's user must be the receiver's, or may do anything \
             (kernel/signal.c)",
            "send it as the same user or as root: spawn(\"sh\", #{uid: 0})",
        ),
        (_, Errno::ESRCH) if sends => (
            "there is no such task, or the process group is empty (kernel/signal.c)",
            "ps() lists the tasks; tgkill wants the process that the thread is of",
        ),
        (_, Errno::EINVAL) if sends => (
            "check_kill_permission() knows signals 0 to 64, sys_tkill() numbers above 0 \
             (kernel/signal.c)",
            "signals have names: SIGTERM, SIGKILL, SIGRTMIN + 1",
        ),
        (_, Errno::EAGAIN) if sends => (
            "send_signal() cannot queue a real-time signal beyond RLIMIT_SIGPENDING \
             (kernel/signal.c)",
            "take some first, or setrlimit(RLIMIT_SIGPENDING, ..)",
        ),
        ("semget" | "semop" | "semctl", _) => return semaphore_advice(call, errno),
        ("sigprocmask" | "rt_sigprocmask", Errno::EINVAL) => (
            "sigprocmask() knows three ways to change the mask (kernel/signal.c)",
            "SIG_BLOCK adds, SIG_UNBLOCK removes, SIG_SETMASK replaces",
        ),
        ("sigaltstack", Errno::ENOMEM) => (
            "do_sigaltstack() wants at least MINSIGSTKSZ, 2048 bytes (kernel/signal.c)",
            "give it 8*KiB",
        ),
        ("setitimer" | "getitimer", Errno::EINVAL) => (
            "do_setitimer() knows three timers (kernel/itimer.c)",
            "ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF",
        ),
        ("rt_sigtimedwait", Errno::EAGAIN) => (
            "sys_rt_sigtimedwait(): no such signal came in time (kernel/signal.c)",
            "sigwait([..]) waits without a limit",
        ),
        ("waitid", Errno::EINVAL) => (
            "sys_waitid() wants to know what to wait for, and whom (kernel/exit.c)",
            "one of WEXITED, WSTOPPED, WCONTINUED; P_ALL, P_PID or P_PGID; an id above 0",
        ),
        ("setuid" | "setreuid" | "setresuid", Errno::EPERM) => (
            "only CAP_SETUID may become anybody; others change among their own ids (kernel/sys.c)",
            "getresuid() lists the task's own ids",
        ),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}

/// Advice on calls about semaphores.
fn semaphore_advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("semget", Errno::ENOENT) => (
            "sys_semget() finds no set with that key (ipc/sem.c)",
            "semget(key, n, IPC_CREAT | 0o600) makes one",
        ),
        ("semget", Errno::EEXIST) => (
            "IPC_CREAT | IPC_EXCL insists on a new set (ipc/sem.c)",
            "leave IPC_EXCL out, or take IPC_PRIVATE for a key",
        ),
        ("semget", Errno::EINVAL) => (
            "a new set has 1 to 250 semaphores, and an old one at least as many as asked for \
             (ipc/sem.c)",
            "0 semaphores are asked for if the set is there already",
        ),
        ("semop", Errno::EAGAIN) => (
            "the operations cannot all be done now, and IPC_NOWAIT forbids waiting (ipc/sem.c)",
            "without IPC_NOWAIT the caller sleeps until they can",
        ),
        ("semop", Errno::EFBIG) => (
            "sys_semtimedop() finds no semaphore of that number in the set (ipc/sem.c)",
            "semaphores are numbered from 0",
        ),
        (_, Errno::ERANGE) => (
            "values are 0 to 32767, and so are what is to be undone (ipc/sem.c)",
            "give it a smaller value",
        ),
        (_, Errno::EACCES) => (
            "ipcperms(): the set's mode does not let this user do it (ipc/util.c)",
            "semget(key, n, IPC_CREAT | 0o666) makes a set for everybody",
        ),
        (_, Errno::EINVAL | Errno::EIDRM) => (
            "there is no such set, or not any more (ipc/sem.c)",
            "semget() tells the number of a set",
        ),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}

/// Advice on a process group or session that cannot be.
pub(in crate::script) const fn pgrp_advice(refusal: PgrpRefusal) -> Advice {
    use PgrpRefusal as R;
    let (rule, remedy) = match refusal {
        R::NegativeGroup => (
            "no process group has that number",
            "groups have numbers above 0",
        ),
        R::NoSuchTask => ("there is no such task", "ps() lists the tasks"),
        R::NotALeader => (
            "the task is a thread: process groups have processes for members",
            "only the first thread of a process can be meant; 0 means the calling thread",
        ),
        R::OtherSession => (
            "the child is in another session",
            "setsid() cannot be undone: choose another child",
        ),
        R::HasExeced => (
            "the child has called exec since it was forked",
            "move it before that, or let it move itself",
        ),
        R::NotAChild => (
            "the task is neither the caller nor a child of it",
            "let it move itself, or its parent move it",
        ),
        R::SessionLeader => (
            "the task leads its session",
            "a session leader stays in the group of its own number",
        ),
        R::NoSuchGroup => (
            "no member of that group is in the caller's session",
            "group 0 is a new one of the task's own number",
        ),
        R::GroupExists => (
            "a process group has the caller's number",
            "fork first: the child leads no group, and can call setsid",
        ),
    };
    Advice { rule, remedy }
}

/// Advice on memory that was not mapped or unmapped.
pub(in crate::script) const fn map_advice(refusal: MapRefusal) -> Advice {
    use MapRefusal as R;
    let (rule, remedy) = match refusal {
        R::NotAnonymous(_) => (
            "do_mmap2() takes a file without MAP_ANONYMOUS (arch/i386/kernel/sys_i386.c)",
            "scripts map anonymous memory only: add MAP_ANONYMOUS",
        ),
        R::Empty => (
            "do_mmap_pgoff() and do_munmap() refuse a length of 0 (mm/mmap.c)",
            "the length must not be 0: 4*KiB is one page",
        ),
        R::TooLong | R::FixedBeyondUserSpace | R::BeyondUserSpace => (
            "user space ends at TASK_SIZE, 0xc0000000 (include/asm-i386/processor.h)",
            "maps(task) shows what is mapped where",
        ),
        R::Unaligned | R::FixedUnaligned => (
            "what is mapped and unmapped are whole pages (mm/mmap.c)",
            "the address must be a multiple of 4096: addr - addr % 4096 begins its page",
        ),
        R::NoRoom => (
            "get_unmapped_area() finds no gap of that length (mm/mmap.c)",
            "map less; maps(task) shows what is mapped where",
        ),
        R::NeitherPrivateNorShared => (
            "do_mmap_pgoff() wants one of MAP_PRIVATE and MAP_SHARED (mm/mmap.c)",
            "add MAP_PRIVATE for memory of its own, MAP_SHARED for memory in common with children",
        ),
        R::TooMuchPromised(_) => (
            "__vm_enough_memory() promises no more than could be had (mm/mmap.c)",
            "map less, let tasks end, or boot(#{mem: ..}) with more",
        ),
        R::NoMemory => (
            "an area needs a vm_area_struct: kmem_cache_alloc() (mm/mmap.c)",
            "inject(\"fail_slab\", -1) lets go of the lever; only that makes it fail",
        ),
        R::MayNotLock | R::LocksTooMuch => (
            "do_mmap_pgoff() checks RLIMIT_MEMLOCK for MAP_LOCKED (mm/mmap.c)",
            "leave MAP_LOCKED out, or be root: spawn(\"sh\", #{uid: 0})",
        ),
        R::NoMm | R::OffsetTooLarge | R::TooManyAreas | R::AddressSpaceLimit => (
            "do_mmap_pgoff() checks the limits of the address space (mm/mmap.c)",
            "maps(task) shows what is mapped where",
        ),
    };
    Advice { rule, remedy }
}

/// Why a task's wait finds no child, and what would help.
pub(in crate::script) fn no_child(
    task: Pid,
    why: NoChild,
    ignores_sigchld: bool,
) -> (String, String) {
    match why {
        NoChild::Childless | NoChild::NoSuchTask(_) if ignores_sigchld => (
            format!("{task} ignores SIGCHLD: its children are gone as soon as they end"),
            "sigaction(SIGCHLD, SIG_DFL) lets them stay until they are waited for".to_owned(),
        ),
        NoChild::Childless => (
            format!("{task} has no children"),
            "fork() makes a child, and each can be reaped once".to_owned(),
        ),
        NoChild::NoSuchTask(pid) => (
            format!("there is no task {pid}"),
            "a child can be reaped once; ps() lists the tasks".to_owned(),
        ),
        NoChild::OfAnother {
            task: other,
            parent: parent @ Pid(0 | 1),
        } => (
            format!("{other} is a child of {parent}, not of {task}"),
            "only its parent can wait for it; init reaps its children by itself".to_owned(),
        ),
        NoChild::OfAnother {
            task: other,
            parent,
        } => (
            format!("{other} is a child of {parent}, not of {task}"),
            format!("only its parent can wait for it: task({parent}).wait({other})"),
        ),
        NoChild::ExitSignal { child, signal: 17 } => (
            format!("{child}'s exit signal is SIGCHLD, which __WCLONE leaves out"),
            "wait without __WCLONE, or with __WALL".to_owned(),
        ),
        NoChild::ExitSignal { child, signal } => (
            format!("{child}'s exit signal is {signal}, not SIGCHLD"),
            "add __WCLONE or __WALL: sh.wait(-1, __WALL)".to_owned(),
        ),
        NoChild::Thread(child) => (
            format!("{child} is a thread, whose end is reported to nobody"),
            "only processes can be waited for: those made without CLONE_THREAD".to_owned(),
        ),
        NoChild::NotInGroup => (
            format!("no child of {task} is in that process group"),
            "wait(-1) means any child; pstree() shows who has which".to_owned(),
        ),
    }
}

/// What a fork-like call failed at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) enum ForkRefusal {
    /// There was no pid.
    NoPid,
    /// `copy_process` refused.
    CopyProcess(CloneRefusal),
}

impl ForkRefusal {
    /// Where in the kernel the rule stands, and what would help.
    pub(in crate::script) const fn advice(self) -> Advice {
        let Self::CopyProcess(refusal) = self else {
            return Advice {
                rule: "kernel/pid.c, alloc_pidmap",
                remedy: "let tasks end and reap them, or boot(#{pid_max: ..}) with more",
            };
        };
        let (rule, remedy) = match refusal {
            CloneRefusal::NewnsWithFs => (
                "kernel/fork.c, copy_process",
                "a mount namespace of its own needs a root directory of its own: leave CLONE_FS out",
            ),
            CloneRefusal::ThreadWithoutSighand | CloneRefusal::SighandWithoutVm => (
                "kernel/fork.c, copy_process",
                "CLONE_THREAD goes with CLONE_SIGHAND, that with CLONE_VM; path(|| ..) shows how \
                 far the call came",
            ),
            CloneRefusal::NoMemory => (
                "kernel/fork.c, dup_task_struct and dup_mmap; mm/mmap.c, __vm_enough_memory",
                "let tasks end, or boot(#{mem: ..}) with more",
            ),
            CloneRefusal::TooManyOfUser { .. } => (
                "kernel/fork.c, copy_process",
                "reap what has ended, boot(#{threads_max: ..}) with more, or be root: spawn(.., \
                 #{uid: 0})",
            ),
            CloneRefusal::TooManyThreads { .. } => (
                "kernel/fork.c, copy_process",
                "reap what has ended, or boot(#{threads_max: ..}) with more",
            ),
            CloneRefusal::ParentTidFault => (
                "kernel/fork.c, copy_process: put_user",
                "CLONE_PARENT_SETTID stores at parent_tid: clone(#{flags: .., parent_tid: a})",
            ),
            CloneRefusal::NewnsUnprivileged => (
                "fs/namespace.c, copy_namespace",
                "spawn(\"sh\", #{uid: 0}) is root",
            ),
            CloneRefusal::TlsFault => (
                "arch/i386/kernel/process.c, copy_thread",
                "CLONE_SETTLS reads a user_desc at tls: clone(#{flags: .., tls: #{entry: 6, base: \
                 a}}) puts one there",
            ),
            CloneRefusal::NoTlsEntry => (
                "arch/i386/kernel/process.c, copy_thread",
                "TLS entries are 6, 7 and 8",
            ),
            CloneRefusal::EmptyTls => (
                "arch/i386/kernel/process.c, copy_thread",
                "base 0, limit 0 and flags 0x28 clear an entry, which a clone cannot ask for",
            ),
            CloneRefusal::Killed => ("kernel/fork.c, copy_process", "it ends anyway"),
            CloneRefusal::GroupExit => (
                "kernel/fork.c, copy_process",
                "a process that ends makes no threads",
            ),
        };
        Advice { rule, remedy }
    }
}
