//! The bits of the control registers CR0 and CR4 that concern paging.

/// CR0.PE: protected mode.
pub const CR0_PE: u32 = 1 << 0;
/// CR0.WP: read-only pages are write-protected from the supervisor too.
pub const CR0_WP: u32 = 1 << 16;
/// CR0.PG: paging.
pub const CR0_PG: u32 = 1 << 31;
/// CR4.PSE: 4 MiB pages.
pub const CR4_PSE: u32 = 0x10;
/// CR4.PAE: page tables in the three-level format, which this MMU does not have.
pub const CR4_PAE: u32 = 0x20;
/// CR4.PGE: global pages.
pub const CR4_PGE: u32 = 0x80;
