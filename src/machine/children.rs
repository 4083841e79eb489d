//! Children: every task that the kernel makes gets a user mode like its parent's, whenever it is
//! made: at once, or when a tracer lets the parent's call go on.

use super::handler::inherited;
use super::puppet::Puppet;
use super::{Machine, UserMode};
use crate::abi::TaskId;
use crate::kernel::fork::Forked;
use crate::machine::workload::Workload;

impl Machine {
    /// Gives the tasks that the kernel has made since this was done last a user mode. Returns the
    /// latest.
    pub(super) fn adopt_children(&mut self) -> Option<TaskId> {
        let mut latest = None;
        while let Some(Forked { parent, child }) = self.kernel.take_forked() {
            if let Some(mode) = self.child_mode(parent) {
                self.modes.insert(child, mode);
            }
            self.note_shared_stack(parent, child);
            let open = self.puppet(parent).and_then(|puppet| puppet.call);
            if let Some(call) = open.and_then(|id| self.calls.get_mut(&id)) {
                call.child = Some(child);
            }
            latest = latest.or(Some(child));
        }
        latest
    }

    /// What a child of a task does in user mode, if the task has one.
    fn child_mode(&self, parent: TaskId) -> Option<UserMode> {
        Some(match self.modes.get(parent)? {
            UserMode::Puppet(parent) => UserMode::Puppet(Puppet {
                handlers: inherited(&parent.handlers),
                ..Puppet::new(parent.spin)
            }),
            UserMode::Program => UserMode::Program,
            UserMode::Workload(parent) => {
                UserMode::Workload(Workload::at(parent.program.clone(), parent.child_script))
            }
            // It calls nothing but exec before it is something else.
            UserMode::Spawned(_) => return None,
        })
    }
}
