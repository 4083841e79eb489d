//! Taking signals on the way back to user mode: which one comes first, what its action does, and
//! what happens to the system call that it interrupted.

use super::sigframe::PUPPET_HANDLERS;
use crate::abi::{
    DefaultAction, Errno, KSigaction, PfFlags, SaFlags, SigAction, SigInfo, SigSet, Signal, TaskId,
    VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::RestartBlock;
use crate::kernel::task::{HandlerFrame, Pending, SignalFlags};
use crate::trace::TraceEvent;

/// The effect of the signals that were taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Nothing that the program would notice: an interrupted call is restarted.
    Nothing,
    /// A handler was entered.
    Handler,
    /// The task has stopped or exited.
    Gone,
}

/// The result of `get_signal_to_deliver`.
enum Delivery {
    Nothing,
    Handler(SigInfo, KSigaction),
    Gone,
}

impl Kernel {
    /// Whether the task takes signals before it returns to user mode. After it has entered a
    /// handler, the others wait until it next leaves the kernel.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/entry.S`, `work_notifysig`.
    #[inline]
    pub fn takes_signals(&self, task: TaskId) -> bool {
        self.signal_pending(task) && !self.task(task).in_call.entered_handler
    }

    /// Takes the pending signals of the current task, up to the first one that has a handler:
    /// private ones first, lowest number first.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `do_signal()`.
    pub fn do_signal(&mut self, current: TaskId) -> Taken {
        // A sleep that a signal ended early is over here, with its timer.
        self.del_timer(current);
        let taken = self.do_signal_with(current, None);
        if taken == Taken::Handler
            && (self.runs_code(current) || self.task(current).in_call.handler_frame.is_some())
        {
            self.task_mut(current).in_call.entered_handler = true;
        }
        taken
    }

    /// Like [`Self::do_signal`], for a task that waits with a temporary mask; `suspended` is its
    /// own mask.
    pub(super) fn do_signal_with(&mut self, current: TaskId, suspended: Option<SigSet>) -> Taken {
        match self.get_signal_to_deliver(current, suspended) {
            Delivery::Gone => Taken::Gone,
            Delivery::Handler(info, action) => {
                let mask = suspended.unwrap_or(self.task(current).blocked());
                self.handle_signal(current, &info, &action, mask);
                Taken::Handler
            }
            Delivery::Nothing => {
                if let Some(restart) = self.task_mut(current).in_call.take_restart() {
                    self.restart_call(current, restart);
                }
                Taken::Nothing
            }
        }
    }

    /// Linux 2.6.12: `kernel/signal.c`, `get_signal_to_deliver()`.
    fn get_signal_to_deliver(&mut self, current: TaskId, suspended: Option<SigSet>) -> Delivery {
        loop {
            let info = match self.next_signal(current, suspended) {
                Ok(info) => info,
                Err(delivery) => return delivery,
            };
            let signal = info.signal;
            let action = self.k_sigaction_of(current, signal);
            match action.handler {
                SigAction::Ignore => continue,
                SigAction::Handler(_) => {
                    // Before the handler runs: the same signal in the handler is for the default.
                    if action.flags.contains(SaFlags::RESETHAND) {
                        self.reset_handler(current, signal);
                    }
                    return Delivery::Handler(info, action);
                }
                SigAction::Default => {}
            }
            match signal.default_action() {
                DefaultAction::Ignore => continue,
                // Without init there would be nobody to adopt orphans.
                _ if current == self.init => continue,
                DefaultAction::Stop => {
                    if self.takes_stop(current, signal) {
                        self.trace_delivery(current, signal, None);
                        self.do_signal_stop(current, signal, suspended);
                        return Delivery::Gone;
                    }
                }
                by_default => {
                    self.die_by(current, signal, by_default);
                    return Delivery::Gone;
                }
            }
        }
    }

    /// The signal to take next: the one that the tracer has chosen, or a pending one, which a
    /// tracer sees first. Otherwise why there is none.
    fn next_signal(
        &mut self,
        current: TaskId,
        suspended: Option<SigSet>,
    ) -> Result<SigInfo, Delivery> {
        // It has been shown to the tracer already, so it must not go through the queue again.
        if let Some(chosen) = self.task_mut(current).in_call.injected.take() {
            return Ok(chosen);
        }
        // A stop in progress comes first: a handler that ran before it would let the thread go on in
        // user mode in a process that is to be stopped.
        if self.signal_of(current).group_stop_count() > 0
            && self.handle_group_stop(current, suspended)
        {
            return Err(Delivery::Gone);
        }
        let blocked = self.task(current).blocked();
        let info = self.dequeue_signal(current, blocked);
        let info = info.ok_or(Delivery::Nothing)?;
        // A tracer is not told of SIGKILL, only of the end.
        if info.signal != Signal::SIGKILL {
            self.observe_signal(current, info);
        }
        let shown = self.is_ptraced(current) && info.signal != Signal::SIGKILL;
        if shown && self.stops_with_signal(current, info, suspended) {
            return Err(Delivery::Gone);
        }
        Ok(info)
    }

    /// Whether a stop signal stops the task. Only SIGSTOP stops an orphaned process group, and no
    /// signal stops it if SIGCONT or another stop has come in between.
    fn takes_stop(&self, current: TaskId, signal: Signal) -> bool {
        let group = self.signal_of(current);
        let dequeued = group.flags().contains(SignalFlags::STOP_DEQUEUED);
        let orphaned = signal != Signal::SIGSTOP && self.is_orphaned_pgrp(self.pgrp(current));
        dequeued && !orphaned
    }

    fn trace_delivery(&mut self, current: TaskId, signal: Signal, handler: Option<VirtAddr>) {
        // Until the task next comes into the kernel, what it does comes of the signal.
        let _context = self.trace_cause(current, TraceEvent::SignalDeliver { signal, handler });
    }

    /// Ends the process because of a signal without a handler.
    fn die_by(&mut self, current: TaskId, signal: Signal, by_default: DefaultAction) {
        self.trace_delivery(current, signal, None);
        self.task_mut(current).flags |= PfFlags::SIGNALED;
        // The dump needs the memory and the threads as they are, so it comes before the exit.
        if by_default == DefaultAction::Core {
            self.do_coredump(current, signal);
        } else {
            self.do_group_exit(current, signal.number());
        }
    }

    /// Takes the next signal that is not in `blocked`.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `dequeue_signal()`.
    pub(super) fn dequeue_signal(&mut self, current: TaskId, blocked: SigSet) -> Option<SigInfo> {
        let shared = self.shared_pending(current);
        let found = [Pending::Private(current), shared]
            .into_iter()
            .find_map(|whose| {
                let ready = SigSet(self.pending_set(whose).0 & !blocked.0);
                ready.lowest().map(|signal| (whose, signal))
            });
        let mut info = found.map(|(whose, signal)| self.collect_signal(signal, whose));
        self.recalc_sigpending(current);
        // A periodic timer is armed again when its signal is taken.
        if let Some(info) = &mut info {
            self.do_schedule_next_timer(info);
        }
        // The stop signal is in no queue any more, where SIGCONT and SIGKILL would discard it. They
        // clear this flag instead, and the stop does not take place.
        if info.is_some_and(|info| info.signal.default_action() == DefaultAction::Stop) {
            self.signal_of_mut(current).stop_dequeued();
        }
        info
    }

    /// Enters a handler; `oldset` is the mask that the return from it restores.
    ///
    /// A puppet has no code to run. Unless its handler has a puppet handler's address, it counts as
    /// having entered its handler and returned from it.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `handle_signal()`.
    fn handle_signal(
        &mut self,
        current: TaskId,
        info: &SigInfo,
        action: &KSigaction,
        oldset: SigSet,
    ) {
        let signal = info.signal;
        // Before the frame is built: it saves the registers with which the call returns or is
        // restarted after the handler.
        match self.task_mut(current).in_call.take_restart() {
            Some(again) if again.after_handler(action.flags) => self.restart_call(current, again),
            Some(_) => self.syscall_exit(current, Err(Errno::EINTR.into())),
            None => {}
        }
        let handler = VirtAddr(action.handler.word());
        self.trace_delivery(current, signal, Some(handler));
        let runs_code = self.runs_code(current);
        if !runs_code && !PUPPET_HANDLERS.contains(&handler.0) {
            let task = self.task_mut(current);
            task.set_blocked(oldset);
            task.restart_block = RestartBlock::Nothing;
        } else {
            let eax = self.task(current).thread.regs.eax;
            if self.setup_frame(current, info, action, oldset) && !runs_code {
                let rt = action.flags.contains(SaFlags::SIGINFO);
                self.task_mut(current).in_call.handler_frame = Some(HandlerFrame {
                    signal,
                    info: *info,
                    rt,
                    eax,
                });
            }
            if !action.flags.contains(SaFlags::NODEFER) {
                // After the frame is built: that has saved the mask without the handler's own.
                let task = self.task_mut(current);
                task.set_blocked(SigSet(task.blocked().0 | action.mask.0).with(signal));
            }
        }
        self.recalc_sigpending(current);
    }
}
