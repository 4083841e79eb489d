//! Saved contents of RAM: images that share every frame that has not changed between them.

use super::Frame;
use crate::abi::Pfn;
use std::sync::Arc;

/// Frames in a chunk: as many as there are bits in a word of dirty bits.
pub(super) const CHUNK: usize = 64;

/// The saved frames of one chunk; `None` is a zero-filled frame.
type Chunk = [Option<Arc<Frame>>; CHUNK];

static ZEROS: Frame = [0; size_of::<Frame>()];

/// The contents of RAM at one moment. A clone copies only pointers, one per 64 frames.
#[derive(Clone, Default)]
pub struct RamImage {
    frames: u32,
    chunks: Vec<Arc<Chunk>>,
}

impl RamImage {
    /// The image of `frames` zero-filled frames.
    pub(super) fn zeroed(frames: u32) -> Self {
        let chunk = Arc::new([const { None }; CHUNK]);
        Self {
            frames,
            chunks: vec![chunk; (frames as usize).div_ceil(CHUNK)],
        }
    }

    /// How many frames the RAM has, in frames of 4096 bytes.
    pub const fn frames(&self) -> u32 {
        self.frames
    }

    /// The saved bytes of a frame.
    ///
    /// # Panics
    /// If the RAM has no such frame.
    pub fn frame(&self, pfn: Pfn) -> &Frame {
        let slot = &self.chunks[pfn.index() / CHUNK][pfn.index() % CHUNK];
        slot.as_deref().unwrap_or(&ZEROS)
    }

    /// Saves the current bytes of a frame. Unchanged frames stay shared.
    pub(super) fn save(&mut self, pfn: Pfn, bytes: &Frame) {
        if self.frame(pfn) == bytes {
            return;
        }
        let chunk = Arc::make_mut(&mut self.chunks[pfn.index() / CHUNK]);
        chunk[pfn.index() % CHUNK] = (*bytes != ZEROS).then(|| Arc::new(*bytes));
    }

    /// How many frames of this image are not shared with the other one.
    pub fn own_frames(&self, other: &Self) -> usize {
        if self.chunks.len() != other.chunks.len() {
            return self.saved().count();
        }
        (0..self.chunks.len())
            .map(|chunk| self.differing(other, chunk).count_ones() as usize)
            .sum()
    }

    /// The frames that take memory, by where they are: images that share one name the same place.
    pub fn saved(&self) -> impl Iterator<Item = usize> {
        let frames = self.chunks.iter().flat_map(|chunk| chunk.iter().flatten());
        frames.map(|frame| Arc::as_ptr(frame).addr())
    }

    /// The frames of a chunk that the two images do not share, one bit each.
    pub(super) fn differing(&self, other: &Self, chunk: usize) -> u64 {
        let (ours, theirs) = (&self.chunks[chunk], &other.chunks[chunk]);
        if Arc::ptr_eq(ours, theirs) {
            return 0;
        }
        let pairs = ours.iter().zip(theirs.iter()).enumerate();
        pairs.fold(0, |bits, (i, (a, b))| bits | u64::from(!same(a, b)) << i)
    }
}

fn same(a: &Option<Arc<Frame>>, b: &Option<Arc<Frame>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ram;
    use super::*;

    #[test]
    fn a_checkpoint_keeps_the_bytes_of_its_moment() {
        let mut ram = Ram::new(130);
        ram.write_u32(Pfn(129).phys(), 1);
        let first = ram.checkpoint();
        ram.write_u32(Pfn(129).phys(), 2);
        assert_eq!(first.frames(), 130);
        assert_eq!(first.frame(Pfn(129))[..4], [1, 0, 0, 0]);
        assert_eq!(first.frame(Pfn(0)), &ZEROS);
    }

    #[test]
    fn consecutive_images_share_the_chunks_and_frames_that_did_not_change() {
        let mut ram = Ram::new(192);
        for pfn in [0, 1, 64] {
            ram.write_u8(Pfn(pfn).phys(), 1);
        }
        let first = ram.checkpoint();
        ram.write_u8(Pfn(1).phys(), 2);
        let second = ram.checkpoint();
        assert!(!Arc::ptr_eq(&first.chunks[0], &second.chunks[0]));
        assert!(Arc::ptr_eq(&first.chunks[1], &second.chunks[1]));
        assert!(Arc::ptr_eq(&first.chunks[2], &second.chunks[2]));
        assert_eq!(first.differing(&second, 0), 0b10);
    }

    #[test]
    fn a_frame_written_with_what_it_held_is_not_saved_again() {
        let mut ram = Ram::new(64);
        ram.write_u8(7, 7);
        let first = ram.checkpoint();
        ram.write_u8(7, 7);
        assert!(Arc::ptr_eq(&first.chunks[0], &ram.checkpoint().chunks[0]));
    }

    #[test]
    fn a_frame_of_zeroes_takes_no_room() {
        let mut ram = Ram::new(64);
        ram.write_u8(0, 1);
        ram.checkpoint();
        ram.zero_frame(Pfn(0));
        assert!(ram.checkpoint().chunks[0][0].is_none());
    }
}
