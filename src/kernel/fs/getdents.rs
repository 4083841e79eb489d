//! `getdents` and its relatives: the entries of a directory, the newest first, in records of the
//! caller's layout. The place is kept with the open file.

use super::vfs::{InodeKind, PrivateData};
use crate::abi::{Errno, FileId, InodeId, TASK_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// The layouts of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// `struct linux_dirent`: inode and offset in 32 bits, the type behind the name.
    Dirent,
    /// `struct linux_dirent64`: inode and offset in 64 bits, the type before the name.
    Dirent64,
}

/// An entry on its way to the caller.
pub(super) struct Record {
    /// The inode number.
    pub ino: u32,
    /// The name.
    pub name: String,
    /// The type, as in bits 12 to 15 of the mode.
    pub file_type: u8,
    /// Where it stands in a directory of names; `None` for the two with dots, and in `/proc`.
    pub place: Option<u64>,
    /// The position after it.
    pub next: u32,
    /// The process that it is the directory of.
    pub process: Option<TaskId>,
}

impl Record {
    /// What an open directory remembers of it if it does not fit.
    fn unlisted(&self) -> PrivateData {
        self.process
            .map_or(PrivateData::Nothing, PrivateData::Unlisted)
    }

    /// The record with the position of the next one.
    ///
    /// Linux 2.6.12: `fs/readdir.c`, `filldir()` and `filldir64()`.
    fn bytes(&self, layout: Layout, next: u32) -> Vec<u8> {
        let name = self.name.as_bytes();
        let mut bytes = Vec::new();
        match layout {
            Layout::Dirent => {
                let reclen = (10 + name.len() + 2).next_multiple_of(4);
                bytes.extend(self.ino.to_le_bytes());
                bytes.extend(next.to_le_bytes());
                bytes.extend((reclen as u16).to_le_bytes());
                bytes.extend(name);
                bytes.resize(reclen, 0);
                bytes[reclen - 1] = self.file_type;
            }
            Layout::Dirent64 => {
                let reclen = (19 + name.len() + 1).next_multiple_of(8);
                bytes.extend(u64::from(self.ino).to_le_bytes());
                bytes.extend(u64::from(next).to_le_bytes());
                bytes.extend((reclen as u16).to_le_bytes());
                bytes.push(self.file_type);
                bytes.extend(name);
                bytes.resize(reclen, 0);
            }
        }
        bytes
    }
}

impl Kernel {
    /// Linux 2.6.12: `fs/readdir.c`, `sys_getdents()`.
    ///
    /// # Errors
    /// `EFAULT`; `EBADF`; `ENOTDIR`; `ENOENT` for a directory that was removed; `EINVAL` if the first
    /// record does not fit.
    pub(in crate::kernel) fn sys_getdents(
        &mut self,
        current: TaskId,
        fd: u32,
        buffer: VirtAddr,
        count: u32,
    ) -> Result<u32, Errno> {
        self.fill_dirents(current, fd, Layout::Dirent, (buffer, count))
    }

    /// Linux 2.6.12: `fs/readdir.c`, `sys_getdents64()`.
    ///
    /// # Errors
    /// As for `getdents`.
    pub(in crate::kernel) fn sys_getdents64(
        &mut self,
        current: TaskId,
        fd: u32,
        buffer: VirtAddr,
        count: u32,
    ) -> Result<u32, Errno> {
        self.fill_dirents(current, fd, Layout::Dirent64, (buffer, count))
    }

    fn fill_dirents(
        &mut self,
        current: TaskId,
        fd: u32,
        layout: Layout,
        (buffer, count): (VirtAddr, u32),
    ) -> Result<u32, Errno> {
        if buffer
            .0
            .checked_add(count)
            .is_none_or(|end| end > TASK_SIZE)
        {
            return Err(Errno::EFAULT);
        }
        let (file, dir) = self.readable_dir(current, fd)?;
        let mut done = 0;
        while let Some(record) = self.next_record(file, dir) {
            let bytes = record.bytes(layout, record.next);
            let fits = bytes.len() as u32 <= count - done;
            let at = VirtAddr(buffer.0 + done);
            let stored = if fits {
                self.copy_to_user(current, at, &bytes)
            } else {
                self.open_files[file].private = record.unlisted();
                Err(Errno::EINVAL)
            };
            if let Err(errno) = stored {
                if done == 0 {
                    return Err(errno);
                }
                break;
            }
            done += bytes.len() as u32;
            self.pass_record(file, &record);
        }
        self.file_accessed(file);
        Ok(done)
    }

    /// One entry a call, in the layout of old; returns 0 at the end.
    ///
    /// Linux 2.6.12: `fs/readdir.c`, `old_readdir()` and `fillonedir()`.
    ///
    /// # Errors
    /// `EBADF`; `ENOTDIR`; `ENOENT` for a directory that was removed; `EFAULT`.
    pub(in crate::kernel) fn sys_old_readdir(
        &mut self,
        current: TaskId,
        fd: u32,
        entry: VirtAddr,
    ) -> Result<u32, Errno> {
        let (file, dir) = self.readable_dir(current, fd)?;
        self.file_accessed(file);
        let Some(record) = self.next_record(file, dir) else {
            return Ok(0);
        };
        let mut bytes = record.ino.to_le_bytes().to_vec();
        bytes.extend((self.open_files[file].pos as u32).to_le_bytes());
        bytes.extend((record.name.len() as u16).to_le_bytes());
        bytes.extend(record.name.as_bytes());
        bytes.push(0);
        self.copy_to_user(current, entry, &bytes)?;
        self.pass_record(file, &record);
        Ok(1)
    }

    /// Linux 2.6.12: `fs/readdir.c`, `vfs_readdir()`.
    fn readable_dir(&self, current: TaskId, fd: u32) -> Result<(FileId, InodeId), Errno> {
        let file = self.fget(current, fd)?;
        let dir = self.open_files[file].inode();
        let gone = match &self.inodes[dir].kind {
            InodeKind::Directory(entries) => entries.is_dead(),
            InodeKind::Proc(node) if node.is_directory() => !self.is_proc_alive(*node),
            _ => return Err(Errno::ENOTDIR),
        };
        if gone {
            Err(Errno::ENOENT)
        } else {
            Ok((file, dir))
        }
    }

    /// The entry that is next for an open directory: its dot, its two dots, then its children.
    ///
    /// Linux 2.6.12: `fs/libfs.c`, `dcache_readdir()`.
    fn next_record(&mut self, file: FileId, dir: InodeId) -> Option<Record> {
        if let InodeKind::Proc(node) = self.inodes[dir].kind {
            return self.next_proc_record(file, node);
        }
        let entries = self.dir(dir)?;
        let open = &self.open_files[file];
        let (place, name, inode) = match open.pos {
            0 => (None, ".", dir),
            1 => (None, "..", entries.parent()),
            pos => {
                // At position 2 the scan starts anew, with what has come since.
                let before = if pos == 2 { u64::MAX } else { open.cursor() };
                let (place, name, inode) = entries.before(before).next()?;
                (Some(place), name, inode)
            }
        };
        // The layouts have 32 bits for it, as far as there are entries.
        let next = (open.pos as u32).wrapping_add(1);
        let inode = &self.inodes[inode];
        Some(Record {
            ino: inode.ino,
            name: name.to_owned(),
            file_type: (inode.attr.mode >> 12 & 15) as u8,
            place,
            next,
            process: None,
        })
    }

    /// The record has been stored: the next scan goes on after it.
    fn pass_record(&mut self, file: FileId, record: &Record) {
        let open = &mut self.open_files[file];
        open.pos = record.next.into();
        open.private = PrivateData::Nothing;
        if let Some(place) = record.place {
            open.set_cursor(place);
        }
    }

    /// Sets the offset of an open directory: the next scan begins after as many children.
    ///
    /// Linux 2.6.12: `fs/libfs.c`, `dcache_dir_lseek()`.
    pub(super) fn dcache_dir_lseek(&mut self, file: FileId, pos: u64) {
        let inode = self.open_files[file].inode();
        if pos == self.open_files[file].pos {
            return;
        }
        self.open_files[file].pos = pos;
        self.open_files[file].private = PrivateData::Nothing;
        if pos < 2 {
            return;
        }
        let skipped = pos as usize - 2;
        let cursor = match self.dir(inode) {
            Some(entries) if skipped > 0 => {
                let mut passed = entries.before(u64::MAX).take(skipped);
                let all = passed.by_ref().last();
                all.map_or(u64::MAX, |(place, ..)| place)
            }
            _ => u64::MAX,
        };
        self.open_files[file].set_cursor(cursor);
    }
}
