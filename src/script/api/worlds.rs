//! Two worlds side by side: a moment that is kept, and scenarios under several options.

use super::convert::{Result, ranged};
use super::machine::boot_config;
use super::view::{as_view, drawn};
use crate::export::Drawing;
use crate::machine::{Machine, Moment};
use crate::script::errors::ScriptError;
use crate::script::session::{Plain, Scenario, Shared, View};
use crate::view::{self, Beside, Comparison, World, compare};
use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext};
use std::ops::{Range, RangeInclusive};

/// The most settings of a sweep.
const MAX_SETTINGS: i64 = 10_000;

/// A moment that is kept, to be compared with others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    moment: Moment,
    name: String,
    /// The machine whose moment it is.
    home: u64,
}

/// What has been done up to a moment.
fn world_at(shared: &Shared, name: &str, moment: Moment) -> Result<World> {
    let world = shared.with(|state| state.visit(moment, |machine| World::of(name, machine)))?;
    Ok(world?)
}

/// This moment beside another one.
fn beside(ctx: &NativeCallContext, other: &Branch) -> Result<View> {
    let shared = Shared::of(ctx)?;
    let (here, home) = shared.with(|state| (state.stand_anyway(), state.home()))?;
    let here = here?.here;
    if home != other.home {
        return Err(
            ScriptError::new("that moment belongs to another machine than this one")
                .with_help("inside compare, each scenario has a machine of its own")
                .into(),
        );
    }
    let worlds = [
        world_at(&shared, "here", here)?,
        world_at(&shared, &other.name, other.moment)?,
    ];
    compared(ctx, compare(&worlds))
}

fn compared(ctx: &NativeCallContext, found: Comparison) -> Result<View> {
    let view = as_view(ctx, &found, &found.text())?;
    Ok(drawn(view, Drawing::Comparison(found.into())))
}

/// Runs a function on a machine of its own.
fn run_apart(
    ctx: &NativeCallContext,
    (name, options): (&str, &Map),
    run: &FnPtr,
    argument: Option<Dynamic>,
) -> Result<World> {
    let config = boot_config(options)?;
    let shared = Shared::of(ctx)?;
    let kept = shared.with(|state| state.step_aside(config))??;
    let result: Result<Dynamic> = match argument {
        Some(argument) => run.call_within_context(ctx, (argument,)),
        None => run.call_within_context(ctx, ()),
    };
    let world = shared.with(|state| {
        let world = World::of(name, &state.machine);
        state.step_back(kept);
        world
    })?;
    result.map(|_| world)
}

/// A scenario: its name, boot options, the function, and whether that takes the options.
type Setting = (String, Map, FnPtr, bool);

/// How much a scenario must take, in operations and work, for others to be run on other cores: to
/// start a session there takes about as long.
const MIN_EFFORT: u64 = 100_000;

/// Runs scenarios, each on a machine of its own. If the first one shows that it is worth while, the
/// others run on all cores.
fn run_all(ctx: &NativeCallContext, scenarios: Vec<Setting>) -> Result<View> {
    let shared = Shared::of(ctx)?;
    let mut rest = scenarios.into_iter();
    let Some(first) = rest.next() else {
        return compared(ctx, compare(&[]));
    };
    let run = |(name, options, run, takes): Setting| {
        let argument = takes.then(|| Dynamic::from(options.clone()));
        run_apart(ctx, (&name, &options), &run, argument)
    };
    let before = shared.with(|state| state.effort())?;
    let first = run(first)?;
    let effort = shared.with(|state| state.effort())? - before;
    let mut found = vec![view::beside(&first, &first)];
    if effort.saturating_mul(rest.len() as u64) >= MIN_EFFORT
        && let Some(others) = run_on_all_cores(&shared, &first, rest.as_slice())
    {
        found.extend(others);
    } else {
        for setting in rest {
            found.push(view::beside(&first, &run(setting)?));
        }
    }
    compared(ctx, found.into_iter().collect())
}

/// Runs scenarios at the same time, and puts each beside the first one; `None` if they do not allow
/// that.
fn run_on_all_cores(shared: &Shared, first: &World, scenarios: &[Setting]) -> Option<Vec<Beside>> {
    let plain = |(_, options, run, takes): &Setting| {
        let captured = run.curry().iter().map(Plain::of).collect::<Option<_>>()?;
        let argument = if *takes {
            Some(Plain::of(&Dynamic::from(options.clone()))?)
        } else {
            None
        };
        Some(Scenario {
            config: boot_config(options).ok()?,
            function: (run.fn_name().to_owned(), captured),
            argument,
        })
    };
    let plain: Vec<Scenario> = scenarios.iter().map(plain).collect::<Option<_>>()?;
    let names: Vec<&str> = scenarios.iter().map(|(name, ..)| name.as_str()).collect();
    let look = |nr: usize, machine: &Machine| view::beside(first, &World::of(names[nr], machine));
    shared.run_apart(&plain, look)
}

/// How a setting is called in a table: its options.
fn title(options: &Map) -> String {
    let words = options.iter().map(|(key, value)| format!("{key}: {value}"));
    match words.collect::<Vec<_>>().join(", ") {
        words if words.is_empty() => "default".to_owned(),
        words => words,
    }
}

#[export_module]
pub mod functions {
    /// Keeps this moment, to compare others with it: see `diff`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let w = branch();
    /// assert(`${diff(w)}`.contains("nothing differs"));
    /// ```
    #[rhai_fn(name = "branch", return_raw)]
    pub fn branch(ctx: NativeCallContext) -> Result<Branch> {
        let (here, home) = Shared::of(&ctx)?.with(|state| (state.stand_anyway(), state.home()))?;
        Ok(Branch {
            moment: here?.here,
            name: "branch".to_owned(),
            home,
        })
    }

    /// This moment beside one that was kept: the first event at which the two part, with the
    /// decision on both sides, and a table of the counters and ends of tasks that differ.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 42);
    /// let kid = sh.fork();
    /// kid.write(a, 7);
    /// let w = branch();                         // the child was the first to write
    /// before("cow_copy");
    /// sh.write(a, 9);                           // here it is the parent
    /// print(diff(w));
    /// assert_eq(diff(w).partings[1].first.pid, sh.pid);
    /// ```
    #[rhai_fn(name = "diff", return_raw)]
    pub fn diff(ctx: NativeCallContext, other: Branch) -> Result<View> {
        beside(&ctx, &other)
    }

    /// This moment beside the end of a branch of the session, by its number: see `branches` at the
    /// prompt.
    ///
    /// ```rhai
    /// try { diff(7); } catch (error) { assert_eq(error.message, "there is no branch 7"); }
    /// ```
    #[rhai_fn(name = "diff", return_raw)]
    pub fn diff_number(ctx: NativeCallContext, number: i64) -> Result<View> {
        let shared = Shared::of(&ctx)?;
        let found = shared.with(|state| state.branch_end(number))?;
        let moment = found.ok_or_else(|| {
            ScriptError::new(format!("there is no branch {number}"))
                .with_help("branches lists them; let w = branch() keeps the present moment")
        })?;
        let name = format!("branch {number}");
        let home = shared.with(|state| state.home())?;
        beside(&ctx, &Branch { moment, name, home })
    }

    /// Runs a scenario on a fresh machine for each set of boot options, and shows where the runs
    /// part and what differs. The function may have a parameter, which gets the options. The machine
    /// of the script stays as it is. Long scenarios run on all cores of the host, with the same
    /// result.
    ///
    /// ```rhai
    /// print(compare([#{child_runs_first: true}, #{child_runs_first: false}], || {
    ///     let sh = spawn("sh");
    ///     let a = sh.mmap(4*KiB);
    ///     sh.write(a, 1);
    ///     sh.fork().write(a, 2);
    /// }));
    /// ```
    #[rhai_fn(name = "compare", return_raw)]
    pub fn compare_options(ctx: NativeCallContext, options: Array, run: FnPtr) -> Result<View> {
        let takes_options = parameters(&ctx, &run)? > 0;
        let mut scenarios = Vec::with_capacity(options.len());
        for set in options {
            let Some(map) = set.read_lock::<Map>().map(|map| map.clone()) else {
                let message = format!("{set} is no set of boot options");
                let help =
                    "compare([#{cpus: 1}, #{cpus: 2}], || { .. }), or compare(sweep(..), ..)";
                return Err(ScriptError::new(message).with_help(help).into());
            };
            scenarios.push((title(&map), map, run.clone(), takes_options));
        }
        run_all(&ctx, scenarios)
    }

    /// Runs several scenarios, each on a fresh machine of the default size, and shows where they
    /// part and what differs.
    ///
    /// ```rhai
    /// let copies = |first| {
    ///     let sh = spawn("sh");
    ///     let a = sh.mmap(4*KiB);
    ///     sh.write(a, 1);
    ///     let kid = sh.fork();
    ///     if first { kid.write(a, 2); } else { sh.write(a, 2); }
    /// };
    /// print(compare([|| copies.call(true), || copies.call(false)]));
    /// ```
    #[rhai_fn(name = "compare", return_raw)]
    pub fn compare_scenarios(ctx: NativeCallContext, scenarios: Array) -> Result<View> {
        let mut all = Vec::with_capacity(scenarios.len());
        for (nr, scenario) in scenarios.into_iter().enumerate() {
            let Some(run) = scenario.clone().try_cast::<FnPtr>() else {
                let message = format!("{scenario} is no function");
                let help = "compare([|| { .. }, || { .. }]) takes closures";
                return Err(ScriptError::new(message).with_help(help).into());
            };
            let name = format!("scenario {}", nr + 1);
            all.push((name, Map::new(), run, false));
        }
        run_all(&ctx, all)
    }

    /// Sets of boot options that differ in one value, for `compare`.
    ///
    /// ```rhai
    /// assert_eq(sweep("child_penalty", 90..=95).len(), 6);
    /// ```
    #[rhai_fn(name = "sweep", return_raw)]
    pub fn sweep(option: &str, values: RangeInclusive<i64>) -> Result<Array> {
        let (first, last) = values.into_inner();
        settings(option, first, last.saturating_add(1))
    }

    /// Sets of boot options that differ in one value, without the last one.
    ///
    /// ```rhai
    /// print(compare(sweep("cpus", 1..3), || { spawn("hog", workload(["run 5"])); run(); }));
    /// ```
    #[rhai_fn(name = "sweep", return_raw)]
    pub fn sweep_below(option: &str, values: Range<i64>) -> Result<Array> {
        settings(option, values.start, values.end)
    }
}

fn settings(option: &str, first: i64, end: i64) -> Result<Array> {
    ranged(
        end.saturating_sub(first),
        "the number of values",
        1,
        MAX_SETTINGS,
    )?;
    let set = |value: i64| {
        let mut options = Map::new();
        options.insert(option.into(), value.into());
        Dynamic::from(options)
    };
    Ok((first..end).map(set).collect())
}

/// The number of parameters of a function.
fn parameters(ctx: &NativeCallContext, function: &FnPtr) -> Result<usize> {
    let name = function.fn_name().to_owned();
    let curried = function.curry().len();
    let found = Shared::of(ctx)?.with(|state| state.parameters(&name))?;
    Ok(found.unwrap_or(0).saturating_sub(curried))
}
