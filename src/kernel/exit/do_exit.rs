//! The exit of tasks: `do_exit`, notifying the parent, reparenting the children, and
//! `release_task`.

use super::rules::{
    Exiting, ParentsWish, clears_tid, exit_notice, is_chosen_by_a_stranger, parents_wish,
    reaps_itself, tell_parent,
};
use super::wait_rules::end_in_siginfo;
use crate::abi::{
    Caps, ExitState, PfFlags, Pid, PtFlags, PtraceEvent, SigInfo, SigOrigin, SigSet, Signal,
    TaskId, VirtAddr, WaitStatus,
};
use crate::kernel::Kernel;
use crate::kernel::signal::Wakes;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{Pending, SendInfo, SignalFlags, Trap};
use crate::kernel::tty::Leaves;
use crate::trace::TraceEvent;

impl Kernel {
    /// Linux 2.6.12: `kernel/exit.c`, `sys_exit()`: this task only.
    pub(in crate::kernel) fn sys_exit(&mut self, current: TaskId, status: i32) -> SysResult {
        self.do_exit(current, WaitStatus::exited(status).0)
    }

    /// Linux 2.6.12: `kernel/exit.c`, `sys_exit_group()`: the whole process.
    pub(in crate::kernel) fn sys_exit_group(&mut self, current: TaskId, status: i32) -> SysResult {
        self.do_group_exit(current, WaitStatus::exited(status).0)
    }

    /// Ends the current task with a wait status. It never runs again.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `do_exit()`.
    pub(in crate::kernel) fn do_exit(&mut self, current: TaskId, code: u32) -> SysResult {
        let pid = self.pid(current).0;
        if pid <= 1 {
            let what = if pid == 0 { "the idle task" } else { "init" };
            self.panic(&format!("Attempted to kill {what}!"));
            return SysResult::Blocked;
        }
        // The tracer is told while the task still has its memory and files, so that it can look.
        if self.task(current).ptrace().contains(PtFlags::TRACE_EXIT) {
            self.task_mut(current).set_ptrace_message(code);
            return self.ptrace_event(current, PtraceEvent::Exit, Trap::Exit { code });
        }
        self.exit_for_good(current, code)
    }

    /// The rest of `do_exit`, after the stop for a tracer.
    pub(in crate::kernel) fn exit_for_good(&mut self, current: TaskId, code: u32) -> SysResult {
        // The task does nothing after its end that does not come of it.
        let _context = self.trace_cause(
            current,
            TraceEvent::SchedProcessExit {
                status: WaitStatus(code),
            },
        );
        self.observe_exit(current, code);
        // Marked first: signals for the process must pick another thread from here on.
        self.task_mut(current).flags |= PfFlags::EXITING;
        let id = self.signal_id(current);
        if self.signals[id].dec_live_and_test() {
            self.del_real_timer(id, self.task(current).tgid());
        }
        // The tid is cleared in memory that the next line gives up.
        self.mm_release(current);
        match self.exit_waits_for_core(current, code) {
            Some(waits) => waits,
            None => self.exit_rest(current, code),
        }
    }

    /// The rest of the exit, from where the task gives its memory up.
    pub(in crate::kernel) fn exit_rest(&mut self, current: TaskId, code: u32) -> SysResult {
        self.exit_mm_drop(current);
        self.exit_resources(current);
        let signal = self.signal_of(current);
        // The last thread of a leader: the terminal outlives the descriptors, so that nothing that
        // is still open keeps anybody from being told.
        if signal.live() == 0 && signal.leader() {
            self.disassociate_ctty(current, Leaves::Exit);
        }
        self.task_mut(current).exit_code = code;
        // The parent may read the wait status as soon as it is notified. Everything that others wait
        // for (a pipe's end, a semaphore's undo value) has been given back before that.
        self.exit_notify(current);
        // The stack is still in use; the task that runs next drops the last reference.
        self.sched.set_dead(current);
        self.schedule();
        SysResult::Blocked
    }

    /// Ends the whole process.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `do_group_exit()`.
    pub(in crate::kernel) fn do_group_exit(&mut self, current: TaskId, code: u32) -> SysResult {
        let mut code = code;
        let signal = self.signal_of_mut(current);
        // The first thread that ends the process chooses its wait status.
        if signal.flags().contains(SignalFlags::GROUP_EXIT) {
            code = signal.group_exit_code();
        } else if signal.count() > 1 {
            signal.begin_group_exit(code);
            self.zap_other_threads(current);
        }
        self.do_exit(current, code)
    }

    /// Sends SIGKILL to every other thread of the process.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `zap_other_threads()`.
    pub(in crate::kernel) fn zap_other_threads(&mut self, current: TaskId) {
        self.signal_of_mut(current).exit_overrides_stop();
        let leader = self.task(current).group_leader();
        for thread in self.threads(current) {
            if thread == current || self.task(thread).exit_state() != ExitState::Alive {
                continue;
            }
            // The others reap themselves. Only the leader stays, to be reported to the parent.
            if thread != leader {
                self.task_mut(thread).exit_signal = -1;
            }
            // As with every SIGKILL, stop signals that are pending have no effect any more.
            self.rm_from_queue(SigSet::STOPS, Pending::Private(thread));
            self.kill_thread(thread);
        }
    }

    /// Called when a task releases its address space, at exit and at exec: lets a vfork parent
    /// continue, and clears the tid at `clear_child_tid`, which others may wait for.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `mm_release()`.
    pub(in crate::kernel) fn mm_release(&mut self, current: TaskId) {
        let task = self.task_mut(current);
        task.thread.regs.fs = 0;
        task.thread.regs.gs = 0;
        // The parent may run on in this memory from here on. The task itself is done with it but for
        // the tid below.
        self.complete_vfork(current);
        let addr = self.task(current).clear_child_tid;
        let mm = self.task(current).mm();
        if clears_tid(addr, mm.map_or(0, |mm| self.mms[mm].mm_users())) {
            // Forgotten, so that after an exec it is not cleared again in the new program's memory.
            self.task_mut(current).clear_child_tid = VirtAddr(0);
            let failed = self.put_user_u32(current, addr, 0).is_err();
            self.trace(
                current,
                TraceEvent::TidWrite {
                    addr,
                    value: Pid(0),
                    failed,
                },
            );
            // Whether or not a task waits there.
            let _ = self.futex_wake(current, addr, 1);
        }
    }

    /// Lets the vfork parent of a task continue, if one waits.
    pub(in crate::kernel) fn complete_vfork(&mut self, child: TaskId) {
        if let Some(parent) = self.task_mut(child).vfork_done.take() {
            let pid = self.pid(parent);
            let context = self.trace_cause(child, TraceEvent::VforkDone { parent: pid });
            self.complete(parent);
            self.end_cause(context);
        }
    }

    /// `exit_sem`, `exit_files`, `exit_fs`, `exit_namespace`, in this order.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `do_exit()`.
    fn exit_resources(&mut self, current: TaskId) {
        let task = self.task_mut(current);
        let (undo, files) = (task.sem_undo.take(), task.files.take());
        let (fs, namespace) = (task.fs.take(), task.namespace.take());
        if let Some(undo) = undo {
            self.exit_sem(current, undo);
        }
        if let Some(files) = files {
            self.put_files(files);
        }
        if let Some(fs) = fs {
            self.put_fs(fs);
        }
        if let Some(namespace) = namespace {
            self.put_namespace(namespace);
        }
    }

    /// Reparents the children, notifies the parent, and decides whether the task becomes a zombie.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `exit_notify()`.
    fn exit_notify(&mut self, current: TaskId) {
        // A signal for the process may have woken this thread alone, which will not take it any more.
        self.hand_signals_over(current);
        // The children get a new parent while the old one is not a zombie: a zombie cannot wait.
        self.forget_original_parent(current);
        let parent = self.task(current).real_parent();
        self.wake_orphaned_pgrp(current, parent, Some(current));
        self.demote_exit_signal(current);
        let task = self.task(current);
        let last = self.thread_group_empty(current);
        let exiting = Exiting {
            exit_signal: task.exit_signal,
            ptrace: task.ptrace(),
            last_thread: last,
            parent_is_tracer: task.parent() != task.real_parent(),
        };
        if let Some(signal) = exit_notice(exiting) {
            self.do_notify_parent(current, signal);
        }
        // The state is set last: from here on the parent may reap it.
        let tracer_ends = self.tracer_is_ending(current);
        // Init also reaps at once a child that it traces because the child asked for it.
        let leads = self.task(current).group_leader() == current;
        let reaped_by_init = self.task(current).parent() == self.init && (last || !leads);
        let task = self.task_mut(current);
        let forgotten = task.exit_signal == -1 && (tracer_ends || reaped_by_init);
        if reaps_itself(task.exit_signal, task.ptrace()) || forgotten {
            self.reap(current);
        } else {
            task.become_zombie();
        }
    }

    /// Passes the signals that the task would have taken for its process to another thread that
    /// can.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `exit_notify()`.
    fn hand_signals_over(&mut self, current: TaskId) {
        let group = self.signal_of(current);
        let ends = group.flags().contains(SignalFlags::GROUP_EXIT);
        if ends || !self.signal_pending(current) {
            return;
        }
        for thread in self.threads_from(current).into_iter().skip(1) {
            let exiting = self.task(thread).flags.contains(PfFlags::EXITING);
            if exiting || self.signal_pending(thread) {
                continue;
            }
            self.recalc_sigpending(thread);
            if self.signal_pending(thread) {
                self.signal_wake_up(thread, Wakes::Sleepers);
            }
        }
    }

    /// A child that has called exec, or whose parent has, can no longer send the signal that its
    /// creator chose.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `exit_notify()`.
    fn demote_exit_signal(&mut self, current: TaskId) {
        let task = self.task(current);
        let parent_exec_id = self.task(task.real_parent()).self_exec_id;
        let execed =
            task.parent_exec_id != parent_exec_id || task.self_exec_id != task.parent_exec_id;
        if is_chosen_by_a_stranger(task.exit_signal, execed) && !self.capable(current, Caps::KILL) {
            self.task_mut(current).exit_signal = Signal::SIGCHLD.number() as i32;
        }
    }

    /// Sends the exit signal to the parent and wakes it from `wait4`.
    ///
    /// If the parent ignores SIGCHLD, or does not want zombies, its children reap themselves:
    /// `exit_signal` becomes -1.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_notify_parent()`.
    pub(in crate::kernel) fn do_notify_parent(&mut self, task: TaskId, signal: i32) {
        let parent = self.task(task).parent();
        let told = tell_parent(signal, self.wish_of_parent(parent));
        if told.child_is_forgotten {
            self.task_mut(task).exit_signal = -1;
        }
        if let Some(signal) = told.signal {
            let info = SendInfo::Info(self.exit_info(task, signal));
            // If a real-time signal cannot be queued, the parent is not notified.
            let _sent = self.group_send_sig_info(signal, info, parent);
        }
        self.wake_up_parent(parent);
    }

    /// What a parent has declared about the exits of its children.
    pub fn wish_of_parent(&self, parent: TaskId) -> ParentsWish {
        let action = self.k_sigaction_of(parent, Signal::SIGCHLD);
        parents_wish(action.handler, action.flags)
    }

    /// The `siginfo` of an exit signal.
    fn exit_info(&self, task: TaskId, signal: Signal) -> SigInfo {
        let ended = self.task(task);
        let (code, status) = end_in_siginfo(ended.exit_code);
        let dead = self.signal_of(task).dead;
        let origin = SigOrigin::Child {
            pid: self.pid(task).0,
            uid: ended.cred().uid,
            status: status as i32,
            utime: ended.utime + dead.utime,
            stime: ended.stime + dead.stime,
        };
        SigInfo {
            signal,
            code,
            origin,
        }
    }

    /// Releases a task for which nobody will wait.
    pub(in crate::kernel) fn reap(&mut self, task: TaskId) {
        // Dead first: what its release wakes must not find a zombie.
        self.task_mut(task).become_dead();
        self.release_task(task);
    }

    /// Removes the last traces of a task that has exited. Its struct is freed when it no longer
    /// runs.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `release_task()`.
    pub(super) fn release_task(&mut self, task: TaskId) {
        // A zombie counts against its user's limit until here.
        let uid = self.task(task).cred().uid;
        self.users.put(uid);
        if !self.task(task).ptrace().is_empty() {
            self.ptrace_unlink(task);
        }
        let (pid, name) = (self.pid(task), self.comm(task));
        self.trace(task, TraceEvent::SchedProcessFree { pid, name });
        self.observe_release(task);
        self.record_end(task);
        // Before the hashes: the next thread of the process is found through them.
        self.exit_signal_struct(task);
        self.put_sighand(task);
        let parent = self.task(task).parent();
        self.proc_pid_flush(task);
        self.unhash_process(task);
        // The notification comes before `sched_exit`, because it may wake that parent, whose sleep
        // average then counts.
        let leader = self.notify_for_silent_leader(task);
        let (sched, mut ctx) = self.sched_ctx();
        sched.sched_exit(&mut ctx, task, parent);
        self.put_task(task);
        // Not before this thread is gone: the leader is released as the last one of its process.
        if let Some(leader) = leader {
            self.reap(leader);
        }
    }

    /// Notifies the parent when the last other thread of a process whose leader is a zombie is
    /// released. Returns the leader if nobody will wait for it.
    fn notify_for_silent_leader(&mut self, task: TaskId) -> Option<TaskId> {
        let leader = self.task(task).group_leader();
        let zombie = self.task(leader).exit_state() == ExitState::Zombie;
        if leader == task || !zombie || !self.thread_group_empty(leader) {
            return None;
        }
        let signal = self.task(leader).exit_signal;
        self.do_notify_parent(leader, signal);
        (self.task(leader).exit_signal == -1).then_some(leader)
    }

    /// `__exit_signal`: drops one reference; a thread's times are added to the sums of its process.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__exit_signal()`.
    fn exit_signal_struct(&mut self, task: TaskId) {
        let used = self.task_usage(task);
        let next = self.threads_from(task).get(1).copied();
        let shared = self.signal_of_mut(task);
        // The structure may not name a task that is gone.
        shared.forget_thread(task, next);
        // The last one leaves no process to keep sums for; a parent that waits has added them before.
        if shared.count() > 1 {
            shared.dead += used;
        } else {
            self.flush_sigqueue(self.shared_pending(task));
            self.exit_itimers(self.signal_id(task));
        }
        self.flush_sigqueue(Pending::Private(task));
        self.put_signal(task);
    }
}
