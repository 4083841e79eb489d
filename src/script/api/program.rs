//! Programs: script functions that run as machine code, and inspecting them while they run.

use super::convert::{Result, address, alive, apply, look, ranged, why_gone};
use super::spawn::{SpawnOptions, spawn_options, spawned};
use super::view::as_view;
use crate::abi::TaskId;
use crate::kernel::fs::DebugInfo;
use crate::machine::{Command, Goal, Halt, Machine, Reply, Stop};
use crate::script::errors::ScriptError;
use crate::script::session::{Halt as RunHalt, Limit, Shared, Task, View, image_of};
use crate::view;
use rhai::plugin::*;
use rhai::{Array, Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};
use std::sync::Arc;

/// The most ticks that a step may take; the task may have to wait for the CPU.
const STEP_TICKS: u64 = 100_000;
/// The most bytes that `x` shows.
const MAX_DUMP: i64 = 64 << 10;

/// What is known about the program that a live task is executing.
fn program(ctx: &NativeCallContext, task: &Task) -> Result<(TaskId, Arc<DebugInfo>)> {
    let id = alive(ctx, task)?;
    let program = look(ctx, |machine| machine.debug_info(id).cloned())?;
    program.map(|program| (id, program)).ok_or_else(|| {
        ScriptError::new(format!("task {} does not run a program", task.pid))
            .with_help("spawn(\"demo\", main) makes a program of the script's function main")
            .into()
    })
}

/// How many names of functions an error lists.
const MAX_NAMES: usize = 20;

fn no_place(what: &str, program: &DebugInfo) -> ScriptError {
    let functions = program.functions.iter();
    let names: Vec<&str> = functions
        .filter(|f| program.line_at(f.body).is_some())
        .map(|f| &*f.name)
        .collect();
    let more = if names.len() > MAX_NAMES { ", .." } else { "" };
    let shown = names[..names.len().min(MAX_NAMES)].join(", ");
    let error = ScriptError::new(format!("the program has no {what}"));
    if names.is_empty() {
        return error.with_help("it has no debug information; compile it with -g");
    }
    error.with_help(format!("its functions are {shown}{more}"))
}

/// The address where a line begins: that of the first statement on it, or on the next line that has
/// one.
fn line_addr(program: &DebugInfo, file: u16, line: i64) -> Option<u32> {
    let statements = program.lines.iter();
    let statements = statements.filter(|entry| entry.statement && entry.file == file);
    let from = statements.filter(|entry| entry.line > 0 && i64::from(entry.line) >= line);
    from.min_by_key(|entry| (entry.line, entry.addr))
        .map(|entry| entry.addr)
}

/// The address where a line of a C file begins, as `puzzle.c:12`; `None` if that is no such place.
fn file_line_addr(program: &DebugInfo, place: &str) -> Option<Option<u32>> {
    let (file, line) = place.rsplit_once(':')?;
    let line = line.parse().ok()?;
    let ends = |name: &str| {
        let rest = name.strip_suffix(file);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let number = program.sources.iter().position(|source| ends(&source.name));
    let number = number.and_then(|number| u16::try_from(number).ok());
    Some(number.and_then(|number| line_addr(program, number, line)))
}

/// The line of the session that a call means by `line`: counted from the start of the file or input
/// that it stands in, if the program has statements from there.
fn session_line(ctx: &NativeCallContext, program: &DebugInfo, line: i64) -> Result<i64> {
    if program
        .sources
        .iter()
        .any(|source| source.name.ends_with(".c"))
    {
        return Ok(line);
    }
    let shared = Shared::of(ctx)?;
    let before = shared.with(|state| state.source.lines_before)? as i64;
    let mut lines = program.lines.iter();
    let stands_here = lines.any(|entry| entry.statement && i64::from(entry.line) > before);
    Ok(if stands_here {
        line.saturating_add(before)
    } else {
        line
    })
}

fn set_breakpoint(ctx: &NativeCallContext, program: Arc<DebugInfo>, addr: u32) -> Result<i64> {
    match apply(ctx, Command::Break { program, addr })? {
        Reply::Point(id) => Ok(i64::from(id)),
        _ => Ok(0),
    }
}

/// The address of a variable, or else of a function, by its name.
fn named_address(ctx: &NativeCallContext, task: &Task, name: &str) -> Result<i64> {
    let (id, program) = program(ctx, task)?;
    let variable = look(ctx, |machine| view::variable_address(machine, id, name))?;
    let function = program.function(name).map(|f| f.start);
    match variable.or(function) {
        Some(addr) => Ok(i64::from(addr)),
        None => Err(no_place(&format!("variable or function {name}"), &program).into()),
    }
}

/// Prints why programs were stopped.
pub(super) fn tell(ctx: &NativeCallContext, halt: &Halt) -> Result<()> {
    let text = look(ctx, |machine| view::halt(machine, halt))?;
    Shared::of(ctx)?.print(&text);
    Ok(())
}

/// Where a task is now, as a view.
fn position(ctx: &NativeCallContext, task: &Task) -> Result<View> {
    let chain = look(ctx, |machine| view::call_chain(machine, task.id))?;
    match chain {
        Some(chain) => as_view(ctx, &chain, &chain.text()),
        None => Err(ScriptError::new(why_gone(ctx, task)?).into()),
    }
}

fn step(ctx: &NativeCallContext, task: &Task, goal: Goal) -> Result<View> {
    let (id, _) = program(ctx, task)?;
    let shared = Shared::of(ctx)?;
    let ticks = shared.with(|state| state.ticks_left())?.min(STEP_TICKS);
    let before = look(ctx, |machine| machine.kernel.tick())?;
    let reply = apply(
        ctx,
        Command::Step {
            task: id,
            goal,
            ticks,
        },
    )?;
    let passed = look(ctx, |machine| machine.kernel.tick())?.saturating_sub(before);
    shared.with(|state| state.spend_ticks(passed))?;
    match reply {
        Reply::Stopped(Stop::Halted(Halt::Goal { .. })) => {}
        Reply::Stopped(Stop::Halted(halt)) => tell(ctx, &halt)?,
        Reply::Stopped(Stop::Budget) if ticks < STEP_TICKS => {
            return Err(RunHalt::Limit(Limit::Ticks).into());
        }
        _ => {}
    }
    let ended = look(ctx, |machine| machine.has_ended(id))?;
    if ended {
        let text = view::Text {
            lines: vec![view::cell(view::Role::Plain, "the task has exited")],
        };
        return as_view(ctx, &Vec::<String>::new(), &text);
    }
    position(ctx, task)
}

/// The arguments of a program, from its options.
fn argv(name: &str, options: &mut Map) -> Result<Vec<Vec<u8>>> {
    let mut argv = vec![name.as_bytes().to_vec()];
    if let Some(args) = options.remove("args") {
        let args = args.into_array().map_err(|_| {
            ScriptError::new("option args must be an array of strings")
                .with_help("spawn(\"echo\", main, #{args: [\"hello\", \"world\"]})")
        })?;
        argv.extend(args.iter().map(|arg| arg.to_string().into_bytes()));
    }
    Ok(argv)
}

/// Whether an error is a mistake in the script rather than the effect of an interleaving.
fn is_slip(error: &EvalAltResult) -> bool {
    use EvalAltResult as E;
    match error {
        E::ErrorInFunctionCall(_, _, inner, _) => is_slip(inner),
        E::ErrorFunctionNotFound(..)
        | E::ErrorVariableNotFound(..)
        | E::ErrorPropertyNotFound(..)
        | E::ErrorMismatchDataType(..) => true,
        _ => false,
    }
}

fn broken(machine: &Machine, result: &Result<Dynamic>) -> Option<String> {
    if let Err(error) = result {
        return Some(ScriptError::text_of(error));
    }
    view::died(machine)
}

/// Creates a task that runs a function of the script as a program.
pub(super) fn spawn_compiled(
    ctx: &NativeCallContext,
    name: &str,
    main: &FnPtr,
    mut options: Map,
) -> Result<Task> {
    let argv = argv(name, &mut options)?;
    let uid = look(ctx, |machine| machine.kernel.config.uid)?;
    let SpawnOptions { args, spin } = spawn_options(ctx, name, uid, &options)?;
    if spin {
        return Err(ScriptError::new("idle is an option of puppets, not of programs").into());
    }
    let image = image_of(ctx, main)?;
    spawned(ctx, Command::SpawnProgram { args, image, argv })
}

#[export_module]
pub mod functions {
    /// An array of `n` zeros. At the top of a script it is also data of its programs, as an array in
    /// C outside functions is.
    ///
    /// ```rhai
    /// let seen = array(100);
    /// fn main() { seen[99] = 7; exit(seen[99] + seen.len()); }
    /// let p = spawn("demo", main);
    /// run();
    /// assert_eq(p.exit_status, 107);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn array(n: i64) -> Result<Array> {
        let n = ranged(n, "the length", 0, i64::from(u16::MAX) + 1)?;
        Ok(vec![Dynamic::from(0_i64); n as usize])
    }

    /// Creates a task that runs a function of the script as a program. The function is compiled to
    /// i386 machine code, mapped by execve, and executed by the emulated CPU as time passes.
    /// `help("programs")` says what such a function may contain.
    ///
    /// ```rhai
    /// fn main() {
    ///     let pid = fork();
    ///     if pid == 0 { print("child"); } else { wait(); print("parent"); }
    ///     0
    /// }
    /// let demo = spawn("demo", main);
    /// run();
    /// assert_eq(demo.exit_status, 0);
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_program(ctx: NativeCallContext, name: &str, main: FnPtr) -> Result<Task> {
        spawn_program_with(ctx, name, main, Map::new())
    }

    /// Creates a task that runs a function of the script as a program, with the options of `spawn`
    /// and `args`: the arguments after the program's name, for `main(argc, argv)`.
    ///
    /// ```rhai
    /// fn main(argc, argv) { print(argc); 0 }
    /// spawn("count", main, #{args: ["a", "b"]});
    /// run();
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_program_with(
        ctx: NativeCallContext,
        name: &str,
        main: FnPtr,
        options: Map,
    ) -> Result<Task> {
        spawn_compiled(&ctx, name, &main, options)
    }

    /// The call stack of a program, innermost function first, with lines and source.
    ///
    /// ```rhai
    /// fn main() { loop { } }
    /// let demo = spawn("demo", main);
    /// tick();
    /// assert_eq(where(demo).frames[0].function, "main");
    /// ```
    #[rhai_fn(name = "where", return_raw)]
    pub fn where_is(ctx: NativeCallContext, task: Task) -> Result<View> {
        program(&ctx, &task)?;
        position(&ctx, &task)
    }

    /// The local variables of the function that a program is executing, and its globals, with
    /// values and locations.
    ///
    /// ```rhai
    /// fn main() { let n = 7; loop { n += 1; } }
    /// let demo = spawn("demo", main);
    /// tick();
    /// assert(locals(demo).locals[0].value > 7);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn locals(ctx: NativeCallContext, task: Task) -> Result<View> {
        let (id, _) = program(&ctx, &task)?;
        match look(&ctx, |machine| view::variables(machine, id))? {
            Some(variables) => as_view(&ctx, &variables, &variables.text()),
            None => Err(ScriptError::new("the program is not executing yet, or no longer").into()),
        }
    }

    /// The machine code of the function that a program is executing, with the source lines.
    ///
    /// ```rhai
    /// fn main() { loop { } }
    /// let demo = spawn("demo", main);
    /// tick();
    /// print(disasm(demo));
    /// ```
    #[rhai_fn(name = "disasm", return_raw)]
    pub fn disasm(ctx: NativeCallContext, task: Task) -> Result<View> {
        let (id, _) = program(&ctx, &task)?;
        match look(&ctx, |machine| view::disassembly(machine, id, None))? {
            Some(code) => as_view(&ctx, &code, &code.text()),
            None => Err(ScriptError::new("the program is not inside any function").into()),
        }
    }

    /// The machine code of a function of a program, with the source lines.
    ///
    /// ```rhai
    /// fn twice(n) { n * 2 }
    /// fn main() { twice(21) }
    /// let demo = spawn("demo", main);
    /// print(disasm(demo, "twice"));
    /// ```
    #[rhai_fn(name = "disasm", return_raw)]
    pub fn disasm_named(ctx: NativeCallContext, task: Task, function: &str) -> Result<View> {
        let (id, program) = program(&ctx, &task)?;
        match look(&ctx, |machine| {
            view::disassembly(machine, id, Some(function))
        })? {
            Some(code) => as_view(&ctx, &code, &code.text()),
            None => Err(no_place(&format!("function {function}"), &program).into()),
        }
    }

    /// The machine code of a function of a program, with the source lines.
    ///
    /// ```rhai
    /// fn twice(n) { n * 2 }
    /// fn main() { twice(21) }
    /// let demo = spawn("demo", main);
    /// print(disasm(demo, twice));
    /// ```
    #[rhai_fn(name = "disasm", return_raw)]
    pub fn disasm_function(ctx: NativeCallContext, task: Task, function: FnPtr) -> Result<View> {
        disasm_named(ctx, task, function.fn_name())
    }

    /// The lines of the source around the one that a program executes next.
    ///
    /// ```rhai
    /// fn main() {
    ///     let n = 1;
    ///     n += 1;
    ///     n
    /// }
    /// let demo = spawn("demo", main);
    /// break_at(demo, "main");
    /// run();
    /// print(list(demo));
    /// assert_eq(list(demo).line, 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn list(ctx: NativeCallContext, task: Task) -> Result<View> {
        let (id, _) = program(&ctx, &task)?;
        match look(&ctx, |machine| view::listing(machine, id))? {
            Some(listing) => as_view(&ctx, &listing, &listing.text()),
            None => Err(ScriptError::new(
                "the source of what the program is executing is not known",
            )
            .with_help("finish(task) goes to the caller; where(task) shows who that is")
            .into()),
        }
    }

    /// `n` bytes of a task's memory as words and characters. Reading them causes no page fault.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// print(x(sh, sh.regs.esp, 64));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn x(ctx: NativeCallContext, task: Task, addr: i64, n: i64) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let addr = address(addr)?;
        let len = ranged(n, "the number of bytes", 1, MAX_DUMP)? as u32;
        let dump = look(&ctx, |machine| view::dump(machine, id, addr, len))?;
        as_view(&ctx, &dump, &dump.text())
    }

    /// Stops the machine whenever that program reaches a line of the script. Returns the
    /// breakpoint's number.
    ///
    /// Lines are those of the file or of the pasted text in which the call stands. In a line that is
    /// typed at the prompt, they are those that `where` and `disasm` show.
    ///
    /// ```rhai
    /// fn main() {
    ///     let n = 1;
    ///     n += 1;
    ///     n
    /// }
    /// let demo = spawn("demo", main);
    /// break_at(demo, 3);
    /// run();
    /// assert_eq(where(demo).frames[0].line, 3);
    /// ```
    #[rhai_fn(name = "break_at", return_raw)]
    pub fn break_at_line(ctx: NativeCallContext, task: Task, line: i64) -> Result<i64> {
        let (id, program) = program(&ctx, &task)?;
        let eip = look(&ctx, |machine| machine.kernel.task(id).thread.regs.eip)?;
        let file = program.line_at(eip).map_or(0, |entry| entry.file);
        match line_addr(&program, file, session_line(&ctx, &program, line)?) {
            Some(addr) => set_breakpoint(&ctx, program, addr),
            None => Err(no_place(&format!("statement on or after line {line}"), &program).into()),
        }
    }

    /// Stops the machine whenever that program enters a function, or reaches a line of a C file,
    /// as `break_at(p, "puzzle.c:12")`. Returns the breakpoint's number.
    ///
    /// ```rhai
    /// fn work(n) { n * 2 }
    /// fn main() { work(4) }
    /// let demo = spawn("demo", main);
    /// break_at(demo, "work");
    /// run();
    /// assert_eq(where(demo).frames[0].function, "work");
    /// ```
    #[rhai_fn(name = "break_at", return_raw)]
    pub fn break_at_function(ctx: NativeCallContext, task: Task, function: &str) -> Result<i64> {
        let (_, program) = program(&ctx, &task)?;
        let (what, addr) = match file_line_addr(&program, function) {
            Some(addr) => ("statement on or after", addr),
            None => ("function", program.function(function).map(|f| f.body)),
        };
        match addr {
            Some(addr) => set_breakpoint(&ctx, program, addr),
            None => Err(no_place(&format!("{what} {function}"), &program).into()),
        }
    }

    /// Stops the machine whenever a program has changed the word at an address in a task's memory.
    /// Returns the watchpoint's number.
    ///
    /// ```rhai
    /// let total = 0;
    /// fn main() { for i in 0..3 { total += i; } total }
    /// let demo = spawn("demo", main);
    /// watch(demo, addr_of(demo, "total"));
    /// run();
    /// ```
    #[rhai_fn(name = "watch", return_raw)]
    pub fn watch(ctx: NativeCallContext, task: Task, addr: i64) -> Result<i64> {
        let task = alive(&ctx, &task)?;
        let addr = address(addr)?;
        match apply(&ctx, Command::Watch { task, addr })? {
            Reply::Point(id) => Ok(i64::from(id)),
            _ => Ok(0),
        }
    }

    /// Stops the machine whenever a program has changed a variable, by its name: a local one of the
    /// function that it is in, or a global one. Returns the watchpoint's number.
    ///
    /// ```rhai
    /// let total = 0;
    /// fn main() { for i in 0..3 { total += i; } total }
    /// let demo = spawn("demo", main);
    /// watch(demo, "total");
    /// run();
    /// ```
    #[rhai_fn(name = "watch", return_raw)]
    pub fn watch_variable(ctx: NativeCallContext, task: Task, name: &str) -> Result<i64> {
        let addr = named_address(&ctx, &task, name)?;
        watch(ctx, task, addr)
    }

    /// The address of a variable of a program, a local one of the function that it is in or a global
    /// one, or of a function.
    ///
    /// ```rhai
    /// fn main() { loop { } }
    /// let demo = spawn("demo", main);
    /// assert(addr_of(demo, "main") >= 0x08048000);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn addr_of(ctx: NativeCallContext, task: Task, name: &str) -> Result<i64> {
        named_address(&ctx, &task, name)
    }

    /// Removes a breakpoint or a watchpoint.
    ///
    /// ```rhai
    /// fn main() { 0 }
    /// let demo = spawn("demo", main);
    /// let id = break_at(demo, "main");
    /// unbreak(id);
    /// run();
    /// ```
    #[rhai_fn(name = "unbreak", return_raw)]
    pub fn unbreak(ctx: NativeCallContext, id: i64) -> Result<()> {
        let id = ranged(id, "the number", 1, i64::from(u32::MAX))? as u32;
        apply(&ctx, Command::Unbreak(Some(id))).map(|_| ())
    }

    /// Removes all breakpoints and watchpoints, and the events at which time stops.
    ///
    /// ```rhai
    /// unbreak();
    /// ```
    #[rhai_fn(name = "unbreak", return_raw)]
    pub fn unbreak_all(ctx: NativeCallContext) -> Result<()> {
        Shared::of(&ctx)?.with(|state| state.set_stops(Vec::new()))?;
        apply(&ctx, Command::Unbreak(None)).map(|_| ())
    }

    /// Executes one instruction of a program. Time passes if it has to wait for the CPU. Returns
    /// where the program is then.
    ///
    /// ```rhai
    /// fn main() { 0 }
    /// let demo = spawn("demo", main);
    /// let before = demo.regs.eip;
    /// stepi(demo);
    /// assert(demo.regs.eip != before);
    /// ```
    #[rhai_fn(name = "stepi", return_raw)]
    pub fn stepi(ctx: NativeCallContext, task: Task) -> Result<View> {
        step(&ctx, &task, Goal::Instructions(1))
    }

    /// Executes `n` instructions of a program.
    ///
    /// ```rhai
    /// fn main() { loop { } }
    /// let demo = spawn("demo", main);
    /// print(stepi(demo, 100));
    /// ```
    #[rhai_fn(name = "stepi", return_raw)]
    pub fn stepi_many(ctx: NativeCallContext, task: Task, n: i64) -> Result<View> {
        let n = ranged(n, "the number of instructions", 1, 1_000_000_000)? as u64;
        step(&ctx, &task, Goal::Instructions(n))
    }

    /// Runs a program to its next source line, stepping over calls, or back to its caller.
    ///
    /// ```rhai
    /// fn main() {
    ///     let n = 1;
    ///     n += 1;
    ///     n
    /// }
    /// let demo = spawn("demo", main);
    /// break_at(demo, "main");
    /// run();
    /// next_line(demo);
    /// assert_eq(where(demo).frames[0].line, 3);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn next_line(ctx: NativeCallContext, task: Task) -> Result<View> {
        step(&ctx, &task, Goal::NextLine)
    }

    /// Runs a program until the function that it is executing has returned.
    ///
    /// ```rhai
    /// fn work(n) { n * 2 }
    /// fn main() { work(4) }
    /// let demo = spawn("demo", main);
    /// break_at(demo, "work");
    /// run();
    /// finish(demo);
    /// assert_eq(where(demo).frames[0].function, "main");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn finish(ctx: NativeCallContext, task: Task) -> Result<View> {
        step(&ctx, &task, Goal::Finish)
    }

    /// Types a line on the console, for programs that wait in `read(0, ..)`.
    ///
    /// ```rhai
    /// let buffer = [0, 0, 0, 0];
    /// fn main() { read(0, addr(buffer), 16) }
    /// let demo = spawn("demo", main);
    /// run();
    /// type_line("hello");
    /// run();
    /// assert_eq(demo.exit_status, 6);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn type_line(ctx: NativeCallContext, line: &str) -> Result<()> {
        let bytes = format!("{line}\n").into_bytes();
        apply(&ctx, Command::Type(bytes)).map(|_| ())
    }

    /// Ends the console input, as Ctrl-D does: `read(0, ..)` returns 0.
    ///
    /// ```rhai
    /// let buffer = [0];
    /// fn main() { read(0, addr(buffer), 4) }
    /// let demo = spawn("demo", main);
    /// type_eof();
    /// run();
    /// assert_eq(demo.exit_status, 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn type_eof(ctx: NativeCallContext) -> Result<()> {
        apply(&ctx, Command::EndInput).map(|_| ())
    }

    /// Varies the length of ticks, in instructions of programs, by a seed. The same seed gives the
    /// same run, another seed another interleaving.
    ///
    /// ```rhai
    /// jitter(7);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn jitter(ctx: NativeCallContext, seed: i64) -> Result<()> {
        apply(&ctx, Command::Jitter(Some(seed as u64))).map(|_| ())
    }

    /// Runs a function under `n` interleavings of programs, each on a freshly booted machine with
    /// another seed, until it throws an error or a program is killed by a signal. The machine is
    /// left as that run ended: `trace()` shows how it got there.
    ///
    /// ```rhai
    /// fn main() { 0 }
    /// print(explore(|| { spawn("demo", main); run(); }, 5));
    /// ```
    #[rhai_fn(name = "explore", return_raw)]
    pub fn explore(ctx: NativeCallContext, call: FnPtr, n: i64) -> Result<View> {
        explore_from(ctx, call, n, 1)
    }

    /// Explores `n` interleavings, the first of them with the given seed.
    ///
    /// ```rhai
    /// fn main() { 0 }
    /// explore(|| { spawn("demo", main); run(); }, 2, 1000);
    /// ```
    #[rhai_fn(name = "explore", return_raw)]
    pub fn explore_from(ctx: NativeCallContext, call: FnPtr, n: i64, seed: i64) -> Result<View> {
        let runs = ranged(n, "the number of runs", 1, 1_000_000)?;
        let shared = Shared::of(&ctx)?;
        let config = look(&ctx, |machine| machine.kernel.config.clone())?;
        let mut instructions = 0;
        for run in 0..runs {
            let seed = seed.wrapping_add(run);
            let mut config = config.clone();
            config.jitter = Some(seed as u64);
            let booted = shared.with(|state| state.boot(config))?;
            booted.map_err(ScriptError::new)?;
            shared.hold_output()?;
            let result: Result<Dynamic> = call.call_within_context(&ctx, ());
            let result = match result {
                // What no script may catch ends it: a limit, or Ctrl-C.
                Err(error) if is_slip(&error) || !error.unwrap_inner().is_catchable() => {
                    shared.release_output()?;
                    return Err(error);
                }
                result => result,
            };
            instructions += look(&ctx, |machine| machine.kernel.stat.instructions)?;
            let Some(error) = look(&ctx, |machine| broken(machine, &result))? else {
                shared.discard_output()?;
                continue;
            };
            shared.release_output()?;
            let found = view::Exploration {
                runs: run + 1,
                seed: Some(seed),
                error: Some(error),
                instructions,
            };
            return as_view(&ctx, &found, &found.text());
        }
        let found = view::Exploration {
            runs,
            seed: None,
            error: None,
            instructions,
        };
        as_view(&ctx, &found, &found.text())
    }
}
