//! Who maps which frame: address spaces on the left, their page table entries in the middle, frames
//! on the right.

use super::shapes::{BOX, Look, PADDING, arrow, labelled};
use super::{LINE, MARGIN, document, width_of, words};
use crate::abi::{MmId, PAGE_SIZE};
use crate::view::{Owner, SharedFrame, Sharing};
use svg::Document;

/// Height of a row, pixels.
const ROW: f64 = 30.0;
/// Room for arrows between two columns, pixels.
const GAP: f64 = 70.0;
/// The most rows that are drawn.
const MANY: usize = 200;

/// Neighbouring frames that the same page tables map side by side.
struct Group<'a> {
    first: &'a SharedFrame,
    frames: u32,
}

/// Where the columns stand, and the address spaces in the first of them.
struct Layout {
    mms: Vec<(MmId, String)>,
    task_width: f64,
    entry_x: f64,
    entry_width: f64,
    frame_x: f64,
    frame_width: f64,
    rows: usize,
}

/// Where the rows begin.
const TOP: f64 = MARGIN + 2.0 * LINE;

/// Draws who shares what.
pub(super) fn picture(sharing: &Sharing) -> Document {
    let groups = groups(&sharing.frames);
    let mut rows = 0;
    let drawn = groups.iter().take_while(|group| {
        rows += group.first.owners.len();
        rows <= MANY
    });
    let (drawn, left) = groups.split_at(drawn.count());
    let mut below = "dashed: read only   full: may be written".to_owned();
    let left: u32 = left.iter().map(|group| group.frames).sum();
    if left > 0 {
        below = format!("{below}   {left} more frames are not drawn");
    }
    let layout = Layout::new(drawn);
    let width = (layout.frame_x + layout.frame_width).max(MARGIN + width_of(&below)) + MARGIN;
    let height = TOP + layout.rows as f64 * ROW + LINE + MARGIN;
    let title = format!("{} frames with more than one mapping", sharing.frames.len());
    let mut picture = layout.tasks(document(width, height, &title));
    let mut row = 0;
    for group in drawn {
        picture = layout.group(picture, group, row);
        row += group.first.owners.len();
    }
    picture.add(words(MARGIN, height - MARGIN, "dim", &below))
}

impl Layout {
    fn new(groups: &[Group<'_>]) -> Self {
        let entries = || groups.iter().flat_map(|group| &group.first.owners);
        let mut mms: Vec<(MmId, String)> = Vec::new();
        for owner in entries() {
            if !mms.iter().any(|(mm, _)| *mm == owner.mm) {
                mms.push((owner.mm, task_label(owner)));
            }
        }
        let widest = |labels: &mut dyn Iterator<Item = String>| {
            let widths = labels.map(|label| width_of(&label));
            widths.fold(60.0, f64::max) + 2.0 * PADDING
        };
        let task_width = widest(&mut mms.iter().map(|(_, label)| label.clone()));
        let entry_width = widest(&mut entries().map(entry_label));
        let entry_x = MARGIN + task_width + GAP;
        Self {
            rows: entries().count().max(mms.len()).max(1),
            mms,
            task_width,
            entry_x,
            entry_width,
            frame_x: entry_x + entry_width + GAP,
            frame_width: widest(&mut groups.iter().map(Group::label)),
        }
    }

    /// The top of the box of an address space.
    fn task_y(&self, number: usize) -> f64 {
        let spread = self.rows as f64 / self.mms.len().max(1) as f64 * ROW;
        TOP + (number as f64 + 0.5) * spread - BOX / 2.0
    }

    /// The heads of the columns, and the first column.
    fn tasks(&self, mut picture: Document) -> Document {
        for (x, head) in [
            (MARGIN, "tasks"),
            (self.entry_x, "page table entries"),
            (self.frame_x, "frames"),
        ] {
            picture = picture.add(words(x, MARGIN + 0.75 * LINE, "heading", head));
        }
        for (number, (_, label)) in self.mms.iter().enumerate() {
            let place = (MARGIN, self.task_y(number));
            let said = ("name", label.as_str());
            picture = labelled(picture, place, self.task_width, Look::Round, said);
        }
        picture
    }

    /// Frames and the entries that map them, from that row on.
    fn group(&self, picture: Document, group: &Group<'_>, first: usize) -> Document {
        let owners = &group.first.owners;
        let middle = (first as f64 + owners.len() as f64 / 2.0) * ROW + TOP;
        let place = (self.frame_x, middle - BOX / 2.0);
        let said = group.label();
        let said = ("plain", said.as_str());
        let mut picture = labelled(picture, place, self.frame_width, Look::Strong, said);
        for (row, owner) in (first..).zip(owners) {
            let y = TOP + (row as f64 + 0.5) * ROW;
            let number = self.mms.iter().position(|(mm, _)| *mm == owner.mm);
            let (look, class) = if owner.writable {
                (Look::Plain, "bad")
            } else {
                (Look::Dashed, "good")
            };
            let task_y = self.task_y(number.unwrap_or(0)) + BOX / 2.0;
            picture = arrow(
                picture,
                (MARGIN + self.task_width, task_y),
                (self.entry_x, y),
            );
            let place = (self.entry_x, y - BOX / 2.0);
            let said = entry_label(owner);
            let said = (class, said.as_str());
            picture = labelled(picture, place, self.entry_width, look, said);
            let end = (self.frame_x, middle);
            picture = arrow(picture, (self.entry_x + self.entry_width, y), end);
        }
        picture
    }
}

/// Puts neighbours together.
fn groups(frames: &[SharedFrame]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for frame in frames {
        match groups.last_mut() {
            Some(last) if last.goes_on_with(frame) => last.frames += 1,
            _ => groups.push(Group {
                first: frame,
                frames: 1,
            }),
        }
    }
    groups
}

impl Group<'_> {
    fn goes_on_with(&self, frame: &SharedFrame) -> bool {
        let bytes = self.frames * PAGE_SIZE;
        let beside = |(first, other): (&Owner, &Owner)| {
            (first.mm, first.addr.0.wrapping_add(bytes), first.writable)
                == (other.mm, other.addr.0, other.writable)
        };
        let owners = (&self.first.owners, &frame.owners);
        self.first.pfn.0 + self.frames == frame.pfn.0
            && (self.first.page_count, self.first.page_mapcount)
                == (frame.page_count, frame.page_mapcount)
            && owners.0.len() == owners.1.len()
            && owners.0.iter().zip(owners.1).all(beside)
    }

    fn label(&self) -> String {
        let first = self.first;
        let which = match self.frames {
            1 => format!("{}", first.pfn),
            frames => format!("{} and {} after it", first.pfn, frames - 1),
        };
        format!(
            "{which}  page_count {}  page_mapcount {}",
            first.page_count, first.page_mapcount
        )
    }
}

fn task_label(owner: &Owner) -> String {
    let pids: Vec<String> = owner.pids.iter().map(ToString::to_string).collect();
    match pids.len() {
        0 => "no task".to_owned(),
        1 => format!("task {}", pids[0]),
        _ => format!("tasks {}", pids.join(", ")),
    }
}

fn entry_label(owner: &Owner) -> String {
    let rights = if owner.writable { "rw" } else { "r-" };
    format!("{} {rights}", owner.addr)
}
