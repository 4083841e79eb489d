//! Which format a program file has: a program of forklab's own (a puppet, a workload, a script
//! function), an ELF file, or a script with `#!`. They are tried in this order.

use crate::abi::elf::ELFMAG;
use crate::abi::{Errno, InodeId, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;
use crate::kernel::syscall::{ExecArgs, MAX_ARG_BYTES, MAX_ARG_STRINGS};
use crate::kernel::task::{ExecIds, PendingExec};

/// How much of a file its format is recognised by.
///
/// Linux 2.6.12: `include/linux/binfmts.h`, `BINPRM_BUF_SIZE`.
pub(super) const BINPRM_BUF_SIZE: usize = 128;

/// The permissions to execute of owner, group and others.
const ANY_EXECUTE: u32 = 0o111;

/// What an exec works on: the file that was named or, for a script, its interpreter.
///
/// Linux 2.6.12: `include/linux/binfmts.h`, `struct linux_binprm`.
#[derive(Clone, Debug)]
pub(super) struct Binprm {
    /// The file to be executed.
    pub exe: InodeId,
    /// Path, arguments and environment. The path is that of the script, if there is one.
    pub args: ExecArgs,
    /// The ids that the file gives.
    pub ids: ExecIds,
    /// The beginning of the file, filled up with zeros.
    pub buf: [u8; BINPRM_BUF_SIZE],
    /// Whether this exec has gone through a script already; only one is allowed.
    pub sh_bang: bool,
}

impl ExecArgs {
    /// Bytes that path, arguments and environment take on the new stack.
    pub(super) fn bytes(&self) -> usize {
        let strings = self.argv.iter().chain(&self.envp);
        self.path.len() + 1 + strings.map(|s| s.len() + 1).sum::<usize>()
    }

    /// Whether there is room for them.
    ///
    /// # Errors
    /// `E2BIG`.
    pub(super) fn check_size(&self) -> Result<(), Errno> {
        let most = self.argv.len().max(self.envp.len());
        if most > MAX_ARG_STRINGS || self.bytes() > MAX_ARG_BYTES {
            return Err(Errno::E2BIG);
        }
        Ok(())
    }
}

impl Kernel {
    /// Finds the format that accepts a file, and does all that can fail before the old program
    /// goes.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `search_binary_handler()`. Modules with further formats are never
    /// loaded.
    ///
    /// # Errors
    /// `ENOEXEC` if no format accepts it; the errors of the format that does.
    pub(super) fn search_binary_handler(
        &mut self,
        current: TaskId,
        exe: InodeId,
        args: &ExecArgs,
    ) -> Result<PendingExec, Errno> {
        args.check_size()?;
        if !matches!(self.inodes[exe].kind, InodeKind::Regular(_)) {
            return self.prepare_exec(current, exe, args);
        }
        let mut bprm = Binprm {
            exe,
            args: args.clone(),
            ids: ExecIds::default(),
            buf: [0; BINPRM_BUF_SIZE],
            sh_bang: false,
        };
        loop {
            if !matches!(self.inodes[bprm.exe].kind, InodeKind::Regular(_)) {
                return self.prepare_exec(current, bprm.exe, &bprm.args);
            }
            self.prepare_binprm(current, &mut bprm)?;
            match self.load_elf_binary(current, &bprm) {
                Err(Errno::ENOEXEC) => self.load_script(current, &mut bprm)?,
                done => return done,
            }
        }
    }

    /// Reads the beginning of the file, and which ids it gives.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `prepare_binprm()`.
    ///
    /// # Errors
    /// `ENOMEM` for a page that is not cached.
    fn prepare_binprm(&mut self, current: TaskId, bprm: &mut Binprm) -> Result<(), Errno> {
        let attr = self.inodes[bprm.exe].attr;
        bprm.ids = self.prepare_ids(current, attr.mode, (attr.uid, attr.gid));
        let bytes = self.kernel_read(bprm.exe, 0, BINPRM_BUF_SIZE as u32)?;
        bprm.buf = [0; BINPRM_BUF_SIZE];
        bprm.buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(())
    }

    /// Whether a file is marked as a program: a regular file that somebody may execute.
    pub fn may_execute(&self, exe: InodeId) -> bool {
        let inode = &self.inodes[exe];
        inode.kind.has_page_cache() && inode.attr.mode & ANY_EXECUTE != 0
    }
}

/// Whether a file begins like an ELF file.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(&ELFMAG)
}
