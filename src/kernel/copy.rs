//! What a new task shares with its creator and what it gets a copy of, and how a failed clone is
//! undone.

use super::Kernel;
use super::cred::Caps;
use super::files::{FsStruct, Namespace, SemUndoList};
use super::fork::ForkArgs;
use super::signal::SignalStruct;
use crate::abi::{CloneFlags, Errno, TaskId, VirtAddr};
use crate::hw::{SegmentDescriptor, UserDesc};

/// How far `copy_process` has come. A failure undoes the stage it has reached and all before it,
/// in reverse order.
///
/// Not undone by a failed clone: the advance of `last_pid`; the tid word stored for
/// CLONE_PARENT_SETTID; a semaphore undo list made for the caller; PF_SUPERPRIV of the caller; the
/// halved time slice; and, for a failed CLONE_THREAD, `signal.live`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Task and kernel stack exist.
    TaskStruct,
    /// The user's count of tasks is raised.
    UserCharged,
    /// `copy_semundo` is done.
    SemUndo,
    /// `copy_files` is done.
    Files,
    /// `copy_fs` is done.
    Fs,
    /// `copy_sighand` is done.
    Sighand,
    /// `copy_signal` is done.
    Signal,
    /// `copy_mm` is done.
    Mm,
    /// `copy_namespace` is done.
    Namespace,
}

impl Kernel {
    /// The eight copies, in the kernel's order.
    pub(super) fn copy_resources(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &ForkArgs,
        stage: &mut Stage,
    ) -> Result<(), Errno> {
        let flags = args.flags;
        self.copy_semundo(flags, current, child);
        *stage = Stage::SemUndo;
        self.copy_files(flags, child);
        *stage = Stage::Files;
        self.copy_fs(flags, child);
        *stage = Stage::Fs;
        self.copy_sighand(flags, child);
        *stage = Stage::Sighand;
        self.copy_signal(flags, child);
        *stage = Stage::Signal;
        self.copy_mm(flags, current, child)?;
        *stage = Stage::Mm;
        self.copy_namespace(flags, current, child)?;
        *stage = Stage::Namespace;
        self.copy_thread(current, child, args)
    }

    /// CLONE_SYSVSEM shares the list, which is made for the caller if it has none; otherwise the
    /// child has none.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `copy_semundo()`.
    fn copy_semundo(&mut self, flags: CloneFlags, current: TaskId, child: TaskId) {
        if !flags.contains(CloneFlags::CLONE_SYSVSEM) {
            self.task_mut(child).sem_undo = None;
            return;
        }
        let undo = match self.task(current).sem_undo {
            Some(undo) => undo,
            None => self.sem_undos.insert(SemUndoList { refcnt: 1 }),
        };
        self.task_mut(current).sem_undo = Some(undo);
        self.sem_undos[undo].refcnt += 1;
        self.task_mut(child).sem_undo = Some(undo);
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_files()`.
    fn copy_files(&mut self, flags: CloneFlags, child: TaskId) {
        let Some(table) = self.task(child).files else {
            return;
        };
        if flags.contains(CloneFlags::CLONE_FILES) {
            self.files[table].count += 1;
        } else {
            let copy = self.dup_files(table);
            self.task_mut(child).files = Some(copy);
        }
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_fs()`.
    fn copy_fs(&mut self, flags: CloneFlags, child: TaskId) {
        let Some(fs) = self.task(child).fs else {
            return;
        };
        if flags.contains(CloneFlags::CLONE_FS) {
            self.fs[fs].count += 1;
        } else {
            let copy = FsStruct {
                count: 1,
                ..self.fs[fs].clone()
            };
            self.task_mut(child).fs = Some(self.fs.insert(copy));
        }
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_sighand()`.
    fn copy_sighand(&mut self, flags: CloneFlags, child: TaskId) {
        let Some(sighand) = self.task(child).sighand else {
            return;
        };
        if flags.intersects(CloneFlags::CLONE_SIGHAND | CloneFlags::CLONE_THREAD) {
            self.sighands[sighand].count += 1;
        } else {
            let copy = self.sighands[sighand].duplicate();
            self.task_mut(child).sighand = Some(self.sighands.insert(copy));
        }
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_signal()`.
    fn copy_signal(&mut self, flags: CloneFlags, child: TaskId) {
        let Some(signal) = self.task(child).signal else {
            return;
        };
        let old = &mut self.signals[signal];
        if flags.contains(CloneFlags::CLONE_THREAD) {
            old.count += 1;
            old.live += 1;
        } else {
            let fresh = SignalStruct::new(old.pgrp, old.session, old.rlimits);
            self.task_mut(child).signal = Some(self.signals.insert(fresh));
        }
    }

    /// Everyone's namespace gets a user more; CLONE_NEWNS then needs CAP_SYS_ADMIN for a new one.
    ///
    /// Linux 2.6.12: `fs/namespace.c`, `copy_namespace()`.
    fn copy_namespace(
        &mut self,
        flags: CloneFlags,
        current: TaskId,
        child: TaskId,
    ) -> Result<(), Errno> {
        let Some(namespace) = self.task(child).namespace else {
            return Ok(());
        };
        if !flags.contains(CloneFlags::CLONE_NEWNS) {
            self.namespaces[namespace].count += 1;
            return Ok(());
        }
        if !self.capable(current, Caps::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        self.task_mut(child).namespace = Some(self.namespaces.insert(Namespace { count: 1 }));
        Ok(())
    }

    /// The child's user registers: the caller's, with `eax` 0 and `esp` the stack argument; and its
    /// TLS descriptor.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `copy_thread()`.
    fn copy_thread(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &ForkArgs,
    ) -> Result<(), Errno> {
        let regs = &mut self.task_mut(child).thread.regs;
        regs.eax = 0;
        if args.stack != VirtAddr(0) {
            regs.esp = args.stack.0;
        }
        if !args.flags.contains(CloneFlags::CLONE_SETTLS) {
            return Ok(());
        }
        let info = self.read_user_desc(current, args.tls)?;
        let slot = info
            .entry_number
            .checked_sub(6)
            .and_then(|slot| usize::try_from(slot).ok());
        let slot = slot
            .filter(|slot| *slot < 3 && !info.is_empty())
            .ok_or(Errno::EINVAL)?;
        self.task_mut(child).thread.tls_array[slot] = SegmentDescriptor::from_user_desc(&info);
        Ok(())
    }

    /// Reads a `user_desc` of 16 bytes from user memory.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(super) fn read_user_desc(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<UserDesc, Errno> {
        let mut bytes = [0; 16];
        self.copy_from_user(current, addr, &mut bytes)?;
        let word =
            |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        let entry_number = word(0) as i32;
        Ok(UserDesc {
            entry_number,
            base: word(4),
            limit: word(8),
            flags: word(12),
        })
    }

    /// Undoes a clone that failed after reaching `stage`: that stage and everything before it.
    pub(super) fn unwind_copy(&mut self, child: TaskId, stage: Stage) {
        if stage >= Stage::Namespace
            && let Some(namespace) = self.task_mut(child).namespace.take()
        {
            self.put_namespace(namespace);
        }
        if stage >= Stage::Mm
            && let Some(mm) = self.task_mut(child).mm.take()
        {
            self.mmput(mm);
        }
        if stage >= Stage::Signal {
            self.put_signal(child);
        }
        if stage >= Stage::Sighand {
            self.put_sighand(child);
        }
        if stage >= Stage::Fs
            && let Some(fs) = self.task_mut(child).fs.take()
        {
            self.put_fs(fs);
        }
        if stage >= Stage::Files
            && let Some(files) = self.task_mut(child).files.take()
        {
            self.put_files(files);
        }
        if stage >= Stage::SemUndo
            && let Some(undo) = self.task_mut(child).sem_undo.take()
        {
            self.put_sem_undo(undo);
        }
        if stage >= Stage::UserCharged {
            let uid = self.task(child).cred.uid;
            self.users.put(uid);
        }
        self.free_task(child);
    }
}
