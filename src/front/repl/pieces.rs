//! Splits input into statements. What is typed, piped or pasted is run statement by statement; of a
//! copied session, only the lines that were typed are run.

use crate::script::Syntax;

/// A text of that many bytes is parsed again only when it has grown by an eighth. Otherwise a long
/// text would be parsed once for each of its lines.
const LONG_TEXT: usize = 4096;

/// Collects lines until they form complete statements.
pub(super) struct Pieces<'a> {
    syntax: &'a Syntax,
    text: String,
    /// Whether there are only empty lines so far.
    blank: bool,
    /// The length from which the text is parsed again, in bytes.
    wait_for: usize,
    /// Whether lines with a prompt have come: then a line without one is output of the session.
    transcript: bool,
}

impl<'a> Pieces<'a> {
    pub(super) const fn new(syntax: &'a Syntax) -> Self {
        Self {
            syntax,
            text: String::new(),
            blank: true,
            wait_for: 0,
            transcript: false,
        }
    }

    /// The text, if this line completes it, with the empty lines before it. The line includes its
    /// newline.
    pub(super) fn add(&mut self, line: &str) -> Option<String> {
        self.keep(line);
        if self.text.len() < self.wait_for || self.blank {
            return None;
        }
        if self.syntax.is_unfinished(&self.text) {
            let long = self.text.len() > LONG_TEXT;
            self.wait_for = self.text.len() + if long { self.text.len() / 8 } else { 0 };
            return None;
        }
        self.rest()
    }

    fn keep(&mut self, line: &str) {
        match typed(line) {
            Some(typed) => {
                // In a copied session, a new prompt means that the open statement was given up.
                self.text = typed.to_owned();
                self.blank = typed.trim().is_empty();
                self.wait_for = 0;
                self.transcript = true;
            }
            None if self.transcript && self.blank => {}
            None => {
                self.text.push_str(line);
                self.blank &= line.trim().is_empty();
            }
        }
    }

    /// What has been collected, complete or not.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.wait_for = 0;
        let text = std::mem::take(&mut self.text);
        let whole = (!self.blank).then(|| text.trim_end_matches(['\n', '\r']).to_owned());
        self.blank = true;
        whole
    }
}

/// A text split into pieces.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::front) struct Split {
    pub(in crate::front) pieces: Vec<String>,
    /// Whether the last piece is incomplete.
    pub(super) open: bool,
}

/// Splits a text into pieces that can be run one after another.
pub(in crate::front) fn split(text: &str, syntax: &Syntax) -> Split {
    let mut collected = Pieces::new(syntax);
    collected.transcript = text.lines().any(|line| typed(line).is_some());
    let mut pieces = Vec::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let goes_on = !collected.transcript && lines.peek().is_some_and(|next| continues(next));
        if goes_on {
            collected.keep(line);
        } else {
            pieces.extend(collected.add(line));
        }
    }
    let rest = collected.rest();
    let open = rest.as_ref().is_some_and(|rest| syntax.is_unfinished(rest));
    pieces.extend(rest);
    Split { pieces, open }
}

/// Whether a line continues the statement before it, even if that could end there.
fn continues(line: &str) -> bool {
    let line = line.trim_start();
    let word = line.split(|c: char| !c.is_alphanumeric()).next();
    line.starts_with('.') || matches!(word, Some("else" | "catch"))
}

/// What is typed in a line that begins with a prompt such as `[1] 0 ms> `, `[9] 3 ms 2:hog> ` or
/// `[9] 3 ms (before line 7)> `. The number may be missing.
fn typed(line: &str) -> Option<&str> {
    let (prompt, typed) = line.split_once("> ")?;
    let numbered = prompt.strip_prefix('[').and_then(|p| p.split_once("] "));
    let prompt = match numbered {
        Some((number, rest)) if number.parse::<usize>().is_ok() => rest,
        _ => prompt,
    };
    let mut words = prompt.splitn(3, ' ');
    let time = words.next()?.parse::<u64>().is_ok() && words.next() == Some("ms");
    let is_task = |task: &str| {
        let pid = task.split_once(':').map(|(pid, _)| pid.parse::<u32>());
        matches!(pid, Some(Ok(_))) || task.starts_with("(before ")
    };
    (time && words.next().is_none_or(is_task)).then_some(typed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Limits;

    #[test]
    fn a_text_is_taken_apart_where_statements_end() {
        let syntax = Syntax::new(&Limits::default());
        for (text, pieces, open) in [
            ("ps()", &["ps()"][..], false),
            ("let a = 1\nlet b = 2\n", &["let a = 1", "let b = 2"], false),
            ("\nlet a = 1\n\n\nps\n", &["\nlet a = 1", "\n\nps"], false),
            ("fn f() {\n  1\n}\nf()", &["fn f() {\n  1\n}", "f()"], false),
            ("1\nlet x = [", &["1", "let x = ["], true),
            ("if a {\n}\nelse {\n}", &["if a {\n}\nelse {\n}"], false),
            ("sh\n  .fork()", &["sh\n  .fork()"], false),
            ("\n\n", &[], false),
            (
                "Linux 2.6.12\n0 ms> let x = [1,\n2]\n0 ms> x\n[1, 2]\n5 ms 2:a b> ps\n  2 > 1",
                &["let x = [1,\n2]", "x", "ps"],
                false,
            ),
            ("0 ms> let x = [1,\n0 ms> 7", &["7"], false),
            (
                "[1] 0 ms> ps\n[1, 2]\n[12] 3 ms 2:a> 7\n[13] 3 ms (before line 2)> 8\n[1] 2 > 3",
                &["ps", "7", "8"],
                false,
            ),
            ("3 > 2", &["3 > 2"], false),
        ] {
            let expected = Split {
                pieces: pieces.iter().map(ToString::to_string).collect(),
                open,
            };
            assert_eq!(split(text, &syntax), expected, "{text:?}");
        }
    }
}
