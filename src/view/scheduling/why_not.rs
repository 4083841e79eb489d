//! Why a task does not run: which tasks are ahead of it, or what it sleeps for, and when it can run
//! at the earliest.

use super::deadlock::{Waiting, circle};
use super::why_runs::{TurnView, label};
use crate::abi::{Pid, TaskId, TaskState};
use crate::kernel::sched::{Ahead, WhyNot as NotAtOnce, WhyNotKind, would_preempt};
use crate::machine::{Bound, Machine, Outlook, Standing};
use crate::view::process::{Activity, activity};
use crate::view::text::task_tag;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// Why a task does not run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WhyNot {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// Whether it does run, so that there is nothing to explain.
    pub runs: bool,
    /// `runs`, `active`, `expired`, `sleeps`, `stopped`, `ended` or `init`.
    pub standing: &'static str,
    /// What it is doing, in words.
    pub doing: String,
    /// The CPU that it waits for.
    pub cpu: usize,
    /// Its dynamic priority.
    pub prio: u8,
    /// The tasks ahead of it, the running task first.
    pub ahead: Vec<AheadRow>,
    /// The priority that it would have if an interrupt woke it now; for sleeping tasks only.
    pub woken_prio: Option<u8>,
    /// Whether it would run at once if it were woken now; for sleeping tasks only.
    pub woken_runs: Option<bool>,
    /// The earliest tick at which it can run; `None` if it cannot without help.
    pub earliest: Option<u64>,
    /// What happens at that tick, in words.
    pub because: String,
    /// Whether no task can come in between: those ahead certainly run before it.
    pub firm: bool,
    /// Idle CPUs, and why it is not there.
    pub idle_cpus: Vec<IdleCpu>,
    /// The tasks that wait for each other, beginning with it, if it is one of them.
    pub circle: Vec<Waiting>,
    /// What would keep a sleeping task from running if it were woken, in words.
    pub obstacle: Option<String>,
}

/// A task that is ahead of another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AheadRow {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// Its dynamic priority.
    pub prio: u8,
    /// `active` or `expired`.
    pub array: &'static str,
    /// Whether it has the CPU.
    pub running: bool,
    /// When it gives way.
    pub turn: TurnView,
}

/// A CPU that is idle while a task waits for another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct IdleCpu {
    /// Number of the CPU.
    pub cpu: usize,
    /// Whether the task may run there.
    pub allowed: bool,
    /// The tick at which that CPU looks for tasks next.
    pub balances: Option<u64>,
}

/// Why a task that exists does not run.
pub fn why_not(machine: &Machine, id: TaskId) -> WhyNot {
    let kernel = &machine.kernel;
    let fields = kernel.sched.get(id);
    let outlook = machine.outlook(id);
    let ahead = match &outlook.standing {
        Standing::Queued { ahead, .. } => rows(machine, ahead),
        _ => Vec::new(),
    };
    let woken = match &outlook.standing {
        Standing::Sleeps { woken, .. } => Some(*woken),
        _ => None,
    };
    WhyNot {
        pid: fields.pid,
        name: kernel.names.get(fields.name).to_owned(),
        runs: matches!(outlook.standing, Standing::Runs(_)),
        standing: match &outlook.standing {
            Standing::Runs(_) => "runs",
            Standing::Queued { array, .. } => array.name(),
            Standing::Sleeps { .. } => "sleeps",
            Standing::Stopped => "stopped",
            Standing::Ended => "ended",
            Standing::Init => "init",
        },
        doing: activity(machine, id).to_string(),
        cpu: usize::from(fields.cpu),
        prio: fields.prio,
        ahead,
        woken_prio: woken
            .and_then(Result::err)
            .map(|why: NotAtOnce| why.prio_after_wake),
        woken_runs: woken.map(|woken| woken.is_ok()),
        earliest: outlook.earliest.map(|(tick, _)| tick),
        because: because(machine, id, &outlook),
        firm: outlook.firm,
        idle_cpus: match &outlook.standing {
            Standing::Queued { cpu, .. } => idle_cpus(machine, id, *cpu),
            _ => Vec::new(),
        },
        circle: circle(machine, id),
        obstacle: woken
            .and_then(Result::err)
            .map(|why| obstacle(machine, &why)),
    }
}

fn rows(machine: &Machine, ahead: &[Ahead]) -> Vec<AheadRow> {
    let kernel = &machine.kernel;
    let row = |ahead: &Ahead| {
        let fields = kernel.sched.get(ahead.task);
        AheadRow {
            pid: fields.pid,
            name: kernel.names.get(fields.name).to_owned(),
            prio: fields.prio,
            array: ahead.array.name(),
            running: ahead.running,
            turn: TurnView::of(ahead.turn, kernel.tick()),
        }
    };
    ahead.iter().map(row).collect()
}

fn idle_cpus(machine: &Machine, id: TaskId, own: usize) -> Vec<IdleCpu> {
    let kernel = &machine.kernel;
    let sched = &kernel.sched;
    let idle =
        (0..sched.cpus()).filter(|cpu| *cpu != own && sched.current(*cpu) == sched.idle(*cpu));
    idle.map(|cpu| IdleCpu {
        cpu,
        allowed: sched.get(id).cpus_allowed >> cpu & 1 != 0,
        balances: sched
            .next_balance(cpu, kernel.jiffies())
            .map(|ticks| kernel.tick() + u64::from(ticks)),
    })
    .collect()
}

/// What happens at the earliest tick, in words.
fn because(machine: &Machine, id: TaskId, outlook: &Outlook) -> String {
    let Some((_, bound)) = outlook.earliest else {
        return match &outlook.standing {
            Standing::Queued { .. } => {
                "never by itself: a task ahead of it does not give way".to_owned()
            }
            Standing::Sleeps { .. } if activity(machine, id) == Activity::Console => {
                "when you call it".to_owned()
            }
            Standing::Sleeps { .. } => "never by itself: it must be woken".to_owned(),
            Standing::Stopped => "when SIGCONT or its tracer resumes it".to_owned(),
            _ => "never".to_owned(),
        };
    };
    match bound {
        Bound::Now => "it has the CPU",
        Bound::Turns
            if matches!(
                outlook.standing,
                Standing::Queued {
                    array: crate::trace::ArrayKind::Expired,
                    ..
                }
            ) =>
        {
            "the active array is empty, the arrays are swapped, and its turn has come"
        }
        Bound::Turns => "all tasks ahead of it have had their turn",
        Bound::NextEvent => "a sleep ends or a task appears, which may change the order",
        Bound::NextAct => "the running task may sleep, exit or wake others",
        Bound::Balance(_) => "another CPU balances its load and may pull tasks from here",
        Bound::OwnTimer if matches!(outlook.standing, Standing::Sleeps { woken: Err(_), .. }) => {
            "its sleep ends; it then waits, unless the sleep has improved its priority"
        }
        Bound::OwnTimer => "its sleep ends",
    }
    .to_owned()
}

/// What would keep a sleeping task from running if it were woken now.
fn obstacle(machine: &Machine, why: &NotAtOnce) -> String {
    let kernel = &machine.kernel;
    let curr = kernel.sched.get(why.curr);
    let holder = task_tag(curr.pid, kernel.names.get(curr.name)).to_string();
    let prio = why.prio_after_wake;
    match why.kind {
        WhyNotKind::NotInterruptible(TaskState::UNINTERRUPTIBLE) => {
            "neither a signal nor a key press ends TASK_UNINTERRUPTIBLE".to_owned()
        }
        WhyNotKind::NotInterruptible(_) => "no interrupt wakes it".to_owned(),
        WhyNotKind::QueuedAhead { prio: first } => format!(
            "priority {prio}, behind a waiting task with {first}: tasks of equal or better \
             priority go first"
        ),
        WhyNotKind::Queued | WhyNotKind::CurrentHolds => {
            debug_assert!(!would_preempt(prio, why.curr_prio));
            format!(
                "priority {prio} does not preempt {holder} with {}: TASK_PREEMPTS_CURR requires a \
                 lower number",
                why.curr_prio
            )
        }
    }
}

impl WhyNot {
    /// The tasks ahead of it, or what it waits for, one line each; then the earliest tick.
    pub fn text(&self) -> Text {
        let who = task_tag(self.pid, &self.name);
        if self.runs {
            let line = who.plain(" has the CPU: why_runs(task) says why");
            return Text::from(line);
        }
        let mut text = Text::from(who.plain(" does not run: ").join(self.first_reason()));
        for row in &self.ahead {
            text.push(row.line(self.prio, self.standing));
        }
        for idle in &self.idle_cpus {
            text.push(idle.line());
        }
        for link in &self.circle {
            text.push(label("circle").join(link.line()));
        }
        match (&self.obstacle, self.woken_runs) {
            (Some(obstacle), _) => text.push(label("woken now").plain(obstacle)),
            (None, Some(true)) => text.push(label("woken now").plain("it would run at once")),
            _ => {}
        }
        let earliest = label("earliest");
        text.push(match self.earliest {
            Some(tick) => earliest
                .plain("tick ")
                .add(Role::Number, tick)
                .plain(format_args!(": {}", self.because)),
            None => earliest.plain(&self.because),
        });
        text
    }

    fn first_reason(&self) -> Line {
        let line = Line::default();
        match self.standing {
            "active" => line
                .plain("it waits in ")
                .add(Role::Name, format_args!("active[{}]", self.prio))
                .plain(format_args!(" of CPU {}", self.cpu)),
            "expired" => line
                .plain("it waits in ")
                .add(Role::Name, format_args!("expired[{}]", self.prio))
                .plain(format_args!(" of CPU {}, for the array swap", self.cpu)),
            _ => line.add(Role::State, &self.doing),
        }
    }
}

impl AheadRow {
    /// Which task it is, why it goes first, and how long it may run.
    fn line(&self, prio: u8, standing: &str) -> Line {
        let place = if self.running {
            "has the CPU"
        } else if self.array == "active" && standing == "expired" {
            "still has a slice"
        } else if self.prio < prio {
            "better priority"
        } else {
            "before it in the list"
        };
        let turn = match (self.turn.end, self.turn.ticks) {
            ("granularity", Some(ticks)) => format!("{ticks} ticks of its granularity"),
            (_, Some(ticks)) => format!("{ticks} ticks of its slice"),
            (_, None) => "no limit: a real-time task".to_owned(),
        };
        label("ahead")
            .join(task_tag(self.pid, &self.name))
            .plain("  prio ")
            .add(Role::Number, self.prio)
            .plain(format_args!("  {place}: {turn}"))
    }
}

impl IdleCpu {
    fn line(&self) -> Line {
        let line = label("meanwhile").plain(format_args!("CPU {} is idle", self.cpu));
        match (self.allowed, self.balances) {
            (false, _) => line.plain(", but the task's cpus_allowed does not include it"),
            (true, Some(tick)) => line
                .plain(" and balances its load at tick ")
                .add(Role::Number, tick),
            (true, None) => line,
        }
    }
}
