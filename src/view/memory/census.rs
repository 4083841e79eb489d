//! What every frame of RAM is used for, and by whom: one walk over page tables, tasks and pipes,
//! and the kernel's records of the pages.

use super::sharing::{mm_users, user_pages};
use crate::abi::{MmId, Pfn, Pid, TASK_SIZE, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::{InodeKind, Pipe};
use crate::kernel::mm::{Page, PageMapping};
use slotmap::SecondaryMap;

/// The use of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// In a free list, of a zone or of a CPU.
    Free,
    /// The kernel's code and data, the zero page, and what the firmware reserves.
    Kernel,
    /// Half of a kernel stack.
    KernelStack,
    /// A page directory.
    PageDir,
    /// A page table.
    PageTable,
    /// A buffer of a pipe.
    Pipe,
    /// An anonymous page with one mapping.
    Private,
    /// An anonymous page with two mappings.
    SharedBy2,
    /// An anonymous page with three mappings.
    SharedBy3,
    /// An anonymous page with more mappings.
    SharedByMore,
    /// A page of shared memory: anonymous, but of an object of its own.
    SharedMemory,
    /// A page of a file in the page cache.
    File,
    /// A page of the swap cache that nobody maps: on its way to swap, or read ahead from there.
    SwapCache,
    /// Held by something else, such as a transfer in progress.
    Held,
}

impl FrameKind {
    /// All kinds, in the order of the legend.
    pub const ALL: [Self; 14] = [
        Self::Free,
        Self::Kernel,
        Self::KernelStack,
        Self::PageDir,
        Self::PageTable,
        Self::Pipe,
        Self::Private,
        Self::SharedBy2,
        Self::SharedBy3,
        Self::SharedByMore,
        Self::SharedMemory,
        Self::File,
        Self::SwapCache,
        Self::Held,
    ];

    /// The character for it in a picture, its name in data, and what the legend says.
    const fn sign(self) -> (char, &'static str, &'static str) {
        match self {
            Self::Free => ('.', "free", "free"),
            Self::Kernel => ('K', "kernel", "kernel"),
            Self::KernelStack => ('S', "kernel_stack", "kernel stack"),
            Self::PageDir => ('D', "page_dir", "page directory"),
            Self::PageTable => ('T', "page_table", "page table"),
            Self::Pipe => ('P', "pipe", "buffer of a pipe"),
            Self::Private => ('p', "anon", "anonymous, mapped once"),
            Self::SharedBy2 => ('2', "shared_by_2", "anonymous, mapped twice"),
            Self::SharedBy3 => ('3', "shared_by_3", "anonymous, mapped three times"),
            Self::SharedByMore => ('+', "shared_by_more", "anonymous, mapped more often"),
            Self::SharedMemory => ('m', "shared_memory", "shared memory"),
            Self::File => ('f', "file", "page of a file"),
            Self::SwapCache => ('s', "swap_cache", "swap cache, not mapped"),
            Self::Held => ('?', "held", "anonymous or nameless, not mapped"),
        }
    }

    /// The character for it in a picture.
    pub const fn letter(self) -> char {
        self.sign().0
    }

    /// Its name in data.
    pub const fn name(self) -> &'static str {
        self.sign().1
    }

    /// What the legend says.
    pub const fn meaning(self) -> &'static str {
        self.sign().2
    }
}

/// Who has a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameOwner {
    /// Nobody: it is free.
    Nobody,
    /// The kernel as a whole, or the page cache if no task maps the page.
    Kernel,
    /// One process: its memory, page tables and kernel stacks. The lowest pid of those who use the
    /// address space.
    Process(Pid),
    /// Several address spaces.
    Several,
}

/// The kind and the owner of each frame, by number.
pub(super) struct Census {
    pub(super) kinds: Vec<FrameKind>,
    pub(super) owners: Vec<FrameOwner>,
}

impl Census {
    pub(super) fn take(kernel: &Kernel) -> Self {
        let frames = (0..kernel.ram.frames()).map(Pfn);
        let kinds: Vec<FrameKind> = frames
            .map(|pfn| kind_of_page(kernel, kernel.mem().page(pfn)))
            .collect();
        let owner = |kind: &FrameKind| match kind {
            FrameKind::Free => FrameOwner::Nobody,
            _ => FrameOwner::Kernel,
        };
        let owners = kinds.iter().map(owner).collect();
        let mut census = Self { kinds, owners };
        census.add_stacks(kernel);
        census.add_pipes(kernel);
        census.add_address_spaces(kernel);
        census
    }

    fn set(&mut self, pfn: Pfn, kind: FrameKind) {
        self.kinds[pfn.index()] = kind;
    }

    fn add_owner(&mut self, pfn: Pfn, owner: FrameOwner) {
        let present = &mut self.owners[pfn.index()];
        *present = match *present {
            FrameOwner::Nobody | FrameOwner::Kernel => owner,
            same if same == owner => owner,
            _ => FrameOwner::Several,
        };
    }

    /// A stack is a block of two frames, of which only the first has a count.
    fn add_stacks(&mut self, kernel: &Kernel) {
        for (_, task) in kernel.tasks().iter() {
            let Some(stack) = task.stack else { continue };
            for pfn in [stack, Pfn(stack.0 + 1)] {
                self.set(pfn, FrameKind::KernelStack);
                self.add_owner(pfn, FrameOwner::Process(task.tgid()));
            }
        }
    }

    fn add_pipes(&mut self, kernel: &Kernel) {
        for pfn in kernel.pipes().values().flat_map(Pipe::frames) {
            self.set(pfn, FrameKind::Pipe);
        }
    }

    fn add_address_spaces(&mut self, kernel: &Kernel) {
        let users: SecondaryMap<MmId, Vec<Pid>> = mm_users(kernel);
        for (mm, space) in kernel.mms().iter() {
            let first = users.get(mm).and_then(|pids| pids.first());
            let owner = first.map_or(FrameOwner::Kernel, |pid| FrameOwner::Process(*pid));
            if !kernel.mem().page(space.pgd()).is_reserved() {
                self.set(space.pgd(), FrameKind::PageDir);
                self.add_owner(space.pgd(), owner);
            }
            for slot in (0..TASK_SIZE).step_by(1 << 22) {
                let pde = kernel.pde(mm, VirtAddr(slot));
                if pde.is_hw_present() {
                    self.set(pde.pfn(), FrameKind::PageTable);
                    self.add_owner(pde.pfn(), owner);
                }
            }
            for (_, pte) in user_pages(kernel, mm) {
                let pfn = pte.pfn();
                if kernel.mem().pfn_valid(pfn) && !kernel.mem().page(pfn).is_reserved() {
                    self.add_owner(pfn, owner);
                }
            }
        }
    }
}

/// What the page's own record tells.
fn kind_of_page(kernel: &Kernel, page: &Page) -> FrameKind {
    if page.is_reserved() {
        return FrameKind::Kernel;
    }
    match (page.mapping(), page.page_mapcount()) {
        _ if page.page_count() == 0 => FrameKind::Free,
        (_, 0) if page.swap_entry().is_some() => FrameKind::SwapCache,
        (PageMapping::Cache(inode), _) => match kernel.inodes()[inode].kind {
            InodeKind::Shmem(_) => FrameKind::SharedMemory,
            _ => FrameKind::File,
        },
        (PageMapping::Anon(_), 1) => FrameKind::Private,
        (PageMapping::Anon(_), 2) => FrameKind::SharedBy2,
        (PageMapping::Anon(_), 3) => FrameKind::SharedBy3,
        (PageMapping::Anon(_), 4..) => FrameKind::SharedByMore,
        (PageMapping::Anon(_) | PageMapping::None, _) => FrameKind::Held,
    }
}
