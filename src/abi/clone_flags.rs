//! The flags of `clone`, as in `include/linux/sched.h`.

use super::Signal;
use bitflags::bitflags;

/// The bits of the flags word that are not flags: the signal sent to the parent at exit.
pub const CSIGNAL: u32 = 0xff;

bitflags! {
    /// The flags word of `clone`, including the low byte ([`CSIGNAL`]).
    ///
    /// Unknown bits are kept and ignored, as in the kernel: construct it with `from_bits_retain`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct CloneFlags: u32 {
        /// Share the address space.
        const CLONE_VM = 0x0000_0100;
        /// Share root, working directory and umask.
        const CLONE_FS = 0x0000_0200;
        /// Share the descriptor table.
        const CLONE_FILES = 0x0000_0400;
        /// Share the table of signal actions.
        const CLONE_SIGHAND = 0x0000_0800;
        /// The child of a traced task is traced too.
        const CLONE_PTRACE = 0x0000_2000;
        /// The parent waits until the child releases the address space.
        const CLONE_VFORK = 0x0000_4000;
        /// The child becomes a sibling: same parent as the caller.
        const CLONE_PARENT = 0x0000_8000;
        /// Join the caller's thread group.
        const CLONE_THREAD = 0x0001_0000;
        /// Get a mount namespace of its own.
        const CLONE_NEWNS = 0x0002_0000;
        /// Share the list of semaphore undo values.
        const CLONE_SYSVSEM = 0x0004_0000;
        /// Set a TLS descriptor for the child.
        const CLONE_SETTLS = 0x0008_0000;
        /// Store the tid in the parent's memory.
        const CLONE_PARENT_SETTID = 0x0010_0000;
        /// Clear the tid at `child_tid` and wake its futex when the child exits.
        const CLONE_CHILD_CLEARTID = 0x0020_0000;
        /// Ignored since 2.6; never an error.
        const CLONE_DETACHED = 0x0040_0000;
        /// A tracer cannot force tracing of this child.
        const CLONE_UNTRACED = 0x0080_0000;
        /// Store the tid in the child's memory when it first runs.
        const CLONE_CHILD_SETTID = 0x0100_0000;
        /// Start in `TASK_STOPPED`.
        const CLONE_STOPPED = 0x0200_0000;
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
