//! The difference between what a script printed and what it prints now, line by line.

use crate::front::style::{Colors, paint_words, visible};
use crate::view::Role;
use similar::{Algorithm, ChangeTag, DiffOp, capture_diff_slices, group_diff_ops};

/// Unchanged lines that are shown around a difference.
const CONTEXT: usize = 2;
/// The most lines of a difference that are shown.
const MAX_SHOWN: usize = 400;
/// Texts with more lines are not compared line by line: the time grows with the lines that differ
/// as well as with those that there are. A bound in time would make the output depend on the host.
const MAX_LINES: usize = 10_000;

/// The lines that differ, with a few around them: `-` marks old lines, `+` new ones.
pub(super) fn difference(was: &str, now: &str, color: Colors) -> String {
    let (was, now) = (lines_of(was), lines_of(now));
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

/// The lines of a text; an empty one has none.
fn lines_of(text: &str) -> Vec<&str> {
    let text = text.trim_end();
    let lines = text.split('\n');
    lines.filter(|_| !text.is_empty()).collect()
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
