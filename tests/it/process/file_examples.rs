//! The worked examples of files: permissions, names, times, directories, pipes and fifos, locks. The
//! number of an example stands before its outcome.

use crate::lab::{Lab, errno};
use forklab::abi::*;
use forklab::kernel::fs::Attr;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, BufferCall};

/// A shell of uid 500, with its machine.
struct Files {
    lab: Lab,
    sh: TaskId,
}

impl Files {
    fn new() -> Self {
        let (lab, sh) = Lab::with_shell();
        Self { lab, sh }
    }

    /// What a call returns: 0 or above, or a negative error.
    fn call(&mut self, task: TaskId, call: Syscall) -> i32 {
        self.lab.call(task, call)
    }

    /// The value of a call of the shell that succeeds.
    #[track_caller]
    fn ok(&mut self, call: Syscall) -> u32 {
        let shown = format!("{call:?}");
        let value = self.lab.call(self.sh, call);
        assert!(value >= 0, "{shown}: {}", errno(value));
        value as u32
    }

    /// The error of a call of the shell that fails.
    #[track_caller]
    fn err(&mut self, call: Syscall) -> Errno {
        let shown = format!("{call:?}");
        let value = self.lab.call(self.sh, call);
        assert!(value < 0, "{shown}: {value}");
        errno(value)
    }

    fn attr(&self, path: &str) -> Attr {
        let kernel = self.lab.kernel();
        kernel.inodes()[kernel.lookup(path).unwrap()].attr
    }

    /// Makes a file of the shell with that mode and contents, and closes it.
    fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) {
        let fd = self.ok(open(path, O_CREAT | O_RDWR));
        assert_eq!(
            self.lab.write_fd(self.sh, fd, bytes),
            Ok(bytes.len() as i32)
        );
        self.ok(Syscall::Close(fd));
        self.ok(chmod(path, mode));
    }

    fn write(&mut self, fd: u32, bytes: &[u8]) {
        assert_eq!(
            self.lab.write_fd(self.sh, fd, bytes),
            Ok(bytes.len() as i32)
        );
    }

    fn contents(&mut self, path: &str) -> String {
        let fd = self.ok(open(path, O_RDONLY));
        let read = self.lab.read_fd(self.sh, fd, 999).unwrap().unwrap();
        self.ok(Syscall::Close(fd));
        read
    }

    /// The names that a scan shows, and the bytes of the records.
    fn scan(&mut self, fd: u32, count: u32) -> Result<(u32, Vec<u8>), Errno> {
        match self
            .lab
            .on_stack(self.sh, BufferCall::Getdents(fd), count, &[])
        {
            Acted::Filled(len, bytes) => Ok((len, bytes)),
            Acted::Refused(error) => Err(error.errno()),
            other => panic!("{other:?}"),
        }
    }

    fn stat(&mut self, call: BufferCall) -> Vec<u8> {
        match self.lab.on_stack(self.sh, call, 96, &[]) {
            Acted::Filled(0, bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// Sets a lock; the error, or the number of the call if it waits.
    fn lock(
        &mut self,
        task: TaskId,
        fd: u32,
        command: u32,
        (kind, start, len): (u32, i64, i64),
    ) -> Result<Result<Vec<u8>, Errno>, u64> {
        let mut bytes = (kind as u16).to_le_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend(start.to_le_bytes());
        bytes.extend(len.to_le_bytes());
        let call = BufferCall::Lock { fd, command };
        match self.lab.on_stack(task, call, 24, &bytes) {
            Acted::Filled(_, bytes) => Ok(Ok(bytes)),
            Acted::Refused(error) => Ok(Err(error.errno())),
            Acted::Blocks(call) => Err(call),
            other => panic!("{other:?}"),
        }
    }

    /// The lock that `F_GETLK` reports: type, pid, start and length; `None` if nothing is in the way.
    fn getlk(
        &mut self,
        task: TaskId,
        fd: u32,
        range: (u32, i64, i64),
    ) -> Option<(u32, i32, i64, i64)> {
        let bytes = self.lock(task, fd, F_GETLK64, range).unwrap().unwrap();
        let kind = u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        let long = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let pid = i32::from_le_bytes(bytes[20..24].try_into().unwrap());
        (kind != F_UNLCK).then(|| (kind, pid, long(4), long(12)))
    }
}

fn open(path: &str, flags: u32) -> Syscall {
    Syscall::Open(path.to_owned(), flags, 0o666)
}

fn chmod(path: &str, mode: u32) -> Syscall {
    Syscall::Chmod(path.to_owned(), mode)
}

fn chown(path: &str, uid: i32, gid: i32) -> Syscall {
    Syscall::Chown32(path.to_owned(), uid as u32, gid as u32)
}

fn mkdir(path: &str) -> Syscall {
    Syscall::Mkdir(path.to_owned(), 0o777)
}

fn unlink(path: &str) -> Syscall {
    Syscall::Unlink(path.to_owned())
}

fn rmdir(path: &str) -> Syscall {
    Syscall::Rmdir(path.to_owned())
}

fn rename(old: &str, new: &str) -> Syscall {
    Syscall::Rename(old.to_owned(), new.to_owned())
}

fn symlink(target: &str, path: &str) -> Syscall {
    Syscall::Symlink(target.to_owned(), path.to_owned())
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

const NOBODY: i32 = -1;

#[test]
fn examples_22_to_24_appending_and_shared_offsets() {
    let mut f = Files::new();
    let append = O_CREAT | O_WRONLY | O_APPEND;
    let (p, q) = (f.ok(open("/tmp/f", append)), f.ok(open("/tmp/f", append)));
    f.write(p, b"aaaa");
    f.write(q, b"bb");
    f.write(p, b"cc");
    let mut at = |fd| f.ok(Syscall::Lseek(fd, 0, SEEK_CUR));
    assert_eq!((at(p), at(q)), (8, 6), "22");
    assert_eq!(f.contents("/tmp/f"), "aaaabbcc", "22");

    let fd = f.ok(open("/tmp/g", O_CREAT | O_RDWR));
    let child = f.lab.fork(f.sh);
    f.write(fd, b"aa");
    assert_eq!(f.lab.write_fd(child, fd, b"bb"), Ok(2));
    assert_eq!(f.contents("/tmp/g"), "aabb", "23: one offset");
    let (one, two) = (
        f.ok(open("/tmp/h", O_CREAT | O_RDWR)),
        f.ok(open("/tmp/h", O_RDWR)),
    );
    f.write(one, b"aa");
    f.write(two, b"bb");
    assert_eq!(f.contents("/tmp/h"), "bb", "23: two offsets");

    let call = BufferCall::Pwrite(p, 0);
    assert!(matches!(
        f.lab.on_stack(f.sh, call, 1, b"x"),
        Acted::Filled(1, _)
    ));
    assert_eq!(f.contents("/tmp/f"), "aaaabbccx", "24");
    assert_eq!(f.ok(Syscall::Lseek(p, 0, SEEK_CUR)), 8, "24");
}

#[test]
fn example_26_a_sticky_directory() {
    let mut f = Files::new();
    let other = f.lab.spawn_as("other", 501);
    f.call(other, open("/tmp/theirs", O_CREAT));
    f.file("/tmp/mine", 0o644, b"");
    assert_eq!(f.err(unlink("/tmp/theirs")), Errno::EPERM);
    assert_eq!(f.err(rename("/tmp/mine", "/tmp/theirs")), Errno::EPERM);
    assert_eq!(f.err(rename("/tmp/theirs", "/tmp/x")), Errno::EPERM);
    f.ok(unlink("/tmp/mine"));
    let root = f.lab.spawn_as("root", 0);
    assert_eq!(f.call(root, unlink("/tmp/theirs")), 0);
}

#[test]
fn examples_27_to_30_and_33_to_34_who_opens_what() {
    let mut f = Files::new();
    f.file("/tmp/closed", 0o077, b"");
    assert_eq!(f.err(open("/tmp/closed", O_RDONLY)), Errno::EACCES, "27");
    let root = f.lab.spawn_as("root", 0);
    for (mode, value) in [(0o666, -Errno::EACCES.code()), (0o601, 0)] {
        f.file("/tmp/program", mode, b"");
        let access = Syscall::Access("/tmp/program".to_owned(), X_OK);
        assert_eq!(f.call(root, access), value, "28: {mode:o}");
        f.ok(unlink("/tmp/program"));
    }
    let fd = f.ok(Syscall::Open("/tmp/new".to_owned(), O_CREAT | O_RDWR, 0));
    assert_eq!(f.attr("/tmp/new").mode, S_IFREG, "29");
    f.write(fd, b"x");
    assert_eq!(f.err(open("/tmp/new", O_RDONLY)), Errno::EACCES, "29");
    f.ok(mkdir("/tmp/d"));
    assert_eq!(
        f.err(open("/tmp/d", O_CREAT | O_RDONLY)),
        Errno::EISDIR,
        "30"
    );
    assert_eq!(f.err(open("/tmp/x/", O_CREAT)), Errno::EISDIR, "30");
    f.ok(open("/tmp/x", O_CREAT | O_DIRECTORY));
    assert_eq!(f.attr("/tmp/x").file_type(), S_IFREG, "30");
    f.file("/tmp/kept", 0o444, b"kept");
    assert_eq!(
        f.err(open("/tmp/kept", O_RDONLY | O_TRUNC)),
        Errno::EACCES,
        "34"
    );
    for _ in 0..1024 {
        if f.call(f.sh, open("null", O_RDONLY)) < 0 {
            break;
        }
    }
    assert_eq!(f.err(open("/absent", O_RDONLY)), Errno::EMFILE, "33");
}

#[test]
fn examples_31_and_32_links() {
    let mut f = Files::new();
    f.ok(symlink("/tmp/nowhere", "/tmp/l"));
    assert_eq!(f.err(open("/tmp/l", O_CREAT | O_EXCL)), Errno::EEXIST, "31");
    assert_eq!(
        f.err(open("/tmp/l", O_CREAT | O_NOFOLLOW)),
        Errno::ELOOP,
        "31"
    );
    assert_eq!(f.err(open("/tmp/l", O_NOFOLLOW)), Errno::ELOOP, "31");
    f.ok(open("/tmp/l", O_CREAT));
    assert_eq!(f.attr("/tmp/nowhere").file_type(), S_IFREG, "31");
    f.file("/tmp/l7", 0o644, b"");
    for nr in 1..=6 {
        f.ok(symlink(&format!("l{}", nr + 1), &format!("/tmp/l{nr}")));
    }
    let access = |path: &str| Syscall::Access(path.to_owned(), F_OK);
    f.ok(access("/tmp/l2"));
    assert_eq!(f.err(access("/tmp/l1")), Errno::ELOOP, "32");
    f.ok(open("/tmp/l1", O_CREAT));
}

#[test]
fn example_35_times_after_truncation() {
    let mut f = Files::new();
    f.file("/tmp/f", 0o644, b"twelve bytes");
    f.file("/tmp/empty", 0o644, b"");
    let before = [f.attr("/tmp/f"), f.attr("/tmp/empty")];
    f.lab.tick(5);
    f.ok(open("/tmp/f", O_TRUNC | O_WRONLY));
    f.ok(open("/tmp/empty", O_TRUNC | O_WRONLY));
    let after = [f.attr("/tmp/f"), f.attr("/tmp/empty")];
    let new = |nr: usize| {
        (
            after[nr].mtime != before[nr].mtime,
            after[nr].ctime != before[nr].ctime,
        )
    };
    assert_eq!((new(0), new(1)), ((false, true), (true, true)));
}

#[test]
fn examples_36_to_38_set_id_bits_and_owners() {
    for (mode, write, chown_to, truncate) in [
        (0o6755, 0o755, 0o755, 0o6755),
        // A set-group-id file that its group cannot execute has no set-group-id.
        (0o2644, 0o2644, 0o2644, 0o2644),
    ] {
        let mut f = Files::new();
        f.file("/tmp/f", mode, b"x");
        let mode_of = |f: &Files| f.attr("/tmp/f").mode & 0o7777;
        let fd = f.ok(open("/tmp/f", O_WRONLY));
        f.write(fd, b"y");
        assert_eq!(mode_of(&f), write, "{mode:o} written");
        f.ok(chmod("/tmp/f", mode));
        f.ok(chown("/tmp/f", NOBODY, 500));
        assert_eq!(mode_of(&f), chown_to, "{mode:o} given to somebody");
        f.ok(chmod("/tmp/f", mode));
        f.ok(Syscall::Truncate("/tmp/f".to_owned(), 0));
        assert_eq!(mode_of(&f), truncate, "{mode:o} truncated");
    }
    let mut f = Files::new();
    let root = f.lab.spawn_as("root", 0);
    f.call(root, open("/tmp/theirs", O_CREAT));
    let before = f.attr("/tmp/theirs").ctime;
    f.lab.tick(5);
    f.ok(chown("/tmp/theirs", NOBODY, NOBODY));
    assert_ne!(f.attr("/tmp/theirs").ctime, before, "38");
    f.call(root, chmod("/tmp/theirs", 0o4755));
    assert_eq!(
        f.err(chown("/tmp/theirs", NOBODY, NOBODY)),
        Errno::EPERM,
        "38"
    );
}

#[test]
fn examples_39_to_41_names() {
    let mut f = Files::new();
    f.file("/tmp/a", 0o644, b"");
    f.ok(Syscall::Link("/tmp/a".to_owned(), "/tmp/b".to_owned()));
    f.ok(rename("/tmp/a", "/tmp/b"));
    assert_eq!(f.attr("/tmp/a").nlink, 2, "39: both names stay");
    f.ok(mkdir("/tmp/d"));
    f.ok(mkdir("/tmp/d/e"));
    assert_eq!(f.err(rename("/tmp/d", "/tmp/d/e/f")), Errno::EINVAL, "39");
    assert_eq!(f.err(rename("/tmp/d/e", "/tmp/d")), Errno::ENOTEMPTY, "39");

    let mut f = Files::new();
    let child = f.lab.fork(f.sh);
    let links = |f: &Files| f.attr("/tmp/p").nlink;
    let kernel_attr = |f: &Files, path: &str| {
        let kernel = f.lab.kernel();
        let root = kernel.inodes()[kernel.root().dir()]
            .kind
            .directory()
            .unwrap();
        let tmp = root.get("tmp").unwrap();
        let dir = kernel.inodes()[tmp].kind.directory().unwrap();
        kernel.inodes()[dir.get(path).unwrap()].attr.nlink
    };
    let _ = links;
    f.ok(mkdir("/tmp/p"));
    f.ok(mkdir("/tmp/p/d"));
    assert_eq!(kernel_attr(&f, "p"), 3, "40");
    assert_eq!(f.call(child, Syscall::Chdir("/tmp/p/d".to_owned())), 0);
    f.ok(rmdir("/tmp/p/d"));
    assert_eq!(kernel_attr(&f, "p"), 2, "40");
    let cwd = f.lab.on_stack(child, BufferCall::Getcwd, 99, &[]);
    assert!(
        matches!(cwd, Acted::Refused(error) if error.errno() == Errno::ENOENT),
        "40"
    );
    assert_eq!(
        errno(f.call(child, open("x", O_CREAT))),
        Errno::ENOENT,
        "40"
    );
    let sh = std::mem::replace(&mut f.sh, child);
    assert_eq!(word(&f.stat(BufferCall::Stat(".".to_owned())), 20), 0, "40");
    f.ok(open("..", O_RDONLY));
    f.sh = sh;

    f.ok(mkdir("/tmp/d"));
    f.file("/tmp/f", 0o644, b"");
    for (call, error) in [
        (unlink("/tmp/d"), Errno::EISDIR),
        (unlink("/tmp/f/"), Errno::ENOTDIR),
        (rmdir("/tmp/d/."), Errno::EINVAL),
        (rmdir("/tmp/d/.."), Errno::ENOTEMPTY),
        (mkdir("/"), Errno::EEXIST),
        (rmdir("/"), Errno::EBUSY),
        (unlink("/tmp/absent"), Errno::ENOENT),
        (rmdir("/tmp/f"), Errno::ENOTDIR),
        (
            Syscall::Link("/tmp/d".to_owned(), "/tmp/e".to_owned()),
            Errno::EPERM,
        ),
        (symlink("", "/tmp/e"), Errno::ENOENT),
        (symlink("x", "/tmp/f"), Errno::EEXIST),
        (rename("/tmp/absent", "/tmp/e"), Errno::ENOENT),
        (rename("/tmp/f", "/tmp/d"), Errno::EISDIR),
        (rename("/tmp/d", "/tmp/f"), Errno::ENOTDIR),
        (rename("/tmp/.", "/tmp/e"), Errno::EBUSY),
        (
            Syscall::Mknod("/tmp/e".to_owned(), S_IFDIR, 0),
            Errno::EPERM,
        ),
        (
            Syscall::Mknod("/tmp/e".to_owned(), S_IFCHR, 0x103),
            Errno::EPERM,
        ),
        (
            Syscall::Mknod("/tmp/e".to_owned(), 0o170000, 0),
            Errno::EINVAL,
        ),
    ] {
        let shown = format!("41: {call:?}");
        assert_eq!(f.err(call), error, "{shown}");
    }
}

#[test]
fn examples_42_and_43_entries_come_newest_first() {
    let mut f = Files::new();
    f.ok(mkdir("/tmp/d"));
    for name in ["a", "b", "c"] {
        f.file(&format!("/tmp/d/{name}"), 0o644, b"");
    }
    let fd = f.ok(open("/tmp/d", O_RDONLY));
    let (len, bytes) = f.scan(fd, 200).unwrap();
    let records: Vec<_> = bytes[..len as usize].chunks(24).collect();
    let shown: Vec<_> = records
        .iter()
        .map(|record| {
            let name = record[19..].split(|byte| *byte == 0).next().unwrap();
            (
                word(record, 8),
                record[16],
                record[18],
                std::str::from_utf8(name).unwrap(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (1, 24, 4, "."),
            (2, 24, 4, ".."),
            (3, 24, 8, "c"),
            (4, 24, 8, "b"),
            (5, 24, 8, "a")
        ],
        "42"
    );
    assert_eq!(f.scan(fd, 200).map(|(len, _)| len), Ok(0), "42");
    f.ok(Syscall::Lseek(fd, 0, SEEK_SET));
    assert_eq!(f.scan(fd, 20), Err(Errno::EINVAL), "43");
    for _ in 0..5 {
        assert_eq!(f.scan(fd, 24).map(|(len, _)| len), Ok(24), "43");
    }
    // What is made during a scan is not seen; what is removed is not shown.
    f.ok(Syscall::Lseek(fd, 3, SEEK_SET));
    f.file("/tmp/d/new", 0o644, b"");
    f.ok(unlink("/tmp/d/b"));
    let (len, bytes) = f.scan(fd, 200).unwrap();
    assert_eq!((len, bytes[19]), (24, b'a'));
}

#[test]
fn examples_44_to_47_locks_of_processes() {
    let mut f = Files::new();
    let fd = f.ok(open("/tmp/f", O_CREAT | O_RDWR));
    let (parent, child) = (f.sh, f.lab.fork(f.sh));
    let (w, r) = (F_WRLCK, F_RDLCK);
    f.lock(parent, fd, F_SETLK64, (w, 0, 10)).unwrap().unwrap();
    let pid = f.lab.pid(parent);
    assert_eq!(f.getlk(child, fd, (w, 0, 10)), Some((w, pid, 0, 10)), "44");
    f.call(child, Syscall::Close(fd));
    let again = f.call(child, open("/tmp/f", O_RDWR)) as u32;
    assert_eq!(
        f.getlk(child, again, (w, 0, 10)),
        Some((w, pid, 0, 10)),
        "44"
    );
    let other = f.ok(open("/tmp/f", O_RDWR));
    f.ok(Syscall::Close(other));
    assert_eq!(
        f.getlk(child, again, (w, 0, 10)),
        None,
        "44: lost by any close"
    );

    let sharer = f
        .lab
        .clone(parent, CloneFlags::CLONE_FILES | CloneFlags::FORK)
        .unwrap();
    f.lock(parent, fd, F_SETLK64, (w, 0, 10)).unwrap().unwrap();
    f.lock(sharer, fd, F_SETLK64, (r, 0, 10)).unwrap().unwrap();
    assert_eq!(
        f.getlk(child, again, (w, 0, 0)),
        Some((r, pid, 0, 10)),
        "45"
    );
    f.lock(parent, fd, F_SETLK64, (F_UNLCK, 0, 0))
        .unwrap()
        .unwrap();

    f.lock(parent, fd, F_SETLK64, (w, 0, 1)).unwrap().unwrap();
    f.lock(child, again, F_SETLK64, (w, 1, 1)).unwrap().unwrap();
    let waits = f.lock(parent, fd, F_SETLKW64, (w, 1, 1)).unwrap_err();
    assert_eq!(
        f.lock(child, again, F_SETLKW64, (w, 0, 1)),
        Ok(Err(Errno::EDEADLK)),
        "46"
    );
    assert_eq!(f.lab.returned(waits), None, "46");
    f.lock(child, again, F_SETLK64, (F_UNLCK, 1, 1))
        .unwrap()
        .unwrap();
    assert_eq!(f.lab.returned(waits).map(|(value, _)| value), Some(0), "46");
    f.lab.check();
}

#[test]
fn examples_48_and_49_locks_of_open_files() {
    let mut f = Files::new();
    let fd = f.ok(open("/tmp/f", O_CREAT | O_RDWR));
    f.ok(Syscall::Flock(fd, LOCK_EX));
    let child = f.lab.fork(f.sh);
    assert_eq!(
        f.call(child, Syscall::Flock(fd, LOCK_EX | LOCK_NB)),
        0,
        "48"
    );
    let own = f.call(child, open("/tmp/f", O_RDWR)) as u32;
    let refused = f.call(child, Syscall::Flock(own, LOCK_EX | LOCK_NB));
    assert_eq!(errno(refused), Errno::EAGAIN, "48");
    assert_eq!(f.call(child, Syscall::Flock(fd, LOCK_UN)), 0, "48");
    assert_eq!(
        f.call(child, Syscall::Flock(own, LOCK_SH | LOCK_NB)),
        0,
        "48: it is gone"
    );
    f.ok(Syscall::Flock(fd, LOCK_SH));
    assert_eq!(
        f.err(Syscall::Flock(fd, LOCK_EX | LOCK_NB)),
        Errno::EAGAIN,
        "49"
    );
    assert_eq!(
        f.call(child, Syscall::Flock(own, LOCK_EX | LOCK_NB)),
        0,
        "49: nothing is left"
    );
    let waits = match f.lab.outcome(f.sh, Syscall::Flock(fd, LOCK_SH)) {
        Acted::Blocks(call) => call,
        other => panic!("{other:?}"),
    };
    f.call(child, Syscall::Close(own));
    assert_eq!(f.lab.returned(waits).map(|(value, _)| value), Some(0));
}

#[test]
fn examples_50_86_and_89_descriptors() {
    let mut f = Files::new();
    let fd = f.ok(open("/tmp/f", O_CREAT | O_RDWR));
    f.ok(Syscall::Fcntl(fd, F_SETFD, FD_CLOEXEC));
    assert_eq!(f.ok(Syscall::Dup2(fd, fd)), fd, "50");
    assert_eq!(f.ok(Syscall::Fcntl(fd, F_GETFD, 0)), FD_CLOEXEC, "50");
    assert_eq!(f.err(Syscall::Dup2(fd, 1024)), Errno::EBADF, "50");
    assert_eq!(
        f.err(Syscall::Fcntl(fd, F_DUPFD, 1024)),
        Errno::EINVAL,
        "50"
    );
    let dir = f.ok(open("/tmp", O_RDONLY));
    let (pipe, _) = f.lab.pipe(f.sh);
    assert_eq!(f.ok(Syscall::Fsync(fd)), 0, "86");
    assert_eq!(f.err(Syscall::Fsync(dir)), Errno::EINVAL, "86");
    assert_eq!(f.err(Syscall::Fsync(pipe)), Errno::EINVAL, "86");
    assert_eq!(f.err(Syscall::Lseek(dir, 0, SEEK_END)), Errno::EINVAL, "89");
    assert_eq!(
        f.err(Syscall::Lseek(pipe, 0, SEEK_SET)),
        Errno::ESPIPE,
        "89"
    );
    assert_eq!(f.err(Syscall::Lseek(fd, -1, SEEK_SET)), Errno::EINVAL, "89");
    assert_eq!(f.lab.read_fd(f.sh, dir, 9), Ok(Err(Errno::EISDIR)));
    for (name, flags, error) in [
        ("/tmp", O_WRONLY, Errno::EISDIR),
        ("/tmp/f", O_DIRECTORY, Errno::ENOTDIR),
        ("/tmp/f", O_DIRECT, Errno::EINVAL),
        ("/dev/tty", O_RDWR, Errno::ENXIO),
    ] {
        assert_eq!(f.err(open(name, flags)), error, "{name} {flags:o}");
    }
}

#[test]
fn example_85_ioctl_of_a_terminal_on_other_files() {
    const TCGETS: u32 = 0x5401;
    let mut f = Files::new();
    let file = f.ok(open("/tmp/f", O_CREAT | O_RDWR));
    let dir = f.ok(open("/tmp", O_RDONLY));
    let null = f.ok(open("/dev/null", O_RDWR));
    let (pipe, _) = f.lab.pipe(f.sh);
    for (fd, error) in [
        (file, Errno::ENOTTY),
        (pipe, Errno::EINVAL),
        (dir, Errno::ENOTTY),
        (null, Errno::ENOTTY),
    ] {
        assert_eq!(f.err(Syscall::Ioctl(fd, TCGETS, 0)), error, "85: {fd}");
    }
    f.ok(Syscall::Ioctl(file, FIOCLEX, 0));
    assert_eq!(f.ok(Syscall::Fcntl(file, F_GETFD, 0)), FD_CLOEXEC);
    f.ok(Syscall::Ioctl(file, FIONCLEX, 0));
    assert_eq!(f.ok(Syscall::Fcntl(file, F_GETFD, 0)), 0);
}

/// The sharer of a table execs: the copy has the locks, and the other has lost them.
#[test]
fn example_88_exec_takes_the_locks_of_a_shared_table() {
    let mut f = Files::new();
    let fd = f.ok(open("/tmp/f", O_CREAT | O_RDWR));
    let setter = f
        .lab
        .clone(f.sh, CloneFlags::CLONE_FILES | CloneFlags::FORK)
        .unwrap();
    let stranger = f.lab.fork(f.sh);
    f.lock(setter, fd, F_SETLK64, (F_WRLCK, 0, 10))
        .unwrap()
        .unwrap();
    let pid = f.lab.pid(setter);
    assert_eq!(f.call(f.sh, Syscall::Execve("sh".into())), 0);
    assert_eq!(
        f.getlk(stranger, fd, (F_WRLCK, 0, 0)),
        Some((F_WRLCK, pid, 0, 10))
    );
    let refused = f.lock(setter, fd, F_SETLK64, (F_WRLCK, 0, 10));
    assert_eq!(refused, Ok(Err(Errno::EAGAIN)));
    f.lock(f.sh, fd, F_SETLK64, (F_UNLCK, 0, 0))
        .unwrap()
        .unwrap();
    assert_eq!(f.getlk(stranger, fd, (F_WRLCK, 0, 0)), None);
}

#[test]
fn example_90_the_limit_of_the_size_of_a_file() {
    let mut f = Files::new();
    f.file("/tmp/f", 0o644, &[b'x'; 90]);
    f.lab.setrlimit(f.sh, Resource::Fsize, 100);
    let ignore = Syscall::sigaction(Signal::SIGXFSZ.number(), Some(SigAction::Ignore));
    f.ok(ignore);
    let fd = f.ok(open("/tmp/f", O_WRONLY | O_APPEND));
    assert_eq!(f.lab.write_fd(f.sh, fd, &[b'y'; 20]), Ok(10));
    assert_eq!(f.lab.write_fd(f.sh, fd, b"z"), Ok(-Errno::EFBIG.code()));
    assert_eq!(f.err(Syscall::Ftruncate(fd, 101)), Errno::EFBIG);
}

#[test]
fn example_91_what_stat_tells() {
    let mut f = Files::new();
    let (pipe, _) = f.lab.pipe(f.sh);
    let bytes = f.stat(BufferCall::Fstat(pipe));
    let figures = |bytes: &[u8]| {
        (
            word(bytes, 16),
            word(bytes, 44),
            word(bytes, 52),
            word(bytes, 56),
        )
    };
    assert_eq!(figures(&bytes), (0o010600, 0, 4096, 0));
    f.ok(symlink("abc", "/tmp/l"));
    let bytes = f.stat(BufferCall::Lstat("/tmp/l".to_owned()));
    assert_eq!(figures(&bytes), (0o120777, 3, 4096, 0));
    let fd = f.ok(open("/tmp/f", O_CREAT | O_RDWR));
    f.write(fd, b"x");
    f.ok(Syscall::Lseek(fd, 9000, SEEK_SET));
    f.write(fd, b"x");
    let bytes = f.stat(BufferCall::Fstat(fd));
    assert_eq!(figures(&bytes), (0o100644, 9001, 4096, 16));
}

/// What an open of a fifo comes to.
fn fifo(f: &mut Files, task: TaskId, flags: u32) -> Result<Result<u32, Errno>, u64> {
    match f.lab.outcome(task, open("/tmp/fifo", flags)) {
        Acted::Returned(fd) => Ok(Ok(fd)),
        Acted::Refused(error) => Ok(Err(error.errno())),
        Acted::Blocks(call) => Err(call),
        other => panic!("{other:?}"),
    }
}

#[test]
fn examples_8_to_13_fifos() {
    let fresh = || {
        let mut f = Files::new();
        f.ok(Syscall::Mknod("/tmp/fifo".to_owned(), S_IFIFO | 0o644, 0));
        let kid = f.lab.fork(f.sh);
        (f, kid)
    };
    for flags in [O_WRONLY, O_WRONLY | O_NONBLOCK] {
        let (mut f, kid) = fresh();
        let waits = fifo(&mut f, kid, O_RDONLY).unwrap_err();
        let sh = f.sh;
        assert!(fifo(&mut f, sh, flags).unwrap().is_ok(), "8");
        assert_eq!(f.lab.returned(waits).map(|(fd, _)| fd), Some(3), "8");
        f.lab.check();
    }
    let (mut f, kid) = fresh();
    let sh = f.sh;
    let reads = fifo(&mut f, sh, O_RDONLY | O_NONBLOCK).unwrap().unwrap();
    assert_eq!(f.lab.read_fd(sh, reads, 9), Ok(Ok(String::new())), "9");
    let writes = fifo(&mut f, kid, O_WRONLY).unwrap().unwrap();
    assert_eq!(f.lab.read_fd(sh, reads, 9), Ok(Err(Errno::EAGAIN)), "9");
    f.call(kid, Syscall::Close(writes));
    assert_eq!(f.lab.read_fd(sh, reads, 9), Ok(Ok(String::new())), "9");

    let (mut f, kid) = fresh();
    let sh = f.sh;
    let waits = fifo(&mut f, kid, O_WRONLY).unwrap_err();
    let reads = fifo(&mut f, sh, O_RDONLY).unwrap().unwrap();
    f.ok(Syscall::Close(reads));
    assert_eq!(f.lab.returned(waits).map(|(fd, _)| fd), Some(3), "10");
    f.call(
        kid,
        Syscall::sigaction(Signal::SIGPIPE.number(), Some(SigAction::Ignore)),
    );
    assert_eq!(f.lab.write_fd(kid, 3, b"x"), Ok(-Errno::EPIPE.code()), "10");

    let (mut f, _) = fresh();
    let sh = f.sh;
    assert_eq!(
        fifo(&mut f, sh, O_WRONLY | O_NONBLOCK),
        Ok(Err(Errno::ENXIO)),
        "11"
    );
    assert!(f.lab.kernel().pipes().is_empty(), "11: nothing is counted");
    let both = fifo(&mut f, sh, O_RDWR).unwrap().unwrap();
    f.write(both, b"x");
    assert_eq!(f.lab.read_fd(sh, both, 9), Ok(Ok("x".to_owned())), "13");
    assert_eq!(fifo(&mut f, sh, 3), Ok(Err(Errno::EINVAL)), "mode 3");
    f.lab.check();
}

/// A signal undoes an open that waits, and the descriptor is free again.
#[test]
fn example_12_a_signal_undoes_the_open_of_a_fifo() {
    let mut f = Files::new();
    f.ok(Syscall::Mknod("/tmp/fifo".to_owned(), S_IFIFO | 0o644, 0));
    let kid = f.lab.fork(f.sh);
    let _waits = fifo(&mut f, kid, O_RDONLY).unwrap_err();
    assert_eq!(f.lab.kernel().pipes().len(), 1);
    let pid = f.lab.pid(kid);
    f.lab.kill(f.sh, pid, Signal::SIGKILL.number() as i32);
    assert!(f.lab.kernel().pipes().is_empty());
    f.lab.check();
}

/// Readers and writers of the only pipe there is.
fn ends(f: &Files) -> Vec<(u32, u32)> {
    let pipes = f.lab.kernel().pipes().values();
    pipes.map(|pipe| (pipe.readers(), pipe.writers())).collect()
}

#[test]
fn examples_1_and_3_fork_changes_no_count_of_a_pipe() {
    let mut f = Files::new();
    let (reads, writes) = f.lab.pipe(f.sh);
    assert_eq!((reads, writes), (3, 4), "1");
    let child = f.lab.fork(f.sh);
    assert_eq!(ends(&f), [(1, 1)], "1");
    f.write(writes, b"abc");
    assert_eq!(
        f.lab.read_fd(child, reads, 10),
        Ok(Ok("abc".to_owned())),
        "3"
    );
    f.call(child, Syscall::Close(writes));
    assert_eq!(ends(&f), [(1, 1)], "1");
    let waits = f.lab.read_fd(child, reads, 10).unwrap_err();
    f.ok(Syscall::Close(writes));
    assert_eq!(ends(&f), [(1, 0)], "1");
    assert_eq!(f.lab.read_late(waits), Some(String::new()), "1: the end");
}

/// Example 2: the reader itself keeps the other end open.
#[test]
fn example_2_an_end_left_open_by_mistake() {
    let mut f = Files::new();
    let (reads, writes) = f.lab.pipe(f.sh);
    let child = f.lab.fork(f.sh);
    let waits = f.lab.read_fd(child, reads, 10).unwrap_err();
    f.ok(Syscall::Close(writes));
    assert_eq!(ends(&f), [(1, 1)]);
    assert_eq!(f.lab.read_late(waits), None);
}

#[test]
fn examples_4_to_7_full_pipes() {
    let full = |last: &[u8]| {
        let mut f = Files::new();
        let (reads, writes) = f.lab.pipe(f.sh);
        f.ok(Syscall::Fcntl(writes, F_SETFL, O_NONBLOCK));
        for _ in 0..15 {
            f.write(writes, &[b'x'; 4096]);
        }
        f.write(writes, last);
        (f, reads, writes)
    };
    let again = -Errno::EAGAIN.code();
    let (mut f, _, writes) = full(&[b'y'; 100]);
    assert_eq!(f.lab.write_fd(f.sh, writes, &[b'z'; 5000]), Ok(904), "6");
    assert_eq!(f.lab.write_fd(f.sh, writes, &[b'z'; 4096]), Ok(again), "7");

    let (mut f, reads, writes) = full(&[b'x'; 4096]);
    let child = f.lab.fork(f.sh);
    f.ok(Syscall::Fcntl(writes, F_SETFL, 0));
    let written = f.lab.write_fd(f.sh, writes, &[b'w'; 8192]).unwrap_err();
    f.call(child, Syscall::Fcntl(reads, F_SETFL, O_NONBLOCK));
    let read = match f.lab.read_fd(child, reads, 70_000) {
        Ok(read) => read.unwrap().len(),
        Err(call) => f.lab.read_late(call).unwrap().len(),
    };
    assert_eq!(read, 70_000, "4: it waits for the sleeping writer");
    assert_eq!(
        f.lab.returned(written).map(|(value, _)| value),
        Some(8192),
        "4"
    );
    let left: u32 = f
        .lab
        .kernel()
        .pipes()
        .values()
        .map(forklab::kernel::fs::Pipe::len)
        .sum();
    assert_eq!(left, 3728, "4");
}

/// A list of buffers in memory of the shell: addresses and lengths.
fn vector(f: &mut Files, at: VirtAddr, entries: &[(u32, u32)]) {
    for (nr, (base, len)) in entries.iter().enumerate() {
        let entry = at.0 + 8 * nr as u32;
        f.lab.write(f.sh, VirtAddr(entry), *base);
        f.lab.write(f.sh, VirtAddr(entry + 4), *len);
    }
}

#[test]
fn vectors_are_checked_and_transferred_in_order() {
    let mut f = Files::new();
    let page = f.lab.map(f.sh, 2);
    let (text, list) = (page.0, VirtAddr(page.0 + 4096));
    f.lab.write(f.sh, page, u32::from_le_bytes(*b"abcd"));
    f.lab
        .write(f.sh, VirtAddr(text + 4), u32::from_le_bytes(*b"efgh"));
    let fd = f.ok(open("/tmp/f", O_CREAT | O_RDWR));
    let reads = f.ok(open("/tmp/f", O_RDONLY));
    let (pipe, into) = f.lab.pipe(f.sh);
    vector(&mut f, list, &[(text + 4, 2), (text, 0), (text, 3)]);
    for to in [fd, into] {
        assert_eq!(f.ok(Syscall::Writev(to, list, 3)), 5);
    }
    assert_eq!(f.contents("/tmp/f"), "efabc");
    for from in [reads, pipe] {
        vector(&mut f, list, &[(text + 16, 1), (text + 20, 99)]);
        assert_eq!(f.ok(Syscall::Readv(from, list, 2)), 5);
        let word = |f: &mut Files, at| f.lab.read(f.sh, VirtAddr(at)).to_le_bytes();
        assert_eq!(word(&mut f, text + 16)[0], b'e');
        assert_eq!(word(&mut f, text + 20), *b"fabc");
    }
    for (fd, entries, count, error) in [
        (99, [(text, 1), (text, 1)], 2, Errno::EBADF),
        (reads, [(text, 1), (text, 1)], 2, Errno::EBADF),
        (fd, [(text, 1), (text, 1)], 1025, Errno::EINVAL),
        (fd, [(text, 1), (0xc000_0000, 1)], 2, Errno::EFAULT),
        (fd, [(text, 1), (0, 0x8000_0000)], 2, Errno::EINVAL),
        (fd, [(0, 0x7fff_ffff), (0, 1)], 2, Errno::EINVAL),
    ] {
        vector(&mut f, list, &entries);
        let shown = format!("{fd} {entries:?} {count}");
        assert_eq!(f.err(Syscall::Writev(fd, list, count)), error, "{shown}");
    }
    assert_eq!(f.ok(Syscall::Writev(fd, VirtAddr(0), 0)), 0);
    assert_eq!(f.err(Syscall::Writev(fd, VirtAddr(8), 1)), Errno::EFAULT);
    // The offset has moved all the same.
    assert_eq!(
        f.err(Syscall::Llseek(fd, 0, 7, VirtAddr(8), SEEK_SET)),
        Errno::EFAULT
    );
    assert_eq!(f.ok(Syscall::Llseek(fd, 0, 0, list, SEEK_CUR)), 0);
    assert_eq!(f.lab.read(f.sh, list), 7);
}

/// Example 25: a regular file has no operation for vectors, so each buffer seeks to the end anew.
#[test]
fn example_25_each_buffer_of_an_appending_vector_goes_to_the_end() {
    let mut f = Files::new();
    let page = f.lab.map(f.sh, 1);
    f.lab.write(f.sh, page, u32::from_le_bytes(*b"abcd"));
    vector(
        &mut f,
        VirtAddr(page.0 + 64),
        &[(page.0, 2), (page.0 + 2, 2)],
    );
    f.file("/tmp/f", 0o644, b"12");
    let fd = f.ok(open("/tmp/f", O_WRONLY | O_APPEND));
    assert_eq!(f.ok(Syscall::Writev(fd, VirtAddr(page.0 + 64), 2)), 4);
    assert_eq!(f.contents("/tmp/f"), "12abcd");
    assert_eq!(f.ok(Syscall::Lseek(fd, 0, SEEK_CUR)), 6);
}
