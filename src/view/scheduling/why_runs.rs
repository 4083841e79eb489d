//! Why a task has its CPU: how it got it at the last switch, which rule of `schedule` picks it, and
//! what ends its turn.

use crate::abi::{Pid, TaskId, TaskState};
use crate::kernel::sched::{LastSwitch, Turn};
use crate::machine::Machine;
use crate::trace::SwitchReason;
use crate::view::text::task_tag;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// Why a task has its CPU.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WhyRuns {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// Whether it has a CPU; all fields below are empty if not.
    pub runs: bool,
    /// Number of that CPU.
    pub cpu: usize,
    /// Its dynamic priority.
    pub prio: u8,
    /// Lowest bit set in the bitmap of the active array; 140 if it is empty.
    pub lowest_bit: u8,
    /// The list of that bit, head first.
    pub list: Vec<Pid>,
    /// The switch that gave it the CPU.
    pub switch: Option<SwitchView>,
    /// When the tick makes it give way to an equal.
    pub turn: Option<TurnView>,
    /// Who has the CPU after that, if no task sleeps or wakes before; possibly the same task. If
    /// there is no end, who would be picked if it left.
    pub next: Option<(Pid, String)>,
}

/// How a task got its CPU.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SwitchView {
    /// Tick of the switch.
    pub tick: u64,
    /// The task that had the CPU before; 0 for the idle task.
    pub prev: Pid,
    /// Name of `prev`.
    pub prev_name: String,
    /// Priority of `prev` at that time.
    pub prev_prio: u8,
    /// Why it gave way, as in the trace.
    pub why: &'static str,
    /// Whether the arrays were swapped first.
    pub swapped: bool,
    /// The priority with which it got the CPU.
    pub prio: u8,
    /// The reason in words.
    pub text: String,
}

/// What ends a turn.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TurnView {
    /// `slice`, `granularity` or `endless`.
    pub end: &'static str,
    /// Ticks of CPU time until then; `None` if there is no end.
    pub ticks: Option<u32>,
    /// The tick at which it ends if the task keeps the CPU until then.
    pub tick: Option<u64>,
}

impl TurnView {
    /// The end of a turn that begins at a tick.
    pub(in crate::view) fn of(turn: Turn, begins: u64) -> Self {
        let ticks = turn.ticks();
        Self {
            end: match turn {
                Turn::Slice(_) => "slice",
                Turn::Granularity(_) => "granularity",
                Turn::Endless => "endless",
            },
            ticks,
            tick: ticks.map(|ticks| begins + u64::from(ticks)),
        }
    }
}

/// Why a task that exists has its CPU.
pub fn why_runs(machine: &Machine, id: TaskId) -> WhyRuns {
    let kernel = &machine.kernel;
    let sched = &kernel.sched;
    let fields = sched.get(id);
    let cpu = usize::from(fields.cpu);
    let rq = sched.rq(cpu);
    let runs = rq.curr() == id;
    let name = |id: TaskId| kernel.names.get(kernel.comm(id)).to_owned();
    let lowest_bit = rq.active().first_level();
    let list = match lowest_bit {
        crate::abi::MAX_PRIO => Vec::new(),
        level => sched.members(rq.active(), level).collect(),
    };
    let other = sched.next_after_current(cpu).filter(|_| runs);
    let next = match (other, sched.turn_of_current(cpu).ticks()) {
        (Some(_), Some(ticks)) => {
            let now = (kernel.sched_clock(), kernel.jiffies());
            Some(sched.forecast(cpu, now, ticks, None).1)
        }
        (other, _) => other,
    };
    WhyRuns {
        pid: fields.pid,
        name: name(id),
        runs,
        cpu,
        prio: fields.prio,
        lowest_bit,
        list: list.into_iter().map(|id| kernel.pid(id)).collect(),
        switch: rq
            .last_switch()
            .filter(|_| runs)
            .map(|switch| switch_view(machine, &switch, id)),
        turn: runs.then(|| TurnView::of(sched.turn_of_current(cpu), kernel.tick())),
        next: next.map(|next| (kernel.pid(next), name(next))),
    }
}

fn switch_view(machine: &Machine, switch: &LastSwitch, id: TaskId) -> SwitchView {
    let kernel = &machine.kernel;
    let prev_name = kernel.names.get(switch.prev_name).to_owned();
    let who = task_tag(switch.prev, &prev_name).to_string();
    let me = task_tag(kernel.pid(id), kernel.names.get(kernel.comm(id)));
    SwitchView {
        tick: switch.tick,
        prev: switch.prev,
        why: switch.why.name(),
        prev_prio: switch.prev_prio,
        swapped: switch.swapped,
        prio: switch.prio,
        text: gave_way(switch, &who, &me.to_string()),
        prev_name,
    }
}

/// Why the previous task gave way, in words.
fn gave_way(switch: &LastSwitch, who: &str, me: &str) -> String {
    let LastSwitch {
        prev_prio, prio, ..
    } = switch;
    match switch.why {
        _ if switch.prev == Pid(0) => "the CPU was idle".to_owned(),
        SwitchReason::Leaves => match switch.prev_state {
            TaskState::RUNNING => format!("{who} was about to sleep, but a signal came"),
            TaskState::DEAD => format!("{who} ended"),
            state if state.intersects(TaskState::STOPPED | TaskState::TRACED) => {
                format!("{who} stopped")
            }
            TaskState::UNINTERRUPTIBLE => format!("{who} went to sleep, TASK_UNINTERRUPTIBLE"),
            _ => format!("{who} went to sleep, TASK_INTERRUPTIBLE"),
        },
        SwitchReason::SliceEnd => format!("the time slice of {who} ran out"),
        SwitchReason::Expired => format!("{who} had used up its slice and was still running"),
        SwitchReason::Granularity => {
            format!("{who} had run for its granularity and went behind its equals")
        }
        SwitchReason::Preempted if prio < prev_prio => {
            format!("{me} preempted {who}: {prio} < {prev_prio}, TASK_PREEMPTS_CURR")
        }
        SwitchReason::Preempted => format!("{who} was asked to give way to a better task"),
        SwitchReason::ChildFirst => {
            format!("{who} forked, and its child is to run first: wake_up_new_task()")
        }
        SwitchReason::Yields => format!("{who} called sched_yield()"),
        SwitchReason::Nice => format!("{who} was asked to reschedule by set_user_nice()"),
        SwitchReason::Policy => format!("{who} was asked to reschedule by sched_setscheduler()"),
        SwitchReason::IdleLooks => format!("{who} looked for a task"),
    }
}

impl WhyRuns {
    /// One line per reason.
    pub fn text(&self) -> Text {
        let who = task_tag(self.pid, &self.name);
        if !self.runs {
            let line = who.plain(" does not run: why_not(task) says why");
            return Text::from(line);
        }
        let mut text = Text::from(
            who.plain(" has ")
                .add(Role::Good, format_args!("CPU {}", self.cpu))
                .plain(" at priority ")
                .add(Role::Number, self.prio),
        );
        if let Some(switch) = &self.switch {
            let line = label("since")
                .plain("tick ")
                .add(Role::Number, switch.tick)
                .plain(format_args!(": {}", switch.text));
            text.push(line);
            if switch.swapped {
                text.push(
                    label("").plain("the active array was empty: schedule() swapped the arrays"),
                );
            }
        }
        text.push(self.picked());
        text.push(self.until());
        if self.next.as_ref().is_some_and(|(pid, _)| *pid == self.pid) {
            let why = match self.turn.as_ref().map(|turn| turn.end) {
                Some("granularity") => ": no other task is in its list",
                _ => ": as an interactive task, it goes back to the active array",
            };
            text.push(label("then").plain("it would be picked again").plain(why));
        } else if let Some((pid, name)) = &self.next {
            text.push(
                label("then")
                    .join(task_tag(*pid, name))
                    .plain(" would be picked"),
            );
        } else {
            text.push(label("then").plain("no other task is runnable here"));
        }
        text
    }

    /// Its place in the active array.
    fn picked(&self) -> Line {
        let line = label("picked")
            .plain("lowest bit of the active bitmap ")
            .add(Role::Number, self.lowest_bit);
        if self.lowest_bit != self.prio {
            return line.plain(format_args!(
                ", but no task has asked it to give way: it keeps the CPU with {}",
                self.prio
            ));
        }
        if self.list.first() == Some(&self.pid) {
            return line.plain(", head of its list");
        }
        line.plain(
            ", behind others in its list: they came later, or it moved to the tail when it was \
             picked",
        )
    }

    fn until(&self) -> Line {
        let line = label("until");
        match &self.turn {
            Some(TurnView {
                end: "granularity",
                ticks: Some(ticks),
                tick: Some(tick),
            }) => line
                .plain("its granularity is over, in ")
                .add(Role::Number, ticks)
                .plain(" ticks, at ")
                .add(Role::Number, tick)
                .plain(", if it does not sleep"),
            Some(TurnView {
                ticks: Some(ticks),
                tick: Some(tick),
                ..
            }) => line
                .plain("its slice is used up, in ")
                .add(Role::Number, ticks)
                .plain(" ticks, at ")
                .add(Role::Number, tick)
                .plain(", if it does not sleep"),
            _ => line.plain("it sleeps, or a better task wakes: it has no time slice"),
        }
    }
}

/// The first column of a line of reasons.
pub(in crate::view) fn label(word: &str) -> Line {
    Line::default().add(Role::Dim, format_args!("  {word:<9} "))
}
