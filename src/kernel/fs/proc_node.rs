//! What there is below `/proc`: each file and directory of the tree with its name, mode and inode
//! number. What is in the files is written in the room `proc`.

use crate::abi::{S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, TaskId};
use crate::kernel::sysctl::Sysctl;

/// The inode number of the root.
const PROC_ROOT_INO: u32 = 1;
/// The number of `/proc/self`, and in the lower half that of a directory of a process.
const PROC_TGID_INO: u32 = 2;
/// The same of a directory of a thread.
const PROC_TID_INO: u32 = 21;
/// By how much the numbers of a thread's files are above those of a process's.
const TID_FILES: u32 = 18;
/// The number of descriptor 0 in the directory of descriptors.
const PROC_TID_FD_DIR: u32 = 0x8000;
/// The number of the first entry of the whole system.
const PROC_DYNAMIC_FIRST: u32 = 0xf000_0000;

/// A file or directory below `/proc`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ProcNode {
    /// `/proc` itself.
    Root,
    /// `/proc/self`.
    SelfLink,
    /// A file of the whole system.
    System(SystemFile),
    /// `/proc/sys`.
    Sys,
    /// A directory of tunables.
    SysDir(SysDir),
    /// A tunable.
    Sysctl(Sysctl),
    /// The directory of a task, or something in it.
    Task(TaskId, Level, TaskEntry),
}

/// Through which directory a task is seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// `/proc/PID`.
    Process,
    /// `/proc/PID/task/TID`.
    Thread,
}

/// A directory of `/proc/sys`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SysDir {
    /// `/proc/sys/kernel`.
    Kernel,
    /// `/proc/sys/vm`.
    Vm,
}

macro_rules! system_files {
    ($($(#[$doc:meta])* $file:ident $name:literal,)*) => {
        /// A file of the whole system.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum SystemFile {
            $($(#[$doc])* $file,)*
        }

        impl SystemFile {
            /// All of them, in the order in which the boot makes them.
            const ALL: &[(Self, &str)] = &[$((Self::$file, $name),)*];
        }
    };
}

system_files! {
    /// The load averages.
    Loadavg "loadavg",
    /// The time since boot, and how much of it the CPU was idle.
    Uptime "uptime",
    /// The memory of the machine.
    Meminfo "meminfo",
    /// What the system is called.
    Version "version",
    /// The file systems.
    Filesystems "filesystems",
    /// The command line of the kernel.
    Cmdline "cmdline",
    /// A link to the mounts of the reader.
    Mounts "mounts",
    /// The processors.
    Cpuinfo "cpuinfo",
    /// Counters of the whole system.
    Stat "stat",
    /// The free blocks of memory.
    Buddyinfo "buddyinfo",
    /// Counters of memory management.
    Vmstat "vmstat",
    /// The swap areas.
    Swaps "swaps",
}

macro_rules! task_entries {
    ($($(#[$doc:meta])* $entry:ident $name:literal $mode:expr, $ino:literal;)*) => {
        /// The directory of a task, or something in it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum TaskEntry {
            /// The directory itself.
            Dir,
            $($(#[$doc])* $entry,)*
            /// A descriptor in the directory of descriptors.
            Fd(u32),
        }

        impl TaskEntry {
            /// What is in the directory, in the order of a scan.
            const ALL: &[(Self, &str)] = &[$((Self::$entry, $name),)*];

            /// Whether only those may use it who see the root directory of the task.
            ///
            /// Linux 2.6.12: `fs/proc/base.c`, `proc_permission()`.
            pub(super) const fn is_inside_root(self) -> bool {
                matches!(self, Self::Task | Self::FdDir | Self::Mem)
            }

            /// Type and permissions; those of a descriptor depend on how it is open.
            const fn mode(self) -> u32 {
                match self {
                    $(Self::$entry => $mode,)*
                    Self::Dir => S_IFDIR | 0o555,
                    Self::Fd(_) => S_IFLNK,
                }
            }

            /// The lower half of the inode number at `/proc/PID`.
            const fn tgid_ino(self) -> u32 {
                match self {
                    $(Self::$entry => $ino,)*
                    Self::Dir => PROC_TGID_INO,
                    Self::Fd(fd) => PROC_TID_FD_DIR + fd,
                }
            }
        }
    };
}

task_entries! {
    /// The threads of the process.
    Task "task" S_IFDIR | 0o555, 3;
    /// The open descriptors.
    FdDir "fd" S_IFDIR | 0o500, 9;
    /// The environment.
    Environ "environ" S_IFREG | 0o400, 10;
    /// The auxiliary vector.
    Auxv "auxv" S_IFREG | 0o400, 11;
    /// What the task is and has, a line each.
    Status "status" S_IFREG | 0o444, 4;
    /// The arguments.
    Cmdline "cmdline" S_IFREG | 0o444, 12;
    /// The same as numbers on one line.
    Stat "stat" S_IFREG | 0o444, 13;
    /// Its memory in pages.
    Statm "statm" S_IFREG | 0o444, 14;
    /// Its areas.
    Maps "maps" S_IFREG | 0o444, 15;
    /// Its memory.
    Mem "mem" S_IFREG | 0o600, 5;
    /// A link to its working directory.
    Cwd "cwd" S_IFLNK | 0o777, 6;
    /// A link to its root directory.
    RootDir "root" S_IFLNK | 0o777, 7;
    /// A link to its program.
    Exe "exe" S_IFLNK | 0o777, 8;
    /// What is mounted for it.
    Mounts "mounts" S_IFREG | 0o444, 16;
    /// Its badness for the out-of-memory killer.
    OomScore "oom_score" S_IFREG | 0o444, 19;
    /// How its badness is adjusted.
    OomAdj "oom_adj" S_IFREG | 0o644, 20;
}

/// What is in `/proc` besides tasks, in the order in which the boot makes it.
fn root_entries() -> impl Iterator<Item = (ProcNode, &'static str)> {
    let files = SystemFile::ALL.iter();
    let mut entries: Vec<_> = files
        .map(|(file, name)| (ProcNode::System(*file), *name))
        .collect();
    // The swap areas come with memory management, when the rest is there.
    entries.insert(entries.len() - 1, (ProcNode::Sys, "sys"));
    entries.into_iter()
}

impl SysDir {
    /// The directories in the order in which they are made.
    const ALL: [(Self, &str); 2] = [(Self::Kernel, "kernel"), (Self::Vm, "vm")];

    fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(dir, _)| *dir == self)
            .map_or("", |(_, name)| name)
    }

    /// The tunables in it, with their names there, in the order in which they are made.
    fn sysctls(self) -> impl Iterator<Item = (ProcNode, &'static str)> {
        let all = Sysctl::ALL.into_iter();
        all.filter_map(move |sysctl| {
            let (dir, name) = sysctl.name().split_once('.')?;
            (dir == self.name()).then_some((ProcNode::Sysctl(sysctl), name))
        })
    }
}

/// What is made at boot, in that order: from it come the inode numbers.
fn made_at_boot() -> impl Iterator<Item = ProcNode> {
    let tunables = SysDir::ALL.into_iter().flat_map(|(dir, _)| {
        let inside = dir.sysctls().map(|(node, _)| node);
        std::iter::once(ProcNode::SysDir(dir)).chain(inside)
    });
    root_entries().map(|(node, _)| node).chain(tunables)
}

impl ProcNode {
    /// The entries of a directory that are always there, in the order of a scan: whatever was made
    /// last comes first, and the directory of a task has an order of its own.
    pub(super) fn entries(self) -> Vec<(Self, &'static str)> {
        let mut entries: Vec<_> = match self {
            Self::Root => root_entries().collect(),
            Self::Sys => {
                let dirs = SysDir::ALL.into_iter();
                dirs.map(|(dir, name)| (Self::SysDir(dir), name)).collect()
            }
            Self::SysDir(dir) => dir.sysctls().collect(),
            Self::Task(task, level, TaskEntry::Dir) => return task_dir(task, level),
            _ => Vec::new(),
        };
        entries.reverse();
        entries
    }

    /// Type and permissions.
    pub(super) const fn mode(self) -> u32 {
        match self {
            Self::Root | Self::Sys | Self::SysDir(_) => S_IFDIR | 0o555,
            Self::SelfLink | Self::System(SystemFile::Mounts) => S_IFLNK | 0o777,
            Self::System(_) => S_IFREG | 0o444,
            Self::Sysctl(_) => S_IFREG | 0o644,
            Self::Task(_, _, entry) => entry.mode(),
        }
    }

    /// The directory of a tunable.
    pub(super) fn of_sysctl(sysctl: Sysctl) -> Self {
        let mut dirs = SysDir::ALL.into_iter().map(|(dir, _)| dir);
        let dir = dirs.find(|dir| sysctl.name().split('.').next() == Some(dir.name()));
        dir.map_or(Self::Sys, Self::SysDir)
    }

    /// Whether its contents are a sequence of records (`seq_file`).
    pub const fn is_seq_file(self) -> bool {
        use SystemFile::{Buddyinfo, Cpuinfo, Stat, Swaps, Vmstat};
        matches!(
            self,
            Self::System(Cpuinfo | Stat | Buddyinfo | Vmstat | Swaps)
                | Self::Task(_, _, TaskEntry::Maps | TaskEntry::Mounts)
        )
    }

    /// Whether it is a directory.
    pub const fn is_directory(self) -> bool {
        self.mode() & S_IFMT == S_IFDIR
    }

    /// Whether it is a symbolic link.
    pub const fn is_symlink(self) -> bool {
        self.mode() & S_IFMT == S_IFLNK
    }

    /// How many links it has; the root has one more for each process.
    pub(super) const fn nlink(self) -> u32 {
        match self {
            Self::Root | Self::Task(_, _, TaskEntry::Dir | TaskEntry::Task) => 3,
            Self::SysDir(_) | Self::Task(_, _, TaskEntry::FdDir) => 2,
            Self::Sys => 4,
            _ => 1,
        }
    }

    /// The size that is told of it. Only links to what is no path have one.
    pub(super) const fn size(self) -> u32 {
        match self {
            Self::System(SystemFile::Mounts) => "self/mounts".len() as u32,
            Self::SelfLink | Self::Task(_, _, TaskEntry::Fd(_)) => 64,
            _ => 0,
        }
    }

    /// The inode number; `pid` is that of the task.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `fake_ino()`; `fs/proc/generic.c`, `get_inode_number()`.
    pub(super) fn ino(self, pid: u32) -> u32 {
        let number = match self {
            Self::Root => return PROC_ROOT_INO,
            Self::SelfLink => return PROC_TGID_INO,
            Self::Task(_, Level::Process, entry) => entry.tgid_ino(),
            Self::Task(_, Level::Thread, entry) => match entry {
                TaskEntry::Dir => PROC_TID_INO,
                TaskEntry::Fd(_) => entry.tgid_ino(),
                // They stand behind the number of the directory of descriptors, which is fixed.
                TaskEntry::OomScore => PROC_TID_FD_DIR + 1,
                TaskEntry::OomAdj => PROC_TID_FD_DIR + 2,
                _ => entry.tgid_ino() + TID_FILES,
            },
            other => {
                let place = made_at_boot().position(|node| node == other);
                return PROC_DYNAMIC_FIRST + place.unwrap_or(0) as u32;
            }
        };
        pid << 16 | number
    }
}

/// The directory of a task; that of a thread has no list of threads.
fn task_dir(task: TaskId, level: Level) -> Vec<(ProcNode, &'static str)> {
    let all = TaskEntry::ALL.iter();
    let there = all.filter(|(entry, _)| level == Level::Process || *entry != TaskEntry::Task);
    there
        .map(|(entry, name)| (ProcNode::Task(task, level, *entry), *name))
        .collect()
}

/// The number that a name stands for; none with leading zeros or other characters.
///
/// Linux 2.6.12: `fs/proc/base.c`, `name_to_int()`.
pub(super) fn name_to_int(name: &str) -> Option<u32> {
    let zeros = name.len() > 1 && name.starts_with('0');
    let digits = name.bytes().all(|c| c.is_ascii_digit());
    if zeros || !digits {
        return None;
    }
    let mut n: u32 = 0;
    for digit in name.bytes() {
        if n >= (u32::MAX - 9) / 10 {
            return None;
        }
        n = n * 10 + u32::from(digit - b'0');
    }
    Some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_leading_zeros_and_no_other_characters() {
        for (name, number) in [
            ("0", Some(0)),
            ("1000", Some(1000)),
            ("01", None),
            ("1a", None),
            ("+1", None),
            ("4294967286", None),
        ] {
            assert_eq!(name_to_int(name), number, "{name}");
        }
    }

    #[test]
    fn inode_numbers_say_of_whom_and_what_a_file_is() {
        let task = TaskId::default();
        for (level, entry, ino) in [
            (Level::Process, TaskEntry::Dir, 1000 << 16 | 2),
            (Level::Process, TaskEntry::Maps, 1000 << 16 | 15),
            (Level::Thread, TaskEntry::Dir, 1000 << 16 | 21),
            (Level::Thread, TaskEntry::Status, 1000 << 16 | 22),
            (Level::Thread, TaskEntry::Mounts, 1000 << 16 | 34),
            (Level::Process, TaskEntry::Fd(3), 1000 << 16 | 0x8003),
        ] {
            assert_eq!(ProcNode::Task(task, level, entry).ino(1000), ino);
        }
        assert_eq!(ProcNode::Root.ino(0), 1);
        let loadavg = ProcNode::System(SystemFile::Loadavg);
        assert_eq!(loadavg.ino(0), 0xf000_0000);
    }
}
