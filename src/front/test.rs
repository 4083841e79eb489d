//! `forklab test`: scripts against their snapshots, with a coloured difference.

use super::diag::{draw, visible};
use super::exit_code::{FAILED, FINE, INTERRUPTED, USAGE};
use super::print::{complain, output_failed, print_line, reason};
use super::process::Process;
use super::style::{paint_words, stdout_has_color};
use crate::lab::{Comparison, Verdict, check, collect, stale};
use crate::script::Failure;
use crate::view::Role;
use similar::{ChangeTag, TextDiff};
use std::path::{Path, PathBuf};

/// Unchanged lines that are shown around a difference.
const CONTEXT: usize = 2;

/// How many scripts there were of each kind.
#[derive(Default)]
struct Tally {
    same: usize,
    differ: usize,
    unusable: usize,
}

/// Tests every script of the paths; 1 if one differs.
pub(super) fn run(process: &Process, paths: &[PathBuf], accept: bool) -> u8 {
    let color = stdout_has_color();
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    for path in paths {
        match test_path(process, path, accept, color, &mut tally) {
            Ok(stale) => lines.extend(stale),
            Err(code) => return code,
        }
    }
    let stale = lines.len();
    lines.extend(summary(&tally, stale, accept));
    for line in lines {
        if let Err(error) = print_line(&line) {
            return output_failed(error.kind());
        }
    }
    if tally.same + tally.differ + tally.unusable == 0 {
        complain("forklab: there are no scripts (*.rhai) there");
        return USAGE;
    }
    let failed = tally.unusable + stale > 0 || (tally.differ > 0 && !accept);
    if failed { FAILED } else { FINE }
}

/// The closing lines.
fn summary(tally: &Tally, stale: usize, accept: bool) -> Vec<String> {
    // `N passed, N failed` is a closing line that test runners understand.
    let mut lines = vec![format!(
        "{} passed, {} failed",
        tally.same + if accept { tally.differ } else { 0 },
        tally.unusable + stale + if accept { 0 } else { tally.differ },
    )];
    if tally.differ > 0 {
        let word = if accept { "accepted" } else { "differ" };
        lines.push(format!("{} {word}", tally.differ));
        if !accept {
            let how = "forklab test --accept PATH takes what a script prints now as right";
            lines.push(how.to_owned());
        }
    }
    lines
}

/// Tests a path; returns what there is to say of stale snapshots, or the exit code to end with.
fn test_path(
    process: &Process,
    path: &Path,
    accept: bool,
    color: bool,
    tally: &mut Tally,
) -> Result<Vec<String>, u8> {
    let scripts = collect(path).map_err(|error| {
        complain(&format!("forklab: {}: {}", path.display(), reason(&error)));
        USAGE
    })?;
    let plain = |failure: &Failure, name: &str, text: &str| draw(failure, name, text, false);
    for script in scripts.clone() {
        let host = process.host(Box::new(|_| Ok(())));
        let verdict = check(script, process.limits, host, plain, accept);
        match &verdict.outcome {
            Comparison::Same => tally.same += 1,
            Comparison::Differs { .. } => tally.differ += 1,
            Comparison::Unusable(_) => tally.unusable += 1,
            Comparison::Interrupted => return Err(INTERRUPTED),
        }
        print_line(&report(&verdict, accept, color))
            .map_err(|error| output_failed(error.kind()))?;
    }
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let stale = stale(path, &scripts).unwrap_or_default();
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("stale   {name}: it belongs to no script")
    };
    Ok(stale.iter().map(name).collect())
}

/// A line for a script, and the difference below it.
fn report(verdict: &Verdict, accept: bool, color: bool) -> String {
    let label = &verdict.script.label;
    match &verdict.outcome {
        Comparison::Same => format!("{} {label}", paint_words("same   ", Role::Good, color)),
        Comparison::Unusable(why) => {
            format!(
                "{} {label}: {why}",
                paint_words("error  ", Role::Bad, color)
            )
        }
        Comparison::Interrupted => String::new(),
        Comparison::Differs { was, now, failed } => {
            let word = match (accept, was) {
                (true, _) => paint_words("accept ", Role::Good, color),
                (false, None) => paint_words("new    ", Role::Bad, color),
                (false, Some(_)) => paint_words("differs", Role::Bad, color),
            };
            let was = was.as_deref().unwrap_or_default();
            // What is accepted unseen may be a slip of the script's.
            let end = if *failed {
                ": it ends with an error"
            } else {
                ""
            };
            format!("{word} {label}{end}\n{}", difference(was, now, color))
        }
    }
}

/// The lines that differ, with a few around them: `-` was there, `+` is there now.
fn difference(was: &str, now: &str, color: bool) -> String {
    // The last line is a line like the others.
    let (was, now) = (
        was.trim_end().to_owned() + "\n",
        now.trim_end().to_owned() + "\n",
    );
    let diff = TextDiff::from_lines(&was, &now);
    let mut lines = Vec::new();
    for (nr, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if nr > 0 {
            lines.push(paint_words("        ...", Role::Dim, color));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            // A carriage return would hide the line.
            let text = visible(change.value().trim_end_matches('\n'));
            lines.push(match change.tag() {
                ChangeTag::Delete => paint_words(&format!("      - {text}"), Role::Bad, color),
                ChangeTag::Insert => paint_words(&format!("      + {text}"), Role::Good, color),
                ChangeTag::Equal => format!("        {text}"),
            });
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_was_and_what_is() {
        insta::assert_snapshot!(
            difference("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\nx\n4\n5\n6\n7\n8\n9\n10\n", false),
            @r"
                  1
                  2
                - 3
                + x
                  4
                  5
                  ...
                  8
                  9
                + 10
        "
        );
    }
}
