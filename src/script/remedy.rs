//! What there is to say when a system call fails: which rule of the kernel it broke, and what would
//! help.

use crate::abi::Errno;
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
        ("mmap2", Errno::EINVAL) => (
            "do_mmap_pgoff() and get_unmapped_area() check length, kind and alignment (mm/mmap.c)",
            "the length must not be 0, one of MAP_PRIVATE and MAP_SHARED must be given, and an \
             address for MAP_FIXED must be a multiple of 4096",
        ),
        ("mmap2", Errno::EBADF) => (
            "without MAP_ANONYMOUS do_mmap2() wants an open file (arch/i386/kernel/sys_i386.c)",
            "scripts map anonymous memory only: add MAP_ANONYMOUS",
        ),
        ("mmap2", Errno::ENOMEM) => (
            "get_unmapped_area() finds no gap, or __vm_enough_memory() refuses the promise \
             (mm/mmap.c)",
            "no gap is that large, or RAM could never hold it; maps(task) shows what is mapped",
        ),
        ("munmap", Errno::EINVAL) => (
            "do_munmap() checks address and length (mm/mmap.c)",
            "the address must be a multiple of 4096, the length not 0, the end below 0xc0000000",
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
            CloneRefusal::NewnsWithFs
            | CloneRefusal::ThreadWithoutSighand
            | CloneRefusal::SighandWithoutVm => (
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
            CloneRefusal::Killed => ("kernel/fork.c, copy_process", "it ends anyway"),
            CloneRefusal::GroupExit => (
                "kernel/fork.c, copy_process",
                "a process that ends makes no threads",
            ),
        };
        Advice { rule, remedy }
    }
}
