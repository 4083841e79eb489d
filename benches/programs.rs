//! Programs on the emulated CPU, beside the same functions in Rhai's interpreter and beside processes
//! of the host.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

#[path = "common/programs.rs"]
mod common;

use common::{PROGRAMS, emulated, session};
use rhai::{Engine, Scope};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds of fork, exec and wait.
const ROUNDS: u32 = 2000;

/// The best of three, and what the last one gave.
fn best<T>(mut run: impl FnMut() -> (Duration, T)) -> (Duration, T) {
    let mut fastest = run();
    for _ in 0..2 {
        let (time, value) = run();
        fastest = (fastest.0.min(time), value);
    }
    fastest
}

fn interpreted(source: &str) -> (Duration, i64) {
    let mut engine = Engine::new();
    engine.set_max_expr_depths(0, 0);
    engine.register_fn("array", |n: i64| {
        vec![rhai::Dynamic::from(0_i64); n as usize]
    });
    let ast = engine.compile(source).unwrap();
    let start = Instant::now();
    let value = engine
        .call_fn::<i64>(&mut Scope::new(), &ast, "main", ())
        .unwrap();
    (start.elapsed(), value)
}

fn emulated_processes() -> Duration {
    let mut session = session();
    session
        .run(&format!(
            "fn small() {{ 0 }}
            fn main() {{
                for i in 0..{ROUNDS} {{
                    if fork() == 0 {{ execve(\"small\", 0, 0); exit(1); }}
                    wait();
                }}
                0
            }}
            let p = spawn(\"p\", main);"
        ))
        .unwrap();
    let start = Instant::now();
    session.run("run();").unwrap();
    let time = start.elapsed();
    assert_eq!(session.eval("p.exit_status").unwrap(), "0");
    time
}

fn host_processes() -> Option<Duration> {
    let small = || {
        Command::new("/bin/true")
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !small() {
        return None;
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        small();
    }
    Some(start.elapsed())
}

fn main() {
    println!(
        "{:<14}{:>12}{:>12}{:>8}{:>8}{:>16}",
        "", "emulated", "Rhai", "ratio", "limit", "instructions/s"
    );
    for (name, source) in PROGRAMS {
        let (emulated, (status, instructions)) = best(|| emulated(source));
        let (interpreted, value) = best(|| interpreted(source));
        assert_eq!(status, value, "{name}");
        let ratio = interpreted.as_secs_f64() / emulated.as_secs_f64();
        let rate = instructions as f64 / emulated.as_secs_f64() / 1e6;
        println!(
            "{name:<14}{:>9.1} ms{:>9.1} ms{ratio:>8.1}{:>8}{rate:>10.0} million",
            emulated.as_secs_f64() * 1e3,
            interpreted.as_secs_f64() * 1e3,
            "10"
        );
    }
    let (ours, ()) = best(|| (emulated_processes(), ()));
    match host_processes() {
        None => println!("fork, exec, wait: skipped, the host has no /bin/true"),
        Some(host) => {
            let per_second = |time: Duration| f64::from(ROUNDS) / time.as_secs_f64();
            println!(
                "fork, exec, wait a second: {:.0} emulated, {:.0} on the host; ratio {:.1}, limit 5",
                per_second(ours),
                per_second(host),
                per_second(ours) / per_second(host)
            );
        }
    }
}
