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
    /// In parts of a unit, of which there are `parts`.
    lengths: Vec<u64>,
    /// 1, or 10, 100 or 1000 if lengths have decimals.
    parts: u64,
    policy: Option<Policy>,
    quantum: u64,
    /// Steps of processes and jobs that do I/O; those have no lengths.
    scripts: Vec<String>,
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

/// Whether a text is such a list: it begins with an option, with a number that a comma or a colon
/// follows, or with a lone number; or it is what a simulator prints.
pub(super) fn is_jobs(text: &str) -> bool {
    let mut words = words(text).map(|(_, _, _, word)| word);
    let first = words.next().unwrap_or_default();
    let begins = |c: char| {
        first
            .split(c)
            .next()
            .is_some_and(|part| part.parse::<f64>().is_ok())
    };
    let is_option = first.len() == 2 && first.starts_with('-');
    first == "ARG"
        || is_option
        || first.contains(',') && begins(',')
        || first.contains(':') && begins(':')
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
        parts: 1,
        policy: None,
        quantum: 1,
        scripts: Vec::new(),
    };
    let mut option = "";
    let mut list = None;
    let printed = printed(text);
    for (number, line, at, word) in printed.unwrap_or_else(|| words(text).collect()) {
        let trouble = |at: usize, why: String| Trouble::at(number, line, at, why, EXPECTED);
        match (option, word) {
            ("" | "-l", _) if list.is_none() && !word.starts_with('-') => {
                list = Some((number, line, at, word));
                option = "";
            }
            ("", "-l" | "-p" | "-q") => option = word,
            // To print the solution is what the simulators are asked to do with it.
            ("", "-c") => {}
            ("", "-s" | "-j" | "-m") => {
                let why = format!("{word}: jobs that are drawn need the random numbers of Python");
                return Err(trouble(at, why));
            }
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
    let Some((number, line, at, word)) = list else {
        return Err(Trouble::at(0, "", 0, "no jobs".to_owned(), EXPECTED));
    };
    let trouble = |(offset, why)| Trouble::at(number, line, at + offset, why, EXPECTED);
    if word.contains(':') {
        jobs.scripts = processes(word).map_err(trouble)?;
    } else {
        (jobs.lengths, jobs.parts) = lengths(word).map_err(trouble)?;
    }
    Ok(jobs)
}

/// The words that matter of what a simulator prints: the list behind `ARG jlist`, the policy and the
/// quantum; the rest only explains them.
fn printed(text: &str) -> Option<Vec<(usize, &str, usize, &str)>> {
    if !words(text).any(|(.., word)| word == "ARG") {
        return None;
    }
    let mut kept: Vec<(usize, &str, usize, &str)> = Vec::new();
    for (key, option) in [
        ("jlist", "-l"),
        ("policy", "-p"),
        ("quantum", "-q"),
        ("seed", "-s"),
    ] {
        let all: Vec<_> = words(text).collect();
        let behind = |pair: &&[(usize, &str, usize, &str)]| pair[0].3 == "ARG" && pair[1].3 == key;
        let Some(found) = all.windows(3).find(|three| behind(&&three[..2])) else {
            continue;
        };
        let (number, line, at, _) = found[1];
        if option == "-s" && !kept.is_empty() && kept.iter().any(|(.., word)| *word == "-l") {
            continue;
        }
        kept.push((number, line, at, option));
        kept.push(found[2]);
    }
    Some(kept)
}

/// Lengths with up to three decimals, and into how many parts they divide a unit.
fn lengths(word: &str) -> Result<(Vec<u64>, u64), (usize, String)> {
    let decimals = |number: &str| number.split_once('.').map_or(0, |(_, part)| part.len());
    let digits = word.split(',').map(decimals).max().unwrap_or(0);
    let parts = 10_u64.pow(digits.min(3) as u32);
    let mut at = 0;
    let mut lengths = Vec::new();
    for number in word.split(',') {
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let length = (is_number(whole) && is_number(part) && part.len() <= 3)
            .then(|| {
                format!("{part:0<3}")
                    .parse::<u64>()
                    .ok()
                    .zip(whole.parse::<u64>().ok())
            })
            .flatten()
            .and_then(|(part, whole)| whole.checked_mul(parts)?.checked_add(part * parts / 1000))
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
    Ok((lengths, parts))
}

/// Ticks of an I/O, as in the simulators.
const IO: u64 = 5;
/// The most steps of a process.
const MAX_STEPS: u64 = 10_000;

/// Processes such as `5:100,8:0`, instructions and percent of them that use the CPU, and jobs such as
/// `0,50,5:10,20,0`, start, length and time between I/Os: the lines of a workload file for each.
fn processes(word: &str) -> Result<Vec<String>, (usize, String)> {
    let first = word.split(':').next().unwrap_or_default();
    let (separator, inner) = if first.contains(',') {
        (':', ',')
    } else {
        (',', ':')
    };
    let mut at = 0;
    let mut scripts = Vec::new();
    for (nr, one) in word.split(separator).enumerate() {
        let wrong = |why: &str| (at, format!("{one:?} {why}"));
        let numbers: Option<Vec<u64>> = one.split(inner).map(|part| part.parse().ok()).collect();
        let steps = match numbers.as_deref() {
            Some([count @ (1..), 100]) if *count <= MAX_LENGTH => {
                format!("task process{nr}\n  run {count}\n")
            }
            Some([count @ (1..), 0]) if *count <= MAX_STEPS => {
                let io = format!("  run 1\n  io {IO}\n  run 1\n");
                format!("task process{nr}\n{}", io.repeat(*count as usize))
            }
            Some([_, _]) => {
                return Err(wrong(
                    "is not played: which instructions do I/O is drawn by Python's random numbers, \
                     unless it is 0 or 100 percent; if these are tickets, 2.6.12 has no lottery",
                ));
            }
            Some([start, length @ (1..), between]) if *length <= MAX_LENGTH => {
                let between = if *between == 0 { *length } else { *between };
                if length / between > MAX_STEPS || *start > MAX_LENGTH {
                    return Err(wrong("starts too late or has too many I/Os"));
                }
                let mut text = format!("task job{nr} start={start}\n");
                let mut left = *length;
                while left > 0 {
                    let run = left.min(between);
                    left -= run;
                    text += &format!("  run {run}\n");
                    if left > 0 {
                        text += &format!("  io {IO}\n");
                    }
                }
                text
            }
            _ => {
                return Err(wrong(
                    "is neither instructions:percent nor start,length,time between I/Os",
                ));
            }
        };
        scripts.push(steps);
        at += one.len() + 1;
        if scripts.len() > MAX_JOBS {
            return Err((0, format!("more than {MAX_JOBS} jobs")));
        }
    }
    Ok(scripts)
}

impl Jobs {
    /// Ticks of a unit of the list. For round robin, the quantum becomes the kernel's time slice.
    fn unit(&self) -> u64 {
        match self.policy {
            Some(Policy::RoundRobin) => RR_SLICE / self.quantum,
            _ => self.parts,
        }
    }

    /// Ticks of a length.
    fn ticks(&self, length: u64) -> u64 {
        (length * self.unit()).div_ceil(self.parts)
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
        let total: u64 = self.lengths.iter().map(|length| self.ticks(*length)).sum();
        let options = match self.policy {
            None => "",
            Some(Policy::Fifo | Policy::Sjf) => " policy=fifo rt_prio=1",
            Some(Policy::RoundRobin) => " policy=rr rt_prio=1",
        };
        // Writing to a string cannot fail.
        let mut text = String::new();
        if !self.scripts.is_empty() {
            let of = |line: &str| {
                let (_, ticks) = line.rsplit_once([' ', '='])?;
                ticks.parse::<u64>().ok()
            };
            let lines = self.scripts.iter().flat_map(|script| script.lines());
            let total: u64 = lines.filter_map(of).sum();
            let _ = writeln!(text, "horizon {}", total + 1);
            text.extend(self.scripts.iter().map(String::as_str));
            return text;
        }
        let _ = writeln!(text, "horizon {}", total + 1);
        for (job, length) in self.order() {
            let _ = writeln!(text, "task job{job}{options}\n  run {}", self.ticks(length));
        }
        text
    }

    /// What the simulator of the textbook says of the policy.
    pub(super) fn figures(&self) -> Option<Vec<Figures>> {
        let policy = self.policy?;
        if !self.scripts.is_empty() {
            return None;
        }
        let unit = self.unit() as f64 / self.parts as f64;
        let turn = match policy {
            Policy::RoundRobin => self.quantum * self.parts,
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
        if !self.scripts.is_empty() {
            return format!(
                "a unit of the list is 1 tick, an I/O takes {IO}; queues, quanta and policies of the \
                 simulator are left out"
            );
        }
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
        .filter(|word| !["-A", "ARG", "action_list"].contains(word));
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

/// The words with actions: all of them, or those behind `ARG action_list` of what a simulator prints.
fn actions(text: &str) -> impl Iterator<Item = (usize, &str, usize, &str)> {
    let key = "action_list";
    let printed = words(text).any(|(.., word)| word == key);
    let mut was = "";
    words(text).filter(move |(.., word)| {
        let before = std::mem::replace(&mut was, word);
        *word != "-A" && (!printed || before == key)
    })
}

/// Reads a list of forks as a workload: each action happens ten ticks after the one before.
///
/// # Errors
/// The first action that is not understood or not possible.
pub(super) fn read_forks(text: &str) -> Result<String, Trouble> {
    let mut tasks: Vec<(&str, u64, Vec<String>, bool)> = Vec::new();
    let mut now = 0;
    let mut first = None;
    for (number, line, at, word) in actions(text) {
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
