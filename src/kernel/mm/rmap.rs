//! `anon_vma`, the object through which the kernel finds all areas that may map an anonymous page,
//! and the counting of a page's mappings.

use super::merge::can_vma_merge;
use super::vma::{VmFlags, Vma};
use crate::abi::{AnonLinkId, AnonVmaId, MmId, Pfn, VirtAddr};
use crate::kernel::Kernel;
use crate::trace::{NoMemory, SlabCache};

/// The object that groups the areas whose anonymous pages may be shared, in a list whose youngest
/// link comes first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AnonVma {
    /// Areas linked to it, in all address spaces.
    pub(super) vmas: u32,
    /// The youngest link.
    head: Option<AnonLinkId>,
}

/// One area's place in the list of its `anon_vma`: `vma->anon_vma_node`. The area names its link,
/// and the link the address space, because areas move and change their size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnonLink {
    mm: MmId,
    next: Option<AnonLinkId>,
    prev: Option<AnonLinkId>,
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
                self.anon_vmas.insert(AnonVma::default())
            }
        };
        vma.anon_vma = Some(anon_vma);
        self.anon_vma_link(mm, vma);
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

    /// Puts an area at the head of the list of its `anon_vma`. The area in the tree has to learn of
    /// the link, too.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `anon_vma_link()`.
    pub(super) fn anon_vma_link(&mut self, mm: MmId, vma: &mut Vma) {
        let Some(anon_vma) = vma.anon_vma else { return };
        let owner = &mut self.anon_vmas[anon_vma];
        let next = owner.head;
        let link = AnonLink {
            mm,
            next,
            prev: None,
        };
        let id = self.anon_links.insert(link);
        vma.anon_link = Some(id);
        owner.vmas += 1;
        owner.head = Some(id);
        if let Some(old_head) = next {
            self.anon_links[old_head].prev = Some(id);
        }
    }

    /// Takes an area off the list; without areas the `anon_vma` is freed.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `anon_vma_unlink()`.
    pub(super) fn anon_vma_unlink(&mut self, vma: &Vma) {
        let Some(anon_vma) = vma.anon_vma else { return };
        let link = vma.anon_link.and_then(|id| self.anon_links.remove(id));
        let link = link.expect("an area with an anon_vma is on its list");
        let owner = &mut self.anon_vmas[anon_vma];
        owner.vmas -= 1;
        if owner.vmas == 0 {
            self.anon_vmas.remove(anon_vma);
            return;
        }
        match link.prev {
            Some(before) => self.anon_links[before].next = link.next,
            None => owner.head = link.next,
        }
        if let Some(after) = link.next {
            self.anon_links[after].prev = link.prev;
        }
    }

    /// The areas of an `anon_vma`, the one linked last first, with their address spaces.
    ///
    /// `near` is an address at which they probably lie, which spares the search for them.
    pub(super) fn areas_of_anon_vma(
        &self,
        anon_vma: AnonVmaId,
        near: VirtAddr,
    ) -> impl Iterator<Item = (MmId, &Vma)> {
        let mut at = self.anon_vmas[anon_vma].head;
        std::iter::from_fn(move || {
            let link = self.anon_links[at?];
            let place = std::mem::replace(&mut at, link.next);
            let space = &self.mms[link.mm];
            let guess = space.find_vma(near).filter(|vma| vma.anon_link == place);
            let area = guess.or_else(|| space.areas().find(|vma| vma.anon_link == place));
            Some((
                link.mm,
                area.expect("a link belongs to an area in the tree"),
            ))
        })
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
        self.mem.page_add_anon_rmap(pfn, anon_vma, index);
    }
}
