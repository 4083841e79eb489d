//! What changes the attributes of an inode: `chmod`, `chown`, `utime` and their relatives, and the
//! times and set-id bits that change along with the contents.

use super::namei::Goal;
use super::permission::May;
use crate::abi::{
    Caps, Errno, FileId, InodeId, O_NOATIME, S_IALLUGO, S_ISGID, S_ISUID, S_IXGRP, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::time::Timespec;

/// The id, or the mode of 16 bits, that means "leave it unchanged".
const SAME: u32 = u32::MAX;
const SAME_MODE: u32 = 0xffff;

/// A change of attributes (`struct iattr`); what is `None` stays. The change time is always set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Change {
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    /// Access and modification time.
    times: Option<Times>,
    /// `ATTR_KILL_SUID` and `ATTR_KILL_SGID`: whether the set-id bits go.
    kill: bool,
}

/// The times that a call sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Times {
    /// The time of day: whoever may write may do that.
    Now,
    /// Access and modification time as given: only the owner may do that.
    Set(Timespec, Timespec),
}

/// Which bits go when a file is written or gets another owner: that of the user, and that of the
/// group if the group may execute the file, for otherwise it means mandatory locks.
///
/// Linux 2.6.12: `fs/attr.c`, `notify_change()`; `mm/filemap.c`, `remove_suid()`.
const fn set_id_bits(mode: u32) -> u32 {
    let group = S_ISGID | S_IXGRP;
    let group = if mode & group == group { S_ISGID } else { 0 };
    mode & S_ISUID | group
}

impl Kernel {
    /// Changes the attributes of an inode, if the caller may.
    ///
    /// Linux 2.6.12: `fs/attr.c`, `notify_change()`.
    ///
    /// # Errors
    /// `EPERM`.
    fn notify_change(
        &mut self,
        current: TaskId,
        inode: InodeId,
        mut change: Change,
    ) -> Result<u32, Errno> {
        let mode = self.inodes[inode].attr.mode;
        let killed = set_id_bits(mode);
        if change.kill && killed != 0 {
            change.mode = Some(change.mode.unwrap_or(mode) & !killed);
        }
        let change = self.inode_change_ok(current, inode, change)?;
        self.inode_setattr(current, inode, change);
        self.stamp_change(inode);
        Ok(0)
    }

    /// Whether a task may change attributes; the set-group-id bit is left out silently if it may not
    /// have that.
    ///
    /// Linux 2.6.12: `fs/attr.c`, `inode_change_ok()`.
    fn inode_change_ok(
        &mut self,
        current: TaskId,
        inode: InodeId,
        mut change: Change,
    ) -> Result<Change, Errno> {
        let attr = self.inodes[inode].attr;
        let owns = self.task(current).cred().fsuid == attr.uid;
        if let Some(uid) = change.uid
            && !(owns && uid == attr.uid)
            && !self.capable(current, Caps::CHOWN)
        {
            return Err(Errno::EPERM);
        }
        if let Some(gid) = change.gid {
            let own_group = self.task(current).in_group_p(gid) || gid == attr.gid;
            let may = owns && own_group;
            if !may && !self.capable(current, Caps::CHOWN) {
                return Err(Errno::EPERM);
            }
        }
        if let Some(mode) = change.mode {
            if !self.is_owner_or_capable(current, inode) {
                return Err(Errno::EPERM);
            }
            let group = change.gid.unwrap_or(attr.gid);
            if !self.task(current).in_group_p(group) && !self.capable(current, Caps::FSETID) {
                change.mode = Some(mode & !S_ISGID);
            }
        }
        if matches!(change.times, Some(Times::Set(..))) && !self.is_owner_or_capable(current, inode)
        {
            return Err(Errno::EPERM);
        }
        Ok(change)
    }

    /// Linux 2.6.12: `fs/attr.c`, `inode_setattr()`.
    fn inode_setattr(&mut self, current: TaskId, inode: InodeId, change: Change) {
        let now = self.current_kernel_time();
        let attr = &mut self.inodes[inode].attr;
        attr.uid = change.uid.unwrap_or(attr.uid);
        attr.gid = change.gid.unwrap_or(attr.gid);
        match change.times {
            Some(Times::Now) => (attr.atime, attr.mtime) = (now, now),
            Some(Times::Set(atime, mtime)) => (attr.atime, attr.mtime) = (atime, mtime),
            None => {}
        }
        let gid = attr.gid;
        if let Some(mut mode) = change.mode {
            if !self.task(current).in_group_p(gid) && !self.capable(current, Caps::FSETID) {
                mode &= !S_ISGID;
            }
            self.inodes[inode].attr.mode = mode;
        }
    }

    fn change_mode(&mut self, current: TaskId, inode: InodeId, mode: u32) -> Result<u32, Errno> {
        let old = self.inodes[inode].attr.mode;
        let mode = match mode & SAME_MODE {
            SAME_MODE => old,
            mode => mode,
        };
        let change = Change {
            mode: Some(mode & S_IALLUGO | old & !S_IALLUGO),
            ..Change::default()
        };
        self.notify_change(current, inode, change)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_chmod()`.
    ///
    /// # Errors
    /// Errors of the walk; `EPERM`.
    pub(in crate::kernel) fn sys_chmod(
        &mut self,
        current: TaskId,
        path: String,
        mode: u32,
    ) -> Result<u32, Errno> {
        let inode = self.user_path(current, &path, Goal::Follow)?;
        self.change_mode(current, inode, mode)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_fchmod()`.
    ///
    /// # Errors
    /// `EBADF`; `EPERM`.
    pub(in crate::kernel) fn sys_fchmod(
        &mut self,
        current: TaskId,
        fd: u32,
        mode: u32,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.change_mode(current, self.open_files[file].inode(), mode)
    }

    /// Linux 2.6.12: `fs/open.c`, `chown_common()`.
    fn chown_common(
        &mut self,
        current: TaskId,
        inode: InodeId,
        uid: u32,
        gid: u32,
    ) -> Result<u32, Errno> {
        let given = |id| (id != SAME).then_some(id);
        let change = Change {
            uid: given(uid),
            gid: given(gid),
            // Also for root, and also if neither id changes.
            kill: !self.inodes[inode].kind.is_directory(),
            ..Change::default()
        };
        self.notify_change(current, inode, change)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_chown()`.
    ///
    /// # Errors
    /// Errors of the walk; `EPERM`.
    pub(in crate::kernel) fn sys_chown(
        &mut self,
        current: TaskId,
        path: String,
        uid: u32,
        gid: u32,
    ) -> Result<u32, Errno> {
        let inode = self.user_path(current, &path, Goal::Follow)?;
        self.chown_common(current, inode, uid, gid)
    }

    /// The same for a link itself.
    ///
    /// Linux 2.6.12: `fs/open.c`, `sys_lchown()`.
    ///
    /// # Errors
    /// Errors of the walk; `EPERM`.
    pub(in crate::kernel) fn sys_lchown(
        &mut self,
        current: TaskId,
        path: String,
        uid: u32,
        gid: u32,
    ) -> Result<u32, Errno> {
        let inode = self.user_path(current, &path, Goal::NoFollow)?;
        self.chown_common(current, inode, uid, gid)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_fchown()`.
    ///
    /// # Errors
    /// `EBADF`; `EPERM`.
    pub(in crate::kernel) fn sys_fchown(
        &mut self,
        current: TaskId,
        fd: u32,
        uid: u32,
        gid: u32,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.chown_common(current, self.open_files[file].inode(), uid, gid)
    }

    /// Access and modification time in seconds, from memory, if there are any.
    ///
    /// Linux 2.6.12: `fs/open.c`, `sys_utime()`.
    ///
    /// # Errors
    /// Errors of the walk; `EFAULT`; `EACCES` and `EPERM` if the caller is not the owner.
    pub(in crate::kernel) fn sys_utime(
        &mut self,
        current: TaskId,
        path: String,
        times: VirtAddr,
    ) -> Result<u32, Errno> {
        let inode = self.user_path(current, &path, Goal::Follow)?;
        let set = if times.0 == 0 {
            Times::Now
        } else {
            let [atime, mtime] = self.get_user_words(current, times)?;
            let whole = |sec: u32| Timespec::of_seconds(sec.cast_signed());
            Times::Set(whole(atime), whole(mtime))
        };
        self.set_times(current, inode, set)
    }

    /// The same with microseconds, which are taken as they are.
    ///
    /// Linux 2.6.12: `fs/open.c`, `sys_utimes()` and `do_utimes()`.
    ///
    /// # Errors
    /// `EFAULT`; errors of the walk; `EACCES` and `EPERM` if the caller is not the owner.
    pub(in crate::kernel) fn sys_utimes(
        &mut self,
        current: TaskId,
        path: String,
        times: VirtAddr,
    ) -> Result<u32, Errno> {
        let set = if times.0 == 0 {
            Times::Now
        } else {
            let words: [u32; 4] = self.get_user_words(current, times)?;
            let [asec, ausec, msec, musec] = words.map(u32::cast_signed);
            let time = |sec, usec: i32| Timespec::raw(sec, usec.wrapping_mul(1000));
            Times::Set(time(asec, ausec), time(msec, musec))
        };
        let inode = self.user_path(current, &path, Goal::Follow)?;
        self.set_times(current, inode, set)
    }

    fn set_times(&mut self, current: TaskId, inode: InodeId, times: Times) -> Result<u32, Errno> {
        let owns = self.task(current).cred().fsuid == self.inodes[inode].attr.uid;
        if times == Times::Now && !owns {
            self.permission(current, inode, May::WRITE)?;
        }
        let change = Change {
            times: Some(times),
            ..Change::default()
        };
        self.notify_change(current, inode, change)
    }

    /// Takes the set-id bits from a file that is about to be written.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `remove_suid()`.
    pub(super) fn remove_suid(&mut self, current: TaskId, inode: InodeId) {
        let mode = self.inodes[inode].attr.mode;
        let killed = set_id_bits(mode);
        if killed != 0 && !self.capable(current, Caps::FSETID) {
            let change = Change {
                mode: Some(mode & !killed),
                ..Change::default()
            };
            self.inode_setattr(current, inode, change);
        }
    }

    /// An inode was read.
    ///
    /// Linux 2.6.12: `fs/inode.c`, `update_atime()`.
    pub(super) fn touch_atime(&mut self, inode: InodeId) {
        self.inodes[inode].attr.atime = self.current_kernel_time();
    }

    /// An open file was read.
    ///
    /// Linux 2.6.12: `include/linux/fs.h`, `file_accessed()`.
    pub(super) fn file_accessed(&mut self, file: FileId) {
        let open = &self.open_files[file];
        if open.flags() & O_NOATIME == 0 {
            self.touch_atime(open.inode());
        }
    }

    /// The contents of an inode change.
    ///
    /// Linux 2.6.12: `fs/inode.c`, `inode_update_time()`.
    pub(super) fn inode_update_time(&mut self, inode: InodeId) {
        let now = self.current_kernel_time();
        let attr = &mut self.inodes[inode].attr;
        (attr.mtime, attr.ctime) = (now, now);
    }

    /// An inode changes, but not its contents.
    pub(super) fn stamp_change(&mut self, inode: InodeId) {
        self.inodes[inode].attr.ctime = self.current_kernel_time();
    }

    /// A name in a directory goes away or comes by `link` or `rename`. That something is made in it
    /// leaves its times as they are.
    ///
    /// Linux 2.6.12: `fs/libfs.c`, `simple_link()` and `simple_unlink()`; `fs/ramfs/inode.c`,
    /// `ramfs_mknod()`.
    pub(super) fn stamp_entries(&mut self, dir: InodeId) {
        self.inode_update_time(dir);
    }
}
