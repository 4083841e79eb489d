//! An executable image: what `execve` maps.

use super::DebugInfo;
use crate::abi::PAGE_SIZE;
use std::sync::Arc;

/// Where the text of every program starts, as with the i386 linker.
pub const TEXT_START: u32 = 0x0804_8000;

/// A program, linked for [`TEXT_START`]. Its file contains the text, padded to whole pages,
/// followed by the data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProgramImage {
    /// Machine code, followed by read-only data: mapped shared and not writable at [`TEXT_START`].
    pub text: Vec<u8>,
    /// Data that the program may change: mapped privately at [`data_start`](Self::data_start).
    pub data: Vec<u8>,
    /// Bytes after the data that are initially zero.
    pub bss: u32,
    /// Address of the first instruction.
    pub entry: u32,
    /// Debug information.
    pub debug: Arc<DebugInfo>,
}

impl ProgramImage {
    /// Number of pages of the text.
    pub const fn text_pages(&self) -> u32 {
        (self.text.len() as u32).div_ceil(PAGE_SIZE)
    }

    /// Address of the data: the page after the text.
    pub const fn data_start(&self) -> u32 {
        TEXT_START + self.text_pages() * PAGE_SIZE
    }

    /// Size of its file in bytes.
    pub const fn file_size(&self) -> u32 {
        match self.data.len() {
            0 => self.text.len() as u32,
            data => self.text_pages() * PAGE_SIZE + data as u32,
        }
    }

    /// Number of pages of data and bss.
    pub(in crate::kernel) const fn data_pages(&self) -> u32 {
        (self.data.len() as u32 + self.bss).div_ceil(PAGE_SIZE)
    }

    /// The bytes of its file.
    pub fn file(&self) -> Vec<u8> {
        let mut bytes = self.text.clone();
        if !self.data.is_empty() {
            bytes.resize((self.text_pages() * PAGE_SIZE) as usize, 0);
            bytes.extend_from_slice(&self.data);
        }
        bytes
    }
}
