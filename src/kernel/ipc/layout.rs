//! The two versions of the structures that describe System V objects to programs.

use super::ids::IpcPerm;

/// Set in commands by programs that use the structures with 32-bit user ids.
pub(super) const IPC_64: u32 = 0x100;

/// Which structures a program uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    /// With 16-bit ids.
    Old,
    /// With 32-bit ids.
    New,
}

impl Version {
    /// The version that a command asks for.
    ///
    /// Linux 2.6.12: `ipc/util.c`, `ipc_parse_version()`.
    pub(super) const fn of(cmd: u32) -> Self {
        if cmd & IPC_64 != 0 {
            Self::New
        } else {
            Self::Old
        }
    }
}

impl IpcPerm {
    /// As programs see it, in front of what is said of an object.
    ///
    /// Linux 2.6.12: `include/asm-i386/ipcbuf.h`, `struct ipc64_perm`; `include/linux/ipc.h`,
    /// `struct ipc_perm`.
    pub(super) fn bytes(&self, version: Version) -> Vec<u8> {
        let Self {
            key,
            seq,
            mode,
            uid,
            gid,
            cuid,
            cgid,
        } = *self;
        let key = key.cast_unsigned();
        match version {
            Version::New => words(&[key, uid, gid, cuid, cgid, mode & 0xffff, seq & 0xffff, 0, 0]),
            Version::Old => [words(&[key]), halves(&[uid, gid, cuid, cgid, mode, seq])].concat(),
        }
    }
}

/// The bytes of words.
pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The bytes of the lower halves of words.
pub(super) fn halves(words: &[u32]) -> Vec<u8> {
    let low = |word: &u32| (*word as u16).to_le_bytes();
    words.iter().flat_map(low).collect()
}
