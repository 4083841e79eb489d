//! Views as pictures in SVG. They are readable in print and on a dark screen, their colours can be
//! told apart by the colour-blind, and nothing is told by colour alone.

mod compare;
mod frames;
mod lanes;
mod path;
mod runq;
mod shapes;
mod sharing;
mod timeline;
mod tree;

use crate::view::{
    Comparison, Frames, Line, Path, Paths, PsTree, Role, Runq, Sharing, Text, Timeline, TraceView,
};
use std::sync::Arc;
use svg::Document;
use svg::node::element::{Rectangle, Style, Text as Words, Title};
use unicode_width::UnicodeWidthStr;

/// What is drawn of a view.
#[derive(Clone, Debug, Default)]
pub enum Drawing {
    /// Its text, as in a terminal.
    #[default]
    Text,
    /// Bars on a scale of time.
    Timeline(Arc<Timeline>),
    /// Boxes with lines from parents to children.
    Tree(Arc<PsTree>),
    /// A square for each frame, or group of frames.
    Frames(Arc<Frames>),
    /// Arrows from address spaces through page table entries to frames.
    Sharing(Arc<Sharing>),
    /// A row of boxes for each priority list.
    Runq(Arc<Runq>),
    /// The steps of a call from top to bottom.
    Path(Arc<Path>),
    /// A lane for each call.
    Paths(Arc<Paths>),
    /// Bars for what differs.
    Comparison(Arc<Comparison>),
    /// A lane for each task, with a mark for each event.
    Trace(Arc<TraceView>),
}

impl Drawing {
    /// The picture, with the text of the view for those who cannot see it.
    pub fn svg(&self, text: &Text) -> String {
        let document = match self {
            Self::Text => of_text(text),
            Self::Timeline(timeline) => timeline::picture(timeline),
            Self::Tree(tree) => tree::picture(tree),
            Self::Frames(frames) => frames::picture(frames),
            Self::Sharing(sharing) if sharing.frames.is_empty() => of_text(text),
            Self::Sharing(sharing) => sharing::picture(sharing),
            Self::Runq(runq) => runq::picture(runq),
            Self::Path(path) => path::one(path),
            Self::Paths(paths) => path::many(paths),
            Self::Comparison(comparison) => compare::picture(comparison, text),
            Self::Trace(trace) => lanes::picture(trace),
        };
        format!("{document}\n")
    }
}

/// Width of a character of the font, pixels.
const CHARACTER: f64 = 7.8;
/// Height of a line, pixels.
const LINE: f64 = 18.0;
/// Space around everything, pixels.
const MARGIN: f64 = 12.0;

/// Okabe and Ito's colours, which the colour-blind can tell apart.
const COLORS: [&str; 7] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999933",
];

const STYLE: &str = "\
text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1a1a1a}\
.back{fill:#fff}.dim{fill:#666}.heading{font-weight:bold}.good{fill:#006b4a}.bad{fill:#a33c00}\
.name,.pid{fill:#00527f}.line{stroke:#999;fill:none}.box{fill:#f4f4f4;stroke:#666}\
.wait{fill:none;stroke:#666;stroke-dasharray:2 2}.on{fill:#fff;font-size:11px}\
.arrow{stroke:#666;fill:none}.head{fill:#666}.mark{fill:#fff;stroke-width:2.5}.in{font-size:11px}\
@media(prefers-color-scheme:dark){text{fill:#e6e6e6}.back{fill:#16181d}.dim{fill:#a0a0a0}\
.good{fill:#4fd1a5}.bad{fill:#ff9d66}.name,.pid{fill:#7cc4ee}.line{stroke:#666}\
.box{fill:#23262e;stroke:#999}.wait{stroke:#aaa}.on{fill:#fff}\
.arrow{stroke:#aaa}.head{fill:#aaa}.mark{fill:#16181d}}\
@media print{text{fill:#000}.back{fill:#fff}}";

/// The colour of the thing of that number.
const fn color(number: usize) -> &'static str {
    COLORS[number % COLORS.len()]
}

/// A picture of that size, with what it shows in words.
fn document(width: f64, height: f64, title: &str) -> Document {
    Document::new()
        .set("viewBox", format!("0 0 {width:.0} {height:.0}"))
        .set("width", format!("{width:.0}"))
        .set("height", format!("{height:.0}"))
        .set("role", "img")
        .add(Title::new(harmless(title)))
        .add(Style::new(STYLE))
        .add(
            Rectangle::new()
                .set("class", "back")
                .set("width", "100%")
                .set("height", "100%"),
        )
}

/// Words at a place; `y` is that of the base line.
fn words(x: f64, y: f64, class: &'static str, text: &str) -> Words {
    // Blanks in a row are not drawn as one.
    Words::new(harmless(text).replace(' ', "\u{a0}"))
        .set("x", format!("{x:.1}"))
        .set("y", format!("{y:.1}"))
        .set("class", class)
}

/// A text without characters that XML does not have.
fn harmless(text: &str) -> String {
    let fits = |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars()
        .map(|c| if fits(c) { c } else { '?' })
        .collect()
}

/// Width of a text in pixels.
fn width_of(text: &str) -> f64 {
    text.width() as f64 * CHARACTER
}

const fn class_of(role: Role) -> &'static str {
    match role {
        Role::Heading => "heading",
        Role::Pid => "pid",
        Role::Name => "name",
        Role::Good => "good",
        Role::Bad => "bad",
        Role::Dim => "dim",
        Role::Plain | Role::Address | Role::Frame | Role::Number | Role::State | Role::Flag => {
            "plain"
        }
    }
}

/// The lines of a text, each piece at its column.
fn of_text(text: &Text) -> Document {
    let widest = text.lines.iter().map(Line::width).max();
    let width = widest.unwrap_or(0) as f64 * CHARACTER + 2.0 * MARGIN;
    let height = text.lines.len() as f64 * LINE + 2.0 * MARGIN;
    let first = text
        .lines
        .first()
        .map_or_else(String::new, ToString::to_string);
    let mut picture = document(width, height, first.trim());
    for (number, line) in text.lines.iter().enumerate() {
        let y = MARGIN + (number as f64 + 0.75) * LINE;
        let mut column = 0;
        for span in &line.spans {
            let blank = span.text.len() - span.text.trim_start().len();
            let shown = span.text.trim();
            if !shown.is_empty() {
                let x = MARGIN + (column + blank) as f64 * CHARACTER;
                picture = picture.add(words(x, y, class_of(span.role), shown));
            }
            column += span.text.width();
        }
    }
    picture
}
