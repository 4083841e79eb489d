//! The system calls that create tasks: fork, vfork, and clone with its arguments.

use super::convert::{Result, act, call_handle, check_keys, handle, int_option, look, word};
use crate::abi::{CloneFlags, TaskId, VirtAddr};
use crate::hw::UserDesc;
use crate::kernel::syscall::{ForkArgs, Syscall};
use crate::machine::{Acted, Action};
use crate::script::errors::ScriptError;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext};

/// Makes a call that creates a task, and returns the child's handle. A tracer may hold it up before it has made one: then it is
/// a call like any other that blocks.
fn forked(ctx: &NativeCallContext, task: &Task, action: Action) -> Result<Dynamic> {
    match act(ctx, task, action)? {
        Acted::Forked { child, .. } => {
            let child = child_handle(ctx, child)?;
            child.ok_or_else(|| ScriptError::new("the new task has already exited").into())
        }
        Acted::Blocks(id) => call_handle(ctx, id),
        _ => Err(ScriptError::new("no task was created").into()),
    }
}

/// The handle of a new task; `None` if it is gone already.
pub(super) fn child_handle(ctx: &NativeCallContext, child: TaskId) -> Result<Option<Dynamic>> {
    let sched = look(ctx, |machine| {
        machine.kernel.sched.try_get(child).map(|sched| sched.pid)
    })?;
    sched
        .map(|pid| handle(ctx, child, pid).map(Dynamic::from))
        .transpose()
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
    /// `fork()`: creates a child with a copy-on-write copy of the caller's memory. Returns the
    /// child's handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// assert_eq(kid.ppid, sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fork(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        forked(&ctx, task, Action::Syscall(Syscall::Fork))
    }

    /// `vfork()`: creates a child that shares the caller's memory. The caller is suspended until
    /// the child calls exec or exits. Returns the child's handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.vfork();
    /// assert_eq(sh.state, "D");
    /// kid.exit(0);
    /// assert_eq(sh.state, "S");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn vfork(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        forked(&ctx, task, Action::Syscall(Syscall::Vfork))
    }

    /// `clone(flags)`: the child shares what the flags say and gets copies of the rest. The low
    /// byte of the flags is the exit signal. Returns the child's handle.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.clone(CLONE_VM | CLONE_FILES | SIGCHLD);
    /// assert_eq(sh.mm.users, 2);
    /// ```
    #[rhai_fn(name = "clone", return_raw)]
    pub fn clone_flags(ctx: NativeCallContext, task: &mut Task, flags: i64) -> Result<Dynamic> {
        let flags = CloneFlags::from_bits_retain(word(flags, "flags")?);
        let args = ForkArgs::with_flags(flags);
        forked(&ctx, task, Action::Syscall(Syscall::Clone(args)))
    }

    /// `clone` with named arguments: `flags`, `stack` (top of the child's stack), `parent_tid`,
    /// `tls` (an address, or `#{entry, base, limit, flags}`, which implies CLONE_SETTLS),
    /// `child_tid`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// let kid = sh.clone(#{flags: CLONE_PARENT_SETTID | SIGCHLD, parent_tid: a});
    /// assert_eq(sh.read(a), kid.pid);
    /// ```
    #[rhai_fn(name = "clone", return_raw)]
    pub fn clone_named(ctx: NativeCallContext, task: &mut Task, args: Map) -> Result<Dynamic> {
        forked(&ctx, task, clone_action(&args)?)
    }
}
