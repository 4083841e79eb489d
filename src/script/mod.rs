//! The script layer: a Rhai engine whose functions are commands to a machine and views of it.
//!
//! Everything that a script sees is a value or a handle. Scripts cannot touch the host.

mod api;
mod errors;
mod help;
mod session;

pub use api::boot_options;
pub use errors::{Failure, FailureKind, ScriptError, closest};
pub use help::{FunctionDoc, Syntax, Vocabulary, WordKind, function_docs};
pub use session::{
    Ask, Branch, Checked, Effect, Expected, Fetch, Fetched, Handin, Host, Input, Interrupt, Left,
    Limit, Limits, Moved, Output, Part, Points, Prediction, Progress, Rule, Save, Saved,
    ScriptValue, Session, Shadowing, Share, Show, Shown, Standpoint, Submission, Tolerance, Wanted,
    Warn, Watch, unknown_form,
};
