//! Tests of scripts against their snapshots: transcripts, snapshots, and their comparison. It
//! returns data; showing it is the front end's business.

mod collect;
mod runner;
mod snapshot;
mod transcript;

pub use collect::{LAB_MANIFEST, LAB_SCRIPT, Script, collect};
pub use runner::{Comparison, Verdict, check, stale};
pub use snapshot::Snapshot;
pub use transcript::{Draw, Transcript, transcript};
