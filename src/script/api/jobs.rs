//! System calls on process groups, sessions and users, and `waitid`, as methods of a task.

use super::calls::{done, plain, reported, signal_word};
use super::convert::{Result, alive, look, pid_of, word};
use crate::abi::{Errno, P_PID, PR_GET_DUMPABLE, PR_SET_PDEATHSIG, VirtAddr};
use crate::kernel::syscall::{InfoTo, Syscall, WaitidArgs};
use crate::kernel::task::UsageOf;
use crate::script::errors::errno_error;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext};

fn nothing(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<Dynamic> {
    done(ctx, task, call)
}

fn number(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<Dynamic> {
    plain(ctx, task, call)
}

fn wait_for(
    ctx: &NativeCallContext,
    task: &Task,
    which: i64,
    id: &Dynamic,
    options: i64,
) -> Result<Dynamic> {
    let args = WaitidArgs {
        which: word(which, "the id type")?,
        id: pid_of(id, "the id")?,
        info: InfoTo::Task,
        options: word(options, "the options")?,
        rusage: VirtAddr(0),
    };
    reported(ctx, task, args)
}

/// A user id; -1 means "leave it unchanged".
fn id_word(id: i64) -> Result<u32> {
    word(id, "the user id")
}

#[export_module]
pub mod functions {
    /// `waitid(which, id, options)`: `P_ALL`, `P_PID` or `P_PGID`; `WEXITED`, `WSTOPPED`,
    /// `WCONTINUED`, `WNOHANG`, `WNOWAIT`. Returns `#{signo, code, pid, uid, status}`, `()` if
    /// there is nothing to report yet, or a `Call` if it blocks.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.exit(3);
    /// let info = sh.waitid(P_PID, kid, WEXITED | WNOWAIT);
    /// assert_eq([info.code, info.status], [CLD_EXITED, 3]);
    /// assert_eq(sh.waitid(P_ALL, 0, WEXITED).pid, kid.pid);
    /// ```
    #[rhai_fn(name = "waitid", return_raw)]
    pub fn waitid(
        ctx: NativeCallContext,
        task: &mut Task,
        which: i64,
        id: Dynamic,
        options: i64,
    ) -> Result<Dynamic> {
        wait_for(&ctx, task, which, &id, options)
    }

    /// `waitid(P_PID, pid, options)`, written shorter.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// assert_eq(sh.waitid(kid, WEXITED | WNOHANG), ());
    /// ```
    #[rhai_fn(name = "waitid", return_raw)]
    pub fn waitid_task(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        options: i64,
    ) -> Result<Dynamic> {
        wait_for(&ctx, task, P_PID.into(), &pid, options)
    }

    /// `setpgid(pid, pgid)`: moves the caller (`pid` 0) or a child that has not called exec to
    /// another process group. `pgid` 0 means a group with the process's own pid.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.setpgid(0, 0);
    /// assert_eq(sh.getpgrp(), sh.pid);
    /// let kid = sh.fork();
    /// sh.setpgid(kid, 0);
    /// assert_eq(kid.getpgrp(), kid.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setpgid(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        pgid: Dynamic,
    ) -> Result<Dynamic> {
        let pgid = pid_of(&pgid, "the process group")?;
        nothing(&ctx, task, Syscall::Setpgid(pid_of(&pid, "the pid")?, pgid))
    }

    /// `getpgid(pid)`: the process group of a task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getpgid(sh.fork()), sh.getpgrp());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getpgid(ctx: NativeCallContext, task: &mut Task, pid: Dynamic) -> Result<Dynamic> {
        number(&ctx, task, Syscall::Getpgid(pid_of(&pid, "the pid")?))
    }

    /// `getpgrp()`: the caller's process group.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").getpgrp(), 1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getpgrp(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        number(&ctx, task, Syscall::Getpgrp)
    }

    /// `setsid()`: starts a new session. The caller must not be a process group leader.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.setsid(), sh.pid);
    /// try { sh.setsid() } catch (e) { assert_eq(e.name, "EPERM") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setsid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        number(&ctx, task, Syscall::Setsid)
    }

    /// `getsid(pid)`: the session of a task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.setsid();
    /// assert_eq(sh.getsid(sh.fork()), sh.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getsid(ctx: NativeCallContext, task: &mut Task, pid: Dynamic) -> Result<Dynamic> {
        number(&ctx, task, Syscall::Getsid(pid_of(&pid, "the pid")?))
    }

    /// `setuid(uid)`: sets all three user ids for root; others can only set the effective id, to
    /// their real or saved one.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.setuid(500);
    /// try { sh.setuid(0) } catch (e) { assert_eq(e.name, "EPERM") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setuid(ctx: NativeCallContext, task: &mut Task, uid: i64) -> Result<Dynamic> {
        nothing(&ctx, task, Syscall::Setuid32(id_word(uid)?))
    }

    /// `setreuid(real, effective)`: sets the real and effective user ids; -1 leaves one unchanged.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.setreuid(-1, 500);
    /// assert_eq(sh.getresuid(), [0, 500, 500]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setreuid(
        ctx: NativeCallContext,
        task: &mut Task,
        real: i64,
        eff: i64,
    ) -> Result<Dynamic> {
        let call = Syscall::Setreuid32(id_word(real)?, id_word(eff)?);
        nothing(&ctx, task, call)
    }

    /// `setresuid(real, effective, saved)`: sets all three user ids; -1 leaves one unchanged.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.setresuid(-1, 500, -1);
    /// assert_eq(sh.getresuid(), [0, 500, 0]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setresuid(
        ctx: NativeCallContext,
        task: &mut Task,
        real: i64,
        eff: i64,
        saved: i64,
    ) -> Result<Dynamic> {
        let ids = [id_word(real)?, id_word(eff)?, id_word(saved)?];
        nothing(&ctx, task, Syscall::Setresuid32(ids))
    }

    /// The real, effective and saved user ids. No system call is made.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").getresuid(), [500, 500, 500]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getresuid(ctx: NativeCallContext, task: &mut Task) -> Result<rhai::Array> {
        let id = alive(&ctx, task)?;
        let cred = look(&ctx, |machine| machine.kernel.task(id).cred())?;
        let ids = [cred.uid, cred.euid, cred.suid];
        Ok(ids.map(|id| i64::from(id).into()).into())
    }

    /// `getuid()`: the real user id.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh", #{uid: 0}).getuid(), 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getuid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Getuid)
    }

    /// `geteuid()`: the effective user id.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh", #{uid: 7}).geteuid(), 7);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn geteuid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Geteuid)
    }

    /// `prctl(PR_SET_PDEATHSIG, signal)`: sets the signal that the task gets when its parent dies;
    /// 0 for none. `prctl(PR_SET_DUMPABLE, 0)` forbids core dumps and strangers that trace it;
    /// `prctl(PR_GET_DUMPABLE, 0)` returns whether they are allowed.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.prctl(PR_SET_PDEATHSIG, SIGTERM);
    /// sh.exit(0);
    /// assert(!kid.exists);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn prctl(
        ctx: NativeCallContext,
        task: &mut Task,
        option: i64,
        arg: i64,
    ) -> Result<Dynamic> {
        let option = word(option, "the option")?;
        let arg = match option {
            PR_SET_PDEATHSIG => signal_word(arg)? as u32,
            _ => word(arg, "the argument")?,
        };
        let call = Syscall::Prctl(option, arg);
        match option {
            PR_GET_DUMPABLE => plain(&ctx, task, call),
            _ => nothing(&ctx, task, call),
        }
    }

    /// The resource usage of the process (`RUSAGE_SELF`) or of the children that it has reaped
    /// (`RUSAGE_CHILDREN`): ticks, faults, context switches. No system call is made.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.compute(5);
    /// tick(5);
    /// kid.exit(0);
    /// sh.wait();
    /// assert_eq(sh.getrusage(RUSAGE_CHILDREN).utime, 5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getrusage(ctx: NativeCallContext, task: &mut Task, who: i64) -> Result<Map> {
        let id = alive(&ctx, task)?;
        let of = UsageOf::from_word(who as i32)
            .ok_or_else(|| errno_error(Errno::EINVAL, "getrusage"))?;
        let used = look(&ctx, |machine| machine.kernel.k_getrusage(id, of))?;
        let entries = [
            ("utime", used.utime),
            ("stime", used.stime),
            ("minflt", used.min_flt),
            ("majflt", used.maj_flt),
            ("nvcsw", used.nvcsw),
            ("nivcsw", used.nivcsw),
        ];
        let entry = |(key, value): (&str, u32)| (key.into(), i64::from(value).into());
        Ok(entries.into_iter().map(entry).collect())
    }
}
