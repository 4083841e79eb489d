//! Runs the tests with one change on, and stops at the first failure.

use crate::build::{Target, Workshop};
use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The switch's variables.
const ACTIVE: &str = "FORKLAB_MUTANT";
const REACHED: &str = "FORKLAB_MUTANTS_REACHED";

/// KiB, more than the tests need by far: a change may make them ask for memory without end.
const ADDRESS_SPACE: u32 = 6 << 20;

/// How a trial ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A test failed, or the program of tests crashed.
    Failed(String),
    /// Tests went on for too long.
    NoEnd(Target),
    /// All passed.
    Survived,
    /// No test comes to the place.
    NeverReached,
}

impl Verdict {
    /// Whether the tests saw that something was wrong.
    pub fn noticed(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::NoEnd(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(test) => write!(f, "noticed by {test}"),
            Self::NoEnd(what) => write!(f, "noticed: {what:?} tests did not end"),
            Self::Survived => write!(f, "survived"),
            Self::NeverReached => write!(f, "survived: no test comes there"),
        }
    }
}

/// A program of tests.
pub struct Suite {
    target: Target,
    executable: PathBuf,
    tree: PathBuf,
    tests: BTreeSet<String>,
    /// The tests that come to each number.
    reached: BTreeMap<u32, BTreeSet<String>>,
    limits: Limits,
}

/// How long a program of tests may take.
#[derive(Clone, Copy)]
struct Limits {
    /// Seconds of CPU: for those that loop, however busy the machine is.
    cpu: i64,
    /// For those that block.
    wall: Duration,
}

enum Ending {
    Passed,
    Failed(String),
    TooLate,
}

/// Runs the tests without a change, leaves out those that fail, and records who comes where.
pub fn prepare(workshop: &Workshop, target: Target) -> Result<Suite> {
    let mut suite = Suite {
        target,
        executable: workshop.executable(target)?,
        tree: workshop.tree.clone(),
        tests: BTreeSet::new(),
        reached: BTreeMap::new(),
        limits: Limits {
            cpu: 3600,
            wall: Duration::from_secs(7200),
        },
    };
    suite.tests = suite.list()?;
    eprintln!("running {} tests without a change", suite.tests.len());
    let (start, cpu_before) = (Instant::now(), cpu_of_children()?);
    for failed in suite.record(&workshop.file("reached"))? {
        eprintln!("left out, as it fails without a change: {failed}");
        suite.tests.remove(&failed);
    }
    suite.limits = Limits {
        cpu: 2 * (cpu_of_children()? - cpu_before) + 20,
        wall: 5 * start.elapsed() + Duration::from_secs(60),
    };
    Ok(suite)
}

/// Seconds of CPU that ended children have used.
fn cpu_of_children() -> Result<i64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(usage.user_time().num_seconds() + usage.system_time().num_seconds())
}

impl Suite {
    /// Runs the tests that come to the place, and if other threads or processes come there too,
    /// those that may have started them.
    pub fn try_mutant(&self, number: u32) -> Result<Verdict> {
        let mut verdict = Verdict::NeverReached;
        for tests in self.in_order(number) {
            verdict = match self.run(&tests, number)? {
                Ending::Failed(test) => return Ok(Verdict::Failed(test)),
                Ending::TooLate => return Ok(Verdict::NoEnd(self.target)),
                Ending::Passed => Verdict::Survived,
            };
        }
        Ok(verdict)
    }

    fn command(&self) -> Command {
        let limited = format!(
            "ulimit -t {} -v {ADDRESS_SPACE}; exec \"$@\"",
            self.limits.cpu
        );
        let mut command = Command::new("sh");
        command
            .args(["-c", &limited, "sh"])
            .arg(&self.executable)
            .current_dir(&self.tree)
            .env("CARGO_MANIFEST_DIR", &self.tree)
            .env("INSTA_UPDATE", "no")
            .env("RUST_BACKTRACE", "0")
            .env("INSTA_WORKSPACE_ROOT", &self.tree)
            .env_remove(ACTIVE)
            .env_remove(REACHED)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        command
    }

    fn list(&self) -> Result<BTreeSet<String>> {
        let output = self
            .command()
            .args(["--list", "--format", "terse"])
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .map(str::to_owned)
            .collect())
    }

    /// Runs all tests, and notes which come to which number: a thread of libtest has the name of
    /// its test. Returns those that fail.
    fn record(&mut self, file: &Path) -> Result<Vec<String>> {
        fs::write(file, "")?;
        let output = self.command().env(REACHED, file).output()?;
        for line in fs::read_to_string(file)?.lines() {
            let (number, thread) = line.split_once(' ').context("a broken record")?;
            let reached = self.reached.entry(number.parse()?).or_default();
            reached.insert(thread.to_owned());
        }
        ensure!(!self.reached.is_empty(), "no test comes to any change");
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text
            .lines()
            .filter_map(failed_test)
            .map(str::to_owned)
            .collect())
    }

    /// The tests that matter for a number, those first that come to it themselves. Who comes to no
    /// number at all may let other processes do it.
    fn in_order(&self, number: u32) -> Vec<BTreeSet<String>> {
        let Some(reached) = self.reached.get(&number) else {
            return Vec::new();
        };
        let own: BTreeSet<String> = self.tests.intersection(reached).cloned().collect();
        let by_others = own.len() < reached.len();
        let starters = self
            .tests
            .iter()
            .filter(|test| by_others && !self.comes_anywhere(test));
        let starters = starters.cloned().collect();
        [own, starters]
            .into_iter()
            .filter(|tests: &BTreeSet<String>| !tests.is_empty())
            .collect()
    }

    fn comes_anywhere(&self, test: &str) -> bool {
        self.reached.values().any(|tests| tests.contains(test))
    }

    /// Runs tests until one fails or the time is over.
    fn run(&self, tests: &BTreeSet<String>, number: u32) -> Result<Ending> {
        let mut child = self
            .command()
            .env(ACTIVE, number.to_string())
            .arg("--exact")
            .args(tests)
            .stdout(Stdio::piped())
            .spawn()?;
        let group = Pid::from_raw(child.id().try_into()?);
        let output = child.stdout.take().context("the tests have no output")?;
        let (done, watched) = mpsc::channel::<()>();
        let limit = self.limits.wall;
        let watch = thread::spawn(move || {
            let late = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            // It may have ended in this moment.
            let _ = late.then(|| killpg(group, Signal::SIGKILL));
            late
        });
        let failed = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| failed_test(&line).map(str::to_owned));
        // Nothing of it may go on beside the next trial; it may have ended by itself.
        if failed.is_some() {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let status = child.wait()?;
        let _ = killpg(group, Signal::SIGKILL);
        drop(done);
        let late = watch.join().expect("the watch does not panic");
        let out_of_cpu = [Signal::SIGKILL, Signal::SIGXCPU].map(|signal| Some(signal as i32));
        Ok(match failed {
            Some(test) => Ending::Failed(test),
            None if status.success() => Ending::Passed,
            None if late || out_of_cpu.contains(&status.signal()) => Ending::TooLate,
            None => Ending::Failed("a crash".into()),
        })
    }
}

/// The test of which a line of libtest says that it failed.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}
