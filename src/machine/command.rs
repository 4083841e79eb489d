//! Commands: every way to change a machine, as data; and what they come to.

use super::debug::Goal;
use super::stack_call::{StackCall, StackFrame};
use crate::abi::{Pid, SigInfo, TaskId, VirtAddr, WaitStatus};
use crate::hw::UserDesc;
use crate::kernel::fail::FailPoint;
use crate::kernel::fork::{ForkArgs, SpawnArgs};
use crate::kernel::fs::ProgramImage;
use crate::kernel::mm::UserFault;
use crate::kernel::syscall::Syscall;
use crate::machine::workload::{ListedTask, WorkloadProgram};
use std::sync::Arc;

/// One thing that a puppet does in user mode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// A system call.
    Syscall(Syscall),
    /// A system call with a buffer on the puppet's stack.
    OnStack(StackCall),
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
    /// Makes a task that runs a program, which is then a file of the task's name.
    SpawnProgram {
        /// What it is to be.
        args: SpawnArgs,
        /// The program.
        image: Arc<ProgramImage>,
        /// Its arguments, its own name first.
        argv: Vec<Vec<u8>>,
    },
    /// Makes a program file.
    Install {
        /// Its name.
        name: String,
        /// What it holds; or why nothing can load it.
        image: Result<Arc<ProgramImage>, String>,
    },
    /// Types on the console.
    Type(Vec<u8>),
    /// Nobody will type any more.
    EndInput,
    /// Varies the length of ticks by dice with this seed, or no longer.
    Jitter(Option<u64>),
    /// Stops a program whenever it comes to an address.
    Break {
        /// The program.
        image: Arc<ProgramImage>,
        /// The instruction.
        addr: u32,
    },
    /// Stops programs when a word of a task's memory has changed.
    Watch {
        /// Whose memory.
        task: TaskId,
        /// The word.
        addr: VirtAddr,
    },
    /// Removes a breakpoint or a watchpoint; all of them for `None`.
    Unbreak(Option<u32>),
    /// Lets a program run to a goal, while at most so many ticks pass.
    Step {
        /// Whose instructions count.
        task: TaskId,
        /// How far.
        goal: Goal,
        /// Ticks.
        ticks: u64,
    },
    /// Makes the tasks of a workload file. All get their numbers now, in this order; each appears
    /// at its start, counted from now.
    Load(Arc<[ListedTask]>),
    /// Keeps accounts of the tasks that end from now on, or no longer.
    Accounts(bool),
    /// Lets a puppet act.
    Act {
        /// Puppet.
        task: TaskId,
        /// What it does.
        action: Action,
    },
    /// The actions of the handler that a puppet has entered begin.
    BeginHandler(TaskId),
    /// They are done: the handler returns.
    EndHandler(TaskId),
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
    /// Lets an allocation fail.
    Fail(FailPoint),
}

impl Command {
    /// Bytes of user memory that the command carries with it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Act {
                action: Action::Write { bytes, .. },
                ..
            } => bytes.len(),
            Self::Type(bytes) => bytes.len(),
            _ => 0,
        }
    }
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
    /// The numbers of the listed tasks. Those that start now are there, or have ended by now.
    Loaded(Vec<Pid>),
    /// What the action came to.
    Acted(Outcome),
    /// Why time stands still again.
    Stopped(super::Stop),
    /// The number of a breakpoint or watchpoint.
    Point(u32),
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
    /// The system call returned this value, and this is in the buffer it was given.
    Filled(i32, Vec<u8>),
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
    /// The status that a wait reported.
    pub status: Option<WaitStatus>,
    /// The buffer that it was given on the stack, until it has returned.
    pub frame: Option<StackFrame>,
    /// What was in that buffer then.
    pub bytes: Vec<u8>,
    /// What came with it as `waitid` and `rt_sigtimedwait` tell it.
    pub info: Option<SigInfo>,
}
