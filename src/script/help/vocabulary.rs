//! The words that a user may type next, for completion and hints.

use super::docs::{FunctionDoc, function_docs};
use crate::script::session::{Call, Session, Task, View};
use crate::script::{ScriptError, api};
use rhai::Dynamic;
use std::collections::{BTreeMap, BTreeSet};

/// Keywords that users type at the start of a statement or inside one.
const KEYWORDS: [&str; 20] = [
    "let", "const", "if", "else", "while", "loop", "for", "in", "fn", "return", "true", "false",
    "break", "continue", "switch", "try", "catch", "throw", "do", "until",
];

/// The words of a session at one moment.
#[derive(Clone, Default, Debug)]
pub struct Vocabulary {
    /// Words that can begin an expression: functions, variables, constants.
    words: BTreeSet<String>,
    /// The kind of handle that each variable holds, such as `task`.
    kinds: BTreeMap<String, &'static str>,
}

impl Session {
    /// The words that can be typed now.
    pub fn vocabulary(&self) -> Vocabulary {
        let mut words: BTreeSet<String> = KEYWORDS.map(str::to_owned).into();
        let ours = function_docs().iter().filter(|doc| doc.is_called_by_name());
        let free = ours.filter(|doc| receiver(doc).is_none());
        words.extend(free.map(|doc| doc.name.clone()));
        let commands = [
            "undo", "redo", "goto", "history", "branches", "reset", "tour", "quit",
        ];
        words.extend(commands.map(str::to_owned));
        let constants = api::constants().into_iter();
        words.extend(constants.map(|constant| constant.name.to_owned()));
        words.extend(self.library.ast.iter_functions().map(|f| f.name.to_owned()));
        let mut kinds = BTreeMap::new();
        for (name, _, value) in self.scope.iter_raw() {
            words.insert(name.to_owned());
            if let Some(kind) = kind_of(value) {
                kinds.entry(name.to_owned()).or_insert(kind);
            }
        }
        words.retain(|word| !word.contains('$'));
        Vocabulary { words, kinds }
    }

    /// Whether there is a variable of that name.
    pub fn has_variable(&self, name: &str) -> bool {
        self.scope.contains(name)
    }
}

/// The kind under which the properties and methods of a value are documented.
fn kind_of(value: &Dynamic) -> Option<&'static str> {
    if value.is::<Task>() {
        Some("task")
    } else if value.is::<Call>() {
        Some("call")
    } else if value.is::<View>() {
        Some("view")
    } else if value.is::<api::Trace>() {
        Some("trace")
    } else if value.is::<api::Event>() {
        Some("event")
    } else if value.is::<ScriptError>() {
        Some("error")
    } else {
        None
    }
}

/// The word before the dot in a signature: `task` in `task.fork()`.
fn receiver(doc: &FunctionDoc) -> Option<&str> {
    let (receiver, rest) = doc.signature.split_once('.')?;
    let name = rest.starts_with(&doc.name) && !receiver.contains(['(', '"']);
    name.then_some(receiver)
}

impl Vocabulary {
    /// Completions of the word at the end of a text, and the byte offset where that word begins.
    pub fn complete(&self, text: &str) -> (usize, Vec<String>) {
        let start = word_start(text);
        let (before, word) = text.split_at(start);
        let candidates: BTreeSet<String> = match before.trim_end().strip_suffix('.') {
            Some(object) if !object.ends_with('.') => self.members(object),
            _ if in_string(before) => event_tags(),
            // Only words that a user would look for: what can be called and used.
            _ if text.trim().is_empty() => self.beginnings(),
            _ => self.words.clone(),
        };
        let fitting = candidates.into_iter().filter(|name| name.starts_with(word));
        (start, fitting.collect())
    }

    /// Functions and variables, without constants and keywords.
    fn beginnings(&self) -> BTreeSet<String> {
        let constants: BTreeSet<&str> = api::constants().iter().map(|c| c.name).collect();
        let words = self.words.iter();
        words
            .filter(|word| !constants.contains(word.as_str()) && !KEYWORDS.contains(&word.as_str()))
            .cloned()
            .collect()
    }

    /// Properties and methods of the object before a dot.
    fn members(&self, object: &str) -> BTreeSet<String> {
        let object = object.trim_end();
        let name = &object[word_start(object)..];
        let kind = self.kinds.get(name).copied().or(match name {
            "e" => Some("error"),
            _ if object.ends_with(')') => returned_kind(object),
            _ => None,
        });
        let docs = function_docs().iter().filter(|doc| doc.is_called_by_name());
        let fits = docs.filter(|doc| match (receiver(doc), kind) {
            (Some(receiver), Some(kind)) => receiver == kind,
            (Some(_), None) => true,
            (None, _) => false,
        });
        fits.map(|doc| doc.name.clone()).collect()
    }

    /// The signature of the call whose arguments the end of a text is in.
    pub fn open_call(&self, text: &str) -> Option<&'static str> {
        let open = open_bracket(text)?;
        let before = &text[..open];
        let start = word_start(before);
        let (object, name) = before.split_at(start);
        let method = object.trim_end().ends_with('.');
        let mut docs = function_docs().iter().filter(|doc| doc.name == name);
        docs.find(|doc| receiver(doc).is_some() == method && doc.signature.contains('('))
            .map(|doc| doc.signature.as_str())
    }
}

/// The kind of handle that a call returns: after `spawn("sh").` come the members of a task.
fn returned_kind(object: &str) -> Option<&'static str> {
    let open = object.find('(')?;
    let name = &object[..open];
    match &name[word_start(name)..] {
        "spawn" | "task" | "init" | "fork" | "vfork" | "clone" => Some("task"),
        "trace" | "trace_all" => Some("trace"),
        "ps" | "runq" | "pstree" | "timeline" | "maps" | "smaps" | "vtop" | "frames"
        | "pagetable" | "meminfo" | "buddyinfo" | "vmstat" | "lru" | "why_runs" | "why_not"
        | "prio" | "latency" | "fairness" | "schedstat" => Some("view"),
        _ => None,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The byte offset of the word at the end of a text.
fn word_start(text: &str) -> usize {
    let word = text.chars().rev().take_while(|c| is_word(*c));
    text.len() - word.map(char::len_utf8).sum::<usize>()
}

fn in_string(text: &str) -> bool {
    text.matches('"').count() % 2 == 1
}

fn event_tags() -> BTreeSet<String> {
    let kinds = crate::trace::EventKind::ALL.iter();
    kinds.map(|kind| kind.tag().to_owned()).collect()
}

/// The last bracket that is open at the end of a text.
fn open_bracket(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => open.push(at),
            ')' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Limits;

    fn session() -> Session {
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        session
            .run("let sh = spawn(\"sh\"); let list = [1]; fn forty() { 42 }")
            .unwrap();
        session
    }

    #[test]
    fn words_and_members_are_completed() {
        let words = session().vocabulary();
        for (text, start, expected) in [
            ("spa", 0, &["spawn"][..]),
            ("let x = fort", 8, &["forty"]),
            ("CLONE_VF", 0, &["CLONE_VFORK"]),
            ("sh.vf", 3, &["vfork"]),
            ("spawn(\"sh\").vf", 12, &["vfork"]),
            ("sh.clone(CLONE_VF", 9, &["CLONE_VFORK"]),
            ("trace().onl", 8, &["only"]),
            ("trace().only(\"cow_c", 14, &["cow_copy"]),
            ("lis", 0, &["list"]),
            ("zzz", 0, &[]),
            ("ü.vf", 3, &["vfork"]),
        ] {
            let (at, found) = words.complete(text);
            assert_eq!(
                (at, found),
                (start, expected.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_task_completes_to_what_tasks_have() {
        let words = session().vocabulary();
        let (_, members) = words.complete("sh.");
        assert!(members.contains(&"fork".to_owned()) && members.contains(&"prio".to_owned()));
        assert!(!members.contains(&"only".to_owned()));
    }

    #[test]
    fn an_empty_line_completes_to_what_there_is_to_call() {
        let words = session().vocabulary();
        let (_, found) = words.complete("");
        let has = |word: &str| found.contains(&word.to_owned());
        assert!(has("spawn") && has("sh") && has("forty") && has("undo"));
        assert!(!has("CLONE_VM") && !has("while"));
        assert!(found.len() < 120, "{}", found.len());
    }

    #[test]
    fn the_open_call_is_hinted() {
        let words = session().vocabulary();
        for (text, hint) in [
            ("sh.touch(", Some("task.touch(addr, pages)")),
            ("sh.touch(a, ", Some("task.touch(addr, pages)")),
            ("sh.touch(a, 1)", None),
            ("tick(", Some("tick()")),
            ("sh.", None),
        ] {
            assert_eq!(words.open_call(text), hint, "{text}");
        }
    }
}
