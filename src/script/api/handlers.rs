//! Signal handlers that are closures of the script. The machine never holds a closure: it knows
//! handlers by number and stops when a puppet has entered one. What the closure does then is
//! further commands.

use super::convert::{Result, word};
use super::signals::{action_with, info_map, nothing};
use super::submission::{This, is_kept, kept};
use crate::kernel::syscall::Syscall;
use crate::machine::{Command, EnteredHandler, handler_address};
use crate::script::errors::ScriptError;
use crate::script::session::{Shared, Task};
use rhai::plugin::*;
use rhai::{AST, Dynamic, FnPtr, Map, NativeCallContext};

/// The signal and its `siginfo`.
const MAX_PARAMS: usize = 2;

/// How many handlers may run before the call that they interrupt goes on.
const MAX_RUNS: u32 = 1_000;

/// Runs the closures of the handlers that tasks have entered, in the order of entry, and lets each
/// handler return.
///
/// # Errors
/// The error that a closure threw, at its place. The handler returns all the same.
pub(super) fn run_entered(ctx: &NativeCallContext) -> Result<()> {
    let shared = Shared::of(ctx)?;
    let mut runs = 0;
    while let Some(entered) = shared.with(|state| state.machine.entered_handler())? {
        runs += 1;
        if runs > MAX_RUNS {
            return Err(ScriptError::new(format!(
                "{MAX_RUNS} handlers have run one after another, and more are waiting"
            ))
            .with_help("a handler that raises its own signal runs again as soon as it returns")
            .into());
        }
        let (boot, closure) = shared.with(|state| {
            state.set(Command::BeginHandler(entered.task));
            (state.boot, state.handlers.get(entered.number).cloned())
        })?;
        let result = closure.map_or(Ok(()), |closure| run(ctx, &shared, &closure, entered));
        if shared.with(|state| state.boot)? == boot {
            // A panic of the emulated kernel is reported by whoever made the call.
            let _ended = shared.apply(Command::EndHandler(entered.task))?;
        }
        result?;
    }
    Ok(())
}

/// Runs a closure as the handler of a task, which is `this` in it.
fn run(
    ctx: &NativeCallContext,
    shared: &Shared,
    closure: &FnPtr,
    entered: EnteredHandler,
) -> Result<()> {
    let (task, params) = shared.with(|state| {
        let kernel = &state.machine.kernel;
        let task = Task {
            id: entered.task,
            pid: kernel.pid(entered.task),
            boot: state.boot,
        };
        (task, params_of(&state.source.ast, closure))
    })?;
    let signal = Dynamic::from(i64::from(entered.signal.number()));
    let mut args = match params {
        0 => Vec::new(),
        1 => vec![signal],
        _ => vec![signal, info_map(&entered.info)],
    };
    let mut this = Dynamic::from(task);
    closure
        .call_raw(ctx, Some(&mut this), args.as_mut_slice())
        .map(|_| ())
}

/// How many arguments a closure takes besides its captured variables: none, the signal, or the
/// signal and its `siginfo`.
fn params_of(ast: &AST, closure: &FnPtr) -> usize {
    if is_kept(closure) {
        return MAX_PARAMS;
    }
    let captured = closure.curry().len();
    let mut functions = ast.iter_functions();
    let found =
        functions.find(|f| f.name == closure.fn_name() && f.params.len() <= captured + MAX_PARAMS);
    found.map_or(1, |f| f.params.len().saturating_sub(captured))
}

/// Keeps a closure and installs it as the handler of a signal.
fn install(
    ctx: &NativeCallContext,
    task: &Task,
    signal: i64,
    closure: FnPtr,
    options: &Map,
) -> Result<Dynamic> {
    let signal = word(signal, "the signal")?;
    let closure = kept(ctx, closure, This::Given)?;
    let addr = Shared::of(ctx)?.with(|state| {
        let addr = handler_address(state.handlers.len());
        if addr.is_some() {
            state.handlers.push(closure);
        }
        addr
    })?;
    let addr = addr.ok_or_else(|| ScriptError::new("too many handlers"))?;
    nothing(
        ctx,
        task,
        Syscall::RtSigaction(action_with(signal, addr, options)?),
    )
}

#[export_module]
pub mod functions {
    /// `sigaction`: installs a closure as the handler of a signal. When the task takes the signal,
    /// the closure runs with the task as `this`, the signal as its argument, and the `siginfo` as
    /// a second one: `#{signo, code, pid, uid}`. Whatever it does happens inside the handler, which returns at its end. A forked child inherits the handler;
    /// exec resets it.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let seen = [];
    /// sh.sigaction(SIGUSR1, |sig, info| seen.push([sig, info.pid]));
    /// sh.kill(sh, SIGUSR1);
    /// assert_eq(seen, [[SIGUSR1, sh.pid]]);
    /// ```
    #[rhai_fn(name = "sigaction", return_raw)]
    pub fn sigaction_closure(
        ctx: NativeCallContext,
        task: &mut Task,
        signal: i64,
        handler: FnPtr,
    ) -> Result<Dynamic> {
        install(&ctx, task, signal, handler, &Map::new())
    }

    /// `sigaction` with a closure, flags and a mask: `#{flags: SA_RESTART, mask: [SIGINT]}`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let runs = 0;
    /// sh.sigaction(SIGUSR1, || runs += 1, #{flags: SA_RESETHAND});
    /// sh.kill(sh, SIGUSR1);
    /// assert_eq(runs, 1);
    /// assert_eq(sh.sigaction(SIGUSR1), "default");
    /// ```
    #[rhai_fn(name = "sigaction", return_raw)]
    pub fn sigaction_closure_options(
        ctx: NativeCallContext,
        task: &mut Task,
        signal: i64,
        handler: FnPtr,
        options: Map,
    ) -> Result<Dynamic> {
        install(&ctx, task, signal, handler, &options)
    }

    /// `sigaction` with an action by name: `"default"`, `"ignore"`, or the name of a function of
    /// the script.
    ///
    /// ```rhai
    /// fn on_usr1(sig) { this.exit(sig) }
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.sigaction(SIGINT, "ignore");
    /// kid.sigaction(SIGUSR1, "on_usr1");
    /// sh.kill(kid, SIGINT);
    /// sh.kill(kid, SIGUSR1);
    /// assert_eq(sh.wait().text, "exited 10");
    /// ```
    #[rhai_fn(name = "sigaction", return_raw)]
    pub fn sigaction_named(
        ctx: NativeCallContext,
        task: &mut Task,
        signal: i64,
        action: &str,
    ) -> Result<Dynamic> {
        let plain = match action {
            "default" => Some(0),
            "ignore" => Some(1),
            _ => None,
        };
        if let Some(handler) = plain {
            let signal = word(signal, "the signal")?;
            let args = action_with(signal, handler, &Map::new())?;
            return nothing(&ctx, task, Syscall::RtSigaction(args));
        }
        let known = Shared::of(&ctx)?.with(|state| state.has_function(action))?;
        if !known {
            return Err(ScriptError::new(format!(
                "there is no action and no function named {action}"
            ))
            .with_help(
                "actions are \"default\" and \"ignore\"; a handler is a closure or the name of a \
                 function: fn note(sig) { print(sig) }",
            )
            .into());
        }
        install(&ctx, task, signal, FnPtr::new(action)?, &Map::new())
    }
}
