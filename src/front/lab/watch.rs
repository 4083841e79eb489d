//! `forklab lab watch`: checks the files of a student whenever one of them is saved.

use super::End;
use super::work::Work;
use crate::front::exit_code::INTERRUPTED;
use crate::front::print::{complain, print_painted};
use crate::front::process::Process;
use crate::front::style::Colors;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_millis(15);

/// Checks again and again, until Ctrl-C.
pub(super) fn run(process: &Process, mut work: Work, color: Colors) -> Result<String, End> {
    let folder = work.begun().folder;
    let mut seen = None;
    loop {
        if process.interrupt.is_raised() {
            return Err(End::Code(INTERRUPTED));
        }
        let now = stamp(&folder);
        if seen.as_ref() != Some(&now) {
            seen = Some(now);
            match work.checked(process, color) {
                Ok(text) => print_painted(&format!("{text}\n"))?,
                Err(why) => complain(&format!("forklab: {why}")),
            }
        }
        thread::sleep(PAUSE);
    }
}

/// The names of the files, with what changes when one of them is saved.
type Stamp = Vec<(OsString, u64, Option<SystemTime>)>;

#[expect(
    clippy::disallowed_types,
    reason = "whether a file was saved is a matter of the host"
)]
type SystemTime = std::time::SystemTime;

fn stamp(folder: &Path) -> Stamp {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Stamp = entries
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some((entry.file_name(), meta.len(), meta.modified().ok()))
        })
        .collect();
    all.sort();
    all
}
