//! Snapshots: files in the format of the insta crate, so that its tools work on them too.
//!
//! insta itself reads such files, but writes them from the macros of tests only.

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

    /// A snapshot that was written new, and then again with another text.
    #[test]
    fn insta_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = Snapshot::at(folder.path().join("snapshots/scripts@a.rhai.snap"));
        for text in ["first\nsecond\n", "---\n  indented: \"quoted\"\n\nlast", ""] {
            snapshot.write(text, "scripts/a.rhai").unwrap();
            let read = insta::Snapshot::from_file(snapshot.path()).unwrap();
            assert_eq!(read.metadata().source(), Some("forklab test"));
            assert_eq!(read.metadata().input_file(), Some("scripts/a.rhai"));
            let theirs = read.as_text().unwrap().to_string();
            let ours = snapshot.contents().unwrap().unwrap();
            assert_eq!(ours.trim_end(), theirs.trim_end());
            assert_eq!(theirs.trim_end(), text.trim_end());
        }
    }

    /// What insta has written stays its own but for the text.
    #[test]
    fn the_head_that_insta_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = Snapshot::at(folder.path().join("a.snap"));
        fs::copy("snapshots/scripts@cow.rhai.snap", snapshot.path()).unwrap();
        let before = insta::Snapshot::from_file(snapshot.path()).unwrap();
        snapshot.write("other\n", "scripts/b.rhai").unwrap();
        let after = insta::Snapshot::from_file(snapshot.path()).unwrap();
        assert_eq!(after.metadata(), before.metadata());
        assert_eq!(after.as_text().unwrap().to_string(), "other");
        // As insta itself would save it.
        let bytes = fs::read(snapshot.path()).unwrap();
        after.save(snapshot.path()).unwrap();
        assert_eq!(fs::read(snapshot.path()).unwrap(), bytes);
    }
}
