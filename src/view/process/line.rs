//! A task in one line.

use super::{activity, state};
use crate::abi::{ExitState, TaskId};
use crate::machine::Machine;
use crate::view::text::{Line, Role, task_tag};

/// A task in one line: its pid and name, what drives it, its state, and its scheduling fields.
pub fn task_line(machine: &Machine, id: TaskId) -> Line {
    let kernel = &machine.kernel;
    let Some(task) = kernel.tasks().get(id) else {
        return Line::default().add(Role::Bad, "gone: it exited and was reaped");
    };
    let sched = kernel.sched.get(id);
    let (letter, _) = state(machine, id);
    let line = task_tag(sched.pid, kernel.names.get(sched.name))
        .plain("  ")
        .add(Role::Dim, machine.user_mode(id))
        .plain("  ")
        .add(Role::State, letter)
        .plain("  ")
        .plain(activity(machine, id));
    if task.exit_state() != ExitState::Alive {
        return line;
    }
    line.plain("  prio ")
        .add(Role::Number, sched.prio)
        .plain("  slice ")
        .add(Role::Number, sched.time_slice)
}
