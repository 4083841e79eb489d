//! The prompt on a terminal: rustyline with completion and colours. Enter continues on the next
//! line while something is open.

use super::history::History;
use super::pieces::split;
use super::shell::{Answer, Shell};
use crate::front::exit_code::FINE;
use crate::front::print::{complain, output_failed, print_painted};
use crate::front::style::{Colors, paint_words, visible};
use crate::script::{FailureKind, Interrupt, Limits, Syntax, Vocabulary, WordKind};
use crate::view::Role;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use std::borrow::Cow;
use std::io;
use std::panic::{self, AssertUnwindSafe};

/// A longer text is taken as it is, because parsing it at each Enter would take too long.
const TOO_LONG_TO_JUDGE: usize = 1 << 20;
/// A longer text is not coloured while it is typed.
const TOO_LONG_TO_COLOUR: usize = 4096;
/// The most completions that are shown without asking first.
const MAX_COMPLETIONS: usize = 1000;

#[expect(
    clippy::disallowed_types,
    reason = "the prompt and the questions of its lines share a terminal, in turn"
)]
pub(super) type RefCell<T> = std::cell::RefCell<T>;

/// A terminal, with the one editor that both lines and answers are typed into. Keys typed ahead are
/// kept in it, whatever is read next.
pub(super) struct Terminal {
    editor: Editor<Assistant, FileHistory>,
    history: History,
    limits: Limits,
    interrupt: Interrupt,
    color: Colors,
}

/// Reads lines until the user leaves; returns the exit code.
///
/// # Errors
/// If the terminal cannot be used.
pub(super) fn run(
    mut shell: Shell,
    terminal: &RefCell<Terminal>,
    first: Option<&str>,
) -> rustyline::Result<u8> {
    let mut first = first.map(|line| vec![line.to_owned()]);
    loop {
        // Not borrowed while a line runs, because the line may ask a question.
        let read = match first.take() {
            Some(first) => Some(first),
            None => terminal.borrow_mut().read(&shell)?,
        };
        if let Some(columns) = terminal.borrow_mut().columns() {
            shell.set_columns(columns);
        }
        let Some(pieces) = read else {
            shell.end();
            return Ok(FINE);
        };
        shell.begin_input();
        let pasted = pieces.len() > 1;
        for piece in pieces {
            let mut head = String::new();
            if pasted {
                let prompt = shell.prompt();
                head = format!(
                    "{}{}",
                    terminal.borrow().painted(&prompt),
                    visible(piece.trim_start())
                );
            }
            let answer = shell.submit(&piece);
            if answer.quit {
                shell.end();
                return Ok(FINE);
            }
            if let Err(error) = tell(&head, &answer) {
                return Ok(output_failed(error.kind()));
            }
            if answer.failure == Some(FailureKind::Interrupted) {
                break;
            }
        }
    }
}

/// Prints the result of a line, preceded by the line itself if it was not typed alone.
fn tell(head: &str, answer: &Answer) -> io::Result<()> {
    if let Some(FailureKind::Output(kind)) = answer.failure {
        return Err(kind.into());
    }
    if !head.is_empty() {
        print_painted(head)?;
    }
    if answer.text.is_empty() {
        return Ok(());
    }
    if answer.failure == Some(FailureKind::Interrupted) {
        // The terminal has already written ^C.
        print_painted("")?;
    }
    print_painted(&answer.text)
}

impl Terminal {
    /// Opens the terminal of the process, and returns a complaint if the history cannot be used.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(super) fn open(
        limits: Limits,
        interrupt: Interrupt,
        color: Colors,
    ) -> rustyline::Result<(Self, Option<String>)> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_prompt_limit(MAX_COMPLETIONS)
            .auto_add_history(false)
            .history_ignore_dups(true)?
            .max_history_size(10_000)?
            .build();
        let mut editor = Editor::with_config(config)?;
        let (history, complaint) = History::open(&mut editor);
        editor.set_helper(Some(Assistant {
            syntax: Syntax::new(&limits),
            vocabulary: Vocabulary::default(),
            interrupt: interrupt.clone(),
            color,
            expected: Expected::Line,
        }));
        let terminal = Self {
            editor,
            history,
            limits,
            interrupt,
            color,
        };
        Ok((terminal, complaint))
    }

    /// The width of the terminal, if it is known.
    pub(super) fn columns(&mut self) -> Option<usize> {
        let (columns, _) = self.editor.dimensions()?;
        Some(usize::from(columns))
    }

    fn painted(&self, prompt: &str) -> String {
        paint_words(prompt, Role::Dim, self.color)
    }

    /// Reads what to run next: what was typed, or each statement of what was pasted. Empty if the
    /// line was given up, `None` if the user leaves.
    fn read(&mut self, shell: &Shell) -> rustyline::Result<Option<Vec<String>>> {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.vocabulary = shell.vocabulary();
        }
        let prompt = shell.prompt();
        let editor = &mut self.editor;
        let read = panic::catch_unwind(AssertUnwindSafe(|| editor.readline(&prompt)));
        let Ok(line) = read else {
            // An editor that fails on a line must not end the session.
            complain("this line is too long for the editor; use forklab run FILE for long scripts");
            (*self, _) = Self::open(self.limits, self.interrupt.clone(), self.color)?;
            return Ok(Some(Vec::new()));
        };
        match line {
            Ok(line) => Ok(Some(self.pieces(&line))),
            // Ctrl-C gives up the line that is being typed.
            Err(ReadlineError::Interrupted) => Ok(Some(Vec::new())),
            Err(ReadlineError::Eof) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn pieces(&mut self, line: &str) -> Vec<String> {
        let pieces = match self.editor.helper() {
            Some(assistant) => split(line, &assistant.syntax).pieces,
            None => vec![line.to_owned()],
        };
        for piece in &pieces {
            self.history.add(&mut self.editor, piece.trim_start());
        }
        pieces
    }

    /// Asks the user a question and waits for the answer. Ctrl-D means no answer; Ctrl-C
    /// interrupts.
    pub(super) fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        self.expect(Expected::Answer);
        let answer = self.editor.readline(&format!("{} ", visible(question)));
        self.expect(Expected::Line);
        match answer {
            Ok(line) => Ok(Some(line)),
            Err(ReadlineError::Eof) => Ok(None),
            Err(ReadlineError::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
            Err(other) => Err(io::Error::other(other.to_string())),
        }
    }

    fn expect(&mut self, expected: Expected) {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.expected = expected;
        }
    }
}

/// What the user is typing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Line,
    /// To a question of a script.
    Answer,
}

/// Completion, hints and colours while a line is typed.
struct Assistant {
    syntax: Syntax,
    vocabulary: Vocabulary,
    interrupt: Interrupt,
    color: Colors,
    /// Whether an answer is being typed, which is plain text.
    expected: Expected,
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if self.expected == Expected::Answer {
            return Ok((pos, Vec::new()));
        }
        let (start, words) = self.vocabulary.complete(&line[..pos]);
        let pair = |word: String| Pair {
            display: word.clone(),
            replacement: word,
        };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;

    /// The signature of the function whose arguments are being typed.
    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<String> {
        if self.expected == Expected::Answer || pos < line.len() {
            return None;
        }
        let signature = self.vocabulary.open_call(line)?;
        Some(format!("   {signature}"))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        if self.expected == Expected::Line && self.is_unfinished(text) {
            return Ok(ValidationResult::Incomplete);
        }
        if self.expected == Expected::Line {
            // The line runs as soon as the terminal sends a signal for Ctrl-C again: from here on,
            // an interrupt is meant for it.
            self.interrupt.clear();
        }
        Ok(ValidationResult::Valid(None))
    }
}

impl Assistant {
    fn is_unfinished(&self, text: &str) -> bool {
        let command = text.trim_start().starts_with(':');
        !command && text.len() < TOO_LONG_TO_JUDGE && split(text, &self.syntax).open
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.expected == Expected::Answer
            || self.color == Colors::Off
            || line.len() > TOO_LONG_TO_COLOUR
        {
            return Cow::Borrowed(line);
        }
        let mut text = String::new();
        let mut done = 0;
        for (range, kind) in self.syntax.words(line) {
            let role = match kind {
                WordKind::Keyword => Role::State,
                WordKind::Literal => Role::Good,
                WordKind::Other => continue,
            };
            if range.start < done {
                continue;
            }
            text.push_str(&line[done..range.start]);
            text.push_str(&paint_words(&line[range.clone()], role, Colors::On));
            done = range.end;
        }
        text.push_str(&line[done..]);
        Cow::Owned(text)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let color = match self.expected {
            Expected::Answer => Colors::Off,
            Expected::Line => self.color,
        };
        Cow::Owned(paint_words(prompt, Role::Dim, color))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(paint_words(hint, Role::Dim, self.color))
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.color == Colors::On && kind != CmdKind::MoveCursor
    }
}
