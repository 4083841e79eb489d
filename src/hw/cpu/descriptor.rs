//! Segment descriptors: as user space describes a segment, and as the CPU reads it from a table.

use std::fmt;

/// A segment descriptor as the CPU reads it from a descriptor table: two words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SegmentDescriptor {
    /// Bits 31..0: base 15..0 above limit 15..0.
    pub low: u32,
    /// Bits 63..32: base 31..24 and 23..16, limit 19..16, type and flags.
    pub high: u32,
}

impl SegmentDescriptor {
    /// The descriptor of a user-mode data segment, without any checks.
    ///
    /// Linux 2.6.12: `include/asm-i386/desc.h`, `LDT_entry_a()` and `LDT_entry_b()`.
    pub const fn from_user_desc(desc: &UserDesc) -> Self {
        /// Descriptor privilege level 3, code or data segment.
        const USER_SEGMENT: u32 = 0x7000;
        let contents = desc.flags >> 1 & 3;
        Self {
            low: desc.base << 16 | desc.limit & 0xffff,
            high: desc.base & 0xff00_0000
                | desc.base >> 16 & 0xff
                | desc.limit & 0xf_0000
                | USER_SEGMENT
                | (desc.flag(UserDesc::READ_EXEC_ONLY) ^ 1) << 9
                | contents << 10
                | (desc.flag(UserDesc::SEG_NOT_PRESENT) ^ 1) << 15
                | desc.flag(UserDesc::USEABLE) << 20
                | desc.flag(UserDesc::SEG_32BIT) << 22
                | desc.flag(UserDesc::LIMIT_IN_PAGES) << 23,
        }
    }
}

impl UserDesc {
    /// What a descriptor says, as entry `entry_number` of the table.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `sys_get_thread_area()`.
    pub const fn of_descriptor(entry_number: i32, descriptor: SegmentDescriptor) -> Self {
        let SegmentDescriptor { low, high } = descriptor;
        Self {
            entry_number,
            base: low >> 16 | (high & 0xff) << 16 | high & 0xff00_0000,
            limit: low & 0xffff | high & 0xf_0000,
            flags: high >> 22 & 1
                | (high >> 10 & 3) << 1
                | (high >> 9 & 1 ^ 1) << 3
                | (high >> 23 & 1) << 4
                | (high >> 15 & 1 ^ 1) << 5
                | (high >> 20 & 1) << 6,
        }
    }
}

impl fmt::Display for SegmentDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x} {:#010x}", self.low, self.high)
    }
}

/// `struct user_desc`: a segment as user space describes it to `clone` and `set_thread_area`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserDesc {
    /// Index in the descriptor table, or -1 to have one chosen.
    pub entry_number: i32,
    /// Linear address of the segment.
    pub base: u32,
    /// Last offset in the segment, in bytes or pages.
    pub limit: u32,
    /// The bit fields: the constants below, and the contents type in bits 1 and 2.
    pub flags: u32,
}

impl UserDesc {
    /// How many bytes it takes in user memory.
    pub const SIZE: usize = 16;
    /// `GDT_ENTRY_TLS_MIN`: the first of the three entries of the GDT that user space may set.
    pub const ENTRY_TLS_MIN: i32 = 6;
    const TLS_ENTRIES: usize = 3;
    /// 32-bit segment.
    pub const SEG_32BIT: u32 = 1 << 0;
    /// Not writable.
    pub const READ_EXEC_ONLY: u32 = 1 << 3;
    /// The limit counts pages of 4096 bytes.
    pub const LIMIT_IN_PAGES: u32 = 1 << 4;
    /// The segment cannot be used.
    pub const SEG_NOT_PRESENT: u32 = 1 << 5;
    /// The bit that is available to software.
    pub const USEABLE: u32 = 1 << 6;
    /// The bits of the flags word that have a meaning.
    const NAMED: u32 = 0x7f;

    /// Reads it as it lies in user memory: four little-endian words.
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let (words, _) = bytes.as_chunks();
        let word = |i: usize| u32::from_le_bytes(words[i]);
        Self {
            entry_number: word(0) as i32,
            base: word(1),
            limit: word(2),
            flags: word(3),
        }
    }

    /// Writes it as it lies in user memory.
    pub fn to_bytes(self) -> Vec<u8> {
        [self.entry_number as u32, self.base, self.limit, self.flags]
            .map(u32::to_le_bytes)
            .concat()
    }

    /// Which of the three TLS descriptors it is for, if for any.
    pub fn tls_slot(&self) -> Option<usize> {
        let slot = usize::try_from(self.entry_number.checked_sub(Self::ENTRY_TLS_MIN)?).ok()?;
        (slot < Self::TLS_ENTRIES).then_some(slot)
    }

    /// Whether it is the pattern that means "clear the entry". Bits of the flags word without a
    /// meaning are padding and ignored.
    ///
    /// Linux 2.6.12: `include/asm-i386/desc.h`, `LDT_empty()`.
    pub const fn is_empty(&self) -> bool {
        let nothing = Self::READ_EXEC_ONLY | Self::SEG_NOT_PRESENT;
        self.base == 0 && self.limit == 0 && self.flags & Self::NAMED == nothing
    }

    /// The descriptor that it stands for: all zeros for the pattern that clears an entry.
    pub fn descriptor(&self) -> SegmentDescriptor {
        if self.is_empty() {
            SegmentDescriptor::default()
        } else {
            SegmentDescriptor::from_user_desc(self)
        }
    }

    const fn flag(&self, flag: u32) -> u32 {
        (self.flags & flag != 0) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn desc(base: u32, limit: u32, flags: u32) -> UserDesc {
        UserDesc {
            entry_number: 6,
            base,
            limit,
            flags,
        }
    }

    /// The first row is process example 24; each of the others sets a single field.
    #[test]
    fn a_user_desc_is_packed_into_two_words() {
        for (base, limit, flags, words) in [
            (0x1234_5678, 0xf_ffff, 0x51, "0x5678ffff 0x12dff234"),
            (0, 0, 0x00, "0x00000000 0x0000f200"),
            (0xff00_0000, 0, 0x00, "0x00000000 0xff00f200"),
            (0x00ff_0000, 0, 0x00, "0x00000000 0x0000f2ff"),
            (0x0000_ffff, 0, 0x00, "0xffff0000 0x0000f200"),
            (0, 0xffff_ffff, 0x00, "0x0000ffff 0x000ff200"),
            (0, 0, 0x01, "0x00000000 0x0040f200"),
            (0, 0, 0x02, "0x00000000 0x0000f600"),
            (0, 0, 0x04, "0x00000000 0x0000fa00"),
            (0, 0, 0x08, "0x00000000 0x0000f000"),
            (0, 0, 0x10, "0x00000000 0x0080f200"),
            (0, 0, 0x20, "0x00000000 0x00007200"),
            (0, 0, 0x40, "0x00000000 0x0010f200"),
        ] {
            let packed = SegmentDescriptor::from_user_desc(&desc(base, limit, flags));
            assert_eq!(packed.to_string(), words, "{base:#x} {limit:#x} {flags:#x}");
        }
    }

    #[test]
    fn a_descriptor_says_what_it_was_made_of() {
        for flags in 0..0x80 {
            let desc = desc(0x1234_5678, 0x9_abcd, flags);
            let packed = SegmentDescriptor::from_user_desc(&desc);
            assert_eq!(UserDesc::of_descriptor(6, packed), desc);
        }
    }

    #[test]
    fn only_one_pattern_of_flags_without_base_and_limit_is_empty() {
        for flags in [0x28, 0x80 | 0x28, 0xffff_ff80 | 0x28] {
            assert!(desc(0, 0, flags).is_empty(), "{flags:#x}");
        }
        let bit = |n: u32| desc(0, 0, 0x28 ^ 1 << n);
        let others = (0..7).map(bit);
        for other in others.chain([desc(0, 0, 0), desc(1, 0, 0x28), desc(0, 1, 0x28)]) {
            assert!(!other.is_empty(), "{other:?}");
        }
    }
}
