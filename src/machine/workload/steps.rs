//! Performing the steps of workloads.

use super::steps_text::{ForkHow, Step, Workload};
use crate::abi::{
    CloneFlags, MapFlags, Name, PAGE_SHIFT, Prot, Signal, TaskId, TaskState, VirtAddr,
};
use crate::hw::AccessKind;
use crate::kernel::syscall::{ForkArgs, MmapArgs, Syscall};
use crate::kernel::task::PidType;
use crate::machine::puppet::PAGES_IN_A_GO;
use crate::machine::{Machine, UserMode};

impl Machine {
    pub(super) fn workload_mut(&mut self, task: TaskId) -> Option<&mut Workload> {
        match self.modes.get_mut(task) {
            Some(UserMode::Workload(workload)) => Some(workload),
            _ => None,
        }
    }

    /// Does a step of a workload that concerns the kernel.
    pub(in crate::machine) fn workload_step(&mut self, task: TaskId, step: Step) {
        match step {
            Step::Run(_) | Step::Goto(_) => {}
            Step::Sleep(ticks) => self.sleep_for(task, TaskState::INTERRUPTIBLE, ticks),
            Step::Io(ticks) => self.sleep_for(task, TaskState::UNINTERRUPTIBLE, ticks),
            Step::Every(period) => self.sleep_till_period(task, period),
            Step::Until(tick) => self.sleep_until(task, tick),
            Step::Lock(mutex) => self.lock_mutex(task, mutex),
            Step::Unlock(mutex) => self.unlock_mutex(task, &mutex),
            Step::Wait(condition, mutex) => self.wait_condition(task, condition, mutex),
            Step::Await(semaphore) => self.await_semaphore(task, semaphore),
            Step::Post(semaphore) => self.post_semaphore(semaphore),
            Step::Signal(condition) => self.signal_condition(&condition, 1),
            Step::Broadcast(condition) => self.signal_condition(&condition, usize::MAX),
            Step::Block => self.kernel.sleep(task, TaskState::INTERRUPTIBLE, None),
            Step::Wake(name) => self.wake_named(&name),
            Step::Yield => self.call_kernel(task, Syscall::SchedYield),
            Step::Nice(value) => self.kernel.set_user_nice(task, value),
            Step::Renice(name, value) => {
                if let Some(other) = self.youngest(&name) {
                    self.kernel.set_user_nice(other, value);
                }
            }
            Step::Setsched(policy, prio) => {
                let (sched, mut ctx) = self.kernel.sched_ctx();
                sched.sched_setscheduler(&mut ctx, task, policy, prio);
            }
            Step::Fork { how, child, script } => self.fork_workload(task, how, &child, script),
            Step::Map(addr, pages) => self.map(task, addr, pages),
            Step::Touch(addr, pages) => self.touch(task, addr, pages),
            Step::Exec(image) => self.exec_workload(task, image),
            Step::Exit => self.call_kernel(task, Syscall::Exit(0)),
        }
    }

    fn call_kernel(&mut self, task: TaskId, call: Syscall) {
        self.kernel.syscall(task, call);
    }

    fn sleep_for(&mut self, task: TaskId, state: TaskState, ticks: u64) {
        let until = self.kernel.tick().saturating_add(ticks);
        self.kernel.sleep(task, state, Some(until));
    }

    /// Sleeps until a tick, or not at all if it has come.
    fn sleep_until(&mut self, task: TaskId, tick: u64) {
        if tick > self.kernel.tick() {
            self.kernel
                .sleep(task, TaskState::INTERRUPTIBLE, Some(tick));
        }
    }

    /// Sleeps until the next period of the task's timer begins, or not at all if it has begun. The
    /// first one began with the task.
    fn sleep_till_period(&mut self, task: TaskId, period: u64) {
        let (born, now) = (self.kernel.task(task).start_time, self.kernel.tick());
        let Some(workload) = self.workload_mut(task) else {
            return;
        };
        let begun = match workload.timer {
            Some((same, begun)) if same == period => begun,
            Some(_) => now,
            None => born,
        };
        let next = begun.saturating_add(period);
        workload.timer = Some((period, next));
        self.sleep_until(task, next);
    }

    fn wake_named(&mut self, name: &str) {
        if let Some(sleeper) = self.youngest(name) {
            self.kernel.del_timer(sleeper);
            self.kernel.wake_up_process(sleeper);
        }
    }

    /// The most recently created live task with that name.
    fn youngest(&mut self, name: &str) -> Option<TaskId> {
        let name: Name = self.kernel.names.intern(name);
        let kernel = &self.kernel;
        kernel
            .pid_hash()
            .tasks()
            .map(|(_, task)| task)
            .filter(|task| kernel.comm(*task) == name && !self.has_ended(*task))
            .max_by_key(|task| {
                kernel
                    .task(*task)
                    .pid_link(PidType::Pid)
                    .map(|(_, seq)| seq)
            })
    }

    /// Forks; the child starts at the first step of its script.
    fn fork_workload(&mut self, task: TaskId, how: ForkHow, child: &str, script: usize) {
        let sigchld = CloneFlags::from_bits_retain(Signal::SIGCHLD.number());
        let flags = match how {
            ForkHow::Fork => CloneFlags::FORK,
            ForkHow::ForkVm => CloneFlags::CLONE_VM | sigchld,
            ForkHow::Vfork => CloneFlags::VFORK,
        };
        let comm = Some(self.kernel.names.intern(child));
        let args = ForkArgs {
            comm,
            ..ForkArgs::with_flags(flags)
        };
        if let Some(workload) = self.workload_mut(task) {
            workload.child_script = script;
        }
        self.call_kernel(task, Syscall::Clone(args));
        self.adopt_children();
    }

    fn map(&mut self, task: TaskId, addr: u32, pages: u32) {
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::FIXED;
        let call = Syscall::Mmap2(MmapArgs {
            addr,
            len: pages.saturating_mul(crate::abi::PAGE_SIZE),
            prot: (Prot::READ | Prot::WRITE).bits(),
            flags: flags.bits(),
            fd: None,
            pgoff: 0,
        });
        self.call_kernel(task, call);
    }

    /// Writes to pages, to some now and to the rest when the task is next asked what it does: a
    /// fault may have given it something else to do. Touching memory that is not mapped kills the
    /// task, as any wild write does.
    fn touch(&mut self, task: TaskId, addr: u32, pages: u32) {
        let now = pages.min(PAGES_IN_A_GO);
        self.count_accesses(now);
        let result = self
            .kernel
            .user_touch(task, VirtAddr(addr), now, AccessKind::Write);
        if let Err(fault) = result {
            self.kernel.raise_fault(task, &fault);
        } else if now < pages
            && let Some(workload) = self.workload_mut(task)
        {
            let next = addr.wrapping_add(now << PAGE_SHIFT);
            workload.rest = Some(Step::Touch(next, pages - now));
        }
    }

    fn exec_workload(&mut self, task: TaskId, image: String) {
        self.call_kernel(task, Syscall::Execve(image.into()));
        self.enter_new_image(task);
    }
}
