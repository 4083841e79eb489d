//! Direct I/O in progress: pages of a task's memory that a device reads or writes by itself. The
//! kernel holds them meanwhile, so that their frames stay what they are, whatever the task does.
//! A page that is held has one user more, which is enough for the next write to copy it.

use super::get_user_pages::{Force, NoPage};
use crate::abi::{Errno, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::AccessKind;
use crate::kernel::Kernel;
use std::collections::BTreeMap;

/// Which way the data goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IoDirection {
    /// The task reads: the device writes to memory.
    FromDevice,
    /// The task writes: the device reads memory.
    ToDevice,
}

/// A transfer that has begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectIo {
    direction: IoDirection,
    /// Where in the first page it begins.
    offset: usize,
    len: usize,
    /// The frames, in order; each but the zero page is held.
    pages: Vec<Pfn>,
}

/// All transfers in progress, by their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DirectIos {
    running: BTreeMap<u32, DirectIo>,
    last: u32,
}

impl DirectIos {
    /// The transfer with that number, while it is in progress.
    pub fn get(&self, id: u32) -> Option<&DirectIo> {
        self.running.get(&id)
    }

    /// Every frame that is held, as often as it is.
    pub fn held(&self) -> impl Iterator<Item = Pfn> {
        self.running
            .values()
            .flat_map(|io| io.pages.iter().copied())
    }
}

impl DirectIo {
    /// Which way the data goes.
    pub const fn direction(&self) -> IoDirection {
        self.direction
    }

    /// How many bytes are transferred.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is transferred.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Kernel {
    /// Begins a transfer between a device and `len` bytes of the current task's memory. Returns its
    /// number. Pages that the device is to write are made the task's own first.
    ///
    /// Linux 2.6.12: `fs/direct-io.c`, `dio_refill_pages()`; `mm/memory.c`, `get_user_pages()`.
    ///
    /// # Errors
    /// `EFAULT` if the task may not access a page in this way, `ENOMEM`; no page is held then.
    pub fn begin_direct_io(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        len: u32,
        direction: IoDirection,
    ) -> Result<u32, Errno> {
        let access = match direction {
            IoDirection::FromDevice => AccessKind::Write,
            IoDirection::ToDevice => AccessKind::Read,
        };
        let mm = self.mm_id(current);
        let offset = addr.page_offset();
        let count = (offset + len).div_ceil(PAGE_SIZE);
        let mut pages = Vec::new();
        for nr in 0..count {
            let at = VirtAddr(addr.page_base().0.wrapping_add(nr * PAGE_SIZE));
            match self.get_user_page(current, mm, at, (access, Force::No)) {
                Ok(pfn) => pages.push(self.hold_page(pfn)),
                Err(why) => {
                    pages.into_iter().for_each(|pfn| self.put_page(pfn));
                    return Err(match why {
                        NoPage::Fault => Errno::EFAULT,
                        NoPage::NoMemory => Errno::ENOMEM,
                    });
                }
            }
        }
        self.direct_io.last += 1;
        let id = self.direct_io.last;
        let io = DirectIo {
            direction,
            offset: offset as usize,
            len: len as usize,
            pages,
        };
        self.direct_io.running.insert(id, io);
        Ok(id)
    }

    /// Takes a reference to a page; reserved pages, as the zero page, need none.
    fn hold_page(&mut self, pfn: Pfn) -> Pfn {
        if !self.mem.page(pfn).is_reserved() {
            self.mem.get_page(pfn);
        }
        pfn
    }

    /// Ends a transfer: the device has written `data` to the frames, or has read what they hold now.
    /// Returns what it has read. The pages are no longer held.
    ///
    /// Linux 2.6.12: `fs/bio.c`, `bio_check_pages_dirty()`; `fs/direct-io.c`, `dio_bio_complete()`.
    pub fn end_direct_io(&mut self, id: u32, data: &[u8]) -> Vec<u8> {
        let Some(io) = self.direct_io.running.remove(&id) else {
            return Vec::new();
        };
        let mut read = Vec::new();
        let mut done = 0;
        for (nr, pfn) in io.pages.iter().enumerate() {
            let from = if nr == 0 { io.offset } else { 0 };
            let len = (PAGE_SIZE as usize - from).min(io.len - done);
            match io.direction {
                IoDirection::FromDevice => {
                    let part = &data[done.min(data.len())..(done + len).min(data.len())];
                    self.ram.frame_mut(*pfn)[from..from + part.len()].copy_from_slice(part);
                    self.set_page_dirty(*pfn);
                }
                IoDirection::ToDevice => {
                    read.extend_from_slice(&self.ram.frame(*pfn)[from..from + len]);
                }
            }
            done += len;
            self.put_page(*pfn);
        }
        read
    }
}
