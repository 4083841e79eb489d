//! The past of a machine: checkpoints, and the commands applied after each. Going back to a moment
//! means restoring the checkpoint before it and applying the commands again; scripts are never run
//! again.

use super::{Checkpoint, Command, Machine};
use crate::kernel::boot::Config;
use std::collections::VecDeque;

/// The amount of work after which the next moment gets a checkpoint of its own. A command or an
/// event counts one, and so do a hundred ticks or five hundred instructions of programs. This keeps
/// going back a matter of milliseconds.
const WORK_BETWEEN_CHECKPOINTS: u64 = 50_000;
/// The most commands between two moments; after more, the next moment gets a checkpoint.
const MAX_STEPS: usize = 20_000;
/// The most bytes that those commands may carry.
const MAX_BYTES: usize = 8 << 20;
/// The most checkpoints that are kept; the oldest are dropped first.
const MAX_CHECKPOINTS: usize = 64;

/// A change of the machine.
#[derive(Clone, Debug)]
enum Step {
    Boot(Box<Config>),
    Command(Command),
}

/// A checkpoint and the steps after it.
struct Stretch {
    /// Number of the stretch; stretches are numbered consecutively.
    nr: u64,
    start: Checkpoint,
    steps: Vec<Step>,
    bytes: usize,
    /// Whether more was done than is remembered.
    cut: bool,
}

/// A moment that the machine can go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    stretch: u64,
    steps: usize,
}

/// The remembered past of a machine.
#[derive(Default)]
pub struct History {
    stretches: VecDeque<Stretch>,
    /// Work since the last checkpoint.
    work: u64,
    /// Events, ticks and instructions of the machine when the work was last counted.
    counted: [u64; 3],
}

impl History {
    /// Records the current moment.
    pub fn moment(&mut self, machine: &mut Machine) -> Moment {
        self.count_work(machine);
        let fresh = match self.stretches.back() {
            None => true,
            Some(stretch) => stretch.cut || self.work > WORK_BETWEEN_CHECKPOINTS,
        };
        if fresh {
            let nr = self.stretches.back().map_or(0, |last| last.nr + 1);
            self.stretches.push_back(Stretch {
                nr,
                start: machine.checkpoint(),
                steps: Vec::new(),
                bytes: 0,
                cut: false,
            });
            self.work = 0;
            if self.stretches.len() > MAX_CHECKPOINTS {
                self.stretches.pop_front();
            }
        }
        let last = self.stretches.back();
        Moment {
            stretch: last.map_or(0, |stretch| stretch.nr),
            steps: last.map_or(0, |stretch| stretch.steps.len()),
        }
    }

    /// Records that a command is applied.
    pub fn note_command(&mut self, command: &Command) {
        let bytes = command.bytes();
        self.note(bytes, || Step::Command(command.clone()));
    }

    /// Records that a machine is booted.
    pub fn note_boot(&mut self, config: &Config) {
        self.counted = [0; 3];
        self.note(0, || Step::Boot(Box::new(config.clone())));
    }

    fn note(&mut self, bytes: usize, step: impl FnOnce() -> Step) {
        self.work += 1;
        let Some(stretch) = self.stretches.back_mut() else {
            return;
        };
        stretch.bytes += bytes;
        if stretch.steps.len() >= MAX_STEPS || stretch.bytes > MAX_BYTES {
            stretch.cut = true;
        }
        if !stretch.cut {
            stretch.steps.push(step());
        }
    }

    fn count_work(&mut self, machine: &Machine) {
        let now = counts(machine);
        let [events, ticks, instructions] =
            [0, 1, 2].map(|i| now[i].saturating_sub(self.counted[i]));
        self.work += events + ticks / 100 + instructions / 500;
        self.counted = now;
    }

    /// Whether the machine can still go back to the moment.
    pub fn reaches(&self, moment: Moment) -> bool {
        self.stretches
            .front()
            .is_some_and(|first| first.nr <= moment.stretch)
    }

    /// Takes the machine back to a moment and forgets what came after it. Returns whether that was
    /// possible.
    pub fn go_back(&mut self, machine: &mut Machine, moment: Moment) -> bool {
        if !self.reaches(moment) {
            return false;
        }
        self.stretches
            .retain(|stretch| stretch.nr <= moment.stretch);
        let Some(stretch) = self.stretches.back_mut() else {
            return false;
        };
        stretch.steps.truncate(moment.steps);
        stretch.cut = false;
        machine.restore(&stretch.start);
        for step in &stretch.steps {
            step.repeat(machine);
        }
        // The output of programs was already shown when it was written.
        drop(machine.kernel.take_console_output());
        self.counted = counts(machine);
        true
    }
}

fn counts(machine: &Machine) -> [u64; 3] {
    let kernel = &machine.kernel;
    [
        kernel.log.event_seq(),
        kernel.tick(),
        kernel.stat.instructions,
    ]
}

impl Step {
    fn repeat(&self, machine: &mut Machine) {
        match self {
            Self::Command(command) => {
                // A refused command is refused again.
                let _ = machine.apply(command.clone());
            }
            Self::Boot(config) => {
                if let Ok(booted) = Machine::boot((**config).clone()) {
                    *machine = booted;
                }
            }
        }
    }
}
