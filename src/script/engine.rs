//! The Rhai engine: its limits, the words and constants that scripts may use, and our functions.

use super::api;
use super::error::ScriptError;
use super::words::closest;
use rhai::{Engine, EvalAltResult, OptimizationLevel, Token};

/// What a script may use at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Operations of the interpreter.
    pub operations: u64,
    /// Nested calls.
    pub call_depth: usize,
    /// Nested expressions.
    pub expression_depth: usize,
    /// Bytes of a string.
    pub string: usize,
    /// Elements of an array.
    pub array: usize,
    /// Entries of an object map.
    pub map: usize,
    /// Ticks that one call may let pass.
    pub ticks: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 50_000_000,
            call_depth: 64,
            expression_depth: 64,
            string: 1 << 20,
            array: 1 << 20,
            map: 1 << 16,
            ticks: 100_000_000,
        }
    }
}

/// Makes an engine with our functions and limits.
pub(super) fn build(limits: &Limits) -> Engine {
    // The names of closures are hashes, random at each run unless seeded. It can be done only once
    // in a process: a second engine finds it done.
    let _ = rhai::config::hashing::set_hashing_seed(Some([1, 2, 3, 4]));
    let mut engine = Engine::new();
    engine
        .set_optimization_level(OptimizationLevel::None)
        .set_max_operations(limits.operations)
        .set_max_call_levels(limits.call_depth)
        .set_max_expr_depths(limits.expression_depth, limits.expression_depth)
        .set_max_string_size(limits.string)
        .set_max_array_size(limits.array)
        .set_max_map_size(limits.map)
        .set_max_modules(0)
        .set_fail_on_invalid_map_property(true);
    free_reserved_words(&mut engine);
    engine.disable_symbol("eval");
    refuse_sleep(&mut engine);
    explain_missing_properties(&mut engine);
    api::register(&mut engine);
    let constants = api::constants();
    resolve_constants(&mut engine, constants.clone());
    engine
}

/// Words that Rhai keeps for itself without using them, and that our scripts have use for.
const FREED: [&str; 8] = [
    "spawn", "thread", "sync", "yield", "goto", "shared", "new", "default",
];

#[allow(
    deprecated,
    reason = "rhai marks the call as volatile; the version is pinned"
)]
fn free_reserved_words(engine: &mut Engine) {
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(word) if FREED.contains(&word.as_str()) => Token::Identifier(word),
        other => other,
    });
}

/// Rhai's `sleep` would wait on the host's clock.
fn refuse_sleep(engine: &mut Engine) {
    fn refused() -> Result<(), Box<EvalAltResult>> {
        let error = ScriptError::new("sleep would wait in your time, not in the machine's");
        Err(error.with_help("tick(n) lets n ms pass there").into())
    }
    engine
        .register_fn("sleep", |_: i64| refused())
        .register_fn("sleep", |_: f64| refused());
}

/// A misspelt key of a map is an error that names the right ones. An error of Rhai's own, which
/// scripts catch as a map, has the properties of ours.
fn explain_missing_properties(engine: &mut Engine) {
    engine.on_map_missing_property(|map, key, _| {
        match key {
            "name" | "help" if map.contains_key("error") => return Ok(String::new().into()),
            "errno" if map.contains_key("error") => return Ok(0_i64.into()),
            _ => {}
        }
        let known = map.keys().map(ToString::to_string).collect::<Vec<_>>();
        let error = ScriptError::new(format!("there is no field {key}"));
        Err(match closest(key, &known) {
            Some(word) => error.with_help(format!("did you mean {word}?")),
            None => error.with_help(format!("there are: {}", known.join(", "))),
        }
        .into())
    });
}

/// Constants are resolved by name, so that closures and functions see them too. A variable of the
/// script hides a constant of the same name.
#[allow(
    deprecated,
    reason = "rhai marks the call as volatile; the version is pinned"
)]
fn resolve_constants(engine: &mut Engine, constants: Vec<(String, i64)>) {
    engine.on_var(move |name, _, context| {
        if context.scope().contains(name) {
            return Ok(None);
        }
        let found = constants.binary_search_by(|(constant, _)| constant.as_str().cmp(name));
        Ok(found.ok().map(|at| constants[at].1.into()))
    });
}
