//! Table 18.3: in which order ten pages in different states are reclaimed.

use super::lab::{Lab, READ, RW, SHARED};
use super::swap_lab::{NORMAL, lab, page, scan_control};
use crate::abi::{O_CREAT, O_RDWR, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::Pte;
use crate::kernel::fs::InodeKind;
use crate::kernel::mm::VmFlags;
use crate::kernel::mm::alloc::{Gfp, LruList, PageFlags, PageList};

const MAP_SHARED: u32 = SHARED & 1;

/// The ten pages, and what maps some of them.
struct Ten {
    lab: Lab,
    task: TaskId,
    /// P0 to P9.
    pages: [Pfn; 10],
    /// Where P3 and P4 are mapped.
    file: VirtAddr,
    /// Where P7 is.
    anon: VirtAddr,
    /// Where P9 is.
    locked: VirtAddr,
    /// Pages of the same batch that are under write-back.
    written: Vec<Pfn>,
}

impl Lab {
    /// A regular file of so many pages, none of them cached, and its descriptor.
    fn long_file(&mut self, task: TaskId, name: &str, pages: u32) -> u32 {
        let fd = self.open(task, name, O_CREAT | O_RDWR);
        let inode = self.k.lookup(name).unwrap();
        if let InodeKind::Regular(file) = &mut self.k.inodes[inode].kind {
            file.i_size_write(pages * PAGE_SIZE);
        }
        fd
    }

    fn cache(&mut self, name: &str, index: u32) -> Pfn {
        let inode = self.k.lookup(name).unwrap();
        self.k.page_cache_read(inode, index).unwrap()
    }

    /// Takes a page from the active list to the inactive one.
    fn deactivate(&mut self, pfn: Pfn) {
        let mut pages = PageList::new();
        self.k.mem.move_to_tail(pfn);
        self.k
            .mem
            .isolate_lru_pages(NORMAL, LruList::Active, 1, &mut pages);
        assert_eq!(self.k.mem.next_isolated(&mut pages), Some(pfn));
        self.k.mem.page_mut(pfn).set_active(LruList::Inactive);
        self.k.mem.putback_lru_page(pfn);
        self.k.put_page(pfn);
    }

    /// An anonymous page on the inactive list that was not used for long.
    fn old_page(&mut self, task: TaskId) -> VirtAddr {
        let va = self.dirty(task, 1);
        let pfn = self.pfn(task, va);
        self.age(pfn);
        self.deactivate(pfn);
        va
    }
}

impl Ten {
    fn new() -> Self {
        let (mut lab, task) = lab();
        let fd = lab.long_file(task, "mapped", 3);
        let file = lab
            .try_map_file(task, (fd, 0, 3), READ, MAP_SHARED)
            .unwrap();
        lab.long_file(task, "free", 40);
        let (anon, locked) = (lab.old_page(task), lab.mmap_at(task, 0x5000_0000, 2, RW));
        let free: Vec<Pfn> = (0..40).map(|index| lab.cache("free", index)).collect();
        // The fault reads all three pages of the file.
        lab.read(task, page(file, 1));
        lab.read(task, page(file, 2));
        lab.touch(task, locked, 1);
        let locked_pfn = lab.pfn(task, locked);
        lab.age(locked_pfn);
        lab.deactivate(locked_pfn);
        lab.lock_area(task, locked);
        let inode = lab.k.lookup("mapped").unwrap();
        let mapped = [0, 1, 2].map(|index| lab.k.find_page(inode, index).unwrap());
        let pages = [
            free[0],
            free[1],
            mapped[0],
            mapped[1],
            mapped[2],
            free[2],
            free[3],
            lab.pfn(task, anon),
            free[4],
            locked_pfn,
        ];
        let mut ten = Self {
            lab,
            task,
            pages,
            file,
            anon,
            locked,
            written: free[5..27].to_vec(),
        };
        ten.set_states();
        ten.set_order(&free[27..]);
        ten
    }

    fn set_states(&mut self) {
        let Self { lab, pages, .. } = self;
        for nr in [1, 2, 6] {
            lab.k.mem.mark_page_accessed(pages[nr]);
        }
        for nr in [3, 4] {
            lab.age(pages[nr]);
        }
        lab.read(self.task, page(self.file, 1));
        for nr in [5, 6] {
            lab.k.set_page_dirty(pages[nr]);
        }
        lab.k.mem.page_mut(pages[8]).test_and_set(PageFlags::LOCKED);
        let inode = lab.k.lookup("free").unwrap();
        for pfn in &self.written {
            lab.k.writepage(inode, *pfn);
        }
    }

    /// P0 is the very tail, the others follow, and behind the batch there are more pages.
    fn set_order(&mut self, rest: &[Pfn]) {
        let batch = self.pages.iter().chain(&self.written).chain(rest);
        let order: Vec<Pfn> = batch.copied().collect();
        for pfn in order.iter().rev() {
            self.lab.k.mem.move_to_tail(*pfn);
        }
        assert!(self.inactive_from_tail().starts_with(&self.pages));
    }

    fn inactive_from_tail(&self) -> Vec<Pfn> {
        let mut list: Vec<Pfn> = self.lab.k.mem.lru(NORMAL, LruList::Inactive).collect();
        list.reverse();
        list
    }

    fn has(&self, nr: usize, flags: PageFlags) -> bool {
        self.lab.flags(self.pages[nr]).contains(flags)
    }

    fn pte(&self, va: VirtAddr) -> Pte {
        self.lab.pte(self.task, va)
    }
}

impl Lab {
    /// Locks the area of an address in memory, without the system call.
    fn lock_area(&mut self, task: TaskId, va: VirtAddr) {
        let mm = self.mm_id(task);
        let mut vma = self.area(task, va);
        vma.vm_flags |= VmFlags::LOCKED;
        self.k.mms[mm].locked_vm += vma.pages();
        self.k.mms[mm].insert_vma(vma);
    }
}

#[test]
fn table_18_3_in_which_order_ten_pages_are_reclaimed() {
    let mut ten = Ten::new();
    let before = ten.lab.state();
    assert_eq!(ten.pte(page(ten.file, 1)).flags(), 0x025);
    assert_eq!(ten.pte(page(ten.file, 2)).flags(), 0x005);
    assert_eq!(
        [ten.anon, ten.locked].map(|va| ten.pte(va).flags()),
        [0x047; 2]
    );
    let rest = ten.inactive_from_tail()[32..].to_vec();

    let mut sc = scan_control();
    ten.lab.k.shrink_cache(NORMAL, 32, &mut sc);

    let p = ten.pages;
    let freed: Vec<usize> = (0..10).filter(|nr| ten.lab.counts(p[*nr]).0 == 0).collect();
    assert_eq!(freed, [0, 1, 4]);
    let active: Vec<usize> = (0..10)
        .filter(|nr| ten.has(*nr, PageFlags::ACTIVE))
        .collect();
    assert_eq!(active, [2, 3, 9]);
    assert_eq!(ten.pte(page(ten.file, 1)).flags(), 0x005);
    assert_eq!(ten.pte(page(ten.file, 2)), Pte(0));
    assert!(ten.has(5, PageFlags::WRITEBACK) && !ten.has(5, PageFlags::DIRTY));
    assert!(ten.has(6, PageFlags::DIRTY) && !ten.has(6, PageFlags::REFERENCED));
    assert!(ten.has(7, PageFlags::WRITEBACK | PageFlags::SWAPCACHE));
    assert_eq!(
        (ten.pte(ten.anon), ten.pte(ten.locked).flags()),
        (Pte(0x100), 0x047)
    );
    assert_eq!(
        (ten.lab.owners(1), ten.lab.owners(2)),
        (2, 1),
        "slot 2 is wasted"
    );

    let after = ten.lab.state();
    assert_eq!(after.pgscan_kswapd[1] - before.pgscan_kswapd[1], 33);
    assert_eq!(after.pgsteal[1] - before.pgsteal[1], 3);
    assert_eq!(after.pgactivate - before.pgactivate, 3);
    assert_eq!(after.pswpout - before.pswpout, 1);
    assert_eq!(sc.nr_scanned, 13 + 22);
    let survivors = [p[5], p[6], p[7], p[8]];
    let order: Vec<Pfn> = rest
        .into_iter()
        .chain(survivors)
        .chain(ten.written.clone())
        .collect();
    assert_eq!(ten.inactive_from_tail(), order);

    // The page freed first is the first to be used again.
    let cold = ten.lab.k.mem.cold_list(0, NORMAL).next();
    assert_eq!(cold, Some(p[0]));
    ten.lab
        .k
        .mem
        .page_mut(p[8])
        .test_and_clear(PageFlags::LOCKED);
    ten.lab.check();

    ten.lab.k.blk_congestion_wait();
    assert!(ten.inactive_from_tail().starts_with(&[p[7], p[5]]));
    ten.lab.k.shrink_cache(NORMAL, 1, &mut sc);
    assert_eq!([p[7], p[5]].map(|pfn| ten.lab.counts(pfn).0), [0, 0]);
    let pfn = ten.lab.k.mem.alloc_pages(0, 0, Gfp::HIGHUSER | Gfp::COLD);
    ten.lab.k.mem.free_pages(0, pfn.unwrap(), 0);
    ten.lab.check();
}
