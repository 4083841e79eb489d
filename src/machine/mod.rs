//! The machine: kernel, hardware, time, and what every task does in user mode. It changes only by
//! commands, which are plain data, so that a checkpoint and commands are enough for a replay.

mod apply;
mod awaits;
mod children;
mod command;
mod deadlock;
mod debug;
#[cfg(test)]
#[path = "../../tests/common/machine.rs"]
pub(crate) mod drive;
mod handler;
mod history;
mod image;
mod outlook;
mod owners;
mod pending;
mod program;
mod puppet;
mod refusal;
mod settle;
mod stack_call;
mod stacks;
mod time;
mod work;
mod workload;

pub use awaits::Awaits;
pub use command::{Acted, Action, CallState, Command, Reply};
pub use deadlock::{Giver, Link, Needs};
pub use debug::{Breakpoint, Crash, Debug, Goal, Halt, Watchpoint};
pub use handler::{EnteredHandler, handler_address, handler_number};
pub use history::{Clock, History, Moment, Side};
pub use image::Image;
pub use outlook::{Bound, Help, Outlook, Standing};
pub use pending::Progress;
pub use puppet::Puppet;
pub use refusal::{CannotRun, Refusal, Who};
pub use stack_call::{
    BufferCall, FD_SET_BYTES, ITIMERSPEC_BYTES, StackCall, StackFrame, TIMEVAL_BYTES,
};
pub use stacks::ForeignStore;
pub use time::{Stop, Until};
pub use workload::{
    FileError, ListedTask, ParseError, Step, WorkloadFile, WorkloadProgram, lists_tasks,
};

use crate::abi::{InodeId, TaskId};
use crate::hw::{Frame, Ram, RamImage};
use crate::kernel::Kernel;
use crate::kernel::arena::Beside;
use crate::kernel::boot::Config;
use crate::kernel::fs::DebugInfo;
use crate::kernel::syscall::ExecArgs;
use owners::Owners;
use pending::Pending;
use program::Cycles;
use slotmap::SecondaryMap;
use stacks::SharedStacks;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use work::Work;
use workload::{Arrivals, Locks, Workload};

/// What a task does in user mode. The kernel knows nothing about it.
#[derive(Clone, Debug)]
enum UserMode {
    /// Spawned but not run yet: it calls exec first.
    Spawned(Spawned),
    /// It is machine code: registers and memory are its whole state.
    Program,
    /// It performs the actions that its user commands, one at a time.
    Puppet(Puppet),
    /// It follows a list of steps.
    Workload(Workload),
}

/// What a spawned task calls exec with.
#[derive(Clone, Debug)]
struct Spawned {
    /// The program; a reference to it is held until then.
    exe: InodeId,
    /// Whether it will stay runnable between its actions, if it is a puppet.
    spin: bool,
    /// The arguments for exec.
    args: Arc<ExecArgs>,
}

impl Spawned {
    /// A program that sleeps between its actions, if it is a puppet.
    fn sleeping(exe: InodeId, args: ExecArgs) -> Self {
        Self {
            exe,
            spin: false,
            args: Arc::new(args),
        }
    }
}

/// An emulated machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The kernel with its hardware. Read it freely; change it only by commands.
    pub kernel: Kernel,
    modes: Beside<TaskId, UserMode>,
    images: SecondaryMap<InodeId, Image>,
    /// What is known about program files from outside.
    described: SecondaryMap<InodeId, Arc<DebugInfo>>,
    /// Tasks that appear later.
    arrivals: Arrivals,
    /// Mutexes and conditions of workloads.
    locks: Locks,
    /// How many ticks a call on a puppet may wait for the scheduler to give it the CPU.
    patience: u64,
    calls: BTreeMap<u64, CallState>,
    next_call: u64,
    /// The result of the action in progress.
    acted: Option<Acted>,
    /// Puppets at the first instruction of a handler, in the order of entry.
    entered: VecDeque<TaskId>,
    /// Steps without time since time last passed or a command began.
    idle_steps: u32,
    /// The work when the first of these steps were looked at.
    idle_since: u64,
    /// What is left of the command in progress.
    pending: Option<Pending>,
    /// What the machine has done so far costs the host that much.
    work: Work,
    /// The clock of programs within a tick.
    cycles: Cycles,
    /// Whether a pause has come between two turns of the programs of this tick.
    between_turns: bool,
    /// The breakpoints, watchpoints and goal that stop programs.
    debug: Debug,
    /// Where programs were when they got signals for their own faults.
    crashes: Vec<Crash>,
    /// Who holds the mutexes of programs.
    owners: Owners,
    /// Programs that share a stack.
    stacks: SharedStacks,
}

/// The state of a machine at one moment. It is cheap to keep, because it shares what has not
/// changed.
#[derive(Clone)]
pub struct Checkpoint {
    ram: RamImage,
    rest: Box<Machine>,
}

impl Checkpoint {
    /// About how many bytes it takes that the other one does not take already.
    fn bytes_beside(&self, other: &Self) -> usize {
        let frames = self.ram.own_frames(&other.ram) * size_of::<Frame>();
        let theirs: BTreeMap<_, _> = other.rest.kernel.shared_tables().collect();
        let tables = self.rest.kernel.shared_tables();
        let own = tables.filter(|(place, _)| !theirs.contains_key(place));
        frames + own.map(|(_, bytes)| bytes).sum::<usize>()
    }

    /// About how many bytes some checkpoints take together.
    fn bytes_of<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> usize {
        let mut frames: Vec<usize> = all.clone().flat_map(|one| one.ram.saved()).collect();
        frames.sort_unstable();
        frames.dedup();
        let tables: BTreeMap<_, _> = all
            .flat_map(|one| one.rest.kernel.shared_tables())
            .collect();
        frames.len() * size_of::<Frame>() + tables.into_values().sum::<usize>()
    }
}

impl Machine {
    /// Boots a machine.
    ///
    /// # Errors
    /// If the options are invalid, in words for the user.
    pub fn boot(config: Config) -> Result<Self, String> {
        let cycles = Cycles::new(config.cycles_per_tick, config.jitter);
        let kernel = Kernel::boot(config)?;
        let mut machine = Self {
            kernel,
            modes: Beside::new(),
            images: SecondaryMap::new(),
            described: SecondaryMap::new(),
            arrivals: Arrivals::default(),
            locks: Locks::default(),
            patience: 0,
            calls: BTreeMap::new(),
            next_call: 1,
            acted: None,
            entered: VecDeque::new(),
            idle_steps: 0,
            idle_since: 0,
            pending: None,
            work: Work::default(),
            cycles,
            between_turns: false,
            debug: Debug::default(),
            crashes: Vec::new(),
            owners: Owners::default(),
            stacks: SharedStacks::default(),
        };
        machine.register_images();
        // At boot nobody waits, and nothing could loop.
        let _settled = machine.settle();
        Ok(machine)
    }

    /// Saves the current state.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let image = self.kernel.ram.checkpoint();
        self.kernel.share_tables();
        self.modes.share();
        let ram = std::mem::replace(&mut self.kernel.ram, Ram::empty());
        let rest = Box::new(self.clone());
        self.kernel.ram = ram;
        Checkpoint { ram: image, rest }
    }

    /// Restores a saved state, even of a machine that was booted with other options.
    pub fn restore(&mut self, checkpoint: &Checkpoint) {
        let mut ram = std::mem::replace(&mut self.kernel.ram, Ram::empty());
        if ram.frames() != checkpoint.ram.frames() {
            ram = Ram::new(checkpoint.ram.frames());
        }
        ram.restore(&checkpoint.ram);
        *self = (*checkpoint.rest).clone();
        self.kernel.ram = ram;
    }

    /// The state of a call that blocked.
    pub fn call(&self, id: u64) -> Option<&CallState> {
        self.calls.get(&id)
    }

    /// How many ticks a call on a puppet may wait for the CPU.
    pub const fn patience(&self) -> u64 {
        self.patience
    }

    /// What a task does in user mode, in one word: `puppet`, `workload`, `program` or `spawned`.
    pub fn user_mode(&self, task: TaskId) -> &'static str {
        match self.modes.get(task) {
            Some(UserMode::Puppet(_)) => "puppet",
            Some(UserMode::Workload(_)) => "workload",
            Some(UserMode::Program) => "program",
            Some(UserMode::Spawned(_)) => "spawned",
            None if self.kernel.is_daemon(task) => "kernel",
            None => "none",
        }
    }
}
