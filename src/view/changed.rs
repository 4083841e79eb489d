//! The mark of a changed kernel: whatever shows such a machine says that it is not Linux's.

use crate::machine::Machine;

/// Which decisions rules take, each with the line of its rule: `changed kernel: schedule (line 3)`;
/// `None` for the kernel of Linux.
pub fn changed_kernel(machine: &Machine) -> Option<String> {
    let rules = machine.kernel.sched.rules.changed();
    let rules: Vec<String> = rules
        .map(|(decision, line)| format!("{} (line {line})", decision.name()))
        .collect();
    (!rules.is_empty()).then(|| format!("changed kernel: {}", rules.join(", ")))
}
