//! Every limit: its flag, its message, and that no script can catch it.

use std::process::{Command, Stdio};

/// Flag with a small value, a script that goes beyond it, and what the message must name.
const BEYOND: [(&str, &str, &str); 23] = [
    (
        "--max-operations=1000",
        "loop { }",
        "limit operations: 1,000",
    ),
    (
        "--max-call-depth=10",
        "fn f(n) { f(n + 1) } f(0)",
        "limit call depth: 10",
    ),
    (
        "--max-expression-depth=10",
        "let x = ((((((((((((((1))))))))))))));",
        "limit expression depth: 10",
    ),
    (
        "--max-variables=3",
        "let a = 1; let b = 2; let c = 3; let d = 4;",
        "limit variables: 3",
    ),
    (
        "--max-string=100",
        "let s = \"x\"; loop { s += s; }",
        "limit string: 100",
    ),
    (
        "--max-array=100",
        "let a = []; loop { a.push(1); }",
        "limit array: 100",
    ),
    (
        "--max-map=10",
        "let m = #{}; let n = 0; loop { let k = #{}; k[`k${n}`] = n; m += k; n += 1; }",
        "limit map: 10",
    ),
    (
        "--max-output=100",
        "loop { print(\"a line\") }",
        "limit output: 100",
    ),
    (
        "--max-memory=100000000",
        "boot(#{mem: 512*MiB}); loop { }",
        "limit memory: 100,000,000",
    ),
    (
        "--max-memory=100000000",
        "boot(#{mem: 512*MiB});",
        "limit memory: 100,000,000",
    ),
    (
        "--max-ticks=100",
        "for n in 0..200 { tick() }",
        "limit ticks: 100",
    ),
    // Rhai counts the operations of each call of a closure from 0.
    (
        "--max-operations=1000",
        "spawn(\"h\", workload([\"run 9\", \"goto 0\"])); \
         run_until(|| { for i in 0..100 { } false });",
        "limit operations: 1,000",
    ),
    (
        "--max-operations=1000",
        "explore(|| { loop { } }, 3);",
        "limit operations: 1,000",
    ),
    // A call that makes much at once counts by what it makes.
    (
        "--max-operations=100000",
        "for i in 0..1000 { help(); ps(); trace(); }",
        "limit operations: 100,000",
    ),
    // Rhai does not look at the size of the map here.
    (
        "--max-map=10",
        "let m = #{}; let n = 0; loop { m[`k${n}`] = n; n += 1; }",
        "limit map: 10",
    ),
    // Nor inside another value.
    (
        "--max-map=10",
        "let m = [#{a: #{}}]; let n = 0; loop { m[0].a[`k${n}`] = n; n += 1; }",
        "limit map: 10",
    ),
    (
        "--max-nesting=10",
        "let m = #{a: [1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10]}; loop { m.a[5] = [m.a[5]]; }",
        "limit nesting: 10",
    ),
    // Nor in the value that a function is called on, and in what a closure has captured.
    (
        "--max-map=10",
        "let grow = || { let n = 0; loop { this.a[`k${n}`] = n; n += 1; } }; \
         let m = #{a: #{}}; m.call(grow);",
        "limit map: 10",
    ),
    (
        "--max-map=10",
        "let m = #{}; let put = |n| m[`k${n}`] = n; let n = 0; loop { put.call(n); n += 1; }",
        "limit map: 10",
    ),
    (
        "--max-nesting=10",
        "let nest = |n| { while n > 0 { this.a = [this.a]; } }; let m = #{a: []}; \
         m.call(nest, 1);",
        "limit nesting: 10",
    ),
    (
        "--max-nesting=10",
        "let m = #{a: []}; let nest = || { m.a = [m.a]; }; loop { nest.call(); }",
        "limit nesting: 10",
    ),
    (
        "--max-nesting=10",
        "let a = []; loop { a = [1, a]; }",
        "limit nesting: 10",
    ),
    (
        "--max-work=1000000",
        "spawn(\"w\", workload([\"map 0x40000000 900\", \"touch 0x40000000 900\", \"sleep 1\", \
         \"goto 1\"])); run();",
        "limit work: 1,000,000",
    ),
];

fn run(flag: &str, script: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args([flag, "-e", script])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn each_limit_ends_the_script_and_names_itself() {
    for (flag, script, says) in BEYOND {
        let (code, message) = run(flag, script);
        assert_eq!(code, Some(4), "{flag}: {message}");
        assert!(message.contains(says), "{flag}: {message}");
        let name = flag.split('=').next().unwrap();
        assert!(message.contains(name), "{flag}: {message}");
    }
}

#[test]
fn no_limit_can_be_caught() {
    for (flag, script, says) in BEYOND {
        if flag.starts_with("--max-expression") {
            // Met before the script runs.
            continue;
        }
        let (functions, body) = match script.split_once("} f(0)") {
            Some((function, _)) => (format!("{function}}}"), "f(0)"),
            None => (String::new(), script),
        };
        let caught = format!("{functions} try {{ {body} }} catch {{ loop {{ }} }}");
        let (code, message) = run(flag, &caught);
        assert_eq!(code, Some(4), "{flag}: {message}");
        assert!(message.contains(says), "{flag}: {message}");
    }
}

/// Whatever turns a value into text says that the text is too long, and prints nothing instead.
#[test]
fn a_text_that_is_too_long_is_not_replaced_by_the_name_of_its_type() {
    const VIEW: &str = "for i in 0..20 { spawn(\"sh\") } let v = ps(); ";
    const ARRAY: &str = "let v = []; for i in 0..300 { v.push(i) } ";
    const MAP: &str = "let v = #{}; for i in 0..100 { v[`k${i}`] = i } ";
    const ESCAPED: &str = "let v = \"\"; for i in 0..390 { v += \"\\n\" } v = [v]; ";
    const NESTED: &str = "for i in 0..20 { spawn(\"sh\") } let v = [#{view: ps()}]; ";
    const TRACE: &str = "for i in 0..20 { spawn(\"sh\") } let v = trace(); ";
    for value in [VIEW, ARRAY, MAP, ESCAPED, NESTED, TRACE] {
        for text in [
            "print(v)",
            "debug(v)",
            "print(`${v}`)",
            "print(v.to_string())",
            "print(v.to_debug())",
            "print(\"\" + v)",
            "print(v + \"\")",
            "let s = \"\"; s += v; print(s)",
            "print([v])",
            "print(#{a: v})",
            "predict(\"what?\", v)",
            "try { print(v) } catch { }",
            "v",
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_forklab"))
                .args(["--max-string=400", "-e", &format!("{value}{text}")])
                .output()
                .unwrap();
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(4), "{value}{text}: {message}");
            assert!(message.contains("limit string: 400"), "{text}: {message}");
            assert_eq!(output.stdout, b"", "{value}{text}");
        }
    }
}

/// The trace is bounded otherwise: the oldest events go, and the trace says so.
#[test]
fn a_trace_that_is_cut_says_so() {
    let script = "let sh = spawn(\"sh\"); for n in 0..2000 { sh.getpid() } \
                  print(trace().to_string().split(\"\\n\")[0]);";
    let output = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(["--max-trace=2000", "-e", script])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("older events dropped (limit trace: --max-trace)"),
        "{text}"
    );
}

/// The reason of a refusal is no part of the trace.
#[test]
fn a_short_trace_takes_no_reason_away() {
    let script = "let sh = spawn(\"sh\"); let told = #{}; \
                  for n in 0..600 { try { sh.clone(CLONE_THREAD) } catch (e) { told[e.message] = n } } \
                  print(told.keys());";
    let output = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(["--max-trace=1", "-e", script])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told = "clone failed: EINVAL: invalid argument: CLONE_THREAD needs CLONE_SIGHAND";
    assert_eq!(text, format!("[{told:?}]\n"));
}

#[test]
fn a_limit_that_is_no_number_is_refused() {
    for value in ["0", "x", "-1", "1.5"] {
        let (code, _) = run(&format!("--max-ticks={value}"), "1");
        assert_eq!(code, Some(2), "{value}");
    }
}

/// The host's stack is finite: the largest value that is taken is one that is safe.
#[test]
fn the_deepest_nesting_that_can_be_allowed_is_safe() {
    let depth = "--max-call-depth=4000";
    let expressions = "--max-expression-depth=400";
    let parentheses = |inner: &str| format!("{}{inner}{}", "(".repeat(90), ")".repeat(90));
    let script = format!(
        "fn f(n) {{ if n == 0 {{ 0 }} else {{ 1 + {} }} }} print(f(3990))",
        parentheses("f(n - 1)")
    );
    for (script, code) in [
        (script.as_str(), Some(0)),
        ("fn f(n) { f(n + 1) } f(0)", Some(4)),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_forklab"))
            .args([depth, expressions, "-e", script])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), code, "{script}: {output:?}");
    }
    for more in ["--max-call-depth=4001", "--max-expression-depth=401"] {
        assert_eq!(run(more, "1").0, Some(2), "{more}");
    }
    let endless = format!("--max-call-depth={}", u64::MAX);
    assert_eq!(run(&endless, "fn f(n) { f(n + 1) } f(0)").0, Some(2));
}

/// Errors of long texts are explained in time that grows with their length, not with its square.
#[test]
fn long_texts_are_answered_in_time() {
    const LONG: usize = 1_000_000;
    let texts = [
        format!("1{}", "+1".repeat(LONG)),
        format!("{}1{}", "(".repeat(LONG), ")".repeat(LONG)),
        format!("{}1", "- ".repeat(LONG)),
        format!("{}true", "!".repeat(LONG)),
        "[".repeat(LONG),
        "a".repeat(LONG),
        format!("{}()", "a".repeat(LONG)),
        "let a = []; for i in 0..20000 { a = [a]; }".to_owned(),
    ];
    for text in texts {
        let mut child = Command::new(env!("CARGO_BIN_EXE_forklab"))
            .args(["run", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, text.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(1 | 4)), "{code:?}");
        assert!(
            output.stderr.len() < 10_000,
            "{} bytes",
            output.stderr.len()
        );
    }
}
