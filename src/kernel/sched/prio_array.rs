//! A priority array: 140 lists of tasks and a bitmap of those that are not empty.
//!
//! The lists are intrusive and doubly linked through [`SchedTask::run_list`], so that every
//! operation, insertion before a given task included, is O(1) and allocates nothing.
//!
//! [`SchedTask::run_list`]: super::SchedTask

use super::table::{Place, Tasks};
use super::task::{RunLinks, SchedTask};
use crate::abi::{MAX_PRIO, TaskId};
use std::iter::successors;

/// Words of the bitmap: 140 levels and the delimiter bit.
const BITMAP_SIZE: usize = 5;

/// A priority array.
///
/// Linux 2.6.12: `kernel/sched.c`, `struct prio_array`.
#[derive(Clone, Debug)]
pub struct PrioArray {
    nr_active: u32,
    bitmap: [u32; BITMAP_SIZE],
    queue: [List; MAX_PRIO as usize],
}

#[derive(Clone, Copy, Default, Debug)]
struct List {
    head: Option<Place>,
    tail: Option<Place>,
}

impl Default for PrioArray {
    fn default() -> Self {
        Self::new()
    }
}

impl PrioArray {
    /// An empty array.
    pub fn new() -> Self {
        let mut array = Self {
            nr_active: 0,
            bitmap: [0; BITMAP_SIZE],
            queue: [List::default(); MAX_PRIO as usize],
        };
        array.set_bit(MAX_PRIO);
        array
    }

    /// How many tasks are linked in the array.
    pub const fn nr_active(&self) -> u32 {
        self.nr_active
    }

    /// The bitmap: bit i says that list i is not empty; bit 140, the delimiter, is always set.
    pub const fn bitmap(&self) -> [u32; BITMAP_SIZE] {
        self.bitmap
    }

    /// The best level that has a task, or 140. `sched_find_first_bit()`.
    #[inline]
    pub fn first_level(&self) -> u8 {
        let mut base = 0;
        for word in self.bitmap {
            if word != 0 {
                return base + word.trailing_zeros() as u8;
            }
            base += 32;
        }
        MAX_PRIO
    }

    /// The best level from `prio` on that has a task.
    ///
    /// Linux 2.6.12: `include/asm-i386/bitops.h`, `find_next_bit()`.
    pub(super) fn level_from(&self, prio: u8) -> Option<u8> {
        let first = usize::from(prio / 32);
        let mut mask = u32::MAX << (prio % 32);
        for (word, bits) in self.bitmap.iter().enumerate().skip(first) {
            let found = bits & mask;
            if found != 0 {
                let level = word as u8 * 32 + found.trailing_zeros() as u8;
                return (level < MAX_PRIO).then_some(level);
            }
            mask = u32::MAX;
        }
        None
    }

    /// Head of the best list: what `schedule` would pick.
    #[inline]
    pub fn first(&self, tasks: &Tasks) -> Option<TaskId> {
        let list = self.queue.get(usize::from(self.first_level()))?;
        list.head.map(|head| tasks.id(head))
    }

    /// Whether the list of that level has no member.
    pub fn is_empty(&self, prio: u8) -> bool {
        self.queue[usize::from(prio)].head.is_none()
    }

    /// Tail of the list of that level.
    pub(super) fn tail(&self, tasks: &Tasks, prio: u8) -> Option<TaskId> {
        let tail = self.queue[usize::from(prio)].tail;
        tail.map(|tail| tasks.id(tail))
    }

    /// The members of the list of that level, head first.
    pub fn members<'a>(&self, tasks: &'a Tasks, prio: u8) -> impl Iterator<Item = TaskId> + 'a {
        let head = self.queue[usize::from(prio)].head;
        successors(head, |member| tasks.at(*member).run_list.next).map(|member| tasks.id(member))
    }

    /// Appends the task at the tail of the list of its priority. `enqueue_task()`.
    #[inline]
    pub fn enqueue(&mut self, tasks: &mut Tasks, id: TaskId) {
        self.enqueue_at(tasks, tasks.place(id));
    }

    /// The same for the task at a place.
    #[inline]
    pub(super) fn enqueue_at(&mut self, tasks: &mut Tasks, place: Place) {
        let prio = tasks.at(place).prio;
        self.nr_active += 1;
        self.set_bit(prio);
        self.link_tail(tasks, place, prio);
    }

    /// Removes the task. Must be called before its priority changes. `dequeue_task()`.
    #[inline]
    pub fn dequeue(&mut self, tasks: &mut Tasks, id: TaskId) {
        self.dequeue_at(tasks, tasks.place(id));
    }

    /// The same for the task at a place.
    #[inline]
    pub(super) fn dequeue_at(&mut self, tasks: &mut Tasks, place: Place) {
        let prio = tasks.at(place).prio;
        self.nr_active -= 1;
        self.unlink(tasks, place, prio);
        if self.is_empty(prio) {
            self.bitmap[usize::from(prio / 32)] &= !(1 << (prio % 32));
        }
    }

    /// Moves the task to the tail of its list. `requeue_task()`.
    #[inline]
    pub fn requeue(&mut self, tasks: &mut Tasks, id: TaskId) {
        let place = tasks.place(id);
        let &SchedTask { prio, run_list, .. } = tasks.at(place);
        // The last one of its list, such as the only one, is there already.
        if run_list.next.is_some() {
            self.unlink(tasks, place, prio);
            self.link_tail(tasks, place, prio);
        }
    }

    /// Links the task just before `successor`, which is in this array and has the same priority.
    /// The bitmap needs no change, because the list is not empty.
    pub(super) fn insert_before(&mut self, tasks: &mut Tasks, id: TaskId, successor: TaskId) {
        let (place, next) = (tasks.place(id), tasks.place(successor));
        let prio = tasks.at(next).prio;
        let prev = tasks.at_mut(next).run_list.prev.replace(place);
        tasks.at_mut(place).run_list = RunLinks {
            prev,
            next: Some(next),
        };
        match prev {
            Some(prev) => tasks.at_mut(prev).run_list.next = Some(place),
            None => self.queue[usize::from(prio)].head = Some(place),
        }
        self.nr_active += 1;
    }

    fn set_bit(&mut self, bit: u8) {
        self.bitmap[usize::from(bit / 32)] |= 1 << (bit % 32);
    }

    #[inline]
    fn link_tail(&mut self, tasks: &mut Tasks, place: Place, prio: u8) {
        let list = &mut self.queue[usize::from(prio)];
        let prev = list.tail.replace(place);
        match prev {
            Some(prev) => tasks.at_mut(prev).run_list.next = Some(place),
            None => list.head = Some(place),
        }
        tasks.at_mut(place).run_list = RunLinks { prev, next: None };
    }

    #[inline]
    fn unlink(&mut self, tasks: &mut Tasks, place: Place, prio: u8) {
        let list = &mut self.queue[usize::from(prio)];
        let RunLinks { prev, next } = std::mem::take(&mut tasks.at_mut(place).run_list);
        match prev {
            Some(prev) => tasks.at_mut(prev).run_list.next = next,
            None => list.head = next,
        }
        match next {
            Some(next) => tasks.at_mut(next).run_list.prev = prev,
            None => list.tail = prev,
        }
    }
}
