//! The front ends: the only part that reads arguments and files, and prints.

mod applets;
mod cc;
mod cli;
mod diag;
mod doc;
mod exit_code;
mod grade;
mod host_file;
mod keyboard;
mod lab;
mod markdown;
mod options;
mod outputs;
mod print;
mod process;
mod program;
mod progress;
#[cfg(unix)]
mod raw_mode;
mod record;
mod repl;
mod replay;
mod reports;
mod run;
mod strace_log;
mod style;
#[cfg(unix)]
mod terminal;
mod test;
mod trace_file;
mod unfit;

pub use cc::is_there as has_compiler;
pub use cli::main;
pub use diag::draw;
pub use doc::{reference, since};
pub use host_file::fetcher;
pub use repl::{Answer, Shell};
pub use style::Colors;
