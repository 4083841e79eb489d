//! Scripts held against what they are known to print: transcripts, snapshots, and their comparison.
//! It returns data; what is shown of it is the front end's business.

mod collect;
mod runner;
mod snapshot;
mod transcript;

pub use collect::{Script, collect};
pub use runner::{Comparison, Verdict, check, stale};
pub use snapshot::Snapshot;
pub use transcript::{Draw, Transcript, transcript};
