//! The `forklab` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(forklab::front::main(std::env::args_os()))
}
