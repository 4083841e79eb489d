//! Making tasks: `do_fork` and `copy_process`, in the kernel's order.

use super::clone_rules::{
    becomes_sibling, begins_stopped, begins_with_sigstop, check_clone_flags, check_group_exit,
    check_max_threads, check_not_killed, check_nproc, creator_waits, exit_signal, flags_with_event,
    fork_traceflag, joins_group, tid_words,
};
use super::refusal::ForkRefusal;
use crate::abi::{CloneFlags, Name, Pid, Signal, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::sched::{Levers, ThreadFlags};
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{PidType, Resource, Trap};
use crate::trace::{CloneRefusal, CopyStage, ForkStep, FrameUse, TraceEvent};

/// What `do_fork` is told: the arguments of clone as the system call passes them on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ForkArgs {
    /// Flags and exit signal.
    pub flags: CloneFlags,
    /// The child's `esp`; 0 for the caller's own.
    pub stack: VirtAddr,
    /// Where CLONE_PARENT_SETTID stores the tid.
    pub parent_tid: VirtAddr,
    /// Where CLONE_SETTLS finds the `user_desc`.
    pub tls: VirtAddr,
    /// For CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID.
    pub child_tid: VirtAddr,
    /// A name of the child's own, for workloads that name their children. The kernel's own rule,
    /// `None`, lets it inherit the caller's.
    pub comm: Option<Name>,
}

/// A task that `do_fork` has made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forked {
    /// Who called.
    pub parent: TaskId,
    /// The new task.
    pub child: TaskId,
}

impl ForkArgs {
    /// The arguments of a call that has only flags.
    pub fn with_flags(flags: CloneFlags) -> Self {
        Self {
            flags,
            ..Self::default()
        }
    }
}

impl Kernel {
    /// Makes a task and sets it going; a vfork parent then begins to wait.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
    ///
    /// # Errors
    /// `EAGAIN` if there is no pid or too many tasks, and whatever `copy_process` refuses.
    pub fn do_fork(&mut self, current: TaskId, args: &ForkArgs) -> SysResult {
        let mut args = *args;
        self.trace_do_fork(current, &args);
        let Some(pid) = self.pidmap.alloc() else {
            self.fork_step(current, ForkStep::NoPid);
            let pid_max = self.config.pid_max;
            return SysResult::of(Err(ForkRefusal::NoPid { pid_max }));
        };
        self.fork_step(current, ForkStep::AllocPidmap(pid));
        let ptrace = self.task(current).ptrace;
        let event = if ptrace.is_empty() {
            None
        } else {
            fork_traceflag(ptrace, args.flags)
        };
        args.flags = flags_with_event(args.flags, event);
        if event.is_some() {
            self.fork_step(current, ForkStep::AddClonePtrace);
        }
        let child = match self.copy_process(current, &args, pid) {
            Ok(child) => child,
            Err(refusal) => {
                self.pidmap.free(pid);
                self.fork_step(current, ForkStep::FreePidmap);
                return SysResult::of(Err(ForkRefusal::CopyProcess(refusal)));
            }
        };
        self.stat.forks += 1;
        // However late this comes (a tracer may have held the call up), and whatever becomes of the
        // parent from here on, the child must not run before it has a user mode.
        self.forked.push(Forked {
            parent: current,
            child,
        });
        let levers = self.config.levers();
        self.start_child(current, child, args.flags, &levers);
        let trap = Trap::Fork {
            child: pid,
            vfork: creator_waits(args.flags),
            done: false,
        };
        let Some(event) = event else {
            return self.after_event(current, trap);
        };
        // The child is already runnable.
        self.task_mut(current).ptrace_message = pid.0 as u32;
        self.fork_step(current, ForkStep::PtraceNotify);
        self.ptrace_event(current, event.into(), trap)
    }

    /// The middle of `do_fork`: what happens to the new task before the parent may wait for it.
    pub(super) fn start_child(
        &mut self,
        current: TaskId,
        child: TaskId,
        flags: CloneFlags,
        levers: &Levers,
    ) {
        if creator_waits(flags) {
            self.task_mut(child).vfork_done = Some(current);
        }
        if begins_with_sigstop(self.task(child).ptrace, flags) {
            let pending = self.task(child).pending.with(Signal::SIGSTOP);
            self.task_mut(child).pending = pending;
            self.sched.get_mut(child).thread_flags |= ThreadFlags::SIGPENDING;
            self.fork_step(current, ForkStep::SigstopPending);
        }
        if begins_stopped(flags) {
            self.sched.get_mut(child).state = TaskState::STOPPED;
            self.fork_step(current, ForkStep::LeftStopped);
        } else {
            let clone_vm = flags.contains(CloneFlags::CLONE_VM);
            let (sched, mut ctx) = self.sched_ctx();
            sched.wake_up_new_task(&mut ctx, current, child, clone_vm, levers);
            self.fork_step(current, ForkStep::WakeUpNewTask);
        }
        let (parent_sched, child_sched) = (self.sched.get(current), self.sched.get(child));
        let event = TraceEvent::SchedProcessFork {
            child: child_sched.pid,
            child_name: child_sched.name,
            flags,
            child_prio: child_sched.prio,
            child_slice: child_sched.time_slice,
            parent_slice: parent_sched.time_slice,
        };
        self.trace(current, event);
    }

    pub(in crate::kernel) fn wait_for_vfork(&mut self, current: TaskId, child: Pid) -> SysResult {
        self.fork_step(current, ForkStep::WaitForVfork);
        self.trace(current, TraceEvent::VforkWait { child });
        self.wait_for_completion(current, child)
    }

    fn trace_do_fork(&mut self, current: TaskId, args: &ForkArgs) {
        let sched = self.sched.get(current);
        let event = TraceEvent::DoFork {
            flags: args.flags,
            stack: args.stack,
            ptrace: self.task(current).ptrace.bits(),
            slice: sched.time_slice,
            sleep_avg: sched.sleep_avg,
        };
        self.trace(current, event);
    }

    fn fork_step(&mut self, current: TaskId, step: ForkStep) {
        self.trace(current, TraceEvent::DoForkStep { step });
    }

    /// Makes a task as a copy of the caller, sharing what the flags say. It is not queued yet.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
    ///
    /// # Errors
    /// Why it is refused. What a failure leaves undone is said at `unwind_copy`.
    pub fn copy_process(
        &mut self,
        current: TaskId,
        args: &ForkArgs,
        pid: Pid,
    ) -> Result<TaskId, CloneRefusal> {
        let mut reached = CopyStage::Begun;
        let result = self.new_task(current, args, pid, &mut reached);
        let refusal = result.err();
        self.trace(current, TraceEvent::CopyProcess { reached, refusal });
        result
    }

    /// The body of `copy_process`; `stage` says how far it has come.
    fn new_task(
        &mut self,
        current: TaskId,
        args: &ForkArgs,
        pid: Pid,
        stage: &mut CopyStage,
    ) -> Result<TaskId, CloneRefusal> {
        check_clone_flags(args.flags)?;
        *stage = CopyStage::FlagsAllowed;
        let child = self.dup_task_struct(current, pid, args.flags)?;
        *stage = CopyStage::TaskStruct;
        if let Some(comm) = args.comm {
            self.sched.get_mut(child).name = comm;
        }
        match self.fill_child(current, child, args, stage) {
            Ok(()) => Ok(child),
            Err(refusal) => {
                self.unwind_copy(child, *stage);
                Err(refusal)
            }
        }
    }

    /// A copy of the task, as a child inherits it, on a kernel stack of its own.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `dup_task_struct()`.
    fn dup_task_struct(
        &mut self,
        current: TaskId,
        pid: Pid,
        flags: CloneFlags,
    ) -> Result<TaskId, CloneRefusal> {
        self.copy_alloc(CopyStage::TaskStruct)?;
        let stack = self.alloc_frame(1, FrameUse::KernelStack)?;
        let copy = self.task(current).for_child(pid, stack, flags, self.tick);
        let child = self.tasks.insert(copy);
        self.sched.dup(current, child, pid);
        Ok(child)
    }

    /// What `copy_process` does behind `dup_task_struct`.
    fn fill_child(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &ForkArgs,
        stage: &mut CopyStage,
    ) -> Result<(), CloneRefusal> {
        let flags = args.flags;
        self.count_process(current, stage)?;
        self.sched.get_mut(child).thread_flags -=
            ThreadFlags::SIGPENDING | ThreadFlags::SYSCALL_TRACE;
        let words = tid_words(flags);
        if words.parent {
            self.store_parent_tid(current, child, args.parent_tid)?;
        }
        *stage = CopyStage::ParentTid;
        if joins_group(flags) {
            self.task_mut(child).tgid = self.task(current).tgid;
        }
        self.copy_resources(current, child, args, stage)?;
        let task = self.task_mut(child);
        let tid_word = |wanted| if wanted { args.child_tid } else { VirtAddr(0) };
        task.set_child_tid = tid_word(words.child);
        task.clear_child_tid = tid_word(words.clear);
        task.parent_exec_id = task.self_exec_id;
        task.exit_signal = exit_signal(flags);
        task.pdeath_signal = 0;
        let (sched, mut ctx) = self.sched_ctx();
        sched.sched_fork(&mut ctx, current, child);
        *stage = CopyStage::SchedFork;
        self.task_mut(child).group_leader = child;
        check_not_killed(self.task(current).pending)?;
        *stage = CopyStage::NotKilled;
        self.choose_parents(current, child, flags);
        if joins_group(flags) {
            self.join_thread_group(current, child, flags)?;
        }
        self.link_task(current, child);
        *stage = CopyStage::Linked;
        Ok(())
    }

    /// `RLIMIT_NPROC`, the user's count, `max_threads`.
    fn count_process(
        &mut self,
        current: TaskId,
        stage: &mut CopyStage,
    ) -> Result<(), CloneRefusal> {
        let cred = self.task(current).cred;
        let limit = self.rlimit(current, Resource::Nproc);
        let processes = self.users.processes(cred.uid);
        let waiver = check_nproc(&cred, processes, limit)?;
        if let Some(privilege) = waiver {
            self.capable(current, privilege);
        }
        self.users.get(cred.uid);
        *stage = CopyStage::ProcessCounted;
        check_max_threads(self.nr_threads, self.max_threads)?;
        *stage = CopyStage::ThreadsAllowed;
        Ok(())
    }

    /// CLONE_PARENT_SETTID stores before the memory is copied, so a copy has the value too.
    fn store_parent_tid(
        &mut self,
        current: TaskId,
        child: TaskId,
        addr: VirtAddr,
    ) -> Result<(), CloneRefusal> {
        let pid = self.pid(child);
        let stored = self.put_user_u32(current, addr, pid.0 as u32);
        self.trace(
            current,
            TraceEvent::TidWrite {
                addr,
                value: pid,
                failed: stored.is_err(),
            },
        );
        stored.map_err(|_| CloneRefusal::ParentTidFault(addr))
    }

    fn choose_parents(&mut self, current: TaskId, child: TaskId, flags: CloneFlags) {
        let parent = if becomes_sibling(flags) {
            self.task(current).real_parent
        } else {
            current
        };
        let task = self.task_mut(child);
        task.real_parent = parent;
        task.parent = parent;
    }

    fn join_thread_group(
        &mut self,
        current: TaskId,
        child: TaskId,
        flags: CloneFlags,
    ) -> Result<(), CloneRefusal> {
        check_group_exit(flags, self.signal_of(current).flags)?;
        self.task_mut(child).group_leader = self.task(current).group_leader;
        let group = self.signal_of_mut(current);
        if group.group_stop_count > 0 {
            group.group_stop_count += 1;
            self.sched.get_mut(child).thread_flags |= ThreadFlags::SIGPENDING;
        }
        Ok(())
    }

    /// Makes the finished task known: its parent's list, the pid hashes, the counts.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
    fn link_task(&mut self, current: TaskId, child: TaskId) {
        let parent = self.task(child).parent;
        self.add_child(parent, child);
        if self.is_ptraced(child) {
            let tracer = self.task(current).parent;
            self.ptrace_link(child, tracer);
        }
        let (pid, tgid) = (self.pid(child), self.task(child).tgid);
        self.attach_pid(child, PidType::Pid, pid);
        self.attach_pid(child, PidType::Tgid, tgid);
        if pid == tgid {
            let group = self.signal_of(child);
            let (pgrp, session) = (group.pgrp, group.session);
            self.attach_pid(child, PidType::Pgid, pgrp);
            self.attach_pid(child, PidType::Sid, session);
            self.process_counts += 1;
        }
        self.nr_threads += 1;
        self.total_forks += 1;
    }

    /// Appends a task to its parent's list of children.
    pub(in crate::kernel) fn add_child(&mut self, parent: TaskId, child: TaskId) {
        let seq = self.pid_hash.next_seq();
        self.task_mut(child).sibling = seq;
        self.task_mut(parent).children.insert(seq, child);
    }

    /// Linux 2.6.12: `kernel/pid.c`, `attach_pid()`.
    pub(in crate::kernel) fn attach_pid(&mut self, task: TaskId, kind: PidType, nr: Pid) {
        let seq = self.pid_hash.attach(kind, nr, task);
        self.task_mut(task).pid_links[kind as usize] = Some((nr, seq));
    }

    /// Takes a task out of one pid hash; the number is freed when no hash has it any more.
    ///
    /// Linux 2.6.12: `kernel/pid.c`, `detach_pid()`.
    pub(in crate::kernel) fn detach_pid(&mut self, task: TaskId, kind: PidType) {
        if let Some((nr, seq)) = self.task_mut(task).pid_links[kind as usize].take()
            && self.pid_hash.detach(kind, nr, seq)
        {
            self.pidmap.free(nr);
        }
    }
}
