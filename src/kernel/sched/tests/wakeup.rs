//! Wake-ups: who is woken, who is preempted, and what the wait on the runqueue is worth.

use super::*;
use cov_mark::check;

const NS: u64 = NS_PER_TICK as u64;

/// Scheduler example W8.
#[test]
fn the_wait_for_the_first_pick_counts_as_sleep() {
    check!(schedule_credits_a_part_of_the_wait);
    check!(schedule_credits_all_of_the_wait);
    for (activated, wait_ms, credit) in [
        (1, 1, 296_875),
        (1, 10, 2_968_750),
        (1, 100, 29_687_500),
        (2, 10, 10_000_000),
        (2, 100, 100_000_000),
        (-1, 100, 0),
        (0, 100, 0),
    ] {
        let mut bench = Bench::new();
        let task = bench.hog("T", 0, 0);
        bench.sched.get_mut(task).activated = activated;
        bench.tick = wait_ms;
        bench.settle();
        let task = bench.sched.get(task);
        let sleep_avg = (credit * 10).min(NS_MAX_SLEEP_AVG);
        assert_eq!(
            task.sleep_avg, sleep_avg,
            "activated {activated}, {wait_ms} ms"
        );
        assert_eq!(task.activated, 0);
        assert_eq!(
            task.prio,
            if activated > 0 {
                effective_prio(task).prio
            } else {
                125
            }
        );
    }
}

/// Scheduler example W10.
#[test]
fn sleeping_nine_tenths_of_the_time_makes_a_task_fully_interactive() {
    check!(schedule_of_a_task_that_sleeps);
    let mut bench = Bench::new();
    let task = bench.sleeper("T", 0, 0);
    for (woken, prio, after_run) in [
        (900_000_000, 116, 898_888_889),
        (1_000_000_000, 115, 999_000_000),
        (1_000_000_000, 115, 999_000_000),
    ] {
        bench.tick += 90;
        assert!(bench.irq_wake(task));
        let t = bench.sched.get(task);
        assert_eq!((t.sleep_avg, t.prio, t.activated), (woken, prio, 2));
        bench.settle();
        bench.run_to(bench.tick + 10);
        bench.sleep(TaskState::INTERRUPTIBLE);
        assert_eq!(bench.sched.get(task).sleep_avg, after_run);
        assert_eq!(bench.current(), "idle");
    }
}

/// Scheduler example W25.
#[test]
fn a_woken_task_moves_to_the_tail_when_first_picked_and_so_loses_its_turn() {
    let mut bench = Bench::new();
    let rt = bench.real_time("R", Policy::Fifo, 50);
    bench.settle();
    bench.sleep(TaskState::INTERRUPTIBLE);
    let [w, x] = ["W", "X"].map(|name| bench.sleeper(name, 0, 990));
    bench.irq_wake(w);
    bench.irq_wake(x);
    bench.settle();
    assert_eq!(bench.list(ArrayKind::Active, 116), "X W");
    assert_eq!(bench.current(), "W");
    bench.run_to(3);
    bench.irq_wake(rt);
    bench.settle();
    assert_eq!(bench.current(), "R");
    assert_eq!(bench.sched.get(w).sleep_avg, 989_666_667);
    bench.run_to(4);
    bench.sleep(TaskState::INTERRUPTIBLE);
    assert_eq!(bench.current(), "X");
    assert_eq!(bench.sched.get(x).sleep_avg, 994_000_000);
    assert_eq!(bench.list(ArrayKind::Active, 116), "W X");
}

#[test]
fn a_wake_up_needs_a_state_in_the_mask_and_a_task_off_the_queue() {
    let asleep = TaskState::INTERRUPTIBLE;
    for (state, mask, woken) in [
        (TaskState::INTERRUPTIBLE, asleep, true),
        (TaskState::INTERRUPTIBLE | TaskState::STOPPED, asleep, true),
        (TaskState::UNINTERRUPTIBLE, asleep, false),
        (TaskState::STOPPED, TaskState::ANY_SLEEP, true),
        (TaskState::TRACED, TaskState::ANY_SLEEP, true),
        (TaskState::DEAD, TaskState::ANY_SLEEP, false),
        (TaskState::RUNNING, TaskState::ANY_SLEEP, false),
    ] {
        let mut bench = Bench::new();
        let task = bench.sleeper("T", 0, 0);
        bench.sched.get_mut(task).state = state;
        assert_eq!(
            bench.on(|s, ctx| s.try_to_wake_up(ctx, task, mask, Waker::GoesOn)),
            woken,
            "{state:?}"
        );
        assert_eq!(bench.sched.get(task).is_queued(), woken);
        assert_eq!(bench.sched.rq(0).nr_running, u32::from(woken));
    }
}

#[test]
fn a_task_that_has_only_announced_its_sleep_goes_on() {
    let mut bench = Bench::new();
    let task = bench.hog("T", 0, 0);
    bench.settle();
    bench.sched.get_mut(task).state = TaskState::INTERRUPTIBLE;
    assert!(!bench.irq_wake(task));
    let t = bench.sched.get(task);
    assert_eq!((t.state, t.activated), (TaskState::RUNNING, 0));
    assert_eq!(bench.sched.rq(0).nr_running, 1);
}

#[test]
fn only_a_better_task_preempts_and_a_sync_wake_up_never_does() {
    for (sleep_avg_ms, waker, preempts) in [
        (100, Waker::GoesOn, true),
        (99, Waker::GoesOn, false),
        (100, Waker::Sleeps, false),
    ] {
        let mut bench = Bench::new();
        bench.hog("H", 0, 0);
        let task = bench.sleeper("T", 0, sleep_avg_ms);
        bench.settle();
        bench.on(|s, ctx| s.try_to_wake_up(ctx, task, TaskState::ANY_SLEEP, waker));
        assert_eq!(
            bench.sched.need_resched(0),
            preempts,
            "{sleep_avg_ms} {waker:?}"
        );
    }
}

#[test]
fn activated_tells_how_the_task_was_woken() {
    check!(schedule_of_an_uninterruptible_task);
    let mut bench = Bench::new();
    let task = bench.hog("T", 0, 0);
    for (state, in_interrupt, activated) in [
        (TaskState::INTERRUPTIBLE, false, 1),
        (TaskState::INTERRUPTIBLE, true, 2),
        (TaskState::UNINTERRUPTIBLE, true, -1),
        (TaskState::UNINTERRUPTIBLE, false, -1),
        (TaskState::STOPPED, false, 1),
    ] {
        bench.settle();
        bench.sleep(state);
        let uninterruptible = i32::from(state == TaskState::UNINTERRUPTIBLE);
        assert_eq!(bench.sched.rq(0).nr_uninterruptible, uninterruptible);
        bench.in_interrupt = in_interrupt;
        bench.on(|s, ctx| s.wake_up_process(ctx, task));
        assert_eq!(bench.sched.get(task).activated, activated);
        assert_eq!(bench.sched.rq(0).nr_uninterruptible, 0);
    }
}

#[test]
fn a_pending_signal_keeps_a_task_from_an_interruptible_sleep() {
    check!(schedule_keeps_a_signalled_task);
    for (state, stays) in [
        (TaskState::INTERRUPTIBLE, true),
        (TaskState::UNINTERRUPTIBLE, false),
        (TaskState::STOPPED, false),
    ] {
        let mut bench = Bench::new();
        let task = bench.hog("T", 0, 0);
        bench.hog("H", 0, 0);
        bench.settle();
        bench.sched.get_mut(task).thread_flags |= ThreadFlags::SIGPENDING;
        bench.sleep(state);
        assert_eq!(bench.sched.get(task).is_queued(), stays, "{state:?}");
        let expected = if stays { TaskState::RUNNING } else { state };
        assert_eq!(bench.sched.get(task).state, expected);
        assert_eq!(bench.current(), if stays { "T" } else { "H" });
    }
}

#[test]
fn the_signalled_case_counts_as_voluntary_if_a_switch_follows() {
    let mut bench = Bench::new();
    let task = bench.hog("T", 0, 0);
    bench.settle();
    bench.hog("I", 0, 1000);
    bench.sched.get_mut(task).thread_flags |= ThreadFlags::SIGPENDING;
    bench.sleep(TaskState::INTERRUPTIBLE);
    assert_eq!(bench.current(), "I");
    let stat = bench.sched.stat(task);
    assert_eq!((stat.nvcsw, stat.nivcsw), (1, 0));
    assert!(bench.sched.get(task).is_queued());
}

#[test]
fn a_dying_task_leaves_for_good() {
    check!(schedule_of_a_dead_task);
    let mut bench = Bench::new();
    let task = bench.hog("T", 0, 0);
    bench.settle();
    bench.sched.get_mut(task).dead = true;
    bench.schedule();
    assert_eq!(bench.sched.get(task).state, TaskState::DEAD);
    assert!(!bench.irq_wake(task));
    bench.sched.remove(task);
    assert!(bench.sched.try_get(task).is_none());
}

#[test]
fn a_wake_up_on_another_cpu_is_timed_by_that_cpus_last_tick() {
    let mut bench = Bench::with_cpus(2);
    bench.settle();
    bench.cpu = 1;
    let task = bench.sleeper("T", 0, 0);
    bench.settle();
    // CPU 1 had its last tick 3 ms before CPU 0.
    bench.tick = 17;
    bench.scheduler_tick();
    (bench.cpu, bench.tick) = (0, 20);
    bench.scheduler_tick();
    assert!(bench.on(|s, ctx| s.try_to_wake_up(ctx, task, TaskState::ANY_SLEEP, Waker::Sleeps)));
    let t = bench.sched.get(task);
    assert_eq!((t.timestamp, t.sleep_avg, t.cpu), (17 * NS, 170_000_000, 1));
    // Sync or not, a task on another CPU preempts there.
    assert!(bench.sched.need_resched(1));
    assert!(!bench.sched.need_resched(0));
}

#[test]
fn real_time_tasks_gather_sleep_but_keep_their_priority() {
    let mut bench = Bench::new();
    let rt = bench.real_time("R", Policy::Fifo, 50);
    bench.settle();
    bench.sleep(TaskState::INTERRUPTIBLE);
    bench.tick = 20;
    bench.irq_wake(rt);
    let rt = bench.sched.get(rt);
    assert_eq!((rt.sleep_avg, rt.prio), (200_000_000, 49));
}
