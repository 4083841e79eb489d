//! Merging areas with their neighbours, and splitting them. Neither touches page tables.

use super::mm_struct::Mm;
use super::vma::{VmFlags, Vma};
use crate::abi::{AnonVmaId, MmId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::MapRefusal;
use crate::trace::SlabCache;

/// `sysctl_max_map_count`: the largest number of areas that a split may lead to.
pub(super) const MAX_MAP_COUNT: usize = 65536;

/// How a new area is merged with its neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Merge {
    /// It stays an area of its own.
    None,
    /// The area below is extended upwards over it.
    Prev,
    /// The area above is extended downwards over it.
    Next,
    /// It fills a gap: all three become one area.
    Both,
}

/// Whether two areas can be merged: they are adjacent, have the same flags, none of them special,
/// map consecutive ranges of the same file, and do not have different `anon_vma`s.
///
/// Linux 2.6.12: `mm/mmap.c`, `can_vma_merge_before()` and `can_vma_merge_after()`.
pub(super) fn can_vma_merge(low: &Vma, high: &Vma) -> bool {
    low.vm_end == high.vm_start
        && low.vm_flags == high.vm_flags
        && !low.vm_flags.intersects(VmFlags::SPECIAL)
        && low.vm_file == high.vm_file
        && low.vm_pgoff.wrapping_add(low.pages()) == high.vm_pgoff
        && is_mergeable_anon_vma(low.anon_vma, high.anon_vma)
}

fn is_mergeable_anon_vma(a: Option<AnonVmaId>, b: Option<AnonVmaId>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// How a new area is merged with its neighbours; the one below is tried first.
///
/// Linux 2.6.12: `mm/mmap.c`, `vma_merge()`, cases 1 to 3.
pub(super) fn merge_verdict(prev: Option<&Vma>, new: &Vma, next: Option<&Vma>) -> Merge {
    let prev = prev.filter(|prev| can_vma_merge(prev, new));
    let next = next.filter(|next| can_vma_merge(new, next));
    match (prev, next) {
        (Some(prev), Some(next)) if is_mergeable_anon_vma(prev.anon_vma, next.anon_vma) => {
            Merge::Both
        }
        (Some(_), _) => Merge::Prev,
        (None, Some(_)) => Merge::Next,
        (None, None) => Merge::None,
    }
}

impl Mm {
    /// How a new area would be merged.
    pub(super) fn merge_verdict(&self, new: &Vma) -> Merge {
        let prev = self.find_prev(VirtAddr(new.vm_start));
        merge_verdict(prev, new, self.find_vma(VirtAddr(new.vm_start)))
    }
}

impl Kernel {
    /// Inserts a new area that has no pages yet, merged with its neighbours if possible. If the
    /// merge makes a reference to its file redundant, the reference is dropped.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `vma_merge()`, or else `vma_link()`.
    pub(super) fn vma_merge_or_link(&mut self, mm: MmId, new: Vma) {
        let verdict = self.mms[mm].merge_verdict(&new);
        let vmas = &mut self.mms[mm].vmas;
        let prev = match verdict {
            Merge::Prev | Merge::Both => vmas.remove(&new.vm_start),
            Merge::Next | Merge::None => None,
        };
        let next_end = vmas.range(new.vm_end..).next().map(|(end, _)| *end);
        let next = match verdict {
            Merge::Next | Merge::Both => next_end.and_then(|end| vmas.remove(&end)),
            Merge::Prev | Merge::None => None,
        };
        let merged = Vma {
            vm_start: prev.map_or(new.vm_start, |prev| prev.vm_start),
            vm_end: next.map_or(new.vm_end, |next| next.vm_end),
            vm_pgoff: prev.map_or(new.vm_pgoff, |prev| prev.vm_pgoff),
            ..new
        };
        let mut linked = [prev, next].into_iter().flatten();
        let linked = linked.find(|vma| vma.anon_vma.is_some());
        let merged = Vma {
            anon_vma: linked.and_then(|vma| vma.anon_vma),
            anon_link: linked.and_then(|vma| vma.anon_link),
            ..merged
        };
        vmas.insert(merged.vm_end, merged);
        let joined = u32::from(prev.is_some()) + u32::from(next.is_some());
        self.vma_link_file(mm, &new);
        if let Some(file) = new.vm_file {
            for _ in 0..joined {
                self.remove_shared_vm_struct(mm, &new);
                self.fput(file);
            }
        }
        if let (Some(prev), Some(next)) = (prev, next)
            && prev.anon_vma.is_some()
            && next.anon_vma.is_some()
        {
            // Each neighbour counted as an area of the `anon_vma`; one area is left of them.
            self.anon_vma_unlink(&next);
        }
    }

    /// Splits the area that contains the address.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `split_vma()`.
    ///
    /// # Errors
    /// `ENOMEM` if there are too many areas, or no memory for one more.
    pub(super) fn split_vma(&mut self, mm: MmId, vma: &Vma, addr: u32) -> Result<(), MapRefusal> {
        if self.mms[mm].map_count() >= MAX_MAP_COUNT {
            return Err(MapRefusal::TooManyAreas);
        }
        self.kmem_cache_alloc(SlabCache::Vma)?;
        let low = Vma {
            vm_end: addr,
            ..*vma
        };
        let vm_pgoff = vma.linear_page_index(VirtAddr(addr));
        let mut high = Vma {
            vm_start: addr,
            vm_pgoff,
            ..*vma
        };
        // Areas are found by their end: the upper part takes the place of the area that is split,
        // the lower one is added.
        self.anon_vma_link(mm, &mut high);
        self.mms[mm].insert_vma(low);
        self.mms[mm].insert_vma(high);
        if let Some(file) = vma.vm_file {
            self.get_file(file);
        }
        self.vma_link_file(mm, &high);
        Ok(())
    }
}
