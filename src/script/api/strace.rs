//! System calls as `strace` prints them.

use super::convert::{Result, look, pid_of};
use super::view::as_view;
use crate::abi::Pid;
use crate::script::errors::ScriptError;
use crate::script::session::View;
use crate::view;
use rhai::plugin::*;
use rhai::{Dynamic, NativeCallContext};

fn straced(ctx: &NativeCallContext, of: Option<Pid>) -> Result<View> {
    let strace = look(ctx, |machine| view::strace(machine, of))?;
    let strace = strace.ok_or_else(|| {
        ScriptError::new("system calls are not recorded on this machine")
            .with_help("boot it with boot(#{strace: true})")
    })?;
    as_view(ctx, &strace, &strace.text())
}

#[export_module]
pub mod functions {
    /// The system calls of all tasks as `strace -f` prints them, with the signals that reach tasks
    /// and with their ends. The machine must be booted with `strace: true`. No task is traced:
    /// a signal that is ignored where it is sent is not seen.
    ///
    /// ```rhai
    /// boot(#{strace: true});
    /// let sh = spawn("sh");
    /// try { sh.open("none", O_RDONLY); } catch {}
    /// print(strace());
    /// ```
    #[rhai_fn(name = "strace", return_raw)]
    pub fn strace(ctx: NativeCallContext) -> Result<View> {
        straced(&ctx, None)
    }

    /// The system calls of one task, by its handle or pid.
    ///
    /// ```rhai
    /// boot(#{strace: true});
    /// let sh = spawn("sh");
    /// sh.getpid();
    /// assert_eq(strace(sh).lines[-1], "[pid     2] getpid() = 2");
    /// ```
    #[rhai_fn(name = "strace", return_raw)]
    pub fn strace_of(ctx: NativeCallContext, task: Dynamic) -> Result<View> {
        let pid = pid_of(&task, "the task")?;
        straced(&ctx, Some(Pid(pid)))
    }
}
