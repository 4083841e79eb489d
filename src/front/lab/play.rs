//! A lab in the hands of a student, statement by statement: before a statement that predicts, its
//! questions are asked, and the machine can be looked at; afterwards it stays as it is.

use super::tell::word_for;
use super::work::{self, Work};
use crate::course::{Begun, Key, Lab, Task, key};
use crate::front::process::Process;
use crate::front::repl::split;
use crate::front::style::{Colors, paint_words, visible};
use crate::script::{Failure, Rule, Session, Share, Syntax};
use crate::view::Role;
use std::io;

/// A statement of the lab's script.
struct Step {
    text: String,
    /// How many predictions it makes.
    asks: usize,
}

/// A lab that is being worked on.
pub(in crate::front) struct Play {
    pub(in crate::front) work: Work,
    steps: Vec<Step>,
    key: Key,
    /// The step that comes next.
    at: usize,
    /// How many predictions there are before it.
    asked: usize,
    /// The answers to the predictions of the next step so far.
    given: Vec<Option<String>>,
    /// Whether the open question has been answered wrongly once.
    second: bool,
}

/// What comes next.
pub(in crate::front) enum Next {
    /// A question is open, or the script is over: this is to be shown.
    Told(String),
    /// The lab's script has failed.
    Failed(Failure),
}

/// Views that a student may name without parentheses while a question is open.
const VIEWS: [&str; 8] = [
    "ps", "runq", "pstree", "timeline", "trace", "meminfo", "history", "lru",
];

/// Whether a line is meant for the machine, and no answer.
pub(in crate::front) fn looks_around(line: &str) -> bool {
    let line = line.trim();
    line.contains('(') || line.starts_with("let ") || line.starts_with(':') || VIEWS.contains(&line)
}

/// The statements of a lab's script, with the predictions that they make; and the right answers.
///
/// # Errors
/// If the script fails.
fn steps(lab: &Lab, seed: u64, process: &Process) -> Result<(Vec<Step>, Key), String> {
    work::with_grader(process, |grader| {
        let key = key(lab, seed, grader)?;
        if let Some(failure) = &key.failure {
            return Err(format!("{} ends with an error: {failure}", Lab::SCRIPT));
        }
        let mut session = grader.session(lab, seed)?;
        // A statement may go to a moment before itself.
        session.remember();
        session.answer_next(Vec::new());
        let syntax = Syntax::new(&process.limits);
        let mut steps = Vec::new();
        for text in split(&lab.script, &syntax).pieces {
            let before = session.predictions().len();
            let run = session.run(&text);
            run.map_err(|failure| {
                let script = Lab::SCRIPT;
                format!("{script} cannot be run statement by statement: {failure}")
            })?;
            let asks = session.predictions().len() - before;
            steps.push(Step { text, asks });
        }
        Ok((steps, key))
    })
}

/// Whether the script of a lab can be run statement by statement.
///
/// # Errors
/// If not, why.
pub(in crate::front) fn can_play(lab: &Lab, process: &Process) -> Result<(), String> {
    steps(lab, 0, process).map(|_| ())
}

impl Play {
    /// Begins a lab, or goes on with it.
    ///
    /// # Errors
    /// Why it cannot be begun.
    pub(in crate::front) fn begin(work: Work, process: &Process) -> Result<Self, String> {
        let (steps, key) = steps(&work.lab, work.begun().seed, process)?;
        Ok(Self {
            work,
            steps,
            key,
            at: 0,
            asked: 0,
            given: Vec::new(),
            second: false,
        })
    }

    /// What is shown before the first question.
    pub(in crate::front) fn greeting(&self, color: Colors) -> String {
        let lab = &self.work.lab;
        let title = format!("Lab {}: {}", word_for(lab), lab.title);
        let folder = self.work.begun().folder.display().to_string();
        format!(
            "{}. {} minutes.\n{}\nBackground and tasks: readme\nYour files: {}",
            paint_words(&title, Role::Heading, color),
            lab.minutes,
            visible(lab.objective.trim()),
            visible(&folder),
        )
    }

    /// The task whose question is open, with its number among those that ask.
    fn open(&self) -> Option<(usize, &Task)> {
        let step = self.steps.get(self.at)?;
        if self.given.len() >= step.asks {
            return None;
        }
        let nth = self.asked + self.given.len();
        self.work.lab.asked().nth(nth).map(|task| (nth, task))
    }

    /// Whether a question is open.
    pub(in crate::front) fn is_asking(&self) -> bool {
        self.open().is_some()
    }

    /// The prompt while the lab is open.
    pub(in crate::front) fn prompt(&self) -> String {
        let lab = &self.work.lab;
        let done = self.work.begun().finished(lab);
        format!("lab {} [{done} of {}]", word_for(lab), lab.tasks.len())
    }

    /// The id of the task that a hint is wanted for.
    pub(in crate::front) fn task(&self) -> Option<&str> {
        self.open().map(|(_, task)| task.id.as_str())
    }

    /// Runs the script up to the next question.
    pub(in crate::front) fn advance(&mut self, session: &mut Session, color: Colors) -> Next {
        loop {
            if let Some((nth, task)) = self.open() {
                let kept = self.work.begun().answers.get(&task.id).cloned();
                match kept {
                    Some(kept) => self.given.push((!kept.is_empty()).then_some(kept)),
                    None => return Next::Told(self.question(nth, color)),
                }
                continue;
            }
            let Some(step) = self.steps.get(self.at) else {
                return Next::Told(self.end(color));
            };
            let rules = self.work.lab.asked().skip(self.asked);
            let given = std::mem::take(&mut self.given).into_iter();
            let answers: Vec<(Option<String>, Rule)> = given
                .zip(rules)
                .map(|(answer, task)| (answer, task.rule.clone()))
                .collect();
            session.answer_next(answers);
            session.begin_input();
            let line = format!(":lab {}", self.work.lab.name);
            let result = session.submit_file(&line, Lab::SCRIPT, &step.text);
            session.note_answer("");
            session.ask_again();
            self.asked += step.asks;
            self.at += 1;
            if let Err(failure) = result {
                self.at = self.steps.len();
                return Next::Failed(failure);
            }
        }
    }

    /// The open question.
    fn question(&self, nth: usize, color: Colors) -> String {
        let lab = &self.work.lab;
        let Some(task) = lab.asked().nth(nth) else {
            return String::new();
        };
        let place = lab.tasks.iter().position(|other| other.id == task.id);
        let place = format!("{} of {}", place.unwrap_or(nth) + 1, lab.tasks.len());
        let prediction = self.key.predictions.get(nth);
        let text = match task.text.trim() {
            "" => prediction.map_or("", |prediction| prediction.question.as_str()),
            text => text,
        };
        let mut lines = vec![format!(
            "{}  {}",
            paint_words(&place, Role::Heading, color),
            visible(text)
        )];
        let letters = ('a'..='z').zip(&task.rule.choices);
        lines.extend(letters.map(|(letter, choice)| format!("  {letter}  {}", visible(choice))));
        let how = "answer, or look around: ps, runq, why(task, address); hint; skip";
        lines.push(paint_words(how, Role::Dim, color));
        lines.join("\n")
    }

    /// What is left to do when the script is over.
    fn end(&self, color: Colors) -> String {
        let lab = &self.work.lab;
        let mut lines = Vec::new();
        for (place, task) in lab.tasks.iter().enumerate() {
            if task.kind.is_asked() {
                continue;
            }
            let place = format!("{} of {}", place + 1, lab.tasks.len());
            let points = if task.points == crate::script::Points::whole(1) {
                "1 point".to_owned()
            } else {
                format!("{} points", task.points)
            };
            lines.push(format!(
                "{}  {} ({points}): {}",
                paint_words(&place, Role::Heading, color),
                task.id,
                visible(task.text.trim())
            ));
        }
        let how = if lines.is_empty() {
            "the machine stays: try what you like; next begins the next lab"
        } else {
            "write it in your files, then: check. The machine stays, to try things at the prompt"
        };
        lines.push(paint_words(how, Role::Dim, color));
        lines.join("\n")
    }

    /// Takes an answer, or `None` to skip the question. Returns what to say at once, if the question
    /// stays open.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub(in crate::front) fn answer(
        &mut self,
        answer: Option<&str>,
        color: Colors,
    ) -> io::Result<Option<String>> {
        let Some((nth, task)) = self.open() else {
            return Ok(None);
        };
        let (id, rule) = (task.id.clone(), task.rule.clone());
        let right = self.key.predictions.get(nth).map(|it| it.answer.clone());
        let is_right = match (answer, &right) {
            (Some(answer), Some(right)) => rule.share(answer, right) == Share::ALL,
            _ => false,
        };
        if answer.is_some() && !is_right && !self.second {
            self.second = true;
            let words = paint_words("Not quite.", Role::Bad, color);
            return Ok(Some(format!("{words} Once more; or hint, or skip.")));
        }
        let was_second = std::mem::take(&mut self.second);
        let given = answer.map(|answer| answer.trim().to_owned());
        self.given.push(given.clone());
        self.work.change(|begun: &mut Begun| {
            begun
                .answers
                .insert(id.clone(), given.clone().unwrap_or_default());
            if was_second && is_right && !begun.second.contains(&id) {
                begun.second.push(id.clone());
            }
        })?;
        self.work.write_answers()?;
        Ok(None)
    }
}
