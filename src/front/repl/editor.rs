//! The prompt on a terminal: rustyline with completion, colours, and Enter that goes on to the next
//! line while something is open.

use super::history::History;
use super::shell::Shell;
use crate::front::run::{complain, print_line};
use crate::front::style::{paint_words, stdout_has_color};
use crate::script::{FailureKind, Limits, Syntax, Vocabulary, WordKind};
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

/// A text so long is taken as it is: reading it at each Enter would take too long.
const TOO_LONG_TO_JUDGE: usize = 1 << 20;
/// A text so long is not coloured while it is typed.
const TOO_LONG_TO_COLOUR: usize = 4096;

/// Reads lines until the user leaves.
///
/// # Errors
/// If the terminal cannot be used.
pub(super) fn run(mut shell: Shell, limits: &Limits) -> rustyline::Result<()> {
    let color = stdout_has_color();
    let (mut editor, mut history, complaint) = new_editor(limits, color)?;
    if print_line(&shell.greeting()).is_err() {
        return Ok(());
    }
    if let Some(complaint) = complaint {
        complain(&paint_words(&complaint, Role::Dim, color));
    }
    loop {
        if let Some(assistant) = editor.helper_mut() {
            assistant.vocabulary = shell.vocabulary();
        }
        let prompt = shell.prompt();
        let read = panic::catch_unwind(AssertUnwindSafe(|| editor.readline(&prompt)));
        let Ok(line) = read else {
            // An editor that gave up on a line must not take the session with it.
            complain("this line is too much for the editor; forklab run FILE takes long scripts");
            (editor, history, _) = new_editor(limits, color)?;
            continue;
        };
        match line {
            Ok(line) => {
                if !line.trim().is_empty() {
                    history.add(&mut editor, &line);
                }
                let answer = shell.submit(&line);
                if answer.quit || matches!(answer.failure, Some(FailureKind::Output(_))) {
                    return Ok(());
                }
                let mut text = answer.text;
                if answer.failure == Some(FailureKind::Interrupted) {
                    // The terminal has written ^C.
                    text.insert(0, '\n');
                }
                if !text.is_empty() && print_line(&text).is_err() {
                    return Ok(());
                }
            }
            // Ctrl-C gives up the line that is being typed.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// An editor with the history of earlier sessions, and what there is to complain of.
fn new_editor(
    limits: &Limits,
    color: bool,
) -> rustyline::Result<(Editor<Assistant, FileHistory>, History, Option<String>)> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .auto_add_history(false)
        .history_ignore_dups(true)?
        .max_history_size(10_000)?
        .build();
    let mut editor = Editor::with_config(config)?;
    let (history, complaint) = History::open(&mut editor);
    editor.set_helper(Some(Assistant {
        syntax: Syntax::new(limits),
        vocabulary: Vocabulary::default(),
        color,
    }));
    Ok((editor, history, complaint))
}

/// Puts a question to the user and waits for the answer. Ctrl-D is none; Ctrl-C interrupts.
pub(super) fn ask(question: &str) -> io::Result<Option<String>> {
    let error = |error: ReadlineError| io::Error::other(error.to_string());
    let mut editor = rustyline::DefaultEditor::new().map_err(error)?;
    match editor.readline(&format!("{question} ")) {
        Ok(line) => Ok(Some(line)),
        Err(ReadlineError::Eof) => Ok(None),
        Err(ReadlineError::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
        Err(other) => Err(error(other)),
    }
}

/// What helps while a line is typed.
struct Assistant {
    syntax: Syntax,
    vocabulary: Vocabulary,
    color: bool,
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

    /// How the function is written whose arguments are being typed.
    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<String> {
        if pos < line.len() {
            return None;
        }
        let signature = self.vocabulary.open_call(line)?;
        Some(format!("   {signature}"))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let command = text.trim_start().starts_with(':');
        let unfinished =
            !command && text.len() < TOO_LONG_TO_JUDGE && self.syntax.is_unfinished(text);
        Ok(match unfinished {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if !self.color || line.len() > TOO_LONG_TO_COLOUR {
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
            text.push_str(&paint_words(&line[range.clone()], role, true));
            done = range.end;
        }
        text.push_str(&line[done..]);
        Cow::Owned(text)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Owned(paint_words(prompt, Role::Dim, self.color))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(paint_words(hint, Role::Dim, self.color))
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.color && kind != CmdKind::MoveCursor
    }
}
