//! How a task that is gone ended, in words.

use crate::kernel::exit::Ended;

/// The words for it: `it exited with 0 and was reaped`.
pub(super) fn how_it_ended(ended: &Ended) -> String {
    if let Some(thread) = ended.replaced_by {
        return format!("its thread {thread} called exec, and goes on under its pid");
    }
    let text = ended.status.to_string();
    if let Some(code) = text.strip_prefix("exited ") {
        return format!("it exited with {code} and was reaped");
    }
    match ended.dumped_with {
        Some((other, signal)) => {
            format!(
                "it was {text} when task {other}, which shared its memory, got {signal}, and was reaped"
            )
        }
        None => format!("it was {text} and was reaped"),
    }
}
