//! What was recorded of tasks: their system calls as `strace` prints them, their story, their family.

use super::convert::{Result, look, pid_of};
use super::view::as_view;
use crate::abi::Pid;
use crate::machine::Machine;
use crate::script::errors::ScriptError;
use crate::script::session::View;
use crate::view::{self, Family};
use rhai::plugin::*;
use rhai::{Dynamic, NativeCallContext};

fn straced(ctx: &NativeCallContext, of: Option<Pid>) -> Result<View> {
    let strace = recorded(ctx, |machine| view::strace(machine, of))?;
    as_view(ctx, &strace, &strace.text())
}

/// A view of what was recorded, if anything is.
fn recorded<T>(ctx: &NativeCallContext, view: impl FnOnce(&Machine) -> T) -> Result<T> {
    if look(ctx, |machine| machine.kernel.calls.enabled)? {
        return look(ctx, view);
    }
    let error = ScriptError::new("system calls are not recorded on this machine");
    Err(error.with_help("boot it with boot(#{strace: true})").into())
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

    /// The story of all tasks but init: what they executed, whom they forked, which pages their
    /// writes copied and which line wrote, what they printed, which signals they got, how they
    /// ended. The machine must be booted with `strace: true`.
    ///
    /// ```rhai
    /// boot(#{strace: true});
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 1);
    /// let kid = sh.fork();
    /// kid.write(a, 2);
    /// print(story());
    /// assert(story().lines[-1].contains("1 frame copied"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn story(ctx: NativeCallContext) -> Result<View> {
        let story = recorded(&ctx, view::story)?;
        as_view(&ctx, &story, &story.text())
    }

    /// The tree of all tasks that there have been, with what each has printed and copied and how it
    /// ended, and below it how many lines were printed, processes made and frames copied. The
    /// machine must be booted with `strace: true`.
    ///
    /// ```rhai
    /// boot(#{strace: true});
    /// let sh = spawn("sh");
    /// sh.fork().exit(3);
    /// sh.wait();
    /// print(family());
    /// assert_eq(family().members.len(), 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn family(ctx: NativeCallContext) -> Result<View> {
        let family = recorded(&ctx, Family::of)?;
        as_view(&ctx, &family, &family.text())
    }
}
