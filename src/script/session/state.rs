//! The state that the engine's functions work on: the machine, and what a run has used up.

use super::compiled::Source;
use super::exercise::{Exercise, Stage};
use super::host::Host;
use super::limits::{Limit, Limits};
use super::shadowing::Shadowing;
use crate::kernel::boot::Config;
use crate::kernel::rules::{RuleFailure, RuleRecord};
use crate::machine::{Command, History, Machine, Moment, Progress, Refusal, Reply};
use crate::script::errors::ScriptError;
use crate::trace::EventKind;
use crate::view::{self, Since, Text};
use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};
use std::{fmt, io};

#[expect(
    clippy::disallowed_types,
    reason = "the one shared state: the engine's functions own it"
)]
type Rc<T> = std::rc::Rc<T>;
#[expect(
    clippy::disallowed_types,
    reason = "borrowed for one call at a time, never across a callback"
)]
type RefCell<T> = std::cell::RefCell<T>;

/// Longer console lines of programs are broken at this many bytes.
const MAX_CONSOLE_LINE: usize = 4096;

/// The number of operations between two checks of the memory in use.
const MEMORY_POLL: u64 = 256;

/// Why a run was ended from outside. No script can catch it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) enum Halt {
    /// Its output can no longer be written.
    Output(io::ErrorKind),
    /// It hit a limit.
    Limit(Limit),
    /// It was interrupted from outside.
    Interrupted,
}

impl From<Halt> for Box<EvalAltResult> {
    fn from(halt: Halt) -> Self {
        EvalAltResult::ErrorTerminated(Dynamic::from(halt), Position::NONE).into()
    }
}

/// A prediction and its result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prediction {
    /// The question asked.
    pub question: String,
    /// The answer given; `None` if there was none.
    pub given: Option<String>,
    /// The right answer.
    pub answer: String,
    /// Whether the answer given was right.
    pub right: bool,
    /// The possible answers, besides the names of errors and signals; empty if any answer is
    /// possible.
    pub possible: &'static [&'static str],
}

/// The state that the engine's functions work on.
pub(in crate::script) struct State {
    pub(in crate::script) machine: Machine,
    /// How often the session has booted; handles of an earlier machine carry another number.
    pub(in crate::script) boot: u64,
    pub(in crate::script) limits: Limits,
    pub(in crate::script) host: Host,
    /// The machine's history, if the session can undo.
    pub(super) history: Option<History>,
    /// The end of the line of moments, if the machine stands before it.
    pub(super) tip: Option<Moment>,
    /// Whether the input being carried out has gone to another moment.
    pub(super) moved: bool,
    /// The branches of the session, and where they end.
    pub(super) branch_ends: Vec<(usize, Moment)>,
    /// How many machines have been booted beside this one.
    pub(super) boots_apart: u64,
    /// How many steps so far have changed the machine.
    pub(super) changes: u64,
    /// How many there were when the input being carried out began.
    pub(super) changes_before: u64,
    /// What was printed since it was last taken, if somebody listens.
    pub(super) heard: Option<String>,
    /// The closures that are signal handlers, by number.
    pub(in crate::script) handlers: Vec<FnPtr>,
    /// The events at which time stops.
    pub(in crate::script) stops: Vec<EventStop>,
    /// The predictions since the session began.
    pub(in crate::script) predictions: Vec<Prediction>,
    /// The exercise that the session runs, if it does.
    pub(in crate::script) exercise: Exercise,
    /// Whatever happened before this point has already been shown to the user.
    pub(in crate::script) told: Since,
    /// Where the last prediction began that made something happen: what decided those after it has
    /// happened since then.
    pub(in crate::script) decided: Since,
    /// The line of the text that makes calls now; 0 if there is none.
    line: u16,
    /// The lines of the input that is being carried out, if lines of others count as its first one.
    pub(super) input: Option<(usize, usize)>,
    /// A partial line that programs have written to the console.
    console_line: Vec<u8>,
    /// What programs are compiled from.
    pub(in crate::script) source: Source,
    /// Output held back until a prediction is made.
    held: Option<Vec<Printed>>,
    /// The view that the script is printing.
    printing: Option<Text>,
    /// Why this run must end, if it must.
    halt: Option<Halt>,
    /// Why a rule of the changed kernel could not be followed, until that is reported.
    rule_failure: Option<RuleFailure>,
    /// What this run has used up so far.
    pub(super) used: Used,
    /// Whether the session was ever refused memory of the host, because of the limit on it.
    pub(super) was_refused_memory: bool,
    /// At which look this run was interrupted, if it was.
    pub(super) interrupted_at: Option<u64>,
    /// At which look the next run is to be interrupted.
    pub(super) interrupt_at: Option<u64>,
}

/// A kind of event at which time stops, if the condition holds for it.
#[derive(Clone, Debug)]
pub(in crate::script) struct EventStop {
    pub(in crate::script) kind: EventKind,
    pub(in crate::script) condition: Option<FnPtr>,
}

/// What a run has used up.
#[derive(Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) operations: u64,
    pub(super) work: u64,
    pub(super) ticks: u64,
    pub(super) printed: u64,
    /// How often it was looked whether it must end.
    pub(super) looks: u64,
}

impl State {
    fn new(machine: Machine, limits: Limits, host: Host) -> Self {
        let mut state = Self {
            decided: Since::now(&machine),
            machine,
            boot: 0,
            limits,
            host,
            history: None,
            tip: None,
            moved: false,
            branch_ends: Vec::new(),
            boots_apart: 0,
            changes: 0,
            changes_before: 0,
            heard: None,
            handlers: Vec::new(),
            stops: Vec::new(),
            predictions: Vec::new(),
            exercise: Exercise::default(),
            told: Since { seq: 0, tick: 0 },
            line: 0,
            input: None,
            console_line: Vec::new(),
            source: Source::default(),
            held: None,
            printing: None,
            halt: None,
            rule_failure: None,
            used: Used::default(),
            was_refused_memory: false,
            interrupted_at: None,
            interrupt_at: None,
        };
        state.bound_trace();
        state
    }

    pub(super) fn bound_trace(&mut self) {
        let events = self.limits.size(Limit::Trace);
        self.machine.kernel.log.set_capacity(events);
    }

    /// Begins a command, and records it for undo.
    pub(in crate::script) fn begin(&mut self, command: Command) -> Progress {
        self.tip = None;
        if let Some(history) = &mut self.history {
            history.note_command(&mut self.machine, self.line, &command);
        }
        self.machine.kernel.log.line = self.line;
        self.slice(|machine| machine.begin(command))
    }

    /// Notes which line makes a call. A function that an input calls does what it does for that
    /// input, wherever the function was typed.
    fn note_line(&mut self, position: Position) {
        let Some(line) = position.line() else { return };
        let line = match self.input {
            Some((first, last)) if !(first..=last).contains(&line) => first,
            _ => line,
        };
        self.line = u16::try_from(line).unwrap_or(u16::MAX);
    }

    /// Carries out the next slice of a command, and records that for undo.
    pub(in crate::script) fn go_on(&mut self) -> Progress {
        if let Some(history) = &mut self.history {
            history.note_slice(&mut self.machine);
        }
        self.slice(Machine::go_on)
    }

    fn slice(&mut self, act: impl FnOnce(&mut Machine) -> Progress) -> Progress {
        let before = self.machine.work();
        let asked = self.machine.kernel.sched.rules.operations();
        let since = Since::now(&self.machine);
        let progress = act(&mut self.machine);
        let refused = matches!(progress, Progress::Done(Err(_)));
        self.changes += u64::from(!refused || since != Since::now(&self.machine));
        self.used.work += self.machine.work() - before;
        self.charge(self.machine.kernel.sched.rules.operations() - asked);
        self.show_rules();
        self.show_console();
        self.show_crashes();
        self.show_watcher();
        progress
    }

    /// Prints what rules of a changed kernel have printed, and keeps why one could not be followed.
    fn show_rules(&mut self) {
        let RuleRecord { failure, printed } = self.machine.kernel.sched.rules.take_record();
        for line in printed {
            self.print_line(&printable(&line));
        }
        if self.rule_failure.is_none() {
            self.rule_failure = failure;
        }
    }

    /// Lets whoever watches the machine see what it has done. A machine that is run apart is not
    /// shown.
    fn show_watcher(&mut self) {
        if self.home() == 0
            && let Some(watch) = &mut self.host.watch
            && let Err(error) = watch(&self.machine)
        {
            self.halt.get_or_insert(Halt::Output(error.kind()));
        }
    }

    /// Sets the events at which time stops, which undo takes back.
    pub(in crate::script) fn set_stops(&mut self, stops: Vec<EventStop>) {
        self.stops = stops;
        self.changes += 1;
    }

    /// Carries out a command that takes no time and lets nobody run.
    pub(in crate::script) fn set(&mut self, command: Command) {
        let done = self.begin(command);
        debug_assert!(matches!(done, Progress::Done(_)), "{done:?}");
    }

    /// The number of parameters of a function of the script.
    pub(in crate::script) fn parameters(&self, name: &str) -> Option<usize> {
        let mut functions = self.source.ast.iter_functions();
        functions.find(|f| f.name == name).map(|f| f.params.len())
    }

    /// Whether the script has a function of that name.
    pub(in crate::script) fn has_function(&self, name: &str) -> bool {
        self.source.ast.iter_functions().any(|f| f.name == name)
    }

    /// Prints the complete lines that programs have written to the console.
    fn show_console(&mut self) {
        let kernel = &self.machine.kernel;
        if kernel.console().output().is_empty() && kernel.printers().is_empty() {
            return;
        }
        let printed = self.machine.kernel.take_printed();
        let printed = printed.into_iter().flat_map(|(_, bytes)| bytes);
        let written = self.machine.kernel.take_console_output();
        for byte in written.into_iter().chain(printed) {
            match byte {
                b'\n' => self.end_console_line(),
                byte => self.console_line.push(byte),
            }
            if self.console_line.len() > MAX_CONSOLE_LINE {
                self.end_console_line();
            }
        }
    }

    fn end_console_line(&mut self) {
        let line = std::mem::take(&mut self.console_line);
        let text = String::from_utf8_lossy(&line);
        self.print_line(&printable(&text));
    }

    /// A partial line of a program is shown before anything else is printed.
    fn flush_console(&mut self) {
        if !self.console_line.is_empty() {
            self.end_console_line();
        }
    }

    /// Reports the programs that got a signal for a fault of their own.
    fn show_crashes(&mut self) {
        for crash in self.machine.take_crashes() {
            let text = view::crash(&self.machine, &crash);
            self.flush_console();
            for line in text.lines() {
                self.print_line(line);
            }
        }
    }

    /// Whether that much more of the host's memory may be used under the limit.
    pub(in crate::script) fn has_room_for(&mut self, bytes: u64) -> bool {
        let Some(memory) = self.host.memory else {
            return true;
        };
        let used = (memory() as u64).saturating_add(bytes);
        let has_room = used <= self.limits.get(Limit::Memory);
        self.was_refused_memory |= !has_room;
        has_room
    }

    /// Replaces the machine by a freshly booted one.
    pub(in crate::script) fn boot(&mut self, config: Config) -> Result<(), String> {
        if self.exercise.stage == Stage::Submission {
            return Err("a hand-in cannot boot: it runs on the machine of its check".to_owned());
        }
        let machine = Machine::boot(config.clone())?;
        self.tip = None;
        if let Some(history) = &mut self.history {
            history.note_boot(&mut self.machine, &config);
        }
        self.changes += 1;
        self.machine = machine;
        self.bound_trace();
        self.boot += 1;
        self.told = Since::now(&self.machine);
        self.decided = self.told;
        Ok(())
    }

    /// The limits of the session without what this run has used up.
    pub(super) const fn limits_left(&self) -> Limits {
        self.used.left_of(self.limits)
    }

    /// Takes what was held back.
    pub(super) fn take_held(&mut self) -> Vec<Printed> {
        self.held.take().unwrap_or_default()
    }

    /// Tells how much of some work is done.
    pub(super) fn tell_progress(&mut self, done: usize, all: usize) {
        if let Some(progress) = &mut self.host.progress {
            progress(done as u64, all as u64);
        }
    }

    /// How much has been done in this run: operations of the interpreter and work of the machine.
    pub(in crate::script) const fn effort(&self) -> u64 {
        self.used.operations.saturating_add(self.used.work)
    }

    /// How many more ticks this run may ask for.
    pub(in crate::script) const fn ticks_left(&self) -> u64 {
        self.limits
            .get(Limit::Ticks)
            .saturating_sub(self.used.ticks)
    }

    /// Counts ticks that have passed against the limit of this run.
    pub(in crate::script) const fn spend_ticks(&mut self, ticks: u64) {
        self.used.ticks = self.used.ticks.saturating_add(ticks);
    }

    /// Counts what a function of ours costs like so many operations of the interpreter.
    pub(in crate::script) const fn charge(&mut self, operations: u64) {
        self.used.operations = self.used.operations.saturating_add(operations);
    }

    /// Counts an operation of the interpreter. Rhai's own count begins anew with each call of a
    /// closure. Returns why the run must end now, if it must.
    fn count_operation(&mut self) -> Option<Halt> {
        self.used.operations += 1;
        self.count_look();
        if self.used.operations.is_multiple_of(MEMORY_POLL) {
            self.must_halt()
        } else if self.halt.is_some()
            || self.host.interrupt.is_raised()
            || self.used.operations > self.limits.get(Limit::Operations)
        {
            self.must_halt_at_once()
        } else {
            // Commands look at their work themselves.
            None
        }
    }

    /// Counts that it is looked whether the run must end. These looks are the same whenever the run is
    /// repeated, so an interruption is repeated by its number.
    fn count_look(&mut self) {
        self.used.looks += 1;
        if self.interrupt_at == Some(self.used.looks) {
            self.host.interrupt.raise();
        }
        if self.interrupted_at.is_none() && self.host.interrupt.is_raised() {
            self.interrupted_at = Some(self.used.looks);
        }
    }

    /// Why this run must end now, if it must.
    pub(super) fn must_halt(&mut self) -> Option<Halt> {
        self.must_halt_at_once()
            .or_else(|| (!self.has_room_for(0)).then_some(Halt::Limit(Limit::Memory)))
    }

    /// The same, but for the memory, which takes longer to ask for.
    fn must_halt_at_once(&self) -> Option<Halt> {
        let over =
            |used: u64, limit: Limit| (used > self.limits.get(limit)).then_some(Halt::Limit(limit));
        self.halt
            .or_else(|| self.host.interrupt.is_raised().then_some(Halt::Interrupted))
            .or_else(|| over(self.used.operations, Limit::Operations))
            .or_else(|| over(self.used.work, Limit::Work))
    }

    /// The next text to be printed is this view.
    pub(in crate::script) fn print_next(&mut self, view: Text) {
        self.printing = Some(view);
    }

    /// Ends the run if a text is longer than a string may be.
    pub(in crate::script) fn check_length(&mut self, text: &str) -> Result<(), Halt> {
        if text.len() <= self.limits.size(Limit::String) {
            return Ok(());
        }
        let halt = Halt::Limit(Limit::String);
        // Rhai drops the error of a conversion that it calls itself.
        Err(*self.halt.get_or_insert(halt))
    }

    fn print_line(&mut self, line: &str) {
        self.put(Printed::Line(line.to_owned()));
    }

    /// Prints something, or holds it back.
    pub(super) fn put(&mut self, printed: Printed) {
        if let Some(held) = &mut self.held {
            held.push(printed);
            return;
        }
        if self.halt.is_some() {
            return;
        }
        self.used.printed += printed.len() + 1;
        if self.used.printed > self.limits.get(Limit::Output) {
            self.halt = Some(Halt::Limit(Limit::Output));
            return;
        }
        if let Some(collected) = &mut self.exercise.collected {
            collected.push_str(printed.plain());
            collected.push('\n');
            return;
        }
        self.hear(&printed);
        let written = match (&printed, &mut self.host.show) {
            (Printed::View(_, text), Some(show)) => show(text),
            (Printed::Line(plain) | Printed::View(plain, _), _) => {
                plain.split('\n').try_for_each(&mut self.host.out)
            }
        };
        self.halt = written.err().map(|error| Halt::Output(error.kind()));
    }

    /// Keeps what is printed for the history of the session.
    fn hear(&mut self, printed: &Printed) {
        if let Some(heard) = &mut self.heard {
            heard.push_str(printed.plain());
            heard.push('\n');
        }
    }
}

/// Something that is printed, without its last newline.
pub(super) enum Printed {
    Line(String),
    /// A view as plain lines, and with the roles of its spans.
    View(String, Text),
}

impl Printed {
    const fn len(&self) -> u64 {
        self.plain().len() as u64
    }

    const fn plain(&self) -> &str {
        match self {
            Self::Line(plain) | Self::View(plain, _) => plain.as_str(),
        }
    }
}

/// Makes the control characters of a line visible, so that a program cannot control the terminal.
fn printable(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_control() && c != '\t' { '.' } else { c })
        .collect()
}

/// A handle to the state, kept by the engine.
///
/// Borrow, call, return owned data, drop: the borrow is never held while script code runs.
#[derive(Clone)]
pub(in crate::script) struct Shared(Rc<RefCell<State>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    pub(in crate::script) fn new(machine: Machine, limits: Limits, host: Host) -> Self {
        Self(Rc::new(RefCell::new(State::new(machine, limits, host))))
    }

    /// The state of the engine that makes the call.
    pub(in crate::script) fn of(ctx: &NativeCallContext) -> Result<Self, Box<EvalAltResult>> {
        let tag = ctx.tag().and_then(|tag| tag.clone().try_cast::<Self>());
        let shared = tag.ok_or_else(|| ScriptError::new("no machine belongs to this engine"))?;
        if let Ok(mut state) = shared.0.try_borrow_mut() {
            state.note_line(ctx.call_position());
        }
        Ok(shared)
    }

    /// Runs a closure on the state.
    pub(in crate::script) fn with<R>(
        &self,
        act: impl FnOnce(&mut State) -> R,
    ) -> Result<R, Box<EvalAltResult>> {
        match self.0.try_borrow_mut() {
            Ok(mut state) => Ok(act(&mut state)),
            Err(_) => Err(ScriptError::new("the machine is busy with another call").into()),
        }
    }

    /// Runs a closure on the state between runs, when nobody else can have borrowed it.
    pub(super) fn between_runs<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.borrow_mut())
    }

    /// Reads the state between runs.
    pub(in crate::script) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.borrow())
    }

    /// Passes on warnings about a text before it runs.
    pub(super) fn warn(&self, warnings: &[Shadowing]) {
        self.between_runs(|state| {
            if let Some(warn) = &mut state.host.warn {
                warnings.iter().for_each(warn);
            }
        });
    }

    /// Begins a new run, with nothing used up yet.
    pub(super) fn begin_run(&self) {
        self.between_runs(|state| {
            state.halt = None;
            state.rule_failure = None;
            state.held = None;
            state.printing = None;
            state.used = Used::default();
            state.interrupted_at = None;
        });
    }

    /// Prints during a run. The state is never borrowed then, because no script code runs while it
    /// is.
    pub(in crate::script) fn print(&self, text: &str) {
        if let Ok(mut state) = self.0.try_borrow_mut() {
            state.flush_console();
            if let Some(view) = state.printing.take() {
                state.put(Printed::View(text.to_owned(), view));
                return;
            }
            for line in text.split('\n') {
                state.print_line(line);
            }
        }
    }

    /// Prints the partial line that programs have written, at the end of a run.
    pub(super) fn flush_console(&self) {
        if let Ok(mut state) = self.0.try_borrow_mut() {
            state.flush_console();
        }
    }

    /// Counts an operation of the interpreter; returns why the run must end now, if it must.
    pub(super) fn count_operation(&self) -> Option<Halt> {
        self.0.try_borrow_mut().ok()?.count_operation()
    }

    /// Why the run must end now, if it must.
    pub(in crate::script) fn must_halt(&self) -> Option<Halt> {
        let mut state = self.0.try_borrow_mut().ok()?;
        state.count_look();
        state.must_halt()
    }

    /// Carries out a command. Between its slices the limits and Ctrl-C are looked at.
    ///
    /// # Errors
    /// If the run must end; what is left of the command is dropped.
    pub(in crate::script) fn apply(
        &self,
        command: Command,
    ) -> Result<Result<Reply, Refusal>, Box<EvalAltResult>> {
        let mut progress = self.with(|state| state.begin(command))?;
        loop {
            if let Some(halt) = self.must_halt() {
                return Err(halt.into());
            }
            if let Some(failure) = self.with(|state| state.rule_failure.take())? {
                return Err(ScriptError::of_rule(&failure).into());
            }
            match progress {
                Progress::Done(result) => return Ok(result),
                Progress::Paused => progress = self.with(State::go_on)?,
            }
        }
    }

    /// Why the run was ended from outside, if it was. This answers a request to stop, so that it
    /// does not end the next run too.
    pub(super) fn take_halt(&self) -> Option<Halt> {
        let halt = self.look(State::must_halt_at_once);
        if halt == Some(Halt::Interrupted) {
            self.look(|state| state.host.interrupt.clear());
        }
        halt
    }

    /// Starts to hold back what is printed.
    pub(in crate::script) fn hold_output(&self) -> Result<(), Box<EvalAltResult>> {
        self.with(|state| state.held = Some(Vec::new()))
    }

    /// Prints what was held back.
    pub(in crate::script) fn release_output(&self) -> Result<(), Box<EvalAltResult>> {
        self.with(|state| {
            for printed in state.held.take().unwrap_or_default() {
                state.put(printed);
            }
        })
    }

    /// Discards what was held back.
    pub(in crate::script) fn discard_output(&self) -> Result<(), Box<EvalAltResult>> {
        self.with(|state| {
            state.held = None;
            state.console_line.clear();
        })
    }

    /// Asks the user a question. The state is not borrowed meanwhile.
    pub(in crate::script) fn ask(
        &self,
        question: &str,
    ) -> Result<Option<String>, Box<EvalAltResult>> {
        // A user who wants to stop is not asked first.
        if let Some(halt) = self.look(State::must_halt_at_once) {
            return Err(halt.into());
        }
        let Some(mut ask) = self.with(|state| state.host.ask.take())? else {
            return Ok(None);
        };
        let answer = ask(question);
        self.with(|state| state.host.ask = Some(ask))?;
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Halt::Interrupted.into(),
            kind => Halt::Output(kind).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::script::{Limits, Session};
    use std::sync::mpsc;

    /// What a script prints on a machine whose commands pause that often.
    fn printed(script: &str, slice: u64) -> Vec<String> {
        let (sink, lines) = mpsc::channel();
        let print = move |line: &str| {
            sink.send(line.to_owned()).unwrap();
            Ok(())
        };
        let mut session = Session::new(Limits::default(), Box::new(print)).unwrap();
        // A script that boots begins with it, and the slice is that machine's.
        let (boot, rest) = script.split_once('\n').unwrap();
        session.run(boot).unwrap();
        let shared = session.shared.clone();
        shared.between_runs(|state| state.machine.set_slice(slice));
        session.run(rest).unwrap();
        session.run("print(trace()); print(ps());").unwrap();
        lines.try_iter().collect()
    }

    const SCRIPTS: [&str; 6] = [
        // Workloads that wait, wake, fork, map and touch.
        "boot(#{cpus: 2});
        spawn(\"A\", workload(#{
            main: [\"run 3\", \"fork B b\", \"sleep 2\", \"wake B\", \"run 1\", \"goto 0\"],
            b: [\"map 0x40000000 600\", \"touch 0x40000000 600\", \"block\", \"run 2\"],
        }));
        tick(40);",
        // Programs that fork, wait and print, on one CPU and on two.
        "boot();
        fn main() {
            for i in 0..3 { if fork() == 0 { print(i); exit(i); } }
            for i in 0..3 { wait(); }
            print(\"done\");
        }
        spawn(\"demo\", main);
        print(run());",
        "boot(#{cpus: 2, jitter: 3});
        let total = 0;
        fn main() {
            for i in 0..4 { if fork() == 0 { loop { total += 1; if total > 999 { exit(0); } } } }
            while wait() > 0 { }
        }
        spawn(\"demo\", main);
        print(run());",
        // Puppets: a long touch, a wait for the CPU, a handler that forks.
        "boot();
        let sh = spawn(\"sh\");
        let hog = spawn(\"hog\", workload([\"run 30\"]));
        patience(100);
        let p = sh.mmap(3*MiB);
        sh.touch(p, 700);
        sh.sigaction(SIGUSR1, || print(this.fork().pid));
        sh.kill(sh, SIGUSR1);
        tick(20);",
        // Stepping, by instructions, to the next line, and to the end of a function.
        "boot();
        fn work(n) { let sum = 0; for i in 0..n { sum += i; } sum }
        fn main() { work(40) + work(2) }
        let demo = spawn(\"demo\", main);
        break_at(demo, \"work\");
        run();
        print(stepi(demo, 20));
        print(next_line(demo));
        print(finish(demo));
        unbreak();
        print(run());",
        // A condition that is looked at at every tick.
        "boot();
        let hog = spawn(\"hog\", workload([\"run 20\", \"sleep 5\", \"goto 0\"]));
        print(run_until(|| hog.state == \"S\"));",
    ];

    #[test]
    fn pauses_change_nothing() {
        for script in SCRIPTS {
            let whole = printed(script, u64::MAX >> 1);
            for slice in [1, 30, 1_000, 20_000] {
                assert_eq!(printed(script, slice), whole, "{slice}: {script}");
            }
        }
    }
}
