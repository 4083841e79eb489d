//! What `ioctl` asks of the terminal, and its answer to `poll`.

use super::Tty;
use super::termios::{Termios, Winsize};
use super::wait::Queue;
use crate::abi::{
    Caps, Errno, FIONREAD, FileId, ICANON, Pid, TCFLSH, TCGETS, TCIFLUSH, TCIOFF, TCIOFLUSH, TCION,
    TCOFLUSH, TCOOFF, TCOON, TCSBRK, TCSBRKP, TCSETS, TCSETSF, TCSETSW, TCXONC, TIOCGPGRP,
    TIOCGSID, TIOCGWINSZ, TIOCNOTTY, TIOCOUTQ, TIOCSCTTY, TIOCSPGRP, TIOCSTI, TIOCSWINSZ, TaskId,
    VSTART, VSTOP, VirtAddr, poll_mask,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;

/// When new settings take effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    /// At once.
    Now,
    /// When all output has been shown.
    Drain,
    /// The same, and what was typed is discarded.
    Flush,
}

impl Tty {
    /// Linux 2.6.12: `drivers/char/tty_ioctl.c`, `change_termios()`. Returns whether the readers
    /// are to be woken.
    fn change_termios(&mut self, new: Termios) -> bool {
        let toggles = (self.termios.lflag ^ new.lflag) & ICANON != 0;
        self.termios = new;
        if !toggles {
            return false;
        }
        self.ring.forget_lines();
        self.erasing = false;
        !self.has_lines() && self.ring.len() > 0
    }

    /// How many bytes can be read.
    fn readable(&self) -> usize {
        if self.has_lines() {
            self.ring.bytes_of_lines()
        } else {
            self.ring.len()
        }
    }
}

impl Kernel {
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_ioctl()`; `drivers/char/tty_ioctl.c`,
    /// `n_tty_ioctl()`.
    pub(in crate::kernel) fn tty_ioctl(
        &mut self,
        current: TaskId,
        file: FileId,
        cmd: u32,
        addr: VirtAddr,
    ) -> SysResult {
        if self.tty_hung_up(file) {
            let errno = match cmd {
                TIOCSPGRP => Errno::ENOTTY,
                _ => Errno::EIO,
            };
            return Err(errno).into();
        }
        match cmd {
            TCSETS => self.set_termios(current, addr, Change::Now),
            TCSETSW => self.set_termios(current, addr, Change::Drain),
            TCSETSF => self.set_termios(current, addr, Change::Flush),
            TCXONC => self.if_foreground(current, |kernel| kernel.tcxonc(addr.0)),
            TCFLSH => self.if_foreground(current, |kernel| kernel.tcflsh(addr.0)),
            TIOCSPGRP => self.tiocspgrp(current, addr),
            _ => self.tty_ioctl_at_once(current, cmd, addr).into(),
        }
    }

    /// The requests that no job control delays.
    fn tty_ioctl_at_once(
        &mut self,
        current: TaskId,
        cmd: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        match cmd {
            TCGETS => {
                let bytes = self.tty.termios.to_bytes();
                self.copy_to_user(current, addr, &bytes)?;
            }
            TIOCGWINSZ => {
                let bytes = self.tty.winsize.to_bytes();
                self.copy_to_user(current, addr, &bytes)?;
            }
            TIOCSWINSZ => return self.tiocswinsz(current, addr),
            TIOCSCTTY => return self.tiocsctty(current, addr.0),
            TIOCNOTTY => return self.tiocnotty(current),
            TIOCGPGRP => {
                self.own_tty(current)?;
                self.put_user_u32(current, addr, self.tty.pgrp.0.cast_unsigned())?;
            }
            TIOCGSID => {
                self.own_tty(current)?;
                if self.tty.session <= Pid(0) {
                    return Err(Errno::ENOTTY);
                }
                self.put_user_u32(current, addr, self.tty.session.0.cast_unsigned())?;
            }
            TIOCSTI => return self.tiocsti(current, addr),
            TIOCOUTQ => self.put_user_u32(current, addr, 0)?,
            FIONREAD => {
                let bytes = self.tty.readable() as u32;
                self.put_user_u32(current, addr, bytes)?;
            }
            // A console has no line on which a break could be sent, and nothing to wait for.
            TCSBRK | TCSBRKP => {}
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    fn if_foreground(
        &mut self,
        current: TaskId,
        act: impl FnOnce(&mut Self) -> Result<u32, Errno>,
    ) -> SysResult {
        match self.tty_check_change(current) {
            Ok(()) => act(self).into(),
            Err(refused) => refused,
        }
    }

    /// Linux 2.6.12: `drivers/char/tty_ioctl.c`, `set_termios()`.
    fn set_termios(&mut self, current: TaskId, addr: VirtAddr, change: Change) -> SysResult {
        self.if_foreground(current, |kernel| {
            let mut bytes = [0; Termios::BYTES];
            kernel.copy_from_user(current, addr, &mut bytes)?;
            if change == Change::Flush {
                kernel.tty.flush_input();
            }
            // The output of a console is shown at once, but the wait for it sees a signal.
            if change != Change::Now && kernel.signal_pending(current) {
                return Err(Errno::EINTR);
            }
            if kernel.tty.change_termios(Termios::from_bytes(&bytes)) {
                kernel.wake_tty(Queue::Read);
            }
            Ok(0)
        })
    }

    fn tcxonc(&mut self, arg: u32) -> Result<u32, Errno> {
        match arg {
            TCOOFF => {
                self.tty.flow_stopped = true;
                self.tty.stopped = true;
            }
            TCOON => {
                if std::mem::take(&mut self.tty.flow_stopped)
                    && let Some(effect) = self.tty.start()
                {
                    self.tty_effect(effect);
                }
            }
            TCIOFF | TCION => {
                let index = if arg == TCIOFF { VSTOP } else { VSTART };
                let byte = self.tty.termios.cc[index as usize];
                if self.tty.termios.is(index, byte) {
                    self.tty.put_echo(&[byte]);
                }
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    fn tcflsh(&mut self, arg: u32) -> Result<u32, Errno> {
        match arg {
            TCIFLUSH | TCIOFLUSH => self.tty.flush_input(),
            // The console has no output that is not shown yet.
            TCOFLUSH => {}
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tiocswinsz()`.
    fn tiocswinsz(&mut self, current: TaskId, addr: VirtAddr) -> Result<u32, Errno> {
        let mut bytes = [0; Winsize::BYTES];
        self.copy_from_user(current, addr, &mut bytes)?;
        let new = Winsize::from_bytes(&bytes);
        if new == self.tty.winsize {
            return Ok(0);
        }
        if !new.fits() {
            return Err(Errno::ENXIO);
        }
        if let Some(group) = self.tty.foreground() {
            self.tty_kill_pg(group, crate::abi::Signal::SIGWINCH);
        }
        self.tty.winsize = new;
        Ok(0)
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tiocsti()`.
    fn tiocsti(&mut self, current: TaskId, addr: VirtAddr) -> Result<u32, Errno> {
        if !self.signal_of(current).tty() && !self.capable(current, Caps::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        let mut byte = [0];
        self.copy_from_user(current, addr, &mut byte)?;
        self.tty_receive(&byte);
        Ok(0)
    }

    /// What can be done with the terminal without waiting.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `normal_poll()`; `drivers/char/tty_io.c`,
    /// `hung_up_tty_poll()`.
    pub(in crate::kernel) fn tty_poll(&mut self, file: FileId) -> u32 {
        if self.tty_hung_up(file) {
            return poll_mask::HUNG_UP;
        }
        let (min, time) = (self.tty.termios.min(), self.tty.termios.time());
        let least = if time > 0 { 0 } else { min };
        let mut mask = 0;
        if self.tty.input_available(least) || self.tty.end_of_input {
            mask |= poll_mask::READABLE;
        } else {
            self.tty.minimum_to_wake = least.max(1);
        }
        if self.tty.has_room() {
            mask |= poll_mask::WRITABLE;
        }
        mask
    }

    /// Queues a task that polls the terminal.
    pub(in crate::kernel) fn tty_poll_wait(&mut self, task: TaskId) {
        self.tty.add_waiter(Queue::Read, task);
        self.tty.add_waiter(Queue::Write, task);
    }

    /// Takes it out again.
    pub(in crate::kernel) fn tty_poll_ends(&mut self, task: TaskId) {
        self.tty.remove_waiter(Queue::Read, task);
        self.tty.remove_waiter(Queue::Write, task);
    }
}
