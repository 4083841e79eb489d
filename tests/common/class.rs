//! A generated class for the lab of `tests/cheats/`: right, wrong and hostile hand-ins whose marks are
//! known.

use std::fs;
use std::path::Path;

const COPIES: &str = "fn two_copies(sh) { let a = sh.mmap(2 * PAGE_SIZE); sh.touch(a, 2); \
    let kid = sh.fork(); kid.write(a, 1); kid.write(a + PAGE_SIZE, 2); }\n";
const SCRIPT: &str = "spawn(\"sh\").fork();\n";
const PROGRAM: &str = "fn main() { fork(); exit(7); }\n";

/// A kind of hand-in: its script, its answer, and the points that it gets.
const KINDS: [(&[&str], &str, &str); 10] = [
    (&[SCRIPT, COPIES, PROGRAM], "3", "7"),
    (&[COPIES, PROGRAM], "4", "5"),
    (&[COPIES], "3", "4"),
    (&[PROGRAM], "three", "2"),
    (&["fn two_copies(sh) { sh.fork(); }\n"], "3", "1"),
    (
        &[
            "fn two_copies(sh) { let a = sh.mmap(4096); sh.write(a, 1); }\n",
            PROGRAM,
        ],
        "",
        "2",
    ),
    (&["fn two_copies(sh) { loop { } }\n", PROGRAM], "3", "3"),
    (
        &["fn two_copies(sh) { loop { sh = sh.fork(); } }\n"],
        "",
        "0",
    ),
    (
        &["fn two_copies(sh) { let s = \"x\"; loop { s += s; } }\n"],
        "3",
        "1",
    ),
    (&["fn two_copies(sh) {\n"], "3", "1"),
];

/// Writes a class of that size into a folder. Returns each student's name and points, in the order of
/// the names.
pub fn write_class(folder: &Path, size: usize) -> Vec<(String, &'static str)> {
    (0..size)
        .map(|nr| {
            let (script, answer, points) = KINDS[nr % KINDS.len()];
            let student = format!("s{nr:04}");
            let own = folder.join(&student);
            fs::create_dir_all(&own).unwrap();
            let text = format!("// Hand-in {nr}.\n{}", script.concat());
            fs::write(own.join("answer.rhai"), text).unwrap();
            if !answer.is_empty() {
                let answers = format!("children = \"{answer}\"\n");
                fs::write(own.join("answers.toml"), answers).unwrap();
            }
            (student, points)
        })
        .collect()
}
