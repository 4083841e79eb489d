//! The hand-ins of a class: the entries of its folder, one a student.

use crate::course::Submission;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// Where a student has handed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandIn {
    /// The name of the student: that of the file or folder. No two are the same.
    pub student: String,
    /// The file or folder.
    pub path: PathBuf,
}

/// The hand-ins in a folder, by name.
///
/// # Errors
/// If the folder cannot be read.
pub fn hand_ins(folder: &Path) -> io::Result<Vec<HandIn>> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found: Vec<HandIn> = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // What editors, archivers and version control leave behind.
        let is_hidden = name.starts_with('.') && !name.starts_with("..");
        if is_hidden || name == "__MACOSX" {
            continue;
        }
        let bare = if entry.file_type()?.is_dir() {
            &name
        } else {
            [".rhai", ".toml"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(&name)
        };
        // A file and a folder may be of one name, and names that are not UTF-8 may look alike.
        let mut student = bare.to_owned();
        let mut count = 1;
        while found.iter().any(|other| other.student == student) {
            count += 1;
            student = format!("{bare} ({count})");
        }
        let path = entry.path();
        found.push(HandIn { student, path });
    }
    found.sort_by(|a, b| a.student.cmp(&b.student));
    Ok(found)
}

/// A number that changes with what was handed in.
pub fn digest(submission: &Submission) -> String {
    let mut hasher = DefaultHasher::new();
    submission.files.hash(&mut hasher);
    submission.problems.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_student_of_another_name() {
        let class = tempfile::tempdir().unwrap();
        for folder in ["anna", "ben (2)", ".git"] {
            fs::create_dir(class.path().join(folder)).unwrap();
        }
        for file in [
            "anna.rhai",
            "ben.rhai",
            "ben",
            "..x",
            ".DS_Store",
            "c\n.rhai",
        ] {
            fs::write(class.path().join(file), "").unwrap();
        }
        let found = hand_ins(class.path()).unwrap();
        let students: Vec<&str> = found
            .iter()
            .map(|hand_in| hand_in.student.as_str())
            .collect();
        assert_eq!(
            students,
            [
                "..x", "anna", "anna (2)", "ben", "ben (2)", "ben (3)", "c\n"
            ]
        );
    }
}
