//! The options of `forklab grade`.

use crate::lab::Share;
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What is to be graded, and how.
#[derive(Args)]
pub(in crate::front) struct GradeArgs {
    /// Folder of the hand-ins: a file or a folder for each student
    #[arg(value_name = "HANDINS", required_unless_present = "merge")]
    pub(super) hand_ins: Option<PathBuf>,
    /// HANDINS is what one student has handed in
    #[arg(long, conflicts_with_all = ["merge", "partition"])]
    pub(super) one: bool,
    /// The lab: its folder, or the number or name of one of the course
    #[arg(long, value_name = "LAB")]
    pub(super) lab: String,
    /// Write a report: a file that ends in .csv, .html, .xml (JUnit), .json or .tap, or one of the
    /// names csv, html, junit, json, tap and gradescope; may be repeated
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    pub(super) report: Vec<String>,
    /// Mark hand-ins that are alike, whatever names they use
    #[arg(long)]
    pub(super) similar: bool,
    /// Give every student the variant of this seed, instead of that of the name
    #[arg(long, value_name = "SEED")]
    pub(super) seed: Option<u64>,
    /// Give the student the variant of the name in this submission_metadata.json of Gradescope, or
    /// that of seed 0 if there is no name
    #[arg(long, value_name = "FILE", requires = "one", conflicts_with = "seed")]
    pub(super) metadata: Option<PathBuf>,
    /// Where results are kept as soon as they are known, to go on after an interruption; beside the
    /// hand-ins by default
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Grade all again, even what the journal has
    #[arg(long, conflicts_with = "merge")]
    pub(super) fresh: bool,
    /// Grade only a share of the hand-ins, such as 1/4: four computers with 1/4 to 4/4 grade all
    #[arg(long, value_name = "I/N", default_value_t = Share::ALL, conflicts_with = "merge")]
    pub(super) partition: Share,
    /// Make one report of the journals of several shares
    #[arg(long, value_name = "JOURNAL", num_args = 1.., conflicts_with = "hand_ins")]
    pub(super) merge: Vec<PathBuf>,
    /// How many hand-ins are graded at once; as many as there are cores by default
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Kill what grades a hand-in for longer than that many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) timeout: u64,
    /// Compile C files of hand-ins with the C compiler of this computer, which reads whatever files
    /// they include
    #[arg(long)]
    pub(super) compile: bool,
}

/// What a worker process is told.
#[derive(Args)]
pub(in crate::front) struct WorkerArgs {
    /// The folder of the lab
    pub(super) lab: PathBuf,
    /// Compile C files of hand-ins
    #[arg(long)]
    pub(super) compile: bool,
}
