//! Who may do what with a page: kinds of access, rights, and the rule that compares them.

use super::{Pde, Pte};

/// What an access does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessKind {
    /// Reads data.
    Read,
    /// Writes data, or reads data that it is going to write.
    Write,
    /// Fetches an instruction; for the i386 the same as a read.
    Fetch,
}

/// The privilege of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// CPL 3: user code.
    User,
    /// CPL 0, and the CPU's own reads and writes.
    Supervisor,
}

/// One memory access, as far as protection is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// The action to perform.
    pub kind: AccessKind,
    /// The privilege it is made with.
    pub mode: Mode,
}

impl Access {
    /// A read in that mode.
    pub const fn read(mode: Mode) -> Self {
        Self {
            kind: AccessKind::Read,
            mode,
        }
    }

    /// A write in that mode.
    pub const fn write(mode: Mode) -> Self {
        Self {
            kind: AccessKind::Write,
            mode,
        }
    }

    /// An instruction fetch in that mode.
    pub const fn fetch(mode: Mode) -> Self {
        Self {
            kind: AccessKind::Fetch,
            mode,
        }
    }

    /// Whether it writes.
    pub const fn is_write(self) -> bool {
        matches!(self.kind, AccessKind::Write)
    }
}

/// The rights on a page or, for an access, the rights that it requires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rights {
    /// User-mode access, as the U/S bit grants it.
    pub us: bool,
    /// Write access, as the R/W bit grants it.
    pub rw: bool,
}

impl Rights {
    /// The rights that the U/S and R/W bits of an entry grant.
    pub(super) const fn of_entry(bits: u32) -> Self {
        Self {
            us: bits & Pte::USER != 0,
            rw: bits & Pte::RW != 0,
        }
    }
}

/// The rights on a page reached through a directory entry and a table entry: those that both grant.
/// A 4 MiB page has the rights of its directory entry alone.
pub const fn effective(pde: Pde, pte: Pte) -> Rights {
    Rights::of_entry(pde.0 & pte.0)
}

/// The rights that an access requires. `wp` is CR0.WP: without it, the supervisor may write to any
/// page.
#[inline]
pub const fn required(access: Access, wp: bool) -> Rights {
    let us = matches!(access.mode, Mode::User);
    Rights {
        us,
        rw: access.is_write() && (us || wp),
    }
}

/// Whether a page with these rights permits the access.
pub const fn permits(rights: Rights, access: Access, wp: bool) -> bool {
    let required = required(access, wp);
    (rights.us || !required.us) && (rights.rw || !required.rw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use {AccessKind::*, Mode::*};

    const S_RO: Rights = Rights {
        us: false,
        rw: false,
    };
    const S_RW: Rights = Rights {
        us: false,
        rw: true,
    };
    const U_RO: Rights = Rights {
        us: true,
        rw: false,
    };
    const U_RW: Rights = Rights { us: true, rw: true };

    #[test]
    fn effective_rights_of_all_pairs_of_entries() {
        let classes = [0x001, 0x003, 0x005, 0x007];
        let table = [
            (0x001, [S_RO, S_RO, S_RO, S_RO]),
            (0x003, [S_RO, S_RW, S_RO, S_RW]),
            (0x005, [S_RO, S_RO, U_RO, U_RO]),
            (0x007, [S_RO, S_RW, U_RO, U_RW]),
        ];
        for (pde, row) in table {
            for (pte, rights) in classes.into_iter().zip(row) {
                assert_eq!(
                    effective(Pde(pde), Pte(pte)),
                    rights,
                    "PDE {pde:#x} PTE {pte:#x}"
                );
            }
        }
    }

    /// The accesses in a row of the table below.
    const COLUMNS: [(AccessKind, Mode, bool); 12] = [
        (Read, User, false),
        (Read, User, true),
        (Fetch, User, false),
        (Fetch, User, true),
        (Write, User, false),
        (Write, User, true),
        (Read, Supervisor, false),
        (Read, Supervisor, true),
        (Fetch, Supervisor, false),
        (Fetch, Supervisor, true),
        (Write, Supervisor, false),
        (Write, Supervisor, true),
    ];

    #[test]
    fn every_access_to_every_class_of_page_with_and_without_wp() {
        let (ok, no) = (true, false);
        let table = [
            //      user: read fetch   write    supervisor: read fetch write (WP 0, WP 1 each)
            (S_RO, [no, no, no, no, no, no, ok, ok, ok, ok, ok, no]),
            (S_RW, [no, no, no, no, no, no, ok, ok, ok, ok, ok, ok]),
            (U_RO, [ok, ok, ok, ok, no, no, ok, ok, ok, ok, ok, no]),
            (U_RW, [ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok]),
        ];
        for (rights, row) in table {
            for ((kind, mode, wp), expected) in COLUMNS.into_iter().zip(row) {
                let access = Access { kind, mode };
                assert_eq!(
                    permits(rights, access, wp),
                    expected,
                    "{rights:?} {access:?} {wp}"
                );
            }
        }
    }
}
