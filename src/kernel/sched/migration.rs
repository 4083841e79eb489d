//! Migration threads, the only kernel threads: each moves tasks off its CPU that cannot be moved
//! otherwise. Also the calls that wait for one: a change of affinity, and exec on several CPUs.

use super::{Migration, NoCpu, Waker};
use crate::abi::{Errno, InodeId, Pid, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::syscall::{AnswerTo, ExecArgs, SysResult};
use crate::kernel::task::{AfterMigration, Continuation, Cred, Task};

/// The migration thread of CPU n has pid 9000 + n, out of the way of other tasks.
const FIRST_PID: u32 = 9000;

impl Kernel {
    /// Creates a migration thread for each CPU, if there are several; they sleep.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `migration_init()`.
    ///
    /// Simplified: like the idle tasks they are in no list and no hash, and have no kernel stack;
    /// their pids are fixed.
    pub(in crate::kernel) fn make_migration_threads(&mut self) {
        let cpus = self.cpus.len();
        if cpus == 1 {
            return;
        }
        for cpu in 0..cpus {
            let pid = FIRST_PID + cpu as u32;
            self.pidmap.keep_out(pid);
            let name = self.names.intern(&format!("migration/{cpu}"));
            let thread = self
                .tasks
                .insert_with_key(|id| Task::bare(id, Pid(0), Cred::of_user(0)));
            self.sched
                .add_migration_thread(cpu, thread, Pid(pid as i32), name);
        }
    }

    /// Runs one round of the migration thread, if this CPU runs it.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `migration_thread()`.
    pub fn migration_round(&mut self, current: TaskId) -> bool {
        if !self.sched.is_migration_thread(current) {
            return false;
        }
        let (sched, mut ctx) = self.sched_ctx();
        match sched.migration_round(&mut ctx) {
            Some(waiter) => self.complete_migration(waiter),
            None => self.sleep(current, TaskState::INTERRUPTIBLE, None),
        }
        true
    }

    /// Completes the move that `waiter` waits for.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `complete()`.
    fn complete_migration(&mut self, waiter: TaskId) {
        if let Some(Continuation::MigrationWait { done, .. }) =
            &mut self.task_mut(waiter).in_call.continuation
        {
            // Before the wake-up: the waiter looks at it, and sleeps on if it is not set.
            *done = true;
        }
        let (sched, mut ctx) = self.sched_ctx();
        let mask = TaskState::INTERRUPTIBLE | TaskState::UNINTERRUPTIBLE;
        sched.try_to_wake_up(&mut ctx, waiter, mask, Waker::GoesOn);
    }

    /// Sleeps until a migration thread has handled the request.
    fn wait_for_migration(&mut self, current: TaskId, then: AfterMigration) -> SysResult {
        let wait = Continuation::MigrationWait { then, done: false };
        self.block(current, TaskState::UNINTERRUPTIBLE, wait)
    }

    /// Continues a call that waited for a migration thread.
    pub(in crate::kernel) fn after_migration(
        &mut self,
        current: TaskId,
        then: AfterMigration,
        done: bool,
    ) -> SysResult {
        match then {
            _ if !done => self.wait_for_migration(current, then),
            AfterMigration::Return => SysResult::from(0),
            AfterMigration::Exec { exe } => {
                let args = self.task_mut(current).in_call.exec_args.take();
                let args = args.map_or_else(|| ExecArgs::from(""), |args| *args);
                let result = self.exec_inode(current, exe, &args);
                self.iput(exe);
                result
            }
        }
    }

    /// `execve`: on several CPUs the task first moves to the least loaded one.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_exec()`, called by `do_execve()`.
    pub(in crate::kernel) fn exec_balanced(
        &mut self,
        current: TaskId,
        exe: InodeId,
        args: &ExecArgs,
    ) -> SysResult {
        let (sched, mut ctx) = self.sched_ctx();
        if sched.sched_exec(&mut ctx) == Migration::Done {
            return self.exec_inode(current, exe, args);
        }
        // While the task waits, others may unlink the program.
        self.iget(exe);
        self.task_mut(current).in_call.exec_args = Some(Box::new(args.clone()));
        self.wait_for_migration(current, AfterMigration::Exec { exe })
    }

    /// Sets the affinity mask of one thread; `pid` 0 is the caller.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_setaffinity()`, `sched_setaffinity()`.
    ///
    /// # Errors
    /// `ESRCH` if there is no such thread; `EPERM` if it belongs to another user, without
    /// CAP_SYS_NICE; `EINVAL` if no CPU of the mask is online.
    pub(in crate::kernel) fn sys_sched_setaffinity(
        &mut self,
        current: TaskId,
        pid: i32,
        mask: u32,
    ) -> SysResult {
        match self.set_affinity(current, pid, mask) {
            Ok(Migration::Done) => SysResult::from(0),
            Ok(Migration::Wait) => self.wait_for_migration(current, AfterMigration::Return),
            Err(errno) => Err(errno).into(),
        }
    }

    fn set_affinity(&mut self, current: TaskId, pid: i32, mask: u32) -> Result<Migration, Errno> {
        let p = self.thread_by_pid(current, pid)?;
        self.may_reschedule(current, p)?;
        let mask = mask & self.cpu_possible_map();
        let (sched, mut ctx) = self.sched_ctx();
        let changed = sched.set_cpus_allowed(&mut ctx, p, mask, current);
        changed.map_err(|NoCpu| Errno::EINVAL)
    }

    /// The affinity mask of one thread; `pid` 0 is the caller. Any task may ask.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_getaffinity()`.
    ///
    /// # Errors
    /// `ESRCH` if there is no such thread.
    pub fn sched_getaffinity(&self, current: TaskId, pid: i32) -> Result<u32, Errno> {
        let p = self.thread_by_pid(current, pid)?;
        Ok(self.sched.get(p).cpus_allowed & self.cpu_possible_map())
    }

    /// Stores the mask and returns the length of what it stored.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_getaffinity()`.
    ///
    /// # Errors
    /// `EINVAL` for less room than a word; `ESRCH`, `EFAULT`.
    pub(in crate::kernel) fn sys_sched_getaffinity(
        &mut self,
        current: TaskId,
        pid: i32,
        len: u32,
        mask: AnswerTo,
    ) -> Result<u32, Errno> {
        if len < 4 {
            return Err(Errno::EINVAL);
        }
        let cpus = self.sched_getaffinity(current, pid)?;
        match mask {
            AnswerTo::Value => Ok(cpus),
            AnswerTo::User(addr) => self.put_user_u32(current, addr, cpus).map(|()| 4),
        }
    }

    /// The CPUs of the machine, one bit each.
    fn cpu_possible_map(&self) -> u32 {
        (1 << self.cpus.len()) - 1
    }
}
