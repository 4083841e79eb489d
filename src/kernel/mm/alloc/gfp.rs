//! The allocation flags of the page allocator: which zones, and how hard it may try.

use bitflags::bitflags;

bitflags! {
    /// The `gfp_mask` of an allocation, with the bit values of 2.6.12.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Gfp: u32 {
        /// Only frames below 16 MiB.
        const DMA = 0x01;
        /// Frames above 896 MiB are welcome too; this machine has none.
        const HIGHMEM = 0x02;
        /// The caller may sleep and reclaim.
        const WAIT = 0x10;
        /// The caller may use the emergency reserve: it halves the mark.
        const HIGH = 0x20;
        /// Reclaim may start physical I/O.
        const IO = 0x40;
        /// Reclaim may call into the file system.
        const FS = 0x80;
        /// A device will fill the frame, so that one that no cache holds will do.
        const COLD = 0x100;

        /// For interrupts and for callers that hold locks: cannot sleep, may use the reserve.
        const ATOMIC = Self::HIGH.bits();
        /// The kernel's own data: page tables, stacks, directories.
        const KERNEL = Self::WAIT.bits() | Self::IO.bits() | Self::FS.bits();
        /// Pages of user space that the kernel must reach directly.
        const USER = Self::KERNEL.bits();
        /// Ordinary pages of user space.
        const HIGHUSER = Self::USER.bits() | Self::HIGHMEM.bits();
    }
}
