//! Finding a moment: the first one at which something has come, or the last one before it. A moment
//! is a place where the kernel is at rest; an event inside a step stands for the moments before and
//! after that step.
//!
//! Whatever can only come and not go (an event of that number, a tick) is found by halving: whole
//! stretches are skipped by what their beginnings say, then whole steps, then parts of a step.
//! Anything else is looked for by going from rest to rest.

use super::{History, Moment, Step};
use crate::machine::work::{Place, Rest};
use crate::machine::{Checkpoint, Machine};
use std::iter::successors;

/// Into how many parts a step is divided at a time.
const PARTS: u64 = 64;

/// How far a machine has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Clock {
    /// How often it has been booted.
    pub boots: u64,
    /// Ticks since the last boot.
    pub tick: u64,
    /// How many events have happened since then.
    pub seq: u64,
    /// The work since then.
    pub work: u64,
}

impl Clock {
    const fn place(self) -> Place {
        Place {
            work: self.work,
            tick: self.tick,
        }
    }
}

/// On which side of what is looked for the machine is to stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// At the last moment before it.
    Before,
    /// At the first moment after it.
    After,
}

impl History {
    /// The moment at which the machine stands.
    pub const fn here(&self) -> Moment {
        self.here
    }

    /// How far the machine, which stands here, has come.
    pub fn clock(&self, machine: &Machine) -> Clock {
        let stretch = self.stretches.get(self.here.stretch);
        let boots = stretch.map_or(0, |stretch| {
            stretch.since.boots + u64::from(stretch.ends_with_boot(self.here.steps))
        });
        Clock {
            boots,
            tick: machine.kernel.tick(),
            seq: machine.kernel.log.event_seq(),
            work: machine.work(),
        }
    }

    /// The ways through the stretches that lead to a moment: the end of each, the last one first.
    fn ends(&self, tip: Moment) -> impl Iterator<Item = Moment> {
        successors(Some(tip), |at| {
            let parent = self.stretches.get(at.stretch)?.parent;
            parent.filter(|parent| parent.stretch >= self.forgotten)
        })
    }

    /// The same, the first one first.
    fn line_to(&self, tip: Moment) -> Vec<Moment> {
        let mut line: Vec<Moment> = self.ends(tip).collect();
        line.reverse();
        line
    }

    /// The moments at which the stretches on the way to a moment begin, and that moment itself, in
    /// this order; only those since the last boot.
    pub fn milestones(&self, tip: Moment, boots: u64) -> Vec<Moment> {
        let line = self.line_to(tip);
        let since = |end: &&Moment| self.stretches[end.stretch].since.boots == boots;
        let begun = line.iter().filter(since).map(|end| end.beginning());
        begun.filter(|begin| *begin != tip).chain([tip]).collect()
    }

    /// Whether the machine passes through a moment on its way to another one.
    pub fn leads_to(&self, moment: Moment, tip: Moment) -> bool {
        let mut ends = self.ends(tip);
        ends.any(|end| end.stretch == moment.stretch && moment <= end)
    }

    /// Takes the machine to the moment on the way to `tip` at which something has come (`has_come`
    /// never ceases to be true), or to the last one before it. Returns whether there is one; if not,
    /// the machine is at `tip`.
    pub fn seek(
        &mut self,
        machine: &mut Machine,
        tip: Moment,
        has_come: impl Fn(Clock) -> bool,
        side: Side,
    ) -> bool {
        self.count_work(machine);
        let line = self.line_to(tip);
        let not_yet = |clock: Clock| !has_come(clock);
        let begins_before = |end: &Moment| not_yet(self.stretches[end.stretch].since);
        let Some(nr) = line.partition_point(begins_before).checked_sub(1) else {
            self.go_to(machine, line[0].beginning());
            return false;
        };
        let end = line[nr];
        let until = match line.get(nr + 1) {
            Some(next) => self.stretches[next.stretch].since,
            None if end.within.is_none() => self.stretches[end.stretch].after(end.steps).0,
            None => {
                self.go_to(machine, tip);
                self.clock(machine)
            }
        };
        let steps = end.steps + usize::from(end.within.is_some());
        let steps = &self.stretches[end.stretch].steps[..steps];
        let before = steps.partition_point(|noted| not_yet(noted.since));
        let (Some(step), true) = (before.checked_sub(1), has_come(until)) else {
            self.go_to(machine, tip);
            return false;
        };
        let until = steps.get(before).map_or(until, |next| next.since);
        let start = Moment {
            steps: step,
            ..end.beginning()
        };
        if !self.go_to(machine, start) {
            self.go_to(machine, tip);
            return false;
        }
        self.seek_inside(machine, until.place(), &has_come, side);
        true
    }

    /// Finds the moment inside the step that begins here.
    fn seek_inside(
        &mut self,
        machine: &mut Machine,
        last: Place,
        has_come: &impl Fn(Clock) -> bool,
        side: Side,
    ) {
        let start = self.here;
        let checkpoint = machine.checkpoint();
        let first = machine.place();
        let mut span = Place {
            work: last.work.saturating_sub(first.work),
            tick: last.tick.saturating_sub(first.tick),
        };
        // The last place at which it had not come yet.
        let mut before = start;
        loop {
            self.go_inside(machine, &checkpoint, start, before);
            span = Place {
                work: (span.work / PARTS).max(1),
                tick: (span.tick / PARTS).max(1),
            };
            loop {
                let from = machine.place();
                self.rest(
                    machine,
                    Rest::By(Place {
                        work: from.work + span.work,
                        tick: from.tick + span.tick,
                    }),
                );
                if self.here.within.is_none() || has_come(self.clock(machine)) {
                    break;
                }
                before = self.here;
            }
            if span.work == 1 && span.tick == 1 {
                break;
            }
        }
        if side == Side::Before {
            self.go_inside(machine, &checkpoint, start, before);
        }
    }

    /// Goes to a moment inside the step at whose beginning the checkpoint was made.
    fn go_inside(
        &mut self,
        machine: &mut Machine,
        checkpoint: &Checkpoint,
        start: Moment,
        inside: Moment,
    ) {
        machine.restore(checkpoint);
        self.here = start;
        self.counted = machine.work();
        if let Some(place) = inside.within {
            self.rest(machine, Rest::At(place));
        }
    }

    /// Goes on with the step in which the machine stands, or begins the next one, up to a place of
    /// rest or to its end.
    fn rest(&mut self, machine: &mut Machine, rest: Rest) {
        let stretch = &self.stretches[self.here.stretch];
        let step = &stretch.steps[self.here.steps].step;
        let (end, stays_paused) = stretch.after(self.here.steps + 1);
        let rest = match rest {
            Rest::By(to) if stays_paused => Rest::By(bounded(to, machine.place(), end.place())),
            rest => rest,
        };
        let paused = match self.here.within {
            None => step.repeat_up_to(machine, rest),
            Some(_) => Step::Slices(1).repeat_up_to(machine, rest),
        };
        if paused && !(stays_paused && machine.place() == end.place()) {
            self.here.within = Some(machine.place());
        } else {
            self.here.within = None;
            self.here.steps += 1;
        }
        self.counted = machine.work();
    }

    /// Takes the machine to the next place of rest on the way to `tip`, which must lead through
    /// here, or to one that is about so much work and so many ticks away. Returns `false` at `tip`.
    pub fn advance(
        &mut self,
        machine: &mut Machine,
        tip: Moment,
        (work, ticks): (u64, u64),
    ) -> bool {
        // The stretch that follows this one on the line begins where this one ends.
        while self.here != tip {
            let mut next = tip;
            let Some(end) = self.ends(tip).find(|end| {
                let is_here = end.stretch == self.here.stretch;
                next = if is_here { next } else { *end };
                is_here
            }) else {
                return false;
            };
            if self.here != end {
                break;
            }
            self.here = next.beginning();
        }
        if self.here == tip {
            return false;
        }
        let from = machine.place();
        self.rest(
            machine,
            Rest::By(Place {
                work: from.work.saturating_add(work),
                tick: from.tick.saturating_add(ticks),
            }),
        );
        true
    }
}

/// A place of rest on the way to another one, at which a command was dropped and beyond which it
/// must not go.
fn bounded(to: Place, from: Place, end: Place) -> Place {
    let bound = |to: u64, from: u64, end: u64| if from < end { to.min(end) } else { u64::MAX };
    Place {
        work: bound(to.work, from.work, end.work),
        tick: bound(to.tick, from.tick, end.tick),
    }
}

impl Moment {
    /// The beginning of its stretch.
    pub(super) const fn beginning(self) -> Self {
        Self {
            stretch: self.stretch,
            steps: 0,
            within: None,
        }
    }
}
