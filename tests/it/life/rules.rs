//! What must hold between any two operations, whatever they were: nobody sleeps who has something
//! to go on with, nobody has ended whom nobody can reap, and whoever waits waits for somebody.

use forklab::abi::{ExitState, TaskId, TaskState};
use forklab::kernel::Kernel;
use forklab::kernel::task::{Continuation, Task};
use forklab::machine::Machine;

/// Checks all rules.
pub fn check(machine: &Machine, tasks: &[TaskId]) {
    let kernel = &machine.kernel;
    for id in tasks {
        let Some(task) = kernel.tasks().get(*id) else {
            continue;
        };
        let name = format!("task {}", kernel.pid(*id));
        match task.exit_state() {
            ExitState::Alive => check_sleeper(kernel, *id, task, &name),
            _ => check_zombie(kernel, *id, task, &name),
        }
    }
}

/// A zombie has a parent or tracer that is alive and can wait for it, now or when the last of its
/// threads has ended. Init reaps at once what it inherits.
fn check_zombie(kernel: &Kernel, id: TaskId, task: &Task, name: &str) {
    let parent = kernel.task(task.parent());
    assert_eq!(parent.exit_state(), ExitState::Alive, "{name}: its parent");
    let threads = kernel
        .tasks()
        .values()
        .filter(|other| other.signal().is_some());
    let threads = threads.filter(|other| other.tgid() == task.tgid()).count();
    let leads = task.group_leader() == id;
    let waits_for_threads = leads && threads > 1;
    let traced = !task.ptrace().is_empty();
    assert!(
        waits_for_threads || traced || task.exit_signal() != -1,
        "{name}: a zombie that nobody is told of"
    );
    let of_init = task.parent() == kernel.init();
    assert!(
        !of_init || waits_for_threads,
        "{name}: init has not reaped it"
    );
}

/// A sleeper has no signal to take and nothing to go on with.
fn check_sleeper(kernel: &Kernel, id: TaskId, task: &Task, name: &str) {
    let state = kernel.sched.get(id).state;
    if state == TaskState::UNINTERRUPTIBLE {
        let known = matches!(
            task.in_call.continuation,
            Some(
                Continuation::VforkWait { done: false, .. }
                    | Continuation::ExecWaitsForThreads
                    | Continuation::ExecWaitsForLeader
            )
        );
        assert!(known, "{name} is in D, in {:?}", task.in_call.continuation);
    }
    if state != TaskState::INTERRUPTIBLE {
        return;
    }
    assert!(!kernel.signal_pending(id), "{name} sleeps with a signal");
    match task.in_call.continuation {
        Some(Continuation::PipeRead(io)) => {
            let pipe = pipe_of(kernel, io.file);
            let waits = pipe.is_empty() && (pipe.writers() > 0 || pipe.waiting_writers() > 0);
            assert!(waits, "{name} reads {pipe:?}");
        }
        Some(Continuation::PipeWrite(io)) => {
            let pipe = pipe_of(kernel, io.file);
            let full = pipe.buffers().len() == 16;
            assert!(full && pipe.readers() > 0, "{name} writes to {pipe:?}");
        }
        Some(Continuation::Futex { key, .. }) => {
            let queued = kernel.futexes().waiters().any(|waiter| waiter == (key, id));
            assert!(queued, "{name} waits on a word, but in no queue");
        }
        _ => {}
    }
}

fn pipe_of(kernel: &Kernel, file: forklab::abi::FileId) -> &forklab::kernel::fs::Pipe {
    let inode = kernel.open_files()[file].inode();
    &kernel.pipes()[inode]
}

/// A wait that is woken for nothing goes back to sleep: what it waits for is not there yet.
pub fn check_waits(machine: &Machine, tasks: &[TaskId]) {
    let waits = |machine: &Machine, id: TaskId| {
        let task = machine.kernel.tasks().get(id);
        let inside = task.is_some_and(|task| {
            matches!(task.in_call.continuation, Some(Continuation::Wait4 { .. }))
        });
        inside && machine.kernel.sched.get(id).state == TaskState::INTERRUPTIBLE
    };
    let sched = &machine.kernel.sched;
    let idle = (0..sched.cpus()).all(|cpu| sched.current(cpu) == sched.idle(cpu));
    // Who does not get the CPU cannot show anything.
    for id in tasks.iter().filter(|id| idle && waits(machine, **id)) {
        let mut copy = machine.clone();
        copy.kernel.wake_up_process(*id);
        copy.apply(forklab::machine::Command::Tick(0)).unwrap();
        assert!(
            waits(&copy, *id),
            "task {} has missed a child",
            machine.kernel.pid(*id)
        );
    }
}
