//! The system calls that make tasks: fork, vfork, clone with its arguments.

use super::convert::{Result, act, check_keys, errno_error, handle, int_option, look, word};
use crate::abi::{CloneFlags, VirtAddr};
use crate::hw::UserDesc;
use crate::kernel::fork::ForkArgs;
use crate::kernel::mm::MapRefusal;
use crate::kernel::syscall::Syscall;
use crate::machine::{Action, Machine, Outcome};
use crate::script::errors::{ForkRefusal, ScriptError};
use crate::script::session::Task;
use crate::trace::{Allocation, CloneRefusal, ForkStep, Record, TraceEvent, TraceLog};
use rhai::plugin::*;
use rhai::{Map, NativeCallContext};

/// A call that makes a task: its handle.
fn forked(ctx: &NativeCallContext, task: &Task, action: Action) -> Result<Task> {
    let call = match &action {
        Action::Syscall(Syscall::Clone(_)) | Action::CloneTls(..) => "clone",
        Action::Syscall(Syscall::Vfork) => "vfork",
        _ => "fork",
    };
    match act(ctx, task, action)? {
        Outcome::Forked { child, .. } => {
            let sched = look(ctx, |machine| {
                machine.kernel.sched.try_get(child).map(|sched| sched.pid)
            })?;
            let pid = sched.ok_or_else(|| ScriptError::new("the new task has ended already"))?;
            handle(ctx, child, pid)
        }
        Outcome::Returned(value) => Err(clone_error(ctx, value, call)?.into()),
        _ => Err(ScriptError::new("no task was made").into()),
    }
}

/// The error of a refused clone, with the rule that refused it: the trace knows which it was.
fn clone_error(ctx: &NativeCallContext, value: i32, call: &str) -> Result<ScriptError> {
    let error = errno_error(value, call);
    let refusal = look(ctx, |machine| last_refusal(&machine.kernel.log))?;
    let Some(refusal) = refusal else {
        return Ok(error);
    };
    let advice = refusal.advice();
    let rule = match refusal {
        ForkRefusal::NoPid => {
            let pid_max = look(ctx, |machine| machine.kernel.config.pid_max)?;
            format!("every pid below pid_max ({pid_max}) is taken")
        }
        ForkRefusal::CopyProcess(rule) => look(ctx, |machine| refusal_words(machine, rule))?,
    };
    let message = format!("{}: {rule}", error.message);
    Ok(ScriptError { message, ..error }
        .with_note(format!("the rule stands in {}", advice.rule))
        .with_help(advice.remedy))
}

/// Why the latest call was refused, with the figures that only the machine knows.
fn refusal_words(machine: &Machine, rule: CloneRefusal) -> String {
    let kernel = &machine.kernel;
    match (rule, kernel.map_refusal) {
        (CloneRefusal::NoMemory, Some(promised @ MapRefusal::TooMuchPromised(_))) => {
            format!("the child may write all that its parent has: {promised}")
        }
        (CloneRefusal::ParentTidFault, _) => {
            let address = kernel
                .log
                .records()
                .rev()
                .find_map(|record| match record.event {
                    TraceEvent::TidWrite { addr, failed, .. } if failed => Some(addr),
                    _ => None,
                });
            match address {
                Some(addr) => {
                    format!("CLONE_PARENT_SETTID cannot store the tid at parent_tid {addr}")
                }
                None => rule.to_string(),
            }
        }
        (CloneRefusal::NoMemory, _) => match injected(&kernel.log) {
            Some(what) => format!("{rule} (forced: no {what})"),
            None => rule.to_string(),
        },
        _ => rule.to_string(),
    }
}

/// What the latest fork-like call was made to find no memory for.
fn injected(log: &TraceLog) -> Option<Allocation> {
    let begins = |record: &&Record| matches!(record.event, TraceEvent::DoFork { .. });
    let mut call = log.records().rev().take_while(|record| !begins(record));
    call.find_map(|record| match record.event {
        TraceEvent::FailInjected { what } => Some(what),
        _ => None,
    })
}

/// What the latest fork-like call failed at.
fn last_refusal(log: &TraceLog) -> Option<ForkRefusal> {
    log.records().rev().find_map(|record| match record.event {
        TraceEvent::CopyProcess { refusal, .. } => Some(refusal.map(ForkRefusal::CopyProcess)),
        TraceEvent::DoForkStep {
            step: ForkStep::NoPid,
        } => Some(Some(ForkRefusal::NoPid)),
        _ => None,
    })?
}

fn user_desc_of(options: &Map) -> Result<UserDesc> {
    check_keys(options, &["entry", "base", "limit", "flags"])?;
    let mut desc = UserDesc {
        entry_number: 6,
        base: 0,
        limit: 0xfffff,
        flags: 0x51,
    };
    for (key, value) in options {
        let value = word(int_option(value, key)?, key)?;
        match key.as_str() {
            "entry" => desc.entry_number = value as i32,
            "base" => desc.base = value,
            "limit" => desc.limit = value,
            _ => desc.flags = value,
        }
    }
    Ok(desc)
}

fn clone_action(options: &Map) -> Result<Action> {
    check_keys(
        options,
        &["flags", "stack", "parent_tid", "tls", "child_tid"],
    )?;
    let mut args = ForkArgs::with_flags(CloneFlags::FORK);
    let mut tls = None;
    for (key, value) in options {
        let addr = || word(int_option(value, key)?, key).map(VirtAddr);
        match key.as_str() {
            "flags" => args.flags = CloneFlags::from_bits_retain(addr()?.0),
            "stack" => args.stack = addr()?,
            "parent_tid" => args.parent_tid = addr()?,
            "child_tid" => args.child_tid = addr()?,
            _ => match value.clone().try_cast::<Map>() {
                Some(desc) => tls = Some(user_desc_of(&desc)?),
                None => args.tls = addr()?,
            },
        }
    }
    Ok(match tls {
        Some(desc) => Action::CloneTls(args, desc),
        None => Action::Syscall(Syscall::Clone(args)),
    })
}

#[export_module]
pub mod functions {
    /// `fork()`: a copy of the task, its memory copied on write. Returns the child's handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// assert_eq(kid.ppid, sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fork(ctx: NativeCallContext, task: &mut Task) -> Result<Task> {
        forked(&ctx, task, Action::Syscall(Syscall::Fork))
    }

    /// `vfork()`: a child that shares the memory; the task itself waits inside until the child
    /// execs or exits. Returns the child's handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.vfork();
    /// assert_eq(sh.state, "D");
    /// kid.exit(0);
    /// assert_eq(sh.state, "S");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn vfork(ctx: NativeCallContext, task: &mut Task) -> Result<Task> {
        forked(&ctx, task, Action::Syscall(Syscall::Vfork))
    }

    /// `clone(flags)`: what the flags say is shared, the rest is copied; the low byte is the exit
    /// signal. Returns the child's handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.clone(CLONE_VM | CLONE_FILES | SIGCHLD);
    /// assert_eq(sh.mm.users, 2);
    /// ```
    #[rhai_fn(name = "clone", return_raw)]
    pub fn clone_flags(ctx: NativeCallContext, task: &mut Task, flags: i64) -> Result<Task> {
        let flags = CloneFlags::from_bits_retain(word(flags, "flags")?);
        let args = ForkArgs::with_flags(flags);
        forked(&ctx, task, Action::Syscall(Syscall::Clone(args)))
    }

    /// `clone` with named arguments: `flags`, `stack` (top of the child's stack), `parent_tid`,
    /// `tls` (an address, or `#{entry, base, limit, flags}`, which sets CLONE_SETTLS), `child_tid`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// let kid = sh.clone(#{flags: CLONE_PARENT_SETTID | SIGCHLD, parent_tid: a});
    /// assert_eq(sh.read(a), kid.pid);
    /// ```
    #[rhai_fn(name = "clone", return_raw)]
    pub fn clone_named(ctx: NativeCallContext, task: &mut Task, args: Map) -> Result<Task> {
        forked(&ctx, task, clone_action(&args)?)
    }
}
