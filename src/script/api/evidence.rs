//! What checks ask about a run: who forked, who was reaped, how much was copied, what happened in
//! which order. All of it is read from the trace since boot.

use super::convert::{Result, look, pid_of};
use super::submission::collected;
use super::view::kinds;
use crate::abi::Pid;
use crate::machine::Machine;
use crate::script::errors::ScriptError;
use crate::script::session::Shared;
use crate::view::{self, Dropped};
use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

/// What is told by the whole trace.
///
/// # Errors
/// If it has dropped events.
fn told<R>(
    ctx: &NativeCallContext,
    tell: impl FnOnce(&Machine) -> std::result::Result<R, Dropped>,
) -> Result<R> {
    look(ctx, tell)?.map_err(|Dropped| {
        let help = "the run does too much for its trace, or --max-trace is too low";
        ScriptError::new("the trace has dropped its oldest events")
            .with_help(help)
            .into()
    })
}

fn pids(found: Vec<Pid>) -> Array {
    let ints = found.into_iter().map(|pid| i64::from(pid.0).into());
    ints.collect()
}

fn firsts(ctx: &NativeCallContext, events: &[String]) -> Result<Vec<Option<usize>>> {
    let wanted = kinds(events)?;
    told(ctx, |machine| view::firsts(machine, &wanted))
}

fn in_order(ctx: &NativeCallContext, events: &[String]) -> Result<bool> {
    let firsts = firsts(ctx, events)?;
    let all_there = firsts.iter().all(Option::is_some);
    Ok(all_there && firsts.is_sorted())
}

#[export_module]
pub mod functions {
    /// The pids of the children that a task has made since boot, in their order, whether they still
    /// live or not.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// assert_eq(forks_of(sh), [3]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn forks_of(ctx: NativeCallContext, task: Dynamic) -> Result<Array> {
        let pid = Pid(pid_of(&task, "the pid")?);
        told(&ctx, |machine| view::forks_of(machine, pid)).map(pids)
    }

    /// The pids of the children that a task has reaped by a wait since boot, in their order.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork().exit(0);
    /// sh.wait();
    /// assert_eq(reaped_by(sh), [3]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn reaped_by(ctx: NativeCallContext, task: Dynamic) -> Result<Array> {
        let waiter = Pid(pid_of(&task, "the pid")?);
        told(&ctx, |machine| view::reaped_by(machine, waiter)).map(pids)
    }

    /// The pids of the tasks that have got another parent since boot, because theirs exited first.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// sh.exit(0);
    /// assert_eq(orphans(), [3]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn orphans(ctx: NativeCallContext) -> Result<Array> {
        told(&ctx, view::orphans).map(pids)
    }

    /// The number of pages that are copied while a function runs.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 1);
    /// sh.fork();
    /// assert_eq(copies_in(|| sh.write(a, 2)), 1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn copies_in(ctx: NativeCallContext, call: FnPtr) -> Result<i64> {
        let copies = || look(&ctx, |machine| machine.kernel.counters().cow_copies);
        let before = copies()?;
        let _value: Dynamic = call.call_within_context(&ctx, ())?;
        Ok(copies()?.saturating_sub(before) as i64)
    }

    /// Whether there has been no such event since boot.
    ///
    /// ```rhai
    /// spawn("sh").fork().exit(0);
    /// assert(never("reparent"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn never(ctx: NativeCallContext, event: &str) -> Result<bool> {
        let firsts = firsts(&ctx, &[event.to_owned()])?;
        Ok(firsts == [None])
    }

    /// Whether both events have happened since boot, and the first of one before the first of the
    /// other.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork().exit(0);
    /// sh.wait();
    /// assert(order("sched_process_exit", "sched_process_wait"));
    /// ```
    #[rhai_fn(name = "order", return_raw)]
    pub fn order(ctx: NativeCallContext, first: &str, second: &str) -> Result<bool> {
        in_order(&ctx, &[first.to_owned(), second.to_owned()])
    }

    /// Whether all of these events have happened since boot, the first of each before the first of
    /// the next.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork().exit(0);
    /// sh.wait();
    /// assert(order(["sched_process_fork", "sched_process_exit", "sched_process_wait"]));
    /// ```
    #[rhai_fn(name = "order", return_raw)]
    pub fn order_of(ctx: NativeCallContext, events: Array) -> Result<bool> {
        let tags: Vec<String> = events.iter().map(ToString::to_string).collect();
        in_order(&ctx, &tags)
    }

    /// What is printed while a function runs. It is not shown then.
    ///
    /// ```rhai
    /// assert_eq(printed(|| print("hello")), "hello\n");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn printed(ctx: NativeCallContext, call: FnPtr) -> Result<String> {
        let shared = Shared::of(&ctx)?;
        collected(&ctx, &shared, || {
            let _value: Dynamic = call.call_within_context(&ctx, ())?;
            Ok(())
        })
    }
}
