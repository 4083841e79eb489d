//! An event in one line.

use super::fields::{EventFields, Field};
use crate::view::text::{Line, Role, task_tag};

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
        // To the reader, a pid and its name are one thing.
        if matches!(field, Field::Pid(_))
            && let Some((_, Field::Name(name))) =
                fields.next_if(|(_, next)| matches!(next, Field::Name(_)))
        {
            line = line.plain(":").add(Role::Name, name);
        }
    }
    line
}
