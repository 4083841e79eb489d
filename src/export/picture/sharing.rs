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

/// Draws who shares what.
pub(super) fn picture(sharing: &Sharing) -> Document {
    let groups = groups(&sharing.frames);
    let mut rows = 0;
    let drawn = groups.iter().take_while(|group| {
        rows += group.first.owners.len();
        rows <= MANY
    });
    let drawn = &groups[..drawn.count()];
    let entries = || drawn.iter().flat_map(|group| &group.first.owners);
    let mut mms: Vec<(MmId, String)> = Vec::new();
    for owner in entries() {
        if !mms.iter().any(|(mm, _)| *mm == owner.mm) {
            mms.push((owner.mm, task_label(owner)));
        }
    }
    let widest = |labels: Vec<String>| {
        let widths = labels.iter().map(|label| width_of(label));
        widths.fold(60.0, f64::max) + 2.0 * PADDING
    };
    let task_width = widest(mms.iter().map(|(_, label)| label.clone()).collect());
    let entry_width = widest(entries().map(entry_label).collect());
    let frame_width = widest(drawn.iter().map(Group::label).collect());
    let entry_x = MARGIN + task_width + GAP;
    let frame_x = entry_x + entry_width + GAP;
    let top = MARGIN + 2.0 * LINE;
    let count = entries().count().max(mms.len()).max(1);
    let height = top + count as f64 * ROW + LINE + MARGIN;
    let title = format!("{} frames with more than one mapping", sharing.frames.len());
    let mut picture = document(frame_x + frame_width + MARGIN, height, &title);
    for (x, head) in [
        (MARGIN, "tasks"),
        (entry_x, "page table entries"),
        (frame_x, "frames"),
    ] {
        picture = picture.add(words(x, MARGIN + 0.75 * LINE, "heading", head));
    }
    let spread = count as f64 / mms.len().max(1) as f64 * ROW;
    let task_y = |number: usize| top + (number as f64 + 0.5) * spread - BOX / 2.0;
    for (number, (_, label)) in mms.iter().enumerate() {
        let place = (MARGIN, task_y(number));
        picture = labelled(picture, place, task_width, Look::Round, ("name", label));
    }
    let mut row = 0;
    for group in drawn {
        let owners = &group.first.owners;
        let middle = (row as f64 + owners.len() as f64 / 2.0) * ROW + top;
        let place = (frame_x, middle - BOX / 2.0);
        picture = labelled(
            picture,
            place,
            frame_width,
            Look::Strong,
            ("plain", &group.label()),
        );
        for owner in owners {
            let y = top + (row as f64 + 0.5) * ROW;
            let number = mms.iter().position(|(mm, _)| *mm == owner.mm).unwrap_or(0);
            let (look, class) = if owner.writable {
                (Look::Plain, "bad")
            } else {
                (Look::Dashed, "good")
            };
            let task = (MARGIN + task_width, task_y(number) + BOX / 2.0);
            picture = arrow(picture, task, (entry_x, y));
            let place = (entry_x, y - BOX / 2.0);
            picture = labelled(
                picture,
                place,
                entry_width,
                look,
                (class, &entry_label(owner)),
            );
            picture = arrow(picture, (entry_x + entry_width, y), (frame_x, middle));
            row += 1;
        }
    }
    let mut below = "dashed: read only   full: may be written".to_owned();
    let left: u32 = groups[drawn.len()..].iter().map(|group| group.frames).sum();
    if left > 0 {
        below = format!("{below}   {left} more frames are not drawn");
    }
    picture.add(words(MARGIN, height - MARGIN, "dim", &below))
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
