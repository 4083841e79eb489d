//! Workloads: tasks that follow a list of steps, the files that list such tasks, and their arrival
//! in the machine.

mod arrivals;
mod file;
mod line;
mod locks;
mod steps;
mod steps_text;
mod task;
mod words;

pub(super) use arrivals::Arrivals;
pub use file::{ListedTask, WorkloadFile, lists_tasks};
pub use line::FileError;
pub(super) use locks::Locks;
pub(super) use steps_text::Workload;
pub use steps_text::{ParseError, Step, WorkloadProgram};
