//! The page fault exception: what the hardware reports to the kernel.

use super::{Access, AccessKind, Mode};
use crate::abi::VirtAddr;
use std::fmt;

/// A page fault (exception vector 14), raised before the access had any effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageFault {
    /// The linear address that could not be accessed, as left in CR2.
    pub addr: VirtAddr,
    /// The error code pushed on the stack.
    pub error_code: ErrorCode,
}

/// The error code of a page fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// Both levels were present: the access was not permitted.
    pub const PRESENT: u32 = 1;
    /// The access was a write.
    pub const WRITE: u32 = 2;
    /// The access came from user mode.
    pub const USER: u32 = 4;

    /// The code for an access that failed: `protection` if both levels were present.
    pub const fn new(protection: bool, access: Access) -> Self {
        let present = if protection { Self::PRESENT } else { 0 };
        let write = if access.is_write() { Self::WRITE } else { 0 };
        let user = if matches!(access.mode, Mode::User) {
            Self::USER
        } else {
            0
        };
        Self(present | write | user)
    }

    /// Whether the page was present but the access not permitted.
    pub const fn is_protection(self) -> bool {
        self.0 & Self::PRESENT != 0
    }

    /// What the access did; a fetch looks like a read.
    pub const fn kind(self) -> AccessKind {
        if self.is_write() {
            AccessKind::Write
        } else {
            AccessKind::Read
        }
    }

    /// Whether the access was a write.
    pub const fn is_write(self) -> bool {
        self.0 & Self::WRITE != 0
    }

    /// A description in words: `user write, protection`.
    pub const fn describe(self) -> &'static str {
        match (self.is_user(), self.is_write(), self.is_protection()) {
            (true, true, true) => "user write, protection",
            (true, true, false) => "user write, not present",
            (true, false, true) => "user read, protection",
            (true, false, false) => "user read, not present",
            (false, true, true) => "kernel write, protection",
            (false, true, false) => "kernel write, not present",
            (false, false, true) => "kernel read, protection",
            (false, false, false) => "kernel read, not present",
        }
    }

    /// Whether the access came from user mode.
    pub const fn is_user(self) -> bool {
        self.0 & Self::USER != 0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::AccessKind;
    use super::*;

    #[test]
    fn every_error_code_and_what_it_says() {
        use {AccessKind::*, Mode::*};
        let table = [
            (false, Read, Supervisor, "0x0"),
            (true, Read, Supervisor, "0x1"),
            (false, Write, Supervisor, "0x2"),
            (true, Write, Supervisor, "0x3"),
            (false, Read, User, "0x4"),
            (false, Fetch, User, "0x4"),
            (true, Read, User, "0x5"),
            (true, Fetch, User, "0x5"),
            (false, Write, User, "0x6"),
            (true, Write, User, "0x7"),
        ];
        for (protection, kind, mode, text) in table {
            let code = ErrorCode::new(protection, Access { kind, mode });
            assert_eq!(code.to_string(), text);
            assert_eq!(code.is_protection(), protection);
            assert_eq!(code.is_write(), kind == Write);
            assert_eq!(code.is_user(), mode == User);
            let words = code.describe();
            assert_eq!(words.starts_with("user"), code.is_user());
            assert_eq!(words.contains("write"), code.is_write());
            assert_eq!(words.ends_with("protection"), code.is_protection());
        }
    }
}
