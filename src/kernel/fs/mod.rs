//! Files: descriptors, open files and inodes, paths, pipes and the console. An executable file
//! holds a `ProgramImage`.

mod console;
mod files;
mod namei;
mod pipe;
mod program;
mod read_write;
mod vfs;

pub use console::Console;
pub use files::{
    F_DUPFD, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, Fd, FilesStruct, FsStruct, Namespace,
    O_CREAT,
};
pub use pipe::{PIPE_BUFFERS, Pipe};
pub use program::{
    DebugInfo, FunctionInfo, GlobalInfo, LineEntry, LocalInfo, Place, ProgramImage, TEXT_START,
    ValueKind,
};
pub use read_write::{O_APPEND, O_EXCL, O_NONBLOCK, O_TRUNC};
pub use vfs::{File, FileSystem, Inode, InodeKind};
