//! What a clone with given flags would do, without doing it: whether it is legal, what the child
//! shares, who its parent is, who waits, who is notified of its exit, where it is queued, and what
//! a tracer is told.
//!
//! Every answer comes from the functions by which the kernel itself decides. What depends on
//! addresses, free pids or free memory is not predicted.

mod decide;
#[cfg(test)]
mod tests;
mod words;

use crate::abi::{CloneFlags, Pid, TaskId};
use crate::kernel::fork::{ObjectFate, TidStores};
use crate::machine::Machine;
use serde::Serialize;

/// What a clone with these flags would do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ExplainClone {
    /// The flags as given.
    pub flags: u32,
    /// The names of the flags that are set, in the order of their bits.
    pub names: Vec<&'static str>,
    /// Bits that 2.6.12 ignores: unknown ones, and `CLONE_DETACHED`.
    pub ignored: u32,
    /// The calling task, if one was given.
    pub caller: Option<KnownTask>,
    /// The three tests of the flags, in the kernel's order.
    pub tests: Vec<TestedRule>,
    /// The errno of the call, if it would be refused.
    pub error: Option<&'static str>,
    /// The rule that would refuse it.
    pub refusal: Option<String>,
    /// A capability that the caller must have, if no caller was given to check it for.
    pub needs: Option<&'static str>,
    /// The closest flags that pass the three tests, if these do not.
    pub corrected: Option<u32>,
    /// What happens to the child and its creator; `None` if the call would be refused.
    pub child: Option<ChildPlan>,
}

/// A task by pid and name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KnownTask {
    /// Pid of the task.
    pub pid: Pid,
    /// Its name (`comm`).
    pub name: String,
}

/// One of the tests of the flags.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TestedRule {
    /// The rule that is tested.
    pub rule: String,
    /// The result of the test.
    pub outcome: TestOutcome,
}

/// The result of a test of the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// The flags satisfy the rule.
    Passed,
    /// The flags break the rule.
    Refused,
    /// An earlier test has already refused them.
    NotReached,
}

/// What happens to the child and to its creator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChildPlan {
    /// One for each thing that a flag decides about.
    pub objects: Vec<ObjectRow>,
    /// Which addresses the tid is stored at.
    pub tid_stores: TidStores,
    /// Whose child it is.
    pub parent: ParentOf,
    /// The parent, if the caller is known.
    pub parent_task: Option<KnownTask>,
    /// Whether it is a thread: `getpid` returns the same as for the caller.
    pub same_process: bool,
    /// Whether the creator sleeps in `TASK_UNINTERRUPTIBLE` until the child execs or exits.
    pub caller_waits: bool,
    /// Whether it starts in `TASK_STOPPED`, with SIGSTOP pending, until a SIGCONT.
    pub begins_stopped: bool,
    /// Where it is queued.
    pub queued: Queued,
    /// Whether an option of the machine forced a place that the kernel would not choose by itself.
    pub forced: bool,
    /// Who gets the CPU next.
    pub runs_next: RunsNext,
    /// What its exit means to others.
    pub end: ChildEnd,
    /// What a tracer of the caller is told if it asked for every event.
    pub tracer: TracerHears,
    /// What the caller's current tracer is told, if the caller is known and traced.
    pub traced_now: Option<TracerHears>,
}

/// Something that a flag decides about, and what the child gets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ObjectRow {
    /// The object concerned.
    pub object: CloneObject,
    /// What the child gets.
    pub fate: ObjectFate,
    /// The flag that decides.
    pub flag: Option<&'static str>,
    /// Whether that flag is set.
    pub given: bool,
    /// What it means to a program.
    pub meaning: &'static str,
}

/// Something that a flag of clone decides about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloneObject {
    /// The address space: `mm_struct`.
    Mm,
    /// Page directory and page tables.
    PageTables,
    /// The descriptor table: `files_struct`.
    Files,
    /// Root, working directory, umask: `fs_struct`.
    Fs,
    /// The signal actions: `sighand_struct`.
    Sighand,
    /// What threads of a process share: `signal_struct`.
    Signal,
    /// The list of semaphore undo values.
    SemUndo,
    /// The mount namespace.
    Namespace,
    /// The three TLS descriptors.
    Tls,
    /// What no flag decides about: pending signals, times, the I/O context.
    OwnAnyway,
}

/// Whose child a new task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentOf {
    /// The calling task.
    Caller,
    /// Its creator's parent: the two are siblings.
    CallersParent,
}

/// Where a new task is queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Queued {
    /// Just before its creator, in the same list.
    BeforeCaller,
    /// At the tail of the list of its own priority.
    Tail,
    /// At the tail of the list of its own priority, on another CPU.
    TailElsewhere,
    /// On no list: it is stopped.
    Nowhere,
}

/// Who gets the CPU next, unless something better becomes runnable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsNext {
    /// The child: its creator is asked to give up the CPU.
    Child,
    /// The creator continues.
    Caller,
    /// The creator sleeps or has used up its slice: the first task of the best list, whichever it
    /// is.
    FirstInLine,
}

/// What the exit of a child means to others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChildEnd {
    /// `exit_signal`: the low byte of the flags, or -1 for a thread.
    pub exit_signal: i32,
    /// Whether SIGCHLD will replace it, because an exec lies between the caller and the parent.
    pub taken_away: bool,
    /// Who is notified.
    pub notice: EndNotice,
    /// The name of the signal that is sent.
    pub signal: Option<String>,
    /// How it is reaped.
    pub reaped: Reaped,
}

/// Who is notified of the exit of a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndNotice {
    /// Nobody is notified.
    Nobody,
    /// The parent is woken from `wait4` but gets no signal, because the number is not one.
    WakeUp,
    /// The parent is woken from `wait4`, but ignores SIGCHLD: the kernel drops the child.
    Ignored,
    /// The parent gets the signal, and is woken.
    Signal,
}

/// How a child that has exited is reaped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaped {
    /// By any `wait4` of its parent.
    ByWait,
    /// By a `wait4` with `__WCLONE` or `__WALL`.
    ByCloneWait,
    /// By itself, at once: it is never a zombie.
    ByItself,
}

/// What a tracer of the caller is told about a clone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TracerHears {
    /// The `PTRACE_EVENT_*` that is reported.
    pub event: Option<&'static str>,
    /// Whether the child is traced too, and so starts with SIGSTOP.
    pub child_traced: bool,
}

/// What a clone with these flags would do on this machine: by the given task, or by a caller that
/// nothing is known about. `None` if the task is gone or has exited.
///
/// ```
/// use forklab::abi::CloneFlags;
/// use forklab::kernel::boot::Config;
/// use forklab::machine::Machine;
/// use forklab::view::{Reaped, explain_clone};
///
/// let machine = Machine::boot(Config::default())?;
/// let thread = explain_clone(&machine, CloneFlags::from_bits_retain(0x003d_0f00), None);
/// let child = thread.and_then(|thread| thread.child);
/// assert_eq!(child.map(|child| child.end.reaped), Some(Reaped::ByItself));
///
/// let sighand = explain_clone(&machine, CloneFlags::CLONE_SIGHAND, None);
/// assert_eq!(sighand.and_then(|refused| refused.error), Some("EINVAL"));
/// # Ok::<(), String>(())
/// ```
pub fn explain_clone(
    machine: &Machine,
    flags: CloneFlags,
    caller: Option<TaskId>,
) -> Option<ExplainClone> {
    decide::explain(&machine.kernel, flags, caller)
}

impl ExplainClone {
    /// Whether no rule about flags and callers can refuse the call.
    pub const fn is_legal(&self) -> bool {
        self.error.is_none() && (self.needs.is_none() || self.caller.is_some())
    }
}

impl ChildPlan {
    /// What the child gets of an object.
    pub fn fate(&self, object: CloneObject) -> Option<ObjectFate> {
        let row = self.objects.iter().find(|row| row.object == object);
        row.map(|row| row.fate)
    }
}
