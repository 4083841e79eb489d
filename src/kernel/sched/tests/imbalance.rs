//! The decisions of balancing, with a case for each of their branches.

use super::*;
use crate::abi::TaskState;

const POWER: u32 = SCHED_LOAD_SCALE;

/// What CPU 0 finds; its load and those of the others are given in tasks.
fn steady(tasks: &[u32], idle: IdleType) -> BusiestGroup {
    loads(
        &tasks.iter().map(|tasks| tasks * POWER).collect::<Vec<_>>(),
        idle,
    )
}

fn loads(loads: &[u32], idle: IdleType) -> BusiestGroup {
    let groups = loads.iter().enumerate().map(|(cpu, load)| GroupLoad {
        load: *load,
        power: POWER,
        local: cpu == 0,
    });
    find_busiest_group(groups, 125, idle)
}

/// Scheduler example W22: how many tasks the other CPU has, how many the own, how many to take.
#[test]
fn a_busy_cpu_takes_half_of_the_difference() {
    for (busy, own, taken, why) in [
        (2, 0, 1, Imbalance::ToAverage),
        (1, 0, 0, Imbalance::NoGain),
        (3, 2, 0, Imbalance::NoGain),
        (2, 1, 0, Imbalance::NoGain),
        (3, 1, 1, Imbalance::ToAverage),
        (4, 2, 1, Imbalance::ToAverage),
        (5, 1, 2, Imbalance::ToAverage),
        (1, 1, 0, Imbalance::NoneBusier),
        (1, 2, 0, Imbalance::NoneBusier),
        (5, 4, 0, Imbalance::WithinPercentage),
    ] {
        let found = steady(&[own, busy], IdleType::NotIdle);
        assert_eq!((found.tasks, found.why), (taken, why), "({busy}, {own})");
        assert_eq!(found.group.is_some(), taken > 0);
    }
}

/// Scheduler example W22, and the rule for idle CPUs: one task where there seems to be balance.
#[test]
fn an_idle_cpu_takes_a_task_from_a_balanced_domain() {
    use IdleType::{Idle, NewlyIdle, NotIdle};
    // Even a CPU that seems to have more load itself: its average decays only slowly.
    for (idle, own, busy, taken) in [
        (NewlyIdle, 0, POWER, 1),
        (NewlyIdle, 0, 1, 1),
        (NewlyIdle, 0, 0, 0),
        (NewlyIdle, 3 * POWER, POWER, 1),
        (Idle, 0, POWER, 0),
        (Idle, 3 * POWER, POWER + 1, 1),
        (Idle, 3 * POWER, POWER, 0),
        (NotIdle, 3 * POWER, POWER + 1, 0),
    ] {
        let found = loads(&[own, busy], idle);
        assert_eq!(found.tasks, taken, "{idle:?}, {own}, {busy}");
        assert_eq!(found.group, (taken > 0).then_some(1));
    }
    let found = loads(&[0, POWER + 1], NotIdle);
    assert_eq!((found.tasks, found.why), (1, Imbalance::MorePower));
}

/// Scheduler example W22, four CPUs, and who is busiest among several.
#[test]
fn the_first_of_the_busiest_groups_is_chosen_and_no_group_left_below_the_average() {
    use Imbalance::{AboveAverage, NoGain, ToAverage, TwoTasksApart};
    for (tasks, group, taken, why) in [
        (&[0, 4, 0, 0][..], Some(1), 1, ToAverage),
        (&[0, 2, 3, 3], Some(2), 1, ToAverage),
        (&[2, 3, 0, 0], None, 0, AboveAverage),
        (&[0, 2, 0, 0], Some(1), 1, TwoTasksApart),
        (&[0, 1, 1, 1], None, 0, NoGain),
    ] {
        let found = steady(tasks, IdleType::NotIdle);
        assert_eq!(
            (found.group, found.tasks, found.why),
            (group, taken, why),
            "{tasks:?}"
        );
    }
}

/// Groups of other power than 128: siblings on one core.
#[test]
fn a_task_is_taken_if_more_power_is_used_then() {
    let group = |load, power, local| GroupLoad { load, power, local };
    // Two tasks on a core of two siblings, none on the other core.
    let found = find_busiest_group(
        [group(0, 140, true), group(256, 140, false)].into_iter(),
        125,
        IdleType::NotIdle,
    );
    assert_eq!(
        (found.this_load, found.max_load, found.avg_load),
        (0, 234, 117)
    );
    assert_eq!((found.tasks, found.why), (1, Imbalance::MorePower));
    // One task only: nothing would be gained.
    let found = find_busiest_group(
        [group(0, 140, true), group(128, 140, false)].into_iter(),
        125,
        IdleType::NotIdle,
    );
    assert_eq!((found.tasks, found.why), (0, Imbalance::NoGain));
    // Less load than one task's share of the power.
    let found = find_busiest_group(
        [group(0, 128, true), group(100, 128, false)].into_iter(),
        125,
        IdleType::NotIdle,
    );
    assert_eq!((found.tasks, found.why), (0, Imbalance::NoGain));
}

fn task(cpu: u8, cpus_allowed: u32, last_ran: u64) -> SchedTask {
    let mut task = SchedTask::new(Pid(2), Names::default().intern("T"));
    task.state = TaskState::INTERRUPTIBLE;
    (task.cpu, task.cpus_allowed, task.last_ran) = (cpu, cpus_allowed, last_ran);
    task
}

#[test]
fn a_task_is_hot_for_two_and_a_half_ms_after_it_ran() {
    for (last_tick, last_ran, hot) in [
        (5_000_000, 2_500_001, true),
        (5_000_000, 2_500_000, false),
        // It ran after the last tick.
        (5_000_000, 6_000_000, true),
        (5_000_000, 0, false),
    ] {
        let task = task(1, 3, last_ran);
        assert_eq!(
            task_hot(&task, last_tick, 2_500_000),
            hot,
            "{last_tick} {last_ran}"
        );
    }
}

#[test]
fn who_may_be_moved() {
    use Migratable::*;
    for (running, cpus_allowed, idle, tried_enough, last_ran, verdict) in [
        (true, 3, true, true, 0, Running),
        (false, 2, true, true, 0, NotAllowed),
        (false, 3, true, false, 9_000_000, TargetIdle),
        (false, 3, false, true, 9_000_000, TooManyFailures),
        (false, 3, false, false, 9_000_000, CacheHot),
        (false, 3, false, false, 0, CacheCold),
    ] {
        let target = Target {
            cpu: 0,
            idle,
            cache_hot_time: 2_500_000,
            tried_enough,
        };
        let task = task(1, cpus_allowed, last_ran);
        let found = can_migrate_task(&task, running, 10_000_000, &target);
        assert_eq!(found, verdict);
        assert_eq!(
            found.moves(),
            matches!(found, TargetIdle | TooManyFailures | CacheCold)
        );
    }
}

/// The CPU of a wake-up by CPU 0 for a task of CPU 1.
fn wakes(load: u32, this_load: u32, sync: bool, hot: bool, sd: &SchedDomain) -> WakeCpu {
    let facts = WakeFacts {
        this_cpu: 0,
        load,
        this_load,
        waker: if sync { Waker::Sleeps } else { Waker::GoesOn },
        timestamp_last_tick: 10_000_000,
    };
    let last_ran = if hot { 10_000_000 } else { 0 };
    wake_cpu(&task(1, 3, last_ran), &facts, std::slice::from_ref(sd))
}

/// Scheduler example W23, and the other branches.
#[test]
fn a_task_wakes_on_the_wakers_cpu_if_it_is_cold_or_that_has_less_to_do() {
    use WakeCpu::*;
    let sd = SchedDomain::of_cpu(0, 2, 0);
    for (load, this_load, sync, hot, verdict) in [
        // W23: an idle CPU keeps its task from a busy one, unless the waker leaves.
        (0, 128, false, false, NotFromIdle),
        (0, 128, true, false, Affine),
        (0, 128, true, true, Balance),
        // The limits of that rule.
        (63, 65, false, false, NotFromIdle),
        (64, 65, false, false, Affine),
        (63, 64, false, false, Affine),
        // Hot: 137 percent of the waker's load against that of the sleeper's CPU.
        (137, 100, false, true, Balance),
        (136, 100, false, true, Stays),
        (0, 0, false, true, Balance),
        // A waker that leaves an idle CPU: the word wraps.
        (0, 0, true, false, NotFromIdle),
        (128, 0, true, true, Stays),
    ] {
        let found = wakes(load, this_load, sync, hot, &sd);
        assert_eq!(found, verdict, "{load} {this_load} {sync} {hot}");
        assert_eq!(found.moves(), matches!(found, Affine | Balance));
    }
}

#[test]
fn a_task_wakes_where_it_is_if_it_must_or_no_domain_says_otherwise() {
    let facts = |this_cpu| WakeFacts {
        this_cpu,
        load: 128,
        this_load: 0,
        waker: Waker::GoesOn,
        timestamp_last_tick: 10_000_000,
    };
    let mut sd = SchedDomain::of_cpu(0, 2, 0);
    let domains = [sd.clone()];
    assert_eq!(
        wake_cpu(&task(1, 3, 0), &facts(1), &domains),
        WakeCpu::SameCpu
    );
    assert_eq!(
        wake_cpu(&task(1, 2, 0), &facts(0), &domains),
        WakeCpu::NotAllowed
    );
    assert_eq!(wake_cpu(&task(1, 3, 0), &facts(0), &[]), WakeCpu::Stays);
    sd.flags.remove(SdFlags::WAKE_AFFINE);
    assert_eq!(wakes(128, 0, false, false, &sd), WakeCpu::Balance);
    sd.flags.remove(SdFlags::WAKE_BALANCE);
    assert_eq!(wakes(128, 0, false, false, &sd), WakeCpu::Stays);
    // A domain that does not reach the task's CPU.
    let small = SchedDomain {
        span: 1,
        ..SchedDomain::of_cpu(0, 2, 0)
    };
    assert_eq!(wakes(128, 0, false, false, &small), WakeCpu::Stays);
    let both = [small, SchedDomain::of_cpu(0, 2, 0)];
    assert_eq!(wake_cpu(&task(1, 3, 0), &facts(0), &both), WakeCpu::Affine);
}

#[test]
fn a_new_program_goes_where_there_is_less_than_one_task_less() {
    for (this_load, min_load, moves) in [
        (128, 0, true),
        (256, 256, true),
        (128, 228, true),
        (128, 229, false),
        (0, 114, true),
        (0, 115, false),
    ] {
        assert_eq!(
            exec_moves(this_load, min_load, 125),
            moves,
            "{this_load} {min_load}"
        );
    }
}

#[test]
fn a_domain_begins_with_the_values_of_sd_cpu_init() {
    let sd = SchedDomain::of_cpu(2, 4, 77);
    assert_eq!(
        (sd.min_interval, sd.max_interval, sd.busy_factor),
        (1, 4, 64)
    );
    assert_eq!((sd.imbalance_pct, sd.wake_imbalance_pct()), (125, 137));
    assert_eq!((sd.cache_hot_time, sd.cache_nice_tries), (2_500_000, 1));
    assert_eq!(
        (sd.balance_interval, sd.nr_balance_failed, sd.last_balance),
        (1, 0, 77)
    );
    assert!(!sd.flags.contains(SdFlags::SHARE_CPUPOWER));
    assert_eq!(sd.flags.bits(), 63);
    let groups: Vec<(u32, u32)> = sd.groups.iter().map(|g| (g.cpumask, g.cpu_power)).collect();
    assert_eq!(
        (sd.span, groups),
        (15, vec![(4, 128), (8, 128), (1, 128), (2, 128)])
    );
}
