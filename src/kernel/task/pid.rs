//! Tasks in the pid hashes, and the totals of tasks: a task is counted exactly as long as the
//! hashes contain it.

use super::{PidHash, PidType, Pidmap, Seq, Task};
use crate::abi::{Pid, TaskId};
use crate::kernel::Kernel;
use crate::kernel::syscall::ForkRefusal;
use crate::trace::TraceEvent;

/// How many tasks there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    nr_threads: u32,
    process_counts: u32,
    total_forks: u64,
}

impl Task {
    /// Thread group id: what `getpid` returns.
    pub const fn tgid(&self) -> Pid {
        self.tgid
    }

    /// First thread of the process.
    pub const fn group_leader(&self) -> TaskId {
        self.group_leader
    }

    /// Its pid and position in one of the pid hashes, if that hash contains it.
    pub const fn pid_link(&self, kind: PidType) -> Option<(Pid, Seq)> {
        self.pid_links[kind as usize]
    }
}

impl Kernel {
    /// Pids in use, and the pid that was allocated last.
    pub const fn pidmap(&self) -> &Pidmap {
        &self.pidmap
    }

    /// Tasks by pid, thread group, process group and session.
    pub const fn pid_hash(&self) -> &PidHash {
        &self.pid_hash
    }

    /// Reserves pids for that many tasks that are created later: all of them or none.
    ///
    /// # Errors
    /// If there are not enough.
    pub fn reserve_pids(&mut self, count: usize) -> Result<Vec<Pid>, ForkRefusal> {
        let before = self.pidmap.clone();
        let pids: Option<Vec<Pid>> = (0..count).map(|_| self.pidmap.reserve()).collect();
        if pids.is_none() {
            self.pidmap = before;
        }
        pids.ok_or(self.no_pid())
    }

    /// Every pid is taken.
    pub(in crate::kernel) const fn no_pid(&self) -> ForkRefusal {
        ForkRefusal::NoPid {
            pid_max: self.config.pid_max,
        }
    }

    /// Sets the pid after which the next search starts.
    pub const fn set_last_pid(&mut self, pid: u32) {
        self.pidmap.last_pid = pid;
    }

    /// Number of tasks, including threads and zombies but not the idle tasks.
    pub const fn nr_threads(&self) -> u32 {
        self.totals.nr_threads
    }

    /// Number of processes (thread group leaders), including zombies.
    pub const fn process_counts(&self) -> u32 {
        self.totals.process_counts
    }

    /// Successful forks since boot, including threads.
    pub const fn total_forks(&self) -> u64 {
        self.totals.total_forks
    }

    /// The threads of a task's process that have not been released, in the order of creation.
    pub fn threads(&self, task: TaskId) -> Vec<TaskId> {
        self.pid_hash
            .all(PidType::Tgid, self.task(task).tgid)
            .collect()
    }

    /// The same threads, starting with the given task: the order of `next_thread`.
    pub(in crate::kernel) fn threads_from(&self, task: TaskId) -> Vec<TaskId> {
        let mut threads = self.threads(task);
        let at = threads.iter().position(|thread| *thread == task);
        threads.rotate_left(at.unwrap_or(0));
        threads
    }

    /// Whether no other task of the process is left, including zombies.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `thread_group_empty()`.
    pub(in crate::kernel) fn thread_group_empty(&self, task: TaskId) -> bool {
        self.pid_hash
            .all(PidType::Tgid, self.task(task).tgid)
            .all(|thread| thread == task)
    }

    /// Makes a new task visible: from here on it is found by its ids, and counted.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, the end of `copy_process()`.
    pub(in crate::kernel) fn hash_process(&mut self, task: TaskId) {
        let (pid, tgid) = (self.pid(task), self.task(task).tgid);
        self.attach_pid(task, PidType::Pid, pid);
        self.attach_pid(task, PidType::Tgid, tgid);
        // Signals for a group and a session go to processes, so only leaders are in these hashes.
        if pid == tgid {
            self.attach_group_and_session(task);
            self.totals.process_counts += 1;
        }
        self.totals.nr_threads += 1;
        self.totals.total_forks += 1;
    }

    /// Linux 2.6.12: `kernel/exit.c`, `__unhash_process()`.
    pub(in crate::kernel) fn unhash_process(&mut self, task: TaskId) {
        // Asked while it still has its links.
        let leader = self.task(task).pid_link(PidType::Pgid).is_some();
        self.totals.nr_threads -= 1;
        for kind in PidType::ALL {
            self.detach_pid(task, kind);
        }
        if leader {
            self.totals.process_counts -= 1;
        }
        self.remove_links(task);
    }

    /// Exchanges the pids of a process's first thread and of the thread that takes its place in an
    /// exec. Each leads a thread group of its own afterwards.
    ///
    /// The process count stays correct here; 2.6.12 counts the released task as a process.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `switch_exec_pids()`; `fs/exec.c`, `de_thread()`.
    pub(in crate::kernel) fn switch_exec_pids(&mut self, leader: TaskId, thread: TaskId) {
        let (first, own) = (self.pid(leader), self.pid(thread));
        // Both leave all hashes before one enters any, so that no pid ever names two tasks.
        for kind in PidType::ALL {
            self.unlink_pid(leader, kind);
            self.unlink_pid(thread, kind);
        }
        self.renumber(leader, own);
        self.trace(thread, TraceEvent::ExecTakesPid { pid: first });
        self.renumber(thread, first);
        for task in [thread, leader] {
            let pid = self.pid(task);
            self.attach_pid(task, PidType::Pid, pid);
            self.attach_pid(task, PidType::Tgid, pid);
            self.attach_group_and_session(task);
        }
        // The released leader is still hashed as one, and will be subtracted again.
        self.totals.process_counts += 1;
    }

    fn attach_group_and_session(&mut self, leader: TaskId) {
        let (pgrp, session) = (self.pgrp(leader), self.session(leader));
        self.attach_pid(leader, PidType::Pgid, pgrp);
        self.attach_pid(leader, PidType::Sid, session);
    }

    fn renumber(&mut self, task: TaskId, pid: Pid) {
        self.sched.set_pid(task, pid);
        let t = self.task_mut(task);
        (t.tgid, t.group_leader) = (pid, task);
    }

    /// Linux 2.6.12: `kernel/pid.c`, `attach_pid()`.
    pub(super) fn attach_pid(&mut self, task: TaskId, kind: PidType, nr: Pid) {
        let seq = self.pid_hash.attach(kind, nr, task);
        self.task_mut(task).pid_links[kind as usize] = Some((nr, seq));
    }

    /// Takes a task out of one pid hash. The pid is freed when no hash contains it any more.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `detach_pid()`.
    pub(super) fn detach_pid(&mut self, task: TaskId, kind: PidType) {
        if let Some((nr, seq)) = self.task_mut(task).pid_links[kind as usize].take()
            && self.pid_hash.detach(kind, nr, seq)
        {
            self.pidmap.free(nr);
        }
    }

    /// Takes a task out of one hash. The pid stays in use, because it is attached again at once.
    fn unlink_pid(&mut self, task: TaskId, kind: PidType) {
        if let Some((nr, seq)) = self.task_mut(task).pid_links[kind as usize].take() {
            self.pid_hash.detach(kind, nr, seq);
        }
    }
}
