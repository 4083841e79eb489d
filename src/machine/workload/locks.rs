//! Mutexes, conditions and semaphores of workloads. A machine has one of each name, which all workloads share.

use super::steps_text::Step;
use crate::abi::{TaskId, TaskState};
use crate::machine::Machine;
use std::collections::{BTreeMap, VecDeque};

/// A mutex.
#[derive(Clone, Debug, Default)]
struct Mutex {
    owner: Option<TaskId>,
    /// Who waits for it, first come first served.
    waiters: VecDeque<TaskId>,
}

/// A counting semaphore.
#[derive(Clone, Debug, Default)]
struct Semaphore {
    /// How often it was posted and not awaited.
    posts: u64,
    /// Who waits for it, first come first served.
    waiters: VecDeque<TaskId>,
}

/// The mutexes, conditions and semaphores of a machine, by name.
#[derive(Clone, Debug, Default)]
pub(in crate::machine) struct Locks {
    mutexes: BTreeMap<String, Mutex>,
    /// Who waits for a condition.
    conditions: BTreeMap<String, VecDeque<TaskId>>,
    semaphores: BTreeMap<String, Semaphore>,
}

impl Machine {
    /// Takes a mutex, or sleeps until whoever holds it hands it over. Whoever is woken before that
    /// sleeps on.
    pub(super) fn lock_mutex(&mut self, task: TaskId, name: String) {
        // Whoever is here no longer waits for a condition.
        for waiters in self.locks.conditions.values_mut() {
            waiters.retain(|waiter| *waiter != task);
        }
        let mutex = self.locks.mutexes.entry(name.clone()).or_default();
        if *mutex.owner.get_or_insert(task) == task {
            return;
        }
        if !mutex.waiters.contains(&task) {
            mutex.waiters.push_back(task);
        }
        self.sleep_then(task, Step::Lock(name));
    }

    /// Releases a mutex that the task holds, to the first who waits for it.
    pub(super) fn unlock_mutex(&mut self, task: TaskId, name: &str) {
        let Some(mutex) = self.locks.mutexes.get_mut(name) else {
            return;
        };
        if mutex.owner != Some(task) {
            return;
        }
        mutex.owner = None;
        while let Some(next) = self.next_waiter(name) {
            if !self.has_ended(next) {
                if let Some(mutex) = self.locks.mutexes.get_mut(name) {
                    mutex.owner = Some(next);
                }
                self.kernel.wake_up_process(next);
                return;
            }
        }
    }

    fn next_waiter(&mut self, mutex: &str) -> Option<TaskId> {
        self.locks.mutexes.get_mut(mutex)?.waiters.pop_front()
    }

    /// Releases a mutex and sleeps until the condition is signalled; then takes the mutex again.
    pub(super) fn wait_condition(&mut self, task: TaskId, condition: String, mutex: String) {
        self.unlock_mutex(task, &mutex);
        let waiters = self.locks.conditions.entry(condition).or_default();
        waiters.push_back(task);
        self.sleep_then(task, Step::Lock(mutex));
    }

    /// Wakes one or all of those who wait for a condition.
    pub(super) fn signal_condition(&mut self, condition: &str, how_many: usize) {
        for _ in 0..how_many {
            let waiters = self.locks.conditions.get_mut(condition);
            let Some(waiter) = waiters.and_then(VecDeque::pop_front) else {
                return;
            };
            if !self.has_ended(waiter) {
                self.kernel.wake_up_process(waiter);
            }
        }
    }

    /// Takes a post of a semaphore, or sleeps until there is one. Whoever is woken before that sleeps
    /// on.
    pub(super) fn await_semaphore(&mut self, task: TaskId, name: String) {
        let semaphore = self.locks.semaphores.entry(name.clone()).or_default();
        if semaphore.posts > 0 {
            semaphore.posts -= 1;
            semaphore.waiters.retain(|waiter| *waiter != task);
            return;
        }
        if !semaphore.waiters.contains(&task) {
            semaphore.waiters.push_back(task);
        }
        self.sleep_then(task, Step::Await(name));
    }

    /// Posts a semaphore and wakes the first who waits for it.
    pub(super) fn post_semaphore(&mut self, name: String) {
        let semaphore = self.locks.semaphores.entry(name.clone()).or_default();
        semaphore.posts += 1;
        while let Some(waiter) = self.next_in_line(&name) {
            if !self.has_ended(waiter) {
                self.kernel.wake_up_process(waiter);
                return;
            }
        }
    }

    fn next_in_line(&mut self, semaphore: &str) -> Option<TaskId> {
        self.locks
            .semaphores
            .get_mut(semaphore)?
            .waiters
            .pop_front()
    }

    /// Sleeps until woken, and then performs a step.
    fn sleep_then(&mut self, task: TaskId, step: Step) {
        if let Some(workload) = self.workload_mut(task) {
            workload.rest = Some(step);
        }
        self.kernel.sleep(task, TaskState::INTERRUPTIBLE, None);
    }
}
