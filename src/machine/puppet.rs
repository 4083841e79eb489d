//! Puppets: tasks whose program is the user. Between actions a puppet sleeps on the console.

use super::command::{Acted, Action, CallState};
use super::handler::{Handler, Interrupted};
use super::{Machine, UserMode};
use crate::abi::{CloneFlags, PAGE_SHIFT, TaskId, TaskState, VirtAddr};
use crate::hw::{AccessKind, UserDesc};
use crate::kernel::mm::UserFault;
use crate::kernel::syscall::{ForkArgs, Syscall};

/// To how many pages a task writes before it is asked again what it does.
pub(super) const PAGES_IN_A_GO: u32 = 256;

/// How many calls that blocked are remembered, the latest ones.
const MAX_CALLS: usize = 10_000;

/// The user mode of a puppet.
#[derive(Clone, Debug)]
pub struct Puppet {
    /// Whether it stays runnable between its actions, using CPU time.
    pub spin: bool,
    /// What it is to do next.
    pub(super) action: Option<Action>,
    /// Ticks of CPU time that it has yet to use.
    pub(super) compute_left: u64,
    /// The number of the call that it is inside of.
    pub(super) call: Option<u64>,
    /// The handlers that it is inside of, the innermost last.
    pub(super) handlers: Vec<Handler>,
    /// What it continues with after the handler that has just returned.
    pub(super) interrupted: Option<Box<Interrupted>>,
}

impl Puppet {
    /// A puppet with nothing to do.
    pub fn new(spin: bool) -> Self {
        Self {
            spin,
            action: None,
            compute_left: 0,
            call: None,
            handlers: Vec::new(),
            interrupted: None,
        }
    }

    /// Whether it is inside a handler.
    pub const fn is_in_handler(&self) -> bool {
        !self.handlers.is_empty()
    }
}

/// Divides an action that writes to many pages into what is done now and the rest.
fn in_a_go(action: Action) -> (Action, Option<Action>) {
    match action {
        Action::Touch { addr, pages } if pages > PAGES_IN_A_GO => (
            Action::Touch {
                addr,
                pages: PAGES_IN_A_GO,
            },
            Some(Action::Touch {
                addr: VirtAddr(addr.0.wrapping_add(PAGES_IN_A_GO << PAGE_SHIFT)),
                pages: pages - PAGES_IN_A_GO,
            }),
        ),
        Action::Fill { addr, len, byte } if len > PAGES_IN_A_GO << PAGE_SHIFT => {
            let now = PAGES_IN_A_GO << PAGE_SHIFT;
            (
                Action::Fill {
                    addr,
                    len: now,
                    byte,
                },
                Some(Action::Fill {
                    addr: VirtAddr(addr.0.wrapping_add(now)),
                    len: len - now,
                    byte,
                }),
            )
        }
        action => (action, None),
    }
}

impl Machine {
    /// The puppet of a task.
    pub fn puppet(&self, task: TaskId) -> Option<&Puppet> {
        match self.modes.get(task) {
            Some(UserMode::Puppet(puppet)) => Some(puppet),
            _ => None,
        }
    }

    pub(super) fn puppet_mut(&mut self, task: TaskId) -> Option<&mut Puppet> {
        match self.modes.get_mut(task) {
            Some(UserMode::Puppet(puppet)) => Some(puppet),
            _ => None,
        }
    }

    /// Performs the puppet's action. Without one it goes to sleep, or spins until the next tick.
    pub(super) fn puppet_step(&mut self, task: TaskId) -> bool {
        if let Some(done) = self.handler_step(task) {
            return done;
        }
        let Some(puppet) = self.puppet_mut(task) else {
            return false;
        };
        if let Some(action) = puppet.action.take() {
            self.kernel.log.console = false;
            let (now, rest) = in_a_go(action);
            let acted = self.perform(task, now);
            match self.puppet_mut(task) {
                Some(puppet) if rest.is_some() && acted == Acted::Done => puppet.action = rest,
                _ => self.acted = Some(acted),
            }
            return true;
        }
        if puppet.spin || puppet.compute_left > 0 {
            return false;
        }
        self.kernel.log.console = true;
        self.kernel.sleep(task, TaskState::INTERRUPTIBLE, None);
        self.kernel.log.console = false;
        true
    }

    fn perform(&mut self, task: TaskId, action: Action) -> Acted {
        match action {
            Action::Syscall(call) => self.puppet_syscall(task, call),
            Action::OnStack(what) => self.stack_call(task, &what),
            Action::CloneTls(args, desc) => self.clone_with_tls(task, args, &desc),
            Action::Read { addr, len } => {
                let mut bytes = vec![0; len as usize];
                let result = self.kernel.user_read(task, addr, &mut bytes);
                self.after_access(task, result, Acted::Bytes(bytes))
            }
            Action::Write { addr, bytes } => {
                let result = self.kernel.user_write(task, addr, &bytes);
                self.after_access(task, result, Acted::Done)
            }
            Action::Fill { addr, len, byte } => {
                self.count_accesses(len >> PAGE_SHIFT);
                let result = self.kernel.user_fill(task, addr, len, byte);
                self.after_access(task, result, Acted::Done)
            }
            Action::Touch { addr, pages } => {
                self.count_accesses(pages);
                let result = self.kernel.user_touch(task, addr, pages, AccessKind::Write);
                self.after_access(task, result, Acted::Done)
            }
            Action::DirectIo {
                addr,
                len,
                direction,
            } => match self.kernel.begin_direct_io(task, addr, len, direction) {
                Ok(transfer) => Acted::Returned(transfer),
                Err(errno) => Acted::Refused(errno.into()),
            },
            Action::Compute(ticks) => {
                if let Some(puppet) = self.puppet_mut(task) {
                    puppet.compute_left = ticks;
                }
                Acted::Done
            }
        }
    }

    /// Turns a fault that the kernel could not handle into the task's signal.
    pub(super) fn after_access(
        &mut self,
        task: TaskId,
        result: Result<(), UserFault>,
        fine: Acted,
    ) -> Acted {
        match result {
            Ok(()) => fine,
            Err(fault) => {
                self.kernel.raise_fault(task, &fault);
                Acted::Fault(fault)
            }
        }
    }

    pub(super) fn puppet_syscall(&mut self, task: TaskId, call: Syscall) -> Acted {
        let nr = call.nr();
        self.kernel.syscall(task, call);
        self.enter_new_image(task);
        let child = self.adopt_children();
        let Some(returned) = self.kernel.take_return(task) else {
            return self.left_inside(task, nr, child);
        };
        match child {
            Some(child) => Acted::Forked { child, call: None },
            None => returned.into(),
        }
    }

    /// What a call has come to that has not returned.
    fn left_inside(&mut self, task: TaskId, nr: u16, child: Option<TaskId>) -> Acted {
        if self.has_ended(task) {
            return Acted::Ended;
        }
        let call = self.open_call(task, nr, child);
        match child {
            Some(child) => Acted::Forked {
                child,
                call: Some(call),
            },
            None => Acted::Blocks(call),
        }
    }

    /// Stores the descriptor below the stack pointer, as a C library would, and clones.
    fn clone_with_tls(&mut self, task: TaskId, args: ForkArgs, desc: &UserDesc) -> Acted {
        let esp = self.kernel.task(task).thread.regs.esp;
        let addr = VirtAddr(esp.wrapping_sub(UserDesc::SIZE as u32) & !15);
        if let Err(fault) = self.kernel.user_write(task, addr, &desc.to_bytes()) {
            return self.after_access(task, Err(fault), Acted::Done);
        }
        let flags = args.flags | CloneFlags::CLONE_SETTLS;
        self.puppet_syscall(
            task,
            Syscall::Clone(ForkArgs {
                flags,
                tls: addr,
                ..args
            }),
        )
    }

    /// Whether a task is gone or only waits to be reaped.
    pub fn has_ended(&self, task: TaskId) -> bool {
        self.kernel
            .tasks()
            .get(task)
            .is_none_or(|t| t.exit_state() != crate::abi::ExitState::Alive)
    }

    /// Numbers a call that has not returned.
    fn open_call(&mut self, task: TaskId, nr: u16, child: Option<TaskId>) -> u64 {
        let id = self.next_call;
        self.next_call += 1;
        let pid = self.kernel.pid(task);
        let state = CallState {
            task,
            pid,
            nr,
            result: None,
            child,
            status: None,
            frame: None,
            buffer: None,
            bytes: Vec::new(),
            info: None,
        };
        self.calls.insert(id, state);
        if self.calls.len() > MAX_CALLS {
            self.calls.pop_first();
        }
        if let Some(puppet) = self.puppet_mut(task) {
            puppet.call = Some(id);
        }
        id
    }

    /// After a task has run inside the kernel: records the return value of its call if it has
    /// returned.
    pub(super) fn note_call(&mut self, task: TaskId) {
        let Some(result) = self.kernel.take_return(task) else {
            return;
        };
        let in_call = &self.kernel.task(task).in_call;
        let (status, info) = (in_call.reaped, in_call.reported);
        let Some(id) = self.puppet_mut(task).and_then(|puppet| puppet.call.take()) else {
            return;
        };
        let frame = self.calls.get_mut(&id).and_then(|call| {
            call.result = Some(result);
            call.status = status;
            call.info = info;
            call.frame.take()
        });
        if let Some(frame) = frame {
            let bytes = self.leave_frame(task, frame);
            if let Some(call) = self.calls.get_mut(&id) {
                call.bytes = bytes;
            }
        }
    }
}
