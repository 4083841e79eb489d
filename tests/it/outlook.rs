//! What `why_not` and `why_runs` claim, against what then happens: random workloads run, the claims
//! about every task are noted at random moments, and the switches that follow are checked against them.

use fastrand::Rng;
use forklab::abi::{Pid, Policy, TaskId};
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::sched::Ahead;
use forklab::machine::{
    Acted, Action, Bound, Command, Machine, Refusal, Reply, Standing, WorkloadProgram,
};
use forklab::trace::{SwitchReason, TraceEvent};
use forklab::view::{why_not, why_runs};
use std::sync::Arc;

const RUNS: u64 = 100;
/// Claims are checked against the ticks that follow, at most so many.
const WINDOW: u64 = 400;

/// What was said of a task.
struct Claim {
    pid: Pid,
    tick: u64,
    seq: u64,
    earliest: Option<(u64, Bound)>,
    /// Whoever must run before it, unless he had the CPU.
    ahead: Vec<Pid>,
}

/// What the claims came to: so many that a test without any would fail.
#[derive(Default)]
struct Tally {
    ran: u32,
    exact: u32,
    ahead: u32,
    asleep: u32,
}

fn steps(dice: &mut Rng, wild: bool) -> Vec<String> {
    let kinds = if wild { 11 } else { 8 };
    let mut steps: Vec<String> = (0..dice.u64(..5) + 1)
        .map(|_| match dice.u64(..kinds) {
            0..=2 => format!("run {}", dice.u64(..120) + 1),
            3 | 4 => format!("sleep {}", dice.u64(..150) + 1),
            5 => format!("io {}", dice.u64(..90) + 1),
            6 => "yield".to_owned(),
            7 => format!("fork{} kid kid", dice.choice(&["", "_vm"]).unwrap()),
            8 => format!(
                "renice {} {}",
                dice.choice(&["a", "b", "kid"]).unwrap(),
                dice.u64(..40) as i64 - 20
            ),
            9 => format!("wake {}", dice.choice(&["a", "b", "c"]).unwrap()),
            _ => format!("nice {}", dice.u64(..40) as i64 - 20),
        })
        .collect();
    if wild && dice.u64(..6) == 0 {
        steps.push("block".to_owned());
    }
    steps.push(format!("run {}", dice.u64(..300) + 1));
    steps.push("goto 0".to_owned());
    steps
}

/// A machine with little memory: the tests copy it.
fn boot(cpus: u32) -> Machine {
    let config = Config {
        cpus,
        mem: 8 << 20,
        ..Config::default()
    };
    Machine::boot(config).unwrap()
}

/// A machine with some tasks that do what the dice say.
fn machine(dice: &mut Rng, cpus: u32) -> Machine {
    let mut machine = boot(cpus);
    let wild = dice.u64(..2) == 0;
    for name in &["a", "b", "c", "d", "e"][..dice.u64(..4) as usize + 2] {
        let hog = dice.u64(..3) == 0;
        let main = match hog {
            true => vec!["run 1000000".to_owned()],
            false => steps(dice, wild),
        };
        let kid = vec![
            format!("run {}", dice.u64(..60) + 1),
            format!("sleep {}", dice.u64(..60) + 1),
            format!("run {}", dice.u64(..60) + 1),
        ];
        let scripts = [("main".to_owned(), main), ("kid".to_owned(), kid)];
        let program = Arc::new(WorkloadProgram::parse(&scripts).unwrap());
        let (policy, rt_priority) = match dice.u64(..8) {
            0 => (Policy::RoundRobin, dice.u64(..3) as u8 + 1),
            1 if !hog => (Policy::Fifo, dice.u64(..3) as u8 + 1),
            _ => (Policy::Normal, 0),
        };
        let args = SpawnArgs {
            nice: *dice.choice(&[0, 0, 0, 5, -5, 19, -20]).unwrap(),
            policy,
            rt_priority,
            parent_sleep_avg_ms: *dice.choice(&[0, 0, 500, 1000]).unwrap(),
            ..SpawnArgs::new(name, 0)
        };
        machine
            .apply(Command::SpawnWorkload { args, program })
            .unwrap();
    }
    machine
}

fn tasks(machine: &Machine) -> Vec<(Pid, TaskId)> {
    machine.kernel.pid_hash().tasks().collect()
}

/// Notes what is said of each task, after holding what is said of the present against it.
fn claims(machine: &Machine) -> Vec<Claim> {
    let kernel = &machine.kernel;
    let mut claims = Vec::new();
    for (pid, id) in tasks(machine) {
        let cpus = 0..kernel.sched.cpus();
        let runs = cpus.into_iter().any(|cpu| kernel.sched.current(cpu) == id);
        let (why, not) = (why_runs(machine, id), why_not(machine, id));
        assert_eq!((why.runs, not.runs), (runs, runs), "{why:?} {not:?}");
        assert!(!why.text().lines.is_empty() && !not.text().lines.is_empty());
        if runs {
            continue;
        }
        let outlook = machine.outlook(id);
        let ahead = match &outlook.standing {
            Standing::Queued { ahead, .. } if outlook.firm => ahead.as_slice(),
            _ => &[],
        };
        let waits = ahead.iter().filter(|ahead: &&Ahead| !ahead.running);
        claims.push(Claim {
            pid,
            tick: kernel.tick(),
            seq: kernel.log.event_seq(),
            earliest: outlook.earliest,
            ahead: waits.map(|ahead| kernel.pid(ahead.task)).collect(),
        });
    }
    claims
}

/// Holds a claim against the switches since.
fn check(machine: &Machine, claim: &Claim, tally: &mut Tally, context: &str) {
    let mut ran: Vec<Pid> = Vec::new();
    for record in machine.kernel.log.records_from(claim.seq) {
        let TraceEvent::SchedSwitch { next, .. } = record.event else {
            continue;
        };
        if next != claim.pid {
            ran.push(next);
            continue;
        }
        let Some((earliest, bound)) = claim.earliest else {
            panic!(
                "{context}: {} was to run never, but did at {}",
                next, record.stamp.tick
            );
        };
        assert!(
            earliest <= record.stamp.tick,
            "{context}: said at {} that {next} runs at {earliest} at the earliest ({bound:?}), but \
             it did at {}",
            claim.tick,
            record.stamp.tick
        );
        tally.ran += 1;
        tally.exact += u32::from(earliest == record.stamp.tick);
        tally.asleep += u32::from(bound == Bound::OwnTimer);
        for ahead in &claim.ahead {
            tally.ahead += 1;
            assert!(
                ran.contains(ahead),
                "{context}: said at {} that {ahead} is ahead of {next}, but only {ran:?} ran",
                claim.tick
            );
        }
        return;
    }
}

fn run(cpus: u32, seed: u64, tally: &mut Tally) {
    let mut dice = Rng::with_seed(seed);
    let mut machine = machine(&mut dice, cpus);
    let mut open: Vec<Claim> = Vec::new();
    for _ in 0..12 {
        machine.run(dice.u64(..120));
        open.extend(claims(&machine));
    }
    machine.run(WINDOW);
    for claim in open {
        check(
            &machine,
            &claim,
            tally,
            &format!("{cpus} CPUs, seed {seed}"),
        );
    }
}

#[test]
fn claims_about_tasks_that_wait_hold_on_one_cpu() {
    let mut tally = Tally::default();
    for seed in 0..RUNS {
        run(1, seed, &mut tally);
    }
    assert!(tally.ran > 700, "{} claims", tally.ran);
    assert!(
        tally.exact > tally.ran / 3,
        "{} of {} are exact",
        tally.exact,
        tally.ran
    );
    assert!(tally.ahead > 200, "{} ahead", tally.ahead);
    assert!(tally.asleep > 200, "{} asleep", tally.asleep);
}

#[test]
fn claims_about_tasks_that_wait_hold_on_several_cpus() {
    let mut tally = Tally::default();
    for seed in 0..RUNS {
        run(dice_cpus(seed), seed, &mut tally);
    }
    assert!(tally.ran > 700, "{} claims", tally.ran);
}

const fn dice_cpus(seed: u64) -> u32 {
    2 + (seed % 3) as u32
}

/// Tasks that only compute: who waits runs at the very tick that was said.
#[test]
fn among_hogs_the_earliest_tick_is_the_one() {
    for seed in 0..20 {
        let mut dice = Rng::with_seed(seed);
        let mut machine = boot(1);
        for name in ["a", "b", "c", "d"] {
            let scripts = [("main".to_owned(), vec!["run 100000"])];
            let program = Arc::new(WorkloadProgram::parse(&scripts).unwrap());
            let args = SpawnArgs {
                nice: dice.u64(..40) as i32 - 20,
                ..SpawnArgs::new(name, 0)
            };
            let command = Command::SpawnWorkload { args, program };
            machine.apply(command).unwrap();
        }
        let mut checked = 0;
        while checked < 20 {
            machine.run(dice.u64(..300));
            for claim in claims(&machine).iter().filter(|claim| claim.pid != Pid(1)) {
                let (earliest, bound) = claim.earliest.unwrap();
                assert_eq!(bound, Bound::Turns);
                let mut later = machine.clone();
                later.run(earliest - machine.kernel.tick());
                let current = later.kernel.sched.current(0);
                assert_eq!(later.kernel.pid(current), claim.pid, "seed {seed}");
                checked += 1;
            }
        }
    }
}

/// Every switch has a reason that fits what the trace says besides.
#[test]
fn reasons_of_switches_fit_the_events_before_them() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..RUNS {
        let mut machine = machine(&mut Rng::with_seed(seed), 1 + (seed % 2) as u32);
        machine.run(1_500);
        let mut expired = [Pid(0); 2];
        for record in machine.kernel.log.records() {
            match record.event {
                TraceEvent::TimesliceExpire { pid, .. } => {
                    expired[usize::from(record.stamp.cpu)] = pid;
                }
                TraceEvent::SchedSwitch {
                    prev,
                    prev_state,
                    prev_prio,
                    next,
                    next_prio,
                    why,
                    ..
                } => {
                    kinds.insert(why.name());
                    let leaves = prev_state != 0;
                    assert_eq!(leaves, why == SwitchReason::Leaves, "{record:?}");
                    if why == SwitchReason::SliceEnd {
                        let expired = expired[usize::from(record.stamp.cpu)];
                        assert_eq!(expired, prev, "{record:?}");
                    }
                    if why == SwitchReason::Preempted && prev == Pid(0) {
                        assert!(next_prio < prev_prio, "{record:?}");
                    }
                    assert_ne!(prev, next);
                }
                _ => {}
            }
        }
    }
    for kind in [
        "leaves",
        "slice_end",
        "granularity",
        "preempted",
        "child_first",
        "yields",
    ] {
        assert!(
            kinds.contains(kind),
            "no switch because of {kind}: {kinds:?}"
        );
    }
}

/// A puppet that is refused is told how many ticks help at the earliest: before them it is refused.
#[test]
fn a_refused_puppet_is_not_told_to_wait_too_long() {
    let getpid = || Action::Syscall(forklab::kernel::syscall::Syscall::Getpid);
    let mut refusals = 0;
    let mut at_once = 0;
    for seed in 0..RUNS {
        let mut dice = Rng::with_seed(seed);
        let mut machine = machine(&mut dice, 1);
        let args = SpawnArgs::new("sh", 500);
        let command = Command::Spawn {
            args,
            program: None,
            spin: false,
        };
        let Ok(Reply::Spawned { task, .. }) = machine.apply(command) else {
            panic!("no puppet");
        };
        machine.run(dice.u64(..300));
        let act = |machine: &mut Machine| {
            let action = getpid();
            machine.apply(Command::Act { task, action })
        };
        let Err(Refusal::CannotRun(why)) = act(&mut machine) else {
            continue;
        };
        refusals += 1;
        let Some((ticks, _)) = why.soonest else {
            continue;
        };
        for waited in 1..=ticks {
            machine.run(1);
            let reply = act(&mut machine);
            let acts = matches!(reply, Ok(Reply::Acted(Acted::Returned(_))));
            assert!(
                waited == ticks || !acts,
                "seed {seed}: {why:?}, but acts after {waited}"
            );
            at_once += u32::from(acts);
        }
    }
    assert!(refusals > 20, "{refusals} refusals");
    assert!(at_once > 5, "{at_once} of {refusals}");
}
