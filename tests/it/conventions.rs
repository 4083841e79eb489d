//! Conventions of the source that a reader relies on and no lint of the compiler holds.

use crate::layers::rust_files;
use std::fs;
use std::path::Path;

/// Complains of each line of a folder that a rule does not like, with what the rule says of it.
fn hold(folder: &str, rule: impl Fn(&str) -> Option<&'static str>) {
    let mut wrong = Vec::new();
    for path in rust_files(Path::new(folder)) {
        let source = fs::read_to_string(&path).unwrap();
        for (number, line) in source.lines().enumerate() {
            if let Some(why) = rule(line.trim()) {
                wrong.push(format!("{}:{}: {why}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The directories of the kernel's source that are cited.
const DIRECTORIES: [&str; 10] = [
    "arch/",
    "drivers/",
    "fs/",
    "include/",
    "init/",
    "ipc/",
    "kernel/",
    "lib/",
    "mm/",
    "security/",
];

/// Text outside of back ticks.
fn plain(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').step_by(2)
}

/// What is wrong with a line of a comment that cites the kernel.
fn bad_citation(line: &str) -> Option<&'static str> {
    let text = ["/// ", "//! ", "// "]
        .iter()
        .find_map(|mark| line.strip_prefix(mark))?;
    let is_file = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let of_kernel = DIRECTORIES.iter().any(|dir| word.starts_with(dir));
        of_kernel && [".c", ".h", ".S"].iter().any(|end| word.ends_with(end))
    };
    if plain(text).flat_map(str::split_whitespace).any(is_file) {
        return Some("a file of the kernel stands in back ticks");
    }
    let (before, cited) = text.split_once("Linux 2.6.12:")?;
    if !before.is_empty() {
        return Some("a citation begins its line");
    }
    let file = cited
        .strip_prefix(" `")
        .and_then(|rest| rest.split_once("`,"));
    if !file.is_some_and(|(file, _)| DIRECTORIES.iter().any(|dir| file.starts_with(dir))) {
        return Some("a citation names the file, then the function");
    }
    plain(cited)
        .any(|text| text.contains("()"))
        .then_some("a function of the kernel stands in back ticks")
}

#[test]
fn citations_have_one_spelling() {
    for folder in ["src", "tests", "benches"] {
        hold(folder, bad_citation);
    }
}

#[test]
fn a_choice_between_two_ways_is_an_if() {
    hold("src", |line| {
        let arm = line.starts_with("true => ") || line.starts_with("false => ");
        arm.then_some("a match on a bool")
    });
}

/// Counters say how often something has happened, not what: that the caller is told.
#[test]
fn nobody_finds_a_new_task_by_comparing_counters() {
    for folder in ["src/machine", "src/script"] {
        hold(folder, |line| {
            let code = line.split("//").next().unwrap_or_default();
            let looks = [
                "total_forks() ==",
                "total_forks() >",
                "total_forks() <",
                "last_pid",
            ];
            let looks = looks.iter().any(|words| code.contains(words));
            looks.then_some("the kernel hands new tasks over: Kernel::forked")
        });
    }
}

/// The trace may be as short as its reader likes: nothing but views and exports may depend on it.
#[test]
fn no_reason_of_a_refusal_is_read_from_the_trace() {
    hold("src/script/api", |line| {
        let reads = ["TraceEvent::CopyProcess", "TraceEvent::FailInjected"];
        let reads = reads.iter().any(|event| line.contains(event));
        reads.then_some("a failed call says why: SysError")
    });
}

/// The same for ends and for execs.
#[test]
fn nobody_finds_an_end_in_the_trace_or_an_exec_by_comparing_counters() {
    hold("src/script/api", |line| {
        let reads = [
            "TraceEvent::SchedProcessExit",
            "TraceEvent::SchedProcessFree",
        ];
        let reads = reads.iter().any(|event| line.contains(event));
        reads.then_some("the kernel keeps how a task ended: Kernel::ended")
    });
    hold("src/machine", |line| {
        let reads = line.contains("self_exec_id");
        reads.then_some("the kernel tells of an exec once: Kernel::take_execed")
    });
}

#[test]
fn what_is_wrong_with_citations_is_found() {
    for (line, fine) in [
        ("/// Linux 2.6.12: `mm/mmap.c`, `do_brk()`.", true),
        (
            "/// Linux 2.6.12: `fs/pipe.c`, the wake-ups of `PIPE_WAIT`.",
            true,
        ),
        ("/// As `kernel/fork.c` has it.", true),
        ("/// Linux 2.6.12: mm/mmap.c, `do_brk()`.", false),
        ("/// Linux 2.6.12: `do_brk()`.", false),
        ("/// Linux 2.6.12: `mm/mmap.c`, do_brk().", false),
        (
            "/// Maps pages. Linux 2.6.12: `mm/mmap.c`, `do_brk()`.",
            false,
        ),
        ("/// The checks of mm/mmap.c.", false),
    ] {
        assert_eq!(bad_citation(line).is_none(), fine, "{line}");
    }
}
