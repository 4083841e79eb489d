//! The front ends: the only part that reads arguments and files, and prints.

mod cli;
mod exit_code;
mod run;

pub use cli::main;
