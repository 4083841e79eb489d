//! Files from outside: programs and data that a script names are read whole and put into the
//! machine.

use super::convert::{Result, apply, look, string_option};
use super::spawn::{SpawnOptions, spawn_options, spawned};
use crate::kernel::boot::ENVP_INIT;
use crate::kernel::fs::Stream;
use crate::kernel::syscall::ExecArgs;
use crate::machine::Command;
use crate::script::errors::ScriptError;
use crate::script::session::{Fetched, Shared, Task, Wanted};
use rhai::plugin::*;
use rhai::{Array, Map, NativeCallContext};

/// A program from outside, which is a file of the machine now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostProgram {
    /// Its name, which becomes that of its tasks.
    name: String,
    /// Its path as it is executed.
    path: String,
}

/// Reads a file from outside, and puts it into the machine.
fn fetch(ctx: &NativeCallContext, name: &str, wanted: Wanted) -> Result<String> {
    let shared = Shared::of(ctx)?;
    let fetched = shared.with(|state| {
        let fetch = state.host.fetch.as_mut();
        fetch.map(|fetch| fetch(name, wanted))
    })?;
    let Some(fetched) = fetched else {
        let error = ScriptError::new(format!("{name}: files of the host are out of reach here"));
        return Err(error.into());
    };
    let fetched = fetched.map_err(|why| cannot_fetch(name, &why))?;
    let Fetched {
        name,
        bytes,
        debug,
        applets,
    } = fetched;
    let path = format!("/{name}");
    let mode = match wanted {
        Wanted::Program => 0o755,
        Wanted::File => 0o644,
    };
    for applet in applets {
        let link = Command::PutLink {
            path: format!("/bin/{applet}"),
            target: path.clone(),
        };
        apply(ctx, link)?;
    }
    let described = debug.map(|debug| Command::Describe {
        path: path.clone(),
        debug,
    });
    apply(ctx, Command::PutFile { path, mode, bytes })?;
    if let Some(described) = described {
        apply(ctx, described)?;
    }
    Ok(name)
}

/// Writes a picture to a file of the host.
pub(super) fn save(ctx: &NativeCallContext, name: &str, svg: &str) -> Result<()> {
    let saved = Shared::of(ctx)?.with(|state| {
        let save = state.host.save.as_mut();
        save.map(|save| save(name, svg))
    })?;
    let error = match saved {
        Some(Ok(())) => return Ok(()),
        Some(Err(why)) => cannot_fetch(name, &why),
        None => ScriptError::new(format!("{name}: files of the host cannot be written here"))
            .with_help("forklab run and the prompt write pictures; svg() is the text of one"),
    };
    Err(error.into())
}

/// Why a file cannot be had; a help line in the reason becomes the help of the error.
fn cannot_fetch(name: &str, why: &str) -> ScriptError {
    match why.split_once("\nhelp: ") {
        Some((why, help)) => ScriptError::new(format!("{name}: {why}")).with_help(help),
        None => ScriptError::new(format!("{name}: {why}")),
    }
}

/// Strings of an array, for arguments and environment.
fn strings(values: &Array) -> Vec<Vec<u8>> {
    let bytes = |value: &Dynamic| value.to_string().into_bytes();
    values.iter().map(bytes).collect()
}

/// Where the first descriptors of a program lead, by its options.
fn streams(options: &mut Map) -> Result<[Stream; 3]> {
    let terminal = options.remove("terminal").map(|value| value.as_bool());
    let (input, output, errors) = match terminal {
        None => (Stream::Console, Stream::Console, Stream::Console),
        Some(Ok(true)) => (Stream::Terminal, Stream::Terminal, Stream::Terminal),
        Some(Ok(false)) => (Stream::Console, Stream::Printer(0), Stream::Printer(1)),
        Some(Err(_)) => {
            return Err(ScriptError::new("option terminal must be true or false").into());
        }
    };
    match options.remove("stdin") {
        Some(text) => {
            let text = string_option(&text, "stdin")?;
            Ok([Stream::Input(text.into_bytes().into()), output, errors])
        }
        None => Ok([input, output, errors]),
    }
}

/// The environment, by the options.
fn environment(options: &mut Map) -> Result<Vec<Vec<u8>>> {
    match options.remove("env").map(Dynamic::into_array) {
        None => Ok(ENVP_INIT
            .map(|variable| variable.as_bytes().to_vec())
            .into()),
        Some(Ok(variables)) => Ok(strings(&variables)),
        Some(Err(_)) => Err(ScriptError::new("option env must be an array of strings")
            .with_help("spawn(program(\"hello\"), [], #{env: [\"LANG=C\"]})")
            .into()),
    }
}

/// Brings in a program from outside.
pub(super) fn bring_program(ctx: &NativeCallContext, path: &str) -> Result<HostProgram> {
    let name = fetch(ctx, path, Wanted::Program)?;
    let path = format!("./{name}");
    Ok(HostProgram { name, path })
}

#[export_module]
pub mod functions {
    /// Brings a program from outside into the machine: a static ELF file for i386, or a C file,
    /// which is compiled first. It must be in the script's own folder. `spawn` runs it, and puppets
    /// can execute it by its name.
    ///
    /// ```rhai
    /// let hello = spawn(program("hello"));
    /// run();
    /// assert_eq(hello.exit_status, 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn program(ctx: NativeCallContext, path: &str) -> Result<HostProgram> {
        bring_program(&ctx, path)
    }

    /// Brings a file from outside into the machine's root directory, where programs find it by its
    /// name. It must be in the script's own folder. Returns the name.
    ///
    /// ```rhai
    /// assert_eq(file("hello.c"), "hello.c");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn file(ctx: NativeCallContext, path: &str) -> Result<String> {
        fetch(&ctx, path, Wanted::File)
    }

    /// Creates a task that runs a program from outside.
    ///
    /// ```rhai
    /// let hello = spawn(program("hello"));
    /// assert_eq(hello.name, "hello");
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_host(ctx: NativeCallContext, program: HostProgram) -> Result<Task> {
        spawn_host_with(ctx, program, Array::new(), Map::new())
    }

    /// Creates a task that runs a program from outside with arguments.
    ///
    /// ```rhai
    /// spawn(program("hello"), ["a", "b"]);
    /// run();
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_host_args(
        ctx: NativeCallContext,
        program: HostProgram,
        args: Array,
    ) -> Result<Task> {
        spawn_host_with(ctx, program, args, Map::new())
    }

    /// Creates a task that runs a program from outside, with the options of `spawn` and these: `env`,
    /// an array of strings; `stdin`, the text that it reads instead of the console's; `terminal:
    /// false` if its output does not go to a terminal, so that the C library writes full buffers
    /// instead of lines; `terminal: true` if the terminal is to be its own, as a shell needs it for
    /// job control: Ctrl-C reaches it then.
    ///
    /// ```rhai
    /// spawn(program("hello"), [], #{nice: 5, terminal: false});
    /// run();
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_host_with(
        ctx: NativeCallContext,
        program: HostProgram,
        args: Array,
        options: Map,
    ) -> Result<Task> {
        let mut options = options;
        let (stdio, envp) = (streams(&mut options)?, environment(&mut options)?);
        let uid = look(&ctx, |machine| machine.kernel.config.uid)?;
        let HostProgram { name, path } = program;
        let SpawnOptions { args: task, spin } = spawn_options(&ctx, &name, uid, &options)?;
        if spin {
            return Err(ScriptError::new("idle is an option of puppets, not of programs").into());
        }
        let own = path.clone().into_bytes();
        let argv = std::iter::once(own).chain(strings(&args)).collect();
        let exec = ExecArgs { path, argv, envp };
        let args = task;
        spawned(&ctx, Command::SpawnFile { args, exec, stdio })
    }

    /// A program from outside as a string: its name.
    #[rhai_fn(name = "to_string", name = "to_debug")]
    pub fn host_program_to_string(program: &mut HostProgram) -> String {
        format!("program {}", program.name)
    }
}
