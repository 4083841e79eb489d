//! Programs: tasks whose user mode is machine code. Their instructions make time pass between two
//! ticks.

use super::debug::{Crash, Halt};
use super::settle::Unsettled;
use super::{Machine, Stop, UserMode};
use crate::abi::{InodeId, PtFlags, SigAction, TaskId};
use crate::hw::{Event, Exception, RunExit};
use crate::kernel::fs::{DebugInfo, InodeKind, ProgramImage};
use crate::kernel::traps::Raised;
use std::sync::Arc;

/// The clock within a tick, in instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cycles {
    /// Instructions used since the tick.
    pub(super) used: u32,
    /// Length of this tick, in instructions.
    pub(super) per_tick: u32,
    /// State of the random generator that varies the length of ticks, if it does.
    dice: Option<u64>,
}

impl Cycles {
    pub(super) fn new(per_tick: u32, seed: Option<u64>) -> Self {
        let mut cycles = Self {
            used: 0,
            per_tick,
            dice: None,
        };
        cycles.throw_with(seed, per_tick);
        cycles
    }

    /// Varies the length of ticks with this seed from now on, or stops doing so.
    pub(super) fn throw_with(&mut self, seed: Option<u64>, nominal: u32) {
        self.dice = seed;
        self.begin_tick(nominal);
    }

    /// Starts a new tick of about that many instructions: half to one and a half times as many, if
    /// the length varies.
    pub(super) fn begin_tick(&mut self, nominal: u32) {
        self.used = 0;
        self.per_tick = match &mut self.dice {
            None => nominal,
            Some(state) => {
                let spread = u64::from(nominal).max(1);
                (u64::from(nominal / 2) + split_mix(state) % spread).max(1) as u32
            }
        };
    }

    /// Advances the random generator past ticks that no program uses.
    pub(super) const fn skip_ticks(&mut self, ticks: u64) {
        if let Some(state) = &mut self.dice {
            *state = state.wrapping_add(SPLIT_MIX_STEP.wrapping_mul(ticks));
        }
    }

    /// Time since the tick after that many instructions, ns.
    const fn ns(&self, used: u32) -> u32 {
        (used as u64 * 1_000_000 / self.per_tick as u64) as u32
    }

    const fn left(&self) -> u32 {
        self.per_tick.saturating_sub(self.used)
    }
}

/// The increment of the state of `SplitMix64` for each number.
const SPLIT_MIX_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`: the next number of the sequence that a seed determines.
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(SPLIT_MIX_STEP);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The most instructions of a turn, so that a tick of any length can be paused.
const MAX_TURN: u32 = crate::kernel::boot::MAX_INTERLEAVE;

/// Bytes of console output after which the caller should fetch them.
const MUCH_OUTPUT: usize = 64 << 10;

/// How the turn of a CPU ended.
enum Turn {
    /// No program is running on it.
    Idle,
    /// It has executed that many instructions.
    Used(u32),
    /// It has executed that many instructions, and the machine must stop.
    Halted(u32, Halt),
}

impl Machine {
    /// Lets programs use the rest of this tick, in rounds: each CPU gets a turn of at most
    /// `interleave` instructions. With one CPU, a turn ends at a system call or at the tick.
    ///
    /// Returns why the machine must stop before the tick, if it must.
    pub(super) fn run_programs(&mut self) -> Result<Option<Stop>, Unsettled> {
        while self.cycles.left() > 0 && self.kernel.panicked().is_none() {
            if self.must_pause() {
                self.between_turns = true;
                return Err(Unsettled::Paused);
            }
            let cpus = self.kernel.cpus.len();
            let most = match cpus {
                1 => self.cycles.left().min(MAX_TURN).min(self.at_most().1),
                _ => self.cycles.left().min(self.kernel.config.interleave),
            };
            let (mut used, mut idle, mut halt) = (0, true, None);
            for cpu in 0..cpus {
                match self.turn(cpu, most) {
                    Turn::Idle => continue,
                    Turn::Used(n) => used = used.max(n),
                    Turn::Halted(n, why) => {
                        used = used.max(n);
                        halt = Some(why);
                    }
                }
                idle = false;
                if halt.is_some() {
                    break;
                }
            }
            if idle {
                return Ok(None);
            }
            self.kernel.set_this_cpu(0);
            self.cycles.used += used;
            self.kernel.set_since_tick(self.cycles.ns(self.cycles.used));
            if used > 0 {
                self.idle_steps = 0;
            }
            self.kernel.stat.instructions += u64::from(used);
            if let Some(why) = halt {
                return Ok(Some(Stop::Halted(why)));
            }
            self.settle().inspect_err(|_| self.between_turns = true)?;
            let output = self.kernel.console().output().len() + self.kernel.printers().len();
            if output > MUCH_OUTPUT {
                return Ok(Some(Stop::Console));
            }
        }
        Ok(None)
    }

    /// Runs the program on a CPU for at most that many instructions, up to its next system call.
    fn turn(&mut self, cpu: usize, most: u32) -> Turn {
        let task = self.kernel.sched.current(cpu);
        if !matches!(self.modes.get(task), Some(UserMode::Program)) {
            return Turn::Idle;
        }
        self.kernel.set_this_cpu(cpu);
        if !self.shares_stack(task) {
            return self.turn_of(task, most);
        }
        let (pid, name) = (self.kernel.pid(task), self.kernel.comm(task));
        self.before_turn_on_shared_stack(task);
        let turn = self.turn_of(task, most);
        self.after_turn_on_shared_stack(task, pid, name);
        turn
    }

    fn turn_of(&mut self, task: TaskId, most: u32) -> Turn {
        let mut used = 0;
        while used < most && self.is_free_to_run(task) {
            if let Some(why) = self.halts_before(task) {
                return Turn::Halted(used, why);
            }
            let at = self.kernel.task(task).thread.regs.eip;
            let budget = (most - used).min(self.debug.stride(task));
            let RunExit { used: ran, event } = self.execute(task, budget, used);
            let ran = ran as u32;
            used += ran;
            self.count_instructions(ran);
            // That a turn ends is no work: it may be cut anywhere.
            if event != Event::Budget || self.debug.looks_at_each_instruction(task) {
                self.count_step();
            }
            let is_alone = self.kernel.cpus.len() == 1;
            if is_alone {
                self.kernel
                    .set_since_tick(self.cycles.ns(self.cycles.used + used));
            }
            match event {
                Event::Budget => {}
                Event::Syscall => {
                    self.system_call(task);
                    if let Some(why) = self.halts_after(task, at, ran) {
                        return Turn::Halted(used, why);
                    }
                    return Turn::Used(used);
                }
                Event::Exception(exception) => self.exception(task, exception),
            }
            if self.debug.is_watching()
                && let Some(why) = self.halts_after(task, at, ran)
            {
                return Turn::Halted(used, why);
            }
            if is_alone && self.looks_for_rest() && self.must_pause() {
                break;
            }
        }
        Turn::Used(used)
    }

    /// Lets the kernel handle an exception, and notes it if it is what ends the program.
    fn exception(&mut self, task: TaskId, exception: Exception) {
        // A fault that finds no memory can end the task on the spot, so this is asked before.
        let place = self.place_of(task);
        let stores = self.foreign_stores(task);
        let pointer = match &exception {
            // Looking through the variables takes longer than most faults.
            Exception::PageFault(fault) if !self.is_mapped(task, fault.addr) => {
                self.pointer_to(task, fault.addr)
            }
            _ => None,
        };
        let code = match exception {
            Exception::InvalidOpcode => self.code_at(task),
            _ => Vec::new(),
        };
        let Some(raised) = self.kernel.user_exception(task, exception) else {
            return;
        };
        let goes_on = self.kernel.tasks().contains_key(task) && self.is_for_another(task, &raised);
        if let Some(place) = place.filter(|_| !goes_on) {
            self.note_crash(Crash {
                place,
                raised,
                code,
                stores,
                pointer,
            });
        }
    }

    /// Whether the task still has its CPU and no pending work in the kernel.
    fn is_free_to_run(&self, task: TaskId) -> bool {
        let kernel = &self.kernel;
        kernel.current() == task
            && !kernel.sched.need_resched(kernel.this_cpu())
            && !kernel.has_kernel_work(task)
    }

    /// Whether a handler or a tracer gets the signal that the task has raised.
    fn is_for_another(&self, task: TaskId, raised: &Raised) -> bool {
        let traced = self.kernel.task(task).ptrace().contains(PtFlags::PTRACED);
        let signal = raised.signal();
        traced
            || signal.is_some_and(|signal| {
                let action = self.kernel.sigaction_of(task, signal);
                matches!(action, SigAction::Handler(_))
            })
    }

    fn execute(&mut self, task: TaskId, budget: u32, used: u32) -> RunExit {
        let kernel = &mut self.kernel;
        let now = u64::from(self.cycles.used + used);
        let tsc = kernel.tick() * u64::from(kernel.config.cycles_per_tick) + now;
        let exit = kernel.run_user_code(task, u64::from(budget), tsc);
        self.note_owner(task);
        exit
    }

    /// Handles `int 0x80`. A child that it creates is a program too; after an exec, the task does
    /// what the new image says.
    fn system_call(&mut self, task: TaskId) {
        self.kernel.int_80(task);
        self.adopt_children();
        self.enter_new_image(task);
    }

    /// The file of a program, with a reference for the caller. Exec finds it by name, unless a file
    /// from boot has that name.
    pub(super) fn program_inode(&mut self, name: &str, image: Arc<ProgramImage>) -> InodeId {
        if crate::kernel::boot::BOOT_FILES.contains(&name) {
            return self.kernel.new_inode(InodeKind::Image(image), name);
        }
        let inode = self.kernel.create(name, InodeKind::Image(image));
        self.kernel.iget(inode);
        inode
    }

    /// What is known about the program that a task runs, beyond its bytes.
    pub fn debug_info(&self, task: TaskId) -> Option<&Arc<DebugInfo>> {
        let mm = self.kernel.tasks().get(task)?.mm()?;
        self.debug_info_of(self.kernel.mms()[mm].exe()?)
    }

    /// The tasks that have ended, and that nobody has reaped.
    pub fn zombies(&self) -> impl Iterator<Item = TaskId> {
        let tasks = self.kernel.tasks().keys();
        tasks.filter(|task| self.has_ended(*task))
    }

    /// What is known about a program file, beyond its bytes.
    pub fn debug_info_of(&self, exe: InodeId) -> Option<&Arc<DebugInfo>> {
        match &self.kernel.inodes().get(exe)?.kind {
            InodeKind::Image(image) => Some(&image.debug),
            _ => self.described.get(exe),
        }
    }

    /// The image that a task runs, if it is a program.
    pub fn program_of(&self, task: TaskId) -> Option<&Arc<ProgramImage>> {
        let mm = self.kernel.tasks().get(task)?.mm()?;
        let exe = self.kernel.mms()[mm].exe()?;
        match &self.kernel.inodes()[exe].kind {
            InodeKind::Image(image) => Some(image),
            _ => None,
        }
    }
}
