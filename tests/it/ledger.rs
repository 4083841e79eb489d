//! The ledger of fidelity names tests; they must exist.

use crate::layers::rust_files;
use std::fs;
use std::path::Path;

/// What stands in back ticks in the last cell of each table row.
fn named_in_last_cells(text: &str) -> Vec<&str> {
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let last_cells = rows.filter_map(|row| row.rsplit(" | ").next());
    last_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn every_test_and_script_that_the_ledger_names_exists() {
    let mut code = String::new();
    for folder in ["src", "tests"] {
        for path in rust_files(Path::new(folder)) {
            code.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let ledger = fs::read_to_string("docs/fidelity.md").unwrap();
    let named = named_in_last_cells(&ledger);
    assert!(named.len() > 200, "only {} names found", named.len());
    let missing: Vec<&str> = named
        .into_iter()
        .filter(|name| !code.contains(&format!("fn {name}(")) && !Path::new(name).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
