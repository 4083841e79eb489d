//! The outline of `copy_process`: what is checked, what the child shares with its creator and what
//! it gets for itself.

use super::call::Call;
use super::outline::{Verdict, failed, line};
use super::{Mark, PathStep, if_flag, taken};
use crate::abi::{CloneFlags, Signal, VirtAddr};
use crate::kernel::fork::{becomes_sibling, clone_sharing, exit_signal};
use crate::kernel::sched::split_slice;
use crate::trace::CopyStage as Stage;

/// A step: the stage reached when it is done, its name, and its outcome if it is done.
type Step = (Stage, &'static str, fn(&Call) -> (Mark, String));

const STEPS: [Step; 20] = [
    (Stage::FlagsAllowed, "flags allowed", |_| taken("")),
    (Stage::TaskStruct, "dup_task_struct", |_| {
        taken("task_struct and kernel stack")
    }),
    (Stage::ProcessCounted, "RLIMIT_NPROC allows it", |_| {
        taken("")
    }),
    (Stage::ThreadsAllowed, "max_threads allows it", |_| {
        taken("")
    }),
    (
        Stage::ParentTid,
        "CLONE_PARENT_SETTID: tid to the parent",
        parent_tid,
    ),
    (Stage::SemUndo, "copy_semundo", |call| {
        if clone_sharing(call.flags).sem_undo.is_shared() {
            shared("CLONE_SYSVSEM")
        } else {
            taken("none: no CLONE_SYSVSEM")
        }
    }),
    (Stage::Files, "copy_files", |call| {
        shared_or_copied(clone_sharing(call.flags).files.is_shared(), "CLONE_FILES")
    }),
    (Stage::Fs, "copy_fs", |call| {
        shared_or_copied(clone_sharing(call.flags).fs.is_shared(), "CLONE_FS")
    }),
    (Stage::Sighand, "copy_sighand", |call| {
        shared_or_copied(
            clone_sharing(call.flags).sighand.is_shared(),
            "CLONE_SIGHAND",
        )
    }),
    (Stage::Signal, "copy_signal", |call| {
        if clone_sharing(call.flags).signal.is_shared() {
            shared("CLONE_THREAD")
        } else {
            (Mark::Own, "new: no CLONE_THREAD".to_owned())
        }
    }),
    (Stage::Mm, "copy_mm", memory),
    (Stage::Namespace, "copy_namespace", |call| {
        if clone_sharing(call.flags).namespace.is_shared() {
            shared("no CLONE_NEWNS")
        } else {
            (Mark::Own, "copied: CLONE_NEWNS".to_owned())
        }
    }),
    (Stage::Thread, "copy_thread", |call| taken(thread(call))),
    (
        Stage::Thread,
        "CLONE_CHILD_SETTID: p->set_child_tid",
        |call| {
            if_flag(call, CloneFlags::CLONE_CHILD_SETTID, || {
                "the child stores its tid when it first runs".to_owned()
            })
        },
    ),
    (
        Stage::Thread,
        "CLONE_CHILD_CLEARTID: p->clear_child_tid",
        |call| {
            if_flag(call, CloneFlags::CLONE_CHILD_CLEARTID, || {
                "cleared when the child exits".to_owned()
            })
        },
    ),
    (Stage::Thread, "p->exit_signal", |call| {
        taken(exit_signal_words(call.flags))
    }),
    (Stage::SchedFork, "sched_fork", |call| taken(slices(call))),
    (Stage::NotKilled, "no SIGKILL pending", |_| taken("")),
    (Stage::NotKilled, "p->real_parent", |call| {
        taken(real_parent(call))
    }),
    (
        Stage::Linked,
        "CLONE_THREAD: join the thread group",
        |call| {
            if_flag(call, CloneFlags::CLONE_THREAD, || {
                format!("the group of {}", call.caller())
            })
        },
    ),
];

/// The steps of a call.
pub(super) fn steps(call: &Call) -> impl Iterator<Item = PathStep> {
    let reached = call.copy.map(|(reached, _)| reached);
    // The first step that is not done is the one that failed.
    let failing = STEPS
        .iter()
        .position(|(stage, ..)| reached.is_some_and(|reached| reached < *stage));
    STEPS
        .iter()
        .enumerate()
        .map(move |(nr, (stage, step, done))| {
            let verdict: Verdict = match reached {
                Some(reached) if *stage <= reached => Some(done(call)),
                Some(_) if failing == Some(nr) => Some(failed(call)),
                _ => None,
            };
            line(1, step, verdict)
        })
}

fn shared(why: &str) -> (Mark, String) {
    (Mark::Shared, format!("shared: {why}"))
}

fn shared_or_copied(is_shared: bool, flag: &str) -> (Mark, String) {
    if is_shared {
        shared(flag)
    } else {
        (Mark::Own, format!("copied: no {flag}"))
    }
}

fn parent_tid(call: &Call) -> (Mark, String) {
    if_flag(call, CloneFlags::CLONE_PARENT_SETTID, || {
        match (call.new_pid(), call.parent_tid) {
            (Some(pid), Some(addr)) => format!("{pid} at {addr}, before the memory is copied"),
            _ => String::new(),
        }
    })
}

fn memory(call: &Call) -> (Mark, String) {
    if clone_sharing(call.flags).mm.is_shared() {
        return shared("CLONE_VM");
    }
    let how = if call.cow { "on write" } else { "in full" };
    let (ptes, frames) = call.copied_mm.unwrap_or_default();
    let words = format!("copied {how}: no CLONE_VM; PTEs {ptes}, frames {frames}");
    (Mark::Own, words)
}

fn thread(call: &Call) -> String {
    let esp = match call.stack {
        VirtAddr(0) => "the caller's esp".to_owned(),
        stack => format!("esp {stack}"),
    };
    if call.flags.contains(CloneFlags::CLONE_SETTLS) {
        esp + ", TLS by CLONE_SETTLS"
    } else {
        esp
    }
}

fn exit_signal_words(flags: CloneFlags) -> String {
    match exit_signal(flags) {
        -1 => "-1: CLONE_THREAD".to_owned(),
        number => match Signal::new(number as u32) {
            Some(signal) => signal.to_string(),
            None => number.to_string(),
        },
    }
}

/// A parent that is left with nothing starts a new slice.
fn slices(call: &Call) -> String {
    let (child, left) = split_slice(call.slice);
    let slice = call.slice;
    match left {
        0 => format!("slice {slice} -> child {child}; the parent's expires"),
        _ => format!("slice {slice} -> {left}, child {child}"),
    }
}

fn real_parent(call: &Call) -> String {
    let caller = call.caller();
    if !becomes_sibling(call.flags) {
        return caller;
    }
    let thread = call.flags.contains(CloneFlags::CLONE_THREAD);
    let flag = if thread {
        "CLONE_THREAD"
    } else {
        "CLONE_PARENT"
    };
    format!("the parent of {caller}: {flag}")
}
