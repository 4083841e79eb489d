//! The mode of a file: its type and its permissions.

constants! {
    /// The bits of a mode that hold the type.
    S_IFMT: u32 = 0o170000;
    /// A type of file: a socket.
    S_IFSOCK: u32 = 0o140000;
    /// A type of file: a symbolic link.
    S_IFLNK: u32 = 0o120000;
    /// A type of file: a regular file.
    S_IFREG: u32 = 0o100000;
    /// A type of file: a block device.
    S_IFBLK: u32 = 0o060000;
    /// A type of file: a directory.
    S_IFDIR: u32 = 0o040000;
    /// A type of file: a character device.
    S_IFCHR: u32 = 0o020000;
    /// A type of file: a fifo.
    S_IFIFO: u32 = 0o010000;
    /// A bit of a mode: executing the file sets the effective user id to the owner.
    S_ISUID: u32 = 0o4000;
    /// A bit of a mode: executing the file sets the effective group id; files made in such a
    /// directory get its group.
    S_ISGID: u32 = 0o2000;
    /// A bit of a mode: what is in the directory is removed and renamed only by its owner.
    S_ISVTX: u32 = 0o1000;
    /// A permission that access tests: to read.
    R_OK: u32 = 4;
    /// A permission that access tests: to write.
    W_OK: u32 = 2;
    /// A permission that access tests: to execute, or to search a directory.
    X_OK: u32 = 1;
    /// What access tests without a permission: that the path leads somewhere.
    F_OK: u32 = 0;
}

/// The bits of a mode that `chmod` sets.
pub const S_IALLUGO: u32 = 0o7777;
/// The permission of the group to execute.
pub const S_IXGRP: u32 = 0o010;
/// The permissions to execute, of all three classes.
pub const S_IXUGO: u32 = 0o111;
