//! Resource limits, as methods of a task.

use super::calls::done;
use super::convert::{Result, alive, look, word};
use crate::abi::{Errno, Resource, Rlimit};
use crate::kernel::syscall::Syscall;
use crate::script::errors::errno_error;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext};

/// The limits of a task's process for a resource.
fn limit_of(ctx: &NativeCallContext, task: &Task, resource: i64) -> Result<Rlimit> {
    let id = alive(ctx, task)?;
    let resource = word(resource, "the resource")?;
    let resource =
        Resource::from_number(resource).ok_or_else(|| errno_error(Errno::EINVAL, "getrlimit"))?;
    look(ctx, |machine| machine.kernel.rlimits(id)[resource])
}

/// `setrlimit`; the error names the rule that refuses it.
fn set_limit(
    ctx: &NativeCallContext,
    task: &Task,
    resource: i64,
    soft: i64,
    hard: i64,
) -> Result<Dynamic> {
    let limit = Rlimit {
        cur: word(soft, "the soft limit")?,
        max: word(hard, "the hard limit")?,
    };
    let resource = word(resource, "the resource")?;
    done(ctx, task, Syscall::Setrlimit(resource, limit))
}

#[export_module]
pub mod functions {
    /// `setrlimit(resource, soft)`: sets the soft limit, which is the one enforced, and leaves the
    /// hard limit: `RLIMIT_NPROC`, `RLIMIT_NOFILE`, `RLIMIT_CPU` (seconds), `RLIMIT_STACK`, ...
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
    ) -> Result<Dynamic> {
        let old = limit_of(&ctx, task, resource)?;
        set_limit(&ctx, task, resource, soft, old.max.into())
    }

    /// `setrlimit(resource, soft, hard)`: sets both limits. Only root may raise the hard one.
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
    ) -> Result<Dynamic> {
        set_limit(&ctx, task, resource, soft, hard)
    }

    /// The limits of the process for a resource: `#{soft, hard}`. No system call is made.
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
