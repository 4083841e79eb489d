//! Creation and end of processes. "Example N" is a worked example of the process specification.

mod exec;
mod exit_wait;
mod explain_caller;
mod explain_clone;
mod failing;
mod failing_memory;
mod flags;
mod futex;
mod orphans;
mod path;
mod priority;
mod puppets;
mod replay;
mod shortage;
mod smp;
mod tid_tls;
mod unwind;
mod vfork;
mod wake_up_new;
mod workload;
