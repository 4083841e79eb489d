//! What a worker process does: it reads jobs, one a line, and answers each with a line. Nothing else
//! goes into or out of it.

use super::class::digest;
use super::graded::{End, Graded};
use super::similar::{Print, print_of};
use super::words::plain;
use crate::course::{Grader, Key, Lab, Mark, Note, Submission, grade, key};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

/// How many variants are kept whose answers have been measured.
const MAX_KEYS: usize = 64;

/// A hand-in to be graded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Job {
    /// The name of the student.
    pub student: String,
    /// The file or folder.
    pub path: PathBuf,
    /// The seed of the student's variant.
    pub seed: u64,
}

/// Grades what comes in, until nothing more comes.
///
/// # Errors
/// If a line cannot be read, understood or written.
pub fn serve(lab: &Lab, grader: &Grader, from: impl BufRead, mut to: impl Write) -> io::Result<()> {
    let mut keys = BTreeMap::new();
    for line in from.lines() {
        let job: Job = serde_json::from_str(&line?)?;
        let graded = graded(lab, grader, &job, &mut keys);
        serde_json::to_writer(&mut to, &graded)?;
        to.write_all(b"\n")?;
        to.flush()?;
    }
    Ok(())
}

fn graded(lab: &Lab, grader: &Grader, job: &Job, keys: &mut BTreeMap<u64, Key>) -> Graded {
    let of = |digest, end, print| Graded {
        student: job.student.clone(),
        digest,
        end,
        print,
    };
    let submission = match Submission::read(&job.path) {
        Ok(submission) => submission,
        Err(why) => return of(String::new(), End::Unreadable(plain(&why.0)), Print::new()),
    };
    let script = submission.script().ok().flatten();
    let print = script.map_or_else(Print::new, |(_, text)| print_of(&text));
    let digest = digest(&submission);
    if submission.files.is_empty() {
        let why = match submission.problems.first() {
            Some(problem) => plain(problem),
            None => "nothing is handed in".to_owned(),
        };
        return of(digest, End::Unreadable(why), print);
    }
    let end = match marked(lab, grader, &submission, job.seed, keys) {
        Ok(mark) => End::Marked(bounded(mark)),
        Err(why) => End::Stopped(plain(&why)),
    };
    of(digest, end, print)
}

fn marked(
    lab: &Lab,
    grader: &Grader,
    submission: &Submission,
    seed: u64,
    keys: &mut BTreeMap<u64, Key>,
) -> Result<Mark, String> {
    if !keys.contains_key(&seed) {
        if keys.len() == MAX_KEYS {
            keys.pop_first();
        }
        keys.insert(seed, key(lab, seed, grader)?);
    }
    grade(lab, submission, &keys[&seed], grader)
}

/// A mark whose texts fit into a line each: a hand-in can make them as long as it likes.
fn bounded(mut mark: Mark) -> Mark {
    for task in &mut mark.tasks {
        for reason in &mut task.reasons {
            reason.text = plain(&reason.text);
            reason.help = reason.help.as_deref().map(plain);
            reason.expected = reason.expected.as_deref().map(plain);
        }
        task.given = task.given.as_deref().map(plain);
    }
    for note in &mut mark.notes {
        if let Note::OtherVariant { student, .. } = note {
            *student = student.as_deref().map(plain);
        }
    }
    mark.problems = mark.problems.iter().map(|problem| plain(problem)).collect();
    mark
}
