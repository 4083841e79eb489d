//! Runs a line of the prompt, wherever lines come from and answers go: as a command of the prompt
//! itself, or in the session.

use super::journal::{Journal, Lost};
use super::lab::Course;
use super::transcript::Transcript;
use super::{timeline, tour};
use crate::abi::Pid;
use crate::export::{TraceFormat, Tracer, page};
use crate::front::diag::draw_within;
use crate::front::print::reason;
use crate::front::run::{Source, plain_script};
use crate::front::style::{Colors, paint, paint_words, visible};
use crate::script::{
    Failure, FailureKind, Host, Left, Limits, Moved, Saved, Session, Shown, Vocabulary,
    unknown_form,
};
use crate::view::{Role, Text, changed_kernel, on_cpu_now};
use anstream::adapter::strip_str;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The name of the typed text in messages.
pub(in crate::front) const NAME: &str = "prompt";
/// The most lines of a value that are shown.
const MAX_SHOWN: usize = 200;

const COMMANDS: &str = "\
:undo [N]   undo the last line that has changed something, or the last N of them
:redo [N]   carry out what was undone again
:goto N     go to the moment before line N; goto branch N to the end of a branch
:history    list the lines of this branch: number, time, text, what came
:branches   list what was done instead, each time something was undone
:run FILE   run a script, as if it were typed here; :load is the same
:save FILE  write the lines in effect as a script that plays again (:save FILE notes: with what
            came); to a file .md or .html, what was typed and what came; to .svg the last value as
            a picture; to .txt, .json, .pftrace, .jsonl or .dat the trace. :save! replaces a file
:recover    play a session again whose process was killed
:lab [N]    begin lab N, or go on with it; without a number, list the labs; :lab close closes it
:reset      boot a fresh machine, without variables
:help [F]   list all functions, or explain one
:tour       what to type first
:quit       leave (or Ctrl-D)";

/// A session with the commands of the prompt.
pub struct Shell {
    pub(super) session: Session,
    pub(super) color: Colors,
    /// Columns of the terminal.
    pub(super) columns: usize,
    transcript: Transcript,
    /// What the line being run has printed.
    printed: String,
    journal: Option<Journal>,
    pub(super) course: Option<Course>,
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
    pub(super) fn said(text: impl Into<String>) -> Self {
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

/// What is done with a command of the prompt while a question of a lab is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OnQuestion {
    /// It does what it always does.
    Obeyed,
    /// It would take the machine away from the question.
    Refused,
    /// The word is an answer.
    Meant,
}

impl Command<'_> {
    /// What is done with it while a question of a lab is open.
    pub(super) const fn on_an_open_question(self) -> OnQuestion {
        match self {
            Self::History
            | Self::Branches
            | Self::Save { .. }
            | Self::Lab(_)
            | Self::Help(_)
            | Self::Tour
            | Self::Recover
            | Self::Reset
            | Self::Unknown(_) => OnQuestion::Obeyed,
            Self::Undo(_) | Self::Redo(_) | Self::GoTo(_) | Self::Run(_) => OnQuestion::Refused,
            Self::Quit(Said::Exit) => OnQuestion::Meant,
            Self::Quit(Said::Other) => OnQuestion::Obeyed,
        }
    }
}

/// The word by which the user leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Said {
    /// `exit`, which is a system call as well.
    Exit,
    Other,
}

/// A command of the prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command<'a> {
    Undo(&'a str),
    Redo(&'a str),
    GoTo(&'a str),
    History,
    Branches,
    Run(&'a str),
    Save { argument: &'a str, replace: bool },
    Recover,
    Lab(&'a str),
    Reset,
    Help(&'a str),
    Tour,
    Quit(Said),
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
            transcript: Transcript::default(),
            printed: String::new(),
            journal: None,
            course: None,
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

    /// The prompt: the number of the line, the time, which task has the CPU, and where the session
    /// stands if it is in the past.
    pub fn prompt(&self) -> String {
        let number = self.session.next_number();
        let past = match (self.session.upcoming(), self.session.inside()) {
            (Some(next), Some(event)) => {
                format!(" (in line {}, before event {event})", next.number)
            }
            (Some(next), None) => format!(" (before line {})", next.number),
            (None, _) => String::new(),
        };
        let lab = self.lab_prompt();
        format!("{lab}[{number}] {}{past}> ", self.moment())
    }

    /// The time, and which task has the CPU.
    fn moment(&self) -> String {
        self.session.machine(|machine| {
            let tick = machine.kernel.tick();
            // Who runs may be what a lab asks.
            let asked = self.is_asked_by_lab();
            let running = on_cpu_now(&machine.kernel);
            let running = running.into_iter().filter(|_| !asked);
            let changed = match changed_kernel(machine) {
                Some(_) => ", changed kernel",
                None => "",
            };
            // The idle task is not shown.
            match { running }.find(|(pid, _)| *pid != Pid(0)) {
                Some((pid, name)) => {
                    let name = visible(machine.kernel.names.get(name));
                    format!("{tick} ms {pid}:{name}{changed}")
                }
                None => format!("{tick} ms{changed}"),
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

    /// Writes each line to a journal from now on.
    pub(super) fn keep_journal(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// The user leaves.
    pub(super) fn end(&mut self) {
        if let Some(journal) = self.journal.take() {
            journal.end();
        }
    }

    /// Runs a line.
    pub fn submit(&mut self, line: &str) -> Answer {
        if line.trim().is_empty() {
            return Answer::default();
        }
        let command = self.command_of(line);
        // What a lab is answered is kept with the progress, and the lab goes on where it was.
        let is_kept = command != Some(Command::Recover) && !self.is_asked_by_lab();
        if let (Some(journal), true) = (&mut self.journal, is_kept) {
            journal.add(line);
        }
        let prompt = self.prompt();
        let mut answer = match self.of_lab(line) {
            Some(answer) => answer,
            None => self.carry_out(command, line),
        };
        if let (Some(FailureKind::Interrupted), Some(journal), Some(look), true) = (
            answer.failure,
            &mut self.journal,
            self.session.interrupted_at(),
            is_kept,
        ) {
            journal.interrupted(look);
        }
        let printed = std::mem::take(&mut self.printed);
        let came = format!("{printed}{}", answer.text);
        self.transcript.add(prompt, line, came);
        if self.color == Colors::Off {
            answer.text = strip_str(&answer.text).to_string();
        }
        answer
    }

    fn carry_out(&mut self, command: Option<Command>, line: &str) -> Answer {
        match command {
            // These are lines of the session.
            Some(
                command @ (Command::Run(_) | Command::Help(_) | Command::Reset | Command::Lab(_)),
            ) => {
                let answer = self.obey(command, line);
                self.remembered(answer)
            }
            Some(command) => {
                self.session.pass_over(line);
                self.obey(command, line)
            }
            None => {
                let answer = self.evaluate(line);
                self.remembered(answer)
            }
        }
    }

    /// Keeps an answer in the history, and says so if a branch has begun.
    fn remembered(&mut self, mut answer: Answer) -> Answer {
        if let Some(left) = self.note(&answer) {
            if !answer.text.is_empty() {
                answer.text.push('\n');
            }
            let note = paint_words(&timeline::branched(&left), Role::Dim, Colors::On);
            answer.text.push_str(&note);
        }
        answer
    }

    /// Keeps an answer in the history. Returns the future that its line has left.
    pub(super) fn note(&mut self, answer: &Answer) -> Option<Left> {
        let plain = strip_str(&answer.text).to_string();
        let left = self.session.note_answer(&plain);
        let typed = self.session.typed();
        let all = typed.last().and_then(|input| input.answer.as_deref());
        let printed = all.and_then(|all| all.strip_suffix(plain.as_str()));
        self.printed = printed.unwrap_or_default().to_owned();
        left
    }

    /// Commands begin with a colon. The usual words work without one unless they are variables.
    pub(super) fn command_of<'a>(&self, line: &'a str) -> Option<Command<'a>> {
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
            "redo" if colon || bare || number => Some(Command::Redo(argument)),
            "goto" if colon || bare || number || of_branch(argument) => {
                Some(Command::GoTo(argument))
            }
            "history" if colon || bare => Some(Command::History),
            "branches" if colon || bare => Some(Command::Branches),
            "run" | "load" if colon => Some(Command::Run(rest.trim())),
            "save" if colon => {
                let rest = rest.trim();
                let argument = rest.strip_prefix('!').unwrap_or(rest).trim();
                let replace = rest.starts_with('!');
                Some(Command::Save { argument, replace })
            }
            "recover" if colon || bare => Some(Command::Recover),
            "lab" if colon => Some(Command::Lab(rest.trim())),
            "reset" if colon || bare => Some(Command::Reset),
            "tour" if colon || bare => Some(Command::Tour),
            "exit" if bare && !colon => Some(Command::Quit(Said::Exit)),
            "quit" | "exit" if colon || bare => Some(Command::Quit(Said::Other)),
            "q" if colon => Some(Command::Quit(Said::Other)),
            "help" if colon || bare => Some(Command::Help(argument)),
            _ if colon => Some(Command::Unknown(text)),
            _ => None,
        }
    }

    fn obey(&mut self, command: Command, line: &str) -> Answer {
        match command {
            Command::Undo(argument) => self.undo(argument),
            Command::Redo(argument) => self.redo(argument),
            Command::GoTo(argument) => self.go_to(argument),
            Command::History => Answer::said(paint(&timeline::history(&self.session), Colors::On)),
            Command::Branches => {
                Answer::said(paint(&timeline::branches(&self.session), Colors::On))
            }
            Command::Run(path) => self.run_file(path, line),
            Command::Save { argument, replace } => self.save(argument, replace),
            Command::Recover => self.recover(),
            Command::Lab(word) => self.lab(word, line),
            Command::Reset => match self.session.reset(line) {
                Ok(()) => Answer::said(match self.close_lab() {
                    Some(closed) => format!("a fresh machine; {closed}"),
                    None => "a fresh machine; undo brings the old one back".to_owned(),
                }),
                Err(why) => self.refused(&why),
            },
            Command::Help(name) if !name.is_empty() => self.evaluate(&format!("help {name}")),
            Command::Help(_) => {
                let mut answer = self.evaluate("help()");
                answer.text = format!("{COMMANDS}\n\n{}", answer.text);
                answer
            }
            Command::Tour => Answer::said(tour::text(Colors::On)),
            Command::Quit(_) => Answer {
                quit: true,
                ..Answer::default()
            },
            Command::Unknown(text) => {
                self.refused(&format!("there is no command :{text}\n{COMMANDS}"))
            }
        }
    }

    fn undo(&mut self, argument: &str) -> Answer {
        let lines = match count("undo", argument) {
            Ok(lines) => lines,
            Err(why) => return self.refused(&why),
        };
        match self.session.undo(lines) {
            Some(Moved { input, lines: done }) => {
                let all = if done < lines {
                    format!(": all {done} lines undone")
                } else {
                    String::new()
                };
                Answer::said(format!("before {}{all}", timeline::named(&input)))
            }
            None => self.refused("nothing to undo"),
        }
    }

    fn redo(&mut self, argument: &str) -> Answer {
        let lines = match count("redo", argument) {
            Ok(lines) => lines,
            Err(why) => return self.refused(&why),
        };
        match self.session.redo(lines) {
            Some(Moved { input, lines: done }) => {
                let all = if done < lines {
                    format!(": all {done} lines redone")
                } else {
                    String::new()
                };
                Answer::said(format!("after {}{all}", timeline::named(&input)))
            }
            None => self.refused("nothing to redo"),
        }
    }

    fn go_to(&mut self, argument: &str) -> Answer {
        let branch = argument.strip_prefix("branch").map(str::trim);
        let Ok(number) = branch.unwrap_or(argument).parse() else {
            return self.refused(&format!(
                "goto takes the number of a line or a branch, such as goto 12 or goto branch 1, \
                 not {argument:?}"
            ));
        };
        let (word, went) = match branch {
            Some(_) => ("after", self.session.go_to_branch(number)),
            None => ("before", self.session.go_to_line(number)),
        };
        match went {
            Ok(input) => Answer::said(format!("{word} {}", timeline::named(&input))),
            Err(why) => self.refused(&format!("{why}; history and branches list what there is")),
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
        if let Some(form) = unknown_form(&text) {
            return self.refused(&format!(
                "{path}: a session saved in form {form}, which this version of forklab does not \
                 know; a later one does"
            ));
        }
        let result = self.session.submit_file(line, path, &text);
        let before = self.session.lines_before();
        match result {
            Err(failure) if failure.position.is_some_and(|(line, _)| line > before) => Answer {
                failure: Some(failure.kind),
                text: draw_within(
                    &moved(failure, |line| {
                        line.checked_sub(before).filter(|line| *line > 0)
                    }),
                    path,
                    &text,
                    Colors::On,
                    self.columns,
                ),
                quit: false,
            },
            result => self.answer(result),
        }
    }

    fn save(&self, argument: &str, replace: bool) -> Answer {
        let (path, notes) = match argument.strip_suffix(" notes") {
            Some(path) => (path.trim(), true),
            None => (argument, false),
        };
        if path.is_empty() {
            return self
                .refused(":save needs the name of a file, such as session.rhai or session.md");
        }
        let (bytes, said) = match self.saved_as(path, notes) {
            Ok((bytes, said)) => (bytes, said),
            Err(why) => return self.refused(&why),
        };
        let file = if replace {
            File::create(path)
        } else {
            File::create_new(path)
        };
        let written = file.and_then(|mut file| file.write_all(&bytes));
        match written {
            Ok(()) => Answer::said(format!("{path}: {said}")),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.refused(&format!(
                "{path} exists and is left as it is; :save! {path} replaces it"
            )),
            Err(error) => self.refused(&format!("{path} cannot be written: {}", reason(&error))),
        }
    }

    /// What is saved in a file of that name, and what it is in words. The ending chooses.
    fn saved_as(&self, path: &str, notes: bool) -> Result<(Vec<u8>, String), String> {
        let ending = Path::new(path).extension().and_then(|kind| kind.to_str());
        match ending {
            None | Some("rhai") => {
                let saved = self.session.saved(notes);
                let said = told(&saved);
                Ok((saved.text.into_bytes(), said))
            }
            Some("md") => {
                let text = self.transcript.markdown();
                Ok((text.into_bytes(), "what was typed and what came".to_owned()))
            }
            Some("html") => {
                let source = self.session.document();
                let console = self.transcript.painted();
                let page = self
                    .session
                    .machine(|machine| page(machine, path, source, &console));
                let said = "a page of the run, with what was typed and what came".to_owned();
                Ok((page.into_bytes(), said))
            }
            Some("svg") => {
                let svg = self.session.last_value().svg().ok_or_else(|| {
                    "the last line has no picture; type a view first, such as timeline()".to_owned()
                })?;
                Ok((svg.into_bytes(), "the picture of the last value".to_owned()))
            }
            Some(other) => {
                let formats = TraceFormat::ALL.into_iter();
                let format = formats
                    .clone()
                    .find(|format| format.ending()[1..] == *other);
                let format = format.ok_or_else(|| {
                    let traces: Vec<&str> = formats.map(TraceFormat::ending).collect();
                    format!(
                        ":save knows no files that end in .{other}; .rhai is the script that plays \
                         again, .md and .html are what was typed and what came, .svg is a picture, \
                         and the trace is {}",
                        traces.join(", ")
                    )
                })?;
                let tracer = Tracer::new(format, Vec::new());
                let traced = self.session.machine(|machine| tracer.finish(machine));
                let (bytes, written) = traced.map_err(|error| reason(&error))?;
                let mut said =
                    format!("the trace of {} events, {}", written.events, format.about());
                if written.missed > 0 {
                    said.push_str(&format!("; {} older ones are lost", written.missed));
                }
                Ok((bytes, said))
            }
        }
    }

    fn recover(&mut self) -> Answer {
        let lost = self.journal.as_ref().map_or_else(Vec::new, Journal::lost);
        if lost.is_empty() {
            return self.refused("there is no session to recover: the last one ended by itself");
        }
        // What was lost begins its lab anew, which goes on where the progress says.
        self.close_lab();
        let mut played = 0;
        for Lost { line, interrupted } in &lost {
            if self.is_asked_by_lab() && !line.trim_start().starts_with(':') {
                // It was typed where no question was open, so it is no answer to this one.
                break;
            }
            self.session.interrupt_at(*interrupted);
            self.submit(line);
            self.session.interrupt_at(None);
            played += 1;
        }
        if let Some(journal) = &mut self.journal {
            journal.forget_lost();
        }
        let plural = if lost.len() == 1 { "line" } else { "lines" };
        let done = if played < lost.len() {
            format!("{played} of {} {plural} played again", lost.len())
        } else {
            format!("{played} {plural} played again")
        };
        let question = self.open_question();
        Answer::said(format!("{done}; history lists them{question}"))
    }

    /// The answer to a line that is not run.
    pub(super) fn refused(&self, why: &str) -> Answer {
        let word = paint_words("error:", Role::Bad, Colors::On);
        Answer::refused(format!("{word} {}", visible(why)))
    }

    pub(super) fn evaluate(&mut self, line: &str) -> Answer {
        let result = self.session.submit(line);
        self.answer(result)
    }

    fn answer(&self, result: Result<Shown, Failure>) -> Answer {
        match result {
            Ok(shown) => Answer::said(paint(&cut(shown.text), Colors::On)),
            Err(failure) if failure.kind == FailureKind::Interrupted => Answer {
                text: format!("{failure}; undo takes it back"),
                failure: Some(failure.kind),
                quit: false,
            },
            Err(failure) => self.drawn(failure),
        }
    }

    pub(super) fn drawn(&self, failure: Failure) -> Answer {
        let forgotten = self.session.lines_forgotten();
        let text = format!("{}{}", "\n".repeat(forgotten), self.session.document());
        let kind = failure.kind;
        let failure = moved(failure, |line| Some(line + forgotten));
        Answer {
            text: draw_within(&failure, NAME, &text, Colors::On, self.columns),
            failure: Some(kind),
            quit: false,
        }
    }
}

/// What has been saved, in words.
fn told(saved: &Saved) -> String {
    let lines = |count: usize| {
        if count == 1 {
            "1 line".to_owned()
        } else {
            format!("{count} lines")
        }
    };
    let left_out = [(saved.failed, "failed"), (saved.looked, "only looked")];
    let left_out = left_out.iter().filter(|(count, _)| *count > 0);
    let left_out: Vec<_> = left_out
        .map(|(count, what)| format!("{count} that {what}"))
        .collect();
    if left_out.is_empty() {
        return lines(saved.inputs);
    }
    format!(
        "{}; {} left out",
        lines(saved.inputs),
        left_out.join(" and ")
    )
}

/// A number of lines; 1 if there is none.
fn count(command: &str, argument: &str) -> Result<usize, String> {
    match argument.parse() {
        _ if argument.is_empty() => Ok(1),
        Ok(lines) if lines > 0 => Ok(lines),
        _ => Err(format!(
            "{command} takes a number of lines, such as {command} 2, not {argument}"
        )),
    }
}

/// Whether this is how a branch is named: `branch 2`.
fn of_branch(argument: &str) -> bool {
    let number = argument.strip_prefix("branch");
    number.is_some_and(|number| number.trim().parse::<usize>().is_ok())
}

/// Converts a failure to other line numbers. Calls from lines that have none are left out.
fn moved(failure: Failure, to: impl Fn(usize) -> Option<usize>) -> Failure {
    let moved = |(line, column): (usize, usize)| Some((to(line)?, column));
    let around = failure.around.into_iter();
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
