//! Where a new task is queued, and what fork does to slices and sleep averages. "W1" and the like
//! are worked examples of `docs/fidelity.md`.

use crate::lab::{Lab, THREAD, switched_to};
use forklab::abi::{CloneFlags as F, TaskId};
use forklab::kernel::boot::Config;
use forklab::machine::Command;
use forklab::trace::{ArrayKind, Placement, TraceEvent};

/// Branch, whether an override forced it, and the child's list before and after.
type Placed = (Placement, bool, Vec<i32>, Vec<i32>);

fn clone_and_look(lab: &mut Lab, task: TaskId, flags: F) -> (TaskId, Placed) {
    let mark = lab.mark();
    let child = lab.clone(task, flags).unwrap();
    let branch = lab.events(mark, |record| match record.event {
        TraceEvent::SchedWakeupNew {
            placement, forced, ..
        } => Some((placement, forced)),
        _ => None,
    });
    let lists = lab.events(mark, |record| match record.event {
        TraceEvent::RunList { before, after, .. } => Some([before, after].map(|list| {
            let pids = lab.kernel().log.pids(list);
            pids.iter().map(|pid| pid.0).collect::<Vec<i32>>()
        })),
        _ => None,
    });
    let ([(placement, forced)], [[before, after]]) = (&branch[..], &lists[..]) else {
        panic!("one new task: {branch:?} {lists:?}");
    };
    (child, (*placement, *forced, before.clone(), after.clone()))
}

/// Puppet 2 acts; 3 and 4 spin behind it at the same priority.
fn three_spinning(config: Config) -> (Lab, TaskId) {
    let mut lab = Lab::with(config);
    let first = lab.spawn_spinning("a");
    for name in ["b", "c"] {
        lab.spawn_spinning(name);
    }
    (lab, first)
}

#[test]
fn a_new_task_is_queued_by_the_branch_that_fits() {
    let forced_tail = Config {
        child_runs_first: false,
        ..Config::default()
    };
    let forced = Config {
        parent_not_on_array: true,
        ..Config::default()
    };
    let plain = Config::default;
    for (config, flags, expected) in [
        (
            plain(),
            F::FORK,
            (Placement::BeforeParent, false, [2, 3, 4], [5, 2, 3, 4]),
        ),
        (
            plain(),
            F::CLONE_VM | F::FORK,
            (Placement::TailSharedVm, false, [2, 3, 4], [2, 3, 4, 5]),
        ),
        (
            plain(),
            F::VFORK,
            (Placement::TailSharedVm, false, [2, 3, 4], [2, 3, 4, 5]),
        ),
        (
            plain(),
            THREAD | F::FORK,
            (Placement::TailSharedVm, false, [2, 3, 4], [2, 3, 4, 5]),
        ),
        (
            plain(),
            F::CLONE_VFORK | F::FORK,
            (Placement::BeforeParent, false, [2, 3, 4], [5, 2, 3, 4]),
        ),
        (
            forced_tail.clone(),
            F::FORK,
            (Placement::TailByOption, true, [2, 3, 4], [2, 3, 4, 5]),
        ),
        (
            forced_tail,
            F::CLONE_VM | F::FORK,
            (Placement::TailSharedVm, false, [2, 3, 4], [2, 3, 4, 5]),
        ),
        (
            forced.clone(),
            F::FORK,
            (Placement::ParentNotQueued, true, [2, 3, 4], [2, 3, 4, 5]),
        ),
        (
            forced,
            F::CLONE_VM | F::FORK,
            (Placement::TailSharedVm, false, [2, 3, 4], [2, 3, 4, 5]),
        ),
    ] {
        let (mut lab, parent) = three_spinning(config);
        let (placement, forced, before, after) = expected;
        let expected = (placement, forced, before.to_vec(), after.to_vec());
        let (_, placed) = clone_and_look(&mut lab, parent, flags);
        assert_eq!(placed, expected, "{flags:#x}");
    }
}

/// W1: the child runs at once. W2: with shared memory, and by the option, the parent goes on.
#[test]
fn who_runs_after_a_fork() {
    for (child_runs_first, flags, child_runs) in [
        (true, F::FORK, true),
        (true, F::CLONE_VM | F::FORK, false),
        (false, F::FORK, false),
    ] {
        let (mut lab, parent) = three_spinning(Config {
            child_runs_first,
            ..Config::default()
        });
        let mark = lab.mark();
        let child = lab.clone(parent, flags).unwrap();
        let ran = lab.events(mark, switched_to);
        let expected = if child_runs {
            vec![lab.pid(child)]
        } else {
            vec![]
        };
        assert_eq!(ran, expected, "{flags:#x}");
    }
}

/// The child takes half of the slice, the larger one; the parent's last tick expires its slice.
#[test]
fn slices_are_split_and_a_last_tick_expires() {
    for (used, child, parent) in [(0, 50, 50), (1, 50, 49), (90, 5, 5), (97, 2, 1), (98, 1, 1)] {
        let (mut lab, sh) = three_spinning(Config::default());
        lab.tick(used);
        let kid = lab.clone(sh, F::CLONE_VM | F::FORK).unwrap();
        let slices = (lab.sched(kid).time_slice, lab.sched(sh).time_slice);
        assert_eq!(slices, (child, parent), "{used} ticks used");
    }
    let (mut lab, sh) = three_spinning(Config::default());
    lab.tick(99);
    let mark = lab.mark();
    let (kid, placed) = clone_and_look(&mut lab, sh, F::FORK);
    let expired = lab.events(mark, |record| match record.event {
        TraceEvent::TimesliceExpire { pid, to, slice, .. } => Some((pid.0, to, slice)),
        _ => None,
    });
    assert_eq!(expired, [(2, Some(ArrayKind::Expired), 100)]);
    // W4: the parent waits on the expired array, and its child before it.
    assert_eq!(
        placed,
        (Placement::BeforeParent, false, vec![2], vec![5, 2])
    );
    assert_eq!(lab.sched(kid).time_slice, 1);
    assert_eq!(lab.kernel().sched.array(kid), Some(ArrayKind::Expired));
}

/// Each fork cuts the parent's sleep average to a tenth; the child gets one bonus point less, but
/// the parent's priority if it goes before it.
#[test]
fn sleep_averages_lose_what_is_no_full_point() {
    for (average_ms, parent_ms, child_ms) in [
        (0, 0, 0),
        (99, 0, 0),
        (100, 100, 0),
        (650, 600, 500),
        (1000, 1000, 900),
    ] {
        let (mut lab, sh) = three_spinning(Config::default());
        lab.machine.kernel.sched.get_mut(sh).sleep_avg = average_ms * 1_000_000;
        let kid = lab.clone(sh, F::FORK).unwrap();
        let averages = [sh, kid].map(|task| lab.sched(task).sleep_avg / 1_000_000);
        assert_eq!(averages, [parent_ms, child_ms], "{average_ms} ms");
        assert_eq!(lab.sched(kid).prio, lab.sched(sh).prio);
    }
}

/// A child on another CPU goes to the tail of its active array and runs there.
#[test]
fn a_child_on_another_cpu_runs_there_beside_its_parent() {
    for (flags, cpu, placement) in [
        (F::FORK, Some(1), Placement::OtherCpu),
        (F::CLONE_VM | F::FORK, Some(1), Placement::OtherCpu),
        (F::FORK, Some(0), Placement::BeforeParent),
        (F::FORK, None, Placement::BeforeParent),
    ] {
        let mut lab = Lab::with(Config {
            cpus: 2,
            ..Config::default()
        });
        let parent = lab.spawn_spinning("a");
        lab.machine.apply(Command::ForkCpu(cpu)).unwrap();
        let (child, placed) = clone_and_look(&mut lab, parent, flags);
        assert_eq!(placed.0, placement, "{flags:#x} {cpu:?}");
        let there = cpu.unwrap_or(0);
        assert_eq!(u32::from(lab.sched(child).cpu), there);
        assert_eq!(lab.kernel().sched.current(there as usize), child);
        if there == 1 {
            assert_eq!(lab.kernel().sched.current(0), parent);
        }
        lab.check();
        lab.exit(child, 0);
        assert!(matches!(
            lab.wait(parent, -1, 0),
            crate::lab::Waited::Reaped(..)
        ));
    }
}

/// CLONE_STOPPED: no runqueue at all, and a half slice waits for the day.
#[test]
fn a_stopped_child_is_on_no_runqueue() {
    let (mut lab, parent) = three_spinning(Config::default());
    let mark = lab.mark();
    let child = lab.clone(parent, F::CLONE_STOPPED | F::FORK).unwrap();
    let woken = lab.events(mark, |record| match record.event {
        TraceEvent::SchedWakeupNew { .. } => Some(()),
        _ => None,
    });
    assert_eq!(woken, []);
    assert_eq!(lab.kernel().sched.array(child), None);
    assert_eq!(lab.sched(child).time_slice, 50);
}

/// What is left of a first slice goes back to the parent when the child is reaped, not before.
#[test]
fn a_first_slice_is_given_back_at_the_reaping() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    assert_eq!(lab.sched(sh).time_slice, 50);
    lab.exit(child, 0);
    assert_eq!(lab.sched(sh).time_slice, 50);
    assert!(matches!(
        lab.wait(sh, -1, 0),
        crate::lab::Waited::Reaped(..)
    ));
    assert_eq!(lab.sched(sh).time_slice, 100);
}

/// The parent of the moment gets the slice: of a sibling or a thread, not its creator.
#[test]
fn the_slice_goes_to_the_parent_and_not_to_the_creator() {
    for flags in [F::CLONE_PARENT | F::FORK, THREAD | F::FORK] {
        let (mut lab, sh) = Lab::with_shell();
        let creator = lab.fork(sh);
        let made = lab.clone(creator, flags).unwrap();
        let before = [sh, creator].map(|task| lab.sched(task).time_slice);
        assert_eq!((before, lab.sched(made).time_slice), ([50, 25], 25));
        lab.exit(made, 0);
        if lab.exists(made) {
            let pid = lab.pid(made);
            lab.wait(sh, pid, 0);
        }
        let after = [sh, creator].map(|task| lab.sched(task).time_slice);
        assert_eq!(after, [75, 25], "{flags:#x}");
    }
}
