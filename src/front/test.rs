//! `forklab test`: compares scripts with their snapshots, and shows differences in colour.

use super::diag::draw;
use super::exit_code::{FAILED, FINE, INTERRUPTED, USAGE};
use super::host_file::fetcher;
use super::print::{complain, output_failed, print_line, print_painted, reason};
use super::process::Process;
use super::run::{Source, plain_script};
use super::style::{Colors, paint_words, stdout_colors, visible};
use crate::lab::{Comparison, Script, Verdict, check, collect, stale};
use crate::script::Failure;
use crate::view::Role;
use similar::{Algorithm, ChangeTag, DiffOp, capture_diff_slices, group_diff_ops};
use std::path::{Path, PathBuf};

/// Unchanged lines that are shown around a difference.
const CONTEXT: usize = 2;
/// The most lines of a difference that are shown.
const MAX_SHOWN: usize = 400;
/// Texts with more lines are not compared line by line: the time grows with the lines that differ
/// as well as with those that there are. A bound in time would make the output depend on the host.
const MAX_LINES: usize = 10_000;

/// How many scripts had each outcome.
#[derive(Default)]
struct Tally {
    same: usize,
    differ: usize,
    unusable: usize,
}

/// Tests every script in the paths; returns 1 if one differs.
pub(super) fn run(process: &Process, paths: &[PathBuf], accept: bool) -> u8 {
    let color = stdout_colors();
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
        complain("forklab: no scripts (*.rhai) found");
        return USAGE;
    }
    if tally.unusable > 0 {
        USAGE
    } else if stale > 0 || (tally.differ > 0 && !accept) {
        FAILED
    } else {
        FINE
    }
}

/// The summary lines.
fn summary(tally: &Tally, stale: usize, accept: bool) -> Vec<String> {
    // `N passed, N failed` is a line that test runners recognize.
    let mut lines = vec![format!(
        "{} passed, {} failed",
        tally.same + if accept { tally.differ } else { 0 },
        tally.unusable + stale + if accept { 0 } else { tally.differ },
    )];
    if tally.differ > 0 {
        let word = if accept { "accepted" } else { "differ" };
        lines.push(format!("{} {word}", tally.differ));
        if !accept {
            let how = "forklab test --accept PATH accepts what a script prints now";
            lines.push(how.to_owned());
        }
    }
    lines
}

/// Tests a path; returns messages about stale snapshots, or the exit code to end with.
fn test_path(
    process: &Process,
    path: &Path,
    accept: bool,
    color: Colors,
    tally: &mut Tally,
) -> Result<Vec<String>, u8> {
    let scripts = collect(path).map_err(|error| {
        complain(&format!("forklab: {}: {}", path.display(), reason(&error)));
        USAGE
    })?;
    let plain = |failure: &Failure, name: &str, text: &str| draw(failure, name, text, Colors::Off);
    for script in scripts.clone() {
        let mut host = process.host(Box::new(|_| Ok(())));
        let folder = script.path.parent().unwrap_or(Path::new(""));
        host.fetch = Some(fetcher(folder.to_owned()));
        let verdict = match text_of(&script) {
            Ok(text) => check(script, &text, process.limits, host, plain, accept),
            Err(why) => Verdict {
                script,
                outcome: Comparison::Unusable(why),
            },
        };
        match &verdict.outcome {
            Comparison::Same => tally.same += 1,
            Comparison::Differs { .. } => tally.differ += 1,
            Comparison::Unusable(_) => tally.unusable += 1,
            Comparison::Interrupted => return Err(INTERRUPTED),
        }
        print_painted(&report(&verdict, accept, color))
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

/// The text of a script, as `forklab run` reads it.
fn text_of(script: &Script) -> Result<String, String> {
    if script.is_elsewhere {
        return Err("a link to a file outside of the folder is not followed".to_owned());
    }
    Source::of_path(script.path.clone())
        .read()
        .map(plain_script)
}

/// A line about a script, followed by the difference.
fn report(verdict: &Verdict, accept: bool, color: Colors) -> String {
    let label = visible(&verdict.script.label);
    match &verdict.outcome {
        Comparison::Same => format!("{} {label}", paint_words("same   ", Role::Good, color)),
        Comparison::Unusable(why) => {
            format!(
                "{} {label}: {}",
                paint_words("error  ", Role::Bad, color),
                visible(why)
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
            // What is accepted unseen may be a mistake in the script.
            let end = if *failed {
                ": it ends with an error"
            } else {
                ""
            };
            format!("{word} {label}{end}\n{}", difference(was, now, color))
        }
    }
}

/// The lines that differ, with a few around them: `-` marks old lines, `+` new ones.
fn difference(was: &str, now: &str, color: Colors) -> String {
    let was: Vec<&str> = was.trim_end().split('\n').collect();
    let now: Vec<&str> = now.trim_end().split('\n').collect();
    let ops = if was.len() + now.len() > MAX_LINES {
        common_ends(&was, &now)
    } else {
        capture_diff_slices(Algorithm::Myers, &was, &now)
    };
    let mut lines = Vec::new();
    for (nr, group) in group_diff_ops(ops, CONTEXT).iter().enumerate() {
        if nr > 0 {
            lines.push(paint_words("        ...", Role::Dim, color));
        }
        for change in group.iter().flat_map(|op| op.iter_changes(&was, &now)) {
            if lines.len() == MAX_SHOWN {
                let rest = "        ... the rest of the difference is not shown";
                lines.push(paint_words(rest, Role::Dim, color));
                return lines.join("\n");
            }
            // A carriage return would hide the line.
            let text = visible(change.value());
            lines.push(match change.tag() {
                ChangeTag::Delete => paint_words(&format!("      - {text}"), Role::Bad, color),
                ChangeTag::Insert => paint_words(&format!("      + {text}"), Role::Good, color),
                ChangeTag::Equal => format!("        {text}"),
            });
        }
    }
    lines.join("\n")
}

/// Everything between the lines that two texts begin and end with has changed.
fn common_ends(was: &[&str], now: &[&str]) -> Vec<DiffOp> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = was.iter().zip(now).take_while(same).count();
    let rest = was[head..].iter().rev().zip(now[head..].iter().rev());
    let tail = rest.take_while(same).count();
    let (old_len, new_len) = (was.len() - head - tail, now.len() - head - tail);
    vec![
        DiffOp::Equal {
            old_index: 0,
            new_index: 0,
            len: head,
        },
        DiffOp::Replace {
            old_index: head,
            old_len,
            new_index: head,
            new_len,
        },
        DiffOp::Equal {
            old_index: head + old_len,
            new_index: head + new_len,
            len: tail,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_was_and_what_is() {
        insta::assert_snapshot!(
            difference("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\nx\n4\n5\n6\n7\n8\n9\n10\n", Colors::Off),
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

    #[test]
    fn what_two_long_texts_have_in_common_at_their_ends_is_left_out() {
        let text = |first: &str, last: &str| {
            let same: String = (0..MAX_LINES).map(|nr| format!("{nr}\n")).collect();
            format!("1\n2\n3\n{first}\nsame\n{last}\n{same}")
        };
        insta::assert_snapshot!(difference(&text("a", "b"), &text("x", "y"), Colors::Off), @r"
                  2
                  3
                - a
                - same
                - b
                + x
                + same
                + y
                  0
                  1
        ");
    }

    #[test]
    fn a_long_text_may_contain_another() {
        let long = "same\n".repeat(MAX_LINES);
        let longer = format!("{long}same\n");
        insta::assert_snapshot!(difference(&long, &longer, Colors::Off), @r"
                  same
                  same
                + same
        ");
    }
}
