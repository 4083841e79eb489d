//! What a terminal puts out: the processing of its output flags, and the screen that shows the
//! result together with the echo of what is typed.

use super::Tty;
use super::termios::Termios;
use crate::abi::{ECHOCTL, OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, XTABS};
/// How many of the last bytes the screen keeps: more than it can show.
const SCREEN_BYTES: usize = 8192;

/// The output of a terminal.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// What programs have put out, in order, until it is taken. A newline stands alone: to go to
    /// the first column as well is up to whoever shows it.
    programs: Vec<u8>,
    /// Whether echo counts as output of programs.
    shown: Shown,
    /// The last of what the screen was sent, echo included; at most twice as much as it keeps.
    screen: Vec<u8>,
    /// `column`: where the next character appears.
    pub(super) column: u32,
    /// `canon_column`: where the line that is being typed began.
    pub(super) canon_column: u32,
}

/// What is taken as the output of programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Shown {
    /// What they put out themselves: somebody else shows what is typed.
    #[default]
    Programs,
    /// All that the terminal shows.
    All,
}

/// Who puts a character out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum From {
    /// A program.
    Program,
    /// The line discipline, which shows what is typed.
    Echo,
}

impl Output {
    /// What programs have put out and nobody has taken yet.
    pub fn output(&self) -> &[u8] {
        &self.programs
    }

    /// From now on, echo and carriage returns count as output.
    pub(super) const fn show_all(&mut self) {
        self.shown = Shown::All;
    }

    /// Takes it.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.programs)
    }

    /// The last of what the screen was sent, echo included.
    pub fn screen(&self) -> Vec<u8> {
        let start = self.screen.len().saturating_sub(SCREEN_BYTES);
        self.screen[start..].to_vec()
    }

    /// Linux 2.6.12: `drivers/char/vt.c`, `con_put_char()`.
    pub(super) fn put(&mut self, byte: u8, from: From) {
        self.show(&[byte]);
        if from == From::Program || self.shown == Shown::All {
            self.programs.push(byte);
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        self.screen.extend_from_slice(bytes);
        if self.screen.len() > 2 * SCREEN_BYTES {
            let old = self.screen.len() - SCREEN_BYTES;
            self.screen.drain(..old);
        }
    }

    /// Puts out characters of a program that are only shown and moved past.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `opost_block()`.
    pub(super) fn opost_block(&mut self, bytes: &[u8]) {
        self.show(bytes);
        self.programs.extend_from_slice(bytes);
        self.column = self.column.wrapping_add(bytes.len() as u32);
    }

    /// The carriage return that a newline brings along.
    fn put_return(&mut self) {
        self.put(b'\r', From::Echo);
        self.column = 0;
    }

    /// Linux 2.6.12: `drivers/char/n_tty.c`, `opost()`, for a device that always has room.
    pub(super) fn opost(&mut self, termios: &Termios, byte: u8, from: From) {
        if !termios.o(OPOST) {
            return self.put(byte, from);
        }
        let mut byte = byte;
        match byte {
            b'\n' => {
                if termios.o(ONLRET) {
                    self.column = 0;
                }
                if termios.o(ONLCR) {
                    self.put_return();
                }
                self.canon_column = self.column;
            }
            b'\r' => {
                if termios.o(ONOCR) && self.column == 0 {
                    return;
                }
                if termios.o(OCRNL) {
                    byte = b'\n';
                }
                if !termios.o(OCRNL) || termios.o(ONLRET) {
                    (self.column, self.canon_column) = (0, 0);
                }
            }
            b'\t' => {
                let spaces = 8 - (self.column & 7);
                self.column += spaces;
                if termios.oflag & XTABS == XTABS {
                    return (0..spaces).for_each(|_| self.put(b' ', from));
                }
            }
            0x08 => self.column = self.column.saturating_sub(1),
            _ => {
                if termios.o(OLCUC) {
                    byte = byte.to_ascii_uppercase();
                }
                if !byte.is_ascii_control() {
                    self.column += 1;
                }
            }
        }
        self.put(byte, from);
    }
}

impl Tty {
    /// Room on the device: none while the output is stopped.
    ///
    /// Linux 2.6.12: `drivers/char/vt.c`, `con_write_room()`.
    pub(super) const fn has_room(&self) -> bool {
        !self.stopped
    }

    /// Shows bytes whatever the output flags are.
    pub(super) fn put_echo(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.output.put(*byte, From::Echo);
        }
    }

    /// Shows a character as the output flags want it, unless the output is stopped.
    pub(super) fn opost_echo(&mut self, byte: u8) {
        if self.has_room() {
            self.output.opost(&self.termios, byte, From::Echo);
        }
    }

    /// Shows a typed character.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `echo_char()`.
    pub(super) fn echo_char(&mut self, byte: u8) {
        if self.termios.l(ECHOCTL) && byte.is_ascii_control() && byte != b'\t' {
            self.put_echo(&[b'^', byte ^ 0o100]);
            self.output.column += 2;
        } else {
            self.opost_echo(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(oflag: u32, text: &[u8]) -> String {
        let mut output = Output::default();
        let termios = Termios {
            oflag,
            ..Termios::INITIAL
        };
        for byte in text {
            output.opost(&termios, *byte, From::Program);
        }
        String::from_utf8(output.screen()).unwrap()
    }

    #[test]
    fn the_output_flags_change_what_is_put_out() {
        for (oflag, text, expected) in [
            (0, "a\n\tb\r", "a\n\tb\r"),
            (OPOST, "a\nb\r", "a\nb\r"),
            (OPOST | ONLCR, "a\nb\n", "a\r\nb\r\n"),
            (OPOST | OCRNL, "a\rb", "a\nb"),
            (OPOST | ONOCR, "\ra\r\rb", "a\rb"),
            (OPOST | ONOCR | ONLRET, "a\n\rb", "a\nb"),
            (OPOST | OLCUC, "aB1", "AB1"),
            (OPOST | XTABS, "abc\td", "abc     d"),
            (OPOST | XTABS, "ab\x08\td", "ab\x08       d"),
        ] {
            assert_eq!(
                shown(oflag, text.as_bytes()),
                expected,
                "{oflag:o} {text:?}"
            );
        }
    }

    #[test]
    fn what_programs_put_out_has_no_carriage_returns_of_its_own_and_no_echo() {
        let mut output = Output::default();
        output.opost(&Termios::INITIAL, b'\n', From::Program);
        output.opost(&Termios::INITIAL, b'x', From::Echo);
        assert_eq!(output.output(), b"\n");
        assert_eq!(output.screen(), b"\r\nx");
        (0..2 * SCREEN_BYTES).for_each(|_| output.put(b'y', From::Echo));
        assert_eq!(output.screen().len(), SCREEN_BYTES);
    }
}
