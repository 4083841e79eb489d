//! Run times and waits as schedstat counts them.

use super::*;
use crate::kernel::sched::{RqSchedInfo, SchedInfo};

fn figures(bench: &Bench, id: TaskId) -> (u32, u32, u32) {
    let SchedInfo {
        cpu_time,
        run_delay,
        pcnt,
        ..
    } = bench.sched.stat(id).sched_info;
    (cpu_time, run_delay, pcnt)
}

/// Example W12: what three hogs have just after the switch at 300. The example has them queued at a
/// time that is not 0, so they are queued at tick 1 here.
#[test]
fn three_hogs_after_their_first_round() {
    let mut bench = Bench::new();
    bench.settle();
    bench.run_to(1);
    let hogs = ["A", "B", "C"].map(|name| bench.hog(name, 0, 0));
    bench.sched.resched_idle(0);
    bench.settle();
    let before = bench.sched.rq(0).stat;
    bench.run_to(301);
    assert_eq!(bench.current(), "A");
    let all = hogs.map(|id| figures(&bench, id));
    assert_eq!(all, [(100, 200, 2), (100, 100, 1), (100, 200, 1)]);
    let stat = bench.sched.rq(0).stat;
    assert_eq!(stat.sched_cnt - before.sched_cnt, 3);
    assert_eq!(stat.sched_switch, 1);
    let sums = RqSchedInfo {
        cpu_time: 300,
        run_delay: 500,
        pcnt: 4,
    };
    assert_eq!(stat.sched_info, sums);
}

/// A wait after a preemption does not count, nor does one that begins when jiffies is 0.
#[test]
fn what_run_delay_leaves_out() {
    let mut bench = Bench::new();
    let hog = bench.hog("H", 0, 0);
    let late = bench.hog("L", 0, 0);
    bench.settle();
    bench.run_to(50);
    let good = bench.sleeper("G", 0, 900);
    bench.irq_wake(good);
    bench.settle();
    assert_eq!(bench.current(), "G");
    bench.run_to(55);
    bench.sleep(TaskState::INTERRUPTIBLE);
    bench.settle();
    bench.run_to(105);
    assert_eq!(bench.current(), "L");
    assert_eq!(figures(&bench, hog), (100, 0, 2));
    assert_eq!(figures(&bench, late), (0, 0, 1));
    assert_eq!(figures(&bench, good), (5, 0, 1));
}

/// An idle CPU sees a load of one task at first, and takes the second of two CPU-bound tasks at its
/// second check; then the load is balanced.
#[test]
fn balancing_is_counted_by_what_came_of_it() {
    let mut bench = Bench::with_cpus(2);
    bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.settle_all();
    bench.tick_all();
    let idle = bench.sched.domains(1)[0].stat.lb[0];
    assert_eq!((idle.lb_cnt, idle.lb_balanced, idle.lb_nobusyg), (1, 1, 1));
    bench.tick_all();
    let idle = bench.sched.domains(1)[0].stat.lb[0];
    assert_eq!((idle.lb_cnt, idle.lb_balanced, idle.lb_nobusyg), (2, 1, 1));
    assert_eq!((idle.lb_imbalance, idle.lb_gained), (1, 1));
    assert_eq!((idle.lb_failed, idle.lb_hot_gained), (0, 1));
    while bench.tick < 300 {
        bench.tick_all();
    }
    for cpu in 0..2 {
        let lb = bench.sched.domains(cpu)[0].stat.lb;
        let busy = lb[1];
        assert!(busy.lb_cnt > 0);
        assert_eq!(
            (busy.lb_nobusyg, busy.lb_balanced),
            (busy.lb_cnt, busy.lb_cnt)
        );
        assert_eq!(lb[2].lb_gained, 0);
    }
}

/// `kernel/sched.c`, `sched_info_queued()`: the start of a wait is kept until the task gets the CPU,
/// however often it is put in another list in between.
#[test]
fn a_wait_begins_when_the_task_is_queued_first() {
    let mut bench = Bench::new();
    bench.run_to(10);
    bench.hog("H", 0, 0);
    let late = bench.hog("L", 0, 0);
    bench.sched.resched_idle(0);
    bench.settle();
    assert_eq!(bench.current(), "H");
    bench.run_to(30);
    bench.on(|s, ctx| s.set_user_nice(ctx, late, 19));
    assert_eq!(bench.sched.stat(late).sched_info.last_queued, 10);
    bench.run_to(110);
    assert_eq!(bench.current(), "L");
    assert_eq!(figures(&bench, late), (0, 100, 1));
    assert_eq!(bench.sched.stat(late).sched_info.last_queued, 0);
}

/// Of a sleeper on CPU 0: its runqueue's wake-ups, the local ones of them, and what the domain of
/// the waker's CPU has counted.
fn wake_ups(cpu: usize, before: impl FnOnce(&mut Bench)) -> ([u32; 2], [u32; 3]) {
    let mut bench = Bench::with_cpus(2);
    let sleeper = bench.sleeper("S", 0, 0);
    before(&mut bench);
    bench.cpu = cpu;
    assert!(bench.irq_wake(sleeper));
    let (rq, sd) = (bench.sched.rq(0).stat, bench.sched.domains(cpu)[0].stat);
    let remote = [
        sd.ttwu_wake_remote,
        sd.ttwu_move_affine,
        sd.ttwu_move_balance,
    ];
    ([rq.ttwu_cnt, rq.ttwu_local], remote)
}

/// `kernel/sched.c`, `try_to_wake_up()`: a sleeper moves to the waker's CPU if it is cold on its own,
/// or if the waker's CPU has less to do; it stays if that one is busy and its own is idle.
#[test]
fn wake_ups_are_counted_by_what_became_of_them() {
    assert_eq!(wake_ups(0, |_| ()), ([1, 1], [0, 0, 0]));
    assert_eq!(wake_ups(1, |_| ()), ([1, 0], [1, 0, 1]));
    let cold = |bench: &mut Bench| (0..10).for_each(|_| bench.tick_all());
    assert_eq!(wake_ups(1, cold), ([1, 0], [1, 1, 0]));
    let busy = |bench: &mut Bench| {
        bench.cpu = 1;
        bench.hog("B", 0, 0);
    };
    assert_eq!(wake_ups(1, busy), ([1, 0], [1, 0, 0]));
    // A kernel for one CPU does not count them.
    let mut bench = Bench::new();
    let sleeper = bench.sleeper("S", 0, 0);
    assert!(bench.irq_wake(sleeper));
    assert_eq!(bench.sched.rq(0).stat.ttwu_cnt, 0);
}
