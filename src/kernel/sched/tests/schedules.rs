//! Schedules of whole runs: who has the CPU from which tick on.

use super::*;
use cov_mark::check;

const NS: u64 = NS_PER_TICK as u64;

fn check(bench: &mut Bench, until: u64, schedule: &str) {
    bench.run_to(until);
    assert_eq!(bench.schedule_text(), schedule);
}

/// Scheduler example W12.
#[test]
fn equal_hogs_take_turns_of_a_full_slice() {
    check!(schedule_swaps_the_arrays);
    check!(tick_expires_to_the_expired_array);
    check!(tick_of_the_first_expiry);
    let mut bench = Bench::new();
    let [a, ..] = ["A", "B", "C"].map(|name| bench.hog(name, 0, 0));
    check(&mut bench, 300, "A 0, B 100, C 200, A 300");
    let rq = bench.sched.rq(0);
    assert_eq!((rq.stat.sched_cnt, rq.stat.sched_switch), (4, 1));
    assert_eq!(bench.sched.stat(a).sched_time, 100 * NS);
    check(
        &mut bench,
        700,
        "A 0, B 100, C 200, A 300, B 400, C 500, A 600, B 700",
    );
    let a = bench.sched.stat(a);
    assert_eq!((a.sched_time, a.nivcsw, a.nvcsw), (300 * NS, 3, 0));
}

/// Scheduler example W13.
#[test]
fn nice_values_decide_the_length_of_the_turns() {
    let mut bench = Bench::new();
    for (name, nice) in [("A", 0), ("B", 10), ("C", 19)] {
        bench.hog(name, nice, 0);
    }
    check(
        &mut bench,
        310,
        "A 0, B 100, C 150, A 155, B 255, C 305, A 310",
    );
    let mut bench = Bench::new();
    bench.hog("A", 0, 0);
    bench.hog("B", -5, 0);
    check(&mut bench, 1200, "B 0, A 500, B 600, A 1100, B 1200");
}

/// Scheduler example W14.
#[test]
fn round_robin_tasks_of_one_priority_shut_ordinary_tasks_out() {
    check!(tick_ends_a_round_robin_turn);
    let mut bench = Bench::new();
    bench.hog("N", -20, 1000);
    bench.real_time("A", Policy::RoundRobin, 5);
    bench.real_time("B", Policy::RoundRobin, 5);
    check(&mut bench, 399, "A 0, B 100, A 200, B 300");
}

#[test]
fn a_fifo_task_never_gives_way_to_its_equals() {
    check!(tick_of_a_fifo_task);
    let mut bench = Bench::new();
    let a = bench.real_time("A", Policy::Fifo, 5);
    bench.real_time("B", Policy::Fifo, 5);
    check(&mut bench, 1000, "A 0");
    assert_eq!(bench.sched.get(a).time_slice, 100);
}

/// Scheduler example W15.
#[test]
fn interactive_hogs_alternate_by_the_granularity_rule() {
    check!(tick_ends_a_turn_within_the_slice);
    let mut bench = Bench::new();
    let [a, b] = ["A", "B"].map(|name| bench.hog(name, 0, 1000));
    bench.run_to(60);
    assert_eq!(
        bench.schedule_text(),
        "A 0, B 10, A 20, B 30, A 40, B 50, A 60"
    );
    for (id, tick, sleep_avg) in [
        (a, 190, 990_111_112),
        (b, 200, 990_111_112),
        (a, 390, 979_000_002),
        (b, 400, 979_000_002),
    ] {
        bench.run_to(tick - 1);
        bench.tick = tick;
        bench.scheduler_tick();
        let task = bench.sched.get(id);
        assert_eq!(
            (task.prio, task.time_slice, task.sleep_avg),
            (116, 100, sleep_avg)
        );
        assert_eq!(bench.sched.array(id), Some(ArrayKind::Active));
    }
}

/// Scheduler example W16.
#[test]
fn an_interactive_hog_keeps_the_cpu_until_the_others_starve() {
    check!(tick_expires_to_the_active_array);
    let mut bench = Bench::new();
    bench.hog("I", 0, 1000);
    bench.hog("H", 0, 0);
    bench.run_to(100);
    assert_eq!(bench.sched.rq(0).expired_timestamp, 100);
    check(
        &mut bench,
        2900,
        "I 0, H 2200, I 2300, H 2600, I 2700, H 2800, I 2900",
    );
}

/// Scheduler example W17.
#[test]
fn a_task_held_interactive_lets_two_hogs_wait_for_three_seconds() {
    check!(starving_for_too_long);
    let mut bench = Bench::new();
    let held = bench.hog("I", 0, 1000);
    bench.hog("H1", 0, 0);
    bench.hog("H2", 0, 0);
    for tick in 0..=6800 {
        bench.run_to(tick);
        bench.sched.get_mut(held).sleep_avg = NS_MAX_SLEEP_AVG;
    }
    assert_eq!(
        bench.schedule_text(),
        "I 0, H1 3200, H2 3300, I 3400, H1 6600, H2 6700, I 6800"
    );
}

/// Scheduler example W18.
#[test]
fn a_better_expired_task_sends_an_interactive_one_to_the_expired_array() {
    check!(starving_with_a_better_static_priority);
    let mut bench = Bench::new();
    let hog = bench.hog("H", 0, 0);
    bench.settle();
    bench.sched.get_mut(hog).time_slice = 3;
    let interactive = bench.hog("I", 5, 1000);
    bench.run_to(3);
    assert_eq!(bench.sched.rq(0).best_expired_prio, 120);
    assert_eq!(bench.current(), "I");
    bench.run_to(77);
    assert_eq!(bench.sched.get(interactive).prio, 120);
    bench.tick = 78;
    bench.scheduler_tick();
    let task = bench.sched.get(interactive);
    assert_eq!(task.prio, 121);
    assert!(Tunables::LINUX.task_interactive(task));
    assert_eq!(bench.sched.array(interactive), Some(ArrayKind::Expired));
}

#[test]
fn best_expired_prio_outlives_an_idle_period_but_expired_timestamp_does_not() {
    check!(schedule_goes_idle);
    let mut bench = Bench::new();
    bench.hog("H", 0, 0);
    bench.run_to(100);
    // The swap came at once: H is alone. It expires again, and then sleeps.
    assert_eq!(bench.sched.rq(0).best_expired_prio, 140);
    bench.tick = 200;
    let hog = bench.sched.current(0);
    bench.sched.get_mut(hog).time_slice = 1;
    bench.scheduler_tick();
    bench.sleep(TaskState::INTERRUPTIBLE);
    let rq = bench.sched.rq(0);
    assert_eq!(rq.curr, rq.idle);
    assert_eq!((rq.expired_timestamp, rq.best_expired_prio), (0, 120));
    assert_eq!((rq.stat.sched_goidle, rq.stat.sched_switch), (1, 1));
}

#[test]
fn ticks_on_the_expired_array_do_not_burn_the_new_slice() {
    check!(tick_on_the_expired_array);
    let mut bench = Bench::new();
    let hog = bench.hog("H", 0, 0);
    bench.run_to(99);
    for tick in 100..105 {
        bench.tick = tick;
        bench.sched.get_mut(hog).thread_flags = ThreadFlags::empty();
        bench.scheduler_tick();
        assert!(bench.sched.need_resched(0));
        assert_eq!(bench.sched.get(hog).time_slice, 100);
        assert_eq!(bench.sched.array(hog), Some(ArrayKind::Expired));
    }
}

/// (100 - 500) mod 2^32 = 4,294,966,896 is not a multiple of 10, but (100 - 506) mod 2^32 is.
#[test]
fn a_slice_above_the_full_one_wraps_in_the_granularity_test() {
    let mut bench = Bench::new();
    let task = bench.hog("T", 0, 1000);
    bench.run_to(0);
    for (left, requeued) in [(500, false), (506, true), (510, false), (516, true)] {
        bench.sched.get_mut(task).time_slice = left + 1;
        bench.scheduler_tick();
        assert_eq!(bench.sched.need_resched(0), requeued, "{left} ticks left");
        bench.settle();
    }
}

/// Bonus 7: a turn is 40 ticks, and what is left of the slice must be worth a turn.
#[test]
fn the_granularity_rule_spares_the_rest_of_a_slice() {
    let mut bench = Bench::new();
    let task = bench.hog("T", 0, 750);
    bench.run_to(0);
    for (left, requeued) in [(61, false), (60, true), (40, false), (20, false)] {
        bench.sched.get_mut(task).time_slice = left + 1;
        bench.scheduler_tick();
        assert_eq!(bench.sched.need_resched(0), requeued, "{left} ticks left");
        bench.settle();
    }
}

#[test]
fn cpu_time_counts_from_the_switch_or_the_last_tick_whichever_is_later() {
    let mut bench = Bench::new();
    bench.run_to(8);
    let task = bench.hog("T", 0, 0);
    bench.tick = 10;
    bench.schedule();
    for (tick, cpu_time) in [(11, 1), (15, 5)] {
        bench.tick = tick;
        bench.scheduler_tick();
        assert_eq!(bench.sched.stat(task).sched_time, cpu_time * NS);
    }
    bench.tick = 18;
    bench.sleep(TaskState::INTERRUPTIBLE);
    assert_eq!(bench.sched.stat(task).sched_time, 8 * NS);
}

/// Scheduler example W9. Runs are charged at the bonus of before.
#[test]
fn a_run_costs_less_the_higher_the_bonus() {
    for (before_ms, ran_ms, after_ms) in [
        (900, 90, 890),
        (99, 50, 49),
        (1000, 10, 999),
        (250, 3000, 0),
        (30, 50, 0),
    ] {
        let mut bench = Bench::new();
        let task = bench.hog("T", 0, before_ms);
        bench.settle();
        bench.tick = ran_ms;
        bench.sleep(TaskState::INTERRUPTIBLE);
        let task = bench.sched.get(task);
        assert_eq!(
            task.sleep_avg,
            after_ms * NS_PER_TICK,
            "{ran_ms} ms from {before_ms}"
        );
        assert_eq!(task.last_ran, ran_ms * NS);
    }
}

#[test]
fn a_pass_that_keeps_the_task_charges_it_but_counts_no_switch() {
    check!(schedule_goes_on_with_the_same_task);
    let mut bench = Bench::new();
    let task = bench.hog("T", 0, 500);
    bench.settle();
    bench.tick = 50;
    assert_eq!(bench.schedule(), None);
    let rq = bench.sched.rq(0);
    assert_eq!((rq.nr_switches, rq.stat.sched_cnt), (1, 2));
    assert_eq!(bench.sched.stat(task).nivcsw, 0);
    let task = bench.sched.get(task);
    assert_eq!(task.timestamp, 50 * NS);
    assert_eq!(task.sleep_avg, 490 * NS_PER_TICK);
}

#[test]
fn the_idle_task_has_no_slice_to_lose() {
    check!(tick_of_the_idle_task);
    let mut bench = Bench::new();
    bench.run_to(3);
    let rq = bench.sched.rq(0);
    assert_eq!(rq.curr, rq.idle);
    assert_eq!(bench.sched.get(rq.idle).time_slice, 0);
    assert_eq!(bench.sched.stat(rq.idle).sched_time, 3_000_000);
}
