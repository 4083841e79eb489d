//! The sleeps with a timeout, in a timer wheel with a list for each of the next ticks, so that to
//! add and to delete one takes the same few steps however many there are.
//!
//! As in 2.6.12 (`tvec_bases`), but with one large wheel in the place of five: what does not fit is
//! in an ordered set until it is due, and is never moved.

use crate::abi::{Pid, TaskId};
use slotmap::SecondaryMap;
use std::collections::BTreeSet;

/// Ticks that the wheel reaches ahead: a bit of a word for each of as many words.
const SLOTS: usize = 64 * 64;

/// The sleeps with a timeout, soonest first; those of one tick in ascending order of pid.
#[derive(Clone, Debug)]
pub struct Timers {
    /// The list of each tick of the wheel; it has no order. Before the first sleep there are none,
    /// because checkpoints copy them.
    heads: Vec<Option<TaskId>>,
    /// Which lists are not empty, a bit each.
    bitmap: [u64; 64],
    /// Which words of the bitmap are not 0.
    words: u64,
    /// The members of the lists.
    sleeps: SecondaryMap<TaskId, Sleep>,
    /// The sleeps that end later than the wheel reaches, or whose tick has already passed.
    others: BTreeSet<(u64, Pid, TaskId)>,
    /// Those that have just expired, last one first.
    due: Vec<(u64, Pid, TaskId)>,
    /// The tick at which the next sleep ends.
    soonest: Option<u64>,
}

/// A sleep in the wheel.
#[derive(Clone, Copy, Debug)]
struct Sleep {
    tick: u64,
    pid: Pid,
    prev: Option<TaskId>,
    next: Option<TaskId>,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            heads: Vec::new(),
            bitmap: [0; 64],
            words: 0,
            sleeps: SecondaryMap::new(),
            others: BTreeSet::new(),
            due: Vec::new(),
            soonest: None,
        }
    }
}

impl Timers {
    /// The tick at which the next sleep ends.
    #[inline]
    pub const fn next_expiry(&self) -> Option<u64> {
        self.soonest
    }

    /// Every sleep, in no order: the tick at which it ends, and the sleeper.
    pub fn iter(&self) -> impl Iterator<Item = (u64, TaskId)> {
        let in_wheel = self.sleeps.iter().map(|(task, sleep)| (sleep.tick, task));
        in_wheel.chain(self.others.iter().map(|(tick, _, task)| (*tick, *task)))
    }

    /// Adds the sleep of a task that has none yet.
    pub(super) fn add(&mut self, now: u64, tick: u64, pid: Pid, task: TaskId) {
        self.soonest = Some(self.soonest.map_or(tick, |soonest| soonest.min(tick)));
        if !reaches(now, tick) {
            self.others.insert((tick, pid, task));
            return;
        }
        if self.heads.is_empty() {
            self.heads.resize(SLOTS, None);
        }
        let slot = slot(tick);
        let next = self.heads[slot].replace(task);
        match next {
            Some(next) => self.sleeps[next].prev = Some(task),
            None => self.mark(slot),
        }
        let sleep = Sleep {
            tick,
            pid,
            prev: None,
            next,
        };
        self.sleeps.insert(task, sleep);
    }

    /// Removes a sleep before it ends.
    pub(super) fn remove(&mut self, now: u64, tick: u64, pid: Pid, task: TaskId) {
        match self.sleeps.remove(task) {
            Some(sleep) => self.unlink(sleep),
            None => {
                self.others.remove(&(tick, pid, task));
            }
        }
        if self.soonest == Some(tick) {
            self.find_soonest(now);
        }
    }

    /// Takes out the next sleep that ends by the tick `now`. No tick may be left out at which one
    /// ends.
    #[inline]
    pub(super) fn pop_expired(&mut self, now: u64) -> Option<TaskId> {
        if self.due.is_empty() {
            self.soonest.filter(|soonest| *soonest <= now)?;
            self.collect_due(now);
        }
        self.due.pop().map(|(_, _, task)| task)
    }

    fn collect_due(&mut self, now: u64) {
        while self.others.first().is_some_and(|(tick, _, _)| *tick <= now) {
            self.due.extend(self.others.pop_first());
        }
        let slot = slot(now);
        let mut member = self.heads.get_mut(slot).and_then(Option::take);
        self.unmark(slot);
        while let Some(task) = member {
            member = None;
            if let Some(Sleep {
                tick, pid, next, ..
            }) = self.sleeps.remove(task)
            {
                self.due.push((tick, pid, task));
                member = next;
            }
        }
        if self.due.len() > 1 {
            self.due.sort_unstable_by(|one, other| other.cmp(one));
        }
        self.find_soonest(now);
    }

    fn unlink(&mut self, sleep: Sleep) {
        let Sleep {
            tick, prev, next, ..
        } = sleep;
        let slot = slot(tick);
        match prev {
            Some(prev) => self.sleeps[prev].next = next,
            None => self.heads[slot] = next,
        }
        match next {
            Some(next) => self.sleeps[next].prev = prev,
            None if prev.is_none() => self.unmark(slot),
            None => {}
        }
    }

    fn mark(&mut self, slot: usize) {
        self.bitmap[slot / 64] |= 1 << (slot % 64);
        self.words |= 1 << (slot / 64);
    }

    fn unmark(&mut self, slot: usize) {
        self.bitmap[slot / 64] &= !(1 << (slot % 64));
        if self.bitmap[slot / 64] == 0 {
            self.words &= !(1 << (slot / 64));
        }
    }

    fn find_soonest(&mut self, now: u64) {
        let other = self.others.first().map(|(tick, _, _)| *tick);
        let both = [self.soonest_in_wheel(now), other];
        self.soonest = both.into_iter().flatten().min();
    }

    /// The first tick after `now` whose list is not empty; the search goes round the wheel.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `next_timer_interrupt()`.
    fn soonest_in_wheel(&self, now: u64) -> Option<u64> {
        let start = slot(now + 1);
        let word = start / 64;
        let in_this_word = self.bitmap[word] & (u64::MAX << (start % 64));
        let (word, bits) = if in_this_word != 0 {
            (word, in_this_word)
        } else if self.words != 0 {
            // The word itself comes last: its first bits are the last ticks that the wheel reaches.
            let later = self.words.rotate_right(word as u32 + 1).trailing_zeros();
            let word = (word + 1 + later as usize) % 64;
            (word, self.bitmap[word])
        } else {
            return None;
        };
        let found = word * 64 + bits.trailing_zeros() as usize;
        Some(now + 1 + (found.wrapping_sub(start) % SLOTS) as u64)
    }
}

const fn slot(tick: u64) -> usize {
    tick as usize % SLOTS
}

/// Whether the wheel has a list for the tick: one of those after `now`, each of another slot.
const fn reaches(now: u64, tick: u64) -> bool {
    tick > now && tick - now < SLOTS as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotmap::SlotMap;

    /// Random sleeps, some deleted, beside a set in which all of them are in order.
    #[test]
    fn sleeps_end_in_the_order_of_ticks_and_pids_wherever_they_are() {
        let mut random = fastrand::Rng::with_seed(13);
        let mut ids: SlotMap<TaskId, ()> = SlotMap::with_key();
        let tasks: Vec<TaskId> = (0..300).map(|_| ids.insert(())).collect();
        let mut timers = Timers::default();
        let mut model: BTreeSet<(u64, Pid, TaskId)> = BTreeSet::new();
        let mut asleep: Vec<Option<u64>> = vec![None; tasks.len()];
        let mut now = 0;
        for _ in 0..30_000 {
            let at = random.usize(..tasks.len());
            // Pids are not in the order of the tasks.
            let (pid, task) = (Pid((at * 7 % 300) as i32), tasks[at]);
            match asleep[at].take() {
                None => {
                    let reach = [1, 3, 64, 700, SLOTS as u64, 20_000][random.usize(..6)];
                    let tick = now + random.u64(0..=reach);
                    timers.add(now, tick, pid, task);
                    model.insert((tick, pid, task));
                    asleep[at] = Some(tick);
                }
                Some(tick) => {
                    timers.remove(now, tick, pid, task);
                    model.remove(&(tick, pid, task));
                }
            }
            assert_eq!(timers.next_expiry(), model.first().map(|first| first.0));
            // Time may pass at once up to the tick before the next one at which a sleep ends.
            let quiet = timers
                .next_expiry()
                .map_or(50, |next| next.saturating_sub(now + 1));
            now += 1 + random.u64(0..=quiet.min(3000)) * random.u64(0..=1);
            while let Some(first) = model.first().copied().filter(|first| first.0 <= now) {
                model.pop_first();
                assert_eq!(timers.pop_expired(now), Some(first.2));
                asleep[tasks.iter().position(|task| *task == first.2).unwrap()] = None;
            }
            assert_eq!(timers.pop_expired(now), None);
            assert_eq!(timers.next_expiry(), model.first().map(|first| first.0));
        }
    }
}
