//! Creating tasks: `do_fork` and `copy_process`, in the kernel's order.

use super::clone_rules::{
    becomes_sibling, begins_stopped, begins_with_sigstop, check_clone_flags, check_group_exit,
    check_max_threads, check_not_killed, check_nproc, child_ptrace, creator_waits, exit_signal,
    flags_with_event, fork_traceflag, joins_group, tid_stores,
};
use crate::abi::{CloneFlags, Pid, Resource, Signal, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::sched::{Overrides, ThreadFlags};
use crate::kernel::syscall::{ForkArgs, ForkRefusal, SysResult};
use crate::kernel::task::Trap;
use crate::trace::{CloneRefusal, CopyStage, ForkStep, FrameUse, TraceEvent};

/// A task that `do_fork` has made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forked {
    /// The task that called fork, vfork or clone.
    pub parent: TaskId,
    /// The new task, which has no user mode yet.
    pub child: TaskId,
}

impl Kernel {
    /// The task that was made last and has no user mode yet; whoever takes it gives it one.
    pub fn take_forked(&mut self) -> Option<Forked> {
        self.forked.pop()
    }

    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `sys_fork()`.
    pub(in crate::kernel) fn sys_fork(&mut self, current: TaskId) -> SysResult {
        self.do_fork(current, &ForkArgs::with_flags(CloneFlags::FORK))
    }

    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `sys_vfork()`.
    pub(in crate::kernel) fn sys_vfork(&mut self, current: TaskId) -> SysResult {
        self.do_fork(current, &ForkArgs::with_flags(CloneFlags::VFORK))
    }

    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `sys_clone()`.
    pub(in crate::kernel) fn sys_clone(&mut self, current: TaskId, args: ForkArgs) -> SysResult {
        self.do_fork(current, &args)
    }

    /// Linux 2.6.12: `kernel/fork.c`, `sys_set_tid_address()`.
    pub(in crate::kernel) fn sys_set_tid_address(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> u32 {
        self.task_mut(current).clear_child_tid = addr;
        self.sys_gettid(current)
    }

    /// Creates a task and starts it; a vfork parent then begins to wait.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
    ///
    /// # Errors
    /// `EAGAIN` if no pid is free or there are too many tasks, and the errors of `copy_process`.
    pub fn do_fork(&mut self, current: TaskId, args: &ForkArgs) -> SysResult {
        let mut args = *args;
        self.trace_do_fork(current, &args);
        // The pid comes first and outside `copy_process`, so even a refused clone moves `last_pid`.
        let Some(pid) = self.pidmap.alloc() else {
            self.fork_step(current, ForkStep::NoPid);
            return SysResult::from(Err(self.no_pid()));
        };
        self.fork_step(current, ForkStep::AllocPidmap(pid));
        let ptrace = self.task(current).ptrace();
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
                return SysResult::from(Err(ForkRefusal::CopyProcess(refusal)));
            }
        };
        self.stat.forks += 1;
        // However late this comes (a tracer may have held the call up), and whatever becomes of the
        // parent from here on, the child must not run before it has a user mode.
        self.forked.push(Forked {
            parent: current,
            child,
        });
        let overrides = self.config.overrides();
        self.start_child(current, child, args.flags, &overrides);
        let trap = Trap::Fork {
            child: pid,
            vfork: creator_waits(args.flags),
            done: false,
        };
        // A vfork parent waits only after its tracer has been told of the child: a tracer that
        // learned of it only at the end of the wait could not follow the child before its exec.
        let Some(event) = event else {
            return self.after_event(current, trap);
        };
        // The child is already runnable; what the tracer reads must be there before the stop.
        self.task_mut(current).set_ptrace_message(pid.0 as u32);
        self.fork_step(current, ForkStep::PtraceNotify);
        self.ptrace_event(current, event, trap)
    }

    /// The middle of `do_fork`: what happens to the new task before the parent may wait for it.
    pub(super) fn start_child(
        &mut self,
        current: TaskId,
        child: TaskId,
        flags: CloneFlags,
        overrides: &Overrides,
    ) {
        // All of this must stand before the child is queued: it may run, exit and complete the vfork
        // before its parent gets to wait, and a SIGSTOP for it must come before its first
        // instruction.
        if creator_waits(flags) {
            self.task_mut(child).vfork_done = Some(current);
        }
        if begins_with_sigstop(self.task(child).ptrace(), flags) {
            self.task_mut(child).pending.sigaddset(Signal::SIGSTOP);
            self.set_sigpending(child);
            self.fork_step(current, ForkStep::SigstopPending);
        }
        if begins_stopped(flags) {
            self.sched.set_task_state(child, TaskState::STOPPED);
            self.fork_step(current, ForkStep::LeftStopped);
        } else {
            let clone_vm = flags.contains(CloneFlags::CLONE_VM);
            let (sched, mut ctx) = self.sched_ctx();
            sched.wake_up_new_task(&mut ctx, current, child, clone_vm, overrides);
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
        let child = child_sched.pid;
        self.trace(current, event);
        self.observe_fork(current, child, flags);
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
            ptrace: self.task(current).ptrace().bits(),
            slice: sched.time_slice,
            sleep_avg: sched.sleep_avg,
        };
        self.trace(current, event);
    }

    fn fork_step(&mut self, current: TaskId, step: ForkStep) {
        self.trace(current, TraceEvent::DoForkStep { step });
    }

    /// Creates a task as a copy of the caller, sharing what the flags say. It is not queued yet.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
    ///
    /// # Errors
    /// Why it was refused. `unwind_copy` says what a failure leaves behind.
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

    /// The body of `copy_process`; `stage` records how far it got.
    fn new_task(
        &mut self,
        current: TaskId,
        args: &ForkArgs,
        pid: Pid,
        stage: &mut CopyStage,
    ) -> Result<TaskId, CloneRefusal> {
        // Flags are checked before anything is allocated, so this refusal has nothing to undo.
        check_clone_flags(args.flags)?;
        *stage = CopyStage::FlagsAllowed;
        let child = self.dup_task_struct(current, pid, args.flags)?;
        *stage = CopyStage::TaskStruct;
        if let Some(comm) = args.comm {
            self.sched.set_task_comm(child, comm);
        }
        match self.fill_child(current, child, args, stage) {
            Ok(()) => Ok(child),
            Err(refusal) => {
                self.unwind_copy(child, *stage);
                Err(refusal)
            }
        }
    }

    /// Creates the child's task as a copy of the caller's, with a kernel stack of its own.
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
        let ptrace = child_ptrace(self.task(current).ptrace(), flags);
        Ok(self.insert_child(current, pid, stack, ptrace))
    }

    /// The part of `copy_process` after `dup_task_struct`.
    fn fill_child(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &ForkArgs,
        stage: &mut CopyStage,
    ) -> Result<(), CloneRefusal> {
        let flags = args.flags;
        // The limits come before the copies: a clone that they refuse has cost only a `task_struct`.
        self.count_process(current, stage)?;
        let inherited = ThreadFlags::SIGPENDING | ThreadFlags::SYSCALL_TRACE;
        self.sched.clear_tsk_thread_flag(child, inherited);
        let words = tid_stores(flags);
        if words.parent {
            self.store_parent_tid(current, child, args.parent_tid)?;
        }
        *stage = CopyStage::ParentTid;
        self.copy_resources(current, child, args, stage)?;
        let task = self.task_mut(child);
        let tid_address = |wanted| if wanted { args.child_tid } else { VirtAddr(0) };
        task.set_child_tid = tid_address(words.child);
        task.clear_child_tid = tid_address(words.clear);
        task.parent_exec_id = task.self_exec_id;
        task.exit_signal = exit_signal(flags);
        task.pdeath_signal = 0;
        let (sched, mut ctx) = self.sched_ctx();
        sched.sched_fork(&mut ctx, current, child);
        *stage = CopyStage::SchedFork;
        // A child must not escape a SIGKILL that was sent before it could be found. One that is sent
        // after `link_task` finds it.
        check_not_killed(self.task(current).pending.set())?;
        *stage = CopyStage::NotKilled;
        let parent = self.choose_parent(current, flags);
        if joins_group(flags) {
            self.add_thread(current, child, flags)?;
        }
        self.link_task(current, child, parent);
        *stage = CopyStage::Linked;
        Ok(())
    }

    /// Checks `RLIMIT_NPROC`, charges the user, and checks `max_threads`.
    fn count_process(
        &mut self,
        current: TaskId,
        stage: &mut CopyStage,
    ) -> Result<(), CloneRefusal> {
        // The real user is charged, even if the effective one is root.
        let cred = self.task(current).cred();
        let limit = self.rlimit(current, Resource::Nproc);
        let processes = self.users.processes(cred.uid);
        let waiver = check_nproc(&cred, processes, limit)?;
        if let Some(privilege) = waiver {
            self.capable(current, privilege);
        }
        self.users.get(cred.uid);
        *stage = CopyStage::ProcessCounted;
        check_max_threads(self.nr_threads(), self.max_threads)?;
        *stage = CopyStage::ThreadsAllowed;
        Ok(())
    }

    /// `CLONE_PARENT_SETTID` stores the tid before the memory is copied, so a copy has it too.
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

    fn choose_parent(&self, current: TaskId, flags: CloneFlags) -> TaskId {
        if becomes_sibling(flags) {
            self.task(current).real_parent()
        } else {
            current
        }
    }

    fn add_thread(
        &mut self,
        current: TaskId,
        child: TaskId,
        flags: CloneFlags,
    ) -> Result<(), CloneRefusal> {
        check_group_exit(flags, self.signal_of(current).flags())?;
        self.join_thread_group(child, current);
        // A thread that appears while the others are about to stop must stop with them, or the stop
        // would never be complete.
        if self.signal_of_mut(current).new_thread_joins_stop() {
            self.set_sigpending(child);
        }
        Ok(())
    }

    /// Links the finished task: its parent's list, the pid hashes, the counts.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
    fn link_task(&mut self, current: TaskId, child: TaskId, parent: TaskId) {
        self.set_links(child, parent);
        // The tracer takes over only now, because its link replaces that of the real parent.
        if self.is_ptraced(child) {
            let tracer = self.task(current).parent();
            self.ptrace_link(child, tracer);
        }
        self.hash_process(child);
    }
}
