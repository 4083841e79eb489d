//! The kernel threads of memory management: kswapd and pdflush.

use crate::abi::{Name, PfFlags, Pid, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::sched::{SchedTask, effective_prio};
use crate::kernel::task::{Cred, Task};

impl Kernel {
    /// Creates a kernel thread, which sleeps.
    ///
    /// Simplified: like the idle tasks it is in no list and no hash, and has no kernel stack; its
    /// pid is fixed.
    pub(super) fn make_daemon(&mut self, pid: u32, name: &str, flags: PfFlags) -> TaskId {
        self.pidmap.keep_out(pid);
        let name = self.names.intern(name);
        let pid = Pid(pid.cast_signed());
        let thread = self
            .tasks
            .insert_with_key(|id| Task::bare(id, pid, Cred::of_user(0)));
        self.task_mut(thread).flags |= flags;
        let entry = self.daemon_entry(pid, name);
        self.sched.insert(thread, entry);
        thread
    }

    fn daemon_entry(&self, pid: Pid, name: Name) -> SchedTask {
        let mut entry = SchedTask::new(pid, name);
        entry.state = TaskState::INTERRUPTIBLE;
        entry.prio = effective_prio(&entry).prio;
        entry.time_slice = self.sched.tunables.task_timeslice(entry.static_prio);
        entry
    }

    /// Whether a task is kswapd or pdflush.
    #[inline]
    pub fn is_daemon(&self, task: TaskId) -> bool {
        self.is_kswapd(task) || self.is_pdflush(task)
    }

    /// The threads that machines show: pdflush and kswapd once they were woken, and kswapd if there
    /// is swap.
    pub fn visible_daemons(&self) -> impl Iterator<Item = TaskId> {
        self.visible_pdflush().chain(self.visible_kswapd())
    }

    /// The threads in the order in which 2.6.12 creates them, before all other processes.
    pub(super) fn daemons(&self) -> impl Iterator<Item = TaskId> {
        self.pdflush_tasks().chain([self.kswapd_task()])
    }

    /// Lets the thread on this CPU do its work, if it is one of these.
    pub fn daemon_round(&mut self, current: TaskId) -> bool {
        self.kswapd_round(current) || self.pdflush_round(current)
    }
}
