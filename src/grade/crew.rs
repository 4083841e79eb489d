//! The worker processes. Each grades one hand-in at a time; one that takes too long is killed with
//! everything that it has started, and another takes its place.

use super::graded::{End, Graded};
use super::similar::Print;
use super::worker::Job;
use crate::script::Interrupt;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 16 << 20;
/// How often it is looked whether grading is interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// How a worker process is started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// How long it may take for a hand-in.
    pub timeout: Duration,
}

/// The worker processes.
pub struct Crew {
    launch: Launch,
    interrupt: Interrupt,
    /// Those that have nothing to do.
    idle: Mutex<Vec<Worker>>,
}

/// A worker process. It is killed when it is dropped.
struct Worker {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

/// What came of a job.
enum Came {
    Answer(String),
    TooLate,
    Interrupted,
    /// It has ended.
    Gone,
}

impl Crew {
    /// A crew that begins to work when it is given something to do, and gives up when it is
    /// interrupted.
    pub const fn new(launch: Launch, interrupt: Interrupt) -> Self {
        Self {
            launch,
            interrupt,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Grades a hand-in; `None` if grading is interrupted. Several threads may call it at a time: each
    /// gets a process of its own.
    ///
    /// # Errors
    /// If no process can be started.
    pub fn grade(&self, job: &Job, digest: &str) -> io::Result<Option<Graded>> {
        let stopped = |why: String| Graded {
            student: job.student.clone(),
            digest: digest.to_owned(),
            end: End::Stopped(why),
            print: Print::new(),
        };
        // Answers may come so quickly that nobody ever waits.
        if self.interrupt.is_raised() {
            return Ok(None);
        }
        // One that has ended since its last answer is not to be blamed on this hand-in.
        let mut idle = self.with_idle(Vec::pop);
        let lives = |worker: &mut Worker| matches!(worker.child.try_wait(), Ok(None));
        let mut worker = match idle.take_if(lives) {
            Some(worker) => worker,
            None => Worker::start(&self.launch)?,
        };
        Ok(
            match worker.ask(job, self.launch.timeout, &self.interrupt) {
                Came::Answer(line) => match serde_json::from_str(&line) {
                    Ok(graded) => {
                        self.with_idle(|idle| idle.push(worker));
                        Some(graded)
                    }
                    Err(_) => Some(stopped(
                        "its process gave no answer that makes sense".to_owned(),
                    )),
                },
                Came::TooLate => {
                    let seconds = self.launch.timeout.as_secs();
                    Some(stopped(format!("stopped after {seconds} s")))
                }
                Came::Interrupted => None,
                Came::Gone => Some(stopped(worker.epitaph())),
            },
        )
    }

    /// A list of idle workers is as good after a panic as before.
    fn with_idle<R>(&self, act: impl FnOnce(&mut Vec<Worker>) -> R) -> R {
        act(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Worker {
    fn start(launch: &Launch) -> io::Result<Self> {
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // What it starts is killed with it, and Ctrl-C comes to us alone.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let (Some(orders), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a process without pipes"));
        };
        let (sink, answers) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = String::new();
                let read = output.by_ref().take(MAX_ANSWER).read_line(&mut line);
                // At the end of its output the sender is dropped.
                if !matches!(read, Ok(1..)) || sink.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            orders,
            answers,
        })
    }

    fn ask(&mut self, job: &Job, timeout: Duration, interrupt: &Interrupt) -> Came {
        let asked = serde_json::to_string(job).map_err(io::Error::from);
        let sent = asked.and_then(|line| writeln!(self.orders, "{line}"));
        if sent.is_err() {
            return Came::Gone;
        }
        let mut left = timeout;
        loop {
            let wait = left.min(LOOK);
            match self.answers.recv_timeout(wait) {
                Ok(line) => return Came::Answer(line),
                Err(RecvTimeoutError::Disconnected) => return Came::Gone,
                Err(RecvTimeoutError::Timeout) if interrupt.is_raised() => {
                    return Came::Interrupted;
                }
                Err(RecvTimeoutError::Timeout) => left -= wait,
            }
            if left.is_zero() {
                return Came::TooLate;
            }
        }
    }

    /// What is to be said of a process that has ended.
    fn epitaph(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => format!("its process ended: {status}"),
            Err(_) => "its process ended".to_owned(),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.child.id()) {
            use nix::sys::signal::{Signal, killpg};
            let _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    /// What a crew says of a worker that is a shell script.
    fn end_of(script: &str, timeout: Duration) -> String {
        let launch = Launch {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            timeout,
        };
        let crew = Crew::new(launch, Interrupt::default());
        let job = Job {
            student: "anna".to_owned(),
            path: "anna".into(),
            seed: 0,
        };
        let graded = crew.grade(&job, "1").unwrap().unwrap();
        assert_eq!(
            (graded.student.as_str(), graded.digest.as_str()),
            ("anna", "1")
        );
        match graded.end {
            End::Stopped(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_worker_that_crashes_or_talks_nonsense_is_told_from_one_that_hangs() {
        let long = Duration::from_secs(600);
        for (script, why) in [
            ("read job; exit 3", "its process ended: exit status: 3"),
            (
                "read job; kill -SEGV $$",
                "its process ended: signal: 11 (SIGSEGV)",
            ),
            (
                "echo {}; sleep 600",
                "its process gave no answer that makes sense",
            ),
        ] {
            let end = end_of(script, long);
            assert!(end.starts_with(why), "{script}: {end}");
        }
        assert_eq!(
            end_of("sleep 600", Duration::from_secs(1)),
            "stopped after 1 s"
        );
    }

    /// A compiler that a worker has started, for instance.
    #[test]
    fn what_a_worker_has_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        assert_eq!(end_of(&script, Duration::from_secs(1)), "stopped after 1 s");
        let started = std::fs::read_to_string(pid).unwrap();
        let started = nix::unistd::Pid::from_raw(started.trim().parse().unwrap());
        let lives = || {
            // A zombie that nobody has reaped yet has ended, too.
            let stat = std::fs::read_to_string(format!("/proc/{started}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        for _ in 0..100 {
            if !lives() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("{started} lives");
    }

    #[test]
    fn an_interruption_ends_the_wait() {
        let launch = Launch {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), "sleep 600".into()],
            timeout: Duration::from_secs(600),
        };
        let interrupt = Interrupt::default();
        let raised = interrupt.clone();
        let crew = Crew::new(launch, interrupt);
        // The worker has begun by then, or else nothing is begun.
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            raised.raise();
        });
        let job = Job {
            student: "anna".to_owned(),
            path: "anna".into(),
            seed: 0,
        };
        assert_eq!(crew.grade(&job, "1").unwrap(), None);
    }
}
