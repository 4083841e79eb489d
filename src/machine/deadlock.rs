//! Deadlocks: tasks that wait for each other, so that none of them ever goes on.
//!
//! Each wait that only certain tasks can end names them. A task is deadlocked if all that its wait
//! depends on, directly or through others, wait like that themselves.

use super::owners::Owner;
use super::{Machine, Who};
use crate::abi::{ExitState, InodeId, MmId, TaskId, VirtAddr};
use crate::kernel::fs::LockHolder;
use crate::kernel::task::{Continuation, FutexKey, PipeIo};
use slotmap::SecondaryMap;
use std::collections::BTreeMap;

/// If more tasks could end a wait, nothing is said about it: it is too much to look at.
const MOST: usize = 32;

/// The most tasks of a circle that are named.
const LONGEST: usize = 32;

/// What a task waits for that only certain tasks can give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// The memory, which the vfork child must release.
    Memory,
    /// The exit of a child.
    Exit,
    /// The end of a thread, which clears its tid.
    Thread,
    /// Data in a pipe.
    Data,
    /// Room in a pipe.
    Room,
    /// The mutex at that address.
    Mutex(VirtAddr),
    /// A lock on a file.
    FileLock,
    /// A semaphore of a set.
    Semaphore {
        /// Id of the set.
        id: i32,
        /// Number of the semaphore.
        num: u16,
    },
}

/// A wait that only certain tasks can end.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Wait {
    needs: Needs,
    /// The tasks that could end it; none if they have exited.
    by: Vec<TaskId>,
    /// The one that should have ended it and has exited.
    gone: Option<Owner>,
}

impl Wait {
    /// A wait for some of these tasks; `None` if there are none, or too many.
    fn on(needs: Needs, by: Vec<TaskId>) -> Option<Self> {
        (1..=MOST).contains(&by.len()).then_some(Self {
            needs,
            by,
            gone: None,
        })
    }
}

/// A waiting task in a circle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The waiting task.
    pub task: TaskId,
    /// What it waits for.
    pub needs: Needs,
    /// The tasks of which one would have to give it.
    pub by: Vec<Who>,
    /// Which tasks these are.
    pub giver: Giver,
}

/// Who would have to give what a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Giver {
    /// Other tasks, which wait as well.
    Others,
    /// The waiting task itself and nobody else.
    Itself,
    /// A task that has exited.
    Gone,
}

/// One end of a pipe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum End {
    Reading,
    Writing,
}

/// Who could give what tasks wait for, looked up once for all of them.
struct Givers {
    /// The tasks with a descriptor for an end of a pipe, in the order of their pids.
    ends: BTreeMap<(InodeId, End), Vec<TaskId>>,
    /// The task that clears a word when it exits.
    threads: BTreeMap<(MmId, VirtAddr), TaskId>,
}

/// All waits of a machine that only certain tasks can end.
struct Waits<'m> {
    machine: &'m Machine,
    of: SecondaryMap<TaskId, Wait>,
}

impl Machine {
    /// The tasks that wait for each other, beginning with this one; empty if it is not deadlocked.
    pub fn circle(&self, task: TaskId) -> Vec<Link> {
        let waits = Waits::of(self);
        waits.circle(task, &waits.ended_by_others())
    }

    /// At most so many circles of tasks that wait for each other, in the order of their pids.
    pub fn deadlocks(&self, most: usize) -> Vec<Vec<Link>> {
        let waits = Waits::of(self);
        let ended = waits.ended_by_others();
        let mut circles: Vec<Vec<Link>> = Vec::new();
        let mut told = SecondaryMap::new();
        for task in in_order(self, waits.of.keys()) {
            if circles.len() == most {
                break;
            }
            if told.contains_key(task) {
                continue;
            }
            let circle = waits.circle(task, &ended);
            for link in &circle {
                told.insert(link.task, ());
            }
            if !circle.is_empty() {
                circles.push(circle);
            }
        }
        circles
    }
}

/// Tasks in the order of their pids.
fn in_order(machine: &Machine, tasks: impl Iterator<Item = TaskId>) -> Vec<TaskId> {
    let mut tasks: Vec<TaskId> = tasks.collect();
    tasks.sort_unstable_by_key(|task| machine.kernel.pid(*task));
    tasks
}

impl<'m> Waits<'m> {
    fn of(machine: &'m Machine) -> Self {
        let givers = Givers {
            ends: pipe_ends(machine),
            threads: threads_by_tid_address(machine),
        };
        let waits = machine.kernel.tasks().keys();
        let waits = waits.filter_map(|task| Some((task, wait_of(machine, &givers, task)?)));
        Self {
            machine,
            of: waits.collect(),
        }
    }

    /// The waiting tasks that somebody who does not wait like that may let go on, directly or by
    /// letting others go on.
    fn ended_by_others(&self) -> SecondaryMap<TaskId, ()> {
        let mut waiters: SecondaryMap<TaskId, Vec<TaskId>> = SecondaryMap::new();
        let (mut ended, mut next) = (SecondaryMap::new(), Vec::new());
        for (task, wait) in &self.of {
            for by in &wait.by {
                if let Some(entry) = waiters.entry(*by) {
                    entry.or_default().push(task);
                }
                if !self.of.contains_key(*by) {
                    next.push(task);
                }
            }
        }
        while let Some(task) = next.pop() {
            if ended.insert(task, ()).is_none() {
                next.extend(waiters.get(task).into_iter().flatten());
            }
        }
        ended
    }

    fn circle(&self, task: TaskId, ended: &SecondaryMap<TaskId, ()>) -> Vec<Link> {
        let (mut links, mut next) = (Vec::<Link>::new(), Some(task));
        while let Some(task) = next.filter(|task| !ended.contains_key(*task)) {
            let wait = self.of.get(task).filter(|_| links.len() < LONGEST);
            let Some(wait) = wait else {
                break;
            };
            links.push(self.link(task, wait));
            let is_new = |by: &&TaskId| links.iter().all(|link| link.task != **by);
            next = wait.by.iter().find(is_new).copied();
        }
        links
    }

    fn link(&self, task: TaskId, wait: &Wait) -> Link {
        let by = wait.by.iter().map(|by| self.machine.who(*by));
        let gone = wait.gone.map(|owner| Who {
            pid: owner.pid,
            name: self.machine.kernel.names.get(owner.name).to_owned(),
        });
        Link {
            task,
            needs: wait.needs,
            by: by.chain(gone).collect(),
            giver: match wait.by.as_slice() {
                [] => Giver::Gone,
                [by] if *by == task => Giver::Itself,
                _ => Giver::Others,
            },
        }
    }
}

/// The tasks with a descriptor for an end of a pipe, in the order of their pids.
fn pipe_ends(machine: &Machine) -> BTreeMap<(InodeId, End), Vec<TaskId>> {
    let kernel = &machine.kernel;
    let mut ends: BTreeMap<_, Vec<TaskId>> = BTreeMap::new();
    if kernel.pipes().is_empty() {
        return ends;
    }
    for task in in_order(machine, kernel.tasks().keys()) {
        let Some(table) = kernel.task(task).files() else {
            continue;
        };
        for (_, open) in kernel.files()[table].open() {
            let file = &kernel.open_files()[open.file];
            let held = [
                (End::Reading, file.can_read()),
                (End::Writing, file.can_write()),
            ];
            for (end, _) in held.into_iter().filter(|(_, holds)| *holds) {
                let tasks = ends.entry((file.inode(), end)).or_default();
                if tasks.last() != Some(&task) {
                    tasks.push(task);
                }
            }
        }
    }
    ends
}

/// The tasks whose `clear_child_tid` is set, by that.
fn threads_by_tid_address(machine: &Machine) -> BTreeMap<(MmId, VirtAddr), TaskId> {
    let tasks = machine.kernel.tasks().iter();
    let with_address = tasks.filter(|(_, task)| task.clear_child_tid != VirtAddr(0));
    let by_address =
        with_address.filter_map(|(id, task)| Some(((task.mm()?, task.clear_child_tid), id)));
    by_address.collect()
}

/// What a task waits for, if only certain tasks can give it. Signals do not count: they may always
/// come.
fn wait_of(machine: &Machine, givers: &Givers, task: TaskId) -> Option<Wait> {
    let kernel = &machine.kernel;
    if kernel.sched.get(task).state.is_empty() {
        return None;
    }
    let holders = |io: PipeIo, end| {
        let pipe = kernel.open_files().get(io.file)?.inode();
        givers.ends.get(&(pipe, end)).cloned()
    };
    match kernel.task(task).in_call.continuation? {
        Continuation::VforkWait { child, done: false } => {
            Wait::on(Needs::Memory, vec![kernel.pid_hash().find(child)?])
        }
        Continuation::Wait4 { args, .. } => {
            Wait::on(Needs::Exit, kernel.awaited_children(task, args))
        }
        Continuation::PipeRead(io) => Wait::on(Needs::Data, holders(io, End::Writing)?),
        Continuation::PipeWrite(io) => Wait::on(Needs::Room, holders(io, End::Reading)?),
        Continuation::Lock(_) => Wait::on(Needs::FileLock, lock_holders(machine, task)?),
        Continuation::Futex { key, until: None } => futex_wait_of(machine, givers, task, key),
        Continuation::Semop {
            id, until: None, ..
        } => semaphore_wait_of(machine, task, id),
        _ => None,
    }
}

/// The tasks that could release the lock that a task waits for: those of the descriptor table that has
/// it, or those with a descriptor for the open file that has it.
fn lock_holders(machine: &Machine, task: TaskId) -> Option<Vec<TaskId>> {
    let kernel = &machine.kernel;
    let holder = kernel.lock_in_the_way(task)?;
    let could_release = |task: &TaskId| {
        let table = kernel.task(*task).files();
        table.is_some_and(|table| match holder {
            LockHolder::Table(owner) => table == owner,
            LockHolder::Description(file) => {
                let mut open = kernel.files()[table].open();
                open.any(|(_, open)| open.file == file)
            }
        })
    };
    Some(in_order(
        machine,
        kernel.tasks().keys().filter(could_release),
    ))
}

/// Whoever waits for a futex waits for the end of the thread whose tid it is, or for the owner of a
/// mutex.
fn futex_wait_of(machine: &Machine, givers: &Givers, task: TaskId, key: FutexKey) -> Option<Wait> {
    let (kernel, addr) = (&machine.kernel, VirtAddr(key.address()));
    if let FutexKey::Private(mm, _) = key {
        if let Some(thread) = givers.threads.get(&(mm, addr)) {
            return Wait::on(Needs::Thread, vec![*thread]);
        }
        // Whoever releases a mutex stores a 0.
        machine.peek(task, addr).filter(|word| *word != 0)?;
    }
    let owner = machine.owner_of(key)?;
    let lives = kernel
        .tasks()
        .get(owner.task)
        .is_some_and(|task| task.exit_state() == ExitState::Alive);
    Some(Wait {
        needs: Needs::Mutex(addr),
        by: lives.then_some(owner.task).into_iter().collect(),
        gone: (!lives).then_some(owner),
    })
}

/// A semaphore that the waiting task itself has decremented last may be one that others increment:
/// nothing is said about it.
fn semaphore_wait_of(machine: &Machine, task: TaskId, id: i32) -> Option<Wait> {
    let set = machine.kernel.sem_sets().find(id).ok()?;
    let num = set.short_for(task)?;
    let holder = set.sems()[usize::from(num)].holder?;
    let lives = machine.kernel.tasks().contains_key(holder);
    (holder != task && lives).then_some(())?;
    Wait::on(Needs::Semaphore { id, num }, vec![holder])
}
