//! Segment registers with the descriptors that the CPU has read for them, and the checks made when
//! they are loaded and used.
//!
//! The global descriptor table is the kernel's: flat user code and data, and three entries for
//! thread-local storage. All other entries and the local table belong to the kernel or do not
//! exist, and are rejected alike. The descriptor is read when a register is loaded and when a run
//! begins, as if the kernel had reloaded the registers on its way to user mode.

use super::{Exception, SegmentDescriptor};
use crate::hw::AccessKind;

/// Numbers of the segment registers, as in opcodes.
pub(super) const ES: usize = 0;
pub(super) const CS: usize = 1;
pub(super) const SS: usize = 2;
pub(super) const DS: usize = 3;
pub(super) const FS: usize = 4;
pub(super) const GS: usize = 5;

const USER_CODE: SegmentDescriptor = SegmentDescriptor {
    low: 0xffff,
    high: 0x00cf_fa00,
};
const USER_DATA: SegmentDescriptor = SegmentDescriptor {
    low: 0xffff,
    high: 0x00cf_f200,
};

/// A segment register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment {
    pub(super) selector: u16,
    base: u32,
    /// The offsets that may be used, both inclusive; none if `first` is greater than `last`.
    first: u32,
    last: u32,
    readable: bool,
    writable: bool,
}

impl Segment {
    /// A null selector: every use is a violation.
    const fn unusable(selector: u16) -> Self {
        Self {
            selector,
            base: 0,
            first: 1,
            last: 0,
            readable: false,
            writable: false,
        }
    }

    /// The segment that the kernel left in a register, whatever it is.
    pub(super) fn inherited(selector: u16, tls: &[SegmentDescriptor; 3]) -> Self {
        let descriptor = descriptor(selector, tls).filter(|d| d.is_present());
        descriptor.map_or(Self::unusable(selector), |d| d.segment(selector))
    }

    /// The effect of `mov` or `pop` to ES, DS, FS or GS.
    pub(super) fn load(selector: u16, tls: &[SegmentDescriptor; 3]) -> Result<Self, Exception> {
        if selector < 4 {
            return Ok(Self::unusable(selector));
        }
        let violation = Exception::GeneralProtection(selector & !3);
        let descriptor = descriptor(selector, tls).ok_or(violation)?;
        if !descriptor.is_readable() {
            return Err(violation);
        }
        if !descriptor.is_present() {
            return Err(Exception::SegmentNotPresent(selector & !3));
        }
        Ok(descriptor.segment(selector))
    }

    /// The effect of `mov` or `pop` to SS.
    pub(super) fn load_stack(
        selector: u16,
        tls: &[SegmentDescriptor; 3],
    ) -> Result<Self, Exception> {
        let violation = Exception::GeneralProtection(selector & !3);
        let descriptor = descriptor(selector, tls)
            .filter(|d| d.is_writable() && selector & 3 == 3)
            .ok_or(violation)?;
        if !descriptor.is_present() {
            return Err(Exception::StackSegment(selector & !3));
        }
        Ok(descriptor.segment(selector))
    }

    /// Whether it covers the whole address space and is writable, so that no checks are needed.
    pub(super) const fn is_flat(&self) -> bool {
        self.base == 0 && self.first == 0 && self.last == u32::MAX && self.writable
    }

    /// The linear address of `len` bytes at an offset; `None` if the access is not permitted.
    pub(super) const fn linear(&self, offset: u32, len: u32, kind: AccessKind) -> Option<u32> {
        let allowed = match kind {
            AccessKind::Write => self.writable,
            AccessKind::Read | AccessKind::Fetch => self.readable,
        };
        let Some(end) = offset.checked_add(len - 1) else {
            return if allowed && self.first == 0 && self.last == u32::MAX {
                Some(self.base.wrapping_add(offset))
            } else {
                None
            };
        };
        if allowed && offset >= self.first && end <= self.last {
            Some(self.base.wrapping_add(offset))
        } else {
            None
        }
    }
}

/// The user-mode descriptor that a selector names; `None` for a null selector.
fn descriptor(selector: u16, tls: &[SegmentDescriptor; 3]) -> Option<SegmentDescriptor> {
    const LOCAL_TABLE: u16 = 4;
    if selector & LOCAL_TABLE != 0 {
        return None;
    }
    let found = match selector >> 3 {
        entry @ 6..=8 => tls[usize::from(entry) - 6],
        14 => USER_CODE,
        15 => USER_DATA,
        _ => return None,
    };
    found.is_of_user_mode().then_some(found)
}

impl SegmentDescriptor {
    const fn is_present(self) -> bool {
        self.high & 0x8000 != 0
    }

    /// Whether it is not a system descriptor and has privilege level 3. A cleared entry fails both.
    const fn is_of_user_mode(self) -> bool {
        self.high & 0x7000 == 0x7000
    }

    const fn is_code(self) -> bool {
        self.high & 0x800 != 0
    }

    const fn is_readable(self) -> bool {
        !self.is_code() || self.high & 0x200 != 0
    }

    const fn is_writable(self) -> bool {
        !self.is_code() && self.high & 0x200 != 0
    }

    const fn base(self) -> u32 {
        self.high & 0xff00_0000 | (self.high & 0xff) << 16 | self.low >> 16
    }

    /// The last offset, in bytes.
    const fn limit(self) -> u32 {
        let limit = self.high & 0xf_0000 | self.low & 0xffff;
        if self.high & 1 << 23 != 0 {
            limit << 12 | 0xfff
        } else {
            limit
        }
    }

    const fn segment(self, selector: u16) -> Segment {
        let expands_down = !self.is_code() && self.high & 0x400 != 0;
        let (first, last) = if !expands_down {
            (0, self.limit())
        } else if self.limit() == u32::MAX {
            (1, 0)
        } else {
            let big = self.high & 1 << 22 != 0;
            (self.limit() + 1, if big { u32::MAX } else { 0xffff })
        };
        Segment {
            selector,
            base: self.base(),
            first,
            last,
            readable: self.is_readable(),
            writable: self.is_writable(),
        }
    }
}
