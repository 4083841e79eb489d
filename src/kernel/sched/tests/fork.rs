//! Fork and exit: the split slice, every branch of `wake_up_new_task`, what comes back.

use super::*;
use crate::trace::Placement::{
    BeforeParent, OtherCpu, ParentNotQueued, TailByOption, TailSharedVm,
};
use crate::trace::TraceFilter;
use cov_mark::check;

const MS: u32 = NS_PER_TICK;

fn one_hog(sleep_avg_ms: u32, slice: u32) -> (Bench, TaskId) {
    let mut bench = Bench::new();
    let parent = bench.hog("P", 0, sleep_avg_ms);
    bench.settle();
    bench.sched.get_mut(parent).time_slice = slice;
    (bench, parent)
}

/// Scheduler example W1.
#[test]
fn the_slice_is_split_with_the_odd_tick_for_the_child() {
    for (before, child_slice, parent_slice) in [
        (100, 50, 50),
        (101, 51, 50),
        (3, 2, 1),
        (2, 1, 1),
        (1, 1, 100),
    ] {
        let (mut bench, parent) = one_hog(0, before);
        let child = bench.fork("C", true, Overrides::default());
        assert_eq!(bench.sched.get(child).time_slice, child_slice);
        assert!(bench.sched.get(child).first_time_slice);
        assert_eq!(bench.sched.get(parent).time_slice, parent_slice);
        assert_eq!(bench.sched.need_resched(0), before == 1);
    }
}

/// Scheduler example W2.
#[test]
fn a_parent_that_expires_in_fork_takes_its_child_to_the_expired_array() {
    let (mut bench, parent) = one_hog(0, 1);
    bench.tick = 7;
    let child = bench.fork("C", false, Overrides::default());
    assert_eq!(bench.list(ArrayKind::Expired, 125), "C P");
    let (c, p) = (bench.sched.get(child), bench.sched.get(parent));
    assert_eq!((c.time_slice, p.time_slice), (1, 100));
    let rq = bench.sched.rq(0);
    assert_eq!((rq.expired_timestamp, rq.best_expired_prio), (7, 120));
}

#[test]
fn the_tick_that_fork_charges_to_a_real_time_parent() {
    for (policy, slice, list) in [(Policy::Fifo, 1, "P X"), (Policy::RoundRobin, 100, "X P")] {
        let mut bench = Bench::new();
        let parent = bench.real_time("P", policy, 10);
        bench.real_time("X", policy, 10);
        bench.settle();
        bench.sched.get_mut(parent).time_slice = 1;
        let child = bench.ids.insert(());
        bench.sched.dup(parent, child, Pid(9));
        bench.on(|s, ctx| s.sched_fork(ctx, parent, child));
        assert_eq!(bench.sched.get(parent).time_slice, slice, "{policy:?}");
        assert_eq!(bench.list(ArrayKind::Active, 89), list, "{policy:?}");
    }
}

/// Scheduler example W3.
#[test]
fn a_forked_child_runs_before_its_parent_and_a_thread_after_everyone() {
    check!(new_task_before_its_parent);
    check!(new_task_that_shares_memory);
    for (clone_vm, list, schedule) in [
        (false, "C P X", "P 0, C 0, P 51, X 101, C 201"),
        (true, "P X C", "P 0, X 50, C 150, P 201"),
    ] {
        let (mut bench, _) = one_hog(0, 101);
        bench.hog("X", 0, 0);
        bench.fork("C", clone_vm, Overrides::default());
        assert_eq!(bench.list(ArrayKind::Active, 125), list);
        bench.run_to(201);
        assert_eq!(bench.schedule_text(), schedule);
    }
}

/// Scheduler example W4.
#[test]
fn fork_rounds_the_parents_sleep_average_and_the_child_gets_one_step_less() {
    for (before, child_ms, parent_ms) in [
        (0, 0, 0),
        (199, 0, 100),
        (250, 100, 200),
        (950, 800, 900),
        (1000, 900, 1000),
    ] {
        let (mut bench, parent) = one_hog(before, 100);
        let child = bench.fork("C", true, Overrides::default());
        assert_eq!(bench.sched.get(child).sleep_avg, child_ms * MS);
        assert_eq!(bench.sched.get(parent).sleep_avg, parent_ms * MS);
    }
}

#[test]
fn the_child_before_its_parent_takes_over_the_parents_stale_priority() {
    let (mut bench, parent) = one_hog(1000, 100);
    bench.sched.get_mut(parent).sleep_avg = 0;
    let child = bench.fork("C", false, Overrides::default());
    let child = bench.sched.get(child);
    assert_eq!((child.prio, child.sleep_avg), (115, 0));
    assert_eq!(effective_prio(child).prio, 125);
    assert!(bench.sched.need_resched(0));
}

#[test]
fn a_thread_with_a_better_priority_than_its_parent_still_does_not_preempt() {
    let (mut bench, parent) = one_hog(0, 100);
    bench.sched.get_mut(parent).sleep_avg = NS_MAX_SLEEP_AVG;
    let child = bench.fork("C", true, Overrides::default());
    assert_eq!(bench.sched.get(child).prio, 116);
    assert_eq!(bench.sched.get(parent).prio, 125);
    assert!(!bench.sched.need_resched(0));
}

/// Nothing forced, the parent on no array, the parent first, and the child on CPU 1.
fn overrides() -> [Overrides; 4] {
    let none = Overrides::default();
    let parent_not_on_array = Overrides {
        parent_not_on_array: true,
        ..none
    };
    let parent_first = Overrides {
        child_runs_first: false,
        ..none
    };
    let other_cpu = Overrides {
        fork_cpu: Some(1),
        ..none
    };
    [none, parent_not_on_array, parent_first, other_cpu]
}

#[test]
fn which_branch_wake_up_new_task_takes_and_whether_it_was_forced() {
    let [none, off_array, parent_first, _] = overrides();
    for (clone_vm, same_cpu, parent_queued, overrides, placement, forced) in [
        (false, true, true, none, BeforeParent, false),
        (false, true, false, none, ParentNotQueued, false),
        (false, true, true, off_array, ParentNotQueued, true),
        (false, true, false, off_array, ParentNotQueued, false),
        (false, true, true, parent_first, TailByOption, true),
        (false, false, true, none, OtherCpu, true),
        (false, false, true, parent_first, OtherCpu, true),
        (true, true, true, none, TailSharedVm, false),
        (true, true, false, none, TailSharedVm, false),
        (true, true, true, off_array, TailSharedVm, false),
        (true, true, true, parent_first, TailSharedVm, false),
        (true, false, true, none, OtherCpu, true),
    ] {
        let child = NewChild {
            clone_vm,
            same_cpu,
            parent_queued,
        };
        let verdict = wake_new_placement(child, &overrides);
        assert_eq!(verdict, WakeNewVerdict { placement, forced });
    }
}

#[test]
fn every_branch_puts_the_child_in_its_place() {
    check!(new_task_at_the_tail_by_option);
    check!(new_task_of_a_parent_on_no_array);
    let [none, off_array, parent_first, other_cpu] = overrides();
    for (clone_vm, overrides, placement, list, resched) in [
        (false, none, BeforeParent, "C P X", true),
        (true, none, TailSharedVm, "P X C", false),
        (false, off_array, ParentNotQueued, "P X C", true),
        (false, parent_first, TailByOption, "P X C", false),
        (false, other_cpu, OtherCpu, "P X", false),
        (true, other_cpu, OtherCpu, "P X", false),
    ] {
        let mut bench = Bench::with_cpus(2);
        bench.hog("P", 0, 0);
        bench.hog("X", 0, 0);
        bench.settle();
        let child = bench.fork("C", clone_vm, overrides);
        assert_eq!(bench.list(ArrayKind::Active, 125), list, "{placement:?}");
        assert_eq!(bench.sched.need_resched(0), resched, "{placement:?}");
        let noted = bench.log.records().find_map(|r| match r.event {
            TraceEvent::SchedWakeupNew { placement, .. } => Some(placement),
            _ => None,
        });
        assert_eq!(noted, Some(placement));
        let nr_running = [0, 1].map(|cpu| bench.sched.rq(cpu).nr_running());
        let (cpu, expected) = if placement == OtherCpu {
            (1, [2, 1])
        } else {
            (0, [3, 0])
        };
        assert_eq!((bench.sched.get(child).cpu, nr_running), (cpu, expected));
    }
}

/// A fork by a task that is on no array, such as the boot task. Scheduler example W24.
#[test]
fn the_boot_task_forks_init() {
    let mut bench = Bench::new();
    let boot = bench.sched.current(0);
    let swapper = SchedTask::new(Pid(0), bench.names.intern("swapper"));
    bench.sched.insert(boot, swapper);
    bench.sched.get_mut(boot).prio = 140;
    bench.sched.get_mut(boot).thread_flags = ThreadFlags::empty();
    let init = bench.fork("init", true, Overrides::default());
    let task = bench.sched.get(init);
    assert_eq!(
        (task.time_slice, task.prio, task.first_time_slice),
        (500, 125, true)
    );
    assert!(!bench.sched.need_resched(0));
    assert_eq!(bench.sched.get(boot).time_slice, 500);
    let other = bench.fork("other", false, Overrides::default());
    assert_eq!(bench.list(ArrayKind::Active, 125), "init other");
    assert_eq!(bench.sched.array(other), Some(ArrayKind::Active));
    assert!(bench.sched.need_resched(0));
}

#[test]
fn a_child_on_another_cpu_preempts_there_if_it_is_better() {
    check!(new_task_on_another_cpu);
    check!(new_task_preempts_on_another_cpu);
    for (sleep_avg_ms, preempts) in [(0, false), (1000, true)] {
        let mut bench = Bench::with_cpus(2);
        bench.cpu = 1;
        bench.hog("H", 0, 0);
        bench.settle();
        bench.tick = 30;
        bench.scheduler_tick();
        bench.cpu = 0;
        bench.tick = 40;
        bench.hog("P", 0, sleep_avg_ms);
        bench.settle();
        bench.scheduler_tick();
        bench.settle();
        let overrides = Overrides {
            fork_cpu: Some(1),
            ..Overrides::default()
        };
        let child = bench.fork("C", false, overrides);
        assert_eq!(bench.sched.need_resched(1), preempts);
        assert!(!bench.sched.need_resched(0));
        assert_eq!(bench.sched.get(child).timestamp, 30 * u64::from(MS));
    }
}

#[test]
fn the_list_is_shown_before_and_after_but_only_around_the_parent() {
    let mut bench = Bench::new();
    let parent = bench.hog("P", 0, 0);
    bench.settle();
    for _ in 0..20 {
        bench.hog("X", 0, 0);
    }
    bench.sched.rqs[0]
        .array_mut(0)
        .requeue(&mut bench.sched.tasks, parent);
    bench.fork("C", false, Overrides::default());
    let shown = bench.log.records().find_map(|r| match r.event {
        TraceEvent::RunList { before, after, .. } => Some((before, after)),
        _ => None,
    });
    let (before, after) = shown.unwrap();
    let pids = |list| bench.log.pids(list).iter().map(|p| p.0).collect::<Vec<_>>();
    // The idle task has slot 1, P is 2, the twenty others 3..=22, C is 23.
    assert_eq!(pids(before), [15, 16, 17, 18, 19, 20, 21, 22, 2]);
    assert_eq!(pids(after), [15, 16, 17, 18, 19, 20, 21, 22, 23, 2]);
    assert!(before.cut_before && !before.cut_after);
}

#[test]
fn event_numbers_do_not_depend_on_the_filter() {
    let counts = [TraceFilter::ALL, TraceFilter::NONE].map(|filter| {
        let (mut bench, _) = one_hog(0, 100);
        bench.log.filter = filter;
        bench.fork("C", false, Overrides::default());
        bench.settle();
        bench.log.event_seq()
    });
    assert_eq!(counts[0], counts[1]);
}

#[test]
fn a_child_starts_with_clean_flags_and_counters() {
    let (mut bench, parent) = one_hog(0, 100);
    let task = bench.sched.get_mut(parent);
    task.thread_flags = ThreadFlags::SIGPENDING | ThreadFlags::SYSCALL_TRACE;
    task.activated = 2;
    let stat = bench.sched.tasks.stat_mut(parent);
    (stat.nvcsw, stat.nivcsw, stat.sched_time) = (3, 4, 5);
    let child = bench.fork("C", true, Overrides::default());
    let stat = *bench.sched.stat(child);
    let clean = SchedStat {
        queued_by: stat.queued_by,
        context: stat.context,
        ..SchedStat::default()
    };
    assert_eq!(stat, clean);
    let child = bench.sched.get(child);
    assert_eq!(child.thread_flags, ThreadFlags::empty());
    assert_eq!(child.activated, 2);
}

/// Scheduler example W11.
#[test]
fn an_exit_gives_the_rest_of_a_first_slice_back() {
    for (parent_slice, child_nice, child_slice, first, after) in [
        (30, 0, 50, true, 80),
        (90, 0, 50, true, 100),
        (90, 0, 50, false, 90),
        (150, 19, 5, true, 5),
    ] {
        let mut bench = Bench::new();
        let [parent, child] =
            [("P", 0), ("C", child_nice)].map(|(n, nice)| bench.sleeper(n, nice, 0));
        bench.sched.get_mut(parent).time_slice = parent_slice;
        bench.sched.get_mut(child).time_slice = child_slice;
        bench.sched.get_mut(child).first_time_slice = first;
        bench.on(|s, ctx| s.sched_exit(ctx, child, parent));
        assert_eq!(bench.sched.get(parent).time_slice, after);
    }
}

/// Scheduler example W11.
#[test]
fn a_child_that_slept_less_lowers_the_parents_sleep_average() {
    for (parent_ns, child_ns, after) in [
        (800 * MS, 100 * MS, 625 * MS),
        (800 * MS, 800 * MS, 800 * MS),
        (500 * MS, 900 * MS, 500 * MS),
        (7, 3, 3),
    ] {
        let mut bench = Bench::new();
        let [parent, child] = ["P", "C"].map(|name| bench.sleeper(name, 0, 0));
        bench.sched.get_mut(parent).sleep_avg = parent_ns;
        bench.sched.get_mut(child).sleep_avg = child_ns;
        bench.on(|s, ctx| s.sched_exit(ctx, child, parent));
        assert_eq!(bench.sched.get(parent).sleep_avg, after);
    }
}
