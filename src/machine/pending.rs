//! Carrying out a command in slices of work. Between two slices the kernel is at rest, and whoever
//! gave the command may look at the keyboard, fetch what was printed, or drop the rest of it.

use super::settle::Unsettled;
use super::{Action, Command, Machine, Refusal, Reply, Stop, Until};
use crate::abi::{Pid, TaskId};
use crate::kernel::syscall::Syscall;

/// How far a command has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It has been carried out, or refused.
    Done(Result<Reply, Refusal>),
    /// A slice is over; [`Machine::go_on`] continues. Any other command drops the rest: what tasks
    /// have begun they continue when time passes.
    Paused,
}

/// What is left of a command.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    /// An earlier command was dropped before the machine had settled, which it does before this one.
    Start(Command),
    /// Time passes up to that tick.
    Time(u64, Until),
    /// Time passes up to that tick or until the stepped task has reached its goal.
    Step(u64),
    /// A puppet waits until it can perform an action at once.
    Turn(Turn),
    /// Everything happens that takes no time; then comes the reply.
    Settle(Outcome),
}

/// A puppet that waits for its turn.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    task: TaskId,
    action: Action,
    /// How many ticks it has waited.
    waited: u64,
    /// The tick up to which it waits now.
    until: Option<u64>,
}

impl Turn {
    /// A puppet that has not waited yet.
    pub(super) const fn new(task: TaskId, action: Action) -> Self {
        Self {
            task,
            action,
            waited: 0,
            until: None,
        }
    }
}

/// What the reply to a command depends on once the machine has settled.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Nothing.
    Done,
    /// Whether the new task has found memory for its program.
    Spawned(TaskId, Pid),
    /// Nothing: the pids are known.
    Loaded(Vec<Pid>),
    /// What the action of that task came to.
    Acted(TaskId, Ending),
    /// Whether the return from the handler has settled.
    LeftHandler,
}

/// What a command has come to at once.
pub(super) enum Started {
    /// It is done.
    Done(Reply),
    /// The rest of it is done in slices.
    Pending(Pending),
}

/// What follows after a part of a command.
enum Next {
    /// Nothing: it is done.
    Done(Result<Reply, Refusal>),
    /// Its next part.
    Then(Pending),
    /// A pause, and then this.
    Pause(Pending),
}

/// How an action ends that has no result by the time the machine has settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// It is done.
    Done,
    /// The task is to exit.
    Exit,
    /// The task may have had to move to another CPU before its exec.
    Exec,
}

impl Ending {
    fn of(action: &Action) -> Self {
        match action {
            Action::Syscall(Syscall::Exit(_) | Syscall::ExitGroup(_)) => Self::Exit,
            Action::Syscall(Syscall::Execve(_)) => Self::Exec,
            _ => Self::Done,
        }
    }
}

impl Machine {
    /// Carries out a command completely. Time passes only if the command says so (or lets calls
    /// wait).
    ///
    /// # Errors
    /// Why it was refused; the machine is then unchanged.
    pub fn apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        let mut progress = self.begin(command);
        loop {
            match progress {
                Progress::Done(result) => return result,
                Progress::Paused => progress = self.go_on(),
            }
        }
    }

    /// Begins a command, and carries out its first slice.
    pub fn begin(&mut self, command: Command) -> Progress {
        let unsettled = self.drop_rest();
        self.idle_steps = 0;
        // Output and crashes of programs during earlier commands have been fetched by now.
        drop(self.kernel.take_console_output());
        drop(self.kernel.take_printed());
        self.crashes.clear();
        self.begin_slice();
        if unsettled {
            return self.carry_on(Pending::Start(command));
        }
        let next = self.start_now(command);
        self.follow(next)
    }

    fn start_now(&mut self, command: Command) -> Next {
        // Most commands are actions of puppets; this one moves the least.
        if let Command::Act { task, action } = command {
            return match self.can_begin(task) {
                Ok(()) => self.take_turn(Turn::new(task, action)),
                Err(refusal) => Next::Done(Err(refusal)),
            };
        }
        match self.start(command) {
            Ok(Started::Done(reply)) => Next::Done(Ok(reply)),
            Ok(Started::Pending(pending)) => Next::Then(pending),
            Err(refusal) => Next::Done(Err(refusal)),
        }
    }

    /// Carries out the next slice of the command in progress. What programs have printed so far,
    /// and their crashes, stay until they are taken.
    pub fn go_on(&mut self) -> Progress {
        self.begin_slice();
        match self.pending.take() {
            Some(pending) => self.carry_on(pending),
            None => Progress::Done(Ok(Reply::Done)),
        }
    }

    /// Forgets the rest of an earlier command; returns whether there was any.
    fn drop_rest(&mut self) -> bool {
        let dropped = self.pending.take().is_some();
        if dropped {
            self.between_turns = false;
            self.kernel.log.console = false;
            self.forget_goal();
        }
        dropped
    }

    /// Whether a command is in progress.
    pub(super) const fn is_paused(&self) -> bool {
        self.pending.is_some()
    }

    /// Gives up the command in progress, as if it had never been given: a puppet that has not begun
    /// its action yet will not perform it.
    pub(super) fn give_up(&mut self) {
        if let Some(Pending::Settle(Outcome::Acted(task, _))) = self.pending
            && let Some(puppet) = self.puppet_mut(task)
        {
            puppet.action = None;
        }
    }

    fn carry_on(&mut self, pending: Pending) -> Progress {
        let next = self.proceed(pending);
        self.follow(next)
    }

    fn follow(&mut self, mut next: Next) -> Progress {
        loop {
            match next {
                Next::Done(result) => return Progress::Done(result),
                Next::Then(pending) => next = self.proceed(pending),
                Next::Pause(rest) => {
                    self.pending = Some(rest);
                    return Progress::Paused;
                }
            }
        }
    }

    fn proceed(&mut self, pending: Pending) -> Next {
        match pending {
            Pending::Start(command) => match self.settle() {
                Err(Unsettled::Paused) => Next::Pause(Pending::Start(command)),
                _ => self.start_now(command),
            },
            Pending::Time(end, until) => match self.pass_time(end, until) {
                Some(stop) => Next::Done(Ok(Reply::Stopped(stop))),
                None => Next::Pause(pending),
            },
            Pending::Step(end) => match self.pass_time(end, Until::Idle) {
                Some(stop) => {
                    self.forget_goal();
                    Next::Done(Ok(Reply::Stopped(stop)))
                }
                None => Next::Pause(pending),
            },
            Pending::Turn(turn) => self.take_turn(turn),
            Pending::Settle(outcome) => match self.settle() {
                Err(Unsettled::Paused) => Next::Pause(Pending::Settle(outcome)),
                settled => Next::Done(self.outcome(outcome, settled)),
            },
        }
    }

    /// Lets a puppet act if the scheduler would give it the CPU at once; if not, it waits a tick, as
    /// long as `patience` allows.
    fn take_turn(&mut self, mut turn: Turn) -> Next {
        if let Some(end) = turn.until {
            if self.pass_time(end, Until::Budget).is_none() {
                return Next::Pause(Pending::Turn(turn));
            }
            turn.until = None;
            turn.waited += 1;
            if self.entered_handler().is_some() {
                return Next::Done(Ok(Reply::Stopped(Stop::Handler)));
            }
        }
        match self.gets_turn(&turn) {
            Ok(true) if self.entered_handler().is_some() => {
                Next::Done(Ok(Reply::Stopped(Stop::Handler)))
            }
            Ok(true) => {
                let ending = Ending::of(&turn.action);
                self.begin_action(turn.task, turn.action);
                Next::Then(Pending::Settle(Outcome::Acted(turn.task, ending)))
            }
            Ok(false) => {
                turn.until = Some(self.kernel.tick().saturating_add(1));
                Next::Then(Pending::Turn(turn))
            }
            Err(refusal) => Next::Done(Err(refusal)),
        }
    }

    /// Whether the puppet would get the CPU at once.
    ///
    /// # Errors
    /// If it may not wait any longer, or cannot act at all.
    fn gets_turn(&self, turn: &Turn) -> Result<bool, Refusal> {
        self.can_act(turn.task)?;
        // The interrupt of the console goes to the CPU where the task last ran.
        let cpu = usize::from(self.kernel.sched.get(turn.task).cpu);
        let now = self.kernel.sched_clock();
        match self.kernel.sched.runs_at_once(cpu, now, turn.task) {
            Ok(()) => Ok(true),
            Err(why) if turn.waited == self.patience => Err(self.cannot_run(turn.task, &why)),
            Err(_) => Ok(false),
        }
    }

    /// The reply to a command after which the machine has settled, or is stuck.
    fn outcome(
        &mut self,
        outcome: Outcome,
        settled: Result<(), Unsettled>,
    ) -> Result<Reply, Refusal> {
        match outcome {
            Outcome::Done => Ok(Reply::Done),
            Outcome::Loaded(pids) => Ok(Reply::Loaded(pids)),
            Outcome::Spawned(task, pid) => self.spawn_outcome(task, pid),
            Outcome::Acted(_, ending) => Ok(Reply::Acted(self.action_outcome(ending))),
            Outcome::LeftHandler if settled.is_err() => Ok(Reply::Stopped(Stop::Stuck)),
            Outcome::LeftHandler => Ok(Reply::Done),
        }
    }
}
