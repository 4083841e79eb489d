//! Workloads: lists of steps in whole ticks that a task follows by itself.

use super::words::{parse_step, step_help};
use crate::abi::Policy;
use std::fmt;
use std::sync::Arc;

/// One step of a workload. Times are in ticks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// `run N`: use that much CPU time.
    Run(u64),
    /// `sleep N`: sleep interruptibly.
    Sleep(u64),
    /// `io N`: sleep uninterruptibly.
    Io(u64),
    /// `every N`: sleep until the next period of a timer begins.
    Every(u64),
    /// `until T`: sleep interruptibly until that tick.
    Until(u64),
    /// `block`: sleep interruptibly until woken.
    Block,
    /// `lock MUTEX`: take a mutex.
    Lock(String),
    /// `unlock MUTEX`: release it.
    Unlock(String),
    /// `cond_wait CONDITION MUTEX`: release a mutex until a condition is signalled.
    Wait(String, String),
    /// `await SEMAPHORE`: sleep until it is posted; what was posted before counts.
    Await(String),
    /// `post SEMAPHORE`: let one who waits for it go on, or the next who will.
    Post(String),
    /// `cond_signal CONDITION`: wake one who waits for it.
    Signal(String),
    /// `cond_broadcast CONDITION`: wake all who wait for it.
    Broadcast(String),
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
        /// The call that is made.
        how: ForkHow,
        /// Name of the child.
        child: String,
        /// What the child does: a script of the same program, by index.
        script: usize,
    },
    /// `map ADDR N`: map that many anonymous pages at the address.
    Map(u32, u32),
    /// `touch ADDR N`: write to that many pages.
    Touch(u32, u32),
    /// `exec IMAGE`: run another program.
    Exec(String),
    /// `goto K`: continue at that step.
    Goto(usize),
    /// `exit`: exit with status 0.
    Exit,
}

/// How a workload creates a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkHow {
    /// By `fork()`.
    Fork,
    /// By `clone()` with CLONE_VM.
    ForkVm,
    /// By `vfork()`.
    Vfork,
}

/// A named list of steps.
pub(super) type Script = (String, Arc<[Step]>);

/// The scripts of one program: the one that it starts with, and those for its children.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkloadProgram {
    /// All programs of a workload file share the scripts.
    scripts: Arc<Vec<Script>>,
    start: usize,
}

/// A line that is not a valid step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Script that contains it.
    pub script: String,
    /// Step number, from 0.
    pub step: usize,
    /// The text of the step.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
    /// What would be valid.
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

/// The position of a task in the workload that it follows.
#[derive(Clone, Debug)]
pub(in crate::machine) struct Workload {
    pub(in crate::machine) program: Arc<WorkloadProgram>,
    /// Those of the script of the program that it follows.
    pub(in crate::machine) steps: Arc<[Step]>,
    pub(in crate::machine) pc: usize,
    /// Ticks left of the current `run` step.
    pub(in crate::machine) left: u64,
    /// What is left of a step that takes no time.
    pub(in crate::machine) rest: Option<Step>,
    /// The script of its next child, while it forks.
    pub(in crate::machine) child_script: usize,
    /// The period of its timer, and the tick at which that last began.
    pub(in crate::machine) timer: Option<(u64, u64)>,
}

impl Workload {
    pub(in crate::machine) fn new(program: Arc<WorkloadProgram>) -> Self {
        let start = program.start;
        Self::at(program, start)
    }

    pub(in crate::machine) fn at(program: Arc<WorkloadProgram>, script: usize) -> Self {
        Self {
            steps: program.steps(script).clone(),
            program,
            pc: 0,
            left: 0,
            rest: None,
            child_script: 0,
            timer: None,
        }
    }

    /// Begins the next step, which is returned if it does more than change where the task stands.
    /// The end of the list is an exit.
    #[inline]
    pub(in crate::machine) fn advance(&mut self) -> Option<Step> {
        if self.rest.is_some() {
            return self.rest.take();
        }
        let step = self.steps.get(self.pc);
        self.pc += 1;
        match step {
            Some(Step::Run(ticks)) => self.left = *ticks,
            Some(Step::Goto(pc)) => self.pc = *pc,
            Some(step) => return Some(step.clone()),
            None => return Some(Step::Exit),
        }
        None
    }
}

impl WorkloadProgram {
    /// The program of `true`: it exits.
    pub fn exit() -> Self {
        Self::of_scripts(vec![("main".to_owned(), [Step::Exit].into())])
    }

    fn of_scripts(scripts: Vec<Script>) -> Self {
        Self {
            scripts: Arc::new(scripts),
            start: 0,
        }
    }

    /// A program that starts with the script at that index.
    pub(super) const fn starting_at(scripts: Arc<Vec<Script>>, start: usize) -> Self {
        Self { scripts, start }
    }

    /// The index of the script that it starts with.
    pub(in crate::machine) const fn start(&self) -> usize {
        self.start
    }

    /// The steps of the script at that index.
    pub(in crate::machine) fn steps(&self, script: usize) -> &Arc<[Step]> {
        &self.scripts[script].1
    }

    /// The scripts by name, with their steps.
    pub fn scripts(&self) -> impl Iterator<Item = (&str, &[Step])> {
        let scripts = self.scripts.iter();
        scripts.map(|(name, steps)| (name.as_str(), &**steps))
    }

    /// Parses a program: scripts by name, the first being the main one, each a list of steps.
    ///
    /// # Errors
    /// The first step that cannot be parsed.
    pub fn parse<S: AsRef<str>>(scripts: &[(String, Vec<S>)]) -> Result<Self, ParseError> {
        let names: Vec<&str> = scripts.iter().map(|(name, _)| name.as_str()).collect();
        let mut parsed = Vec::new();
        for (name, lines) in scripts {
            let mut steps = Vec::new();
            for (step, line) in lines.iter().enumerate() {
                let text = line.as_ref().trim();
                let words: Vec<&str> = text.split_whitespace().collect();
                let read = parse_step(&words, &names, lines.len());
                steps.push(read.map_err(|bad| ParseError {
                    script: name.clone(),
                    step,
                    text: text.to_owned(),
                    why: bad.why,
                    help: step_help(&words),
                })?);
            }
            parsed.push((name.clone(), steps.into()));
        }
        Ok(Self::of_scripts(parsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Result<WorkloadProgram, String> {
        let scripts = [
            ("main".to_owned(), lines.to_vec()),
            ("kid".to_owned(), vec!["exit"]),
        ];
        let parsed = WorkloadProgram::parse(&scripts);
        parsed.map_err(|error| format!("{error}; {}", error.help))
    }

    #[test]
    fn every_step_can_be_read() {
        let lines = [
            "run 20",
            "sleep 5",
            "io 3",
            "every 100",
            "until 500",
            "block",
            "lock m",
            "unlock m",
            "cond_wait c m",
            "cond_signal c",
            "cond_broadcast c",
            "await s",
            "post s",
            "wake A",
            "yield",
            "nice -5",
            "renice A 3",
            "setsched rr 10",
            "fork B kid",
            "fork_vm B kid",
            "vfork B kid",
            "map 0x50000000 4",
            "touch 0x50000000 4",
            "exec true",
            "goto 0",
            "exit",
        ];
        assert_eq!(parse(&lines).unwrap().scripts[0].1.len(), lines.len());
    }

    #[test]
    fn a_bad_step_is_named_with_what_would_be_right() {
        for (line, why) in [
            ("run 0", "at least 1"),
            ("run x", "x is not a number"),
            ("nice 20", "-20 to 19"),
            ("setsched fifo 0", "1 to 99"),
            ("setsched idle 1", "idle is not a policy"),
            ("fork B nobody", "there are: main, kid"),
            ("goto 1", "the last step is 0"),
            ("walk 3", "steps are run N"),
            ("wait 5", "no such step; did you mean sleep 5?"),
            ("rnu 5", "did you mean run 5?"),
            (
                "run",
                "too few words for run; it is written run N, as in run 20",
            ),
            ("exit 0", "too many words for exit; it is written exit"),
            (
                "goto 1",
                "it is written goto K, as in goto 0; steps are counted from 0",
            ),
            ("", "steps are run N"),
        ] {
            let error = parse(&[line]).unwrap_err();
            assert!(error.starts_with("step 0 of main, "), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }
}
