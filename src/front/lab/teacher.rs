//! What teachers do with labs: find out whether they are sound, and begin new ones.

use super::steps::can_play;
use super::{End, Shelf, broken, work};
use crate::course::{Files, Lab, verify as faults_of};
use crate::front::cc;
use crate::front::exit_code::{FAILED, USAGE};
use crate::front::print::{complain, complain_painted, print_painted};
use crate::front::process::Process;
use crate::front::style::{paint_words, stderr_colors, stdout_colors, visible};
use crate::view::Role;
use std::path::{Component, Path, PathBuf};

/// Looks for everything that is wrong with the labs of some folders.
pub(super) fn verify(process: &Process, folders: &[PathBuf]) -> Result<String, End> {
    let color = stdout_colors();
    let mut wrong = 0;
    let mut seen = 0;
    let mut trouble = false;
    for folder in folders {
        let shelf = match Shelf::open(Some(folder)) {
            Ok(shelf) => shelf,
            Err(why) => {
                // The other folders are verified all the same.
                complain(&format!("forklab: {why}"));
                trouble = true;
                continue;
            }
        };
        for error in &shelf.broken {
            complain_painted(&broken(error, stderr_colors()));
        }
        wrong += shelf.broken.len();
        seen += shelf.broken.len();
        for lab in &shelf.labs {
            seen += 1;
            let lines = faults(process, &shelf, lab)?;
            wrong += usize::from(!lines.is_empty());
            let (word, role) = match lines.len() {
                0 => ("sound ", Role::Good),
                _ => ("faults", Role::Bad),
            };
            let variants = match lab.seeds {
                1 => String::new(),
                seeds => format!(", {seeds} variants"),
            };
            let head = format!(
                "{} {}: {} tasks, {} points{variants}",
                paint_words(word, role, color),
                visible(&lab.name),
                lab.tasks.len(),
                lab.points()
            );
            print_painted(&head)?;
            for line in lines {
                print_painted(&format!("    {}", visible(&line)))?;
            }
            for (folder, other) in &lab.others {
                if other.has_c() && !cc::is_there() {
                    let folder = visible(folder);
                    print_painted(&format!(
                        "    skipped: solution/{folder}, because there is no C compiler for i386"
                    ))?;
                }
            }
        }
    }
    if wrong > 0 {
        let have = if wrong == 1 { "has" } else { "have" };
        complain(&format!("forklab: {wrong} of {seen} labs {have} faults"));
    }
    if trouble {
        return Err(End::Code(USAGE));
    }
    if wrong > 0 {
        return Err(End::Code(FAILED));
    }
    Ok(String::new())
}

/// What is wrong with a lab, each in a line, followed by how to correct it.
fn faults(process: &Process, shelf: &Shelf, lab: &Lab) -> Result<Vec<String>, End> {
    let mut lines = Vec::new();
    for fault in work::with_grader(process, |grader| faults_of(lab, grader))? {
        lines.push(fault.to_string());
        lines.push(format!("    help: {}", fault.help));
    }
    if lines.is_empty()
        && let Err(why) = can_play(lab, process)
    {
        lines.push(why);
        let help = "functions stand before the statements that call them, and variables that are \
                    needed after going to an earlier moment are defined before it";
        lines.push(format!("    help: {help}"));
    }
    for other in shelf.labs.iter().filter(|other| other.name != lab.name) {
        if lab.is_twin_of(other) {
            lines.push(format!("{} has the same title or number", other.name));
            lines.push("    help: give each lab a number and a title of its own".to_owned());
        }
    }
    // A lab that is looked at alone does not show which others there are.
    if shelf.labs.len() > 1 {
        for need in &lab.needs {
            if shelf.find(need).is_err() {
                lines.push(format!("it needs {need}, but there is no such lab"));
                lines.push("    help: name the number or the folder of a lab".to_owned());
            }
        }
    }
    Ok(lines)
}

const MANIFEST: &str = r##"title = "@TITLE@"
minutes = 10
objective = "You learn what a first write to a page does."
needs = []
tags = ["memory"]
seeds = 3

[[task]]
id = "first_write"
kind = "predict"

[[task]]
id = "touch"
kind = "do"
points = 2
text = "Write `touch(sh)` in `answer.rhai`: it lets `sh` write to exactly one page of new memory."
"##;

const SCRIPT: &str = r##"// What learners see. Each predict belongs to one task that asks, in this order.
let pages = vary("pages", 2..=5);
let sh = spawn("sh");
let page = sh.mmap(pages * PAGE_SIZE);

print(`1. A shell (sh) has reserved ${pages} pages (page). It writes to the first.`);
predict(|| sh.write(page, 42));
print(why(sh, page));
"##;

const CHECKS: &str = r##"// Each check runs on a machine of its own. submission is what was handed in.
check("touch", |mark| {
    let sh = spawn("sh");
    let before = sh.mm.rss;
    submission.run("touch", [sh]);
    mark.expect(2, "new pages in memory", sh.mm.rss - before, 1);
});
"##;

const HINTS: &str = "# Hints\n\n## first_write\n\n1. Does the page have a frame before?\n\n\
                     ## touch\n\n1. `sh.mmap` reserves memory; what brings a page into it?\n";

const README: &str = "# @TITLE@\n\nWhat it is about, in your words.\n\n## Tasks\n\n1. Predict what \
                      the first write does.\n2. Write `touch(sh)` in `answer.rhai`.\n\n## Read \
                      on\n\n- The chapter of your book.\n";

const START: &str = "// Your answer.\n\nfn touch(sh) {\n}\n";

const SOLUTION: &str =
    "fn touch(sh) {\n    let page = sh.mmap(PAGE_SIZE);\n    sh.write(page, 1);\n}\n";

/// Makes the folder of a new lab.
pub(super) fn scaffold(folder: &Path) -> Result<String, End> {
    let leads_away = |part| !matches!(part, Component::Normal(_) | Component::CurDir);
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if folder.components().any(leads_away) || name.is_empty() || !name.chars().all(is_word) {
        let place = folder.display().to_string();
        let place = visible(&place);
        return Err(format!(
            "{place} is no name for a lab; name a folder below this one, of letters, digits and _: \
             forklab lab new 40_who_pays"
        )
        .into());
    }
    if folder.exists() {
        let place = folder.display();
        return Err(format!("{place} exists already and is left as it is").into());
    }
    let words = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let words = words.replace('_', " ");
    let mut letters = words.chars();
    let title: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    let title = if title.is_empty() { "New lab" } else { &title };
    let title: String = title
        .chars()
        .filter(|c| !"\"\\".contains(*c) && !c.is_control())
        .collect();
    let files: Files = [
        ("lab.toml", MANIFEST.replace("@TITLE@", &title)),
        ("README.md", README.replace("@TITLE@", &title)),
        ("lab.rhai", SCRIPT.to_owned()),
        ("check.rhai", CHECKS.to_owned()),
        ("hints.md", HINTS.to_owned()),
        ("start/answer.rhai", START.to_owned()),
        ("solution/answer.rhai", SOLUTION.to_owned()),
        (
            "solution/answers.toml",
            "first_write = \"new frame\"\n".to_owned(),
        ),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .collect();
    work::put_missing(folder, &files).map_err(|error| format!("{}: {error}", folder.display()))?;
    let place = folder.display().to_string();
    let place = visible(&place);
    Ok(format!(
        "{place}: a lab with two tasks, which you can change now\n\
         forklab lab verify {place}     find what is wrong with it\n\
         forklab lab --labs {place} start     be its student"
    ))
}
