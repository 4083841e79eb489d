//! Terminals: the flags and control characters of `struct termios`, and the requests of `ioctl`.

/// Control characters of a `struct termios`.
pub const NCCS: usize = 19;

constants! {
    /// An input flag of a terminal: break characters are ignored.
    IGNBRK: u32 = 0o1;
    /// An input flag of a terminal: the eighth bit of typed characters is dropped.
    ISTRIP: u32 = 0o40;
    /// An input flag of a terminal: a typed newline becomes a carriage return.
    INLCR: u32 = 0o100;
    /// An input flag of a terminal: typed carriage returns are dropped.
    IGNCR: u32 = 0o200;
    /// An input flag of a terminal: a typed carriage return becomes a newline.
    ICRNL: u32 = 0o400;
    /// An input flag of a terminal: typed letters become small ones.
    IUCLC: u32 = 0o1000;
    /// An input flag of a terminal: Ctrl-S stops the output, Ctrl-Q starts it again.
    IXON: u32 = 0o2000;
    /// An input flag of a terminal: any character starts the output again.
    IXANY: u32 = 0o4000;
    /// An input flag of a terminal: the byte 255 is stored twice.
    PARMRK: u32 = 0o10;
    /// An output flag of a terminal: the other output flags count.
    OPOST: u32 = 0o1;
    /// An output flag of a terminal: small letters become capital ones.
    OLCUC: u32 = 0o2;
    /// An output flag of a terminal: a newline becomes carriage return and newline.
    ONLCR: u32 = 0o4;
    /// An output flag of a terminal: a carriage return becomes a newline.
    OCRNL: u32 = 0o10;
    /// An output flag of a terminal: no carriage return is put out at the first column.
    ONOCR: u32 = 0o20;
    /// An output flag of a terminal: a newline also goes to the first column.
    ONLRET: u32 = 0o40;
    /// An output flag of a terminal: tabs are put out as spaces.
    XTABS: u32 = 0o14000;
    /// A control flag of a terminal: 38400 baud.
    B38400: u32 = 0o17;
    /// A control flag of a terminal: characters of 8 bits.
    CS8: u32 = 0o60;
    /// A control flag of a terminal: characters are received.
    CREAD: u32 = 0o200;
    /// A control flag of a terminal: the line is hung up after the last close.
    HUPCL: u32 = 0o2000;
    /// A local flag of a terminal: Ctrl-C, Ctrl-\ and Ctrl-Z send signals.
    ISIG: u32 = 0o1;
    /// A local flag of a terminal: programs read whole lines, which can be edited while they are
    /// typed.
    ICANON: u32 = 0o2;
    /// A local flag of a terminal: what is typed is shown.
    ECHO: u32 = 0o10;
    /// A local flag of a terminal: an erased character disappears from the screen.
    ECHOE: u32 = 0o20;
    /// A local flag of a terminal: a newline is shown when a line is erased.
    ECHOK: u32 = 0o40;
    /// A local flag of a terminal: newlines are shown even without ECHO.
    ECHONL: u32 = 0o100;
    /// A local flag of a terminal: the signal characters do not discard what was typed.
    NOFLSH: u32 = 0o200;
    /// A local flag of a terminal: background groups that write get SIGTTOU.
    TOSTOP: u32 = 0o400;
    /// A local flag of a terminal: control characters are shown as ^X.
    ECHOCTL: u32 = 0o1000;
    /// A local flag of a terminal: erased characters are shown again, as on paper.
    ECHOPRT: u32 = 0o2000;
    /// A local flag of a terminal: an erased line disappears from the screen.
    ECHOKE: u32 = 0o4000;
    /// A local flag of a terminal: the newer special characters count.
    IEXTEN: u32 = 0o100_000;
    /// A control character of a terminal: sends SIGINT.
    VINTR: u32 = 0;
    /// A control character of a terminal: sends SIGQUIT.
    VQUIT: u32 = 1;
    /// A control character of a terminal: erases a character.
    VERASE: u32 = 2;
    /// A control character of a terminal: erases the line.
    VKILL: u32 = 3;
    /// A control character of a terminal: ends the input.
    VEOF: u32 = 4;
    /// Without ICANON: how many tenths of a second a read waits.
    VTIME: u32 = 5;
    /// Without ICANON: how many bytes a read waits for.
    VMIN: u32 = 6;
    /// A control character of a terminal: starts the output again.
    VSTART: u32 = 8;
    /// A control character of a terminal: stops the output.
    VSTOP: u32 = 9;
    /// A control character of a terminal: sends SIGTSTP.
    VSUSP: u32 = 10;
    /// A control character of a terminal: ends a line.
    VEOL: u32 = 11;
    /// A control character of a terminal: shows the line again.
    VREPRINT: u32 = 12;
    /// A control character of a terminal: erases a word.
    VWERASE: u32 = 14;
    /// A control character of a terminal: the next character is an ordinary one.
    VLNEXT: u32 = 15;
    /// A control character of a terminal: ends a line, too.
    VEOL2: u32 = 16;
    /// A request of ioctl: get the settings of a terminal.
    TCGETS: u32 = 0x5401;
    /// A request of ioctl: set them now.
    TCSETS: u32 = 0x5402;
    /// A request of ioctl: set them when all output has been shown.
    TCSETSW: u32 = 0x5403;
    /// A request of ioctl: the same, and discard what was typed.
    TCSETSF: u32 = 0x5404;
    /// A request of ioctl: send a break.
    TCSBRK: u32 = 0x5409;
    /// A request of ioctl: stop or start the output.
    TCXONC: u32 = 0x540a;
    /// A request of ioctl: discard what was typed or is to be shown.
    TCFLSH: u32 = 0x540b;
    /// A request of ioctl: make the terminal the controlling terminal of the session.
    TIOCSCTTY: u32 = 0x540e;
    /// A request of ioctl: get the foreground group.
    TIOCGPGRP: u32 = 0x540f;
    /// A request of ioctl: set the foreground group.
    TIOCSPGRP: u32 = 0x5410;
    /// A request of ioctl: how many bytes have yet to be shown.
    TIOCOUTQ: u32 = 0x5411;
    /// A request of ioctl: type a character.
    TIOCSTI: u32 = 0x5412;
    /// A request of ioctl: get the size of the window.
    TIOCGWINSZ: u32 = 0x5413;
    /// A request of ioctl: set the size of the window.
    TIOCSWINSZ: u32 = 0x5414;
    /// A request of ioctl: give up the controlling terminal.
    TIOCNOTTY: u32 = 0x5422;
    /// A request of ioctl: send a break of that length.
    TCSBRKP: u32 = 0x5425;
    /// A request of ioctl: get the session of the terminal.
    TIOCGSID: u32 = 0x5429;
    /// An argument of TCXONC: stop the output.
    TCOOFF: u32 = 0;
    /// An argument of TCXONC: start the output.
    TCOON: u32 = 1;
    /// An argument of TCXONC: put out the stop character.
    TCIOFF: u32 = 2;
    /// An argument of TCXONC: put out the start character.
    TCION: u32 = 3;
    /// An argument of TCFLSH: discard what was typed.
    TCIFLUSH: u32 = 0;
    /// An argument of TCFLSH: discard what is to be shown.
    TCOFLUSH: u32 = 1;
    /// An argument of TCFLSH: discard both.
    TCIOFLUSH: u32 = 2;
}
