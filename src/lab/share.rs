//! A share of work that several computers do together: each takes every n-th part.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The share of one of several computers, written `1/4` to `4/4`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(try_from = "String", into = "String")]
pub struct Share {
    /// Which one, from 0.
    part: usize,
    /// Of how many.
    of: usize,
}

impl Share {
    /// All of the work.
    pub const ALL: Self = Self { part: 0, of: 1 };

    /// Keeps the items of this share. Neighbours, which often take equally long, fall to different
    /// shares.
    pub fn of<T>(self, items: Vec<T>) -> Vec<T> {
        let share = items.into_iter().skip(self.part).step_by(self.of);
        share.collect()
    }

    /// All shares of the same work, this one among them.
    pub fn all(self) -> impl Iterator<Item = Self> {
        (0..self.of).map(move |part| Self { part, ..self })
    }

    /// Whether this is the first share, which also does what is to be done once.
    pub const fn is_first(self) -> bool {
        self.part == 0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('/')
            .and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part: part - 1, of }),
            Some((_, of)) if of > 0 => Err(format!("the first number must be 1 to {of}")),
            _ => Err("a share is written 1/4, 2/4, 3/4 or 4/4, for example".to_owned()),
        }
    }
}

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.to_string()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part + 1, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_together_are_everything_once() {
        let mut all = Vec::new();
        for part in ["1/3", "2/3", "3/3"] {
            let share: Share = part.parse().unwrap();
            assert_eq!(share.to_string(), part);
            all.extend(share.of((0..10).collect()));
        }
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "1", "0/3", "4/3", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
