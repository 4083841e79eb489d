//! What was typed and what came, as a document to hand in.

use crate::front::markdown::fenced;
use crate::front::style::visible;
use anstream::adapter::strip_str;
use std::collections::VecDeque;
use std::fmt::Write;

/// The most bytes that are kept; beyond it, the oldest exchanges are forgotten.
const MAX_BYTES: usize = 32 << 20;

/// An input and its answer.
struct Exchange {
    prompt: String,
    line: String,
    /// What came, painted.
    answer: String,
}

/// What was typed and what came.
#[derive(Default)]
pub(super) struct Transcript {
    exchanges: VecDeque<Exchange>,
    bytes: usize,
}

impl Transcript {
    pub(super) fn add(&mut self, prompt: String, line: &str, answer: String) {
        self.bytes += prompt.len() + line.len() + answer.len();
        self.exchanges.push_back(Exchange {
            prompt,
            line: visible(line.trim()),
            answer,
        });
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.exchanges.pop_front() else {
                break;
            };
            self.bytes -= oldest.prompt.len() + oldest.line.len() + oldest.answer.len();
        }
    }

    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        for Exchange {
            prompt,
            line,
            answer,
        } in &self.exchanges
        {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{prompt}{line}");
            let answer = strip_str(answer).to_string();
            if !answer.is_empty() {
                let _ = writeln!(text, "{}", answer.trim_end());
            }
        }
        format!("# A session of forklab\n\n{}", fenced("text", &text))
    }

    /// As lines in colour, for the console of a page.
    pub(super) fn painted(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for Exchange {
            prompt,
            line,
            answer,
        } in &self.exchanges
        {
            // 2: dim, 1: bold.
            lines.push(format!(
                "\u{1b}[2m{prompt}\u{1b}[0m\u{1b}[1m{line}\u{1b}[0m"
            ));
            lines.extend(answer.trim_end().lines().map(str::to_owned));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript() -> Transcript {
        let mut transcript = Transcript::default();
        let answer = "\u{1b}[36m2\u{1b}[39m:sh <b>".to_owned();
        transcript.add("[1] 0 ms> ".to_owned(), "spawn(\"sh\")", answer);
        transcript.add("[2] 0 ms> ".to_owned(), "\"```\"", String::new());
        transcript
    }

    #[test]
    fn markdown_has_prompts_and_answers_without_colours() {
        let expected = "# A session of forklab\n\n````text\n[1] 0 ms> spawn(\"sh\")\n2:sh <b>\n\
                        [2] 0 ms> \"```\"\n````\n";
        assert_eq!(transcript().markdown(), expected);
    }

    #[test]
    fn what_was_typed_is_bold_in_a_page() {
        let expected = [
            "\u{1b}[2m[1] 0 ms> \u{1b}[0m\u{1b}[1mspawn(\"sh\")\u{1b}[0m",
            "\u{1b}[36m2\u{1b}[39m:sh <b>",
            "\u{1b}[2m[2] 0 ms> \u{1b}[0m\u{1b}[1m\"```\"\u{1b}[0m",
        ];
        assert_eq!(transcript().painted(), expected);
    }
}
