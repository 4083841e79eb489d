//! Resource limits, as methods of a task.

use super::calls::plain;
use super::convert::{Result, alive, errno_error, look, word};
use crate::abi::Errno;
use crate::kernel::syscall::{ProcessCall, Syscall};
use crate::kernel::task::{Caps, NR_OPEN, Resource, Rlimit, RlimitRefusal, check_setrlimit};
use crate::script::errors::ScriptError;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Map, NativeCallContext};

/// The limits of a task's process for a resource.
fn limit_of(ctx: &NativeCallContext, task: &Task, resource: i64) -> Result<Rlimit> {
    let id = alive(ctx, task)?;
    let resource = word(resource, "the resource")?;
    let resource = Resource::from_word(resource)
        .ok_or_else(|| errno_error(-Errno::EINVAL.code(), "getrlimit"))?;
    look(ctx, |machine| machine.kernel.rlimits(id)[resource])
}

/// `setrlimit`: the error says which rule refuses.
fn set_limit(
    ctx: &NativeCallContext,
    task: &Task,
    resource: i64,
    soft: i64,
    hard: i64,
) -> Result<()> {
    let old = limit_of(ctx, task, resource)?;
    let new = Rlimit {
        cur: word(soft, "the soft limit")?,
        max: word(hard, "the hard limit")?,
    };
    let resource = word(resource, "the resource")?;
    let call = Syscall::Process(ProcessCall::Setrlimit(resource, new));
    let set = plain(ctx, task, call).map(|_| ());
    let refusal = Resource::from_word(resource).and_then(|resource| {
        let capable = look(ctx, |machine| {
            let task = machine.kernel.tasks.get(task.id);
            task.is_some_and(|task| task.cred.capable(Caps::SYS_RESOURCE))
        });
        check_setrlimit(resource, old, new, capable.unwrap_or(false)).err()
    });
    match (set, refusal) {
        (Err(_), Some(refusal)) => {
            let error = errno_error(-refusal.errno().code(), "setrlimit");
            let (rule, remedy) = explain(refusal, old, new);
            let message = format!("{}: {rule}", error.message);
            let error = ScriptError { message, ..error };
            Err(error
                .with_note("the rule stands in kernel/sys.c, sys_setrlimit()")
                .with_help(remedy)
                .into())
        }
        (set, _) => set,
    }
}

/// Why a limit is not set, and what would help.
fn explain(refusal: RlimitRefusal, old: Rlimit, new: Rlimit) -> (String, String) {
    match refusal {
        RlimitRefusal::SoftAboveHard => (
            format!(
                "the soft limit, {}, would be above the hard one, {}",
                new.cur, new.max
            ),
            "setrlimit(resource, soft, hard) sets both; only root may raise the hard one"
                .to_owned(),
        ),
        RlimitRefusal::HardRaised => (
            format!(
                "only CAP_SYS_RESOURCE may raise the hard limit from {} to {}",
                old.max, new.max
            ),
            "only root may: spawn(\"sh\", #{uid: 0})".to_owned(),
        ),
        RlimitRefusal::BeyondNrOpen => (
            format!("no table of descriptors can be larger than NR_OPEN, {NR_OPEN}"),
            format!("the hard limit can be {NR_OPEN} at most"),
        ),
    }
}

#[export_module]
pub mod functions {
    /// `setrlimit(resource, soft)`: sets the soft limit, which acts, and leaves the hard one:
    /// `RLIMIT_NPROC`, `RLIMIT_NOFILE`, `RLIMIT_CPU` (seconds), `RLIMIT_STACK`, ...
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.setrlimit(RLIMIT_NPROC, 1);
    /// try { sh.fork() } catch (e) { assert_eq(e.name, "EAGAIN") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setrlimit(
        ctx: NativeCallContext,
        task: &mut Task,
        resource: i64,
        soft: i64,
    ) -> Result<()> {
        let old = limit_of(&ctx, task, resource)?;
        set_limit(&ctx, task, resource, soft, old.max.into())
    }

    /// `setrlimit(resource, soft, hard)`: sets both limits. Only root may raise a hard one.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.setrlimit(RLIMIT_NOFILE, 16, 32);
    /// sh.setrlimit(RLIMIT_NOFILE, 32);
    /// try { sh.setrlimit(RLIMIT_NOFILE, 32, 64) } catch (e) { assert_eq(e.name, "EPERM") }
    /// ```
    #[rhai_fn(name = "setrlimit", return_raw)]
    pub fn setrlimit_both(
        ctx: NativeCallContext,
        task: &mut Task,
        resource: i64,
        soft: i64,
        hard: i64,
    ) -> Result<()> {
        set_limit(&ctx, task, resource, soft, hard)
    }

    /// The limits of the process for a resource: `#{soft, hard}`. Only looks.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getrlimit(RLIMIT_STACK), #{soft: 8*MiB, hard: RLIM_INFINITY});
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getrlimit(ctx: NativeCallContext, task: &mut Task, resource: i64) -> Result<Map> {
        let limit = limit_of(&ctx, task, resource)?;
        let entry = |key: &str, value: u32| (key.into(), i64::from(value).into());
        Ok([entry("soft", limit.cur), entry("hard", limit.max)].into())
    }
}
