//! Migration threads: affinity, exec, active balancing.

use super::*;

const NS: u64 = NS_PER_TICK as u64;

/// Two CPU-bound tasks on one CPU, none on another; the second task waits.
fn two_hogs() -> (Bench, TaskId, TaskId) {
    let mut bench = Bench::with_cpus(2);
    let a = bench.hog("A", 0, 0);
    let b = bench.hog("B", 0, 0);
    bench.settle();
    assert_eq!(bench.current(), "A");
    (bench, a, b)
}

fn last_move(bench: &Bench) -> Option<(u8, u8, &'static str)> {
    let mut moves = bench.log.records().filter_map(|record| match record.event {
        TraceEvent::SchedMigrateTask { from, to, why, .. } => Some((from, to, why.name())),
        _ => None,
    });
    moves.next_back()
}

#[test]
fn each_cpu_has_an_idle_task_and_a_migration_thread_of_its_own() {
    let bench = Bench::with_cpus(4);
    for cpu in 0..4 {
        let rq = bench.sched.rq(cpu);
        for task in [rq.idle, rq.migration_thread.unwrap()] {
            let task = bench.sched.get(task);
            assert_eq!((task.cpu, task.cpus_allowed), (cpu as u8, 1 << cpu));
        }
        assert!(bench.sched.is_idle(cpu));
    }
}

#[test]
fn an_affinity_without_an_online_cpu_is_refused() {
    for cpus in [1, 2] {
        let mut bench = Bench::with_cpus(cpus);
        let task = bench.hog("A", 0, 0);
        bench.settle();
        let mask = bench.sched.get(task).cpus_allowed;
        assert_eq!(bench.set_cpus_allowed(task, 1 << cpus), Err(NoCpu));
        assert_eq!(bench.set_cpus_allowed(task, 0), Err(NoCpu));
        assert_eq!(bench.sched.get(task).cpus_allowed, mask);
    }
}

#[test]
fn one_cpu_stores_no_affinity() {
    let mut bench = Bench::new();
    let task = bench.hog("A", 0, 0);
    bench.settle();
    assert_eq!(bench.set_cpus_allowed(task, 1), Ok(Migration::Done));
    assert_eq!(bench.sched.get(task).cpus_allowed, u32::MAX);
}

#[test]
fn a_task_that_may_stay_stays() {
    let (mut bench, _, b) = two_hogs();
    assert_eq!(bench.set_cpus_allowed(b, 3), Ok(Migration::Done));
    let b = bench.sched.get(b);
    assert_eq!((b.cpu, b.cpus_allowed), (0, 3));
    assert_eq!(last_move(&bench), None);
}

#[test]
fn a_sleeper_is_moved_without_help() {
    let (mut bench, _, _) = two_hogs();
    let task = bench.sleeper("T", 0, 0);
    assert_eq!(bench.set_cpus_allowed(task, 2), Ok(Migration::Done));
    assert_eq!(last_move(&bench), Some((0, 1, "affinity")));
    assert_eq!(bench.sched.get(task).cpu, 1);
    // It wakes there, whoever wakes it.
    assert!(bench.irq_wake(task));
    assert_eq!(bench.sched.get(task).cpu, 1);
}

/// The caller sleeps until the migration thread has moved it, and wakes on the other CPU.
#[test]
fn the_caller_can_move_itself() {
    let (mut bench, a, _) = two_hogs();
    bench.tick = 5;
    assert_eq!(bench.set_cpus_allowed(a, 2), Ok(Migration::Wait));
    assert_eq!(bench.current(), "migration/0");
    assert_eq!(bench.sched.rq(0).nr_uninterruptible, 1);
    bench.settle_all();
    assert_eq!(last_move(&bench), Some((0, 1, "affinity")));
    assert_eq!(bench.current(), "B");
    assert_eq!(bench.sched.current(1), a);
    assert_eq!(bench.sched.get(a).state, TaskState::RUNNING);
}

/// A waiting task is activated on the other CPU: the wait counts as sleep, in that CPU's time.
#[test]
fn a_waiting_task_is_activated_elsewhere() {
    let (mut bench, _, b) = two_hogs();
    bench.tick = 20;
    bench.sched.rqs[0].timestamp_last_tick = 20 * NS;
    bench.sched.rqs[1].timestamp_last_tick = 19 * NS;
    assert_eq!(bench.set_cpus_allowed(b, 2), Ok(Migration::Wait));
    assert_eq!(bench.current(), "migration/0");
    let waiter = bench.on(Scheduler::migration_round);
    assert!(waiter.is_some());
    let task = bench.sched.get(b);
    assert_eq!((task.cpu, task.activated, task.prio), (1, 1, 123));
    assert_eq!((task.timestamp, task.sleep_avg), (19 * NS, 200_000_000));
    assert!(bench.sched.need_resched(1));
    assert_eq!(last_move(&bench), Some((0, 1, "affinity")));
    assert_eq!(bench.on(Scheduler::migration_round), None);
}

/// The latest request is served first, and one that is out of date changes nothing.
#[test]
fn requests_are_looked_at_again_when_their_turn_comes() {
    let mut bench = Bench::with_cpus(3);
    let waiter = bench.hog("A", 0, 0);
    let b = bench.hog("B", 0, 0);
    bench.settle();
    let ask = |bench: &mut Bench, mask| {
        bench
            .on(|s, ctx| s.set_cpus_allowed(ctx, b, mask, waiter))
            .unwrap()
    };
    assert_eq!(ask(&mut bench, 2), Migration::Wait);
    assert_eq!(ask(&mut bench, 4), Migration::Wait);
    bench.schedule();
    assert_eq!(bench.current(), "migration/0");
    // CPU 2 was requested last; the other request finds the task gone.
    bench.on(Scheduler::migration_round).unwrap();
    assert_eq!(bench.sched.get(b).cpu, 2);
    bench.on(Scheduler::migration_round).unwrap();
    assert_eq!(bench.sched.get(b).cpu, 2);

    let (mut bench, a, b) = two_hogs();
    let ask = |bench: &mut Bench, mask| bench.on(|s, ctx| s.set_cpus_allowed(ctx, b, mask, a));
    assert_eq!(ask(&mut bench, 2), Ok(Migration::Wait));
    // Allowed here again before the thread ran.
    assert_eq!(ask(&mut bench, 1), Ok(Migration::Done));
    bench.schedule();
    assert_eq!(bench.on(Scheduler::migration_round), Some(a));
    assert_eq!(bench.sched.get(b).cpu, 0);
}

#[test]
fn exec_goes_to_the_cpu_with_the_least_load() {
    // Runnable tasks of CPUs 1, 2, 3, and the choice of CPU 0, which has two.
    for (others, choice) in [
        ([0, 0, 0], Some(1)),
        ([1, 0, 0], Some(2)),
        ([1, 1, 1], Some(1)),
        ([3, 2, 2], None),
    ] {
        let mut bench = Bench::with_cpus(4);
        bench.hog("A", 0, 0);
        bench.hog("B", 0, 0);
        bench.settle();
        bench.sched.rqs[0].cpu_load = 256;
        for (cpu, tasks) in others.into_iter().enumerate() {
            bench.cpu = cpu + 1;
            (0..tasks).for_each(|_| {
                bench.hog("H", 0, 0);
            });
        }
        assert_eq!(bench.sched.exec_cpu(0), choice, "{others:?}");
    }
}

#[test]
fn exec_stays_if_it_is_alone_or_bound_or_no_domain_balances_it() {
    let mut bench = Bench::with_cpus(2);
    let a = bench.hog("A", 0, 0);
    bench.settle();
    assert_eq!(bench.sched.exec_cpu(0), None);
    assert_eq!(bench.on(Scheduler::sched_exec), Migration::Done);
    bench.hog("B", 0, 0);
    assert_eq!(bench.sched.exec_cpu(0), Some(1));
    bench.sched.get_mut(a).cpus_allowed = 1;
    assert_eq!(bench.sched.exec_cpu(0), None);
    bench.sched.get_mut(a).cpus_allowed = 3;
    bench.sched.domains[0][0]
        .flags
        .remove(SdFlags::BALANCE_EXEC);
    assert_eq!(bench.sched.exec_cpu(0), None);

    let mut bench = Bench::new();
    bench.hog("A", 0, 0);
    bench.hog("B", 0, 0);
    bench.settle();
    assert_eq!(bench.sched.exec_cpu(0), None);
}

#[test]
fn a_task_moves_as_it_starts_a_new_program() {
    let (mut bench, a, _) = two_hogs();
    assert_eq!(bench.on(Scheduler::sched_exec), Migration::Wait);
    bench.sleep(TaskState::UNINTERRUPTIBLE);
    bench.settle_all();
    assert_eq!(last_move(&bench), Some((0, 1, "exec")));
    assert_eq!(bench.sched.current(1), a);
    assert_eq!(bench.current(), "B");
    let counted = |bench: &Bench| {
        let stat = bench.sched.domains(0)[0].stat;
        (stat.sbe_attempts, stat.sbe_pushed)
    };
    assert_eq!(counted(&bench), (1, 1));

    let (mut bench, a, _) = two_hogs();
    bench.sched.get_mut(a).cpus_allowed = 1;
    assert_eq!(bench.on(Scheduler::sched_exec), Migration::Done);
    assert_eq!(counted(&bench), (1, 0));
}

/// Tasks that may not leave make balancing fail, until the migration thread is asked for help.
#[test]
fn active_balancing_begins_after_four_failures() {
    let (mut bench, a, b) = two_hogs();
    for task in [a, b] {
        bench.sched.get_mut(task).cpus_allowed = 1;
    }
    let failed = |bench: &Bench| bench.sched.domains(1)[0].nr_balance_failed;
    let mut seen = Vec::new();
    while bench.sched.rq(0).nr_switches < 3 {
        bench.tick_all();
        assert!(bench.tick < 40, "{seen:?}");
        if seen.last() != Some(&failed(&bench)) {
            seen.push(failed(&bench));
        }
    }
    assert_eq!(seen, [0, 1, 2, 3, 1]);
    let rq = bench.sched.rq(0);
    assert_eq!((rq.active_balance, rq.push_cpu), (false, 1));
    assert!(bench.schedule_text().contains("migration/0"));
    assert_eq!(bench.sched.domains(1)[0].balance_interval, 4);
    assert_eq!(last_move(&bench), None);
    let stat = bench.sched.domains(0)[0].stat;
    assert_eq!((stat.alb_cnt, stat.alb_failed, stat.alb_pushed), (1, 1, 0));
}

/// It pushes one task to each idle CPU, as long as there is more than one.
#[test]
fn the_migration_thread_pushes_to_idle_cpus() {
    let mut bench = Bench::with_cpus(4);
    for name in ["A", "B", "C", "D", "E"] {
        bench.hog(name, 0, 0);
    }
    bench.cpu = 2;
    bench.hog("busy", 0, 0);
    bench.settle();
    bench.cpu = 0;
    bench.settle();
    bench.on(|s, ctx| {
        ctx.cpu = 3;
        s.ask_for_active_balance(ctx, 0);
        // A second one is not noted.
        ctx.cpu = 1;
        s.ask_for_active_balance(ctx, 0);
    });
    assert_eq!(bench.sched.rq(0).push_cpu, 3);
    bench.schedule();
    assert_eq!(bench.current(), "migration/0");
    assert_eq!(bench.on(Scheduler::migration_round), None);
    let counts = [0, 1, 2, 3].map(|cpu| bench.sched.rq(cpu).nr_running);
    assert_eq!(counts, [4, 1, 1, 1]);
    assert_eq!(last_move(&bench), Some((0, 3, "active")));
    assert!(!bench.sched.rq(0).active_balance);
    let stat = bench.sched.domains(0)[0].stat;
    assert_eq!((stat.alb_cnt, stat.alb_failed, stat.alb_pushed), (1, 0, 2));
    bench.sleep(TaskState::INTERRUPTIBLE);
    bench.settle_all();

    // Not at all without the flag.
    bench.sched.domains[0][0]
        .flags
        .remove(SdFlags::LOAD_BALANCE);
    bench.on(|s, ctx| s.ask_for_active_balance(ctx, 0));
    bench.settle();
    assert_eq!(bench.sched.rq(0).nr_running, 3);
}
