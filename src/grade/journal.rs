//! The journal of grading: a line for each result, written as soon as it is known. Whoever is killed
//! goes on from there, and the journals of several computers make one report.

use super::graded::Graded;
use super::words::plain;
use crate::course::Lab;
use crate::lab::Share;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The largest journal that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;
/// The most names that a message lists.
const MAX_NAMES: usize = 5;

/// The first line: what the results depend on beside the hand-ins, and whose results there are to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Header {
    /// The version of forklab.
    pub forklab: String,
    /// The name of the lab.
    pub lab: String,
    /// Changes with the lab and with the options.
    pub digest: String,
    /// Which share of the hand-ins it is.
    #[serde(default = "whole")]
    pub share: Share,
    /// The students whose hand-ins are in that share.
    #[serde(default)]
    pub students: BTreeSet<String>,
}

const fn whole() -> Share {
    Share::ALL
}

impl Header {
    /// The header for a lab and options in words.
    pub fn of(lab: &Lab, options: &str) -> Self {
        // It is the same lab wherever it lies.
        let mut lab = lab.clone();
        (lab.folder, lab.solution.folder) = (None, None);
        let mut hasher = DefaultHasher::new();
        (format!("{lab:?}"), options).hash(&mut hasher);
        Self {
            forklab: env!("CARGO_PKG_VERSION").to_owned(),
            lab: lab.name,
            digest: format!("{:016x}", hasher.finish()),
            share: Share::ALL,
            students: BTreeSet::new(),
        }
    }

    /// The same for a share of the hand-ins.
    #[must_use]
    pub fn for_share(self, share: Share, students: BTreeSet<String>) -> Self {
        Self {
            share,
            students,
            ..self
        }
    }

    /// Whether results depend on the same.
    fn fits(&self, other: &Self) -> bool {
        let words = |header: &Self| {
            let Self {
                forklab,
                lab,
                digest,
                ..
            } = header;
            [forklab, lab, digest].map(Clone::clone)
        };
        words(self) == words(other)
    }
}

/// The results so far, and the file that takes the next ones.
pub struct Journal {
    file: File,
    known: BTreeMap<String, Graded>,
}

impl Journal {
    /// Opens a journal, or begins one. Results that depend on something else are dropped, and so are
    /// those of others than the students of the header.
    ///
    /// # Errors
    /// If it cannot be read or written, or is not a journal of this lab.
    pub fn open(path: &Path, header: &Header) -> Result<Self, String> {
        let about = |error: io::Error| format!("the journal {}: {error}", path.display());
        let (mut known, mut text) = (BTreeMap::new(), String::new());
        match File::open(path) {
            Ok(_) => {
                let (theirs, graded) = read(path)?;
                if theirs.lab != header.lab {
                    return Err(format!(
                        "{} is the journal of {}; name another with --journal",
                        path.display(),
                        theirs.lab
                    ));
                }
                if theirs.fits(header) {
                    known = graded;
                    known.retain(|student, _| header.students.contains(student));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(about(error)),
        }
        // It is written anew, without what was cut off in the middle.
        text.push_str(&line(header));
        known
            .values()
            .for_each(|graded| text.push_str(&line(graded)));
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut fresh =
            tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(about)?;
        fresh.write_all(text.as_bytes()).map_err(about)?;
        fresh.persist(path).map_err(|error| about(error.error))?;
        let file = OpenOptions::new().append(true).open(path).map_err(about)?;
        Ok(Self { file, known })
    }

    /// The result of that student for that hand-in, if it is known.
    pub fn find(&self, student: &str, digest: &str) -> Option<&Graded> {
        let found = self.known.get(student);
        found.filter(|graded| graded.digest == digest)
    }

    /// Adds a result.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, graded: &Graded) -> io::Result<()> {
        self.file.write_all(line(graded).as_bytes())
    }
}

/// What several journals have together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    /// The results, by student.
    pub graded: Vec<Graded>,
    /// What lacks, each in a line: shares without a journal, hand-ins without a result.
    pub missing: Vec<String>,
}

/// The results of several journals, and what they lack.
///
/// # Errors
/// If one cannot be read, they do not belong together, or two differ about a student.
pub fn read_journals(paths: &[PathBuf], header: &Header) -> Result<Merged, String> {
    let mut all: BTreeMap<String, Graded> = BTreeMap::new();
    let mut missing = Vec::new();
    let mut shares: Vec<Share> = Vec::new();
    for path in paths {
        let (theirs, graded) = read(path)?;
        if !theirs.fits(header) {
            return Err(format!(
                "{} was made for another lab, version or option: {} of forklab {}",
                path.display(),
                theirs.lab,
                theirs.forklab
            ));
        }
        if let Some(first) = shares.first()
            && first.all().all(|share| share != theirs.share)
        {
            return Err(format!(
                "{} is the share {}, but {} is the share {first}; merge the journals of one partition",
                path.display(),
                theirs.share,
                paths[0].display()
            ));
        }
        shares.push(theirs.share);
        missing.extend(open_of(path, &theirs, &graded));
        for (student, result) in graded {
            match all.get(&student) {
                Some(other) if *other != result => {
                    return Err(format!(
                        "{} and another journal differ about {student}",
                        path.display()
                    ));
                }
                _ => {
                    all.insert(student, result);
                }
            }
        }
    }
    let without = shares.first().into_iter().flat_map(|share| share.all());
    let without = without.filter(|share| !shares.contains(share));
    missing.extend(without.map(|share| format!("the share {share} has no journal here")));
    Ok(Merged {
        graded: all.into_values().collect(),
        missing,
    })
}

/// The hand-ins of a journal that have no result, in a line.
fn open_of(path: &Path, header: &Header, graded: &BTreeMap<String, Graded>) -> Option<String> {
    let students = header.students.iter();
    let open: Vec<&String> = students
        .filter(|student| !graded.contains_key(*student))
        .collect();
    let names: Vec<String> = open
        .iter()
        .take(MAX_NAMES)
        .map(|name| plain(name))
        .collect();
    let more = match open.len().checked_sub(MAX_NAMES) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    (!open.is_empty()).then(|| {
        format!(
            "{} has no result for {} of {} hand-ins: {}{more}",
            plain(&path.display().to_string()),
            open.len(),
            header.students.len(),
            names.join(", ")
        )
    })
}

fn read(path: &Path) -> Result<(Header, BTreeMap<String, Graded>), String> {
    let about = |why: &str| format!("{}: {why}", path.display());
    let file = File::open(path).map_err(|error| about(&error.to_string()))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| about(&error.to_string()))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let header: Header = serde_json::from_str(first).map_err(|_| {
        about("this is not a journal of forklab grade; name another with --journal")
    })?;
    // The last line may have been cut off.
    let graded = lines.map_while(|line| serde_json::from_str::<Graded>(line).ok());
    let known = graded.map(|graded| (graded.student.clone(), graded));
    Ok((header, known.collect()))
}

fn line(value: &impl Serialize) -> String {
    // The keys of these are strings, and their numbers finite.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::graded::End;
    use super::*;

    fn header(lab: &str, digest: &str) -> Header {
        Header {
            forklab: "1".to_owned(),
            lab: lab.to_owned(),
            digest: digest.to_owned(),
            share: Share::ALL,
            students: ["anna", "ben"].map(str::to_owned).into(),
        }
    }

    fn graded(student: &str, digest: &str) -> Graded {
        Graded {
            student: student.to_owned(),
            digest: digest.to_owned(),
            end: End::Unreadable("empty".to_owned()),
            print: vec![1, 2],
        }
    }

    #[test]
    fn a_journal_keeps_what_still_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("class.journal");
        let open = |header: &Header| Journal::open(&path, header);
        let mut journal = open(&header("03", "a")).unwrap();
        for student in ["anna", "ben", "gone"] {
            journal.add(&graded(student, "1")).unwrap();
        }
        drop(journal);
        // Killed in the middle of a line.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{{\"student\":\"anna\",\"dig")).unwrap();
        let journal = open(&header("03", "a")).unwrap();
        assert_eq!(journal.find("anna", "1"), Some(&graded("anna", "1")));
        for (student, digest) in [("anna", "2"), ("gone", "1"), ("nobody", "1")] {
            assert_eq!(journal.find(student, digest), None, "{student} {digest}");
        }
        let students = |path: &Path| read(path).unwrap().1.into_keys().collect::<Vec<_>>();
        assert_eq!(students(&path), ["anna", "ben"]);
        // Another lab is a mistake; the same one in another version begins anew.
        let why = open(&header("04", "a")).err().unwrap();
        assert!(why.contains("is the journal of 03"), "{why}");
        let journal = open(&header("03", "b")).unwrap();
        assert_eq!(journal.find("anna", "1"), None);
    }

    #[test]
    fn journals_are_merged_only_if_they_belong_together() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, digest: &str, results: &[Graded]| {
            let path = folder.path().join(name);
            let lines: String = results.iter().map(line).collect();
            std::fs::write(&path, format!("{}{lines}", line(&header("03", digest)))).unwrap();
            path
        };
        let one = write("1", "a", &[graded("ben", "1"), graded("anna", "1")]);
        let two = write("2", "a", &[graded("carl", "1"), graded("anna", "1")]);
        let other = write("3", "b", &[]);
        let differs = write("4", "a", &[graded("anna", "2")]);
        let merged = |paths: &[&PathBuf]| {
            let paths: Vec<_> = paths.iter().map(|path| (*path).clone()).collect();
            let merged = read_journals(&paths, &header("03", "a"))?;
            Ok::<_, String>(
                merged
                    .graded
                    .into_iter()
                    .map(|one| one.student)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(merged(&[&one, &two]).unwrap(), ["anna", "ben", "carl"]);
        assert!(
            merged(&[&one, &other])
                .unwrap_err()
                .contains("another lab, version or option")
        );
        assert!(
            merged(&[&one, &differs])
                .unwrap_err()
                .contains("differ about anna")
        );
    }

    #[test]
    fn what_is_missing_from_a_merge_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, share: &str, results: &[Graded]| {
            let path = folder.path().join(name);
            let students = ["anna", "ben", "carl"].map(str::to_owned).into();
            let header = header("03", "a").for_share(share.parse().unwrap(), students);
            let lines: String = results.iter().map(line).collect();
            std::fs::write(&path, format!("{}{lines}", line(&header))).unwrap();
            path
        };
        let one = write("1", "1/3", &[graded("ben", "1")]);
        let two = write(
            "2",
            "2/3",
            &["anna", "ben", "carl"].map(|name| graded(name, "1")),
        );
        let of_two = write("3", "1/2", &[]);
        let merged = |paths: &[&PathBuf]| {
            let paths: Vec<_> = paths.iter().map(|path| (*path).clone()).collect();
            read_journals(&paths, &header("03", "a"))
        };
        assert_eq!(
            merged(&[&one, &two]).unwrap().missing,
            [
                format!(
                    "{} has no result for 2 of 3 hand-ins: anna, carl",
                    one.display()
                ),
                "the share 3/3 has no journal here".to_owned()
            ]
        );
        let why = merged(&[&one, &of_two]).unwrap_err();
        assert!(why.contains("merge the journals of one partition"), "{why}");
    }
}
