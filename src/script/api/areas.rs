//! Calls that change mapped memory: its rights, its place and its size, and what is in RAM.

use super::calls::{done, plain};
use super::convert::{Result, word};
use crate::kernel::syscall::{MremapArgs, Syscall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, NativeCallContext};

#[export_module]
pub mod functions {
    /// `mprotect(addr, len, prot)`: changes the access rights of the pages in a range.
    ///
    /// A page that is made writable again is still copied on write: only a write fault makes a
    /// private page writable.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 5);
    /// sh.mprotect(a, 4*KiB, PROT_READ);
    /// let kid = sh.fork();
    /// kid.mprotect(a, 4*KiB, PROT_READ | PROT_WRITE);
    /// kid.write(a, 7);
    /// assert_eq(sh.read(a), 5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mprotect(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
        prot: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::Mprotect(
            word(addr, "the address")?,
            word(len, "the length")?,
            word(prot, "prot")?,
        );
        done(&ctx, task, call)
    }

    /// `mremap(addr, old_len, new_len, flags)`: makes a mapping longer or shorter. With
    /// `MREMAP_MAYMOVE` it may move to have room. Returns its address.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 5);
    /// let b = sh.mremap(a, 4*KiB, 64*KiB, MREMAP_MAYMOVE);
    /// assert_eq(sh.read(b), 5);
    /// ```
    #[rhai_fn(name = "mremap", return_raw)]
    pub fn mremap(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        old_len: i64,
        new_len: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        mremap_to(ctx, task, addr, old_len, new_len, flags, 0)
    }

    /// `mremap(addr, old_len, new_len, flags, new_addr)`: with `MREMAP_MAYMOVE | MREMAP_FIXED` the
    /// mapping moves to exactly `new_addr`, and replaces what is mapped there.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// let fixed = MREMAP_MAYMOVE | MREMAP_FIXED;
    /// assert_eq(sh.mremap(a, 4*KiB, 4*KiB, fixed, 0x5000_0000), 0x5000_0000);
    /// ```
    #[rhai_fn(name = "mremap", return_raw)]
    pub fn mremap_to(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        old_len: i64,
        new_len: i64,
        flags: i64,
        new_addr: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::Mremap(MremapArgs {
            addr: word(addr, "the address")?,
            old_len: word(old_len, "the old length")?,
            new_len: word(new_len, "the new length")?,
            flags: word(flags, "the flags")?,
            new_addr: word(new_addr, "the new address")?,
        });
        plain(&ctx, task, call)
    }

    /// `madvise(addr, len, advice)`: says what to expect of the pages in a range. `MADV_DONTNEED`
    /// throws private pages away at once.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 5);
    /// let kid = sh.fork();
    /// kid.madvise(a, 4*KiB, MADV_DONTNEED);
    /// assert_eq(kid.read(a), 0);
    /// assert_eq(sh.read(a), 5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn madvise(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
        advice: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::Madvise(
            word(addr, "the address")?,
            word(len, "the length")?,
            word(advice, "the advice")?.cast_signed(),
        );
        done(&ctx, task, call)
    }

    /// `mlock(addr, len)`: locks the pages of a range in RAM, and brings them in now. Writable pages
    /// are no longer shared copy on write afterwards.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// let a = sh.mmap(16*KiB);
    /// sh.mlock(a, 16*KiB);
    /// assert_eq(sh.min_flt, 4);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mlock(ctx: NativeCallContext, task: &mut Task, addr: i64, len: i64) -> Result<Dynamic> {
        let call = Syscall::Mlock(word(addr, "the address")?, word(len, "the length")?);
        done(&ctx, task, call)
    }

    /// `munlock(addr, len)`: unlocks the pages of a range. They stay where they are for now.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// let a = sh.mmap(4*KiB);
    /// sh.mlock(a, 4*KiB);
    /// sh.munlock(a, 4*KiB);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn munlock(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::Munlock(word(addr, "the address")?, word(len, "the length")?);
        done(&ctx, task, call)
    }

    /// `mlockall(flags)`: locks all memory that is mapped now (`MCL_CURRENT`), all that will be
    /// mapped (`MCL_FUTURE`), or both. A child inherits neither.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.mlockall(MCL_CURRENT | MCL_FUTURE);
    /// sh.mmap(4*KiB);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mlockall(ctx: NativeCallContext, task: &mut Task, flags: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Mlockall(word(flags, "the flags")?))
    }

    /// Unlocks all memory, and no longer locks what will be mapped.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.mlockall(MCL_FUTURE);
    /// sh.munlockall();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn munlockall(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Munlockall)
    }
}
