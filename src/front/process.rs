//! The process that a command runs in: its limits, Ctrl-C, and the memory it uses.

use super::host_file::{fetcher, saver};
use super::print::{print_line, print_view, warner};
use super::progress::progress;
use super::style::stdout_colors;
use crate::machine::Machine;
use crate::script::{Host, Interrupt, Limit, Limits, Output};
use std::path::Path;

/// What every command needs to know about the process that it runs in.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) limits: Limits,
    pub(super) interrupt: Interrupt,
    pub(super) memory: Option<fn() -> usize>,
}

/// Why a program is stopped before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    /// It hit a limit.
    Limit(Limit),
    /// It was interrupted from outside.
    Interrupted,
}

impl Process {
    /// Whether the process uses more of the host's memory than it may.
    pub(super) fn is_over_memory(&self) -> bool {
        let used = self.memory.map_or(0, |memory| memory() as u64);
        used > self.limits.get(Limit::Memory)
    }

    /// Whether a program that has written that many bytes must stop now, and why. It is asked between
    /// two slices of a command.
    ///
    /// # Errors
    /// The limit that it has hit, or Ctrl-C.
    pub(super) fn check(&self, machine: &Machine, written: u64) -> Result<(), Cut> {
        let over = |limit: Limit, used: u64| used > self.limits.get(limit);
        if self.interrupt.is_raised() {
            Err(Cut::Interrupted)
        } else if over(Limit::Work, machine.work()) {
            Err(Cut::Limit(Limit::Work))
        } else if self.is_over_memory() {
            Err(Cut::Limit(Limit::Memory))
        } else if over(Limit::Output, written) {
            Err(Cut::Limit(Limit::Output))
        } else {
            Ok(())
        }
    }

    /// The host of a session that prints what the user sees; `name` is the script in warnings.
    /// Files come from the folder of the script, or from the current one; pictures go to that.
    pub(super) fn speaking_host(&self, name: &str, folder: &Path) -> Host {
        Host {
            fetch: Some(fetcher(folder.to_owned())),
            save: Some(saver(".".into())),
            show: Some(Box::new(|view| print_view(view, stdout_colors()))),
            warn: Some(warner(name.to_owned())),
            ..self.host(Box::new(print_line))
        }
    }

    /// The host of a session that prints to `out`.
    pub(super) fn host(&self, out: Output) -> Host {
        Host {
            progress: progress(),
            interrupt: self.interrupt.clone(),
            memory: self.memory,
            ..Host::printing(out)
        }
    }
}
