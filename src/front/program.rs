//! Programs of the host: an ELF file or a C file runs on a fresh machine. It reads and writes what
//! forklab itself reads and writes, and its exit code becomes forklab's.

use super::applets::applets as applets_of;
use super::exit_code::{FAILED, INTERRUPTED, LIMIT, PANICKED, USAGE, ended_by};
use super::host_file::{HostFile, is_c_file, read_bounded, read_file, read_program};
use super::keyboard::{Keyboard, Keys};
use super::outputs;
use super::print::{complain, output_failed};
use super::process::{Cut, Process};
use super::run::Outputs;
use super::trace_file::TraceFile;
use super::unfit::is_elf;
use crate::abi::{TaskId, WaitStatus};
use crate::kernel::boot::{Config, ENVP_INIT};
use crate::kernel::fork::SpawnArgs;
use crate::kernel::fs::{DebugInfo, Stream};
use crate::kernel::syscall::ExecArgs;
use crate::machine::{Command, Machine, Progress, Reply, Stop};
use crate::script::{Failure, Limit};
use crate::trace::CallRecord;
use crate::view::{self, Family, Story, Strace};
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// CPUs execute up to 2 to this power instructions in turn.
const MAX_TURNS: u64 = 11;
/// The shortest tick that a seed leads to, in instructions.
const MIN_TICK: u64 = 16;
/// Instructions of a tick: the machine runs at about 1 GHz.
const CYCLES_PER_TICK: u32 = 1_000_000;
/// While somebody types, the keyboard is looked at after so many ticks.
const BREATH: u64 = 10;

/// What is to be run.
pub(super) struct Program {
    /// The program, or a C file.
    pub(super) path: PathBuf,
    /// Its arguments.
    pub(super) args: Vec<String>,
    /// Files that it finds in its working directory.
    pub(super) files: Vec<PathBuf>,
    /// Whether it is of a later C library.
    pub(super) compat: bool,
    /// Whether to say which compiler was used.
    pub(super) verbose: bool,
    /// What is told of its run besides its output.
    pub(super) told: Vec<Told>,
    /// A seed for another interleaving; without one, there is one CPU, with ticks of 1,000,000
    /// instructions.
    pub(super) seed: Option<u64>,
    /// Files that are written.
    pub(super) outputs: Outputs,
}

/// What can be told of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// Its system calls.
    Strace,
    /// What it executed, forked, copied, wrote, and how it ended.
    Story,
    /// Its processes as a tree.
    Tree,
}

/// Whoever tells of a run, with what it remembers.
enum Teller {
    Strace(Strace),
    Story(Story),
    Tree(Family),
}

impl Teller {
    fn of(told: Told) -> Self {
        match told {
            Told::Strace => Self::Strace(Strace::default()),
            Told::Story => Self::Story(Story::default()),
            Told::Tree => Self::Tree(Family::default()),
        }
    }

    /// The lines that a record leads to.
    fn lines_of(&mut self, machine: &Machine, record: &CallRecord) -> Vec<String> {
        match self {
            Self::Strace(strace) => {
                let mut lines = Vec::new();
                strace.follow(record, &mut lines);
                lines
            }
            Self::Story(story) => story.line_of(machine, record).into_iter().collect(),
            Self::Tree(family) => {
                family.add(machine, record);
                Vec::new()
            }
        }
    }

    /// The lines at the end.
    fn rest(&mut self, machine: &Machine) -> Vec<String> {
        match self {
            Self::Strace(strace) => strace.rest(),
            Self::Story(story) => vec![story.ending(machine)],
            Self::Tree(family) => vec![family.text().to_string()],
        }
    }
}

/// Why a program did not run to its end.
enum Halt {
    /// The output can no longer be written.
    Output(io::ErrorKind),
    /// It was stopped from outside.
    Cut(Cut),
    /// The emulated kernel panicked.
    Panic,
    /// For a reason in words.
    Other(String),
}

/// Whether a path names a program rather than a script.
pub(super) fn is_program(path: &Path) -> bool {
    if is_c_file(path) {
        return true;
    }
    let mut magic = Vec::new();
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    let opened = file.and_then(|_| fs::File::open(path).ok());
    let read = opened.map(|file| file.take(4).read_to_end(&mut magic));
    matches!(read, Some(Ok(_))) && is_elf(&magic)
}

/// Runs a program; returns its exit code, as a shell has it.
pub(super) fn run(process: &Process, program: &Program) -> u8 {
    let name = program.path.display();
    match start(process, program) {
        Ok((machine, task)) => {
            let tellers = program.told.iter().map(|told| Teller::of(*told)).collect();
            let inputs = [program.path.to_string_lossy()];
            match program
                .outputs
                .trace_file(&inputs.each_ref().map(AsRef::as_ref))
            {
                Ok(trace) => Run::new(process, machine, tellers, trace, program).finish(task),
                Err(why) => {
                    complain(&format!("forklab: {why}"));
                    USAGE
                }
            }
        }
        Err(why) => {
            complain(&format!("forklab: {name}: {why}"));
            USAGE
        }
    }
}

/// A program and its files, read from the host.
pub(super) struct Loaded {
    name: String,
    bytes: Arc<[u8]>,
    debug: Option<Arc<DebugInfo>>,
    /// Commands of a busybox, and the file that carries them out.
    applets: Vec<(String, String)>,
    files: Vec<(String, Arc<[u8]>)>,
    args: Vec<Vec<u8>>,
    compat: bool,
}

impl Loaded {
    /// Reads a program and its files, and compiles it if it is a C file.
    ///
    /// # Errors
    /// Why something cannot be read, compiled or run.
    pub(super) fn new(program: &Program) -> Result<Self, String> {
        let HostFile {
            name,
            bytes,
            compiler,
            debug,
            applets,
        } = read_program(&program.path)?;
        if let Some((compiler, warnings)) = compiler {
            if program.verbose {
                complain(&format!("forklab: compiled by {compiler}"));
            }
            if !warnings.is_empty() {
                complain(warnings.trim_end());
            }
        }
        let mut commands: Vec<_> = by_file(applets, &name).collect();
        let mut read = |path: &PathBuf| match read_file(path) {
            Ok(file) => {
                commands.extend(by_file(applets_of(&file.name, &file.bytes), &file.name));
                Ok((file.name, file.bytes.into()))
            }
            Err(why) => Err(format!("{}: {why}", path.display())),
        };
        let own = format!("./{name}");
        let args = program.args.iter().map(String::as_str);
        Ok(Self {
            files: program
                .files
                .iter()
                .map(&mut read)
                .collect::<Result<_, _>>()?,
            args: std::iter::once(own.as_str())
                .chain(args)
                .map(bytes_of)
                .collect(),
            name,
            bytes: bytes.into(),
            debug,
            applets: commands,
            compat: program.compat,
        })
    }

    /// Puts it into a machine, where it is about to run.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn start(
        &self,
        machine: &mut Machine,
        stdio: [Stream; 3],
    ) -> Result<TaskId, String> {
        for (name, bytes) in self.files.iter() {
            let mode = if is_elf(bytes) { 0o755 } else { 0o644 };
            put(machine, name, mode, bytes)?;
        }
        put(machine, &self.name, 0o755, &self.bytes)?;
        for (applet, file) in &self.applets {
            carry_out(machine, link(applet, file))?;
        }
        if let Some(debug) = &self.debug {
            let path = format!("/{}", self.name);
            let debug = debug.clone();
            carry_out(machine, Command::Describe { path, debug })?;
        }
        let command = Command::SpawnFile {
            args: SpawnArgs::new(&self.name, machine.kernel.config.uid),
            exec: ExecArgs {
                path: format!("./{}", self.name),
                argv: self.args.clone(),
                envp: ENVP_INIT.map(bytes_of).to_vec(),
            },
            stdio,
        };
        match machine.apply(command) {
            Ok(Reply::Spawned { task, .. }) => Ok(task),
            Ok(_) => Err("no task was created".to_owned()),
            Err(refusal) => Err(refusal.to_string()),
        }
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The options of a machine for programs. A seed decides when ticks fall, whether there is a second
/// CPU, and how far the CPUs get in turn: all that 2.6.12 leaves open.
pub(super) fn machine_for(loaded: &Loaded, seed: Option<u64>, length: u64) -> Config {
    let config = Config {
        compat: loaded.compat,
        cycles_per_tick: CYCLES_PER_TICK,
        ..Config::default()
    };
    let Some(seed) = seed else {
        return config;
    };
    // Ticks of all orders of magnitude, down to some instructions.
    let orders = u64::from(length.max(MIN_TICK).ilog2());
    let tick = length >> (seed / 2 % orders);
    Config {
        cpus: 1 + (seed % 2) as u32,
        cycles_per_tick: tick.clamp(MIN_TICK, CYCLES_PER_TICK.into()) as u32,
        interleave: 1 << (seed / 2 % MAX_TURNS),
        jitter: Some(seed),
        ..config
    }
}

/// A machine in which the program is about to run.
fn start(process: &Process, program: &Program) -> Result<(Machine, TaskId), String> {
    let loaded = Loaded::new(program)?;
    let length = match program.seed {
        None => 0,
        Some(_) => outputs::length(process, &loaded)?,
    };
    let mut machine = Machine::boot(Config {
        strace: !program.told.is_empty(),
        ..machine_for(&loaded, program.seed, length)
    })?;
    let events = process.limits.size(Limit::Trace);
    machine.kernel.log.set_capacity(events);
    let task = loaded.start(&mut machine, streams()?)?;
    Ok((machine, task))
}

fn put(machine: &mut Machine, name: &str, mode: u32, bytes: &Arc<[u8]>) -> Result<(), String> {
    let command = Command::PutFile {
        path: format!("/{name}"),
        mode,
        bytes: bytes.clone(),
    };
    carry_out(machine, command)
}

fn carry_out(machine: &mut Machine, command: Command) -> Result<(), String> {
    let done = machine.apply(command).map(drop);
    done.map_err(|refusal| refusal.to_string())
}

/// The commands of a busybox, each with the file that carries it out.
fn by_file(applets: Vec<String>, file: &str) -> impl Iterator<Item = (String, String)> {
    let file = file.to_owned();
    applets
        .into_iter()
        .map(move |applet| (applet, file.clone()))
}

/// A command of a busybox, as it is installed.
fn link(applet: &str, busybox: &str) -> Command {
    Command::PutLink {
        path: format!("/bin/{applet}"),
        target: format!("/{busybox}"),
    }
}

/// Where the first descriptors lead: as forklab's own do. What comes in from a pipe or a file is
/// read whole before the machine runs.
fn streams() -> Result<[Stream; 3], String> {
    let input = if io::stdin().is_terminal() {
        Stream::Terminal
    } else {
        let bytes = read_bounded(io::stdin().lock());
        Stream::Input(
            bytes
                .map_err(|why| format!("standard input: {why}"))?
                .into(),
        )
    };
    let to = |is_terminal: bool, number| {
        if is_terminal {
            Stream::Terminal
        } else {
            Stream::Printer(number)
        }
    };
    let output = to(io::stdout().is_terminal(), STDOUT);
    Ok([input, output, to(io::stderr().is_terminal(), STDERR)])
}

/// The number of the printer that stands for standard output.
const STDOUT: u8 = 0;
/// The number of the printer that stands for standard error.
const STDERR: u8 = 1;

/// A program that runs.
struct Run<'a> {
    process: &'a Process,
    machine: Machine,
    /// Bytes that it has written so far.
    written: u64,
    /// Who tells of it.
    tellers: Vec<Teller>,
    /// The keyboard, from when it is first waited for.
    keyboard: Option<Keyboard>,
    /// Where its trace goes.
    trace: Option<TraceFile>,
    program: &'a Program,
    /// What it has written, if a page of the run is wanted.
    shown: Vec<u8>,
}

impl<'a> Run<'a> {
    const fn new(
        process: &'a Process,
        machine: Machine,
        tellers: Vec<Teller>,
        trace: Option<TraceFile>,
        program: &'a Program,
    ) -> Self {
        Self {
            process,
            machine,
            written: 0,
            tellers,
            keyboard: None,
            trace,
            program,
            shown: Vec::new(),
        }
    }

    /// Runs until nothing is left to happen; returns the exit code.
    fn finish(mut self, task: TaskId) -> u8 {
        let run = self.run(task);
        // The terminal is as it was before anything else is said.
        self.keyboard = None;
        for teller in &mut self.tellers {
            for line in teller.rest(&self.machine) {
                complain(&line);
            }
        }
        if let Some(trace) = self.trace.take()
            && let Err(why) = trace.finish(&self.machine)
        {
            complain(&format!("forklab: {why}"));
            return USAGE;
        }
        if let Err(why) = self.write_page() {
            complain(&format!("forklab: {why}"));
            return USAGE;
        }
        let halt = match run {
            Ok(()) => return self.exit_code(task),
            Err(halt) => halt,
        };
        match halt {
            Halt::Output(kind) => return output_failed(kind),
            Halt::Cut(Cut::Interrupted) => return INTERRUPTED,
            Halt::Cut(Cut::Limit(limit)) => {
                let failure = Failure::of_limit(limit, &self.process.limits);
                complain(&format!("forklab: {}", failure.message));
                if let Some(help) = failure.help {
                    complain(&format!("help: {help}"));
                }
                return LIMIT;
            }
            Halt::Panic => complain(&format!(
                "forklab: kernel panic: {}",
                self.machine.kernel.panicked().unwrap_or_default()
            )),
            Halt::Other(why) => {
                complain(&format!("forklab: {why}"));
                return FAILED;
            }
        }
        PANICKED
    }

    /// Writes the page of the run, if one is wanted, with the source of a C file.
    fn write_page(&self) -> Result<(), String> {
        let Program { path, outputs, .. } = self.program;
        let mut source = Vec::new();
        if outputs.html.is_some() && is_c_file(path) {
            let read = fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
            source = read?;
        }
        let source = String::from_utf8_lossy(&source);
        let shown = String::from_utf8_lossy(&self.shown);
        let printed: Vec<String> = shown.lines().map(str::to_owned).collect();
        outputs.write_page(&self.machine, &path.to_string_lossy(), &source, &printed)
    }

    /// Lets time pass until nothing is left to happen.
    fn run(&mut self, task: TaskId) -> Result<(), Halt> {
        let most = self.process.limits.get(Limit::Ticks);
        self.fetch()?;
        loop {
            let left = most.saturating_sub(self.machine.kernel.tick());
            let typing = self.is_typing(task);
            let budget = if typing { left.min(BREATH) } else { left };
            match self.carry_out(Command::Run(budget))? {
                Reply::Stopped(Stop::Idle) if self.awaits_keys(task) => self.wait_for_keys()?,
                Reply::Stopped(Stop::Idle) => return Ok(()),
                Reply::Stopped(Stop::Budget) if left > budget => self.take_keys()?,
                Reply::Stopped(Stop::Budget) => return Err(Halt::Cut(Cut::Limit(Limit::Ticks))),
                Reply::Stopped(Stop::Panic) => return Err(Halt::Panic),
                Reply::Stopped(Stop::Stuck) => {
                    return Err(Halt::Other(self.machine.why_stuck().0));
                }
                _ => {}
            }
        }
    }

    /// Whether somebody types at the program, who also waits while it sleeps.
    fn is_typing(&self, task: TaskId) -> bool {
        let open = self.keyboard.as_ref().is_some_and(|keys| !keys.has_ended());
        open && !self.machine.has_ended(task)
    }

    /// Whether only keys can bring the program further. Once it has asked for some, each wait may be
    /// ended by Ctrl-C.
    fn awaits_keys(&self, task: TaskId) -> bool {
        match &self.keyboard {
            None => io::stdin().is_terminal() && self.machine.kernel.tty().is_awaited(),
            Some(_) => self.is_typing(task),
        }
    }

    /// Begins to read the keyboard, if that has not been done.
    fn keyboard(&mut self) -> &mut Keyboard {
        let tick = self.machine.kernel.tick();
        let keyboard = self.keyboard.get_or_insert_with(|| Keyboard::start(tick));
        if keyboard.is_raw() {
            self.machine.kernel.show_echo();
        }
        keyboard
    }

    /// Waits for keys while nothing else can happen.
    fn wait_for_keys(&mut self) -> Result<(), Halt> {
        let tick = self.machine.kernel.tick();
        let keys = self.keyboard().wait(tick);
        self.type_keys(keys)
    }

    /// Takes what was typed, and lets the host's time pass as far as that of the machine.
    fn take_keys(&mut self) -> Result<(), Halt> {
        let tick = self.machine.kernel.tick();
        let keys = self.keyboard.as_mut().map(|keys| keys.keys_until(tick));
        self.type_keys(keys.unwrap_or(Keys::None))
    }

    fn type_keys(&mut self, keys: Keys) -> Result<(), Halt> {
        let command = match keys {
            Keys::Typed(bytes) => Command::Type(bytes),
            Keys::End => Command::EndInput,
            Keys::Leave => return Err(Halt::Cut(Cut::Interrupted)),
            Keys::None => return Ok(()),
        };
        self.carry_out(command).map(drop)
    }

    /// Carries out a command. Between its slices the limits and Ctrl-C are looked at.
    fn carry_out(&mut self, command: Command) -> Result<Reply, Halt> {
        let mut progress = self.machine.begin(command);
        loop {
            self.fetch()?;
            match progress {
                Progress::Done(Ok(reply)) => return Ok(reply),
                Progress::Done(Err(refusal)) => return Err(Halt::Other(refusal.to_string())),
                Progress::Paused => {
                    let checked = self.process.check(&self.machine, self.written);
                    checked.map_err(Halt::Cut)?;
                    progress = self.machine.go_on();
                }
            }
        }
    }

    /// Passes on what has been written: what goes to the console to whichever of the two is a
    /// terminal.
    fn fetch(&mut self) -> Result<(), Halt> {
        // What it asks the terminal for comes as keys, which the host must not show.
        if !self.machine.kernel.tty().has_lines() && io::stdin().is_terminal() {
            self.keyboard();
        }
        let console = self.machine.kernel.take_console_output();
        let number = if io::stdout().is_terminal() {
            STDOUT
        } else {
            STDERR
        };
        let printed = self.machine.kernel.take_printed();
        for (number, bytes) in std::iter::once((number, console)).chain(printed) {
            self.written += bytes.len() as u64;
            if self.program.outputs.html.is_some() {
                self.shown.extend(&bytes);
            }
            let put = match number {
                STDOUT => write_out(&mut io::stdout().lock(), &bytes),
                _ => write_out(&mut io::stderr().lock(), &bytes),
            };
            put.map_err(|error| Halt::Output(error.kind()))?;
        }
        self.tell();
        if let Some(trace) = &mut self.trace {
            let followed = trace.follow(&self.machine);
            followed.map_err(|error| Halt::Output(error.kind()))?;
        }
        for crash in self.machine.take_crashes() {
            complain(&view::crash(&self.machine, &crash));
        }
        Ok(())
    }

    /// Tells what has happened since this was done last, on standard error.
    fn tell(&mut self) {
        for record in self.machine.kernel.calls.take() {
            for teller in &mut self.tellers {
                for line in teller.lines_of(&self.machine, &record) {
                    complain(&line);
                }
            }
        }
    }

    /// The exit code of a task, as a shell has it.
    fn exit_code(&self, task: TaskId) -> u8 {
        let kernel = &self.machine.kernel;
        let ended = kernel.ended(task).map(|ended| ended.status);
        let zombie = || WaitStatus(kernel.task(task).exit_code());
        let Some(status) = ended.or_else(|| self.machine.has_ended(task).then(zombie)) else {
            complain("forklab: nothing can happen any more, but the program has not ended:");
            complain(&view::ps(&self.machine).text().to_string());
            return FAILED;
        };
        match status.0 & 0x7f {
            0 => (status.0 >> 8) as u8,
            signal => {
                complain(&format!("forklab: {status}"));
                ended_by(signal as u8)
            }
        }
    }
}

fn write_out(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    out.write_all(bytes)?;
    out.flush()
}
