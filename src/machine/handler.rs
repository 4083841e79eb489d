//! Handlers of puppets. The kernel puts a real frame on the puppet's stack and sends it to the
//! address of its handler; there the machine stands in for code: it stops, and whoever drives it
//! says what the handler does, as actions of the puppet, and when it returns. The return is the
//! real `sigreturn`.
//!
//! Before the first of these actions the puppet keeps its CPU; between them it sleeps on the console,
//! as it does outside of handlers.

use super::{Machine, Reply, Stop};
use crate::abi::{SigInfo, Signal, TaskId, WaitStatus};
use crate::kernel::signal::PUPPET_HANDLERS;
use crate::kernel::syscall::{SignalCall, Syscall};
use crate::kernel::task::{Continuation, HandlerFrame, OpenCall};

/// Bytes between the addresses of two handlers.
const HANDLER_BYTES: u32 = 16;

/// The address of a puppet's handler with that number; `None` if there are no more addresses.
pub fn handler_address(number: usize) -> Option<u32> {
    let offset = u32::try_from(number).ok()?.checked_mul(HANDLER_BYTES)?;
    let addr = PUPPET_HANDLERS.start.checked_add(offset)?;
    PUPPET_HANDLERS.contains(&addr).then_some(addr)
}

/// The number of the handler at an address, if it is a puppet's.
pub fn handler_number(addr: u32) -> Option<usize> {
    let offset = addr.checked_sub(PUPPET_HANDLERS.start)?;
    let mine = PUPPET_HANDLERS.contains(&addr) && offset % HANDLER_BYTES == 0;
    mine.then_some((offset / HANDLER_BYTES) as usize)
}

/// How far a handler has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The puppet is at its first instruction.
    Entered,
    /// Its actions are being carried out.
    Running,
    /// They are done: it returns as soon as it can.
    Returning,
}

/// A handler that a puppet is inside of.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    signal: Signal,
    addr: u32,
    frame: u32,
    rt: bool,
    phase: Phase,
    interrupted: Interrupted,
}

/// What a handler has interrupted. The kernel keeps the registers in the frame; this is what a
/// puppet has beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupted {
    /// Its call is made again after the return.
    again: Option<Continuation>,
    call: Option<OpenCall>,
    syscall: Option<Syscall>,
    /// The number of that call.
    open: Option<u64>,
    compute_left: u64,
    /// What its last calls reported.
    reaped: Option<WaitStatus>,
    reported: Option<SigInfo>,
}

/// A handler that has just been entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnteredHandler {
    /// Whose.
    pub task: TaskId,
    /// For which signal.
    pub signal: Signal,
    /// Its number; see [`handler_address`].
    pub number: usize,
}

impl Machine {
    /// The handler that was entered first of those whose actions have not begun, if its task can
    /// act.
    pub fn entered_handler(&self) -> Option<EnteredHandler> {
        self.entered.iter().find_map(|task| {
            let top = self.puppet(*task)?.handlers.last()?;
            let ready = top.phase == Phase::Entered && self.can_act(*task).is_ok();
            ready.then_some(EnteredHandler {
                task: *task,
                signal: top.signal,
                number: handler_number(top.addr)?,
            })
        })
    }

    /// The actions of a handler begin.
    pub(super) fn begin_handler(&mut self, task: TaskId) {
        self.entered.retain(|entered| *entered != task);
        let top = self
            .puppet_mut(task)
            .and_then(|puppet| puppet.handlers.last_mut());
        if let Some(top) = top.filter(|top| top.phase == Phase::Entered) {
            top.phase = Phase::Running;
        }
    }

    /// The actions of the innermost handler are done. It returns now, or when the call that it is
    /// still inside of has ended.
    pub(super) fn end_handler(&mut self, task: TaskId) -> Reply {
        let handlers = self
            .puppet_mut(task)
            .map(|puppet| puppet.handlers.iter_mut());
        let running = handlers
            .and_then(|mut handlers| handlers.rfind(|handler| handler.phase == Phase::Running));
        if let Some(running) = running {
            running.phase = Phase::Returning;
            if self.can_act(task).is_ok() {
                self.kernel.this_cpu = usize::from(self.kernel.sched.get(task).cpu);
                self.kernel.log.console = true;
                self.kernel.wake_from_interrupt(task);
                self.kernel.log.console = false;
            }
        }
        if self.settle() {
            Reply::Done
        } else {
            Reply::Stopped(Stop::Stuck)
        }
    }

    /// After a task came out of the kernel: notes the handler that it was sent to, and puts aside
    /// what it was doing.
    pub(super) fn note_handler(&mut self, task: TaskId) {
        let Some(kernel_task) = self.kernel.tasks.get_mut(task) else {
            return;
        };
        let Some(HandlerFrame { signal, rt, .. }) = kernel_task.in_call.handler_frame.take() else {
            return;
        };
        let regs = kernel_task.thread.regs;
        let calls_again = matches!(
            kernel_task.in_call.continuation,
            Some(Continuation::Again { .. })
        );
        let mut interrupted = Interrupted {
            reaped: kernel_task.in_call.reaped,
            reported: kernel_task.in_call.reported,
            ..Interrupted::default()
        };
        if calls_again {
            interrupted.again = kernel_task.in_call.continuation.take();
            interrupted.call = kernel_task.in_call.open.take();
            interrupted.syscall = kernel_task.in_call.again.take();
        }
        let Some(puppet) = self.puppet_mut(task) else {
            return;
        };
        if calls_again {
            interrupted.open = puppet.call.take();
        }
        interrupted.compute_left = std::mem::take(&mut puppet.compute_left);
        // A handler that follows another at once interrupts what that one did.
        let interrupted = puppet
            .interrupted
            .take()
            .map_or(interrupted, |first| *first);
        puppet.handlers.push(Handler {
            signal,
            addr: regs.eip,
            frame: regs.esp,
            rt,
            phase: Phase::Entered,
            interrupted,
        });
        self.entered.push_back(task);
    }

    /// What a puppet does on its way into or out of handlers: `None` if it is neither; else
    /// whether it has done something.
    pub(super) fn handler_step(&mut self, task: TaskId) -> Option<bool> {
        let puppet = self.puppet_mut(task)?;
        if let Some(interrupted) = puppet.interrupted.take() {
            self.go_on_after_handler(task, *interrupted);
            return Some(true);
        }
        let phase = puppet.handlers.last()?.phase;
        if puppet.action.is_some() || puppet.compute_left > 0 {
            return None;
        }
        match phase {
            Phase::Entered => Some(false),
            // More signals wait until it leaves the kernel again: it cannot sleep.
            Phase::Running if self.kernel.signal_pending(task) => Some(false),
            Phase::Running => None,
            Phase::Returning => {
                self.leave_handler(task);
                Some(true)
            }
        }
    }

    /// The return of a handler: `ret` into the vsyscall page, and the call that is made there.
    fn leave_handler(&mut self, task: TaskId) {
        let Some(top) = self
            .puppet_mut(task)
            .and_then(|puppet| puppet.handlers.pop())
        else {
            return;
        };
        // The old frame's code also takes the signal's number off the stack.
        let (taken, call) = if top.rt {
            (4, SignalCall::RtSigreturn)
        } else {
            (8, SignalCall::Sigreturn)
        };
        self.kernel.task_mut(task).thread.regs.esp = top.frame.wrapping_add(taken);
        self.kernel.syscall(task, Syscall::Signal(call));
        // It is the interrupted `eax`, and so no result of a call that the puppet could be inside of.
        self.kernel.take_return(task);
        if let Some(puppet) = self.puppet_mut(task) {
            puppet.interrupted = Some(Box::new(top.interrupted));
        }
    }

    /// A puppet is where it was before its handler.
    fn go_on_after_handler(&mut self, task: TaskId, interrupted: Interrupted) {
        let Interrupted {
            again,
            call,
            syscall,
            open,
            compute_left,
            reaped,
            reported,
        } = interrupted;
        let kernel_task = self.kernel.task_mut(task);
        (kernel_task.in_call.reaped, kernel_task.in_call.reported) = (reaped, reported);
        if again.is_some() {
            kernel_task.in_call.continuation = again;
            kernel_task.in_call.open = call;
            kernel_task.in_call.again = syscall;
        }
        if let Some(puppet) = self.puppet_mut(task) {
            puppet.compute_left = compute_left;
            if again.is_some() {
                puppet.call = open;
            }
        }
    }
}

/// The handlers of a child that was forked inside them: it returns from all of them at once, for
/// what they do is done by its parent.
pub(super) fn inherited(handlers: &[Handler]) -> Vec<Handler> {
    let returning = handlers.iter().map(|handler| Handler {
        phase: Phase::Returning,
        interrupted: Interrupted::default(),
        ..handler.clone()
    });
    returning.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_of_handlers_agree() {
        for number in [0, 1, 1000] {
            let addr = handler_address(number).unwrap();
            assert_eq!(handler_number(addr), Some(number));
            assert_eq!(handler_number(addr + 1), None);
        }
        assert_eq!(handler_address(usize::MAX), None);
        assert_eq!(handler_address(1 << 26), None);
        assert_eq!(handler_number(0x0804_8000), None);
    }
}
