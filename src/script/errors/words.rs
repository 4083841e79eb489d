//! The words that a script can use, to find the one that a misspelt word was meant to be.

use crate::script::api;
use crate::script::help::{FunctionDoc, function_docs};
use crate::script::session::Limits;
use rhai::{AST, Engine, Map, Position, Scope};
use serde_json::Value;

/// Keys of the maps that our functions return.
const FIELDS: [&str; 36] = [
    "users",
    "count",
    "pgd",
    "rss",
    "anon_rss",
    "total_vm",
    "nr_ptes",
    "map_count",
    "brk",
    "start_stack",
    "fds",
    "path",
    "f_count",
    "pending",
    "live",
    "pgrp",
    "session",
    "shared_pending",
    "eax",
    "esp",
    "eip",
    "status",
    "text",
    "seq",
    "tick",
    "cpu",
    "task",
    "event",
    "child",
    "addr",
    "pfn",
    "old",
    "left",
    "faults",
    "cow_copies",
    "rows",
];

/// Types in the signatures of Rhai's functions, and the names of such values in scripts.
const RECEIVERS: [(&str, &str); 6] = [
    ("Array", "arrays"),
    ("String", "strings"),
    ("Map", "maps"),
    ("Blob", "blobs"),
    ("i64", "ints"),
    ("Range", "ranges"),
];

/// The words of a session, gathered only when something went wrong.
pub(in crate::script) struct Words<'a> {
    pub(in crate::script) engine: &'a Engine,
    pub(in crate::script) scope: &'a Scope<'static>,
    pub(in crate::script) library: &'a AST,
    /// All text of the session.
    pub(in crate::script) document: &'a str,
    pub(in crate::script) limits: &'a Limits,
}

impl Words<'_> {
    /// Names of functions: ours, the script's and Rhai's.
    pub(in crate::script) fn functions(&self) -> Vec<String> {
        let metadata = self.metadata();
        let registered = metadata["functions"].as_array().into_iter().flatten();
        let registered = registered.filter_map(|function| function["name"].as_str());
        let scripted = self.library.iter_functions().map(|function| function.name);
        registered
            .chain(scripted)
            .filter(|name| is_word(name))
            .map(str::to_owned)
            .collect()
    }

    fn metadata(&self) -> Value {
        let json = self.engine.gen_fn_metadata_to_json(true).ok();
        json.and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default()
    }

    /// The types that have a function of Rhai's with that name: `arrays`, `strings`.
    pub(super) fn receivers(&self, name: &str) -> Vec<&'static str> {
        let metadata = self.metadata();
        let functions = metadata["functions"].as_array().into_iter().flatten();
        let named = functions.filter(|function| function["name"] == name);
        let types: Vec<&str> = named
            .filter_map(|function| function["params"][0]["type"].as_str())
            .collect();
        RECEIVERS
            .into_iter()
            .filter(|(rhai, _)| types.iter().any(|name| name.contains(rhai)))
            .map(|(_, ours)| ours)
            .collect()
    }

    /// The name at a position in the session's text.
    pub(super) fn name_at(&self, place: Position) -> Option<String> {
        let line = self.document.lines().nth(place.line()?.checked_sub(1)?)?;
        let rest = line.chars().skip(place.position()?.checked_sub(1)?);
        let name: String = rest
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        (!name.is_empty()).then_some(name)
    }

    /// Names of variables and constants.
    pub(in crate::script) fn variables(&self) -> Vec<String> {
        let constants = api::constants().into_iter();
        let variables = self.scope.iter().map(|(name, ..)| name.to_owned());
        let constants = constants.map(|constant| constant.name.to_owned());
        variables.chain(constants).collect()
    }

    /// Keys of the maps in variables, and of those that properties and events give.
    pub(in crate::script) fn fields(&self) -> Vec<String> {
        let variables = self.scope.iter_raw().filter_map(|(_, _, value)| {
            let map = value.read_lock::<Map>()?;
            Some(map.keys().map(ToString::to_string).collect::<Vec<_>>())
        });
        let known = FIELDS.into_iter().map(str::to_owned);
        variables.flatten().chain(known).collect()
    }

    /// Whether a variable of that name is defined at the top level.
    pub(super) fn is_global(&self, name: &str) -> bool {
        self.scope.contains(name)
    }

    /// The documentation of the members of a handle type, such as `task.prio` and `task.fork()`.
    pub(in crate::script) fn members(type_name: &str) -> Vec<&'static FunctionDoc> {
        let receiver = format!("{}.", type_name.to_lowercase());
        let docs = function_docs().iter();
        docs.filter(|doc| doc.signature.starts_with(&receiver))
            .collect()
    }
}

/// The signatures of our functions of that name.
pub(super) fn signatures(name: &str) -> Vec<String> {
    let docs = function_docs().iter();
    docs.filter(|doc| doc.name == name)
        .map(|doc| doc.signature.clone())
        .collect()
}

/// The word that was probably meant: the closest, if only a few letters differ. Among equals, the
/// first in the alphabet.
pub fn closest<S: AsRef<str>>(word: &str, known: impl IntoIterator<Item = S>) -> Option<String> {
    let length = word.chars().count();
    // A one-letter word resembles no other.
    let most = length.div_ceil(3).min(length.saturating_sub(1));
    let distance = |known: &str| strsim::damerau_levenshtein(word, known);
    // The time grows with both lengths, and a word much longer or shorter cannot be meant.
    let alike = known
        .into_iter()
        .filter(|known| known.as_ref().chars().count().abs_diff(length) <= most);
    let candidates = alike.map(|known| {
        let known = known.as_ref().to_owned();
        (distance(&known), known)
    });
    candidates
        .filter(|(distance, _)| (1..=most).contains(distance))
        .min()
        .map(|(_, known)| known)
}

/// The word that was probably meant: the shortest with that prefix, otherwise the closest.
pub(in crate::script) fn likeliest(
    word: &str,
    known: impl IntoIterator<Item = String> + Clone,
) -> Option<String> {
    let begun = known.clone().into_iter().filter(|known| {
        word.chars().count() > 1 && known.len() > word.len() && known.starts_with(word)
    });
    let shortest = begun.min_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    shortest.or_else(|| closest(word, known))
}

/// The names of our functions that are not methods: `spawn` but not `task.fork`.
pub(super) fn free_functions() -> impl Iterator<Item = String> + Clone {
    let docs = function_docs().iter().filter(|doc| doc.is_called_by_name());
    let free = docs.filter(|doc| doc.signature.starts_with(&format!("{}(", doc.name)));
    free.map(|doc| doc.name.clone())
}

/// The one of a few words that was probably meant: the closest, or one with a common part, as in
/// `nice` and `niceness`, `fork_cpu` and `child_cpu`.
pub(in crate::script) fn meant(word: &str, known: &[&str]) -> Option<String> {
    let parts: Vec<&str> = word.split('_').filter(|part| part.len() > 2).collect();
    let shares = |other: &&&str| {
        let long = word.len() > 2 && other.len() > 2;
        let begins = long && (word.starts_with(**other) || other.starts_with(word));
        begins || other.split('_').any(|part| parts.contains(&part))
    };
    let shared = || known.iter().find(shares).map(|word| (*word).to_owned());
    closest(word, known).or_else(shared)
}

fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_has_a_part_in_common_is_found_too() {
        let known = ["nice", "policy", "fork_cpu", "parent_tid"];
        for (word, expected) in [
            ("niceness", Some("nice")),
            ("child_cpu", Some("fork_cpu")),
            ("parent_tidptr", Some("parent_tid")),
            ("pol", Some("policy")),
            ("mmm", None),
            ("", None),
        ] {
            assert_eq!(meant(word, &known).as_deref(), expected, "{word}");
        }
    }

    #[test]
    fn the_nearest_word_is_found_and_none_is_made_up() {
        let known = ["fork", "vfork", "spawn", "CLONE_VM", "CLONE_FS"];
        for (word, meant) in [
            ("frok", Some("fork")),
            ("vfrok", Some("vfork")),
            ("spwan", Some("spawn")),
            ("CLONE_VMM", Some("CLONE_VM")),
            ("paint", None),
            ("x", None),
            ("f", None),
        ] {
            assert_eq!(closest(word, known).as_deref(), meant, "{word}");
        }
    }
}
