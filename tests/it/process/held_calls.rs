//! Calls of puppets that do not return at once: a call that a tracer stops at its entry is a `Call`,
//! and later has the kernel's value or errno; a wait has the same fields whether or not it blocked.

use crate::programs::printed;

/// A call of `kid`, which its tracer has stopped at the entry; then `print`s, after it has returned.
fn held(call: &str, then: &str) -> Vec<String> {
    printed(&format!(
        "let sh = spawn(\"sh\", #{{uid: 0}});
        let kid = sh.fork();
        let fds = kid.pipe();
        kid.sys_write(fds[1], \"hello\");
        let set = kid.semget(1, 2, IPC_CREAT);
        let page = kid.mmap(8*KiB);
        let other = kid.fork();
        kid.ptrace_attach(other);
        kid.wait(other);
        sh.ptrace_attach(kid);
        sh.wait(kid);
        sh.ptrace_syscall(kid);
        let held = {call};
        assert(type_of(held) == \"Call\", \"a call that has not returned\");
        assert(!held.done && held.value == () && held.errno == 0);
        sh.wait(kid);
        sh.ptrace_detach(kid);
        assert(held.done);
        {then}"
    ))
}

#[test]
fn a_call_that_is_stopped_at_its_entry_is_a_call_whatever_it_is() {
    for (call, value) in [
        ("kid.open(\"/dev/null\")", "5"),
        ("kid.close(fds[0])", "0"),
        ("kid.dup(1)", "5"),
        ("kid.dup2(1, 9)", "9"),
        ("kid.fcntl(fds[0], F_GETFD)", "0"),
        ("kid.pipe()", "[5, 6]"),
        ("kid.sys_read(fds[0], 5)", "hello"),
        ("kid.sys_write(fds[1], \"abc\")", "3"),
        ("kid.unlink(\"/bin/true\")", "0"),
        ("kid.mkdir(\"/tmp/x\")", "0"),
        ("kid.chdir(\"/tmp\")", "0"),
        ("kid.chroot(\"/tmp\")", "0"),
        ("kid.getcwd()", "/"),
        ("kid.umask(0)", "18"),
        ("kid.mmap(4*KiB) ", "0"),
        ("kid.mprotect(page, 4*KiB, PROT_READ)", "0"),
        ("kid.madvise(page, 4*KiB, MADV_DONTNEED)", "0"),
        ("kid.mlock(page, 4*KiB)", "0"),
        ("kid.munlockall()", "0"),
        ("kid.shmget(1, 4*KiB, IPC_CREAT)", "0"),
        ("kid.munmap(page, 4*KiB)", "0"),
        ("kid.sigaction(SIGUSR1, SIG_IGN)", "0"),
        ("kid.sigprocmask(SIG_BLOCK, [SIGUSR1])", "0"),
        ("kid.kill(kid.pid, 0)", "0"),
        ("kid.tkill(kid, 0)", "0"),
        ("kid.alarm(0)", "0"),
        ("kid.setitimer(ITIMER_PROF, 5, 0)", "0"),
        ("kid.getpid()", "3"),
        ("kid.getppid()", "2"),
        ("kid.set_tid_address(0)", "3"),
        ("kid.nice(1)", "0"),
        ("kid.sched_yield()", "0"),
        ("kid.sched_setscheduler(0, SCHED_RR, 1)", "0"),
        ("kid.sched_getscheduler(0)", "0"),
        ("kid.sched_setaffinity(0, 1)", "0"),
        ("kid.setpriority(PRIO_PROCESS, 0, 1)", "0"),
        ("kid.setpgid(0, 0)", "0"),
        ("kid.getpgrp()", "1"),
        ("kid.setsid()", "3"),
        ("kid.setuid(5)", "0"),
        ("kid.setreuid(-1, 5)", "0"),
        ("kid.getuid()", "0"),
        ("kid.prctl(PR_GET_DUMPABLE, 0)", "1"),
        ("kid.setrlimit(RLIMIT_CORE, 5)", "0"),
        ("kid.semget(2, 1, IPC_CREAT)", "32769"),
        ("kid.semop(set, 0, 1)", "0"),
        ("kid.semctl(set, 0, GETALL)", "[0, 0]"),
        ("kid.semctl(set, 0, SETVAL, 3)", "0"),
        ("kid.ptrace_peek(other, page)", "0"),
        ("kid.ptrace_poke(other, page, 5)", "0"),
        ("kid.ptrace_cont(other)", "0"),
        ("kid.wait(other, WNOHANG).pid", "0"),
    ] {
        if call.starts_with("kid.mmap") {
            assert_eq!(held(call, "print(held.value > 0xb0000000);"), ["true"]);
        } else if let Some(call) = call.strip_suffix(".pid") {
            assert_eq!(held(call, "print(held.pid);"), [value], "{call}");
        } else {
            assert_eq!(held(call, "print(held.value);"), [value], "{call}");
        }
    }
}

#[test]
fn a_call_that_has_failed_has_its_errno_and_throws_as_it_would_have() {
    for (call, errno, name) in [
        ("kid.close(77)", 9, "EBADF"),
        ("kid.chdir(\"/none\")", 2, "ENOENT"),
        ("kid.kill(9999, 0)", 3, "ESRCH"),
        ("kid.open(\"/none\")", 2, "ENOENT"),
        ("kid.dup(77)", 9, "EBADF"),
        ("kid.munmap(1, 1)", 22, "EINVAL"),
        ("kid.clone(CLONE_SIGHAND)", 22, "EINVAL"),
        ("kid.exec(\"/none\")", 2, "ENOENT"),
        ("kid.wait(9999)", 10, "ECHILD"),
    ] {
        let then = "print(held.errno); try { held.value } catch (e) { print(e.name) }";
        assert_eq!(
            held(call, then),
            [errno.to_string().as_str(), name],
            "{call}"
        );
    }
}

#[test]
fn the_children_of_a_held_call_are_the_value_of_the_call() {
    for (call, value) in [
        ("kid.fork()", "true"),
        ("kid.clone(CLONE_VM | SIGCHLD)", "true"),
    ] {
        assert_eq!(
            held(call, "print(held.value.ppid == kid.pid);"),
            [value],
            "{call}"
        );
    }
    let lines = printed(
        "let sh = spawn(\"sh\");
        let kid = sh.fork();
        sh.ptrace_attach(kid);
        sh.wait(kid);
        sh.ptrace_syscall(kid);
        let held = kid.vfork();
        sh.wait(kid);
        sh.ptrace_detach(kid);
        print(kid.state + \" \" + held.done);
        task(4).exit(0);
        print(kid.state + \" \" + held.done);",
    );
    assert_eq!(lines, ["D false", "S true"]);
}

/// A signal without effect restarts it, one with a handler ends it, as if there were no tracer.
#[test]
fn a_held_call_that_sleeps_is_restarted_like_any_other() {
    let lines = printed(
        "let sh = spawn(\"sh\");
        let kid = sh.fork();
        kid.sigaction(SIGUSR1, 4096);
        sh.ptrace_attach(kid);
        sh.wait(kid);
        sh.ptrace_syscall(kid);
        let held = kid.pause();
        sh.wait(kid);
        for signal in [0, SIGURG, SIGUSR1] {
            if signal != 0 {
                sh.kill(kid, signal);
                sh.wait(kid);
            }
            sh.ptrace_cont(kid, signal);
            print([kid.state, held.done, held.errno]);
        }",
    );
    let expected = ["[\"S\", false, 0]", "[\"S\", false, 0]", "[\"S\", true, 4]"];
    assert_eq!(lines, expected);
}

/// `done`, `pid`, `status` and `text`: of a wait that reaps at once, one that finds nothing, and one
/// that blocks.
#[test]
fn a_wait_has_one_shape() {
    let lines = printed(
        "let show = |w| print([w.done, w.pid, w.status, w.text]);
        let sh = spawn(\"sh\");
        let kid = sh.fork();
        show.call(sh.wait(-1, WNOHANG));
        let blocked = sh.wait();
        show.call(blocked);
        kid.exit(3);
        show.call(blocked);
        show.call(blocked.value);
        sh.fork().exit(4);
        show.call(sh.wait());",
    );
    let expected = [
        "[true, 0, 0, \"no child has exited yet\"]",
        "[false, (), (), ()]",
        "[true, 3, 768, \"exited 3\"]",
        "[true, 3, 768, \"exited 3\"]",
        "[true, 4, 1024, \"exited 4\"]",
    ];
    assert_eq!(lines, expected);
}
