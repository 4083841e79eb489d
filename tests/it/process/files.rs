//! Open files as far as sharing shows: flags of open, offsets, descriptors, directories.

use crate::lab::{Lab, errno};
use forklab::abi::{
    CloneFlags as F, Errno, F_GETFL, F_SETFL, O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_TRUNC,
    TaskId,
};
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, BufferCall};

const RDWR: u32 = 2;

fn open(lab: &mut Lab, task: TaskId, path: &str, flags: u32) -> i32 {
    lab.call(task, Syscall::Open(path.to_owned(), flags, 0o666))
}

fn made(lab: &mut Lab, task: TaskId, path: &str) -> u32 {
    let fd = open(lab, task, path, O_CREAT | RDWR);
    assert!(fd >= 0, "{}", errno(fd));
    fd as u32
}

fn seek(lab: &mut Lab, task: TaskId, fd: u32, offset: i32, origin: u32) -> i32 {
    lab.call(task, Syscall::Lseek(fd, offset, origin))
}

fn cwd(lab: &mut Lab, task: TaskId, size: u32) -> Result<String, Errno> {
    match lab.on_stack(task, BufferCall::Getcwd, size, &[]) {
        Acted::Filled(len, bytes) => {
            assert_eq!(bytes[len as usize - 1], 0);
            Ok(String::from_utf8(bytes[..len as usize - 1].to_vec()).unwrap())
        }
        Acted::Refused(error) => Err(error.errno()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn open_makes_empties_or_refuses() {
    let (mut lab, sh) = Lab::with_shell();
    let enoent = -Errno::ENOENT.code();
    assert_eq!(open(&mut lab, sh, "/tmp/a", RDWR), enoent);
    let fd = made(&mut lab, sh, "/tmp/a");
    assert_eq!(lab.write_fd(sh, fd, b"hello"), Ok(5));
    for (path, flags, error) in [
        ("/tmp/a", O_CREAT | O_EXCL | RDWR, Errno::EEXIST),
        ("/tmp/a/b", O_CREAT, Errno::ENOTDIR),
        ("/nowhere/b", O_CREAT, Errno::ENOENT),
        ("/tmp", RDWR, Errno::EISDIR),
        ("", RDWR, Errno::ENOENT),
        ("/bin/sh", RDWR, Errno::ETXTBSY),
    ] {
        assert_eq!(errno(open(&mut lab, sh, path, flags)), error, "{path}");
    }
    // O_EXCL means nothing without O_CREAT.
    let again = open(&mut lab, sh, "/tmp/a", O_EXCL) as u32;
    assert_eq!(lab.read_fd(sh, again, 9), Ok(Ok("hello".to_owned())));
    let fd = open(&mut lab, sh, "/tmp/a", O_TRUNC | RDWR) as u32;
    assert_eq!(lab.read_fd(sh, fd, 9), Ok(Ok(String::new())));
    assert_eq!(seek(&mut lab, sh, again, 0, 2), 0);
}

#[test]
fn the_access_mode_decides_who_may_read_and_write() {
    let (mut lab, sh) = Lab::with_shell();
    made(&mut lab, sh, "/tmp/a");
    for (mode, reads, writes) in [
        (0, true, false),
        (1, false, true),
        (2, true, true),
        (3, false, false),
    ] {
        let fd = open(&mut lab, sh, "/tmp/a", mode) as u32;
        let ebadf = -Errno::EBADF.code();
        let written = lab.write_fd(sh, fd, b"x");
        assert_eq!(written, Ok(if writes { 1 } else { ebadf }), "{mode}");
        let read = lab.read_fd(sh, fd, 1).unwrap();
        assert_eq!(read.is_ok(), reads, "{mode}");
    }
    assert_eq!(lab.write_fd(sh, 99, b"x"), Ok(-Errno::EBADF.code()));
}

/// The offset is the description's: fork and dup share it, a second open has its own.
#[test]
fn an_offset_is_shared_by_fork_and_dup_but_not_by_another_open() {
    let (mut lab, sh) = Lab::with_shell();
    let fd = made(&mut lab, sh, "/tmp/a");
    let other = open(&mut lab, sh, "/tmp/a", RDWR) as u32;
    let child = lab.fork(sh);
    assert_eq!(lab.write_fd(child, fd, b"child "), Ok(6));
    assert_eq!(lab.write_fd(sh, fd, b"parent"), Ok(6));
    let copy = lab.call(child, Syscall::Dup(fd)) as u32;
    assert_eq!(seek(&mut lab, child, copy, 0, 1), 12);
    assert_eq!(
        lab.read_fd(sh, other, 99),
        Ok(Ok("child parent".to_owned()))
    );
}

#[test]
fn appending_writes_go_to_the_end_wherever_the_offset_is() {
    let (mut lab, sh) = Lab::with_shell();
    let fd = made(&mut lab, sh, "/tmp/log");
    let append = open(&mut lab, sh, "/tmp/log", O_APPEND | 1) as u32;
    assert_eq!(lab.write_fd(sh, append, b"one"), Ok(3));
    assert_eq!(seek(&mut lab, sh, append, 0, 0), 0);
    assert_eq!(lab.write_fd(sh, append, b"two"), Ok(3));
    assert_eq!(seek(&mut lab, sh, append, 0, 1), 6);
    // The flag can be taken away, and is the description's, too.
    let child = lab.fork(sh);
    assert_eq!(lab.call(child, Syscall::Fcntl(append, F_SETFL, 0)), 0);
    seek(&mut lab, sh, append, 0, 0);
    assert_eq!(lab.write_fd(sh, append, b"ONE"), Ok(3));
    assert_eq!(lab.read_fd(sh, fd, 99), Ok(Ok("ONEtwo".to_owned())));
}

#[test]
fn flags_that_fcntl_shows_and_changes() {
    let (mut lab, sh) = Lab::with_shell();
    let flags = O_CREAT | O_TRUNC | O_EXCL | O_APPEND | RDWR;
    let fd = open(&mut lab, sh, "/tmp/a", flags) as u32;
    let getfl = |lab: &mut Lab| lab.call(sh, Syscall::Fcntl(fd, F_GETFL, 0)) as u32;
    assert_eq!(getfl(&mut lab), O_APPEND | RDWR);
    // The access mode stays what it was.
    lab.call(sh, Syscall::Fcntl(fd, F_SETFL, O_NONBLOCK));
    assert_eq!(getfl(&mut lab), O_NONBLOCK | RDWR);
}

#[test]
fn dup2_closes_what_was_there() {
    let (mut lab, sh) = Lab::with_shell();
    let fd = made(&mut lab, sh, "/tmp/a");
    let other = made(&mut lab, sh, "/tmp/b");
    let ebadf = -Errno::EBADF.code();
    let descriptions = lab.kernel().open_files().len();
    assert_eq!(lab.call(sh, Syscall::Dup2(fd, other)), other as i32);
    assert_eq!(lab.kernel().open_files().len(), descriptions - 1);
    assert_eq!(lab.write_fd(sh, other, b"x"), Ok(1));
    assert_eq!(seek(&mut lab, sh, fd, 0, 1), 1);
    assert_eq!(lab.call(sh, Syscall::Dup2(fd, fd)), fd as i32);
    assert_eq!(lab.call(sh, Syscall::Dup2(fd, 40)), 40);
    assert_eq!(lab.call(sh, Syscall::Dup2(99, 5)), ebadf);
    assert_eq!(lab.call(sh, Syscall::Dup2(99, 99)), ebadf);
    assert_eq!(lab.call(sh, Syscall::Dup2(fd, 1024)), ebadf);
    // Not close-on-exec, whatever the original is.
    lab.call(sh, Syscall::Fcntl(fd, 2, 1));
    lab.call(sh, Syscall::Dup2(fd, 6));
    assert_eq!(lab.call(sh, Syscall::Fcntl(6, 1, 0)), 0);
}

#[test]
fn a_table_in_common_shows_every_change_and_a_copy_none() {
    for (flags, sees) in [(F::CLONE_FILES | F::FORK, true), (F::FORK, false)] {
        let (mut lab, sh) = Lab::with_shell();
        let child = lab.clone(sh, flags).unwrap();
        let fd = made(&mut lab, child, "/tmp/a");
        let written = lab.write_fd(sh, fd, b"x");
        assert_eq!(written == Ok(1), sees);
        lab.call(child, Syscall::Close(fd));
        assert_eq!(lab.write_fd(sh, fd, b"x"), Ok(-Errno::EBADF.code()));
    }
}

#[test]
fn seeking() {
    let (mut lab, sh) = Lab::with_shell();
    let fd = made(&mut lab, sh, "/tmp/a");
    lab.write_fd(sh, fd, b"0123456789").unwrap();
    let null = open(&mut lab, sh, "null", RDWR) as u32;
    let (reads, _) = lab.pipe(sh);
    for (fd, offset, origin, expected) in [
        (fd, 3, 0, 3),
        (fd, 4, 1, 7),
        (fd, -2, 2, 8),
        (fd, -9, 1, -Errno::EINVAL.code()),
        (fd, 0, 3, -Errno::EINVAL.code()),
        (null, 7, 0, 0),
        (reads, 0, 0, -Errno::ESPIPE.code()),
        (1, 0, 0, -Errno::ESPIPE.code()),
        (1, 0, 3, -Errno::EINVAL.code()),
    ] {
        assert_eq!(
            seek(&mut lab, sh, fd, offset, origin),
            expected,
            "{fd} {offset}"
        );
    }
    // A gap reads as zeros.
    seek(&mut lab, sh, fd, 12, 0);
    lab.write_fd(sh, fd, b"x").unwrap();
    seek(&mut lab, sh, fd, 9, 0);
    assert_eq!(lab.read_fd(sh, fd, 99), Ok(Ok("9\0\0x".to_owned())));
}

#[test]
fn an_unlinked_file_lives_while_it_is_open() {
    let (mut lab, sh) = Lab::with_shell();
    let inodes = lab.kernel().inodes().len();
    let fd = made(&mut lab, sh, "/tmp/a");
    assert_eq!(lab.call(sh, Syscall::Unlink("/tmp/a".to_owned())), 0);
    assert_eq!(open(&mut lab, sh, "/tmp/a", RDWR), -Errno::ENOENT.code());
    assert_eq!(lab.write_fd(sh, fd, b"x"), Ok(1));
    assert_eq!(lab.kernel().inodes().len(), inodes + 1);
    lab.call(sh, Syscall::Close(fd));
    assert_eq!(lab.kernel().inodes().len(), inodes);
    for (path, error) in [("/tmp/a", Errno::ENOENT), ("/tmp", Errno::EISDIR)] {
        let value = lab.call(sh, Syscall::Unlink(path.to_owned()));
        assert_eq!(errno(value), error);
    }
}

#[test]
fn paths_begin_at_the_root_or_at_the_working_directory() {
    let (mut lab, sh) = Lab::with_shell();
    let chdir = |lab: &mut Lab, path: &str| lab.call(sh, Syscall::Chdir(path.to_owned()));
    assert_eq!(lab.call(sh, Syscall::Mkdir("/tmp/d".to_owned(), 0o777)), 0);
    assert_eq!(chdir(&mut lab, "/tmp/d"), 0);
    made(&mut lab, sh, "here");
    assert!(open(&mut lab, sh, "/tmp/d/here", RDWR) > 0);
    assert!(open(&mut lab, sh, ".././d/here", RDWR) > 0);
    assert!(open(&mut lab, sh, "../../../../bin/sh", 0) > 0);
    assert_eq!(open(&mut lab, sh, "/here", RDWR), -Errno::ENOENT.code());
    assert_eq!(cwd(&mut lab, sh, 64), Ok("/tmp/d".to_owned()));
    assert_eq!(cwd(&mut lab, sh, 6), Err(Errno::ERANGE));
    for (path, error) in [
        ("nowhere", Errno::ENOENT),
        ("here", Errno::ENOTDIR),
        ("here/x", Errno::ENOTDIR),
        ("", Errno::ENOENT),
    ] {
        assert_eq!(errno(chdir(&mut lab, path)), error, "{path}");
    }
    let again = lab.call(sh, Syscall::Mkdir("/tmp/d/".to_owned(), 0o777));
    assert_eq!(errno(again), Errno::EEXIST);
    // Programs are looked up from there, too.
    assert_eq!(lab.call(sh, Syscall::Execve("../../bin/sh".into())), 0);
    assert_eq!(cwd(&mut lab, sh, 64), Ok("/tmp/d".to_owned()));
}

#[test]
fn directory_and_umask_are_shared_with_clone_fs_only() {
    for (flags, shared) in [(F::CLONE_FS | F::FORK, true), (F::FORK, false)] {
        let (mut lab, sh) = Lab::with_shell();
        let child = lab.clone(sh, flags).unwrap();
        assert_eq!(lab.call(child, Syscall::Chdir("/tmp".to_owned())), 0);
        assert_eq!(lab.call(child, Syscall::Umask(0o7077)), 0o022);
        let (dir, mask) = if shared {
            ("/tmp", 0o077)
        } else {
            ("/", 0o022)
        };
        assert_eq!(cwd(&mut lab, sh, 64).unwrap(), dir);
        assert_eq!(lab.call(sh, Syscall::Umask(0)), mask);
    }
}

#[test]
fn only_root_changes_the_root_and_the_working_directory_stays() {
    let (mut lab, sh) = Lab::with_shell();
    let chroot = |path: &str| Syscall::Chroot(path.to_owned());
    assert_eq!(errno(lab.call(sh, chroot("/nowhere"))), Errno::ENOENT);
    assert_eq!(errno(lab.call(sh, chroot("/tmp"))), Errno::EPERM);
    let root = lab.spawn_as("root", 0);
    assert_eq!(lab.call(root, chroot("/tmp")), 0);
    assert_eq!(cwd(&mut lab, root, 64), Ok("/".to_owned()));
    assert!(open(&mut lab, root, "bin/sh", 0) > 0);
    assert_eq!(open(&mut lab, root, "/bin/sh", 0), -Errno::ENOENT.code());
    lab.call(root, Syscall::Chdir("/".to_owned()));
    assert_eq!(open(&mut lab, root, "../bin/sh", 0), -Errno::ENOENT.code());
    made(&mut lab, root, "/mine");
    assert!(open(&mut lab, sh, "/tmp/mine", 0) > 0);
}

#[test]
fn a_program_that_is_written_is_not_run() {
    let (mut lab, sh) = Lab::with_shell();
    let fd = open(&mut lab, sh, "/bin/true", 1) as u32;
    let exec = |lab: &mut Lab| lab.outcome(sh, Syscall::Execve("true".into()));
    assert_eq!(exec(&mut lab), Acted::Refused(Errno::ETXTBSY.into()));
    lab.call(sh, Syscall::Close(fd));
    exec(&mut lab);
    assert!(!lab.exists(sh));
}
