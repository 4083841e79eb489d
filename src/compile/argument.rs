//! The first argument of a call as it is written. The tree of a program has no end positions, but the
//! message of an assertion shows its condition.

use super::semicolon::{offset, quoted};
use super::tree::Pos;

/// The most characters of an argument that are shown.
const MOST: usize = 100;

/// The first argument of a call whose name is at that position, on one line; empty if it cannot be
/// found.
pub(super) fn first_argument(source: &str, call: Pos) -> String {
    let text = offset(source, call).and_then(|at| source.get(at..));
    let opened = text.and_then(|text| text.split_once('('));
    let Some((_, inside)) = opened else {
        return String::new();
    };
    let words: Vec<&str> = inside[..length(inside)].split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// The length in bytes up to the comma or bracket that ends the argument.
fn length(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0usize);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '"' | '`' | '\'' => {
                at += quoted(&text[at..], c);
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ',' | ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        at += c.len_utf8();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_ends_where_the_next_one_or_the_call_does() {
        for (source, argument) in [
            ("assert(a == 1)", "a == 1"),
            (
                "assert( f(1, [2])\n    == ',' , \"no\")",
                "f(1, [2]) == ','",
            ),
            ("assert(a == \"),\" , 1)", "a == \"),\""),
            ("assert(open", "open"),
            ("assert", ""),
        ] {
            let start = Pos { line: 1, column: 1 };
            assert_eq!(first_argument(source, start), argument, "{source}");
        }
    }
}
