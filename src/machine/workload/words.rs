//! The syntax of workload steps: how each step is written, and which numbers and names are valid.

use super::steps_text::{ForkHow, Step};
use crate::abi::Policy;

/// Every step as it is written, with an example for those that take arguments.
const FORMS: [(&str, &str); 26] = [
    ("run N", "run 20"),
    ("sleep N", "sleep 5"),
    ("io N", "io 3"),
    ("every N", "every 100"),
    ("until T", "until 500"),
    ("block", ""),
    ("lock MUTEX", "lock m"),
    ("unlock MUTEX", "unlock m"),
    ("cond_wait CONDITION MUTEX", "cond_wait c m"),
    ("await SEMAPHORE", "await s"),
    ("post SEMAPHORE", "post s"),
    ("cond_signal CONDITION", "cond_signal c"),
    ("cond_broadcast CONDITION", "cond_broadcast c"),
    ("wake NAME", "wake A"),
    ("yield", ""),
    ("nice V", "nice 5"),
    ("renice NAME V", "renice A 5"),
    ("setsched POLICY P", "setsched rr 10"),
    ("fork CHILD SCRIPT", "fork B kid"),
    ("fork_vm CHILD SCRIPT", "fork_vm B kid"),
    ("vfork CHILD SCRIPT", "vfork B kid"),
    ("map ADDR N", "map 0x50000000 4"),
    ("touch ADDR N", "touch 0x50000000 4"),
    ("exec IMAGE", "exec true"),
    ("goto K", "goto 0; steps are counted from 0"),
    ("exit", ""),
];

/// Every step as it is written, for messages.
pub(super) fn forms() -> String {
    FORMS.map(|(form, _)| form).join(", ")
}

/// The first words of steps.
pub(super) fn step_names() -> impl Iterator<Item = &'static str> {
    FORMS.iter().filter_map(|(form, _)| form.split(' ').next())
}

/// How the step of that name is written.
pub(super) fn form_of(name: &str) -> Option<&'static str> {
    form_and_example(name).map(|(form, _)| form)
}

fn form_and_example(name: &str) -> Option<(&'static str, &'static str)> {
    let of_name = |(form, _): &(&str, &str)| form.split(' ').next() == Some(name);
    FORMS.into_iter().find(of_name)
}

/// Words that other systems use for a step.
const OTHER_WORDS: [(&str, &[&str]); 6] = [
    ("run", &["compute", "work", "cpu", "busy", "spin", "use"]),
    ("sleep", &["wait", "pause", "delay", "usleep", "nanosleep"]),
    ("fork", &["clone", "spawn", "child"]),
    ("yield", &["sched_yield"]),
    ("exit", &["end", "stop", "quit", "return"]),
    ("goto", &["loop", "repeat", "jump", "again"]),
];

/// Help for words that are not a step.
pub(super) fn step_help(words: &[&str]) -> String {
    let first = words.first().copied().unwrap_or_default();
    match (form_and_example(first), meant(first)) {
        (Some((form, "")), _) => format!("it is written {form}"),
        (Some((form, example)), _) => format!("it is written {form}, as in {example}"),
        (None, Some(name)) => {
            let step = [&[name], &words[1..]].concat().join(" ");
            format!("did you mean {step}? steps are {}", forms())
        }
        (None, None) => format!("steps are {}", forms()),
    }
}

/// The step that a word probably stands for.
fn meant(word: &str) -> Option<&'static str> {
    let other = OTHER_WORDS
        .iter()
        .find(|(_, others)| others.contains(&word));
    let most = word.chars().count().div_ceil(3);
    let distances = step_names().map(|name| (strsim::damerau_levenshtein(word, name), name));
    let nearest = distances.filter(|(distance, _)| *distance <= most).min();
    let nearest = nearest.filter(|_| !word.is_empty()).map(|(_, name)| name);
    other.map(|(name, _)| *name).or(nearest)
}

/// Words that are not a valid step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BadWord {
    /// Index of the wrong word, or one past the last if a word is missing.
    pub(in crate::machine) word: usize,
    /// What is wrong.
    pub(in crate::machine) why: String,
}

/// Parses one step. `scripts` are the names that fork can use, `len` the number of steps that goto
/// can reach.
pub(super) fn parse_step(words: &[&str], scripts: &[&str], len: usize) -> Result<Step, BadWord> {
    let fork = |how| fork(how, words, scripts);
    match words {
        ["run", _] => Ok(Step::Run(read(words, 1, ticks)?)),
        ["sleep", _] => Ok(Step::Sleep(read(words, 1, ticks)?)),
        ["io", _] => Ok(Step::Io(read(words, 1, ticks)?)),
        ["every", _] => Ok(Step::Every(read(words, 1, ticks)?)),
        ["until", _] => Ok(Step::Until(read(words, 1, tick)?)),
        ["block"] => Ok(Step::Block),
        ["lock", mutex] => Ok(Step::Lock((*mutex).to_owned())),
        ["unlock", mutex] => Ok(Step::Unlock((*mutex).to_owned())),
        ["cond_wait", condition, mutex] => {
            Ok(Step::Wait((*condition).to_owned(), (*mutex).to_owned()))
        }
        ["await", semaphore] => Ok(Step::Await((*semaphore).to_owned())),
        ["post", semaphore] => Ok(Step::Post((*semaphore).to_owned())),
        ["cond_signal", condition] => Ok(Step::Signal((*condition).to_owned())),
        ["cond_broadcast", condition] => Ok(Step::Broadcast((*condition).to_owned())),
        ["wake", name] => Ok(Step::Wake((*name).to_owned())),
        ["yield"] => Ok(Step::Yield),
        ["nice", _] => Ok(Step::Nice(read(words, 1, nice)?)),
        ["renice", name, _] => Ok(Step::Renice((*name).to_owned(), read(words, 2, nice)?)),
        ["setsched", _, _] => setsched(words),
        ["fork", _, _] => fork(ForkHow::Fork),
        ["fork_vm", _, _] => fork(ForkHow::ForkVm),
        ["vfork", _, _] => fork(ForkHow::Vfork),
        ["map", _, _] => Ok(Step::Map(read(words, 1, number)?, read(words, 2, number)?)),
        ["touch", _, _] => Ok(Step::Touch(
            read(words, 1, number)?,
            read(words, 2, number)?,
        )),
        ["exec", image] => Ok(Step::Exec((*image).to_owned())),
        ["goto", _] => Ok(Step::Goto(read(words, 1, |word| step_number(word, len))?)),
        ["exit"] => Ok(Step::Exit),
        _ => Err(no_step(words)),
    }
}

/// Parses the word at an index.
fn read<T>(
    words: &[&str],
    word: usize,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, BadWord> {
    parse(words[word]).map_err(|why| BadWord { word, why })
}

/// The error for an unknown first word, or for too few or too many arguments.
fn no_step(words: &[&str]) -> BadWord {
    let Some((form, name)) = words.first().and_then(|name| Some((form_of(name)?, *name))) else {
        return BadWord {
            word: 0,
            why: "no such step".to_owned(),
        };
    };
    let wanted = form.split(' ').count();
    let (word, trouble) = if words.len() < wanted {
        (words.len(), "too few words")
    } else {
        (wanted, "too many words")
    };
    BadWord {
        word,
        why: format!("{trouble} for {name}"),
    }
}

fn fork(how: ForkHow, words: &[&str], scripts: &[&str]) -> Result<Step, BadWord> {
    let script = read(words, 2, |name| script_number(name, scripts))?;
    Ok(Step::Fork {
        how,
        child: words[1].to_owned(),
        script,
    })
}

/// The index of a script among the existing ones.
pub(super) fn script_number(name: &str, scripts: &[&str]) -> Result<usize, String> {
    let found = scripts.iter().position(|known| *known == name);
    found.ok_or_else(|| match scripts {
        [] => format!("there is no script {name}; there are none"),
        _ => format!(
            "there is no script {name}; there are: {}",
            scripts.join(", ")
        ),
    })
}

fn step_number(word: &str, len: usize) -> Result<usize, String> {
    match number(word)? as usize {
        step if step < len => Ok(step),
        _ => Err(format!("the last step is {}", len.saturating_sub(1))),
    }
}

fn number(word: &str) -> Result<u32, String> {
    number_to(word, u32::MAX)
}

/// Parses a number from 0 up to a maximum.
pub(super) fn number_to(word: &str, max: u32) -> Result<u32, String> {
    let value = whole(word).and_then(|value| u32::try_from(value).ok());
    let value = value.filter(|value| *value <= max);
    value.ok_or_else(|| match max {
        0 => format!("{word} is not 0"),
        _ => format!("{word} is not a number from 0 to {max}"),
    })
}

fn whole(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

/// Parses a number of ticks that may be 0.
pub(in crate::machine) fn tick(word: &str) -> Result<u64, String> {
    whole(word).ok_or_else(|| format!("{word} is not a number of ticks"))
}

fn ticks(word: &str) -> Result<u64, String> {
    match tick(word)? {
        0 => Err("the number of ticks must be at least 1".to_owned()),
        ticks => Ok(ticks),
    }
}

pub(super) fn nice(word: &str) -> Result<i32, String> {
    let value = word.parse().ok().filter(|nice| (-20..=19).contains(nice));
    value.ok_or_else(|| format!("{word} is not a nice value from -20 to 19"))
}

pub(super) fn policy(word: &str) -> Result<Policy, String> {
    Policy::from_name(word).ok_or_else(|| format!("{word} is not a policy: other, fifo or rr"))
}

fn setsched(words: &[&str]) -> Result<Step, BadWord> {
    let policy = read(words, 1, policy)?;
    let prio = read(words, 2, |word| {
        let prio = number(word)?;
        let fits = match policy {
            Policy::Normal => prio == 0,
            Policy::Fifo | Policy::RoundRobin => (1..=99).contains(&prio),
        };
        if fits {
            Ok(prio as u8)
        } else {
            Err("the priority must be 0 for other, and 1 to 99 for fifo and rr".to_owned())
        }
    })?;
    Ok(Step::Setsched(policy, prio))
}
