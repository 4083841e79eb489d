//! Merging areas with their neighbours, and splitting them. Neither touches page tables.

use super::mm_struct::Mm;
use super::vma::{VmFlags, VmOps, Vma};
use crate::abi::{AnonLinkId, AnonVmaId, MmId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{AreaRefusal, MapRefusal};
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
/// map consecutive ranges of the same file, are not counted one by one, and do not have different
/// `anon_vma`s.
///
/// Linux 2.6.12: `mm/mmap.c`, `can_vma_merge_before()` and `can_vma_merge_after()`.
pub(super) fn can_vma_merge(low: &Vma, high: &Vma) -> bool {
    low.vm_end == high.vm_start
        && low.vm_flags == high.vm_flags
        && !low.vm_flags.intersects(VmFlags::SPECIAL)
        && low.vm_file == high.vm_file
        && (low.vm_ops, high.vm_ops) == (VmOps::Ordinary, VmOps::Ordinary)
        && low.vm_pgoff.wrapping_add(low.pages()) == high.vm_pgoff
        && is_mergeable_anon_vma(low.anon_vma, high.anon_vma)
}

fn is_mergeable_anon_vma(a: Option<AnonVmaId>, b: Option<AnonVmaId>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// How a new area is merged with its neighbours; the one below is tried first.
///
/// Linux 2.6.12: `mm/mmap.c`, `vma_merge()`.
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
    /// How an area would be merged: a new one, or a part of one that is about to get other flags.
    pub(super) fn merge_verdict(&self, new: &Vma) -> Merge {
        let prev = self.find_prev(VirtAddr(new.vm_start));
        merge_verdict(prev, new, self.find_vma(VirtAddr(new.vm_end)))
    }
}

impl Kernel {
    /// Inserts a new area that has no pages yet, merged with its neighbours if possible. If the
    /// merge makes its reference to its file redundant, the reference is dropped.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `vma_merge()`, or else `vma_link()`.
    pub(super) fn vma_merge_or_link(&mut self, mm: MmId, new: Vma) {
        if self.vma_merge(mm, &new).is_some() {
            new.vm_file.into_iter().for_each(|file| self.fput(file));
            return;
        }
        self.vma_link_file(mm, &new);
        self.mms[mm].insert_vma(new);
    }

    /// Merges a range with its neighbours, if it can be, and returns the area that it becomes part
    /// of. The range is either free, or a part of an area that gets other flags.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `vma_merge()`, cases 1 to 8, and `vma_adjust()`. Unlike there, an
    /// area without an `anon_vma` that takes over a moved one with pages always gets its `anon_vma`.
    pub(super) fn vma_merge(&mut self, mm: MmId, new: &Vma) -> Option<Vma> {
        let space = &self.mms[mm];
        let (below, above) = match space.merge_verdict(new) {
            Merge::None => return None,
            Merge::Prev => (true, false),
            Merge::Next => (false, true),
            Merge::Both => (true, true),
        };
        let prev = space.find_prev(VirtAddr(new.vm_start)).copied();
        let next = space.find_vma(VirtAddr(new.vm_end)).copied();
        let (prev, next) = (prev.filter(|_| below), next.filter(|_| above));
        let at = VirtAddr(new.vm_start);
        let cut = space.find_vma(at).filter(|vma| vma.contains(at)).copied();
        let mut parts = [prev, Some(*new), next].into_iter().flatten();
        let owner = parts.find(|part| part.anon_vma.is_some());
        let merged = Vma {
            vm_start: prev.map_or(new.vm_start, |prev| prev.vm_start),
            vm_end: next.map_or(new.vm_end, |next| next.vm_end),
            vm_pgoff: prev.map_or(new.vm_pgoff, |prev| prev.vm_pgoff),
            anon_vma: owner.and_then(|part| part.anon_vma),
            anon_link: owner.and_then(|part| part.anon_link),
            ..*new
        };
        let rests = cut.map(|cut| [cut.below(new.vm_start), cut.above(new.vm_end)]);
        let rests = rests.into_iter().flatten().flatten();
        let after: Vec<Vma> = rests.chain([merged]).collect();
        let before: Vec<Vma> = [prev, cut, next].into_iter().flatten().collect();
        self.replace_areas(mm, &before, &after);
        self.mms[mm].find_vma(at).copied()
    }

    /// Puts other areas in the place of some, with the references that each holds. An area that goes
    /// on as another one keeps its place in the list of its `anon_vma`.
    fn replace_areas(&mut self, mm: MmId, before: &[Vma], after: &[Vma]) {
        for vma in before {
            self.mms[mm].vmas.remove(&vma.vm_end);
        }
        let mut links: Vec<AnonLinkId> = before.iter().filter_map(|vma| vma.anon_link).collect();
        // References are taken before any is dropped: an object that both sides hold lives on.
        for mut vma in after.iter().copied() {
            self.open_file_of(mm, &vma);
            match links.iter().position(|link| vma.anon_link == Some(*link)) {
                Some(kept) => {
                    links.swap_remove(kept);
                }
                None => self.anon_vma_link(mm, &mut vma),
            }
            self.mms[mm].insert_vma(vma);
        }
        for vma in before {
            self.close_file_of(mm, vma);
            if vma.anon_link.is_some_and(|link| links.contains(&link)) {
                self.anon_vma_unlink(vma);
            }
        }
    }

    /// Gives `[start, end)` of an area other flags, without touching its pages: merges it with
    /// neighbours that have these flags, or else cuts it out of the area. Returns the area that the
    /// range is then part of.
    ///
    /// Linux 2.6.12: `mm/mprotect.c`, `mprotect_fixup()`, and `mm/mlock.c`, `mlock_fixup()`.
    ///
    /// # Errors
    /// `ENOMEM` if the area cannot be split. A cut at the start may stay.
    pub(super) fn vma_modify(
        &mut self,
        mm: MmId,
        vma: &Vma,
        (start, end): (u32, u32),
        vm_flags: VmFlags,
    ) -> Result<Vma, MapRefusal> {
        let part = Vma {
            vm_start: start,
            vm_end: end,
            vm_pgoff: vma.linear_page_index(VirtAddr(start)),
            vm_flags,
            page_prot: vm_flags.page_prot(),
            ..*vma
        };
        if let Some(merged) = self.vma_merge(mm, &part) {
            return Ok(merged);
        }
        let alone = Vma {
            vm_flags,
            page_prot: part.page_prot,
            ..self.cut_out(mm, vma, start, end)?
        };
        self.mms[mm].insert_vma(alone);
        Ok(alone)
    }

    /// Makes `[start, end)` of an area an area of its own, and returns it.
    ///
    /// # Errors
    /// `ENOMEM` if the area cannot be split. A cut at the start may stay.
    pub(super) fn cut_out(
        &mut self,
        mm: MmId,
        vma: &Vma,
        start: u32,
        end: u32,
    ) -> Result<Vma, MapRefusal> {
        if start != vma.vm_start {
            self.split_vma(mm, vma, start)?;
        }
        // Looked up again after each cut: the upper part is a new area with a link of its own.
        let high = self.mms[mm].find_vma(VirtAddr(start)).copied();
        let high = high.unwrap_or(*vma);
        if end == vma.vm_end {
            return Ok(high);
        }
        self.split_vma(mm, &high, end)?;
        Ok(high.below(end).unwrap_or(high))
    }

    /// Splits the area that contains the address.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `split_vma()`.
    ///
    /// # Errors
    /// `ENOMEM` if there are too many areas, or no memory for one more.
    pub(super) fn split_vma(&mut self, mm: MmId, vma: &Vma, addr: u32) -> Result<(), MapRefusal> {
        let (Some(low), Some(mut high)) = (vma.below(addr), vma.above(addr)) else {
            return Ok(());
        };
        if self.mms[mm].map_count() >= MAX_MAP_COUNT {
            return Err(MapRefusal::TooManyAreas);
        }
        self.kmem_cache_alloc(SlabCache::Vma)?;
        // Areas are found by their end: the upper part takes the place of the area that is split,
        // the lower one is added.
        self.open_vma(mm, &mut high);
        self.mms[mm].insert_vma(low);
        self.mms[mm].insert_vma(high);
        Ok(())
    }

    /// Takes the references that one more area like this holds. `remove_vm_struct` drops them.
    pub(super) fn open_vma(&mut self, mm: MmId, vma: &mut Vma) {
        self.open_file_of(mm, vma);
        self.anon_vma_link(mm, vma);
    }

    fn open_file_of(&mut self, mm: MmId, vma: &Vma) {
        vma.vm_file.into_iter().for_each(|file| self.get_file(file));
        if let VmOps::Segment(id) = vma.vm_ops {
            self.shm_open(id);
        }
        self.vma_link_file(mm, vma);
    }

    /// Changes the parts of areas that lie in `[start, end)`, one by one in ascending order; `vma`
    /// contains `start`. `change` gets an area and the bounds of its part, and returns the area
    /// that the part is in afterwards.
    ///
    /// Linux 2.6.12: `mm/mprotect.c`, `sys_mprotect()`, and `mm/mlock.c`, `do_mlock()`.
    ///
    /// # Errors
    /// `ENOMEM` for a hole, and those of `change`. What lies below is changed.
    pub(super) fn change_areas(
        &mut self,
        mm: MmId,
        mut vma: Vma,
        (start, end): (u32, u32),
        mut change: impl FnMut(&mut Self, &Vma, (u32, u32)) -> Result<Vma, AreaRefusal>,
    ) -> Result<(), AreaRefusal> {
        let mut at = start;
        loop {
            let part = (at, vma.vm_end.min(end));
            let changed = change(self, &vma, part)?;
            // The part may have been merged with the area above, which is as it should be already.
            at = part.1.max(changed.vm_end);
            if at >= end {
                return Ok(());
            }
            let next = self.mms[mm].find_vma(VirtAddr(at)).copied();
            vma = next
                .filter(|vma| vma.vm_start == at)
                .ok_or(AreaRefusal::Hole(VirtAddr(at)))?;
        }
    }
}
