//! Stopping programs: at an address, when a word changes, after an instruction, a line or a
//! function.

use super::{ForeignStore, Machine};
use crate::abi::{Name, PAGE_SIZE, Pid, TaskId, VirtAddr};
use crate::hw::{Access, Mode};
use crate::kernel::fs::{DebugInfo, Held, ValueKind};
use crate::kernel::task::Task;
use crate::kernel::traps::Raised;
use std::sync::Arc;

/// Stops programs that reach an address.
#[derive(Clone, Debug)]
pub struct Breakpoint {
    /// The breakpoint's number.
    pub id: u32,
    /// The program concerned.
    pub program: Arc<DebugInfo>,
    /// Address of the instruction.
    pub addr: u32,
}

/// Stops programs when a word of a task's memory has changed.
#[derive(Clone, Debug)]
pub struct Watchpoint {
    /// The watchpoint's number, from the same sequence as breakpoints.
    pub id: u32,
    /// The task whose memory is watched.
    pub task: TaskId,
    /// Address of the word.
    pub addr: VirtAddr,
    /// Its value when it was last checked; `None` if there was no page.
    pub value: Option<u32>,
}

/// How far a task is to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// For that many instructions.
    Instructions(u64),
    /// To the next statement of this function, or to its caller.
    NextLine,
    /// Until this function has returned.
    Finish,
}

/// A goal, with the state that it started from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stepping {
    Instructions(u64),
    Line { line: u32, cfa: u32 },
    Return { to: u32, esp: u32 },
}

/// Why programs were stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Halt {
    /// A task reached a breakpoint.
    Breakpoint {
        /// The task that reached it.
        task: TaskId,
        /// The breakpoint's number.
        id: u32,
    },
    /// A task changed a watched word.
    Watchpoint {
        /// The task that changed it.
        task: TaskId,
        /// The watchpoint's number.
        id: u32,
        /// Address of the instruction that changed it.
        eip: u32,
        /// Its value before the instruction.
        old: Option<u32>,
        /// Its value after the instruction.
        new: Option<u32>,
    },
    /// The stepped task reached its goal.
    Goal {
        /// The stepped task.
        task: TaskId,
    },
}

/// Where a task is in its program.
#[derive(Clone, Debug)]
pub struct Place {
    /// Pid of the task.
    pub pid: Pid,
    /// Name of the task.
    pub name: Name,
    /// What is known about the program that it runs.
    pub program: Arc<DebugInfo>,
    /// Address of the instruction.
    pub eip: u32,
}

/// A program that got a signal for a fault of its own.
#[derive(Clone, Debug)]
pub struct Crash {
    /// Where it was then.
    pub place: Place,
    /// The exception that it raised.
    pub raised: Raised,
    /// The bytes of the instruction, if it is not one of this CPU.
    pub code: Vec<u8>,
    /// What other tasks have stored on its stack, if it shares that.
    pub stores: Vec<ForeignStore>,
    /// The pointer of C that it followed, as far as one of the function's variables leads to the
    /// address of the fault: its name and what it held.
    pub pointer: Option<(Arc<str>, u32)>,
}

/// The most crashes that are remembered until they are taken.
const MAX_CRASHES: usize = 100;

/// The breakpoints, watchpoints and goal that stop programs.
#[derive(Clone, Debug, Default)]
pub struct Debug {
    /// Breakpoints in order of number.
    pub breakpoints: Vec<Breakpoint>,
    /// Watchpoints in order of number.
    pub watchpoints: Vec<Watchpoint>,
    next_id: u32,
    stepping: Option<(TaskId, Stepping)>,
    /// The instruction that a task was stopped at. The task is not stopped there again before it
    /// has run on.
    resting: Option<(TaskId, u32)>,
}

impl Debug {
    /// Whether programs must be looked at while they run.
    pub(super) const fn is_watching(&self) -> bool {
        !self.breakpoints.is_empty() || !self.watchpoints.is_empty() || self.stepping.is_some()
    }

    /// How many instructions a task may execute before it must be looked at.
    pub(super) fn stride(&self, task: TaskId) -> u32 {
        match self.stepping {
            _ if self.looks_at_each_instruction(task) => 1,
            Some((stepped, Stepping::Instructions(left))) if stepped == task => {
                u32::try_from(left).unwrap_or(u32::MAX)
            }
            _ => u32::MAX,
        }
    }

    /// Whether each instruction of a task is looked at, which costs the host as much as a step.
    pub(super) fn looks_at_each_instruction(&self, task: TaskId) -> bool {
        let to_a_place = |(stepped, goal): (TaskId, Stepping)| {
            stepped == task && !matches!(goal, Stepping::Instructions(_))
        };
        !self.breakpoints.is_empty()
            || !self.watchpoints.is_empty()
            || self.stepping.is_some_and(to_a_place)
    }

    /// Sets a breakpoint; returns its number.
    pub(super) fn add_breakpoint(&mut self, program: Arc<DebugInfo>, addr: u32) -> u32 {
        self.next_id += 1;
        let id = self.next_id;
        self.breakpoints.push(Breakpoint { id, program, addr });
        id
    }

    /// Removes a breakpoint or watchpoint; all of them for `None`.
    pub(super) fn remove(&mut self, id: Option<u32>) {
        let keeps = |other: u32| id.is_some_and(|id| id != other);
        self.breakpoints.retain(|point| keeps(point.id));
        self.watchpoints.retain(|point| keeps(point.id));
    }
}

impl Machine {
    /// The breakpoints, watchpoints and goal that stop programs.
    pub const fn debug(&self) -> &Debug {
        &self.debug
    }

    /// Watches a word of a task's memory; returns the watchpoint's number.
    pub(super) fn add_watchpoint(&mut self, task: TaskId, addr: VirtAddr) -> u32 {
        self.debug.next_id += 1;
        let (id, value) = (self.debug.next_id, self.peek(task, addr));
        self.debug.watchpoints.push(Watchpoint {
            id,
            task,
            addr,
            value,
        });
        id
    }

    /// Sets the goal of a task; returns `false` if it runs no program that could reach one.
    pub(super) fn aim(&mut self, task: TaskId, goal: Goal) -> bool {
        let Some(program) = self.debug_info(task) else {
            return false;
        };
        let regs = self.kernel.task(task).thread.regs;
        let stepping = match goal {
            Goal::Instructions(count) => Stepping::Instructions(count),
            Goal::NextLine => Stepping::Line {
                line: program.line_at(regs.eip).map_or(0, |entry| entry.line),
                cfa: program.frame_address(&regs),
            },
            Goal::Finish => {
                let returns = program.frame_address(&regs).wrapping_sub(4);
                match self.peek(task, VirtAddr(returns)) {
                    Some(to) => Stepping::Return { to, esp: returns },
                    None => return false,
                }
            }
        };
        self.debug.stepping = Some((task, stepping));
        true
    }

    /// Drops the goal, reached or not.
    pub(super) const fn forget_goal(&mut self) {
        self.debug.stepping = None;
    }

    /// Whether a task is to stop before its next instruction.
    pub(super) fn halts_before(&mut self, task: TaskId) -> Option<Halt> {
        if !self.debug.is_watching() {
            return None;
        }
        let eip = self.kernel.task(task).thread.regs.eip;
        if self.debug.resting.take() == Some((task, eip)) {
            return None;
        }
        let program = self.debug_info(task)?;
        let points = &self.debug.breakpoints;
        let here = points
            .iter()
            .find(|point| point.addr == eip && Arc::ptr_eq(&point.program, program));
        let halt = Halt::Breakpoint { task, id: here?.id };
        Some(self.rest(task, halt))
    }

    /// Whether a task is to stop after the instruction that it has executed.
    pub(super) fn halts_after(&mut self, task: TaskId, at: u32, ran: u32) -> Option<Halt> {
        if let Some(halt) = self.changed_word(task, at) {
            return Some(self.rest(task, halt));
        }
        let (stepped, mut stepping) = self.debug.stepping.filter(|(who, _)| *who == task)?;
        if !self.kernel.tasks().contains_key(task) || self.has_ended(task) {
            self.forget_goal();
            return Some(Halt::Goal { task });
        }
        let reached = self.is_reached(task, &mut stepping, ran);
        self.debug.stepping = (!reached).then_some((stepped, stepping));
        reached.then(|| self.rest(task, Halt::Goal { task }))
    }

    fn is_reached(&self, task: TaskId, stepping: &mut Stepping, ran: u32) -> bool {
        let regs = self.kernel.task(task).thread.regs;
        match stepping {
            Stepping::Instructions(left) => {
                *left = left.saturating_sub(u64::from(ran));
                *left == 0
            }
            Stepping::Line { line, cfa } => {
                let entry = self
                    .debug_info(task)
                    .and_then(|program| Some((program, program.line_at(regs.eip)?)));
                entry.is_some_and(|(program, entry)| {
                    let here = program.frame_address(&regs);
                    entry.statement
                        && entry.addr == regs.eip
                        && here >= *cfa
                        && (entry.line != *line || here > *cfa)
                })
            }
            Stepping::Return { to, esp } => regs.eip == *to && regs.esp > *esp,
        }
    }

    /// The first watched word that has changed.
    fn changed_word(&mut self, task: TaskId, at: u32) -> Option<Halt> {
        for index in 0..self.debug.watchpoints.len() {
            let Watchpoint {
                id,
                task: owner,
                addr,
                value: old,
            } = self.debug.watchpoints[index];
            let new = self.peek(owner, addr);
            if new != old {
                self.debug.watchpoints[index].value = new;
                let eip = at;
                return Some(Halt::Watchpoint {
                    task,
                    id,
                    eip,
                    old,
                    new,
                });
            }
        }
        None
    }

    /// Stops the task here. It will not be stopped again at this instruction before it has run on.
    fn rest(&mut self, task: TaskId, halt: Halt) -> Halt {
        if let Some(kernel_task) = self.kernel.tasks().get(task) {
            self.debug.resting = Some((task, kernel_task.thread.regs.eip));
        }
        halt
    }

    /// A word of a task's memory, read without a fault; `None` if there is no page.
    pub fn peek(&self, task: TaskId, addr: VirtAddr) -> Option<u32> {
        let mut bytes = [0; 4];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = self.peek_byte(task, VirtAddr(addr.0.wrapping_add(i as u32)))?;
        }
        Some(u32::from_le_bytes(bytes))
    }

    /// A byte of a task's memory, read without a fault; `None` if there is no page.
    pub fn peek_byte(&self, task: TaskId, addr: VirtAddr) -> Option<u8> {
        let mm = self.kernel.tasks().get(task)?.mm()?;
        let pgd = self.kernel.mms()[mm].pgd();
        let mmu = &self.kernel.cpus[0].mmu;
        let walk = crate::hw::walk(&self.kernel.ram, pgd.phys(), mmu.cr4, addr);
        let (pfn, _) = walk.check(Access::read(Mode::User), mmu.wp()).ok()?;
        Some(self.kernel.ram.read_u8(pfn.phys() | addr.page_offset()))
    }

    /// Where a task is in its program; `None` if it runs none.
    pub(super) fn place_of(&self, task: TaskId) -> Option<Place> {
        Some(Place {
            pid: self.kernel.pid(task),
            name: self.kernel.comm(task),
            program: self.debug_info(task)?.clone(),
            eip: self.kernel.task(task).thread.regs.eip,
        })
    }

    /// Whether an area of a task contains an address.
    pub(super) fn is_mapped(&self, task: TaskId, addr: VirtAddr) -> bool {
        let mm = self.kernel.tasks().get(task).and_then(Task::mm);
        mm.is_some_and(|mm| {
            let vma = self.kernel.mms()[mm].find_vma(addr);
            vma.is_some_and(|vma| vma.contains(addr))
        })
    }

    /// The variable of the function in which a task is that points to an address, or little below it.
    pub(super) fn pointer_to(&self, task: TaskId, addr: VirtAddr) -> Option<(Arc<str>, u32)> {
        let program = self.debug_info(task)?;
        let regs = self.kernel.task(task).thread.regs;
        let function = program.function_at(regs.eip)?;
        let locals = function
            .locals
            .iter()
            .filter(|local| (local.from..local.to).contains(&regs.eip))
            .map(|local| (&local.name, local.kind, program.held(local.place, &regs)));
        let globals = program
            .globals
            .iter()
            .map(|global| (&global.name, global.kind, Held::At(global.addr)));
        let pointing = locals.chain(globals).filter_map(|(name, kind, held)| {
            let points = matches!(kind, ValueKind::C(of) if program.is_pointer(of));
            let word = match held {
                Held::At(at) => self.peek(task, VirtAddr(at))?,
                Held::Word(word) => word,
            };
            let distance = addr.0.wrapping_sub(word);
            (points && distance < PAGE_SIZE).then(|| (distance, name.clone(), word))
        });
        // What points nearest to the address is most likely what was followed.
        let (_, name, word) = pointing.min_by_key(|(distance, ..)| *distance)?;
        Some((name, word))
    }

    /// The bytes at the next instruction of a task, at most as many as an instruction has.
    pub(super) fn code_at(&self, task: TaskId) -> Vec<u8> {
        let eip = self.kernel.task(task).thread.regs.eip;
        let byte = |n| self.peek_byte(task, VirtAddr(eip.wrapping_add(n)));
        (0..15).map_while(byte).collect()
    }

    /// Remembers a program that got a signal for a fault of its own.
    pub(super) fn note_crash(&mut self, crash: Crash) {
        if self.crashes.len() < MAX_CRASHES {
            self.crashes.push(crash);
        }
    }

    /// Takes where programs were when they got signals for their own faults, since the last command
    /// began or this was last asked.
    pub fn take_crashes(&mut self) -> Vec<Crash> {
        std::mem::take(&mut self.crashes)
    }
}
