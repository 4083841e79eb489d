//! Direct I/O: the device is the script.

use super::convert::{Result, act, address, apply, look, ranged};
use crate::kernel::mm::IoDirection;
use crate::machine::{Acted, Action, Command, Reply};
use crate::script::errors::ScriptError;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Blob, Dynamic, NativeCallContext};

/// The most bytes of a transfer.
const MAX_TRANSFER: i64 = 1 << 20;

fn begin(
    ctx: &NativeCallContext,
    task: &Task,
    addr: i64,
    len: i64,
    direction: IoDirection,
) -> Result<Dynamic> {
    let action = Action::DirectIo {
        addr: address(addr)?,
        len: ranged(len, "the length", 1, MAX_TRANSFER)? as u32,
        direction,
    };
    Ok(match act(ctx, task, action)? {
        Acted::Returned(transfer) => i64::from(transfer).into(),
        _ => Dynamic::UNIT,
    })
}

/// Ends a transfer that goes this way, and returns what the device has read.
fn end(
    ctx: &NativeCallContext,
    transfer: i64,
    data: Vec<u8>,
    direction: IoDirection,
) -> Result<Blob> {
    let id = u32::try_from(transfer).unwrap_or(0);
    let found = look(ctx, |machine| {
        let io = machine.kernel.direct_io().get(id);
        io.map(crate::kernel::mm::DirectIo::direction)
    })?;
    if found != Some(direction) {
        let message = format!("no transfer {transfer} of this direction is in progress");
        return Err(ScriptError::new(message)
            .with_help("dio_end(transfer) ends a dio_write, dio_end(transfer, data) a dio_read")
            .into());
    }
    match apply(ctx, Command::EndDirectIo { id, data })? {
        Reply::Acted(Acted::Bytes(bytes)) => Ok(bytes),
        _ => Ok(Blob::new()),
    }
}

#[export_module]
pub mod functions {
    /// `dio_read(addr, len)`: begins direct I/O that reads from a device into memory, and returns
    /// the number of the transfer. The task goes on meanwhile. The pages are held until `dio_end`.
    ///
    /// 2.6.12 does so in a `read` from a file opened with `O_DIRECT`, and in `io_submit`.
    /// The device here is the script, which says when it is done and with what data.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// let transfer = sh.dio_read(a, 5);
    /// assert_eq(sh.read_str(a), "");
    /// dio_end(transfer, "hello");
    /// assert_eq(sh.read_str(a), "hello");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dio_read(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
    ) -> Result<Dynamic> {
        begin(&ctx, task, addr, len, IoDirection::FromDevice)
    }

    /// `dio_write(addr, len)`: begins direct I/O that writes memory to a device, and returns the
    /// number of the transfer. The task goes on meanwhile. A page that is held has one user more,
    /// so that a write to it after a fork copies it, even if no other task maps it any more.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, "hello");
    /// let transfer = sh.dio_write(a, 5);
    /// assert_eq(dio_end(transfer).as_string(), "hello");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dio_write(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        len: i64,
    ) -> Result<Dynamic> {
        begin(&ctx, task, addr, len, IoDirection::ToDevice)
    }

    /// Ends direct I/O that `dio_write` has begun. Returns the bytes that the device has read: what
    /// the held frames contain now.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// let transfer = sh.dio_write(a, 4);
    /// sh.write(a, 7);
    /// assert_eq(dio_end(transfer).len(), 4);
    /// ```
    #[rhai_fn(name = "dio_end", return_raw)]
    pub fn dio_end(ctx: NativeCallContext, transfer: i64) -> Result<Blob> {
        end(&ctx, transfer, Vec::new(), IoDirection::ToDevice)
    }

    /// Ends direct I/O that `dio_read` has begun: the device has written this text.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// dio_end(sh.dio_read(a, 2), "ok");
    /// assert_eq(sh.read_str(a), "ok");
    /// ```
    #[rhai_fn(name = "dio_end", return_raw)]
    pub fn dio_end_text(ctx: NativeCallContext, transfer: i64, text: &str) -> Result<()> {
        let data = text.as_bytes().to_vec();
        end(&ctx, transfer, data, IoDirection::FromDevice).map(|_| ())
    }

    /// Ends direct I/O that `dio_read` has begun: the device has written these bytes.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// dio_end(sh.dio_read(a, 4), blob(4, 1));
    /// assert_eq(sh.read8(a), 1);
    /// ```
    #[rhai_fn(name = "dio_end", return_raw)]
    pub fn dio_end_blob(ctx: NativeCallContext, transfer: i64, data: Blob) -> Result<()> {
        end(&ctx, transfer, data, IoDirection::FromDevice).map(|_| ())
    }
}
