//! What the script layer promises of all its functions and values alike: handles or numbers as pids,
//! names for all error numbers, events and caught errors that can be asked for any field.

use forklab::abi::Errno;
use forklab::script::{Limits, Session};
use std::sync::{Arc, Mutex};

/// What a script prints, or the message of its error.
pub(crate) fn printed(script: &str) -> String {
    let output = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&output);
    let print = Box::new(move |text: &str| {
        kept.lock().unwrap().push_str(&format!("{text}\n"));
        Ok(())
    });
    let mut session = Session::new(Limits::default(), print).unwrap();
    let ended = session.run(script);
    let output = output.lock().unwrap();
    match ended {
        Ok(()) => output.trim_end().to_owned(),
        Err(failure) => format!("{output}{}", failure.message),
    }
}

/// Calls with a pid `KID`, which is a child that has stopped for its tracer `sh`.
const WITH_A_PID: [&str; 30] = [
    "sh.kill(KID, SIGTERM)",
    "sh.tkill(KID, SIGTERM)",
    "sh.tgkill(KID, KID, SIGTERM)",
    "sh.sigqueue(KID, SIGTERM, 7)",
    "sh.wait(KID)",
    "sh.wait(KID, WNOHANG).pid",
    "sh.waitid(KID, WEXITED | WNOHANG)",
    "sh.waitid(P_PID, KID, WEXITED | WNOHANG)",
    "sh.setpgid(KID, 0)",
    "sh.setpgid(KID, KID)",
    "sh.getpgid(KID)",
    "sh.getsid(KID)",
    "sh.sched_setscheduler(KID, SCHED_RR, 3)",
    "sh.sched_setparam(KID, 0)",
    "sh.sched_getscheduler(KID)",
    "sh.sched_getparam(KID)",
    "sh.sched_rr_get_interval(KID)",
    "sh.sched_setaffinity(KID, 1)",
    "sh.sched_getaffinity(KID)",
    "sh.setpriority(PRIO_PROCESS, KID, 5)",
    "sh.getpriority(PRIO_PROCESS, KID)",
    "sh.ptrace_cont(KID)",
    "sh.ptrace_syscall(KID, SIGTERM)",
    "sh.ptrace_detach(KID)",
    "sh.ptrace_kill(KID)",
    "sh.ptrace_getregs(KID).esp",
    "sh.ptrace_peekuser(KID, 0)",
    "sh.ptrace_setoptions(KID, PTRACE_O_TRACEFORK)",
    "trace().of(KID).len",
    "task(KID)",
];

#[test]
fn where_a_pid_is_asked_for_a_handle_and_a_number_do_the_same() {
    for call in WITH_A_PID {
        let with = |pid: &str| {
            let call = call.replace("KID", pid);
            printed(&format!(
                "let sh = spawn(\"sh\", #{{uid: 0}}); let kid = sh.fork(); sh.ptrace_attach(kid); \
                 sh.wait(kid); let did = {call}; print(did); print(ps()); print(kid); print(trace());"
            ))
        };
        let by_number = with("kid.pid");
        assert!(by_number.contains("wait4"), "{call}: {by_number}");
        assert_eq!(with("kid"), by_number, "{call}");
        if call != "task(KID)" {
            assert!(
                with("\"kid\"").contains("must be a handle or an int, not string"),
                "{call}"
            );
        }
    }
}

#[test]
fn every_error_number_is_a_constant() {
    for errno in Errno::ALL {
        let shown = printed(&format!("print({})", errno.name()));
        assert_eq!(shown, errno.code().to_string(), "{}", errno.name());
    }
    let program = "fn main() { if close(77) == -EBADF { exit(ENOTTY); } }
        let p = spawn(\"demo\", main); run(); print(p.exit_status);";
    assert_eq!(printed(program), "25");
}

#[test]
fn every_field_of_an_event_can_be_asked_for() {
    let all = "let sh = spawn(\"sh\"); let kid = sh.fork(); kid.exit(3); sh.wait(); sh.mmap(4*KiB);
        for e in trace() { for key in e.keys() { assert(key in e); let x = e[key]; } }
        let e = trace().only(\"sys_enter\").events[0];
        print(`${e.call} ${e.task} ${e.event}`);
        assert(e == trace().only(\"sys_enter\")[0]);
        print(e.nosuch);";
    assert_eq!(
        printed(all),
        "fork 2 sys_enter\nsys_enter has no field nosuch"
    );
    let filtered = "spawn(\"sh\"); trace().events.filter(|e| e.nosuch == 1)";
    assert!(printed(filtered).contains("has no field nosuch"));
}

#[test]
fn a_long_trace_has_all_its_events() {
    let script = "let sh = spawn(\"sh\"); for i in 0..15000 { sh.getpid(); }
        let calls = trace().only(\"sys_enter\").events;
        print(`${calls.len()} ${calls[-1].call}`);";
    assert_eq!(printed(script), "15000 getpid");
}

#[test]
fn why_and_predict_have_the_same_words_for_a_signal() {
    assert_eq!(
        printed("print(why(spawn(\"sh\"), 0).read.verdict)"),
        "SIGSEGV"
    );
}

#[test]
fn waiting_for_an_option_by_mistake_is_explained() {
    for call in ["sh.wait(1)", "sh.wait(WNOHANG)"] {
        let message = printed(&format!("let sh = spawn(\"sh\"); {call}"));
        assert!(
            message.ends_with("1 is init, which is not a child of 2"),
            "{message}"
        );
    }
}

#[test]
fn a_reserved_word_as_the_name_of_a_function_is_named() {
    for word in ["thread", "sync", "call", "spawn"] {
        let message = printed(&format!("fn {word}() {{ 1 }}"));
        let wanted = format!("{word} is a reserved word, which no function can be named");
        assert_eq!(message, wanted);
    }
    assert_eq!(printed("fn () { 1 }"), "the function has no name");
}

#[test]
fn no_internal_name_of_a_closure_is_shown() {
    let script = "let x = 1; print(|| 1); print([|a| a + x]); print(`${|| 2}`);";
    assert_eq!(printed(script), "closure\n[closure]\nclosure");
}

#[test]
fn a_handler_gets_the_siginfo() {
    let script = "let sh = spawn(\"sh\"); let seen = [];
        sh.sigaction(SIGCHLD, |sig, info| seen.push([sig, info.code == CLD_EXITED, info.status]));
        let kid = sh.fork(); kid.exit(3); print(seen);";
    assert_eq!(printed(script), "[[17, true, 3]]");
}

#[test]
fn the_handle_of_a_leader_that_exec_replaced_says_so() {
    let script = "let sh = spawn(\"sh\"); let leader = sh.fork();
        let thread = leader.clone(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
        thread.exec(\"sh\"); print(leader);";
    let words = "task 3 is gone: its thread 4 called exec, and goes on under its pid";
    assert_eq!(printed(script), words);
}

#[test]
fn a_function_that_cannot_be_loaded_says_why_on_the_console() {
    let script = "fn child() { nosuch(1); 0 } let sh = spawn(\"sh\");
        try { sh.exec(\"/bin/child\") } catch (e) { print(\"|\" + e.name); }";
    let shown = printed(script);
    assert!(
        shown.contains("exec /bin/child: 1:14: a program has no function `nosuch`"),
        "{shown}"
    );
    assert!(shown.contains("|ENOEXEC"), "{shown}");
    let found = "fn child() { exit(5); } let sh = spawn(\"sh\"); let kid = sh.fork();
        kid.exec(\"/bin/child\"); run(); print(sh.wait(kid).text);";
    assert_eq!(printed(found), "exited 5");
}
