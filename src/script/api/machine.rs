//! The machine: booting, time, injected branches and failures.

use super::convert::{
    Result, apply, bool_option, check_keys, choice, int_option, look, ranged, string_option, word,
};
use super::travel::stop_at_event;
use crate::kernel::boot::Config;
use crate::kernel::fail::{COPY_STEPS, FailPoint};
use crate::kernel::mm::PagevecMode;
use crate::kernel::sched::Tunables;
use crate::kernel::sysctl::Sysctl;
use crate::machine::{Command, Machine, Reply, Stop, Until};
use crate::script::errors::ScriptError;
use crate::script::session::{Halt, Limit, Shared, Stage};
use crate::trace::CopyStage;
use crate::view;
use rhai::plugin::*;
use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

/// The options of `boot` besides the constants of the scheduler.
const OPTIONS: [&str; 21] = [
    "cpus",
    "mem",
    "tlb",
    "swap",
    "pagevec",
    "pid_max",
    "threads_max",
    "compat",
    "cow",
    "child_runs_first",
    "fork_flushes_tlb",
    "overcommit_memory",
    "overcommit_ratio",
    "initial_jiffies",
    "uid",
    "strace",
    "cycles_per_tick",
    "interleave",
    "jitter",
    "fork_cpu",
    "parent_not_on_array",
];

/// All options of `boot`.
pub fn boot_options() -> Vec<&'static str> {
    [&OPTIONS[..], &Tunables::NAMES].concat()
}

pub(super) fn boot_config(options: &Map) -> Result<Config> {
    check_keys(options, &boot_options())?;
    let mut config = Config::default();
    for (key, value) in options {
        let number = || {
            let int = int_option(value, key)?;
            ranged(int, key, 0, i64::from(u32::MAX)).map(|int| int as u32)
        };
        match key.as_str() {
            "cpus" => config.cpus = number()?,
            "mem" => config.mem = number()?,
            "tlb" => config.tlb = number()?,
            "swap" => config.swap = number()?,
            "pagevec" => config.pagevec = pagevec_option(value)?,
            "pid_max" => config.pid_max = number()?,
            "threads_max" => config.threads_max = Some(number()?),
            "compat" => config.compat = bool_option(value, key)?,
            "cow" => config.cow = bool_option(value, key)?,
            "child_runs_first" => config.child_runs_first = bool_option(value, key)?,
            "fork_flushes_tlb" => config.fork_flushes_tlb = bool_option(value, key)?,
            "overcommit_memory" => config.sysctls.set(Sysctl::OvercommitMemory, number()?),
            "overcommit_ratio" => config.sysctls.set(Sysctl::OvercommitRatio, number()?),
            "initial_jiffies" => config.initial_jiffies = number()?,
            "uid" => config.uid = number()?,
            "strace" => config.strace = bool_option(value, key)?,
            "cycles_per_tick" => config.cycles_per_tick = number()?,
            "interleave" => config.interleave = number()?,
            "jitter" => config.jitter = Some(u64::from(number()?)),
            "fork_cpu" => config.fork_cpu = Some(number()?),
            "parent_not_on_array" => config.parent_not_on_array = bool_option(value, key)?,
            tunable => {
                let (min, max) = Tunables::bounds(tunable).unwrap_or((0, u32::MAX));
                let value = ranged(int_option(value, key)?, key, min.into(), max.into())?;
                config.tunables.set(tunable, value as u32);
            }
        }
    }
    Ok(config)
}

/// How new pages reach the LRU lists.
fn pagevec_option(value: &Dynamic) -> Result<PagevecMode> {
    const MODES: [(&str, PagevecMode); 2] = [
        ("drained", PagevecMode::Drained),
        ("literal", PagevecMode::Literal),
    ];
    let word = string_option(value, "pagevec")?;
    let mode = MODES.into_iter().find(|(name, _)| *name == word);
    mode.map(|(_, mode)| mode).ok_or_else(|| {
        let known = MODES.map(|(name, _)| name);
        ScriptError::new("`pagevec` is neither \"drained\" nor \"literal\"")
            .with_help(choice(&word, "the values", &known))
            .into()
    })
}

fn stuck(machine: &Machine) -> ScriptError {
    let (message, help) = machine.why_stuck();
    ScriptError::new(message).with_help(help)
}

/// Lets time pass. Returns how many ticks have passed.
pub(super) fn pass(ctx: &NativeCallContext, ticks: u64, until: Until) -> Result<i64> {
    let shared = Shared::of(ctx)?;
    let allowed = shared.with(|state| {
        let left = state.ticks_left();
        match until {
            Until::Idle => Ok(ticks.min(left)),
            Until::Budget if ticks > left => Err(Halt::Limit(Limit::Ticks)),
            Until::Budget => Ok(ticks),
        }
    })??;
    let start = look(ctx, |machine| machine.kernel.tick())?;
    let stop = pass_up_to(ctx, start.saturating_add(allowed), until);
    let passed = look(ctx, |machine| machine.kernel.tick())?.saturating_sub(start);
    shared.with(|state| state.spend_ticks(passed))?;
    let Some(stop) = stop? else {
        return Ok(passed as i64);
    };
    match stop {
        Stop::Stuck => Err(look(ctx, stuck)?.into()),
        Stop::Halted(halt) => {
            super::program::tell(ctx, &halt)?;
            Ok(passed as i64)
        }
        Stop::Budget if allowed < ticks => Err(Halt::Limit(Limit::Ticks).into()),
        Stop::Idle => {
            tell_deadlocks(ctx)?;
            Ok(passed as i64)
        }
        _ => Ok(passed as i64),
    }
}

/// Prints which tasks wait for each other, when nothing can happen any more.
fn tell_deadlocks(ctx: &NativeCallContext) -> Result<()> {
    let text = look(ctx, view::deadlocks)?;
    if !text.lines.is_empty() {
        Shared::of(ctx)?.print(&format!("deadlock:\n{text}"));
    }
    Ok(())
}

/// Lets time pass up to a tick; between two commands, handlers run and output is printed. `None` if
/// an event has stopped it.
fn pass_up_to(ctx: &NativeCallContext, end: u64, until: Until) -> Result<Option<Stop>> {
    let stops_at_events = Shared::of(ctx)?.with(|state| !state.stops.is_empty())?;
    loop {
        let (tick, seq) = look(ctx, |machine| {
            (machine.kernel.tick(), machine.kernel.log.event_seq())
        })?;
        let mut left = end.saturating_sub(tick);
        if left == 0 {
            return Ok(Some(Stop::Budget));
        }
        if stops_at_events {
            left = 1;
        }
        let command = match until {
            Until::Idle => Command::Run(left),
            Until::Budget => Command::Tick(left),
        };
        let reply = apply(ctx, command)?;
        if stops_at_events && stop_at_event(ctx, seq)? {
            return Ok(None);
        }
        match reply {
            Reply::Stopped(Stop::Console | Stop::Handler) => {}
            Reply::Stopped(Stop::Budget) if stops_at_events => {}
            Reply::Stopped(stop) => return Ok(Some(stop)),
            _ => return Ok(Some(Stop::Budget)),
        }
    }
}

#[export_module]
pub mod functions {
    /// Boots a fresh machine of the default size: one CPU, 64 MiB. Existing task handles become
    /// invalid.
    ///
    /// ```rhai
    /// boot();
    /// assert_eq(now(), 0);
    /// ```
    #[rhai_fn(name = "boot", return_raw)]
    pub fn boot(ctx: NativeCallContext) -> Result<()> {
        boot_with(ctx, Map::new())
    }

    /// Boots a fresh machine with options. Hardware and limits: `cpus` (1 to 8), `mem` (bytes),
    /// `tlb` (entries), `swap` (bytes of a swap device, by default 0: none), `pid_max`,
    /// `threads_max`, `initial_jiffies`, `uid`. Behaviour that a real 2.6.12 does not let you
    /// change: `pagevec` (`"drained"`, or `"literal"`: pages on their way to the LRU lists have one
    /// more user, as in 2.6.12), `cow`, `child_runs_first`, `fork_flushes_tlb` (all true by
    /// default), and `fork_cpu` and `parent_not_on_array` as in `inject`. Tunables, which `sysctl`
    /// changes later: `overcommit_memory` 0 and `overcommit_ratio` 50. For programs:
    /// `cycles_per_tick` (instructions per tick), `jitter` (a seed that varies the length of ticks)
    /// `interleave` (instructions that a CPU executes in a row, with several CPUs), and `compat`:
    /// programs of later C libraries find another release in `uname`, and a few later calls. With
    /// `strace: true`, system calls are recorded for `strace()`. The constants of the scheduler,
    /// with the names and default values of `kernel/sched.c`:
    /// `child_penalty` 95, `parent_penalty` 100, `exit_weight` 3, `granularity` 10, `min_timeslice`
    /// 5, `def_timeslice` 100, `starvation_limit` 1000 (0: none), `interactive_delta` 2.
    ///
    /// ```rhai
    /// boot(#{mem: 16*MiB, cow: false});
    /// ```
    #[rhai_fn(name = "boot", return_raw)]
    pub fn boot_with(ctx: NativeCallContext, options: Map) -> Result<()> {
        let config = boot_config(&options)?;
        let shared = Shared::of(&ctx)?;
        if shared.with(|state| state.exercise.stage)? == Stage::Submission {
            let error =
                ScriptError::new("a hand-in cannot boot: it runs on the machine of its check");
            return Err(error
                .with_help("leave boot() out; the task says which machine there is")
                .into());
        }
        if !shared
            .with(|state| state.has_room_for(u64::from(config.mem) + u64::from(config.swap)))?
        {
            return Err(Halt::Limit(Limit::Memory).into());
        }
        let booted = shared.with(|state| state.boot(config))?;
        let help = "choose a value in this range; help(\"boot\") describes the options";
        booted.map_err(|why| ScriptError::new(why).with_help(help).into())
    }

    /// The time since boot, in ticks of 1 ms. It stands still until `tick` or `run`.
    ///
    /// ```rhai
    /// tick(3);
    /// assert_eq(now(), 3);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn now(ctx: NativeCallContext) -> Result<i64> {
        look(&ctx, |machine| machine.kernel.tick() as i64)
    }

    /// Lets one tick of 1 ms pass.
    ///
    /// ```rhai
    /// tick();
    /// ```
    #[rhai_fn(name = "tick", return_raw)]
    pub fn tick_one(ctx: NativeCallContext) -> Result<()> {
        pass(&ctx, 1, Until::Budget).map(|_| ())
    }

    /// Lets `n` ticks of 1 ms pass.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20"]));
    /// tick(20);
    /// ```
    #[rhai_fn(name = "tick", return_raw)]
    pub fn tick_many(ctx: NativeCallContext, n: i64) -> Result<()> {
        let ticks = ranged(n, "the number of ticks", 0, i64::MAX)? as u64;
        pass(&ctx, ticks, Until::Budget).map(|_| ())
    }

    /// Lets time pass until nothing is left to happen, at most a million ticks. Returns how many
    /// ticks have passed.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20"]));
    /// assert_eq(run(), 20);
    /// ```
    #[rhai_fn(name = "run", return_raw)]
    pub fn run(ctx: NativeCallContext) -> Result<i64> {
        pass(&ctx, 1_000_000, Until::Idle)
    }

    /// Lets time pass, tick by tick, until a condition holds; no time passes if it already does.
    /// Returns how many ticks have passed. A breakpoint ends it early.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 20", "sleep 5", "goto 0"]));
    /// assert_eq(run_until(|| hog.state == "S"), 20);
    /// ```
    #[rhai_fn(name = "run_until", return_raw)]
    pub fn run_until(ctx: NativeCallContext, condition: FnPtr) -> Result<i64> {
        let start = look(&ctx, |machine| machine.kernel.tick())?;
        loop {
            let value: Dynamic = condition.call_within_context(&ctx, ())?;
            let Ok(holds) = value.as_bool() else {
                let message = format!("the condition must be true or false, not {value}");
                let help = "compare something: run_until(|| task.state == \"S\")";
                return Err(ScriptError::new(message).with_help(help).into());
            };
            let passed = look(&ctx, |machine| machine.kernel.tick())?.saturating_sub(start) as i64;
            if holds {
                return Ok(passed);
            }
            if look(&ctx, Machine::nothing_can_happen)? {
                let message = "nothing is left to happen, and the condition does not hold";
                let help = "ps() shows what the tasks are waiting for; tick(n) lets time pass all the \
                     same";
                let error = ScriptError::new(message).with_help(help);
                let deadlocks = look(&ctx, view::deadlocks)?.to_string();
                return Err(match deadlocks.as_str() {
                    "" => error,
                    deadlocks => error.with_note(format!("deadlock: {deadlocks}")),
                }
                .into());
            }
            // A breakpoint or a panic has stopped the clock.
            if pass(&ctx, 1, Until::Budget)? == 0 {
                return Ok(passed);
            }
        }
    }

    /// Lets time pass until nothing is left to happen, at most `n` ticks. Returns how many ticks
    /// have passed.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "goto 0"]));
    /// assert_eq(run(500), 500);
    /// ```
    #[rhai_fn(name = "run", return_raw)]
    pub fn run_at_most(ctx: NativeCallContext, n: i64) -> Result<i64> {
        pass(
            &ctx,
            ranged(n, "the number of ticks", 0, i64::MAX)? as u64,
            Until::Idle,
        )
    }

    /// Lets calls on a puppet wait up to `n` ticks for the scheduler to give it the CPU. The
    /// default is 0: a call on a puppet that would not run at once is refused.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// spawn("hog", workload(["run 1000"]));
    /// patience(200);
    /// sh.getpid();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn patience(ctx: NativeCallContext, n: i64) -> Result<()> {
        let ticks = ranged(n, "the number of ticks", 0, 1_000_000)? as u64;
        apply(&ctx, Command::Patience(ticks)).map(|_| ())
    }

    /// The value of a tunable of the kernel, as `/proc/sys` has it, such as `"vm.overcommit_memory"`.
    ///
    /// ```rhai
    /// assert_eq(sysctl("vm.overcommit_ratio"), 50);
    /// ```
    #[rhai_fn(name = "sysctl", return_raw)]
    pub fn sysctl(ctx: NativeCallContext, name: &str) -> Result<i64> {
        let sysctl = tunable(name)?;
        look(&ctx, |machine| {
            machine.kernel.config.sysctls.get(sysctl).into()
        })
    }

    /// Changes a tunable of the kernel, as root does by writing to `/proc/sys`.
    ///
    /// `vm.overcommit_memory` says how much memory may be committed. 0: a request is refused if it
    /// alone is more than could be freed. 1: nothing is refused. 2: all that is committed stays
    /// below `vm.overcommit_ratio` percent of the RAM.
    ///
    /// `vm.dirty_background_ratio` and `vm.dirty_ratio` say from how many dirty pages on, in percent
    /// of the memory, pdflush writes them in the background, and from how many on whoever writes
    /// more has to write them himself. Every `vm.dirty_writeback_centisecs` pdflush writes files
    /// that have been dirty for `vm.dirty_expire_centisecs`. `vm.swappiness` says how readily
    /// mapped pages are swapped out.
    ///
    /// ```rhai
    /// let db = spawn("sh");
    /// db.touch(db.mmap(40*MiB), 10240);
    /// try { db.fork(); throw "forked"; } catch (error) { assert_eq(error.errno, 12); }
    /// sysctl("vm.overcommit_memory", 1);
    /// db.fork();
    /// ```
    #[rhai_fn(name = "sysctl", return_raw)]
    pub fn set_sysctl(ctx: NativeCallContext, name: &str, value: i64) -> Result<()> {
        let sysctl = tunable(name)?;
        let value = match sysctl.max() {
            Some(max) => ranged(value, "the value", 0, max.into())? as u32,
            None => word(value, "the value")?,
        };
        apply(&ctx, Command::Sysctl(sysctl, value)).map(|_| ())
    }

    /// Forces a branch that the kernel rarely takes by itself: `"parent_not_on_array"`
    /// (wake_up_new_task finds that the parent is on no priority array).
    ///
    /// ```rhai
    /// inject("parent_not_on_array");
    /// ```
    #[rhai_fn(name = "inject", return_raw)]
    pub fn inject(ctx: NativeCallContext, name: &str) -> Result<()> {
        set_injection(&ctx, name, 1)
    }

    /// Forces a branch or a failure with a value: `"fork_cpu"` (new children start on that CPU; -1
    /// turns it off), `"parent_not_on_array"` (1 or 0), `"fail_frame"` (that many page frame
    /// allocations succeed and the next one fails; -1 turns it off) or `"fail_slab"` (the same for
    /// slab objects).
    ///
    /// ```rhai
    /// boot(#{cpus: 2});
    /// inject("fork_cpu", 1);
    /// ```
    #[rhai_fn(name = "inject", return_raw)]
    pub fn inject_value(ctx: NativeCallContext, name: &str, value: i64) -> Result<()> {
        set_injection(&ctx, name, value)
    }

    /// Makes a step of `copy_process` fail to allocate memory, once: `inject("fail_copy", step)`.
    /// The steps are `dup_task_struct`, `copy_semundo`, `copy_files`, `copy_fs`, `copy_sighand`,
    /// `copy_signal`, `copy_mm` and `copy_namespace`. A step that only shares allocates nothing and
    /// cannot fail. An empty name turns it off.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// inject("fail_copy", "copy_files");
    /// try { sh.fork(); } catch (error) { assert_eq(error.errno, 12); }
    /// assert_eq(sh.fork().ppid, sh.pid);
    /// ```
    #[rhai_fn(name = "inject", return_raw)]
    pub fn inject_step(ctx: NativeCallContext, name: &str, step: &str) -> Result<()> {
        if name != "fail_copy" {
            return Err(unknown_injection(name));
        }
        let stage = match step {
            "" => None,
            name => Some(copy_step(name)?),
        };
        apply(&ctx, Command::Fail(FailPoint::Copy(stage))).map(|_| ())
    }

    /// A number in hexadecimal with at least `digits` digits.
    ///
    /// ```rhai
    /// assert_eq(hex(4096, 8), "0x00001000");
    /// ```
    #[rhai_fn(name = "hex")]
    pub fn hex_padded(value: i64, digits: i64) -> String {
        let width = digits.clamp(0, 8) as usize + 2;
        format!("{:#0width$x}", value as u32)
    }

    /// A number in hexadecimal, as the kernel prints addresses.
    ///
    /// ```rhai
    /// assert_eq(hex(4096), "0x1000");
    /// ```
    pub fn hex(value: i64) -> String {
        format!("{:#x}", value as u32)
    }
}

/// The tunable of that name.
fn tunable(name: &str) -> Result<Sysctl> {
    Sysctl::of(name).ok_or_else(|| {
        let names = Sysctl::ALL.map(Sysctl::name);
        ScriptError::new(format!("there is no tunable `{name}`"))
            .with_help(choice(name, "the tunables", &names))
            .into()
    })
}

/// The names that `inject` accepts.
const INJECTIONS: [&str; 5] = [
    "fork_cpu",
    "parent_not_on_array",
    "fail_frame",
    "fail_slab",
    "fail_copy",
];

fn set_injection(ctx: &NativeCallContext, name: &str, value: i64) -> Result<()> {
    let command = match name {
        "parent_not_on_array" => Command::ParentNotOnArray(value != 0),
        "fork_cpu" if value < 0 => Command::ForkCpu(None),
        "fork_cpu" => {
            let cpus = look(ctx, |machine| machine.kernel.config.cpus)?;
            let cpu = ranged(value, "fork_cpu", 0, i64::from(cpus) - 1)?;
            Command::ForkCpu(Some(cpu as u32))
        }
        "fail_frame" => Command::Fail(FailPoint::Frame(u64::try_from(value).ok())),
        "fail_slab" => Command::Fail(FailPoint::Slab(u64::try_from(value).ok())),
        "fail_copy" => Command::Fail(FailPoint::Copy(Some(copy_step(&value.to_string())?))),
        _ => return Err(unknown_injection(name)),
    };
    apply(ctx, command).map(|_| ())
}

fn unknown_injection(name: &str) -> Box<EvalAltResult> {
    ScriptError::new(format!("there is nothing named {name} to inject"))
        .with_help(choice(name, "injections", &INJECTIONS))
        .into()
}

/// The step of `copy_process` with that function name; it must be one that allocates.
fn copy_step(name: &str) -> Result<CopyStage> {
    let steps = COPY_STEPS.map(|(stage, _)| stage);
    if let Some(stage) = steps.iter().find(|stage| stage.function() == name) {
        return Ok(*stage);
    }
    let names = steps.map(CopyStage::function);
    Err(ScriptError::new(format!(
        "no step of copy_process named {name} allocates memory"
    ))
    .with_help(choice(name, "steps that do", &names))
    .into())
}
