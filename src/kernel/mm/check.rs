//! The invariants of memory management, checked over the whole machine. Slow, for tests only.

use super::alloc::{LruList, PageFlags, PageMapping};
use super::file_pte::pte_to_pgoff;
use super::mm_struct::Mm;
use super::pagetable::{counted_page, load_entries, pte_none, pte_present};
use super::swap_cache::slot_of;
use super::swap_entry::SwapEntry;
use super::vma::{VmFlags, Vma};
use crate::abi::{AnonVmaId, InodeId, MmId, PAGE_SIZE, Pfn, TASK_SIZE, VirtAddr};
use crate::hw::{Pde, Pte, TlbBits};
use crate::kernel::Kernel;
use crate::kernel::task::Continuation;
use slotmap::SecondaryMap;
use std::collections::{BTreeMap, BTreeSet};

/// The users of every frame, counted from the page tables and areas.
struct Census {
    /// Page table entries that map each frame.
    mapped: Vec<i32>,
    /// Other holders of each frame: kernel stacks, page directories and tables, page caches.
    held: Vec<i32>,
    /// Frames in a cache.
    cached: BTreeSet<Pfn>,
    /// Frames that wait in front of the LRU lists or are held for I/O, whoever else still uses them.
    passing: BTreeSet<Pfn>,
    /// Page table entries that own each swap slot.
    slots: BTreeMap<SwapEntry, u16>,
    /// Areas that each owner of anonymous pages has.
    owners: SecondaryMap<AnonVmaId, u32>,
    /// Pages that areas and shared objects have committed.
    committed: u32,
}

/// Counts of one address space, taken from its page tables.
#[derive(Default, PartialEq, Eq, Debug)]
struct Counts {
    rss: u32,
    anon_rss: u32,
    nr_ptes: u32,
    total_vm: u32,
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl Kernel {
    /// Checks the counts of all address spaces and pages against the page tables, and the TLBs
    /// against the page tables.
    ///
    /// # Errors
    /// A description of the first invariant that does not hold.
    pub(in crate::kernel) fn check_mm(&self) -> Result<(), String> {
        self.mem.check()?;
        let mut census = Census {
            mapped: vec![0; self.ram.frames() as usize],
            held: vec![0; self.ram.frames() as usize],
            cached: BTreeSet::new(),
            passing: BTreeSet::new(),
            slots: BTreeMap::new(),
            owners: SecondaryMap::new(),
            committed: self.shmem_pages() + self.vm.never_returned,
        };
        self.check_caches(&mut census)?;
        self.check_mapped_files()?;
        for stack in self.tasks.values().filter_map(|task| task.stack) {
            census.held[stack.index()] += 1;
        }
        for page in self
            .pipes
            .values()
            .flat_map(crate::kernel::fs::Pipe::frames)
        {
            census.held[page.index()] += 1;
        }
        let execs = self
            .tasks
            .values()
            .filter_map(|task| task.in_call.exec.as_ref());
        for page in execs.flat_map(|exec| exec.frames()) {
            census.held[page.index()] += 1;
        }
        let held = self.direct_io.held();
        for page in held.filter(|pfn| !self.mem.page(*pfn).is_reserved()) {
            census.held[page.index()] += 1;
            census.passing.insert(page);
        }
        for cpu in 0..self.cpus.len() {
            for list in [LruList::Inactive, LruList::Active] {
                for page in self.mem.pagevec(cpu, list) {
                    census.held[page.index()] += 1;
                    census.passing.insert(*page);
                }
            }
        }
        for mm in self.mms.keys() {
            self.check_references(mm)?;
            self.check_areas(mm, &mut census)?;
            self.check_counts(mm, &mut census)?;
            self.check_sizes(mm)?;
        }
        self.check_swap(&mut census)?;
        self.check_pages(&census)?;
        self.check_owners(&census)?;
        (0..self.cpus.len()).try_for_each(|cpu| {
            self.check_cr3(cpu)?;
            self.check_tlb(cpu)
        })
    }

    fn shmem_pages(&self) -> u32 {
        let objects = self.inodes.values();
        objects.map(crate::kernel::fs::Inode::committed_pages).sum()
    }

    /// `mm_users` and `mm_count` against the tasks.
    fn check_references(&self, mm: MmId) -> Result<(), String> {
        let count = |is: &dyn Fn(&crate::kernel::task::Task) -> bool| {
            self.tasks.values().filter(|task| is(task)).count() as u32
        };
        let execs = |task: &crate::kernel::task::Task| {
            let pending = task.in_call.exec.as_ref();
            pending.is_some_and(|exec| exec.mm == mm)
        };
        let users = count(&|task| task.mm() == Some(mm)) + count(&execs);
        let borrowers = count(&|task| task.mm().is_none() && task.active_mm == Some(mm));
        let waits = |task: &crate::kernel::task::Task| match task.in_call.continuation {
            Some(Continuation::Futex { key, .. }) => key.is_of(mm),
            _ => false,
        };
        let waiters = count(&waits);
        let space = &self.mms[mm];
        let own = if mm == self.init_mm { 2 } else { 0 };
        ensure(space.mm_users == users + own, || {
            format!("{mm:?}: mm_users {}, {users} tasks", space.mm_users)
        })?;
        let expected = borrowers + waiters + u32::from(users + own > 0);
        ensure(space.mm_count == expected, || {
            format!("{mm:?}: mm_count {}, expected {expected}", space.mm_count)
        })
    }

    /// Checks that the areas are in order and do not overlap.
    fn check_areas(&self, mm: MmId, census: &mut Census) -> Result<(), String> {
        let mut end = 0;
        for (key, vma) in &self.mms[mm].vmas {
            let aligned = (vma.vm_start | vma.vm_end) & (PAGE_SIZE - 1) == 0;
            let ordered = end <= vma.vm_start && vma.vm_start < vma.vm_end;
            ensure(aligned && ordered && *key == vma.vm_end, || {
                format!("{mm:?}: bad area {vma:x?}")
            })?;
            ensure(
                vma.vm_end <= TASK_SIZE && vma.page_prot == vma.vm_flags.page_prot(),
                || format!("{mm:?}: bad area {vma:x?}"),
            )?;
            end = vma.vm_end;
            if vma.has(VmFlags::ACCOUNT) {
                census.committed += vma.pages();
            }
            if let Some(owner) = vma.anon_vma {
                let links = census.owners.get(owner).copied().unwrap_or(0);
                census.owners.insert(owner, links + 1);
            }
        }
        Ok(())
    }

    /// Checks the counts of an address space against its page tables.
    fn check_counts(&self, mm: MmId, census: &mut Census) -> Result<(), String> {
        let mut counts = Counts::default();
        census.held[self.mms[mm].pgd.index()] += 1;
        let (mut directory, mut entries) = ([0; 1024], [0; 1024]);
        let user_half = 0..TASK_SIZE as usize >> 22;
        let slots = load_entries(&self.ram, self.mms[mm].pgd, user_half, &mut directory);
        for (slot, pde) in (0..).zip(slots).map(|(slot, pde)| (slot << 22, Pde(*pde))) {
            if !pde.is_hw_present() {
                continue;
            }
            counts.nr_ptes += 1;
            census.held[pde.pfn().index()] += 1;
            let entries = load_entries(&self.ram, pde.pfn(), 0..1024, &mut entries);
            let used = (0..)
                .zip(entries)
                .filter(|(_, entry)| !pte_none(Pte(**entry)));
            for (page, entry) in used {
                let addr = VirtAddr(slot + page * PAGE_SIZE);
                self.check_entry(mm, addr, Pte(*entry), &mut counts, census)?;
            }
        }
        let space = &self.mms[mm];
        counts.rss += space.rss_surplus;
        counts.total_vm = space.vmas.values().map(Vma::pages).sum();
        let stated = Counts {
            rss: space.rss,
            anon_rss: space.anon_rss,
            nr_ptes: space.nr_ptes,
            total_vm: space.total_vm,
        };
        ensure(stated == counts, || {
            format!("{mm:?}: {stated:?}, but found {counts:?}")
        })
    }

    fn check_entry(
        &self,
        mm: MmId,
        addr: VirtAddr,
        pte: Pte,
        counts: &mut Counts,
        census: &mut Census,
    ) -> Result<(), String> {
        let vma = self.mms[mm].find_vma(addr).filter(|vma| vma.contains(addr));
        let entry = || format!("{mm:?}: entry {pte} for {addr}");
        let Some(vma) = vma else {
            return Err(format!("{} lies in no area", entry()));
        };
        if pte_to_pgoff(pte).is_some() {
            return ensure(vma.has(VmFlags::SHARED) && vma.vm_file.is_some(), || {
                format!("{} names a page of a file", entry())
            });
        }
        if let Some(slot) = SwapEntry::of_pte(pte) {
            *census.slots.entry(slot).or_default() += 1;
            return ensure(vma.anon_vma.is_some(), || {
                format!("{} is in swap, but the area has no anon_vma", entry())
            });
        }
        ensure(pte_present(pte), || {
            format!("{} is neither empty nor present", entry())
        })?;
        let Some(pfn) = counted_page(&self.mem, pte) else {
            return ensure(!pte.contains(Pte::RW), || {
                format!("{} is writable", entry())
            });
        };
        let page = self.mem.page(pfn);
        counts.rss += 1;
        counts.anon_rss += u32::from(page.is_anon());
        census.mapped[pfn.index()] += 1;
        let linear = page.index() == vma.linear_page_index(addr);
        ensure(linear || vma.has(VmFlags::NONLINEAR), || {
            format!("{} maps page {:#x} of its object", entry(), page.index())
        })?;
        let writable = pte.contains(Pte::RW);
        if vma.has(VmFlags::SHARED | VmFlags::WRITE) {
            return ensure(writable, || format!("{} is shared but read-only", entry()));
        }
        ensure(!writable || page.page_mapcount() == 1, || {
            format!("{} is writable, but its page has other mappings", entry())
        })
    }

    /// Checks the sums over areas of each kind. An address space without users keeps its old sums.
    fn check_sizes(&self, mm: MmId) -> Result<(), String> {
        let space = &self.mms[mm];
        if space.mm_users == 0 {
            return Ok(());
        }
        let mut sums = Mm::default();
        for vma in space.vmas.values() {
            sums.vm_stat_account(vma, vma.pages() as i32);
            if vma.has(VmFlags::LOCKED) {
                sums.locked_vm += vma.pages();
            }
        }
        let sizes = |mm: &Mm| [mm.shared_vm, mm.exec_vm, mm.stack_vm, mm.locked_vm];
        ensure(sizes(space) == sizes(&sums), || {
            format!(
                "{mm:?}: shared, exec, stack, locked {:?}, but areas have {:?}",
                sizes(space),
                sizes(&sums)
            )
        })
    }

    /// Checks that every cached page names its inode and its index, and the counts of dirty pages
    /// and of pages on their way to the device.
    fn check_caches(&self, census: &mut Census) -> Result<(), String> {
        let (mut cached, mut dirty) = (self.swap.total_swapcache_pages(), 0);
        let listed: Vec<InodeId> = self.page_writeback.dirty.oldest_first().collect();
        for (inode, object) in self.inodes.iter() {
            let before = dirty;
            for (index, pfn) in object.pages() {
                let page = self.mem.page(*pfn);
                let place = (page.mapping(), page.index());
                ensure(place == (PageMapping::Cache(inode), *index), || {
                    format!("page {index} of {}: frame {pfn} is {place:?}", object.path)
                })?;
                census.held[pfn.index()] += 1;
                census.cached.insert(*pfn);
                cached += 1;
                let counts = object.kind.is_written_back();
                dirty += u32::from(counts && page.flags().contains(PageFlags::DIRTY));
            }
            ensure(dirty == before || listed.contains(&inode), || {
                format!(
                    "{} has dirty pages, but is not listed as dirty",
                    object.path
                )
            })?;
        }
        let frames = (0..self.ram.frames()).map(Pfn);
        let under_write = |pfn: &Pfn| self.mem.page_has(*pfn, PageFlags::WRITEBACK);
        let writeback = frames.filter(under_write).count() as u32;
        let state = self.mem.page_state();
        let counted = (self.vm.pagecache, state.nr_dirty, state.nr_writeback);
        let found = (cached, u64::from(dirty), u64::from(writeback));
        ensure(counted == found, || {
            format!(
                "nr_pagecache, nr_dirty, nr_writeback {counted:?}, but {cached}, {dirty}, \
                 {writeback} pages"
            )
        })?;
        let writes = self.writes.pages().count() as u32;
        ensure(writes == writeback, || {
            format!("{writes} writes, but {writeback} pages under writeback")
        })
    }

    /// Checks that each slot in use has as many owners as it counts, and that the pages of the swap
    /// cache name their slots.
    fn check_swap(&self, census: &mut Census) -> Result<(), String> {
        let mut cached = 0;
        for object in self.inodes.values() {
            for slot in object.i_mapping().slots().values() {
                let slot = SwapEntry::of_private(*slot);
                *census.slots.entry(slot).or_default() += 1;
            }
        }
        for slot in self.swap.used() {
            let mut owners = census.slots.remove(&slot).unwrap_or(0);
            if let Some(pfn) = self.swap.cached(slot) {
                let named = slot_of(self.mem.page(pfn));
                ensure(named == Some(slot), || {
                    format!("frame {pfn} caches {slot}, but names {named:?}")
                })?;
                census.held[pfn.index()] += 1;
                census.cached.insert(pfn);
                owners += 1;
                cached += 1;
            }
            let counted = self.swap.count(slot);
            ensure(counted == owners, || {
                format!("{slot} counts {counted} owners, but has {owners}")
            })?;
        }
        ensure(census.slots.is_empty(), || {
            format!("entries name free slots: {:?}", census.slots)
        })?;
        let used = self.swap.used().count() as u32;
        let counted = self.swap.total_swap_pages() - self.swap.nr_swap_pages();
        let counts = (counted, self.swap.total_swapcache_pages());
        ensure(counts == (used, cached), || {
            format!("slots in use and cached: {counts:?}, but found {used}, {cached}")
        })
    }

    /// Checks that every file knows which address spaces map it, and how often.
    fn check_mapped_files(&self) -> Result<(), String> {
        let mut mapped: SecondaryMap<InodeId, BTreeMap<MmId, u32>> = SecondaryMap::new();
        for (mm, space) in self.mms.iter() {
            for file in space.vmas.values().filter_map(|vma| vma.vm_file) {
                let inode = self.open_files[file].inode();
                let Some(areas) = mapped.entry(inode) else {
                    return Err(format!("{mm:?} maps a file that is gone"));
                };
                *areas.or_default().entry(mm).or_default() += 1;
            }
        }
        for (inode, object) in self.inodes.iter() {
            let linked: BTreeMap<MmId, u32> = object.i_mapping().mapped_by().collect();
            let found = mapped.remove(inode).unwrap_or_default();
            ensure(linked == found, || {
                format!("{} is mapped by {found:?}, not {linked:?}", object.path)
            })?;
        }
        Ok(())
    }

    /// Checks the counts of every page against its holders. Reserved pages are only counted up.
    fn check_pages(&self, census: &Census) -> Result<(), String> {
        let holders = census.mapped.iter().zip(&census.held);
        let nr_mapped = census.mapped.iter().filter(|mapped| **mapped > 0).count() as u64;
        let state = self.mem.page_state();
        ensure(state.nr_mapped == nr_mapped, || {
            format!(
                "nr_mapped {}, but {nr_mapped} pages are mapped",
                state.nr_mapped
            )
        })?;
        for (pfn, (mapped, held)) in (0..).map(Pfn).zip(holders) {
            let page = self.mem.page(pfn);
            let found = (page.page_count(), page.page_mapcount());
            let right = found == (mapped + held, *mapped);
            ensure(right || (page.is_reserved() && found.1 == 0), || {
                format!(
                    "frame {pfn}: count and mapcount {found:?}, but {mapped} entries and {held} \
                     other holders"
                )
            })?;
            self.check_place(census, pfn, page.page_mapcount() > 0)?;
        }
        Ok(())
    }

    /// Checks that reclaim finds the pages that are mapped or cached, and no others: they are on an
    /// LRU list, unless they are on the way there.
    fn check_place(&self, census: &Census, pfn: Pfn, mapped: bool) -> Result<(), String> {
        let page = self.mem.page(pfn);
        let listed = page.flags().contains(PageFlags::LRU);
        let used = mapped || census.cached.contains(&pfn);
        let right = listed == used || census.passing.contains(&pfn);
        ensure(right || page.is_reserved(), || {
            format!("frame {pfn}: on an LRU list {listed}, mapped or cached {used}")
        })
    }

    fn check_owners(&self, census: &Census) -> Result<(), String> {
        for (id, owner) in self.anon_vmas.iter() {
            let linked = census.owners.get(id).copied().unwrap_or(0);
            let listed = self.areas_of_anon_vma(id, VirtAddr(0));
            let listed = listed.filter(|(_, vma)| vma.anon_vma == Some(id)).count() as u32;
            ensure(
                owner.vmas == linked && listed == linked && linked > 0,
                || {
                    format!(
                        "{id:?}: {} areas, {listed} listed, but {linked} linked",
                        owner.vmas
                    )
                },
            )?;
        }
        let links = census.owners.values().sum::<u32>() as usize;
        ensure(self.anon_links.len() == links, || {
            format!(
                "{} links, but {links} areas have one",
                self.anon_links.len()
            )
        })?;
        ensure(self.vm.committed == census.committed, || {
            format!(
                "committed {}, but areas have {}",
                self.vm.committed, census.committed
            )
        })
    }

    /// Checks that a CPU has loaded the address space that its task uses or borrows, and that
    /// `cpu_vm_mask` says so; a lazy CPU may have left a borrowed one.
    fn check_cr3(&self, cpu: usize) -> Result<(), String> {
        let task = self.task(self.sched.current(cpu));
        let cr3 = self.cpus[cpu].mmu.cr3;
        let mm = task
            .active_mm
            .ok_or("a running task has no address space")?;
        let loaded = cr3 == self.mms[mm].pgd.phys();
        let left = task.mm().is_none() && cr3 == self.mem.swapper_pg_dir().phys();
        ensure(loaded || left, || {
            format!("CPU {cpu}: CR3 is {cr3:#x}, the task's is {mm:?}")
        })?;
        let users = self.mms.iter().filter(|(id, _)| *id != self.init_mm);
        for (id, space) in users {
            let knows = space.cpu_vm_mask >> cpu & 1 == 1;
            ensure(knows == (loaded && id == mm), || {
                format!("{id:?}: cpu_vm_mask {:#x}, CPU {cpu}", space.cpu_vm_mask)
            })?;
        }
        Ok(())
    }

    /// Checks that no translation allows more than the page tables of the CPU's address space, nor
    /// claims an entry to be dirty that is not.
    fn check_tlb(&self, cpu: usize) -> Result<(), String> {
        let mmu = &self.cpus[cpu].mmu;
        for entry in mmu.tlb.entries() {
            let addr = VirtAddr(entry.page * PAGE_SIZE);
            let walk = mmu.walk(&self.ram, addr);
            let granted = walk.rights().is_some_and(|rights| {
                (rights.us || !entry.bits.contains(TlbBits::US))
                    && (rights.rw || !entry.bits.contains(TlbBits::RW))
            });
            let leaf = Pte(walk.leaf());
            let dirty = leaf.contains(Pte::DIRTY) || !entry.bits.contains(TlbBits::DIRTY);
            let seen = dirty && leaf.contains(Pte::ACCESSED);
            ensure(granted && seen && walk.pfn() == Some(entry.pfn), || {
                format!("CPU {cpu}: stale translation {entry:x?} of {addr}")
            })?;
        }
        Ok(())
    }
}
