//! The system calls about priorities, policies and CPUs, as data.

use super::call::SysResult;
use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::sched::sched_priority_range;

/// A system call about scheduling, with its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SchedCall {
    /// `getpriority(which, who)`: 20 less the nice value.
    Getpriority(i32, i32),
    /// `setpriority(which, who, nice)`.
    Setpriority(i32, i32, i32),
    /// `sched_setscheduler(pid, policy, param)`: its `sched_priority`. Policy -1 keeps the policy, as
    /// `sched_setparam` does.
    Setscheduler(i32, i32, i32),
    /// `sched_getscheduler(pid)`.
    Getscheduler(i32),
    /// `sched_getparam(pid, param)`: where it goes; to nowhere for 0, and then it is the value.
    Getparam(i32, VirtAddr),
    /// `sched_get_priority_max(policy)`.
    PriorityMax(i32),
    /// `sched_get_priority_min(policy)`.
    PriorityMin(i32),
    /// `sched_rr_get_interval(pid, interval)`: where it goes; if nowhere, the nanoseconds are the
    /// value.
    RrGetInterval(i32, Option<VirtAddr>),
    /// `sched_setaffinity(pid, 4, mask)`.
    Setaffinity(i32, u32),
    /// `sched_getaffinity(pid, len, mask)`: where it goes; to nowhere for 0, and then it is the value.
    Getaffinity(i32, u32, VirtAddr),
}

impl SchedCall {
    /// The numbers and names.
    pub const NAMES: &[(u16, &str)] = &[
        (96, "getpriority"),
        (97, "setpriority"),
        (154, "sched_setparam"),
        (155, "sched_getparam"),
        (156, "sched_setscheduler"),
        (157, "sched_getscheduler"),
        (159, "sched_get_priority_max"),
        (160, "sched_get_priority_min"),
        (161, "sched_rr_get_interval"),
        (241, "sched_setaffinity"),
        (242, "sched_getaffinity"),
    ];

    /// The i386 system call number.
    pub const fn nr(&self) -> u16 {
        match self {
            Self::Getpriority(..) => 96,
            Self::Setpriority(..) => 97,
            Self::Setscheduler(_, ..0, _) => 154,
            Self::Setscheduler(..) => 156,
            Self::Getparam(..) => 155,
            Self::Getscheduler(_) => 157,
            Self::PriorityMax(_) => 159,
            Self::PriorityMin(_) => 160,
            Self::RrGetInterval(..) => 161,
            Self::Setaffinity(..) => 241,
            Self::Getaffinity(..) => 242,
        }
    }

    /// The first argument as a word, for the trace.
    pub const fn first_arg(&self) -> u32 {
        match self {
            Self::Getpriority(word, _)
            | Self::Setpriority(word, ..)
            | Self::Setscheduler(word, ..)
            | Self::Getscheduler(word)
            | Self::Getparam(word, _)
            | Self::PriorityMax(word)
            | Self::PriorityMin(word)
            | Self::RrGetInterval(word, _)
            | Self::Setaffinity(word, _)
            | Self::Getaffinity(word, ..) => *word as u32,
        }
    }
}

impl Kernel {
    pub(super) fn dispatch_sched(&mut self, current: TaskId, call: SchedCall) -> SysResult {
        match call {
            SchedCall::Getpriority(which, who) => self.sys_getpriority(current, which, who),
            SchedCall::Setpriority(which, who, nice) => {
                self.sys_setpriority(current, which, who, nice).map(|()| 0)
            }
            SchedCall::Setscheduler(pid, policy, priority) => self
                .sys_sched_setscheduler(current, pid, policy, priority)
                .map(|()| 0),
            SchedCall::Getscheduler(pid) => self
                .sys_sched_getscheduler(current, pid)
                .map(|policy| policy as u32),
            SchedCall::Getparam(pid, addr) => self
                .sys_sched_getparam(current, pid)
                .and_then(|priority| self.give_words(current, addr, [priority.into()])),
            SchedCall::PriorityMax(policy) => {
                sched_priority_range(policy).map(|(_, max)| max.into())
            }
            SchedCall::PriorityMin(policy) => {
                sched_priority_range(policy).map(|(min, _)| min.into())
            }
            SchedCall::RrGetInterval(pid, addr) => self
                .sys_sched_rr_get_interval(current, pid)
                .and_then(|ns| match addr {
                    None => Ok(ns),
                    Some(addr) => self.put_user_words(current, addr, &[0, ns]).map(|()| 0),
                }),
            SchedCall::Setaffinity(pid, mask) => {
                return self.sys_sched_setaffinity(current, pid, mask);
            }
            SchedCall::Getaffinity(pid, len, addr) => self.get_affinity(current, pid, len, addr),
        }
        .into()
    }

    /// Stores words of an answer and returns 0; without a place for them, returns the first.
    fn give_words<const N: usize>(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        words: [u32; N],
    ) -> Result<u32, Errno> {
        if addr == VirtAddr(0) {
            return Ok(words[0]);
        }
        for (i, word) in words.into_iter().enumerate() {
            self.put_user_u32(current, VirtAddr(addr.0.wrapping_add(4 * i as u32)), word)?;
        }
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_getaffinity()`: the length of what it stored.
    fn get_affinity(
        &mut self,
        current: TaskId,
        pid: i32,
        len: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        if len < 4 {
            return Err(Errno::EINVAL);
        }
        let mask = self.sched_getaffinity(current, pid)?;
        if addr == VirtAddr(0) {
            return Ok(mask);
        }
        self.put_user_u32(current, addr, mask)?;
        Ok(4)
    }

    /// The call about scheduling that a number asks for; `None` if the number is another's.
    ///
    /// # Errors
    /// `EFAULT`, `EINVAL`.
    pub(super) fn decode_sched(
        &mut self,
        current: TaskId,
        nr: u32,
        [a, b, c, ..]: [u32; 5],
    ) -> Result<Option<SchedCall>, Errno> {
        let signed = a as i32;
        // A null pointer for an answer is an error here; as a call it would mean "as the value".
        let place = |addr: u32, errno: Errno| match addr {
            0 => Err(errno),
            addr => Ok(VirtAddr(addr)),
        };
        Ok(Some(match nr {
            96 => SchedCall::Getpriority(signed, b as i32),
            97 => SchedCall::Setpriority(signed, b as i32, c as i32),
            154 => {
                let priority = self.sched_param(current, b)?;
                SchedCall::Setscheduler(signed, -1, priority)
            }
            155 => SchedCall::Getparam(signed, place(b, Errno::EINVAL)?),
            156 => {
                // A negative policy is no way to keep the old one.
                let priority = self.sched_param(current, c)?;
                let policy = if (b as i32) < 0 { i32::MAX } else { b as i32 };
                SchedCall::Setscheduler(signed, policy, priority)
            }
            157 => SchedCall::Getscheduler(signed),
            159 => SchedCall::PriorityMax(signed),
            160 => SchedCall::PriorityMin(signed),
            161 => SchedCall::RrGetInterval(signed, Some(VirtAddr(b))),
            241 => SchedCall::Setaffinity(signed, self.affinity_mask(current, b, c)?),
            242 => SchedCall::Getaffinity(signed, b, place(c, Errno::EFAULT)?),
            _ => return Ok(None),
        }))
    }

    /// `sched_priority` of a `struct sched_param`.
    fn sched_param(&mut self, current: TaskId, addr: u32) -> Result<i32, Errno> {
        match addr {
            0 => Err(Errno::EINVAL),
            addr => Ok(self.get_user_u32(current, VirtAddr(addr))? as i32),
        }
    }

    /// A mask of CPUs: what is shorter than a word is filled up with zeros.
    fn affinity_mask(&mut self, current: TaskId, len: u32, addr: u32) -> Result<u32, Errno> {
        let mut bytes = [0; 4];
        let len = (len as usize).min(bytes.len());
        self.copy_from_user(current, VirtAddr(addr), &mut bytes[..len])?;
        Ok(u32::from_le_bytes(bytes))
    }
}
