//! How a task that is gone ended, in words.

use crate::kernel::exit::Ended;

/// The words for it: `it exited with 0`.
pub(super) fn how_it_ended(ended: &Ended) -> String {
    let text = ended.status.to_string();
    if let Some(code) = text.strip_prefix("exited ") {
        return format!("it exited with {code}");
    }
    match ended.dumped_with {
        Some((other, signal)) => {
            format!("it was {text} when task {other}, which shared its memory, got {signal},")
        }
        None => format!("it was {text}"),
    }
}
