//! Commands: every way to change a machine, as data, and their results.

use super::debug::Goal;
use super::stack_call::{BufferCall, StackCall, StackFrame};
use crate::abi::{Pid, SigInfo, TaskId, VirtAddr, WaitStatus};
use crate::hw::UserDesc;
use crate::kernel::fail::FailPoint;
use crate::kernel::fork::SpawnArgs;
use crate::kernel::fs::{DebugInfo, ProgramImage, Stream};
use crate::kernel::mm::{IoDirection, UserFault};
use crate::kernel::rules::SharedRule;
use crate::kernel::syscall::{ExecArgs, ForkArgs, SysError, SysReturn, Syscall};
use crate::kernel::sysctl::Sysctl;
use crate::machine::workload::{ListedTask, WorkloadProgram};
use crate::trace::Decision;
use std::sync::Arc;

/// One thing that a puppet does in user mode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Makes a system call.
    Syscall(Syscall),
    /// Makes a system call with a buffer on the puppet's stack.
    OnStack(StackCall),
    /// Calls `clone` with a `user_desc`, which the puppet first stores below its stack pointer.
    CloneTls(ForkArgs, UserDesc),
    /// Reads bytes from memory.
    Read {
        /// First address to read.
        addr: VirtAddr,
        /// Number of bytes.
        len: u32,
    },
    /// Writes bytes to memory.
    Write {
        /// First address to write.
        addr: VirtAddr,
        /// The bytes to write.
        bytes: Vec<u8>,
    },
    /// Fills memory with a byte value.
    Fill {
        /// First address to fill.
        addr: VirtAddr,
        /// Number of bytes.
        len: u32,
        /// The byte value.
        byte: u8,
    },
    /// Writes one word to each of a number of pages.
    Touch {
        /// Address in the first page.
        addr: VirtAddr,
        /// Number of pages.
        pages: u32,
    },
    /// Begins direct I/O between a device and memory, and goes on.
    DirectIo {
        /// First address of the memory.
        addr: VirtAddr,
        /// Number of bytes.
        len: u32,
        /// Which way the data goes.
        direction: IoDirection,
    },
    /// Uses that many ticks of CPU time.
    Compute(u64),
}

/// A change of the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Creates a task that runs a program of the file system.
    Spawn {
        /// The properties of the task; its name is also the program's.
        args: SpawnArgs,
        /// Path of the program, if it differs from the name.
        program: Option<String>,
        /// Whether a puppet stays runnable between its actions.
        spin: bool,
    },
    /// Creates a task, owned by root, that follows a list of steps.
    SpawnWorkload {
        /// The properties of the task.
        args: SpawnArgs,
        /// The steps that it follows.
        program: Arc<WorkloadProgram>,
    },
    /// Creates a task that runs a compiled program, which becomes a file with the task's name.
    SpawnProgram {
        /// The properties of the task.
        args: SpawnArgs,
        /// The compiled program.
        image: Arc<ProgramImage>,
        /// The arguments of the program, starting with its own name.
        argv: Vec<Vec<u8>>,
    },
    /// Makes a file with these contents, which may be a program.
    PutFile {
        /// Path of the file.
        path: String,
        /// Its permissions.
        mode: u32,
        /// What it contains.
        bytes: Arc<[u8]>,
    },
    /// Makes a symbolic link, in place of an older file of that name.
    PutLink {
        /// Path of the link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Says what is known about a program file beyond its bytes.
    Describe {
        /// Path of the file.
        path: String,
        /// Its lines, functions and variables.
        debug: Arc<DebugInfo>,
    },
    /// Creates a task that executes a file.
    SpawnFile {
        /// The properties of the task.
        args: SpawnArgs,
        /// Path, arguments and environment.
        exec: ExecArgs,
        /// Where its first three descriptors lead.
        stdio: [Stream; 3],
    },
    /// Creates a program file.
    Install {
        /// Name of the file.
        name: String,
        /// Its contents, or why it cannot be loaded.
        image: Result<Arc<ProgramImage>, String>,
    },
    /// Types on the console.
    Type(Vec<u8>),
    /// Ends the console input.
    EndInput,
    /// Varies the length of ticks randomly with this seed, or stops doing so.
    Jitter(Option<u64>),
    /// Stops a program whenever it reaches an address.
    Break {
        /// The program concerned.
        program: Arc<DebugInfo>,
        /// Address of the instruction.
        addr: u32,
    },
    /// Stops programs when a word of a task's memory has changed.
    Watch {
        /// The task whose memory is watched.
        task: TaskId,
        /// Address of the word.
        addr: VirtAddr,
    },
    /// Removes a breakpoint or watchpoint; all of them for `None`.
    Unbreak(Option<u32>),
    /// Runs a program to a goal, within a number of ticks.
    Step {
        /// The task whose instructions count.
        task: TaskId,
        /// How far to run it.
        goal: Goal,
        /// The most ticks that may pass.
        ticks: u64,
    },
    /// Creates the tasks of a workload file. All get their pids now, in this order; each appears at
    /// its start time, counted from now.
    Load(Arc<[ListedTask]>),
    /// Starts or stops keeping accounting records of tasks that exit.
    Accounts(bool),
    /// Makes a puppet perform an action.
    Act {
        /// The puppet that acts.
        task: TaskId,
        /// The action to perform.
        action: Action,
    },
    /// Begins the actions of the handler that a puppet has entered.
    BeginHandler(TaskId),
    /// Ends them: the handler returns.
    EndHandler(TaskId),
    /// Lets that many ticks pass.
    Tick(u64),
    /// Lets time pass until nothing is left to happen, at most that many ticks.
    Run(u64),
    /// Sets how many ticks a call may wait for the CPU.
    Patience(u64),
    /// Makes new children start on that CPU, or turns this off.
    ForkCpu(Option<u32>),
    /// Makes `wake_up_new_task` find the parent on no array, or turns this off.
    ParentNotOnArray(bool),
    /// Changes a tunable of the kernel.
    Sysctl(Sysctl, u32),
    /// Ends direct I/O: the device has written this data, or has read memory.
    EndDirectIo {
        /// The number of the transfer.
        id: u32,
        /// What it has written.
        data: Vec<u8>,
    },
    /// Makes an allocation fail.
    Fail(FailPoint),
    /// Replaces a decision of the kernel by a rule, or restores the stock code.
    KernelRule {
        /// The decision.
        decision: Decision,
        /// The rule, if it is not the stock code.
        rule: Option<SharedRule>,
    },
}

impl Command {
    /// Bytes of user memory that the command carries with it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Act {
                action: Action::Write { bytes, .. },
                ..
            } => bytes.len(),
            Self::PutFile { bytes, .. } => bytes.len(),
            Self::Type(bytes) | Self::EndDirectIo { data: bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

/// The result of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// A task was created.
    Spawned {
        /// A task was created.
        task: TaskId,
        /// Its pid; a task whose first step is to exit is already gone.
        pid: Pid,
    },
    /// The pids of the listed tasks. Those that start now exist, or have already exited.
    Loaded(Vec<Pid>),
    /// The result of the action.
    Acted(Acted),
    /// Why time has stopped.
    Stopped(super::Stop),
    /// The number of a breakpoint or watchpoint.
    Point(u32),
    /// The command has no other result.
    Done,
}

/// The result of a puppet's action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acted {
    /// The system call returned this value.
    Returned(u32),
    /// The system call failed, for this reason.
    Refused(SysError),
    /// A fork-like call created this task. A vfork parent has not returned yet.
    Forked {
        /// A task was created.
        child: TaskId,
        /// For a vfork, the call that has not returned.
        call: Option<u64>,
    },
    /// The system call returned this value, and left this in its buffer.
    Filled(u32, Vec<u8>),
    /// The bytes that were read.
    Bytes(Vec<u8>),
    /// The memory was written, or the computation has begun.
    Done,
    /// The call blocks; this is its number.
    Blocks(u64),
    /// The kernel could not handle the fault.
    Fault(UserFault),
    /// The task has exited.
    Ended,
}

impl From<SysReturn> for Acted {
    fn from(returned: SysReturn) -> Self {
        match returned {
            Ok(value) => Self::Returned(value),
            Err(error) => Self::Refused(error),
        }
    }
}

/// The state of a call that blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallState {
    /// The calling task.
    pub task: TaskId,
    /// Its pid, which remains when the task is gone.
    pub pid: Pid,
    /// i386 system call number.
    pub nr: u16,
    /// The return value, once it has returned.
    pub result: Option<SysReturn>,
    /// The task that it has made, if it is a fork; known before it returns.
    pub child: Option<TaskId>,
    /// The status that a wait reported.
    pub status: Option<WaitStatus>,
    /// The buffer on the stack that it was given, until it has returned.
    pub frame: Option<StackFrame>,
    /// What the buffer is for.
    pub buffer: Option<BufferCall>,
    /// The contents of that buffer at its return.
    pub bytes: Vec<u8>,
    /// The `siginfo` that it reported, for `waitid` and `rt_sigtimedwait`.
    pub info: Option<SigInfo>,
}
