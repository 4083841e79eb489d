//! The `forklab` command.

fn main() {}
