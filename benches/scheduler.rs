//! The scheduler: its queues beside a balanced tree, the events of a whole machine beside its queues,
//! a large fork bomb beside a small one, and whole schedules beside a simulator of the same rules that
//! looks at every task at every tick.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

#[path = "common/alone.rs"]
mod alone;
mod common;
#[path = "common/naive.rs"]
mod naive;
#[path = "common/session.rs"]
mod silent;

use alone::Alone;
use common::boot;
use common::drive::spawn_workload;
use forklab::Session;
use forklab::abi::{Names, Pid, TaskId};
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::sched::{PrioArray, SchedTask, Tasks};
use forklab::machine::{Machine, Stop, WorkloadProgram};
use forklab::trace::TraceFilter;
use naive::{Habit, Naive};
use silent::session;
use slotmap::SlotMap;
use std::collections::BTreeMap;
use std::mem::swap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Times that a task is picked, switched to and queued again, in a slice.
const TURNS: u32 = 30_000;
/// Slices of turns.
const SLICES: u32 = 200;
/// With so many tasks the queues are at least `TREE_LIMIT` times cheaper than trees.
const MANY_TASKS: u32 = 30_000;
const TREE_LIMIT: f64 = 6.0;
/// Records that a log keeps while events are measured.
const LOG: usize = 1 << 14;
/// An event of a whole machine costs at most so many times what the scheduler alone takes for it.
const EVENT_LIMIT: f64 = 4.0;
/// An event in a bomb of 512 processes costs at most so many times what one in a bomb of 32 does: the
/// memory of all is less often in the host's caches.
const BOMB_LIMIT: f64 = 2.0;

/// The time of the quickest of many short slices, ns for each of what a slice says it has done:
/// while the others ran the host did something else as well.
fn quickest(slices: u32, mut slice: impl FnMut() -> (Duration, u64)) -> f64 {
    let each = |(time, count): (Duration, u64)| time.as_secs_f64() * 1e9 / count as f64;
    (0..slices)
        .map(|_| each(slice()))
        .fold(f64::INFINITY, f64::min)
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

/// As many tasks, each in a record of the table.
fn table(count: u32) -> (Tasks, Vec<TaskId>) {
    let name = Names::default().intern("task");
    let mut slots: SlotMap<TaskId, ()> = SlotMap::with_key();
    let mut tasks = Tasks::new();
    let mut ids = Vec::new();
    for turn in 0..count {
        let id = slots.insert(());
        tasks.insert(id, SchedTask::new(Pid(turn as i32), name));
        switch_to(&mut tasks[id], turn);
        ids.push(id);
    }
    (tasks, ids)
}

/// Turns with the two arrays: the best task runs, and goes to the expired array.
fn turns_in_arrays(count: u32) -> f64 {
    let (mut tasks, ids) = table(count);
    let mut arrays = [PrioArray::new(), PrioArray::new()];
    for id in ids {
        arrays[0].enqueue(&mut tasks, id);
    }
    let (mut active, mut turn) = (0, 0);
    quickest(SLICES, || {
        let start = Instant::now();
        for _ in 0..TURNS {
            if arrays[active].nr_active() == 0 {
                active = 1 - active;
            }
            let next = arrays[active].first(&tasks).unwrap();
            arrays[active].dequeue(&mut tasks, next);
            switch_to(&mut tasks[next], turn);
            arrays[1 - active].enqueue(&mut tasks, next);
            turn += 1;
        }
        (start.elapsed(), TURNS.into())
    })
}

/// The same with balanced trees of priority and arrival.
fn turns_in_trees(count: u32) -> f64 {
    let (mut tasks, ids) = table(count);
    let (mut active, mut expired) = (BTreeMap::new(), BTreeMap::new());
    for (turn, id) in (0..).zip(ids) {
        active.insert((tasks[id].prio, turn), id);
    }
    let mut turn = 0;
    quickest(SLICES, || {
        let start = Instant::now();
        for _ in 0..TURNS {
            if active.is_empty() {
                swap(&mut active, &mut expired);
            }
            let (_, next) = active.pop_first().unwrap();
            switch_to(&mut tasks[next], turn);
            expired.insert((tasks[next].prio, turn), next);
            turn += 1;
        }
        (start.elapsed(), TURNS.into())
    })
}

/// Whether the queues keep their limit.
fn queues() -> bool {
    let mut fine = true;
    println!("pick, switch and queue again, each:");
    for tasks in [10, 1000, MANY_TASKS] {
        let (arrays, trees) = (turns_in_arrays(tasks), turns_in_trees(tasks));
        let ratio = trees / arrays;
        fine &= tasks != MANY_TASKS || ratio >= TREE_LIMIT;
        println!(
            "  {tasks:>6} tasks  arrays {arrays:>6.1} ns  trees {trees:>6.1} ns  ratio {ratio:.1}"
        );
    }
    println!("  limit {TREE_LIMIT} with {MANY_TASKS} tasks");
    fine
}

/// What an event costs, ns.
struct Event {
    /// The whole machine, its trace on and full, as it is in any long run.
    machine: f64,
    /// The scheduler alone.
    alone: f64,
}

/// Lets all tasks go on with their habits, in a machine and with the scheduler alone.
///
/// The scheduler makes the same decisions in both: an event contains at least a tick, a wake-up or a
/// `schedule()` of it. A turn in the arrays is less than that: no clock, no priority is computed,
/// no task sleeps, and nothing is counted.
fn event(habits: &[Habit]) -> Event {
    /// Ticks in a slice: some thousand events.
    const TICKS: u64 = 5000;
    const SLICES: u32 = 40;
    /// Each task calls exec when it first runs, which is no event of the scheduler.
    const WARM_UP: u64 = 100_000;
    let (mut machine, tasks) = machine(habits);
    let switched = machine.kernel.sched.rq(0).nr_switches();
    let mut sched = Alone::from(&machine, &tasks);
    machine.kernel.log.filter = TraceFilter::ALL;
    machine.kernel.log.set_capacity(LOG);
    assert_eq!(machine.run(WARM_UP), Stop::Budget);
    sched.run(WARM_UP);
    assert!(machine.kernel.log.dropped() > 0, "the log is full");
    let mut events = Vec::new();
    let in_machine = quickest(SLICES, || {
        let before = machine.kernel.log.event_seq();
        let start = Instant::now();
        assert_eq!(machine.run(TICKS), Stop::Budget);
        let time = start.elapsed();
        events.push(machine.kernel.log.event_seq() - before);
        (time, machine.kernel.log.event_seq() - before)
    });
    let mut events = events.into_iter();
    let alone = quickest(SLICES, || {
        let start = Instant::now();
        sched.run(TICKS);
        (start.elapsed(), events.next().unwrap())
    });
    assert_eq!(machine.kernel.sched.rq(0).nr_switches(), sched.switches());
    assert!(sched.switches() > switched);
    Event {
        machine: in_machine,
        alone,
    }
}

/// Whether the events of whole machines keep their limit.
fn events() -> bool {
    let mut fine = true;
    println!(
        "\nan event of the whole machine, traced, beside the scheduler alone and a turn in the arrays:"
    );
    let cases = [
        ("500 hogs, 500 sleepers", hogs_and_sleepers()),
        (
            "100 that alternate CPU and I/O",
            vec![alternating(u64::MAX); 100],
        ),
    ];
    for (name, habits) in cases {
        let Event { machine, alone } = event(&habits);
        let turn = turns_in_arrays(habits.len() as u32);
        let ratio = machine / alone;
        fine &= ratio <= EVENT_LIMIT;
        println!(
            "  {name:<32}event {machine:>6.1} ns  scheduler {alone:>6.1} ns  ratio {ratio:.1}  limit {EVENT_LIMIT}  turn {turn:>6.1} ns  ratio {:.1}",
            machine / turn
        );
    }
    fine
}

/// What an event costs in a bomb of so many processes that fork without end, ns. None of them can make
/// another any more, so only what grows with their number makes a difference.
fn bomb(processes: u32) -> f64 {
    const SLICES: u32 = 30;
    let mut session = session();
    let script = format!(
        "fn main() {{ loop {{ fork(); }} }}
         boot(#{{mem: 256*MiB, threads_max: {}}});
         spawn(\"bomb\", main);
         while tasks().len <= {processes} {{ tick(10); }}
         tick(1000);",
        2 * processes // A user may have half of the threads that there may be.
    );
    session.run(&script).unwrap();
    let events = |session: &Session| session.machine(|machine| machine.kernel.log.event_seq());
    quickest(SLICES, || {
        let before = events(&session);
        let start = Instant::now();
        session.run("tick(100);").unwrap();
        (start.elapsed(), events(&session) - before)
    })
}

/// Whether an event in a large bomb costs what one in a small bomb does.
fn bombs() -> bool {
    let [few, many] = [32, 512];
    let (small, large) = (bomb(few), bomb(many));
    let ratio = large / small;
    println!(
        "\nan event in a fork bomb:\n  {few} processes {small:>6.1} ns  {many} processes {large:>6.1} ns  ratio {ratio:.2}  limit {BOMB_LIMIT}"
    );
    ratio <= BOMB_LIMIT
}

const fn endless(run: u64, sleep: u64) -> Habit {
    Habit {
        run,
        sleep,
        rounds: u64::MAX,
    }
}

/// A task that runs for 12 ticks and waits for 26.
const fn alternating(rounds: u64) -> Habit {
    Habit {
        run: 12,
        sleep: 26,
        rounds,
    }
}

fn hogs_and_sleepers() -> Vec<Habit> {
    let habit = |task: u64| match task % 2 {
        0 => endless(1_000_000_000, 1),
        _ => endless(1 + task % 7, 700 + task),
    };
    (0..1000).map(habit).collect()
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
        let program = Arc::new(program(*habit));
        let task = spawn_workload(&mut machine, SpawnArgs::new("task", 0), program);
        tasks.push((task, *habit));
    }
    (machine, tasks)
}

/// Runs a case in both, and compares what they came to.
fn schedule(case: &Case) {
    let (mut machine, tasks) = machine(&case.habits);
    let mut naive = Naive::from(&machine.kernel.sched, &tasks);
    let before = machine.kernel.log.event_seq();
    let switched = machine.kernel.sched.rq(0).nr_switches();
    let start = Instant::now();
    match case.ticks {
        Some(ticks) => assert_eq!(machine.run(ticks), Stop::Budget),
        None => assert_eq!(machine.run(u64::MAX), Stop::Idle),
    }
    let time = start.elapsed().as_secs_f64();
    let ticks = machine.kernel.tick();
    let events = machine.kernel.log.event_seq() - before;
    let start = Instant::now();
    (0..ticks).for_each(|_| naive.tick());
    let naive_time = start.elapsed().as_secs_f64();
    let switches = machine.kernel.sched.rq(0).nr_switches() - switched;
    assert_eq!(switches, naive.switches, "{}", case.name);
    for (task, utime) in naive.utimes() {
        if let Some(task) = machine.kernel.tasks().get(task) {
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
    let kept = [queues(), events(), bombs()];
    let cases = [
        Case {
            name: "100 hogs",
            habits: vec![endless(1_000_000_000, 1); 100],
            ticks: Some(10_000_000),
        },
        Case {
            name: "500 hogs, 500 sleepers",
            habits: hogs_and_sleepers(),
            ticks: Some(1_000_000),
        },
        Case {
            name: "100 that alternate CPU and I/O, to the end",
            habits: vec![alternating(10); 100],
            ticks: None,
        },
    ];
    println!(
        "\n{:<40}{:>11}{:>10}{:>14}{:>14}{:>9}",
        "schedules", "ticks", "switches", "Mticks/s", "Mevents/s", "naive/"
    );
    cases.iter().for_each(schedule);
    assert_eq!(kept, [true; 3], "a limit is exceeded");
}
