//! `forklab lab`, as students and teachers type it.

use rexpect::session::{PtySession, spawn_command};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

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
    // Looking around leaves no trace, and no time in the prompt but that of the machine.
    session.exp_string("lab 3 [0 of 6] [").unwrap();
    session.exp_string("] 0 ms").unwrap();
    say(&mut session, "readme", "# First writer");
    for line in ["maybe", "7", "sh and kid"] {
        say(
            &mut session,
            line,
            "is no answer to this question, and does not count; it wants yes or no",
        );
    }
    say(&mut session, "kid.pid", "3");
    say(&mut session, "kid", "3:sh");
    say(&mut session, "why did that happen", "since then:");
    session.exp_string("sched_process_fork child=3:sh").unwrap();
    say(&mut session, "yes", "Not quite. Once more");
    say(&mut session, "hint", "hint 1 of 2 for reader: Which right");
    say(&mut session, "hint", "hint 2 of 2 for reader: ");
    say(
        &mut session,
        "hint",
        "hint 2 of 2 for reader, the last one again; there are no more: ",
    );
    say(&mut session, "no", "Right: no");
    session.exp_string("2 of 6").unwrap();
    session.exp_string("lab 3 [1 of 6]").unwrap();
    say(&mut session, "a", "Right: the parent");
    say(&mut session, "explain", "cow_copy");
    say(&mut session, "why", "the last question:");
    say(&mut session, "99 51", "Partly right: 1 of 2. Once more");
    say(&mut session, "51 99", "No: [99, 40]");
    session.exp_string("cow_copy 0x1098").unwrap();
    say(&mut session, "skip", "It is: no fault");
    say(&mut session, "cow", "Right: copy");
    session.exp_string("6 of 6  two_copies (3 points)").unwrap();
    say(&mut session, "check", "pages copied: 0");
    session.exp_string("4 of 8 points").unwrap();
    // The machine stays.
    say(&mut session, "sh.read(page)", "99");
    let folder = home.join("03_first_writer");
    let answer = include_str!("../../scripts/labs/03_first_writer/solution/answer.rhai");
    fs::write(folder.join("answer.rhai"), answer).unwrap();
    say(&mut session, "check", "6 of 8 points");
    session.send_line(":quit").unwrap();
    session.exp_eof().unwrap();

    let answers = fs::read_to_string(folder.join("answers.toml")).unwrap();
    insta::assert_snapshot!(answers, @r#"
    child_first = "cow"
    contents = "51 99"
    new_frame = "a"
    reader = "no"

    # How it came about; forklab lab writes it for your teacher.
    [forklab]
    variant = 0
    "#);
    let (list, _) = said(&home, &["lab"]);
    let line = list
        .lines()
        .find(|line| line.contains("First writer"))
        .unwrap();
    assert!(
        line.contains("done 6/6   6 of 8 points   2 hints"),
        "{line}"
    );
}

/// What was wrong once stays so, and a session that is lost is played again even if a question is
/// open.
#[test]
fn a_used_chance_stays_used_and_a_lost_session_is_recovered() {
    let home = home("chances");
    let mut session = start(&home, &["3"]);
    say(&mut session, "yes", "Not quite. Once more");
    session.exp_string("> ").unwrap();
    session
        .process_mut()
        .kill(nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    let mut again = start(&home, &["3"]);
    again.exp_string(":recover plays its 1 line again").unwrap();
    say(&mut again, ":recover", "1 line played again");
    again.exp_string("1 of 6  does the read fault?").unwrap();
    say(&mut again, "yes", "No: no");
    again.exp_string("2 of 6").unwrap();
    say(
        &mut again,
        ":reset",
        "a fresh machine; lab 3 is closed, and :lab 3 goes on with it",
    );
    again.exp_string("] 0 ms").unwrap();
    say(&mut again, ":lab close", "no lab is open");
    say(&mut again, ":quit", "");
    // Next is the one after this, not the first.
    let (text, _) = said(&home, &["lab"]);
    assert!(text.ends_with("next: forklab lab start 3\n"), "{text}");
    let next = command(&home, &["lab", "next"]);
    let mut next = spawn_command(next, Some(TIMEOUT)).unwrap();
    next.exp_string("Lab 4: ").unwrap();
    say(&mut next, ":quit", "");
}

/// A name chooses the variant, and both are handed in; whoever only skips has tried nothing.
#[test]
fn what_is_handed_in_tells_how_it_came_about() {
    let home = home("record");
    let mut session = start(&home, &["3"]);
    session
        .exp_string("Your variant: 0, that of nobody")
        .unwrap();
    say(&mut session, "skip", "It is: no");
    session.exp_string("2 of 6").unwrap();
    say(
        &mut session,
        "solution",
        "answer a question or check your files first",
    );
    say(&mut session, ":quit", "");
    drop(session);
    let mut session = start(&home, &["3", "--student", "4711"]);
    session.exp_string("Your variant: 1, that of 4711").unwrap();
    say(&mut session, "no", "Right: no");
    session.exp_string("2 of 6").unwrap();
    say(&mut session, "solution", "fn two_copies(sh)");
    say(&mut session, ":quit", "");
    let answers = home.join("03_first_writer/answers.toml");
    let text = fs::read_to_string(&answers).unwrap();
    assert!(
        text.ends_with("[forklab]\nvariant = 1\nstudent = \"4711\"\nsolution_seen = true\n"),
        "{text}"
    );
    // What was written by hand stays, and what is no file of answers is put aside.
    fs::write(&answers, "contents = \"1 2\"\n").unwrap();
    drop(start(&home, &["3"]).exp_string("2 of 6"));
    let text = fs::read_to_string(&answers).unwrap();
    assert!(
        text.starts_with("contents = \"1 2\"\nreader = \"no\"\n"),
        "{text}"
    );
    fs::write(&answers, "contents = \n").unwrap();
    drop(start(&home, &["3"]).exp_string("2 of 6"));
    let old = fs::read_to_string(home.join("03_first_writer/answers.toml.old")).unwrap();
    assert_eq!(old, "contents = \n");
}

/// Words that name no lab say how to find one; a number alone begins it.
#[test]
fn a_number_alone_begins_a_lab_and_a_wrong_word_says_what_was_meant() {
    let home = home("words");
    let lab = command(&home, &["lab", "3", "--student", "4711"]);
    let mut session = spawn_command(lab, Some(TIMEOUT)).unwrap();
    session.exp_string("Your variant: 1, that of 4711").unwrap();
    say(
        &mut session,
        ":lab 77",
        "there is no lab 77: forklab lab lists all",
    );
    say(&mut session, ":quit", "");
    for (words, told) in [
        (
            &["lab", "strat", "3"][..],
            "there is no command strat; did you mean forklab lab start?",
        ),
        (
            &["lab", "start", "frist_writer"],
            "there is no lab frist_writer: did you mean first_writer (3)? forklab lab lists all",
        ),
        (&["lab", "99"], "there is no lab 99: forklab lab lists all"),
        (&["lab", "new", "../x"], "../x is no name for a lab"),
        (&["lab", "new", "x y"], "x y is no name for a lab"),
    ] {
        let (text, code) = said(&home, words);
        assert!(text.contains(told), "{text}");
        assert_eq!(code, Some(2), "{text}");
    }
    assert!(!home.join("x y").exists() && !home.join("../x").exists());
}

/// `forklab run` of a lab at a terminal is the lab; in a pipe it is a script.
#[test]
fn a_lab_that_is_run_at_a_terminal_is_played() {
    let home = home("run");
    said(&home, &["lab", "new", "07_my_lab"]);
    for path in ["07_my_lab", "07_my_lab/lab.rhai"] {
        let run = command(&home, &["run", path]);
        let mut session = spawn_command(run, Some(TIMEOUT)).unwrap();
        session.exp_string("1 of 2  ").unwrap();
        say(&mut session, "hint", "hint 1 of 1 for first_write");
        say(&mut session, ":quit", "");
        session.exp_eof().unwrap();
    }
    let (text, code) = said(&home, &["run", "07_my_lab"]);
    assert!(text.contains("It is: new frame"), "{text}");
    assert_eq!(code, Some(0));
}

/// A lab whose script takes back a variable when it goes to the past works as a whole, but not
/// statement by statement.
#[test]
fn verify_plays_a_lab_as_the_prompt_does() {
    let home = home("plays");
    said(&home, &["lab", "new", "07_my_lab"]);
    let script = home.join("07_my_lab/lab.rhai");
    let text = fs::read_to_string(&script).unwrap();
    let more = "let seen = 1;\nbefore(\"anon_page\");\nprint(seen);\n";
    fs::write(&script, format!("{text}{more}")).unwrap();
    let (text, code) = said(&home, &["lab", "verify", "07_my_lab"]);
    assert!(
        text.contains(
            "seed 0: lab.rhai cannot be played at the prompt, where each statement is an input of \
             its own: `print(seen);`: there is no variable seen"
        ),
        "{text}"
    );
    assert_eq!(code, Some(1));
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
    watch
        .exp_string("whatever you save there is checked; Ctrl-C ends this")
        .unwrap();
    watch.exp_string("pages copied: 0").unwrap();
    let answer = "fn two_copies(sh) { sh.fork() + 1 }";
    let file = home.join("03_first_writer/answer.rhai");
    // Editors empty a file before they write it.
    fs::write(&file, "").unwrap();
    thread::sleep(Duration::from_millis(5));
    fs::write(&file, answer).unwrap();
    let between = watch.exp_string("answer.rhai:1:").unwrap();
    assert_eq!(between.matches("two_copies").count(), 1, "{between}");
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
    forklab: 1 of 1 labs has faults
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
    forklab: 1 of 1 labs has faults
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
        text.contains("01_a and 01_b have the same title or number"),
        "{text}"
    );
    assert_eq!(text.matches(" 1  ").count(), 2, "{text}");
    assert!(text.contains(" 2  C"), "{text}");
    let (text, code) = said(&home, &["lab", "--labs", "labs", "start", "9"]);
    assert!(
        text.contains("forklab: there is no lab 9: forklab lab lists all"),
        "{text}"
    );
    assert_eq!(code, Some(2));
    // Each of them is verified, and so is what has lost its description.
    fs::remove_file(home.join("labs/02_c/lab.toml")).unwrap();
    let (text, code) = said(&home, &["lab", "verify", "labs", "nowhere"]);
    for told in [
        "labs/02_c: error: there is no lab.toml",
        "faults 01_a: 2 tasks",
        "faults 01_b: 2 tasks",
        "    01_b has the same title or number",
        "forklab: nowhere: no such file",
        "forklab: 3 of 3 labs have faults",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
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
