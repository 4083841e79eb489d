//! The `task` lines of workload files: a name and options.

use super::line::{FileError, Line, Word};
use super::words::{nice, number_to, policy, tick};
use crate::abi::Policy;
use crate::kernel::fork::SpawnArgs;

/// The largest sleep average, in ms: `MAX_SLEEP_AVG`.
const MAX_PSA: u32 = 1000;

/// The options, as they are written.
const OPTIONS: [&str; 7] = [
    "nice=N",
    "policy=other|fifo|rr",
    "rt_prio=N",
    "start=T",
    "psa=MS",
    "cpu=N",
    "script=NAME",
];

/// A task as its line describes it. Workloads are run by root.
pub(super) struct TaskLine<'a> {
    pub(in crate::machine) name: Word<'a>,
    pub(in crate::machine) args: SpawnArgs,
    pub(in crate::machine) start: u64,
    /// The script that it follows instead of steps of its own.
    pub(in crate::machine) script: Option<Word<'a>>,
}

impl<'a> TaskLine<'a> {
    /// A task without options.
    pub(super) fn of_name(name: Word<'a>) -> Self {
        Self {
            name,
            args: SpawnArgs::new(name.text, 0),
            start: 0,
            script: None,
        }
    }

    /// Parses `task NAME [OPTION=VALUE]...`, for a machine with that many CPUs.
    pub(in crate::machine) fn read(line: &Line<'a>, cpus: u32) -> Result<Self, FileError> {
        let form = format!("task NAME [{}]", OPTIONS.join("] ["));
        let name = line.word(1, "task", &form)?;
        if name.text.contains('=') {
            let why = format!("{} is not a valid task name", name.text);
            return Err(line.error(1, why, &form));
        }
        let mut task = Self::of_name(name);
        let mut seen: Vec<Word> = Vec::new();
        for (place, word) in line.words.iter().enumerate().skip(2) {
            let unknown = || {
                let why = format!("{} is not an option of a task", word.text);
                line.error(place, why, &OPTIONS.join(", "))
            };
            let (key, value) = word.split_at_equals().ok_or_else(unknown)?;
            let expected = form_of(key.text).ok_or_else(unknown)?;
            if seen.iter().any(|known| known.text == key.text) {
                let why = format!("a second {}", key.text);
                return Err(line.error(place, why, "each option at most once"));
            }
            seen.push(key);
            task.set(key.text, value, cpus)
                .map_err(|why| line.error_at(value.column, why, expected))?;
        }
        task.check_policy(line, &seen)?;
        Ok(task)
    }

    /// Sets one of the options.
    fn set(&mut self, key: &str, value: Word<'a>, cpus: u32) -> Result<(), String> {
        let text = value.text;
        match key {
            "nice" => self.args.nice = nice(text)?,
            "policy" => self.args.policy = policy(text)?,
            "rt_prio" => self.args.rt_priority = number_to(text, 99)? as u8,
            "start" => self.start = tick(text)?,
            "psa" => self.args.parent_sleep_avg_ms = number_to(text, MAX_PSA)?,
            "cpu" => {
                let last = cpus.saturating_sub(1);
                let cpu = number_to(text, last)
                    .map_err(|_| format!("there is no CPU {text}; the last one is {last}"))?;
                self.args.cpu = cpu as u8;
            }
            _ => self.script = Some(value),
        }
        Ok(())
    }

    /// Checks that a real-time priority and a real-time policy are given together.
    fn check_policy(&self, line: &Line, seen: &[Word]) -> Result<(), FileError> {
        let column = |key| {
            let word = seen.iter().find(|word| word.text == key);
            word.map_or(self.name.column, |word| word.column)
        };
        let real_time = self.args.policy != Policy::Normal;
        match (real_time, self.args.rt_priority) {
            (true, 0) => {
                let why = format!("policy {} without a priority", self.args.policy.name());
                let expected = "rt_prio=N too, with N from 1 to 99";
                Err(line.error_at(column("policy"), why, expected))
            }
            (false, 1..) => {
                let why = "a real-time priority for policy other".to_owned();
                let expected = "policy=fifo or policy=rr too";
                Err(line.error_at(column("rt_prio"), why, expected))
            }
            _ => Ok(()),
        }
    }
}

/// How the option of that name is written.
fn form_of(key: &str) -> Option<&'static str> {
    OPTIONS
        .into_iter()
        .find(|form| form.split('=').next() == Some(key))
}
