//! Programs on the emulated CPU, beside the same functions in Lua 5.4.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

#[path = "../../benches/common/programs.rs"]
mod programs;

use mlua::Lua;
use programs::{PROGRAMS, emulated};
use std::time::{Duration, Instant};

/// Rounds in which both run each program; the best time of each counts. They take turns, so that
/// other work on the host meets both.
const ROUNDS: usize = 15;

/// What part of Lua's speed each program reaches at least.
const LIMITS: [f64; PROGRAMS.len()] = [1.0, 1.0, 0.6];

/// The programs again, in their order.
const IN_LUA: [&str; PROGRAMS.len()] = [
    "function main()
        local sum, i = 0, 0
        while i < 3000000 do sum = sum + (i & 7); i = i + 1 end
        return sum & 127
    end",
    "function main()
        local marks, found = {}, 0
        for round = 0, 19 do
            found = 0
            for i = 0, 8191 do marks[i] = 1 end
            local i = 2
            while i < 8192 do
                if marks[i] == 1 then
                    found = found + 1
                    local k = i + i
                    while k < 8192 do marks[k] = 0; k = k + i end
                end
                i = i + 1
            end
        end
        return found & 127
    end",
    "local function fib(n)
        if n < 2 then return n end
        return fib(n - 1) + fib(n - 2)
    end
    function main() return fib(24) & 127 end",
];

fn in_lua(source: &str) -> (Duration, i64) {
    let lua = Lua::new();
    lua.load(source).exec().unwrap();
    let main: mlua::Function = lua.globals().get("main").unwrap();
    let start = Instant::now();
    let value = main.call(()).unwrap();
    (start.elapsed(), value)
}

fn main() {
    println!(
        "{:<14}{:>12}{:>12}{:>8}{:>8}",
        "", "emulated", "Lua", "ratio", "limit"
    );
    for (((name, source), lua), limit) in PROGRAMS.into_iter().zip(IN_LUA).zip(LIMITS) {
        let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            let (time, (status, _)) = emulated(source);
            ours = ours.min(time);
            let (time, value) = in_lua(lua);
            theirs = theirs.min(time);
            assert_eq!(status, value, "{name}");
        }
        println!(
            "{name:<14}{:>9.1} ms{:>9.1} ms{:>8.2}{limit:>8.1}",
            ours.as_secs_f64() * 1e3,
            theirs.as_secs_f64() * 1e3,
            theirs.as_secs_f64() / ours.as_secs_f64(),
        );
    }
}
