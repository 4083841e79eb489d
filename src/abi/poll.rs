//! What `poll` tells of a file.

constants! {
    /// An event of poll: there is something to read.
    POLLIN: u32 = 1;
    /// An event of poll: there is something urgent to read.
    POLLPRI: u32 = 2;
    /// An event of poll: there is room for a write.
    POLLOUT: u32 = 4;
    /// An event of poll, told without being asked for: a write would fail.
    POLLERR: u32 = 8;
    /// An event of poll, told without being asked for: nobody writes any more.
    POLLHUP: u32 = 0x10;
    /// An event of poll, told without being asked for: the descriptor is not open.
    POLLNVAL: u32 = 0x20;
    /// An event of poll: the same as POLLIN.
    POLLRDNORM: u32 = 0x40;
    /// An event of poll: never told.
    POLLRDBAND: u32 = 0x80;
    /// An event of poll: the same as POLLOUT.
    POLLWRNORM: u32 = 0x100;
    /// An event of poll: never told.
    POLLWRBAND: u32 = 0x200;
}

/// What files answer.
pub mod poll_mask {
    use super::{POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM};

    /// There is something to read.
    pub const READABLE: u32 = POLLIN | POLLRDNORM;
    /// There is room for a write.
    pub const WRITABLE: u32 = POLLOUT | POLLWRNORM;
    /// A file that never lets anybody wait.
    ///
    /// Linux 2.6.12: `include/linux/poll.h`, `DEFAULT_POLLMASK`.
    pub const DEFAULT: u32 = READABLE | WRITABLE;
    /// A file of a terminal that was hung up.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `hung_up_tty_poll()`.
    pub const HUNG_UP: u32 = DEFAULT | POLLERR | POLLHUP;
}
