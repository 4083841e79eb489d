//! The tunables of the running kernel that the administrator may change, by their names or as files
//! of `/proc/sys`.

use super::Kernel;

/// A tunable.
///
/// Linux 2.6.12: `kernel/sysctl.c`, `vm_table` and `kern_table`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sysctl {
    /// How memory is committed: 0 by a guess at each request, 1 without limit, anything else up to
    /// a limit.
    OvercommitMemory,
    /// How much of the RAM may be committed in the last case, in percent.
    OvercommitRatio,
    /// From which part of the memory on dirty pages are written in the background, in percent.
    DirtyBackgroundRatio,
    /// From which part on whoever writes more has to write pages to the device, in percent.
    DirtyRatio,
    /// How often pages that are dirty for long are written, in hundredths of a second; 0 for never.
    DirtyWritebackCentisecs,
    /// For how long a file is dirty then, in hundredths of a second.
    DirtyExpireCentisecs,
    /// How readily reclaim takes mapped pages, 0 to 100.
    Swappiness,
    /// The largest segment of shared memory, in bytes.
    Shmmax,
    /// The most pages of all segments.
    Shmall,
    /// The most segments.
    Shmmni,
}

impl Sysctl {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::OvercommitMemory,
        Self::OvercommitRatio,
        Self::DirtyBackgroundRatio,
        Self::DirtyRatio,
        Self::DirtyWritebackCentisecs,
        Self::DirtyExpireCentisecs,
        Self::Swappiness,
        Self::Shmmax,
        Self::Shmall,
        Self::Shmmni,
    ];

    /// Its name, as `sysctl` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OvercommitMemory => "vm.overcommit_memory",
            Self::OvercommitRatio => "vm.overcommit_ratio",
            Self::DirtyBackgroundRatio => "vm.dirty_background_ratio",
            Self::DirtyRatio => "vm.dirty_ratio",
            Self::DirtyWritebackCentisecs => "vm.dirty_writeback_centisecs",
            Self::DirtyExpireCentisecs => "vm.dirty_expire_centisecs",
            Self::Swappiness => "vm.swappiness",
            Self::Shmmax => "kernel.shmmax",
            Self::Shmall => "kernel.shmall",
            Self::Shmmni => "kernel.shmmni",
        }
    }

    /// The largest value that the kernel accepts, if not every one is.
    ///
    /// Linux 2.6.12: `kernel/sysctl.c`, `proc_dointvec_minmax()`.
    pub const fn max(self) -> Option<u32> {
        match self {
            Self::DirtyBackgroundRatio | Self::DirtyRatio | Self::Swappiness => Some(100),
            _ => None,
        }
    }

    /// Whether the kernel keeps it as an `unsigned long`.
    pub const fn is_unsigned(self) -> bool {
        matches!(self, Self::Shmmax | Self::Shmall)
    }

    /// The tunable of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sysctl| sysctl.name() == name)
    }
}

/// The values of all tunables. Each is an `int` or an `unsigned long` in the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sysctls([u32; Sysctl::ALL.len()]);

impl Default for Sysctls {
    fn default() -> Self {
        Self([0, 50, 10, 40, 500, 3000, 60, 32 << 20, 2 << 20, 4096])
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

impl Kernel {
    /// Changes a tunable of the running kernel.
    pub fn set_sysctl(&mut self, sysctl: Sysctl, value: u32) {
        self.config.sysctls.set(sysctl, value);
        if sysctl == Sysctl::DirtyWritebackCentisecs {
            self.dirty_writeback_changed();
        }
    }
}
