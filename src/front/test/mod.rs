//! `forklab test`: compares scripts with their snapshots, on all cores, and shows differences in
//! colour, in the order of the scripts.

mod difference;
mod options;
mod review;
mod tally;

pub(super) use options::TestArgs;

use super::diag::draw;
use super::exit_code::{INTERRUPTED, USAGE};
use super::host_file::fetcher;
use super::print::{complain, output_failed, print_line, print_painted, reason};
use super::process::Process;
use super::reports;
use super::run::{Source, plain_script};
use super::style::{Colors, paint_words, stdout_colors, visible};
use crate::lab::{
    Comparison, Pool, Script, Update, Verdict, Watchdog, check, collect_matching, in_order, stale,
    watching,
};
use crate::script::Failure;
use crate::view::Role;
use difference::difference;
use options::Unreferenced;
use review::{Decision, Review};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use std::{fs, thread};
use tally::Tally;

/// What is to be tested.
struct Plan {
    scripts: Vec<Script>,
    /// Snapshots that belong to no script.
    stale: Vec<PathBuf>,
}

/// A verdict, and how long it took.
struct Tested {
    verdict: Verdict,
    took: Duration,
}

/// Tests every script in the paths; returns 1 if one differs.
pub(super) fn run(process: &Process, args: &TestArgs) -> u8 {
    match test(process, args) {
        Ok(code) | Err(Trouble::Ends(code)) => code,
        Err(Trouble::Because(why)) => {
            complain(&format!("forklab: {why}"));
            USAGE
        }
    }
}

/// Why the tests end early.
enum Trouble {
    /// With this exit code; everything has been said.
    Ends(u8),
    /// The command line, or a file that it names, is unusable.
    Because(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

fn test(process: &Process, args: &TestArgs) -> Result<u8, Trouble> {
    let plan = plan(args)?;
    let reports = reports::wanted(&args.report, reports::OF_TESTS)?;
    let review = if args.review {
        Some(Review::new(process)?)
    } else {
        None
    };
    let mut tally = Tally::new(args.update());
    let output_ends = |error: std::io::Error| Trouble::Ends(output_failed(error.kind()));
    test_all(process, args, &plan.scripts, review, &mut tally)?;
    for path in &plan.stale {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut done = "it belongs to no script";
        if args.deletes() {
            fs::remove_file(path).map_err(|error| format!("{name}: {}", reason(&error)))?;
            done = "it belonged to no script and is deleted";
        } else {
            tally.add_stale();
        }
        print_line(&format!("stale   {name}: {done}")).map_err(output_ends)?;
    }
    let lines = tally.slowest(args.slowest.unwrap_or(0)).into_iter();
    for line in lines.chain(tally.summary()) {
        print_line(&line).map_err(output_ends)?;
    }
    let report = tally.report();
    for wanted in reports {
        wanted.write(&report)?;
    }
    Ok(tally.exit_code())
}

/// Finds the scripts, each once, and the snapshots that belong to none.
fn plan(args: &TestArgs) -> Result<Plan, Trouble> {
    let (mut scripts, mut unused) = (Vec::new(), Vec::new());
    let mut known = BTreeSet::new();
    for path in &args.paths {
        let wrong = |error| format!("{}: {}", path.display(), reason(&error));
        let found = collect_matching(path).map_err(wrong)?;
        if let Some(folder) = found.whole
            && args.unreferenced != Unreferenced::Ignore
            && args.partition.is_first()
        {
            unused.extend(stale(&folder, &found.scripts).unwrap_or_default());
        }
        let fresh = found.scripts.into_iter();
        scripts.extend(fresh.filter(|script| known.insert(script.path.clone())));
    }
    if scripts.is_empty() {
        return Err(Trouble::Because("no scripts (*.rhai) found".to_owned()));
    }
    // Folders may lie within each other.
    unused.sort();
    unused.dedup();
    Ok(Plan {
        scripts: args.partition.of(scripts),
        stale: unused,
    })
}

/// Tests the scripts on several threads, and shows and counts the verdicts in order.
fn test_all(
    process: &Process,
    args: &TestArgs,
    scripts: &[Script],
    mut review: Option<Review>,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let color = stdout_colors();
    let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pool = Pool {
        threads: args.jobs.map_or_else(cores, std::num::NonZero::get),
        stack: process.limits.stack(),
    };
    let mut end = Ok(());
    let limit = Duration::from_secs(args.timeout);
    // Whoever was refused memory runs again without the others, as if there had been one thread.
    let others = RwLock::new(());
    let tested = watching(limit, &process.interrupt, |dog| {
        let work = |script: &Script| {
            let tested = {
                let _shared = others.read().unwrap_or_else(PoisonError::into_inner);
                test_one(process, script, dog, limit)
            };
            if !tested.verdict.was_refused_memory || pool.threads == 1 {
                return tested;
            }
            drop(tested);
            let _alone = others.write().unwrap_or_else(PoisonError::into_inner);
            test_one(process, script, dog, limit)
        };
        in_order(pool, scripts, work, |_, tested| {
            end = show(tested, review.as_mut(), color, tally);
            if end.is_err() {
                // What still runs is not waited for.
                process.interrupt.raise();
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
    });
    tested.map_err(|error| format!("cannot start a thread ({error})"))?;
    end
}

/// Shows a verdict, asks about it if there is a review, and counts it.
fn show(
    tested: Tested,
    review: Option<&mut Review>,
    color: Colors,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let Tested { mut verdict, took } = tested;
    if verdict.outcome == Comparison::Interrupted {
        return Err(Trouble::Ends(INTERRUPTED));
    }
    let update = tally.update();
    if review.is_none()
        && let Err(error) = verdict.settle(update)
    {
        let why = format!(
            "{}: {}",
            verdict.script.snapshot.path().display(),
            reason(&error)
        );
        verdict = Verdict::unusable(verdict.script, why);
    }
    print_painted(&lines_about(&verdict, update, color))
        .map_err(|error| Trouble::Ends(output_failed(error.kind())))?;
    let mut decision = Decision::Skipped;
    if let Some(review) = review
        && matches!(verdict.outcome, Comparison::Differs { .. })
    {
        decision = review.decide(&verdict).map_err(|error| {
            if error.kind() == std::io::ErrorKind::Interrupted {
                Trouble::Ends(INTERRUPTED)
            } else {
                Trouble::Because(reason(&error))
            }
        })?;
    }
    tally.add(&verdict, decision, took);
    Ok(())
}

fn test_one(process: &Process, script: &Script, dog: &Watchdog, limit: Duration) -> Tested {
    let plain = |failure: &Failure, name: &str, text: &str| draw(failure, name, text, Colors::Off);
    let watched = dog.watch();
    let mut host = process.host(Box::new(|_| Ok(())));
    host.interrupt = watched.interrupt();
    let folder = script.path.parent().unwrap_or(Path::new(""));
    host.fetch = Some(fetcher(folder.to_owned()));
    let script = script.clone();
    let mut verdict = match text_of(&script) {
        Ok(text) => check(script, &text, process.limits, host, plain),
        Err(why) => Verdict::unusable(script, why),
    };
    if watched.has_timed_out() {
        let why = format!(
            "stopped after {} s; --timeout changes that, and --max-work is a deadline that is the \
             same on every computer",
            limit.as_secs()
        );
        verdict = Verdict::unusable(verdict.script, why);
    }
    let took = watched.elapsed();
    Tested { verdict, took }
}

/// The text of a script, as `forklab run` reads it.
fn text_of(script: &Script) -> Result<String, String> {
    if script.is_elsewhere {
        return Err("a link to a file outside of the folder is not followed".to_owned());
    }
    Source::of_path(script.path.clone())
        .read()
        .map(plain_script)
}

/// A line about a script, followed by the difference.
fn lines_about(verdict: &Verdict, update: Update, color: Colors) -> String {
    let label = visible(&verdict.script.label);
    let accepted = update == Update::Accept;
    match &verdict.outcome {
        Comparison::Same => format!("{} {label}", paint_words("same   ", Role::Good, color)),
        Comparison::Conflict { .. } if accepted => {
            format!("{} {label}", paint_words("accept ", Role::Good, color))
        }
        Comparison::Unusable(why) | Comparison::Conflict { why, .. } => {
            format!(
                "{} {label}: {}",
                paint_words("error  ", Role::Bad, color),
                visible(why)
            )
        }
        Comparison::Interrupted => String::new(),
        Comparison::Differs { was, now, failed } => {
            let word = match was {
                _ if accepted => paint_words("accept ", Role::Good, color),
                None => paint_words("new    ", Role::Bad, color),
                Some(_) => paint_words("differs", Role::Bad, color),
            };
            let was = was.as_deref().unwrap_or_default();
            // What is accepted unseen may be a mistake in the script.
            let end = if *failed {
                ": it ends with an error"
            } else {
                ""
            };
            let lines = format!("{word} {label}{end}\n{}", difference(was, now, color));
            lines.trim_end().to_owned()
        }
    }
}
