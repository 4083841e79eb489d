//! The core file of a process that dies by a signal.

use crate::abi::Resource;
use crate::abi::{Signal, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;

impl Kernel {
    /// Kills every user of the memory, lets a vfork parent continue and, if the limit permits,
    /// dumps core, which the wait status then says.
    ///
    /// Simplified: the dumping task does not wait until the others have exited, and the file is
    /// empty.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `do_coredump()`, `coredump_wait()` and `zap_threads()`.
    pub(in crate::kernel) fn do_coredump(&mut self, current: TaskId, signal: Signal) {
        /// `min_coredump` of ELF programs.
        const MIN_COREDUMP: u32 = 4096;
        let group = self.signal_of_mut(current);
        group.begin_group_exit(signal.number());
        self.complete_vfork(current);
        let (mm, dumper) = (self.task(current).mm(), self.pid(current));
        let users: Vec<TaskId> = self.pid_hash.tasks().map(|(_, task)| task).collect();
        for user in users {
            if user != current && mm.is_some() && self.task(user).mm() == mm {
                self.task_mut(user).dumped_with = Some((dumper, signal));
                self.force_sig_specific(user, Signal::SIGKILL);
            }
        }
        if self.rlimit(current, Resource::Core) < MIN_COREDUMP {
            return;
        }
        let name = match mm.map_or(1, |mm| self.mms[mm].mm_users()) {
            1 => "core".to_owned(),
            _ => format!("core.{}", self.task(current).tgid()),
        };
        self.create(&name, InodeKind::Regular(Vec::new()));
        self.signal_of_mut(current).core_dumped();
    }
}
