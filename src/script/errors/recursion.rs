//! Finds functions of a script that call themselves, directly or through others. It looks in the
//! script when calls are nested too deeply, because Rhai does not say which calls they were.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

/// A call in the body of a script function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Calling {
    /// The calling function.
    pub(in crate::script) caller: String,
    /// The called function.
    pub(in crate::script) called: String,
    /// The position of the call.
    pub(in crate::script) place: Position,
}

/// The calls of the shortest cycle that is reached from a function of that name, or of any cycle if
/// no function has that name. Empty if no function calls itself.
pub(super) fn circle(library: &AST, name: &str) -> Vec<Calling> {
    let calls = calls_of(library);
    let starts = std::iter::once(name).chain(calls.iter().map(|call| call.caller.as_str()));
    let circles = starts.map(|start| shortest_way_back(&calls, start));
    let mut found = circles.filter(|circle| !circle.is_empty());
    found.next().unwrap_or_default()
}

/// The calls by which a function gets back to itself, breadth first.
fn shortest_way_back(calls: &[Calling], start: &str) -> Vec<Calling> {
    let from = |name: &str| {
        let name = name.to_owned();
        calls.iter().filter(move |call| call.caller == name)
    };
    let mut ways: Vec<Vec<&Calling>> = from(start).map(|call| vec![call]).collect();
    let mut seen: Vec<&str> = Vec::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let Some(last) = way.last() else { continue };
            if last.called == start {
                return way.into_iter().cloned().collect();
            }
            if seen.contains(&last.called.as_str()) {
                continue;
            }
            seen.push(&last.called);
            longer.extend(from(&last.called).map(|call| [way.as_slice(), &[call]].concat()));
        }
        ways = longer;
    }
    Vec::new()
}

/// The calls from function to function. Their positions say which function contains them.
fn calls_of(library: &AST) -> Vec<Calling> {
    let place = |position: Position| (position.line(), position.position());
    let functions = library.iter_fn_def();
    let bodies: Vec<_> = functions
        .map(|function| {
            let body = &function.body;
            let span = place(body.start_position())..=place(body.end_position());
            (function.name.as_str(), span)
        })
        .collect();
    let mut calls = Vec::new();
    library.walk(&mut |path| {
        let call = path.last().and_then(called);
        if let Some((call, at)) = call
            && let Some((caller, _)) = bodies.iter().find(|(_, span)| span.contains(&place(at)))
            && bodies.iter().any(|(name, _)| *name == call.name)
        {
            calls.push(Calling {
                caller: (*caller).to_owned(),
                called: call.name.to_string(),
                place: at,
            });
        }
        true
    });
    calls
}

fn called<'a>(node: &ASTNode<'a>) -> Option<(&'a FnCallExpr, Position)> {
    match node {
        ASTNode::Stmt(Stmt::FnCall(call, place))
        | ASTNode::Expr(Expr::FnCall(call, place) | Expr::MethodCall(call, place)) => {
            Some((call, *place))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhai::Engine;

    #[test]
    fn a_circle_of_calls_is_found_from_any_of_its_functions() {
        let text =
            "fn f(n) { if n > 0 { g(n) } } fn g(n) { h(n); f(n) } fn h(n) { n } fn k() { k() }";
        let library = Engine::new().compile(text).unwrap();
        for (name, expected) in [("f", "f g, g f"), ("g", "g f, f g"), ("k", "k k")] {
            let circle = circle(&library, name);
            let pairs: Vec<String> = circle
                .iter()
                .map(|call| format!("{} {}", call.caller, call.called))
                .collect();
            assert_eq!(pairs.join(", "), expected, "{name}");
        }
        let straight = Engine::new()
            .compile("fn f() { 1 } fn g() { f() }")
            .unwrap();
        assert_eq!(circle(&straight, "g"), []);
    }
}
