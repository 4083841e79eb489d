//! Schedules of other machines: what is seen of their tasks, and a workload that does the same.

use super::compare::Figures;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Nanoseconds in a tick.
const TICK: u64 = 1_000_000;
/// The kernel keeps this many bytes of a name.
const NAME: usize = 15;
/// The priority of an ordinary task with nice value 0.
const DEFAULT_PRIO: i32 = 120;
/// Priorities below are those of real-time tasks.
const MAX_RT_PRIO: i32 = 100;
/// What 2.6.12 adds to the priority of a task that has never slept.
const NO_BONUS: i32 = 5;

/// A task in a line of a trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub(super) pid: i32,
    pub(super) name: &'a str,
    /// Its priority as the trace has it; lower is better.
    pub(super) prio: Option<i32>,
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub(super) enum What<'a> {
    /// A CPU switches; the flag says whether the first could have run on.
    Switch(Who<'a>, Leaves, Who<'a>),
    /// A task is woken.
    Wake(Who<'a>),
    /// A task appears, by whom, and which.
    Fork(Who<'a>, Who<'a>),
    /// A task exits.
    Exit(i32),
}

/// Why a task gave way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leaves {
    /// It is preempted.
    Runnable,
    /// It sleeps, has stopped or exited.
    Sleeping,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Happening<'a> {
    /// When, ns.
    pub(super) at: u64,
    pub(super) cpu: usize,
    /// The task that has the CPU, or 0 for an interrupt.
    pub(super) by: i32,
    pub(super) what: What<'a>,
}

/// How priorities of a trace are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Prios {
    /// They are static: of a kernel since 2.6.23.
    #[default]
    Static,
    /// They are dynamic, those of 2.6.12.
    Dynamic,
}

/// What a task does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Run(u64),
    Sleep(u64),
    /// It sleeps for good.
    Block,
    /// It sleeps until another task wakes it.
    Await,
    Wake(i32),
    Fork(i32),
    Exit,
}

/// A task as far as it is known.
#[derive(Clone, Debug, Default)]
struct Life {
    name: String,
    prio: Option<i32>,
    /// When it appeared; `None` if it was there before.
    born: Option<u64>,
    /// Whom it was forked by.
    parent: Option<i32>,
    steps: Vec<Doing>,
    /// CPU time since its last step.
    burst: u64,
    /// Since when it has waited for a CPU.
    runnable: Option<u64>,
    /// Since when it has slept.
    asleep: Option<u64>,
    ran: u64,
    waited: u64,
    switches: u64,
    ended: bool,
}

/// The tasks of a trace.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    lives: BTreeMap<i32, Life>,
    /// The task on each CPU, and since when.
    on_cpu: BTreeMap<usize, (i32, u64)>,
    first: Option<u64>,
    last: u64,
    pub(super) prios: Prios,
}

impl Schedule {
    /// Nothing yet, of a trace whose priorities are meant like that.
    pub(super) fn with_prios(prios: Prios) -> Self {
        Self {
            prios,
            ..Self::default()
        }
    }

    /// Whether nothing has been seen yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Number of CPUs seen.
    pub(super) fn cpus(&self) -> usize {
        self.on_cpu.keys().last().map_or(1, |last| last + 1)
    }

    /// Adds the next thing that happened. A stamp before that of the previous one counts as the same
    /// moment.
    pub(super) fn add(&mut self, happening: Happening<'_>) {
        let first = *self.first.get_or_insert(happening.at);
        let at = happening.at.saturating_sub(first).max(self.last);
        self.last = at;
        match happening.what {
            What::Switch(prev, leaves, next) => self.switch(happening.cpu, at, prev, leaves, next),
            What::Wake(who) => self.wake(at, happening.by, who),
            What::Fork(parent, child) => self.fork(at, parent, child),
            What::Exit(pid) => self.exit(at, pid),
        }
    }

    fn life(&mut self, who: Who<'_>) -> &mut Life {
        let life = self.lives.entry(who.pid).or_default();
        if life.name != who.name && !who.name.is_empty() {
            who.name.clone_into(&mut life.name);
        }
        if life.prio.is_none() {
            life.prio = who.prio;
        }
        life
    }

    /// Charges the running task of a CPU up to now.
    fn charge(&mut self, pid: i32, at: u64) {
        for (running, since) in self.on_cpu.values_mut() {
            if *running == pid {
                let ran = at - std::mem::replace(since, at);
                if let Some(life) = self.lives.get_mut(&pid) {
                    life.burst += ran;
                    life.ran += ran;
                }
            }
        }
    }

    fn switch(&mut self, cpu: usize, at: u64, prev: Who<'_>, leaves: Leaves, next: Who<'_>) {
        if prev.pid != 0 {
            // What is seen first has run since the trace began.
            self.on_cpu.entry(cpu).or_insert((prev.pid, 0));
            self.life(prev);
            self.charge(prev.pid, at);
            let life = self.life(prev);
            if leaves == Leaves::Runnable && !life.ended {
                life.runnable = Some(at);
            } else if !life.ended {
                life.end_burst();
                life.asleep = Some(at);
            }
        }
        self.on_cpu.insert(cpu, (next.pid, at));
        if next.pid != 0 {
            let life = self.life(next);
            life.end_sleep(at, None);
            life.waited += life.runnable.take().map_or(0, |since| at - since);
            life.switches += 1;
        }
    }

    fn wake(&mut self, at: u64, by: i32, who: Who<'_>) {
        let by = (by != 0 && by != who.pid && self.lives.contains_key(&by)).then_some(by);
        let life = self.life(who);
        if life.ended || life.runnable.is_some() {
            return;
        }
        let slept = life.asleep.is_some();
        life.end_sleep(at, by);
        life.runnable = Some(at);
        if let Some(by) = by.filter(|_| slept) {
            self.charge(by, at);
            self.step(by, Doing::Wake(who.pid));
        }
    }

    fn fork(&mut self, at: u64, parent: Who<'_>, child: Who<'_>) {
        self.lives.remove(&child.pid);
        let life = self.life(child);
        life.born = Some(at);
        life.runnable = Some(at);
        // Nobody forks for init: these tasks come from outside.
        if parent.pid > 1 && self.lives.contains_key(&parent.pid) {
            self.life(child).parent = Some(parent.pid);
            self.charge(parent.pid, at);
            self.step(parent.pid, Doing::Fork(child.pid));
        }
    }

    fn exit(&mut self, at: u64, pid: i32) {
        self.charge(pid, at);
        if self.lives.contains_key(&pid) {
            self.step(pid, Doing::Exit);
        }
        if let Some(life) = self.lives.get_mut(&pid) {
            life.ended = true;
        }
    }

    fn step(&mut self, pid: i32, step: Doing) {
        if let Some(life) = self.lives.get_mut(&pid) {
            life.end_burst();
            life.steps.push(step);
        }
    }

    /// Ends what still goes on at the end of the trace.
    pub(super) fn finish(&mut self) {
        let last = self.last;
        let running: Vec<i32> = self.on_cpu.values().map(|(pid, _)| *pid).collect();
        for pid in &running {
            self.charge(*pid, last);
        }
        self.lives.remove(&0);
        for (pid, life) in &mut self.lives {
            let goes_on = running.contains(pid) || life.runnable.is_some();
            life.waited += life.runnable.take().map_or(0, |since| last - since);
            if life.ended {
                continue;
            }
            // What it would have done next is not known, only whether it needs a CPU for it.
            if goes_on {
                life.burst += last + TICK;
            }
            life.end_burst();
            life.steps.push(Doing::Block);
        }
    }

    /// What the other machine did, task by task.
    pub(super) fn figures(&self) -> Vec<Figures> {
        let names = self.names();
        let figures = |(pid, life): (&i32, &Life)| Figures {
            name: names[pid].clone(),
            ran: milliseconds(life.ran),
            waited: milliseconds(life.waited),
            switches: life.switches,
        };
        self.lives.iter().map(figures).collect()
    }

    /// A name for each task that no other has.
    fn names(&self) -> BTreeMap<i32, String> {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        let plain = |life: &Life| cut(&word(&life.name), NAME).to_owned();
        for life in self.lives.values() {
            *count.entry(plain(life)).or_default() += 1;
        }
        let name = |(pid, life): (&i32, &Life)| {
            let plain = plain(life);
            if count.get(&plain) == Some(&1) {
                return (*pid, plain);
            }
            let number = format!(".{pid}");
            let kept = cut(&plain, NAME.saturating_sub(number.len()));
            (*pid, format!("{kept}{number}"))
        };
        self.lives.iter().map(name).collect()
    }

    /// A workload in which tasks run, sleep, wake and fork as they did. Times are rounded to ticks;
    /// what is rounded off a run is added to the task's next one.
    pub(super) fn workload(&self) -> String {
        let names = self.names();
        // Writing to a string cannot fail.
        let mut text = String::new();
        let _ = writeln!(text, "horizon {}", self.last.div_ceil(TICK).max(1));
        for (pid, life) in &self.lives {
            let name = &names[pid];
            match life.parent {
                Some(_) => {
                    let _ = writeln!(text, "script {name}");
                }
                None => {
                    let start = life.born.unwrap_or(0) / TICK;
                    let options = self.options(life);
                    let start = match start {
                        0 => String::new(),
                        tick => format!(" start={tick}"),
                    };
                    let _ = writeln!(text, "task {name}{options}{start}");
                }
            }
            life.write_steps(&mut text, name, &names);
        }
        text
    }

    /// The nice value or the real-time priority of a task, as options.
    fn options(&self, life: &Life) -> String {
        let Some(prio) = life.prio else {
            return String::new();
        };
        if (0..MAX_RT_PRIO).contains(&prio) {
            let rt = (MAX_RT_PRIO - 1 - prio).max(1);
            return format!(" policy=fifo rt_prio={rt}");
        }
        let bonus = match self.prios {
            Prios::Static => 0,
            Prios::Dynamic => NO_BONUS,
        };
        match (prio - DEFAULT_PRIO - bonus).clamp(-20, 19) {
            0 => String::new(),
            nice => format!(" nice={nice}"),
        }
    }
}

impl Life {
    fn end_burst(&mut self) {
        if self.burst > 0 {
            self.steps.push(Doing::Run(std::mem::take(&mut self.burst)));
        }
    }

    /// It has slept until now: until somebody woke it, or a timer.
    fn end_sleep(&mut self, at: u64, by: Option<i32>) {
        if let Some(since) = self.asleep.take() {
            self.steps.push(match by {
                Some(_) => Doing::Await,
                None => Doing::Sleep(at - since),
            });
        } else if self.steps.is_empty() && self.born.is_none() && self.burst == 0 && at > 0 {
            // It was asleep when the trace began.
            self.steps.push(match by {
                Some(_) => Doing::Await,
                None => Doing::Sleep(at),
            });
        }
    }

    fn write_steps(&self, text: &mut String, own: &str, names: &BTreeMap<i32, String>) {
        let mut carried = 0;
        let mut ticks = |ns: u64| {
            let whole = ns + carried;
            let ticks = (whole + TICK / 2) / TICK;
            carried = whole.saturating_sub(ticks * TICK);
            ticks
        };
        let unknown = String::from("nobody");
        let name = |pid: &i32| names.get(pid).unwrap_or(&unknown);
        for step in &self.steps {
            let line = match step {
                Doing::Run(ns) => match ticks(*ns) {
                    0 => continue,
                    ticks => format!("run {ticks}"),
                },
                Doing::Sleep(ns) => match (ns + TICK / 2) / TICK {
                    0 => continue,
                    ticks => format!("sleep {ticks}"),
                },
                Doing::Block => "block".to_owned(),
                // A task that gets here sooner than it did there must not lose its wake-up.
                Doing::Await => format!("await {own}"),
                Doing::Wake(pid) => format!("post {}", name(pid)),
                Doing::Fork(pid) => format!("fork {0} {0}", name(pid)),
                Doing::Exit => "exit".to_owned(),
            };
            text.push_str("  ");
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// Milliseconds, to the microsecond.
fn milliseconds(ns: u64) -> f64 {
    ((ns + 500) / 1000) as f64 / 1000.0
}

/// A name as one word of a workload file.
pub(super) fn word(name: &str) -> String {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !"=#/".contains(c);
    let word: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    if word.is_empty() {
        "task".to_owned()
    } else {
        word
    }
}

/// The beginning of a text, of at most so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
