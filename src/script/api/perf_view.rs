//! The tables of perf, top and vmstat, and the figures of courses on scheduling.

use super::convert::{Result, alive, look, period, ranged};
use super::view::as_view;
use crate::script::session::{Task, View};
use crate::view;
use rhai::NativeCallContext;
use rhai::plugin::*;

#[export_module]
pub mod functions {
    /// Every turn of every task since boot, as `perf sched timehist` prints it: when it ended, how
    /// long the task had been away before, how long after its wake-up it got the CPU, how long it
    /// ran. A tick is a millisecond.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// print(timehist());
    /// assert_eq(timehist().rows[1].wait, 10);
    /// ```
    #[rhai_fn(name = "timehist", return_raw)]
    pub fn timehist(ctx: NativeCallContext) -> Result<View> {
        let hist = look(&ctx, |machine| view::timehist(machine, 0, u64::MAX))?;
        as_view(&ctx, &hist, &hist.text())
    }

    /// The turns that ended from one tick to another.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// assert_eq(timehist(40, 60).rows.len(), 1);
    /// ```
    #[rhai_fn(name = "timehist", return_raw)]
    pub fn timehist_of(ctx: NativeCallContext, from: i64, to: i64) -> Result<View> {
        let (from, to) = period(&ctx, from, to)?;
        let hist = look(&ctx, |machine| view::timehist(machine, from, to))?;
        as_view(&ctx, &hist, &hist.text())
    }

    /// How long tasks waited for a CPU, in the columns of `perf sched latency`; `latency` has the
    /// same figures.
    ///
    /// ```rhai
    /// spawn("a", workload(["run 150"]));
    /// spawn("b", workload(["run 150"]));
    /// tick(300);
    /// print(perf_latency());
    /// assert_eq(perf_latency().rows[0].max_wait, 100);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn perf_latency(ctx: NativeCallContext) -> Result<View> {
        let table = look(&ctx, |machine| view::perf_latency(machine, 0, u64::MAX))?;
        as_view(&ctx, &table, &table.text())
    }

    /// Which task each CPU had after each switch, as `perf sched map` prints it.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// print(perf_map());
    /// assert_eq(perf_map().rows[0].cpus, ["A0"]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn perf_map(ctx: NativeCallContext) -> Result<View> {
        let map = look(&ctx, |machine| view::perf_map(machine, 0, u64::MAX))?;
        as_view(&ctx, &map, &map.text())
    }

    /// Counters of the whole system since boot, as `perf stat -a` prints them.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// print(perf_stat());
    /// assert_eq(perf_stat().task_clock, 70);
    /// ```
    #[rhai_fn(name = "perf_stat", return_raw)]
    pub fn perf_stat(ctx: NativeCallContext) -> Result<View> {
        let stat = look(&ctx, |machine| view::perf_stat(machine, None))?;
        as_view(&ctx, &stat, &stat.text())
    }

    /// Counters of a task since it was created, as `perf stat` prints them.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write(sh.mmap(4*KiB), 1);
    /// print(perf_stat(sh));
    /// assert(perf_stat(sh).minor_faults > 0);
    /// ```
    #[rhai_fn(name = "perf_stat", return_raw)]
    pub fn perf_stat_of(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let stat = look(&ctx, |machine| view::perf_stat(machine, Some(id)))?;
        as_view(&ctx, &stat, &stat.text())
    }

    /// When each task arrived, first ran and ended, and from that its turnaround time (arrival to
    /// end), its response time (arrival to first run) and how long it waited for a CPU, with the
    /// averages.
    ///
    /// ```rhai
    /// spawn("a", workload(["run 10"]));
    /// spawn("b", workload(["run 20"]));
    /// tick(50);
    /// print(turnaround());
    /// assert_eq(turnaround().rows[1].response, 10);
    /// assert_eq(turnaround().avg_turnaround, 20.0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn turnaround(ctx: NativeCallContext) -> Result<View> {
        let table = look(&ctx, view::turnaround)?;
        as_view(&ctx, &table, &table.text())
    }

    /// The tasks as `top` shows them, the one that has used most of a CPU first.
    ///
    /// ```rhai
    /// spawn("sh");
    /// spawn("hog", workload(["run 20", "sleep 20", "goto 0"]));
    /// tick(80);
    /// print(top());
    /// assert_eq(top().rows[0].cpu, 50.0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn top(ctx: NativeCallContext) -> Result<View> {
        let top = look(&ctx, view::top)?;
        as_view(&ctx, &top, &top.text())
    }

    /// The load averages over 1, 5 and 15 minutes, as `/proc/loadavg` shows them. They count the
    /// tasks that run, could run, or sleep uninterruptibly, every five seconds.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 100000"]));
    /// tick(60_000);
    /// print(loadavg());
    /// assert_eq(loadavg().loads[0], 0.6);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn loadavg(ctx: NativeCallContext) -> Result<View> {
        let load = look(&ctx, view::loadavg)?;
        as_view(&ctx, &load, &load.text())
    }

    /// What `vmstat` prints for intervals of so many ticks, since boot: runnable and blocked tasks,
    /// free memory, pages swapped, context switches, and the shares of the CPUs.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 30", "goto 0"]));
    /// tick(100);
    /// print(vmstat(50));
    /// assert_eq(vmstat(50).rows[1].us, 40);
    /// ```
    #[rhai_fn(name = "vmstat", return_raw)]
    pub fn vmstat_rows(ctx: NativeCallContext, interval: i64) -> Result<View> {
        let interval = ranged(interval, "the number of ticks", 1, i64::MAX)? as u64;
        let ticks = look(&ctx, |machine| machine.kernel.tick())?;
        let rows = ticks / interval;
        ranged(rows as i64, "the number of rows", 0, MAX_ROWS)?;
        let table = look(&ctx, |machine| view::vmstat_rows(machine, interval))?;
        as_view(&ctx, &table, &table.text())
    }
}

/// The most rows of a table.
const MAX_ROWS: i64 = 10_000;
