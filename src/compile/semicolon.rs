//! Whether the last statement of a function ends with a semicolon. Rhai returns such a statement's
//! value to the caller all the same, and its tree does not show the semicolon. But a programmer who
//! writes one there does not mean the value to be the exit status.

use super::tree::Pos;

/// Whether the last thing before a closing brace is a semicolon.
pub(super) fn before_end(source: &str, start: Pos, end: Pos) -> bool {
    let Some(body) = between(source, start, end) else {
        return false;
    };
    last_char(body) == Some(';')
}

/// The text between two positions.
fn between(source: &str, start: Pos, end: Pos) -> Option<&str> {
    let (from, to) = (offset(source, start)?, offset(source, end)?);
    source.get(from..to)
}

pub(super) fn offset(source: &str, pos: Pos) -> Option<usize> {
    let above = pos.line.checked_sub(1)? as usize;
    let line_start = match above {
        0 => 0,
        n => source.match_indices('\n').nth(n - 1)?.0 + 1,
    };
    let line = &source[line_start..];
    let column = pos.column.checked_sub(1)? as usize;
    let (at, _) = line.char_indices().nth(column)?;
    Some(line_start + at)
}

/// The last character that is neither blank nor in a comment.
fn last_char(text: &str) -> Option<char> {
    let mut last = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if matches!(c, '"' | '`' | '\'') {
            last = Some(c);
            quoted(rest, c)
        } else {
            if !c.is_whitespace() {
                last = Some(c);
            }
            c.len_utf8()
        };
        rest = &rest[skip..];
    }
    last
}

/// The length in bytes of a quoted string at the start of a text.
pub(super) fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_character_is_found_behind_comments_and_texts() {
        for (text, last) in [
            ("a;", Some(';')),
            ("a; // b", Some(';')),
            ("a /* ; */", Some('a')),
            ("print(\"// ;\")", Some(')')),
            ("f('\\'');\n  ", Some(';')),
            ("`//`", Some('`')),
            ("  ", None),
        ] {
            assert_eq!(last_char(text), last, "{text:?}");
        }
    }
}
