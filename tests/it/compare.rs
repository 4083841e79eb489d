//! Comparisons run on all cores of the host where that is worth while; nobody can tell from what
//! they print, leave behind or complain about.

use forklab::Session;
use forklab::script::{Host, Limit, Limits};
use std::sync::{Arc, Mutex};

/// Work that takes long enough for other cores to help.
const WORK: &str = "for i in 0..5 { spawn(`t${i}`, workload([\"run 7\", \"sleep 3\", \"goto 0\"])); } \
                    tick(3000); print(`${now()} ms: events`);";

/// What a script prints, how it fails, and how often progress was told: once for each scenario that
/// another thread has run.
fn observed(script: &str, limits: Limits) -> (String, Option<String>, u64) {
    let printed = Arc::new(Mutex::new(String::new()));
    let helped = Arc::new(Mutex::new(0));
    let (out, done) = (printed.clone(), helped.clone());
    let mut host = Host::printing(Box::new(move |line: &str| {
        out.lock().unwrap().push_str(&format!("{line}\n"));
        Ok(())
    }));
    host.progress = Some(Box::new(move |_, _| *done.lock().unwrap() += 1));
    let mut session = Session::with_host(limits, host).unwrap();
    let failure = session.run(script).err().map(|failure| failure.message);
    let printed = printed.lock().unwrap().clone();
    let helped = *helped.lock().unwrap();
    (printed, failure, helped)
}

/// What a script prints, and how it fails.
fn outcome(script: &str, limits: Limits) -> (String, Option<String>) {
    let (printed, failure, _) = observed(script, limits);
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
    let outcomes = both(WORK).map(|script| observed(&script, Limits::default()));
    let [(printed, failure, free), (in_turn, failure_in_turn, bound)] = &outcomes;
    assert_eq!((free, bound), (&9, &0));
    assert_eq!((printed, failure), (in_turn, failure_in_turn));
    assert_eq!(*failure, None);
    assert_eq!(printed.matches("3000 ms: events").count(), 10, "{printed}");
}

#[test]
fn what_a_scenario_has_captured_comes_along_or_stays_one_variable() {
    // All but the first scenario are run elsewhere, unless they would change a variable.
    let table = [
        ("let n = 3;", "tick(n);", "assert_eq(n, 3)", 9),
        ("let n = 0;", "n += 1;", "assert_eq(n, 10)", 0),
        (
            "let list = [];",
            "list.push(1);",
            "assert_eq(list.len(), 10)",
            0,
        ),
        (
            "let steps = workload([\"run 5\", \"sleep 5\", \"goto 0\"]);",
            "spawn(\"w\", steps);",
            "assert_eq(type_of(steps), \"Workload\")",
            9,
        ),
        (
            "let twice = |x| 2 * x;",
            "tick(twice.call(4));",
            "assert_eq(twice.call(4), 8)",
            9,
        ),
        (
            "let m = #{a: [1, \"x\", 'c', true]};",
            "tick(m.a[0]);",
            "assert_eq(m.a[1], \"x\")",
            9,
        ),
    ];
    for (before, inside, after, elsewhere) in table {
        let script = format!(
            "{before} print(compare(sweep(\"child_penalty\", 90..=99), || {{ {inside} {WORK} }})); \
             {after};"
        );
        let (printed, failure, told) = observed(&script, Limits::default());
        assert_eq!(failure, None, "{before}");
        assert_eq!(printed.matches("events").count(), 10, "{before}: {printed}");
        assert_eq!(told == 9, elsewhere == 9, "{before}: {told}");
    }
}

#[test]
fn functions_of_the_script_and_options_come_along() {
    let script = format!(
        "fn work() {{ {WORK} }}
         fn run_it(options) {{ work(); print(options.child_penalty); }}
         compare(sweep(\"child_penalty\", 90..=99), |options| run_it(options));"
    );
    let (printed, failure, told) = observed(&script, Limits::default());
    assert_eq!((failure, told), (None, 9));
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
    let (printed, failure, told) = observed(script, Limits::default());
    assert_eq!((printed.as_str(), failure), ("0\n0\n0\n0\n", None));
    assert_eq!(told, 3);
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
