//! Conversions between values of scripts and of the machine: checked numbers, outcomes, errors.

use super::ended::how_it_ended;
use super::handlers::run_entered;
use crate::abi::{Pid, SigAction, Signal, TaskId, VirtAddr};
use crate::kernel::mm::{BadAccess, SegvCode, UserFaultKind};
use crate::kernel::syscall::{SysError, Syscall};
use crate::machine::{Acted, Action, Command, Machine, Reply, Stop};
use crate::script::errors::{Caller, ScriptError, meant, plain_types, refused};
use crate::script::session::{Call, Shared, Task};
use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext};

/// The result of a function that scripts call.
pub type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A 32-bit word from an int in the range -2^31 to 2^32 - 1.
pub fn word(value: i64, what: &str) -> Result<u32> {
    if (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&value) {
        return Ok(value as u32);
    }
    let error = ScriptError::new(format!("{what} is {value}, which does not fit in 32 bits"));
    let help = "use a value from -2147483648 to 4294967295 (0xffffffff)";
    Err(error.with_help(help).into())
}

/// The pid that an argument stands for: a handle's, or a number as it is. Whether there is such a
/// task is for the kernel to say.
pub fn pid_of(value: &Dynamic, what: &str) -> Result<i32> {
    if let Some(task) = value.read_lock::<Task>() {
        return Ok(task.pid.0);
    }
    let number = value.as_int().map_err(|kind| {
        let kind = plain_types(kind.rsplit("::").next().unwrap_or(kind));
        ScriptError::new(format!("{what} must be a handle or an int, not {kind}"))
            .with_help("use a handle or a pid: sh.wait(kid), sh.kill(kid.pid, SIGTERM)")
    })?;
    word(number, what).map(|word| word as i32)
}

/// A virtual address from an int that fits in 32 bits.
pub fn address(value: i64) -> Result<VirtAddr> {
    word(value, "the address").map(VirtAddr)
}

/// Checks that a number is between `min` and `max`.
pub fn ranged(value: i64, what: &str, min: i64, max: i64) -> Result<i64> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    let range = if min == max {
        min.to_string()
    } else if max == i64::MAX {
        format!("at least {min}")
    } else {
        format!("{min} to {max}")
    };
    let error = ScriptError::new(format!("{what} is {value}, but must be {range}"));
    let nearest = value.clamp(min, max);
    let help = format!("use {nearest}, which is the nearest allowed value");
    Err(error.with_help(help).into())
}

/// Checks a range of ticks. It has a tick, unless it is the present moment, in which something may
/// have happened already.
pub fn period(ctx: &NativeCallContext, from: i64, to: i64) -> Result<(u64, u64)> {
    let now = look(ctx, |machine| machine.kernel.tick())? as i64;
    ranged(from, "the first tick", 0, i64::MAX)?;
    ranged(to, "the last tick", from, i64::MAX)?;
    let trouble = if from > now {
        format!("tick {from} is still to come")
    } else if from == to && to < now {
        format!("there is no tick from {from} to {to}: the last one is not part of it")
    } else {
        return Ok((from as u64, to as u64));
    };
    let help = format!("it is {now} ms now; from 0 to {now} is all that has happened");
    Err(ScriptError::new(trouble).with_help(help).into())
}

/// The int given for an option.
pub fn int_option(value: &Dynamic, key: &str) -> Result<i64> {
    value
        .as_int()
        .map_err(|kind| wrong_type(key, "an int", kind).into())
}

/// The bool given for an option.
pub fn bool_option(value: &Dynamic, key: &str) -> Result<bool> {
    let text = value.to_string().to_lowercase();
    let no = ["no", "off", "false", "0", ""].contains(&text.as_str());
    value.as_bool().map_err(|kind| {
        let error = wrong_type(key, "a boolean", kind);
        error.with_help(format!("write {key}: {}", !no)).into()
    })
}

/// The string given for an option.
pub fn string_option(value: &Dynamic, key: &str) -> Result<String> {
    value
        .clone()
        .into_string()
        .map_err(|kind| wrong_type(key, "a string", kind).into())
}

fn wrong_type(key: &str, wanted: &str, got: &str) -> ScriptError {
    let got = plain_types(got);
    ScriptError::new(format!("option {key} must be {wanted}, not {got}"))
}

/// Rejects unknown option keys, and lists the known ones.
pub fn check_keys(options: &Map, known: &[&str]) -> Result<()> {
    match options.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(ScriptError::new(format!("there is no option {key}"))
            .with_help(choice(key, "options", known))
            .into()),
    }
}

/// Help for an unknown word: the most likely candidate, then all of them.
pub fn choice(word: &str, what: &str, known: &[&str]) -> String {
    let all = format!("{what} are {}", known.join(", "));
    match meant(word, known) {
        Some(meant) => format!("did you mean {meant}? {all}"),
        None => all,
    }
}

/// Applies a command, and runs the signal handlers that tasks enter meanwhile.
pub fn apply(ctx: &NativeCallContext, command: Command) -> Result<Reply> {
    // Handlers that other tasks entered at the same moment run first.
    run_entered(ctx)?;
    let mut command = command;
    loop {
        let waits = matches!(command, Command::Act { .. })
            && Shared::of(ctx)?.with(|state| state.machine.patience() > 0)?;
        let again = waits.then(|| command.clone());
        let reply = apply_once(ctx, command);
        run_entered(ctx)?;
        match (reply?, again) {
            // The call waited its turn until a handler had to run.
            (Reply::Stopped(Stop::Handler), Some(again)) => command = again,
            (reply, _) => return Ok(reply),
        }
    }
}

fn apply_once(ctx: &NativeCallContext, command: Command) -> Result<Reply> {
    let reply = Shared::of(ctx)?.apply(command)?;
    reply.map_err(|refusal| ScriptError::of_refusal(&refusal).into())
}

/// Counts a function that makes much at once, such as a long text, by what it makes: for Rhai, each
/// call is a single operation.
pub fn charge(ctx: &NativeCallContext, operations: usize) -> Result<()> {
    Shared::of(ctx)?.with(|state| state.charge(operations as u64))
}

/// Reads the machine without changing it.
pub fn look<R>(ctx: &NativeCallContext, look: impl FnOnce(&Machine) -> R) -> Result<R> {
    Shared::of(ctx)?.with(|state| look(&state.machine))
}

/// A handle to a task of the current machine.
pub fn handle(ctx: &NativeCallContext, id: TaskId, pid: Pid) -> Result<Task> {
    Shared::of(ctx)?.with(|state| Task {
        id,
        pid,
        boot: state.boot,
    })
}

/// A handle to a system call on the current machine.
pub fn call_handle(ctx: &NativeCallContext, id: u64) -> Result<Dynamic> {
    let boot = Shared::of(ctx)?.with(|state| state.boot)?;
    Ok(Dynamic::from(Call { id, boot }))
}

/// Whether the task still exists, even if only as a zombie.
pub fn exists(ctx: &NativeCallContext, task: &Task) -> Result<bool> {
    Shared::of(ctx)?
        .with(|state| task.boot == state.boot && state.machine.kernel.tasks().contains_key(task.id))
}

/// Why a task no longer exists, in words.
pub fn why_gone(ctx: &NativeCallContext, task: &Task) -> Result<String> {
    let (boot, ended) = Shared::of(ctx)?.with(|state| {
        let ended = state.machine.kernel.ended(task.id);
        (state.boot, ended.map(how_it_ended))
    })?;
    Ok(if task.boot == boot {
        let ended = ended.unwrap_or_else(|| "it ended and was reaped".to_owned());
        format!("task {} is gone: {ended}", task.pid)
    } else {
        format!(
            "task {} is gone: it belonged to the machine before boot()",
            task.pid
        )
    })
}

/// Lets a puppet act. A call that fails is an error, and so is a fault that could not be handled.
pub fn act(ctx: &NativeCallContext, task: &Task, action: Action) -> Result<Acted> {
    let id = alive(ctx, task)?;
    let (who, alone) = look(ctx, |machine| {
        let mm = machine.kernel.task(id).mm();
        let alone = mm.is_none_or(|mm| machine.kernel.mms()[mm].mm_users() == 1);
        (machine.who(id), alone)
    })?;
    let call = call_name(&action);
    let reply = apply(ctx, Command::Act { task: id, action })?;
    let Reply::Acted(effect) = reply else {
        return Ok(Acted::Done);
    };
    match effect {
        Acted::Fault(fault) => {
            let error = ScriptError {
                name: fault.signal_name().to_owned(),
                ..ScriptError::new(format!("{who}: {fault}"))
                    .with_note(fault_rule(fault.kind))
                    .with_help(fault_help(fault.kind, alone))
            };
            Err(error.into())
        }
        Acted::Refused(error) => Err(call_error(ctx, (id, task.pid), error, call)?.into()),
        effect => Ok(effect),
    }
}

/// The name that scripts have for a puppet's call.
fn call_name(action: &Action) -> &'static str {
    match action {
        Action::Syscall(Syscall::Ipc(call)) => call.name(),
        Action::Syscall(call) => Syscall::c_name(call.nr()),
        Action::CloneTls(..) => "clone",
        Action::OnStack(what) => what.call.name(),
        Action::DirectIo { .. } => "direct I/O",
        Action::Read { .. }
        | Action::Write { .. }
        | Action::Fill { .. }
        | Action::Touch { .. }
        | Action::Compute(_) => "",
    }
}

/// The error of a task's system call that has failed.
pub fn call_error(
    ctx: &NativeCallContext,
    (id, pid): (TaskId, Pid),
    error: SysError,
    call: &str,
) -> Result<ScriptError> {
    let ignores_sigchld = look(ctx, |machine| {
        let kernel = &machine.kernel;
        kernel.tasks().contains_key(id)
            && kernel.sigaction_of(id, Signal::SIGCHLD) == SigAction::Ignore
    })?;
    let caller = Caller {
        pid,
        ignores_sigchld,
    };
    Ok(refused(error, call, caller))
}

/// The kernel rule behind a fault that raises a signal.
const fn fault_rule(kind: UserFaultKind) -> &'static str {
    match kind {
        UserFaultKind::Segv {
            reason: BadAccess::KernelAddress,
            ..
        } => {
            "do_page_fault() accepts no address from TASK_SIZE on from user mode: SIGSEGV with \
             SEGV_MAPERR, whatever the page tables say (arch/i386/mm/fault.c)"
        }
        UserFaultKind::Segv {
            reason: BadAccess::BelowStackPointer { .. },
            ..
        } => {
            "do_page_fault() lets a stack grow only for addresses from esp - 32 on, because pusha \
             stores 32 bytes before it changes esp; lower ones get SIGSEGV with SEGV_MAPERR \
             (arch/i386/mm/fault.c)"
        }
        UserFaultKind::Segv {
            reason: BadAccess::StackLimit,
            ..
        } => {
            "expand_stack() would exceed RLIMIT_STACK or the commit limit: SIGSEGV with \
             SEGV_MAPERR (mm/mmap.c)"
        }
        UserFaultKind::Segv {
            code: SegvCode::MapErr,
            ..
        } => {
            "do_page_fault() finds no area that contains the address: SIGSEGV with SEGV_MAPERR \
             (arch/i386/mm/fault.c)"
        }
        UserFaultKind::Segv {
            code: SegvCode::AccErr,
            ..
        } => {
            "do_page_fault() finds that the area does not permit the access: SIGSEGV with \
             SEGV_ACCERR (arch/i386/mm/fault.c)"
        }
        UserFaultKind::Bus => {
            "filemap_nopage() finds that the page is beyond the end of the file, although the area \
             contains it: SIGBUS (mm/filemap.c)"
        }
        UserFaultKind::OomKilled => {
            "no page can be freed, and out_of_memory() kills the task with the most badness points, \
             or its first child (mm/oom_kill.c)"
        }
        UserFaultKind::Oom => {
            "handle_mm_fault() gets no page frame: the task is killed (arch/i386/mm/fault.c)"
        }
    }
}

/// How to avoid such a fault. `alone` says whether no other task shares the memory.
const fn fault_help(kind: UserFaultKind, alone: bool) -> &'static str {
    match kind {
        UserFaultKind::Oom | UserFaultKind::OomKilled => {
            "let tasks exit, boot(#{mem: ..}) with more memory, or boot(#{swap: ..}) with swap"
        }
        _ if !alone => {
            "maps(task) shows what is mapped; an access outside of it kills the task, and its core \
             dump kills every task that shares the memory, even a parent waiting in vfork"
        }
        UserFaultKind::Segv {
            reason: BadAccess::NotWritable,
            ..
        } => {
            "it was mapped without PROT_WRITE; sh.mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE \
             | MAP_ANONYMOUS) maps writable memory"
        }
        UserFaultKind::Segv {
            reason: BadAccess::NotReadable | BadAccess::ReadProtected,
            ..
        } => "it was mapped without PROT_READ; maps(task) shows the permissions of each area",
        UserFaultKind::Segv {
            reason: BadAccess::KernelAddress,
            ..
        } => "user addresses are below 0xc0000000; maps(task) shows what is mapped there",
        UserFaultKind::Bus => {
            "ftruncate(fd, length) makes the file longer; a mapping shows only the pages that the \
             file has"
        }
        _ => "maps(task) shows what is mapped; an access outside of it kills the task",
    }
}

/// The id of a task that still exists, even if only as a zombie.
pub fn alive(ctx: &NativeCallContext, task: &Task) -> Result<TaskId> {
    if exists(ctx, task)? {
        return Ok(task.id);
    }
    Err(ScriptError::new(why_gone(ctx, task)?)
        .with_help("ps() lists the tasks that exist")
        .into())
}
