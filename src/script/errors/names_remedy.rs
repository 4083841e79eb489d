//! Why a call on names, permissions or locks of files failed, and what to do.

use super::remedy::Advice;
use crate::abi::Errno;

/// The calls that take a path.
const ON_PATHS: [&str; 17] = [
    "access", "chdir", "chmod", "chown", "chroot", "lchown", "link", "lstat64", "mkdir", "mknod",
    "open", "readlink", "rename", "rmdir", "stat64", "symlink", "unlink",
];

/// Advice on the error of a call on names; `None` if the error is clear by itself.
pub(super) fn names_advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("unlink" | "rename" | "rmdir", Errno::EPERM) => (
            "check_sticky(): in a directory with S_ISVTX only the owner of the file or of the \
             directory removes a name (fs/namei.c)",
            "let its owner do it, or root: spawn(\"sh\", #{uid: 0})",
        ),
        ("unlink", Errno::EISDIR) => (
            "may_delete(): unlink() removes everything but directories (fs/namei.c)",
            "rmdir(path) removes a directory",
        ),
        ("link", Errno::EPERM) => (
            "vfs_link(): a directory has one name only (fs/namei.c)",
            "symlink(target, path) refers to a directory",
        ),
        ("rename" | "rmdir", Errno::ENOTEMPTY) => (
            "a directory is removed or replaced only if it is empty (fs/namei.c)",
            "remove what getdents(fd) lists first",
        ),
        ("rename", Errno::EINVAL) => (
            "do_rename(): a directory cannot be moved into itself (fs/namei.c)",
            "choose a new name outside of it",
        ),
        ("mknod", Errno::EPERM) => (
            "vfs_mknod() requires CAP_MKNOD for devices; sys_mknod() makes no directories \
             (fs/namei.c)",
            "S_IFIFO | 0o644 makes a fifo; mkdir(path) a directory",
        ),
        ("chmod" | "fchmod", Errno::EPERM) => (
            "inode_change_ok(): only the owner or CAP_FOWNER changes the mode (fs/attr.c)",
            "stat(path).uid is the owner",
        ),
        ("chown" | "lchown" | "fchown", Errno::EPERM) => (
            "inode_change_ok(): giving a file away requires CAP_CHOWN (fs/attr.c)",
            "only root may: spawn(\"sh\", #{uid: 0})",
        ),
        ("open", Errno::EISDIR) => (
            "may_open(): a directory is opened for reading only (fs/namei.c)",
            "open(path) and getdents(fd) list a directory",
        ),
        ("open", Errno::ENXIO) => (
            "fifo_open() finds no reader, or the device has no driver (fs/fifo.c)",
            "open it for reading first, or without O_NONBLOCK",
        ),
        ("chroot", Errno::EPERM) => (
            "sys_chroot() requires CAP_SYS_CHROOT (fs/open.c)",
            "only root may: spawn(\"sh\", #{uid: 0})",
        ),
        ("fcntl64" | "flock", _) => return lock_advice(call, errno),
        (call, errno) if ON_PATHS.contains(&call) => return path_advice(errno),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}

/// Advice on calls that set locks.
fn lock_advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("fcntl64", Errno::EAGAIN) => (
            "posix_locks_conflict(): another process has a lock on some of these bytes \
             (fs/locks.c)",
            "setlkw() waits for it; getlk() says whose it is",
        ),
        ("fcntl64", Errno::EDEADLK) => (
            "posix_locks_deadlock(): the owner of that lock waits for one of the caller's \
             (fs/locks.c)",
            "unlock first: setlk(fd, F_UNLCK, start, len)",
        ),
        ("fcntl64", Errno::EBADF) => (
            "fcntl_setlk(): a write lock requires a descriptor open for writing, a read lock one \
             open for reading (fs/locks.c)",
            "open(path, O_RDWR) permits both",
        ),
        ("flock", Errno::EAGAIN) => (
            "flock_lock_file(): another open of the file has a lock in the way (fs/locks.c)",
            "leave out LOCK_NB to wait",
        ),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}

/// Advice on what the walk of any path comes to.
fn path_advice(errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match errno {
        Errno::EACCES => (
            "permission(): the class that the task is in has no such right, and no capability \
             helps (fs/namei.c)",
            "stat(path) shows mode, uid and gid; each directory of the path needs x",
        ),
        Errno::ENOTDIR => (
            "__link_path_walk(): a part of the path is no directory (fs/namei.c)",
            "stat(path) shows what each part is",
        ),
        Errno::ELOOP => (
            "do_follow_link(): at most 5 links deep and 40 in all (fs/namei.c)",
            "readlink(path) shows where a link leads",
        ),
        Errno::EEXIST => (
            "may_create(): the name exists already (fs/namei.c)",
            "unlink(path) removes it",
        ),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}
