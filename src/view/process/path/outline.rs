//! The outline of `do_fork` in the order of its source, including those of the two functions that
//! it calls.

use super::call::Call;
use super::{Mark, PathStep, copying, if_flag, not_taken, taken, waking};
use crate::abi::{CloneFlags, Pid, PtFlags, PtraceEvent};
use crate::kernel::fork::{child_ptrace, fork_traceflag};
use crate::trace::ForkStep;

/// The outcome of a step and the reason; `None` if it was not reached.
pub(super) type Verdict = Option<(Mark, String)>;

/// All steps of a call, whether reached or not.
pub(super) fn steps(call: &Call) -> Vec<PathStep> {
    let mut steps = Vec::from(before_the_copy(call));
    steps.extend(copying::steps(call));
    steps.extend(before_the_wake_up(call));
    steps.extend(waking::steps(call));
    steps.extend(at_the_end(call));
    say_not_reached(&mut steps);
    steps
}

fn before_the_copy(call: &Call) -> [PathStep; 4] {
    [
        line(0, "pid = alloc_pidmap()", Some(alloc_pidmap(call))),
        line(0, "current->ptrace: fork_traceflag()", traced(call)),
        line(
            1,
            "trace: clone_flags |= CLONE_PTRACE",
            add_clone_ptrace(call),
        ),
        line(0, "p = copy_process()", copy_process(call)),
    ]
}

fn before_the_wake_up(call: &Call) -> [PathStep; 3] {
    let child = call.child();
    [
        line(
            0,
            "CLONE_VFORK: p->vfork_done = &vfork",
            child.map(|_| if_flag(call, CloneFlags::CLONE_VFORK, String::new)),
        ),
        line(
            0,
            "traced or CLONE_STOPPED: SIGSTOP pending",
            child.map(|child| sigstop(call, child)),
        ),
        line(
            0,
            "not CLONE_STOPPED: wake_up_new_task()",
            child.map(|_| wake_up(call)),
        ),
    ]
}

fn at_the_end(call: &Call) -> [PathStep; 4] {
    let child = call.child();
    [
        line(
            0,
            "CLONE_STOPPED: p->state = TASK_STOPPED",
            child.map(|_| if_flag(call, CloneFlags::CLONE_STOPPED, String::new)),
        ),
        line(
            0,
            "trace: ptrace_notify()",
            child.map(|_| ptrace_notify(call)),
        ),
        line(
            0,
            "CLONE_VFORK: wait_for_completion(&vfork)",
            child.map(|child| vfork_wait(call, child)),
        ),
        line(0, "error: free_pidmap(pid)", free_pidmap(call)),
    ]
}

pub(super) fn line(depth: u8, step: &'static str, verdict: Verdict) -> PathStep {
    let (mark, why) = verdict.unwrap_or((Mark::NotReached, String::new()));
    PathStep {
        depth,
        step,
        mark,
        why,
    }
}

/// Only the first step after a failure says that it was not reached. The others, and what is inside
/// a branch that was not taken, need no words.
fn say_not_reached(steps: &mut [PathStep]) {
    let failed = steps.iter().rposition(|step| step.mark == Mark::Failed);
    if let Some(at) = failed
        && let Some(next) = steps.get_mut(at + 1)
    {
        next.why = "not reached".to_owned();
    }
}

fn alloc_pidmap(call: &Call) -> (Mark, String) {
    match call.new_pid() {
        Some(pid) => taken(pid.to_string()),
        None => failed(call),
    }
}

/// The error with its reason, at the step that failed.
pub(super) fn failed(call: &Call) -> (Mark, String) {
    let words = call
        .error()
        .map(|(errno, why)| format!("{}: {why}", errno.name()));
    (Mark::Failed, words.unwrap_or_default())
}

fn event_of(call: &Call) -> Option<PtraceEvent> {
    if call.ptrace.is_empty() {
        return None;
    }
    fork_traceflag(call.ptrace, call.flags)
}

fn traced(call: &Call) -> Verdict {
    call.new_pid()?;
    Some(if call.ptrace.is_empty() {
        not_taken(format!("{} is not traced", call.caller()))
    } else {
        taken(match event_of(call) {
            Some(event) => event.name(),
            None if call.flags.contains(CloneFlags::CLONE_UNTRACED) => "no event: CLONE_UNTRACED",
            None => "no event requested",
        })
    })
}

fn add_clone_ptrace(call: &Call) -> Verdict {
    call.new_pid()?;
    if call.ptrace.is_empty() {
        return None;
    }
    Some(if call.took(ForkStep::AddClonePtrace) {
        taken("the child is traced too")
    } else {
        not_taken("no event")
    })
}

fn copy_process(call: &Call) -> Verdict {
    let (_, refusal) = call.copy?;
    Some(match refusal {
        None => taken(""),
        Some(refusal) => (Mark::Failed, refusal.errno().name().to_owned()),
    })
}

fn sigstop(call: &Call, child: Pid) -> (Mark, String) {
    if !call.took(ForkStep::SigstopPending) {
        return not_taken("neither");
    }
    let flags = if call.took(ForkStep::AddClonePtrace) {
        call.flags | CloneFlags::CLONE_PTRACE
    } else {
        call.flags
    };
    let is_traced = child_ptrace(call.ptrace, flags).contains(PtFlags::PTRACED);
    taken(if is_traced {
        format!("{child} is traced")
    } else {
        "CLONE_STOPPED".to_owned()
    })
}

fn wake_up(call: &Call) -> (Mark, String) {
    if call.took(ForkStep::WakeUpNewTask) {
        taken("")
    } else {
        not_taken("CLONE_STOPPED: the first SIGCONT will wake it")
    }
}

fn ptrace_notify(call: &Call) -> (Mark, String) {
    if !call.took(ForkStep::PtraceNotify) {
        return not_taken("no event requested");
    }
    taken(event_of(call).map_or("", PtraceEvent::name))
}

fn vfork_wait(call: &Call, child: Pid) -> (Mark, String) {
    if_flag(call, CloneFlags::CLONE_VFORK, || {
        let caller = call.caller();
        if call.waits() {
            format!("{caller} waits until {child} execs or exits")
        } else {
            format!("{caller} waited until {child} released the memory")
        }
    })
}

fn free_pidmap(call: &Call) -> Verdict {
    let pid = call.new_pid()?;
    Some(if call.took(ForkStep::FreePidmap) {
        taken(format!(
            "{pid} is free again, but the next search starts after it"
        ))
    } else {
        not_taken("copy_process succeeded")
    })
}
