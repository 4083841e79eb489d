//! Random programs: machine code against the reference, and the reference against Rhai's own
//! interpreter.

use super::eval::{self, evaluate};
use super::{check_source, emulated, host, program};
use proptest::prelude::*;
use rhai::{Engine, Scope};
use std::sync::{Arc, Mutex};

/// Number variables of a generated function.
const NUMBERS: [&str; 4] = ["a", "b", "c", "d"];

/// What can be named in an expression.
#[derive(Clone, Copy)]
struct Names {
    globals: bool,
    /// Only functions with a lower number may be called.
    functions: usize,
}

fn constant() -> impl Strategy<Value = String> {
    prop_oneof![
        (-10..100_i32).prop_map(|n| format!("({n})")),
        any::<i32>().prop_map(|n| format!("({n})")),
        Just("2147483647".to_owned()),
        prop::sample::select(vec!["1", "2", "3", "4", "5", "8", "9", "16"]).prop_map(str::to_owned),
    ]
}

fn variable(names: Names) -> impl Strategy<Value = String> {
    let mut all: Vec<&str> = NUMBERS.to_vec();
    if names.globals {
        all.extend(["g", "h"]);
    }
    prop::sample::select(all).prop_map(str::to_owned)
}

fn element(index: impl Strategy<Value = String>, names: Names) -> impl Strategy<Value = String> {
    let arrays = if names.globals {
        vec!["t", "u"]
    } else {
        vec!["t"]
    };
    (prop::sample::select(arrays), index).prop_map(|(array, i)| format!("{array}[({i}) & 7]"))
}

fn number(names: Names) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => variable(names),
        2 => constant(),
        1 => element(variable(names), names),
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "&", "|", "^", "+", "-"]);
        let calls = names.functions > 0;
        let function = 0..names.functions.max(1);
        prop_oneof![
            6 => (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} / ({b} | 1))")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} % ({b} | 1))")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} << ({b} & 7))")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} >> ({b} & 31))")),
            1 => (inner.clone(), 0..32_u32).prop_map(|(a, n)| format!("({a} >> {n})")),
            1 => inner.clone().prop_map(|a| format!("(-{a})")),
            1 => element(inner.clone(), names),
            1 => (truth_of(inner.clone()), inner.clone(), inner.clone())
                .prop_map(|(c, a, b)| format!("(if {c} {{ {a} }} else {{ {b} }})")),
            2 => (function, inner.clone(), inner).prop_map(move |(f, a, b)| {
                if calls { format!("f{f}({a}, {b})") } else { format!("({a} - {b})") }
            }),
        ]
    })
}

/// A boolean expression over given numbers.
fn truth_of(
    number: impl Strategy<Value = String> + Clone,
) -> impl Strategy<Value = String> + Clone {
    let compare = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let single = (number.clone(), compare.clone(), number.clone())
        .prop_map(|(a, o, b)| format!("({a} {o} {b})"));
    let double = (
        single.clone(),
        prop::sample::select(vec!["&&", "||"]),
        single.clone(),
    )
        .prop_map(|(a, o, b)| format!("({a} {o} {b})"));
    prop_oneof![
        3 => single.clone(),
        1 => single.prop_map(|a| format!("!{a}")),
        2 => double,
        1 => Just("p".to_owned()),
    ]
}

fn truth(names: Names) -> impl Strategy<Value = String> {
    truth_of(number(names).boxed())
}

fn statement(names: Names) -> impl Strategy<Value = String> {
    let assign = prop::sample::select(vec!["=", "+=", "-=", "*=", "&=", "|=", "^="]);
    let leaf = prop_oneof![
        4 => (variable(names), assign.clone(), number(names)).prop_map(|(x, o, e)| format!("{x} {o} {e};")),
        2 => (element(number(names), names), assign, number(names)).prop_map(|(x, o, e)| format!("{x} {o} {e};")),
        1 => (variable(names), number(names)).prop_map(|(x, e)| format!("{x} /= {e} | 1;")),
        1 => (variable(names), number(names)).prop_map(|(x, e)| format!("{x} >>= {e} & 7;")),
        1 => truth(names).prop_map(|e| format!("p = {e};")),
        1 => number(names).prop_map(|e| format!("print({e});")),
        1 => number(names).prop_map(|e| format!("print(\"x = \" + {e} + p);")),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let body = prop::collection::vec(inner, 1..4).prop_map(|all| all.join(" "));
        prop_oneof![
            2 => (truth(names), body.clone()).prop_map(|(c, s)| format!("if {c} {{ {s} }}")),
            1 => (truth(names), body.clone(), body.clone())
                .prop_map(|(c, s, t)| format!("if {c} {{ {s} }} else {{ {t} }}")),
            1 => (0..5_i32, body.clone()).prop_map(|(n, s)| format!("for i in 0..{n} {{ a += i; {s} }}")),
            1 => (number(names), body.clone())
                .prop_map(|(n, s)| format!("for i in (({n}) & 3)..=4 {{ b ^= i; {s} }}")),
            // Rhai would loop over a copy; nothing changes this array.
            // Rhai would loop over a copy; nothing changes this array.
            1 => body.clone().prop_map(|body| format!("for x in s {{ c += x; {body} }}")),
            1 => (truth(names), body.clone(), body.clone()).prop_map(|(c, s, t)| {
                format!("{{ let k = 0; while k < 3 {{ k += 1; {s} if {c} {{ continue; }} {t} }} }}")
            }),
            1 => (truth(names), body.clone()).prop_map(|(c, s)| {
                format!("{{ let k = 0; loop {{ k += 1; if k > 3 || {c} {{ break; }} {s} }} }}")
            }),
            1 => (number(names), body).prop_map(|(e, s)| format!("{{ let d = {e}; {s} }}")),
        ]
    })
}

fn function(number: usize, names: Names) -> impl Strategy<Value = String> {
    let body = prop::collection::vec(statement(names), 1..5).prop_map(|all| all.join("\n    "));
    (body, super::random::number(names)).prop_map(move |(body, value)| {
        format!(
            "fn f{number}(a, b) {{\n    let c = 1; let d = 2; let p = false; let t = [1, 2, 3, 4, 5, 6, 7, 8]; let s = [2, 7, 1];\n    \
             {body}\n    {value}\n}}\n"
        )
    })
}

fn whole(globals: bool) -> impl Strategy<Value = String> {
    let names = |functions| Names { globals, functions };
    let top = if globals {
        "let g = 5; let h = 0; let u = [3, 1, 4, 1, 5, 9, 2, 6];\n"
    } else {
        ""
    };
    (function(0, names(0)), function(1, names(1)), function(2, names(2))).prop_map(
        move |(first, second, third)| {
            format!("{top}{first}{second}{third}fn main() {{\n    print(f2(3, 4));\n    print(f1(-1, 100000));\n    0\n}}\n")
        },
    )
}

fn reference(source: &str) -> eval::Result {
    evaluate(&check_source(source).unwrap())
}

/// What Rhai's interpreter prints, if it finishes.
fn interpret(source: &str) -> Option<String> {
    let mut engine = Engine::new();
    engine.set_max_expr_depths(0, 0);
    engine.set_max_call_levels(100);
    let lines = Arc::new(Mutex::new(String::new()));
    let out = lines.clone();
    engine.on_print(move |line| {
        let mut out = out.lock().unwrap();
        out.push_str(line);
        out.push('\n');
    });
    let ast = engine.compile(source).unwrap();
    let done = engine.call_fn::<i64>(&mut Scope::new(), &ast, "main", ());
    done.ok()?;
    let text = lines.lock().unwrap().clone();
    Some(text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn machine_code_does_what_the_reference_does(source in whole(true)) {
        let expected = reference(&source);
        let image = program(&source);
        let (emulated, _) = emulated::run(&image).unwrap();
        for outcome in [Some(emulated), host::run(&image)].into_iter().flatten() {
            prop_assert_eq!(&outcome.output, &expected.output, "{}", source);
            prop_assert_eq!(outcome.status, if expected.faulted { 136 } else { 0 }, "{}", source);
        }
    }

    #[test]
    fn the_reference_does_what_rhai_does(source in whole(false)) {
        let expected = reference(&source);
        if !expected.wrapped && !expected.faulted {
            prop_assert_eq!(interpret(&source), Some(expected.output), "{}", source);
        }
    }
}

#[test]
fn the_reference_knows_closures_and_addresses() {
    for (source, output) in [
        (
            "fn main() { let n = 1; let f = |d| { n += d; }; f.call(2); print(n); }",
            "3\n",
        ),
        (
            "fn main() { let x = 5; store(addr(x), 7); print(x); print(xadd(addr(x), 2)); }",
            "7\n7\n",
        ),
        (
            "fn k(x) { x * 2 } fn main() { let f = k; print(f.call(4)); print('c'); }",
            "8\nc\n",
        ),
        (
            "fn main() { print(loop { break 4; }); let a = array(9); a[8] = 1; print(a[8]); }",
            "4\n1\n",
        ),
    ] {
        assert_eq!(reference(source).output, output, "{source}");
    }
}
