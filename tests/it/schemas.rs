//! What `--json` prints and what `.jsonl` files hold is as the schemas in `docs/schema` say.

use crate::cli::{forklab, scratch, skipped};
use std::process::Command;

/// Checks a file with an independent reader: how many documents it holds, or the complaint; `None`
/// where the reader is not installed.
fn validated(schema: &str, file: &str) -> Option<Result<usize, String>> {
    let installed = Command::new("python3")
        .args(["-c", "import jsonschema"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !installed {
        skipped("there is no jsonschema for python3");
        return None;
    }
    let schema = format!("docs/schema/{schema}.json");
    let output = Command::new("python3")
        .args(["tests/readers/validate.py", &schema, file])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().parse();
    Some(said.map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn is_valid(schema: &str, file: &str, at_least: usize) {
    if let Some(seen) = validated(schema, file) {
        assert!(
            seen.as_ref().is_ok_and(|count| *count >= at_least),
            "{seen:?}"
        );
    }
}

fn printed(name: &str, args: &[&str]) -> String {
    let output = forklab(args, b"");
    let file = scratch(name, &output.stdout);
    file.to_str().unwrap().to_owned()
}

#[test]
fn documents_of_scripts_are_as_the_schema_says() {
    for (number, script) in [
        "1 + 1",
        "print(ps()); ps()",
        "spawn(\"sh\")",
        "spawn(\"sh\"); trace()",
        "let x = ;",
        "spawn(\"sh\").kill(99, SIGTERM)",
        "loop { }",
        "kernel_rule(\"schedule\", |t| t.stock); tick(2)",
    ]
    .into_iter()
    .enumerate()
    {
        let file = printed(&format!("document{number}.json"), &["-e", script, "--json"]);
        is_valid("run", &file, 1);
    }
}

#[test]
fn documents_of_replays_are_as_the_schema_says() {
    let workload = scratch("schema.workload", b"horizon 30\ntask hog\n  run 20\n");
    let file = printed(
        "replay.json",
        &["replay", workload.to_str().unwrap(), "--json"],
    );
    let log = "tests/data/foreign/shell.strace";
    is_valid(
        "strace",
        &printed("log.json", &["replay", log, "--json"]),
        1,
    );
    is_valid("replay", &file, 1);
}

#[test]
fn the_reference_for_tools_is_as_the_schema_says() {
    is_valid("doc", &printed("doc.json", &["doc", "--json"]), 1);
}

#[test]
fn streamed_events_are_as_the_schema_says() {
    let script = "let sh = spawn(\"sh\"); let a = sh.mmap(4*KiB); sh.write(a, 1); \
                  let kid = sh.fork(); kid.write(a, 2); kid.exit(3); sh.wait(); tick(20); \
                  kernel_rule(\"schedule\", |t| t.stock); tick(20);";
    let source = scratch("schema.rhai", script.as_bytes());
    let file = scratch("schema.jsonl", b"");
    let file = file.to_str().unwrap();
    let output = forklab(&["run", source.to_str().unwrap(), "--trace", file], b"");
    assert_eq!(output.status.code(), Some(0));
    is_valid("event", file, 20);
}

#[test]
fn the_schemas_refuse_what_is_otherwise() {
    for (schema, wrong) in [
        ("run", "{\"forklab\": \"0.1.0\"}"),
        ("event", "{\"seq\": -1}"),
        ("replay", "[]"),
    ] {
        let file = scratch(&format!("wrong-{schema}.json"), wrong.as_bytes());
        if let Some(seen) = validated(schema, file.to_str().unwrap()) {
            assert!(seen.is_err_and(|complaint| complaint.contains("ValidationError")));
        }
    }
}
