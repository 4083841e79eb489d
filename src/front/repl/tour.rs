//! What a newcomer may type first.

use crate::front::style::{Colors, paint_words};
use crate::view::Role;

/// A line to type, and what it shows.
const STEPS: [(&str, &str); 10] = [
    (
        r#"let sh = spawn("sh")"#,
        "a task that does only what you call",
    ),
    (
        "let a = sh.mmap(4*KiB)",
        "memory is reserved; no frame is allocated yet",
    ),
    ("sh.write(a, 42)", "the first write faults and gets a frame"),
    ("let kid = sh.fork()", "a child; no frame is copied"),
    ("kid.why(a)", "from CR3 to the outcome of the next write"),
    ("kid.write(a, 7)", "copy on write"),
    (
        "[sh.read(a), kid.read(a)]",
        "two tasks, one address, two values",
    ),
    ("predict(|| sh.write(a, 43))", "predict first, then see"),
    (
        "path(|| sh.vfork())",
        "every step of do_fork, and why others were not taken",
    ),
    ("undo", "undo the last line"),
];

/// The lines, in the order in which to type them.
pub(super) fn text(color: Colors) -> String {
    let width = STEPS.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    let mut lines = vec!["Type these lines one by one:".to_owned()];
    lines.extend(STEPS.iter().map(|(line, what)| {
        let what = paint_words(what, Role::Dim, color);
        format!("  {line:width$}  {what}")
    }));
    lines.push("ps, runq, pstree and timeline show the machine; help lists everything.".to_owned());
    lines.join("\n")
}
