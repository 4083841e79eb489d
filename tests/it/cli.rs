//! The command: exit codes and messages for good and bad input.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

pub fn forklab(args: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses the command line reads nothing.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

/// A drawn message without its frame, in one line: what it says, however it is laid out.
pub fn flat(stderr: &[u8]) -> String {
    let text = std::str::from_utf8(stderr).unwrap();
    let is_frame = |c: char| ('\u{2500}'..='\u{257f}').contains(&c) || c == '·';
    let bare = text
        .replace(is_frame, " ")
        .replace("Help:", "help:")
        .replace("Note:", "note:");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Says that something was not tested, and why. The harness shows what tests print only if they
/// fail, but not what goes straight to standard error.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

pub fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Script text, exit code, and what the message must say.
#[test]
fn a_script_that_fails_says_where_and_why() {
    for (script, code, says) in [
        ("print(1);", 0, ""),
        ("let x = ;", 1, "[ <stdin>:1:9 ]"),
        (
            "\n  frok();",
            1,
            "error: there is no function frok() [ <stdin>:2:3 ]",
        ),
        ("spawn(1);", 1, "there is no function spawn(int)"),
        (
            "spawn(\"vi\");",
            1,
            "there is no program \"vi\" (ENOENT: no such file or directory)",
        ),
        ("spawn(\"null\");", 1, "EACCES"),
        ("boot(#{mmm: 1});", 1, "there is no option mmm"),
        (
            "boot(#{mem: 1});",
            1,
            "mem is 1 bytes, but must be 4 MiB to 896 MiB",
        ),
        ("boot(#{cpus: true});", 1, "option cpus must be an int"),
        (
            "let sh = spawn(\"sh\"); sh.read(0);",
            1,
            "SIGSEGV: read at 0x00000000",
        ),
        (
            "let sh = spawn(\"sh\"); sh.read(1 << 40);",
            1,
            "does not fit in 32 bits",
        ),
        (
            "let sh = spawn(\"sh\"); sh.exit(0); sh.fork();",
            1,
            "task 2 is gone: it exited with 0 and was reaped",
        ),
        (
            "let sh = spawn(\"sh\"); let k = sh.fork(); k.exit(0); k.fork();",
            1,
            "zombie",
        ),
        (
            "spawn(\"hog\", workload([\"walk\"]));",
            1,
            "\"walk\": no such step",
        ),
        (
            "fn f() { task(9) }\nf();",
            1,
            "error: there is no task 9 [ <stdin>:1:10 ]",
        ),
        ("throw \"own words\";", 1, "error: own words"),
        (
            "init().exit(0);",
            1,
            "task 1 (init) cannot act: it only adopts orphans",
        ),
        (
            "let sh = spawn(\"sh\"); sh.fill(sh.mmap(4*KiB), -1, 0);",
            1,
            "the length is -1, but must be 0 to 3221225472",
        ),
        (
            "spawn(\"sh\").wait();",
            1,
            "ECHILD: no child processes: 2 has no children",
        ),
        (
            "spawn(\"sh\").mmap(0);",
            1,
            "help: the length must not be 0",
        ),
        ("help(\"forkk\");", 1, "did you mean fork?"),
        (
            "tick(1 << 40);",
            4,
            "limit ticks: 100,000,000; --max-ticks N sets another",
        ),
        (
            "try { tick(1 << 40) } catch { print(1) }",
            4,
            "limit ticks: 100,000,000",
        ),
        (
            "spawn(\"sh\").vfork().read(0);",
            1,
            "help: maps(task) shows what is mapped; an access outside of it kills the task",
        ),
        (
            "boot(#{mem: 4*MiB}); let sh = spawn(\"sh\"); \
             loop { sh.touch(sh.mmap(256*KiB), 64) }",
            1,
            "help: let tasks exit, boot(#{mem: ..}) with more memory, or boot(#{swap: ..})",
        ),
        (
            "spawn(\"sh\").mmap(0, 1, 0, MAP_PRIVATE);",
            1,
            "help: open() a file first, or add MAP_ANONYMOUS; fds(task) shows what is open",
        ),
        (
            "boot(#{threads_max: 20}); let sh = spawn(\"sh\"); loop { sh.fork() }",
            1,
            "error: fork failed: EAGAIN",
        ),
        (
            "for n in 0..5000 { spawn(\"sh\").exit(0) } trace().to_string();",
            4,
            "take part of a long view: trace(mark)",
        ),
        ("tick(-1);", 1, "but must be at least 0"),
        ("timeline(5, 2);", 1, "but must be at least 5"),
        (
            "tick(20); timeline(5, 5);",
            1,
            "there is no tick from 5 to 5",
        ),
        ("tick(20); latency(60, 70);", 1, "tick 60 is still to come"),
        ("tick(20); timehist(3, 3);", 1, "it is 20 ms now"),
        ("spawn(\"sh\", #{cpu: 1});", 1, "cpu is 1, but must be 0 ["),
        (
            "spawn(\"h\", workload([\"goto 0\"])); tick();",
            1,
            "task 2 (h) loops without ever using time",
        ),
        ("sleep(5);", 1, "help: tick(n) lets n ms pass"),
        ("import \"x\" as x;", 1, "a script is a single file"),
        ("let x = \"abc;", 1, "backticks enclose several lines"),
        ("let ä = 1;", 1, "names consist of a-z"),
        ("let x = tick(1) + 1;", 1, "+ does not work on (), int"),
        ("for x in ps() { }", 1, "for cannot iterate over this value"),
        ("measure(|| boot());", 1, "help: call boot() before measure"),
        ("measure(|| throw 1);", 1, "in the call of a closure"),
        ("loop { }", 4, "error: "),
        ("fn f() { f() } f();", 4, "error: "),
        ("let s = \"x\"; loop { s += s; }", 4, "error: "),
    ] {
        let output = forklab(&["run", "-"], script.as_bytes());
        let message = flat(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{script}\n{message}");
        assert!(message.contains(says), "{script}\n{message}");
    }
}

/// Misspelt words, and what the message takes them for.
#[test]
fn a_misspelt_word_is_answered_with_the_right_one() {
    for (script, says) in [
        ("spwan(\"sh\");", "did you mean spawn?"),
        ("spawn(\"sh\").frok();", "did you mean fork?"),
        ("spawn(\"sh\").pidd;", "did you mean pid?"),
        ("spawn(\"sh\").fork;", "it is a function: task.fork()"),
        (
            "let sh = spawn(\"sh\"); sh.pid = 3;",
            "pid of a Task is read-only",
        ),
        ("spawn(\"sh\").mm.userz;", "did you mean users?"),
        ("print(CLONE_VMM);", "did you mean CLONE_VM?"),
        (
            "spawn(\"sh\").clone(\"x\");",
            "it is task.clone(args) or task.clone(flags)",
        ),
        (
            "let sh = 1; fn f() { sh } f();",
            "a function sees only its parameters: pass sh as one",
        ),
    ] {
        let output = forklab(&["run", "-"], script.as_bytes());
        let message = flat(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{script}\n{message}");
        assert!(message.contains(says), "{script}\n{message}");
    }
}

/// One handler does for all errors: they have the same properties, whoever raised them.
#[test]
fn every_error_that_is_caught_has_the_same_properties() {
    for (failing, name, errno) in [
        ("spawn(\"sh\").clone(CLONE_THREAD)", "EINVAL", 22),
        ("spawn(\"sh\").read(0)", "SIGSEGV", 0),
        ("task(9)", "", 0),
        ("frok()", "", 0),
        ("1 / 0", "", 0),
        ("#{}.x", "", 0),
        ("[1][7]", "", 0),
        ("spawn(\"sh\").size", "", 0),
        ("let f = |x| x / 0; f.call(1)", "", 0),
    ] {
        let script = format!(
            "try {{ {failing}; }} catch (e) {{
                 assert(e.message != \"\");
                 assert_eq(type_of(e.help) + type_of(e.note), \"stringstring\");
                 print(`${{e.name}} ${{e.errno}}`);
             }}"
        );
        let output = forklab(&["run", "-"], script.as_bytes());
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, format!("{name} {errno}\n"), "{failing}");
    }
}

/// Maps of scripts grow by assignment; only reading a key that is not there is an error.
#[test]
fn a_map_can_be_given_new_keys() {
    let script = "let m = #{a: 1}; m.b = 2; m[\"c\"] = 3; print(m); print(m.d);";
    let output = forklab(&["run", "-"], script.as_bytes());
    assert_eq!(output.stdout, b"#{\"a\": 1, \"b\": 2, \"c\": 3}\n");
    let message = flat(&output.stderr);
    assert!(message.contains("there is no field d"), "{message}");
}

/// An error as text is its message, the same at every run.
#[test]
fn an_error_that_is_caught_prints_as_its_message() {
    let script = "
        fn tried(act) { try { act.call() } catch (e) { print(e); print(`<${e}>`) } }
        tried(|| task(9));
        tried(|| frok());
        tried(|| throw \"own words\");
        tried(|| throw #{error: \"mine\", message: \"m\"});
        try { 1 / 0 } catch (e) {
            let kept = [e];
            let later = || `${e.help}`;
            print(later.call() + kept[0].name);
        }
        print(#{a: 1, b: [\"x\", ()]});";
    let output = forklab(&["run", "-"], script.as_bytes());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "there is no task 9\n<there is no task 9>\n\
         there is no function frok()\n<there is no function frok()>\n\
         own words\n<own words>\n\
         #{\"error\": \"mine\", \"message\": \"m\"}\n<#{\"error\": \"mine\", \"message\": \"m\"}>\n\
         check the divisor first: if n != 0 { .. }\n\
         #{\"a\": 1, \"b\": [\"x\", ()]}\n"
    );
}

/// Handles from before `boot()` never act on a task that has the same place in the new machine.
#[test]
fn a_handle_belongs_to_the_machine_that_made_it() {
    let script = "
        let old = spawn(\"sh\");
        let kid = old.fork();
        let waiting = old.wait();
        boot();
        let new = spawn(\"sh\");
        assert(old != new && !old.exists);
        print(old);
        print(waiting);
        for act in [|| old.fork(), || old.pid + old.prio, || waiting.done] {
            try { act.call(); print(\"done\") } catch (e) { print(e) }
        }";
    let output = forklab(&["run", "-"], script.as_bytes());
    let gone = "task 2 is gone: it belonged to the machine before boot()\n";
    let call = "a call that belongs to an earlier boot, or was forgotten after many later calls\n";
    let call_error =
        "the call belongs to an earlier boot, or was forgotten after many later calls\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        [gone, call, gone, gone, call_error].concat()
    );
}

/// A limit's message says which one it is.
#[test]
fn values_nested_without_end_meet_the_limit_not_the_end_of_the_stack() {
    let script = b"let f = || 1; loop { let g = f; f = || g.call() + 1; }";
    let output = forklab(&["run", "-"], script);
    assert_eq!(output.status.code(), Some(4));
    let message = flat(&output.stderr);
    assert!(
        message.contains("limit operations: 10,000,000"),
        "{message}"
    );
}

#[test]
fn text_files_of_every_kind_are_read() {
    for (script, printed) in [
        (&b"\xef\xbb\xbfprint(1);"[..], "1\n"),
        (b"#!/usr/bin/env forklab\nprint(2);", "2\n"),
        (b"\xef\xbb\xbf#! x\r\nprint(3);\r\n", "3\n"),
        ("\tprint(\"zwölf 十二\");".as_bytes(), "zwölf 十二\n"),
    ] {
        let output = forklab(&["run", "-"], script);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), printed);
    }
}

/// `forklab run x | head -1`: an endless script ends when nobody reads.
#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(["-e", "loop { print(1) }"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_complained_about() {
    let full = fs::File::create("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_forklab"));
    let output = command
        .args(["-e", "loop { print(1) }"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = flat(&output.stderr);
    assert!(message.contains("cannot print any more"), "{message}");
}

#[test]
fn emulated_memory_and_pids_run_out_without_harm() {
    let out_of_memory = "
        boot(#{mem: 4*MiB});
        let sh = spawn(\"sh\");
        try { loop { sh.touch(sh.mmap(256*KiB), 64) } } catch (e) { print(e.name) }
        print(spawn(\"sh\").pid > 0);";
    let out_of_pids = "
        boot(#{pid_max: 301});
        let sh = spawn(\"sh\");
        let made = 0;
        try { loop { sh.fork(); made += 1; } } catch (e) { print(made + \" \" + e.name) }";
    for (script, printed) in [
        (out_of_memory, "SIGKILL\ntrue\n"),
        (out_of_pids, "298 EAGAIN\n"),
    ] {
        let output = forklab(&["run", "-"], script.as_bytes());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{script}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            printed,
            "{script}"
        );
    }
}

#[test]
fn files_that_cannot_be_run_are_named() {
    let not_text = scratch("not_text.rhai", b"print(1);\n\xff\xfe");
    let empty = scratch("empty.rhai", b" \n");
    for (path, code, says) in [
        ("no/such/file.rhai", 2, "no/such/file.rhai: no such file"),
        ("scripts", 2, "is a directory"),
        (
            not_text.to_str().unwrap(),
            2,
            "not UTF-8 text: byte 10, on line 2",
        ),
        (empty.to_str().unwrap(), 0, "the script is empty"),
    ] {
        let output = forklab(&["run", path], b"");
        let message = flat(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{path}\n{message}");
        assert!(message.contains(says), "{path}\n{message}");
    }
}

#[test]
fn several_files_run_each_on_a_fresh_machine() {
    let script = scratch("one.rhai", b"print(spawn(\"sh\").pid);");
    let path = script.to_str().unwrap();
    let output = forklab(&["run", path, path], b"");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"2\n2\n");
}

#[test]
fn the_exit_code_is_that_of_the_first_script_that_failed() {
    let fine = scratch("fine.rhai", b"print(1);");
    let wrong = scratch("wrong.rhai", b"throw 1;");
    let (fine, wrong) = (fine.to_str().unwrap(), wrong.to_str().unwrap());
    for (files, code) in [(vec![fine, wrong, fine], 1), (vec!["none", wrong], 2)] {
        let args: Vec<&str> = ["run"].into_iter().chain(files).collect();
        assert_eq!(forklab(&args, b"").status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn an_expression_prints_its_value() {
    for (expression, printed) in [
        ("6 * 7", "42\n"),
        ("spawn(\"sh\").pid", "2\n"),
        ("tick()", ""),
        ("spawn(\"e\", workload([\"exit\"])).exists", "false\n"),
        ("let n = 0; for e in trace() { n += e.tick; } n", "0\n"),
        (
            "spawn(\"sh\").fork(); trace().only(\"sched_process_fork\")[-1].child == 3",
            "true\n",
        ),
        (
            "let sh = spawn(\"sh\"); let kid = sh.fork(); kid.exit(0); maps(kid)",
            "no address space\n",
        ),
    ] {
        let output = forklab(&["-e", expression], b"");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), printed);
        assert_eq!(output.status.code(), Some(0));
    }
}

/// The overview fits a terminal, and lists only what is called by its name.
#[test]
fn help_lists_every_name_once_in_lines_that_fit() {
    let output = forklab(&["-e", "help()"], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        assert!(line.len() <= 100, "{line}");
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    for (word, listed) in [
        ("fork", true),
        ("vtop", true),
        ("to_debug", false),
        ("==", false),
    ] {
        assert_eq!(words.contains(&word), listed, "{word}");
    }
}

#[test]
fn a_wrong_command_line_is_told_so() {
    for args in [&["run"][..], &["walk"], &["-e"], &["-e", "1", "run", "-"]] {
        assert_eq!(forklab(args, b"").status.code(), Some(2), "{args:?}");
    }
    for args in [&["--help"][..], &["--version"]] {
        assert_eq!(forklab(args, b"").status.code(), Some(0), "{args:?}");
    }
}

/// Rhai names closures by hashes, which must not differ from run to run.
#[test]
fn a_closure_prints_the_same_at_every_run() {
    let print = || forklab(&["-e", "|x| x + 1"], b"").stdout;
    let first = print();
    assert!(!first.is_empty());
    assert_eq!(print(), first);
}

/// What a pipe or a file gets is what the script prints, byte for byte; messages are for people.
#[test]
fn control_characters_are_kept_where_no_terminal_reads_them() {
    let output = forklab(&["-e", "print(\"\\x1b[5mx\"); throw \"\\x1b[5my\""], b"");
    assert_eq!(output.stdout, b"\x1b[5mx\n");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("error: \u{241b}[5my"), "{message}");
    let output = forklab(&["run", "\x1b[5mnone"], b"");
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, "forklab: \u{241b}[5mnone: no such file\n");
}

/// Whoever hides a built-in function is told so, once, before the script runs.
#[test]
fn functions_that_hide_built_in_ones_are_warned_of() {
    let script = b"fn trace() { 7 }\nfn assert_eq(a, b) {}\nfn trace(a, b, c) { }\n\
        assert_eq(1, 2);\nprint(trace() + trace());\n";
    let output = forklab(&["run", "-"], script);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        message,
        "<stdin>:1: warning: this function is called instead of the built-in trace()\n\
         <stdin>:2: warning: this function is called instead of the built-in \
         assert_eq(left, right)\n"
    );
    assert_eq!(
        (output.stdout, output.status.code()),
        (b"14\n".to_vec(), Some(0))
    );
    let typed = forklab(&[], b"fn trace() { 7 }\ntrace()\ntrace()\n");
    let message = String::from_utf8(typed.stderr).unwrap();
    assert_eq!(message.matches("warning").count(), 1, "{message}");
    assert_eq!(typed.stdout, b"7\n7\n");
}

/// A folder of scripts to test.
pub fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(name)
        .join("scripts");
    let _ = fs::remove_dir_all(folder.parent().unwrap());
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

/// The same text is a script for both, and the same text is none.
#[test]
fn run_and_test_read_a_file_in_the_same_way() {
    let texts: [(&str, &[u8]); 2] = [
        ("mark.rhai", b"\xef\xbb\xbfprint(1);"),
        (
            "shebang.rhai",
            b"\xef\xbb\xbf#!/usr/bin/env forklab\nprint(1);",
        ),
    ];
    let scripts = folder("read_alike", &texts);
    for (name, _) in texts {
        let path = scripts.join(name);
        let path = path.to_str().unwrap();
        assert_eq!(forklab(&["run", path], b"").stdout, b"1\n", "{name}");
        forklab(&["test", "--accept", path], b"");
        assert_eq!(
            forklab(&["test", path], b"").status.code(),
            Some(0),
            "{name}"
        );
    }
    let broken = folder("not_text", &[("broken.rhai", b"print(1);\n\xff\xfe")]);
    let path = broken.join("broken.rhai");
    let run = forklab(&["run", path.to_str().unwrap()], b"");
    let test = forklab(&["test", path.to_str().unwrap()], b"");
    assert_eq!((run.status.code(), test.status.code()), (Some(2), Some(2)));
    let why = "not UTF-8 text: byte 10, on line 2; only UTF-8 files can be read";
    for said in [run.stderr, test.stdout] {
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(why), "{said}");
    }
}

/// Whoever wrote the folder may not be allowed to read what a link leads to.
#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    use std::os::unix::fs::symlink;
    let secret = scratch("secret.txt", b"secret words");
    let scripts = folder("linked", &[("own.rhai", b"print(1);")]);
    symlink(secret, scripts.join("out.rhai")).unwrap();
    symlink("own.rhai", scripts.join("within.rhai")).unwrap();
    let output = forklab(&["test", "--accept", scripts.to_str().unwrap()], b"");
    let said = String::from_utf8_lossy(&output.stdout);
    let said = format!("{said}{}", flat(&output.stderr));
    assert!(!said.contains("secret"), "{said}");
    let refused = "out.rhai: a link to a file outside of the folder is not followed";
    assert!(said.contains(refused), "{said}");
    assert!(said.contains("2 passed, 1 failed"), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
}

/// A view is printed in colours wherever text is: at the prompt and by a script.
#[test]
fn views_that_scripts_print_follow_the_choice_of_colours() {
    let script =
        "spawn(\"sh\"); print(ps()); print(trace()); predict(\"a?\", || { print(ps()); 1 })";
    let printed = |color: &str| {
        let output = forklab(&["--color", color, "-e", script], b"");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let (always, never, auto) = (printed("always"), printed("never"), printed("auto"));
    assert!(always.contains("\u{1b}[1msh\u{1b}[0m"), "{always}");
    assert!(!never.contains('\u{1b}'), "{never}");
    assert_eq!(never, auto);
    assert_eq!(anstream::adapter::strip_str(&always).to_string(), never);
}

#[test]
fn a_transcript_has_each_script_what_it_printed_and_how_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("a.rhai");
    fs::write(&script, "print(1 + 1);\nprint(ps());\nthrow \"no\";\n").unwrap();
    let transcript = folder.path().join("run.md");
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_forklab"))
            .arg("run")
            .arg(&script)
            .arg("--transcript")
            .arg(&transcript)
            .output()
            .unwrap()
    };
    let output = run();
    assert_eq!(output.status.code(), Some(1));
    let text = fs::read_to_string(&transcript).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("```rhai\nprint(1 + 1);"), "{text}");
    assert!(
        text.contains(&format!("```text\n{printed}error: no")),
        "{text}"
    );
    // An older transcript is not lost.
    let output = run();
    assert_eq!(output.status.code(), Some(2));
    let why = String::from_utf8(output.stderr).unwrap();
    assert!(why.contains("exists and is left as it is"), "{why}");
    assert_eq!(fs::read_to_string(&transcript).unwrap(), text);
}
