//! `forklab lab`, as students and teachers type it.

use rexpect::session::{PtySession, spawn_command};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How long to wait for what must appear, in ms.
const TIMEOUT: u64 = 60_000;

/// A folder of its own for the student, with the state in it.
fn home(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("labs")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forklab"));
    command
        .args(["--color", "never"])
        .args(args)
        .current_dir(home)
        .env("XDG_STATE_HOME", home.join("state"));
    command
}

fn run(home: &Path, args: &[&str]) -> Output {
    command(home, args).stdin(Stdio::null()).output().unwrap()
}

/// What a command prints, or complains of, and its exit code.
fn said(home: &Path, args: &[&str]) -> (String, Option<i32>) {
    let output = run(home, args);
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

fn start(home: &Path, args: &[&str]) -> PtySession {
    let mut all = vec!["lab", "start"];
    all.extend(args);
    spawn_command(command(home, &all), Some(TIMEOUT)).unwrap()
}

/// Types a line at the prompt and waits for what must come.
fn say(session: &mut PtySession, line: &str, expected: &str) {
    session.exp_string("> ").unwrap();
    session.send_line(line).unwrap();
    session
        .exp_string(expected)
        .unwrap_or_else(|error| panic!("{line}: {error}"));
}

/// Start, look around, wrong, hint, right, skip; then write, check, and finish.
#[test]
fn the_way_of_a_student_through_a_lab() {
    let home = home("student");
    let mut session = start(&home, &["3"]);
    session
        .exp_string("Lab 3: First writer. 10 minutes.")
        .unwrap();
    session.exp_string("Background and tasks: readme").unwrap();
    session.exp_string("1 of 6  does the read fault?").unwrap();
    say(
        &mut session,
        "why(kid, page)",
        "COPY: frame 0x1098 has 2 owners",
    );
    say(
        &mut session,
        "sh.write(page, 1)",
        "undone, because the question is still open",
    );
    say(
        &mut session,
        "undo 2",
        "a question is open: answer it, skip it, or :quit",
    );
    say(&mut session, "readme", "# First writer");
    say(&mut session, "yes", "Not quite. Once more");
    say(&mut session, "hint", "hint 1 of 2 for reader: Which right");
    say(&mut session, "no", "Right: no");
    session.exp_string("2 of 6").unwrap();
    session.exp_string("lab 3 [1 of 6]").unwrap();
    say(&mut session, "a", "Right: the parent");
    say(&mut session, "99 40", "Right: [99, 40]");
    say(&mut session, "skip", "It is: no fault");
    say(&mut session, "cow", "Right: copy");
    session.exp_string("6 of 6  two_copies (3 points)").unwrap();
    say(&mut session, "check", "pages copied: 0");
    session.exp_string("5 of 8 points").unwrap();
    // The machine stays.
    say(&mut session, "sh.read(page)", "99");
    let folder = home.join("03_first_writer");
    let answer = include_str!("../../scripts/labs/03_first_writer/solution/answer.rhai");
    fs::write(folder.join("answer.rhai"), answer).unwrap();
    say(&mut session, "check", "7 of 8 points");
    session.send_line(":quit").unwrap();
    session.exp_eof().unwrap();

    let answers = fs::read_to_string(folder.join("answers.toml")).unwrap();
    insta::assert_snapshot!(answers, @r#"
    child_first = "cow"
    contents = "99 40"
    new_frame = "a"
    reader = "no"
    "#);
    let (list, _) = said(&home, &["lab"]);
    let line = list
        .lines()
        .find(|line| line.contains("First writer"))
        .unwrap();
    assert!(line.contains("done 6/6   7 of 8 points   1 hint"), "{line}");
}

/// The answers are in the file as soon as they are given.
#[test]
fn a_killed_session_goes_on_where_it_was() {
    let home = home("killed");
    let mut session = start(&home, &["3"]);
    say(&mut session, "no", "Right: no");
    session.exp_string("2 of 6").unwrap();
    session
        .process_mut()
        .kill(nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    let mut again = start(&home, &["3"]);
    again.exp_string("Right: no").unwrap();
    again.exp_string("2 of 6  who gets the new frame").unwrap();
    say(&mut again, ":quit", "");
}

#[test]
fn what_is_typed_after_the_name_of_a_lab_chooses_the_variant() {
    let home = home("variant");
    let mut first = start(&home, &["3", "--seed", "5"]);
    first.exp_string("Now 3 reads it.").unwrap();
    first.send_line(":quit").unwrap();
    first.exp_eof().unwrap();
    let state = home.join("state/forklab/labs.json");
    let seed = |text: &str| text.contains("\"seed\": 5");
    assert!(seed(&fs::read_to_string(&state).unwrap()));
    let student = start(&home, &["3", "--student", "Ada"]);
    drop(student);
    let (text, code) = said(&home, &["run", "-", "--", "42", "-x"]);
    assert_eq!((text.contains("empty"), code), (true, Some(0)));
    let mut script = command(&home, &["-e", "[lab.seed, vary(\"n\", 1..=1)]"]);
    let output = script.output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "[0, 1]\n");
}

#[test]
fn scripts_get_their_arguments_and_their_seed() {
    let home = home("arguments");
    fs::write(
        home.join("a.rhai"),
        "print(args()); print(lab.seed); print(rng(7).draw(1..=6));",
    )
    .unwrap();
    let (text, code) = said(
        &home,
        &["run", "a.rhai", "--seed", "9", "--", "42", "-fast"],
    );
    assert_eq!(text, "[\"42\", \"-fast\"]\n9\n5\n");
    assert_eq!(code, Some(0));
}

/// At a terminal, a script asks for the predictions that it does not answer itself.
#[test]
fn a_script_asks_at_a_terminal() {
    let home = home("asks");
    let text = "predict(\"1 + 1?\", 2); predict(\"2 + 2?\", 4, 4);";
    fs::write(home.join("a.rhai"), text).unwrap();
    let mut session = spawn_command(command(&home, &["run", "a.rhai"]), Some(TIMEOUT)).unwrap();
    session.exp_string("1 + 1?").unwrap();
    session.send_line("2").unwrap();
    session.exp_string("Right: 2").unwrap();
    session.exp_string("2 + 2? 4").unwrap();
    session.exp_string("Right: 4").unwrap();
    session.exp_eof().unwrap();
}

/// The solution is shown only to those who have tried, and the list tells of it.
#[test]
fn the_solution_is_for_those_who_have_tried() {
    let home = home("solution");
    let (text, code) = said(&home, &["lab", "hint"]);
    assert_eq!(
        (text.as_str(), code),
        (
            "forklab: no lab was begun yet; begin one: forklab lab start 1\n",
            Some(2)
        )
    );
    drop(start(&home, &["3"]).exp_string("1 of 6"));
    let (text, code) = said(&home, &["lab", "solution", "3"]);
    assert!(
        text.contains("answer a question or check your files first"),
        "{text}"
    );
    assert_eq!(code, Some(2));
    assert_eq!(said(&home, &["lab", "check", "first_writer"]).1, Some(1));
    let (text, _) = said(&home, &["lab", "solution"]);
    assert!(text.contains("fn two_copies(sh)"), "{text}");
    assert!(said(&home, &["lab"]).0.contains("solution seen"));
    fs::write(home.join("03_first_writer/answer.rhai"), "// mine").unwrap();
    assert_eq!(said(&home, &["lab", "reset", "3"]).1, Some(0));
    let old = fs::read_to_string(home.join("03_first_writer/answer.rhai.old")).unwrap();
    assert_eq!(old, "// mine");
    assert!(said(&home, &["lab"]).0.contains("solution seen"));
}

#[test]
fn a_save_is_checked_at_once() {
    let home = home("watch");
    drop(start(&home, &["3"]).exp_string("1 of 6"));
    let mut watch = spawn_command(command(&home, &["lab", "watch"]), Some(TIMEOUT)).unwrap();
    watch.exp_string("pages copied: 0").unwrap();
    let answer = "fn two_copies(sh) { sh.fork() + 1 }";
    fs::write(home.join("03_first_writer/answer.rhai"), answer).unwrap();
    watch.exp_string("answer.rhai:1:").unwrap();
    watch.send_control('c').unwrap();
    watch.exp_eof().unwrap();
}

/// New, verify, change, verify, export.
#[test]
fn the_way_of_a_teacher_to_a_lab() {
    let home = home("teacher");
    let (text, code) = said(&home, &["lab", "new", "07_my_lab"]);
    assert_eq!(code, Some(0), "{text}");
    let (text, code) = said(&home, &["lab", "verify", "07_my_lab"]);
    assert_eq!(text, "sound  07_my_lab: 2 tasks, 3 points, 3 variants\n");
    assert_eq!(code, Some(0));
    assert_eq!(said(&home, &["lab", "new", "07_my_lab"]).1, Some(2));

    let lab = home.join("07_my_lab");
    fs::write(
        lab.join("solution/answers.toml"),
        "first_write = \"copy\"\n",
    )
    .unwrap();
    fs::write(lab.join("hints.md"), "## other\n1. A hint.\n").unwrap();
    let (text, code) = said(&home, &["lab", "verify", "07_my_lab"]);
    insta::assert_snapshot!(text, @r"
    faults 07_my_lab: 2 tasks, 3 points, 3 variants
        hints.md has hints for other, which is no task
            help: the headings of hints.md are the ids of tasks
        seed 0: task first_write: the solution loses points: the answer is wrong (expected new frame)
            help: either the solution or the check is wrong
    forklab: 1 of 1 labs have faults
    ");
    assert_eq!(code, Some(1));

    let export = ["lab", "--labs", "07_my_lab", "export", "7", "handout"];
    let (text, code) = said(&home, &export);
    assert_eq!(code, Some(0), "{text}");
    let out = home.join("handout/07_my_lab");
    assert!(out.join("lab.rhai").exists() && out.join("start/answer.rhai").exists());
    assert!(!out.join("check.rhai").exists() && !out.join("solution").exists());
    let mut student = spawn_command(
        command(&home, &["lab", "--labs", "handout", "start", "7"]),
        Some(TIMEOUT),
    )
    .unwrap();
    student.exp_string("1 of 2").unwrap();
    say(&mut student, "new frame", "Right: new frame");
    say(
        &mut student,
        "check",
        "the checks of this lab are with your teacher",
    );
    say(&mut student, ":quit", "");

    let zip = [
        "lab",
        "--labs",
        "07_my_lab",
        "export",
        "7",
        "grader.zip",
        "--autograder",
    ];
    assert_eq!(said(&home, &zip).1, Some(0));
    let file = fs::File::open(home.join("grader.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    for name in [
        "setup.sh",
        "run_autograder",
        "forklab",
        "07_my_lab/check.rhai",
    ] {
        assert!(archive.by_name(name).is_ok(), "{name}");
    }
    assert_eq!(
        archive.by_name("run_autograder").unwrap().unix_mode(),
        Some(0o100_755)
    );
}

#[test]
fn a_broken_description_is_drawn_at_its_place() {
    let home = home("broken");
    said(&home, &["lab", "new", "01_a"]);
    let manifest = home.join("01_a/lab.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("minutes = 10", "minutes = 0")
            .replace("points = 2", "points = -2"),
    )
    .unwrap();
    let (text, code) = said(&home, &["lab", "verify", "01_a"]);
    insta::assert_snapshot!(text, @r"
    error: 0 is not a number of minutes
       ╭─[ 01_a/lab.toml:2:11 ]
       │
     2 │ minutes = 0
       │           ┬
       │           ╰── here
       │
       │ Help: a lab takes 1 to 600 minutes
    ───╯
    error: -2 is not a number of points
        ╭─[ 01_a/lab.toml:15:10 ]
        │
     15 │ points = -2
        │          ┬
        │          ╰── here
        │
        │ Help: points are 0 to 1000, such as 2 or 0.5
    ────╯
    forklab: 1 of 1 labs have faults
    ");
    assert_eq!(code, Some(1));
}

#[test]
fn two_labs_of_one_number_are_told_and_the_others_stay() {
    let home = home("twins");
    fs::create_dir(home.join("labs")).unwrap();
    for name in ["labs/01_a", "labs/01_b", "labs/02_c"] {
        said(&home, &["lab", "new", name]);
    }
    let (text, _) = said(&home, &["lab", "--labs", "labs"]);
    assert!(
        text.contains("01_a and 01_b have the same name or number"),
        "{text}"
    );
    assert!(text.contains(" 2  C"), "{text}");
    let (text, code) = said(&home, &["lab", "--labs", "labs", "start", "9"]);
    assert!(
        text.ends_with("forklab: there is no lab 9; labs are 01_a, 02_c\n"),
        "{text}"
    );
    assert_eq!(code, Some(2));
}

/// A file of progress that this version does not know is left as it is, and labs work without it.
#[test]
fn progress_of_another_version_is_left_as_it_is() {
    let home = home("version");
    let state = home.join("state/forklab");
    fs::create_dir_all(&state).unwrap();
    for text in [
        "{\"version\": 2, \"new\": true}",
        "{\"version\": 1, \"lab",
        "",
    ] {
        fs::write(state.join("labs.json"), text).unwrap();
        let (told, code) = said(&home, &["lab"]);
        assert!(told.contains("forklab: progress is not kept: "), "{told}");
        assert!(told.contains("it is left as it is"), "{told}");
        assert!(told.contains("First writer"), "{told}");
        assert_eq!(code, Some(0));
        assert_eq!(fs::read_to_string(state.join("labs.json")).unwrap(), text);
    }
}

#[test]
fn a_lab_is_begun_at_a_prompt_that_is_open_already() {
    let home = home("prompt");
    let mut session = spawn_command(command(&home, &[]), Some(TIMEOUT)).unwrap();
    session.exp_string("Try: tour, help, undo").unwrap();
    say(&mut session, ":lab", "First writer");
    say(&mut session, ":lab 3", "1 of 6  does the read fault?");
    say(&mut session, "no", "Right: no");
    say(&mut session, ":lab 99", "there is no lab 99");
    say(&mut session, ":quit", "");
    session.exp_eof().unwrap();
}

#[test]
fn the_text_of_a_lab_is_read_without_beginning_it() {
    let home = home("read");
    let (text, code) = said(&home, &["lab", "read", "31"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("# A C program\n"), "{text}");
    // Code stays as it is, and everything else fits.
    assert!(
        text.contains("\nif (fork() && fork())\n    fork();\n"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    assert!(!home.join("31_a_c_program").exists());
    let (text, code) = said(&home, &["lab", "read"]);
    assert!(text.contains("no lab was begun yet"), "{text}");
    assert_eq!(code, Some(2));
}
