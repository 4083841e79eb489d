//! The table of what the scheduler knows of every task: for each a record of one cache line, which
//! has all that a decision looks at, and beside it the figures that are only counted.

use super::sched_info::SchedStat;
use super::task::SchedTask;
use crate::abi::{Name, Pid, TaskId};
use slotmap::{Key, KeyData};
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// The scheduling fields of all tasks, by the slot and generation that a [`TaskId`] is made of.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    /// A vacant slot has generation 0.
    records: Vec<SchedTask>,
    /// Of the same slots.
    stats: Vec<SchedStat>,
}

/// The slot of a task that is known to exist, as links name it: a list has no dead members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(NonZeroU32);

impl Place {
    /// Counted from 1, so that a link that leads nowhere takes no more room.
    #[inline]
    const fn of(slot: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(slot))
    }

    #[inline]
    const fn slot(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Slot and generation.
#[inline]
fn parts(id: TaskId) -> (u32, u32) {
    let bits = id.data().as_ffi();
    (bits as u32, (bits >> 32) as u32)
}

impl Tasks {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task, of which nothing is counted yet.
    pub fn insert(&mut self, id: TaskId, mut task: SchedTask) {
        let (slot, generation) = parts(id);
        let slot = slot as usize;
        if slot >= self.records.len() {
            let vacant = SchedTask::new(Pid(0), Name::default());
            self.records.resize(slot + 1, vacant);
            self.stats.resize(slot + 1, SchedStat::default());
        }
        // Here and not by the caller: a copy of another task brings the generation of that one.
        task.generation = generation;
        self.records[slot] = task;
        self.stats[slot] = SchedStat::default();
    }

    /// Takes a task out, if it exists.
    pub fn remove(&mut self, id: TaskId) -> Option<SchedTask> {
        let place = self.find(id)?;
        let record = &mut self.records[place.slot()];
        let task = record.clone();
        // The record stays where it is, because links name places; no id has generation 0.
        record.generation = 0;
        Some(task)
    }

    /// The record of a task, if it exists.
    #[inline]
    pub fn get(&self, id: TaskId) -> Option<&SchedTask> {
        let (slot, generation) = parts(id);
        let record = self.records.get(slot as usize)?;
        (record.generation == generation).then_some(record)
    }

    #[inline]
    fn get_mut(&mut self, id: TaskId) -> Option<&mut SchedTask> {
        let (slot, generation) = parts(id);
        let record = self.records.get_mut(slot as usize)?;
        (record.generation == generation).then_some(record)
    }

    #[inline]
    fn find(&self, id: TaskId) -> Option<Place> {
        self.get(id).map(|_| Place::of(parts(id).0))
    }

    /// The records of all tasks.
    pub(super) fn values(&self) -> impl Iterator<Item = &SchedTask> {
        self.records.iter().filter(|task| task.generation != 0)
    }

    /// What is counted of a task.
    #[inline]
    #[track_caller]
    pub(super) fn stat(&self, id: TaskId) -> &SchedStat {
        &self.stats[self.place(id).slot()]
    }

    /// The same, to count.
    #[inline]
    #[track_caller]
    pub(super) fn stat_mut(&mut self, id: TaskId) -> &mut SchedStat {
        let place = self.place(id);
        &mut self.stats[place.slot()]
    }

    /// The record of a task and what is counted of it, to change both.
    #[inline]
    #[track_caller]
    pub(super) fn both_mut(&mut self, id: TaskId) -> (&mut SchedTask, &mut SchedStat) {
        let place = self.place(id);
        self.both_at_mut(place)
    }

    /// What lies at a place, to change both.
    #[inline]
    pub(super) fn both_at_mut(&mut self, place: Place) -> (&mut SchedTask, &mut SchedStat) {
        let slot = place.slot();
        (&mut self.records[slot], &mut self.stats[slot])
    }

    /// Where the record of a task lies.
    #[inline]
    #[track_caller]
    pub(super) fn place(&self, id: TaskId) -> Place {
        match self.find(id) {
            Some(place) => place,
            None => gone(id),
        }
    }

    /// The task whose record lies there.
    #[inline]
    pub(super) fn id(&self, place: Place) -> TaskId {
        let generation = u64::from(self.at(place).generation);
        TaskId::from(KeyData::from_ffi(generation << 32 | place.slot() as u64))
    }

    #[inline]
    pub(super) fn at(&self, place: Place) -> &SchedTask {
        &self.records[place.slot()]
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: Place) -> &mut SchedTask {
        &mut self.records[place.slot()]
    }

    /// The task before a queued one in its priority list.
    pub(super) fn before(&self, id: TaskId) -> Option<TaskId> {
        self[id].run_list.prev.map(|place| self.id(place))
    }

    /// The task after a queued one in its priority list.
    pub(super) fn after(&self, id: TaskId) -> Option<TaskId> {
        self[id].run_list.next.map(|place| self.id(place))
    }
}

impl Index<TaskId> for Tasks {
    type Output = SchedTask;

    #[inline]
    #[track_caller]
    fn index(&self, id: TaskId) -> &SchedTask {
        match self.get(id) {
            Some(task) => task,
            None => gone(id),
        }
    }
}

impl IndexMut<TaskId> for Tasks {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, id: TaskId) -> &mut SchedTask {
        match self.get_mut(id) {
            Some(task) => task,
            None => gone(id),
        }
    }
}

#[cold]
#[track_caller]
fn gone(id: TaskId) -> ! {
    panic!("the scheduler knows no task {id:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotmap::SlotMap;

    fn task(pid: i32) -> SchedTask {
        SchedTask::new(Pid(pid), Name::default())
    }

    #[test]
    fn a_slot_that_is_used_again_does_not_answer_to_the_task_it_had_before() {
        let mut ids: SlotMap<TaskId, ()> = SlotMap::with_key();
        let mut tasks = Tasks::new();
        let old = ids.insert(());
        tasks.insert(old, task(1));
        tasks.stat_mut(old).nvcsw = 5;
        assert_eq!(tasks.remove(old).map(|task| task.pid), Some(Pid(1)));
        assert!(tasks.get(old).is_none() && tasks.values().next().is_none());
        ids.remove(old);
        let new = ids.insert(());
        tasks.insert(new, task(2));
        assert_eq!(parts(new).0, parts(old).0);
        assert!(tasks.get(old).is_none() && tasks.remove(old).is_none());
        assert_eq!((tasks[new].pid, tasks.stat(new).nvcsw), (Pid(2), 0));
        assert_eq!(tasks.id(tasks.place(new)), new);
    }

    #[test]
    #[should_panic(expected = "knows no task")]
    fn a_task_that_is_gone_is_a_bug() {
        let mut ids: SlotMap<TaskId, ()> = SlotMap::with_key();
        let mut tasks = Tasks::new();
        let id = ids.insert(());
        tasks.insert(id, task(1));
        tasks.remove(id);
        tasks.stat_mut(id).nvcsw += 1;
    }
}
