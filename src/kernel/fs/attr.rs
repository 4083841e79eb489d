//! What `stat` tells of an inode besides its contents: type and permissions, owner, links, times.

use super::vfs::InodeKind;
use crate::abi::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK};
use crate::kernel::time::Timespec;

/// The device number of `/dev/null`: major 1, minor 3.
pub(super) const NULL_DEV: u32 = 1 << 8 | 3;
/// The device number of `/dev/zero`: major 1, minor 5.
pub(super) const ZERO_DEV: u32 = 1 << 8 | 5;

/// The device number of `/dev/lp0`: major 6, minor 0.
const PRINTER_DEV: u32 = 6 << 8;
/// The device number of the swap device, `/dev/hdb1`: major 3, minor 65.
const SWAP_DEV: u32 = 3 << 8 | 65;

/// The attributes of an inode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attr {
    /// `i_mode`: type and permissions.
    pub mode: u32,
    /// `i_uid`: the owner.
    pub uid: u32,
    /// `i_gid`: the group.
    pub gid: u32,
    /// `i_nlink`: how many names it has.
    pub nlink: u32,
    /// `i_rdev`: which device it stands for, major number times 256 plus minor number.
    pub rdev: u32,
    /// `i_atime`: when it was read last.
    pub atime: Timespec,
    /// `i_mtime`: when its contents changed last.
    pub mtime: Timespec,
    /// `i_ctime`: when it changed last, contents or attributes.
    pub ctime: Timespec,
}

impl Attr {
    /// The attributes of a file of root with one link, made now.
    pub(super) const fn of_root(kind: &InodeKind, now: Timespec) -> Self {
        let (mode, rdev) = match kind {
            InodeKind::Null => (S_IFCHR | 0o666, NULL_DEV),
            InodeKind::Printer(number) => (S_IFCHR | 0o660, PRINTER_DEV + *number as u32),
            InodeKind::Zero => (S_IFCHR | 0o666, ZERO_DEV),
            InodeKind::Tty(device) => (S_IFCHR | 0o666, device.number()),
            InodeKind::NoDriver => (S_IFCHR | 0o600, 0),
            InodeKind::Directory(_) => (S_IFDIR | 0o755, 0),
            InodeKind::Symlink(_) => (S_IFLNK | 0o777, 0),
            InodeKind::Fifo => (S_IFIFO | 0o644, 0),
            InodeKind::Socket => (S_IFSOCK | 0o644, 0),
            InodeKind::Regular(_) => (S_IFREG | 0o644, 0),
            InodeKind::Program(_) | InodeKind::Image(_) | InodeKind::NoImage(_) => {
                (S_IFREG | 0o755, 0)
            }
            InodeKind::SwapDevice(_) => (S_IFBLK | 0o660, SWAP_DEV),
            InodeKind::Pipe => (S_IFIFO | 0o600, 0),
            InodeKind::Shmem(_) => (S_IFREG | 0o777, 0),
            InodeKind::Proc(node) => (node.mode(), 0),
        };
        Self {
            mode,
            uid: 0,
            gid: 0,
            nlink: 1,
            rdev,
            atime: now,
            mtime: now,
            ctime: now,
        }
    }

    /// The type: one of `S_IF*`.
    pub const fn file_type(&self) -> u32 {
        self.mode & S_IFMT
    }
}
