//! `forklab grade`: no cheat gets points or harms another, bad hand-ins say why, and whoever is killed
//! goes on to the same report.

use crate::class::write_class;
use crate::cli::{forklab, skipped};
use crate::formats;
use crate::resume::kill_and_go_on;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const LAB: &str = "tests/cheats/lab";

/// What `forklab grade` prints about a folder, its complaints, and its exit code.
fn grade(hand_ins: &Path, options: &[&str]) -> (String, String, Option<i32>) {
    let args: Vec<&str> = ["grade", hand_ins.to_str().unwrap(), "--lab", LAB]
        .into_iter()
        .chain(options.iter().copied())
        .collect();
    said(&args)
}

fn said(args: &[&str]) -> (String, String, Option<i32>) {
    let output = forklab(args, b"");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A class in a folder of its own, with room for reports beside it.
fn class(hand_ins: &[(&str, &[u8])]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let class = folder.path().join("class");
    for (name, text) in hand_ins {
        let path = class.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (folder, class)
}

/// The table of marks as rows of cells.
fn marks(csv: &Path) -> Vec<Vec<String>> {
    let mut table = csv::Reader::from_path(csv).unwrap();
    let row = |row: Result<csv::StringRecord, csv::Error>| -> Vec<String> {
        row.unwrap().iter().map(str::to_owned).collect()
    };
    table.records().map(row).collect()
}

#[test]
fn no_cheat_and_no_bomb_gets_points_or_harms_another() {
    let (folder, class) = class(&[]);
    copy(Path::new("tests/cheats/handins"), &class);
    let more: [(&str, &[u8]); 5] = [
        ("empty.rhai", b""),
        ("binary.rhai", b"\x7fELF\x01\x01\0\0"),
        ("not_utf8.rhai", b"// gr\xfc\xdfe\nfn two_copies(sh) { }\n"),
        ("na\x1b[2Jme\n.rhai", b"fn two_copies(sh) { }\n"),
        ("..rhai", b"fn two_copies(sh) { }\n"),
    ];
    for (name, bytes) in more {
        fs::write(class.join(name), bytes).unwrap();
    }
    fs::write(class.join("huge.rhai"), vec![b' '; 3 << 20]).unwrap();
    fs::create_dir_all(class.join("folders/in/folders/in/folders/in/folders")).unwrap();
    fs::create_dir_all(class.join("empty_folder")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        let solution = fs::canonicalize("tests/cheats/lab/solution").unwrap();
        symlink(&solution, class.join("link_to_solution")).unwrap();
        symlink(class.join("aa_honest"), class.join("link_to_neighbour")).unwrap();
        fs::create_dir(class.join("link_inside")).unwrap();
        symlink(
            solution.join("answer.rhai"),
            class.join("link_inside/answer.rhai"),
        )
        .unwrap();
        let fifo = Command::new("mkfifo").arg(class.join("fifo.rhai")).status();
        assert!(fifo.unwrap().success());
    }
    let csv = folder.path().join("marks.csv");
    let xml = folder.path().join("junit.xml");
    let (said, complaints, code) = grade(
        &class,
        &[
            "--report",
            csv.to_str().unwrap(),
            "--report",
            xml.to_str().unwrap(),
        ],
    );
    assert_eq!((code, complaints.as_str()), (Some(0), ""), "{said}");
    let marks = marks(&csv);
    assert!(marks.len() >= 70, "{}", marks.len());
    for row in &marks {
        let points = if row[0].contains("honest") { "7" } else { "0" };
        assert_eq!(row[1], points, "{row:?}");
    }
    // Nothing that a hand-in names or prints controls a terminal or a spreadsheet.
    assert!(
        !said.contains(|c: char| c.is_control() && c != '\n'),
        "{said:?}"
    );
    for cell in marks.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    }
    formats::junit(&fs::read_to_string(&xml).unwrap());
    let known = said
        .lines()
        .take(marks.len())
        .filter(|line| !line.starts_with(' '));
    // None of them has the answer; the rest says what else it lacks.
    let table: Vec<String> = known
        .map(|line| {
            let line = line.trim_end().trim_end_matches("no answer: children");
            line.trim_end().trim_end_matches(';').to_owned()
        })
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

/// An endless loop that no emulated limit ends.
#[test]
fn a_hand_in_that_hangs_is_one_line_of_the_report() {
    let honest = fs::read("tests/cheats/lab/solution/answer.rhai").unwrap();
    let (_folder, class) = class(&[
        ("anna.rhai", &honest),
        // Few operations that take long: the emulated limits are far away.
        (
            "hang.rhai",
            b"fn two_copies(sh) { loop { let s = \"\"; s.pad(1000000, 'y'); } }",
        ),
        ("zoe.rhai", &honest),
    ]);
    let (said, _, code) = grade(&class, &["--timeout", "2"]);
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("anna") && lines[0].contains("6/7"),
        "{said}"
    );
    assert!(lines[1].contains("0/7  stopped after 2 s"), "{said}");
    assert!(
        lines[2].starts_with("zoe") && lines[2].contains("6/7"),
        "{said}"
    );
}

/// With a class of 1,000 and a release build: `examples/resume.rs`.
#[test]
fn whoever_is_killed_goes_on_to_the_same_report() {
    kill_and_go_on(Path::new(env!("CARGO_BIN_EXE_forklab")), 40);
}

#[test]
fn reports_follow_their_formats_and_tell_students_no_answers() {
    let (folder, class) = class(&[
        ("anna/answers.toml", b"children = \"2\"\n"),
        (
            "anna/answer.rhai",
            b"fn two_copies(sh) { throw \"<b>&\\x01#\"; }",
        ),
        ("ben.rhai", b"\0"),
    ]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let names = ["j.xml", "t.tap", "a.json", "m.csv", "p.html"].map(path);
    let (said, complaints, code) = grade(&class, &["--report", &names.join(",")]);
    assert_eq!(code, Some(0), "{said}{complaints}");
    let read = |nr: usize| fs::read_to_string(&names[nr]).unwrap();
    assert_eq!(formats::junit(&read(0)), 8);
    assert_eq!(formats::tap(&read(1)), 8);
    let all: serde_json::Value = serde_json::from_str(&read(2)).unwrap();
    assert_eq!((&all["points"], &all["of"]), (&0.0.into(), &14.0.into()));
    let anna = &all["suites"][0];
    assert_eq!((&anna["points"], &anna["of"]), (&0.0.into(), &7.0.into()));
    let cases = anna["cases"].as_array().unwrap();
    let of: f64 = cases.iter().map(|case| case["of"].as_f64().unwrap()).sum();
    assert!((of - 7.0).abs() < f64::EPSILON, "{anna}");
    assert!(read(0).contains("<system-out>0 of 7 points"), "{}", read(0));
    assert!(read(1).contains("\n# anna: 0 of 7 points\n"), "{}", read(1));
    assert!(read(1).contains("\n  points: 0\n  of: 3\n"), "{}", read(1));
    // Gradescope grades one hand-in at a time; a class has a file for each student.
    let results = path("results.json");
    let (_, complaints, code) = grade(&class, &["--report", &results]);
    assert!(
        complaints.contains("results.json is for one hand-in"),
        "{complaints}"
    );
    assert_eq!(code, Some(2));
    let output = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .current_dir(folder.path())
        .args(["grade", "class", "--report", "gradescope", "--lab"])
        .arg(fs::canonicalize(LAB).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let anna = fs::read_to_string(folder.path().join("results/anna.json")).unwrap();
    assert!(formats::gradescope(&anna) < f64::EPSILON, "{anna}");
    let ben = fs::read_to_string(folder.path().join("results/ben.json")).unwrap();
    formats::gradescope(&ben);
    // The right answer is for teachers: it stands on the page, and nowhere else.
    assert!(read(4).contains("expected: 3"), "{}", read(4));
    for text in [read(0), read(1), read(2), anna, ben] {
        assert!(!text.contains("expected: "), "{text}");
    }
    // Markup of others is text.
    assert!(!read(4).contains("<b>&\u{1}"), "{}", read(4));
}

#[test]
fn what_cannot_be_written_or_read_is_named() {
    let (folder, class) = class(&[("anna.rhai", b"fn two_copies(sh) { }")]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let missing = path("no/marks.csv");
    for (options, why) in [
        (
            vec!["--report", missing.as_str()],
            "marks.csv cannot be written: no such file",
        ),
        (vec!["--report", "marks.doc"], "has no known form"),
        (vec!["--lab", "99"], "there is no lab 99"),
    ] {
        let (said, complaints, code) = grade_with(&class, &options);
        assert!(complaints.contains(why), "{complaints}");
        assert_eq!((said.as_str(), code), ("", Some(2)));
    }
    let (_, complaints, code) = grade(&folder.path().join("nobody"), &[]);
    assert!(complaints.contains("nobody: no such file"), "{complaints}");
    assert_eq!(code, Some(2));
    // A journal that is none is not overwritten.
    let notes = path("notes.txt");
    fs::write(&notes, "my notes\n").unwrap();
    let (_, complaints, _) = grade(&class, &["--journal", &notes]);
    assert!(
        complaints.contains("not a journal of forklab grade"),
        "{complaints}"
    );
    assert_eq!(fs::read_to_string(&notes).unwrap(), "my notes\n");
}

/// The last lab that is named counts.
fn grade_with(class: &Path, options: &[&str]) -> (String, String, Option<i32>) {
    let mut args = vec!["grade", class.to_str().unwrap()];
    args.extend(options);
    if !options.contains(&"--lab") {
        args.extend(["--lab", LAB]);
    }
    said(&args)
}

#[test]
fn hand_ins_that_are_alike_after_renaming_are_marked() {
    let one = fs::read_to_string("tests/cheats/lab/solution/answer.rhai").unwrap();
    let renamed = one.replace("pages", "area").replace("kid", "child");
    let other = "fn two_copies(sh) { for i in 0..2 { let k = sh.fork(); if i == 1 { k.exit(1); } } \
        while sh.children.len() > 1 { sh.wait(); } }";
    let (_folder, class) = class(&[
        ("anna.rhai", one.as_bytes()),
        ("ben.rhai", other.as_bytes()),
        ("carl.rhai", renamed.as_bytes()),
    ]);
    let (said, _, _) = grade(&class, &["--similar"]);
    let (_, pairs) = said.split_once("\nalike\n").unwrap();
    let words: Vec<&str> = pairs.split_whitespace().collect();
    assert_eq!(words, ["100", "%", "anna", "carl"], "{said}");
}

/// The answer of this lab is the seed of the variant.
#[test]
fn gradescope_tells_whose_variant_it_is() {
    let lab = "title = \"T\"\nminutes = 1\nobjective = \"O\"\nseeds = 5\n\
               [[task]]\nid = \"seed\"\nkind = \"predict\"\n";
    let (folder, class) = class(&[
        ("answers.toml", b"seed = \"2\"\n"),
        ("../lab/lab.toml", lab.as_bytes()),
        ("../lab/README.md", b"# T\n"),
        ("../lab/lab.rhai", b"predict(|| lab.seed);\n"),
    ]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (lab, metadata) = (path("lab"), path("submission_metadata.json"));
    for (text, points, complaint) in [
        (
            r#"{"users": [{"name": "4712", "email": "a@b.c"}]}"#,
            "1/1",
            "",
        ),
        (r#"{"users": [{"name": " ", "email": "4712"}]}"#, "1/1", ""),
        (r#"{"users": [{"name": "4711"}]}"#, "0/1", ""),
        (
            r#"{"users": []}"#,
            "0/1",
            "it has no users[0].name; the variant is that of seed 0",
        ),
        ("{", "0/1", "the variant is that of seed 0"),
    ] {
        fs::write(&metadata, text).unwrap();
        let options = ["--one", "--lab", &lab, "--metadata", &metadata];
        let (said, complaints, code) = grade_with(&class, &options);
        assert_eq!(code, Some(0), "{complaints}");
        assert!(said.contains(points), "{text}: {said}");
        assert!(complaints.trim_end().ends_with(complaint), "{complaints}");
        assert_eq!(complaints.is_empty(), complaint.is_empty(), "{complaints}");
    }
}

/// What is right about the puzzle of lab 31 in the variant of seed 0.
const ANSWERS_OF_SEED_0: &[u8] = b"processes = 4\nparents = 1\nreaped = 3\nleft_behind = \"no\"\n";

/// A student who began without a name has worked on another variant than the folder's name says.
#[test]
fn a_hand_in_of_another_variant_is_told_in_every_report() {
    let record = |variant: &str| {
        format!("reader = \"no\"\n[forklab]\nvariant = {variant}\nsolution_seen = true\n")
    };
    let (folder, class) = class(&[
        ("anna/answers.toml", record("0").as_bytes()),
        (
            "4711/answers.toml",
            record("1\nstudent = \"4711\"").as_bytes(),
        ),
    ]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let names = ["j.xml", "t.tap", "a.json", "m.csv", "p.html"].map(path);
    let list = names.join(",");
    let (said, _, code) = grade_with(&class, &["--lab", "3", "--report", &list]);
    assert_eq!(code, Some(0), "{said}");
    let line = |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap();
    let told = "variant 0 was worked on, begun without --student, but variant 1 is graded; \
                grade it with --one --seed 0; the solution was looked at";
    assert!(line("anna").contains(told), "{said}");
    assert!(!line("4711").contains("variant"), "{said}");
    assert!(
        line("4711").contains("the solution was looked at"),
        "{said}"
    );
    assert!(
        said.contains("1  worked on another variant than is graded"),
        "{said}"
    );
    for name in &names {
        let text = fs::read_to_string(name).unwrap();
        assert!(text.contains("variant 1 is graded"), "{name}: {text}");
        assert!(
            text.contains("the solution was looked at"),
            "{name}: {text}"
        );
    }
    formats::junit(&fs::read_to_string(&names[0]).unwrap());
    formats::tap(&fs::read_to_string(&names[1]).unwrap());
    // The record costs nothing, and decides nothing.
    assert!(
        line("anna").contains("1/8") && line("4711").contains("1/8"),
        "{said}"
    );
}

#[test]
fn a_merge_of_less_than_all_says_what_is_missing() {
    let hand_ins = ["anna", "ben", "carl", "dora"].map(|name| format!("{name}.rhai"));
    let hand_ins = hand_ins.each_ref().map(|name| (name.as_str(), &b"1"[..]));
    let (folder, class) = class(&hand_ins);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let journals = ["1/3", "2/3", "3/3"].map(|share| {
        let journal = path(&share[..1]);
        grade(&class, &["--partition", share, "--journal", &journal]);
        journal
    });
    let merge = |journals: &[&str]| {
        let (csv, tap) = (path("m.csv"), path("m.tap"));
        let list = format!("{csv},{tap}");
        let words = ["grade", "--lab", LAB, "--report", &list, "--merge"];
        let said = said(&[&words[..], journals].concat());
        (
            said,
            fs::read_to_string(csv).unwrap(),
            fs::read_to_string(tap).unwrap(),
        )
    };
    let all = journals.each_ref().map(String::as_str);
    let ((said, complaints, code), ..) = merge(&all);
    assert_eq!((complaints.as_str(), code), ("", Some(0)), "{said}");
    // Interrupted before its second hand-in.
    let text = fs::read_to_string(&journals[0]).unwrap();
    let kept: Vec<&str> = text.lines().take(2).collect();
    fs::write(&journals[0], kept.join("\n")).unwrap();
    // Which of the two was graded first depends on the workers.
    let missing = if kept[1].contains("anna") {
        "dora"
    } else {
        "anna"
    };
    let told = format!("has no result for 1 of 2 hand-ins: {missing}");
    let ((said, complaints, code), csv, tap) = merge(&all[..2]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        complaints.contains("the report is incomplete"),
        "{complaints}"
    );
    for text in [said, csv, tap.clone()] {
        assert!(text.contains(&told), "{text}");
        assert!(text.contains("the share 3/3 has no journal here"), "{text}");
    }
    formats::tap(&tap);
}

#[test]
fn what_students_get_of_a_lab_grades_nobody() {
    let (folder, class) = class(&[("anna.rhai", b"fn two_copies(sh) { }")]);
    let handout = folder.path().join("03_lab");
    copy(Path::new(LAB), &handout);
    fs::remove_file(handout.join("check.rhai")).unwrap();
    let (said, complaints, code) = grade_with(&class, &["--lab", handout.to_str().unwrap()]);
    assert!(
        complaints.contains("03_lab has no check.rhai"),
        "{complaints}"
    );
    assert_eq!((said.as_str(), code), ("", Some(2)));
}

/// The table fits from 60 columns on, and the reason comes before what was not answered.
#[test]
fn the_table_fits_the_terminal() {
    let (_folder, class) = class(&[
        (
            "a_student_with_a_name_that_is_long.rhai",
            b"fn two_copies(sh) { sh.nothing(1, 2); }",
        ),
        ("ben.rhai", b""),
    ]);
    let columns = 64;
    let script = format!(
        "stty rows 24 cols {columns} && exec \"$0\" --color never grade \"$1\" --lab {LAB} --seed 0"
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_forklab")])
        .arg(&class);
    let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    let said = session.exp_eof().unwrap();
    let (_, table) = said.rsplit_once("\u{1b}[2K").unwrap();
    let table = table.replace("\r\n", "\n");
    for line in table.lines() {
        assert!(line.chars().count() <= columns, "{line}");
    }
    let place = |words: &str| {
        table
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {table}"))
    };
    assert!(place("two_copies 0/3") < place("no answer"), "{table}");
}

/// Both forms of the solution count, C where there is a compiler and the teacher allows it.
#[test]
fn a_program_may_be_handed_in_as_a_c_file() {
    let lab = "scripts/labs/31_a_c_program";
    let read = |name: &str| fs::read(format!("{lab}/{name}")).unwrap();
    let [line, start] = ["solution/c/line.c", "start/answer.rhai"].map(read);
    let (_folder, class) = class(&[
        ("line.c", &line),
        ("answer.rhai", &start),
        ("answers.toml", ANSWERS_OF_SEED_0),
    ]);
    let options = ["--one", "--seed", "0", "--lab", lab];
    let (said, _, code) = grade_with(&class, &options);
    assert_eq!(code, Some(0));
    assert!(said.contains("4/8"), "{said}");
    assert!(
        said.contains("C files of hand-ins are compiled only with --compile"),
        "{said}"
    );
    let (said, _, _) = grade_with(&class, &[&options[..], &["--compile"]].concat());
    if said.contains("no C compiler") {
        skipped("there is no C compiler for i386");
        return;
    }
    assert!(said.contains("8/8"), "{said}");
}

/// A terminal echoes Ctrl-C as `^C` behind the bar: there is room for it, or the bar would stay.
#[test]
fn an_interrupted_bar_vanishes() {
    let (folder, class) = class(&[]);
    write_class(&class, 1000);
    let mut command = Command::new(env!("CARGO_BIN_EXE_forklab"));
    command.args([
        "grade",
        class.to_str().unwrap(),
        "--lab",
        LAB,
        "--jobs",
        "1",
    ]);
    let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    session.exp_string("/1000").unwrap();
    session.exp_string("\u{1b}[2K").unwrap();
    let bar = session.exp_string("\r").unwrap();
    // The terminal has 80 columns.
    assert!(bar.starts_with('[') && bar.chars().count() <= 78, "{bar:?}");
    session.send_control('c').unwrap();
    let said = session.exp_eof().unwrap();
    let (_, last) = said.rsplit_once("\u{1b}[2K").unwrap();
    let message = "forklab: interrupted; the same command goes on from here";
    assert_eq!(last.trim_end(), message, "{said:?}");
    drop(folder);
}
