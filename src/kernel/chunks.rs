//! Lists whose copies share what has not changed: a copy costs as much as has been written since the
//! last one, not as much as there is.
//!
//! The elements lie in chunks. [`Chunks::share`] makes chunks that were written shareable; a chunk
//! that is shared is copied when something in it is to be written.

use std::sync::Arc;

/// The elements of a chunk: so many are copied when one of them is written.
const CHUNK: usize = 16;

/// A list that only grows.
#[derive(Clone)]
pub(super) struct Chunks<T> {
    chunks: Vec<Chunk<T>>,
    len: usize,
}

#[derive(Clone)]
enum Chunk<T> {
    /// Nobody else has it.
    Own(Vec<T>),
    /// Copies may have it, too.
    Shared(Arc<Vec<T>>),
}

impl<T: Clone> Chunk<T> {
    #[inline]
    fn elements(&self) -> &[T] {
        match self {
            Self::Own(elements) => elements,
            Self::Shared(elements) => elements,
        }
    }

    #[inline]
    fn elements_mut(&mut self) -> &mut Vec<T> {
        if let Self::Shared(elements) = self {
            *self = Self::Own(unshared(elements));
        }
        match self {
            Self::Own(elements) => elements,
            Self::Shared(_) => unreachable!("it has just been made this list's own"),
        }
    }
}

/// What a chunk contains, for one list alone.
#[cold]
#[inline(never)]
fn unshared<T: Clone>(elements: &mut Arc<Vec<T>>) -> Vec<T> {
    match Arc::get_mut(elements) {
        Some(elements) => std::mem::take(elements),
        None => {
            let mut own = Vec::with_capacity(CHUNK);
            own.extend_from_slice(elements);
            own
        }
    }
}

impl<T: Clone> Chunks<T> {
    /// A list without elements.
    pub(super) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// The number of elements.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Makes what has been written shareable with copies.
    pub(super) fn share(&mut self) {
        for chunk in &mut self.chunks {
            if let Chunk::Own(elements) = chunk {
                *chunk = Chunk::Shared(Arc::new(std::mem::take(elements)));
            }
        }
    }

    /// Adds an element at the end.
    pub(super) fn push(&mut self, element: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Chunk::Own(Vec::with_capacity(CHUNK)));
        }
        self.chunks[self.len / CHUNK].elements_mut().push(element);
        self.len += 1;
    }

    /// An element, if it is there.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.elements().get(at % CHUNK)
    }

    /// An element to be changed, if it is there.
    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.get_mut_if(at, |_| true)
    }

    /// The same, but only if it is right. If not, no chunk is copied.
    #[inline]
    pub(super) fn get_mut_if(
        &mut self,
        at: usize,
        right: impl FnOnce(&T) -> bool,
    ) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(at / CHUNK)?;
        if !right(chunk.elements().get(at % CHUNK)?) {
            return None;
        }
        chunk.elements_mut().get_mut(at % CHUNK)
    }

    /// All elements with their places.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &T)> + Clone {
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(|(nr, chunk)| {
            let elements = chunk.elements().iter().enumerate();
            elements.map(move |(at, element)| (nr * CHUNK + at, element))
        })
    }

    /// All elements with their places, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        let chunks = self.chunks.iter_mut().enumerate();
        chunks.flat_map(|(nr, chunk)| {
            let elements = chunk.elements_mut().iter_mut().enumerate();
            elements.map(move |(at, element)| (nr * CHUNK + at, element))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunks_that_are_written_are_copied() {
        let mut list = Chunks::new();
        (0..100).for_each(|element| list.push(element));
        list.share();
        let copy = list.clone();
        list.get_mut(20)
            .into_iter()
            .for_each(|element| *element = 7);
        assert!(list.get_mut(100).is_none());
        let own = list.chunks.iter();
        let own: Vec<bool> = own.map(|chunk| matches!(chunk, Chunk::Own(_))).collect();
        assert_eq!(own, [false, true, false, false, false, false, false]);
        assert_eq!((list.get(20), copy.get(20)), (Some(&7), Some(&20)));
        drop(copy);
        list.share();
        // Nobody else has it: nothing is copied.
        list.get_mut(0).into_iter().for_each(|element| *element = 1);
        assert_eq!(list.get(0), Some(&1));
    }
}
