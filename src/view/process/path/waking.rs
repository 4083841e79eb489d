//! The outline of `wake_up_new_task`: the scheduling parameters of both tasks, and where the child
//! is queued.

use super::call::{Call, ListChange, Pids, Woken};
use super::outline::line;
use super::{Mark, PathStep, not_taken, taken};
use crate::abi::Pid;
use crate::kernel::sched::sleep_avgs_after_fork;
use crate::trace::Placement;

/// Nanoseconds in a millisecond.
const NS_PER_MS: f64 = 1_000_000.0;

/// The steps of a call.
pub(super) fn steps(call: &Call) -> Vec<PathStep> {
    let woken = call.woken.as_ref();
    let step = |step, verdict: &dyn Fn(&Woken) -> (Mark, String)| line(1, step, woken.map(verdict));
    vec![
        step("adjust the child's sleep_avg and prio", &|woken| {
            taken(childs_parameters(call, woken))
        }),
        step("same CPU, no CLONE_VM: right before the parent", &|woken| {
            placed(call, woken, &[Placement::BeforeParent])
        }),
        step("the parent is on no array: __activate_task()", &|woken| {
            placed(call, woken, &[Placement::ParentNotQueued])
        }),
        step("child first: set_need_resched()", &|woken| {
            resched(call, woken)
        }),
        step("run child last: __activate_task()", &|woken| {
            placed(
                call,
                woken,
                &[
                    Placement::TailSharedVm,
                    Placement::TailByOption,
                    Placement::TailByRule,
                    Placement::AfterParent,
                    Placement::Expired,
                ],
            )
        }),
        step("other CPU: __activate_task() there", &|woken| {
            placed(call, woken, &[Placement::OtherCpu])
        }),
        step("adjust the parent's sleep_avg", &|_| {
            let (_, parent) = sleep_avgs_after_fork(call.sleep_avg, &call.tunables);
            taken(sleep_avgs(call.sleep_avg, parent))
        }),
    ]
}

fn sleep_avgs(before: u32, after: u32) -> String {
    let ms = |ns| f64::from(ns) / NS_PER_MS;
    format!("sleep_avg {} -> {} ms", ms(before), ms(after))
}

/// The child's own priority shows only where it is not replaced by its parent's.
fn childs_parameters(call: &Call, woken: &Woken) -> String {
    let averages = sleep_avgs(call.sleep_avg, woken.sleep_avg);
    match woken.placement {
        Placement::BeforeParent => averages + "; the parent's prio",
        _ => format!("{averages}; prio {}", woken.prio),
    }
}

/// A branch that puts the child on a list.
fn placed(call: &Call, woken: &Woken, branch: &[Placement]) -> (Mark, String) {
    if !branch.contains(&woken.placement) {
        return not_taken(why_not(call, woken, branch[0]));
    }
    let parent_is_there = woken.placement != Placement::OtherCpu;
    let list = call.list.as_ref().map(|list| {
        let running = parent_is_there.then_some(call.pid);
        list.words(|pid| Some(pid) == running)
    });
    let reason = match woken.placement {
        Placement::OtherCpu => format!("CPU {}, ", woken.cpu),
        Placement::TailByOption => "child_runs_first is false, ".to_owned(),
        Placement::TailSharedVm => "CLONE_VM, ".to_owned(),
        Placement::TailByRule | Placement::AfterParent | Placement::Expired => {
            format!("the rule of this kernel says {}, ", woken.placement.name())
        }
        Placement::BeforeParent | Placement::ParentNotQueued => String::new(),
    };
    let forced = if woken.forced { "forced: " } else { "" };
    taken(format!("{forced}{reason}{}", list.unwrap_or_default()))
}

/// Why another branch than `branch` was taken.
fn why_not(call: &Call, woken: &Woken, branch: Placement) -> String {
    let parent = call.caller();
    match (woken.placement, branch) {
        (_, Placement::OtherCpu) => format!("the child stays on CPU {}", woken.cpu),
        (Placement::OtherCpu, _) => format!("the child goes to CPU {}", woken.cpu),
        (Placement::TailByRule | Placement::AfterParent | Placement::Expired, _) => {
            format!("the rule of this kernel says {}", woken.placement.name())
        }
        (_, Placement::TailSharedVm) => "no CLONE_VM".to_owned(),
        (Placement::TailSharedVm, _) => "CLONE_VM".to_owned(),
        (Placement::TailByOption, _) => "forced: child_runs_first is false".to_owned(),
        (Placement::ParentNotQueued, _) if woken.forced => {
            format!("forced: as if {parent} were on no array")
        }
        (Placement::ParentNotQueued, _) => format!("{parent} is on no array"),
        (Placement::BeforeParent, _) => match &call.list {
            Some(list) => format!("{parent} is on the {} array", list.array.name()),
            None => format!("{parent} is on an array"),
        },
    }
}

fn resched(call: &Call, woken: &Woken) -> (Mark, String) {
    if woken.placement.child_first() {
        return taken(format!("{} gives up the CPU", call.caller()));
    }
    not_taken(match woken.placement {
        Placement::OtherCpu => format!("CPU {} decides by priority", woken.cpu),
        _ => "the child waits for its turn".to_owned(),
    })
}

impl ListChange {
    /// `active[125]: [2] -> 3 [2]`, with the running task in brackets.
    fn words(&self, running: impl Fn(Pid) -> bool) -> String {
        format!(
            "{}[{}]: {} -> {}",
            self.array.name(),
            self.prio,
            self.before.words(&running),
            self.after.words(&running)
        )
    }
}

impl Pids {
    fn words(&self, running: impl Fn(Pid) -> bool) -> String {
        if self.pids.is_empty() {
            return "(empty)".to_owned();
        }
        let word = |pid: &Pid| {
            if running(*pid) {
                format!("[{pid}]")
            } else {
                pid.to_string()
            }
        };
        let cut = |is_cut: bool| is_cut.then(|| "...".to_owned());
        let words: Vec<String> = cut(self.cut_before)
            .into_iter()
            .chain(self.pids.iter().map(word))
            .chain(cut(self.cut_after))
            .collect();
        words.join(" ")
    }
}
