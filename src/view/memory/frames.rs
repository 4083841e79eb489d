//! All of RAM as a picture: a character for each frame, or for each group of frames.

use super::census::{Census, FrameKind, FrameOwner};
use crate::abi::{Pfn, Pid};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;
use std::collections::BTreeMap;

/// Characters in a line of the picture.
const COLUMNS: u32 = 64;

/// Lines that a picture has at most if no zoom is asked for.
const LINES: u32 = 16;

/// What a picture shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FramesWanted {
    /// The first frame.
    pub from: u32,
    /// The frame after the last one; cut to the size of RAM.
    pub to: u32,
    /// How many frames one character stands for; `None`: as many as let the picture fit.
    pub zoom: Option<u32>,
    /// What the characters tell.
    pub by: FramesBy,
}

/// What the characters of a picture tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FramesBy {
    /// What a frame is used for.
    #[default]
    Kind,
    /// Whose it is.
    Owner,
}

impl Default for FramesWanted {
    fn default() -> Self {
        Self {
            from: 0,
            to: u32::MAX,
            zoom: None,
            by: FramesBy::Kind,
        }
    }
}

/// A picture of RAM.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Frames {
    /// The first frame shown.
    pub from: u32,
    /// The frame after the last one shown.
    pub to: u32,
    /// How many frames a character stands for.
    pub zoom: u32,
    /// The characters, 64 a row.
    pub rows: Vec<String>,
    /// The number of frames of each kind among those shown.
    pub counts: BTreeMap<&'static str, u32>,
    /// What the characters stand for, in the order of the legend, and how many frames are such.
    pub legend: Vec<LegendEntry>,
}

/// A line of the legend.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LegendEntry {
    /// The character.
    pub letter: char,
    /// What it stands for.
    pub meaning: String,
    /// The number of frames that are such.
    pub frames: u32,
}

/// The picture of a machine's RAM.
pub fn frames(machine: &Machine, wanted: &FramesWanted) -> Frames {
    let census = Census::take(&machine.kernel);
    let all = census.kinds.len() as u32;
    let to = wanted.to.min(all);
    let from = wanted.from.min(to);
    let shown = from as usize..to as usize;
    let (marks, legend) = match wanted.by {
        FramesBy::Kind => by_kind(&census.kinds[shown.clone()]),
        FramesBy::Owner => by_owner(machine, &census.owners[shown.clone()]),
    };
    let zoom = wanted
        .zoom
        .unwrap_or_else(|| fitting(to - from))
        .clamp(1, all.max(1));
    let letters: Vec<char> = marks
        .chunks(zoom as usize)
        .map(|group| rarest(group, &legend))
        .collect();
    let mut counts: BTreeMap<&'static str, u32> = BTreeMap::new();
    for kind in FrameKind::ALL {
        counts.insert(kind.name(), 0);
    }
    for kind in &census.kinds[shown] {
        *counts.entry(kind.name()).or_default() += 1;
    }
    Frames {
        from,
        to,
        zoom,
        rows: letters
            .chunks(COLUMNS as usize)
            .map(String::from_iter)
            .collect(),
        counts,
        legend,
    }
}

/// The least power of two with which that many frames fit into the picture.
fn fitting(frames: u32) -> u32 {
    frames.div_ceil(COLUMNS * LINES).max(1).next_power_of_two()
}

/// The character for a group: that of which there is least in the whole picture, so that the few
/// frames that differ are not lost among the many that do not.
fn rarest(group: &[char], legend: &[LegendEntry]) -> char {
    let number = |letter: &&char| {
        let entry = legend.iter().position(|entry| entry.letter == **letter);
        entry.map_or((0, 0), |place| (legend[place].frames, place))
    };
    group.iter().min_by_key(number).copied().unwrap_or(' ')
}

fn by_kind(kinds: &[FrameKind]) -> (Vec<char>, Vec<LegendEntry>) {
    let entry = |kind: FrameKind| LegendEntry {
        letter: kind.letter(),
        meaning: kind.meaning().to_owned(),
        frames: kinds.iter().filter(|other| **other == kind).count() as u32,
    };
    let legend = FrameKind::ALL.map(entry);
    let marks = kinds.iter().map(|kind| kind.letter()).collect();
    (marks, used(legend.to_vec()))
}

/// Letters for the first 26 processes in the order of their pids.
const OWNERS: std::ops::RangeInclusive<char> = 'a'..='z';

fn by_owner(machine: &Machine, owners: &[FrameOwner]) -> (Vec<char>, Vec<LegendEntry>) {
    let mut processes: Vec<Pid> = owners
        .iter()
        .filter_map(|owner| match owner {
            FrameOwner::Process(pid) => Some(*pid),
            _ => None,
        })
        .collect();
    processes.sort_unstable();
    processes.dedup();
    let letters: BTreeMap<Pid, char> = processes.into_iter().zip(OWNERS).collect();
    let letter = |owner: &FrameOwner| match owner {
        FrameOwner::Nobody => '.',
        FrameOwner::Kernel => 'K',
        FrameOwner::Several => '*',
        FrameOwner::Process(pid) => letters.get(pid).copied().unwrap_or('#'),
    };
    let marks: Vec<char> = owners.iter().map(letter).collect();
    let tasks = letters
        .iter()
        .map(|(pid, letter)| (*letter, whose(machine, *pid)));
    let others = [
        ('.', "free".to_owned()),
        ('K', "kernel and page cache".to_owned()),
        ('*', "several processes".to_owned()),
        ('#', "more processes".to_owned()),
    ];
    let entry = |(letter, meaning)| LegendEntry {
        letter,
        meaning,
        frames: marks.iter().filter(|mark| **mark == letter).count() as u32,
    };
    let legend = others.into_iter().chain(tasks).map(entry).collect();
    (marks, used(legend))
}

fn whose(machine: &Machine, pid: Pid) -> String {
    let kernel = &machine.kernel;
    let task = kernel.pid_hash().find(pid);
    task.map_or_else(
        || pid.to_string(),
        |task| format!("{pid}:{}", kernel.names.get(kernel.comm(task))),
    )
}

fn used(legend: Vec<LegendEntry>) -> Vec<LegendEntry> {
    legend
        .into_iter()
        .filter(|entry| entry.frames > 0)
        .collect()
}

impl Frames {
    /// The picture, each line after the number of its first frame, and the legend. A line that is
    /// repeated is shown once.
    pub fn text(&self) -> Text {
        let mut text = Text::default();
        let per_row = self.zoom * COLUMNS;
        let mut first = self.from;
        for same in self.rows.chunk_by(|a, b| a == b) {
            text.push(
                Line::default()
                    .add(Role::Frame, format_args!("{first:#07x}"))
                    .plain(" ")
                    .plain(&same[0]),
            );
            let next = first.saturating_add(per_row * same.len() as u32);
            if same.len() > 1 {
                let last = Pfn(next.min(self.to) - 1);
                text.push(Line::default().add(Role::Dim, format_args!("  the same to {last}")));
            }
            first = next;
        }
        if self.zoom > 1 {
            text.push(Line::default().plain(format_args!(
                "one character for {} frames: the rarest use among them",
                self.zoom
            )));
        }
        for entry in &self.legend {
            let count = format!("{:>6}", entry.frames);
            text.push(
                Line::default()
                    .add(Role::Number, count)
                    .plain(format_args!("  {}  {}", entry.letter, entry.meaning)),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_into_sixteen_lines() {
        for (frames, zoom) in [(1, 1), (1024, 1), (1025, 2), (16_384, 16), (229_376, 256)] {
            assert_eq!(fitting(frames), zoom, "{frames} frames");
        }
    }

    #[test]
    fn a_group_shows_what_is_rarest() {
        let entry = |letter, frames| LegendEntry {
            letter,
            meaning: String::new(),
            frames,
        };
        let legend = [entry('.', 900), entry('K', 90), entry('p', 10)];
        assert_eq!(rarest(&['.', '.', 'p', 'K'], &legend), 'p');
        assert_eq!(rarest(&['.', 'K'], &legend), 'K');
        assert_eq!(rarest(&['.'; 4], &legend), '.');
    }
}
