//! Arguments of the memory system calls: `PROT_*` and `MAP_*`.

/// Where the user's half of the address space ends and the kernel's begins.
pub const TASK_SIZE: u32 = 0xc000_0000;

constants! {
    /// `prot` of mmap: no access.
    PROT_NONE: u32 = 0;
}

flags! {
    /// `PROT_*` of `mmap` and `mprotect`. `PROT_NONE` is the empty set.
    pub struct Prot {
        /// `prot` of mmap: pages may be read.
        READ "PROT_READ" = 1;
        /// `prot` of mmap: pages may be written.
        WRITE "PROT_WRITE" = 2;
        /// `prot` of mmap: pages may be executed; on i386 the same as read.
        EXEC "PROT_EXEC" = 4;
    }
}

flags! {
    /// `MAP_*` of `mmap`.
    pub struct MapFlags {
        /// A flag of mmap: changes are seen by all who map it.
        SHARED "MAP_SHARED" = 0x01;
        /// A flag of mmap: changes stay private, by copy on write.
        PRIVATE "MAP_PRIVATE" = 0x02;
        /// A flag of mmap: at that address, replacing what is there.
        FIXED "MAP_FIXED" = 0x10;
        /// A flag of mmap: no file, zeroed memory.
        ANONYMOUS "MAP_ANONYMOUS" = 0x20;
        /// A flag of mmap: grows downward like a stack.
        GROWSDOWN "MAP_GROWSDOWN" = 0x0100;
        /// A flag of mmap: the kernel ignores it.
        DENYWRITE "MAP_DENYWRITE" = 0x0800;
        /// A flag of mmap: the kernel ignores it.
        EXECUTABLE "MAP_EXECUTABLE" = 0x1000;
        /// A flag of mmap: locked into memory.
        LOCKED "MAP_LOCKED" = 0x2000;
        /// A flag of mmap: not counted against what may be promised.
        NORESERVE "MAP_NORESERVE" = 0x4000;
        /// A flag of mmap: pages are faulted in at once.
        POPULATE "MAP_POPULATE" = 0x8000;
        /// A flag of mmap: with MAP_POPULATE, without waiting.
        NONBLOCK "MAP_NONBLOCK" = 0x1_0000;
    }
}

impl MapFlags {
    /// `MAP_TYPE`: the bits that select shared or private.
    pub const TYPE: u32 = 0xf;
}
