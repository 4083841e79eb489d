//! Signal handlers of puppets. The kernel builds a real frame on the puppet's stack and sets `eip`
//! to the address of the handler. There is no code at that address: the machine stops, and its user
//! performs the handler as actions of the puppet, and then lets it return through the real
//! `sigreturn`.
//!
//! The puppet keeps its CPU until the first of these actions. Between them it sleeps on the
//! console, as it does outside of handlers.

use super::Machine;
use crate::abi::{SigInfo, Signal, TaskId, WaitStatus};
use crate::kernel::signal::PUPPET_HANDLERS;
use crate::kernel::syscall::Syscall;
use crate::kernel::task::{HandlerFrame, SetAside};

/// Distance between the addresses of two handlers, in bytes.
const HANDLER_BYTES: u32 = 16;

/// The address of the puppet handler with that number; `None` if there are no more addresses.
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

/// How far a handler has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The puppet is at its first instruction.
    Entered,
    /// Its actions are being performed.
    Running,
    /// Its actions are done; it returns as soon as it can.
    Returning,
}

/// A handler that a puppet is inside of.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    signal: Signal,
    info: SigInfo,
    addr: u32,
    frame: u32,
    rt: bool,
    phase: Phase,
    interrupted: Interrupted,
}

/// What a handler has interrupted. The kernel saves the registers in the frame; this is the state
/// that a puppet has besides them.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupted {
    /// The call that is restarted after the return.
    call: Option<SetAside>,
    /// The number of that call.
    open: Option<u64>,
    compute_left: u64,
    /// The results of its last calls.
    reaped: Option<WaitStatus>,
    reported: Option<SigInfo>,
}

/// A handler that has just been entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnteredHandler {
    /// The task that entered it.
    pub task: TaskId,
    /// The signal that it handles.
    pub signal: Signal,
    /// Where the signal comes from.
    pub info: SigInfo,
    /// Its number; see [`handler_address`].
    pub number: usize,
}

impl Machine {
    /// The first entered handler whose actions have not begun, if its task can act.
    pub fn entered_handler(&self) -> Option<EnteredHandler> {
        self.entered.iter().find_map(|task| {
            let top = self.puppet(*task)?.handlers.last()?;
            let ready = top.phase == Phase::Entered && self.can_act(*task).is_ok();
            ready.then_some(EnteredHandler {
                task: *task,
                signal: top.signal,
                info: top.info,
                number: handler_number(top.addr)?,
            })
        })
    }

    /// Begins the actions of a handler.
    pub(super) fn begin_handler(&mut self, task: TaskId) {
        self.entered.retain(|entered| *entered != task);
        let top = self
            .puppet_mut(task)
            .and_then(|puppet| puppet.handlers.last_mut());
        if let Some(top) = top.filter(|top| top.phase == Phase::Entered) {
            top.phase = Phase::Running;
        }
    }

    /// Ends the actions of the innermost handler. It returns now, or when the call that it is still
    /// inside of has ended.
    pub(super) fn end_handler(&mut self, task: TaskId) {
        let handlers = self
            .puppet_mut(task)
            .map(|puppet| puppet.handlers.iter_mut());
        let running = handlers
            .and_then(|mut handlers| handlers.rfind(|handler| handler.phase == Phase::Running));
        if let Some(running) = running {
            running.phase = Phase::Returning;
            if self.can_act(task).is_ok() {
                self.kernel
                    .set_this_cpu(usize::from(self.kernel.sched.get(task).cpu));
                self.kernel.log.console = true;
                self.kernel.wake_from_interrupt(task);
                self.kernel.log.console = false;
            }
        }
    }

    /// After a task has left the kernel: notes the handler that it was sent to, and saves what it
    /// was doing.
    pub(super) fn note_handler(&mut self, task: TaskId) {
        if !self.kernel.tasks().contains_key(task) {
            return;
        }
        let kernel_task = self.kernel.task_mut(task);
        let Some(HandlerFrame {
            signal, info, rt, ..
        }) = kernel_task.in_call.handler_frame.take()
        else {
            return;
        };
        let regs = kernel_task.thread.regs;
        let mut interrupted = Interrupted {
            call: kernel_task.in_call.set_aside(),
            reaped: kernel_task.in_call.reaped,
            reported: kernel_task.in_call.reported,
            ..Interrupted::default()
        };
        let Some(puppet) = self.puppet_mut(task) else {
            return;
        };
        if interrupted.call.is_some() {
            interrupted.open = puppet.call.take();
        }
        interrupted.compute_left = std::mem::take(&mut puppet.compute_left);
        // A handler entered right after another one interrupts what that one interrupted.
        let interrupted = puppet
            .interrupted
            .take()
            .map_or(interrupted, |first| *first);
        puppet.handlers.push(Handler {
            signal,
            info,
            addr: regs.eip,
            frame: regs.esp,
            rt,
            phase: Phase::Entered,
            interrupted,
        });
        self.entered.push_back(task);
    }

    /// What a puppet does on its way into or out of handlers. `None` if it is on neither; otherwise
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
            // More signals are pending when it leaves the kernel again, so it cannot sleep.
            Phase::Running if self.kernel.signal_pending(task) => Some(false),
            Phase::Running => None,
            Phase::Returning => {
                self.leave_handler(task);
                Some(true)
            }
        }
    }

    /// Returns from a handler: `ret` into the vsyscall page, and the system call that is made
    /// there.
    fn leave_handler(&mut self, task: TaskId) {
        let Some(top) = self
            .puppet_mut(task)
            .and_then(|puppet| puppet.handlers.pop())
        else {
            return;
        };
        // The code of the old frame also pops the signal number off the stack.
        let (taken, call) = if top.rt {
            (4, Syscall::RtSigreturn)
        } else {
            (8, Syscall::Sigreturn)
        };
        self.kernel.task_mut(task).thread.regs.esp = top.frame.wrapping_add(taken);
        self.kernel.syscall(task, call);
        // It is the interrupted `eax`, and so no result of a call that the puppet could be inside of.
        self.kernel.take_return(task);
        if let Some(puppet) = self.puppet_mut(task) {
            puppet.interrupted = Some(Box::new(top.interrupted));
        }
    }

    /// Restores a puppet to its state before the handler.
    fn go_on_after_handler(&mut self, task: TaskId, interrupted: Interrupted) {
        let Interrupted {
            call,
            open,
            compute_left,
            reaped,
            reported,
        } = interrupted;
        let kernel_task = self.kernel.task_mut(task);
        (kernel_task.in_call.reaped, kernel_task.in_call.reported) = (reaped, reported);
        let calls_again = call.is_some();
        if let Some(call) = call {
            kernel_task.in_call.put_back(call);
        }
        if let Some(puppet) = self.puppet_mut(task) {
            puppet.compute_left = compute_left;
            if calls_again {
                puppet.call = open;
            }
        }
    }
}

/// The handlers of a child that was forked inside them. It returns from all of them at once,
/// because only the parent performs their actions.
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
