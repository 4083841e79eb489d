//! Files of other programs: what they become, what is said of what is not understood, and what is
//! compared.

use crate::cli::{flat, forklab, scratch};
use forklab::import::{Kind, import};
use forklab::machine::WorkloadFile;
use serde_json::Value;
use std::fs;

fn fixture(name: &str) -> String {
    fs::read_to_string(format!("tests/data/foreign/{name}")).unwrap()
}

/// What `forklab replay` prints of a file.
fn replay(path: &str, more: &[&str]) -> String {
    let output = forklab(&[&["replay", path], more].concat(), b"");
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_file_is_recognised_by_its_content() {
    for (text, kind) in [
        (fixture("two-rates.json"), Kind::RtApp),
        (fixture("make.ftrace"), Kind::Ftrace),
        (fixture("short.perf"), Kind::Ftrace),
        (fixture("jobs.txt"), Kind::Jobs),
        (fixture("forks.txt"), Kind::Forks),
        (fixture("pipeline.strace"), Kind::Strace),
        ("10,20,30".to_owned(), Kind::Jobs),
        ("8,4 SJF".to_owned(), Kind::Jobs),
        ("-A a+b,b-".to_owned(), Kind::Forks),
        (
            "0 2 hog spawn prio=125 slice=100 sleep_avg=0\n".to_owned(),
            Kind::Recording,
        ),
        ("horizon 3\ntask hog\n  run 2\n".to_owned(), Kind::Workload),
        (String::new(), Kind::Workload),
    ] {
        assert_eq!(Kind::of(&text), kind, "{text}");
    }
}

#[test]
fn each_file_becomes_a_workload() {
    let mut all = String::new();
    for name in [
        "two-rates.json",
        "make.ftrace",
        "short.perf",
        "jobs.txt",
        "forks.txt",
    ] {
        let imported = import(&fixture(name), 1).unwrap();
        WorkloadFile::parse(&imported.workload, 1).unwrap();
        all += &format!("# {name}: {:?}\n{}\n", imported.notes, imported.workload);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_not_understood_is_named_with_its_place() {
    let edit = |name: &str, from: &str, to: &str| fixture(name).replace(from, to);
    for (text, place, says) in [
        (
            edit("two-rates.json", "\"unlock\"", "\"unlatch\""),
            (13, 45),
            "\"unlatch\" is not an event",
        ),
        (
            edit("two-rates.json", "\"SCHED_FIFO\"", "\"SCHED_DEADLINE\""),
            (4, 3),
            "2.6.12 has no policy SCHED_DEADLINE",
        ),
        (
            edit("two-rates.json", "2600", "-3"),
            (22, 14),
            "-3 is not a time",
        ),
        (
            edit("two-rates.json", "\"global\"", "\"local\""),
            (26, 2),
            "\"local\" is not a part",
        ),
        ("{ \"tasks\": ".to_owned(), (1, 12), ""),
        (
            format!("{{\"tasks\": {}", "[".repeat(1000)),
            (1, 74),
            "nested more than 64 deep",
        ),
        (
            edit("make.ftrace", "prev_pid=0 ", ""),
            (8, 64),
            "sched_switch without the fields",
        ),
        (
            edit("make.ftrace", "5071.203000", "5071,203000"),
            (9, 39),
            "not a time stamp",
        ),
        (
            edit(
                "make.ftrace",
                "-1234    [000] .....  5071.203",
                "-1234    [0x0] .....  5071.203",
            ),
            (9, 13),
            "no CPU",
        ),
        (
            "# tracer: nop\n#\n".to_owned(),
            (1, 1),
            "no scheduling event",
        ),
        (
            "10,twenty,30".to_owned(),
            (1, 4),
            "\"twenty\" is not a length",
        ),
        (
            "10,20 LOTTERY".to_owned(),
            (1, 7),
            "LOTTERY is not a policy",
        ),
        (
            "-l 10,20 -p RR -q 0".to_owned(),
            (1, 19),
            "0 is not a quantum",
        ),
        ("10,20,x".to_owned(), (1, 7), "\"x\" is not a length"),
        (
            "-s 1 -j 3 -m 10".to_owned(),
            (1, 1),
            "need the random numbers of Python",
        ),
        (
            "5:50,5:100".to_owned(),
            (1, 1),
            "drawn by Python's random numbers",
        ),
        (
            format!("{0}{0}", fixture("short.perf")),
            (6, 32),
            "time goes back by 0.062000 s",
        ),
        (
            edit("short.perf", "[120] R ==>", "[120] (R ==>"),
            (3, 63),
            "sched_switch without the fields",
        ),
        ("a+b,c-".to_owned(), (1, 5), "there is no process c"),
        ("a+b,a+b".to_owned(), (1, 5), "there is already a process b"),
        (
            "0 2 hog spawn prio=125\nnonsense\n".to_owned(),
            (2, 1),
            "not a line of a recording",
        ),
    ] {
        match import(&text, 1) {
            // A word that no list begins with makes a workload file of it.
            Ok(imported) => {
                assert_eq!(imported.kind, Kind::Workload, "{text}");
                assert!(
                    WorkloadFile::parse(&imported.workload, 1).is_err(),
                    "{text}"
                );
            }
            Err(error) => {
                assert!(
                    error.why.contains(says),
                    "{}\n{error}",
                    text.lines().next().unwrap()
                );
                assert_eq!((error.line, error.column), place, "{error}");
            }
        }
    }
}

#[test]
fn a_truncated_or_binary_file_is_an_error_or_a_whole_workload() {
    for name in [
        "two-rates.json",
        "make.ftrace",
        "short.perf",
        "jobs.txt",
        "forks.txt",
    ] {
        let whole = fixture(name);
        for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            if let Ok(imported) = import(&whole[..end], 1) {
                let _ = WorkloadFile::parse(&imported.workload, 1);
            }
        }
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let mut bytes = whole.clone().into_bytes();
            let at = rng.usize(..bytes.len());
            bytes[at] = rng.u8(..);
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(imported) = import(&text, 2) {
                let _ = WorkloadFile::parse(&imported.workload, 2);
            }
        }
    }
    let binary = scratch("binary.ftrace", &[0x7f, b'E', b'L', b'F', 0xff]);
    let output = forklab(&["replay", binary.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(flat(&output.stderr).contains("not UTF-8 text"));
}

/// rt-app's timers: whatever delays a task, it is activated at every multiple of its period.
#[test]
fn a_timer_does_not_drift() {
    let told = replay("tests/data/foreign/two-rates.json", &["--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let rows = told["latency"]["rows"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row("fast")["runtime"], 20 * 5);
    assert_eq!(row("slow")["runtime"], 20 * 10);
}

#[test]
fn the_other_machine_stands_beside_this_one() {
    let told = [
        replay("tests/data/foreign/make.ftrace", &["--compare"]),
        replay("tests/data/foreign/jobs.txt", &["--compare"]),
        replay("tests/data/foreign/jobs.txt", &["--show", "turnaround"]),
    ];
    insta::assert_snapshot!(told.join("\n"));
    let plain = scratch("plain.workload", b"horizon 3\ntask hog\n  run 2\n");
    let output = forklab(&["replay", plain.to_str().unwrap(), "--compare"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(flat(&output.stderr).contains("does not say what its tasks got elsewhere"));
}

const WORKLOAD: &str = "\
horizon 900
task A
  run 10
  fork C kid
  run 60
  sleep 20
  run 30
  wake W
  run 500
task H nice=5
  run 1000000
task W start=30
  run 5
  block
  run 40
  sleep 7
  goto 0
script kid
  run 5
  sleep 3
  goto 0
";

/// The events of a schedule without the names, to which pids are added where several tasks have the
/// same one. What tasks do after the end is not in a trace.
fn switches(schedule: &str) -> Vec<String> {
    let events = schedule.lines().filter(|line| !line.contains(" summary "));
    let nameless = |line: &str| {
        let name = if line.contains(" cpu") { 3 } else { 2 };
        let words = line.split(' ').enumerate();
        let kept: Vec<&str> = words
            .filter(|(place, _)| *place != name)
            .map(|(_, word)| word.split(':').next().unwrap_or(word))
            .collect();
        kept.join(" ")
    };
    events.map(nameless).collect()
}

/// Plays a workload, and then its trace: both have the same schedule.
fn comes_back(file: &str, more: &[&str]) -> Result<(), String> {
    let stem = file.rsplit('/').next().unwrap();
    let trace = scratch(&format!("{stem}.txt"), b"");
    let trace = trace.to_str().unwrap();
    let schedule = replay(file, &[&["--trace", trace], more].concat());
    let again = replay(trace, more);
    let (schedule, again) = (switches(&schedule), switches(&again));
    let differs = (0..schedule.len().max(again.len()))
        .find(|place| schedule.get(*place) != again.get(*place));
    match differs {
        None => Ok(()),
        Some(place) => Err(format!(
            "{file}: {:?} became {:?}",
            schedule.get(place),
            again.get(place)
        )),
    }
}

fn workloads(folder: &str) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().path().to_str().unwrap().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".workload")).collect();
    names.sort();
    names
}

/// What is written can be read, and leads to the same schedule.
#[test]
fn a_trace_of_our_own_leads_to_the_same_schedule() {
    let file = scratch("own.workload", WORKLOAD.as_bytes());
    let file = file.to_str().unwrap();
    comes_back(file, &[]).unwrap();
    let trace = scratch("own.workload.compared.txt", b"");
    let trace = trace.to_str().unwrap();
    replay(file, &["--trace", trace]);
    let compared = replay(trace, &["--compare", "--json"]);
    let compared: Value = serde_json::from_str(&compared).unwrap();
    for row in compared["compared"]["rows"].as_array().unwrap() {
        assert_eq!(row["there"], row["here"], "{row}");
    }
}

#[test]
fn traces_of_all_recorded_workloads_lead_to_the_same_schedules() {
    let one = workloads("tests/data")
        .into_iter()
        .map(|file| comes_back(&file, &[]));
    let two = workloads("tests/data/smp")
        .into_iter()
        .map(|file| comes_back(&file, &["--cpus", "2"]));
    let differ: Vec<String> = one.chain(two).filter_map(Result::err).collect();
    assert_eq!(differ, Vec::<String>::new());
}

#[test]
fn a_recording_can_be_played_and_compared() {
    let file = scratch("recorded.workload", WORKLOAD.as_bytes());
    let recording = replay(file.to_str().unwrap(), &[]);
    let recording = scratch("recorded.trace", recording.as_bytes());
    let told = replay(recording.to_str().unwrap(), &["--compare"]);
    assert!(told.contains("there: a recording of forklab"), "{told}");
    assert!(told.contains("\nH "), "{told}");
}

#[test]
fn puppets_make_the_calls_of_a_log() {
    insta::assert_snapshot!(replay("tests/data/foreign/pipeline.strace", &[]));
}

/// What `strace -f` prints by default: messages within calls, and no pid for the last process.
#[test]
fn a_log_as_a_terminal_shows_it_is_played() {
    insta::assert_snapshot!(replay("tests/data/foreign/shell.strace", &[]));
    let told = replay("tests/data/foreign/shell.strace", &["--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["differ"], &told["not_made"]), (&0.into(), &6.into()));
    let trace = scratch("shell.strace.txt", b"");
    replay(
        "tests/data/foreign/shell.strace",
        &["--trace", trace.to_str().unwrap()],
    );
    assert!(fs::read_to_string(trace).unwrap().contains("call=vfork"));
    for option in ["--compare", "--workload"] {
        let output = forklab(&["replay", "tests/data/foreign/shell.strace", option], b"");
        assert_eq!(output.status.code(), Some(2));
        assert!(flat(&output.stderr).contains(option));
    }
}

/// Whoever waits to be woken is woken, also if its sleep began before the trace; a task that exits wakes
/// its parent before that.
#[test]
fn no_wake_up_is_lost() {
    let ping_pong = "\
 prod 10 [000] 1.000000: sched:sched_wakeup: cons:11 [120] success=1 CPU:000
 prod 10 [000] 1.002000: sched:sched_switch: prod:10 [120] S ==> cons:11 [120]
 cons 11 [000] 1.006000: sched:sched_waking: comm=prod pid=10 prio=120 target_cpu=000
 cons 11 [000] 1.006001: sched:sched_wakeup: prod:10 [120] success=1 CPU:000
 cons 11 [000] 1.006002: sched:sched_switch: cons:11 [120] S ==> prod:10 [120]
 prod 10 [000] 1.008000: sched:sched_process_exit: comm=prod pid=10 prio=120
 prod 10 [000] 1.008001: sched:sched_wakeup: cons:11 [120] success=1 CPU:000
 prod 10 [000] 1.008002: sched:sched_switch: prod:10 [120] X ==> cons:11 [120]
 cons 11 [000] 1.012000: sched:sched_switch: cons:11 [120] S ==> swapper:0 [120]
";
    let workload = import(ping_pong, 1).unwrap().workload;
    assert_eq!(
        workload,
        "horizon 12\ntask prod\n  run 2\n  await prod\n  run 2\n  post cons\n  exit\n\
                          task cons\n  run 4\n  post prod\n  await cons\n  run 4\n  block\n"
    );
    let old = "\
            bash-3001  [000]  10.000000: sched_wakeup: task ls:3002 [120] success [001]
            bash-3001  [000]  10.004000: sched_switch: task bash:3001 [120] (S) ==> ls:3002 [120]
              ls-3002  [000]  10.007000: sched_switch: task ls:3002 [120] (R) ==> bash:3001 [120]
";
    let workload = import(old, 1).unwrap().workload;
    assert!(
        workload.contains("task bash\n  run 4\n  sleep 3\n"),
        "{workload}"
    );
    assert!(workload.contains("task ls\n  run 4\n"), "{workload}");
}

#[test]
fn lists_of_all_simulators_are_read() {
    let read = |text: &str| import(text, 1).unwrap().workload;
    assert_eq!(
        read("10.5,20"),
        "horizon 306\ntask job0\n  run 105\ntask job1\n  run 200\n"
    );
    assert_eq!(
        read("5:100,1:0"),
        "horizon 13\ntask process0\n  run 5\ntask process1\n  run 1\n  io 5\n  run 1\n"
    );
    let jobs = read("-l 0,50,5:10,20,0 -q 10");
    assert!(jobs.contains("task job1 start=10\n  run 20\n"), "{jobs}");
    assert_eq!(jobs.matches("  run 5\n  io 5\n").count(), 9);
    let printed =
        "ARG policy FIFO\nARG jlist 10,20\n\nHere is the job list:\n  Job 0 ( length = 10 )\n";
    assert_eq!(read(printed), read("10,20 FIFO"));
    assert_eq!(
        read("ARG action_list a+b,b-\n\nProcess Tree:\n"),
        read("a+b,b-")
    );
}

#[test]
fn a_log_that_is_not_understood_is_named_with_its_place() {
    let log = fixture("pipeline.strace");
    for (text, place, says) in [
        (
            log.replace("getppid()                         = 4101", "getppid()"),
            (5, 16),
            "no result",
        ),
        (
            log.replace("<... clone resumed>", "<... clone"),
            (7, 7),
            "no `resumed>`",
        ),
        (
            log.replace("4101  wait4(4102,  <unf", "4101  (4102,  <unf"),
            (8, 7),
            "no call before",
        ),
        (
            log.replace("4101  <... wait4", "4109  <... wait4"),
            (11, 7),
            "resumes a call",
        ),
    ] {
        let error = forklab::import::strace_calls(&text).unwrap_err();
        assert!(error.why.contains(says), "{error}");
        assert_eq!((error.line, error.column), place, "{error}");
    }
    for end in (0..log.len()).filter(|end| log.is_char_boundary(*end)) {
        let _ = forklab::import::strace_calls(&log[..end]);
    }
}
