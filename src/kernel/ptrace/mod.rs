//! Tracing: the requests of a tracer, the stops of a traced task, and its registers as the tracer
//! sees them.
//!
//! The room uses `signal/` (a stop is reported by a signal, and may end with one), `task/`, `sched/`,
//! `mm/` (the memory of a tracee) and `exit/` (who reaps a tracee).
//! fork, exec and exit stop at its events.
//! Only this room gives a task a tracer as its parent and returns it to its real one, and only it
//! sets `last_siginfo`, which a task has exactly while it is in a stop for its tracer.

mod fpregs;
mod request;
mod rules;
mod stop;
mod user_area;
