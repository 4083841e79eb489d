//! What happens at a certain tick: the timer interrupt, sleeps, and interval timers; and what time it
//! is: clocks, the time of day, CPU times, the load.
//!
//! The room uses `signal/` (SIGALRM and its like), `sched/` (waking, and its half of the tick), `task/`
//! and `syscall/`.
//! Only this room lets time pass, and only it adds and removes timers: a sleep is in `Timers` exactly
//! while the sleeper has it as `in_call.timer()`, and a real timer is in `RealTimers` exactly while
//! the process has it as `itimers.real()`. A timer that stayed in a set would wake a task from
//! another sleep.

mod clock;
mod itimer;
mod jiffies;
mod load;
mod nanosleep;
mod posix_clock;
mod posix_timer;
mod sysinfo;
mod timer;
mod timers;
mod times;
mod timespec;

pub use clock::{BOOT_TIME, WallClock};
pub use itimer::RealTimers;
pub(super) use jiffies::{jiffies_to_timeval, timespec_to_jiffies};
pub use load::LoadAverage;
pub use posix_timer::{PosixTimer, PosixTimers};
pub use timer::CpuStat;
pub use timers::Timers;
pub use timespec::Timespec;
