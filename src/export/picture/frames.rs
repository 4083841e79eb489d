//! RAM as squares, each with the letter that the legend explains.

use super::{CHARACTER, LINE, MARGIN, color, document, width_of, words};
use crate::view::Frames;
use std::collections::BTreeMap;
use svg::Document;
use svg::node::element::Rectangle;

/// Side of a square, pixels.
const SQUARE: f64 = 14.0;

/// Draws a picture of RAM.
pub(super) fn picture(frames: &Frames) -> Document {
    let label = |row: usize| {
        format!(
            "{:#06x}",
            frames.from as usize + row * 64 * frames.zoom as usize
        )
    };
    let left = MARGIN + width_of("0x0000") + 24.0;
    let columns = frames.rows.iter().map(|row| row.chars().count()).max();
    let picture_width = columns.unwrap_or(0) as f64 * SQUARE;
    let legend: Vec<String> = frames
        .legend
        .iter()
        .map(|entry| format!("{}  {} ({})", entry.letter, entry.meaning, entry.frames))
        .collect();
    let widest = legend.iter().map(|line| width_of(line)).fold(0.0, f64::max);
    let width = left + picture_width.max(widest + SQUARE) + MARGIN;
    let top = MARGIN + LINE;
    let below = top + frames.rows.len() as f64 * SQUARE + LINE;
    let height = below + legend.len() as f64 * LINE + MARGIN;
    let title = format!("RAM: frames {:#x} to {:#x}", frames.from, frames.to);
    let mut picture = document(width, height, &title);
    let said = match frames.zoom {
        1 => "a square is a frame".to_owned(),
        zoom => format!("a square is {zoom} frames"),
    };
    picture = picture.add(words(MARGIN, MARGIN + 0.75 * LINE, "dim", &said));
    let letters = frames.legend.iter().map(|entry| entry.letter);
    let number_of: BTreeMap<char, usize> = letters
        .enumerate()
        .map(|(at, letter)| (letter, at))
        .collect();
    for (row, text) in frames.rows.iter().enumerate() {
        let y = top + row as f64 * SQUARE;
        picture = picture.add(words(MARGIN, y + 0.8 * SQUARE, "dim", &label(row)));
        for (column, letter) in text.chars().enumerate() {
            let x = left + column as f64 * SQUARE;
            picture = picture.add(square(x, y, letter, &number_of));
            if letter != '.' {
                let x = x + (SQUARE - CHARACTER) / 2.0;
                picture = picture.add(words(x, y + 0.8 * SQUARE, "on", &letter.to_string()));
            }
        }
    }
    for (number, line) in legend.iter().enumerate() {
        let y = below + number as f64 * LINE;
        let letter = frames.legend[number].letter;
        picture = picture
            .add(square(left - SQUARE - 6.0, y, letter, &number_of))
            .add(words(left, y + 0.8 * SQUARE, "plain", line));
    }
    picture
}

fn square(x: f64, y: f64, letter: char, number_of: &BTreeMap<char, usize>) -> Rectangle {
    let shape = Rectangle::new()
        .set("x", format!("{x:.1}"))
        .set("y", format!("{y:.1}"))
        .set("width", SQUARE - 1.0)
        .set("height", SQUARE - 1.0);
    match letter {
        '.' => shape.set("class", "box"),
        letter => shape.set("fill", color(number_of.get(&letter).copied().unwrap_or(0))),
    }
}
