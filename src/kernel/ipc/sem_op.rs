//! `semop`: several operations on a set, performed all at once or not at all, and waiting for them.

use super::ids::IpcObject;
use super::sem_set::{SemSet, Waiter};
use super::sem_undo::{SemUndo, SemUndoList};
use crate::abi::{Errno, IPC_NOWAIT, SEM_UNDO, SemUndoId, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::Continuation;
use crate::trace::TraceEvent;

/// The largest value of a semaphore.
///
/// Linux 2.6.12: `include/linux/sem.h`, `SEMVMX`.
pub(super) const SEMVMX: i32 = 32767;
/// The most operations in one call.
///
/// Linux 2.6.12: `include/linux/sem.h`, `SEMOPM`.
pub const MAX_OPS: u32 = 32;
/// Size of a `struct sembuf` in bytes.
const SEMBUF_BYTES: usize = 6;

/// `struct sembuf`: an operation on one semaphore.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SemOp {
    /// Number of the semaphore in the set.
    pub num: u16,
    /// The amount to add to its value; 0 waits until the value is 0.
    pub op: i16,
    /// `IPC_NOWAIT` and `SEM_UNDO`.
    pub flags: u16,
}

impl SemOp {
    /// Its bytes in memory.
    pub fn to_bytes(self) -> [u8; SEMBUF_BYTES] {
        let [a, b] = self.num.to_le_bytes();
        let [c, d] = self.op.to_le_bytes();
        let [e, f] = self.flags.to_le_bytes();
        [a, b, c, d, e, f]
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            num: word(0),
            op: word(2) as i16,
            flags: word(4),
        }
    }

    const fn undoes(self) -> bool {
        self.flags as u32 & SEM_UNDO != 0
    }

    const fn waits(self) -> bool {
        self.flags as u32 & IPC_NOWAIT == 0
    }
}

/// The result of trying operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attempt {
    /// All were done.
    Done,
    /// None was done, and the caller has to wait.
    Waits,
    /// None was done, with this error.
    Failed(Errno),
}

/// Performs all operations or none.
///
/// Linux 2.6.12: `ipc/sem.c`, `try_atomic_semop()`.
fn try_atomic_semop(
    set: &mut SemSet,
    ops: &[SemOp],
    mut undo: Option<&mut SemUndo>,
    pid: i32,
) -> Attempt {
    let before: Vec<i32> = set.sems.iter().map(|sem| sem.value).collect();
    for op in ops {
        let sem = &mut set.sems[usize::from(op.num)];
        let value = sem.value + i32::from(op.op);
        let adjust = undo.as_ref().map(|undo| undo.after(*op));
        let stops = if op.op == 0 && sem.value != 0 || value < 0 {
            Some(if op.waits() {
                Attempt::Waits
            } else {
                Attempt::Failed(Errno::EAGAIN)
            })
        } else if value > SEMVMX || op.undoes() && adjust == Some(None) {
            Some(Attempt::Failed(Errno::ERANGE))
        } else {
            sem.value = value;
            None
        };
        if let Some(attempt) = stops {
            for (sem, value) in set.sems.iter_mut().zip(before) {
                sem.value = value;
            }
            return attempt;
        }
    }
    for op in ops.iter().rev() {
        set.sems[usize::from(op.num)].pid = pid;
        if op.undoes()
            && let Some(undo) = &mut undo
        {
            undo.note(*op);
        }
    }
    Attempt::Done
}

/// Whether the operations of a waiter still cannot be done.
pub(super) fn waits_still(
    set: &SemSet,
    waiter: &Waiter,
    undo: Option<&SemUndoList>,
    id: i32,
) -> bool {
    let mut undo = undo.cloned();
    let undo = undo.as_mut().and_then(|list| list.of_set_mut(id));
    try_atomic_semop(&mut set.clone(), &waiter.ops, undo, waiter.pid) == Attempt::Waits
}

/// How many waiting tasks need a semaphore to increase, or to become 0.
///
/// Linux 2.6.12: `ipc/sem.c`, `count_semncnt()` and `count_semzcnt()`.
pub(super) fn count_waiters(set: &SemSet, num: i32, zero: bool) -> u32 {
    let ops = set.pending.iter().flat_map(|waiter| &waiter.ops);
    let counted = ops.filter(|op| {
        let kind = if zero { op.op == 0 } else { op.op < 0 };
        kind && i32::from(op.num) == num && op.waits()
    });
    counted.count() as u32
}

impl Kernel {
    /// Linux 2.6.12: `ipc/sem.c`, `sys_semtimedop()`.
    ///
    /// # Errors
    /// `EINVAL`, `E2BIG`, `EFAULT` for the arguments; `ENOMEM` for the undo list; `EINVAL`, `EIDRM`
    /// for the set; `EFBIG` for a semaphore that does not exist in it; `EACCES`; `EAGAIN` with
    /// `IPC_NOWAIT`, and after the timeout; `ERANGE`; `EINTR`.
    pub(super) fn sys_semtimedop(
        &mut self,
        current: TaskId,
        id: i32,
        ops: VirtAddr,
        count: u32,
        timeout: VirtAddr,
    ) -> SysResult {
        let prepared = self.prepare_semop(current, id, ops, count, timeout);
        let (ops, undo, until) = match prepared {
            Ok(prepared) => prepared,
            Err(errno) => return Err(errno).into(),
        };
        let alter = ops.iter().any(|op| op.op != 0);
        let pid = self.task(current).tgid().0;
        match self.attempt(id, &ops, undo, (current, pid)) {
            Attempt::Done => {
                if alter {
                    self.update_queue(id);
                }
                SysResult::from(0)
            }
            Attempt::Failed(errno) => Err(errno).into(),
            Attempt::Waits => {
                let waiter = Waiter {
                    task: current,
                    ops,
                    undo,
                    pid,
                    alter,
                };
                if let Ok(set) = self.sem_sets.find_mut(id) {
                    // A task that only waits for zeros cannot take anything from the others.
                    if alter {
                        set.pending.push_back(waiter);
                    } else {
                        set.pending.push_front(waiter);
                    }
                }
                let wait = Continuation::Semop {
                    id,
                    until,
                    result: None,
                };
                self.block_until(current, TaskState::INTERRUPTIBLE, wait, until)
            }
        }
    }

    /// The checks before anything is tried, in the kernel's order: the operations, the undo list,
    /// and the tick at which the wait times out.
    #[expect(
        clippy::type_complexity,
        reason = "three results of one walk through the checks"
    )]
    fn prepare_semop(
        &mut self,
        current: TaskId,
        id: i32,
        addr: VirtAddr,
        count: u32,
        timeout: VirtAddr,
    ) -> Result<(Vec<SemOp>, Option<SemUndoId>, Option<u64>), Errno> {
        if count < 1 || id < 0 {
            return Err(Errno::EINVAL);
        }
        if count > MAX_OPS {
            return Err(Errno::E2BIG);
        }
        let mut bytes = vec![0; count as usize * SEMBUF_BYTES];
        self.copy_from_user(current, addr, &mut bytes)?;
        let ops: Vec<SemOp> = bytes
            .chunks_exact(SEMBUF_BYTES)
            .map(SemOp::from_bytes)
            .collect();
        let until = match timeout {
            VirtAddr(0) => None,
            addr => {
                let ticks = self.read_timespec(current, addr)?.to_jiffies();
                // A timeout of 0 expires at the next tick.
                Some(self.tick.saturating_add(ticks.max(1)))
            }
        };
        // The undo list comes before the checks of the set: if these fail, it exists all the same.
        let undo = if ops.iter().any(|op| op.undoes()) {
            Some(self.find_undo(current, id)?)
        } else {
            None
        };
        let set = self.sem_sets.find(id)?;
        let (size, perm) = (set.sems.len(), *set.perm());
        if ops.iter().any(|op| usize::from(op.num) >= size) {
            return Err(Errno::EFBIG);
        }
        let alter = ops.iter().any(|op| op.op != 0);
        if !self.may_use_ipc(current, perm, if alter { 0o222 } else { 0o444 }) {
            return Err(Errno::EACCES);
        }
        Ok((ops, undo, until))
    }

    /// Tries operations on a set for a task, given with the pid of its process; changes are traced.
    fn attempt(
        &mut self,
        id: i32,
        ops: &[SemOp],
        undo: Option<SemUndoId>,
        (task, pid): (TaskId, i32),
    ) -> Attempt {
        let now = self.get_seconds();
        let Ok(set) = self.sem_sets.find_mut(id) else {
            return Attempt::Failed(Errno::EIDRM);
        };
        // `update_queue` tries in the name of others: the trace shows what changed in the end, not
        // each operation of an attempt that may be taken back.
        let before = set.sems.clone();
        let undo = undo.and_then(|list| self.sem_undos.get_mut(list)?.of_set_mut(id));
        let attempt = try_atomic_semop(set, ops, undo, pid);
        if attempt == Attempt::Done {
            set.otime = now;
        }
        for (sem, was) in set.sems.iter_mut().zip(&before) {
            if sem.value != was.value {
                sem.holder = (sem.value < was.value).then_some(task);
            }
        }
        let after = set.sems.clone();
        let changes = before.iter().zip(&after).enumerate();
        for (num, (was, is)) in changes.filter(|(_, (was, is))| was.value != is.value) {
            self.trace_sem(id, num, was.value, is.value);
        }
        attempt
    }

    /// Traces the change of a semaphore value.
    pub(super) fn trace_sem(&mut self, id: i32, num: usize, from: i32, to: i32) {
        let (num, from, to) = (num as u16, from as u16, to as u16);
        let current = self.current();
        self.trace(current, TraceEvent::SemChange { id, num, from, to });
    }

    /// Wakes the tasks whose operations on a set can be done now.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `update_queue()`.
    pub(super) fn update_queue(&mut self, id: i32) {
        let mut at = 0;
        loop {
            let next = self
                .sem_sets
                .find(id)
                .ok()
                .and_then(|set| set.pending.get(at));
            let Some(Waiter {
                task,
                ops,
                undo,
                pid,
                ..
            }) = next.cloned()
            else {
                return;
            };
            let result = match self.attempt(id, &ops, undo, (task, pid)) {
                Attempt::Waits => {
                    at += 1;
                    continue;
                }
                Attempt::Done => Ok(()),
                Attempt::Failed(errno) => Err(errno),
            };
            let set = self.sem_sets.find_mut(id).ok();
            let Some(done) = set.and_then(|set| set.pending.remove(at)) else {
                return;
            };
            self.end_wait(done.task, result);
            if done.alter {
                // Its changes may allow tasks that were checked before to continue.
                at = 0;
            }
        }
    }

    /// Wakes a waiter that has left the queue, with this result.
    pub(super) fn end_wait(&mut self, task: TaskId, end: Result<(), Errno>) {
        // The result comes after the wake-up, as in the kernel: a waiter that saw it before could
        // return and exit, and there would be nobody left to wake.
        self.wake_up_process(task);
        if let Some(Continuation::Semop { result, .. }) =
            &mut self.task_mut(task).in_call.continuation
        {
            *result = Some(end);
        }
    }

    /// The end of a wait in `semop`: a task that is still queued was woken by a signal or by its
    /// timer.
    pub(in crate::kernel) fn semop_woken(
        &mut self,
        current: TaskId,
        id: i32,
        until: Option<u64>,
        result: Option<Result<(), Errno>>,
    ) -> SysResult {
        // A waiter with a result has left the queue, and its set may be gone.
        if let Some(result) = result {
            self.del_timer(current);
            return result.map(|()| 0).into();
        }
        if let Ok(set) = self.sem_sets.find_mut(id) {
            set.pending.retain(|waiter| waiter.task != current);
        }
        let timed_out = until.is_some_and(|tick| tick <= self.tick);
        self.del_timer(current);
        Err(if timed_out {
            Errno::EAGAIN
        } else {
            Errno::EINTR
        })
        .into()
    }
}
