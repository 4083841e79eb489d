//! One term for one thing: words that the list in `docs/style.md` rules out stand nowhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Where texts for readers stand.
const PLACES: [&str; 5] = ["src", "docs", "scripts", "README.md", "CHANGELOG.md"];

/// Places where a word that is ruled out is right, each with a part of its line.
const EXCEPTIONS: [(&str, &str); 1] = [
    // The list itself.
    ("docs/style.md", ""),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The words of the last column of the list, with the term to be used instead.
fn ruled_out() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("docs/style.md")).expect("the guide can be read");
    let rows = text.lines().skip_while(|line| !line.starts_with("|---"));
    let mut words = Vec::new();
    for row in rows.skip(1).filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [term, _, not] = cells[..] else {
            panic!("three columns, not: {row}");
        };
        words.extend(
            not.split(", ")
                .map(|word| (word.to_lowercase(), term.to_owned())),
        );
    }
    words
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder can be read");
        for entry in entries {
            collect(&entry.expect("an entry can be read").path(), files);
        }
    } else if path
        .extension()
        .is_some_and(|ext| ext == "rs" || ext == "md" || ext == "rhai")
    {
        files.push(path.to_owned());
    }
}

/// Whether `word` stands in `line` with no letter, digit, `_` or `-` beside it.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// Comment marks and line breaks do not hide a phrase: the text of line and next line.
fn joined(line: &str, next: &str) -> String {
    let bare = |line: &str| {
        let line = line.trim().trim_start_matches(['/', '!', '\\']).trim();
        line.trim_end_matches('\\').trim_end().to_lowercase()
    };
    format!("{} {}", bare(line), bare(next))
}

#[test]
fn words_that_the_style_guide_rules_out_are_not_used() {
    let words = ruled_out();
    assert!(words.len() > 40, "the list is read: {words:?}");
    let mut files = Vec::new();
    for place in PLACES {
        collect(&root().join(place), &mut files);
    }
    files.sort();
    let mut found = String::new();
    for file in files {
        let name = file
            .strip_prefix(root())
            .expect("a file of ours")
            .display()
            .to_string();
        let text = fs::read_to_string(&file).expect("a text file");
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let next = lines.get(index + 1).copied().unwrap_or_default();
            let both = joined(line, next);
            let second = joined(next, "");
            for (word, term) in &words {
                let excepted = EXCEPTIONS
                    .iter()
                    .any(|(place, part)| name == *place && line.contains(part));
                if !excepted && has_word(&both, word) && !has_word(&second, word) {
                    found += &format!("{name}:{}: `{word}`: use {term}\n", index + 1);
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "words that docs/style.md rules out:\n{found}"
    );
}
