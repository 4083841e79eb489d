//! A lab in the hands of a student, statement by statement: before a statement that predicts, its
//! questions are asked, and the machine can be looked at; afterwards it stays as it is.

use super::steps::{Step, carry_out, steps};
use super::tell::word_for;
use super::work::Work;
use crate::course::{Begun, Key, Task};
use crate::front::process::Process;
use crate::front::style::{Colors, paint, paint_words, visible};
use crate::machine::Machine;
use crate::script::{Expected, Failure, Rule, Session, Share, function_docs};
use crate::view::{Role, Selection, Text, cell, trace};
use std::io;
use std::ops::Range;

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
    /// Whether the next step has failed and waits to be tried again.
    stopped: bool,
    /// The numbers of the events that led to the last question and came of it.
    last: Range<u64>,
}

/// What comes next.
pub(in crate::front) enum Next {
    /// A question is open, or the script is over: this is to be shown.
    Told(String),
    /// A statement of the lab's script has failed. What it has done is undone.
    Failed(Failure),
}

/// What a line is while a question is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::front) enum Meant {
    /// An answer.
    Answer,
    /// A look at the machine.
    Look,
    /// Neither: an answer would have another form.
    Neither(Expected),
}

/// The most events that an explanation shows.
const MAX_EVENTS: usize = 24;

/// The last events with these numbers.
fn events_in(machine: &Machine, numbers: &Range<u64>) -> Text {
    let selection = Selection {
        from_seq: numbers.start,
        ..Selection::default()
    };
    let mut shown = trace(machine, &selection);
    shown.events.retain(|event| event.seq < numbers.end);
    let earlier = shown.events.len().saturating_sub(MAX_EVENTS);
    shown.events.drain(..earlier);
    let mut text = shown.numbered();
    if earlier > 0 {
        let words = format!("... {earlier} earlier events; trace() shows all");
        text.lines.insert(0, cell(Role::Dim, words));
    }
    text
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
            stopped: false,
            last: 0..0,
        })
    }

    /// What is shown before the first question.
    pub(in crate::front) fn greeting(&self, color: Colors) -> String {
        let lab = &self.work.lab;
        let title = format!("Lab {}: {}", word_for(lab), lab.title);
        let begun = self.work.begun();
        let folder = begun.folder.display().to_string();
        let variant = match (lab.seeds, self.work.student()) {
            (..=1, _) => String::new(),
            (_, Some(student)) => {
                let student = visible(student);
                format!("\nYour variant: {}, that of {student}", begun.seed)
            }
            (_, None) => format!(
                "\nYour variant: {}, that of nobody. To hand it in, begin with your name: forklab \
                 lab start {} --student NAME",
                begun.seed,
                word_for(lab)
            ),
        };
        format!(
            "{}. {} minutes.\n{}{}\nBackground and tasks: readme\nYour files: {}",
            paint_words(&title, Role::Heading, color),
            lab.minutes,
            visible(lab.objective.trim()),
            variant,
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

    /// Whether a statement has failed and waits to be tried again.
    pub(in crate::front) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// What a line is while a question is open. An answer of the right form is one; names of
    /// variables and views look around, unless the question is about them.
    pub(in crate::front) fn meant(&self, line: &str, session: &Session) -> Meant {
        let line = line.trim();
        let Some((nth, task)) = self.open() else {
            return Meant::Look;
        };
        if line.contains('(') || line.starts_with("let ") || line.starts_with(':') {
            return Meant::Look;
        }
        let Some(prediction) = self.key.predictions.get(nth) else {
            return Meant::Answer;
        };
        let expected = prediction.expected(&task.rule);
        if expected != Expected::Words && expected.fits(line) {
            return Meant::Answer;
        }
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let (name, rest) = line.split_at(line.find(|c| !is_name(c)).unwrap_or(line.len()));
        let is_variable = session.has_variable(name);
        if is_variable && rest.starts_with(['.', '[']) {
            return Meant::Look;
        }
        let view = format!("{name}()");
        let is_view = || function_docs().iter().any(|doc| doc.signature == view);
        if rest.is_empty() && (is_variable || is_view()) {
            // Whether it is about names must not depend on which of them is right.
            let words = |text: &str| -> Vec<String> {
                let words = text.split(|c| !is_name(c));
                words.map(str::to_owned).collect()
            };
            let asks = format!("{} {}", task.text, prediction.question);
            let is_named = words(&asks).iter().any(|word| word == name);
            let of_names = words(&prediction.answer)
                .iter()
                .any(|word| session.has_variable(word));
            let is_right = task.rule.share(name, &prediction.answer) > Share::NOTHING;
            if expected == Expected::Words && (is_named || is_right || (is_variable && of_names)) {
                return Meant::Answer;
            }
            return Meant::Look;
        }
        if expected.fits(line) {
            return Meant::Answer;
        }
        Meant::Neither(expected)
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
            let before = session.standpoint();
            let result = carry_out(session, &self.work.lab, &step.text, answers.clone());
            self.stopped = result.is_err();
            if let Err(failure) = result {
                if let Some(before) = before {
                    session.come_back(before);
                }
                self.given = answers.into_iter().map(|(answer, _)| answer).collect();
                return Next::Failed(failure);
            }
            if step.asks > 0 {
                let now = session.machine(|machine| machine.kernel.log.event_seq());
                // A question about a value is decided by what happened before the one before.
                let same = now == self.last.end;
                let from = if same { self.last.start } else { self.last.end };
                self.last = from.min(now)..now;
            }
            self.asked += step.asks;
            self.at += 1;
        }
    }

    /// What is asked now, or left to do.
    pub(in crate::front) fn now(&self, color: Colors) -> String {
        match self.open() {
            Some((nth, _)) => self.question(nth, color),
            None => self.end(color),
        }
    }

    /// The events that led to the last answer, and those since then, which decide an open question.
    pub(in crate::front) fn explain(&self, session: &Session, color: Colors) -> String {
        let answered = self.last.clone();
        let parts = [
            ("the last question:", answered.clone()),
            ("since then:", answered.end..u64::MAX),
        ];
        let told = parts.into_iter().filter_map(|(heading, range)| {
            let events = session.machine(|machine| events_in(machine, &range));
            let heading = paint_words(heading, Role::Heading, color);
            (!events.lines.is_empty()).then(|| format!("{heading}\n{}", paint(&events, color)))
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() {
            return "the kernel has recorded no event yet".to_owned();
        }
        told.join("\n")
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
        let how = "answer, or look around: ps, runq, why(task, address); hint; explain; skip";
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
        let was_second = self.work.begun().tried.contains(&id);
        if let Some(answer) = answer
            && !is_right
            && !was_second
        {
            self.work.change(|begun| begun.tried.push(id.clone()))?;
            let items = right.and_then(|right| rule.items(answer, &right));
            let words = match items {
                Some((some @ 1.., of)) => format!("Partly right: {some} of {of}."),
                _ => "Not quite.".to_owned(),
            };
            let words = paint_words(&words, Role::Bad, color);
            return Ok(Some(format!("{words} Once more; or hint, or skip.")));
        }
        let given = answer.map(|answer| answer.trim().to_owned());
        self.given.push(given.clone());
        self.work.change(|begun: &mut Begun| {
            begun
                .answers
                .insert(id.clone(), given.clone().unwrap_or_default());
            begun.tried.retain(|tried| *tried != id);
            if was_second && is_right && !begun.second.contains(&id) {
                begun.second.push(id.clone());
            }
        })?;
        self.work.write_answers()?;
        Ok(None)
    }
}
