//! The journal of a session: each line is written to a file before it runs, so that a session whose
//! process was killed can be played again.

use etcetera::{BaseStrategy, choose_base_strategy};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// The journal of the running session.
pub(super) struct Journal {
    /// Locked as long as the session runs.
    file: File,
    path: PathBuf,
    /// The journal of a session that did not end by itself, if there is one.
    lost: Option<PathBuf>,
}

/// A line of a session that was lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lost {
    /// What was typed.
    pub(super) line: String,
    /// At which look at interrupts it was interrupted, if it was.
    pub(super) interrupted: Option<u64>,
}

/// An entry of a journal.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Line(String),
    Interrupted(u64),
}

impl Journal {
    /// Begins the journal of a session, and looks for one that was lost.
    ///
    /// # Errors
    /// If no file can be written.
    pub(super) fn begin() -> io::Result<Self> {
        let strategy = choose_base_strategy().map_err(io::Error::other)?;
        let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
        Self::begin_in(&folder.join("forklab").join("sessions"))
    }

    fn begin_in(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lost = lost_in(folder)?;
        for number in 1_u32.. {
            let path = folder.join(number.to_string());
            match File::create_new(&path) {
                Ok(file) => {
                    file.try_lock()?;
                    return Ok(Self { file, path, lost });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("there are too many sessions"))
    }

    /// Writes a line before it runs.
    pub(super) fn add(&mut self, line: &str) {
        // A full disk must not stop the user. A string always has a JSON form.
        if let Ok(line) = serde_json::to_string(line) {
            let _ = self.file.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Notes that the last line was interrupted, at that look at interrupts.
    pub(super) fn interrupted(&mut self, look: u64) {
        let _ = self.file.write_all(format!("{look}\n").as_bytes());
    }

    /// The lines of the session that was lost.
    pub(super) fn lost(&self) -> Vec<Lost> {
        self.lost.as_deref().map_or_else(Vec::new, lines)
    }

    /// Forgets the session that was lost: it has been played again, or is not wanted.
    pub(super) fn forget_lost(&mut self) {
        if let Some(lost) = self.lost.take() {
            let _ = fs::remove_file(lost);
        }
    }

    /// Ends the journal: the session has ended by itself.
    pub(super) fn end(mut self) {
        self.forget_lost();
        let _ = fs::remove_file(&self.path);
    }
}

/// The latest journal that no running session writes.
fn lost_in(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut lost = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(file) = File::open(&path) else {
            continue;
        };
        if !file.metadata().is_ok_and(|data| data.is_file()) || file.try_lock().is_err() {
            continue;
        }
        if lines(&path).is_empty() {
            let _ = fs::remove_file(&path);
            continue;
        }
        let written = file.metadata().and_then(|data| data.modified()).ok();
        lost = lost.max(Some((written, path)));
    }
    Ok(lost.map(|(_, path)| path))
}

/// The lines of a journal, as far as they were written completely.
fn lines(path: &Path) -> Vec<Lost> {
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let mut lost: Vec<Lost> = Vec::new();
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        match (serde_json::from_str(&line), lost.last_mut()) {
            (Ok(Entry::Line(line)), _) => lost.push(Lost {
                line,
                interrupted: None,
            }),
            (Ok(Entry::Interrupted(look)), Some(last)) => last.interrupted = Some(look),
            _ => break,
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn only_what_was_lost_is_offered() {
        let folder = tempfile::tempdir().unwrap();
        let begin = || Journal::begin_in(folder.path()).unwrap();
        let mut first = begin();
        first.add("let x = 1;\nx");
        first.interrupted(7);
        first.add("half");
        // Another session runs at the same time.
        let second = begin();
        assert!(second.lost().is_empty());
        second.end();
        // Killed: the file stays, cut in the middle of a line, and the lock is gone.
        let path = first.path.clone();
        drop(first);
        let length = fs::metadata(&path).unwrap().len();
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(length - 3)
            .unwrap();
        let mut third = begin();
        let line = "let x = 1;\nx".to_owned();
        let interrupted = Some(7);
        assert_eq!(third.lost(), [Lost { line, interrupted }]);
        third.forget_lost();
        let fourth = begin();
        assert!(fourth.lost().is_empty());
        fourth.end();
        third.end();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
