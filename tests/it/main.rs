//! The integration tests, in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod c_programs;
mod causes;
#[path = "../common/class.rs"]
mod class;
mod cli;
mod compare;
mod conformance;
mod conventions;
mod course;
mod deadlocks;
mod determinism;
#[path = "../common/machine.rs"]
mod drive;
mod examples;
mod fields;
mod following;
mod foreign_files;
mod formats;
mod grade;
mod handlers;
mod lab;
mod lab_command;
mod labs_map;
mod layers;
mod ledger;
mod libraries;
mod life;
mod limits;
mod markdown;
mod marks;
mod messages;
mod model;
mod outlook;
mod pages;
mod process;
#[cfg(unix)]
mod programs;
mod promises;
mod prompt;
mod replay_command;
#[path = "../common/resume.rs"]
mod resume;
mod rules;
mod schemas;
mod scripts;
mod shell;
mod since;
mod syscalls;
mod test_command;
mod tour;
mod trace_files;
mod undo;
mod why;
mod workload_files;
mod workload_locks;
