//! What the marks of a class say together: the mean, the distribution, what ended hand-ins, the
//! commonest misses, hand-ins that are alike.

use super::graded::Graded;
use super::similar::{Pair, Print, alike};
use crate::course::{Lab, Note};
use crate::script::Points;
use std::collections::BTreeMap;

/// How many groups of marks there are, from no points to all.
const GROUPS: usize = 10;
/// The most misses that are listed.
const MAX_MISSES: usize = 8;

/// The results of a class.
pub struct Class {
    /// The title of the lab.
    pub title: String,
    /// The points that there are.
    pub of: Points,
    /// The ids of the tasks.
    pub tasks: Vec<String>,
    /// The results, by student.
    pub graded: Vec<Graded>,
    /// Hand-ins that are alike, if that was asked for, by their places.
    pub pairs: Option<Vec<Pair>>,
    /// What lacks of the class, each in a line; empty if nothing does.
    pub missing: Vec<String>,
}

/// How often each text comes, most first.
fn counted(texts: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(text, count)| (std::cmp::Reverse(*count), text.clone()));
    counts
}

/// A miss that several hand-ins have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Miss {
    /// How many have it.
    pub count: usize,
    /// The task.
    pub task: String,
    /// Why points are lost.
    pub why: String,
}

impl Class {
    /// The results of a class, by student. With `given`, hand-ins that are alike are found: it is what
    /// everybody was given.
    pub fn new(lab: &Lab, mut graded: Vec<Graded>, given: Option<&Print>) -> Self {
        graded.sort_by(|a, b| a.student.cmp(&b.student));
        let prints = || -> Vec<Print> { graded.iter().map(|one| one.print.clone()).collect() };
        let pairs = given.map(|given| alike(&prints(), given));
        Self {
            title: lab.title.clone(),
            of: lab.points(),
            tasks: lab.tasks.iter().map(|task| task.id.clone()).collect(),
            graded,
            pairs,
            missing: Vec::new(),
        }
    }

    /// The same class, known to lack something.
    #[must_use]
    pub fn without(self, missing: Vec<String>) -> Self {
        Self { missing, ..self }
    }

    /// The mean of the points.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.graded.iter().map(|one| one.points().as_number()).sum();
        sum / self.graded.len().max(1) as f64
    }

    /// How many hand-ins have no points.
    pub fn without_points(&self) -> usize {
        let none = self
            .graded
            .iter()
            .filter(|one| one.points() == Points::default());
        none.count()
    }

    /// How many hand-ins are in each group of marks, with the name of the group.
    pub fn distribution(&self) -> Vec<(String, usize)> {
        let mut counts = [0; GROUPS];
        for one in &self.graded {
            let most = u64::from(self.of.in_hundredths()).max(1);
            let group = u64::from(one.points().in_hundredths()) * GROUPS as u64 / most;
            counts[(group as usize).min(GROUPS - 1)] += 1;
        }
        let width = 100 / GROUPS;
        let name = |nr: usize| {
            let end = if nr + 1 == GROUPS {
                100
            } else {
                (nr + 1) * width - 1
            };
            format!("{} to {end} %", nr * width)
        };
        counts
            .into_iter()
            .enumerate()
            .map(|(nr, count)| (name(nr), count))
            .collect()
    }

    /// What ended hand-ins before their time, and how many, most first.
    pub fn ended(&self) -> Vec<(String, usize)> {
        counted(self.graded.iter().filter_map(Graded::ended_by))
    }

    /// What is to be noticed about hand-ins, and about how many, most first.
    pub fn noticed(&self) -> Vec<(String, usize)> {
        let marks = self.graded.iter().filter_map(Graded::mark);
        let kinds = marks.flat_map(|mark| mark.notes.iter().map(Note::kind));
        counted(kinds.map(str::to_owned))
    }

    /// The commonest reasons for lost points, most first.
    pub fn misses(&self) -> Vec<Miss> {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for mark in self.graded.iter().filter_map(Graded::mark) {
            for task in &mark.tasks {
                for reason in &task.reasons {
                    let key = (task.id.clone(), reason.text.clone());
                    *counts.entry(key).or_default() += 1;
                }
            }
        }
        let mut misses: Vec<Miss> = counts
            .into_iter()
            .map(|((task, why), count)| Miss { count, task, why })
            .collect();
        misses.sort_by_key(|miss| std::cmp::Reverse(miss.count));
        misses.truncate(MAX_MISSES);
        misses
    }
}
