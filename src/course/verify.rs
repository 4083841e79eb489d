//! Whether a lab is sound: its solution gets all points in every variant, nothing gets none, and what
//! its files say of each other is true.

use super::grade::{Grader, grade, key, solution};
use super::lab::{Files, Lab};
use super::mark::Mark;
use super::submission::Submission;
use crate::script::Points;
use std::fmt;

/// Something that is wrong with a lab.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The variant in which it shows; `None` if in all.
    pub seed: Option<u64>,
    /// The task, if it is about one.
    pub task: Option<String>,
    /// What is wrong.
    pub text: String,
    /// How to correct it.
    pub help: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(seed) = self.seed {
            write!(f, "seed {seed}: ")?;
        }
        if let Some(task) = &self.task {
            write!(f, "task {task}: ")?;
        }
        f.write_str(&self.text)
    }
}

/// Looks for everything that is wrong with a lab, in each of its variants. Faults that a later
/// variant shares with an earlier one are not repeated.
///
/// # Errors
/// If no machine can be booted, in words for the user.
pub fn verify(lab: &Lab, grader: &Grader) -> Result<Vec<Fault>, String> {
    let mut faults = of_files(lab);
    for seed in 0..lab.seeds {
        for fault in of_variant(lab, seed, grader)? {
            let same = |other: &Fault| (&other.task, &other.text) == (&fault.task, &fault.text);
            if !faults.iter().any(same) {
                faults.push(fault);
            }
        }
    }
    Ok(faults)
}

fn fault(text: impl Into<String>, help: &'static str) -> Fault {
    Fault {
        seed: None,
        task: None,
        text: text.into(),
        help,
    }
}

/// What can be told without running anything.
fn of_files(lab: &Lab) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in lab.hints.tasks() {
        if !lab.tasks.iter().any(|task| task.id == name) {
            let text = format!("hints.md has hints for {name}, which is no task");
            faults.push(fault(text, "the headings of hints.md are the ids of tasks"));
        }
    }
    for problem in &lab.solution.problems {
        faults.push(fault(format!("solution/{problem}"), "correct the solution"));
    }
    if lab.checks.is_empty() && lab.tasks.iter().any(|task| !task.kind.is_asked()) {
        let help = "it gives the points of what is written; docs/teaching.md shows one";
        faults.push(fault(format!("there is no {}", Lab::CHECKS), help));
    }
    for task in &lab.tasks {
        if !task.kind.is_asked() && task.text.trim().is_empty() {
            faults.push(Fault {
                task: Some(task.id.clone()),
                ..fault(
                    "it does not say what is to be written",
                    "add text = \"..\" to the task",
                )
            });
        }
    }
    faults
}

fn of_variant(lab: &Lab, seed: u64, grader: &Grader) -> Result<Vec<Fault>, String> {
    let key = key(lab, seed, grader)?;
    if let Some(failure) = &key.failure {
        let place = failure
            .position
            .map_or(String::new(), |(line, _)| format!(" on line {line}"));
        let text = format!("{} ends with an error{place}: {failure}", Lab::SCRIPT);
        let fault = fault(
            text,
            "forklab run with the script shows the error at its place",
        );
        return Ok(vec![Fault {
            seed: Some(seed),
            ..fault
        }]);
    }
    let mut faults = Vec::new();
    let (asked, tasks) = (key.predictions.len(), lab.asked().count());
    if asked != tasks {
        let text = format!(
            "{} makes {asked} predictions, but {} has {tasks} tasks that ask",
            Lab::SCRIPT,
            Lab::MANIFEST
        );
        faults.push(fault(
            text,
            "each predict belongs to one task, in the same order",
        ));
    }
    let right = match solution(lab, seed, grader) {
        Ok(right) => right,
        Err(why) => {
            faults.push(fault(why, "its value is an object map: #{reader: \"no\"}"));
            Submission::default()
        }
    };
    let mark = grade(lab, &right, &key, grader)?;
    faults.extend(lost(&mark, "the solution loses points"));
    for problem in mark.problems {
        faults.push(fault(
            format!("solution: {problem}"),
            "correct the solution",
        ));
    }
    for (folder, other) in &lab.others {
        if other.has_c() && !(grader.compiles)() {
            continue;
        }
        let other = Submission {
            answers: right.answers.clone(),
            ..other.clone()
        };
        let mark = grade(lab, &other, &key, grader)?;
        faults.extend(lost(&mark, &format!("solution/{folder} loses points")));
    }
    let nothing = Submission::of_files(&Files::from([(
        Submission::SCRIPT.to_owned(),
        b"// nothing\n".to_vec(),
    )]));
    let mark = grade(lab, &nothing, &key, grader)?;
    faults.extend(given(&mark));
    let start = grade(lab, &Submission::of_files(&lab.start), &key, grader)?;
    if start.is_full() {
        let help = "leave something to do in start/";
        faults.push(fault("what a student begins with is right already", help));
    }
    let at = |fault| Fault {
        seed: Some(seed),
        ..fault
    };
    Ok(faults.into_iter().map(at).collect())
}

/// The tasks that should have got all points.
fn lost(mark: &Mark, what: &str) -> Vec<Fault> {
    let not_full = mark
        .tasks
        .iter()
        .filter(|task| !task.is_full() || task.stopped.is_some());
    let told = not_full.map(|task| {
        let reasons: Vec<String> = task
            .reasons
            .iter()
            .map(|reason| {
                let expected = reason.expected.as_ref();
                let expected = expected.map_or(String::new(), |it| format!(" (expected {it})"));
                format!("{}{expected}", reason.text)
            })
            .collect();
        Fault {
            task: Some(task.id.clone()),
            ..fault(
                format!("{what}: {}", reasons.join("; ")),
                "either the solution or the check is wrong",
            )
        }
    });
    told.collect()
}

/// The tasks that should not have got any points.
fn given(mark: &Mark) -> Vec<Fault> {
    let some = mark
        .tasks
        .iter()
        .filter(|task| task.points > Points::default());
    let told = some.map(|task| Fault {
        task: Some(task.id.clone()),
        ..fault(
            format!(
                "whoever does nothing gets {} of {} points",
                task.points, task.of
            ),
            "let the check ask for something that has to be done",
        )
    });
    told.collect()
}
