//! What a clone with given flags would do, without doing it: whether it is legal, what the child
//! shares, who its parent is, who waits, who is told of its end, where it is queued, and what a
//! tracer hears.
//!
//! Every answer comes from the functions that the kernel itself decides by. What depends on
//! addresses, on free pids and on free memory is not foreseen.

mod decide;
#[cfg(test)]
mod tests;
mod words;

use crate::abi::{CloneFlags, Pid, TaskId};
use crate::kernel::fork::{ObjectFate, TidWords};
use crate::machine::Machine;
use serde::Serialize;

/// What a clone with these flags would do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ExplainClone {
    /// The flags word as given.
    pub flags: u32,
    /// The flags in it by name, in the order of their bits.
    pub names: Vec<&'static str>,
    /// Bits in it that 2.6.12 ignores: unknown ones, and `CLONE_DETACHED`.
    pub ignored: u32,
    /// Who calls, if that was asked.
    pub caller: Option<KnownTask>,
    /// The three tests of flags in the kernel's order.
    pub tests: Vec<TestedRule>,
    /// The errno of the call, if it would be refused.
    pub error: Option<&'static str>,
    /// The rule that would refuse it.
    pub refusal: Option<String>,
    /// A capability that the caller must have; whether it has is known only of a given caller.
    pub needs: Option<&'static str>,
    /// The nearest flags that pass the three tests, if these do not.
    pub mended: Option<u32>,
    /// What becomes of the child and its creator; `None` if the call would be refused.
    pub child: Option<ChildPlan>,
}

/// A task by number and name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KnownTask {
    /// Its number.
    pub pid: Pid,
    /// Its name.
    pub name: String,
}

/// One of the tests of flags.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TestedRule {
    /// The rule.
    pub rule: String,
    /// What it says to the flags.
    pub outcome: TestOutcome,
}

/// What a test says to the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// It has nothing against them.
    Passed,
    /// It refuses them.
    Refused,
    /// An earlier test has refused them already.
    NotReached,
}

/// What becomes of the child, and of its creator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChildPlan {
    /// One for each thing that a flag decides about.
    pub objects: Vec<ObjectRow>,
    /// What is done with the words of memory that hold its tid.
    pub tid_words: TidWords,
    /// Whose child it is.
    pub parent: ParentOf,
    /// That task, if the caller is known.
    pub parent_task: Option<KnownTask>,
    /// It is a thread: `getpid` gives what the caller's gives.
    pub same_process: bool,
    /// The creator sleeps in `TASK_UNINTERRUPTIBLE` until the child execs or exits.
    pub caller_waits: bool,
    /// It begins in `TASK_STOPPED`, with SIGSTOP pending, until a SIGCONT.
    pub begins_stopped: bool,
    /// Where it is queued.
    pub queued: Queued,
    /// A lever of the machine decided about its place, which the kernel by itself would not take.
    pub forced: bool,
    /// Who has the CPU next.
    pub runs_next: RunsNext,
    /// What its end means to others.
    pub end: ChildEnd,
    /// What a tracer of the caller hears that asked for every event.
    pub tracer: TracerHears,
    /// What the caller's present tracer hears, if it is known and traced.
    pub traced_now: Option<TracerHears>,
}

/// Something that a flag decides about, and what the child gets of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ObjectRow {
    /// What it is.
    pub object: CloneObject,
    /// What the child gets.
    pub fate: ObjectFate,
    /// The flag that decides.
    pub flag: Option<&'static str>,
    /// Whether that flag is given.
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
    /// The table of open files: `files_struct`.
    Files,
    /// Root, working directory, umask: `fs_struct`.
    Fs,
    /// The signal actions: `sighand_struct`.
    Sighand,
    /// What makes a process: `signal_struct`.
    Signal,
    /// The list of semaphore adjustments.
    SemUndo,
    /// The mounts.
    Namespace,
    /// The three TLS descriptors.
    Tls,
    /// What no flag decides about: pending signals, times, the context of I/O.
    OwnAnyway,
}

/// Whose child a new task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentOf {
    /// Its creator's.
    Caller,
    /// Its creator's parent's: the two are siblings.
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
    /// The same on another CPU.
    TailElsewhere,
    /// On no list: it is stopped.
    Nowhere,
}

/// Who has the CPU next, if nothing better comes up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsNext {
    /// The child: its creator is asked to give the CPU up.
    Child,
    /// The creator goes on.
    Caller,
    /// The creator sleeps, or its slice is over: the first of the best list, whoever that is.
    FirstInLine,
}

/// What the end of a child means to others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChildEnd {
    /// `exit_signal`: the low byte of the flags, or -1 for a thread.
    pub exit_signal: i32,
    /// It will be SIGCHLD in its place: an exec lies between the caller and the parent.
    pub taken_away: bool,
    /// Who hears of it.
    pub notice: EndNotice,
    /// The name of the signal that is sent.
    pub signal: Option<String>,
    /// How it is reaped.
    pub reaped: Reaped,
}

/// Who hears of the end of a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndNotice {
    /// Nobody.
    Nobody,
    /// The parent is woken from `wait4`, without a signal: the number is none.
    WakeUp,
    /// The parent is woken from `wait4`, but ignores SIGCHLD: the kernel forgets the child.
    Ignored,
    /// The parent gets the signal, and is woken.
    Signal,
}

/// How an ended child is reaped.
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

/// What a tracer of the caller hears of a clone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TracerHears {
    /// The event.
    pub event: Option<&'static str>,
    /// The child is traced too, and so begins with SIGSTOP.
    pub child_traced: bool,
}

/// What a clone with these flags would do on this machine: by a task, or by some caller that nothing
/// is known of. `None` if the task is gone or has ended.
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
    /// Whether it is certain that no rule about flags and callers refuses the call.
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
