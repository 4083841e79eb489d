//! Labs, marks and faults as lines for a terminal.

use super::way::resume;
use crate::course::{Begun, Lab, LabError, Mark, Progress};
use crate::front::diag::draw;
use crate::front::style::{Colors, paint_words, visible};
use crate::script::{Failure, FailureKind};
use crate::view::Role;

/// The labs with the progress of a student.
pub(in crate::front) fn list(labs: &[Lab], progress: &Progress, color: Colors) -> String {
    let width = labs.iter().map(|lab| lab.title.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut lines = Vec::new();
    let next = resume(labs, progress);
    for lab in labs {
        let number = lab
            .number()
            .map_or(String::new(), |number| number.to_string());
        let begun = progress.labs.get(&lab.name);
        let standing = match begun {
            Some(begun) => standing(lab, begun, color),
            None if next == Some(lab) => "->".to_owned(),
            None => String::new(),
        };
        let line = format!(
            "{number:>2}  {:width$}  {:>3} min  {standing}",
            visible(&lab.title),
            lab.minutes
        );
        lines.push(line.trim_end().to_owned());
    }
    if let Some(lab) = next {
        lines.push(String::new());
        lines.push(format!("next: forklab lab start {}", word_for(lab)));
    }
    lines.join("\n")
}

/// The shortest word that means a lab.
pub(in crate::front) fn word_for(lab: &Lab) -> String {
    lab.number()
        .map_or_else(|| lab.name.clone(), |number| number.to_string())
}

fn standing(lab: &Lab, begun: &Begun, color: Colors) -> String {
    let done = format!("{}/{}", begun.finished(lab), lab.tasks.len());
    let mut words = if begun.is_done(lab) {
        paint_words(&format!("done {done}"), Role::Good, color)
    } else {
        done
    };
    if begun.checks > 0 {
        words.push_str(&format!("   {} of {} points", begun.sum(lab), lab.points()));
    }
    let hints: usize = begun.hints.values().sum();
    match hints {
        0 => {}
        1 => words.push_str("   1 hint"),
        hints => words.push_str(&format!("   {hints} hints")),
    }
    if begun.solution_seen {
        words.push_str("   solution seen");
    }
    words
}

/// A mark, task by task.
pub(in crate::front) fn mark(mark: &Mark, color: Colors) -> String {
    let width = mark
        .tasks
        .iter()
        .map(|task| task.id.len())
        .max()
        .unwrap_or(0);
    let mut lines = Vec::new();
    for task in &mark.tasks {
        let role = if task.is_full() {
            Role::Good
        } else {
            Role::Bad
        };
        let points = format!("{:>4} of {}", task.points.to_string(), task.of);
        let pad = " ".repeat(12_usize.saturating_sub(points.len()));
        let points = paint_words(&points, role, color);
        let head = format!("{:width$}  {points}", task.id);
        let indent = " ".repeat(width + 14);
        if task.reasons.is_empty() {
            lines.push(head.clone());
        }
        for (nth, reason) in task.reasons.iter().enumerate() {
            let before = if nth == 0 {
                format!("{head}{pad}  ")
            } else {
                indent.clone() + "  "
            };
            lines.push(format!("{before}{}", visible(&reason.text)));
            let help = reason.help.as_ref();
            lines.extend(help.map(|help| format!("{indent}  help: {}", visible(help))));
        }
    }
    lines.extend(mark.problems.iter().map(|problem| visible(problem)));
    lines.push(format!("{} of {} points", mark.points, mark.of));
    lines.join("\n")
}

/// Why a lab cannot be used, drawn at the place of each problem.
pub(in crate::front) fn broken(error: &LabError, color: Colors) -> String {
    let name = error.file.display().to_string();
    let drawn = error.problems.iter().map(|problem| {
        let span = problem.span.clone();
        let failure = Failure {
            kind: FailureKind::Script,
            message: problem.message.clone(),
            note: None,
            help: problem.help.clone(),
            position: span.map(|span| place(&error.text, span.start)),
            around: Vec::new(),
        };
        let drawn = draw(&failure, &name, &error.text, color);
        match failure.position {
            Some(_) => drawn,
            None => format!("{}: {drawn}", visible(&name)),
        }
    });
    drawn.collect::<Vec<_>>().join("\n")
}

/// Line and column of a place in a text, from 1, in characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
