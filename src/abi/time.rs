//! Ticks, clocks and timers.

/// Ticks per second.
pub const HZ: u32 = 1000;

/// Length of a tick in the kernel's arithmetic, ns: the timer of a PC cannot be set to exactly 1
/// ms.
///
/// Linux 2.6.12: `include/linux/jiffies.h`, `TICK_NSEC` with HZ 1000.
pub const TICK_NSEC: u64 = 999_848;

constants! {
    /// A clock of clock_gettime: the time of day.
    CLOCK_REALTIME: u32 = 0;
    /// A clock of clock_gettime: time since boot.
    CLOCK_MONOTONIC: u32 = 1;
    /// A clock of clock_gettime: the CPU time of the process.
    CLOCK_PROCESS_CPUTIME_ID: u32 = 2;
    /// A clock of clock_gettime: the CPU time of the thread.
    CLOCK_THREAD_CPUTIME_ID: u32 = 3;
    /// A flag of clock_nanosleep: the time is one of the clock, not a length.
    TIMER_ABSTIME: u32 = 1;
    /// A way of sigevent: a timer sends a signal to its process.
    SIGEV_SIGNAL: u32 = 0;
    /// A way of sigevent: a timer sends nothing.
    SIGEV_NONE: u32 = 1;
    /// A way of sigevent: for the C library, which makes a thread; to the kernel like SIGEV_SIGNAL.
    SIGEV_THREAD: u32 = 2;
    /// A way of sigevent: a timer sends a signal to a thread.
    SIGEV_THREAD_ID: u32 = 4;
    /// A timer of setitimer: real time, sends SIGALRM.
    ITIMER_REAL: u32 = 0;
    /// A timer of setitimer: user time, sends SIGVTALRM.
    ITIMER_VIRTUAL: u32 = 1;
    /// A timer of setitimer: user and system time, sends SIGPROF.
    ITIMER_PROF: u32 = 2;
}
