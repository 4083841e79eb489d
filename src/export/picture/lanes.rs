//! A trace as lanes: a lane for each task, a mark for each event, in the order in which they
//! happened. Arrows lead from an event to what came of it in another lane.

use super::shapes::arrow;
use super::{LINE, MARGIN, color, document, harmless, width_of, words};
use crate::abi::Pid;
use crate::view::{EventFields, TraceView, event_line};
use std::collections::BTreeMap;
use svg::Document;
use svg::node::element::{Circle, Line, Title};

/// Events in a band; what follows is drawn below it.
const BAND: usize = 40;
/// The most events that are drawn.
const MANY: usize = 2000;
/// Room for an event, pixels.
const STEP: f64 = 24.0;
/// Height of a lane, pixels.
const LANE: f64 = 24.0;
/// Radius of a mark, pixels.
const DOT: f64 = 9.5;

/// Draws a trace.
pub(super) fn picture(trace: &TraceView) -> Document {
    let events = &trace.events[..trace.events.len().min(MANY)];
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for event in events {
        match kinds.iter_mut().find(|(kind, _)| *kind == event.event) {
            Some((_, count)) => *count += 1,
            None => kinds.push((event.event, 1)),
        }
    }
    let label = |event: &EventFields| format!("{}:{}", event.pid, event.name);
    let labels = events.iter().map(|event| width_of(&label(event)));
    let left = MARGIN + labels.fold(60.0, f64::max) + 14.0;
    let bands: Vec<Band> = events.chunks(BAND).map(Band::new).collect();
    let bands_height: f64 = bands.iter().map(Band::height).sum();
    let legend: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(at, (kind, count))| format!("{:>2} {kind} ({count})", at + 1))
        .collect();
    let entry = legend.iter().map(|line| width_of(line)).fold(0.0, f64::max) + 24.0;
    let columns = ((BAND as f64 * STEP) / entry).max(1.0) as usize;
    let legend_rows = legend.len().div_ceil(columns);
    let top = MARGIN + 1.5 * LINE;
    // The number of a tick may begin at the last event of a band.
    let ticks = events.iter().map(|event| width_of(&tick_label(event.tick)));
    let bands_width = (BAND - 1) as f64 * STEP + ticks.fold(STEP, f64::max) + 2.0;
    let width = (left + bands_width).max(MARGIN + width_of(&head(trace))) + MARGIN;
    let height = top + bands_height + (legend_rows as f64 + 0.5) * LINE + MARGIN;
    let title = format!("{} events of the trace", trace.events.len());
    let mut picture = document(width, height, &title);
    picture = picture.add(words(MARGIN, MARGIN + 0.75 * LINE, "dim", &head(trace)));
    let mut y = top;
    for band in &bands {
        picture = band.draw(picture, &kinds, left, y);
        y += band.height();
    }
    for (at, line) in legend.iter().enumerate() {
        let x = MARGIN + (at % columns) as f64 * entry;
        let y = y + ((at / columns) as f64 + 0.9) * LINE;
        picture = picture.add(words(x, y, "plain", line));
    }
    picture
}

fn head(trace: &TraceView) -> String {
    let mut head = "a mark is an event, numbered as below   arrows: what came of it".to_owned();
    if trace.events.len() > MANY {
        let more = trace.events.len() - MANY;
        head = format!("{head}   {more} later events are not drawn");
    }
    if trace.dropped > 0 {
        head = format!("{head}   {} older events were dropped", trace.dropped);
    }
    head
}

/// Some events in a row, and the lanes of their tasks.
struct Band<'a> {
    events: &'a [EventFields],
    lanes: BTreeMap<Pid, (usize, String)>,
}

impl<'a> Band<'a> {
    fn new(events: &'a [EventFields]) -> Self {
        let mut lanes: BTreeMap<Pid, (usize, String)> = BTreeMap::new();
        for event in events {
            let name = match event.pid {
                Pid(0) => "idle".to_owned(),
                pid => format!("{pid}:{}", event.name),
            };
            lanes.insert(event.pid, (0, name));
        }
        for (number, (lane, _)) in lanes.values_mut().enumerate() {
            *lane = number;
        }
        Self { events, lanes }
    }

    fn height(&self) -> f64 {
        LINE + self.lanes.len() as f64 * LANE + 0.8 * LINE
    }

    fn draw(
        &self,
        mut picture: Document,
        kinds: &[(&str, usize)],
        left: f64,
        top: f64,
    ) -> Document {
        let lane_y = |pid: Pid| {
            let lane = self.lanes.get(&pid).map_or(0, |(lane, _)| *lane);
            top + LINE + (lane as f64 + 0.5) * LANE
        };
        let x_of = |at: usize| left + (at as f64 + 0.5) * STEP;
        let right = left + self.events.len() as f64 * STEP;
        for (pid, (_, name)) in &self.lanes {
            let y = lane_y(*pid);
            picture = picture
                .add(words(MARGIN, y + 0.25 * LINE, "name", name))
                .add(rule((left, y), (right, y)));
        }
        let bottom = top + LINE + self.lanes.len() as f64 * LANE;
        let mut tick = None;
        let mut free = f64::MIN;
        for (at, event) in self.events.iter().enumerate() {
            if tick != Some(event.tick) {
                tick = Some(event.tick);
                let x = x_of(at) - STEP / 2.0;
                picture = picture.add(rule((x, top), (x, bottom)));
                let label = tick_label(event.tick);
                if x > free {
                    picture = picture.add(words(x + 2.0, top + 0.7 * LINE, "dim", &label));
                    free = x + width_of(&label) + 4.0;
                }
            }
        }
        for (at, event) in self.events.iter().enumerate() {
            let cause = event.cause.and_then(|seq| {
                let causes = self.events.iter().enumerate();
                causes.into_iter().find(|(_, cause)| cause.seq == seq)
            });
            if let Some((from, cause)) = cause.filter(|(_, cause)| cause.pid != event.pid) {
                let begin = (x_of(from), lane_y(cause.pid));
                let end = (x_of(at), lane_y(event.pid));
                let length = (end.0 - begin.0).hypot(end.1 - begin.1).max(1.0);
                let short = |of: f64, to: f64| to - (to - of) / length * (DOT + 1.0);
                let end = (short(begin.0, end.0), short(begin.1, end.1));
                picture = arrow(picture, begin, end);
            }
        }
        for (at, event) in self.events.iter().enumerate() {
            let kind = kinds.iter().position(|(kind, _)| *kind == event.event);
            let kind = kind.unwrap_or(0);
            let (x, y) = (x_of(at), lane_y(event.pid));
            let number = (kind + 1).to_string();
            let said = format!("#{} {}", event.seq, event_line(event, 0));
            picture = picture
                .add(
                    Circle::new()
                        .set("cx", format!("{x:.1}"))
                        .set("cy", format!("{y:.1}"))
                        .set("r", DOT)
                        .set("class", "mark")
                        .set("stroke", color(kind))
                        .add(Title::new(harmless(&said))),
                )
                .add(words(x - 3.4 * number.len() as f64, y + 4.0, "in", &number));
        }
        picture
    }
}

fn tick_label(tick: u64) -> String {
    format!("tick {tick}")
}

/// A thin line.
fn rule(from: (f64, f64), to: (f64, f64)) -> Line {
    Line::new()
        .set("class", "line")
        .set("x1", format!("{:.1}", from.0))
        .set("y1", format!("{:.1}", from.1))
        .set("x2", format!("{:.1}", to.0))
        .set("y2", format!("{:.1}", to.1))
        .set("stroke-opacity", "0.5")
}
