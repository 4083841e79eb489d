//! What nice, setscheduler and yield do to priorities and queues.

use super::*;
use cov_mark::check;

/// Scheduler example W19.
#[test]
fn renice_drops_the_bonus_and_compares_with_the_old_dynamic_priority() {
    check!(renice_asks_for_a_reschedule);
    check!(renice_to_the_same_or_to_nonsense);
    for (nice, sleep_avg_ms, new_nice, prio, resched) in [
        (0, 1000, 5, 125, true),
        (0, 1000, -5, 115, false),
        (0, 0, 1, 121, true),
        (0, 0, -10, 110, true),
        (0, 1000, 20, 115, false),
        (0, 1000, 0, 115, false),
    ] {
        let mut bench = Bench::new();
        let task = bench.hog("T", nice, sleep_avg_ms);
        bench.settle();
        bench.on(|s, ctx| s.set_user_nice(ctx, task, new_nice));
        bench.sched.check().unwrap();
        assert_eq!(bench.sched.get(task).prio, prio, "nice {new_nice}");
        assert_eq!(bench.sched.need_resched(0), resched, "nice {new_nice}");
        assert_eq!(bench.sched.get(task).time_slice, 100);
    }
}

#[test]
fn renice_of_a_waiting_task_asks_the_running_one_only_if_it_got_better() {
    check!(renice_of_a_queued_task_changes_no_turn);
    // T has priority 125, without its bonus 120 + nice.
    for (new_nice, resched) in [(-6, true), (4, true), (5, false), (6, false)] {
        let mut bench = Bench::new();
        bench.hog("H", 0, 0);
        let task = bench.hog("T", 0, 0);
        bench.settle();
        bench.on(|s, ctx| s.set_user_nice(ctx, task, new_nice));
        assert_eq!(bench.sched.need_resched(0), resched, "nice {new_nice}");
    }
}

#[test]
fn renice_of_a_real_time_task_waits_in_the_static_priority() {
    check!(renice_of_a_real_time_task);
    let mut bench = Bench::new();
    let task = bench.real_time("R", Policy::RoundRobin, 10);
    bench.on(|s, ctx| s.set_user_nice(ctx, task, 10));
    let t = bench.sched.get(task);
    assert_eq!((t.prio, t.static_prio), (89, 130));
    // The length of its slices follows at once.
    bench.run_to(100);
    assert_eq!(bench.sched.get(task).time_slice, 50);
}

#[test]
fn renice_keeps_the_array() {
    let mut bench = Bench::new();
    let a = bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.run_to(100);
    assert_eq!(bench.list(ArrayKind::Expired, 125), "A");
    bench.on(|s, ctx| s.set_user_nice(ctx, a, 3));
    assert_eq!(bench.list(ArrayKind::Expired, 123), "A");
}

#[test]
fn renice_of_a_sleeper_waits_in_its_priority() {
    check!(renice_of_a_sleeper);
    let mut bench = Bench::new();
    bench.hog("A", 0, 0);
    bench.settle();
    let sleeper = bench.sleeper("S", 0, 500);
    bench.on(|s, ctx| s.set_user_nice(ctx, sleeper, -20));
    assert_eq!(bench.sched.get(sleeper).prio, 100);
    assert!(!bench.sched.need_resched(0));
}

#[test]
fn setscheduler_goes_to_the_active_array_even_from_the_expired_one() {
    let mut bench = Bench::new();
    let a = bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.run_to(100);
    assert_eq!(bench.sched.array(a), Some(ArrayKind::Expired));
    bench.on(|s, ctx| s.sched_setscheduler(ctx, a, Policy::Fifo, 1));
    bench.sched.check().unwrap();
    assert_eq!(bench.list(ArrayKind::Active, 98), "A");
    assert!(bench.sched.need_resched(0));
}

#[test]
fn setscheduler_of_the_running_task_asks_for_a_reschedule_only_if_it_got_worse() {
    for (policy, rt_priority, prio, resched) in [
        (Policy::Fifo, 10, 89, false),
        (Policy::RoundRobin, 20, 79, false),
        (Policy::Fifo, 5, 94, true),
        (Policy::Normal, 0, 120, true),
    ] {
        let mut bench = Bench::new();
        let task = bench.real_time("R", Policy::RoundRobin, 10);
        bench.run_to(7);
        bench.on(|s, ctx| s.sched_setscheduler(ctx, task, policy, rt_priority));
        let t = bench.sched.get(task);
        assert_eq!(
            (t.prio, t.policy, t.rt_priority),
            (prio, policy, rt_priority)
        );
        assert_eq!(t.time_slice, 93);
        assert_eq!(bench.sched.need_resched(0), resched);
    }
}

#[test]
fn setting_the_same_ordinary_policy_again_costs_the_bonus_and_the_place() {
    let mut bench = Bench::new();
    let a = bench.hog("A", 0, 500);
    bench.hog("B", 0, 500);
    assert_eq!(bench.list(ArrayKind::Active, 120), "A B");
    bench.on(|s, ctx| s.sched_setscheduler(ctx, a, Policy::Normal, 0));
    assert_eq!(bench.list(ArrayKind::Active, 120), "B A");
    let sleeper = bench.sleeper("S", 0, 1000);
    bench.on(|s, ctx| s.sched_setscheduler(ctx, sleeper, Policy::Normal, 0));
    assert_eq!(bench.sched.get(sleeper).prio, 120);
    assert!(!bench.sched.get(sleeper).is_queued());
}

fn yield_now(bench: &mut Bench) {
    bench.on(|s, ctx| {
        s.sched_yield(ctx);
        s.schedule(ctx);
    });
    bench.sched.check().unwrap();
}

/// Scheduler example W21.
#[test]
fn a_lone_task_that_yields_goes_on_after_an_array_swap() {
    let mut bench = Bench::new();
    let task = bench.hog("A", 0, 0);
    bench.settle();
    yield_now(&mut bench);
    let expected = RqStat {
        yld_both_empty: 1,
        yld_act_empty: 1,
        yld_cnt: 1,
        sched_switch: 1,
        sched_cnt: 2,
        sched_info: RqSchedInfo {
            pcnt: 2,
            ..RqSchedInfo::default()
        },
        ..RqStat::default()
    };
    assert_eq!(bench.sched.rq(0).stat, expected);
    assert_eq!(bench.current(), "A");
    assert_eq!(bench.sched.stat(task).nivcsw, 0);
}

/// Scheduler example W21.
#[test]
fn a_yielding_task_waits_until_the_others_have_used_their_slices() {
    check!(yield_to_the_expired_array);
    let mut bench = Bench::new();
    let a = bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.settle();
    yield_now(&mut bench);
    let rq = bench.sched.rq(0);
    assert_eq!((rq.stat.yld_cnt, rq.stat.yld_exp_empty), (1, 1));
    assert_eq!((rq.expired_timestamp, rq.best_expired_prio), (0, 140));
    assert_eq!(bench.sched.stat(a).nivcsw, 1);
    bench.run_to(99);
    bench.tick = 100;
    bench.scheduler_tick();
    assert_eq!(bench.sched.rq(0).expired_timestamp, 100);
    assert_eq!(bench.list(ArrayKind::Expired, 125), "A B");
    bench.settle();
    assert_eq!(bench.schedule_text(), "A 0, B 0, A 100");
}

#[test]
fn a_real_time_task_yields_to_its_equals_only() {
    check!(yield_of_a_real_time_task);
    let mut bench = Bench::new();
    bench.hog("N", 0, 0);
    bench.real_time("A", Policy::Fifo, 5);
    bench.real_time("B", Policy::Fifo, 5);
    bench.settle();
    yield_now(&mut bench);
    yield_now(&mut bench);
    assert_eq!(bench.schedule_text(), "A 0, B 0, A 0");
    assert_eq!(bench.list(ArrayKind::Active, 94), "A B");
}

#[test]
fn a_task_that_has_expired_already_yields_within_the_expired_array() {
    check!(yield_within_the_array);
    let mut bench = Bench::new();
    bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.run_to(199);
    bench.tick = 200;
    bench.scheduler_tick();
    assert_eq!(bench.list(ArrayKind::Expired, 125), "A B");
    bench.on(Scheduler::sched_yield);
    assert_eq!(bench.list(ArrayKind::Expired, 125), "A B");
    assert_eq!(bench.sched.rq(0).stat.yld_cnt, 1);
}
