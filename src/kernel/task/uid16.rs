//! The calls with ids of 16 bits: an id that does not fit shows as a number that stands for all of
//! these.

use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// `overflowuid` and `overflowgid`.
///
/// Linux 2.6.12: `include/linux/highuid.h`, `DEFAULT_OVERFLOWUID`.
const OVERFLOW_ID: u16 = 65534;

/// Linux 2.6.12: `include/linux/highuid.h`, `high2lowuid()` and `high2lowgid()`.
pub(in crate::kernel) const fn high2low(id: u32) -> u16 {
    if id > 0xffff { OVERFLOW_ID } else { id as u16 }
}

impl Kernel {
    /// Linux 2.6.12: `kernel/uid16.c`, `sys_getuid16()`.
    pub(in crate::kernel) fn sys_getuid16(&self, current: TaskId) -> u32 {
        high2low(self.sys_getuid(current)).into()
    }

    /// Linux 2.6.12: `kernel/uid16.c`, `sys_geteuid16()`.
    pub(in crate::kernel) fn sys_geteuid16(&self, current: TaskId) -> u32 {
        high2low(self.sys_geteuid(current)).into()
    }

    /// Linux 2.6.12: `kernel/uid16.c`, `sys_getgid16()`.
    pub(in crate::kernel) fn sys_getgid16(&self, current: TaskId) -> u32 {
        high2low(self.sys_getgid(current)).into()
    }

    /// Linux 2.6.12: `kernel/uid16.c`, `sys_getegid16()`.
    pub(in crate::kernel) fn sys_getegid16(&self, current: TaskId) -> u32 {
        high2low(self.sys_getegid(current)).into()
    }

    /// Linux 2.6.12: `kernel/uid16.c`, `sys_getresuid16()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_getresuid16(
        &mut self,
        current: TaskId,
        addrs: [VirtAddr; 3],
    ) -> Result<u32, Errno> {
        let cred = self.task(current).cred;
        self.put_low_ids(current, addrs, [cred.uid, cred.euid, cred.suid])
    }

    /// Linux 2.6.12: `kernel/uid16.c`, `sys_getresgid16()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_getresgid16(
        &mut self,
        current: TaskId,
        addrs: [VirtAddr; 3],
    ) -> Result<u32, Errno> {
        let cred = self.task(current).cred;
        self.put_low_ids(current, addrs, [cred.gid, cred.egid, cred.sgid])
    }

    fn put_low_ids(
        &mut self,
        current: TaskId,
        addrs: [VirtAddr; 3],
        ids: [u32; 3],
    ) -> Result<u32, Errno> {
        for (addr, id) in addrs.into_iter().zip(ids) {
            self.copy_to_user(current, addr, &high2low(id).to_le_bytes())?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_does_not_fit_shows_as_65534() {
        for (id, low) in [(0, 0), (500, 500), (65535, 65535), (65536, 65534)] {
            assert_eq!(high2low(id), low, "{id}");
        }
    }
}
