//! `lab.toml`: what a lab is called, what it teaches, and its tasks.

use super::lab::Problem;
use crate::script::{Points, Rule, Tolerance, closest};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use toml::Spanned;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: Spanned<String>,
    minutes: Spanned<i64>,
    objective: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    seeds: Option<Spanned<i64>>,
    #[serde(default, rename = "task")]
    tasks: Vec<Spanned<RawTask>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTask {
    id: Spanned<String>,
    kind: Kind,
    points: Option<Spanned<f64>>,
    #[serde(default)]
    text: String,
    tolerance: Option<Spanned<RawTolerance>>,
    partial: Option<Spanned<bool>>,
    choices: Option<Spanned<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawTolerance {
    Number(i64),
    Text(String),
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
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let message = error.message().trim().replace('\n', "; ");
        let help = meant(&message).unwrap_or_else(|| remedy(&message).to_owned());
        vec![Problem::new(message).at(error.span()).with_help(help)]
    })?;
    let mut problems = Vec::new();
    let mut wrong = |span: Range<usize>, message: String, help: &str| {
        problems.push(Problem::new(message).at(Some(span)).with_help(help));
    };
    if raw.title.get_ref().trim().is_empty() {
        wrong(
            raw.title.span(),
            "the title is empty".to_owned(),
            "write title = \"First writer\"",
        );
    }
    if !(1..=MAX_MINUTES).contains(raw.minutes.get_ref()) {
        let message = format!("{} is not a number of minutes", raw.minutes.get_ref());
        wrong(raw.minutes.span(), message, "a lab takes 1 to 600 minutes");
    }
    let seeds = raw.seeds.as_ref().map_or(1, |seeds| *seeds.get_ref());
    if let Some(given) = &raw.seeds
        && !(1..=MAX_SEEDS).contains(&seeds)
    {
        let message = format!("{seeds} is not a number of variants");
        wrong(
            given.span(),
            message,
            "seeds = 20 tries the variants 0 to 19; at most 1000",
        );
    }
    if raw.tasks.is_empty() {
        wrong(
            0..0,
            "the lab has no tasks".to_owned(),
            "add a [[task]] with id and kind",
        );
    }
    let mut tasks: Vec<Task> = Vec::new();
    for raw in raw.tasks {
        let task = task(raw.into_inner(), &tasks, &mut wrong);
        tasks.push(task);
    }
    if problems.is_empty() {
        Ok(Manifest {
            title: raw.title.into_inner(),
            minutes: raw.minutes.into_inner() as u32,
            objective: raw.objective,
            needs: raw.needs,
            tags: raw.tags,
            seeds: seeds as u64,
            tasks,
        })
    } else {
        Err(problems)
    }
}

fn task(raw: RawTask, before: &[Task], wrong: &mut impl FnMut(Range<usize>, String, &str)) -> Task {
    let (at, id) = (raw.id.span(), raw.id.into_inner());
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if id.is_empty() || !id.chars().all(is_word) {
        let help = "an id has lower case letters, digits and _: two_copies";
        wrong(at.clone(), format!("{id:?} is not an id"), help);
    }
    if before.iter().any(|task| task.id == id) {
        let message = format!("there are two tasks {id:?}");
        wrong(at, message, "each task has an id of its own");
    }
    let points = points(raw.points.as_ref(), wrong);
    let mut only_asked = |span: Range<usize>, key: &str| {
        if !raw.kind.is_asked() {
            let message = format!("{key} has no meaning for a task of the kind {}", raw.kind);
            wrong(
                span,
                message,
                "check.rhai gives the points of this task, and parts of them",
            );
        }
    };
    if let Some(partial) = &raw.partial {
        only_asked(partial.span(), "partial");
    }
    if let Some(choices) = &raw.choices {
        only_asked(choices.span(), "choices");
    }
    if let Some(tolerance) = &raw.tolerance {
        only_asked(tolerance.span(), "tolerance");
    }
    if raw.kind == Kind::Choice
        && raw
            .choices
            .as_ref()
            .is_none_or(|all| all.get_ref().len() < 2)
    {
        let span = raw.choices.as_ref().map_or(0..0, Spanned::span);
        let message = format!("the task {id:?} has nothing to choose from");
        wrong(
            span,
            message,
            "add choices = [\"the parent\", \"the child\"]",
        );
    }
    let tolerance = raw.tolerance.and_then(|given| {
        let span = given.span();
        let read = tolerance(&given.into_inner());
        if read.is_none() {
            let help = "write tolerance = 5, or tolerance = \"10 %\"";
            wrong(span, "this is not a tolerance".to_owned(), help);
        }
        read
    });
    Task {
        id,
        kind: raw.kind,
        points,
        text: raw.text,
        rule: Rule {
            tolerance,
            by_item: raw
                .partial
                .map_or(raw.kind == Kind::Draw, Spanned::into_inner),
            choices: raw.choices.map_or_else(Vec::new, Spanned::into_inner),
        },
    }
}

fn points(
    given: Option<&Spanned<f64>>,
    wrong: &mut impl FnMut(Range<usize>, String, &str),
) -> Points {
    let Some(given) = given else {
        return Points::whole(1);
    };
    Points::of(*given.get_ref()).unwrap_or_else(|| {
        let message = format!("{} is not a number of points", given.get_ref());
        let help = "points are 0 to 1000, such as 2 or 0.5";
        wrong(given.span(), message, help);
        Points::default()
    })
}

fn tolerance(raw: &RawTolerance) -> Option<Tolerance> {
    match raw {
        RawTolerance::Number(number) => u64::try_from(*number).ok().map(Tolerance::Absolute),
        RawTolerance::Text(text) => {
            let number = text.trim().strip_suffix('%')?.trim().parse().ok()?;
            (number <= 100).then_some(Tolerance::Percent(number))
        }
    }
}

/// The key or kind that was probably meant, by the parser's own list of those that there are.
fn meant(message: &str) -> Option<String> {
    let (unknown, known) = message
        .strip_prefix("unknown field ")
        .or_else(|| message.strip_prefix("unknown variant "))?
        .split_once(", expected ")?;
    let known = known.split('`').skip(1).step_by(2);
    let meant = closest(unknown.trim_matches('`'), known)?;
    Some(format!("did you mean {meant}?"))
}

/// How to correct what the parser of TOML has found.
fn remedy(message: &str) -> &'static str {
    if message.contains("unknown variant") {
        "the kinds are predict, choice, draw, do, program, bug and kernel"
    } else if message.contains("unknown field") {
        "docs/teaching.md lists the keys of lab.toml and of its tasks"
    } else if message.contains("missing field") {
        "a lab needs title, minutes and objective; each [[task]] needs id and kind"
    } else if message.contains("invalid type") {
        "texts stand in quotes, numbers do not, and lists in brackets"
    } else {
        "lab.toml is TOML: key = value, and [[task]] before each task"
    }
}
