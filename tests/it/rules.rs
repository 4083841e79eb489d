//! Rules of a changed kernel: a rule that says what Linux says changes nothing, and whatever a rule
//! does is repeated by undo, by moments and by a saved session.

use crate::scripts::transcript;
use forklab::Session;
use forklab::script::Limits;
use std::fs;
use std::sync::mpsc;
use walkdir::WalkDir;

/// Every decision, answered as Linux does. In one line, so that the lines of a script stay the same.
const STOCK: &str = "for decision in [\"effective_prio\", \"task_timeslice\", \"TASK_INTERACTIVE\", \
                     \"EXPIRED_STARVING\", \"wake_up_new_task\", \"schedule\", \"copy_one_pte\", \
                     \"forget_original_parent\"] { kernel_rule(decision, |t| t.stock); } ";

/// A script without the marks of a changed kernel, and without how much of it was looked at.
fn unmarked(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("changed kernel"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_rule_that_says_what_linux_says_changes_nothing() {
    let mut compared = 0;
    for folder in ["scripts/notes", "scripts/sched", "scripts/files"] {
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let path = entry.unwrap().into_path();
            if path.extension().is_none_or(|end| end != "rhai") {
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let name = path.display().to_string();
            let stock = transcript(&name, &source);
            let changed = transcript(&name, &format!("{STOCK}{source}"));
            // A name that shadows the event filter of a script is no difference.
            assert_eq!(unmarked(&changed), unmarked(&stock), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}

/// A session that can undo, and what it prints.
fn session() -> (Session, mpsc::Receiver<String>) {
    let (sink, lines) = mpsc::channel();
    let print = move |line: &str| {
        sink.send(line.to_owned()).unwrap();
        Ok(())
    };
    let mut session = Session::new(Limits::default(), Box::new(print)).unwrap();
    session.remember();
    (session, lines)
}

const LINES: [&str; 5] = [
    "let hog = spawn(\"hog\", workload([\"run 1000\"])); let other = spawn(\"other\", workload([\"run 1000\"]));",
    "let n = 0; let favourite = other.pid;",
    "kernel_rule(\"effective_prio\", |t| { n += 1; if t.pid == favourite { 100 + n } else { t.stock } });",
    "tick(450);",
    "kernel_rule(\"schedule\", |t| t.active[t.active.len() - 1].pid); tick(333);",
];

/// All that the machine has come to.
fn state(session: &mut Session) -> String {
    session
        .eval("`${trace()}${ps()}${fairness()}${kernel_rules()}`")
        .unwrap()
}

#[test]
fn undo_and_redo_repeat_what_rules_have_decided() {
    let (mut session, _lines) = session();
    let mut states = vec![state(&mut session)];
    for line in LINES {
        session.submit(line).unwrap();
        states.push(state(&mut session));
    }
    assert_ne!(states[4], states[3]);
    for (undone, expected) in states.iter().rev().enumerate().skip(1) {
        session.undo(1).unwrap();
        assert_eq!(&state(&mut session), expected, "{undone} undone");
    }
    session.redo(LINES.len()).unwrap();
    assert_eq!(&state(&mut session), states.last().unwrap());
}

#[test]
fn a_rule_keeps_copies_of_what_it_has_captured() {
    let (mut session, lines) = session();
    session
        .run(
            "let n = 0; kernel_rule(\"task_timeslice\", |t| { n += 1; print(n); 7 });
             let hog = spawn(\"hog\", workload([\"run 1000\"])); tick(200); print(`after: ${n}`);",
        )
        .unwrap();
    let printed: Vec<String> = lines.try_iter().collect();
    let (last, before) = printed.split_last().unwrap();
    assert_eq!(last, "after: 0");
    assert!(
        before.len() > 5 && before.iter().all(|line| line == "1"),
        "{before:?}"
    );
}

#[test]
fn a_rule_that_never_ends_is_ended_by_the_limits_of_a_run() {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    session
        .run("kernel_rule(\"effective_prio\", |t| loop {});")
        .unwrap();
    let failure = session
        .run(
            "spawn(\"hog\", workload([\"run 10000000\"])); loop { try { tick(100000); } catch {} }",
        )
        .unwrap_err();
    assert!(failure.message.contains("operations"), "{failure}");
}

#[test]
fn moments_and_branches_know_rules() {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    let script = r#"
        let sh = spawn("sh", #{idle: "spin"});
        spawn("other", workload(["run 300"]));
        let kid = sh.fork();
        let stock = branch();
        before("sched_wakeup_new");
        kernel_rule("wake_up_new_task", |t| "tail");
        sh.fork();
        assert_eq(diff(stock).partings[1].first.event, "kernel_rule");
        assert(`${diff(stock)}`.contains("changed kernel"));
    "#;
    session.run(script).unwrap();
}

#[test]
fn a_puppet_acts_whoever_the_rule_prefers() {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    let script = r#"
        let sh = spawn("sh");
        let page = sh.mmap(4*KiB);
        let hog = spawn("hog", workload(["run 1000"]));
        let pid = hog.pid;
        kernel_rule("schedule", |t| if t.nr_running > 1 { pid } else { t.stock });
        tick(200);
        sh.write(page, 7);
        assert_eq(sh.read(page), 7);
        assert_eq(sh.fork().ppid, sh.pid);
    "#;
    session.run(script).unwrap();
}

#[test]
fn the_mark_of_a_changed_kernel_is_on_what_shows_it() {
    let (mut session, lines) = session();
    session
        .run(
            "kernel_rule(\"effective_prio\", |t| t.stock); let sh = spawn(\"sh\");
             print(ps()); print(sh.why_runs()); print(runq()); print(status(sh)); print(prio(sh));",
        )
        .unwrap();
    let marks = lines
        .try_iter()
        .filter(|line| line == "changed kernel: effective_prio (line 1)");
    assert_eq!(marks.count(), 5);
    // What foretells by the rules of Linux says so.
    session
        .run(
            "let kid = sh.fork(); print(why_not(kid)); print(explain_clone(17)); \
              print(path(|| sh.fork()));",
        )
        .unwrap();
    let of_linux = "changed kernel: effective_prio (line 1); this explains the rules of Linux";
    assert_eq!(lines.try_iter().filter(|line| line == of_linux).count(), 3);
    session
        .run("kernel_rule(\"effective_prio\", ()); print(ps());")
        .unwrap();
    assert!(lines.try_iter().all(|line| !line.contains("changed")));
}
