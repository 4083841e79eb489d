//! Memory that may not be dumped, and core dumps: who lives on, who waits, and where the file is.

use crate::programs::printed;

fn status_of(body: &str) -> Vec<String> {
    printed(&format!(
        "fn victim() {{ {body} kill(getpid(), SIGQUIT); 0 }}
        fn main() {{
            let limit = [1000000, 1000000];
            setrlimit(RLIMIT_CORE, addr(limit));
            if fork() == 0 {{ victim(); exit(0); }}
            let status = 0;
            wait(addr(status));
            print(status);
            print(open(\"core\", O_RDONLY) >= 0);
            0
        }}
        spawn(\"p\", main, #{{uid: 0}});
        run();"
    ))
}

/// 0x80 says that there is a core file.
#[test]
fn a_change_of_the_effective_id_forbids_the_dump_until_the_next_exec() {
    for (body, status) in [
        ("", "131"),
        ("setuid(0);", "131"),
        ("setreuid(500, -1);", "131"),
        ("setuid(500);", "3"),
        ("setreuid(-1, 500);", "3"),
        ("setresuid(-1, 500, -1);", "3"),
        ("setresuid(500, -1, -1);", "3"),
        ("setgid(7);", "3"),
        ("setfsuid(7);", "3"),
        ("setfsgid(7);", "3"),
        ("prctl(PR_SET_DUMPABLE, 0);", "3"),
        ("setuid(500); prctl(PR_SET_DUMPABLE, 1);", "131"),
    ] {
        let lines = status_of(body);
        let core = if status == "131" { "true" } else { "false" };
        assert_eq!(lines, [status, core], "{body}");
    }
}

#[test]
fn dumpable_is_asked_for_inherited_and_set_again_by_exec() {
    let lines = printed(
        "fn later() { print(prctl(PR_GET_DUMPABLE)); 0 }
        fn main() {
            print(prctl(PR_GET_DUMPABLE));
            setuid(500);
            print(prctl(PR_GET_DUMPABLE));
            if fork() == 0 {
                print(prctl(PR_GET_DUMPABLE));
                execve(\"later\", 0, 0);
            }
            wait();
            print(prctl(PR_SET_DUMPABLE, 2));
            0
        }
        spawn(\"p\", main, #{uid: 0});
        run();",
    );
    assert_eq!(lines, ["1", "0", "0", "1", "-22"]);
}

/// `do_coredump()` leaves before it kills anybody.
#[test]
fn other_users_of_memory_that_may_not_be_dumped_live_on() {
    for (dumpable, alive) in [(0, true), (1, false)] {
        let lines = printed(&format!(
            "let sh = spawn(\"sh\");
            let kid = sh.clone(CLONE_VM | SIGCHLD);
            sh.prctl(PR_SET_DUMPABLE, {dumpable});
            kid.kill(kid, SIGSEGV);
            print(kid.exists && kid.state != \"Z\");
            print(sh.exists);"
        ));
        let sh = alive.to_string();
        assert_eq!(lines, ["false", sh.as_str()], "{dumpable}");
    }
}

#[test]
fn a_stranger_of_the_same_user_may_not_attach_to_it() {
    let lines = printed(
        "let tracer = spawn(\"sh\");
        let other = spawn(\"sh\");
        other.prctl(PR_SET_DUMPABLE, 0);
        try { tracer.ptrace_attach(other) } catch (e) { print(e.name) }
        other.prctl(PR_SET_DUMPABLE, 1);
        tracer.ptrace_attach(other);
        print(tracer.wait(other).text);",
    );
    assert_eq!(lines, ["EPERM", "stopped by SIGSTOP"]);
}

#[test]
fn the_file_is_in_the_working_directory_and_without_it_the_status_says_nothing() {
    let lines = printed(
        "fn dies() { kill(getpid(), SIGQUIT); 0 }
        fn main() {
            let limit = [1000000, 1000000];
            setrlimit(RLIMIT_CORE, addr(limit));
            let status = 0;
            chdir(\"/tmp\");
            if fork() == 0 { dies(); }
            wait(addr(status));
            print(status + \" \" + (open(\"/tmp/core\", O_RDONLY) >= 0));
            mkdir(\"/tmp/d\");
            chdir(\"/tmp/d\");
            mkdir(\"core\");
            if fork() == 0 { dies(); }
            wait(addr(status));
            print(status);
            0
        }
        spawn(\"p\", main);
        run();",
    );
    assert_eq!(lines, ["131 true", "3"]);
}

/// The vfork child dies by its first instruction in the kernel, which releases its parent; only then
/// is the dump complete, and the dumping task ends last.
#[test]
fn the_dumping_task_waits_for_the_other_users_of_the_memory() {
    let lines = printed(
        "let sh = spawn(\"sh\");
        sh.setrlimit(RLIMIT_CORE, 1000000, 1000000);
        let user = sh.clone(CLONE_VM | SIGCHLD);
        user.vfork();
        sh.kill(sh, SIGQUIT);
        let ends = trace().only(\"sched_process_exit\").events;
        print(ends.map(|end| end.task));",
    );
    assert_eq!(lines, ["[4, 3, 2]"]);
}

/// A tracer holds one of them at its exit, and another has reached the end of its own: the dump begins
/// when the tracer lets the first go on.
#[test]
fn the_dump_waits_as_long_as_a_tracer_holds_one_of_them() {
    let lines = printed(
        "let tracer = spawn(\"sh\");
        let sh = spawn(\"sh\");
        sh.setrlimit(RLIMIT_CORE, 1000000, 1000000);
        let held = sh.clone(CLONE_VM | SIGCHLD);
        let other = sh.clone(CLONE_VM | SIGCHLD);
        tracer.ptrace_attach(held);
        tracer.wait(held);
        tracer.ptrace_setoptions(held, PTRACE_O_TRACEEXIT);
        tracer.ptrace_cont(held);
        sh.kill(sh, SIGQUIT);
        print([sh.state, held.state, other.state]);
        print(ps());
        tracer.wait(held);
        tracer.ptrace_cont(held);
        print([sh.exists, other.exists]);
        print(tracer.wait(held).text);",
    );
    assert_eq!(lines[0], "[\"D\", \"t\", \"D\"]");
    for doing in [
        "core dump: waits for the other users of its memory",
        "exit: waits until its memory is dumped",
    ] {
        assert!(lines.iter().any(|line| line.ends_with(doing)), "{lines:?}");
    }
    assert!(lines.ends_with(&["[false, false]".into(), "killed by SIGKILL".into()]));
}

#[test]
fn several_users_have_the_pid_in_the_name_of_the_file() {
    let lines = printed(
        "fn sleeps(n) { pause(); 0 }
        fn main() {
            if fork() == 0 {
                let limit = [1000000, 1000000];
                setrlimit(RLIMIT_CORE, addr(limit));
                thread_create(sleeps, 0);
                sleep(10);
                kill(getpid(), SIGQUIT);
                pause();
            }
            let status = 0;
            print(wait(addr(status)));
            print(status);
            print(open(\"core\", O_RDONLY));
            print(open(\"core.3\", O_RDONLY));
            0
        }
        spawn(\"p\", main);
        run();",
    );
    assert_eq!(lines, ["3", "131", "-2", "3"]);
}
