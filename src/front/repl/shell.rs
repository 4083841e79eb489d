//! Runs a line of the prompt, wherever lines come from and answers go: as a command of the prompt
//! itself, or in the session.

use super::tour;
use crate::abi::Pid;
use crate::front::diag::draw_within;
use crate::front::run::{Source, plain_script};
use crate::front::style::{Colors, paint, paint_words, visible};
use crate::script::{Failure, FailureKind, Host, Limits, Session, Shown, Vocabulary};
use crate::view::{Role, Text, on_cpu_now};

/// The name of the typed text in messages.
pub(super) const NAME: &str = "prompt";
/// The most lines of a value that are shown.
const MAX_SHOWN: usize = 200;

const COMMANDS: &str = "\
:undo [N]   undo the last line, or the last N lines
:run FILE   run a script, as if it were typed here
:reset      boot a fresh machine, without variables
:help [F]   list all functions, or explain one
:tour       what to type first
:quit       leave (or Ctrl-D)";

/// A session with the commands of the prompt.
pub struct Shell {
    session: Session,
    color: Colors,
    /// Columns of the terminal.
    columns: usize,
}

/// The result of a line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// What to print, without a newline at the end; empty for nothing.
    pub text: String,
    /// Why the line failed, if it did.
    pub failure: Option<FailureKind>,
    /// Whether the user wants to leave.
    pub quit: bool,
}

impl Answer {
    fn said(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    fn refused(text: impl Into<String>) -> Self {
        Self {
            failure: Some(FailureKind::Script),
            ..Self::said(text)
        }
    }
}

/// A command of the prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Command<'a> {
    Undo(&'a str),
    Run(&'a str),
    Reset,
    Help(&'a str),
    Tour,
    Quit,
    Unknown(&'a str),
}

impl Shell {
    /// A prompt on a fresh machine.
    ///
    /// # Errors
    /// If no machine can be booted, in words for the user.
    pub fn new(limits: Limits, host: Host, color: Colors) -> Result<Self, String> {
        let mut session = Session::with_host(limits, host)?;
        session.remember();
        session.set_name(NAME);
        Ok(Self {
            session,
            color,
            columns: usize::MAX,
        })
    }

    /// Makes messages for a terminal with that many columns from now on.
    pub fn set_columns(&mut self, columns: usize) {
        self.columns = columns;
    }

    /// What to show before the first line.
    pub fn greeting(&self) -> String {
        let (cpus, mem) = self.session.machine(|machine| {
            let config = &machine.kernel.config;
            (config.cpus, config.mem >> 20)
        });
        format!(
            "Linux 2.6.12 i386, emulated. {cpus} CPU, {mem} MiB. Time stands still until tick(n). \
             Try: tour, help, undo"
        )
    }

    /// The prompt: the time, and which task has the CPU.
    pub fn prompt(&self) -> String {
        self.session.machine(|machine| {
            let tick = machine.kernel.tick();
            let running = on_cpu_now(&machine.kernel);
            // The idle task is not shown.
            match running.into_iter().find(|(pid, _)| *pid != Pid(0)) {
                Some((pid, name)) => {
                    let name = visible(machine.kernel.names.get(name));
                    format!("{tick} ms {pid}:{name}> ")
                }
                None => format!("{tick} ms> "),
            }
        })
    }

    /// The words that can be typed now.
    pub fn vocabulary(&self) -> Vocabulary {
        self.session.vocabulary()
    }

    /// Begins the next input: the lines that follow are typed or pasted at once.
    pub fn begin_input(&mut self) {
        self.session.begin_input();
    }

    /// Runs a line.
    pub fn submit(&mut self, line: &str) -> Answer {
        if line.trim().is_empty() {
            return Answer::default();
        }
        match self.command_of(line) {
            Some(command @ (Command::Run(_) | Command::Help(_))) => self.obey(command, line),
            Some(command) => {
                self.session.pass_over(line);
                self.obey(command, line)
            }
            None => self.evaluate(line),
        }
    }

    /// Commands begin with a colon. The usual words work without one unless they are variables.
    fn command_of<'a>(&self, line: &'a str) -> Option<Command<'a>> {
        let text = line.trim().trim_end_matches(';');
        let (colon, text) = match text.strip_prefix(':') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text),
        };
        let end = text
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let argument = rest
            .trim()
            .trim_start_matches('(')
            .trim_end_matches(')')
            .trim();
        if text == "?" {
            return Some(Command::Help(""));
        }
        let bare = argument.is_empty() && !self.session.has_variable(word);
        let number = argument.parse::<i64>().is_ok() && !self.session.has_variable(word);
        match word {
            "undo" if colon || bare || number => Some(Command::Undo(argument)),
            "run" if colon => Some(Command::Run(rest.trim())),
            "reset" if colon || bare => Some(Command::Reset),
            "tour" if colon || bare => Some(Command::Tour),
            "quit" | "exit" if colon || bare => Some(Command::Quit),
            "q" if colon => Some(Command::Quit),
            "help" if colon || bare => Some(Command::Help(argument)),
            _ if colon => Some(Command::Unknown(text)),
            _ => None,
        }
    }

    fn obey(&mut self, command: Command, line: &str) -> Answer {
        match command {
            Command::Undo(argument) => self.undo(argument),
            Command::Run(path) => self.run_file(path, line),
            Command::Reset => match self.session.reset(line) {
                Ok(()) => Answer::said("a fresh machine; undo brings the old one back"),
                Err(why) => self.refused(&why),
            },
            Command::Help(name) if !name.is_empty() => self.evaluate(&format!("help {name}")),
            Command::Help(_) => {
                let mut answer = self.evaluate("help()");
                answer.text = format!("{COMMANDS}\n\n{}", answer.text);
                answer
            }
            Command::Tour => Answer::said(tour::text(self.color)),
            Command::Quit => Answer {
                quit: true,
                ..Answer::default()
            },
            Command::Unknown(text) => {
                self.refused(&format!("there is no command :{text}\n{COMMANDS}"))
            }
        }
    }

    fn undo(&mut self, argument: &str) -> Answer {
        let lines = match argument {
            "" => 1,
            number => match number.parse() {
                Ok(lines) if lines > 0 => lines,
                _ => {
                    return self.refused(&format!(
                        "undo takes a number of lines, such as undo 2, not {number}"
                    ));
                }
            },
        };
        match self.session.undo(lines) {
            Some(undone) => {
                let first = visible(undone.line.lines().next().unwrap_or_default());
                let more = if undone.line.contains('\n') {
                    " ..."
                } else {
                    ""
                };
                let all = match undone.lines {
                    count if count < lines => format!(": all {count} lines undone"),
                    _ => String::new(),
                };
                Answer::said(format!("before {first}{more}{all}"))
            }
            None => self.refused("nothing to undo"),
        }
    }

    fn run_file(&mut self, path: &str, line: &str) -> Answer {
        if path.is_empty() || path == "-" {
            return self.refused(":run needs the name of a script file");
        }
        let text = match Source::of_path(path.into()).read() {
            Ok(text) => plain_script(text),
            Err(why) => return self.refused(&format!("{path}: {why}")),
        };
        let result = self.session.submit_file(line, path, &text);
        let before = self.session.lines_before();
        match result {
            Err(failure) if failure.position.is_some_and(|(line, _)| line > before) => Answer {
                failure: Some(failure.kind),
                text: draw_within(
                    &moved_up(failure, before),
                    path,
                    &text,
                    self.color,
                    self.columns,
                ),
                quit: false,
            },
            result => self.answer(result),
        }
    }

    /// The answer to a line that is not run.
    fn refused(&self, why: &str) -> Answer {
        let word = paint_words("error:", Role::Bad, self.color);
        Answer::refused(format!("{word} {}", visible(why)))
    }

    fn evaluate(&mut self, line: &str) -> Answer {
        let result = self.session.submit(line);
        self.answer(result)
    }

    fn answer(&self, result: Result<Shown, Failure>) -> Answer {
        match result {
            Ok(shown) => Answer::said(paint(&cut(shown.text), self.color)),
            Err(failure) if failure.kind == FailureKind::Interrupted => Answer {
                text: format!("{failure}; undo takes it back"),
                failure: Some(failure.kind),
                quit: false,
            },
            Err(failure) => Answer {
                text: draw_within(
                    &failure,
                    NAME,
                    self.session.document(),
                    self.color,
                    self.columns,
                ),
                failure: Some(failure.kind),
                quit: false,
            },
        }
    }
}

/// Converts a failure to the line numbers of a text that comes after `before` lines of the session.
/// Calls from before it are left out.
fn moved_up(failure: Failure, before: usize) -> Failure {
    let moved = |(line, column): (usize, usize)| Some((line.checked_sub(before)?, column));
    let around = failure.around.into_iter();
    let around = around.filter(|(_, (line, _))| *line > before);
    Failure {
        position: failure.position.and_then(moved),
        around: around
            .filter_map(|(what, place)| Some((what, moved(place)?)))
            .collect(),
        ..failure
    }
}

/// Cuts a text to a readable length.
fn cut(mut text: Text) -> Text {
    let lines = text.lines.len();
    if lines > MAX_SHOWN {
        text.lines.truncate(MAX_SHOWN);
        let rest = format!("... {} more lines; print(..) shows all", lines - MAX_SHOWN);
        text.push(crate::view::cell(Role::Dim, rest));
    }
    text
}
