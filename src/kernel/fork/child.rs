//! What a child inherits: the byte copy of `dup_task_struct` and what `copy_process` sets back in it.

use super::clone_rules::child_ptrace;
use crate::abi::{CloneFlags, Pfn, Pid};
use crate::abi::{ExitState, PfFlags};
use crate::kernel::task::{ChildList, InCall, PidType, SigPending, Task};

impl Task {
    /// The `task_struct` of a child of this task. Every field is named, so that whoever adds one has
    /// to decide whether it is inherited.
    ///
    /// What the child is to hold (`mm` to `sem_undo`) is the parent's here, without a reference:
    /// `copy_*` put the child's own in their places.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `dup_task_struct()` and `copy_process()`.
    pub(super) fn for_child(&self, pid: Pid, stack: Pfn, flags: CloneFlags, now: u64) -> Self {
        Self {
            tgid: pid,
            group_leader: self.group_leader,
            pid_links: [None; PidType::COUNT],

            flags: (self.flags - PfFlags::SUPERPRIV) | PfFlags::FORKNOEXEC,
            exit_state: ExitState::Alive,
            exit_code: self.exit_code,
            exit_signal: self.exit_signal,
            pdeath_signal: self.pdeath_signal,
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

            pending: SigPending::default(),
            blocked: self.blocked,
            real_blocked: self.real_blocked,
            // 2.6.12 leaves it even to a thread, which then shares the stack.
            altstack: self.altstack,

            ptrace: child_ptrace(self.ptrace, flags),
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
