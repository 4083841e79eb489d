//! Programs that are measured beside other languages, and how fast they run in forklab.

#[path = "session.rs"]
mod silent;

pub use silent::session;
use std::time::{Duration, Instant};

/// Name, and functions of which `main` is measured: one text for forklab and for Rhai's interpreter.
pub const PROGRAMS: [(&str, &str); 3] = [
    (
        "loop of adds",
        "fn main() { let sum = 0; let i = 0; while i < 3000000 { sum += i & 7; i += 1; } sum & 127 }",
    ),
    (
        "sieve",
        "fn main() {
            let marks = array(8192);
            let found = 0;
            for round in 0..20 {
                found = 0;
                for i in 0..8192 { marks[i] = 1; }
                let i = 2;
                while i < 8192 {
                    if marks[i] == 1 {
                        found += 1;
                        let k = i + i;
                        while k < 8192 { marks[k] = 0; k += i; }
                    }
                    i += 1;
                }
            }
            found & 127
        }",
    ),
    (
        "fib(24)",
        "fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
        fn main() { fib(24) & 127 }",
    ),
];

/// Time, exit status and instructions of a program.
pub fn emulated(source: &str) -> (Duration, (i64, u64)) {
    let mut session = session();
    session
        .run(&format!(
            "{source}\nboot(#{{cycles_per_tick: 100000}}); let p = spawn(\"p\", main);"
        ))
        .unwrap();
    let before = session.machine(|machine| machine.kernel.stat.instructions);
    let start = Instant::now();
    session.run("run();").unwrap();
    let time = start.elapsed();
    let after = session.machine(|machine| machine.kernel.stat.instructions);
    let status = session.eval("p.exit_status").unwrap().parse().unwrap();
    (time, (status, after - before))
}
