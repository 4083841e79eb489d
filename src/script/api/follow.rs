//! Following the kernel through its source while a function of the script runs, and asking what a
//! set of clone flags would do.

use super::convert::{Result, alive, look, word};
use super::view::{drawn, of_linux};
use crate::abi::{CloneFlags, TaskId};
use crate::export::Drawing;
use crate::script::errors::ScriptError;
use crate::script::session::{Shared, Task, View};
use crate::view::{self, Path, Paths};
use rhai::plugin::*;
use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext};

/// Calls the function and follows its first `do_fork`. The machine is inspected before and after
/// the call, never while the script runs.
fn follow(ctx: &NativeCallContext, call: &FnPtr) -> Result<Path> {
    let mark = || Shared::of(ctx)?.with(|state| (state.boot, state.machine.kernel.log.event_seq()));
    let (boot, seq) = mark()?;
    let result: Result<Dynamic> = call.call_within_context(ctx, ());
    // A machine that was booted meanwhile numbers its events from 0 again.
    let (boot_after, _) = mark()?;
    let from = if boot == boot_after { seq } else { 0 };
    let path = look(ctx, |machine| view::path(machine, from))?;
    match (path, result) {
        (Some(path), Ok(_)) => Ok(path),
        (Some(path), Err(error)) if is_its_error(&path, &error) => Ok(path),
        (_, Err(error)) => Err(error),
        (None, Ok(_)) => Err(ScriptError::new(
            "the function created no task: it never reached do_fork",
        )
        .with_help("path follows fork, vfork and clone, as in path(|| sh.fork())")
        .into()),
    }
}

/// Whether the error is the one that the path ended with.
fn is_its_error(path: &Path, error: &EvalAltResult) -> bool {
    let EvalAltResult::ErrorRuntime(thrown, _) = error.unwrap_inner() else {
        return false;
    };
    let thrown = thrown.read_lock::<ScriptError>();
    path.error.is_some() && thrown.is_some_and(|thrown| Some(-thrown.errno) == path.value)
}

/// Takes `[label, function]` apart.
fn labelled(call: Dynamic) -> Result<(String, FnPtr)> {
    let parts = call.into_array().unwrap_or_default();
    if let [label, function] = parts.as_slice()
        && let Some(function) = function.clone().try_cast::<FnPtr>()
    {
        return Ok((label.to_string(), function));
    }
    Err(ScriptError::new("each call is given as [label, function]")
        .with_help("path([[\"fork\", || sh.fork()], [\"vfork\", || sh.vfork()]])")
        .into())
}

fn with_brief(view: View, brief: View) -> View {
    View {
        brief: Some(Box::new(brief)),
        ..view
    }
}

fn oracle(ctx: &NativeCallContext, flags: i64, caller: Option<TaskId>) -> Result<View> {
    let flags = CloneFlags::from_bits_retain(word(flags, "flags")?);
    let told = look(ctx, |machine| view::explain_clone(machine, flags, caller))?;
    let told = told.ok_or_else(|| {
        ScriptError::new("the task has exited and cannot clone")
            .with_help("explain_clone(flags) needs no task")
    })?;
    of_linux(ctx, &told, &told.text())
}

#[export_module]
pub mod functions {
    /// What a clone with these flags would do, without doing it: whether it is legal and which rule
    /// refuses it, what the child shares and what follows from that, who its parent is, who waits,
    /// where it is queued and who runs next, who is notified of its exit, what a tracer is told. It
    /// assumes nothing about the caller; `explain_clone(flags, task)` asks about one. Its data are
    /// `error`, `refusal`, `needs`, `corrected`, `tests`, `names`, `ignored`, and `child` (with
    /// `objects`, `parent`, `same_process`, `caller_waits`, `begins_stopped`, `queued`,
    /// `runs_next`, `end`, `tracer`, `tid_stores`), which is `()` if the call would be refused.
    ///
    /// ```rhai
    /// print(explain_clone(CLONE_VM | CLONE_VFORK | SIGCHLD));
    /// assert_eq(explain_clone(SIGCHLD).child.runs_next, "child");
    /// let refused = explain_clone(CLONE_THREAD);
    /// assert_eq(refused.error, "EINVAL");
    /// assert_eq(refused.corrected, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
    /// ```
    #[rhai_fn(name = "explain_clone", return_raw)]
    pub fn explain_clone(ctx: NativeCallContext, flags: i64) -> Result<View> {
        oracle(&ctx, flags, None)
    }

    /// What a clone with these flags by that task would do, given its capabilities, limits, tracer,
    /// parent and time slice. What depends on addresses, free pids or free memory is not predicted.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(explain_clone(CLONE_NEWNS | SIGCHLD, sh).error, "EPERM");
    /// let told = explain_clone(CLONE_PARENT | SIGCHLD, sh);
    /// assert_eq(told.child.parent_task.pid, sh.ppid);
    /// ```
    #[rhai_fn(name = "explain_clone", return_raw)]
    pub fn explain_clone_by(ctx: NativeCallContext, flags: i64, task: Task) -> Result<View> {
        let caller = alive(&ctx, &task)?;
        oracle(&ctx, flags, Some(caller))
    }

    /// Calls a function and shows the path of its first fork, vfork or clone through do_fork,
    /// copy_process and wake_up_new_task: an outline of the kernel source with the branches taken
    /// ticked, and the reason for each that was not. If the call fails, the error is part of the
    /// view. `path(..).brief` has only the steps of do_fork itself. Its data are `steps` (each with
    /// `step`, `mark`, `why` and `depth`), `value`, `error`, `child`, `flags`, and `calls`, the
    /// number of calls of do_fork.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// print(path(|| sh.fork()));
    /// assert_eq(path(|| sh.clone(CLONE_THREAD)).error, "EINVAL");
    /// ```
    #[rhai_fn(name = "path", return_raw)]
    pub fn path(ctx: NativeCallContext, call: FnPtr) -> Result<View> {
        let path = follow(&ctx, &call)?;
        let brief = path.brief();
        Ok(with_brief(
            drawn(
                of_linux(&ctx, &path, &path.text())?,
                Drawing::Path(path.into()),
            ),
            drawn(
                of_linux(&ctx, &brief, &brief.text())?,
                Drawing::Path(brief.into()),
            ),
        ))
    }

    /// The paths of several calls side by side, each given as `[label, function]`: one row per
    /// step, one column per call. `x` marks a step taken, `.` one not taken, `shared` and `own`
    /// what the child shares with its creator or has for itself; a call that failed shows its
    /// error. `path(..).brief` has only the steps of do_fork itself.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let ways = path([
    ///     ["EINVAL", || sh.clone(CLONE_THREAD)],
    ///     ["fork", || sh.fork()],
    ///     ["vfork", || sh.vfork()],
    /// ]);
    /// print(ways.brief);
    /// ```
    #[rhai_fn(name = "path", return_raw)]
    pub fn paths(ctx: NativeCallContext, calls: Array) -> Result<View> {
        let mut followed = Vec::new();
        for call in calls {
            let (label, function) = labelled(call)?;
            followed.push((label, follow(&ctx, &function)?));
        }
        let paths: Paths = view::side_by_side(followed);
        let brief = paths.brief();
        Ok(with_brief(
            drawn(
                of_linux(&ctx, &paths, &paths.text())?,
                Drawing::Paths(paths.into()),
            ),
            drawn(
                of_linux(&ctx, &brief, &brief.text())?,
                Drawing::Paths(brief.into()),
            ),
        ))
    }
}
