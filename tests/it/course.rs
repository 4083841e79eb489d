//! Labs: reading them, grading what students hand in, and what does not help to get points.

use forklab::course::{
    Files, Grader, Lab, Mark, Stopped, Submission, find_labs, grade, key, solution, verify,
};
use forklab::script::{Fetch, Host, Limit, Limits};
use std::path::Path;

fn host() -> Host {
    Host::printing(Box::new(|_| Ok(())))
}

fn fetch(folder: &Path) -> Fetch {
    forklab::front::fetcher(folder.to_owned())
}

/// Grading with limits that an endless loop hits soon.
pub fn grader() -> Grader<'static> {
    Grader {
        limits: Limits::default()
            .with(Limit::Operations, 200_000)
            .with(Limit::Work, 50_000_000),
        host: &host,
        fetch: &fetch,
        compiles: &forklab::front::has_compiler,
    }
}

fn files(all: &[(&str, &str)]) -> Files {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
    all.iter().map(owned).collect()
}

fn lab(manifest: &str, script: &str, checks: &str) -> Lab {
    let all = files(&[
        ("lab.toml", manifest),
        ("README.md", "# A lab"),
        ("lab.rhai", script),
        ("check.rhai", checks),
    ]);
    Lab::of_files("07_test", &all, Path::new("07_test")).unwrap()
}

fn mark(lab: &Lab, submission: &[(&str, &str)]) -> Mark {
    let key = key(lab, 0, &grader()).unwrap();
    let submission = Submission::of_files(&files(submission));
    grade(lab, &submission, &key, &grader()).unwrap()
}

/// The points of each task, and the reasons for what is lost.
fn told(mark: &Mark) -> String {
    let task = |task: &forklab::course::TaskMark| {
        let reasons: Vec<&str> = task.reasons.iter().map(|r| r.text.as_str()).collect();
        format!(
            "{} {}/{} {}",
            task.id,
            task.points,
            task.of,
            reasons.join("; ")
        )
    };
    let lines: Vec<String> = mark.tasks.iter().map(task).collect();
    lines.join("\n")
}

const TWO_FORKS: &str = r#"
title = "Forks"
minutes = 5
objective = "You learn to fork."

[[task]]
id = "twice"
kind = "do"
points = 3
text = "Write twice(sh), which forks two children and reaps them, and print done."
"#;

const TWO_FORKS_CHECK: &str = r#"
check("twice", |mark| {
    let sh = spawn("sh");
    submission.run("twice", [sh]);
    mark.expect(1, "forks", forks_of(sh).len(), 2);
    mark.points(1, reaped_by(sh).len() == 2 && orphans().is_empty(), "not all children are reaped");
    mark.points(1, submission.output == "done\n", "the output is " + submission.output);
});
"#;

#[test]
fn the_labs_that_come_with_it_are_sound() {
    let (labs, errors) = find_labs(Path::new("scripts/labs")).unwrap();
    assert_eq!(errors, []);
    assert!(!labs.is_empty());
    let grader = Grader {
        limits: Limits::default(),
        ..grader()
    };
    // The other variants are those of `forklab lab verify scripts/labs`, which a release build does
    // in a tenth of the time.
    let first = |lab: Lab| Lab { seeds: 1, ..lab };
    for lab in labs.into_iter().map(first) {
        let faults = verify(&lab, &grader).unwrap();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}: {}", lab.name, told.join("\n"));
    }
}

/// Hand-ins for the labs that come with it that look right and do not do what the task asks for: a
/// number instead of a measurement, the forbidden way, nothing at all. Each loses points of its task
/// and is told why. Every lab is attacked.
#[test]
fn no_cheat_gets_all_points_of_a_lab_that_comes_with_it() {
    let (labs, errors) = find_labs(Path::new("scripts/labs")).unwrap();
    assert_eq!(errors, []);
    let grader = Grader {
        limits: Limits::default(),
        ..grader()
    };
    for lab in labs {
        let folder = Path::new("tests/labs_cheats").join(&lab.name);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{}", folder.display()));
        let mut cheats: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        cheats.sort();
        assert!(cheats.len() >= 2, "{}", lab.name);
        let key = key(&lab, 0, &grader).unwrap();
        for cheat in cheats {
            let name = cheat.display();
            let text = std::fs::read_to_string(&cheat).unwrap();
            // The first line says what is wrong with it.
            assert!(text.starts_with("// "), "{name}");
            let submission = Submission::of_files(&files(&[("answer.rhai", &text)]));
            let mark = grade(&lab, &submission, &key, &grader).unwrap();
            for task in mark.tasks.iter().filter(|task| !task.kind.is_asked()) {
                assert!(!task.is_full(), "{name}\n{}", told(&mark));
                assert!(!task.reasons.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn the_right_answer_gets_all_points_and_each_lost_point_has_its_reason() {
    let lab = lab(TWO_FORKS, "", TWO_FORKS_CHECK);
    for (answer, expected) in [
        (
            "fn twice(sh) { for i in 0..2 { sh.fork().exit(0); sh.wait(); } print(\"done\"); }",
            "twice 3/3 ",
        ),
        (
            "fn twice(sh) { sh.fork(); print(\"done\"); }",
            "twice 1/3 forks: 1; not all children are reaped",
        ),
        (
            "fn twice(sh) {\n  sh.fork();\n  sh.frok();\n}",
            "twice 0/3 answer.rhai:3:6: there is no function task.frok()",
        ),
        (
            "fn twice(a, b) { }",
            "twice 0/3 there is no function twice with 1 parameter",
        ),
        ("fn twice(sh) { /* ", "twice 0/3 answer.rhai:1:19: "),
    ] {
        let told = told(&mark(&lab, &[("answer.rhai", answer)]));
        assert!(told.starts_with(expected), "{answer}\n{told}");
    }
}

#[test]
fn teachers_see_what_was_expected_and_students_do_not() {
    let lab = lab(TWO_FORKS, "", TWO_FORKS_CHECK);
    let mark = mark(&lab, &[("answer.rhai", "fn twice(sh) { sh.fork(); }")]);
    assert_eq!(mark.tasks[0].reasons[0].expected.as_deref(), Some("2"));
    let json = serde_json::to_string(&mark.clone().for_students()).unwrap();
    let read: Mark = serde_json::from_str(&json).unwrap();
    assert!(
        read.tasks[0]
            .reasons
            .iter()
            .all(|reason| reason.expected.is_none())
    );
    assert_eq!(read.points, mark.points);
}

/// What students have tried to get points without doing anything for them.
const CHEATS: [&str; 22] = [
    "return;",
    "return 42; fn twice(sh) { }",
    "fn twice(sh) { return; }",
    "/*",
    "\"",
    "`${",
    "}}} check(\"twice\", |mark| mark.points(3, true, \"\"));",
    "fn twice(sh) { print(\"twice: 3 of 3\"); }",
    "fn twice(sh) { check(\"twice\", |mark| mark.points(3, true, \"\")); }",
    "check(\"twice\", |mark| mark.points(3, true, \"\")); fn twice(sh) { }",
    "fn twice(sh) { mark.points(3, true, \"\"); }",
    "fn twice(sh) { submission.run(); }",
    "fn twice(sh) { boot(); }",
    "fn twice(sh) { exit(); }",
    "fn twice(sh) { throw #{points: 3}; }",
    "fn forks_of(t) { [1, 2] } fn reaped_by(t) { [1, 2] } fn twice(sh) { }",
    "fn expect(a, b, c, d) { true } fn points(a, b, c) { true } fn twice(sh) { }",
    "fn check(a, b) { } fn copies_in(f) { 2 } fn run(a, b) { } fn twice(sh) { }",
    "fn twice(sh) { sh = (); submission = (); loop { } }",
    "fn twice(sh) { twice(sh) }",
    "fn twice(sh) { sh.sigaction(SIGUSR1, || check(\"twice\", |m| m.points(3, true, \"\"))); \
     sh.kill(sh, SIGUSR1); }",
    "fn twice(sh) { submission(\"fn f() { }\").run(\"f\", []); }",
];

#[test]
fn no_cheat_gets_points() {
    let lab = lab(TWO_FORKS, "", TWO_FORKS_CHECK);
    for cheat in CHEATS {
        let mark = mark(&lab, &[("answer.rhai", cheat)]);
        assert_eq!(mark.points.in_hundredths(), 0, "{cheat}\n{}", told(&mark));
        assert!(!mark.tasks[0].reasons.is_empty(), "{cheat}");
    }
}

/// A closure that a hand-in leaves behind runs while the check goes on, but has nothing to give
/// points with.
#[test]
fn what_a_hand_in_leaves_behind_cannot_give_points() {
    let checks = r#"
check("twice", |mark| {
    let sh = spawn("sh");
    submission.run("twice", [sh]);
    sh.kill(sh, SIGUSR1);
    mark.points(3, forks_of(sh).len() == 2, "no");
});
"#;
    let lab = lab(TWO_FORKS, "", checks);
    for left in [
        "check(\"twice\", |m| m.points(3, true, \"\"))",
        "mark.points(3, true, \"\")",
        "boot()",
    ] {
        let answer = format!("fn twice(sh) {{ sh.sigaction(SIGUSR1, || {left}); }}");
        let mark = mark(&lab, &[("answer.rhai", &answer)]);
        assert_eq!(mark.points.in_hundredths(), 0, "{left}\n{}", told(&mark));
    }
}

/// Closures of a hand-in that are called later know its functions.
#[test]
fn a_handler_of_a_hand_in_runs_as_it_was_written() {
    let checks = r#"
check("twice", |mark| {
    let sh = spawn("sh");
    submission.run("twice", [sh]);
    sh.kill(sh, SIGUSR1);
    sh.kill(sh, SIGUSR2);
    mark.expect(2, "forks", forks_of(sh).len(), 2);
    mark.points(1, submission.output == "10 12\n", "printed " + submission.output);
});
"#;
    let lab = lab(TWO_FORKS, "", checks);
    let answer = "fn more(n) { n + 1 } fn twice(sh) { \
                  let n = 1; \
                  sh.sigaction(SIGUSR1, || { this.fork(); n = more(n); }); \
                  sh.sigaction(SIGUSR2, |sig, info| { this.fork(); print(`${sig - more(n) + 1} ${sig}`); }); }";
    let mark = mark(&lab, &[("answer.rhai", answer)]);
    assert_eq!(told(&mark), "twice 3/3 ");
}

/// An endless loop in one task is told of, and the others get their points.
#[test]
fn the_checks_of_one_task_do_not_change_those_of_another() {
    let manifest = format!(
        "{TWO_FORKS}\n[[task]]\nid = \"loops\"\nkind = \"do\"\ntext = \"Write loops().\"\n"
    );
    let checks = format!(
        "check(\"loops\", |mark| {{ mark.points(1, submission.run(\"loops\", []) == 1, \"no\"); \
         }});\n{TWO_FORKS_CHECK}"
    );
    let lab = lab(&manifest, "", &checks);
    let right = "fn twice(sh) { for i in 0..2 { sh.fork().exit(0); sh.wait(); } print(\"done\"); }";
    let answer = format!("{right} fn loops() {{ loop {{ }} }}");
    let mark = mark(&lab, &[("answer.rhai", &answer)]);
    assert_eq!(mark.points.to_string(), "3", "{}", told(&mark));
    assert_eq!(
        mark.tasks[1].stopped,
        Some(Stopped::Limit("operations".to_owned()))
    );
}

#[test]
fn variables_of_the_check_stay_as_they_are() {
    let checks = r#"
check("twice", |mark| {
    let list = [1, 2];
    let own = || list;
    submission.run("twice", [list]);
    mark.points(3, own.call() != [1, 2], "no");
});
"#;
    let lab = lab(TWO_FORKS, "", checks);
    let mark = mark(
        &lab,
        &[("answer.rhai", "fn twice(l) { l.push(3); l = 7; }")],
    );
    assert_eq!(mark.points.in_hundredths(), 0, "{}", told(&mark));
}

const ASKS: &str = r#"
title = "Questions"
minutes = 5
objective = "You learn to answer."

[[task]]
id = "copy"
kind = "predict"

[[task]]
id = "queue"
kind = "draw"
points = 2

[[task]]
id = "time"
kind = "predict"
tolerance = "10 %"
"#;

const ASKS_SCRIPT: &str = r#"
let n = vary("n", 100..=200);
let sh = spawn("sh");
let page = sh.mmap(4 * KiB);
sh.write(page, 1);
sh.fork();
predict(|| sh.write(page, 2));
predict("the queue?", [1, 2, 3, 4]);
predict("how long?", n);
"#;

#[test]
fn answers_are_compared_with_what_the_script_measures() {
    let lab = lab(ASKS, ASKS_SCRIPT, "");
    let right = key(&lab, 0, &grader()).unwrap().predictions[2]
        .answer
        .clone();
    let near = right.parse::<i64>().unwrap() + 9;
    let answers = format!("copy = \"cow\"\nqueue = [1, 2, 4, 3]\ntime = {near}\nmore = 1\n");
    let mark = mark(&lab, &[("answers.toml", &answers)]);
    assert_eq!(
        told(&mark),
        "copy 1/1 \nqueue 1/2 50 % of the list is right\ntime 1/1 "
    );
    assert_eq!(mark.problems, ["answers.toml: no task asks for more"]);
}

#[test]
fn each_seed_asks_for_other_numbers() {
    let lab = lab(ASKS, ASKS_SCRIPT, "");
    let mut answers: Vec<String> = (0..20)
        .map(|seed| {
            key(&lab, seed, &grader()).unwrap().predictions[2]
                .answer
                .clone()
        })
        .collect();
    assert_eq!(
        answers[0], "124",
        "the numbers of a seed stay what they are"
    );
    answers.sort();
    answers.dedup();
    assert!(answers.len() > 12, "{answers:?}");
}

#[test]
fn broken_answers_lose_only_the_answers() {
    let lab = lab(ASKS, ASKS_SCRIPT, "");
    let mark = mark(&lab, &[("answers.toml", "copy = \n")]);
    assert_eq!(mark.points.in_hundredths(), 0);
    assert!(
        mark.problems[0].starts_with("answers.toml: line 1: "),
        "{:?}",
        mark.problems
    );
}

/// Whoever the student is, the variant is one of those that `verify` has solved.
#[test]
fn the_variant_of_a_name_is_one_of_those_that_are_verified() {
    let manifest = |seeds: u64| {
        format!(
            "title = \"T\"\nminutes = 1\nobjective = \"O\"\nseeds = {seeds}\n\
             [[task]]\nid = \"a\"\nkind = \"predict\"\n"
        )
    };
    for seeds in [1, 3, 20] {
        let lab = lab(&manifest(seeds), "predict(|| 1);", "");
        let numbers = (0..200).map(|nr| (nr * 7_919).to_string());
        let names = (0..200).map(|nr| format!("Student {nr}"));
        let mut seen: Vec<u64> = numbers
            .chain(names)
            .map(|name| lab.seed_of(&name))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..seeds).collect::<Vec<_>>());
        assert_eq!(lab.seed_of(" ADA "), lab.seed_of("ada"));
    }
}

/// Everything that is wrong with `lab.toml`, each at its place.
#[test]
fn a_broken_description_is_told_at_its_places() {
    let wrong = |manifest: &str| {
        let all = files(&[("lab.toml", manifest), ("README.md", "")]);
        let error = Lab::of_files("07_test", &all, Path::new("07_test")).unwrap_err();
        let told = error.problems.iter().map(|problem| {
            let at = problem.span.clone().map_or("", |span| &manifest[span]);
            format!(
                "{at:?} {} ({})",
                problem.message,
                problem.help.as_deref().unwrap_or("")
            )
        });
        told.collect::<Vec<_>>().join("\n")
    };
    let head = "title = \"T\"\nminutes = 5\nobjective = \"O\"\n";
    insta::assert_snapshot!(wrong(""), @r##"
    "" missing field `title` (a lab needs title, minutes and objective; each [[task]] needs id and kind)
    "" missing field `minutes` (a lab needs title, minutes and objective; each [[task]] needs id and kind)
    "" missing field `objective` (a lab needs title, minutes and objective; each [[task]] needs id and kind)
    "##);
    insta::assert_snapshot!(wrong(&format!("{head}[[task]]\nid = \"a\"\nkind = \"gues\"\n")), @r##""\"gues\"" unknown variant `gues`, expected one of `predict`, `choice`, `draw`, `do`, `program`, `bug`, `kernel` (the kinds are predict, choice, draw, do, program, bug and kernel)"##);
    insta::assert_snapshot!(wrong(&format!("{head}[[task]\n")), @r##""" unclosed array table, expected `]` (lab.toml is TOML: key = value, and [[task]] before each task)"##);
    insta::assert_snapshot!(wrong("title = \"\"\nminutes = 0\nobjective = \"O\"\nseeds = 0\n\
        [[task]]\nid = \"A b\"\nkind = \"do\"\npoints = -1\ntolerance = 3\n\
        [[task]]\nid = \"x\"\nkind = \"choice\"\n[[task]]\nid = \"x\"\nkind = \"predict\"\n\
        tolerance = \"far\"\n"), @r##"
    "\"\"" the title is empty (write title = "First writer")
    "0" 0 is not a number of minutes (a lab takes 1 to 600 minutes)
    "0" 0 is not a number of variants (seeds = 20 tries the variants 0 to 19; at most 1000)
    "-1" -1 is not a number of points (points are 0 to 1000, such as 2 or 0.5)
    "\"A b\"" "A b" is not an id (an id has lower case letters, digits and _: two_copies)
    "3" tolerance has no meaning for a task of the kind do (check.rhai gives the points of this task, and parts of them)
    "[[task]]" the task "x" has nothing to choose from (add choices = ["the parent", "the child"])
    "\"x\"" there are two tasks "x" (each task has an id of its own)
    "\"far\"" this is not a tolerance (write tolerance = 5, or tolerance = "10 %")
    "##);
    // Mistakes of several kinds at once.
    insta::assert_snapshot!(wrong("title = \"T\"\nminutes = -3\n\
        [[task]]\nid = \"a\"\nkind = \"predikt\"\npoints = \"2\"\n\
        [[task]]\nid = \"b\"\nkind = \"do\"\nfoo = 1\n[[task]]\nid = \"b\"\nkind = \"do\"\n"), @r##"
    "" missing field `objective` (a lab needs title, minutes and objective; each [[task]] needs id and kind)
    "-3" -3 is not a number of minutes (a lab takes 1 to 600 minutes)
    "\"predikt\"" unknown variant `predikt`, expected one of `predict`, `choice`, `draw`, `do`, `program`, `bug`, `kernel` (did you mean predict?)
    "\"2\"" invalid type: string "2", expected f64 (texts stand in quotes, numbers do not, and lists in brackets)
    "foo" unknown field `foo`, expected one of `id`, `kind`, `points`, `text`, `tolerance`, `partial`, `choices` (docs/teaching.md lists the keys of lab.toml and of its tasks)
    "\"b\"" there are two tasks "b" (each task has an id of its own)
    "##);
    insta::assert_snapshot!(wrong("title = \"T\nminutes = 3\nobjective = \"O\n"), @r##"
    "" invalid basic string, expected `"` (lab.toml is TOML: key = value, and [[task]] before each task)
    "" invalid basic string, expected `"` (lab.toml is TOML: key = value, and [[task]] before each task)
    "##);
    insta::assert_snapshot!(wrong(&format!("{head}pionts = 3\n")), @r##""pionts" unknown field `pionts`, expected one of `title`, `minutes`, `objective`, `needs`, `tags`, `seeds`, `task` (docs/teaching.md lists the keys of lab.toml and of its tasks)"##);
    for (misspelt, meant) in [
        ("minuets = 3\n", "\"minuets\" minutes"),
        (
            "[[task]]\nid = \"a\"\nkind = \"do\"\npionts = 3\n",
            "\"pionts\" points",
        ),
        (
            "[[task]]\nid = \"a\"\nkind = \"predikt\"\n",
            "\"\\\"predikt\\\"\" predict",
        ),
    ] {
        let told = wrong(&format!("{head}{misspelt}"));
        let (place, meant) = meant.rsplit_once(' ').unwrap();
        let help = format!("(did you mean {meant}?)");
        let mut lines = told.lines();
        let line = lines.find(|line| line.starts_with(place));
        assert!(line.is_some_and(|line| line.ends_with(&help)), "{told}");
    }
}

#[test]
fn the_solution_of_a_variant_is_computed() {
    let lab = Lab::load(Path::new("scripts/labs/03_first_writer")).unwrap();
    let [one, other] = [0, 1].map(|seed| solution(&lab, seed, &grader()).unwrap().answers);
    assert_ne!(one, other);
    assert_eq!(one["reader"], "no");
}

#[test]
fn a_hand_in_changes_the_kernel_only_where_that_is_its_task() {
    let checks = r#"
        check("twice", |mark| {
            submission.run("twice", [spawn("sh")]);
            mark.points(3, kernel_rules() == ["schedule"], "nothing has changed");
        });
    "#;
    let answer = "fn twice(sh) { kernel_rule(\"schedule\", |t| t.stock); }";
    for (kind, expected) in [
        ("kernel", "twice 3/3 "),
        (
            "do",
            "twice 0/3 answer.rhai:1:16: a hand-in may change the kernel only where that is its task",
        ),
    ] {
        let manifest = TWO_FORKS.replace("\"do\"", &format!("{kind:?}"));
        let lab = lab(&manifest, "", checks);
        let told = told(&mark(&lab, &[("answer.rhai", answer)]));
        assert_eq!(told, expected);
    }
}
