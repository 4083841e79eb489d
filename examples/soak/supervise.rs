//! Starts workers, watches them, and counts: a worker that ends within a case, or that goes on and on
//! with one, has found something.

use crate::Args;
use crate::case::Kind;
use crate::process::cpu_time;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle, ScopedJoinHandle};
use std::time::Duration;

#[expect(
    clippy::disallowed_types,
    reason = "--seconds is the host's time; no case sees it"
)]
type Instant = std::time::Instant;

/// How long a worker may say nothing. What a case does is counted, and its limits end it; only who
/// waits for something that never comes is judged by the clock, and a busy host takes its time.
const PATIENCE: Duration = Duration::from_secs(700);
/// How often a worker that says nothing is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// CPU time that a case of a worker's own may use, in hundredths of a second: limits count what it
/// does, so whoever uses more does something that is not counted.
const MAX_CPU_TIME: u64 = 2_000;

/// A case that is running.
struct Case {
    /// The CPU time of the worker when the case began.
    began: u64,
    silent: Duration,
}

impl Case {
    fn begin(worker: &Worker) -> Self {
        Self {
            began: worker.cpu_time().unwrap_or(0),
            silent: Duration::ZERO,
        }
    }

    /// Whether it hangs, now that it has said nothing for another while. A process that the worker
    /// has started has its own CPU time, and ends by itself.
    fn hangs(&mut self, worker: &Worker) -> bool {
        self.silent += LOOK;
        let used = worker.cpu_time().map(|now| now.saturating_sub(self.began));
        // Where the CPU time is not known, the clock stands for it.
        let used = used.unwrap_or(self.silent.as_secs() * 100);
        used >= MAX_CPU_TIME || self.silent >= PATIENCE
    }
}

/// How many failures of a kind are shown.
const SHOWN: u64 = 20;
/// The most cases of a worker.
const CASES_PER_WORKER: u64 = 500;

/// What has been found of one kind.
struct Tally {
    kind: Kind,
    /// The seed of the next case.
    next: u64,
    /// One past the last seed.
    end: u64,
    ran: u64,
    failed: u64,
}

/// Runs the cases that the arguments ask for; returns how many failed.
///
/// # Errors
/// If no worker can be started.
pub fn run(args: &Args) -> io::Result<u64> {
    let kinds = Kind::ALL.into_iter();
    let kinds = kinds.filter(|kind| args.only.is_none_or(|only| only == *kind));
    let mut tallies: Vec<Tally> = kinds
        .map(|kind| {
            let share = if args.only.is_some() {
                100
            } else {
                kind.share()
            };
            let cases = (args.cases.saturating_mul(share) / 100).max(1);
            Tally {
                kind,
                next: args.seed,
                end: args.seed.saturating_add(cases),
                ran: 0,
                failed: 0,
            }
        })
        .collect();
    let limit = args.seconds.map(Duration::from_secs);
    let start = Instant::now();
    let is_late = || limit.is_some_and(|limit| start.elapsed() >= limit);
    // Some kinds wait for most of their time: each goes at its own pace.
    thread::scope(|scope| {
        let tallies = tallies.iter_mut();
        let threads: Vec<_> = tallies
            .map(|tally| scope.spawn(|| tally.run(&is_late)))
            .collect();
        // All must end before the first error is reported.
        let ended: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
        let panicked = |_| Err(io::Error::other("a supervisor panicked"));
        ended
            .into_iter()
            .try_for_each(|ended| ended.unwrap_or_else(panicked))
    })?;
    for Tally {
        kind, ran, failed, ..
    } in &tallies
    {
        println!("{:12} {ran:>8} cases {failed:>6} failed", kind.name());
    }
    Ok(tallies.iter().map(|tally| tally.failed).sum())
}

impl Tally {
    /// Lets workers run the cases, until they are through or time is up.
    fn run(&mut self, is_late: &impl Fn() -> bool) -> io::Result<()> {
        while self.next < self.end && !is_late() {
            let first = self.next;
            let cases = CASES_PER_WORKER.min(self.end - first);
            let worker = Worker::start(self.kind, first, cases)?;
            match self.watch(&worker, is_late) {
                Ok(()) => drop(worker.stop()),
                Err(why) => self.fail(&format!("{why}{}", worker.last_words())),
            }
            if self.next == first && !is_late() {
                return Err(io::Error::other("a worker did not begin its first case"));
            }
        }
        Ok(())
    }

    /// Counts what a worker reports until it is through; says why it is not.
    fn watch(&mut self, worker: &Worker, is_late: &impl Fn() -> bool) -> Result<(), String> {
        let mut within = false;
        let mut case = Case::begin(worker);
        loop {
            match worker.lines.recv_timeout(LOOK) {
                Ok(line) if line.starts_with("begin ") => {
                    within = true;
                    case = Case::begin(worker);
                    self.next += 1;
                    self.ran += 1;
                }
                Ok(line) if line.starts_with("end ") || line.starts_with("failed ") => {
                    within = false;
                    case = Case::begin(worker);
                    if let Some((_, why)) = line
                        .strip_prefix("failed ")
                        .and_then(|rest| rest.split_once(' '))
                    {
                        self.fail(why);
                    }
                    if is_late() {
                        return Ok(());
                    }
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if case.hangs(worker) => {
                    return Err("it hangs".to_owned());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if within => {
                    return Err("it ended the process".to_owned());
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Reports the case that began last.
    fn fail(&mut self, why: &str) {
        self.failed += 1;
        if self.failed <= SHOWN {
            let (kind, seed) = (self.kind.name(), self.next - 1);
            println!("FAILED {kind} {seed}: {}", shortened(why));
            // Only a debug build notices overflows.
            let release = if cfg!(debug_assertions) {
                ""
            } else {
                "--release "
            };
            println!(
                "  repeat it: cargo run {release}--example soak -- --only {kind} --seed {seed} \
                 --cases 1"
            );
        }
    }
}

/// The beginning and the end of a long text.
fn shortened(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    match chars.len() {
        0..=900 => text.to_owned(),
        length => chars[..600]
            .iter()
            .chain(&['.'; 3])
            .chain(&chars[length - 300..])
            .collect(),
    }
}

/// A worker process.
struct Worker {
    child: Child,
    lines: Receiver<String>,
    complaints: JoinHandle<String>,
}

impl Worker {
    fn start(kind: Kind, seed: u64, cases: u64) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--worker", "--only", &kind.name()])
            .args(["--seed", &seed.to_string(), "--cases", &cases.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, lines) = channel();
        let out = child.stdout.take();
        thread::spawn(move || {
            let lines = out.map(|out| BufReader::new(out).lines());
            for line in lines.into_iter().flatten().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let err = child.stderr.take();
        let complaints = thread::spawn(move || {
            let mut text = Vec::new();
            // What cannot be read is missing in the report, no more.
            let _ = err.map(|mut err| err.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self {
            child,
            lines,
            complaints,
        })
    }

    /// The CPU time that it has used, in hundredths of a second.
    fn cpu_time(&self) -> Option<u64> {
        cpu_time(self.child.id())
    }

    /// Ends it, if it has not ended.
    fn stop(mut self) -> JoinHandle<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.complaints
    }

    /// Ends it and returns what it complained of, in one line.
    fn last_words(self) -> String {
        let text = self.stop().join().unwrap_or_default();
        let words: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let first = words.iter().position(|line| line.contains("panicked at"));
        let shown = words.iter().skip(first.unwrap_or(0)).take(3);
        shown.map(|line| format!(" | {line}")).collect()
    }
}
