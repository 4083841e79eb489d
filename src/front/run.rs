//! Batch runs: scripts from files, standard input or the command line, each on a fresh machine.

use super::diag::draw;
use super::exit_code::{FAILED, FINE, INTERRUPTED, USAGE};
use super::print::{complain, complain_painted, exit_code, output_failed, print_painted, reason};
use super::process::Process;
use super::record::Record;
use super::repl;
use super::style::{Colors, stderr_colors};
use super::trace_file::{self, TraceFile};
use crate::course::Lab;
use crate::export::page;
use crate::machine::Machine;
use crate::script::{Failure, FailureKind, Host, ScriptValue, Session};
use crate::view::changed_kernel;
use clap::Args;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

/// The largest text that is read, in bytes.
const MAX_TEXT: u64 = 16 << 20;

/// Where a script comes from.
pub(super) enum Source {
    /// Standard input.
    Stdin,
    /// A script file.
    File(PathBuf),
    /// An expression on the command line, whose value is printed.
    Expression(String),
}

impl Source {
    /// Interprets a path; `-` means standard input, and the folder of a lab its script.
    pub(super) fn of_path(path: PathBuf) -> Self {
        if path.as_os_str() == "-" {
            Self::Stdin
        } else if path.join(Lab::MANIFEST).is_file() {
            Self::File(path.join(Lab::SCRIPT))
        } else {
            Self::File(path)
        }
    }

    /// The folder of the lab whose script this is, if it is one.
    pub(super) fn lab_folder(&self) -> Option<&Path> {
        let Self::File(path) = self else {
            return None;
        };
        let is_script = path.file_name().is_some_and(|name| name == Lab::SCRIPT);
        let folder = match self.folder() {
            here if here.as_os_str().is_empty() => Path::new("."),
            folder => folder,
        };
        (is_script && folder.join(Lab::MANIFEST).is_file()).then_some(folder)
    }

    /// Its name in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => "<stdin>".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Expression(_) => "<expression>".to_owned(),
        }
    }

    /// The folder whose files it reaches; the current one if it stands in no file.
    fn folder(&self) -> &Path {
        match self {
            Self::File(path) => path.parent().unwrap_or(Path::new("")),
            Self::Stdin | Self::Expression(_) => Path::new(""),
        }
    }

    /// Reads its text without changing it.
    pub(super) fn read(&self) -> Result<String, String> {
        self.read_up_to(MAX_TEXT)
    }

    /// Reads its text, which may have so many bytes.
    pub(super) fn read_up_to(&self, most: u64) -> Result<String, String> {
        let mut bytes = Vec::new();
        match self {
            Self::Expression(text) => return Ok(text.clone()),
            Self::Stdin => read_bounded(io::stdin().lock(), &mut bytes, most)?,
            Self::File(path) => {
                let file = fs::File::open(path).map_err(|error| reason(&error))?;
                read_bounded(file, &mut bytes, most)?;
            }
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            format!("not UTF-8 text: byte {at}, on line {line}; only UTF-8 files can be read")
        })?;
        Ok(match text.strip_prefix('\u{feff}') {
            Some(bare) => bare.to_owned(),
            None => text,
        })
    }
}

/// Removes a byte order mark, and turns a `#!` line into a comment.
pub(super) fn plain_script(text: String) -> String {
    match text.strip_prefix("#!") {
        Some(rest) => format!("// {rest}"),
        None => text,
    }
}

fn read_bounded(from: impl Read, bytes: &mut Vec<u8>, most: u64) -> Result<(), String> {
    from.take(most + 1)
        .read_to_end(bytes)
        .map_err(|error| reason(&error))?;
    if bytes.len() as u64 > most {
        return Err(format!("larger than {} MiB, the maximum", most >> 20));
    }
    Ok(())
}

/// Whether the user is asked for predictions on the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Questions {
    /// For each of them.
    Asked,
    /// For those to which the script gives no answer, if there is a terminal.
    AtTerminal,
    Skipped,
}

/// What scripts are run with.
pub(super) struct Given {
    pub(super) questions: Questions,
    /// The seed of the variant.
    pub(super) seed: u64,
    /// What `args()` returns.
    pub(super) args: Vec<String>,
}

impl Given {
    pub(super) const NOTHING: Self = Self {
        questions: Questions::Skipped,
        seed: 0,
        args: Vec::new(),
    };
}

/// Files that a run writes besides what it prints.
#[derive(Args, Clone, Default)]
pub(super) struct Outputs {
    /// Write the trace of the run to this file. The ending of its name chooses the format: .txt
    /// ftrace, .json Chrome, .pftrace Perfetto, .jsonl one event in JSON a line, .dat trace-cmd. A
    /// name without such an ending follows that of the format: jsonl:/dev/stderr
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write the value of the last expression of a script, a view or a trace, to this file as a
    /// picture; of a replay, its timeline. Not for programs
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
    /// Write the run to this file as a page with its timeline, events, processes and frames, which
    /// any browser shows
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Print one document of JSON about a script or a replay: what was printed, the value, the error.
    /// Not for programs
    #[arg(long)]
    pub(super) json: bool,
}

impl Outputs {
    /// Creates the file for the trace, if one is wanted.
    ///
    /// # Errors
    /// Why it cannot be written, in words for the user.
    pub(super) fn trace_file(&self, inputs: &[&str]) -> Result<Option<TraceFile>, String> {
        let inputs: Vec<&Path> = inputs.iter().map(Path::new).collect();
        let create = |path: &PathBuf| TraceFile::create(path, &inputs);
        self.trace.as_ref().map(create).transpose()
    }

    /// Whether the value of the last expression is wanted, beyond its text.
    const fn wants_value(&self) -> bool {
        self.json || self.svg.is_some()
    }

    /// Writes the picture of a value, if one is wanted.
    ///
    /// # Errors
    /// Why it cannot be written, in words for the user.
    fn write_svg(&self, value: &ScriptValue, inputs: &[&str]) -> Result<(), String> {
        let Some(path) = &self.svg else {
            return Ok(());
        };
        let name = path.display();
        let svg = value.svg().ok_or_else(|| {
            format!(
                "{name}: the value of the script is not a picture\nhelp: its last line is a view \
                 without a semicolon, such as timeline() or pstree()"
            )
        })?;
        write_named(Some(path), inputs, || svg)
    }

    /// Writes the page of a run, if one is wanted.
    ///
    /// # Errors
    /// Why it cannot be written, in words for the user.
    pub(super) fn write_page(
        &self,
        machine: &Machine,
        name: &str,
        source: &str,
        printed: &[String],
    ) -> Result<(), String> {
        let page = || page(machine, name, source, printed);
        write_named(self.html.as_deref(), &[name], page)
    }

    /// Whether nothing is to be written but what is printed.
    pub(super) fn is_empty(&self) -> bool {
        self.for_one_run().is_none()
    }

    /// The first option that names a file for one run.
    pub(super) fn for_one_run(&self) -> Option<&'static str> {
        let named = [
            (self.trace.is_some(), "--trace"),
            (self.svg.is_some(), "--svg"),
            (self.html.is_some(), "--html"),
            (self.json, "--json"),
        ];
        let given = named.into_iter().find(|(given, _)| *given);
        given.map(|(_, option)| option)
    }
}

/// Writes a text to the file of that name, if there is one.
///
/// # Errors
/// Why it cannot be written, in words for the user.
pub(super) fn write_named(
    path: Option<&Path>,
    inputs: &[&str],
    text: impl FnOnce() -> String,
) -> Result<(), String> {
    let Some(path) = path else {
        return Ok(());
    };
    let inputs: Vec<&Path> = inputs.iter().map(Path::new).collect();
    let mut file = trace_file::create(path, &inputs)?;
    let written = file.write_all(text().as_bytes());
    written.map_err(|error| format!("{}: cannot be written: {}", path.display(), reason(&error)))
}

/// Runs scripts in turn; the exit code is that of the first that failed.
pub(super) fn run_all(
    process: &Process,
    sources: impl IntoIterator<Item = Source>,
    given: &Given,
    transcript: Option<&Path>,
    outputs: &Outputs,
) -> u8 {
    let mut record = match transcript.map(Record::create).transpose() {
        Ok(record) => record,
        Err(why) => {
            complain(&format!("forklab: {why}"));
            return USAGE;
        }
    };
    let mut first = FINE;
    for source in sources {
        let code = run_one(process, &source, given, record.as_mut(), outputs);
        if first == FINE {
            first = code;
        }
        if code == INTERRUPTED {
            break;
        }
    }
    if let Some(Err(why)) = record.map(Record::write) {
        complain(&format!("forklab: {why}"));
        return if first == FINE { FAILED } else { first };
    }
    first
}

/// Whether a script is run with somebody to ask.
fn asks(questions: Questions, text: &str) -> bool {
    match questions {
        Questions::Asked => true,
        Questions::Skipped => false,
        Questions::AtTerminal => {
            text.contains("predict(") && io::stdin().is_terminal() && io::stdout().is_terminal()
        }
    }
}

/// The lab whose script this is, if it is one.
fn lab_of(source: &Source) -> Option<Lab> {
    Lab::load(source.lab_folder()?).ok()
}

/// The document of `--json`, whose schema is in `docs/schema/`.
fn document(
    session: &Session,
    name: &str,
    printed: &[String],
    value: Value,
    result: &Result<(), Failure>,
) -> Value {
    let (tick, events, changed) = session.machine(|machine| {
        let kernel = &machine.kernel;
        let changed = changed_kernel(machine);
        (kernel.tick(), kernel.log.event_seq(), changed)
    });
    json!({
        "forklab": env!("CARGO_PKG_VERSION"),
        "script": name,
        "printed": printed,
        "value": value,
        "error": result.as_ref().err().map(error_json),
        "tick": tick,
        "events": events,
        "changed_kernel": changed,
    })
}

fn error_json(failure: &Failure) -> Value {
    let kind = match failure.kind {
        FailureKind::Script => "script",
        FailureKind::Panic => "panic",
        FailureKind::Limit => "limit",
        FailureKind::Interrupted => "interrupted",
        FailureKind::Output(_) => "output",
    };
    json!({
        "kind": kind,
        "message": failure.message,
        "note": failure.note,
        "help": failure.help,
        "line": failure.position.map(|(line, _)| line),
        "column": failure.position.map(|(_, column)| column),
    })
}

/// Draws a failure, unless nobody reads any more; returns the exit code.
fn report(session: &Session, name: &str, failure: &Failure) -> u8 {
    if failure.kind != FailureKind::Output(io::ErrorKind::BrokenPipe) {
        let color = stderr_colors();
        complain_painted(&draw(failure, name, session.document(), color));
    }
    exit_code(failure.kind)
}

/// Prints and writes what the options ask for beside the trace; fails with an exit code.
fn finish(
    session: &Session,
    name: &str,
    printed: &[String],
    (value, result): (&ScriptValue, &Result<(), Failure>),
    outputs: &Outputs,
) -> Result<(), u8> {
    if outputs.json {
        let document = document(session, name, printed, value.json(), result).to_string();
        print_painted(&document).map_err(|error| output_failed(error.kind()))?;
    }
    let unwritten = |why: String| {
        complain(&format!("forklab: {why}"));
        USAGE
    };
    if result.is_ok() {
        outputs.write_svg(value, &[name]).map_err(unwritten)?;
    }
    let paged =
        session.machine(|machine| outputs.write_page(machine, name, session.document(), printed));
    paged.map_err(unwritten)
}

/// The host of a script, and what it will have printed, if somebody listens.
fn host_of(
    process: &Process,
    source: &Source,
    (questions, text): (Questions, &str),
    outputs: &Outputs,
    listens: bool,
) -> Result<(Host, Option<Receiver<String>>), String> {
    let mut host = process.speaking_host(&source.name(), source.folder());
    if asks(questions, text) {
        host.ask_all = questions == Questions::Asked;
        host.ask = Some(repl::asker(process)?);
    }
    if outputs.json {
        // Everything is part of the document.
        host.out = Box::new(|_| Ok(()));
        host.show = Some(Box::new(|_| Ok(())));
    }
    if !listens {
        return Ok((host, None));
    }
    let (host, printed) = Record::listen(host);
    Ok((host, Some(printed)))
}

/// The text of a script that has something to run; fails with an exit code.
fn text_of(source: &Source) -> Result<String, u8> {
    let name = source.name();
    let text = source.read().map(plain_script).map_err(|why| {
        complain(&format!("forklab: {name}: {why}"));
        USAGE
    })?;
    if text.trim().is_empty() {
        complain(&format!(
            "forklab: {name}: the script is empty; nothing was run"
        ));
        return Err(FINE);
    }
    Ok(text)
}

fn run_one(
    process: &Process,
    source: &Source,
    given: &Given,
    record: Option<&mut Record>,
    outputs: &Outputs,
) -> u8 {
    let name = source.name();
    let text = match text_of(source) {
        Ok(text) => text,
        Err(code) => return code,
    };
    let listens = record.is_some() || outputs.json || outputs.html.is_some();
    let (mut host, printed) =
        match host_of(process, source, (given.questions, &text), outputs, listens) {
            Ok(host) => host,
            Err(why) => {
                complain(&format!("forklab: {why}"));
                return USAGE;
            }
        };
    let trace = match outputs.trace_file(&[&name]) {
        Ok(trace) => trace.map(|trace| trace_file::Shared::attach(trace, &mut host)),
        Err(why) => {
            complain(&format!("forklab: {why}"));
            return USAGE;
        }
    };
    let mut session = match Session::with_host(process.limits, host) {
        Ok(session) => session,
        Err(why) => {
            complain(&format!("forklab: {why}"));
            return FAILED;
        }
    };
    session.set_name(&name);
    session.set_seed(given.seed);
    session.set_args(given.args.clone());
    if let Some(lab) = lab_of(source) {
        session.compare_by(lab.asked().map(|task| task.rule.clone()).collect());
    }
    let mut value = ScriptValue::default();
    let result = match source {
        _ if outputs.wants_value() => session.eval_value(&text).map(|result| value = result),
        Source::Expression(_) => session.eval(&text).and_then(|value| match value.as_str() {
            "" => Ok(()),
            value => session.print(value),
        }),
        Source::Stdin | Source::File(_) => session.run(&text),
    };
    let failed = result.as_ref().err().map_or_else(String::new, |failure| {
        draw(failure, &name, session.document(), Colors::Off)
    });
    let printed: Vec<String> =
        printed.map_or_else(Vec::new, |printed| printed.try_iter().collect());
    if let Some(record) = record {
        record.add(&name, &text, &printed, &failed);
    }
    if let Err(code) = finish(&session, &name, &printed, (&value, &result), outputs) {
        return code;
    }
    let traced = trace.map_or(Ok(()), |trace| {
        session.machine(|machine| trace.finish(machine))
    });
    if let Err(why) = &traced {
        complain(&format!("forklab: {why}"));
    }
    match result {
        Ok(()) if traced.is_err() => USAGE,
        Ok(()) => FINE,
        Err(failure) if traced.is_err() && matches!(failure.kind, FailureKind::Output(_)) => USAGE,
        Err(failure) => report(&session, &name, &failure),
    }
}
