//! The past of a machine: checkpoints, and the commands applied after each. Going to a moment means
//! restoring the checkpoint before it and applying the commands again; scripts are never run again.
//!
//! The past is a tree of stretches. Whoever goes back and acts begins a new stretch, and the old
//! ones stay. Checkpoints are thinned out: the older a stretch is, the farther away the one before
//! it may be.

mod seek;

use super::work::{Place, Rest};
use super::{Checkpoint, Command, Machine, Progress};
use crate::kernel::boot::Config;
pub use seek::{Clock, Side};

/// The work ([`Machine::work`]) of a stretch, after which the next one begins with a checkpoint of
/// its own, so that going back takes milliseconds.
const MAX_WORK: u64 = 8_000_000;
/// What a command counts besides what it makes the machine do.
const WORK_OF_COMMAND: u64 = 100;
/// The most steps of a stretch.
const MAX_STEPS: usize = 20_000;
/// The most bytes that the commands of a stretch may carry.
const MAX_BYTES: usize = 8 << 20;
/// The most bytes that a past takes unless it is told otherwise.
const MAX_MEMORY: usize = 256 << 20;
/// How many checkpoints are tried before it is counted again what the others take.
const AT_ONCE: usize = 4;
/// The most checkpoints that are kept.
const MAX_CHECKPOINTS: usize = 64;

/// A change of the machine.
#[derive(Clone, Debug)]
enum Step {
    Boot(Box<Config>),
    /// A command of that line, and its first slice.
    Command(u16, Command),
    /// That many further slices of the last command.
    Slices(u32),
    /// The command in progress is given up.
    GiveUp,
}

/// A step, and how far the machine had come when it began.
struct Noted {
    step: Step,
    since: Clock,
    /// Whether an earlier command was still in progress.
    paused: bool,
}

/// The steps after a moment.
struct Stretch {
    /// The moment at which it begins, unless it is the first.
    parent: Option<Moment>,
    /// The machine at its beginning. Without it the way there begins in the parent.
    start: Option<Checkpoint>,
    /// How far the machine has come by then.
    since: Clock,
    steps: Vec<Noted>,
    /// How far it has come after all of them.
    until: Clock,
    /// Whether a command is still in progress then.
    paused: bool,
    bytes: usize,
    /// How much work the steps are.
    work: u64,
}

/// A moment that the machine can go to: so many steps of that stretch have been done, and perhaps a
/// part of the next one.
// The order is that of time only between moments of one stretch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Moment {
    stretch: usize,
    steps: usize,
    /// The place of rest up to which the next step has been done.
    within: Option<Place>,
}

impl Moment {
    /// Whether it lies inside a command.
    pub const fn is_within(self) -> bool {
        self.within.is_some()
    }
}

/// The remembered past of a machine.
pub struct History {
    stretches: Vec<Stretch>,
    here: Moment,
    /// The work of the machine when it was last counted.
    counted: u64,
    /// The bytes of all stretches.
    bytes: usize,
    /// How many stretches have been forgotten, the oldest first.
    forgotten: usize,
    /// At most so many bytes are taken by all checkpoints.
    held: usize,
    max_work: u64,
    max_checkpoints: usize,
    max_memory: usize,
}

impl Default for History {
    fn default() -> Self {
        Self {
            stretches: Vec::new(),
            here: Moment::default(),
            counted: 0,
            bytes: 0,
            forgotten: 0,
            max_work: MAX_WORK,
            max_checkpoints: MAX_CHECKPOINTS,
            held: 0,
            max_memory: MAX_MEMORY,
        }
    }
}

impl History {
    /// A past that takes about so many bytes: two thirds are for checkpoints, without which moments
    /// take longer to reach, the others for commands, without which the oldest cannot be reached.
    pub fn within(bytes: usize) -> Self {
        Self {
            max_memory: bytes,
            ..Self::default()
        }
    }

    /// Records the current moment.
    pub fn moment(&mut self, machine: &mut Machine) -> Moment {
        self.count_work(machine);
        // A full stretch ends with the next command: whoever only looks stays on the line that leads
        // on from here.
        if !self.reaches(self.here) {
            self.open(machine);
        }
        self.here
    }

    /// Records that a command of that line is about to begin. If the machine stands inside an
    /// earlier one, that one is given up.
    pub fn note_command(&mut self, machine: &mut Machine, line: u16, command: &Command) {
        if self.here.within.is_some() {
            self.note(machine, 0, Step::GiveUp);
            machine.give_up();
        }
        let bytes = command.bytes();
        self.note(machine, bytes, Step::Command(line, command.clone()));
    }

    /// Records that the last command is about to go on for a slice.
    pub fn note_slice(&mut self, machine: &mut Machine) {
        self.count_work(machine);
        let here = self.here;
        let stretch = self.stretches.get_mut(here.stretch);
        let open = stretch.filter(|s| s.work <= self.max_work && s.ends_at(here));
        let last = open.and_then(|stretch| stretch.steps.last_mut());
        match last.map(|noted| &mut noted.step) {
            Some(Step::Slices(slices)) => *slices += 1,
            _ => self.note(machine, 0, Step::Slices(1)),
        }
    }

    /// Records that a machine booted like this is about to take the place of this one.
    pub fn note_boot(&mut self, machine: &mut Machine, config: &Config) {
        self.note(machine, 0, Step::Boot(Box::new(config.clone())));
        self.counted = 0;
    }

    fn note(&mut self, machine: &mut Machine, bytes: usize, step: Step) {
        if self.stretches.is_empty() {
            // Nobody has asked for a moment yet.
            return;
        }
        self.count_work(machine);
        if self.must_open() {
            self.open(machine);
        }
        let noted = Noted {
            step,
            since: self.clock(machine),
            paused: machine.is_paused(),
        };
        if let Some(stretch) = self.stretches.get_mut(self.here.stretch) {
            stretch.steps.push(noted);
            stretch.bytes += bytes;
            stretch.work += WORK_OF_COMMAND;
            self.here.steps += 1;
        }
        self.bytes += bytes + size_of::<Noted>();
        self.forget_oldest();
    }

    /// Whether the next step belongs in a stretch of its own.
    fn must_open(&self) -> bool {
        self.stretches.get(self.here.stretch).is_none_or(|stretch| {
            self.here.steps < stretch.steps.len()
                // Before the boot, numbers of events and ticks have another meaning.
                || stretch.ends_with_boot(stretch.steps.len())
                || stretch.steps.len() >= MAX_STEPS
                || stretch.bytes > MAX_BYTES
                || stretch.work > self.max_work
        })
    }

    /// Begins a stretch here.
    fn open(&mut self, machine: &mut Machine) {
        let parent = self.reaches(self.here).then_some(self.here);
        let since = self.clock(machine);
        let start = machine.checkpoint();
        let before = self.stretches.iter().rev().find_map(|s| s.start.as_ref());
        self.held += match before {
            Some(before) => start.bytes_beside(before),
            None => Checkpoint::bytes_of([&start].into_iter()),
        };
        self.stretches.push(Stretch {
            parent,
            since,
            until: since,
            paused: machine.is_paused(),
            start: Some(start),
            steps: Vec::new(),
            bytes: 0,
            work: 0,
        });
        self.here = Moment {
            stretch: self.stretches.len() - 1,
            ..Moment::default()
        };
        let kept = self.stretches.iter().filter(|s| s.start.is_some()).count();
        if kept > self.max_checkpoints {
            self.thin_out();
        }
        self.bound_memory();
    }

    /// Drops checkpoints until the others take no more memory than they may. What one of them takes
    /// is counted when it is made, and counted anew only if the sum is too much: frames that a
    /// dropped one had shared with others are still there.
    fn bound_memory(&mut self) {
        let most = self.max_memory / 3 * 2;
        if self.held <= most {
            return;
        }
        let checkpoints = self.stretches.iter().filter_map(|s| s.start.as_ref());
        self.held = Checkpoint::bytes_of(checkpoints);
        // Some room is made, so that the next counting is far away.
        while self.held > most / 4 * 3 && self.thin_out() {
            let _more = (1..AT_ONCE).take_while(|_| self.thin_out()).count();
            let checkpoints = self.stretches.iter().filter_map(|s| s.start.as_ref());
            self.held = Checkpoint::bytes_of(checkpoints);
        }
    }

    /// Drops the checkpoint that is the least loss: little work leads to it from another one, or it
    /// is old. Returns `false` if there is none to drop.
    fn thin_out(&mut self) -> bool {
        let last = self.stretches.len() - 1;
        let mut ways: Vec<u64> = Vec::with_capacity(last);
        let mut least: Option<(u64, usize)> = None;
        for (nr, stretch) in self.stretches[..last].iter().enumerate() {
            let way = stretch.parent.map(|parent| {
                let before = &self.stretches[parent.stretch];
                let to_parent = before.start.is_none().then(|| ways[parent.stretch]);
                to_parent.unwrap_or(0).saturating_add(before.work)
            });
            ways.push(way.unwrap_or(u64::MAX));
            let loss = way.map(|way| (way.saturating_mul(1024) / (last - nr) as u64, nr));
            if stretch.start.is_some() {
                least = [least, loss].into_iter().flatten().min();
            }
        }
        if let Some((_, nr)) = least {
            self.stretches[nr].start = None;
        }
        least.is_some()
    }

    fn forget_oldest(&mut self) {
        while self.bytes > self.max_memory / 3 && self.forgotten < self.here.stretch {
            let oldest = &mut self.stretches[self.forgotten];
            self.bytes -= oldest.bytes + oldest.steps.len() * size_of::<Noted>();
            oldest.steps = Vec::new();
            oldest.start = None;
            oldest.parent = None;
            self.forgotten += 1;
        }
    }

    fn count_work(&mut self, machine: &Machine) {
        let now = machine.work();
        let clock = self.clock(machine);
        if let Some(stretch) = self.stretches.get_mut(self.here.stretch) {
            stretch.work += now.saturating_sub(self.counted);
            if stretch.ends_at(self.here) {
                stretch.until = clock;
                stretch.paused = machine.is_paused();
            }
        }
        self.counted = now;
    }

    /// Whether the machine can go to the moment.
    pub fn reaches(&self, moment: Moment) -> bool {
        self.way_to(moment).is_some()
    }

    /// The moments to be passed on the way from a checkpoint, the last one first.
    fn way_to(&self, moment: Moment) -> Option<Vec<Moment>> {
        let mut way = vec![moment];
        let mut stretch = self.stretches.get(moment.stretch)?;
        while stretch.start.is_none() {
            let parent = stretch.parent?;
            way.push(parent);
            stretch = &self.stretches[parent.stretch];
        }
        Some(way)
    }

    /// Takes the machine to a moment. Returns whether that was possible.
    pub fn go_to(&mut self, machine: &mut Machine, moment: Moment) -> bool {
        let Some(way) = self.way_to(moment) else {
            return false;
        };
        for part in way.into_iter().rev() {
            let stretch = &self.stretches[part.stretch];
            if let Some(start) = &stretch.start {
                machine.restore(start);
            }
            for noted in &stretch.steps[..part.steps] {
                noted.step.repeat(machine);
            }
            if let (Some(place), Some(noted)) = (part.within, stretch.steps.get(part.steps)) {
                noted.step.repeat_up_to(machine, Rest::At(place));
            }
        }
        self.here = moment;
        self.counted = machine.work();
        true
    }
}

impl Stretch {
    /// Whether a moment of it is its end.
    fn ends_at(&self, moment: Moment) -> bool {
        moment.within.is_none() && moment.steps == self.steps.len()
    }

    /// Whether a machine has just been booted when so many steps have been done.
    fn ends_with_boot(&self, steps: usize) -> bool {
        let last = steps.checked_sub(1).map(|last| &self.steps[last].step);
        matches!(last, Some(Step::Boot(_)))
    }

    /// How far the machine has come when so many steps have been done, and whether a command is
    /// still in progress then.
    fn after(&self, steps: usize) -> (Clock, bool) {
        match self.steps.get(steps) {
            Some(next) => (next.since, next.paused),
            None => (self.until, self.paused),
        }
    }
}

impl Step {
    fn repeat(&self, machine: &mut Machine) {
        match self {
            Self::Command(line, command) => {
                machine.kernel.log.line = *line;
                // A refused command is refused again.
                taken(machine, |machine| machine.begin(command.clone()));
            }
            Self::GiveUp => machine.give_up(),
            Self::Slices(slices) => (0..*slices).for_each(|_| {
                taken(machine, Machine::go_on);
            }),
            Self::Boot(config) => {
                if let Ok(booted) = Machine::boot((**config).clone()) {
                    *machine = booted;
                }
            }
        }
    }

    /// Does the step, or what is left of it, up to a place of rest. Returns whether that comes before
    /// the end of the step.
    fn repeat_up_to(&self, machine: &mut Machine, rest: Rest) -> bool {
        machine.rest_at(Some(rest));
        let progress = match self {
            Self::Command(line, command) => {
                machine.kernel.log.line = *line;
                taken(machine, |machine| machine.begin(command.clone()))
            }
            Self::Slices(_) => taken(machine, Machine::go_on),
            Self::Boot(_) | Self::GiveUp => {
                self.repeat(machine);
                Progress::Done(Ok(super::Reply::Done))
            }
        };
        machine.rest_at(None);
        progress == Progress::Paused
    }
}

/// Does a step whose output was already shown when it was done first.
fn taken(machine: &mut Machine, step: impl FnOnce(&mut Machine) -> Progress) -> Progress {
    let progress = step(machine);
    drop(machine.kernel.take_printed());
    drop(machine.kernel.take_console_output());
    drop(machine.take_crashes());
    progress
}

#[cfg(test)]
mod tests;
