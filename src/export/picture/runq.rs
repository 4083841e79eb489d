//! The runqueues: for each CPU both priority arrays, and in them the lists that are not empty.

use super::shapes::{BOX, Look, PADDING, arrow, labelled};
use super::{LINE, MARGIN, document, width_of, words};
use crate::abi::Pid;
use crate::view::{ArrayView, CpuQueue, Level, Runq};
use svg::Document;

/// Height of a row, pixels.
const ROW: f64 = 32.0;
/// Length of the arrow from one task to the next, pixels.
const GAP: f64 = 18.0;
/// The most tasks of a list that are drawn.
const MANY: usize = 12;

const LEGEND: &str =
    "best priority first   thick frame: has the CPU   number behind the name: ticks left";

/// Draws the runqueues.
pub(super) fn picture(runq: &Runq) -> Document {
    let arrays = |queue: &CpuQueue| {
        [
            ("active", queue.active.clone()),
            ("expired", queue.expired.clone()),
        ]
    };
    let width = runq
        .cpus
        .iter()
        .flat_map(|queue| arrays(queue).map(|(_, array)| widest(&array)))
        .chain(runq.cpus.iter().map(|queue| width_of(&head(queue))))
        .fold(width_of(LEGEND), f64::max);
    let rows = |queue: &CpuQueue| {
        let arrays = arrays(queue);
        let lists = arrays.iter().map(|(_, array)| array.levels.len().max(1));
        lists.sum::<usize>()
    };
    let height_of = |queue: &CpuQueue| 4.0 * LINE + rows(queue) as f64 * ROW;
    let height = 2.0 * MARGIN + LINE + runq.cpus.iter().map(height_of).sum::<f64>();
    let title = format!("The runqueues of {} CPUs", runq.cpus.len());
    let mut picture = document(width + 2.0 * MARGIN, height, &title);
    let mut y = MARGIN;
    for queue in &runq.cpus {
        picture = picture.add(words(MARGIN, y + 0.75 * LINE, "heading", &head(queue)));
        y += 1.3 * LINE;
        for (name, array) in arrays(queue) {
            let head = format!("{name}: {} tasks", array.nr_active);
            picture = picture.add(words(MARGIN, y + 0.75 * LINE, "dim", &head));
            y += 1.1 * LINE;
            for level in &array.levels {
                picture = list(picture, level, queue.curr, y);
                y += ROW;
            }
            if array.levels.is_empty() {
                picture = picture.add(words(MARGIN + PADDING, y + 0.9 * LINE, "dim", "empty"));
                y += ROW;
            }
        }
        y += 0.5 * LINE;
    }
    picture.add(words(MARGIN, height - MARGIN, "dim", LEGEND))
}

/// A priority and its tasks in their order.
fn list(mut picture: Document, level: &Level, curr: Option<Pid>, y: f64) -> Document {
    let number = level.prio.to_string();
    let mut x = MARGIN + number_width();
    picture = labelled(
        picture,
        (MARGIN, y),
        number_width(),
        Look::Plain,
        ("heading", &number),
    );
    for (at, label) in labels(level).into_iter().enumerate() {
        let middle = y + BOX / 2.0;
        picture = arrow(picture, (x, middle), (x + GAP, middle));
        x += GAP;
        let runs = level.tasks.get(at).copied() == curr && curr.is_some();
        let look = if runs { Look::Strong } else { Look::Round };
        let width = width_of(&label) + 2.0 * PADDING;
        picture = labelled(picture, (x, y), width, look, ("name", &label));
        x += width;
    }
    picture
}

fn labels(level: &Level) -> Vec<String> {
    let tasks = level.tasks.iter().zip(&level.names).zip(&level.slices);
    let mut labels: Vec<String> = tasks
        .take(MANY)
        .map(|((pid, name), slice)| format!("{pid}:{name} {slice}"))
        .collect();
    let more = level.tasks.len().saturating_sub(MANY);
    if more > 0 {
        labels.push(format!("and {more} more"));
    }
    labels
}

fn number_width() -> f64 {
    width_of("139") + 2.0 * PADDING
}

fn widest(array: &ArrayView) -> f64 {
    let width = |level: &Level| {
        let boxes = labels(level);
        let boxes = boxes
            .iter()
            .map(|label| width_of(label) + 2.0 * PADDING + GAP);
        number_width() + boxes.sum::<f64>()
    };
    array.levels.iter().map(width).fold(0.0, f64::max)
}

fn head(queue: &CpuQueue) -> String {
    let curr = match queue.curr {
        Some(pid) => format!("{pid}:{} runs", queue.curr_name),
        None => "idle".to_owned(),
    };
    format!("CPU {}: {curr}, nr_running {}", queue.cpu, queue.nr_running)
}
