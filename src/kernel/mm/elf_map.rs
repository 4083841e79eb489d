//! What the loader of ELF files does to the memory of the new program: the pages with its strings,
//! the stack area, the segments, the bss behind them, and the break.

use super::area_search::page_align;
use super::mm_struct::Mm;
use super::mmap::checked_length;
use super::vma::{VmFlags, Vma};
use crate::abi::{
    Errno, FileId, InodeId, MapFlags, MmId, PAGE_SHIFT, PAGE_SIZE, Prot, RLIM_INFINITY, Resource,
    Signal, TASK_SIZE, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{ExecArgs, MapRefusal};
use crate::kernel::task::{ARG_WINDOW, ArgPages};
use crate::trace::{FrameUse, NoMemory, SlabCache};

/// A part of a file that the loader maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its first byte in memory, with the bias of the program.
    pub addr: u32,
    /// The byte of the file that lies there.
    pub offset: u32,
    /// How many bytes are in the file.
    pub filesz: u32,
    /// Its rights.
    pub prot: Prot,
    /// `MAP_FIXED`, `MAP_EXECUTABLE`, or both.
    pub flags: MapFlags,
}

impl Kernel {
    /// Whether an area maps a file as a program, which must not be written meanwhile.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `__vma_link_file()` with `VM_DENYWRITE`.
    pub(in crate::kernel) fn is_mapped_as_program(&self, inode: InodeId) -> bool {
        let denies = |vma: &Vma| {
            let file = vma.vm_file.map(|file| self.open_files[file].inode());
            vma.has(VmFlags::DENYWRITE) && file == Some(inode)
        };
        let mut mms = self.inodes[inode].i_mapping().mapped_by();
        mms.any(|(mm, _)| self.mms[mm].areas().any(denies))
    }

    /// A new address space for a program, with one user and nothing in it.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `mm_alloc()`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(in crate::kernel) fn mm_alloc(&mut self, exe: InodeId) -> Result<MmId, NoMemory> {
        self.kmem_cache_alloc(SlabCache::Mm)?;
        let pgd = self.pgd_alloc()?;
        self.iget(exe);
        Ok(self.mms.insert(Mm {
            mm_users: 1,
            mm_count: 1,
            pgd,
            exe: Some(exe),
            ..Mm::default()
        }))
    }

    /// Chooses where an address space searches for room, from the caller's limit of the stack.
    pub(in crate::kernel) fn pick_mmap_layout(&mut self, current: TaskId, mm: MmId) {
        let limit = self.rlimit(current, Resource::Stack);
        self.mms[mm].pick_mmap_layout((limit != RLIM_INFINITY).then_some(limit));
    }

    /// The strings of a new program in frames of their own, which no address space maps yet.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `copy_strings()`.
    ///
    /// # Errors
    /// `ENOMEM`; nothing is left allocated.
    pub(in crate::kernel) fn copy_strings(
        &mut self,
        args: &ExecArgs,
    ) -> Result<ArgPages, NoMemory> {
        let strings = args.argv.iter().chain(&args.envp).map(Vec::as_slice);
        let mut bytes = Vec::new();
        for string in strings.chain([args.path.as_bytes()]) {
            bytes.extend_from_slice(string);
            bytes.push(0);
        }
        bytes.extend([0; 4]);
        let mut pages = ArgPages {
            p: ARG_WINDOW - bytes.len() as u32,
            ..ArgPages::default()
        };
        // From the top down, the order in which the strings are copied.
        for base in (0..ARG_WINDOW).step_by(PAGE_SIZE as usize).rev() {
            if base + PAGE_SIZE <= pages.p {
                break;
            }
            let allocated = self.alloc_zeroed_frame(FrameUse::User);
            let pfn = allocated.inspect_err(|_| self.free_arg_pages(&pages))?;
            pages.frames.push(pfn);
            let from = pages.p.max(base);
            let part = &bytes[(from - pages.p) as usize..(base + PAGE_SIZE - pages.p) as usize];
            let at = (from - base) as usize;
            self.ram.frame_mut(pfn)[at..at + part.len()].copy_from_slice(part);
        }
        Ok(pages)
    }

    /// Frees the frames of strings that no program gets.
    pub(in crate::kernel) fn free_arg_pages(&mut self, pages: &ArgPages) {
        for pfn in &pages.frames {
            self.put_page(*pfn);
        }
    }

    /// Maps the stack, with the pages that hold the strings. A page for which there is no page table
    /// is lost, and the task is killed before it could miss it.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `setup_arg_pages()`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(in crate::kernel) fn setup_stack(
        &mut self,
        current: TaskId,
        pages: &ArgPages,
        rights: VmFlags,
    ) -> Result<(), Errno> {
        let mm = self.mm_id(current);
        let start = (pages.arg_start() & !(PAGE_SIZE - 1)) - super::exec::EXTRA_STACK;
        let mut vma = Vma::anonymous(start, TASK_SIZE, VmFlags::STACK | rights);
        if let Err(errno) = self.account_new_vma(vma.pages()) {
            self.free_arg_pages(pages);
            return Err(errno.into());
        }
        let space = &mut self.mms[mm];
        space.insert_vma(vma);
        space.account(&vma, vma.pages() as i32);
        let first = (ARG_WINDOW >> PAGE_SHIFT) - pages.frames.len() as u32;
        for (nth, pfn) in (first..).zip(pages.frames.iter().rev()) {
            let addr = VirtAddr(TASK_SIZE - ARG_WINDOW + (nth << PAGE_SHIFT));
            if self.install_arg_page(mm, &mut vma, addr, *pfn).is_err() {
                self.put_page(*pfn);
                self.force_signal(current, Signal::SIGKILL);
            }
        }
        Ok(())
    }

    /// Maps a segment of a program and returns the address of its first page.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `elf_map()`; `include/linux/mm.h`, `do_mmap()`.
    ///
    /// # Errors
    /// `EINVAL` if nothing of it is in the file, or if its address and its place in the file differ
    /// within their pages; those of `mmap`.
    pub(in crate::kernel) fn elf_map(
        &mut self,
        current: TaskId,
        file: FileId,
        segment: Segment,
    ) -> Result<u32, Errno> {
        let into_page = segment.addr & (PAGE_SIZE - 1);
        let offset = segment.offset.wrapping_sub(into_page);
        let len = segment.filesz.wrapping_add(into_page);
        let unaligned = offset & (PAGE_SIZE - 1) != 0;
        if len == 0 || unaligned || offset.checked_add(page_align(len)).is_none() {
            return Err(Errno::EINVAL);
        }
        let mm = self.mm_id(current);
        let pgoff = offset >> PAGE_SHIFT;
        let len = checked_length(len, pgoff)?;
        self.check_map_count(mm)?;
        let flags = segment.flags | MapFlags::PRIVATE;
        let addr = self.mms[mm].get_unmapped_area(segment.addr - into_page, len, flags)?;
        let rights = self.vm_rights(current, segment.prot);
        let mut vm_flags = self.mmap_flags(current, mm, len, rights, flags)? | VmFlags::DENYWRITE;
        // User space cannot ask for this flag: by it the kernel knows the program's own file.
        vm_flags.set(VmFlags::EXECUTABLE, flags.contains(MapFlags::EXECUTABLE));
        let vma = Vma {
            vm_pgoff: pgoff,
            vm_file: Some(file),
            ..Vma::anonymous(addr, addr + len, vm_flags)
        };
        self.mmap_region(current, mm, vma, flags)?;
        Ok(addr)
    }

    /// Maps the pages of the bss that the file has no part of, replacing what is there. The heap
    /// begins behind it.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `set_brk()`.
    ///
    /// # Errors
    /// Those of `brk`; the heap then stays where it is.
    pub(in crate::kernel) fn elf_set_brk(
        &mut self,
        current: TaskId,
        start: u32,
        end: u32,
    ) -> Result<(), Errno> {
        let mm = self.mm_id(current);
        let (start, end) = (page_align(start), page_align(end));
        if end > start {
            self.do_brk(current, mm, start, end - start)?;
        }
        let space = &mut self.mms[mm];
        (space.start_brk, space.brk) = (end, end);
        Ok(())
    }

    /// Maps anonymous memory for the bss of a program interpreter.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, the end of `load_elf_interp()`.
    ///
    /// # Errors
    /// Those of `brk`.
    pub(in crate::kernel) fn elf_bss(
        &mut self,
        current: TaskId,
        start: u32,
        end: u32,
    ) -> Result<(), Errno> {
        let mm = self.mm_id(current);
        let (start, end) = (page_align(start), page_align(end));
        if end > start {
            self.do_brk(current, mm, start, end - start)?;
        }
        Ok(())
    }

    /// Clears the rest of the page in which the file's part of the data ends; `end` of it at most.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `padzero()`.
    ///
    /// # Errors
    /// `EFAULT` if the page cannot be written.
    pub(in crate::kernel) fn padzero(
        &mut self,
        current: TaskId,
        from: u32,
        end: u32,
    ) -> Result<(), Errno> {
        let rest = page_align(from)
            .wrapping_sub(from)
            .min(end.wrapping_sub(from));
        self.copy_to_user(current, VirtAddr(from), &vec![0; rest as usize])
    }

    /// Maps page 0, as programs of System V expect it. Nobody asks whether it succeeded.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_binary()`, `MMAP_PAGE_ZERO`.
    pub(in crate::kernel) fn map_page_zero(&mut self, current: TaskId) -> Result<(), MapRefusal> {
        let mm = self.mm_id(current);
        let flags = MapFlags::FIXED | MapFlags::PRIVATE | MapFlags::ANONYMOUS;
        let rights = self.vm_rights(current, Prot::READ | Prot::EXEC);
        let vm_flags = self.mmap_flags(current, mm, PAGE_SIZE, rights, flags)?;
        let vma = Vma::anonymous(0, PAGE_SIZE, vm_flags);
        self.mmap_region(current, mm, vma, flags)
    }
}
