//! Tests of scripts against their snapshots: transcripts, snapshots, and their comparison. It
//! returns data; showing it is the front end's business.

mod collect;
mod conflict;
mod pool;
mod runner;
mod share;
mod snapshot;
mod transcript;
mod watchdog;

pub use collect::{LAB_MANIFEST, LAB_SCRIPT, Script, Scripts, collect, collect_matching};
pub use pool::{Pool, in_order};
pub use runner::{Comparison, Update, Verdict, check, stale};
pub use share::Share;
pub use snapshot::Snapshot;
pub use transcript::{Draw, Transcript, transcript};
pub use watchdog::{Watchdog, Watched, watching};
