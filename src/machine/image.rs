//! Program images: what a task does in user mode once it has called exec.

use super::puppet::Puppet;
use super::{Machine, Spawned, UserMode};
use crate::abi::{SigAction, Signal, TaskId};
use crate::kernel::syscall::SysResult;
use crate::machine::workload::{Workload, WorkloadProgram};
use std::sync::Arc;

/// The kind of program.
#[derive(Clone, Debug)]
pub enum Image {
    /// The task does what its user commands.
    Puppet {
        /// Whether it stays runnable between its actions.
        spin: bool,
    },
    /// The task follows a list of steps.
    Workload(Arc<WorkloadProgram>),
}

impl Machine {
    /// Registers the programs of a fresh machine: `init` and `sh` are puppets, `true` exits at
    /// once.
    pub(super) fn register_images(&mut self) {
        let exits = Arc::new(WorkloadProgram::exit());
        for (name, image) in [
            ("init", Image::Puppet { spin: false }),
            ("sh", Image::Puppet { spin: false }),
            ("true", Image::Workload(exits)),
        ] {
            if let Ok(inode) = self.kernel.lookup(name) {
                self.images.insert(inode, image);
            }
        }
    }

    /// Gives a task that has just called exec the user mode of its program.
    fn enter_image(&mut self, task: TaskId) {
        let exe = self
            .kernel
            .task(task)
            .mm()
            .and_then(|mm| self.kernel.mms()[mm].exe());
        if self.kernel.runs_code(task) {
            self.modes.insert(task, UserMode::Program);
            return;
        }
        let Some(image) = exe.and_then(|exe| self.images.get(exe)) else {
            return;
        };
        // The call that loaded the program may still have to return.
        let call = self.puppet(task).and_then(|puppet| puppet.call);
        let mode = match image {
            Image::Puppet { spin } => UserMode::Puppet(Puppet {
                call,
                ..Puppet::new(*spin)
            }),
            Image::Workload(program) => UserMode::Workload(Workload::new(program.clone())),
        };
        self.modes.insert(task, mode);
    }

    /// Gives a task the user mode of its new program, if it has called exec since this was done last.
    pub(super) fn enter_new_image(&mut self, task: TaskId) {
        if self.kernel.take_execed(task) {
            self.enter_image(task);
        }
    }

    /// The first user-mode step of a spawned task. Init ignores SIGCHLD and its children inherit
    /// that. An interactive program resets it; a workload keeps it, so that its children reap
    /// themselves.
    pub(super) fn exec_spawned(&mut self, task: TaskId, spawned: Spawned) {
        let Spawned { exe, spin, args } = spawned;
        let result = self.kernel.exec_inode(task, exe, &args);
        self.kernel.iput(exe);
        if matches!(result, SysResult::Done(Err(_))) {
            if self.kernel.has_own_memory(task) {
                // The old memory was gone when it failed: the task dies of a signal that is pending.
                self.modes.insert(task, UserMode::Program);
            } else {
                self.kernel.kill_current(task);
            }
            return;
        }
        self.enter_new_image(task);
        match self.modes.get_mut(task) {
            Some(UserMode::Puppet(puppet)) => puppet.spin |= spin,
            Some(UserMode::Program) => {}
            _ => return,
        }
        let sighand = self.kernel.sighand_of_mut(task);
        sighand.set_action(Signal::SIGCHLD, SigAction::Default);
    }
}
