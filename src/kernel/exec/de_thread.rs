//! exec in a process with several threads: the other threads are killed, and the caller waits for
//! that. If it is not the first thread, it takes the place and the pid of that one.

use crate::abi::{Errno, ExitState, PtFlags, Signal, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{Continuation, PendingExec, SignalFlags};
use crate::trace::SlabCache;

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
        if self.sighand_of(current).count() <= 1 {
            return Ok(());
        }
        // Allocated before anything is killed, because from then on exec cannot fail. It is freed
        // again if the others turn out to be threads, with whom the old actions die.
        self.kmem_cache_alloc(SlabCache::Sighand)?;
        let ends = self
            .signal_of(current)
            .flags()
            .contains(SignalFlags::GROUP_EXIT);
        if ends && !self.thread_group_empty(current) {
            Err(Errno::EAGAIN)
        } else {
            Ok(())
        }
    }

    /// Kills the other threads. From here on exec cannot fail.
    pub(super) fn de_thread(&mut self, current: TaskId, exec: PendingExec) -> SysResult {
        // The program is kept in the task before it may sleep: whatever wakes it goes on from there.
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
        let is_leader = self.task(current).group_leader() == current;
        let left = holders_left(is_leader);
        let group = self.signal_of_mut(current);
        if group.count() > left {
            // Before the sleep, because the last thread that goes looks for it in
            // `wake_waiting_exec`.
            group.exec_waits(current, left);
            let wait = Continuation::ExecWaitsForThreads;
            return self.block(current, TaskState::UNINTERRUPTIBLE, wait);
        }
        group.exec_goes_on();
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
        let leader = self.task(current).group_leader();
        // A leader that still exits uses its pid and its links; they cannot be taken over yet.
        if self.task(leader).exit_state() != ExitState::Zombie {
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
        let leader = self.task(task).group_leader();
        let cpu = usize::from(self.sched.get(task).cpu);
        waits
            && self.task(leader).exit_state() != ExitState::Zombie
            && self.sched.rq(cpu).nr_running() <= 1
    }

    fn threads_are_gone(&mut self, current: TaskId) -> SysResult {
        // The group exit was only for the others. If the flag stayed, the new program would count as
        // a process that is exiting.
        self.signal_of_mut(current).clear_flags();
        self.unshare_sighand_and_load(current)
    }

    /// Makes the caller the first thread of its process in everything that others can see: pid,
    /// parent, tracer. The old first thread is released under the caller's pid.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `de_thread()`.
    fn replace_leader(&mut self, current: TaskId, leader: TaskId) {
        let (word, tracer) = (self.task(leader).ptrace(), self.task(leader).parent());
        // A caller that traced its leader would become its own tracer.
        let word = if tracer == current {
            PtFlags::empty()
        } else {
            word
        };
        // Tracing ends first, so that each is in the list of its real parent again when it leaves it.
        for task in [current, leader] {
            if !self.task(task).ptrace().is_empty() {
                self.ptrace_unlink(task);
            }
        }
        self.remove_links(current);
        self.remove_links(leader);
        self.switch_exec_pids(leader, current);
        // The caller takes the leader's place below its parent. The leader must be in some list until
        // it is released, so it becomes a child of init.
        let parent = self.task(leader).real_parent();
        self.set_links(current, parent);
        self.set_links(leader, self.init);
        if !word.is_empty() {
            self.task_mut(current).set_ptrace(word);
            self.ptrace_link(current, tracer);
        }
        // Threads have -1; the parent must hear of the end of the process.
        self.task_mut(current).exit_signal = Signal::SIGCHLD.number() as i32;
        // It has the caller's pid by now.
        let thread = self.pid(leader);
        self.reap(leader);
        self.record_replacement(leader, thread);
    }

    /// Tasks that are not threads may share the signal actions; the new program gets its own.
    fn unshare_sighand_and_load(&mut self, current: TaskId) -> SysResult {
        if self.sighand_of(current).count() > 1 {
            self.unshare_sighand(current);
        }
        self.exit_itimers(self.signal_id(current));
        let exec = self.task_mut(current).in_call.exec.take();
        let exec = exec.expect("de_thread() keeps the new program until here");
        self.load_program(current, *exec)
    }

    /// Called when a thread is gone: an exec that waits for the others continues if it was the last
    /// one.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__exit_signal()`.
    pub(in crate::kernel) fn wake_waiting_exec(&mut self, signal: crate::abi::SignalId) {
        if let Some(waiter) = self.signals[signal].take_waiting_exec() {
            self.wake_up_process(waiter);
        }
    }
}
