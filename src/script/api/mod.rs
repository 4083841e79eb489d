//! What scripts can call, in groups. Each function has a doc comment with an example; help, the
//! reference and the tests of the examples are all made from these comments.

#![allow(
    clippy::unwrap_used,
    reason = "in code that export_module generates, where the arguments' types were checked"
)]

mod calls;
mod check;
mod clone;
mod convert;
mod ended;
mod errors;
mod files;
mod follow;
mod handlers;
mod help;
mod jobs;
mod machine;
mod memory;
mod predict;
mod program;
mod properties;
mod ptrace;
mod rlimits;
mod sched;
mod sched_view;
mod semaphores;
mod signals;
mod spawn;
mod view;

use crate::abi::{CloneFlags, MapFlags, Prot, Signal};
use crate::kernel::exit::WaitOptions;
use crate::kernel::fs;
use crate::script::errors::ScriptError;
use crate::script::session::{Call, Task, View};
use rhai::plugin::*;
use rhai::{Engine, Module};
pub(super) use view::Trace;

/// The groups, in the order of the reference: title, and the functions.
fn groups() -> Vec<(&'static str, Module)> {
    vec![
        ("machine", exported_module!(machine::functions)),
        ("tasks", exported_module!(spawn::functions)),
        ("system calls", exported_module!(clone::functions)),
        ("system calls", exported_module!(calls::functions)),
        ("files", exported_module!(files::functions)),
        ("tracing", exported_module!(ptrace::functions)),
        ("system calls", exported_module!(signals::functions)),
        ("system calls", exported_module!(handlers::functions)),
        ("system calls", exported_module!(jobs::functions)),
        ("system calls", exported_module!(rlimits::functions)),
        ("system calls", exported_module!(semaphores::functions)),
        ("system calls", exported_module!(sched::functions)),
        ("memory", exported_module!(memory::functions)),
        ("task state", exported_module!(properties::functions)),
        ("views", exported_module!(view::functions)),
        ("views", exported_module!(sched_view::functions)),
        ("programs", exported_module!(program::functions)),
        ("following", exported_module!(follow::functions)),
        ("checking", exported_module!(check::functions)),
        ("checking", exported_module!(predict::functions)),
        ("errors", exported_module!(errors::functions)),
        ("help", exported_module!(help::functions)),
    ]
}

/// Registers types and functions.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Task>("Task")
        .register_type_with_name::<Call>("Call")
        .register_type_with_name::<View>("View")
        .register_type_with_name::<Trace>("Trace")
        .register_iterator::<Trace>()
        .register_type_with_name::<spawn::Workload>("Workload")
        .register_type_with_name::<spawn::TaskList>("TaskList")
        .register_type_with_name::<ScriptError>("Error");
    for (_, module) in groups() {
        engine.register_global_module(module.into());
    }
}

/// The metadata of each group's functions, as Rhai's JSON.
pub(super) fn metadata() -> Vec<(&'static str, String)> {
    let json = |(title, module): (_, Module)| {
        let mut engine = Engine::new_raw();
        engine.register_global_module(module.into());
        (
            title,
            engine.gen_fn_metadata_to_json(false).unwrap_or_default(),
        )
    };
    groups().into_iter().map(json).collect()
}

/// Numbers of calls about signals and processes.
const PROCESS_CONSTANTS: &[(&str, i64)] = &[
    ("SIG_BLOCK", 0),
    ("SIG_UNBLOCK", 1),
    ("SIG_SETMASK", 2),
    ("SA_NOCLDSTOP", 1),
    ("SA_NOCLDWAIT", 2),
    ("SA_SIGINFO", 4),
    ("SA_RESTORER", 0x0400_0000),
    ("SA_ONSTACK", 0x0800_0000),
    ("SA_RESTART", 0x1000_0000),
    ("SA_NODEFER", 0x4000_0000),
    ("SA_RESETHAND", 0x8000_0000),
    ("WSTOPPED", 2),
    ("WEXITED", 4),
    ("WNOWAIT", 0x0100_0000),
    ("P_ALL", 0),
    ("P_PID", 1),
    ("P_PGID", 2),
    ("CLD_EXITED", 1),
    ("CLD_KILLED", 2),
    ("CLD_DUMPED", 3),
    ("CLD_TRAPPED", 4),
    ("CLD_STOPPED", 5),
    ("CLD_CONTINUED", 6),
    ("SI_USER", 0),
    ("SI_KERNEL", 0x80),
    ("SI_QUEUE", -1),
    ("SI_TKILL", -6),
    ("ITIMER_REAL", 0),
    ("ITIMER_VIRTUAL", 1),
    ("ITIMER_PROF", 2),
    ("RUSAGE_SELF", 0),
    ("RUSAGE_CHILDREN", -1),
    ("PR_SET_PDEATHSIG", 1),
    ("IPC_PRIVATE", 0),
    ("IPC_CREAT", 0o1000),
    ("IPC_EXCL", 0o2000),
    ("IPC_NOWAIT", 0o4000),
    ("IPC_RMID", 0),
    ("SEM_UNDO", 0x1000),
    ("GETPID", 11),
    ("GETVAL", 12),
    ("GETALL", 13),
    ("GETNCNT", 14),
    ("GETZCNT", 15),
    ("SETVAL", 16),
    ("SETALL", 17),
    ("RLIMIT_CPU", 0),
    ("RLIMIT_FSIZE", 1),
    ("RLIMIT_DATA", 2),
    ("RLIMIT_STACK", 3),
    ("RLIMIT_CORE", 4),
    ("RLIMIT_RSS", 5),
    ("RLIMIT_NPROC", 6),
    ("RLIMIT_NOFILE", 7),
    ("RLIMIT_MEMLOCK", 8),
    ("RLIMIT_AS", 9),
    ("RLIMIT_LOCKS", 10),
    ("RLIMIT_SIGPENDING", 11),
    ("RLIMIT_MSGQUEUE", 12),
    ("RLIM_INFINITY", 0xffff_ffff),
];

/// The constants that scripts know, sorted by name.
pub(super) fn constants() -> Vec<(String, i64)> {
    let mut all: Vec<(String, i64)> = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("PAGE_SIZE", 1 << 12),
        ("PROT_NONE", 0),
        ("PROT_READ", i64::from(Prot::READ.bits())),
        ("PROT_WRITE", i64::from(Prot::WRITE.bits())),
        ("PROT_EXEC", i64::from(Prot::EXEC.bits())),
        ("WNOHANG", i64::from(WaitOptions::NOHANG.bits())),
        ("WUNTRACED", i64::from(WaitOptions::UNTRACED.bits())),
        ("WCONTINUED", i64::from(WaitOptions::CONTINUED.bits())),
        ("__WNOTHREAD", i64::from(WaitOptions::NOTHREAD.bits())),
        ("__WALL", i64::from(WaitOptions::ALL.bits())),
        ("__WCLONE", i64::from(WaitOptions::CLONE.bits())),
        ("O_RDONLY", 0),
        ("O_WRONLY", 1),
        ("O_RDWR", 2),
        ("O_CREAT", i64::from(fs::O_CREAT)),
        ("SCHED_OTHER", 0),
        ("SCHED_FIFO", 1),
        ("SCHED_RR", 2),
        ("PRIO_PROCESS", 0),
        ("PRIO_PGRP", 1),
        ("PRIO_USER", 2),
        ("O_EXCL", i64::from(fs::O_EXCL)),
        ("O_TRUNC", i64::from(fs::O_TRUNC)),
        ("O_APPEND", i64::from(fs::O_APPEND)),
        ("O_NONBLOCK", i64::from(fs::O_NONBLOCK)),
        ("PTRACE_O_TRACESYSGOOD", 0x01),
        ("PTRACE_O_TRACEFORK", 0x02),
        ("PTRACE_O_TRACEVFORK", 0x04),
        ("PTRACE_O_TRACECLONE", 0x08),
        ("PTRACE_O_TRACEEXEC", 0x10),
        ("PTRACE_O_TRACEVFORKDONE", 0x20),
        ("PTRACE_O_TRACEEXIT", 0x40),
        ("F_DUPFD", 0),
        ("F_GETFD", 1),
        ("F_SETFD", 2),
        ("F_GETFL", 3),
        ("F_SETFL", 4),
        ("FD_CLOEXEC", 1),
        ("SEEK_SET", 0),
        ("SEEK_CUR", 1),
        ("SEEK_END", 2),
        ("SIG_DFL", 0),
        ("SIG_IGN", 1),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.extend(
        PROCESS_CONSTANTS
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value)),
    );
    let flags = CloneFlags::all().iter_names();
    all.extend(flags.map(|(name, flag)| (name.to_owned(), i64::from(flag.bits()))));
    let maps = MapFlags::all().iter_names();
    all.extend(maps.map(|(name, flag)| (format!("MAP_{name}"), i64::from(flag.bits()))));
    let signals = Signal::NAMED.iter();
    all.extend(signals.map(|(name, signal)| ((*name).to_owned(), i64::from(signal.number()))));
    all.sort();
    all
}
