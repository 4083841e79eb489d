//! Pictures and pages of runs: what they contain, and that a browser shows and moves them.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use crate::cli::{forklab, scratch};
use serde_json::Value;
use std::fs;
use std::process::Command;

const SCRIPT: &str = "\
let sh = spawn(\"sh\");
let a = sh.mmap(4*KiB);
sh.write(a, 1);
let kid = sh.fork();
kid.write(a, 2);
spawn(\"<b>hog\", workload([\"run 20\", \"sleep 10\", \"goto 0\"]));
spawn(\"other\", workload([\"run 200\"]));
tick(100);
print(\"</script><b>done\");
";

/// Runs a script that writes a file, and returns the file's name.
fn written(name: &str, script: &str, option: &str) -> String {
    let source = scratch(&format!("{name}.rhai"), script.as_bytes());
    let file = scratch(name, b"");
    let file = file.to_str().unwrap().to_owned();
    let output = forklab(&["run", source.to_str().unwrap(), option, &file], b"");
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    file
}

#[test]
fn views_become_pictures() {
    for (view, contains) in [
        ("timeline()", "4:&lt;b&gt;hog runs on CPU 0 from tick"),
        ("pstree()", "3:sh"),
        ("frames()", "K\u{a0}\u{a0}kernel"),
        ("sharing()", "class=\"head\""),
        ("runq()", "expired:\u{a0}"),
        ("path(|| sh.fork())", "✓\u{a0}p\u{a0}=\u{a0}copy_process()"),
        ("path([[\"a\", || sh.fork()]])", "fill=\"#0072b2\""),
        (
            "compare([#{child_runs_first: true}, #{child_runs_first: false}], || { spawn(\"sh\").fork(); })",
            "fill=\"#e69f00\"",
        ),
        ("trace()", "<title>#0\u{20}"),
    ] {
        let name: String = view.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("{name}.svg");
        let file = written(&name, &format!("{SCRIPT}{view}"), "--svg");
        let svg = fs::read_to_string(&file).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.contains("role=\"img\""),
            "{view}"
        );
        assert!(svg.contains(contains), "{view}\n{svg}");
        // Each tag is closed: another program reads it.
        if let Ok(status) = Command::new("python3")
            .args([
                "-c",
                "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])",
                &file,
            ])
            .status()
        {
            assert!(status.success(), "{view}");
        }
    }
}

#[test]
fn the_pictures_stay_as_they_are() {
    let mut all = String::new();
    for view in ["timeline(0, 40)", "pstree()"] {
        let file = written("kept.svg", &format!("{SCRIPT}{view}"), "--svg");
        all += &fs::read_to_string(file).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_value_that_is_no_picture_is_refused() {
    let script = scratch("none.rhai", b"1 + 1");
    let output = forklab(&["run", script.to_str().unwrap(), "--svg", "none.svg"], b"");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("none.svg: the value of the script is not a picture"),
        "{message}"
    );
}

/// Uses a page in a browser; `None` where none is installed.
fn browse(file: &str) -> Option<Value> {
    let has = Command::new("python3")
        .args([
            "-c",
            "import playwright, shutil; assert shutil.which('chromium')",
        ])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("skipped: no python3 with the package playwright, or no chromium");
        return None;
    }
    let output = Command::new("python3")
        .args(["tests/readers/browse.py", file])
        .output()
        .unwrap();
    let trouble = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{trouble}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_page_needs_nothing_else_and_can_be_used() {
    let file = written("run.html", SCRIPT, "--html");
    let page = fs::read_to_string(&file).unwrap();
    assert_eq!(
        page.matches("</script>").count(),
        2,
        "what is printed ends no element"
    );
    for outside in ["http://", "https://", "src=", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let Some(seen) = browse(&file) else {
        return;
    };
    let text = |key: &str| seen[key].as_str().unwrap().to_owned();
    assert_eq!(seen["troubles"], serde_json::json!([]));
    assert_eq!(seen["network"], serde_json::json!([]));
    assert!(seen["zoomed"].as_f64() < seen["whole"].as_f64(), "{seen}");
    assert!(seen["moved"].as_f64().unwrap() > 0.0, "{seen}");
    assert!(text("clicked").contains("tick"), "{seen}");
    assert_ne!(seen["clicked"], seen["following"]);
    assert!(
        text("queues").contains("[4:<b>hog]") || text("queues").contains("[5:other]"),
        "{seen}"
    );
    assert!(
        text("queues").contains("active") && text("queues").contains("expired"),
        "{seen}"
    );
    assert!(
        text("mapped_before_the_copy").contains("2:sh  3:sh"),
        "{seen}"
    );
    assert!(
        !text("mapped").contains("  1"),
        "init allocates nothing: {seen}"
    );
    assert_ne!(seen["mapped"], seen["mapped_before_the_copy"]);
    assert!(text("copies").contains("1 copied on write"), "{seen}");
    assert!(text("tasks").contains("4:<b>hog"), "{seen}");
    assert_eq!(text("console"), "</script><b>done");
    assert!(seen["colors"].as_u64().unwrap() >= 3, "{seen}");
}

#[test]
fn a_page_of_200_000_events_stays_usable() {
    let many = "boot(#{cpus: 2});\n\
                for i in 0..6 { spawn(\"t\" + i, workload([\"run 1\", \"sleep 1\", \"goto 0\"])); }\n\
                while mark() < 200_000 { tick(1000); }\n";
    let file = written("many.html", many, "--html");
    let Some(seen) = browse(&file) else {
        return;
    };
    assert_eq!(seen["troubles"], serde_json::json!([]));
    assert!(seen["summary"].as_str().unwrap().contains(" 20"), "{seen}");
    println!(
        "{} s, {} frames a second",
        seen["first_picture"], seen["frames_per_second"]
    );
    assert!(seen["first_picture"].as_f64().unwrap() < 6.0, "{seen}");
    assert!(seen["frames_per_second"].as_f64().unwrap() > 10.0, "{seen}");
}

#[test]
fn what_runs_and_exits_within_a_tick_is_in_the_timeline() {
    let script = "let sh = spawn(\"sh\"); tick(3); sh.fork().exit(0); tick(2); \
                  sh.fork().exit(0); print(timeline());";
    let output = forklab(&["-e", script], b"");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "one column = 1 tick   # runs   + runs, taking no time   . waits for a CPU\n\
         tick  |0\n\
         2:sh  +  + +\n\
         3:sh     +\n\
         4:sh       +\n\
         idle  #####\n"
    );
}

/// The pictures of `docs/pictures.md`, each made by the script above it.
#[test]
fn the_pictures_of_the_documents_are_made_by_the_program() {
    let page = fs::read_to_string("docs/pictures.md").unwrap();
    let mut pictures = 0;
    for part in page.split("```rhai\n").skip(1) {
        let (script, rest) = part.split_once("```").unwrap();
        let (_, link) = rest.split_once("](pictures/").unwrap();
        let (name, _) = link.split_once(')').unwrap();
        let made = fs::read_to_string(written(name, script, "--svg")).unwrap();
        let path = format!("docs/pictures/{name}");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap_or_default(),
            made,
            "{path}; UPDATE_DOCS=1 writes it"
        );
        pictures += 1;
    }
    assert_eq!(pictures, 10);
}

#[test]
fn options_for_files_are_not_ignored() {
    let script = scratch("ignored.rhai", b"print(1);");
    let workload = scratch("ignored.workload", b"horizon 3\ntask hog\n  run 2\n");
    let (script, workload) = (script.to_str().unwrap(), workload.to_str().unwrap());
    for (args, says) in [
        (
            &["--json", "run", script][..],
            "--json belongs behind run or replay, or to -e",
        ),
        (&["--svg", "x.svg"], "--svg belongs behind"),
        (
            &["run", "tests/c/hello.c", "--html", "x.html"],
            "--html is for scripts",
        ),
        (
            &["replay", workload, "--svg", workload],
            "it is the file that is run",
        ),
    ] {
        let output = forklab(args, b"");
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}\n{message}");
        assert!(message.contains(says), "{args:?}\n{message}");
    }
    let svg = scratch("replayed.svg", b"");
    let svg = svg.to_str().unwrap();
    let output = forklab(&["replay", workload, "--svg", svg], b"");
    assert_eq!(output.status.code(), Some(0));
    assert!(fs::read_to_string(svg).unwrap().contains("2:hog"));
}
