//! Benchmarks of forklab beside peers that need a C compiler to build; see `benches/`.
//!
//! They stand apart so that building and testing forklab itself needs nothing but Rust.
