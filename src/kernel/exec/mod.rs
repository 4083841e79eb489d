//! How a process gets a new program: `do_execve`, and `de_thread`, which ends the other threads
//! first. It may use all rooms but `fork`.
//!
//! Only this room replaces the memory of a living task, and only `de_thread` changes which thread
//! leads a process.

mod binfmt;
mod binfmt_elf;
mod binfmt_script;
mod coredump;
mod de_thread;
mod do_execve;
mod elf_stack;
