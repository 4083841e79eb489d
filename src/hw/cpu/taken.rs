//! Words that an atomic exchange has changed from 0 to another value. Locks are taken so: the words
//! tell who holds one when tasks wait for each other.

use crate::abi::VirtAddr;

/// How many words are kept until somebody asks. A task that holds more locks at a time is rare.
const MOST: usize = 16;

/// The words that were taken since somebody asked last, the latest last.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    words: Vec<VirtAddr>,
}

impl Taken {
    pub(super) fn note(&mut self, addr: VirtAddr) {
        if self.words.contains(&addr) {
            return;
        }
        if self.words.len() == MOST {
            self.words.remove(0);
        }
        self.words.push(addr);
    }

    /// Whether none was taken.
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words by address; the list is empty afterwards.
    pub fn take(&mut self) -> impl Iterator<Item = VirtAddr> {
        self.words.drain(..)
    }
}
