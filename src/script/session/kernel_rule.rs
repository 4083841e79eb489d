//! Rules of a changed kernel that are written in the script. A rule runs in an engine of its own,
//! which knows no machine: the kernel asks in the middle of a decision, when nothing else may
//! happen. So its answer depends on its argument alone, and a repeated run comes to the same
//! result. What it has captured are copies, made anew for each decision.

use super::engine;
use super::limits::{Limits, thousands};
use super::scope_copy::copy_scope;
use crate::abi::Constant;
use crate::kernel::rules::{Answer, Asked, Fact, Facts, Rule, SharedRule, Trouble};
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, Position, Scope};
use std::cell::Cell;

#[expect(
    clippy::disallowed_types,
    reason = "a rule belongs to the machine and to each of its checkpoints, and never changes"
)]
type Rc<T> = std::rc::Rc<T>;

/// The operations that a rule may use for one decision: a loop over a few hundred tasks.
const MAX_OPERATIONS: u64 = 10_000;
/// The bytes that it may print for one decision.
const MAX_PRINTED: usize = 4_096;
/// The variables, and the nested calls, that it may have.
const MAX_VARIABLES: usize = 100;
const MAX_CALLS: usize = 16;

/// A function of the script that takes a decision of the kernel.
#[derive(Clone)]
pub(in crate::script) struct ScriptRule(Rc<Inner>);

struct Inner {
    engine: Engine,
    functions: AST,
    rule: FnPtr,
    line: usize,
    used: Rc<Used>,
}

/// What a rule has used for the present decision.
#[derive(Default)]
struct Used {
    operations: Cell<u64>,
    printed: Cell<Vec<String>>,
    /// How many bytes that are.
    bytes: Cell<usize>,
}

/// Why a rule is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ended {
    Operations,
    Output,
}

impl Used {
    fn print(&self, text: &str) {
        self.bytes
            .set(self.bytes.get().saturating_add(text.len() + 1));
        if self.bytes.get() <= MAX_PRINTED {
            let mut printed = self.printed.take();
            printed.extend(text.split('\n').map(str::to_owned));
            self.printed.set(printed);
        }
    }

    fn count(&self) -> Option<Ended> {
        self.operations.set(self.operations.get() + 1);
        if self.operations.get() > MAX_OPERATIONS {
            Some(Ended::Operations)
        } else if self.bytes.get() > MAX_PRINTED {
            Some(Ended::Output)
        } else {
            None
        }
    }
}

impl std::fmt::Debug for ScriptRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScriptRule({})", self.0.line)
    }
}

impl ScriptRule {
    /// A rule that stands at a line, with the functions of its script. It keeps copies of what it
    /// has captured.
    pub(in crate::script) fn new(
        limits: &Limits,
        constants: Vec<Constant>,
        mut functions: AST,
        rule: &FnPtr,
        line: usize,
    ) -> Self {
        functions.clear_statements();
        let used = Rc::new(Used::default());
        let mut engine = engine::parser(limits);
        engine
            .set_max_variables(MAX_VARIABLES)
            .set_max_call_levels(MAX_CALLS);
        engine::refuse_sleep(&mut engine);
        engine::resolve_constants(&mut engine, constants, *limits);
        let progress = used.clone();
        engine.on_progress(move |_| progress.count().map(Dynamic::from));
        let printer = used.clone();
        engine.on_print(move |text| printer.print(text));
        let debugger = used.clone();
        engine.on_debug(move |text, _, _| debugger.print(text));
        Self(Rc::new(Inner {
            engine,
            functions,
            rule: fresh(rule),
            line,
            used,
        }))
    }

    /// The rule as the machine keeps it.
    pub(in crate::script) fn shared(&self) -> SharedRule {
        SharedRule(Box::new(self.clone()))
    }
}

/// A copy of a closure that shares no variable with it.
fn fresh(rule: &FnPtr) -> FnPtr {
    let copied = copy_scope(&Scope::new(), std::slice::from_ref(rule));
    copied
        .closures
        .into_iter()
        .next()
        .unwrap_or_else(|| rule.clone())
}

impl Rule for ScriptRule {
    fn ask(&self, facts: &Facts) -> Asked {
        let Inner {
            engine,
            functions,
            rule,
            used,
            ..
        } = &*self.0;
        used.operations.set(0);
        used.bytes.set(0);
        let argument = map_of(facts);
        let result = fresh(rule).call::<Dynamic>(engine, functions, (argument,));
        Asked {
            answer: result
                .map(|value| answer_of(&value))
                .map_err(|error| trouble(&error, facts)),
            operations: used.operations.get(),
            printed: used.printed.take(),
        }
    }

    fn line(&self) -> usize {
        self.0.line
    }

    fn share(&self) -> SharedRule {
        self.shared()
    }
}

fn map_of(facts: &Facts) -> Map {
    let entries = facts.iter();
    entries
        .map(|(name, fact)| ((*name).into(), value_of(fact)))
        .collect()
}

fn value_of(fact: &Fact) -> Dynamic {
    match fact {
        Fact::Int(number) => (*number).into(),
        Fact::Flag(flag) => (*flag).into(),
        Fact::Text(text) => text.clone().into(),
        Fact::Of(facts) => map_of(facts).into(),
        Fact::List(items) => {
            let items = items.iter().map(|facts| Dynamic::from(map_of(facts)));
            items.collect::<Array>().into()
        }
        Fact::Nothing => Dynamic::UNIT,
    }
}

fn answer_of(value: &Dynamic) -> Answer {
    if let Ok(number) = value.as_int() {
        Answer::Int(number)
    } else if let Ok(flag) = value.as_bool() {
        Answer::Flag(flag)
    } else if let Ok(text) = value.clone().into_string() {
        Answer::Text(text)
    } else if let Ok(float) = value.as_float() {
        Answer::Other(format!("the float {float:?}"))
    } else if value.is_unit() {
        Answer::Other("nothing".to_owned())
    } else if value.is_array() {
        Answer::Other("an array".to_owned())
    } else if value.is_map() {
        Answer::Other("an object map".to_owned())
    } else {
        Answer::Other("a value of another type".to_owned())
    }
}

/// Why a rule has no answer, in words.
fn trouble(error: &EvalAltResult, facts: &Facts) -> Trouble {
    let inner = error.unwrap_inner();
    let at = |place: Position| place.line();
    let (message, help) = match inner {
        EvalAltResult::ErrorTerminated(why, _) => match why.clone().try_cast::<Ended>() {
            Some(Ended::Output) => (
                format!("printed more than {} bytes", thousands(MAX_PRINTED as u64)),
                "a rule is asked often: print only what you look for".to_owned(),
            ),
            _ => (
                format!("used up its {} operations", thousands(MAX_OPERATIONS)),
                "does a loop never end? That many are for one decision".to_owned(),
            ),
        },
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let name = signature.split([' ', '(']).next().unwrap_or(signature);
            (
                format!(
                    "called `{name}`, which it cannot: the machine stands still while it decides"
                ),
                "a rule sees its argument and copies of what it has captured: take what it needs \
                 before, as in let pid = sh.pid"
                    .to_owned(),
            )
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => (
            format!("asked for `{name}`, which the decision does not see"),
            format!("it sees {}", names_of(facts)),
        ),
        EvalAltResult::ErrorVariableNotFound(name, _) => (
            format!("named `{name}`, which it does not know"),
            "a rule sees its argument and what it has captured; |t| t.stock names its argument t"
                .to_owned(),
        ),
        other => (
            format!("failed: {other}"),
            "t.stock is what Linux decides: a rule may return it".to_owned(),
        ),
    };
    Trouble {
        message,
        help: Some(help),
        line: at(inner.position()).or_else(|| at(error.position())),
    }
}

fn names_of(facts: &Facts) -> String {
    let names: Vec<&str> = facts.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}
