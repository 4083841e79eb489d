//! The data segment: bytes and addresses of strings and global variables.

use super::super::checked::{GlobalId, Program, Word};
use super::Addresses;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The strings of a program, each once and with a null byte.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    offsets: BTreeMap<String, u32>,
}

impl Texts {
    /// The offset of a string, which is added if it is new.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(offset) = self.offsets.get(text) {
            return *offset;
        }
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.offsets.insert(text.to_owned(), offset);
        offset
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The global variables: first the initialized ones, then those that are zero.
pub(super) struct Data {
    /// The offset of each, by its id.
    offsets: Vec<u32>,
    words: Vec<Word>,
    zeros: u32,
}

impl Data {
    pub(super) fn of(program: &Program) -> Self {
        let mut data = Self {
            offsets: vec![0; program.globals.len()],
            words: Vec::new(),
            zeros: 0,
        };
        let is_zero = |init: &[Word]| init.iter().all(|word| *word == Word::Number(0));
        for (id, global) in program.globals.iter().enumerate() {
            if !is_zero(&global.init) {
                data.offsets[id] = 4 * data.words.len() as u32;
                data.words.extend_from_slice(&global.init);
            }
        }
        for (id, global) in program.globals.iter().enumerate() {
            if is_zero(&global.init) {
                data.offsets[id] = 4 * data.words.len() as u32 + data.zeros;
                data.zeros += 4 * global.init.len() as u32;
            }
        }
        data
    }

    /// The offset of a variable from the start of the data.
    pub(super) fn offset(&self, id: GlobalId) -> u32 {
        self.offsets[id]
    }

    /// Adds the strings that variables are initialized with.
    pub(super) fn intern(&self, texts: &mut Texts) {
        for word in &self.words {
            if let Word::Text(text) = word {
                texts.intern(text);
            }
        }
    }

    /// The initialized bytes, and the number of zeros after them.
    pub(super) fn bytes(&self, texts: &Texts, at: &Addresses) -> (Vec<u8>, u32) {
        let offset = |text: &Arc<str>| texts.offsets.get(&**text).copied().unwrap_or(0);
        let words = self.words.iter().map(|word| match word {
            Word::Number(number) => *number as u32,
            Word::Text(text) => at.texts + offset(text),
            Word::Function(id) => at.functions.get(*id).copied().unwrap_or(0),
        });
        (words.flat_map(u32::to_le_bytes).collect(), self.zeros)
    }
}
