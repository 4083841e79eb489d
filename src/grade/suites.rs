//! The marks as results of tests: a group for each student, a test for each task. Students may read
//! these, so no expected value stands in them.

use super::graded::{End, Graded};
use super::gradescope::reasons;
use super::summary::Class;
use super::words::plain;
use crate::course::TaskMark;
use crate::report::{Case, Outcome, Report, Score, Suite};
use crate::script::Points;

/// The marks as a report on tests.
pub fn report(class: &Class) -> Report {
    let suites = class.graded.iter().map(|graded| suite(graded, class.of));
    Report {
        name: format!("forklab grade: {}", class.title),
        score: Some(Score {
            points: class
                .graded
                .iter()
                .map(Graded::points)
                .sum::<Points>()
                .as_number(),
            of: class.of.as_number() * class.graded.len() as f64,
        }),
        suites: suites.chain(incomplete(class)).collect(),
    }
}

fn score(points: Points, of: Points) -> Option<Score> {
    Some(Score {
        points: points.as_number(),
        of: of.as_number(),
    })
}

/// What lacks of the class, as tests that could not be carried out.
fn incomplete(class: &Class) -> Option<Suite> {
    let cases = class.missing.iter().map(|line| Case {
        name: "incomplete".to_owned(),
        score: None,
        outcome: Outcome::Unusable { why: line.clone() },
    });
    (!class.missing.is_empty()).then(|| Suite {
        name: "forklab grade --merge".to_owned(),
        score: None,
        notes: Vec::new(),
        cases: cases.collect(),
    })
}

fn suite(graded: &Graded, of: Points) -> Suite {
    let cases = match &graded.end {
        End::Marked(mark) => mark.tasks.iter().map(case).collect(),
        End::Unreadable(why) | End::Stopped(why) => vec![Case {
            name: "hand-in".to_owned(),
            score: score(Points::default(), of),
            outcome: Outcome::Unusable { why: why.clone() },
        }],
    };
    let problems = graded.mark().map_or(&[][..], |mark| &mark.problems);
    Suite {
        name: plain(&graded.student),
        score: score(graded.points(), of),
        notes: graded.notes().chain(problems.iter().cloned()).collect(),
        cases,
    }
}

fn case(task: &TaskMark) -> Case {
    let outcome = if task.is_full() {
        Outcome::Passed
    } else {
        Outcome::Failed {
            why: format!("{} of {} points", task.points, task.of),
            details: reasons(task).join("\n"),
        }
    };
    Case {
        name: task.id.clone(),
        score: score(task.points, task.of),
        outcome,
    }
}
