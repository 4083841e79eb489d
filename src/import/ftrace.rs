//! Traces of real machines: the text of ftrace, and what `perf sched script` or `perf script` print
//! of scheduling events.
//!
//! ```text
//!   make-1234  [001] d..3. 5071.203345: sched_switch: prev_comm=make prev_pid=1234 ... ==> ...
//!   make  1234 [001]  5071.203345: sched:sched_switch: prev_comm=make ... ==> next_comm=...
//!   make  1234 [001]  5071.203345: sched:sched_switch: make:1234 [120] S ==> sh:7 [120]
//! ```

use super::Trouble;
use super::schedule::{Birth, Happening, Leaves, Origin, Schedule, Scheduled, What, Who};

/// The header of traces that forklab has written: their priorities are dynamic.
pub(crate) const OWN: &str = "# priorities: dynamic, Linux 2.6.12";

/// The events that are understood.
const EVENTS: [&str; 6] = [
    "sched_switch",
    "sched_waking",
    "sched_wakeup",
    "sched_wakeup_new",
    "sched_process_fork",
    "sched_process_exit",
];

/// What was read of a trace.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) schedule: Schedule,
    /// Number of lines about other events.
    pub(super) others: u64,
    /// Number of events that the other machine has lost.
    pub(super) lost: u64,
}

/// Whether a line looks like one of a trace.
pub(super) fn is_line(line: &str) -> bool {
    let has = |event: &str| {
        let at = line.find(event);
        at.is_some_and(|at| line[at + event.len()..].starts_with(':'))
    };
    line.starts_with("# tracer:") || EVENTS.iter().any(|event| has(event))
}

/// Reads a trace.
///
/// # Errors
/// The first line that is not understood.
pub(super) fn read(text: &str) -> Result<Read, Trouble> {
    let mut read = Read::default();
    for (number, line) in text.lines().enumerate() {
        let trouble = |(at, why): (usize, String)| Trouble::at(number, line, at, why, EXPECTED);
        read.line(line).map_err(trouble)?;
    }
    if read.schedule.is_empty() {
        let why = "no scheduling event in the whole trace".to_owned();
        return Err(Trouble::at(0, "", 0, why, EXPECTED));
    }
    read.schedule.finish();
    Ok(read)
}

const EXPECTED: &str = "a line of ftrace or perf script such as `sh-7 [000] d..3. 12.345678: \
     sched_switch: prev_comm=sh prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=...`";

/// What is wrong, and at which byte of the line.
type Wrong = (usize, String);

impl Read {
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        if line.starts_with(OWN) {
            self.schedule.origin = Origin::Forklab;
        }
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return Ok(());
        }
        if let Some(lost) = lost_events(trimmed) {
            self.lost += lost;
            return Ok(());
        }
        let head = head(line)?;
        let args = line.get(head.args..).unwrap_or_default();
        let own = self.schedule.origin == Origin::Forklab;
        let what = match head.event {
            "sched_switch" => switch(args),
            "sched_waking" | "sched_wakeup" => wake(args).map(|(who, _)| What::Wake(who)),
            "sched_wakeup_new" => {
                wake(args).map(|(who, cpu)| What::New(who, cpu.unwrap_or(head.cpu), birth(args)))
            }
            "sched_process_fork" => fork(args),
            "sched_process_exit" => exit(args),
            "sched_set_prio" if own => reschedule(args),
            "sys_enter" if own && pair(args, "call") == Some("sched_yield") => {
                Some(What::Yield(head.task.pid))
            }
            "timeslice_expire" if own && pair(args, "to") == Some("rt") => {
                pair(args, "pid").and_then(number).map(What::RoundRobin)
            }
            "do_fork" if own && args.contains("CLONE_VM") => Some(What::Shares(head.task.pid)),
            _ => {
                self.others += 1;
                // A run goes on as long as something happens.
                let reached = if own {
                    self.schedule.reach(head.at, head.cpu, head.task.pid == 0)
                } else {
                    Ok(())
                };
                return reached.map_err(|why| (head.stamp, why));
            }
        };
        let mut what = what.ok_or_else(|| {
            let why = format!("{} without the fields that it has", head.event);
            (head.args, why)
        })?;
        if own && let What::Switch(prev, _, next) = &mut what {
            [prev, next].into_iter().for_each(without_helpers);
        }
        let mut running = head.task;
        if own {
            without_helpers(&mut running);
        }
        let happening = Happening {
            at: head.at,
            cpu: head.cpu,
            running: Some(running),
            in_interrupt: head.in_interrupt,
            what,
        };
        let added = self.schedule.add(happening);
        added.map_err(|why| (head.stamp, why))
    }
}

/// The threads that move tasks between the CPUs of our machine come with it: a CPU that has one of
/// them has no task of the workload.
fn without_helpers(who: &mut Who<'_>) {
    if who.name.starts_with("migration/") {
        who.pid = 0;
    }
}

/// `CPU:2 [LOST 31 EVENTS]`
fn lost_events(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("CPU:")?;
    let (_, lost) = rest.split_once("[LOST ")?;
    lost.split(' ').next()?.parse().ok()
}

/// What stands before the arguments of an event.
struct Head<'a> {
    /// The task on the CPU.
    task: Who<'a>,
    cpu: usize,
    in_interrupt: bool,
    at: u64,
    /// Where the time stamp stands.
    stamp: usize,
    event: &'a str,
    /// Where the arguments begin.
    args: usize,
}

fn head(line: &str) -> Result<Head<'_>, Wrong> {
    let open = find_cpu(line).ok_or_else(|| (indent(line), "no CPU in brackets".to_owned()))?;
    let close = open + line[open..].find(']').unwrap_or(0);
    let cpu = line[open + 1..close].trim().parse().map_err(|_| {
        let why = format!("{} is not a CPU", &line[open + 1..close]);
        (open + 1, why)
    })?;
    let task = task_before(&line[..open])
        .ok_or_else(|| (indent(line), "no pid before the CPU".to_owned()))?;
    // The flags are left out by perf.
    let mut at = close + 1;
    let mut flags = "";
    loop {
        let rest = &line[at..];
        let word = rest.trim_start();
        at += rest.len() - word.len();
        let end = word.find(char::is_whitespace).unwrap_or(word.len());
        let word = &word[..end];
        if let Some(stamp) = word.strip_suffix(':') {
            let ns = stamp_ns(stamp).ok_or_else(|| (at, format!("{stamp} is not a time stamp")))?;
            let (event, args) = event(line, at + end)?;
            return Ok(Head {
                task,
                cpu,
                // Hard and soft interrupts.
                in_interrupt: flags.contains(['h', 'H', 's']),
                at: ns,
                stamp: at,
                event,
                args,
            });
        }
        if word.is_empty() {
            return Err((at, "no time stamp".to_owned()));
        }
        flags = word;
        at += end;
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where the CPU stands: in the first brackets that contain only digits.
fn find_cpu(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(open) = line[from..].find('[') {
        let open = from + open;
        let close = open + line[open..].find(']')?;
        let inside = &line[open + 1..close];
        if !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(open);
        }
        from = open + 1;
    }
    None
}

/// The task of `name-12`, `name-12 (7)` or `name 12`; perf also writes `name 11/12`.
fn task_before(text: &str) -> Option<Who<'_>> {
    let text = text.trim();
    let text = match text.strip_suffix(')') {
        Some(rest) => rest[..rest.rfind('(')?].trim_end(),
        None => text,
    };
    let (before, pid) = number_behind(text)?;
    let before = match before.strip_suffix('/').and_then(number_behind) {
        Some((before, _)) => before,
        None => before,
    };
    let name = before.strip_suffix('-').unwrap_or(before).trim_end();
    Some(Who {
        pid,
        // ftrace has forgotten the names of some.
        name: if name == "<...>" { "" } else { name },
        prio: None,
    })
}

/// A text and the number at its end.
fn number_behind(text: &str) -> Option<(&str, i32)> {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, digits) = text.split_at(text.len() - digits);
    Some((before, number(digits)?))
}

/// Seconds with a fraction, in ns.
fn stamp_ns(stamp: &str) -> Option<u64> {
    let (seconds, fraction) = stamp.split_once('.')?;
    let seconds: u64 = seconds.parse().ok()?;
    let kept = fraction.get(..fraction.len().min(9))?;
    let value: u64 = kept.parse().ok()?;
    let scale = 10_u64.pow(9 - kept.len() as u32);
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(value * scale)
}

/// The name of the event at a place, without its system, and where its arguments begin.
fn event(line: &str, at: usize) -> Result<(&str, usize), Wrong> {
    let rest = &line[at..];
    let word = rest.trim_start();
    let at = at + rest.len() - word.len();
    let end = word.find(char::is_whitespace).unwrap_or(word.len());
    let name = word[..end].trim_end_matches(':');
    let name = name.rsplit(':').next().unwrap_or_default();
    if name.is_empty() || name.len() == end && !word[..end].contains(':') {
        return Err((at, "no name of an event".to_owned()));
    }
    Ok((name, at + end))
}

/// The value of `key=value`. A value may contain blanks; it ends before the next key.
fn pair<'a>(args: &'a str, key: &str) -> Option<&'a str> {
    let mut from = 0;
    loop {
        let at = from + args[from..].find(key)?;
        let value = at + key.len();
        let begins = at == 0 || args.as_bytes()[at - 1] == b' ';
        if begins && args[value..].starts_with('=') {
            let value = &args[value + 1..];
            return Some(&value[..value_end(value)]);
        }
        from = value;
    }
}

/// Where a value ends: before ` key=`, before ` ==>`, or at the end.
fn value_end(value: &str) -> usize {
    let Some(equals) = value.find('=') else {
        return value.trim_end().len();
    };
    let before = value[..equals].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    before.trim_end().len()
}

fn number(text: &str) -> Option<i32> {
    text.parse().ok()
}

fn switch(args: &str) -> Option<What<'_>> {
    let (left, right) = args.split_once("==>")?;
    if !args.contains("prev_pid=") {
        return short_switch(left, right);
    }
    let prev = Who {
        pid: pair(left, "prev_pid").and_then(number)?,
        name: pair(left, "prev_comm")?,
        prio: pair(left, "prev_prio").and_then(number),
    };
    let next = Who {
        pid: pair(right, "next_pid").and_then(number)?,
        name: pair(right, "next_comm")?,
        prio: pair(right, "next_prio").and_then(number),
    };
    Some(What::Switch(prev, leaves(pair(left, "prev_state")?)?, next))
}

/// `R` and `R+` are runnable, `D` and `D|K` sleep uninterruptibly; other letters sleep otherwise.
fn leaves(state: &str) -> Option<Leaves> {
    let known = |c: char| "RSDTtXZPIKWNxp|+".contains(c);
    if state.is_empty() || !state.chars().all(known) {
        return None;
    }
    Some(match state.as_bytes()[0] {
        b'R' => Leaves::Runnable,
        b'D' => Leaves::Waiting,
        _ => Leaves::Sleeping,
    })
}

/// `make:1234 [120] S ==> sh:7 [120]`, and `task make:1234 [120] (S) ==> sh:7 [120]` of kernels
/// before 2.6.30.
fn short_switch<'a>(left: &'a str, right: &'a str) -> Option<What<'a>> {
    let (who, state) = left.trim().rsplit_once(' ')?;
    let bare = state
        .strip_prefix('(')
        .and_then(|state| state.strip_suffix(')'));
    let (who, state) = match bare {
        Some(state) => (who.strip_prefix("task ")?, state),
        None => (who, state),
    };
    Some(What::Switch(short(who)?, leaves(state)?, short(right)?))
}

/// `make:1234 [120]`
fn short(text: &str) -> Option<Who<'_>> {
    let (task, prio) = text.trim().rsplit_once(" [")?;
    Some(Who {
        prio: Some(number(prio.strip_suffix(']')?)?),
        ..named(task)?
    })
}

/// `make:1234`
fn named(text: &str) -> Option<Who<'_>> {
    let (name, pid) = text.trim().rsplit_once(':')?;
    Some(Who {
        pid: number(pid)?,
        name,
        prio: None,
    })
}

/// The task that is woken, and its CPU if that is known: `comm=sh pid=7 prio=120 target_cpu=001`,
/// `sh:7 [120] success=1 CPU:001`, or `task sh:7 [120] success [001]` of kernels before 2.6.30.
fn wake(args: &str) -> Option<(Who<'_>, Option<usize>)> {
    if args.contains("pid=") {
        let who = Who {
            pid: pair(args, "pid").and_then(number)?,
            name: pair(args, "comm")?,
            prio: pair(args, "prio").and_then(number),
        };
        let cpu = pair(args, "target_cpu").and_then(|cpu| cpu.parse().ok());
        return Some((who, cpu));
    }
    let args = args.trim();
    let old = args.strip_prefix("task ").and_then(|old| {
        let (rest, cpu) = old.strip_suffix(']')?.rsplit_once(" [")?;
        let (task, _success) = rest.rsplit_once(' ')?;
        Some((short(task)?, Some(cpu.parse().ok()?)))
    });
    if old.is_some() {
        return old;
    }
    let (task, rest) = match args.split_once(" success=") {
        Some((task, rest)) => (task, rest.split_once(' ').map_or("", |(_, rest)| rest)),
        None => args
            .split_once(" CPU:")
            .map_or((args, ""), |(task, _)| (task, &args[task.len() + 1..])),
    };
    let cpu = rest.strip_prefix("CPU:").and_then(|cpu| cpu.parse().ok());
    Some((short(task)?, cpu))
}

/// What our machine says of a task that it has put on a CPU for the first time.
fn birth(args: &str) -> Option<Birth> {
    Some(Birth {
        slice: pair(args, "slice")?.parse().ok()?,
        sleep_avg: pair(args, "sleep_avg")?.parse().ok()?,
    })
}

/// `pid=7 name=sh prio=125 static_prio=125 policy=other rt_priority=0`
fn reschedule(args: &str) -> Option<What<'_>> {
    let who = Who {
        pid: pair(args, "pid").and_then(number)?,
        name: pair(args, "name")?,
        prio: None,
    };
    let how = Scheduled {
        static_prio: pair(args, "static_prio").and_then(number)?,
        policy: pair(args, "policy")?,
        rt_priority: pair(args, "rt_priority").and_then(number)?,
    };
    Some(What::Reschedule(who, how))
}

/// `comm=sh pid=7 prio=120`, `sh:7 [120]` or `task sh:7 [120]`.
fn exit(args: &str) -> Option<What<'_>> {
    let pid = match pair(args, "pid") {
        Some(pid) => number(pid)?,
        None => short(args)?.pid,
    };
    Some(What::Exit(pid))
}

fn fork(args: &str) -> Option<What<'_>> {
    // `sh:7 child sh:8`, and with `parent` before it in kernels before 2.6.30.
    if !args.contains("pid=") {
        let (parent, child) = args.split_once(" child ")?;
        let parent = parent.trim();
        let parent = parent.strip_prefix("parent ").unwrap_or(parent);
        return Some(What::Fork(named(parent)?, named(child)?));
    }
    let who = |name: &str, pid: &str| {
        Some(Who {
            pid: pair(args, pid).and_then(number)?,
            name: pair(args, name)?,
            prio: None,
        })
    };
    let parent = who("comm", "pid").or_else(|| who("parent_comm", "parent_pid"))?;
    Some(What::Fork(parent, who("child_comm", "child_pid")?))
}
