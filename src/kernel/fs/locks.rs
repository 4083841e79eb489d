//! Locks on files: those of `fcntl`, which belong to a descriptor table and a range of bytes, and
//! those of `flock`, which belong to an open file description. The two kinds ignore each other.

use crate::abi::{
    Errno, FileId, FilesId, InodeId, LOCK_EX, LOCK_MAND, LOCK_NB, LOCK_SH, LOCK_UN, TaskId,
    TaskState,
};
use crate::kernel::Kernel;
use crate::kernel::sched::Waker;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{Continuation, FlockKind, LockRequest, LockWait, PosixRange};

/// The end of a lock that reaches to the end of the file, wherever that is (`OFFSET_MAX`).
pub const OFFSET_MAX: i64 = i64::MAX;

/// A lock of `fcntl` on an inode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PosixLock {
    /// Names the lock to those who wait for it.
    id: u64,
    /// `fl_owner`: the descriptor table that has it.
    pub owner: FilesId,
    /// `fl_pid`: the process that has set it.
    pub pid: i32,
    /// `fl_file`: the open file description through which it was set.
    file: FileId,
    /// What is locked, and how.
    pub range: PosixRange,
}

/// A lock of `flock` on an inode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flock {
    id: u64,
    /// The open file description that has it.
    pub file: FileId,
    /// Its kind.
    pub kind: FlockKind,
}

/// The locks on an inode (`i_flock`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InodeLocks {
    /// Those of `fcntl`: those of an owner stand together, by their starts.
    posix: Vec<PosixLock>,
    /// Those of `flock`, the latest first.
    flock: Vec<Flock>,
}

impl InodeLocks {
    /// The locks of `fcntl`, in the order in which they are looked at.
    pub fn posix(&self) -> &[PosixLock] {
        &self.posix
    }

    /// The locks of `flock`, in the order in which they are looked at.
    pub fn flock(&self) -> &[Flock] {
        &self.flock
    }
}

/// A task that waits for a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Waiter {
    task: TaskId,
    /// For whom it wants a lock of `fcntl`.
    owner: Option<FilesId>,
    /// The lock that is in its way, and the inode that it is on.
    inode: InodeId,
    blocker: u64,
}

/// What all locks have in common: their names, and who waits for them.
#[derive(Clone, Debug, Default)]
pub struct FileLocks {
    next_id: u64,
    /// In the order of arrival.
    waiters: Vec<Waiter>,
}

impl FileLocks {
    /// The tasks that wait for a lock, in the order of arrival.
    pub fn waiting(&self) -> impl Iterator<Item = TaskId> {
        self.waiters.iter().map(|waiter| waiter.task)
    }
}

impl PosixRange {
    const fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// Whether two owners cannot have both.
    const fn conflicts(&self, other: &Self) -> bool {
        self.overlaps(other) && (self.exclusive || other.exclusive)
    }
}

/// What a new lock, or an unlock, makes of the locks of an owner.
struct Settled {
    locks: Vec<PosixLock>,
    /// The locks that were removed or changed: whoever waits for them tries again.
    touched: Vec<u64>,
}

/// How a request looks to the locks of its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A lock of that kind.
    Lock { exclusive: bool },
    /// No lock.
    Unlock,
}

impl Kernel {
    fn new_lock_id(&mut self) -> u64 {
        self.locks.next_id += 1;
        self.locks.next_id
    }

    /// Wakes whoever waits for a lock, in the order of arrival.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `locks_wake_up_blocks()`.
    fn locks_wake_up_blocks(&mut self, lock: u64) {
        let waiters = self.locks.waiters.iter().filter(|w| w.blocker == lock);
        let woken: Vec<TaskId> = waiters.map(|waiter| waiter.task).collect();
        self.locks.waiters.retain(|waiter| waiter.blocker != lock);
        for task in woken {
            let (sched, mut ctx) = self.sched_ctx();
            sched.try_to_wake_up(&mut ctx, task, TaskState::INTERRUPTIBLE, Waker::GoesOn);
        }
    }

    /// The first lock of `fcntl` on an inode that an owner cannot have a range beside.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `posix_test_lock()` and `posix_locks_conflict()`.
    pub(super) fn posix_test_lock(
        &self,
        inode: InodeId,
        owner: FilesId,
        range: &PosixRange,
    ) -> Option<PosixLock> {
        let mut locks = self.inodes[inode].locks.posix.iter();
        let conflicts = |lock: &&PosixLock| lock.owner != owner && lock.range.conflicts(range);
        locks.find(conflicts).copied()
    }

    /// Whether the owner of a lock waits, directly or through others, for the one who is about to
    /// wait for it.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `posix_locks_deadlock()`.
    fn posix_locks_deadlock(&self, caller: FilesId, blocker: &PosixLock) -> bool {
        let mut owner = blocker.owner;
        // No chain is longer than there are waiters.
        for _ in 0..=self.locks.waiters.len() {
            if owner == caller {
                return true;
            }
            let mut newest_first = self.locks.waiters.iter().rev();
            let Some(waiter) = newest_first.find(|waiter| waiter.owner == Some(owner)) else {
                return false;
            };
            let mut locks = self.inodes[waiter.inode].locks.posix.iter();
            match locks.find(|lock| lock.id == waiter.blocker) {
                Some(lock) => owner = lock.owner,
                None => return false,
            }
        }
        false
    }

    /// Sets a lock, or says which one is in its way.
    fn posix_lock_file(&mut self, current: TaskId, file: FileId, range: PosixRange) -> Attempt {
        let inode = self.open_files[file].inode();
        let owner = self.files_id(current);
        if let Some(blocker) = self.posix_test_lock(inode, owner, &range) {
            return Attempt::Blocked {
                deadlock: self.posix_locks_deadlock(owner, &blocker),
                blocker: blocker.id,
            };
        }
        let wanted = Wanted::Lock {
            exclusive: range.exclusive,
        };
        self.posix_set(current, file, wanted, range);
        Attempt::Done
    }

    /// Unlocks a range.
    pub(super) fn posix_unlock(&mut self, current: TaskId, file: FileId, range: PosixRange) {
        self.posix_set(current, file, Wanted::Unlock, range);
    }

    /// Linux 2.6.12: `fs/locks.c`, `__posix_lock_file()`, after its search for conflicts.
    fn posix_set(&mut self, current: TaskId, file: FileId, wanted: Wanted, range: PosixRange) {
        let inode = self.open_files[file].inode();
        let owner = self.files_id(current);
        let ids = [self.new_lock_id(), self.new_lock_id()];
        let new = PosixLock {
            id: ids[0],
            owner,
            pid: self.task(current).tgid().0,
            file,
            range,
        };
        let locks = &mut self.inodes[inode].locks.posix;
        let first = locks.iter().position(|lock| lock.owner == owner);
        let first = first.unwrap_or(locks.len());
        let own = locks[first..].iter().take_while(|lock| lock.owner == owner);
        let own: Vec<PosixLock> = own.copied().collect();
        let last = first + own.len();
        let settled = settle(&own, new, wanted, ids[1]);
        locks.splice(first..last, settled.locks);
        for lock in settled.touched {
            self.locks_wake_up_blocks(lock);
        }
    }

    /// Takes all locks of a table on the file away: one of its descriptors for it is closed.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `locks_remove_posix()`.
    fn locks_remove_posix(&mut self, table: FilesId, file: FileId) {
        let inode = self.open_files[file].inode();
        let locks = &mut self.inodes[inode].locks.posix;
        let removed: Vec<u64> = locks
            .extract_if(.., |lock| lock.owner == table)
            .map(|lock| lock.id)
            .collect();
        for lock in removed {
            self.locks_wake_up_blocks(lock);
        }
    }

    /// Closes a descriptor of a table, which does not refer to the file any more.
    ///
    /// Linux 2.6.12: `fs/open.c`, `filp_close()`.
    pub(super) fn filp_close(&mut self, table: FilesId, file: FileId) {
        self.locks_remove_posix(table, file);
        self.fput(file);
    }

    /// Gives a program that no longer shares its table the locks that were made through its files.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `steal_locks()`.
    pub(in crate::kernel) fn steal_locks(&mut self, from: FilesId, to: FilesId) {
        let files: Vec<FileId> = self.files[to].open().map(|(_, open)| open.file).collect();
        for file in files {
            let inode = self.open_files[file].inode();
            for lock in &mut self.inodes[inode].locks.posix {
                if lock.file == file && lock.owner == from {
                    lock.owner = to;
                }
            }
        }
    }

    /// Linux 2.6.12: `fs/locks.c`, `sys_flock()`.
    ///
    /// # Errors
    /// `EBADF`, also for a file that is open for nothing; `EINVAL`; `EAGAIN`.
    pub(in crate::kernel) fn sys_flock(
        &mut self,
        current: TaskId,
        fd: u32,
        command: u32,
    ) -> SysResult {
        let file = match self.fget(current, fd) {
            Ok(file) => file,
            Err(errno) => return Err(errno).into(),
        };
        let open = &self.open_files[file];
        let (waits, command) = (command & LOCK_NB == 0, command & !LOCK_NB);
        let unusable = !open.can_read() && !open.can_write();
        if unusable && command != LOCK_UN && command & LOCK_MAND == 0 {
            return Err(Errno::EBADF).into();
        }
        let kind = match command {
            _ if command & LOCK_MAND != 0 => FlockKind::Mandatory,
            LOCK_SH => FlockKind::Shared,
            LOCK_EX => FlockKind::Exclusive,
            LOCK_UN => {
                self.locks_remove_flock(file);
                return SysResult::from(0);
            }
            _ => return Err(Errno::EINVAL).into(),
        };
        self.lock_or_wait(current, file, LockRequest::Flock(kind), waits)
    }

    /// The old lock of another kind goes first, and is lost even if the new one is refused.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `flock_lock_file()`.
    fn flock_lock_file(&mut self, file: FileId, kind: FlockKind) -> Attempt {
        let inode = self.open_files[file].inode();
        let mut locks = self.inodes[inode].locks.flock.iter();
        if locks.any(|lock| lock.file == file && lock.kind == kind) {
            return Attempt::Done;
        }
        self.locks_remove_flock(file);
        let mut locks = self.inodes[inode].locks.flock.iter();
        if let Some(blocker) = locks.find(|lock| kind.conflicts(lock.kind)) {
            return Attempt::Blocked {
                deadlock: false,
                blocker: blocker.id,
            };
        }
        let id = self.new_lock_id();
        let lock = Flock { id, file, kind };
        self.inodes[inode].locks.flock.insert(0, lock);
        Attempt::Done
    }

    /// Takes the lock of an open file description away.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `locks_remove_flock()`.
    pub(super) fn locks_remove_flock(&mut self, file: FileId) {
        let inode = self.open_files[file].inode();
        let locks = &mut self.inodes[inode].locks.flock;
        let found = locks.iter().position(|lock| lock.file == file);
        if let Some(lock) = found.map(|at| locks.remove(at)) {
            self.locks_wake_up_blocks(lock.id);
        }
    }

    /// Sets a lock, and waits for those in its way if it may.
    pub(super) fn lock_or_wait(
        &mut self,
        current: TaskId,
        file: FileId,
        request: LockRequest,
        waits: bool,
    ) -> SysResult {
        if !waits {
            return match self.try_lock(current, file, request) {
                Attempt::Done => SysResult::from(0),
                Attempt::Blocked { .. } => Err(Errno::EAGAIN).into(),
            };
        }
        // Until it has the lock or gives up, another thread may close the descriptor.
        self.get_file(file);
        self.lock_again(current, LockWait { file, request })
    }

    fn try_lock(&mut self, current: TaskId, file: FileId, request: LockRequest) -> Attempt {
        match request {
            LockRequest::Posix(range) => self.posix_lock_file(current, file, range),
            LockRequest::Flock(kind) => self.flock_lock_file(file, kind),
        }
    }

    /// Linux 2.6.12: `fs/locks.c`, `fcntl_setlk()` and `flock_lock_file_wait()`.
    fn lock_again(&mut self, current: TaskId, wait: LockWait) -> SysResult {
        let blocker = match self.try_lock(current, wait.file, wait.request) {
            Attempt::Done => return self.end_lock(wait, SysResult::from(0)),
            Attempt::Blocked { deadlock: true, .. } => {
                return self.end_lock(wait, Err(Errno::EDEADLK).into());
            }
            Attempt::Blocked { blocker, .. } => blocker,
        };
        if self.signal_pending(current) {
            return self.end_lock(wait, SysResult::Restart(Restart::Sys));
        }
        let owner = match wait.request {
            LockRequest::Posix(_) => Some(self.files_id(current)),
            LockRequest::Flock(_) => None,
        };
        // Queued before it sleeps, so that whoever unlocks finds it.
        self.locks.waiters.push(Waiter {
            task: current,
            owner,
            inode: self.open_files[wait.file].inode(),
            blocker,
        });
        let wait = Continuation::Lock(wait);
        self.block(current, TaskState::INTERRUPTIBLE, wait)
    }

    /// Goes on after the sleep: if the lock that was in the way is still there, a signal has come.
    pub(in crate::kernel) fn lock_resumes(&mut self, current: TaskId, wait: LockWait) -> SysResult {
        let waiters = &mut self.locks.waiters;
        let before = waiters.len();
        waiters.retain(|waiter| waiter.task != current);
        let interrupted = waiters.len() < before && self.signal_pending(current);
        if interrupted {
            return self.end_lock(wait, SysResult::Restart(Restart::Sys));
        }
        self.lock_again(current, wait)
    }

    fn end_lock(&mut self, wait: LockWait, result: SysResult) -> SysResult {
        self.fput(wait.file);
        result
    }
}

impl FlockKind {
    /// Whether two open file descriptions cannot have both.
    const fn conflicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::Mandatory, _) | (_, Self::Mandatory) | (Self::Shared, Self::Shared) => false,
            (Self::Exclusive, _) | (_, Self::Exclusive) => true,
        }
    }
}

/// What comes of trying to lock.
enum Attempt {
    /// The lock is there.
    Done,
    /// Another lock is in the way.
    Blocked {
        /// Whether waiting for it would never end.
        deadlock: bool,
        /// The lock.
        blocker: u64,
    },
}

/// Puts a new lock, or an unlock, among the locks of its owner, which are in the order of their
/// starts: those of the same kind merge with it, others are cut or replaced.
///
/// Linux 2.6.12: `fs/locks.c`, `__posix_lock_file()`.
fn settle(own: &[PosixLock], new: PosixLock, wanted: Wanted, second: u64) -> Settled {
    let mut touched = Vec::new();
    let mut range = new.range;
    // The lock that the new one has become part of, or has taken the place of.
    let mut kept: Option<PosixLock> = None;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for lock in own {
        let same = wanted
            == Wanted::Lock {
                exclusive: lock.range.exclusive,
            };
        // Neighbours merge as well: a lock that ends at the last byte before the new one.
        let reach = i64::from(same);
        if lock.range.end < range.start.saturating_sub(reach) {
            before.push(*lock);
        } else if lock.range.start > range.end.saturating_add(reach) {
            after.push(*lock);
        } else if same {
            range.start = range.start.min(lock.range.start);
            range.end = range.end.max(lock.range.end);
            match kept {
                Some(_) => touched.push(lock.id),
                None => kept = Some(*lock),
            }
        } else {
            let (left, right) = (lock.range.start < range.start, lock.range.end > range.end);
            let cut = |id, start, end| PosixLock {
                id,
                range: PosixRange {
                    start,
                    end,
                    ..lock.range
                },
                ..*lock
            };
            touched.push(lock.id);
            if left {
                let id = if right { second } else { lock.id };
                before.push(cut(id, lock.range.start, range.start - 1));
            }
            if right {
                after.push(cut(lock.id, range.end + 1, lock.range.end));
            }
            // What is replaced completely lends its place, and stays its first setter's.
            if !left && !right && kept.is_none() && wanted != Wanted::Unlock {
                kept = Some(*lock);
            }
        }
    }
    let mut locks = before;
    if wanted != Wanted::Unlock {
        let lock = kept.unwrap_or(new);
        locks.push(PosixLock { range, ..lock });
    }
    locks.extend(after);
    Settled { locks, touched }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(id: u64, exclusive: bool, start: i64, end: i64) -> PosixLock {
        PosixLock {
            id,
            owner: FilesId::default(),
            pid: 1,
            file: FileId::default(),
            range: PosixRange {
                exclusive,
                start,
                end,
            },
        }
    }

    fn show(locks: &[PosixLock]) -> String {
        let one = |lock: &PosixLock| {
            let kind = if lock.range.exclusive { "W" } else { "R" };
            format!("{}:{kind}{}-{}", lock.id, lock.range.start, lock.range.end)
        };
        locks.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// The locks of the owner, the request (W, R or U with its range), what is left of them, and
    /// whose waiters are woken.
    #[test]
    fn a_new_lock_merges_with_its_own_kind_and_cuts_or_replaces_the_other() {
        let w = |id, start, end| lock(id, true, start, end);
        let r = |id, start, end| lock(id, false, start, end);
        for (own, request, start, end, left, touched) in [
            (vec![], 'W', 0, 9, "8:W0-9", vec![]),
            (vec![w(1, 0, 9)], 'W', 10, 19, "1:W0-19", vec![]),
            (vec![w(1, 0, 9)], 'W', 11, 19, "1:W0-9 8:W11-19", vec![]),
            (vec![w(1, 20, 29)], 'W', 0, 9, "8:W0-9 1:W20-29", vec![]),
            (
                vec![w(1, 0, 9), w(2, 20, 29)],
                'W',
                10,
                19,
                "1:W0-29",
                vec![2],
            ),
            // files-tty-ipc example 47: an unlock in the middle, then a read lock over all.
            (vec![w(1, 0, 99)], 'U', 40, 49, "9:W0-39 1:W50-99", vec![1]),
            (
                vec![w(9, 0, 39), w(1, 50, 99)],
                'R',
                0,
                199,
                "9:R0-199",
                vec![9, 1],
            ),
            (
                vec![w(1, 0, 99)],
                'R',
                40,
                49,
                "9:W0-39 8:R40-49 1:W50-99",
                vec![1],
            ),
            (vec![w(1, 0, 9)], 'R', 5, 14, "1:W0-4 8:R5-14", vec![1]),
            (vec![w(1, 5, 14)], 'R', 0, 9, "8:R0-9 1:W10-14", vec![1]),
            (vec![r(1, 0, 9)], 'W', 0, 9, "1:W0-9", vec![1]),
            (vec![w(1, 0, 9)], 'U', 0, 9, "", vec![1]),
            (vec![w(1, 0, 9)], 'U', 20, 29, "1:W0-9", vec![]),
            (
                vec![w(1, 0, OFFSET_MAX)],
                'W',
                5,
                OFFSET_MAX,
                "1:W0-9223372036854775807",
                vec![],
            ),
        ] {
            let wanted = match request {
                'U' => Wanted::Unlock,
                kind => Wanted::Lock {
                    exclusive: kind == 'W',
                },
            };
            let new = lock(8, request == 'W', start, end);
            let settled = settle(&own, new, wanted, 9);
            assert_eq!(
                show(&settled.locks),
                left,
                "{} {request}{start}-{end}",
                show(&own)
            );
            assert_eq!(
                settled.touched,
                touched,
                "{} {request}{start}-{end}",
                show(&own)
            );
        }
    }
}
