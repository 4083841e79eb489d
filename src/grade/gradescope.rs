//! `results.json` as Gradescope's autograders write it, one for each hand-in. Students may read it, so
//! no expected value stands in it.

use super::graded::{End, Graded};
use super::words::plain;
use crate::course::{Mark, TaskMark};
use crate::script::Points;
use serde_json::{Value, json};

/// The results of a hand-in, of a lab with that many points.
pub fn gradescope(graded: &Graded, of: Points) -> String {
    let results = match &graded.end {
        End::Marked(mark) => of_mark(mark, graded.notes()),
        End::Unreadable(why) | End::Stopped(why) => json!({
            "score": 0.0,
            "output": why,
            "output_format": "text",
            "visibility": "visible",
            "tests": [{
                "name": "hand-in",
                "score": 0.0,
                "max_score": of.as_number(),
                "status": "failed",
                "output": why,
            }],
        }),
    };
    // The keys are strings and the numbers finite.
    serde_json::to_string_pretty(&results).unwrap_or_default() + "\n"
}

fn of_mark(mark: &Mark, notes: impl Iterator<Item = String>) -> Value {
    let output: Vec<String> = notes.chain(mark.problems.iter().cloned()).collect();
    let tests: Vec<Value> = mark.tasks.iter().enumerate().map(of_task).collect();
    json!({
        "score": mark.points.as_number(),
        "output": output.join("\n"),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    })
}

fn of_task((nr, task): (usize, &TaskMark)) -> Value {
    let status = if task.is_full() { "passed" } else { "failed" };
    json!({
        "name": task.id,
        "number": (nr + 1).to_string(),
        "score": task.points.as_number(),
        "max_score": task.of.as_number(),
        "status": status,
        "output": reasons(task).join("\n"),
        "output_format": "text",
        "visibility": "visible",
    })
}

/// Why points are lost, a line each, without what is only for teachers.
pub(super) fn reasons(task: &TaskMark) -> Vec<String> {
    let lines = task.reasons.iter().map(|reason| {
        let help = reason.help.as_ref();
        let help = help.map_or_else(String::new, |help| format!(" (help: {help})"));
        format!("-{}: {}{help}", reason.lost, reason.text)
    });
    lines.collect()
}

/// A name for a file of that student, which leads nowhere else.
pub fn file_name(student: &str) -> String {
    let keep = |c: char| {
        if c.is_alphanumeric() || "-_ ()".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = plain(student).chars().map(keep).take(100).collect();
    if name.is_empty() {
        "_".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for (student, name) in [
            ("anna", "anna"),
            ("../../etc/passwd", "______etc_passwd"),
            ("..", "__"),
            ("a\0b\n", "a_b"),
            ("", "_"),
            ("Müller, Jörg", "Müller_ Jörg"),
        ] {
            assert_eq!(file_name(student), name);
        }
    }
}
