//! The fields of every view, with their documentation: `docs/fields.md` is made from the source.

use crate::layers::rust_files;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// A struct that is serialised, with its fields.
struct Shape {
    name: String,
    about: String,
    fields: Vec<(String, String, String)>,
}

/// The serialised structs of a source text.
fn shapes(source: &str) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let (mut about, mut serialised) = (String::new(), false);
    let mut open: Option<Shape> = None;
    for line in source.lines() {
        let trimmed = line.trim();
        if let Some(text) = trimmed.strip_prefix("/// ") {
            about = format!("{about} {text}").trim().to_owned();
            continue;
        }
        if trimmed.starts_with("#[") {
            serialised |= trimmed.starts_with("#[derive") && trimmed.contains("Serialize");
            continue;
        }
        let text = std::mem::take(&mut about);
        if let Some(name) = line.strip_prefix("pub struct ").filter(|_| serialised) {
            let name = name.split([' ', '(', '<', '{']).next().unwrap().to_owned();
            if line.ends_with('{') {
                let fields = Vec::new();
                open = Some(Shape {
                    name,
                    about: text,
                    fields,
                });
            }
        } else if line == "}" {
            shapes.extend(open.take());
        } else if let (Some(shape), Some(field)) = (&mut open, trimmed.strip_prefix("pub "))
            && let Some((name, kind)) = field.trim_end_matches(',').split_once(": ")
        {
            shape.fields.push((name.to_owned(), kind.to_owned(), text));
        }
        serialised = false;
    }
    shapes
}

fn page() -> String {
    let mut page = String::from(
        "# Fields of views\n\nThe data of a view, in scripts (`ps().rows[0].pid`) and in JSON. \
         Types are those of the source: `Option` may be `null`, `Vec` is an array, `Pid` a number.\n\
         This page is made from the source; the test `fields` checks it, and writes it if \
         `UPDATE_DOCS` is set.\n",
    );
    for folder in ["src/view", "src/import"] {
        for path in rust_files(Path::new(folder)) {
            for shape in shapes(&fs::read_to_string(path).unwrap()) {
                let _ = write!(
                    page,
                    "\n## {}\n\n{}\n\n| field | type | meaning |\n|---|---|---|\n",
                    shape.name, shape.about
                );
                for (name, kind, text) in shape.fields {
                    let text = text.replace('|', "\\|");
                    let _ = writeln!(page, "| `{name}` | `{kind}` | {text} |");
                }
            }
        }
    }
    page
}

#[test]
fn each_field_of_a_view_is_documented() {
    let page = page();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        assert!(!line.ends_with("|  |"), "{line}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write("docs/fields.md", &page).unwrap();
    }
    assert!(page.matches("\n## ").count() > 80);
    assert_eq!(fs::read_to_string("docs/fields.md").unwrap(), page);
}
