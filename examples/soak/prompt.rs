//! Sessions at the prompt while signals arrive: from a pipe, or typed on a pseudo-terminal.
//!
//! When a signal arrives depends on the host, so two runs may differ in what they print; here only
//! panics and hangs count.

use crate::dice::Dice;
use crate::process::{self, Running};
use crate::script;
use rexpect::process::{Signal, WaitStatus};
use rexpect::session::{PtySession, spawn_command};
use std::io;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// How long a session may take to begin, in ms.
const PATIENCE: u64 = 20_000;
/// How often a session is asked to end, with a quarter of a second between.
const REQUESTS: u32 = 80;

/// A session.
#[derive(Debug)]
pub struct Prompt {
    from: From,
    acts: Vec<Act>,
}

/// Where the lines come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum From {
    Pipe,
    Terminal,
}

/// What the user does.
#[derive(Debug)]
enum Act {
    Line(String),
    /// Keys without Enter.
    Keys(&'static str),
    Signal(&'static str),
    /// Waits so many ms.
    Wait(u64),
}

/// Low limits: with those of the command, a line such as `run()` may take a minute, and is no hang.
const LIMITS: [&str; 3] = [
    "--max-operations=1000000",
    "--max-ticks=100000",
    "--max-work=100000000",
];

/// Keys of an editor: arrows, Tab, Ctrl-R and the like, and pastes.
const KEYS: [&str; 16] = [
    "\u{1b}[A",
    "\u{1b}[B",
    "\t",
    "\t\t",
    "\u{12}fo",
    "\u{1}",
    "\u{5}",
    "\u{b}",
    "\u{19}",
    "\u{7f}",
    "\u{1b}b",
    "\u{3}",
    "\u{1b}[200~let x = [1,\r2]\rx\r\u{1b}[201~\r",
    "\u{c}",
    "é漢",
    "\u{15}",
];

/// Lines that run until somebody stops them.
const LONG: [&str; 4] = [
    "loop { }",
    "loop { tick(1000) }",
    "fn busy() { loop { } } let q = spawn(\"q\", busy); loop { try { tick(100) } catch { } }",
    "predict(\"1 + 1?\", 2)",
];

pub fn prompt(dice: &mut Dice) -> Prompt {
    let from = dice.pick(&[From::Pipe, From::Terminal]);
    let mut acts = Vec::new();
    for line in script::lines(dice) {
        acts.push(Act::Line(line.replace(['\0', '\u{1b}'], "")));
        match dice.below(8) {
            0 => {
                acts.push(Act::Line(dice.pick(&LONG).to_owned()));
                acts.push(Act::Wait(dice.below(60) as u64));
                acts.push(Act::Signal("INT"));
            }
            1 => acts.push(Act::Signal(dice.pick(&["INT", "WINCH", "CONT"]))),
            2 if from == From::Terminal => acts.push(Act::Keys(dice.pick(&KEYS))),
            3 => acts.push(Act::Wait(dice.below(20) as u64)),
            _ => {}
        }
    }
    Prompt { from, acts }
}

impl Prompt {
    /// Plays it.
    ///
    /// # Errors
    /// If it hangs or panics.
    pub fn run(&self) -> Result<String, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut command = process::command(folder.path()).map_err(|error| error.to_string())?;
        command.args(LIMITS);
        match self.from {
            From::Pipe => self.pipe(command)?,
            From::Terminal => self.terminal(command).map_err(|error| error.to_string())?,
        }
        Ok(String::new())
    }

    fn pipe(&self, command: Command) -> Result<(), String> {
        let mut running = Running::start(command).map_err(|error| error.to_string())?;
        for act in &self.acts {
            match act {
                Act::Line(line) => running.write(format!("{line}\n").as_bytes()),
                Act::Keys(_) => {}
                Act::Signal(signal) => send(signal, running.id()),
                Act::Wait(ms) => thread::sleep(Duration::from_millis(*ms)),
            }
        }
        running.end().map(|_| ())
    }

    fn terminal(&self, mut command: Command) -> Result<(), rexpect::error::Error> {
        command.args(["--color", "never"]);
        let mut session = spawn_command(command, Some(PATIENCE))?;
        session.exp_string("Try: tour, help, undo")?;
        for act in &self.acts {
            match act {
                Act::Line(line) => type_keys(&mut session, &format!("{line}\r"))?,
                Act::Keys(keys) => type_keys(&mut session, keys)?,
                Act::Signal("INT") => session.send_control('c')?,
                Act::Signal("WINCH") => session.process_mut().signal(Signal::SIGWINCH)?,
                Act::Signal(_) => session.process_mut().signal(Signal::SIGCONT)?,
                Act::Wait(ms) => thread::sleep(Duration::from_millis(*ms)),
            }
        }
        leave(session)
    }
}

/// Leaves the prompt whatever runs there or is half typed. Ctrl-C takes what is typed ahead as well,
/// so that one request to leave may be lost.
fn leave(mut session: PtySession) -> Result<(), rexpect::error::Error> {
    for _ in 0..REQUESTS {
        // They fail once it has left.
        let _ = session.send_control('c');
        thread::sleep(Duration::from_millis(50));
        let _ = type_keys(&mut session, "\u{15}:quit\r");
        for _ in 0..10 {
            match session.process().status() {
                None | Some(WaitStatus::StillAlive) => thread::sleep(Duration::from_millis(20)),
                Some(WaitStatus::Exited(_, code)) if process::is_exit_code(Some(code)) => {
                    return Ok(());
                }
                Some(status) => {
                    let error = io::Error::other(format!("it ended with {status:?}"));
                    return Err(error.into());
                }
            }
        }
    }
    Err(io::Error::other("it hangs").into())
}

fn type_keys(session: &mut PtySession, keys: &str) -> Result<(), rexpect::error::Error> {
    session.send(keys)?;
    session.flush()
}

/// Sends a signal. A process that has ended gets none.
fn send(signal: &str, pid: u32) {
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {pid} 2>/dev/null")])
        .status();
}
