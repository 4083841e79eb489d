//! The ledger of fidelity: the tests that it names exist, and no two of its rows give one thing
//! different statuses.

use crate::layers::rust_files;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A row of one of the ledger's tables.
struct Row<'a> {
    cells: Vec<&'a str>,
}

impl<'a> Row<'a> {
    /// What the row is about: its text up to a colon, without asides, cut at commas and the like.
    /// Behind the colon are parts of that.
    fn things(&self) -> BTreeSet<String> {
        let what = match self.status() {
            Some(_) => self.cells[0],
            None => self.cells[1],
        };
        let mut text = what.replace(['`', '"'], "");
        while let (Some(from), Some(to)) = (text.find('('), text.find(')')) {
            text.replace_range(from..=to, "");
        }
        let topic = text.split(':').next().unwrap_or_default();
        let things = [";", " and ", " or "]
            .iter()
            .fold(topic.to_owned(), |text, separator| {
                text.replace(separator, ",")
            });
        let things = things.split(',').map(|thing| thing.trim().to_lowercase());
        things.filter(|thing| !thing.is_empty()).collect()
    }

    /// The names of functions and constants that it has, without those of tests.
    fn names(&self) -> BTreeSet<&'a str> {
        let cells = match self.status() {
            Some(_) => [self.cells[0], self.cells[2]],
            None => [self.cells[1], ""],
        };
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let words = cells
            .into_iter()
            .flat_map(|cell| cell.split(|c| !is_part(c)));
        words.filter(|word| word.contains('_')).collect()
    }

    /// The status; `None` for a worked example, which has none.
    fn status(&self) -> Option<&'a str> {
        let status = ["exact", "simplified", "absent"];
        (self.cells.len() == 4 && status.contains(&self.cells[1])).then(|| self.cells[1])
    }

    /// Whether it says that a thing is there.
    fn is_there(&self) -> bool {
        match self.status() {
            Some(status) => status != "absent",
            None => self.cells.len() == 3 && self.cells[2].starts_with('`'),
        }
    }
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect());
    cells.map(|cells| Row { cells }).collect()
}

/// What the ledger says in one place and denies in another.
fn contradictions(text: &str) -> Vec<String> {
    let rows = rows(text);
    let mut found = Vec::new();
    let mut statuses: BTreeMap<String, &str> = BTreeMap::new();
    for row in &rows {
        let Some(status) = row.status() else { continue };
        for thing in row.things() {
            let other = *statuses.entry(thing.clone()).or_insert(status);
            if other != status {
                found.push(format!("\"{thing}\" is {other} and {status}"));
            }
        }
    }
    for absent in rows.iter().filter(|row| row.status() == Some("absent")) {
        for row in rows.iter().filter(|row| row.is_there()) {
            let things = absent.things();
            let example = row.status().is_none();
            let both = row
                .things()
                .into_iter()
                .filter(|thing| example && things.contains(thing));
            found.extend(
                both.map(|thing| format!("\"{thing}\" is absent, and an example shows it")),
            );
            let names = absent.names();
            let both = row.names().into_iter().filter(|name| names.contains(name));
            found.extend(
                both.map(|name| {
                    format!("{name} is absent, and in the row of \"{}\"", row.cells[0])
                }),
            );
        }
    }
    found
}

fn ledger() -> String {
    fs::read_to_string("docs/fidelity.md").unwrap()
}

#[test]
fn every_test_and_script_that_the_ledger_names_exists() {
    let mut code = String::new();
    for folder in ["src", "tests"] {
        for path in rust_files(Path::new(folder)) {
            code.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let ledger = ledger();
    let rows = rows(&ledger);
    let last_cells = rows.iter().filter_map(|row| row.cells.last());
    let named: Vec<&str> = last_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 200, "only {} names found", named.len());
    let missing: Vec<&str> = named
        .into_iter()
        .filter(|name| !code.contains(&format!("fn {name}(")) && !Path::new(name).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_two_rows_give_one_thing_different_statuses() {
    let ledger = ledger();
    let with_status = rows(&ledger)
        .iter()
        .filter(|row| row.status().is_some())
        .count();
    assert!(with_status > 150, "only {with_status} rows found");
    let found = contradictions(&ledger);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_contradiction_is_found_by_its_words_or_by_a_name() {
    for (first, second, found) in [
        (
            "| mmap of a file (ENODEV), read and write on files | absent | | |",
            "| read, `write` on files | exact | fs/read_write.c: sys_read() | `a` |",
            vec![
                "\"read\" is absent and exact",
                "\"write on files\" is absent and exact",
            ],
        ),
        (
            "| keys, kernel threads | absent | | |",
            "| W7 | other nice values, kernel threads | `b` |",
            vec!["\"kernel threads\" is absent, and an example shows it"],
        ),
        (
            "| keys, kernel threads | absent | | |",
            "| W7 | other nice values, kernel threads | waits for them |",
            vec![],
        ),
        (
            "| get_user_pages by a tracer | absent | | |",
            "| words of memory | exact | mm/memory.c: get_user_pages() | `c` |",
            vec!["get_user_pages is absent, and in the row of \"words of memory\""],
        ),
        (
            "| mmap: limits | exact | mm/mmap.c: do_mmap_pgoff() | `d` |",
            "| mmap of two pages: limits | simplified | mm/mmap.c: do_mmap_pgoff() | `e` |",
            vec![],
        ),
    ] {
        assert_eq!(contradictions(&format!("{first}\n{second}\n")), found);
    }
}
