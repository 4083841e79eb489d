//! System calls, as methods of a task.

use super::clone::child_handle;
use super::convert::{Result, act, address, alive, call_error, call_handle, look, ranged, word};
use super::files::text_read;
use super::signals::info_map;
use crate::abi::{Errno, SigSet, Signal, VirtAddr};
use crate::kernel::exit::{WaitArgs, WaitOptions, WaitidArgs};
use crate::kernel::syscall::{ProcessCall, Syscall, eax_of};
use crate::kernel::task::SigAction;
use crate::machine::{Acted, Action, CallState, Machine, handler_number};
use crate::script::errors::{ScriptError, errno_error};
use crate::script::session::{Call, Shared, Task, install_function};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// A call whose value is an int; one that blocks gives a [`Call`].
pub(super) fn plain(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<Dynamic> {
    match act(ctx, task, Action::Syscall(call))? {
        Acted::Returned(value) => Ok(i64::from(value).into()),
        Acted::Blocks(id) => call_handle(ctx, id),
        _ => Ok(Dynamic::UNIT),
    }
}

pub(super) fn int(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<i64> {
    let name = Syscall::name_of(call.nr());
    plain(ctx, task, call)?.as_int().map_err(|_| {
        ScriptError::new(format!("task {} has not come back from {name}", task.pid))
            .with_help("it has stopped for its tracer, which has to let it go on")
            .into()
    })
}

/// What `wait4` reported: pid, status word, and the status in words.
fn reaped(pid: i64, status: Option<crate::abi::WaitStatus>, options: WaitOptions) -> Dynamic {
    let mut map = Map::new();
    map.insert("pid".into(), pid.into());
    // With WNOHANG and nothing to report, the pid is 0.
    let none = if options.contains(WaitOptions::UNTRACED) {
        "no child has ended or stopped yet"
    } else {
        "no child has ended yet"
    };
    let text = status.map_or_else(|| none.to_owned(), |s| s.to_string());
    map.insert("text".into(), text.into());
    if let Some(status) = status {
        map.insert("status".into(), i64::from(status.0).into());
    }
    map.into()
}

fn wait4(ctx: &NativeCallContext, task: &Task, pid: i64, options: i64) -> Result<Dynamic> {
    let args = WaitArgs {
        pid: word(pid, "the pid")? as i32,
        status: VirtAddr(0),
        options: word(options, "the options")?,
        ..WaitArgs::default()
    };
    match act(ctx, task, Action::Syscall(Syscall::Wait4(args)))? {
        Acted::Returned(pid) => {
            let status = look(ctx, |machine| {
                machine
                    .kernel
                    .tasks
                    .get(task.id)
                    .and_then(|t| t.in_call.reaped)
            })?;
            Ok(reaped(
                i64::from(pid),
                status,
                WaitOptions::from_bits_retain(args.options),
            ))
        }
        Acted::Blocks(id) => call_handle(ctx, id),
        _ => Ok(Dynamic::UNIT),
    }
}

/// The pid of a task that still exists, as a zombie perhaps.
fn pid_of(ctx: &NativeCallContext, task: &Task) -> Result<i64> {
    alive(ctx, task).map(|_| i64::from(task.pid.0))
}

/// A signal number, which the kernel may refuse.
pub(super) fn signal_word(signal: i64) -> Result<i32> {
    word(signal, "the signal").map(|word| word as i32)
}

/// A set of signals, given as an array of numbers.
pub(super) fn signal_set(signals: &Array) -> Result<SigSet> {
    let mut set = SigSet::EMPTY;
    for signal in signals {
        let number = signal.as_int().ok().and_then(|n| u32::try_from(n).ok());
        let signal = number.and_then(Signal::new).ok_or_else(|| {
            ScriptError::new(format!("{signal} is no signal"))
                .with_help("a set of signals is an array such as [SIGINT, SIGTERM]")
        })?;
        set = set.with(signal);
    }
    Ok(set)
}

/// `waitid`: what it reports, `()` if there is nothing yet.
pub(super) fn reported(ctx: &NativeCallContext, task: &Task, args: WaitidArgs) -> Result<Dynamic> {
    let call = Syscall::Process(ProcessCall::Waitid(args));
    match act(ctx, task, Action::Syscall(call))? {
        Acted::Returned(_) => {
            let info = look(ctx, |machine| {
                machine
                    .kernel
                    .tasks
                    .get(task.id)
                    .and_then(|t| t.in_call.reported)
            })?;
            Ok(info.map_or(Dynamic::UNIT, |info| info_map(&info)))
        }
        Acted::Blocks(id) => call_handle(ctx, id),
        _ => Ok(Dynamic::UNIT),
    }
}

fn action_of(handler: i64) -> Result<SigAction> {
    Ok(match word(handler, "the handler")? {
        0 => SigAction::Default,
        1 => SigAction::Ignore,
        addr => SigAction::Handler(VirtAddr(addr)),
    })
}

fn call_state<R>(
    ctx: &NativeCallContext,
    call: Call,
    get: impl FnOnce(&Machine, &CallState) -> R,
) -> Result<R> {
    let found = Shared::of(ctx)?.with(|state| {
        let of_now = call.boot == state.boot;
        let found = of_now.then(|| state.machine.call(call.id)).flatten();
        found.map(|call| get(&state.machine, call))
    })?;
    found.ok_or_else(|| {
        ScriptError::new("the call was made long ago, or on the machine before boot()").into()
    })
}

#[export_module]
pub mod functions {
    /// `exit(code)`: ends this task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.exit(3);
    /// assert_eq(sh.wait().status, 0x300);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exit(ctx: NativeCallContext, task: &mut Task, code: i64) -> Result<()> {
        plain(&ctx, task, Syscall::Exit(code as i32)).map(|_| ())
    }

    /// `exit_group(code)`: ends the whole process, all its threads.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.exit_group(0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exit_group(ctx: NativeCallContext, task: &mut Task, code: i64) -> Result<()> {
        plain(&ctx, task, Syscall::ExitGroup(code as i32)).map(|_| ())
    }

    /// `execve(path)`: another program in the same task: `sh` (a puppet again), `true` (exits at
    /// once), or a function of the script, which is compiled to machine code.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.vfork();
    /// kid.exec("true");
    /// assert_eq(sh.wait().status, 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exec(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<()> {
        install_function(&ctx, path)?;
        plain(&ctx, task, Syscall::Execve(path.into())).map(|_| ())
    }

    /// `wait4(-1)`: reaps any child. Returns `#{pid, status, text}`, or a `Call` if it blocks.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// let waiting = sh.wait();
    /// assert(!waiting.done);
    /// kid.exit(1);
    /// assert(waiting.done);
    /// ```
    #[rhai_fn(name = "wait", return_raw)]
    pub fn wait_any(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        wait4(&ctx, task, -1, 0)
    }

    /// `wait4(pid)`: reaps that child; 0: of the own process group; below -1: of that group.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.exit(7);
    /// assert_eq(sh.wait(kid.pid).text, "exited 7");
    /// ```
    #[rhai_fn(name = "wait", return_raw)]
    pub fn wait_pid(ctx: NativeCallContext, task: &mut Task, pid: i64) -> Result<Dynamic> {
        wait4(&ctx, task, pid, 0)
    }

    /// `wait4(pid)` of the child with that handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.exit(7);
    /// assert_eq(sh.wait(kid).text, "exited 7");
    /// ```
    #[rhai_fn(name = "wait", return_raw)]
    pub fn wait_task(ctx: NativeCallContext, task: &mut Task, child: Task) -> Result<Dynamic> {
        let pid = pid_of(&ctx, &child)?;
        wait4(&ctx, task, pid, 0)
    }

    /// `wait4(pid, options)` of the child with that handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// assert_eq(sh.wait(kid, WNOHANG).pid, 0);
    /// ```
    #[rhai_fn(name = "wait", return_raw)]
    pub fn wait_task_options(
        ctx: NativeCallContext,
        task: &mut Task,
        child: Task,
        options: i64,
    ) -> Result<Dynamic> {
        let pid = pid_of(&ctx, &child)?;
        wait4(&ctx, task, pid, options)
    }

    /// `wait4(pid, options)`: `WNOHANG`, `WUNTRACED`, `__WALL`, `__WCLONE`, `__WNOTHREAD`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// assert_eq(sh.wait(-1, WNOHANG).pid, 0);
    /// assert_eq(sh.wait(-1, WNOHANG).text, "no child has ended yet");
    /// ```
    #[rhai_fn(name = "wait", return_raw)]
    pub fn wait_options(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: i64,
        options: i64,
    ) -> Result<Dynamic> {
        wait4(&ctx, task, pid, options)
    }

    /// Whether the call has returned.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// assert(!sh.wait().done);
    /// ```
    #[rhai_fn(get = "done", return_raw)]
    pub fn call_done(ctx: NativeCallContext, call: &mut Call) -> Result<bool> {
        call_state(&ctx, *call, |machine, call| {
            call.result.is_some() || machine.has_ended(call.task)
        })
    }

    /// What the call returned: for a wait `#{pid, status, text}`, for a `sys_read` the text, for a
    /// fork the child's handle; `()` if it has not returned.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// let waiting = sh.wait();
    /// kid.exit(1);
    /// assert_eq(waiting.value.pid, kid.pid);
    /// ```
    #[rhai_fn(get = "value", return_raw)]
    pub fn call_value(ctx: NativeCallContext, call: &mut Call) -> Result<Dynamic> {
        let state = call_state(&ctx, *call, |_, call| call.clone())?;
        let name = Syscall::name_of(state.nr);
        let value = match state.result {
            None => return Ok(Dynamic::UNIT),
            Some(Ok(value)) => i64::from(value),
            Some(Err(error)) => {
                return Err(call_error(&ctx, (state.task, state.pid), error, name)?.into());
            }
        };
        if let Some(child) = state.child
            && let Some(handle) = child_handle(&ctx, child)?
        {
            return Ok(handle);
        }
        Ok(match (name, state.info) {
            ("wait4", _) => reaped(value, state.status, WaitOptions::default()),
            ("waitid" | "rt_sigtimedwait", Some(info)) => info_map(&info),
            ("read", _) => text_read(value, &state.bytes).into(),
            _ => value.into(),
        })
    }

    /// What the call waits for.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// print(sh.wait().why);
    /// ```
    #[rhai_fn(get = "why", return_raw)]
    pub fn call_why(ctx: NativeCallContext, call: &mut Call) -> Result<String> {
        call_state(&ctx, *call, |machine, call| {
            let name = Syscall::name_of(call.nr);
            match call.result {
                Some(result) => {
                    let value = eax_of(result) as i32;
                    format!("{name} of task {} has returned {value}", call.pid)
                }
                None if machine.has_ended(call.task) => {
                    format!("task {} has ended inside {name}", call.pid)
                }
                None => match machine.awaits(call.task) {
                    Some(awaits) => format!("task {} waits inside {name} until {awaits}", call.pid),
                    None => format!("task {} waits inside {name}", call.pid),
                },
            }
        })
    }

    /// `to_string` of a call: the same as `why`.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn call_to_string(ctx: NativeCallContext, call: &mut Call) -> Result<String> {
        // A text has no errors: print would show the name of the type instead.
        Ok(call_why(ctx, call)
            .unwrap_or_else(|_| "a call made long ago, or on the machine before boot()".to_owned()))
    }

    /// `open(path)`: `console`, `null`, or a file that exists. Returns the lowest free descriptor.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.open("/dev/null"), 3);
    /// ```
    #[rhai_fn(name = "open", return_raw)]
    pub fn open(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<i64> {
        open_flags(ctx, task, path, 0)
    }

    /// `open(path, flags)`: `O_RDONLY`, `O_WRONLY` or `O_RDWR`; `O_CREAT` makes the file, `O_EXCL`
    /// insists on making it; `O_TRUNC` empties it; with `O_APPEND` every write goes to the end.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.open("notes", O_CREAT | O_RDWR);
    /// ```
    #[rhai_fn(name = "open", return_raw)]
    pub fn open_flags(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        flags: i64,
    ) -> Result<i64> {
        let flags = word(flags, "flags")?;
        int(&ctx, task, Syscall::Open(path.to_owned(), flags))
    }

    /// `close(fd)`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.close(0);
    /// assert_eq(sh.open("null"), 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn close(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<()> {
        plain(&ctx, task, Syscall::Close(word(fd, "the descriptor")?)).map(|_| ())
    }

    /// `dup(fd)`: another descriptor for the same open file.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.dup(1), 3);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dup(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<i64> {
        int(&ctx, task, Syscall::Dup(word(fd, "the descriptor")?))
    }

    /// Sets what a signal does: `SIG_DFL`, `SIG_IGN`, or the address of a handler.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigaction(SIGINT, SIG_IGN);
    /// assert_eq(sh.sigaction(SIGINT), "ignore");
    /// ```
    #[rhai_fn(name = "sigaction", return_raw)]
    pub fn sigaction(
        ctx: NativeCallContext,
        task: &mut Task,
        signal: i64,
        handler: i64,
    ) -> Result<()> {
        let signal = word(signal, "the signal")?;
        let call = Syscall::Sigaction(signal, Some(action_of(handler)?));
        plain(&ctx, task, call).map(|_| ())
    }

    /// Says what a signal does: `default`, `ignore`, `closure`, or the address of its handler. Only
    /// looks.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.sigaction(SIGCHLD), "default");
    /// ```
    #[rhai_fn(name = "sigaction", return_raw)]
    pub fn sigaction_query(ctx: NativeCallContext, task: &mut Task, signal: i64) -> Result<String> {
        let number = word(signal, "the signal")?;
        let Some(signal) = Signal::new(number) else {
            return Err(errno_error(Errno::EINVAL, "sigaction").into());
        };
        let id = alive(&ctx, task)?;
        look(&ctx, |machine| {
            match machine.kernel.sigaction_of(id, signal) {
                SigAction::Default => "default".to_owned(),
                SigAction::Ignore => "ignore".to_owned(),
                SigAction::Handler(addr) if handler_number(addr.0).is_some() => {
                    "closure".to_owned()
                }
                SigAction::Handler(addr) => format!("handler {addr}"),
            }
        })
    }

    /// `getpid()`: the number of the process (`tgid`).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getpid(), sh.tgid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getpid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Getpid)
    }

    /// `gettid()`: the number of the task (`pid`).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.gettid(), sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn gettid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Gettid)
    }

    /// `getppid()`: the number of the parent process.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getppid(), 1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getppid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Getppid)
    }

    /// `set_tid_address(addr)`: the word that is cleared when the task exits. Returns the tid.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.set_tid_address(0), sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn set_tid_address(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<i64> {
        int(&ctx, task, Syscall::SetTidAddress(address(addr)?))
    }

    /// `nice(increment)`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.nice(5);
    /// assert_eq(sh.nice, 5);
    /// ```
    #[rhai_fn(name = "nice", return_raw)]
    pub fn sys_nice(ctx: NativeCallContext, task: &mut Task, increment: i64) -> Result<()> {
        plain(&ctx, task, Syscall::Nice(increment as i32)).map(|_| ())
    }

    /// `sched_yield()`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sched_yield();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_yield(ctx: NativeCallContext, task: &mut Task) -> Result<()> {
        plain(&ctx, task, Syscall::SchedYield).map(|_| ())
    }

    /// Uses `n` ticks of CPU in user mode, as time passes and the scheduler allows.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.compute(5);
    /// tick(5);
    /// assert_eq(sh.utime, 5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn compute(ctx: NativeCallContext, task: &mut Task, n: i64) -> Result<()> {
        let ticks = ranged(n, "the number of ticks", 1, 1_000_000_000)?;
        act(&ctx, task, Action::Compute(ticks as u64)).map(|_| ())
    }
}
