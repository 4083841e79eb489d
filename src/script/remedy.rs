//! What there is to say when a system call fails: which rule of the kernel it broke, and what would
//! help.

use crate::abi::{Errno, Pid};
use crate::kernel::mm::MapRefusal;
use crate::kernel::wait::NoChild;
use crate::trace::CloneRefusal;

/// The rule, with its place in the source, and the remedy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Advice {
    pub(super) rule: &'static str,
    pub(super) remedy: &'static str,
}

/// Advice on the error of a system call, by its kernel name; `None` if the error says it all.
pub(super) fn advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("execve", Errno::ENOENT) => (
            "open_exec() finds no such file (fs/exec.c)",
            "the programs are sh and true",
        ),
        ("execve", Errno::EACCES) => (
            "open_exec() wants a regular file that may be executed (fs/exec.c)",
            "that file is no program: sh and true are",
        ),
        ("execve", Errno::ENOSYS) => (
            "exec ends the other threads of the process first: de_thread() (fs/exec.c)",
            "forklab has no de_thread() yet: let the other threads exit before",
        ),
        ("open", Errno::ENOENT) => (
            "open_namei() finds no such file, and O_CREAT is not set (fs/namei.c)",
            "open(path, O_CREAT | O_RDWR) makes the file",
        ),
        ("close" | "dup", Errno::EBADF) => (
            "the descriptor table has no open file there (fs/open.c, fs/fcntl.c)",
            "task.files.fds lists its descriptors",
        ),
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
        _ => return None,
    };
    Some(Advice { rule, remedy })
}

/// Advice on memory that was not mapped or unmapped.
pub(super) const fn map_advice(refusal: MapRefusal) -> Advice {
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
pub(super) fn no_child(task: Pid, why: NoChild, ignores_sigchld: bool) -> (String, String) {
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
pub(super) enum ForkRefusal {
    /// There was no pid.
    NoPid,
    /// `copy_process` refused.
    CopyProcess(CloneRefusal),
}

impl ForkRefusal {
    /// Where in the kernel the rule stands, and what would help.
    pub(super) const fn advice(self) -> Advice {
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
