//! `forklab test`: on any number of threads the same, shares, reviews, reports, and what stops it.

use crate::cli::{folder, forklab};
use crate::formats;
use std::fs;
use std::path::Path;

/// What `forklab test` prints about the folder, and its exit code.
fn test(scripts: &Path, options: &[&str], stdin: &str) -> (String, Option<i32>) {
    let args: Vec<&str> = ["test", scripts.to_str().unwrap()]
        .into_iter()
        .chain(options.iter().copied())
        .collect();
    let output = forklab(&args, stdin.as_bytes());
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

fn snapshot(scripts: &Path, name: &str) -> std::path::PathBuf {
    let snapshots = scripts.parent().unwrap().join("snapshots");
    snapshots.join(format!("scripts@{name}"))
}

/// The first script takes longest, and the machines of two at a time need more memory than there is.
#[test]
fn any_number_of_threads_prints_the_same() {
    let scripts = folder(
        "threads",
        &[
            ("a.rhai", b"for i in 0..200000 {} print(1);"),
            ("b.rhai", b"print(2); missing();"),
            ("c.rhai", b"boot(#{mem: 400*MiB}); spawn(\"sh\"); print(3);"),
            ("d.rhai", b"boot(#{mem: 400*MiB}); print(4);"),
            (
                "e.rhai",
                b"boot(#{mem: 400*MiB}); for i in 0..20000 {} print(5);",
            ),
            ("f.rhai", b"print(6);"),
        ],
    );
    let options = ["--check", "--max-memory", "600000000", "--jobs"];
    let alone = test(&scripts, &[&options[..], &["1"]].concat(), "");
    assert!(
        alone.0.contains("+ 3") && alone.0.contains("+ 5"),
        "{}",
        alone.0
    );
    for jobs in ["2", "6"] {
        let together = test(&scripts, &[&options[..], &[jobs]].concat(), "");
        assert_eq!(together, alone, "{jobs}");
    }
}

#[test]
fn what_differs_waits_for_review() {
    let files: [(&str, &[u8]); 3] = [
        ("a.rhai", b"print(1);"),
        ("b.rhai", b"print(2);"),
        ("c.rhai", b"print(3);"),
    ];
    let scripts = folder("review", &files);
    let (said, code) = test(&scripts, &["--check"], "");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("forklab test --review PATH asks about each"),
        "{said}"
    );
    assert!(!scripts.parent().unwrap().join("snapshots").exists());
    let (said, _) = test(&scripts, &[], "");
    assert!(said.contains("forklab test --review"), "{said}");
    let waits = insta::Snapshot::from_file(&snapshot(&scripts, "b.rhai.snap.new"));
    assert_eq!(waits.unwrap().as_text().unwrap().to_string(), "2");
    // An answer that is none is asked for again; who quits leaves the rest.
    let (said, code) = test(&scripts, &["--review"], "a\nwhat\nr\nq\n");
    assert_eq!(said.matches("accept, reject").count(), 4, "{said}");
    assert_eq!(code, Some(1), "{said}");
    let there = |end: &str| {
        let names = ["a", "b", "c"].into_iter();
        let found = names.filter(|name| snapshot(&scripts, &format!("{name}.rhai.{end}")).exists());
        found.collect::<String>()
    };
    assert_eq!((there("snap"), there("snap.new")), ("a".into(), "c".into()));
    // What is as it was before waits no longer.
    let (said, code) = test(&scripts, &["--accept"], "");
    assert_eq!((code, there("snap")), (Some(0), "abc".into()), "{said}");
    assert_eq!(there("snap.new"), "");
    fs::write(snapshot(&scripts, "a.rhai.snap.new"), "old").unwrap();
    assert_eq!(test(&scripts, &[], "").1, Some(0));
    assert_eq!(there("snap.new"), "");
}

#[test]
fn conflicts_of_a_merge_in_a_snapshot_are_named() {
    let scripts = folder(
        "conflict",
        &[("a.rhai", b"print(1);"), ("b.rhai", b"print(2);")],
    );
    assert_eq!(test(&scripts, &["--accept"], "").1, Some(0));
    let path = snapshot(&scripts, "a.rhai.snap");
    fs::write(
        &path,
        "---\nsource: x\n---\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> other\n",
    )
    .unwrap();
    let (said, code) = test(&scripts, &[], "");
    assert!(
        said.contains("a.rhai.snap:4: a merge has left conflicts"),
        "{said}"
    );
    assert!(said.contains("1 passed, 1 failed"), "{said}");
    assert_eq!(code, Some(2));
    assert_eq!(test(&scripts, &["--accept"], "").1, Some(0));
    assert_eq!(test(&scripts, &["--check"], "").1, Some(0));
}

#[test]
fn shares_are_together_everything_once() {
    let names: Vec<String> = (0..7).map(|nr| format!("{nr}.rhai")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let scripts = folder("shares", &files);
    fs::create_dir_all(snapshot(&scripts, "").parent().unwrap()).unwrap();
    fs::write(snapshot(&scripts, "gone.rhai.snap"), "x").unwrap();
    let said: String = ["1/3", "2/3", "3/3"]
        .map(|share| test(&scripts, &["--check", "--partition", share], "").0)
        .concat();
    for name in &names {
        assert_eq!(
            said.matches(&format!("scripts/{name}")).count(),
            1,
            "{said}"
        );
    }
    assert_eq!(said.matches("it belongs to no script").count(), 1, "{said}");
    // Whoever only checks deletes nothing.
    let (said, code) = test(&scripts, &["--check", "--unreferenced", "delete"], "");
    assert!(
        said.contains("gone.rhai.snap: it belongs to no script"),
        "{said}"
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(snapshot(&scripts, "gone.rhai.snap").exists());
    let (said, _) = test(&scripts, &["--unreferenced", "delete"], "");
    assert!(
        said.contains("gone.rhai.snap: it belonged to no script"),
        "{said}"
    );
    assert!(!snapshot(&scripts, "gone.rhai.snap").exists());
}

#[test]
fn patterns_choose_scripts() {
    let scripts = folder(
        "patterns",
        &[("cow_a.rhai", b""), ("cow_b.rhai", b""), ("x.rhai", b"")],
    );
    let (said, _) = test(&scripts.join("cow_*.rhai"), &["--check"], "");
    assert!(said.contains("0 passed, 2 failed"), "{said}");
    let (said, code) = test(&scripts.join("none_*.rhai"), &["--check"], "");
    assert!(said.contains("no scripts (*.rhai) found"), "{said}");
    assert_eq!(code, Some(2));
    let (said, _) = test(&scripts.join("[.rhai"), &["--check"], "");
    assert!(
        said.contains("[.rhai: ") && said.contains("unclosed"),
        "{said}"
    );
}

#[test]
fn reports_are_written_for_other_programs() {
    let scripts = folder(
        "reports",
        &[("a.rhai", b"print(1);"), ("b.rhai", b"print(2);")],
    );
    test(&scripts.join("a.rhai"), &["--accept"], "");
    let out = scripts.parent().unwrap();
    let path = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let (junit, tap, json) = (path("junit.xml"), path("t.tap"), path("all.json"));
    let list = format!("{tap},{json}");
    let options = ["--check", "--report", &junit, "--report", &list];
    assert_eq!(test(&scripts, &options, "").1, Some(1));
    let read = |path: &str| fs::read_to_string(path).unwrap();
    assert!(
        read(&junit).contains("tests=\"2\" failures=\"1\""),
        "{}",
        read(&junit)
    );
    assert!(
        read(&tap).contains("\nnot ok 2 - scripts: scripts/b.rhai\n"),
        "{}",
        read(&tap)
    );
    assert_eq!(
        (formats::junit(&read(&junit)), formats::tap(&read(&tap))),
        (2, 2)
    );
    let all: serde_json::Value = serde_json::from_str(&read(&json)).unwrap();
    assert_eq!(all["suites"][0]["cases"][1]["outcome"], "failed");
    // Whoever cannot have a report is told before anything runs.
    for (name, why) in [
        (
            "no/such/folder/junit.xml",
            "cannot be written: no such file",
        ),
        (
            "report.doc",
            "has no known form; name a file that ends in .xml, .json, .tap",
        ),
    ] {
        let (said, code) = test(&scripts, &["--check", "--report", &path(name)], "");
        assert!(said.contains(why) && !said.contains("a.rhai"), "{said}");
        assert_eq!(code, Some(2));
    }
}

#[test]
fn a_script_that_runs_too_long_is_stopped_and_the_rest_is_tested() {
    let scripts = folder(
        "too_long",
        &[("a.rhai", b"loop {}"), ("b.rhai", b"print(2);")],
    );
    let options = ["--check", "--timeout", "1", "--max-operations", "200000000"];
    let (said, code) = test(&scripts, &options, "");
    assert!(
        said.contains("scripts/a.rhai: stopped after 1 s; --timeout"),
        "{said}"
    );
    assert!(said.contains("new     scripts/b.rhai"), "{said}");
    assert_eq!(code, Some(2));
}

#[test]
fn the_slowest_scripts_are_listed() {
    let scripts = folder(
        "slowest",
        &[
            ("a.rhai", b""),
            ("b.rhai", b"for i in 0..100000 {}"),
            ("c.rhai", b""),
        ],
    );
    let (said, _) = test(&scripts, &["--check", "--slowest", "2"], "");
    let slow = said.lines().filter_map(|line| line.strip_prefix("slow "));
    let times: Vec<f64> = slow
        .map(|line| {
            line.split(" s  scripts/")
                .next()
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        })
        .collect();
    assert!(times.len() == 2 && times[0] >= times[1], "{said}");
}
