//! System calls, as methods of a task.

use super::clone::child_handle;
use super::convert::{
    Result, act, address, alive, call_error, call_handle, look, pid_of, ranged, word,
};
use super::files::{descriptors, text_read};
use super::messages;
use super::names::{entry_names, lock_map, stat_map};
use super::polling;
use super::ptrace::looked_at;
use super::semaphores::set_answer;
use super::shm::segment_answer;
use super::signals::info_map;
use super::system::stored;
use super::terminal::word_stored;
use super::timers;
use crate::abi::{
    Errno, F_GETLK64, IPC_SET, SETALL, SigAction, SigSet, Signal, TIOCGPGRP, VirtAddr, WaitOptions,
    WaitStatus,
};
use crate::kernel::syscall::{Syscall, WaitArgs, WaitidArgs, eax_of};
use crate::machine::{Acted, Action, BufferCall, CallState, Machine, handler_number};
use crate::script::errors::{ScriptError, errno_error};
use crate::script::session::{Call, Shared, Task, install_function};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// Makes a system call that returns an int; one that blocks returns a [`Call`].
pub(super) fn plain(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<Dynamic> {
    match act(ctx, task, Action::Syscall(call))? {
        Acted::Returned(value) => Ok(i64::from(value).into()),
        Acted::Blocks(id) => call_handle(ctx, id),
        _ => Ok(Dynamic::UNIT),
    }
}

/// Makes a system call whose value only says that it has succeeded.
pub(super) fn done(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<Dynamic> {
    match act(ctx, task, Action::Syscall(call))? {
        Acted::Blocks(id) => call_handle(ctx, id),
        _ => Ok(Dynamic::UNIT),
    }
}

/// What `wait4` has come to, as a map with the same keys whatever it was. With WNOHANG and nothing to
/// report the pid and the status are 0.
fn reaped(pid: i64, status: Option<WaitStatus>, options: WaitOptions) -> Dynamic {
    let none = if options.contains(WaitOptions::UNTRACED) {
        "no child has exited or stopped yet"
    } else {
        "no child has exited yet"
    };
    let text = status.map_or_else(|| none.to_owned(), |s| s.to_string());
    let status = status.map_or(0, |status| i64::from(status.0));
    let mut map = Map::new();
    map.insert("done".into(), true.into());
    map.insert("pid".into(), pid.into());
    map.insert("status".into(), status.into());
    map.insert("text".into(), text.into());
    map.into()
}

/// The little-endian words of a buffer.
pub(super) fn words(bytes: &[u8]) -> Vec<u32> {
    let words = bytes.chunks_exact(4);
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    words.map(word).collect()
}

/// What `mincore` has stored: a number for each page.
pub(super) fn resident(bytes: &[u8]) -> Dynamic {
    let pages = bytes.iter().map(|byte| i64::from(byte & 1).into());
    pages.collect::<Array>().into()
}

/// The name of a call; some numbers stand for several.
fn name_of(state: &CallState) -> &'static str {
    match &state.buffer {
        Some(buffer) => buffer.name(),
        None => Syscall::c_name(state.nr),
    }
}

/// What a call that has returned came to: for one that stores something, what it has stored.
fn returned(state: &CallState, value: i64) -> Dynamic {
    let bytes = &state.bytes;
    match &state.buffer {
        Some(BufferCall::Read(_) | BufferCall::Pread(..)) => {
            return text_read(value, bytes).into();
        }
        // The length includes the terminating null byte.
        Some(BufferCall::Getcwd) => return text_read(value - 1, bytes).into(),
        Some(BufferCall::Pipe) => return descriptors(bytes),
        Some(BufferCall::Readlink(_)) => return text_read(value, bytes).into(),
        Some(BufferCall::Stat(_) | BufferCall::Lstat(_) | BufferCall::Fstat(_)) => {
            return stat_map(bytes);
        }
        Some(BufferCall::Getdents(_)) => return entry_names(value, bytes),
        Some(BufferCall::Lock { command, .. }) if *command == F_GETLK64 => return lock_map(bytes),
        Some(BufferCall::Mincore { .. }) => return resident(bytes),
        Some(BufferCall::Semctl { cmd, .. }) if !matches!(cmd & 0xff, SETALL | IPC_SET) => {
            return set_answer(*cmd, bytes);
        }
        Some(BufferCall::Shmctl { cmd, .. }) if cmd & 0xff != IPC_SET => {
            return segment_answer(*cmd, bytes);
        }
        Some(BufferCall::Ioctl { cmd: TIOCGPGRP, .. }) => return word_stored(bytes),
        Some(BufferCall::Ptrace { .. }) => return looked_at(&words(bytes)),
        Some(
            call @ (BufferCall::Times
            | BufferCall::Gettimeofday
            | BufferCall::Sysinfo
            | BufferCall::Uname
            | BufferCall::Getgroups(_)
            | BufferCall::Setgroups(_)),
        ) => return stored(call, value, bytes),
        Some(call @ (BufferCall::Poll { .. } | BufferCall::Select { .. })) => {
            return polling::told(call, bytes);
        }
        Some(
            call @ (BufferCall::TimerCreate { .. }
            | BufferCall::TimerSettime(_)
            | BufferCall::TimerGettime(_)),
        ) => return timers::stored(call, bytes),
        Some(
            call @ (BufferCall::Msgsnd { .. }
            | BufferCall::Msgrcv { .. }
            | BufferCall::Msgctl { .. }),
        ) => return messages::answer(call, value, bytes),
        Some(
            BufferCall::Write(_)
            | BufferCall::Lock { .. }
            | BufferCall::Pwrite(..)
            | BufferCall::Ioctl { .. }
            | BufferCall::Semop { .. }
            | BufferCall::Semctl { .. }
            | BufferCall::Shmctl { .. },
        )
        | None => {}
    }
    match (Syscall::c_name(state.nr), state.info) {
        ("wait4", _) => reaped(value, state.status, WaitOptions::default()),
        ("waitid" | "rt_sigtimedwait", Some(info)) => info_map(&info),
        _ => value.into(),
    }
}

/// A field of what a wait has come to; `()` while it has not returned.
fn of_wait(ctx: &NativeCallContext, call: &mut Call, key: &str) -> Result<Dynamic> {
    let value = call_value(ctx, *call)?;
    let field = value
        .read_lock::<Map>()
        .and_then(|map| map.get(key).cloned());
    Ok(field.unwrap_or(Dynamic::UNIT))
}

/// What a call returned, or the error that it failed with.
fn call_value(ctx: &NativeCallContext, call: Call) -> Result<Dynamic> {
    let state = call_state(ctx, call, |_, call| call.clone())?;
    let value = match state.result {
        None => return Ok(Dynamic::UNIT),
        Some(Ok(value)) => i64::from(value),
        Some(Err(error)) => {
            let name = name_of(&state);
            return Err(call_error(ctx, (state.task, state.pid), error, name)?.into());
        }
    };
    if let Some(child) = state.child
        && let Some(handle) = child_handle(ctx, child)?
    {
        return Ok(handle);
    }
    Ok(returned(&state, value))
}

fn wait4(ctx: &NativeCallContext, task: &Task, pid: i32, options: i64) -> Result<Dynamic> {
    let args = WaitArgs {
        pid,
        status: VirtAddr(0),
        options: word(options, "the options")?,
        ..WaitArgs::default()
    };
    match act(ctx, task, Action::Syscall(Syscall::Wait4(args)))? {
        Acted::Returned(pid) => {
            let status = look(ctx, |machine| {
                machine
                    .kernel
                    .tasks()
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

/// The child that a wait names. A handle to a task that is gone says so.
fn awaited(ctx: &NativeCallContext, child: &Dynamic) -> Result<i32> {
    if let Some(task) = child.read_lock::<Task>() {
        alive(ctx, &task)?;
    }
    pid_of(child, "the pid")
}

/// Converts a signal number to the kernel's type; the kernel checks whether there is such a signal.
pub(super) fn signal_word(signal: i64) -> Result<i32> {
    word(signal, "the signal").map(|word| word as i32)
}

/// A signal set from an array of signal numbers.
pub(super) fn signal_set(signals: &Array) -> Result<SigSet> {
    let mut set = SigSet::EMPTY;
    for signal in signals {
        let number = signal.as_int().ok().and_then(|n| u32::try_from(n).ok());
        let signal = number.and_then(Signal::new).ok_or_else(|| {
            ScriptError::new(format!("{signal} is not a signal"))
                .with_help("a signal set is an array such as [SIGINT, SIGTERM]")
        })?;
        set = set.with(signal);
    }
    Ok(set)
}

/// The result of `waitid` as a map, or `()` if there is nothing to report yet.
pub(super) fn reported(ctx: &NativeCallContext, task: &Task, args: WaitidArgs) -> Result<Dynamic> {
    match act(ctx, task, Action::Syscall(Syscall::Waitid(args)))? {
        Acted::Returned(_) => {
            let info = look(ctx, |machine| {
                machine
                    .kernel
                    .tasks()
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
        ScriptError::new(
            "the call belongs to an earlier boot, or was forgotten after many later \
             calls",
        )
        .into()
    })
}

#[export_module]
pub mod functions {
    /// `exit(code)`: ends the calling task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.exit(3);
    /// assert_eq(sh.wait().status, 0x300);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exit(ctx: NativeCallContext, task: &mut Task, code: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Exit(code as i32))
    }

    /// `exit_group(code)`: ends the whole process, with all its threads.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.exit_group(0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exit_group(ctx: NativeCallContext, task: &mut Task, code: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::ExitGroup(code as i32))
    }

    /// `execve(path)`: runs another program in the same task. `path` is `sh` (a puppet again),
    /// `true` (exits at once), or a function of the script, which is compiled to machine code.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.vfork();
    /// kid.exec("true");
    /// assert_eq(sh.wait().status, 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exec(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        install_function(&ctx, path)?;
        done(&ctx, task, Syscall::Execve(path.into()))
    }

    /// `wait4(-1)`: reaps any child. Returns `#{done, pid, status, text}`, or a `Call` if it blocks,
    /// which has the same four: `done` is false until a child is reaped.
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

    /// `wait4(pid)`: reaps that child, given by its handle or pid. 0 means any child in the caller's
    /// process group, a value below -1 any child in the process group `-pid`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.exit(7);
    /// assert_eq(sh.wait(kid).text, "exited 7");
    /// ```
    #[rhai_fn(name = "wait", return_raw)]
    pub fn wait_pid(ctx: NativeCallContext, task: &mut Task, pid: Dynamic) -> Result<Dynamic> {
        wait_options(ctx, task, pid, 0)
    }

    /// `wait4(pid, options)`. The options are `WNOHANG`, `WUNTRACED`, `__WALL`, `__WCLONE` and
    /// `__WNOTHREAD`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// assert_eq(sh.wait(-1, WNOHANG).pid, 0);
    /// assert_eq(sh.wait(-1, WNOHANG).text, "no child has exited yet");
    /// ```
    #[rhai_fn(name = "wait", return_raw)]
    pub fn wait_options(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        options: i64,
    ) -> Result<Dynamic> {
        let pid = awaited(&ctx, &pid)?;
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

    /// What the call returned: for a wait `#{done, pid, status, text}`, for a `sys_read` the text,
    /// for a fork the child's handle; `()` if it has not returned. If the call has failed, this
    /// throws the error, as the call itself would have; `errno` says so without `try`.
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
        super::call_value(&ctx, *call)
    }

    /// The error number with which the call has failed; 0 if it has not, or has not returned yet.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_syscall(kid);
    /// let held = kid.close(77);
    /// sh.ptrace_detach(kid);
    /// assert_eq(held.errno, 9);
    /// ```
    #[rhai_fn(get = "errno", return_raw)]
    pub fn call_errno(ctx: NativeCallContext, call: &mut Call) -> Result<i64> {
        call_state(&ctx, *call, |_, call| match call.result {
            Some(Err(error)) => error.errno().code().into(),
            Some(Ok(_)) | None => 0,
        })
    }

    /// The pid that a wait has returned, as of a wait that did not block; `()` until then.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// let waiting = sh.wait();
    /// kid.exit(1);
    /// assert_eq(waiting.pid, kid.pid);
    /// ```
    #[rhai_fn(get = "pid", return_raw)]
    pub fn call_pid(ctx: NativeCallContext, call: &mut Call) -> Result<Dynamic> {
        of_wait(&ctx, call, "pid")
    }

    /// The wait status that a wait has returned; `()` until then.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// let waiting = sh.wait();
    /// kid.exit(1);
    /// assert_eq(waiting.status, 0x100);
    /// ```
    #[rhai_fn(get = "status", return_raw)]
    pub fn call_status(ctx: NativeCallContext, call: &mut Call) -> Result<Dynamic> {
        of_wait(&ctx, call, "status")
    }

    /// The wait status in words; `()` until the wait has returned.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// let waiting = sh.wait();
    /// kid.exit(1);
    /// assert_eq(waiting.text, "exited 1");
    /// ```
    #[rhai_fn(get = "text", return_raw)]
    pub fn call_text(ctx: NativeCallContext, call: &mut Call) -> Result<Dynamic> {
        of_wait(&ctx, call, "text")
    }

    /// What the call is waiting for.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// print(sh.wait().why);
    /// ```
    #[rhai_fn(get = "why", return_raw)]
    pub fn call_why(ctx: NativeCallContext, call: &mut Call) -> Result<String> {
        call_state(&ctx, *call, |machine, call| {
            let name = name_of(call);
            match call.result {
                Some(result) => {
                    let value = eax_of(result) as i32;
                    format!("{name} of task {} has returned {value}", call.pid)
                }
                None if machine.has_ended(call.task) => {
                    format!("task {} exited inside {name}", call.pid)
                }
                None => match machine.awaits(call.task) {
                    Some(awaits) => {
                        format!("task {} is waiting in {name} until {awaits}", call.pid)
                    }
                    None => format!("task {} is waiting in {name}", call.pid),
                },
            }
        })
    }

    /// The call as a string: the same as `why`.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn call_to_string(ctx: NativeCallContext, call: &mut Call) -> Result<String> {
        // Conversions to a string cannot fail: print would show the name of the type instead.
        Ok(call_why(ctx, call).unwrap_or_else(|_| {
            "a call that belongs to an earlier boot, or was forgotten after \
                 many later calls"
                .to_owned()
        }))
    }

    /// `open(path)`: opens `console`, `null` or an existing file. Returns the lowest free
    /// descriptor.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.open("/dev/null"), 3);
    /// ```
    #[rhai_fn(name = "open", return_raw)]
    pub fn open(ctx: NativeCallContext, task: &mut Task, path: &str) -> Result<Dynamic> {
        open_flags(ctx, task, path, 0)
    }

    /// `open(path, flags)`: `O_RDONLY`, `O_WRONLY` or `O_RDWR`. `O_CREAT` creates the file if there
    /// is none; with `O_EXCL` it must not exist yet. `O_TRUNC` empties it; with `O_APPEND` every
    /// write goes to the end.
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
    ) -> Result<Dynamic> {
        let flags = word(flags, "flags")?;
        plain(&ctx, task, Syscall::Open(path.to_owned(), flags, 0o666))
    }

    /// `open(path, flags, mode)`: with `O_CREAT`, a new file gets these permissions, less the umask;
    /// without them it gets 0o666.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let fd = sh.open("/tmp/secret", O_CREAT | O_RDWR, 0o600);
    /// assert_eq(sh.fstat(fd).mode, S_IFREG | 0o600);
    /// ```
    #[rhai_fn(name = "open", return_raw)]
    pub fn open_mode(
        ctx: NativeCallContext,
        task: &mut Task,
        path: &str,
        flags: i64,
        mode: i64,
    ) -> Result<Dynamic> {
        let (flags, mode) = (word(flags, "flags")?, word(mode, "the mode")?);
        plain(&ctx, task, Syscall::Open(path.to_owned(), flags, mode))
    }

    /// `close(fd)`: closes a descriptor. The open file itself is released with its last descriptor.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.close(0);
    /// assert_eq(sh.open("null"), 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn close(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Close(word(fd, "the descriptor")?))
    }

    /// `dup(fd)`: another descriptor for the same open file, the lowest that is free.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.dup(1), 3);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dup(ctx: NativeCallContext, task: &mut Task, fd: i64) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Dup(word(fd, "the descriptor")?))
    }

    /// `sigaction`: sets the action for a signal: `SIG_DFL`, `SIG_IGN`, or the address of a
    /// handler.
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
    ) -> Result<Dynamic> {
        let signal = word(signal, "the signal")?;
        let call = Syscall::sigaction(signal, Some(action_of(handler)?));
        done(&ctx, task, call)
    }

    /// The action set for a signal: `default`, `ignore`, `closure`, or the address of the handler.
    /// No system call is made.
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

    /// `getpid()`: the id of the process (the kernel's `tgid`).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getpid(), sh.tgid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getpid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Getpid)
    }

    /// `gettid()`: the id of the task (the kernel's `pid`).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.gettid(), sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn gettid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Gettid)
    }

    /// `getppid()`: the pid of the parent process.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getppid(), 1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getppid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Getppid)
    }

    /// `set_tid_address(addr)`: sets the address whose word is cleared when the task exits
    /// (`clear_child_tid`). Returns the tid.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.set_tid_address(0), sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn set_tid_address(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::SetTidAddress(address(addr)?))
    }

    /// `nice(increment)`: adds to the nice value. Only root may lower it.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.nice(5);
    /// assert_eq(sh.nice, 5);
    /// ```
    #[rhai_fn(name = "nice", return_raw)]
    pub fn sys_nice(ctx: NativeCallContext, task: &mut Task, increment: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Nice(increment as i32))
    }

    /// `sched_yield()`: gives up the CPU; an ordinary task moves to the expired array.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sched_yield();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_yield(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        done(&ctx, task, Syscall::SchedYield)
    }

    /// Uses `n` ticks of CPU time in user mode, as time passes and the scheduler allows.
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
