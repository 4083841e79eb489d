//! `forklab lab watch`: checks the files of a student whenever one of them is saved.

use super::End;
use super::work::Work;
use crate::front::exit_code::INTERRUPTED;
use crate::front::print::{complain, print_painted};
use crate::front::process::Process;
use crate::front::style::{Colors, paint_words, visible};
use crate::view::Role;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The length of the line before a mark.
const LINE: usize = 40;
/// How often the files are looked at.
const PAUSE: Duration = Duration::from_millis(10);
/// How often in a row they must look the same: editors empty a file before they write it.
const QUIET: u32 = 4;

/// Checks again and again, until Ctrl-C.
pub(super) fn run(process: &Process, mut work: Work, color: Colors) -> Result<String, End> {
    let folder = work.begun().folder;
    let shown = folder.display().to_string();
    let shown = visible(&shown);
    print_painted(&format!(
        "watching {shown}: whatever you save there is checked; Ctrl-C ends this"
    ))?;
    let mut checked = None;
    let mut last = stamp(&folder);
    let mut same = QUIET;
    loop {
        if process.interrupt.is_raised() {
            return Err(End::Code(INTERRUPTED));
        }
        if same >= QUIET && checked.as_ref() != Some(&last) {
            checked = Some(last.clone());
            print_painted(&paint_words(&"-".repeat(LINE), Role::Dim, color))?;
            match work.checked(process, color) {
                Ok(text) => print_painted(&text)?,
                Err(why) => complain(&format!("forklab: {why}")),
            }
        }
        thread::sleep(PAUSE);
        let now = stamp(&folder);
        same = if now == last { same + 1 } else { 1 };
        last = now;
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
