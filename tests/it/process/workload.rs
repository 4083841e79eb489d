//! Tasks that follow steps: forks of every kind, memory, and reaping themselves.

use crate::lab::{Lab, exit_signal};
use forklab::abi::{CloneFlags as F, Pid, Signal, TaskId, TaskState};
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::syscall::{PtraceArgs, Syscall};
use forklab::machine::{Command, Reply, Stop};
use forklab::trace::TraceEvent;

fn find(lab: &Lab, pid: i32) -> Option<TaskId> {
    lab.kernel().pid_hash().find(Pid(pid))
}

fn name(lab: &Lab, task: TaskId) -> &str {
    lab.kernel().names.get(lab.kernel().comm(task))
}

#[test]
fn children_of_workloads_reap_themselves_and_give_their_slice_back_at_once() {
    for step in ["fork kid kid", "fork_vm kid kid", "vfork kid kid"] {
        let mut lab = Lab::boot();
        let steps = [step, "run 1", "sleep 1", "run 50"];
        let parent = lab.workload("P", &steps, &[("kid", &["exit"])]);
        lab.tick(1);
        assert_eq!(find(&lab, 3), None, "{step}");
        // 50 left after the fork and 50 given back, less the tick of its own. With shared memory the
        // child comes last: it runs when the parent sleeps.
        assert_eq!(lab.sched(parent).time_slice, 99, "{step}");
        lab.check();
    }
}

/// While a vfork child runs its parent does not; an exec of the child frees it.
#[test]
fn a_vfork_parent_waits_in_time() {
    for (script, resumes) in [
        (&["run 10", "exit"][..], 10),
        (&["run 4", "exec sh"][..], 4),
        (&["run 3", "exec nobody", "run 3", "exit"][..], 6),
    ] {
        let mut lab = Lab::boot();
        let parent = lab.workload("P", &["vfork kid kid", "run 5"], &[("kid", script)]);
        for tick in 0..resumes {
            assert_ne!(lab.kernel().sched.current(0), parent, "{script:?} {tick}");
            lab.tick(1);
        }
        assert_eq!(lab.kernel().sched.current(0), parent, "{script:?}");
    }
}

/// A child of a workload that becomes a puppet can be used as one.
#[test]
fn exec_turns_a_workload_into_a_puppet_and_back() {
    let mut lab = Lab::boot();
    lab.workload("P", &["fork kid kid", "block"], &[("kid", &["exec sh"])]);
    let kid = find(&lab, 3).unwrap();
    assert_eq!(
        (lab.machine.user_mode(kid), name(&lab, kid)),
        ("puppet", "sh")
    );
    let exec = Syscall::Execve("true".into());
    lab.act(kid, forklab::machine::Action::Syscall(exec))
        .unwrap();
    assert!(
        !lab.exists(kid),
        "true exits at once, and its parent ignores SIGCHLD"
    );
}

/// Memory steps: a fork copies nothing, the first touch of either side does.
#[test]
fn workloads_map_touch_and_copy_on_write() {
    let mut lab = Lab::boot();
    let steps = [
        "map 0x50000000 4",
        "touch 0x50000000 4",
        "fork kid kid",
        "run 10",
        "touch 0x50000000 1",
        "block",
    ];
    let kid = ["touch 0x50000000 2", "run 20", "exit"];
    lab.workload("P", &steps, &[("kid", &kid)]);
    assert_eq!(
        (lab.kernel().stat.cow_copies, lab.kernel().stat.anon_pages),
        (2, 4)
    );
    lab.tick(40);
    assert_eq!(
        (lab.kernel().stat.cow_copies, lab.kernel().stat.cow_reuses),
        (2, 1)
    );
    let wild = lab.workload("wild", &["touch 0x60000000 1", "block"], &[]);
    assert!(!lab.exists(wild), "a wild write ends it");
}

#[test]
fn block_and_wake_meet_by_name() {
    let mut lab = Lab::boot();
    let sleeper = lab.workload(
        "S",
        &["nice -5", "block", "sleep 1000", "io 1000", "block"],
        &[],
    );
    let waker = [
        "run 2",
        "wake S",
        "run 2",
        "wake S",
        "run 2",
        "wake S",
        "wake nobody",
    ];
    lab.workload("W", &waker, &[]);
    let mark = lab.mark();
    lab.tick(10);
    let wakes = lab.events(mark, |record| match record.event {
        TraceEvent::SchedWakeup { .. } => Some(record.stamp.tick),
        _ => None,
    });
    assert_eq!(wakes, [2, 4, 6]);
    assert_eq!(lab.task(sleeper).in_call.timer(), None);
    let stop = lab.machine.apply(Command::Run(5000)).unwrap();
    assert_eq!(stop, Reply::Stopped(Stop::Idle), "no timer is left");
}

/// Two programs of the same name behind a busy CPU: each task runs its own.
#[test]
fn workloads_of_one_name_keep_their_own_steps() {
    let mut lab = Lab::boot();
    lab.workload("hog", &["run 20"], &[]);
    let first = lab.workload("twin", &["io 500"], &[]);
    let second = lab.workload("twin", &["sleep 500"], &[]);
    lab.tick(30);
    let states = [first, second].map(|task| lab.sched(task).state.name());
    assert_eq!(states, ["disk sleep", "sleeping"]);
    lab.tick(1000);
    assert!(!lab.exists(first) && !lab.exists(second));
}

/// A signal ends a timed sleep, its timer and here its sleeper.
#[test]
fn a_signal_ends_a_timed_sleep_and_its_timer() {
    let mut lab = Lab::boot();
    let sh = lab.try_spawn(SpawnArgs::new("sh", 0), false).unwrap();
    let sleeper = lab.fork(sh);
    let parent = lab.fork(sleeper);
    let child = lab
        .clone(
            parent,
            F::CLONE_PARENT | exit_signal(Signal::SIGUSR1.number()),
        )
        .unwrap();
    lab.workload("naps", &["exit"], &[]);
    // Its sibling's end will be SIGUSR1 to the sleeper, for root may kill anyone.
    let nap = Syscall::Execve("naps".into());
    let program = ["sleep 100", "exit"];
    lab.workload("naps", &program, &[]);
    lab.act(sleeper, forklab::machine::Action::Syscall(nap))
        .unwrap();
    assert_eq!(lab.task(sleeper).in_call.timer(), Some(100));
    let pid = lab.pid(sleeper);
    lab.tick(5);
    lab.exit(child, 0);
    assert_eq!(lab.wait(sh, -1, 0), crate::lab::Waited::Reaped(pid, 10));
    lab.check();
    lab.tick(200);
}

#[test]
fn a_workload_may_have_the_name_of_a_program() {
    let mut lab = Lab::boot();
    lab.workload("sh", &["run 5"], &[]);
    lab.tick(5);
    let sh = lab.spawn("sh");
    assert_eq!(lab.machine.user_mode(sh), "puppet");
}

/// The child of a workload that a tracer held up before it forked follows its own steps.
#[test]
fn a_workload_that_is_held_up_before_it_forks_has_a_workload_for_a_child() {
    let mut lab = Lab::boot();
    let sh = lab.spawn_as("sh", 0);
    let parent = lab.workload(
        "P",
        &["sleep 5", "fork kid kid", "block"],
        &[("kid", &["block"])],
    );
    let trace = |lab: &mut Lab, request| {
        let pid = lab.pid(parent);
        let args = PtraceArgs {
            request,
            pid,
            addr: 0,
            data: 0,
        };
        assert_eq!(lab.call(sh, Syscall::Ptrace(args)), 0);
    };
    trace(&mut lab, 16);
    trace(&mut lab, 24);
    lab.tick(10);
    assert_eq!(find(&lab, 4), None, "it has stopped before the call");
    trace(&mut lab, 17);
    lab.tick(10);
    let kid = find(&lab, 4).unwrap();
    assert_eq!(
        (lab.machine.user_mode(kid), name(&lab, kid)),
        ("workload", "kid")
    );
    assert!(lab.sched(kid).state.contains(TaskState::INTERRUPTIBLE));
}
