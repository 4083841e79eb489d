//! Comparisons run on all cores of the host where that is worth while; nobody can tell from what
//! they print, leave behind or complain about.

use forklab::Session;
use forklab::script::{Limit, Limits};
use std::sync::{Arc, Mutex};

/// Work that takes long enough for other cores to help.
const WORK: &str = "for i in 0..5 { spawn(`t${i}`, workload([\"run 7\", \"sleep 3\", \"goto 0\"])); } \
                    tick(3000); print(`${now()} ms: events`);";

/// What a script prints, and how it fails.
fn outcome(script: &str, limits: Limits) -> (String, Option<String>) {
    let printed = Arc::new(Mutex::new(String::new()));
    let out = printed.clone();
    let print = move |line: &str| {
        out.lock().unwrap().push_str(&format!("{line}\n"));
        Ok(())
    };
    let mut session = Session::new(limits, Box::new(print)).unwrap();
    let failure = session.run(script).err().map(|failure| failure.message);
    let printed = printed.lock().unwrap().clone();
    (printed, failure)
}

/// The same scenario, and one that cannot leave its thread, because it has captured a handle.
fn both(body: &str) -> [String; 2] {
    let free = format!("print(compare(sweep(\"child_penalty\", 90..=99), || {{ {body} }}));");
    let bound = format!(
        "let handle = task(1); print(compare(sweep(\"child_penalty\", 90..=99), || {{ let init = \
         handle; {body} }}));"
    );
    [free, bound]
}

#[test]
fn scenarios_on_all_cores_print_and_find_what_they_do_in_turn() {
    let outcomes = both(WORK).map(|script| outcome(&script, Limits::default()));
    assert_eq!(outcomes[0], outcomes[1]);
    let (printed, failure) = &outcomes[0];
    assert_eq!(*failure, None);
    assert_eq!(printed.matches("3000 ms: events").count(), 10, "{printed}");
}

#[test]
fn what_a_scenario_has_captured_comes_along_or_stays_one_variable() {
    let table = [
        ("let n = 3;", "tick(n);", "assert_eq(n, 3)"),
        ("let n = 0;", "n += 1;", "assert_eq(n, 10)"),
        (
            "let list = [];",
            "list.push(now());",
            "assert_eq(list.len(), 10)",
        ),
        (
            "let steps = workload([\"run 5\", \"sleep 5\", \"goto 0\"]);",
            "spawn(\"w\", steps);",
            "assert_eq(type_of(steps), \"Workload\")",
        ),
        (
            "let twice = |x| 2 * x;",
            "tick(twice.call(4));",
            "assert_eq(twice.call(4), 8)",
        ),
        (
            "let m = #{a: [1, \"x\", 'c', true]};",
            "tick(m.a[0]);",
            "assert_eq(m.a[1], \"x\")",
        ),
    ];
    for (before, inside, after) in table {
        let script = format!(
            "{before} print(compare(sweep(\"child_penalty\", 90..=99), || {{ {inside} {WORK} }})); \
             {after};"
        );
        let (printed, failure) = outcome(&script, Limits::default());
        assert_eq!(failure, None, "{before}");
        assert_eq!(printed.matches("events").count(), 10, "{before}: {printed}");
    }
}

#[test]
fn functions_of_the_script_and_options_come_along() {
    let script = format!(
        "fn work() {{ {WORK} }}
         fn run_it(options) {{ work(); print(options.child_penalty); }}
         compare(sweep(\"child_penalty\", 90..=99), |options| run_it(options));"
    );
    let (printed, failure) = outcome(&script, Limits::default());
    assert_eq!(failure, None);
    let penalties: Vec<&str> = printed
        .lines()
        .filter(|line| !line.contains("events"))
        .collect();
    let wanted: Vec<String> = (90..=99).map(|penalty: i32| penalty.to_string()).collect();
    assert_eq!(penalties, wanted);
}

#[test]
fn programs_are_compiled_there_as_well() {
    let script = "fn main() { let sum = 0; for i in 0..20000 { sum += i; } sum % 100 }
         compare(sweep(\"child_penalty\", 90..=93), || {
             let p = spawn(\"p\", main); run(); print(p.exit_status); });";
    let (printed, failure) = outcome(script, Limits::default());
    assert_eq!((printed.as_str(), failure), ("0\n0\n0\n0\n", None));
}

#[test]
fn a_scenario_that_fails_fails_at_its_place() {
    let outcomes = both(&format!(
        "{WORK} if now() == 3000 {{ throw `no ${{now()}}`; }}"
    ));
    let outcomes = outcomes.map(|script| outcome(&script, Limits::default()));
    assert_eq!(outcomes[0], outcomes[1]);
    assert!(outcomes[0].1.as_ref().unwrap().contains("no 3000"));
}

#[test]
fn limits_are_those_of_all_scenarios_together() {
    for (limit, value) in [
        (Limit::Ticks, 10_000),
        (Limit::Operations, 300),
        (Limit::Output, 100),
        (Limit::Work, 500_000),
    ] {
        let limits = Limits::default().with(limit, value);
        let outcomes = both(WORK).map(|script| outcome(&script, limits));
        let failures = outcomes.clone().map(|(_, failure)| failure.unwrap());
        assert_eq!(failures[0], failures[1], "{}", limit.name());
        // The scenario with a handle takes some more operations.
        if limit != Limit::Operations {
            assert_eq!(outcomes[0].0, outcomes[1].0, "{}", limit.name());
        }
    }
}
