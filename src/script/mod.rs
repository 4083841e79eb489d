//! The script layer: a Rhai engine whose functions are commands to a machine and views of it.
//!
//! Everything that a script sees is a value or a handle. Scripts cannot touch the host.

mod api;
mod diagnose;
mod engine;
mod error;
mod help;
mod remedy;
mod session;
mod value;
mod words;

pub use engine::Limits;
pub use error::{Failure, FailureKind, ScriptError};
pub use help::{FunctionDoc, function_docs};
pub use session::Session;
