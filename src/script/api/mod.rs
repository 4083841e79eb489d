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
mod follow;
mod help;
mod machine;
mod memory;
mod predict;
mod program;
mod properties;
mod spawn;
mod view;

use super::error::ScriptError;
use super::value::{Call, Task, View};
use crate::abi::{CloneFlags, MapFlags, Prot, Signal};
use crate::kernel::wait::WaitOptions;
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
        ("memory", exported_module!(memory::functions)),
        ("task state", exported_module!(properties::functions)),
        ("views", exported_module!(view::functions)),
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
        ("O_CREAT", i64::from(crate::kernel::files::O_CREAT)),
        ("SIG_DFL", 0),
        ("SIG_IGN", 1),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let flags = CloneFlags::all().iter_names();
    all.extend(flags.map(|(name, flag)| (name.to_owned(), i64::from(flag.bits()))));
    let maps = MapFlags::all().iter_names();
    all.extend(maps.map(|(name, flag)| (format!("MAP_{name}"), i64::from(flag.bits()))));
    let signals = Signal::NAMED.iter();
    all.extend(signals.map(|(name, signal)| ((*name).to_owned(), i64::from(signal.number()))));
    all.sort();
    all
}
