//! Tests of memory management: the worked examples of `docs/fidelity.md` by number, the limits and
//! orders of the system calls, and long random runs against the invariants.

mod areas;
mod cow;
mod files;
mod first_touch;
mod full_copy;
pub(in crate::kernel) mod lab;
mod neighbours;
mod reclaim;
mod segments;
mod shared;
mod smp;
mod swap;
