//! Balancing at work: loads, intervals, which tasks move and where to.

use super::*;
use crate::kernel::sched::balance::Move;
use crate::trace::{MigrateReason, SwitchReason};

const NS: u64 = NS_PER_TICK as u64;

/// Every migration so far: `B 0>1 balance`.
fn moves(bench: &Bench) -> String {
    let moves: Vec<String> = bench
        .log
        .records()
        .filter_map(|record| match record.event {
            TraceEvent::SchedMigrateTask {
                name,
                from,
                to,
                why,
                ..
            } => Some(format!(
                "{} {from}>{to} {}",
                bench.names.get(name),
                why.name()
            )),
            _ => None,
        })
        .collect();
    moves.join(", ")
}

#[test]
fn a_load_approaches_the_number_of_runnable_tasks() {
    let mut bench = Bench::with_cpus(2);
    let loads = |bench: &mut Bench| -> Vec<u32> {
        (0..8)
            .map(|_| {
                bench.sched.rqs[0].update_cpu_load();
                bench.sched.rq(0).cpu_load
            })
            .collect()
    };
    bench.hog("A", 0, 0);
    assert_eq!(loads(&mut bench), [64, 96, 112, 120, 124, 126, 127, 128]);
    bench.sched.rqs[0].nr_running = 0;
    assert_eq!(loads(&mut bench), [64, 32, 16, 8, 4, 2, 1, 0]);
}

#[test]
fn sources_are_underestimated_and_targets_overestimated() {
    let mut bench = Bench::with_cpus(2);
    bench.hog("A", 0, 0);
    for (cpu_load, source, target) in [(0, 0, 128), (128, 128, 128), (300, 128, 300)] {
        bench.sched.rqs[0].cpu_load = cpu_load;
        assert_eq!(bench.sched.source_load(0), source);
        assert_eq!(bench.sched.target_load(0), target);
    }
}

#[test]
fn one_cpu_balances_nothing() {
    let mut bench = Bench::new();
    bench.hog("A", 0, 0);
    bench.run_to(50);
    assert!(bench.sched.domains(0).is_empty());
    assert_eq!(bench.sched.rq(0).cpu_load, 0);
    bench.sched.check().unwrap();
}

/// Balanced domains are checked less and less often, up to every four ms; on busy CPUs 64 times
/// less often. CPU 1's balance clock is half a second ahead; it catches up one interval per tick.
#[test]
fn intervals_double_up_to_their_maximum_and_are_longer_on_busy_cpus() {
    let mut bench = Bench::with_cpus(2);
    bench.settle_all();
    let state = |bench: &Bench, cpu: usize| {
        let sd = &bench.sched.domains(cpu)[0];
        (sd.balance_interval, sd.last_balance)
    };
    for expected in [(2, 1), (2, 1), (4, 3), (4, 3), (4, 3), (4, 3), (4, 7)] {
        bench.tick_all();
        assert_eq!(state(&bench, 0), expected, "tick {}", bench.tick);
    }
    // 1, 2, and then 4 a tick.
    assert_eq!(state(&bench, 1), (4, 1 + 2 + 5 * 4));
    bench.hog("A", 0, 0);
    bench.sched.resched_idle(0);
    bench.settle_all();
    while bench.tick < 262 {
        bench.tick_all();
        assert_eq!(state(&bench, 0), (4, 7), "tick {}", bench.tick);
    }
    bench.tick_all();
    assert_eq!(state(&bench, 0), (4, 263));
}

/// The recording s01: the second of two CPU-bound tasks is moved once the load shows two tasks.
#[test]
fn an_idle_cpu_takes_the_second_hog_at_a_tick() {
    let mut bench = Bench::with_cpus(2);
    bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.settle_all();
    bench.tick_all();
    assert_eq!(moves(&bench), "");
    bench.tick_all();
    assert_eq!(moves(&bench), "B 0>1 balance");
    bench.cpu = 1;
    assert_eq!(bench.current(), "B");
    let sd = &bench.sched.domains(1)[0];
    assert_eq!((sd.balance_interval, sd.nr_balance_failed), (1, 0));
}

#[test]
fn a_cpu_that_goes_idle_takes_a_task_at_once() {
    let mut bench = Bench::with_cpus(2);
    bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.sched.rqs[0].cpu_load = 256;
    bench.cpu = 1;
    bench.hog("C", 0, 0);
    bench.settle_all();
    bench.tick = 100;
    bench.sched.get_mut(bench.sched.current(0)).timestamp = 0;
    // Its clock is 3 ms behind.
    bench.sched.rqs[0].timestamp_last_tick = 97 * NS;
    bench.sched.rqs[1].timestamp_last_tick = 100 * NS;
    let interval = bench.sched.domains(1)[0].balance_interval;
    bench.sleep(TaskState::INTERRUPTIBLE);
    assert_eq!(moves(&bench), "B 0>1 newidle");
    assert_eq!(bench.current(), "B");
    assert_eq!(bench.sched.domains(1)[0].balance_interval, interval);
    bench.sched.check().unwrap();
}

/// W22: a CPU that goes idle looks for a task, but one task alone is never moved.
#[test]
fn a_lone_task_stays() {
    let mut bench = Bench::with_cpus(2);
    bench.hog("A", 0, 0);
    bench.sched.rqs[0].cpu_load = 128;
    bench.cpu = 1;
    bench.hog("C", 0, 0);
    bench.settle_all();
    let found = bench.sched.busiest_group(1, 0, IdleType::NewlyIdle);
    assert_eq!(found.tasks, 1);
    bench.sleep(TaskState::INTERRUPTIBLE);
    assert_eq!((moves(&bench).as_str(), bench.current()), ("", "idle"));
}

#[test]
fn a_cpu_that_goes_idle_takes_no_hot_task_for_it_does_not_count_as_idle() {
    let mut bench = Bench::with_cpus(2);
    bench.hog("A", 0, 0);
    let b = bench.hog("B", 0, 0);
    bench.sched.rqs[0].cpu_load = 256;
    bench.cpu = 1;
    bench.hog("C", 0, 0);
    bench.settle_all();
    bench.tick = 10;
    bench.sched.get_mut(b).last_ran = 10 * NS;
    bench.sleep(TaskState::INTERRUPTIBLE);
    assert_eq!(moves(&bench), "");
    // Now that it is idle, it is moved.
    bench.sched.domains[1][0].last_balance = 0;
    bench.scheduler_tick();
    assert_eq!(moves(&bench), "B 0>1 balance");
}

#[test]
fn domains_are_used_for_what_their_flags_say() {
    for (flag, moved) in [
        (SdFlags::BALANCE_NEWIDLE, ""),
        (SdFlags::LOAD_BALANCE, "B 0>1 newidle"),
    ] {
        let mut bench = Bench::with_cpus(2);
        bench.hog("A", 0, 0);
        bench.hog("B", 0, 0);
        bench.sched.rqs[0].cpu_load = 256;
        bench.cpu = 1;
        bench.hog("C", 0, 0);
        bench.settle_all();
        bench.tick = 100;
        bench.sched.rqs[0].timestamp_last_tick = 100 * NS;
        bench.sched.domains[1][0].flags.remove(flag);
        bench.sleep(TaskState::INTERRUPTIBLE);
        assert_eq!(moves(&bench), moved);
    }
    let mut bench = Bench::with_cpus(2);
    bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.sched.domains[1][0]
        .flags
        .remove(SdFlags::LOAD_BALANCE);
    bench.settle_all();
    (0..50).for_each(|_| bench.tick_all());
    assert_eq!(moves(&bench), "");
}

/// The expired array first, the best priority first and, among equals, the last first; each to the
/// same kind of array.
#[test]
fn the_order_in_which_tasks_are_taken() {
    let mut bench = Bench::with_cpus(2);
    for (name, nice) in [("run", -20), ("a1", 0), ("a2", 0), ("good", -5)] {
        bench.hog(name, nice, 0);
    }
    for (name, nice) in [("e1", 5), ("e2", 5), ("bad", 10)] {
        let id = bench.hog(name, nice, 0);
        let (tasks, rq) = bench.sched.task_rq_mut(id);
        rq.dequeue_task(tasks, id);
        rq.enqueue_task(tasks, id, rq.expired_index(), 1);
    }
    bench.settle();
    assert_eq!(bench.current(), "run");
    let order = |tasks| Move {
        from: 0,
        to: 1,
        tasks,
        domain: (1, 0),
        idle: IdleType::NotIdle,
        why: MigrateReason::Balance,
    };
    let (moved, none) = bench.on(|s, ctx| {
        let moved = s.move_tasks(ctx, order(5));
        s.tasks[s.rqs[1].curr].set_need_resched(SwitchReason::Preempted);
        (moved, s.move_tasks(ctx, order(0)))
    });
    assert_eq!((moved, none), (5, 0));
    let expected = ["e2", "e1", "bad", "good", "a2"].map(|name| format!("{name} 0>1 balance"));
    assert_eq!(moves(&bench), expected.join(", "));
    bench.cpu = 1;
    assert_eq!(bench.list(ArrayKind::Expired, 130), "e2 e1");
    assert_eq!(bench.list(ArrayKind::Active, 125), "a2");
    assert_eq!(bench.sched.rq(1).nr_running, 5);
    let rq = bench.sched.rq(1);
    assert_eq!((rq.expired_timestamp, rq.best_expired_prio), (0, 140));
    bench.sched.check().unwrap();
    // All but the running one, however many are asked for.
    assert_eq!(bench.on(|s, ctx| s.move_tasks(ctx, order(9))), 1);
    assert_eq!(bench.on(|s, ctx| s.move_tasks(ctx, order(9))), 0);
}

/// A taken task preempts by its priority, even from the expired array.
#[test]
fn a_taken_task_preempts_if_it_is_better_and_its_clock_is_put_right() {
    for (nice, preempts) in [(-10, true), (0, false)] {
        let mut bench = Bench::with_cpus(2);
        bench.hog("A", -20, 0);
        let b = bench.hog("B", nice, 0);
        bench.settle();
        bench.cpu = 1;
        bench.hog("C", 0, 0);
        bench.settle();
        bench.tick = 20;
        bench.sched.get_mut(b).timestamp = 5 * NS;
        bench.sched.rqs[0].timestamp_last_tick = 20 * NS;
        bench.sched.rqs[1].timestamp_last_tick = 19 * NS;
        let order = Move {
            from: 0,
            to: 1,
            tasks: 1,
            domain: (1, 0),
            idle: IdleType::NotIdle,
            why: MigrateReason::Balance,
        };
        assert_eq!(bench.on(|s, ctx| s.move_tasks(ctx, order)), 1);
        assert_eq!(bench.sched.need_resched(1), preempts);
        assert_eq!(bench.sched.get(b).timestamp, 4 * NS);
    }
}

/// Scheduler example W23 on runqueues: the wake-up moves the task, or leaves it.
#[test]
fn a_wake_up_takes_a_cold_task_to_the_waker() {
    for (waker, cpu, moved) in [(Waker::GoesOn, 1, ""), (Waker::Sleeps, 0, "T 1>0 wake_up")] {
        let mut bench = Bench::with_cpus(2);
        bench.hog("waker", 0, 0);
        bench.settle_all();
        bench.cpu = 1;
        let task = bench.sleeper("T", 0, 0);
        bench.cpu = 0;
        bench.tick = 10;
        for cpu in [0, 1] {
            bench.sched.rqs[cpu].timestamp_last_tick = 10 * NS;
        }
        bench.sched.rqs[0].cpu_load = 128;
        assert!(bench.on(|s, ctx| s.try_to_wake_up(ctx, task, TaskState::ANY_SLEEP, waker)));
        assert_eq!(bench.sched.get(task).cpu, cpu);
        assert_eq!(moves(&bench), moved);
        assert_eq!(
            bench.sched.rq(usize::from(cpu)).nr_running,
            if cpu == 0 { 2 } else { 1 }
        );
    }
}

/// An uninterruptible sleep is counted where it began and where it ended: the sum counts.
#[test]
fn a_sleeper_that_wakes_elsewhere_is_counted_there() {
    let mut bench = Bench::with_cpus(2);
    bench.cpu = 1;
    let task = bench.hog("T", 0, 0);
    bench.settle_all();
    bench.sleep(TaskState::UNINTERRUPTIBLE);
    bench.settle_all();
    bench.cpu = 0;
    (bench.tick, bench.in_interrupt) = (20, true);
    bench.sched.rqs[1].timestamp_last_tick = 20 * NS;
    bench.on(|s, ctx| s.wake_up_process(ctx, task));
    assert_eq!(moves(&bench), "T 1>0 wake_up");
    let counts = [0, 1].map(|cpu| bench.sched.rq(cpu).nr_uninterruptible);
    assert_eq!(counts, [-1, 1]);
    bench.sched.check().unwrap();
}

/// Skipping idle ticks gives the state that handling each of them gives.
#[test]
fn idle_time_can_be_skipped() {
    for cpus in [1, 2, 4] {
        for (start, ticks) in [(0, 1), (0, 2), (3, 700), (1, 5000), (40, 12_345)] {
            let mut bench = Bench::with_cpus(cpus);
            bench.settle_all();
            (0..start).for_each(|_| bench.tick_all());
            for rq in &mut bench.sched.rqs {
                rq.cpu_load = if cpus > 1 { 1000 } else { 0 };
            }
            let mut skipped = bench.sched.clone();
            skipped.skip_idle_ticks(bench.tick as u32 + 1, ticks);
            (0..ticks).for_each(|_| bench.tick_all());
            assert_eq!(
                skipped.domains, bench.sched.domains,
                "{cpus} CPUs, {start}, {ticks}"
            );
            let load = |sched: &Scheduler| -> Vec<u32> {
                sched.rqs.iter().map(|rq| rq.cpu_load).collect()
            };
            assert_eq!(load(&skipped), load(&bench.sched));
        }
    }
}
