//! Signals, as methods of a task: sending, blocking and awaiting them, and timers.

use super::calls::{done, plain, signal_set, signal_word};
use super::convert::{
    Result, act, alive, call_handle, check_keys, int_option, look, pid_of, ranged, word,
};
use crate::abi::{
    KSigaction, SIGINFO_WORDS, SaFlags, SigAction, SigInfo, SigOrigin, SigSet, Signal, VirtAddr,
};
use crate::kernel::syscall::{
    InfoTo, ItimerVal, SigactionArgs, SigprocmaskArgs, SigtimedwaitArgs, Syscall,
};
use crate::machine::{Acted, Action};
use crate::script::errors::errno_error;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

fn call(ctx: &NativeCallContext, task: &Task, call: Syscall) -> Result<Dynamic> {
    plain(ctx, task, call)
}

pub(super) fn nothing(ctx: &NativeCallContext, task: &Task, signal: Syscall) -> Result<Dynamic> {
    done(ctx, task, signal)
}

/// The arguments of `sigaction`, with the options `flags` and `mask`.
pub(super) fn action_with(signal: u32, handler: u32, options: &Map) -> Result<SigactionArgs> {
    check_keys(options, &["flags", "mask"])?;
    let flags = match options.get("flags") {
        Some(flags) => word(int_option(flags, "flags")?, "flags")?,
        None => 0,
    };
    let mask = match options.get("mask") {
        Some(mask) => signal_set(&mask.clone().into_array().unwrap_or_default())?,
        None => SigSet::EMPTY,
    };
    Ok(SigactionArgs {
        signal,
        new: Some(KSigaction {
            handler: SigAction::from_word(handler),
            flags: SaFlags::from_bits_retain(flags),
            restorer: VirtAddr(0),
            mask,
        }),
        old: VirtAddr(0),
    })
}

fn array_of(set: SigSet) -> Array {
    let numbers = set.iter().map(|signal| i64::from(signal.number()).into());
    numbers.collect()
}

/// The `siginfo` of a signal, as a map.
pub(super) fn info_map(info: &SigInfo) -> Dynamic {
    let mut map = Map::new();
    map.insert("signo".into(), i64::from(info.signal.number()).into());
    map.insert("code".into(), i64::from(info.code).into());
    map.insert("pid".into(), i64::from(info.pid()).into());
    map.insert("uid".into(), i64::from(info.uid()).into());
    let key = match info.origin {
        SigOrigin::Child { .. } => "status",
        _ => "value",
    };
    if let Some(value) = info.value() {
        map.insert(key.into(), i64::from(value).into());
    }
    map.into()
}

/// `rt_sigtimedwait`: returns the `siginfo` of the signal, or a call.
fn sigtimedwait(
    ctx: &NativeCallContext,
    task: &Task,
    signals: &Array,
    timeout: Option<u64>,
) -> Result<Dynamic> {
    let args = SigtimedwaitArgs {
        set: signal_set(signals)?,
        info: InfoTo::Task,
        timeout,
    };
    let wait = Action::Syscall(Syscall::RtSigtimedwait(args));
    match act(ctx, task, wait)? {
        Acted::Returned(_) => {
            let info = look(ctx, |machine| {
                machine
                    .kernel
                    .tasks()
                    .get(task.id)
                    .and_then(|t| t.in_call.reported)
            })?;
            Ok(info.map_or(Dynamic::UNIT, |info| info_map(&info)))
        }
        Acted::Blocks(id) => call_handle(ctx, id),
        _ => Ok(Dynamic::UNIT),
    }
}

#[export_module]
pub mod functions {
    /// `kill(pid, signal)`: a handle or a pid above 0 means that process, 0 the caller's process
    /// group, below -1 the process group `-pid`, -1 every process but init and the caller's own.
    /// Signal 0 only checks whether the caller may.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.kill(kid, SIGTERM);
    /// assert_eq(sh.wait().text, "killed by SIGTERM");
    /// let group = sh.fork();
    /// sh.setpgid(group, 0);
    /// sh.kill(-group.pid, SIGKILL);
    /// assert_eq(sh.wait().status, 9);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn kill(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        signal: i64,
    ) -> Result<Dynamic> {
        let (pid, signal) = (pid_of(&pid, "the pid")?, signal_word(signal)?);
        nothing(&ctx, task, Syscall::Kill(pid, signal))
    }

    /// `tkill(tid, signal)`: sends a signal to one thread.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGUSR1]);
    /// sh.tkill(sh, SIGUSR1);
    /// assert_eq(sh.sigpending(), [SIGUSR1]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tkill(
        ctx: NativeCallContext,
        task: &mut Task,
        tid: Dynamic,
        signal: i64,
    ) -> Result<Dynamic> {
        let (tid, signal) = (pid_of(&tid, "the tid")?, signal_word(signal)?);
        nothing(&ctx, task, Syscall::Tkill(tid, signal))
    }

    /// `tgkill(tgid, tid, signal)`: sends a signal to a thread if it belongs to that process.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// try { sh.tgkill(sh, kid, SIGTERM) } catch (e) { assert_eq(e.name, "ESRCH") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tgkill(
        ctx: NativeCallContext,
        task: &mut Task,
        tgid: Dynamic,
        tid: Dynamic,
        signal: i64,
    ) -> Result<Dynamic> {
        let (tgid, tid) = (pid_of(&tgid, "the tgid")?, pid_of(&tid, "the tid")?);
        let signal = signal_word(signal)?;
        nothing(&ctx, task, Syscall::Tgkill(tgid, tid, signal))
    }

    /// `sigqueue(pid, signal, value)`: sends a signal with a value for the receiver
    /// (`rt_sigqueueinfo`).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGRTMIN]);
    /// sh.sigqueue(sh, SIGRTMIN, 42);
    /// assert_eq(sh.sigwait([SIGRTMIN]).value, 42);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sigqueue(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        signal: i64,
        value: i64,
    ) -> Result<Dynamic> {
        let pid = pid_of(&pid, "the pid")?;
        let (signal, value) = (signal_word(signal)?, word(value, "the value")?);
        let id = alive(&ctx, task)?;
        let (tgid, uid) = look(&ctx, |machine| {
            let task = machine.kernel.task(id);
            (task.tgid().0, task.cred().uid)
        })?;
        let number = Signal::new(signal as u32).unwrap_or(Signal::SIGRTMIN);
        let info = SigInfo::queued(number, tgid, uid, value);
        debug_assert_eq!(info.words().len(), SIGINFO_WORDS);
        nothing(&ctx, task, Syscall::RtSigqueueinfo(pid, signal, info))
    }

    /// `sigaction` with flags and a mask: `#{flags: SA_RESTART | SA_SIGINFO, mask: [SIGINT]}`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigaction(SIGCHLD, SIG_DFL, #{flags: SA_NOCLDWAIT});
    /// sh.fork().exit(0);
    /// try { sh.wait() } catch (e) { assert_eq(e.name, "ECHILD") }
    /// ```
    #[rhai_fn(name = "sigaction", return_raw)]
    pub fn sigaction_options(
        ctx: NativeCallContext,
        task: &mut Task,
        signal: i64,
        handler: i64,
        options: Map,
    ) -> Result<Dynamic> {
        let signal = word(signal, "the signal")?;
        let args = action_with(signal, word(handler, "the handler")?, &options)?;
        nothing(&ctx, task, Syscall::RtSigaction(args))
    }

    /// `sigprocmask(how, signals)`: `SIG_BLOCK`, `SIG_UNBLOCK` or `SIG_SETMASK`. Returns the
    /// signals that were blocked before.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGINT, SIGKILL]);
    /// assert_eq(sh.sigprocmask(SIG_SETMASK, []), [SIGINT]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sigprocmask(
        ctx: NativeCallContext,
        task: &mut Task,
        how: i64,
        signals: Array,
    ) -> Result<Dynamic> {
        let id = alive(&ctx, task)?;
        let old = look(&ctx, |machine| machine.kernel.task(id).blocked())?;
        let args = SigprocmaskArgs {
            how: word(how, "how")?,
            set: Some(signal_set(&signals)?),
            old: VirtAddr(0),
        };
        // A task that its tracer has stopped before the call has not changed its mask yet.
        let made = nothing(&ctx, task, Syscall::RtSigprocmask(args))?;
        Ok(if made.is_unit() {
            array_of(old).into()
        } else {
            made
        })
    }

    /// The signals that are blocked and pending. No system call is made.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGINT]);
    /// sh.kill(sh, SIGINT);
    /// assert_eq(sh.sigpending(), [SIGINT]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sigpending(ctx: NativeCallContext, task: &mut Task) -> Result<Array> {
        let id = alive(&ctx, task)?;
        look(&ctx, |machine| array_of(machine.kernel.do_sigpending(id)))
    }

    /// `sigsuspend(signals)`: waits for a handler to run, with these signals blocked instead of the
    /// current ones.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigaction(SIGUSR1, 0x8048000);
    /// sh.sigprocmask(SIG_BLOCK, [SIGUSR1]);
    /// let waiting = sh.sigsuspend([]);
    /// spawn("sh").kill(sh, SIGUSR1);
    /// assert(waiting.done);
    /// assert_eq(sh.sigprocmask(SIG_BLOCK, []), [SIGUSR1]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sigsuspend(ctx: NativeCallContext, task: &mut Task, signals: Array) -> Result<Dynamic> {
        let mask = signal_set(&signals)?;
        call(&ctx, task, Syscall::RtSigsuspend(mask))
    }

    /// `pause()`: waits for a handler to run.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigaction(SIGALRM, 0x8048000);
    /// sh.alarm(1);
    /// let waiting = sh.pause();
    /// tick(1001);
    /// assert(waiting.done);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pause(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        call(&ctx, task, Syscall::Pause)
    }

    /// Takes one of the signals, which should be blocked, or waits for one (`rt_sigtimedwait`
    /// without a timeout). Returns its `siginfo`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGUSR1]);
    /// sh.kill(sh, SIGUSR1);
    /// let info = sh.sigwait([SIGUSR1]);
    /// assert_eq([info.signo, info.code, info.pid], [SIGUSR1, 0, sh.pid]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sigwait(ctx: NativeCallContext, task: &mut Task, signals: Array) -> Result<Dynamic> {
        sigtimedwait(&ctx, task, &signals, None)
    }

    /// `sigwait` with a timeout in ticks.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// try { sh.sigtimedwait([SIGUSR1], 0) } catch (e) { assert_eq(e.name, "EAGAIN") }
    /// ```
    #[rhai_fn(name = "sigtimedwait", return_raw)]
    pub fn sys_sigtimedwait(
        ctx: NativeCallContext,
        task: &mut Task,
        signals: Array,
        ticks: i64,
    ) -> Result<Dynamic> {
        let ticks = ranged(ticks, "the number of ticks", 0, i64::from(i32::MAX))?;
        sigtimedwait(&ctx, task, &signals, Some(ticks as u64))
    }

    /// `alarm(seconds)`: requests SIGALRM after that many seconds; 0 cancels it. Returns the
    /// seconds that were left of the previous alarm.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.alarm(10), 0);
    /// assert_eq(sh.alarm(0), 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn alarm(ctx: NativeCallContext, task: &mut Task, seconds: i64) -> Result<Dynamic> {
        let seconds = word(seconds, "the number of seconds")?;
        plain(&ctx, task, Syscall::Alarm(seconds))
    }

    /// `setitimer(which, first, interval)`, in ticks: `ITIMER_REAL`, `ITIMER_VIRTUAL` or
    /// `ITIMER_PROF`. A `first` of 0 turns the timer off.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.setitimer(ITIMER_REAL, 100, 50);
    /// tick(40);
    /// assert_eq(sh.getitimer(ITIMER_REAL), #{value: 60, interval: 50});
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setitimer(
        ctx: NativeCallContext,
        task: &mut Task,
        which: i64,
        first: i64,
        interval: i64,
    ) -> Result<Dynamic> {
        let ticks = |ticks| ranged(ticks, "the number of ticks", 0, i64::from(i32::MAX));
        let value = ItimerVal {
            interval: ticks(interval)? as u64,
            value: ticks(first)? as u64,
        };
        let which = word(which, "the timer")?;
        nothing(&ctx, task, Syscall::Setitimer(which, value, VirtAddr(0)))
    }

    /// The time left on a timer, in ticks. No system call is made.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.getitimer(ITIMER_PROF), #{value: 0, interval: 0});
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getitimer(ctx: NativeCallContext, task: &mut Task, which: i64) -> Result<Map> {
        let (id, which) = (alive(&ctx, task)?, word(which, "the timer")?);
        let value = look(&ctx, |machine| machine.kernel.do_getitimer(id, which))?;
        let value = value.map_err(|errno| errno_error(errno, "getitimer"))?;
        let mut map = Map::new();
        map.insert("value".into(), (value.value as i64).into());
        map.insert("interval".into(), (value.interval as i64).into());
        Ok(map)
    }

    /// `sigaltstack`: handlers with `SA_ONSTACK` run on that memory.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let stack = sh.mmap(8*KiB);
    /// sh.sigaltstack(stack, 8*KiB);
    /// try { sh.sigaltstack(stack, 100) } catch (e) { assert_eq(e.name, "ENOMEM") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sigaltstack(
        ctx: NativeCallContext,
        task: &mut Task,
        addr: i64,
        size: i64,
    ) -> Result<Dynamic> {
        let stack = [word(addr, "the address")?, 0, word(size, "the size")?];
        nothing(&ctx, task, Syscall::Sigaltstack(Some(stack), VirtAddr(0)))
    }
}
