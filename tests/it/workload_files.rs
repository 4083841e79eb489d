//! Workload files: what they may say, and what is said of those that cannot be read.

use forklab::abi::Policy;
use forklab::machine::{FileError, WorkloadFile, WorkloadProgram, lists_tasks};

fn error(text: &str) -> FileError {
    match WorkloadFile::parse(text, 2) {
        Err(error) => error,
        Ok(file) => panic!("{text:?} can be read: {file:?}"),
    }
}

#[test]
fn every_option_can_be_read() {
    let text = "
        horizon 10 # ticks
        task plain\r
        task all nice=-20 policy=rr rt_prio=99 start=0x10 psa=1000 cpu=1 script=s
        script s
            run 1
        # the end";
    let file = WorkloadFile::parse(text, 2).unwrap();
    assert_eq!((file.horizon, file.tasks.len()), (10, 2));
    let (plain, all) = (&file.tasks[0], &file.tasks[1]);
    let args = &plain.args;
    assert_eq!((args.name.as_str(), args.nice, args.uid), ("plain", 0, 0));
    assert_eq!((args.policy, args.rt_priority), (Policy::Normal, 0));
    assert_eq!((plain.start, args.parent_sleep_avg_ms, args.cpu), (0, 0, 0));
    let args = &all.args;
    assert_eq!((args.name.as_str(), args.nice), ("all", -20));
    assert_eq!((args.policy, args.rt_priority), (Policy::RoundRobin, 99));
    assert_eq!(
        (all.start, args.parent_sleep_avg_ms, args.cpu),
        (16, 1000, 1)
    );
}

/// The order of the lines does not matter beyond which steps belong to what.
#[test]
fn scripts_may_come_before_or_after_their_use() {
    let before = "script s\nrun 3\ntask A\nfork B s\nrun 2\nhorizon 5";
    let after = "horizon 5\ntask A\nfork B s\nrun 2\nscript s\nrun 3";
    assert_eq!(
        WorkloadFile::parse(before, 1),
        WorkloadFile::parse(after, 1)
    );
}

/// Text, place, what is wrong and what is expected there.
#[test]
fn an_error_names_its_place_and_what_is_expected() {
    for (text, (line, column), why, expected) in [
        ("", (1, 1), "does not say when", "horizon H"),
        ("task A\nrun 1", (1, 1), "does not say when", "horizon H"),
        ("horizon", (1, 8), "too few words for horizon", "horizon H"),
        ("horizon 1 2", (1, 11), "too many words", "horizon H"),
        ("horizon soon", (1, 9), "soon is not a number of ticks", "H"),
        ("horizon -1", (1, 9), "-1 is not a number of ticks", "H"),
        ("horizon 1\nhorizon 2", (2, 1), "a second horizon", "once"),
        ("tusk A", (1, 1), "did you mean task?", "task NAME"),
        ("\n  walk 5", (2, 3), "there is no line walk", "run N"),
        ("run 5", (1, 1), "belongs to no task", "task NAME"),
        ("task", (1, 5), "too few words for task", "task NAME"),
        (
            "task nice=5",
            (1, 6),
            "nice=5 is not a valid task name",
            "task NAME",
        ),
        ("task A 5", (1, 8), "5 is not an option", "nice=N, policy="),
        ("task A prio=5", (1, 8), "prio=5 is not an option", "psa=MS"),
        ("task A nice=1 nice=2", (1, 15), "a second nice", "once"),
        (
            "task ä nice=20",
            (1, 13),
            "20 is not a nice value",
            "nice=N",
        ),
        ("task A nice=", (1, 13), "is not a nice value", "nice=N"),
        (
            "task A policy=idle",
            (1, 15),
            "idle is not a policy",
            "fifo",
        ),
        (
            "task A policy=rr",
            (1, 8),
            "without a priority",
            "rt_prio=N",
        ),
        (
            "task A rt_prio=5",
            (1, 8),
            "for policy other",
            "policy=fifo",
        ),
        ("task A rt_prio=100", (1, 16), "from 0 to 99", "rt_prio=N"),
        (
            "task A start=-5",
            (1, 14),
            "not a number of ticks",
            "start=T",
        ),
        ("task A psa=1001", (1, 12), "from 0 to 1000", "psa=MS"),
        (
            "task A cpu=2",
            (1, 12),
            "no CPU 2; the last one is 1",
            "cpu=N",
        ),
        ("horizon 1\ntask A script=s", (2, 15), "no script s", "name"),
        (
            "task A script=s\nrun 1",
            (2, 1),
            "a step for A, which follows script s",
            "either",
        ),
        ("script", (1, 7), "too few words for script", "script NAME"),
        ("script s t", (1, 10), "too many words", "script NAME"),
        ("script s\nscript s", (2, 8), "on line 1", "another name"),
        ("horizon 1\ntask A\n run", (3, 5), "too few words", "run N"),
        ("horizon 1\ntask A\n run 1 2", (3, 8), "too many", "run N"),
        ("horizon 1\ntask A\n run 0", (3, 6), "at least 1", "run N"),
        ("horizon 1\ntask A\n nice 20", (3, 7), "-20 to 19", "nice V"),
        (
            "horizon 1\ntask A\n goto 1",
            (3, 7),
            "last step is 0",
            "goto K",
        ),
        (
            "horizon 1\ntask A\n setsched rr 0",
            (3, 14),
            "1 to 99",
            "setsched POLICY P",
        ),
        (
            "horizon 1\ntask A\n fork B kidd\nscript kid",
            (3, 9),
            "there is no script kidd; there are: kid",
            "fork CHILD SCRIPT",
        ),
        ("horizon 1\ntask A\n fork B s", (3, 9), "none", "fork"),
        ("horizon 1\ntask A\u{7} nice=1", (2, 7), "U+0007", "text"),
    ] {
        let error = error(text);
        assert_eq!(
            (error.line, error.column),
            (line, column),
            "{text:?}: {error}"
        );
        assert!(error.why.contains(why), "{text:?}: {error}");
        assert!(error.expected.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn an_error_is_one_line_of_text() {
    assert_eq!(
        error("horizon 1\ntask A\n run 0").to_string(),
        "line 3, column 6: the number of ticks must be at least 1; expected run N"
    );
}

/// The steps of one task without its `task` line, as scripts write them.
#[test]
fn the_steps_of_one_task_can_be_read_alone() {
    let text = "
        run 10   # first
        fork C kid
        goto 0
        script kid
        run 3";
    let program = WorkloadProgram::parse_text(text).unwrap();
    let scripts: Vec<(&str, usize)> = program
        .scripts()
        .map(|(name, steps)| (name, steps.len()))
        .collect();
    assert_eq!(scripts, [("kid", 1), ("main", 3)]);
    for (text, (line, column), why) in [
        ("", (1, 1), "no steps for the task itself"),
        ("script kid\nrun 3", (1, 1), "no steps for the task itself"),
        ("run 10\n  rnu 3", (2, 3), "did you mean run?"),
        (
            "run 10\n  fork C kit\nscript kid\nrun 3",
            (2, 10),
            "no script kit",
        ),
        ("run 10\ngoto 7", (2, 6), "the last step is 1"),
        ("run 10\n\u{7}", (2, 1), "control character"),
    ] {
        let error = WorkloadProgram::parse_text(text).unwrap_err();
        assert_eq!(
            (error.line, error.column),
            (line, column),
            "{text:?}: {error}"
        );
        assert!(error.why.contains(why), "{text:?}: {error}");
        assert!(!error.expected.is_empty());
    }
}

/// Which texts are whole files.
#[test]
fn a_text_with_a_task_or_a_horizon_is_a_whole_file() {
    for (text, whole) in [
        ("run 5\nexit", false),
        ("script task\nrun 5", false),
        ("# task A\nrun 5", false),
        ("run 5\n  task A", true),
        ("\nhorizon 5", true),
    ] {
        assert_eq!(lists_tasks(text), whole, "{text:?}");
    }
}
