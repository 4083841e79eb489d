//! Closures of a script as handlers of signals: what they get, what becomes of their errors, and
//! that undo, predictions and time agree with them.

use forklab::Session;
use forklab::script::{Failure, Limits};

fn session(script: &str) -> Session {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    session.run(script).unwrap();
    session
}

fn eval(session: &mut Session, expression: &str) -> String {
    session.eval(expression).unwrap()
}

fn failure(script: &str) -> Failure {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    session.run(script).unwrap_err()
}

const SHELL: &str = "let sh = spawn(\"sh\"); let seen = [];";

#[test]
fn a_handler_gets_its_task_and_its_signal() {
    let mut session = session(SHELL);
    for (closure, expected) in [
        ("|| seen.push(this.pid)", "[2]"),
        ("|sig| seen.push(sig)", "[10]"),
        (
            "|sig, task| { seen.push(sig); seen.push(task.pid) }",
            "[10, 2]",
        ),
    ] {
        let line = format!("seen = []; sh.sigaction(SIGUSR1, {closure}); sh.kill(sh, SIGUSR1);");
        session.run(&line).unwrap();
        assert_eq!(eval(&mut session, "`${seen}`"), expected, "{closure}");
    }
}

/// The closure shares its variables with the scope, before and after lines are undone.
#[test]
fn undo_takes_handlers_and_what_they_did_back() {
    let mut session = session(SHELL);
    session.remember();
    for line in [
        "sh.sigaction(SIGUSR1, |sig| seen.push(sig))",
        "sh.kill(sh, SIGUSR1)",
        "sh.kill(sh, SIGUSR1); tick(5)",
    ] {
        session.submit(line).unwrap();
    }
    assert_eq!(eval(&mut session, "seen.len()"), "2");
    session.undo(1).unwrap();
    assert_eq!(eval(&mut session, "seen.len()"), "1");
    session.undo(1).unwrap();
    assert_eq!(eval(&mut session, "seen.len()"), "0");
    session.submit("sh.kill(sh, SIGUSR1)").unwrap();
    assert_eq!(eval(&mut session, "seen.len()"), "1");
    assert_eq!(eval(&mut session, "sh.sigaction(SIGUSR1)"), "closure");
    session.undo(9).unwrap();
    assert_eq!(eval(&mut session, "sh.sigaction(SIGUSR1)"), "default");
    // Another closure takes the number of the one that was taken back.
    session
        .submit("sh.sigaction(SIGUSR1, || seen.push(0)); sh.kill(sh, SIGUSR1)")
        .unwrap();
    assert_eq!(eval(&mut session, "`${seen}`"), "[0]");
}

#[test]
fn an_error_in_a_handler_is_told_at_its_place_and_the_handler_returns() {
    let text = format!(
        "{SHELL}\nsh.sigaction(SIGUSR1, |sig| {{\n  this.read(0);\n}});\nsh.fork().kill(2, SIGUSR1);"
    );
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    let failure = session.run(&text).unwrap_err();
    assert_eq!(failure.position.map(|(line, _)| line), Some(3), "{failure}");
    assert!(failure.message.contains("SIGSEGV"), "{failure}");
    // One that dies of nothing goes on.
    session
        .run("let b = spawn(\"sh\"); b.sigaction(SIGUSR1, || throw 7);")
        .unwrap();
    assert_eq!(session.run("b.kill(b, SIGUSR1)").unwrap_err().message, "7");
    assert_eq!(
        eval(&mut session, "b.sigprocmask(SIG_BLOCK, []).len()"),
        "0"
    );
}

#[test]
fn a_handler_that_uses_the_variable_of_the_call_is_told_of_this() {
    for (line, message) in [
        (
            "sh.sigaction(SIGUSR1, || sh.getpid())",
            "the variable on which this call is made",
        ),
        (
            "let b = spawn(\"sh\"); b.sigaction(SIGUSR1, || sh.getpid()); sh.kill(b, SIGUSR1)",
            "a variable that the closure uses is busy",
        ),
    ] {
        let failure = failure(&format!("let sh = spawn(\"sh\", #{{uid: 0}}); {line}"));
        assert!(failure.message.contains(message), "{failure}");
        assert!(failure.help.unwrap().contains("the task is this"));
    }
}

/// One that raises its own signal again runs into a limit like any other endless recursion.
#[test]
fn endless_handlers_end_at_a_limit() {
    for closure in [
        "|| this.kill(this, SIGUSR1), #{flags: SA_NODEFER}",
        "|| this.kill(this, SIGUSR1)",
    ] {
        let text = format!(
            "let sh = spawn(\"sh\"); sh.sigaction(SIGUSR1, {closure}); sh.kill(sh, SIGUSR1);"
        );
        let failure = failure(&text);
        assert!(
            failure.message.contains("too many nested function calls")
                || failure.message.contains("1000 handlers"),
            "{failure}"
        );
    }
}

#[test]
fn time_stands_still_for_a_handler_and_then_goes_on() {
    let mut session = session(SHELL);
    session
        .run("sh.sigaction(SIGALRM, || { seen.push(now()); this.alarm(1); }); sh.alarm(1);")
        .unwrap();
    session.run("tick(2500)").unwrap();
    assert_eq!(eval(&mut session, "now()"), "2500");
    assert_eq!(eval(&mut session, "seen.len()"), "2");
    assert_eq!(eval(&mut session, "seen[1] - seen[0] >= 1000"), "true");
}

#[test]
fn predictions_and_measurements_see_what_handlers_do() {
    let mut session = session(
        "let sh = spawn(\"sh\"); let page = sh.mmap(4*KiB); let kid = sh.fork(); \
         kid.sigaction(SIGUSR1, || this.write(page, 1));",
    );
    // The page and the stack, where the frame lies; then they are the child's own.
    for faults in ["2", "0"] {
        let counted = eval(&mut session, "measure(|| sh.kill(kid, SIGUSR1)).faults");
        assert_eq!(counted, faults);
    }
    session
        .run("predict(\"what does it read?\", || { sh.kill(kid, SIGUSR1); kid.read(page) }, 1)")
        .unwrap();
    assert_eq!(eval(&mut session, "predictions()[0].right"), "true");
}
