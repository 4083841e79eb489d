//! Pids: the bitmap from which they are allocated, and the hashes that find tasks by pid, thread
//! group, process group and session.

use crate::abi::{Pid, TaskId};
use crate::kernel::chunks::Chunks;
use std::collections::{BTreeMap, BTreeSet};

/// Pids below this are not reused after the first wrap.
const RESERVED_PIDS: u32 = 300;
/// The largest `pid_max` on i386, and the default.
pub const PID_MAX_LIMIT: u32 = 32768;
/// The smallest `pid_max`: `RESERVED_PIDS + 1`.
pub const PID_MAX_MIN: u32 = RESERVED_PIDS + 1;

/// The bitmap of pids in use. Pid 0 is always in use.
#[derive(Clone, Debug)]
pub struct Pidmap {
    bits: Vec<u64>,
    pid_max: u32,
    /// The pid that was allocated last, by a successful or a failed fork.
    pub(super) last_pid: u32,
    /// Pids reserved for tasks that do not exist yet.
    reserved: BTreeSet<Pid>,
}

impl Pidmap {
    /// An empty map that allocates pids below `pid_max`.
    pub fn new(pid_max: u32) -> Self {
        let mut bits = vec![0; PID_MAX_LIMIT.div_ceil(64) as usize];
        bits[0] = 1;
        Self {
            bits,
            pid_max,
            last_pid: 0,
            reserved: BTreeSet::new(),
        }
    }

    /// The pid that was allocated last, by a successful or a failed fork.
    pub const fn last_pid(&self) -> u32 {
        self.last_pid
    }

    /// Whether the pid is in use.
    pub fn in_use(&self, pid: u32) -> bool {
        self.bits[(pid / 64) as usize] >> (pid % 64) & 1 != 0
    }

    /// Allocates the next free pid after `last_pid`, wrapping to 300.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `alloc_pidmap()`.
    pub(in crate::kernel) fn alloc(&mut self) -> Option<Pid> {
        let start = match self.last_pid + 1 {
            pid if pid >= self.pid_max => RESERVED_PIDS,
            pid => pid,
        };
        let found = self
            .free_in(start, self.pid_max)
            // The first pass has seen all from `last_pid` on.
            .or_else(|| self.free_in(RESERVED_PIDS, self.last_pid))?;
        self.bits[(found / 64) as usize] |= 1 << (found % 64);
        self.last_pid = found;
        Some(Pid(found as i32))
    }

    /// Marks a pid as in use although no hash will contain it, if it is one that could be
    /// allocated.
    pub(in crate::kernel) fn keep_out(&mut self, pid: u32) {
        if pid < self.pid_max {
            self.bits[(pid / 64) as usize] |= 1 << (pid % 64);
            self.reserved.insert(Pid(pid as i32));
        }
    }

    /// Reserves the next free pid for a task that is created later.
    pub(super) fn reserve(&mut self) -> Option<Pid> {
        let pid = self.alloc()?;
        self.reserved.insert(pid);
        Some(pid)
    }

    /// Turns a reserved pid into an ordinary pid in use, because its task is created now.
    pub(in crate::kernel) fn claim(&mut self, pid: Pid) {
        self.reserved.remove(&pid);
    }

    /// Whether the pid is reserved for a task.
    pub fn is_reserved(&self, pid: Pid) -> bool {
        self.reserved.contains(&pid)
    }

    /// Frees a pid. `last_pid` does not change.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `free_pidmap()`.
    pub(in crate::kernel) fn free(&mut self, pid: Pid) {
        let pid = pid.0 as u32;
        self.bits[(pid / 64) as usize] &= !(1 << (pid % 64));
    }

    /// The first free pid in `from..to`, searched word by word.
    fn free_in(&self, from: u32, to: u32) -> Option<u32> {
        let mut pid = from;
        while pid < to {
            let free = !self.bits[(pid / 64) as usize] & (u64::MAX << (pid % 64));
            if free != 0 {
                let found = pid / 64 * 64 + free.trailing_zeros();
                return (found < to).then_some(found);
            }
            pid = (pid / 64 + 1) * 64;
        }
        None
    }
}

/// The four kinds of ids by which tasks are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PidType {
    /// The hash by tid.
    Pid = 0,
    /// By thread group.
    Tgid = 1,
    /// By process group.
    Pgid = 2,
    /// The hash by session id.
    Sid = 3,
}

impl PidType {
    /// Number of kinds.
    pub const COUNT: usize = 4;
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [Self::Pid, Self::Tgid, Self::Pgid, Self::Sid];
}

/// A position in an ordered list of tasks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Seq(u64);

/// The ids of a bucket: so many neighbours are in one.
const BUCKET: usize = 16;

/// Tasks by id, for each [`PidType`], in the order of attaching. The ids lie in buckets, so that
/// copies share those in which nothing has changed.
#[derive(Clone, Debug, Default)]
pub struct PidHash {
    tables: [Chunks<Bucket>; PidType::COUNT],
    next: Seq,
}

/// The tasks of some ids.
type Bucket = BTreeMap<(Pid, Seq), TaskId>;

/// The bucket of an id.
const fn bucket(Pid(nr): Pid) -> usize {
    nr as usize / BUCKET
}

impl PidHash {
    /// Makes what has been written shareable with copies.
    pub(in crate::kernel) fn share(&mut self) {
        self.tables.iter_mut().for_each(Chunks::share);
    }

    /// A position after all that were given out before.
    pub(in crate::kernel) fn next_seq(&mut self) -> Seq {
        self.next.0 += 1;
        self.next
    }

    /// `attach_pid`: the task can now be found by that id.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `attach_pid()`.
    pub(super) fn attach(&mut self, kind: PidType, nr: Pid, task: TaskId) -> Seq {
        let seq = self.next_seq();
        let table = &mut self.tables[kind as usize];
        while table.len() <= bucket(nr) {
            table.push(Bucket::new());
        }
        if let Some(bucket) = table.get_mut(bucket(nr)) {
            bucket.insert((nr, seq), task);
        }
        seq
    }

    /// `detach_pid`: returns whether the pid can be reused, because no hash contains it any more.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `detach_pid()`.
    pub(super) fn detach(&mut self, kind: PidType, nr: Pid, seq: Seq) -> bool {
        if let Some(bucket) = self.tables[kind as usize].get_mut(bucket(nr)) {
            bucket.remove(&(nr, seq));
        }
        PidType::ALL
            .iter()
            .all(|kind| self.all(*kind, nr).next().is_none())
    }

    /// The task with that tid, if there is one; zombies are found too.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `find_task_by_pid_type()`.
    pub fn find(&self, nr: Pid) -> Option<TaskId> {
        self.all(PidType::Pid, nr).next()
    }

    /// The tasks with that id, first attached first.
    pub fn all(&self, kind: PidType, nr: Pid) -> impl Iterator<Item = TaskId> {
        let (first, last) = ((nr, Seq(0)), (nr, Seq(u64::MAX)));
        let bucket = self.tables[kind as usize].get(bucket(nr));
        let found = bucket.map(|bucket| bucket.range(first..=last));
        found.into_iter().flatten().map(|(_, task)| *task)
    }

    /// Every entry of one hash: id, position and task.
    pub fn entries(&self, kind: PidType) -> impl Iterator<Item = (Pid, Seq, TaskId)> {
        let buckets = self.tables[kind as usize].iter();
        let entries = buckets.flat_map(|(_, bucket)| bucket);
        entries.map(|((nr, seq), task)| (*nr, *seq, *task))
    }

    /// Every task with a pid, in ascending order.
    pub fn tasks(&self) -> impl Iterator<Item = (Pid, TaskId)> {
        let entries = self.entries(PidType::Pid);
        entries.map(|(pid, _, task)| (pid, task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(last_pid: u32, busy: impl IntoIterator<Item = u32>) -> Pidmap {
        let mut map = Pidmap::new(PID_MAX_LIMIT);
        for pid in busy {
            map.bits[(pid / 64) as usize] |= 1 << (pid % 64);
        }
        map.last_pid = last_pid;
        map
    }

    #[test]
    fn the_first_pid_is_one_and_numbers_ascend() {
        let mut map = Pidmap::new(PID_MAX_LIMIT);
        assert_eq!([map.alloc(), map.alloc()], [Some(Pid(1)), Some(Pid(2))]);
    }

    /// Process example 16.
    #[test]
    fn after_the_wrap_search_starts_at_300() {
        assert_eq!(map(32767, 300..=302).alloc(), Some(Pid(303)));
    }

    #[test]
    fn a_freed_number_is_not_handed_out_before_the_wrap() {
        let mut map = map(1000, [1000]);
        map.free(Pid(1000));
        assert_eq!(map.alloc(), Some(Pid(1001)));
    }

    #[test]
    fn a_second_pass_searches_below_last_pid() {
        let busy = (1..PID_MAX_LIMIT).filter(|pid| *pid != 20 && *pid != 500);
        assert_eq!(map(1000, busy).alloc(), Some(Pid(500)));
        // last_pid itself, free or not, is beyond it.
        let busy = (1..PID_MAX_LIMIT).filter(|pid| *pid != 1000);
        assert_eq!(map(1000, busy).alloc(), None);
    }

    #[test]
    fn exhaustion_gives_none() {
        assert_eq!(map(1000, 1..PID_MAX_LIMIT).alloc(), None);
        assert_eq!(map(32767, 1..PID_MAX_LIMIT).alloc(), None);
    }

    #[test]
    fn the_scan_gives_up_when_it_wraps_with_last_pid_300() {
        let busy = 300..PID_MAX_LIMIT;
        assert_eq!(map(300, busy).alloc(), None);
    }

    #[test]
    fn a_number_that_is_kept_out_is_passed_over() {
        let mut map = map(8999, []);
        for pid in [9001, 9063, PID_MAX_LIMIT] {
            map.keep_out(pid);
        }
        assert_eq!(
            [map.alloc(), map.alloc()],
            [Some(Pid(9000)), Some(Pid(9002))]
        );
        map.last_pid = 9062;
        assert_eq!(map.alloc(), Some(Pid(9064)));
        assert!(map.is_reserved(Pid(9001)) && !map.is_reserved(Pid(9000)));
        assert!(!map.is_reserved(Pid(PID_MAX_LIMIT as i32)), "it is none");
    }

    /// Process example 17.
    #[test]
    fn a_number_stays_taken_while_a_process_group_uses_it() {
        let mut hash = PidHash::default();
        let mut arena = slotmap::SlotMap::<TaskId, ()>::with_key();
        let (leader, member) = (arena.insert(()), arena.insert(()));
        let pid = hash.attach(PidType::Pid, Pid(1001), leader);
        let first = hash.attach(PidType::Pgid, Pid(1001), leader);
        let second = hash.attach(PidType::Pgid, Pid(1001), member);
        assert!(!hash.detach(PidType::Pid, Pid(1001), pid));
        assert!(!hash.detach(PidType::Pgid, Pid(1001), first));
        assert!(hash.detach(PidType::Pgid, Pid(1001), second));
    }
}
