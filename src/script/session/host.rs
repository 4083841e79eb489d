//! What a session needs of the world outside: a place for what it prints, somebody to ask, a sign
//! that it is to stop, a look at the memory in use. The script layer itself touches none of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where printed text goes: called with each line, without its newline. An error ends the script.
pub type Output = Box<dyn FnMut(&str) -> io::Result<()>>;

/// Somebody who answers: called with a question; `None` if there is no answer. An error of kind
/// `Interrupted` ends the script.
pub type Ask = Box<dyn FnMut(&str) -> io::Result<Option<String>>>;

/// The world outside of a session.
pub struct Host {
    /// Where printed text goes.
    pub out: Output,
    /// Who answers predictions that the script does not answer itself.
    pub ask: Option<Ask>,
    /// Whether those are asked, too, that the script answers itself.
    pub ask_all: bool,
    /// Raised from outside, it ends what runs; if nothing does, what runs next.
    pub interrupt: Interrupt,
    /// How many bytes of memory the process uses, for the limit on it.
    pub memory: Option<fn() -> usize>,
}

impl Host {
    /// A host that only takes what is printed.
    pub fn printing(out: Output) -> Self {
        Self {
            out,
            ask: None,
            ask_all: false,
            interrupt: Interrupt::default(),
            memory: None,
        }
    }
}

/// A wish to stop, raised from anywhere and noticed by the running script.
#[derive(Clone, Default, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Wishes that what runs now ends.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether there is such a wish.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes the wish back.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
