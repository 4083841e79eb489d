//! Arguments of the memory system calls: `PROT_*` and `MAP_*`.

use bitflags::bitflags;

bitflags! {
    /// `PROT_*` of `mmap` and `mprotect`. `PROT_NONE` is the empty set.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Prot: u32 {
        /// Pages may be read.
        const READ = 1;
        /// Pages may be written.
        const WRITE = 2;
        /// Pages may be executed; on i386 the same as readable.
        const EXEC = 4;
    }

    /// `MAP_*` of `mmap`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MapFlags: u32 {
        /// All who map the object see changes.
        const SHARED = 0x01;
        /// Changes are private, by copy on write.
        const PRIVATE = 0x02;
        /// Exactly at the given address, replacing what is mapped there.
        const FIXED = 0x10;
        /// No file: zero-filled memory.
        const ANONYMOUS = 0x20;
        /// Grows downward like a stack.
        const GROWSDOWN = 0x0100;
        /// Ignored by the kernel.
        const DENYWRITE = 0x0800;
        /// Ignored by the kernel.
        const EXECUTABLE = 0x1000;
        /// Locked in RAM.
        const LOCKED = 0x2000;
        /// No overcommit accounting.
        const NORESERVE = 0x4000;
        /// Fault the pages in at once (shared mappings only).
        const POPULATE = 0x8000;
        /// With `POPULATE`: do not block.
        const NONBLOCK = 0x1_0000;
    }
}

impl MapFlags {
    /// `MAP_TYPE`: the bits that select shared or private.
    pub const TYPE: u32 = 0xf;
}
