//! Grading: the mark of a submission. What it answers is compared with what the lab's script
//! measures; what it has written is looked at by the lab's checks, each task in a session of its own,
//! so that nothing that happens in one changes another.

use super::lab::Lab;
use super::manifest::{Kind, Task};
use super::mark::{Mark, Reason, Stopped, TaskMark};
use super::submission::Submission;
use crate::script::{
    Checked, Failure, FailureKind, Fetch, Handin, Host, Limit, Limits, Part, Points, Prediction,
    Session, Share,
};
use std::path::Path;

/// What grading needs of the outside world.
pub struct Grader<'a> {
    /// The limits of each run: the lab's script, and the checks of each task.
    pub limits: Limits,
    /// Makes the host of a run; what is printed is not looked at.
    pub host: &'a dyn Fn() -> Host,
    /// Brings in the files of a folder.
    pub fetch: &'a dyn Fn(&Path) -> Fetch,
    /// Whether C files can be compiled.
    pub compiles: &'a dyn Fn() -> bool,
}

/// Bytes of stack that a thread needs to grade any submission within these limits: the hand-in is
/// evaluated inside of the evaluation of the check.
pub fn stack(limits: &Limits) -> usize {
    limits.stack().saturating_mul(2)
}

/// The right answers of a variant, as the lab's script measures them. They depend on the seed, not on
/// the submission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// The seed of the variant.
    pub seed: u64,
    /// The predictions that the script asks for, in their order.
    pub predictions: Vec<Prediction>,
    /// Why the script ended early, if it did.
    pub failure: Option<Failure>,
}

impl Grader<'_> {
    /// A session on a fresh machine, whose output is not looked at.
    ///
    /// # Errors
    /// If no machine can be booted, in words for the user.
    pub fn session(&self, lab: &Lab, seed: u64) -> Result<Session, String> {
        let mut host = (self.host)();
        host.out = Box::new(|_| Ok(()));
        host.show = None;
        host.warn = None;
        host.ask = None;
        host.fetch = lab.folder.as_deref().map(self.fetch);
        let mut session = Session::with_host(self.limits, host)?;
        session.set_seed(seed);
        Ok(session)
    }
}

/// Measures the right answers of a variant.
///
/// # Errors
/// If no machine can be booted, in words for the user.
pub fn key(lab: &Lab, seed: u64, grader: &Grader) -> Result<Key, String> {
    let mut session = grader.session(lab, seed)?;
    session.set_name(Lab::SCRIPT);
    session.answer_next(Vec::new());
    let failure = match lab.asked().next() {
        Some(_) => session.run(&lab.script).err(),
        None => None,
    };
    Ok(Key {
        seed,
        predictions: session.predictions(),
        failure,
    })
}

/// The right submission for a variant: the files of the lab's solution, and what its script of
/// answers computes.
///
/// # Errors
/// Why the answers cannot be computed.
pub fn solution(lab: &Lab, seed: u64, grader: &Grader) -> Result<Submission, String> {
    let mut solution = lab.solution.clone();
    if let Some(script) = &lab.computed {
        let mut session = grader.session(lab, seed)?;
        let computed = session.answers(script);
        let computed = computed.map_err(|failure| format!("solution/answers.rhai: {failure}"))?;
        solution.answers.extend(computed);
    }
    Ok(solution)
}

/// Grades a submission.
///
/// # Errors
/// If no machine can be booted, in words for the user.
pub fn grade(
    lab: &Lab,
    submission: &Submission,
    key: &Key,
    grader: &Grader,
) -> Result<Mark, String> {
    let mut asked = 0;
    let mut tasks = Vec::new();
    for task in &lab.tasks {
        tasks.push(if task.kind.is_asked() {
            asked += 1;
            of_answer(task, submission, key, asked - 1)
        } else {
            of_writing(lab, task, submission, key.seed, grader)?
        });
    }
    let mut problems = submission.problems.clone();
    let known = |id: &String| lab.asked().any(|task| task.id == *id);
    let unknown = submission.answers.keys().filter(|id| !known(id));
    problems.extend(unknown.map(|id| format!("{}: no task asks for {id}", Submission::ANSWERS)));
    let record = submission.record.as_ref();
    Ok(Mark {
        notes: record.map_or_else(Vec::new, |record| record.notes(key.seed)),
        lab: lab.name.clone(),
        seed: key.seed,
        points: tasks.iter().map(|task| task.points).sum(),
        of: lab.points(),
        tasks,
        problems,
    })
}

impl TaskMark {
    fn of(task: &Task) -> Self {
        Self {
            id: task.id.clone(),
            kind: task.kind,
            points: Points::default(),
            of: task.points,
            reasons: Vec::new(),
            given: None,
            stopped: None,
        }
    }

    fn lose(&mut self, lost: Points, text: impl Into<String>) -> &mut Reason {
        self.reasons.push(Reason {
            lost,
            text: text.into(),
            help: None,
            expected: None,
        });
        // It has just been pushed.
        let last = self.reasons.len() - 1;
        &mut self.reasons[last]
    }
}

/// The mark of a task that asks.
fn of_answer(task: &Task, submission: &Submission, key: &Key, nth: usize) -> TaskMark {
    let mut mark = TaskMark::of(task);
    let Some(prediction) = key.predictions.get(nth) else {
        let why = match &key.failure {
            Some(failure) => format!("{}: {failure}", Lab::SCRIPT),
            None => format!("{} never asks for it", Lab::SCRIPT),
        };
        mark.lose(task.points, why);
        mark.stopped = Some(Stopped::Lab);
        return mark;
    };
    mark.given = submission.answers.get(&task.id).cloned();
    let given = mark
        .given
        .as_deref()
        .filter(|given| !given.trim().is_empty());
    let share = given.map_or(Share::NOTHING, |given| {
        task.rule.share(given, &prediction.answer)
    });
    mark.points = task.points.share(share);
    let lost = task.points.without(mark.points);
    if share < Share::ALL {
        let why = match (given, share) {
            (None, _) => "no answer".to_owned(),
            (Some(_), Share::NOTHING) => "the answer is wrong".to_owned(),
            (Some(_), share) => format!("{} % of the list is right", share.percent()),
        };
        mark.lose(lost, why).expected = Some(prediction.answer.clone());
    }
    mark
}

/// The mark of a task for which something is written.
fn of_writing(
    lab: &Lab,
    task: &Task,
    submission: &Submission,
    seed: u64,
    grader: &Grader,
) -> Result<TaskMark, String> {
    let mut mark = TaskMark::of(task);
    let (name, script) = match submission.script() {
        Ok(Some((name, script))) => (name.to_owned(), script),
        Ok(None) => (Submission::SCRIPT.to_owned(), String::new()),
        Err(why) => {
            mark.lose(task.points, why);
            return Ok(mark);
        }
    };
    let is_answer = |name: &String| name != Submission::ANSWERS;
    if !submission.files.keys().any(is_answer) {
        let why = format!("nothing is handed in: there is no {}", Submission::SCRIPT);
        mark.lose(task.points, why);
        return Ok(mark);
    }
    let mut session = grader.session(lab, seed)?;
    session.set_name(Lab::CHECKS);
    if task.kind == Kind::Kernel {
        session.let_change_kernel();
    }
    let handin = Handin {
        script,
        name,
        files: submission.files.keys().cloned().collect(),
        fetch: submission.folder.as_deref().map(grader.fetch),
    };
    let checked = session.check(&lab.checks, &task.id, handin);
    count(&mut mark, task, &checked, &grader.limits);
    Ok(mark)
}

/// Adds up the parts of a task.
fn count(mark: &mut TaskMark, task: &Task, checked: &Checked, limits: &Limits) {
    let given: Points = checked.parts.iter().map(|part| part.points).sum();
    let looked_at: Points = checked.parts.iter().map(|part| part.of).sum();
    mark.points = given.min(task.points);
    for part in &checked.parts {
        let Part {
            points,
            of,
            reason,
            expected,
        } = part;
        if points < of {
            mark.lose(of.without(*points), reason)
                .expected
                .clone_from(expected);
        }
    }
    if looked_at > task.points {
        let (file, of) = (Lab::MANIFEST, task.points);
        let why = format!("the checks give {looked_at} points, but {file} says {of}");
        mark.lose(Points::default(), why);
        mark.stopped = Some(Stopped::Lab);
        return;
    }
    let rest = task.points.without(looked_at);
    match &checked.failure {
        Some(failure) => {
            let reason = mark.lose(rest, failure.message.clone());
            reason.help.clone_from(&failure.help);
            mark.stopped = Some(stopped(failure, limits));
        }
        None if !checked.found => {
            mark.lose(
                rest,
                format!("{} has no check(\"{}\", ..)", Lab::CHECKS, task.id),
            );
            mark.stopped = Some(Stopped::Lab);
        }
        None if rest > Points::default() => {
            mark.lose(rest, "the checks ended early");
        }
        None => {}
    }
}

/// What a failure is for a report. Which limit was hit is known by its message.
fn stopped(failure: &Failure, limits: &Limits) -> Stopped {
    let is_hit = |limit: &Limit| Failure::of_limit(*limit, limits).message == failure.message;
    match failure.kind {
        FailureKind::Limit => {
            let limit = Limit::ALL.into_iter().find(is_hit);
            Stopped::Limit(limit.map_or("unknown", Limit::name).to_owned())
        }
        FailureKind::Panic => Stopped::Panic,
        FailureKind::Interrupted => Stopped::Interrupted,
        FailureKind::Script | FailureKind::Output(_) => Stopped::Error,
    }
}
