//! The system calls about processes and what they are, as data: groups, sessions, users, limits,
//! usage, `waitid`.

use super::call::SysResult;
use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::exit::WaitidArgs;
use crate::kernel::signal::InfoTo;
use crate::kernel::task::{Resource, Rlimit};

/// A system call about processes, with its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessCall {
    /// `waitid(...)`.
    Waitid(WaitidArgs),
    /// `setpgid(pid, pgid)`.
    Setpgid(i32, i32),
    /// `getpgid(pid)`.
    Getpgid(i32),
    /// `getpgrp()`.
    Getpgrp,
    /// `setsid()`.
    Setsid,
    /// `getsid(pid)`.
    Getsid(i32),
    /// `setuid(uid)`.
    Setuid(u32),
    /// `setreuid(ruid, euid)`.
    Setreuid(u32, u32),
    /// `setresuid(ruid, euid, suid)`.
    Setresuid([u32; 3]),
    /// `getresuid(ruid, euid, suid)`.
    Getresuid([VirtAddr; 3]),
    /// `prctl(option, arg)`.
    Prctl(u32, u32),
    /// `getrusage(who, usage)`.
    Getrusage(i32, VirtAddr),
    /// `setrlimit(resource, limit)`.
    Setrlimit(u32, Rlimit),
    /// `getrlimit(resource, limit)`.
    Getrlimit(u32, VirtAddr),
    /// The `getrlimit` of old, for which a limit is a signed word.
    OldGetrlimit(u32, VirtAddr),
}

impl ProcessCall {
    /// The numbers and names.
    pub const NAMES: &[(u16, &str)] = &[
        (57, "setpgid"),
        (65, "getpgrp"),
        (66, "setsid"),
        (75, "setrlimit"),
        (76, "old_getrlimit"),
        (77, "getrusage"),
        (132, "getpgid"),
        (147, "getsid"),
        (172, "prctl"),
        (191, "getrlimit"),
        (203, "setreuid"),
        (208, "setresuid"),
        (209, "getresuid"),
        (213, "setuid"),
        (284, "waitid"),
    ];

    /// The i386 system call number; of calls about users, that with 32-bit ids.
    pub const fn nr(&self) -> u16 {
        match self {
            Self::Waitid(_) => 284,
            Self::Setpgid(..) => 57,
            Self::Getpgid(_) => 132,
            Self::Getpgrp => 65,
            Self::Setsid => 66,
            Self::Getsid(_) => 147,
            Self::Setuid(_) => 213,
            Self::Setreuid(..) => 203,
            Self::Setresuid(_) => 208,
            Self::Getresuid(_) => 209,
            Self::Prctl(..) => 172,
            Self::Getrusage(..) => 77,
            Self::Setrlimit(..) => 75,
            Self::OldGetrlimit(..) => 76,
            Self::Getrlimit(..) => 191,
        }
    }

    /// The first argument as a word, for the trace.
    pub const fn first_arg(&self) -> u32 {
        match self {
            Self::Waitid(args) => args.which,
            Self::Setpgid(word, _) | Self::Getpgid(word) | Self::Getsid(word) => *word as u32,
            Self::Getrusage(who, _) => *who as u32,
            Self::Setuid(word) | Self::Setreuid(word, _) | Self::Prctl(word, _) => *word,
            Self::Setrlimit(word, _) | Self::Getrlimit(word, _) | Self::OldGetrlimit(word, _) => {
                *word
            }
            Self::Setresuid(words) => words[0],
            Self::Getpgrp | Self::Setsid | Self::Getresuid(_) => 0,
        }
    }
}

/// A 16-bit user id: all ones stand for "leave it".
const fn low_to_high_uid(word: u32) -> u32 {
    match word & 0xffff {
        0xffff => u32::MAX,
        id => id,
    }
}

impl Kernel {
    pub(super) fn dispatch_process(&mut self, current: TaskId, call: ProcessCall) -> SysResult {
        match call {
            ProcessCall::Waitid(args) => return self.sys_waitid(current, args),
            ProcessCall::Setpgid(pid, pgid) => self.sys_setpgid(current, pid, pgid),
            ProcessCall::Getpgid(pid) => self.sys_getpgid(current, pid),
            ProcessCall::Getpgrp => Ok(self.pgrp(current).0 as u32),
            ProcessCall::Setsid => self.sys_setsid(current),
            ProcessCall::Getsid(pid) => self.sys_getsid(current, pid),
            ProcessCall::Setuid(uid) => self.sys_setuid(current, uid),
            ProcessCall::Setreuid(ruid, euid) => self.sys_setreuid(current, ruid, euid),
            ProcessCall::Setresuid(ids) => self.sys_setresuid(current, ids),
            ProcessCall::Getresuid(addrs) => self.sys_getresuid(current, addrs),
            ProcessCall::Prctl(option, arg) => self.sys_prctl(current, option, arg),
            ProcessCall::Getrusage(who, addr) => self.sys_getrusage(current, who, addr),
            ProcessCall::Setrlimit(resource, limit) => self.sys_setrlimit(current, resource, limit),
            ProcessCall::Getrlimit(resource, addr) => {
                self.sys_getrlimit(current, resource, addr, false)
            }
            ProcessCall::OldGetrlimit(resource, addr) => {
                self.sys_getrlimit(current, resource, addr, true)
            }
        }
        .into()
    }

    /// The call about processes that a number asks for; `None` if the number is another's.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for an unknown limit.
    pub(super) fn decode_process(
        &mut self,
        current: TaskId,
        nr: u32,
        [a, b, c, d, e]: [u32; 5],
    ) -> Result<Option<ProcessCall>, Errno> {
        let uid = low_to_high_uid;
        Ok(Some(match nr {
            23 => ProcessCall::Setuid(uid(a)),
            57 => ProcessCall::Setpgid(a as i32, b as i32),
            65 => ProcessCall::Getpgrp,
            66 => ProcessCall::Setsid,
            70 => ProcessCall::Setreuid(uid(a), uid(b)),
            75 => {
                // The limit is looked at before the memory.
                Resource::from_word(a).ok_or(Errno::EINVAL)?;
                let [cur, max] = self.get_user_words(current, VirtAddr(b))?;
                ProcessCall::Setrlimit(a, Rlimit { cur, max })
            }
            76 => ProcessCall::OldGetrlimit(a, VirtAddr(b)),
            77 => ProcessCall::Getrusage(a as i32, VirtAddr(b)),
            132 => ProcessCall::Getpgid(a as i32),
            147 => ProcessCall::Getsid(a as i32),
            164 => ProcessCall::Setresuid([uid(a), uid(b), uid(c)]),
            172 => ProcessCall::Prctl(a, b),
            191 => ProcessCall::Getrlimit(a, VirtAddr(b)),
            203 => ProcessCall::Setreuid(a, b),
            208 => ProcessCall::Setresuid([a, b, c]),
            209 => ProcessCall::Getresuid([a, b, c].map(VirtAddr)),
            213 => ProcessCall::Setuid(a),
            284 => ProcessCall::Waitid(WaitidArgs {
                which: a,
                id: b as i32,
                info: InfoTo::User(VirtAddr(c)),
                options: d,
                rusage: VirtAddr(e),
            }),
            _ => return Ok(None),
        }))
    }
}
