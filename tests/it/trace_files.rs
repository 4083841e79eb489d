//! `--trace FILE`: what the files contain, read by others where these are installed.

use crate::cli::{forklab, scratch, skipped};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A fork, copies of pages, a preempted hog, sleeps, and an exit that is waited for.
const SCRIPT: &str = "\
let sh = spawn(\"sh\");
let a = sh.mmap(4*KiB);
sh.write(a, 1);
let kid = sh.fork();
kid.write(a, 2);
spawn(\"hog\", workload([\"run 20\", \"sleep 10\", \"goto 0\"]));
spawn(\"other\", workload([\"run 200\"]));
tick(100);
kid.exit(0);
sh.wait();
";

/// Runs a script with its trace in a file of that name, and returns the file.
fn traced(name: &str, script: &str, more: &[&str]) -> (PathBuf, String) {
    let source = scratch(&format!("{name}.rhai"), script.as_bytes());
    let file = scratch(name, b"");
    let args = [
        "run",
        source.to_str().unwrap(),
        "--trace",
        file.to_str().unwrap(),
    ];
    let output = forklab(&[&args[..], more].concat(), b"");
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    (file, message)
}

#[test]
fn json_lines_are_the_trace_event_by_event() {
    let (file, _) = traced("t.jsonl", SCRIPT, &[]);
    let text = fs::read_to_string(file).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers = events.iter().map(|event| event["seq"].as_u64().unwrap());
    assert!(numbers.eq(0..events.len() as u64));
    let copy = events.iter().find(|event| event["event"] == "cow_copy");
    let copy = copy.unwrap();
    assert_eq!((&copy["task"], &copy["line"]), (&3.into(), &5.into()));
    assert!(copy["old"].is_u64() && copy["new"].is_u64(), "{copy}");
}

#[test]
fn chromes_slices_nest_and_its_arrows_have_two_ends() {
    let (file, _) = traced("t.json", SCRIPT, &[]);
    let trace: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut depth: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    let (mut begins, mut ends, mut last) = (Vec::new(), Vec::new(), 0.0);
    let mut runs = Vec::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        let (pid, tid) = (
            event["pid"].as_i64().unwrap(),
            event["tid"].as_i64().unwrap(),
        );
        let open = depth.entry((pid, tid)).or_default();
        let at = event["ts"].as_f64().unwrap();
        match event["ph"].as_str().unwrap() {
            "B" => {
                *open += 1;
                if pid == 0 {
                    runs.push(event["name"].as_str().unwrap());
                }
            }
            "E" => *open -= 1,
            "s" => begins.push(event["id"].as_i64().unwrap()),
            "f" => ends.push(event["id"].as_i64().unwrap()),
            "i" | "C" => {}
            "M" => continue,
            other => panic!("{other}"),
        }
        assert!(*open >= 0 && at >= last, "{event}");
        last = at;
    }
    assert!(depth.values().all(|open| *open == 0), "{depth:?}");
    assert!(ends.iter().all(|end| begins.contains(end)) && !ends.is_empty());
    for task in ["2:sh", "3:sh", "4:hog", "5:other"] {
        assert!(runs.contains(&task), "{task}");
    }
}

#[test]
fn ftraces_text_has_rising_stamps_and_the_keys_of_the_kernel() {
    let (file, _) = traced("t.txt", SCRIPT, &[]);
    let text = fs::read_to_string(file).unwrap();
    let stamp = |line: &str| {
        let words: Vec<&str> = line[17..].split_whitespace().collect();
        let stamp = words.iter().find(|word| word.ends_with(':')).unwrap();
        stamp.trim_end_matches(':').parse::<f64>().unwrap()
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.windows(2).all(|pair| stamp(pair[0]) < stamp(pair[1])));
    assert!(
        text.contains("prev_comm=swapper prev_pid=0 prev_prio=140 prev_state=R ==> next_comm=")
    );
}

#[test]
fn perfettos_own_classes_read_its_format() {
    let (file, _) = traced("t.pftrace", SCRIPT, &[]);
    let reader = Command::new("python3")
        .args(["tests/readers/read_pftrace.py", file.to_str().unwrap()])
        .output();
    let Some(output) = reader.ok().filter(|output| output.status.success()) else {
        let has = Command::new("python3")
            .args(["-c", "import perfetto"])
            .status();
        assert!(
            !has.is_ok_and(|status| status.success()),
            "the reader has failed"
        );
        skipped("no python3 with the package perfetto");
        return;
    };
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        read["forks"].as_array().unwrap()[1],
        serde_json::json!([2, 3])
    );
    assert_eq!(read["names"]["4"], "hog");
    assert_eq!(
        (&read["open"], &read["loose"], &read["unordered"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert!(read["arrows"].as_u64().unwrap() >= 3, "{read}");
    for counter in ["free frames", "nr_running", "rss of 3"] {
        assert!(
            read["counters"]
                .as_array()
                .unwrap()
                .contains(&counter.into()),
            "{read}"
        );
    }
    assert_eq!(read["values"]["rss of 3"], json!([2, 0]), "{read}");
    // Who had the CPU at the end is who was switched to last.
    let last = read["switches"].as_array().unwrap().last().unwrap();
    assert_eq!(last.as_array().unwrap().len(), 3);
}

/// The values of each counter in a trace of Chrome's.
fn counters(file: &PathBuf) -> BTreeMap<String, Vec<i64>> {
    let trace: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut counters: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        if event["ph"] == "C" {
            let values = event["args"].as_object().unwrap().values();
            let name = event["name"].as_str().unwrap().to_owned();
            let values = values.map(|value| value.as_i64().unwrap());
            counters.entry(name).or_default().extend(values);
        }
    }
    counters
}

/// A program runs in one command; its resident pages are told while it does.
#[test]
fn the_resident_pages_of_a_program_are_told_fault_by_fault() {
    let file = scratch("cow.json", b"");
    let output = forklab(
        &[
            "run",
            "scripts/c/cow_frames",
            "--trace",
            file.to_str().unwrap(),
        ],
        b"",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let counters = counters(&file);
    for task in ["rss of 2", "rss of 3"] {
        let values = &counters[task];
        assert!(values.len() > 2, "{task}: {values:?}");
        assert_eq!(values.last(), Some(&0), "{task} has exited: {values:?}");
        // A page is added at a time, from fork or exec until exit.
        let rises = values.windows(2).filter(|pair| pair[1] == pair[0] + 1);
        assert!(rises.count() > 0, "{task}: {values:?}");
    }
}

/// What is counted from events is what the machine has when it rests: nothing is corrected then.
#[test]
fn counted_pages_are_those_of_the_machine() {
    let script = "\
let sh = spawn(\"sh\");
let a = sh.mmap(16*KiB);
sh.touch(a, 2);
sh.read(a + 8*KiB);
let kid = sh.fork();
kid.write(a, 2);
kid.write(a + 8*KiB, 2);
kid.write(a + 12*KiB, 2);
let thread = kid.clone(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
thread.write(kid.mmap(4*KiB), 1);
let late = sh.vfork();
late.exec(\"/bin/true\");
print([sh.mm.rss, kid.mm.rss]);
";
    let source = scratch("counted.rhai", script.as_bytes());
    let file = scratch("counted.json", b"");
    let args = [
        "run",
        source.to_str().unwrap(),
        "--trace",
        file.to_str().unwrap(),
    ];
    let output = forklab(&args, b"");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let counters = counters(&file);
    let last = ["rss of 2", "rss of 3"].map(|task| *counters[task].last().unwrap());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(format!("{last:?}"), printed.trim());
    for task in ["rss of 2", "rss of 3"] {
        let steps: Vec<i64> = counters[task]
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        assert!(
            steps.iter().all(|step| *step == 1),
            "{task}: {:?}",
            counters[task]
        );
    }
}

#[test]
fn a_machine_that_is_replaced_begins_the_file_anew() {
    let twice = format!("{SCRIPT}boot(#{{cpus: 2}});\nspawn(\"late\", workload([\"run 1\"]));\n");
    let (file, _) = traced("twice.txt", &twice, &[]);
    let text = fs::read_to_string(file).unwrap();
    assert!(
        text.contains("comm=late") && !text.contains("comm=hog"),
        "{text}"
    );
    let back = "let sh = spawn(\"sh\");\nlet kid = sh.fork();\nbefore(\"sched_process_fork\");\n";
    let (file, _) = traced("back.txt", &format!("{back}tick(3);\n"), &[]);
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("comm=sh pid=2"), "{text}");
}

#[test]
fn files_that_cannot_be_written_are_named_before_anything_runs() {
    let script = scratch("only.rhai", b"print(1);");
    let script = script.to_str().unwrap();
    for (args, says) in [
        (
            &["run", script, "--trace", "x.bin"][..],
            ".pftrace (Perfetto's own format)",
        ),
        (
            &["run", script, "--trace", "no/such/x.txt"],
            "no/such/x.txt: cannot be written: no such file",
        ),
        (
            &["run", script, script, "--trace", "x.txt"],
            "--trace is for a single script, but these are 2",
        ),
        (
            &["-e", "1", "--trace", "x"],
            "the ending of the name chooses the format",
        ),
    ] {
        let output = forklab(args, b"");
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}\n{message}");
        assert!(message.contains(says), "{args:?}\n{message}");
        assert_eq!(output.stdout, b"", "{args:?}");
    }
}

#[test]
fn names_with_markup_and_control_characters_come_out_harmless() {
    let script = "spawn(\"a\\n<b>\\\"\\u001b[\", workload([\"run 2\"]));\ntick(3);\n";
    let (file, _) = traced("odd.json", script, &[]);
    let _: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let (file, _) = traced("odd.txt", script, &[]);
    let text = fs::read_to_string(file).unwrap();
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    assert!(
        text.lines().skip(5).all(|line| line.contains("[000] ....")),
        "{text}"
    );
}

#[test]
fn trace_cmd_reports_what_the_text_of_ftrace_says() {
    let (file, _) = traced("t.dat", SCRIPT, &[]);
    let report = Command::new("trace-cmd")
        .args(["report", "-t", "-i", file.to_str().unwrap()])
        .output();
    let Ok(report) = report else {
        skipped("no trace-cmd");
        return;
    };
    let report = String::from_utf8(report.stdout).unwrap();
    let (text, _) = traced("same.txt", SCRIPT, &[]);
    let text = fs::read_to_string(text).unwrap();
    // Each switch, with its stamp and its fields.
    let switches = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("sched_switch:"));
        let words = lines.map(|line| {
            let (stamp, rest) = line.split_once(": sched_switch:").unwrap();
            let stamp = stamp.split_whitespace().last().unwrap();
            format!(
                "{stamp} {}",
                rest.split_whitespace().collect::<Vec<_>>().join(" ")
            )
        });
        words.collect()
    };
    let (reported, written) = (switches(&report), switches(&text));
    assert!(written.len() > 20);
    assert_eq!(reported.len(), written.len(), "{report}");
    // trace-cmd prints a switch in its own, shorter way; the stamps are the same.
    for (reported, written) in reported.iter().zip(&written) {
        assert_eq!(reported.split(' ').next(), written.split(' ').next());
    }
    assert!(report.contains("cow_copy addr="), "{report}");
}

/// Whoever reads a trace later sees that the kernel was not Linux's.
#[test]
fn a_changed_kernel_is_marked_in_every_format() {
    let script = "spawn(\"sh\"); kernel_rule(\"schedule\", |t| t.stock); tick(2);\n\
                  kernel_rule(\"schedule\", ()); spawn(\"sh\"); tick(2);\n";
    let mark = "changed kernel: schedule (line 1)";
    let (file, _) = traced("changed.txt", script, &[]);
    let text = fs::read_to_string(file).unwrap();
    let comments: Vec<&str> = text.lines().filter(|line| line.starts_with("# ")).collect();
    assert!(comments.contains(&format!("# {mark}").as_str()), "{text}");
    let (file, _) = traced("changed.json", script, &[]);
    let trace: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let marked = events.iter().filter(|event| event["name"] == mark);
    assert_eq!(marked.count(), 1);
    let (file, _) = traced("changed.jsonl", script, &[]);
    let text = fs::read_to_string(file).unwrap();
    let marks: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line.get("kernel").is_some())
        .collect();
    assert_eq!(marks[0], json!({ "tick": 0, "kernel": mark }));
    assert_eq!(
        marks[1],
        json!({ "tick": 2, "kernel": "the kernel of Linux again" })
    );
    // The others are binary, and have the text in them.
    for name in ["changed.pftrace", "changed.dat"] {
        let (file, _) = traced(name, script, &[]);
        let bytes = fs::read(file).unwrap();
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(has(mark) && has("the kernel of Linux again"), "{name}");
    }
}

/// However few events the trace keeps, a file gets all of them.
#[test]
fn a_file_misses_nothing_that_a_short_trace_drops() {
    let script = "for i in 0..30 { spawn(`t${i}`, workload([\"run 1\", \"sleep 1\", \"goto 0\"])); }\n\
                  tick(3000);\n";
    let (long, said) = traced("long.jsonl", script, &[]);
    assert!(!said.contains("missing"), "{said}");
    let (short, said) = traced("short.jsonl", script, &["--max-trace", "1000"]);
    assert!(!said.contains("missing"), "{said}");
    let long = fs::read_to_string(long).unwrap();
    assert!(long.lines().count() > 5000);
    assert!(long == fs::read_to_string(short).unwrap());
}

/// A pipe gets a trace as a file does, and an ending may stand before the name.
#[cfg(unix)]
#[test]
fn a_trace_goes_to_a_pipe() {
    let source = scratch(
        "piped.rhai",
        b"boot(#{cpus: 2}); spawn(\"sh\").fork(); tick(5);",
    );
    let pipe = scratch("pipe", b"");
    fs::remove_file(&pipe).unwrap();
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    let named = format!("jsonl:{}", pipe.display());
    let output = forklab(&["run", source.to_str().unwrap(), "--trace", &named], b"");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let read = reader.join().unwrap();
    assert!(read.lines().count() > 5, "{read}");
    let first: Value = serde_json::from_str(read.lines().next().unwrap()).unwrap();
    assert_eq!(first["seq"], 0);
    fs::remove_file(&pipe).unwrap();
}
