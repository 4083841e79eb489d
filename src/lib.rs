//! forklab: a deterministic, scriptable Linux 2.6.12 (i386) in a box.
//!
//! The modules below are in reading order, and dependencies point one way: a module uses only
//! modules listed before it.
//!
//! A [`Machine`] is the emulated machine alone. It changes only by commands:
//!
//! ```
//! use forklab::Machine;
//! use forklab::kernel::boot::Config;
//! use forklab::kernel::fork::SpawnArgs;
//! use forklab::machine::{Command, Reply};
//!
//! let mut machine = Machine::boot(Config::default())?;
//! let args = SpawnArgs::new("sh", 500);
//! let spawn = Command::Spawn { args, program: None, spin: false };
//! assert!(matches!(machine.apply(spawn), Ok(Reply::Spawned { .. })));
//! # Ok::<(), String>(())
//! ```
//!
//! A [`Session`] is a machine with the script layer:
//!
//! ```
//! use forklab::Session;
//! use forklab::script::Limits;
//!
//! let out = |line: &str| Ok(println!("{line}"));
//! let mut session = Session::new(Limits::default(), Box::new(out))?;
//! session.run(r#"print(spawn("sh").fork().pid);"#).map_err(|failure| failure.to_string())?;
//! assert_eq!(session.machine(|machine| machine.kernel.total_forks()), 3);
//! # Ok::<(), String>(())
//! ```

// Code that tests of the library share with other tests calls it by its name.
#[cfg(test)]
extern crate self as forklab;

pub mod abi;

pub mod trace;

pub mod hw;

pub mod kernel;

pub mod machine;

pub mod view;

pub mod import;

pub mod export;

pub mod compile;

pub mod dwarf;

pub mod report;

pub mod script;

pub mod lab;

pub mod course;

pub mod grade;

pub mod front;

pub use machine::Machine;
pub use script::Session;
