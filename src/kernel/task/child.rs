//! The life of a `task_struct`: what a child inherits (the byte copy of `dup_task_struct`, and what
//! `copy_process` sets back in it), and the reference count that frees it.

use super::SigPending;
use super::{ChildList, InCall, PidType, Task};
use crate::abi::{ExitState, PfFlags, Pfn, Pid, PtFlags, TaskId};
use crate::kernel::Kernel;

impl Task {
    /// The `task_struct` of a child of this task. Every field is named, so that whoever adds one has
    /// to decide whether it is inherited.
    ///
    /// What the child is to hold (`mm` to `sem_undo`) is the parent's here, without a reference:
    /// `copy_*` put the child's own in their places.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `dup_task_struct()` and `copy_process()`.
    fn for_child(&self, pid: Pid, stack: Pfn, ptrace: PtFlags, now: u64) -> Self {
        Self {
            tgid: pid,
            group_leader: self.group_leader,
            pid_links: [None; PidType::COUNT],

            flags: (self.flags - PfFlags::SUPERPRIV) | PfFlags::FORKNOEXEC,
            exit_state: ExitState::Alive,
            exit_code: self.exit_code,
            exit_signal: self.exit_signal,
            pdeath_signal: self.pdeath_signal,
            dumped_with: None,
            usage: 2,

            real_parent: self.real_parent,
            parent: self.parent,
            children: ChildList::new(),
            sibling: self.sibling,
            vfork_done: None,

            mm: self.mm,
            active_mm: self.active_mm,
            files: self.files,
            fs: self.fs,
            sighand: self.sighand,
            signal: self.signal,
            namespace: self.namespace,
            sem_undo: self.sem_undo,

            cred: self.cred,
            groups: self.groups.clone(),
            personality: self.personality,

            pending: SigPending::default(),
            blocked: self.blocked,
            real_blocked: self.real_blocked,
            // 2.6.12 leaves it even to a thread, which then shares the stack.
            altstack: self.altstack,

            ptrace,
            ptrace_message: self.ptrace_message,
            last_siginfo: None,
            ptrace_children: ChildList::new(),
            ptrace_link: None,

            set_child_tid: self.set_child_tid,
            clear_child_tid: self.clear_child_tid,

            utime: 0,
            stime: 0,
            min_flt: self.min_flt,
            maj_flt: self.maj_flt,
            oomkilladj: self.oomkilladj,
            start_time: now,
            did_exec: false,
            self_exec_id: self.self_exec_id,
            parent_exec_id: self.parent_exec_id,

            stack: Some(stack),
            // Part of `thread_info`, which is copied with the stack.
            restart_block: self.restart_block,
            thread: self.thread.clone(),
            in_call: InCall::ret_from_fork(),
        }
    }
}

impl Task {
    /// Reference count: one for the running task, one for the reaper.
    pub(in crate::kernel) const fn usage(&self) -> u32 {
        self.usage
    }
}

impl Kernel {
    /// Adds the `task_struct` and the scheduling record of a child of `current`. It leads a thread
    /// group of its own until [`Self::join_thread_group`].
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `dup_task_struct()`.
    pub(in crate::kernel) fn insert_child(
        &mut self,
        current: TaskId,
        pid: Pid,
        stack: Pfn,
        ptrace: PtFlags,
    ) -> TaskId {
        // The copy must have the registers that are in the CPU, and may use the FPU elsewhere.
        self.unlazy_fpu(current);
        let copy = self.task(current).for_child(pid, stack, ptrace, self.tick);
        let child = self.tasks.insert(copy);
        self.task_mut(child).group_leader = child;
        self.sched.dup(current, child, pid);
        child
    }

    /// Makes a new task a thread of the process of `current`, with whose `signal_struct` it was
    /// created.
    pub(in crate::kernel) fn join_thread_group(&mut self, child: TaskId, current: TaskId) {
        let (tgid, leader) = (self.task(current).tgid, self.task(current).group_leader);
        let task = self.task_mut(child);
        (task.tgid, task.group_leader) = (tgid, leader);
    }

    /// `put_task_struct`: the last reference frees the struct and the kernel stack.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `__put_task_struct()`.
    pub(in crate::kernel) fn put_task(&mut self, task: TaskId) {
        self.task_mut(task).usage -= 1;
        if self.task(task).usage == 0 {
            self.free_task(task);
        }
    }

    /// Linux 2.6.12: `kernel/fork.c`, `free_task()`.
    pub(in crate::kernel) fn free_task(&mut self, task: TaskId) {
        self.sched.remove(task);
        if let Some(dead) = self.tasks.remove(task)
            && let Some(stack) = dead.stack
        {
            self.free_frames(stack, 1);
        }
    }
}
