//! Calls that change mapped memory: its rights, its place and its size, and what is in RAM.

use super::calls::done;
use super::convert::{Result, word};
use crate::kernel::syscall::Syscall;
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
}
