//! Help for somebody who types: the documentation of each function, names that can follow, kinds of
//! words, and what each constant and system call stands for.

pub(super) mod constants;
mod docs;
mod syntax;
pub(super) mod system_calls;
mod vocabulary;

pub use docs::{FunctionDoc, function_docs};
pub(super) use syntax::Places;
pub use syntax::{Syntax, WordKind};
pub use vocabulary::Vocabulary;
