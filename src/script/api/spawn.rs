//! Creating and finding tasks.

use super::convert::{Result, apply, check_keys, handle, int_option, look, ranged, string_option};
use super::text::bounded;
use crate::abi::{Pid, Policy};
use crate::kernel::fork::SpawnArgs;
use crate::machine::{Command, FileError, Reply, WorkloadFile, WorkloadProgram, lists_tasks};
use crate::script::errors::{ScriptError, plain_types};
use crate::script::session::{Task, install_function};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};
use std::sync::Arc;

/// The steps of a workload, for `spawn`.
#[derive(Clone, Debug)]
pub struct Workload(Arc<WorkloadProgram>);

impl PartialEq for Workload {
    /// Whether both are the same steps, not others that read alike.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The tasks that a string lists in the format of workload files.
#[derive(Clone, Debug)]
pub struct TaskList(Arc<WorkloadFile>);

impl PartialEq for TaskList {
    /// Whether both are the same list, not another that reads alike.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The options of `spawn` that are not arguments of the kernel.
pub(super) struct SpawnOptions {
    pub(super) args: SpawnArgs,
    pub(super) spin: bool,
}

pub(super) fn spawn_options(
    ctx: &NativeCallContext,
    name: &str,
    uid: u32,
    options: &Map,
) -> Result<SpawnOptions> {
    const KEYS: [&str; 7] = [
        "nice",
        "policy",
        "rt_prio",
        "sleep_avg",
        "uid",
        "cpu",
        "idle",
    ];
    check_keys(options, &KEYS)?;
    let cpus = look(ctx, |machine| machine.kernel.config.cpus)?;
    let mut args = SpawnArgs::new(name, uid);
    let mut spin = false;
    for (key, value) in options {
        let number = |min, max| ranged(int_option(value, key)?, key, min, max);
        match key.as_str() {
            "nice" => args.nice = number(-20, 19)? as i32,
            "rt_prio" => args.rt_priority = number(1, 99)? as u8,
            "sleep_avg" => args.parent_sleep_avg_ms = number(0, 1000)? as u32,
            "cpu" => args.cpu = number(0, i64::from(cpus) - 1)? as u8,
            "uid" => args.uid = number(0, 65535)? as u32,
            "policy" => {
                let word = string_option(value, key)?;
                args.policy = Policy::from_name(&word).ok_or_else(|| {
                    ScriptError::new(format!(
                        "policy is \"{word}\", but must be other, fifo or rr"
                    ))
                })?;
            }
            _ => {
                spin = match string_option(value, key)?.as_str() {
                    "spin" => true,
                    "sleep" => false,
                    other => {
                        let text = format!("idle is \"{other}\", but must be spin or sleep");
                        return Err(ScriptError::new(text).into());
                    }
                };
            }
        }
    }
    let real_time = args.policy != Policy::Normal;
    if real_time != (args.rt_priority > 0) {
        let text = "rt_prio requires policy fifo or rr, and those require rt_prio";
        return Err(ScriptError::new(text).into());
    }
    Ok(SpawnOptions { args, spin })
}

pub(super) fn spawned(ctx: &NativeCallContext, command: Command) -> Result<Task> {
    match apply(ctx, command)? {
        Reply::Spawned { task, pid } => handle(ctx, task, pid),
        _ => Err(ScriptError::new("no task was created").into()),
    }
}

fn parse_workload(scripts: &[(String, Array)]) -> Result<Workload> {
    let mut texts = Vec::new();
    for (name, steps) in scripts {
        let lines: std::result::Result<Vec<String>, _> = steps
            .iter()
            .map(|step| step.clone().into_string())
            .collect();
        let lines = lines.map_err(|kind| {
            let kind = plain_types(kind);
            ScriptError::new(format!("the steps of {name} must be strings, not {kind}"))
                .with_help("each step is a string: workload([\"run 20\", \"sleep 5\"])")
        })?;
        texts.push((name.clone(), lines));
    }
    let program = WorkloadProgram::parse(&texts)
        .map_err(|error| ScriptError::new(error.to_string()).with_help(error.help))?;
    Ok(Workload(Arc::new(program)))
}

/// An error in a workload text, with the line that it is in.
fn file_error(text: &str, error: &FileError) -> ScriptError {
    let FileError {
        line,
        column,
        why,
        expected,
    } = error;
    let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
    ScriptError::new(format!(
        "line {line}, column {column} of the workload, \"{shown}\": {why}"
    ))
    .with_help(format!("expected {expected}"))
}

fn find(ctx: &NativeCallContext, pid: i64) -> Result<Task> {
    let found = look(ctx, |machine| {
        let pid = i32::try_from(pid).ok().map(Pid)?;
        machine.kernel.pid_hash().find(pid).map(|id| (id, pid))
    })?;
    let (id, pid) = found.ok_or_else(|| {
        ScriptError::new(format!("there is no task {pid}")).with_help("ps() lists the tasks")
    })?;
    handle(ctx, id, pid)
}

#[export_module]
pub mod functions {
    /// Creates a task, as a child of init, that runs the program of that name. `"sh"` is a puppet:
    /// it does only what you call, and sleeps between calls. The name of a function of the script
    /// runs that function as a program.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.pid, 2);
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn(ctx: NativeCallContext, program: &str) -> Result<Task> {
        spawn_with(ctx, program, Map::new())
    }

    /// Creates a task with options: `nice`, `policy` ("other", "fifo", "rr") with `rt_prio`,
    /// `sleep_avg` (of the parent, in ms; the child gets one bonus point less), `uid`, `cpu`, and
    /// `idle` ("spin" keeps the puppet runnable between calls).
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{nice: 5, idle: "spin"});
    /// assert_eq(sh.static_prio, 125);
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_with(ctx: NativeCallContext, program: &str, options: Map) -> Result<Task> {
        let uid = look(&ctx, |machine| machine.kernel.config.uid)?;
        let SpawnOptions { args, spin } = spawn_options(&ctx, program, uid, &options)?;
        install_function(&ctx, program)?;
        spawned(
            &ctx,
            Command::Spawn {
                args,
                program: None,
                spin,
            },
        )
    }

    /// Creates a task of root's that follows the steps of a workload.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 20", "sleep 5", "goto 0"]));
    /// tick(22);
    /// assert_eq(hog.utime, 20);
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_workload(ctx: NativeCallContext, name: &str, steps: Workload) -> Result<Task> {
        spawn_workload_with(ctx, name, steps, Map::new())
    }

    /// Creates a task that follows the steps of a workload, with the options of `spawn`.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20"]), #{nice: 10});
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_workload_with(
        ctx: NativeCallContext,
        name: &str,
        steps: Workload,
        options: Map,
    ) -> Result<Task> {
        let SpawnOptions { args, spin } = spawn_options(&ctx, name, 0, &options)?;
        if spin {
            return Err(ScriptError::new("idle is an option of puppets, not of workloads").into());
        }
        spawned(
            &ctx,
            Command::SpawnWorkload {
                args,
                program: steps.0,
            },
        )
    }

    /// The steps of a workload: `run N`, `sleep N`, `io N`, `block`, `wake NAME`, `yield`, `nice
    /// V`, `renice NAME V`, `setsched POLICY P`, `fork CHILD SCRIPT` (also `fork_vm`, `vfork`),
    /// `map ADDR N`, `touch ADDR N`, `exec IMAGE`, `goto K`, `exit`. Times are in ticks.
    ///
    /// ```rhai
    /// let steps = workload(["run 10", "sleep 5", "goto 0"]);
    /// ```
    #[rhai_fn(name = "workload", return_raw)]
    pub fn workload(steps: Array) -> Result<Workload> {
        parse_workload(&[("main".to_owned(), steps)])
    }

    /// A workload as a string, one step per line, `#` for comments; `script NAME` begins a script
    /// for children. A string with `horizon` and `task` lines is a whole workload file
    /// (`docs/workloads.md`): the tasks of a run, for `spawn`.
    ///
    /// ```rhai
    /// let steps = workload("run 10\nsleep 5\ngoto 0");
    /// let all = workload(`
    ///     horizon 300
    ///     task A
    ///       run 500
    ///     task B nice=5 start=20
    ///       fork kid little
    ///       run 50
    ///     script little
    ///       run 5`);
    /// assert_eq(all.horizon, 300);
    /// ```
    #[rhai_fn(name = "workload", return_raw)]
    pub fn workload_text(ctx: NativeCallContext, text: &str) -> Result<Dynamic> {
        if lists_tasks(text) {
            let cpus = look(&ctx, |machine| machine.kernel.config.cpus)?;
            let file = WorkloadFile::parse(text, cpus);
            let file = file.map_err(|error| file_error(text, &error))?;
            return Ok(Dynamic::from(TaskList(Arc::new(file))));
        }
        let program = WorkloadProgram::parse_text(text);
        let program = program.map_err(|error| file_error(text, &error))?;
        Ok(Dynamic::from(Workload(Arc::new(program))))
    }

    /// Creates the tasks of a workload file, each when its `start` time is reached, counted from
    /// now. Returns their pids, in the order of the file; `task(pid)` is a handle once a task
    /// exists.
    ///
    /// ```rhai
    /// let pids = spawn(workload("horizon 100\ntask A\nrun 30\ntask B start=10\nrun 30"));
    /// assert_eq(pids, [2, 3]);
    /// tick(100);
    /// assert_eq(latency().rows.map(|row| row.runtime), [30, 30]);
    /// ```
    #[rhai_fn(name = "spawn", return_raw)]
    pub fn spawn_list(ctx: NativeCallContext, tasks: TaskList) -> Result<Array> {
        let cpus = look(&ctx, |machine| machine.kernel.config.cpus)?;
        for listed in &tasks.0.tasks {
            if u32::from(listed.args.cpu) >= cpus {
                let text = format!(
                    "{} is to start on CPU {}, but the machine has {cpus}",
                    listed.args.name, listed.args.cpu
                );
                return Err(ScriptError::new(text)
                    .with_help("the workload was read on a machine with more CPUs")
                    .into());
            }
        }
        match apply(&ctx, Command::Load(tasks.0.tasks.clone().into()))? {
            Reply::Loaded(pids) => Ok(pids
                .into_iter()
                .map(|pid| Dynamic::from(i64::from(pid.0)))
                .collect()),
            _ => Err(ScriptError::new("no task was created").into()),
        }
    }

    /// The last tick of the run that a workload file describes.
    ///
    /// ```rhai
    /// assert_eq(workload("horizon 100\ntask A\nrun 30").horizon, 100);
    /// ```
    #[rhai_fn(get = "horizon")]
    pub fn list_horizon(tasks: &mut TaskList) -> i64 {
        tasks.0.horizon.min(i64::MAX as u64) as i64
    }

    /// The names of the tasks in a workload file, and when the run ends.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn list_to_string(ctx: NativeCallContext, tasks: &mut TaskList) -> Result<String> {
        let names = tasks.0.tasks.iter().map(|task| task.args.name.as_str());
        let names: Vec<&str> = names.collect();
        let (until, names) = (tasks.0.horizon, names.join(", "));
        bounded(&ctx, format!("workload until tick {until}: {names}"))
    }

    /// A workload as a string: its scripts and their number of steps.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn workload_to_string(ctx: NativeCallContext, steps: &mut Workload) -> Result<String> {
        let scripts = steps.0.scripts();
        let scripts: Vec<String> = scripts
            .map(|(name, steps)| format!("{name} {}", steps.len()))
            .collect();
        bounded(&ctx, format!("workload, steps: {}", scripts.join(", ")))
    }

    /// A workload of several scripts by name: `main` is where the task begins, the others are for
    /// its children.
    ///
    /// ```rhai
    /// let steps = workload(#{main: ["fork C kid", "run 5"], kid: ["run 2"]});
    /// ```
    #[rhai_fn(name = "workload", return_raw)]
    pub fn workload_scripts(scripts: Map) -> Result<Workload> {
        let mut named = Vec::new();
        for (name, steps) in scripts {
            let steps = steps.into_array().map_err(|kind| {
                let kind = plain_types(kind);
                ScriptError::new(format!(
                    "script {name} must be an array of steps, not {kind}"
                ))
            })?;
            named.push((name.to_string(), steps));
        }
        let Some(main) = named.iter().position(|(name, _)| name == "main") else {
            let error =
                ScriptError::new("a workload with several scripts must have one named main");
            let help =
                "call the script that it begins with main: workload(#{main: [..], kid: [..]})";
            return Err(error.with_help(help).into());
        };
        named.swap(0, main);
        parse_workload(&named)
    }

    /// A handle to the task with that pid.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert_eq(task(2).name, "sh");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn task(ctx: NativeCallContext, pid: i64) -> Result<Task> {
        find(&ctx, pid)
    }

    /// The handle itself: wherever a pid is accepted, a handle is too.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(task(sh), task(sh.pid));
    /// ```
    #[rhai_fn(name = "task")]
    pub fn task_itself(handle: Task) -> Task {
        handle
    }

    /// Handles to all tasks in ascending order of pid, including zombies.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert_eq(tasks().len(), 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tasks(ctx: NativeCallContext) -> Result<Array> {
        let all: Vec<_> = look(&ctx, |machine| machine.kernel.pid_hash().tasks().collect())?;
        let handles = all
            .into_iter()
            .map(|(pid, id)| handle(&ctx, id, pid).map(Dynamic::from));
        handles.collect()
    }

    /// A handle to init, task 1: the parent of all spawned tasks, and of orphans.
    ///
    /// ```rhai
    /// assert_eq(init().pid, 1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn init(ctx: NativeCallContext) -> Result<Task> {
        find(&ctx, 1)
    }

    /// A handle to the task that has the CPU (CPU 0 if there are several), or `()` if it is idle.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 20"]));
    /// assert_eq(current().pid, hog.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn current(ctx: NativeCallContext) -> Result<Dynamic> {
        current_on(ctx, 0)
    }

    /// A handle to the task that has that CPU, or `()` if it is idle.
    ///
    /// ```rhai
    /// boot(#{cpus: 2});
    /// assert_eq(current(1), ());
    /// ```
    #[rhai_fn(name = "current", return_raw)]
    pub fn current_on(ctx: NativeCallContext, cpu: i64) -> Result<Dynamic> {
        let cpus = look(&ctx, |machine| machine.kernel.config.cpus)?;
        let cpu = ranged(cpu, "the CPU", 0, i64::from(cpus) - 1)? as usize;
        let (id, pid) = look(&ctx, |machine| {
            let id = machine.kernel.sched.current(cpu);
            (id, machine.kernel.pid(id))
        })?;
        if pid == Pid(0) {
            return Ok(Dynamic::UNIT);
        }
        handle(&ctx, id, pid).map(Dynamic::from)
    }
}
