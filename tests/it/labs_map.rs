//! `docs/labs-map.md` knows each lab, and what it says of a lab is what its manifest says.

use forklab::course::find_labs;
use std::fs;
use std::path::Path;

#[test]
fn the_map_lists_each_lab_with_its_tasks() {
    let map = fs::read_to_string("docs/labs-map.md").unwrap();
    let (labs, errors) = find_labs(Path::new("scripts/labs")).unwrap();
    assert_eq!(errors, []);
    for lab in &labs {
        let link = format!(
            "](../scripts/labs/{}/README.md) | {} |",
            lab.name, lab.minutes
        );
        let row = map.lines().find(|line| line.contains(&link));
        let row = row.unwrap_or_else(|| panic!("docs/labs-map.md has no row for {link}"));
        let written = lab.tasks.iter().filter(|task| !task.kind.is_asked());
        for task in written {
            assert!(
                row.contains(&format!("`{}`", task.id)),
                "{} in {row}",
                task.id
            );
        }
    }
}

/// Each lab has something to write besides its questions, and hints for it.
#[test]
fn each_lab_has_something_to_write_and_hints_for_it() {
    let (labs, _) = find_labs(Path::new("scripts/labs")).unwrap();
    assert!(labs.len() >= 31);
    for lab in &labs {
        let hints = fs::read_to_string(format!("scripts/labs/{}/hints.md", lab.name)).unwrap();
        let written: Vec<_> = lab
            .tasks
            .iter()
            .filter(|task| !task.kind.is_asked())
            .collect();
        assert!(!written.is_empty(), "{}", lab.name);
        for task in written {
            assert!(
                hints.contains(&format!("## {}\n\n1. ", task.id)),
                "{}",
                lab.name
            );
        }
    }
}
