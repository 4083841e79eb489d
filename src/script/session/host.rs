//! What a session needs from the outside world: where to print, whom to ask, whether to stop, how
//! much memory is in use. The script layer itself touches none of these.

use super::shadowing::Shadowing;
use crate::kernel::fs::DebugInfo;
use crate::machine::Machine;
use crate::view::Text;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where printed text goes: called with each line, without its newline. An error ends the script.
pub type Output = Box<dyn FnMut(&str) -> io::Result<()>>;

/// Answers questions: called with a question, returns `None` if there is no answer. An error of
/// kind `Interrupted` ends the script.
pub type Ask = Box<dyn FnMut(&str) -> io::Result<Option<String>>>;

/// Where printed views go, with the roles of their spans. An error ends the script.
pub type Show = Box<dyn FnMut(&Text) -> io::Result<()>>;

/// What a script wants of a file from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A program: an ELF file, or what a C file is compiled to.
    Program,
    /// Its contents as they are.
    File,
}

/// A file from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// Its name without the folder.
    pub name: String,
    /// What it contains.
    pub bytes: Arc<[u8]>,
    /// What is known about a program beyond its bytes.
    pub debug: Option<Arc<DebugInfo>>,
    /// Names in `/bin` under which it is another command.
    pub applets: Vec<String>,
}

/// Brings in files: called with the path that a script names. An error is a reason in words, with the
/// help on a line of its own.
pub type Fetch = Box<dyn FnMut(&str, Wanted) -> Result<Fetched, String>>;

/// Writes a picture to a file: called with the name that a script gives, and the text. An error is a
/// reason in words, with the help on a line of its own.
pub type Save = Box<dyn FnMut(&str, &str) -> Result<(), String>>;

/// Is told how much of some work is done, and how much there is; when all is done, for the last time.
pub type Progress = Box<dyn FnMut(u64, u64)>;

/// Receives warnings about a script before it runs.
pub type Warn = Box<dyn FnMut(&Shadowing)>;

/// Sees the machine each time it rests, while a script runs. An error ends the script.
pub type Watch = Box<dyn FnMut(&Machine) -> io::Result<()>>;

/// The world outside of a session.
pub struct Host {
    /// Where printed text goes.
    pub out: Output,
    /// Where printed views go; without it, they are printed as plain lines.
    pub show: Option<Show>,
    /// Receives warnings, if anybody wants them.
    pub warn: Option<Warn>,
    /// Answers the predictions that the script does not answer itself.
    pub ask: Option<Ask>,
    /// Whether to ask even where the script has given an answer.
    pub ask_all: bool,
    /// Brings in files that the script names; without it, it reaches none.
    pub fetch: Option<Fetch>,
    /// Writes pictures to files; without it, a script writes none.
    pub save: Option<Save>,
    /// Sees what the machine does.
    pub watch: Option<Watch>,
    /// Columns of the terminal that charts may fill; without one, they have a fixed width.
    pub columns: Option<usize>,
    /// Is told of the progress of work that can take long.
    pub progress: Option<Progress>,
    /// Raised from outside, it ends what is running, or else what runs next.
    pub interrupt: Interrupt,
    /// The memory that the process uses, in bytes, for the limit on it.
    pub memory: Option<fn() -> usize>,
}

impl Host {
    /// A host that only receives what is printed.
    pub fn printing(out: Output) -> Self {
        Self {
            out,
            show: None,
            warn: None,
            ask: None,
            ask_all: false,
            fetch: None,
            save: None,
            watch: None,
            columns: None,
            progress: None,
            interrupt: Interrupt::default(),
            memory: None,
        }
    }
}

/// A request to stop, raised from anywhere and noticed by the running script.
#[derive(Clone, Default, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Requests that the running script ends.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a request is pending.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Withdraws the request.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
