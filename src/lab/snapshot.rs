//! Snapshots: files in the format of the insta crate, so that its tools work on them too.
//!
//! insta itself reads such files, but writes them from the macros of tests only.
//! What a script prints instead may lie beside its snapshot as a pending one, `NAME.snap.new`, until
//! somebody has looked at it: `forklab test --review` and `cargo insta review` take these.

use super::conflict::line_of_conflict;
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

    /// The file in which new contents wait for review.
    pub fn pending(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".new");
        path.into()
    }

    /// The contents of the snapshot; `None` if there is no such file.
    ///
    /// # Errors
    /// If the file exists and cannot be read, or a merge has left conflicts in it.
    pub fn contents(&self) -> io::Result<Option<String>> {
        let Some(text) = self.read()? else {
            return Ok(None);
        };
        if let Some(line) = line_of_conflict(&text) {
            let path = self.path.display();
            let why = format!(
                "{path}:{line}: a merge has left conflicts in the snapshot; --accept replaces it"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(Some(split(&text).1.to_owned()))
    }

    /// Replaces the contents, and drops pending ones. The header of the file stays as it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, contents: &str, script: &str) -> io::Result<()> {
        self.write_to(&self.path, contents, script)?;
        self.drop_pending()
    }

    /// Lets new contents wait for review.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_pending(&self, contents: &str, script: &str) -> io::Result<()> {
        self.write_to(&self.pending(), contents, script)
    }

    /// Removes contents that wait for review, if there are any.
    ///
    /// # Errors
    /// If they cannot be removed.
    pub fn drop_pending(&self) -> io::Result<()> {
        match fs::remove_file(self.pending()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write_to(&self, path: &Path, contents: &str, script: &str) -> io::Result<()> {
        let old = self.read()?;
        let head = match old.as_deref().map(|text| split(text).0) {
            Some(head) if !head.is_empty() && line_of_conflict(head).is_none() => head.to_owned(),
            _ => format!("{RULE}source: forklab test\ninput_file: {script}\n{RULE}"),
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, format!("{head}{}\n", contents.trim_end()))
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

    /// `cargo insta review` finds files of this name, and reads them like snapshots.
    #[test]
    fn insta_reads_what_waits_for_review() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = Snapshot::at(folder.path().join("scripts@a.rhai.snap"));
        snapshot.write("first\n", "scripts/a.rhai").unwrap();
        snapshot
            .write_pending("second\n", "scripts/a.rhai")
            .unwrap();
        let waits = insta::Snapshot::from_file(&folder.path().join("scripts@a.rhai.snap.new"));
        assert_eq!(waits.unwrap().as_text().unwrap().to_string(), "second");
        assert_eq!(snapshot.contents().unwrap().unwrap(), "first\n");
        snapshot.write("second\n", "scripts/a.rhai").unwrap();
        assert!(!snapshot.pending().exists());
    }

    #[test]
    fn conflicts_of_a_merge_are_named_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = Snapshot::at(folder.path().join("a.snap"));
        let text = "---\n<<<<<<< HEAD\nsource: a\n=======\nsource: b\n>>>>>>> c\n---\none\n";
        fs::write(snapshot.path(), text).unwrap();
        let why = snapshot.contents().unwrap_err().to_string();
        assert!(
            why.contains("a.snap:2: a merge has left conflicts"),
            "{why}"
        );
        snapshot.write("two\n", "scripts/a.rhai").unwrap();
        let text = fs::read_to_string(snapshot.path()).unwrap();
        assert!(!text.contains("<<<<<<<"), "{text}");
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
