//! The way of a call through `do_fork` from top to bottom; several calls have a lane each.

use super::shapes::{BOX, Look, PADDING, arrow, labelled, line};
use super::{LINE, MARGIN, color, document, width_of, words};
use crate::view::{Mark, Path, PathStep, Paths};
use svg::Document;
use svg::node::element::{Circle, Rectangle};

/// Height of a step, pixels.
const ROW: f64 = 34.0;
/// How far a step inside another stands to the right, pixels.
const INDENT: f64 = 32.0;
/// Height of a step where calls are side by side, pixels.
const LANE_ROW: f64 = 22.0;
/// Radius of a mark in a lane, pixels.
const DOT: f64 = 6.0;

/// Draws one call.
pub(super) fn one(path: &Path) -> Document {
    let left = |step: &PathStep| MARGIN + f64::from(step.depth) * INDENT;
    let label = |step: &PathStep| format!("{} {}", tick(step.mark), step.step);
    let box_width = |step: &PathStep| width_of(&label(step)) + 2.0 * PADDING;
    let right = |step: &PathStep| left(step) + box_width(step) + 12.0 + width_of(&step.why);
    let width = path.steps.iter().map(right).fold(420.0, f64::max) + MARGIN;
    let top = MARGIN + 1.5 * LINE;
    let height = top + path.steps.len() as f64 * ROW + 2.0 * LINE + MARGIN;
    let returned = match (path.error, path.value) {
        (Some(error), _) => format!("returns -{error}"),
        (None, Some(value)) => format!("returns {value}"),
        (None, None) => "is still inside".to_owned(),
    };
    let title = format!("do_fork by {}:{} {returned}", path.pid, path.name);
    let mut picture = document(width, height, &title);
    picture = picture.add(words(MARGIN, MARGIN + 0.75 * LINE, "heading", &title));
    let mut before: Option<(f64, f64)> = None;
    for (number, step) in path.steps.iter().enumerate() {
        let (x, y) = (left(step), top + number as f64 * ROW);
        if step.mark.is_taken() || step.mark == Mark::Failed {
            let stem = x + 14.0;
            if let Some((old_x, old_y)) = before {
                // A step further in is reached from the side.
                picture = if stem > old_x {
                    let turn = (old_x, y + BOX / 2.0);
                    arrow(line(picture, (old_x, old_y), turn), turn, (x, turn.1))
                } else {
                    arrow(picture, (stem, old_y), (stem, y))
                };
            }
            before = Some((stem, y + BOX));
        }
    }
    // The boxes come last: the arrows pass behind the steps that were not taken.
    for (number, step) in path.steps.iter().enumerate() {
        let (x, y) = (left(step), top + number as f64 * ROW);
        let (look, class) = match step.mark {
            Mark::Taken | Mark::Shared | Mark::Own => (Look::Plain, "plain"),
            Mark::Failed => (Look::Strong, "bad"),
            Mark::NotTaken | Mark::NotReached => (Look::Dashed, "dim"),
        };
        let width = box_width(step);
        picture = labelled(picture, (x, y), width, look, (class, &label(step)));
        let place = (x + width + 12.0, y + 0.9 * LINE);
        picture = picture.add(words(place.0, place.1, "dim", &step.why));
    }
    let legend = "✓ taken   · not taken (dashed)   ✗ failed (thick)";
    picture.add(words(MARGIN, height - MARGIN, "dim", legend))
}

/// Draws several calls side by side.
pub(super) fn many(paths: &Paths) -> Document {
    let label = |depth: u8, step: &str| "  ".repeat(usize::from(depth)) + step;
    let steps = paths
        .rows
        .iter()
        .map(|row| width_of(&label(row.depth, row.step)));
    let left = MARGIN + steps.fold(width_of("return pid"), f64::max) + 16.0;
    let lanes: Vec<f64> = paths
        .labels
        .iter()
        .map(|label| width_of(label).max(56.0) + 20.0)
        .collect();
    let middle = |lane: usize| left + lanes[..lane].iter().sum::<f64>() + lanes[lane] / 2.0;
    let width = left + lanes.iter().sum::<f64>() + MARGIN;
    let top = MARGIN + 1.5 * LINE;
    let height = top + (paths.rows.len() + 1) as f64 * LANE_ROW + 1.5 * LINE + MARGIN;
    let title = format!("{} calls of do_fork side by side", paths.paths.len());
    let legend = "dot: taken   full square: shared   empty square: own   cross: failed";
    let width = width.max(width_of(legend) + 2.0 * MARGIN);
    let mut picture = document(width, height, &title);
    for (number, row) in paths.rows.iter().enumerate() {
        let y = top + (number as f64 + 0.7) * LANE_ROW;
        picture = picture.add(words(MARGIN, y, "plain", &label(row.depth, row.step)));
    }
    let below = top + paths.rows.len() as f64 * LANE_ROW;
    picture = picture.add(words(
        MARGIN,
        below + 0.7 * LANE_ROW,
        "heading",
        "return pid",
    ));
    for (lane, (name, path)) in paths.labels.iter().zip(&paths.paths).enumerate() {
        let x = middle(lane);
        let centred = |text: &str| x - width_of(text) / 2.0;
        picture = picture.add(words(centred(name), MARGIN + 0.75 * LINE, "heading", name));
        let mut before = None;
        for (number, row) in paths.rows.iter().enumerate() {
            let y = top + (number as f64 + 0.5) * LANE_ROW;
            let Some(mark) = row.marks.get(lane).copied() else {
                continue;
            };
            if mark.is_taken() || mark == Mark::Failed {
                if let Some(from) = before {
                    picture = line(picture, (x, from), (x, y - DOT));
                }
                before = Some(y + DOT);
            }
            picture = dot(picture, (x, y), mark, color(lane));
        }
        let end = match (path.error, path.value) {
            (Some(error), _) => format!("-{error}"),
            (None, Some(value)) => value.to_string(),
            (None, None) => "inside".to_owned(),
        };
        let class = if path.error.is_some() { "bad" } else { "name" };
        picture = picture.add(words(centred(&end), below + 0.7 * LANE_ROW, class, &end));
    }
    picture.add(words(MARGIN, height - MARGIN, "dim", legend))
}

/// The mark of a step in a lane.
fn dot(picture: Document, (x, y): (f64, f64), mark: Mark, color: &'static str) -> Document {
    let square = || {
        Rectangle::new()
            .set("x", format!("{:.1}", x - DOT))
            .set("y", format!("{:.1}", y - DOT))
            .set("width", 2.0 * DOT)
            .set("height", 2.0 * DOT)
            .set("stroke", color)
            .set("stroke-width", 2)
    };
    let round = |radius: f64| {
        Circle::new()
            .set("cx", format!("{x:.1}"))
            .set("cy", format!("{y:.1}"))
            .set("r", radius)
    };
    match mark {
        Mark::Taken => picture.add(round(DOT).set("fill", color)),
        Mark::Shared => picture.add(square().set("fill", color)),
        Mark::Own => picture.add(square().set("class", "back")),
        Mark::Failed => {
            let cross = "✗";
            picture.add(words(
                x - width_of(cross) / 2.0,
                y + 0.25 * LINE,
                "bad",
                cross,
            ))
        }
        Mark::NotTaken | Mark::NotReached => picture.add(round(1.5).set("class", "head")),
    }
}

const fn tick(mark: Mark) -> &'static str {
    match mark {
        Mark::Taken | Mark::Shared | Mark::Own => "✓",
        Mark::NotTaken | Mark::NotReached => "·",
        Mark::Failed => "✗",
    }
}
