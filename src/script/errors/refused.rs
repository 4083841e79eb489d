//! What to say of a system call that the kernel refused by a rule that it names itself.

use super::area_remedy::area_advice;
use super::file_remedy::file_advice;
use super::remedy::{Advice, fork_advice, map_advice, no_child, pgrp_advice};
use super::{ScriptError, advice};
use crate::abi::{Errno, Pid, later_than};
use crate::kernel::syscall::SysError;
use crate::kernel::syscall::{LimitRefusal, RlimitRefusal};
use crate::kernel::task::NR_OPEN;

/// Who called, as far as it matters for the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) struct Caller {
    pub(in crate::script) pid: Pid,
    /// Its children are reaped by themselves.
    pub(in crate::script) ignores_sigchld: bool,
}

/// The error of a system call, by its name, that failed with this number.
pub(in crate::script) fn errno_error(errno: Errno, call: &str) -> ScriptError {
    let advice = advice(call, errno);
    ScriptError {
        note: advice.map(|advice| advice.rule.to_owned()),
        help: advice.map(|advice| advice.remedy.to_owned()),
        ..ScriptError::of_errno(errno, format!("{call} failed: {errno}"))
    }
}

/// The error of a system call that failed: what happened, and the rule behind it.
pub(in crate::script) fn refused(error: SysError, call: &str, caller: Caller) -> ScriptError {
    let plain = errno_error(error.errno(), call);
    let because = |reason: String| ScriptError {
        message: format!("{}: {reason}", plain.message),
        ..plain.clone()
    };
    let told = match error {
        SysError::Errno(_) => plain.clone(),
        SysError::Fork(refusal) => {
            let Advice { rule, remedy } = fork_advice(refusal);
            because(refusal.to_string())
                .with_note(format!("the rule is in {rule}"))
                .with_help(remedy)
        }
        SysError::Map(refusal) => {
            let Advice { rule, remedy } = map_advice(refusal);
            because(refusal.to_string())
                .with_note(rule)
                .with_help(remedy)
        }
        SysError::File(refusal) => {
            let Advice { rule, remedy } = file_advice(refusal);
            because(refusal.to_string())
                .with_note(rule)
                .with_help(remedy)
        }
        SysError::Area(refusal) => {
            let Advice { rule, remedy } = area_advice(refusal);
            because(refusal.to_string())
                .with_note(rule)
                .with_help(remedy)
        }
        SysError::NoChild(why) => {
            let (reason, help) = no_child(caller.pid, why, caller.ignores_sigchld);
            because(reason).with_help(help)
        }
        SysError::Pgrp(refusal) => {
            let Advice { rule, remedy } = pgrp_advice(refusal);
            because(rule.to_owned())
                .with_note(format!("the rule is in kernel/sys.c, sys_{call}()"))
                .with_help(remedy)
        }
        SysError::Limit(refusal) => {
            let (rule, remedy) = limit_advice(refusal);
            because(rule)
                .with_note("the rule is in kernel/sys.c, sys_setrlimit()")
                .with_help(remedy)
        }
    };
    with_later(told, &format!("{call} {}", error.errno().name()))
}

/// The error with a line about a later kernel that does not fail so.
fn with_later(error: ScriptError, refusal: &str) -> ScriptError {
    let Some(later) = later_than(refusal).next() else {
        return error;
    };
    let line = format!("since {}: {}", later.version, later.there);
    let note = match &error.note {
        Some(note) => format!("{note}; {line}"),
        None => line,
    };
    ScriptError {
        note: Some(note),
        ..error
    }
}

/// Why a limit was not set, and how to fix that.
fn limit_advice(LimitRefusal { rule, old, new }: LimitRefusal) -> (String, String) {
    match rule {
        RlimitRefusal::SoftAboveHard => (
            format!(
                "the soft limit, {}, would be above the hard limit, {}",
                new.cur, new.max
            ),
            "setrlimit(resource, soft, hard) sets both; only root may raise the hard limit"
                .to_owned(),
        ),
        RlimitRefusal::HardRaised => (
            format!(
                "raising the hard limit from {} to {} requires CAP_SYS_RESOURCE",
                old.max, new.max
            ),
            "only root may: spawn(\"sh\", #{uid: 0})".to_owned(),
        ),
        RlimitRefusal::BeyondNrOpen => (
            format!("a descriptor table cannot have more than NR_OPEN entries, {NR_OPEN}"),
            format!("the hard limit can be at most {NR_OPEN}"),
        ),
    }
}
