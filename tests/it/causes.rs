//! What events come of: the ways back from typical events, and what holds for every event of every
//! script.

use forklab::Session;
use forklab::lab::collect;
use forklab::script::Limits;
use forklab::trace::{Cause, EventKind, FieldValue, Record, TraceEvent, TraceLog};
use std::fs;
use std::path::Path;

/// A situation, and the way back from the last switch to `sh` or from the event named.
const WAYS: &[(&str, &str, &[&str], &str)] = &[
    (
        "let kid = sh.fork(); sh.wait(); kid.exit(3);",
        "sys_exit",
        &[
            "sys_exit",
            "sched_wakeup",
            "sched_process_exit",
            "sys_enter",
        ],
        "what 3:sh does in user mode, in line 1",
    ),
    (
        "let kid = sh.fork(); sh.sigaction(SIGCHLD, || ()); kid.exit(0);",
        "signal_deliver",
        &[
            "signal_deliver",
            "signal_generate",
            "sched_process_exit",
            "sys_enter",
        ],
        "what 3:sh does in user mode, in line 1",
    ),
    (
        "let kid = sh.vfork(); kid.exit(0);",
        "sys_exit",
        &[
            "sys_exit",
            "sched_wakeup",
            "vfork_done",
            "sched_process_exit",
            "sys_enter",
        ],
        "what 3:sh does in user mode, in line 1",
    ),
    (
        "sh.alarm(1); tick(1100);",
        "sched_process_exit",
        &[
            "sched_process_exit",
            "signal_deliver",
            "sched_wakeup",
            "signal_generate",
        ],
        "the timer interrupt of tick 1001, in line 1",
    ),
    (
        "let a = sh.mmap(4*KiB); sh.write(a, 1); let kid = sh.fork(); kid.write(a, 2);",
        "cow_copy",
        &["cow_copy", "page_fault_user"],
        "what 3:sh does in user mode, in line 1",
    ),
    (
        "spawn(\"hog\", workload([\"run 500\"])); spawn(\"hog\", workload([\"run 500\"])); tick(150);",
        "sched_switch",
        &["sched_switch", "timeslice_expire"],
        "the timer interrupt of tick 100, in line 1",
    ),
    (
        "spawn(\"hog\", workload([\"run 500\"]), #{nice: 5}); spawn(\"io\", workload([\"sleep 30\", \"run 9\"])); \
         tick(31);",
        "sched_switch",
        &["sched_switch", "sched_wakeup"],
        "the timer interrupt of tick 30, in line 1",
    ),
];

#[test]
fn the_way_back_from_an_event_is_the_one_that_it_came() {
    for (script, event, way, origin) in WAYS {
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        let found = session.eval(&format!(
            "let sh = spawn(\"sh\"); {script} let found = cause(\"{event}\"); \
             let way = \"\"; for link in found.links {{ way += link.event.event + \" \"; }} \
             way + \"<- \" + found.origin"
        ));
        let expected = format!("{} <- {origin}", way.join(" "));
        assert_eq!(found.unwrap(), expected, "{script}");
    }
}

#[test]
fn an_event_that_is_gone_from_the_trace_is_found_again() {
    let limits = Limits::default().with(forklab::script::Limit::Trace, 1);
    let mut session = Session::new(limits, Box::new(|_| Ok(()))).unwrap();
    session.remember();
    for line in [
        "let sh = spawn(\"sh\")",
        "let kid = sh.fork()",
        "let seq = trace().only(\"sched_process_fork\")[1].seq",
        "for i in 0..2000 { sh.getpid(); }",
        "assert(trace()[0].seq > seq)",
        "let links = cause(seq).links",
        "assert_eq(links[1].event.event, \"sys_enter\")",
        "assert_eq(links[1].event.line, 2)",
        "assert(effects(links[1].event.seq).events.len() > 10)",
    ] {
        if let Err(failure) = session.submit(line) {
            panic!("{line}: {failure}");
        }
    }
    let failure = session.submit("cause(1000000)").unwrap_err();
    assert!(
        failure.message.contains("there is no event 1000000"),
        "{failure}"
    );
}

/// Whether an event is about a task in one of its fields.
fn names(record: &Record, pid: FieldValue) -> bool {
    record.event.fields().iter().any(|(_, value)| *value == pid)
}

/// What holds for every event.
fn check(log: &TraceLog, script: &Path) {
    let mut entries = 0;
    for record in log.records() {
        let what = format!("{}: {record:?}", script.display());
        let causes = match record.cause() {
            Cause::Event(seq) => vec![seq],
            _ => vec![],
        };
        for cause in causes.iter().copied().chain(log.second_cause(record.seq)) {
            assert!(cause < record.seq, "{what}");
            assert!(
                log.dropped() > 0 || log.record_of(cause).is_some(),
                "{what}"
            );
        }
        match record.event {
            // What is not caused by anything else in the kernel.
            TraceEvent::SysEnter { .. } | TraceEvent::PageFaultUser { .. } => {
                entries += 1;
                assert_eq!(record.cause(), Cause::Outside, "{what}");
            }
            TraceEvent::SysExit { .. } | TraceEvent::CowCopy { .. } => {
                assert!(matches!(record.cause(), Cause::Event(_)), "{what}");
            }
            // Nobody gets the CPU who was not put on the runqueue by an event about him.
            TraceEvent::SchedSwitch { next, .. } if next.0 != 0 => {
                let queued = log.second_cause(record.seq).or(causes.first().copied());
                if let Some(queued) = queued.and_then(|seq| log.record_of(seq)) {
                    assert!(names(queued, FieldValue::Pid(next)), "{what}\n{queued:?}");
                }
            }
            _ => {}
        }
    }
    assert!(
        entries > 0 || log.records().count() < 2000,
        "{}",
        script.display()
    );
}

#[test]
fn every_event_of_every_script_says_what_it_came_of() {
    let mut kinds = 0_u64;
    for script in collect(Path::new("scripts")).unwrap() {
        let text = fs::read_to_string(&script.path).unwrap();
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        // Mistakes fail, and so do scripts with files of their own: what they did counts.
        let _ended = session.run(&text);
        session.machine(|machine| {
            check(&machine.kernel.log, &script.path);
            let records = machine.kernel.log.records();
            kinds |= records.fold(0, |kinds, record| kinds | 1 << record.event.kind() as u64);
        });
    }
    assert!(
        kinds.count_ones() as usize > EventKind::ALL.len() * 3 / 4,
        "few kinds of events were seen"
    );
}
