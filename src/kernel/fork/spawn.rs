//! Spawning tasks: they are clones of init, whose scheduling fields are prepared first. The
//! recorded schedules were made the same way, so every spawned task starts with one full slice and
//! a chosen history.

use crate::abi::{
    CloneFlags, Pid, Policy, Signal, TaskId, nice_to_static_prio, rt_priority_to_prio,
};
use crate::kernel::Kernel;
use crate::kernel::sched::{Overrides, SchedTask};
use crate::kernel::syscall::{ForkArgs, ForkRefusal, SysError};

/// The properties of a spawned task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpawnArgs {
    /// Its name, and the name of the program that it will run.
    pub name: String,
    /// Nice value, -20..=19.
    pub nice: i32,
    /// Scheduling policy, which its children inherit.
    pub policy: Policy,
    /// Real-time priority, 1..=99, for `Fifo` and `RoundRobin`.
    pub rt_priority: u8,
    /// Sleep average of the parent, ms; the child's is lowered by the usual penalty.
    pub parent_sleep_avg_ms: u32,
    /// User id: the real, effective and saved one.
    pub uid: u32,
    /// CPU on which it appears.
    pub cpu: u8,
}

impl SpawnArgs {
    /// An ordinary task of that user with nice 0 and no history.
    pub fn new(name: &str, uid: u32) -> Self {
        Self {
            name: name.to_owned(),
            nice: 0,
            policy: Policy::Normal,
            rt_priority: 0,
            parent_sleep_avg_ms: 0,
            uid,
            cpu: 0,
        }
    }
}

impl Kernel {
    /// Creates a task as a child of init. It is queued, and calls exec when it first runs.
    ///
    /// # Errors
    /// As for `copy_process`, called by root: `EAGAIN`, `ENOMEM`.
    pub fn spawn(&mut self, args: &SpawnArgs) -> Result<TaskId, SysError> {
        let pid = self.pidmap.alloc().ok_or(self.no_pid())?;
        self.spawn_numbered(args, pid)
    }

    /// Like [`Self::spawn`], for a task whose pid was reserved.
    ///
    /// # Errors
    /// `EAGAIN`, `ENOMEM`; the pid is then free.
    pub fn spawn_reserved(&mut self, args: &SpawnArgs, pid: Pid) -> Result<TaskId, SysError> {
        self.pidmap.claim(pid);
        self.spawn_numbered(args, pid)
    }

    fn spawn_numbered(&mut self, args: &SpawnArgs, pid: Pid) -> Result<TaskId, SysError> {
        let init = self.init;
        self.this_cpu = usize::from(args.cpu);
        let own = self.prepare_init(args);
        let child = self.fork_init(args, pid);
        // What the child has inherited was never init's own.
        self.sched.replace(init, own);
        let child = child?;
        let cause = self.sched.queued_by(child);
        self.sched.resched_if_preempts(child, cause);
        Ok(child)
    }

    /// Creates a child of init that is queued on this CPU.
    fn fork_init(&mut self, args: &SpawnArgs, pid: Pid) -> Result<TaskId, SysError> {
        let init = self.init;
        let sigchld = CloneFlags::from_bits_retain(Signal::SIGCHLD.number());
        let flags = CloneFlags::CLONE_VM | sigchld;
        let comm = Some(self.names.intern(&args.name));
        let fork = ForkArgs {
            comm,
            ..ForkArgs::with_flags(flags)
        };
        let child = match self.copy_process(init, &fork, pid) {
            Ok(child) => child,
            Err(refusal) => {
                self.pidmap.free(pid);
                return Err(ForkRefusal::CopyProcess(refusal).into());
            }
        };
        self.switch_uid(child, args.uid);
        // Forced branches apply to forks only; a spawned task is always placed the same way.
        self.start_child(init, child, flags, &Overrides::default());
        Ok(child)
    }

    /// Gives init the scheduling fields that the new task will inherit: twice the full slice, so
    /// that the child's half is one full slice. Returns init's own fields.
    fn prepare_init(&mut self, args: &SpawnArgs) -> SchedTask {
        let static_prio = nice_to_static_prio(args.nice);
        let init = self.init;
        let cpu = self.this_cpu as u8;
        let slice = self.sched.tunables.task_timeslice(static_prio);
        let mut sched = self.sched.get(init).clone();
        sched.cpu = cpu;
        sched.static_prio = static_prio;
        sched.policy = args.policy;
        sched.rt_priority = args.rt_priority;
        sched.time_slice = 2 * slice;
        sched.sleep_avg = args.parent_sleep_avg_ms * 1_000_000;
        sched.activated = 0;
        sched.prio = match args.policy {
            Policy::Normal => static_prio,
            Policy::Fifo | Policy::RoundRobin => rt_priority_to_prio(u32::from(args.rt_priority)),
        };
        self.sched.replace(init, sched)
    }
}
