//! Why the kernel has no memory for something, in words that events can hold.

use super::alloc::Allocation;
use crate::abi::{Errno, PAGE_SHIFT};
use std::fmt;

/// A request that the overcommit check refuses.
///
/// Linux 2.6.12: `mm/mmap.c`, `__vm_enough_memory()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overcommitted {
    /// Pages requested.
    pub pages: u32,
    /// Pages obtainable. The check requires more of them than were requested.
    pub obtainable: u32,
    /// Whether that is what is left of the commit limit (`vm.overcommit_memory` 2), and not what
    /// could be freed (0).
    pub strict: bool,
}

/// Why an allocation fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoMemory {
    /// No page frame is free.
    NoFrame,
    /// A fail point made it fail.
    Forced(Allocation),
    /// The overcommit check refuses the request.
    Overcommitted(Overcommitted),
}

impl From<Overcommitted> for NoMemory {
    fn from(refusal: Overcommitted) -> Self {
        Self::Overcommitted(refusal)
    }
}

impl From<NoMemory> for Errno {
    fn from(_: NoMemory) -> Self {
        Self::ENOMEM
    }
}

impl From<Overcommitted> for Errno {
    fn from(_: Overcommitted) -> Self {
        Self::ENOMEM
    }
}

impl fmt::Display for Overcommitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wanted, obtainable) = (size(self.pages), size(self.obtainable));
        if self.strict {
            let left = "left of the commit limit (overcommit_memory 2)";
            write!(f, "{wanted} requested, {obtainable} {left}")
        } else {
            let what = "obtainable (overcommit)";
            write!(f, "{wanted} requested, {obtainable} {what}")
        }
    }
}

/// A number of pages as a size: `8 MiB`, `100 KiB`.
fn size(pages: u32) -> String {
    let kib = u64::from(pages) << PAGE_SHIFT >> 10;
    match kib {
        0 => "nothing".to_owned(),
        kib if kib.is_multiple_of(1024) => format!("{} MiB", kib / 1024),
        kib => format!("{kib} KiB"),
    }
}
