//! Job lists and fork actions in the notation of a well-known textbook's simulators:
//! `10,20,30` with a policy, and `a+b,b+c,c-`.

use super::Trouble;
use super::compare::Figures;
use std::fmt::Write;

/// The kernel's time slice for round robin at nice 0, ticks.
const RR_SLICE: u64 = 100;
/// The most jobs, and the longest one.
const MAX_JOBS: usize = 1000;
const MAX_LENGTH: u64 = 1_000_000;

const EXPECTED: &str = "lengths of jobs separated by commas, then a policy if one is wanted: \
     `10,20,30`, `10,20,30 FIFO`, `-l 10,20,30 -p RR -q 5`";

/// The policies that lists name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Policy {
    Fifo,
    Sjf,
    RoundRobin,
}

/// A list of jobs that all arrive at tick 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Jobs {
    lengths: Vec<u64>,
    policy: Option<Policy>,
    quantum: u64,
}

/// The words of a text with their places: line, the whole line, byte.
fn words(text: &str) -> impl Iterator<Item = (usize, &str, usize, &str)> {
    text.lines().enumerate().flat_map(|(number, line)| {
        let code = line.split('#').next().unwrap_or_default();
        code.split_whitespace().map(move |word| {
            let at = word.as_ptr() as usize - line.as_ptr() as usize;
            (number, line, at, word)
        })
    })
}

/// Whether a text is such a list: it begins with numbers separated by commas, or an option for them.
pub(super) fn is_jobs(text: &str) -> bool {
    let mut words = words(text).map(|(_, _, _, word)| word);
    let first = words.next().unwrap_or_default();
    let is_list = |word: &str| {
        let mut numbers = word.split(',');
        word.contains(',')
            && numbers.all(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
    };
    is_list(first)
        || ["-l", "-p", "-q"].contains(&first)
        || first.parse::<u64>().is_ok() && words.next().is_none_or(|next| policy(next).is_some())
}

fn policy(word: &str) -> Option<Policy> {
    match word.to_ascii_uppercase().as_str() {
        "FIFO" | "FCFS" => Some(Policy::Fifo),
        "SJF" => Some(Policy::Sjf),
        "RR" => Some(Policy::RoundRobin),
        _ => None,
    }
}

/// Reads a list of jobs.
///
/// # Errors
/// The first word that is not understood.
pub(super) fn read_jobs(text: &str) -> Result<Jobs, Trouble> {
    let mut jobs = Jobs {
        lengths: Vec::new(),
        policy: None,
        quantum: 1,
    };
    let mut option = "";
    for (number, line, at, word) in words(text) {
        let trouble = |at: usize, why: String| Trouble::at(number, line, at, why, EXPECTED);
        match (option, word) {
            ("" | "-l", _) if jobs.lengths.is_empty() && !word.starts_with('-') => {
                jobs.lengths = lengths(word).map_err(|(offset, why)| trouble(at + offset, why))?;
                option = "";
            }
            ("", "-l" | "-p" | "-q") => option = word,
            ("-q", _) => {
                let quantum = word
                    .parse()
                    .ok()
                    .filter(|quantum| (1..=RR_SLICE).contains(quantum));
                jobs.quantum = quantum.ok_or_else(|| {
                    trouble(at, format!("{word} is not a quantum from 1 to {RR_SLICE}"))
                })?;
                option = "";
            }
            ("" | "-p", _) if jobs.policy.is_none() => {
                let policy = policy(word);
                let policy = policy.ok_or_else(|| {
                    trouble(at, format!("{word} is not a policy: FIFO, SJF or RR"))
                })?;
                jobs.policy = Some(policy);
                option = "";
            }
            _ => return Err(trouble(at, format!("{word} is not expected here"))),
        }
    }
    if jobs.lengths.is_empty() {
        return Err(Trouble::at(0, "", 0, "no jobs".to_owned(), EXPECTED));
    }
    Ok(jobs)
}

fn lengths(word: &str) -> Result<Vec<u64>, (usize, String)> {
    let mut at = 0;
    let mut lengths = Vec::new();
    for number in word.split(',') {
        let length = number
            .parse()
            .ok()
            .filter(|length| (1..=MAX_LENGTH).contains(length));
        let length = length.ok_or_else(|| {
            (
                at,
                format!("{number:?} is not a length from 1 to {MAX_LENGTH}"),
            )
        })?;
        lengths.push(length);
        at += number.len() + 1;
    }
    if lengths.len() > MAX_JOBS {
        return Err((
            0,
            format!("{} jobs; at most {MAX_JOBS} are possible", lengths.len()),
        ));
    }
    Ok(lengths)
}

impl Jobs {
    /// Ticks of a unit of the list. For round robin, the quantum becomes the kernel's time slice.
    fn unit(&self) -> u64 {
        match self.policy {
            Some(Policy::RoundRobin) => RR_SLICE / self.quantum,
            _ => 1,
        }
    }

    /// The jobs in the order in which they are to run, with their numbers.
    fn order(&self) -> Vec<(usize, u64)> {
        let mut order: Vec<(usize, u64)> = self.lengths.iter().copied().enumerate().collect();
        if self.policy == Some(Policy::Sjf) {
            order.sort_by_key(|(_, length)| *length);
        }
        order
    }

    /// The jobs as a workload. Those of a policy are real-time tasks, the others ordinary ones.
    pub(super) fn workload(&self) -> String {
        let unit = self.unit();
        let total: u64 = self.lengths.iter().sum();
        let options = match self.policy {
            None => "",
            Some(Policy::Fifo | Policy::Sjf) => " policy=fifo rt_prio=1",
            Some(Policy::RoundRobin) => " policy=rr rt_prio=1",
        };
        // Writing to a string cannot fail.
        let mut text = String::new();
        let _ = writeln!(text, "horizon {}", total * unit + 1);
        for (job, length) in self.order() {
            let _ = writeln!(text, "task job{job}{options}\n  run {}", length * unit);
        }
        text
    }

    /// What the simulator of the textbook says of the policy.
    pub(super) fn figures(&self) -> Option<Vec<Figures>> {
        let policy = self.policy?;
        let unit = self.unit() as f64;
        let turn = match policy {
            Policy::RoundRobin => self.quantum,
            Policy::Fifo | Policy::Sjf => u64::MAX,
        };
        let order = self.order();
        let mut left: Vec<u64> = order.iter().map(|(_, length)| *length).collect();
        let mut figures: Vec<Figures> = order
            .iter()
            .map(|(job, length)| Figures {
                name: format!("job{job}"),
                ran: *length as f64 * unit,
                waited: 0.0,
                switches: 0,
            })
            .collect();
        let (mut now, mut last) = (0, usize::MAX);
        while left.iter().any(|left| *left > 0) {
            for job in 0..left.len() {
                let ran = left[job].min(turn);
                if ran == 0 {
                    continue;
                }
                left[job] -= ran;
                now += ran;
                figures[job].switches += u64::from(last != job);
                last = job;
                if left[job] == 0 {
                    let waited = now - order[job].1;
                    figures[job].waited = waited as f64 * unit;
                }
            }
        }
        Some(figures)
    }

    /// What is said of how the list is understood.
    pub(super) fn note(&self) -> String {
        let unit = self.unit();
        let ticks = if unit == 1 { "tick" } else { "ticks" };
        format!("a unit of the list is {unit} {ticks}")
    }
}

/// An action of a list of forks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action<'a> {
    Fork(&'a str, &'a str),
    Exit(&'a str),
}

/// Ticks between two actions.
const STEP: u64 = 10;

const FORKS: &str = "actions separated by commas: a+b forks b from a, b- lets b exit, as in \
     `a+b,b+c,c-`";

/// Whether a text is a list of forks.
pub(super) fn is_forks(text: &str) -> bool {
    let mut words = words(text)
        .map(|(_, _, _, word)| word)
        .filter(|word| *word != "-A");
    let Some(first) = words.next() else {
        return false;
    };
    first
        .split(',')
        .next()
        .is_some_and(|action| action_of(action).is_some())
}

fn action_of(text: &str) -> Option<Action<'_>> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 15
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if let Some((parent, child)) = text.split_once('+') {
        return (is_name(parent) && is_name(child)).then_some(Action::Fork(parent, child));
    }
    let name = text.strip_suffix('-')?;
    is_name(name).then_some(Action::Exit(name))
}

/// Reads a list of forks as a workload: each action happens ten ticks after the one before.
///
/// # Errors
/// The first action that is not understood or not possible.
pub(super) fn read_forks(text: &str) -> Result<String, Trouble> {
    let mut tasks: Vec<(&str, u64, Vec<String>, bool)> = Vec::new();
    let mut now = 0;
    let mut first = None;
    for (number, line, at, word) in words(text).filter(|(.., word)| *word != "-A") {
        let mut offset = at;
        for action in word.split(',').filter(|action| !action.is_empty()) {
            let trouble = |why: String| Trouble::at(number, line, offset, why, FORKS);
            let parsed = action_of(action);
            let parsed = parsed.ok_or_else(|| trouble(format!("{action:?} is not an action")))?;
            let (Action::Fork(who, _) | Action::Exit(who)) = parsed;
            if first.is_none() {
                first = Some(who);
                tasks.push((who, 0, Vec::new(), true));
            }
            now += STEP;
            let actor = tasks
                .iter_mut()
                .find(|(name, .., alive)| *name == who && *alive);
            let Some((_, since, steps, alive)) = actor else {
                return Err(trouble(format!("there is no process {who} at this point")));
            };
            steps.push(format!("sleep {}", now - *since));
            *since = now;
            match parsed {
                Action::Fork(_, child) => {
                    steps.push(format!("fork {child} {child}"));
                    if tasks.iter().any(|(name, ..)| *name == child) {
                        return Err(trouble(format!("there is already a process {child}")));
                    }
                    tasks.push((child, now, Vec::new(), true));
                }
                Action::Exit(_) => {
                    steps.push("exit".to_owned());
                    *alive = false;
                }
            }
            offset += action.len() + 1;
        }
    }
    let mut out = format!("horizon {}\n", now + STEP);
    for (place, (name, _, steps, alive)) in tasks.iter().enumerate() {
        let kind = if place == 0 { "task" } else { "script" };
        let _ = writeln!(out, "{kind} {name}");
        for step in steps {
            let _ = writeln!(out, "  {step}");
        }
        if *alive {
            out.push_str("  block\n");
        }
    }
    Ok(out)
}
