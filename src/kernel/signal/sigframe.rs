//! Signal frames: what the kernel puts on the user stack so that a handler finds its arguments and
//! its return finds the interrupted program, and the two calls that remove a frame.
//!
//! The layouts are those of `sigframe` and `rt_sigframe` for i386.

use crate::abi::{Errno, KSigaction, SaFlags, SigInfo, SigSet, Signal, TaskId, VirtAddr};
use crate::hw::Regs;
use crate::kernel::Kernel;
use crate::kernel::syscall::RestartBlock;
use crate::kernel::task::AltStack;
use std::ops::Range;

/// `__kernel_sigreturn` in the vsyscall page.
pub const KERNEL_SIGRETURN: u32 = 0xffff_e420;
/// `__kernel_rt_sigreturn` in the vsyscall page.
pub const KERNEL_RT_SIGRETURN: u32 = 0xffff_e440;
/// `pop %eax; mov $119, %eax; int $0x80`.
pub const SIGRETURN_CODE: [u8; 8] = [0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80];
/// `mov $173, %eax; int $0x80`.
pub const RT_SIGRETURN_CODE: [u8; 7] = [0xb8, 173, 0, 0, 0, 0xcd, 0x80];

/// Addresses of the handlers of puppets, for which there is no code: whoever emulates their user
/// mode performs the handler. User code cannot be there.
pub const PUPPET_HANDLERS: Range<u32> = 0xf000_0000..0xfff0_0000;

/// Number of words in a `sigcontext`.
const CONTEXT_WORDS: usize = 22;
/// `eflags` bits that a return from a handler restores: AC, OF, DF, TF, SF, ZF, AF, PF, CF.
const FIX_EFLAGS: u32 = 0x4_0dd5;
/// The trap flag.
const TF_MASK: u32 = 0x100;

/// Offsets in a `sigframe`: return address, signal, `sigcontext`, FPU state, the second word of the
/// mask, code.
mod old {
    pub const SC: u32 = 8;
    pub const FPSTATE: u32 = 96;
    pub const EXTRAMASK: u32 = 720;
    pub const RETCODE: u32 = 724;
    pub const SIZE: u32 = 732;
}

/// Offsets in an `rt_sigframe`: return address, signal, two pointers, `siginfo`, `ucontext`, FPU
/// state, code.
mod rt {
    pub const INFO: u32 = 16;
    pub const UC: u32 = 144;
    pub const UC_STACK: u32 = UC + 8;
    pub const UC_MCONTEXT: u32 = UC + 20;
    pub const UC_SIGMASK: u32 = UC + 108;
    pub const FPSTATE: u32 = 260;
    pub const RETCODE: u32 = 884;
    pub const SIZE: u32 = 892;
}

/// The address of the frame: below the stack pointer, or at the top of the alternate stack.
///
/// Linux 2.6.12: `arch/i386/kernel/signal.c`, `get_sigframe()`.
const fn get_sigframe(action: &KSigaction, regs: &Regs, alt: AltStack, size: u32) -> u32 {
    let mut esp = regs.esp;
    if action.flags.contains(SaFlags::ONSTACK) {
        if alt.flags(esp) == 0 {
            esp = alt.sp.wrapping_add(alt.size);
        }
    } else if regs.ss & 0xffff != Regs::USER_DS
        && !action.flags.contains(SaFlags::RESTORER)
        && action.restorer.0 != 0
    {
        esp = action.restorer.0;
    }
    esp.wrapping_sub(size) & !7
}

impl Kernel {
    /// Puts the frame of a handler on the user stack and sets the task to run the handler. If this
    /// fails, the task gets SIGSEGV instead. Returns whether it succeeded.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `setup_frame()` and `setup_rt_frame()`.
    pub(super) fn setup_frame(
        &mut self,
        current: TaskId,
        info: &SigInfo,
        action: &KSigaction,
        oldset: SigSet,
    ) -> bool {
        let rt = action.flags.contains(SaFlags::SIGINFO);
        let size = if rt { rt::SIZE } else { old::SIZE };
        let task = self.task(current);
        let frame = get_sigframe(action, &task.thread.regs, task.altstack, size);
        let put = if rt {
            self.put_rt_frame(current, frame, info, action, oldset)
        } else {
            self.put_old_frame(current, frame, info.signal, action, oldset)
        };
        if put.is_err() {
            self.force_sigsegv(current, info.signal);
            return false;
        }
        let (edx, ecx) = if rt {
            (frame + rt::INFO, frame + rt::UC)
        } else {
            (0, 0)
        };
        // Only now: the frame has saved the old registers, and a failure must leave them for the
        // handler of SIGSEGV.
        let regs = &mut self.task_mut(current).thread.regs;
        regs.esp = frame;
        regs.eip = action.handler.word();
        (regs.eax, regs.edx, regs.ecx) = (info.signal.number(), edx, ecx);
        (regs.ds, regs.es, regs.ss) = (Regs::USER_DS, Regs::USER_DS, Regs::USER_DS);
        regs.cs = Regs::USER_CS;
        // The frame keeps the flag: a single step goes on after the handler, not in it.
        regs.eflags &= !TF_MASK;
        true
    }

    fn put_old_frame(
        &mut self,
        current: TaskId,
        frame: u32,
        signal: Signal,
        action: &KSigaction,
        oldset: SigSet,
    ) -> Result<(), Errno> {
        let at = |offset| VirtAddr(frame.wrapping_add(offset));
        let head = [return_address(action, KERNEL_SIGRETURN), signal.number()];
        self.put_user_words(current, at(0), &head)?;
        let fpstate = self.save_i387(current, at(old::FPSTATE))?;
        let context = self.sigcontext(current, oldset, fpstate);
        self.put_user_words(current, at(old::SC), &context)?;
        self.put_user_u32(current, at(old::EXTRAMASK), (oldset.0 >> 32) as u32)?;
        self.copy_to_user(current, at(old::RETCODE), &SIGRETURN_CODE)
    }

    fn put_rt_frame(
        &mut self,
        current: TaskId,
        frame: u32,
        info: &SigInfo,
        action: &KSigaction,
        oldset: SigSet,
    ) -> Result<(), Errno> {
        let at = |offset| VirtAddr(frame.wrapping_add(offset));
        let restorer = return_address(action, KERNEL_RT_SIGRETURN);
        let (pinfo, puc) = (at(rt::INFO).0, at(rt::UC).0);
        let head = [restorer, info.signal.number(), pinfo, puc];
        self.put_user_words(current, at(0), &head)?;
        self.put_user_words(current, at(rt::INFO), &info.words())?;
        let task = self.task(current);
        let (alt, esp) = (task.altstack, task.thread.regs.esp);
        let stack = [0, 0, alt.sp, alt.flags(esp), alt.size];
        self.put_user_words(current, at(rt::UC), &stack)?;
        let fpstate = self.save_i387(current, at(rt::FPSTATE))?;
        let context = self.sigcontext(current, oldset, fpstate);
        self.put_user_words(current, at(rt::UC_MCONTEXT), &context)?;
        self.put_user_words(current, at(rt::UC_SIGMASK), &oldset.words())?;
        self.copy_to_user(current, at(rt::RETCODE), &RT_SIGRETURN_CODE)
    }

    /// The registers, and the data about the last trap.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `setup_sigcontext()`.
    fn sigcontext(
        &self,
        current: TaskId,
        oldset: SigSet,
        fpstate: VirtAddr,
    ) -> [u32; CONTEXT_WORDS] {
        let thread = &self.task(current).thread;
        let r = &thread.regs;
        [
            r.gs,
            r.fs,
            r.es,
            r.ds,
            r.edi,
            r.esi,
            r.ebp,
            r.esp,
            r.ebx,
            r.edx,
            r.ecx,
            r.eax,
            thread.trap_no,
            thread.error_code,
            r.eip,
            r.cs,
            r.eflags,
            r.esp,
            r.ss,
            fpstate.0,
            oldset.0 as u32,
            thread.cr2,
        ]
    }

    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `sys_sigreturn()`. Returns the `eax` of the
    /// interrupted program.
    pub(in crate::kernel) fn sys_sigreturn(&mut self, current: TaskId) -> u32 {
        let frame = self.task(current).thread.regs.esp.wrapping_sub(8);
        self.returned_or_segv(current, |kernel| kernel.take_old_frame(current, frame))
    }

    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `sys_rt_sigreturn()`.
    pub(in crate::kernel) fn sys_rt_sigreturn(&mut self, current: TaskId) -> u32 {
        let frame = self.task(current).thread.regs.esp.wrapping_sub(4);
        self.returned_or_segv(current, |kernel| kernel.take_rt_frame(current, frame))
    }

    fn returned_or_segv(
        &mut self,
        current: TaskId,
        take: impl FnOnce(&mut Self) -> Result<u32, Errno>,
    ) -> u32 {
        match take(self) {
            Ok(eax) => eax,
            Err(_) => {
                self.force_signal(current, Signal::SIGSEGV);
                0
            }
        }
    }

    fn take_old_frame(&mut self, current: TaskId, frame: u32) -> Result<u32, Errno> {
        let at = |offset| VirtAddr(frame.wrapping_add(offset));
        let context = self.get_user_words(current, at(old::SC))?;
        let high = self.get_user_u32(current, at(old::EXTRAMASK))?;
        // The mask is word 20 of the context.
        self.set_blocked(current, SigSet::from_words([context[20], high]));
        self.restore_sigcontext(current, &context)?;
        Ok(context[11])
    }

    fn take_rt_frame(&mut self, current: TaskId, frame: u32) -> Result<u32, Errno> {
        let at = |offset| VirtAddr(frame.wrapping_add(offset));
        let mask = self.get_user_words(current, at(rt::UC_SIGMASK))?;
        self.set_blocked(current, SigSet::from_words(mask));
        let context = self.get_user_words(current, at(rt::UC_MCONTEXT))?;
        self.restore_sigcontext(current, &context)?;
        let stack = self.get_user_words(current, at(rt::UC_STACK))?;
        // An alternate stack that may not be set is silently ignored.
        let _refused = self.do_sigaltstack(current, stack);
        Ok(context[11])
    }

    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `restore_sigcontext()`.
    fn restore_sigcontext(
        &mut self,
        current: TaskId,
        context: &[u32; CONTEXT_WORDS],
    ) -> Result<(), Errno> {
        let task = self.task_mut(current);
        task.restart_block = RestartBlock::Nothing;
        let r = &mut task.thread.regs;
        let selector = |word: u32| word & 0xffff;
        (r.gs, r.fs) = (selector(context[0]), selector(context[1]));
        (r.es, r.ds) = (selector(context[2]), selector(context[3]));
        (r.edi, r.esi, r.ebp, r.esp) = (context[4], context[5], context[6], context[7]);
        (r.ebx, r.edx, r.ecx) = (context[8], context[9], context[10]);
        r.eip = context[14];
        // The frame is user memory: ring 3 is forced, and of the flags only harmless ones are taken.
        (r.cs, r.ss) = (selector(context[15]) | 3, selector(context[18]) | 3);
        r.eflags = r.eflags & !FIX_EFLAGS | context[16] & FIX_EFLAGS;
        // The task does not come from a call any more, so none is restarted.
        r.orig_eax = u32::MAX;
        self.restore_i387(current, VirtAddr(context[19]))
    }
}

/// The return address of the handler: what the program requested, or the vsyscall page.
const fn return_address(action: &KSigaction, kernel: u32) -> u32 {
    if action.flags.contains(SaFlags::RESTORER) {
        action.restorer.0
    } else {
        kernel
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::task::SS_DISABLE;

    #[test]
    fn a_frame_lies_on_a_multiple_of_8_below_the_stack_pointer() {
        let regs = |esp| Regs {
            esp,
            ..Regs::default()
        };
        let plain = KSigaction::default();
        let onstack = KSigaction {
            flags: SaFlags::ONSTACK,
            ..plain
        };
        let alt = AltStack {
            sp: 0x1000,
            size: 0x2000,
        };
        for (action, esp, alt, frame) in [
            (&plain, 0xbfff_f000, alt, 0xbfff_ed20),
            (&plain, 0xbfff_f007, alt, 0xbfff_ed28),
            (&onstack, 0xbfff_f000, alt, 0x3000 - 736),
            // Already on it: the frame goes below the stack pointer.
            (&onstack, 0x2800, alt, 0x2800 - 736),
            (&onstack, 0xbfff_f000, AltStack::default(), 0xbfff_ed20),
        ] {
            assert_eq!(get_sigframe(action, &regs(esp), alt, old::SIZE), frame);
        }
    }

    #[test]
    fn the_flags_of_an_alternate_stack() {
        let alt = AltStack {
            sp: 0x1000,
            size: 0x800,
        };
        assert_eq!(AltStack::default().flags(0x1000), SS_DISABLE);
        for (esp, flags) in [(0xfff, 0), (0x1000, 1), (0x17ff, 1), (0x1800, 0)] {
            assert_eq!(alt.flags(esp), flags, "{esp:#x}");
        }
    }
}
