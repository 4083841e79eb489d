//! The flags of `clone`, as in `include/linux/sched.h`.

use super::Signal;

/// The bits of the flags word that are not flags: the signal sent to the parent at exit.
pub const CSIGNAL: u32 = 0xff;

flags! {
    /// The flags word of `clone`, including the low byte ([`CSIGNAL`]).
    ///
    /// Unknown bits are kept and ignored, as in the kernel: construct it with `from_bits_retain`.
    pub struct CloneFlags {
        /// The child shares the address space.
        CLONE_VM "CLONE_VM" = 0x0000_0100;
        /// The child shares root directory, working directory and umask.
        CLONE_FS "CLONE_FS" = 0x0000_0200;
        /// The child shares the descriptor table.
        CLONE_FILES "CLONE_FILES" = 0x0000_0400;
        /// The child shares the table of signal actions.
        CLONE_SIGHAND "CLONE_SIGHAND" = 0x0000_0800;
        /// The child of a traced task is traced too.
        CLONE_PTRACE "CLONE_PTRACE" = 0x0000_2000;
        /// The parent waits until the child releases the address space.
        CLONE_VFORK "CLONE_VFORK" = 0x0000_4000;
        /// The child becomes a sibling of the caller: it gets the same parent.
        CLONE_PARENT "CLONE_PARENT" = 0x0000_8000;
        /// The child is a thread in the caller's thread group.
        CLONE_THREAD "CLONE_THREAD" = 0x0001_0000;
        /// The child gets a mount namespace of its own.
        CLONE_NEWNS "CLONE_NEWNS" = 0x0002_0000;
        /// The child shares the list of semaphore undo values.
        CLONE_SYSVSEM "CLONE_SYSVSEM" = 0x0004_0000;
        /// The child gets a TLS descriptor.
        CLONE_SETTLS "CLONE_SETTLS" = 0x0008_0000;
        /// The tid is stored at parent_tid, in the caller's memory.
        CLONE_PARENT_SETTID "CLONE_PARENT_SETTID" = 0x0010_0000;
        /// When the child exits, the tid at child_tid is cleared and its futex woken.
        CLONE_CHILD_CLEARTID "CLONE_CHILD_CLEARTID" = 0x0020_0000;
        /// Ignored since 2.6, never an error.
        CLONE_DETACHED "CLONE_DETACHED" = 0x0040_0000;
        /// A tracer cannot force tracing of this child.
        CLONE_UNTRACED "CLONE_UNTRACED" = 0x0080_0000;
        /// The tid is stored at child_tid, in the child's memory, when it first runs.
        CLONE_CHILD_SETTID "CLONE_CHILD_SETTID" = 0x0100_0000;
        /// The child starts stopped.
        CLONE_STOPPED "CLONE_STOPPED" = 0x0200_0000;
    }
}

impl CloneFlags {
    /// What `fork()` passes: `SIGCHLD` alone.
    pub const FORK: Self = Self::from_bits_retain(17);
    /// What `vfork()` passes: `CLONE_VFORK | CLONE_VM | SIGCHLD`.
    pub const VFORK: Self = Self::from_bits_retain(0x4111);

    /// The exit signal in the low byte, 0..=255, unvalidated.
    pub const fn csignal(self) -> u32 {
        self.bits() & CSIGNAL
    }

    /// The names of the flags that are set, in the order of their bits, joined with `|`, then the
    /// signal if there is one: `CLONE_VM|CLONE_VFORK|SIGCHLD`.
    pub fn describe(self) -> String {
        let mut parts: Vec<String> = self.iter_names().map(|(name, _)| name.to_owned()).collect();
        let unknown = self.bits() & !Self::all().bits() & !CSIGNAL;
        if unknown != 0 {
            parts.push(format!("{unknown:#x}"));
        }
        if self.csignal() != 0 || parts.is_empty() {
            let signal = Signal::new(self.csignal());
            parts.push(signal.map_or_else(|| self.csignal().to_string(), |s| s.to_string()));
        }
        parts.join("|")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_describe_themselves_with_unknown_bits_and_signal() {
        assert_eq!(CloneFlags::VFORK.describe(), "CLONE_VM|CLONE_VFORK|SIGCHLD");
        assert_eq!(
            CloneFlags::from_bits_retain(0x1000_0011).describe(),
            "0x10000000|SIGCHLD"
        );
        assert_eq!(CloneFlags::empty().describe(), "0");
    }
}
