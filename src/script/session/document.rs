//! The text of a session: everything that was run in it, in order, so that a line number identifies
//! one place in the whole session. An error in a function that was typed an hour ago shows the line
//! where it was typed.

/// The most lines that positions can count: Rhai uses 16 bits.
const MAX_LINES: usize = 60_000;

/// The text so far.
#[derive(Default)]
pub(super) struct Document {
    text: String,
    lines: usize,
    /// The number of lines before the text that was added last.
    before: usize,
}

impl Document {
    /// Appends a text. Returns it as it is to be compiled: preceded by empty lines, so that its
    /// positions are those of the whole document.
    ///
    /// A document that would grow too long starts over.
    pub(in crate::script) fn add(&mut self, source: &str) -> String {
        let lines = source.matches('\n').count() + 1;
        if self.lines + lines > MAX_LINES {
            self.text.clear();
            self.lines = 0;
        }
        self.before = self.lines;
        let placed = "\n".repeat(self.lines) + source;
        if self.lines > 0 {
            self.text.push('\n');
        }
        self.text.push_str(source);
        self.lines += lines;
        placed
    }

    /// The number of lines before the text that was added last.
    pub(in crate::script) const fn before(&self) -> usize {
        self.before
    }

    /// The whole text.
    pub(in crate::script) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_number() {
        let mut document = Document::default();
        assert_eq!(document.add("let a = 1;"), "let a = 1;");
        assert_eq!(document.add("fn f() {\n}"), "\nfn f() {\n}");
        assert_eq!(document.add("f()"), "\n\n\nf()");
        assert_eq!(document.text().lines().nth(3), Some("f()"));
    }

    #[test]
    fn a_document_that_is_too_long_begins_anew() {
        let mut document = Document::default();
        document.add(&"\n".repeat(MAX_LINES - 2));
        assert_eq!(document.add("1"), "\n".repeat(MAX_LINES - 1) + "1");
        assert_eq!(document.add("2"), "2");
        assert_eq!(document.text(), "2");
    }
}
