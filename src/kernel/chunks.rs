//! Lists whose copies share what has not changed: a copy costs as much as has been written since the
//! last one, not as much as there is.
//!
//! The elements lie in chunks. [`Chunks::share`] makes chunks that were written shareable; a chunk
//! that is shared is copied when something in it is to be written.

use std::fmt;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// A list that only grows. When an element of a shared chunk is written, the `N` of that chunk are
/// copied.
#[derive(Clone)]
pub(in crate::kernel) struct Chunks<T, const N: usize = 16> {
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
            let mut own = Vec::with_capacity(elements.capacity());
            own.extend_from_slice(elements);
            own
        }
    }
}

impl<T, const N: usize> Default for Chunks<T, N> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

/// Whether chunks are shared makes no difference.
impl<T: Clone + fmt::Debug, const N: usize> fmt::Debug for Chunks<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elements = self.iter().map(|(_, element)| element);
        f.debug_list().entries(elements).finish()
    }
}

impl<T: Clone, const N: usize> Chunks<T, N> {
    /// The elements of a chunk.
    pub(in crate::kernel) const CHUNK: usize = N;

    /// A list without elements.
    pub(in crate::kernel) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// A list of so many equal elements.
    pub(in crate::kernel) fn filled(element: T, len: usize) -> Self {
        let mut list = Self::new();
        (0..len).for_each(|_| list.push(element.clone()));
        list
    }

    /// The number of elements.
    pub(in crate::kernel) const fn len(&self) -> usize {
        self.len
    }

    /// Makes what has been written shareable with copies.
    pub(in crate::kernel) fn share(&mut self) {
        for chunk in &mut self.chunks {
            if let Chunk::Own(elements) = chunk {
                *chunk = Chunk::Shared(Arc::new(std::mem::take(elements)));
            }
        }
    }

    /// Where the chunks lie that copies may have, too.
    pub(in crate::kernel) fn shared(&self) -> impl Iterator<Item = usize> {
        self.chunks.iter().filter_map(|chunk| match chunk {
            Chunk::Own(_) => None,
            Chunk::Shared(elements) => Some(Arc::as_ptr(elements).addr()),
        })
    }

    /// Adds an element at the end.
    pub(in crate::kernel) fn push(&mut self, element: T) {
        if self.len.is_multiple_of(N) {
            self.chunks.push(Chunk::Own(Vec::with_capacity(N)));
        }
        self.chunks[self.len / N].elements_mut().push(element);
        self.len += 1;
    }

    /// An element, if it is there.
    #[inline]
    pub(in crate::kernel) fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / N)?.elements().get(at % N)
    }

    /// An element to be changed, if it is there.
    #[inline]
    pub(in crate::kernel) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.get_mut_if(at, |_| true)
    }

    /// The same, but only if it is right. If not, no chunk is copied.
    #[inline]
    pub(in crate::kernel) fn get_mut_if(
        &mut self,
        at: usize,
        right: impl FnOnce(&T) -> bool,
    ) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(at / N)?;
        if !right(chunk.elements().get(at % N)?) {
            return None;
        }
        chunk.elements_mut().get_mut(at % N)
    }

    /// All elements with their places.
    pub(in crate::kernel) fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &T)> + Clone {
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(|(nr, chunk)| {
            let elements = chunk.elements().iter().enumerate();
            elements.map(move |(at, element)| (nr * N + at, element))
        })
    }

    /// All elements with their places, to be changed.
    pub(in crate::kernel) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        let chunks = self.chunks.iter_mut().enumerate();
        chunks.flat_map(|(nr, chunk)| {
            let elements = chunk.elements_mut().iter_mut().enumerate();
            elements.map(move |(at, element)| (nr * N + at, element))
        })
    }
}

impl<T: Clone, const N: usize> Index<usize> for Chunks<T, N> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn index(&self, at: usize) -> &T {
        &self.chunks[at / N].elements()[at % N]
    }
}

impl<T: Clone, const N: usize> IndexMut<usize> for Chunks<T, N> {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.chunks[at / N].elements_mut()[at % N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunks_that_are_written_are_copied() {
        let mut list: Chunks<u32> = Chunks::new();
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
