//! Snapshots: files in the format of the insta crate, so that its tools work on them too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The line before and after the header of a snapshot file.
const RULE: &str = "---\n";

/// A snapshot file, which may not exist yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    path: PathBuf,
}

impl Snapshot {
    /// The snapshot in that file.
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Path of the snapshot file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The contents of the snapshot; `None` if there is no such file.
    ///
    /// # Errors
    /// If the file exists and cannot be read.
    pub fn contents(&self) -> io::Result<Option<String>> {
        Ok(self.read()?.map(|text| split(&text).1.to_owned()))
    }

    /// Replaces the contents. The header of the file stays as it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, contents: &str, script: &str) -> io::Result<()> {
        let old = self.read()?;
        let head = match &old {
            Some(text) if !split(text).0.is_empty() => split(text).0.to_owned(),
            _ => format!("{RULE}source: forklab test\ninput_file: {script}\n{RULE}"),
        };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.path, format!("{head}{}\n", contents.trim_end()))
    }

    fn read(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text.replace("\r\n", "\n"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io::Error::new(
                error.kind(),
                format!("{}: {error}", self.path.display()),
            )),
        }
    }
}

/// Splits a file into header and contents.
fn split(text: &str) -> (&str, &str) {
    let behind = text
        .strip_prefix(RULE)
        .and_then(|rest| rest.find(&format!("\n{RULE}")))
        .map(|at| RULE.len() + at + 1 + RULE.len());
    text.split_at(behind.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_no_part_of_the_contents() {
        for (text, contents) in [
            ("---\nsource: a\n---\nfirst\nsecond\n", "first\nsecond\n"),
            ("---\nsource: a\n---\n---\n", "---\n"),
            ("bare\n", "bare\n"),
            ("---\nno end\n", "---\nno end\n"),
        ] {
            assert_eq!(split(text).1, contents, "{text}");
        }
    }
}
