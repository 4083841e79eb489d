//! Arenas whose copies share what has not changed: a copy of a kernel costs as much as has been
//! written since the last one, not as much as there is.
//!
//! Keys are given as slotmap's `SlotMap` gives them: slot and generation, and the slot freed last is
//! taken first. A [`Beside`] keeps more about the same keys.

use super::chunks::Chunks;
use slotmap::{Key, KeyData};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// Values by generational keys.
pub struct Arena<K, V> {
    slots: Chunks<Slot<V>>,
    /// The vacant slot that is taken next; the number of slots if there is none.
    free: u32,
    len: usize,
    keys: PhantomData<fn(K) -> K>,
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
            slots: Chunks::new(),
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
        self.slots.share();
    }

    /// Where the chunks lie that copies may have, too.
    pub fn shared(&self) -> impl Iterator<Item = usize> {
        self.slots.shared()
    }

    /// Adds a value.
    pub fn insert(&mut self, value: V) -> K {
        self.insert_with_key(|_| value)
    }

    /// Adds a value that knows its key.
    pub fn insert_with_key(&mut self, value: impl FnOnce(K) -> V) -> K {
        let slot = self.free as usize;
        self.len += 1;
        if let Some(vacant) = self.slots.get_mut(slot) {
            if let Content::Vacant(next) = vacant.content {
                self.free = next;
            }
            vacant.generation |= 1;
            let key = key_of(slot, vacant.generation);
            vacant.content = Content::Value(value(key));
            return key;
        }
        let key = key_of(slot, 1);
        self.slots.push(Slot {
            generation: 1,
            content: Content::Value(value(key)),
        });
        self.free += 1;
        key
    }

    /// Takes a value out, if it is there.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.get(key)?;
        let (at, _) = parts(key);
        let slot = self.slots.get_mut(at)?;
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
        let slot = self.slots.get(at)?;
        match &slot.content {
            Content::Value(value) if slot.generation == generation => Some(value),
            _ => None,
        }
    }

    /// A value to be changed, if it is there.
    #[inline]
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (at, generation) = parts(key);
        let right = |slot: &Slot<V>| slot.generation == generation;
        match &mut self.slots.get_mut_if(at, right)?.content {
            Content::Value(value) => Some(value),
            Content::Vacant(_) => None,
        }
    }

    /// All values with their keys, by slot.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &V)> + Clone {
        self.slots
            .iter()
            .filter_map(|(at, slot)| match &slot.content {
                Content::Value(value) => Some((key_of(at, slot.generation), value)),
                Content::Vacant(_) => None,
            })
    }

    /// All values with their keys, by slot, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        self.slots
            .iter_mut()
            .filter_map(|(at, slot)| match &mut slot.content {
                Content::Value(value) => Some((key_of(at, slot.generation), value)),
                Content::Vacant(_) => None,
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
            slots: self.slots.clone(),
            free: self.free,
            len: self.len,
            keys: PhantomData,
        }
    }
}

/// Whether chunks are shared makes no difference.
impl<K: Key, V: Clone + fmt::Debug> fmt::Debug for Arena<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vacant = self.slots.iter();
        let vacant = vacant.filter_map(|(_, slot)| match slot.content {
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

/// More about some values of an arena, by the same keys. As with the arena itself, copies share what
/// has not changed.
///
/// It is slotmap's `SecondaryMap` in what it does.
#[derive(Clone)]
pub struct Beside<K, V> {
    slots: Chunks<Option<(K, V)>>,
}

impl<K: Key, V: Clone> Default for Beside<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key, V: Clone> Beside<K, V> {
    /// A map without values.
    pub fn new() -> Self {
        Self {
            slots: Chunks::new(),
        }
    }

    /// Makes what has been written shareable with copies.
    pub fn share(&mut self) {
        self.slots.share();
    }

    /// Keeps a value; that of an earlier key of the same slot is gone.
    pub fn insert(&mut self, key: K, value: V) {
        let (at, _) = parts(key);
        while self.slots.len() <= at {
            self.slots.push(None);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some((key, value));
        }
    }

    /// A value, if it is there.
    pub fn get(&self, key: K) -> Option<&V> {
        match self.slots.get(parts(key).0)? {
            Some((of, value)) if *of == key => Some(value),
            _ => None,
        }
    }

    /// A value to be changed, if it is there.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let right = |slot: &Option<(K, V)>| slot.as_ref().is_some_and(|(of, _)| *of == key);
        let (_, value) = self.slots.get_mut_if(parts(key).0, right)?.as_mut()?;
        Some(value)
    }

    /// All values with their keys, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        let slots = self.slots.iter();
        slots.filter_map(|(_, slot)| slot.as_ref().map(|(key, value)| (*key, value)))
    }

    /// All keys, by slot.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.iter().map(|(key, _)| key)
    }
}

impl<K: Key, V: Clone + fmt::Debug> fmt::Debug for Beside<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
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
    use slotmap::{SecondaryMap, SlotMap};

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

    /// The same as slotmap's, whatever is put in, and copies stay as they were.
    #[test]
    fn what_lies_beside_an_arena_is_a_secondary_map_whose_copies_share() {
        let mut dice = fastrand::Rng::with_seed(6);
        let mut arena: Arena<TaskId, ()> = Arena::new();
        let mut ours: Beside<TaskId, u64> = Beside::new();
        let mut theirs: SecondaryMap<TaskId, u64> = SecondaryMap::new();
        let mut keys: Vec<TaskId> = Vec::new();
        let mut copies = Vec::new();
        for round in 0..5_000 {
            match dice.u8(0..10) {
                0..4 => keys.push(arena.insert(())),
                4..6 if !keys.is_empty() => {
                    let _gone = arena.remove(keys[dice.usize(0..keys.len())]);
                }
                6..8 => {
                    let alive: Vec<TaskId> = arena.keys().collect();
                    if let Some(key) = dice.choice(&alive) {
                        ours.insert(*key, round);
                        let _before = theirs.insert(*key, round);
                    }
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
        assert!(copies.len() > 30);
        for (ours, theirs) in &copies {
            assert!(ours.iter().eq(theirs.iter()));
            assert!(keys.iter().all(|key| ours.get(*key) == theirs.get(*key)));
        }
    }
}
