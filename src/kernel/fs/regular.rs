//! What a regular file has on its device: whole pages, with holes that read as zeros. What is newer
//! than the device is in the page cache.

use crate::abi::{PAGE_SHIFT, PAGE_SIZE};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A page of the device. Checkpoints share it until it is written again.
type Block = Arc<[u8; PAGE_SIZE as usize]>;

/// A regular file: its size, and its pages on the device.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegularFile {
    /// `i_size`: the length in bytes.
    i_size: u32,
    blocks: BTreeMap<u32, Block>,
}

impl RegularFile {
    /// `i_size`: the length in bytes.
    pub const fn i_size(&self) -> u32 {
        self.i_size
    }

    /// A file with these contents, all on its device.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let mut file = Self::default();
        for (index, part) in (0..).zip(bytes.chunks(PAGE_SIZE as usize)) {
            let mut page = [0; PAGE_SIZE as usize];
            page[..part.len()].copy_from_slice(part);
            file.write_block(index, page);
        }
        file.i_size = bytes.len() as u32;
        file
    }

    /// How many of its pages the device holds; holes take no room.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The pages that the device holds, by index.
    pub(super) fn block_indices(&self) -> impl Iterator<Item = u32> {
        self.blocks.keys().copied()
    }

    /// Whether the device holds a page; otherwise it is a hole.
    pub(in crate::kernel) fn has_block(&self, index: u32) -> bool {
        self.blocks.contains_key(&index)
    }

    /// Changes the length alone. What lies beyond it is never read, but it is still there.
    ///
    /// Linux 2.6.12: `include/linux/fs.h`, `i_size_write()`.
    pub(in crate::kernel) const fn i_size_write(&mut self, size: u32) {
        self.i_size = size;
    }

    /// Copies what the device holds of a page into a page of zeros.
    pub(super) fn read_block(&self, index: u32, page: &mut [u8]) {
        if let Some(block) = self.blocks.get(&index) {
            page.copy_from_slice(&**block);
        }
    }

    /// Stores a page on the device.
    pub(in crate::kernel) fn write_block(&mut self, index: u32, page: [u8; PAGE_SIZE as usize]) {
        self.blocks.insert(index, Arc::new(page));
    }

    /// Frees the blocks beyond the length.
    pub(in crate::kernel) fn free_blocks(&mut self) {
        let end = self.i_size.div_ceil(PAGE_SIZE);
        self.blocks.split_off(&end);
    }
}

/// How many bytes of a page lie within a file of that size.
pub(in crate::kernel) const fn valid_bytes(size: u32, index: u32) -> u32 {
    let left = size.saturating_sub(index << PAGE_SHIFT);
    if left < PAGE_SIZE { left } else { PAGE_SIZE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_read_as_zeros_and_blocks_go_with_the_end() {
        let mut file = RegularFile::default();
        file.i_size_write(3 * PAGE_SIZE);
        file.write_block(2, [7; PAGE_SIZE as usize]);
        let read = |file: &RegularFile, index| {
            let mut page = [0; PAGE_SIZE as usize];
            file.read_block(index, &mut page);
            page[0]
        };
        assert_eq!((file.blocks(), read(&file, 1), read(&file, 2)), (1, 0, 7));
        file.i_size_write(2 * PAGE_SIZE + 1);
        file.free_blocks();
        assert_eq!(read(&file, 2), 7, "a part of the page is still in the file");
        file.i_size_write(2 * PAGE_SIZE);
        file.free_blocks();
        assert_eq!((file.blocks(), read(&file, 2)), (0, 0));
    }

    #[test]
    fn the_last_page_of_a_file_is_valid_in_part() {
        for (size, index, valid) in [
            (0, 0, 0),
            (1, 0, 1),
            (PAGE_SIZE, 0, PAGE_SIZE),
            (PAGE_SIZE, 1, 0),
            (PAGE_SIZE + 5, 1, 5),
            (PAGE_SIZE + 5, 2, 0),
        ] {
            assert_eq!(valid_bytes(size, index), valid, "page {index} of {size}");
        }
    }
}
