//! Memory accesses and mappings in the task's user mode.

use super::calls::{done, plain, resident};
use super::convert::{Result, act, address, ranged, word};
use super::files::{Buffered, with_buffer};
use crate::abi::{Errno, MapFlags, PAGE_SIZE, Prot, TASK_SIZE};
use crate::kernel::syscall::{MmapArgs, Syscall};
use crate::machine::{Acted, Action, BufferCall, StackCall};
use crate::script::errors::{ScriptError, errno_error};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Blob, Dynamic, NativeCallContext};

fn bytes(ctx: &NativeCallContext, task: &Task, addr: i64, len: u32) -> Result<Vec<u8>> {
    match act(
        ctx,
        task,
        Action::Read {
            addr: address(addr)?,
            len,
        },
    )? {
        Acted::Bytes(bytes) => Ok(bytes),
        _ => Err(ScriptError::new("nothing was read").into()),
    }
}

fn store(ctx: &NativeCallContext, task: &Task, addr: i64, bytes: Vec<u8>) -> Result<()> {
    act(
        ctx,
        task,
        Action::Write {
            addr: address(addr)?,
            bytes,
        },
    )
    .map(|_| ())
}

#[export_module]
pub mod functions {
    /// Maps `len` bytes of private, zero-filled, readable and writable memory at an address that
    /// the kernel chooses. Returns the address. No frame is allocated before the first access.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// assert_eq(hex(a), "0xb7fff000");
    /// ```
    #[rhai_fn(name = "mmap", return_raw)]
    pub fn mmap_len(ctx: NativeCallContext, task: &mut Task, len: i64) -> Result<Dynamic> {
        let prot = Prot::READ | Prot::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
        mmap(
            ctx,
            task,
            0,
            len,
            i64::from(prot.bits()),
            i64::from(flags.bits()),
        )
    }

    /// `mmap(addr, len, prot, flags)` of anonymous memory: `MAP_PRIVATE` or `MAP_SHARED`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(0, 4*KiB, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS);
    /// let kid = sh.fork();
    /// kid.write(a, 5);
    /// assert_eq(sh.read(a), 5);
    /// ```
    #[rhai_fn(name = "mmap", return_raw)]
    pub fn mmap(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
        prot: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::Mmap2(MmapArgs {
            addr: word(addr, "the address")?,
            len: word(len, "the length")?,
            prot: word(prot, "prot")?,
            flags: word(flags, "flags")?,
            fd: None,
            pgoff: 0,
        });
        plain(&ctx, task, call)
    }

    /// `mmap(addr, len, prot, flags, fd, offset)` of a file, from `offset` bytes on, which must be a
    /// multiple of 4096. With `MAP_SHARED` stores change the file, with `MAP_PRIVATE` they do not.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// let a = sh.mmap(0, 4*KiB, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    /// assert_eq(sh.read(a, 5).as_string(), "hello");
    /// ```
    #[rhai_fn(name = "mmap", return_raw)]
    #[expect(clippy::too_many_arguments, reason = "mmap has six")]
    pub fn mmap_file(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
        prot: i64,
        flags: i64,
        fd: i64,
        offset: i64,
    ) -> Result<Dynamic> {
        let page = i64::from(PAGE_SIZE);
        if offset % page != 0 {
            let error = errno_error(Errno::EINVAL, "mmap");
            let note = "mmap2() takes the offset in pages; the C library checks it before";
            let help = format!(
                "the offset must be a multiple of 4096, such as {}",
                offset - offset % page
            );
            return Err(error.with_note(note).with_help(help).into());
        }
        let call = Syscall::Mmap2(MmapArgs {
            addr: word(addr, "the address")?,
            len: word(len, "the length")?,
            prot: word(prot, "prot")?,
            flags: word(flags, "flags")?,
            fd: Some(word(fd, "the descriptor")?),
            pgoff: word(offset / page, "the offset in pages")?,
        });
        plain(&ctx, task, call)
    }

    /// `msync(addr, len, flags)`: lets the file know what was stored through the mapping. With
    /// `MS_ASYNC` the pages become dirty in the page cache; with `MS_SYNC` the whole file is written
    /// to the disk. Returns a `Call` if it blocks: the disk needs until the next tick.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.ftruncate(fd, 4*KiB);
    /// let a = sh.mmap(0, 4*KiB, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    /// sh.write(a, 7);
    /// sh.msync(a, 4*KiB, MS_SYNC);
    /// run(1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn msync(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        let (addr, len) = (word(addr, "the address")?, word(len, "the length")?);
        done(&ctx, task, Syscall::Msync(addr, len, word(flags, "flags")?))
    }

    /// `mincore(addr, len)`: for each page of a mapped file 1 if the page cache has it, else 0, as an
    /// array. Private anonymous memory is refused.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.sys_write(fd, "hello");
    /// sh.ftruncate(fd, 8*KiB);
    /// let a = sh.mmap(0, 8*KiB, PROT_READ, MAP_SHARED, fd, 0);
    /// assert_eq(sh.mincore(a, 8*KiB), [1, 0]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mincore(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
    ) -> Result<Dynamic> {
        let (addr, len) = (word(addr, "the address")?, word(len, "the length")?);
        let pages = len.div_ceil(PAGE_SIZE);
        let what = StackCall {
            len: pages,
            bytes: Vec::new(),
            call: BufferCall::Mincore { addr, len },
        };
        Ok(match with_buffer(&ctx, task, what)? {
            Buffered::Done(_, bytes) => resident(&bytes),
            Buffered::Open(call) => call,
        })
    }

    /// `remap_file_pages(addr, len, prot, page, flags)`: puts the pages of a file from number `page`
    /// on at an address of a shared mapping of it, in the page table only. `prot` must be 0.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/notes", O_CREAT | O_RDWR);
    /// sh.ftruncate(fd, 8*KiB);
    /// let a = sh.mmap(0, 8*KiB, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    /// sh.write(a + 4*KiB, 7);
    /// sh.remap_file_pages(a, 4*KiB, 0, 1, 0);
    /// assert_eq(sh.read(a), 7);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn remap_file_pages(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
        prot: i64,
        page: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::RemapFilePages([
            word(addr, "the address")?,
            word(len, "the length")?,
            word(prot, "prot")?,
            word(page, "the page")?,
            word(flags, "flags")?,
        ]);
        done(&ctx, task, call)
    }

    /// `munmap(addr, len)`: unmaps the pages in a range.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.munmap(a, 4*KiB);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn munmap(ctx: NativeCallContext, task: &mut Task, addr: i64, len: i64) -> Result<Dynamic> {
        let call = Syscall::Munmap(word(addr, "the address")?, word(len, "the length")?);
        done(&ctx, task, call)
    }

    /// `brk(addr)`: moves the end of the heap; `brk(0)` only asks for it. Returns the end.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let end = sh.brk(0);
    /// assert_eq(sh.brk(end + 4*KiB), end + 4*KiB);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn brk(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Brk(word(addr, "the address")?))
    }

    /// Reads a 4-byte word as a signed int.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.read(sh.mmap(4*KiB)), 0);
    /// ```
    #[rhai_fn(name = "read", return_raw)]
    pub fn read(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<i64> {
        let bytes = bytes(&ctx, task, addr, 4)?;
        let word = bytes
            .iter()
            .rev()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        Ok(i64::from(word as i32))
    }

    /// Reads `len` bytes as a blob.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.read(sh.mmap(4*KiB), 8).len(), 8);
    /// ```
    #[rhai_fn(name = "read", return_raw)]
    pub fn read_len(ctx: NativeCallContext, task: &mut Task, addr: i64, len: i64) -> Result<Blob> {
        let len = ranged(len, "the length", 0, 1 << 20)? as u32;
        bytes(&ctx, task, addr, len)
    }

    /// Reads a byte, 0 to 255.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.read8(sh.mmap(4*KiB)), 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read8(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<i64> {
        Ok(bytes(&ctx, task, addr, 1)?
            .first()
            .map_or(0, |byte| i64::from(*byte)))
    }

    /// Reads a 2-byte word, 0 to 65535.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.read16(sh.mmap(4*KiB)), 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read16(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<i64> {
        let bytes = bytes(&ctx, task, addr, 2)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | i64::from(*byte)))
    }

    /// Reads a null-terminated string of at most 4 KiB.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, "hello");
    /// assert_eq(sh.read_str(a), "hello");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_str(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<String> {
        let mut text = Vec::new();
        for at in 0..i64::from(PAGE_SIZE) {
            let byte = bytes(&ctx, task, addr + at, 1)?;
            match byte.first() {
                Some(0) | None => break,
                Some(byte) => text.push(*byte),
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Writes a 4-byte word.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 42);
    /// assert_eq(sh.read(a), 42);
    /// ```
    #[rhai_fn(name = "write", return_raw)]
    pub fn write(ctx: NativeCallContext, task: &mut Task, addr: i64, value: i64) -> Result<()> {
        let value = word(value, "the value")?;
        store(&ctx, task, addr, value.to_le_bytes().into())
    }

    /// Writes the bytes of a string and a null byte.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write(sh.mmap(4*KiB), "hello");
    /// ```
    #[rhai_fn(name = "write", return_raw)]
    pub fn write_str(ctx: NativeCallContext, task: &mut Task, addr: i64, text: &str) -> Result<()> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        store(&ctx, task, addr, bytes)
    }

    /// Writes the bytes of a blob.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write(sh.mmap(4*KiB), blob(16, 7));
    /// ```
    #[rhai_fn(name = "write", return_raw)]
    pub fn write_blob(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        bytes: Blob,
    ) -> Result<()> {
        store(&ctx, task, addr, bytes)
    }

    /// Writes a byte.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write8(sh.mmap(4*KiB), 255);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write8(ctx: NativeCallContext, task: &mut Task, addr: i64, value: i64) -> Result<()> {
        let byte = ranged(value, "the value", -128, 255)? as u8;
        store(&ctx, task, addr, vec![byte])
    }

    /// Writes a 2-byte word.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write16(sh.mmap(4*KiB), 65535);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write16(ctx: NativeCallContext, task: &mut Task, addr: i64, value: i64) -> Result<()> {
        let half = ranged(value, "the value", -32768, 65535)? as u16;
        store(&ctx, task, addr, half.to_le_bytes().into())
    }

    /// Fills `len` bytes with one byte value.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(8*KiB);
    /// sh.fill(a, 8*KiB, 0x55);
    /// assert_eq(sh.read8(a + 8191), 0x55);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fill(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
        byte: i64,
    ) -> Result<()> {
        let action = Action::Fill {
            addr: address(addr)?,
            len: ranged(len, "the length", 0, i64::from(TASK_SIZE))? as u32,
            byte: ranged(byte, "the byte", 0, 255)? as u8,
        };
        act(&ctx, task, action).map(|_| ())
    }

    /// Writes one word to each of `pages` pages.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(40*KiB);
    /// sh.touch(a, 10);
    /// assert_eq(sh.min_flt, 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn touch(ctx: NativeCallContext, task: &mut Task, addr: i64, pages: i64) -> Result<()> {
        let pages = ranged(pages, "the number of pages", 0, 1 << 20)? as u32;
        act(
            &ctx,
            task,
            Action::Touch {
                addr: address(addr)?,
                pages,
            },
        )
        .map(|_| ())
    }
}
