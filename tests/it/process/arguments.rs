//! What calls look at before they copy their arguments, and other small rules of single calls.

use crate::programs::printed;

fn values(calls: &[(&str, i64)]) {
    let prints: String = calls
        .iter()
        .map(|(call, _)| format!("print({call});"))
        .collect();
    let script = format!(
        "fn main() {{ let word = [0]; let none = 0; let bad = 0xc0000000; {prints} none }}
        spawn(\"p\", main, #{{uid: 0}});
        run();"
    );
    let found = printed(&script);
    for ((call, value), line) in calls.iter().zip(found) {
        assert_eq!(line, value.to_string(), "{call}");
    }
}

#[test]
fn a_pid_that_cannot_be_is_refused_before_the_priority_is_copied() {
    values(&[
        ("sched_setscheduler(-1, 1, bad)", -22),
        ("sched_setparam(-1, bad)", -22),
        ("sched_setscheduler(0, 1, bad)", -14),
        ("sched_setparam(0, 0)", -22),
        ("sched_getaffinity(0, 0, 0)", -22),
        ("sched_getaffinity(12345, 4, 0)", -3),
        ("sched_getaffinity(0, 4, 0)", -14),
        ("sched_getaffinity(0, 4, addr(word))", 4),
    ]);
}

/// `sched_setscheduler()`: a negative policy means the present one.
#[test]
fn a_negative_policy_keeps_the_policy() {
    values(
        &[
            ("sched_setscheduler(0, -1, addr(none))", 0),
            ("sched_getscheduler(0)", 0),
            ("store(addr(word), 5) == () && false", 0),
        ][..2],
    );
    let lines = printed(
        "fn main() {
            let five = 5;
            let six = 6;
            print(sched_setscheduler(0, SCHED_RR, addr(five)));
            print(sched_setscheduler(0, -7, addr(six)));
            print(sched_getscheduler(0));
            let back = 0;
            sched_getparam(0, addr(back));
            print(back);
            print(sched_setscheduler(0, 3, addr(six)));
            0
        }
        spawn(\"p\", main, #{uid: 0});
        run();",
    );
    assert_eq!(lines, ["0", "0", "2", "6", "-22"]);
}

/// `get_futex_key()` uses `find_extend_vma()`, without the rule of 32 bytes below the stack pointer.
#[test]
fn a_futex_below_the_stack_pointer_extends_the_stack() {
    values(&[
        ("futex(addr(word) - 400000, FUTEX_WAKE, 1)", 0),
        ("futex(addr(word) - 9000000, FUTEX_WAKE, 1)", -14),
        ("futex(0, FUTEX_WAKE, 1)", -14),
        ("futex(addr(word) + 1, FUTEX_WAKE, 1)", -22),
    ]);
}

#[test]
fn a_program_that_is_truncated_is_empty_and_cannot_be_executed() {
    let lines = printed(
        "let root = spawn(\"sh\", #{uid: 0});
        let fd = root.open(\"/bin/true\", O_WRONLY | O_TRUNC);
        root.close(fd);
        let reader = root.open(\"/bin/true\", O_RDONLY);
        print(root.sys_read(reader, 10) == \"\");
        root.close(reader);
        let kid = root.fork();
        try { kid.exec(\"/bin/true\") } catch (e) { print(e.name) }",
    );
    assert_eq!(lines, ["true", "ENOEXEC"]);
}

/// 2.6.12 would look at such a child for ever: `wait_task_stopped()` asks for another look at it.
#[test]
fn a_stop_for_a_tracer_is_reported_even_if_it_is_left_waitable() {
    let lines = printed(
        "let sh = spawn(\"sh\");
        let kid = sh.fork();
        sh.ptrace_attach(kid);
        let info = sh.waitid(P_PID, kid.pid, WSTOPPED | WNOWAIT);
        print(info.code == CLD_TRAPPED && info.status == 0x137f);
        print(sh.waitid(P_PID, kid.pid, WSTOPPED).status);",
    );
    assert_eq!(lines, ["true", "19"]);
}

#[test]
fn what_is_not_emulated_is_refused_when_the_program_is_compiled() {
    for name in ["mount", "epoll_create", "pivot_root", "mq_open"] {
        let script = format!("fn main() {{ {name}(0, 0, 0); 0 }} spawn(\"p\", main);");
        let mut session =
            forklab::Session::new(forklab::script::Limits::default(), Box::new(|_| Ok(())))
                .unwrap();
        let failure = session.run(&script).unwrap_err().to_string();
        let said = format!("the system call `{name}` is not emulated");
        assert!(failure.contains(&said), "{name}: {failure}");
    }
}

/// `wait` takes an address, as in C, and the words that had none make their calls.
#[test]
fn words_of_calls_that_are_emulated_make_them() {
    let lines = printed(
        "fn main() {
            let status = 0;
            if fork() == 0 { exit(7); }
            print(wait(addr(status)) + \" \" + (status >> 8));
            print(mkdir(\"/tmp/a\") + \" \" + chdir(\"/tmp/a\"));
            let path = array(4);
            print(getcwd(addr(path), 16) + \" \" + str(addr(path)));
            print(chroot(\"/tmp\"));
            getcwd(addr(path), 16);
            print(str(addr(path)));
            print(prctl(PR_SET_PDEATHSIG, SIGTERM));
            print(setreuid(-1, 7) + \" \" + setresuid(-1, 0, -1) + \" \" + geteuid());
            0
        }
        spawn(\"p\", main, #{uid: 0});
        run();",
    );
    assert_eq!(lines, ["3 7", "0 0", "7 /tmp/a", "0", "/a", "0", "0 0 0"]);
}
