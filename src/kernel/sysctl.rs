//! `/proc/sys`: the tunables of the running kernel that the administrator may change. There is no
//! such file system here, so each has only its name.

/// A tunable.
///
/// Linux 2.6.12: `kernel/sysctl.c`, `vm_table` and `kern_table`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sysctl {
    /// How memory is committed: 0 by a guess at each request, 1 without limit, anything else up to
    /// a limit.
    OvercommitMemory,
    /// How much of the RAM may be committed in the last case, in percent.
    OvercommitRatio,
    /// The largest segment of shared memory, in bytes.
    Shmmax,
    /// The most pages of all segments.
    Shmall,
    /// The most segments.
    Shmmni,
}

impl Sysctl {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::OvercommitMemory,
        Self::OvercommitRatio,
        Self::Shmmax,
        Self::Shmall,
        Self::Shmmni,
    ];

    /// Its name, as `sysctl` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OvercommitMemory => "vm.overcommit_memory",
            Self::OvercommitRatio => "vm.overcommit_ratio",
            Self::Shmmax => "kernel.shmmax",
            Self::Shmall => "kernel.shmall",
            Self::Shmmni => "kernel.shmmni",
        }
    }

    /// The tunable of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sysctl| sysctl.name() == name)
    }
}

/// The values of all tunables. Each is an `int` or an `unsigned long` in the kernel, and any value
/// may be written to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sysctls([u32; Sysctl::ALL.len()]);

impl Default for Sysctls {
    fn default() -> Self {
        Self([0, 50, 32 << 20, 2 << 20, 4096])
    }
}

impl Sysctls {
    /// The value of a tunable.
    pub const fn get(&self, sysctl: Sysctl) -> u32 {
        self.0[sysctl as usize]
    }

    /// Changes it.
    pub const fn set(&mut self, sysctl: Sysctl, value: u32) {
        self.0[sysctl as usize] = value;
    }
}
