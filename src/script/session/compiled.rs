//! Compiling functions of the script to programs of the machine.

use super::document::{Document, base};
use super::library::{Library, Recipe};
use super::state::Shared;
use crate::compile::{self, Diagnostic, Entry};
use crate::kernel::fs::ProgramImage;
use crate::machine::Command;
use crate::script::errors::ScriptError;
use rhai::{AST, Dynamic, EvalAltResult, FnPtr, NativeCallContext, Scope};
use std::sync::Arc;

/// The longest array that a program can take over from a variable of the prompt.
const MAX_ARRAY: usize = 4096;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// What programs are compiled from: the running script.
#[derive(Clone, Default)]
pub(in crate::script) struct Source {
    /// Its functions and its top-level statements.
    pub(in crate::script) ast: AST,
    /// How another thread makes its functions again.
    pub(super) recipe: Recipe,
    /// All text of the session, which positions refer to.
    pub(in crate::script) text: String,
    /// Variables from earlier lines of the prompt.
    pub(in crate::script) variables: Vec<(String, Dynamic, bool)>,
    /// The number of lines before the file or input that is running.
    pub(in crate::script) lines_before: usize,
    /// The name of the text.
    name: String,
    /// The file that runs in the middle of it, with the number of lines before it.
    file: Option<(String, u32)>,
}

impl Source {
    /// Whether the script has a function of that name.
    pub(in crate::script) fn has_function(&self, name: &str) -> bool {
        self.ast
            .iter_functions()
            .any(|function| function.name == name)
    }

    pub(super) fn new(library: &Library, document: &Document, scope: &Scope<'static>) -> Self {
        let plain = |value: &Dynamic| {
            let value = value.flatten_clone();
            let array = value.as_array_ref().is_ok_and(|a| a.len() <= MAX_ARRAY);
            let word = value.is_int() || value.is_bool() || value.is_char();
            (word || value.is_string() || array).then_some(value)
        };
        // The newest variable of a name comes first and hides the others.
        let variables = scope.iter_raw();
        let variables = variables
            .filter_map(|(name, constant, value)| Some((name.to_owned(), plain(value)?, constant)));
        Self {
            ast: library.ast.clone(),
            recipe: library.recipe(),
            text: document.text().to_owned(),
            variables: variables.collect(),
            lines_before: document.before_input(),
            name: document.name().to_owned(),
            file: document
                .file()
                .map(|file| (base(file), document.before_input() as u32)),
        }
    }

    /// A position in the file that is running, or in the text of the session.
    fn place(&self, pos: compile::Pos) -> String {
        let compile::Pos { line, column } = pos;
        match &self.file {
            Some((file, before)) if line > *before => format!("{file}:{}:{column}", line - before),
            _ => format!("{}:{line}:{column}", self.name),
        }
    }

    fn compile(
        &self,
        entry: &Entry,
        name: &str,
    ) -> std::result::Result<ProgramImage, Vec<Diagnostic>> {
        let constants = crate::script::api::constants();
        let constant = |name: &str| {
            let found = constants.binary_search_by(|known| known.name.cmp(name));
            found.ok().map(|at| constants[at].value)
        };
        let script = compile::Script {
            ast: &self.ast,
            source: &self.text,
            source_name: name,
            variables: &self.variables,
            constants: &constant,
            place: &|pos| self.place(pos),
        };
        compile::compile(&script, entry)
    }

    /// Whether a program compiled from it could call exec.
    fn mentions_exec(&self) -> bool {
        self.text.contains("execve")
    }

    /// The functions by name, without closures.
    fn functions(&self) -> Vec<String> {
        let functions = self.ast.iter_functions();
        let mut names: Vec<String> = functions
            .map(|function| function.name.to_owned())
            .filter(|name| !name.starts_with("anon$"))
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Compiles the program that starts at a function.
///
/// # Errors
/// Lists everything in the function that programs do not support.
pub(in crate::script) fn image_of(
    ctx: &NativeCallContext,
    main: &FnPtr,
) -> Result<Arc<ProgramImage>> {
    let shared = Shared::of(ctx)?;
    let source = shared.with(|state| state.source.clone())?;
    let image = source
        .compile(&Entry::from(main), "script")
        .map_err(|problems| not_a_program(&problems))?;
    if source.mentions_exec() {
        for name in source.functions() {
            install(&shared, &source, &name)?;
        }
    }
    Ok(Arc::new(image))
}

/// Creates the file for a program if there is none and the script has a function of that name.
pub(in crate::script) fn install_function(ctx: &NativeCallContext, path: &str) -> Result<()> {
    let name = path.strip_prefix("/bin/").unwrap_or(path);
    let shared = Shared::of(ctx)?;
    if !shared.with(|state| state.has_function(name))? {
        return Ok(());
    }
    let source = shared.with(|state| state.source.clone())?;
    install(&shared, &source, name)
}

fn install(shared: &Shared, source: &Source, name: &str) -> Result<()> {
    shared.with(|state| {
        if state.machine.kernel.lookup(name).is_ok() {
            return;
        }
        let image = source.compile(&Entry::named(name), "script");
        let image = image.map(Arc::new).map_err(|problems| {
            let first = problems.first().map(ToString::to_string);
            first.unwrap_or_default()
        });
        let name = name.to_owned();
        // Creating a file is never refused unless the machine has panicked.
        state.set(Command::Install { name, image });
    })
}

/// The error that shows each problem at its place.
fn not_a_program(problems: &[Diagnostic]) -> Box<EvalAltResult> {
    let place = |pos: compile::Pos| (pos.line as usize, pos.column as usize);
    let mut error = match problems {
        [] => ScriptError::new("this function cannot be compiled"),
        [first, ..] => ScriptError {
            help: first.help.clone(),
            ..ScriptError::new(&first.message)
        },
    };
    for (order, problem) in problems.iter().enumerate() {
        let text = match (&problem.help, order) {
            (_, 0) => String::new(),
            (Some(help), _) => format!("{}; {help}", problem.message),
            (None, _) => problem.message.clone(),
        };
        // A program whose first function does not exist has no place in the script.
        if problem.pos != compile::Pos::default() {
            error.places.push((text, place(problem.pos)));
        }
        if let Some((pos, text)) = &problem.other {
            error.places.push((text.clone(), place(*pos)));
        }
    }
    let count = match problems.len() {
        0 | 1 => String::new(),
        n => format!("{n} problems; "),
    };
    error
        .with_note(format!(
            "{count}a program is compiled to machine code first; nothing of it was run"
        ))
        .into()
}
