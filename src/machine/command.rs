//! Commands: every way to change a machine, as data; and what they come to.

use super::workload::WorkloadProgram;
use crate::abi::{Pid, TaskId, VirtAddr, WaitStatus};
use crate::hw::UserDesc;
use crate::kernel::fork::ForkArgs;
use crate::kernel::mm::UserFault;
use crate::kernel::spawn::SpawnArgs;
use crate::kernel::syscall::Syscall;
use std::fmt;
use std::sync::Arc;

/// One thing that a puppet does in user mode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// A system call.
    Syscall(Syscall),
    /// `clone` with a `user_desc`, which the puppet first puts below its stack pointer.
    CloneTls(ForkArgs, UserDesc),
    /// Reads bytes.
    Read {
        /// From there.
        addr: VirtAddr,
        /// So many.
        len: u32,
    },
    /// Writes bytes.
    Write {
        /// There.
        addr: VirtAddr,
        /// These.
        bytes: Vec<u8>,
    },
    /// Fills memory with a byte.
    Fill {
        /// From there.
        addr: VirtAddr,
        /// So many bytes.
        len: u32,
        /// This one.
        byte: u8,
    },
    /// Writes one word to each of a number of pages.
    Touch {
        /// From there.
        addr: VirtAddr,
        /// So many pages.
        pages: u32,
    },
    /// Uses so many ticks of CPU.
    Compute(u64),
}

/// A change of the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Makes a task that runs a program of the filesystem.
    Spawn {
        /// What it is to be; its name is also the program's.
        args: SpawnArgs,
        /// Path of the program, if it differs from the name.
        program: Option<String>,
        /// A puppet stays runnable between its actions.
        spin: bool,
    },
    /// Makes a task that follows a list of steps, as root.
    SpawnWorkload {
        /// What it is to be.
        args: SpawnArgs,
        /// Its steps.
        program: Arc<WorkloadProgram>,
    },
    /// Lets a puppet act.
    Act {
        /// Puppet.
        task: TaskId,
        /// What it does.
        action: Action,
    },
    /// Lets time pass by so many ticks.
    Tick(u64),
    /// Lets time pass until nothing can happen by itself, at most so many ticks.
    Run(u64),
    /// Sets how many ticks a call may wait for the CPU.
    Patience(u64),
    /// Sets or clears the lever `fork_cpu`.
    ForkCpu(Option<u32>),
    /// Sets or clears the lever `parent_not_on_array`.
    ParentNotOnArray(bool),
}

/// What a command came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// The new task.
    Spawned {
        /// The task.
        task: TaskId,
        /// Its pid; a task whose first step is to exit is gone by now.
        pid: Pid,
    },
    /// What the action came to.
    Acted(Outcome),
    /// Why time stands still again.
    Stopped(super::Stop),
    /// Nothing more to say.
    Done,
}

/// What a puppet's action came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The system call returned this value: `-errno` if it failed.
    Returned(i32),
    /// A fork-like call made this task. A vfork parent has not returned yet.
    Forked {
        /// The new task.
        child: TaskId,
        /// The call that has not returned, for a vfork.
        call: Option<u64>,
    },
    /// The bytes that were read.
    Bytes(Vec<u8>),
    /// The memory was written; or the computation was begun.
    Done,
    /// The call blocks; this is its number.
    Blocks(u64),
    /// The access could not be mended.
    Fault(UserFault),
    /// The task has ended.
    Ended,
}

/// How a call that blocked stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallState {
    /// Who called.
    pub task: TaskId,
    /// Its pid, which it keeps when the task is gone.
    pub pid: Pid,
    /// i386 system call number.
    pub nr: u16,
    /// What it returned, once it has.
    pub value: Option<i32>,
    /// The status that `wait4` reported.
    pub status: Option<WaitStatus>,
}

/// Why a command was not carried out. The machine is as before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The task is gone: it was released.
    Gone,
    /// The task has ended and waits to be reaped.
    Zombie(Pid),
    /// The task follows its own steps, or is init.
    NotAPuppet(Pid),
    /// The task is inside a system call.
    Inside {
        /// Task.
        pid: Pid,
        /// Name of the call.
        call: &'static str,
        /// For a vfork parent: the child it waits for.
        child: Option<Pid>,
    },
    /// The task is stopped.
    Stopped(Pid),
    /// The task uses the CPU for so many ticks more.
    Computing(Pid, u64),
    /// The scheduler would not give it the CPU now.
    CannotRun {
        /// Task.
        pid: Pid,
        /// Who has the CPU, or would get it first.
        holder: Pid,
        /// Priority that the task would have.
        prio: u8,
        /// Priority of the holder.
        holder_prio: u8,
        /// Ticks left of the holder's slice.
        slice: u32,
    },
    /// A path names no program.
    NoProgram(crate::abi::Errno),
    /// No task could be made.
    NoTask(crate::abi::Errno),
    /// The emulated kernel has panicked.
    Panicked(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => write!(f, "the task is gone: it ended and was reaped"),
            Self::Zombie(pid) => {
                write!(
                    f,
                    "task {pid} cannot act: it has ended and is a zombie until it is reaped"
                )
            }
            Self::NotAPuppet(pid) => {
                write!(
                    f,
                    "task {pid} cannot act for you: it follows steps of its own"
                )
            }
            Self::Inside {
                pid,
                child: Some(child),
                ..
            } => write!(
                f,
                "task {pid} cannot act: it is still inside vfork until task {child} execs or exits"
            ),
            Self::Inside {
                pid,
                call,
                child: None,
            } => {
                write!(f, "task {pid} cannot act: it is still inside {call}")
            }
            Self::Stopped(pid) => write!(f, "task {pid} cannot act: it is stopped"),
            Self::Computing(pid, ticks) => {
                write!(
                    f,
                    "task {pid} cannot act: it computes for {ticks} more ticks of CPU"
                )
            }
            Self::CannotRun {
                pid,
                holder,
                prio,
                holder_prio,
                slice,
            } => write!(
                f,
                "task {pid} (priority {prio}) cannot run now: task {holder} (priority \
                 {holder_prio}) has the CPU, with {slice} ticks left of its slice"
            ),
            Self::NoProgram(errno) => write!(f, "there is no such program ({errno})"),
            Self::NoTask(errno) => write!(f, "no task could be made ({errno})"),
            Self::Panicked(why) => write!(f, "the emulated kernel has panicked: {why}"),
        }
    }
}

impl Refusal {
    /// What would help, in one sentence.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Gone => "spawn a new task; ps() lists those that exist",
            Self::Zombie(_) => "its parent can reap it: parent.wait()",
            Self::NotAPuppet(_) => "let time pass with tick(n) and watch it with timeline()",
            Self::Inside { child: Some(_), .. } => "let the child go on: child.exit(0)",
            Self::Inside { child: None, .. } => "let what it waits for happen; see ps()",
            Self::Stopped(_) => "it needs SIGCONT to go on",
            Self::Computing(..) => "let time pass with tick(n)",
            Self::CannotRun { .. } => {
                "let time pass with tick(n), or let calls wait with patience(200)"
            }
            Self::NoProgram(_) => "the programs are sh and true, or give a workload([...])",
            Self::NoTask(_) => "let tasks end, or boot with more mem or a larger threads_max",
            Self::Panicked(_) => "boot() starts a fresh machine",
        }
    }
}
