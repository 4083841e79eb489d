//! Files: descriptors, open files and inodes, paths and pipes. An executable file contains a `ProgramImage`.
//!
//! The room may name `syscall`, `task`, `sched`, `signal`, `time` and `tty`. It alone changes the counts of
//! tasks that share a descriptor table, a directory context or a namespace; the descriptors of a
//! table, each of which counts in the `f_count` of its file; the inode and the access mode of an open
//! file, by which a pipe counts its readers and writers; `i_count` and the cached pages of an inode;
//! and the queues of pipes.

mod address_space;
mod attr;
mod check;
mod cwd;
mod debug_info;
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
mod poll;
mod proc_node;
mod procfs;
mod program;
mod read_write;
mod regular;
mod select;
mod sendfile;
mod seq_file;
mod setattr;
mod shmem_object;
mod stat;
mod statfs;
mod stdio;
mod swap_header;
mod sync;
mod truncate;
mod vector;
mod vfs;

pub use address_space::AddressSpace;
pub use attr::Attr;
pub use debug_info::{
    CShape, CType, DebugInfo, FrameRule, FunctionInfo, GlobalInfo, Held, LineEntry, LocalInfo,
    Member, ObjectInfo, Place, Source, ValueKind,
};
pub use dir::Directory;
pub use file_ra::{FILE_RA_INIT, FileRa};
pub use files::{Fd, FilesStruct, FsStruct, Namespace};
pub use locks::{FileLocks, Flock, InodeLocks, LockHolder, OFFSET_MAX, PosixLock};
pub(super) use namei::Goal;
pub(super) use permission::May;
pub use pipe::{PIPE_BUFFERS, Pipe};
pub use proc_node::{Level, ProcNode, SysDir, SystemFile, TaskEntry};
pub use program::{ProgramImage, TEXT_START};
pub(super) use read_write::UserBuffer;
pub use regular::RegularFile;
pub(super) use regular::valid_bytes;
pub use shmem_object::{ShmemAccount, ShmemObject};
pub use stdio::{Printers, Stream};
pub use swap_header::{SwapHeader, swap_header};
pub use vfs::{File, FileSystem, Inode, InodeKind};
