//! The words that a script can use, to find the one that a misspelt word may have meant.

use super::api;
use super::help::{FunctionDoc, function_docs};
use super::limits::Limits;
use rhai::{AST, Engine, Map, Scope};
use serde_json::Value;

/// Keys of maps that functions of ours return.
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

/// The words of a session, gathered only when something went wrong.
pub(super) struct Words<'a> {
    pub(super) engine: &'a Engine,
    pub(super) scope: &'a Scope<'static>,
    pub(super) library: &'a AST,
    pub(super) limits: &'a Limits,
}

impl Words<'_> {
    /// Names of functions: ours, the script's and Rhai's.
    pub(super) fn functions(&self) -> Vec<String> {
        let json = self.engine.gen_fn_metadata_to_json(true);
        let metadata: Value = json
            .ok()
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default();
        let registered = metadata["functions"].as_array().into_iter().flatten();
        let registered = registered.filter_map(|function| function["name"].as_str());
        let scripted = self.library.iter_functions().map(|function| function.name);
        registered
            .chain(scripted)
            .filter(|name| is_word(name))
            .map(str::to_owned)
            .collect()
    }

    /// Names of variables and constants.
    pub(super) fn variables(&self) -> Vec<String> {
        let constants = api::constants().into_iter().map(|(name, _)| name);
        let variables = self.scope.iter().map(|(name, ..)| name.to_owned());
        variables.chain(constants).collect()
    }

    /// Keys of the maps in variables, and of those that properties and events give.
    pub(super) fn fields(&self) -> Vec<String> {
        let variables = self.scope.iter_raw().filter_map(|(_, _, value)| {
            let map = value.read_lock::<Map>()?;
            Some(map.keys().map(ToString::to_string).collect::<Vec<_>>())
        });
        let known = FIELDS.into_iter().map(str::to_owned);
        variables.flatten().chain(known).collect()
    }

    /// Whether a variable of that name stands outside of all functions.
    pub(super) fn is_global(&self, name: &str) -> bool {
        self.scope.contains(name)
    }

    /// The documentation of what handles of a type have, such as `task.prio` and `task.fork()`.
    pub(super) fn members(type_name: &str) -> Vec<&'static FunctionDoc> {
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

/// The word that was probably meant: the nearest, if few letters differ. Of several, the first in
/// the alphabet.
pub(super) fn closest<S: AsRef<str>>(
    word: &str,
    known: impl IntoIterator<Item = S>,
) -> Option<String> {
    let most = word.chars().count().div_ceil(3);
    let distance = |known: &str| strsim::damerau_levenshtein(word, known);
    let candidates = known.into_iter().map(|known| {
        let known = known.as_ref().to_owned();
        (distance(&known), known)
    });
    candidates
        .filter(|(distance, _)| (1..=most).contains(distance))
        .min()
        .map(|(_, known)| known)
}

fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(closest(word, known).as_deref(), meant, "{word}");
        }
    }
}
