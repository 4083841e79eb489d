//! `forklab replay` of a log of `strace -f`: puppets make the calls, as far as these make sense
//! here, and what comes is put beside what was recorded.

use super::exit_code::FINE;
use super::print::{complain, exit_code, output_failed, print_view};
use super::process::Process;
use super::style::stdout_colors;
use crate::import::{LoggedCall, Returned};
use crate::script::{FailureKind, Session};
use crate::view::{Align, Role, Table, cell};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A call is shown up to so many characters.
const SHOWN: usize = 50;

/// What came of a call.
enum Here {
    /// The same as in the log.
    Same(String),
    /// Something else.
    Differs(String),
    /// It was not made.
    Skipped(&'static str),
}

/// The processes and descriptors of a log, and what they are here.
struct Player {
    session: Session,
    /// The pids here of those in the log.
    pids: BTreeMap<i32, i64>,
    /// The descriptors here of those of the log's pipes.
    fds: BTreeMap<i64, i64>,
}

/// Plays a log; returns the exit code.
pub(super) fn run(process: &Process, name: &str, calls: &[LoggedCall]) -> u8 {
    let host = process.speaking_host(name, Path::new(""));
    let session = match Session::with_host(process.limits, host) {
        Ok(session) => session,
        Err(why) => {
            complain(&format!("forklab: {why}"));
            return super::exit_code::FAILED;
        }
    };
    let mut player = Player {
        session,
        pids: BTreeMap::new(),
        fds: BTreeMap::new(),
    };
    let columns = ["line", "task", "call", "there", "here"];
    let mut table = Table::new(&columns.map(|column| (column, Align::Left)));
    let (mut same, mut differ, mut skipped) = (0, 0, 0);
    for call in calls {
        let here = match player.play(call) {
            Ok(here) => here,
            Err(kind) => return exit_code(kind),
        };
        let (role, text) = match here {
            Here::Same(text) => {
                same += 1;
                (Role::Good, text)
            }
            Here::Differs(text) => {
                differ += 1;
                (Role::Bad, format!("{text}   differs"))
            }
            Here::Skipped(why) => {
                skipped += 1;
                (Role::Dim, format!("not made: {why}"))
            }
        };
        table.row([
            cell(Role::Number, call.line),
            cell(
                Role::Pid,
                call.pid.map_or("-".to_owned(), |pid| pid.to_string()),
            ),
            cell(Role::Name, shown(call)),
            cell(Role::Plain, there(&call.returned)),
            cell(role, text),
        ]);
    }
    let mut text = table.text();
    let summary = format!(
        "{} calls: {same} the same, {differ} differ, {skipped} not made",
        calls.len()
    );
    text.push(cell(Role::Heading, summary));
    match print_view(&text, stdout_colors()) {
        Ok(()) => FINE,
        Err(error) => output_failed(error.kind()),
    }
}

fn shown(call: &LoggedCall) -> String {
    let text = format!("{}({})", call.name, call.args.join(", "));
    if text.chars().count() <= SHOWN {
        return text;
    }
    let kept: String = text.chars().take(SHOWN - 3).collect();
    kept + "..."
}

fn there(returned: &Returned) -> String {
    match returned {
        Returned::Value(value) => value.to_string(),
        Returned::Error(errno) => errno.clone(),
        Returned::Unknown => "?".to_owned(),
    }
}

impl Player {
    /// Makes a call.
    ///
    /// # Errors
    /// If the run must end.
    fn play(&mut self, call: &LoggedCall) -> Result<Here, FailureKind> {
        let key = call.pid.unwrap_or(0);
        if !self.pids.contains_key(&key) {
            // Only the first process of a log comes from nowhere.
            if !self.pids.is_empty() {
                return Ok(Here::Skipped(
                    "the log does not tell who has made this task",
                ));
            }
            let spawned = self.evaluate(&format!("let t{key} = spawn(\"sh\"); t{key}"))?;
            let pid = spawned.ok().and_then(|value| value["pid"].as_i64());
            self.pids.insert(key, pid.unwrap_or(0));
        }
        let expression = match self.expression(key, call) {
            Ok(expression) => expression,
            Err(why) => return Ok(Here::Skipped(why)),
        };
        let result = self.evaluate(&expression)?;
        Ok(self.judge(call, result))
    }

    /// The value of an expression, or the message of its failure.
    fn evaluate(&mut self, expression: &str) -> Result<Result<Value, String>, FailureKind> {
        match self.session.eval_value(expression) {
            Ok(value) => Ok(Ok(value.json())),
            Err(failure) if failure.kind == FailureKind::Script => Ok(Err(failure.message)),
            Err(failure) => {
                complain(&format!("forklab: {}", failure.message));
                Err(failure.kind)
            }
        }
    }

    /// The call in the language of scripts.
    fn expression(&self, key: i32, call: &LoggedCall) -> Result<String, &'static str> {
        let task = format!("t{key}");
        let number = |at: usize| call.args.get(at).and_then(|arg| arg.parse::<i64>().ok());
        let fd = |at: usize| {
            let there = number(at).ok_or("its descriptor is not a number")?;
            let known = self.fds.get(&there).copied();
            known.ok_or("its descriptor is of a file that is not here")
        };
        let pid = |at: usize| {
            let there = number(at).ok_or("its pid is not a number")?;
            let here = i32::try_from(there)
                .ok()
                .and_then(|pid| self.pids.get(&pid));
            match (here, there) {
                (_, ..=0) => Ok(there),
                (Some(here), _) => Ok(*here),
                (None, _) => Err("its pid is of a task that is not here"),
            }
        };
        Ok(match call.name.as_str() {
            "fork" | "vfork" | "clone" | "clone3" => fork(&task, call)?,
            "exit" | "exit_group" => {
                format!(
                    "{task}.{}({})",
                    call.name,
                    number(0).ok_or("its code is not a number")?
                )
            }
            "getpid" | "getppid" | "gettid" | "sched_yield" => format!("{task}.{}()", call.name),
            "wait4" | "waitpid" => match number(0) {
                Some(-1) => format!("{task}.wait()"),
                _ => format!("{task}.wait({})", pid(0)?),
            },
            "kill" => {
                let signal = call.args.get(1).filter(|signal| is_constant(signal));
                format!(
                    "{task}.kill({}, {})",
                    pid(0)?,
                    signal.ok_or("its signal has no name")?
                )
            }
            "pipe" | "pipe2" => format!("{task}.pipe()"),
            "dup" => format!("{task}.dup({})", fd(0)?),
            "dup2" | "dup3" => {
                let copy = number(1).ok_or("its descriptor is not a number")?;
                format!("{task}.dup2({}, {copy})", fd(0)?)
            }
            "close" => format!("{task}.close({})", fd(0)?),
            "write" => {
                let text = call.args.get(1).filter(|text| is_string(text));
                format!(
                    "{task}.sys_write({}, {})",
                    fd(0)?,
                    text.ok_or("its text is not whole")?
                )
            }
            "read" => format!(
                "{task}.sys_read({}, {})",
                fd(0)?,
                number(2).ok_or("its length is not a number")?
            ),
            "nice" => format!(
                "{task}.nice({})",
                number(0).ok_or("its increment is not a number")?
            ),
            _ => return Err("it would say nothing here"),
        })
    }

    /// Puts what came beside what was recorded.
    fn judge(&mut self, call: &LoggedCall, result: Result<Value, String>) -> Here {
        let value = match result {
            Ok(value) => value,
            Err(message) => {
                let same = matches!(&call.returned, Returned::Error(errno) if message.contains(errno.as_str()));
                return if same {
                    Here::Same(message)
                } else {
                    Here::Differs(message)
                };
            }
        };
        if value == "call" {
            return Here::Differs("it blocks".to_owned());
        }
        let there = match call.returned {
            Returned::Value(there) => there,
            Returned::Unknown => return Here::Same("done".to_owned()),
            Returned::Error(_) => return Here::Differs("it succeeds".to_owned()),
        };
        if call.forks() {
            let pid = value["pid"].as_i64().unwrap_or(0);
            if let Ok(there) = i32::try_from(there) {
                self.pids.insert(there, pid);
            }
            return Here::Same(format!("{pid}, for {there}"));
        }
        if let (Some(fds), true) = (value.as_array(), call.name.starts_with("pipe")) {
            let named = call
                .args
                .first()
                .map(|text| text.trim_matches(['[', ']']).to_owned());
            let named = named.unwrap_or_default();
            let named = named
                .split(',')
                .filter_map(|fd| fd.trim().parse::<i64>().ok());
            for (there, here) in named.zip(fds.iter().filter_map(Value::as_i64)) {
                self.fds.insert(there, here);
            }
            return Here::Same(value.to_string());
        }
        let here = match &value {
            Value::String(text) => text.len() as i64,
            Value::Object(map) => map.get("pid").and_then(Value::as_i64).unwrap_or(0),
            Value::Null => 0,
            other => other.as_i64().unwrap_or(0),
        };
        if call.name.starts_with("dup") {
            self.fds.insert(there, here);
        }
        let about_tasks = ["getpid", "getppid", "gettid", "wait4", "waitpid"];
        let known = i32::try_from(there)
            .ok()
            .and_then(|pid| self.pids.get(&pid));
        let wanted = match known {
            Some(pid) if about_tasks.contains(&call.name.as_str()) => *pid,
            // Whoever has started the log is not part of it.
            None if call.name == "getppid" => here,
            _ => there,
        };
        if wanted == here {
            Here::Same(here.to_string())
        } else {
            Here::Differs(here.to_string())
        }
    }
}

/// A call that makes a task, whose handle has the pid of the log in its name.
fn fork(task: &str, call: &LoggedCall) -> Result<String, &'static str> {
    let Returned::Value(child @ 1..) = call.returned else {
        return Err("the log does not tell the child's pid");
    };
    let shares = call.args.iter().any(|arg| arg.contains("CLONE_VM"));
    let made = if shares && call.name != "vfork" {
        format!("clone({})", flags(call))
    } else {
        "fork()".to_owned()
    };
    Ok(format!("let t{child} = {task}.{made}; t{child}"))
}

fn is_constant(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A string as strace writes it that a script can contain: whole, without escapes of other kinds.
fn is_string(text: &str) -> bool {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| {
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            let fits = match c {
                '\\' => matches!(chars.next(), Some('n' | 't' | 'r' | '"' | '\\')),
                '"' => false,
                c => !c.is_control(),
            };
            if !fits {
                return false;
            }
        }
        true
    })
}

/// The flags of a clone that scripts know, in their notation.
fn flags(call: &LoggedCall) -> String {
    let text = call
        .args
        .iter()
        .find_map(|arg| arg.split_once("flags=").map(|(_, flags)| flags));
    let known = [
        "CLONE_VM",
        "CLONE_FS",
        "CLONE_FILES",
        "CLONE_SIGHAND",
        "CLONE_THREAD",
        "CLONE_SYSVSEM",
        "SIGCHLD",
    ];
    let given = text.unwrap_or_default().split('|').map(str::trim);
    let kept: Vec<&str> = given.filter(|flag| known.contains(flag)).collect();
    if kept.is_empty() {
        "CLONE_VM | SIGCHLD".to_owned()
    } else {
        kept.join(" | ")
    }
}
