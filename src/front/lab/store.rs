//! The file that keeps a student's progress. It is replaced as a whole, so a process that is killed
//! leaves either the old state or the new one.

use crate::course::{Begun, Progress};
use crate::front::style::visible;
use etcetera::{BaseStrategy, choose_base_strategy};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use tempfile::NamedTempFile;

/// Where progress is kept, if it can be.
pub(in crate::front) struct Store {
    folder: Option<PathBuf>,
    /// What is known, whether it can be kept or not.
    progress: Progress,
}

/// The name of the file.
const FILE: &str = "labs.json";

impl Store {
    /// Reads the progress. Returns it with a complaint if it cannot be read or kept.
    pub(in crate::front) fn open() -> (Self, Option<String>) {
        let opened = folder().and_then(|folder| Ok((read(&folder)?, folder)));
        match opened {
            Ok((progress, folder)) => {
                let store = Self {
                    folder: Some(folder),
                    progress,
                };
                (store, None)
            }
            Err(why) => {
                let store = Self {
                    folder: None,
                    progress: Progress::default(),
                };
                let text = why.to_string();
                let complaint = format!("progress is not kept: {}", visible(&text));
                (store, Some(complaint))
            }
        }
    }

    pub(in crate::front) const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How far a lab has come, if it was begun.
    pub(in crate::front) fn begun(&self, lab: &str) -> Option<&Begun> {
        self.progress.labs.get(lab)
    }

    /// Changes the progress. What another process has changed meanwhile stays.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(in crate::front) fn change(&mut self, change: impl Fn(&mut Progress)) -> io::Result<()> {
        change(&mut self.progress);
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let lock = File::create(folder.join("labs.lock"))?;
        lock.lock()?;
        let mut newest = read(folder)?;
        change(&mut newest);
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(newest.written().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE))?;
        self.progress = newest;
        Ok(())
    }
}

fn folder() -> io::Result<PathBuf> {
    let strategy = choose_base_strategy().map_err(io::Error::other)?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    let folder = folder.join("forklab");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn read(folder: &std::path::Path) -> io::Result<Progress> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Progress::read(&text).map_err(|why| {
            let place = path.display();
            io::Error::other(format!(
                "{place}: {why}; it is left as it is, and moving it away begins anew"
            ))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Progress::default()),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        )),
    }
}
