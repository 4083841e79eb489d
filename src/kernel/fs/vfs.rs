//! Inodes of all kinds: directories, regular files, programs, links, devices, pipes, and the unnamed
//! objects behind shared anonymous memory; and open file descriptions for them.

use super::address_space::AddressSpace;
use super::attr::{Attr, NULL_DEV, ZERO_DEV};
use super::dir::Directory;
use super::file_ra::{FILE_RA_INIT, FileRa};
use super::locks::InodeLocks;
use super::proc_node::{ProcNode, TaskEntry};
use super::program::ProgramImage;
use super::regular::RegularFile;
use super::seq_file::SeqFile;
use super::shmem_object::ShmemObject;
use super::swap_header::swap_header;
use crate::abi::{
    Errno, FASYNC, FileId, InodeId, O_APPEND, O_DIRECT, O_NOATIME, O_NONBLOCK, PAGE_SIZE, Pfn,
    S_IFCHR, S_IFMT, TaskId,
};
use crate::kernel::Kernel;
use crate::kernel::tty::TtyDevice;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The flags that `F_SETFL` changes.
///
/// Linux 2.6.12: `fs/fcntl.c`, `SETFL_MASK`.
const SETFL_MASK: u32 = O_APPEND | O_NONBLOCK | FASYNC | O_DIRECT | O_NOATIME;

/// The kind of an inode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InodeKind {
    /// A directory.
    Directory(Directory),
    /// A symbolic link, with the path that it stands for.
    Symlink(String),
    /// A pipe with a name; `Kernel::pipes` has its contents while it is open.
    Fifo,
    /// The name of a socket, which nothing can be done with.
    Socket,
    /// `/dev/zero`.
    Zero,
    /// A device without a driver.
    NoDriver,
    /// A device file of the terminal.
    Tty(TtyDevice),
    /// `/dev/null`.
    Null,
    /// `/dev/lp0` and so on: prints what is written to it, and is no terminal.
    Printer(u8),
    /// A regular file.
    Regular(RegularFile),
    /// An executable image with the contents of its file; the kernel does not know what running it
    /// means.
    Program(Vec<u8>),
    /// An executable image of machine code.
    Image(Arc<ProgramImage>),
    /// An executable file that no binary format accepts: `execve` fails with `ENOEXEC`, for this
    /// reason.
    NoImage(String),
    /// A pipe; `Kernel::pipes` has its contents.
    Pipe,
    /// The swap device of the boot options, with its size in pages. Only its header can be read.
    SwapDevice(u32),
    /// The object behind shared anonymous memory: `dev/zero` on tmpfs.
    Shmem(ShmemObject),
    /// Something below `/proc`.
    Proc(ProcNode),
}

/// An inode with its page cache.
#[derive(Clone, Debug)]
pub struct Inode {
    /// What kind of file it is.
    pub kind: InodeKind,
    /// Type and permissions, owner, links, times.
    pub attr: Attr,
    /// Reference count: the directory, open files, and mappings.
    i_count: u32,
    /// Inode number, for `maps`.
    pub ino: u32,
    /// Path as it is listed, without a leading slash for plain names.
    pub path: String,
    /// Path from the root of the system; empty for what never had a name.
    pub(super) full_path: String,
    /// `i_flock`: the locks on it.
    pub(super) locks: InodeLocks,
    /// `i_mapping`: its page cache, and who maps it.
    pub(in crate::kernel) i_mapping: AddressSpace,
}

impl InodeKind {
    /// Whether it can be executed.
    pub const fn is_executable(&self) -> bool {
        matches!(self, Self::Program(_) | Self::Image(_) | Self::NoImage(_))
    }

    /// Whether whoever executes it runs machine code: a compiled script function, or an ELF file.
    pub const fn is_code(&self) -> bool {
        matches!(self, Self::Image(_) | Self::Regular(_))
    }

    /// What stands behind a device of that type and number.
    pub(super) fn of_device(mode: u32, dev: u32) -> Self {
        match (mode & S_IFMT, dev) {
            (S_IFCHR, NULL_DEV) => Self::Null,
            (S_IFCHR, ZERO_DEV) => Self::Zero,
            (S_IFCHR, dev) => match TtyDevice::of_number(dev) {
                Some(device) => Self::Tty(device),
                None => Self::NoDriver,
            },
            _ => Self::NoDriver,
        }
    }

    /// Whether it is a device.
    pub const fn is_device(&self) -> bool {
        matches!(
            self,
            Self::Null
                | Self::Zero
                | Self::Tty(_)
                | Self::NoDriver
                | Self::SwapDevice(_)
                | Self::Printer(_)
        )
    }

    /// Whether it is a symbolic link.
    pub const fn is_symlink(&self) -> bool {
        match self {
            Self::Symlink(_) => true,
            Self::Proc(node) => node.is_symlink(),
            _ => false,
        }
    }

    /// Whether it is a pipe with a name.
    pub const fn is_fifo(&self) -> bool {
        matches!(self, Self::Fifo)
    }

    /// Whether reading and writing it goes through a pipe.
    pub const fn is_pipe(&self) -> bool {
        matches!(self, Self::Pipe | Self::Fifo)
    }

    /// Whether it has an offset to read and write at.
    pub const fn is_seekable(&self) -> bool {
        self.has_page_cache() || matches!(self, Self::Directory(_) | Self::Shmem(_))
    }

    /// Whether its file operations have `read`.
    pub(super) const fn has_read(&self) -> bool {
        !matches!(self, Self::Shmem(_))
    }

    /// Whether its contents are a sequence of records (`seq_file`).
    pub(super) const fn is_seq_file(&self) -> bool {
        matches!(self, Self::Proc(node) if node.is_seq_file())
    }

    /// Whether its file operations have `write`.
    pub(super) const fn has_write(&self) -> bool {
        !matches!(
            self,
            Self::Shmem(_) | Self::Program(_) | Self::Image(_) | Self::NoImage(_)
        )
    }

    /// Whether its file operations have `fasync`.
    pub(super) const fn has_fasync(&self) -> bool {
        matches!(self, Self::Pipe | Self::Fifo | Self::Tty(_))
    }

    /// Whether it has pages that a page cache holds and that can be mapped.
    pub const fn has_page_cache(&self) -> bool {
        matches!(
            self,
            Self::Regular(_) | Self::Program(_) | Self::Image(_) | Self::NoImage(_)
        )
    }

    /// `BDI_CAP_NO_ACCT_DIRTY` left out: whether there is a device that its dirty pages have to be
    /// written to.
    pub const fn is_written_back(&self) -> bool {
        matches!(self, Self::Regular(_))
    }

    /// Copies what the device holds of a page into a page of zeros.
    pub(in crate::kernel) fn read_block(&self, index: u32, page: &mut [u8]) {
        let mut part = |bytes: &[u8], index: u32| {
            let start = (index as usize * PAGE_SIZE as usize).min(bytes.len());
            let end = (start + page.len()).min(bytes.len());
            page[..end - start].copy_from_slice(&bytes[start..end]);
        };
        match self {
            Self::Regular(file) => file.read_block(index, page),
            Self::Program(bytes) => part(bytes, index),
            Self::Image(image) if index < image.text_pages() => part(&image.text, index),
            Self::Image(image) => part(&image.data, index - image.text_pages()),
            Self::NoImage(text) => part(text.as_bytes(), index),
            Self::SwapDevice(pages) if index == 0 => page.copy_from_slice(&swap_header(pages - 1)),
            _ => {}
        }
    }
}

impl Inode {
    /// The size in bytes, if this kind of file has one.
    pub fn size(&self) -> u32 {
        match &self.kind {
            InodeKind::Symlink(text) => text.len() as u32,
            InodeKind::Regular(file) => file.i_size(),
            InodeKind::Program(bytes) => bytes.len() as u32,
            InodeKind::Image(image) => image.file_size(),
            InodeKind::NoImage(text) => text.len() as u32,
            InodeKind::SwapDevice(pages) => *pages * PAGE_SIZE,
            InodeKind::Shmem(object) => object.size,
            InodeKind::Proc(node) => node.size(),
            _ => 0,
        }
    }

    /// How many pages the contents take.
    pub fn pages_of_size(&self) -> u32 {
        self.size().div_ceil(PAGE_SIZE)
    }

    /// How many pages are committed for it, as shared memory; those of files never are.
    pub fn committed_pages(&self) -> u32 {
        match &self.kind {
            InodeKind::Shmem(object) => {
                let allocated = self.pages().len() + self.i_mapping.slots().len();
                object.committed(allocated as u32)
            }
            _ => 0,
        }
    }

    /// `i_count`: how many references there are to the inode.
    pub const fn i_count(&self) -> u32 {
        self.i_count
    }

    /// `i_flock`: the locks on it.
    pub const fn locks(&self) -> &InodeLocks {
        &self.locks
    }

    /// `i_mapping`: its page cache, and who maps it.
    pub const fn i_mapping(&self) -> &AddressSpace {
        &self.i_mapping
    }

    /// The cached pages by page index.
    pub const fn pages(&self) -> &BTreeMap<u32, Pfn> {
        self.i_mapping.pages()
    }
}

/// An open file description (`struct file`).
#[derive(Clone, Debug)]
pub struct File {
    /// `f_count`: descriptors and mappings that refer to it.
    f_count: u32,
    /// The inode that it refers to.
    inode: InodeId,
    /// `f_pos`: offset of the next read or write, common to all who share the description.
    pub pos: u64,
    /// `f_flags`: as given to `open`, without those that only matter while opening.
    flags: u32,
    /// Where the last entry stood that a scan of the directory has shown.
    cursor: u64,
    /// `f_version`: how often a fifo had been opened for writing when this reader opened it without
    /// waiting; 0 for all other files.
    pub(super) version: u32,
    /// Whether its pipe counts it as a reader or writer.
    pub(super) counted: bool,
    /// `private_data`: what a file of `/proc` remembers from one read to the next.
    pub(super) private: PrivateData,
    /// `f_ra`: what is known of the accesses to it, for reading ahead.
    pub(in crate::kernel) f_ra: FileRa,
}

/// What an open file of `/proc` remembers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum PrivateData {
    /// Nothing.
    #[default]
    Nothing,
    /// The process whose entry did not fit into the last answer of a scan.
    Unlisted(TaskId),
    /// How far a sequence of records has been read.
    Seq(SeqFile),
    /// `self_exec_id` of whoever opened the memory of a task.
    ExecId(u32),
}

impl File {
    /// `f_count`: how many descriptors and mappings refer to it.
    pub const fn f_count(&self) -> u32 {
        self.f_count
    }

    /// The inode that it refers to, the same from open to close.
    pub const fn inode(&self) -> InodeId {
        self.inode
    }

    /// `f_flags`: access mode and status flags.
    pub const fn flags(&self) -> u32 {
        self.flags
    }

    /// `f_version`: at how many opens for writing `poll` does not show the end of a fifo yet.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The place from which a scan of the directory goes on: entries before it are shown.
    pub(super) const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Sets the place from which a scan goes on.
    pub(super) const fn set_cursor(&mut self, place: u64) {
        self.cursor = place;
    }

    /// Changes the status flags. The access mode stays, because pipes count their readers and
    /// writers by it.
    ///
    /// Linux 2.6.12: `fs/fcntl.c`, `setfl()`.
    pub(super) const fn setfl(&mut self, flags: u32) {
        self.flags = flags & SETFL_MASK | self.flags & !SETFL_MASK;
    }

    /// Takes note of who opened the memory of a task, as the program that it was.
    pub(in crate::kernel) fn remember_exec_id(&mut self, exec_id: u32) {
        self.private = PrivateData::ExecId(exec_id);
    }

    /// Whether that program opened it.
    pub(in crate::kernel) fn has_exec_id(&self, exec_id: u32) -> bool {
        self.private == PrivateData::ExecId(exec_id)
    }

    /// Sets the offset of a file of `/proc`, or the place in a scan.
    pub(in crate::kernel) fn set_place(&mut self, pos: u32) {
        self.pos = pos.into();
        if let PrivateData::Unlisted(_) = self.private {
            self.private = PrivateData::Nothing;
        }
    }

    /// `FMODE_READ`: whether it is open for reading.
    pub const fn can_read(&self) -> bool {
        self.flags.wrapping_add(1) & 1 != 0
    }

    /// `FMODE_WRITE`: whether it is open for writing.
    pub const fn can_write(&self) -> bool {
        can_write(self.flags)
    }
}

/// Whether an open file description with these flags is open for writing.
///
/// Linux 2.6.12: `fs/open.c`, `dentry_open()`.
pub const fn can_write(flags: u32) -> bool {
    flags.wrapping_add(1) & 2 != 0
}

/// The root file system.
#[derive(Clone, Debug, Default)]
pub struct FileSystem {
    /// The root directory, of which this is a reference.
    dir: InodeId,
    /// The counter of inode numbers, which all file systems here share.
    next_ino: u32,
    /// The inodes below `/proc` that have been looked up, each with a reference.
    proc: BTreeMap<ProcNode, InodeId>,
}

impl FileSystem {
    /// The root directory.
    pub const fn dir(&self) -> InodeId {
        self.dir
    }

    /// Makes a directory the root.
    pub(super) const fn set_dir(&mut self, dir: InodeId) {
        self.dir = dir;
    }

    /// The inode of a node of `/proc`, if it has been looked up.
    pub(super) fn proc_inode(&self, node: ProcNode) -> Option<InodeId> {
        self.proc.get(&node).copied()
    }

    /// Keeps the inode of a node of `/proc`; the caller's reference goes with it.
    pub(super) fn keep_proc_inode(&mut self, node: ProcNode, inode: InodeId) {
        self.proc.insert(node, inode);
    }

    /// Takes out the inodes of a task, with their references.
    pub(super) fn take_proc_inodes(&mut self, task: TaskId) -> Vec<InodeId> {
        let first = ProcNode::Task(task, super::Level::Process, TaskEntry::Dir);
        let of_task = |node: &ProcNode| matches!(node, ProcNode::Task(of, ..) if *of == task);
        let later = self.proc.range(first..).map(|(node, _)| *node);
        let nodes: Vec<_> = later.take_while(of_task).collect();
        let taken = nodes.iter().filter_map(|node| self.proc.remove(node));
        taken.collect()
    }

    /// The inodes of `/proc` that are kept.
    pub fn proc_inodes(&self) -> impl Iterator<Item = InodeId> {
        self.proc.values().copied()
    }
}

/// Checks that a file name is valid.
///
/// Linux 2.6.12: `fs/namei.c`, `getname()`.
///
/// # Errors
/// `ENOENT` if it is empty, `ENAMETOOLONG` from 4096 bytes on.
pub(super) const fn check_name(path: &str) -> Result<(), Errno> {
    match path.len() {
        0 => Err(Errno::ENOENT),
        1..4096 => Ok(()),
        _ => Err(Errno::ENAMETOOLONG),
    }
}

/// A path as files are listed: without leading slashes, and without the usual directories of
/// programs and devices.
pub(super) fn entry_name(path: &str) -> &str {
    let name = path.trim_start_matches('/');
    name.strip_prefix("bin/")
        .or(name.strip_prefix("dev/"))
        .unwrap_or(name)
}

impl Kernel {
    /// Creates an inode that is in no directory, with one reference held by the caller.
    pub fn new_inode(&mut self, kind: InodeKind, path: &str) -> InodeId {
        self.root.next_ino += 1;
        self.insert_inode(kind, path, self.root.next_ino)
    }

    /// Creates an inode with that number.
    pub(super) fn insert_inode(&mut self, kind: InodeKind, path: &str, ino: u32) -> InodeId {
        let path = path.to_owned();
        let attr = Attr::of_root(&kind, self.current_kernel_time());
        self.inodes.insert(Inode {
            kind,
            attr,
            i_count: 1,
            ino,
            path,
            full_path: String::new(),
            locks: InodeLocks::default(),
            i_mapping: AddressSpace::default(),
        })
    }

    /// Adds a reference to an inode.
    ///
    /// Linux 2.6.12: `fs/inode.c`, `__iget()`.
    pub fn iget(&mut self, inode: InodeId) {
        self.inodes[inode].i_count += 1;
    }

    /// Takes a program's bytes out of its file, as no call can while it is mapped.
    #[cfg(test)]
    pub(crate) fn empty_program(&mut self, inode: InodeId) {
        if let InodeKind::Program(bytes) = &mut self.inodes[inode].kind {
            bytes.clear();
        }
    }

    /// Drops a reference; the last one frees the inode and its cached pages.
    ///
    /// Linux 2.6.12: `fs/inode.c`, `iput()`.
    pub fn iput(&mut self, inode: InodeId) {
        let mut next = Some(inode);
        // A removed directory may be all that its removed parent is kept for, and so on upwards.
        while let Some(inode) = next {
            self.inodes[inode].i_count -= 1;
            if self.inodes[inode].i_count > 0 {
                return;
            }
            next = self.free_inode(inode);
        }
    }

    /// Frees an inode that nobody refers to. Returns the parent of a directory, of which it held a
    /// reference.
    fn free_inode(&mut self, inode: InodeId) -> Option<InodeId> {
        let committed = self.inodes[inode].committed_pages();
        self.truncate_inode_pages(inode, 0);
        self.forget_dirty_inode(inode);
        let parent = match self.inodes.remove(inode)?.kind {
            InodeKind::Directory(dir) => Some(dir.parent()),
            _ => None,
        };
        self.vm_unacct_memory(committed);
        parent
    }

    /// Creates an open file description for an inode, with one reference held by the caller.
    ///
    /// Linux 2.6.12: `fs/open.c`, `dentry_open()`.
    pub(in crate::kernel) fn open_inode(&mut self, inode: InodeId, flags: u32) -> FileId {
        self.iget(inode);
        let counted = matches!(self.inodes[inode].kind, InodeKind::Pipe);
        self.open_files.insert(File {
            f_count: 1,
            cursor: u64::MAX,
            version: 0,
            counted,
            private: PrivateData::default(),
            inode,
            pos: 0,
            flags,
            f_ra: FILE_RA_INIT,
        })
    }

    /// `get_file`: adds a reference.
    ///
    /// Linux 2.6.12: `include/linux/fs.h`, `get_file()`.
    pub(in crate::kernel) fn get_file(&mut self, file: FileId) {
        self.open_files[file].f_count += 1;
    }

    /// `fput`: drops a reference; the last one closes the description.
    ///
    /// Linux 2.6.12: `fs/file_table.c`, `fput()`.
    pub(in crate::kernel) fn fput(&mut self, file: FileId) {
        self.open_files[file].f_count -= 1;
        if self.open_files[file].f_count == 0 {
            let closed = &self.open_files[file];
            let (inode, reads, writes) = (closed.inode, closed.can_read(), closed.can_write());
            let counted = closed.counted;
            self.locks_remove_flock(file);
            self.open_files.remove(file);
            self.tty_release(file);
            // The pipe before its inode, whose last reference this may be.
            if counted {
                self.pipe_release(inode, reads, writes);
            }
            self.iput(inode);
        }
    }
}
