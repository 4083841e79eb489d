//! The line discipline: what happens to each typed character before a program can read it. It may
//! edit the line, be shown, send a signal, or stop the output.

use super::Tty;
use super::ring::N_TTY_BUF_SIZE;
use super::termios::DISABLED;
use crate::abi::{
    ECHO, ECHOCTL, ECHOE, ECHOK, ECHOKE, ECHONL, ECHOPRT, ICANON, ICRNL, IEXTEN, IGNCR, INLCR,
    ISIG, ISTRIP, IUCLC, IXANY, IXON, NOFLSH, PARMRK, Signal, VEOF, VEOL, VEOL2, VERASE, VINTR,
    VKILL, VLNEXT, VQUIT, VREPRINT, VSTART, VSTOP, VSUSP, VWERASE,
};

/// What a typed character makes the kernel do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// A signal to the foreground group.
    Signal(Signal),
    /// A line is complete.
    WakeReaders,
    /// The output goes on.
    WakeWriters,
}

/// What an editing character erases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Erase {
    Char,
    Word,
    Line,
}

impl Tty {
    /// Takes in a typed character.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `n_tty_receive_char()`.
    pub(super) fn receive_char(&mut self, byte: u8) -> Option<Effect> {
        let termios = self.termios;
        if termios.is_raw() {
            self.ring.put(byte);
            return None;
        }
        if self.stopped && !self.flow_stopped && termios.i(IXON) && termios.i(IXANY) {
            return self.start();
        }
        let mut byte = byte;
        if termios.i(ISTRIP) {
            byte &= 0x7f;
        }
        if termios.i(IUCLC) && termios.l(IEXTEN) {
            byte = byte.to_ascii_lowercase();
        }
        if std::mem::take(&mut self.lnext) || !self.is_special(byte) {
            self.store(byte);
            return None;
        }
        match byte {
            b'\r' if termios.i(IGNCR) => return None,
            b'\r' if termios.i(ICRNL) => byte = b'\n',
            b'\n' if termios.i(INLCR) => byte = b'\r',
            _ => {}
        }
        self.receive_special(byte)
    }

    /// Whether a character may be more than an ordinary one.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `n_tty_set_termios()`, `process_char_map`.
    fn is_special(&self, byte: u8) -> bool {
        let termios = &self.termios;
        let any = |indexes: &[u32]| indexes.iter().any(|index| termios.is(*index, byte));
        let lines = termios.l(ICANON);
        let more = lines && termios.l(IEXTEN);
        byte != DISABLED
            && ((byte == b'\r' && termios.i(IGNCR | ICRNL))
                || (byte == b'\n' && (termios.i(INLCR) || lines))
                || (lines && any(&[VERASE, VKILL, VEOF, VEOL]))
                || (more && any(&[VWERASE, VLNEXT, VEOL2]))
                || (more && termios.l(ECHO) && any(&[VREPRINT]))
                || (termios.i(IXON) && any(&[VSTART, VSTOP]))
                || (termios.l(ISIG) && any(&[VINTR, VQUIT, VSUSP])))
    }

    fn receive_special(&mut self, byte: u8) -> Option<Effect> {
        let termios = self.termios;
        if termios.i(IXON) {
            if termios.is(VSTART, byte) {
                return self.start();
            }
            if termios.is(VSTOP, byte) {
                self.stopped = true;
                return None;
            }
        }
        if termios.l(ISIG) {
            let signals = [
                (VINTR, Signal::SIGINT),
                (VQUIT, Signal::SIGQUIT),
                (VSUSP, Signal::SIGTSTP),
            ];
            let sent = signals
                .into_iter()
                .find(|(index, _)| termios.is(*index, byte));
            if let Some((_, signal)) = sent {
                if !termios.l(NOFLSH) {
                    self.flush_input();
                }
                return Some(Effect::Signal(signal));
            }
        }
        if termios.l(ICANON) {
            return self.receive_in_line(byte);
        }
        match byte {
            b'\n' => self.store_newline(),
            byte => self.store(byte),
        }
        None
    }

    /// A special character while lines are edited.
    fn receive_in_line(&mut self, byte: u8) -> Option<Effect> {
        let termios = self.termios;
        let is_more = |index| termios.l(IEXTEN) && termios.is(index, byte);
        if termios.is(VERASE, byte) {
            self.eraser(Erase::Char);
        } else if is_more(VWERASE) {
            self.eraser(Erase::Word);
        } else if termios.is(VKILL, byte) {
            self.eraser(Erase::Line);
        } else if is_more(VLNEXT) {
            self.quote_next();
        } else if is_more(VREPRINT) && termios.l(ECHO) {
            self.reprint(byte);
        } else if byte == b'\n' {
            return self.newline();
        } else if termios.is(VEOF, byte) {
            // A read that the text before it filled exactly must not be followed by one of nothing.
            self.push |= !self.ring.at_line_start();
            return Some(self.end_line(DISABLED));
        } else if termios.is(VEOL, byte) || is_more(VEOL2) {
            return self.end_of_line_char(byte);
        } else {
            self.store(byte);
        }
        None
    }

    fn newline(&mut self) -> Option<Effect> {
        if self.termios.l(ECHO | ECHONL) {
            if self.beeps() {
                return None;
            }
            self.opost_echo(b'\n');
        }
        Some(self.end_line(b'\n'))
    }

    fn end_of_line_char(&mut self, byte: u8) -> Option<Effect> {
        if self.termios.l(ECHO) && !self.echo_in_line(byte) {
            return None;
        }
        self.double_marks(byte);
        Some(self.end_line(byte))
    }

    fn end_line(&mut self, byte: u8) -> Effect {
        self.ring.end_line(byte);
        Effect::WakeReaders
    }

    /// Shows and stores an ordinary character.
    fn store(&mut self, byte: u8) {
        self.finish_erasing();
        if self.termios.l(ECHO) && !self.echo_in_line(byte) {
            return;
        }
        self.double_marks(byte);
        self.ring.put(byte);
    }

    /// The same for a newline that a carriage return has become while there are no lines: one that
    /// is typed is shown like any control character.
    fn store_newline(&mut self) {
        self.finish_erasing();
        if self.termios.l(ECHO) {
            if self.beeps() {
                return;
            }
            self.opost_echo(b'\n');
        }
        self.ring.put(b'\n');
    }

    /// Shows a character of a line; `false` if there is no room for it.
    fn echo_in_line(&mut self, byte: u8) -> bool {
        if self.beeps() {
            return false;
        }
        if self.ring.at_line_start() {
            self.output.canon_column = self.output.column;
        }
        self.echo_char(byte);
        true
    }

    /// Whether there is no room for a character that would be shown; then the bell rings.
    fn beeps(&mut self) -> bool {
        let full = self.ring.len() >= N_TTY_BUF_SIZE - 1;
        if full {
            self.put_echo(b"\x07");
        }
        full
    }

    fn double_marks(&mut self, byte: u8) {
        if self.termios.i(PARMRK) && byte == 0xff {
            self.ring.put(byte);
        }
    }

    /// Discards what was typed.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `n_tty_flush_buffer()`.
    pub(super) fn flush_input(&mut self) {
        self.ring.flush();
        self.erasing = false;
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `start_tty()`.
    pub(super) fn start(&mut self) -> Option<Effect> {
        let starts = self.stopped && !self.flow_stopped;
        self.stopped &= !starts;
        starts.then_some(Effect::WakeWriters)
    }

    fn quote_next(&mut self) {
        self.lnext = true;
        if self.termios.l(ECHO) {
            self.finish_erasing();
            if self.termios.l(ECHOCTL) {
                self.put_echo(b"^\x08");
            }
        }
    }

    fn reprint(&mut self, byte: u8) {
        self.finish_erasing();
        self.echo_char(byte);
        self.opost_echo(b'\n');
        let line: Vec<u8> = self.ring.unfinished().collect();
        for byte in line {
            self.echo_char(byte);
        }
    }

    fn finish_erasing(&mut self) {
        if std::mem::take(&mut self.erasing) {
            self.put_echo(b"/");
            self.output.column += 1;
        }
    }

    /// Linux 2.6.12: `drivers/char/n_tty.c`, `eraser()`.
    fn eraser(&mut self, what: Erase) {
        if self.ring.at_line_start() {
            return;
        }
        let termios = self.termios;
        let visibly = [ECHOK, ECHOKE, ECHOE]
            .into_iter()
            .all(|flag| termios.l(flag));
        if what == Erase::Line && !(termios.l(ECHO) && visibly) {
            return self.kill_line();
        }
        let mut in_word = false;
        while let Some(byte) = self.ring.last() {
            if what == Erase::Word {
                let of_word = byte.is_ascii_alphanumeric() || byte == b'_';
                if in_word && !of_word {
                    break;
                }
                in_word |= of_word;
            }
            self.ring.erase();
            if termios.l(ECHO) {
                self.show_erased(byte, what);
            }
            if what == Erase::Char {
                break;
            }
        }
        if self.ring.at_line_start() {
            self.finish_erasing();
        }
    }

    /// Erases the line without erasing it on the screen.
    fn kill_line(&mut self) {
        self.ring.erase_line();
        if !self.termios.l(ECHO) {
            return;
        }
        self.finish_erasing();
        self.echo_char(self.termios.cc[VKILL as usize]);
        if self.termios.l(ECHOK) {
            self.opost_echo(b'\n');
        }
    }

    fn show_erased(&mut self, byte: u8, what: Erase) {
        let termios = self.termios;
        if termios.l(ECHOPRT) {
            if !self.erasing {
                self.put_echo(b"\\");
                self.output.column += 1;
                self.erasing = true;
            }
            self.echo_char(byte);
        } else if what == Erase::Char && !termios.l(ECHOE) {
            self.echo_char(termios.cc[VERASE as usize]);
        } else if byte == b'\t' {
            self.back_over_tab();
        } else {
            let control = byte.is_ascii_control();
            if control && termios.l(ECHOCTL) {
                self.back();
            }
            if !control || termios.l(ECHOCTL) {
                self.back();
            }
        }
    }

    /// Erases the character before the cursor.
    fn back(&mut self) {
        self.put_echo(b"\x08 \x08");
        self.output.column = self.output.column.saturating_sub(1);
    }

    /// Goes back to where the last character before a tab ends.
    fn back_over_tab(&mut self) {
        let caret = self.termios.l(ECHOCTL);
        let start = self.output.canon_column;
        let column = self
            .ring
            .unfinished()
            .fold(start, |column, byte| match byte {
                b'\t' => (column | 7) + 1,
                byte if byte.is_ascii_control() => column + if caret { 2 } else { 0 },
                _ => column + 1,
            });
        while self.output.column > column {
            self.put_echo(b"\x08");
            self.output.column -= 1;
        }
    }
}
