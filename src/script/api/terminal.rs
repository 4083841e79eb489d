//! The terminal: what is typed on it and what it shows, and system calls on it as methods of a task.

use super::calls::{done, plain, words};
use super::convert::{Result, apply, look, pid_of, word};
use super::files::{Buffered, with_buffer};
use crate::abi::{TIOCGPGRP, TIOCSPGRP};
use crate::kernel::syscall::Syscall;
use crate::machine::{BufferCall, Command, StackCall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, NativeCallContext};

/// `ioctl` with a word in memory, which holds that number before.
fn ioctl_word(
    ctx: &NativeCallContext,
    task: &Task,
    (fd, cmd): (i64, u32),
    number: u32,
) -> Result<Buffered> {
    let what = StackCall {
        len: 4,
        bytes: number.to_le_bytes().to_vec(),
        call: BufferCall::Ioctl {
            fd: word(fd, "the descriptor")?,
            cmd,
        },
    };
    with_buffer(ctx, task, what)
}

/// The word that `ioctl` has stored.
pub(super) fn word_stored(bytes: &[u8]) -> Dynamic {
    let word = words(bytes).first().copied().unwrap_or(0);
    i64::from(word.cast_signed()).into()
}

#[export_module]
pub mod functions {
    /// `tcgetpgrp(fd)`: the foreground process group of the terminal.
    ///
    /// ```rhai
    /// let sh = spawn("sh").fork();
    /// sh.setsid();
    /// let tty = sh.open("/dev/tty1", O_RDWR);
    /// assert_eq(sh.tcgetpgrp(tty), sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tcgetpgrp(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        Ok(match ioctl_word(&ctx, task, (fd, TIOCGPGRP), 0)? {
            Buffered::Done(_, bytes) => word_stored(&bytes),
            Buffered::Open(call) => call,
        })
    }

    /// `tcsetpgrp(fd, pgrp)`: puts a process group of the session into the foreground. A background
    /// process is stopped by SIGTTOU instead.
    ///
    /// ```rhai
    /// let sh = spawn("sh").fork();
    /// sh.setsid();
    /// let tty = sh.open("/dev/tty1", O_RDWR);
    /// let job = sh.fork();
    /// sh.setpgid(job, 0);
    /// sh.tcsetpgrp(tty, job);
    /// type_keys("\x03");
    /// assert_eq(sh.wait().text, "killed by SIGINT");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tcsetpgrp(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        pgrp: Dynamic,
    ) -> Result<Dynamic> {
        let pgrp = pid_of(&pgrp, "the process group")?.cast_unsigned();
        Ok(match ioctl_word(&ctx, task, (fd, TIOCSPGRP), pgrp)? {
            Buffered::Done(..) => Dynamic::UNIT,
            Buffered::Open(call) => call,
        })
    }

    /// `ioctl(fd, request, arg)`: a request whose argument is a number or an address.
    ///
    /// ```rhai
    /// let sh = spawn("sh").fork();
    /// sh.setsid();
    /// let tty = sh.open("/dev/tty1", O_RDWR);
    /// sh.ioctl(tty, TIOCNOTTY, 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ioctl(
        ctx: NativeCallContext,
        task: &mut Task,
        fd: i64,
        request: i64,
        arg: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::Ioctl(
            word(fd, "the descriptor")?,
            word(request, "the request")?,
            word(arg, "the argument")?,
        );
        plain(&ctx, task, call)
    }

    /// `vhangup()`: hangs up the controlling terminal. Only root may.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.vhangup();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn vhangup(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Vhangup)
    }

    /// Types on the terminal, key by key: `"\x03"` is Ctrl-C, `"\x04"` Ctrl-D, `"\x1a"` Ctrl-Z, `"\n"`
    /// the enter key.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// type_keys("ab\x7fc\n");
    /// assert_eq(sh.sys_read(0, 100), "ac\n");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn type_keys(ctx: NativeCallContext, keys: &str) -> Result<()> {
        let bytes = keys.as_bytes().to_vec();
        apply(&ctx, Command::Type(bytes)).map(|_| ())
    }

    /// The last of what the terminal's screen was sent: the output of programs, and what was typed, as
    /// far as it is shown.
    ///
    /// ```rhai
    /// type_keys("ab\x7f");
    /// assert_eq(screen(), "ab\x08 \x08");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn screen(ctx: NativeCallContext) -> Result<String> {
        let bytes = look(&ctx, |machine| machine.kernel.tty().output().screen())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
