//! Pictures and pages of runs: what they contain, and that a browser shows and moves them.

use crate::cli::{forklab, scratch, skipped};
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
    in_browser("tests/readers/browse.py", &[file.to_owned()])
}

/// What a program for a browser has seen of some files; `None` where no browser is installed.
fn in_browser(program: &str, files: &[String]) -> Option<Value> {
    let has = Command::new("python3")
        .args([
            "-c",
            "import playwright, shutil; assert shutil.which('chromium')",
        ])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        skipped("no python3 with the package playwright, or no chromium");
        return None;
    }
    let output = Command::new("python3")
        .arg(program)
        .args(files)
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
        3,
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
    assert_eq!(seen["clicked"], seen["back"]);
    assert_ne!(seen["clicked"], seen["same_task"]);
    assert!(
        (1..=6).contains(&seen["closest"].as_u64().unwrap()),
        "it zooms to single events: {}",
        seen["closest"]
    );
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

/// A lesson in which no time passes: a fork, a copy on write, an exit and a wait.
const NO_TICK: &str = "\
let sh = spawn(\"sh\");
let a = sh.mmap(4*KiB);
sh.write(a, 1);
let kid = sh.fork();
kid.write(a, 2);
kid.exit(0);
sh.wait();
";

#[test]
fn the_page_of_a_run_within_one_tick_is_told_event_by_event() {
    let file = written("within.html", NO_TICK, "--html");
    let Some(seen) = browse(&file) else {
        return;
    };
    assert_eq!(seen["troubles"], serde_json::json!([]));
    let summary = seen["summary"].as_str().unwrap();
    assert!(summary.starts_with("0 ticks, 1 CPU, 3 tasks,"), "{summary}");
    let rows: Vec<&str> = seen["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_str().unwrap())
        .collect();
    for row in ["CPU 0 ", "1:init ", "2:sh ", "3:sh "] {
        assert!(
            rows.iter()
                .any(|known| known.starts_with(row) && !known.ends_with(" 0")),
            "a row with marks for {row}: {rows:?}"
        );
    }
    let step = |what: &str| {
        let steps = seen["steps"].as_array().unwrap();
        let found = steps
            .iter()
            .find(|step| step["event"].as_str().unwrap().contains(what));
        found.unwrap_or_else(|| panic!("{what}: {steps:?}")).clone()
    };
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let copy = step("3:sh  cow_copy");
    assert!(text(&copy, "event").contains("(line 5)"), "{copy}");
    assert!(text(&copy, "moment").contains("CPU 0: 3:sh runs"), "{copy}");
    assert!(text(&copy, "queues").contains("[3:sh]"), "{copy}");
    assert!(text(&copy, "tree").contains("    3:sh"), "{copy}");
    assert!(!text(&copy, "tree").contains("zombie"), "{copy}");
    assert!(text(&copy, "who").contains("3:sh0tick 0, #"), "{copy}");
    let exit = step("sched_process_exit");
    assert!(text(&exit, "tree").contains("3:sh  zombie"), "{exit}");
    let free = step("sched_process_free");
    assert!(!text(&free, "tree").contains("3:sh"), "{free}");
    // Nobody runs who has not been born.
    for step in seen["steps"].as_array().unwrap() {
        let (moment, tree) = (text(step, "moment"), text(step, "tree"));
        if moment.contains("(line 1)") {
            assert!(!moment.contains("3:sh") && !tree.contains("3:sh"), "{step}");
        }
    }
}

#[test]
fn a_page_tells_readers_of_screens_what_others_see() {
    let file = written("spoken.html", SCRIPT, "--html");
    let Some(seen) = browse(&file) else {
        return;
    };
    let spoken = &seen["spoken"];
    let views = spoken["views"].as_array().unwrap();
    assert_eq!(views.len(), 9, "{views:?}");
    assert!(views.iter().all(Value::is_string), "{views:?}");
    assert_eq!(
        spoken["columns"],
        serde_json::json!(["task", "parent", "born", "ended", "ran", "waited"])
    );
    assert_eq!(
        spoken["tasks"],
        serde_json::json!(["1:init", "2:sh", "3:sh", "4:<b>hog", "5:other"])
    );
    let tasks = seen["tasks"].as_str().unwrap();
    assert!(tasks.contains("5:other\t1\t0\t-\t"), "{tasks}");
    // Each step of the cursor is heard: the moment, the event and who has the CPU.
    let status = spoken["status"].as_str().unwrap();
    assert!(
        status.contains("tick ") && status.contains("CPU 0: "),
        "{status}"
    );
    assert_ne!(seen["at_first"], seen["following_moment"]);
    assert_eq!(spoken["slider"], spoken["status"]);
    let who = spoken["who"].as_str().unwrap();
    assert!(who.contains("task\tCPU\tfrom\tuntil"), "{who}");
}

#[test]
fn a_page_of_200_000_events_stays_usable() {
    // 100 tasks, two CPUs, thousands of copied frames.
    let many = "boot(#{cpus: 2});\n\
                let sh = spawn(\"sh\");\n\
                let a = sh.mmap(64*4*KiB);\n\
                sh.touch(a, 64);\n\
                for i in 0..64 { sh.fork().touch(a, 64); }\n\
                for i in 0..34 { spawn(\"t\" + i, workload([\"run 1\", \"sleep 1\", \"goto 0\"])); }\n\
                while mark() < 200_000 { tick(1000); }\n";
    let file = written("many.html", many, "--html");
    let Some(seen) = browse(&file) else {
        return;
    };
    assert_eq!(seen["troubles"], serde_json::json!([]));
    let summary = seen["summary"].as_str().unwrap();
    assert!(summary.contains("100 tasks, 20"), "{summary}");
    let copies = seen["copies"].as_str().unwrap();
    assert!(copies.contains("4096 copied on write"), "{copies}");
    let (first, rate) = (&seen["first_picture"], &seen["frames_per_second"]);
    assert!(first.as_f64().unwrap() < 2.0, "{first} s");
    assert!(rate.as_f64().unwrap() > 30.0, "{rate} frames a second");
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
            &["run", "scripts/c/cow_frames", "--svg", "x.svg"],
            "--svg is for scripts",
        ),
        (
            &["run", "scripts/c/cow_frames", "--json"],
            "--json is for scripts",
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

#[test]
fn the_words_of_pictures_stay_in_them() {
    let mut pictures: Vec<String> = fs::read_dir("docs/pictures")
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    pictures.sort();
    // The last number of a scale, the last event of a band, a legend below narrow boxes.
    let long = "spawn(\"a\", workload([\"run 1\"])); tick(1_000_000);";
    let band = "let sh = spawn(\"sh\"); tick(12345); \
                for i in 0..30 { sh.getpid(); tick(1); } trace()";
    let shared = "let sh = spawn(\"sh\"); let a = sh.mmap(512*KiB); sh.touch(a, 128); \
                  for i in 0..20 { sh.fork(); } sharing()";
    for (name, script) in [
        ("long.svg", format!("{long} timeline()")),
        ("band.svg", band.to_owned()),
        ("shared.svg", shared.to_owned()),
        ("empty.svg", "runq()".to_owned()),
        ("moment.svg", "spawn(\"sh\").fork(); timeline()".to_owned()),
    ] {
        pictures.push(written(name, &script, "--svg"));
    }
    let Some(seen) = in_browser("tests/readers/pictures.py", &pictures) else {
        return;
    };
    assert_eq!(seen.as_object().unwrap().len(), pictures.len());
    for (name, seen) in seen.as_object().unwrap() {
        assert!(seen["texts"].as_u64().unwrap() > 0, "{name}");
        assert_eq!(seen["outside"], serde_json::json!([]), "{name}");
    }
}

#[test]
fn a_program_has_a_page_of_its_run() {
    let file = scratch("program.html", b"");
    let file = file.to_str().unwrap();
    let output = forklab(&["run", "scripts/c/cow_frames", "--html", file], b"");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let Some(seen) = browse(file) else {
        return;
    };
    assert_eq!(seen["troubles"], serde_json::json!([]));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(seen["console"], printed.trim_end());
    let rows = seen["rows"].to_string();
    assert!(
        rows.contains("2:cow_frames") && rows.contains("3:cow_frames"),
        "{rows}"
    );
}
