//! What the kernel allocates, in a form that events can hold.

use super::event::FrameUse;
use std::fmt;

/// Something that the kernel allocates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allocation {
    /// Page frames from the buddy allocator.
    Frame(FrameUse),
    /// An object from a slab cache.
    Slab(SlabCache),
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(usage) => write!(f, "{} frame", usage.name()),
            Self::Slab(cache) => write!(f, "{} object", cache.name()),
        }
    }
}

impl Allocation {
    /// The use of the frames, or the name of the slab cache.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frame(usage) => usage.name(),
            Self::Slab(cache) => cache.name(),
        }
    }
}

/// Kinds of kernel objects. Most have a slab cache of their own in 2.6.12, which gives them their
/// name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlabCache {
    /// `struct task_struct`.
    TaskStruct,
    /// `struct sem_undo_list`.
    SemUndo,
    /// `struct sem_undo`.
    SemUndoEntry,
    /// A queue entry (`struct sigqueue`).
    SigQueue,
    /// `struct sem_array`.
    SemArray,
    /// `struct shmid_kernel`.
    Shm,
    /// `struct files_struct`.
    Files,
    /// `struct fs_struct`.
    Fs,
    /// `struct sighand_struct`.
    Sighand,
    /// `struct signal_struct`.
    Signal,
    /// `struct mm_struct`.
    Mm,
    /// `struct namespace`.
    Namespace,
    /// `struct vm_area_struct`.
    Vma,
    /// `struct anon_vma`.
    AnonVma,
    /// `struct radix_tree_node`, of the swap cache.
    RadixTreeNode,
}

impl SlabCache {
    /// The name of the cache, or of the type if it is allocated by size.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskStruct => "task_struct",
            Self::SemUndo => "sem_undo_list",
            Self::SemUndoEntry => "sem_undo",
            Self::SigQueue => "sigqueue",
            Self::SemArray => "sem_array",
            Self::Shm => "shmid_kernel",
            Self::Files => "files_cache",
            Self::Fs => "fs_cache",
            Self::Sighand => "sighand_cache",
            Self::Signal => "signal_cache",
            Self::Mm => "mm_struct",
            Self::Namespace => "namespace",
            Self::Vma => "vm_area_struct",
            Self::AnonVma => "anon_vma",
            Self::RadixTreeNode => "radix_tree_node",
        }
    }
}
