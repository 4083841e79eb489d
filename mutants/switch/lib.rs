//! Says inside a mutated copy of forklab which mutant is on.
//!
//! The copy holds every mutant at once, each behind a call of [`on`]; the environment picks one.

use std::cell::RefCell;
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

thread_local! {
    static SEEN: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// A thread writes each number once: its loops come to some places millions of times.
fn record(mut file: &File, number: u32) {
    let index = number as usize;
    let new = SEEN.with_borrow_mut(|seen| {
        if seen.len() <= index {
            seen.resize(index + 1, false);
        }
        !std::mem::replace(&mut seen[index], true)
    });
    if new {
        let thread = thread::current();
        // One write, so that lines of several processes do not mix.
        let line = format!("{number} {}\n", thread.name().unwrap_or("?"));
        // Who records nothing is taken for one that comes nowhere: nothing better can be done here.
        let _ = file.write_all(line.as_bytes());
    }
}
