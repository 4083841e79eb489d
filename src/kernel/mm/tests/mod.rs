//! Tests of memory management: the worked examples of `docs/fidelity.md` by number, the limits and
//! orders of the system calls, and long random runs against the invariants.

mod advise;
mod areas;
mod cow;
mod files;
mod first_touch;
mod full_copy;
mod held;
pub(in crate::kernel) mod lab;
mod lock;
mod mapped_files;
mod neighbours;
mod overcommit;
mod protect;
mod reclaim;
mod remap;
mod segments;
mod shared;
mod smp;
mod swap;
mod sysv;
