//! Explains calls and operators that do not exist with these arguments: what exists instead, and
//! what the arguments should look like.

use super::diagnose::{Diagnosis, did_you_mean};
use super::words::{Words, closest, free_functions, likeliest, signatures};

/// Our types that have functions of their own, in calls written before a dot.
const HANDLES: [&str; 6] = ["Task", "Call", "Trace", "Event", "View", "Error"];

/// Calls that other systems have, and their equivalents here.
pub(super) const ELSEWHERE: [(&str, &str); 7] = [
    ("raise", "use task.kill(task, SIGTERM)"),
    ("signal", "use task.sigaction(signal, handler)"),
    ("waitpid", "use task.wait(pid) or task.wait(pid, options)"),
    ("execve", "use task.exec(path)"),
    ("malloc", "use task.mmap(len), or task.brk(addr)"),
    ("top", "ps() lists the tasks"),
    (
        "pthread_create",
        "use task.clone(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)",
    ),
];

/// `call` is Rhai's `name (type, type)`.
pub(super) fn no_function(call: &str, words: &Words) -> Diagnosis {
    let (name, types) = taken_apart(call);
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    if !begins_a_name(name) {
        let message = format!("{name} does not work on {}", types.join(", "));
        return Diagnosis::script(message, operator_help(name, &types));
    }
    let message = format!("there is no function {}", written(name, &types));
    Diagnosis::script(message, Some(help(name, &types, words)))
}

/// Rhai's `name (type, type)` as a call is written in a script.
pub(super) fn written_call(call: &str) -> String {
    let (name, types) = taken_apart(call);
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    written(name, &types)
}

/// The name and the types in our terms.
fn taken_apart(call: &str) -> (&str, Vec<String>) {
    let (name, types) = call.split_once(" (").unwrap_or((call, ")"));
    let types = plain_types(types.strip_suffix(')').unwrap_or(types));
    let types = types.split(", ").filter(|part| !part.is_empty());
    (name, types.map(str::to_owned).collect())
}

fn begins_a_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// A call as it is written in a script: a handle stands before the dot.
fn written(name: &str, types: &[&str]) -> String {
    match types {
        [receiver, rest @ ..] if HANDLES.contains(receiver) => {
            format!("{}.{name}({})", receiver.to_lowercase(), rest.join(", "))
        }
        _ => format!("{name}({})", types.join(", ")),
    }
}

fn operator_help(name: &str, types: &[&str]) -> Option<String> {
    let has = |wanted: &str| types.contains(&wanted);
    Some(match name {
        _ if has("()") => "() is the value of a call that returns nothing".to_owned(),
        "&" | "|" | "^" if has("bool") && has("int") => {
            format!("comparisons bind more tightly than {name}: write (a {name} b) == c")
        }
        "*" if has("string") => {
            "to repeat a string: let line = \"\"; line.pad(10, \"-\");".to_owned()
        }
        _ => return None,
    })
}

fn help(name: &str, types: &[&str], words: &Words) -> String {
    let known = signatures(name);
    if known.is_empty() {
        return unknown_name(name, words);
    }
    let receiver = types.first().map(|first| first.to_lowercase());
    let property = receiver.map(|receiver| format!("{receiver}.{name}"));
    if let Some(property) = property.filter(|property| known.contains(property)) {
        return format!("it is a property: {property}, without ()");
    }
    let forms = format!("it is {}; help(\"{name}\") says more", known.join(" or "));
    let form = known.iter().map(|form| arguments_of(form));
    let same_count = form.filter(|(_, names)| {
        let receivers = types.len().saturating_sub(names.len());
        receivers <= 1
    });
    let mut hints = same_count.filter_map(|(is_method, names)| {
        let given = if is_method { types.get(1..)? } else { types };
        let pairs = names.iter().zip(given);
        (names.len() == given.len()).then_some(())?;
        pairs
            .filter_map(|(name, given)| argument_hint(name, given))
            .next()
    });
    match hints.next() {
        Some(hint) => format!("{hint}; {forms}"),
        None => forms,
    }
}

/// Whether a signature has a receiver before a dot, and the names of its arguments.
fn arguments_of(signature: &str) -> (bool, Vec<&str>) {
    let (before, arguments) = signature.split_once('(').unwrap_or((signature, ")"));
    let names = arguments.trim_end_matches(')').split(", ");
    (
        before.contains('.'),
        names.filter(|name| !name.is_empty()).collect(),
    )
}

/// How an argument of that name is written, if one of another type was given.
fn argument_hint(name: &str, given: &str) -> Option<&'static str> {
    Some(match (name, given) {
        ("steps", "string" | "array") => {
            "workload makes the steps: spawn(\"hog\", workload([\"run 5\"]))"
        }
        ("flags" | "prot" | "options", "string") => {
            "flags are constants joined with |: CLONE_VM | SIGCHLD"
        }
        ("len", "string" | "float") => "sizes are ints: 4*KiB",
        ("addr", "string") => "addresses are ints: 0x08048000",
        ("pid" | "child", "string") => "use a handle or a pid: sh.wait(kid)",
        ("n" | "pages" | "ticks", "float") => "use an int: 1, not 0.5",
        _ => return None,
    })
}

/// A name that is none of ours.
fn unknown_name(name: &str, words: &Words) -> String {
    let types = words.receivers(name);
    if !types.is_empty() {
        return format!("{name} exists for {}", types.join(", "));
    }
    if words.is_global(name) {
        return format!("{name} is a variable; if it holds a closure, call it by {name}.call(..)");
    }
    if let Some((_, help)) = ELSEWHERE.iter().find(|(word, _)| *word == name) {
        return (*help).to_owned();
    }
    // Ours first: Rhai has many functions that are hardly meant here.
    let meant = likeliest(name, free_functions().collect::<Vec<_>>());
    meant
        .or_else(|| closest(name, words.functions()))
        .map_or_else(
            || "help() lists all functions".to_owned(),
            |word| did_you_mean(&word),
        )
}

/// Rhai's type names in the terms of our documentation.
pub(in crate::script) fn plain_types(types: &str) -> String {
    types
        .replace("&str | ImmutableString | String", "string")
        .replace("i64", "int")
        .replace("f64", "float")
        .replace("range=", "range")
        .replace("Fn", "closure")
}
