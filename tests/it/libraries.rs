//! Programs of a present-day C library with `--compat`: they are compiled here, if there is a
//! compiler, and run.

use crate::cli::skipped;
use forklab::kernel::syscall::SYSCALLS;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Hello, world.
const HELLO: &str = r#"
#include <stdio.h>
int main(void) { printf("hello\n"); return 3; }
"#;

/// How often is hello printed?
const PUZZLE: &str = r#"
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    if (fork() && fork())
        fork();
    printf("hello\n");
    while (wait(NULL) > 0)
        ;
    return 0;
}
"#;

/// A mutex that others hold, and a condition that is waited for.
const THREADS: &str = r#"
#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static int count, ready;
static void *add(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&lock);
        count++;
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    ready++;
    pthread_cond_signal(&done);
    pthread_mutex_unlock(&lock);
    return arg;
}
int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, add, NULL))
            return 1;
    pthread_mutex_lock(&lock);
    while (ready < 4)
        pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%d\n", count);
    return 0;
}
"#;

/// `pipe2`, `select` with a time, the flags of descriptors.
const PIPES: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return 1;
    if (fork() == 0) {
        usleep(20000);
        write(ends[1], "through the pipe", 16);
        _exit(0);
    }
    close(ends[1]);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    struct timeval time = { 5, 0 };
    int ready = select(ends[0] + 1, &set, NULL, NULL, &time);
    char text[99] = "";
    int length = read(ends[0], text, sizeof text);
    int copy = fcntl(ends[0], F_DUPFD_CLOEXEC, 20);
    printf("%d %d %s %d %d\n", ready, length, text, fcntl(ends[0], F_GETFD), copy);
    printf("%d\n", (int)time.tv_sec);
    wait(NULL);
    return 0;
}
"#;

/// Directories by descriptor and by name.
const DIRECTORIES: &str = r#"
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void)
{
    struct stat stat;
    mkdir("/tmp/d", 0755);
    int dir = open("/tmp/d", O_RDONLY | O_DIRECTORY);
    int file = openat(dir, "f", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    write(file, "text", 4);
    int result = fstatat(dir, "f", &stat, 0);
    printf("%d %d\n", result, (int)stat.st_size);
    result = fstat(file, &stat);
    printf("%d %d\n", result, (int)stat.st_size);
    printf("%d\n", fcntl(file, F_GETFD));
    result = openat(99, "f", O_RDONLY);
    printf("%d %d\n", result, errno);
    result = openat(file, "f", O_RDONLY);
    printf("%d %d\n", result, errno);
    printf("%d\n", openat(99, "/tmp/d/f", O_RDONLY) > 0);
    printf("%s\n", getcwd((char[9]){ 0 }, 9));
    DIR *entries = opendir("/tmp/d");
    struct dirent *entry;
    while ((entry = readdir(entries)))
        if (entry->d_name[0] != '.')
            printf("%s\n", entry->d_name);
    return 0;
}
"#;

/// Compiles a static program for i386 with the host's own library; `None` if that cannot be done.
fn compiled(folder: &Path, name: &str, source: &str) -> Option<String> {
    let (c, program) = (folder.join(name).with_extension("c"), folder.join(name));
    fs::write(&c, source).unwrap();
    let status = Command::new("gcc")
        .args(["-m32", "-static", "-O1", "-pthread", "-w", "-o"])
        .args([&program, &c])
        .stderr(Stdio::null())
        .status();
    status
        .is_ok_and(|status| status.success())
        .then(|| program.to_str().unwrap().to_owned())
}

/// Runs a program with `--compat`: exit code, output, and messages.
fn run(args: &[&str]) -> (i32, String, String) {
    run_with(&[&["--compat"], args].concat())
}

fn run_with(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .arg("run")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn programs_of_the_hosts_own_library() {
    let folder = tempfile::tempdir().unwrap();
    for (name, source, code, printed) in [
        ("hello", HELLO, 3, "hello\n"),
        ("puzzle", PUZZLE, 0, "hello\nhello\nhello\nhello\n"),
        ("threads", THREADS, 0, "80000\n"),
        ("pipes", PIPES, 0, "1 16 through the pipe 1 20\n4\n"),
        (
            "directories",
            DIRECTORIES,
            0,
            "0 4\n0 4\n1\n-1 9\n-1 20\n1\n/\nf\n",
        ),
    ] {
        let Some(program) = compiled(folder.path(), name, source) else {
            skipped("there is no gcc -m32 with static libraries");
            return;
        };
        let ran = run(&[&program]);
        assert_eq!(ran, (code, printed.to_owned(), String::new()), "{name}");
    }
}

/// The calls of a line of `strace`, without their pids and arguments.
fn calls(strace: &str) -> Vec<&str> {
    let lines = strace.lines().filter(|line| line.starts_with("[pid"));
    let calls = lines.filter_map(|line| line.split_once("] ")?.1.split_once('('));
    calls.map(|(call, _)| call).collect()
}

/// What starts with `name` in the host's library starts with the same calls here. The list holds
/// what libraries from 2.34 on have in common.
#[test]
fn a_program_starts_with_the_calls_of_its_library() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compiled(folder.path(), "hello", HELLO) else {
        skipped("there is no gcc -m32 with static libraries");
        return;
    };
    let (_, _, strace) = run(&["--strace", &program]);
    let calls = calls(&strace);
    assert_eq!(
        calls[..4],
        ["brk", "brk", "set_thread_area", "set_tid_address"]
    );
    let last = calls[calls.len() - 2..].to_vec();
    assert_eq!(last, ["write", "exit_group"]);
}

/// Which library it is of.
const VERSION: &str = r#"
#include <gnu/libc-version.h>
#include <stdio.h>
int main(void) { puts(gnu_get_libc_version()); return 0; }
"#;

/// A static program of glibc 2.36, if that is the host's library: it prints the number.
fn of_glibc_2_36(folder: &Path) -> Option<String> {
    let program = compiled(folder, "version", VERSION)?;
    (run(&[&program]).1 == "2.36\n").then_some(program)
}

/// The numbers of the calls in what `--strace` prints.
fn numbers(strace: &str) -> Vec<usize> {
    let number = |call: &str| match call.strip_prefix("syscall_0x") {
        Some(number) => usize::from_str_radix(number, 16).unwrap(),
        None => SYSCALLS.iter().position(|row| row.name == call).unwrap(),
    };
    calls(strace).into_iter().map(number).collect()
}

/// ELF examples 52 and 53 were observed with this library: without random bytes in the auxiliary
/// vector it reads address 0. Here it has `fstatat64` (300), too, which lets it ask for a terminal (54).
#[test]
fn examples_52_and_53_how_a_static_program_of_glibc_2_36_starts() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = of_glibc_2_36(folder.path()) else {
        skipped("there is no static glibc 2.36 for i386");
        return;
    };
    let (code, printed, strace) = run(&["--strace", &program]);
    assert_eq!((code, printed.as_str()), (0, "2.36\n"));
    let mut expected = vec![
        45, 45, 243, 258, 311, 386, 191, 85, 355, 403, 265, 45, 45, 45, 125, 383, 300, 54, 4, 252,
    ];
    assert_eq!(numbers(&strace), expected);

    let (code, printed, strace) = run_with(&["--strace", &program]);
    assert_eq!((code, printed.as_str()), (128 + 11, ""));
    expected.truncate(6);
    assert_eq!(numbers(&strace), expected);
    assert!(
        strace.contains("si_code=SEGV_MAPERR, si_addr=0x0}"),
        "{strace}"
    );
}

/// A static busybox for i386, wherever it is named or installed.
fn busybox() -> Option<String> {
    let named = std::env::vars_os().find(|(name, _)| name == "FORKLAB_BUSYBOX");
    let named = named.map(|(_, path)| path.into_string().unwrap());
    let places = named
        .into_iter()
        .chain(["/usr/bin/busybox".to_owned(), "/bin/busybox".to_owned()]);
    places.into_iter().find(|path| {
        let bytes = fs::read(path).unwrap_or_default();
        // A program that names no interpreter, of a 32-bit machine.
        bytes.starts_with(b"\x7fELF\x01") && !bytes.windows(9).any(|text| text == b"/ld-linux")
    })
}

/// A line of the shell, and what it prints.
const LINES: [(&str, &str); 50] = [
    ("echo one two | cat", "one two\n"),
    ("for i in 1 2 3; do echo $i; done | wc -l", "3\n"),
    ("seq 10 | sort -rn | head -n 2", "10\n9\n"),
    ("mkdir /tmp/d; cd /tmp/d; pwd", "/tmp/d\n"),
    ("echo hello > a; echo world >> a; cat a", "hello\nworld\n"),
    ("cat < a | tail -n 1", "world\n"),
    ("cp a b; mv b c; ls", "a\nc\n"),
    ("rm a c; ls | wc -l", "0\n"),
    ("(echo sub; exit 3); echo $?", "sub\n3\n"),
    ("f() { echo \"f $1\"; return 4; }; f x; echo $?", "f x\n4\n"),
    ("trap 'echo usr1' USR1; kill -USR1 $$", "usr1\n"),
    ("sleep 1 & wait $!; echo $?", "0\n"),
    ("sleep 100 & kill $!; wait $!; echo $?", "143\n"),
    ("x=$(echo sub | tr a-z A-Z); echo $x", "SUB\n"),
    ("echo `echo back`", "back\n"),
    ("test -d /tmp && echo yes", "yes\n"),
    ("test -f /none || echo no", "no\n"),
    ("[ 3 -lt 5 ] && echo less", "less\n"),
    ("case abc in a*) echo matched;; esac", "matched\n"),
    (
        "n=0; while [ $n -lt 5 ]; do n=$((n+1)); done; echo $n",
        "5\n",
    ),
    ("until [ $n -eq 0 ]; do n=$((n-1)); done; echo $n", "0\n"),
    ("echo error 2>/dev/null >&2", ""),
    ("printf '%s-%d\\n' a 5", "a-5\n"),
    ("echo 'a b c' | awk '{print $2}'", "b\n"),
    ("echo abc | sed s/b/X/", "aXc\n"),
    ("echo abc | grep -c b", "1\n"),
    ("echo a:b | cut -d: -f2", "b\n"),
    ("find /tmp -type d | sort", "/tmp\n/tmp/d\n"),
    ("echo 1234 > t; stat -c %s t", "5\n"),
    ("ln -s t l; readlink l", "t\n"),
    ("cat l; wc -c < l", "1234\n5\n"),
    ("ln t h; stat -c %h t", "2\n"),
    ("chmod 640 t; stat -c %a t", "640\n"),
    ("expr 6 \\* 7", "42\n"),
    (
        "mkfifo p; test -p p && (echo through > p &); cat p",
        "through\n",
    ),
    ("sh -c 'exit 5'; echo $?", "5\n"),
    ("sh -c 'kill -TERM $$'; echo $?", "143\n"),
    ("cat none 2>/dev/null; echo $?", "1\n"),
    ("echo abc | md5sum | cut -c1-8", "0bee89b0\n"),
    ("yes | head -n 2", "y\ny\n"),
    ("set -- a b; echo $# $2", "2 b\n"),
    (
        "exec 3>three; echo three >&3; exec 3>&-; cat three",
        "three\n",
    ),
    ("echo p q | xargs -n1 echo", "p\nq\n"),
    ("cat <<E\nhere $x\nE", "here SUB\n"),
    ("echo $((1 << 10)) $((7 % 4))", "1024 3\n"),
    ("true && false || echo last", "last\n"),
    ("! false; echo $?", "0\n"),
    ("basename /a/b.c .c; dirname /a/b", "b\n/a\n"),
    ("id -u; uname -s", "500\nLinux\n"),
    ("cd /; rm -r /tmp/d; ls /tmp | wc -l", "0\n"),
];

#[test]
fn a_shell_of_others_runs_a_script() {
    let Some(busybox) = busybox() else {
        skipped("there is no static busybox for i386; FORKLAB_BUSYBOX can name one");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("busybox");
    fs::copy(busybox, &program).unwrap();
    let program = program.to_str().unwrap();
    let script: Vec<&str> = LINES.iter().map(|(line, _)| *line).collect();
    let (code, printed, messages) = run(&[program, "sh", "-c", &script.join("\n")]);
    let mut rest = printed.as_str();
    for (line, expected) in LINES {
        let Some(after) = rest.strip_prefix(expected) else {
            panic!("{line}: {expected:?}, but then comes {rest:?}\n{messages}");
        };
        rest = after;
    }
    assert_eq!((code, rest), (0, ""), "{messages}");
}
