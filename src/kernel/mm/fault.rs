//! The page fault handler: whether a faulting access is legal, and what happens if it is not.

use super::memory::MmFault;
use super::mm_struct::Mm;
use super::vma::{VmFlags, Vma};
use crate::abi::{Caps, Errno, MmId, PAGE_SHIFT, Resource, TASK_SIZE, TaskId, VirtAddr};
use crate::hw::{ErrorCode, PageFault};
use crate::kernel::Kernel;
use crate::trace::{Cause, TraceEvent};
use std::fmt;

/// Vector of the page fault, stored in `thread.trap_no`.
const PAGE_FAULT_VECTOR: u32 = 14;
/// How far below `esp` an access may lie for the stack to grow: `pusha` stores 32 bytes.
const STACK_SLACK: u32 = 32;

/// `si_code` of a SIGSEGV.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegvCode {
    /// `SEGV_MAPERR`: nothing is mapped there.
    MapErr = 1,
    /// `SEGV_ACCERR`: the area does not permit the access.
    AccErr = 2,
}

/// Why an access is illegal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadAccess {
    /// The address belongs to the kernel.
    KernelAddress,
    /// The task has no address space of its own.
    NoMm,
    /// No area ends above the address.
    AboveAllAreas,
    /// The next area begins above the address and does not grow downwards.
    Hole {
        /// Start of the next area.
        next: VirtAddr,
    },
    /// The stack begins above the address, which is too far below `esp`.
    BelowStackPointer {
        /// Stack pointer at the fault.
        esp: VirtAddr,
    },
    /// The stack may not grow: `RLIMIT_STACK` or another limit, or the overcommit check.
    StackLimit,
    /// The area does not permit writing.
    NotWritable,
    /// The page is present, but the area permits no access at all.
    ReadProtected,
    /// The area permits neither reading nor executing.
    NotReadable,
}

impl fmt::Display for SegvCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MapErr => "MAPERR",
            Self::AccErr => "ACCERR",
        })
    }
}

impl fmt::Display for BadAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KernelAddress => write!(f, "the address belongs to the kernel"),
            Self::NoMm => write!(f, "the task has no address space"),
            Self::AboveAllAreas => write!(f, "nothing is mapped at or above the address"),
            Self::Hole { next } => {
                write!(f, "nothing is mapped there; the next area begins at {next}")
            }
            Self::BelowStackPointer { esp } => write!(
                f,
                "nothing is mapped there; the stack above grows only down to {STACK_SLACK} bytes \
                 below esp {esp}"
            ),
            Self::StackLimit => write!(f, "the stack may not grow that far"),
            Self::NotWritable => write!(f, "the area does not permit writing"),
            Self::ReadProtected | Self::NotReadable => {
                write!(f, "the area does not permit reading")
            }
        }
    }
}

/// The outcome of the checks on a page fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultVerdict {
    /// The access is illegal.
    Bad {
        /// `si_code` of the SIGSEGV.
        code: SegvCode,
        /// The rule that was broken.
        reason: BadAccess,
    },
    /// The address lies below a stack that may grow down to it. Check again after growing it.
    GrowStack,
    /// The access is legal: handle the fault.
    Good,
}

const fn map_err(reason: BadAccess) -> FaultVerdict {
    FaultVerdict::Bad {
        code: SegvCode::MapErr,
        reason,
    }
}

/// What a fault at an address means for a task with this address space and this `esp`.
///
/// Linux 2.6.12: `arch/i386/mm/fault.c`, `do_page_fault()`. There is no vmalloc area whose entries
/// might have to be copied from the kernel's own directory.
pub fn fault_verdict(
    mm: Option<&Mm>,
    addr: VirtAddr,
    error_code: ErrorCode,
    esp: VirtAddr,
) -> FaultVerdict {
    if addr.0 >= TASK_SIZE {
        return map_err(BadAccess::KernelAddress);
    }
    let Some(mm) = mm else {
        return map_err(BadAccess::NoMm);
    };
    let Some(vma) = mm.find_vma(addr) else {
        return map_err(BadAccess::AboveAllAreas);
    };
    if vma.contains(addr) {
        return access_verdict(vma, error_code);
    }
    if !vma.has(VmFlags::GROWSDOWN) {
        return map_err(BadAccess::Hole {
            next: VirtAddr(vma.vm_start),
        });
    }
    if error_code.is_user() && addr.0.wrapping_add(STACK_SLACK) < esp.0 {
        return map_err(BadAccess::BelowStackPointer { esp });
    }
    FaultVerdict::GrowStack
}

/// Whether an area that contains the address allows the access.
pub fn access_verdict(vma: &Vma, error_code: ErrorCode) -> FaultVerdict {
    let readable = vma.vm_flags.intersects(VmFlags::READ | VmFlags::EXEC);
    let reason = match (error_code.is_write(), error_code.is_protection()) {
        (true, _) if vma.has(VmFlags::WRITE) => return FaultVerdict::Good,
        (true, _) => BadAccess::NotWritable,
        (false, true) => BadAccess::ReadProtected,
        (false, false) if readable => return FaultVerdict::Good,
        (false, false) => BadAccess::NotReadable,
    };
    FaultVerdict::Bad {
        code: SegvCode::AccErr,
        reason,
    }
}

/// An access that fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserFault {
    /// The faulting address.
    pub addr: VirtAddr,
    /// The error code of the CPU.
    pub error_code: ErrorCode,
    /// What a task in user mode gets for it.
    pub kind: UserFaultKind,
}

/// How a failed access is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserFaultKind {
    /// SIGSEGV is sent.
    Segv {
        /// `si_code`: MAPERR or ACCERR.
        code: SegvCode,
        /// The rule that was broken.
        reason: BadAccess,
    },
    /// SIGBUS with `BUS_ADRERR`: beyond the end of the file.
    Bus,
    /// Out of memory: the task is killed.
    Oom,
    /// The out-of-memory killer has killed the task meanwhile.
    OomKilled,
}

impl UserFault {
    /// The signal that kills the task.
    pub const fn signal_name(&self) -> &'static str {
        match self.kind {
            UserFaultKind::Segv { .. } => "SIGSEGV",
            UserFaultKind::Bus => "SIGBUS",
            UserFaultKind::Oom | UserFaultKind::OomKilled => "SIGKILL",
        }
    }
}

impl fmt::Display for UserFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.error_code.is_write() {
            "write"
        } else {
            "read"
        };
        let (signal, addr) = (self.signal_name(), self.addr);
        write!(
            f,
            "{signal}: {how} at {addr}, error code {}",
            self.error_code
        )?;
        match self.kind {
            UserFaultKind::Segv { code, reason } => write!(f, " ({code}): {reason}"),
            UserFaultKind::Bus => write!(f, ": beyond the end of the file"),
            UserFaultKind::Oom => write!(f, ": out of memory"),
            UserFaultKind::OomKilled => write!(f, ": killed by the out-of-memory killer"),
        }
    }
}

impl Kernel {
    /// Handles a fault of the current task, so that the access can be retried.
    ///
    /// Linux 2.6.12: `arch/i386/mm/fault.c`, `do_page_fault()`. The caller sends the signal.
    /// Simplified: an access of init that finds no memory is not retried.
    ///
    /// # Errors
    /// How the access is answered. For one from user mode the task's `thread` keeps the address,
    /// the error code and the vector. One from kernel mode usually makes the system call return
    /// EFAULT.
    pub(in crate::kernel) fn do_page_fault(
        &mut self,
        current: TaskId,
        fault: PageFault,
    ) -> Result<(), UserFault> {
        let PageFault { addr, error_code } = fault;
        let context = self.note_fault(current, fault);
        let handled = self.handle_fault(current, addr, error_code);
        if !error_code.is_user() {
            // The call goes on, and what it does next does not come of the fault.
            self.end_cause(context);
        }
        match handled {
            Ok(()) => Ok(()),
            Err(kind) => {
                self.stat.bad_accesses += 1;
                // An access of the kernel itself ends in EFAULT, and one without memory in SIGKILL:
                // neither has a handler that could ask for the address.
                if error_code.is_user() && kind != UserFaultKind::Oom {
                    let thread = &mut self.task_mut(current).thread;
                    thread.cr2 = addr.0;
                    thread.error_code = saved_error_code(kind, addr, error_code);
                    thread.trap_no = PAGE_FAULT_VECTOR;
                }
                Err(UserFault {
                    addr,
                    error_code,
                    kind,
                })
            }
        }
    }

    /// Traces the fault, as the cause of what follows; returns the context until now.
    fn note_fault(&mut self, current: TaskId, fault: PageFault) -> Cause {
        self.stat.faults += 1;
        let (addr, code) = (fault.addr, fault.error_code.0 as u8);
        if fault.error_code.is_user() {
            self.trace_entry(current, TraceEvent::PageFaultUser { addr, code });
            return Cause::Outside;
        }
        self.trace_cause(current, TraceEvent::PageFaultKernel { addr, code })
    }

    fn handle_fault(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        error_code: ErrorCode,
    ) -> Result<(), UserFaultKind> {
        let task = self.task(current);
        let (id, esp) = (task.mm(), VirtAddr(task.thread.regs.esp));
        let mut verdict = fault_verdict(id.map(|id| &self.mms[id]), addr, error_code, esp);
        // Growing only makes the area contain the address. Whether it permits the access is asked
        // again.
        if let (FaultVerdict::GrowStack, Some(mm)) = (verdict, id) {
            verdict = match self.expand_stack(current, mm, addr) {
                Ok(()) => fault_verdict(Some(&self.mms[mm]), addr, error_code, esp),
                Err(_) => map_err(BadAccess::StackLimit),
            };
        }
        if let FaultVerdict::Bad { code, reason } = verdict {
            return Err(UserFaultKind::Segv { code, reason });
        }
        // Only an access within an area of the task's own is good.
        let mm = self.mm_id(current);
        let area = self.mms[mm].find_vma(addr).copied();
        let vma = area.expect("a good access lies in an area");
        match self.handle_mm_fault(mm, &vma, addr, error_code.kind()) {
            MmFault::Minor => self.task_mut(current).min_flt += 1,
            MmFault::Major => self.task_mut(current).maj_flt += 1,
            MmFault::Sigbus => return Err(UserFaultKind::Bus),
            MmFault::Oom => return Err(UserFaultKind::Oom),
        }
        Ok(())
    }

    /// Moves the start of the stack area above an address down to the page of that address.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `expand_stack()` and `acct_stack_growth()`.
    ///
    /// # Errors
    /// `ENOMEM` if a limit or the overcommit check forbids it; nothing changes then.
    pub(super) fn expand_stack(
        &mut self,
        current: TaskId,
        mm: MmId,
        addr: VirtAddr,
    ) -> Result<(), Errno> {
        let above = self.mms[mm].find_vma(addr).copied();
        let mut vma = above.expect("a stack that may grow lies above the address");
        // Linux lets the `anon_vma`'s lock serialise the growth of an area, and so needs one even
        // if the growth is then refused.
        self.anon_vma_prepare(mm, &mut vma)?;
        let grow = self.stack_growth(current, mm, &vma, addr)?;
        self.vm.committed += grow;
        if !vma.has(VmFlags::ACCOUNT) {
            self.vm.never_returned += grow;
        }
        let space = &mut self.mms[mm];
        let vma = vma.grown_down(grow);
        space.insert_vma(vma);
        space.account(&vma, grow as i32);
        Ok(())
    }

    /// By how many pages the stack area of a task has to grow to contain an address.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, the checks of `acct_stack_growth()`.
    ///
    /// # Errors
    /// `ENOMEM` if a limit or the overcommit check forbids it.
    pub fn stack_growth(
        &self,
        task: TaskId,
        mm: MmId,
        vma: &Vma,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let start = addr.page_base().0;
        let grow = (vma.vm_start - start) >> PAGE_SHIFT;
        let limits = self.rlimits(task);
        let space = &self.mms[mm];
        let too_large = space.total_vm + grow > limits[Resource::As].cur >> PAGE_SHIFT
            || vma.vm_end - start > limits[Resource::Stack].cur;
        let too_much_locked = vma.has(VmFlags::LOCKED)
            && space.locked_vm + grow > limits[Resource::Memlock].cur >> PAGE_SHIFT
            && !self.task(task).cred().capable(Caps::IPC_LOCK);
        if too_large || too_much_locked || self.may_commit(task, grow).is_err() {
            Err(Errno::ENOMEM)
        } else {
            Ok(grow)
        }
    }
}

/// The error code stored in the task's `thread`: kernel addresses always look protected.
fn saved_error_code(kind: UserFaultKind, addr: VirtAddr, error_code: ErrorCode) -> u32 {
    let kernel = matches!(kind, UserFaultKind::Segv { .. }) && addr.0 >= TASK_SIZE;
    if kernel {
        error_code.0 | ErrorCode::PRESENT
    } else {
        error_code.0
    }
}
