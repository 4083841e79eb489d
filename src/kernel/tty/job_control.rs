//! Job control: which process group may use the terminal, and whose controlling terminal it is.

use crate::abi::{Caps, Errno, FileId, Pid, SigAction, Signal, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{PidType, SendInfo};

/// What becomes of a background process that uses the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Allowed,
    /// `EIO`.
    Refused,
    /// Its group gets the signal.
    Stopped,
}

/// What decides about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Background {
    /// Whether it ignores or blocks the signal.
    is_ignored: bool,
    /// Whether its group is orphaned: then nobody could continue it.
    orphaned: bool,
}

/// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_check_change()`.
const fn may_change(background: Background) -> Verdict {
    match background {
        Background {
            is_ignored: true, ..
        } => Verdict::Allowed,
        Background { orphaned: true, .. } => Verdict::Refused,
        _ => Verdict::Stopped,
    }
}

/// Linux 2.6.12: `drivers/char/n_tty.c`, `job_control()`.
const fn may_read(background: Background) -> Verdict {
    match background {
        Background {
            is_ignored: false,
            orphaned: false,
        } => Verdict::Stopped,
        _ => Verdict::Refused,
    }
}

impl Kernel {
    /// Sends a signal of the kernel to a process group.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `kill_pg()`, with `priv`.
    pub(super) fn tty_kill_pg(&mut self, pgrp: Pid, signal: Signal) {
        // Init stands for the kernel, whose signals nobody has to permit.
        let number = signal.number() as i32;
        let _sent = self.kill_pg_info(self.init, number, SendInfo::Kernel, pgrp);
    }

    /// Whether a task ignores or blocks a signal.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `is_ignored()`.
    fn is_ignored(&self, task: TaskId, signal: Signal) -> bool {
        self.task(task).blocked().contains(signal)
            || self.sigaction_of(task, signal) == SigAction::Ignore
    }

    /// Applies a rule to a task whose controlling terminal has another group in the foreground.
    fn job_control(
        &mut self,
        current: TaskId,
        signal: Signal,
        rule: fn(Background) -> Verdict,
    ) -> Result<(), SysResult> {
        let pgrp = self.pgrp(current);
        let foreground = self.tty.foreground();
        if !self.signal_of(current).tty() || foreground.is_none_or(|group| group == pgrp) {
            return Ok(());
        }
        let background = Background {
            is_ignored: self.is_ignored(current, signal),
            orphaned: self.is_orphaned_pgrp(pgrp),
        };
        match rule(background) {
            Verdict::Allowed => Ok(()),
            Verdict::Refused => Err(Err(Errno::EIO).into()),
            Verdict::Stopped => {
                self.tty_kill_pg(pgrp, signal);
                Err(SysResult::Restart(Restart::Sys))
            }
        }
    }

    /// Whether a task may change the terminal.
    ///
    /// # Errors
    /// What the call comes to: `EIO`, or a restart after SIGTTOU.
    pub(super) fn tty_check_change(&mut self, current: TaskId) -> Result<(), SysResult> {
        self.job_control(current, Signal::SIGTTOU, may_change)
    }

    /// Whether a task may read the terminal.
    ///
    /// # Errors
    /// What the call comes to: `EIO`, or a restart after SIGTTIN.
    pub(super) fn tty_job_control(
        &mut self,
        current: TaskId,
        file: FileId,
    ) -> Result<(), SysResult> {
        if self.is_console_file(file) {
            return Ok(());
        }
        self.job_control(current, Signal::SIGTTIN, may_read)
    }

    /// Makes the terminal the controlling terminal of a session leader, with the leader's group in
    /// the foreground.
    pub(super) fn tty_becomes_controlling(&mut self, current: TaskId) {
        let signal = self.signal_of_mut(current);
        signal.set_tty();
        let (session, pgrp) = (signal.session(), signal.pgrp());
        self.tty.session = session;
        self.tty.pgrp = pgrp;
    }

    /// Starts a new task as a shell starts a job: in a group of its own, which is in the foreground
    /// of the terminal. Init stands for the shell: the terminal belongs to its session, so that the
    /// end of the job hangs nobody up.
    pub(in crate::kernel) fn start_job(&mut self, task: TaskId) {
        let init = self.init;
        if self.tty.session == Pid(0) {
            self.tty_becomes_controlling(init);
        }
        if self.tty.session != self.session(init) {
            return;
        }
        let group = self.pid(task);
        self.set_pgrp(task, group);
        self.signal_of_mut(task).set_tty();
        self.tty.pgrp = group;
    }

    /// Takes the terminal from all processes of a session.
    pub(super) fn take_tty_from_session(&mut self, session: Pid) {
        let members: Vec<TaskId> = self.pid_hash.all(PidType::Sid, session).collect();
        for member in members {
            self.signal_of_mut(member).take_tty();
        }
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tiocsctty()`.
    ///
    /// # Errors
    /// `EPERM`.
    pub(super) fn tiocsctty(&mut self, current: TaskId, arg: u32) -> Result<u32, Errno> {
        let signal = self.signal_of(current);
        if signal.leader() && signal.session() == self.tty.session {
            return Ok(0);
        }
        if !signal.leader() || signal.tty() {
            return Err(Errno::EPERM);
        }
        let owner = self.tty.session;
        if owner > Pid(0) {
            if arg != 1 || !self.capable(current, Caps::SYS_ADMIN) {
                return Err(Errno::EPERM);
            }
            self.take_tty_from_session(owner);
        }
        self.tty_becomes_controlling(current);
        Ok(0)
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_ioctl()`, `TIOCNOTTY`.
    ///
    /// # Errors
    /// `ENOTTY`.
    pub(super) fn tiocnotty(&mut self, current: TaskId) -> Result<u32, Errno> {
        self.own_tty(current)?;
        if self.signal_of(current).leader() {
            self.disassociate_ctty(current, super::hangup::Leaves::Request);
        }
        self.signal_of_mut(current).take_tty();
        Ok(0)
    }

    /// # Errors
    /// `ENOTTY` if the terminal is not the task's controlling terminal.
    pub(super) fn own_tty(&self, current: TaskId) -> Result<(), Errno> {
        if self.signal_of(current).tty() {
            Ok(())
        } else {
            Err(Errno::ENOTTY)
        }
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tiocspgrp()`.
    pub(super) fn tiocspgrp(&mut self, current: TaskId, arg: VirtAddr) -> SysResult {
        match self.tty_check_change(current) {
            Ok(()) => self.set_foreground(current, arg).into(),
            Err(SysResult::Done(Err(_))) => Err(Errno::ENOTTY).into(),
            Err(stopped) => stopped,
        }
    }

    fn set_foreground(&mut self, current: TaskId, arg: VirtAddr) -> Result<u32, Errno> {
        self.own_tty(current)?;
        let session = self.session(current);
        if self.tty.session != session {
            return Err(Errno::ENOTTY);
        }
        let pgrp = Pid(self.get_user_u32(current, arg)?.cast_signed());
        if pgrp < Pid(0) {
            return Err(Errno::EINVAL);
        }
        if self.session_of_pgrp(pgrp) != Some(session) {
            return Err(Errno::EPERM);
        }
        self.tty.pgrp = pgrp;
        Ok(0)
    }

    /// The session of a group; if there is no such group, that of the task with the number.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `session_of_pgrp()`.
    fn session_of_pgrp(&self, pgrp: Pid) -> Option<Pid> {
        let members = self.pid_hash.all(PidType::Pgid, pgrp);
        let mut sessions = members.map(|member| self.session(member));
        let of_member = sessions.find(|session| *session > Pid(0));
        of_member.or_else(|| self.pid_hash.find(pgrp).map(|task| self.session(task)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_background_process_may_change_what_it_may_not_read() {
        for (is_ignored, orphaned, change, read) in [
            (false, false, Verdict::Stopped, Verdict::Stopped),
            (false, true, Verdict::Refused, Verdict::Refused),
            (true, false, Verdict::Allowed, Verdict::Refused),
            (true, true, Verdict::Allowed, Verdict::Refused),
        ] {
            let background = Background {
                is_ignored,
                orphaned,
            };
            assert_eq!(may_change(background), change, "{background:?}");
            assert_eq!(may_read(background), read, "{background:?}");
        }
    }
}
