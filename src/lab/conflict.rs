//! Merge conflicts that were left in a file.

/// The line of the first conflict in a text, from 1. A single marker may be the text's own.
pub(super) fn line_of_conflict(text: &str) -> Option<usize> {
    let mut begun = None;
    let mut is_halfway = false;
    for (nr, line) in text.lines().enumerate() {
        if line.starts_with("<<<<<<< ") {
            (begun, is_halfway) = (Some(nr + 1), false);
        } else if line == "=======" {
            is_halfway = begun.is_some();
        } else if line.starts_with(">>>>>>> ") && is_halfway {
            return begun;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_has_all_its_markers_in_order() {
        for (text, line) in [
            ("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\n", Some(2)),
            ("<<<<<<< a\n||||||| base\n=======\n>>>>>>> b", Some(1)),
            ("a\n=======\nb\n", None),
            ("<<<<<<< HEAD\nb\n", None),
            (">>>>>>> a\n=======\n<<<<<<< b\n", None),
        ] {
            assert_eq!(line_of_conflict(text), line, "{text}");
        }
    }
}
