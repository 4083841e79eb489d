//! `forklab replay` of a log of `strace -f`: puppets make the calls, as far as these make sense
//! here, and what comes is put beside what was recorded.

mod expression;
mod words;
mod world;

use super::exit_code::{FAILED, FINE, USAGE};
use super::print::{complain, exit_code, output_failed, print_line, print_view};
use super::process::Process;
use super::run::Outputs;
use super::style::stdout_colors;
use super::trace_file;
use crate::import::{LoggedCall, Returned};
use crate::script::{FailureKind, Session};
use crate::view::{Align, Role, Table, cell};
use expression::{Expected, Planned, plan};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use world::{Open, Task, World};

/// A call is shown up to so many characters.
const SHOWN: usize = 50;

/// What came of a call.
enum Here {
    /// The same as in the log.
    Same(String),
    /// Something else.
    Differs(String),
    /// It was not made.
    Skipped(String),
}

impl Here {
    /// What came, and the word for it in a document.
    fn parts(&self) -> (&str, &'static str) {
        match self {
            Self::Same(text) => (text, "same"),
            Self::Differs(text) => (text, "differs"),
            Self::Skipped(why) => (why, "not made"),
        }
    }
}

/// A process of the log that a puppet plays.
struct Puppet {
    task: Task,
    /// Whether its last call blocked.
    blocked: bool,
    ended: bool,
}

/// Makes the calls of a log.
struct Player {
    session: Session,
    world: World,
    puppets: BTreeMap<i32, Puppet>,
}

/// Plays a log; returns the exit code.
pub(super) fn run(
    process: &Process,
    name: &str,
    text: &str,
    calls: &[LoggedCall],
    cpus: Option<u32>,
    outputs: &Outputs,
) -> u8 {
    let mut host = process.speaking_host(name, Path::new(""));
    let trace = match outputs.trace_file(&[name]) {
        Ok(trace) => trace.map(|trace| trace_file::Shared::attach(trace, &mut host)),
        Err(why) => {
            complain(&format!("forklab: {why}"));
            return USAGE;
        }
    };
    let session = match Session::with_host(process.limits, host) {
        Ok(session) => session,
        Err(why) => {
            complain(&format!("forklab: {why}"));
            return FAILED;
        }
    };
    let mut player = Player {
        session,
        world: World::default(),
        puppets: BTreeMap::new(),
    };
    let played = player.play_all(calls, cpus);
    let written = player.session.machine(|machine| {
        outputs.write_replay(machine, name, text)?;
        trace.map_or(Ok(()), |trace| trace.finish(machine))
    });
    let played = match (played, written) {
        (Err(kind), _) => return exit_code(kind),
        (_, Err(why)) => {
            complain(&format!("forklab: {why}"));
            return FAILED;
        }
        (Ok(played), Ok(())) => played,
    };
    let printed = if outputs.json {
        print_line(&document(name, calls, &played).to_string())
    } else {
        print_view(&table(calls, &played), stdout_colors())
    };
    match printed {
        Ok(()) => FINE,
        Err(error) => output_failed(error.kind()),
    }
}

/// How many calls have such a result.
fn count(played: &[Here], what: &str) -> usize {
    played.iter().filter(|here| here.parts().1 == what).count()
}

/// The document of `--json`, whose schema is in `docs/schema/`.
fn document(name: &str, calls: &[LoggedCall], played: &[Here]) -> Value {
    let rows = calls.iter().zip(played).map(|(call, here)| {
        let (text, verdict) = here.parts();
        json!({
            "line": call.line,
            "pid": call.pid,
            "call": format!("{}({})", call.name, call.args.join(", ")),
            "there": there(&call.returned),
            "here": text,
            "verdict": verdict,
        })
    });
    json!({
        "forklab": env!("CARGO_PKG_VERSION"),
        "file": name,
        "kind": crate::import::Kind::Strace.name(),
        "calls": rows.collect::<Vec<Value>>(),
        "same": count(played, "same"),
        "differ": count(played, "differs"),
        "not_made": count(played, "not made"),
    })
}

fn table(calls: &[LoggedCall], played: &[Here]) -> crate::view::Text {
    let columns = ["line", "task", "call", "there", "here"];
    let mut table = Table::new(&columns.map(|column| (column, Align::Left)));
    for (call, here) in calls.iter().zip(played) {
        let (role, text) = match here {
            Here::Same(text) => (Role::Good, text.clone()),
            Here::Differs(text) => (Role::Bad, format!("{text}   differs")),
            Here::Skipped(why) => (Role::Dim, format!("not made: {why}")),
        };
        let pid = call.pid.map_or("-".to_owned(), |pid| pid.to_string());
        table.row([
            cell(Role::Number, call.line),
            cell(Role::Pid, pid),
            cell(Role::Name, shown(call)),
            cell(Role::Plain, there(&call.returned)),
            cell(role, text),
        ]);
    }
    let mut text = table.text();
    let summary = format!(
        "{} calls: {} the same, {} differ, {} not made",
        calls.len(),
        count(played, "same"),
        count(played, "differs"),
        count(played, "not made"),
    );
    text.push(cell(Role::Heading, summary));
    text
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
        Returned::Restarted => "interrupted".to_owned(),
        Returned::Never => "blocks".to_owned(),
        Returned::Unknown => "?".to_owned(),
    }
}

impl Player {
    /// Makes all calls in their order.
    ///
    /// # Errors
    /// If the run must end.
    fn play_all(
        &mut self,
        calls: &[LoggedCall],
        cpus: Option<u32>,
    ) -> Result<Vec<Here>, FailureKind> {
        if let Some(cpus) = cpus
            && let Err(why) = self.evaluate(&format!("boot(#{{cpus: {cpus}}})"))?
        {
            complain(&format!("forklab: {why}"));
            return Err(FailureKind::Script);
        }
        calls.iter().map(|call| self.play(call)).collect()
    }

    /// Makes a call.
    ///
    /// # Errors
    /// If the run must end.
    fn play(&mut self, call: &LoggedCall) -> Result<Here, FailureKind> {
        let skipped = |why: &str| Ok(Here::Skipped(why.to_owned()));
        let key = call.pid.unwrap_or(0);
        if !self.puppets.contains_key(&key) {
            // Only the first process of a log comes from nowhere.
            if !self.puppets.is_empty() {
                return skipped("the log does not tell who has made this process");
            }
            let spawned = self.evaluate(&format!(
                "let t{key} = spawn(\"sh\"); let c{key} = (); t{key}"
            ))?;
            let pid = spawned.ok().and_then(|value| value["pid"].as_i64());
            self.world.learn_pid(i64::from(key), pid.unwrap_or(0));
            let task = self.world.first();
            self.learn_puppet(key, task);
        }
        let Some(puppet) = self.puppets.get(&key) else {
            return skipped("the log does not tell who has made this process");
        };
        if puppet.ended {
            return skipped("its process has ended here");
        }
        if call.returned == Returned::Restarted {
            return skipped("a signal interrupts it there, and it is begun again");
        }
        let (task, blocked) = (puppet.task, puppet.blocked);
        if blocked {
            let done = self.evaluate(&format!("c{key}.done"))?;
            if done == Ok(Value::Bool(false)) {
                return skipped("its process still waits in an earlier call");
            }
        }
        let planned = match plan(&self.world, &task, call) {
            Ok(planned) => planned,
            Err(why) => return Ok(Here::Skipped(why)),
        };
        let method = &planned.method;
        let result = match (&planned.result, &call.returned) {
            (Expected::Child { .. }, Returned::Value(child @ 1..)) => self.evaluate(&format!(
                "let t{child} = t{key}.{method}; let c{child} = (); t{child}"
            ))?,
            (Expected::Child { .. }, Returned::Error(_)) => {
                self.evaluate(&format!("t{key}.{method}"))?
            }
            (Expected::Child { .. }, _) => return skipped("the log does not tell the child's pid"),
            _ => self.evaluate(&format!("c{key} = t{key}.{method}; c{key}"))?,
        };
        let blocks = result.as_ref().is_ok_and(|value| value == "call");
        if let Some(puppet) = self.puppets.get_mut(&key) {
            puppet.blocked = blocks;
        }
        let here = self.judge(key, task, call, &planned, result)?;
        Ok(match (here, planned.without.as_slice()) {
            (Here::Same(text), [_, ..]) => {
                Here::Same(format!("{text}, without {}", planned.without.join(", ")))
            }
            (here, _) => here,
        })
    }

    fn learn_puppet(&mut self, key: i32, task: Task) {
        let puppet = Puppet {
            task,
            blocked: false,
            ended: false,
        };
        self.puppets.insert(key, puppet);
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

    /// Puts what came beside what was recorded, and learns from it.
    ///
    /// # Errors
    /// If the run must end.
    #[allow(clippy::too_many_lines, reason = "what may have come, case by case")]
    fn judge(
        &mut self,
        key: i32,
        task: Task,
        call: &LoggedCall,
        planned: &Planned,
        result: Result<Value, String>,
    ) -> Result<Here, FailureKind> {
        let value = match result {
            Ok(value) => value,
            Err(message) => return Ok(failed(call, planned, message)),
        };
        if value == "call" {
            return Ok(match call.returned {
                Returned::Never => Here::Same("it blocks".to_owned()),
                _ => Here::Differs("it blocks".to_owned()),
            });
        }
        if call.name.starts_with("exit") {
            if let Some(puppet) = self.puppets.get_mut(&key) {
                puppet.ended = true;
            }
            return Ok(Here::Same("done".to_owned()));
        }
        let here = match &value {
            Value::String(text) => text.len() as i64,
            Value::Object(map) => map.get("pid").and_then(Value::as_i64).unwrap_or(0),
            other => other.as_i64().unwrap_or(0),
        };
        let there = match call.returned {
            Returned::Value(there) => there,
            Returned::Never => return Ok(Here::Differs(format!("it returns {here}"))),
            Returned::Unknown | Returned::Restarted => return Ok(Here::Same("done".to_owned())),
            Returned::Error(_) => return Ok(Here::Differs("it succeeds".to_owned())),
        };
        let both = Here::Same(format!("{here}, for {there}"));
        Ok(match &planned.result {
            Expected::Number if here == there => Here::Same(here.to_string()),
            Expected::Number => Here::Differs(here.to_string()),
            Expected::Success => Here::Same("done".to_owned()),
            Expected::Text(text) => match value.as_str() {
                Some(read) if read == text => Here::Same(here.to_string()),
                _ if here != there => Here::Differs(here.to_string()),
                _ => Here::Differs("another text".to_owned()),
            },
            Expected::Pid => self.judge_pid(there, here),
            Expected::Waited(status) => match (self.judge_pid(there, here), ended(status)) {
                (Here::Same(text), Some(wanted)) if there > 0 && value["text"] != wanted => {
                    let text = format!("{text}, {}", value["text"].as_str().unwrap_or_default());
                    Here::Differs(text)
                }
                (judged, _) => judged,
            },
            Expected::Child { files, memory } => {
                self.world.learn_pid(there, here);
                let child = self.world.child(task, *files, *memory);
                if let Ok(key) = i32::try_from(there) {
                    self.learn_puppet(key, child);
                }
                both
            }
            Expected::Descriptor(closes_on_exec) => {
                let open = Open {
                    here,
                    closes_on_exec: *closes_on_exec,
                    terminal: false,
                };
                self.world.learn_descriptor(&task, there, open);
                same_or(both, here, there)
            }
            Expected::Pipe {
                closes,
                nonblocking,
            } => {
                let named = call
                    .args
                    .first()
                    .map_or("", |text| text.trim_matches(['[', ']']));
                let named = named.split(',').filter_map(|fd| words::number(fd.trim()));
                let fds: Vec<i64> = value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_i64)
                    .collect();
                for (there, here) in named.zip(&fds) {
                    let open = Open {
                        here: *here,
                        closes_on_exec: *closes,
                        terminal: false,
                    };
                    self.world.learn_descriptor(&task, there, open);
                    if *nonblocking {
                        let set = format!("t{key}.fcntl({here}, F_SETFL, O_NONBLOCK)");
                        let _made = self.evaluate(&set)?;
                    }
                }
                Here::Same(value.to_string())
            }
            Expected::Closed(fd) => {
                self.world.close(&task, *fd);
                same_or(Here::Differs(here.to_string()), here, there)
            }
            Expected::CloseOnExec(fd, closes) => {
                self.world.close_on_exec(&task, *fd, *closes);
                same_or(Here::Differs(here.to_string()), here, there)
            }
            Expected::Exec => {
                if let Some(puppet) = self.puppets.get_mut(&key) {
                    self.world.exec(&mut puppet.task);
                }
                Here::Same("0, as a puppet".to_owned())
            }
            Expected::Break if self.world.learn_break(&task, there, here) => addresses(here, there),
            Expected::Break => Here::Differs(format!("{here:#x}")),
            Expected::Region(len) => {
                self.world.learn_region(&task, there, here, *len);
                addresses(here, there)
            }
        })
    }

    /// A process of the log is one here; whoever is not part of the log becomes known.
    fn judge_pid(&mut self, there: i64, here: i64) -> Here {
        let known = match there {
            0 => Some(0),
            _ => self.world.pid(there),
        };
        match known {
            Some(known) if known == here => Here::Same(here.to_string()),
            Some(_) => Here::Differs(here.to_string()),
            None => {
                self.world.learn_pid(there, here);
                Here::Same(format!("{here}, for {there}"))
            }
        }
    }
}

fn same_or(otherwise: Here, here: i64, there: i64) -> Here {
    if here == there {
        Here::Same(here.to_string())
    } else {
        otherwise
    }
}

fn addresses(here: i64, there: i64) -> Here {
    Here::Same(format!("{here:#x}, for {there:#x}"))
}

/// What is said of a call that fails here.
fn failed(call: &LoggedCall, planned: &Planned, message: String) -> Here {
    let takes_path = planned.method.contains("(\"");
    match &call.returned {
        Returned::Error(errno) if message.contains(errno.as_str()) => Here::Same(message),
        Returned::Value(_) | Returned::Error(_) if takes_path && message.contains("ENOENT") => {
            Here::Skipped("the file is not here".to_owned())
        }
        _ => Here::Differs(message),
    }
}

/// How a status as strace writes it is told here.
fn ended(status: &str) -> Option<String> {
    let value = |key: &str| {
        let (_, rest) = status.split_once(key)?;
        rest.split(['}', ']', ' ']).next()
    };
    value("WEXITSTATUS(s) == ").map(|code| format!("exited {code}"))
}
