//! What several pictures are made of: boxes with words, lines with a head.

use super::{LINE, words};
use svg::Document;
use svg::node::element::{Line, Polygon, Rectangle};

/// Height of a box, pixels.
pub(super) const BOX: f64 = 24.0;
/// Space before and after the words in a box, pixels.
pub(super) const PADDING: f64 = 8.0;
/// Length of the head of an arrow, pixels.
const HEAD: f64 = 7.0;

/// How a box looks. The look is never the only thing that tells what it stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    /// With round corners.
    Round,
    /// With a thick frame.
    Strong,
    /// With a dashed frame.
    Dashed,
}

/// A box with words in it, its upper left corner at that place.
pub(super) fn labelled(
    picture: Document,
    (x, y): (f64, f64),
    width: f64,
    look: Look,
    (class, label): (&'static str, &str),
) -> Document {
    let shape = Rectangle::new()
        .set("class", "box")
        .set("x", format!("{x:.1}"))
        .set("y", format!("{y:.1}"))
        .set("width", format!("{width:.1}"))
        .set("height", BOX)
        .set("rx", if look == Look::Round { 12 } else { 3 });
    let shape = match look {
        Look::Plain | Look::Round => shape,
        Look::Strong => shape.set("stroke-width", "2.5"),
        Look::Dashed => shape.set("stroke-dasharray", "4 3"),
    };
    picture
        .add(shape)
        .add(words(x + PADDING, y + 0.9 * LINE, class, label))
}

/// A line from one place to another, with a head at its end.
pub(super) fn arrow(picture: Document, from: (f64, f64), to: (f64, f64)) -> Document {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    let (base_x, base_y) = (to.0 - HEAD * ux, to.1 - HEAD * uy);
    let half = HEAD * 0.5;
    let points = format!(
        "{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}",
        to.0,
        to.1,
        base_x - half * uy,
        base_y + half * ux,
        base_x + half * uy,
        base_y - half * ux,
    );
    line(picture, from, (base_x, base_y))
        .add(Polygon::new().set("class", "head").set("points", points))
}

/// A line from one place to another.
pub(super) fn line(picture: Document, from: (f64, f64), to: (f64, f64)) -> Document {
    picture.add(
        Line::new()
            .set("class", "arrow")
            .set("x1", format!("{:.1}", from.0))
            .set("y1", format!("{:.1}", from.1))
            .set("x2", format!("{:.1}", to.0))
            .set("y2", format!("{:.1}", to.1)),
    )
}
