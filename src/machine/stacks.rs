//! Tasks that share a stack: a vfork child until it execs, or a child of `clone(CLONE_VM)` that was
//! given no stack of its own. What one of them pushes overwrites the frames of the other, who is
//! killed much later. So the words above the stack pointer of each are compared before and after a
//! turn of another; tasks with stacks of their own cost nothing.

use super::{Machine, UserMode};
use crate::abi::{MmId, Name, Pid, TaskId, VirtAddr};

/// How many words above the stack pointer are looked at: a few frames.
const WORDS: u32 = 64;
/// Stack pointers that are closer than that, in bytes, are in the same stack.
const NEAR: u32 = 4096;
/// The most tasks that are looked at; the oldest is dropped.
const MOST: usize = 16;

/// A word on a task's stack that another task has stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForeignStore {
    /// Address of the word.
    pub addr: VirtAddr,
    /// Its value since then.
    pub value: u32,
    /// The task that stored it.
    pub pid: Pid,
    /// That task's name.
    pub name: Name,
}

/// A task that shares its stack.
#[derive(Clone, Debug)]
struct Sharer {
    task: TaskId,
    mm: MmId,
    /// Its stack pointer, and the words from there on.
    esp: u32,
    words: Vec<Option<u32>>,
    /// The latest foreign store of each word.
    stores: Vec<ForeignStore>,
}

/// The tasks that share a stack with another.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedStacks {
    sharers: Vec<Sharer>,
}

impl SharedStacks {
    fn has(&self, task: TaskId) -> bool {
        self.sharers.iter().any(|sharer| sharer.task == task)
    }

    fn add(&mut self, sharer: Sharer) {
        if self.sharers.len() == MOST {
            self.sharers.remove(0);
        }
        self.sharers.push(sharer);
    }
}

impl Machine {
    /// Looks at the stacks of a new task and its parent from now on, if they are the same.
    pub(super) fn note_shared_stack(&mut self, parent: TaskId, child: TaskId) {
        let (kernel, [parent, child]) = (&self.kernel, [parent, child]);
        let mms = [parent, child].map(|task| kernel.task(task).mm());
        let [above, below] = [parent, child].map(|task| kernel.task(task).thread.regs.esp);
        let (Some(mm), true) = (mms[0], mms[0] == mms[1]) else {
            return;
        };
        let is_program = matches!(self.modes.get(parent), Some(UserMode::Program));
        if !is_program || above.abs_diff(below) >= NEAR {
            return;
        }
        for task in [parent, child] {
            if !self.stacks.has(task) {
                self.stacks.add(Sharer {
                    task,
                    mm,
                    esp: 0,
                    words: Vec::new(),
                    stores: Vec::new(),
                });
            }
            self.remember_stack(task);
        }
    }

    /// Whether a task's turns must be watched because it shares its stack.
    pub(super) fn shares_stack(&self, task: TaskId) -> bool {
        !self.stacks.sharers.is_empty() && self.stacks.has(task)
    }

    /// Before a turn of a task: whatever others find on their stacks now, it has not stored.
    pub(super) fn before_turn_on_shared_stack(&mut self, task: TaskId) {
        self.forget_unshared_stacks();
        for other in self.others_on_stack_of(task) {
            self.remember_stack(other);
        }
    }

    /// After a turn of a task: what others find on their stacks now, it has stored.
    pub(super) fn after_turn_on_shared_stack(&mut self, task: TaskId, pid: Pid, name: Name) {
        for other in self.others_on_stack_of(task) {
            self.note_foreign_stores(other, pid, name);
        }
        self.forget_unshared_stacks();
        self.remember_stack(task);
    }

    /// The words on a task's stack that others have stored and that are still there.
    pub(super) fn foreign_stores(&self, task: TaskId) -> Vec<ForeignStore> {
        let mut sharers = self.stacks.sharers.iter();
        let Some(sharer) = sharers.find(|sharer| sharer.task == task) else {
            return Vec::new();
        };
        let stores = sharer.stores.iter().copied();
        let is_there = |store: &ForeignStore| self.peek(task, store.addr) == Some(store.value);
        stores.filter(is_there).collect()
    }

    fn others_on_stack_of(&self, task: TaskId) -> Vec<TaskId> {
        let sharers = &self.stacks.sharers;
        let own = sharers.iter().find(|sharer| sharer.task == task);
        let Some(mm) = own.map(|own| own.mm) else {
            return Vec::new();
        };
        let others = sharers
            .iter()
            .filter(|other| other.mm == mm && other.task != task);
        others.map(|other| other.task).collect()
    }

    /// Drops tasks that have left the memory.
    fn forget_unshared_stacks(&mut self) {
        let tasks = self.kernel.tasks();
        let is_there = |sharer: &Sharer| {
            let task = tasks.get(sharer.task);
            task.is_some_and(|task| task.mm() == Some(sharer.mm))
        };
        self.stacks.sharers.retain(is_there);
    }

    fn stack_words(&self, task: TaskId, esp: u32) -> Vec<Option<u32>> {
        let word = |nth| self.peek(task, VirtAddr(esp.wrapping_add(4 * nth)));
        (0..WORDS).map(word).collect()
    }

    /// Takes a task's stack as it is now.
    fn remember_stack(&mut self, task: TaskId) {
        let Some(esp) = self
            .kernel
            .tasks()
            .get(task)
            .map(|task| task.thread.regs.esp)
        else {
            return;
        };
        let words = self.stack_words(task, esp);
        let mut sharers = self.stacks.sharers.iter_mut();
        if let Some(sharer) = sharers.find(|sharer| sharer.task == task) {
            (sharer.esp, sharer.words) = (esp, words);
        }
    }

    /// Compares a task's stack with what it was, and takes what differs as stored by another task.
    fn note_foreign_stores(&mut self, task: TaskId, pid: Pid, name: Name) {
        let mut sharers = self.stacks.sharers.iter();
        let Some(esp) = sharers
            .find(|other| other.task == task)
            .map(|other| other.esp)
        else {
            return;
        };
        let now = self.stack_words(task, esp);
        let mut sharers = self.stacks.sharers.iter_mut();
        let Some(sharer) = sharers.find(|sharer| sharer.task == task) else {
            return;
        };
        for (nth, (was, is)) in (0..).zip(sharer.words.iter().zip(&now)) {
            let Some(value) = is.filter(|_| was != is) else {
                continue;
            };
            let addr = VirtAddr(esp.wrapping_add(4 * nth));
            sharer.stores.retain(|store| store.addr != addr);
            sharer.stores.push(ForeignStore {
                addr,
                value,
                pid,
                name,
            });
        }
        sharer.words = now;
    }
}
