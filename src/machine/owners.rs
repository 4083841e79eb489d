//! Who holds a mutex. The kernel does not know: a mutex is a word in user memory, and only a task
//! that waits for it makes a system call. But it is taken by an atomic exchange from 0 to another
//! value, and those the CPUs report.

use super::Machine;
use crate::abi::{Name, Pid, TaskId};
use crate::kernel::task::FutexKey;
use std::collections::BTreeMap;

/// How many words are remembered before those of tasks that are gone are dropped.
const MANY: usize = 1024;

/// The task that has taken a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The task.
    pub task: TaskId,
    /// Its pid.
    pub pid: Pid,
    /// Its name; the task may be gone.
    pub name: Name,
}

/// Who took each word last.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    of: BTreeMap<FutexKey, Owner>,
}

impl Machine {
    /// Who took a word last, if anybody did.
    pub(super) fn owner_of(&self, key: FutexKey) -> Option<Owner> {
        self.owners.of.get(&key).copied()
    }

    /// Remembers that a task has taken the words that its CPU reports.
    pub(super) fn note_owner(&mut self, task: TaskId) {
        let cpu = self.kernel.this_cpu();
        if self.kernel.cpus[cpu].taken.is_empty() {
            return;
        }
        let words: Vec<_> = self.kernel.cpus[cpu].taken.take().collect();
        let owner = Owner {
            task,
            pid: self.kernel.pid(task),
            name: self.kernel.comm(task),
        };
        for addr in words {
            if let Some(key) = self.kernel.futex_key(task, addr) {
                self.owners.of.insert(key, owner);
            }
        }
        if self.owners.of.len() > MANY {
            let tasks = self.kernel.tasks();
            let mms = self.kernel.mms();
            self.owners.of.retain(|key, owner| match key {
                FutexKey::Private(mm, _) => mms.contains_key(*mm),
                FutexKey::Shared(..) => tasks.contains_key(owner.task),
            });
        }
        if self.owners.of.len() > MANY {
            self.owners.of.clear();
        }
    }
}
