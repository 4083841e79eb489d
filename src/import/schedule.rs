//! Schedules of other machines: what is seen of their tasks, and a workload that does the same.

use super::compare::Figures;
use crate::kernel::sched::{NS_PER_TICK, Tunables, sleep_avgs_after_fork};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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

/// What 2.6.12 has given to a task that is new. Nice value and sleep average follow from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Birth {
    /// Its time slice, ticks.
    pub(super) slice: u32,
    /// Its sleep average, ns.
    pub(super) sleep_avg: u32,
}

/// How a task is scheduled, as 2.6.12 has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Scheduled<'a> {
    pub(super) static_prio: i32,
    /// `other`, `fifo` or `rr`.
    pub(super) policy: &'a str,
    pub(super) rt_priority: i32,
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub(super) enum What<'a> {
    /// A CPU switches; the flag says whether the first could have run on.
    Switch(Who<'a>, Leaves, Who<'a>),
    /// A task is woken.
    Wake(Who<'a>),
    /// A task is put on a CPU for the first time.
    New(Who<'a>, usize, Option<Birth>),
    /// A task lets others go first.
    Yield(i32),
    /// A task changes how another, or itself, is scheduled.
    Reschedule(Who<'a>, Scheduled<'a>),
    /// A real-time task has used up its time slice.
    RoundRobin(i32),
    /// A task is about to fork, and the child will share its memory.
    Shares(i32),
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
    /// It sleeps uninterruptibly.
    Waiting,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Happening<'a> {
    /// When, ns.
    pub(super) at: u64,
    pub(super) cpu: usize,
    /// The task that has the CPU, if the trace says so.
    pub(super) running: Option<Who<'a>>,
    /// Whether an interrupt does it, and not that task.
    pub(super) in_interrupt: bool,
    pub(super) what: What<'a>,
}

/// Whose trace it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Origin {
    /// A real machine: priorities are static, those of a kernel since 2.6.23.
    #[default]
    Elsewhere,
    /// This program: priorities are dynamic, and what is below a tick is only the order of events.
    Forklab,
}

/// What a task does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Run(u64),
    Sleep(u64),
    /// It sleeps uninterruptibly.
    Wait(u64),
    /// It sleeps for good.
    Block,
    /// It sleeps until another task wakes it.
    Await,
    Wake(i32),
    /// It forks, and the flag says whether it shares its memory.
    Fork(i32, bool),
    Yield,
    /// It sets the nice value of a task.
    Nice(i32, i32),
    /// It sets its own policy and real-time priority.
    Policy(Policy, i32),
    Exit,
}

/// Scheduling policies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Policy {
    Other,
    Fifo,
    Rr,
}

impl Policy {
    fn of(name: &str) -> Self {
        match name {
            "fifo" => Self::Fifo,
            "rr" => Self::Rr,
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Fifo => "fifo",
            Self::Rr => "rr",
        }
    }
}

/// A task as far as it is known.
#[derive(Clone, Debug, Default)]
struct Life {
    name: String,
    prio: Option<i32>,
    /// The CPU on which it is seen first.
    cpu: Option<usize>,
    /// What it began with.
    birth: Option<Birth>,
    /// Its static priority now, if that is known.
    static_prio: Option<i32>,
    /// Whether its policy has changed since it is known.
    set: bool,
    /// Whether it takes turns with other real-time tasks, as far as is seen before its policy changes.
    round_robin: bool,
    /// Whether the child that it forks next shares its memory.
    shares: bool,
    /// When it appeared; `None` if it was there before.
    born: Option<u64>,
    /// Whom it was forked by.
    parent: Option<i32>,
    steps: Vec<Doing>,
    /// CPU time since its last step.
    burst: u64,
    /// Since when it has waited for a CPU.
    runnable: Option<u64>,
    /// Since when it has slept, and whether uninterruptibly.
    asleep: Option<(u64, bool)>,
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
    /// The last stamp of each CPU.
    stamps: BTreeMap<usize, u64>,
    first: Option<u64>,
    last: u64,
    /// Number of stamps that lie a little before those of other CPUs.
    pub(super) reordered: u64,
    pub(super) origin: Origin,
}

impl Schedule {
    /// Nothing yet, of a trace from there.
    pub(super) fn from(origin: Origin) -> Self {
        Self {
            origin,
            ..Self::default()
        }
    }

    /// Whether nothing has been seen yet.
    pub(super) fn is_empty(&self) -> bool {
        self.lives.is_empty() && self.on_cpu.is_empty()
    }

    /// Number of CPUs seen.
    pub(super) fn cpus(&self) -> usize {
        self.on_cpu.keys().last().map_or(1, |last| last + 1)
    }

    /// Adds the next thing that happened.
    ///
    /// # Errors
    /// Time goes back by more than the clocks of CPUs may differ.
    pub(super) fn add(&mut self, happening: Happening<'_>) -> Result<(), String> {
        let Happening { cpu, what, .. } = happening;
        let running = happening.running.map_or(0, |who| who.pid);
        let at = self.moment(happening.at, cpu, running == 0)?;
        if let Some(who) = happening.running.filter(|who| who.pid != 0) {
            // What is seen first has run since the trace began.
            if let Entry::Vacant(vacant) = self.on_cpu.entry(cpu) {
                vacant.insert((who.pid, 0));
                self.life(who).cpu.get_or_insert(cpu);
            }
        }
        let by = if happening.in_interrupt { 0 } else { running };
        match what {
            What::Switch(prev, leaves, next) => self.switch(cpu, at, prev, leaves, next),
            What::Wake(who) => self.wake(at, by, who),
            What::New(who, cpu, birth) => self.appear(at, who, cpu, birth),
            What::Yield(pid) => self.act(at, pid, Doing::Yield),
            What::Reschedule(who, how) => self.reschedule(at, by, who, how),
            What::RoundRobin(pid) => {
                if let Some(life) = self.lives.get_mut(&pid) {
                    life.round_robin |= !life.set;
                }
            }
            What::Shares(pid) => {
                if let Some(life) = self.lives.get_mut(&pid) {
                    life.shares = true;
                }
            }
            What::Fork(parent, child) => self.fork(at, cpu, parent, child),
            What::Exit(pid) => self.exit(at, pid),
        }
        Ok(())
    }

    /// Something else happens.
    ///
    /// # Errors
    /// Time goes back by more than the clocks of CPUs may differ.
    pub(super) fn reach(&mut self, at: u64, cpu: usize, was_idle: bool) -> Result<(), String> {
        self.moment(at, cpu, was_idle).map(drop)
    }

    /// The moment of a stamp, in ns since the trace began. A stamp that is a little before that of
    /// another CPU counts as the same moment.
    fn moment(&mut self, stamp: u64, cpu: usize, was_idle: bool) -> Result<u64, String> {
        let first = *self.first.get_or_insert(match self.origin {
            Origin::Elsewhere => stamp,
            Origin::Forklab if was_idle => 0,
            // The beginning is missing.
            Origin::Forklab => stamp / TICK * TICK,
        });
        let now = first + self.last;
        let of_cpu = self.stamps.insert(cpu, stamp).unwrap_or(stamp);
        if stamp < of_cpu || stamp + TICK < now {
            let (before, whose) = if stamp < of_cpu {
                (of_cpu, format!("CPU {cpu}"))
            } else {
                (now, "another CPU".to_owned())
            };
            return Err(format!(
                "time goes back by {:.6} s from the event before on {whose}",
                (before - stamp) as f64 / 1e9
            ));
        }
        self.reordered += u64::from(stamp < now);
        let at = stamp.saturating_sub(first).max(self.last);
        self.last = at;
        Ok(match self.origin {
            Origin::Elsewhere => at,
            Origin::Forklab => at / TICK * TICK,
        })
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
            life.cpu.get_or_insert(cpu);
            if leaves == Leaves::Runnable && !life.ended {
                life.runnable = Some(at);
            } else if !life.ended {
                life.end_burst();
                life.asleep = Some((at, leaves == Leaves::Waiting));
            }
        }
        self.on_cpu.insert(cpu, (next.pid, at));
        if next.pid != 0 {
            let life = self.life(next);
            life.cpu.get_or_insert(cpu);
            life.end_sleep(at, Woken::ByItself);
            life.waited += life.runnable.take().map_or(0, |since| at - since);
            life.switches += 1;
        }
    }

    fn wake(&mut self, at: u64, by: i32, who: Who<'_>) {
        let by = (by != 0 && by != who.pid && self.lives.contains_key(&by)).then_some(by);
        let runs = self.on_cpu.values().any(|(pid, _)| *pid == who.pid);
        let life = self.life(who);
        // Kernels since 4.3 tell it twice: when it begins, and when the task is on a run queue.
        if runs || life.ended || life.runnable.is_some() {
            return;
        }
        let woken = if by.is_some() {
            Woken::BySomebody
        } else {
            Woken::ByItself
        };
        let awaits = life.end_sleep(at, woken);
        life.runnable = Some(at);
        // Whoever waits to be woken must be woken, also if its sleep began before the trace.
        if let Some(by) = by.filter(|_| awaits) {
            self.act(at, by, Doing::Wake(who.pid));
        }
    }

    /// A task appears. Kernels since 2.6.23 tell of the fork before, 2.6.12 after.
    fn appear(&mut self, at: u64, who: Who<'_>, cpu: usize, birth: Option<Birth>) {
        let known = self.lives.get(&who.pid);
        if known.is_some_and(|life| life.ended) {
            self.lives.remove(&who.pid);
        }
        let is_new = !self.lives.contains_key(&who.pid);
        let life = self.life(who);
        life.cpu = Some(cpu);
        if is_new {
            life.birth = birth;
            life.static_prio = birth.and_then(Birth::static_prio);
            life.born = Some(at);
            life.runnable = Some(at);
        }
    }

    fn fork(&mut self, at: u64, cpu: usize, parent: Who<'_>, child: Who<'_>) {
        let is_new = |life: &Life| life.born == Some(at) && life.steps.is_empty();
        if !self.lives.get(&child.pid).is_some_and(is_new) {
            self.lives.remove(&child.pid);
            let life = self.life(child);
            life.born = Some(at);
            life.runnable = Some(at);
            life.cpu = Some(cpu);
        }
        // Nobody forks for init: these tasks come from outside.
        let known = self.lives.get_mut(&parent.pid);
        let Some(forks) = known.filter(|_| parent.pid > 1) else {
            return;
        };
        let (shares, static_prio) = (std::mem::take(&mut forks.shares), forks.static_prio);
        let life = self.life(child);
        life.parent = Some(parent.pid);
        // It has half of its parent's time slice, from which nothing follows.
        life.birth = None;
        life.static_prio = static_prio;
        self.act(at, parent.pid, Doing::Fork(child.pid, shares));
    }

    fn reschedule(&mut self, at: u64, by: i32, who: Who<'_>, how: Scheduled<'_>) {
        let policy = Policy::of(how.policy);
        let life = self.life(who);
        let ordinary = life.prio.is_none_or(|prio| prio >= MAX_RT_PRIO);
        let before = life.static_prio.replace(how.static_prio);
        let renices = match before {
            Some(before) => before != how.static_prio,
            None => ordinary && policy == Policy::Other,
        };
        if renices {
            let nice = how.static_prio - DEFAULT_PRIO;
            self.act(at, by, Doing::Nice(who.pid, nice));
        } else {
            life.set = true;
            self.act(at, who.pid, Doing::Policy(policy, how.rt_priority));
        }
    }

    fn exit(&mut self, at: u64, pid: i32) {
        self.act(at, pid, Doing::Exit);
        if let Some(life) = self.lives.get_mut(&pid) {
            life.ended = true;
        }
    }

    /// A task does something now.
    fn act(&mut self, at: u64, pid: i32, step: Doing) {
        self.charge(pid, at);
        if let Some(life) = self.lives.get_mut(&pid) {
            if life.ended {
                // A task wakes its parent while it exits; here, the exit is its last step.
                let end = life.steps.len().saturating_sub(1);
                life.steps.insert(end, step);
            } else {
                life.end_burst();
                life.steps.push(step);
            }
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
                life.burst += TICK;
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
    pub(super) fn workload(&self, cpus: u32) -> String {
        let names = self.names();
        // Writing to a string cannot fail.
        let mut text = String::new();
        let end = match self.origin {
            Origin::Elsewhere => self.last.div_ceil(TICK),
            Origin::Forklab => self.last / TICK,
        };
        let _ = writeln!(text, "horizon {}", end.max(1));
        for (pid, life) in &self.lives {
            let name = &names[pid];
            match life.parent {
                Some(_) => {
                    let _ = writeln!(text, "script {name}");
                }
                None => {
                    let mut options = self.options(life);
                    let start = life.born.unwrap_or(0) / TICK;
                    let cpu = life.cpu.unwrap_or(0) % cpus.max(1) as usize;
                    for (key, value) in [("start", start), ("cpu", cpu as u64)] {
                        if value > 0 {
                            let _ = write!(options, " {key}={value}");
                        }
                    }
                    let _ = writeln!(text, "task {name}{options}");
                }
            }
            life.write_steps(&mut text, name, &names);
        }
        text
    }

    /// How a task is scheduled at first, as options.
    fn options(&self, life: &Life) -> String {
        let Some(prio) = life.prio else {
            return String::new();
        };
        let bonus = match self.origin {
            Origin::Elsewhere => 0,
            Origin::Forklab => NO_BONUS,
        };
        let real_time = (0..MAX_RT_PRIO).contains(&prio);
        let static_prio = life.birth.and_then(Birth::static_prio);
        let static_prio = static_prio.unwrap_or(if real_time {
            DEFAULT_PRIO
        } else {
            prio - bonus
        });
        let mut text = match (static_prio - DEFAULT_PRIO).clamp(-20, 19) {
            0 => String::new(),
            nice => format!(" nice={nice}"),
        };
        // Writing to a string cannot fail.
        if real_time {
            let policy = if life.round_robin {
                Policy::Rr
            } else {
                Policy::Fifo
            };
            let rt = (MAX_RT_PRIO - 1 - prio).max(1);
            let _ = write!(text, " policy={} rt_prio={rt}", policy.name());
        }
        match life.birth.map_or(0, Birth::parents_sleep_avg) {
            0 => {}
            psa => {
                let _ = write!(text, " psa={psa}");
            }
        }
        text
    }
}

impl Birth {
    /// The static priority to which such a time slice belongs.
    fn static_prio(self) -> Option<i32> {
        let tunables = Tunables::default();
        let mut prios = crate::abi::MAX_RT_PRIO..crate::abi::MAX_PRIO;
        let prio = prios.find(|prio| tunables.task_timeslice(*prio) == self.slice);
        prio.map(i32::from)
    }

    /// The sleep average, ms, of a parent whose child gets this one.
    fn parents_sleep_avg(self) -> u32 {
        let tunables = Tunables::default();
        let childs = |psa: u32| sleep_avgs_after_fork(psa * NS_PER_TICK, &tunables).0;
        let mut averages = (0..=1000).step_by(100);
        let average = averages.find(|psa| childs(*psa) >= self.sleep_avg);
        average.unwrap_or(1000)
    }
}

/// How a sleep has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Woken {
    /// Another task has woken the sleeper.
    BySomebody,
    /// A timer or a device has, or the trace does not say.
    ByItself,
}

impl Life {
    fn end_burst(&mut self) {
        if self.burst > 0 {
            self.steps.push(Doing::Run(std::mem::take(&mut self.burst)));
        }
    }

    /// It has slept until now: until somebody woke it, or a timer. Returns whether it now has a step
    /// that waits for whoever woke it.
    fn end_sleep(&mut self, at: u64, woken: Woken) -> bool {
        let was_there = self.steps.is_empty() && self.born.is_none() && self.burst == 0;
        let (since, waits) = match self.asleep.take() {
            Some(asleep) => asleep,
            // It was asleep when the trace began.
            None if was_there && self.runnable.is_none() && at > 0 => (0, false),
            None => return false,
        };
        self.steps.push(match (woken, waits) {
            (Woken::BySomebody, _) => Doing::Await,
            (Woken::ByItself, true) => Doing::Wait(at - since),
            (Woken::ByItself, false) => Doing::Sleep(at - since),
        });
        woken == Woken::BySomebody
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
                Doing::Sleep(ns) | Doing::Wait(ns) => match (ns + TICK / 2) / TICK {
                    0 => continue,
                    ticks if matches!(step, Doing::Wait(_)) => format!("io {ticks}"),
                    ticks => format!("sleep {ticks}"),
                },
                Doing::Block => "block".to_owned(),
                // A task that gets here sooner than it did there must not lose its wake-up.
                Doing::Await => format!("await {own}"),
                Doing::Wake(pid) => format!("post {}", name(pid)),
                Doing::Fork(pid, false) => format!("fork {0} {0}", name(pid)),
                Doing::Fork(pid, true) => format!("fork_vm {0} {0}", name(pid)),
                Doing::Yield => "yield".to_owned(),
                Doing::Nice(pid, nice) if name(pid) == own => format!("nice {nice}"),
                Doing::Nice(pid, nice) => format!("renice {} {nice}", name(pid)),
                Doing::Policy(policy, rt) => format!("setsched {} {rt}", policy.name()),
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
