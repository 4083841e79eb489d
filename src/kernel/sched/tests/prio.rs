//! The arithmetic: slices and priorities of all nice values, and what sleeps are worth.

use super::*;

const MS: u32 = NS_PER_TICK;

/// A user task of that nice value and sleep average (ns), that slept since time 0.
fn slept(nice: i32, sleep_avg: u32, activated: i8) -> SchedTask {
    let mut task = SchedTask::new(Pid(2), Names::default().intern("t"));
    task.static_prio = (120 + nice) as u8;
    task.sleep_avg = sleep_avg;
    task.activated = activated;
    task.has_mm = true;
    task.prio = effective_prio(&task).prio;
    task
}

/// Runs of nice values with the same DELTA; first, last, DELTA, bonus needed, INTERACTIVE_SLEEP
/// (ms), row of the TASK_INTERACTIVE matrix for bonus 10 down to 0.
const INTERACTIVITY: [(i32, i32, i32, u32, &str); 10] = [
    (-20, -20, -3, 299, "11111111100"),
    (-19, -16, -2, 399, "11111111000"),
    (-15, -12, -1, 499, "11111110000"),
    (-11, -8, 0, 599, "11111100000"),
    (-7, -4, 1, 699, "11111000000"),
    (-3, 3, 2, 799, "11110000000"),
    (4, 7, 3, 899, "11100000000"),
    (8, 11, 4, 999, "11000000000"),
    (12, 15, 5, 1099, "10000000000"),
    (16, 19, 6, 1199, "00000000000"),
];

#[test]
fn time_slices_of_all_nice_values() {
    for nice in -20..=19 {
        let expected = if nice < 0 {
            400 - 20 * nice
        } else {
            100 - 5 * nice
        };
        assert_eq!(
            Tunables::LINUX.task_timeslice((120 + nice) as u8),
            expected as u32,
            "nice {nice}"
        );
    }
}

#[test]
fn interactivity_of_all_nice_values_and_bonuses() {
    let mut nices = 0;
    for (first, last, delta, sleep_ms, row) in INTERACTIVITY {
        for nice in first..=last {
            nices += 1;
            let static_prio = (120 + nice) as u8;
            assert_eq!(
                Tunables::LINUX.interactive_delta(static_prio),
                delta,
                "nice {nice}"
            );
            assert_eq!(
                Tunables::LINUX.interactive_sleep(static_prio),
                sleep_ms * MS,
                "nice {nice}"
            );
            let matrix: String = (0..=10)
                .rev()
                .map(|bonus| {
                    let mut task = slept(nice, 0, 0);
                    // The offset itself, not clamped to 100..=139.
                    task.prio = (i32::from(static_prio) + 5 - bonus) as u8;
                    if Tunables::LINUX.task_interactive(&task) {
                        '1'
                    } else {
                        '0'
                    }
                })
                .collect();
            assert_eq!(matrix, row, "nice {nice}");
        }
    }
    assert_eq!(nices, 40);
}

#[test]
fn the_bonus_is_one_for_every_tenth_of_a_second() {
    for bonus in 0..10 {
        assert_eq!(current_bonus(bonus * 100 * MS), bonus);
        assert_eq!(current_bonus((bonus + 1) * 100 * MS - 1), bonus);
    }
    assert_eq!(current_bonus(NS_MAX_SLEEP_AVG), 10);
}

#[test]
fn granularity_doubles_with_each_bonus_lost_and_grows_with_the_cpus() {
    let ticks = [5120, 2560, 1280, 640, 320, 160, 80, 40, 20, 10, 10];
    for (bonus, ticks) in (0..).zip(ticks) {
        assert_eq!(
            Tunables::LINUX.timeslice_granularity(bonus * 100 * MS, 1),
            ticks
        );
        assert_eq!(
            Tunables::LINUX.timeslice_granularity(bonus * 100 * MS, 4),
            4 * ticks
        );
    }
}

#[test]
fn effective_prio_is_clamped_and_leaves_real_time_alone() {
    for (nice, sleep_avg, prio) in [(0, 0, 125), (0, 500, 120), (0, 1000, 115)] {
        assert_eq!(slept(nice, sleep_avg * MS, 0).prio, prio);
    }
    assert_eq!(slept(-20, NS_MAX_SLEEP_AVG, 0).prio, 100);
    assert_eq!(slept(19, 0, 0).prio, 139);
    let mut task = slept(0, 0, 0);
    task.prio = 49;
    let steps = effective_prio(&task);
    assert!(steps.real_time);
    assert_eq!(steps.prio, 49);
}

/// nice, sleep average before (ns), `activated`, sleep (ns), sleep average after, priority, rule.
type Sleep = (i32, u32, i8, u64, u32, u8, SleepClass);

fn check_sleeps(sleeps: &[Sleep]) {
    for &(nice, before, activated, ns, after, prio, class) in sleeps {
        let credit = Tunables::LINUX.recalc_task_prio(&slept(nice, before, activated), ns);
        let got = (credit.sleep_avg, credit.prio.prio, credit.class);
        assert_eq!(
            got,
            (after, prio, class),
            "{ns} ns from {before}, nice {nice}"
        );
    }
}

const fn ms(ms: u64) -> u64 {
    ms * MS as u64
}

/// Scheduler example W5.
#[test]
fn interruptible_sleeps_add_up_wrap_and_become_idle_time() {
    use SleepClass::{Added, Idle, None};
    check_sleeps(&[
        (0, 0, 0, 0, 0, 125, None),
        (0, 0, 0, ms(20), 200 * MS, 123, Added),
        (0, 0, 0, ms(50), 500 * MS, 120, Added),
        (0, 0, 0, ms(99), 990 * MS, 116, Added),
        (0, 0, 0, ms(150), 1000 * MS, 115, Added),
        (0, 0, 0, ms(429), 1000 * MS, 115, Added),
        (0, 0, 0, ms(430), 5_032_704, 125, Added),
        (0, 0, 0, ms(500), 705_032_704, 118, Added),
        (0, 0, 0, ms(799), 1000 * MS, 115, Added),
        (0, 0, 0, ms(799) + 1, 900 * MS, 116, Idle),
        (0, 0, 0, ms(800), 900 * MS, 116, Idle),
        (0, 0, 0, ms(2000), 900 * MS, 116, Idle),
        (0, 1000 * MS, 0, ms(800), 900 * MS, 116, Idle),
        (0, 500 * MS, 0, ms(758), 1000 * MS, 115, Added),
        (0, 500 * MS, 0, ms(759), 32_704, 125, Added),
        (0, 550 * MS, 0, ms(10), 600 * MS, 119, Added),
    ]);
}

/// Scheduler example W6.
#[test]
fn uninterruptible_sleeps_are_credited_up_to_a_limit_only() {
    use SleepClass::{Added, Capped};
    check_sleeps(&[
        (0, 0, -1, ms(50), 500 * MS, 120, Added),
        (0, 0, -1, 79_900_000, 799 * MS, 118, Capped),
        (0, 0, -1, ms(150), 799 * MS, 118, Capped),
        (0, 0, -1, ms(1500), 799 * MS, 118, Capped),
        (0, 0, -1, ms(430), 5_032_704, 125, Added),
        (0, 0, -1, ms(900), 410_065_408, 121, Added),
        (0, 850 * MS, -1, ms(10), 850 * MS, 117, Capped),
        (0, 850 * MS, -1, ms(2000), 850 * MS, 117, Capped),
    ]);
}

/// Scheduler example W7.
#[test]
fn sleeps_at_other_nice_values() {
    use SleepClass::{Added, Idle};
    check_sleeps(&[
        (5, 0, 0, ms(900), 900 * MS, 121, Idle),
        (5, 0, 0, ms(898), 390_065_408, 127, Added),
        (19, 0, 0, ms(2000), 1000 * MS, 134, Added),
        (12, 150 * MS, 0, ms(2000), 560_065_408, 132, Added),
    ]);
    let mut nice_19 = slept(19, NS_MAX_SLEEP_AVG, 0);
    nice_19.prio = effective_prio(&nice_19).prio;
    assert!(!Tunables::LINUX.task_interactive(&nice_19));
}

/// Scheduler example W7: no address space, so neither idle time nor the limit apply.
#[test]
fn kernel_threads_only_add() {
    for (before, activated, after, prio) in [
        (600 * MS, 0, 305_032_704, 122),
        (100 * MS, 0, 510_065_408, 120),
        (600 * MS, -1, 305_032_704, 122),
        (850 * MS, -1, 1000 * MS, 115),
    ] {
        let mut task = slept(0, before, activated);
        task.has_mm = false;
        let credit = Tunables::LINUX.recalc_task_prio(&task, ms(1500));
        assert_eq!(credit.slept, NS_MAX_SLEEP_AVG);
        assert_eq!((credit.sleep_avg, credit.prio.prio), (after, prio));
    }
}

#[test]
fn the_credit_says_when_an_overflow_cost_something() {
    for (before, sleep_ms, wrapped) in [
        (0, 429, false),
        (0, 430, true),
        (0, 529, true),
        // The product overflows, but what is left is more than the maximum.
        (0, 530, false),
        (500 * MS, 758, false),
        (500 * MS, 759, true),
    ] {
        let credit = Tunables::LINUX.recalc_task_prio(&slept(0, before, 0), ms(sleep_ms));
        assert_eq!(credit.wrapped, wrapped, "{sleep_ms} ms from {before}");
    }
}

/// Scheduler example W17, and W18's second reason.
#[test]
fn the_expired_array_starves_after_a_second_for_each_runnable_task() {
    let mut rq = RunQueue::new();
    rq.expired_timestamp = 50;
    for (nr_running, limit) in [(1, 1001), (2, 2001), (3, 3001), (10, 10001)] {
        rq.nr_running = nr_running;
        assert_eq!(
            Tunables::LINUX.expired_starving(&rq, 120, 50 + limit - 1),
            None
        );
        let elapsed = limit;
        let starving = Some(Starving::TooLong { elapsed, limit });
        assert_eq!(
            Tunables::LINUX.expired_starving(&rq, 120, 50 + limit),
            starving
        );
    }
    rq.best_expired_prio = 120;
    assert_eq!(Tunables::LINUX.expired_starving(&rq, 120, 51), None);
    let starving = Some(Starving::BetterExpired { best: 120 });
    assert_eq!(Tunables::LINUX.expired_starving(&rq, 121, 51), starving);
    // A stamp taken at tick 0 reads as unset.
    rq.expired_timestamp = 0;
    assert_eq!(Tunables::LINUX.expired_starving(&rq, 120, 1_000_000), None);
}

#[test]
fn only_a_better_priority_preempts() {
    for (prio, curr_prio, preempts) in [(124, 125, true), (125, 125, false), (139, 140, true)] {
        assert_eq!(would_preempt(prio, curr_prio), preempts);
    }
}

/// Each number changes what its rule says, and nothing else.
#[test]
fn the_numbers_of_the_rules_can_be_changed() {
    let with = |option, value| {
        let mut tunables = Tunables::LINUX;
        assert!(tunables.set(option, value));
        tunables.validate().unwrap();
        tunables
    };
    assert_eq!(with("min_timeslice", 40).task_timeslice(139), 40);
    assert_eq!(with("def_timeslice", 10).task_timeslice(120), 10);
    assert_eq!(with("granularity", 7).timeslice_granularity(900 * MS, 1), 7);
    assert_eq!(with("interactive_delta", 4).interactive_delta(120), 4);
    let after_fork = |tunables: &Tunables| sleep_avgs_after_fork(900 * MS, tunables);
    assert_eq!(after_fork(&with("child_penalty", 50)), (400 * MS, 900 * MS));
    assert_eq!(
        after_fork(&with("parent_penalty", 50)),
        (800 * MS, 400 * MS)
    );
    let mut rq = RunQueue::new();
    (rq.expired_timestamp, rq.nr_running) = (1, 2);
    let starving =
        |limit, jiffies| with("starvation_limit", limit).expired_starving(&rq, 120, jiffies);
    assert!(starving(50, 101).is_none() && starving(50, 102).is_some());
    assert!(starving(0, 1_000_000).is_none());
}

#[test]
fn numbers_without_sense_are_refused_with_their_bounds() {
    let mut tunables = Tunables::LINUX;
    assert!(!tunables.set("max_sleep_avg", 1));
    for (option, value, bounds) in [
        ("min_timeslice", 0, "1 to 1000"),
        ("granularity", 1001, "1 to 1000"),
        ("child_penalty", 101, "0 to 100"),
        ("interactive_delta", u32::MAX, "0 to 10"),
    ] {
        let mut tunables = tunables;
        assert!(tunables.set(option, value));
        let error = tunables.validate().unwrap_err();
        assert!(
            error.starts_with(option) && error.ends_with(bounds),
            "{error}"
        );
    }
}

/// The prediction of the granularity rule agrees with the rule applied tick by tick, also of slices that
/// are longer than a full one, where its arithmetic wraps.
#[test]
fn the_next_turn_within_a_slice_is_predicted() {
    let tunables = Tunables::LINUX;
    for nice in [-20, -5, 0, 5, 19] {
        for sleep_avg_ms in [0, 450, 700, 900, 1000] {
            let mut task = slept(nice, sleep_avg_ms * MS, 0);
            task.prio = effective_prio(&task).prio;
            for slice in 1..=tunables.task_timeslice(task.static_prio) + 300 {
                task.time_slice = slice;
                let predicted = tunables.ticks_to_requeue(&task, 1);
                let mut later = task.clone();
                let seen = (1..slice).find(|ticks| {
                    later.time_slice = slice - ticks;
                    tunables.granularity_is_up(&later, 1)
                });
                assert_eq!(predicted, seen, "{nice} {sleep_avg_ms} {slice}");
            }
        }
    }
}
