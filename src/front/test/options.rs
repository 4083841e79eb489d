//! The options of `forklab test`.

use crate::lab::{Share, Update};
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What is to be tested, and how.
#[derive(Args)]
pub(in crate::front) struct TestArgs {
    /// Scripts, folders of scripts, or patterns such as 'scripts/**/cow_*.rhai'
    #[arg(value_name = "PATH", default_value = "scripts")]
    pub(super) paths: Vec<PathBuf>,
    /// Accept what the scripts print now as the new snapshots
    #[arg(long)]
    accept: bool,
    /// Show one difference after another, and ask whether to accept it
    #[arg(long, conflicts_with_all = ["accept", "check"])]
    pub(super) review: bool,
    /// Write no files: without this, what differs waits for review in a file .snap.new
    #[arg(long, conflicts_with = "accept")]
    check: bool,
    /// What to do about snapshots that belong to no script
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Unreferenced::Fail)]
    pub(super) unreferenced: Unreferenced,
    /// Write a report: a file that ends in .xml (JUnit), .json or .tap, or one of the names junit,
    /// json and tap; may be repeated
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    pub(super) report: Vec<String>,
    /// List the scripts that took longest, that many
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10")]
    pub(super) slowest: Option<usize>,
    /// Test only a share of the scripts, such as 1/4: four computers with 1/4 to 4/4 test all
    #[arg(long, value_name = "I/N", default_value_t = Share::ALL)]
    pub(super) partition: Share,
    /// How many scripts run at once; as many as there are cores by default
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Stop a script after so many seconds; --max-work is a deadline that is the same everywhere
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) timeout: u64,
}

/// What to do about snapshots that belong to no script.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Unreferenced {
    /// Do not look for them
    Ignore,
    /// Name them, and fail
    Fail,
    /// Delete them; with --check, name them and fail
    Delete,
}

impl TestArgs {
    /// Whether snapshots that belong to no script are deleted.
    pub(super) fn deletes(&self) -> bool {
        self.unreferenced == Unreferenced::Delete && !self.check
    }

    /// What becomes of output that differs from its snapshot.
    pub(super) const fn update(&self) -> Update {
        if self.accept {
            Update::Accept
        } else if self.check {
            Update::Nothing
        } else {
            Update::Pending
        }
    }
}
