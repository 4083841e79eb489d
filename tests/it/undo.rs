//! Undo: after any line, the machine, the variables and the functions are as they were before it,
//! field by field; any number of times, also across boots.

use fastrand::Rng;
use forklab::Session;
use forklab::abi::Pfn;
use forklab::script::Limits;

/// Everything that a session is, in words, and the bytes of its RAM.
#[derive(PartialEq)]
struct Photo {
    machine: String,
    ram: Vec<u8>,
    variables: String,
    functions: String,
}

/// What scripts can see of their own state. Handles show the state of their task too.
const VARIABLES: &str = "{ let text = \"\"; for name in [n, list, map, f.call(0), task_list()] { \
                         text += name.to_debug() + \"\\n\"; } text }";

fn photo(session: &mut Session) -> Photo {
    let (machine, ram) = session.machine(|machine| {
        let mut machine = machine.clone();
        // Which TLB entries may write without asking is the host's business; a checkpoint makes
        // it the same everywhere.
        machine.checkpoint();
        let frames = machine.kernel.ram.frames();
        let frames = (0..frames).map(|pfn| machine.kernel.ram.frame(Pfn(pfn)).as_slice());
        let ram = frames.collect::<Vec<_>>().concat();
        // A refused command changes these, and nothing else; the next one begins with new ones.
        // The number of a line depends on how many were typed.
        let passing = |field: &&str| {
            ["idle_", "pause:", "line: "]
                .iter()
                .any(|name| field.starts_with(name))
        };
        let fields = format!("{machine:?}");
        let fields = fields.split(", ").filter(|field| !passing(field));
        (fields.collect::<Vec<_>>().join(", "), ram)
    });
    Photo {
        machine,
        ram,
        variables: session.eval(VARIABLES).unwrap(),
        functions: session.eval("g(1) + \" \" + h.call(1)").unwrap(),
    }
}

fn assert_same(before: &Photo, after: &Photo, line: &str) {
    let fields = before.machine.split(", ").zip(after.machine.split(", "));
    let differing: Vec<_> = fields.filter(|(a, b)| a != b).take(5).collect();
    assert!(differing.is_empty(), "{line}: {differing:?}");
    assert_eq!(before.machine.len(), after.machine.len(), "{line}");
    assert!(before.ram == after.ram, "{line}: the RAM differs");
    assert_eq!(before.variables, after.variables, "{line}");
    assert_eq!(before.functions, after.functions, "{line}");
}

const START: &str = "
    fn g(x) { x + 1 }
    fn task_list() { let all = []; for t in tasks() { all.push(`${t}`); } all }
    let n = 0; let list = [1, [2]]; let map = #{a: 1};
    let f = |x| { n += x; n };
    let h = |x| x * 2;
    boot(#{mem: 8*MiB});
    let sh = spawn(\"sh\");
    let page = sh.mmap(16*KiB);
    let kid = sh.fork();";

/// Lines that fail, and change something all the same.
const FAILING: [&str; 4] = ["sh.read(0)", "nonsense(", "throw 1", "n = 7; throw 2"];

/// Lines that change nothing.
const IDLE: [&str; 2] = ["nonsense(", "throw 1"];

/// Whether the last line has changed something.
fn changed(session: &Session) -> bool {
    session.typed().last().unwrap().effect.is_change()
}

/// Lines that change something, after [`START`]; those that fail do so on purpose.
const LINES: [&str; 33] = [
    "sh.write(page, n + 1)",
    "sh.touch(page, 4)",
    "let kid = sh.fork(); kid.write(page, 9)",
    "let kid = sh.clone(CLONE_VM | CLONE_FILES | SIGCHLD)",
    "kid.write(page + 4096, 5)",
    "kid.exit(3)",
    "sh.wait()",
    "sh.vfork().exec(\"true\")",
    "spawn(\"hog\", workload([\"run 7\", \"sleep 3\", \"goto 0\"]))",
    "spawn(\"f\", workload(#{main: [\"fork C kid\", \"run 5\"], kid: [\"run 2\"]}))",
    "tick(1)",
    "tick(25)",
    "run(40)",
    "patience(50)",
    "sh.getpid()",
    "sh.mmap(4*KiB)",
    "sh.munmap(page, 4*KiB)",
    "sh.open(\"notes\", O_CREAT | O_RDWR)",
    "sh.nice(1)",
    "sh.read(0)",
    "sh = spawn(\"sh\"); page = sh.mmap(16*KiB)",
    "sh.compute(3)",
    "inject(\"parent_not_on_array\")",
    "inject(\"fail_frame\", 2)",
    "inject(\"fail_copy\", \"copy_fs\")",
    "n += 1; list.push(n); list[1].push([n]); map.b = [n]",
    "f.call(10)",
    "fn g(x) { x + 2 }",
    "h = |x| x * 3 + n",
    "list = [list, list]; list = [1, [2]]",
    "nonsense(",
    "throw 1",
    "n = 7; throw 2",
];

/// A shell that has a child and waits for the CPU, whatever else runs.
const NEW_SHELL: &str =
    "patience(200); sh = spawn(\"sh\"); page = sh.mmap(16*KiB); kid = sh.fork()";

fn session() -> Session {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    session.run(START).unwrap();
    session.remember();
    session
}

#[test]
fn undo_after_any_line_gives_the_state_before() {
    let mut session = session();
    let mut dice = Rng::with_seed(1);
    let lasting = LINES.into_iter().filter(|line| !FAILING.contains(line));
    // An allocation that is to fail would fail in the next round.
    let lasting: Vec<&str> = lasting.filter(|line| !line.starts_with("inject")).collect();
    for round in 0..3 {
        for line in LINES {
            let before = photo(&mut session);
            let outcome = session.submit(line);
            let fails = FAILING.contains(&line);
            assert_eq!(outcome.is_err(), fails, "{round}, {line}: {outcome:?}");
            assert!(!(changed(&session) && IDLE.contains(&line)), "{line}");
            if changed(&session) {
                assert_eq!(session.undo(1).unwrap().input.text, line);
            }
            assert_same(&before, &photo(&mut session), line);
        }
        // Then some for good, so that the next round starts elsewhere, with a shell that can act.
        for _ in 0..10 + round {
            let _ = session.submit(dice.choice(&lasting).unwrap());
        }
        session.submit(NEW_SHELL).unwrap();
    }
}

#[test]
fn many_lines_are_undone_one_by_one_and_at_once() {
    let mut session = session();
    let mut dice = Rng::with_seed(7);
    let mut photos = Vec::new();
    let mut lines = Vec::new();
    while lines.len() < 24 {
        let before = photo(&mut session);
        let line = match lines.len() {
            // More than is remembered from one checkpoint to the next.
            9 => "for i in 0..20100 { patience(i) }",
            10 => "boot(#{mem: 16*MiB, cpus: 2}); sh = spawn(\"sh\"); page = sh.mmap(16*KiB)",
            _ => *dice.choice(&LINES).unwrap(),
        };
        let _ = session.submit(line);
        if changed(&session) {
            photos.push(before);
            lines.push(line);
        }
    }
    photos.push(photo(&mut session));
    let mut at = lines.len();
    for steps in [1, 1, 3, 5, 8, 6] {
        at -= steps;
        let undone = session.undo(steps).unwrap();
        assert_eq!(
            (undone.input.text.as_str(), undone.lines),
            (lines[at], steps)
        );
        assert_same(&photos[at], &photo(&mut session), lines[at]);
    }
    assert_eq!(session.undo(1), None);
    for steps in [2, 9, 1, 12] {
        at += steps;
        let redone = session.redo(steps).unwrap();
        assert_eq!(
            (redone.input.text.as_str(), redone.lines),
            (lines[at - 1], steps)
        );
        assert_same(&photos[at], &photo(&mut session), lines[at - 1]);
    }
    assert_eq!(session.redo(1), None);
}

/// Going back and going on makes another future, and the old one stays.
#[test]
fn a_new_future_leaves_the_old_one_as_a_branch() {
    let mut session = session();
    let start = photo(&mut session);
    for line in ["n = 5", "sh.write(page, 1)", "tick(10)"] {
        session.submit(line).unwrap();
    }
    let old = photo(&mut session);
    session.undo(2).unwrap();
    let before = photo(&mut session);
    session.submit("tick(3)").unwrap();
    let new = photo(&mut session);
    assert_eq!(session.eval("now()").unwrap(), "3");
    session.undo(1).unwrap();
    assert_same(&before, &photo(&mut session), "tick(3)");
    session.redo(1).unwrap();
    assert_same(&new, &photo(&mut session), "tick(3) again");
    session.go_to_branch(1).unwrap();
    assert_same(&old, &photo(&mut session), "branch 1");
    assert_eq!(session.redo(1), None);
    session.go_to_branch(2).unwrap();
    assert_same(&new, &photo(&mut session), "branch 2");
    let undone = session.undo(9).unwrap();
    assert_eq!((undone.input.text.as_str(), undone.lines), ("n = 5", 2));
    assert_same(&start, &photo(&mut session), "all undone");
}

#[test]
fn a_reset_can_be_undone() {
    let mut session = session();
    let before = photo(&mut session);
    session.reset("reset").unwrap();
    assert!(session.eval("n").is_err());
    assert_eq!(session.machine(|machine| machine.kernel.nr_threads()), 1);
    assert_eq!(session.undo(1).unwrap().input.text, "reset");
    assert_same(&before, &photo(&mut session), "reset");
}

/// Any walk on the line, with lines typed wherever it leads: each state is the one that was there
/// when its line was typed.
#[test]
fn every_moment_is_as_it_was_however_one_gets_there() {
    for seed in 0..4 {
        let mut session = session();
        let mut dice = Rng::with_seed(seed);
        // The state after each change, by the number of its input; that at the start has none.
        let mut photos = vec![(0, photo(&mut session))];
        let mut branches = 0;
        for _ in 0..60 {
            match dice.u8(0..10) {
                0 | 1 => drop(session.undo(dice.usize(1..5))),
                2 => drop(session.redo(dice.usize(1..5))),
                3 => {
                    let (number, _) = dice.choice(&photos[..]).unwrap();
                    drop(session.go_to_line(*number));
                }
                4 if branches > 0 => drop(session.go_to_branch(dice.usize(1..=branches))),
                _ => {
                    let line = match dice.u8(0..8) {
                        0 => NEW_SHELL,
                        1 => "boot(#{mem: 8*MiB}); sh = spawn(\"sh\"); page = sh.mmap(16*KiB)",
                        _ => *dice.choice(&LINES).unwrap(),
                    };
                    let _ = session.submit(line);
                    if changed(&session) {
                        let number = session.typed().last().unwrap().number;
                        photos.push((number, photo(&mut session)));
                    }
                }
            }
            branches = session.branches().len();
            let history = session.history();
            let mut in_effect = history
                .iter()
                .filter(|(i, done)| *done && i.effect.is_change());
            let here = in_effect.next_back().map_or(0, |(input, _)| input.number);
            let (_, expected) = photos.iter().find(|(number, _)| *number == here).unwrap();
            assert_same(
                expected,
                &photo(&mut session),
                &format!("seed {seed}, line {here}"),
            );
        }
        assert!(branches > 2, "seed {seed}: {branches} branches");
    }
}

/// A moment inside a line is the same machine, whatever way leads there, and so is what comes of
/// acting there.
#[test]
fn a_moment_is_the_same_whatever_way_leads_there() {
    const MORE: [&str; 3] = [
        "spawn(\"hog\", workload([\"run 3\", \"sleep 4\", \"goto 0\"]))",
        "fn main() { if fork() == 0 { exit(3); } wait(); 0 } spawn(\"demo\", main); run(50)",
        "tick(9)",
    ];
    for seed in 0..3 {
        let mut dice = Rng::with_seed(seed);
        let lines: Vec<&str> = (0..25)
            .map(|_| match dice.u8(0..4) {
                0 => *dice.choice(&MORE).unwrap(),
                _ => *dice.choice(&LINES).unwrap(),
            })
            .collect();
        let typed = || {
            let mut session = session();
            for line in &lines {
                let _ = session.submit(line);
            }
            session
        };
        let mut walker = typed();
        let seq = |session: &Session| session.machine(|machine| machine.kernel.log.event_seq());
        let (first, last) = (seq(&session()), seq(&walker));
        for _ in 0..3 {
            let event = dice.u64(first..last);
            let before = format!("before({event})");
            walker.submit(&before).unwrap();
            assert!(
                seq(&walker) <= event,
                "{seed}: {event} of {first}..{last}, {}, {lines:?}",
                seq(&walker)
            );
            let there = photo(&mut walker);
            for _ in 0..6 {
                let _ = match dice.u8(0..5) {
                    0 => walker.undo(dice.usize(1..4)).is_some(),
                    1 => walker.redo(dice.usize(1..4)).is_some(),
                    2 => walker.submit("back(2)").is_ok(),
                    _ => walker
                        .submit(&format!("after({})", dice.u64(first..last)))
                        .is_ok(),
                };
            }
            while walker.redo(100).is_some() {}
            walker.submit(&before).unwrap();
            assert_same(
                &there,
                &photo(&mut walker),
                &format!("{seed}, walk to {before}"),
            );
            let mut fresh = typed();
            fresh.submit(&before).unwrap();
            assert_same(&there, &photo(&mut fresh), &format!("{seed}, {before}"));
            let act = *dice.choice(&LINES).unwrap();
            let _ = (walker.submit(act), fresh.submit(act));
            assert_same(
                &photo(&mut walker),
                &photo(&mut fresh),
                &format!("{seed}, {act}"),
            );
            while walker.undo(100).is_some() {}
            walker.go_to_branch(1).unwrap();
        }
    }
}

/// Variables are those of the last line before the moment, and the session says where it stands.
#[test]
fn the_session_follows_the_machine_to_a_moment() {
    let mut session = session();
    for line in [
        "sh.write(page, 1)",
        "n = 1",
        "let kid = sh.fork()",
        "n = 2",
        "kid.write(page, 7)",
        "n = 3",
    ] {
        session.submit(line).unwrap();
    }
    session.submit("before(\"cow_copy\")").unwrap();
    assert_eq!(session.eval("n").unwrap(), "2");
    assert_eq!(session.upcoming().unwrap().text, "kid.write(page, 7)");
    assert!(session.inside().is_some());
    session.submit("after(\"sched_process_fork\")").unwrap();
    assert_eq!(session.eval("n").unwrap(), "1");
    session.redo(9).unwrap();
    // A closure shares the variables that it uses, which changes none of them.
    session
        .submit("last_change(|| why(kid, page).write.verdict)")
        .unwrap();
    assert_eq!(session.upcoming().unwrap().text, "kid.write(page, 7)");
    session.redo(9).unwrap();
    assert_eq!(session.eval("n").unwrap(), "3");
    assert!(session.upcoming().is_none() && session.inside().is_none());
}

#[test]
fn the_trace_says_which_line_caused_an_event() {
    let mut session = session();
    session
        .submit("fn two(sh) {\n    sh.fork();\n    sh.fork()\n}")
        .unwrap();
    session.submit("two(sh)").unwrap();
    let line = session.typed().last().unwrap().number;
    let forks = |session: &mut Session, line: usize| {
        let only = format!("trace().line({line}).only(\"sched_process_fork\").len");
        session.eval(&only).unwrap()
    };
    assert_eq!(forks(&mut session, line), "2");
    assert_eq!(forks(&mut session, line - 4), "0");
}

#[test]
fn a_moment_that_cannot_be_reached_leaves_everything_as_it_is() {
    let mut session = session();
    session.submit("sh.fork()").unwrap();
    let before = photo(&mut session);
    let refused = [
        ("before(100000)", "there is no event 100000"),
        ("before(\"cow_cpy\")", "there is no event cow_cpy"),
        ("before(\"cow_reuse\")", "no cow_reuse up to this moment"),
        ("at(5)", "tick 5 has not come yet"),
        ("back(9000)", "the past begins"),
        ("when(|| 3)", "must be true or false"),
        ("when(|| nobody.pid == 3)", "nobody"),
        ("last_change(|| nobody.pid)", "nobody"),
        ("last_change(|| 3)", "has never changed"),
        ("diff(7)", "there is no branch 7"),
        ("compare([3], || 1)", "no set of boot options"),
        ("compare([#{cpus: 99}], || 1)", "cpus"),
        ("compare([|| throw \"no\"])", "no"),
        (
            "let w = branch(); compare([|| diff(w)])",
            "belongs to another machine",
        ),
        (
            "compare([|| before(\"cow_reuse\")])",
            "no cow_reuse up to this moment",
        ),
    ];
    for (line, why) in refused {
        let failure = session.submit(line).unwrap_err();
        assert!(failure.message.contains(why), "{line}: {}", failure.message);
        assert_same(&before, &photo(&mut session), line);
    }
    let failure = session.submit("sh.getpid(); before(3)").unwrap_err();
    assert!(
        failure.message.contains("already changed the machine"),
        "{}",
        failure.message
    );
}

/// A line that fails to go elsewhere has stayed, and keeps what it has done to variables.
#[test]
fn a_line_that_cannot_go_elsewhere_keeps_its_variables() {
    let mut session = session();
    session.submit("sh.fork()").unwrap();
    session.submit("n = 5; back(9000)").unwrap_err();
    assert_eq!(session.eval("n").unwrap(), "5");
    session.submit("n = 6; last_change(|| 3)").unwrap_err();
    assert_eq!(session.eval("n").unwrap(), "6");
    // Also where the present is elsewhere.
    session.submit("before(\"sched_process_fork\")").unwrap();
    let failure = session.submit("n = 7; after(100000)").unwrap_err();
    assert!(
        failure.message.contains("there is no event 100000"),
        "{}",
        failure.message
    );
    assert_eq!(session.eval("n").unwrap(), "7");
}

/// In a long past one goes on from rest to rest as well, over whatever checkpoints lie there, and
/// looking around does not lead away.
#[test]
fn a_condition_is_looked_for_over_a_long_past() {
    let mut session = session();
    session.submit("fn spin() { loop { } }").unwrap();
    session.submit("let p = spawn(\"spin\", spin)").unwrap();
    session.submit("tick(20000)").unwrap();
    session.submit("at(7900)").unwrap();
    session.submit("ps()").unwrap();
    session.submit("when(|| now() == 8100)").unwrap();
    assert_eq!(session.eval("now()").unwrap(), "8100");
    session.submit("last_change(|| now() > 8050)").unwrap();
    assert_eq!(session.eval("now()").unwrap(), "8051");
    session.redo(9).unwrap();
    assert_eq!(session.eval("now()").unwrap(), "20000");
}
