//! The marks as results of tests: a group for each student, a test for each task. Students may read
//! these, so no expected value stands in them.

use super::graded::{End, Graded};
use super::gradescope::reasons;
use super::summary::Class;
use super::words::plain;
use crate::course::TaskMark;
use crate::report::{Case, Outcome, Report, Suite};

/// The marks as a report on tests.
pub fn report(class: &Class) -> Report {
    Report {
        name: format!("forklab grade: {}", class.title),
        suites: class.graded.iter().map(suite).collect(),
    }
}

fn suite(graded: &Graded) -> Suite {
    let cases = match &graded.end {
        End::Marked(mark) => mark.tasks.iter().map(case).collect(),
        End::Unreadable(why) | End::Stopped(why) => vec![Case {
            name: "hand-in".to_owned(),
            outcome: Outcome::Unusable { why: why.clone() },
        }],
    };
    Suite {
        name: plain(&graded.student),
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
        outcome,
    }
}
