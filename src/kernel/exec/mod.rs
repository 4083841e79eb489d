//! How a process gets a new program: `do_execve`, and `de_thread`, which ends the other threads
//! first.

mod coredump;
mod de_thread;
mod do_execve;
