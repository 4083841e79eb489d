//! Conventions of the source that a reader relies on and no lint of the compiler holds.

use crate::layers::rust_files;
use std::fs;
use std::path::{Path, PathBuf};

/// Complains of each line of a folder that a rule does not like, with what the rule says of it.
fn hold(folder: &str, rule: impl Fn(&str) -> Option<&'static str>) {
    complain(rust_files(Path::new(folder)), |source| source, rule);
}

/// The same, but for unit tests, where a table or a call may be plainer than its types.
fn hold_outside_tests(folder: &str, rule: impl Fn(&str) -> Option<&'static str>) {
    let mut files = rust_files(Path::new(folder));
    files.retain(|path| {
        let mut parts = path.iter().map(|part| part.to_string_lossy());
        !parts.any(|part| part.starts_with("tests"))
    });
    let code = |source: &str| source.find("#[cfg(test)]\nmod tests {");
    complain(
        files,
        |source| &source[..code(source).unwrap_or(source.len())],
        rule,
    );
}

fn complain(
    files: Vec<PathBuf>,
    part: impl Fn(&str) -> &str,
    rule: impl Fn(&str) -> Option<&'static str>,
) {
    let mut wrong = Vec::new();
    for path in files {
        let source = fs::read_to_string(&path).unwrap();
        for (number, line) in part(&source).lines().enumerate() {
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

/// Functions of std and of crates, which cannot take anything else.
const TAKE_A_BOOL: [&str; 19] = [
    "append",
    "auto_add_history",
    "create",
    "fill",
    "follow_links",
    "gen_fn_metadata_to_json",
    "global",
    "history_ignore_dups",
    "literal_separator",
    "push",
    "read",
    "set_branch_leading_zeros",
    "set_fail_on_invalid_map_property",
    "set_show_branch_size",
    "set_small_hex_numbers_in_decimal",
    "set_uppercase_hex",
    "store",
    "then_some",
    "unwrap_or",
];

/// The name of the function whose argument list is open at the end of a piece of a line; `None` if
/// none is, or a macro, a tuple or a variant.
fn callee(before: &str) -> Option<&str> {
    let mut depth = 0;
    let open = before.char_indices().rev().find_map(|(at, c)| {
        depth += match c {
            ')' | ']' | '}' => 1,
            '(' | '[' | '{' => -1,
            _ => 0,
        };
        (depth < 0).then_some(at)
    })?;
    let head = before[..open]
        .strip_suffix("::<()>")
        .unwrap_or(&before[..open]);
    let name = head
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    let is_function = name.starts_with(|c: char| c.is_lowercase());
    (before[open..].starts_with('(') && is_function).then_some(name)
}

/// What is wrong with a literal bool in a line.
fn literal_argument(line: &str) -> Option<&'static str> {
    let code = line.split("//").next().unwrap_or_default();
    let literals = ["true", "false"].into_iter().flat_map(|word| {
        code.match_indices(word)
            .map(move |(at, _)| (&code[..at], &code[at + word.len()..]))
    });
    let mut arguments = literals
        .filter(|(before, after)| before.ends_with(['(', ' ']) && after.starts_with([',', ')']))
        .filter(|(before, _)| before.trim_end().ends_with(['(', ',']))
        .filter_map(|(before, _)| callee(before));
    let bad = arguments.any(|name| !TAKE_A_BOOL.contains(&name));
    bad.then_some("a literal bool as an argument: an enum, or two functions")
}

#[test]
fn arguments_say_what_they_mean() {
    for (line, fine) in [
        ("self.line(pos, true);", false),
        ("let a = set(f(1, 2), false, &rest)?;", false),
        ("set_it(true)", false),
        ("options.set_uppercase_hex(false);", true),
        ("assert!(f(x), true)", true),
        ("Some(true)", true),
        ("let (a, b) = (1, true);", true),
        ("Facts { parent_queued: true, same_cpu }", true),
        ("f(1); // f(true)", true),
    ] {
        assert_eq!(literal_argument(line).is_none(), fine, "{line}");
    }
    hold_outside_tests("src", literal_argument);
}

/// With an object come counts that only its room keeps.
#[test]
fn objects_are_made_and_freed_in_their_room() {
    for (room, arenas) in [
        ("task", &["sighands", "signals"][..]),
        ("mm", &["mms", "anon_vmas", "anon_links"]),
        ("ipc", &["sem_undos"]),
        (
            "fs",
            &["files", "open_files", "inodes", "pipes", "fs", "namespaces"],
        ),
    ] {
        let makes_or_frees = |line: &str| {
            arenas.iter().any(|arena| {
                line.contains(&format!(".{arena}.insert("))
                    || line.contains(&format!(".{arena}.remove("))
            })
        };
        let mut files = rust_files(Path::new("src/kernel"));
        files.retain(|path| !path.starts_with(format!("src/kernel/{room}")));
        complain(
            files,
            |source| source,
            |line| makes_or_frees(line).then_some("the room of the object makes and frees it"),
        );
    }
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
