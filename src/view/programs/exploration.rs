//! The result of trying many interleavings of programs.

use crate::abi::WaitStatus;
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::text::{Role, Text, cell};
use serde::Serialize;

/// The result of trying many interleavings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Exploration {
    /// Number of runs.
    pub runs: i64,
    /// The seed of the run that failed.
    pub seed: Option<i64>,
    /// The error of that run.
    pub error: Option<String>,
    /// Instructions that programs have executed in all runs.
    pub instructions: u64,
}

impl Exploration {
    /// The result in a sentence or two.
    pub fn text(&self) -> Text {
        let lines = match (&self.seed, &self.error) {
            (Some(seed), Some(error)) => vec![
                cell(Role::Bad, "broken")
                    .plain(format!(" in run {} (seed {seed}): {error}", self.runs)),
                cell(
                    Role::Dim,
                    "the machine is as that run left it: trace() shows how it got there",
                ),
            ],
            _ if self.instructions == 0 => vec![
                cell(Role::Bad, format!("{} runs", self.runs)).plain(
                    ", but no program ran in any of them: each run starts on a fresh \
                         machine",
                ),
                cell(
                    Role::Dim,
                    "spawn the program inside: explore(|| { spawn(\"demo\", main); run(); }, 20)",
                ),
            ],
            _ => vec![cell(Role::Good, format!("{} runs", self.runs)).plain(", none broke")],
        };
        Text { lines }
    }
}

/// The first task that a signal killed, as far as the trace goes back, in words.
pub fn died(machine: &Machine) -> Option<String> {
    machine.kernel.log.records().find_map(|record| {
        let TraceEvent::SchedProcessExit { status } = record.event else {
            return None;
        };
        let name = machine.kernel.names.get(record.stamp.name);
        is_death_by_signal(status).then(|| format!("{}:{name} was {status}", record.stamp.pid))
    })
}

const fn is_death_by_signal(status: WaitStatus) -> bool {
    !matches!(status.0 & 0x7f, 0 | 0x7f)
}
