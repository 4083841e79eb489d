//! Swap areas that are turned on and off.

use super::calls::done;
use super::convert::{Result, ranged, word};
use crate::kernel::fs;
use crate::kernel::syscall::Syscall;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Blob, Dynamic, NativeCallContext};

/// The largest last page of an area: a page table entry has 24 bits for a slot.
const MAX_LAST_PAGE: i64 = (1 << 24) - 1;

fn turn_on(ctx: &NativeCallContext, task: &Task, path: &str, flags: i64) -> Result<Dynamic> {
    let flags = word(flags, "the flags")?;
    done(ctx, task, Syscall::Swapon(Ok(path.to_owned()), flags))
}

#[export_module]
pub mod functions {
    /// `swapon(path)`: turns a swap area on, for root. The area of the boot option `swap` is on the
    /// device `/dev/swap`, and on from boot on.
    ///
    /// ```rhai
    /// boot(#{swap: 8*MiB});
    /// let root = spawn("sh", #{uid: 0});
    /// root.swapoff("/dev/swap");
    /// assert_eq(meminfo().SwapTotal, 0);
    /// root.swapon("/dev/swap");
    /// assert_eq(meminfo().SwapTotal, 8184);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn swapon(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        turn_on(&ctx, task, path, 0)
    }

    /// `swapon(path, flags)`: turns a swap area on. `SWAP_FLAG_PREFER` and a number give it a
    /// priority; areas of higher priority are used first.
    ///
    /// ```rhai
    /// boot(#{swap: 8*MiB});
    /// let root = spawn("sh", #{uid: 0});
    /// root.swapoff("/dev/swap");
    /// root.swapon("/dev/swap", SWAP_FLAG_PREFER | 7);
    /// ```
    #[rhai_fn(name = "swapon", return_raw)]
    pub fn swapon_with_flags(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        flags: i64,
    ) -> Result<Dynamic> {
        turn_on(&ctx, task, path, flags)
    }

    /// `swapoff(path)`: turns a swap area off, for root. All its pages are read into memory, and
    /// mapped read-only where their slots were named, so that the next write copies or reuses them.
    ///
    /// ```rhai
    /// boot(#{swap: 8*MiB});
    /// let root = spawn("sh", #{uid: 0});
    /// root.swapoff("/dev/swap");
    /// assert_eq(meminfo().SwapTotal, 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn swapoff(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Swapoff(Ok(path.to_owned())))
    }

    /// `swap_header(last_page)`: the first page of a swap area, as `mkswap` writes it. Its slots are
    /// the pages 1 to `last_page - 1`. A file becomes an area if it has no holes.
    ///
    /// ```rhai
    /// let root = spawn("sh", #{uid: 0});
    /// let fd = root.open("/tmp/area", O_CREAT | O_RDWR);
    /// let page = swap_header(15);
    /// for n in 0..16 { root.sys_write(fd, page); }
    /// root.swapon("/tmp/area");
    /// assert_eq(meminfo().SwapTotal, 56);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn swap_header(last_page: i64) -> Result<Blob> {
        let last_page = ranged(last_page, "the last page", 1, MAX_LAST_PAGE)?;
        Ok(fs::swap_header(last_page as u32).to_vec())
    }
}
