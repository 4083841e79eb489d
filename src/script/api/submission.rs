//! Checks of hand-ins. A hand-in is data: its code runs on the machine of the check, but in an
//! evaluation of its own, so that its functions hide nothing from the check, and its `return`, its
//! variables and what it prints stay its own.

use super::convert::{Result, charge};
use super::host_files::{HostProgram, bring_program};
use super::program::spawn_compiled;
use super::text::{bounded, text_of};
use crate::script::errors::{Failure, ScriptError, Words};
use crate::script::session::{
    Part, Points, Shared, Source, Stage, State, Submission, Task, own_copy, same_value, told,
};
use rhai::plugin::*;
use rhai::{
    AST, Array, CallFnOptions, Dynamic, Engine, EvalAltResult, FUNC_TO_DEBUG, FnPtr, Map,
    NativeCallContext, Scope,
};
use std::mem;

/// Gives the points of a task. Only the checks of that task are handed it, so nobody else can.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    task: String,
}

/// How many bytes of a script take about as long to parse as an operation of the interpreter.
const BYTES_FOR_OPERATION: usize = 16;

/// Whether the statements outside of all functions run before a function is called.
const TOP_LEVEL_TOO: bool = false;

/// The state of the session that belongs to whoever runs.
struct Around {
    source: Source,
    fetch: Option<crate::script::Fetch>,
    collected: Option<String>,
    stage: Stage,
}

impl Around {
    /// Puts the hand-in in the place of the check.
    fn enter(state: &mut State, source: Source) -> Self {
        Self {
            source: mem::replace(&mut state.source, source),
            fetch: {
                // What is made from a text to try checks has no folder of its own.
                let theirs = match state.exercise.task {
                    Some(_) => state.exercise.fetch.take(),
                    None => state.host.fetch.take(),
                };
                mem::replace(&mut state.host.fetch, theirs)
            },
            collected: state.collect(Some(String::new())),
            stage: mem::replace(&mut state.exercise.stage, Stage::Submission),
        }
    }

    /// Puts the check back in its place. Returns what the hand-in has printed.
    fn leave(self, state: &mut State) -> String {
        state.source = self.source;
        if state.exercise.task.is_some() {
            state.exercise.fetch = mem::replace(&mut state.host.fetch, self.fetch);
        }
        state.exercise.stage = self.stage;
        state.collect(self.collected).unwrap_or_default()
    }
}

/// Does something with the hand-in's code in its own evaluation. Returns the value, and what it has
/// printed.
fn within<R>(
    ctx: &NativeCallContext,
    submission: &Submission,
    act: impl FnOnce(&Engine, &AST, &mut Scope<'static>) -> Result<R>,
) -> Result<(R, String)> {
    let (limits, stage) = Shared::of(ctx)?.with(|state| (state.limits, state.exercise.stage))?;
    if stage == Stage::Submission {
        return Err(ScriptError::new("a hand-in cannot run hand-ins").into());
    }
    let Submission { name, text } = submission;
    charge(ctx, text.len() / BYTES_FOR_OPERATION)?;
    let engine = ctx.engine();
    let ast = engine.compile(text).map_err(|error| {
        let words = Words {
            engine,
            scope: &Scope::new(),
            library: &AST::empty(),
            document: text,
            limits: &limits,
        };
        failed(Failure::of_parse(&error, text, &words), name)
    })?;
    beside(ctx, Source::of_text(&ast, text, name), |engine, scope| {
        act(engine, &ast, scope)
    })
}

/// The error of a hand-in, as the check sees it.
fn failed(failure: Failure, name: &str) -> Box<EvalAltResult> {
    let error = ScriptError::new(told(&failure, name));
    ScriptError {
        note: failure.note,
        help: failure.help,
        ..error
    }
    .into()
}

/// Evaluates code of a hand-in beside the check.
fn beside<R>(
    ctx: &NativeCallContext,
    source: Source,
    act: impl FnOnce(&Engine, &mut Scope<'static>) -> Result<R>,
) -> Result<(R, String)> {
    let shared = Shared::of(ctx)?;
    let engine = ctx.engine();
    let mut scope = Scope::new();
    let code = source.clone();
    let (limits, around) = shared.with(|state| (state.limits, Around::enter(state, source)))?;
    let result = act(engine, &mut scope);
    let printed = shared.with(|state| {
        let printed = around.leave(state);
        state.exercise.output.push_str(&printed);
        printed
    })?;
    match result {
        Ok(value) => Ok((value, printed)),
        // No check goes on after a limit.
        Err(error) if matches!(error.unwrap_inner(), EvalAltResult::ErrorTerminated(..)) => {
            Err(error)
        }
        Err(error) => {
            let words = Words {
                engine,
                scope: &scope,
                library: &code.ast,
                document: &code.text,
                limits: &limits,
            };
            Err(failed(Failure::of_run(&error, &words), code.name()))
        }
    }
}

/// The name of a closure of a hand-in that is kept for later.
const KEPT: &str = "kept";

/// Whether a closure gets `this` when it is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum This {
    Given,
    Absent,
}

/// A closure that is kept for later: a signal handler, a condition. One of a hand-in is evaluated
/// beside the check whenever it is called, with the functions of the hand-in. It takes as many
/// arguments as it has parameters, whatever it is called with.
#[allow(
    deprecated,
    reason = "rhai marks the call as volatile; the version is pinned"
)]
pub(super) fn kept(ctx: &NativeCallContext, closure: FnPtr, this: This) -> Result<FnPtr> {
    let source = Shared::of(ctx)?.with(|state| {
        let is_theirs = state.exercise.stage == Stage::Submission;
        is_theirs.then(|| state.source.clone())
    })?;
    let Some(source) = source else {
        return Ok(closure);
    };
    let curried = closure.curry().len();
    let params = {
        let mut functions = source.ast.iter_functions();
        let found = functions.find(|f| f.name == closure.fn_name() && f.params.len() >= curried);
        found.map(|f| f.params.len() - curried)
    };
    let Some(params) = params else {
        return Ok(closure);
    };
    FnPtr::from_fn(KEPT, move |ctx, args| {
        let mut values: Vec<Dynamic> = args.iter_mut().map(|arg| mem::take(*arg)).collect();
        let mut own = match this {
            This::Given if !values.is_empty() => values.remove(0),
            This::Given | This::Absent => Dynamic::UNIT,
        };
        values.truncate(params);
        values.splice(0..0, closure.curry().iter().cloned());
        let call = |engine: &Engine, scope: &mut Scope<'static>| {
            let options = CallFnOptions::new()
                .eval_ast(TOP_LEVEL_TOO)
                .bind_this_ptr(&mut own);
            let (ast, name) = (&source.ast, closure.fn_name());
            engine.call_fn_with_options::<Dynamic>(options, scope, ast, name, values)
        };
        let is_theirs = Shared::of(&ctx)?.with(|state| state.exercise.stage)? == Stage::Submission;
        if is_theirs {
            return call(ctx.engine(), &mut Scope::new());
        }
        beside(&ctx, source.clone(), call).map(|(value, _)| value)
    })
}

/// Whether this is a closure of a hand-in that takes any number of arguments.
pub(super) fn is_kept(closure: &FnPtr) -> bool {
    closure.fn_name() == KEPT
}

/// Calls a function of the hand-in. Neither side can change a variable of the other.
fn call(
    ctx: &NativeCallContext,
    submission: &Submission,
    name: &str,
    args: Array,
) -> Result<Dynamic> {
    let args: Vec<Dynamic> = args.iter().map(own_copy).collect();
    let (value, _) = within(ctx, submission, |engine, ast, scope| {
        let known = |count| {
            let mut functions = ast.iter_functions();
            functions.any(|f| f.name == name && count == f.params.len())
        };
        if !known(args.len()) {
            let parameters = match args.len() {
                1 => "1 parameter".to_owned(),
                count => format!("{count} parameters"),
            };
            let error = ScriptError::new(format!("there is no function {name} with {parameters}"));
            return Err(error.into());
        }
        let options = CallFnOptions::new().eval_ast(TOP_LEVEL_TOO);
        engine.call_fn_with_options::<Dynamic>(options, scope, ast, name, args)
    })?;
    Ok(own_copy(&value))
}

/// What is printed while something runs, which is not shown then.
pub(super) fn collected(
    ctx: &NativeCallContext,
    shared: &Shared,
    act: impl FnOnce() -> Result<()>,
) -> Result<String> {
    let around = shared.with(|state| state.collect(Some(String::new())))?;
    let result = act();
    let text = shared.with(|state| state.collect(around))?;
    result?;
    bounded(ctx, text.unwrap_or_default())
}

/// A number of points.
fn points_of(value: &Dynamic) -> Result<Points> {
    let number = match (value.as_int(), value.as_float()) {
        (Ok(int), _) => int as f64,
        (_, Ok(float)) => float,
        _ => f64::NAN,
    };
    Points::of(number).ok_or_else(|| {
        let most = Points::MAX;
        ScriptError::new(format!("{value} is not a number of points"))
            .with_help(format!("points are 0 to {most}, such as 2 or 0.5"))
            .into()
    })
}

/// Notes a part of a task. Outside of a check of a hand-in it is printed.
fn note(ctx: &NativeCallContext, mark: &Mark, part: Part) -> Result<()> {
    let shared = Shared::of(ctx)?;
    let is_graded = shared.with(|state| state.exercise.task.is_some())?;
    if is_graded {
        return shared.with(|state| state.exercise.parts.push(part));
    }
    let Part {
        points,
        of,
        reason,
        expected,
    } = part;
    let mut line = format!("{}: {points} of {of}", mark.task);
    if points < of {
        line.push_str(&format!("  {reason}"));
        if let Some(expected) = expected {
            line.push_str(&format!(" (expected {expected})"));
        }
    }
    shared.print(&line);
    Ok(())
}

#[export_module]
pub mod functions {
    /// The checks of a task of a lab. While a hand-in is graded, the closure runs for that task
    /// alone, on a fresh machine; anywhere else it just runs, and the points are printed.
    ///
    /// ```rhai
    /// check("sum", |mark| {
    ///     mark.points(1, 1 + 1 == 2, "the sum is wrong");
    /// });
    /// ```
    #[rhai_fn(name = "check", return_raw)]
    pub fn check(ctx: NativeCallContext, task: &str, checks: FnPtr) -> Result<()> {
        let shared = Shared::of(&ctx)?;
        let begun = shared.with(|state| {
            let exercise = &mut state.exercise;
            if exercise.stage != Stage::Plain {
                let error = ScriptError::new("check() cannot be called while checks run");
                return Err(error.with_help("write one check after the other"));
            }
            let is_wanted = exercise.task.as_deref().is_none_or(|wanted| wanted == task);
            if is_wanted {
                exercise.stage = Stage::Checking;
                exercise.found = true;
            }
            Ok(is_wanted)
        })?;
        if !begun? {
            return Ok(());
        }
        let mark = Mark {
            task: task.to_owned(),
        };
        let result: Result<Dynamic> = checks.call_within_context(&ctx, (mark,));
        shared.with(|state| state.exercise.stage = Stage::Plain)?;
        result.map(|_| ())
    }

    /// Gives that many points if the condition holds; otherwise they are lost for the reason.
    /// Returns the condition.
    ///
    /// ```rhai
    /// check("page", |mark| {
    ///     let sh = spawn("sh");
    ///     let copies = copies_in(|| sh.write(sh.mmap(4*KiB), 1));
    ///     mark.points(2, copies == 0, "a page was copied that nobody shares");
    /// });
    /// ```
    #[rhai_fn(name = "points", return_raw)]
    pub fn points(
        ctx: NativeCallContext,
        mark: Mark,
        points: Dynamic,
        condition: bool,
        reason: &str,
    ) -> Result<bool> {
        let of = points_of(&points)?;
        let part = Part {
            points: if condition { of } else { Points::default() },
            of,
            reason: reason.to_owned(),
            expected: None,
        };
        note(&ctx, &mark, part)?;
        Ok(condition)
    }

    /// Gives that many points if a value is the expected one. The reason for lost points shows the
    /// value to everybody, and the expected one to teachers. Returns whether it is.
    ///
    /// ```rhai
    /// check("children", |mark| {
    ///     let sh = spawn("sh");
    ///     sh.fork();
    ///     mark.expect(1, "children of the shell", forks_of(sh).len(), 1);
    /// });
    /// ```
    #[rhai_fn(name = "expect", return_raw)]
    pub fn expect(
        ctx: NativeCallContext,
        mark: Mark,
        points: Dynamic,
        what: &str,
        value: Dynamic,
        expected: Dynamic,
    ) -> Result<bool> {
        let of = points_of(&points)?;
        let is_right = same_value(&value, &expected);
        let part = Part {
            points: if is_right { of } else { Points::default() },
            of,
            reason: format!("{what}: {}", text_of(&ctx, FUNC_TO_DEBUG, &value)?),
            expected: Some(text_of(&ctx, FUNC_TO_DEBUG, &expected)?),
        };
        note(&ctx, &mark, part)?;
        Ok(is_right)
    }

    /// A hand-in made from a text, to try checks.
    ///
    /// ```rhai
    /// let theirs = submission("fn double(n) { 2 * n }");
    /// assert_eq(theirs.run("double", [21]), 42);
    /// ```
    #[rhai_fn(name = "submission")]
    pub fn submission_of(text: &str) -> Submission {
        Submission::new("answer.rhai".to_owned(), text.to_owned())
    }

    /// The text of the hand-in's script.
    ///
    /// ```rhai
    /// let theirs = submission("fn two() { 2 }");
    /// assert(theirs.main.contains("two"));
    /// ```
    #[rhai_fn(get = "main", pure)]
    pub fn main_text(submission: &mut Submission) -> String {
        submission.text.clone()
    }

    /// The names of the files of the hand-in that is checked, such as C files for
    /// `submission.program`. What is made from a text has no files.
    ///
    /// ```rhai
    /// assert_eq(submission("fn f() { }").files, []);
    /// ```
    #[rhai_fn(get = "files", pure, return_raw)]
    pub fn files(ctx: NativeCallContext, _submission: &mut Submission) -> Result<Array> {
        let names = Shared::of(&ctx)?.with(|state| state.exercise.files.clone())?;
        charge(&ctx, names.len())?;
        Ok(names.into_iter().map(Dynamic::from).collect())
    }

    /// Runs the script of a hand-in on the machine of the check. Returns what it printed. If it ends
    /// with an error, that error is thrown.
    ///
    /// ```rhai
    /// let theirs = submission("spawn(\"sh\"); print(\"hello\");");
    /// assert_eq(theirs.run(), "hello\n");
    /// assert_eq(tasks().len(), 2);
    /// ```
    #[rhai_fn(name = "run", return_raw)]
    pub fn run(ctx: NativeCallContext, submission: Submission) -> Result<String> {
        let run = within(&ctx, &submission, |engine, ast, scope| {
            engine.eval_ast_with_scope::<Dynamic>(scope, ast)
        });
        run.map(|(_, printed)| printed)
    }

    /// Calls a function of a hand-in with these arguments, and returns its value. It acts on the
    /// machine of the check. If it ends with an error, that error is thrown.
    ///
    /// ```rhai
    /// let theirs = submission("fn twice(sh) { [sh.fork(), sh.fork()] }");
    /// let sh = spawn("sh");
    /// assert_eq(theirs.run("twice", [sh]).len(), 2);
    /// assert_eq(forks_of(sh).len(), 2);
    /// ```
    #[rhai_fn(name = "run", return_raw)]
    pub fn run_function(
        ctx: NativeCallContext,
        submission: Submission,
        name: &str,
        args: Array,
    ) -> Result<Dynamic> {
        call(&ctx, &submission, name, args)
    }

    /// Whether a hand-in has a function of that name.
    ///
    /// ```rhai
    /// assert(submission("fn f(n) { n }").has("f"));
    /// ```
    #[rhai_fn(name = "has", return_raw)]
    pub fn has(ctx: NativeCallContext, submission: Submission, name: &str) -> Result<bool> {
        let found = within(&ctx, &submission, |_, ast, _| {
            Ok(ast.iter_functions().any(|function| function.name == name))
        });
        found.map(|(found, _)| found)
    }

    /// Everything that the code of hand-ins has printed in this check.
    ///
    /// ```rhai
    /// let theirs = submission("fn f() { print(1); }");
    /// theirs.run("f", []);
    /// assert_eq(theirs.output, "1\n");
    /// ```
    #[rhai_fn(get = "output", pure, return_raw)]
    pub fn output(ctx: NativeCallContext, _submission: &mut Submission) -> Result<String> {
        let text = Shared::of(&ctx)?.with(|state| state.exercise.output.clone())?;
        bounded(&ctx, text)
    }

    /// Creates a task that runs a function of a hand-in as a program.
    ///
    /// ```rhai
    /// let theirs = submission("fn main() { exit(3) }");
    /// let demo = theirs.spawn("demo", "main");
    /// run();
    /// assert_eq(demo.exit_status, 3);
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_function(
        ctx: NativeCallContext,
        submission: Submission,
        name: &str,
        function: &str,
    ) -> Result<Task> {
        let spawned = within(&ctx, &submission, |_, _, _| {
            let main = FnPtr::new(function)?;
            spawn_compiled(&ctx, name, &main, Map::new())
        });
        spawned.map(|(task, _)| task)
    }

    /// Brings in a program of a hand-in: an ELF file, or a C file, which is compiled.
    ///
    /// ```rhai
    /// let hello = submission("").program("hello");
    /// ```
    #[rhai_fn(name = "program", return_raw)]
    pub fn program_of(
        ctx: NativeCallContext,
        submission: Submission,
        name: &str,
    ) -> Result<HostProgram> {
        let brought = within(&ctx, &submission, |_, _, _| bring_program(&ctx, name));
        brought.map(|(program, _)| program)
    }
}
