//! How an answer is compared with the right one: in words that mean the same, within a tolerance, or
//! item by item.

use super::outcome::{items, means, number};

/// How much of an answer is right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Share(u32);

impl Share {
    /// All of it.
    pub const ALL: Self = Self(100);
    /// Nothing of it.
    pub const NOTHING: Self = Self(0);

    /// In percent.
    pub const fn percent(self) -> u32 {
        self.0
    }

    fn of(part: usize, whole: usize) -> Self {
        match whole {
            0 => Self::NOTHING,
            _ => Self((part * 100 / whole) as u32),
        }
    }
}

/// How far a number may be from the right one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tolerance {
    /// By that much.
    Absolute(u64),
    /// By that many percent of the right one.
    Percent(u64),
}

/// How an answer is compared with the right one.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Rule {
    /// How far a number may be from the right one.
    pub tolerance: Option<Tolerance>,
    /// Whether each right item of a list counts.
    pub by_item: bool,
    /// The answers to choose from, if there are some: the place in the list means the same.
    pub choices: Vec<String>,
}

impl Rule {
    /// How much of an answer is right.
    pub fn share(&self, given: &str, right: &str) -> Share {
        if means(self.chosen(given), right) || self.is_near(given, right) {
            return Share::ALL;
        }
        if !self.by_item {
            return Share::NOTHING;
        }
        let (given, right) = (items(given), items(right));
        let same = given.iter().zip(&right);
        let same = same.filter(|(given, right)| means(given, right)).count();
        // Whoever lists everything that there is must not gain by it.
        Share::of(same, right.len().max(given.len()))
    }

    /// How many items of a list are right, and how many there are; `None` if this is no list.
    pub fn items(&self, given: &str, right: &str) -> Option<(usize, usize)> {
        if !right.starts_with('[') {
            return None;
        }
        let (given, right) = (items(given), items(right));
        let same = given.iter().zip(&right);
        let same = same.filter(|(given, right)| means(given, right)).count();
        Some((same, right.len()))
    }

    /// The choice that a letter or a number stands for, or else the answer as it is.
    pub(super) fn chosen<'a>(&'a self, given: &'a str) -> &'a str {
        let word = given.trim().trim_end_matches([')', '.']);
        let mut letters = word.chars();
        let nth = match (letters.next(), letters.next()) {
            (Some(letter @ 'a'..='z'), None) => letter as usize - 'a' as usize,
            (Some(letter @ 'A'..='Z'), None) => letter as usize - 'A' as usize,
            _ => usize::MAX,
        };
        let chosen = self.choices.get(nth);
        chosen.map_or(given, String::as_str)
    }

    fn is_near(&self, given: &str, right: &str) -> bool {
        let (Some(given), Some(right)) = (number(given), number(right)) else {
            return false;
        };
        let distance = u128::from(given.abs_diff(right));
        match self.tolerance {
            None => false,
            Some(Tolerance::Absolute(most)) => distance <= u128::from(most),
            Some(Tolerance::Percent(most)) => {
                distance * 100 <= u128::from(right.unsigned_abs()) * u128::from(most)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_count_as_much_as_is_right_of_them() {
        let plain = Rule::default();
        let near = |tolerance| Rule {
            tolerance: Some(tolerance),
            ..Rule::default()
        };
        let list = Rule {
            by_item: true,
            ..Rule::default()
        };
        let choice = Rule {
            choices: vec!["the parent".to_owned(), "the child".to_owned()],
            ..Rule::default()
        };
        for (rule, given, right, percent) in [
            (&plain, "cow", "copy", 100),
            (&plain, "9", "10", 0),
            (&near(Tolerance::Absolute(1)), "9", "10", 100),
            (&near(Tolerance::Absolute(1)), "8", "10", 0),
            (&near(Tolerance::Percent(10)), "110", "100", 100),
            (&near(Tolerance::Percent(10)), "111", "100", 0),
            (&near(Tolerance::Percent(10)), "many", "100", 0),
            (&list, "2 3 4 5", "[2, 3, 5, 4]", 50),
            (&list, "2 3", "[2, 3, 5, 4]", 50),
            (&list, "2 3 5 4 6 7 8 9", "[2, 3, 5, 4]", 50),
            (&list, "", "[2, 3]", 0),
            (&choice, "b", "the child", 100),
            (&choice, "A)", "the parent", 100),
            (&choice, "the child", "the child", 100),
            (&choice, "c", "the child", 0),
        ] {
            assert_eq!(
                rule.share(given, right).percent(),
                percent,
                "{given} {right}"
            );
        }
    }
}
