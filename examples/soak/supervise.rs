//! Starts workers, watches them, and counts: a worker that ends within a case, or that says nothing
//! for too long, has found something.

use crate::Args;
use crate::case::Kind;
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

/// How long a case may take. Those with processes of their own end these by themselves, but later if
/// the host is busy.
fn patience(kind: Kind) -> Duration {
    match kind {
        Kind::CommandLine | Kind::Prompt => Duration::from_secs(700),
        _ => Duration::from_secs(20),
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
        loop {
            match worker.lines.recv_timeout(patience(self.kind)) {
                Ok(line) if line.starts_with("begin ") => {
                    within = true;
                    self.next += 1;
                    self.ran += 1;
                }
                Ok(line) if line.starts_with("end ") || line.starts_with("failed ") => {
                    within = false;
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
                Err(RecvTimeoutError::Timeout) => return Err("it hangs".to_owned()),
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
