//! Program images: which user mode a task gets when it calls exec.

use super::puppet::Puppet;
use super::workload::{Workload, WorkloadProgram};
use super::{Machine, UserMode};
use crate::abi::{InodeId, Signal, TaskId};
use crate::kernel::signal::SigAction;
use std::sync::Arc;

/// What running a program means.
#[derive(Clone, Debug)]
pub enum Image {
    /// The task does what it is told from outside.
    Puppet {
        /// It stays runnable between its actions.
        spin: bool,
    },
    /// The task follows steps.
    Workload(Arc<WorkloadProgram>),
}

impl Machine {
    /// The programs of a fresh machine: `init` and `sh` are puppets, `true` exits at once.
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
    pub(super) fn enter_image(&mut self, task: TaskId) {
        let exe = self
            .kernel
            .task(task)
            .mm
            .and_then(|mm| self.kernel.mms[mm].exe);
        let Some(image) = exe.and_then(|exe| self.images.get(exe)) else {
            return;
        };
        let mode = match image {
            Image::Puppet { spin } => UserMode::Puppet(Puppet::new(*spin)),
            Image::Workload(program) => UserMode::Workload(Workload::new(program.clone())),
        };
        self.modes.insert(task, mode);
    }

    /// A task that called exec has gone on inside it, after a move to another CPU.
    pub(super) fn after_exec(&mut self, task: TaskId) {
        let kernel_task = self.kernel.task(task);
        let returned = kernel_task.call.is_none() && kernel_task.continuation.is_none();
        if returned && kernel_task.thread.regs.eax == 0 {
            self.enter_image(task);
        }
    }

    /// The first user-mode step of a spawned task. Init ignores SIGCHLD and its children inherit
    /// that; an interactive program sets it back, a workload keeps it, so that its children reap
    /// themselves.
    pub(super) fn exec_spawned(&mut self, task: TaskId, exe: InodeId, spin: bool) {
        let result = self.kernel.exec_spawned(task, exe);
        self.kernel.iput(exe);
        if result.is_err() {
            self.kernel.kill_current(task);
            return;
        }
        self.enter_image(task);
        let Some(puppet) = self.puppet_mut(task) else {
            return;
        };
        puppet.spin |= spin;
        if let Some(sighand) = self.kernel.task(task).sighand {
            self.kernel.sighands[sighand].set_action(Signal::SIGCHLD, SigAction::Default);
        }
    }
}
