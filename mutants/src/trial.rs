//! Runs the tests with one change on, and stops at the first failure.

use crate::build::Built;
use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The switch's variables.
const ACTIVE: &str = "FORKLAB_MUTANT";
const REACHED: &str = "FORKLAB_MUTANTS_REACHED";

/// More than the tests need by far: a change may make them ask for memory without end.
const ADDRESS_SPACE: u64 = 6 << 30;

/// How a trial ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A test failed, or the program of tests crashed.
    Failed(String),
    /// Tests went on for too long.
    NoEnd(String),
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
            Self::NoEnd(what) => write!(f, "noticed: {what} did not end"),
            Self::Survived => write!(f, "survived"),
            Self::NeverReached => write!(f, "survived: no test comes there"),
        }
    }
}

/// A program of tests.
pub struct Suite {
    executable: PathBuf,
    tree: PathBuf,
    tests: BTreeSet<String>,
    /// The tests that come to each number.
    reached: BTreeMap<u32, BTreeSet<String>>,
    /// How long it may take.
    limit: Duration,
}

enum Ending {
    Passed,
    Failed(String),
    TooLate,
}

/// Runs the tests without a change, which must pass, and records who comes where.
pub fn prepare(built: &Built, work: &Path) -> Result<Vec<Suite>> {
    setrlimit(Resource::RLIMIT_AS, ADDRESS_SPACE, ADDRESS_SPACE)?;
    let mut suites = Vec::new();
    for executable in &built.executables {
        let mut suite = Suite {
            executable: executable.clone(),
            tree: built.tree.clone(),
            tests: BTreeSet::new(),
            reached: BTreeMap::new(),
            limit: Duration::from_secs(3600),
        };
        suite.tests = suite.list()?;
        eprintln!("running {} tests without a change", suite.tests.len());
        let start = Instant::now();
        if let Ending::Failed(test) = suite.run(&suite.tests, ("FORKLAB_NOTHING", ""))? {
            anyhow::bail!("{test} fails without a change");
        }
        // Other trials and other programs take their share of the CPUs.
        suite.limit = 3 * start.elapsed() + Duration::from_secs(10);
        suite.reached = suite.record(&work.join("reached"))?;
        suites.push(suite);
    }
    Ok(suites)
}

/// Runs the tests that come to the place, and if other threads or processes come there too, all.
pub fn run(number: u32, suites: &[Suite]) -> Result<Verdict> {
    let mut verdict = Verdict::NeverReached;
    for suite in suites {
        for tests in suite.in_order(number) {
            verdict = match suite.run(&tests, (ACTIVE, &number.to_string()))? {
                Ending::Failed(test) => return Ok(Verdict::Failed(test)),
                Ending::TooLate => return Ok(Verdict::NoEnd(suite.name())),
                Ending::Passed => Verdict::Survived,
            };
        }
    }
    Ok(verdict)
}

impl Suite {
    fn name(&self) -> String {
        self.executable
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .current_dir(&self.tree)
            .env("CARGO_MANIFEST_DIR", &self.tree)
            .env("INSTA_UPDATE", "no")
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

    /// Which tests come to which number. A thread of libtest has the name of its test.
    fn record(&self, file: &Path) -> Result<BTreeMap<u32, BTreeSet<String>>> {
        fs::write(file, "")?;
        let path = file.to_str().context("the folder has no readable name")?;
        self.run_to_the_end((REACHED, path))?;
        let mut reached: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for line in fs::read_to_string(file)?.lines() {
            let (number, thread) = line.split_once(' ').context("a broken record")?;
            reached
                .entry(number.parse()?)
                .or_default()
                .insert(thread.to_owned());
        }
        ensure!(!reached.is_empty(), "no test comes to any change");
        Ok(reached)
    }

    /// Failures do not count: recording allocates, which some tests forbid.
    fn run_to_the_end(&self, (name, value): (&str, &str)) -> Result<()> {
        self.command()
            .env(name, value)
            .stdout(Stdio::null())
            .status()?;
        Ok(())
    }

    /// The tests that matter for a number, those first that come to it themselves.
    fn in_order(&self, number: u32) -> Vec<BTreeSet<String>> {
        let Some(reached) = self.reached.get(&number) else {
            return Vec::new();
        };
        let own: BTreeSet<String> = self.tests.intersection(reached).cloned().collect();
        let by_others = own.len() < reached.len();
        let rest: BTreeSet<String> = match by_others {
            true => self.tests.difference(&own).cloned().collect(),
            false => BTreeSet::new(),
        };
        [own, rest]
            .into_iter()
            .filter(|tests| !tests.is_empty())
            .collect()
    }

    /// Runs tests until one fails or the time is over.
    fn run(&self, tests: &BTreeSet<String>, (name, value): (&str, &str)) -> Result<Ending> {
        let mut child = self
            .command()
            .env(name, value)
            .arg("--exact")
            .args(tests)
            .stdout(Stdio::piped())
            .spawn()?;
        let group = Pid::from_raw(child.id().try_into()?);
        let output = child.stdout.take().context("the tests have no output")?;
        let (done, watched) = mpsc::channel::<()>();
        let limit = self.limit;
        let watch = thread::spawn(move || {
            let late = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            // It may have ended in this moment.
            let _ = late.then(|| killpg(group, Signal::SIGKILL));
            late
        });
        let failed = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
                Some(name.to_owned())
            });
        // Nothing of it may go on beside the next trial; it may have ended by itself.
        let passed = failed.is_none() && child.wait()?.success();
        let _ = killpg(group, Signal::SIGKILL);
        child.wait()?;
        drop(done);
        let late = watch.join().expect("the watch does not panic");
        Ok(match failed {
            Some(test) => Ending::Failed(test),
            None if passed => Ending::Passed,
            None if late => Ending::TooLate,
            None => Ending::Failed("a crash".into()),
        })
    }
}
