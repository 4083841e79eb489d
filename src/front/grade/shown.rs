//! The marks on the terminal: a line for each hand-in, then what they say together.

use crate::front::style::{Colors, paint_words};
use crate::grade::Class;
use crate::script::Points;
use crate::view::Role;
use unicode_width::UnicodeWidthStr;

/// The columns of a name.
const NAME: usize = 24;
/// The columns of a remark.
const REMARK: usize = 90;
/// The length of the longest bar.
const BAR: usize = 40;

/// The lines about a class.
pub(super) fn lines(class: &Class, color: Colors) -> Vec<String> {
    let mut lines: Vec<String> = class
        .graded
        .iter()
        .map(|graded| {
            let points = graded.points();
            let role = if points == class.of {
                Role::Good
            } else if points == Points::default() {
                Role::Bad
            } else {
                Role::Plain
            };
            let points = paint_words(
                &format!("{:>8}", format!("{points}/{}", class.of)),
                role,
                color,
            );
            let line = format!(
                "{} {points}  {}",
                name(&graded.student),
                cut(&graded.remark(), REMARK)
            );
            line.trim_end().to_owned()
        })
        .collect();
    let count = class.graded.len();
    let plural = if count == 1 { "" } else { "s" };
    let mean = class.mean();
    let without = class.without_points();
    let heading = format!(
        "{count} hand-in{plural}   mean {mean:.1} of {}   {without} without points",
        class.of
    );
    lines.push(String::new());
    lines.push(paint_words(&heading, Role::Heading, color));
    if count == 1 {
        return lines;
    }
    lines.extend(distribution(class, color));
    for (why, count) in class.ended() {
        lines.push(format!("{count:>6}  {}", cut(&why, REMARK)));
    }
    let misses = class.misses();
    if !misses.is_empty() {
        lines.push(paint_words("commonest misses", Role::Heading, color));
    }
    for miss in misses {
        lines.push(format!(
            "{:>6}  {}: {}",
            miss.count,
            miss.task,
            cut(&miss.why, REMARK)
        ));
    }
    if let Some(pairs) = &class.pairs {
        lines.push(paint_words("alike", Role::Heading, color));
        for pair in pairs {
            let both = [pair.first, pair.second].map(|place| name(&class.graded[place].student));
            lines.push(format!(
                "{:>5} %  {}",
                pair.percent,
                both.join(" ").trim_end()
            ));
        }
    }
    lines
}

fn distribution(class: &Class, color: Colors) -> Vec<String> {
    let groups = class.distribution();
    let most = groups
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    let line = |(name, count): &(String, usize)| {
        let bar = "#".repeat((count * BAR).div_ceil(most));
        let bar = paint_words(&bar, Role::Dim, color);
        format!("{name:>12}  {count:>5}  {bar}")
            .trim_end()
            .to_owned()
    };
    groups.iter().map(line).collect()
}

/// A name in its columns.
fn name(student: &str) -> String {
    let shown = cut(student, NAME);
    let gap = NAME.saturating_sub(shown.width());
    format!("{shown}{}", " ".repeat(gap))
}

/// A text on one line, in at most that many columns.
fn cut(text: &str, columns: usize) -> String {
    let text = crate::grade::plain(text);
    if text.width() <= columns {
        return text;
    }
    let mut shown = String::new();
    for c in text.chars() {
        if shown.width() + 2 > columns {
            break;
        }
        shown.push(c);
    }
    shown + "…"
}
