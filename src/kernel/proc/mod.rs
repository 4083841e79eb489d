//! What the files below `/proc` say: one file here for each idea. The tree itself, with its names
//! and inodes, is in `fs/`.
//!
//! The room may name all others. It changes nothing but tunables and how badness is adjusted.

mod cpuinfo;
mod links;
mod maps;
mod mem;
mod memory;
mod oom;
mod read;
mod stat;
mod status;
mod strings;
mod sysctl;
mod system;

pub use maps::{MapsRow, name_blanks};
pub use memory::ZONES;
