//! Worlds side by side: for each figure that differs, a bar for each world.

use super::{LINE, MARGIN, color, document, width_of, words};
use crate::view::{Comparison, Text};
use svg::Document;
use svg::node::element::Rectangle;

/// Length of the longest bar, pixels.
const LONGEST: f64 = 320.0;
/// Height of a bar with the space below it, pixels.
const BAR: f64 = 16.0;

/// The most characters of a line.
const WIDEST: usize = 120;

/// Draws what differs; `text` says at which decisions the worlds part.
pub(super) fn picture(comparison: &Comparison, text: &Text) -> Document {
    let figures = comparison.figures();
    if figures.is_empty() {
        return super::of_text(text);
    }
    let names = comparison.worlds.iter().map(|world| width_of(&world.name));
    let names = names.fold(0.0, f64::max);
    let labels = figures.iter().map(|figure| width_of(&figure.what));
    let left = MARGIN + labels.fold(0.0, f64::max) + 16.0;
    let bars = left + names + 10.0;
    let partings = comparison.told_partings();
    let told = partings.lines.iter().map(|line| cut(line.to_string()));
    let partings: Vec<String> = told.collect();
    let said = partings.iter().map(|line| width_of(line));
    let numbers = width_of("18446744073709551615 ms");
    let width = said.fold(bars + LONGEST + numbers, f64::max) + 2.0 * MARGIN;
    let top = MARGIN + partings.len() as f64 * LINE + 0.5 * LINE;
    let group = (comparison.worlds.len() as f64 + 0.6) * BAR;
    let height = top + figures.len() as f64 * group + MARGIN;
    let title = format!("{} worlds side by side", comparison.worlds.len());
    let mut picture = document(width, height, &title);
    for (number, line) in partings.iter().enumerate() {
        let y = MARGIN + (number as f64 + 0.75) * LINE;
        picture = picture.add(words(MARGIN, y, "plain", line));
    }
    for (number, figure) in figures.iter().enumerate() {
        let y = top + number as f64 * group;
        picture = picture.add(words(MARGIN, y + 0.75 * BAR, "heading", &figure.what));
        let most = figure
            .values
            .iter()
            .flatten()
            .max()
            .copied()
            .unwrap_or(0)
            .max(1);
        for (at, (value, world)) in figure.values.iter().zip(&comparison.worlds).enumerate() {
            let y = y + at as f64 * BAR;
            picture = picture.add(words(left, y + 0.75 * BAR, "name", &world.name));
            let length = value.unwrap_or(0) as f64 / most as f64 * LONGEST;
            let said = value.map_or("-".to_owned(), |value| format!("{value}{}", figure.unit));
            picture = picture
                .add(
                    Rectangle::new()
                        .set("x", format!("{bars:.1}"))
                        .set("y", format!("{y:.1}"))
                        .set("width", format!("{length:.1}"))
                        .set("height", BAR - 3.0)
                        .set("fill", color(at)),
                )
                .add(words(bars + length + 6.0, y + 0.75 * BAR, "plain", &said));
        }
    }
    picture
}

/// A line of the text, cut where it would make the picture wider than a page.
fn cut(line: String) -> String {
    if line.chars().count() <= WIDEST {
        return line;
    }
    let kept: String = line.chars().take(WIDEST - 1).collect();
    kept + "…"
}
