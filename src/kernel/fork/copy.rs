//! What a new task shares with its creator and what is copied for it, and how a failed clone is
//! undone.

use super::clone_rules::{CloneSharing, ObjectFate, check_newns, clone_sharing};
use crate::abi::{Errno, TaskId, VirtAddr};
use crate::hw::{SegmentDescriptor, UserDesc};
use crate::kernel::Kernel;
use crate::kernel::syscall::ForkArgs;
use crate::kernel::task::SignalStruct;
use crate::trace::{CloneRefusal, CopyStage};

impl Kernel {
    /// The eight copies, in the kernel's order.
    pub(super) fn copy_resources(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &ForkArgs,
        stage: &mut CopyStage,
    ) -> Result<(), CloneRefusal> {
        let sharing = clone_sharing(args.flags);
        // The order decides what a failure undoes: `unwind_copy` walks back through the stages. The
        // registers come last, as nothing has to be undone for them.
        self.copy_semundo(sharing, current, child)?;
        *stage = CopyStage::SemUndo;
        self.copy_files(sharing, child)?;
        *stage = CopyStage::Files;
        self.copy_fs(sharing, child)?;
        *stage = CopyStage::Fs;
        self.copy_sighand(sharing, child)?;
        *stage = CopyStage::Sighand;
        self.copy_signal(sharing, child)?;
        *stage = CopyStage::Signal;
        self.copy_mm(sharing, current, child)?;
        *stage = CopyStage::Mm;
        self.copy_namespace(sharing, current, child)?;
        *stage = CopyStage::Namespace;
        self.copy_thread(sharing, current, child, args)?;
        *stage = CopyStage::Thread;
        Ok(())
    }

    /// CLONE_SYSVSEM shares the list, creating it if the caller has none; otherwise the child
    /// starts without one.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `copy_semundo()`.
    fn copy_semundo(
        &mut self,
        sharing: CloneSharing,
        current: TaskId,
        child: TaskId,
    ) -> Result<(), CloneRefusal> {
        if !sharing.sem_undo.is_shared() {
            self.task_mut(child).sem_undo = None;
            return Ok(());
        }
        if self.task(current).sem_undo.is_none() {
            self.copy_alloc(CopyStage::SemUndo)?;
        }
        // A list that is created here is the caller's from now on, even if the clone fails later.
        self.share_undo_list(current, child);
        Ok(())
    }

    /// Gives a new task its address space: the caller's own with CLONE_VM, otherwise a copy.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_mm()`.
    ///
    /// # Errors
    /// `ENOMEM`; the child then has no address space, and the parent's pages may already be
    /// write-protected.
    fn copy_mm(
        &mut self,
        sharing: CloneSharing,
        current: TaskId,
        child: TaskId,
    ) -> Result<(), CloneRefusal> {
        let task = self.task_mut(child);
        (task.min_flt, task.maj_flt) = (0, 0);
        // Until now these were the parent's ids, without a reference.
        task.active_mm = None;
        self.set_task_mm(child, None);
        let Some(old) = self.task(current).mm() else {
            return Ok(());
        };
        let mm = if sharing.mm.is_shared() {
            self.mmget(old);
            old
        } else {
            self.copy_alloc(CopyStage::Mm)?;
            self.dup_mm(old)?
        };
        self.set_mm(child, mm);
        Ok(())
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_files()`.
    fn copy_files(&mut self, sharing: CloneSharing, child: TaskId) -> Result<(), CloneRefusal> {
        let Some(table) = self.task(child).files else {
            return Ok(());
        };
        if sharing.files.is_shared() {
            self.get_files(table);
        } else {
            self.copy_alloc(CopyStage::Files)?;
            let copy = self.dup_files(table);
            self.task_mut(child).files = Some(copy);
        }
        Ok(())
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_fs()`.
    fn copy_fs(&mut self, sharing: CloneSharing, child: TaskId) -> Result<(), CloneRefusal> {
        let fs = self.fs_id(child);
        if sharing.fs.is_shared() {
            self.get_fs(fs);
        } else {
            self.copy_alloc(CopyStage::Fs)?;
            let copy = self.copy_fs_struct(fs);
            self.task_mut(child).fs = Some(copy);
        }
        Ok(())
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_sighand()`.
    fn copy_sighand(&mut self, sharing: CloneSharing, child: TaskId) -> Result<(), CloneRefusal> {
        if sharing.sighand.is_shared() {
            self.get_sighand(child);
        } else {
            self.copy_alloc(CopyStage::Sighand)?;
            let copy = self.sighand_of(child).duplicate();
            self.set_sighand(child, copy);
        }
        Ok(())
    }

    /// Linux 2.6.12: `kernel/fork.c`, `copy_signal()`.
    fn copy_signal(&mut self, sharing: CloneSharing, child: TaskId) -> Result<(), CloneRefusal> {
        if sharing.signal.is_shared() {
            self.get_signal(child);
        } else {
            self.copy_alloc(CopyStage::Signal)?;
            let fresh = SignalStruct::of_child(self.signal_of(child));
            self.set_signal(child, fresh);
        }
        Ok(())
    }

    /// Adds a reference to the namespace. With CLONE_NEWNS, a new one then requires CAP_SYS_ADMIN.
    ///
    /// Linux 2.6.12: `fs/namespace.c`, `copy_namespace()`.
    fn copy_namespace(
        &mut self,
        sharing: CloneSharing,
        current: TaskId,
        child: TaskId,
    ) -> Result<(), CloneRefusal> {
        let Some(namespace) = self.task(child).namespace else {
            return Ok(());
        };
        if sharing.namespace.is_shared() {
            self.get_namespace(namespace);
            return Ok(());
        }
        // Asked here and not with the flags, so a caller without the privilege has already paid for
        // a copy of its memory, which is now undone.
        let privilege = check_newns(&self.task(current).cred())?;
        self.capable(current, privilege);
        self.copy_alloc(CopyStage::Namespace)?;
        self.task_mut(child).namespace = Some(self.new_namespace());
        Ok(())
    }

    /// Sets the child's user registers to the caller's, with `eax` 0 and `esp` from the stack
    /// argument, and its TLS descriptor.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `copy_thread()`.
    fn copy_thread(
        &mut self,
        sharing: CloneSharing,
        current: TaskId,
        child: TaskId,
        args: &ForkArgs,
    ) -> Result<(), CloneRefusal> {
        // The child returns from the same call as its parent; this 0 is how it knows who it is.
        let regs = &mut self.task_mut(child).thread.regs;
        regs.eax = 0;
        if args.stack != VirtAddr(0) {
            regs.esp = args.stack.0;
        }
        if sharing.tls == ObjectFate::Copied {
            return Ok(());
        }
        let info = self
            .read_user_desc(current, args.tls)
            .map_err(|_| CloneRefusal::TlsFault)?;
        if info.is_empty() {
            return Err(CloneRefusal::EmptyTls);
        }
        let slot = info.tls_slot().ok_or(CloneRefusal::NoTlsEntry)?;
        self.task_mut(child).thread.tls_array[slot] = SegmentDescriptor::from_user_desc(&info);
        Ok(())
    }

    /// Reads a `user_desc` from user memory.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn read_user_desc(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<UserDesc, Errno> {
        let mut bytes = [0; UserDesc::SIZE];
        self.copy_from_user(current, addr, &mut bytes)?;
        Ok(UserDesc::from_bytes(bytes))
    }

    /// Undoes a clone that failed after reaching `stage`: that stage and everything before it, in
    /// reverse order.
    ///
    /// The following is not undone: the advance of `last_pid`; the tid stored for
    /// CLONE_PARENT_SETTID; a semaphore undo list created for the caller; PF_SUPERPRIV of the
    /// caller; the halved time slice; and, for a failed CLONE_THREAD, `signal.live`.
    pub(super) fn unwind_copy(&mut self, child: TaskId, stage: CopyStage) {
        // A stage that was not completed left the parent's id in the child, without a reference, so
        // only completed stages are undone.
        if stage >= CopyStage::Namespace
            && let Some(namespace) = self.task_mut(child).namespace.take()
        {
            self.put_namespace(namespace);
        }
        if stage >= CopyStage::Mm
            && let Some(mm) = self.task(child).mm()
        {
            self.set_task_mm(child, None);
            self.mmput(mm);
        }
        if stage >= CopyStage::Signal {
            self.put_signal(child);
        }
        if stage >= CopyStage::Sighand {
            self.put_sighand(child);
        }
        if stage >= CopyStage::Fs
            && let Some(fs) = self.task_mut(child).fs.take()
        {
            self.put_fs(fs);
        }
        if stage >= CopyStage::Files
            && let Some(files) = self.task_mut(child).files.take()
        {
            self.put_files(files);
        }
        if stage >= CopyStage::SemUndo
            && let Some(undo) = self.task_mut(child).sem_undo.take()
        {
            self.exit_sem(child, undo);
        }
        if stage >= CopyStage::ProcessCounted {
            let uid = self.task(child).cred().uid;
            self.users.put(uid);
        }
        self.free_task(child);
    }
}
