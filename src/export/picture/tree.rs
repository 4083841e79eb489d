//! A tree of processes as boxes, each to the right of its parent.

use super::{LINE, MARGIN, document, width_of, words};
use crate::view::{PsTree, TreeRow};
use svg::Document;
use svg::node::element::{Polyline, Rectangle};

/// How far a child stands to the right of its parent, pixels.
const INDENT: f64 = 48.0;
/// Height of a row, pixels.
const ROW: f64 = 30.0;

/// Draws a tree.
pub(super) fn picture(tree: &PsTree) -> Document {
    let right = |row: &TreeRow| left_of(row) + width_of(&label(row)) + 16.0;
    let width = tree.rows.iter().map(right).fold(100.0, f64::max) + MARGIN;
    let height = 2.0 * MARGIN + tree.rows.len() as f64 * ROW;
    let title = format!("The tree of {} tasks", tree.rows.len());
    let mut picture = document(width, height, &title);
    let mut above: Vec<f64> = Vec::new();
    for (number, row) in tree.rows.iter().enumerate() {
        let (x, y) = (left_of(row), MARGIN + number as f64 * ROW);
        above.truncate(row.depth);
        if let Some(parent) = above.last() {
            let stem = x - INDENT + 14.0;
            picture = picture.add(Polyline::new().set("class", "line").set(
                "points",
                format!(
                    "{stem:.0},{parent:.0} {stem:.0},{:.0} {x:.0},{:.0}",
                    y + 12.0,
                    y + 12.0
                ),
            ));
        }
        above.push(y + 24.0);
        let shape = Rectangle::new()
            .set("class", "box")
            .set("x", format!("{x:.0}"))
            .set("y", format!("{y:.0}"))
            .set("width", format!("{:.0}", width_of(&label(row)) + 16.0))
            .set("height", 24)
            .set("rx", if row.thread { 12 } else { 3 });
        // The boxes of zombies are dashed.
        let shape = if row.zombie {
            shape.set("stroke-dasharray", "4 3")
        } else {
            shape
        };
        picture = picture
            .add(shape)
            .add(words(x + 8.0, y + 0.9 * LINE, "name", &label(row)));
    }
    picture
}

fn left_of(row: &TreeRow) -> f64 {
    MARGIN + row.depth as f64 * INDENT
}

fn label(row: &TreeRow) -> String {
    let name = if row.thread {
        format!("{{{}}}", row.name)
    } else {
        row.name.clone()
    };
    let zombie = if row.zombie { " zombie" } else { "" };
    format!("{}:{name}{zombie}", row.pid)
}
