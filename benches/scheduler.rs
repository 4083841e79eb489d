//! The scheduler: its queues beside a balanced tree, and whole schedules beside a simulator of the
//! same rules that looks at every task at every tick.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

mod common;
#[path = "common/naive.rs"]
mod naive;

use common::boot;
use forklab::abi::{Names, Pid, TaskId};
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::sched::{PrioArray, SchedTask, Tasks};
use forklab::machine::{Command, Machine, Reply, Stop, WorkloadProgram};
use naive::{Habit, Naive};
use slotmap::SlotMap;
use std::collections::BTreeMap;
use std::mem::swap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Times that a task is picked, switched to and queued again.
const TURNS: u32 = 2_000_000;

fn best_of_three(mut run: impl FnMut() -> Duration) -> Duration {
    (0..3).map(|_| run()).min().unwrap()
}

/// The priority that a task has after its turn: dynamic, as those of ordinary tasks are.
const fn new_prio(turn: u32) -> u8 {
    100 + (turn.wrapping_mul(2_654_435_769) >> 16) as u8 % 40
}

/// A task's turn: what a switch writes in its record.
fn switch_to(task: &mut SchedTask, turn: u32) {
    task.timestamp = u64::from(turn);
    task.prio = new_prio(turn);
}

/// Turns with the two arrays: the best task runs, and goes to the expired array.
fn turns_in_arrays(count: u32) -> Duration {
    let name = Names::default().intern("task");
    let mut ids: SlotMap<TaskId, ()> = SlotMap::with_key();
    let mut tasks = Tasks::new();
    let mut arrays = [PrioArray::new(), PrioArray::new()];
    let mut active = 0;
    for turn in 0..count {
        let id = ids.insert(());
        tasks.insert(id, SchedTask::new(Pid(turn as i32), name));
        switch_to(&mut tasks[id], turn);
        arrays[active].enqueue(&mut tasks, id);
    }
    let start = Instant::now();
    for turn in 0..TURNS {
        if arrays[active].nr_active() == 0 {
            active = 1 - active;
        }
        let next = arrays[active].first().unwrap();
        arrays[active].dequeue(&mut tasks, next);
        switch_to(&mut tasks[next], turn);
        arrays[1 - active].enqueue(&mut tasks, next);
    }
    start.elapsed()
}

/// The same with balanced trees of priority and arrival.
fn turns_in_trees(count: u32) -> Duration {
    let name = Names::default().intern("task");
    let mut ids: SlotMap<TaskId, ()> = SlotMap::with_key();
    let mut tasks = Tasks::new();
    let (mut active, mut expired) = (BTreeMap::new(), BTreeMap::new());
    for turn in 0..count {
        let id = ids.insert(());
        tasks.insert(id, SchedTask::new(Pid(turn as i32), name));
        switch_to(&mut tasks[id], turn);
        active.insert((tasks[id].prio, turn), id);
    }
    let start = Instant::now();
    for turn in 0..TURNS {
        if active.is_empty() {
            swap(&mut active, &mut expired);
        }
        let (_, next) = active.pop_first().unwrap();
        switch_to(&mut tasks[next], turn);
        expired.insert((tasks[next].prio, turn), next);
    }
    start.elapsed()
}

fn queues() {
    println!("pick, switch and queue again, each:");
    let per_turn = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(TURNS);
    for tasks in [10, 1000, 30_000] {
        let arrays = per_turn(best_of_three(|| turns_in_arrays(tasks)));
        let tree = per_turn(best_of_three(|| turns_in_trees(tasks)));
        println!(
            "  {tasks:>6} tasks  arrays {arrays:>6.1} ns  trees {tree:>6.1} ns  ratio {:.1}",
            tree / arrays
        );
    }
}

struct Case {
    name: &'static str,
    habits: Vec<Habit>,
    /// Ticks, or up to the end of all tasks.
    ticks: Option<u64>,
}

fn program(habit: Habit) -> WorkloadProgram {
    let Habit { run, sleep, rounds } = habit;
    let round = [format!("run {run}"), format!("sleep {sleep}")];
    let steps: Vec<String> = if rounds > 1000 {
        round.into_iter().chain(["goto 0".to_owned()]).collect()
    } else {
        (0..rounds).flat_map(|_| round.clone()).collect()
    };
    WorkloadProgram::parse(&[("main".to_owned(), steps)]).unwrap()
}

fn machine(habits: &[Habit]) -> (Machine, Vec<(TaskId, Habit)>) {
    let mut machine = boot(Config {
        mem: 256 << 20,
        ..Config::default()
    });
    let mut tasks = Vec::new();
    for habit in habits {
        let spawn = Command::SpawnWorkload {
            args: SpawnArgs::new("task", 0),
            program: Arc::new(program(*habit)),
        };
        match machine.apply(spawn).unwrap() {
            Reply::Spawned { task, .. } => tasks.push((task, *habit)),
            other => panic!("{other:?}"),
        }
    }
    (machine, tasks)
}

/// Runs a case in both, and compares what they came to.
fn schedule(case: &Case) {
    let (mut machine, tasks) = machine(&case.habits);
    let mut naive = Naive::from(&machine.kernel.sched, &tasks);
    let before = machine.kernel.log.event_seq();
    let switched = machine.kernel.sched.rq(0).nr_switches;
    let start = Instant::now();
    match case.ticks {
        Some(ticks) => assert_eq!(machine.run(ticks), Stop::Budget),
        None => assert_eq!(machine.run(u64::MAX), Stop::Idle),
    }
    let time = start.elapsed().as_secs_f64();
    let ticks = machine.kernel.tick;
    let events = machine.kernel.log.event_seq() - before;
    let start = Instant::now();
    (0..ticks).for_each(|_| naive.tick());
    let naive_time = start.elapsed().as_secs_f64();
    let switches = machine.kernel.sched.rq(0).nr_switches - switched;
    assert_eq!(switches, naive.switches, "{}", case.name);
    for (task, utime) in naive.utimes() {
        if let Some(task) = machine.kernel.tasks.get(task) {
            assert_eq!(u64::from(task.utime), utime, "{}", case.name);
        }
    }
    println!(
        "  {:<38}{ticks:>11}{switches:>10}{:>14.1}{:>14.1}{:>9.0}",
        case.name,
        ticks as f64 / time / 1e6,
        events as f64 / time / 1e6,
        naive_time / time
    );
}

fn main() {
    queues();
    let endless = |run, sleep| Habit {
        run,
        sleep,
        rounds: u64::MAX,
    };
    let cases = [
        Case {
            name: "100 hogs",
            habits: vec![endless(1_000_000_000, 1); 100],
            ticks: Some(10_000_000),
        },
        Case {
            name: "500 hogs, 500 sleepers",
            habits: (0..1000)
                .map(|task| match task % 2 {
                    0 => endless(1_000_000_000, 1),
                    _ => endless(1 + task % 7, 700 + task),
                })
                .collect(),
            ticks: Some(1_000_000),
        },
        Case {
            name: "100 that alternate CPU and I/O, to the end",
            habits: vec![
                Habit {
                    run: 12,
                    sleep: 26,
                    rounds: 10,
                };
                100
            ],
            ticks: None,
        },
    ];
    println!(
        "\n{:<40}{:>11}{:>10}{:>14}{:>14}{:>9}",
        "schedules", "ticks", "switches", "Mticks/s", "Mevents/s", "naive/"
    );
    cases.iter().for_each(schedule);
}
