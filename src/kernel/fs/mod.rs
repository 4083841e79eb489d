//! Files: descriptors, open files and inodes, paths and pipes. An executable file contains a `ProgramImage`.
//!
//! The room may name `syscall`, `task`, `sched`, `signal`, `time` and `tty`. It alone changes the counts of
//! tasks that share a descriptor table, a directory context or a namespace; the descriptors of a
//! table, each of which counts in the `f_count` of its file; the inode and the access mode of an open
//! file, by which a pipe counts its readers and writers; `i_count` and the cached pages of an inode;
//! and the queues of pipes.

mod address_space;
mod file_ra;
mod files;
mod ioctl;
mod namei;
mod pipe;
mod poll;
mod program;
mod read_write;
mod regular;
mod select;
mod sync;
mod truncate;
mod vfs;

pub use address_space::AddressSpace;
pub use file_ra::{FILE_RA_INIT, FileRa};
pub use files::{Fd, FilesStruct, FsStruct, Namespace};
pub use pipe::{PIPE_BUFFERS, Pipe};
pub use program::{
    DebugInfo, FunctionInfo, GlobalInfo, LineEntry, LocalInfo, Place, ProgramImage, TEXT_START,
    ValueKind,
};
pub(super) use read_write::UserBuffer;
pub use regular::RegularFile;
pub(super) use regular::valid_bytes;
pub use vfs::{File, FileSystem, Inode, InodeKind};
