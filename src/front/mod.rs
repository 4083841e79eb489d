//! The front ends: the only part that reads arguments and files, and prints.

mod cli;
mod diag;
mod doc;
mod exit_code;
mod options;
mod print;
mod process;
mod repl;
mod replay;
mod run;
mod style;
#[cfg(unix)]
mod terminal;
mod test;

pub use cli::main;
pub use diag::draw;
pub use doc::reference;
pub use repl::{Answer, Shell};
pub use style::Colors;
