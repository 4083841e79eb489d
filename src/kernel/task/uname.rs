//! What the system is called: `uname` in its three forms, and `personality`, as which system the
//! kernel shows itself to a task.

use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// `__NEW_UTS_LEN` and `__OLD_UTS_LEN`, each with the null byte.
const NEW_FIELD: usize = 65;
const OLD_FIELD: usize = 9;
/// The personality that only asks for the present one.
const QUERY: u32 = u32::MAX;
/// The personality of programs of old that execute what they may read.
///
/// Linux 2.6.12: `include/linux/personality.h`, `READ_IMPLIES_EXEC`.
const READ_IMPLIES_EXEC: u32 = 0x0040_0000;
/// The personality of programs of System V, which read from address 0.
///
/// Linux 2.6.12: `include/linux/personality.h`, `MMAP_PAGE_ZERO`.
const MMAP_PAGE_ZERO: u32 = 0x0010_0000;
/// The personality of programs of old whose timeouts `select` does not change.
///
/// Linux 2.6.12: `include/linux/personality.h`, `STICKY_TIMEOUTS`.
const STICKY_TIMEOUTS: u32 = 0x0400_0000;

/// `system_utsname`: system, node, release, version, machine, domain.
///
/// Linux 2.6.12: `include/linux/uts.h`; `init/version.c`, `system_utsname`.
const UTSNAME: [&str; 6] = [
    "Linux",
    "(none)",
    "2.6.12-rc2",
    "#1 Sat Apr 16 22:20:36 UTC 2005",
    "i686",
    "(none)",
];

/// The release that later C libraries ask for at least, on a machine with `compat`.
const LATER_RELEASE: &str = "3.2.0";

/// These fields, each cut to its size and null-terminated.
fn fields(texts: &[&str], size: usize) -> Vec<u8> {
    let field = |text: &&str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(size - 1, 0);
        bytes.push(0);
        bytes
    };
    texts.iter().flat_map(field).collect()
}

impl Kernel {
    /// What this machine is called.
    pub(in crate::kernel) const fn utsname(&self) -> [&'static str; 6] {
        let mut utsname = UTSNAME;
        if self.config.compat {
            utsname[2] = LATER_RELEASE;
        }
        utsname
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_newuname()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_newuname(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let bytes = fields(&self.utsname(), NEW_FIELD);
        self.copy_to_user(current, addr, &bytes).map(|()| 0)
    }

    /// Without the domain.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `sys_uname()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_uname(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let bytes = fields(&self.utsname()[..5], NEW_FIELD);
        self.copy_to_user(current, addr, &bytes).map(|()| 0)
    }

    /// Without the domain, and with at most eight letters for each.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `sys_olduname()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_olduname(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let bytes = fields(&self.utsname()[..5], OLD_FIELD);
        self.copy_to_user(current, addr, &bytes).map(|()| 0)
    }

    /// Sets the personality and returns the old one.
    ///
    /// Simplified: besides `READ_IMPLIES_EXEC` and `STICKY_TIMEOUTS` it is only kept and inherited.
    ///
    /// Linux 2.6.12: `kernel/exec_domain.c`, `sys_personality()`.
    pub(in crate::kernel) fn sys_personality(&mut self, current: TaskId, persona: u32) -> u32 {
        let task = self.task_mut(current);
        match persona {
            QUERY => task.personality,
            _ => std::mem::replace(&mut task.personality, persona),
        }
    }

    /// From now on the task may execute what it may read; programs inherit that.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_binary()`, `elf_read_implies_exec()`.
    pub(in crate::kernel) fn set_read_implies_exec(&mut self, current: TaskId) {
        self.task_mut(current).personality |= READ_IMPLIES_EXEC;
    }

    /// Whether programs of a task find a page at address 0.
    pub(in crate::kernel) fn has_page_zero(&self, task: TaskId) -> bool {
        self.task(task).personality & MMAP_PAGE_ZERO != 0
    }

    /// Whether the program of a task expects that it may execute what it may read.
    pub(in crate::kernel) fn read_implies_exec(&self, task: TaskId) -> bool {
        self.task(task).personality & READ_IMPLIES_EXEC != 0
    }

    /// Whether the program of a task expects that `select` leaves its timeout alone.
    pub(in crate::kernel) fn has_sticky_timeouts(&self, task: TaskId) -> bool {
        self.task(task).personality & STICKY_TIMEOUTS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_padded_or_cut_to_their_fields() {
        let new = fields(&UTSNAME, NEW_FIELD);
        assert_eq!(new.len(), 390);
        assert!(new.starts_with(b"Linux\0") && new[130..].starts_with(b"2.6.12-rc2\0"));
        let old = fields(&UTSNAME[..5], OLD_FIELD);
        assert_eq!(old.len(), 45);
        assert_eq!(&old[18..27], b"2.6.12-r\0");
    }
}
