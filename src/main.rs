//! The `forklab` command.

use cap::Cap;
use std::alloc::System;
use std::process::ExitCode;

/// Counts allocations, so that scripts can be kept from using up the host's memory.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    ExitCode::from(forklab::front::main(args, Some(|| ALLOCATOR.allocated())))
}
