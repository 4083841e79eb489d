//! Texts that cannot be read, and what is said of them; a script that meets no machine needs no
//! picture.

use forklab::script::{Limits, Session};

/// A text, and what the message and the help must say.
const UNREADABLE: [(&str, &str, &str); 30] = [
    (
        "let x = [1, 2;",
        "the [ on line 1 is not closed before ;",
        "add ] before ;",
    ),
    (
        "f(1,\n  g(2;",
        "the ( of g on line 2 is not closed before ;",
        "add ) before ;",
    ),
    (
        "print(`${1} (`;",
        "the ( of print on line 1 is not closed before ;",
        "add ) before ;",
    ),
    (
        "if true {\n  1",
        "the { on line 1 is not closed",
        "add } where it ends",
    ),
    (
        "print(\"a\" \"b\");",
        "missing , between \"a\" and \"b\"",
        "add a comma after \"a\"",
    ),
    (
        "let x = 1 + ;",
        "expected a value between + and ;",
        "write a value after +",
    ),
    ("f());", "this ) has no matching (", "remove it"),
    ("}", "this } has no matching {", "remove it"),
    (
        "let x = 1\nlet y = 2;",
        "missing ; at the end of line 1",
        "add ; after 1",
    ),
    (
        "let x = 1 let y = 2;",
        "missing ; between 1 and let",
        "add ; after 1",
    ),
    ("int x = 1;", "int is not a keyword", "let x = ..;"),
    ("fun f() { 1 }", "fun is not a keyword", "did you mean fn?"),
    ("def f() { 1 }", "def is not a keyword", "fn f(x)"),
    ("var x = 1;", "there is no var", "let x = 1;"),
    ("x++;", "there is no ++", "x += 1"),
    ("x === 1", "there is no ===", "== compares"),
    ("if x = 1 { }", "= assigns", "== compares"),
    ("if 1 { }", "a condition must be true or false", "x != 0"),
    ("if x print(1);", "missing { before print", "{ and }"),
    ("for i in 3 { }", "for cannot iterate over a number", "0..3"),
    ("for (i = 0; ) { }", "for iterates over values", "0..3"),
    ("let = 1;", "expected the name of a variable here", ""),
    ("const A = 1; A = 2;", "A is a constant", "let A"),
    ("3 = 4;", "cannot assign to this expression", ""),
    ("'abc'", "exactly one character", "\"abc\""),
    ("\"\\q\"", "\\q is not a known escape in a string", "\\n"),
    (
        "break;",
        "break and continue are only allowed inside a loop",
        "",
    ),
    (
        "if true { fn f() { } }",
        "functions can only be defined at the top level",
        "let f = |x|",
    ),
    ("try { 1 }", "try has no catch", "catch (e)"),
    ("eval(\"1\")", "eval is not available", "closure"),
];

#[test]
fn a_text_that_cannot_be_read_is_explained() {
    for (text, message, help) in UNREADABLE {
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        let failure = session.run(text).unwrap_err();
        assert!(failure.message.contains(message), "{text:?}: {failure}");
        let helped = failure.help.unwrap_or_default();
        assert!(helped.contains(help), "{text:?}: {helped}");
    }
}

/// Lines that failed before stay in the text of a session: they are no brackets of this one.
#[test]
fn what_was_left_open_before_is_another_text() {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    session.run("print((1;").unwrap_err();
    let failure = session.run("let x = [1;").unwrap_err();
    assert_eq!(failure.message, "the [ on line 2 is not closed before ;");
    assert_eq!(failure.around, [("opened here".to_owned(), (2, 9))]);
}

/// Programs that are refused for a reason that stands at no place in the script.
#[test]
fn a_program_without_a_single_first_function_is_refused() {
    for (source, message) in [
        (
            "fn main() { 1 }\nfn main(a, b) { 2 }\nspawn(\"demo\", main);",
            "there are several functions `main`",
        ),
        (
            "spawn(\"demo\", Fn(\"nothing\"));",
            "there is no function `nothing`",
        ),
    ] {
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        let failure = session.run(source).unwrap_err().to_string();
        assert!(failure.contains(message), "{source}: {failure}");
    }
}
