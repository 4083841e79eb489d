//! The fenced blocks of a document in Markdown.

/// A fenced block.
pub struct Block {
    /// What stands behind the opening fence: the language.
    pub language: String,
    /// Number of its first line, counted from 1.
    pub line: usize,
    /// Its lines, each with its line break.
    pub text: String,
}

/// All fenced blocks of a document.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in (2..).zip(document.lines()) {
        match (text.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.trim().to_owned(),
                    line,
                    text: String::new(),
                });
            }
            (Some(_), Some(block)) => found.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(text);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}
