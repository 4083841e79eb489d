//! The marks as a table for spreadsheets.

use super::summary::Class;
use super::words::plain;

/// The marks as CSV: a line for each student.
pub fn csv(class: &Class) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    let columns = ["student", "points", "of"].into_iter().map(str::to_owned);
    let tasks = class.tasks.iter().map(|task| cell(task));
    let mut rows = vec![
        columns
            .chain(tasks)
            .chain(["remark".to_owned()])
            .collect::<Vec<_>>(),
    ];
    for graded in &class.graded {
        let mut row = vec![
            cell(&graded.student),
            graded.points().to_string(),
            class.of.to_string(),
        ];
        for task in &class.tasks {
            let mark = graded
                .mark()
                .and_then(|mark| mark.tasks.iter().find(|one| one.id == *task));
            row.push(mark.map_or_else(|| "0".to_owned(), |mark| mark.points.to_string()));
        }
        row.push(cell(&graded.remark()));
        rows.push(row);
    }
    for line in &class.missing {
        // Nobody's row: whoever reads the table must not take it for the whole class.
        let mut row = vec![String::new(); class.tasks.len() + 3];
        row.push(cell(&format!("incomplete: {line}")));
        rows.push(row);
    }
    let written = rows.iter().try_for_each(|row| table.write_record(row));
    // All rows are of one length, and a vector takes everything.
    let bytes = written.ok().and_then(|()| table.into_inner().ok());
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

/// A text that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let text = plain(text);
    if text.starts_with(['=', '+', '-', '@']) {
        return format!("'{text}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, written) in [
            ("anna", "anna"),
            ("=1+1", "'=1+1"),
            ("\t@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+1\n=2", "'+1 =2"),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
