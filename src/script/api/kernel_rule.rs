//! Changing the kernel: a function of the script in place of a decision of Linux.

use super::convert::{Result, look};
use crate::machine::Command;
use crate::script::errors::{ScriptError, likeliest};
use crate::script::session::{ScriptRule, Shared, Stage};
use crate::trace::Decision;
use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

fn decision(name: &str) -> Result<Decision> {
    if let Some(found) = Decision::from_name(name) {
        return Ok(found);
    }
    let names = Decision::ALL.map(Decision::name);
    let error = ScriptError::new(format!("there is no decision \"{name}\""));
    let all = format!("decisions: {}", names.join(", "));
    let help = match likeliest(name, names.map(str::to_owned)) {
        Some(meant) => format!("did you mean \"{meant}\"? {all}"),
        None => all,
    };
    Err(error.with_help(help).into())
}

/// What a captured variable must be, so that a copy of it means the same.
fn is_plain(value: &Dynamic) -> bool {
    let value = value.flatten_clone();
    let of_language = value.is_int()
        || value.is_bool()
        || value.is_float()
        || value.is_string()
        || value.is_char()
        || value.is_unit()
        || value.is_fnptr();
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().all(is_plain);
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        return map.values().all(is_plain);
    }
    of_language
}

/// Refuses a hand-in that changes the kernel where that is not its task.
fn may_change(ctx: &NativeCallContext) -> Result<()> {
    let refused = Shared::of(ctx)?.with(|state| {
        let exercise = &state.exercise;
        exercise.stage == Stage::Submission && exercise.task.is_some() && !exercise.changes_kernel
    })?;
    if !refused {
        return Ok(());
    }
    let error = ScriptError::new("a hand-in may change the kernel only where that is its task");
    Err(error
        .with_help("leave kernel_rule out; the task is about Linux as it is")
        .into())
}

/// Checks that a function can be asked in the middle of a decision.
fn check(ctx: &NativeCallContext, rule: &FnPtr) -> Result<()> {
    let parameters = Shared::of(ctx)?.with(|state| state.parameters(rule.fn_name()))?;
    let own = parameters.map(|all| all.saturating_sub(rule.curry().len()));
    if own != Some(1) {
        let count = own.unwrap_or(0);
        let message = format!("a rule has one parameter, and this one has {count}");
        let help = "kernel_rule(\"effective_prio\", |t| t.stock) gets what the decision sees as t";
        return Err(ScriptError::new(message).with_help(help).into());
    }
    if rule.curry().iter().all(is_plain) {
        return Ok(());
    }
    Err(
        ScriptError::new("the rule has captured a task or another object of the machine")
            .with_help("take the value that it needs before: let pid = sh.pid")
            .into(),
    )
}

#[export_module]
pub mod functions {
    /// Changes the kernel: whenever it takes that decision, the function answers in its place. The
    /// function gets what the decision sees, with Linux's own names, and `stock`, what Linux
    /// decides. It sees no machine, what it has captured are copies, and it may use 10,000 operations
    /// for one decision.
    ///
    /// | decision | answer |
    /// |---|---|
    /// | `effective_prio` | the priority of an ordinary task, 100 to 139 |
    /// | `task_timeslice` | a full time slice in ms |
    /// | `TASK_INTERACTIVE` | whether a task counts as interactive |
    /// | `EXPIRED_STARVING` | whether those on the expired array have waited too long |
    /// | `wake_up_new_task` | `before_parent`, `after_parent`, `tail` or `expired` |
    /// | `schedule` | the pid of the task that runs next |
    /// | `copy_one_pte` | `share` or `copy`: what fork does with a private page |
    /// | `forget_original_parent` | the pid of the new parent of an orphan |
    ///
    /// `print(kernel_rules())` lists the rules, `kernel_rule("schedule", ())` removes one, `boot()`
    /// begins with Linux's own. Views and the prompt say that the kernel is changed.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 500"]));
    /// kernel_rule("task_timeslice", |t| if t.comm == "hog" { 5 } else { t.stock });
    /// tick(150);
    /// assert(hog.time_slice <= 5);
    /// ```
    #[rhai_fn(name = "kernel_rule", return_raw)]
    pub fn kernel_rule(ctx: NativeCallContext, decision_name: &str, rule: FnPtr) -> Result<()> {
        let decision = decision(decision_name)?;
        may_change(&ctx)?;
        check(&ctx, &rule)?;
        let line = ctx.call_position().line().unwrap_or(0);
        let rule = Shared::of(&ctx)?.with(|state| {
            let functions = state.source.ast.clone();
            let constants = super::super::constants();
            ScriptRule::new(&state.limits, constants, functions, &rule, line).shared()
        })?;
        Shared::of(&ctx)?.with(|state| {
            state.set(Command::KernelRule {
                decision,
                rule: Some(rule),
            });
        })
    }

    /// Removes a rule: the kernel takes that decision as Linux does.
    ///
    /// ```rhai
    /// kernel_rule("schedule", |t| t.stock);
    /// kernel_rule("schedule", ());
    /// assert_eq(kernel_rules(), []);
    /// ```
    #[rhai_fn(name = "kernel_rule", return_raw)]
    pub fn stock_rule(ctx: NativeCallContext, decision_name: &str, _rule: ()) -> Result<()> {
        let decision = decision(decision_name)?;
        Shared::of(&ctx)?.with(|state| {
            state.set(Command::KernelRule {
                decision,
                rule: None,
            });
        })
    }

    /// The decisions that rules of the script take.
    ///
    /// ```rhai
    /// kernel_rule("TASK_INTERACTIVE", |t| false);
    /// assert_eq(kernel_rules(), ["TASK_INTERACTIVE"]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn kernel_rules(ctx: NativeCallContext) -> Result<Array> {
        look(&ctx, |machine| {
            let changed = machine.kernel.sched.rules.changed();
            changed
                .map(|(decision, _)| Dynamic::from(decision.name()))
                .collect()
        })
    }
}
