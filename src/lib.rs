//! forklab: a deterministic, scriptable Linux 2.6.12 (i386) in a box.
//!
//! The modules below are in reading order, and dependencies point one way: a module uses only
//! those listed before it.

pub mod abi;

pub mod trace;

pub mod hw;

pub mod kernel;

pub mod machine;

pub mod view;

pub mod export;
