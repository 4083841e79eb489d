//! Which scripts there are below a folder, their names in messages, and where their snapshots are.

use super::Snapshot;
use globset::GlobBuilder;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use walkdir::WalkDir;

/// The file that makes a folder a lab.
pub const LAB_MANIFEST: &str = "lab.toml";
/// The script of a lab that learners run.
pub const LAB_SCRIPT: &str = "lab.rhai";

/// A script to be tested.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// Path of the script file.
    pub path: PathBuf,
    /// The folder's name and the path below it, with `/`: the same from every working directory.
    pub label: String,
    /// Its snapshot, which may not exist yet.
    pub snapshot: Snapshot,
    /// Whether it is a link to a file outside of the folder, which whoever wrote the folder may not
    /// be allowed to read.
    pub is_elsewhere: bool,
}

/// The scripts of a path: the file itself, or all `.rhai` files below a folder, by name.
///
/// The snapshots are in a folder named `snapshots` next to the folder of the scripts. Each is named
/// after that folder and the path below it: the snapshot of `scripts/cow/first.rhai` is
/// `snapshots/scripts@cow__first.rhai.snap`. The folder is the nearest one named `scripts`, at the
/// path itself or above it; if there is none, the path itself, or the folder that contains the
/// file.
///
/// # Errors
/// If the path cannot be read.
pub fn collect(path: &Path) -> io::Result<Vec<Script>> {
    let path = fs::canonicalize(path)?;
    let root = root_of(&path);
    let mut scripts = Vec::new();
    for entry in WalkDir::new(&path).follow_links(true).sort_by_file_name() {
        let entry = entry?;
        let is_named = entry.depth() == 0;
        let is_script = entry.path().extension().is_some_and(|end| end == "rhai");
        let is_script = is_script && !is_part_of_lab(entry.path());
        if entry.file_type().is_file() && (is_named || is_script) {
            let is_elsewhere = !fs::canonicalize(entry.path())?.starts_with(&path);
            scripts.push(Script {
                is_elsewhere,
                ..Script::below(&root, entry.path())
            });
        }
    }
    Ok(scripts)
}

/// What a path or a pattern names.
pub struct Scripts {
    /// The scripts, by name.
    pub scripts: Vec<Script>,
    /// The folder, if they are all of its scripts.
    pub whole: Option<PathBuf>,
}

/// The scripts of a path, as [`collect`] finds them, or of a pattern such as
/// `scripts/**/cow_*.rhai`. A file whose name looks like a pattern is that file.
///
/// # Errors
/// If the path cannot be read, or the pattern cannot be understood.
pub fn collect_matching(path: &Path) -> io::Result<Scripts> {
    let is_pattern = |part: Component| {
        let part = part.as_os_str().to_string_lossy();
        part.contains(['*', '?', '[', '{'])
    };
    if path.exists() || !path.components().any(is_pattern) {
        let scripts = collect(path)?;
        let whole = path.is_dir().then(|| path.to_owned());
        return Ok(Scripts { scripts, whole });
    }
    // The part without wildcards is a folder; the rest is matched below it.
    let plain: PathBuf = path
        .components()
        .take_while(|part| !is_pattern(*part))
        .collect();
    let rest = path.strip_prefix(&plain).unwrap_or(path);
    let pattern = GlobBuilder::new(&rest.to_string_lossy())
        .literal_separator(true)
        .build()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?
        .compile_matcher();
    let plain = if plain.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &plain
    };
    let folder = fs::canonicalize(plain)?;
    let mut scripts = collect(&folder)?;
    scripts.retain(|script| {
        let below = script.path.strip_prefix(&folder);
        below.is_ok_and(|below| pattern.is_match(below))
    });
    Ok(Scripts {
        scripts,
        whole: None,
    })
}

/// Whether a script belongs to a lab, but is not the one that learners run: checks and solutions run
/// only when something is graded.
fn is_part_of_lab(script: &Path) -> bool {
    let lab = script
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(LAB_MANIFEST).is_file());
    lab.is_some_and(|lab| script != lab.join(LAB_SCRIPT))
}

/// The folder that the snapshots of a file or folder are named after.
pub(super) fn root_of(path: &Path) -> PathBuf {
    let is_scripts = |folder: &&Path| folder.file_name().is_some_and(|name| name == "scripts");
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let named = folder.ancestors().find(is_scripts);
    named.unwrap_or(folder).to_owned()
}

impl Script {
    fn below(root: &Path, file: &Path) -> Self {
        let below = file.strip_prefix(root).unwrap_or(file);
        let parts: Vec<String> = below
            .components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect();
        let folder = root
            .file_name()
            .map_or_else(|| "scripts".into(), |name| name.to_string_lossy());
        let name = format!("{folder}@{}.snap", parts.join("__"));
        let beside = root.parent().unwrap_or(root);
        Self {
            path: file.to_owned(),
            label: format!("{folder}/{}", parts.join("/")),
            snapshot: Snapshot::at(beside.join("snapshots").join(name)),
            is_elsewhere: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_the_same_snapshot_by_file_and_by_folder() {
        let by_folder = collect(Path::new("scripts")).unwrap();
        assert!(by_folder.len() > 5);
        let labs = collect(Path::new("scripts/labs")).unwrap();
        assert!(labs.len() >= 5 && labs.iter().all(|lab| by_folder.contains(lab)));
        for script in by_folder {
            assert_eq!(collect(&script.path).unwrap(), [script]);
        }
    }

    #[test]
    fn a_pattern_picks_scripts_with_the_snapshots_that_they_have() {
        let labels = |pattern: &str| -> Vec<String> {
            let found = collect_matching(Path::new(pattern)).unwrap();
            assert!(found.whole.is_none(), "{pattern}");
            let scripts = found.scripts.into_iter();
            scripts.map(|script| script.label).collect()
        };
        assert_eq!(labels("scripts/c[ou]w.rhai"), ["scripts/cow.rhai"]);
        assert_eq!(labels("scripts/{cow,vfork}.rhai").len(), 2);
        assert_eq!(labels("scripts/*/nothing.rhai"), [""; 0]);
        let below = labels("scripts/**/*.rhai");
        assert_eq!(below.len(), collect(Path::new("scripts")).unwrap().len());
        // A star stays within a folder.
        assert!(labels("scripts/*.rhai").len() < below.len());
        let bad = collect_matching(Path::new("scripts/[.rhai"));
        assert_eq!(
            bad.err().map(|error| error.kind()),
            Some(io::ErrorKind::InvalidInput)
        );
    }

    #[test]
    fn folders_become_part_of_the_name() {
        let root = Path::new("/work/scripts");
        let script = Script::below(root, Path::new("/work/scripts/labs/01.rhai"));
        assert_eq!(script.label, "scripts/labs/01.rhai");
        let snapshot = Path::new("/work/snapshots/scripts@labs__01.rhai.snap");
        assert_eq!(script.snapshot, Snapshot::at(snapshot.to_owned()));
    }
}
