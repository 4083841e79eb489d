//! System calls on names and attributes of files, as methods of a task.

use super::calls::done;
use super::convert::{Result, word};
use super::files::{Buffered, empty, text_read, with_buffer};
use crate::abi::{F_GETLK64, F_SETLK64, F_SETLKW64, F_UNLCK};
use crate::kernel::syscall::Syscall;
use crate::machine::BufferCall;
use crate::machine::StackCall;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// Bytes of `struct stat64`.
const STAT64: u32 = 96;
/// Bytes of `struct flock64`.
const FLOCK64: u32 = 24;
/// Room for the entries of a directory that one call returns.
const DIRENTS: u32 = 4096;

fn word_at(bytes: &[u8], at: usize) -> i64 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, |word| i64::from(u32::from_le_bytes(word)))
}

fn long_at(bytes: &[u8], at: usize) -> i64 {
    word_at(bytes, at) | word_at(bytes, at + 4) << 32
}

/// What `stat64` has stored, as a map.
pub(super) fn stat_map(bytes: &[u8]) -> Dynamic {
    let fields = [
        ("dev", 0),
        ("mode", 16),
        ("nlink", 20),
        ("uid", 24),
        ("gid", 28),
        ("rdev", 32),
        ("size", 44),
        ("blksize", 52),
        ("blocks", 56),
        ("atime", 64),
        ("mtime", 72),
        ("ctime", 80),
        ("ino", 88),
    ];
    let field = |(name, at): (&str, usize)| (name.into(), word_at(bytes, at).into());
    fields.into_iter().map(field).collect::<Map>().into()
}

/// The names in the records that `getdents64` has stored.
pub(super) fn entry_names(len: i64, bytes: &[u8]) -> Dynamic {
    let mut names = Array::new();
    let mut rest = &bytes[..bytes.len().min(len as usize)];
    while rest.len() > 19 {
        let reclen = usize::from(u16::from_le_bytes([rest[16], rest[17]]));
        let name = rest[19..].split(|byte| *byte == 0).next().unwrap_or(&[]);
        names.push(String::from_utf8_lossy(name).into_owned().into());
        rest = &rest[reclen.clamp(1, rest.len())..];
    }
    names.into()
}

/// What a lock command of `fcntl` leaves in its `struct flock64`.
pub(super) fn lock_map(bytes: &[u8]) -> Dynamic {
    let kind = word_at(bytes, 0) & 0xffff;
    let mut map = Map::new();
    map.insert("type".into(), kind.into());
    if kind != i64::from(F_UNLCK) {
        map.insert("start".into(), long_at(bytes, 4).into());
        map.insert("len".into(), long_at(bytes, 12).into());
        map.insert("pid".into(), word_at(bytes, 20).into());
    }
    map.into()
}

fn stat(ctx: &NativeCallContext, task: &Task, call: BufferCall) -> Result<Dynamic> {
    Ok(match with_buffer(ctx, task, empty(STAT64, call))? {
        Buffered::Done(_, bytes) => stat_map(&bytes),
        Buffered::Open(call) => call,
    })
}

/// `fcntl` with a `struct flock64`.
fn lock(
    ctx: &NativeCallContext,
    task: &Task,
    (fd, command): (i64, u32),
    kind: i64,
    (start, len): (i64, i64),
) -> Result<Buffered> {
    let mut bytes = (word(kind, "the type")? as u16).to_le_bytes().to_vec();
    bytes.extend([0, 0]);
    bytes.extend(start.to_le_bytes());
    bytes.extend(len.to_le_bytes());
    let what = StackCall {
        len: FLOCK64,
        bytes,
        call: BufferCall::Lock {
            fd: word(fd, "the descriptor")?,
            command,
        },
    };
    with_buffer(ctx, task, what)
}

/// A lock command of `fcntl` that stores nothing; returns the call if it waits.
fn set_lock(
    ctx: &NativeCallContext,
    task: &Task,
    (fd, command): (i64, u32),
    kind: i64,
    range: (i64, i64),
) -> Result<Dynamic> {
    Ok(match lock(ctx, task, (fd, command), kind, range)? {
        Buffered::Done(..) => Dynamic::UNIT,
        Buffered::Open(call) => call,
    })
}

#[export_module]
pub mod functions {
    /// `stat(path)`: what the kernel knows of a file, as a map: `dev`, `ino`, `mode`, `nlink`, `uid`,
    /// `gid`, `rdev`, `size`, `blksize`, `blocks` (of 512 bytes), `atime`, `mtime`, `ctime`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let info = sh.stat("/tmp");
    /// assert_eq(info.mode, S_IFDIR | S_ISVTX | 0o777);
    /// assert_eq(info.nlink, 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn stat(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        super::stat(&ctx, task, BufferCall::Stat(path.to_owned()))
    }

    /// `lstat(path)`: as `stat`; of a symbolic link it tells of the link itself.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.symlink("/nowhere", "/tmp/link");
    /// assert_eq(sh.lstat("/tmp/link").size, 8);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn lstat(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        super::stat(&ctx, task, BufferCall::Lstat(path.to_owned()))
    }

    /// `fstat(fd)`: as `stat`, of an open file.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fds = sh.pipe();
    /// assert_eq(sh.fstat(fds[0]).mode, S_IFIFO | 0o600);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fstat(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        let fd = word(fd, "the descriptor")?;
        super::stat(&ctx, task, BufferCall::Fstat(fd))
    }

    /// `access(path, mode)`: tests what the real user may do with a file: `R_OK`, `W_OK`, `X_OK`, or
    /// `F_OK` for whether it exists.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.access("/bin/sh", R_OK | X_OK);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn access(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        mode: i64,
    ) -> Result<Dynamic> {
        let mode = word(mode, "the mode")?;
        done(&ctx, task, Syscall::Access(path.to_owned(), mode))
    }

    /// `chmod(path, mode)`: changes the permissions of a file. Only its owner and root may.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.chmod("/tmp/notes", 0o400);
    /// assert_eq(sh.stat("/tmp/notes").mode, S_IFREG | 0o400);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chmod(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        mode: i64,
    ) -> Result<Dynamic> {
        let mode = word(mode, "the mode")?;
        done(&ctx, task, Syscall::Chmod(path.to_owned(), mode))
    }

    /// `fchmod(fd, mode)`: as `chmod`, of an open file.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.fchmod(fd, 0o400);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fchmod(ctx: NativeCallContext, task: &mut Task, fd: i64, mode: i64) -> Result<Dynamic> {
        let (fd, mode) = (word(fd, "the descriptor")?, word(mode, "the mode")?);
        done(&ctx, task, Syscall::Fchmod(fd, mode))
    }

    /// `chown(path, user, group)`: changes owner and group of a file; -1 leaves one as it is. Only
    /// root may give a file away, and the set-id bits go.
    ///
    /// ```rhai
    /// let root = spawn("sh", #{uid: 0});
    /// root.open("/tmp/notes", O_CREAT | O_RDWR);
    /// root.chown("/tmp/notes", 500, -1);
    /// assert_eq(root.stat("/tmp/notes").uid, 500);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chown(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        user: i64,
        group: i64,
    ) -> Result<Dynamic> {
        let (user, group) = (word(user, "the user")?, word(group, "the group")?);
        done(&ctx, task, Syscall::Chown32(path.to_owned(), user, group))
    }

    /// `lchown(path, user, group)`: as `chown`; of a symbolic link it changes the link itself.
    ///
    /// ```rhai
    /// let root = spawn("sh", #{uid: 0});
    /// root.symlink("/nowhere", "/tmp/link");
    /// root.lchown("/tmp/link", 500, 500);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn lchown(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        user: i64,
        group: i64,
    ) -> Result<Dynamic> {
        let (user, group) = (word(user, "the user")?, word(group, "the group")?);
        done(&ctx, task, Syscall::Lchown32(path.to_owned(), user, group))
    }

    /// `fchown(fd, user, group)`: as `chown`, of an open file.
    ///
    /// ```rhai
    /// let root = spawn("sh", #{uid: 0});
    /// let fd = root.open("/tmp/notes", O_CREAT | O_RDWR);
    /// root.fchown(fd, 500, 500);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fchown(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        user: i64,
        group: i64,
    ) -> Result<Dynamic> {
        let fd = word(fd, "the descriptor")?;
        let (user, group) = (word(user, "the user")?, word(group, "the group")?);
        done(&ctx, task, Syscall::Fchown32(fd, user, group))
    }

    /// `link(old, new)`: gives a file another name.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.open("/tmp/a", O_CREAT | O_RDWR);
    /// sh.link("/tmp/a", "/tmp/b");
    /// assert_eq(sh.stat("/tmp/b").nlink, 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn link(ctx: NativeCallContext, task: &mut Task, old: &str, new: &str) -> Result<Dynamic> {
        done(
            &ctx,
            task,
            Syscall::Link(Ok(old.to_owned()), new.to_owned()),
        )
    }

    /// `symlink(target, path)`: makes a symbolic link, whether its target exists or not.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.symlink("bin/sh", "/shell");
    /// assert_eq(sh.stat("/shell").ino, sh.stat("/bin/sh").ino);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn symlink(
        ctx: NativeCallContext,
        task: &mut Task,
        target: &str,
        path: &str,
    ) -> Result<Dynamic> {
        done(
            &ctx,
            task,
            Syscall::Symlink(target.to_owned(), path.to_owned()),
        )
    }

    /// `readlink(path)`: what a symbolic link stands for.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.symlink("bin/sh", "/shell");
    /// assert_eq(sh.readlink("/shell"), "bin/sh");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn readlink(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        let call = empty(4096, BufferCall::Readlink(path.to_owned()));
        Ok(match with_buffer(&ctx, task, call)? {
            Buffered::Done(len, bytes) => text_read(len, &bytes).into(),
            Buffered::Open(call) => call,
        })
    }

    /// `rename(old, new)`: moves a name, and replaces what had the new one.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.open("/tmp/a", O_CREAT | O_RDWR);
    /// sh.rename("/tmp/a", "/tmp/b");
    /// assert_eq(sh.getdents(sh.open("/tmp")), [".", "..", "b"]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rename(
        ctx: NativeCallContext,
        task: &mut Task,
        old: &str,
        new: &str,
    ) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Rename(old.to_owned(), new.to_owned()))
    }

    /// `mkdir(path, mode)`: creates a directory with these permissions, less the umask.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.mkdir("/tmp/private", 0o700);
    /// assert_eq(sh.stat("/tmp/private").mode, S_IFDIR | 0o700);
    /// ```
    #[rhai_fn(name = "mkdir", return_raw)]
    pub fn mkdir_mode(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        mode: i64,
    ) -> Result<Dynamic> {
        let mode = word(mode, "the mode")?;
        done(&ctx, task, Syscall::Mkdir(path.to_owned(), mode))
    }

    /// `rmdir(path)`: removes an empty directory.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.mkdir("/tmp/a");
    /// sh.rmdir("/tmp/a");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rmdir(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Rmdir(path.to_owned()))
    }

    /// `mknod(path, mode)`: makes a fifo (`S_IFIFO | 0o644`), a regular file or the name of a socket.
    /// An `open` of a fifo waits until the other side is open.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.mknod("/tmp/fifo", S_IFIFO | 0o644);
    /// let kid = sh.fork();
    /// let reads = sh.open("/tmp/fifo");         // waits for a writer
    /// let writes = kid.open("/tmp/fifo", O_WRONLY);
    /// kid.sys_write(writes, "hello");
    /// assert_eq(sh.sys_read(reads.value, 99), "hello");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mknod(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        mode: i64,
    ) -> Result<Dynamic> {
        let mode = word(mode, "the mode")?;
        done(&ctx, task, Syscall::Mknod(path.to_owned(), mode, 0))
    }

    /// `getdents(fd)`: the next entries of a directory, the newest first; `[]` at the end.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.mkdir("/tmp/a");
    /// sh.mkdir("/tmp/b");
    /// let fd = sh.open("/tmp");
    /// assert_eq(sh.getdents(fd), [".", "..", "b", "a"]);
    /// assert_eq(sh.getdents(fd), []);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getdents(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        let call = empty(DIRENTS, BufferCall::Getdents(word(fd, "the descriptor")?));
        Ok(match with_buffer(&ctx, task, call)? {
            Buffered::Done(len, bytes) => entry_names(len, &bytes),
            Buffered::Open(call) => call,
        })
    }

    /// `fchdir(fd)`: as `chdir`, by an open directory.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fchdir(sh.open("/tmp"));
    /// assert_eq(sh.getcwd(), "/tmp");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fchdir(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Fchdir(word(fd, "the descriptor")?))
    }

    /// `flock(fd, operation)`: `LOCK_SH`, `LOCK_EX` or `LOCK_UN`, with `LOCK_NB` to fail instead of
    /// waiting. The lock belongs to the open file, which fork and dup share.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.flock(fd, LOCK_EX);
    /// let kid = sh.fork();
    /// kid.flock(fd, LOCK_EX | LOCK_NB);         // the same open file
    /// let call = kid.flock(kid.open("/tmp/notes"), LOCK_SH);
    /// sh.flock(fd, LOCK_UN);
    /// assert(call.done);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn flock(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        operation: i64,
    ) -> Result<Dynamic> {
        let (fd, operation) = (
            word(fd, "the descriptor")?,
            word(operation, "the operation")?,
        );
        done(&ctx, task, Syscall::Flock(fd, operation))
    }

    /// `setlk(fd, type, start, len)`: `fcntl` with `F_SETLK`: locks bytes of a file for its process
    /// (`F_RDLCK`, `F_WRLCK`), or unlocks them (`F_UNLCK`). Length 0 means to the end. It fails with
    /// `EAGAIN` if another process has a lock in the way.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.setlk(fd, F_WRLCK, 0, 10);
    /// sh.close(sh.dup(fd));                     // any close loses the lock
    /// let kid = sh.fork();
    /// kid.setlk(fd, F_WRLCK, 0, 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setlk(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        kind: i64,
        start: i64,
        len: i64,
    ) -> Result<Dynamic> {
        set_lock(&ctx, task, (fd, F_SETLK64), kind, (start, len))
    }

    /// `setlkw(fd, type, start, len)`: `fcntl` with `F_SETLKW`: as `setlk`, but it waits for the lock.
    /// Returns a `Call` if it does.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// let kid = sh.fork();
    /// sh.setlk(fd, F_WRLCK, 0, 10);
    /// let call = kid.setlkw(fd, F_WRLCK, 5, 1);
    /// sh.setlk(fd, F_UNLCK, 0, 0);
    /// assert(call.done);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setlkw(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        kind: i64,
        start: i64,
        len: i64,
    ) -> Result<Dynamic> {
        set_lock(&ctx, task, (fd, F_SETLKW64), kind, (start, len))
    }

    /// `getlk(fd, type, start, len)`: `fcntl` with `F_GETLK`: the first lock that would be in the way
    /// of that one, as a map with `type`, `pid`, `start` and `len`; only `type: F_UNLCK` if there is
    /// none.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.setlk(fd, F_WRLCK, 0, 10);
    /// let kid = sh.fork();
    /// assert_eq(kid.getlk(fd, F_WRLCK, 0, 0).pid, sh.pid);
    /// assert_eq(sh.getlk(fd, F_WRLCK, 0, 0).type, F_UNLCK);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getlk(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        kind: i64,
        start: i64,
        len: i64,
    ) -> Result<Dynamic> {
        Ok(
            match lock(&ctx, task, (fd, F_GETLK64), kind, (start, len))? {
                Buffered::Done(_, bytes) => lock_map(&bytes),
                Buffered::Open(call) => call,
            },
        )
    }
}
