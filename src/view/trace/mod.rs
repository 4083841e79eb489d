//! The trace: its records line by line, their fields, and their digest in a few lines.

mod causes;
mod digest;
mod evidence;
mod fields;
mod line;
mod listing;
mod story;
mod strace;
mod worlds;

pub use causes::{Causes, Effects, Link, causes, effects};
pub use digest::{Item, Since, digest, digest_items, digest_since};
pub use evidence::{Dropped, firsts, forks_of, orphans, reaped_by};
pub use fields::{EventFields, Field, fields};
pub use line::event_line;
pub use listing::{Selection, TraceView, trace};
pub use story::{Story, story};
pub use strace::{Strace, Told, strace};
pub use worlds::{
    Beside, Comparison, End, Figure, Parting, World, WorldView, beside, compare, parting,
};
