//! Explains why a system call failed: which rule of the kernel it broke, and how to fix it.

use super::area_remedy::segment_advice;
use super::message_remedy::message_advice;
use super::names_remedy::names_advice;
use super::sched_remedy::sched_advice;
use crate::abi::{Errno, Pid};
use crate::kernel::syscall::{ForkRefusal, MapRefusal, NoChild, PgrpRefusal};
use crate::trace::{CloneRefusal, NoMemory};

/// The rule, with its place in the source, and the remedy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) struct Advice {
    pub(in crate::script) rule: &'static str,
    pub(in crate::script) remedy: &'static str,
}

/// Advice on the error of a system call, by its kernel name; `None` if the error is clear by
/// itself.
pub(in crate::script) fn advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("execve", Errno::ENOENT) => (
            "open_exec() finds no such file (fs/exec.c)",
            "the programs are sh and true",
        ),
        ("execve", Errno::EACCES) => (
            "open_exec() requires a regular file with execute permission (fs/exec.c)",
            "the file is not a program; sh and true are",
        ),
        ("open", Errno::ENOENT) => (
            "open_namei() finds no such file, and O_CREAT is not set (fs/namei.c)",
            "open(path, O_CREAT | O_RDWR) creates the file",
        ),
        ("ptrace", Errno::ESRCH) => (
            "ptrace_check_attach() requires a stopped task that the caller traces \
             (kernel/ptrace.c)",
            "call ptrace_attach(task) first, and wait(task) until it has stopped",
        ),
        ("ptrace", Errno::EPERM) => (
            "ptrace_attach() requires a task of the same user that is not traced yet \
             (kernel/ptrace.c)",
            "root may trace tasks of other users: spawn(\"sh\", #{uid: 0})",
        ),
        ("ptrace", Errno::EIO) => (
            "sys_ptrace() finds no memory at that address, or no such signal \
             (arch/i386/kernel/ptrace.c)",
            "maps(task) shows what is mapped; signals are 1 to 64",
        ),
        ("open", Errno::EEXIST) => (
            "open_namei() finds the file, but O_CREAT | O_EXCL requires that it does not exist \
             (fs/namei.c)",
            "leave out O_EXCL, or unlink(path) first",
        ),
        ("open" | "execve", Errno::ETXTBSY) => (
            "a file cannot be open for writing while it is being executed, nor the other way round \
             (fs/namei.c)",
            "let its tasks exit, or close the descriptor",
        ),
        ("read" | "write", Errno::EBADF) => (
            "vfs_read() and vfs_write() require a descriptor that is open for the access \
             (fs/read_write.c)",
            "fds(task) shows what is open, and how",
        ),
        ("read", Errno::EAGAIN) => (
            "pipe_readv() does not wait if O_NONBLOCK is set (fs/pipe.c)",
            "let another task write first, or fcntl(fd, F_SETFL, 0)",
        ),
        ("write", Errno::EPIPE) => (
            "pipe_writev() finds no reader, so it sends SIGPIPE and fails (fs/pipe.c)",
            "keep a read descriptor open in some task",
        ),
        ("write", Errno::EAGAIN) => (
            "pipe_writev() does not wait if O_NONBLOCK is set; a pipe holds 16 pages (fs/pipe.c)",
            "let another task read first, or fcntl(fd, F_SETFL, 0)",
        ),
        ("lseek", Errno::ESPIPE) => (
            "pipes and terminals have no offset: no_llseek() (fs/read_write.c)",
            "lseek() works on regular files",
        ),
        ("close" | "dup" | "dup2" | "fcntl" | "lseek", Errno::EBADF) => (
            "the descriptor table has no open file at that number (fs/open.c, fs/fcntl.c)",
            "task.files.fds lists the open descriptors",
        ),
        _ => {
            let advice = names_advice(call, errno).or_else(|| sched_advice(call, errno));
            return advice.or_else(|| process_advice(call, errno));
        }
    };
    Some(Advice { rule, remedy })
}

/// Advice on calls about processes.
fn process_advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("wait4" | "waitid", Errno::ECHILD) => (
            "do_wait() finds no child that matches the arguments (kernel/exit.c)",
            "it has no such child; a child whose exit signal is not SIGCHLD requires __WCLONE or \
             __WALL",
        ),
        ("wait4", Errno::EINVAL) => (
            "sys_wait4() rejects unknown options (kernel/exit.c)",
            "help(\"wait\") lists the options",
        ),
        ("direct I/O", Errno::EFAULT) => (
            "get_user_pages() finds no page that the task may access in this way (mm/memory.c)",
            "maps(task) shows the rights of each area; a dio_read needs the right to write",
        ),
        ("nice", Errno::EPERM) => (
            "sys_nice(): lowering the nice value requires CAP_SYS_NICE (kernel/sched.c)",
            "only root may lower it: spawn(\"sh\", #{uid: 0})",
        ),
        ("sigaction" | "rt_sigaction", Errno::EINVAL) => (
            "do_sigaction() rejects unknown signals, SIGKILL and SIGSTOP (kernel/signal.c)",
            "signals are 1 to 64; the actions of SIGKILL and SIGSTOP cannot be changed",
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
            "check_kill_permission() requires that sender and receiver have the same user, or \
             CAP_KILL (kernel/signal.c)",
            "send it as the same user or as root: spawn(\"sh\", #{uid: 0})",
        ),
        (_, Errno::ESRCH) if sends => (
            "there is no such task, or the process group is empty (kernel/signal.c)",
            "ps() lists the tasks; the first argument of tgkill is the thread's process",
        ),
        (_, Errno::EINVAL) if sends => (
            "check_kill_permission() accepts signals 0 to 64, sys_tkill() thread ids above 0 \
             (kernel/signal.c)",
            "signals have names: SIGTERM, SIGKILL, SIGRTMIN + 1",
        ),
        (_, Errno::EAGAIN) if sends => (
            "send_signal() cannot queue more real-time signals than RLIMIT_SIGPENDING \
             (kernel/signal.c)",
            "take some signals first, or setrlimit(RLIMIT_SIGPENDING, ..)",
        ),
        ("semget" | "semop" | "semctl", _) => return semaphore_advice(call, errno),
        ("shmget" | "shmat" | "shmdt" | "shmctl", _) => return segment_advice(call, errno),
        ("msgget" | "msgsnd" | "msgrcv" | "msgctl", _) => return message_advice(call, errno),
        ("sigprocmask" | "rt_sigprocmask", Errno::EINVAL) => (
            "sigprocmask() accepts three ways to change the mask (kernel/signal.c)",
            "SIG_BLOCK adds, SIG_UNBLOCK removes, SIG_SETMASK replaces",
        ),
        ("sigaltstack", Errno::ENOMEM) => (
            "do_sigaltstack() requires at least MINSIGSTKSZ, 2048 bytes (kernel/signal.c)",
            "use 8*KiB",
        ),
        ("setitimer" | "getitimer", Errno::EINVAL) => (
            "do_setitimer() accepts three timers (kernel/itimer.c)",
            "use ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF",
        ),
        ("timer_create", Errno::EINVAL) => (
            "sys_timer_create() accepts CLOCK_REALTIME and CLOCK_MONOTONIC, a signal, and a thread of \
             the caller's process (kernel/posix-timers.c)",
            "timer_create(CLOCK_REALTIME, SIGUSR1)",
        ),
        (
            "timer_settime" | "timer_gettime" | "timer_getoverrun" | "timer_delete",
            Errno::EINVAL,
        ) => (
            "lock_timer() finds no timer with that id in the caller's process \
             (kernel/posix-timers.c)",
            "timer_create() returns the id; children and new programs have no timers",
        ),
        ("rt_sigtimedwait", Errno::EAGAIN) => (
            "sys_rt_sigtimedwait(): none of the signals arrived before the timeout \
             (kernel/signal.c)",
            "sigwait([..]) waits without a timeout",
        ),
        ("waitid", Errno::EINVAL) => (
            "sys_waitid() must be told what to wait for, and for whom (kernel/exit.c)",
            "use one of WEXITED, WSTOPPED, WCONTINUED; P_ALL, P_PID or P_PGID; an id above 0",
        ),
        ("setuid" | "setreuid" | "setresuid", Errno::EPERM) => (
            "without CAP_SETUID, a task can only switch between its own user ids (kernel/sys.c)",
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
            "semget(key, n, IPC_CREAT | 0o600) creates one",
        ),
        ("semget", Errno::EEXIST) => (
            "IPC_CREAT | IPC_EXCL requires that the set does not exist yet (ipc/sem.c)",
            "leave out IPC_EXCL, or use IPC_PRIVATE as the key",
        ),
        ("semget", Errno::EINVAL) => (
            "a new set has 1 to 250 semaphores, and an existing one at least as many as requested \
             (ipc/sem.c)",
            "request 0 semaphores for a set that exists",
        ),
        ("semop", Errno::EAGAIN) => (
            "the operations cannot all be done now, and IPC_NOWAIT forbids waiting (ipc/sem.c)",
            "without IPC_NOWAIT the caller sleeps until they can",
        ),
        ("semop", Errno::EFBIG) => (
            "sys_semtimedop() finds no semaphore with that number in the set (ipc/sem.c)",
            "semaphores are numbered from 0",
        ),
        (_, Errno::ERANGE) => (
            "semaphore values must be between 0 and 32767, and so must undo values (ipc/sem.c)",
            "use a smaller value",
        ),
        (_, Errno::EACCES) => (
            "ipcperms(): the mode of the set does not give this user access (ipc/util.c)",
            "semget(key, n, IPC_CREAT | 0o666) creates a set for everybody",
        ),
        (_, Errno::EINVAL | Errno::EIDRM) => (
            "the set does not exist, or has been removed (ipc/sem.c)",
            "semget() returns the id of a set",
        ),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}

/// Advice on a refused change of process group or session.
pub(super) const fn pgrp_advice(refusal: PgrpRefusal) -> Advice {
    use PgrpRefusal as R;
    let (rule, remedy) = match refusal {
        R::NegativeGroup => (
            "a process group id cannot be negative",
            "process group ids are above 0",
        ),
        R::NoSuchTask => ("there is no such task", "ps() lists the tasks"),
        R::NotALeader => (
            "the task is a thread: only processes are members of process groups",
            "use the pid of the process, its first thread; 0 means the caller's process",
        ),
        R::OtherSession => (
            "the child is in another session",
            "setsid() cannot be undone: choose another child",
        ),
        R::HasExeced => (
            "the child has called exec since it was forked",
            "move it before it does, or let it move itself",
        ),
        R::NotAChild => (
            "the task is neither the caller nor one of its children",
            "let it move itself, or let its parent move it",
        ),
        R::SessionLeader => (
            "the task is a session leader",
            "a session leader must stay in the group with its own pid",
        ),
        R::NoSuchGroup => (
            "no member of that group is in the caller's session",
            "group 0 creates one with the task's own pid",
        ),
        R::GroupExists => (
            "there is a process group with the caller's pid",
            "fork first: the child leads no group, so it can call setsid",
        ),
    };
    Advice { rule, remedy }
}

/// Advice on a refused mmap, munmap or brk.
pub(in crate::script::errors) const fn map_advice(refusal: MapRefusal) -> Advice {
    use MapRefusal as R;
    let (rule, remedy) = match refusal {
        R::NotAnonymous(Errno::EBADF) => (
            "do_mmap2() expects an open file without MAP_ANONYMOUS (arch/i386/kernel/sys_i386.c)",
            "open() a file first, or add MAP_ANONYMOUS; fds(task) shows what is open",
        ),
        R::NotAnonymous(_) => (
            "do_mmap_pgoff() requires a file with an mmap operation (mm/mmap.c)",
            "map a regular file; a device or a pipe has no pages to be mapped",
        ),
        R::NotOpenForReading => (
            "do_mmap_pgoff() requires FMODE_READ of any file, as a page is read before it is \
             written (mm/mmap.c)",
            "open the file with O_RDWR or O_RDONLY",
        ),
        R::NotOpenForWriting => (
            "do_mmap_pgoff() requires FMODE_WRITE for MAP_SHARED with PROT_WRITE (mm/mmap.c)",
            "open the file with O_RDWR, or use MAP_PRIVATE: stores stay private then",
        ),
        R::FileGrowsDown => (
            "do_mmap_pgoff() rejects VM_GROWSDOWN for a file (mm/mmap.c)",
            "leave out MAP_GROWSDOWN, or map anonymous memory",
        ),
        R::Empty => (
            "do_mmap_pgoff() and do_munmap() reject a length of 0 (mm/mmap.c)",
            "the length must not be 0: 4*KiB is one page",
        ),
        R::TooLong | R::FixedBeyondUserSpace | R::BeyondUserSpace => (
            "user space ends at TASK_SIZE, 0xc0000000 (include/asm-i386/processor.h)",
            "maps(task) shows what is mapped where",
        ),
        R::Unaligned | R::FixedUnaligned => (
            "memory is mapped and unmapped in whole pages (mm/mmap.c)",
            "the address must be a multiple of 4096: addr - addr % 4096 is the start of its page",
        ),
        R::NoRoom => (
            "get_unmapped_area() finds no gap of that length (mm/mmap.c)",
            "map less; maps(task) shows what is mapped where",
        ),
        R::NeitherPrivateNorShared => (
            "do_mmap_pgoff() requires either MAP_PRIVATE or MAP_SHARED (mm/mmap.c)",
            "add MAP_PRIVATE for private memory, MAP_SHARED for memory shared with children",
        ),
        R::Overcommitted(_) => (
            "__vm_enough_memory() commits no more memory than could be available (mm/mmap.c)",
            "map less, let tasks exit, boot(#{mem: ..}) with more memory, or \
             sysctl(\"vm.overcommit_memory\", 1)",
        ),
        R::NoMemory => (
            "kmem_cache_alloc() fails to allocate the vm_area_struct of the area (mm/mmap.c)",
            "inject(\"fail_slab\", -1) turns the injected failure off",
        ),
        R::MayNotLock | R::LocksTooMuch => (
            "locked memory is limited by RLIMIT_MEMLOCK, except with CAP_IPC_LOCK (mm/mmap.c, \
             mm/mlock.c, mm/mremap.c)",
            "setrlimit(RLIMIT_MEMLOCK, ..), or be root: spawn(\"sh\", #{uid: 0})",
        ),
        R::OffsetTooLarge | R::TooManyAreas | R::AddressSpaceLimit => (
            "do_mmap_pgoff() checks the limits of the address space (mm/mmap.c)",
            "maps(task) shows what is mapped where",
        ),
    };
    Advice { rule, remedy }
}

/// Why a task's wait finds no child, and how to fix that.
pub(super) fn no_child(task: Pid, why: NoChild, ignores_sigchld: bool) -> (String, String) {
    match why {
        NoChild::Childless | NoChild::NoSuchTask(_) if ignores_sigchld => (
            format!("{task} ignores SIGCHLD: its children are reaped as soon as they exit"),
            "sigaction(SIGCHLD, SIG_DFL) keeps them until they are waited for".to_owned(),
        ),
        NoChild::Childless => (
            format!("{task} has no children"),
            "fork() makes a child, and each child can be reaped once".to_owned(),
        ),
        NoChild::NoSuchTask(pid) => (
            format!("there is no task {pid}"),
            "a child can be reaped once; ps() lists the tasks".to_owned(),
        ),
        NoChild::OfAnother {
            task: Pid::INIT, ..
        } => (
            format!("1 is init, which is not a child of {task}"),
            "wait() waits for any child; options come second: sh.wait(-1, WNOHANG)".to_owned(),
        ),
        NoChild::OfAnother {
            task: other,
            parent: parent @ Pid(0 | 1),
        } => (
            format!("{other} is a child of {parent}, not of {task}"),
            "only the parent can wait for it; init reaps its children by itself".to_owned(),
        ),
        NoChild::OfAnother {
            task: other,
            parent,
        } => (
            format!("{other} is a child of {parent}, not of {task}"),
            format!("only the parent can wait for it: task({parent}).wait({other})"),
        ),
        NoChild::ExitSignal { child, signal: 17 } => (
            format!("{child}'s exit signal is SIGCHLD, and __WCLONE excludes such children"),
            "wait without __WCLONE, or with __WALL".to_owned(),
        ),
        NoChild::ExitSignal { child, signal } => (
            format!("{child}'s exit signal is {signal}, not SIGCHLD"),
            "add __WCLONE or __WALL: sh.wait(-1, __WALL)".to_owned(),
        ),
        NoChild::Thread(child) => (
            format!("{child} is a thread, whose exit is reported to nobody"),
            "only processes can be waited for: those made without CLONE_THREAD".to_owned(),
        ),
        NoChild::NotInGroup => (
            format!("no child of {task} is in that process group"),
            "wait(-1) means any child; pstree() shows who has which".to_owned(),
        ),
    }
}

/// Advice on a fork-like call that made no task: where in the kernel the rule stands, and what
/// would help.
pub(super) const fn fork_advice(refusal: ForkRefusal) -> Advice {
    let ForkRefusal::CopyProcess(refusal) = refusal else {
        return Advice {
            rule: "kernel/pid.c, alloc_pidmap",
            remedy: "let tasks exit and reap them, or boot(#{pid_max: ..}) with more pids",
        };
    };
    let (rule, remedy) = match refusal {
        CloneRefusal::NewnsWithFs => (
            "kernel/fork.c, copy_process",
            "a mount namespace of its own requires a root directory of its own: leave out \
                 CLONE_FS",
        ),
        CloneRefusal::ThreadWithoutSighand | CloneRefusal::SighandWithoutVm => (
            "kernel/fork.c, copy_process",
            "CLONE_THREAD requires CLONE_SIGHAND, which requires CLONE_VM; path(|| ..) shows \
                 how far the call got",
        ),
        CloneRefusal::NoMemory(NoMemory::Overcommitted(_)) => (
            "kernel/fork.c, dup_mmap; mm/mmap.c, __vm_enough_memory",
            "use vfork, which copies nothing, or sysctl(\"vm.overcommit_memory\", 1), or \
             boot(#{mem: ..}) with more memory",
        ),
        CloneRefusal::NoMemory(_) => (
            "kernel/fork.c, dup_task_struct and dup_mmap; mm/mmap.c, __vm_enough_memory",
            "let tasks exit, or boot(#{mem: ..}) with more memory",
        ),
        CloneRefusal::TooManyOfUser { .. } => (
            "kernel/fork.c, copy_process",
            "reap zombies, boot(#{threads_max: ..}) with more threads, or be root: spawn(.., \
                 #{uid: 0})",
        ),
        CloneRefusal::TooManyThreads { .. } => (
            "kernel/fork.c, copy_process",
            "reap zombies, or boot(#{threads_max: ..}) with more threads",
        ),
        CloneRefusal::ParentTidFault(_) => (
            "kernel/fork.c, copy_process: put_user",
            "CLONE_PARENT_SETTID stores the tid at parent_tid: clone(#{flags: .., parent_tid: \
                 a})",
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
        CloneRefusal::Killed => (
            "kernel/fork.c, copy_process",
            "the task is being killed anyway",
        ),
        CloneRefusal::GroupExit => (
            "kernel/fork.c, copy_process",
            "a process that is exiting cannot create threads",
        ),
    };
    Advice { rule, remedy }
}
