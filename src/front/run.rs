//! Batch runs: scripts from files, standard input or the command line, each on a fresh machine.

use super::diag::draw;
use super::exit_code::{FAILED, FINE, INTERRUPTED, USAGE};
use super::print::{complain, complain_painted, exit_code, reason};
use super::process::Process;
use super::record::Record;
use super::repl;
use super::style::{Colors, stderr_colors};
use crate::course::Lab;
use crate::script::{FailureKind, Session};
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

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
    /// Interprets a path; `-` means standard input.
    pub(super) fn of_path(path: PathBuf) -> Self {
        if path.as_os_str() == "-" {
            Self::Stdin
        } else {
            Self::File(path)
        }
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
        let mut bytes = Vec::new();
        match self {
            Self::Expression(text) => return Ok(text.clone()),
            Self::Stdin => read_bounded(io::stdin().lock(), &mut bytes)?,
            Self::File(path) => {
                let file = fs::File::open(path).map_err(|error| reason(&error))?;
                read_bounded(file, &mut bytes)?;
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

fn read_bounded(from: impl Read, bytes: &mut Vec<u8>) -> Result<(), String> {
    from.take(MAX_TEXT + 1)
        .read_to_end(bytes)
        .map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(format!("larger than {} MiB, the maximum", MAX_TEXT >> 20));
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

/// Runs scripts in turn; the exit code is that of the first that failed.
pub(super) fn run_all(
    process: &Process,
    sources: impl IntoIterator<Item = Source>,
    given: &Given,
    transcript: Option<&Path>,
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
        let code = run_one(process, &source, given, record.as_mut());
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
    let Source::File(path) = source else {
        return None;
    };
    let is_script = path.file_name().is_some_and(|name| name == Lab::SCRIPT);
    let folder = match source.folder() {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    (is_script && folder.join(Lab::MANIFEST).is_file())
        .then(|| Lab::load(folder).ok())
        .flatten()
}

fn run_one(process: &Process, source: &Source, given: &Given, record: Option<&mut Record>) -> u8 {
    let name = source.name();
    let text = match source.read() {
        Ok(text) => plain_script(text),
        Err(why) => {
            complain(&format!("forklab: {name}: {why}"));
            return USAGE;
        }
    };
    if text.trim().is_empty() {
        complain(&format!(
            "forklab: {name}: the script is empty; nothing was run"
        ));
        return FINE;
    }
    let mut host = process.speaking_host(&name, source.folder());
    if asks(given.questions, &text) {
        host.ask_all = given.questions == Questions::Asked;
        host.ask = match repl::asker(process) {
            Ok(ask) => Some(ask),
            Err(why) => {
                complain(&format!("forklab: {why}"));
                return USAGE;
            }
        };
    }
    let mut printed = None;
    if record.is_some() {
        let (heard, lines) = Record::listen(host);
        (host, printed) = (heard, Some(lines));
    }
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
    let result = match source {
        Source::Expression(_) => session.eval(&text).and_then(|value| match value.as_str() {
            "" => Ok(()),
            value => session.print(value),
        }),
        Source::Stdin | Source::File(_) => session.run(&text),
    };
    let failed = result.as_ref().err().map_or_else(String::new, |failure| {
        draw(failure, &name, session.document(), Colors::Off)
    });
    if let (Some(record), Some(printed)) = (record, printed) {
        let printed: Vec<String> = printed.try_iter().collect();
        record.add(&name, &text, &printed, &failed);
    }
    let Err(failure) = result else {
        return FINE;
    };
    if failure.kind != FailureKind::Output(io::ErrorKind::BrokenPipe) {
        let color = stderr_colors();
        complain_painted(&draw(&failure, &name, session.document(), color));
    }
    exit_code(failure.kind)
}
