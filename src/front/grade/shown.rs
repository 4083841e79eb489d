//! The marks on the terminal: some lines for each hand-in, folded to its width, then what they say
//! together. In a pipe each hand-in has one line.

use crate::front::style::{Colors, paint_words};
use crate::grade::{Class, Graded, one_line, plain};
use crate::script::Points;
use crate::view::Role;
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// The most columns of a name.
const NAME: usize = 24;
/// The fewest columns of a remark.
const REMARK: usize = 20;
/// The most lines of a remark.
const MAX_LINES: usize = 6;
/// The length of the longest bar.
const BAR: usize = 40;

/// The lines about a class, for a terminal with that many columns if it is one.
pub(super) fn lines(class: &Class, columns: Option<usize>, color: Colors) -> Vec<String> {
    let longest = class.graded.iter().map(|one| plain(&one.student).width());
    let most = columns.map_or(NAME, |columns| (columns / 4).min(NAME));
    let width = longest.max().unwrap_or(0).min(most);
    let of = |one: &Graded| format!("{}/{}", one.points(), class.of);
    let points = class.graded.iter().map(|one| of(one).width());
    let points = points.max().unwrap_or(0);
    let mut lines = Vec::new();
    for graded in &class.graded {
        let role = if graded.points() == class.of {
            Role::Good
        } else if graded.points() == Points::default() {
            Role::Bad
        } else {
            Role::Plain
        };
        let mark = format!("{:>points$}", of(graded));
        let head = format!(
            "{}  {}  ",
            name(&graded.student, width),
            paint_words(&mark, role, color)
        );
        let remark = folded(&graded.remark(), width + points + 4, columns);
        lines.extend(beside(&head, width + points + 4, &remark));
    }
    let count = class.graded.len();
    let plural = if count == 1 { "" } else { "s" };
    let mean = class.mean();
    let without = class.without_points();
    let heading = format!(
        "{count} hand-in{plural}   mean {mean:.1} of {}   {without} without points",
        class.of
    );
    lines.push(String::new());
    for line in &class.missing {
        let line = folded(&format!("incomplete: {line}"), 0, columns).join("\n");
        lines.push(paint_words(&line, Role::Bad, color));
    }
    lines.push(paint_words(&heading, Role::Heading, color));
    let counted = |count: usize, text: &str| {
        let text = folded(text, 8, columns);
        beside(&format!("{count:>6}  "), 8, &text)
    };
    for (what, count) in class.noticed() {
        lines.extend(counted(count, &what));
    }
    if count == 1 {
        return lines;
    }
    lines.extend(distribution(class, color));
    for (why, count) in class.ended() {
        lines.extend(counted(count, &why));
    }
    let misses = class.misses();
    if !misses.is_empty() {
        lines.push(paint_words("commonest misses", Role::Heading, color));
    }
    for miss in misses {
        lines.extend(counted(miss.count, &format!("{}: {}", miss.task, miss.why)));
    }
    lines.extend(alike(class, width, color));
    lines
}

/// The pairs of hand-ins that are alike, if they were looked for.
fn alike(class: &Class, width: usize, color: Colors) -> Vec<String> {
    let Some(pairs) = &class.pairs else {
        return Vec::new();
    };
    let mut lines = vec![paint_words("alike", Role::Heading, color)];
    for pair in pairs {
        let both = [pair.first, pair.second].map(|place| &class.graded[place].student);
        let both = both.map(|student| name(student, width));
        let both = both.join(" ");
        lines.push(format!("{:>5} %  {}", pair.percent, both.trim_end()));
    }
    lines
}

/// A text in lines that fit beside something of that many columns.
fn folded(text: &str, beside: usize, columns: Option<usize>) -> Vec<String> {
    let text = one_line(text);
    let Some(columns) = columns else {
        return vec![text];
    };
    let width = columns.saturating_sub(beside).max(REMARK);
    let mut lines: Vec<String> = textwrap::wrap(&text, width)
        .into_iter()
        .map(Cow::into_owned)
        .collect();
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        if let Some(last) = lines.last_mut() {
            *last = cut(&format!("{last} …"), width);
        }
    }
    lines
}

/// Lines behind a head of that many columns.
fn beside(head: &str, width: usize, lines: &[String]) -> Vec<String> {
    let gap = " ".repeat(width);
    let first = lines.first().map_or("", String::as_str);
    let first = format!("{head}{first}");
    let rest = lines.iter().skip(1).map(|line| format!("{gap}{line}"));
    let all = std::iter::once(first.trim_end().to_owned()).chain(rest);
    all.collect()
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
fn name(student: &str, width: usize) -> String {
    let shown = cut(&plain(student), width);
    let gap = width.saturating_sub(shown.width());
    format!("{shown}{}", " ".repeat(gap))
}

/// A text in at most that many columns.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
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
