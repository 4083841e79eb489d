//! Ticks at which nothing is decided pass in one step; nobody can tell from the machine.

use crate::lab::Lab;
use fastrand::Rng;
use forklab::kernel::boot::Config;

const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// A task that computes and sleeps, by chance also as a real-time task or with another nice value.
fn steps(dice: &mut Rng) -> Vec<String> {
    let mut steps = Vec::new();
    match dice.u64(..6) {
        0 => steps.push(format!("setsched rr {}", 1 + dice.u64(..3))),
        1 => steps.push(format!("setsched fifo {}", 1 + dice.u64(..3))),
        _ => steps.push(format!("nice {}", dice.u64(..40) as i64 - 20)),
    }
    for _ in 0..1 + dice.u64(..4) {
        steps.push(match dice.u64(..8) {
            0 | 1 => format!("run {}", 1 + dice.u64(..2000)),
            2 => format!("run {}", 1 + dice.u64(..20)),
            3 | 4 => format!("sleep {}", 1 + dice.u64(..400)),
            5 => format!("io {}", 1 + dice.u64(..50)),
            6 => format!("wake {}", dice.choice(&NAMES).unwrap()),
            _ => "yield".to_owned(),
        });
    }
    if dice.u64(..4) == 0 {
        steps.push("fork K kid".to_owned());
        steps.push(format!("run {}", 1 + dice.u64(..50)));
    }
    // Real-time tasks that never sleep would be all there is to see.
    steps.push(format!("sleep {}", 1 + dice.u64(..100)));
    steps.push("goto 1".to_owned());
    steps
}

fn machine(seed: u64) -> Lab {
    let mut dice = Rng::with_seed(seed);
    let mut lab = Lab::with(Config {
        cpus: *dice.choice(&[1, 1, 2, 3]).unwrap(),
        jitter: Some(seed),
        initial_jiffies: *dice.choice(&[0, u32::MAX - 3000]).unwrap(),
        ..Config::default()
    });
    for name in &NAMES[..1 + dice.u64(..6) as usize] {
        let steps = steps(&mut dice);
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        lab.workload(name, &steps, &[("kid", &["run 30", "sleep 2", "run 7"])]);
    }
    if dice.u64(..3) == 0 {
        lab.spawn("sh");
    }
    lab
}

#[test]
fn skipped_ticks_are_like_ticks_one_by_one() {
    let mut decided = 0;
    for seed in 0..40 {
        let ticks = 5000;
        let (mut whole, mut pieces) = (machine(seed), machine(seed));
        whole.tick(ticks);
        for _ in 0..ticks {
            pieces.tick(1);
        }
        assert_eq!(whole.since(0), pieces.since(0), "seed {seed}");
        assert_eq!(whole.digest(), pieces.digest(), "seed {seed}");
        whole.check();
        decided += whole.since(0).len();
    }
    assert!(decided > 10_000, "the machines did hardly anything");
}

/// In pieces of any length, and up to the end of all that can happen.
#[test]
fn skipping_does_not_depend_on_how_time_is_cut() {
    let steps = ["run 3", "sleep 500", "run 250", "io 77", "goto 0"];
    for piece in [2, 3, 7, 42, 101] {
        let mut labs = [Lab::boot(), Lab::boot()];
        for lab in &mut labs {
            lab.workload("A", &steps, &[]);
            lab.workload("B", &["run 40", "sleep 13", "goto 0"], &[]);
        }
        let [whole, pieces] = &mut labs;
        whole.tick(4242);
        for _ in 0..4242 / piece {
            pieces.tick(piece);
        }
        assert_eq!(whole.since(0), pieces.since(0), "{piece}");
        assert_eq!(whole.digest(), pieces.digest(), "{piece}");
    }
}
