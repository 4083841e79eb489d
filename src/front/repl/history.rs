//! Keeps the lines that were typed from one session to the next.

use etcetera::{BaseStrategy, choose_base_strategy};
use rustyline::history::FileHistory;
use rustyline::{Editor, Helper};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// The file of the history, or why it cannot be used.
pub(super) struct History {
    path: Option<PathBuf>,
}

impl History {
    /// Reads the history into an editor. Returns it with a complaint if it cannot be read or
    /// written, which does not keep the prompt from working.
    pub(super) fn open<H: Helper>(editor: &mut Editor<H, FileHistory>) -> (Self, Option<String>) {
        match file().and_then(|path| load(editor, path)) {
            Ok(path) => (Self { path: Some(path) }, None),
            Err(error) => {
                let complaint = format!("lines will not be kept for the next session: {error}");
                (Self { path: None }, Some(complaint))
            }
        }
    }

    /// Writes a line at once, so that nothing is lost whatever happens next.
    pub(super) fn add<H: Helper>(&self, editor: &mut Editor<H, FileHistory>, line: &str) {
        let added = editor.add_history_entry(line).unwrap_or(false);
        if let (true, Some(path)) = (added, &self.path) {
            // It was writable when the session began; a full disk must not stop the user.
            let _ = editor.append_history(path);
        }
    }
}

fn file() -> io::Result<PathBuf> {
    let strategy = choose_base_strategy().map_err(io::Error::other)?;
    let folder = strategy
        .state_dir()
        .unwrap_or_else(|| strategy.data_dir())
        .join("forklab");
    fs::create_dir_all(&folder)?;
    Ok(folder.join("history"))
}

fn load<H: Helper>(editor: &mut Editor<H, FileHistory>, path: PathBuf) -> io::Result<PathBuf> {
    // To open a fifo would wait for whoever writes to it.
    if fs::metadata(&path).is_ok_and(|file| !file.is_file()) {
        let why = format!("{} is not a regular file", path.display());
        return Err(io::Error::other(why));
    }
    // This reports at the start whether lines can be appended, not when the first is lost.
    let mut file = fs::OpenOptions::new()
        .read(true)
        .create(true)
        .append(true)
        .open(&path)?;
    end_last_line(&mut file)?;
    match editor.load_history(&path) {
        Ok(()) => Ok(path),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

/// Adds the newline that the last line lacks, so that the next one does not become part of it.
fn end_last_line(file: &mut fs::File) -> io::Result<()> {
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] {
        return Ok(());
    }
    file.write_all(b"\n")
}
