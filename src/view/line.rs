//! One line about one thing: a task, an event.

use super::text::{Line, Role};
use crate::abi::{Pid, TaskId};
use crate::kernel::task::ExitState;
use crate::machine::Machine;
use crate::view::process::{activity, state};
use crate::view::trace::{EventFields, Field};

/// `2:sh`
pub fn task_tag(pid: Pid, name: &str) -> Line {
    Line::default()
        .add(Role::Pid, pid)
        .plain(":")
        .add(Role::Name, name)
}

/// A task in one line: who it is, how it acts, what it is doing, how the scheduler sees it.
pub fn task_line(machine: &Machine, id: TaskId) -> Line {
    let kernel = &machine.kernel;
    let Some(task) = kernel.tasks.get(id) else {
        return Line::default().add(Role::Bad, "gone: it ended and was reaped");
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
    if task.exit_state != ExitState::Alive {
        return line;
    }
    line.plain("  prio ")
        .add(Role::Number, sched.prio)
        .plain("  slice ")
        .add(Role::Number, sched.time_slice)
}

/// An event in one line: `tick cpu pid:name  event  key=value ...`. The tag is padded to
/// `tag_width` columns.
pub fn event_line(event: &EventFields, tag_width: usize) -> Line {
    let tag = task_tag(event.pid, &event.name);
    let blanks = " ".repeat(tag_width.saturating_sub(tag.width()));
    let mut line = Line::default()
        .add(
            Role::Dim,
            format_args!("{:>6} [{}] ", event.tick, event.cpu),
        )
        .join(tag)
        .plain(blanks)
        .plain("  ")
        .add(Role::Name, event.event);
    let mut fields = event.fields.iter().peekable();
    while let Some((key, field)) = fields.next() {
        line = line.plain(format_args!(" {key}=")).add(field.role(), field);
        // A pid and its name are one thing to the reader.
        if matches!(field, Field::Pid(_))
            && let Some((_, Field::Name(name))) =
                fields.next_if(|(_, next)| matches!(next, Field::Name(_)))
        {
            line = line.plain(":").add(Role::Name, name);
        }
    }
    line
}
