//! How a session loses its terminal: its leader exits or gives it up, or somebody hangs it up. And
//! how characters reach the terminal from outside.

use super::n_tty::Effect;
use super::termios::Termios;
use super::wait::Queue;
use crate::abi::{Caps, Errno, Pid, Signal, TaskId, VEOF};
use crate::kernel::Kernel;
use crate::kernel::task::{PidType, SendInfo};
use crate::trace::Cause;

/// Why a leader loses its terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kernel) enum Leaves {
    /// It exits.
    Exit,
    /// It asks for it.
    Request,
}

impl Kernel {
    /// Types on the terminal.
    pub fn type_on_console(&mut self, bytes: &[u8]) {
        self.enter_interrupt(Cause::Console);
        self.tty_receive(bytes);
        self.leave_interrupt();
    }

    /// Ends the input: whoever reads gets what has been typed, and then 0, for good.
    pub fn end_console_input(&mut self) {
        self.enter_interrupt(Cause::Console);
        if self.tty.has_lines() && !self.tty.ring.at_line_start() {
            let end = self.tty.termios.cc[VEOF as usize];
            self.tty_receive(&[end]);
        }
        self.tty.end_of_input = true;
        self.wake_tty(Queue::Read);
        self.leave_interrupt();
    }

    /// Linux 2.6.12: `drivers/char/n_tty.c`, `n_tty_receive_buf()`.
    pub(super) fn tty_receive(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(effect) = self.tty.receive_char(*byte) {
                self.tty_effect(effect);
            }
        }
        let enough = self.tty.ring.len() >= self.tty.minimum_to_wake as usize;
        if !self.tty.has_lines() && enough {
            self.wake_tty(Queue::Read);
        }
    }

    pub(super) fn tty_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Signal(signal) => {
                if let Some(group) = self.tty.foreground() {
                    self.tty_kill_pg(group, signal);
                }
            }
            Effect::WakeReaders => self.wake_tty(Queue::Read),
            Effect::WakeWriters => self.wake_tty(Queue::Write),
        }
    }

    /// Hangs the terminal up: its open files are dead from now on, and its session loses it.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `do_tty_hangup()`.
    fn tty_vhangup(&mut self) {
        self.tty.hang_up_files();
        self.tty.flush_input();
        self.wake_tty(Queue::Write);
        self.wake_tty(Queue::Read);
        self.tty.termios = Termios::INITIAL;
        let session = self.tty.session;
        if session > Pid(0) {
            self.hang_up_session(session);
        }
        (self.tty.stopped, self.tty.flow_stopped, self.tty.push) = (false, false, false);
        self.tty.session = Pid(0);
        self.tty.pgrp = Pid(-1);
    }

    fn hang_up_session(&mut self, session: Pid) {
        let foreground = self.tty.foreground();
        let members: Vec<TaskId> = self.pid_hash.all(PidType::Sid, session).collect();
        for member in members {
            self.signal_of_mut(member).take_tty();
            if !self.signal_of(member).leader() {
                continue;
            }
            self.group_send_signal(member, Signal::SIGHUP);
            self.group_send_signal(member, Signal::SIGCONT);
            if let Some(group) = foreground {
                self.signal_of_mut(member).set_tty_old_pgrp(group);
            }
        }
    }

    /// Takes the terminal from the session of a leader, and sends SIGHUP to the group in the
    /// foreground.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `disassociate_ctty()`.
    pub(in crate::kernel) fn disassociate_ctty(&mut self, current: TaskId, leaves: Leaves) {
        if !self.signal_of(current).tty() {
            let old = self.signal_of(current).tty_old_pgrp();
            if old > Pid(0) {
                self.kill_left_group(current, old, Signal::SIGHUP, leaves);
                self.kill_left_group(current, old, Signal::SIGCONT, leaves);
            }
            return;
        }
        let foreground = self.tty.foreground();
        if leaves == Leaves::Exit {
            self.tty_vhangup();
        }
        if let Some(group) = foreground {
            self.kill_left_group(current, group, Signal::SIGHUP, leaves);
            if leaves == Leaves::Request {
                self.kill_left_group(current, group, Signal::SIGCONT, leaves);
            }
        }
        self.signal_of_mut(current).set_tty_old_pgrp(Pid(0));
        self.tty.session = Pid(0);
        self.tty.pgrp = Pid(-1);
        self.take_tty_from_session(self.session(current));
    }

    /// The kernel sends these signals if the leader exits, and the leader itself if it asked.
    fn kill_left_group(&mut self, current: TaskId, group: Pid, signal: Signal, leaves: Leaves) {
        let info = match leaves {
            Leaves::Exit => SendInfo::Kernel,
            Leaves::Request => SendInfo::From(current),
        };
        let _sent = self.kill_pg_info(current, signal.number() as i32, info, group);
    }

    /// Hangs up the caller's terminal.
    ///
    /// Linux 2.6.12: `fs/open.c`, `sys_vhangup()`.
    ///
    /// # Errors
    /// `EPERM`.
    pub(in crate::kernel) fn sys_vhangup(&mut self, current: TaskId) -> Result<u32, Errno> {
        if !self.capable(current, Caps::SYS_TTY_CONFIG) {
            return Err(Errno::EPERM);
        }
        if self.signal_of(current).tty() {
            self.tty_vhangup();
        }
        Ok(0)
    }
}
