//! Identities: page frames, virtual addresses, pids, and the arena keys of kernel objects.

use serde::Serialize;
use std::fmt;

/// log2 of the page size.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes in a page and in a page frame.
pub const PAGE_SIZE: u32 = 1 << PAGE_SHIFT;

slotmap::new_key_type! {
    /// A `task_struct` in the kernel's arena: slot and generation.
    ///
    /// The kernel's identity of a task. Unlike a [`Pid`], it is never reused for a later task.
    pub struct TaskId;
    /// An `mm_struct` in the kernel's arena.
    pub struct MmId;
    /// An `anon_vma`: the areas that may map the same anonymous pages.
    pub struct AnonVmaId;
    /// The place of one area in the list of its `anon_vma`.
    pub struct AnonLinkId;
    /// A `files_struct` (table of open file descriptors).
    pub struct FilesId;
    /// A `struct file` (open file description).
    pub struct FileId;
    /// An `inode` with its page cache.
    pub struct InodeId;
    /// An `fs_struct` (root, working directory, umask).
    pub struct FsId;
    /// A `sighand_struct` (the 64 signal actions).
    pub struct SighandId;
    /// A `signal_struct` (what the threads of one process share).
    pub struct SignalId;
    /// A mount `namespace`.
    pub struct NamespaceId;
    /// A `sem_undo_list`, shared with `CLONE_SYSVSEM`.
    pub struct SemUndoId;
}

/// A process id as user space sees it, reused by `alloc_pidmap`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct Pid(pub i32);

impl Pid {
    /// Init, which adopts orphans and is never killed.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `child_reaper`.
    pub const INIT: Self = Self(1);
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A page frame number: physical address / 4096.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct Pfn(pub u32);

impl Pfn {
    /// Physical address of the first byte of the frame.
    pub const fn phys(self) -> u32 {
        self.0 << PAGE_SHIFT
    }

    /// The frame as an index into per-frame tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Pfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A 32-bit linear address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct VirtAddr(pub u32);

impl VirtAddr {
    /// Bits 31..22: index into the page directory.
    pub const fn pgd_index(self) -> u32 {
        self.0 >> 22
    }

    /// Bits 21..12: index into the page table.
    pub const fn pte_index(self) -> u32 {
        (self.0 >> PAGE_SHIFT) & 0x3ff
    }

    /// Bits 11..0: offset in the page.
    pub const fn page_offset(self) -> u32 {
        self.0 & (PAGE_SIZE - 1)
    }

    /// The first address of the page.
    pub const fn page_base(self) -> Self {
        Self(self.0 & !(PAGE_SIZE - 1))
    }

    /// Linear page number: address / 4096.
    pub const fn page_number(self) -> u32 {
        self.0 >> PAGE_SHIFT
    }

    /// Whether the address is the first of a page.
    pub const fn is_page_aligned(self) -> bool {
        self.page_offset() == 0
    }
}

impl fmt::Display for VirtAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}
