//! exec in a process with several threads: the other threads are killed, and the caller waits for
//! that. If it is not the first thread, it takes the place and the pid of that one.

use crate::abi::{Errno, ExitState, Pid, PtFlags, Signal, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{Continuation, PendingExec, PidType, SignalFlags};
use crate::trace::{SlabCache, TraceEvent};

/// The number of holders of the `signal_struct` with which exec continues: the caller, and the
/// first thread, a zombie that waits to be replaced.
///
/// Linux 2.6.12: `fs/exec.c`, `de_thread()`.
pub(super) const fn holders_left(is_leader: bool) -> u32 {
    if is_leader { 1 } else { 2 }
}

impl Kernel {
    /// Checks that the other threads can be killed, and that signal actions can be allocated if
    /// needed.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `de_thread()`, its beginning.
    ///
    /// # Errors
    /// `ENOMEM`; `EAGAIN` if the process is already exiting.
    pub(super) fn may_de_thread(&mut self, current: TaskId) -> Result<(), Errno> {
        if self.sighand_of(current).count <= 1 {
            return Ok(());
        }
        self.kmem_cache_alloc(SlabCache::Sighand)?;
        let ends = self
            .signal_of(current)
            .flags
            .contains(SignalFlags::GROUP_EXIT);
        if ends && !self.thread_group_empty(current) {
            Err(Errno::EAGAIN)
        } else {
            Ok(())
        }
    }

    /// Kills the other threads. From here on exec cannot fail.
    pub(super) fn de_thread(&mut self, current: TaskId, exec: PendingExec) -> SysResult {
        let alone = self.thread_group_empty(current);
        self.task_mut(current).in_call.exec = Some(Box::new(exec));
        if alone {
            return self.unshare_sighand_and_load(current);
        }
        self.zap_other_threads(current);
        self.exec_waits_for_threads(current)
    }

    /// Sleeps in TASK_UNINTERRUPTIBLE until the other threads are gone.
    pub(in crate::kernel) fn exec_waits_for_threads(&mut self, current: TaskId) -> SysResult {
        let is_leader = self.task(current).group_leader == current;
        let left = holders_left(is_leader);
        let group = self.signal_of_mut(current);
        if group.count > left {
            group.group_exit_task = Some(current);
            group.notify_count = left;
            let wait = Continuation::ExecWaitsForThreads;
            return self.block(current, TaskState::UNINTERRUPTIBLE, wait);
        }
        group.group_exit_task = None;
        group.notify_count = 0;
        if is_leader {
            self.threads_are_gone(current)
        } else {
            self.exec_waits_for_leader(current)
        }
    }

    /// The first thread may not be a zombie yet, and the kernel yields until it is. A vfork child
    /// that is a thread of its parent therefore yields forever, because the parent waits for its
    /// exec.
    pub(in crate::kernel) fn exec_waits_for_leader(&mut self, current: TaskId) -> SysResult {
        let leader = self.task(current).group_leader;
        if self.task(leader).exit_state != ExitState::Zombie {
            self.task_mut(current).in_call.continuation = Some(Continuation::ExecWaitsForLeader);
            self.sys_sched_yield(current);
            return SysResult::Blocked;
        }
        self.replace_leader(current, leader);
        self.threads_are_gone(current)
    }

    /// Whether a task yields for a thread that has not exited while no other task can run. Only
    /// then does the wait take time.
    pub fn yields_in_vain(&self, task: TaskId) -> bool {
        let waits = self.task(task).in_call.continuation == Some(Continuation::ExecWaitsForLeader);
        let leader = self.task(task).group_leader;
        let cpu = usize::from(self.sched.get(task).cpu);
        waits
            && self.task(leader).exit_state != ExitState::Zombie
            && self.sched.rq(cpu).nr_running <= 1
    }

    fn threads_are_gone(&mut self, current: TaskId) -> SysResult {
        self.signal_of_mut(current).flags = SignalFlags::empty();
        self.unshare_sighand_and_load(current)
    }

    /// Makes the caller the first thread of its process in everything that others can see: pid,
    /// parent, tracer. The old first thread is released under the caller's pid.
    ///
    /// The process count stays correct here; 2.6.12 counts the released task as a process.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `de_thread()`; `kernel/pid.c`, `switch_exec_pids()`.
    fn replace_leader(&mut self, current: TaskId, leader: TaskId) {
        let (word, tracer) = (self.task(leader).ptrace, self.task(leader).parent);
        let word = if tracer == current {
            PtFlags::empty()
        } else {
            word
        };
        for task in [current, leader] {
            if !self.task(task).ptrace.is_empty() {
                self.ptrace_unlink(task);
            }
        }
        self.remove_child(current);
        self.remove_child(leader);
        self.switch_exec_pids(leader, current);
        let parent = self.task(leader).real_parent;
        for (task, parent) in [(current, parent), (leader, self.init)] {
            let t = self.task_mut(task);
            (t.parent, t.real_parent, t.group_leader) = (parent, parent, task);
            self.add_child(parent, task);
        }
        if !word.is_empty() {
            self.task_mut(current).ptrace = word;
            self.ptrace_link(current, tracer);
        }
        self.task_mut(current).exit_signal = Signal::SIGCHLD.number() as i32;
        self.process_counts += 1;
        self.task_mut(leader).exit_state = ExitState::Dead;
        self.release_task(leader);
    }

    fn switch_exec_pids(&mut self, leader: TaskId, thread: TaskId) {
        let (first, own) = (self.pid(leader), self.pid(thread));
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
            let group = self.signal_of(task);
            let (pgrp, session) = (group.pgrp, group.session);
            self.attach_pid(task, PidType::Pgid, pgrp);
            self.attach_pid(task, PidType::Sid, session);
        }
    }

    fn renumber(&mut self, task: TaskId, pid: Pid) {
        self.sched.get_mut(task).pid = pid;
        self.task_mut(task).tgid = pid;
    }

    /// Takes a task out of one hash. The pid stays in use, because it is attached again at once.
    fn unlink_pid(&mut self, task: TaskId, kind: PidType) {
        if let Some((nr, seq)) = self.task_mut(task).pid_links[kind as usize].take() {
            self.pid_hash.detach(kind, nr, seq);
        }
    }

    /// Tasks that are not threads may share the signal actions; the new program gets its own.
    fn unshare_sighand_and_load(&mut self, current: TaskId) -> SysResult {
        if self.sighand_of(current).count > 1 {
            self.unshare_sighand(current);
        }
        let exec = self.task_mut(current).in_call.exec.take();
        let exec = exec.expect("de_thread() keeps the new program until here");
        self.load_program(current, *exec)
    }

    /// Linux 2.6.12: `fs/exec.c`, `de_thread()`.
    fn unshare_sighand(&mut self, current: TaskId) {
        let shared = self.sighand_of_mut(current);
        shared.count -= 1;
        let own = shared.duplicate();
        self.task_mut(current).sighand = Some(self.sighands.insert(own));
    }

    /// Called when a thread is gone: an exec that waits for the others continues if it was the last
    /// one.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__exit_signal()`.
    pub(in crate::kernel) fn wake_waiting_exec(&mut self, signal: crate::abi::SignalId) {
        let group = &mut self.signals[signal];
        if group.count == group.notify_count
            && let Some(waiter) = group.group_exit_task.take()
        {
            self.wake_up_process(waiter);
        }
    }
}
