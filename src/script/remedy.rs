//! What would help when a system call fails: which rule it broke, and where to look.

use crate::abi::Errno;

/// A remedy for the error of a system call, by its kernel name; `None` if the error says it all.
pub(super) fn remedy(call: &str, errno: Errno) -> Option<&'static str> {
    Some(match (call, errno) {
        ("clone" | "fork" | "vfork", Errno::EAGAIN) => {
            "an ordinary user may have threads_max / 2 tasks, all together threads_max; pids end at \
             pid_max: see boot(#{..}); spawn(.., #{uid: 0}) is root"
        }
        ("clone" | "fork" | "vfork", Errno::ENOMEM) => {
            "let tasks end, or boot(#{mem: ..}) with more"
        }
        ("clone", Errno::EFAULT) => {
            "CLONE_PARENT_SETTID stores at parent_tid, CLONE_SETTLS reads at tls: give both as \
             clone(#{flags: .., parent_tid: .., tls: ..})"
        }
        ("clone", Errno::EPERM) => "spawn(\"sh\", #{uid: 0}) is root",
        ("clone", Errno::EINVAL) => "help(\"clone\") says what goes together",
        ("execve", Errno::ENOENT) => "the programs are sh and true",
        ("execve", Errno::EACCES) => "that file is no program: sh and true are",
        ("open", Errno::ENOENT) => "open(path, O_CREAT | O_RDWR) makes the file",
        ("close" | "dup", Errno::EBADF) => "task.files.fds lists its descriptors",
        ("wait4", Errno::ECHILD) => {
            "it has no such child; one whose exit signal is not SIGCHLD needs __WCLONE or __WALL"
        }
        ("wait4", Errno::EINVAL) => "help(\"wait\") lists the options",
        ("mmap2", Errno::EINVAL) => {
            "the length must not be 0, one of MAP_PRIVATE and MAP_SHARED must be given, and an \
             address for MAP_FIXED must be a multiple of 4096"
        }
        ("mmap2", Errno::EBADF) => "scripts map anonymous memory only: add MAP_ANONYMOUS",
        ("mmap2", Errno::ENOMEM) => {
            "no gap is that large, or RAM could never hold it; maps(task) shows what is mapped"
        }
        ("munmap", Errno::EINVAL) => {
            "the address must be a multiple of 4096, the length not 0, the end below 0xc0000000"
        }
        ("nice", Errno::EPERM) => "only root may lower it: spawn(\"sh\", #{uid: 0})",
        ("sigaction" | "rt_sigaction", Errno::EINVAL) => {
            "signals are 1 to 64, and SIGKILL and SIGSTOP keep their action"
        }
        _ => return None,
    })
}
