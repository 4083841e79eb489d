//! The Rhai engine: its limits, the keywords and constants of scripts, and our functions.

use super::limits::{Limit, Limits};
use super::nesting::is_nested_deeper;
use super::state::{Halt, Shared};
use super::whole;
use crate::abi::Constant;
use crate::script::api;
use crate::script::errors::{ScriptError, is_of_language, make_ours};
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, OptimizationLevel, Token};

/// Creates an engine with our functions and limits.
pub(super) fn build(limits: &Limits) -> Engine {
    let mut engine = parser(limits);
    refuse_sleep(&mut engine);
    api::register(&mut engine);
    resolve_constants(&mut engine, api::constants(), *limits);
    engine
}

/// Creates an engine that parses scripts as ours does, but knows no functions.
pub(in crate::script) fn parser(limits: &Limits) -> Engine {
    // The names of closures are hashes, which differ from run to run unless seeded. The seed can be
    // set only once per process; later calls are ignored.
    let _ = rhai::config::hashing::set_hashing_seed(Some([1, 2, 3, 4]));
    let depth = limits.size(Limit::ExpressionDepth);
    let mut engine = Engine::new();
    engine
        .set_optimization_level(OptimizationLevel::None)
        .set_max_call_levels(limits.size(Limit::CallDepth))
        .set_max_expr_depths(depth, depth)
        .set_max_variables(limits.size(Limit::Variables))
        .set_max_string_size(limits.size(Limit::String))
        .set_max_array_size(limits.size(Limit::Array))
        .set_max_map_size(limits.size(Limit::Map))
        .set_max_modules(0)
        .set_fail_on_invalid_map_property(true);
    free_reserved_words(&mut engine);
    engine.disable_symbol("eval");
    engine
}

/// Words that Rhai reserves without using them, and that our scripts need.
const FREED: [&str; 9] = [
    "spawn", "thread", "sync", "yield", "goto", "shared", "new", "default", "call",
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

/// Replaces Rhai's `sleep`, which would wait by the host's clock.
fn refuse_sleep(engine: &mut Engine) {
    fn refused() -> Result<(), Box<EvalAltResult>> {
        let error = ScriptError::new("sleep would wait in your time, not the machine's");
        Err(error.with_help("tick(n) lets n ms pass there").into())
    }
    engine
        .register_fn("sleep", |_: i64| refused())
        .register_fn("sleep", |_: f64| refused());
}

/// The limit that a variable has passed, of those that Rhai does not look at: it lets maps grow by
/// `map[key] = value`, and values be nested into each other.
fn excess(value: &Dynamic, operation: u64, limits: &Limits) -> Option<Limit> {
    if whole::is_drawn(operation)
        && let Some(limit) = whole::excess(value, limits)
    {
        return Some(limit);
    }
    let entries = value.read_lock::<Map>().map_or(0, |map| map.len());
    if entries > limits.size(Limit::Map) {
        Some(Limit::Map)
    } else {
        is_nested_deeper(value, limits.size(Limit::Nesting)).then_some(Limit::Nesting)
    }
}

/// Resolves constants by name, so that closures and functions see them too, and the functions of
/// earlier lines of the prompt that a closure passes on. A variable of the script hides a constant
/// of the same name.
#[allow(
    deprecated,
    reason = "rhai marks the call as volatile; the version is pinned"
)]
fn resolve_constants(engine: &mut Engine, constants: Vec<Constant>, limits: Limits) {
    engine.on_var(move |name, _, mut context| {
        // `this` is no variable: it is looked at whenever its function looks at one.
        let operation = context.global_runtime_state().num_operations;
        let passed = context
            .this_ptr()
            .and_then(|this| excess(this, operation, &limits));
        if let Some(limit) = passed {
            return Err(Halt::Limit(limit).into());
        }
        if let Some(value) = context.scope().get(name) {
            if is_of_language(value) {
                // Whatever is done with it, `e` of `catch (e)` is looked up first.
                context.scope_mut().get_mut(name).map(make_ours);
                return Ok(None);
            }
            return match excess(value, operation, &limits) {
                Some(limit) => Err(Halt::Limit(limit).into()),
                None => Ok(None),
            };
        }
        let found = constants.binary_search_by(|constant| constant.name.cmp(name));
        if let Ok(at) = found {
            return Ok(Some(constants[at].value.into()));
        }
        // A closure only knows the functions of its own line.
        let shared = context.tag().clone().try_cast::<Shared>();
        if name == "lab" {
            let seed = shared.map_or(Ok(0), |shared| shared.with(|state| state.exercise.seed))?;
            let lab = Map::from([("seed".into(), (seed as i64).into())]);
            return Ok(Some(lab.into()));
        }
        let is_function = shared.is_some_and(|shared| {
            let known = shared.with(|state| state.source.has_function(name));
            known.unwrap_or(false)
        });
        Ok(if is_function {
            FnPtr::new(name).ok().map(Dynamic::from)
        } else {
            None
        })
    });
}
