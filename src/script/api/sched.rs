//! System calls on priorities, policies and CPUs. `pid` is a handle or a number;
//! 0 means the caller.

use super::calls::{done, plain};
use super::convert::{Result, pid_of, ranged, word};
use crate::kernel::syscall::{AnswerTo, Syscall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, NativeCallContext};

fn call(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<Dynamic> {
    plain(ctx, task, call)
}

fn signed(value: i64, what: &str) -> Result<i32> {
    word(value, what).map(|word| word as i32)
}

#[export_module]
pub mod functions {
    /// `sched_setscheduler(pid, policy, priority)`: `SCHED_OTHER` with priority 0, `SCHED_FIFO` or
    /// `SCHED_RR` with 1 to 99. Real-time policies require root.
    ///
    /// ```rhai
    /// let root = spawn("sh", #{uid: 0});
    /// root.sched_setscheduler(0, SCHED_FIFO, 50);
    /// assert_eq(root.prio, 49);
    /// let sh = spawn("sh");
    /// root.sched_setscheduler(sh, SCHED_RR, 1);
    /// assert_eq(sh.sched_getscheduler(0), SCHED_RR);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_setscheduler(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        policy: i64,
        priority: i64,
    ) -> Result<Dynamic> {
        let policy = ranged(policy, "the policy", 0, i64::from(i32::MAX))? as i32;
        let priority = signed(priority, "the priority")?;
        let set = Syscall::SchedSetscheduler(pid_of(&pid, "the pid")?, policy, priority);
        done(&ctx, task, set)
    }

    /// `sched_setparam(pid, priority)`: sets the real-time priority and keeps the policy.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{policy: "fifo", rt_prio: 10, uid: 0});
    /// sh.sched_setparam(0, 20);
    /// assert_eq(sh.sched_getparam(0), 20);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_setparam(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        priority: i64,
    ) -> Result<Dynamic> {
        let priority = signed(priority, "the priority")?;
        let set = Syscall::SchedSetparam(pid_of(&pid, "the pid")?, priority);
        done(&ctx, task, set)
    }

    /// `sched_getscheduler(pid)`: the scheduling policy.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sched_getscheduler(0), SCHED_OTHER);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_getscheduler(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        call(
            &ctx,
            task,
            Syscall::SchedGetscheduler(pid_of(&pid, "the pid")?),
        )
    }

    /// `sched_getparam(pid)`: the real-time priority; 0 for an ordinary task.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sched_getparam(0), 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_getparam(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        call(
            &ctx,
            task,
            Syscall::SchedGetparam(pid_of(&pid, "the pid")?, AnswerTo::Value),
        )
    }

    /// `sched_get_priority_max(policy)`: the highest real-time priority of a policy.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sched_get_priority_max(SCHED_FIFO), 99);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_get_priority_max(
        ctx: NativeCallContext,
        task: &mut Task,
        policy: i64,
    ) -> Result<Dynamic> {
        let policy = signed(policy, "the policy")?;
        call(&ctx, task, Syscall::SchedGetPriorityMax(policy))
    }

    /// `sched_get_priority_min(policy)`: the lowest real-time priority of a policy.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sched_get_priority_min(SCHED_OTHER), 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_get_priority_min(
        ctx: NativeCallContext,
        task: &mut Task,
        policy: i64,
    ) -> Result<Dynamic> {
        let policy = signed(policy, "the policy")?;
        call(&ctx, task, Syscall::SchedGetPriorityMin(policy))
    }

    /// `sched_rr_get_interval(pid)`: the full time slice in ns; 0 for SCHED_FIFO.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sched_rr_get_interval(0), 99984800);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_rr_get_interval(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        call(
            &ctx,
            task,
            Syscall::SchedRrGetInterval(pid_of(&pid, "the pid")?, AnswerTo::Value),
        )
    }

    /// `sched_setaffinity(pid, mask)`: sets the CPUs that the thread may run on, one bit each.
    ///
    /// ```rhai
    /// boot(#{cpus: 2});
    /// let sh = spawn("sh");
    /// sh.sched_setaffinity(0, 2);
    /// assert_eq(sh.sched_getaffinity(0), 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_setaffinity(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        mask: i64,
    ) -> Result<Dynamic> {
        let mask = word(mask, "the mask")?;
        done(
            &ctx,
            task,
            Syscall::SchedSetaffinity(pid_of(&pid, "the pid")?, mask),
        )
    }

    /// `sched_getaffinity(pid)`: the CPUs that the thread may run on, one bit each.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sched_getaffinity(0), 1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sched_getaffinity(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        let get = Syscall::SchedGetaffinity(pid_of(&pid, "the pid")?, 4, AnswerTo::Value);
        call(&ctx, task, get)
    }

    /// `setpriority(which, who, nice)`: sets the nice value of a task, of a process group or of all
    /// tasks of a user; `who` 0 means the caller's own. Values out of range are clamped; lowering
    /// one requires root.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.setpriority(PRIO_PROCESS, 0, 5);
    /// assert_eq(sh.static_prio, 125);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setpriority(
        ctx: NativeCallContext,
        task: &mut Task,
        which: i64,
        who: Dynamic,
        nice: i64,
    ) -> Result<Dynamic> {
        let (which, who) = (signed(which, "which")?, pid_of(&who, "who")?);
        let nice = signed(nice, "the nice value")?;
        done(&ctx, task, Syscall::Setpriority(which, who, nice))
    }

    /// `getpriority(which, who)`: 20 minus the nice value, so 1 to 40; the highest of several
    /// tasks.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getpriority(PRIO_PROCESS, 0), 20);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getpriority(
        ctx: NativeCallContext,
        task: &mut Task,
        which: i64,
        who: Dynamic,
    ) -> Result<Dynamic> {
        let (which, who) = (signed(which, "which")?, pid_of(&who, "who")?);
        call(&ctx, task, Syscall::Getpriority(which, who))
    }
}
