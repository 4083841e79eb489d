//! Dependencies point one way: a file names only layers to the left of its own in the list of
//! layers, and, within a layer that has rooms, only rooms to the left of its own.

use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

const LAYERS: [&str; 16] = [
    "abi", "trace", "hw", "kernel", "machine", "view", "import", "export", "compile", "dwarf",
    "report", "script", "lab", "course", "grade", "front",
];

/// The rooms of a layer, in the order in which they may use each other. What stands in the layer
/// itself, beside the rooms, is either used by all of them or uses all of them.
///
/// The rooms of `script` are not ordered: what the functions of the engine raise is explained with
/// the names of these functions.
const ROOMS: [(&str, &[&str]); 2] = [
    (
        "kernel",
        &[
            "syscall", "task", "sched", "signal", "time", "tty", "fs", "mm", "ipc", "exit",
            "ptrace", "exec", "fork", "proc",
        ],
    ),
    (
        "view",
        &["memory", "process", "programs", "trace", "scheduling"],
    ),
];

/// The Rust files below a folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
    let paths = entries.map(|entry| entry.unwrap().into_path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// The modules that a source text names behind `prefix`, with the lines where it does.
fn named_behind<'a>(source: &'a str, prefix: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    source.lines().enumerate().flat_map(move |(number, line)| {
        let code = line.split("//").next().unwrap_or_default();
        code.split(prefix).skip(1).map(move |rest| {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            (number + 1, &rest[..end])
        })
    })
}

/// The files below a folder that name a module to the right of `place` in `order`. A name that is
/// not in the list at all is one too, if `complete`.
fn against_the_order(
    folder: &Path,
    prefix: &str,
    order: &[&str],
    place: usize,
    complete: bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in rust_files(folder) {
        // Tests build their situations with whatever makes them.
        if path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
            && !complete
        {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for (line, named) in named_behind(&source, prefix) {
            let allowed = order.iter().position(|other| *other == named);
            if allowed.map_or(complete, |other| other > place) {
                wrong.push(format!("{}:{line} names {named}", path.display()));
            }
        }
    }
    wrong
}

#[test]
fn a_file_names_only_layers_to_its_left() {
    for (place, layer) in LAYERS.iter().enumerate() {
        let folder = Path::new("src").join(layer);
        let wrong = against_the_order(&folder, "crate::", &LAYERS, place, true);
        assert!(
            wrong.is_empty(),
            "against the order {LAYERS:?}:\n{}",
            wrong.join("\n")
        );
    }
}

#[test]
fn a_file_names_only_rooms_to_its_left() {
    for (layer, rooms) in ROOMS {
        let prefix = format!("crate::{layer}::");
        for (place, room) in rooms.iter().enumerate() {
            let folder = Path::new("src").join(layer).join(room);
            let wrong = against_the_order(&folder, &prefix, rooms, place, false);
            assert!(
                wrong.is_empty(),
                "against the order {rooms:?} of {layer}:\n{}",
                wrong.join("\n")
            );
        }
    }
}

#[test]
fn the_rooms_of_a_layer_are_its_folders() {
    for (layer, rooms) in ROOMS {
        let folder = Path::new("src").join(layer);
        let mut folders: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let mut rooms = rooms.to_vec();
        rooms.sort_unstable();
        assert_eq!(folders, rooms, "{layer}");
    }
}

/// `sched/` is a subsystem of its own: but for the files that tie it to the tasks of the kernel, and
/// the rules of a changed kernel, it knows nothing else of it.
#[test]
fn the_scheduler_itself_names_nothing_else_of_the_kernel() {
    const TIES: [&str; 3] = ["migration.rs", "priority.rs", "switch.rs"];
    for path in rust_files(Path::new("src/kernel/sched")) {
        if TIES.iter().any(|tie| path.ends_with(tie)) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let named: Vec<_> = named_behind(&source, "crate::kernel::")
            .filter(|(_, named)| !["sched", "rules"].contains(named))
            .collect();
        assert!(named.is_empty(), "{}: {named:?}", path.display());
    }
}

/// The page allocator hands out frames without knowing what for.
#[test]
fn the_page_allocator_names_nothing_else_of_the_kernel() {
    for path in rust_files(Path::new("src/kernel/mm/alloc")) {
        let source = fs::read_to_string(&path).unwrap();
        // `super` is the allocator in its files, and all of memory management in its `mod.rs`.
        let outside = if path.ends_with("mod.rs") {
            "super::"
        } else {
            "super::super::"
        };
        let outwards = named_behind(&source, outside);
        let kernel = named_behind(&source, "crate::kernel::")
            .filter(|(_, named)| !["mm", "chunks"].contains(named));
        let mm =
            named_behind(&source, "crate::kernel::mm::").filter(|(_, named)| *named != "alloc");
        let named: Vec<_> = outwards.chain(kernel).chain(mm).collect();
        assert!(named.is_empty(), "{}: {named:?}", path.display());
    }
}

#[test]
fn the_crate_has_exactly_these_layers_in_this_order() {
    let root = fs::read_to_string("src/lib.rs").unwrap();
    let modules: Vec<&str> = root
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(modules, LAYERS);
}

#[test]
fn every_file_says_in_its_first_line_what_it_is_about() {
    for path in rust_files(Path::new("src")) {
        let source = fs::read_to_string(&path).unwrap();
        assert!(
            source.starts_with("//! "),
            "{} opens with no //! paragraph",
            path.display()
        );
    }
}
