//! Tests of memory management: the worked examples of `docs/fidelity.md` by number, the limits and
//! orders of the system calls, and long random runs against the invariants.

mod advise;
mod areas;
mod cow;
mod dirty;
mod file_advice;
mod files;
mod first_touch;
mod full_copy;
mod held;
pub(in crate::kernel) mod lab;
mod literal_pagevecs;
mod lock;
mod mapped_files;
mod mapped_lab;
mod neighbours;
mod nonlinear;
mod overcommit;
mod protect;
mod read_ahead;
mod reclaim;
mod reclaim_order;
mod remap;
mod segments;
mod shared;
mod smp;
mod swap_in;
mod swap_lab;
mod swap_out;
mod swap_slots;
mod swapoff;
mod sysv;
mod truncation;
