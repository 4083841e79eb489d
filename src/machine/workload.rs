//! Workloads: lists of steps in whole ticks that a task follows by itself.

use super::step_text::{Wrong, parse_step};
use crate::abi::Policy;
use std::fmt;
use std::sync::Arc;

/// One step of a workload. Times are in ticks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// `run N`: use that much CPU.
    Run(u64),
    /// `sleep N`: sleep interruptibly.
    Sleep(u64),
    /// `io N`: sleep uninterruptibly.
    Io(u64),
    /// `block`: sleep interruptibly until somebody wakes it.
    Block,
    /// `wake NAME`: wake the youngest live task of that name.
    Wake(String),
    /// `yield`: `sched_yield()`.
    Yield,
    /// `nice V`: set its own nice value.
    Nice(i32),
    /// `renice NAME V`: set the nice value of the youngest live task of that name.
    Renice(String, i32),
    /// `setsched POLICY P`: `sched_setscheduler()` on itself.
    Setsched(Policy, u8),
    /// `fork CHILD SCRIPT`, `fork_vm CHILD SCRIPT`, `vfork CHILD SCRIPT`.
    Fork {
        /// Which call.
        how: ForkHow,
        /// Name of the child.
        child: String,
        /// What the child does: a script of the same program, by position.
        script: usize,
    },
    /// `map ADDR N`: map that many anonymous pages there.
    Map(u32, u32),
    /// `touch ADDR N`: write to that many pages.
    Touch(u32, u32),
    /// `exec IMAGE`: run another program.
    Exec(String),
    /// `goto K`: go on at that step.
    Goto(usize),
    /// `exit`.
    Exit,
}

/// How a workload makes a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkHow {
    /// `fork()`.
    Fork,
    /// `clone()` with CLONE_VM.
    ForkVm,
    /// `vfork()`.
    Vfork,
}

/// The scripts of one program: the first is what it starts with, the others are for its children.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkloadProgram {
    scripts: Vec<(String, Vec<Step>)>,
}

/// A line that is no step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Script in which it stands.
    pub script: String,
    /// Step number, from 0.
    pub step: usize,
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
    /// What would be right.
    pub help: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            script,
            step,
            text,
            why,
            ..
        } = self;
        write!(f, "step {step} of {script}, \"{text}\": {why}")
    }
}

/// A task that follows a workload: where it stands.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) program: Arc<WorkloadProgram>,
    pub(super) script: usize,
    pub(super) pc: usize,
    /// Ticks left of the `run` it is in.
    pub(super) left: u64,
}

impl Workload {
    pub(super) const fn new(program: Arc<WorkloadProgram>) -> Self {
        Self::at(program, 0)
    }

    pub(super) const fn at(program: Arc<WorkloadProgram>, script: usize) -> Self {
        Self {
            program,
            script,
            pc: 0,
            left: 0,
        }
    }

    /// The step to be done next; the end of the list is an exit.
    pub(super) fn next_step(&self) -> Step {
        let (_, steps) = &self.program.scripts[self.script];
        steps.get(self.pc).cloned().unwrap_or(Step::Exit)
    }
}

impl WorkloadProgram {
    /// The program of `true`: it exits.
    pub fn exit() -> Self {
        Self {
            scripts: vec![("main".to_owned(), vec![Step::Exit])],
        }
    }

    /// The scripts by name, with their steps: the first is what the program starts with.
    pub fn scripts(&self) -> impl Iterator<Item = (&str, &[Step])> {
        let scripts = self.scripts.iter();
        scripts.map(|(name, steps)| (name.as_str(), steps.as_slice()))
    }

    /// Reads a program: scripts by name, the first being the main one, each a list of steps.
    ///
    /// # Errors
    /// The first step that cannot be read.
    pub fn parse<S: AsRef<str>>(scripts: &[(String, Vec<S>)]) -> Result<Self, ParseError> {
        let names: Vec<&str> = scripts.iter().map(|(name, _)| name.as_str()).collect();
        let mut parsed = Vec::new();
        for (name, lines) in scripts {
            let mut steps = Vec::new();
            for (step, line) in lines.iter().enumerate() {
                let text = line.as_ref().trim();
                let error = |Wrong { why, help }| ParseError {
                    script: name.clone(),
                    step,
                    text: text.to_owned(),
                    why,
                    help,
                };
                steps.push(parse_step(text, &names, lines.len()).map_err(error)?);
            }
            parsed.push((name.clone(), steps));
        }
        Ok(Self { scripts: parsed })
    }
}
