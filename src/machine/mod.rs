//! The machine: kernel, hardware, time, and what every task does in user mode. It changes only by
//! commands, which are plain data; so checkpoint and commands are all that a replay needs.

mod apply;
mod awaits;
mod command;
mod debug;
mod handler;
mod history;
mod image;
mod outlook;
mod program;
mod puppet;
mod refusal;
mod settle;
mod stack_call;
mod time;
mod workload;

pub use awaits::Awaits;
pub use command::{Action, CallState, Command, Outcome, Reply};
pub use debug::{Breakpoint, Crash, Debug, Goal, Halt, Watchpoint};
pub use handler::{EnteredHandler, handler_address, handler_number};
pub use history::{History, Moment};
pub use image::Image;
pub use outlook::{Bound, Help, Outlook, Standing};
pub use puppet::Puppet;
pub use refusal::{CannotRun, Refusal, Who};
pub use stack_call::{BufferCall, StackCall, StackFrame};
pub use time::Stop;
pub use workload::{
    FileError, ListedTask, ParseError, Step, WorkloadFile, WorkloadProgram, lists_tasks,
};

use crate::abi::{InodeId, TaskId};
use crate::hw::{Ram, RamImage};
use crate::kernel::Kernel;
use crate::kernel::boot::Config;
use crate::kernel::exec::ExecArgs;
use program::Cycles;
use slotmap::SecondaryMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use workload::{Arrivals, Workload};

/// What a task does in user mode. The kernel knows nothing of it.
#[derive(Clone, Debug)]
enum UserMode {
    /// Spawned and not yet run: it calls exec first.
    Spawned {
        /// The program; a reference to it is held until then.
        exe: InodeId,
        /// As a puppet it will stay runnable between its actions.
        spin: bool,
        /// With which arguments.
        args: Arc<ExecArgs>,
    },
    /// It is machine code: registers and memory say all.
    Program,
    /// It does what it is told from outside, one action at a time.
    Puppet(Puppet),
    /// It follows a list of steps.
    Workload(Workload),
}

/// An emulated machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The kernel with its hardware. Look at it freely; change it by commands.
    pub kernel: Kernel,
    modes: SecondaryMap<TaskId, UserMode>,
    images: SecondaryMap<InodeId, Image>,
    /// Tasks that appear later.
    arrivals: Arrivals,
    /// How many ticks a call on a puppet may wait until the scheduler gives it the CPU.
    patience: u64,
    calls: BTreeMap<u64, CallState>,
    next_call: u64,
    /// What the action of the command at hand came to.
    outcome: Option<Outcome>,
    /// Puppets at the first instruction of a handler, first come first.
    entered: VecDeque<TaskId>,
    /// Steps that take no time, done since time last went on or a command was begun.
    idle_steps: u32,
    /// The clock of programs inside a tick.
    cycles: Cycles,
    /// What is to stop programs.
    debug: Debug,
    /// Where programs were when they got signals for what they did.
    crashes: Vec<Crash>,
}

/// The state of a machine at one moment; cheap to keep, for it shares what did not change.
#[derive(Clone)]
pub struct Checkpoint {
    ram: RamImage,
    rest: Box<Machine>,
}

impl Machine {
    /// Boots a machine.
    ///
    /// # Errors
    /// If the options make no machine, in words for the user.
    pub fn boot(config: Config) -> Result<Self, String> {
        let cycles = Cycles::new(config.cycles_per_tick, config.jitter);
        let kernel = Kernel::boot(config)?;
        let mut machine = Self {
            kernel,
            modes: SecondaryMap::new(),
            images: SecondaryMap::new(),
            arrivals: Arrivals::default(),
            patience: 0,
            calls: BTreeMap::new(),
            next_call: 1,
            outcome: None,
            entered: VecDeque::new(),
            idle_steps: 0,
            cycles,
            debug: Debug::default(),
            crashes: Vec::new(),
        };
        machine.register_images();
        machine.settle();
        Ok(machine)
    }

    /// Keeps the present state.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let image = self.kernel.ram.checkpoint();
        let ram = std::mem::replace(&mut self.kernel.ram, Ram::empty());
        let rest = Box::new(self.clone());
        self.kernel.ram = ram;
        Checkpoint { ram: image, rest }
    }

    /// Goes back to a kept state, of this machine or of one that was booted otherwise.
    pub fn restore(&mut self, checkpoint: &Checkpoint) {
        let mut ram = std::mem::replace(&mut self.kernel.ram, Ram::empty());
        if ram.frames() != checkpoint.ram.frames() {
            ram = Ram::new(checkpoint.ram.frames());
        }
        ram.restore(&checkpoint.ram);
        *self = (*checkpoint.rest).clone();
        self.kernel.ram = ram;
    }

    /// How a call that blocked stands.
    pub fn call(&self, id: u64) -> Option<&CallState> {
        self.calls.get(&id)
    }

    /// How many ticks a call on a puppet may wait for the CPU.
    pub const fn patience(&self) -> u64 {
        self.patience
    }

    /// What a task does in user mode, in a word: `puppet`, `workload`, `program` or `spawned`.
    pub fn user_mode(&self, task: TaskId) -> &'static str {
        match self.modes.get(task) {
            Some(UserMode::Puppet(_)) => "puppet",
            Some(UserMode::Workload(_)) => "workload",
            Some(UserMode::Program) => "program",
            Some(UserMode::Spawned { .. }) => "spawned",
            None => "none",
        }
    }
}
