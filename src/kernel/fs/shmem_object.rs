//! An object of shared memory: its size, and when its memory is accounted.

use crate::abi::PAGE_SIZE;

/// When the pages of an object count as committed memory: `VM_ACCOUNT` in `shmem_inode_info`.
///
/// Linux 2.6.12: `mm/shmem.c`, `shmem_acct_size()` and `shmem_acct_block()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShmemAccount {
    /// All of them when it is created.
    InFull,
    /// Each when it is touched for the first time.
    ByPage,
}

/// The object behind shared anonymous memory or a System V segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShmemObject {
    /// Its size in bytes.
    pub size: u32,
    /// When its memory is accounted.
    pub account: ShmemAccount,
}

impl ShmemObject {
    /// How many pages are committed for it while it has `allocated` pages in memory or in swap.
    pub const fn committed(&self, allocated: u32) -> u32 {
        match self.account {
            ShmemAccount::InFull => self.size.div_ceil(PAGE_SIZE),
            ShmemAccount::ByPage => allocated,
        }
    }
}
