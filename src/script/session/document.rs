//! The text of a session: everything that was run in it, in order, so that a line number identifies
//! one place in the whole session. An error in a function that was typed an hour ago shows the line
//! where it was typed.

/// The most lines that positions can count: Rhai uses 16 bits.
const MAX_LINES: usize = 60_000;

/// The text so far.
#[derive(Default)]
pub(super) struct Document {
    /// Its name in the messages of programs.
    name: String,
    text: String,
    lines: usize,
    /// The number of lines before the text, which are forgotten.
    dropped: usize,
    /// The number of lines before the text that was added last.
    before: usize,
    /// The number of lines before the input: what was typed or pasted at once, or a file.
    input: usize,
    /// The file that the input is, if it is one.
    file: Option<String>,
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
            self.dropped += self.lines;
            self.lines = 0;
            self.input = 0;
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

    /// Begins the next input: what follows is typed or pasted at once.
    pub(super) const fn begin_input(&mut self) {
        self.input = self.lines;
    }

    /// Begins a file that is run in the middle of an input. Returns what [`Self::return_to_input`]
    /// needs.
    pub(super) fn begin_file(&mut self, name: &str) -> usize {
        self.file = Some(name.to_owned());
        std::mem::replace(&mut self.input, self.lines)
    }

    /// Returns from the file that was added last to the input around it.
    pub(super) fn return_to_input(&mut self, input: usize) {
        self.file = None;
        self.input = input + self.lines.saturating_sub(self.before);
    }

    /// Gives it the name of the script, of which only the last part of a path is kept.
    pub(super) fn set_name(&mut self, name: &str) {
        self.name = base(name);
    }

    /// Its name in the messages of programs.
    pub(super) fn name(&self) -> &str {
        match self.name.as_str() {
            "" => "script",
            name => name,
        }
    }

    /// The file that is running in the middle of an input.
    pub(super) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The number of the line that is added next.
    pub(super) const fn next_line(&self) -> usize {
        self.dropped + self.lines + 1
    }

    /// The number of lines before the input.
    pub(super) const fn before_input(&self) -> usize {
        self.input
    }

    /// The number of lines before the text that was added last.
    pub(in crate::script) const fn before(&self) -> usize {
        self.before
    }

    /// The number of lines of the session before the text.
    pub(super) const fn dropped(&self) -> usize {
        self.dropped
    }

    /// The whole text.
    pub(in crate::script) fn text(&self) -> &str {
        &self.text
    }
}

/// The last part of a path.
pub(super) fn base(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
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

    #[test]
    fn a_file_that_is_run_in_an_input_does_not_count_for_it() {
        let mut document = Document::default();
        document.add("one");
        document.begin_input();
        document.add(":run file");
        let input = document.begin_file("file");
        document.add("a\nb\nc");
        assert_eq!(document.before_input(), 2);
        document.return_to_input(input);
        document.add("the second line");
        assert_eq!(document.before() + 1 - document.before_input(), 2);
    }
}
