//! Words of others, made fit for a line of a report.

/// The most characters of a text that are shown.
const MAX_SHOWN: usize = 300;

/// A text on one line, of a bounded length and without control characters.
pub fn plain(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN).map(harmless).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown.trim().to_owned()
}

/// A text on one line, without control characters.
pub fn one_line(text: &str) -> String {
    let shown: String = text.chars().map(harmless).collect();
    shown.trim().to_owned()
}

/// Characters that control a terminal, begin a line or turn the direction of writing are replaced.
fn harmless(c: char) -> char {
    match c {
        '\n' | '\t' | '\r' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_write_leaves_its_line() {
        assert_eq!(plain("a\nb\u{1b}[2J\u{202e}c "), "a b\u{fffd}[2J\u{fffd}c");
        let long = plain(&"ä".repeat(10_000));
        assert_eq!(long.chars().count(), MAX_SHOWN + 1);
    }
}
