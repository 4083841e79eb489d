//! Draws a sample. A change keeps its place in the draw when its function moves to another file or
//! when others are edited, so that samples before and after an edit are nearly the same.

use crate::Mutant;
use crate::candidate::Candidate;
use siphasher::sip::SipHasher13;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// More candidates than asked for, as not all of them compile; in the order of their numbers.
pub struct Pool {
    /// The candidates, folder by folder, each in the order of the draw.
    pub drawn: Vec<Candidate>,
    /// How many are wanted from each folder.
    quotas: BTreeMap<String, usize>,
}

/// Draws from each folder in proportion to its candidates.
pub fn pool(candidates: Vec<Candidate>, seed: u64, sample: usize) -> Pool {
    let total = candidates.len().max(1);
    let mut folders: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for candidate in in_order_of_draw(candidates, seed) {
        folders
            .entry(candidate.folder().to_owned())
            .or_default()
            .push(candidate);
    }
    let sizes = folders
        .iter()
        .map(|(folder, them)| (folder.as_str(), them.len()));
    let quotas = quotas(sizes.collect(), total, sample);
    let mut drawn: Vec<Candidate> = Vec::new();
    for (folder, candidates) in folders {
        let wanted = drawn.len() + quotas[&folder] * 8 / 5 + 3;
        for candidate in candidates {
            if drawn.len() < wanted && !drawn.iter().any(|other| other.overlaps(&candidate)) {
                drawn.push(candidate);
            }
        }
    }
    Pool { drawn, quotas }
}

/// Sorted by a hash of what each is, not of where it lies.
fn in_order_of_draw(candidates: Vec<Candidate>, seed: u64) -> Vec<Candidate> {
    let mut alike: BTreeMap<(String, String, String), u32> = BTreeMap::new();
    let mut keyed: Vec<(u64, Candidate)> = Vec::new();
    for candidate in candidates {
        let Candidate {
            function,
            original,
            mutated,
            ..
        } = &candidate;
        let what = (function.clone(), original.clone(), mutated.clone());
        let nth = alike.entry(what.clone()).or_default();
        *nth += 1;
        let mut hasher = SipHasher13::new_with_keys(seed, 0);
        (what, *nth).hash(&mut hasher);
        keyed.push((hasher.finish(), candidate));
    }
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Shares of a whole in proportion to sizes; what rounding leaves goes to the largest remainders.
fn quotas(sizes: Vec<(&str, usize)>, total: usize, sample: usize) -> BTreeMap<String, usize> {
    let shares = sizes.iter().map(|(name, size)| {
        let share = size * sample;
        ((*name).to_owned(), share / total)
    });
    let mut quotas: BTreeMap<String, usize> = shares.collect();
    let left = sample.saturating_sub(quotas.values().sum());
    let mut remainders: Vec<_> = sizes
        .iter()
        .map(|(name, size)| (size * sample % total, *name))
        .collect();
    remainders.sort_by(|a, b| b.cmp(a));
    for (_, name) in remainders.into_iter().take(left) {
        *quotas.entry(name.to_owned()).or_default() += 1;
    }
    quotas
}

impl Pool {
    /// The first of each folder that compile, as many as wanted.
    pub fn sample(mut self, compiling: &BTreeSet<u32>) -> Vec<Mutant> {
        let numbered = (1..)
            .zip(self.drawn)
            .filter(|(number, _)| compiling.contains(number));
        let mut sample = Vec::new();
        for (number, candidate) in numbered {
            if let Some(left) = self
                .quotas
                .get_mut(candidate.folder())
                .filter(|left| **left > 0)
            {
                *left -= 1;
                sample.push(Mutant { number, candidate });
            }
        }
        sample
    }
}
