//! System calls on files, pipes and directories, as methods of a task.

use super::calls::{done, plain, words};
use super::convert::{Result, act, call_handle, ranged, word};
use crate::kernel::syscall::Syscall;
use crate::machine::{Acted, Action, BufferCall, StackCall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Blob, Dynamic, NativeCallContext};

/// The largest buffer that a puppet allocates on its stack, in bytes.
const MAX_BUFFER: i64 = 1 << 20;

/// The result of a system call with a buffer.
pub(super) enum Buffered {
    /// It succeeded: the return value, and the contents of the buffer.
    Done(i64, Vec<u8>),
    /// It blocks, or the task has exited.
    Open(Dynamic),
}

/// Makes a system call with a buffer on the puppet's stack.
pub(super) fn with_buffer(
    ctx: &NativeCallContext,
    task: &Task,
    what: StackCall,
) -> Result<Buffered> {
    Ok(match act(ctx, task, Action::OnStack(what))? {
        Acted::Filled(value, bytes) => Buffered::Done(i64::from(value), bytes),
        Acted::Blocks(id) => Buffered::Open(call_handle(ctx, id)?),
        _ => Buffered::Open(Dynamic::UNIT),
    })
}

/// The bytes that `read` returned, as a string.
pub(super) fn text_read(read: i64, bytes: &[u8]) -> String {
    let read = bytes.len().min(read as usize);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

/// The two descriptors that `pipe` has stored.
pub(super) fn descriptors(bytes: &[u8]) -> Dynamic {
    let fds = words(bytes).into_iter().map(|fd| i64::from(fd).into());
    fds.collect::<Array>().into()
}

fn write(ctx: &NativeCallContext, task: &Task, fd: i64, bytes: &[u8]) -> Result<Dynamic> {
    let len = ranged(bytes.len() as i64, "the number of bytes", 0, MAX_BUFFER)?;
    let what = StackCall {
        len: len as u32,
        bytes: bytes.to_vec(),
        call: BufferCall::Write(word(fd, "the descriptor")?),
    };
    Ok(match with_buffer(ctx, task, what)? {
        Buffered::Done(value, _) => value.into(),
        Buffered::Open(call) => call,
    })
}

pub(super) fn empty(len: u32, call: BufferCall) -> StackCall {
    StackCall {
        len,
        bytes: Vec::new(),
        call,
    }
}

#[export_module]
pub mod functions {
    /// `read(fd, n)`: at most `n` bytes from an open file, as a string; "" at end of file. Returns
    /// a `Call` if it blocks, as on an empty pipe or on the console. The buffer is on the task's
    /// stack.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// sh.lseek(fd, 1, SEEK_SET);
    /// assert_eq(sh.sys_read(fd, 3), "ell");
    /// assert_eq(sh.sys_read(fd, 99), "o");
    /// assert_eq(sh.sys_read(fd, 99), "");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sys_read(ctx: NativeCallContext, task: &mut Task, fd: i64, n: i64) -> Result<Dynamic> {
        let len = ranged(n, "the number of bytes", 0, MAX_BUFFER)? as u32;
        let call = BufferCall::Read(word(fd, "the descriptor")?);
        Ok(match with_buffer(&ctx, task, empty(len, call))? {
            Buffered::Done(read, bytes) => text_read(read, &bytes).into(),
            Buffered::Open(call) => call,
        })
    }

    /// `write(fd, text)`: writes a string to an open file. Returns the number of bytes written, or
    /// a `Call` if it blocks, as on a full pipe. The buffer is on the task's stack.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fds = sh.pipe();
    /// let kid = sh.fork();
    /// assert_eq(kid.sys_write(fds[1], "hello"), 5);
    /// assert_eq(sh.sys_read(fds[0], 99), "hello");
    /// ```
    #[rhai_fn(name = "sys_write", return_raw)]
    pub fn sys_write(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        text: &str,
    ) -> Result<Dynamic> {
        write(&ctx, task, fd, text.as_bytes())
    }

    /// `write(fd, bytes)`: writes a blob to an open file.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fds = sh.pipe();
    /// assert_eq(sh.sys_write(fds[1], blob(4096, 0x78)), 4096);
    /// ```
    #[rhai_fn(name = "sys_write", return_raw)]
    pub fn sys_write_bytes(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        bytes: Blob,
    ) -> Result<Dynamic> {
        write(&ctx, task, fd, &bytes)
    }

    /// `pread(fd, n, offset)`: at most `n` bytes from an offset on, as a string. The offset of the
    /// open file stays as it is.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// assert_eq(sh.pread(fd, 99, 1), "ello");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pread(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        n: i64,
        offset: i64,
    ) -> Result<Dynamic> {
        let len = ranged(n, "the number of bytes", 0, MAX_BUFFER)? as u32;
        let call = BufferCall::Pread(word(fd, "the descriptor")?, offset);
        Ok(match with_buffer(&ctx, task, empty(len, call))? {
            Buffered::Done(read, bytes) => text_read(read, &bytes).into(),
            Buffered::Open(call) => call,
        })
    }

    /// `pwrite(fd, text, offset)`: writes a string at an offset. Returns the number of bytes written.
    /// The offset of the open file stays as it is.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.pwrite(fd, "end", 4*KiB);
    /// assert_eq(sh.lseek(fd, 0, SEEK_END), 4*KiB + 3);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pwrite(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        text: &str,
        offset: i64,
    ) -> Result<Dynamic> {
        let len = ranged(text.len() as i64, "the number of bytes", 0, MAX_BUFFER)?;
        let what = StackCall {
            len: len as u32,
            bytes: text.as_bytes().to_vec(),
            call: BufferCall::Pwrite(word(fd, "the descriptor")?, offset),
        };
        Ok(match with_buffer(&ctx, task, what)? {
            Buffered::Done(value, _) => value.into(),
            Buffered::Open(call) => call,
        })
    }

    /// `pipe()`: creates a pipe and returns its two descriptors, `[read, write]`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.pipe(), [3, 4]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pipe(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        Ok(match with_buffer(&ctx, task, empty(8, BufferCall::Pipe))? {
            Buffered::Done(_, bytes) => descriptors(&bytes),
            Buffered::Open(call) => call,
        })
    }

    /// `dup2(fd, copy)`: makes `copy` another descriptor for the same open file, closing it first
    /// if it is open.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/log", O_CREAT | O_WRONLY);
    /// sh.dup2(fd, 1);
    /// assert_eq(sh.files.fds[1].path, "tmp/log");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dup2(ctx: NativeCallContext, task: &mut Task, fd: i64, copy: i64) -> Result<Dynamic> {
        let fd = word(fd, "the descriptor")?;
        plain(
            &ctx,
            task,
            Syscall::Dup2(fd, word(copy, "the new descriptor")?),
        )
    }

    /// `fcntl(fd, cmd)` for the commands without an argument: `F_GETFD`, `F_GETFL`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/log", O_CREAT | O_WRONLY | O_APPEND);
    /// assert_eq(sh.fcntl(fd, F_GETFL), O_WRONLY | O_APPEND);
    /// ```
    #[rhai_fn(name = "fcntl", return_raw)]
    pub fn fcntl(ctx: NativeCallContext, task: &mut Task, fd: i64, cmd: i64) -> Result<Dynamic> {
        fcntl_arg(ctx, task, fd, cmd, 0)
    }

    /// `fcntl(fd, cmd, arg)`: `F_DUPFD`, `F_SETFD` (with `FD_CLOEXEC`), `F_SETFL` (with `O_APPEND`,
    /// `O_NONBLOCK`).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("null");
    /// sh.fcntl(fd, F_SETFD, FD_CLOEXEC);
    /// sh.exec("sh");
    /// assert_eq(sh.files.fds.len, 3);
    /// ```
    #[rhai_fn(name = "fcntl", return_raw)]
    pub fn fcntl_arg(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        cmd: i64,
        arg: i64,
    ) -> Result<Dynamic> {
        let (fd, cmd) = (word(fd, "the descriptor")?, word(cmd, "the command")?);
        plain(
            &ctx,
            task,
            Syscall::Fcntl(fd, cmd, word(arg, "the argument")?),
        )
    }

    /// `lseek(fd, offset, origin)`: sets the file offset, relative to the beginning (`SEEK_SET`),
    /// the current offset (`SEEK_CUR`) or the end (`SEEK_END`). The offset belongs to the open
    /// file: all descriptors that fork or dup made of it share it.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// let kid = sh.fork();
    /// kid.lseek(fd, 7, SEEK_SET);
    /// assert_eq(sh.lseek(fd, 0, SEEK_CUR), 7);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn lseek(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        offset: i64,
        origin: i64,
    ) -> Result<Dynamic> {
        let fd = word(fd, "the descriptor")?;
        let offset = word(offset, "the offset")? as i32;
        plain(
            &ctx,
            task,
            Syscall::Lseek(fd, offset, word(origin, "the origin")?),
        )
    }

    /// `truncate(path, length)`: changes the length of a file. Pages beyond it leave the page cache and
    /// all mappings; a file that becomes longer ends in zeros.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// sh.truncate("/tmp/notes", 4);
    /// sh.lseek(fd, 0, SEEK_SET);
    /// assert_eq(sh.sys_read(fd, 99), "hell");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn truncate(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        length: i64,
    ) -> Result<Dynamic> {
        let length = word(length, "the length")? as i32;
        done(&ctx, task, Syscall::Truncate(path.to_owned(), length))
    }

    /// `ftruncate(fd, length)`: changes the length of an open file.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.ftruncate(fd, 8*KiB);
    /// assert_eq(sh.lseek(fd, 0, SEEK_END), 8*KiB);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ftruncate(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        length: i64,
    ) -> Result<Dynamic> {
        let length = word(length, "the length")? as i32;
        done(
            &ctx,
            task,
            Syscall::Ftruncate(word(fd, "the descriptor")?, length),
        )
    }

    /// `fsync(fd)`: writes the dirty pages of a file to the disk. Returns a `Call` if it blocks: the
    /// disk needs until the next tick.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// let call = sh.fsync(fd);
    /// run(1);
    /// assert(call.done);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fsync(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Fsync(word(fd, "the descriptor")?))
    }

    /// `fdatasync(fd)`: as `fsync`; a file of forklab has nothing but data to be written.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.fdatasync(fd);   // nothing is dirty: it returns at once
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fdatasync(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Fdatasync(word(fd, "the descriptor")?))
    }

    /// `sync()`: writes the dirty pages of all files to the disk. Returns a `Call` if it blocks: the
    /// disk needs until the next tick.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// sh.sync();
    /// run(1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sync(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Sync)
    }

    /// `fadvise(fd, offset, len, advice)`: what will be done with a part of a file; length 0 means up
    /// to its end. `POSIX_FADV_DONTNEED` writes dirty pages to the disk and drops the clean ones that
    /// nobody maps; `POSIX_FADV_WILLNEED` reads pages.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// sh.sync();
    /// run(1);
    /// sh.fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    /// let a = sh.mmap(0, 4*KiB, PROT_READ, MAP_SHARED, fd, 0);
    /// assert_eq(sh.mincore(a, 4*KiB), [0]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fadvise(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        offset: i64,
        len: i64,
        advice: i64,
    ) -> Result<Dynamic> {
        let (fd, len) = (word(fd, "the descriptor")?, word(len, "the length")?);
        let advice = word(advice, "the advice")? as i32;
        done(&ctx, task, Syscall::Fadvise64(fd, offset, len, advice))
    }

    /// `readahead(fd, offset, count)`: reads pages of a file that are not cached, for later.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.ftruncate(fd, 16*KiB);
    /// sh.readahead(fd, 4*KiB, 8*KiB);
    /// let a = sh.mmap(0, 16*KiB, PROT_READ, MAP_SHARED, fd, 0);
    /// assert_eq(sh.mincore(a, 16*KiB), [0, 1, 1, 0]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn readahead(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        offset: i64,
        count: i64,
    ) -> Result<Dynamic> {
        let (fd, count) = (word(fd, "the descriptor")?, word(count, "the count")?);
        done(&ctx, task, Syscall::Readahead(fd, offset, count))
    }

    /// `unlink(path)`: removes the name. The file itself lives until nobody has it open.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.unlink("/tmp/notes");
    /// assert_eq(sh.sys_write(fd, "still here"), 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn unlink(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Unlink(path.to_owned()))
    }

    /// `mkdir(path)`: creates a directory.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.mkdir("/tmp/a");
    /// sh.chdir("/tmp/a");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mkdir(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Mkdir(path.to_owned(), 0o777))
    }

    /// `chdir(path)`: changes the working directory, also for all tasks that share it by
    /// `CLONE_FS`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.clone(CLONE_FS | SIGCHLD);
    /// kid.chdir("/tmp");
    /// assert_eq(sh.getcwd(), "/tmp");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chdir(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Chdir(path.to_owned()))
    }

    /// `chroot(path)`: changes the root directory. Only root may.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.chroot("/tmp");
    /// sh.chdir("/");
    /// assert_eq(sh.fs.cwd, "/tmp");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chroot(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Chroot(path.to_owned()))
    }

    /// `getcwd()`: the working directory.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").getcwd(), "/");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getcwd(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        let call = empty(4096, BufferCall::Getcwd);
        Ok(match with_buffer(&ctx, task, call)? {
            // The length includes the terminating null byte.
            Buffered::Done(len, bytes) => text_read(len - 1, &bytes).into(),
            Buffered::Open(call) => call,
        })
    }

    /// `umask(mask)`: sets the permission bits that new files do not get. Returns the old mask.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.clone(CLONE_FS | SIGCHLD);
    /// assert_eq(sh.umask(0o077), 0o022);
    /// assert_eq(kid.umask(0), 0o077);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn umask(ctx: NativeCallContext, task: &mut Task, mask: i64) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Umask(word(mask, "the mask")?))
    }
}
