//! What a task is doing, in a few words: the same answer for every view.

use crate::abi::{ExitState, Pid, Signal, TaskId, TaskState, WaitStatus};
use crate::kernel::syscall::{MsgrcvArgs, MsgsndArgs};
use crate::kernel::task::Continuation;
use crate::machine::Machine;
use crate::trace::ArrayKind;
use std::fmt;

/// What a task is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activity {
    /// It runs on that CPU.
    OnCpu(usize),
    /// It waits on a runqueue.
    Queued {
        /// Array that it is queued on.
        array: ArrayKind,
        /// Priority of its list.
        prio: u8,
        /// Whether it has never run.
        new: bool,
    },
    /// It is inside vfork until that child releases the memory.
    Vfork(Pid),
    /// It waits for a child.
    Wait4,
    /// It waits for a signal.
    WaitsForSignal,
    /// It waits for a futex at that address, until that tick if there is a timeout.
    Futex(u32, Option<u64>),
    /// It waits for semaphores of that set.
    Semaphore(i32),
    /// It is inside exec until the other threads have exited.
    ExecWaits,
    /// It dies by a signal, and waits for the other users of its memory before it dumps core.
    DumpsCore,
    /// It is inside its exit until its memory is dumped.
    WaitsForDump,
    /// Inside `fsync` or another call that waits for the disk.
    WaitsForDisk,
    /// It waits for data in a pipe.
    ReadsPipe,
    /// It waits for room in a pipe.
    WritesPipe,
    /// It waits for a line to be typed.
    ReadsConsole,
    /// It waits for a message of that queue, or for room in it.
    Messages(i32),
    /// It waits until one of several files is ready, or until that tick.
    Polls(Option<u64>),
    /// It waits until the output of the terminal goes on.
    WritesTerminal,
    /// It is a puppet without anything to do, and waits for its user.
    Console,
    /// It sleeps until that tick.
    SleepsUntil(u64),
    /// It sleeps until it is woken.
    Blocked,
    /// It is stopped by a signal.
    Stopped,
    /// It is stopped for that tracer, with that status.
    Traced(Pid, WaitStatus),
    /// It has exited and has not been reaped yet.
    Zombie(WaitStatus),
    /// It has exited and is being released.
    Dead,
    /// It is init, which is only there as a parent.
    Init,
}

/// What a task that exists is doing.
pub fn activity(machine: &Machine, id: TaskId) -> Activity {
    let kernel = &machine.kernel;
    let (task, sched) = (kernel.task(id), kernel.sched.get(id));
    match task.exit_state() {
        ExitState::Zombie => return Activity::Zombie(WaitStatus(task.exit_code())),
        ExitState::Dead => return Activity::Dead,
        ExitState::Alive => {}
    }
    if let Some(cpu) = (0..kernel.sched.cpus()).find(|cpu| kernel.sched.current(*cpu) == id) {
        return Activity::OnCpu(cpu);
    }
    if let Some(array) = kernel.sched.array(id) {
        let new = matches!(task.in_call.continuation, Some(Continuation::RetFromFork));
        return Activity::Queued {
            array,
            prio: sched.prio,
            new,
        };
    }
    if sched
        .state
        .intersects(TaskState::STOPPED | TaskState::TRACED)
    {
        return match task.in_call.continuation {
            Some(Continuation::PtraceStop(_)) => {
                let code = task.last_siginfo().map_or(0, |info| match info.code {
                    // The code of a stop at a system call or an event is in its `si_code`.
                    code if info.signal == Signal::SIGTRAP && code & 0x7f == 5 => code as u32,
                    _ => info.signal.number(),
                });
                Activity::Traced(kernel.pid(task.parent()), WaitStatus(code << 8 | 0x7f))
            }
            _ => Activity::Stopped,
        };
    }
    match task.in_call.continuation {
        Some(Continuation::VforkWait { child, .. }) => Activity::Vfork(child),
        Some(Continuation::Wait4 { .. }) => Activity::Wait4,
        Some(Continuation::Futex { key, until }) => Activity::Futex(key.address(), until),
        Some(Continuation::Semop { id, .. }) => Activity::Semaphore(id),
        Some(Continuation::ExecWaitsForThreads | Continuation::ExecWaitsForLeader) => {
            Activity::ExecWaits
        }
        Some(Continuation::CoreDump { .. }) => Activity::DumpsCore,
        Some(Continuation::ExitWaitsForCore { .. }) => Activity::WaitsForDump,
        Some(Continuation::WritesEnd { .. }) => Activity::WaitsForDisk,
        Some(Continuation::PipeRead(_)) => Activity::ReadsPipe,
        Some(Continuation::PipeWrite(_)) => Activity::WritesPipe,
        Some(
            Continuation::Msgrcv(MsgrcvArgs { id, .. })
            | Continuation::Msgsnd(MsgsndArgs { id, .. }),
        ) => Activity::Messages(id),
        Some(Continuation::Polling) => Activity::Polls(task.in_call.timer()),
        Some(Continuation::TtyRead(_)) => Activity::ReadsConsole,
        Some(Continuation::TtyWrite(_)) => Activity::WritesTerminal,
        Some(
            Continuation::Pause
            | Continuation::Sigsuspend { .. }
            | Continuation::Sigtimedwait { until: None, .. },
        ) => Activity::WaitsForSignal,
        _ if id == kernel.init() => Activity::Init,
        _ => match task.in_call.timer() {
            Some(tick) => Activity::SleepsUntil(tick),
            None if machine.puppet(id).is_some() => Activity::Console,
            None => Activity::Blocked,
        },
    }
}

/// The state of a task that exists: the letter and the word that `ps` shows.
pub fn state(machine: &Machine, id: TaskId) -> (char, &'static str) {
    match machine.kernel.task(id).exit_state() {
        ExitState::Zombie => ('Z', "zombie"),
        ExitState::Dead => ('X', "dead"),
        ExitState::Alive => {
            let state = machine.kernel.sched.get(id).state;
            (state.letter(), state.name())
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnCpu(cpu) => write!(f, "on CPU {cpu}"),
            Self::Queued { array, prio, new } => {
                let note = if *new { ", has not run yet" } else { "" };
                write!(f, "{}[{prio}]{note}", array.name())
            }
            Self::Vfork(child) => write!(f, "vfork: waits for {child}"),
            Self::Wait4 => f.write_str("wait4: waits for a child"),
            Self::Futex(word, until) => {
                write!(f, "futex: waits on {word:#010x}")?;
                until.map_or(Ok(()), |tick| write!(f, " until {tick}"))
            }
            Self::Semaphore(id) => write!(f, "semop: waits for semaphores of set {id}"),
            Self::ExecWaits => f.write_str("exec: waits until its other threads have exited"),
            Self::DumpsCore => f.write_str("core dump: waits for the other users of its memory"),
            Self::WaitsForDump => f.write_str("exit: waits until its memory is dumped"),
            Self::WaitsForDisk => f.write_str("sync: waits until the disk has the pages"),
            Self::ReadsPipe => f.write_str("read: waits for data in the pipe"),
            Self::WritesPipe => f.write_str("write: waits for room in the pipe"),
            Self::WaitsForSignal => f.write_str("waits for a signal"),
            Self::ReadsConsole => f.write_str("read: waits for a line on the console"),
            Self::Messages(id) => write!(f, "waits for messages of queue {id}, or for room in it"),
            Self::Polls(until) => {
                f.write_str("select: waits until a file is ready")?;
                until.map_or(Ok(()), |tick| write!(f, ", until {tick}"))
            }
            Self::WritesTerminal => f.write_str("write: waits for the output to go on"),
            Self::Console => f.write_str("console: waits for you"),
            Self::SleepsUntil(tick) => write!(f, "sleeps until {tick}"),
            Self::Blocked => f.write_str("sleeps until woken"),
            Self::Stopped => f.write_str("stopped"),
            Self::Traced(tracer, status) => write!(f, "{status}, for {tracer}"),
            Self::Zombie(status) => write!(f, "zombie, {status}"),
            Self::Dead => f.write_str("dead"),
            Self::Init => f.write_str("adopts orphans"),
        }
    }
}
