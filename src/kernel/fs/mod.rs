//! Files: descriptors, open files and inodes, paths, pipes and the console. An executable file
//! contains a `ProgramImage`.
//!
//! The room may name `syscall`, `task`, `sched`, `signal` and `time`. It alone changes the counts of
//! tasks that share a descriptor table, a directory context or a namespace; the descriptors of a
//! table, each of which counts in the `f_count` of its file; the inode and the access mode of an open
//! file, by which a pipe counts its readers and writers; `i_count` and the cached pages of an inode;
//! and the queues of pipes and of the console.

mod address_space;
mod attr;
mod check;
mod console;
mod cwd;
mod dir;
mod fcntl;
mod fifo;
mod file_ra;
mod files;
mod getdents;
mod install;
mod ioctl;
mod locks;
mod namei;
mod names;
mod open;
mod permission;
mod pipe;
mod program;
mod read_write;
mod regular;
mod sendfile;
mod setattr;
mod stat;
mod statfs;
mod sync;
mod truncate;
mod vector;
mod vfs;

pub use address_space::AddressSpace;
pub use attr::Attr;
pub use console::Console;
pub use dir::Directory;
pub use file_ra::{FILE_RA_INIT, FileRa};
pub use files::{Fd, FilesStruct, FsStruct, Namespace};
pub use locks::{FileLocks, Flock, InodeLocks, OFFSET_MAX, PosixLock};
pub(super) use namei::Goal;
pub(super) use permission::May;
pub use pipe::{PIPE_BUFFERS, Pipe};
pub use program::{
    DebugInfo, FunctionInfo, GlobalInfo, LineEntry, LocalInfo, Place, ProgramImage, TEXT_START,
    ValueKind,
};
pub(super) use read_write::UserBuffer;
pub use regular::RegularFile;
pub(super) use regular::valid_bytes;
pub use vfs::{File, FileSystem, Inode, InodeKind};
