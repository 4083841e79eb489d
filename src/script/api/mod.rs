//! What scripts can call, in groups. Each function has a doc comment with an example. The help, the
//! reference and the tests of the examples are all made from these comments.

#![allow(
    clippy::unwrap_used,
    reason = "in code that export_module generates, where the arguments' types were checked"
)]

mod areas;
mod calls;
mod causes;
mod check;
mod clone;
mod convert;
mod direct_io;
mod ended;
mod errors;
mod evidence;
mod files;
mod follow;
mod handlers;
mod help;
mod host_files;
mod jobs;
mod kernel_rule;
mod machine;
mod memory;
mod memory_view;
mod messages;
mod moments;
mod names;
mod perf_view;
mod polling;
mod predict;
mod program;
mod properties;
mod ptrace;
mod rlimits;
mod sched;
mod sched_view;
mod semaphores;
mod shm;
mod signals;
mod spawn;
mod strace;
mod submission;
mod swap;
mod system;
mod terminal;
mod text;
mod timers;
mod travel;
mod variant;
mod view;
mod worlds;

pub(super) use spawn::Workload;
pub(super) use view::{Event, Trace};

use crate::abi::{self, Constant};
use crate::script::errors::ScriptError;
pub use machine::boot_options;

use crate::script::session::{Call, Submission, Task, View, alike};
use rhai::plugin::*;
use rhai::{Engine, Module};

/// The groups in the order of the reference: title and functions.
fn groups() -> Vec<(&'static str, Module)> {
    vec![
        ("machine", exported_module!(machine::functions)),
        ("machine", exported_module!(kernel_rule::functions)),
        ("tasks", exported_module!(spawn::functions)),
        ("system calls", exported_module!(clone::functions)),
        ("system calls", exported_module!(calls::functions)),
        ("files", exported_module!(files::functions)),
        ("files", exported_module!(names::functions)),
        ("tracing", exported_module!(ptrace::functions)),
        ("system calls", exported_module!(signals::functions)),
        ("system calls", exported_module!(handlers::functions)),
        ("system calls", exported_module!(jobs::functions)),
        ("system calls", exported_module!(rlimits::functions)),
        ("system calls", exported_module!(semaphores::functions)),
        ("system calls", exported_module!(shm::functions)),
        ("system calls", exported_module!(messages::functions)),
        ("system calls", exported_module!(polling::functions)),
        ("system calls", exported_module!(timers::functions)),
        ("system calls", exported_module!(sched::functions)),
        ("system calls", exported_module!(system::functions)),
        ("system calls", exported_module!(terminal::functions)),
        ("memory", exported_module!(memory::functions)),
        ("memory", exported_module!(areas::functions)),
        ("memory", exported_module!(direct_io::functions)),
        ("memory", exported_module!(swap::functions)),
        ("task state", exported_module!(properties::functions)),
        ("views", exported_module!(view::functions)),
        ("moments", exported_module!(travel::functions)),
        ("moments", exported_module!(causes::functions)),
        ("moments", exported_module!(worlds::functions)),
        ("views", exported_module!(memory_view::functions)),
        ("views", exported_module!(strace::functions)),
        ("views", exported_module!(sched_view::functions)),
        ("views", exported_module!(perf_view::functions)),
        ("programs", exported_module!(program::functions)),
        ("programs", exported_module!(host_files::functions)),
        ("following", exported_module!(follow::functions)),
        ("checking", exported_module!(check::functions)),
        ("checking", exported_module!(predict::functions)),
        ("checking", exported_module!(evidence::functions)),
        ("checking", exported_module!(submission::functions)),
        ("checking", exported_module!(variant::functions)),
        ("errors", exported_module!(errors::functions)),
        ("errors", exported_module!(text::functions)),
        ("help", exported_module!(help::functions)),
    ]
}

/// Registers types and functions with the engine.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Task>("Task")
        .register_type_with_name::<Call>("Call")
        .register_type_with_name::<View>("View")
        .register_type_with_name::<Trace>("Trace")
        .register_iterator::<Trace>()
        .register_type_with_name::<Event>("Event")
        .register_type_with_name::<worlds::Branch>("Branch")
        .register_type_with_name::<Workload>("Workload")
        .register_type_with_name::<spawn::TaskList>("TaskList")
        .register_type_with_name::<host_files::HostProgram>("Program")
        .register_type_with_name::<Submission>("Submission")
        .register_type_with_name::<submission::Mark>("Mark")
        .register_type_with_name::<variant::Rng>("Rng")
        .register_type_with_name::<ScriptError>("Error");
    for (_, module) in groups() {
        engine.register_global_module(module.into());
    }
}

/// Whether both values are the same object of a type that only scripts know.
pub(super) fn same_object(a: &Dynamic, b: &Dynamic) -> bool {
    alike::<Event>(a, b)
        || alike::<Trace>(a, b)
        || alike::<worlds::Branch>(a, b)
        || alike::<Workload>(a, b)
        || alike::<spawn::TaskList>(a, b)
        || alike::<host_files::HostProgram>(a, b)
        || alike::<Submission>(a, b)
        || alike::<submission::Mark>(a, b)
        || alike::<variant::Rng>(a, b)
        || alike::<ScriptError>(a, b)
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

/// Sizes that scripts are easier to read with.
const SIZES: [Constant; 3] = [
    Constant {
        name: "KiB",
        value: 1 << 10,
        doc: "1024 bytes: 4*KiB is a page.",
    },
    Constant {
        name: "MiB",
        value: 1 << 20,
        doc: "1024 KiB.",
    },
    Constant {
        name: "PAGE_SIZE",
        value: abi::PAGE_SIZE as i64,
        doc: "The bytes of a page.",
    },
];

/// The constants that scripts and programs know, sorted by name.
pub(super) fn constants() -> Vec<Constant> {
    let mut all: Vec<Constant> = abi::constants().chain(SIZES).collect();
    all.sort_by_key(|constant| constant.name);
    all
}
