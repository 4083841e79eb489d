//! A session: its state, the texts it runs, its limits, and the way back through what it has done.

mod compiled;
mod document;
pub(super) mod engine;
mod host;
mod limits;
mod nesting;
mod outcome;
mod prompt;
mod run;
mod scope_copy;
mod shadowing;
mod state;
mod undo;
mod value;
mod whole;

pub(super) use compiled::{image_of, install_function};
pub use host::{Ask, Fetch, Fetched, Host, Interrupt, Output, Show, Wanted, Warn};
pub(super) use limits::thousands;
pub use limits::{Limit, Limits};
pub(super) use outcome::{is_possible, means, outcome};
pub use prompt::Shown;
pub use run::Session;
pub use shadowing::Shadowing;
pub use state::Prediction;
pub(super) use state::{Halt, Shared};
pub use undo::Undone;
pub use value::{Call, Task, View};
