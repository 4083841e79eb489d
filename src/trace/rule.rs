//! The decisions of the kernel that a script may replace by a rule of its own, and what can be
//! decided.

use crate::abi::Pid;
use std::fmt;

/// A decision that a rule may replace. Each has the name of the function or macro of Linux that
/// takes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Decision {
    /// The dynamic priority of an ordinary task.
    EffectivePrio,
    /// A full time slice.
    TaskTimeslice,
    /// Whether a task counts as interactive.
    TaskInteractive,
    /// Whether the tasks on the expired array have waited too long.
    ExpiredStarving,
    /// Where a new task is queued.
    WakeUpNewTask,
    /// Which task runs next on a CPU.
    Schedule,
    /// Whether fork shares a private page or copies it.
    CopyOnePte,
    /// Who becomes the parent of an orphan, and so hears of its end.
    ForgetOriginalParent,
}

impl Decision {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every decision.
    pub const ALL: [Self; 8] = [
        Self::EffectivePrio,
        Self::TaskTimeslice,
        Self::TaskInteractive,
        Self::ExpiredStarving,
        Self::WakeUpNewTask,
        Self::Schedule,
        Self::CopyOnePte,
        Self::ForgetOriginalParent,
    ];

    /// Its name in Linux.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EffectivePrio => "effective_prio",
            Self::TaskTimeslice => "task_timeslice",
            Self::TaskInteractive => "TASK_INTERACTIVE",
            Self::ExpiredStarving => "EXPIRED_STARVING",
            Self::WakeUpNewTask => "wake_up_new_task",
            Self::Schedule => "schedule",
            Self::CopyOnePte => "copy_one_pte",
            Self::ForgetOriginalParent => "forget_original_parent",
        }
    }

    /// The decision of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// What can be decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// A number: a priority or ticks.
    Number(u32),
    /// Yes or no.
    Flag(bool),
    /// A task.
    Task(Pid),
    /// One of a few words.
    Word(RuleWord),
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Task(pid) => pid.fmt(f),
            Self::Word(word) => f.write_str(word.name()),
        }
    }
}

/// The words of choices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleWord {
    /// Queued just before the parent, which is asked to reschedule.
    BeforeParent,
    /// Queued just after the parent.
    AfterParent,
    /// Queued at the tail of its own list in the active array.
    Tail,
    /// Queued at the tail of its own list in the expired array.
    Expired,
    /// The page stays shared until one of both writes to it.
    Share,
    /// The child gets a copy of the page at once.
    Copy,
}

impl RuleWord {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeParent => "before_parent",
            Self::AfterParent => "after_parent",
            Self::Tail => "tail",
            Self::Expired => "expired",
            Self::Share => "share",
            Self::Copy => "copy",
        }
    }
}
