//! `lab.toml`: what a lab is called, what it teaches, and its tasks.

use super::fields::Fields;
use super::lab::Problem;
use crate::script::{Points, Rule, Tolerance};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use toml::{Spanned, Value};

/// The kind of a task: what a student does for it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Says what a call will do, before it is made.
    Predict,
    /// Chooses one of several answers.
    Choice,
    /// Writes down a list as it will be.
    Draw,
    /// Writes a script until the checks pass.
    Do,
    /// Writes a program for the emulated machine.
    Program,
    /// Finds and corrects a bug.
    Bug,
    /// Replaces a rule of the kernel.
    Kernel,
}

impl Kind {
    /// Whether the lab's script asks for an answer; otherwise `check.rhai` looks at what was
    /// written.
    pub const fn is_asked(self) -> bool {
        matches!(self, Self::Predict | Self::Choice | Self::Draw)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Predict => "predict",
            Self::Choice => "choice",
            Self::Draw => "draw",
            Self::Do => "do",
            Self::Program => "program",
            Self::Bug => "bug",
            Self::Kernel => "kernel",
        })
    }
}

/// A task of a lab.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    /// Its name in answers, checks, hints and reports.
    pub id: String,
    /// What a student does for it.
    pub kind: Kind,
    /// The points it gives.
    pub points: Points,
    /// What is to be done; empty if the lab's script asks the whole question.
    pub text: String,
    /// How an answer is compared with the right one.
    pub rule: Rule,
}

/// What `lab.toml` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Manifest {
    pub(super) title: String,
    pub(super) minutes: u32,
    pub(super) objective: String,
    pub(super) needs: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) seeds: u64,
    pub(super) tasks: Vec<Task>,
}

/// The most variants that are tried.
const MAX_SEEDS: i64 = 1_000;
/// The most minutes of a lab.
const MAX_MINUTES: i64 = 600;

/// Reads `lab.toml`.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read(text: &str) -> Result<Manifest, Vec<Problem>> {
    let mut fields = Fields::of_text(text)?;
    let mut problems = Vec::new();
    let title = fields.need::<String>("title", &mut problems);
    let minutes = fields.need::<i64>("minutes", &mut problems);
    let objective = fields.need::<String>("objective", &mut problems);
    let needs = fields.take::<Vec<String>>("needs", &mut problems);
    let tags = fields.take::<Vec<String>>("tags", &mut problems);
    let seeds = fields.take::<i64>("seeds", &mut problems);
    let tables = fields.tables("task", &mut problems);
    if let Some(title) = &title
        && title.get_ref().trim().is_empty()
    {
        let help = "write title = \"First writer\"";
        wrong(
            &mut problems,
            Some(title.span()),
            "the title is empty",
            help,
        );
    }
    if let Some(minutes) = &minutes
        && !(1..=MAX_MINUTES).contains(minutes.get_ref())
    {
        let message = format!("{} is not a number of minutes", minutes.get_ref());
        let help = "a lab takes 1 to 600 minutes";
        wrong(&mut problems, Some(minutes.span()), message, help);
    }
    if let Some(seeds) = &seeds
        && !(1..=MAX_SEEDS).contains(seeds.get_ref())
    {
        let message = format!("{} is not a number of variants", seeds.get_ref());
        let help = "seeds = 20 tries the variants 0 to 19; at most 1000";
        wrong(&mut problems, Some(seeds.span()), message, help);
    }
    let is_empty = tables.is_empty();
    let mut tasks: Vec<Task> = Vec::new();
    for fields in tables {
        let task = task(fields, &tasks, &mut problems);
        tasks.extend(task);
    }
    fields.end(&mut problems);
    if is_empty && problems.is_empty() {
        let help = "add a [[task]] with id and kind";
        wrong(&mut problems, None, "the lab has no tasks", help);
    }
    let (Some(title), Some(minutes), Some(objective), true) =
        (title, minutes, objective, problems.is_empty())
    else {
        return Err(problems);
    };
    Ok(Manifest {
        title: title.into_inner(),
        minutes: minutes.into_inner() as u32,
        objective: objective.into_inner(),
        needs: needs.map_or_else(Vec::new, Spanned::into_inner),
        tags: tags.map_or_else(Vec::new, Spanned::into_inner),
        seeds: seeds.map_or(1, Spanned::into_inner) as u64,
        tasks,
    })
}

fn wrong(
    problems: &mut Vec<Problem>,
    span: Option<Range<usize>>,
    message: impl Into<String>,
    help: &str,
) {
    problems.push(Problem::new(message).at(span).with_help(help));
}

/// A task, unless it has no usable id or kind.
fn task(mut fields: Fields, before: &[Task], problems: &mut Vec<Problem>) -> Option<Task> {
    let id = fields.need::<String>("id", problems);
    let kind = fields.need::<Kind>("kind", problems);
    let points = points(fields.take("points", problems), problems);
    let text = fields.take::<String>("text", problems);
    let tolerance = fields.take::<Value>("tolerance", problems);
    let partial = fields.take::<bool>("partial", problems);
    let choices = fields.take::<Vec<String>>("choices", problems);
    if let Some(id) = &id {
        check_id(id, before, problems);
    }
    let asked_keys = [
        (partial.as_ref().map(Spanned::span), "partial"),
        (choices.as_ref().map(Spanned::span), "choices"),
        (tolerance.as_ref().map(Spanned::span), "tolerance"),
    ];
    if let Some(kind) = &kind
        && !kind.get_ref().is_asked()
    {
        for (span, key) in asked_keys {
            if span.is_some() {
                let kind = kind.get_ref();
                let message = format!("{key} has no meaning for a task of the kind {kind}");
                let help = "check.rhai gives the points of this task, and parts of them";
                wrong(problems, span, message, help);
            }
        }
    }
    let choices_at = choices.as_ref().map(Spanned::span);
    let choices = choices.map_or_else(Vec::new, Spanned::into_inner);
    if let (Some(kind), Some(id)) = (&kind, &id)
        && *kind.get_ref() == Kind::Choice
        && choices.len() < 2
    {
        let message = format!("the task {:?} has nothing to choose from", id.get_ref());
        let help = "add choices = [\"the parent\", \"the child\"]";
        wrong(problems, choices_at.or(fields.at()), message, help);
    }
    let tolerance = tolerance.and_then(|given| {
        let read = tolerance_of(given.get_ref());
        if read.is_none() {
            let help = "write tolerance = 5, or tolerance = \"10 %\"";
            wrong(
                problems,
                Some(given.span()),
                "this is not a tolerance",
                help,
            );
        }
        read
    });
    fields.end(problems);
    let kind = kind?.into_inner();
    Some(Task {
        id: id?.into_inner(),
        kind,
        points,
        text: text.map_or_else(String::new, Spanned::into_inner),
        rule: Rule {
            tolerance,
            by_item: partial.map_or(kind == Kind::Draw, Spanned::into_inner),
            choices,
        },
    })
}

fn check_id(id: &Spanned<String>, before: &[Task], problems: &mut Vec<Problem>) {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let (at, id) = (Some(id.span()), id.get_ref());
    if id.is_empty() || !id.chars().all(is_word) {
        let help = "an id has lower case letters, digits and _: two_copies";
        wrong(problems, at.clone(), format!("{id:?} is not an id"), help);
    }
    if before.iter().any(|task| task.id == *id) {
        let message = format!("there are two tasks {id:?}");
        wrong(problems, at, message, "each task has an id of its own");
    }
}

fn points(given: Option<Spanned<f64>>, problems: &mut Vec<Problem>) -> Points {
    let Some(given) = given else {
        return Points::whole(1);
    };
    Points::of(*given.get_ref()).unwrap_or_else(|| {
        let message = format!("{} is not a number of points", given.get_ref());
        let help = "points are 0 to 1000, such as 2 or 0.5";
        wrong(problems, Some(given.span()), message, help);
        Points::default()
    })
}

fn tolerance_of(raw: &Value) -> Option<Tolerance> {
    match raw {
        Value::Integer(number) => u64::try_from(*number).ok().map(Tolerance::Absolute),
        Value::String(text) => {
            let number = text.trim().strip_suffix('%')?.trim().parse().ok()?;
            (number <= 100).then_some(Tolerance::Percent(number))
        }
        _ => None,
    }
}
