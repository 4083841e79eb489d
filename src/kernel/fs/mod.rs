//! Files: descriptors, open files and inodes, paths, pipes and the console. An executable file
//! contains a `ProgramImage`.

mod console;
mod files;
mod namei;
mod pipe;
mod program;
mod read_write;
mod vfs;

pub use console::Console;
pub use files::{Fd, FilesStruct, FsStruct, Namespace};
pub use pipe::{PIPE_BUFFERS, Pipe};
pub use program::{
    DebugInfo, FunctionInfo, GlobalInfo, LineEntry, LocalInfo, Place, ProgramImage, TEXT_START,
    ValueKind,
};
pub use vfs::{File, FileSystem, Inode, InodeKind};
