//! `swapon` and `swapoff`: what makes a device or a file a swap area, and the end of it.

use crate::abi::{
    Caps, Errno, FileId, InodeId, O_RDWR, PAGE_SIZE, PfFlags, SWAP_FLAG_PREFER,
    SWAP_FLAG_PRIO_MASK, TaskId,
};
use crate::kernel::Kernel;
use crate::kernel::fs::{InodeKind, SwapHeader};

impl Kernel {
    /// Turns a swap area on.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `sys_swapon()`.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN, and if there are 32 areas; those of `open`; `EBUSY` if the
    /// file is an area already; `EINVAL` if it is neither a device nor a regular file, has no valid
    /// header, is too short or has holes; `ENOMEM`.
    pub(in crate::kernel) fn sys_swapon(
        &mut self,
        current: TaskId,
        path: Result<String, Errno>,
        flags: u32,
    ) -> Result<u32, Errno> {
        if !self.may_swap(current) || !self.swap.has_room() {
            return Err(Errno::EPERM);
        }
        let file = self.open_area(current, &path?)?;
        match self.header_of_area(file) {
            Ok(header) => {
                let prefers = flags & SWAP_FLAG_PREFER != 0;
                let prio = prefers.then_some((flags & SWAP_FLAG_PRIO_MASK).cast_signed());
                self.swap.swapon(file, &header, prio);
                Ok(0)
            }
            Err(errno) => {
                self.fput(file);
                Err(errno)
            }
        }
    }

    fn may_swap(&self, current: TaskId) -> bool {
        self.task(current).cred().capable(Caps::SYS_ADMIN)
    }

    /// Linux 2.6.12: `fs/open.c`, `filp_open()`.
    fn open_area(&mut self, current: TaskId, path: &str) -> Result<FileId, Errno> {
        let inode = self.open_namei(current, path, O_RDWR, 0)?;
        Ok(self.open_inode(inode, O_RDWR))
    }

    /// The header of a file that is to become an area.
    fn header_of_area(&mut self, file: FileId) -> Result<SwapHeader, Errno> {
        let inode = self.open_files[file].inode();
        if self.area_of_inode(inode).is_some() {
            return Err(Errno::EBUSY);
        }
        let kind = &self.inodes[inode].kind;
        if !kind.has_page_cache() && !matches!(kind, InodeKind::SwapDevice(_)) {
            return Err(Errno::EINVAL);
        }
        let cached = self.find_page(inode, 0);
        let page = cached.map_or_else(|| self.page_cache_read(inode, 0), Ok);
        let pfn = page.map_err(|_| Errno::ENOMEM)?;
        let header = SwapHeader::of_page(self.ram.frame(pfn))?;
        let size = self.inodes[inode].size() / PAGE_SIZE;
        let too_short = size != 0 && header.max() > size;
        if too_short || !header.has_good_pages() || self.has_holes(inode, header.max()) {
            return Err(Errno::EINVAL);
        }
        Ok(header)
    }

    /// Whether the device has no block for one of the first pages of a regular file. A page that was
    /// written has one although it is not there yet.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `setup_swap_extents()`.
    fn has_holes(&self, inode: InodeId, pages: u32) -> bool {
        let object = &self.inodes[inode];
        let InodeKind::Regular(file) = &object.kind else {
            return false;
        };
        (0..pages).any(|index| !file.has_block(index) && !object.pages().contains_key(&index))
    }

    /// The number of the area in a file.
    fn area_of_inode(&self, inode: InodeId) -> Option<u32> {
        let mut areas = self.swap.areas();
        let area = areas.find(|(_, area)| self.open_files[area.swap_file()].inode() == inode);
        area.map(|(number, _)| number)
    }

    /// Whether a file is a swap area, so that its length stays.
    ///
    /// Linux 2.6.12: `include/linux/fs.h`, `IS_SWAPFILE()`.
    pub(in crate::kernel) fn is_swapfile(&self, inode: InodeId) -> bool {
        self.area_of_inode(inode).is_some()
    }

    /// Turns a swap area off: all its pages are read into memory.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `sys_swapoff()`.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN; those of `open`; `EINVAL` if the file is no area; `ENOMEM` if
    /// too much is committed for so much less swap, or no frame is left for a page; `EINTR`.
    pub(in crate::kernel) fn sys_swapoff(
        &mut self,
        current: TaskId,
        path: Result<String, Errno>,
    ) -> Result<u32, Errno> {
        if !self.may_swap(current) {
            return Err(Errno::EPERM);
        }
        let victim = self.open_area(current, &path?)?;
        let done = self.swapoff(current, self.open_files[victim].inode());
        self.fput(victim);
        done.map(|()| 0)
    }

    fn swapoff(&mut self, current: TaskId, inode: InodeId) -> Result<(), Errno> {
        let number = self.area_of_inode(inode).ok_or(Errno::EINVAL)?;
        let pages = self.swap.areas().find(|(nr, _)| *nr == number);
        let pages = pages.map_or(0, |(_, area)| area.pages());
        let enough = self.may_commit(current, pages);
        enough.map_err(|_| Errno::ENOMEM)?;
        self.swap.begin_swapoff(number);
        self.task_mut(current).flags |= PfFlags::SWAPOFF;
        let unused = self.try_to_unuse(current, number);
        self.task_mut(current).flags -= PfFlags::SWAPOFF;
        if let Err(errno) = unused {
            self.swap.abort_swapoff(number);
            return Err(errno);
        }
        let file = self.swap.end_swapoff(number);
        self.fput(file);
        Ok(())
    }

    /// Makes the swap device of the boot options, with the header that `mkswap` writes, and turns it
    /// on.
    pub(in crate::kernel) fn swapon_at_boot(&mut self) {
        let pages = self.config.swap / PAGE_SIZE;
        if pages > 0 {
            let device = self.create(SWAP_DEVICE, InodeKind::SwapDevice(pages));
            let file = self.open_inode(device, O_RDWR);
            let header = SwapHeader {
                last_page: pages - 1,
                badpages: Vec::new(),
            };
            self.swap.swapon(file, &header, None);
        }
    }
}

/// The name of the swap device of the boot options.
pub const SWAP_DEVICE: &str = "swap";
