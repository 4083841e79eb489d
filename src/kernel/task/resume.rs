//! Where a task that blocked inside the kernel continues: the kernel never blocks the host, but
//! saves the rest of the call.

use super::Continuation;
use crate::abi::TaskId;
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};

impl Kernel {
    /// Whether a task that has the CPU has something to do in the kernel before it goes on in user
    /// mode: to go on with what it slept in, to take signals, or all its life as a kernel thread.
    #[inline]
    pub fn has_kernel_work(&self, task: TaskId) -> bool {
        self.task(task).in_call.continuation.is_some()
            || self.takes_signals(task)
            || self.is_kernel_thread(task)
    }

    /// Whether a task is a migration thread, kswapd or pdflush.
    #[inline]
    pub(in crate::kernel) fn is_kernel_thread(&self, task: TaskId) -> bool {
        self.sched.is_migration_thread(task) || self.is_daemon(task)
    }

    /// Continues where the current task left off when it gave up the CPU inside the kernel.
    ///
    /// Returns `false` if it has nothing to continue, that is, if it is in user mode.
    pub fn resume(&mut self, current: TaskId) -> bool {
        let Some(continuation) = self.task_mut(current).in_call.continuation.take() else {
            return false;
        };
        let result = match continuation {
            // `copy_thread` has put the child's result into `eax` already.
            Continuation::RetFromFork => {
                self.schedule_tail(current);
                return true;
            }
            Continuation::PtraceStop(trap) => self.ptrace_resumes(current, trap),
            Continuation::CoreDump { signal } => self.coredump_wait(current, signal),
            Continuation::ExitWaitsForCore { code } => self.exit_after_core(current, code),
            Continuation::ExecWaitsForThreads => self.exec_waits_for_threads(current),
            Continuation::ExecWaitsForLeader => self.exec_waits_for_leader(current),
            Continuation::VforkWait { child, done: true } => self.vfork_is_over(current, child),
            Continuation::VforkWait { child, done: false } => {
                self.wait_for_completion(current, child)
            }
            Continuation::Wait4 { args, queued } => self.do_wait(current, args, queued),
            Continuation::TtyRead(read) => self.tty_read_resumes(current, read),
            Continuation::TtyWrite(write) => self.tty_write_resumes(current, write),
            Continuation::WritesEnd { then } => self.writes_ended(current, then),
            Continuation::PipeRead(io) => self.pipe_read(current, io),
            Continuation::PipeWrite(io) => self.pipe_write_resumes(current, io),
            Continuation::Msgsnd(args) => self.msgsnd_woken(current, args),
            Continuation::Msgrcv(args) => self.msgrcv_woken(current, args),
            Continuation::Polling => self.polling_woken(current),
            Continuation::Lock(wait) => self.lock_resumes(current, wait),
            Continuation::FifoOpen(wait) => self.fifo_open_resumes(current, wait),
            Continuation::Nanosleep { until, rem } => self.nanosleep_ends(current, until, rem),
            Continuation::AbsoluteSleep {
                clock,
                sec,
                nsec,
                until,
            } => self.absolute_sleep_woken(current, clock, (sec, nsec), until),
            // The call that starts here returns on its own.
            Continuation::Again { block } => {
                self.call_again(current, block);
                return true;
            }
            Continuation::SignalStop { suspended } => {
                match self.continue_stopped(current, suspended) {
                    Some(result) => result,
                    None => return true,
                }
            }
            Continuation::Pause => SysResult::Restart(Restart::NoHand),
            Continuation::Sigsuspend { saved } => self.sigsuspend_woken(current, saved),
            Continuation::Sigtimedwait { set, info, until } => {
                self.sigtimedwait_woken(current, set, info, until)
            }
            Continuation::Semop { id, until, result } => {
                self.semop_woken(current, id, until, result)
            }
            Continuation::Futex { key, until } => self.futex_woken(current, key, until),
            Continuation::MigrationWait { then, done } => self.after_migration(current, then, done),
        };
        let result = self.after_segment(current, result);
        self.return_from_call(current, result);
        true
    }
}
