//! The loader of ELF files: what it checks while the caller can still get an error, and what it maps
//! once the old program is gone. From then on a failure kills.
//!
//! Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_binary()`.

use super::binfmt::{BINPRM_BUF_SIZE, Binprm, is_elf};
use super::elf_stack::Loaded;
use crate::abi::elf::{
    ELF_PHDR_SIZE, ET_DYN, ElfHeader, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD,
    ProgramHeader,
};
use crate::abi::{Errno, FileId, InodeId, MapFlags, PAGE_SIZE, Prot, Signal, TASK_SIZE, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::May;
use crate::kernel::mm::{Segment, VmFlags};
use crate::kernel::task::{ExecStack, Interpreter, NewProgram, PendingElf, PendingExec, SendInfo};

/// The most program headers: a table of 64 KiB.
const MAX_PHNUM: u16 = 2048;
/// The bias of a program that can be loaded anywhere, before its own first address is taken off.
///
/// Linux 2.6.12: `include/asm-i386/elf.h`, `ELF_ET_DYN_BASE`.
const ELF_ET_DYN_BASE: u32 = TASK_SIZE / 3 * 2;
/// First words of `a.out` programs: OMAGIC, ZMAGIC, QMAGIC.
const A_OUT: [u16; 3] = [0o407, 0o413, 0o314];

/// How a program dies that cannot be loaded when its old memory is gone already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Death {
    /// Of a SIGKILL that it sends to itself.
    Kill(Errno),
    /// Of a SIGSEGV that it sends to itself, which it may ignore.
    Segv(Errno),
    /// Of a SIGSEGV that it cannot ignore.
    ForcedSegv(Errno),
}

/// What the segments say about the memory of a program, in its own addresses.
///
/// Linux 2.6.12: `fs/binfmt_elf.c`, the variables of `load_elf_binary()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Extent {
    start_code: u32,
    end_code: u32,
    start_data: u32,
    end_data: u32,
    elf_bss: u32,
    elf_brk: u32,
}

impl Extent {
    /// Of a program without segments.
    const NONE: Self = Self {
        start_code: u32::MAX,
        end_code: 0,
        start_data: 0,
        end_data: 0,
        elf_bss: 0,
        elf_brk: 0,
    };

    /// Takes one more segment into account.
    fn add(&mut self, segment: &ProgramHeader) {
        let file_end = segment.p_vaddr.wrapping_add(segment.p_filesz);
        self.start_code = self.start_code.min(segment.p_vaddr);
        // The highest address, whatever the segment contains.
        self.start_data = self.start_data.max(segment.p_vaddr);
        self.elf_bss = self.elf_bss.max(file_end);
        if segment.may(PF_X) {
            self.end_code = self.end_code.max(file_end);
        }
        self.end_data = self.end_data.max(file_end);
        self.elf_brk = self
            .elf_brk
            .max(segment.p_vaddr.wrapping_add(segment.p_memsz));
    }

    /// Where all of this is in memory.
    const fn biased(self, bias: u32) -> Self {
        Self {
            start_code: self.start_code.wrapping_add(bias),
            end_code: self.end_code.wrapping_add(bias),
            start_data: self.start_data.wrapping_add(bias),
            end_data: self.end_data.wrapping_add(bias),
            elf_bss: self.elf_bss.wrapping_add(bias),
            elf_brk: self.elf_brk.wrapping_add(bias),
        }
    }
}

/// The rights of a segment.
fn prot_of(segment: &ProgramHeader) -> Prot {
    let mut prot = Prot::empty();
    prot.set(Prot::READ, segment.may(PF_R));
    prot.set(Prot::WRITE, segment.may(PF_W));
    prot.set(Prot::EXEC, segment.may(PF_X));
    prot
}

/// Whether a segment reaches out of user space, or has more bytes in the file than in memory.
const fn is_out_of_bounds(vaddr: u32, segment: &ProgramHeader) -> bool {
    vaddr > TASK_SIZE
        || segment.p_filesz > segment.p_memsz
        || segment.p_memsz > TASK_SIZE
        || TASK_SIZE - segment.p_memsz < vaddr
}

/// Whether the stack is executable: the first `PT_GNU_STACK` says so.
fn stack_of(table: &[ProgramHeader]) -> ExecStack {
    match table.iter().find(|header| header.p_type == PT_GNU_STACK) {
        Some(header) if header.may(PF_X) => ExecStack::Enabled,
        Some(_) => ExecStack::Disabled,
        None => ExecStack::Default,
    }
}

/// The header of a program that this machine can load; nothing else of the file has been looked at.
fn checked_header(buf: &[u8]) -> Result<ElfHeader, Errno> {
    let header = ElfHeader::parse(buf).ok_or(Errno::ENOEXEC)?;
    let fits = header.is_loadable()
        && header.is_i386()
        && u32::from(header.e_phentsize) == ELF_PHDR_SIZE
        && (1..=MAX_PHNUM).contains(&header.e_phnum);
    if fits {
        Ok(header)
    } else {
        Err(Errno::ENOEXEC)
    }
}

impl Kernel {
    /// Everything about an ELF file that can fail while the caller can still get the error.
    ///
    /// # Errors
    /// `ENOEXEC` if it is not an ELF file for this machine; `EIO` if its program headers or its
    /// interpreter cannot be read; `EMFILE`; `ELIBBAD` for a bad interpreter; `EAGAIN`, `ENOMEM`.
    pub(super) fn load_elf_binary(
        &mut self,
        current: TaskId,
        bprm: &Binprm,
    ) -> Result<PendingExec, Errno> {
        let header = checked_header(&bprm.buf)?;
        let bytes = self.read_fully(bprm.exe, header.e_phoff, header.table_size())?;
        let table = ProgramHeader::parse_table(&bytes);
        let files = self.prepare_files(current)?;
        let interpreter = self.find_interpreter(current, bprm.exe, &table)?;
        self.may_de_thread(current)?;
        let mm = self.mm_alloc(bprm.exe)?;
        let pages = match self.copy_strings(&bprm.args) {
            Ok(pages) => pages,
            Err(no_memory) => {
                self.mmput(mm);
                return Err(no_memory.into());
            }
        };
        self.own_files(current, files);
        if let Some(interpreter) = interpreter {
            // While the task waits for its threads, others may unlink it.
            self.iget(interpreter.exe);
        }
        let stack = stack_of(&table);
        let elf = PendingElf {
            pages,
            args: bprm.args.clone(),
            header,
            table,
            interpreter,
            stack,
            ids: bprm.ids,
            readable: self.permission(current, bprm.exe, May::READ).is_ok(),
        };
        Ok(PendingExec {
            mm,
            program: NewProgram::Elf(Box::new(elf)),
            exe: bprm.exe,
            path: bprm.args.path.clone(),
        })
    }

    /// Bytes of a file, all of them.
    ///
    /// # Errors
    /// `EIO` if the file is shorter; `ENOMEM`.
    fn read_fully(&mut self, exe: InodeId, offset: u32, len: u32) -> Result<Vec<u8>, Errno> {
        let bytes = self.kernel_read(exe, offset, len)?;
        if bytes.len() == len as usize {
            Ok(bytes)
        } else {
            Err(Errno::EIO)
        }
    }

    /// The program interpreter that the first `PT_INTERP` names.
    ///
    /// # Errors
    /// `ENOEXEC` for a bad name; `EIO`; those of the look-up; `ELIBBAD` if it is not an interpreter
    /// for this machine.
    fn find_interpreter(
        &mut self,
        current: TaskId,
        exe: InodeId,
        table: &[ProgramHeader],
    ) -> Result<Option<Interpreter>, Errno> {
        let Some(named) = table.iter().find(|header| header.p_type == PT_INTERP) else {
            return Ok(None);
        };
        if !(2..=PAGE_SIZE).contains(&named.p_filesz) {
            return Err(Errno::ENOEXEC);
        }
        let name = self.read_fully(exe, named.p_offset, named.p_filesz)?;
        if name.last() != Some(&0) {
            return Err(Errno::ENOEXEC);
        }
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let path = String::from_utf8_lossy(name).into_owned();
        let exe = self.find_program(current, &path)?;
        let buf = self.read_fully(exe, 0, BINPRM_BUF_SIZE as u32)?;
        if !is_elf(&buf) {
            let magic = u16::from_le_bytes([buf[0], buf[1]]);
            let header = None;
            let known = A_OUT.contains(&magic);
            return known
                .then_some(Some(Interpreter { exe, header }))
                .ok_or(Errno::ELIBBAD);
        }
        let header = ElfHeader::parse(&buf).filter(ElfHeader::is_i386);
        let header = Some(header.ok_or(Errno::ELIBBAD)?);
        Ok(Some(Interpreter { exe, header }))
    }

    /// Maps an ELF file into the new memory of the current task. Returns its first instruction and
    /// its stack pointer.
    ///
    /// # Errors
    /// How the task dies instead, and what the call that nobody sees any more returns.
    pub(super) fn load_elf(
        &mut self,
        current: TaskId,
        exe: InodeId,
        elf: &PendingElf,
    ) -> Result<(u32, u32), Death> {
        let stack_rights = match elf.stack {
            ExecStack::Disabled => VmFlags::empty(),
            ExecStack::Default | ExecStack::Enabled => {
                self.set_read_implies_exec(current);
                VmFlags::EXEC
            }
        };
        let mm = self.mm_id(current);
        self.pick_mmap_layout(current, mm);
        self.setup_stack(current, &elf.pages, stack_rights)
            .map_err(Death::Kill)?;
        let file = self.open_inode(exe, 0);
        let mapped = self.map_program(current, file, elf);
        self.fput(file);
        let (extent, loaded) = mapped?;
        let (eip, base) = self.enter_through_interpreter(current, elf, loaded.entry)?;
        self.compute_creds(current, elf.ids);
        let loaded = Loaded { base, ..loaded };
        let esp = self.create_elf_tables(current, elf.pages.arg_start(), &elf.args, loaded);
        let mm = &mut self.mms[mm];
        (mm.start_code, mm.end_code) = (extent.start_code, extent.end_code);
        (mm.start_data, mm.end_data) = (extent.start_data, extent.end_data);
        if self.has_page_zero(current) {
            let _ignored = self.map_page_zero(current);
        }
        Ok((eip, esp))
    }

    /// Maps the segments, and the bss behind them.
    fn map_program(
        &mut self,
        current: TaskId,
        file: FileId,
        elf: &PendingElf,
    ) -> Result<(Extent, Loaded), Death> {
        let mut extent = Extent::NONE;
        let mut bias = 0;
        // Nobody asks whether the headers are really mapped there.
        let mut load_addr = None;
        let segments = elf.table.iter().filter(|header| header.p_type == PT_LOAD);
        for segment in segments {
            self.open_bss(current, extent.biased(bias))?;
            let mut flags = MapFlags::DENYWRITE | MapFlags::EXECUTABLE;
            let anywhere = elf.header.e_type == ET_DYN && load_addr.is_none();
            if anywhere {
                bias = page_start(ELF_ET_DYN_BASE.wrapping_sub(segment.p_vaddr));
            } else {
                flags |= MapFlags::FIXED;
            }
            let hint = bias.wrapping_add(segment.p_vaddr);
            let mapped = self
                .elf_map(current, file, as_segment(segment, hint, flags))
                .map_err(Death::Kill)?;
            if anywhere {
                bias = bias.wrapping_add(mapped.wrapping_sub(page_start(hint)));
            }
            let own = segment.p_vaddr.wrapping_sub(segment.p_offset);
            load_addr.get_or_insert(own.wrapping_add(bias));
            if is_out_of_bounds(segment.p_vaddr, segment) {
                return Err(Death::Kill(Errno::EINVAL));
            }
            extent.add(segment);
        }
        let extent = extent.biased(bias);
        self.elf_set_brk(current, extent.elf_bss, extent.elf_brk)
            .map_err(Death::Kill)?;
        // Always, even if there is no bss: a program whose last page cannot be written dies here.
        self.padzero(current, extent.elf_bss, u32::MAX)
            .map_err(Death::Segv)?;
        let loaded = Loaded {
            phdr: load_addr.unwrap_or(0).wrapping_add(elf.header.e_phoff),
            phnum: elf.header.e_phnum,
            base: 0,
            entry: elf.header.e_entry.wrapping_add(bias),
        };
        Ok((extent, loaded))
    }

    /// Maps the bss of the segments so far, if another segment follows it.
    fn open_bss(&mut self, current: TaskId, extent: Extent) -> Result<(), Death> {
        if extent.elf_brk <= extent.elf_bss {
            return Ok(());
        }
        self.elf_set_brk(current, extent.elf_bss, extent.elf_brk)
            .map_err(Death::Kill)?;
        // Here nobody asks whether the page can be written.
        let _ignored = self.padzero(current, extent.elf_bss, extent.elf_brk);
        Ok(())
    }

    /// The first instruction of a program, and where its interpreter is loaded: that of the
    /// interpreter, if there is one.
    fn enter_through_interpreter(
        &mut self,
        current: TaskId,
        elf: &PendingElf,
        entry: u32,
    ) -> Result<(u32, u32), Death> {
        let Some(interpreter) = elf.interpreter else {
            return Ok((entry, 0));
        };
        let file = self.open_inode(interpreter.exe, 0);
        let loaded = match interpreter.header {
            Some(header) => self.load_elf_interp(current, file, header),
            None => Err(Errno::ELIBBAD),
        };
        self.fput(file);
        loaded.map_err(Death::ForcedSegv)
    }

    /// Maps a program interpreter. Returns its first instruction, and where it is loaded.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_interp()`.
    fn load_elf_interp(
        &mut self,
        current: TaskId,
        file: FileId,
        header: ElfHeader,
    ) -> Result<(u32, u32), Errno> {
        let table_size = header.table_size();
        let fits = header.is_loadable()
            && u32::from(header.e_phentsize) == ELF_PHDR_SIZE
            && (1..=PAGE_SIZE).contains(&table_size);
        if !fits {
            return Err(Errno::ELIBBAD);
        }
        let exe = self.open_files[file].inode();
        let bytes = self.read_fully(exe, header.e_phoff, table_size)?;
        let table = ProgramHeader::parse_table(&bytes);
        let segments = table.iter().filter(|header| header.p_type == PT_LOAD);
        let (mut load_addr, mut file_end, mut end) = (None, 0, 0);
        for segment in segments {
            let mut flags = MapFlags::DENYWRITE;
            if header.e_type != ET_DYN || load_addr.is_some() {
                flags |= MapFlags::FIXED;
            }
            let hint = segment.p_vaddr.wrapping_add(load_addr.unwrap_or(0));
            let mapped = self.elf_map(current, file, as_segment(segment, hint, flags))?;
            let at = match header.e_type {
                ET_DYN => *load_addr.get_or_insert(mapped.wrapping_sub(page_start(hint))),
                _ => 0,
            };
            let vaddr = at.wrapping_add(segment.p_vaddr);
            if is_out_of_bounds(vaddr, segment) {
                return Err(Errno::ENOMEM);
            }
            file_end = file_end.max(vaddr.wrapping_add(segment.p_filesz));
            end = end.max(vaddr.wrapping_add(segment.p_memsz));
        }
        self.padzero(current, file_end, u32::MAX)?;
        self.elf_bss(current, file_end, end)?;
        let base = load_addr.unwrap_or(0);
        Ok((header.e_entry.wrapping_add(base), base))
    }

    /// Lets a task die that could not load its new program, and has lost its old one.
    pub(super) fn die_in_exec(&mut self, current: TaskId, death: Death) -> Errno {
        let (errno, signal) = match death {
            Death::Kill(errno) => (errno, Signal::SIGKILL),
            Death::Segv(errno) => (errno, Signal::SIGSEGV),
            Death::ForcedSegv(errno) => {
                self.force_signal(current, Signal::SIGSEGV);
                return errno;
            }
        };
        // An ordinary signal: task 1 survives it, and whoever ignores SIGSEGV.
        let _sent = self.specific_send_sig_info(signal, SendInfo::From(current), current);
        errno
    }
}

/// The first address of a page.
const fn page_start(addr: u32) -> u32 {
    addr & !(PAGE_SIZE - 1)
}

fn as_segment(header: &ProgramHeader, addr: u32, flags: MapFlags) -> Segment {
    Segment {
        addr,
        offset: header.p_offset,
        filesz: header.p_filesz,
        prot: prot_of(header),
        flags,
    }
}
