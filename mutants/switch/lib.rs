//! Says inside a mutated copy of forklab which mutant is on.
//!
//! The copy holds every mutant at once, each behind a call of [`on`]; the environment picks one.

#![allow(
    clippy::disallowed_methods,
    reason = "it is no part of the machine, and what it decides must not pass through it"
)]

use std::cell::Cell;
use std::env;
use std::fs::File;
use std::io::Write;
use std::sync::LazyLock;
use std::thread;

/// The number of the mutant that is on.
pub const ACTIVE: &str = "FORKLAB_MUTANT";
/// A file to which every thread appends the numbers of the places that it comes to, with its name.
pub const REACHED: &str = "FORKLAB_MUTANTS_REACHED";

enum Mode {
    Original,
    Mutant(u32),
    Record(File),
}

static MODE: LazyLock<Mode> = LazyLock::new(|| {
    let number = env::var(ACTIVE).ok().and_then(|text| text.parse().ok());
    let record = || {
        let file = File::options().append(true).open(env::var_os(REACHED)?);
        file.ok().map(Mode::Record)
    };
    number
        .map(Mode::Mutant)
        .or_else(record)
        .unwrap_or(Mode::Original)
});

/// Whether that mutant is on.
#[inline]
pub fn on(number: u32) -> bool {
    match &*MODE {
        Mode::Original => false,
        Mode::Mutant(active) => *active == number,
        Mode::Record(file) => {
            record(file, number);
            false
        }
    }
}

/// As many places as can be told apart.
const MOST: usize = 1 << 14;

thread_local! {
    static SEEN: [Cell<bool>; MOST] = const { [const { Cell::new(false) }; MOST] };
}

/// A thread writes each number once: its loops come to some places millions of times. Nothing is
/// allocated, as some tests count what is.
fn record(mut file: &File, number: u32) {
    if !SEEN.with(|seen| seen[number as usize].replace(true)) {
        let thread = thread::current();
        let mut line = [0; 256];
        let mut rest = &mut line[..];
        // A name that is too long is cut, and so not known.
        let _ = writeln!(rest, "{number} {}", thread.name().unwrap_or("?"));
        let len = 256 - rest.len();
        // One write, so that lines of several processes do not mix. Who records nothing is taken
        // for one that comes nowhere: nothing better can be done here.
        let _ = file.write_all(&line[..len]);
    }
}
