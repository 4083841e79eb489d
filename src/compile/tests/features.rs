//! Each feature of the dialect in a small program.

use super::host::Ended;
use super::{emulated, host, program};

/// Runs a program whose `main` has these statements.
#[track_caller]
fn main_prints(body: &str, expected: &str) {
    prints(&format!("fn main() {{\n{body}\n}}"), expected);
}

/// How a program ends: on the emulated CPU if it needs no kernel, and on the host if that can run
/// it.
fn outcomes(source: &str) -> Vec<Ended> {
    let image = program(source);
    let emulated = emulated::run(&image).map(|(outcome, _)| outcome);
    emulated.into_iter().chain(host::run(&image)).collect()
}

#[track_caller]
fn prints(source: &str, expected: &str) {
    for outcome in outcomes(source) {
        assert_eq!(outcome.output, expected, "{source}\n{outcome:?}");
        assert_eq!(outcome.errors, "", "{source}");
        assert_eq!(outcome.status, 0, "{source}");
    }
}

#[track_caller]
fn exits(source: &str, status: i32) {
    for outcome in outcomes(source) {
        assert_eq!(outcome.status, status, "{source}\n{outcome:?}");
    }
}

#[test]
fn numbers_wrap_in_32_bits() {
    main_prints("print(2147483647 + 1);", "-2147483648\n");
    main_prints("let x = 0x7fffffff; x += 1; print(x);", "-2147483648\n");
    main_prints("print(0xffffffff); print(0b101);", "-1\n5\n");
    main_prints(
        "let a = 65536; print(a * a); print(a * 65535);",
        "0\n-65536\n",
    );
    main_prints(
        "let a = -7; print(a / 2); print(a % 2); print(-a);",
        "-3\n-1\n7\n",
    );
    main_prints("let a = 7; print(a / 2 * 2 + a % 2);", "7\n");
    main_prints(
        "let a = 3; let b = 4; print(a ** b); print(2 ** 10);",
        "81\n1024\n",
    );
    main_prints("let a = 2; a **= 5; print(a);", "32\n");
    main_prints(
        "let a = 12; print(a & 10); print(a | 3); print(a ^ 5);",
        "8\n15\n9\n",
    );
    main_prints(
        "let a = -16; let n = 2; print(a << n); print(a >> n); print(a >> 1);",
        "-64\n-4\n-8\n",
    );
    main_prints(
        "let a = -1; print(udiv(a, 2)); print(umod(a, 10)); print(ult(1, a));",
        "2147483647\n5\ntrue\n",
    );
}

#[test]
fn op_assignments_work_on_all_places() {
    let all = "x += 5; x -= 2; x *= 4; x /= 3; x %= 100; x <<= 3; x >>= 1; x |= 1; x &= 0xff; x ^= 2; print(x);";
    main_prints(&format!("let x = 2; {all}"), "27\n");
    main_prints(
        &format!("let x = 2; let p = addr(x); {all} print(load(p));"),
        "27\n27\n",
    );
    let element = all.replace('x', "a[i]").replace("0a[i]ff", "0xff");
    main_prints(&format!("let a = [0, 2]; let i = 1; {element}"), "27\n");
    prints(&format!("let x = 2; fn main() {{ {all} }}"), "27\n");
}

#[test]
fn conditions_and_logic() {
    main_prints(
        "let a = 3; if a > 2 { print(\"big\"); } else { print(\"small\"); }",
        "big\n",
    );
    main_prints(
        "let a = 1; if a > 2 { print(1) } else if a > 0 { print(2) } else { print(3) }",
        "2\n",
    );
    main_prints(
        "let a = 5; let b = if a == 5 { 10 } else { 20 }; print(b);",
        "10\n",
    );
    main_prints(
        "let t = true; let f = !t; print(t && f); print(t || f); print(t & f);",
        "false\ntrue\nfalse\n",
    );
    prints(
        "fn yes(n) { print(n); true } fn no(n) { print(n); false }\n\
         fn main() { if no(1) && yes(2) { print(3); } if yes(4) || yes(5) { print(6); } }",
        "1\n4\n6\n",
    );
    main_prints(
        "let a = -1; let b = 1; print(a < b); print(a <= b); print(a > b); print(a >= b); print(a == b); print(a != b);",
        "true\ntrue\nfalse\nfalse\nfalse\ntrue\n",
    );
}

#[test]
fn loops() {
    main_prints("let i = 0; while i < 3 { print(i); i += 1; }", "0\n1\n2\n");
    main_prints(
        "let i = 0; loop { i += 1; if i == 2 { continue; } if i > 3 { break; } print(i); }",
        "1\n3\n",
    );
    main_prints("let x = loop { break 42; }; print(x);", "42\n");
    main_prints("let i = 5; do { print(i); i -= 1; } while i > 3;", "5\n4\n");
    main_prints("let i = 0; do { i += 1; } until i == 4; print(i);", "4\n");
    main_prints("for i in 0..3 { print(i); }", "0\n1\n2\n");
    main_prints("for i in 1..=3 { print(i); }", "1\n2\n3\n");
    main_prints(
        "for i in 3..3 { print(i); } for i in 3..=2 { print(i); } print(9);",
        "9\n",
    );
    main_prints(
        "for i in 2147483646..=2147483647 { print(i); }",
        "2147483646\n2147483647\n",
    );
    main_prints(
        "for i in 0..3 { let j = i; i += 10; print(j); }",
        "0\n1\n2\n",
    );
    main_prints(
        "let n = 2; for i in n..n + 3 { if i == 3 { continue; } print(i); }",
        "2\n4\n",
    );
    main_prints(
        "for (x, i) in [7, 8] { print(x); }"
            .replace("[7, 8]", "a")
            .replace("for", "let a = [7, 8]; for")
            .as_str(),
        "7\n8\n",
    );
    main_prints(
        "let a = [7, 8]; for (x, i) in a { print(x + i); }",
        "7\n9\n",
    );
    main_prints("for (x, i) in 5..7 { print(x * i); }", "0\n6\n");
    main_prints(
        "for i in 0..2 { for j in 0..2 { if j == 1 { break; } print(i * 10 + j); } }",
        "0\n10\n",
    );
}

#[test]
fn functions_and_recursion() {
    prints(
        "fn fib(n) { if n < 2 { return n; } fib(n - 1) + fib(n - 2) } fn main() { print(fib(20)); }",
        "6765\n",
    );
    prints(
        "fn even(n) { if n == 0 { true } else { odd(n - 1) } } fn odd(n) { if n == 0 { false } else { even(n - 1) } }\n\
         fn main() { print(even(10)); print(odd(4)); }",
        "true\nfalse\n",
    );
    prints(
        "fn six(a, b, c, d, e, f) { a - b + c - d + e - f } fn main() { print(six(1, 2, 3, 4, 5, 6)); }",
        "-3\n",
    );
    prints(
        "fn say(n) { print(n); n } fn sub(a, b) { a - b } fn main() { print(sub(say(1), say(2))); }",
        "1\n2\n-1\n",
    );
    exits("fn main() { 7 }", 7);
    exits("fn main() { getpid(); }", 0);
    exits("fn main() { return 3; }", 3);
    exits("fn main() { exit(5); }", 5);
    exits("fn main() { if getpid() == 0 { return 9; } print(1); }", 0);
    exits("fn main(argc, argv, envp) { argc }", 1);
    exits("fn main() { abort(); }", 134);
    exits("fn main() { let z = 0; 1 / z }", 136);
}

#[test]
fn arrays_and_addresses() {
    main_prints(
        "let a = [1, 2, 3]; a[1] = 20; print(a[0] + a[1] + a[2]); print(a.len()); print(len(a));",
        "24\n3\n3\n",
    );
    main_prints(
        "let a = array(100); for i in 0..100 { a[i] = i * i; } let s = 0; for x in a { s += x; } print(s);",
        "328350\n",
    );
    prints(
        "fn sum(a, n) { let s = 0; for i in 0..n { s += a[i]; } s } fn main() { let a = [1, 2, 3]; print(sum(a, 3)); let b = [4, 5]; print(sum(b, 2)); }",
        "6\n9\n",
    );
    prints(
        "fn set(a) { a[0] = 9; } fn main() { let a = [1, 2]; set(a); print(a[0]); }",
        "9\n",
    );
    prints(
        "fn total(a) { let s = 0; for x in a { s += x; } s + a.len() } fn main() { let a = [1, 2]; print(total(a)); }",
        "5\n",
    );
    main_prints(
        "let x = 5; let p = addr(x); store(p, 7); print(x); x = 8; print(load(p));",
        "7\n8\n",
    );
    main_prints(
        "let a = [1, 2, 3]; let p = addr(a[1]); print(p[0]); p[1] = 30; print(a[2]); print(load(p + 4)); print(addr(a[2]) - addr(a));",
        "2\n30\n30\n8\n",
    );
    main_prints(
        "let x = 0; store8(addr(x) + 1, 0x1ff); print(x); store16(addr(x), 0x12345); print(x); print(load8(addr(x))); print(load16(addr(x)));",
        "65280\n9029\n69\n9029\n",
    );
    main_prints(
        "let m = mmap(0, 8192, 3, 0x22, -1, 0); m[3] = 4; print(m[3]); print(munmap(m, 8192));",
        "4\n0\n",
    );
    main_prints("print(mmap(0, 4096, 3, 0x22, -1, 5));", "-22\n");
}

#[test]
fn texts_and_printing() {
    main_prints("print(\"hello\");", "hello\n");
    main_prints("print();", "\n");
    main_prints(
        "let x = 3; let b = true; let c = 'z'; let s = \"text\"; print(\"x = \" + x + \", \" + b + c + s + \"%\");",
        "x = 3, trueztext%\n",
    );
    main_prints(
        "let x = -2147483648; print(`x = ${x}, ${x + 1}!`);",
        "x = -2147483648, -2147483647!\n",
    );
    main_prints("print('ü'); print('€'); print(\"grün\");", "ü\n€\ngrün\n");
    main_prints(
        "let s = \"abc\"; print(s[1]); print(s.len()); print(strlen(s)); print(load8(s)); print(s[2] == 'c');",
        "b\n3\n3\n97\ntrue\n",
    );
    main_prints(
        "print(strcmp(\"abc\", \"abd\")); print(abs(-3)); puts(\"put\");",
        "-1\n3\nput\n",
    );
    main_prints("let c = 'a'; print((c.to_int() + 1).to_char());", "b\n");
    main_prints(
        "let c = 'a'; print((c + 1).to_char()); print(-c);",
        "b\n-97\n",
    );
    prints(
        "fn digit(s, at) { s[at] - '0' } fn main() { print(digit(\"47\", 1) * 10); }",
        "70\n",
    );
    main_prints("write(1, \"raw\\n\", 4);", "raw\n");
    prints(
        "fn main(argc, argv) { let name = load(argv); print(strlen(name) > 0); print(str(name)[0]); }",
        "true\n/\n",
    );
}

#[test]
fn globals_and_constants() {
    prints(
        "let count = 5; const STEP = 2 + 1; fn bump() { count += STEP; } fn main() { bump(); bump(); print(count); }",
        "11\n",
    );
    prints(
        "let table = [1, 2, 3]; let zeros = array(1000); let name = \"n\"; let on = true;\n\
            fn main() { table[0] = 7; zeros[999] = 1; print(table[0] + table.len() + zeros[999]); print(name + on); for x in table { print(x); } }",
        "11\nntrue\n7\n2\n3\n",
    );
    prints("const A = [4, 5]; fn main() { print(A[1]); }", "5\n");
    prints(
        "let f = Fn(\"g\"); fn g(x) { x + 1 } fn main() { print(f.call(2)); }",
        "3\n",
    );
    main_prints(
        "const N = 3; let a = array(N * 2); print(a.len()); print(CLONE_VM);",
        "6\n256\n",
    );
    prints(
        "let p = 3; fn main() { let q = addr(p); store(q, 4); print(p); }",
        "4\n",
    );
}

#[test]
fn function_values_and_closures() {
    prints(
        "fn twice(f, x) { f.call(f.call(x)) } fn inc(x) { x + 1 } fn main() { print(twice(inc, 3)); print(twice(Fn(\"inc\"), 4)); }",
        "5\n6\n",
    );
    prints(
        "fn twice(f, x) { f.call(f.call(x)) } fn main() { print(twice(|x| x * 3, 2)); }",
        "18\n",
    );
    main_prints(
        "let n = 1; let f = |d| { n += d; }; f.call(2); f.call(3); print(n);",
        "6\n",
    );
    main_prints(
        "let n = 1; let a = [1, 2]; let f = || { a[1] = n + 5; n = a.len(); }; f.call(); print(a[1]); print(n);",
        "6\n2\n",
    );
    main_prints(
        "let n = 1; let outer = || { let inner = || { n += 10; }; inner.call(); n += 1; }; outer.call(); print(n);",
        "12\n",
    );
    prints(
        "fn apply(f) { f.call(5) } fn plain(x) { x } fn main() { let k = 2; print(apply(|x| x * k)); print(apply(plain)); }",
        "10\n5\n",
    );
    prints(
        "let g = 1; fn main() { const C = 4; let f = |x| x + g + C; print(f.call(1)); }",
        "6\n",
    );
    main_prints(
        "let t = true; let f = || { if t { print(\"yes\"); } }; f.call();",
        "yes\n",
    );
}

#[test]
fn atomic_operations() {
    main_prints(
        "let x = 5; print(cmpxchg(addr(x), 5, 9)); print(x); print(cmpxchg(addr(x), 5, 1)); print(x);",
        "5\n9\n9\n9\n",
    );
    main_prints(
        "let x = 5; print(xchg(addr(x), 6)); print(xadd(addr(x), 10)); print(x);",
        "5\n6\n16\n",
    );
    prints(
        "fn k(n) { n } fn main() { let x = 5; print(cmpxchg(addr(x), k(5), k(7))); print(xadd(addr(x), k(1))); print(x); }",
        "5\n7\n8\n",
    );
}

#[test]
fn processes_and_threads() {
    main_prints(
        "let kid = fork(); if kid == 0 { exit(7); } let status = 0; waitpid(kid, addr(status), 0); print(status >> 8);",
        "7\n",
    );
    main_prints(
        "let x = 1; let kid = vfork(); if kid == 0 { x = 2; _exit(0); } wait(); print(x);",
        "2\n",
    );
    prints(
        "let sum = 0;\nfn worker(n) { for i in 0..100 { xadd(addr(sum), n); } 0 }\n\
         fn main() { let a = thread_create(worker, 1); let b = thread_create(worker, 2); thread_join(a); thread_join(b); print(sum); }",
        "300\n",
    );
    prints(
        "let lock = 0; let sum = 0;\n\
         fn worker(n) { for i in 0..2000 { mutex_lock(addr(lock)); sum += n; mutex_unlock(addr(lock)); } 0 }\n\
         fn main() { let a = thread_create(worker, 1); let b = thread_create(worker, 2); thread_join(a); thread_join(b); print(sum); }",
        "6000\n",
    );
    prints(
        "fn main() { let seen = 0; let t = thread_create(|n| { seen = n; 0 }, 42); thread_join(t); print(seen); }",
        "42\n",
    );
    prints(
        "fn main() { let seen = 1; let stack = mmap(0, 8192, 3, 0x22, -1, 0);\n\
         let kid = clone(|n| { seen = n; 5 }, stack + 8192, 17, 42); let status = 0;\n\
         waitpid(kid, addr(status), 0); print(seen); print(status >> 8); }",
        "1\n5\n",
    );
    main_prints(
        "print(clone(0, 4096, 0)); print(syscall(20) == getpid());",
        "-22\ntrue\n",
    );
    prints(
        "let got = 0; fn handler(sig) { got = sig; } fn main() { signal(10, handler); kill(getpid(), 10); print(got); }",
        "10\n",
    );
    main_prints("print(sleep(1)); print(sched_yield());", "0\n0\n");
}

#[test]
fn assertions() {
    let source =
        "fn main() {\n    let x = 1;\n    assert(x == 1);\n    assert(x == 2, \"x is two\");\n}";
    for outcome in outcomes(source) {
        assert_eq!(
            outcome.errors,
            "test.rhai:4:5: assertion failed: x == 2 (1 == 2): x is two\n"
        );
        assert_eq!(outcome.status, 134);
    }
    for (condition, shown) in [
        ("x % 2 < 0", "x % 2 < 0 (1 < 0)"),
        ("f() != 7", "f() != 7 (7 != 7)"),
        ("c == 'b'", "c == 'b' (a == b)"),
        ("(x == 1) == false", "(x == 1) == false (true == false)"),
        ("x == 1 && x == 2", "x == 1 && x == 2"),
        ("!(x == 1)", "!(x == 1)"),
        ("x >\n  1000", "x > 1000 (1 > 1000)"),
    ] {
        let source = format!(
            "let calls = 0;
             fn f() {{ calls += 1; 7 }}
             fn main() {{ let x = 1; let c = 'a';\nassert({condition}); }}"
        );
        for outcome in outcomes(&source) {
            let expected = format!("test.rhai:4:1: assertion failed: {shown}\n");
            assert_eq!(outcome.errors, expected);
        }
    }
    // Both sides are evaluated once.
    prints(
        "let calls = 0; fn f() { calls += 1; 7 } fn main() { assert(f() == 7); print(calls); }",
        "1\n",
    );
}

/// As in C, where a function and its address are the same.
#[test]
fn functions_are_called_by_their_address() {
    prints(
        "fn twice(x) { x * 2 }
        fn thrice(x) { x * 3 }
        let all = [twice, thrice];
        fn main() {
            let own = [thrice, twice];
            print(own[0].call(2)); print(all[0].call(2));
            let number = load(addr(all) + 4);
            print(number.call(2));
        }",
        "6\n4\n6\n",
    );
}

#[test]
fn a_comparison_is_an_argument_like_any_number() {
    prints(
        "fn one_more(x) { x + 1 }
        fn main() { let a = 3; print(one_more((a == 3).to_int())); print(one_more(7)); }",
        "2\n8\n",
    );
}

/// A function keeps its meaning whatever variables of its name stand elsewhere.
#[test]
fn a_variable_further_down_does_not_hide_a_function() {
    prints(
        "fn count() { 3 }
        fn other() { let count = 1; count += 1; count }
        fn main() { let f = count; print(f.call()); print(count() + other()); print(total); }
        let total = 7;
        let count = 9;",
        "3\n5\n7\n",
    );
}
