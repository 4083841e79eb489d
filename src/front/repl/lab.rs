//! Labs at the prompt: while a question is open, a line is an answer to it, a command of the lab, or
//! a look at the machine, which changes nothing.

use super::shell::{Answer, Command, OnQuestion, Shell};
use crate::front::host_file::fetcher;
use crate::front::lab::{
    Begin, Meant, Next, Play, Shelf, Store, Work, begin_on, fitted, folded, list, next, word_for,
};
use crate::front::process::Process;
use crate::front::style::{Colors, paint_words};
use crate::view::Role;
use std::path::PathBuf;

/// What the prompt needs for labs, and the one that is open.
pub(super) struct Course {
    process: Process,
    /// The folder of the labs; without it, those of the binary.
    labs: Option<PathBuf>,
    play: Option<Play>,
}

impl Shell {
    /// Offers the labs of a folder, or those of the binary.
    pub(super) fn offer_labs(&mut self, process: Process, labs: Option<PathBuf>) {
        self.course = Some(Course {
            process,
            labs,
            play: None,
        });
    }

    /// What stands before the prompt while a lab is open.
    pub(super) fn lab_prompt(&self) -> String {
        let play = self.course.as_ref().and_then(|course| course.play.as_ref());
        play.map_or_else(String::new, |play| play.prompt() + " ")
    }

    /// Whether a question of a lab is open.
    pub(super) fn is_asked_by_lab(&self) -> bool {
        let play = self.course.as_ref().and_then(|course| course.play.as_ref());
        play.is_some_and(Play::is_asking)
    }

    /// Closes the lab that is open. Returns how to go on with it.
    pub(super) fn close_lab(&mut self) -> Option<String> {
        let play = self.course.as_mut()?.play.take()?;
        let word = word_for(&play.work.lab);
        Some(format!(
            "lab {word} is closed, and :lab {word} goes on with it"
        ))
    }

    /// The question of the lab that is open, on lines of its own.
    pub(super) fn open_question(&self) -> String {
        let play = self.course.as_ref().and_then(|course| course.play.as_ref());
        let asking = play.filter(|play| play.is_asking());
        asking.map_or_else(String::new, |play| {
            format!("\n{}", fitted(&play.now(Colors::On), self.columns))
        })
    }

    /// Begins a lab, closes it, or lists them.
    pub(super) fn lab(&mut self, word: &str, line: &str) -> Answer {
        if word == "close" {
            self.session.pass_over(line);
            return match self.close_lab() {
                Some(closed) => Answer::said(closed),
                None => self.refused("no lab is open; :lab lists them"),
            };
        }
        let Some(course) = &self.course else {
            return self.refused("there are no labs here");
        };
        let shelf = match Shelf::open(course.labs.as_deref()) {
            Ok(shelf) => shelf,
            Err(why) => return self.refused(&why),
        };
        let (store, complaint) = Store::open();
        if word.is_empty() {
            return Answer::said(list(&shelf.labs, store.progress(), Colors::On));
        }
        let lab = if word == "next" {
            let next = next(&shelf.labs, store.progress()).cloned();
            next.ok_or_else(|| "every lab is finished".to_owned())
        } else {
            shelf.find(word).cloned()
        };
        let process = course.process.clone();
        let begun = lab.and_then(|lab| {
            let work = Work::begin(lab, store, &Begin::default());
            let work = work.map_err(|error| error.to_string())?;
            Play::begin(work, &process)
        });
        let play = match begun {
            Ok(play) => play,
            Err(why) => return self.refused(&why),
        };
        let seed = play.work.begun().seed;
        if let Err(why) = begin_on(&mut self.session, &play.work.lab, seed) {
            return self.refused(&why);
        }
        let folder = play.work.lab.folder.clone();
        self.session.set_fetch(folder.map(fetcher));
        let mut greeting = play.greeting(Colors::Off);
        if let Some(complaint) = complaint {
            greeting = format!("{complaint}\n{greeting}");
        }
        if let Err(failure) = self.session.print(&fitted(&greeting, self.columns)) {
            return self.drawn(failure);
        }
        self.go_on(play)
    }

    /// Runs the lab up to its next question.
    fn go_on(&mut self, mut play: Play) -> Answer {
        let next = play.advance(&mut self.session, Colors::On);
        self.put_back(play);
        match next {
            Next::Told(text) => Answer::said(fitted(&text, self.columns)),
            Next::Failed(failure) => {
                let mut answer = self.drawn(failure);
                let how = "the lab stays open: retry tries this statement again; hint, check and \
                           solution work as before";
                answer.text.push('\n');
                let how = fitted(how, self.columns);
                answer.text += &paint_words(&how, Role::Dim, Colors::On);
                answer
            }
        }
    }

    /// Handles a line for the lab that is open, if it is meant for it.
    pub(super) fn of_lab(&mut self, line: &str) -> Option<Answer> {
        let course = self.course.as_mut()?;
        let play = course.play.as_ref()?;
        let asking = play.is_asking();
        let word = line.trim().trim_end_matches(';');
        let word = word.strip_prefix(':').unwrap_or(word).trim();
        // While a question is open, `why did that happen` wants the same as `why`.
        let first = word.split_whitespace().next().unwrap_or_default();
        let word = match first {
            "why" | "explain" if asking || word == first => "explain",
            _ => word,
        };
        let is_command = match word {
            "skip" => asking,
            "retry" => play.is_stopped(),
            _ => ["readme", "hint", "check", "solution", "next", "explain"].contains(&word),
        };
        let is_free = asking || !self.session.has_variable(first);
        if is_command && is_free {
            self.session.pass_over(line);
            return Some(self.command(word));
        }
        if !asking {
            return None;
        }
        match self.command_of(line).map(Command::on_an_open_question) {
            Some(OnQuestion::Obeyed) => return None,
            Some(OnQuestion::Refused) => {
                self.session.pass_over(line);
                return Some(self.refused("a question is open: answer it, skip it, or :quit"));
            }
            // It may well be an answer.
            None | Some(OnQuestion::Meant) => {}
        }
        let course = self.course.as_ref()?;
        Some(match course.play.as_ref()?.meant(line, &self.session) {
            Meant::Look => self.look(line),
            Meant::Answer => {
                self.session.pass_over(line);
                self.answer_lab(Some(line.trim()))
            }
            Meant::Neither(expected) => {
                self.session.pass_over(line);
                let line = line.trim();
                self.refused(&format!(
                    "{line} is no answer to this question, and does not count; it wants {expected}"
                ))
            }
        })
    }

    fn command(&mut self, word: &str) -> Answer {
        if word == "skip" {
            return self.answer_lab(None);
        }
        if word == "next" {
            return self.lab("next", ":lab next");
        }
        if word == "retry" {
            let play = self.course.as_mut().and_then(|course| course.play.take());
            return play.map_or_else(Answer::default, |play| self.go_on(play));
        }
        let Some(course) = &mut self.course else {
            return Answer::default();
        };
        let Some(play) = &mut course.play else {
            return Answer::default();
        };
        let columns = self.columns;
        let told = match word {
            "readme" => Ok(folded(&play.work.lab.readme, columns)),
            "hint" => {
                let task = play.task().map(str::to_owned);
                let hint = play.work.hint(task.as_deref());
                hint.map(|hint| fitted(&hint, columns))
                    .map_err(|error| error.to_string())
            }
            "explain" => Ok(play.explain(&self.session, Colors::On)),
            "check" => play.work.checked(&course.process, Colors::On),
            _ => play.work.solution(&course.process),
        };
        match told {
            Ok(text) => Answer::said(text),
            Err(why) => self.refused(&why),
        }
    }

    /// Answers the open question, or skips it.
    fn answer_lab(&mut self, answer: Option<&str>) -> Answer {
        let play = self.course.as_mut().and_then(|course| course.play.take());
        let Some(mut play) = play else {
            return Answer::default();
        };
        match play.answer(answer, Colors::On) {
            Ok(None) => self.go_on(play),
            Ok(Some(text)) => {
                self.put_back(play);
                Answer::said(text)
            }
            Err(error) => {
                self.put_back(play);
                self.refused(&format!("the answer cannot be kept: {error}"))
            }
        }
    }

    fn put_back(&mut self, play: Play) {
        if let Some(course) = &mut self.course {
            course.play = Some(play);
        }
    }

    /// Runs a line while a question is open. What it has changed is undone, and is not in the history.
    fn look(&mut self, line: &str) -> Answer {
        let before = self.session.standpoint();
        let mut answer = self.evaluate(line);
        self.note(&answer);
        if before.is_some_and(|before| self.session.come_back(before)) {
            let note = "undone, because the question is still open";
            if !answer.text.is_empty() {
                answer.text.push('\n');
            }
            answer
                .text
                .push_str(&paint_words(note, Role::Dim, Colors::On));
        }
        answer
    }
}
