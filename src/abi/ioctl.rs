//! Commands of `ioctl` that many kinds of files have.

constants! {
    /// A command of ioctl: how many bytes can be read at once.
    FIONREAD: u32 = 0x541b;
    /// A command of ioctl: set or clear O_NONBLOCK.
    FIONBIO: u32 = 0x5421;
    /// A command of ioctl: exec does not close the descriptor.
    FIONCLEX: u32 = 0x5450;
    /// A command of ioctl: exec closes the descriptor.
    FIOCLEX: u32 = 0x5451;
    /// A command of ioctl: set or clear the flag for signals when the file is ready.
    FIOASYNC: u32 = 0x5452;
    /// A command of ioctl: how many bytes the contents of the file take.
    FIOQSIZE: u32 = 0x5460;
}

/// The block that holds a part of a file: no file system here has that.
pub const FIBMAP: u32 = 1;
/// The size of the blocks of a file system.
pub const FIGETBSZ: u32 = 2;
