//! Workloads of rt-app, in JSON: tasks with phases of runs, sleeps, timers, mutexes and conditions.
//! Times are microseconds; each is rounded to ticks.

use super::Trouble;
use super::schedule::word;
use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::fmt::Write;

/// Microseconds in a tick.
const TICK: u64 = 1000;
/// Seconds that a run lasts if the file does not say it or says that it never ends.
const DEFAULT_DURATION: u64 = 10;
/// The most steps of a task, when its loops are written out.
const MAX_STEPS: usize = 100_000;
/// The most nested brackets.
const MAX_DEPTH: usize = 64;

const EVENTS: &str = "run, runtime, sleep, timer, lock, unlock, wait, signal, broad, suspend, \
     resume, yield, phases, loop, delay, instance, policy, priority, cpus";

/// A workload that was read, and what is not kept of it.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) workload: String,
    pub(super) notes: Vec<String>,
}

/// A file that is being read.
struct Reader<'a> {
    text: &'a str,
    notes: Vec<String>,
    default_policy: Option<&'a str>,
    duration: u64,
}

/// A task as far as it is read.
struct Task<'a> {
    name: &'a str,
    policy: Option<&'a str>,
    priority: i64,
    cpus: Vec<i64>,
    delay: u64,
    instances: i64,
    forever: bool,
    steps: Vec<String>,
}

type Result<T> = std::result::Result<T, Trouble>;

/// Reads a workload for a machine with that many CPUs.
///
/// # Errors
/// The first place that is not understood.
pub(super) fn read(text: &str, cpus: u32) -> Result<Read> {
    check_depth(text)?;
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    let parsed = parsed.map_err(|error| {
        let why = error.kind().to_string().to_lowercase();
        Trouble::at_byte(text, error.range().start, why, "JSON, as rt-app reads it")
    })?;
    let reader = Reader {
        text,
        notes: Vec::new(),
        default_policy: None,
        duration: DEFAULT_DURATION * 1_000_000,
    };
    match parsed.value {
        Some(Value::Object(root)) => reader.root(&root, cpus),
        _ => Err(Trouble::at_byte(
            text,
            0,
            "the file is not an object".to_owned(),
            "{ \"tasks\": { ... }, \"global\": { ... } }",
        )),
    }
}

/// The parser is recursive, so that brackets nested too deeply are refused before.
fn check_depth(text: &str) -> Result<()> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            let why = format!("brackets nested more than {MAX_DEPTH} deep");
            return Err(Trouble::at_byte(text, at, why, "a workload of rt-app"));
        }
    }
    Ok(())
}

impl<'a> Reader<'a> {
    fn trouble(&self, at: &impl Ranged, why: String, expected: &str) -> Trouble {
        Trouble::at_byte(self.text, at.range().start, why, expected)
    }

    fn root(mut self, root: &'a Object<'a>, cpus: u32) -> Result<Read> {
        let mut tasks = None;
        for property in &root.properties {
            match property.name.as_str() {
                "global" => self.global(self.object(&property.value)?)?,
                "tasks" => tasks = Some(self.object(&property.value)?),
                // Mutexes and conditions come into being when they are used.
                "resources" => {}
                name => {
                    let why = format!("{name:?} is not a part of the file");
                    return Err(self.trouble(property, why, "tasks, resources or global"));
                }
            }
        }
        let tasks = tasks.ok_or_else(|| {
            let why = "the file has no tasks".to_owned();
            self.trouble(root, why, "\"tasks\": { \"name\": { \"run\": 1000 } }")
        })?;
        let mut text = format!("horizon {}\n", (self.duration / TICK).max(1));
        for property in &tasks.properties {
            let task = self.task(property)?;
            self.write(&mut text, property, &task, cpus)?;
        }
        Ok(Read {
            workload: text,
            notes: self.notes,
        })
    }

    fn object(&self, value: &'a Value<'a>) -> Result<&'a Object<'a>> {
        value
            .as_object()
            .ok_or_else(|| self.trouble(value, "not an object".to_owned(), "{ ... }"))
    }

    fn string(&self, value: &'a Value<'a>) -> Result<&'a str> {
        let text = value.as_string_lit().map(|text| &*text.value);
        text.ok_or_else(|| self.trouble(value, "not a string".to_owned(), "a name in quotes"))
    }

    fn number(&self, value: &'a Value<'a>) -> Result<i64> {
        let number = value
            .as_number_lit()
            .and_then(|number| number.value.parse().ok());
        number.ok_or_else(|| self.trouble(value, "not a whole number".to_owned(), "a whole number"))
    }

    /// A time in microseconds.
    fn time(&self, value: &'a Value<'a>) -> Result<u64> {
        let time = self.number(value)?;
        u64::try_from(time).map_err(|_| {
            let why = format!("{time} is not a time");
            self.trouble(value, why, "microseconds, 0 or more")
        })
    }

    fn global(&mut self, global: &'a Object<'a>) -> Result<()> {
        for property in &global.properties {
            match property.name.as_str() {
                "duration" => {
                    let seconds = self.number(&property.value)?;
                    if let Ok(seconds) = u64::try_from(seconds) {
                        self.duration = seconds.saturating_mul(1_000_000);
                    } else {
                        self.notes.push(format!(
                            "the file never ends; {DEFAULT_DURATION} s of it are played"
                        ));
                    }
                }
                "default_policy" => self.default_policy = Some(self.string(&property.value)?),
                // Where rt-app logs, and how it measures its host.
                "calibration"
                | "calibration_duration"
                | "pi_enabled"
                | "lock_pages"
                | "logdir"
                | "log_basename"
                | "log_size"
                | "ftrace"
                | "gnuplot"
                | "io_device"
                | "mem_buffer_size"
                | "cumulative_slack"
                | "frag" => {}
                name => {
                    let why = format!("{name:?} is not a global option");
                    return Err(self.trouble(property, why, "duration or default_policy"));
                }
            }
        }
        Ok(())
    }

    fn task(&mut self, property: &'a ObjectProp<'a>) -> Result<Task<'a>> {
        let mut task = Task {
            name: property.name.as_str(),
            policy: self.default_policy,
            priority: 0,
            cpus: Vec::new(),
            delay: 0,
            instances: 1,
            forever: true,
            steps: Vec::new(),
        };
        let mut loops = -1;
        let mut steps = Vec::new();
        for property in &self.object(&property.value)?.properties {
            let value = &property.value;
            match property.name.as_str() {
                "instance" => task.instances = self.number(value)?,
                "loop" => loops = self.number(value)?,
                "policy" => task.policy = Some(self.string(value)?),
                "priority" => task.priority = self.number(value)?,
                "delay" => task.delay = self.time(value)?,
                "cpus" => {
                    let cpus = value.as_array().ok_or_else(|| {
                        let why = "not a list of CPUs".to_owned();
                        self.trouble(value, why, "\"cpus\": [0, 1]")
                    })?;
                    for cpu in &cpus.elements {
                        task.cpus.push(self.number(cpu)?);
                    }
                }
                "phases" => {
                    for phase in &self.object(value)?.properties {
                        self.phase(&phase.value, &mut steps)?;
                    }
                }
                _ => self.event(property, &mut steps)?,
            }
        }
        task.forever = loops < 0;
        let times = usize::try_from(loops).unwrap_or(1);
        self.repeat(property, &steps, times, &mut task.steps)?;
        Ok(task)
    }

    fn repeat(
        &self,
        at: &impl Ranged,
        steps: &[String],
        times: usize,
        into: &mut Vec<String>,
    ) -> Result<()> {
        if into.len() + steps.len().saturating_mul(times) > MAX_STEPS {
            let why = format!("its loops come to more than {MAX_STEPS} steps");
            return Err(self.trouble(at, why, "fewer or shorter loops, or -1 for ever"));
        }
        for _ in 0..times {
            into.extend_from_slice(steps);
        }
        Ok(())
    }

    fn phase(&mut self, value: &'a Value<'a>, into: &mut Vec<String>) -> Result<()> {
        let (mut steps, mut loops) = (Vec::new(), 1);
        for property in &self.object(value)?.properties {
            match property.name.as_str() {
                "loop" => loops = self.number(&property.value)?,
                "cpus" => self.note("a change of the CPUs in a phase is left out"),
                _ => self.event(property, &mut steps)?,
            }
        }
        let times = usize::try_from(loops).map_err(|_| {
            let why = "a phase that never ends".to_owned();
            self.trouble(
                value,
                why,
                "a number of times; \"loop\": -1 belongs to the task",
            )
        })?;
        self.repeat(value, &steps, times, into)
    }

    fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// An event: rt-app looks only at the beginning of its name, so that one name can stand in an
    /// object several times.
    fn event(&mut self, property: &'a ObjectProp<'a>, steps: &mut Vec<String>) -> Result<()> {
        let (name, value) = (property.name.as_str(), &property.value);
        let is = |event: &str| {
            let rest = name.strip_prefix(event);
            rest.is_some_and(|rest| {
                rest.bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'_')
            })
        };
        let ticks = |us: u64| (us + TICK / 2) / TICK;
        let step = if is("run") || is("runtime") {
            match ticks(self.time(value)?) {
                0 => {
                    self.note("runs of less than half a millisecond take no time");
                    return Ok(());
                }
                ticks => format!("run {ticks}"),
            }
        } else if is("sleep") {
            match ticks(self.time(value)?) {
                0 => {
                    self.note("sleeps of less than half a millisecond are left out");
                    return Ok(());
                }
                ticks => format!("sleep {ticks}"),
            }
        } else if is("timer") {
            format!("every {}", ticks(self.period(value)?).max(1))
        } else if is("lock") {
            format!("lock {}", word(self.string(value)?))
        } else if is("unlock") {
            format!("unlock {}", word(self.string(value)?))
        } else if is("wait") {
            self.wait(value)?
        } else if is("signal") {
            format!("cond_signal {}", word(self.string(value)?))
        } else if is("sync") || is("sig_and_wait") {
            let wait = self.wait(value)?;
            let condition = wait.split(' ').nth(1).unwrap_or_default();
            steps.push(format!("cond_signal {condition}"));
            wait
        } else if is("mem") || is("iorun") {
            self.note("how long mem and iorun take is not known; they are left out");
            return Ok(());
        } else if is("barrier") || is("fork") {
            let why = format!("{name:?} is an event that is not played here");
            return Err(self.trouble(property, why, EVENTS));
        } else if is("broad") {
            format!("cond_broadcast {}", word(self.string(value)?))
        } else if is("suspend") {
            self.note(
                "a suspended task waits for a resume of its own name, whatever name it gives",
            );
            "block".to_owned()
        } else if is("resume") {
            format!("wake {}", word(self.string(value)?))
        } else if is("yield") {
            "yield".to_owned()
        } else {
            let why = format!("{name:?} is not an event that is known here");
            return Err(self.trouble(property, why, EVENTS));
        };
        steps.push(step);
        Ok(())
    }

    /// The period of a timer, microseconds.
    fn period(&mut self, value: &'a Value<'a>) -> Result<u64> {
        let fields = &self.object(value)?.properties;
        let has = |key: &str, name: &str| {
            let mut fields = fields.iter().filter(|field| field.name.as_str() == key);
            fields.any(|field| self.string(&field.value).is_ok_and(|value| value != name))
        };
        let (shared, relative) = (has("ref", "unique"), has("mode", "absolute"));
        if shared {
            self.note("each task has timers of its own, whatever their ref");
        }
        if relative {
            self.note("all timers are absolute: a late activation does not move those that follow");
        }
        let period = fields.iter().find(|field| field.name.as_str() == "period");
        let period = period.ok_or_else(|| {
            let why = "a timer without a period".to_owned();
            self.trouble(value, why, "\"period\": 100000")
        })?;
        self.time(&period.value)
    }

    /// The step for a wait: for which condition, with which mutex.
    fn wait(&mut self, value: &'a Value<'a>) -> Result<String> {
        let fields = &self.object(value)?.properties;
        if fields.iter().any(|field| field.name.as_str() == "timeout") {
            self.note("waits have no timeout here");
        }
        let field = |key: &str| {
            let found = fields.iter().find(|field| field.name.as_str() == key);
            let found = found.ok_or_else(|| {
                let why = format!("a wait without its {key:?}");
                self.trouble(
                    value,
                    why,
                    "{ \"ref\": \"condition\", \"mutex\": \"mutex\" }",
                )
            })?;
            self.string(&found.value)
        };
        let (condition, mutex) = (word(field("ref")?), word(field("mutex")?));
        Ok(format!("cond_wait {condition} {mutex}"))
    }

    fn write(
        &mut self,
        text: &mut String,
        at: &'a ObjectProp<'a>,
        task: &Task<'a>,
        cpus: u32,
    ) -> Result<()> {
        let options = match task.policy {
            None | Some("SCHED_OTHER" | "SCHED_NORMAL") => match task.priority {
                0 => String::new(),
                nice @ -20..=19 => format!(" nice={nice}"),
                nice => {
                    let why = format!("priority {nice} of an ordinary task");
                    return Err(self.trouble(at, why, "a nice value, -20 to 19"));
                }
            },
            Some(policy @ ("SCHED_FIFO" | "SCHED_RR")) => {
                let rt = if task.priority == 0 {
                    10
                } else {
                    task.priority
                };
                if !(1..=99).contains(&rt) {
                    let why = format!("priority {rt} of a real-time task");
                    return Err(self.trouble(at, why, "1 to 99"));
                }
                let policy = if policy == "SCHED_RR" { "rr" } else { "fifo" };
                format!(" policy={policy} rt_prio={rt}")
            }
            Some(policy) => {
                let why = format!("2.6.12 has no policy {policy}");
                return Err(self.trouble(at, why, "SCHED_OTHER, SCHED_FIFO or SCHED_RR"));
            }
        };
        let cpu = match task.cpus.first() {
            Some(cpu) if (0..i64::from(cpus)).contains(cpu) => format!(" cpu={cpu}"),
            Some(cpu) => {
                self.note(&format!("there is no CPU {cpu}; --cpus N makes more"));
                String::new()
            }
            None => String::new(),
        };
        if !task.cpus.is_empty() {
            self.note("tasks start on the first of their CPUs, but may be moved");
        }
        if !(0..=1000).contains(&task.instances) {
            let why = format!("{} instances", task.instances);
            return Err(self.trouble(at, why, "0 to 1000"));
        }
        let start = match (task.delay + TICK / 2) / TICK {
            0 => String::new(),
            tick => format!(" start={tick}"),
        };
        for instance in 0..task.instances {
            let name = match task.instances {
                1 => word(task.name),
                _ => format!("{}-{instance}", word(task.name)),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "task {name}{options}{cpu}{start}");
            for step in &task.steps {
                let _ = writeln!(text, "  {step}");
            }
            if task.forever && !task.steps.is_empty() {
                text.push_str("  goto 0\n");
            }
        }
        Ok(())
    }
}
