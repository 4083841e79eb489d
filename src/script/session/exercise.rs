//! What a session knows when its script is an exercise: the seed of the variant, the answers that
//! are given beforehand, and the checks of a hand-in with the points that they have given.

use super::host::Fetch;
use super::rule::{Rule, Share};
use super::run::Session;
use super::state::State;
use crate::script::errors::Failure;
use rhai::{Dynamic, Identifier, Map};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Points, counted in hundredths so that parts of a point add up exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Points(u32);

impl Points {
    /// The most points of a task.
    pub const MAX: u32 = 1_000;

    /// Whole points.
    pub const fn whole(points: u32) -> Self {
        Self(points.saturating_mul(100))
    }

    /// Points from hundredths.
    pub const fn hundredths(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// How many hundredths they are.
    pub const fn in_hundredths(self) -> u32 {
        self.0
    }

    /// A number that a script or a file gives.
    pub fn of(number: f64) -> Option<Self> {
        let hundredths = (number * 100.0).round();
        let is_known = (0.0..=f64::from(Self::MAX) * 100.0).contains(&hundredths);
        is_known.then_some(Self(hundredths as u32))
    }

    /// The same as a number.
    pub fn as_number(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// A share of these points, rounded down to a hundredth.
    #[must_use]
    pub const fn share(self, share: Share) -> Self {
        Self((self.0 as u64 * share.percent() as u64 / 100) as u32)
    }

    /// What is left of these points without others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0.saturating_sub(others.0))
    }
}

impl std::iter::Sum for Points {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        Self(all.fold(0, |sum, points| sum.saturating_add(points.0)))
    }
}

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, rest) if rest.is_multiple_of(10) => write!(f, "{whole}.{}", rest / 10),
            (whole, rest) => write!(f, "{whole}.{rest:02}"),
        }
    }
}

impl serde::Serialize for Points {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.as_number())
    }
}

impl<'de> serde::Deserialize<'de> for Points {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(from)?;
        let hundredths = (number * 100.0).round();
        // A sum may be more than a task gives.
        let is_known = (0.0..=f64::from(u32::MAX)).contains(&hundredths);
        let points = is_known.then_some(Self(hundredths as u32));
        points.ok_or_else(|| serde::de::Error::custom("not a number of points"))
    }
}

/// A part of a task that a check has looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The points it gives.
    pub points: Points,
    /// The points it could give.
    pub of: Points,
    /// Why points are lost.
    pub reason: String,
    /// What would have been right, for teachers.
    pub expected: Option<String>,
}

/// What a student has handed in for the checks.
pub struct Handin {
    /// The text of the script; empty if there is none.
    pub script: String,
    /// Its name in messages.
    pub name: String,
    /// The names of its files.
    pub files: Vec<String>,
    /// Brings in the other files of the hand-in.
    pub fetch: Option<Fetch>,
}

/// What the checks of a task have come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The parts that were looked at, in their order.
    pub parts: Vec<Part>,
    /// Why the checks ended early, if they did.
    pub failure: Option<Failure>,
    /// Whether there are checks for this task at all.
    pub found: bool,
}

/// Whose code is running.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::script) enum Stage {
    /// A script as any other.
    #[default]
    Plain,
    /// The checks of a task.
    Checking,
    /// A hand-in, on the machine of the checks.
    Submission,
}

/// What a session knows of the exercise that it runs.
#[derive(Default)]
pub(in crate::script) struct Exercise {
    /// The seed of the variant.
    pub(in crate::script) seed: u64,
    /// How many values without a name have been drawn from it.
    pub(in crate::script) drawn: u64,
    /// What was given behind the name of the script on the command line.
    pub(in crate::script) args: Vec<String>,
    /// The answers to the predictions, in their order, if they are given beforehand.
    pub(super) answers: Option<Vec<Option<String>>>,
    /// How the answers to the predictions are compared, in their order.
    pub(super) rules: Vec<Rule>,
    /// The task whose checks are run, if only those of one are.
    pub(in crate::script) task: Option<String>,
    /// Whether there are checks for that task.
    pub(in crate::script) found: bool,
    pub(in crate::script) parts: Vec<Part>,
    pub(in crate::script) stage: Stage,
    /// Whether a hand-in that is graded may change the kernel.
    pub(in crate::script) changes_kernel: bool,
    /// The names of the files of the hand-in.
    pub(in crate::script) files: Vec<String>,
    /// Brings in the files of the hand-in.
    pub(in crate::script) fetch: Option<Fetch>,
    /// What the hand-in has printed in this check.
    pub(in crate::script) output: String,
    /// What is printed while somebody collects it.
    pub(super) collected: Option<String>,
}

impl State {
    /// What was answered beforehand to the next prediction; `None` if nothing is.
    pub(in crate::script) fn answer_beforehand(&self) -> Option<Option<String>> {
        let answers = self.exercise.answers.as_ref()?;
        Some(answers.get(self.predictions.len()).cloned().flatten())
    }

    /// How the answer to the next prediction is compared.
    pub(in crate::script) fn next_rule(&self) -> Rule {
        let rules = &self.exercise.rules;
        rules
            .get(self.predictions.len())
            .cloned()
            .unwrap_or_default()
    }

    /// Collects what is printed from now on. Returns what was collected so far.
    pub(in crate::script) fn collect(&mut self, text: Option<String>) -> Option<String> {
        std::mem::replace(&mut self.exercise.collected, text)
    }
}

impl Session {
    /// Sets the seed of the variant, which `lab.seed`, `vary` and `pick` show.
    pub fn set_seed(&mut self, seed: u64) {
        self.shared.between_runs(|state| state.exercise.seed = seed);
    }

    /// Sets what `args()` returns.
    pub fn set_args(&mut self, args: Vec<String>) {
        self.shared.between_runs(|state| state.exercise.args = args);
    }

    /// Answers the next predictions, in their order, instead of asking for them; those after them
    /// have no answer.
    pub fn answer_next(&mut self, answers: Vec<(Option<String>, Rule)>) {
        self.shared.between_runs(|state| {
            let made = state.predictions.len();
            let (answers, rules): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
            let before = std::iter::repeat_n(None, made);
            state.exercise.answers = Some(before.chain(answers).collect());
            let before = std::iter::repeat_n(Rule::default(), made);
            state.exercise.rules = before.chain(rules).collect();
        });
    }

    /// Compares the answers to the predictions to come by these rules, in their order.
    pub fn compare_by(&mut self, rules: Vec<Rule>) {
        self.shared
            .between_runs(|state| state.exercise.rules = rules);
    }

    /// Asks for the predictions to come.
    pub fn ask_again(&mut self) {
        self.shared.between_runs(|state| {
            state.exercise.answers = None;
            state.exercise.rules.clear();
        });
    }

    /// Brings in the files that scripts name from there.
    pub fn set_fetch(&mut self, fetch: Option<Fetch>) {
        self.shared.between_runs(|state| state.host.fetch = fetch);
    }

    /// Runs a script whose value is an object map, and returns its entries as answers.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn answers(&mut self, source: &str) -> Result<BTreeMap<String, String>, Failure> {
        self.begin_input();
        let value = self.evaluate(source)?;
        let map = value.try_cast::<Map>().unwrap_or_default();
        let as_answer = |(name, value): (Identifier, Dynamic)| {
            let text = match value.as_bool() {
                Ok(true) => "yes".to_owned(),
                Ok(false) => "no".to_owned(),
                Err(_) => self.text_of(value, "value.to_string()")?,
            };
            Ok((name.to_string(), text))
        };
        map.into_iter().map(as_answer).collect()
    }

    /// Lets the hand-in that is checked next change the kernel: this is its task.
    pub fn let_change_kernel(&mut self) {
        self.shared
            .between_runs(|state| state.exercise.changes_kernel = true);
    }

    /// Runs the checks of a task on a hand-in. The script of the checks knows the hand-in as the
    /// constant `submission`.
    pub fn check(&mut self, checks: &str, task: &str, handin: Handin) -> Checked {
        let Handin {
            script,
            name,
            files,
            fetch,
        } = handin;
        self.shared.between_runs(|state| {
            let exercise = &mut state.exercise;
            exercise.task = Some(task.to_owned());
            exercise.found = false;
            exercise.parts.clear();
            exercise.output.clear();
            exercise.files = files;
            exercise.fetch = fetch;
        });
        let submission = Submission::new(name, script);
        self.scope
            .push_constant_dynamic("submission", Dynamic::from(submission));
        let failure = self.run(checks).err();
        self.shared.between_runs(|state| {
            let exercise = &mut state.exercise;
            exercise.task = None;
            exercise.stage = Stage::Plain;
            Checked {
                parts: std::mem::take(&mut exercise.parts),
                failure,
                found: exercise.found,
            }
        })
    }
}

/// The script of a hand-in, as checks see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    pub(in crate::script) name: String,
    pub(in crate::script) text: String,
}

impl Submission {
    pub(in crate::script) fn new(name: String, text: String) -> Self {
        // As when a file is run, `#!` begins a comment.
        let text = match text.strip_prefix("#!") {
            Some(rest) => format!("//{rest}"),
            None => text,
        };
        Self { name, text }
    }
}

/// A failure of a hand-in in one line, with its place.
pub(in crate::script) fn told(failure: &Failure, name: &str) -> String {
    let mut text = String::new();
    if let Some((line, column)) = failure.position {
        // Writing to a string cannot fail.
        let _ = write!(text, "{name}:{line}:{column}: ");
    }
    text.push_str(&failure.message);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_written_as_short_as_they_can_be() {
        for (hundredths, text) in [
            (0, "0"),
            (100, "1"),
            (150, "1.5"),
            (75, "0.75"),
            (1005, "10.05"),
        ] {
            assert_eq!(Points::hundredths(hundredths).to_string(), text);
        }
        assert_eq!(Points::of(0.75), Some(Points::hundredths(75)));
        assert_eq!(Points::of(-1.0), None);
        assert_eq!(Points::of(f64::NAN), None);
    }
}
