//! The core file of a process that dies by a signal: the dumping task kills all other users of the
//! memory, waits until none of them touches it any more, and then writes the file.

use crate::abi::{
    MmId, O_CREAT, O_LARGEFILE, O_NOFOLLOW, O_RDWR, Resource, Signal, TaskId, TaskState,
};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;
use crate::kernel::mm::CoreDump;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::Continuation;

/// How the core file is opened: not through a link.
const CORE_FLAGS: u32 = O_CREAT | O_RDWR | O_NOFOLLOW | O_LARGEFILE;
/// `min_coredump` of ELF programs: with a lower limit nothing is written.
const MIN_COREDUMP: u32 = 4096;

impl Kernel {
    /// Ends the current task's process by a signal, with a core dump if its memory may be dumped.
    ///
    /// Simplified: the task does not yield first, for a thread that is to stop for the dump would
    /// repeat its system call until the dump begins, which takes no time here; and the file is
    /// empty.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `do_coredump()`, called by `get_signal_to_deliver()`.
    pub(in crate::kernel) fn do_coredump(&mut self, current: TaskId, signal: Signal) -> SysResult {
        let mm = self.mm_id(current);
        // Before anything else: the other users of memory that may not be dumped live on.
        if !self.mms[mm].dumpable {
            return self.do_group_exit(current, signal.number());
        }
        self.mms[mm].dumpable = false;
        let group = self.signal_of_mut(current);
        group.begin_group_exit(signal.number());
        self.zap_threads(current, signal);
        self.coredump_wait(current, signal)
    }

    /// Waits for the other users, and then writes the file.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `coredump_wait()`.
    pub(in crate::kernel) fn coredump_wait(
        &mut self,
        current: TaskId,
        signal: Signal,
    ) -> SysResult {
        let mm = self.mm_id(current);
        // Looked at again after each sleep: a tracer can wake a task wherever it sleeps.
        if self.mms[mm].core.is_some_and(|core| core.waiters > 0) {
            let wait = Continuation::CoreDump { signal };
            return self.block(current, TaskState::UNINTERRUPTIBLE, wait);
        }
        // Signals must not disturb the writing of the file.
        self.signal_of_mut(current).forget_stop();
        self.clear_sigpending(current);
        if self.writes_core(current, mm) {
            self.signal_of_mut(current).core_dumped();
        }
        self.complete_core(mm);
        self.do_group_exit(current, signal.number())
    }

    /// Kills every other user of the memory, and counts those who have yet to leave it. A vfork
    /// parent is released first, or both would wait for each other; so is a tracee from a tracer
    /// that dies with it.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `zap_threads()`.
    fn zap_threads(&mut self, current: TaskId, signal: Signal) {
        self.complete_vfork(current);
        let (mm, dumper) = (self.mm_id(current), self.pid(current));
        let tasks = self.pid_hash.tasks().map(|(_, task)| task);
        let users = tasks.filter(|user| *user != current && self.task(*user).mm() == Some(mm));
        let users: Vec<TaskId> = users.collect();
        for user in &users {
            self.task_mut(*user).dumped_with = Some((dumper, signal));
            self.force_sig_specific(*user, Signal::SIGKILL);
        }
        for user in &users {
            let task = self.task(*user);
            if !task.ptrace().is_empty() && self.task(task.parent()).mm() == Some(mm) {
                self.ptrace_unlink(*user);
            }
        }
        self.mms[mm].core = Some(CoreDump {
            dumper: current,
            waiters: users.len() as u32,
        });
    }

    /// Whether a task waits in its exit until a core dump is complete.
    fn waits_for_core(&self, task: TaskId) -> bool {
        let inside = self.task(task).in_call.continuation;
        matches!(inside, Some(Continuation::ExitWaitsForCore { .. }))
    }

    /// Opens and truncates the core file in the working directory; returns whether it was written.
    fn writes_core(&mut self, current: TaskId, mm: MmId) -> bool {
        if self.rlimit(current, Resource::Core) < MIN_COREDUMP {
            return false;
        }
        let name = match self.mms[mm].mm_users() {
            1 => "core".to_owned(),
            _ => format!("core.{}", self.task(current).tgid()),
        };
        let Ok(inode) = self.open_namei(current, &name, CORE_FLAGS, 0o600) else {
            return false;
        };
        let kind = &self.inodes[inode].kind;
        let regular = matches!(kind, InodeKind::Regular(_)) || kind.is_executable();
        if regular {
            self.set_size(inode, 0);
        }
        regular
    }

    /// Called by a task that leaves its memory in its exit. If the memory is being dumped, the task
    /// keeps it and waits for the end of the dump, which begins when the last one waits.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `exit_mm()`.
    pub(in crate::kernel) fn exit_waits_for_core(
        &mut self,
        current: TaskId,
        code: u32,
    ) -> Option<SysResult> {
        let mm = self.task(current).mm()?;
        let core = self.mms[mm].core.as_mut()?;
        if core.dumper == current {
            return None;
        }
        let dumper = core.dumper;
        let last = core.waiters == 1;
        core.waiters = core.waiters.saturating_sub(1);
        if last {
            self.wake_up_process(dumper);
        }
        Some(self.sleeps_for_core(current, code))
    }

    fn sleeps_for_core(&mut self, current: TaskId, code: u32) -> SysResult {
        let wait = Continuation::ExitWaitsForCore { code };
        self.block(current, TaskState::UNINTERRUPTIBLE, wait)
    }

    /// Continues with an exit that has waited for a core dump.
    pub(in crate::kernel) fn exit_after_core(&mut self, current: TaskId, code: u32) -> SysResult {
        let mm = self.mm_id(current);
        if self.mms[mm].core.is_some() {
            return self.sleeps_for_core(current, code);
        }
        self.exit_rest(current, code)
    }

    /// The dump is complete: everybody who waits for it goes on with its exit.
    fn complete_core(&mut self, mm: MmId) {
        self.mms[mm].core = None;
        let tasks = self.pid_hash.tasks().map(|(_, task)| task);
        let waiting =
            tasks.filter(|task| self.task(*task).mm() == Some(mm) && self.waits_for_core(*task));
        let waiting: Vec<TaskId> = waiting.collect();
        for task in waiting {
            self.wake_up_process(task);
        }
    }
}
