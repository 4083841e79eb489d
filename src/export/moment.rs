//! Moments of events in nanoseconds. The machine's clock counts ticks of a millisecond; events of one
//! tick get moments a nanosecond apart, so that their order is unambiguous.

use crate::trace::{Cause, Record};

/// Whether an event happened in the timer interrupt, rather than on behalf of the task on the CPU.
pub(super) fn in_interrupt(record: &Record) -> bool {
    record.cause() == Cause::Timer
}

/// Nanoseconds in a tick.
pub(super) const TICK: u64 = 1_000_000;

/// Gives each event of a run its moment.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Clock {
    tick: u64,
    /// Number of events in that tick so far.
    events: u64,
}

impl Clock {
    /// The moment of the next event, which happens in that tick.
    pub(super) fn at(&mut self, tick: u64) -> u64 {
        if tick != self.tick {
            *self = Self { tick, events: 0 };
        }
        let at = self.now(tick);
        self.events += 1;
        at
    }

    /// The moment just after all events so far.
    pub(super) const fn after(self) -> u64 {
        self.now(self.tick)
    }

    /// A moment in that tick after all events so far.
    pub(super) const fn now(self, tick: u64) -> u64 {
        if tick != self.tick {
            return tick * TICK;
        }
        let since = if self.events < TICK {
            self.events
        } else {
            TICK - 1
        };
        tick * TICK + since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_tick_are_a_nanosecond_apart_and_stay_in_it() {
        let mut clock = Clock::default();
        assert_eq!(
            [0, 0, 3, 3].map(|tick| clock.at(tick)),
            [0, 1, 3 * TICK, 3 * TICK + 1]
        );
        for _ in 0..2 * TICK {
            clock.at(4);
        }
        assert_eq!(clock.at(4), 5 * TICK - 1);
        assert_eq!(clock.at(5), 5 * TICK);
    }
}
