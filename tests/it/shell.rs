//! What the prompt answers.

use forklab::front::{Colors, Shell};
use forklab::script::{FailureKind, Host, Limits};
use std::sync::mpsc;

fn shell() -> Shell {
    let host = Host::printing(Box::new(|_| Ok(())));
    Shell::new(Limits::default(), host, Colors::Off).unwrap()
}

/// What the last of some lines is answered with.
fn answer(lines: &[&str]) -> String {
    let mut shell = shell();
    lines
        .iter()
        .fold(String::new(), |_, line| shell.submit(line).text)
}

#[test]
fn help_begins_with_the_commands_of_the_prompt() {
    for word in ["help", "?", ":help", "help;", "help()"] {
        let text = answer(&[word]);
        assert!(text.starts_with(":undo"), "{word}: {text}");
        assert!(text.contains("system calls  clone fork"), "{word}: {text}");
    }
    assert!(answer(&["let help = 7", "help"]) == "7");
}

#[test]
fn numbers_that_may_be_addresses_are_shown_as_such() {
    let lines = ["let sh = spawn(\"sh\")", "let a = sh.mmap(4*KiB)", "a + 4"];
    assert_eq!(answer(&lines), "3087003652  0xb7fff004");
    assert_eq!(answer(&["1000"]), "1000");
    assert_eq!(answer(&["-1"]), "-1");
}

#[test]
fn a_boot_tells_which_machine_there_is_now() {
    assert_eq!(
        answer(&["boot(#{cpus: 2, mem: 32*MiB})"]),
        "a fresh machine: 2 CPUs, 32 MiB; older tasks are gone"
    );
}

#[test]
fn a_function_without_its_parentheses_is_explained() {
    let text = answer(&["fork"]);
    assert!(text.contains("it is a function: task.fork()"), "{text}");
}

#[test]
fn habits_of_other_prompts_are_understood_or_answered() {
    for (line, says) in [
        ("tick 5", "5 ms passed"),
        ("print 6 * 7", ""),
        ("hex 255", "0xff"),
        ("help fork()", "task.fork()"),
        ("help sh.fork()", "task.fork()"),
        ("man fork", "task.fork()"),
        (":help fork", "task.fork()"),
        ("help CLONE_VM", "the child shares the address space"),
        ("help SIGKILL", "kills the process"),
        ("help CLONE_WM", "did you mean CLONE_VM?"),
        ("help spwan", "did you mean spawn?"),
        ("ps aux", "it is ps()"),
        (
            "undo -1",
            "error: undo takes a number of lines, such as undo 2, not -1",
        ),
        ("h->fork()", "a method follows a dot: sh.fork()"),
        ("sp", "did you mean spawn("),
        ("sp(\"sh\")", "did you mean spawn?"),
        ("kill(2, 9)", "it is task.kill(pid, signal)"),
        ("kill", "it is a function: task.kill(pid, signal)"),
        ("spawn(\"h\", \"run 5\")", "workload([\"run 5\"])"),
        ("let n = 5; n.size", "an int has no size"),
    ] {
        let text = answer(&[line]);
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c == '│')
            .filter(|word| !word.is_empty())
            .collect();
        assert!(words.join(" ").contains(says), "{line}: {text}");
    }
}

#[test]
fn a_script_that_is_run_has_its_own_name_and_lines() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("fails.rhai");
    std::fs::write(&path, "#! forklab\nlet a = 1;\nfrok();\n").unwrap();
    let line = format!(":run {}", path.display());
    let text = answer(&["let b = 2", &line]);
    assert!(text.contains("fails.rhai:3:1 ]"), "{text}");
    assert_eq!(answer(&[&line, "undo"]), format!("before line 1: {line}"));
}

/// A shell whose questions are answered by these words, and what was asked.
fn answering(answers: &'static [&'static str]) -> (Shell, mpsc::Receiver<String>) {
    let (ask, asked) = mpsc::channel();
    let mut answers = answers.iter();
    let mut host = Host::printing(Box::new(|_| Ok(())));
    host.ask = Some(Box::new(move |question| {
        ask.send(question.to_owned()).unwrap();
        Ok(answers.next().map(ToString::to_string))
    }));
    let shell = Shell::new(Limits::default(), host, Colors::Off).unwrap();
    (shell, asked)
}

#[test]
fn an_answer_that_cannot_be_is_asked_again() {
    for (answers, questions, given) in [
        (&["coppy", "Copies"][..], 2, "\"Copies\""),
        (&["newframe"], 1, "\"newframe\""),
        (&["  "], 1, ""),
        (&[], 1, ""),
        (&["a", "b", "c", "d", "e", "f"], 5, ""),
    ] {
        let (mut shell, asked) = answering(answers);
        shell.submit("let sh = spawn(\"sh\"); let a = sh.mmap(4*KiB); predict(|| sh.write(a, 1))");
        let asked: Vec<String> = asked.try_iter().collect();
        assert_eq!(asked.len(), questions, "{asked:?}");
        assert!(asked[0].starts_with("copy, reuse"), "{asked:?}");
        let again = |question: &String| {
            question.contains("none of these") && question.contains("copy, reuse")
        };
        assert!(asked[1..].iter().all(again), "{asked:?}");
        assert_eq!(shell.submit("predictions()[0].given").text, given);
    }
}

#[test]
fn pages_of_files_can_be_predicted() {
    for (access, came) in [
        ("sh.read(0x08048800)", "file page"),
        ("sh.write(0x08049000, 1)", "file copy"),
    ] {
        let lines = [
            "let sh = spawn(\"sh\")",
            &format!("predict(|| {access})"),
            "predictions()[0].answer",
        ];
        assert_eq!(answer(&lines), format!("{came:?}"), "{access}");
    }
}

/// Ctrl-C that comes before the line does is meant for the line.
#[test]
fn a_wish_to_stop_ends_what_runs_next() {
    let (mut shell, asked) = {
        let (ask, asked) = mpsc::channel();
        let mut host = Host::printing(Box::new(|_| Ok(())));
        host.interrupt.raise();
        host.ask = Some(Box::new(move |question| {
            ask.send(question.to_owned()).unwrap();
            Ok(None)
        }));
        (
            Shell::new(Limits::default(), host, Colors::Off).unwrap(),
            asked,
        )
    };
    let answer = shell.submit("predict(\"1 + 1?\", 2)");
    assert_eq!(answer.failure, Some(FailureKind::Interrupted));
    assert_eq!(
        answer.text,
        "interrupted; what the script did so far stays; undo takes it back"
    );
    assert_eq!(asked.try_iter().count(), 0);
    assert_eq!(shell.submit("6 * 7").text, "42");
}

/// Init is the parent of what is spawned, but does not look like it.
#[test]
fn init_keeps_its_own_priority() {
    let lines = [
        "spawn(\"sh\", #{nice: 10, uid: 0})",
        "`${init().prio} ${init().nice} ${init().time_slice}`",
    ];
    assert_eq!(answer(&lines), "\"125 0 100\"");
}

/// A program of three lines, and a breakpoint on its second statement.
const PROGRAM: [&str; 3] = [
    "fn main() {\n    let n = 1;\n    n\n}",
    "\nlet d = spawn(\"d\", main)",
    "break_at(d, 3)",
];

/// The line of the input, from `start` on, at which the program of the last lines stopped.
fn stopped_at(shell: &mut Shell, start: i64) -> i64 {
    for line in PROGRAM {
        let answer = shell.submit(line);
        assert_eq!(answer.failure, None, "{line}: {}", answer.text);
    }
    shell.submit("run()");
    let line = shell.submit("where(d).frames[0].line").text;
    line.parse::<i64>().unwrap() - start
}

#[test]
fn break_at_counts_the_lines_of_what_was_pasted() {
    let mut shell = shell();
    assert_eq!(stopped_at(&mut shell, 0), 3, "all lines are one input");
    shell.begin_input();
    shell.submit("boot()");
    shell.begin_input();
    let start = PROGRAM.join("\n").lines().count() as i64 + 3;
    assert_eq!(stopped_at(&mut shell, start), 3);
}

/// A line typed alone means the lines of the session, which `where` shows.
#[test]
fn break_at_typed_alone_counts_the_lines_of_the_session() {
    let mut shell = shell();
    let program = PROGRAM.map(|line| line.replace("d, 3", "d, 4"));
    for line in ["let a = 1"]
        .into_iter()
        .chain(program.iter().map(String::as_str))
    {
        shell.begin_input();
        assert_eq!(shell.submit(line).failure, None, "{line}");
    }
    shell.submit("run()");
    assert_eq!(shell.submit("where(d).frames[0].line").text, "4");
}

#[test]
fn a_line_keeps_its_number_whatever_is_reset_or_undone() {
    let mut shell = shell();
    let error = |shell: &mut Shell, line: &str| {
        shell.begin_input();
        shell.submit(line).text
    };
    assert!(error(&mut shell, "nothing1").contains("prompt:1:1"));
    assert!(error(&mut shell, "nothing2").contains("prompt:2:1"));
    error(&mut shell, ":reset");
    assert!(error(&mut shell, "nothing3").contains("prompt:4:1"));
    error(&mut shell, ":undo");
    assert_eq!(shell.prompt(), "[6] 0 ms (before line 3)> ");
    assert!(error(&mut shell, "nothing4").contains("prompt:6:1"));
    shell.begin_input();
    assert_eq!(stopped_at(&mut shell, 6), 3);
}

/// Types lines, and returns what the last is answered and the prompt after it.
fn typed(shell: &mut Shell, lines: &[&str]) -> (String, String) {
    let mut answer = String::new();
    for line in lines {
        answer = shell.submit(line).text;
    }
    (answer, shell.prompt())
}

#[test]
fn the_history_of_a_session_is_listed_and_walked() {
    let mut shell = shell();
    for (line, answer, prompt) in [
        ("redo", "error: nothing to redo", "[2] 0 ms> "),
        ("history", "nothing has been typed yet", "[3] 0 ms> "),
        ("let n = 1", "", "[4] 0 ms> "),
        ("n", "1", "[5] 0 ms> "),
        ("tick(2)", "2 ms passed: no switch", "[6] 2 ms> "),
        ("n = 7; throw 1", "error: 1", "[7] 2 ms> "),
        ("help tick", "tick(n)", "[8] 2 ms> "),
        ("fn f() {\n  6\n}", "", "[11] 2 ms> "),
        (
            "undo",
            "before line 8: fn f() { ...",
            "[12] 2 ms (before line 8)> ",
        ),
        (
            "undo 2",
            "before line 5: tick(2)",
            "[13] 0 ms (before line 5)> ",
        ),
        ("ps", "init", "[14] 0 ms (before line 5)> "),
        (
            "redo",
            "after line 5: tick(2)",
            "[15] 2 ms (before line 6)> ",
        ),
        (
            "goto 10",
            "before line 8: fn f() { ...",
            "[16] 2 ms (before line 8)> ",
        ),
        ("goto 4", "before line 4: n", "[17] 0 ms (before line 5)> "),
        (
            "let m = 3",
            "a branch begins here; lines 5 to 8 stay as branch 1",
            "[18] 0 ms> ",
        ),
        ("branches", "after line 3: line 17", "[19] 0 ms> "),
        ("goto branch 1", "after line 8: fn f() { ...", "[20] 2 ms> "),
        ("f() + n", "13", "[21] 2 ms> "),
        (
            "goto 17",
            "before line 17: let m = 3",
            "[22] 0 ms (before line 17)> ",
        ),
        (
            "redo 9",
            "after line 17: let m = 3: all 1 lines redone",
            "[23] 0 ms> ",
        ),
        ("m + n", "4", "[24] 0 ms> "),
        (
            "goto 99",
            "error: there is no line 99 in the history",
            "[25] 0 ms> ",
        ),
        ("goto 9", "before line 8", "[26] 2 ms (before line 8)> "),
        (
            "goto branch 7",
            "error: there is no branch 7",
            "[27] 2 ms (before line 8)> ",
        ),
        (
            ":goto there",
            "goto takes the number of a line",
            "[28] 2 ms (before line 8)> ",
        ),
        (
            "redo 0",
            "redo takes a number of lines",
            "[29] 2 ms (before line 8)> ",
        ),
    ] {
        let (shown, now) = typed(&mut shell, &[line]);
        assert!(shown.contains(answer), "{line}: {shown}");
        assert_eq!(now, prompt, "{line}");
    }
    let (history, _) = typed(&mut shell, &["goto branch 1", "history"]);
    let rows: Vec<Vec<&str>> = history
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let expected = [
        "line time input answer",
        "3 0 ms let n = 1",
        "4 0 ms n looked 1",
        "5 0 ms tick(2) 2 ms passed: no switch",
        "6 2 ms n = 7; throw 1 failed halfway error: 1 ...",
        "7 2 ms help tick looked tick() ...",
        "8 2 ms fn f() { ...",
        "13 0 ms ps looked pid ...",
        "20 2 ms f() + n looked 13",
    ];
    for (row, expected) in rows.iter().zip(expected) {
        assert!(
            row.join(" ").starts_with(expected.trim_end_matches(" ...")),
            "{history}"
        );
    }
    assert_eq!(rows.len(), expected.len(), "{history}");
}

/// A variable of that name is meant, not the command.
#[test]
fn variables_come_before_the_commands_of_the_history() {
    for word in ["history", "branches", "redo", "undo"] {
        assert_eq!(answer(&[&format!("let {word} = 7"), word]), "7");
        assert_ne!(
            answer(&[&format!("let {word} = 7"), &format!(":{word}")]),
            "7"
        );
    }
}

#[test]
fn a_file_that_is_run_has_lines_of_its_own() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("program.rhai");
    let program = format!(
        "fn trace() {{ }}\n{}",
        PROGRAM.join("\n").replace("main)", "main);")
    );
    std::fs::write(&path, program.replace("d, 3", "d, 4")).unwrap();
    let run = format!(":run {}", path.display());
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&told);
    let host = Host {
        warn: Some(Box::new(move |warning| {
            kept.lock().unwrap().push(warning.clone());
        })),
        ..Host::printing(Box::new(|_| Ok(())))
    };
    let mut shell = Shell::new(Limits::default(), host, Colors::Off).unwrap();
    for line in ["let a = 1", &run, "run()"] {
        let answer = shell.submit(line);
        assert_eq!(answer.failure, None, "{line}: {}", answer.text);
    }
    assert_eq!(shell.submit("where(d).frames[0].line").text, "6");
    let told = told.lock().unwrap();
    assert_eq!(told[0].file.as_deref(), path.to_str());
    assert_eq!(told[0].line, 1);
}

/// The message of a program's failed assertion names the file that is running, or the prompt.
#[test]
fn a_failed_assertion_of_a_program_names_its_place() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("asserts.rhai");
    let script = "fn main() {\n    let n = 1;\n    assert(n == 2);\n}\nspawn(\"a\", main);\nrun();";
    std::fs::write(&path, script).unwrap();
    let run = format!(":run {}", path.display());
    let (print, printed) = mpsc::channel();
    let host = Host::printing(Box::new(move |line| {
        print.send(line.to_owned()).unwrap();
        Ok(())
    }));
    let mut shell = Shell::new(Limits::default(), host, Colors::Off).unwrap();
    for line in ["let a = 1", &run, "boot()", script] {
        shell.submit(line);
    }
    assert_eq!(
        printed.try_iter().collect::<Vec<_>>(),
        [
            "asserts.rhai:3:5: assertion failed: n == 2 (1 == 2)",
            "prompt:12:5: assertion failed: n == 2 (1 == 2)"
        ]
    );
}

/// A file for a session to be saved in, which does not exist yet.
fn save_file(name: &str) -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// A session on two branches, in which somebody acted inside a line: what it printed and the state
/// of its machine, and both again from the saved script.
#[test]
fn a_saved_session_plays_to_the_same_machine_and_prints_the_same() {
    use forklab::Session;
    let (sink, printed) = mpsc::channel();
    let host = Host::printing(Box::new(move |line: &str| {
        sink.send(line.to_owned()).unwrap();
        Ok(())
    }));
    let mut shell = Shell::new(Limits::default(), host, Colors::Off).unwrap();
    for line in [
        "let sh = spawn(\"sh\")",
        "let a = sh.mmap(4*KiB)",
        "sh.write(a, 42); print(`page ${hex(a)}`)",
        "nonsense(",
        "let kid = sh.fork()",
        "ps",
        "kid.write(a, 7)",
        "before(\"cow_copy\")",
        "why(kid, a)",
        "sh.write(a, 9)",
        "tick 5",
        "print(why(kid, a))",
        "sh.getpid(); throw 1",
    ] {
        shell.submit(line);
    }
    let path = save_file("played.rhai");
    let said = shell.submit(&format!(":save {}", path.display())).text;
    assert!(
        said.ends_with("8 lines; 1 that failed and 2 that only looked left out"),
        "{said}"
    );
    let again = shell.submit(&format!(":save {}", path.display()));
    assert!(
        again.text.contains("exists and is left as it is"),
        "{}",
        again.text
    );
    let script = std::fs::read_to_string(&path).unwrap();
    let (sink, replayed) = mpsc::channel();
    let print = move |line: &str| {
        sink.send(line.to_owned()).unwrap();
        Ok(())
    };
    let mut session = Session::new(Limits::default(), Box::new(print)).unwrap();
    session
        .run(&script)
        .unwrap_or_else(|failure| panic!("{}\n{script}", failure.message));
    let printed: Vec<String> = printed.try_iter().collect();
    assert!(printed.len() > 5, "{printed:?}");
    assert_eq!(replayed.try_iter().collect::<Vec<_>>(), printed, "{script}");
    let trace = "trace().to_string() + ps().to_string() + pagetable(sh).to_string()";
    assert_eq!(session.eval(trace).unwrap(), {
        let told = shell.submit(trace).text;
        told.trim_end().to_owned()
    });
}

#[test]
fn a_transcript_has_what_was_typed_and_what_came() {
    let mut shell = shell();
    shell.submit("let n = 3");
    shell.submit("print(\"printed\"); n");
    shell.submit("undo");
    let path = save_file("typed.md");
    shell.submit(&format!(":save {}", path.display()));
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = "# A session of forklab\n\n```text\n[1] 0 ms> let n = 3\n\
                    [2] 0 ms> print(\"printed\"); n\nprinted\n3\n\
                    [3] 0 ms> undo\nbefore line 1: let n = 3\n```\n";
    assert_eq!(text, expected);
    let page = save_file("typed.html");
    shell.submit(&format!(":save {}", page.display()));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("before line 1: let n = 3"), "{html}");
    assert!(
        html.contains("id=\"timeline\""),
        "it is the page of the run"
    );
    shell.submit("spawn(\"sh\")");
    let trace = save_file("typed.jsonl");
    let answer = shell.submit(&format!(":save {}", trace.display()));
    assert!(answer.text.contains("the trace of"), "{}", answer.text);
    let first = std::fs::read_to_string(&trace).unwrap();
    assert!(first.starts_with("{\"seq\":0,"), "{first}");
    let answer = shell.submit(&format!(":save {}", save_file("typed.foo").display()));
    assert!(
        answer
            .text
            .contains(":save knows no files that end in .foo"),
        "{}",
        answer.text
    );
    assert!(!save_file("typed.foo").exists());
}

#[test]
fn what_cannot_be_saved_or_loaded_is_told() {
    let path = save_file("later.rhai");
    std::fs::write(&path, "// forklab session 9\nspawn(\"sh\");\n").unwrap();
    let load = format!(":load {}", path.display());
    for (line, says) in [
        (":save", ":save needs the name of a file"),
        (
            ":save /nowhere/at/all.rhai",
            "cannot be written: no such file",
        ),
        (load.as_str(), "a session saved in form 9"),
        (":recover", "there is no session to recover"),
    ] {
        let text = answer(&[line]);
        assert!(text.contains(says), "{line}: {text}");
    }
}
