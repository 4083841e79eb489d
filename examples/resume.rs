//! Grades a generated class with a given forklab, kills it in the middle, lets it go on, and compares
//! the reports: `cargo run --example resume -- target/release/forklab 1000`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a proof that cannot go on fails, and says when it is done"
)]

#[path = "../tests/common/class.rs"]
mod class;
#[path = "../tests/common/resume.rs"]
mod resume;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let (Some(forklab), Some(size)) = (args.next(), args.next()) else {
        println!("usage: resume FORKLAB SIZE, in the root of the repository");
        return ExitCode::from(2);
    };
    let size = size.to_str().and_then(|size| size.parse().ok()).unwrap();
    resume::kill_and_go_on(&PathBuf::from(forklab), size);
    println!("{size} hand-ins: graded, killed, resumed and merged to the same reports");
    ExitCode::SUCCESS
}
