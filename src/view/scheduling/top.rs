//! The screens of `top` and `vmstat N`, and the load averages.

use super::latency::lost;
use super::timeline::timeline;
use crate::abi::{Pid, TaskState};
use crate::kernel::time::CpuStat;
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::process::{PsRow, ps};
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;
use std::collections::BTreeSet;

/// KiB of a page.
const KIB_OF_PAGE: u32 = 4;

/// The load averages, as `/proc/loadavg` shows them.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Loadavg {
    /// The averages over 1, 5 and 15 minutes, to a hundredth.
    pub loads: [f64; 3],
    /// Number of tasks that run or wait for a CPU.
    pub running: u32,
    /// The file's text.
    pub line: String,
}

/// The load averages of a machine. They are computed every five seconds.
///
/// Linux 2.6.12: `kernel/timer.c`, `calc_load()`.
pub fn loadavg(machine: &Machine) -> Loadavg {
    let text = machine.kernel.proc_loadavg();
    let line = text.trim_end().to_owned();
    let mut words = line.split(' ');
    let mut load = || words.next().and_then(|load| load.parse().ok());
    let loads = [load(), load(), load()].map(Option::unwrap_or_default);
    let running = words.next().and_then(|counts| counts.split('/').next());
    let running = running.and_then(|count| count.parse().ok());
    Loadavg {
        loads,
        running: running.unwrap_or(0),
        line,
    }
}

impl Loadavg {
    /// The file's text.
    pub fn text(&self) -> Text {
        cell(Role::Number, &self.line).into()
    }
}

/// The screen of `top`: shares are those since the start of each task, as on its first screen.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Top {
    /// Time since boot, ticks.
    pub up: u64,
    /// The load averages.
    pub loads: [f64; 3],
    /// Number of tasks that run or could run.
    pub running: usize,
    /// Number of tasks that sleep.
    pub sleeping: usize,
    /// Number of stopped tasks.
    pub stopped: usize,
    /// Number of zombies.
    pub zombies: usize,
    /// Share of the CPUs since boot that tasks have used which are not nice, percent.
    pub us: f64,
    /// The share of nice tasks, percent.
    pub ni: f64,
    /// The share of time without a task, percent. The kernel itself takes no time.
    pub id: f64,
    /// Memory of the machine, KiB.
    pub mem_total: u32,
    /// Free memory, KiB.
    pub mem_free: u32,
    /// The tasks, the one with the greatest share of a CPU first.
    pub rows: Vec<TopRow>,
}

/// A task on the screen of `top`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TopRow {
    /// The task's pid.
    pub pid: Pid,
    /// The user: `root`, or the number.
    pub user: String,
    /// Its priority, as top counts: -100 and less for real-time, 0 to 39 for others.
    pub pr: i32,
    /// Its nice value.
    pub ni: i32,
    /// Its address space, KiB.
    pub virt: u32,
    /// Memory that it has mapped, KiB.
    pub res: u32,
    /// The part of that which belongs to files or is shared memory, KiB.
    pub shr: u32,
    /// The letter of its state.
    pub state: char,
    /// Its share of a CPU since it was created, percent.
    pub cpu: f64,
    /// Its part of the memory, percent.
    pub mem: f64,
    /// CPU time, ticks.
    pub time: u64,
    /// The task's name.
    pub name: String,
}

/// What `top` would show now.
pub fn top(machine: &Machine) -> Top {
    let kernel = &machine.kernel;
    let field = |name: &str| {
        let fields = kernel.proc_meminfo();
        let found = fields.iter().find(|(field, _)| *field == name);
        found.map_or(0, |(_, kib)| *kib)
    };
    let mem_total = field("MemTotal");
    let row = |row: PsRow| {
        let task = kernel.pid_hash().find(row.pid);
        let uid = task.map_or(0, |task| kernel.task(task).cred().euid);
        let mm = task.and_then(|task| kernel.task(task).mm());
        let mm = mm.map(|mm| &kernel.mms()[mm]);
        let kib = |pages: u32| pages * KIB_OF_PAGE;
        let res = kib(row.rss.unwrap_or(0));
        let time = task.map_or(0, |task| u64::from(kernel.ticks_of(task)));
        let start = task.map_or(0, |task| kernel.task(task).start_time);
        let lived = kernel.tick().saturating_sub(start);
        TopRow {
            pid: row.pid,
            user: match uid {
                0 => "root".to_owned(),
                uid => uid.to_string(),
            },
            pr: i32::from(row.prio) - 100,
            ni: row.nice,
            virt: mm.map_or(0, |mm| kib(mm.total_vm())),
            res,
            shr: mm.map_or(0, |mm| res.saturating_sub(kib(mm.anon_rss()))),
            mem: percent(res.into(), mem_total.into()),
            state: row.letter,
            cpu: percent(time, lived),
            time,
            name: row.name,
        }
    };
    let mut rows: Vec<TopRow> = ps(machine).rows.into_iter().map(row).collect();
    let count = |letters: &str| {
        rows.iter()
            .filter(|row| letters.contains(row.state))
            .count()
    };
    let (running, sleeping) = (count("R"), count("SD"));
    let (stopped, zombies) = (count("Tt"), count("ZX"));
    rows.sort_by(|left, right| right.cpu.total_cmp(&left.cpu));
    let mut spent = CpuStat::default();
    kernel.kstat().iter().for_each(|cpu| spent.add(cpu));
    let all = spent.user + spent.nice + spent.idle;
    Top {
        up: kernel.tick(),
        loads: loadavg(machine).loads,
        running,
        sleeping,
        stopped,
        zombies,
        us: percent(spent.user, all),
        ni: percent(spent.nice, all),
        id: percent(spent.idle, all),
        mem_total,
        mem_free: field("MemFree"),
        rows,
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => 100.0 * part as f64 / whole as f64,
    }
}

impl Top {
    /// The screen.
    pub fn text(&self) -> Text {
        let seconds = self.up / 1000;
        let mut lines = vec![
            Line::default().plain(format_args!(
                "top - up {}:{:02}:{:02},  load average: {}",
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                self.loads.map(|load| format!("{load:.2}")).join(", ")
            )),
            Line::default().plain(format_args!(
                "Tasks: {} total, {} running, {} sleeping, {} stopped, {} zombie",
                self.rows.len(),
                self.running,
                self.sleeping,
                self.stopped,
                self.zombies
            )),
            Line::default().plain(format_args!(
                "Cpu(s): {:.1}% us, 0.0% sy, {:.1}% ni, {:.1}% id, 0.0% wa, 0.0% hi, 0.0% si",
                self.us, self.ni, self.id
            )),
            Line::default().plain(format_args!(
                "Mem:  {}k total, {}k used, {}k free",
                self.mem_total,
                self.mem_total - self.mem_free,
                self.mem_free
            )),
            Line::default(),
        ];
        let right = ["PR", "NI", "VIRT", "RES", "SHR"].map(|name| (name, Align::Right));
        let first = [("PID", Align::Right), ("USER", Align::Left)];
        let rest = [
            ("S", Align::Left),
            ("%CPU", Align::Right),
            ("%MEM", Align::Right),
            ("TIME+", Align::Right),
            ("COMMAND", Align::Left),
        ];
        let mut table = Table::new(&[&first[..], &right, &rest].concat());
        for row in &self.rows {
            let pr = match row.pr {
                ..0 => "RT".to_owned(),
                pr => pr.to_string(),
            };
            let centis = row.time / 10;
            table.row([
                cell(Role::Pid, row.pid),
                cell(Role::Name, &row.user),
                cell(Role::Number, pr),
                cell(Role::Number, row.ni),
                cell(Role::Number, row.virt),
                cell(Role::Number, row.res),
                cell(Role::Number, row.shr),
                cell(Role::State, row.state),
                cell(Role::Number, format_args!("{:.1}", row.cpu)),
                cell(Role::Number, format_args!("{:.1}", row.mem)),
                cell(
                    Role::Number,
                    format_args!(
                        "{}:{:02}.{:02}",
                        centis / 6000,
                        centis / 100 % 60,
                        centis % 100
                    ),
                ),
                cell(Role::Name, &row.name),
            ]);
        }
        lines.extend(table.text().lines);
        lines.into_iter().collect()
    }
}

/// What `vmstat N` prints, a row for every few ticks since boot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct VmstatRows {
    /// Ticks of a row.
    pub interval: u64,
    /// In the order of time.
    pub rows: Vec<VmstatRow>,
    /// Number of dropped trace events; what happened before them is missing.
    pub dropped: u64,
}

/// An interval of `vmstat N`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct VmstatRow {
    /// Its last tick.
    pub tick: u64,
    /// Runnable tasks at its end.
    pub r: u64,
    /// Tasks in uninterruptible sleep at its end.
    pub b: u64,
    /// Free memory at its end, KiB.
    pub free: i64,
    /// Pages read from swap.
    pub si: u64,
    /// Pages written to swap.
    pub so: u64,
    /// Context switches.
    pub cs: u64,
    /// Share of the CPUs that tasks used, percent.
    pub us: u64,
    /// Share of the CPUs that were idle, percent.
    pub id: u64,
}

/// The rows of `vmstat` for intervals of so many ticks.
pub fn vmstat_rows(machine: &Machine, interval: u64) -> VmstatRows {
    let kernel = &machine.kernel;
    let (end, interval) = (kernel.tick(), interval.max(1));
    let mut rows: Vec<VmstatRow> = Vec::new();
    let mut frames = free_at_start(machine);
    let (mut runnable, mut blocked) = (BTreeSet::new(), BTreeSet::new());
    let mut row = VmstatRow::default();
    let mut next = interval;
    let close = |row: &mut VmstatRow, at: u64, frames: i64, r: usize, b: usize| {
        let mut done = std::mem::take(row);
        done.tick = at;
        (done.r, done.b) = (r as u64, b as u64);
        done.free = frames * i64::from(KIB_OF_PAGE);
        done
    };
    for record in kernel.log.records() {
        while record.stamp.tick >= next {
            rows.push(close(&mut row, next, frames, runnable.len(), blocked.len()));
            next += interval;
        }
        match record.event {
            TraceEvent::SchedSwitch {
                prev, prev_state, ..
            } => {
                row.cs += 1;
                if prev_state != 0 {
                    runnable.remove(&prev);
                }
                if TaskState::from_bits_retain(prev_state).letter() == 'D' {
                    blocked.insert(prev);
                }
            }
            TraceEvent::SchedWakeup { pid, .. } | TraceEvent::SchedWakeupNew { pid, .. } => {
                blocked.remove(&pid);
                runnable.insert(pid);
            }
            TraceEvent::SwapIn { .. } => row.si += 1,
            TraceEvent::SwapOut { .. } => row.so += 1,
            TraceEvent::PageAlloc { order, .. } => frames -= 1 << order,
            TraceEvent::PageFree { order, .. } => frames += 1 << order,
            _ => {}
        }
    }
    while next <= end {
        rows.push(close(&mut row, next, frames, runnable.len(), blocked.len()));
        next += interval;
    }
    share_time(machine, interval, &mut rows);
    VmstatRows {
        interval,
        rows,
        dropped: kernel.log.dropped(),
    }
}

/// Free frames before the first event of the trace.
fn free_at_start(machine: &Machine) -> i64 {
    let log = &machine.kernel.log;
    let change = |event: &TraceEvent| match event {
        TraceEvent::PageAlloc { order, .. } => -(1_i64 << order),
        TraceEvent::PageFree { order, .. } => 1 << order,
        _ => 0,
    };
    let changes: i64 = log.records().map(|record| change(&record.event)).sum();
    i64::from(machine.kernel.mem().nr_free_pages()) - changes
}

/// Adds what part of each interval the CPUs were used.
fn share_time(machine: &Machine, interval: u64, rows: &mut [VmstatRow]) {
    let end = rows.len() as u64 * interval;
    let timeline = timeline(machine, 0, end);
    let mut ran = vec![0; rows.len()];
    for run in timeline.runs.iter().filter(|run| run.pid != Pid(0)) {
        let mut from = run.from;
        while from < run.to.min(end) {
            let until = (from / interval + 1) * interval;
            ran[(from / interval) as usize] += run.to.min(until) - from;
            from = until;
        }
    }
    let whole = interval * timeline.cpus as u64;
    for (row, ran) in rows.iter_mut().zip(ran) {
        row.us = (100 * ran + whole / 2) / whole;
        row.id = 100 - row.us;
    }
}

impl VmstatRows {
    /// The table, with vmstat's columns.
    pub fn text(&self) -> Text {
        let names = ["tick", "r", "b", "free", "si", "so", "cs", "us", "id"];
        let mut table = Table::new(&names.map(|name| (name, Align::Right)));
        for row in &self.rows {
            let free = row.free.to_string();
            let numbers = [row.si, row.so, row.cs, row.us, row.id].map(|n| n.to_string());
            let first = [row.tick, row.r, row.b].map(|n| n.to_string());
            let cells = first.into_iter().chain([free]).chain(numbers);
            let cells: Vec<Line> = cells.map(|text| cell(Role::Number, text)).collect();
            table.row(cells);
        }
        lost(self.dropped)
            .into_iter()
            .chain(table.text().lines)
            .collect()
    }
}
