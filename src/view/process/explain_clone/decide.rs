//! Asks the kernel's own functions, one after another in the kernel's order.

use super::words::meaning;
use super::{
    ChildEnd, ChildPlan, CloneObject, EndNotice, ExplainClone, KnownTask, ObjectRow, ParentOf,
    Queued, Reaped, RunsNext, TestOutcome, TestedRule, TracerHears,
};
use crate::abi::{
    CSIGNAL, Caps, CloneFlags, ExitState, Policy, PtFlags, PtraceEvent, Resource, Signal, TaskId,
    WaitOptions,
};
use crate::kernel::Kernel;
use crate::kernel::exit::{
    Exiting, ParentsWish, exit_notice, is_chosen_by_a_stranger, options_mean, reaps_itself,
    tell_parent,
};
use crate::kernel::fork::{
    FLAG_TESTS, FlagTest, ObjectFate, becomes_sibling, begins_stopped, check_clone_flags,
    check_group_exit, check_max_threads, check_newns, check_not_killed, check_nproc, child_ptrace,
    clone_sharing, creator_waits, exit_signal, flags_with_event, fork_traceflag, joins_group,
    tid_stores,
};
use crate::kernel::sched::{NewChild, split_slice, wake_new_placement};
use crate::kernel::task::SignalFlags;
use crate::trace::{CloneRefusal, Placement};

pub(super) fn explain(
    kernel: &Kernel,
    flags: CloneFlags,
    caller: Option<TaskId>,
) -> Option<ExplainClone> {
    if let Some(caller) = caller {
        let task = kernel.tasks().get(caller)?;
        if task.exit_state() != ExitState::Alive {
            return None;
        }
    }
    let verdict = verdict(kernel, flags, caller);
    let refusal = verdict.err();
    let tests = tests(flags);
    let is_refused = |row: &TestedRule| row.outcome == TestOutcome::Refused;
    let needs_admin = !clone_sharing(flags).namespace.is_shared() && refusal.is_none();
    Some(ExplainClone {
        flags: flags.bits(),
        names: flags.iter_names().map(|(name, _)| name).collect(),
        ignored: ignored_bits(flags),
        caller: caller.map(|caller| known(kernel, caller)),
        corrected: tests
            .iter()
            .any(is_refused)
            .then(|| corrected(flags).bits()),
        tests,
        error: refusal.map(|refusal| refusal.errno().name()),
        refusal: refusal.map(|refusal| refusal.to_string()),
        needs: needs_admin.then_some("CAP_SYS_ADMIN"),
        child: refusal.is_none().then(|| plan(kernel, flags, caller)),
    })
}

/// Bits that no function of the kernel looks at.
const fn ignored_bits(flags: CloneFlags) -> u32 {
    let known = CloneFlags::all().difference(CloneFlags::CLONE_DETACHED);
    flags.bits() & !known.bits() & !CSIGNAL
}

fn known(kernel: &Kernel, task: TaskId) -> KnownTask {
    KnownTask {
        pid: kernel.pid(task),
        name: kernel.names.get(kernel.comm(task)).to_owned(),
    }
}

fn tests(flags: CloneFlags) -> Vec<TestedRule> {
    let refusing = FLAG_TESTS.iter().position(|test| test.refuses(flags));
    let outcome = |nr| match refusing {
        Some(refusing) if nr > refusing => TestOutcome::NotReached,
        Some(refusing) if nr == refusing => TestOutcome::Refused,
        _ => TestOutcome::Passed,
    };
    let rules = FLAG_TESTS.iter().enumerate();
    let row = |(nr, test): (usize, &FlagTest)| TestedRule {
        rule: test.refusal.to_string(),
        outcome: outcome(nr),
    };
    rules.map(row).collect()
}

/// Adds the flags that the tests require, and removes CLONE_FS from CLONE_NEWNS.
fn corrected(flags: CloneFlags) -> CloneFlags {
    FLAG_TESTS.iter().fold(flags, |flags, test| {
        if !test.refuses(flags) {
            flags
        } else if test.needed.is_empty() {
            flags - CloneFlags::CLONE_FS
        } else {
            flags | test.needed
        }
    })
}

/// Applies the rules that need no addresses and no memory, in the kernel's order.
fn verdict(kernel: &Kernel, flags: CloneFlags, caller: Option<TaskId>) -> Result<(), CloneRefusal> {
    check_clone_flags(flags)?;
    let Some(caller) = caller else {
        return Ok(());
    };
    let task = kernel.task(caller);
    let processes = kernel.users().processes(task.cred().uid);
    check_nproc(
        &task.cred(),
        processes,
        kernel.rlimit(caller, Resource::Nproc),
    )?;
    check_max_threads(kernel.nr_threads(), kernel.max_threads)?;
    if !clone_sharing(flags).namespace.is_shared() {
        check_newns(&task.cred())?;
    }
    check_not_killed(task.pending.set())?;
    let group = task.signal().map(|signal| kernel.signals()[signal].flags());
    check_group_exit(flags, group.unwrap_or(SignalFlags::empty()))
}

fn plan(kernel: &Kernel, flags: CloneFlags, caller: Option<TaskId>) -> ChildPlan {
    let parent = if becomes_sibling(flags) {
        ParentOf::CallersParent
    } else {
        ParentOf::Caller
    };
    let parent_task = caller.map(|caller| match parent {
        ParentOf::Caller => caller,
        ParentOf::CallersParent => kernel.task(caller).real_parent(),
    });
    let ptrace = ptrace_of(kernel, caller);
    let traced_now = (!ptrace.is_empty()).then(|| hears(ptrace, flags));
    let stops = traced_now.is_some_and(|hears| hears.event.is_some());
    let (queued, forced, runs_next) = place(kernel, flags, caller, stops);
    let asks_for_all =
        PtFlags::PTRACED | PtFlags::TRACE_FORK | PtFlags::TRACE_VFORK | PtFlags::TRACE_CLONE;
    ChildPlan {
        objects: objects(flags, kernel.config.cow),
        tid_stores: tid_stores(flags),
        parent,
        parent_task: parent_task.map(|task| known(kernel, task)),
        same_process: joins_group(flags),
        caller_waits: creator_waits(flags),
        begins_stopped: begins_stopped(flags),
        queued,
        forced,
        runs_next,
        end: end(kernel, flags, caller, parent_task),
        tracer: hears(asks_for_all, flags),
        traced_now,
    }
}

fn objects(flags: CloneFlags, cow: bool) -> Vec<ObjectRow> {
    use CloneFlags as F;
    let shares = clone_sharing(flags);
    [
        (CloneObject::Mm, shares.mm, F::CLONE_VM),
        (CloneObject::PageTables, shares.mm, F::CLONE_VM),
        (CloneObject::Files, shares.files, F::CLONE_FILES),
        (CloneObject::Fs, shares.fs, F::CLONE_FS),
        (CloneObject::Sighand, shares.sighand, F::CLONE_SIGHAND),
        (CloneObject::Signal, shares.signal, F::CLONE_THREAD),
        (CloneObject::SemUndo, shares.sem_undo, F::CLONE_SYSVSEM),
        (CloneObject::Namespace, shares.namespace, F::CLONE_NEWNS),
        (CloneObject::Tls, shares.tls, F::CLONE_SETTLS),
        (CloneObject::OwnAnyway, ObjectFate::Fresh, F::empty()),
    ]
    .map(|(object, fate, flag)| ObjectRow {
        object,
        fate,
        flag: flag.iter_names().map(|(name, _)| name).next(),
        given: flags.intersects(flag),
        meaning: meaning(object, fate, cow),
    })
    .into()
}

/// Where the child is queued, whether an option forced the place, and who runs next. `stops` says
/// whether the caller stops for its tracer.
fn place(
    kernel: &Kernel,
    flags: CloneFlags,
    caller: Option<TaskId>,
    stops: bool,
) -> (Queued, bool, RunsNext) {
    let sched = caller.map(|caller| kernel.sched.get(caller));
    // Having given its last tick to the child, the caller's slice is over; FIFO tasks have no
    // slices.
    let slice_ends = sched
        .is_some_and(|sched| sched.policy != Policy::Fifo && split_slice(sched.time_slice).1 == 0);
    let caller_leaves = creator_waits(flags) || slice_ends || stops;
    let goes_on = if caller_leaves {
        RunsNext::FirstInLine
    } else {
        RunsNext::Caller
    };
    if begins_stopped(flags) {
        return (Queued::Nowhere, false, goes_on);
    }
    let overrides = kernel.config.overrides();
    let cpu = sched.map_or(0, |sched| sched.cpu);
    let child = NewChild {
        clone_vm: flags.contains(CloneFlags::CLONE_VM),
        same_cpu: overrides.fork_cpu.is_none_or(|there| there == cpu),
        // The caller is running, and a running task is queued.
        parent_queued: true,
    };
    let verdict = wake_new_placement(child, &overrides);
    let queued = match verdict.placement {
        Placement::BeforeParent => Queued::BeforeCaller,
        Placement::ParentNotQueued
        | Placement::TailSharedVm
        | Placement::TailByOption
        | Placement::TailByRule
        | Placement::AfterParent
        | Placement::Expired => Queued::Tail,
        Placement::OtherCpu => Queued::TailElsewhere,
    };
    let runs_next = match verdict.placement {
        Placement::BeforeParent if !slice_ends => RunsNext::Child,
        placement if placement.child_first() => RunsNext::FirstInLine,
        _ => goes_on,
    };
    (queued, verdict.forced, runs_next)
}

/// The exit of a child that has no threads of its own and never calls exec.
fn end(
    kernel: &Kernel,
    flags: CloneFlags,
    caller: Option<TaskId>,
    parent: Option<TaskId>,
) -> ChildEnd {
    let chosen = exit_signal(flags);
    let taken_away = caller.zip(parent).is_some_and(|(caller, parent)| {
        let (caller, parent) = (kernel.task(caller), kernel.task(parent));
        let exec_between = caller.self_exec_id != parent.self_exec_id;
        is_chosen_by_a_stranger(chosen, exec_between) && !caller.cred().capable(Caps::KILL)
    });
    let number = if taken_away {
        Signal::SIGCHLD.number() as i32
    } else {
        chosen
    };
    let ptrace = childs_ptrace(ptrace_of(kernel, caller), flags);
    let wish = parent.map_or(ParentsWish::Waits, |parent| kernel.wish_of_parent(parent));
    let exiting = Exiting {
        exit_signal: number,
        ptrace,
        last_thread: !joins_group(flags),
        parent_is_tracer: false,
    };
    let told = exit_notice(exiting).map(|notice| tell_parent(notice, wish));
    let signal = told.and_then(|told| told.signal);
    let notice = match told {
        None => EndNotice::Nobody,
        Some(told) if told.signal.is_some() => EndNotice::Signal,
        Some(told) if told.child_is_forgotten => EndNotice::Ignored,
        Some(_) => EndNotice::WakeUp,
    };
    let forgotten = told.is_some_and(|told| told.child_is_forgotten);
    ChildEnd {
        exit_signal: chosen,
        taken_away,
        notice,
        signal: signal.map(|signal| signal.to_string()),
        reaped: reaped(if forgotten { -1 } else { number }, ptrace),
    }
}

fn reaped(exit_signal: i32, ptrace: PtFlags) -> Reaped {
    if reaps_itself(exit_signal, ptrace) {
        Reaped::ByItself
    } else if options_mean(exit_signal, WaitOptions::empty()) {
        Reaped::ByWait
    } else {
        Reaped::ByCloneWait
    }
}

fn ptrace_of(kernel: &Kernel, caller: Option<TaskId>) -> PtFlags {
    caller.map_or(PtFlags::empty(), |caller| kernel.task(caller).ptrace())
}

/// The child's `ptrace` flags, given those of its creator.
fn childs_ptrace(ptrace: PtFlags, flags: CloneFlags) -> PtFlags {
    let event = fork_traceflag(ptrace, flags);
    child_ptrace(ptrace, flags_with_event(flags, event))
}

fn hears(ptrace: PtFlags, flags: CloneFlags) -> TracerHears {
    TracerHears {
        event: fork_traceflag(ptrace, flags).map(PtraceEvent::name),
        child_traced: childs_ptrace(ptrace, flags).contains(PtFlags::PTRACED),
    }
}
