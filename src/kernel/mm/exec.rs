//! The address space that a program starts with: text, data, and a stack with its arguments.

use super::mm_struct::Mm;
use super::overcommit::pages_of;
use super::vma::{TASK_SIZE, VmFlags, Vma};
use crate::abi::{Errno, FileId, InodeId, MmId, PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use crate::hw::Pte;
use crate::kernel::Kernel;
use crate::kernel::cred::RLIM_INFINITY;
use crate::kernel::program::TEXT_START;
use crate::trace::{FrameUse, SlabCache};

/// Size of the stack area at first: the page with the arguments, and 20 more.
const STACK_PAGES: u32 = 21;
/// Low bits of the entry for the page with the arguments: written, and accessed.
const ARGUMENT_PAGE: u32 = 0x067;

impl Kernel {
    /// A new address space for a program, with one user, and `esp` at its first instruction.
    ///
    /// Linux 2.6.12: fs/exec.c, `setup_arg_pages()`, and fs/binfmt_elf.c, `load_elf_binary()`.
    /// Simplified: the whole file is the text; the data segment maps its last page once more.
    ///
    /// # Errors
    /// `ENOMEM`; nothing is left behind then.
    pub(in crate::kernel) fn mm_for_exec(&mut self, exe: InodeId) -> Result<(MmId, u32), Errno> {
        self.kmem_cache_alloc(SlabCache::Mm)?;
        let pgd = self.pgd_alloc().ok_or(Errno::ENOMEM)?;
        let stack_limit = self.rlimits(self.current()).stack;
        let mut space = Mm {
            mm_users: 1,
            mm_count: 1,
            pgd,
            dumpable: true,
            ..Mm::default()
        };
        space.pick_mmap_layout((stack_limit != RLIM_INFINITY).then_some(stack_limit));
        space.exe = Some(exe);
        self.iget(exe);
        let mm = self.mms.insert(space);
        match self
            .map_image(mm, exe)
            .and_then(|()| self.setup_arg_pages(mm, exe))
        {
            Ok(esp) => Ok((mm, esp)),
            Err(errno) => {
                self.mmput(mm);
                Err(errno)
            }
        }
    }

    /// Maps text and data of the program's file.
    fn map_image(&mut self, mm: MmId, exe: InodeId) -> Result<(), Errno> {
        let text_pages = pages_of(self.inodes[exe].size()).max(1);
        let text_end = TEXT_START + (text_pages << PAGE_SHIFT);
        let data_end = text_end + PAGE_SIZE;
        let text_flags = VmFlags::READ | VmFlags::EXEC | VmFlags::MAY_ACCESS;
        let data_flags = VmFlags::DATA | VmFlags::ACCOUNT;
        let text = Vma::anonymous(TEXT_START, text_end, text_flags);
        let data = Vma::anonymous(text_end, data_end, data_flags);
        let file = self.open_inode(exe, 0);
        let mapped = self
            .map_segment(mm, file, text, 0)
            .and_then(|()| self.map_segment(mm, file, data, text_pages - 1));
        self.fput(file);
        mapped?;
        let space = &mut self.mms[mm];
        (space.start_code, space.end_code) = (TEXT_START, text_end);
        (space.start_data, space.end_data) = (text_end, data_end);
        (space.start_brk, space.brk) = (data_end, data_end);
        Ok(())
    }

    /// Maps a part of the program's file.
    fn map_segment(&mut self, mm: MmId, file: FileId, vma: Vma, pgoff: u32) -> Result<(), Errno> {
        let accounted = vma.has(VmFlags::ACCOUNT);
        self.charge_new_vma(if accounted { vma.pages() } else { 0 })?;
        self.get_file(file);
        let vma = Vma {
            vm_flags: vma.vm_flags | VmFlags::DENYWRITE | VmFlags::EXECUTABLE,
            vm_file: Some(file),
            vm_pgoff: pgoff,
            ..vma
        };
        let space = &mut self.mms[mm];
        space.insert_vma(vma);
        space.total_vm += vma.pages();
        space.vm_stat_account(&vma, vma.pages() as i32);
        Ok(())
    }

    /// Maps the stack, with the page that holds the arguments, and returns `esp`.
    fn setup_arg_pages(&mut self, mm: MmId, exe: InodeId) -> Result<u32, Errno> {
        self.charge_new_vma(STACK_PAGES)?;
        let start = TASK_SIZE - (STACK_PAGES << PAGE_SHIFT);
        let mut vma = Vma::anonymous(start, TASK_SIZE, VmFlags::STACK);
        let space = &mut self.mms[mm];
        space.insert_vma(vma);
        space.total_vm += STACK_PAGES;
        space.vm_stat_account(&vma, STACK_PAGES as i32);
        let pfn = self.install_arg_page(mm, &mut vma).ok_or(Errno::ENOMEM)?;
        let esp = self.write_arguments(pfn, exe);
        self.mms[mm].start_stack = esp;
        Ok(esp)
    }

    /// Linux 2.6.12: fs/exec.c, `install_arg_page()`.
    fn install_arg_page(&mut self, mm: MmId, vma: &mut Vma) -> Option<Pfn> {
        let va = VirtAddr(TASK_SIZE - PAGE_SIZE);
        self.anon_vma_prepare(mm, vma).ok()?;
        let table = self.pte_alloc(mm, va)?;
        let pfn = self.alloc_zeroed_frame(FrameUse::User)?;
        self.mms[mm].rss += 1;
        self.set_pte(table, va, Pte::new(pfn, ARGUMENT_PAGE));
        self.page_add_anon_rmap(mm, vma, va, pfn);
        Some(pfn)
    }

    /// Writes the program's name, as its path and as `argv[0]`, at the top of the stack, and below
    /// it `argc`, the argument pointers, an empty environment and an empty auxiliary vector.
    ///
    /// Linux 2.6.12: fs/exec.c, `copy_strings()`, and fs/binfmt_elf.c, `create_elf_tables()`.
    fn write_arguments(&mut self, pfn: Pfn, exe: InodeId) -> u32 {
        const BASE: u32 = TASK_SIZE - PAGE_SIZE;
        // A name that leaves no room for itself and the tables twice over is cut.
        const LONGEST: usize = 1024;
        let path = &self.inodes[exe].path;
        let name: Vec<u8> = path.bytes().take(LONGEST).chain([0]).collect();
        let frame = self.ram.frame_mut(pfn);
        let mut top = TASK_SIZE - 4;
        for _ in 0..2 {
            top -= name.len() as u32;
            let at = (top - BASE) as usize;
            frame[at..at + name.len()].copy_from_slice(&name);
        }
        let tables = [1, top, 0, 0, 0, 0];
        let esp = (top - 4 * tables.len() as u32) & !0xf;
        for (i, word) in tables.into_iter().enumerate() {
            let at = (esp - BASE) as usize + 4 * i;
            frame[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        esp
    }
}
