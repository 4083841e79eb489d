//! What happens at a certain tick: the timer interrupt, sleeps, and interval timers.

mod itimer;
mod jiffies;
mod nanosleep;
mod timer;

pub use itimer::{ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, RealTimers};
pub(super) use jiffies::{TICK_NSEC, jiffies_to_timeval, timespec_to_jiffies};
pub use timer::Timers;
