//! Moments of random pasts: each is the same, however it is reached.

use super::*;
use crate::abi::{MapFlags, TaskId, VirtAddr};
use crate::kernel::fork::SpawnArgs;
use crate::kernel::syscall::Syscall;
use crate::machine::{Action, drive};

/// All of a machine but the place where its last slice would have ended.
struct State(String);

impl State {
    fn first_difference<'a>(&'a self, other: &'a Self) -> Option<(&'a str, &'a str)> {
        let at = self
            .0
            .bytes()
            .zip(other.0.bytes())
            .position(|(a, b)| a != b)?;
        let part = |text: &'a str| text.get(at.saturating_sub(80)..(at + 60).min(text.len()));
        Some((
            part(&self.0).unwrap_or_default(),
            part(&other.0).unwrap_or_default(),
        ))
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

#[track_caller]
fn assert_same(state: &State, expected: &State, what: impl std::fmt::Debug) {
    if state != expected {
        panic!("{what:?}: {:?}", state.first_difference(expected));
    }
}

fn state(machine: &Machine) -> State {
    let mut machine = machine.clone();
    machine.begin_slice();
    machine.checkpoint();
    State(format!("{machine:?}"))
}

/// Carries out a command as a session does.
fn carry_out(history: &mut History, machine: &mut Machine, command: Command) {
    history.note_command(machine, 0, &command);
    let mut progress = machine.begin(command);
    while progress == Progress::Paused {
        history.note_slice(machine);
        progress = machine.go_on();
    }
}

/// Checkpoints are dropped, but no moment is lost, on whatever branch.
#[test]
fn every_moment_is_reached_with_few_checkpoints() {
    let mut machine = Machine::boot(Config::default()).unwrap();
    machine.set_slice(300);
    let mut history = History {
        max_work: 50,
        max_checkpoints: 6,
        ..History::default()
    };
    let mut dice = fastrand::Rng::with_seed(3);
    let mut moments = vec![(history.moment(&mut machine), state(&machine))];
    for _ in 0..120 {
        if dice.u8(0..8) == 0 {
            let (moment, expected) = dice.choice(&moments).unwrap();
            assert!(history.go_to(&mut machine, *moment));
            assert_same(&state(&machine), expected, moment);
        }
        let ticks = dice.u64(1..60);
        carry_out(&mut history, &mut machine, Command::Tick(ticks));
        moments.push((history.moment(&mut machine), state(&machine)));
    }
    let kept = history.stretches.iter().filter(|s| s.start.is_some());
    assert!(kept.count() <= 6 && history.stretches.len() > 60);
    for (moment, expected) in &moments {
        assert!(history.go_to(&mut machine, *moment), "{moment:?}");
        assert_same(&state(&machine), expected, moment);
    }
}

/// A moment of a past that takes too much memory is refused, and the next one is kept.
#[test]
fn the_oldest_moments_are_forgotten_first() {
    let mut machine = Machine::boot(Config::default()).unwrap();
    let mut history = History::default();
    let first = history.moment(&mut machine);
    history.max_work = 0;
    for _ in 0..9 {
        carry_out(&mut history, &mut machine, Command::Tick(1));
    }
    history.bytes = MAX_MEMORY / 3 + 1;
    carry_out(&mut history, &mut machine, Command::Tick(1));
    let last = history.moment(&mut machine);
    let tick = machine.kernel.tick();
    assert!(!history.go_to(&mut machine, first));
    assert_eq!(machine.kernel.tick(), tick);
    for side in [Side::Before, Side::After] {
        assert!(!history.seek(&mut machine, last, |clock| clock.tick > 0, side));
        assert!(history.go_to(&mut machine, last));
    }
    carry_out(&mut history, &mut machine, Command::Tick(1));
    assert!(history.go_to(&mut machine, last));
    assert_eq!(machine.kernel.tick(), tick);
}

/// A random past, with commands that were dropped halfway, and the puppets in it.
struct Past {
    machine: Machine,
    history: History,
    dice: fastrand::Rng,
    puppets: Vec<TaskId>,
    /// Whether commands are dropped halfway now and then.
    drops: bool,
}

impl Past {
    fn new(seed: u64) -> Self {
        let config = Config {
            cpus: 1 + (seed % 2) as u32,
            ..Config::default()
        };
        let mut machine = Machine::boot(config).unwrap();
        machine.set_slice(400);
        let history = History {
            max_work: 5_000,
            max_checkpoints: 8,
            ..History::default()
        };
        let mut past = Self {
            machine,
            history,
            dice: fastrand::Rng::with_seed(seed),
            puppets: Vec::new(),
            drops: false,
        };
        past.history.moment(&mut past.machine);
        past.carry_out(Command::Spawn {
            args: SpawnArgs::new("sh", 1000),
            program: None,
            spin: false,
        });
        let steps = ["run 3", "sleep 40", "run 12", "goto 0"];
        past.carry_out(Command::SpawnWorkload {
            args: SpawnArgs::new("hog", 1000),
            program: drive::workload(&[("main", &steps)]),
        });
        past.carry_out(Command::Tick(10));
        past.drops = true;
        past
    }

    fn carry_out(&mut self, command: Command) {
        let (history, machine) = (&mut self.history, &mut self.machine);
        history.note_command(machine, 1, &command);
        machine.kernel.log.line = 1;
        let mut progress = machine.begin(command);
        while progress == Progress::Paused {
            if self.drops && self.dice.u8(0..40) == 0 {
                return;
            }
            history.note_slice(machine);
            progress = machine.go_on();
        }
        let tasks = machine.kernel.tasks();
        self.puppets = tasks
            .keys()
            .filter(|task| machine.puppet(*task).is_some())
            .collect();
    }

    fn act(&mut self) {
        let task = self.dice.choice(&self.puppets).copied();
        let action = match self.dice.u8(0..5) {
            0 => Action::Syscall(Syscall::Fork),
            1 => Action::Compute(self.dice.u64(1..5)),
            _ => Action::Write {
                addr: VirtAddr(0xbfff_f000 + self.dice.u32(0..900)),
                bytes: vec![7; 4],
            },
        };
        let command = match task {
            Some(task) if self.dice.bool() => Command::Act { task, action },
            _ => Command::Tick(self.dice.u64(1..90)),
        };
        self.carry_out(command);
    }
}

/// Whatever event is looked for, the machine stands just before it or just after it, between two
/// places of rest that follow each other; and coming back there later gives the same machine.
#[test]
fn the_moments_around_any_event_are_found() {
    for seed in 0..3 {
        let mut past = Past::new(seed);
        for _ in 0..30 {
            past.act();
        }
        let Past {
            mut machine,
            mut history,
            mut dice,
            ..
        } = past;
        let tip = history.moment(&mut machine);
        let last = machine.kernel.log.event_seq();
        let first = history.stretches[0].since.seq;
        let present = state(&machine);
        for _ in 0..10 {
            let seq = dice.u64(first..last);
            let come = |clock: Clock| clock.seq > seq;
            assert!(history.seek(&mut machine, tip, come, Side::Before));
            let (before, state_before) = (history.here(), state(&machine));
            assert!(machine.kernel.log.event_seq() <= seq);
            assert!(history.advance(&mut machine, tip, (1, 1)));
            assert!(
                machine.kernel.log.event_seq() > seq,
                "{seed} {seq}: {before:?}"
            );
            let (after, state_after) = (history.here(), state(&machine));
            assert!(history.seek(&mut machine, tip, come, Side::After));
            assert_eq!(history.here(), after, "{seed} {seq}");
            assert_same(&state(&machine), &state_after, (seed, seq));
            assert!(history.go_to(&mut machine, before));
            assert_same(&state(&machine), &state_before, (seed, seq));
            assert!(history.leads_to(before, after) && history.leads_to(after, tip));
        }
        assert!(history.go_to(&mut machine, tip));
        assert_same(&state(&machine), &present, seed);
        assert!(!history.seek(&mut machine, tip, |clock| clock.seq > last, Side::After));
        assert_same(&state(&machine), &present, seed);
    }
}

/// Going from rest to rest ends where the commands have ended.
#[test]
fn from_rest_to_rest_one_comes_to_the_present() {
    for seed in 0..2 {
        let mut past = Past::new(seed);
        for _ in 0..25 {
            past.act();
        }
        let Past {
            mut machine,
            mut history,
            ..
        } = past;
        let tip = history.moment(&mut machine);
        let present = state(&machine);
        assert!(history.go_to(&mut machine, Moment::default()));
        let mut clock = history.clock(&machine);
        while history.advance(&mut machine, tip, (1, 1)) {
            // To look where one is does not lead away.
            let here = history.here();
            assert_eq!(history.moment(&mut machine), here);
            let now = history.clock(&machine);
            assert!(now >= clock && history.leads_to(history.here(), tip));
            clock = now;
        }
        assert_eq!(history.here(), tip);
        assert_same(&state(&machine), &present, seed);
    }
}

/// Every tick is a moment, also when many pass in one step.
#[test]
fn every_tick_is_a_moment() {
    let mut past = Past::new(0);
    past.drops = false;
    past.carry_out(Command::Tick(100_000));
    let Past {
        mut machine,
        mut history,
        ..
    } = past;
    let tip = history.moment(&mut machine);
    for tick in [1, 2, 17, 42, 43, 44, 58, 59, 99_999] {
        assert!(history.seek(&mut machine, tip, |clock| clock.tick >= tick, Side::After));
        assert_eq!(machine.kernel.tick(), tick);
        assert!(history.seek(&mut machine, tip, |clock| clock.tick >= tick, Side::Before));
        assert_eq!(machine.kernel.tick(), tick - 1);
    }
}

/// Whoever acts inside a command gives it up: its puppet does not act.
#[test]
fn acting_inside_a_command_gives_it_up() {
    let mut past = Past::new(0);
    past.drops = false;
    let puppet = past.puppets[0];
    let fork = |task| Command::Act {
        task,
        action: Action::Syscall(Syscall::Fork),
    };
    let seq = past.machine.kernel.log.event_seq();
    past.carry_out(fork(puppet));
    let Past {
        mut machine,
        mut history,
        ..
    } = past;
    let tip = history.moment(&mut machine);
    let forks = machine.kernel.stat.forks;
    assert!(history.seek(&mut machine, tip, |clock| clock.seq > seq + 1, Side::Before));
    assert!(history.here().is_within());
    let command = Command::Tick(1);
    history.note_command(&mut machine, 2, &command);
    machine.kernel.log.line = 2;
    machine.apply(command).unwrap();
    assert_eq!(machine.kernel.stat.forks, forks - 1);
    let branch = history.moment(&mut machine);
    let expected = state(&machine);
    assert!(history.go_to(&mut machine, tip));
    assert_eq!(machine.kernel.stat.forks, forks);
    assert!(history.go_to(&mut machine, branch));
    assert_same(&state(&machine), &expected, branch);
}

/// However much memory the machine writes, the past takes no more than it may, and every moment is
/// still reached: only the way is longer.
#[test]
fn checkpoints_take_no_more_memory_than_they_may() {
    let mut machine = Machine::boot(Config {
        mem: 32 << 20,
        ..Config::default()
    })
    .unwrap();
    let sh = drive::spawn(&mut machine, SpawnArgs::new("sh", 500));
    let addr = drive::mmap(&mut machine, sh, drive::pages(1000, MapFlags::PRIVATE));
    let limit = 30 << 20;
    let mut history = History::within(limit);
    let mut moments = vec![(history.moment(&mut machine), state(&machine))];
    for byte in 0..20 {
        // Each checkpoint has a thousand frames of its own, 4 MiB.
        let fill = Action::Fill {
            addr,
            len: 1000 << 12,
            byte,
        };
        history.max_work = 0;
        carry_out(
            &mut history,
            &mut machine,
            Command::Act {
                task: sh,
                action: fill,
            },
        );
        moments.push((history.moment(&mut machine), state(&machine)));
    }
    let checkpoints = history.stretches.iter().filter_map(|s| s.start.as_ref());
    assert!(checkpoints.clone().count() < 10);
    assert!(Checkpoint::bytes_of(checkpoints) <= limit);
    for (moment, expected) in &moments {
        assert!(history.go_to(&mut machine, *moment), "{moment:?}");
        assert_same(&state(&machine), expected, moment);
    }
}
