//! Too few pids, tasks or frames: clean errors, nothing lost, and a machine that stays usable.

use crate::lab::{Lab, THREAD, Waited};
use forklab::abi::{CloneFlags as F, Errno, Pid, Resource, TaskId};
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::syscall::ForkRefusal;
use forklab::machine::Refusal;
use forklab::trace::{CloneRefusal, TraceEvent};

/// Forks until it fails; children and error.
fn fork_until_it_fails(lab: &mut Lab, task: TaskId) -> (Vec<TaskId>, Errno) {
    let mut children = Vec::new();
    loop {
        match lab.clone(task, F::FORK) {
            Ok(child) => children.push(child),
            Err(errno) => return (children, errno),
        }
    }
}

fn end_all(lab: &mut Lab, parent: TaskId, children: &[TaskId]) {
    for child in children {
        let pid = lab.pid(*child);
        lab.exit(*child, 0);
        assert_eq!(lab.wait(parent, pid, 0), Waited::Reaped(pid, 0));
    }
}

/// pid_max 301: the numbers 1 to 300, of which only 300 can be had again.
#[test]
fn pids_run_out_and_only_those_from_300_come_back() {
    let mut lab = Lab::with(Config {
        pid_max: 301,
        threads_max: Some(1000),
        ..Config::default()
    });
    let sh = lab.spawn_as("sh", 0);
    let (children, errno) = fork_until_it_fails(&mut lab, sh);
    assert_eq!((children.len(), errno), (298, Errno::EAGAIN));
    let before = lab.footprint();
    assert_eq!(
        lab.try_spawn(SpawnArgs::new("more", 0), false),
        Err(Refusal::NoTask(ForkRefusal::NoPid { pid_max: 301 }.into()))
    );
    assert_eq!(lab.footprint(), before);
    let (low, last) = (children[0], children[297]);
    assert_eq!(lab.pid(last), 300);
    end_all(&mut lab, sh, &[low]);
    assert_eq!(
        lab.clone(sh, F::FORK),
        Err(Errno::EAGAIN),
        "pid 3 is free, but low"
    );
    // The scan gives up at once when it wraps with last_pid 300, but starts there.
    end_all(&mut lab, sh, &[last]);
    let again = lab.fork(sh);
    assert_eq!(lab.pid(again), 300);
}

/// The refusal of a spawn by a rule of `copy_process()`.
fn too_many(rule: CloneRefusal) -> Refusal {
    Refusal::NoTask(ForkRefusal::CopyProcess(rule).into())
}

/// max_threads holds for root too, and counts threads and zombies.
#[test]
fn max_threads_has_no_exception() {
    for (flags, uid) in [(F::FORK, 0), (F::FORK, 500), (THREAD | F::FORK, 0)] {
        let mut lab = Lab::with(Config {
            threads_max: Some(20),
            ..Config::default()
        });
        let sh = lab.spawn_as("sh", uid);
        *lab.rlimit_mut(sh, Resource::Nproc) = 1000;
        let mut made = Vec::new();
        while let Ok(child) = lab.clone(sh, flags) {
            made.push(child);
        }
        assert_eq!((made.len(), lab.kernel().nr_threads()), (18, 20));
        assert_eq!(
            lab.try_spawn(SpawnArgs::new("more", 0), false),
            Err(too_many(CloneRefusal::TooManyThreads { limit: 20 }))
        );
        lab.exit(made[0], 0);
        let zombie = lab.exists(made[0]);
        assert_eq!(lab.clone(sh, flags).is_err(), zombie, "{flags:#x}");
    }
}

/// The pids that the out-of-memory killer has killed since a mark.
fn victims(lab: &Lab, mark: u64) -> Vec<Pid> {
    lab.events(mark, |record| match record.event {
        TraceEvent::MarkVictim { pid, .. } => Some(pid),
        _ => None,
    })
}

/// Forks find memory as long as somebody can be killed: the parent has the most points, for its
/// children's count for it, and loses the first of them.
#[test]
fn a_small_machine_runs_out_of_memory_in_an_orderly_way() {
    let mut lab = Lab::with(Config {
        mem: 4 << 20,
        threads_max: Some(10_000),
        ..Config::default()
    });
    let sh = lab.spawn_as("sh", 0);
    let page = lab.map(sh, 4);
    lab.write(sh, page, 42);
    let before = lab.footprint();
    let mark = lab.mark();
    let mut children = Vec::new();
    while victims(&lab, mark).is_empty() {
        children.push(lab.fork(sh));
    }
    lab.check();
    assert!(children.len() > 10, "{} children", children.len());
    // A kernel stack takes two frames side by side, so that one victim may not be enough.
    let killed = victims(&lab, mark);
    assert!(killed.len() < 5, "{killed:?}");
    for pid in killed {
        let first = children.remove(0);
        assert_eq!(pid, Pid(lab.pid(first)), "the oldest first");
        assert_eq!(lab.wait(sh, pid.0, 0), Waited::Reaped(pid.0, 9));
    }
    // The others go on.
    let last = children[children.len() - 1];
    assert_eq!(lab.read(last, page), 42);
    end_all(&mut lab, sh, &children);
    assert_eq!(lab.footprint(), before);
    let child = lab.fork(sh);
    assert_eq!(lab.read(child, page), 42);
}
