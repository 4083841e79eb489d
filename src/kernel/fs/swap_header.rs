//! The first page of a swap area, as `mkswap` writes it and `swapon` reads it.

use crate::abi::{Errno, PAGE_SIZE};

/// What a header ends with.
const MAGIC: &[u8; 10] = b"SWAPSPACE2";
/// Words of the header, by their number: version, last page, number of bad pages, the first of them.
const VERSION: usize = 256;
const LAST_PAGE: usize = 257;
const NR_BADPAGES: usize = 258;
const BADPAGES: usize = 384;
/// How many bad pages a header has room for.
const MAX_SWAP_BADPAGES: u32 = 637;
/// The largest number of a slot plus one: a page table entry has 24 bits for it.
const MAX_PAGES: u32 = (1 << 24) - 2;

/// The first page of a swap area without bad pages, as `mkswap` writes it.
pub fn swap_header(last_page: u32) -> [u8; PAGE_SIZE as usize] {
    let mut page = [0; PAGE_SIZE as usize];
    page[4 * VERSION] = 1;
    page[4 * LAST_PAGE..4 * NR_BADPAGES].copy_from_slice(&last_page.to_le_bytes());
    page[PAGE_SIZE as usize - MAGIC.len()..].copy_from_slice(MAGIC);
    page
}

/// What an area consists of, as its header says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SwapHeader {
    /// The last page of the area, which 2.6.12 does not use.
    pub last_page: u32,
    /// Pages that cannot be used.
    pub badpages: Vec<u32>,
}

impl SwapHeader {
    /// Reads the first page of an area.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `sys_swapon()`.
    ///
    /// # Errors
    /// `EINVAL` without a signature, for another version, and for bad pages that cannot be.
    pub(in crate::kernel) fn of_page(page: &[u8; PAGE_SIZE as usize]) -> Result<Self, Errno> {
        let word = |nr: usize| {
            let bytes = page.as_chunks::<4>().0[nr];
            u32::from_le_bytes(bytes)
        };
        let (last_page, bad) = (word(LAST_PAGE), word(NR_BADPAGES));
        if !page.ends_with(MAGIC) || word(VERSION) != 1 || bad > MAX_SWAP_BADPAGES {
            return Err(Errno::EINVAL);
        }
        let badpages = (BADPAGES..).take(bad as usize).map(word).collect();
        let header = Self {
            last_page,
            badpages,
        };
        let max = header.max();
        // 2.6.12 looks at bad pages up to the last page, but keeps its map up to what an entry can
        // name only.
        if header.badpages.iter().any(|bad| !(1..max).contains(bad)) {
            return Err(Errno::EINVAL);
        }
        Ok(header)
    }

    /// The number of pages that entries can name, with the header.
    pub(in crate::kernel) fn max(&self) -> u32 {
        self.last_page.min(MAX_PAGES)
    }

    /// Whether any page can be used.
    pub(in crate::kernel) fn has_good_pages(&self) -> bool {
        self.last_page > self.badpages.len() as u32 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(change: impl FnOnce(&mut [u8; PAGE_SIZE as usize])) -> Result<SwapHeader, Errno> {
        let mut page = swap_header(1023);
        change(&mut page);
        SwapHeader::of_page(&page)
    }

    fn with_bad(pages: &[u32]) -> Result<SwapHeader, Errno> {
        header(|page| {
            page[4 * NR_BADPAGES] = pages.len() as u8;
            for (nr, bad) in pages.iter().enumerate() {
                let at = 4 * (BADPAGES + nr);
                page[at..at + 4].copy_from_slice(&bad.to_le_bytes());
            }
        })
    }

    #[test]
    fn what_a_header_must_say() {
        assert_eq!(header(|_| {}).map(|header| header.last_page), Ok(1023));
        for (what, refused) in [
            ("signature", header(|page| page[4095] = b'1')),
            ("version", header(|page| page[1024] = 2)),
            ("too many bad pages", header(|page| page[1033] = 3)),
            ("the header is bad", with_bad(&[0])),
            ("beyond the end", with_bad(&[1023])),
        ] {
            assert_eq!(refused, Err(Errno::EINVAL), "{what}");
        }
        assert_eq!(
            with_bad(&[5, 7]).map(|header| header.badpages),
            Ok(vec![5, 7])
        );
    }
}
