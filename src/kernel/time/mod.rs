//! What happens at a certain tick: the timer interrupt, sleeps, and interval timers.

mod itimer;
mod jiffies;
mod nanosleep;
mod timer;

pub use itimer::RealTimers;
pub(super) use jiffies::{jiffies_to_timeval, timespec_to_jiffies};
pub use timer::Timers;
