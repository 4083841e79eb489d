//! Views of the scheduler: runqueues, explanations, statistics.

use super::convert::{Result, alive, look, period, ranged};
use super::view::{as_view, drawn, of_linux};
use crate::export::Drawing;
use crate::script::session::{Task, View};
use crate::view::{self, Runq};
use rhai::NativeCallContext;
use rhai::plugin::*;

#[export_module]
pub mod functions {
    /// The runqueues of all CPUs, as in `struct runqueue`: the running task, both priority arrays
    /// with their bitmaps and lists, and when the first slice expired. The running task stays in
    /// its list and is shown in brackets; each task is followed by what is left of its slice.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20"]));
    /// print(runq());
    /// assert_eq(runq().cpus[0].active.levels[0].tasks, [2]);
    /// ```
    #[rhai_fn(name = "runq", return_raw)]
    pub fn runq(ctx: NativeCallContext) -> Result<View> {
        let runq = look(&ctx, view::runq)?;
        let view = as_view(&ctx, &runq, &runq.text())?;
        Ok(drawn(view, Drawing::Runq(runq.into())))
    }

    /// The runqueue of one CPU.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20"]));
    /// print(runq(0));
    /// assert_eq(runq(0).active.bitmap[3], 0x20000000);
    /// ```
    #[rhai_fn(name = "runq", return_raw)]
    pub fn runq_of(ctx: NativeCallContext, cpu: i64) -> Result<View> {
        let cpus = look(&ctx, |machine| machine.kernel.config.cpus)?;
        let cpu = ranged(cpu, "the CPU", 0, i64::from(cpus) - 1)? as usize;
        let queue = look(&ctx, |machine| view::runq_of(machine, cpu))?;
        let queue = queue.map(|queue| {
            let view = as_view(&ctx, &queue, &queue.text())?;
            let cpus = vec![queue];
            Ok(drawn(view, Drawing::Runq(Runq { cpus }.into())))
        });
        queue.unwrap_or_else(|| unreachable!("the range was checked"))
    }

    /// Why a task has its CPU: how it got there, what `schedule` picks it for, what ends its turn,
    /// and who would be next.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 200"]));
    /// spawn("other", workload(["run 200"]));
    /// tick(60);
    /// print(why_runs(hog));
    /// assert_eq(why_runs(hog).turn.tick, 100);
    /// ```
    #[rhai_fn(name = "why_runs", return_raw)]
    pub fn why_runs(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let why = look(&ctx, |machine| view::why_runs(machine, id))?;
        as_view(&ctx, &why, &why.text())
    }

    /// Why a task does not run: which tasks are ahead of it, or what it sleeps for, and the
    /// earliest tick at which it can run if you only let time pass.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 200"]));
    /// let other = spawn("other", workload(["run 200"]));
    /// tick(60);
    /// print(why_not(other));
    /// assert_eq(why_not(other).ahead[0].pid, 2);
    /// assert_eq(why_not(other).earliest, 100);
    /// ```
    #[rhai_fn(name = "why_not", return_raw)]
    pub fn why_not(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let why = look(&ctx, |machine| view::why_not(machine, id))?;
        of_linux(&ctx, &why, &why.text())
    }

    /// How a task's priority is computed, step by step: static priority, sleep average, bonus,
    /// whether it counts as interactive, time slice; for a sleeping task, the effect of a wake-up
    /// now.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{nice: 5});
    /// tick(50);
    /// print(prio(sh));
    /// assert_eq(prio(sh).woken.sleep_avg, 500000000);
    /// assert_eq(prio(sh).woken.prio, 125);
    /// ```
    #[rhai_fn(name = "prio", return_raw)]
    pub fn prio(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let prio = look(&ctx, |machine| view::prio(machine, id))?;
        as_view(&ctx, &prio, &prio.text())
    }

    /// The statistics of `/proc/schedstat`, version 11, as in the file, with the names of the
    /// counters that are not 0. Times are in ticks.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 200"]));
    /// tick(150);
    /// print(schedstat());
    /// assert_eq(schedstat().cpus[0].sched_switch, 1);
    /// ```
    #[rhai_fn(name = "schedstat", return_raw)]
    pub fn schedstat(ctx: NativeCallContext) -> Result<View> {
        let stat = look(&ctx, view::schedstat)?;
        as_view(&ctx, &stat, &stat.text())
    }

    /// The statistics of `/proc/PID/schedstat`: CPU time, time spent waiting on a runqueue, and
    /// number of time slices; with the task's voluntary and involuntary switches.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 20"]));
    /// tick(15);
    /// print(schedstat(hog));
    /// assert_eq(schedstat(hog).pcnt, 1);
    /// ```
    #[rhai_fn(name = "schedstat", return_raw)]
    pub fn schedstat_of(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let stat = look(&ctx, |machine| view::task_schedstat(machine, id))?;
        as_view(&ctx, &stat, &stat.text())
    }

    /// How long tasks ran and waited for a CPU since boot, like `perf sched latency`: time on the
    /// CPU, switches to the task, average and longest wait, and when the longest ended.
    ///
    /// ```rhai
    /// for name in ["a", "b"] { spawn(name, workload(["run 500"])); }
    /// tick(400);
    /// print(latency());
    /// assert_eq(latency().rows[1].max_wait, 100);
    /// ```
    #[rhai_fn(name = "latency", return_raw)]
    pub fn latency(ctx: NativeCallContext) -> Result<View> {
        latency_of(ctx, 0, i64::MAX)
    }

    /// How long tasks ran and waited for a CPU, from one tick to another.
    ///
    /// ```rhai
    /// for name in ["a", "b"] { spawn(name, workload(["run 500"])); }
    /// tick(400);
    /// assert_eq(latency(100, 200).rows[0].runtime, 0);
    /// ```
    #[rhai_fn(name = "latency", return_raw)]
    pub fn latency_of(ctx: NativeCallContext, from: i64, to: i64) -> Result<View> {
        let (from, to) = period(&ctx, from, to)?;
        let latency = look(&ctx, |machine| view::latency(machine, from, to))?;
        as_view(&ctx, &latency, &latency.text())
    }

    /// Who got how much of the CPUs since boot, per nice value and per task, compared with the
    /// share that the time slices entitle a task to that always wants to run.
    ///
    /// ```rhai
    /// spawn("a", workload(["run 900"]));
    /// spawn("b", workload(["run 900"]), #{nice: 10});
    /// tick(900);
    /// print(fairness());
    /// assert_eq(fairness().levels[1].ran, 300);
    /// ```
    #[rhai_fn(name = "fairness", return_raw)]
    pub fn fairness(ctx: NativeCallContext) -> Result<View> {
        fairness_of(ctx, 0, i64::MAX)
    }

    /// Who got how much of the CPUs, from one tick to another.
    ///
    /// ```rhai
    /// spawn("a", workload(["run 900"]));
    /// spawn("b", workload(["run 900"]), #{nice: 10});
    /// tick(900);
    /// assert_eq(fairness(0, 150).tasks.map(|task| task.ran), [100, 50]);
    /// ```
    #[rhai_fn(name = "fairness", return_raw)]
    pub fn fairness_of(ctx: NativeCallContext, from: i64, to: i64) -> Result<View> {
        let (from, to) = period(&ctx, from, to)?;
        let fairness = look(&ctx, |machine| view::fairness(machine, from, to))?;
        as_view(&ctx, &fairness, &fairness.text())
    }
}
