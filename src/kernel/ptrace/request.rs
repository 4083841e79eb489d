//! `ptrace`: attaching to a task, resuming it, inspecting it; and what happens to tracees when a
//! tracer exits.

use super::rules::{
    AttachFacts, Request, attached_word, check_attach, set_options, signal_to_go_on_with,
};
use super::user_area::{
    FRAME_SIZE, TRAP_FLAG, UserWord, is_at_popf, put_debugreg, putreg, registers, user_word,
};
use crate::abi::{
    Caps, Errno, ExitState, Pid, PtFlags, SIGINFO_WORDS, SigInfo, Signal, TaskId, TaskState,
    VirtAddr,
};
use crate::hw::UserDesc;
use crate::kernel::Kernel;
use crate::kernel::exit::reaps_itself;
use crate::kernel::sched::ThreadFlags;
use crate::kernel::signal::Wakes;
use crate::kernel::syscall::PtraceArgs;
use crate::kernel::task::SignalFlags;
use crate::trace::TraceEvent;

impl Kernel {
    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `sys_ptrace()`.
    ///
    /// Simplified: the CPU takes no notice of debug registers.
    ///
    /// # Errors
    /// `ESRCH` if there is no such task, or the caller does not trace it, or it is not stopped;
    /// `EPERM`, `EIO`, `EINVAL`, `EFAULT`.
    pub(in crate::kernel) fn sys_ptrace(
        &mut self,
        current: TaskId,
        args: PtraceArgs,
    ) -> Result<u32, Errno> {
        let request = Request::from_nr(args.request);
        if request == Some(Request::TraceMe) {
            return self.ptrace_traceme(current);
        }
        let child = self.pid_hash.find(Pid(args.pid)).ok_or(Errno::ESRCH)?;
        if Pid(args.pid) == Pid::INIT {
            return Err(Errno::EPERM);
        }
        if request == Some(Request::Attach) {
            return self.ptrace_attach(current, child);
        }
        // Whether the request exists is asked last: for a task that it may not touch the caller gets
        // ESRCH, whatever it asks for.
        self.ptrace_check_attach(current, child, request == Some(Request::Kill))?;
        match request.ok_or(Errno::EIO)? {
            Request::Cont | Request::Syscall | Request::SingleStep => {
                self.ptrace_go_on(child, request, args.data)
            }
            Request::Kill => Ok(self.ptrace_kill(child)),
            Request::Detach => self.ptrace_detach(child, args.data),
            Request::SetOptions => {
                let (word, result) = set_options(self.task(child).ptrace(), args.data);
                self.task_mut(child).set_ptrace(word);
                result
            }
            request => self.ptrace_look(current, child, request, args),
        }
    }

    /// The requests that inspect or modify a task.
    fn ptrace_look(
        &mut self,
        current: TaskId,
        child: TaskId,
        request: Request,
        args: PtraceArgs,
    ) -> Result<u32, Errno> {
        let (addr, data) = (VirtAddr(args.addr), VirtAddr(args.data));
        match request {
            Request::Peek => {
                let mut word = [0; 4];
                if self.read_process_vm(child, addr, &mut word) < word.len() {
                    return Err(Errno::EIO);
                }
                self.put_user_u32(current, data, u32::from_le_bytes(word))?;
            }
            Request::Poke => {
                let word = args.data.to_le_bytes();
                if self.write_process_vm(child, addr, &word) < word.len() {
                    return Err(Errno::EIO);
                }
            }
            Request::PeekUser => {
                let value = match user_word(args.addr)? {
                    UserWord::Register(nr) => registers(&self.task(child).thread.regs)[nr],
                    UserWord::Debug(nr) => self.task(child).thread.debugreg[nr],
                    UserWord::Other => 0,
                };
                self.put_user_u32(current, data, value)?;
            }
            Request::PokeUser => match user_word(args.addr)? {
                UserWord::Register(nr) => {
                    putreg(&mut self.task_mut(child).thread.regs, nr, args.data)?;
                }
                UserWord::Debug(nr) => {
                    put_debugreg(&mut self.task_mut(child).thread.debugreg, nr, args.data)?;
                }
                UserWord::Other => return Err(Errno::EIO),
            },
            Request::GetThreadArea => {
                self.ptrace_get_thread_area(current, child, args.addr.cast_signed(), data)?;
            }
            Request::SetThreadArea => {
                self.ptrace_set_thread_area(current, child, args.addr.cast_signed(), data)?;
            }
            Request::GetRegs => self.get_regs(current, child, data)?,
            Request::SetRegs => self.set_regs(current, child, data)?,
            Request::GetFpRegs => self.get_fpregs(current, child, data)?,
            Request::SetFpRegs => self.set_fpregs(current, child, data)?,
            Request::FpxRegs => self.fpxregs(child, data)?,
            Request::GetEventMsg => {
                let message = self.task(child).ptrace_message();
                self.put_user_u32(current, data, message)?;
            }
            Request::GetSigInfo => {
                let info = self.task(child).last_siginfo().ok_or(Errno::EINVAL)?;
                let mut words = info.words();
                words.resize(SIGINFO_WORDS, 0);
                self.put_user_words(current, data, &words)?;
            }
            Request::SetSigInfo => {
                let mut bytes = [0; 4 * SIGINFO_WORDS];
                self.copy_from_user(current, data, &mut bytes)?;
                let words = words_of(&bytes);
                let stopped = self.task_mut(child).last_siginfo_mut();
                let stopped = stopped.ok_or(Errno::EINVAL)?;
                // An invalid number makes no difference: only `exit_code` counts.
                let signal = Signal::new(words[0]).unwrap_or(stopped.signal);
                *stopped = SigInfo::from_words(signal, &words);
            }
            _ => return Err(Errno::EIO),
        }
        Ok(0)
    }

    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `ptrace_get_thread_area()`.
    fn ptrace_get_thread_area(
        &mut self,
        current: TaskId,
        child: TaskId,
        entry: i32,
        addr: VirtAddr,
    ) -> Result<(), Errno> {
        let descriptor = self.task(child).thread.tls_array[tls_slot(entry)?];
        let info = UserDesc::of_descriptor(entry, descriptor);
        self.copy_to_user(current, addr, &info.to_bytes())
    }

    /// The descriptor goes where `entry` says, whatever its own number.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `ptrace_set_thread_area()`.
    fn ptrace_set_thread_area(
        &mut self,
        current: TaskId,
        child: TaskId,
        entry: i32,
        addr: VirtAddr,
    ) -> Result<(), Errno> {
        let info = self.read_user_desc(current, addr)?;
        self.task_mut(child).thread.tls_array[tls_slot(entry)?] = info.descriptor();
        Ok(())
    }

    /// Errors of single words are ignored; only the buffer must be in user memory.
    fn get_regs(&mut self, current: TaskId, child: TaskId, addr: VirtAddr) -> Result<(), Errno> {
        crate::kernel::mm::access_ok(addr, 4 * FRAME_SIZE).map_err(|_| Errno::EIO)?;
        let bytes = words_to_bytes(&registers(&self.task(child).thread.regs));
        let _ = self.copy_to_user(current, addr, &bytes);
        Ok(())
    }

    /// Like [`get_regs`](Self::get_regs); a register that may not be set keeps its value.
    fn set_regs(&mut self, current: TaskId, child: TaskId, addr: VirtAddr) -> Result<(), Errno> {
        crate::kernel::mm::access_ok(addr, 4 * FRAME_SIZE).map_err(|_| Errno::EIO)?;
        let mut bytes = [0; 4 * FRAME_SIZE];
        let _ = self.copy_from_user(current, addr, &mut bytes);
        let words: [u32; FRAME_SIZE] = words_of(&bytes);
        for (nr, word) in words.into_iter().enumerate() {
            let _ = putreg(&mut self.task_mut(child).thread.regs, nr, word);
        }
        Ok(())
    }

    /// Makes the parent the tracer, without asking it.
    fn ptrace_traceme(&mut self, current: TaskId) -> Result<u32, Errno> {
        if self.is_ptraced(current) {
            return Err(Errno::EPERM);
        }
        let task = self.task_mut(current);
        task.set_ptrace(task.ptrace() | PtFlags::PTRACED);
        Ok(0)
    }

    /// The facts that decide about an attempt to attach.
    fn attach_facts(&self, current: TaskId, target: TaskId) -> AttachFacts {
        let (mine, its) = (&self.task(current).cred(), &self.task(target).cred());
        let ids = [its.uid, its.euid, its.suid];
        let mm = self.task(target).mm();
        AttachFacts {
            is_init: self.pid(target).0 <= 1,
            is_caller: target == current,
            has_mm: mm.is_some(),
            same_user: ids.iter().all(|id| *id == mine.uid)
                && [its.gid, its.egid, its.sgid]
                    .iter()
                    .all(|id| *id == mine.gid),
            dumpable: mm.is_some_and(|mm| self.mms[mm].dumpable),
            traced: self.is_ptraced(target),
            no_more_rights: mine.permitted.contains(its.permitted),
            privileged: mine.capable(Caps::SYS_PTRACE),
        }
    }

    /// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_attach()`.
    fn ptrace_attach(&mut self, current: TaskId, target: TaskId) -> Result<u32, Errno> {
        let facts = self.attach_facts(current, target);
        check_attach(&facts).map_err(|_| Errno::EPERM)?;
        let privileged = self.capable(current, Caps::SYS_PTRACE);
        let task = self.task_mut(target);
        let by_real_parent = task.real_parent() == current;
        task.set_ptrace(attached_word(task.ptrace(), by_real_parent, privileged));
        // The tracer must be the parent before the task can stop: a stop is reported to the parent.
        self.ptrace_link(target, current);
        let tracee = self.pid(target);
        self.trace(current, TraceEvent::PtraceAttach { tracee });
        self.force_sig_specific(target, Signal::SIGSTOP);
        Ok(0)
    }

    /// Checks that the caller traces the task and that the task has stopped. A job-control stop
    /// becomes a stop for the tracer.
    ///
    /// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_check_attach()`.
    fn ptrace_check_attach(
        &mut self,
        current: TaskId,
        child: TaskId,
        kill: bool,
    ) -> Result<(), Errno> {
        if self.tracer(child) != Some(current) {
            return Err(Errno::ESRCH);
        }
        // From now on only the tracer can resume it: SIGCONT does not wake a task in this state while
        // the tracer reads and changes it.
        if self.sched.get(child).state == TaskState::STOPPED {
            self.sched.set_task_state(child, TaskState::TRACED);
        }
        if kill || self.sched.get(child).state == TaskState::TRACED {
            Ok(())
        } else {
            Err(Errno::ESRCH)
        }
    }

    /// Resumes a task, possibly with a signal: until its next stop, its next system call, or for
    /// one instruction.
    fn ptrace_go_on(
        &mut self,
        child: TaskId,
        request: Option<Request>,
        data: u32,
    ) -> Result<u32, Errno> {
        // A bad signal must leave the task as it is.
        let code = signal_to_go_on_with(data)?;
        let calls = ThreadFlags::SYSCALL_TRACE;
        match request {
            Some(Request::Syscall) => self.sched.set_tsk_thread_flag(child, calls),
            _ => self.sched.clear_tsk_thread_flag(child, calls),
        }
        match request {
            Some(Request::SingleStep) => self.set_singlestep(child),
            _ => self.clear_singlestep(child),
        }
        // It reads the code as soon as it runs, so that must be there before it is woken.
        self.task_mut(child).exit_code = code;
        self.ptrace_wake(child);
        Ok(0)
    }

    /// Wakes a task, wherever it sleeps.
    fn ptrace_wake(&mut self, child: TaskId) {
        let pid = self.pid(child);
        let code = self.task(child).exit_code;
        let current = self.current();
        let context = self.trace_cause(current, TraceEvent::PtraceResume { pid, code });
        self.wake_up_process(child);
        self.end_cause(context);
    }

    /// Kills a task if it has stopped where a signal can be taken; otherwise only wakes it.
    fn ptrace_kill(&mut self, child: TaskId) -> u32 {
        if self.task(child).exit_state() != ExitState::Zombie {
            self.task_mut(child).exit_code = Signal::SIGKILL.number();
            self.clear_singlestep(child);
            self.ptrace_wake(child);
        }
        0
    }

    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `set_singlestep()`.
    fn set_singlestep(&mut self, child: TaskId) {
        self.sched
            .set_tsk_thread_flag(child, ThreadFlags::SINGLESTEP);
        let regs = &mut self.task_mut(child).thread.regs;
        // A flag that the program has set itself is not the tracer's to clear afterwards.
        if regs.eflags & TRAP_FLAG != 0 {
            return;
        }
        regs.eflags |= TRAP_FLAG;
        let eip = VirtAddr(regs.eip);
        let mut code = [0; 16];
        let read = self.read_process_vm(child, eip, &mut code);
        // `popf` is about to load the flag: what it loads belongs to the program as well.
        if !is_at_popf(&code[..read]) {
            let task = self.task_mut(child);
            task.set_ptrace(task.ptrace() | PtFlags::DTRACE);
        }
    }

    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `clear_singlestep()`.
    fn clear_singlestep(&mut self, child: TaskId) {
        self.sched
            .clear_tsk_thread_flag(child, ThreadFlags::SINGLESTEP);
        let task = self.task_mut(child);
        if task.ptrace().contains(PtFlags::DTRACE) {
            task.thread.regs.eflags &= !TRAP_FLAG;
            task.set_ptrace(task.ptrace() - PtFlags::DTRACE);
        }
    }

    /// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_detach()`.
    fn ptrace_detach(&mut self, child: TaskId, data: u32) -> Result<u32, Errno> {
        let code = signal_to_go_on_with(data)?;
        self.clear_singlestep(child);
        self.task_mut(child).exit_code = code;
        // It must have its real parent back before it runs: it may stop or exit at once.
        self.ptrace_unlink(child);
        if self.task(child).exit_state() != ExitState::Zombie {
            self.ptrace_wake(child);
        }
        Ok(0)
    }

    /// Ends the tracing of the task; its real parent becomes its parent again.
    ///
    /// Linux 2.6.12: `kernel/ptrace.c`, `__ptrace_unlink()`.
    pub(in crate::kernel) fn ptrace_unlink(&mut self, child: TaskId) {
        self.task_mut(child).set_ptrace(PtFlags::empty());
        self.return_to_real_parent(child);
        // With the tracer gone nobody would ever resume a task in a stop for it.
        self.ptrace_untrace(child);
    }

    /// A stop for a tracer that is gone becomes a job-control stop if the process has stopped;
    /// otherwise it ends.
    ///
    /// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_untrace()`.
    pub(in crate::kernel) fn ptrace_untrace(&mut self, child: TaskId) {
        if self.sched.get(child).state != TaskState::TRACED {
            return;
        }
        let group = self.signal_of(child);
        if group.flags().contains(SignalFlags::STOP_STOPPED) {
            self.sched.set_task_state(child, TaskState::STOPPED);
        } else {
            self.signal_wake_up(child, Wakes::Stopped);
        }
    }

    /// Called when a tracer exits: a task with another real parent goes back to it, and that parent
    /// is notified now if the task has exited meanwhile. Returns whether nobody will wait for it.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `forget_original_parent()`.
    pub(in crate::kernel) fn let_tracee_go(&mut self, child: TaskId) -> bool {
        // The notification below goes to the parent, which must be the real one by then.
        self.ptrace_unlink(child);
        let task = self.task(child);
        let zombie = task.exit_state() == ExitState::Zombie;
        if zombie && task.exit_signal != -1 && self.thread_group_empty(child) {
            let signal = task.exit_signal;
            self.do_notify_parent(child, signal);
        }
        // Read again: the notification sets it to -1 if the parent ignores SIGCHLD.
        let task = self.task(child);
        zombie && reaps_itself(task.exit_signal, task.ptrace())
    }
}

/// The TLS descriptor that an entry of the descriptor table holds.
fn tls_slot(entry_number: i32) -> Result<usize, Errno> {
    let desc = UserDesc {
        entry_number,
        ..UserDesc::default()
    };
    desc.tls_slot().ok_or(Errno::EINVAL)
}

fn words_to_bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn words_of<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words
}
