//! Workload files: the tasks of a run and their steps, as text. `docs/workloads.md` describes the
//! format.

use super::line::{FileError, Line, Word};
use super::steps_text::{Script, WorkloadProgram};
use super::task::TaskLine;
use super::words::{BadWord, form_of, forms, parse_step, script_number, step_names, tick};
use crate::kernel::fork::SpawnArgs;
use std::sync::Arc;

/// The contents of a workload file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkloadFile {
    /// The run ends after this tick.
    pub horizon: u64,
    /// The tasks, in the order of the file.
    pub tasks: Vec<ListedTask>,
}

/// A task listed in a workload file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedTask {
    /// The properties of the task.
    pub args: SpawnArgs,
    /// Ticks until it appears.
    pub start: u64,
    /// The steps that it follows.
    pub program: Arc<WorkloadProgram>,
}

impl WorkloadFile {
    /// Parses a workload file, for a machine with that many CPUs.
    ///
    /// # Errors
    /// The first error, with its place and what is expected there.
    pub fn parse(text: &str, cpus: u32) -> Result<Self, FileError> {
        let mut reader = Reader {
            cpus,
            ..Reader::default()
        };
        for (index, line) in text.lines().enumerate() {
            reader.line(Line::of(index + 1, line)?)?;
        }
        reader.finish()
    }
}

impl WorkloadProgram {
    /// Parses the steps of one task as text, one step per line, and the scripts of its children: a
    /// workload file without `horizon` and `task` lines.
    ///
    /// # Errors
    /// The first error, with its place and what is expected there.
    pub fn parse_text(text: &str) -> Result<Self, FileError> {
        let mut reader = Reader {
            cpus: 1,
            horizon: Some(0),
            ..Reader::default()
        };
        let main = Word {
            column: 1,
            text: "main",
        };
        reader.open(1, Owner::Task(TaskLine::of_name(main)));
        for (index, line) in text.lines().enumerate() {
            reader.line(Line::of(index + 1, line)?)?;
        }
        if reader.sections[0].steps.is_empty() {
            return Err(FileError {
                line: 1,
                column: 1,
                why: "no steps for the task itself".to_owned(),
                expected: format!("one step per line: {}", forms()),
            });
        }
        let mut tasks = reader.finish()?.tasks;
        Ok((*tasks.swap_remove(0).program).clone())
    }
}

/// Whether a text lists whole tasks, as a workload file does, and not only steps.
pub fn lists_tasks(text: &str) -> bool {
    let first_words = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    first_words
        .into_iter()
        .any(|word| ["task", "horizon"].contains(&word))
}

/// What a list of steps belongs to.
enum Owner<'a> {
    Script(Word<'a>),
    Task(TaskLine<'a>),
}

/// A `task` or `script` line and the steps below it.
struct Section<'a> {
    /// The number of its line.
    line: usize,
    owner: Owner<'a>,
    steps: Vec<Line<'a>>,
}

/// A file as far as it has been parsed.
#[derive(Default)]
struct Reader<'a> {
    cpus: u32,
    horizon: Option<u64>,
    sections: Vec<Section<'a>>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: Line<'a>) -> Result<(), FileError> {
        let Some(first) = line.words.first() else {
            return Ok(());
        };
        match first.text {
            "horizon" => self.horizon(&line),
            "task" => {
                let task = TaskLine::read(&line, self.cpus)?;
                self.open(line.number, Owner::Task(task));
                Ok(())
            }
            "script" => self.script(&line),
            name if form_of(name).is_some() => self.step(line),
            name => Err(line.error(0, unknown(name), &lines_there_are())),
        }
    }

    fn open(&mut self, line: usize, owner: Owner<'a>) {
        self.sections.push(Section {
            line,
            owner,
            steps: Vec::new(),
        });
    }

    fn horizon(&mut self, line: &Line<'a>) -> Result<(), FileError> {
        let expected = "horizon H, once: H is the last tick of the run";
        let ticks = line.only_word(1, "horizon", expected)?;
        if self.horizon.is_some() {
            return Err(line.error(0, "a second horizon".to_owned(), expected));
        }
        let ticks = tick(ticks.text).map_err(|why| line.error(1, why, expected))?;
        self.horizon = Some(ticks);
        Ok(())
    }

    fn script(&mut self, line: &Line<'a>) -> Result<(), FileError> {
        let name = line.only_word(
            1,
            "script",
            "script NAME, with its steps on the lines below",
        )?;
        let same = |section: &&Section| matches!(section.owner, Owner::Script(known) if known.text == name.text);
        if let Some(first) = self.sections.iter().find(same) {
            let why = format!(
                "script {} is already defined on line {}",
                name.text, first.line
            );
            return Err(line.error(1, why, "another name"));
        }
        self.open(line.number, Owner::Script(name));
        Ok(())
    }

    fn step(&mut self, line: Line<'a>) -> Result<(), FileError> {
        let Some(section) = self.sections.last_mut() else {
            let why = "a step that belongs to no task".to_owned();
            return Err(line.error(0, why, "task NAME or script NAME on a line above"));
        };
        if let Owner::Task(TaskLine {
            name,
            script: Some(script),
            ..
        }) = &section.owner
        {
            let why = format!(
                "a step for {}, which follows script {}",
                name.text, script.text
            );
            let expected = "either script=NAME on the line of the task, or steps below it";
            return Err(line.error(0, why, expected));
        }
        section.steps.push(line);
        Ok(())
    }

    /// Resolves what is known once the last line is read: which scripts there are.
    fn finish(self) -> Result<WorkloadFile, FileError> {
        let horizon = self.horizon.ok_or_else(|| FileError {
            line: 1,
            column: 1,
            why: "the file does not say when the run ends".to_owned(),
            expected: "a line horizon H: H is the last tick of the run".to_owned(),
        })?;
        let names: Vec<&str> = self
            .sections
            .iter()
            .filter_map(Section::script_name)
            .collect();
        let mut scripts: Vec<Script> = Vec::new();
        let mut own: Vec<Script> = Vec::new();
        for section in &self.sections {
            let steps = section.read_steps(&names)?.into();
            match &section.owner {
                Owner::Script(name) => scripts.push((name.text.to_owned(), steps)),
                Owner::Task(task) => own.push((task.name.text.to_owned(), steps)),
            }
        }
        // Forks refer to scripts by index, so the tasks' own steps come after the scripts.
        scripts.extend(own);
        let scripts = Arc::new(scripts);
        let mut tasks = Vec::new();
        for section in &self.sections {
            if let Owner::Task(task) = &section.owner {
                let start = match task.script {
                    Some(script) => section.script_of(script, &names)?,
                    None => names.len() + tasks.len(),
                };
                tasks.push(ListedTask {
                    args: task.args.clone(),
                    start: task.start,
                    program: Arc::new(WorkloadProgram::starting_at(scripts.clone(), start)),
                });
            }
        }
        Ok(WorkloadFile { horizon, tasks })
    }
}

impl<'a> Section<'a> {
    const fn script_name(&self) -> Option<&'a str> {
        match &self.owner {
            Owner::Script(name) => Some(name.text),
            Owner::Task(_) => None,
        }
    }

    fn read_steps(&self, scripts: &[&str]) -> Result<Vec<crate::machine::Step>, FileError> {
        let read = |line: &Line| {
            let words: Vec<&str> = line.words.iter().map(|word| word.text).collect();
            parse_step(&words, scripts, self.steps.len()).map_err(|BadWord { word, why }| {
                let expected = form_of(words[0]).unwrap_or("a step");
                line.error(word, why, expected)
            })
        };
        self.steps.iter().map(read).collect()
    }

    /// The index of the script named on the line of a task.
    fn script_of(&self, script: Word, scripts: &[&str]) -> Result<usize, FileError> {
        script_number(script.text, scripts).map_err(|why| FileError {
            line: self.line,
            column: script.column,
            why,
            expected: "the name of a script of this file".to_owned(),
        })
    }
}

/// The error for an unknown first word, with the one that was probably meant.
fn unknown(name: &str) -> String {
    let known = ["horizon", "task", "script"]
        .into_iter()
        .chain(step_names());
    let close = known
        .map(|word| (strsim::damerau_levenshtein(word, name), word))
        .min()
        .filter(|(distance, word)| distance * 2 < word.len());
    match close {
        Some((_, word)) => format!("there is no line {name}; did you mean {word}?"),
        None => format!("there is no line {name}"),
    }
}

fn lines_there_are() -> String {
    format!("horizon H, task NAME, script NAME, or a step: {}", forms())
}
