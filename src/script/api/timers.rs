//! POSIX timers, as methods of a task.

use super::calls::{done, plain, words};
use super::convert::{Result, pid_of, ranged, word};
use super::files::{Buffered, empty, with_buffer};
use crate::abi::{SIGEV_SIGNAL, SIGEV_THREAD_ID, Signal, TICK_NSEC};
use crate::kernel::syscall::Syscall;
use crate::machine::{BufferCall, ITIMERSPEC_BYTES, StackCall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext};

/// Nanoseconds of a second.
const NSEC_PER_SEC: u64 = 1_000_000_000;

/// A number of ticks as a `struct timespec`.
fn timespec(ticks: i64, what: &str) -> Result<[u32; 2]> {
    let ticks = ranged(ticks, what, 0, i64::from(i32::MAX))? as u64;
    let ns = ticks * TICK_NSEC;
    Ok([(ns / NSEC_PER_SEC) as u32, (ns % NSEC_PER_SEC) as u32])
}

/// A `struct itimerspec` in ticks.
fn setting(words: &[u32]) -> Dynamic {
    let ticks = |at: usize| {
        let word = |at: usize| words.get(at).copied().map_or(0, u64::from);
        let ns = word(at) * NSEC_PER_SEC + word(at + 1);
        ns.div_ceil(TICK_NSEC) as i64
    };
    let mut map = Map::new();
    map.insert("value".into(), ticks(2).into());
    map.insert("interval".into(), ticks(0).into());
    map.into()
}

/// What one of these calls has stored, as a value.
pub(super) fn stored(call: &BufferCall, bytes: &[u8]) -> Dynamic {
    let words = words(bytes);
    match call {
        BufferCall::TimerCreate { .. } => words.first().copied().map_or(0, i64::from).into(),
        BufferCall::TimerSettime(_) => setting(words.get(4..).unwrap_or_default()),
        _ => setting(&words),
    }
}

fn make(ctx: &NativeCallContext, task: &Task, what: StackCall) -> Result<Dynamic> {
    let call = what.call.clone();
    Ok(match with_buffer(ctx, task, what)? {
        Buffered::Done(_, bytes) => stored(&call, &bytes),
        Buffered::Open(call) => call,
    })
}

/// `timer_create` with an event: the signal, how it is sent, and the thread that gets it.
fn create(
    ctx: &NativeCallContext,
    task: &Task,
    clock: i64,
    (signal, notify, thread): (i64, u32, i32),
) -> Result<Dynamic> {
    let event = [
        0,
        word(signal, "the signal")?,
        notify,
        thread.cast_unsigned(),
    ];
    let id = 0;
    let bytes: Vec<u8> = std::iter::once(id)
        .chain(event)
        .flat_map(u32::to_le_bytes)
        .collect();
    let what = StackCall {
        len: bytes.len() as u32,
        bytes,
        call: BufferCall::TimerCreate {
            clock: word(clock, "the clock")?,
        },
    };
    make(ctx, task, what)
}

fn timer_of(timer: i64) -> Result<i32> {
    word(timer, "the timer").map(u32::cast_signed)
}

#[export_module]
pub mod functions {
    /// Makes a timer by a clock, such as `CLOCK_REALTIME`, that sends the process `SIGALRM`. Returns its
    /// id; `timer_settime` starts it.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let timer = sh.timer_create(CLOCK_MONOTONIC);
    /// sh.sigaction(SIGALRM, SIG_IGN);
    /// sh.timer_settime(timer, 10, 0);
    /// tick(5);
    /// assert_eq(sh.timer_gettime(timer), #{value: 6, interval: 0});
    /// ```
    #[rhai_fn(name = "timer_create", return_raw)]
    pub fn timer_create(ctx: NativeCallContext, task: &mut Task, clock: i64) -> Result<Dynamic> {
        let signal = Signal::SIGALRM.number().into();
        create(&ctx, task, clock, (signal, SIGEV_SIGNAL, 0))
    }

    /// Makes a timer that sends the process another signal.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let timer = sh.timer_create(CLOCK_REALTIME, SIGUSR1);
    /// sh.timer_settime(timer, 10, 0);
    /// run();
    /// assert_eq(sh.exit_status, 128 + SIGUSR1);
    /// ```
    #[rhai_fn(name = "timer_create", return_raw)]
    pub fn timer_create_signal(
        ctx: NativeCallContext,
        task: &mut Task,
        clock: i64,
        signal: i64,
    ) -> Result<Dynamic> {
        create(&ctx, task, clock, (signal, SIGEV_SIGNAL, 0))
    }

    /// Makes a timer that sends one thread of the process a signal (`SIGEV_THREAD_ID`).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGUSR1]);
    /// let timer = sh.timer_create(CLOCK_REALTIME, SIGUSR1, sh);
    /// sh.timer_settime(timer, 10, 0);
    /// tick(20);
    /// assert_eq(sh.sigpending(), [SIGUSR1]);
    /// ```
    #[rhai_fn(name = "timer_create", return_raw)]
    pub fn timer_create_thread(
        ctx: NativeCallContext,
        task: &mut Task,
        clock: i64,
        signal: i64,
        thread: Dynamic,
    ) -> Result<Dynamic> {
        let thread = pid_of(&thread, "the thread")?;
        let notify = SIGEV_SIGNAL | SIGEV_THREAD_ID;
        create(&ctx, task, clock, (signal, notify, thread))
    }

    /// `timer_settime(timer, first, interval)`, in ticks: starts a timer, which expires once if the
    /// interval is 0. A `first` of 0 turns it off. Returns the setting that it had, as
    /// `timer_gettime` does.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let timer = sh.timer_create(CLOCK_REALTIME);
    /// assert_eq(sh.timer_settime(timer, 100, 50), #{value: 0, interval: 0});
    /// tick(40);
    /// assert_eq(sh.timer_settime(timer, 0, 0), #{value: 61, interval: 50});
    /// ```
    #[rhai_fn(return_raw)]
    pub fn timer_settime(
        ctx: NativeCallContext,
        task: &mut Task,
        timer: i64,
        first: i64,
        interval: i64,
    ) -> Result<Dynamic> {
        let [first, interval] = [
            timespec(first, "the time until it expires")?,
            timespec(interval, "the interval")?,
        ];
        let words = [interval, first].concat();
        let what = StackCall {
            len: 2 * ITIMERSPEC_BYTES,
            bytes: words.into_iter().flat_map(u32::to_le_bytes).collect(),
            call: BufferCall::TimerSettime(timer_of(timer)?),
        };
        make(&ctx, task, what)
    }

    /// `timer_gettime(timer)`: `#{value, interval}`: the ticks until the timer expires, 0 if it is
    /// off, and those from then on.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let timer = sh.timer_create(CLOCK_REALTIME);
    /// sh.timer_settime(timer, 100, 50);
    /// assert_eq(sh.timer_gettime(timer), #{value: 101, interval: 50});
    /// ```
    #[rhai_fn(return_raw)]
    pub fn timer_gettime(ctx: NativeCallContext, task: &mut Task, timer: i64) -> Result<Dynamic> {
        let call = BufferCall::TimerGettime(timer_of(timer)?);
        make(&ctx, task, empty(ITIMERSPEC_BYTES, call))
    }

    /// `timer_getoverrun(timer)`: how often the timer expired while its last signal was pending.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGALRM]);
    /// let timer = sh.timer_create(CLOCK_REALTIME);
    /// sh.timer_settime(timer, 10, 10);
    /// tick(45);
    /// sh.sigtimedwait([SIGALRM], 0);
    /// assert_eq(sh.timer_getoverrun(timer), 3);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn timer_getoverrun(
        ctx: NativeCallContext,
        task: &mut Task,
        timer: i64,
    ) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::TimerGetoverrun(timer_of(timer)?))
    }

    /// `timer_delete(timer)`: ends a timer.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let timer = sh.timer_create(CLOCK_REALTIME);
    /// sh.timer_delete(timer);
    /// try { sh.timer_gettime(timer) } catch (e) { assert_eq(e.name, "EINVAL") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn timer_delete(ctx: NativeCallContext, task: &mut Task, timer: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::TimerDelete(timer_of(timer)?))
    }
}
