//! `anon_vma`, the object through which the kernel finds all areas that may map an anonymous page,
//! and the counting of a page's mappings.

use super::merge::can_vma_merge;
use super::vma::{VmFlags, Vma};
use crate::abi::{AnonVmaId, MmId, Pfn, VirtAddr};
use crate::kernel::Kernel;
use crate::trace::{NoMemory, SlabCache};

/// The object that groups the areas whose anonymous pages may be shared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnonVma {
    /// Areas linked to it, in all address spaces.
    pub(super) vmas: u32,
}

/// The `anon_vma` that an area can take over from a neighbour. The areas have to be mergeable
/// except for the three rights, which `mprotect` may change.
///
/// Linux 2.6.12: `mm/mmap.c`, `find_mergeable_anon_vma()`. The area above is tried first.
fn find_mergeable_anon_vma(prev: Option<&Vma>, vma: &Vma, next: Option<&Vma>) -> Option<AnonVmaId> {
    let alike = |near: &Vma| {
        let rights = near.vm_flags & VmFlags::ACCESS;
        Vma {
            vm_flags: (vma.vm_flags - VmFlags::ACCESS) | rights,
            ..*vma
        }
    };
    let next = next
        .filter(|near| can_vma_merge(&alike(near), near))
        .and_then(|near| near.anon_vma);
    next.or_else(|| {
        prev.filter(|near| can_vma_merge(near, &alike(near)))
            .and_then(|near| near.anon_vma)
    })
}

impl Kernel {
    /// Gives an area an `anon_vma` if it has none.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `anon_vma_prepare()`.
    ///
    /// # Errors
    /// No memory for a new one, if it needs one.
    pub(super) fn anon_vma_prepare(&mut self, mm: MmId, vma: &mut Vma) -> Result<(), NoMemory> {
        if vma.anon_vma.is_some() {
            return Ok(());
        }
        let space = &self.mms[mm];
        let prev = space.find_prev(VirtAddr(vma.vm_start));
        let next = space.find_vma(VirtAddr(vma.vm_end));
        // Areas with different `anon_vma`s never merge. To share one with a neighbour keeps it
        // possible to merge them once their rights are the same.
        let anon_vma = match find_mergeable_anon_vma(prev, vma, next) {
            Some(anon_vma) => anon_vma,
            None => {
                self.kmem_cache_alloc(SlabCache::AnonVma)?;
                self.anon_vmas.insert(AnonVma { vmas: 0 })
            }
        };
        vma.anon_vma = Some(anon_vma);
        self.anon_vma_link(vma);
        // `vma` is a copy; the one in the tree has to learn it, too.
        self.mms[mm].insert_vma(*vma);
        Ok(())
    }

    /// Counts one more area that maps its file, if it maps one.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `__vma_link_file()`.
    pub(super) fn vma_link_file(&mut self, mm: MmId, vma: &Vma) {
        if let Some(file) = vma.vm_file {
            let inode = self.open_files[file].inode();
            self.inodes[inode].i_mapping.link_area(mm);
        }
    }

    /// Counts one area fewer that maps its file. The area still has its reference to the file.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `__remove_shared_vm_struct()`.
    pub(super) fn remove_shared_vm_struct(&mut self, mm: MmId, vma: &Vma) {
        if let Some(file) = vma.vm_file {
            let inode = self.open_files[file].inode();
            self.inodes[inode].i_mapping.unlink_area(mm);
        }
    }

    /// Counts one more area that has the `anon_vma`.
    pub(super) fn anon_vma_link(&mut self, vma: &Vma) {
        if let Some(anon_vma) = vma.anon_vma {
            self.anon_vmas[anon_vma].vmas += 1;
        }
    }

    /// Counts one area fewer; without areas the `anon_vma` is freed.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `anon_vma_unlink()`.
    pub(super) fn anon_vma_unlink(&mut self, vma: &Vma) {
        let Some(anon_vma) = vma.anon_vma else { return };
        self.anon_vmas[anon_vma].vmas -= 1;
        if self.anon_vmas[anon_vma].vmas == 0 {
            self.anon_vmas.remove(anon_vma);
        }
    }

    /// Records that a new anonymous page is mapped in an area that has an `anon_vma`.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_add_anon_rmap()`.
    pub(super) fn page_add_anon_rmap(&mut self, mm: MmId, vma: &Vma, addr: VirtAddr, pfn: Pfn) {
        let anon_vma = vma
            .anon_vma
            .expect("anon_vma_prepare comes before the page");
        self.mms[mm].anon_rss += 1;
        let index = vma.linear_page_index(addr);
        self.mem.page_mut(pfn).page_add_anon_rmap(anon_vma, index);
    }
}
