//! A timeline as bars: a row for each task, full bars where it runs, dashed ones where it waits.

use super::{LINE, MARGIN, color, document, width_of, words};
use crate::abi::Pid;
use crate::view::{Interval, Timeline};
use std::collections::BTreeMap;
use svg::Document;
use svg::node::element::{Line, Rectangle, Title};

/// Width of the scale of time, pixels.
const SCALE: f64 = 900.0;
/// Height of a row, pixels.
const ROW: f64 = 24.0;
/// Height of a bar, pixels.
const BAR: f64 = 16.0;
/// With more intervals than these, a bar stands for all that lie in a pixel.
const MANY: usize = 4000;
/// Numbers along the scale, about.
const NUMBERS: u64 = 10;

/// A bar: its place in ticks, and how much of it is filled.
struct Bar {
    from: f64,
    to: f64,
    filled: f64,
    says: String,
    cpu: Option<u8>,
}

/// A task's row.
#[derive(Default)]
struct Row<'a> {
    label: String,
    runs: Vec<&'a Interval>,
    waits: Vec<&'a Interval>,
}

/// Draws a timeline.
pub(super) fn picture(timeline: &Timeline) -> Document {
    let rows = rows(timeline);
    let label = rows
        .iter()
        .map(|row| width_of(&row.label))
        .fold(40.0, f64::max);
    let left = MARGIN + label + 12.0;
    let top = MARGIN + 3.0 * LINE;
    let ticks = (timeline.to - timeline.from).max(1) as f64;
    let x_of = |tick: f64| left + (tick - timeline.from as f64) / ticks * SCALE;
    let height = top + rows.len() as f64 * ROW + MARGIN;
    let title = format!(
        "Who had the CPU from tick {} to tick {}",
        timeline.from, timeline.to
    );
    let cpus = match timeline.cpus {
        0 | 1 => "",
        _ => "   the number says on which CPU",
    };
    let legend = format!("full: runs   dashed: waits for a CPU   thin: takes no time{cpus}");
    let numbers = numbers(timeline).into_iter();
    let ends = numbers.map(|tick| x_of(tick as f64) + 2.0 + width_of(&tick.to_string()));
    let right = ends.fold(left + SCALE, f64::max);
    let width = right.max(MARGIN + width_of(&legend)) + MARGIN;
    let mut picture = document(width, height, &title);
    picture = picture.add(words(MARGIN, MARGIN + 0.75 * LINE, "dim", &legend));
    picture = scale(picture, timeline, top, height - MARGIN, &x_of);
    for (number, row) in rows.iter().enumerate() {
        let y = top + number as f64 * ROW;
        picture = picture.add(words(MARGIN, y + BAR, "name", &row.label));
        for bar in bars(&row.waits, timeline, "waits for CPU") {
            let (x, end) = (x_of(bar.from), x_of(bar.to));
            picture = picture.add(
                Rectangle::new()
                    .set("class", "wait")
                    .set("x", format!("{x:.2}"))
                    .set("y", format!("{:.1}", y + BAR * 0.5))
                    .set("width", format!("{:.2}", end - x))
                    .set("height", format!("{:.1}", BAR * 0.4))
                    .add(Title::new(super::harmless(&bar.says))),
            );
        }
        for bar in bars(&row.runs, timeline, "runs on CPU") {
            let (x, end) = (x_of(bar.from), x_of(bar.to));
            let width = (end - x).max(1.0);
            picture = picture.add(
                Rectangle::new()
                    .set("x", format!("{x:.2}"))
                    .set("y", format!("{:.1}", y + 4.0))
                    .set("width", format!("{width:.2}"))
                    .set("height", format!("{BAR:.0}"))
                    .set("fill", color(number))
                    .set("fill-opacity", format!("{:.2}", 0.15 + 0.85 * bar.filled))
                    .add(Title::new(super::harmless(&bar.says))),
            );
            if let Some(cpu) = bar.cpu.filter(|_| timeline.cpus > 1 && width > 10.0) {
                picture = picture.add(words(x + 2.0, y + BAR, "on", &cpu.to_string()));
            }
        }
    }
    picture
}

/// The tasks by pid, and idle at the end.
fn rows(timeline: &Timeline) -> Vec<Row<'_>> {
    let mut rows: BTreeMap<(bool, Pid), Row> = BTreeMap::new();
    let mut add = |interval: &Interval| {
        let idle = interval.pid == Pid(0);
        let row = rows.entry((idle, interval.pid)).or_default();
        if row.label.is_empty() {
            row.label = if idle {
                "idle".to_owned()
            } else {
                format!("{}:{}", interval.pid, interval.name)
            };
        }
    };
    timeline.runs.iter().for_each(&mut add);
    timeline.waits.iter().for_each(&mut add);
    for run in &timeline.runs {
        if let Some(row) = rows.get_mut(&(run.pid == Pid(0), run.pid)) {
            row.runs.push(run);
        }
    }
    for wait in &timeline.waits {
        if let Some(row) = rows.get_mut(&(wait.pid == Pid(0), wait.pid)) {
            row.waits.push(wait);
        }
    }
    rows.into_values().collect()
}

/// The bars of intervals: one each, or, if there are many, one for each pixel.
fn bars(intervals: &[&Interval], timeline: &Timeline, what: &str) -> Vec<Bar> {
    if intervals.len() <= MANY {
        let bar = |interval: &&Interval| Bar {
            from: interval.from as f64,
            to: interval.to as f64,
            filled: 1.0,
            says: format!(
                "{}:{} {what} {} from tick {} to {}",
                interval.pid, interval.name, interval.cpu, interval.from, interval.to
            ),
            cpu: Some(interval.cpu),
        };
        return intervals.iter().map(bar).collect();
    }
    let pixel = (timeline.to - timeline.from) as f64 / SCALE;
    let mut filled = vec![0.0; SCALE as usize];
    for interval in intervals {
        let mut from = (interval.from - timeline.from) as f64;
        let to = (interval.to - timeline.from) as f64;
        while from < to {
            let column = ((from / pixel) as usize).min(filled.len() - 1);
            let end = ((column + 1) as f64 * pixel)
                .min(to)
                .max(from + pixel * 1e-6);
            filled[column] += (end - from) / pixel;
            from = end;
        }
    }
    let columns = filled
        .into_iter()
        .enumerate()
        .filter(|(_, filled)| *filled > 0.0);
    columns
        .map(|(column, filled): (usize, f64)| {
            let from = timeline.from as f64 + column as f64 * pixel;
            Bar {
                from,
                to: from + pixel,
                filled: filled.min(1.0),
                says: format!("{what} for {:.0}% of this time", 100.0 * filled.min(1.0)),
                cpu: None,
            }
        })
        .collect()
}

/// The numbers and lines of the scale.
fn scale(
    mut picture: Document,
    timeline: &Timeline,
    top: f64,
    bottom: f64,
    x_of: &impl Fn(f64) -> f64,
) -> Document {
    for tick in numbers(timeline) {
        let x = x_of(tick as f64);
        picture = picture
            .add(words(x + 2.0, top - 0.4 * LINE, "dim", &tick.to_string()))
            .add(
                Line::new()
                    .set("class", "line")
                    .set("x1", format!("{x:.1}"))
                    .set("x2", format!("{x:.1}"))
                    .set("y1", format!("{:.1}", top - LINE))
                    .set("y2", format!("{bottom:.1}"))
                    .set("stroke-opacity", "0.4"),
            );
    }
    picture
}

/// The ticks that have a number on the scale.
fn numbers(timeline: &Timeline) -> Vec<u64> {
    let step = round((timeline.to - timeline.from).div_ceil(NUMBERS).max(1));
    let first = timeline.from.next_multiple_of(step);
    (first..=timeline.to).step_by(step as usize).collect()
}

/// The next number of the form 1, 2 or 5 times a power of ten.
fn round(ticks: u64) -> u64 {
    let power = 10_u64.pow(ticks.ilog10());
    let fits = [1, 2, 5, 10].into_iter().map(|digit| digit * power);
    fits.into_iter()
        .find(|step| *step >= ticks)
        .unwrap_or(ticks)
}
