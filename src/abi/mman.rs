//! Arguments of the memory system calls: `PROT_*` and `MAP_*`.

/// Where the user's half of the address space ends and the kernel's begins.
pub const TASK_SIZE: u32 = 0xc000_0000;

constants! {
    /// `prot` of mmap: no access.
    PROT_NONE: u32 = 0;
    /// A flag of msync: what was stored becomes dirty in the page cache, and nothing is written yet.
    MS_ASYNC: u32 = 1;
    /// A flag of msync: refused for locked areas, and otherwise without effect.
    MS_INVALIDATE: u32 = 2;
    /// A flag of msync: the whole file is written to the disk, and the call sleeps until it is there.
    MS_SYNC: u32 = 4;
    /// A flag of mlockall: all memory that is mapped now.
    MCL_CURRENT: u32 = 1;
    /// A flag of mlockall: all memory that will be mapped.
    MCL_FUTURE: u32 = 2;
    /// Advice for madvise: no special treatment.
    MADV_NORMAL: i32 = 0;
    /// Advice for madvise: pages are read in no order, so that reading ahead is no use.
    MADV_RANDOM: i32 = 1;
    /// Advice for madvise: pages are read from front to back.
    MADV_SEQUENTIAL: i32 = 2;
    /// Advice for madvise: the pages of the file will be needed soon.
    MADV_WILLNEED: i32 = 3;
    /// Advice for madvise: the pages are not needed any more; private data is lost at once.
    MADV_DONTNEED: i32 = 4;
    /// A flag of swapon: the low bits are the priority.
    SWAP_FLAG_PREFER: u32 = 0x8000;
    /// The bits of the flags of swapon that are the priority.
    SWAP_FLAG_PRIO_MASK: u32 = 0x7fff;
}

flags! {
    /// `PROT_*` of `mmap` and `mprotect`. `PROT_NONE` is the empty set.
    pub struct Prot {
        /// `prot` of mmap: pages may be read.
        READ "PROT_READ" = 1;
        /// `prot` of mmap: pages may be written.
        WRITE "PROT_WRITE" = 2;
        /// `prot` of mmap: pages may be executed; the same as PROT_READ on i386.
        EXEC "PROT_EXEC" = 4;
        /// `prot` of mmap: pages may hold atomic operations; i386 needs nothing for it.
        SEM "PROT_SEM" = 8;
        /// `prot` of mprotect: from the start of the area, which must grow downward.
        GROWSDOWN "PROT_GROWSDOWN" = 0x0100_0000;
        /// `prot` of mprotect: to the end of the area, which must grow upward; none does on i386.
        GROWSUP "PROT_GROWSUP" = 0x0200_0000;
    }
}

impl Prot {
    /// The rights that pages can have.
    pub const RIGHTS: Self = Self::READ.union(Self::WRITE).union(Self::EXEC);
}

flags! {
    /// `MAP_*` of `mmap`.
    pub struct MapFlags {
        /// A flag of mmap: all processes that map the memory see changes.
        SHARED "MAP_SHARED" = 0x01;
        /// A flag of mmap: changes are private, by copy on write.
        PRIVATE "MAP_PRIVATE" = 0x02;
        /// A flag of mmap: exactly at that address, replacing what is mapped there.
        FIXED "MAP_FIXED" = 0x10;
        /// A flag of mmap: zero-filled memory, without a file.
        ANONYMOUS "MAP_ANONYMOUS" = 0x20;
        /// A flag of mmap: the area grows downward, like a stack.
        GROWSDOWN "MAP_GROWSDOWN" = 0x0100;
        /// A flag of mmap: the kernel ignores it.
        DENYWRITE "MAP_DENYWRITE" = 0x0800;
        /// A flag of mmap: the kernel ignores it.
        EXECUTABLE "MAP_EXECUTABLE" = 0x1000;
        /// A flag of mmap: the memory is locked in RAM.
        LOCKED "MAP_LOCKED" = 0x2000;
        /// A flag of mmap: no memory is committed for the area.
        NORESERVE "MAP_NORESERVE" = 0x4000;
        /// A flag of mmap: pages are faulted in at once.
        POPULATE "MAP_POPULATE" = 0x8000;
        /// A flag of mmap: with MAP_POPULATE, do not wait for I/O.
        NONBLOCK "MAP_NONBLOCK" = 0x1_0000;
    }
}

flags! {
    /// `MREMAP_*` of `mremap`.
    pub struct RemapFlags {
        /// A flag of mremap: the mapping may move if it cannot grow where it is.
        MAYMOVE "MREMAP_MAYMOVE" = 1;
        /// A flag of mremap: it moves to exactly that address, replacing what is mapped there.
        FIXED "MREMAP_FIXED" = 2;
    }
}

impl MapFlags {
    /// `MAP_TYPE`: the bits that select shared or private.
    pub const TYPE: u32 = 0xf;
}
