//! One file that all tasks use: what is in it, read, written, mapped and cut short.
//!
//! What lies behind the end of the file in its last page is nobody's business but that of those who
//! map it: it is zeroed whenever the page is written to the disk. It is taken from the kernel after
//! each operation.

use super::op::{ARENA_PAGES, Mapping, Place, place};
use super::space::{Access, Content, Objects, Space, Verdict, pieces, zeros};
use super::world::{ARENA, STACK_TOP, World};
use forklab::abi::{
    Errno, MS_ASYNC, MS_SYNC, MapFlags, PAGE_SHIFT, PAGE_SIZE, POSIX_FADV_DONTNEED,
    POSIX_FADV_WILLNEED, Pid, VirtAddr,
};
use forklab::kernel::syscall::{MmapArgs, Syscall};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The file's name, and its number among the objects.
pub const NAME: &str = "f";
pub const FILE: usize = 0;
/// The file is no longer than so many pages.
const PAGES: u32 = 5;

/// What a task does with the file. Descriptors are those of the file that it has open.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FileOp {
    Read {
        fd: u8,
        offset: u16,
        len: u16,
        to: Place,
    },
    Write {
        fd: u8,
        offset: u16,
        len: u16,
        from: Place,
    },
    Map {
        fd: u8,
        page: u8,
        pages: u8,
        pgoff: u8,
        how: Mapping,
    },
    Truncate {
        fd: u8,
        length: u16,
    },
    Msync {
        at: Place,
        pages: u8,
        sync: bool,
    },
    Fsync {
        fd: u8,
    },
    /// Drops cached pages, or reads them.
    Advise {
        fd: u8,
        advice: i32,
    },
}

fn length() -> impl Strategy<Value = u16> {
    let limit = (PAGES * PAGE_SIZE) as u16;
    prop_oneof![
        3 => (0..=PAGES as u16).prop_map(|pages| pages << PAGE_SHIFT),
        2 => 0..limit,
    ]
}

pub fn file_op() -> impl Strategy<Value = FileOp> {
    const LOCKED: u32 = 0x2000;
    const POPULATE: u32 = 0x8000;
    let fd = || 0..4_u8;
    let offset = || prop_oneof![length(), 0..200_u16];
    let len = || prop_oneof![3 => 1..9_u16, 1 => 0..9000_u16];
    let prot = prop_oneof![8 => Just(3_u32), 2 => 0..8_u32];
    let extra = prop::sample::select(&[0, 0, 0, 0, LOCKED, POPULATE][..]);
    let how = (prot, any::<bool>(), extra).prop_map(|(prot, shared, extra)| Mapping {
        prot,
        shared,
        extra,
        pgoff: 0,
    });
    let arena = 0..ARENA_PAGES as u8;
    prop_oneof![
        4 => (fd(), offset(), len(), place())
            .prop_map(|(fd, offset, len, to)| FileOp::Read { fd, offset, len, to }),
        6 => (fd(), offset(), len(), place())
            .prop_map(|(fd, offset, len, from)| FileOp::Write { fd, offset, len, from }),
        8 => (fd(), arena, 1..5_u8, 0..4_u8, how)
            .prop_map(|(fd, page, pages, pgoff, how)| FileOp::Map { fd, page, pages, pgoff, how }),
        4 => (fd(), length()).prop_map(|(fd, length)| FileOp::Truncate { fd, length }),
        2 => (place(), 1..5_u8, any::<bool>())
            .prop_map(|(at, pages, sync)| FileOp::Msync { at, pages, sync }),
        1 => fd().prop_map(|fd| FileOp::Fsync { fd }),
        1 => (fd(), prop::sample::select(&[POSIX_FADV_DONTNEED, POSIX_FADV_WILLNEED][..]))
            .prop_map(|(fd, advice)| FileOp::Advise { fd, advice }),
    ]
}

impl World {
    /// The call of an operation; `None` if the task does not have the file open.
    pub fn file_call(&self, player: usize, op: FileOp) -> Option<Syscall> {
        Some(match op {
            FileOp::Read {
                fd,
                offset,
                len,
                to,
            } => Syscall::Pread64(
                self.descriptor(player, fd)?,
                self.address(player, to),
                len.into(),
                offset.into(),
            ),
            FileOp::Write {
                fd,
                offset,
                len,
                from,
            } => Syscall::Pwrite64(
                self.descriptor(player, fd)?,
                self.address(player, from),
                len.into(),
                offset.into(),
            ),
            FileOp::Map {
                fd,
                page,
                pages,
                pgoff,
                how,
            } => {
                let fd = self.descriptor(player, fd)?;
                let kind = match how.shared {
                    true => MapFlags::SHARED,
                    false => MapFlags::PRIVATE,
                };
                Syscall::Mmap2(MmapArgs {
                    addr: ARENA + u32::from(page) * PAGE_SIZE,
                    len: u32::from(pages) * PAGE_SIZE,
                    prot: how.prot,
                    flags: (kind | MapFlags::FIXED).bits() | how.extra,
                    fd: Some(fd),
                    pgoff: pgoff.into(),
                })
            }
            FileOp::Truncate { fd, length } => {
                Syscall::Ftruncate(self.descriptor(player, fd)?, length.into())
            }
            FileOp::Msync { at, pages, sync } => {
                let flags = if sync { MS_SYNC } else { MS_ASYNC };
                let start = self.address(player, at).page_base().0;
                Syscall::Msync(start, u32::from(pages) * PAGE_SIZE, flags)
            }
            FileOp::Fsync { fd } => Syscall::Fsync(self.descriptor(player, fd)?),
            FileOp::Advise { fd, advice } => {
                Syscall::Fadvise64(self.descriptor(player, fd)?, 0, 0, advice)
            }
        })
    }

    /// One of the task's descriptors of the file.
    fn descriptor(&self, player: usize, nr: u8) -> Option<u32> {
        let file = self.lab.kernel().lookup(NAME).unwrap();
        let table = &self.tables[&self.players[player].table];
        let open: Vec<u32> = table
            .iter()
            .filter(|(_, (inode, _))| *inode == file)
            .map(|(fd, _)| *fd)
            .collect();
        open.get(usize::from(nr) % open.len().max(1)).copied()
    }

    /// What a call on the file does to the model.
    pub fn file_called(&mut self, pid: Pid, call: &Syscall, value: i32) {
        let (Some(number), Some(player)) = (self.space_of(pid), self.player(pid)) else {
            return;
        };
        // After a failure that was injected the kernel says how far the call got.
        let limit = if self.struck {
            value.max(0) as u32
        } else {
            u32::MAX
        };
        let buffer = match *call {
            Syscall::Pread64(_, addr, len, _) | Syscall::Pwrite64(_, addr, len, _) => (addr, len),
            _ => (VirtAddr(0), 0),
        };
        let present = self.present_pages(player, buffer);
        let space = self.spaces.get_mut(&number).unwrap();
        let objects = &mut self.objects;
        let expected = match *call {
            Syscall::Pread64(.., offset) => space.read_file(objects, buffer, offset as u32, limit),
            Syscall::Pwrite64(..) if limit < u32::MAX => value,
            Syscall::Pwrite64(.., offset) => {
                space.write_file(objects, buffer, offset as u32, &present)
            }
            Syscall::Ftruncate(_, length) => {
                objects.set_size(length as u32);
                0
            }
            _ => return,
        };
        if let Syscall::Ftruncate(..) = call {
            self.drop_private_copies();
        }
        if self.struck {
            self.adopt_file();
            for (at, _) in pieces(buffer.0, buffer.1) {
                self.adopt_growth(number, at);
            }
        } else {
            assert_eq!(value, expected, "{call:?}");
        }
    }

    /// The pages of a range that the page table maps. A call that reads them makes only those present
    /// that may be read anyway.
    fn present_pages(&self, player: usize, (addr, len): (VirtAddr, u32)) -> BTreeSet<u32> {
        let mm = self.mm(player);
        let pages = pieces(addr, len).map(|(at, _)| at >> PAGE_SHIFT);
        let present = |page: &u32| {
            let pte = self.lab.kernel().pte(mm, VirtAddr(page << PAGE_SHIFT));
            pte.is_hw_present()
        };
        pages.filter(present).collect()
    }

    /// The private copies that a locked mapping has made of its pages at once.
    pub fn adopt_copies(&mut self, player: usize, start: u32, pages: u32) {
        let mm = self.mm(player);
        let number = self.players[player].space.unwrap();
        for nr in start >> PAGE_SHIFT..(start >> PAGE_SHIFT) + pages {
            let kernel = self.lab.machine.kernel.pte(mm, VirtAddr(nr << PAGE_SHIFT));
            let mem = self.lab.machine.kernel.mem();
            let copied = kernel.is_hw_present() && mem.page(kernel.pfn()).is_anon();
            if copied {
                let space = self.spaces.get_mut(&number).unwrap();
                space.copy_page(&self.objects, nr << PAGE_SHIFT);
            }
        }
    }

    /// Private copies of pages that the file no longer has are gone, wherever they are.
    fn drop_private_copies(&mut self) {
        let pages = self.objects.file_size.div_ceil(PAGE_SIZE);
        let cells = self.spaces.values_mut();
        for cell in cells.flat_map(|space| space.pages.values_mut()) {
            if let Content::OfFile { index, own } = &mut cell.content
                && *index >= pages
            {
                *own = None;
            }
        }
    }

    /// After a failure that was injected: how far the call got is taken from the kernel. A stack may
    /// have grown, and memory may have been read into.
    fn adopt_file(&mut self) {
        let kernel = self.lab.kernel();
        let inode = kernel.lookup(NAME).unwrap();
        let bytes = kernel.file_bytes(inode, 0, u32::MAX);
        self.objects.set_size(bytes.len() as u32);
        for (page, bytes) in self.objects.pages[FILE]
            .iter_mut()
            .zip(bytes.chunks(PAGE_SIZE as usize))
        {
            Arc::make_mut(page)[..bytes.len()].copy_from_slice(bytes);
        }
    }

    /// What the last page holds behind the end is taken from the kernel.
    pub fn adopt_tail(&mut self) {
        let kernel = self.lab.kernel();
        let object = &kernel.inodes()[kernel.lookup(NAME).unwrap()];
        let size = self.objects.file_size;
        let (index, from) = (size >> PAGE_SHIFT, (size % PAGE_SIZE) as usize);
        if from == 0 {
            return;
        }
        let page = Arc::make_mut(&mut self.objects.pages[FILE][index as usize]);
        match object.pages().get(&index) {
            Some(pfn) => page[from..].copy_from_slice(&kernel.ram.frame(*pfn)[from..]),
            None => page[from..].fill(0),
        }
    }
}

impl Objects {
    /// The file has another length; what is new is zero, but for what stood behind the old end.
    pub fn set_size(&mut self, size: u32) {
        self.file_size = size;
        self.pages[FILE].resize(size.div_ceil(PAGE_SIZE) as usize, zeros());
        let rest = (size % PAGE_SIZE) as usize;
        // Whoever cuts a file clears the rest of its last page; so does who makes it longer.
        if let (true, Some(last)) = (rest > 0, self.pages[FILE].last_mut()) {
            Arc::make_mut(last)[rest..].fill(0);
        }
    }

    /// Something was written up to there.
    fn grow_to(&mut self, end: u32) {
        self.file_size = self.file_size.max(end);
        let pages = self.file_size.div_ceil(PAGE_SIZE);
        self.pages[FILE].resize(pages as usize, zeros());
    }

    /// What of a range lies in the file, page by page: index, and from where to where.
    fn parts(&self, offset: u32, len: u32) -> Vec<(u32, u32, u32)> {
        let parts = pieces(VirtAddr(offset), len);
        parts
            .map(|(at, len)| (at >> PAGE_SHIFT, at % PAGE_SIZE, at % PAGE_SIZE + len))
            .collect()
    }
}

impl Space {
    fn read_file(
        &mut self,
        objects: &mut Objects,
        (to, len): (VirtAddr, u32),
        offset: u32,
        limit: u32,
    ) -> i32 {
        if to.0 + len > STACK_TOP {
            return -Errno::EFAULT.code();
        }
        let len = len.min(objects.file_size.saturating_sub(offset)).min(limit);
        let mut done = 0;
        for (index, from, until) in objects.parts(offset, len) {
            let page = objects.pages[FILE][index as usize].clone();
            let bytes = &page[from as usize..until as usize];
            let target = VirtAddr(to.0 + done);
            for (at, len) in pieces(target, bytes.len() as u32) {
                if self.access(objects, at, kernel(true)) != Verdict::Fine {
                    return some_or_efault(done);
                }
                let start = (at - target.0) as usize;
                self.store(objects, at, &bytes[start..start + len as usize]);
                done += len;
            }
        }
        done as i32
    }

    fn write_file(
        &mut self,
        objects: &mut Objects,
        (from, len): (VirtAddr, u32),
        offset: u32,
        present: &BTreeSet<u32>,
    ) -> i32 {
        if from.0 + len > STACK_TOP {
            return -Errno::EFAULT.code();
        }
        let mut done = 0;
        for (index, start, end) in objects.parts(offset, len) {
            let source = VirtAddr(from.0 + done);
            let mut bytes = vec![0; (end - start) as usize];
            let mut copied = 0;
            for (at, len) in pieces(source, end - start) {
                let access = Access {
                    present: present.contains(&(at >> PAGE_SHIFT)),
                    ..kernel(false)
                };
                if self.access(objects, at, access) != Verdict::Fine {
                    break;
                }
                let read = self.bytes(objects, at, len);
                bytes[copied as usize..(copied + len) as usize].copy_from_slice(read);
                copied += len;
            }
            objects.grow_to((index << PAGE_SHIFT) + end);
            let page = Arc::make_mut(&mut objects.pages[FILE][index as usize]);
            page[start as usize..end as usize].copy_from_slice(&bytes);
            done += copied;
            if copied < end - start {
                return some_or_efault(done);
            }
        }
        done as i32
    }
}

fn some_or_efault(done: u32) -> i32 {
    match done {
        0 => -Errno::EFAULT.code(),
        done => done as i32,
    }
}

const fn kernel(write: bool) -> Access {
    Access {
        write,
        esp: None,
        present: false,
    }
}
