//! Futexes: sleeping until another task reports that a word in user memory has changed.

use crate::abi::{
    Errno, FUTEX_CMP_REQUEUE, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAKE, MmId, TaskId, TaskState,
    VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::mm::{VmFlags, Vma, pte_present, pte_to_pgoff};
use crate::kernel::syscall::{FutexArgs, SysResult};
use crate::kernel::task::{Continuation, FutexKey};
use crate::kernel::time::timespec_to_jiffies;
use std::collections::{BTreeMap, VecDeque};

/// The waiting tasks by word, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Futexes {
    queues: BTreeMap<FutexKey, VecDeque<TaskId>>,
}

impl Futexes {
    /// All waiting tasks, each with its word.
    pub fn waiters(&self) -> impl Iterator<Item = (FutexKey, TaskId)> {
        let queues = self.queues.iter();
        queues.flat_map(|(key, queue)| queue.iter().map(|task| (*key, *task)))
    }

    /// How many tasks wait for a word.
    fn waiting(&self, key: FutexKey) -> usize {
        self.queues.get(&key).map_or(0, VecDeque::len)
    }

    fn push(&mut self, key: FutexKey, task: TaskId) {
        self.queues.entry(key).or_default().push_back(task);
    }

    fn pop(&mut self, key: FutexKey) -> Option<TaskId> {
        let queue = self.queues.get_mut(&key)?;
        let task = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        task
    }

    /// Removes a waiter; returns whether it was still queued.
    ///
    /// Linux 2.6.12: `kernel/futex.c`, `unqueue_me()`.
    fn unqueue(&mut self, key: FutexKey, task: TaskId) -> bool {
        let Some(queue) = self.queues.get_mut(&key) else {
            return false;
        };
        let before = queue.len();
        queue.retain(|waiter| *waiter != task);
        let found = queue.len() < before;
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        found
    }
}

/// How long a wait may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sleep {
    /// Until it is woken, without a timeout.
    Forever,
    /// At most that many ticks.
    Ticks(u32),
    /// A negative number of ticks: the wait ends at once.
    Nonsense,
}

impl Sleep {
    /// The time is not validated: it is converted as it is, and one tick is added.
    ///
    /// Linux 2.6.12: `kernel/futex.c`, `sys_futex()`; `kernel/timer.c`, `schedule_timeout()`.
    const fn of(sec: i32, nsec: i32) -> Self {
        match timespec_to_jiffies(sec, nsec).wrapping_add(1) as i32 {
            i32::MAX => Self::Forever,
            ticks if ticks < 0 => Self::Nonsense,
            ticks => Self::Ticks(ticks as u32),
        }
    }
}

impl Kernel {
    /// Checks that every queued waiter is inside `FUTEX_WAIT` for that word.
    ///
    /// # Errors
    /// The waiter that is not, in words.
    pub(in crate::kernel) fn check_futexes(&self) -> Result<(), String> {
        for (key, task) in self.futexes.waiters() {
            let inside = self
                .tasks
                .get(task)
                .and_then(|task| task.in_call.continuation);
            match inside {
                Some(Continuation::Futex { key: its, .. }) if its == key => {}
                other => return Err(format!("{task:?} waits on {key:?}, but is in {other:?}")),
            }
        }
        Ok(())
    }

    /// Linux 2.6.12: `kernel/futex.c`, `sys_futex()` and `do_futex()`.
    ///
    /// # Errors
    /// `EINVAL`, `EFAULT`, `EACCES` for the address or the timeout; `EAGAIN` if the word has
    /// another value; `ETIMEDOUT`; `EINTR`; `ENOSYS` for an unknown operation.
    pub(in crate::kernel) fn sys_futex(&mut self, current: TaskId, args: FutexArgs) -> SysResult {
        match args.op {
            FUTEX_WAIT => self.futex_wait(current, args),
            FUTEX_WAKE => self.futex_wake(current, args.addr, args.val as i32).into(),
            FUTEX_REQUEUE => self.futex_requeue(current, args, None).into(),
            FUTEX_CMP_REQUEUE => self.futex_requeue(current, args, Some(args.val3)).into(),
            _ => Err(Errno::ENOSYS).into(),
        }
    }

    /// What identifies a word that a task has just used; `None` if it is not a futex word.
    pub fn futex_key(&self, task: TaskId, addr: VirtAddr) -> Option<FutexKey> {
        let mm = self.tasks.get(task)?.mm()?;
        let vma = self.mms[mm].find_vma(addr)?;
        let holds = vma.vm_start <= addr.0 && addr.0.is_multiple_of(4);
        holds.then(|| self.key_in(vma, mm, addr))
    }

    /// Linux 2.6.12: `kernel/futex.c`, `get_futex_key()`.
    fn get_futex_key(&mut self, current: TaskId, addr: VirtAddr) -> Result<FutexKey, Errno> {
        if addr.0 & 3 != 0 {
            return Err(Errno::EINVAL);
        }
        let mm = self.mm_id(current);
        // A stack grows down to the word, however far below the stack pointer that is: nobody has
        // touched the page, so the rule of page faults does not apply.
        let vma = self.find_extend_vma(mm, addr.page_base());
        let vma = vma.ok_or(Errno::EFAULT)?;
        if !vma.has(VmFlags::READ) {
            return Err(Errno::EACCES);
        }
        // The page itself says where in the file it is; 2.6.12 fetches it for that.
        if vma.has(VmFlags::NONLINEAR) {
            self.get_user_u32(current, addr)?;
        }
        Ok(self.key_in(&vma, mm, addr))
    }

    fn key_in(&self, vma: &Vma, mm: MmId, addr: VirtAddr) -> FutexKey {
        match vma.vm_file {
            // MAYSHARE, not SHARED: a read-only mapping of a shared file waits for the same word as
            // those who can write it.
            Some(file) if vma.has(VmFlags::MAYSHARE) => {
                let page = if vma.has(VmFlags::NONLINEAR) {
                    self.nonlinear_page(vma, mm, addr)
                } else {
                    vma.linear_page_index(addr)
                };
                let inode = self.open_files[file].inode();
                FutexKey::Shared(inode, page, addr.page_offset())
            }
            _ => FutexKey::Private(mm, addr.0),
        }
    }

    /// The page of the file that a nonlinear area maps at an address, as far as the entry knows it.
    fn nonlinear_page(&self, vma: &Vma, mm: MmId, addr: VirtAddr) -> u32 {
        let pte = self.pte(mm, addr);
        if pte_present(pte) {
            self.mem().page(pte.pfn()).index()
        } else {
            pte_to_pgoff(pte).unwrap_or_else(|| vma.linear_page_index(addr))
        }
    }

    /// A waiter holds what its key names, so that nothing else can get the same key meanwhile.
    ///
    /// Linux 2.6.12: `kernel/futex.c`, `get_key_refs()`.
    fn get_key_refs(&mut self, key: FutexKey) {
        match key {
            FutexKey::Private(mm, _) => self.mmgrab(mm),
            FutexKey::Shared(inode, ..) => self.iget(inode),
        }
    }

    /// Linux 2.6.12: `kernel/futex.c`, `drop_key_refs()`.
    fn drop_key_refs(&mut self, key: FutexKey) {
        match key {
            FutexKey::Private(mm, _) => self.mmdrop(mm),
            FutexKey::Shared(inode, ..) => self.iput(inode),
        }
    }

    /// Linux 2.6.12: `kernel/futex.c`, `futex_wait()`.
    fn futex_wait(&mut self, current: TaskId, args: FutexArgs) -> SysResult {
        match self.prepare_futex_wait(current, args) {
            Ok((key, until)) => {
                // The value was read just before, and nothing runs in between: a wake-up that
                // follows a change of the word cannot be missed.
                self.futexes.push(key, current);
                self.get_key_refs(key);
                let wait = Continuation::Futex { key, until };
                self.block_until(current, TaskState::INTERRUPTIBLE, wait, until)
            }
            Err(errno) => Err(errno).into(),
        }
    }

    fn prepare_futex_wait(
        &mut self,
        current: TaskId,
        args: FutexArgs,
    ) -> Result<(FutexKey, Option<u64>), Errno> {
        // The timeout is read before the word: if both addresses are bad, its error is returned.
        let sleep = match args.timeout {
            0 => Sleep::Forever,
            addr => {
                let [sec, nsec] = self.get_user_words(current, VirtAddr(addr))?;
                Sleep::of(sec as i32, nsec as i32)
            }
        };
        let key = self.get_futex_key(current, args.addr)?;
        if self.get_user_u32(current, args.addr)? != args.val {
            return Err(Errno::EAGAIN);
        }
        match sleep {
            Sleep::Forever => Ok((key, None)),
            // A wait of 0 ticks ends at the next tick.
            Sleep::Ticks(ticks) => Ok((key, Some(self.tick + u64::from(ticks.max(1))))),
            Sleep::Nonsense => Err(Errno::ETIMEDOUT),
        }
    }

    /// The end of [`futex_wait`](Self::futex_wait): a task that was removed from the queue was
    /// woken by a wake-up.
    pub(in crate::kernel) fn futex_woken(
        &mut self,
        current: TaskId,
        key: FutexKey,
        until: Option<u64>,
    ) -> SysResult {
        let still_queued = self.futexes.unqueue(key, current);
        self.drop_key_refs(key);
        // Whoever has left the queue was woken by a wake-up, even if a signal or the timeout came as
        // well: its waker has counted it.
        if !still_queued {
            self.del_timer(current);
            return SysResult::from(0);
        }
        if until.is_some_and(|tick| tick <= self.tick) {
            return Err(Errno::ETIMEDOUT).into();
        }
        self.del_timer(current);
        Err(Errno::EINTR).into()
    }

    /// Wakes tasks that wait for a word, at least one if there is one.
    ///
    /// Linux 2.6.12: `kernel/futex.c`, `futex_wake()`.
    pub(in crate::kernel) fn futex_wake(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        count: i32,
    ) -> Result<u32, Errno> {
        let key = self.get_futex_key(current, addr)?;
        Ok(self.wake_waiters(key, count))
    }

    fn wake_waiters(&mut self, key: FutexKey, count: i32) -> u32 {
        let mut woken = 0;
        while let Some(task) = self.futexes.pop(key) {
            self.wake_up_process(task);
            woken += 1;
            if woken as i32 >= count {
                break;
            }
        }
        woken
    }

    /// Wakes some waiters and moves others to another word.
    ///
    /// Linux 2.6.12: `kernel/futex.c`, `futex_requeue()`.
    fn futex_requeue(
        &mut self,
        current: TaskId,
        args: FutexArgs,
        expected: Option<u32>,
    ) -> Result<u32, Errno> {
        let from = self.get_futex_key(current, args.addr)?;
        let to = self.get_futex_key(current, args.addr2)?;
        if let Some(expected) = expected
            && self.get_user_u32(current, args.addr)? != expected
        {
            return Err(Errno::EAGAIN);
        }
        let (wake, requeue) = (args.val as i32, args.timeout as i32);
        let mut moved = 0i32;
        // A waiter moved to the end of the same queue is not visited again.
        for _ in 0..self.futexes.waiting(from) {
            let Some(task) = self.futexes.pop(from) else {
                break;
            };
            moved += 1;
            if moved <= wake {
                self.wake_up_process(task);
                continue;
            }
            // The waiter leaves the queue by the word that it remembers.
            if let Some(Continuation::Futex { key, .. }) =
                &mut self.task_mut(task).in_call.continuation
            {
                *key = to;
            }
            self.futexes.push(to, task);
            self.get_key_refs(to);
            self.drop_key_refs(from);
            // The difference may wrap, as in the kernel.
            if moved.wrapping_sub(wake) >= requeue {
                break;
            }
        }
        Ok(moved as u32)
    }
}
