//! `msgctl`: what is known of message queues, who owns them, and their end.

use super::ids::IpcObject;
use super::layout::{IPC_64, Version, halves, words};
use super::msg::{MSGMAX, MSGMNB, MSGMNI, MsgQueue};
use crate::abi::{
    Caps, Errno, IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, MSG_INFO, MSG_STAT, TaskId, VirtAddr,
};
use crate::kernel::Kernel;

/// The bytes that `IPC_SET` reads: the new structure, and the old one.
const NEW_MSQID_DS: usize = 88;
const OLD_MSQID_DS: usize = 56;
/// Size of a segment of messages, and how many there are: 2.6.12 has none, but tells of them.
///
/// Linux 2.6.12: `include/linux/msg.h`, `MSGSSZ` and `MSGSEG`.
const MSGSSZ: u32 = 16;
const MSGSEG: u32 = 0xffff;

/// What `IPC_STAT` says of a queue.
///
/// Linux 2.6.12: `include/asm-i386/msgbuf.h`, `struct msqid64_ds`; `include/linux/msg.h`,
/// `struct msqid_ds`.
fn msqid_ds(queue: &MsgQueue, version: Version) -> Vec<u8> {
    let perm = queue.perm().bytes(version);
    let times = [queue.stime, queue.rtime, queue.ctime];
    let counts = [queue.cbytes(), queue.qnum(), queue.qbytes];
    let pids = [queue.lspid, queue.lrpid].map(i32::cast_unsigned);
    match version {
        Version::New => [
            perm,
            words(&[times[0], 0, times[1], 0, times[2], 0]),
            words(&counts),
            words(&[pids[0], pids[1], 0, 0]),
        ]
        .concat(),
        Version::Old => [
            perm,
            words(&[0, 0]),
            words(&times),
            words(&[counts[0], counts[2]]),
            halves(&counts.map(|count| count.min(u32::from(u16::MAX)))),
            halves(&[pids[0], pids[1], 0]),
        ]
        .concat(),
    }
}

/// What `IPC_SET` sets.
struct Setting {
    uid: u32,
    gid: u32,
    mode: u32,
    qbytes: u32,
}

impl Setting {
    /// Linux 2.6.12: `ipc/msg.c`, `copy_msqid_from_user()`.
    fn from_bytes(bytes: &[u8], version: Version) -> Self {
        let half = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let word = |at: usize| half(at) | half(at + 2) << 16;
        match version {
            Version::New => Self {
                uid: word(4),
                gid: word(8),
                mode: half(20),
                qbytes: word(68),
            },
            Version::Old => Self {
                uid: half(4),
                gid: half(6),
                mode: half(12),
                // The wide field counts only if the narrow one is empty.
                qbytes: match half(48) {
                    0 => word(40),
                    qbytes => qbytes,
                },
            },
        }
    }
}

impl Kernel {
    /// Linux 2.6.12: `ipc/msg.c`, `sys_msgctl()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown command or queue; `EIDRM`, `EACCES`, `EPERM`, `EFAULT`.
    pub(super) fn sys_msgctl(
        &mut self,
        current: TaskId,
        id: i32,
        cmd: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        if id < 0 || cmd.cast_signed() < 0 {
            return Err(Errno::EINVAL);
        }
        let version = Version::of(cmd);
        match cmd & !IPC_64 {
            cmd @ (IPC_INFO | MSG_INFO) => self.msg_info(current, cmd, buffer),
            MSG_STAT => {
                let found = self.msg_queues.id_of_slot(id).ok_or(Errno::EINVAL)?;
                self.msg_copy_stat(current, found, buffer, version)?;
                Ok(found as u32)
            }
            IPC_STAT => self.msg_copy_stat(current, id, buffer, version).map(|()| 0),
            IPC_SET => self.msg_set(current, id, buffer, version),
            IPC_RMID => {
                self.check_msg_owner(current, id)?;
                self.freeque(id);
                Ok(0)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// `IPC_INFO` and `MSG_INFO`: the limits, and what is used. Returns the highest slot in use.
    fn msg_info(&mut self, current: TaskId, cmd: u32, buffer: VirtAddr) -> Result<u32, Errno> {
        let queues = self.msg_queues.iter().map(|(_, queue)| queue);
        let (count, bytes) = queues.fold((0, 0), |(count, bytes), queue| {
            (count + queue.qnum(), bytes + queue.cbytes())
        });
        let all = MSGMNI as u32;
        let (pool, map, headers) = match cmd {
            MSG_INFO => (self.msg_queues.in_use() as u32, count, bytes),
            _ => (all * MSGMNB / 1024, MSGMNB, MSGMNB),
        };
        let info = words(&[pool, map, MSGMAX, MSGMNB, all, MSGSSZ, headers, MSGSEG]);
        self.copy_to_user(current, buffer, &info)?;
        Ok(self.msg_queues.max_id().max(0) as u32)
    }

    fn msg_copy_stat(
        &mut self,
        current: TaskId,
        id: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<(), Errno> {
        let queue = self.msg_queues.find(id)?;
        let (perm, bytes) = (*queue.perm(), msqid_ds(queue, version));
        if !self.may_use_ipc(current, perm, 0o444) {
            return Err(Errno::EACCES);
        }
        self.copy_to_user(current, buffer, &bytes)
    }

    fn check_msg_owner(&mut self, current: TaskId, id: i32) -> Result<(), Errno> {
        let perm = *self.msg_queues.find(id)?.perm();
        if self.owns_ipc(current, perm) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// `IPC_SET`: another owner, other permissions, another size.
    fn msg_set(
        &mut self,
        current: TaskId,
        id: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<u32, Errno> {
        let mut bytes = match version {
            Version::New => vec![0; NEW_MSQID_DS],
            Version::Old => vec![0; OLD_MSQID_DS],
        };
        self.copy_from_user(current, buffer, &mut bytes)?;
        let new = Setting::from_bytes(&bytes, version);
        self.check_msg_owner(current, id)?;
        if new.qbytes > MSGMNB && !self.capable(current, Caps::SYS_RESOURCE) {
            return Err(Errno::EPERM);
        }
        let now = self.get_seconds();
        let queue = self.msg_queues.find_mut(id)?;
        (queue.qbytes, queue.ctime) = (new.qbytes, now);
        let perm = queue.perm_mut();
        (perm.uid, perm.gid) = (new.uid, new.gid);
        perm.mode = perm.mode & !0o777 | new.mode & 0o777;
        // Stricter permissions may concern those who wait, and there may be room now.
        self.wake_all_of_queue(id);
        Ok(0)
    }
}
