//! A process of the command, watched until it ends.

use crate::AS_COMMAND;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often to look whether it has ended, and how many times.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS: u32 = 4_000;
/// How often it is given that time again because it did not get the CPU.
const AGAIN: u32 = 15;
/// Less CPU time than that, in hundredths of a second, is too little to call it a hang.
const ENOUGH: u64 = 1_000;

/// Whether a process wants to run and has not had the CPU for long: the host is busy with other
/// work. `false` where the host cannot be asked.
pub fn is_starved(pid: u32) -> bool {
    let runs = stat_of(pid).is_some_and(|fields| fields.first().is_some_and(|state| state == "R"));
    runs && cpu_time(pid).is_some_and(|used| used < ENOUGH)
}

/// The CPU time that a process has used, in hundredths of a second; `None` where the host cannot be
/// asked.
pub fn cpu_time(pid: u32) -> Option<u64> {
    let fields = stat_of(pid)?;
    let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(ticks(11)? + ticks(12)?)
}

/// The fields of `/proc/PID/stat` from the state on.
fn stat_of(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// The command, in a folder that also has its history.
///
/// # Errors
/// If this process cannot find its own file.
pub fn command(folder: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(AS_COMMAND).current_dir(folder);
    command.env("XDG_STATE_HOME", folder);
    Ok(command)
}

/// A process whose output is being read.
pub struct Running {
    child: Child,
    out: JoinHandle<Vec<u8>>,
    err: JoinHandle<Vec<u8>>,
}

/// What a process has come to.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Running {
    /// Starts a process with pipes.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        Ok(Self {
            out: read_all(child.stdout.take()),
            err: read_all(child.stderr.take()),
            child,
        })
    }

    /// Writes to its standard input. Whoever quits early reads no further.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Some(input) = &mut self.child.stdin {
            let _ = input.write_all(bytes).and_then(|()| input.flush());
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes its input and waits for its end.
    ///
    /// # Errors
    /// If it does not end in time, or ends by a panic or a signal.
    pub fn end(mut self) -> Result<Ended, String> {
        drop(self.child.stdin.take());
        for _ in 0..AGAIN {
            if let Some(status) = self.status_in_time() {
                let text = |bytes: JoinHandle<Vec<u8>>| {
                    String::from_utf8_lossy(&bytes.join().unwrap_or_default()).into_owned()
                };
                let (out, err) = (text(self.out), text(self.err));
                return judged(Ended { status, out, err });
            }
            if !is_starved(self.child.id()) {
                break;
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        Err("it hangs".to_owned())
    }

    fn status_in_time(&mut self) -> Option<ExitStatus> {
        (0..LOOKS).find_map(|_| {
            let status = self.child.try_wait().ok().flatten();
            if status.is_none() {
                thread::sleep(LOOK);
            }
            status
        })
    }
}

fn read_all(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read is missing in both runs.
        let _ = from.map(|mut from| from.read_to_end(&mut bytes));
        bytes
    })
}

/// Ctrl-C ends a process that has not begun to listen for it.
const SIGINT: i32 = 2;

fn judged(ended: Ended) -> Result<Ended, String> {
    use std::os::unix::process::ExitStatusExt;
    let bad_signal = ended.status.signal().is_some_and(|signal| signal != SIGINT);
    if bad_signal || !is_exit_code(ended.status.code()) {
        let Ended { status, err, .. } = ended;
        let at = err.find("panicked at").unwrap_or(0);
        let words: String = err[at..].chars().take(300).collect();
        return Err(format!("it ended with {status}: {words}"));
    }
    Ok(ended)
}

/// Whether the command ends with that code by its own will.
pub fn is_exit_code(code: Option<i32>) -> bool {
    matches!(code, None | Some(0..=4 | 130))
}
