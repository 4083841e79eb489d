//! The marks as one page for a browser, which needs nothing else. It is for teachers: it shows what
//! would have been right.

use super::graded::{End, Graded};
use super::summary::Class;
use super::words::plain;
use crate::course::{Reason, TaskMark};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "body{font:16px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;\
    padding:0 1rem;color:#222;background:#fff}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #ddd;vertical-align:top}\
    td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bar{background:#4a7;height:.8rem}\
    .full{color:#161}.none{color:#a22}.dim{color:#666}summary{cursor:pointer}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}\
    th,td{border-color:#444}.full{color:#7d8}.none{color:#f88}.dim{color:#aaa}}";

/// The page of a class.
pub fn html(class: &Class) -> String {
    let count = class.graded.len();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { (class.title) ": " (count) " hand-ins" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (class.title) }
                p {
                    (count) " hand-ins, mean " (format!("{:.1}", class.mean())) " of " (class.of)
                    ", " (class.without_points()) " without points"
                }
                @for line in &class.missing { p.none { "Incomplete: " (line) } }
                (distribution(class))
                (lists(class))
                h2 { "Marks" }
                table {
                    tr {
                        th { "Student" } th.n { "Points" }
                        @for task in &class.tasks { th.n { (task) } }
                        th { "Why" }
                    }
                    @for graded in &class.graded { (row(class, graded)) }
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn distribution(class: &Class) -> Markup {
    let groups = class.distribution();
    let most = groups
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        h2 { "Distribution" }
        table {
            @for (name, count) in &groups {
                tr {
                    td { (name) } td.n { (count) }
                    td style="width:60%" {
                        div.bar style=(format!("width:{}%", count * 100 / most)) {}
                    }
                }
            }
        }
    }
}

fn lists(class: &Class) -> Markup {
    let (noticed, ended, misses) = (class.noticed(), class.ended(), class.misses());
    let name = |place: usize| plain(&class.graded[place].student);
    html! {
        @if !noticed.is_empty() {
            h2 { "To be noticed" }
            table { @for (what, count) in &noticed { tr { td.n { (count) } td { (what) } } } }
        }
        @if !ended.is_empty() {
            h2 { "Ended before their time" }
            table { @for (why, count) in &ended { tr { td.n { (count) } td { (why) } } } }
        }
        @if !misses.is_empty() {
            h2 { "Commonest misses" }
            table {
                @for miss in &misses {
                    tr { td.n { (miss.count) } td { (miss.task) } td { (miss.why) } }
                }
            }
        }
        @if let Some(pairs) = &class.pairs {
            h2 { "Alike" }
            p.dim { "Scripts that have most of their tokens in common, whatever names they use." }
            table {
                @for pair in pairs {
                    tr { td.n { (pair.percent) " %" } td { (name(pair.first)) } td { (name(pair.second)) } }
                }
            }
        }
    }
}

fn row(class: &Class, graded: &Graded) -> Markup {
    let points = graded.points();
    let look = if points == class.of {
        "n full"
    } else if points.in_hundredths() == 0 {
        "n none"
    } else {
        "n"
    };
    let mark_of = |task: &String| graded.mark()?.tasks.iter().find(|mark| mark.id == *task);
    html! {
        tr {
            td { (plain(&graded.student)) }
            td class=(look) { (points) }
            @for task in &class.tasks {
                td.n { @if let Some(mark) = mark_of(task) { (mark.points) } }
            }
            td { (why(graded)) }
        }
    }
}

fn why(graded: &Graded) -> Markup {
    let mark = match &graded.end {
        End::Marked(mark) => mark,
        End::Unreadable(why) | End::Stopped(why) => return html! { span.none { (why) } },
    };
    let lost: Vec<&TaskMark> = mark.tasks.iter().filter(|task| !task.is_full()).collect();
    html! {
        @if !lost.is_empty() {
            details {
                summary { (lost.len()) @if lost.len() == 1 { " task" } @else { " tasks" } }
                @for task in lost {
                    @for reason in &task.reasons { (line(task, reason)) }
                }
            }
        }
        @for note in graded.notes() { div.none { (note) } }
        @for problem in &mark.problems { div.dim { (problem) } }
    }
}

fn line(task: &TaskMark, reason: &Reason) -> Markup {
    html! {
        div {
            b { (task.id) } " -" (reason.lost) ": " (reason.text)
            @if let Some(given) = &task.given { span.dim { " · answered: " (given) } }
            @if let Some(expected) = &reason.expected { span.dim { " · expected: " (expected) } }
        }
    }
}
