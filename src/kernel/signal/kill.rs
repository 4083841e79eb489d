//! The system calls that send signals, and the meaning of their pid arguments.

use super::kill_rules::{KillRefusal, MaySignal, check_kill_permission};
use crate::abi::{Caps, Errno, Pid, SigInfo, Signal, TaskId, si_code};
use crate::kernel::Kernel;
use crate::kernel::task::{PidType, SendInfo};

impl Kernel {
    /// Whether a task may send that signal number to another; 0 only checks. Nothing is changed.
    ///
    /// # Errors
    /// Why it may not.
    fn may_signal(
        &self,
        sender: TaskId,
        signal: i32,
        info: &SendInfo,
        receiver: TaskId,
    ) -> Result<MaySignal, KillRefusal> {
        let session = |task| self.signal_of(task).session();
        check_kill_permission(
            signal,
            info.from_user(),
            &self.task(sender).cred(),
            &self.task(receiver).cred(),
            session(sender) == session(receiver),
        )
    }

    /// Linux 2.6.12: `kernel/signal.c`, `check_kill_permission()`.
    fn check_kill_permission(
        &mut self,
        sender: TaskId,
        signal: i32,
        info: &SendInfo,
        receiver: TaskId,
    ) -> Result<Option<Signal>, Errno> {
        let may = self.may_signal(sender, signal, info, receiver);
        match may {
            // Asked only if nothing else permits it: `capable()` marks the sender as having used its
            // privileges.
            Ok(MaySignal::Capable) => {
                self.capable(sender, Caps::KILL);
            }
            Ok(_) => {}
            Err(refusal) => return Err(refusal.errno()),
        }
        Ok(Signal::new(signal as u32))
    }

    /// Sends a signal to a whole process if the sender may.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `group_send_sig_info()`.
    ///
    /// # Errors
    /// `EINVAL`, `EPERM`, `EAGAIN`.
    pub(in crate::kernel) fn group_send_checked(
        &mut self,
        sender: TaskId,
        signal: i32,
        info: SendInfo,
        target: TaskId,
    ) -> Result<(), Errno> {
        match self.check_kill_permission(sender, signal, &info, target)? {
            Some(signal) => self.group_send_sig_info(signal, info, target),
            None => Ok(()),
        }
    }

    /// Sends a signal to a whole process group. Succeeds if it could be sent to any member,
    /// otherwise returns the last error.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__kill_pg_info()`.
    ///
    /// # Errors
    /// `EINVAL` for an invalid group id, `ESRCH` for an empty group, `EPERM`.
    pub(in crate::kernel) fn kill_pg_info(
        &mut self,
        sender: TaskId,
        signal: i32,
        info: SendInfo,
        pgrp: Pid,
    ) -> Result<(), Errno> {
        if pgrp.0 <= 0 {
            return Err(Errno::EINVAL);
        }
        // Collected first, because the kernel holds `tasklist_lock`: nobody leaves the group while
        // the signal is sent.
        let members: Vec<TaskId> = self.pid_hash.all(PidType::Pgid, pgrp).collect();
        let (mut success, mut result) = (false, Err(Errno::ESRCH));
        for member in members {
            result = self.group_send_checked(sender, signal, info, member);
            success |= result.is_ok();
        }
        if success { Ok(()) } else { result }
    }

    /// Sends a signal to the process of the task with that pid.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `kill_proc_info()`.
    fn kill_proc_info(
        &mut self,
        sender: TaskId,
        signal: i32,
        info: SendInfo,
        pid: Pid,
    ) -> Result<(), Errno> {
        let target = self.pid_hash.find(pid).ok_or(Errno::ESRCH)?;
        self.group_send_checked(sender, signal, info, target)
    }

    /// Sends a signal to every process but init and the sender's own. Refusals are ignored.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `kill_something_info()`.
    fn kill_everybody(&mut self, sender: TaskId, signal: i32, info: SendInfo) -> Result<(), Errno> {
        let own = self.task(sender).tgid();
        let others: Vec<TaskId> = self
            .leaders()
            .filter(|leader| self.pid(*leader).0 > 1 && self.task(*leader).tgid() != own)
            .collect();
        if others.is_empty() {
            return Err(Errno::ESRCH);
        }
        let mut result = Ok(());
        for leader in others {
            match self.group_send_checked(sender, signal, info, leader) {
                // The caller asked for all that it may signal, so others are no error.
                Err(Errno::EPERM) => {}
                other => result = other,
            }
        }
        result
    }

    /// The processes in the order of creation (`for_each_process`).
    pub(in crate::kernel) fn leaders(&self) -> impl Iterator<Item = TaskId> + use<> {
        let mut leaders: Vec<_> = self
            .pid_hash
            .entries(PidType::Pid)
            .filter(|(_, _, task)| self.task(*task).group_leader() == *task)
            .map(|(_, seq, task)| (seq, task))
            .collect();
        leaders.sort_unstable();
        leaders.into_iter().map(|(_, task)| task)
    }

    fn sender_info(&self, current: TaskId, signal: i32, code: i32) -> SendInfo {
        let (tgid, uid) = (self.task(current).tgid(), self.task(current).cred().uid);
        // An invalid signal number is refused before this value is used.
        let number = Signal::new(signal as u32).unwrap_or(Signal::SIGHUP);
        SendInfo::Info(SigInfo::sent(number, code, tgid.0, uid))
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_kill()` and `kill_something_info()`.
    ///
    /// # Errors
    /// `ESRCH`, `EINVAL`, `EPERM`.
    pub(in crate::kernel) fn sys_kill(
        &mut self,
        current: TaskId,
        pid: i32,
        signal: i32,
    ) -> Result<u32, Errno> {
        let info = self.sender_info(current, signal, si_code::SI_USER);
        match pid {
            0 => self.kill_pg_info(current, signal, info, self.pgrp(current)),
            -1 => self.kill_everybody(current, signal, info),
            1.. => self.kill_proc_info(current, signal, info, Pid(pid)),
            _ => self.kill_pg_info(current, signal, info, Pid(pid.wrapping_neg())),
        }
        .map(|()| 0)
    }

    /// Sends a signal to one thread; `tgid`, if given, must be that of its process.
    ///
    /// # Errors
    /// As [`Kernel::signal_thread`].
    pub(in crate::kernel) fn sys_tkill(
        &mut self,
        current: TaskId,
        pid: i32,
        signal: i32,
    ) -> Result<u32, Errno> {
        self.signal_thread(current, None, pid, signal)
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_tgkill()`.
    ///
    /// # Errors
    /// `EINVAL` for invalid pids, `ESRCH`, `EPERM`, `EAGAIN`.
    pub(in crate::kernel) fn sys_tgkill(
        &mut self,
        current: TaskId,
        tgid: i32,
        pid: i32,
        signal: i32,
    ) -> Result<u32, Errno> {
        self.signal_thread(current, Some(tgid), pid, signal)
    }

    /// Sends a signal to one thread; `tgid`, if given, must be that of its process.
    ///
    /// # Errors
    /// `EINVAL` for invalid pids, `ESRCH`, `EPERM`, `EAGAIN`.
    fn signal_thread(
        &mut self,
        current: TaskId,
        tgid: Option<i32>,
        pid: i32,
        signal: i32,
    ) -> Result<u32, Errno> {
        if pid <= 0 || tgid.is_some_and(|tgid| tgid <= 0) {
            return Err(Errno::EINVAL);
        }
        let target = self.pid_hash.find(Pid(pid)).ok_or(Errno::ESRCH)?;
        if tgid.is_some_and(|tgid| self.task(target).tgid() != Pid(tgid)) {
            return Err(Errno::ESRCH);
        }
        let info = self.sender_info(current, signal, si_code::SI_TKILL);
        if let Some(signal) = self.check_kill_permission(current, signal, &info, target)? {
            // Stops and SIGCONT concern the whole process, even if one thread gets the signal.
            self.handle_stop_signal(signal, target);
            self.specific_send_sig_info(signal, info, target)?;
        }
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_rt_sigqueueinfo()`. The signal number inside `info` is
    /// ignored.
    ///
    /// # Errors
    /// `EPERM` for an `si_code` that only `kill` and the kernel may use, before anything is looked
    /// up; then as for `kill` of one process, and `EAGAIN`.
    pub(in crate::kernel) fn sys_rt_sigqueueinfo(
        &mut self,
        current: TaskId,
        pid: i32,
        signal: i32,
        info: SigInfo,
    ) -> Result<u32, Errno> {
        if info.code >= 0 {
            return Err(Errno::EPERM);
        }
        // The pid is looked up before the number is found to be invalid, so a number is needed until
        // then.
        let number = Signal::new(signal as u32).unwrap_or(info.signal);
        let info = SendInfo::Info(SigInfo {
            signal: number,
            ..info
        });
        self.kill_proc_info(current, signal, info, Pid(pid))
            .map(|()| 0)
    }
}
