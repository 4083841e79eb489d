//! A program that is ready to replace the old one: what exec keeps in the task while it waits for
//! other threads. For an ELF file that is what has been read of the file before the old memory goes,
//! because from then on no error can be returned.

use crate::abi::elf::{ElfHeader, ProgramHeader};
use crate::abi::{InodeId, MmId, PAGE_SIZE, Pfn, TASK_SIZE};
use crate::kernel::syscall::ExecArgs;

/// Size of the room for the strings of a new program at the end of the stack.
///
/// Linux 2.6.12: `include/linux/binfmts.h`, `MAX_ARG_PAGES`.
pub const ARG_WINDOW: u32 = 32 * PAGE_SIZE;

/// The pages with the strings of a new program, until its stack maps them.
///
/// Linux 2.6.12: `include/linux/binfmts.h`, `struct linux_binprm`, `page` and `p`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ArgPages {
    /// The frames, the topmost page first.
    pub frames: Vec<Pfn>,
    /// Where the first string begins in the room, a byte offset.
    pub p: u32,
}

impl ArgPages {
    /// Address of the first string.
    pub const fn arg_start(&self) -> u32 {
        TASK_SIZE - ARG_WINDOW + self.p
    }
}

/// What the file of a program says about the ids of whoever executes it.
///
/// Linux 2.6.12: `include/linux/binfmts.h`, `struct linux_binprm`, `e_uid`, `e_gid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExecIds {
    /// The effective user id to be.
    pub e_uid: u32,
    /// The effective group id to be.
    pub e_gid: u32,
}

/// Whether the stack of a program is executable, by its `PT_GNU_STACK`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ExecStack {
    /// It says nothing, like programs of old: whatever is readable is executable.
    #[default]
    Default,
    /// It asks for an executable stack.
    Enabled,
    /// It does without.
    Disabled,
}

/// The program interpreter that an ELF file asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interpreter {
    /// Its file; a reference is held.
    pub exe: InodeId,
    /// Its header; `None` if it is an ancient `a.out` program.
    pub header: Option<ElfHeader>,
}

/// An ELF file that has passed all checks before the point of no return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingElf {
    /// The strings of the new program.
    pub pages: ArgPages,
    /// The same strings, to find where each begins.
    pub args: ExecArgs,
    /// Its header.
    pub header: ElfHeader,
    /// Its program headers.
    pub table: Vec<ProgramHeader>,
    /// Its program interpreter.
    pub interpreter: Option<Interpreter>,
    /// Whether its stack is executable.
    pub stack: ExecStack,
    /// The ids that its file gives.
    pub ids: ExecIds,
    /// Whether the caller may read the file; if not, nobody may look into its memory.
    pub readable: bool,
}

/// What becomes of the new address space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NewProgram {
    /// It is complete; this is the initial stack pointer.
    Mapped(u32),
    /// It is empty, and an ELF file is to be mapped into it.
    Elf(Box<PendingElf>),
}

/// A program that is ready to replace the old one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingExec {
    /// Its address space, to which this is the only reference.
    pub mm: MmId,
    /// What becomes of it.
    pub program: NewProgram,
    /// The program file.
    pub exe: InodeId,
    /// The path that was passed to `execve`.
    pub path: String,
}

impl PendingExec {
    /// The frames of strings that nobody maps yet.
    pub fn frames(&self) -> &[Pfn] {
        match &self.program {
            NewProgram::Mapped(_) => &[],
            NewProgram::Elf(elf) => &elf.pages.frames,
        }
    }
}
