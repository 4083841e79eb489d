//! What a student has handed in: answers, a script, and other files. Whatever it contains, reading
//! it only ever reads regular files of a bounded size.

use super::answers::{self, Answers};
use super::lab::Files;
use super::record::Record;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// The most files that are read.
const MAX_FILES: usize = 64;
/// How many folders may lie around the files, as archives make them.
const MAX_WRAPPED: usize = 4;

/// Why there is no submission at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SubmissionError(pub String);

/// What a student has handed in.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Submission {
    /// The answers by the ids of their tasks.
    pub answers: Answers,
    /// How it came about, if the file of answers says so.
    pub record: Option<Record>,
    /// All files by name.
    pub files: Files,
    /// Where they lie, for the programs among them.
    pub folder: Option<PathBuf>,
    /// What could not be read, and why.
    pub problems: Vec<String>,
}

impl Submission {
    /// The name of the file with the answers.
    pub const ANSWERS: &str = "answers.toml";
    /// The name of the script.
    pub const SCRIPT: &str = "answer.rhai";

    /// Reads a submission: a folder, or a single file.
    ///
    /// # Errors
    /// If there is nothing at that path that could be one.
    pub fn read(path: &Path) -> Result<Self, SubmissionError> {
        let meta = |path: &Path| -> Result<Metadata, SubmissionError> {
            fs::symlink_metadata(path).map_err(|error| refused(&error))
        };
        let kind = meta(path)?;
        if kind.is_symlink() {
            return Err(SubmissionError("a link is not followed".to_owned()));
        }
        let mut problems = Vec::new();
        if kind.is_file() {
            let mut files = Files::new();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match read_file(path) {
                Ok(bytes) => {
                    files.insert(name.into_owned(), bytes);
                }
                Err(why) => problems.push(format!("{name}: {why}")),
            }
            let mut submission = Self::of_files(&files);
            submission.problems.splice(0..0, problems);
            return Ok(submission);
        }
        if !kind.is_dir() {
            return Err(SubmissionError("neither a file nor a folder".to_owned()));
        }
        let folder = unwrapped(path).map_err(|error| refused(&error))?;
        let files = read_folder(&folder, &mut problems).map_err(|error| refused(&error))?;
        let mut submission = Self::of_files(&files);
        submission.problems.splice(0..0, problems);
        submission.folder = Some(folder);
        Ok(submission)
    }

    /// Makes a submission of its files.
    pub fn of_files(files: &Files) -> Self {
        let mut problems = Vec::new();
        let (mut answers, mut record) = (Answers::new(), None);
        let tables: Vec<_> = files
            .iter()
            .filter(|(name, _)| ends(name, "toml"))
            .collect();
        let table = files
            .get_key_value(Self::ANSWERS)
            .or(match tables.as_slice() {
                [only] => Some(*only),
                _ => None,
            });
        if let Some((name, bytes)) = table {
            match is_text(bytes).and_then(|text| answers::read(&text)) {
                Ok(read) => {
                    problems.extend(read.problem.map(|why| format!("{name}: {why}")));
                    (answers, record) = (read.answers, read.record);
                }
                Err(why) => problems.push(format!("{name}: {why}")),
            }
        }
        Self {
            answers,
            record,
            files: files.clone(),
            folder: None,
            problems,
        }
    }

    /// The script: `answer.rhai`, or the only script that there is. With its name; `None` if there
    /// is none.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn script(&self) -> Result<Option<(&str, String)>, String> {
        let scripts: Vec<_> = self
            .files
            .iter()
            .filter(|(name, _)| ends(name, "rhai"))
            .collect();
        let (name, bytes) = match (self.files.get_key_value(Self::SCRIPT), scripts.as_slice()) {
            (Some(found), _) => found,
            (None, []) => return Ok(None),
            (None, [only]) => *only,
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
                let all = names.join(", ");
                return Err(format!("none of {all} is called {}", Self::SCRIPT));
            }
        };
        let text = is_text(bytes).map_err(|why| format!("{name}: {why}"))?;
        Ok(Some((name, text)))
    }

    /// Whether a compiler is needed to grade it.
    pub fn has_c(&self) -> bool {
        self.files.keys().any(|name| ends(name, "c"))
    }

    /// The text of its file of answers.
    pub fn answers_text(&self) -> String {
        answers::written(&self.answers, self.record.as_ref())
    }
}

fn ends(name: &str, wanted: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|end| end.eq_ignore_ascii_case(wanted))
}

fn refused(error: &io::Error) -> SubmissionError {
    SubmissionError(match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    })
}

/// Bytes as text, without a byte order mark.
pub(super) fn is_text(bytes: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let at = error.valid_up_to();
            let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(format!("not UTF-8 text: byte {at}, on line {line}"))
        }
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

/// The innermost of folders that contain nothing but one folder, as archives make them.
fn unwrapped(folder: &Path) -> io::Result<PathBuf> {
    let mut here = folder.to_owned();
    for _ in 0..MAX_WRAPPED {
        let mut inner = None;
        for entry in fs::read_dir(&here)? {
            let entry = entry?;
            if is_hidden(&entry.file_name().to_string_lossy()) {
                continue;
            }
            if inner.is_some() || !entry.file_type()?.is_dir() {
                return Ok(here);
            }
            inner = Some(entry.path());
        }
        match inner {
            Some(folder) => here = folder,
            None => break,
        }
    }
    Ok(here)
}

fn read_folder(folder: &Path, problems: &mut Vec<String>) -> io::Result<Files> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_hidden(&name) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_file() {
            names.push((name, entry.path()));
        } else if kind.is_symlink() {
            problems.push(format!("{name}: a link is not followed"));
        }
    }
    // Not every host lists a folder in the same order.
    names.sort();
    problems.sort();
    if names.len() > MAX_FILES {
        problems.push(format!("more than {MAX_FILES} files; the rest is not read"));
        names.truncate(MAX_FILES);
    }
    let mut files = Files::new();
    for (name, path) in names {
        match read_file(&path) {
            Ok(bytes) => {
                files.insert(name, bytes);
            }
            Err(why) => problems.push(format!("{name}: {why}")),
        }
    }
    Ok(files)
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = fs::File::open(path).map_err(|error| refused(&error).0)?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(&error).0)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("larger than {} MiB, the maximum", MAX_FILE >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[(&str, &str)]) -> Files {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
        names.iter().map(owned).collect()
    }

    #[test]
    fn the_script_is_the_only_one_or_that_of_the_usual_name() {
        for (names, script) in [
            (&[("mine.rhai", "1")][..], Ok(Some("mine.rhai"))),
            (
                &[("answer.rhai", "1"), ("b.rhai", "2")],
                Ok(Some("answer.rhai")),
            ),
            (&[("a.c", "1")], Ok(None)),
            (&[("a.rhai", "1"), ("b.rhai", "2")], Err(())),
        ] {
            let submission = Submission::of_files(&files(names));
            let found = submission.script().map(|found| found.map(|(name, _)| name));
            assert_eq!(found.map_err(|_| ()), script, "{names:?}");
        }
    }

    #[test]
    fn a_folder_in_a_folder_is_read_and_links_are_not_followed() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("one/two");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("answers.toml"), "reader = \"no\"").unwrap();
        fs::write(inner.join("big.rhai"), vec![b' '; MAX_FILE as usize + 1]).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", inner.join("link.rhai")).unwrap();
        let submission = Submission::read(outer.path()).unwrap();
        assert_eq!(submission.answers["reader"], "no");
        assert_eq!(submission.script(), Ok(None));
        let told = submission.problems.join("; ");
        assert!(told.contains("big.rhai: larger than 1 MiB"), "{told}");
        #[cfg(unix)]
        assert!(told.contains("link.rhai: a link is not followed"), "{told}");
    }
}
