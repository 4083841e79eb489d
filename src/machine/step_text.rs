//! The text form of a workload's steps: `run 20`, `fork B kid`.

use super::workload::{ForkHow, Step};
use crate::abi::Policy;

/// How each step is written, with an example for those that take something.
const FORMS: [(&str, &str, &str); 17] = [
    ("run", "a number of ticks", "run 20"),
    ("sleep", "a number of ticks", "sleep 5"),
    ("io", "a number of ticks", "io 3"),
    ("block", "", "block"),
    ("wake", "the name of a task", "wake A"),
    ("yield", "", "yield"),
    ("nice", "a nice value", "nice 5"),
    (
        "renice",
        "the name of a task and a nice value",
        "renice A 5",
    ),
    ("setsched", "a policy and a priority", "setsched rr 10"),
    ("fork", "a name for the child and its script", "fork B kid"),
    (
        "fork_vm",
        "a name for the child and its script",
        "fork_vm B kid",
    ),
    (
        "vfork",
        "a name for the child and its script",
        "vfork B kid",
    ),
    (
        "map",
        "an address and a number of pages",
        "map 0x50000000 4",
    ),
    (
        "touch",
        "an address and a number of pages",
        "touch 0x50000000 4",
    ),
    ("exec", "a program", "exec true"),
    ("goto", "the number of a step", "goto 0"),
    ("exit", "", "exit"),
];

/// Words that others use for a step.
const OTHER_WORDS: [(&str, &[&str]); 6] = [
    ("run", &["compute", "work", "cpu", "busy", "spin", "use"]),
    ("sleep", &["wait", "pause", "delay", "usleep", "nanosleep"]),
    ("fork", &["clone", "spawn", "child"]),
    ("yield", &["sched_yield"]),
    ("exit", &["end", "stop", "quit", "return"]),
    ("goto", &["loop", "repeat", "jump", "again"]),
];

/// Why a text is no step, and what would be right.
pub(super) struct Wrong {
    pub(super) why: String,
    pub(super) help: String,
}

impl Wrong {
    fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            help: help.into(),
        }
    }
}

/// Reads one step. `scripts` are the names that fork can use, `len` the steps that goto can reach.
pub(super) fn parse_step(text: &str, scripts: &[&str], len: usize) -> Result<Step, Wrong> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let fork = |how, child: &str, script: &str| {
        let found = scripts.iter().position(|name| *name == script);
        let script = found.ok_or_else(|| {
            let known = format!("there are: {}", scripts.join(", "));
            Wrong::new(format!("there is no script {script}"), known)
        })?;
        Ok(Step::Fork {
            how,
            child: child.to_owned(),
            script,
        })
    };
    match words.as_slice() {
        ["run", n] => Ok(Step::Run(ticks(n)?)),
        ["sleep", n] => Ok(Step::Sleep(ticks(n)?)),
        ["io", n] => Ok(Step::Io(ticks(n)?)),
        ["block"] => Ok(Step::Block),
        ["wake", name] => Ok(Step::Wake((*name).to_owned())),
        ["yield"] => Ok(Step::Yield),
        ["nice", value] => Ok(Step::Nice(nice(value)?)),
        ["renice", name, value] => Ok(Step::Renice((*name).to_owned(), nice(value)?)),
        ["setsched", policy, prio] => setsched(policy, prio),
        ["fork", child, script] => fork(ForkHow::Fork, child, script),
        ["fork_vm", child, script] => fork(ForkHow::ForkVm, child, script),
        ["vfork", child, script] => fork(ForkHow::Vfork, child, script),
        ["map", addr, pages] => Ok(Step::Map(number(addr)?, number(pages)?)),
        ["touch", addr, pages] => Ok(Step::Touch(number(addr)?, number(pages)?)),
        ["exec", image] => Ok(Step::Exec((*image).to_owned())),
        ["goto", step] => goto(number(step)? as usize, len),
        ["exit"] => Ok(Step::Exit),
        _ => Err(no_step(&words)),
    }
}

/// What is wrong with words that are no step: too few or too many of them, or another first word.
fn no_step(words: &[&str]) -> Wrong {
    let first = words.first().copied().unwrap_or_default();
    if let Some((name, takes, example)) = FORMS.iter().find(|(name, ..)| *name == first) {
        let needs = if takes.is_empty() {
            "nothing more"
        } else {
            takes
        };
        return Wrong::new(format!("{name} needs {needs}"), format!("write {example}"));
    }
    let all = "steps are run N, sleep N, io N, block, wake NAME, yield, nice V, renice NAME V, \
               setsched POLICY P, fork|fork_vm|vfork CHILD SCRIPT, map ADDR N, touch ADDR N, exec \
               IMAGE, goto K, exit";
    let help = match meant(first) {
        Some(name) => format!(
            "did you mean {}? {all}",
            [&[name], &words[1..]].concat().join(" ")
        ),
        None => all.to_owned(),
    };
    Wrong::new("no such step", help)
}

/// The step that a word probably stands for.
fn meant(word: &str) -> Option<&'static str> {
    let other = OTHER_WORDS
        .iter()
        .find(|(_, others)| others.contains(&word));
    let most = word.chars().count().div_ceil(3);
    let distances = FORMS.iter().map(|(name, ..)| {
        let distance = strsim::damerau_levenshtein(word, name);
        (distance, *name)
    });
    let nearest = distances.filter(|(distance, _)| *distance <= most).min();
    let nearest = nearest.filter(|_| !word.is_empty()).map(|(_, name)| name);
    other.map(|(name, _)| *name).or(nearest)
}

fn goto(step: usize, len: usize) -> Result<Step, Wrong> {
    if step < len {
        return Ok(Step::Goto(step));
    }
    let last = len.saturating_sub(1);
    Err(Wrong::new(
        format!("the last step is {last}"),
        format!("steps are counted from 0: goto 0 to goto {last}"),
    ))
}

fn number(word: &str) -> Result<u32, Wrong> {
    let parsed = match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => word.parse(),
    };
    let help = "numbers are from 0 to 4294967295, or hexadecimal from 0x0 to 0xffffffff";
    parsed.map_err(|_| Wrong::new(format!("{word} is no number"), help))
}

fn ticks(word: &str) -> Result<u64, Wrong> {
    match number(word)? {
        0 => Err(Wrong::new(
            "0 ticks are none",
            "the number of ticks must be at least 1",
        )),
        ticks => Ok(u64::from(ticks)),
    }
}

fn nice(word: &str) -> Result<i32, Wrong> {
    let value = word.parse().ok().filter(|nice| (-20..=19).contains(nice));
    let wrong = || {
        Wrong::new(
            format!("{word} is no nice value"),
            "they are from -20 to 19",
        )
    };
    value.ok_or_else(wrong)
}

fn setsched(policy: &str, prio: &str) -> Result<Step, Wrong> {
    let wrong = || {
        Wrong::new(
            format!("{policy} is no policy"),
            "they are other, fifo and rr",
        )
    };
    let found = Policy::from_name(policy).ok_or_else(wrong)?;
    let prio = number(prio)?;
    let fits = if found == Policy::Normal {
        prio == 0
    } else {
        (1..=99).contains(&prio)
    };
    if !fits {
        let help = "the priority must be 0 for other, and 1 to 99 for fifo and rr";
        return Err(Wrong::new(
            format!("{policy} goes with another priority"),
            help,
        ));
    }
    Ok(Step::Setsched(found, prio as u8))
}

#[cfg(test)]
mod tests {
    use crate::machine::WorkloadProgram;

    fn parse(lines: &[&str]) -> Result<WorkloadProgram, String> {
        let scripts = [
            ("main".to_owned(), lines.to_vec()),
            ("kid".to_owned(), vec!["exit"]),
        ];
        let parsed = WorkloadProgram::parse(&scripts);
        parsed.map_err(|error| format!("{error}; {}", error.help))
    }

    #[test]
    fn every_step_can_be_read() {
        let lines = [
            "run 20",
            "sleep 5",
            "io 3",
            "block",
            "wake A",
            "yield",
            "nice -5",
            "renice A 3",
            "setsched rr 10",
            "fork B kid",
            "fork_vm B kid",
            "vfork B kid",
            "map 0x50000000 4",
            "touch 0x50000000 4",
            "exec true",
            "goto 0",
            "exit",
        ];
        assert_eq!(
            parse(&lines).unwrap().scripts().next().unwrap().1.len(),
            lines.len()
        );
    }

    #[test]
    fn a_bad_step_is_named_with_what_would_be_right() {
        for (line, why) in [
            ("run 0", "at least 1"),
            ("run x", "x is no number"),
            ("nice 20", "-20 to 19"),
            ("setsched fifo 0", "1 to 99"),
            ("setsched idle 1", "no policy"),
            ("fork B nobody", "there are: main, kid"),
            ("goto 1", "the last step is 0"),
            ("walk 3", "steps are run N"),
            ("wait 5", "no such step; did you mean sleep 5?"),
            ("rnu 5", "did you mean run 5?"),
            ("run", "run needs a number of ticks; write run 20"),
            ("exit 0", "exit needs nothing more"),
            ("", "no such step; steps are"),
        ] {
            let error = parse(&[line]).unwrap_err();
            assert!(error.starts_with("step 0 of main, "), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }
}
