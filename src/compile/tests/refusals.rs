//! What is not a valid program, and the error messages for it.

use super::try_compile;

/// The diagnostics for a text.
fn problems(source: &str) -> String {
    if let Err(error) = rhai::Engine::new().compile(source) {
        return format!("the script engine: {error}");
    }
    match try_compile(source) {
        Ok(_) => "none".to_owned(),
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("\n")
        }
    }
}

/// Statements of `main`, one per case.
const BODIES: [&str; 62] = [
    "let x = 1.5;",
    "let m = #{a: 1};",
    "let a = [1, 2]; a.push(3);",
    "let s = \"a\" + 1;",
    "let s = \"a\"; s += \"b\"; print(s);",
    "let s = `a ${1}`;",
    "let x = 1; switch x { 1 => 2, _ => 3 }",
    "try { getpid(); } catch { }",
    "throw 1;",
    "import \"a\" as b;",
    "x + 1;",
    "let count = 1; coumt += 1;",
    "let count = 1; print(coumt);",
    "wirte(1, \"a\", 1);",
    "write(1);",
    "ps();",
    "tick(1);",
    "helper(1);",
    "helper(1, 2, 3); nothing(2);",
    "let x = nothing(1);",
    "let x = print(1);",
    "this.x = 1;",
    "let a = [1, 2]; a[2] = 1; print(a[-1]);",
    "let a = array(getpid());",
    "let a = [1, 2]; let b = a;",
    "let a = [1, 2]; a = [3, 4];",
    "let a = [[1], [2]];",
    "let a = []; print(a.len());",
    "let x = 1; x = true;",
    "let x = 1; if x { }",
    "while 1 { }",
    "let x = 1; print(!x);",
    "let b = true; print(b + 1);",
    "print(1 == true);",
    "print(\"a\" == \"b\");",
    "let x = if true { 1 };",
    "let x = if true { 1 } else { 'c' };",
    "break;",
    "for i in 5 { }",
    "for c in \"abc\" { }",
    "const N = 1; N = 2;",
    "let f = Fn(\"nothere\");",
    "let f = nothing; f(1);",
    "let x = 5; x.call(1);",
    "let x = 5; x.foo();",
    "let x = 5; print(x.bar);",
    "addr(1 + 2);",
    "1 = 2;",
    "print(4294967296);",
    "print([1, 2]);",
    "let a = [1, 2]; print(a);",
    "timestamp();",
    "eval(\"1\");",
    "let r = 0..5;",
    "let x = 1; let y = x ?? 2;",
    "print(1, 2);",
    "assert(true, 5);",
    "clone(helper, 0);",
    "let x = loop { break; };",
    "let x = 1; print(2 in [1, 2]); let y = x.len();",
    "let a = [1, 2]; lengths(a); let b = [1]; lengths(b);",
    "let x = handle; vforc();",
];

const REST: &str = "\nfn helper(a, b) { a + b }\nfn nothing(x) { print(x); }\n\
                    fn lengths(a) { print(a.len()); }\nlet handle = getpid();\n";

#[test]
fn what_is_refused() {
    let mut text = String::new();
    for body in BODIES {
        // The script engine itself rejects some of these.
        let source = format!("fn main() {{ {body} }}{REST}");
        text += &format!("{body}\n");
        for line in problems(&source).lines() {
            text += &format!("    {line}\n");
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn whole_texts_that_are_refused() {
    let mut text = String::new();
    for source in [
        "fn other() { }",
        "fn main(a, b, c, d) { }",
        "fn main() { f(1) + f(true) } fn f(x) { x }",
        "fn main() { print(f(1)); } fn f(x) { if x > 0 { return true; } return 1; }",
        "fn main() { f() } fn f() { let a = [1]; a }",
        "fn main() { let x = 1.5;\n let y = nothere;\n zzz(); }",
        "fn main() { f() } fn unused() { let x = 1.5; } fn f() { 1 }",
        "let x = y; let y = x; fn main() { print(x); }",
        "fn f(a) { a } fn f(a, b) { a } fn main() { let g = Fn(\"f\"); }",
    ] {
        text += &format!("{source}\n");
        for line in problems(source).lines() {
            text += &format!("    {line}\n");
        }
    }
    insta::assert_snapshot!(text);
}
