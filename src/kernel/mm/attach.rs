//! Areas that map segments of System V shared memory. They differ from other shared memory in that
//! each is counted by its segment, and so is never merged with its neighbours.

use super::mmap::checked_length;
use super::vma::{VmOps, Vma};
use crate::abi::{FileId, MapFlags, MmId, PAGE_SHIFT, Prot, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::MapRefusal;

/// A segment that is to be mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShmMap {
    /// Its id.
    pub id: i32,
    /// The object with its pages.
    pub file: FileId,
    /// Where it is to be, or 0.
    pub addr: u32,
    /// Whether it must be exactly there, replacing what is mapped.
    pub fixed: bool,
    /// Its size in bytes.
    pub size: u32,
    /// The rights of the area.
    pub prot: Prot,
}

impl Kernel {
    /// Maps a segment, and returns where. Any right may be added later: the object is open for
    /// reading and writing, whatever was asked for.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `do_mmap_pgoff()`; `ipc/shm.c`, `shm_mmap()`.
    ///
    /// # Errors
    /// Those of `mmap`.
    pub(in crate::kernel) fn mmap_segment(
        &mut self,
        current: TaskId,
        map: &ShmMap,
    ) -> Result<u32, MapRefusal> {
        let mm = self.mm_id(current);
        let len = checked_length(map.size, 0)?;
        self.check_map_count(mm)?;
        let flags = if map.fixed {
            MapFlags::SHARED | MapFlags::FIXED
        } else {
            MapFlags::SHARED
        };
        let addr = self.mms[mm].get_unmapped_area(map.addr, len, flags)?;
        let rights = self.vm_rights(current, map.prot);
        let vm_flags = self.mmap_flags(current, mm, len, rights, flags)?;
        let vma = Vma {
            vm_pgoff: 0,
            vm_file: Some(map.file),
            vm_ops: VmOps::Segment(map.id),
            ..Vma::anonymous(addr, addr + len, vm_flags)
        };
        self.mmap_region(current, mm, vma, flags)?;
        Ok(addr)
    }

    /// The areas that are left of a segment that was attached at an address: start and end of each.
    /// The first one found says how large the segment is; none behind its end is a part of it.
    ///
    /// Linux 2.6.12: `ipc/shm.c`, `sys_shmdt()`.
    pub(in crate::kernel) fn segment_parts(&self, mm: MmId, addr: VirtAddr) -> Vec<(u32, u32)> {
        let is_part = |vma: &Vma| {
            let distance = vma.vm_start.wrapping_sub(addr.0) >> PAGE_SHIFT;
            matches!(vma.vm_ops, VmOps::Segment(_)) && distance == vma.vm_pgoff
        };
        let areas = self.mms[mm].vmas.range(addr.0.saturating_add(1)..);
        let mut areas = areas.map(|(_, vma)| vma).skip_while(|vma| !is_part(vma));
        let Some(first) = areas.next() else {
            return Vec::new();
        };
        let size = first
            .vm_file
            .map_or(0, |file| self.inodes[self.open_files[file].inode()].size());
        let near = areas.take_while(|vma| vma.vm_end.wrapping_sub(addr.0) <= size);
        let parts = [first].into_iter().chain(near.filter(|vma| is_part(vma)));
        parts.map(|vma| (vma.vm_start, vma.vm_end)).collect()
    }
}
