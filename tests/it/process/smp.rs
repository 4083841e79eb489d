//! Several CPUs: tasks that move with all they have, by affinity, at exec and by balancing.

use crate::lab::{Lab, USER};
use forklab::abi::TaskId;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, Command, Refusal};
use forklab::trace::TraceEvent;

fn lab(cpus: u32) -> Lab {
    Lab::with(Config {
        cpus,
        ..Config::default()
    })
}

fn cpu_of(lab: &Lab, task: TaskId) -> u8 {
    lab.kernel().sched.get(task).cpu
}

/// Every migration: `pid from>to why`.
fn moves(lab: &Lab) -> Vec<String> {
    let log = &lab.kernel().log;
    log.records()
        .filter_map(|record| match record.event {
            TraceEvent::SchedMigrateTask {
                pid, from, to, why, ..
            } => Some(format!("{pid} {from}>{to} {}", why.name())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_puppet_binds_itself_to_another_cpu_and_its_memory_comes_along() {
    let mut lab = lab(2);
    let sh = lab.spawn("sh");
    let page = lab.map(sh, 1);
    lab.write(sh, page, 7);
    let Acted::Blocks(call) = lab.outcome(sh, Syscall::SchedSetaffinity(0, 2)) else {
        panic!("it waits for the migration thread");
    };
    assert_eq!(lab.returned(call), Some((0, None)));
    assert_eq!(moves(&lab), ["2 0>1 affinity"]);
    assert_eq!(lab.read(sh, page), 7);
    assert_eq!(cpu_of(&lab, sh), 1);
    assert_eq!(lab.kernel().sched_getaffinity(sh, 0), Ok(2));
    // Its children may run there only, too, and start there.
    let child = lab.fork(sh);
    assert_eq!(cpu_of(&lab, child), 1);
    assert_eq!(lab.kernel().sched_getaffinity(sh, lab.pid(child)), Ok(2));
    assert_eq!(lab.kernel().check(), Ok(()));
}

#[test]
fn who_may_bind_whom() {
    let mut lab = lab(2);
    let [mine, other, root] = [USER, USER + 1, 0].map(|uid| lab.spawn_as("sh", uid));
    let pid = lab.pid(other);
    for (caller, pid, mask, result) in [
        (mine, pid, 1, -1),
        (root, pid, 3, 0),
        (mine, 0, 3, 0),
        (mine, -1, 3, -3),
        (mine, 4711, 3, -3),
        // The migration threads are in no list.
        (root, 9000, 3, -3),
        (mine, 0, 0, -22),
        (mine, 0, 4, -22),
        (mine, 0, 5, 0),
    ] {
        assert_eq!(
            lab.call(caller, Syscall::SchedSetaffinity(pid, mask)),
            result,
            "{pid} {mask:#x}"
        );
    }
    // What is no CPU of the machine is not kept.
    assert_eq!(lab.kernel().sched_getaffinity(mine, 0), Ok(1));
    assert_eq!(lab.kernel().sched_getaffinity(root, pid), Ok(3));
    // A task that sleeps is moved at once.
    assert_eq!(lab.call(root, Syscall::SchedSetaffinity(pid, 2)), 0);
    assert_eq!(cpu_of(&lab, other), 1);
    assert_eq!(moves(&lab), [format!("{pid} 0>1 affinity")]);
}

/// Beside a hog a task that calls exec goes to the idle CPU before it has its new program.
#[test]
fn exec_moves_to_an_idle_cpu() {
    let mut lab = lab(2);
    lab.spawn_spinning("spins");
    let mut args = SpawnArgs::new("sh", USER);
    args.nice = -10;
    let sh = lab.try_spawn(args, false).unwrap();
    let before = lab.task(sh).self_exec_id;
    assert_eq!(lab.call(sh, Syscall::Execve("sh".into())), 0);
    assert_eq!(moves(&lab), ["3 0>1 exec"]);
    assert_eq!(
        (cpu_of(&lab, sh), lab.task(sh).self_exec_id),
        (1, before + 1)
    );
    // It is a puppet again, and alone: the next exec stays.
    assert_eq!(lab.call(sh, Syscall::Execve("sh".into())), 0);
    assert_eq!(moves(&lab).len(), 1);
    assert_eq!(lab.call(sh, Syscall::Execve("none".into())), -2);
    assert_eq!(lab.kernel().check(), Ok(()));
}

/// The first exec of a spawned task is part of the recipe, and balances nothing.
#[test]
fn a_spawned_task_starts_where_it_was_put() {
    let mut lab = lab(2);
    for _ in 0..3 {
        lab.spawn_spinning("spins");
    }
    assert_eq!(moves(&lab).len(), 0);
    assert_eq!(lab.kernel().sched.rq(0).nr_running(), 3);
}

#[test]
fn a_workload_goes_on_as_another_after_an_exec_elsewhere() {
    let mut lab = lab(2);
    lab.workload("hog", &["run 1000"], &[]);
    let task = lab.workload("task", &["run 1", "exec true"], &[]);
    lab.tick(300);
    assert!(!lab.exists(task));
    assert_eq!(lab.kernel().check(), Ok(()));
}

/// Who computes on one CPU is taken by another that is idle, and its memory with it.
#[test]
fn balancing_moves_address_spaces() {
    let mut lab = lab(4);
    let tasks: Vec<TaskId> = (0..4).map(|_| lab.spawn_spinning("sh")).collect();
    lab.tick(100);
    let mut cpus: Vec<u8> = tasks.iter().map(|task| cpu_of(&lab, *task)).collect();
    cpus.sort_unstable();
    assert_eq!(cpus, [0, 1, 2, 3], "{:?}", moves(&lab));
    assert!(moves(&lab).iter().all(|line| line.ends_with("balance")));
    for (value, task) in tasks.iter().enumerate() {
        let page = lab.map(*task, 1);
        lab.write(*task, page, value as u32);
        assert_eq!(lab.read(*task, page), value as u32);
    }
    lab.kernel().check().unwrap();
}

/// A puppet wakes where it last ran, however far away the others are.
#[test]
fn a_key_press_does_not_move_a_puppet() {
    let mut lab = lab(2);
    let mut args = SpawnArgs::new("sh", USER);
    args.cpu = 1;
    let sh = lab.try_spawn(args, false).unwrap();
    lab.tick(50);
    let page = lab.map(sh, 1);
    lab.write(sh, page, 1);
    assert_eq!(cpu_of(&lab, sh), 1);
    let mut hog = SpawnArgs::new("hog", USER);
    (hog.cpu, hog.nice) = (1, -20);
    let spin = Command::Spawn {
        args: hog,
        program: Some("sh".to_owned()),
        spin: true,
    };
    lab.machine.apply(spin).unwrap();
    lab.tick(1);
    // What stands in the way is told of the CPU where it would wake.
    let refused = lab.act(sh, forklab::machine::Action::Read { addr: page, len: 4 });
    assert!(matches!(refused, Err(Refusal::CannotRun(_))), "{refused:?}");
}

/// A long idle time gives the state that its ticks give one by one.
#[test]
fn idle_ticks_may_be_skipped() {
    let run = |steps: &[u64]| {
        let mut lab = lab(2);
        lab.workload(
            "A",
            &["run 5", "sleep 700", "run 3", "sleep 31", "run 1"],
            &[],
        );
        lab.workload("B", &["run 9", "io 500", "run 2"], &[]);
        for step in steps.iter().cycle().take(4000 / steps[0] as usize) {
            lab.tick(*step);
        }
        let sched = &lab.kernel().sched;
        let domains: Vec<_> = (0..2).map(|cpu| sched.domains(cpu).to_vec()).collect();
        let loads: Vec<u32> = (0..2).map(|cpu| sched.rq(cpu).cpu_load()).collect();
        (domains, loads, moves(&lab), lab.kernel().log.event_seq())
    };
    assert_eq!(run(&[1]), run(&[4000]));
}

/// Numbers of migration threads are nobody else's.
#[test]
fn no_task_gets_the_number_of_a_migration_thread() {
    let mut lab = lab(2);
    lab.machine.kernel.set_last_pid(8998);
    let pids = ["a", "b"].map(|name| {
        let task = lab.spawn(name);
        lab.pid(task)
    });
    assert_eq!(pids, [8999, 9002]);
    assert_eq!(lab.kernel().check(), Ok(()));
}
