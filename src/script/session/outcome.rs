//! The outcome of an action, in the one word that a prediction asks for, and which words are
//! synonyms.

use crate::abi::{Errno, Pid, Signal};
use crate::trace::{ForkStep, FrameUse, Placement, TraceEvent};

/// The question that a kind of action raises, and its answer this time. The question never depends
/// on the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::script) struct Asked {
    pub(in crate::script) question: &'static str,
    /// The possible answers, besides the names of errors and signals; empty if any answer is
    /// possible.
    pub(in crate::script) answers: &'static [&'static str],
    pub(in crate::script) answer: String,
}

const FORK: &str = "what runs next: parent, child, another task, or does the call fail?";
const FORK_ANSWERS: [&str; 4] = ["parent", "child", "another task", "error"];
const ACCESS: &str =
    "copy, reuse, new frame, zero page, file page, file copy, no fault or SIGSEGV?";
const ACCESS_ANSWERS: [&str; 8] = [
    "copy",
    "reuse",
    "new frame",
    "zero page",
    "file page",
    "file copy",
    "no fault",
    "SIGSEGV",
];
const VALUE: &str = "what does it return?";

/// The outcome that the events of an action show. `error` is the name of the error it threw, such
/// as `EINVAL` or `SIGSEGV`; `value` is what it returned, if anything.
pub(in crate::script) fn outcome(
    events: &[TraceEvent],
    error: Option<&str>,
    value: Option<&str>,
) -> Asked {
    let forks = events
        .iter()
        .any(|event| matches!(event, TraceEvent::DoForkStep { .. }));
    let calls = events
        .iter()
        .any(|event| matches!(event, TraceEvent::SysEnter { .. }));
    if forks {
        Asked {
            question: FORK,
            answers: &FORK_ANSWERS,
            answer: error.map_or_else(|| who_runs_next(events).to_owned(), str::to_owned),
        }
    } else if calls || (value.is_some() && faults(events).is_none()) {
        let answer = error.or(value).unwrap_or("nothing");
        Asked {
            question: VALUE,
            answers: &[],
            answer: answer.to_owned(),
        }
    } else {
        let answer = error.or_else(|| faults(events)).unwrap_or("no fault");
        Asked {
            question: ACCESS,
            answers: &ACCESS_ANSWERS,
            answer: answer.to_owned(),
        }
    }
}

fn who_runs_next(events: &[TraceEvent]) -> &'static str {
    let waits = events.iter().any(|event| {
        matches!(
            event,
            TraceEvent::DoForkStep {
                step: ForkStep::WaitForVfork
            }
        )
    });
    let woken = events
        .iter()
        .enumerate()
        .find_map(|(at, event)| match event {
            TraceEvent::SchedWakeupNew { pid, placement, .. } => Some((at, *pid, *placement)),
            _ => None,
        });
    match woken {
        Some((_, _, Placement::BeforeParent | Placement::ParentNotQueued)) => "child",
        Some((at, child, _)) if waits => match switched_to(&events[at..]) {
            Some(next) if next != child => "another task",
            _ => "child",
        },
        _ => "parent",
    }
}

fn switched_to(events: &[TraceEvent]) -> Option<Pid> {
    events.iter().find_map(|event| match event {
        TraceEvent::SchedSwitch { next, .. } => Some(*next),
        _ => None,
    })
}

/// The costliest thing that a fault caused.
fn faults(events: &[TraceEvent]) -> Option<&'static str> {
    let has = |wanted: fn(&TraceEvent) -> bool| events.iter().any(wanted);
    if has(|event| matches!(event, TraceEvent::SwapPage { .. })) {
        Some("swap in")
    } else if has(|event| matches!(event, TraceEvent::CowCopy { .. })) {
        Some("copy")
    } else if copies_a_file(events) {
        Some("file copy")
    } else if has(|event| matches!(event, TraceEvent::CowReuse { .. })) {
        Some("reuse")
    } else if has(|event| matches!(event, TraceEvent::AnonPage { .. })) {
        Some("new frame")
    } else if has(|event| matches!(event, TraceEvent::ZeroPageMap { .. })) {
        Some("zero page")
    } else if has(|event| matches!(event, TraceEvent::FilePage { .. })) {
        Some("file page")
    } else {
        None
    }
}

/// Whether a page of a file was mapped as a copy, so that a frame was allocated for it.
fn copies_a_file(events: &[TraceEvent]) -> bool {
    let user_frame = |event: &TraceEvent| {
        matches!(
            event,
            TraceEvent::PageAlloc {
                usage: FrameUse::User,
                ..
            }
        )
    };
    let mut allocated = false;
    events.iter().any(|event| match event {
        TraceEvent::PageFaultUser { .. } | TraceEvent::PageFaultKernel { .. } => {
            allocated = false;
            false
        }
        TraceEvent::FilePage { .. } => allocated,
        other => {
            allocated |= user_frame(other);
            false
        }
    })
}

/// Whether an answer is one of the possible ones. If none are listed, any is.
pub(in crate::script) fn is_possible(given: &str, answers: &[&str]) -> bool {
    let word = plain(given);
    let errors = Errno::ALL.iter().map(|error| error.name());
    let signals = Signal::NAMED.iter().map(|(name, _)| *name);
    let named = |name: &str| name.to_lowercase() == word;
    answers.is_empty()
        || answers.iter().any(|answer| means(given, answer))
        || errors.chain(signals).any(named)
}

/// Whether an answer means the same as the right one.
pub(in crate::script) fn means(given: &str, right: &str) -> bool {
    if right.starts_with('[') && items(given) == items(right) {
        return true;
    }
    let is_error = {
        let right = plain(right);
        right.starts_with('e') && right.len() > 3 && !right.contains(' ')
    };
    let (given, right) = (folded(given), folded(right));
    if given == right {
        return true;
    }
    match given.as_str() {
        "error" | "anerror" => is_error,
        "sigsegv" | "segv" | "segfault" | "segmentationfault" => right == "sigsegv",
        "demandzero" | "zeroedframe" | "frame" | "freshframe" | "newpage" => right == "newframe",
        "thezeropage" | "zero" => right == "zeropage",
        "pagecache" => right == "filepage",
        "privatecopy" => right == "filecopy",
        "nothing" | "none" | "ok" => right == "nofault",
        "cow" | "copied" => right == "copy",
        "reused" => right == "reuse",
        "another" | "other" | "neither" => right == "anothertask",
        "yes" | "y" | "true" => right == "yes" || right == "true",
        "no" | "n" | "false" => ["no", "false", "nofault"].contains(&right.as_str()),
        _ => false,
    }
}

/// The items of a list, with or without brackets and commas.
pub(super) fn items(text: &str) -> Vec<String> {
    let items = text.split(|c: char| c.is_whitespace() || "[],".contains(c));
    items.filter(|item| !item.is_empty()).map(plain).collect()
}

/// Lower case, single blanks, no surrounding quotes or dots.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ").to_lowercase();
    let text = text.trim_matches(['"', '.', '!', '?', '\'']);
    parse_int(text).map_or_else(|| text.to_owned(), |number| number.to_string())
}

/// Words without separators and plural endings: `zero pages` as `zeropage`.
fn folded(text: &str) -> String {
    let text = plain(text);
    if !text.contains(char::is_alphabetic) {
        return text;
    }
    let words = text
        .split([' ', '-', '_'])
        .map(|word| match word.strip_suffix("ies") {
            Some(stem) if stem.len() > 1 => format!("{stem}y"),
            _ if word.len() > 3 => word.strip_suffix('s').unwrap_or(word).to_owned(),
            _ => word.to_owned(),
        });
    words.collect()
}

/// An answer as a number, if it is one.
pub(super) fn number(text: &str) -> Option<i64> {
    parse_int(&plain(text))
}

fn parse_int(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.replace(',', "").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Name;
    use crate::trace::SwitchReason;

    #[test]
    fn whoever_is_switched_to_runs_next() {
        let vfork = |next| {
            [
                TraceEvent::SchedWakeupNew {
                    pid: Pid(5),
                    name: Name::default(),
                    prio: 125,
                    slice: 50,
                    sleep_avg: 0,
                    placement: Placement::TailSharedVm,
                    target_cpu: 0,
                    forced: false,
                },
                TraceEvent::DoForkStep {
                    step: ForkStep::WaitForVfork,
                },
                TraceEvent::SchedSwitch {
                    prev: Pid(2),
                    prev_name: Name::default(),
                    prev_prio: 125,
                    prev_state: 2,
                    next: Pid(next),
                    next_name: Name::default(),
                    next_prio: 125,
                    next_slice: 100,
                    next_static_prio: 120,
                    why: SwitchReason::Leaves,
                },
            ]
        };
        assert_eq!(who_runs_next(&vfork(5)), "child");
        assert_eq!(who_runs_next(&vfork(3)), "another task");
        assert_eq!(who_runs_next(&vfork(5)[..1]), "parent");
    }

    #[test]
    fn answers_mean_the_same_in_many_words() {
        for (given, right, same) in [
            ("copy", "copy", true),
            (" Copy. ", "copy", true),
            ("segfault", "SIGSEGV", true),
            ("error", "EINVAL", true),
            ("EINVAL", "EINVAL", true),
            ("error", "child", false),
            ("demand zero", "new frame", true),
            ("1,000", "1000", true),
            ("0x10", "16", true),
            ("[1,2]", "[1, 2]", true),
            ("5 2 3", "[5, 2, 3]", true),
            ("1,200", "[1, 200]", true),
            ("5 3 2", "[5, 2, 3]", false),
            ("52 3", "[5, 2, 3]", false),
            ("true", "yes", true),
            ("no", "false", true),
            ("n", "no", true),
            ("no", "no fault", true),
            ("no", "yes", false),
            ("neither", "another task", true),
            ("reuse", "copy", false),
            ("", "copy", false),
            ("Copies", "copy", true),
            ("newframe", "new frame", true),
            ("zero-pages", "zero page", true),
            ("no faults", "no fault", true),
            ("1 200", "1200", false),
            ("exited", "exited 0", false),
        ] {
            assert_eq!(means(given, right), same, "{given:?} {right:?}");
        }
    }

    #[test]
    fn only_known_answers_are_possible_where_there_are_some() {
        for (given, answers, possible) in [
            ("copi", &ACCESS_ANSWERS[..], false),
            ("Filepage", &ACCESS_ANSWERS, true),
            ("segfault", &ACCESS_ANSWERS, true),
            ("SIGBUS", &ACCESS_ANSWERS, true),
            ("child", &ACCESS_ANSWERS, false),
            ("eagain", &FORK_ANSWERS, true),
            ("eggain", &FORK_ANSWERS, false),
            ("neither", &FORK_ANSWERS, true),
            ("whatever", &[], true),
        ] {
            assert_eq!(is_possible(given, answers), possible, "{given}");
        }
    }
}
