//! Arenas whose copies share what has not changed: a copy of a kernel costs as much as has been
//! written since the last one, not as much as there is.
//!
//! The values lie in chunks. [`Arena::share`] makes chunks that were written shareable; a chunk that
//! is shared is copied when something in it is to be written. Keys are given as slotmap's `SlotMap`
//! gives them: slot and generation, and the slot freed last is taken first.

use slotmap::{Key, KeyData};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// The values of a chunk: so many are copied when one of them is written.
const CHUNK: usize = 16;

/// Values by generational keys.
pub struct Arena<K, V> {
    chunks: Vec<Chunk<V>>,
    /// The number of slots, vacant ones included.
    slots: u32,
    /// The vacant slot that is taken next; `slots` if there is none.
    free: u32,
    len: usize,
    keys: PhantomData<fn(K) -> K>,
}

#[derive(Clone)]
enum Chunk<V> {
    /// Nobody else has it.
    Own(Vec<Slot<V>>),
    /// Copies may have it, too.
    Shared(Arc<Vec<Slot<V>>>),
}

#[derive(Clone, Debug)]
struct Slot<V> {
    /// Odd if there is a value.
    generation: u32,
    content: Content<V>,
}

#[derive(Clone, Debug)]
enum Content<V> {
    /// The slot to be taken after this one.
    Vacant(u32),
    Value(V),
}

impl<V: Clone> Chunk<V> {
    #[inline]
    fn slots(&self) -> &[Slot<V>] {
        match self {
            Self::Own(slots) => slots,
            Self::Shared(slots) => slots,
        }
    }

    #[inline]
    fn slots_mut(&mut self) -> &mut Vec<Slot<V>> {
        if let Self::Shared(slots) = self {
            *self = Self::Own(unshared(slots));
        }
        match self {
            Self::Own(slots) => slots,
            Self::Shared(_) => unreachable!("it has just been made this arena's own"),
        }
    }
}

/// What a chunk contains, for one arena alone.
#[cold]
#[inline(never)]
fn unshared<V: Clone>(slots: &mut Arc<Vec<Slot<V>>>) -> Vec<Slot<V>> {
    match Arc::get_mut(slots) {
        Some(slots) => std::mem::take(slots),
        None => {
            let mut own = Vec::with_capacity(CHUNK);
            own.extend_from_slice(slots);
            own
        }
    }
}

/// Slot and generation of a key. Keys count slots from 1.
#[inline]
fn parts(key: impl Key) -> (usize, u32) {
    let bits = key.data().as_ffi();
    ((bits as u32 as usize).wrapping_sub(1), (bits >> 32) as u32)
}

#[inline]
fn key_of<K: Key>(slot: usize, generation: u32) -> K {
    KeyData::from_ffi(u64::from(generation) << 32 | (slot as u64 + 1)).into()
}

impl<K: Key, V: Clone> Arena<K, V> {
    /// An arena without values.
    pub fn new() -> Self {
        Self {
            chunks: Vec::new(),
            slots: 0,
            free: 0,
            len: 0,
            keys: PhantomData,
        }
    }

    /// The number of values.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes what has been written shareable with copies.
    pub fn share(&mut self) {
        for chunk in &mut self.chunks {
            if let Chunk::Own(slots) = chunk {
                *chunk = Chunk::Shared(Arc::new(std::mem::take(slots)));
            }
        }
    }

    /// Adds a value.
    pub fn insert(&mut self, value: V) -> K {
        self.insert_with_key(|_| value)
    }

    /// Adds a value that knows its key.
    pub fn insert_with_key(&mut self, value: impl FnOnce(K) -> V) -> K {
        let slot = self.free as usize;
        self.len += 1;
        if self.free < self.slots {
            let vacant = &mut self.chunks[slot / CHUNK].slots_mut()[slot % CHUNK];
            if let Content::Vacant(next) = vacant.content {
                self.free = next;
            }
            vacant.generation |= 1;
            let key = key_of(slot, vacant.generation);
            vacant.content = Content::Value(value(key));
            return key;
        }
        if slot.is_multiple_of(CHUNK) {
            self.chunks.push(Chunk::Own(Vec::with_capacity(CHUNK)));
        }
        let key = key_of(slot, 1);
        self.chunks[slot / CHUNK].slots_mut().push(Slot {
            generation: 1,
            content: Content::Value(value(key)),
        });
        self.slots += 1;
        self.free = self.slots;
        key
    }

    /// Takes a value out, if it is there.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.get(key)?;
        let (at, _) = parts(key);
        let slot = &mut self.chunks[at / CHUNK].slots_mut()[at % CHUNK];
        slot.generation = slot.generation.wrapping_add(1);
        let gone = std::mem::replace(&mut slot.content, Content::Vacant(self.free));
        self.free = at as u32;
        self.len -= 1;
        match gone {
            Content::Value(value) => Some(value),
            Content::Vacant(_) => None,
        }
    }

    /// Whether there is a value with that key.
    pub fn contains_key(&self, key: K) -> bool {
        self.get(key).is_some()
    }

    /// A value, if it is there.
    #[inline]
    pub fn get(&self, key: K) -> Option<&V> {
        let (at, generation) = parts(key);
        let slot = self.chunks.get(at / CHUNK)?.slots().get(at % CHUNK)?;
        match &slot.content {
            Content::Value(value) if slot.generation == generation => Some(value),
            _ => None,
        }
    }

    /// A value to be changed, if it is there.
    #[inline]
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (at, generation) = parts(key);
        let chunk = self.chunks.get_mut(at / CHUNK)?;
        // A chunk is not copied for a value that it does not have.
        if chunk.slots().get(at % CHUNK)?.generation != generation {
            return None;
        }
        match &mut chunk.slots_mut()[at % CHUNK].content {
            Content::Value(value) => Some(value),
            Content::Vacant(_) => None,
        }
    }

    /// All values with their keys, by slot.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &V)> + Clone {
        let slots = self.chunks.iter().enumerate();
        slots.flat_map(|(nr, chunk)| {
            let slots = chunk.slots().iter().enumerate();
            slots.filter_map(move |(at, slot)| match &slot.content {
                Content::Value(value) => Some((key_of(nr * CHUNK + at, slot.generation), value)),
                Content::Vacant(_) => None,
            })
        })
    }

    /// All values with their keys, by slot, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        let slots = self.chunks.iter_mut().enumerate();
        slots.flat_map(|(nr, chunk)| {
            let slots = chunk.slots_mut().iter_mut().enumerate();
            slots.filter_map(move |(at, slot)| match &mut slot.content {
                Content::Value(value) => Some((key_of(nr * CHUNK + at, slot.generation), value)),
                Content::Vacant(_) => None,
            })
        })
    }

    /// All keys, by slot.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values, by slot.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// All values, by slot, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Key, V: Clone> Default for Arena<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V: Clone> Clone for Arena<K, V> {
    fn clone(&self) -> Self {
        Self {
            chunks: self.chunks.clone(),
            slots: self.slots,
            free: self.free,
            len: self.len,
            keys: PhantomData,
        }
    }
}

/// Whether chunks are shared makes no difference.
impl<K: Key, V: Clone + fmt::Debug> fmt::Debug for Arena<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vacant = self.chunks.iter().flat_map(Chunk::slots);
        let vacant = vacant.filter_map(|slot| match slot.content {
            Content::Vacant(next) => Some((slot.generation, next)),
            Content::Value(_) => None,
        });
        f.debug_struct("Arena")
            .field("values", &self.iter().collect::<Vec<_>>())
            .field("vacant", &vacant.collect::<Vec<_>>())
            .field("free", &self.free)
            .finish()
    }
}

impl<K: Key, V: Clone> Index<K> for Arena<K, V> {
    type Output = V;

    #[inline]
    #[track_caller]
    fn index(&self, key: K) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => gone(key),
        }
    }
}

impl<K: Key, V: Clone> IndexMut<K> for Arena<K, V> {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, key: K) -> &mut V {
        match self.get_mut(key) {
            Some(value) => value,
            None => gone(key),
        }
    }
}

#[cold]
#[track_caller]
fn gone(key: impl Key) -> ! {
    panic!("{key:?} is not in the arena");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::TaskId;
    use slotmap::SlotMap;

    /// The same keys as slotmap's, whatever is added, taken out and copied; and copies stay as they
    /// were.
    #[test]
    fn an_arena_is_a_slot_map_whose_copies_share() {
        let mut dice = fastrand::Rng::with_seed(5);
        let mut ours: Arena<TaskId, u64> = Arena::new();
        let mut theirs: SlotMap<TaskId, u64> = SlotMap::with_key();
        let mut keys: Vec<TaskId> = Vec::new();
        let mut copies = Vec::new();
        for round in 0..20_000 {
            match dice.u8(0..10) {
                0..5 => {
                    keys.push(ours.insert(round));
                    assert_eq!(keys.last().copied(), Some(theirs.insert(round)));
                }
                5..8 if !keys.is_empty() => {
                    // Some are taken out twice.
                    let key = keys[dice.usize(0..keys.len())];
                    assert_eq!(ours.remove(key), theirs.remove(key));
                }
                8 if !keys.is_empty() => {
                    let key = keys[dice.usize(0..keys.len())];
                    assert_eq!(ours.get_mut(key), theirs.get_mut(key));
                    if let (Some(a), Some(b)) = (ours.get_mut(key), theirs.get_mut(key)) {
                        (*a, *b) = (*a + 1, *b + 1);
                    }
                }
                _ if round.is_multiple_of(7) => {
                    ours.share();
                    copies.push((ours.clone(), theirs.clone()));
                }
                _ => {}
            }
        }
        copies.push((ours, theirs));
        assert!(copies.len() > 100);
        for (ours, theirs) in &copies {
            assert!(ours.iter().eq(theirs.iter()));
            assert_eq!(ours.len(), theirs.len());
            assert!(keys.iter().all(|key| ours.get(*key) == theirs.get(*key)));
        }
    }

    #[test]
    fn only_chunks_that_are_written_are_copied() {
        let mut arena: Arena<TaskId, u64> = Arena::new();
        let keys: Vec<TaskId> = (0..100).map(|value| arena.insert(value)).collect();
        arena.share();
        let copy = arena.clone();
        arena[keys[20]] = 7;
        assert!(arena.get_mut(TaskId::default()).is_none());
        let own = |arena: &Arena<TaskId, u64>| {
            let own = arena
                .chunks
                .iter()
                .map(|chunk| matches!(chunk, Chunk::Own(_)));
            own.collect::<Vec<_>>()
        };
        assert_eq!(
            own(&arena),
            [false, true, false, false, false, false, false]
        );
        assert_eq!((arena[keys[20]], copy[keys[20]]), (7, 20));
        drop(copy);
        arena.share();
        // Nobody else has it: nothing is copied.
        arena[keys[0]] = 1;
        assert_eq!(arena[keys[0]], 1);
    }
}
