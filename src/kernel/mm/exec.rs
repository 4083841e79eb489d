//! The address space that a program starts with: text, data, and a stack with its arguments.

use super::mm_struct::Mm;
use super::overcommit::pages_of;
use super::vma::{VmFlags, Vma};
use crate::abi::Resource;
use crate::abi::{
    Errno, FileId, InodeId, MmId, PAGE_SHIFT, PAGE_SIZE, Pfn, RLIM_INFINITY, TASK_SIZE, TaskId,
    VirtAddr,
};
use crate::hw::Pte;
use crate::kernel::Kernel;
use crate::kernel::fs::{Inode, InodeKind, TEXT_START};
use crate::kernel::syscall::ExecArgs;
use crate::trace::{FrameUse, NoMemory, SlabCache};

/// The initial stack area has this many bytes more than the strings need.
///
/// Linux 2.6.12: `fs/exec.c`, `EXTRA_STACK_VM_PAGES`.
pub(super) const EXTRA_STACK: u32 = 20 << PAGE_SHIFT;
/// Low bits of the entry of an argument page: present, writable, user, accessed, dirty.
const ARGUMENT_PAGE: u32 = 0x067;

impl Kernel {
    /// Whether the user mode of a task is machine code.
    pub fn runs_code(&self, task: TaskId) -> bool {
        let exe = self.task(task).mm().and_then(|mm| self.mms[mm].exe);
        exe.is_some_and(|exe| self.inodes[exe].kind.is_code())
    }

    /// Whether a spawned task has left the memory of init, in which it began.
    pub fn has_own_memory(&self, task: TaskId) -> bool {
        self.task(task).mm() != self.task(self.init).mm()
    }

    /// A new address space for a program, with one user, and the `esp` of its first instruction.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `setup_arg_pages()`, and `fs/binfmt_elf.c`, `load_elf_binary()`.
    /// Simplified: the auxiliary vector is empty; the end of the last data page is not cleared,
    /// because the page cache holds zeros there.
    ///
    /// # Errors
    /// `ENOMEM`; nothing is left allocated.
    pub(in crate::kernel) fn mm_for_exec(
        &mut self,
        exe: InodeId,
        args: &ExecArgs,
    ) -> Result<(MmId, u32), Errno> {
        self.kmem_cache_alloc(SlabCache::Mm)?;
        let pgd = self.pgd_alloc()?;
        let stack_limit = self.rlimit(self.current(), Resource::Stack);
        let mut space = Mm {
            mm_users: 1,
            mm_count: 1,
            pgd,
            ..Mm::default()
        };
        space.pick_mmap_layout((stack_limit != RLIM_INFINITY).then_some(stack_limit));
        space.exe = Some(exe);
        self.iget(exe);
        let mm = self.mms.insert(space);
        match self
            .map_image(mm, exe)
            .and_then(|()| self.setup_arg_pages(mm, args))
        {
            Ok(esp) => Ok((mm, esp)),
            Err(errno) => {
                self.mmput(mm);
                Err(errno)
            }
        }
    }

    /// Maps text and data of the program's file, followed by its bss.
    fn map_image(&mut self, mm: MmId, exe: InodeId) -> Result<(), Errno> {
        let layout = Layout::of(&self.inodes[exe]);
        let text_end = TEXT_START + (layout.text << PAGE_SHIFT);
        let data_end = text_end + (layout.data << PAGE_SHIFT);
        let end = data_end + (layout.bss << PAGE_SHIFT);
        let text_flags = VmFlags::READ | VmFlags::EXEC | VmFlags::MAY_ACCESS;
        let data_flags = VmFlags::DATA | VmFlags::ACCOUNT;
        let text = Vma::anonymous(TEXT_START, text_end, text_flags);
        let data = Vma::anonymous(text_end, data_end, data_flags);
        let file = self.open_inode(exe, 0);
        let mut mapped = self.map_segment(mm, file, text, 0);
        if mapped.is_ok() && layout.data > 0 {
            mapped = self.map_segment(mm, file, data, layout.data_pgoff);
        }
        // The areas hold references of their own. This one goes in any case, or a failure would
        // leak the file.
        self.fput(file);
        mapped?;
        if layout.bss > 0 {
            let bss = Vma::anonymous(data_end, end, data_flags);
            self.account_new_vma(bss.pages())?;
            let space = &mut self.mms[mm];
            space.insert_vma(bss);
            space.account(&bss, bss.pages() as i32);
        }
        let space = &mut self.mms[mm];
        (space.start_code, space.end_code) = (TEXT_START, text_end);
        (space.start_data, space.end_data) = (text_end, data_end);
        (space.start_brk, space.brk) = (end, end);
        Ok(())
    }

    /// Maps a part of the program's file.
    fn map_segment(&mut self, mm: MmId, file: FileId, vma: Vma, pgoff: u32) -> Result<(), Errno> {
        let accounted = vma.has(VmFlags::ACCOUNT);
        self.account_new_vma(if accounted { vma.pages() } else { 0 })?;
        self.get_file(file);
        let vma = Vma {
            vm_flags: vma.vm_flags | VmFlags::DENYWRITE | VmFlags::EXECUTABLE,
            vm_file: Some(file),
            vm_pgoff: pgoff,
            ..vma
        };
        self.vma_link_file(mm, &vma);
        let space = &mut self.mms[mm];
        space.insert_vma(vma);
        space.account(&vma, vma.pages() as i32);
        Ok(())
    }

    /// Maps the stack, with the pages that hold the arguments, and returns `esp`.
    fn setup_arg_pages(&mut self, mm: MmId, args: &ExecArgs) -> Result<u32, Errno> {
        let top = StackTop::of(args);
        let start = (top.strings & !(PAGE_SIZE - 1)) - EXTRA_STACK;
        let mut vma = Vma::anonymous(start, TASK_SIZE, VmFlags::STACK);
        self.account_new_vma(vma.pages())?;
        let space = &mut self.mms[mm];
        space.insert_vma(vma);
        space.account(&vma, vma.pages() as i32);
        let first = top.esp & !(PAGE_SIZE - 1);
        // From the top down, the order in which the strings are copied.
        for base in (first..TASK_SIZE).step_by(PAGE_SIZE as usize).rev() {
            let pfn = self.new_arg_page(mm, &mut vma, VirtAddr(base))?;
            top.copy_page(base, self.ram.frame_mut(pfn));
        }
        self.mms[mm].start_stack = top.esp;
        Ok(top.esp)
    }

    /// A new page for strings, mapped at an address.
    fn new_arg_page(&mut self, mm: MmId, vma: &mut Vma, addr: VirtAddr) -> Result<Pfn, NoMemory> {
        // The table comes first: frames are handed out in the order in which they are asked for.
        self.anon_vma_prepare(mm, vma)?;
        self.pte_alloc(mm, addr)?;
        let pfn = self.alloc_zeroed_frame(FrameUse::User)?;
        self.install_arg_page(mm, vma, addr, pfn)?;
        Ok(pfn)
    }

    /// Maps a page with strings.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `install_arg_page()`.
    pub(super) fn install_arg_page(
        &mut self,
        mm: MmId,
        vma: &mut Vma,
        addr: VirtAddr,
        pfn: Pfn,
    ) -> Result<(), NoMemory> {
        self.anon_vma_prepare(mm, vma)?;
        let table = self.pte_alloc(mm, addr)?;
        self.mms[mm].rss += 1;
        self.lru_cache_add_active(pfn);
        self.set_pte(table, addr, Pte::new(pfn, ARGUMENT_PAGE));
        self.page_add_anon_rmap(mm, vma, addr, pfn);
        Ok(())
    }
}

/// How many pages the parts of a program's image take.
struct Layout {
    text: u32,
    data: u32,
    /// Page of the file at which the data begins.
    data_pgoff: u32,
    bss: u32,
}

impl Layout {
    /// For a file that is not an ELF program the whole file is the text, and its last page is
    /// mapped once more as the data.
    fn of(exe: &Inode) -> Self {
        match &exe.kind {
            InodeKind::Image(image) => {
                let data = pages_of(image.data.len() as u32);
                Self {
                    text: image.text_pages().max(1),
                    data,
                    data_pgoff: image.text_pages(),
                    bss: image.data_pages() - data,
                }
            }
            _ => {
                let text = pages_of(exe.size()).max(1);
                Self {
                    text,
                    data: 1,
                    data_pgoff: text - 1,
                    bss: 0,
                }
            }
        }
    }
}

/// What a program finds at the top of its stack. From `esp` on: `argc`, the argument pointers, the
/// environment pointers, each list ending in a null pointer, and an empty auxiliary vector. Above
/// them the strings: arguments, environment, the path, and a final zero word.
///
/// Linux 2.6.12: `fs/exec.c`, `copy_strings()`, and `fs/binfmt_elf.c`, `create_elf_tables()`.
struct StackTop {
    esp: u32,
    /// Address of the first string.
    strings: u32,
    /// The bytes from `esp` to the end of the stack.
    bytes: Vec<u8>,
}

impl StackTop {
    fn of(args: &ExecArgs) -> Self {
        let path = args.path.as_bytes();
        let all = || args.argv.iter().chain(&args.envp).map(Vec::as_slice);
        let len: usize = all().chain([path]).map(|string| string.len() + 1).sum();
        let strings = TASK_SIZE - 4 - len as u32;
        let mut at = strings;
        let mut pointers = all().map(|string| {
            let here = at;
            at += string.len() as u32 + 1;
            here
        });
        let mut words = vec![args.argv.len() as u32];
        words.extend(pointers.by_ref().take(args.argv.len()));
        words.push(0);
        words.extend(pointers);
        words.extend([0, 0, 0]);
        let esp = (strings - 4 * words.len() as u32) & !0xf;
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.resize((strings - esp) as usize, 0);
        for string in all().chain([path]) {
            bytes.extend_from_slice(string);
            bytes.push(0);
        }
        bytes.extend([0; 4]);
        Self {
            esp,
            strings,
            bytes,
        }
    }

    /// Fills the frame of the page at `base` with its part of the stack.
    fn copy_page(&self, base: u32, frame: &mut [u8]) {
        let from = self.esp.max(base);
        let part = &self.bytes[(from - self.esp) as usize..];
        let part = &part[..part.len().min((base + PAGE_SIZE - from) as usize)];
        let at = (from - base) as usize;
        frame[at..at + part.len()].copy_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(argv: &[&str], envp: &[&str]) -> ExecArgs {
        let bytes = |strings: &[&str]| strings.iter().map(|s| s.as_bytes().to_vec()).collect();
        ExecArgs {
            path: "sh".into(),
            argv: bytes(argv),
            envp: bytes(envp),
        }
    }

    /// `fs/binfmt_elf.c`, `create_elf_tables()`: esp is a multiple of 16.
    #[test]
    fn a_program_finds_its_arguments_word_by_word() {
        let top = StackTop::of(&args(&["sh", "-c"], &["A=1"]));
        assert_eq!(top.strings, 0xc000_0000 - 4 - (3 + 3 + 4 + 3));
        assert_eq!(top.esp, 0xbfff_ffc0);
        let words: Vec<u32> = top.bytes.as_chunks().0[..8]
            .iter()
            .map(|word| u32::from_le_bytes(*word))
            .collect();
        let (name, option, variable) = (0xbfff_ffef, 0xbfff_fff2, 0xbfff_fff5);
        assert_eq!(words, [2, name, option, 0, variable, 0, 0, 0]);
        assert_eq!(&top.bytes[0x2f..], b"sh\0-c\0A=1\0sh\0\0\0\0\0");
        assert_eq!(top.bytes.len(), 0x40);
    }

    #[test]
    fn every_page_of_the_stack_gets_its_part() {
        let long = "x".repeat(2 * PAGE_SIZE as usize);
        let top = StackTop::of(&args(&[&long], &[]));
        let first = top.esp & !(PAGE_SIZE - 1);
        let mut stack = Vec::new();
        for base in (first..TASK_SIZE).step_by(PAGE_SIZE as usize) {
            let mut frame = [0; PAGE_SIZE as usize];
            top.copy_page(base, &mut frame);
            stack.extend(frame);
        }
        let (below, above) = stack.split_at((top.esp - first) as usize);
        assert!(below.iter().all(|byte| *byte == 0));
        assert_eq!(above, top.bytes);
    }
}
