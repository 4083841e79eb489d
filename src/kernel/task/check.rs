//! The invariants of the process tree, the pid hashes, the totals and the users, checked in full.
//! Slow, for tests only.

use super::{Continuation, PidType, Task};
use crate::abi::{ExitState, Pid, TaskId};
use crate::kernel::Kernel;
use crate::kernel::check::demand;
use std::collections::BTreeMap;

impl Kernel {
    /// Checks that parents and children know each other, and threads their leader.
    pub(in crate::kernel) fn check_family(&self, id: TaskId, task: &Task) -> Result<(), String> {
        if id != self.init {
            let parent = self.tasks.get(task.parent).ok_or("its parent is gone")?;
            demand(parent.children.get(&task.sibling) == Some(&id), || {
                "is not in its parent's list".into()
            })?;
            let real = self.tasks.get(task.real_parent);
            let real = real.ok_or("its real parent is gone")?;
            let alive = |task: &Task| task.exit_state == ExitState::Alive;
            demand(alive(parent) && alive(real), || {
                "its parent has exited".into()
            })?;
            let linked = task
                .ptrace_link
                .map(|seq| real.ptrace_children.get(&seq) == Some(&id));
            let foreign = task.parent != task.real_parent;
            demand(linked == foreign.then_some(true), || {
                format!("foreign parent {foreign}, with its real one {linked:?}")
            })?;
            demand(!foreign || !task.ptrace.is_empty(), || {
                "has a foreign parent that does not trace it".into()
            })?;
        }
        for (seq, child) in &task.children {
            let child = self.tasks.get(*child).ok_or("a child is gone")?;
            demand((child.parent, child.sibling) == (id, *seq), || {
                "a child has another parent".into()
            })?;
        }
        for (seq, child) in &task.ptrace_children {
            let child = self.tasks.get(*child).ok_or("a traced child is gone")?;
            let link = (child.real_parent, child.ptrace_link);
            demand(link == (id, Some(*seq)), || {
                "a traced child has another parent".into()
            })?;
        }
        let inside = matches!(task.in_call.continuation, Some(Continuation::PtraceStop(_)));
        demand(task.last_siginfo.is_some() == inside, || {
            "has the signal of a stop that it is not in".into()
        })?;
        let leader = task.group_leader;
        demand(self.tasks.contains_key(leader), || {
            "its leader is gone".into()
        })?;
        demand(self.pid(leader) == task.tgid, || {
            "its leader has another number than its group".into()
        })?;
        let shares = self.task(leader).signal == task.signal;
        demand(shares, || {
            "has another signal_struct than its leader".into()
        })
    }

    /// Checks the pid hashes that a task is in, and its entry in each.
    pub(in crate::kernel) fn check_links(&self, id: TaskId, task: &Task) -> Result<(), String> {
        let signal = task.signal.and_then(|signal| self.signals.get(signal));
        let signal = signal.ok_or("its signal_struct is gone")?;
        let leads = task.group_leader == id;
        let expected = [
            Some(self.pid(id)),
            Some(task.tgid),
            leads.then_some(signal.pgrp),
            leads.then_some(signal.session),
        ];
        for kind in PidType::ALL {
            let link = task.pid_links[kind as usize];
            demand(link.map(|(nr, _)| nr) == expected[kind as usize], || {
                format!("{kind:?} link {link:?}")
            })?;
            let entries = self.pid_hash.entries(kind);
            let found = entries.filter(|(_, _, task)| *task == id);
            demand(found.map(|(nr, seq, _)| (nr, seq)).eq(link), || {
                format!("wrong entries in the {kind:?} hash")
            })?;
        }
        Ok(())
    }

    /// Checks that a pid is in use exactly if a hash contains it or it is reserved for a task, and
    /// that every entry of a hash has a task.
    pub(in crate::kernel) fn check_pids(&self) -> Result<(), String> {
        let mut used = vec![false; self.config.pid_max as usize];
        used[0] = true;
        for kind in PidType::ALL {
            for (nr, _, task) in self.pid_hash.entries(kind) {
                used[nr.0 as usize] = true;
                demand(self.tasks.contains_key(task), || {
                    format!("{kind:?} {nr} names a task that is gone")
                })?;
            }
        }
        for (pid, used) in used.iter().enumerate() {
            let reserved = self.pidmap.is_reserved(Pid(pid as i32));
            demand(
                self.pidmap.in_use(pid as u32) == (*used || reserved),
                || format!("pid {pid} is in a hash: {used}, in the map: {}", !used),
            )?;
        }
        Ok(())
    }

    /// Checks `nr_threads`, `process_counts` and the users' counts.
    pub(in crate::kernel) fn check_totals(&self) -> Result<(), String> {
        let threads = self.real_tasks().count();
        let processes = self
            .real_tasks()
            .filter(|(id, task)| task.group_leader == *id);
        let processes = processes.count();
        let totals = (self.nr_threads() as usize, self.process_counts() as usize);
        demand(totals == (threads, processes), || {
            format!("nr_threads, process_counts {totals:?}, not {threads}, {processes}")
        })?;
        let mut users: BTreeMap<u32, u32> = BTreeMap::new();
        for (_, task) in self.real_tasks() {
            *users.entry(task.cred.uid).or_default() += 1;
        }
        demand(self.users.iter().eq(users.clone()), || {
            format!("user processes {:?}, not {users:?}", self.users)
        })
    }
}
