//! The machine against the model: which pages are mapped how, every byte of them, and what tasks
//! share.

use super::space::{Cell, Content, Objects, Page, Space, zeros};
use super::tables;
use super::world::World;
use forklab::abi::{InodeId, MmId, PAGE_SHIFT, PAGE_SIZE, VirtAddr};
use forklab::kernel::Kernel;
use forklab::kernel::mm::{FilePage, SwapEntry, VmFlags, Vma, pte_present, pte_to_pgoff};
use std::collections::BTreeMap;
use std::sync::Arc;

type Bytes = [u8; PAGE_SIZE as usize];

const ZEROS: Bytes = [0; PAGE_SIZE as usize];

/// Compares everything.
pub fn all(world: &World) {
    let kernel = world.lab.kernel();
    let (mut mms, mut files) = (BTreeMap::new(), BTreeMap::new());
    for (nr, player) in world.players.iter().enumerate() {
        let task = kernel.task(player.id);
        let table = task.files().unwrap();
        // An exec that waits for threads has its own table by now.
        if task.in_call.exec.is_none() {
            let known = *files.entry(player.table).or_insert(table);
            assert_eq!(known, table, "task {}: whose table", player.pid);
        }
        let Some(space) = player.space else { continue };
        let mm = world.mm(nr);
        let known = *mms.entry(space).or_insert(mm);
        assert_eq!(known, mm, "task {}: whose memory", player.pid);
    }
    distinct(&mms);
    distinct(&files);
    for (number, mm) in mms {
        compare_space(kernel, mm, &world.spaces[&number], &world.objects);
    }
    for (number, table) in files {
        let found = tables::read(kernel, &kernel.files()[table]);
        assert_eq!(found, world.tables[&number]);
    }
}

/// What is not shared in the model is not shared in the machine.
fn distinct<T: Ord>(of: &BTreeMap<usize, T>) {
    let mut all: Vec<&T> = of.values().collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), of.len(), "something is shared that must not be");
}

fn compare_space(kernel: &Kernel, mm: MmId, space: &Space, objects: &Objects) {
    assert_eq!(kernel.mms()[mm].brk, space.brk);
    let mut cells = space.pages.iter();
    for vma in kernel.mms()[mm].areas() {
        for page in vma.vm_start >> PAGE_SHIFT..vma.vm_end >> PAGE_SHIFT {
            let va = VirtAddr(page << PAGE_SHIFT);
            let Some((number, cell)) = cells.next() else {
                panic!("{va} is mapped, but must not be");
            };
            assert_eq!(*number, page, "{va} is the next that is mapped");
            compare_area(vma, cell, va);
            compare_page(kernel, mm, vma, va, objects.get(cell).map(|page| &**page));
        }
    }
    if let Some((page, _)) = cells.next() {
        panic!("page {page:#x} must be mapped");
    }
}

fn compare_area(vma: &Vma, cell: &Cell, va: VirtAddr) {
    let shared = matches!(cell.content, Content::Shared { .. });
    let found = (
        (vma.vm_flags & VmFlags::ACCESS).bits(),
        vma.has(VmFlags::GROWSDOWN),
        vma.has(VmFlags::LOCKED),
        vma.has(VmFlags::SHARED),
    );
    let expected = (cell.prot, cell.grows, cell.locked, shared);
    assert_eq!(found, expected, "area of {va}");
}

/// What the page table maps, or else what the next fault would find.
fn compare_page(kernel: &Kernel, mm: MmId, vma: &Vma, va: VirtAddr, expected: Option<&Bytes>) {
    let pte = kernel.pte(mm, va);
    let cached;
    let found = if let Some(slot) = SwapEntry::of_pte(pte) {
        kernel.swapped_bytes(slot)
    } else if pte_present(pte) {
        Some(kernel.ram.frame(pte.pfn()))
    } else if vma.vm_file.is_none() {
        Some(&ZEROS)
    } else {
        let index = pte_to_pgoff(pte).unwrap_or_else(|| vma.linear_page_index(va));
        match kernel.file_page_at(vma, index) {
            FilePage::Cached(pfn) => Some(kernel.ram.frame(pfn)),
            FilePage::BeyondEnd => None,
            FilePage::Swapped { slot, .. } => kernel.swapped_bytes(slot),
            FilePage::Uncached { inode, index } => {
                cached = file_page(kernel, inode, index);
                Some(&cached)
            }
        }
    };
    if found == expected {
        return;
    }
    let differ = found.zip(expected).and_then(|(found, expected)| {
        let at = found.iter().zip(expected).position(|(a, b)| a != b)?;
        Some((va.0 + at as u32, found[at], expected[at]))
    });
    match differ {
        Some((at, found, expected)) => panic!("{at:#x} holds {found:#x}, not {expected:#x}"),
        None => panic!(
            "{va}: is there a page? {}, not {}",
            found.is_some(),
            expected.is_some()
        ),
    }
}

/// A page of a file, with zeros behind the end.
fn file_page(kernel: &Kernel, inode: InodeId, index: u32) -> Bytes {
    let mut page = ZEROS;
    let bytes = kernel.file_bytes(inode, index << PAGE_SHIFT, PAGE_SIZE);
    page[..bytes.len()].copy_from_slice(&bytes);
    page
}

/// The memory that a program starts with. Only what its arguments look like is taken from the
/// kernel.
pub fn image(kernel: &Kernel, mm: MmId) -> Space {
    const TEXT: u32 = 0x0804_8000;
    const STACK_PAGES: u32 = 21;
    const STACK: u32 = 0xc000_0000 - STACK_PAGES * PAGE_SIZE;
    let mut space = Space {
        start_brk: TEXT + 2 * PAGE_SIZE,
        brk: TEXT + 2 * PAGE_SIZE,
        ..Space::default()
    };
    let exe = kernel.mms()[mm].exe().unwrap();
    let file = Arc::new(file_page(kernel, exe, 0));
    space.map(TEXT, 1, |_| Cell::private(5, file.clone()));
    space.map(TEXT + PAGE_SIZE, 1, |_| Cell::private(3, file.clone()));
    let stack = |page: Page| Cell {
        grows: true,
        content: Content::Private(page),
        ..Cell::private(3, zeros())
    };
    space.map(STACK, STACK_PAGES - 1, |_| stack(zeros()));
    let top = STACK + (STACK_PAGES - 1) * PAGE_SIZE;
    let arguments = kernel.pte(mm, VirtAddr(top)).pfn();
    let arguments = Arc::new(*kernel.ram.frame(arguments));
    space.map(top, 1, |_| stack(arguments.clone()));
    space
}
