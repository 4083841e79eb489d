//! Labs: exercises with hidden checks, what a student hands in, and the mark that comes of both. It
//! returns data; showing it is the front end's business.

mod answers;
mod fields;
mod grade;
mod hints;
mod lab;
mod manifest;
mod mark;
mod progress;
mod record;
mod submission;
mod verify;

pub use answers::Answers;
pub use grade::{Grader, Key, grade, key, solution, stack};
pub use hints::Hints;
pub use lab::{Files, Lab, LabError, Problem, find_labs};
pub use manifest::{Kind, Task};
pub use mark::{Mark, Reason, Stopped, TaskMark};
pub use progress::{Begun, Progress, ProgressError};
pub use record::{Note, Record};
pub use submission::{Submission, SubmissionError};
pub use verify::{Fault, verify};
