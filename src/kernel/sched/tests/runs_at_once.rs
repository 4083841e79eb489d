//! The answer to "would it run at once?", against what then really happens.

use super::*;

fn ask(bench: &mut Bench, id: TaskId) -> Result<(), WhyNotKind> {
    bench
        .on(|s, ctx| s.runs_at_once(ctx.cpu, ctx.now, id))
        .map_err(|why| why.kind)
}

#[test]
fn a_sleeper_runs_at_once_if_it_beats_the_running_task() {
    for (sleep_avg_ms, slept, answer) in [
        (100, 0, Ok(())),
        (99, 0, Err(WhyNotKind::CurrentHolds)),
        (0, 10, Ok(())),
        (0, 9, Err(WhyNotKind::CurrentHolds)),
        // Example W5: the long sleep wraps to nothing.
        (0, 430, Err(WhyNotKind::CurrentHolds)),
    ] {
        let mut bench = Bench::new();
        bench.hog("H", 0, 0);
        let task = bench.sleeper("T", 0, sleep_avg_ms);
        bench.run_to(slept);
        assert_eq!(
            ask(&mut bench, task),
            answer,
            "{sleep_avg_ms} ms, slept {slept}"
        );
    }
}

#[test]
fn an_idle_cpu_takes_anyone_who_sleeps_interruptibly() {
    for (state, answer) in [
        (TaskState::INTERRUPTIBLE, Ok(())),
        (
            TaskState::UNINTERRUPTIBLE,
            Err(WhyNotKind::NotInterruptible(TaskState::UNINTERRUPTIBLE)),
        ),
        (
            TaskState::STOPPED,
            Err(WhyNotKind::NotInterruptible(TaskState::STOPPED)),
        ),
    ] {
        let mut bench = Bench::new();
        bench.settle();
        let task = bench.sleeper("T", 19, 0);
        bench.sched.get_mut(task).state = state;
        assert_eq!(ask(&mut bench, task), answer);
    }
}

#[test]
fn a_runnable_task_runs_at_once_if_it_runs_or_an_idle_cpu_is_about_to_pick_it() {
    let mut bench = Bench::new();
    let a = bench.hog("A", 0, 0);
    let b = bench.hog("B", 0, 0);
    assert_eq!(ask(&mut bench, a), Ok(()));
    assert_eq!(ask(&mut bench, b), Err(WhyNotKind::Queued));
    bench.settle();
    assert_eq!(ask(&mut bench, a), Ok(()));
    assert_eq!(ask(&mut bench, b), Err(WhyNotKind::Queued));
}

#[test]
fn an_equal_that_was_woken_before_stands_ahead() {
    let mut bench = Bench::new();
    bench.hog("H", 0, 0);
    bench.settle();
    let [a, b] = ["A", "B"].map(|name| bench.sleeper(name, 0, 500));
    bench.irq_wake(a);
    let ahead = WhyNotKind::QueuedAhead { prio: 120 };
    assert_eq!(ask(&mut bench, b), Err(ahead));
}

#[test]
fn the_reason_names_the_holder_and_how_long_it_may_go_on() {
    let mut bench = Bench::new();
    let hog = bench.hog("H", 0, 0);
    let task = bench.sleeper("T", 0, 0);
    bench.run_to(5);
    let why = bench
        .on(|s, ctx| s.runs_at_once(ctx.cpu, ctx.now, task))
        .unwrap_err();
    let expected = WhyNot {
        kind: WhyNotKind::CurrentHolds,
        prio_after_wake: 125,
        curr: hog,
        curr_prio: 125,
        holds: 95,
    };
    assert_eq!(why, expected);
}
