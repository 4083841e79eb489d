//! The settings of a terminal (`struct termios`), and the size of its window.

use crate::abi::{
    B38400, CREAD, CS8, ECHO, ECHOCTL, ECHOE, ECHOK, ECHOKE, HUPCL, ICANON, ICRNL, IEXTEN, IGNCR,
    INLCR, ISIG, ISTRIP, IUCLC, IXON, NCCS, ONLCR, OPOST, PARMRK, VMIN, VTIME,
};

/// A control character that is not used.
///
/// Linux 2.6.12: `include/linux/tty.h`, `__DISABLED_CHAR`.
pub(super) const DISABLED: u8 = 0;

/// The settings of a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Termios {
    /// `c_iflag`: what happens to typed characters.
    pub iflag: u32,
    /// `c_oflag`: what happens to characters that are put out.
    pub oflag: u32,
    /// `c_cflag`: the line; a console has none.
    pub cflag: u32,
    /// `c_lflag`: echo, lines, signals.
    pub lflag: u32,
    /// `c_line`: the number of the line discipline, which is always that of terminals.
    pub line: u8,
    /// `c_cc`: the control characters.
    pub cc: [u8; NCCS],
}

impl Termios {
    /// Size of the structure in user memory.
    pub const BYTES: usize = 36;

    /// The settings of a terminal that nobody has changed.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_std_termios`.
    pub const INITIAL: Self = Self {
        iflag: ICRNL | IXON,
        oflag: OPOST | ONLCR,
        cflag: B38400 | CS8 | CREAD | HUPCL,
        lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
        line: 0,
        cc: [
            3, 0x1c, 0x7f, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0x0f, 0x17, 0x16, 0, 0, 0,
        ],
    };

    /// The structure in user memory.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let words = [self.iflag, self.oflag, self.cflag, self.lflag];
        for (at, word) in words.into_iter().enumerate() {
            bytes[4 * at..4 * at + 4].copy_from_slice(&word.to_le_bytes());
        }
        bytes[16] = self.line;
        bytes[17..].copy_from_slice(&self.cc);
        bytes
    }

    /// Converts the structure in user memory.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let mut cc = [0; NCCS];
        cc.copy_from_slice(&bytes[17..]);
        Self {
            iflag: word(0),
            oflag: word(4),
            cflag: word(8),
            lflag: word(12),
            line: bytes[16],
            cc,
        }
    }

    /// Whether one of these input flags is set.
    pub(super) const fn i(&self, flags: u32) -> bool {
        self.iflag & flags != 0
    }

    /// Whether one of these output flags is set.
    pub(super) const fn o(&self, flags: u32) -> bool {
        self.oflag & flags != 0
    }

    /// Whether one of these local flags is set.
    pub(super) const fn l(&self, flags: u32) -> bool {
        self.lflag & flags != 0
    }

    /// Whether a character is the control character of that index.
    pub(super) const fn is(&self, index: u32, byte: u8) -> bool {
        self.cc[index as usize] == byte && byte != DISABLED
    }

    /// `VMIN`: how many bytes a read without lines waits for.
    pub(super) const fn min(&self) -> u32 {
        self.cc[VMIN as usize] as u32
    }

    /// `VTIME`: how many tenths of a second such a read waits.
    pub(super) const fn time(&self) -> u32 {
        self.cc[VTIME as usize] as u32
    }

    /// Whether characters are stored as they are typed.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `n_tty_set_termios()`.
    pub(super) const fn is_raw(&self) -> bool {
        let input = ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK;
        !self.i(input) && !self.l(ICANON | ISIG | ECHO)
    }
}

/// The size of a terminal's window (`struct winsize`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Winsize {
    /// Rows, columns, and both in pixels.
    pub words: [u16; 4],
}

impl Winsize {
    /// Size of the structure in user memory.
    pub const BYTES: usize = 8;
    /// The most bytes of a screen: two for each place on it.
    const MAX_SCREEN: u32 = 128 << 10;

    /// The screen of a PC in text mode.
    pub const INITIAL: Self = Self {
        words: [25, 80, 0, 0],
    };

    /// The structure in user memory.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (at, word) in self.words.into_iter().enumerate() {
            bytes[2 * at..2 * at + 2].copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Converts the structure in user memory.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let word = |at: usize| u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]);
        Self {
            words: std::array::from_fn(word),
        }
    }

    /// Whether there is memory for a screen of that size.
    ///
    /// Linux 2.6.12: `drivers/char/vt.c`, `vc_resize()`.
    pub(super) const fn fits(&self) -> bool {
        let [rows, columns, ..] = self.words;
        2 * rows as u64 * columns as u64 <= Self::MAX_SCREEN as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_settings_are_those_of_a_console() {
        let initial = Termios::INITIAL;
        let flags = [initial.iflag, initial.oflag, initial.cflag, initial.lflag];
        assert_eq!(flags, [0x500, 5, 0x4bf, 0x8a3b]);
        assert_eq!(Termios::from_bytes(&initial.to_bytes()), initial);
        let size = Winsize::INITIAL;
        assert_eq!(Winsize::from_bytes(&size.to_bytes()), size);
        assert!(
            size.fits()
                && !Winsize {
                    words: [u16::MAX; 4]
                }
                .fits()
        );
    }

    #[test]
    fn a_terminal_is_raw_if_nothing_happens_to_what_is_typed() {
        let mut raw = Termios::INITIAL;
        (raw.iflag, raw.lflag) = (0, IEXTEN | ECHOE);
        assert!(raw.is_raw());
        for (iflag, lflag) in [(PARMRK, 0), (IXON, 0), (0, ECHO), (0, ISIG), (0, ICANON)] {
            let cooked = Termios {
                iflag,
                lflag,
                ..raw
            };
            assert!(!cooked.is_raw(), "{iflag:o} {lflag:o}");
        }
    }
}
