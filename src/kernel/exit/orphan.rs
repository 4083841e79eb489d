//! What happens to the children of an exiting task: their new parent, the signal that they
//! requested for this case, and process groups that become orphaned.

use super::rules::reaps_itself;
use crate::abi::{ExitState, Pid, PtFlags, Signal, TaskId};
use crate::kernel::Kernel;
use crate::kernel::rules::{Among, Fact};
use crate::kernel::task::SendInfo;
use crate::trace::{Choice, Decision, TraceEvent};

impl Kernel {
    /// Reparents the children to the next living thread of the process, or to init.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `forget_original_parent()`.
    pub(super) fn forget_original_parent(&mut self, father: TaskId) {
        let task = self.task(father);
        if task.children().is_empty() && task.ptrace_children().is_empty() {
            return;
        }
        // A copy, because every child leaves the list that is walked.
        let children: Vec<TaskId> = task.children().values().copied().collect();
        let reaper = self.child_reaper(father);
        let mut unwanted = Vec::new();
        for child in children {
            // Adopted children that reap themselves may take others with them.
            let Some(task) = self.tasks.get(child) else {
                continue;
            };
            if task.real_parent() != father {
                if self.let_tracee_go(child) {
                    unwanted.push(child);
                }
                continue;
            }
            let traced_zombie = !task.ptrace().is_empty()
                && task.exit_state() == ExitState::Zombie
                && task.exit_signal == -1;
            let reaper = self.adopter(child, father, reaper);
            self.reparent_thread(child, father, reaper);
            if traced_zombie {
                unwanted.push(child);
            }
        }
        // The children that others trace are on the second list: they change their real parent only.
        let elsewhere = &self.task(father).ptrace_children();
        let elsewhere: Vec<TaskId> = elsewhere.values().rev().copied().collect();
        for child in elsewhere {
            self.new_father(child, father);
            self.reparent_tracee(child, reaper);
            self.wake_orphaned_pgrp(child, father, None);
        }
        // Released last: releasing one changes the lists above.
        for child in unwanted {
            if self.tasks.contains_key(child) {
                self.reap(child);
            }
        }
    }

    /// Linux 2.6.12: `kernel/exit.c`, `forget_original_parent()`.
    fn child_reaper(&self, father: TaskId) -> TaskId {
        let mut others = self.threads_from(father).into_iter().skip(1);
        others
            .find(|thread| self.task(*thread).exit_state() == ExitState::Alive)
            .unwrap_or(self.init)
    }

    /// Who adopts a child, where a rule may decide otherwise than Linux, which takes `stock`.
    fn adopter(&mut self, child: TaskId, father: TaskId, stock: TaskId) -> TaskId {
        if !self.sched.rules.has(Decision::ForgetOriginalParent) {
            return stock;
        }
        let descends = |mut task: TaskId| {
            while task != self.init && task != child {
                task = self.task(task).real_parent();
            }
            task == child
        };
        // Everybody who lives and does not descend from the child; kernel threads have no user mode
        // that could wait.
        let living = self.pid_hash.tasks().filter(|(_, task)| {
            let kernel_task = self.task(*task);
            let alive = kernel_task.exit_state() == ExitState::Alive;
            alive && *task != father && kernel_task.mm().is_some() && !descends(*task)
        });
        let candidates: Vec<(Pid, TaskId)> = living.collect();
        let pid_of = |task: TaskId| Fact::Int(self.pid(task).0.into());
        let comm = |task: TaskId| {
            let name = self.sched.get(task).name;
            Fact::Text(self.names.get(name).to_owned())
        };
        let mut ancestors = Vec::new();
        let mut ancestor = father;
        while ancestor != self.init {
            ancestor = self.task(ancestor).real_parent();
            ancestors.push(vec![("pid", pid_of(ancestor)), ("comm", comm(ancestor))]);
        }
        let zombie = self.task(child).exit_state() == ExitState::Zombie;
        let facts = vec![
            ("pid", pid_of(child)),
            ("comm", comm(child)),
            ("zombie", Fact::Flag(zombie)),
            (
                "exit_signal",
                Fact::Int(self.task(child).exit_signal.into()),
            ),
            ("father", pid_of(father)),
            ("ancestors", Fact::List(ancestors)),
        ];
        let pids = candidates.iter().map(|(pid, _)| *pid).collect();
        let among = Among::Tasks(pids, "a living process that is no descendant of the child");
        let linux = Choice::Task(self.pid(stock));
        let chosen = self.decide(child, Decision::ForgetOriginalParent, facts, (linux, among));
        let mut candidates = candidates.into_iter();
        let found = candidates.find(|(pid, _)| Choice::Task(*pid) == chosen);
        found.map_or(stock, |(_, task)| task)
    }

    /// What the exit of its father means for a child, whoever traces it.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `reparent_thread()`.
    fn new_father(&mut self, child: TaskId, father: TaskId) {
        let task = self.task_mut(child);
        // The new parent may be init, which must not get a signal that somebody else chose.
        if task.exit_signal != -1 {
            task.exit_signal = Signal::SIGCHLD.number() as i32;
        }
        if task.pdeath_signal != 0 {
            let signal = task.pdeath_signal as i32;
            // The exiting task is the sender and needs permission; a refusal is silent.
            let _sent = self.group_send_checked(father, signal, SendInfo::From(father), child);
        }
    }

    /// Gives a child another parent. If its old parent also traced it, it is no longer traced.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `reparent_thread()`.
    fn reparent_thread(&mut self, child: TaskId, father: TaskId, reaper: TaskId) {
        self.new_father(child, father);
        self.remove_links(child);
        self.task_mut(child).set_ptrace(PtFlags::empty());
        self.set_links(child, reaper);
        let (child_pid, parent) = (self.pid(child), self.pid(reaper));
        let event = TraceEvent::Reparent {
            child: child_pid,
            parent,
        };
        self.trace(child, event);
        let task = self.task(child);
        // A zombie has told only its old parent; the new one must hear of it to reap it.
        let (zombie, signal) = (task.exit_state() == ExitState::Zombie, task.exit_signal);
        if zombie && signal != -1 && self.thread_group_empty(child) {
            self.do_notify_parent(child, signal);
        }
        self.ptrace_untrace(child);
        self.wake_orphaned_pgrp(child, father, None);
        // Init reaps the zombies that it adopts. Any other new parent that ignores SIGCHLD leaves
        // them unreaped: the kernel has no code for this case.
        let task = self.task(child);
        let forgotten = zombie && signal != -1 && reaps_itself(task.exit_signal, task.ptrace());
        if forgotten && reaper == self.init {
            self.reap(child);
        }
    }
}
