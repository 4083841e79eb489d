//! Why a command is refused: which task, which rule of the kernel, and how to fix it.

use super::{Awaits, Help, Machine};
use crate::abi::{Errno, Pid, Signal, TaskId, TaskState};
use crate::kernel::sched::{WhyNot, WhyNotKind};
use crate::kernel::syscall::SysError;
use std::fmt;

/// A task by pid and name, as it appears in messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} ({})", self.pid, self.name)
    }
}

/// Why a command was refused. The machine is unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The task is gone: it was released.
    Gone,
    /// The task has exited and waits to be reaped.
    Zombie {
        /// The zombie itself.
        who: Who,
        /// The task that may reap it.
        parent: Who,
    },
    /// The task is init, which never runs.
    Init(Who),
    /// The task follows its own steps.
    NotAPuppet(Who),
    /// The task is inside a system call.
    Inside {
        /// The task inside the call.
        who: Who,
        /// Name of the system call.
        call: &'static str,
        /// What it waits for, if that can be named.
        awaits: Option<Awaits>,
    },
    /// The task is stopped.
    Stopped {
        /// The stopped task.
        who: Who,
        /// The signal that stopped it; `None` for a task that started stopped.
        signal: Option<Signal>,
        /// The tracer that it has stopped for.
        tracer: Option<Who>,
    },
    /// The task computes for that many more ticks.
    Computing(Who, u64),
    /// The scheduler would not give it the CPU now.
    CannotRun(Box<CannotRun>),
    /// A path names no program.
    NoProgram {
        /// The path as given.
        path: String,
        /// The error that `execve` returns.
        errno: Errno,
    },
    /// No task could be created.
    NoTask(SysError),
    /// The emulated kernel has panicked.
    Panicked(String),
}

/// What keeps a task from its CPU, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CannotRun {
    /// The task that cannot run.
    pub who: Who,
    /// Number of its CPU.
    pub cpu: u8,
    /// The task that has the CPU.
    pub holder: Who,
    /// What prevents it.
    pub kind: WhyNotKind,
    /// The dynamic priority that the task would have once woken.
    pub prio: u8,
    /// The dynamic priority of the holder.
    pub holder_prio: u8,
    /// Ticks left of the holder's time slice.
    pub slice: u32,
    /// After how many ticks it can run at the earliest, and what makes it able to; `None` if time
    /// alone does not help.
    pub soonest: Option<(u64, Help)>,
}

impl Machine {
    /// A task by pid and name; for one that is gone, those of the idle task.
    pub fn who(&self, task: TaskId) -> Who {
        match self.kernel.sched.try_get(task) {
            Some(sched) => Who {
                pid: sched.pid,
                name: self.kernel.names.get(sched.name).to_owned(),
            },
            None => Who {
                pid: Pid(0),
                name: "gone".to_owned(),
            },
        }
    }

    /// A task that still exists, by its pid.
    pub(super) fn who_has(&self, pid: Pid) -> Who {
        let found = self.kernel.pid_hash().find(pid);
        found.map_or_else(
            || Who {
                pid,
                name: "gone".to_owned(),
            },
            |task| self.who(task),
        )
    }

    pub(super) fn cannot_run(&self, task: TaskId, why: &WhyNot) -> Refusal {
        Refusal::CannotRun(Box::new(CannotRun {
            who: self.who(task),
            cpu: self.kernel.sched.get(task).cpu,
            holder: self.who(why.curr),
            kind: why.kind,
            prio: why.prio_after_wake,
            holder_prio: why.curr_prio,
            slice: why.holds,
            soonest: self.soonest(task, why),
        }))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => write!(f, "the task is gone: it exited and was reaped"),
            Self::Zombie { who, .. } => write!(
                f,
                "{who} cannot act: it has exited and is a zombie until it is reaped"
            ),
            Self::Init(who) => write!(f, "{who} cannot act: it only adopts orphans"),
            Self::NotAPuppet(who) => {
                write!(f, "{who} cannot act for you: it follows steps of its own")
            }
            Self::Inside { who, call, awaits } => {
                write!(f, "{who} cannot act: it is still inside {call}")?;
                match awaits {
                    Some(awaits) => write!(f, " until {awaits}"),
                    None => Ok(()),
                }
            }
            Self::Stopped {
                who,
                signal,
                tracer,
            } => {
                write!(f, "{who} cannot act: it is stopped")?;
                match (tracer, signal) {
                    (Some(tracer), _) => write!(f, " for its tracer, {tracer}"),
                    (None, Some(signal)) => write!(f, " by {signal}"),
                    (None, None) => Ok(()),
                }
            }
            Self::Computing(who, ticks) => {
                write!(
                    f,
                    "{who} cannot act: it is computing for {ticks} more ticks of CPU time"
                )
            }
            Self::CannotRun(why) => write!(f, "{why}"),
            Self::NoProgram { path, errno } => {
                write!(f, "there is no program \"{path}\" ({errno})")
            }
            Self::NoTask(SysError::Fork(why)) => {
                write!(f, "no task could be created: {why} ({})", why.errno())
            }
            Self::NoTask(error) => {
                write!(f, "no task could be created ({})", error.errno())
            }
            Self::Panicked(why) => write!(f, "the emulated kernel has panicked: {why}"),
        }
    }
}

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            who,
            cpu,
            holder,
            prio,
            holder_prio,
            ..
        } = self;
        write!(f, "{who} cannot run now: ")?;
        let comparison = match holder_prio.cmp(prio) {
            std::cmp::Ordering::Less => "the better priority",
            std::cmp::Ordering::Equal => "the same priority",
            std::cmp::Ordering::Greater => "priority",
        };
        match self.kind {
            WhyNotKind::NotInterruptible(state) => {
                write!(f, "it sleeps in {}, which no key press ends", long(state))
            }
            WhyNotKind::QueuedAhead { prio } => write!(
                f,
                "another task waits for CPU {cpu} at priority {prio}, ahead of its {}",
                self.prio
            ),
            WhyNotKind::Queued | WhyNotKind::CurrentHolds => write!(
                f,
                "{holder} has CPU {cpu} at {comparison} {holder_prio}, with {} ticks left of its \
                 slice",
                self.slice
            ),
        }
    }
}

impl CannotRun {
    /// How long to wait, and for what.
    fn remedy(&self) -> String {
        let pid = self.who.pid;
        let Some((ticks, help)) = self.soonest else {
            return format!(
                "waiting alone does not help: why_not(task({pid})) shows which tasks \
                 are ahead"
            );
        };
        let then = match help {
            Help::Sleep => "then it has slept enough to preempt",
            Help::Turn => "the tasks ahead of it need the CPU at least that long",
        };
        format!(
            "tick({ticks}) first: {then}; or patience({}) to let calls wait that long; \
             why_not(task({pid})) says more",
            ticks.max(100) * 2
        )
    }
}

const fn long(state: TaskState) -> &'static str {
    if state.contains(TaskState::UNINTERRUPTIBLE) {
        "TASK_UNINTERRUPTIBLE"
    } else {
        "a state of its own"
    }
}

impl Refusal {
    /// How to fix it, in one sentence.
    pub fn remedy(&self) -> String {
        match self {
            Self::Gone => "spawn a new task; ps() lists those that exist".to_owned(),
            Self::Zombie { parent, .. } if parent.pid == Pid::INIT => {
                "spawn(\"sh\") makes a task that acts for you".to_owned()
            }
            Self::Zombie { parent, .. } => {
                format!("its parent can reap it: task({}).wait()", parent.pid)
            }
            Self::Init(_) => "spawn(\"sh\") makes a task that acts for you".to_owned(),
            Self::NotAPuppet(_) => {
                "let time pass with tick(n) and watch it with timeline()".to_owned()
            }
            Self::Inside {
                awaits: Some(awaits),
                ..
            } => awaits.remedy(),
            Self::Inside { awaits: None, .. } => {
                "let what it waits for happen; see ps()".to_owned()
            }
            Self::Stopped {
                who,
                tracer: Some(tracer),
                ..
            } => format!(
                "its tracer must resume it: task({}).ptrace_cont(task({}))",
                tracer.pid, who.pid
            ),
            Self::Stopped { .. } => {
                "SIGCONT resumes it: let another task send it, other.kill(it, SIGCONT)".to_owned()
            }
            Self::Computing(_, ticks) => {
                format!("tick({ticks}) lets that time pass; it takes longer if others run too")
            }
            Self::CannotRun(why) => why.remedy(),
            Self::NoProgram { .. } => {
                "the programs are sh and true, or give a workload([...])".to_owned()
            }
            Self::NoTask(_) => {
                "let tasks exit, or boot with more mem or a larger threads_max".to_owned()
            }
            Self::Panicked(_) => {
                "boot() starts a fresh machine; at the prompt, undo goes back".to_owned()
            }
        }
    }

    /// The kernel rule behind it, with its place in the source.
    pub const fn rule(&self) -> Option<&'static str> {
        Some(match self {
            Self::Gone => "release_task() freed its task_struct and its pid (kernel/exit.c)",
            Self::Zombie { .. } => {
                "after do_exit(), a task keeps its task_struct and pid until its parent waits for \
                 it (kernel/exit.c, exit_notify)"
            }
            Self::Inside {
                awaits: Some(awaits),
                ..
            } => awaits.rule(),
            Self::Stopped {
                tracer: Some(_), ..
            } => "a task in TASK_TRACED waits for its tracer: ptrace_stop() (kernel/signal.c)",
            Self::Stopped {
                signal: Some(_), ..
            } => "a task in TASK_STOPPED waits for SIGCONT: do_signal_stop() (kernel/signal.c)",
            Self::Stopped { .. } => {
                "a task in TASK_STOPPED is on no runqueue: do_fork() leaves a child in that state \
                 for CLONE_STOPPED (kernel/fork.c)"
            }
            Self::CannotRun(_) => {
                "a woken task gets the CPU at once only if its priority number is lower than that \
                 of the running task (kernel/sched.c, TASK_PREEMPTS_CURR)"
            }
            Self::NoTask(error) if matches!(error.errno(), Errno::EAGAIN) => {
                "copy_process() refuses to exceed RLIMIT_NPROC and max_threads, alloc_pidmap() to \
                 exceed pid_max (kernel/fork.c, kernel/pid.c)"
            }
            _ => return None,
        })
    }

    /// The errno that a system call would have returned for it, if one would.
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::NoProgram { errno, .. } => Some(*errno),
            Self::NoTask(error) => Some(error.errno()),
            _ => None,
        }
    }
}
