//! Programs from outside on the command line: what they print, where they print it, how they end,
//! and what is said of those that cannot run.

use crate::cli::skipped;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn forklab(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read leaves a pipe that cannot be written.
    let _ignored = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Exit code, output and messages.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = forklab(&[&["run"], args].concat(), b"");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Code that makes system calls with these registers (eax, ebx, ecx, edx), one after the other.
fn calls(calls: &[[u32; 4]]) -> Vec<u8> {
    let mut code = Vec::new();
    for call in calls {
        // mov $value, %eax, %ebx, %ecx, %edx
        for (opcode, value) in [0xb8, 0xbb, 0xb9, 0xba].into_iter().zip(call) {
            code.push(opcode);
            code.extend(value.to_le_bytes());
        }
        code.extend([0xcd, 0x80]);
    }
    code
}

/// An ELF file with one segment, which is executed from its first byte after the headers.
fn elf(machine: u16, kind: u32, code: &[u8]) -> Vec<u8> {
    let start = 0x0804_8000_u32;
    let mut bytes = b"\x7fELF\x01\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([2, 0]);
    bytes.extend(machine.to_le_bytes());
    for word in [1, start + 0x54, 0x34, 0, 0] {
        bytes.extend(u32::to_le_bytes(word));
    }
    for half in [0x34_u16, 0x20, 1, 0, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [kind, 0, start, start, 0x1000, 0x1000, 7, 0x1000] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(code);
    bytes.resize(0x1000, 0);
    bytes
}

/// A file in a folder of its own.
fn file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_program_prints_and_its_exit_code_is_that_of_forklab() {
    assert_eq!(
        run(&["scripts/c/hello", "a", "b c"]),
        (
            0,
            "hello, world\nargument 1 is a\nargument 2 is b c\n".to_owned(),
            String::new()
        )
    );
    let folder = tempfile::tempdir().unwrap();
    let exit = file(folder.path(), "exit", &elf(3, 1, &calls(&[[1, 7, 0, 0]])));
    assert_eq!(run(&[&exit]), (7, String::new(), String::new()));
}

/// As in a shell: 128 plus the signal, which is named.
#[test]
fn a_program_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let code = calls(&[[20, 0, 0, 0]]);
    // mov %eax, %ebx; mov $37, %eax; mov $15, %ecx; int $0x80
    let kill = [0x89, 0xc3, 0xb8, 37, 0, 0, 0, 0xb9, 15, 0, 0, 0, 0xcd, 0x80];
    let killed = file(
        folder.path(),
        "killed",
        &elf(3, 1, &[&code[..], &kill].concat()),
    );
    let (exit, output, messages) = run(&[&killed]);
    assert_eq!((exit, output.as_str()), (143, ""));
    assert_eq!(messages, "forklab: killed by SIGTERM\n");
    let fault = file(folder.path(), "fault", &elf(3, 1, &[0xa1, 0, 0, 0, 0]));
    let (exit, _, messages) = run(&[&fault]);
    assert_eq!(exit, 139);
    insta::assert_snapshot!(messages, @r"
    2:fault SIGSEGV: read at 0x00000000, error code 0x4 (MAPERR): nothing is mapped there; the next area begins at 0x08048000
      at 0x08048054
    forklab: killed by SIGSEGV
    ");
}

/// stdio's buffer is copied by fork: how often a line is printed depends on where it goes.
#[test]
fn a_buffer_is_flushed_twice_in_a_file() {
    let (_, output, _) = run(&["scripts/c/buffer_twice"]);
    assert_eq!(output, "hello\nhello\n");
    let script = "spawn(program(\"buffer_twice\")); run();";
    let folder = tempfile::tempdir().unwrap();
    fs::copy("scripts/c/buffer_twice", folder.path().join("buffer_twice")).unwrap();
    let on_terminal = file(folder.path(), "a.rhai", script.as_bytes());
    let (_, output, _) = run(&[&on_terminal]);
    assert_eq!(output, "hello\n");
}

/// read(0), write(1) of what was read; write(2).
#[test]
fn input_output_and_messages_go_where_they_go_outside() {
    let folder = tempfile::tempdir().unwrap();
    let buffer = 0x0804_8800;
    let code = calls(&[
        [3, 0, buffer, 64],
        [4, 1, buffer, 6],
        [4, 2, buffer + 6, 4],
        [1, 0, 0, 0],
    ]);
    let cat = file(folder.path(), "cat", &elf(3, 1, &code));
    let output = forklab(&["run", &cat], b"input\nmore");
    assert_eq!(output.stdout, b"input\n");
    assert_eq!(output.stderr, b"more");
    let bytes = forklab(&["run", &cat], b"\xff\x00\x1b[1m\nxyz");
    assert_eq!(bytes.stdout, b"\xff\x00\x1b[1m", "bytes stay as they are");
}

#[test]
fn files_that_are_named_are_in_the_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    let (path, buffer) = (0x0804_8800_u32, 0x0804_8900);
    let mut program = elf(
        3,
        1,
        &calls(&[
            [5, path, 0, 0],
            [3, 3, buffer, 9],
            [4, 1, buffer, 9],
            [1, 0, 0, 0],
        ]),
    );
    program[0x800..0x809].copy_from_slice(b"data.txt\0");
    let reads = file(folder.path(), "reads", &program);
    let data = file(folder.path(), "data.txt", b"some data");
    assert_eq!(run(&[&reads, "--file", &data]).1, "some data");
    assert_eq!(run(&[&reads]).1, "\0".repeat(9), "it is not there");
    let (exit, _, messages) = run(&[&reads, "--file", "no such"]);
    assert_eq!(exit, 2);
    assert!(messages.contains("no such: no such file"), "{messages}");
}

#[test]
fn why_a_file_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, says) in [
        ("wide", elf(62, 1, &[]), "x86-64"),
        ("wide", elf(62, 1, &[]), "compile with -m32"),
        ("shared", elf(3, 3, &[]), "link with -static"),
    ] {
        let path = file(folder.path(), name, &bytes);
        let (exit, output, messages) = run(&[&path]);
        assert_eq!((exit, output.as_str()), (2, ""));
        assert!(messages.contains(says), "{messages}");
    }
}

#[test]
fn a_program_that_never_ends_hits_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let hog = file(folder.path(), "hog", &elf(3, 1, &[0xeb, 0xfe]));
    for limit in ["--max-ticks=50", "--max-work=1000000"] {
        let (exit, _, messages) = run(&[&hog, limit]);
        assert_eq!(exit, 4, "{messages}");
    }
    // pause() for ever, without a signal to come.
    let waits = file(folder.path(), "waits", &elf(3, 1, &calls(&[[29, 0, 0, 0]])));
    let (exit, _, messages) = run(&[&waits]);
    assert_eq!(exit, 1);
    assert!(messages.contains("has not ended"), "{messages}");
}

/// Where there is a compiler, the sources print what the programs beside them print.
#[test]
fn the_programs_of_the_folder_are_those_of_their_sources() {
    let mut sources: Vec<_> = fs::read_dir("scripts/c")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "c"))
        .collect();
    sources.sort();
    assert!(sources.len() >= 6, "{sources:?}");
    for source in sources {
        let program = source.with_extension("");
        let built = run(&[source.to_str().unwrap()]);
        if built.2.contains("no C compiler") {
            skipped("there is no C compiler for i386");
            return;
        }
        assert_eq!(run(&[program.to_str().unwrap()]), built, "{source:?}");
    }
}

#[test]
fn the_errors_of_the_compiler_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = file(folder.path(), "wrong.c", b"int main(void) { return }\n");
    let (exit, output, messages) = run(&[&wrong]);
    if messages.contains("no C compiler") {
        skipped("there is no C compiler for i386");
        return;
    }
    assert_eq!((exit, output.as_str()), (2, ""));
    assert!(messages.contains("wrong.c:1:"), "{messages}");
}

/// What is told of a program goes to standard error, beside what it prints itself.
#[test]
fn a_run_can_be_told_in_three_ways() {
    let (exit, output, story) = run(&["--story", "scripts/c/cow_frames"]);
    assert_eq!((exit, output.as_str()), (0, "child\nparent\n"));
    let lines: Vec<&str> = story.lines().collect();
    assert!(
        lines[0].ends_with("2:cow_frames  execve(\"cow_frames\")"),
        "{story}"
    );
    let copied = lines
        .iter()
        .find(|line| line.contains("(page of cow_frames.c, cow_frames.c:16)"));
    assert!(
        copied.is_some_and(|line| line.contains("3:cow_frames  writes")),
        "{story}"
    );
    let last = "1 fork, 2 frames copied (1 data, 1 stack), nobody left unreaped";
    assert_eq!(lines.last(), Some(&last));

    let (_, _, tree) = run(&["--tree", "scripts/c/cow_frames"]);
    insta::assert_snapshot!(tree, @r#"
    2:cow_frames  "parent\n"  exited 0
    `- 3:cow_frames  "child\n"  exited 0
    lines printed 2   processes made 1   frames copied 2   unreaped 0
    "#);

    let (_, _, strace) = run(&["--strace", "scripts/c/cow_frames"]);
    for line in [
        "[pid     2] fork() = 3",
        "[pid     2] waitpid(-1, NULL, 0) = 3",
        "[pid     3] +++ exited with 0 +++",
    ] {
        assert!(strace.contains(line), "{line}: {strace}");
    }
}

#[test]
fn options_of_programs_are_refused_for_scripts_and_the_other_way_round() {
    let script = "scripts/cow.rhai";
    for (option, says) in [
        (&["--story"][..], "family()"),
        (&["--strace"], "boot(#{strace: true})"),
        (&["--tree"], "family()"),
        (&["--outputs"], "jitter(seed)"),
        (&["--compat"], "boot(#{compat: true})"),
        (&["--file", "Cargo.toml"], "file(name)"),
        (&["--verbose"], "with the C file"),
    ] {
        let (exit, output, messages) = run(&[option, &[script]].concat());
        assert_eq!((exit, output.as_str()), (2, ""), "{option:?}");
        let what = format!(
            "forklab: {} is for programs, but this is a script",
            option[0]
        );
        assert!(messages.starts_with(&what), "{messages}");
        assert!(messages.contains(says), "{messages}");
    }
    let (exit, _, messages) = run(&["--story", "no_such.rhai"]);
    assert_eq!(exit, 2);
    assert!(messages.contains("no_such.rhai"), "{messages}");

    let (exit, _, messages) = run(&["--ask", "scripts/c/race"]);
    let what = "forklab: --ask is for scripts, but this is a program\n";
    assert_eq!((exit, messages.as_str()), (2, what));
}

/// All outputs of many interleavings, each with a seed that leads to it again.
#[test]
fn a_seed_repeats_the_output_that_it_was_named_for() {
    let program = "scripts/c/race";
    let (exit, outputs, _) = run(&["--outputs", "--runs", "40", program]);
    assert_eq!(exit, 0);
    let mut lines = outputs.lines();
    let count = lines.next().unwrap();
    assert!(count.ends_with("outputs in 40 interleavings"), "{count}");
    let found: Vec<(&str, &str)> = lines
        .by_ref()
        .zip(outputs.lines().skip(2))
        .step_by(2)
        .collect();
    assert!(found.len() > 1, "{outputs}");
    for (shown, command) in found {
        let seed = command.rsplit(' ').next().unwrap();
        let (_, output, _) = run(&["--seed", seed, program]);
        assert!(
            shown.contains(&format!("{output:?}")),
            "seed {seed}: {shown}"
        );
    }
    assert_eq!(run(&["--outputs", "--runs", "40", program]).1, outputs);
}
