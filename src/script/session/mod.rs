//! A session: its state, the texts it runs, its limits, and the way back through what it has done.

mod compiled;
mod document;
pub(super) mod engine;
mod host;
mod limits;
mod moments;
mod nesting;
mod outcome;
mod prompt;
mod run;
mod saved;
mod scope_copy;
mod scope_same;
mod shadowing;
mod snapshot;
mod state;
mod timeline;
mod travel;
mod value;
mod whole;

pub(super) use compiled::{image_of, install_function};
pub use host::{Ask, Fetch, Fetched, Host, Interrupt, Output, Show, Wanted, Warn};
pub(super) use limits::thousands;
pub use limits::{Limit, Limits};
pub(super) use moments::too_long_ago;
pub(super) use outcome::{is_possible, means, outcome};
pub use prompt::Shown;
pub use run::Session;
pub use saved::{Saved, unknown_form};
pub(super) use scope_same::{alike, same_value};
pub use shadowing::Shadowing;
pub use state::Prediction;
pub(super) use state::{EventStop, Halt, Shared, State};
pub use timeline::{Branch, Effect, Input, Left};
pub use travel::Moved;
pub use value::{Call, Task, View};
