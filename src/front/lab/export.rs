//! What leaves the teacher's hands: a lab without its checks and solution, and a zip file that
//! grades hand-ins on Gradescope.

use super::End;
use super::work::put_missing;
use crate::course::{Files, Lab};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What students get of a lab.
fn shown(lab: &Lab) -> Files {
    let hidden = |name: &str| name == Lab::CHECKS || name.starts_with("solution/");
    let files = lab.files.iter().filter(|(name, _)| !hidden(name));
    files
        .map(|(name, bytes)| (name.clone(), bytes.clone()))
        .collect()
}

/// Writes what students get into a folder.
pub(super) fn for_students(lab: &Lab, to: &Path) -> Result<String, End> {
    let folder = to.join(&lab.name);
    let place = folder.display().to_string();
    if folder.exists() {
        return Err(format!("{place} exists already and is left as it is").into());
    }
    put_missing(&folder, &shown(lab)).map_err(|error| format!("{place}: {error}"))?;
    Ok(format!("{place}: without checks and solution"))
}

/// Installs forklab, which lies in the zip file itself.
const SETUP: &str = "#!/usr/bin/env bash\n\
set -eu\n\
install -m 755 /autograder/source/forklab /usr/local/bin/forklab\n";

/// Grades what was handed in.
const RUN: &str = "#!/usr/bin/env bash\n\
mkdir -p /autograder/results\n\
/usr/local/bin/forklab grade /autograder/submission --one --lab /autograder/source/@LAB@ \\\n\
    --metadata /autograder/submission_metadata.json --report /autograder/results/results.json\n\
test -s /autograder/results/results.json\n";

/// Writes the zip file of an autograder: the lab, this very program, and the two scripts that
/// Gradescope calls.
pub(super) fn autograder(lab: &Lab, to: &Path) -> Result<String, End> {
    let place = to.display().to_string();
    let trouble = |error: io::Error| End::Message(format!("{place}: {error}"));
    let program = std::env::current_exe()
        .and_then(fs::read)
        .map_err(trouble)?;
    let file = File::create_new(to).map_err(trouble)?;
    let mut zip = ZipWriter::new(file);
    let mut add = |name: &str, bytes: &[u8], mode: u32| -> io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .unix_permissions(mode);
        zip.start_file(name, options).map_err(io::Error::other)?;
        zip.write_all(bytes)
    };
    add("setup.sh", SETUP.as_bytes(), 0o755).map_err(trouble)?;
    let run = RUN.replace("@LAB@", &lab.name);
    add("run_autograder", run.as_bytes(), 0o755).map_err(trouble)?;
    add("forklab", &program, 0o755).map_err(trouble)?;
    for (name, bytes) in &lab.files {
        let name = format!("{}/{name}", lab.name);
        add(&name, bytes, 0o644).map_err(trouble)?;
    }
    zip.finish()
        .map_err(|error| trouble(io::Error::other(error)))?;
    Ok(format!(
        "{place}: upload it as the autograder of a programming assignment"
    ))
}
