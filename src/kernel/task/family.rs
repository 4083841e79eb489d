//! The process tree: each task is in the list of its parent, and a task that a stranger traces is
//! also in a list of its real parent. Both ends of a link change here, together.

use super::{ChildList, Seq, Task};
use crate::abi::TaskId;
use crate::kernel::Kernel;

impl Task {
    /// Its creator, or the task that adopted it.
    pub const fn real_parent(&self) -> TaskId {
        self.real_parent
    }

    /// The task that is notified of its exit: the real parent or a tracer.
    pub const fn parent(&self) -> TaskId {
        self.parent
    }

    /// Its children and the tasks that it traces, in the order in which `wait4` looks at them.
    pub const fn children(&self) -> &ChildList {
        &self.children
    }

    /// Its children that other tasks trace.
    pub(in crate::kernel) const fn ptrace_children(&self) -> &ChildList {
        &self.ptrace_children
    }
}

impl Kernel {
    /// Gives a task that is in nobody's list a parent, real and reported, as its last child.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `SET_LINKS()`.
    pub(in crate::kernel) fn set_links(&mut self, child: TaskId, parent: TaskId) {
        let task = self.task_mut(child);
        (task.real_parent, task.parent) = (parent, parent);
        self.add_parent(child, parent);
    }

    /// Takes a task out of its parent's list.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `REMOVE_LINKS()`.
    pub(in crate::kernel) fn remove_links(&mut self, child: TaskId) {
        let (parent, seq) = (self.task(child).parent, self.task(child).sibling);
        self.task_mut(parent).children.remove(&seq);
    }

    /// Moves a child behind its siblings, so that the next wait looks at the others first.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_stopped()`.
    pub(in crate::kernel) fn move_behind_siblings(&mut self, child: TaskId) {
        let parent = self.task(child).parent;
        self.remove_links(child);
        self.add_parent(child, parent);
    }

    /// Appends a task to the list of its parent.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `add_parent()`.
    fn add_parent(&mut self, child: TaskId, parent: TaskId) {
        let seq = self.pid_hash.next_seq();
        self.task_mut(child).sibling = seq;
        self.task_mut(parent).children.insert(seq, child);
    }

    /// Makes the tracer the parent; the real parent keeps the task on a separate list.
    ///
    /// Linux 2.6.12: `kernel/ptrace.c`, `__ptrace_link()`.
    pub(in crate::kernel) fn ptrace_link(&mut self, child: TaskId, tracer: TaskId) {
        let parent = self.task(child).parent;
        if parent == tracer {
            return;
        }
        // Without this second link, the exit of the real parent would not find the task.
        self.keep_for_real_parent(child, parent);
        self.remove_links(child);
        self.task_mut(child).parent = tracer;
        self.add_parent(child, tracer);
    }

    /// Makes the real parent the parent again, if a tracer has taken its place.
    ///
    /// Linux 2.6.12: `kernel/ptrace.c`, `__ptrace_unlink()`.
    pub(in crate::kernel) fn return_to_real_parent(&mut self, child: TaskId) {
        if self.forget_for_real_parent(child) {
            let real = self.task(child).real_parent;
            self.remove_links(child);
            self.task_mut(child).parent = real;
            self.add_parent(child, real);
        }
    }

    /// Called when the real parent of a traced task exits: the task gets a new real parent, and
    /// stays with its tracer.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `reparent_thread()`.
    pub(in crate::kernel) fn reparent_tracee(&mut self, child: TaskId, reaper: TaskId) {
        self.forget_for_real_parent(child);
        self.task_mut(child).real_parent = reaper;
        // A tracer that adopts its tracee is no longer a stranger to it.
        if self.task(child).parent != reaper {
            self.keep_for_real_parent(child, reaper);
        }
    }

    fn keep_for_real_parent(&mut self, child: TaskId, parent: TaskId) {
        let seq: Seq = self.pid_hash.next_seq();
        self.task_mut(child).ptrace_link = Some(seq);
        self.task_mut(parent).ptrace_children.insert(seq, child);
    }

    /// Takes a task out of its real parent's list of tracees; returns whether it was there.
    fn forget_for_real_parent(&mut self, child: TaskId) -> bool {
        let Some(seq) = self.task_mut(child).ptrace_link.take() else {
            return false;
        };
        let real = self.task(child).real_parent;
        self.task_mut(real).ptrace_children.remove(&seq);
        true
    }
}
