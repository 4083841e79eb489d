//! Capabilities: the parts of the power of root.

use bitflags::bitflags;

constants! {
    /// The version of the structures that capget and capset take.
    _LINUX_CAPABILITY_VERSION: u32 = 0x1998_0330;
}

/// The capabilities that come and go with the user id for file systems (`CAP_FS_MASK`).
pub const CAP_FS_MASK: Caps = Caps::from_bits_retain(0x1f);

/// What init begins with and what a program of root gets: all but CAP_SETPCAP (`CAP_INIT_EFF_SET`).
pub const CAP_INIT_EFF_SET: Caps = Caps::from_bits_retain(!(1 << 8));

bitflags! {
    /// A set of capabilities. Those that the kernel tests here have names, with Linux's bit numbers;
    /// the others can be held, too.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Caps: u32 {
        /// Change owner and group of any file.
        const CHOWN = 1 << 0;
        /// Read, write and search whatever the mode says.
        const DAC_OVERRIDE = 1 << 1;
        /// Read and search whatever the mode says.
        const DAC_READ_SEARCH = 1 << 2;
        /// Act as the owner of any file.
        const FOWNER = 1 << 3;
        /// Keep the set-id bits of files that are written, and set that of any group.
        const FSETID = 1 << 4;
        /// Send signals to any process.
        const KILL = 1 << 5;
        /// Change group ids freely.
        const SETGID = 1 << 6;
        /// Change user ids freely.
        const SETUID = 1 << 7;
        /// Change the capabilities of others.
        const SETPCAP = 1 << 8;
        /// Access devices directly.
        const SYS_RAWIO = 1 << 17;
        /// Change the root directory.
        const SYS_CHROOT = 1 << 18;
        /// Lock memory beyond the limit.
        const IPC_LOCK = 1 << 14;
        /// Use any semaphore set.
        const IPC_OWNER = 1 << 15;
        /// Trace any process.
        const SYS_PTRACE = 1 << 19;
        /// Administer the system.
        const SYS_ADMIN = 1 << 21;
        /// Lower nice values and set real-time priorities.
        const SYS_NICE = 1 << 23;
        /// Exceed resource limits.
        const SYS_RESOURCE = 1 << 24;
        /// Set the clock.
        const SYS_TIME = 1 << 25;
        /// Hang up terminals.
        const SYS_TTY_CONFIG = 1 << 26;
        /// Make devices.
        const MKNOD = 1 << 27;
        // The others.
        const _ = !0;
    }
}
