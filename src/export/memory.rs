//! How many pages of each address space are resident, followed event by event. What leaves no event
//! of its own (unmapping, swapping out) is known when the machine rests and is measured.

use super::spans::Mark;
use crate::abi::{CloneFlags, Pid};
use crate::kernel::Kernel;
use crate::trace::{FrameUse, Record, TraceEvent};
use std::collections::{BTreeMap, BTreeSet};

/// The address spaces of tasks.
#[derive(Debug, Default)]
pub(super) struct Memory {
    spaces: BTreeMap<usize, Space>,
    /// The number of the newest space.
    next: usize,
    /// The space of each task, by number.
    of: BTreeMap<Pid, usize>,
    /// The frames of the space that a task makes in exec, until it moves into it.
    fresh: BTreeMap<Pid, BTreeSet<u32>>,
    /// What each counter shows.
    shown: BTreeMap<Pid, i64>,
    /// Who has copied an address space, for the fork that follows.
    copied: Option<Pid>,
}

#[derive(Debug, Default)]
struct Space {
    users: BTreeSet<Pid>,
    /// Resident pages; `None` if that is not known yet.
    rss: Option<i64>,
}

impl Memory {
    /// Moves past an event.
    pub(super) fn follow(&mut self, kernel: &Kernel, record: &Record, marks: &mut Vec<Mark>) {
        let pid = record.stamp.pid;
        match record.event {
            TraceEvent::PageAlloc { usage, pfn, .. } => match usage {
                FrameUse::PageDir => drop(self.fresh.insert(pid, BTreeSet::new())),
                FrameUse::User => self.make(pid, pfn.0),
                _ => {}
            },
            TraceEvent::AnonPage { pfn, .. }
            | TraceEvent::FilePage { pfn, .. }
            | TraceEvent::SwapPage { pfn, .. } => {
                self.make(pid, pfn.0);
                self.rise(pid, marks);
            }
            // The zero page is not resident, so that its copy is one page more.
            TraceEvent::CowCopy { old, .. } if old == kernel.mem().empty_zero_page() => {
                self.rise(pid, marks);
            }
            TraceEvent::CowCopy { old, .. } => {
                if let Some(fresh) = self.fresh.get_mut(&pid) {
                    fresh.remove(&old.0);
                }
            }
            TraceEvent::CopyMm { .. } => self.copied = Some(pid),
            TraceEvent::SchedProcessFork { child, flags, .. } => {
                self.fresh.remove(&pid);
                let copied = self.copied.take() == Some(pid);
                let parents = self.of.get(&pid).copied();
                let space = match parents {
                    Some(space) if !copied && flags.contains(CloneFlags::CLONE_VM) => space,
                    parents => {
                        let rss = parents.and_then(|space| self.spaces.get(&space)?.rss);
                        self.add(rss)
                    }
                };
                self.enter(child, space, marks);
            }
            TraceEvent::SchedProcessExec { .. } => {
                let fresh = self.fresh.remove(&pid).unwrap_or_default();
                let space = self.add(Some(fresh.len() as i64));
                self.enter(pid, space, marks);
            }
            TraceEvent::SchedProcessExit { .. } => {
                self.fresh.remove(&pid);
                self.leave(pid, marks);
                if self.shown.remove(&pid).is_some_and(|shown| shown != 0) {
                    marks.push(counter(pid, 0));
                }
            }
            _ => {}
        }
    }

    /// The resident pages of a task, while the machine rests.
    pub(super) fn measure(&mut self, pid: Pid, rss: u32, marks: &mut Vec<Mark>) {
        let space = match self.of.get(&pid) {
            Some(space) => *space,
            None => {
                let space = self.add(None);
                self.enter(pid, space, marks);
                space
            }
        };
        if let Some(space) = self.spaces.get_mut(&space) {
            space.rss = Some(rss.into());
        }
        self.show(space, marks);
    }

    /// A page of the space that a task makes in exec.
    fn make(&mut self, pid: Pid, pfn: u32) {
        if let Some(fresh) = self.fresh.get_mut(&pid) {
            fresh.insert(pfn);
        }
    }

    fn rise(&mut self, pid: Pid, marks: &mut Vec<Mark>) {
        if let Some(space) = self.of.get(&pid).copied() {
            if let Some(Space { rss: Some(rss), .. }) = self.spaces.get_mut(&space) {
                *rss += 1;
            }
            self.show(space, marks);
        }
    }

    fn add(&mut self, rss: Option<i64>) -> usize {
        let space = Space {
            rss,
            ..Space::default()
        };
        self.next += 1;
        self.spaces.insert(self.next, space);
        self.next
    }

    fn enter(&mut self, pid: Pid, space: usize, marks: &mut Vec<Mark>) {
        self.leave(pid, marks);
        self.of.insert(pid, space);
        if let Some(space) = self.spaces.get_mut(&space) {
            space.users.insert(pid);
        }
        self.show(space, marks);
    }

    fn leave(&mut self, pid: Pid, marks: &mut Vec<Mark>) {
        let Some(number) = self.of.remove(&pid) else {
            return;
        };
        if let Some(space) = self.spaces.get_mut(&number) {
            space.users.remove(&pid);
            if space.users.is_empty() {
                self.spaces.remove(&number);
            }
        }
        self.show(number, marks);
    }

    /// The counter of a space has the pid of the first of its tasks.
    fn show(&mut self, space: usize, marks: &mut Vec<Mark>) {
        if let Some(Space {
            users,
            rss: Some(rss),
        }) = self.spaces.get(&space)
            && let Some(pid) = users.first()
            && self.shown.insert(*pid, *rss) != Some(*rss)
        {
            marks.push(counter(*pid, *rss));
        }
    }
}

fn counter(pid: Pid, value: i64) -> Mark {
    Mark::Counter {
        name: format!("rss of {pid}"),
        value,
    }
}
