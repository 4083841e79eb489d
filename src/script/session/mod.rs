//! A session: its state, the texts it runs, its limits, and the way back through what it has done.

mod apart;
mod compiled;
mod document;
pub(super) mod engine;
mod exercise;
mod host;
mod json;
mod kernel_rule;
mod library;
mod limits;
mod moments;
mod nesting;
mod outcome;
mod plain;
mod prompt;
mod rule;
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

pub(super) use apart::Scenario;
pub(super) use compiled::{Source, image_of, install_function};
pub use exercise::{Checked, Handin, Part, Points, Submission};
pub(super) use exercise::{Stage, told};
pub use host::{
    Ask, Fetch, Fetched, Host, Interrupt, Output, Progress, Save, Show, Wanted, Warn, Watch,
};
pub use json::ScriptValue;
pub(super) use json::json_of;
pub(super) use kernel_rule::ScriptRule;
pub(super) use limits::thousands;
pub use limits::{Limit, Limits};
pub(super) use moments::too_long_ago;
pub(super) use outcome::{is_possible, outcome};
pub(super) use plain::Plain;
pub use prompt::Shown;
pub use rule::{Rule, Share, Tolerance};
pub use run::Session;
pub use saved::{Saved, unknown_form};
pub(super) use scope_copy::own_copy;
pub(super) use scope_same::{alike, same_value};
pub use shadowing::Shadowing;
pub use state::Prediction;
pub(super) use state::{EventStop, Halt, Shared, State};
pub use timeline::{Branch, Effect, Input, Left};
pub use travel::Moved;
pub use value::{Call, Task, View};
