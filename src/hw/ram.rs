//! Physical memory: one flat allocation of 4 KiB frames, with a record of which have changed since
//! the last checkpoint.
//!
//! A physical address or frame outside of RAM is a bug of the emulator, never of an emulated
//! program, and panics. So does, in debug builds, an access to a word that crosses the end of a
//! frame: the [`Mmu`](super::Mmu) splits those.

use super::RamImage;
use super::ram_image::CHUNK;
use crate::abi::{PAGE_SHIFT, PAGE_SIZE, Pfn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, mem};

/// The bytes of one page frame.
pub type Frame = [u8; PAGE_SIZE as usize];

/// The machine's RAM. Numbers are stored in little-endian order.
///
/// `clone` copies every byte; a [`checkpoint`](Ram::checkpoint) is the cheap way to save the
/// contents.
#[derive(Default)]
pub struct Ram {
    /// Plain bytes, because only those can be had zeroed from the host without touching them.
    bytes: Box<[u8]>,
    /// One bit for each frame written since `base` was taken.
    dirty: Box<[u64]>,
    /// The contents of the frames that are not dirty.
    base: RamImage,
    /// For each frame with decoded code, the number of its current contents; otherwise 0.
    code: Box<[u64]>,
    /// Changes whenever a frame can no longer be written without notice.
    epoch: u64,
}

/// A number that no RAM in this process has had before, so that what a CPU knows about one RAM is
/// never mistaken for knowledge about another. The emulated machine cannot see it.
fn fresh_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Nothing of the copy has been decoded yet.
impl Clone for Ram {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            dirty: self.dirty.clone(),
            base: self.base.clone(),
            code: vec![0; self.code.len()].into_boxed_slice(),
            epoch: fresh_number(),
        }
    }
}

/// Shows only the size: nobody reads megabytes.
impl fmt::Debug for Ram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ram({} frames)", self.frames())
    }
}

impl Ram {
    /// Creates RAM of that many frames of 4096 bytes, all zero and clean.
    pub fn new(frames: u32) -> Self {
        Self {
            bytes: vec![0; frames as usize * PAGE_SIZE as usize].into_boxed_slice(),
            dirty: vec![0; (frames as usize).div_ceil(CHUNK)].into_boxed_slice(),
            base: RamImage::zeroed(frames),
            code: vec![0; frames as usize].into_boxed_slice(),
            epoch: fresh_number(),
        }
    }

    /// RAM without any frames, left behind where the real one is taken out.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The size, in frames of 4096 bytes.
    pub const fn frames(&self) -> u32 {
        self.base.frames()
    }

    /// The bytes of a frame.
    #[inline]
    pub fn frame(&self, pfn: Pfn) -> &Frame {
        &self.bytes.as_chunks().0[pfn.index()]
    }

    /// The bytes of a frame for writing; marks it dirty.
    #[inline]
    pub fn frame_mut(&mut self, pfn: Pfn) -> &mut Frame {
        self.mark_dirty(pfn);
        self.bytes_mut(pfn)
    }

    /// Copies all bytes of one frame to another.
    pub fn copy_frame(&mut self, from: Pfn, to: Pfn) {
        self.mark_dirty(to);
        let start = from.phys() as usize;
        let source = start..start + PAGE_SIZE as usize;
        self.bytes.copy_within(source, to.phys() as usize);
    }

    /// Fills a frame with zeros.
    pub fn zero_frame(&mut self, pfn: Pfn) {
        self.frame_mut(pfn).fill(0);
    }

    /// Whether the frame was written since the last checkpoint or restore.
    #[inline]
    pub fn is_dirty(&self, pfn: Pfn) -> bool {
        self.dirty[pfn.index() / CHUNK] >> (pfn.index() % CHUNK) & 1 != 0
    }

    /// How many frames were written since the last checkpoint or restore.
    pub fn dirty_frames(&self) -> usize {
        self.dirty
            .iter()
            .map(|bits| bits.count_ones() as usize)
            .sum()
    }

    /// Saves the contents and marks all frames clean. The cost is proportional to the dirty frames.
    pub fn checkpoint(&mut self) -> RamImage {
        self.epoch = fresh_number();
        for (chunk, dirty) in self.dirty.iter_mut().enumerate() {
            for pfn in frames_of(chunk, mem::take(dirty)) {
                self.base.save(pfn, &self.bytes.as_chunks().0[pfn.index()]);
            }
        }
        self.base.clone()
    }

    /// Restores the contents of a checkpoint of this RAM, earlier or later, and marks all frames
    /// clean. Only frames that differ are copied.
    ///
    /// # Panics
    /// If the image is of a RAM of another size.
    pub fn restore(&mut self, image: &RamImage) {
        assert_eq!(
            self.frames(),
            image.frames(),
            "image of a RAM of another size"
        );
        for (chunk, dirty) in self.dirty.iter_mut().enumerate() {
            let differing = mem::take(dirty) | self.base.differing(image, chunk);
            for pfn in frames_of(chunk, differing) {
                self.bytes.as_chunks_mut().0[pfn.index()] = *image.frame(pfn);
                self.code[pfn.index()] = 0;
            }
        }
        self.base = image.clone();
        self.epoch = fresh_number();
    }

    #[inline]
    fn bytes_mut(&mut self, pfn: Pfn) -> &mut Frame {
        &mut self.bytes.as_chunks_mut().0[pfn.index()]
    }

    /// Must be called before anything is written to a frame. It invalidates the code decoded from
    /// it.
    #[inline]
    pub(super) fn mark_dirty(&mut self, pfn: Pfn) {
        self.dirty[pfn.index() / CHUNK] |= 1 << (pfn.index() % CHUNK);
        self.code[pfn.index()] = 0;
    }

    /// Whether writes to the frame need no notice: it is marked dirty, and none of it is decoded.
    #[inline]
    pub(super) fn is_fast(&self, pfn: Pfn) -> bool {
        self.is_dirty(pfn) && self.code[pfn.index()] == 0
    }

    /// Changes when a frame for which [`is_fast`](Self::is_fast) held no longer is fast.
    #[inline(always)]
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of the contents of a frame that code is decoded from; the next write to the frame
    /// will be noticed. As long as the number stays the same, so do the contents.
    pub(super) fn code_number(&mut self, pfn: Pfn) -> u64 {
        if self.code[pfn.index()] == 0 {
            self.code[pfn.index()] = fresh_number();
            if self.is_dirty(pfn) {
                self.epoch = fresh_number();
            }
        }
        self.code[pfn.index()]
    }

    /// Whether the contents of a frame still have that number.
    #[inline]
    pub(super) fn holds_code(&self, pfn: Pfn, number: u64) -> bool {
        self.code[pfn.index()] == number
    }

    #[inline]
    pub(super) fn load<const N: usize>(&self, phys: u32) -> [u8; N] {
        debug_assert!(in_one_frame::<N>(phys));
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[phys as usize..phys as usize + N]);
        bytes
    }

    /// Stores into a frame that is known to be dirty and without decoded code.
    #[inline]
    pub(super) fn store<const N: usize>(&mut self, phys: u32, bytes: [u8; N]) {
        debug_assert!(in_one_frame::<N>(phys) && self.is_fast(Pfn(phys >> PAGE_SHIFT)));
        self.bytes[phys as usize..phys as usize + N].copy_from_slice(&bytes);
    }
}

macro_rules! words {
    ($($type:ident: $read:ident, $write:ident;)*) => {
        impl Ram {
            $(
                #[doc = concat!("The `", stringify!($type), "` at a physical address.")]
                #[inline]
                pub fn $read(&self, phys: u32) -> $type {
                    $type::from_le_bytes(self.load(phys))
                }

                #[doc = concat!("Stores a `", stringify!($type), "` at a physical address.")]
                #[inline]
                pub fn $write(&mut self, phys: u32, value: $type) {
                    self.mark_dirty(Pfn(phys >> PAGE_SHIFT));
                    self.store(phys, value.to_le_bytes());
                }
            )*
        }
    };
}

words! {
    u8: read_u8, write_u8;
    u16: read_u16, write_u16;
    u32: read_u32, write_u32;
}

const fn in_one_frame<const N: usize>(phys: u32) -> bool {
    (phys & (PAGE_SIZE - 1)) as usize + N <= PAGE_SIZE as usize
}

/// The frames of a chunk whose bits are set, in ascending order.
fn frames_of(chunk: usize, mut bits: u64) -> impl Iterator<Item = Pfn> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(Pfn((chunk * CHUNK) as u32 + bit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_in_memory_little_endian() {
        let mut ram = Ram::new(2);
        ram.write_u32(0x1000, 0x1234_5678);
        ram.write_u16(0x1ffe, 0xabcd);
        assert_eq!(ram.frame(Pfn(1))[..4], [0x78, 0x56, 0x34, 0x12]);
        assert_eq!((ram.read_u8(0x1fff), ram.read_u16(0x1001)), (0xab, 0x3456));
    }

    type Change = fn(&mut Ram);

    #[test]
    fn whatever_writes_a_frame_marks_it_dirty() {
        let changes: [Change; 6] = [
            |ram| ram.write_u8(Pfn(70).phys(), 1),
            |ram| ram.write_u16(Pfn(70).phys() + 0xffe, 1),
            |ram| ram.write_u32(Pfn(70).phys() + 0x10, 1),
            |ram| ram.frame_mut(Pfn(70))[0] = 1,
            |ram| ram.copy_frame(Pfn(0), Pfn(70)),
            |ram| ram.zero_frame(Pfn(70)),
        ];
        for change in changes {
            let mut ram = Ram::new(128);
            change(&mut ram);
            assert!(ram.is_dirty(Pfn(70)));
            assert_eq!(ram.dirty_frames(), 1);
            ram.checkpoint();
            assert!(!ram.is_dirty(Pfn(70)));
            assert_eq!(ram.dirty_frames(), 0);
        }
    }

    #[test]
    fn a_copied_frame_is_equal_and_independent() {
        let mut ram = Ram::new(3);
        ram.frame_mut(Pfn(1)).fill(9);
        ram.copy_frame(Pfn(1), Pfn(2));
        assert_eq!(ram.frame(Pfn(2)), &[9; 4096]);
        ram.zero_frame(Pfn(1));
        assert_eq!((ram.read_u8(0x1000), ram.read_u8(0x2000)), (0, 9));
    }

    #[test]
    fn any_checkpoint_can_be_restored_in_any_order() {
        let mut ram = Ram::new(200);
        let mut images = vec![ram.checkpoint()];
        for step in 1..=4u32 {
            ram.write_u32(Pfn(step * 40).phys(), step);
            ram.write_u32(Pfn(3).phys(), step);
            images.push(ram.checkpoint());
        }
        ram.write_u32(Pfn(199).phys(), 99);
        for moment in [1, 4, 0, 3, 2] {
            ram.restore(&images[moment as usize]);
            assert_eq!(ram.read_u32(Pfn(3).phys()), moment);
            for step in 1..=4 {
                let expected = if step <= moment { step } else { 0 };
                assert_eq!(ram.read_u32(Pfn(step * 40).phys()), expected);
            }
            assert_eq!(ram.read_u32(Pfn(199).phys()), 0);
            assert_eq!(ram.dirty_frames(), 0);
            ram.write_u32(Pfn(199).phys(), 99);
        }
    }

    #[test]
    fn ram_can_be_taken_out_and_put_back() {
        let mut ram = Ram::new(1);
        ram.write_u8(0, 5);
        let taken = mem::replace(&mut ram, Ram::empty());
        assert_eq!((ram.frames(), taken.frames()), (0, 1));
        assert_eq!(taken.clone().read_u8(0), 5);
    }
}
