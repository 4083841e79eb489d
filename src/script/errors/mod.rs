//! What a script's mistake is called, where it is, and what helps: Rhai's errors and ours in words
//! for a learner.

mod area_remedy;
mod caught;
mod diagnose;
mod error;
mod file_remedy;
mod message_remedy;
mod names_remedy;
mod no_function;
mod parse_error;
mod reading;
mod recursion;
mod refused;
mod remedy;
mod sched_remedy;
mod words;

pub(super) use caught::{is_of_language, make_ours};
pub use error::{Failure, FailureKind, ScriptError};
pub(super) use no_function::plain_types;
pub(super) use refused::{Caller, errno_error, refused};
use remedy::advice;
pub use words::closest;
pub(super) use words::{Words, likeliest, meant};
