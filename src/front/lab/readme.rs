//! The text of a lab for learners, folded to the width of a terminal.

use crate::front::style::visible;

/// The most columns of a line that is read with pleasure.
const WIDEST: usize = 100;
/// The fewest columns to fold to.
const NARROWEST: usize = 20;

/// Whether a word that is too long for a line, such as a path, is broken.
const BREAK_WORDS: bool = false;

/// Folds the paragraphs and the items of lists in Markdown; code and tables stay as they are.
pub(in crate::front) fn folded(text: &str, columns: usize) -> String {
    let columns = columns.clamp(NARROWEST, WIDEST);
    let mut lines = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        let is_kept = is_code || is_fence || line.starts_with(['|', '#']) || line.trim().is_empty();
        if is_kept || item(line) > 0 {
            lines.extend(fold(&std::mem::take(&mut paragraph), columns));
        }
        is_code ^= is_fence;
        if is_kept {
            lines.push(visible(line).trim_end().to_owned());
        } else {
            paragraph.push(line);
        }
    }
    lines.extend(fold(&paragraph, columns));
    lines.join("\n").trim_end().to_owned()
}

/// Folds lines that are too long for the terminal; everything else stays as it is.
pub(in crate::front) fn fitted(text: &str, columns: usize) -> String {
    let options = textwrap::Options::new(columns.clamp(NARROWEST, WIDEST))
        .break_words(BREAK_WORDS)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// Folds one paragraph. The lines of an item stand below its text.
fn fold(lines: &[&str], columns: usize) -> Option<String> {
    let first = lines.first()?;
    let indent = " ".repeat(item(first));
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    let text = words.collect::<Vec<_>>().join(" ");
    let options = textwrap::Options::new(columns).subsequent_indent(&indent);
    Some(textwrap::fill(&visible(&text), options))
}

/// The columns of what an item of a list begins with: `- ` or `12. `; 0 if the line begins none.
fn item(line: &str) -> usize {
    let line = line.trim_start();
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    if line.starts_with("- ") {
        2
    } else if digits > 0 && line[digits..].starts_with(". ") {
        digits + 2
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_items_are_folded_and_code_is_not() {
        let text = "# Title\n\nA paragraph of\ntwo lines, with \x1b[2J.\n\n1. An item that goes on.\n- \
                    b\n\n```c\nint a_line_of_code_that_is_wider = 1;\n```\n";
        let expected = "# Title\n\nA paragraph of two\nlines, with \u{241b}[2J.\n\n1. An item that goes\n   on.\n\
                        - b\n\n```c\nint a_line_of_code_that_is_wider = 1;\n```";
        assert_eq!(folded(text, 20), expected);
    }
}
