//! Virtual memory areas: ranges of an address space with the same rights and the same backing.

use crate::abi::{AnonLinkId, AnonVmaId, FileId, PAGE_SHIFT, Prot, VirtAddr};
use bitflags::bitflags;

/// Low bits of the entries of pages without access rights.
const PAGE_NONE: u32 = 0x0a0;
/// Low bits for readable pages, and for all private ones: the first write has to fault.
const PAGE_READONLY: u32 = 0x025;
/// Low bits for shared writable pages.
const PAGE_SHARED: u32 = 0x027;

bitflags! {
    /// `VM_*`: what an area permits and how it behaves.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct VmFlags: u32 {
        /// Pages may be read.
        const READ = 0x1;
        /// Pages may be written.
        const WRITE = 0x2;
        /// Pages may be executed.
        const EXEC = 0x4;
        /// Writes go to the shared object.
        const SHARED = 0x8;
        /// `mprotect` may allow reading.
        const MAYREAD = 0x10;
        /// `mprotect` may allow writing.
        const MAYWRITE = 0x20;
        /// `mprotect` may allow executing.
        const MAYEXEC = 0x40;
        /// Was mapped with `MAP_SHARED`.
        const MAYSHARE = 0x80;
        /// Grows downwards when touched below its start.
        const GROWSDOWN = 0x100;
        /// The file must not be open for writing.
        const DENYWRITE = 0x800;
        /// Maps the program's own file.
        const EXECUTABLE = 0x1000;
        /// Its pages stay in memory: `mlock` or `MAP_LOCKED`.
        const LOCKED = 0x2000;
        /// Maps the memory of a device, which has no `struct page`.
        const IO = 0x4000;
        /// The program reads it from front to back (`MADV_SEQUENTIAL`).
        const SEQ_READ = 0x8000;
        /// The program reads it at random (`MADV_RANDOM`), so that reading ahead is no use.
        const RAND_READ = 0x1_0000;
        /// Not copied to children.
        const DONTCOPY = 0x2_0000;
        /// Cannot grow by `mremap`.
        const DONTEXPAND = 0x4_0000;
        /// Not managed by the kernel (`VM_RESERVED`).
        const RESERVED = 0x8_0000;
        /// Its pages are accounted as committed memory.
        const ACCOUNT = 0x10_0000;
        /// Maps pages of its file at other places than their linear ones (`remap_file_pages`).
        const NONLINEAR = 0x80_0000;

        /// The three access rights.
        const ACCESS = Self::READ.bits() | Self::WRITE.bits() | Self::EXEC.bits();
        /// Every right may be granted later.
        const MAY_ACCESS = Self::MAYREAD.bits() | Self::MAYWRITE.bits() | Self::MAYEXEC.bits();
        /// Areas with one of these are never merged (`VM_SPECIAL`).
        const SPECIAL = Self::IO.bits() | Self::DONTCOPY.bits() | Self::DONTEXPAND.bits()
            | Self::RESERVED.bits();
        /// The heap and other data (`VM_DATA_DEFAULT_FLAGS`).
        const DATA = Self::READ.bits() | Self::WRITE.bits() | Self::MAY_ACCESS.bits();
        /// The stack (`VM_STACK_FLAGS`).
        const STACK = Self::DATA.bits() | Self::GROWSDOWN.bits() | Self::ACCOUNT.bits();
    }
}

impl VmFlags {
    /// The flags for `PROT_*`; unknown bits are ignored.
    pub const fn of_prot(prot: Prot) -> Self {
        Self::from_bits_truncate(prot.bits() & Self::ACCESS.bits())
    }

    /// The low bits of the page table entries: the kernel's table `protection_map`.
    pub const fn page_prot(self) -> u32 {
        if !self.intersects(Self::ACCESS) {
            PAGE_NONE
        } else if self.contains(Self::SHARED.union(Self::WRITE)) {
            PAGE_SHARED
        } else {
            PAGE_READONLY
        }
    }

    /// Whether pages are copied on write. Areas that are read-only now count too, because
    /// `mprotect` may make them writable later.
    pub const fn is_cow(self) -> bool {
        self.contains(Self::MAYWRITE) && !self.contains(Self::SHARED)
    }
}

/// An area (`vm_area_struct`): `[vm_start, vm_end)`, page aligned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vma {
    /// First address of the area.
    pub vm_start: u32,
    /// First address after the area.
    pub vm_end: u32,
    /// Rights and behaviour.
    pub vm_flags: VmFlags,
    /// Low bits of the entries of its pages.
    pub page_prot: u32,
    /// Offset in the file, in pages; for private anonymous memory its own page number.
    pub vm_pgoff: u32,
    /// What it maps; `None` for anonymous memory.
    pub vm_file: Option<FileId>,
    /// The `anon_vma` of its anonymous pages, once it has some.
    pub anon_vma: Option<AnonVmaId>,
    /// `vm_private_data` of a nonlinear area: how far reclaim has swept it, in bytes.
    pub nl_cursor: u32,
    /// Its place in the list of the `anon_vma`.
    pub anon_link: Option<AnonLinkId>,
    /// What else happens when it is opened and closed.
    pub vm_ops: VmOps,
}

/// What happens besides the accounting of files when an area is opened and closed (`vm_ops`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VmOps {
    /// Nothing.
    #[default]
    Ordinary,
    /// The segment of shared memory with that id counts its areas (`shm_vm_ops`).
    Segment(i32),
}

impl Vma {
    /// A private anonymous area.
    pub const fn anonymous(vm_start: u32, vm_end: u32, vm_flags: VmFlags) -> Self {
        Self {
            vm_start,
            vm_end,
            vm_flags,
            page_prot: vm_flags.page_prot(),
            vm_pgoff: vm_start >> PAGE_SHIFT,
            vm_file: None,
            anon_vma: None,
            nl_cursor: 0,
            vm_ops: VmOps::Ordinary,
            anon_link: None,
        }
    }

    /// The area as it is after it has grown downwards by that many pages.
    #[must_use]
    pub const fn grown_down(mut self, pages: u32) -> Self {
        self.vm_start -= pages << PAGE_SHIFT;
        self.vm_pgoff = self.vm_pgoff.wrapping_sub(pages);
        self
    }

    /// The part of it below an address, unless that is empty.
    pub(super) fn below(&self, addr: u32) -> Option<Self> {
        let vm_end = addr.min(self.vm_end);
        (self.vm_start < vm_end).then_some(Self { vm_end, ..*self })
    }

    /// The part of it from an address on, unless that is empty.
    pub(super) fn above(&self, addr: u32) -> Option<Self> {
        let vm_start = addr.max(self.vm_start);
        (vm_start < self.vm_end).then(|| Self {
            vm_start,
            vm_pgoff: self.linear_page_index(VirtAddr(vm_start)),
            ..*self
        })
    }

    /// Size in pages.
    pub const fn pages(&self) -> u32 {
        (self.vm_end - self.vm_start) >> PAGE_SHIFT
    }

    /// Whether it contains the address.
    pub const fn contains(&self, addr: VirtAddr) -> bool {
        self.vm_start <= addr.0 && addr.0 < self.vm_end
    }

    /// Whether it has all of the flags.
    pub const fn has(&self, flags: VmFlags) -> bool {
        self.vm_flags.contains(flags)
    }

    /// The page of the file, or the page number of anonymous memory, that lies at an address.
    ///
    /// Linux 2.6.12: `include/linux/pagemap.h`, `linear_page_index()`.
    pub const fn linear_page_index(&self, addr: VirtAddr) -> u32 {
        self.vm_pgoff
            .wrapping_add((addr.0 - self.vm_start) >> PAGE_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_pages_are_never_mapped_writable() {
        let (none, read, write, exec) = (
            VmFlags::empty(),
            VmFlags::READ,
            VmFlags::WRITE,
            VmFlags::EXEC,
        );
        for (rights, private, shared) in [
            (none, 0x0a0, 0x0a0),
            (read, 0x025, 0x025),
            (write, 0x025, 0x027),
            (exec, 0x025, 0x025),
            (read | write, 0x025, 0x027),
            (read | exec, 0x025, 0x025),
            (write | exec, 0x025, 0x027),
            (read | write | exec, 0x025, 0x027),
        ] {
            assert_eq!(rights.page_prot(), private, "private {rights:?}");
            assert_eq!(
                (rights | VmFlags::SHARED).page_prot(),
                shared,
                "shared {rights:?}"
            );
        }
    }

    #[test]
    fn copy_on_write_asks_what_may_be_allowed_not_what_is() {
        let private = VmFlags::READ | VmFlags::MAY_ACCESS;
        assert!(private.is_cow());
        assert!(!(private | VmFlags::SHARED).is_cow());
        assert!(!(private - VmFlags::MAYWRITE).is_cow());
    }
}
