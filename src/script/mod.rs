//! The script layer: a Rhai engine whose functions are commands to a machine and views of it.
//!
//! Everything that a script sees is a value or a handle. Scripts cannot touch the host.

mod api;
mod compiled;
mod constants;
mod diagnose;
mod document;
mod engine;
mod error;
mod help;
mod host;
mod limits;
mod no_function;
mod outcome;
mod parse_error;
mod prompt;
mod reading;
mod recursion;
mod remedy;
mod sched_remedy;
mod scope_copy;
mod session;
mod state;
mod syntax;
mod undo;
mod value;
mod vocabulary;
mod words;

pub use error::{Failure, FailureKind, ScriptError};
pub use help::{FunctionDoc, function_docs};
pub use host::{Ask, Host, Interrupt, Output};
pub use limits::{Limit, Limits};
pub use prompt::Shown;
pub use session::Session;
pub use state::Prediction;
pub use syntax::{Syntax, WordKind};
pub use undo::Undone;
pub use vocabulary::Vocabulary;
