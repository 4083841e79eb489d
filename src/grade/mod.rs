//! Grading a class: its hand-ins, the processes that grade them, what is kept in case of an
//! interruption, and what the marks say together. Showing it is the front end's business.

mod class;
mod crew;
mod csv;
mod graded;
mod gradescope;
mod html;
mod journal;
mod similar;
mod suites;
mod summary;
mod words;
mod worker;

pub use class::{HandIn, digest, hand_ins};
pub use crew::{Crew, Launch};
pub use csv::csv;
pub use graded::{End, Graded};
pub use gradescope::{file_name, gradescope};
pub use html::html;
pub use journal::{Header, Journal, Merged, read_journals};
pub use similar::{Pair, Print, alike, print_of};
pub use suites::report;
pub use summary::{Class, Miss};
pub use words::{one_line, plain};
pub use worker::{Job, serve};
